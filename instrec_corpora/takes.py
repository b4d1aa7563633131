"""Plausible playing put together from recordings of single notes.

The names of the recordings tell the note: ``violin_As4_05_forte_arco-normal.mp3`` (Philharmonia Orchestra: pitch,
length, dynamic, articulation) and ``nsynth-guitar_acoustic_015-093-025.flac`` (NSynth: instrument, MIDI number,
velocity).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import soundfile
import soxr
from pretty_midi import note_name_to_number

from instrec_corpora.acoustics import active_rms
from instrec_corpora.staging import SAMPLE_RATE
from instrec_utils.errors import CorpusError, ParameterError

CHORDAL = ("banjo", "guitar")  # what plays chords among the instruments with recordings
FURTHEST = 5  # semitones by which a recording is transposed: a fourth, where most instruments still sound themselves

_PHILHARMONIA = re.compile(r"(?P<family>[a-z]+)_(?P<pitch>[A-G]s?\d)_(?P<length>[^_]+)_(?P<take>[^_]+_[^_]+)")
_NSYNTH = re.compile(r"nsynth-(?P<family>[a-z]+_[a-z]+_\d{3})-(?P<pitch>\d{3})-(?P<take>\d{3})")
_MAJOR = (0, 2, 4, 5, 7, 9, 11)
_RHYTHMS = (  # beats
    (1, 1, 1, 1),
    (1, 0.5, 0.5, 1, 1),
    (0.5, 0.5, 0.5, 0.5, 1, 1),
    (1.5, 0.5, 1, 1),
    (2, 1, 1),
    (0.5, 0.5, 1, 0.5, 0.5, 1),
    (1, 1, 2),
    (3, 1),
    (0.5,) * 8,
)
_LONGEST = 12.0  # seconds of one recording
_LONGEST_SLOT = 3.0  # seconds of one note in a tune: three beats of the slowest
_LEVEL = 0.1  # root mean square to which every recording is brought before dynamics


@dataclass(frozen=True)
class Name:
    """What a recording's file name tells.

    Attributes
    ----------
    instrument : str
        The instrument that was recorded: "philharmonia", or NSynth's own name of it.
    pitch : int [MIDI note number]
    take : str
        Recordings of one take differ in nothing but their length; for NSynth, where the notes of an
        instrument resemble each other most, all of them are one take.
    is_phrase : bool
        Whether it is a played phrase, not one note.
    """

    instrument: str
    pitch: int
    take: str
    is_phrase: bool


@dataclass(frozen=True)
class Note:
    """A recording, ready to be placed: MIDI pitch, mono signal at `SAMPLE_RATE`, and whether it is a phrase."""

    pitch: int
    signal: np.ndarray
    is_phrase: bool


def parse_name(path: str) -> Name:
    """Read what a recording's file name tells.

    Parameters
    ----------
    path : str
        Its folders do not matter.

    Returns
    -------
    Name

    Raises
    ------
    CorpusError
        The name follows neither of the two patterns.
    """
    stem = PurePosixPath(path).stem
    if match := _NSYNTH.fullmatch(stem):
        return Name(match["family"], int(match["pitch"]), match["family"], is_phrase=False)
    if match := _PHILHARMONIA.fullmatch(stem):
        pitch = note_name_to_number(match["pitch"].replace("s", "#"))
        take = f"{match['family']}_{match['pitch']}_{match['take']}"
        return Name("philharmonia", pitch, take, is_phrase=match["length"] == "phrase")
    raise CorpusError(
        f"{path}: expected a name like violin_As4_05_forte_arco-normal.mp3 or nsynth-guitar_acoustic_015-093-025.flac"
    )


def load_note(path: Path) -> Note:
    """Read a recording, cut the silence around it, and bring it to a common level.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Note

    Raises
    ------
    CorpusError
        The file is not a sound, is silent, or its name does not tell the note.
    """
    name = parse_name(path.name)
    try:
        signal, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise CorpusError(f"{path}: cannot be read as a recording: {error}") from error
    signal = soxr.resample(signal.mean(axis=1), rate, SAMPLE_RATE)
    loud = np.flatnonzero(np.abs(signal) > 0.01 * np.abs(signal).max(initial=0.0))  # within 40 dB of the peak
    if not len(loud):
        raise CorpusError(f"{path}: the recording is silent")
    signal = signal[loud[0] : loud[-1] + 1][: int(_LONGEST * SAMPLE_RATE)]
    return Note(name.pitch, signal * np.float32(_LEVEL / active_rms(signal)), name.is_phrase)


def play_notes(
    notes: Sequence[Note],
    duration: float,
    generator: np.random.Generator,
    *,
    pitches: tuple[int, int],
    has_chords: bool,
) -> np.ndarray:
    """Play a tune with recorded notes: a few motifs, repeated and moved, with rests; played phrases as they are.

    A note that was not recorded is the nearest recorded one, played faster or slower by up to `FURTHEST` semitones.

    Parameters
    ----------
    notes : sequence of Note [length >= 1]
        Recordings of one instrument, 1 or more.
    duration : float [seconds, > 0]
    generator : np.random.Generator
    pitches : (int, int) [MIDI note numbers]
        The instrument's lowest and highest note, beyond which nothing is transposed.
    has_chords : bool
        Whether the instrument also strums and picks chords.

    Returns
    -------
    np.ndarray [shape=(round(duration * SAMPLE_RATE),), float32]
        Mono, with a peak of 0.9.

    Raises
    ------
    ParameterError
        There is no note, or the duration is not positive.
    """
    if not notes or duration <= 0:
        raise ParameterError(f"playing needs notes and a positive duration, got {len(notes)} notes and {duration} s")
    phrases = [note for note in notes if note.is_phrase]
    scale = _best_scale([note for note in notes if not note.is_phrase], pitches)
    tape = _Tape(duration, generator)
    beat = 60 / generator.uniform(70, 140)  # seconds
    motifs = [_draw_motif(generator) for _ in range(3)]
    position = int(generator.integers(max(len(scale), 1)))
    time = generator.uniform(0.05, 0.6)
    while time < duration:
        if phrases and (not scale or generator.random() < 0.3):
            time += tape.lay(phrases[generator.integers(len(phrases))], time, seconds=_LONGEST)
        elif has_chords and generator.random() < 0.6:
            time = _accompany(tape, scale, time, beat, generator)
        else:
            position, time = _melody(tape, scale, motifs[generator.integers(3)], position, time, beat)
        if generator.random() < 0.5:
            time += beat * generator.integers(1, 3)  # breath
    return tape.finished()


class _Tape:
    """The sound so far; a player's dynamics rise and fall over some seconds."""

    def __init__(self, duration: float, generator: np.random.Generator):
        self._sound = np.zeros(round(duration * SAMPLE_RATE), np.float32)
        self._generator = generator
        self._swell = generator.uniform(3, 9), generator.uniform(0, 2 * np.pi)  # seconds a turn, phase

    def lay(self, note: Note, time: float, *, seconds: float, gain: float = 1.0) -> float:
        """Add a note at a time, damped after so many seconds; return how long it sounds."""
        length = min(len(note.signal), int(seconds * SAMPLE_RATE))
        start = int(time * SAMPLE_RATE)
        turn, phase = self._swell
        decibels = 4 * np.sin(2 * np.pi * time / turn + phase) + self._generator.normal(0, 1.5)
        signal = note.signal[:length] * np.float32(gain * 10 ** (decibels / 20))
        fade = min(length, int(0.06 * SAMPLE_RATE))
        signal[length - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        signal = signal[: max(0, len(self._sound) - start)]
        self._sound[start : start + len(signal)] += signal
        return length / SAMPLE_RATE

    def finished(self) -> np.ndarray:
        """Return the sound with its end faded out and a peak of 0.9."""
        fade = min(len(self._sound), SAMPLE_RATE // 2)
        self._sound[len(self._sound) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        peak = np.abs(self._sound).max(initial=0.0)
        return self._sound * np.float32(0.9 / peak if peak else 1.0)


def _best_scale(notes: Sequence[Note], pitches: tuple[int, int]) -> list[Note]:
    """Return the major scale that keeps the most of the notes, from low to high, its gaps filled from neighbours."""
    scales = [[note for note in notes if (note.pitch - tonic) % 12 in _MAJOR] for tonic in range(12)]
    kept = [len(scale) for scale in scales]
    tonic = kept.index(max(kept))
    recorded = {note.pitch for note in notes}
    made = [
        _transposed(notes, pitch)
        for pitch in range(pitches[0], pitches[1] + 1)
        if (pitch - tonic) % 12 in _MAJOR
        and 0 < min((abs(pitch - other) for other in recorded), default=FURTHEST + 1) <= FURTHEST
    ]
    return sorted([*scales[tonic], *made], key=lambda note: note.pitch)


def _transposed(notes: Sequence[Note], pitch: int) -> Note:
    """Return the note nearest to a pitch, played so much faster or slower that it has that pitch."""
    nearest = min(notes, key=lambda note: abs(note.pitch - pitch))
    ratio = 2 ** ((pitch - nearest.pitch) / 12)
    signal = nearest.signal[: int(_LONGEST_SLOT * ratio * SAMPLE_RATE)]
    return Note(pitch, soxr.resample(signal, ratio * SAMPLE_RATE, SAMPLE_RATE), is_phrase=False)


def _draw_motif(generator: np.random.Generator) -> list[tuple[int, float]]:
    """Return steps along the scale and lengths in beats: mostly neighbours, sometimes a leap back."""
    rhythm = _RHYTHMS[generator.integers(len(_RHYTHMS))]
    steps = generator.choice([-2, -1, -1, 0, 1, 1, 2], size=len(rhythm))
    return [(int(step), float(beats)) for step, beats in zip(steps, rhythm, strict=True)]


def _melody(
    tape: _Tape, scale: list[Note], motif: list[tuple[int, float]], position: int, time: float, beat: float
) -> tuple[int, float]:
    """Play a motif from a position in the scale; return where and when it ends."""
    for step, beats in motif:
        position += step
        if not 0 <= position < len(scale):
            position = max(0, min(len(scale) - 1, position - 2 * step))
        slot = beats * beat
        while slot > 0.25 and len(scale[position].signal) < 0.6 * slot * SAMPLE_RATE:
            slot /= 2  # a short note is played short, in time
        tape.lay(scale[position], time, seconds=1.08 * slot)
        time += slot
    return position, time


def _accompany(tape: _Tape, scale: list[Note], time: float, beat: float, generator: np.random.Generator) -> float:
    """Strum or pick a chord for a bar or two; return when it ends."""
    root = scale[generator.integers(len(scale))]
    third = generator.choice([3, 4])
    chord = [note for note in scale if (note.pitch - root.pitch) % 12 in (0, third, 7)][:5]
    if generator.random() < 0.5:
        for _ in range(generator.integers(2, 5)):
            slot = beat * generator.choice([1, 2])
            gap = generator.uniform(0.008, 0.03)  # seconds between strings
            for string, note in enumerate(chord):
                tape.lay(note, time + string * gap, seconds=1.2 * slot, gain=0.7)
            time += slot
        return time
    order = generator.permutation(len(chord))
    for number in range(8 * int(generator.integers(1, 3))):
        tape.lay(chord[order[number % len(order)]], time, seconds=2.5 * beat, gain=0.9)
        time += beat / 2
    return time
