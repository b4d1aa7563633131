"""Choi, Fazekas and Sandler (2016), as the paper uses it: four convolutional blocks and a dense layer."""

from __future__ import annotations

import functools

import numpy as np

from instrec_utils.config import CHOI2016, NUM_SEGMENTS, SEGMENT_FRAMES, Protocol
from instrec_utils.inputs import augmentation, spectrograms
from instrec_utils.models.architecture import Architecture, AudioInput, WarmUp
from instrec_utils.models.lazy import keras, layers

EMBEDDING_SIZE = 1024
PADDED_FRAMES = 1440  # 1366 frames and 37 on either side, so that the four pools end at 15


def build(num_classes: int) -> keras.Model:
    """Build the model; 2,356,620 parameters with 12 classes (Table 3: 2.4 M).

    It goes from log-mel spectrograms [shape=(batch, 96, 1366), float32, dB] to class probabilities
    [shape=(batch, num_classes)]; the layer ``embedding`` gives 1024 values.

    References
    ----------
    K. Choi, G. Fazekas, M. Sandler: Automatic tagging using deep convolutional neural networks. ISMIR 2016.
    """
    inputs, x = _convolutions(CHOI2016.num_frames, PADDED_FRAMES)
    x = keras.layers.Dense(EMBEDDING_SIZE, activation="relu", name="embedding")(x)
    x = keras.layers.Dropout(0.5, name="embedding_dropout")(x)
    return keras.Model(inputs, scores_from_zero(num_classes)(x), name="choi2016")


def scores_from_zero(num_classes: int, name: str = "scores") -> keras.layers.Dense:
    """Return a layer of classes of zeros, which begin at equal scores; random weights begin far above chance's loss."""
    return layers.Dense(num_classes, activation="softmax", kernel_initializer="zeros", name=name, dtype="float32")


def build_for_warm_up(num_classes: int) -> keras.Model:
    """Build the same blocks on a tenth of the input [shape=(batch, 96, 136), float32, dB], with their own classes."""
    inputs, x = _convolutions(SEGMENT_FRAMES, PADDED_FRAMES // NUM_SEGMENTS)
    x = keras.layers.Dropout(0.2, name="segment_dropout")(x)
    return keras.Model(inputs, scores_from_zero(num_classes, "segment_scores")(x), name="choi2016_segments")


def start_from_warm_up(model: keras.Model, warmed_up: keras.Model) -> None:
    """Give a model's input and convolutional blocks the weights that `build_for_warm_up`'s model has learned.

    The input's normalisation has weights a position in time; each gets the mean over the segment's own positions.
    """
    padding = (PADDED_FRAMES // NUM_SEGMENTS - SEGMENT_FRAMES) // 2
    means = [values[padding:-padding].mean() for values in warmed_up.get_layer("input_bn").get_weights()]
    model.get_layer("input_bn").set_weights([np.full(PADDED_FRAMES, mean, np.float32) for mean in means])
    for layer in warmed_up.layers:
        if layer.name.startswith("block") and layer.weights:
            model.get_layer(layer.name).set_weights(layer.get_weights())


def _convolutions(num_frames: int, padded_frames: int) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    from instrec_utils.models.keras_classes import MOMENTUM, FusedBatchNormalization

    inputs = keras.Input((CHOI2016.n_mels, num_frames), name="log_mel")
    x = layers.Reshape((CHOI2016.n_mels, num_frames, 1), name="channel")(inputs)
    x = layers.ZeroPadding2D((0, (padded_frames - num_frames) // 2), name="padding")(x)
    x = layers.BatchNormalization(axis=2, momentum=MOMENTUM, name="input_bn")(x)
    for number, (filters, pool) in enumerate(((64, 2), (128, 3), (128, 4), (128, 4)), start=1):
        x = layers.Conv2D(filters, 3, padding="same", name=f"block{number}_conv")(x)
        x = FusedBatchNormalization(momentum=MOMENTUM, name=f"block{number}_bn")(x)
        # The original has ELU before the pool. ELU only rises, so the maximum is the same, of fewer values.
        x = layers.MaxPooling2D(pool, name=f"block{number}_pool")(x)
        x = layers.Activation("elu", name=f"block{number}_elu")(x)
        x = layers.Dropout(0.1, name=f"block{number}_dropout")(x)
    return inputs, layers.Flatten(name="flat")(x)


def draw_whole(spectrogram: np.ndarray, generator: np.random.Generator, augment: bool) -> np.ndarray:
    """Return a spectrogram as an example of training, varied if asked to."""
    return augmentation.vary(spectrogram, generator) if augment else spectrogram


def draw_shuffled(spectrogram: np.ndarray, generator: np.random.Generator, augment: bool) -> np.ndarray:
    """Return ten joined segments as an example of training: if asked to, in another order and varied."""
    shuffled = augmentation.shuffle_segments(spectrogram, generator) if augment else spectrogram
    return draw_whole(shuffled, generator, augment)


def segment_of(spectrogram: np.ndarray, number: int) -> np.ndarray:
    """Return one of the ten tenths of a spectrogram [shape=(96, 136)]; number from 0 to 9."""
    return spectrogram[:, number * SEGMENT_FRAMES : (number + 1) * SEGMENT_FRAMES]


_INPUT = functools.partial(
    AudioInput,
    settings=CHOI2016,
    shape=(CHOI2016.n_mels, CHOI2016.num_frames),
    segment=segment_of,
    draw_segment=functools.partial(augmentation.random_part, num_frames=SEGMENT_FRAMES),
)
INPUTS = {
    "uc": _INPUT(
        "choi2016_uc",
        compute=functools.partial(spectrograms.choi_input, segmentation="uc"),
        stretches=spectrograms.segment_stretches,
        draw=draw_shuffled,
    ),
    "cc": _INPUT(
        "choi2016_cc",
        compute=functools.partial(spectrograms.choi_input, segmentation="cc"),
        stretches=spectrograms.central_stretch,
        draw=draw_whole,
    ),
}
"""The spectrograms of 29.12 s, by segmentation: ten segments spread over the recording, or its centre (4.2)."""
PAPER_PROTOCOL = Protocol("adam", 1e-3, batch_size=16, max_epochs=200, patience=10)
"""Of all audio networks: the paper names Adam and the patience, and no more (3.4)."""

ARCHITECTURE = Architecture(
    name="choi2016",
    title="Choi 2016",
    kind="audio",
    reference="choi2016",
    build=build,
    protocols={"paper": PAPER_PROTOCOL, "quick": Protocol("adam", 5e-5, batch_size=8, max_epochs=3, patience=10)},
    inputs=INPUTS,
    warm_up=WarmUp(
        build_for_warm_up,
        start_from_warm_up,
        blocks="flat",
        block_features=128,
        head=("embedding", "embedding_dropout", "scores"),
    ),
    quick_in_bfloat16=True,
)
