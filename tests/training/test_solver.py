"""Weights that are solved for: against scikit-learn, numerical derivatives, Keras' own loss, and any other weights."""

import itertools

import keras
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from instrec_utils import models
from instrec_utils.training import fit, solver
from instrec_utils.training.batches import Batches
from instrec_utils.training.solver import Objective

NUM_CLASSES = 4
NAMES = ("audio_scores", "visual_scores")


def build():
    return models.build("late_fusion", NUM_CLASSES, form="weighted", temperatures=(1.3, 0.6))


def make_batches(seed, num_videos, *, missing=(0, 0)):
    """One batch of scores that tell something of the class; of the first videos the audio, of the last frames lack."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, NUM_CLASSES, num_videos)
    logits = 2 * np.eye(NUM_CLASSES)[truth] + generator.normal(0, 1.5, (2, num_videos, NUM_CLASSES))
    audio, visual = scores = keras.ops.convert_to_numpy(keras.ops.softmax(logits)).astype(np.float32)
    audio[: missing[0]] = 0
    visual[num_videos - missing[1] :] = 0
    return Batches(lambda number, _: dict(zip(NAMES, scores[:, number], strict=True)), truth, num_videos)


def make_objective(seed, num_examples=30, scale=1.0):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, NUM_CLASSES, num_examples)
    alone, weighed = (generator.normal(0, scale, (num_examples, NUM_CLASSES, *last)) for last in ((), (3,)))
    return Objective(alone, weighed, truth, generator.normal(size=3))


objectives = st.builds(
    make_objective, st.integers(0, 999), num_examples=st.integers(1, 60), scale=st.sampled_from([0.0, 0.1, 1.0, 10.0])
)


def test_the_solution_is_that_of_scikit_learn_where_there_are_two_classes():
    """Of two classes only their difference counts: the regression of a label on it, without an intercept."""
    generator = np.random.default_rng(1)
    weighed, truth = generator.normal(size=(50, 2, 3)), generator.integers(0, 2, 50)
    steps = solver.newton_steps(Objective(np.zeros((50, 2)), weighed, truth, np.zeros(3)))
    theirs = LogisticRegression(C=1, fit_intercept=False, tol=1e-10, max_iter=1000)
    theirs.fit(weighed[:, 1] - weighed[:, 0], truth)
    np.testing.assert_allclose(steps[-1], theirs.coef_[0], atol=1e-6)


@given(objectives, st.tuples(*[st.floats(-3, 3)] * 3))
def test_no_other_weights_are_better_than_the_solution(objective, other):
    steps = solver.newton_steps(objective)
    values = [objective.value(weights) for weights in steps]
    assert all(after <= before + 1e-12 for before, after in itertools.pairwise(values))
    assert values[-1] <= objective.value(np.array(other)) + 1e-12
    np.testing.assert_allclose(objective.gradient(steps[-1]), 0, atol=1e-6)


@given(objectives, st.tuples(*[st.floats(-3, 3)] * 3))
def test_derivatives_are_those_that_differences_give(objective, weights):
    weights = np.array(weights)
    slopes = scipy.optimize.approx_fprime(weights, objective.value, 1e-6)
    np.testing.assert_allclose(objective.gradient(weights), slopes, rtol=1e-3, atol=1e-3)
    curvatures = scipy.optimize.approx_fprime(weights, objective.gradient, 1e-6)
    np.testing.assert_allclose(objective.hessian(weights), curvatures, rtol=1e-2, atol=1e-2)
    assert np.linalg.eigvalsh(objective.hessian(weights)).min() > 0  # convex


def test_few_videos_that_the_weights_can_all_get_right_do_not_lead_far_away():
    weighed = np.zeros((3, NUM_CLASSES, 3))
    weighed[:, 0] = 10
    objective = Objective(np.zeros((3, NUM_CLASSES)), weighed, np.zeros(3, int), np.array([1.0, 0, 0]))
    solution = solver.newton_steps(objective)[-1]
    assert np.abs(solution - objective.start).max() < 1


def test_the_objective_is_the_models_own_loss(tmp_path):
    batches = make_batches(2, 40, missing=(5, 7))
    (inputs, truth), model = batches[0], build()
    objective, weights = Objective.of(model, batches), np.array([1.4, 0.3, 0.8])
    model.set_weights([weights])
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    loss, accuracy = model.evaluate(inputs, truth, batch_size=40, verbose=0)
    distance = ((weights - [1, 0, 0]) ** 2).sum() / 2 / 40
    assert objective.value(weights) - distance == pytest.approx(loss, rel=1e-5)
    assert objective.accuracy(weights) == pytest.approx(accuracy)


def test_what_is_solved_is_kept_and_taken_from_there(tmp_path):
    batches, validation = make_batches(3, 60, missing=(4, 4)), make_batches(4, 30)
    model, history = solver.solve(build, batches, validation, tmp_path)
    np.testing.assert_array_equal(history["epoch"], np.arange(1, len(history) + 1))
    assert history["steps"].tolist() == [0] + [1] * (len(history) - 1)
    objective = Objective.of(build(), batches)
    solution = scipy.optimize.minimize(objective.value, objective.start, method="Nelder-Mead", tol=1e-9).x
    assert history["loss"].iloc[-1] == pytest.approx(objective.value(solution), abs=1e-9)
    kept = solver.newton_steps(objective)[fit.best_epoch(history) - 1]
    np.testing.assert_allclose(model.get_weights()[0], kept, rtol=1e-6)

    def refuse():
        raise AssertionError("built again")

    again, told = solver.solve(refuse, batches, validation, tmp_path)
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    np.testing.assert_allclose(told, history)
    (tmp_path / "best.keras").write_bytes(b"half")  # as nothing of ours writes it
    mended, _ = solver.solve(build, batches, validation, tmp_path)
    np.testing.assert_array_equal(mended.get_weights()[0], model.get_weights()[0])


def test_without_a_video_of_both_modalities_the_weights_stay_those_of_the_mean(tmp_path):
    batches = make_batches(5, 6, missing=(6, 0))
    model, history = solver.solve(build, batches, batches, tmp_path)
    np.testing.assert_allclose(model.get_weights()[0], [1, 0, 0], atol=1e-6)
    assert history["steps"].tolist()[:1] == [0]
