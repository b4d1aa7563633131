"""Where the networks looked: how much each place of a picture or of a spectrogram speaks for an instrument.

Both networks end in a last map of features, their mean over all places, dense layers, and the head. The features of a
place, weighted by how the instrument's logit changes with their mean, are that place's part in it (Grad-CAM
of Selvaraju 2017). Where no activation follows on the mean, as in EfficientNet-Lite0, the parts add up to the logit but
for a constant (the class activation map of Zhou 2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        Weights and shift of the dense layers behind the map's mean: a hidden one with hard swish if there are four,
        then that of the network's own classes.
    own : mapping of str to its own classes of each instrument
    """

    dense: Sequence[np.ndarray]
    own: Mapping[str, Mapping[int, str]]

    def last_map(self, example: np.ndarray) -> np.ndarray:
        """Return the last map of features of an example [shape=(num_features, height, width)]."""
        ...


def class_map(network: Seen, head: Head, example: np.ndarray, label: str) -> np.ndarray:
    """Return how much each place of an example speaks for a label [shape=(height, width), of its last map]."""
    last_map = network.last_map(example)
    mean, num_places = last_map.mean(axis=(1, 2)), last_map[0].size
    *hidden, weights, shift = (one.reshape(len(one), -1).squeeze() for one in network.dense)
    values = hidden[0] @ mean + hidden[1] if hidden else mean
    embedding = values * np.clip(values / 6 + 0.5, 0, 1) if hidden else values
    slope = _gradient(network.own, head, label, weights, weights @ embedding + shift)
    if hidden:  # the derivative of hard swish
        slope = (slope * np.where(values < -3, 0, np.where(values > 3, 1, values / 3 + 0.5))) @ hidden[0]
    return np.einsum("f,fhw->hw", slope, last_map) / num_places


def _gradient(
    own: Mapping[str, Mapping[int, str]], head: Head, label: str, weights: np.ndarray, outputs: np.ndarray
) -> np.ndarray:
    """Return how a label's logit changes with the embedding, also by way of the network's own classes."""
    best = {name: max(own[name], key=outputs.__getitem__) for name in LABELS if own[name]}
    if label not in head.labels:  # the network's own class alone says it
        return weights[best[label]]
    by_embedding, by_class = np.split(head.weights[head.labels.index(label)], [weights.shape[1]])
    return by_embedding + sum(by_class[LABELS.index(name)] * weights[number] for name, number in best.items())
