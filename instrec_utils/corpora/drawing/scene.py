"""One clip's pictures, and the sheet of stills that shows what the corpus looks like."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ...config import LABELS, Conditions
from .canvas import Canvas
from .design import Design, Motion, pick
from .figures import Person
from .instruments import INSTRUMENTS, bounds, performance
from .layers import Layer, blend, layer, motion_matrix
from .scenery import obstacle, paint_cutaway, paint_place

MARGIN = 1.3  # how much larger than the picture a view is drawn, for the camera to move in
CUTAWAY_SHARE = (0.12, 0.3)  # of the time of a clip whose instrument is otherwise in sight
STRETCH_SECONDS = 12.0  # about one visible stretch and one cutaway in this time
PLAYED_SHARE = 0.6  # of the views that show a player


@dataclass(frozen=True)
class Camera:
    """Gentle moves of a camera, in pixels of the picture and degrees."""

    waves: tuple[Motion, ...]
    zoom: float
    zoom_rate: float  # Hz

    @classmethod
    def random(cls, generator: np.random.Generator) -> Camera:
        """Return a slow pan, a slow roll and the shake of a hand."""
        shake = generator.uniform(0, 1.6)
        waves = (
            Motion(generator.uniform(0.03, 0.1), tuple(generator.uniform(-12, 12, 2)), phase=generator.uniform()),
            Motion(generator.uniform(0.05, 0.2), swing=generator.uniform(-1.5, 1.5), phase=generator.uniform()),
            Motion(generator.uniform(0.9, 1.6), (shake, 0.3 * shake), phase=generator.uniform()),
            Motion(generator.uniform(1.2, 2.4), (0.2 * shake, 0.7 * shake), phase=generator.uniform()),
        )
        return cls(waves, generator.uniform(-0.08, 0.08), generator.uniform(0.02, 0.08))

    def matrix(self, time: float, depth: float, view: Sequence[int], size: Sequence[int]) -> np.ndarray:
        """Return the 3 x 3 matrix from a view's pixels to the picture's; `depth` below 1 is further away."""
        zoom = 1 + depth * (0.02 + self.zoom * np.sin(2 * np.pi * self.zoom_rate * time))
        total = np.array([[zoom, 0, -zoom * view[0] / 2], [0, zoom, -zoom * view[1] / 2], [0, 0, 1]])
        for wave in self.waves:
            moved = motion_matrix(wave, time)
            moved[:2, 2] *= depth
            total = moved @ total
        total[:2, 2] += np.array(size) / 2
        return total


@dataclass(frozen=True)
class View:
    """One camera position: what is behind, what moves before it, and the light."""

    place: np.ndarray  # RGB
    layers: tuple[Layer, ...]
    camera: Camera
    light: np.ndarray  # RGB, 200 leaves a pixel as it is


class Scene:
    """One clip's pictures: layout fixed by the generator at construction, animated over time.

    Parameters
    ----------
    label : one of `instrec_utils.config.LABELS`.
    duration : seconds.
    generator : fixes everything; the label never changes what is drawn around the instrument.
    condition : one of the keys of `instrec_utils.config.Conditions().picture`.
    companion : label of the instrument beside it, for the condition "accompanied" and no other.
    size : width and height in pixels.

    Raises
    ------
    ValueError
        For an unknown label, condition or companion, or a duration that is not positive.
    """

    def __init__(
        self,
        label: str,
        duration: float,
        generator: np.random.Generator,
        *,
        condition: str = "clear",
        companion: str | None = None,
        size: tuple[int, int] = (320, 240),
    ) -> None:
        _check(label, duration, condition, companion)
        self.duration = float(duration)
        self.size = size
        # Independent streams, so that what one draws never shifts what another one draws.
        timeline, layout, looks, other = (np.random.default_rng(seed) for seed in generator.integers(0, 2**63, 4))
        self._starts, self._views = _timeline(self.duration, timeline, absent=condition == "absent")
        self._blur = _blur(layout) if condition == "blurred" else None
        self._condition = condition
        self._design = INSTRUMENTS[label](looks)
        self._beside = None if companion is None else INSTRUMENTS[companion](other)
        self._person, self._second = Person.random(layout), Person.random(layout)
        self._seeds = {view: int(layout.integers(0, 2**63)) for view in itertools.product((True, False), range(2))}
        self._drawn: dict[tuple[bool, int], View] = {}

    def visible(self, time: float) -> bool:
        """Return whether the instrument is meant to be in sight at `time` seconds."""
        return self._views[self._index(time)][0]

    def frame(self, time: float) -> np.ndarray:
        """Return the picture at `time` seconds, shape (height, width, 3), uint8 RGB.

        A time outside the clip shows its first or its last view.
        """
        view = self._view(self._views[self._index(time)])
        outer = view.place.shape[1::-1]
        far = view.camera.matrix(time, 0.8, outer, self.size)[:2]
        picture = cv2.warpAffine(view.place, far, self.size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        near = view.camera.matrix(time, 1.0, outer, self.size)
        for part in view.layers:
            blend(picture, part.sprite, (near @ part.matrix(time))[:2])
        picture = cv2.multiply(picture, view.light, scale=1 / 200)
        if self._blur is not None:
            picture = cv2.GaussianBlur(picture, (0, 0), sigmaX=self._blur[0], sigmaY=self._blur[1])
        return picture

    def _view(self, which: tuple[bool, int]) -> View:
        """Return a view, drawn when it is first needed."""
        if which not in self._drawn:
            generator = np.random.default_rng(self._seeds[which])
            if which[0]:
                self._drawn[which] = self._instrument_view(generator)
            else:
                self._drawn[which] = _cutaway_view(generator, self.size)
        return self._drawn[which]

    def _instrument_view(self, generator: np.random.Generator) -> View:
        """Return a view of the instrument; what is drawn from the generator does not depend on the instrument."""
        design, beside, size, condition = self._design, self._beside, self.size, self._condition
        camera, light = Camera.random(generator), _light(generator, size)
        place = _place(generator, size, cutaway=False)
        clutter = _passers_by(generator, size)
        played = bool(generator.random() < PLAYED_SHARE)
        with_head = bool(generator.random() < 0.65)
        mirror = bool(generator.random() < 0.3)
        rest = generator.uniform()
        offset = generator.uniform(-0.5, 0.5, 2)
        fill = generator.uniform(0.74, 1.02)
        side = pick(generator, (-1, 1))
        sway = Motion(generator.uniform(0.15, 0.5), (0.0, 0.0), generator.uniform(0.3, 1.8), phase=generator.uniform())
        small, crop, cover = (
            generator.uniform(0.22, 0.36),
            generator.uniform(0.34, 0.52),
            bool(generator.random() < 0.5),
        )
        thing = obstacle(generator)

        parts: list[Layer] = []
        if beside is not None:
            stands = (0.5 + side * 0.29, 0.5)
            frame = _framing(beside, size, played, 1 - rest, True, 0.6 * fill, stands, not mirror)
            parts += performance(beside, self._second, frame.blank, sway, played=played, rest=1 - rest)
        centre = np.array([0.5, 0.5]) + 0.08 * offset
        if beside is not None:
            centre[0] -= side * 0.14
            fill *= 0.84
        if condition == "small":
            fill, centre, with_head = small, np.array([0.5, 0.5]) + 0.5 * offset, False
        cut_off = condition == "cropped" and not cover
        if cut_off:
            fill, with_head = fill * 1.15, False
            centre = np.array([0.5 + side * crop, 0.5 + 0.5 * offset[1]])
        frame = _framing(design, size, played, rest, with_head, fill, tuple(centre), mirror)
        parts += performance(design, self._person, frame.blank, sway, played=played, rest=rest)
        if condition == "cropped" and cover:
            parts.append(_obstacle_layer(thing, frame, design, size, played, rest, sway))
        return View(place, (*parts, *clutter), camera, light)

    def _index(self, time: float) -> int:
        return max(0, int(np.searchsorted(self._starts, time, side="right")) - 1)


def _check(label: str, duration: float, condition: str, companion: str | None) -> None:
    conditions = tuple(Conditions().picture)
    if label not in LABELS:
        raise ValueError(f"label must be one of {', '.join(LABELS)}, got {label!r}")
    if condition not in conditions:
        raise ValueError(f"condition must be one of {', '.join(conditions)}, got {condition!r}")
    if (companion is not None) != (condition == "accompanied"):
        raise ValueError(
            f"companion must be given for the condition 'accompanied' and for no other, "
            f"got condition {condition!r} and companion {companion!r}"
        )
    if companion is not None and (companion not in LABELS or companion == label):
        allowed = ", ".join(other for other in LABELS if other != label)
        raise ValueError(f"companion must be one of {allowed}, got {companion!r}")
    if not 0 < duration < float("inf"):
        raise ValueError(f"duration must be a positive number of seconds, got {duration!r}")


def _timeline(
    duration: float, generator: np.random.Generator, *, absent: bool
) -> tuple[np.ndarray, list[tuple[bool, int]]]:
    """Return the starts of the shots in seconds, and of each whether the instrument is seen and which view it is."""
    pairs = max(1, round(duration / STRETCH_SECONDS))
    share = generator.uniform(*CUTAWAY_SHARE)
    lengths, views = [], []
    first = bool(generator.random() < 0.7)
    weights = generator.dirichlet(np.full(pairs, 6.0)), generator.dirichlet(np.full(pairs, 6.0))
    for pair in range(pairs):
        for seen in (first, not first):
            length = duration * weights[seen][pair] * ((1 - share) if seen else share)
            # A visible stretch is cut once, to another view of the same instrument.
            cut = generator.uniform(0.35, 0.65) if seen else 1.0
            for number, part in enumerate((cut, 1 - cut) if seen else (cut,)):
                lengths.append(length * part)
                views.append((seen and not absent, number if seen else pair % 2))
    starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    return starts, views


def _blur(generator: np.random.Generator) -> tuple[float, float]:
    """Return the horizontal and the vertical blur in pixels: out of focus, or moved too fast."""
    strong = generator.uniform(5.0, 9.0)
    focus = generator.uniform(2.6, 4.6)
    return pick(generator, ((focus, focus), (focus, focus), (strong, 1.2), (1.2, strong)))


def _light(generator: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Return a factor a pixel: a slope from one side, darker corners and a tinge."""
    x, y = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    angle = generator.uniform(0, 2 * np.pi)
    slope = generator.uniform(0, 0.28) * (x * np.cos(angle) + y * np.sin(angle))
    corners = generator.uniform(0, 0.22) * (x**2 + y**2)
    tinge = 1 + generator.uniform(-0.1, 0.1) * np.array([1.0, 0.15, -1.0])  # warm to cool
    factor = (generator.uniform(0.78, 1.12) + slope - corners)[..., None] * tinge
    return np.clip(factor * 200, 20, 255).astype(np.uint8)


def _outer(size: tuple[int, int]) -> tuple[int, int]:
    return tuple(round(side * MARGIN) for side in size)


def _place(generator: np.random.Generator, size: tuple[int, int], *, cutaway: bool) -> np.ndarray:
    """Return a painted place, with what a cutaway shows in it, as an RGB picture."""
    outer = _outer(size)
    scale = outer[1] / 240
    # A place is seen through layers and at a distance: OpenCV's own antialiasing is enough for it.
    canvas = Canvas.blank(outer, scale, (0, 0), supersampling=1)
    width, height = outer[0] / scale, outer[1] / scale
    paint_place(canvas, width, height, generator)
    if cutaway:
        paint_cutaway(canvas, width, height, generator)
    return np.ascontiguousarray(canvas.sprite()[..., :3])


def _cutaway_view(generator: np.random.Generator, size: tuple[int, int]) -> View:
    """Return a view without any instrument."""
    camera, light = Camera.random(generator), _light(generator, size)
    return View(_place(generator, size, cutaway=True), _passers_by(generator, size), camera, light)


def _passers_by(generator: np.random.Generator, size: tuple[int, int]) -> tuple[Layer, ...]:
    """Return moving clutter: nothing or somebody's dark outline that passes at the edge of the picture."""
    if generator.random() < 0.7:
        return ()
    outer = _outer(size)
    side = pick(generator, (-1, 1))
    origin = (outer[0] * (0.5 + side * generator.uniform(0.3, 0.42)), outer[1] * generator.uniform(0.72, 0.9))
    canvas = Canvas.blank(outer, outer[1] / generator.uniform(120, 200), origin)
    Person.random(generator).paint(canvas, "back", seated=False)
    shift = (generator.uniform(2, 8), generator.uniform(0, 2))
    return (layer(canvas, Motion(generator.uniform(0.05, 0.3), shift, phase=generator.uniform())),)


@dataclass(frozen=True)
class Framing:
    """Where a performance is in a view: the canvases for it all have the same coordinates."""

    outer: tuple[int, int]
    scale: float  # pixels a cm
    origin: tuple[float, float]  # pixel of the mouth or of the instrument's origin
    mirror: bool

    def blank(self) -> Canvas:
        """Return an empty canvas."""
        return Canvas.blank(self.outer, self.scale, self.origin).at(mirror=self.mirror)


def _framing(
    design: Design,
    size: tuple[int, int],
    played: bool,
    rest: float,
    with_head: bool,
    fill: float,
    centre: tuple[float, float],
    mirror: bool,
) -> Framing:
    """Return the framing that fills a share of the picture with the instrument around a centre (shares of it)."""
    low, high = bounds(design, played=played, rest=rest, with_head=with_head)
    scale = fill * float(np.min(np.array(size) / (high - low)))
    middle = (low + high) / 2 * ((-1 if mirror else 1), 1)
    outer = _outer(size)
    place = (np.array(outer) - size) / 2 + np.array(size) * centre
    return Framing(outer, scale, tuple(place - scale * middle), mirror)


def _obstacle_layer(
    paint: Callable[[Canvas], None],
    frame: Framing,
    design: Design,
    size: tuple[int, int],
    played: bool,
    rest: float,
    sway: Motion,
) -> Layer:
    """Return something in front of about half of the instrument."""
    low, high = bounds(design, played=played, rest=rest, with_head=False)
    middle = (low + high) / 2 * ((-1 if frame.mirror else 1), 1)
    x, y = np.array(frame.origin) + frame.scale * middle
    smaller = float(np.min(np.minimum((high - low) * frame.scale, size)))
    canvas = Canvas.blank(frame.outer, max(1.3, 0.8 * smaller / 50), (x, y))
    paint(canvas)
    return layer(canvas, sway, shadow=True)


def contact_sheet(generator: np.random.Generator, *, per_label: int = 2, tile: int = 220) -> np.ndarray:
    """Return stills of every label on one sheet, uint8 RGB, at most 1600 pixels wide.

    Each label is a column of `per_label` stills, seven columns a row, with the label below each still.
    """
    width, height, gap, caption = tile, round(tile * 0.75), 6, 24
    columns = 7
    rows = -(-len(LABELS) // columns) * per_label
    cell = (height + caption + gap, width + gap)
    sheet = np.full((rows * cell[0] + gap, columns * cell[1] + gap, 3), 255, np.uint8)
    for index, label in enumerate(LABELS):
        for number in range(per_label):
            scene = Scene(label, 20.0, np.random.default_rng(generator.integers(0, 2**63)))
            times = [time for time in np.arange(0.5, 20, 0.5) if scene.visible(time)]
            still = cv2.resize(scene.frame(times[len(times) // 3]), (width, height), interpolation=cv2.INTER_AREA)
            top = (index // columns * per_label + number) * cell[0] + gap
            left = index % columns * cell[1] + gap
            sheet[top : top + height, left : left + width] = still
            (text_width, _), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)
            spot = (left + (width - text_width) // 2, top + height + 17)
            cv2.putText(sheet, label, spot, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (40, 40, 40), 1, cv2.LINE_AA)
    return sheet
