import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_utils.batches import SILENCE, Batches, augment_spectrogram


def load_number(number, generator):
    return np.array([number, generator.integers(0, 10**6)])


def collect(batches):
    inputs, targets = zip(*(batches[number] for number in range(len(batches))), strict=True)
    return np.concatenate(inputs), np.concatenate(targets)


@settings(max_examples=40)
@given(num_videos=st.integers(1, 40), batch_size=st.integers(1, 12), shuffle=st.booleans(), epoch=st.integers(0, 3))
def test_every_video_once_an_epoch_with_its_own_target(num_videos, batch_size, shuffle, epoch):
    targets = np.arange(num_videos) * 7 % 5
    batches = Batches(load_number, targets, batch_size, seed=1, epoch=epoch, shuffle=shuffle)
    assert len(batches) == int(np.ceil(num_videos / batch_size))
    inputs, given_targets = collect(batches)
    assert sorted(inputs[:, 0]) == list(range(num_videos))
    np.testing.assert_array_equal(given_targets, targets[inputs[:, 0]])
    if not shuffle:
        np.testing.assert_array_equal(inputs[:, 0], np.arange(num_videos))


def test_order_and_augmentation_depend_on_seed_and_epoch_only():
    targets = np.zeros(50, int)

    def inputs(**options):
        return collect(Batches(load_number, targets, 8, shuffle=True, **options))[0]

    first = inputs(seed=1, epoch=2)
    np.testing.assert_array_equal(first, inputs(seed=1, epoch=2))
    backwards = Batches(load_number, targets, 8, shuffle=True, seed=1, epoch=2)
    parts = [backwards[number][0] for number in reversed(range(len(backwards)))]
    np.testing.assert_array_equal(first, np.concatenate(parts[::-1]))
    for other in (inputs(seed=1, epoch=3), inputs(seed=2, epoch=2)):
        assert (first[:, 0] != other[:, 0]).any()
        drawn, redrawn = first[np.argsort(first[:, 0]), 1], other[np.argsort(other[:, 0]), 1]
        assert (drawn != redrawn).mean() > 0.9


def test_several_inputs_and_a_target_a_frame():
    def load(number, generator):
        return {"frames": np.full((3, 2), number), "sound": np.array([number])}

    inputs, targets = Batches(load, np.array([4, 5]), 8, num_frames=3)[0]
    assert inputs["frames"].shape == (2, 3, 2)
    np.testing.assert_array_equal(inputs["sound"], [[0], [1]])
    np.testing.assert_array_equal(targets, [[4, 4, 4], [5, 5, 5]])


@settings(max_examples=50)
@given(seed=st.integers(0, 10**6), segmentation=st.sampled_from(["cc", "uc"]))
def test_an_augmented_spectrogram_stays_one(seed, segmentation):
    spectrogram = np.random.default_rng(0).uniform(-99, 20, (96, 200)).astype(np.float32)
    spectrogram[:, 50:60] = SILENCE
    before = spectrogram.copy()
    varied = augment_spectrogram(spectrogram, np.random.default_rng(seed), segmentation=segmentation)
    assert (varied.shape, varied.dtype) == (spectrogram.shape, np.float32)
    assert np.isfinite(varied).all()
    assert varied.min() >= SILENCE
    assert varied.max() <= 20 + 12  # 6 dB of level and 6 dB of equalisation
    np.testing.assert_array_equal(spectrogram, before)
    again = augment_spectrogram(spectrogram, np.random.default_rng(seed), segmentation=segmentation)
    np.testing.assert_array_equal(varied, again)


@pytest.mark.parametrize("segmentation", ["cc", "uc"])
def test_only_uc_changes_the_order_of_time(segmentation, generator):
    """Columns that rise from left to right keep their order under CC, and their segments change it under UC."""
    rising = np.tile(np.arange(100, dtype=np.float32) / 2 - 60, (30, 1))
    orders = []
    for _ in range(20):
        varied = augment_spectrogram(rising, generator, segmentation=segmentation)
        untouched = next(row for row in varied if np.ptp(row) > 0)
        starts = untouched[5::10]
        orders.append(bool((np.diff(starts[starts != np.median(starts)]) > 0).sum() >= 8))
    assert np.mean(orders) == pytest.approx(1.0 if segmentation == "cc" else 0.0, abs=0.3)


def test_silence_stays_silence_outside_the_masks(generator):
    silence = np.full((96, 1366), SILENCE, np.float32)
    assert (augment_spectrogram(silence, generator, segmentation="uc") == SILENCE).all()
