"""A phrase in the making: the voices of the instruments, and the score that a style writes into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pretty_midi
from pretty_midi import note_name_to_number

from instrec_utils.errors import ParameterError


@dataclass(frozen=True)
class Voice:
    """One General MIDI program and the sounding range of the real instrument, in note names."""

    program: int
    lowest: str
    highest: str

    @property
    def pitches(self) -> tuple[int, int]:
        """Lowest and highest MIDI note number."""
        return note_name_to_number(self.lowest), note_name_to_number(self.highest)


VOICES = {
    "accordion": (Voice(21, "C2", "A6"), Voice(23, "C2", "B6")),  # with the bass side; 23 is the bandoneon
    "banjo": (Voice(105, "D3", "C6"),),  # five strings, 22 frets
    "cello": (Voice(42, "C2", "A5"),),
    "clarinet": (Voice(71, "D3", "A6"),),  # in B flat
    "drums": tuple(Voice(kit, "B1", "A3") for kit in (0, 8, 16, 32, 40)),  # the kit's keys, not pitches
    "flute": (Voice(73, "C4", "C7"),),
    "guitar": (
        Voice(24, "E2", "B5"),  # nylon strings
        Voice(25, "E2", "C6"),  # steel strings
        Voice(26, "E2", "D6"),  # electric, jazz
        Voice(27, "E2", "D6"),  # electric, clean
    ),
    "harmonica": (Voice(22, "G3", "F#7"),),  # ten holes, tuned in G to F sharp
    "organ": tuple(Voice(program, "C2", "C7") for program in (16, 17, 18, 19)),
    "piano": tuple(Voice(program, "A0", "C8") for program in (0, 1, 3)),  # grand, bright, honky-tonk
    "saxophone": (
        Voice(64, "Ab3", "E6"),  # soprano
        Voice(65, "Db3", "A5"),  # alto
        Voice(66, "Ab2", "E5"),  # tenor
        Voice(67, "C2", "A4"),  # baritone
    ),
    "trumpet": (Voice(56, "E3", "D6"), Voice(59, "E3", "D6")),  # in B flat; 59 is muted
    "violin": (Voice(40, "G3", "E7"), Voice(110, "G3", "E7")),  # 110 is the fiddle
}

MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
PROGRESSIONS = (  # scale degrees from 0, one chord a bar
    (0, 3, 4, 0),
    (0, 5, 3, 4),
    (0, 0, 3, 0, 4, 3, 0, 4),
    (0, 4, 5, 3),
    (0, 3, 0, 4, 0, 3, 4, 0),
    (0, 5, 1, 4),
    (0, 6, 3, 0),
)


@dataclass
class Score:
    """A phrase in the making: what was drawn for it, and the notes so far. Times are in beats."""

    voice: Voice
    generator: np.random.Generator
    duration: float  # seconds
    tonic: int  # pitch class
    mode: tuple[int, ...]
    beat: float  # seconds
    start: float  # seconds before the first note
    loudness: float  # MIDI velocity, 1 to 127
    progression: tuple[int, ...]
    notes: list[pretty_midi.Note] = field(default_factory=list)
    bends: list[pretty_midi.PitchBend] = field(default_factory=list)
    controls: list[pretty_midi.ControlChange] = field(default_factory=list)

    @property
    def num_beats(self) -> float:
        """Beats that fit."""
        return (self.duration - self.start) / self.beat

    def bars(self, beats: float) -> Iterator[tuple[float, int]]:
        """Yield each bar's first beat and its chord, as a scale degree from 0."""
        for number in range(int(np.ceil(self.num_beats / beats))):
            yield number * beats, self.progression[number % len(self.progression)]

    def pitch(self, degree: int) -> int:
        """Return the MIDI note of a scale degree; degree 0 is the tonic in the octave from middle C."""
        octave, step = divmod(degree, 7)
        return 60 + self.tonic + 12 * octave + self.mode[step]

    def chord(self, degree: int, size: int = 3) -> set[int]:
        """Return the pitch classes of the chord on a scale degree."""
        return {self.pitch(degree + 2 * third) % 12 for third in range(size)}

    def above(self, floor: int, degree: int) -> int:
        """Return the lowest note with the pitch class of a scale degree that is not below `floor`."""
        return floor + (self.pitch(degree) - floor) % 12

    def degrees(self, low: int, high: int) -> list[int]:
        """Return the scale degrees whose notes lie between two MIDI notes, and in the voice's range."""
        lowest, highest = self.voice.pitches
        low, high = max(low, lowest), min(high, highest)
        return [degree for degree in range(-36, 37) if low <= self.pitch(degree) <= high]

    def play(self, pitch: int, at: float, beats: float, accent: float = 0.0) -> pretty_midi.Note | None:
        """Add a note, if the instrument has it and there is time left; an accent is in MIDI velocity."""
        lowest, highest = self.voice.pitches
        begin = self.start + at * self.beat + self.generator.normal(0, 0.006)  # nobody is a clock
        begin = max(begin, 0.0)
        if not lowest <= pitch <= highest or begin >= self.duration - 0.05:
            return None
        velocity = int(np.clip(self.loudness + accent + self.generator.normal(0, 5), 20, 127))
        end = min(begin + max(beats * self.beat, 0.04), self.duration)
        note = pretty_midi.Note(velocity, int(pitch), float(begin), float(end))
        self.notes.append(note)
        return note

    def bend(self, note: pretty_midi.Note, cents: Callable[[np.ndarray], np.ndarray]) -> None:
        """Bend a note by a curve: cents (up to 200 either way) of the seconds since its beginning."""
        time = np.arange(0, note.end - note.start, 0.02)
        values = np.clip(cents(time) / 200 * 8191, -8192, 8191).astype(int)
        self.bends += [
            pretty_midi.PitchBend(int(value), float(note.start + at)) for at, value in zip(time, values, strict=True)
        ]
        self.bends.append(pretty_midi.PitchBend(0, note.end))

    def vibrato(self, note: pretty_midi.Note, depth: float) -> None:
        """Let a note longer than a third of a second swing by `depth` cents, a little after it begins."""
        if note.end - note.start > 0.35:
            rate = self.generator.uniform(4.8, 6.2)  # Hz
            self.bend(note, lambda t: depth * np.clip((t - 0.12) / 0.3, 0, 1) * np.sin(2 * np.pi * rate * t))

    def scoop(self, note: pretty_midi.Note, depth: float) -> None:
        """Slide into a note from `depth` cents below."""
        self.bend(note, lambda t: -depth * np.clip(1 - t / 0.12, 0, 1))

    def swell(self, at: float, beats: float) -> None:
        """Let the sound grow and fall again, by bow, breath or bellows."""
        share = np.linspace(0, 1, 16)
        curve = 70 + 50 * np.sin(np.pi * share)
        self.controls += [
            pretty_midi.ControlChange(11, int(value), self.start + (at + beats * x) * self.beat)
            for x, value in zip(share, curve, strict=True)
        ]

    def midi(self) -> pretty_midi.PrettyMIDI:
        """Return the phrase as MIDI that lasts as long as the duration."""
        midi = pretty_midi.PrettyMIDI(resolution=480, initial_tempo=60 / self.beat)
        is_drum = self.voice in VOICES["drums"]
        instrument = pretty_midi.Instrument(self.voice.program, is_drum=is_drum)
        instrument.notes = self.notes
        instrument.pitch_bends = [bend for bend in self.bends if bend.time < self.duration]
        instrument.control_changes = [change for change in self.controls if change.time < self.duration]
        instrument.control_changes.append(pretty_midi.ControlChange(11, 127, self.duration))  # marks the end
        midi.instruments.append(instrument)
        return midi


def check_duration(duration: float) -> None:
    """Refuse a duration that is not a positive number of seconds."""
    if not 0 < duration < np.inf:
        raise ParameterError(f"duration must be a positive number of seconds, got {duration}")
