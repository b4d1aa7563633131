"""What a training computes with: the precision of its numbers and the devices that share each of its batches.

Compilation is left to Keras, whose "auto" compiles with XLA but for TensorFlow on a CPU, where it trains three times
slower, and for TensorFlow on several devices, where it is not possible.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from instrec_utils.errors import ParameterError
from instrec_utils.models import every_layer
from instrec_utils.models.lazy import keras

PRECISIONS = ("auto", "float32", "mixed_bfloat16", "mixed_float16")
ON_DEMAND = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""What lets processes share an accelerator, in the environment that they start with: each takes memory as it needs."""


@dataclass(frozen=True)
class Hardware:
    """How a training uses what there is.

    Attributes
    ----------
    precision : str [one of `PRECISIONS`]
        The mixed ones compute in 16 bits; weights, normalisation and scores stay in 32. Of "auto" a run makes one of
        the others, see `Run.hardware`; by itself it is "float32".
    num_devices : int [>= 1: accelerators, or CPUs where there is none, that share each batch]
    """

    precision: str = "auto"
    num_devices: int = 1

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ParameterError(f"precision: expected one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        if self.num_devices < 1:
            raise ParameterError(f"num_devices: expected at least 1, got {self.num_devices}")

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Hardware:
        """Return what a run's parameters say, and the default for what they do not say."""
        return cls(**{name: parameters[name] for name in asdict(DEFAULT) if name in parameters})

    def parameters(self) -> dict[str, Any]:
        """Return what differs from the default, for a run's parameters: both change its numbers."""
        return {name: value for name, value in asdict(self).items() if value != getattr(DEFAULT, name)}

    def check(self, batch_size: int) -> None:
        """Raise a ParameterError if there are fewer devices, Keras cannot share batches, or they do not divide one."""
        self.check_batch(batch_size)
        with self.devices():
            pass

    def check_batch(self, batch_size: int) -> None:
        """Raise a ParameterError if the devices do not divide a batch."""
        if batch_size % self.num_devices:
            raise ParameterError(
                f"num_devices: expected a number that divides the batch size {batch_size}, got {self.num_devices}"
            )

    @contextlib.contextmanager
    def precise(self) -> Iterator[None]:
        """Give the layers that are made in it this precision."""
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("float32" if self.precision == "auto" else self.precision)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(before)

    def devices(self) -> contextlib.AbstractContextManager:
        """Let models that are made, loaded or trained in it live on all the devices."""
        return contextlib.nullcontext() if self.num_devices == 1 else _strategy(self.num_devices).scope()

    def placed(self, model: keras.Model) -> keras.Model:
        """Return a model that lives on all the devices: a copy if there are several."""
        if self.num_devices == 1:
            return model
        with self.devices():
            copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        return copy

    def predict(self, model: keras.Model, inputs: Any) -> Any:
        """Return what a model of `placed` makes of a batch; each device computes a part of it, if they divide it."""
        if self.num_devices == 1:
            return model.predict_on_batch(inputs)
        with self.devices():  # of one batch alone, Keras gives every device the whole
            return model.predict(inputs, batch_size=len(inputs), verbose=0)

    @contextlib.contextmanager
    def sharing(self, model: keras.Model) -> Iterator[None]:
        """Train in it: each device gets a part of each batch, and batches are normalised as a whole.

        With JAX they are anyway. With TensorFlow the layers are told so, but only here: no other backend could load a
        model that was saved with it.
        """
        is_told = self.num_devices > 1 and keras.backend.backend() == "tensorflow"
        kind = keras.layers.BatchNormalization
        told = [layer for layer in every_layer(model) if is_told and isinstance(layer, kind)]
        for layer in told:
            layer.synchronized = True
        try:
            with self.devices():
                yield
        finally:
            for layer in told:
                layer.synchronized = False


DEFAULT = Hardware()


@functools.cache
def fastest() -> Hardware:
    """Return what this processor computes convolutions with in the least time.

    That is bfloat16 where it multiplies matrices of it (Intel's AMX), else float32: without such instructions
    TensorFlow converts every number back and forth.
    """
    try:
        has_amx = "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:  # no Linux
        has_amx = False
    return Hardware("mixed_bfloat16" if has_amx else "float32")


@functools.cache
def _strategy(num_devices: int) -> Any:
    """Return the first devices' strategy: one object, as TensorFlow does not mix models of two."""
    names = keras.distribution.list_devices()
    if num_devices > len(names):
        raise ParameterError(f"num_devices: expected at most {len(names)} ({', '.join(names)}), got {num_devices}")
    names = names[:num_devices]
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(devices=names)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy(names)
    raise ParameterError(f"num_devices: expected 1 with Keras' backend {keras.backend.backend()!r}, got {num_devices}")
