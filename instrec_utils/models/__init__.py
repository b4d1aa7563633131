"""The report's architectures, one a module, behind one function."""

from __future__ import annotations

import importlib
import math
import zipfile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from instrec_utils.errors import RunError

if TYPE_CHECKING:
    import keras

AUDIO = ("han2016", "choi2016", "xception_audio")
FRAMES = ("efficientnet_lite0", "inception_frames")
FUSION = ("late_fusion",)
FUSION_FORMS = ("text", "code", "attention")
NAMES = AUDIO + FRAMES + FUSION


def build(name: str, num_classes: int, **options: Any) -> keras.Model:
    """Build a model by name; Keras is only imported now.

    Parameters
    ----------
    name : one of `NAMES`.
    num_classes : number of labels, at least 2.
    **options : of that architecture's own ``build``.

    Raises
    ------
    ValueError
        The name is unknown or there are fewer than 2 classes.
    """
    if name not in NAMES:
        raise ValueError(f"model: expected one of {', '.join(NAMES)}, got {name!r}")
    if num_classes < 2:
        raise ValueError(f"num_classes: expected at least 2, got {num_classes}")
    return importlib.import_module(f"instrec_utils.models.{name}").build(num_classes, **options)


def build_for_warm_up(name: str, num_classes: int) -> keras.Model:
    """Build the form of an audio model that a cheap warm-up trains, by name.

    Choi's network and the Xception on one of the ten joined segments, Han's with batch normalisation.

    Raises
    ------
    ValueError
        It is no audio model.
    """
    return _audio(name).build_for_warm_up(num_classes)


def start_from_warm_up(name: str, model: keras.Model, warmed_up: keras.Model) -> None:
    """Give a model what `build_for_warm_up`'s model of the same name has learned."""
    _audio(name).start_from_warm_up(model, warmed_up)


def _audio(name: str) -> ModuleType:
    if name not in AUDIO:
        raise ValueError(f"model: expected one of {', '.join(AUDIO)}, got {name!r}")
    return importlib.import_module(f"instrec_utils.models.{name}")


def load(path: Path) -> keras.Model:
    """Load a saved model, running no code that its file brings along.

    Keras itself, in safe mode, does not find this package's own classes in a process that has built no model yet.

    Raises
    ------
    RunError
        The file is missing, damaged, or not a model that is safe to load.
    """
    import keras

    for name in ("late_fusion", "fused_batch_normalization", "fused_adam"):
        importlib.import_module(f"instrec_utils.models.{name}")
    try:
        return keras.saving.load_model(path, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{path}: missing or damaged ({error}); delete its folder and train this model again") from error


def build_backbone(name: str, weights: str | None = "imagenet") -> keras.Model:
    """Build a frame model without its classes, by name."""
    if name not in FRAMES:
        raise ValueError(f"backbone: expected one of {', '.join(FRAMES)}, got {name!r}")
    return importlib.import_module(f"instrec_utils.models.{name}").build_backbone(weights)


def embedding_size(name: str) -> int:
    """Return how many values a frame model gives before its classes."""
    if name not in FRAMES:
        raise ValueError(f"backbone: expected one of {', '.join(FRAMES)}, got {name!r}")
    return importlib.import_module(f"instrec_utils.models.{name}").EMBEDDING_SIZE


def multiply_adds(model: keras.Model) -> int:
    """Return how many multiplications and additions of pairs one example costs in convolutions and dense layers."""
    total = 0
    for layer in model.layers:
        if hasattr(layer, "layers"):
            total += multiply_adds(layer)
        else:
            kernels = [weight for weight in layer.weights if "kernel" in weight.name]
            if kernels:
                places = math.prod(layer.output.shape[1:-1])
                total += places * sum(math.prod(kernel.shape) for kernel in kernels)
    return total
