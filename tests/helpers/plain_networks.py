"""What test_accelerator.py compares: two steps of Keras with JAX and of the same networks in plain JAX.

``KERAS_BACKEND=jax python plain_networks.py FOLDER [NETWORK ...]`` writes ``FOLDER/arrays.npz``.
"""

import os
import sys
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_backend_optimization_level=0"  # what runs twice need not be optimised

import backends
import keras
import numpy as np
from plain_jax import Plain

from instrec_utils import models
from instrec_utils.config import Protocol
from instrec_utils.training import fit

SGD, ADAM = (Protocol(name, 0.01, batch_size=2, max_epochs=1, patience=1) for name in ("sgd", "adam"))


def as_inception_has_it():
    """A small network of the layers that only Inception v3 has, with a model inside, as there."""
    inner = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)(inner)
    x = keras.layers.BatchNormalization(scale=False)(x)
    pooled = keras.layers.AveragePooling2D(3, strides=1, padding="same")(keras.layers.Activation("relu")(x))
    network = keras.Model(inner, keras.layers.Concatenate()([pooled, x]))
    inputs = keras.Input((12, 12, 3))
    x = keras.layers.GlobalAveragePooling2D()(network(keras.layers.Rescaling(1 / 128, offset=-1)(inputs)))
    return keras.Model(inputs, keras.layers.Dense(3, activation="softmax", dtype="float32")(x))


def networks():
    """Yield names, networks, protocols and inputs of two examples."""
    generator = np.random.default_rng(3)
    yield "as_inception", as_inception_has_it(), SGD, generator.integers(0, 255, (2, 12, 12, 3), np.uint8)
    for name, shape in backends.INPUTS.items():
        shape = (2, *shape[1:])
        is_visual = len(shape) == 4
        values = generator.integers(0, 255, shape, np.uint8) if is_visual else generator.uniform(-90, 0, shape)
        model = models.build(name, 3, **backends.OPTIONS.get(name, {}))
        yield name, model, SGD if is_visual else ADAM, values if is_visual else values.astype(np.float32)
    spectrograms = generator.uniform(-90, 0, (2, 128, 301)).astype(np.float32)
    yield "efficientat_mn04", models.build("efficientat_mn04", 3, weights=None), SGD, spectrograms
    for form in ("text", "attention"):
        inputs = {"frames": backends.FRAMES[:2], "audio": backends.SOUNDS[:2]}
        yield f"fusion_{form}", models.build("late_fusion", 3, form=form, **backends.FUSION), ADAM, inputs


def main(folder, chosen):
    arrays, targets = {}, np.array([0, 2])
    for name, model, protocol, inputs in networks():
        if chosen and name not in chosen:
            continue
        backends.without_dropout(backends.with_known_weights(model))
        plain = Plain(model, protocol)
        model.compile(fit.make_optimizer(protocol), loss="sparse_categorical_crossentropy")
        # The second loss is of the weights that the first step has moved.
        arrays[f"keras/{name}"] = np.array([float(model.train_on_batch(inputs, targets)) for _ in range(2)])
        arrays[f"plain/{name}"] = np.array([float(plain.step(inputs, targets)) for _ in range(2)])
        print(name, arrays[f"keras/{name}"], arrays[f"plain/{name}"], flush=True)
        if name == "as_inception":  # with the moving statistics that the steps have left
            arrays[f"keras/{name}_scores"] = np.asarray(model.predict_on_batch(inputs))
            arrays[f"plain/{name}_scores"] = np.asarray(plain.scores(plain.parameters | plain.statistics, inputs)[0])
    np.savez(folder / "arrays.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
