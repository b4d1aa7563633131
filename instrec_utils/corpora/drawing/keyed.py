"""Piano, organ and accordion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .canvas import Canvas, Colour, box, oval, spline, tint
from .design import BRASS, EBONY, IVORY, STEEL, WOODS, Design, Hold, Motion, Part, fingering, pick, vary

BLACK_AFTER = (0, 1, 3, 4, 5)  # the white keys of an octave (C = 0) with a black key to their right


def piano(generator: np.random.Generator) -> Design:
    """Return an upright piano, a grand piano or a keyboard seen from above."""
    return pick(generator, (_upright, _grand, _grand, _keyboard))(generator)


def organ(generator: np.random.Generator) -> Design:
    """Return a pipe organ's front, a console organ or a church organ's console from the organist's place."""
    return pick(generator, (_pipes, _pipes, _console, _manuals))(generator)


def accordion(generator: np.random.Generator) -> Design:
    """Return a piano or button accordion, the middle of its bellows at (0, 0)."""
    return _accordion(generator)


def _keys(
    canvas: Canvas, x0: float, x1: float, y0: float, y1: float, whites: int, *, lean: float = 0.0, first: int = 0
) -> None:
    """Draw `whites` white keys between x0 and x1 with the black ones; `lean` widens the near edge y1."""
    edges = np.linspace(x0, x1, whites + 1)
    middle = (x0 + x1) / 2
    near = middle + (edges - middle) * (1 + lean)
    line = (x1 - x0) / whites * 0.07
    canvas.fill([(x0, y0), (x1, y0), (near[-1], y1), (near[0], y1)], IVORY, sheen=0.08)
    front = y1 + (y1 - y0) * 0.09
    canvas.fill([(near[0], y1), (near[-1], y1), (near[-1], front), (near[0], front)], tint(IVORY, 0.72))
    for far, close in zip(edges, near, strict=True):
        canvas.stroke([(far, y0), (close, y1), (close, front)], line, (120, 116, 108))
    half = (x1 - x0) / whites * 0.29
    depth = y0 + (y1 - y0) * 0.62
    for index in range(whites - 1):
        if (index + first) % 7 not in BLACK_AFTER:
            continue
        far = edges[index + 1]
        close = middle + (far - middle) * (1 + lean * 0.62)
        canvas.fill(
            [(far - half, y0), (far + half, y0), (close + half * 1.08, depth), (close - half * 1.08, depth)],
            (14, 13, 15),
        )
        rim = depth - (y1 - y0) * 0.07
        canvas.fill(
            [(far - half * 0.6, y0), (far + half * 0.5, y0), (close + half * 0.6, rim), (close - half * 0.65, rim)],
            (66, 64, 70),
        )


def _playing(generator: np.random.Generator) -> tuple[Motion, Motion]:
    """Return the motions of two hands that run over a keyboard."""
    rates = generator.uniform(0.3, 0.8, 2)
    return tuple(Motion(rate=rate, shift=(6, 0.8), phase=generator.uniform()) for rate in rates)


def _finish(generator: np.random.Generator) -> tuple[Colour, float]:
    """Return a case colour and its grain: black lacquer, white or wood."""
    colour = vary(generator, pick(generator, (*[(26, 24, 27)] * 5, (232, 230, 224), *WOODS)), 8)
    return colour, 0.0 if max(colour) - min(colour) < 20 else 0.12


def _upright(generator: np.random.Generator) -> Design:
    case, grain = _finish(generator)
    height = generator.uniform(112, 130)
    sheets = generator.random() < 0.7
    panels = int(generator.integers(1, 4))

    def paint(canvas: Canvas) -> None:
        edge = tint(case, 0.45) if max(case) > 60 else (70, 68, 74)
        canvas.fill(box(-75, -height, 75, -6, radius=1), case, relief=2, grain=grain, edge=edge, edge_width=0.6)
        canvas.fill(
            box(-77, -height - 4, 77, -height + 1, radius=1), tint(case, 1.1), relief=2, edge=edge, edge_width=0.5
        )
        width = 140 / panels
        for index in range(panels):
            left = -70 + index * width
            canvas.fill(
                box(left + 2, -height + 6, left + width - 2, -82),
                tint(case, 0.9),
                relief=2,
                grain=grain,
                edge=edge,
                edge_width=0.5,
            )
        canvas.fill(box(-68, -54, 68, -12), tint(case, 0.85), relief=2, grain=grain, edge=edge, edge_width=0.5)
        canvas.fill(
            [(-34, -99), (34, -99), (37, -80), (-37, -80)], tint(case, 1.1), relief=1, edge=edge, edge_width=0.5
        )
        if sheets:
            for x in (-22, 1):
                canvas.fill([(x, -103), (x + 21, -103), (x + 21, -82), (x, -82)], (246, 243, 232), sheen=0.1)
                for y in range(-100, -84, 4):
                    canvas.stroke([(x + 2, y), (x + 19, y)], 0.35, (90, 88, 84))
        canvas.fill(
            box(-77, -75, 77, -54, radius=1), tint(case, 0.75), relief=2, grain=grain, edge=edge, edge_width=0.6
        )
        canvas.fill(box(-68, -78.5, 68, -75), (110, 24, 30))
        _keys(canvas, -66, 66, -76, -63, 36)
        for side in (-1, 1):
            canvas.fill(
                box(side * 70 - 6, -78, side * 70 + 6, -58, radius=1),
                tint(case, 1.05),
                relief=2,
                edge=edge,
                edge_width=0.5,
            )
            canvas.fill(
                box(side * 68 - 4, -55, side * 68 + 4, 0),
                tint(case, 0.95),
                relief=2,
                grain=grain,
                edge=edge,
                edge_width=0.5,
            )
        canvas.fill(box(-77, -10, 77, 0), tint(case, 0.8), relief=1.5, edge=edge, edge_width=0.5)
        for x in (-6, 0, 6):
            canvas.fill(box(x - 1.6, -9, x + 1.6, -3, radius=1), BRASS, relief=1)

    hold = Hold("back", (0, 118), 0, ((-24, -70), (24, -70)), _playing(generator), seated=True)
    return Design(paint, (-80, -height - 6, 80, 2), (0, 0), hold)


def _grand(generator: np.random.Generator) -> Design:
    case, grain = _finish(generator)
    lid_height = generator.uniform(160, 178)
    left = generator.random() < 0.3

    def paint(raw: Canvas) -> None:
        canvas = raw.at(mirror=left)
        edge = tint(case, 0.45) if max(case) > 60 else (78, 76, 84)
        for x, y in ((-70, 0), (-48, -10), (76, -6)):
            canvas.fill(
                [(x - 5, -68), (x + 5, -68), (x + 2.2, y - 3), (x - 2.2, y - 3)],
                tint(case, 0.8),
                relief=2,
                edge=edge,
                edge_width=0.4,
            )
            canvas.disc((x, y - 2), 2.2, BRASS, relief=1)
        canvas.fill(
            [(-46, -66), (-36, -66), (-38, -8), (-44, -8)], tint(case, 0.75), edge=edge, edge_width=0.4
        )  # the lyre
        for x in (-45, -41, -37):
            canvas.tube([(x, -8), (x - 4, -6)], 0.9, BRASS, ends=True)
        lid = spline([(-52, -102), (-40, -lid_height + 16), (-22, -lid_height)], steps=4)
        lid = np.vstack(
            [lid, spline([(-22, -lid_height), (26, -lid_height + 10), (70, -lid_height + 38), (104, -104)])]
        )
        canvas.fill(
            lid,
            tint(case, 0.9) if max(case) > 60 else (44, 42, 47),
            relief=3,
            sheen=0.25,
            grain=grain,
            edge=edge,
            edge_width=0.8,
        )
        inside = [(-52, -102), (-46, -106), (50, -108), (98, -102), (96, -98)]
        canvas.fill(inside, (140, 92, 34))
        for index in range(16):
            x = -42 + index * 8
            canvas.stroke([(x, -99), (x + 12, -107)], 0.5, (236, 206, 130))
        canvas.fill([(-50, -104), (94, -104), (94, -100), (-50, -100)], BRASS, alpha=0.55)
        canvas.tube([(46, -100), (24, -lid_height + 12)], 0.9, tint(case, 0.7) if max(case) > 60 else (70, 68, 72))
        rim = np.vstack(
            [
                [(-78, -99), (-60, -101)],
                spline([(-60, -101), (10, -101), (70, -101), (106, -99), (110, -90), (106, -74), (92, -68)]),
                [(-78, -66)],
            ]
        )
        canvas.fill(rim, case, relief=5, sheen=0.25, grain=grain, edge=edge, edge_width=0.8)
        canvas.fill([(-56, -96), (96, -96), (90, -93), (-56, -92)], tint(case, 1.35), alpha=0.35)
        canvas.fill(box(-92, -82, -56, -66, radius=1.5), case, relief=2, grain=grain, edge=edge, edge_width=0.5)
        arm = spline([(-92, -82), (-86, -88), (-74, -90), (-68, -99), (-56, -101), (-56, -82)])
        canvas.fill(arm, case, relief=2, edge=edge, edge_width=0.5)
        _slanted_keys(canvas)
        canvas.fill(
            [(-66, -101), (-58, -118), (-34, -118), (-42, -101)], tint(case, 1.05), relief=1, edge=edge, edge_width=0.5
        )
        canvas.fill([(-62, -103), (-57, -115), (-44, -115), (-48, -103)], (246, 243, 232))

    hold = None if left else Hold("profile", (128, 117), 0, ((-86, -86), (-80, -87)), _playing(generator), seated=True)
    return Design(paint, (-94, -lid_height - 2, 112, 2), (0, 0), hold)


def _slanted_keys(canvas: Canvas) -> None:
    """Draw the grand piano's keys as they are seen obliquely from the side."""
    canvas.fill([(-94, -85), (-62, -92), (-57, -90), (-57, -86), (-92, -80)], IVORY, edge=(90, 86, 80), edge_width=0.4)
    for share in np.linspace(0.06, 0.96, 16):
        x, y = -94 + 35 * share, -85 - 7 * share + 4.6
        canvas.stroke([(x - 0.5, y), (x + 2.2, y - 4.2)], 0.3, (120, 114, 104))
    for index in range(15):
        if index % 7 in BLACK_AFTER:
            x, y = -92.5 + 2.15 * index, -84.6 - 0.45 * index
            canvas.stroke([(x + 0.8, y + 1.6), (x + 2.4, y - 1.2)], 1.1, (16, 15, 17))


def _keyboard(generator: np.random.Generator) -> Design:
    case, grain = _finish(generator)
    whites = int(generator.integers(15, 23))
    first = int(generator.integers(0, 7))
    lean = generator.uniform(0.05, 0.3)
    half = whites * 2.35 / 2

    def paint(canvas: Canvas) -> None:
        edge = tint(case, 0.5) if max(case) > 60 else (80, 78, 86)
        wide = half * 2.4
        canvas.fill(
            box(-wide, -44, wide, -8.5),
            case,
            relief=2.5,
            grain=grain,
            sheen=0.25,
            edge=edge,
            edge_width=0.3,
        )
        canvas.fill([(-wide, -8.6), (wide, -8.6), (wide, -7.4), (-wide, -7.4)], (130, 26, 34))
        canvas.fill(
            box(-wide, 7.5, wide, 13),
            tint(case, 0.9),
            relief=2,
            grain=grain,
            edge=edge,
            edge_width=0.3,
        )
        _keys(canvas, -half, half, -7.5, 7.2, whites, lean=lean, first=first)
        for side in (-1, 1):
            x = side * half
            canvas.fill(
                [(x, -8.5), (x * 2.4, -8.5), (x * 2.4, 9), (x * (1 + lean), 9)],
                tint(case, 1.05),
                relief=1.5,
                grain=grain,
                edge=edge,
                edge_width=0.3,
            )

    hold = Hold("hands", (0, 0), 0, ((-half * 0.42, 3.5), (half * 0.42, 3)), _playing(generator))
    return Design(paint, (-half * 1.3, -20, half * 1.3, 14), (-10, 10), hold)


def _pipe(canvas: Canvas, x: float, foot: float, top: float, radius: float, metal: Colour) -> None:
    """Draw an organ pipe with its conical foot and its mouth."""
    body = foot - 5 * radius
    canvas.tube([(x, foot), (x, body)], (radius * 0.35, radius), tint(metal, 0.9))
    canvas.tube([(x, body), (x, top)], radius, metal)
    canvas.fill([(x - radius * 0.6, body), (x + radius * 0.6, body), (x, body - radius * 3)], tint(metal, 0.75))
    canvas.fill(box(x - radius * 0.6, body - radius * 0.5, x + radius * 0.6, body + radius * 0.25), (22, 18, 16))
    canvas.fill(oval((x, top), radius, radius * 0.35), tint(metal, 0.35))


def _pipes(generator: np.random.Generator) -> Design:
    wood = vary(generator, pick(generator, (*WOODS, (236, 228, 206))))
    metal = vary(generator, pick(generator, (STEEL, STEEL, (186, 190, 190), (218, 180, 96))), 8)
    towers = pick(generator, ((7, 9, 7), (5, 7, 5, 7, 5), (9, 5, 9), (5, 11, 5)))
    peaks = pick(generator, ("pointed", "rising", "falling"))
    gilt = generator.random() < 0.6

    def paint(canvas: Canvas) -> None:
        count = sum(towers)
        pitch = 230 / (count + len(towers))
        canvas.fill(box(-128, -150, 128, 0), tint(wood, 0.7), relief=3, grain=0.14)
        x = -115 + pitch / 2
        for number, pipes in enumerate(towers):
            tall = 330 if (number == len(towers) // 2) == (peaks != "falling") else 282
            left, right = x - pitch * 0.8, x + pitch * (pipes - 0.2)
            canvas.fill(box(left, -tall, right, -146), tint(wood, 0.32))
            for index in range(pipes):
                away = abs(index - (pipes - 1) / 2) / (pipes / 2)
                drop = 46 * (away if peaks == "pointed" else 1 - away if peaks == "falling" else index / pipes)
                _pipe(canvas, x + index * pitch, -150, -tall + 16 + drop, pitch * 0.43, metal)
            for post in (left, right):
                canvas.fill(box(post - 2.4, -tall, post + 2.4, -140), wood, relief=2, grain=0.2)
            middle = (left + right) / 2
            cornice = [
                (left - 5, -tall),
                (left - 5, -tall - 6),
                (middle, -tall - 20),
                (right + 5, -tall - 6),
                (right + 5, -tall),
            ]
            canvas.fill(cornice, wood, relief=3, grain=0.2, edge=BRASS if gilt else tint(wood, 0.5), edge_width=1.2)
            x += pitch * (pipes + 1)
        canvas.fill(
            box(-132, -153, 132, -143, radius=1),
            wood,
            relief=3,
            edge=BRASS if gilt else tint(wood, 0.5),
            edge_width=1.0,
        )
        for left in (-122, -66, 70 - 4, 122 - 52):
            canvas.fill(
                box(left, -136, left + 50, -8),
                tint(wood, 0.9),
                relief=3,
                grain=0.14,
                edge=tint(wood, 0.4),
                edge_width=0.8,
            )
        _church_console(canvas.at(0, -52, scale=0.92), wood, manuals=2)

    hold = Hold("back", (0, 128), 0, ((-22, -76), (22, -72)), _playing(generator), seated=True)
    return Design(paint, (-135, -354, 135, 4), (0, 0), hold)


def _church_console(canvas: Canvas, wood: Colour, *, manuals: int) -> None:
    """Draw stepped manuals with stop knobs on both sides, the front edge of the lowest manual at y = 0."""
    rise = 13
    top = -rise * manuals - 34
    canvas.fill(box(-62, top, 62, 6), tint(wood, 0.55), relief=2, grain=0.2, edge=tint(wood, 0.3), edge_width=0.6)
    canvas.fill([(-22, top + 26), (22, top + 26), (20, top + 6), (-20, top + 6)], (246, 243, 232), sheen=0.1)
    canvas.stroke([(0, top + 6), (0, top + 26)], 0.4, (140, 136, 128))
    for y in range(4):
        canvas.stroke([(-18, top + 10 + 4 * y), (-2, top + 10 + 4 * y)], 0.35, (110, 106, 100))
        canvas.stroke([(2, top + 10 + 4 * y), (18, top + 10 + 4 * y)], 0.35, (110, 106, 100))
    for manual in range(manuals):
        y = -rise * (manuals - manual - 1)
        width = 37
        canvas.fill(
            box(-width - 5, y - rise + 1, width + 5, y + 2),
            tint(wood, 0.85),
            relief=1,
            edge=tint(wood, 0.35),
            edge_width=0.4,
        )
        _keys(canvas, -width, width, y - rise + 3, y - 0.8, 29)
        for x in np.arange(-24, 25, 6):
            canvas.disc((x, y + 1.1), 0.9, IVORY, edge=(110, 100, 84), edge_width=0.2)
    for side in (-1, 1):
        for row in range(manuals + 3):
            for column in range(3):
                centre = (side * (45 + column * 5.6), 1 - row * (rise * manuals + 22) / (manuals + 2.4))
                canvas.disc((centre[0] + 0.4, centre[1] + 0.6), 2.0, (20, 14, 10))
                canvas.disc(centre, 2.0, IVORY, relief=1, edge=(70, 50, 34), edge_width=0.4)
    canvas.fill(box(-64, 2, 64, 10, radius=1), tint(wood, 0.9), relief=2, grain=0.2)


def _manuals(generator: np.random.Generator) -> Design:
    wood = vary(generator, pick(generator, WOODS))
    manuals = int(generator.integers(2, 5))

    def paint(canvas: Canvas) -> None:
        canvas.fill(box(-150, -13 * manuals - 120, 150, -13 * manuals - 30), tint(wood, 0.7), relief=3, grain=0.14)
        for x in (-150, 66):
            panel = box(x, -13 * manuals - 32, x + 84, 60)
            canvas.fill(panel, tint(wood, 0.8), relief=3, grain=0.14, edge=tint(wood, 0.35), edge_width=0.6)
        canvas.fill(box(-66, 8, 66, 60), tint(wood, 0.45), relief=2)
        _church_console(canvas, wood, manuals=manuals)

    hold = Hold("hands", (0, 0), 0, ((-18, -1), (15, -13)), _playing(generator))
    return Design(paint, (-64, -13 * manuals - 36, 64, 12), (-4, 4), hold)


def _console(generator: np.random.Generator) -> Design:
    wood = vary(generator, pick(generator, WOODS))
    pedals = int(generator.integers(13, 21))
    spread = generator.uniform(55, 62)

    def paint(canvas: Canvas) -> None:
        dark = tint(wood, 0.4)
        canvas.fill(box(-60, -58, 60, -8), tint(wood, 0.35))
        for index in range(pedals):  # the pedal board
            x = (index - (pedals - 1) / 2) * 92 / pedals
            black = index % 7 in BLACK_AFTER
            canvas.fill(
                [
                    (x - 1.6, -20),
                    (x + 1.6, -20),
                    (x * 1.12 + 1.9, -8 if black else 2),
                    (x * 1.12 - 1.9, -8 if black else 2),
                ],
                (30, 26, 26) if black else (206, 170, 120),
                relief=1,
                edge=dark,
                edge_width=0.3,
            )
        for side in (-1, 1):
            canvas.fill(
                box(side * spread - 5, -64, side * spread + 5, 0), wood, relief=3, grain=0.14, edge=dark, edge_width=0.5
            )
        canvas.fill(box(-68, -72, 68, -56, radius=1.5), wood, relief=3, grain=0.14, edge=dark, edge_width=0.6)
        canvas.fill(
            [(-62, -110), (62, -110), (66, -70), (-66, -70)],
            tint(wood, 0.8),
            relief=3,
            grain=0.14,
            edge=dark,
            edge_width=0.6,
        )
        canvas.fill(box(-66, -116, 66, -109, radius=1), wood, relief=2, grain=0.14, edge=dark, edge_width=0.5)
        canvas.fill(
            [(-30, -134), (30, -134), (33, -115), (-33, -115)], tint(wood, 0.9), relief=2, edge=dark, edge_width=0.5
        )
        canvas.fill([(-20, -137), (0, -136), (20, -137), (20, -117), (-20, -117)], (246, 243, 232), sheen=0.1)
        canvas.stroke([(0, -136), (0, -117)], 0.4, (150, 146, 138))
        canvas.fill(box(-56, -107, 56, -100), (36, 28, 26))
        colours = ((236, 232, 222), (150, 40, 34), (236, 232, 222), (36, 34, 36))
        for index in range(27):  # drawbars and tabs
            x = -52 + index * 4
            drop = 2.5 * abs(np.sin(index * 1.7))
            canvas.fill(
                box(x - 1.4, -106, x + 1.4, -102 + drop, radius=0.6),
                colours[index % 4],
                edge=(20, 18, 18),
                edge_width=0.25,
            )
        for y in (-97, -82):
            canvas.fill(box(-58, y - 1, 58, y + 13), tint(wood, 0.6), edge=dark, edge_width=0.4)
            _keys(canvas, -50, 50, y, y + 10.5, 36)
            for side in (-1, 1):
                canvas.fill(
                    box(side * 55 - 3.4, y - 1, side * 55 + 3.4, y + 12, radius=0.6),
                    wood,
                    relief=1.5,
                    edge=dark,
                    edge_width=0.3,
                )
                for x in (-1.6, 1.6):
                    canvas.disc((side * 55 + x, y + 4), 1.0, (190, 40, 34) if x < 0 else IVORY)

    hold = Hold("back", (0, 122), 0, ((-20, -88), (22, -74)), _playing(generator), seated=True)
    return Design(paint, (-72, -138, 72, 4), (0, 0), hold)


def _accordion(generator: np.random.Generator) -> Design:
    colours = (
        (170, 24, 32),
        (28, 26, 30),
        (30, 60, 130),
        (236, 232, 226),
        (30, 100, 70),
        (120, 30, 60),
        (206, 120, 40),
    )
    shell = vary(generator, pick(generator, colours))
    cloth = vary(generator, pick(generator, ((150, 24, 30), (30, 28, 32), (226, 214, 186), (30, 50, 100))))
    buttons = generator.random() < 0.35
    folds = int(generator.integers(9, 14))
    width = generator.uniform(20, 34)
    fan = generator.uniform(0.0, 9.0)

    rate, phase = generator.uniform(0.25, 0.5), generator.uniform()
    pull = generator.uniform(0.1, 0.22)
    bass_motion = Motion(rate=rate, shift=(pull * width, 0), phase=phase)
    parts = (
        Part(
            lambda canvas: _bellows(canvas, width, fan, folds, cloth),
            Motion(rate=rate, stretch=pull, pivot=(-width / 2, 0), phase=phase),
            loose=False,
        ),
        Part(lambda canvas: _bass_side(canvas.at(width / 2, 0, angle=-fan * 0.6), shell), bass_motion, loose=False),
    )

    def paint(canvas: Canvas) -> None:
        _treble_side(canvas.at(-width / 2, 0, angle=fan * 0.6), shell, buttons=buttons)

    motions = (fingering(generator), bass_motion)
    hands = ((-width / 2 - 14, 4), (width / 2 + 13, 2))
    seated = generator.random() < 0.5
    hold = Hold("front", (2, 37), generator.uniform(-6, 6), hands, motions, seated=seated)
    return Design(paint, (-width / 2 - 21, -25, width / 2 + 16, 25), (-15, 15), hold, parts)


def _bellows(canvas: Canvas, width: float, fan: float, folds: int, cloth: Colour) -> None:
    for index in range(folds):
        corners = []
        for share in (index / folds, (index + 0.5) / folds, (index + 1) / folds):
            x = (share - 0.5) * width
            bulge = 1.3 if share * folds % 1 else 0
            turn = (share - 0.5) * fan * 0.045
            corners.append((x - 20 * turn * 0.6, -20.5 - bulge, x + 26 * turn, 20.5 + bulge))
        for first, second, colour in ((0, 1, tint(cloth, 1.18)), (1, 2, tint(cloth, 0.5))):
            a, b = corners[first], corners[second]
            canvas.fill([(a[0], a[1]), (b[0], b[1]), (b[2], b[3]), (a[2], a[3])], colour)
        ridge = corners[1]
        canvas.stroke([(ridge[0], ridge[1]), (ridge[2], ridge[3])], 0.28, (232, 210, 150))
        for y, x in ((ridge[1], ridge[0]), (ridge[3], ridge[2])):
            canvas.disc((x, y), 0.5, STEEL)


def _treble_side(canvas: Canvas, shell: Colour, *, buttons: bool) -> None:
    """Draw the grille and the keyboard side; its bellows edge is x = 0, the keys lie at its left."""
    trim = STEEL
    if buttons:
        canvas.fill(
            box(-19, -21, -7, 21, radius=3), tint(shell, 0.85), relief=1.5, edge=tint(shell, 0.4), edge_width=0.3
        )
        for column in range(4):
            for row in range(14):
                centre = (-17 + column * 2.9, -18.6 + row * 2.75 + column * 0.7)
                black = (row * 2 + column) % 5 in (1, 3)
                canvas.disc(centre, 1.05, EBONY if black else IVORY, relief=0.5, edge=(70, 66, 64), edge_width=0.15)
    else:
        canvas.fill(box(-20.5, -23.5, -6, 23.5, radius=1), tint(shell, 0.6), edge=tint(shell, 0.3), edge_width=0.3)
        # The keyboard stands upright: its keys lie along x and the low notes are at the top.
        _keys(canvas.at(-6, 0, angle=90), -22.5, 22.5, 1.0, 13.0, 24)
    grille = [(-8, -24), (-1, -23), (0.6, -21.5), (0.6, 21.5), (-1, 23), (-8, 24)]
    canvas.fill(grille, shell, relief=2.2, sheen=0.3, edge=trim, edge_width=0.35)
    for y in np.linspace(-17, 17, 9):
        canvas.fill(
            spline([(-5.6, y - 1.2), (-2.0, y - 1.5), (-1.6, y), (-2.4, y + 1.3), (-5.6, y + 0.9)], closed=True),
            (24, 20, 22),
            edge=trim,
            edge_width=0.2,
        )
    for y in np.linspace(-19, 19, 9):
        canvas.fill(
            box(-7.6, y - 0.9, -6.2, y + 0.9, radius=0.3),
            IVORY if round(y) % 2 else EBONY,
            edge=(60, 58, 56),
            edge_width=0.12,
        )


def _bass_side(canvas: Canvas, shell: Colour) -> None:
    canvas.fill(box(-0.6, -21.5, 15, 21.5, radius=2.5), shell, relief=2.2, sheen=0.3, edge=STEEL, edge_width=0.35)
    canvas.fill(box(2.2, -18, 10, 18, radius=1), tint(shell, 0.6), edge=STEEL, edge_width=0.2)
    for column in range(4):
        for row in range(15):
            centre = (3.4 + column * 1.75, -16.6 + row * 2.3 + column * 0.35)
            canvas.disc(centre, 0.72, IVORY if (row + column) % 6 else (60, 56, 60), edge=(60, 58, 56), edge_width=0.12)
    canvas.fill(
        spline(
            [(11.6, -19), (15.8, -10), (16.2, 0), (15.8, 10), (11.6, 19), (13.2, 10), (13.6, 0), (13.2, -10)],
            closed=True,
        ),
        (40, 28, 24),
        relief=0.7,
    )
