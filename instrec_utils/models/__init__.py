"""The report's architectures, one a file, and what is done with any of them."""

from __future__ import annotations

import importlib
import math
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instrec_utils.errors import RunError
from instrec_utils.models.architecture import architecture, architectures

if TYPE_CHECKING:
    import keras


def build(name: str, num_classes: int, **options: Any) -> keras.Model:
    """Build a model by name, with options of that architecture's own ``build``; Keras is only imported now.

    An unknown name is a ParameterError, fewer than 2 classes are a ValueError.
    """
    entry = architecture(name)
    if num_classes < 2:
        raise ValueError(f"num_classes: expected at least 2, got {num_classes}")
    return entry.build(num_classes, **options)


def load_model(path: Path) -> keras.Model:
    """Load a saved model; raise a RunError if it is missing, damaged, or brings along code that loading would run.

    Keras itself, in safe mode, does not find this package's own classes in a process that has built no model yet.
    """
    import keras

    for name in ("modality_dropout", "fused_batch_normalization", "fused_adam"):
        importlib.import_module(f"instrec_utils.models.{name}")
    try:
        return keras.saving.load_model(path, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{path}: missing or damaged ({error}); delete its folder and train this model again") from error


def multiply_adds(model: keras.Model) -> int:
    """Return how many multiplications and additions of pairs one example costs in convolutions and dense layers."""
    total = 0
    for layer in model.layers:
        if hasattr(layer, "layers"):
            total += multiply_adds(layer)
        elif kernels := [weight for weight in layer.weights if "kernel" in weight.name]:
            places = math.prod(layer.output.shape[1:-1])
            total += places * sum(math.prod(kernel.shape) for kernel in kernels)
    return total


__all__ = ["architecture", "architectures", "build", "load_model", "multiply_adds"]
