import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrec_utils.inputs import frames

COUNTS = {"num_frames": st.integers(1, 60), "k": st.integers(1, 100)}


def photograph(height=64, width=80):
    """A smooth picture with a different course in each channel."""
    rows, columns = np.mgrid[0:height, 0:width]
    channels = (255 * rows / height, 255 * columns / width, 127 + 120 * np.sin(rows / 9) * np.cos(columns / 7))
    return np.stack(channels, axis=-1).astype(np.uint8)


def test_jpeg_keeps_the_picture():
    picture = photograph()
    data = frames.encode_jpeg(picture)
    assert data.dtype == np.uint8
    assert bytes(data[:3]) == b"\xff\xd8\xff"
    back = frames.decode_jpeg(data)
    assert back.shape == picture.shape
    assert back.dtype == np.uint8
    assert np.abs(back.astype(int) - picture).mean() < 2
    # Another decoder sees the same colours: red and blue are not swapped in the file.
    blue_green_red = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert (back == blue_green_red[..., ::-1]).all()
    assert len(data) < picture.size


def test_what_is_no_jpeg_is_refused():
    with pytest.raises(ValueError, match="expected JPEG bytes, got 10 bytes that are none"):
        frames.decode_jpeg(np.arange(10, dtype=np.uint8))
    with pytest.raises(ValueError, match="expected JPEG bytes"):
        frames.decode_jpeg(np.zeros(0, np.uint8))


@given(height=st.integers(3, 30), width=st.integers(3, 30), size=st.integers(1, 30))
def test_the_central_crop_is_in_the_middle(height, width, size):
    rows, columns = np.mgrid[0:height, 0:width]
    pictures = np.stack([rows, columns, rows * 0], axis=-1)[None].astype(np.uint8)
    if size > min(height, width):
        with pytest.raises(ValueError, match=rf"at least {size} x {size} pixels, got {height} x {width}"):
            frames.central_crop(pictures, size)
        return
    crop = frames.central_crop(pictures, size)
    assert crop.shape == (1, size, size, 3)
    assert (crop == frames.central_crop(pictures[0], size)).all()
    for axis, length in ((0, height), (1, width)):
        before, after = crop[..., axis].min(), length - 1 - crop[..., axis].max()
        assert abs(int(before) - int(after)) <= 1


def test_224_of_256_by_default():
    pictures = np.random.default_rng(0).integers(0, 256, (2, 256, 256, 3), dtype=np.uint8)
    assert (frames.central_crop(pictures) == pictures[:, 16:240, 16:240]).all()


def test_half_of_the_pictures_are_mirrored(generator):
    pictures = np.zeros((2000, 2, 3, 3), np.uint8)
    pictures[:, :, 0] = 1  # a line on the left
    pictures[:, 0, 1] = 2  # the upper row stays the upper row
    before = pictures.copy()
    flipped = frames.flip_at_random(pictures, generator)
    is_mirrored = flipped[:, 0, 2, 0] == 1
    # 1000 plus or minus 4.5 standard deviations of a fair coin
    assert 900 < is_mirrored.sum() < 1100
    assert (flipped[is_mirrored] == pictures[0, :, ::-1]).all()
    assert (flipped[~is_mirrored] == pictures[0]).all()
    assert (pictures == before).all()
    again = frames.flip_at_random(pictures, np.random.default_rng(20))
    assert (again == flipped).all()


@given(**COUNTS, seed=st.integers(0, 1000))
def test_choose_at_random(num_frames, k, seed):
    chosen = frames.choose_at_random(num_frames, k, np.random.default_rng(seed))
    assert chosen.shape == (k,)
    assert (np.diff(chosen) >= 0).all()
    assert chosen.min() >= 0
    assert chosen.max() < num_frames
    times = np.bincount(chosen, minlength=num_frames)
    assert times.max() - times.min() <= 1  # none twice before each is there once
    assert (chosen == frames.choose_at_random(num_frames, k, np.random.default_rng(seed))).all()


def test_every_frame_is_drawn_equally_often(generator):
    drawn = np.concatenate([frames.choose_at_random(10, 3, generator) for _ in range(3000)])
    counts = np.bincount(drawn, minlength=10)
    assert (np.abs(counts - 900) < 130).all()  # 5 standard deviations


@given(**COUNTS)
def test_choose_uniformly(num_frames, k):
    chosen = frames.choose_uniformly(num_frames, k)
    assert chosen.shape == (k,)
    assert (np.diff(chosen) >= 0).all()
    times = np.bincount(chosen, minlength=num_frames)
    assert len(times) == num_frames
    assert times.max() - times.min() <= 1
    # Spread over the whole video: as far from its start as from its end, up to a frame.
    assert abs(chosen[0] - (num_frames - 1 - chosen[-1])) <= 1


def test_choose_uniformly_by_hand():
    assert frames.choose_uniformly(10, 5).tolist() == [1, 3, 5, 7, 9]
    assert frames.choose_uniformly(3, 6).tolist() == [0, 0, 1, 1, 2, 2]
    assert frames.choose_uniformly(30, 1).tolist() == [15]


@pytest.mark.parametrize(("num_frames", "k"), [(0, 3), (3, 0), (-1, 3), (3, -2)])
def test_no_frame_to_choose(num_frames, k, generator):
    with pytest.raises(ValueError, match=f"got {num_frames} frames and k = {k}"):
        frames.choose_at_random(num_frames, k, generator)
    with pytest.raises(ValueError, match=f"got {num_frames} frames and k = {k}"):
        frames.choose_uniformly(num_frames, k)
