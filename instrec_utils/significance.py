"""Whether two models differ by more than chance: paired tests on the same videos, their power, their correction.

A p value carries a verdict only after `holm`, whose tests are all those of a page's question.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.stats

from instrec_utils.evaluation import CONFIDENCE, NUM_RESAMPLES, exact_interval

NUM_PERMUTATIONS = 9999
SIGNIFICANT = 0.05  # of a p value that is corrected for the number of tests
POWER = 0.8


def compare_seeds(
    truth: np.ndarray,
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    groups: np.ndarray | None = None,
) -> dict[str, float]:
    """Test whether two models, each trained with several seeds, are right equally often on the same videos.

    A permutation test over videos: of each video the share of seeds that is right counts, and under the hypothesis
    either model's could be the other's. Videos of one of the groups [shape=(num_videos,)] go together.

    Returns
    -------
    dict of str to float
        difference of the Hit@1, -1 to 1, first minus second; low and high, its 95 % bootstrap interval; p_value,
        two-sided; error, the difference's standard error; and num_groups, of videos.
    """
    rates = [np.mean([scores.argmax(axis=1) == truth for scores in runs], axis=0) for runs in (first, second)]
    number = np.arange(len(truth)) if groups is None else np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(number, rates[0] - rates[1]), np.bincount(number)
    difference, p_value = sums.sum() / len(truth), 1.0
    if sums.any() and len(sums) > 1:  # of one group alone either model could always be the other
        test = scipy.stats.permutation_test(
            (sums,), np.mean, permutation_type="samples", n_resamples=NUM_PERMUTATIONS, rng=0, vectorized=True
        )
        p_value = float(test.pvalue)
    rows = np.random.default_rng(0).integers(0, len(sums), (NUM_RESAMPLES, len(sums)))
    means = sums[rows].sum(axis=1) / sizes[rows].sum(axis=1)
    low, high = np.percentile(means, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    if low == high:  # as where the models never disagree: no interval without width
        width = exact_interval(0, len(sums))[1]
        low, high = max(low - width, -1), min(high + width, 1)
    error = np.sqrt(np.sum((sums - difference * sizes) ** 2)) / len(truth)
    shown = {"difference": float(difference), "low": float(low), "high": float(high)}
    return shown | {"p_value": p_value, "error": float(error), "num_groups": len(sums)}


def smallest_difference(test: Mapping[str, float], num_tests: int = 1) -> float:
    """Return which difference of the Hit@1, 0 to 1, such videos would show with a probability of `POWER`.

    It is at the level of the strictest of so many tests corrected after Holm, by the normal approximation, for models
    that disagree as often as those of a test of `compare_seeds`, and for a difference at least as often as it takes.
    """
    reach = _reach(num_tests)
    return float(max(reach * test["error"], reach**2 / (test["num_groups"] + reach**2)))


def equivalence(test: Mapping[str, float], margin: float) -> float:
    """Return the p value of the hypothesis that two models' Hit@1 differ by a margin, 0 to 1, or more.

    Two one-sided tests by the normal approximation, of which the greater p value counts. Models that differ by the
    margin disagree at least that often, whatever a test of `compare_seeds` has seen.

    References
    ----------
    D. Schuirmann: A comparison of the two one-sided tests procedure and the power approach for assessing the
    equivalence of average bioavailability. Journal of Pharmacokinetics and Biopharmaceutics 15(6), 1987.
    """
    error = max(test["error"], np.sqrt(margin * (1 - margin) / test["num_groups"]))
    return float(scipy.stats.norm.sf((margin - abs(test["difference"])) / error))


def compare_lengths(first: Sequence[float], second: Sequence[float]) -> dict[str, float]:
    """Test whether trainings of one kind are longer than those of another, pair by pair: a t test of the logarithms.

    It gives, as `compare_seeds`, difference, the first over the second less 1, low, high, p_value and num_groups, of
    the pairs, two at least; error is of the logarithm. Ratios that are all the same show what they are.
    """
    logarithms = np.log(np.asarray(first, float) / np.asarray(second, float))
    number, mean = len(logarithms), logarithms.mean()
    error = logarithms.std(ddof=1) / np.sqrt(number)
    p_value = scipy.stats.ttest_1samp(logarithms, 0).pvalue if np.ptp(logarithms) else float(mean == 0)
    reach = scipy.stats.t.ppf((1 + CONFIDENCE) / 2, number - 1) * error
    ends = {"difference": mean, "low": mean - reach, "high": mean + reach}
    shown = {name: float(np.expm1(value)) for name, value in ends.items()}
    return shown | {"p_value": float(p_value), "error": float(error), "num_groups": number}


def smallest_shortening(test: Mapping[str, float], num_tests: int = 1) -> float:
    """Return by which share, 0 to 1, trainings must be shorter to show it with a probability of `POWER`.

    It is at the level of `smallest_difference`, for as few pairs that scatter as those of a test of `compare_lengths`.
    """
    reach = _reach(num_tests, scipy.stats.t(test["num_groups"] - 1))
    return float(-np.expm1(-reach * test["error"]))


def _reach(num_tests: int, distribution: Any = scipy.stats.norm) -> float:
    """Return by how many standard errors a difference has to be off zero to be shown with that power."""
    return float(distribution.ppf([1 - SIGNIFICANT / num_tests / 2, POWER]).sum())


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p values [shape=(num_tests,), 0 to 1, in any order] corrected for their number, in the same order.

    References
    ----------
    S. Holm: A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6(2), 1979.
    """
    order = np.argsort(p_values)
    steps = np.minimum(np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1)), 1)
    return steps[np.argsort(order)]
