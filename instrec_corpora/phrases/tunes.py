"""Tunes and accompaniments that several instruments share, and what winds and bowed strings play."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pretty_midi

from instrec_corpora.phrases.score import Score


def melody(
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


def tessitura(score: Score, width: int = 19) -> tuple[int, int]:
    """Draw the part of the range in which a tune lies: rarely the extremes."""
    lowest, highest = score.voice.pitches
    spare = max(highest - lowest - width, 0)
    low = lowest + int(spare * score.generator.uniform(0.1, 0.65))
    return low, low + width


def lyrical(depth: float) -> Callable[[Score], None]:
    """Return a slow, bound style with swells and a vibrato of `depth` cents."""

    def play(score: Score) -> None:
        rhythms = ((2, 2), (3, 1), (1.5, 0.5, 2), (2, 1, 1), (4,), (1, 1, 1, 1))
        for bar, _ in score.bars(8):
            score.swell(bar, 7)
        for note in melody(score, *tessitura(score), rhythms, length=1.0):
            if depth:
                score.vibrato(note, depth)

    return play


def lively(scoop: float) -> Callable[[Score], None]:
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
        for note in melody(score, *tessitura(score), rhythms, length=length):
            if scoop and note.end - note.start > 0.2 and score.generator.random() < 0.4:
                score.scoop(note, scoop)

    return play


def scales(score: Score) -> None:
    """Play scales up and down, as one does to warm up."""
    for _ in play_scales(score, *tessitura(score, 26)):
        pass


def play_scales(score: Score, low: int, high: int) -> Iterator[pretty_midi.Note]:
    """Run up and down a scale, its thirds or broken chords, and yield the notes; breathe at the bottom."""
    ladder = score.degrees(low, high)
    figures = (
        ladder,
        ladder[::2],
        [degree for pair in zip(ladder, ladder[2:], strict=False) for degree in pair],
    )
    rise = figures[score.generator.integers(len(figures))]
    steps = rise + rise[-2:0:-1]
    value = float(score.generator.choice([0.25, 0.5, 0.5]))
    length = score.generator.uniform(0.5, 1.0)
    at, index = 0.0, 0
    while at < score.num_beats:
        note = score.play(score.pitch(steps[index]), at, value * length, accent=6 if index % 4 == 0 else 0)
        if note is not None:
            yield note
        index = (index + 1) % len(steps)
        at += value + (1.0 if index == 0 else 0.0)


def bass_and_chords(score: Score, beats: int, low: int, length: float = 0.45) -> None:
    """Play the left hand of a dance: the bass on the first beat, the chord on the others."""
    for bar, chord in score.bars(beats):
        root = score.above(low, chord)
        for at in range(beats):
            if at == 0 or (beats == 4 and at == 2):
                score.play(root if at == 0 else score.above(low, chord + 4), bar + at, 0.8 * length / 0.45, accent=4)
            else:
                for third in (0, 2, 4):
                    score.play(score.above(low + 14, chord + third), bar + at, length, accent=-10)


def double_stops(score: Score) -> None:
    """Play a fiddle tune with an open string droning along."""
    low, high = tessitura(score, 17)
    drone = low + (score.tonic + 60 - low) % 12
    rhythms = ((0.5,) * 8, (0.5, 0.25, 0.25) * 4, (1, 0.5, 0.5, 1, 1))
    for note in melody(score, low + 3, high + 3, rhythms, length=0.9):
        if score.generator.random() < 0.35 and note.pitch != drone:
            at = (note.start - score.start) / score.beat
            score.play(drone, at, (note.end - note.start) / score.beat, accent=-12)
        elif score.generator.random() < 0.15:
            score.scoop(note, 100)


def suite(score: Score) -> None:
    """Break chords over a bass note in even semiquavers, as in a prelude for cello."""
    low, _ = tessitura(score, 24)
    for bar, chord in score.bars(2):
        bass = score.above(low, chord)
        middle = score.above(bass + 5, chord + 4)
        top = score.above(middle + 3, chord + 2)
        neighbour = max(score.above(top - 3, degree) for degree in range(7) if score.above(top - 3, degree) < top)
        for index, pitch in enumerate((bass, middle, top, neighbour, top, middle, top, middle)):
            score.play(pitch, bar + index * 0.25, 0.27, accent=10 if index == 0 else 0)
