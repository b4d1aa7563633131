"""Several seeds, paired tests and calibration."""

import numpy as np
import pytest
import scipy.stats
from sklearn.metrics import f1_score

from instrec_utils import evaluation, significance

TRUTH = np.arange(30) % 3


def make_scores(num_wrong, seed):
    generator = np.random.default_rng((seed, num_wrong))
    scores = generator.dirichlet(np.ones(3), 30) * 0.2
    answers = TRUTH.copy()
    answers[generator.permutation(30)[:num_wrong]] += 1
    scores[np.arange(30), answers % 3] += 0.8
    return scores


def test_p_values_are_corrected_after_holm():
    np.testing.assert_allclose(significance.holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(significance.holm(np.array([0.9, 0.8])), [1, 1])


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
    test = significance.compare_seeds(TRUTH, [first], [second])
    assert test["difference"] == pytest.approx(10 / 30)
    assert test["p_value"] == pytest.approx(exact, abs=0.01)
    same = significance.compare_seeds(TRUTH, [first], [first])
    assert (same["difference"], same["p_value"]) == (0, 1)
    assert same["low"] < 0 < same["high"], "models that never disagree have an interval all the same"


def repeated(scores, times):
    return np.repeat(scores, times, axis=0)


def test_videos_that_share_something_count_once():
    """Each video three times over says no more than once: the test is that of the videos themselves."""
    first, second = make_scores(2, 1), make_scores(12, 2)
    once = significance.compare_seeds(TRUTH, [first], [second])
    groups = np.repeat(np.arange(30), 3)
    thrice = significance.compare_seeds(repeated(TRUTH, 3), [repeated(first, 3)], [repeated(second, 3)], groups)
    assert thrice == pytest.approx(once)
    alone = significance.compare_seeds(repeated(TRUTH, 3), [repeated(first, 3)], [repeated(second, 3)])
    assert alone["p_value"] < thrice["p_value"]
    assert alone["error"] == pytest.approx(thrice["error"] / np.sqrt(3))


@pytest.mark.parametrize("num_tests", [1, 10])
def test_the_smallest_difference_is_shown_four_times_in_five(num_tests):
    """Drawn again and again: models that disagree on three videos of ten and differ by just that much."""
    number, level = 300, significance.SIGNIFICANT / num_tests
    error = np.sqrt(0.3 / number)
    smallest = significance.smallest_difference({"error": error, "num_groups": number}, num_tests)
    generator, shown = np.random.default_rng(0), 0
    for _ in range(2000):
        drawn = generator.choice([1, 0, -1], number, p=[(0.3 + smallest) / 2, 0.7, (0.3 - smallest) / 2])
        better, worse = (drawn > 0).sum(), (drawn < 0).sum()
        shown += scipy.stats.norm.sf((better - worse) / np.sqrt(better + worse)) * 2 < level
    assert shown / 2000 == pytest.approx(0.8, abs=0.05)


def test_models_that_never_disagreed_may_still_differ():
    test = {"error": 0.0, "num_groups": 77, "difference": 0.0}
    smallest = significance.smallest_difference(test)
    assert 0.05 < smallest < 0.15
    assert significance.equivalence(test, 0.05) < 0.05 < significance.equivalence(test | {"num_groups": 20}, 0.05)


def test_equivalence_is_no_test_that_failed():
    """Two models that a few videos cannot tell apart are not thereby alike."""
    unclear = {"error": 0.05, "num_groups": 77, "difference": 0.02}
    assert significance.equivalence(unclear, 0.05) > 0.2
    assert significance.equivalence(unclear | {"difference": 0.08}, 0.05) > 0.5
    assert significance.equivalence(unclear | {"error": 0.005, "num_groups": 5000}, 0.05) < 0.001


def test_lengths_of_trainings_are_compared_in_pairs():
    test = significance.compare_lengths([100, 210, 330], [200, 400, 600])
    assert test["difference"] == pytest.approx(np.exp(np.mean(np.log([0.5, 0.525, 0.55]))) - 1)
    assert test["low"] < test["difference"] < test["high"] < 0
    assert test["p_value"] == pytest.approx(scipy.stats.ttest_1samp(np.log([0.5, 0.525, 0.55]), 0).pvalue)
    same = significance.compare_lengths([10, 20], [10, 20])
    assert (same["difference"], same["p_value"]) == (0, 1)
    assert significance.compare_lengths([10, 20], [20, 40])["p_value"] == 0


@pytest.mark.parametrize("num_pairs", [3, 7])
def test_the_smallest_shortening_of_few_trainings_is_shown_four_times_in_five(num_pairs):
    """Drawn again and again: pairs of trainings that scatter by a tenth, of which one kind is shorter by just that."""
    test, generator, shown = {"error": 0.1 / np.sqrt(num_pairs), "num_groups": num_pairs}, np.random.default_rng(0), 0
    smallest = significance.smallest_shortening(test, num_tests=4)
    for _ in range(1000):
        ratios = (1 - smallest) * np.exp(generator.normal(0, 0.1, num_pairs))
        shown += significance.compare_lengths(ratios, np.ones(num_pairs))["p_value"] < significance.SIGNIFICANT / 4
    assert shown / 1000 == pytest.approx(0.8, abs=0.1)


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


def test_videos_that_all_share_something_say_nothing():
    first, second = make_scores(2, 1), make_scores(12, 2)
    test = significance.compare_seeds(TRUTH, [first], [second], np.zeros(30, int))
    assert test["difference"] == pytest.approx(10 / 30)
    assert test["p_value"] == 1
    assert test["low"] < 0 < test["high"]
    assert significance.smallest_difference(test) > 0.8
