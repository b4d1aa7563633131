"""Sprites that move over a picture: cutting them out, moving them and blending them in."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from instrec_corpora.drawing.canvas import Canvas
from instrec_corpora.drawing.design import Motion

SHADOW = 0.42  # opacity


@dataclass(frozen=True)
class Layer:
    """A premultiplied RGBA sprite, where it is in its view and how it moves there."""

    sprite: np.ndarray
    corner: tuple[int, int]
    # Each with the matrix from its coordinates to view pixels, and the inverse of that.
    motions: tuple[tuple[Motion, np.ndarray, np.ndarray], ...]

    def matrix(self, time: float) -> np.ndarray:
        """Return the 3 x 3 matrix from sprite pixels to view pixels at `time` seconds."""
        total = np.array([[1, 0, self.corner[0]], [0, 1, self.corner[1]], [0, 0, 1]], float)
        for motion, to_view, from_view in self.motions:
            total = to_view @ motion_matrix(motion, time) @ from_view @ total
        return total


def motion_matrix(motion: Motion, time: float) -> np.ndarray:
    """Return the 3 x 3 matrix of a motion at `time` seconds, in the motion's own coordinates."""
    wave = np.sin(2 * np.pi * (motion.rate * time + motion.phase))
    angle = np.radians(motion.swing * wave)
    x, y = motion.pivot
    cos, sin, wide = np.cos(angle), np.sin(angle), 1 + motion.stretch * wave
    matrix = np.array([[cos * wide, -sin, 0], [sin * wide, cos, 0], [0, 0, 1]])
    matrix[:2, 2] = np.array([x, y]) - matrix[:2, :2] @ (x, y) + np.array(motion.shift) * wave
    return matrix


def layer(
    canvas: Canvas, sway: Motion, motion: Motion | None = None, frame: Canvas | None = None, *, shadow: bool = False
) -> Layer:
    """Cut the drawn part out of a canvas.

    Parameters
    ----------
    canvas : Canvas
        What was drawn, at (0, 0) of its coordinates the pivot that `sway` refers to.
    sway : Motion
        Motion of the whole performance.
    motion, frame : Motion, Canvas
        Motion of this part alone, in the coordinates of `frame`.
    shadow : bool
        Whether the part throws a soft shadow to its lower right.
    """
    sprite = canvas.sprite()
    if shadow:
        sprite = _with_shadow(sprite)
    moving = [(sway, canvas)] if motion is None or frame is None else [(motion, frame), (sway, canvas)]
    motions = tuple((moves, _to_view(within), np.linalg.inv(_to_view(within))) for moves, within in moving)
    drawn = cv2.boundingRect(sprite[..., 3])
    x, y, width, height = drawn if drawn[2] else (0, 0, 1, 1)
    # One transparent pixel around the sprite keeps its edge smooth when it is moved.
    cut = cv2.copyMakeBorder(sprite[y : y + height, x : x + width], 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    return Layer(cut, (x - 1, y - 1), motions)


def blend(picture: np.ndarray, sprite: np.ndarray, matrix: np.ndarray) -> None:
    """Draw a sprite into an RGB uint8 picture in place; `matrix` (2 x 3) leads from sprite to picture pixels."""
    height, width = sprite.shape[:2]
    corners = np.array([(0, 0, 1), (width, 0, 1), (width, height, 1), (0, height, 1)]) @ matrix.T
    low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, picture.shape[1::-1])
    if (high <= low).any():
        return
    local = matrix.copy()
    local[:, 2] -= low
    moved = cv2.warpAffine(sprite, local, tuple(int(side) for side in high - low), flags=cv2.INTER_LINEAR)
    region = picture[low[1] : high[1], low[0] : high[0]]
    uncovered = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(moved, 3)), cv2.COLOR_GRAY2RGB)
    under = cv2.multiply(region, uncovered, scale=1 / 255)
    region[:] = cv2.add(under, cv2.cvtColor(moved, cv2.COLOR_RGBA2RGB))


def _to_view(canvas: Canvas) -> np.ndarray:
    return np.vstack([canvas.matrix / canvas.supersampling, [0, 0, 1]])


def _with_shadow(sprite: np.ndarray) -> np.ndarray:
    """Return the sprite over its own blurred shadow, thrown to the lower right."""
    alpha = cv2.GaussianBlur(sprite[..., 3], (0, 0), 4)
    shadow = np.zeros_like(sprite)
    move = np.array([[1, 0, 6], [0, 1, 7]], float)
    shadow[..., 3] = cv2.warpAffine(alpha, move, alpha.shape[::-1]) * SHADOW
    uncovered = 255 - sprite[..., 3:]
    shadow[..., 3:] = cv2.multiply(shadow[..., 3], uncovered[..., 0], scale=1 / 255)[..., None]
    return cv2.add(sprite, shadow)
