"""From a decoded frame to the picture on screen, whatever the camera's pixels, its orientation and its range.

High dynamic range becomes standard range: light up to half of reference white stays as it is, what is brighter is
compressed below white, and the wide colours of Rec. ITU-R BT.2020 become those of BT.709.
"""

import functools
from fractions import Fraction
from typing import Any

import av
import numpy as np

REFERENCE_WHITE = 203.0  # cd/m2 (Rep. ITU-R BT.2408)
PEAK = 1000.0 / REFERENCE_WHITE  # what is brightest: by definition of hybrid log-gamma, and of the usual masters
KNEE = 0.5
MAX_ASPECT = 8  # no camera's pixels are so many times wider or higher than the other side
PERCEPTUAL_QUANTIZER, HYBRID_LOG_GAMMA = 16, 18  # transfer characteristics (ITU-T H.273)
WIDE = 9  # colour primaries of BT.2020 (ITU-T H.273)
LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
NARROWED = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)  # linear light of BT.2020 as that of BT.709 (Rep. ITU-R BT.2407)


def picture(frame: av.VideoFrame, size: int | None, pixel_aspect: Fraction) -> np.ndarray:
    """Return a frame as it is shown.

    Parameters
    ----------
    frame : av.VideoFrame
    size : int or None [pixels a side of the square that the whole picture is resized to; None for its own size]
    pixel_aspect : Fraction [how much wider than high a pixel is]

    Returns
    -------
    np.ndarray [shape=(height, width, 3), uint8]
    """
    is_other = frame.color_trc in (PERCEPTUAL_QUANTIZER, HYBRID_LOG_GAMMA) or frame.color_primaries == WIDE
    pixels = "rgb48le" if is_other else "rgb24"
    is_square = not 1 / MAX_ASPECT <= pixel_aspect <= MAX_ASPECT or pixel_aspect == 1
    shown = frame
    if size is not None or not is_square:
        width, height = (size, size) if size else (max(1, round(frame.width * pixel_aspect)), frame.height)
        shown = frame.reformat(width=width, height=height, format=pixels, interpolation="AREA")
    values = shown.to_ndarray(format=pixels)
    if is_other:
        values = standard_range(values, frame.color_trc, is_wide=frame.color_primaries == WIDE)
    matrix: Any = frame.side_data.get("DISPLAYMATRIX")
    return values if matrix is None else _upright(values, np.frombuffer(matrix, np.int32)[:5].tolist())


def _upright(values: np.ndarray, matrix: list[int]) -> np.ndarray:
    """Turn and mirror a picture by the first two rows of a display matrix: column and row are a, c and b, d of each."""
    a, b, _, c, d = matrix
    if abs(b) + abs(c) > abs(a) + abs(d):
        values, a, d = values.swapaxes(0, 1), c, b
    return np.ascontiguousarray(values[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def standard_range(codes: np.ndarray, transfer: int, *, is_wide: bool) -> np.ndarray:
    """Return a picture [shape=(height, width, 3), uint16] of another range or other colours in those of BT.709 [uint8].

    What is brighter than white is compressed by its largest component, which keeps the hue (Mobius' curve, as that of
    FFmpeg's filter ``tonemap``).
    """
    light = _light(transfer)[codes]
    if transfer == HYBRID_LOG_GAMMA:
        light *= (light @ LUMINANCE)[..., None] ** 0.2 * PEAK  # the scene on a screen of that peak
    if is_wide:
        light = np.maximum(light @ NARROWED.T, 0)
    if transfer in (PERCEPTUAL_QUANTIZER, HYBRID_LOG_GAMMA):
        brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
        scale = KNEE**2 - 2 * KNEE + PEAK
        near, far = -(KNEE**2) * (PEAK - 1) / scale, (KNEE**2 - 2 * KNEE * PEAK + PEAK) / (PEAK - 1)
        factor = (far**2 + 2 * far * KNEE + KNEE**2) / (far - near)
        compressed = factor * (brightest + near) / (brightest + far)
        light *= np.where(brightest > KNEE, compressed / brightest, 1)
    return np.round(255 * np.clip(light, 0, 1) ** np.float32(1 / 2.4)).astype(np.uint8)


@functools.cache
def _light(transfer: int) -> np.ndarray:
    """Return the linear light [shape=(65536,), float32] of each code: 1 is reference white, of a scene the peak."""
    code = np.arange(65536) / 65535
    if transfer == PERCEPTUAL_QUANTIZER:  # SMPTE ST 2084
        root = code ** (32 / 2523)
        light = (np.maximum(root - 107 / 128, 0) / (2413 / 128 - 2392 / 128 * root)) ** (8192 / 1305) * 1e4
        light /= REFERENCE_WHITE
    elif transfer == HYBRID_LOG_GAMMA:  # Rec. ITU-R BT.2100
        light = np.where(code <= 0.5, code**2 / 3, (np.exp((code - 0.55991073) / 0.17883277) + 0.28466892) / 12)
    else:
        light = code**2.4  # Rec. ITU-R BT.1886
    return light.astype(np.float32)
