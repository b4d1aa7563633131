"""Several seeds, paired tests and calibration."""

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import f1_score

from instrec_utils import evaluation

TRUTH = np.arange(30) % 3


def make_scores(num_wrong, seed):
    generator = np.random.default_rng((seed, num_wrong))
    scores = generator.dirichlet(np.ones(3), 30) * 0.2
    answers = TRUTH.copy()
    answers[generator.permutation(30)[:num_wrong]] += 1
    scores[np.arange(30), answers % 3] += 0.8
    return scores


def test_p_values_are_corrected_after_holm():
    np.testing.assert_allclose(evaluation.holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(evaluation.holm(np.array([0.9, 0.8])), [1, 1])


def test_metrics_over_seeds_are_means_with_their_spread():
    runs = [make_scores(6, 1), make_scores(9, 2)]
    metrics = evaluation.evaluate(TRUTH, runs)
    assert metrics["hit_at_1"]["value"] == pytest.approx((0.8 + 0.7) / 2)
    assert metrics["hit_at_1"]["spread"] == pytest.approx(np.std([0.8, 0.7], ddof=1))
    expected = np.mean([f1_score(TRUTH, scores.argmax(axis=1), average="macro") for scores in runs])
    assert metrics["f1_macro"]["value"] == pytest.approx(expected)
    assert all(metric["low"] <= metric["value"] <= metric["high"] for metric in metrics.values())
    one = evaluation.evaluate(TRUTH, runs[:1])
    assert set(one["hit_at_1"]) == {"value", "low", "high"}, "as in a result's file"
    assert one["hit_at_1"]["value"] == 0.8


def test_the_permutation_test_agrees_with_mcnemars_on_one_seed():
    first, second = make_scores(2, 1), make_scores(12, 2)
    right = [scores.argmax(axis=1) == TRUTH for scores in (first, second)]
    only_first, only_second = np.sum(right[0] & ~right[1]), np.sum(right[1] & ~right[0])
    exact = scipy.stats.binomtest(only_first, only_first + only_second).pvalue
    test = evaluation.compare_seeds(TRUTH, [first], [second])
    assert test["difference"] == pytest.approx(10 / 30)
    assert test["p_value"] == pytest.approx(exact, abs=0.01)
    assert evaluation.compare_seeds(TRUTH, [first], [first]) == {"difference": 0.0, "p_value": 1.0}


def test_a_temperature_makes_scores_as_decided_as_they_are_right():
    generator = np.random.default_rng(0)
    true = generator.dirichlet(np.ones(4), 4000)
    truth = np.array([generator.choice(4, p=row) for row in true])
    too_decided = evaluation.with_temperature(true, 1 / 3)
    fitted = evaluation.temperature(truth, too_decided)
    assert fitted == pytest.approx(3, rel=0.1)
    after = evaluation.with_temperature(too_decided, fitted)
    np.testing.assert_array_equal(after.argmax(axis=1), true.argmax(axis=1))
    assert evaluation.calibration_error(truth, after) < 0.03 < evaluation.calibration_error(truth, too_decided)
    assert evaluation.negative_log_likelihood(truth, after) < evaluation.negative_log_likelihood(truth, too_decided)
