"""How videos are degraded to see what models still recognise, and at which levels; few bits are in `encoding`."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import scipy.fft


@dataclass(frozen=True)
class Condition:
    """A way in which videos are degraded; whether their sound and pictures are computed anew for it."""

    name: str
    unit: str  # of its levels; empty where they are names
    levels: tuple[Any, ...]  # from mild to severe; of the frames, shares of the k that a video has
    sound: bool = False
    pictures: bool = False


CONDITIONS = (
    Condition("missing", "", ("sound", "pictures")),  # a vector of zeros in its place: ours, the paper says nothing
    Condition("frames zeroed", "frames left", (0.5, 0.25, 0.1, 0.0)),  # zeros in place of the others
    Condition("frames repeated", "frames left", (0.5, 0.25, 0.1, 0.0)),  # as with a video that is too short
    Condition("noise", "dB sound over pink noise", (20, 10, 0, -5), sound=True),
    Condition("blur", "pixels, standard deviation, of 256", (1, 2, 4, 8), pictures=True),
    Condition("bitrate", "kbit/s of pictures", (100, 25), sound=True, pictures=True),
)
SOUND_KBITS = {100: 24, 25: 8}  # kbit/s of AAC beside so much of H.264; as many thousand samples a second
AS_IS = Condition("none", "", ("as is",), sound=True, pictures=True)


def conditions(num_frames: int) -> list[Condition]:
    """Return the videos as they are and all `CONDITIONS`, their levels of frames as numbers of frames, at least one."""
    counted = [AS_IS]
    for one in CONDITIONS:
        if one.unit == "frames left":
            counts = dict.fromkeys(max(1, round(share * num_frames)) for share in one.levels)
            one = Condition(one.name, one.unit, tuple(count for count in counts if count < num_frames))
        counted.append(one)
    return counted


def pink_noise(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    """Return noise [shape=(num_samples,), float64] whose power falls as the frequency rises, as of rooms and music."""
    spectrum = scipy.fft.rfft(generator.standard_normal(num_samples))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    return scipy.fft.irfft(spectrum, num_samples)


def add_noise(samples: np.ndarray, noise: np.ndarray, ratio: float) -> np.ndarray:
    """Add noise to samples [shape=(num_samples,) both, float32], `ratio` dB below the power of the whole sound.

    Digital silence stays what it is.
    """
    power = np.mean(np.square(samples, dtype=np.float64)) / 10 ** (ratio / 10)
    return (samples + noise * np.sqrt(power / np.mean(np.square(noise)))).astype(np.float32)


def blur(pictures: np.ndarray, sigma: float) -> np.ndarray:
    """Blur pictures [shape=(num_pictures, height, width, 3), uint8] by a Gaussian of `sigma` pixels."""
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma) for picture in pictures]
    return np.stack(blurred) if blurred else pictures
