"""The report's networks in plain JAX, to see what Keras costs: each layer is a line or two of ``jax.lax``.

A `Plain` network has the layers, the precision and the weights of a Keras model, from which it is made, and nothing of
Keras runs in its steps. Its parameters, statistics and moments are dictionaries of arrays by the weights' paths.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import keras
import numpy as np
from jax import lax
from jax import numpy as jnp

from instrec_utils.config import Protocol

IMAGES = ("NHWC", "HWIO", "NHWC")
State = dict[str, jax.Array]


class Scope:
    """What the layers of one pass share: weights, new statistics, and random numbers where it is one of training."""

    def __init__(self, weights: State, key: jax.Array | None) -> None:
        self.weights, self.key = weights, key
        self.statistics: State = {}

    def get(self, weight: Any, kind: str) -> jax.Array:
        return self.weights[weight.path].astype(kind)

    def new_key(self) -> jax.Array:
        self.key, key = jax.random.split(self.key)
        return key


def _activated(layer: keras.Layer, x: jax.Array) -> jax.Array:
    name = layer.activation.__name__
    return x if name == "linear" else getattr(jax.nn, name)(x)


def _biased(layer: keras.Layer, x: jax.Array, scope: Scope) -> jax.Array:
    return _activated(layer, x + scope.get(layer.bias, x.dtype) if layer.use_bias else x)


def _convolved(layer: keras.Layer, x: jax.Array, kernel: jax.Array, **options: Any) -> jax.Array:
    settings = {"window_strides": layer.strides, "padding": layer.padding.upper()} | options
    return lax.conv_general_dilated(x, kernel, dimension_numbers=IMAGES, **settings)


def _by_channel(layer: keras.Layer, x: jax.Array, kernel: jax.Array) -> jax.Array:
    height, width, channels, multiplier = kernel.shape
    kernel = kernel.reshape(height, width, 1, channels * multiplier)
    return _convolved(layer, x, kernel, feature_group_count=channels)


def _separable(layer: keras.Layer, x: jax.Array, scope: Scope) -> jax.Array:
    x = _by_channel(layer, x, scope.get(layer.depthwise_kernel, x.dtype))
    return _biased(
        layer, _convolved(layer, x, scope.get(layer.pointwise_kernel, x.dtype), window_strides=(1, 1)), scope
    )


def _normalised(layer: keras.Layer, x: jax.Array, scope: Scope) -> jax.Array:
    axis, kind = layer.axis % x.ndim, x.dtype
    others = [one for one in range(x.ndim) if one != axis]
    x = x.astype("float32")
    found = mean, variance = scope.weights[layer.moving_mean.path], scope.weights[layer.moving_variance.path]
    if scope.key is not None:
        mean, variance = x.mean(others), x.var(others)
        for moving, old, new in zip((layer.moving_mean, layer.moving_variance), found, (mean, variance), strict=True):
            scope.statistics[moving.path] = old * layer.momentum + lax.stop_gradient(new) * (1 - layer.momentum)
    scale = lax.rsqrt(variance + layer.epsilon) * (scope.weights[layer.gamma.path] if layer.scale else 1)
    offset = scope.weights[layer.beta.path] if layer.center else jnp.zeros_like(mean)
    return (
        (x - jnp.expand_dims(mean, others)) * jnp.expand_dims(scale, others) + jnp.expand_dims(offset, others)
    ).astype(kind)


def _dropped(layer: keras.Layer, x: jax.Array, scope: Scope) -> jax.Array:
    if scope.key is None or not layer.rate:
        return x
    return jnp.where(jax.random.bernoulli(scope.new_key(), 1 - layer.rate, x.shape), x / (1 - layer.rate), 0)


def _pooled(layer: keras.Layer, x: jax.Array, start: float, reduce: Callable) -> jax.Array:
    window, strides = (1, *layer.pool_size, 1), (1, *layer.strides, 1)
    return lax.reduce_window(x, np.asarray(start, x.dtype), reduce, window, strides, layer.padding.upper())


def _mean_pooled(layer: keras.Layer, x: jax.Array) -> jax.Array:
    return _pooled(layer, x, 0.0, lax.add) / _pooled(layer, jnp.ones_like(x), 0.0, lax.add)


LAYERS: dict[str, Callable[[Any, Any, Scope], jax.Array]] = {
    "Activation": lambda layer, x, _: _activated(layer, x),
    "Add": lambda _, xs, __: functools.reduce(jnp.add, xs),
    "AveragePooling2D": lambda layer, x, _: _mean_pooled(layer, x),
    "BatchNormalization": _normalised,
    "Concatenate": lambda layer, xs, _: jnp.concatenate(xs, layer.axis),
    "Conv2D": lambda layer, x, scope: _biased(layer, _convolved(layer, x, scope.get(layer.kernel, x.dtype)), scope),
    "Dense": lambda layer, x, scope: _biased(layer, x @ scope.get(layer.kernel, x.dtype), scope),
    "DepthwiseConv2D": lambda layer, x, scope: _biased(
        layer, _by_channel(layer, x, scope.get(layer.kernel, x.dtype)), scope
    ),
    "Dot": lambda _, xs, __: jnp.einsum("nki,nkj->nij", *xs),
    "Dropout": _dropped,
    "Flatten": lambda _, x, __: x.reshape(len(x), -1),
    "FusedBatchNormalization": _normalised,
    "GlobalAveragePooling2D": lambda _, x, __: x.mean((1, 2)),
    "GlobalMaxPooling2D": lambda _, x, __: x.max((1, 2)),
    "LeakyReLU": lambda layer, x, _: jax.nn.leaky_relu(x, layer.negative_slope),
    "MaxPooling2D": lambda layer, x, _: _pooled(layer, x, -jnp.inf, lax.max),
    "Multiply": lambda _, xs, __: functools.reduce(jnp.multiply, xs),
    "ReLU": lambda layer, x, _: jnp.clip(x, 0, layer.max_value),
    "Rescaling": lambda layer, x, _: x * layer.scale + layer.offset,
    "Reshape": lambda layer, x, _: x.reshape(len(x), *layer.target_shape),
    "SeparableConv2D": _separable,
    "WideSeparableConv2D": _separable,
    "Softmax": lambda layer, x, _: jax.nn.softmax(x, layer.axis),
    "ZeroPadding2D": lambda layer, x, _: jnp.pad(x, ((0, 0), *layer.padding, (0, 0))),
}


class Plain:
    """A Keras model in plain JAX, with its weights as they are when this is made, and the protocol's optimiser."""

    def __init__(self, model: keras.Model, protocol: Protocol) -> None:
        self.model, self.protocol = model, protocol
        of = {one.path: jnp.array(keras.ops.convert_to_numpy(one)) for one in model.weights}
        self.parameters = {one.path: of[one.path] for one in model.trainable_weights}
        self.statistics = {path: value for path, value in of.items() if path not in self.parameters}
        moments = 2 if protocol.optimizer == "adam" else 1
        self.moments = [
            {path: jnp.zeros_like(value) for path, value in self.parameters.items()} for _ in range(moments)
        ]
        self.count = 0
        self._step = jax.jit(self._stepped, donate_argnums=(0, 1, 2))

    def step(self, inputs: Any, targets: np.ndarray) -> jax.Array:
        """Train on a batch and return its loss, which may still be under way."""
        self.count += 1
        state = self.parameters, self.statistics, self.moments
        state, loss = self._step(*state, self.count, inputs, targets)
        self.parameters, self.statistics, self.moments = state
        return loss

    def scores(self, weights: State, inputs: Any, key: jax.Array | None = None) -> tuple[jax.Array, State]:
        """Return the scores [shape=(batch, num_classes)], and in training, which takes a key, the new statistics."""
        scope = Scope(weights, key)

        def plainly(layer: keras.Layer) -> Callable[..., Any]:
            if hasattr(layer, "layers"):
                return lambda x, **_: layer._run_through_graph(x, plainly)
            kind = layer.compute_dtype

            def call(given: Any, **_: Any) -> jax.Array:  # masks, of which there are none
                cast = jax.tree.map(lambda x: jnp.asarray(x, kind), list(given) if isinstance(given, list) else given)
                return LAYERS[type(layer).__name__](layer, cast, scope)

            return call

        given = [inputs[one.name] for one in self.model.inputs] if isinstance(inputs, dict) else inputs
        return self.model._run_through_graph(given, plainly), scope.statistics

    def _stepped(
        self, parameters: State, statistics: State, moments: list[State], count: int, inputs: Any, targets: jax.Array
    ) -> tuple[tuple[State, State, list[State]], jax.Array]:
        def loss_of(parameters: State) -> tuple[jax.Array, State]:
            scores, changed = self.scores(parameters | statistics, inputs, jax.random.key(count))
            chosen = jnp.take_along_axis(scores, targets[:, None], axis=1)
            return -jnp.log(jnp.clip(chosen, 1e-7, 1)).mean(), changed

        (loss, changed), gradients = jax.value_and_grad(loss_of, has_aux=True)(parameters)
        rate = self.protocol.learning_rate
        if self.protocol.optimizer == "adam":
            first, second = (
                jax.tree.map(
                    lambda m, g, decay=decay, power=power: decay * m + (1 - decay) * g**power, moment, gradients
                )
                for moment, decay, power in zip(moments, (0.9, 0.999), (1, 2), strict=True)
            )
            rate *= jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
            moments = [first, second]
            moved = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), parameters, first, second)
        else:
            moments = [jax.tree.map(lambda m, g: 0.9 * m - rate * g, moments[0], gradients)]
            moved = jax.tree.map(jnp.add, parameters, moments[0])
        return (moved, statistics | changed, moments), loss
