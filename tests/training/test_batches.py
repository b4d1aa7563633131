import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_utils.training.batches import Batches


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


def test_several_inputs():
    def load(number, generator):
        return {"frames": np.full((3, 2), number), "sound": np.array([number])}

    inputs, targets = Batches(load, np.array([4, 5]), 8)[0]
    assert inputs["frames"].shape == (2, 3, 2)
    np.testing.assert_array_equal(inputs["sound"], [[0], [1]])
    np.testing.assert_array_equal(targets, [4, 5])


@settings(max_examples=40)
@given(num_videos=st.integers(1, 40), num_devices=st.integers(1, 6), per_device=st.integers(1, 4))
def test_devices_get_equal_parts(num_videos, num_devices, per_device):
    """Every video is there, none twice but the first ones, and the devices divide every batch."""
    batch_size = num_devices * per_device
    alone = Batches(load_number, np.arange(num_videos), batch_size, seed=1, shuffle=True)
    shared = Batches(load_number, np.arange(num_videos), batch_size, seed=1, shuffle=True).filled_up(num_devices)
    assert len(shared) == len(alone)
    assert all(len(shared[number][1]) % num_devices == 0 for number in range(len(shared)))
    expected, given_targets = collect(alone)[1], collect(shared)[1]
    np.testing.assert_array_equal(given_targets[:num_videos], expected)
    filling = given_targets[num_videos:]
    assert len(filling) < num_devices
    assert filling.tolist() == [expected[number % num_videos] for number in range(len(filling))]


def test_tensorflow_is_fed_the_same_batches_by_a_dataset_that_tunes_nothing():
    batches = Batches(load_number, np.arange(50) % 3, 8, seed=1, epoch=2, shuffle=True)
    dataset = batches.feed()
    assert not dataset.options().autotune.enabled
    assert dataset.cardinality() == len(batches) == 7
    inputs, targets = (np.concatenate(parts) for parts in zip(*dataset.as_numpy_iterator(), strict=True))
    expected_inputs, expected_targets = collect(batches)
    np.testing.assert_array_equal(inputs, expected_inputs)
    np.testing.assert_array_equal(targets, expected_targets)
