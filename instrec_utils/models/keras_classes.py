"""The project's own Keras classes, which saved models name: an optimiser and three layers.

Two of them do in one pass over memory what takes Keras several with TensorFlow, with the same numbers up to rounding:
on a CPU the training of the flattened fusion and of Choi's network is bound by memory. With other backends, and where
several devices work together, they are Keras' own computation.
"""

import math
from typing import Any

import keras
from keras import ops

from instrec_utils.config import MIN_SCORE

# With Keras' own 0.99 the running statistics need hundreds of steps, more than a small corpus' first epochs have.
MOMENTUM = 0.9


@keras.saving.register_keras_serializable("instrec")
class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam, with TensorFlow one fused operation a variable."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move a variable and its two moments."""
        if keras.backend.backend() != "tensorflow" or _is_shared() or self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        from tensorflow import raw_ops

        # Keras' trainer hands on TensorFlow's variables, not its own.
        index, kind = self._get_variable_index(variable), variable.dtype
        step = ops.cast(self.iterations + 1, kind)
        moved = (variable, self._momentums[index], self._velocities[index])
        handles = [one.value.handle if isinstance(one, keras.Variable) else one.handle for one in moved]
        raw_ops.ResourceApplyAdam(
            **dict(zip(("var", "m", "v"), handles, strict=True)),
            beta1_power=ops.power(ops.cast(self.beta_1, kind), step),
            beta2_power=ops.power(ops.cast(self.beta_2, kind), step),
            lr=ops.cast(learning_rate, kind),
            beta1=ops.cast(self.beta_1, kind),
            beta2=ops.cast(self.beta_2, kind),
            epsilon=ops.cast(self.epsilon, kind),
            grad=ops.cast(gradient, kind),
        )


def _is_shared() -> bool:
    from tensorflow import distribute

    return distribute.has_strategy()


@keras.saving.register_keras_serializable("instrec")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer for inputs [shape=(batch, height, width, channels)], normalised by channel; same weights."""

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalise by the batch's statistics in training, else by the moving ones."""
        if keras.backend.backend() != "tensorflow" or self.synchronized:
            return super().call(inputs, training=training, mask=mask)
        from tensorflow import raw_ops

        learns = bool(training) and self.trainable
        outputs, mean, variance, *_ = raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            # With the batch's own statistics none may be given.
            mean=[] if learns else self.moving_mean,
            variance=[] if learns else self.moving_variance,
            epsilon=self.epsilon,
            is_training=learns,
        )
        if learns:
            # TensorFlow gives the unbiased variance, Keras keeps that of the batch.
            count = ops.cast(ops.prod(ops.shape(inputs)[:-1]), variance.dtype)
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance * (count - 1) / count)):
                moving.assign(moving * self.momentum + value * (1 - self.momentum))
        return outputs


@keras.saving.register_keras_serializable("instrec")
class WideSeparableConv2D(keras.layers.SeparableConv2D):
    """Keras' layer with a kernel of even width, computed as the sum of two halves.

    Its padding is "same", its strides are 1, it has no bias. TensorFlow's library on a CPU has no fast
    gradient of a depthwise kernel as wide as 24 frames, which took most of the Xception's training.
    """

    def call(self, inputs: Any) -> Any:
        """Return the outputs [shape=(batch, height, width, filters)]."""
        around = [(0, 0), *(((size - 1) // 2, size // 2) for size in self.kernel_size), (0, 0)]
        padded, half, num_frames = ops.pad(inputs, around), self.kernel_size[1] // 2, ops.shape(inputs)[2]
        left = ops.depthwise_conv(padded[:, :, : num_frames + half - 1], self.depthwise_kernel[:, :half])
        right = ops.depthwise_conv(padded[:, :, half:], self.depthwise_kernel[:, half:])
        return ops.conv(left + right, self.pointwise_kernel)


@keras.saving.register_keras_serializable("instrec")
class ModalityDropout(keras.layers.Layer):
    """In training, replaces one modality of some examples by zeros; never both of one example.

    The rate [0 to 1, else a ValueError] is the probability that an example loses a modality, each of two with half of
    it.
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


@keras.saving.register_keras_serializable("instrec")
class WeightedScores(keras.layers.Layer):
    """Joins the scores of two models, each calibrated by its temperature first, by three weights.

    They weigh the logarithms of the mean of both models' calibrated probabilities, of the first one's and of the
    second one's. It begins at the mean alone, (1, 0, 0); (0, 1, 1) is their product, normalised. Where one model's
    scores are zeros it gives the other's calibrated ones, whatever the weights. The loss is convex in the weights.
    """

    def __init__(self, temperatures: tuple[float, float], **options: Any) -> None:
        super().__init__(**options)
        self.temperatures = tuple(temperatures)
        self.joint = self.add_weight(shape=(3,), initializer=_of_mean, name="joint")

    def call(self, inputs: list[Any]) -> Any:
        """Return probabilities from both models' scores, [shape=(batch, num_classes)] each."""
        alone, weighed = self.terms(inputs)
        return ops.softmax(alone + ops.matmul(weighed, self.joint))

    def terms(self, inputs: list[Any]) -> tuple[Any, Any]:
        """Return the logarithms of the probabilities, up to what softmax takes away, but for the weights.

        To the first [shape=(batch, num_classes)] are added the others [shape=(batch, num_classes, 3)] by their weights.
        Where both models have scores the first are zeros, elsewhere the others are.
        """
        first, second = (
            ops.log_softmax(ops.log(ops.maximum(scores, MIN_SCORE)) / temperature)
            for scores, temperature in zip(inputs, self.temperatures, strict=True)
        )
        has_first, has_second = (ops.any(scores > 0, axis=-1, keepdims=True) for scores in inputs)
        has_both, mean = has_first & has_second, ops.logaddexp(first, second) - math.log(2)
        alone = ops.where(has_both, 0.0, ops.where(has_first, first, second))
        return alone, ops.where(has_both[..., None], ops.stack([mean, first, second], axis=-1), 0.0)

    def get_config(self) -> dict[str, Any]:
        """Return what `__init__` needs."""
        return {**super().get_config(), "temperatures": self.temperatures}


def _of_mean(shape: tuple[int, ...], dtype: str) -> Any:
    return ops.convert_to_tensor([1, 0, 0], dtype=dtype)
