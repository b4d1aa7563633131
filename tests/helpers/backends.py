"""What test_backends.py compares, as arrays in one file: a process has one backend only, so each has its own.

``KERAS_BACKEND=jax python backends.py FOLDER`` writes ``FOLDER/arrays.npz``. Each backend sees two devices of the CPU.
"""

import contextlib
import os
import sys
from functools import partial
from pathlib import Path

# JAX reads them when it is imported; what runs but once need not be optimised.
os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"

import keras
import numpy as np

from instrec_utils import models
from instrec_utils.config import SEGMENT_FRAMES, Protocol
from instrec_utils.errors import ParameterError
from instrec_utils.models import choi2016
from instrec_utils.models.hardware import Hardware
from instrec_utils.models.late_fusion import FORMS
from instrec_utils.training import fit as training
from instrec_utils.training.batches import Batches

training.KEEP_SECONDS = 0.0  # else what is interrupted begins anew, and goes on from nothing
NUM_CLASSES = 3
# Inception v3 is left out: it is Keras' own network, and compiling it takes as long as all others together.
INPUTS = {
    "han2016": (1, 128, 43),
    "choi2016": (1, 96, 1366),
    "xception_audio": (1, 96, 1366),
    "efficientnet_lite0": (1, 224, 224, 3),
}
OPTIONS = {"efficientnet_lite0": {"weights": None}}
INTERRUPTED = {"default": {}, "both": {"num_devices": 2, "precision": "mixed_float16"}}
VARIANTS = {"default": {}, "two_devices": {"num_devices": 2}, "bfloat16": {"precision": "mixed_bfloat16"}}
FUSION = {"num_frames": 3, "frame_features": 8, "audio_features": 5}
GENERATOR = np.random.default_rng(7)
SEGMENTS = GENERATOR.uniform(-90, 0, (7, 96, SEGMENT_FRAMES)).astype(np.float32)
FRAMES = GENERATOR.normal(size=(15, 3, 8)).astype(np.float32)
SOUNDS = GENERATOR.normal(size=(15, 5)).astype(np.float32)
TARGETS = GENERATOR.integers(0, NUM_CLASSES, 15)
SCORES = GENERATOR.dirichlet(np.ones(NUM_CLASSES), (2, 15)).astype(np.float32)


def with_known_weights(model):
    """Give a model weights of a usual size that do not depend on the backend."""
    generator = np.random.default_rng(5)
    values = []
    for weight in model.weights:
        if "variance" in weight.name or "gamma" in weight.name:
            values.append(generator.uniform(0.5, 1.5, weight.shape))
        else:
            fan_in = np.prod(weight.shape[:-1]) if len(weight.shape) > 1 else 100
            values.append(generator.normal(0, fan_in**-0.5, weight.shape))
    model.set_weights(values)
    return model


def without_dropout(model):
    """Switch dropout off: the backends draw other random numbers."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return model


def build_segments():
    return with_known_weights(without_dropout(choi2016.build_for_warm_up(NUM_CLASSES)))


def build_fusion(form="attention", **options):
    return with_known_weights(models.build("late_fusion", NUM_CLASSES, form=form, **FUSION, **options))


def build_fusion_with_dropout():
    return build_fusion(dropout=0.3, modality_dropout=0.5)


def segment_batches(epoch=0):
    """Seven examples in batches of four."""
    return Batches(lambda number, _: SEGMENTS[number], TARGETS[:7], 4, epoch=epoch, shuffle=True)


def fusion_batches(epoch=0):
    """Fifteen examples in batches of four, augmented."""

    def one(number, generator):
        noise = generator.normal(0, 0.1, 5).astype(np.float32)
        return {"frames": FRAMES[number], "audio": SOUNDS[number] + noise}

    return Batches(one, TARGETS, 4, seed=1, epoch=epoch, shuffle=True)


def shared_fusion_batches(epoch):
    """The same as two devices get them: sixteen."""
    return fusion_batches(epoch).filled_up(2)


def fit(folder, name, build, batches, validation_batches, *, epochs, **hardware):
    """Train by SGD and return the arrays of the history and of the weights, and the model."""
    model, history = training.fit(
        build,
        batches,
        validation_batches,
        Protocol("sgd", learning_rate=0.01, batch_size=4, max_epochs=epochs, patience=epochs),
        folder / name,
        seed=3,
        description=name,
        hardware=Hardware(**hardware),
    )
    arrays = {f"{name}/{column}": history[column].to_numpy() for column in ("loss", "accuracy", "val_loss")}
    return arrays | {f"{name}/weights/{number}": w for number, w in enumerate(model.get_weights())}, model


def two_steps(folder):
    """An epoch of convolutions is two batches."""
    return fit(folder, "segments", build_segments, segment_batches, segment_batches(), epochs=1)[0]


def variants(folder):
    """Two epochs, as the devices of two get their examples."""
    arrays = {}
    for name, hardware in VARIANTS.items():
        given, model = fit(folder, name, build_fusion, shared_fusion_batches, fusion_batches(), epochs=2, **hardware)
        scores = model.predict_on_batch({"frames": FRAMES, "audio": SOUNDS})
        arrays |= given | {
            f"types/{name}/compute": np.array(model.get_layer("attention_tanh").compute_dtype),
            f"types/{name}/output": np.array(str(np.asarray(scores).dtype)),
            f"types/{name}/weights": np.array(sorted({str(weight.dtype) for weight in model.weights})),
            f"jit_compile/{name}": np.array(model.jit_compile),
        }
        assert keras.config.dtype_policy().name == "float32", "the precision outlived the training"
    return arrays


def until(epoch):
    """Batches that are interrupted in an epoch."""

    def batches(number):
        made = fusion_batches(number)

        def fail(number, generator):
            raise ConnectionAbortedError

        made.load = fail if number == epoch else made.load
        return made

    return batches


def interruption(folder):
    """Two epochs at once, and one after the other, with dropout."""
    arrays = {}
    for case, hardware in INTERRUPTED.items():
        for name in ("at_once", "in_parts"):
            attempt = partial(fit, folder, f"{name}_{case}", build_fusion_with_dropout, epochs=2, **hardware)
            if name == "in_parts":
                with contextlib.suppress(ConnectionAbortedError):
                    attempt(until(1), fusion_batches())
                assert len(training.read_history(folder / f"in_parts_{case}")) == 1, "nothing to go on from was kept"
            arrays |= attempt(fusion_batches, fusion_batches())[0]
    return arrays


def outputs():
    """What every architecture makes of the same input with the same weights."""
    generator = np.random.default_rng(6)
    arrays = {}
    for name, shape in INPUTS.items():
        model = with_known_weights(models.build(name, NUM_CLASSES, **OPTIONS.get(name, {})))
        values = generator.uniform(0, 255, shape) if len(shape) == 4 else generator.uniform(-90, 0, shape)
        arrays[f"output/{name}"] = np.asarray(model.predict_on_batch(values.astype(np.float32)))
    for form in FORMS:
        model = build_fusion(form)
        given = {"frames": FRAMES, "audio": SOUNDS, "visual_scores": SCORES[0], "audio_scores": SCORES[1]}
        inputs = {one.name: given[one.name] for one in model.inputs}
        arrays[f"output/late_fusion_{form}"] = np.asarray(model.predict_on_batch(inputs))
    return arrays


def predictions():
    """What the same network makes of six segments on one device and on two."""
    arrays = {}
    for hardware in (Hardware(), Hardware(num_devices=2)):
        model = hardware.placed(build_segments())
        arrays[f"predicted/{hardware.num_devices}"] = np.asarray(hardware.predict(model, SEGMENTS[:6]))
    return arrays


def refusals(folder):
    """What is said where there are too few devices, or they do not divide a batch."""
    arrays = {}
    for num_devices in (3, 4):
        try:
            options = {"epochs": 1, "num_devices": num_devices}
            fit(folder, f"refused_{num_devices}", build_fusion, fusion_batches, fusion_batches(), **options)
        except ParameterError as error:
            arrays[f"refused_{num_devices}"] = np.array(str(error))
    return arrays


def main(folder):
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    arrays = two_steps(folder) | variants(folder) | interruption(folder) | outputs() | predictions() | refusals(folder)
    np.savez(folder / "arrays.npz", **arrays)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
