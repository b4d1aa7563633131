"""A wide separable convolution is Keras' own, computed in two halves."""

import keras
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_utils.models.keras_classes import WideSeparableConv2D


@settings(max_examples=10, deadline=None)
@given(
    height=st.integers(1, 4),
    half=st.integers(1, 12),
    shape=st.tuples(st.integers(4, 9), st.integers(1, 40), st.integers(1, 3)),
    seed=st.integers(0, 99),
)
def test_outputs_and_gradients_are_those_of_keras(height, half, shape, seed):
    values = keras.random.normal((2, *shape), seed=seed)
    given_weights, results = None, []
    for layer_class in (keras.layers.SeparableConv2D, WideSeparableConv2D):
        layer = layer_class(5, (height, 2 * half), padding="same", use_bias=False)
        network = keras.Sequential([keras.Input(shape), layer, keras.layers.Activation("tanh")])
        given_weights = given_weights or network.get_weights()
        network.set_weights(given_weights)
        before = np.asarray(network(values))
        network.compile(keras.optimizers.SGD(1.0), loss="mse")
        network.train_on_batch(values, np.zeros(before.shape))
        results.append([before, *network.get_weights()])
    for own, reference in zip(*results, strict=True):
        np.testing.assert_allclose(own, reference, atol=2e-5)


def test_a_saved_model_gives_the_same_again(tmp_path):
    layer = WideSeparableConv2D(3, (3, 24), padding="same", use_bias=False)
    network = keras.Sequential([keras.Input((6, 30, 2)), layer])
    network.save(tmp_path / "model.keras")
    values = np.random.default_rng(0).normal(size=(1, 6, 30, 2)).astype(np.float32)
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(again(values)), np.asarray(network(values)))
