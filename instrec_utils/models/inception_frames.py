"""Inception v3 on single frames, the paper's visual model (3.1)."""

from __future__ import annotations

import keras
from keras import layers

from instrec_utils.config import CROP_SIZE

EMBEDDING_SIZE = 2048


def build(num_classes: int, *, weights: str | None = "imagenet", dropout: float = 0.0) -> keras.Model:
    """Build the frame model.

    Parameters
    ----------
    num_classes : number of labels, at least 2.
    weights : "imagenet", which Keras downloads once, or None for random ones.
    dropout : share of the embedding dropped in training; the paper names none.

    Returns
    -------
    keras.Model
        From RGB frames [shape=(batch, 224, 224, 3), 0 to 255] to class probabilities
        [shape=(batch, num_classes)]; the layer ``embedding`` gives 2048 values.

    References
    ----------
    C. Szegedy et al.: Rethinking the Inception architecture for computer vision. CVPR 2016.
    """
    backbone = build_backbone(weights)
    x = layers.Dropout(dropout, name="embedding_dropout")(backbone.output)
    outputs = layers.Dense(num_classes, activation="softmax", name="scores", dtype="float32")(x)
    return keras.Model(backbone.input, outputs, name="inception_frames")


def build_backbone(weights: str | None = "imagenet") -> keras.Model:
    """Build the network without its classes: frames [shape=(batch, 224, 224, 3)] to [shape=(batch, 2048)].

    Raises
    ------
    ValueError
        The weights are neither "imagenet" nor None, or cannot be downloaded.
    """
    if weights not in ("imagenet", None):
        raise ValueError(f"weights: expected 'imagenet' or None, got {weights!r}")
    inputs = keras.Input((CROP_SIZE, CROP_SIZE, 3), name="frames")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaling")(inputs)
    try:
        network = keras.applications.InceptionV3(include_top=False, weights=weights, input_shape=inputs.shape[1:])
    except Exception as error:  # Keras raises a bare Exception when its download fails
        raise ValueError(
            "inception_frames: the ImageNet weights could not be downloaded; connect once, or place the file under "
            f"~/.keras/models, or choose the model efficientnet_lite0 or weights=None ({error})"
        ) from error
    outputs = layers.GlobalAveragePooling2D(name="embedding")(network(x))
    return keras.Model(inputs, outputs, name="inception_frames_backbone")
