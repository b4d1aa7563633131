"""Players and bystanders: heads, bodies, arms and hands. The origin is the mouth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from instrec_corpora.drawing.canvas import Canvas, Colour, Point, box, oval, spline, tint
from instrec_corpora.drawing.design import pick, vary

SKINS = ((244, 208, 178), (228, 182, 146), (198, 146, 104), (150, 100, 68), (104, 68, 48))
HAIRS = ((30, 24, 22), (60, 40, 28), (110, 70, 36), (180, 136, 72), (130, 128, 126), (150, 70, 34))
CLOTHES = (
    (34, 36, 44),
    (60, 80, 130),
    (130, 40, 46),
    (70, 110, 84),
    (216, 212, 204),
    (120, 96, 130),
    (190, 150, 80),
    (90, 92, 98),
)


@dataclass(frozen=True)
class Person:
    """One individual's looks."""

    skin: Colour
    hair: Colour
    shirt: Colour
    trousers: Colour
    long_hair: bool
    beard: bool
    hat: bool

    @classmethod
    def random(cls, generator: np.random.Generator) -> Person:
        """Return somebody."""
        return cls(
            skin=vary(generator, pick(generator, SKINS)),
            hair=vary(generator, pick(generator, HAIRS)),
            shirt=vary(generator, pick(generator, CLOTHES), 24),
            trousers=vary(generator, pick(generator, CLOTHES[:4]), 24),
            long_hair=generator.random() < 0.4,
            beard=generator.random() < 0.2,
            hat=generator.random() < 0.15,
        )

    def paint(self, canvas: Canvas, view: str, *, seated: bool) -> None:
        """Draw head and body without arms, seen from the "front", the "back" or in "profile" to the right."""
        if view == "profile":
            self._side(canvas, seated=seated)
            return
        if seated and view == "front":
            self._chair(canvas)
        self._legs(canvas, seated=seated, behind=view == "back")
        half = [(-7, 14), (-14, 17.5), (-21, 22), (-22, 30), (-18, 46), (-17, 66), (-18, 76)]
        torso = spline([*half, *[(-x, y) for x, y in half[::-1]]], closed=True)
        if self.long_hair and view == "front":
            canvas.fill(spline([(-11, -12), (-14, 6), (-12, 20), (12, 20), (14, 6), (11, -12)]), tint(self.hair, 0.8))
        canvas.fill(torso, self.shirt, relief=9, edge=tint(self.shirt, 0.5), edge_width=0.5)
        canvas.fill([(-5.5, 4), (5.5, 4), (6.5, 16), (0, 20), (-6.5, 16)], tint(self.skin, 0.84))
        if view == "front":
            canvas.stroke([(-7.5, 15.5), (0, 22.5), (7.5, 15.5)], 1.6, tint(self.shirt, 0.7))
            self._face(canvas)
        else:
            canvas.fill(oval((0, -6), 9.6, 12.4), self.skin, relief=4)
            bottom = 20 if self.long_hair else 3.5
            back = spline(
                [
                    (-10.4, -8),
                    (-6, -18.5),
                    (0, -20),
                    (6, -18.5),
                    (10.4, -8),
                    (9.4, bottom),
                    (0, bottom + 2),
                    (-9.4, bottom),
                ],
                closed=True,
            )
            canvas.fill(back, self.hair, relief=2, grain=0.15)

    def _face(self, canvas: Canvas) -> None:
        for side in (-1, 1):
            canvas.fill(oval((side * 9.6, -5), 1.8, 3), tint(self.skin, 0.88))
        canvas.fill(
            spline(
                [(-9.6, -8), (-8.8, 0), (-5, 6), (0, 7.6), (5, 6), (8.8, 0), (9.6, -8), (6, -17), (-6, -17)],
                closed=True,
            ),
            self.skin,
            relief=4,
        )
        if self.beard:
            beard = spline(
                [(-9, -2), (-4.5, -1.6), (0, -2.4), (4.5, -1.6), (9, -2), (6, 6), (0, 9), (-6, 6)], closed=True
            )
            canvas.fill(beard, self.hair, grain=0.15)
        for side in (-1, 1):
            canvas.fill(oval((side * 3.9, -7), 1.7, 0.95), (246, 244, 240))
            canvas.disc((side * 3.9, -7), 0.85, (40, 30, 26))
            canvas.stroke(spline([(side * 2, -9.4), (side * 4, -10.1), (side * 6, -9.3)]), 0.7, tint(self.hair, 0.8))
        canvas.stroke([(0.3, -6.5), (1.1, -3.2), (-0.4, -2.9)], 0.5, tint(self.skin, 0.66))
        canvas.stroke(spline([(-2.8, 0.6), (0, 1.2), (2.8, 0.6)]), 0.9, (164, 84, 78))
        cap = [
            (-10.2, -5),
            (-10.4, -13),
            (-6, -19),
            (0, -20.4),
            (6, -19),
            (10.4, -13),
            (10.2, -5),
            (8.6, -11),
            (2, -14),
            (-5, -13),
            (-8.8, -11),
        ]
        canvas.fill(spline(cap, closed=True), self.hair, relief=1.5, grain=0.15)
        if self.hat:
            canvas.fill(oval((0, -15), 16, 3.2), tint(self.trousers, 0.7), relief=1.5)
            canvas.fill(
                spline([(-9.5, -15), (-8.5, -22), (0, -24.5), (8.5, -22), (9.5, -15)]),
                tint(self.trousers, 0.8),
                relief=3,
            )

    def _chair(self, canvas: Canvas) -> None:
        wood = (96, 64, 40)
        canvas.fill(box(-22, 64, 22, 70), wood, relief=2)
        for x in (-20, 20):
            canvas.tube([(x, 66), (x, 118)], 1.6, wood)

    def _legs(self, canvas: Canvas, *, seated: bool, behind: bool) -> None:
        shoe = (36, 30, 28)
        for side in (-1, 1):
            hip = (side * 9, 70)
            knee = (side * 21, 80) if seated else (side * 11, 108)
            foot = (side * 19, 116) if seated else (side * 12, 148)
            _limb(canvas, knee, foot, (8, 5.2), self.trousers)
            _limb(canvas, hip, knee, (9, 8), self.trousers)
            canvas.fill(oval((foot[0] + side * 2, foot[1] + 2), 7, 3.2), shoe, relief=1.5)
        if seated and behind:
            canvas.fill(box(-34, 72, 34, 79, radius=2), (52, 36, 28), relief=2)
            for x in (-29, 29):
                canvas.fill(box(x - 2, 78, x + 2, 118), (46, 32, 24), relief=1.5)

    def _side(self, canvas: Canvas, *, seated: bool) -> None:
        """Draw the profile; the mouth is at the face's front edge."""
        shoe = (36, 30, 28)
        if seated:
            canvas.fill(box(-34, 72, 4, 78, radius=2), (52, 36, 28), relief=2)
            for x in (-30, 0):
                canvas.tube([(x, 76), (x, 117)], 1.8, (46, 32, 24))
            _limb(canvas, (24, 71), (26, 112), (7.6, 5.4), self.trousers)
            _limb(canvas, (-14, 67), (24, 71), (9.5, 8), self.trousers)
            canvas.fill(oval((31, 115), 9, 3), shoe, relief=1.5)
        else:
            _limb(canvas, (-9, 108), (-12, 146), (8, 6), self.trousers)
            _limb(canvas, (-12, 68), (-9, 108), (10, 8), self.trousers)
            canvas.fill(oval((-7, 148), 9, 3.2), shoe, relief=1.5)
        canvas.fill(
            spline([(-16, 14), (-4, 16), (1, 28), (0, 50), (0, 74), (-24, 74), (-26, 50), (-25, 24)], closed=True),
            self.shirt,
            relief=8,
            edge=tint(self.shirt, 0.5),
            edge_width=0.5,
        )
        canvas.fill([(-15, 2), (-5, 6), (-4, 17), (-17, 17)], tint(self.skin, 0.84))
        head = [
            (-8, -19),
            (-2, -17),
            (-0.6, -11),
            (0.2, -8),
            (2.6, -3.4),
            (0.4, -2),
            (0.6, 0),
            (-0.2, 2.4),
            (-0.8, 5.5),
            (-5, 7.5),
        ]
        head += [(-12, 3), (-19, -4), (-19, -13), (-14, -19)]
        canvas.fill(spline(head, closed=True), self.skin, relief=4)
        canvas.fill(oval((-2.2, -7.6), 1.0, 0.9), (40, 30, 26))
        canvas.stroke([(-4, -10), (-0.8, -10)], 0.7, self.hair)
        canvas.stroke([(-3, 0.8), (0.4, 0.6)], 0.8, (164, 84, 78))
        hair = [(-1.4, -14), (-3, -20), (-12, -22.5), (-20, -17), (-21, -6), (-17, 3), (-14, -2), (-11, -9), (-6, -13)]
        if self.long_hair:
            hair[5:6] = [(-22, 12), (-15, 14)]
        canvas.fill(spline(hair, closed=True), self.hair, relief=1.5, grain=0.15)
        canvas.fill(oval((-11.5, -4.5), 1.7, 2.8), tint(self.skin, 0.85))

    def shoulder(self, view: str, side: int) -> Point:
        """Return where an arm begins; `side` is -1 at the left of the picture and 1 at the right."""
        return (-12 + 2 * side, 25) if view == "profile" else (side * 19, 25)

    def elbow(self, view: str, side: int, hand: Point) -> Point:
        """Return the elbow of an arm of twice 29 cm that reaches `hand`, bent down, outwards and to the viewer."""
        start, end = np.array(self.shoulder(view, side), float), np.array(hand, float)
        reach = end - start
        distance = max(1e-6, float(np.hypot(*reach)))
        bend = 0.75 * np.sqrt(29.0**2 - (distance / 2) ** 2) if distance < 58 else 0.0
        normal = np.array([-reach[1], reach[0]]) / distance
        candidates = (start + reach / 2 + normal * bend, start + reach / 2 - normal * bend)
        x, y = max(candidates, key=lambda point: point[1] + side * point[0])
        return x, y

    def upper_arm(self, canvas: Canvas, view: str, side: int, hand: Point) -> None:
        """Draw the sleeve from the shoulder to the elbow."""
        start, bend = self.shoulder(view, side), self.elbow(view, side, hand)
        _limb(canvas, start, bend, (6.8, 5.2), self.shirt)

    def forearm(self, canvas: Canvas, view: str, side: int, hand: Point) -> None:
        """Draw the lower arm and the hand."""
        bend = self.elbow(view, side, hand)
        wrist = tuple(np.add(bend, np.subtract(hand, bend) * 0.8))
        _limb(canvas, bend, wrist, (5.2, 3.5), self.shirt)
        paint_hand(canvas, hand, np.degrees(np.arctan2(hand[1] - bend[1], hand[0] - bend[0])), self.skin, flip=side)


def _limb(canvas: Canvas, start: Point, end: Point, radii: Point, cloth: Colour) -> None:
    """Draw a sleeve or a trouser leg between two joints."""
    joints = np.vstack([oval(start, radii[0]), oval(end, radii[1])]).astype(np.float32)
    outline = cv2.convexHull(joints)[:, 0]
    canvas.fill(outline, cloth, relief=0.9 * radii[0], edge=tint(cloth, 0.5), edge_width=0.4)


def paint_hand(canvas: Canvas, place: Point, angle: float, skin: Colour, *, flip: int = 1, size: float = 1.0) -> None:
    """Draw a hand whose knuckles are at `place` and whose fingers point along `angle` degrees (0: right)."""
    hand = canvas.at(*place, angle=angle, scale=size)
    dark = tint(skin, 0.62)
    hand.tube([(-9, 0), (-5, 0)], 2.7, skin, gloss=0.15)
    for index, length in enumerate((5.4, 6.6, 6.2, 4.6)):
        y = -2.9 + 1.9 * index
        hand.tube(
            spline([(-1.4, y * 0.9), (length * 0.6, y), (length, y + 0.9)], steps=4), 1.0, skin, gloss=0.25, ends=True
        )
        hand.stroke([(-0.4, y + 0.95), (length * 0.8, y + 1.0)], 0.22, dark)
    hand.fill(
        spline([(-6.5, -2.7), (-2, -3.9), (1, -3.5), (1, 3.4), (-3, 3.9), (-6.5, 2.7)], closed=True), skin, relief=2
    )
    hand.tube(
        spline([(-4, -flip * 2.8), (-0.5, -flip * 5.0), (2.6, -flip * 4.6)], steps=4), 1.1, skin, gloss=0.25, ends=True
    )
