"""Inception v3 on single frames, the paper's visual model (3.1)."""

from __future__ import annotations

from instrec_utils.config import CROP_SIZE, Protocol
from instrec_utils.models.architecture import Architecture
from instrec_utils.models.lazy import keras, layers

EMBEDDING_SIZE = 2048
WEIGHTS = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"
ADDRESS = f"https://storage.googleapis.com/tensorflow/keras-applications/inception_v3/{WEIGHTS}"


def build(num_classes: int, *, weights: str | None = "imagenet") -> keras.Model:
    """Build the network, with ImageNet's weights, which Keras downloads once, or with None for random ones.

    It goes from RGB frames [shape=(batch, 224, 224, 3), 0 to 255] to class probabilities [shape=(batch, num_classes)];
    the layer ``embedding`` gives 2048 values.

    References
    ----------
    C. Szegedy et al.: Rethinking the Inception architecture for computer vision. CVPR 2016.
    """
    # The paper has no dropout.
    return with_classes(build_backbone(weights), num_classes, dropout=0.0, name="inception_frames")


def with_classes(backbone: keras.Model, num_classes: int, *, dropout: float, name: str) -> keras.Model:
    """Return a backbone [output shape=(batch, size)] with a layer of classes, which drops a share of its input."""
    x = keras.layers.Dropout(dropout, name="embedding_dropout")(backbone.output)
    scores = keras.layers.Dense(num_classes, activation="softmax", name="scores", dtype="float32")
    return keras.Model(backbone.input, scores(x), name=name)


def build_backbone(weights: str | None = "imagenet") -> keras.Model:
    """Build the network without its classes: frames [shape=(batch, 224, 224, 3)] to [shape=(batch, 2048)].

    Weights that are neither "imagenet" nor None, or cannot be downloaded, are a ValueError.
    """
    if weights not in ("imagenet", None):
        raise ValueError(f"weights: expected 'imagenet' or None, got {weights!r}")
    inputs = keras.Input((CROP_SIZE, CROP_SIZE, 3), name="frames")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="rescaling")(inputs)
    try:
        network = keras.applications.InceptionV3(include_top=False, weights=weights, input_shape=inputs.shape[1:])
    except Exception as error:  # Keras raises a bare Exception when its download fails
        raise ValueError(
            "inception_frames: ImageNet's weights are not in ~/.keras/models and cannot be downloaded. Where there is "
            f"a network, type: curl --create-dirs -o ~/.keras/models/{WEIGHTS} {ADDRESS} and copy the file to the same "
            "place here. Or train the network whose weights are installed: python -m instrec_utils report --corpus "
            f"NAME -p visual_model=efficientnet_lite0, and the same with tables ({error})"
        ) from error
    outputs = layers.GlobalAveragePooling2D(name="embedding")(network(x))
    return keras.Model(inputs, outputs, name="inception_frames_backbone")


PROTOCOLS = {
    # The paper names SGD, its rate, batch and patience (3.4).
    "paper": Protocol("sgd", 1e-4, batch_size=64, max_epochs=200, patience=5, halve_every=5),
    "quick": Protocol("adam", 1e-3, batch_size=160, max_epochs=60, patience=8),
}
"""Of all visual networks, by profile."""

ARCHITECTURE = Architecture(
    name="inception_frames",
    title="Inception v3",
    kind="visual",
    reference="szegedy2016",
    build=build,
    protocols=PROTOCOLS,
    build_backbone=build_backbone,
    embedding_size=EMBEDDING_SIZE,
)
