"""How spectrograms are varied in training, and whether there is anything in one.

Unless said otherwise a spectrogram is an array [shape=(n_mels, num_frames), float32] in dB, never below -100.
"""

import numpy as np

from instrec_utils.config import NUM_SEGMENTS
from instrec_utils.inputs.spectrograms import FLOOR

SILENCE = float(10 * np.log10(FLOOR))  # dB, what `spectrograms.log_mel` gives for none
QUIET = -40.0  # dB of mean power: a video below has no sound worth a training; noise of an empty room stays below


def is_silent(spectrogram: np.ndarray) -> bool:
    """Tell whether there is no sound worth hearing in a spectrogram, of any shape."""
    return _level(spectrogram) < QUIET


def random_part(spectrogram: np.ndarray, generator: np.random.Generator, *, num_frames: int) -> np.ndarray:
    """Return `num_frames` frames in a row from a random place."""
    start = generator.integers(0, spectrogram.shape[1] - num_frames + 1)
    return spectrogram[:, start : start + num_frames]


def shuffle_segments(spectrogram: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Put the ten uniform segments (UC) into another order."""
    parts = np.array_split(np.arange(spectrogram.shape[1]), NUM_SEGMENTS)
    return spectrogram[:, np.concatenate([parts[number] for number in generator.permutation(len(parts))])]


def vary(spectrogram: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Vary a spectrogram as rooms, microphones, bystanders and pipelines do.

    Noise in three of five cases, a lower upper limit of frequency in three of ten, then `vary_level`, one masked band
    and one masked stretch of time (Park et al., SpecAugment, 2019). Digital silence stays what it is.
    """
    varied = spectrogram
    if generator.random() < 0.6:
        varied = add_noise(varied, generator.uniform(-5, 25), generator)
    if generator.random() < 0.3:
        varied = limit_band(varied, generator)
    varied = vary_level(np.where(spectrogram <= SILENCE, SILENCE, varied), generator)
    return mask(varied, generator)


def mix(spectrogram: np.ndarray, other: np.ndarray, ratio: float) -> np.ndarray:
    """Add another sound of the same shape, `ratio` dB below the first; silence, on either side, changes nothing."""
    level, other_level = _level(spectrogram), _level(other)
    if min(level, other_level) < SILENCE + 5:
        return spectrogram
    return _decibels(_power(spectrogram) + _power(other + level - other_level - ratio))


def add_noise(spectrogram: np.ndarray, ratio: float, generator: np.random.Generator) -> np.ndarray:
    """Add noise of a random colour and a random course of loudness, its power `ratio` dB below the sound's."""
    num_bands, num_frames = spectrogram.shape
    colour = np.interp(np.linspace(0, 3, num_bands), np.arange(4), np.cumsum([0, *generator.uniform(-15, 3, 3)]))
    times = np.sort([0, num_frames, *generator.uniform(0, num_frames, 6)])
    course = np.interp(np.arange(num_frames), times, generator.uniform(-1, 1, 8)) * generator.choice([1, 4, 10])
    # The power of a band of noise in a frame varies like a gamma variable of a few degrees of freedom.
    grain = generator.gamma(4, 0.25, spectrogram.shape)
    return mix(spectrogram, colour[:, None] + course + _decibels(grain), ratio)


def limit_band(spectrogram: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Let the level fall from a random band of the upper half on, 1 to 6 dB a band."""
    num_bands = len(spectrogram)
    above = np.arange(num_bands) - generator.integers(num_bands // 2, num_bands)
    return spectrogram - np.clip(above * generator.uniform(1, 6), 0, 60)[:, None]


def vary_level(spectrogram: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Make a spectrogram up to 6 dB louder or softer, through a smooth random equaliser of up to 6 dB."""
    num_bands = len(spectrogram)
    equalizer = np.interp(np.linspace(0, 4, num_bands), np.arange(5), generator.uniform(-6, 6, 5))
    varied = spectrogram + (generator.uniform(-6, 6) + equalizer)[:, None]
    return np.where(spectrogram <= SILENCE, SILENCE, np.maximum(varied, SILENCE)).astype(np.float32)


def mask(spectrogram: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Replace one band and one stretch of time, each up to a sixth of the whole, by the mean."""
    masked = spectrogram.copy()
    num_bands, num_frames = spectrogram.shape
    height, width = generator.integers(0, num_bands // 6), generator.integers(0, num_frames // 6)
    low, start = generator.integers(0, num_bands - height), generator.integers(0, num_frames - width)
    masked[low : low + height] = masked[:, start : start + width] = spectrogram.mean()
    return masked


def _power(spectrogram: np.ndarray) -> np.ndarray:
    return np.power(10.0, spectrogram / 10)


def _decibels(power: np.ndarray) -> np.ndarray:
    return 10 * np.log10(np.maximum(power, 10 ** (SILENCE / 10)))


def _level(spectrogram: np.ndarray) -> float:
    return float(_decibels(_power(spectrogram).mean()))
