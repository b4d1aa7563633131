"""Drum kit, snare drum, bongos and djembe."""

from __future__ import annotations

from functools import partial

import numpy as np

from instrec_corpora.drawing.canvas import Canvas, Colour, Point, box, oval, spline, symmetric, tint
from instrec_corpora.drawing.design import STEEL, WOODS, Design, Hold, Motion, Part, pick, vary

BRONZE = (206, 164, 78)
SHELLS = ((176, 28, 36), (28, 60, 140), (30, 30, 34), (236, 232, 222), (30, 110, 90), (196, 120, 50), (150, 150, 160))


def drums(generator: np.random.Generator) -> Design:
    """Return a drum kit or a single drum or pair, standing on y = 0."""
    build = pick(generator, (_kit, _kit, _kit, _snare, _bongos, _djembe))
    return build(generator)


def _sticks(generator: np.random.Generator, grips: tuple[Point, Point], tips: tuple[Point, Point]) -> tuple[Part, Part]:
    """Return two beating sticks."""
    rate = generator.uniform(1.6, 3.0)
    left, right = (
        Part(partial(_stick, path=(grip, tip)), Motion(rate=rate, swing=9, pivot=grip, phase=0.5 * index))
        for index, (grip, tip) in enumerate(zip(grips, tips, strict=True))
    )
    return left, right


def _stick(canvas: Canvas, path: tuple[Point, Point]) -> None:
    canvas.tube(path, (0.9, 0.65), (222, 184, 124), ends=True)
    canvas.disc(path[1], 1.0, (230, 196, 140))


def _drum(
    canvas: Canvas,
    x: float,
    top: float,
    radius: float,
    depth: float,
    shell: Colour,
    *,
    lugs: int = 5,
    tilt: float = 0.22,
) -> None:
    """Draw a drum seen from the front and slightly from above, its upper hoop's middle at (x, top)."""
    ry = radius * tilt
    front = np.vstack([oval((x, top), radius, ry, arc=(180, 0)), oval((x, top + depth), radius, ry, arc=(0, 180))])
    canvas.fill(front, tint(shell, 0.85))
    for share, strength in ((0.62, 0.16), (0.4, 0.2), (0.16, 0.26)):
        stripe = [(x - radius * 0.42 - radius * share * 0.6, top), (x - radius * 0.42 + radius * share * 0.6, top)]
        stripe += [(stripe[1][0], top + depth + ry * 0.86), (stripe[0][0], top + depth + ry * 0.86)]
        canvas.fill(stripe, tint(shell, 1.4), alpha=strength)
    canvas.fill(
        [
            (x + radius * 0.55, top),
            (x + radius, top),
            (x + radius, top + depth),
            (x + radius * 0.55, top + depth + ry * 0.7),
        ],
        tint(shell, 0.3),
        alpha=0.35,
    )
    for angle in np.linspace(20, 160, lugs):
        lug_x = x + radius * 0.98 * np.cos(np.radians(angle))
        lug_y = top + ry * np.sin(np.radians(angle))
        canvas.stroke([(lug_x, lug_y + 1), (lug_x, lug_y + depth)], 0.5, tint(STEEL, 0.75))
        canvas.fill(
            box(lug_x - 0.9, lug_y + depth * 0.3, lug_x + 0.9, lug_y + depth * 0.7, radius=0.6), STEEL, relief=0.6
        )
    canvas.stroke(oval((x, top + depth), radius, ry, arc=(0, 180)), 1.7, tint(STEEL, 0.7))
    canvas.stroke(oval((x, top + depth - 0.3), radius, ry, arc=(10, 170)), 0.6, tint(STEEL, 1.6))
    canvas.fill(oval((x, top), radius, ry), (244, 243, 238), sheen=0.12, edge=tint(STEEL, 0.6), edge_width=1.8)
    canvas.stroke(oval((x, top + 0.5), radius, ry, arc=(5, 175)), 0.7, tint(STEEL, 1.6))
    canvas.fill(oval((x, top), radius * 0.55, ry * 0.55), (228, 227, 222))


def _stand(canvas: Canvas, x: float, top: float, spread: float = 17) -> None:
    """Draw a tripod stand from (x, top) down to the floor at y = 0."""
    canvas.tube([(x, top), (x, -8)], 0.8, STEEL)
    for side in (-1, 0.35, 1):
        canvas.tube([(x, -26), (x + side * spread, 0)], 0.65, tint(STEEL, 0.85), ends=True)


def _cymbal(canvas: Canvas, x: float, y: float, radius: float, angle: float) -> None:
    """Draw a cymbal on a stand."""
    plate = canvas.at(x, y, angle=angle)
    plate.fill(oval((0, 0.5), radius, radius * 0.2), tint(BRONZE, 0.45))
    plate.fill(oval((0, 0), radius, radius * 0.2), BRONZE, sheen=0.5, edge=tint(BRONZE, 0.55), edge_width=0.4)
    for share in (0.82, 0.64, 0.46):
        plate.stroke(oval((0, -0.2), radius * share, radius * share * 0.19), 0.25, tint(BRONZE, 0.7))
    plate.fill(
        [
            (-radius * 0.5, -radius * 0.13),
            (-radius * 0.25, -radius * 0.18),
            (radius * 0.5, radius * 0.15),
            (radius * 0.25, radius * 0.18),
        ],
        tint(BRONZE, 1.6),
        alpha=0.5,
    )
    plate.fill(oval((0, -radius * 0.07), radius * 0.2, radius * 0.12), tint(BRONZE, 1.1), relief=radius * 0.1)
    plate.tube([(0, -radius * 0.2), (0, -radius * 0.07)], 0.7, (40, 40, 44))


def _kit(generator: np.random.Generator) -> Design:
    shell = vary(generator, pick(generator, SHELLS))
    head = pick(generator, ((244, 242, 236), (244, 242, 236), (34, 34, 36), shell))
    toms = int(generator.integers(1, 3))
    left = generator.random() < 0.25
    metal_snare = generator.random() < 0.5
    crash, ride = generator.uniform(118, 136), generator.uniform(104, 122)
    tilt = generator.uniform(6, 16)

    def paint(raw: Canvas) -> None:
        canvas = raw.at(mirror=left)
        for x, y in ((-54, -crash), (60, -ride)):
            _stand(canvas, x, y, 20)
        _cymbal(canvas, -54, -crash, 23, -tilt)
        _cymbal(canvas, 60, -ride, 27, tilt)
        canvas.tube([(0, -56), (0, -84)], 1.2, STEEL)
        for x in ((-19, 19), (-17,))[2 - toms]:
            canvas.tube([(x * 0.2, -74), (x, -72)], 1.0, STEEL)
            _drum(canvas, x, -92, 15.5, 21, shell, lugs=4, tilt=0.34)
        _bass_drum(canvas, shell, head)
        for x in (36, 47, 59):
            canvas.tube([(x, -34), (x, 0)], 0.8, STEEL, ends=True)
        _drum(canvas, 47, -55, 20, 37, shell, tilt=0.26)
        _stand(canvas, -46, -46, 14)
        _drum(canvas, -46, -66, 18, 14, (206, 208, 212) if metal_snare else shell, lugs=6, tilt=0.26)
        _stand(canvas, -80, -94, 16)  # the hi-hat
        _cymbal(canvas, -80, -83.5, 17.5, 2)
        _cymbal(canvas, -80, -87, 17.5, -2)
        canvas.tube([(-80, -98), (-80, -88)], 0.5, STEEL)

    side = -1 if left else 1
    grips = ((-30, -101), (33, -108))
    tips = ((-45, -69), (52, -ride - 3)) if side > 0 else ((-52, -ride - 3), (45, -69))
    parts = _sticks(generator, grips, tips)
    hold = Hold("front", (0, 126), 0, grips, (parts[0].motion, parts[1].motion), seated=True, hands_behind=True)
    return Design(paint, (-100, -142, 90, 2), (0, 0), hold, parts)


def _bass_drum(canvas: Canvas, shell: Colour, head: Colour) -> None:
    centre, radius = (0, -29), 28
    for side in (-1, 1):
        canvas.tube([(side * 22, -16), (side * 33, 0)], 0.8, STEEL, ends=True)
    canvas.disc(centre, radius + 1.5, tint(shell, 0.4))
    canvas.disc(centre, radius + 1.2, shell, relief=3, sheen=0.3)
    canvas.disc(centre, radius - 1.2, head, sheen=0.14, edge=tint(STEEL, 0.6), edge_width=0.6)
    canvas.stroke(oval(centre, radius - 4.5), 0.4, tint(head, 0.85))
    for angle in np.arange(15.0, 375.0, 45.0):
        spoke = canvas.at(*centre, angle=angle)
        spoke.fill(
            box(-1.2, -radius - 1.6, 1.2, -radius + 2.6, radius=0.8),
            STEEL,
            relief=0.8,
            edge=(70, 72, 78),
            edge_width=0.3,
        )
    canvas.disc((12, -18), 5.2, (20, 18, 20), edge=STEEL, edge_width=0.8)


def _snare(generator: np.random.Generator) -> Design:
    shell = vary(generator, pick(generator, (*SHELLS, STEEL, STEEL, *WOODS[:3])))

    def paint(canvas: Canvas) -> None:
        for side in (-1, 1):
            canvas.tube([(0, -24), (side * 17, -37), (side * 19, -41)], 0.9, STEEL)
        _stand(canvas, 0, -30, 20)
        _drum(canvas, 0, -56, 18.5, 15, shell, lugs=7, tilt=0.3)
        canvas.fill(box(-1.6, -48, 1.6, -36, radius=0.6), STEEL, relief=0.6, edge=(80, 82, 90), edge_width=0.3)

    grips = ((-20, -78), (20, -78))
    parts = _sticks(generator, grips, ((-5, -57), (6, -58)))
    hold = Hold("front", (0, 122), 0, grips, (parts[0].motion, parts[1].motion))
    return Design(paint, (-24, -74, 24, 2), (-3, 3), hold, parts)


def _bongos(generator: np.random.Generator) -> Design:
    shell = vary(generator, pick(generator, (*WOODS, (176, 28, 36))))

    def one(canvas: Canvas, x: float, radius: float) -> None:
        shape = np.vstack(
            [[(x - radius, -17), (x + radius, -17)], oval((x, -0.5), radius * 0.8, radius * 0.2, arc=(0, 180))]
        )
        canvas.fill(shape, shell, relief=4, grain=0.3)
        for share in (0.3, 0.62):
            y = -17 + 17 * share
            half = radius * (1 - 0.2 * share)
            canvas.stroke(oval((x, y - 0.5), half, radius * 0.22, arc=(0, 180)), 0.5, tint(shell, 0.45))
        for angle in (20, 65, 115, 160):
            lug = x + radius * np.cos(np.radians(angle))
            y = -16 + radius * 0.3 * np.sin(np.radians(angle))
            canvas.tube([(lug, y), (x + (lug - x) * 0.86, y + 12)], 0.4, STEEL, ends=True)
        canvas.stroke(oval((x, -0.5), radius * 0.8, radius * 0.2, arc=(0, 180)), 1.2, tint(STEEL, 0.7))
        canvas.fill(
            oval((x, -17), radius, radius * 0.32), (236, 218, 182), sheen=0.2, edge=tint(STEEL, 0.65), edge_width=1.1
        )
        canvas.fill(oval((x, -17), radius * 0.6, radius * 0.18), (222, 200, 160))

    def paint(canvas: Canvas) -> None:
        canvas.fill(box(-3, -13, 5, -5, radius=0.5), tint(shell, 0.6), relief=1)
        one(canvas, -11, 9.2)
        one(canvas, 12, 11.2)

    beat = generator.uniform(1.5, 2.6)
    motions = (Motion(beat, shift=(0, 3)), Motion(beat, shift=(0, 3), phase=0.5))
    hold = Hold("front", (0, 62), 0, ((-11, -19), (12, -19)), motions, seated=True)
    return Design(paint, (-22, -22, 25, 3), (-8, 8), hold)


def _djembe(generator: np.random.Generator) -> Design:
    shell = vary(generator, pick(generator, WOODS))
    rope = vary(generator, pick(generator, ((30, 30, 34), (226, 214, 186), (150, 30, 30), (40, 70, 130))))

    def paint(canvas: Canvas) -> None:
        half = spline(
            [
                (16.5, -58),
                (16.8, -50),
                (14.5, -40),
                (9, -30),
                (7, -25),
                (8.5, -14),
                (12, -1),
                (11.5, 0.6),
                (8, 2),
                (0, 2.8),
            ]
        )
        canvas.fill(
            symmetric(np.vstack([[(0, -58)], half])), shell, relief=9, grain=0.3, edge=tint(shell, 0.4), edge_width=0.4
        )
        for share in np.linspace(-0.92, 0.92, 9):
            canvas.stroke(
                [
                    (share * 16.6, -54),
                    ((share + 0.11) * 12.4, -35),
                    ((share + 0.2) * 12.4, -35),
                    ((share + 0.22) * 16.6, -54),
                ]
                if share < 0.75
                else [(share * 16.6, -54), (share * 12.4, -35)],
                0.6,
                rope,
            )
        canvas.stroke(oval((0, -36), 12.6, 3, arc=(0, 180)), 1.0, tint(rope, 0.8))
        canvas.stroke(oval((0, -53), 16.9, 4.4, arc=(0, 180)), 1.3, tint(rope, 0.8))
        canvas.stroke(oval((0, -24.5), 7.2, 1.6, arc=(0, 180)), 0.7, tint(shell, 0.5))
        canvas.fill(oval((0, -58), 17, 4.8), (234, 216, 180), sheen=0.2, edge=tint(rope, 0.75), edge_width=1.0)
        canvas.fill(oval((0, -58), 10, 2.6), (220, 198, 158))

    beat = generator.uniform(1.5, 2.6)
    motions = (Motion(beat, shift=(0, 3)), Motion(beat, shift=(0, 3), phase=0.5))
    hold = Hold("front", (0, 98), 0, ((-8, -60), (9, -60)), motions, seated=True)
    return Design(paint, (-19, -64, 19, 4), (-8, 8), hold)
