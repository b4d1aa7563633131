"""Piano and button accordions."""

from __future__ import annotations

import numpy as np

from instrec_corpora.drawing.canvas import Canvas, Colour, box, spline, tint
from instrec_corpora.drawing.design import EBONY, IVORY, STEEL, Design, Hold, Motion, Part, fingering, pick, vary
from instrec_corpora.drawing.keyboard import paint_keys


def accordion(generator: np.random.Generator) -> Design:
    """Return a piano or button accordion, the middle of its bellows at (0, 0)."""
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
        paint_keys(canvas.at(-6, 0, angle=90), -22.5, 22.5, 1.0, 13.0, 24)
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
