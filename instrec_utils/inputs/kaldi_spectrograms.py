"""The log-mel spectrogram of networks that were trained on AudioSet with Kaldi's mel scale, as EfficientAT."""

import functools

import numpy as np
import scipy.fft

from instrec_utils.config import LogMel
from instrec_utils.inputs.spectrograms import FLOOR

WINDOW_LENGTH = 800  # samples of the symmetric Hann window, in the middle of the FFT's
MAX_FREQUENCY = 15_000.0  # Hz, the upper end of the last band; the first begins at 0
PRE_EMPHASIS = 0.97  # of the sample before, which is subtracted
# dB, of white noise of power 1. `log_mel` with Choi's settings has 9.1, but fewer bands at low frequencies; with this
# the mean of all bands is the same for the noise of rooms, and within 3 dB for the clips of the demo corpus.
NOISE_LEVEL = 4.6


@functools.cache
def _mel_filters(settings: LogMel) -> np.ndarray:
    """Return triangles [shape=(n_mels, n_fft // 2 + 1)] that are straight in mel, not in Hz, and reach 1."""
    mel = 1127 * np.log1p(np.fft.rfftfreq(settings.n_fft, 1 / settings.sample_rate) / 700)
    edges = np.linspace(0, 1127 * np.log1p(MAX_FREQUENCY / 700), settings.n_mels + 2)[:, None]
    rising, falling = (mel - edges[:-2]) / np.diff(edges[:-1], axis=0), (edges[2:] - mel) / np.diff(edges[1:], axis=0)
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def kaldi_log_mel(samples: np.ndarray, settings: LogMel) -> np.ndarray:
    """Return the log-mel spectrogram, in dB, of sound with pre-emphasis, mirrored at both ends.

    Parameters
    ----------
    samples : np.ndarray [shape=(num_samples,), float32, mono at ``settings.sample_rate``; at least one]
    settings : LogMel

    Returns
    -------
    np.ndarray [shape=(n_mels, 1 + num_samples // hop_length), float32]
        dB relative to a power of 1; never below -100.
    """
    emphasised = samples.astype(np.float32)
    emphasised[1:] -= np.float32(PRE_EMPHASIS) * emphasised[:-1]
    padded = np.pad(emphasised, settings.n_fft // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, settings.n_fft)[:: settings.hop_length]
    # What the window leaves of the FFT's length is zeros, which change no power wherever they are.
    start = (settings.n_fft - WINDOW_LENGTH) // 2
    windowed = frames[:, start : start + WINDOW_LENGTH] * np.hanning(WINDOW_LENGTH).astype(np.float32)
    spectrum = scipy.fft.rfft(windowed, settings.n_fft, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return 10 * np.log10(np.maximum(_mel_filters(settings) @ power.T, np.float32(FLOOR)))


def as_other_levels(spectrogram: np.ndarray, settings: LogMel) -> np.ndarray:
    """Return a spectrogram [shape=(..., n_mels, num_frames), dB] with each band as loud as `log_mel` has it.

    White noise then has the same level in all bands, and what is silent in one spectrogram is so in the other.
    """
    angles = 2 * np.pi * np.fft.rfftfreq(settings.n_fft)
    emphasis = 1 - 2 * PRE_EMPHASIS * np.cos(angles) + PRE_EMPHASIS**2
    noise = _mel_filters(settings) @ emphasis * np.square(np.hanning(WINDOW_LENGTH)).sum()
    return spectrogram + (NOISE_LEVEL - 10 * np.log10(noise))[:, None].astype(np.float32)
