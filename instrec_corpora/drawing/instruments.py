"""Every label's instrument, and the layers that show one being played or standing by itself."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from instrec_corpora.drawing.accordion import accordion
from instrec_corpora.drawing.bowed import cello, violin
from instrec_corpora.drawing.canvas import Canvas
from instrec_corpora.drawing.design import Design, Hold, Motion
from instrec_corpora.drawing.drums import drums
from instrec_corpora.drawing.figures import Person, paint_hand
from instrec_corpora.drawing.layers import Layer, layer
from instrec_corpora.drawing.organ import organ
from instrec_corpora.drawing.piano import piano
from instrec_corpora.drawing.plucked import banjo, guitar
from instrec_corpora.drawing.winds import clarinet, flute, harmonica, saxophone, trumpet

INSTRUMENTS: dict[str, Callable[[np.random.Generator], Design]] = {
    "accordion": accordion,
    "banjo": banjo,
    "cello": cello,
    "clarinet": clarinet,
    "drums": drums,
    "flute": flute,
    "guitar": guitar,
    "harmonica": harmonica,
    "organ": organ,
    "piano": piano,
    "saxophone": saxophone,
    "trumpet": trumpet,
    "violin": violin,
}
HEAD = np.array([(-12, -24), (12, 12)], float)  # what a picture of a player should show, in cm from the mouth


def placement(design: Design, *, played: bool, rest: float) -> tuple[float, float, float]:
    """Return x, y and angle of the instrument; `rest` (0 to 1) chooses the angle when nobody plays it."""
    if played and design.hold is not None:
        return (*design.hold.origin, design.hold.angle)
    return 0.0, 0.0, design.rest[0] + rest * (design.rest[1] - design.rest[0])


def bounds(design: Design, *, played: bool, rest: float, with_head: bool) -> np.ndarray:
    """Return the box around the instrument, and the player's head if asked, as two corners in cm."""
    x, y, angle = placement(design, played=played, rest=rest)
    left, top, right, bottom = design.extent
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    corners = corners @ np.array([(cos, sin), (-sin, cos)]) + (x, y)
    if played and design.hold is not None and design.hold.player != "hands" and (with_head or design.extent[3] < 3):
        corners = np.vstack([corners, HEAD])
    return np.array([corners.min(0), corners.max(0)])


def performance(
    design: Design, person: Person, blank: Callable[[], Canvas], sway: Motion, *, played: bool, rest: float
) -> list[Layer]:
    """Return the layers of one instrument, with its player if it is `played`, from back to front.

    `blank` gives a fresh canvas whose origin is the player's mouth, or the instrument's origin without a player.
    """
    x, y, angle = placement(design, played=played, rest=rest)
    hold = design.hold if played else None
    still = blank()
    if hold is not None:
        _player_behind(still, person, hold)
    instrument = still.at(x, y, angle=angle)
    design.paint(instrument)
    if hold is None:
        for part in design.parts:
            if not part.loose:
                part.paint(instrument)
        return [layer(still, sway, shadow=True)]
    layers = [layer(still, sway, shadow=True)]
    for part in design.parts:
        canvas = blank()
        part.paint(canvas.at(x, y, angle=angle))
        layers.append(layer(canvas, sway, part.motion, canvas.at(x, y, angle=angle)))
    if not hold.hands_behind:
        for index, side in enumerate((-1, 1)):
            canvas = blank()
            _hand(canvas, person, hold, index, side)
            layers.append(layer(canvas, sway, hold.motions[index], canvas.at(x, y, angle=angle)))
    if hold.player == "back":
        canvas = blank()
        person.paint(canvas, hold.player, seated=hold.seated)
        layers.append(layer(canvas, sway))
    return layers


def _hand_places(hold: Hold) -> list[tuple[float, float]]:
    """Return where the hands are, in cm from the player's mouth, left in the picture first."""
    cos, sin = np.cos(np.radians(hold.angle)), np.sin(np.radians(hold.angle))
    return [(hold.origin[0] + x * cos - y * sin, hold.origin[1] + x * sin + y * cos) for x, y in hold.hands]


def _player_behind(canvas: Canvas, person: Person, hold: Hold) -> None:
    """Draw what of the player is behind the instrument; a player seen from behind is drawn in front of it."""
    if hold.player not in ("front", "profile"):
        return
    person.paint(canvas, hold.player, seated=hold.seated)
    for side, hand in zip((-1, 1), _hand_places(hold), strict=True):
        person.upper_arm(canvas, hold.player, side, hand)
        if hold.hands_behind:
            person.forearm(canvas, hold.player, side, hand)


def _hand(canvas: Canvas, person: Person, hold: Hold, index: int, side: int) -> None:
    place = _hand_places(hold)[index]
    if hold.player == "hands":
        wrist = (place[0] + side * 3, place[1] + 8)
        canvas.tube([(place[0] + side * 12, place[1] + 40), wrist], (5, 3.4), person.shirt, gloss=0.12)
        paint_hand(canvas, place, -90 - side * 12, person.skin, flip=-side)
        return
    if hold.player == "back":
        person.upper_arm(canvas, hold.player, side, place)
    person.forearm(canvas, hold.player, side, place)
