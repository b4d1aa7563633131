import shutil
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
import librosa
import numpy as np
import pandas as pd
import pytest

from instrec_utils import cluster
from instrec_utils.corpora import index, near_duplicates
from instrec_utils.corpora.near_duplicates import (
    HASH_BITS,
    chroma_fingerprint,
    frame_hashes,
    group_videos,
    near_duplicate_groups,
)
from instrec_utils.errors import ParameterError

RATE = 8_000
NONE = np.zeros((0, HASH_BITS), dtype=bool)
UNHEARD = np.full(288, np.nan, dtype=np.float32)


def picture(rng, size=96):
    """Make a scene: a few coloured rectangles on a gradient."""
    canvas = np.tile(np.linspace(40, 200, size)[:, None, None], (1, size, 3))
    for _ in range(8):
        y, x = rng.integers(0, size - 20, 2)
        canvas[y : y + rng.integers(10, 50), x : x + rng.integers(10, 50)] = rng.integers(0, 255, 3)
    return canvas.astype(np.uint8)


def melody(rng, seconds=12.0):
    """Make half-second notes of random pitch."""
    notes = 220 * 2 ** (rng.integers(0, 24, int(seconds * 2)) / 12)
    phase = 2 * np.pi * np.cumsum(np.repeat(notes, RATE // 2)) / RATE
    return (0.3 * np.sin(phase) + 0.1 * np.sin(2 * phase)).astype(np.float32)


def recompressed(frame, rng):
    noisy = frame.astype(float) * 0.9 + 8 + rng.normal(0, 4, frame.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)[::2, ::2]


def test_videos_are_looked_at_on_the_cores_that_this_process_may_use(tmp_path, monkeypatch):
    counts = []
    monkeypatch.setattr(cluster, "num_cores", lambda: 3)
    for module in (near_duplicates, index):
        monkeypatch.setattr(
            module, "ThreadPoolExecutor", lambda number=None: counts.append(number) or ThreadPoolExecutor(number)
        )
    group_videos(pd.DataFrame({"video_id": ["a"], "path": ["a.mp4"]}), tmp_path, tmp_path / "fingerprints")
    index.read_headers(tmp_path, ["a.mp4"])
    assert counts == [3, 3]


def test_a_recompressed_frame_keeps_its_hash_and_another_scene_does_not():
    rng = np.random.default_rng(0)
    frames = [picture(rng) for _ in range(20)]
    hashes = frame_hashes(frames)
    again = frame_hashes(recompressed(frame, rng) for frame in frames)
    assert hashes.shape == again.shape == (20, HASH_BITS)
    assert np.median((hashes != again).sum(axis=1)) <= 4
    others = (hashes[:, None] != hashes[None]).sum(axis=2)[~np.eye(20, dtype=bool)]
    assert others.min() > 8


def test_flat_frames_have_no_hash():
    frames = [np.zeros((40, 60, 3), np.uint8), np.full((40, 60, 3), 255, np.uint8)]
    assert frame_hashes(frames).shape == (0, HASH_BITS)


def test_a_chroma_fingerprint_survives_level_noise_and_a_small_cut():
    rng = np.random.default_rng(1)
    sound = melody(rng)
    course = chroma_fingerprint(sound, RATE)
    changed = 0.2 * sound[RATE // 20 :] + rng.normal(0, 0.003, len(sound) - RATE // 20).astype(np.float32)
    assert course @ chroma_fingerprint(changed, RATE) > 0.9
    assert np.linalg.norm(course) == pytest.approx(1, abs=1e-5)
    others = [abs(course @ chroma_fingerprint(melody(rng), RATE)) for _ in range(10)]
    assert max(others) < 0.6


def test_a_long_recording_is_listened_to_a_minute_at_a_time_and_heard_the_same(monkeypatch):
    sound = melody(np.random.default_rng(6), seconds=200.0)
    whole = librosa.feature.chroma_stft(y=sound, sr=RATE, n_fft=4096, hop_length=RATE // 10, tuning=0.0)
    steps = np.stack([part.mean(axis=1) for part in np.array_split(whole, 24, axis=1)], axis=1)
    expected = (steps - steps.mean(axis=1, keepdims=True)).ravel()
    lengths, chroma = [], librosa.feature.chroma_stft
    monkeypatch.setattr(librosa.feature, "chroma_stft", lambda y, **rest: lengths.append(len(y)) or chroma(y=y, **rest))
    assert chroma_fingerprint(sound, RATE) @ expected / np.linalg.norm(expected) > 0.98
    assert max(lengths) < 2 * 60 * RATE


def test_a_common_drone_is_no_likeness():
    rng = np.random.default_rng(5)
    drone = np.sin(2 * np.pi * 110 * np.arange(12 * RATE) / RATE).astype(np.float32)
    first, second = (chroma_fingerprint(drone + melody(rng), RATE) for _ in range(2))
    assert first @ second < 0.6


@pytest.mark.parametrize(
    "sound", [np.zeros(0), np.zeros(RATE * 5), np.ones(100), np.sin(np.arange(RATE * 5) * 2 * np.pi * 440 / RATE)]
)
def test_where_nothing_moves_there_is_no_fingerprint(sound):
    course = chroma_fingerprint(sound.astype(np.float32), RATE)
    assert course.shape == (288,)
    assert np.isnan(course).all() or np.linalg.norm(course) == pytest.approx(1, abs=1e-5)
    if len(sound) != RATE * 5 or not sound.any():
        assert np.isnan(course).all()


def test_groups_join_likeness_in_picture_sound_and_uploader_in_a_chain():
    rng = np.random.default_rng(2)
    bits = [rng.random((4, HASH_BITS)) < 0.5 for _ in range(8)]
    bits[1] = np.concatenate([bits[0][:2], bits[1][:2]])  # two frames alike: 0 and 1 belong together
    bits[3] = np.concatenate([bits[2][:1], bits[3][:3]])  # one frame alike: no likeness
    bits[4] = NONE
    courses = rng.normal(size=(8, 288)).astype(np.float32)
    courses /= np.linalg.norm(courses, axis=1, keepdims=True)
    courses[5] = courses[1]  # 5 sounds like 1
    courses[4] = courses[3] = UNHEARD
    uploaders = ["", "", "ann", "", "", "", "ann", ""]
    groups = near_duplicate_groups(bits, courses, uploaders)
    together = [tuple(np.flatnonzero(groups == group)) for group in np.unique(groups)]
    assert sorted(together) == [(0, 1, 5), (2, 6), (3,), (4,), (7,)]
    without = near_duplicate_groups(bits, courses, [""] * 8)
    assert without[2] != without[6]


def test_a_still_is_not_like_a_video_that_shows_it_once():
    rng = np.random.default_rng(3)
    still = np.repeat(rng.random((1, HASH_BITS)) < 0.5, 6, axis=0)
    moving = np.concatenate([still[:1], rng.random((5, HASH_BITS)) < 0.5])
    unheard = np.tile(UNHEARD, (2, 1))
    groups = near_duplicate_groups([moving, still], unheard, ["", ""])
    assert groups[0] != groups[1]
    for same in (moving, still):
        groups = near_duplicate_groups([same, same.copy()], unheard, ["", ""])
        assert groups[0] == groups[1]


def test_no_videos_and_uneven_inputs():
    assert near_duplicate_groups([], np.zeros((0, 288)), []).tolist() == []
    with pytest.raises(ParameterError, match="one a video; got 2, 1 and 2"):
        near_duplicate_groups([NONE, NONE], UNHEARD[None], ["", ""])
    with pytest.raises(ParameterError, match="got 1, 1 and 2"):
        near_duplicate_groups([NONE], UNHEARD[None], ["a", "b"])


def write_video(path, frames, sound, bit_rate):
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=4)
        video.width, video.height, video.pix_fmt, video.bit_rate = 96, 96, "yuv420p", bit_rate
        audio = container.add_stream("aac", rate=RATE, layout="mono")
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode(None))
        block = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        block.sample_rate, block.pts, block.time_base = RATE, 0, Fraction(1, RATE)
        container.mux(audio.encode(block))
        container.mux(audio.encode(None))


def test_videos_uploaded_twice_are_grouped(tmp_path, monkeypatch):
    rng = np.random.default_rng(4)
    scenes = [[frame for _ in range(6) for frame in [picture(rng)] * 8] for _ in range(3)]
    sounds = [melody(rng) for _ in range(3)]
    silence = np.zeros(RATE * 12, np.float32)
    write_video(tmp_path / "a.mp4", scenes[0], sounds[0], 800_000)
    write_video(tmp_path / "a_again.mp4", scenes[0], silence, 150_000)  # the same pictures, smaller
    write_video(tmp_path / "a_sound.mp4", scenes[1], 0.3 * sounds[0], 800_000)  # other pictures, the same sound
    write_video(tmp_path / "other.mp4", scenes[2], sounds[2], 800_000)
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    paths = ["a.mp4", "other.mp4", "a_again.mp4", "broken.mp4", "", "a_sound.mp4"]
    index = pd.DataFrame({"path": paths}, index=[10, 11, 12, 13, 14, 15])
    index["video_id"] = [f"-{n}" for n in range(6)]
    groups = group_videos(index, tmp_path, tmp_path / "kept")
    assert groups.index.equals(index.index)
    assert groups[10] == groups[12] == groups[15]
    assert groups.nunique() == 4

    opened = []
    look = near_duplicates.fingerprints_of
    monkeypatch.setattr(near_duplicates, "fingerprints_of", lambda path: opened.append(path.name) or look(path))
    pd.testing.assert_series_equal(group_videos(index, tmp_path, tmp_path / "kept"), groups)
    assert opened == []  # what was seen and heard is kept
    shutil.copy(tmp_path / "other.mp4", tmp_path / "a_again.mp4")
    (tmp_path / "kept" / "-5.npz").write_bytes(b"cut off")
    changed = group_videos(index, tmp_path, tmp_path / "kept")
    assert sorted(opened) == ["a_again.mp4", "a_sound.mp4"]
    assert changed[10] == changed[15]
    assert changed[11] == changed[12] != changed[10]

    (tmp_path / "other.info.json").write_text('{"uploader": "Ann", "channel_id": "UC1"}')
    (tmp_path / "a.info.json").write_text('{"uploader": "somebody", "channel_id": "UC1"}')
    by_uploader = group_videos(index, tmp_path, tmp_path / "kept")
    assert by_uploader[[10, 11, 12, 15]].nunique() == 1
    other = ["x", "y", "", "", "", ""]  # where the index says it, the files beside the videos do not count
    assert group_videos(index.assign(uploader=other), tmp_path, tmp_path / "kept").nunique() == 4
    for other_program in (b"[1]", b"{", b"\xff", b"[" * 100_000):  # then nobody knows who uploaded it
        (tmp_path / "a.info.json").write_bytes(other_program)
        pd.testing.assert_series_equal(group_videos(index, tmp_path, tmp_path / "kept"), changed)


def test_an_uploader_is_an_id_where_there_is_one():
    info = {"uploader": "Ann", "channel": None, "uploader_id": "@ann", "channel_id": "UC1"}
    chosen = [info, ["uploader", "uploader_id"], []]
    found = [near_duplicates.uploader_of({key: info[key] for key in keys}) for keys in chosen]
    assert found == ["UC1", "@ann", ""]
    assert near_duplicates.uploader_of({"uploader": "Ann", "channel_id": None}) == "Ann"
