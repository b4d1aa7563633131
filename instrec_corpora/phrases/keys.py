"""What players of piano and organ play."""

from __future__ import annotations

import pretty_midi
from pretty_midi import note_name_to_number

from instrec_corpora.phrases.score import Score
from instrec_corpora.phrases.tunes import bass_and_chords, melody, play_scales


def _pedal(score: Score, beats: float) -> None:
    """Change the piano's pedal with every bar."""
    for bar, _ in score.bars(beats):
        at = score.start + bar * score.beat
        score.controls.append(pretty_midi.ControlChange(64, 0, max(0.0, at - 0.02)))
        score.controls.append(pretty_midi.ControlChange(64, 127, at + 0.05))


def nocturne(score: Score) -> None:
    """Play a song above wide broken chords, with pedal."""
    _pedal(score, 4)
    low = note_name_to_number("E2") + int(score.generator.integers(0, 6))
    pattern = score.generator.permutation([(0, 4, 7, 9, 11, 9, 7, 4), (0, 4, 7, 4, 9, 4, 7, 4)])[0]
    for bar, chord in score.bars(4):
        root = next(degree for degree in range(-21, 0) if score.pitch(degree) >= low and (degree - chord) % 7 == 0)
        for index, step in enumerate(pattern):
            score.play(score.pitch(root + int(step)), bar + index * 0.5, 0.6, accent=-14)
    for _ in melody(score, 67, 88, ((2, 2), (3, 1), (1.5, 0.5, 1, 1), (1, 1, 2)), length=1.0):
        pass


def sonatina(score: Score) -> None:
    """Play a quick tune above an Alberti bass."""
    low = note_name_to_number("C3") + int(score.generator.integers(0, 7))
    for bar, chord in score.bars(4):
        root = score.above(low, chord)
        fifth, third = score.above(root, chord + 4), score.above(root, chord + 2)
        for index in range(8):
            score.play((root, fifth, third, fifth)[index % 4], bar + index * 0.5, 0.5, accent=-12)
    rhythms = ((0.5,) * 8, (1, 0.5, 0.5, 1, 1), (0.25,) * 4 + (1, 1, 1), (1.5, 0.5, 2))
    for _ in melody(score, 67, 91, rhythms, length=0.85):
        pass


def ragtime(score: Score) -> None:
    """Play a stride bass under a syncopated tune in octaves."""
    bass_and_chords(score, 4, note_name_to_number("E2"))
    rhythms = ((0.5, 1, 0.5, 0.5, 1, 0.5), (0.25, 0.5, 0.25, 0.5, 0.5, 1, 1), (0.5,) * 8)
    for note in melody(score, 65, 86, rhythms, length=0.9):
        if score.generator.random() < 0.5:
            at, beats = (note.start - score.start) / score.beat, (note.end - note.start) / score.beat
            score.play(note.pitch + 12, at, beats, accent=-4)


def two_hands(score: Score) -> None:
    """Play scales with both hands, an octave or two apart."""
    right_low = note_name_to_number("C4")
    apart = 12 * int(score.generator.integers(1, 3))
    for note in play_scales(score, right_low, right_low + 31):
        score.play(note.pitch - apart, (note.start - score.start) / score.beat, (note.end - note.start) / score.beat)


def hymn(score: Score) -> None:
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


def toccata(score: Score) -> None:
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


def comping(score: Score) -> None:
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
