"""Keys, and what pianos and organs have in common."""

from __future__ import annotations

import numpy as np

from instrec_corpora.drawing.canvas import Canvas, Colour, tint
from instrec_corpora.drawing.design import IVORY, WOODS, Motion, pick, vary

BLACK_AFTER = (0, 1, 3, 4, 5)  # the white keys of an octave (C = 0) with a black key to their right


def paint_keys(
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


def playing(generator: np.random.Generator) -> tuple[Motion, Motion]:
    """Return the motions of two hands that run over a keyboard."""
    rates = generator.uniform(0.3, 0.8, 2)
    left, right = (Motion(rate=rate, shift=(6, 0.8), phase=generator.uniform()) for rate in rates)
    return left, right


def case_finish(generator: np.random.Generator) -> tuple[Colour, float]:
    """Return a case colour and its grain: black lacquer, white or wood."""
    colour = vary(generator, pick(generator, (*[(26, 24, 27)] * 5, (232, 230, 224), *WOODS)), 8)
    return colour, 0.0 if max(colour) - min(colour) < 20 else 0.12
