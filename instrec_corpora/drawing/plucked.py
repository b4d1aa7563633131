"""Guitar and banjo."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from instrec_corpora.drawing.canvas import Canvas, Colour, box, oval, spline, symmetric, tint
from instrec_corpora.drawing.design import (
    BRASS,
    EBONY,
    IVORY,
    STEEL,
    WOODS,
    Design,
    Hold,
    Motion,
    fingering,
    pick,
    vary,
)


def guitar(generator: np.random.Generator) -> Design:
    """Return an acoustic or an electric guitar, upright, the middle of its body at (0, 0)."""
    build = pick(generator, (_acoustic, _acoustic, _electric))
    angle = 90 - generator.uniform(6, 24)
    strum = Motion(rate=generator.uniform(1.0, 2.5), shift=(2.5, 0.5), phase=generator.uniform())
    motions = (strum, fingering(generator))
    hold = Hold(
        "front", (-4, 46), angle, ((-6, 4), (2.2, -generator.uniform(34, 50))), motions, seated=generator.random() < 0.5
    )
    rest = pick(generator, ((-16, 16), (60, 110), (-60, -20)))
    return Design(build(generator), (-21, -73, 21, 26), rest, hold)


def banjo(generator: np.random.Generator) -> Design:
    """Return a five-string or tenor banjo, upright, the middle of its drumhead at (0, 0)."""
    paint = _banjo(generator)
    angle = 90 - generator.uniform(8, 28)
    strum = Motion(rate=generator.uniform(1.0, 2.5), shift=(2.5, 0.5), phase=generator.uniform())
    motions = (strum, fingering(generator))
    hold = Hold(
        "front", (-7, 45), angle, ((-5, 5), (2.2, -generator.uniform(30, 46))), motions, seated=generator.random() < 0.5
    )
    rest = pick(generator, ((-16, 16), (60, 110), (-60, -20)))
    return Design(paint, (-18, -72, 18, 18), rest, hold)


def _fretboard(
    canvas: Canvas, nut: float, end: float, bridge: float, half: tuple[float, float], wood: Colour, frets: int
) -> None:
    """Draw a fingerboard from `nut` down to `end` (y in cm); a fret divides the string as 2 ** (-n / 12)."""
    canvas.fill([(-half[0], nut), (half[0], nut), (half[1], end), (-half[1], end)], wood, grain=0.12)
    wire = [bridge + (nut - bridge) * 2 ** (-number / 12) for number in range(frets + 1)]
    for number, y in enumerate(wire):
        width = half[0] + (half[1] - half[0]) * (y - nut) / (end - nut)
        canvas.stroke([(-width, y), (width, y)], 0.32, IVORY if number == 0 else STEEL)
        if number in (3, 5, 7, 9, 12, 15, 17):
            middle = (y + wire[number - 1]) / 2
            for x in (-1.2, 1.2) if number == 12 else (0,):
                canvas.disc((x, middle), 0.5, IVORY)


def _strings(canvas: Canvas, count: int, top: float, nut: float, bridge: float, half: tuple[float, float]) -> None:
    for index in range(count):
        share = (2 * index / (count - 1) - 1) * 0.84
        path = [(share * half[0] * 0.8, top), (share * half[0], nut), (share * half[1], bridge)]
        canvas.stroke(path, 0.2 - 0.02 * index, (222, 214, 196))


def _pegs(canvas: Canvas, places: list[tuple[float, float, int]], metal: Colour) -> None:
    """Draw a tuning peg at each (x, y); the third number is the side its knob points to."""
    for x, y, side in places:
        canvas.stroke([(x - side * 1.4, y), (x + side * 1.6, y)], 0.5, tint(metal, 0.7))
        canvas.fill(oval((x + side * 2.2, y), 1.25, 0.85), metal, relief=0.6, edge=tint(metal, 0.5), edge_width=0.2)
        canvas.disc((x - side * 1.6, y), 0.5, tint(metal, 1.1))


def _acoustic(generator: np.random.Generator) -> Callable[[Canvas], None]:
    top = vary(
        generator, pick(generator, ((222, 172, 96), (232, 190, 122), (196, 120, 52), (170, 60, 30), (60, 44, 40)))
    )
    burst = pick(generator, (None, None, tint(top, 0.3)))
    side = pick(generator, WOODS)
    classical = generator.random() < 0.4
    pickguard = None if classical else pick(generator, (None, (40, 22, 16), (120, 40, 20)))
    upper, waist, lower = 13.6 * generator.uniform(0.95, 1.1), 11.6 * generator.uniform(0.92, 1.08), 19.0
    half = [(0, -24.6), (5, -24.5), (upper * 0.9, -21), (upper, -15.5), (upper * 0.94, -9), (waist, -3)]
    half += [(waist * 1.1, 2), (lower * 0.95, 9), (lower, 14), (lower * 0.86, 21), (lower * 0.45, 24.7), (0, 25)]
    outline = symmetric(spline(half))
    cutaway = generator.random() < 0.25 and not classical

    def paint(canvas: Canvas) -> None:
        shape = outline.copy()
        if cutaway:
            inside = (shape[:, 0] > 2.8) & (shape[:, 1] < -10)
            shape[inside, 1] = np.maximum(shape[inside, 1], -12.5 - 0.09 * (shape[inside, 0] - 12) ** 2)
        canvas.fill(shape + np.array([0.9, 1.0]), tint(side, 0.5))
        canvas.fill(shape, top, relief=2.4, grain=0.14, sheen=0.14, burst=burst)
        canvas.stroke(np.vstack([shape, shape[:1]]), 0.9, tint(side, 0.55))
        edge = shape * (0.955, 0.968)
        canvas.stroke(np.vstack([edge, edge[:1]]), 0.3, IVORY)
        for radius, colour in ((6.6, tint(side, 0.5)), (6.2, IVORY), (5.8, tint(side, 0.6)), (5.0, (26, 16, 12))):
            canvas.disc((0, -7), radius, colour)
        if pickguard is not None:
            guard = spline([(3.5, -3), (6.5, -4.5), (9.5, 1), (10.5, 7), (6.5, 8), (3.4, 3)], closed=True)
            canvas.fill(guard, pickguard, relief=0.5)
        canvas.fill(box(-8.5, 10.2, 8.5, 13.2, radius=1), tint(side, 0.45), relief=0.8)
        canvas.stroke([(-4, 11), (4, 11)], 0.5, IVORY)
        canvas.fill([(-2.6, -54), (2.6, -54), (3.0, -24), (-3.0, -24)], tint(side, 0.8))
        _fretboard(canvas, -54, -12, 11, (2.5, 3.0), (52, 34, 26), 19)
        head = [(-2.5, -53.5), (2.5, -53.5), (3.9, -58), (3.5, -71), (1.2, -72), (0, -71.3), (-1.2, -72), (-3.5, -71)]
        canvas.fill([*head, (-3.9, -58)], tint(side, 0.75), relief=0.8, edge=tint(side, 0.4), edge_width=0.3)
        if classical:
            for x in (-1.6, 1.6):
                canvas.fill(box(x - 0.7, -69, x + 0.7, -58.5, radius=0.7), (24, 16, 12))
        metal = IVORY if classical else STEEL
        _pegs(canvas, [(s * 3.5, y, s) for s in (-1, 1) for y in (-59.5, -63.5, -67.5)], metal)
        _strings(canvas, 6, -64, -54, 11, (2.5, 3.6))

    return paint


def _electric(generator: np.random.Generator) -> Callable[[Canvas], None]:
    finishes = (
        (190, 30, 34),
        (30, 60, 130),
        (34, 34, 38),
        (236, 226, 196),
        (206, 120, 36),
        (60, 140, 130),
        (226, 150, 170),
    )
    finish = vary(generator, pick(generator, finishes))
    burst = pick(generator, (None, (40, 16, 10)))
    guard = pick(generator, ((240, 238, 230), (30, 28, 30), (232, 214, 160), (140, 40, 30)))
    board = pick(generator, ((206, 160, 96), (54, 34, 28)))
    single_cut = generator.random() < 0.4
    if single_cut:
        outline = [
            (2.8, -10),
            (7, -13),
            (11.5, -10),
            (10, -6),
            (7.2, -5.4),
            (9.5, -1),
            (12, 2),
            (15.8, 9),
            (15, 17),
            (9, 22),
        ]
        outline += [
            (0, 23),
            (-9, 22),
            (-15, 17),
            (-15.8, 9),
            (-12, 2),
            (-10.5, -2),
            (-12.5, -8),
            (-11, -15),
            (-5, -17.5),
        ]
        outline += [(-2.8, -17)]
    else:
        outline = [
            (2.8, -8),
            (5, -9.5),
            (7, -14),
            (10.5, -17),
            (13, -15),
            (12, -8),
            (10.4, -2),
            (12, 5),
            (15, 13),
            (12, 20),
        ]
        outline += [
            (3, 22),
            (-6, 22),
            (-14, 18),
            (-16, 11),
            (-12.4, 3),
            (-11, -3),
            (-13, -10),
            (-13.5, -18),
            (-10.5, -21),
        ]
        outline += [(-7, -18), (-5, -12), (-2.8, -9)]
    body = spline(outline, closed=True)

    def paint(canvas: Canvas) -> None:
        canvas.fill(body + np.array([0.7, 0.8]), tint(finish, 0.35))
        canvas.fill(body, finish, relief=3.2, sheen=0.3, burst=burst, edge=tint(finish, 0.4), edge_width=0.35)
        if not single_cut:
            plate = [
                (2.6, -7),
                (9, -12),
                (10.4, -9),
                (8.4, -1),
                (10, 6),
                (10.5, 14),
                (5, 13),
                (-7, 6),
                (-8, -4),
                (-9, -13),
            ]
            plate += [(-6, -11), (-2.6, -7)]
            canvas.fill(spline(plate, closed=True), guard, relief=0.4, edge=tint(guard, 0.5), edge_width=0.2)
        for y in (-2, 7) if single_cut else (-3, 2.4, 7.6):
            height = 1.8 if single_cut else 1.0
            canvas.fill(box(-4.2, y - height, 4.2, y + height, radius=0.8), STEEL if single_cut else (238, 236, 228))
            canvas.stroke([(-3.2, y), (3.2, y)], 0.5, (60, 60, 64))
        canvas.fill(box(-4.4, 11, 4.4, 13.8, radius=0.5), STEEL, relief=0.8, edge=(90, 92, 98), edge_width=0.2)
        for x, y in ((8, 11), (10, 15), (6.5, 16)):
            canvas.disc((x, y), 1.3, guard if not single_cut else BRASS, relief=0.8, edge=(60, 56, 50), edge_width=0.2)
        canvas.fill([(-2.4, -53), (2.4, -53), (2.9, -8), (-2.9, -8)], tint(board, 0.8))
        _fretboard(canvas, -53, -6.5, 11.5, (2.3, 2.9), board, 21)
        if single_cut:
            head = [(-2.3, -52.5), (2.3, -52.5), (4.2, -57), (3.6, -69), (0, -70.5), (-3.6, -69), (-4.2, -57)]
            canvas.fill(head, tint(EBONY, 1.1), relief=0.6)
            _pegs(canvas, [(s * 3.6, y, s) for s in (-1, 1) for y in (-58.5, -62.5, -66.5)], STEEL)
        else:
            head = [(-2.3, -52.5), (2.3, -52.5), (3.6, -55), (3, -60), (2.2, -69), (0, -72), (-3.4, -71), (-3.6, -66)]
            canvas.fill(spline([*head, (-3.2, -56)], closed=True), (222, 180, 118), edge=(120, 84, 44), edge_width=0.25)
            _pegs(canvas, [(-2.8, -55.5 - 2.6 * index, -1) for index in range(6)], STEEL)
        _strings(canvas, 6, -63, -53, 12, (2.3, 3.0))

    return paint


def _banjo(generator: np.random.Generator) -> Callable[[Canvas], None]:
    radius = generator.uniform(13.4, 14.6)
    rim = pick(generator, (STEEL, BRASS, STEEL))
    wood = vary(generator, pick(generator, WOODS))
    skin = vary(generator, pick(generator, ((246, 243, 234), (236, 222, 190), (250, 250, 250))), 6)
    resonator = generator.random() < 0.6
    five = generator.random() < 0.75
    hooks = int(generator.integers(20, 29))
    headstock = pick(generator, ("fiddle", "straight"))

    def paint(canvas: Canvas) -> None:
        canvas.fill([(-2.3, -54), (2.3, -54), (2.8, -12), (-2.8, -12)], tint(wood, 0.85))
        if resonator:
            canvas.disc((0.4, 0.6), radius + 3.4, tint(wood, 0.45))
            canvas.disc((0, 0), radius + 3.3, wood, relief=1.6, sheen=0.25, edge=tint(wood, 0.4), edge_width=0.4)
            canvas.disc((0, 0), radius + 2.0, tint(rim, 0.55))
        canvas.disc((0, 0), radius + 1.2, rim, relief=1.4, sheen=0.3, edge=tint(rim, 0.4), edge_width=0.3)
        canvas.disc((0, 0), radius, skin, relief=0.8, edge=tint(rim, 0.45), edge_width=0.35)
        canvas.disc((-1, 2), radius * 0.55, tint(skin, 0.96))
        for index in range(hooks):
            spoke = canvas.at(angle=360 * (index + 0.5) / hooks)
            spoke.stroke([(0, -radius + 0.2), (0, -radius - 1.9)], 0.75, tint(rim, 0.5))
            spoke.stroke([(-0.12, -radius + 0.1), (-0.12, -radius - 1.7)], 0.4, tint(rim, 1.5))
            spoke.disc((0, -radius - 1.9), 0.6, tint(rim, 1.1), edge=tint(rim, 0.4), edge_width=0.2)
        canvas.fill([(-1.2, 13), (1.2, 13), (0.7, radius + 1.5), (-0.7, radius + 1.5)], tint(rim, 0.85), relief=0.5)
        _fretboard(canvas, -54, -radius + 1.4, 8, (1.9, 2.5), (48, 32, 26), 20)
        canvas.fill(
            [(-3.4, 7.4), (3.4, 7.4), (3.0, 8.8), (-3.0, 8.8)], (176, 120, 62), edge=(80, 50, 24), edge_width=0.2
        )
        head = [(1.9, -53.6), (3.4, -57), (2.5, -61), (3.6, -66), (2.2, -69.5)]
        if headstock == "straight":
            head = [(1.9, -53.6), (2.9, -57), (2.6, -68), (1.6, -70.5)]
        shape = symmetric(spline([*head, (0, -70.6)]))
        canvas.fill(shape, tint(wood, 0.7), relief=0.8, edge=tint(wood, 0.35), edge_width=0.3)
        _pegs(canvas, [(s * 2.9, y, s) for s in (-1, 1) for y in (-58.5, -65.5)], IVORY)
        _strings(canvas, 4, -62, -54, 8, (1.9, 2.6))
        canvas.stroke([(-0.9, 8), (0, 14)], 0.15, (200, 196, 186))
        if five:  # the short fifth string with its peg at the fifth fret
            canvas.fill([(-1.8, -38), (-3.1, -36.5), (-3.2, -30), (-2.2, -26)], tint(wood, 0.85))
            _pegs(canvas, [(-2.9, -36, -1)], IVORY)
            canvas.stroke([(-2.3, -36), (-2.6, 8)], 0.16, (222, 214, 196))

    return paint
