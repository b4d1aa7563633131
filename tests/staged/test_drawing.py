"""The demo corpus's pictures: deterministic, complete, and the label in the instrument's pixels only."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_corpora.drawing import Scene, contact_sheet
from instrec_corpora.drawing.canvas import Canvas, box, oval, spline
from instrec_corpora.drawing.design import Motion
from instrec_corpora.drawing.layers import blend, motion_matrix
from instrec_utils.config import LABELS, Conditions

CONDITIONS = tuple(Conditions().picture)
DURATION = 20.0


def scene(label: str, seed: int = 0, condition: str = "clear") -> Scene:
    companion = LABELS[(LABELS.index(label) + 1) % len(LABELS)] if condition == "accompanied" else None
    return Scene(label, DURATION, np.random.default_rng(seed), condition=condition, companion=companion)


def times(clip: Scene, *, visible: bool) -> list[float]:
    return [time for time in np.arange(0.25, DURATION, 0.5) if clip.visible(time) == visible]


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_label_renders_in_every_condition(label, condition):
    frame = scene(label, 1, condition).frame(3.0)
    assert frame.shape == (240, 320, 3)
    assert frame.dtype == np.uint8
    assert frame.std() > 2


def test_frames_depend_on_seed_and_time_alone():
    first, second = scene("cello", 3), scene("cello", 3)
    moments = (0.0, 4.2, 11.0, 19.9)
    forwards = [first.frame(time) for time in moments]
    backwards = [second.frame(time) for time in reversed(moments)][::-1]
    for one, other in zip(forwards, backwards, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(scene("cello", 4).frame(4.2), forwards[1])


def test_drawing_leaves_no_trace_in_later_frames():
    clip = scene("guitar", 5)
    frame = clip.frame(2.0)
    kept = frame.copy()
    frame[:] = 0
    np.testing.assert_array_equal(clip.frame(2.0), kept)


def test_pictures_move():
    clip = scene("violin", 2)
    time = times(clip, visible=True)[2]
    assert not np.array_equal(clip.frame(time), clip.frame(time + 0.2))


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_out_of_sight_the_label_leaves_no_pixel(seed):
    """Where the instrument is declared out of sight, another label gives the very same picture."""
    one, other = scene("drums", seed), scene("flute", seed)
    hidden = times(one, visible=False)
    assert hidden
    assert hidden == times(other, visible=False)
    for time in hidden:
        np.testing.assert_array_equal(one.frame(time), other.frame(time))
    shown = times(one, visible=True)[0]
    assert not np.array_equal(one.frame(shown), other.frame(shown))


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_absent_clips_are_the_same_for_every_label(seed):
    reference = scene(LABELS[0], seed, "absent")
    assert not times(reference, visible=True)
    for label in ("piano", "violin"):
        clip = scene(label, seed, "absent")
        for time in (0.5, 7.0, 15.0):
            np.testing.assert_array_equal(clip.frame(time), reference.frame(time))


@pytest.mark.parametrize("condition", ["clear", "small"])
def test_around_the_instrument_the_picture_is_the_same_for_every_label(condition):
    """The corners of a visible frame show the same place in the same light whatever the instrument is."""
    agreeing = []
    for seed in range(6):
        one, other = scene("harmonica", seed, condition), scene("organ", seed, condition)
        time = times(one, visible=True)[0]
        a, b = one.frame(time).astype(int), other.frame(time).astype(int)
        patches = [np.s_[:16, :16], np.s_[:16, -16:], np.s_[-16:, :16], np.s_[-16:, -16:]]
        agreeing += [np.array_equal(a[patch], b[patch]) for patch in patches]
    assert np.mean(agreeing) > (0.9 if condition == "small" else 0.5)


def test_a_small_instrument_changes_fewer_pixels_than_a_clear_one():
    """Measured against the same scene with another instrument: what differs is what the instruments cover."""

    def covered(condition: str) -> float:
        shares = []
        for seed in range(5):
            one, other = scene("accordion", seed, condition), scene("trumpet", seed, condition)
            time = times(one, visible=True)[0]
            shares.append(np.any(one.frame(time) != other.frame(time), axis=-1).mean())
        return float(np.mean(shares))

    assert covered("small") < 0.6 * covered("clear")


def test_blurred_clips_have_less_detail():
    def detail(condition: str) -> float:
        clips = [scene("banjo", seed, condition) for seed in range(4)]
        frames = [clip.frame(times(clip, visible=True)[0]) for clip in clips]
        return np.median([cv2.Laplacian(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var() for f in frames])

    assert detail("blurred") < 0.2 * detail("clear")


def test_the_companion_is_in_the_picture():
    def accompanied(companion: str) -> np.ndarray:
        clip = Scene("flute", DURATION, np.random.default_rng(8), condition="accompanied", companion=companion)
        return clip.frame(times(clip, visible=True)[0])

    assert np.any(accompanied("drums") != accompanied("cello"), axis=-1).mean() > 0.02


@pytest.mark.parametrize("duration", [0.4, 3.0, 40.0])
def test_any_duration_shows_and_hides_the_instrument(duration):
    clip = Scene("organ", duration, np.random.default_rng(1))
    seen = [clip.visible(time) for time in np.linspace(0, duration, 400, endpoint=False)]
    assert 0.65 < np.mean(seen) < 0.92
    assert clip.frame(duration).shape == (240, 320, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "kazoo"}, "accordion.*violin.*'kazoo'"),
        ({"condition": "upside down"}, "clear.*absent.*'upside down'"),
        ({"condition": "accompanied"}, "companion must be given"),
        ({"companion": "banjo"}, "companion must be given"),
        ({"condition": "accompanied", "companion": "kazoo"}, "accordion.*'kazoo'"),
        ({"condition": "accompanied", "companion": "piano"}, "got 'piano'"),
        ({"duration": 0.0}, "positive"),
        ({"duration": float("nan")}, "positive"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    arguments = {"label": "piano", "duration": 5.0, **arguments}
    label, duration = arguments.pop("label"), arguments.pop("duration")
    with pytest.raises(ValueError, match=message):
        Scene(label, duration, np.random.default_rng(0), **arguments)


def test_contact_sheet_has_a_still_for_every_label():
    sheet = contact_sheet(np.random.default_rng(0), per_label=1)
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] <= 1600
    places = [divmod(number, 7) for number in range(len(LABELS))]  # seven columns of 220 x 165 pixels, with captions
    assert min(sheet[6 + 195 * row :, 6 + 226 * column :][:165, :220].std() for row, column in places) > 2
    np.testing.assert_array_equal(sheet, contact_sheet(np.random.default_rng(0), per_label=1))


def test_filled_area_is_the_polygon_s_area():
    canvas = Canvas.blank((200, 200), 10.0, (100, 100))
    outline = oval((1, 2), 4, 2, angle=30, steps=200)
    canvas.fill(outline, (255, 0, 0))
    covered = canvas.sprite()[..., 3].sum() / 255 / 10**2
    length = np.linalg.norm(np.diff(outline, axis=0), axis=1).sum()
    assert covered == pytest.approx(np.pi * 4 * 2, abs=length * 0.05)  # half a pixel along the outline


def test_shading_keeps_premultiplied_colours_within_their_cover():
    canvas = Canvas.blank((120, 120), 5.0, (60, 60))
    canvas.fill(box(-8, -8, 8, 8, radius=2), (250, 120, 30), relief=2, sheen=0.6, grain=0.5, alpha=0.5)
    canvas.tube([(-10, 9), (10, -9)], 1.0, (200, 200, 210))
    sprite = canvas.sprite().astype(int)
    assert (sprite[..., :3].max(-1) <= sprite[..., 3] + 2).all()


def test_spline_passes_through_its_points():
    points = [(0, 0), (3, 1), (4, 5), (-2, 6)]
    curve = spline(points, steps=5)
    np.testing.assert_allclose(curve[::5], points, atol=1e-12)


def test_moved_canvas_draws_where_its_coordinates_say():
    canvas = Canvas.blank((100, 100), 2.0, (50, 50))
    turned = canvas.at(10, -5, angle=90, scale=2)
    x, y = turned.to_pixels([(3, 0)])[0] / 2  # a quarter turn clockwise leads x to y
    assert (x, y) == pytest.approx((50 + 2 * 10, 50 + 2 * (-5 + 6)))


def test_blend_agrees_with_the_over_formula():
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    alpha = generator.integers(0, 256, (10, 12, 1)).astype(np.uint8)
    sprite = np.concatenate([(generator.random((10, 12, 3)) * alpha).astype(np.uint8), alpha], axis=-1)
    expected = picture.astype(float)
    expected[4:14, 6:18] = sprite[..., :3] + expected[4:14, 6:18] * (1 - alpha / 255.0)
    blend(picture, sprite, np.array([[1, 0, 6], [0, 1, 4]], float))
    np.testing.assert_allclose(picture, expected, atol=1)


@given(
    time=st.floats(0, 100),
    swing=st.floats(-45, 45),
    x=st.floats(-50, 50),
    y=st.floats(-50, 50),
)
def test_a_swing_keeps_its_pivot_and_all_distances(time, swing, x, y):
    matrix = motion_matrix(Motion(rate=0.7, swing=swing, pivot=(x, y)), time)
    np.testing.assert_allclose(matrix @ (x, y, 1), (x, y, 1), atol=1e-9)
    assert np.linalg.norm(matrix[:2, :2] @ (3, 4)) == pytest.approx(5)
