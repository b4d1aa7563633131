"""Heads: what a pretrained network's values say of the 13 instruments, or of none of them, as calibrated probabilities.

A head is multinomial logistic regression on the network's embedding and on what its own classes say of the instruments.
It is kept as arrays in the package, ``<network>.npz``, made by ``benchmarks/train_heads.py``; ``book/model_card.md``
is their model card.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import numpy as np
from scipy.special import softmax

from instrec_utils.config import LABELS
from instrec_utils.recognise.networks import Values

NONE = "none"
OUTCOMES = (*LABELS, NONE)
"""What a head tells apart: the instruments, and that none of them is there."""
LEAST_WEIGHT = 0.01  # of what says for sure that none is there


@dataclass(frozen=True)
class Head:
    """A trained head.

    Attributes
    ----------
    labels : tuple of str [the outcomes that it was trained on]
    weights, shift : np.ndarray [shape=(num_labels, num_features), (num_labels,), of features as they are]
    temperature : float [which the logits are divided by]
    thresholds : np.ndarray [shape=(13,), the probability from which an instrument counts as there]
    """

    labels: tuple[str, ...]
    weights: np.ndarray
    shift: np.ndarray
    temperature: float
    thresholds: np.ndarray

    def probabilities(self, values: Values) -> np.ndarray:
        """Return how likely each of `OUTCOMES` is [shape=(num_examples, 14)].

        An instrument that it was not trained on has the share that the network's own classes give it; the others share
        the rest as the head says.
        """
        known = softmax((features(values) @ self.weights.T + self.shift) / self.temperature, axis=1)
        found = np.zeros((len(known), len(OUTCOMES)))
        found[:, [OUTCOMES.index(label) for label in self.labels]] = known
        lacking = [number for number, label in enumerate(LABELS) if label not in self.labels]
        own = softmax(values.instruments, axis=1)[:, lacking]
        found[:, :-1] *= 1 - own.sum(axis=1, keepdims=True)
        found[:, lacking] = (1 - found[:, -1:]) * own
        return found


def features(values: Values) -> np.ndarray:
    """Return what a head looks at [shape=(num_examples, num_features)]: the embedding, and the instruments' own scores.

    The latter count as they are, before sigmoid or softmax, and as 0 where the network has no class for the instrument.
    """
    own = np.where(np.isfinite(values.instruments), values.instruments, 0)
    return np.concatenate([values.embeddings, own], axis=1)


def read_head(name: str) -> Head:
    """Return the head of a network that comes with the package."""
    with resources.files("instrec_utils.recognise").joinpath(f"{name}.npz").open("rb") as file:
        stored = np.load(file, allow_pickle=False)
        return Head(
            tuple(stored["labels"].tolist()),
            stored["weights"],
            stored["shift"],
            float(stored["temperature"]),
            stored["thresholds"],
        )


def combined(probabilities: np.ndarray, axis: int = 0) -> np.ndarray:
    """Return the mean of probabilities of `OUTCOMES` [shape=(..., 14)] along an axis.

    What shows or lets hear none of the instruments counts for little beside what does: a silent picture of a violin is
    one of a violin. What is not a number does not count at all.
    """
    is_given = ~np.isnan(probabilities[..., -1:])
    weights = np.where(is_given, 1 - probabilities[..., -1:] + LEAST_WEIGHT, 0)
    return (weights * np.where(is_given, probabilities, 0)).sum(axis=axis) / weights.sum(axis=axis)
