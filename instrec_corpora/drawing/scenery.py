"""What is in the picture besides instruments: places, cutaways and things that get in the way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from instrec_corpora.drawing.canvas import Canvas, Colour, box, oval, spline, tint
from instrec_corpora.drawing.design import pick, vary
from instrec_corpora.drawing.figures import Person, paint_hand

WALLS = (
    (206, 196, 178),
    (150, 168, 178),
    (176, 150, 130),
    (120, 134, 120),
    (196, 176, 160),
    (104, 110, 128),
    (222, 216, 206),
)
BRIGHT = ((196, 64, 54), (58, 104, 170), (226, 176, 72), (80, 140, 96), (150, 90, 150), (236, 232, 220), (60, 62, 72))


def paint_place(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    """Draw one of several kinds of places that fills `width` by `height` from (0, 0)."""
    pick(generator, (_room, _room, _shelves, _curtain, _stage, _outdoors, _bricks, _studio))(
        canvas, width, height, generator
    )


def _floor(canvas: Canvas, width: float, height: float, top: float, generator: np.random.Generator) -> None:
    wood = vary(
        generator, pick(generator, ((150, 106, 66), (110, 78, 54), (120, 118, 116), (90, 60, 50), (170, 160, 146)))
    )
    canvas.fill(box(0, top, width, height), wood, sheen=0.2)
    vanishing = width * generator.uniform(0.3, 0.7)
    for x in np.linspace(-width, 2 * width, 24):
        canvas.stroke([(vanishing + (x - vanishing) * 0.45, top), (x, height)], 0.8, tint(wood, 0.78))
    canvas.fill(box(0, top - 5, width, top), tint(wood, 1.25), sheen=0.1)


def _room(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    wall = vary(generator, pick(generator, WALLS))
    canvas.fill(box(0, 0, width, height), wall, sheen=generator.uniform(0.1, 0.3))
    if generator.random() < 0.4:
        for x in np.arange(generator.uniform(0, 20), width, 20):
            canvas.fill(box(x, 0, x + 8, height), tint(wall, 0.93))
    top = height * generator.uniform(0.68, 0.82)
    _floor(canvas, width, height, top, generator)
    for thing in range(int(generator.integers(3, 7))):
        x = width * generator.uniform(0.02, 0.95)
        painter = pick(generator, (_frame, _window, _plant, _lamp, _boxes, _sofa))
        painter(canvas.at(x, top + (height - top) * 0.12 * thing / 6), generator)


def _frame(canvas: Canvas, generator: np.random.Generator) -> None:
    w, h, y = generator.uniform(22, 50), generator.uniform(24, 50), generator.uniform(-190, -120)
    canvas.fill(box(-w / 2 + 2, y + 3, w / 2 + 3, y + h + 3), (0, 0, 0), alpha=0.25)
    canvas.fill(box(-w / 2, y, w / 2, y + h), vary(generator, (80, 56, 36), 40), relief=2)
    canvas.fill(box(-w / 2 + 4, y + 4, w / 2 - 4, y + h - 4), vary(generator, pick(generator, BRIGHT)), sheen=0.4)
    canvas.fill(box(-w / 2 + 4, y + h * 0.6, w / 2 - 4, y + h - 4), vary(generator, pick(generator, BRIGHT)), sheen=0.3)


def _window(canvas: Canvas, generator: np.random.Generator) -> None:
    w, h = generator.uniform(50, 80), generator.uniform(70, 95)
    canvas.fill(box(-w / 2 - 4, -180, w / 2 + 4, -180 + h), (236, 232, 224), relief=2)
    canvas.fill(box(-w / 2, -176, w / 2, -184 + h), vary(generator, (178, 208, 232), 30), sheen=0.3)
    canvas.stroke([(0, -176), (0, -184 + h)], 3, (232, 228, 220))
    canvas.stroke([(-w / 2, -180 + h / 2), (w / 2, -180 + h / 2)], 3, (232, 228, 220))


def _plant(canvas: Canvas, generator: np.random.Generator) -> None:
    green = vary(generator, (70, 120, 64), 40)
    for angle in np.linspace(-70, 70, int(generator.integers(7, 12))):
        leaf = canvas.at(0, -22, angle=angle + generator.uniform(-8, 8))
        length = generator.uniform(26, 44)
        leaf.fill(
            spline([(0, 0), (4.5, -length * 0.5), (0, -length), (-4.5, -length * 0.5)], closed=True),
            tint(green, generator.uniform(0.7, 1.2)),
            sheen=0.2,
        )
    canvas.fill([(-12, -22), (12, -22), (9, 2), (-9, 2)], vary(generator, (176, 96, 62), 40), relief=3)


def _lamp(canvas: Canvas, generator: np.random.Generator) -> None:
    canvas.tube([(0, -100), (0, 0)], 1.5, (90, 84, 78))
    for radius in range(56, 20, -5):
        canvas.disc((0, -112), radius, (255, 236, 180), alpha=0.035)
    canvas.fill([(-10, -128), (10, -128), (18, -98), (-18, -98)], vary(generator, (240, 214, 160), 30), sheen=0.2)
    canvas.fill(oval((0, 0), 13, 3), (70, 66, 62))


def _boxes(canvas: Canvas, generator: np.random.Generator) -> None:
    y = 4.0
    for _ in range(int(generator.integers(1, 4))):
        w, h = generator.uniform(18, 34), generator.uniform(12, 24)
        canvas.fill(
            box(-w / 2, y - h, w / 2, y),
            vary(generator, pick(generator, (*BRIGHT, (170, 130, 84), (170, 130, 84)))),
            relief=2,
            sheen=0.2,
        )
        y -= h


def _sofa(canvas: Canvas, generator: np.random.Generator) -> None:
    cloth = vary(generator, pick(generator, BRIGHT), 30)
    canvas.fill(box(-55, -58, 55, -20, radius=8), tint(cloth, 0.85), relief=6)
    for x in (-48, 2):
        canvas.fill(box(x, -32, x + 46, -14, radius=5), cloth, relief=5)
    canvas.fill(box(-60, -18, 60, 2, radius=4), tint(cloth, 0.8), relief=4)
    for x in (-64, 50):
        canvas.fill(box(x, -40, x + 14, 2, radius=6), tint(cloth, 0.95), relief=5)


def _shelves(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    wood = vary(generator, pick(generator, ((110, 74, 44), (190, 160, 120), (70, 62, 58), (214, 210, 202))))
    canvas.fill(box(0, 0, width, height), tint(wood, 0.5), sheen=0.2)
    shelf = generator.uniform(52, 76)
    for y in np.arange(generator.uniform(20, 60), height + shelf, shelf):
        x = 0.0
        while x < width:
            w = generator.uniform(5, 13)
            if generator.random() < 0.08:
                x += generator.uniform(10, 30)
                continue
            h = shelf * generator.uniform(0.55, 0.9)
            book = vary(generator, pick(generator, (*BRIGHT, *WALLS)), 40)
            canvas.fill(box(x, y - h, x + w, y), tint(book, 0.8))
            canvas.fill(box(x + 0.5, y - h, x + w * 0.5, y), tint(book, 0.95))
            canvas.stroke([(x + 1, y - h * 0.8), (x + w - 1, y - h * 0.8)], 1.4, tint(book, 1.5))
            x += w
        canvas.fill(box(0, y, width, y + 6), wood, sheen=0.1)


def _curtain(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    cloth = vary(
        generator,
        pick(generator, ((130, 24, 30), (40, 50, 90), (60, 80, 60), (120, 100, 84), (190, 184, 172), (56, 46, 66))),
    )
    canvas.fill(box(0, 0, width, height), cloth)
    x = -10.0
    while x < width:
        fold = generator.uniform(12, 34)
        canvas.fill([(x, 0), (x + fold, 0), (x + fold * 1.1, height), (x, height)], tint(cloth, 0.7))
        canvas.tube([(x + fold * 0.55, 0), (x + fold * 0.6, height)], fold * 0.45, tint(cloth, 1.05), gloss=0.12)
        x += fold
    _floor(canvas, width, height, height * generator.uniform(0.8, 0.92), generator)


def _stage(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    dark = vary(generator, pick(generator, ((34, 30, 46), (24, 26, 34), (46, 28, 34))))
    canvas.fill(box(0, 0, width, height), dark, sheen=0.3)
    for _ in range(int(generator.integers(3, 6))):
        x, colour = (
            width * generator.uniform(0, 1),
            pick(generator, ((255, 120, 90), (120, 170, 255), (255, 220, 140), (200, 120, 255), (140, 255, 190))),
        )
        foot = x + width * generator.uniform(-0.4, 0.4)
        for spread, alpha in ((60, 0.1), (34, 0.12)):
            canvas.fill([(x - 4, 0), (x + 4, 0), (foot + spread, height), (foot - spread, height)], colour, alpha=alpha)
        canvas.disc((x, 6), 9, tint(colour, 1.6))
    top = height * generator.uniform(0.74, 0.86)
    canvas.fill(box(0, top, width, height), tint(dark, 0.7), sheen=0.3)
    for _ in range(int(generator.integers(0, 4))):  # loudspeakers
        x, w = width * generator.uniform(0, 1), generator.uniform(30, 46)
        canvas.fill(
            box(x - w / 2, top - w * 1.6, x + w / 2, top + 6), (24, 24, 27), relief=2, edge=(60, 60, 66), edge_width=0.8
        )
        for y in (-0.45, -1.15):
            canvas.disc((x, top + y * w), w * 0.3, (46, 46, 52), relief=3)


def _outdoors(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    sky = vary(generator, pick(generator, ((150, 196, 236), (236, 190, 150), (190, 202, 214), (110, 150, 206))))
    for share in np.linspace(0, 1, 24):
        canvas.fill(box(0, height * share * 0.75, width, height), tint(sky, 0.85 + 0.8 * share))
    for _ in range(int(generator.integers(1, 5))):
        x, y = width * generator.uniform(0, 1), height * generator.uniform(0.05, 0.35)
        for _ in range(5):
            canvas.fill(
                oval(
                    (x + generator.uniform(-26, 26), y + generator.uniform(-5, 5)),
                    generator.uniform(14, 30),
                    generator.uniform(6, 12),
                ),
                (250, 250, 250),
                alpha=0.6,
            )
    for base, shade in ((0.55, 1.25), (0.64, 1.0)):
        green = tint(vary(generator, (86, 126, 76), 40), shade)
        ridge = [(x, height * (base + generator.uniform(-0.06, 0.06))) for x in np.linspace(-40, width + 40, 7)]
        canvas.fill(np.vstack([spline(ridge), [(width + 40, height), (-40, height)]]), green, sheen=0.15)
    for _ in range(int(generator.integers(2, 6))):
        x, y, size = (
            width * generator.uniform(0, 1),
            height * generator.uniform(0.62, 0.72),
            generator.uniform(0.7, 1.5),
        )
        tree = canvas.at(x, y, scale=size)
        tree.fill([(-4, 0), (4, 0), (3, -50), (-3, -50)], (92, 68, 48))
        leaf = vary(generator, (70, 110, 60), 40)
        for _ in range(7):
            tree.disc(
                (generator.uniform(-22, 22), generator.uniform(-84, -44)),
                generator.uniform(13, 20),
                tint(leaf, generator.uniform(0.75, 1.15)),
                relief=6,
            )
    canvas.fill(box(0, height * 0.74, width, height), vary(generator, (120, 150, 84), 40), sheen=0.25)


def _bricks(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    brick = vary(generator, pick(generator, ((160, 84, 64), (178, 120, 90), (126, 116, 112), (206, 200, 192))))
    canvas.fill(box(0, 0, width, height), tint(brick, 0.6))
    wide, tall = generator.uniform(26, 38), generator.uniform(11, 15)
    for row, y in enumerate(np.arange(0, height, tall)):
        for x in np.arange(-wide * (row % 2) / 2, width, wide):
            canvas.fill(
                box(x + 0.8, y + 0.8, x + wide - 0.8, y + tall - 0.8), tint(brick, generator.uniform(0.82, 1.12))
            )
    canvas.fill(box(0, 0, width, height), (0, 0, 0), alpha=generator.uniform(0.05, 0.3))
    if generator.random() < 0.6:
        _floor(canvas, width, height, height * generator.uniform(0.74, 0.88), generator)


def _studio(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    wall = vary(generator, pick(generator, (*WALLS, *BRIGHT)), 30)
    canvas.fill(box(0, 0, width, height), wall, sheen=0.35)
    for _ in range(int(generator.integers(4, 12))):
        x, y, size = width * generator.uniform(0, 1), height * generator.uniform(0, 1), generator.uniform(12, 50)
        canvas.disc((x, y), size, vary(generator, tint(wall, generator.uniform(0.6, 1.5)), 30), alpha=0.3)


def paint_cutaway(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    """Draw what is shown while no instrument is in sight, over a place of `width` by `height`."""
    pick(generator, (_bystander, _bystander, _audience, _panel, _empty_hands, _nothing))(
        canvas, width, height, generator
    )


def _nothing(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    """Leave the place as it is."""


def _bystander(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    for number in range(int(generator.integers(1, 3))):
        person = Person.random(generator)
        scale = height / generator.uniform(70, 150)
        x = width * (generator.uniform(0.25, 0.75) if number == 0 else generator.uniform(0.05, 0.95))
        figure = canvas.at(x, height * generator.uniform(0.35, 0.5), scale=scale)
        view = pick(generator, ("front", "front", "back", "profile"))
        person.paint(figure, view, seated=False)
        for side in (-1, 1):
            hand = (side * generator.uniform(10, 38), generator.uniform(15, 72))
            person.upper_arm(figure, view, side, hand)
            person.forearm(figure, view, side, hand)


def _audience(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    for row in range(3):
        scale = height / (210 - 45 * row)
        for x in np.arange(generator.uniform(-30, 0) * scale, width + 40, 52 * scale):
            person = Person.random(generator)
            y = height * (0.55 + 0.2 * row) + generator.uniform(-6, 6) * scale
            person.paint(canvas.at(x, y, scale=scale * generator.uniform(0.9, 1.1)), "back", seated=False)


def _panel(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    """Draw something like a title card, without words."""
    ground, accent = vary(generator, pick(generator, BRIGHT), 40), vary(generator, pick(generator, BRIGHT), 40)
    canvas.fill(box(0, 0, width, height), ground, sheen=0.3)
    canvas.fill(box(width * 0.2, height * 0.26, width * 0.8, height * 0.72, radius=8), tint(ground, 1.35), alpha=0.8)
    for row in range(int(generator.integers(2, 5))):
        y = height * (0.36 + 0.09 * row)
        half = width * generator.uniform(0.08, 0.24)
        canvas.fill(box(width / 2 - half, y, width / 2 + half, y + height * 0.035, radius=3), accent)


def _empty_hands(canvas: Canvas, width: float, height: float, generator: np.random.Generator) -> None:
    skin = Person.random(generator).skin
    size = height / generator.uniform(28, 46)
    for side in (-1, 1):
        place = (width * (0.5 + side * generator.uniform(0.08, 0.25)), height * generator.uniform(0.4, 0.65))
        angle = -90 - side * generator.uniform(-5, 40)
        arm = canvas.at(*place, angle=angle, scale=size)
        arm.tube([(-60, 0), (-6, 0)], (5.5, 2.9), tint(skin, 0.95), gloss=0.15)
        paint_hand(canvas, place, angle, skin, flip=-side, size=size)


def obstacle(generator: np.random.Generator) -> Callable[[Canvas], None]:
    """Return something that stands before the instrument: a hand, a music stand or a person; about 50 units wide."""
    name = pick(generator, ("hand", "stand", "person"))
    person = Person.random(generator)
    shade: Colour = vary(generator, (40, 38, 42), 16)

    def paint(canvas: Canvas) -> None:
        if name == "hand":
            canvas.at(0, 0, angle=-80).tube([(-90, 0), (-8, 0)], (9, 7), tint(person.shirt, 0.8), gloss=0.1)
            paint_hand(canvas, (0, 0), -80, tint(person.skin, 0.9), size=2.6)
        elif name == "stand":
            canvas.tube([(0, 0), (0, 140)], 1.6, shade)
            canvas.fill(
                [(-30, -30), (30, -30), (32, 6), (-32, 6)], shade, relief=2, edge=tint(shade, 1.3), edge_width=0.8
            )
            for x in (-26, 1):
                canvas.fill([(x, -33), (x + 25, -33), (x + 25, 2), (x, 2)], (244, 241, 230), sheen=0.12)
                for y in range(-28, 0, 6):
                    canvas.stroke([(x + 3, y), (x + 22, y)], 0.6, (110, 106, 100))
        else:
            person.paint(canvas.at(0, 10, scale=1.25), "back", seated=False)

    return paint
