"""Slide shows made of photographs, the way people put them under a recording.

Pictures are RGB arrays of shape (height, width, 3), uint8. A slide is a picture larger than the video's, over which
the visible window moves and zooms; slides follow each other by cuts or cross-fades.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle

import cv2
import numpy as np

from instrec_corpora.backgrounds import CANVAS, background, colour, gradient
from instrec_utils.config import Conditions
from instrec_utils.errors import ParameterError

WIDTH, HEIGHT = 320, 240  # pixels of the video
CONDITIONS = tuple(Conditions().picture)

_SECONDS = (3.0, 7.0)  # a slide stays on screen
_WHITE = 232  # a product shot's background is at least this bright in every channel
_TEXTS = (
    *("my first video", "practice", "for grandma", "thanks for watching", "please subscribe", "take 2", "home video"),
    *("live in the garden", "summer 2011", "part 1", "part 3", "slow version", "christmas concert", "untitled"),
    *("recorded at home", "school hall", "lesson 7", "enjoy!", "sorry for the sound", "encore", "rehearsal"),
)


@dataclass(frozen=True)
class _Slide:
    """A picture and the window that moves over it: centre x, centre y and width, as shares of the picture."""

    picture: np.ndarray  # RGBA: OpenCV moves four channels in less than half the time of three
    first: np.ndarray
    last: np.ndarray

    def at(self, progress: float, shake: np.ndarray) -> np.ndarray:
        x, y, share = self.first + progress * (self.last - self.first)
        height, width = self.picture.shape[:2]
        scale = WIDTH / (share * width)
        shift_x = WIDTH / 2 - scale * x * width + shake[0]
        shift_y = HEIGHT / 2 - scale * y * height + shake[1]
        window = np.array([[scale, 0, shift_x], [0, scale, shift_y]])
        seen = cv2.warpAffine(self.picture, window, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
        return cv2.cvtColor(seen, cv2.COLOR_RGBA2RGB)


def slide_show(
    photographs: Sequence[np.ndarray],
    condition: str,
    duration: float,
    frame_rate: float,
    generator: np.random.Generator,
    *,
    companions: Sequence[np.ndarray] = (),
) -> Callable[[float], np.ndarray]:
    """Make a slide show of photographs.

    Parameters
    ----------
    photographs : sequence of np.ndarray [shape=(height, width, 3), uint8]
        Pictures of the instrument, none for "absent" and one or more otherwise.
    condition : str
        One of `CONDITIONS`. "clear" still has backgrounds, colour casts, title cards and noise.
    duration : float [seconds, > 0]
    frame_rate : float [frames per second]
        At which the video noise changes.
    generator : np.random.Generator
    companions : sequence of np.ndarray [shape=(height, width, 3), uint8]
        Pictures of another instrument: for "accompanied", and only for it.

    Returns
    -------
    callable
        From a time in seconds to the picture then: [shape=(HEIGHT, WIDTH, 3), uint8].

    Raises
    ------
    ParameterError
        The condition is unknown, or photographs or companions do not fit it.
    """
    if condition not in CONDITIONS:
        raise ParameterError(f"condition must be one of {', '.join(CONDITIONS)}, got {condition!r}")
    if bool(photographs) == (condition == "absent") or bool(companions) != (condition == "accompanied"):
        raise ParameterError(
            f"{condition!r} does not go with {len(photographs)} photographs and {len(companions)} of a companion"
        )
    lengths = generator.uniform(*_SECONDS, size=max(2, round(duration / np.mean(_SECONDS))))
    starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]]) * duration / lengths.sum()
    look = _draw_look(generator)
    pictures = _pictures(photographs, companions, condition, generator)
    has_title, has_credits = generator.random(2) < (0.35, 0.2)
    slides = []
    for number in range(len(starts)):
        is_card = (number == 0 and has_title) or (number == len(starts) - 1 and has_credits)
        picture = _card(generator) if is_card else next(pictures)
        tinted = cv2.cvtColor(cv2.LUT(picture, look), cv2.COLOR_RGB2RGBA)
        slides.append(_Slide(tinted, *_draw_motion(generator)))
    return _player(slides, starts, duration, frame_rate, generator)


def _player(
    slides: list[_Slide], starts: np.ndarray, duration: float, frame_rate: float, generator: np.random.Generator
) -> Callable[[float], np.ndarray]:
    ends = np.append(starts[1:], duration)
    fade = generator.uniform(0.4, 1.0) if generator.random() < 0.6 else 0.0  # seconds; otherwise cuts
    shaking = generator.uniform(0.5, 3.0) if generator.random() < 0.3 else 0.0  # pixels
    rates = generator.uniform(0.3, 1.5, size=2)  # Hz
    sigma = generator.uniform(1.0, 9.0)
    grain = (generator.standard_normal((HEIGHT + 64, WIDTH + 64, 3)) * sigma).astype(np.int16)
    offsets = generator.integers(64, size=(int(duration * frame_rate) + 2, 2))
    bar = int(generator.uniform(0.06, 0.14) * HEIGHT) if generator.random() < 0.25 else 0
    pillar = int(generator.uniform(0.05, 0.15) * WIDTH) if not bar and generator.random() < 0.15 else 0

    def frame_at(time: float) -> np.ndarray:
        shake = shaking * np.sin(2 * np.pi * rates * time)
        number = int(np.searchsorted(starts, time, side="right")) - 1
        length = ends[number] - starts[number]
        frame = slides[number].at((time - starts[number]) / length, shake)
        rest = ends[number] - time
        if rest < fade and number + 1 < len(slides):
            share = 1 - rest / fade
            frame = cv2.addWeighted(slides[number + 1].at(0.0, shake), share, frame, 1 - share, 0)
        y, x = offsets[min(int(time * frame_rate + 0.5), len(offsets) - 1)]
        frame = cv2.add(frame, grain[y : y + HEIGHT, x : x + WIDTH], dtype=cv2.CV_8U)
        if bar:
            frame[:bar] = frame[-bar:] = 0
        if pillar:
            frame[:, :pillar] = frame[:, -pillar:] = 0
        return frame

    return frame_at


def _draw_motion(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and the last window; they stay inside the picture."""
    shares = generator.uniform(0.8, 1.0, size=2)
    centres = 0.5 + (1 - shares[:, np.newaxis]) * generator.uniform(-0.5, 0.5, size=(2, 2))
    first, last = np.column_stack([centres, shares])
    return first, last


def _draw_look(generator: np.random.Generator) -> np.ndarray:
    """Return a table from what was there to what is seen, [shape=(1, 256, 3), uint8]: white balance and exposure."""
    gains = generator.uniform(0.65, 1.2) * generator.uniform(0.85, 1.15, size=3)
    curve = (np.arange(256) / 255) ** generator.uniform(0.8, 1.3)
    return np.clip(255 * curve[:, np.newaxis] * gains, 0, 255).astype(np.uint8)[np.newaxis]


def _pictures(
    photographs: Sequence[np.ndarray],
    companions: Sequence[np.ndarray],
    condition: str,
    generator: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Yield the slides' pictures: the photographs in turn, each time staged anew, now and then a filler."""
    if condition == "absent":
        while True:
            yield _card(generator) if generator.random() < 0.25 else _filler(generator)
    others = cycle(companions)
    while True:
        for i in generator.permutation(len(photographs)):
            photograph = photographs[i]
            if generator.random() < 0.08:
                yield _filler(generator)
            if condition == "accompanied":
                yield _side_by_side(photograph, next(others), generator)
            else:
                yield staged(photograph, condition, generator)


def staged(photograph: np.ndarray, condition: str, generator: np.random.Generator) -> np.ndarray:
    """Return a photograph [shape=(height, width, 3), uint8] as a slide shows it under a condition of the picture."""
    if condition == "small":
        return _small(photograph, generator)
    if condition == "cropped":
        return _cropped(photograph, generator)
    picture = _clear(photograph, generator)
    return _blurred(picture, generator) if condition == "blurred" else picture


def _clear(photograph: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    width, height = CANVAS
    alpha = _cut_out(photograph)
    if alpha is not None and generator.random() < 0.8:
        canvas = background(generator)
        centre = (width * generator.uniform(0.4, 0.6), height * generator.uniform(0.45, 0.55))
        return _place(canvas, photograph, alpha, centre, height * generator.uniform(0.75, 1.0), generator, tilt=8)
    if generator.random() < 0.5:  # the photograph fills the frame
        size = width * generator.uniform(1.0, 1.15)
        return _place(
            np.zeros((height, width, 3), np.uint8), photograph, None, (width / 2, height / 2), size, generator
        )
    return _place(
        _surroundings(photograph, generator), photograph, None, (width / 2, height / 2), height * 0.97, generator
    )


def _small(photograph: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    width, height = CANVAS
    size = height * generator.uniform(0.18, 0.32)
    margin = 0.15 * height + size / 2
    centre = (generator.uniform(margin, width - margin), generator.uniform(margin, height - margin))
    return _place(background(generator), photograph, _cut_out(photograph), centre, size, generator, tilt=8)


def _cropped(photograph: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Show a part of the instrument that lies off its centre."""
    alpha = _cut_out(photograph)
    inside = np.full(photograph.shape[:2], 255, np.uint8) if alpha is None else alpha
    rows, columns = np.nonzero(inside > 127)
    lowest, highest = np.array([rows.min(), columns.min()]), np.array([rows.max(), columns.max()])
    side = max(24, int(generator.uniform(0.3, 0.45) * (highest - lowest).max()))
    middle = (lowest + highest) / 2
    far = np.flatnonzero(np.hypot(rows - middle[0], columns - middle[1]) >= 0.6 * side)
    spot = far[generator.integers(len(far))] if len(far) else generator.integers(len(rows))
    limits = np.array(photograph.shape[:2]) - side
    top, left = np.clip(np.array([rows[spot], columns[spot]]) - side // 2, 0, np.maximum(limits, 0))
    part = np.s_[top : top + side, left : left + side]
    width, height = CANVAS
    centre = (width / 2, height / 2)
    return _place(
        background(generator), photograph[part], None if alpha is None else alpha[part], centre, width * 1.05, generator
    )


def _blurred(picture: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Put a picture out of focus, or move the camera while it is taken."""
    if generator.random() < 0.6:
        return cv2.GaussianBlur(picture, (0, 0), generator.uniform(5, 9))
    length = int(generator.integers(25, 45))
    kernel = np.zeros((length, length), np.float32)
    angle = generator.uniform(0, np.pi)
    reach = length / 2 * np.array([np.cos(angle), np.sin(angle)])
    ends = np.round(length / 2 + np.array([reach, -reach])).astype(int)
    cv2.line(kernel, ends[0].tolist(), ends[1].tolist(), 1.0, 2)
    return cv2.GaussianBlur(cv2.filter2D(picture, -1, kernel / kernel.sum()), (0, 0), 2)


def _side_by_side(photograph: np.ndarray, companion: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    width, height = CANVAS
    canvas = background(generator)
    places = generator.permutation([0.29, 0.71])
    for picture, place in zip((photograph, companion), places, strict=True):
        centre = (width * place, height * generator.uniform(0.4, 0.6))
        size = height * generator.uniform(0.5, 0.66)
        canvas = _place(canvas, picture, _cut_out(picture), centre, size, generator, tilt=8)
    return canvas


def _place(
    canvas: np.ndarray,
    picture: np.ndarray,
    alpha: np.ndarray | None,
    centre: tuple[float, float],
    size: float,
    generator: np.random.Generator,
    *,
    tilt: float = 3.0,
) -> np.ndarray:
    """Lay a picture of `size` pixels on the canvas, mirrored at random and tilted by up to `tilt` degrees."""
    if alpha is None:
        alpha = np.full(picture.shape[:2], 255, np.uint8)
    layer: np.ndarray = np.dstack([picture, alpha])
    if generator.random() < 0.5:
        layer = np.ascontiguousarray(layer[:, ::-1])
    height, width = picture.shape[:2]
    move = cv2.getRotationMatrix2D((width / 2, height / 2), generator.uniform(-tilt, tilt), size / max(height, width))
    move[:, 2] += np.array(centre) - (width / 2, height / 2)
    shape = canvas.shape[1::-1]
    smooth = cv2.INTER_LINEAR
    if size < 0.7 * max(height, width):  # warping does not average
        layer = cv2.GaussianBlur(layer, (0, 0), 0.35 * max(height, width) / size)
    layer = cv2.warpAffine(layer, move, shape, flags=smooth)
    share = layer[:, :, 3:].astype(np.float32) / 255
    return (canvas * (1 - share) + layer[:, :, :3] * share).astype(np.uint8)


def _cut_out(photograph: np.ndarray) -> np.ndarray | None:
    """Return the opacity (0 to 255) of what stands before a white background, or None without such a background."""
    white = (photograph.min(axis=2) >= _WHITE).astype(np.uint8)
    border = np.concatenate([white[:3].ravel(), white[-3:].ravel(), white[:, :3].ravel(), white[:, -3:].ravel()])
    if border.mean() < 0.8:
        return None
    framed = cv2.copyMakeBorder(white, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 2)
    opaque = np.where(framed[1:-1, 1:-1] == 2, 0, 255).astype(np.uint8)
    alpha = cv2.erode(opaque, np.ones((3, 3), np.uint8))  # a light fringe remains along the edge
    if (alpha > 0).mean() < 0.02:
        return None
    return cv2.GaussianBlur(alpha, (0, 0), 0.7)


def _surroundings(photograph: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return what editors put beside a picture of another shape: black, a plain scene, or the picture, blurred."""
    width, height = CANVAS
    kind = generator.integers(3)
    if kind == 0:
        return np.zeros((height, width, 3), np.uint8)
    if kind == 1:
        return background(generator)
    return cv2.GaussianBlur(cv2.resize(photograph, (width, width))[(width - height) // 2 :][:height], (0, 0), 14)


def _filler(generator: np.random.Generator) -> np.ndarray:
    """Return a scene without any instrument, often out of focus."""
    scene = background(generator)
    if generator.random() < 0.5:
        scene = cv2.GaussianBlur(scene, (0, 0), generator.uniform(2, 10))
    return scene


def _card(generator: np.random.Generator) -> np.ndarray:
    """Return a title card: one or two lines that name no instrument."""
    width, height = CANVAS
    canvas = (
        gradient(generator)
        if generator.random() < 0.5
        else np.full((height, width, 3), colour(generator, 60), np.uint8)
    )
    ink = 255 if canvas.mean() < 128 else 20
    font = int(generator.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    lines = generator.choice(_TEXTS, size=generator.integers(1, 3), replace=False)
    for line, y in zip(lines, height * np.array([0.45, 0.62]), strict=False):
        scale = min(generator.uniform(0.8, 1.3), 0.75 * width / cv2.getTextSize(line, font, 1.0, 2)[0][0])
        text_width = cv2.getTextSize(line, font, scale, 2)[0][0]
        cv2.putText(canvas, line, (int((width - text_width) / 2), int(y)), font, scale, (ink,) * 3, 2, cv2.LINE_AA)
    return canvas
