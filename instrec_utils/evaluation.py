"""Video-level scores and what they say: Hit@k, F1, confusion and intervals (paper, 4.3).

Conventions: `scores` [shape=(num_videos, num_classes)] are probabilities, columns in the order of `labels`;
`truth` [shape=(num_videos,)] are class numbers. A video's score is the mean over its segments or frames. The
paper does not say which average its F1 is, so both the macro and the class-weighted one are given; a class that
a test split lacks still counts in the macro average, as 0. Only in the bootstrap, where chance leaves classes out of
a resample, does the macro average go over the classes that are there: else it would be too low in nearly every one.
Where all resamples give the same, as when a model is right on all of four videos, the bootstrap would claim an interval
without width; the exact one of a share of so many videos stands in its place.
"""

import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.special
import scipy.stats
from sklearn.metrics import confusion_matrix

from instrec_utils.config import MIN_SCORE

CONFIDENCE = 0.95
NUM_RESAMPLES = 1000
METRICS = ("hit_at_1", "hit_at_3", "f1_macro", "f1_weighted")
_RESERVED = re.compile("(?:video_id|label|condition|level|model)_*")  # the columns that tables of predictions have


def validate(truth: np.ndarray, scores: np.ndarray) -> None:
    """Raise a ValueError if shapes do not match, nothing is there, or values are not finite or no class numbers."""
    if scores.ndim != 2 or len(truth) != len(scores) or not len(truth):
        raise ValueError(f"expected one row of scores a video, got {scores.shape} for {len(truth)} videos")
    if not np.isfinite(scores).all():
        raise ValueError("scores: expected finite values, got NaN or infinity")
    if truth.min() < 0 or truth.max() >= scores.shape[1]:
        raise ValueError(
            f"truth: expected class numbers 0 to {scores.shape[1] - 1}, got {truth.min()} to {truth.max()}"
        )


def hit_at_k(truth: np.ndarray, scores: np.ndarray, k: int) -> float:
    """Return the share of videos whose label is among their k highest scores; of equal scores the first counts."""
    highest = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float(np.mean((highest == truth[:, None]).any(axis=1)))


def f1(truth: np.ndarray, scores: np.ndarray, average: str) -> float:
    """Return the F1 measure of the highest scores: "macro", every class counts alike, or "weighted" by its videos."""
    by_class, sizes = _f1_by_class(truth, scores)
    return float(np.average(by_class, weights={"macro": None, "weighted": sizes}[average]))


def _f1_of_present(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the macro average over the classes that are there."""
    by_class, sizes = _f1_by_class(truth, scores)
    return float(np.mean(by_class[sizes > 0]))


def _f1_by_class(truth: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return F1 and number of videos of each class."""
    # As scikit-learn's f1_score, which takes fifty times as long on each of a thousand resamples.
    num_classes = scores.shape[1]
    answers = scores.argmax(axis=1)
    right = np.bincount(truth[answers == truth], minlength=num_classes)
    sizes = np.bincount(truth, minlength=num_classes)
    return 2 * right / np.maximum(sizes + np.bincount(answers, minlength=num_classes), 1), sizes


_FUNCTIONS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "hit_at_1": lambda truth, scores: hit_at_k(truth, scores, 1),
    "hit_at_3": lambda truth, scores: hit_at_k(truth, scores, 3),
    "f1_macro": lambda truth, scores: f1(truth, scores, "macro"),
    "f1_weighted": lambda truth, scores: f1(truth, scores, "weighted"),
}


def measure(truth: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Return each of `METRICS`, 0 to 1, of the scores of one run; see `validate`."""
    validate(truth, scores)
    return {name: function(truth, scores) for name, function in _FUNCTIONS.items()}


def evaluate(
    truth: np.ndarray, runs: Sequence[np.ndarray], *, metrics: Sequence[str] = METRICS, seed: int = 0
) -> dict[str, dict[str, float]]:
    """Return metrics of a model trained with one or several seeds, with their bootstrap intervals over videos.

    Parameters
    ----------
    truth : np.ndarray [shape=(num_videos,), int]
    runs : sequence of np.ndarray [shape=(num_videos, num_classes)]
        Scores of each seed on the same videos; see `validate`.
    metrics : sequence of str [some of `METRICS`; whatever else there is, each is the same]
    seed : int
        Of the 1,000 bootstrap resamples, which take the same videos from every run.

    Returns
    -------
    dict of str to dict of str to float
        For each of the metrics, 0 to 1: value, the mean over seeds; low and high, the 95 % percentile interval of that
        mean over videos, or the `exact_interval` where it has no width; and of several seeds spread, the standard
        deviation over them.
    """
    for scores in runs:
        validate(truth, scores)
    resamples = np.random.default_rng(seed).integers(0, len(truth), (NUM_RESAMPLES, len(truth)))
    measured = {}
    for name in metrics:
        function = _FUNCTIONS[name]
        resampled = function if name != "f1_macro" else _f1_of_present
        values = [function(truth, scores) for scores in runs]
        means = [np.mean([resampled(truth[rows], scores[rows]) for scores in runs]) for rows in resamples]
        low, high = np.percentile(means, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
        if low == high and not (name == "hit_at_3" and scores.shape[1] <= 3):  # of three classes all are among the best
            low, high = exact_interval(low, len(truth))
        measured[name] = {"value": float(np.mean(values)), "low": float(low), "high": float(high)}
        if len(runs) > 1:
            measured[name]["spread"] = float(np.std(values, ddof=1))
    return measured


def exact_interval(share: float, number: int) -> tuple[float, float]:
    """Return the 95 % interval, 0 to 1, of a share, 0 to 1, of so many videos.

    References
    ----------
    C. Clopper, E. Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial.
    Biometrika 26(4), 1934.
    """
    right, wrong = share * number, (1 - share) * number
    low = scipy.stats.beta.ppf((1 - CONFIDENCE) / 2, right, wrong + 1) if right else 0.0
    high = scipy.stats.beta.ppf((1 + CONFIDENCE) / 2, right + 1, wrong) if wrong else 1.0
    return low, high


def temperature(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the temperature, exp(-3) to exp(3), that makes scores of a validation split fit how often they are right.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Weinberger: On calibration of modern neural networks. ICML 2017.
    """

    def loss(logarithm: float) -> float:
        return negative_log_likelihood(truth, with_temperature(scores, np.exp(logarithm)))

    return float(np.exp(scipy.optimize.minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def with_temperature(scores: np.ndarray, temperature: float) -> np.ndarray:
    """Return scores made less (temperature above 1) or more (below) decided; the order of the classes stays."""
    return scipy.special.softmax(np.log(np.maximum(scores, MIN_SCORE)) / temperature, axis=1)


def negative_log_likelihood(truth: np.ndarray, scores: np.ndarray) -> float:
    """Return the mean negative logarithm of the label's score; 0 is perfect."""
    return float(-np.log(np.maximum(scores[np.arange(len(truth)), truth], MIN_SCORE)).mean())


def reliability(truth: np.ndarray, scores: np.ndarray, num_bins: int = 10) -> pd.DataFrame:
    """Return how often the highest score is right, in bins of equal width of that score; none that is empty.

    Columns confidence, the mean of the bin's scores, and right, the share of right answers, in %, and number.
    """
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    bins = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
    answers = pd.DataFrame({"confidence": 100 * confidence, "right": 100 * right}).groupby(bins)
    return answers.mean().assign(number=answers.size()).reset_index(drop=True)


def calibration_error(truth: np.ndarray, scores: np.ndarray, num_bins: int = 10) -> float:
    """Return by how much the highest score and its share of right answers differ, 0 to 1, on average over ten bins."""
    bins = reliability(truth, scores, num_bins)
    return float(np.average((bins["right"] - bins["confidence"]).abs(), weights=bins["number"]) / 100)


def confusion(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return the confusion matrix [shape=(num_classes, num_classes), 0 to 1]: each row of truth, shares of answers."""
    return confusion_matrix(truth, scores.argmax(axis=1), labels=np.arange(scores.shape[1]), normalize="true")


def majority_rate(truth: np.ndarray) -> float:
    """Return the share of the commonest class: what a constant answer would score."""
    return float(np.bincount(truth).max() / len(truth))


def predictions_table(
    video_ids: Sequence[str], truth: np.ndarray, scores: np.ndarray, labels: Sequence[str]
) -> pd.DataFrame:
    """Return predictions as a table [columns video_id, label, then one a class], scores with six digits.

    The label is that of `column_of` a class, as are the columns.
    """
    names = [column_of(label) for label in labels]
    table = pd.DataFrame(scores.round(6), columns=names)
    table.insert(0, "label", [names[number] for number in truth])
    table.insert(0, "video_id", list(video_ids))
    return table


def column_of(label: str) -> str:
    """Return a class's name in tables of predictions: its own, and a ``_`` more where that is the name of a column."""
    return f"{label}_" if _RESERVED.fullmatch(label) else label


def label_of(column: str) -> str:
    """Return the class that `column_of` gives a name in tables of predictions."""
    return column[:-1] if _RESERVED.fullmatch(column) else column


def from_predictions(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return the truth, int64, the scores, float64, and the labels of a `predictions_table`.

    A label that is none of the columns is a ValueError.
    """
    names = list(table.columns[2:])
    truth = table["label"].map({name: number for number, name in enumerate(names)})
    if truth.isna().any():
        row = int(np.flatnonzero(truth.isna())[0])
        raise ValueError(f"row {row + 2}: expected one of {', '.join(names)}, got {table['label'].iloc[row]!r}")
    return truth.to_numpy(np.int64), table[names].to_numpy(np.float64), [label_of(name) for name in names]
