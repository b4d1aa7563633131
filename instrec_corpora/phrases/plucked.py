"""What players of guitar and banjo play."""

from __future__ import annotations

import numpy as np
from pretty_midi import note_name_to_number

from instrec_corpora.phrases.score import Score
from instrec_corpora.phrases.tunes import melody

_GUITAR_STRINGS = tuple(note_name_to_number(name) for name in ("E2", "A2", "D3", "G3", "B3", "E4"))
_BANJO_STRINGS = tuple(note_name_to_number(name) for name in ("D3", "G3", "B3", "D4"))


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


def picking(score: Score) -> None:
    """Pick chords with the fingers: the thumb on the bass, the rest in a pattern that stays."""
    position = int(score.generator.choice([0, 0, 2, 3, 5]))
    patterns = ((0, 2, 3, 4, 3, 2, 3, 2), (0, 2, 1, 3, 0, 2, 1, 4), (0, -3, -2, -1, 0, -1, -2, -3))
    pattern = patterns[score.generator.integers(len(patterns))]
    for bar, chord in score.bars(4):
        pitches = _guitar_chord(score, chord, position)
        for index, string in enumerate(pattern):
            pitch = pitches[min(string, len(pitches) - 1)]
            score.play(pitch, bar + index * 0.5, 4 - index * 0.5, accent=8 if string in (0, 1) else -4)


def strumming(score: Score) -> None:
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


def licks(score: Score) -> None:
    """Play a lead line, bending into the long notes."""
    low = score.voice.pitches[0] + 12
    rhythms = ((0.5, 0.5, 1, 0.5, 0.5, 1), (0.25, 0.25, 0.5, 1, 2), (1.5, 0.5, 2), (0.5,) * 8)
    for note in melody(score, low, low + 19, rhythms, length=1.0):
        chance = score.generator.random()
        if chance < 0.25:
            score.scoop(note, 200)
        elif chance < 0.6:
            score.vibrato(note, 25)


def _drone(score: Score) -> int:
    """Return the banjo's short fifth string: the tonic or the fifth, as the capo allows."""
    return min(score.above(note_name_to_number("G4"), degree) for degree in (0, 4))


def rolls(score: Score) -> None:
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


def clawhammer(score: Score) -> None:
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
