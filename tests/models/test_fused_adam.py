import subprocess
import sys

import keras
import numpy as np
import pytest

from instrec_utils.models.keras_classes import FusedAdam


def trained(optimizer, steps=5):
    """A small network after some steps on random data, one of its inputs never used."""
    keras.utils.set_random_seed(4)
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(3)])
    model.compile(optimizer, loss="mse", jit_compile=False)
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(40, 6)).astype(np.float32)
    inputs[:, 0] = 0
    targets = generator.normal(size=(40, 3)).astype(np.float32)
    for step in range(steps):
        model.optimizer.learning_rate = 0.01 / (1 + step)
        model.train_on_batch(inputs, targets)
    return model


def test_moves_as_keras_adam_does():
    ours, theirs = trained(FusedAdam(0.01)), trained(keras.optimizers.Adam(0.01))
    start = trained(keras.optimizers.Adam(0.01), steps=0)
    for one, other, before in zip(ours.get_weights(), theirs.get_weights(), start.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
        assert not np.allclose(one, before, atol=1e-4)
    for one, other in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(one), np.asarray(other), rtol=1e-4, atol=1e-7)


def test_a_loaded_model_goes_on_as_if_it_had_not_been_saved(tmp_path):
    model = trained(FusedAdam(0.01))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert type(loaded.optimizer) is FusedAdam
    inputs, targets = np.ones((4, 6), np.float32), np.zeros((4, 3), np.float32)
    for one in (model, loaded):
        one.train_on_batch(inputs, targets)
    for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_with_jax_it_is_keras_own():
    script = (
        "import keras, numpy as np\n"
        "from test_fused_adam import trained\n"
        "from instrec_utils.models.keras_classes import FusedAdam\n"
        "assert keras.backend.backend() == 'jax'\n"
        "for one, other in zip(trained(FusedAdam(0.01)).get_weights(), "
        "trained(keras.optimizers.Adam(0.01)).get_weights(), strict=True):\n"
        "    np.testing.assert_array_equal(one, other)\n"
    )
    environment = {"KERAS_BACKEND": "jax", "PATH": "", "JAX_PLATFORMS": "cpu"}
    folder = __file__.rpartition("/")[0]
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
