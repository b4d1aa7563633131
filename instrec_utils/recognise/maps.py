"""Where the networks looked: how much each place of a picture or of a spectrogram speaks for an instrument.

The networks end in a last map of features, their mean over all places, dense layers, and the head; the package's own
network of sound adds the maximum to the mean. The features of a place, weighted by how the instrument's logit changes
with what is pooled, are that place's part in it (Grad-CAM of Selvaraju 2017). Where no activation follows, as in
EfficientNet-Lite0, the parts add up to the logit but for a constant (the class activation map of Zhou 2016).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from instrec_utils.config import LABELS
from instrec_utils.recognise.heads import Head


@runtime_checkable
class Seen(Protocol):
    """A network whose last map can be looked at.

    Attributes
    ----------
    dense : sequence of np.ndarray
        Weights and shift of the dense layers behind the map: the hidden one, if there is one, then that of the
        network's own classes.
    hidden : str
        The activation of the hidden layer, "relu" or "hard_silu"; empty without such a layer.
    has_maximum : bool
        Whether the map's maximum is added to its mean.
    own : mapping of str to its own classes of each instrument
    """

    dense: Sequence[np.ndarray]
    hidden: str
    has_maximum: bool
    own: Mapping[str, Mapping[int, str]]

    def last_map(self, example: np.ndarray) -> np.ndarray:
        """Return the last map of features of an example [shape=(num_features, height, width)]."""
        ...


Function = Callable[[np.ndarray], np.ndarray]
ACTIVATIONS: Mapping[str, tuple[Function, Function]] = {  # with their derivatives
    "": (lambda values: values, np.ones_like),
    "relu": (lambda values: np.maximum(values, 0), lambda values: (values > 0).astype(float)),
    "hard_silu": (
        lambda values: values * np.clip(values / 6 + 0.5, 0, 1),
        lambda values: np.where(values < -3, 0, np.where(values > 3, 1, values / 3 + 0.5)),
    ),
}


def class_map(network: Seen, head: Head, example: np.ndarray, label: str) -> np.ndarray:
    """Return how much each place of an example speaks for a label [shape=(height, width), of its last map]."""
    last_map = network.last_map(example)
    places = last_map.reshape(len(last_map), -1)
    shares = np.full_like(places, 1 / places.shape[1])  # of a place in what is pooled
    if network.has_maximum:
        shares[np.arange(len(places)), places.argmax(axis=1)] += 1
    *hidden, weights, shift = (one.reshape(len(one), -1).squeeze() for one in network.dense)
    pooled = (shares * places).sum(axis=1)
    values = hidden[0] @ pooled + hidden[1] if hidden else pooled
    activation, derivative = ACTIVATIONS[network.hidden]
    slope = _gradient(network.own, head, label, weights, weights @ activation(values) + shift) * derivative(values)
    slope = slope @ hidden[0] if hidden else slope
    return (slope @ (shares * places)).reshape(last_map.shape[1:])


def _gradient(
    own: Mapping[str, Mapping[int, str]], head: Head, label: str, weights: np.ndarray, outputs: np.ndarray
) -> np.ndarray:
    """Return how a label's logit changes with the embedding, also by way of the network's own classes."""
    best = {name: max(own[name], key=outputs.__getitem__) for name in LABELS if own[name]}
    if label not in head.labels:  # the network's own class alone says it
        return weights[best[label]]
    by_embedding, by_class = np.split(head.weights[head.labels.index(label)], [weights.shape[1]])
    return by_embedding + sum(by_class[LABELS.index(name)] * weights[number] for name, number in best.items())
