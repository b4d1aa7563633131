"""What a training computes with: the precision of its numbers and the devices that share each of its batches.

Compilation is left to Keras, whose "auto" compiles with XLA but for TensorFlow on a CPU, where it trains three times
slower, and for TensorFlow on several devices, where it is not possible. Keras is only imported by the functions.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from instrec_utils.errors import ParameterError

if TYPE_CHECKING:
    import keras

PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")


@dataclass(frozen=True)
class Hardware:
    """How a training uses what there is.

    Attributes
    ----------
    precision : str
        One of `PRECISIONS`. In the mixed ones a network computes in 16 bits; its weights, its normalisation and its
        scores stay in 32.
    num_devices : int [>= 1: accelerators, or CPUs where there is none, that share each batch]
    """

    precision: str = "float32"
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
        default = asdict(DEFAULT)
        return {name: value for name, value in asdict(self).items() if value != default[name]}

    def check(self, batch_size: int) -> None:
        """Raise a ParameterError if there are fewer devices, Keras cannot share batches, or they do not divide one."""
        if batch_size % self.num_devices:
            raise ParameterError(
                f"num_devices: expected a number that divides the batch size {batch_size}, got {self.num_devices}"
            )
        with self.devices():
            pass

    @contextlib.contextmanager
    def precise(self) -> Iterator[None]:
        """Give the layers that are made in it this precision."""
        import keras

        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.precision)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(before)

    def devices(self) -> contextlib.AbstractContextManager:
        """Let models that are made, loaded or trained in it live on all the devices."""
        return contextlib.nullcontext() if self.num_devices == 1 else _strategy(self.num_devices).scope()

    def placed(self, model: keras.Model) -> keras.Model:
        """Return a model that lives on all the devices: a copy if there are several."""
        import keras

        if self.num_devices == 1:
            return model
        with self.devices():
            copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        return copy

    @contextlib.contextmanager
    def sharing(self, model: keras.Model) -> Iterator[None]:
        """Train in it: each device gets a part of each batch, and batches are normalised as a whole.

        With JAX they are anyway. With TensorFlow the layers are told so, but only here: no other backend could load a
        model that was saved with it.
        """
        import keras

        told = _normalisations(model) if self.num_devices > 1 and keras.backend.backend() == "tensorflow" else []
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
def _strategy(num_devices: int) -> Any:
    """Return the first devices' strategy: one object, as TensorFlow does not mix models of two."""
    import keras

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


def _normalisations(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    import keras

    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += _normalisations(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            found.append(layer)
    return found
