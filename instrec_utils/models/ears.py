"""The recogniser's own audio network: a small convolutional network, trained here from what may be rendered here.

Its weights come with the package. `benchmarks/train_ears.py` trains it, `recognise.networks` runs it without Keras.
"""

from __future__ import annotations

import numpy as np

from instrec_utils.config import AUDIOSET, LABELS
from instrec_utils.models.lazy import keras, layers

CONVOLUTIONS = ((16, 2), (32, 2), (64, 2), (64, 1), (128, 2), (128, 1), (128, 1))
"""Filters and stride of each 3x3 convolution; what keeps its input's shape is added to it."""
NUM_BANDS = AUDIOSET.n_mels // 2
EMBEDDING_SIZE = 128
NORMALISATION_EPSILON = 1e-3
LOUDEST, RANGE = -30.0, 80.0  # dB: the least that counts as a window's loudest, and how far below it anything counts


def joined(log_mel: np.ndarray) -> np.ndarray:
    """Return spectrograms [shape=(..., 64, num_frames // 2)] of every second frame, two bands in one."""
    every_second = log_mel[..., : log_mel.shape[-1] // 2 * 2 : 2]
    return (every_second[..., ::2, :] + every_second[..., 1::2, :]) / 2


def relative_levels(log_mel: np.ndarray) -> np.ndarray:
    """Return what the network looks at [shape=(num_examples, 64, num_frames, 2), float32].

    Of spectrograms [shape=(num_examples, 64, num_frames), dB] that are `joined` that is the level below the loudest
    one, from -2 to 2, so that the volume does not matter unless there is next to nothing; and which band it is, from -1
    to 1, as the network pools over all of them.
    """
    loudest = np.maximum(log_mel.max(axis=(1, 2), keepdims=True), LOUDEST)
    levels = np.clip(log_mel - loudest, -RANGE, 0) * (4 / RANGE) + 2
    bands = np.broadcast_to(np.linspace(-1, 1, log_mel.shape[1])[:, None], log_mel.shape)
    return np.stack([levels, bands], axis=-1).astype(np.float32)


def build(num_outcomes: int, teacher_size: int = 0) -> keras.Model:
    """Build the network, untrained; some 450,000 parameters.

    It goes from `relative_levels` to logits: ``outcomes`` [shape=(batch, num_outcomes)], ``tags`` [shape=(batch, 13),
    how likely each instrument is by itself]; and while it is taught, to ``teacher``, the values of another network.
    """
    inputs = keras.Input((NUM_BANDS, None, 2), name="levels")
    x = inputs
    for number, (filters, stride) in enumerate(CONVOLUTIONS, start=1):
        shortcut = x
        x = layers.ZeroPadding2D(1, name=f"conv{number}_padding")(x)  # on both sides alike, as ONNX does
        x = layers.Conv2D(filters, 3, stride, use_bias=False, name=f"conv{number}")(x)
        x = layers.BatchNormalization(epsilon=NORMALISATION_EPSILON, momentum=0.98, name=f"conv{number}_bn")(x)
        x = layers.Activation("relu", name=f"conv{number}_relu")(x)
        x = layers.Add(name=f"conv{number}_add")([shortcut, x]) if shortcut.shape[-1] == filters else x
    pooled = [layers.GlobalAveragePooling2D(name="mean")(x), layers.GlobalMaxPooling2D(name="max")(x)]
    x = layers.Add(name="pooled")(pooled)
    embedding = layers.Dense(EMBEDDING_SIZE, activation="relu", name="embedding")(x)
    tags = layers.Dense(len(LABELS), name="tags", dtype="float32")(embedding)
    known = layers.Concatenate(name="known", dtype="float32")([embedding, tags])
    dropped = layers.Dropout(0.3, name="dropped", dtype="float32")(known)
    outputs = {"tags": tags, "outcomes": layers.Dense(num_outcomes, name="outcomes", dtype="float32")(dropped)}
    if teacher_size:
        outputs["teacher"] = layers.Dense(teacher_size, name="teacher", dtype="float32")(embedding)
    return keras.Model(inputs, outputs, name="ears")


def tensors_of(model: keras.Model) -> list[np.ndarray]:
    """Return the kernels and shifts as PyTorch has them, normalisation folded into the convolutions before it."""
    found = []
    for number in range(1, len(CONVOLUTIONS) + 1):
        kernel = np.array(model.get_layer(f"conv{number}").kernel).transpose(3, 2, 0, 1)
        scale, shift, mean, variance = model.get_layer(f"conv{number}_bn").get_weights()
        scale = scale / np.sqrt(variance + NORMALISATION_EPSILON)
        found += [kernel * scale[:, None, None, None], shift - mean * scale]
    for name in ("embedding", "tags"):
        kernel, shift = model.get_layer(name).get_weights()
        found += [kernel.T, shift]
    return found
