import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_utils.corpora import Corpus
from instrec_utils.errors import FeaturesError
from instrec_utils.features import spectrograms
from instrec_utils.features import store as features
from instrec_utils.features.spectrograms import SILENCE

SEEDS = st.integers(0, 10**6)


def make_spectrogram(num_frames=200):
    return np.random.default_rng(0).uniform(-99, 20, (96, num_frames)).astype(np.float32)


def mean_power(spectrogram):
    """The mean power in dB, by a loop over the values."""
    powers = [10 ** (float(value) / 10) for value in np.ravel(spectrogram)]
    return 10 * np.log10(sum(powers) / len(powers))


@settings(max_examples=50)
@given(seed=SEEDS)
def test_a_varied_spectrogram_stays_one(seed):
    spectrogram = make_spectrogram()
    spectrogram[:, 50:60] = SILENCE
    before = spectrogram.copy()
    varied = spectrograms.vary(spectrogram, np.random.default_rng(seed))
    assert (varied.shape, varied.dtype) == (spectrogram.shape, np.float32)
    assert np.isfinite(varied).all()
    assert varied.min() >= SILENCE
    np.testing.assert_array_equal(spectrogram, before)
    np.testing.assert_array_equal(varied, spectrograms.vary(spectrogram, np.random.default_rng(seed)))


def test_silence_stays_silence(generator):
    silence = np.full((96, 1366), SILENCE, np.float32)
    for _ in range(20):
        assert (spectrograms.vary(silence, generator) == SILENCE).all()


@settings(max_examples=30)
@given(seed=SEEDS, ratio=st.floats(-5, 25))
def test_noise_is_as_much_softer_as_asked_for(seed, ratio):
    spectrogram = make_spectrogram()
    noisy = spectrograms.add_noise(spectrogram, ratio, np.random.default_rng(seed))
    added = np.power(10, noisy / 10) - np.power(10, spectrogram / 10)
    assert added.min() > -1e-3
    assert mean_power(spectrogram) - 10 * np.log10(added.mean()) == pytest.approx(ratio, abs=0.1)


def test_a_mixture_has_the_power_of_both():
    first, second = make_spectrogram(), make_spectrogram()[::-1]
    mixed = spectrograms.mix(first, second, 0.0)
    assert mean_power(mixed) == pytest.approx(mean_power(first) + 10 * np.log10(2), abs=0.01)
    silence = np.full_like(first, SILENCE)
    np.testing.assert_array_equal(spectrograms.mix(first, silence, 0.0), first)
    np.testing.assert_array_equal(spectrograms.mix(silence, first, 0.0), silence)


@settings(max_examples=30)
@given(seed=SEEDS)
def test_a_limited_band_falls_and_never_below_the_middle(seed):
    flat = np.zeros((96, 5))
    limited = spectrograms.limit_band(flat, np.random.default_rng(seed))
    assert (limited[:48] == 0).all()
    assert (np.diff(limited, axis=0) <= 0).all()
    assert limited.min() >= -60


@settings(max_examples=30)
@given(seed=SEEDS)
def test_the_level_varies_by_twelve_decibels_at_most(seed):
    spectrogram = make_spectrogram()
    varied = spectrograms.vary_level(spectrogram, np.random.default_rng(seed))
    changed = (varied - spectrogram)[varied > SILENCE]
    assert np.abs(changed).max() <= 12 + 1e-4
    assert np.abs(changed).max() > 0


@settings(max_examples=30)
@given(seed=SEEDS)
def test_a_mask_hides_at_most_a_sixth_of_bands_and_times(seed):
    spectrogram = make_spectrogram(120)
    hidden = spectrograms.mask(spectrogram, np.random.default_rng(seed)) != spectrogram
    assert hidden.all(axis=1).sum() <= 96 / 6
    assert hidden.all(axis=0).sum() <= 120 / 6
    assert hidden[~hidden.all(axis=1)][:, ~hidden.all(axis=0)].sum() == 0


def test_shuffled_segments_are_the_same_ten(generator):
    numbered = np.tile(np.repeat(np.arange(10), 137)[:1366], (4, 1))
    shuffled = spectrograms.shuffle_segments(numbered, generator)
    assert sorted(shuffled[0]) == sorted(numbered[0])
    changes = np.flatnonzero(np.diff(shuffled[0]))
    assert len(changes) < 25  # whole segments moved, with a column of a neighbour at most
    assert (shuffled[0] != numbered[0]).any()


def test_only_videos_in_which_something_is_heard_are_audible(tmp_path):
    levels = {"loud": -20.0, "room": -60.0, "mute": None}
    (tmp_path / "features").mkdir()
    for video_id, level in levels.items():
        with h5py.File(features.features_path(tmp_path / "features", video_id), "w") as file:
            file.attrs.update(settings_sha256=features.SETTINGS_SHA256, video_bytes=1000, duration=3.0)
            if level is not None:
                file["log_mel/choi2016_uc"] = np.full((96, 1366), level, np.float16)
    table = pd.DataFrame({"video_id": list(levels)})
    corpus = Corpus("x", "folder", tmp_path, tmp_path, table)
    assert spectrograms.audible(corpus, table, "choi2016_uc").video_id.tolist() == ["loud"]
    assert len(spectrograms.audible(corpus, table[1:], "choi2016_uc")) == 2  # nothing is heard: all are kept
    assert (spectrograms.read(tmp_path / "features", "mute", "choi2016_uc") == SILENCE).all()


def write_level(store, level):
    store.mkdir(exist_ok=True)
    with h5py.File(features.features_path(store, "a"), "w") as file:
        file.attrs.update(settings_sha256=features.SETTINGS_SHA256, video_bytes=1000, duration=3.0)
        file["log_mel/choi2016_uc"] = np.full((96, 1366), level, np.float16)


def test_a_file_that_is_written_anew_is_read_anew(tmp_path):
    for level in (-20.0, -30.0):
        write_level(tmp_path / "features", level)
        assert (spectrograms.read(tmp_path / "features", "a", "choi2016_uc") == level).all()
    features.features_path(tmp_path / "features", "a").unlink()
    with pytest.raises(FeaturesError, match=r"a\.h5: missing or damaged"):
        spectrograms.read(tmp_path / "features", "a", "choi2016_uc")


def test_who_reads_a_spectrogram_may_change_it(tmp_path):
    write_level(tmp_path / "features", -20.0)
    spectrograms.read(tmp_path / "features", "a", "choi2016_uc")[:] = 0
    assert (spectrograms.read(tmp_path / "features", "a", "choi2016_uc") == -20).all()


def test_a_spectrogram_is_read_from_its_file_once(tmp_path, monkeypatch):
    write_level(tmp_path / "features", -20.0)
    opened = []
    read = features.read_spectrogram
    monkeypatch.setattr(features, "read_spectrogram", lambda *names: opened.append(names) or read(*names))
    for _ in range(3):
        spectrograms.read(tmp_path / "features", "a", "choi2016_uc")
    assert len(opened) == 1
