"""The frames that a training draws: the same as the store gives, at the cost of one open a video and one decoding."""

from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
import tiny_features

from instrec_utils.errors import FeaturesError
from instrec_utils.features import store
from instrec_utils.features.drawn import DrawnFrames

COUNTS = {"one": 1, "three": 3, "none": 0, "seven": 7}
K = 4


@pytest.fixture
def paths(tmp_path):
    generator = np.random.default_rng(0)
    for name, count in COUNTS.items():
        shades = generator.integers(0, 255, (count, 1, 1, 3), np.uint8)
        tiny_features.write_features(tmp_path / f"{name}.h5", pictures=np.broadcast_to(shades, (count, 256, 256, 3)))
    return [tmp_path / f"{name}.h5" for name in COUNTS]


def choose(video, count):
    return np.random.default_rng(video).integers(0, count, K)


def test_threads_get_the_frames_of_the_store_from_one_open_a_video(paths, tmp_path, monkeypatch):
    opened, open_file = [], h5py.File
    drawn = DrawnFrames(paths, choose, tmp_path / "run")
    monkeypatch.setattr(store.h5py, "File", lambda path: opened.append(path) or open_file(path))
    places = [divmod(int(one), K) for one in np.random.default_rng(1).permutation(len(COUNTS) * K)] * 3
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda place: drawn.read(*place), places))
    assert sorted(opened) == sorted(paths)
    for (video, place), picture in zip(places, found, strict=True):
        count = store.count_frames(paths[video])
        if not count:
            assert picture is None
        else:
            (expected,) = store.read_frames(paths[video], choose(video, count)[place : place + 1])
            np.testing.assert_array_equal(picture, expected)
    assert list((tmp_path / "run").iterdir()) == []  # what they are kept in has no name


def test_a_damaged_frame_is_said_with_its_file_which_is_removed(paths, tmp_path):
    with h5py.File(paths[1], "a") as file:
        file["frames"][2] = np.zeros(50, np.uint8)
    drawn = DrawnFrames(paths, lambda *_: np.array([0, 2]), tmp_path)
    assert drawn.read(1, 0) is not None
    with pytest.raises(FeaturesError, match=r"three\.h5: damaged \(expected JPEG bytes.*so it was removed; extract"):
        drawn.read(1, 1)
    assert not paths[1].exists()
    with pytest.raises(FeaturesError, match=r"three\.h5: missing; extract the features first"):
        DrawnFrames(paths, choose, tmp_path).read(1, 0)
