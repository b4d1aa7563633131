import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_corpora import takes
from instrec_corpora.takes import Note
from instrec_utils.errors import CorpusError, ParameterError

RATE = takes.SAMPLE_RATE
ALL = (0, 127)  # notes of an instrument without limits


def sine(pitch, seconds):
    time = np.arange(int(seconds * RATE)) / RATE
    return (0.1 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)).astype(np.float32)


def notes(*pitches, seconds=1.5, is_phrase=False):
    return [Note(pitch, sine(pitch, seconds), is_phrase) for pitch in pitches]


@pytest.mark.parametrize(
    ("path", "instrument", "pitch", "take", "is_phrase"),
    [
        ("violin_As4_05_forte_arco-normal.mp3", "philharmonia", 70, "violin_As4_forte_arco-normal", False),
        ("violin_As4_15_forte_arco-normal.mp3", "philharmonia", 70, "violin_As4_forte_arco-normal", False),
        ("a/b/flute_E5_phrase_mezzo-forte_legato.mp3", "philharmonia", 76, "flute_E5_mezzo-forte_legato", True),
        ("nsynth-guitar_acoustic_015-093-025.flac", "guitar_acoustic_015", 93, "guitar_acoustic_015", False),
        ("nsynth-guitar_acoustic_015-093-025.wav", "guitar_acoustic_015", 93, "guitar_acoustic_015", False),
    ],
)
def test_name_tells_the_note(path, instrument, pitch, take, is_phrase):
    assert takes.parse_name(path) == takes.Name(instrument, pitch, take, is_phrase)


def test_unknown_name_is_refused():
    with pytest.raises(CorpusError, match=r"my take\.wav.*expected"):
        takes.parse_name("my take.wav")


def test_loaded_note_is_trimmed_levelled_and_resampled(tmp_path):
    path = tmp_path / "violin_A4_1_piano_arco-normal.wav"
    time = np.arange(16_000) / 16_000
    quiet = 0.02 * np.sin(2 * np.pi * 440 * time)
    soundfile.write(path, np.concatenate([np.zeros(8000), quiet, np.zeros(8000)]), 16_000)
    loaded = takes.load_note(path)
    assert loaded.pitch == 69
    assert abs(len(loaded.signal) / RATE - 1.0) < 0.02
    assert abs(np.sqrt(np.mean(loaded.signal**2)) - 0.1) < 0.005
    spectrum = np.abs(np.fft.rfft(loaded.signal))
    assert abs(np.argmax(spectrum) * RATE / len(loaded.signal) - 440) < 2


@pytest.mark.parametrize("content", [b"", b"no sound at all"])
def test_file_that_is_no_sound_is_refused(tmp_path, content):
    path = tmp_path / "violin_A4_1_piano_arco-normal.wav"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match="violin_A4"):
        takes.load_note(path)


def test_silent_recording_is_refused(tmp_path):
    path = tmp_path / "violin_A4_1_piano_arco-normal.wav"
    soundfile.write(path, np.zeros(1000), RATE)
    with pytest.raises(CorpusError, match="silent"):
        takes.load_note(path)


@given(
    pitches=st.lists(st.integers(40, 90), min_size=1, max_size=12),
    duration=st.floats(0.5, 30),
    seed=st.integers(0, 2**32),
    has_chords=st.booleans(),
    num_phrases=st.integers(0, 2),
    seconds=st.floats(0.05, 3),
)
@settings(max_examples=40, deadline=None)
def test_playing_has_the_length_and_the_level(pitches, duration, seed, has_chords, num_phrases, seconds):
    pool = notes(*pitches, seconds=seconds) + notes(*pitches[:num_phrases], is_phrase=True)
    sounds = [
        takes.play_notes(pool, duration, np.random.default_rng(seed), pitches=(50, 80), has_chords=has_chords)
        for _ in range(2)
    ]
    assert sounds[0].dtype == np.float32
    assert len(sounds[0]) == round(duration * RATE)
    assert np.isfinite(sounds[0]).all()
    assert np.abs(sounds[0]).max() <= 0.9 + 1e-6
    np.testing.assert_array_equal(*sounds)


def shares_of_pitches(sound):
    """The share of a sound's power within a quarter tone of each MIDI pitch."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / RATE)
    pitch = np.round(12 * np.log2(np.maximum(frequency, 1) / 440) + 69).astype(int)
    return np.bincount(np.clip(pitch, 0, 127), power, minlength=128) / power.sum()


def test_playing_uses_the_given_notes_where_nothing_can_be_transposed():
    pitches = (60, 64, 67)  # one major chord, so all of them are in the scale
    sound = takes.play_notes(notes(*pitches), 40.0, np.random.default_rng(3), pitches=(90, 100), has_chords=True)
    shares = shares_of_pitches(sound)[list(pitches)]
    assert min(shares) > 0.02
    assert sum(shares) > 0.95


@pytest.mark.parametrize("recorded", [(69,), (60, 77), (55, 69, 84)])
def test_a_few_notes_are_transposed_into_a_scale_within_the_instruments_range(recorded):
    lowest, highest = 57, 82
    sound = takes.play_notes(
        notes(*recorded), 120.0, np.random.default_rng(4), pitches=(lowest, highest), has_chords=False
    )
    played = np.flatnonzero(shares_of_pitches(sound) > 0.005)
    assert len(played) >= 5
    assert any(len({(pitch - tonic) % 12 for pitch in played} - {0, 2, 4, 5, 7, 9, 11}) == 0 for tonic in range(12))
    for pitch in set(played.tolist()) - set(recorded):
        assert lowest <= pitch <= highest
        assert min(abs(pitch - other) for other in recorded) <= takes.FURTHEST


def test_playing_is_mostly_sounding_and_never_one_note_only():
    pool = notes(60, 62, 64, 65, 67, 69, 71, 72)
    sound = takes.play_notes(pool, 30.0, np.random.default_rng(5), pitches=ALL, has_chords=False)
    blocks = sound[: len(sound) // 4410 * 4410].reshape(-1, 4410)
    sounding = np.abs(blocks).max(axis=1) > 0.02
    assert sounding.mean() > 0.5
    highest = {int(np.argmax(np.abs(np.fft.rfft(block)))) for block in blocks[sounding]}
    assert len(highest) >= 4


def test_nothing_to_play_is_refused():
    with pytest.raises(ParameterError, match="0 notes"):
        takes.play_notes([], 10.0, np.random.default_rng(0), pitches=ALL, has_chords=False)
    with pytest.raises(ParameterError, match="positive"):
        takes.play_notes(notes(60), 0.0, np.random.default_rng(0), pitches=ALL, has_chords=False)
