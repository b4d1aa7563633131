"""What happens to a sound between the instrument and the upload: room, noise, distance, the phone.

Signals are mono float arrays at `SAMPLE_RATE`, one dimension, full scale at 1.
"""

from __future__ import annotations

import functools

import numpy as np
from scipy import fft
from scipy import signal as sps

from instrec_corpora.staging import SAMPLE_RATE
from instrec_utils.config import Conditions
from instrec_utils.errors import ParameterError

NOISES = ("hum", "traffic", "wind", "hiss", "crowd", "babble")
CONDITIONS = tuple(Conditions().sound)

_TALK_RATIO = 3  # talk is made at a third of SAMPLE_RATE: it has little above 7 kHz, and this is faster
_TALK_FRAME = 256  # samples at that rate: 17 ms, in which a formant hardly moves
_VOWELS = np.array(  # first three formants in Hz, after Peterson and Barney (1952), men
    [
        [270, 2290, 3010],
        [390, 1990, 2550],
        [530, 1840, 2480],
        [660, 1720, 2410],
        [730, 1090, 2440],
        [570, 840, 2410],
        [440, 1020, 2240],
        [300, 870, 2240],
        [640, 1190, 2390],
    ]
)


def room(
    signal: np.ndarray,
    generator: np.random.Generator,
    *,
    decay: tuple[float, float] = (0.15, 1.2),
    direct_share: tuple[float, float] = (0.6, 0.95),
) -> np.ndarray:
    """Put a sound into a small synthetic room.

    The impulse response is the direct sound, a few early reflections and a noise tail whose level falls
    exponentially, faster for high frequencies than for low ones. It has unit energy.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,)]
    generator : np.random.Generator
    decay : tuple of 2 float [seconds]
        Range of the time in which the tail falls by 60 dB.
    direct_share : tuple of 2 float [0 to 1]
        Range of the direct sound's share of the impulse response's energy.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
    """
    seconds = generator.uniform(*decay)
    share = generator.uniform(*direct_share)
    num_samples = int(seconds * SAMPLE_RATE)
    time = np.arange(num_samples) / SAMPLE_RATE
    tail = generator.standard_normal(num_samples) * 10 ** (-3 * time / seconds)
    dull = sps.sosfilt(_lowpass(generator.uniform(1500, 4000), order=1), tail)
    blend = np.exp(-4 * time / seconds)  # walls and air take the high frequencies first
    tail = blend * tail + (1 - blend) * dull
    first = int(generator.uniform(0.004, 0.02) * SAMPLE_RATE)
    tail[:first] = 0.0
    arrivals = generator.integers(first, max(first + 1, int(0.06 * SAMPLE_RATE)), size=6)
    np.add.at(tail, arrivals, generator.uniform(-1, 1, size=6) * 20 * first / arrivals)
    response = np.sqrt((1 - share) / np.sum(tail**2)) * tail
    response[0] = np.sqrt(share)
    return sps.oaconvolve(np.float32(signal), np.float32(response))[: len(signal)]


def noise(kind: str, num_samples: int, generator: np.random.Generator) -> np.ndarray:
    """Make background noise with a root mean square of 1.

    Parameters
    ----------
    kind : str
        One of `NOISES`. "babble" is talk-like: one to three voices with syllables, pauses and moving
        formants; "crowd" is many such voices at once.
    num_samples : int [samples, >= 1]
    generator : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(num_samples,), dtype=float32]

    Raises
    ------
    ParameterError
        If the kind is unknown or the length is not positive.
    """
    if kind not in NOISES:
        raise ParameterError(f"kind must be one of {', '.join(NOISES)}, got {kind!r}")
    if num_samples < 1:
        raise ParameterError(f"num_samples must be at least 1, got {num_samples}")
    makers = {
        "hum": _hum,
        "traffic": _traffic,
        "wind": _wind,
        "hiss": _hiss,
        "crowd": _crowd,
        "babble": _babble,
    }
    sound = makers[kind](num_samples, generator)
    return (sound / np.sqrt(np.mean(np.square(sound)))).astype(np.float32)


def phone(signal: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Record a sound with a phone: narrow band, gentle compression, a little clipping.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,)]
    generator : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
        The peak is that of the input.
    """
    lowest = np.exp(generator.uniform(np.log(80), np.log(400)))
    highest = np.exp(generator.uniform(np.log(3500), np.log(14_000)))
    band = sps.butter(2, [lowest, highest], "bandpass", fs=SAMPLE_RATE, output="sos")
    drive = generator.uniform(0.8, 3.0)
    clip = generator.uniform(0.8, 1.0)
    peak = np.max(np.abs(signal), initial=0.0)
    captured = sps.sosfilt(band, signal)
    captured = np.tanh(drive * _scaled_to_peak(captured, 1.0))
    captured = np.clip(_scaled_to_peak(captured, 1.0), -clip, clip)
    return _scaled_to_peak(captured, peak).astype(np.float32)


def mix(signal: np.ndarray, other: np.ndarray, ratio_db: float) -> np.ndarray:
    """Add another sound at a given signal-to-other ratio.

    The ratio is that of the root mean squares, each over the part in which the sound is active: within
    40 dB of its loudest 50 ms.

    Parameters
    ----------
    signal, other : np.ndarray [shape=(n,)]
    ratio_db : float [dB]
        Negative where the other sound is the louder one.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]

    Raises
    ------
    ParameterError
        If the lengths differ, or one of the two is empty or silent: the ratio is then undefined.
    """
    if signal.shape != other.shape:
        raise ParameterError(f"both sounds must have the same shape, got {signal.shape} and {other.shape}")
    level, other_level = active_rms(signal), active_rms(other)
    if not level or not other_level:
        raise ParameterError("a ratio needs two sounds, but one of them is silent")
    gain = level / other_level * 10 ** (-ratio_db / 20)
    return (signal + gain * other).astype(np.float32)


def active_rms(signal: np.ndarray) -> float:
    """Return the root mean square over the 50 ms blocks that are within 40 dB of the loudest one.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,), n >= 1]

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        If there is no sample.
    """
    if not len(signal):
        raise ParameterError("a level needs a sound of at least one sample, got none")
    size = min(len(signal), int(0.05 * SAMPLE_RATE))
    power = np.mean(np.square(signal[: len(signal) // size * size], dtype=np.float64).reshape(-1, size), axis=1)
    return float(np.sqrt(np.mean(power[power >= 1e-4 * power.max()])))


def record(
    signal: np.ndarray,
    generator: np.random.Generator,
    *,
    condition: str = "clear",
    companion: np.ndarray | None = None,
) -> np.ndarray:
    """Record a sound the way that people upload it.

    Parameters
    ----------
    signal : np.ndarray [shape=(n,)]
        The dry instrument.
    generator : np.random.Generator
    condition : str
        One of `CONDITIONS`. "clear" still has a light room, level changes and background noise.
    companion : np.ndarray [shape=(n,)]
        The dry sound of another instrument: for "accompanied", and only for it.

    Returns
    -------
    np.ndarray [shape=(n,), dtype=float32]
        Between -1 and 1.

    Raises
    ------
    ParameterError
        If the condition is unknown, the companion is missing or superfluous, or a sound is empty, not finite
        or, where a level is needed, silent.
    """
    if condition not in CONDITIONS:
        raise ParameterError(f"condition must be one of {', '.join(CONDITIONS)}, got {condition!r}")
    if (companion is not None) != (condition == "accompanied"):
        raise ParameterError(f"a companion belongs to 'accompanied' and to nothing else, got {condition!r}")
    if signal.ndim != 1 or not len(signal) or not np.all(np.isfinite(signal)):
        raise ParameterError(f"signal must be finite, mono and not empty, got shape {signal.shape}")

    num_samples = len(signal)
    if condition == "silent":
        return _silence(num_samples, generator)

    if companion is not None:
        signal = mix(signal, companion, generator.uniform(3, 9))
    if condition == "distant":
        sound = room(signal, generator, decay=(0.7, 1.2), direct_share=(0.05, 0.2))
        sound = sps.sosfilt(_lowpass(generator.uniform(1500, 4000), order=2), sound)
        background, ratio_db = _background(num_samples, generator), generator.uniform(6, 15)
        peak_db = generator.uniform(-30, -20)
    else:
        sound = room(signal, generator)
        peak_db = generator.uniform(-12, -1)
        if condition == "noise":
            background, ratio_db = _background(num_samples, generator), generator.uniform(-6, 6)
        elif condition == "babble":
            background, ratio_db = noise("babble", num_samples, generator), generator.uniform(-6, 6)
        else:
            background, ratio_db = _background(num_samples, generator), generator.uniform(22, 40)

    sound = mix(sound * _level_changes(num_samples, generator), background, ratio_db)
    if generator.random() < 0.5:
        sound = phone(sound, generator)
    return _scaled_to_peak(sound, 10 ** (peak_db / 20)).astype(np.float32)


def _silence(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    if generator.random() < 0.5:
        return np.zeros(num_samples, dtype=np.float32)
    level = 10 ** (generator.uniform(-66, -54) / 20)
    sound = noise("hum", num_samples, generator) + noise("hiss", num_samples, generator)
    return (level * sound).astype(np.float32)


def _background(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    """Return one or two kinds of noise together; talk is a condition of its own."""
    kinds = generator.choice(NOISES[:-1], size=generator.integers(1, 3), replace=False)
    return np.sum([noise(kind, num_samples, generator) for kind in kinds], axis=0)


def _level_changes(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    """Return a gain that drifts by some 3 dB, as a hand-held device and its automatic level do."""
    return 10 ** (_drift(num_samples, 0.3, generator) * 1.5 / 20)


def _hum(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    mains = generator.choice([50, 60])  # Hz, Europe and America
    phase = 2 * np.pi * np.arange(SAMPLE_RATE // mains) / (SAMPLE_RATE // mains)  # one period, whole samples
    harmonics = np.arange(1, 13)
    levels = generator.uniform(0.1, 1, size=len(harmonics)) / harmonics
    shifts = generator.uniform(0, 2 * np.pi, size=len(harmonics))
    period = levels @ np.sin(harmonics[:, None] * phase + shifts[:, None])
    return np.resize(period, num_samples) + 0.05 * _hiss(num_samples, generator)


def _traffic(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    rumble = _coloured(num_samples, 2.0, 30.0, generator)
    tyres = _coloured(num_samples, 1.6, 300.0, generator)
    passing = np.exp(_drift(num_samples, 0.15, generator))
    return rumble + 0.7 * passing * tyres


def _wind(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    gusts = np.exp(_drift(num_samples, 0.8, generator))
    rumble, rustle = _coloured(num_samples, 2.4, 60.0, generator), _coloured(num_samples, 1.0, 300.0, generator)
    return gusts * (rumble + 0.2 * rustle)


def _hiss(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    return _coloured(num_samples, generator.uniform(0.0, 1.0), 100.0, generator)


def _crowd(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    voices = [_talk(num_samples, generator) for _ in range(2)]
    places = (  # each voice again and again from other places: many people at little cost
        np.float32(generator.uniform(0.3, 1)) * np.roll(voice, generator.integers(num_samples))
        for voice in voices
        for _ in range(5)
    )
    return functools.reduce(np.add, places)


def _babble(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    num_voices = generator.integers(1, 4)
    voices = (generator.uniform(0.4, 1) * _talk(num_samples, generator) for _ in range(num_voices))
    return functools.reduce(np.add, voices)


def _talk(num_samples: int, generator: np.random.Generator) -> np.ndarray:
    """Return one talking voice: glottal pulses and consonants, through formants that change by syllables."""
    num_talk = -(-num_samples // _TALK_RATIO) + _TALK_FRAME
    rate = SAMPLE_RATE / _TALK_RATIO
    num_syllables = int(num_talk / rate / 0.12) + 4
    pauses = (generator.random(num_syllables) < 0.1) * generator.uniform(0.2, 0.9, size=num_syllables)
    starts = np.cumsum(generator.uniform(0.12, 0.3, size=num_syllables) + pauses) - 0.6  # seconds
    is_male = generator.random() < 0.5
    median_pitch = generator.uniform(90, 140) if is_male else generator.uniform(170, 240)  # Hz
    pitch = median_pitch * 2 ** generator.normal(0, 0.12, size=num_syllables)
    formants = _VOWELS[generator.integers(len(_VOWELS), size=num_syllables)] * (1.0 if is_male else 1.15)
    stress = generator.uniform(0.3, 1.0, size=num_syllables)

    phase = np.cumsum(np.interp(np.arange(num_talk) / rate, starts, pitch)) / rate
    pulses = np.diff(np.floor(phase), prepend=0.0).astype(np.float32)
    glottis = sps.lfilter([1.0], [1.0, -0.9], pulses).astype(np.float32)  # falls by 6 dB an octave
    _, time, voiced = sps.stft(glottis, rate, nperseg=_TALK_FRAME)
    frequency = np.fft.rfftfreq(_TALK_FRAME, 1 / rate)[:, None]
    vowels = np.full(voiced.shape, 0.02, dtype=np.float32)
    for number, bandwidth in enumerate((90.0, 110.0, 170.0)):  # Hz
        centre = np.interp(time, starts, formants[:, number])
        vowels += 1 / (1 + ((frequency - centre) / bandwidth) ** 2) / (1 + number)

    index = np.clip(np.searchsorted(starts, time) - 1, 0, num_syllables - 1)
    since = np.clip(time - starts[index], 0, None)
    syllables = stress[index] * np.minimum(since / 0.04, 1) * np.exp(-((since / 0.2) ** 2))
    noise_like = generator.standard_normal(voiced.shape, dtype=np.float32)
    consonants = 0.004 * noise_like * np.clip(frequency / 4000, 0, 1) * stress[index] * np.exp(-since / 0.03)
    _, voice = sps.istft(voiced * vowels * syllables + consonants, rate, nperseg=_TALK_FRAME)
    return sps.resample_poly(voice[:num_talk].astype(np.float32), _TALK_RATIO, 1)[:num_samples]


def _coloured(num_samples: int, slope: float, lowest: float, generator: np.random.Generator) -> np.ndarray:
    """Return noise of unit RMS whose power falls as frequency ** -slope above `lowest` Hz."""
    size = fft.next_fast_len(num_samples, real=True)
    frequency = np.arange(size // 2 + 1, dtype=np.float32) * np.float32(SAMPLE_RATE / size)
    real, imaginary = generator.standard_normal((2, len(frequency)), dtype=np.float32)
    spectrum = (real + 1j * imaginary) * np.maximum(frequency, np.float32(lowest)) ** np.float32(-slope / 2)
    sound = fft.irfft(spectrum, size)[:num_samples]
    return sound / np.sqrt(np.mean(sound**2))


def _drift(num_samples: int, rate: float, generator: np.random.Generator) -> np.ndarray:
    """Return a slow random curve of about unit deviation with about `rate` turns a second."""
    num_points = int(num_samples / SAMPLE_RATE * rate * 2) + 3
    points = generator.standard_normal(num_points)
    places = np.linspace(0, num_points - 1, num_samples)
    return np.interp(places, np.arange(num_points), points).astype(np.float32)


def _lowpass(frequency: float, *, order: int) -> np.ndarray:
    return sps.butter(order, frequency, "lowpass", fs=SAMPLE_RATE, output="sos")


def _scaled_to_peak(signal: np.ndarray, peak: float) -> np.ndarray:
    highest = np.max(np.abs(signal), initial=0.0)
    return signal * (peak / highest) if highest else signal
