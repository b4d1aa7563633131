import os

import numpy as np
import pytest
from hypothesis import settings

# Before anything imports TensorFlow: its greetings hide what a test prints.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Before anything imports Dask: in schedulers of the tests' own its profiler can stop Python 3.11 for ever.
os.environ.setdefault("DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED", "False")
# A busy machine is no failure, and the same tests run every time.
settings.register_profile("instrec", deadline=None, derandomize=True)
settings.load_profile("instrec")


POLICY = os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None


@pytest.fixture(autouse=True)
def ordinary_priority():
    """Whatever a test does, its process has the priority that it began with; see `encoders`."""
    yield
    if POLICY is not None:
        assert os.sched_getscheduler(0) == POLICY, "a real-time process: encode within encoders.ordinary_priority()"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, so that nothing is written into the checkout."""
    monkeypatch.setenv("INSTREC_HOME", str(tmp_path))
    monkeypatch.setenv("INSTREC_DATA", str(tmp_path / "data"))
    return tmp_path


@pytest.fixture
def generator():
    return np.random.default_rng(20)


@pytest.fixture(scope="session")
def videos(tmp_path_factory):
    """Six small videos by name: two with both streams, one without each, one of a single picture, one damaged."""
    from tiny_videos import tone, write_video

    folder = tmp_path_factory.mktemp("videos")
    times = np.arange(32) / 10
    sound = np.stack([tone(3.2, 44_100), tone(3.2, 44_100, 660, 0.2)])
    (folder / "damaged.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))
    return {
        "both": write_video(folder / "both.mp4", times=times, sound=sound),
        "webm": write_video(
            folder / "webm.webm",
            times=times,
            sound=tone(3.2, 48_000),
            sample_rate=48_000,
            picture_codec="libvpx-vp9",
            sound_codec="libopus",
        ),
        "silent": write_video(folder / "silent.mp4", times=times),
        "unseen": write_video(folder / "unseen.mp4", sound=sound),
        "single": write_video(folder / "single.mp4", times=[0.0], sound=tone(2, 44_100)),
        "damaged": folder / "damaged.mp4",
    }
