"""From mono sound to what the audio models see: segments (CC, UC) and log-mel spectrograms (paper, 4.2)."""

import functools

import librosa
import numpy as np
import scipy.fft

from instrec_utils.config import CHOI2016, HAN2016, NUM_SEGMENTS, SEGMENT_SECONDS, LogMel

FLOOR = 1e-10  # power below which the logarithm is cut


@functools.cache
def _mel_filters(settings: LogMel) -> np.ndarray:
    return librosa.filters.mel(sr=settings.sample_rate, n_fft=settings.n_fft, n_mels=settings.n_mels, dtype=np.float32)


def log_mel(samples: np.ndarray, settings: LogMel, *, square_power: bool = False) -> np.ndarray:
    """Return the log-mel spectrogram, in dB.

    Equal to ``librosa.power_to_db(librosa.feature.melspectrogram(..., center=True, pad_mode="constant"),
    top_db=None)``, computed in float32 with scipy's FFT, which takes a third of the time.

    Parameters
    ----------
    samples : np.ndarray [shape=(num_samples,), float32, mono at ``settings.sample_rate``]
    settings : LogMel
    square_power : bool [whether to square the mel power again before the logarithm, as the authors' code does]

    Returns
    -------
    np.ndarray [shape=(n_mels, 1 + num_samples // hop_length), float32]
        dB relative to a power of 1; never below -100 (-200 with `square_power`).
    """
    padded = np.pad(samples.astype(np.float32, copy=False), settings.n_fft // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, settings.n_fft)[:: settings.hop_length]
    window = librosa.filters.get_window("hann", settings.n_fft).astype(np.float32)
    spectrum = scipy.fft.rfft(windows * window, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    mel = _mel_filters(settings) @ power.T
    decibels = 10.0 * np.log10(np.maximum(mel, FLOOR))
    return (2.0 * decibels if square_power else decibels).astype(np.float32)


def fit_length(samples: np.ndarray, num_samples: int) -> np.ndarray:
    """Cut at the end, or pad with zeros at the end, to exactly `num_samples`."""
    return np.pad(samples[:num_samples], (0, max(0, num_samples - len(samples))))


def central_crop(samples: np.ndarray, num_samples: int) -> np.ndarray:
    """Return the middle `num_samples` of a recording (the paper's CC); zero-padded at the end if too short."""
    start = max(0, (len(samples) - num_samples) // 2)
    return fit_length(samples[start:], num_samples)


def uniform_segments(samples: np.ndarray, segment_samples: int, num_segments: int = NUM_SEGMENTS) -> np.ndarray:
    """Return segments [shape=(num_segments, segment_samples)] spread uniformly over a recording (the paper's UC).

    The first begins at 0 and the last ends at the end; they overlap where the recording is shorter than all of them
    together, and are zero-padded where it is shorter than one.
    """
    starts = np.linspace(0, max(0, len(samples) - segment_samples), num_segments).astype(np.int64)
    return np.stack([fit_length(samples[start:], segment_samples) for start in starts])


def central_stretch(seconds: float) -> list[tuple[float, float]]:
    """Return which stretch (begin, end), in seconds, of a recording of that many seconds CC looks at."""
    half = CHOI2016.num_samples / CHOI2016.sample_rate / 2
    return [(seconds / 2 - half, seconds / 2 + half)]


def segment_stretches(seconds: float) -> list[tuple[float, float]]:
    """Return within which stretches (begin, end), in seconds, the ten uniform segments of a recording lie."""
    starts = np.linspace(0, max(0.0, seconds - SEGMENT_SECONDS), NUM_SEGMENTS)
    return [(start, start + SEGMENT_SECONDS) for start in starts]


def choi_input(samples: np.ndarray, segmentation: str) -> np.ndarray:
    """Return the input [shape=(96, 1366), float32, dB] of the models after Choi et al. (2016).

    Of mono sound [shape=(num_samples,)] at 12,000 Hz the central 29.12 s ("cc"), or ten segments of 2.912 s joined
    ("uc"); any other segmentation is a ValueError.
    """
    if segmentation == "cc":
        crop = central_crop(samples, CHOI2016.num_samples)
    elif segmentation == "uc":
        # Ten tenths of the input's 29.12 s: with ten times 3 s the joined sound would overrun the input.
        segments = uniform_segments(samples, CHOI2016.num_samples // NUM_SEGMENTS)
        crop = fit_length(segments.reshape(-1), CHOI2016.num_samples)
    else:
        raise ValueError(f"segmentation: expected 'cc' or 'uc', got {segmentation!r}")
    return log_mel(crop, CHOI2016)


def han_input(samples: np.ndarray) -> np.ndarray:
    """Return the windows [shape=(30, 128, 43), float32, dB] that the model after Han et al. (2016) sees of a recording.

    Of mono sound [shape=(num_samples,)] at 22,050 Hz ten 3 s segments, each as three windows of 1 s: 43 frames of hop
    512 are 1 s, not the 3 s that the paper's text says.
    """
    windows = [
        log_mel(fit_length(window, HAN2016.num_samples), HAN2016)
        for segment in uniform_segments(samples, int(SEGMENT_SECONDS * HAN2016.sample_rate))
        for window in np.split(segment, int(SEGMENT_SECONDS))
    ]
    return np.stack(windows)
