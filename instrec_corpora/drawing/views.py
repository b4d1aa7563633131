"""What one camera position shows: a place, an instrument in it, and the light."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from instrec_corpora.drawing.canvas import Canvas
from instrec_corpora.drawing.design import Design, Motion, pick
from instrec_corpora.drawing.figures import Person
from instrec_corpora.drawing.instruments import bounds, performance
from instrec_corpora.drawing.layers import Layer, blend, layer, motion_matrix
from instrec_corpora.drawing.scenery import obstacle, paint_cutaway, paint_place

MARGIN = 1.3  # how much larger than the picture a view is drawn, for the camera to move in
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

    def matrices(
        self, time: float, depths: Sequence[float], view: Sequence[int], size: Sequence[int]
    ) -> list[np.ndarray]:
        """Return the 3 x 3 matrices from a view's pixels to the picture's; a depth below 1 is further away."""
        moves = [motion_matrix(wave, time) for wave in self.waves]
        nearing = 0.02 + self.zoom * np.sin(2 * np.pi * self.zoom_rate * time)
        matrices = []
        for depth in depths:
            zoom = 1 + depth * nearing
            total = np.array([[zoom, 0, -zoom * view[0] / 2], [0, zoom, -zoom * view[1] / 2], [0, 0, 1]])
            for move in moves:
                moved = move.copy()
                moved[:2, 2] *= depth
                total = moved @ total
            total[:2, 2] += np.array(size) / 2
            matrices.append(total)
        return matrices


@dataclass(frozen=True)
class View:
    """One camera position: what is behind, what moves before it, and the light."""

    place: np.ndarray  # RGBA: OpenCV moves four channels in less than half the time of three
    layers: tuple[Layer, ...]
    camera: Camera
    light: np.ndarray  # RGB, 200 leaves a pixel as it is

    def frame(self, time: float, size: tuple[int, int]) -> np.ndarray:
        """Return the picture of `size` (width, height) at `time` seconds, uint8 RGB."""
        outer = self.place.shape[1::-1]
        far, near = self.camera.matrices(time, (0.8, 1.0), outer, size)
        place = cv2.warpAffine(self.place, far[:2], size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        picture = cv2.cvtColor(place, cv2.COLOR_RGBA2RGB)
        for part in self.layers:
            blend(picture, part.sprite, (near @ part.matrix(time))[:2])
        return cv2.multiply(picture, self.light, scale=1 / 200)


@dataclass(frozen=True)
class Layout:
    """How an instrument is shown; drawn without knowing which instrument it is.

    Attributes
    ----------
    played : bool
        Whether somebody plays it, where that can be shown.
    rest : float [0 to 1]
        Chooses the angle when nobody plays it.
    with_head : bool
        Whether the picture makes room for the player's head.
    mirror : bool
        Whether left and right are exchanged.
    fill : float
        Share of the picture's width or height that it takes.
    centre : tuple of 2 float
        Where its middle is, as shares of the picture's width and height.
    """

    played: bool
    rest: float
    with_head: bool
    mirror: bool
    fill: float
    centre: tuple[float, float]

    @classmethod
    def random(cls, generator: np.random.Generator, condition: str) -> Layout:
        """Return a layout for a condition of the picture."""
        x, y = generator.uniform(-1, 1, 2)
        side = pick(generator, (-1, 1))
        clear = cls(
            played=bool(generator.random() < PLAYED_SHARE),
            rest=generator.uniform(),
            with_head=bool(generator.random() < 0.65),
            mirror=bool(generator.random() < 0.3),
            fill=generator.uniform(0.74, 1.02),
            centre=(0.5 + 0.04 * x, 0.5 + 0.04 * y),
        )
        if condition == "small":
            centre = (0.5 + 0.25 * x, 0.5 + 0.25 * y)
            return replace(clear, fill=0.36 * clear.fill, with_head=False, centre=centre)
        if condition == "accompanied":
            return replace(clear, fill=0.84 * clear.fill, centre=(clear.centre[0] - 0.14 * side, clear.centre[1]))
        return clear

    def beside(self) -> Layout:
        """Return the layout of a companion: smaller, at the side with more room."""
        x = 0.79 if self.centre[0] < 0.5 else 0.21
        return replace(
            self, fill=0.6 * self.fill, centre=(x, 0.5), rest=1 - self.rest, mirror=not self.mirror, with_head=True
        )

    def cut_off(self, generator: np.random.Generator) -> Layout:
        """Return the layout moved so far that the picture's edge cuts the instrument."""
        away = pick(generator, (-1, 1)) * generator.uniform(0.34, 0.52)
        return replace(self, fill=1.15 * self.fill, with_head=False, centre=(0.5 + away, self.centre[1]))


def _light(generator: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Return a factor a pixel: a slope from one side, darker corners and a tinge."""
    x, y = np.meshgrid(np.linspace(-1, 1, size[0]), np.linspace(-1, 1, size[1]))
    angle = generator.uniform(0, 2 * np.pi)
    slope = generator.uniform(0, 0.28) * (x * np.cos(angle) + y * np.sin(angle))
    corners = generator.uniform(0, 0.22) * (x**2 + y**2)
    tinge = 1 + generator.uniform(-0.1, 0.1) * np.array([1.0, 0.15, -1.0])  # warm to cool
    factor = generator.uniform(0.78, 1.12) + slope - corners
    return np.stack([np.clip(factor * share * 200, 20, 255).astype(np.uint8) for share in tinge], axis=-1)


def _outer(size: tuple[int, int]) -> tuple[int, int]:
    return round(size[0] * MARGIN), round(size[1] * MARGIN)


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
    return canvas.sprite()


def cutaway_view(generator: np.random.Generator, size: tuple[int, int]) -> View:
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

    @classmethod
    def of(cls, design: Design, layout: Layout, size: tuple[int, int]) -> Framing:
        """Return the framing that shows an instrument as the layout says in a picture of `size`."""
        low, high = bounds(design, played=layout.played, rest=layout.rest, with_head=layout.with_head)
        scale = layout.fill * float(np.min(np.array(size) / (high - low)))
        middle = (low + high) / 2 * ((-1 if layout.mirror else 1), 1)
        outer = _outer(size)
        place = (np.array(outer) - size) / 2 + np.array(size) * layout.centre
        return cls(outer, scale, tuple(place - scale * middle), layout.mirror)


def instrument_view(
    design: Design,
    player: Person,
    generator: np.random.Generator,
    size: tuple[int, int],
    *,
    condition: str,
    beside: tuple[Design, Person] | None,
) -> View:
    """Return a view of an instrument, with a companion and its player `beside` it if given.

    What is drawn from the generator does not depend on the instrument.
    """
    camera, light = Camera.random(generator), _light(generator, size)
    place = _place(generator, size, cutaway=False)
    clutter = _passers_by(generator, size)
    layout = Layout.random(generator, condition)
    sway = Motion(generator.uniform(0.15, 0.5), swing=generator.uniform(0.3, 1.8), phase=generator.uniform())
    covered = condition == "cropped" and generator.random() < 0.5
    if condition == "cropped" and not covered:
        layout = layout.cut_off(generator)
    parts = [] if beside is None else _performance(*beside, layout.beside(), sway, size)
    parts += _performance(design, player, layout, sway, size)
    if covered:
        parts.append(_obstacle_layer(obstacle(generator), design, layout, sway, size))
    return View(place, (*parts, *clutter), camera, light)


def _performance(design: Design, player: Person, layout: Layout, sway: Motion, size: tuple[int, int]) -> list[Layer]:
    blank = Framing.of(design, layout, size).blank
    return performance(design, player, blank, sway, played=layout.played, rest=layout.rest)


def _obstacle_layer(
    paint: Callable[[Canvas], None], design: Design, layout: Layout, sway: Motion, size: tuple[int, int]
) -> Layer:
    """Return something in front of about half of the instrument."""
    frame = Framing.of(design, layout, size)
    low, high = bounds(design, played=layout.played, rest=layout.rest, with_head=False)
    middle = (low + high) / 2 * ((-1 if layout.mirror else 1), 1)
    smaller = float(np.min(np.minimum((high - low) * frame.scale, size)))
    centre = np.array(frame.origin) + frame.scale * middle
    canvas = Canvas.blank(frame.outer, max(1.3, 0.8 * smaller / 50), tuple(centre))
    paint(canvas)
    return layer(canvas, sway, shadow=True)
