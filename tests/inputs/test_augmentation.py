import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_utils.inputs import augmentation
from instrec_utils.inputs.augmentation import SILENCE

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
    varied = augmentation.vary(spectrogram, np.random.default_rng(seed))
    assert (varied.shape, varied.dtype) == (spectrogram.shape, np.float32)
    assert np.isfinite(varied).all()
    assert varied.min() >= SILENCE
    np.testing.assert_array_equal(spectrogram, before)
    np.testing.assert_array_equal(varied, augmentation.vary(spectrogram, np.random.default_rng(seed)))


def test_silence_stays_silence(generator):
    silence = np.full((96, 1366), SILENCE, np.float32)
    for _ in range(20):
        assert (augmentation.vary(silence, generator) == SILENCE).all()


@settings(max_examples=30)
@given(seed=SEEDS, ratio=st.floats(-5, 25))
def test_noise_is_as_much_softer_as_asked_for(seed, ratio):
    spectrogram = make_spectrogram()
    noisy = augmentation.add_noise(spectrogram, ratio, np.random.default_rng(seed))
    added = np.power(10, noisy / 10) - np.power(10, spectrogram / 10)
    assert added.min() > -1e-3
    assert mean_power(spectrogram) - 10 * np.log10(added.mean()) == pytest.approx(ratio, abs=0.1)


def test_a_mixture_has_the_power_of_both():
    first, second = make_spectrogram(), make_spectrogram()[::-1]
    mixed = augmentation.mix(first, second, 0.0)
    assert mean_power(mixed) == pytest.approx(mean_power(first) + 10 * np.log10(2), abs=0.01)
    silence = np.full_like(first, SILENCE)
    np.testing.assert_array_equal(augmentation.mix(first, silence, 0.0), first)
    np.testing.assert_array_equal(augmentation.mix(silence, first, 0.0), silence)


@settings(max_examples=30)
@given(seed=SEEDS)
def test_a_limited_band_falls_and_never_below_the_middle(seed):
    flat = np.zeros((96, 5))
    limited = augmentation.limit_band(flat, np.random.default_rng(seed))
    assert (limited[:48] == 0).all()
    assert (np.diff(limited, axis=0) <= 0).all()
    assert limited.min() >= -60


@settings(max_examples=30)
@given(seed=SEEDS)
def test_the_level_varies_by_twelve_decibels_at_most(seed):
    spectrogram = make_spectrogram()
    varied = augmentation.vary_level(spectrogram, np.random.default_rng(seed))
    changed = (varied - spectrogram)[varied > SILENCE]
    assert np.abs(changed).max() <= 12 + 1e-4
    assert np.abs(changed).max() > 0


@settings(max_examples=30)
@given(seed=SEEDS)
def test_a_mask_hides_at_most_a_sixth_of_bands_and_times(seed):
    spectrogram = make_spectrogram(120)
    hidden = augmentation.mask(spectrogram, np.random.default_rng(seed)) != spectrogram
    assert hidden.all(axis=1).sum() <= 96 / 6
    assert hidden.all(axis=0).sum() <= 120 / 6
    assert hidden[~hidden.all(axis=1)][:, ~hidden.all(axis=0)].sum() == 0


def test_shuffled_segments_are_the_same_ten(generator):
    numbered = np.tile(np.repeat(np.arange(10), 137)[:1366], (4, 1))
    shuffled = augmentation.shuffle_segments(numbered, generator)
    assert sorted(shuffled[0]) == sorted(numbered[0])
    changes = np.flatnonzero(np.diff(shuffled[0]))
    assert len(changes) < 25  # whole segments moved, with a column of a neighbour at most
    assert (shuffled[0] != numbered[0]).any()


@pytest.mark.parametrize("change", [augmentation.vary, augmentation.limit_band, augmentation.mask])
def test_what_varies_a_spectrogram_leaves_few_as_they_were(change):
    spectrogram = make_spectrogram()
    changed = [(change(spectrogram, np.random.default_rng(seed)) != spectrogram).any() for seed in range(20)]
    assert sum(changed) > 15
