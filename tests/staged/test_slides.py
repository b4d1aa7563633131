from itertools import pairwise

import cv2
import numpy as np
import pytest

from instrec_corpora import slides
from instrec_utils.errors import ParameterError


def product_shot(colour=(255, 0, 255)):
    """Stripes of one colour, a disc's worth, before white."""
    picture = np.full((224, 224, 3), 255, np.uint8)
    cv2.circle(picture, (112, 112), 90, colour, -1)
    picture[::8][(picture[::8] == colour).all(axis=-1)] = 0
    return picture


def frames(condition, seed, *, photographs=None, companions=(), duration=20.0):
    if photographs is None:
        photographs = [] if condition == "absent" else [product_shot()]
    generator = np.random.default_rng(seed)
    frame_at = slides.slide_show(photographs, condition, duration, 4.0, generator, companions=companions)
    return [frame_at(number / 4) for number in range(int(duration * 4))]


def share_of_magenta(pictures):
    """The share of pixels that are as the product shot is and no background: much more red and blue than green."""
    pixels = np.stack(pictures).astype(int)
    return ((pixels[..., [0, 2]].min(axis=-1) - pixels[..., 1]) > 90).mean()


def mean(condition, measure, *, number=8, **options):
    return np.mean([measure(frames(condition, seed, **options)) for seed in range(number)])


@pytest.mark.parametrize("condition", slides.CONDITIONS)
def test_frames_have_the_videos_size_and_are_reproducible(condition):
    companions = [product_shot((0, 255, 0))] if condition == "accompanied" else []
    first, again = (frames(condition, 1, companions=companions, duration=8.0) for _ in range(2))
    assert {(picture.shape, picture.dtype) for picture in first} == {((240, 320, 3), np.dtype(np.uint8))}
    np.testing.assert_array_equal(first, again)
    other = frames(condition, 2, companions=companions, duration=8.0)
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_conditions_show_as_much_of_the_instrument_as_they_say():
    clear = mean("clear", share_of_magenta)
    small = mean("small", share_of_magenta)
    cropped = mean("cropped", share_of_magenta)
    absent = mean("absent", share_of_magenta)
    assert clear > 0.1
    assert 0 < small < clear / 3
    assert cropped > clear / 2
    assert absent < 0.01


def test_blurred_pictures_have_lost_their_detail():
    def detail(pictures):
        smooth = [cv2.GaussianBlur(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), (0, 0), 1.5) for p in pictures]  # less noise
        return np.mean([cv2.Laplacian(p, cv2.CV_64F).var() for p in smooth])

    assert mean("blurred", detail) < mean("clear", detail) / 3


def test_companion_stands_beside():
    def share_of_green(pictures):
        pixels = np.stack(pictures).astype(int)
        return ((pixels[..., 1] - pixels[..., [0, 2]].max(axis=-1)) > 110).mean()

    green = [product_shot((0, 255, 0))]
    assert mean("accompanied", share_of_green, companions=green) > 0.03
    assert mean("accompanied", share_of_magenta, companions=green) > 0.03


def test_no_picture_stands_still_all_the_time():
    pictures = frames("clear", 0)
    changes = [np.abs(a.astype(int) - b).mean() for a, b in pairwise(pictures)]
    assert max(changes) > 10


def test_white_background_is_cut_out_and_others_are_not():
    alpha = slides._cut_out(product_shot())
    inside = np.hypot(*(np.mgrid[:224, :224] - 112)) < 85
    assert alpha[inside].min() == 255
    assert alpha[:10].max() == 0
    assert slides._cut_out(np.full((224, 224, 3), 90, np.uint8)) is None
    assert slides._cut_out(np.full((224, 224, 3), 255, np.uint8)) is None  # nothing would be left


@pytest.mark.parametrize(
    ("condition", "photographs", "companions"),
    [
        ("sharp", [product_shot()], []),
        ("clear", [], []),
        ("absent", [product_shot()], []),
        ("accompanied", [product_shot()], []),
        ("clear", [product_shot()], [product_shot()]),
    ],
)
def test_pictures_that_do_not_fit_the_condition_are_refused(condition, photographs, companions):
    with pytest.raises(ParameterError, match=condition):
        frames(condition, 0, photographs=photographs, companions=companions)
