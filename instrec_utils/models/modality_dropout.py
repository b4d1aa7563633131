"""The layer that hides a modality now and then in the training of a fusion."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="instrec")
class ModalityDropout(keras.layers.Layer):
    """In training, replaces one modality of some examples by zeros; never both of one example.

    Parameters
    ----------
    rate : float [0 to 1]
        Probability that an example loses a modality, each of the two with half of it; a ValueError if it is none.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        if not 0 <= rate <= 1:
            raise ValueError(f"modality_dropout: expected a probability from 0 to 1, got {rate}")
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()
        self.built = True

    def call(self, inputs: list[Any], training: bool = False) -> list[Any]:
        """Return both modalities, [shape=(batch, ...)] each, as a list."""
        if not training:
            return list(inputs)
        draws = keras.random.uniform((ops.shape(inputs[0])[0],), seed=self.seed_generator)
        kept = (draws >= self.rate / 2, (draws < self.rate / 2) | (draws >= self.rate))
        return [_zero_unless(keep, modality) for keep, modality in zip(kept, inputs, strict=True)]

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` needs."""
        return {**super().get_config(), "rate": self.rate}


def _zero_unless(keep: Any, values: Any) -> Any:
    return ops.where(ops.reshape(keep, (-1,) + (1,) * (len(values.shape) - 1)), values, 0)
