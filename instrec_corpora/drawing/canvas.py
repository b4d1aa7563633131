"""Antialiased vector drawing in centimetres onto a premultiplied RGBA sprite."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np

Colour = tuple[float, float, float]
Point = tuple[float, float]

SUPERSAMPLING = 2  # on top of OpenCV's own antialiasing of edges
_SUBPIXEL_BITS = 4


def tint(colour: Colour, factor: float) -> Colour:
    """Return `colour` darkened (`factor` < 1) or mixed with white (`factor` > 1; 2 is white)."""
    if factor <= 1:
        red, green, blue = (channel * factor for channel in colour)
    else:
        red, green, blue = (channel + (255 - channel) * min(factor - 1, 1) for channel in colour)
    return red, green, blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour a `share` of the way from `first` to `second`."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def spline(points: Sequence[Point], *, closed: bool = False, steps: int = 8) -> np.ndarray:
    """Return a Catmull-Rom curve through `points`, shape (n, 2)."""
    knots = np.asarray(points, float)
    if closed:
        padded = np.vstack([knots[-1:], knots, knots[:2]])
    else:
        padded = np.vstack([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    p0, p1, p2, p3 = (padded[i : len(padded) - 3 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    curve = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2)
    curve = (curve + 0.5 * (3 * p1 - p0 - 3 * p2 + p3) * t**3).reshape(-1, 2)
    return curve if closed else np.vstack([curve, knots[-1:]])


def symmetric(right_half: np.ndarray) -> np.ndarray:
    """Return the closed outline of a right half (top to bottom) and its mirror image in x = 0."""
    right_half = np.asarray(right_half, float)
    return np.vstack([right_half, right_half[::-1] * (-1, 1)])


def box(x0: float, y0: float, x1: float, y1: float, *, radius: float = 0.0) -> np.ndarray:
    """Return a rectangle with rounded corners, shape (n, 2)."""
    if radius <= 0:
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], float)
    radius = min(radius, abs(x1 - x0) / 2, abs(y1 - y0) / 2)
    left, top, right, bottom = x0 + radius, y0 + radius, x1 - radius, y1 - radius
    corners = ((right, top, -90), (right, bottom, 0), (left, bottom, 90), (left, top, 180))
    return np.vstack([oval((x, y), radius, arc=(start, start + 90), steps=5) for x, y, start in corners])


def oval(
    centre: Point, rx: float, ry: float | None = None, *, angle: float = 0.0, arc: Point = (0, 360), steps: int = 40
) -> np.ndarray:
    """Return points on an ellipse (or an `arc` of it, in degrees), turned by `angle` degrees."""
    t = np.radians(np.linspace(*arc, steps))
    x, y = rx * np.cos(t), (rx if ry is None else ry) * np.sin(t)
    cos, sin = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return np.column_stack([centre[0] + x * cos - y * sin, centre[1] + x * sin + y * cos])


@lru_cache(maxsize=1)
def _grain_texture() -> np.ndarray:
    """Return streaks along the first axis, shape (512, 512), mean 0, about ±1."""
    noise = np.random.default_rng(0).standard_normal((10, 128)).astype(np.float32)
    return cv2.resize(noise, (512, 512), interpolation=cv2.INTER_CUBIC)


class Canvas:
    """A picture to draw on in centimetres (x to the right, y down).

    `at` gives another view of the same pixels, moved, turned or scaled, so that an instrument is drawn in
    its own coordinates wherever it stands.
    """

    def __init__(self, pixels: np.ndarray, matrix: np.ndarray, supersampling: int) -> None:
        self.pixels = pixels
        self.matrix = matrix
        self.supersampling = supersampling

    @classmethod
    def blank(cls, size: tuple[int, int], scale: float, origin: Point, *, supersampling: int = SUPERSAMPLING) -> Canvas:
        """Return an empty canvas of `size` final pixels, `scale` pixels a cm, with (0, 0) at pixel `origin`."""
        width, height = (side * supersampling for side in size)
        matrix = supersampling * np.array([[scale, 0, origin[0]], [0, scale, origin[1]]], float)
        return cls(np.zeros((height, width, 4), np.uint8), matrix, supersampling)

    @cached_property
    def scale(self) -> float:
        """Supersampled pixels a centimetre."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def at(self, x: float = 0, y: float = 0, *, angle: float = 0, scale: float = 1, mirror: bool = False) -> Canvas:
        """Return the canvas with its origin moved to (x, y), then turned clockwise by `angle` degrees and scaled."""
        cos, sin = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
        flip = -1 if mirror else 1
        local = np.array([[cos * flip, -sin, x], [sin * flip, cos, y], [0, 0, 1]])
        return Canvas(self.pixels, self.matrix @ local, self.supersampling)

    def to_pixels(self, points: Sequence[Point] | np.ndarray) -> np.ndarray:
        """Return `points` in supersampled pixels, shape (n, 2)."""
        return np.asarray(points, float).reshape(-1, 2) @ self.matrix[:, :2].T + self.matrix[:, 2]

    def fill(
        self,
        points: Sequence[Point] | np.ndarray,
        colour: Colour,
        *,
        relief: float = 0.0,
        sheen: float = 0.0,
        grain: float = 0.0,
        burst: Colour | None = None,
        alpha: float = 1.0,
        edge: Colour | None = None,
        edge_width: float = 0.3,
    ) -> None:
        """Fill a polygon.

        Parameters
        ----------
        points : sequence of points or np.ndarray [shape=(n, 2)]
            Corners in cm.
        colour : tuple of 3 float [0 to 255]
            RGB.
        relief : float [cm]
            Width over which the edges are rounded towards the light at the upper left.
        sheen : float [0 to 1]
            Contrast of a light-to-dark gradient from the upper left to the lower right.
        grain : float [0 to 1]
            Contrast of streaks along the y axis.
        burst : tuple of 3 float [0 to 255] or None
            Colour the polygon turns to towards its edge.
        alpha : float [0 to 1]
            Opacity.
        edge, edge_width : tuple of 3 float or None, float [cm]
            Colour and width of a drawn outline.
        """
        corners = self.to_pixels(points)
        if relief or sheen or grain or burst is not None or alpha < 1:
            self._fill_shaded(corners, colour, relief * self.scale, sheen, grain, burst, alpha)
        else:
            _polygon(self.pixels, corners, (*_rgb(colour), 255))
        if edge is not None:
            self.stroke(np.vstack([points, points[:1]]), edge_width, edge)

    def stroke(self, points: Sequence[Point] | np.ndarray, width: float, colour: Colour) -> None:
        """Draw a round-ended line `width` cm wide through `points`."""
        thickness = max(1, round(width * self.scale))
        # A line thinner than a pixel is drawn one pixel wide and fainter.
        strength = min(1.0, max(0.25, width * self.scale))
        path = _fixed_point(self.to_pixels(points))
        rgba = (*_rgb(colour), 255)
        if strength == 1:
            cv2.polylines(self.pixels, [path], False, rgba, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
            return
        low, high = self._bounds(self.to_pixels(points))
        if (high > low).all():
            region = self.pixels[low[1] : high[1], low[0] : high[0]]
            drawn = region.copy()
            path -= (low * 2**_SUBPIXEL_BITS).astype(np.int32)
            cv2.polylines(drawn, [path], False, rgba, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)
            region[:] = cv2.addWeighted(drawn, strength, region, 1 - strength, 0)

    def disc(self, centre: Point, radius: float, colour: Colour, **shading: Any) -> None:
        """Fill a circle; `shading` as in `fill`."""
        self.fill(oval(centre, radius, steps=max(12, min(60, round(radius * self.scale)))), colour, **shading)

    def tube(
        self,
        path: Sequence[Point] | np.ndarray,
        radius: float | Sequence[float] | np.ndarray,
        colour: Colour,
        *,
        gloss: float = 0.6,
        ends: bool = False,
    ) -> None:
        """Draw a round, shiny tube along `path` whose `radius` in cm may vary from point to point."""
        path = np.asarray(path, float)
        radius = np.broadcast_to(np.asarray(radius, float), len(path))
        tangent = np.gradient(path, axis=0)
        tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
        normal = np.column_stack([tangent[:, 1], -tangent[:, 0]])
        # The light comes from the upper left on the picture, however the tube lies.
        direction = np.linalg.solve(self.matrix[:, :2], np.array([-0.45, -0.9]))
        towards_light = (normal @ direction / np.linalg.norm(direction))[:, None]
        layers = (
            (1.0, 0.0, tint(colour, 0.42)),
            (0.84, 0.10, tint(colour, 0.72)),
            (0.62, 0.22, colour),
            (0.34, 0.38, tint(colour, 1 + 0.5 * gloss)),
            (0.13, 0.46, tint(colour, 1 + gloss)),
        )
        if ends:
            for index in (0, -1):
                self.disc(tuple(path[index]), radius[index], tint(colour, 0.6))
        for share, offset, shade in layers:
            middle = path + normal * towards_light * radius[:, None] * offset
            half = normal * radius[:, None] * share
            self._ribbon(middle + half, middle - half, shade)

    def _ribbon(self, left: np.ndarray, right: np.ndarray, colour: Colour) -> None:
        """Fill the band between two lines piece by piece, so that it may cross itself."""
        left, right = self.to_pixels(left), self.to_pixels(right)
        rgba = (*_rgb(colour), 255)
        quads = np.stack([left[:-1], left[1:], right[1:], right[:-1]], axis=1)
        for quad in _fixed_point(quads):
            cv2.fillPoly(self.pixels, [quad], rgba, cv2.LINE_AA, _SUBPIXEL_BITS)

    def _fill_shaded(
        self,
        corners: np.ndarray,
        colour: Colour,
        relief: float,
        sheen: float,
        grain: float,
        burst: Colour | None,
        alpha: float,
    ) -> None:
        low, high = self._bounds(corners)
        if (high <= low).any():
            return
        mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        _polygon(mask, corners - low, 255)
        region = self.pixels[low[1] : high[1], low[0] : high[0]]
        is_lit = bool(relief or sheen or grain)
        light = self._light(mask, low, relief, sheen, grain) if is_lit else np.float32(1)
        dark, bright = np.minimum(light, 1), np.clip(light - 1, 0, 1)
        inner = np.float32(1) if burst is None else _inner(mask)
        cover = mask.astype(np.float32) * (alpha / 255)
        uncovered = 1 - cover
        # Channel by channel: numpy is several times slower along an axis of four.
        for channel in range(4):
            body: Any = np.float32(255 if channel == 3 else colour[channel])
            if channel < 3 and burst is not None:
                body = body * inner + np.float32(burst[channel]) * (1 - inner)
            if channel < 3 and is_lit:
                body = np.maximum(body * dark, 0)
                body += (255 - body) * bright
            painted = body * cover
            painted += region[..., channel] * uncovered
            painted += 0.5
            region[..., channel] = np.minimum(painted, 255, out=painted)

    def _light(self, mask: np.ndarray, low: np.ndarray, relief: float, sheen: float, grain: float) -> np.ndarray:
        """Return the light on a shape: 1 leaves its colour as it is, 0 is black and 2 white."""
        light = np.ones(mask.shape, np.float32)
        if relief:
            light += _relief(mask, relief)
        if sheen:
            x = np.linspace(1, -1, mask.shape[1], dtype=np.float32)[None, :]
            y = np.linspace(1, -1, mask.shape[0], dtype=np.float32)[:, None]
            light += sheen * (0.45 * x + 0.55 * y)
        if grain:
            light += grain * 0.5 * self._grain(low, mask.shape)
        return light

    def _bounds(self, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and the past-the-last pixel (x, y) that a shape with these corners may touch."""
        height, width = self.pixels.shape[:2]
        low = np.clip(np.floor(corners.min(0)).astype(int) - 2, 0, (width, height))
        return low, np.clip(np.ceil(corners.max(0)).astype(int) + 3, 0, (width, height))

    def _grain(self, low: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        to_texture = cv2.invertAffineTransform(self.matrix) * 6.0  # texture pixels a cm
        offset = np.array([[1, 0, low[0]], [0, 1, low[1]], [0, 0, 1]], float)
        # Reflected, the texture has no seam; the matrix leads from the region to the texture.
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        matrix = to_texture @ offset
        return cv2.warpAffine(_grain_texture(), matrix, shape[::-1], flags=flags, borderMode=cv2.BORDER_REFLECT)

    def sprite(self) -> np.ndarray:
        """Return the finished picture, premultiplied RGBA uint8, at its final size."""
        height, width = self.pixels.shape[:2]
        size = (width // self.supersampling, height // self.supersampling)
        return cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA)


def _rgb(colour: Colour) -> tuple[int, int, int]:
    red, green, blue = (int(min(255, max(0, round(channel)))) for channel in colour)
    return red, green, blue


def _polygon(pixels: np.ndarray, corners: np.ndarray, value: int | tuple[int, ...]) -> None:
    cv2.fillPoly(pixels, [_fixed_point(corners)], value, cv2.LINE_AA, _SUBPIXEL_BITS)


def _fixed_point(pixels: np.ndarray) -> np.ndarray:
    """Return coordinates in pixels as OpenCV's drawing functions take them."""
    return np.round(pixels * 2**_SUBPIXEL_BITS).astype(np.int32)


def _blurred(mask: np.ndarray, sigma: float) -> np.ndarray:
    """Return the mask (0 to 1), blurred at a quarter of its size: a smooth result needs no more pixels."""
    height, width = mask.shape
    small = cv2.resize(mask, (max(2, width // 4), max(2, height // 4)), interpolation=cv2.INTER_AREA)
    small = small.astype(np.float32) / 255
    return cv2.GaussianBlur(small, (0, 0), max(0.5, sigma / 4), borderType=cv2.BORDER_CONSTANT)


def _relief(mask: np.ndarray, width: float) -> np.ndarray:
    """Return light to add for edges rounded over `width` pixels, lit from the upper left; about ±0.5."""
    height = _blurred(mask, width / 2)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0) * 0.45 + cv2.Sobel(height, cv2.CV_32F, 0, 1) * 0.9
    slope *= max(0.5, width / 8) / 8 * 2.2
    return cv2.resize(slope, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _inner(mask: np.ndarray) -> np.ndarray:
    """Return 1 deep inside the mask and 0 at its edge."""
    depth = _blurred(mask, 0.13 * min(mask.shape))
    return cv2.resize(np.clip((depth - 0.5) * 2.6, 0, 1), mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
