"""Adam in one pass over memory, where Keras takes a dozen with TensorFlow."""

from typing import Any

import keras


@keras.saving.register_keras_serializable("instrec")
class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam, with the same numbers up to rounding.

    With TensorFlow a variable's step is one fused operation: on a CPU the flattened fusion's training is bound by
    passing over its tens of millions of weights. With other backends, and on several devices, it is Keras' own.
    """

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Move a variable and its two moments."""
        if keras.backend.backend() != "tensorflow" or _is_shared() or self.amsgrad:
            super().update_step(gradient, variable, learning_rate)
            return
        from tensorflow import raw_ops

        # Keras' trainer hands on TensorFlow's variables, not its own.
        index, kind = self._get_variable_index(variable), variable.dtype
        step = keras.ops.cast(self.iterations + 1, kind)
        moved = (variable, self._momentums[index], self._velocities[index])
        handles = [one.value.handle if isinstance(one, keras.Variable) else one.handle for one in moved]
        raw_ops.ResourceApplyAdam(
            **dict(zip(("var", "m", "v"), handles, strict=True)),
            beta1_power=keras.ops.power(keras.ops.cast(self.beta_1, kind), step),
            beta2_power=keras.ops.power(keras.ops.cast(self.beta_2, kind), step),
            lr=keras.ops.cast(learning_rate, kind),
            beta1=keras.ops.cast(self.beta_1, kind),
            beta2=keras.ops.cast(self.beta_2, kind),
            epsilon=keras.ops.cast(self.epsilon, kind),
            grad=keras.ops.cast(gradient, kind),
        )


def _is_shared() -> bool:
    from tensorflow import distribute

    return distribute.has_strategy()
