"""Pipe organs and consoles."""

from __future__ import annotations

import numpy as np

from instrec_corpora.drawing.canvas import Canvas, Colour, box, oval, tint
from instrec_corpora.drawing.design import BRASS, IVORY, STEEL, WOODS, Design, Hold, pick, vary
from instrec_corpora.drawing.keyboard import BLACK_AFTER, paint_keys, playing


def organ(generator: np.random.Generator) -> Design:
    """Return a pipe organ's front, a console organ or a church organ's console from the organist's place."""
    return pick(generator, (_pipes, _pipes, _console, _manuals))(generator)


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

    hold = Hold("back", (0, 128), 0, ((-22, -76), (22, -72)), playing(generator), seated=True)
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
        paint_keys(canvas, -width, width, y - rise + 3, y - 0.8, 29)
        for x in np.arange(-24.0, 25.0, 6.0):
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
        dark = tint(wood, 0.35)
        top = -13 * manuals - 38
        for x in (-78, 64):
            canvas.fill(box(x, top, x + 14, 22), tint(wood, 0.95), relief=3, grain=0.14, edge=dark, edge_width=0.6)
        canvas.fill(box(-82, top - 8, 82, top + 2, radius=1), wood, relief=2, grain=0.14, edge=dark, edge_width=0.6)
        canvas.fill(box(-64, 8, 64, 22), tint(wood, 0.5), relief=2)
        _church_console(canvas, wood, manuals=manuals)

    hold = Hold("hands", (0, 0), 0, ((-18, -1), (15, -13)), playing(generator))
    return Design(paint, (-80, -13 * manuals - 46, 80, 22), (-4, 4), hold)


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
            paint_keys(canvas, -50, 50, y, y + 10.5, 36)
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

    hold = Hold("back", (0, 122), 0, ((-20, -88), (22, -74)), playing(generator), seated=True)
    return Design(paint, (-72, -138, 72, 4), (0, 0), hold)
