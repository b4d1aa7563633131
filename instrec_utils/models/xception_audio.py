"""Xception made smaller and given spectrograms, as the paper's third audio model (3.2)."""

from __future__ import annotations

import functools

from instrec_utils.config import CHOI2016, SEGMENT_FRAMES, Protocol
from instrec_utils.models.architecture import Architecture, WarmUp
from instrec_utils.models.choi2016 import INPUTS, PAPER_PROTOCOL, scores_from_zero
from instrec_utils.models.lazy import keras, layers

WIDE = 14  # frames, from which on a kernel is computed in two halves
WIDTH = 728  # separable filters, as in the authors' code
MIDDLE_BLOCKS = 4  # Xception has 8
EMBEDDING_SIZE = 1024  # Xception goes on to 1536 and 2048


def build(num_classes: int, *, width: int = WIDTH, num_frames: int = CHOI2016.num_frames) -> keras.Model:
    """Build the model; 9,683,444 parameters with 12 classes (Table 3: 9.6 M).

    It goes from log-mel spectrograms [shape=(batch, 96, num_frames), float32, dB] of any length to class probabilities
    [shape=(batch, num_classes)]; the layer ``embedding`` gives 1024 values.

    Xception's plan with ELU: two convolutions, three blocks that halve the picture, four middle blocks, one block
    to 1024, the mean over what is left of frequency and time. The first filters cover half of the 96 bands; the
    separable ones of the first block are 3 bands x 24 frames, all later ones 3 x 3. No convolution has a bias, as
    batch normalisation follows each. Of the separable filters Table 3's 9.6 M and the authors' code agree on a width of
    728; the 768 of the text give 10,631,564 parameters.

    References
    ----------
    F. Chollet: Xception: deep learning with depthwise separable convolutions. CVPR 2017; arXiv 1610.02357.
    """
    inputs = keras.Input((CHOI2016.n_mels, num_frames), name="log_mel")
    x = layers.Reshape((CHOI2016.n_mels, num_frames, 1), name="channel")(inputs)
    # -100 to 30 dB become -1 to 1, near which the first running statistics begin.
    x = layers.Rescaling(1 / 65, offset=35 / 65, name="rescaling")(x)
    x = _normalized(layers.Conv2D(64, (48, 3), strides=2, use_bias=False, name="stem_conv1")(x), "stem_conv1")
    x = layers.Activation("elu", name="stem_elu1")(x)
    x = _normalized(layers.Conv2D(64, 3, use_bias=False, name="stem_conv2")(x), "stem_conv2")
    x = layers.Activation("elu", name="stem_elu2")(x)
    x = _halving_block(x, (128, 128), name="entry1", kernel=(3, 24), activated=True)
    x = _halving_block(x, (256, 256), name="entry2")
    x = _halving_block(x, (width, width), name="entry3")
    for number in range(1, MIDDLE_BLOCKS + 1):
        name = f"middle{number}"
        x = layers.Add(name=f"{name}_add")([x, _separable_convolutions(x, (width,) * 3, (3, 3), name)])
    x = _halving_block(x, (width, EMBEDDING_SIZE), name="exit", pool=2)
    x = layers.GlobalAveragePooling2D(name="embedding")(x)
    x = layers.Dropout(0.0, name="embedding_dropout")(x)  # the paper names none
    return keras.Model(inputs, scores_from_zero(num_classes)(x), name="xception_audio")


def start_from_warm_up(model: keras.Model, warmed_up: keras.Model) -> None:
    """Give a model all weights that the same network has learned from single segments."""
    model.set_weights(warmed_up.get_weights())


def _halving_block(
    x: keras.KerasTensor,
    filters: tuple[int, int],
    *,
    name: str,
    kernel: tuple[int, int] = (3, 3),
    pool: int = 3,
    activated: bool = False,
) -> keras.KerasTensor:
    convolution = layers.Conv2D(filters[-1], 1, strides=2, padding="same", use_bias=False, name=f"{name}_shortcut")
    shortcut = _normalized(convolution(x), f"{name}_shortcut")
    x = _separable_convolutions(x, filters, kernel, name, activated)
    x = layers.MaxPooling2D(pool, strides=2, padding="same", name=f"{name}_pool")(x)
    return layers.Add(name=f"{name}_add")([x, shortcut])


def _separable_convolutions(
    x: keras.KerasTensor, filters: tuple[int, ...], kernel: tuple[int, int], name: str, activated: bool = False
) -> keras.KerasTensor:
    from instrec_utils.models.keras_classes import WideSeparableConv2D

    for number, count in enumerate(filters, start=1):
        if number > 1 or not activated:
            x = layers.Activation("elu", name=f"{name}_elu{number}")(x)
        layer = WideSeparableConv2D if kernel[1] > WIDE else layers.SeparableConv2D
        convolution = layer(count, kernel, padding="same", use_bias=False, name=f"{name}_separable{number}")
        x = _normalized(convolution(x), f"{name}_separable{number}")
    return x


def _normalized(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    from instrec_utils.models.keras_classes import MOMENTUM, FusedBatchNormalization

    return FusedBatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)


ARCHITECTURE = Architecture(
    name="xception_audio",
    title="Xception",
    kind="audio",
    reference="chollet2017",
    build=build,
    protocols={"paper": PAPER_PROTOCOL, "quick": Protocol("adam", 1e-4, batch_size=8, max_epochs=2, patience=10)},
    inputs=INPUTS,
    warm_up=WarmUp(functools.partial(build, num_frames=SEGMENT_FRAMES), start_from_warm_up),
    width=WIDTH,
)
