"""The report's architectures, one a file, and what is done with any of them."""

from __future__ import annotations

import importlib
import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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


__all__ = ["architecture_named", "architectures", "build", "every_layer", "load_model", "multiply_adds"]
