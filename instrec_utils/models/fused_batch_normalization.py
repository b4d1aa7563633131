"""Batch normalisation of pictures in one pass over memory, where Keras takes several with TensorFlow."""

from typing import Any

import keras

# With Keras' own 0.99 the running statistics need hundreds of steps, more than a small corpus' first epochs have.
MOMENTUM = 0.9


@keras.saving.register_keras_serializable("instrec")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer for inputs [shape=(batch, height, width, channels)], normalised by channel.

    Same weights, same numbers up to rounding, and interchangeable with Keras' own. With TensorFlow it is one fused
    operation, as on a CPU the training of Choi's network is partly bound by memory. With other backends, and where
    several devices normalise a batch together, it is Keras' own computation.
    """

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
            count = keras.ops.cast(keras.ops.prod(keras.ops.shape(inputs)[:-1]), variance.dtype)
            self._move(self.moving_mean, mean)
            self._move(self.moving_variance, variance * (count - 1) / count)
        return outputs

    def _move(self, moving: keras.Variable, value: Any) -> None:
        moving.assign(moving * self.momentum + value * (1 - self.momentum))
