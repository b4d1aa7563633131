"""Upright and grand pianos, and a keyboard seen from above."""

from __future__ import annotations

import numpy as np

from instrec_corpora.drawing.canvas import Canvas, box, spline, tint
from instrec_corpora.drawing.design import BRASS, IVORY, Design, Hold, pick
from instrec_corpora.drawing.keyboard import BLACK_AFTER, case_finish, paint_keys, playing


def piano(generator: np.random.Generator) -> Design:
    """Return an upright piano, a grand piano or a keyboard seen from above."""
    return pick(generator, (_upright, _grand, _grand, _keyboard))(generator)


def _upright(generator: np.random.Generator) -> Design:
    case, grain = case_finish(generator)
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
        paint_keys(canvas, -66, 66, -76, -63, 36)
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

    hold = Hold("back", (0, 118), 0, ((-24, -70), (24, -70)), playing(generator), seated=True)
    return Design(paint, (-80, -height - 6, 80, 2), (0, 0), hold)


def _grand(generator: np.random.Generator) -> Design:
    case, grain = case_finish(generator)
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

    hold = None if left else Hold("profile", (128, 117), 0, ((-86, -86), (-80, -87)), playing(generator), seated=True)
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
    case, grain = case_finish(generator)
    whites = int(generator.integers(15, 23))
    first = int(generator.integers(0, 7))
    lean = generator.uniform(0.05, 0.3)
    half = whites * 2.35 / 2

    def paint(canvas: Canvas) -> None:
        edge = tint(case, 0.5) if max(case) > 60 else (80, 78, 86)
        wide = half * 1.35
        canvas.fill(
            box(-wide, -24, wide, -8.5, radius=1),
            case,
            relief=2.5,
            grain=grain,
            sheen=0.25,
            edge=edge,
            edge_width=0.3,
        )
        canvas.fill([(-wide, -8.6), (wide, -8.6), (wide, -7.4), (-wide, -7.4)], (130, 26, 34))
        canvas.fill(
            box(-wide, 7.5, wide, 13, radius=1),
            tint(case, 0.9),
            relief=2,
            grain=grain,
            edge=edge,
            edge_width=0.3,
        )
        paint_keys(canvas, -half, half, -7.5, 7.2, whites, lean=lean, first=first)
        for side in (-1, 1):
            x = side * half
            canvas.fill(
                [(x, -8.5), (x * 1.35, -8.5), (x * 1.35, 9), (x * (1 + lean), 9)],
                tint(case, 1.05),
                relief=1.5,
                grain=grain,
                edge=edge,
                edge_width=0.3,
            )

    hold = Hold("hands", (0, 0), 0, ((-half * 0.42, 3.5), (half * 0.42, 3)), playing(generator))
    return Design(paint, (-half * 1.3, -20, half * 1.3, 14), (-10, 10), hold)
