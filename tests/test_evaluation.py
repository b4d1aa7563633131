import itertools

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, top_k_accuracy_score

from instrec_utils import evaluation


def answers(*rows):
    """Scores whose highest values are at the given class numbers, of five."""
    return np.array([[0.9 if number == row else 0.1 / 4 for number in range(5)] for row in rows])


@st.composite
def predictions(draw, min_classes=2):
    num_classes = draw(st.integers(min_classes, 7))
    num_videos = draw(st.integers(1, 25))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    return generator.integers(0, num_classes, num_videos), generator.dirichlet(np.ones(num_classes), num_videos)


@given(predictions(), st.integers(1, 8))
def test_hit_at_k_against_a_loop(made, k):
    truth, scores = made
    hits = [sum(score > row[label] for score in row) < k for label, row in zip(truth, scores, strict=True)]
    assert evaluation.hit_at_k(truth, scores, k) == pytest.approx(np.mean(hits))


@given(predictions())
def test_f1_against_its_definition(made):
    truth, scores = made
    answer = scores.argmax(axis=1)
    by_class, sizes = [], []
    for number in range(scores.shape[1]):
        right = np.sum((truth == number) & (answer == number))
        total = np.sum(truth == number) + np.sum(answer == number)
        by_class.append(2 * right / total if total else 0.0)
        sizes.append(np.sum(truth == number))
    assert evaluation.f1(truth, scores, "macro") == pytest.approx(np.mean(by_class))
    assert evaluation.f1(truth, scores, "weighted") == pytest.approx(np.average(by_class, weights=sizes))
    for average in ("macro", "weighted"):
        theirs = f1_score(truth, answer, labels=range(scores.shape[1]), average=average, zero_division=0)
        assert evaluation.f1(truth, scores, average) == pytest.approx(theirs)


@given(predictions(min_classes=4), st.integers(1, 3))
def test_hit_at_k_is_scikit_learns(made, k):
    truth, scores = made
    theirs = top_k_accuracy_score(truth, scores, k=k, labels=range(scores.shape[1]))
    assert evaluation.hit_at_k(truth, scores, k) == pytest.approx(theirs)


def test_equal_scores_are_no_hit_for_everyone():
    truth, scores = np.array([0, 1, 2, 3]), np.full((4, 4), 0.25)
    assert evaluation.hit_at_k(truth, scores, 1) == 0.25
    assert evaluation.hit_at_k(truth, scores, 3) == 0.75


def test_by_hand():
    truth = np.array([0, 0, 1, 1, 2])
    scores = answers(0, 1, 1, 1, 3)
    assert evaluation.hit_at_k(truth, scores, 1) == pytest.approx(3 / 5)
    # F1: class 0 2/3, class 1 4/5, classes 2, 3, 4 zero; 4 is in neither and still counts
    assert evaluation.f1(truth, scores, "macro") == pytest.approx((2 / 3 + 4 / 5) / 5)
    assert evaluation.f1(truth, scores, "weighted") == pytest.approx((2 * 2 / 3 + 2 * 4 / 5) / 5)
    expected = np.zeros((5, 5))
    expected[0, :2] = 0.5
    expected[1, 1] = expected[2, 3] = 1
    np.testing.assert_allclose(evaluation.confusion(truth, scores), expected)
    assert evaluation.majority_rate(truth) == pytest.approx(2 / 5)


@given(predictions())
def test_rows_of_the_confusion_matrix_are_shares(made):
    truth, scores = made
    sums = evaluation.confusion(truth, scores).sum(axis=1)
    is_there = np.isin(np.arange(scores.shape[1]), truth)
    np.testing.assert_allclose(sums, is_there.astype(float))


def made_predictions(num_videos, share_right=0.7, seed=0):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 5, num_videos)
    wrong = (truth + generator.integers(1, 5, num_videos)) % 5
    return truth, answers(*np.where(generator.random(num_videos) < share_right, truth, wrong))


def test_evaluate_gives_values_and_intervals():
    truth, scores = made_predictions(150)
    metrics = evaluation.evaluate(truth, [scores])
    assert tuple(metrics) == evaluation.METRICS
    for metric in metrics.values():
        assert set(metric) == {"value", "low", "high"}
        assert 0 <= metric["low"] <= metric["value"] <= metric["high"] <= 1
        assert metric["low"] < metric["high"]
    assert metrics["hit_at_1"]["value"] == evaluation.hit_at_k(truth, scores, 1)
    assert metrics["hit_at_3"]["value"] == evaluation.hit_at_k(truth, scores, 3)
    assert metrics["f1_weighted"]["value"] == evaluation.f1(truth, scores, "weighted")
    assert evaluation.evaluate(truth, [scores]) == metrics
    assert evaluation.evaluate(truth, [scores], seed=1) != metrics


def test_the_interval_of_a_share_is_that_of_the_binomial_distribution():
    truth, scores = made_predictions(150)
    metric = evaluation.evaluate(truth, [scores])["hit_at_1"]
    low, high = scipy.stats.binom(150, metric["value"]).interval(0.95)
    assert metric["low"] == pytest.approx(low / 150, abs=0.015)
    assert metric["high"] == pytest.approx(high / 150, abs=0.015)


def test_the_interval_narrows_with_more_videos():
    widths = []
    for num_videos in (40, 160, 640):
        truth, scores = made_predictions(num_videos)
        metric = evaluation.evaluate(truth, [scores])["hit_at_1"]
        widths.append(metric["high"] - metric["low"])
    for wide, narrow in itertools.pairwise(widths):
        assert wide / narrow == pytest.approx(2, rel=0.3)  # the square root of four


@pytest.mark.parametrize(("number", "low"), [(1, 0.025), (4, 0.398), (13, 0.753), (39, 0.910)])
def test_right_on_a_handful_of_videos_is_no_certainty(number, low):
    truth = np.arange(number) % 5
    right, wrong = answers(*truth), answers(*(truth + 1) % 5)
    for metric in evaluation.evaluate(truth, [right]).values():
        assert metric["low"] == pytest.approx(low, abs=5e-4)
        assert metric["high"] == 1
    metric = evaluation.evaluate(truth, [wrong])["hit_at_1"]
    assert metric == {"value": 0, "low": 0, "high": pytest.approx(1 - low, abs=5e-4)}
    metric = evaluation.evaluate(truth, [right, right, wrong])["hit_at_1"]  # every video by two seeds of three
    assert metric["low"] < 2 / 3 < metric["high"]


@given(st.integers(1, 60), st.data())
def test_the_exact_interval_is_scipys(number, data):
    right = data.draw(st.integers(0, number))
    theirs = scipy.stats.binomtest(right, number).proportion_ci(method="exact")
    assert evaluation.exact_interval(right / number, number) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(predictions(min_classes=4))
def test_an_interval_has_a_width(made):
    for metric in evaluation.evaluate(*made[:1], [made[1]]).values():
        assert 0 <= metric["low"] < metric["high"] <= 1


def test_two_classes():
    truth, scores = np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    metrics = evaluation.evaluate(truth, [scores])
    assert metrics["hit_at_1"]["value"] == 0.75
    assert metrics["hit_at_3"] == {"value": 1.0, "low": 1.0, "high": 1.0}


@pytest.mark.parametrize(
    ("truth", "scores", "message"),
    [
        ([], np.zeros((0, 3)), "one row of scores a video"),
        ([0, 1], np.zeros((3, 3)), r"got \(3, 3\) for 2 videos"),
        ([0, 1], np.zeros(2), r"got \(2,\) for 2 videos"),
        ([0, 1], [[0.5, 0.5], [np.nan, 0.5]], "finite values, got NaN"),
        ([0, 1], [[0.5, 0.5], [np.inf, 0.5]], "finite values"),
        ([0, 3], np.ones((2, 3)) / 3, "class numbers 0 to 2, got 0 to 3"),
        ([-1, 0], np.ones((2, 3)) / 3, "class numbers 0 to 2, got -1 to 0"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(truth, scores, message):
    with pytest.raises(ValueError, match=message):
        evaluation.evaluate(np.array(truth, int), [np.array(scores, float)])


def test_predictions_come_back():
    truth, scores = made_predictions(12)
    labels = ["cello", "drums", "flute", "NA", "violin"]
    table = evaluation.predictions_table([f"v{number}" for number in range(12)], truth, scores, labels)
    assert list(table.columns) == ["video_id", "label", *labels]
    back_truth, back_scores, back_labels = evaluation.from_predictions(table)
    np.testing.assert_array_equal(back_truth, truth)
    np.testing.assert_allclose(back_scores, scores, atol=1e-6)
    assert back_labels == labels


def test_a_class_may_have_the_name_of_a_column(tmp_path):
    truth, scores = made_predictions(12)
    labels = ["NA", "label", "label_", "model", "video_id"]
    table = evaluation.predictions_table([f"v{number}" for number in range(12)], truth, scores, labels)
    table.to_csv(tmp_path / "predictions.csv", index=False)
    table = pd.read_csv(tmp_path / "predictions.csv", keep_default_na=False)
    assert list(table.columns) == ["video_id", "label", "NA", "label_", "label__", "model_", "video_id_"]
    assert (table.iloc[:, 2:].idxmax(axis=1) == table["label"]).mean() == evaluation.hit_at_k(truth, scores, 1)
    back_truth, back_scores, back_labels = evaluation.from_predictions(table)
    np.testing.assert_array_equal(back_truth, truth)
    np.testing.assert_allclose(back_scores, scores, atol=1e-6)
    assert back_labels == labels


@given(st.text(st.sampled_from("label_x"), min_size=1) | st.sampled_from(["video_id", "level___", "$x$", "NA"]))
def test_a_class_comes_back_from_its_column(label):
    assert evaluation.label_of(evaluation.column_of(label)) == label
    assert evaluation.column_of(label) not in ("video_id", "label", "condition", "level", "model")


def test_a_label_that_no_column_has_is_refused():
    table = pd.DataFrame({"video_id": ["a", "b"], "label": ["x", "z"], "x": [0.5, 0.5], "y": [0.5, 0.5]})
    with pytest.raises(ValueError, match="row 3: expected one of x, y, got 'z'"):
        evaluation.from_predictions(table)
