"""Places where a person might film, as pictures without any instrument: RGB arrays, uint8."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

CANVAS = (400, 300)  # width and height of a slide: room to pan and zoom


def background(generator: np.random.Generator) -> np.ndarray:
    """Return a place where a person might film: [shape=(300, 400, 3), uint8], without any instrument."""
    makers = (gradient, _wall, _room, _curtain, _planks, _lights, _garden)
    return makers[generator.integers(len(makers))](generator)


def colour(generator: np.random.Generator, spread: float = 45) -> np.ndarray:
    """Return a colour that rooms have: a grey level with a tint."""
    return np.clip(generator.uniform(30, 225) + generator.uniform(-spread, spread, size=3), 0, 255)


def _clouds(generator: np.random.Generator, scales: Sequence[int]) -> np.ndarray:
    """Return a smooth random texture with deviation 1: one octave for each number of cells across."""
    width, height = CANVAS
    texture = np.zeros((height, width), np.float32)
    for cells in scales:
        coarse = generator.standard_normal((max(2, cells * 3 // 4), cells)).astype(np.float32)
        texture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC) / np.sqrt(cells)
    return texture / texture.std()


def _picture_of(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 255).astype(np.uint8)


def gradient(generator: np.random.Generator) -> np.ndarray:
    """Return one colour that turns into another: [shape=(300, 400, 3), uint8]."""
    width, height = CANVAS
    angle = generator.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    share = (0.5 + 0.35 * (np.cos(angle) * x + np.sin(angle) * y))[:, :, np.newaxis]
    return _picture_of(share * colour(generator) + (1 - share) * colour(generator))


def _wall(generator: np.random.Generator) -> np.ndarray:
    texture = _clouds(generator, (3, 12, 60, 200))[:, :, np.newaxis]
    return _picture_of(colour(generator) + generator.uniform(4, 18) * texture)


def _room(generator: np.random.Generator) -> np.ndarray:
    """Return a wall above a floor, with a few plain pieces of furniture or pictures."""
    width, height = CANVAS
    canvas = _wall(generator)
    horizon = int(height * generator.uniform(0.6, 0.8))
    canvas[horizon:] = _wall(generator)[horizon:]
    for _ in range(generator.integers(1, 5)):
        w, h = generator.integers(30, 140), generator.integers(30, 120)
        x, y = generator.integers(-30, width - 20), generator.integers(-20, horizon)
        cv2.rectangle(canvas, (int(x), int(y)), (int(x + w), int(y + h)), colour(generator).tolist(), -1)
        cv2.rectangle(canvas, (int(x), int(y)), (int(x + w), int(y + h)), colour(generator).tolist(), 3)
    return cv2.GaussianBlur(canvas, (0, 0), generator.uniform(0.8, 4))


def _curtain(generator: np.random.Generator) -> np.ndarray:
    width, _ = CANVAS
    folds = np.cumsum(np.exp(generator.normal(0, 0.4, size=width))) * generator.uniform(0.05, 0.25)
    light = 0.7 + 0.3 * np.sin(folds)[np.newaxis, :, np.newaxis]
    return _picture_of(light * _wall(generator))


def _planks(generator: np.random.Generator) -> np.ndarray:
    width, height = CANVAS
    grain = cv2.resize(_clouds(generator, (4, 40, 120)), (width * 6, height))[:, :width]
    number = np.arange(height) // int(generator.integers(25, 60))
    tones = generator.normal(0, 12, size=number.max() + 1)[number][:, np.newaxis]
    wood = np.array([150, 105, 65]) * generator.uniform(0.5, 1.4)
    canvas = wood + (10 * grain + tones)[:, :, np.newaxis]
    canvas[np.flatnonzero(np.diff(number))] *= 0.5
    return np.ascontiguousarray(_picture_of(canvas))


def _lights(generator: np.random.Generator) -> np.ndarray:
    """Return a dark hall with lamps out of focus."""
    width, height = CANVAS
    canvas = np.full((height, width, 3), colour(generator) * 0.25, np.float32)
    for _ in range(generator.integers(6, 30)):
        disc = np.zeros_like(canvas)
        centre = (int(generator.integers(width)), int(generator.integers(height)))
        cv2.circle(disc, centre, int(generator.integers(5, 28)), (colour(generator, 80) * 0.6).tolist(), -1)
        canvas += disc
    return _picture_of(cv2.GaussianBlur(canvas, (0, 0), 2.5))


def _garden(generator: np.random.Generator) -> np.ndarray:
    """Return leaves and grass: green clouds of many sizes under a bright sky."""
    _, height = CANVAS
    leaves = np.array([80, 110, 50]) + 28 * _clouds(generator, (5, 20, 80, 160))[:, :, np.newaxis] * (0.9, 1.0, 0.7)
    sky = np.array([170, 195, 225]) * generator.uniform(0.8, 1.1)
    edge = height * generator.uniform(-0.1, 0.4) + 14 * _clouds(generator, (8, 40))
    share = 1 / (1 + np.exp((np.arange(height)[:, np.newaxis] - edge) / 4))
    return _picture_of(share[:, :, np.newaxis] * sky + (1 - share[:, :, np.newaxis]) * leaves)
