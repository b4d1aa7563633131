"""Weights in which the loss is convex, solved for instead of trained: those of the layer `WeightedScores`.

What is left in a run's folder is what `fit.fit` leaves of a training that is finished. The first epoch of its history
is the beginning, and each other one a step of Newton's method, on all examples at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import scipy.optimize
import scipy.special

from instrec_utils import files, models
from instrec_utils.training import fit
from instrec_utils.training.batches import Batches

OPTIMIZER = "newton"  # as a protocol calls it
TOLERANCE = 1e-8  # of the gradient's length at the solution


@dataclass(frozen=True)
class Objective:
    """The mean cross entropy of examples as a function of weights, and how far these are from where they begin.

    The weights are the likeliest ones if each is, before any example, normally distributed around where it begins, with
    a standard deviation of 1. So there is exactly one solution, also where some weights would give every example's
    label a probability of 1, and few examples do not lead far away.

    Attributes
    ----------
    alone : np.ndarray [shape=(num_examples, num_classes), of `WeightedScores.terms`]
    weighed : np.ndarray [shape=(num_examples, num_classes, num_weights), of the same]
    truth : np.ndarray [shape=(num_examples,), int]
    start : np.ndarray [shape=(num_weights,)]
    """

    alone: np.ndarray
    weighed: np.ndarray
    truth: np.ndarray
    start: np.ndarray

    @classmethod
    def of(cls, model: keras.Model, batches: Batches) -> Objective:
        """Return that of a model whose weights are where they begin, on the one batch of all examples."""
        inputs, truth = batches[0]
        layer = model.get_layer("scores")
        terms = layer.terms([inputs["audio_scores"], inputs["visual_scores"]])
        alone, weighed = (keras.ops.convert_to_numpy(one).astype(np.float64) for one in terms)
        return cls(alone, weighed, truth, layer.get_weights()[0].astype(np.float64))

    def log_probabilities(self, weights: np.ndarray) -> np.ndarray:
        """Return the logarithm of each class's probability [shape=(num_examples, num_classes)]."""
        return scipy.special.log_softmax(self.alone + self.weighed @ weights, axis=1)

    def value(self, weights: np.ndarray) -> float:
        """Return what is to be the least."""
        of_labels = np.take_along_axis(self.log_probabilities(weights), self.truth[:, None], axis=1)
        return float(-of_labels.mean() + ((weights - self.start) ** 2).sum() / 2 / len(self.truth))

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        """Return the gradient [shape=(num_weights,)]."""
        surplus = np.exp(self.log_probabilities(weights))
        surplus[np.arange(len(self.truth)), self.truth] -= 1
        return (np.einsum("ec,ecw->w", surplus, self.weighed) + weights - self.start) / len(self.truth)

    def hessian(self, weights: np.ndarray) -> np.ndarray:
        """Return the second derivatives [shape=(num_weights, num_weights)]."""
        probabilities = np.exp(self.log_probabilities(weights))
        means = np.einsum("ec,ecw->ew", probabilities, self.weighed)
        squares = np.einsum("ec,ecv,ecw->vw", probabilities, self.weighed, self.weighed)
        return (squares - means.T @ means + np.eye(len(weights))) / len(self.truth)

    def accuracy(self, weights: np.ndarray) -> float:
        """Return the share of examples whose label has the highest probability, 0 to 1."""
        return float((self.log_probabilities(weights).argmax(axis=1) == self.truth).mean())


def solve(
    build: Callable[[], keras.Model], batches: Batches, validation_batches: Batches, run_dir: Path
) -> tuple[keras.Model, pd.DataFrame]:
    """Return a model with the weights that solve for the examples, and the way there, as `fit.fit` does.

    Each of the batches is one of all examples. What is in the run's folder already is taken from there.
    """
    history = fit.read_history(run_dir)
    if history.empty or not files.is_whole_archive(run_dir / "best.keras"):
        started, model = time.perf_counter(), build()
        learned, validated = (Objective.of(model, one) for one in (batches, validation_batches))
        steps = newton_steps(learned)
        rows = [
            {
                "epoch": step + 1,
                "loss": learned.value(weights),
                "accuracy": learned.accuracy(weights),
                "val_loss": validated.value(weights),
                "val_accuracy": validated.accuracy(weights),
                "steps": min(step, 1),
            }
            for step, weights in enumerate(steps)
        ]
        history = pd.DataFrame(rows).assign(seconds=(time.perf_counter() - started) / len(steps))
        model.get_layer("scores").set_weights([steps[fit.best_epoch(history) - 1]])
        with files.whole(run_dir / "best.keras") as temporary:
            model.save(temporary)
        files.write_text(run_dir / "history.csv", history.to_csv(index=False))
    return models.load_model(run_dir / "best.keras"), history


def newton_steps(objective: Objective) -> list[np.ndarray]:
    """Return the weights [shape=(num_weights,)] at the beginning and after each step, the last being the solution."""
    steps = [objective.start]
    scipy.optimize.minimize(
        objective.value,
        objective.start,
        jac=objective.gradient,
        hess=objective.hessian,
        method="trust-exact",
        tol=TOLERANCE,
        callback=lambda weights: steps.append(weights.copy()),
    )
    return steps
