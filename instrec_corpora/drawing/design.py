"""What an instrument's drawing consists of, and the colours that several of them share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from instrec_corpora.drawing.canvas import Canvas, Colour, Point

T = TypeVar("T")

IVORY = (240, 236, 222)
EBONY = (28, 25, 26)
STEEL = (196, 202, 210)
BRASS = (214, 170, 74)
WOODS = (
    (176, 104, 46),
    (146, 72, 30),
    (118, 52, 26),
    (196, 132, 66),
    (92, 50, 30),
    (160, 84, 50),
)


@dataclass(frozen=True)
class Motion:
    """A swing to and fro: `shift` cm, `swing` degrees and `stretch` (a share of the width) about `pivot`."""

    rate: float  # Hz
    shift: Point = (0.0, 0.0)
    swing: float = 0.0
    stretch: float = 0.0
    pivot: Point = (0.0, 0.0)
    phase: float = 0.0  # turns


@dataclass(frozen=True)
class Part:
    """A part of an instrument that moves by itself (a bow, a stick, a bellows).

    A `loose` part is only there while somebody plays.
    """

    paint: Callable[[Canvas], None]
    motion: Motion
    loose: bool = True


@dataclass(frozen=True)
class Hold:
    """How a player holds an instrument.

    Attributes
    ----------
    player : "front", "back", "profile" (facing right) or "hands" (hands reaching in from below).
    origin : where the instrument's origin is, in cm from the player's mouth.
    angle : how far the instrument is turned clockwise, in degrees.
    hands : where the hands are in the instrument's coordinates, the arm at the left of the picture first.
    motions : how each hand moves, in the instrument's coordinates.
    seated : whether the player sits.
    hands_behind : whether the hands are behind the instrument.
    """

    player: str
    origin: Point
    angle: float
    hands: tuple[Point, Point]
    motions: tuple[Motion, Motion]
    seated: bool = False
    hands_behind: bool = False


@dataclass(frozen=True)
class Design:
    """One individual instrument: its looks are drawn once, then it can be painted in any view.

    Attributes
    ----------
    paint : draws the instrument in its own centimetres.
    extent : left, top, right, bottom in cm.
    rest : range of angles in degrees at which it stands, lies or hangs without a player.
    hold : how it is played, or None where it is only seen by itself.
    parts : parts that move by themselves, drawn over it.
    """

    paint: Callable[[Canvas], None]
    extent: tuple[float, float, float, float]
    rest: tuple[float, float]
    hold: Hold | None = None
    parts: tuple[Part, ...] = ()


def fingering(generator: np.random.Generator) -> Motion:
    """Return the small motion of a hand that fingers holes, valves or strings."""
    return Motion(rate=generator.uniform(0.6, 2.0), shift=(0.5, 0.4), phase=generator.uniform())


def pick(generator: np.random.Generator, options: Sequence[T]) -> T:
    """Return one of `options`."""
    return options[int(generator.integers(len(options)))]


def vary(generator: np.random.Generator, colour: Colour, spread: float = 14) -> Colour:
    """Return a colour near `colour`: lighter or darker, and hardly another hue."""
    change = generator.normal(0, spread / 2) + generator.normal(0, spread / 6, 3)
    return tuple(np.clip(np.asarray(colour) + change, 0, 255))
