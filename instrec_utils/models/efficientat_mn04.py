"""EfficientAT mn04: a small MobileNetV3 that was trained on AudioSet's two million videos, with 527 tags."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from instrec_utils import pinned
from instrec_utils.config import AUDIOSET, NUM_SEGMENTS
from instrec_utils.inputs import spectrograms
from instrec_utils.inputs.kaldi_spectrograms import as_other_levels, kaldi_log_mel
from instrec_utils.models import torch_weights
from instrec_utils.models.architecture import Architecture, AudioInput
from instrec_utils.models.choi2016 import PAPER_PROTOCOL, scores_from_zero
from instrec_utils.models.han2016 import draw_window, random_window
from instrec_utils.models.inception_frames import PROTOCOLS
from instrec_utils.models.lazy import keras, layers

VARIABLE = "INSTREC_WEIGHTS"
FILE = "efficientat_mn04_as_mAP_432.pt"
ADDRESS = (
    "https://raw.githubusercontent.com/nikih94/swch-audio-classification/"
    "2b362d97544673ef1da403b44ecbe1174d8619ec/resources/mn04_as_mAP_432.pt"
)
SHA256 = "899a8c6217063f6941793102a2780b3dd788ab11fce468d9cf5f0577c453321c"
"""Of the weights: 4 MB, under the MIT licence, copyright 2022 Florian Schmid."""

TAGS = {
    "accordion": {209: "Accordion"},
    "banjo": {147: "Banjo"},
    "cello": {193: "Cello"},
    "clarinet": {198: "Clarinet"},
    "drums": {
        **{162: "Drum kit", 163: "Drum machine", 164: "Drum", 165: "Snare drum", 166: "Rimshot", 167: "Drum roll"},
        **{168: "Bass drum", 171: "Cymbal", 172: "Hi-hat"},
    },
    "flute": {196: "Flute"},
    "guitar": {
        **{140: "Guitar", 141: "Electric guitar", 143: "Acoustic guitar", 144: "Steel guitar, slide guitar"},
        **{145: "Tapping (guitar technique)", 146: "Strum"},
    },
    "harmonica": {208: "Harmonica"},
    "organ": {155: "Organ", 156: "Electronic organ", 157: "Hammond organ"},
    "piano": {153: "Piano", 154: "Electric piano"},
    "saxophone": {197: "Saxophone"},
    "trumpet": {187: "Trumpet"},
    "violin": {191: "Violin, fiddle"},
}
"""AudioSet's tags, by number, of each of the paper's classes; chosen by their names, before anything was measured."""

EMBEDDING_SIZE = 512
NUM_TAGS = 527
# kernel, expanded filters, filters, whether channels are weighted, activation, stride of each block
BLOCKS = (
    (3, 8, 8, False, "relu", 1),
    (3, 24, 16, False, "relu", 2),
    (3, 32, 16, False, "relu", 1),
    (5, 32, 16, True, "relu", 2),
    (5, 48, 16, True, "relu", 1),
    (5, 48, 16, True, "relu", 1),
    (3, 96, 32, False, "hard_silu", 2),
    (3, 80, 32, False, "hard_silu", 1),
    (3, 72, 32, False, "hard_silu", 1),
    (3, 72, 32, False, "hard_silu", 1),
    (3, 192, 48, True, "hard_silu", 1),
    (3, 272, 48, True, "hard_silu", 1),
    (5, 272, 64, True, "hard_silu", 2),
    (5, 384, 64, True, "hard_silu", 1),
    (5, 384, 64, True, "hard_silu", 1),
)
LN_10 = 2.302585092994046
LN_FLOOR = -11.512925464970229  # of the power 1e-5 that is added before the logarithm


def locate_weights(retries: int = 2) -> Path:
    """Return the file of the weights: in the folder ``$INSTREC_WEIGHTS``, or downloaded, see `pinned.locate_files`."""
    return pinned.locate_files(VARIABLE, "weights", {FILE: ADDRESS}, {FILE: SHA256}, retries=retries) / FILE


def build(num_classes: int, *, weights: str | None = "audioset") -> keras.Model:
    """Build the network with classes of one's own, see `build_tagger`; 729,244 parameters with 12 classes.

    It goes from log-mel spectrograms [shape=(batch, 128, 301), float32, dB] of 3 s to class probabilities
    [shape=(batch, num_classes)]. A video's scores are the mean over its ten segments.

    References
    ----------
    F. Schmid, K. Koutini, G. Widmer: Efficient large-scale audio tagging via transformer-to-CNN knowledge distillation.
    ICASSP 2023; arXiv 2211.04772.
    """
    backbone = build_backbone(weights)
    return keras.Model(backbone.input, scores_from_zero(num_classes)(backbone.output), name="efficientat_mn04")


def build_backbone(weights: str | None = "audioset") -> keras.Model:
    """Build the network without classes: spectrograms [shape=(batch, 128, 301), dB] to [shape=(batch, 512)]."""
    tagger = build_tagger(weights, num_frames=AUDIOSET.num_frames)
    return keras.Model(tagger.input, tagger.get_layer("embedding").output, name="efficientat_mn04_backbone")


def build_tagger(weights: str | None = "audioset", num_frames: int | None = None) -> keras.Model:
    """Build the network with AudioSet's own tags.

    It goes from log-mel spectrograms [shape=(batch, 128, num_frames), dB, see `kaldi_log_mel`] of any length, of 10 s
    when it was trained, to how likely each tag applies [shape=(batch, 527), 0 to 1], whatever the others say; the layer
    ``embedding`` gives 512 values. Weights that are neither "audioset" nor None are a ValueError; see `locate_weights`.
    """
    if weights not in ("audioset", None):
        raise ValueError(f"weights: expected 'audioset' or None, got {weights!r}")
    inputs = keras.Input((AUDIOSET.n_mels, num_frames), name="log_mel")
    x = layers.Reshape((AUDIOSET.n_mels, -1, 1), name="channel")(inputs)
    # (ln(power + 1e-5) + 4.5) / 5, as softplus(x) = ln(1 + exp(x))
    x = layers.Rescaling(LN_10 / 10, offset=-LN_FLOOR, name="above_floor")(x)
    x = layers.Activation("softplus", name="floor_added")(x)
    x = layers.Rescaling(1 / 5, offset=(LN_FLOOR + 4.5) / 5, name="rescaling")(x)
    x = _convolution(x, 8, 3, strides=2, activation="hard_silu", name="stem")
    for number, block in enumerate(BLOCKS, start=1):
        x = _block(x, *block, name=f"block{number}")
    x = _convolution(x, 384, 1, activation="hard_silu", name="head")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dense(EMBEDDING_SIZE, activation="hard_silu", name="embedding")(x)
    tags = layers.Dense(NUM_TAGS, activation="sigmoid", name="tags", dtype="float32")(x)
    model = keras.Model(inputs, tags, name="efficientat_mn04_tagger")
    if weights == "audioset":
        tensors = torch_weights.read_weights(locate_weights())
        learned = [values for name, values in tensors.items() if not name.endswith("num_batches_tracked")]
        model.set_weights(torch_weights.to_keras(learned, model.weights))
    return model


def _convolution(
    x: keras.KerasTensor, filters: int, kernel: int, *, strides: int = 1, activation: str = "", name: str
) -> keras.KerasTensor:
    convolution = layers.Conv2D(filters, kernel, strides, use_bias=False, name=f"{name}_conv")
    return _normalised(convolution(_padded(x, kernel, name)), activation, name)


def _padded(x: keras.KerasTensor, kernel: int, name: str) -> keras.KerasTensor:
    """Pad both sides alike, as PyTorch does; Keras' "same" pads the end more where the stride is 2."""
    return layers.ZeroPadding2D(kernel // 2, name=f"{name}_padding")(x) if kernel > 1 else x


def _normalised(x: keras.KerasTensor, activation: str, name: str) -> keras.KerasTensor:
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.Activation(activation, name=f"{name}_{activation}")(x) if activation else x


def _block(
    x: keras.KerasTensor,
    kernel: int,
    expanded: int,
    filters: int,
    is_weighted: bool,
    activation: str,
    strides: int,
    *,
    name: str,
) -> keras.KerasTensor:
    """Widen, convolve each filter by itself, weigh the filters by what there is in the whole picture, and narrow."""
    shortcut = x
    if expanded != shortcut.shape[-1]:
        x = _convolution(x, expanded, 1, activation=activation, name=f"{name}_expand")
    depthwise = layers.DepthwiseConv2D(kernel, strides, use_bias=False, name=f"{name}_depthwise_conv")
    x = _normalised(depthwise(_padded(x, kernel, f"{name}_depthwise")), activation, f"{name}_depthwise")
    if is_weighted:
        squeezed = layers.GlobalAveragePooling2D(name=f"{name}_squeeze")(x)
        squeezed = layers.Dense(_squeezed_size(expanded), activation="relu", name=f"{name}_fc1")(squeezed)
        squeezed = layers.Dense(expanded, activation="sigmoid", name=f"{name}_fc2")(squeezed)
        weights = layers.Reshape((1, 1, expanded), name=f"{name}_weights")(squeezed)
        x = layers.Multiply(name=f"{name}_weighted")([x, weights])
    x = _convolution(x, filters, 1, name=f"{name}_project")
    is_added = strides == 1 and shortcut.shape[-1] == filters
    return layers.Add(name=f"{name}_add")([shortcut, x]) if is_added else x


def _squeezed_size(filters: int) -> int:
    """Return a quarter of the filters, to the next multiple of 8, but not less than nine tenths of it."""
    size = max(8, (filters // 4 + 4) // 8 * 8)
    return size if size >= 0.9 * (filters // 4) else size + 8


def compute_input(samples: np.ndarray) -> np.ndarray:
    """Return the spectrograms [shape=(10, 128, 301), float32, dB] of ten segments of 3 s of sound at 32,000 Hz."""
    segments = spectrograms.uniform_segments(samples, AUDIOSET.num_samples)
    return np.stack([kaldi_log_mel(segment, AUDIOSET) for segment in segments])


def segment_of(segments: np.ndarray, number: int) -> np.ndarray:
    """Return one of a video's ten segments [shape=(128, 301)]; number from 0 to 9."""
    return segments[number]


ARCHITECTURE = Architecture(
    name="efficientat_mn04",
    title="EfficientAT mn04 (AudioSet)",
    kind="audio",
    reference="schmid2023",
    build=build,
    protocols={"paper": PAPER_PROTOCOL, "quick": PROTOCOLS["quick"]},
    inputs={
        "uc": AudioInput(
            "efficientat_uc",
            AUDIOSET,
            shape=(NUM_SEGMENTS, AUDIOSET.n_mels, AUDIOSET.num_frames),
            compute=compute_input,
            stretches=spectrograms.segment_stretches,
            draw=draw_window,
            segment=segment_of,
            draw_segment=random_window,
            levels=functools.partial(as_other_levels, settings=AUDIOSET),
        )
    },
    build_backbone=build_backbone,
    embedding_size=EMBEDDING_SIZE,
)
