"""Violin and cello."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from instrec_corpora.drawing.canvas import Canvas, Colour, oval, spline, symmetric, tint
from instrec_corpora.drawing.design import EBONY, IVORY, STEEL, WOODS, Design, Hold, Motion, Part, fingering, pick, vary


def violin(generator: np.random.Generator) -> Design:
    """Return a violin, upright, the middle of its body at (0, 0), with its bow."""
    length = 35.5 * generator.uniform(0.97, 1.03)
    body = _body(generator, length, chin_rest=True)
    angle = 80 + generator.uniform(-8, 14)  # the scroll points to the player's left, the picture's right
    bow_angle = generator.uniform(88, 112) - angle  # upright, clear of the face
    stroke = Motion(rate=generator.uniform(0.5, 1.2), shift=(7, 0), phase=generator.uniform())
    bow = Part(lambda canvas: _bow(canvas.at(9, -0.02 * length, angle=bow_angle), 72), stroke)
    motions = (stroke, fingering(generator))
    hold = Hold("front", (17, 13), angle, ((41, 2), (1.5, -0.78 * length)), motions)
    extent = (-0.32 * length, -1.13 * length, 0.32 * length, 0.52 * length)
    return Design(body, extent, pick(generator, ((-25, 25), (60, 110), (20, 60))), hold, (bow,))


def cello(generator: np.random.Generator) -> Design:
    """Return a cello, upright, the middle of its body at (0, 0), on its endpin, with its bow."""
    length = 75 * generator.uniform(0.97, 1.03)
    body = _body(generator, length, endpin=generator.uniform(22, 34))
    bow_angle = generator.uniform(-10, 10)
    stroke = Motion(rate=generator.uniform(0.35, 0.9), shift=(7, 0), phase=generator.uniform())
    bow = Part(lambda canvas: _bow(canvas.at(-7, 0.03 * length, angle=180 + bow_angle), 71), stroke)
    motions = (stroke, fingering(generator))
    hold = Hold("front", (6, 60), generator.uniform(5, 12), ((-38, 2), (3, -0.6 * length)), motions, seated=True)
    extent = (-0.32 * length, -1.13 * length, 0.32 * length, 0.9 * length)
    return Design(body, extent, pick(generator, ((-12, 12), (-24, 6))), hold, (bow,))


def _outline(length: float, wide: float) -> np.ndarray:
    """Return the bouts and the sharp corners of the violin family, shape (n, 2)."""
    upper = [(0, -0.5), (0.09, -0.497), (0.185, -0.45), (0.236, -0.36), (0.23, -0.26), (0.207, -0.195), (0.232, -0.155)]
    middle = [(0.232, -0.155), (0.176, -0.105), (0.156, -0.025), (0.172, 0.055), (0.253, 0.115)]
    lower = [(0.253, 0.115), (0.258, 0.16), (0.29, 0.25), (0.283, 0.36), (0.21, 0.455), (0.1, 0.495), (0, 0.5)]
    right = np.vstack([spline(upper), spline(middle), spline(lower)])
    return symmetric(right * (length * wide, length))


def _body(
    generator: np.random.Generator, length: float, *, endpin: float = 0.0, chin_rest: bool = False
) -> Callable[[Canvas], None]:
    varnish = vary(generator, pick(generator, (*WOODS[:4], (168, 76, 34), (190, 110, 40))))
    outline = _outline(length, generator.uniform(0.97, 1.06))
    chin = tint(pick(generator, (EBONY, (70, 40, 28))), 1.05)
    flame = generator.uniform(0.12, 0.3)

    def paint(canvas: Canvas) -> None:
        unit = canvas.at(scale=length)
        dark = tint(varnish, 0.45)
        if endpin:
            canvas.tube([(0, 0.48 * length), (0, 0.5 * length + endpin)], 0.55, STEEL)
            canvas.fill(
                [(-1.6, 0.49 * length), (1.6, 0.49 * length), (0.8, 0.55 * length), (-0.8, 0.55 * length)], EBONY
            )
            canvas.fill(outline + np.array([0.022, 0.012]) * length, tint(varnish, 0.4))  # the deep ribs
        else:
            canvas.fill(outline + np.array([0.012, 0.015]) * length, tint(varnish, 0.4))
        unit.fill([(-0.04, -0.53), (0.04, -0.53), (0.05, -0.46), (-0.05, -0.46)], tint(varnish, 0.8))
        canvas.fill(outline, varnish, relief=0.07 * length, grain=flame, sheen=0.12, burst=tint(varnish, 0.62))
        canvas.stroke(np.vstack([outline, outline[:1]]), 0.013 * length, dark)
        inner = outline * (0.93, 0.955)
        canvas.stroke(np.vstack([inner, inner[:1]]), 0.005 * length, tint(dark, 0.75))
        for side in (1, -1):
            _f_hole(unit.at(side * 0.108, 0.055, mirror=side < 0))
        if chin_rest:
            unit.fill(oval((-0.125, 0.42), 0.115, 0.075, angle=12), chin, relief=0.05)
        _neck(unit, varnish)
        _strings(unit)

    return paint


def _f_hole(unit: Canvas) -> None:
    """Draw the right-hand f-hole about (0, 0); the canvas is scaled to the body's length."""
    ink = (24, 14, 10)
    curve = spline([(-0.036, -0.075), (-0.03, -0.1), (-0.01, -0.1), (-0.004, -0.07), (0.004, 0)])
    curve = np.vstack([curve, -curve[::-1]])
    unit.stroke(curve, 0.015, ink)
    unit.disc((-0.034, -0.078), 0.014, ink)
    unit.disc((0.034, 0.078), 0.017, ink)
    unit.stroke([(-0.014, 0.004), (0.016, -0.002)], 0.006, ink)


def _neck(unit: Canvas, varnish: Colour) -> None:
    """Draw fingerboard, pegbox, scroll, pegs, tailpiece and bridge."""
    unit.fill([(-0.036, -0.86), (0.036, -0.86), (0.044, -0.45), (-0.044, -0.45)], tint(varnish, 0.75))
    unit.fill([(-0.026, -0.865), (0.026, -0.865), (0.045, -0.87 + 0.04), (-0.045, -0.83)], tint(varnish, 0.6))
    for y, side in ((-0.905, -1), (-0.94, 1), (-0.975, -1), (-1.01, 1)):
        unit.stroke([(side * -0.03, y), (side * 0.07, y)], 0.014, EBONY)
        unit.fill(oval((side * 0.085, y), 0.028, 0.02), tint(EBONY, 1.1), relief=0.015)
    pegbox = [(-0.032, -0.86), (0.032, -0.86), (0.024, -1.04), (-0.024, -1.04)]
    unit.fill(pegbox, tint(varnish, 0.85), edge=tint(varnish, 0.4), edge_width=0.008)
    unit.fill([(-0.016, -0.88), (0.016, -0.88), (0.012, -1.02), (-0.012, -1.02)], tint(varnish, 0.3))
    unit.disc((0, -1.07), 0.048, tint(varnish, 0.85), relief=0.03, edge=tint(varnish, 0.4), edge_width=0.008)
    turns = np.linspace(0, 4.2 * np.pi, 40)
    spiral = np.column_stack([np.cos(turns), np.sin(turns)]) * np.linspace(0.04, 0.006, 40)[:, None]
    unit.stroke(spiral + np.array([0, -1.07]), 0.008, tint(varnish, 0.35))
    board = np.array([(-0.032, -0.865), (0.032, -0.865), (0.06, -0.1), (-0.06, -0.1)])
    unit.fill(board, (38, 34, 34), sheen=0.25)
    unit.stroke([(-0.033, -0.865), (0.033, -0.865)], 0.012, IVORY)
    tail = [(-0.05, 0.17), (0.05, 0.17), (0.026, 0.45), (-0.026, 0.45)]
    unit.fill(tail, (40, 34, 34), relief=0.03)
    unit.stroke([(0, 0.44), (0, 0.5)], 0.012, (20, 18, 18))
    bridge = [(-0.068, 0.086), (-0.062, 0.066), (-0.03, 0.056), (0.03, 0.056), (0.062, 0.066), (0.068, 0.086)]
    bridge += [(0.04, 0.082), (0, 0.074), (-0.04, 0.082)]
    unit.fill(bridge, (222, 182, 120), edge=(110, 76, 40), edge_width=0.006)


def _strings(unit: Canvas) -> None:
    for index in range(4):
        share = (index - 1.5) / 1.5
        path = [(share * 0.014, -0.96), (share * 0.021, -0.865), (share * 0.045, 0.062), (share * 0.034, 0.18)]
        unit.stroke(path, 0.0045, (214, 214, 208))


def _bow(canvas: Canvas, length: float) -> None:
    """Draw a bow along x, the frog at its right end, its middle at (0, 0)."""
    half = length / 2
    hair = [(-half + 1, 1.6), (half - 4, 2.2)]
    canvas.stroke(hair, 0.8, (238, 232, 212))
    stick = spline([(-half, 0.0), (-half / 2, 0.9), (half / 4, 0.7), (half, 0.0)])
    canvas.tube(stick, np.linspace(0.42, 0.6, len(stick)), (128, 58, 26))
    canvas.fill([(-half - 0.4, -0.2), (-half + 1, -0.2), (-half + 1.6, 1.9)], (232, 226, 214))
    canvas.fill([(half - 6.5, 0), (half - 1, 0), (half - 1, 2.4), (half - 5.5, 2.6)], EBONY)
    canvas.tube([(half - 12, 0.3), (half - 7.5, 0.15)], 0.62, STEEL)
