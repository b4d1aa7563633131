import keras
import numpy as np
import pytest

from instrec_utils import models
from instrec_utils.models import choi2016
from instrec_utils.models.keras_classes import MOMENTUM, FusedBatchNormalization


def one_layer_model(layer_class):
    inputs = keras.Input((5, 6, 3))
    return keras.Model(inputs, layer_class(momentum=0.8, name="norm")(inputs))


@pytest.fixture
def pair():
    """Keras' layer and ours, with the same weights, none of them at its initial value."""
    generator = np.random.default_rng(0)
    both = one_layer_model(keras.layers.BatchNormalization), one_layer_model(FusedBatchNormalization)
    weights = [generator.uniform(0.5, 2, 3).astype(np.float32) for _ in range(4)]
    for model in both:
        model.set_weights(weights)
    return both


def make_inputs():
    return np.random.default_rng(1).normal(3, 2, (4, 5, 6, 3)).astype(np.float32)


@pytest.mark.parametrize("training", [True, False])
def test_gives_what_keras_gives(pair, training):
    outputs = [np.asarray(model(make_inputs(), training=training)) for model in pair]
    np.testing.assert_allclose(outputs[1], outputs[0], rtol=1e-4, atol=1e-5)


def test_training_changes_all_weights_as_with_keras(pair):
    targets = np.random.default_rng(2).normal(size=(4, 5, 6, 3)).astype(np.float32)
    for model in pair:
        before = [weight.copy() for weight in model.get_weights()]
        model.compile(keras.optimizers.SGD(0.5), loss="mse", jit_compile=False)
        model.train_on_batch(make_inputs(), targets)
        assert not any(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    for ours, theirs in zip(pair[1].get_weights(), pair[0].get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_a_frozen_layer_keeps_its_statistics(pair):
    layer = pair[1].get_layer("norm")
    layer.trainable = False
    before = layer.get_weights()
    training, evaluation = (np.asarray(pair[1](make_inputs(), training=learns)) for learns in (True, False))
    np.testing.assert_array_equal(training, evaluation)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_several_devices_normalise_together(pair, monkeypatch):
    layer = pair[1].get_layer("norm")
    monkeypatch.setattr(layer, "synchronized", True)
    taken = []
    monkeypatch.setattr(keras.layers.BatchNormalization, "call", lambda self, inputs, **_: taken.append(self) or inputs)
    layer(make_inputs(), training=True)
    assert taken == [layer]


def test_computes_in_sixteen_bits_with_statistics_in_thirty_two():
    layer = FusedBatchNormalization(dtype="mixed_bfloat16")
    outputs = layer(make_inputs(), training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    assert {weight.dtype for weight in layer.weights} == {"float32"}
    np.testing.assert_allclose(np.asarray(keras.ops.cast(outputs, "float32")).mean(axis=(0, 1, 2)), 0, atol=0.02)


def test_a_saved_model_has_the_layer(tmp_path):
    model = choi2016.build_for_warm_up(3)
    model.save(tmp_path / "model.keras")
    loaded = models.load_model(tmp_path / "model.keras")
    assert type(loaded.get_layer("block1_bn")) is FusedBatchNormalization
    assert loaded.get_layer("block1_bn").momentum == MOMENTUM
