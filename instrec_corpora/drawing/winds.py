"""Clarinet, flute, saxophone, trumpet and harmonica."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from instrec_corpora.drawing.canvas import Canvas, Colour, box, oval, spline, tint
from instrec_corpora.drawing.design import BRASS, EBONY, IVORY, STEEL, Design, Hold, fingering, pick, vary

LACQUERS = (BRASS, (222, 180, 92), (200, 150, 60), (206, 210, 216), (176, 128, 66), (226, 190, 110))


def clarinet(generator: np.random.Generator) -> Design:
    """Return a clarinet, the mouthpiece's tip at (0, 0), its bell below."""
    paint = _clarinet(generator)
    angle = generator.uniform(14, 34) * pick(generator, (-1, 1))
    motions = (fingering(generator), fingering(generator))
    hold = Hold("front", (0, 0.5), angle, ((-1.5, 43), (1.5, 24)), motions, seated=generator.random() < 0.4)
    return Design(paint, (-5.5, 0, 5.5, 66), pick(generator, ((-40, 40), (40, 130), (-130, -40))), hold)


def flute(generator: np.random.Generator) -> Design:
    """Return a transverse flute along x, its embouchure hole at (0, 0), its foot at the left."""
    paint = _wooden_flute(generator) if generator.random() < 0.2 else _flute(generator)
    motions = (fingering(generator), fingering(generator))
    hold = Hold(
        "front", (0, 1.2), generator.uniform(-14, 6), ((-41, 1.2), (-21, 1.2)), motions, seated=generator.random() < 0.3
    )
    return Design(paint, (-53, -4, 17, 4), pick(generator, ((-45, 45), (-20, 20))), hold)


def saxophone(generator: np.random.Generator) -> Design:
    """Return an alto, tenor or soprano saxophone, the mouthpiece's tip at (0, 0)."""
    lacquer = vary(generator, pick(generator, LACQUERS))
    keys = pick(generator, (tint(lacquer, 1.15), tint(lacquer, 0.92), STEEL))
    if generator.random() < 0.2:
        angle = generator.uniform(16, 34) * pick(generator, (-1, 1))
        motions = (fingering(generator), fingering(generator))
        hold = Hold("front", (0, 0.5), angle, ((-1.5, 44), (1.5, 26)), motions)
        return Design(_soprano(lacquer, keys), (-6, 0, 6, 66), (-45, 45), hold)
    size = pick(generator, (1.0, 1.0, 1.18))
    motions = (fingering(generator), fingering(generator))
    hold = Hold(
        "front", (0, 0.5), generator.uniform(12, 30), ((20 * size, 37 * size), (21.5 * size, 17 * size)), motions
    )
    extent = (-2 * size, -8 * size, 42 * size, 64 * size)
    return Design(_alto(lacquer, keys, size), extent, pick(generator, ((-20, 20), (-10, 40), (50, 80))), hold)


def trumpet(generator: np.random.Generator) -> Design:
    """Return a trumpet along x, its mouthpiece at (0, 0), its bell at the right."""
    paint = _trumpet(vary(generator, pick(generator, LACQUERS)))
    motions = (fingering(generator), fingering(generator))
    hold = Hold("profile", (1.0, 0), generator.uniform(-8, 10), ((22.5, 11), (28.5, 10)), motions)
    return Design(paint, (0, -9, 54, 16), (-35, 35), hold)


def harmonica(generator: np.random.Generator) -> Design:
    """Return a diatonic or chromatic harmonica along x, the middle of its holes at (0, 0)."""
    chromatic = generator.random() < 0.3
    width = 15.5 if chromatic else 10.4
    paint = _harmonica(generator, width, holes=12 if chromatic else 10, slide=chromatic)
    edge = width / 2 + 4.5
    motions = (fingering(generator), fingering(generator))
    hold = Hold("front", (0, 0.6), generator.uniform(-8, 8), ((-edge, 2.5), (edge, 2.5)), motions)
    extent = (-width / 2 - 1, -2.6, width / 2 + (2 if chromatic else 1), 2.6)
    return Design(paint, extent, (-35, 35), hold)


def _rod(canvas: Canvas, start: tuple[float, float], end: tuple[float, float], metal: Colour) -> None:
    canvas.tube([start, end], 0.28, metal, ends=True)


def _pad(canvas: Canvas, centre: tuple[float, float], radius: float, metal: Colour, *, pearl: bool = False) -> None:
    """Draw a round key cup."""
    canvas.disc(centre, radius, tint(metal, 0.42))
    canvas.disc(centre, radius * 0.9, metal, relief=radius * 0.8, sheen=0.3)
    if pearl:
        canvas.disc(centre, radius * 0.55, (246, 243, 238), relief=radius * 0.3)
    else:
        canvas.disc((centre[0] - radius * 0.2, centre[1] - radius * 0.25), radius * 0.3, tint(metal, 1.7))


def _clarinet(generator: np.random.Generator) -> Callable[[Canvas], None]:
    body = vary(generator, pick(generator, (EBONY, EBONY, EBONY, (70, 34, 24))), 8)
    metal = pick(generator, (STEEL, STEEL, STEEL, STEEL, (222, 196, 120)))

    def paint(canvas: Canvas) -> None:
        canvas.tube([(0, 0), (0, 2), (0, 8.5)], (0.45, 1.1, 1.35), (40, 38, 40), gloss=0.9)
        canvas.fill([(-0.75, 0.2), (0.5, 0.2), (0.75, 3.6), (-0.9, 3.6)], (214, 186, 120))  # the reed
        canvas.tube([(0, 3.6), (0, 6.4)], 1.5, metal)
        for y in (4.3, 5.6):
            canvas.stroke([(-1.5, y), (1.5, y)], 0.3, tint(metal, 0.5))
        bore = np.array([(0, 8.5), (0, 10), (0, 14.6), (0, 15), (0, 55), (0, 58), (0, 61.5), (0, 64.5), (0, 66)])
        path = np.array([(0, y) for y in np.linspace(8.5, 66, 80)])
        radius = np.interp(path[:, 1], bore[:, 1], (1.7, 2.3, 2.2, 1.95, 2.15, 2.4, 3.0, 4.2, 4.9))
        canvas.tube(path, radius, body, gloss=0.75)
        canvas.tube([(0, 65.4), (0, 66.2)], 5.0, metal)
        for y, half in ((8.7, 2.0), (14.8, 2.2), (35.4, 2.2), (36.6, 2.2), (56, 2.4)):
            canvas.tube([(0, y - 0.5), (0, y + 0.5)], half, metal)
        _clarinet_keys(canvas, metal)

    return paint


def _clarinet_keys(canvas: Canvas, metal: Colour) -> None:
    _rod(canvas, (1.75, 17), (1.75, 33.5), metal)
    _rod(canvas, (1.8, 38), (1.8, 54), metal)
    _rod(canvas, (-1.85, 40), (-1.85, 55), metal)
    for y in (20, 23.2, 26.4, 39.5, 42.7, 45.9):  # ring keys over the finger holes
        canvas.disc((0, y), 1.15, metal, relief=0.8)
        canvas.disc((0, y), 0.78, (16, 14, 14))
    for y, side in ((17.2, 0.1), (29.4, 0.2), (32, -0.4), (49.5, 0.3), (52.6, -0.2)):
        _pad(canvas, (side, y), 1.15, metal)
    for y in (28.5, 30.2, 31.9, 33.6):  # the trill levers at the side
        canvas.tube([(-1.5, y), (-3.1, y + 0.9)], 0.42, metal, ends=True)
    for x, y in ((2.6, 36.5), (3.3, 38.2), (-2.9, 51), (-3.6, 52.8), (-2.7, 54.4)):
        canvas.tube([(np.sign(x) * 1.3, y + 1), (x, y)], 0.5, metal, ends=True)
    _pad(canvas, (1.6, 58.4), 1.5, metal)
    canvas.tube([(1.5, 12.8), (2.2, 17.5)], 0.4, metal, ends=True)


def _flute(generator: np.random.Generator) -> Callable[[Canvas], None]:
    metal = vary(generator, pick(generator, (STEEL, STEEL, (222, 222, 226), (224, 190, 116), (222, 170, 140))), 8)
    open_holes = generator.random() < 0.5

    def paint(canvas: Canvas) -> None:
        canvas.tube([(16, 0), (-52, 0)], 1.15, metal, gloss=0.8, ends=True)
        canvas.tube([(16.4, 0), (14.4, 0)], 1.3, metal, gloss=0.8)
        for x in (-7.6, -41.6):
            canvas.tube([(x + 0.9, 0), (x - 0.9, 0)], 1.5, metal, gloss=0.8)
        canvas.tube([(-51.3, 0), (-52.2, 0)], 1.35, metal)
        canvas.fill(oval((0, -0.1), 2.4, 1.55), metal, relief=1.0, edge=tint(metal, 0.45), edge_width=0.2)
        canvas.fill(oval((0, -0.25), 0.72, 0.5), (20, 20, 24))
        _rod(canvas, (-11, -1.45), (-40, -1.45), metal)
        _rod(canvas, (-43, -1.4), (-51, -1.4), metal)
        for x in (-11, -18, -25.4, -33, -40):
            canvas.tube([(x, -1.9), (x, -0.4)], 0.35, metal)
        cups = (-12.2, -14.8, -17.6, -20.4, -23.2, -26, -29.4, -32.2, -35, -38, -44.4, -47, -49.6)
        for index, x in enumerate(cups):
            _pad(canvas, (x, -0.35), 1.3, metal)
            if open_holes and index in (4, 5, 6, 7, 8):
                canvas.disc((x, -0.35), 0.5, (30, 30, 34))
        for x in (-16.2, -28, -36.5):
            canvas.tube([(x, 0.9), (x - 2.6, 2.3)], 0.45, metal, ends=True)
        canvas.tube([(-42.6, 1.4), (-45.5, 2.2)], 0.6, metal, ends=True)

    return paint


def _wooden_flute(generator: np.random.Generator) -> Callable[[Canvas], None]:
    wood = vary(generator, pick(generator, ((60, 34, 24), (120, 66, 32), (176, 116, 58))))
    ring = pick(generator, (IVORY, STEEL, BRASS))

    def paint(canvas: Canvas) -> None:
        path = np.column_stack([np.linspace(15, -50, 40), np.zeros(40)])
        canvas.tube(path, np.interp(path[:, 0], (-50, -5, 15), (1.2, 1.75, 1.75)), wood, ends=True)
        for x in (14.6, 6.5, -8, -29.5, -43, -49.6):
            canvas.tube([(x + 0.6, 0), (x - 0.6, 0)], 1.95, ring)
        canvas.fill(oval((0, -0.3), 0.85, 0.65), (14, 10, 10))
        for x in (-14, -17.2, -20.4, -33, -36.2, -39.4):
            canvas.fill(oval((x, -0.35), 0.62, 0.55), (14, 10, 10))
        _pad(canvas, (-46, -0.3), 1.2, STEEL)
        canvas.tube([(-44.6, -0.3), (-41.5, 0.8)], 0.35, STEEL, ends=True)

    return paint


def _mouthpiece(canvas: Canvas, path: list[tuple[float, float]], metal: Colour) -> None:
    """Draw a saxophone's mouthpiece with its ligature along the three points of `path`, tip first."""
    canvas.tube(path, (0.5, 1.25, 1.45), (36, 34, 36), gloss=0.9)
    middle = np.array([np.add(path[1], np.subtract(path[2], path[1]) * share) for share in (0.05, 0.6)])
    canvas.tube(middle, 1.55, metal)


def _soprano(lacquer: Colour, keys: Colour) -> Callable[[Canvas], None]:
    def paint(canvas: Canvas) -> None:
        path = np.array([(0, y) for y in np.linspace(8, 66, 70)])
        radius = np.interp(path[:, 1], (8, 12, 40, 58, 63, 66), (0.8, 1.1, 2.2, 3.1, 4.2, 5.6))
        canvas.tube(path, radius, lacquer)
        _mouthpiece(canvas, [(0, 0), (0, 3), (0, 8.5)], lacquer)
        canvas.tube([(0, 12), (0, 13.4)], 1.7, tint(lacquer, 1.1))
        _rod(canvas, (2.2, 16), (2.6, 40), keys)
        _rod(canvas, (-2.4, 34), (-2.8, 56), keys)
        for index, y in enumerate(np.linspace(17, 56, 13)):
            _pad(
                canvas,
                (0.5 * (-1) ** index, y),
                np.interp(y, (17, 56), (1.1, 2.3)),
                keys,
                pearl=index in (2, 3, 4, 7, 8, 9),
            )
        for y in (20, 24, 46):
            canvas.tube([(-1.4, y), (-3.4, y + 1.6)], 0.5, keys, ends=True)
        canvas.tube([(0, 65), (0, 66.2)], 5.8, tint(lacquer, 1.1))

    return paint


def _alto(lacquer: Colour, keys: Colour, size: float) -> Callable[[Canvas], None]:
    """Draw the curved saxophone: neck, straight conical body, bow and flared bell."""
    neck = [(6.5, 0.2), (11, -3.6), (15.5, -5.6), (19.3, -4), (20.5, 1)]
    body = [(20.5, 1), (20.8, 14), (21.2, 30), (21.5, 44)]
    bow = [(21.5, 44), (22.4, 52), (28, 57), (33.6, 52), (34.6, 44)]
    bell = [(34.6, 44), (35, 34), (35.8, 26), (37.6, 21)]

    def paint(raw: Canvas) -> None:
        canvas = raw.at(scale=size)
        curve = spline([*body, *bow[1:], *bell[1:]], steps=12)
        along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
        along /= along[-1]
        radius = np.interp(along, (0, 0.42, 0.6, 0.8, 0.9, 0.96, 1), (1.5, 3.0, 3.8, 4.4, 5.2, 6.4, 8.2))
        _rod(canvas, (24.6, 30), (31, 32), keys)  # the brace between body and bell
        canvas.tube(curve, radius, lacquer)
        canvas.tube(spline(neck), np.linspace(0.85, 1.45, len(spline(neck))), lacquer)
        canvas.tube([(5.4, 1.0), (8.6, -1.8)], 0.95, (196, 160, 110))  # the cork
        _mouthpiece(canvas, [(0, 3.6), (2.6, 2.6), (6.9, 0)], lacquer)
        canvas.tube([(20.4, -0.8), (20.5, 2.2)], 1.9, tint(lacquer, 1.1))
        canvas.tube([(18.2, 41.5), (24.8, 41.8)], 0.5, tint(lacquer, 1.1))
        canvas.fill(
            oval((38.2, 19.6), 8.6, 2.9, angle=22), tint(lacquer, 1.15), edge=tint(lacquer, 0.4), edge_width=0.3
        )
        canvas.fill(oval((38.3, 19.4), 7.4, 2.2, angle=22), tint(lacquer, 0.3), sheen=0.6)
        _alto_keys(canvas, keys)

    return paint


def _alto_keys(canvas: Canvas, metal: Colour) -> None:
    _rod(canvas, (23.6, 5), (24.4, 42), metal)
    _rod(canvas, (18.4, 6), (18.2, 40), metal)
    pearls = (9.2, 12.6, 16.0, 27.0, 30.8, 34.6)
    for y in (6.2, *pearls, 20.6, 23.6, 38.8):
        centre = 20.7 + y * 0.018
        _pad(canvas, (centre, y), np.interp(y, (5, 40), (1.35, 2.3)), metal, pearl=y in pearls)
    for y, reach in ((11, 16.4), (14.5, 16.0), (24, 15.8), (36, 16)):
        canvas.tube([(18.6, y), (reach, y + 2.2)], 0.55, metal, ends=True)
    canvas.fill(box(24.6, 17.5, 27.4, 21.5, radius=0.8), metal, relief=0.7, edge=tint(metal, 0.4), edge_width=0.2)
    for y in (29.5, 37.5):  # the large bell keys under their guard
        _pad(canvas, (37.0, y), 3.1, metal)
        canvas.stroke([(33.6, y - 2.2), (40.2, y + 2.2)], 0.5, tint(metal, 0.75))
    _pad(canvas, (28, 54), 2.7, metal)


def _trumpet(metal: Colour) -> Callable[[Canvas], None]:
    def paint(canvas: Canvas) -> None:
        tubing = 0.68
        turn = oval((14, 4.5), 4.5, arc=(270, 90), steps=20)  # behind, from the bell's tube down
        canvas.tube(np.vstack([[(40, 0)], turn, [(24, 9)]]), tubing * 1.15, metal)
        slide = oval((41.5, 4.1), 4.7, arc=(-90, 90), steps=20)
        canvas.tube(np.vstack([[(8, -0.9), (41, -0.6)], slide, [(31, 8.8)]]), tubing, metal)
        for x in (31.5, 38):
            canvas.tube([(x, -0.9), (x, 9)], 0.35, metal)
        bell = np.column_stack([np.linspace(30, 54, 50), np.linspace(0.05, 0.4, 50)])
        canvas.tube(bell, np.interp(bell[:, 0], (30, 42, 47, 50.5, 52.8, 54), (0.85, 1.3, 2.0, 3.2, 4.9, 6.5)), metal)
        canvas.fill(oval((54, 0.4), 0.9, 6.6), tint(metal, 1.25), edge=tint(metal, 0.45), edge_width=0.25)
        canvas.tube([(0.6, -1), (3, -1), (8.6, -0.9)], (1.25, 0.6, 0.75), STEEL, gloss=0.9)
        canvas.tube([(0, -1), (1.1, -1)], 1.45, STEEL, gloss=0.9)
        canvas.tube([(7.6, -0.9), (10.5, -0.9)], 0.95, tint(metal, 1.1))
        _trumpet_valves(canvas, metal)

    return paint


def _trumpet_valves(canvas: Canvas, metal: Colour) -> None:
    canvas.tube(np.vstack([[(27.5, 4.6)], oval((34.2, 5.7), 1.1, arc=(-90, 90)), [(27.5, 6.8)]]), 0.55, metal)
    canvas.tube(np.vstack([[(22, 4)], oval((17.8, 5.2), 1.2, arc=(270, 90)), [(22, 6.4)]]), 0.55, metal)
    for x in (22, 25.4, 28.8):
        canvas.tube([(x, -6.6), (x, -3.4)], 0.34, STEEL, gloss=0.9)
        canvas.tube([(x, -3.0), (x, 13)], 1.55, metal)
        for y in (-2.6, 0.6, 9.4, 12.6):
            canvas.tube([(x, y - 0.45), (x, y + 0.45)], 1.72, tint(metal, 1.08))
        canvas.tube([(x, 13), (x, 14.2)], 0.8, metal)
        canvas.tube([(x, -7.2), (x, -6.4)], 1.2, (242, 240, 232))
    canvas.stroke(oval((33.4, -2.6), 1.3, steps=24), 0.45, tint(metal, 0.85))  # finger hook and ring
    canvas.stroke(oval((36.5, 8.0), 1.4, steps=24), 0.45, tint(metal, 0.85))


def _harmonica(generator: np.random.Generator, width: float, *, holes: int, slide: bool) -> Callable[[Canvas], None]:
    comb = vary(generator, pick(generator, ((60, 34, 22), (30, 28, 30), (150, 30, 30), (34, 60, 130), (206, 160, 96))))
    cover = vary(generator, pick(generator, (STEEL, STEEL, (214, 180, 100), (60, 62, 70), (190, 60, 50))), 8)
    ornament = int(generator.integers(2, 5))
    half = width / 2

    def paint(canvas: Canvas) -> None:
        plate = [(-half + 0.5, -0.75), (-half + 0.9, -2.2), (-half + 1.5, -2.5), (half - 1.5, -2.5), (half - 0.9, -2.2)]
        plate += [(half - 0.5, -0.75)]
        canvas.fill(box(-half - 0.1, -1.1, half + 0.1, 1.25, radius=0.45), tint(comb, 0.6))
        for flip in (1, -1):
            shape = np.array(plate) * (1, flip)
            canvas.fill(shape, cover, relief=1.0, sheen=0.35, edge=tint(cover, 0.4), edge_width=0.12)
            canvas.stroke([(-half + 1, -1.25 * flip), (half - 1, -1.25 * flip)], 0.12, tint(cover, 0.6))
        for index in range(ornament):
            x = (index - (ornament - 1) / 2) * width / (ornament + 1.5)
            canvas.stroke(spline([(x - 0.7, -1.85), (x, -2.1), (x + 0.7, -1.75)]), 0.13, tint(cover, 0.5))
        canvas.tube([(-half + 1.2, -2.3), (half - 1.2, -2.3)], 0.1, tint(cover, 1.5))
        canvas.fill(box(-half, -0.8, half, 0.8, radius=0.3), comb, relief=0.4, edge=tint(comb, 0.4), edge_width=0.1)
        canvas.stroke([(-half + 0.2, -0.78), (half - 0.2, -0.78)], 0.14, (214, 190, 120))
        canvas.stroke([(-half + 0.2, 0.78), (half - 0.2, 0.78)], 0.14, (214, 190, 120))
        pitch = (width - 1.6) / holes
        for index in range(holes):
            x = -half + 0.8 + pitch * (index + 0.5)
            canvas.fill(
                box(x - 0.32 * pitch, -0.5, x + 0.32 * pitch, 0.5), (10, 8, 8), edge=tint(comb, 1.4), edge_width=0.06
            )
        for x in (-half + 1.0, half - 1.0):
            canvas.disc((x, -1.1), 0.22, tint(cover, 1.3), edge=(50, 50, 54), edge_width=0.08)
        if slide:
            canvas.tube([(half, 0), (half + 1.2, 0)], 0.28, STEEL)
            canvas.tube([(half + 1.0, 0), (half + 1.7, 0)], 0.75, STEEL)

    return paint
