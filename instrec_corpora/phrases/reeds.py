"""What players of accordion and harmonica play."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pretty_midi
from pretty_midi import note_name_to_number

from instrec_corpora.phrases.score import Score
from instrec_corpora.phrases.tunes import bass_and_chords, melody

_BLOW = (0, 4, 7, 12, 16, 19, 24, 28, 31, 36)  # semitones above hole 1, Richter tuning
_DRAW = (2, 7, 11, 14, 17, 21, 23, 26, 29, 33)


def musette(score: Score) -> None:
    """Play a waltz on the accordion, the right hand in thirds now and then."""
    _accordion_dance(score, 3, ((1, 1, 1), (2, 1), (1, 0.5, 0.5, 1), (0.5,) * 6, (1.5, 0.5, 1)))


def polka(score: Score) -> None:
    """Play a polka on the accordion."""
    _accordion_dance(score, 4, ((0.5, 0.25, 0.25, 0.5, 0.5, 1, 1), (0.5,) * 8, (1, 0.5, 0.5, 1, 1)))


def _accordion_dance(score: Score, beats: int, rhythms: tuple[tuple[float, ...], ...]) -> None:
    bass_and_chords(score, beats, note_name_to_number("C2"))
    low = note_name_to_number("G4") + int(score.generator.integers(-3, 6))
    for bar, _ in score.bars(2 * beats):
        score.swell(bar, 2 * beats - 0.1)
    _with_thirds(score, melody(score, low, low + 19, rhythms, beats=beats, length=0.9), 0.4)


def _with_thirds(score: Score, tune: Iterator[pretty_midi.Note], share: float) -> None:
    """Let a share of a tune's notes have the third of the scale below them."""
    scale = {pitch % 12 for pitch in map(score.pitch, range(7))}
    for note in tune:
        if score.generator.random() < share:
            third = next(note.pitch - size for size in (3, 4, 5) if (note.pitch - size) % 12 in scale)
            score.play(third, (note.start - score.start) / score.beat, (note.end - note.start) / score.beat, -6)


def slow_air(score: Score) -> None:
    """Hold chords under a slow tune, the bellows swelling with each bar."""
    low = note_name_to_number("G3")
    for bar, chord in score.bars(4):
        score.swell(bar, 3.9)
        for third in (0, 2, 4):
            score.play(score.above(low, chord + third), bar, 3.9, accent=-15)
    for _ in melody(score, 69, 86, ((2, 2), (3, 1), (1.5, 0.5, 1, 1), (4,)), length=1.0):
        pass


def _harp(score: Score) -> tuple[list[int], list[int]]:
    """Return what the ten holes of a harmonica in the phrase's key blow and draw, from G3 upwards."""
    first = note_name_to_number("G3") + (score.tonic - 7) % 12
    return [first + step for step in _BLOW], [first + step for step in _DRAW]


def folk_harmonica(score: Score) -> None:
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


def blues_harmonica(score: Score) -> None:
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


def train(score: Score) -> None:
    """Chug chords in and out like a train."""
    blow, draw = _harp(score)
    for beat, _ in score.bars(1):
        reeds = draw if int(beat) % 4 < 2 else blow
        for index, (beats, accent) in enumerate(((0.5, 8), (0.25, -8), (0.25, -2))):
            at = beat + (0, 0.5, 0.75)[index]
            for hole in range(4) if index == 0 else range(1, 3):
                score.play(reeds[hole], at, beats * 0.7, accent)
