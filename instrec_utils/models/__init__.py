"""The report's architectures, one a file, and what is done with any of them."""

from __future__ import annotations

import importlib
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from instrec_utils.errors import RunError
from instrec_utils.models.architecture import architecture_named, architectures
from instrec_utils.models.lazy import keras


def build(name: str, num_classes: int, **options: Any) -> keras.Model:
    """Build a model by name, with options of that architecture's own ``build``; Keras is only imported now.

    An unknown name is a ParameterError, fewer than 2 classes are a ValueError.
    """
    entry = architecture_named(name)
    if num_classes < 2:
        raise ValueError(f"num_classes: expected at least 2, got {num_classes}")
    return entry.build(num_classes, **options)


def load_model(path: Path) -> keras.Model:
    """Load a saved model; raise a RunError if it is missing, damaged, or brings along code that loading would run."""
    importlib.import_module("instrec_utils.models.keras_classes")  # safe mode finds what was imported, and no more
    try:
        return keras.saving.load_model(path, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{path}: missing or damaged ({error}); delete its folder and train this model again") from error


def multiply_adds(model: keras.Model) -> int:
    """Return how many multiplications and additions of pairs one example costs in convolutions and dense layers."""
    total = 0
    for layer in every_layer(model):
        sizes = [math.prod(weight.shape) for weight in layer.weights if "kernel" in weight.name]
        total += math.prod(layer.output.shape[1:-1]) * sum(sizes) if sizes else 0
    return total


def every_layer(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers of a model, and in place of a model among them its own."""
    for layer in model.layers:
        yield from every_layer(layer) if hasattr(layer, "layers") else (layer,)


def folded(model: keras.Model) -> keras.Model:
    """Return a model that gives what another does, its batch normalisations folded into the convolutions before them.

    It takes less time to evaluate and is not for training. A convolution with an activation of its own keeps its
    normalisation, and so does a model among the layers; a convolution's outputs that are normalised are used nowhere
    else.
    """
    convolutions, normalisations = keras.layers.Conv2D | keras.layers.DepthwiseConv2D, keras.layers.BatchNormalization
    given_by: dict[int, str] = {}  # which convolution gives an output, by the output's id
    normalised = {}

    def with_bias(layer: keras.Layer) -> keras.Layer:
        changed = {"use_bias": True} if isinstance(layer, convolutions) else {}
        return type(layer).from_config(layer.get_config() | changed)

    def call(layer: keras.Layer, *inputs: Any, **options: Any) -> Any:
        if isinstance(layer, normalisations) and id(inputs[0]) in given_by:
            normalised[given_by[id(inputs[0])]] = model.get_layer(layer.name)
            return inputs[0]
        outputs = layer(*inputs, **options)
        if isinstance(layer, convolutions) and layer.activation is keras.activations.linear:
            given_by[id(outputs)] = layer.name
        return outputs

    copy = keras.models.clone_model(model, clone_function=with_bias, call_function=call)
    for layer in (one for one in copy.layers if one.weights):
        weights = model.get_layer(layer.name).get_weights()
        if layer.name in normalised:
            weights = _folded(layer, weights, normalised[layer.name])
        layer.set_weights(weights)
    return copy


def _folded(layer: keras.Layer, weights: list[np.ndarray], normalisation: keras.Layer) -> list[np.ndarray]:
    """Return a convolution's kernel and bias that do what its own and a normalisation with its moving statistics do."""
    kernel, bias = (*weights, np.float32(0))[:2]
    mean, variance = normalisation.moving_mean.numpy(), normalisation.moving_variance.numpy()
    scale = 1 if normalisation.gamma is None else normalisation.gamma.numpy()
    factor = scale / np.sqrt(variance + normalisation.epsilon)
    of_kernel = factor[:, None] if isinstance(layer, keras.layers.DepthwiseConv2D) else factor
    return [kernel * of_kernel, (bias - mean) * factor + normalisation.beta.numpy()]


__all__ = ["architecture_named", "architectures", "build", "every_layer", "folded", "load_model", "multiply_adds"]
