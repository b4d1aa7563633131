"""How heads are made: the mean with the network's own classes, calibration by others; and what measures them."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from instrec_utils.config import LABELS
from instrec_utils.recognise.heads import OUTCOMES
from instrec_utils.recognise.networks import Values

pytest.importorskip("midirenderer", reason="the corpus open's material needs the extra open")
MODULES = ("train_heads", "heads_material", "ears_material", "open_set", "elsewhere")


@pytest.fixture
def benchmark(monkeypatch):
    """Import a module of the folder benchmarks by its name."""
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    yield __import__
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.fixture
def material(benchmark, generator):
    """Two sources, 20 examples of each outcome in both; the own classes are right, the embedding says nothing."""
    rows = [(outcome, source, f"{source}{number}") for source in "ab" for outcome in OUTCOMES for number in range(20)]
    own = np.array([[6.0 * (label == outcome) for label in LABELS] for outcome, _, _ in rows])
    values = Values(generator.normal(size=(len(rows), 3)), own + generator.normal(size=own.shape))
    return benchmark("heads_material").Material(values, pd.DataFrame(rows, columns=["outcome", "source", "group"]))


def test_the_networks_own_classes_are_a_head_with_a_scale_and_a_threshold(benchmark, material):
    head = benchmark("train_heads").own_classes(material, np.ones(len(material.table), bool), OUTCOMES)
    assert not head.weights[:, :3].any()
    scale = np.diag(head.weights[:-1, 3:])
    assert (scale == scale[0]).all()
    assert scale[0] > 0
    answers = head.probabilities(material.values).argmax(axis=1)
    assert (answers == material.table["outcome"].map(OUTCOMES.index)).mean() > 0.95


def test_an_instrument_counts_as_there_from_where_2_percent_of_all_others_reach(benchmark, generator):
    truth = generator.integers(0, len(OUTCOMES), 3000)
    probabilities = generator.dirichlet(np.ones(len(OUTCOMES)), len(truth))
    probabilities[truth == 3, 3] = 0.9  # its own examples do not count
    thresholds = benchmark("train_heads").thresholds_of(probabilities, truth)
    for label, threshold in enumerate(thresholds):
        others = sorted(row[label] for row, number in zip(probabilities, truth, strict=True) if number != label)
        assert threshold == pytest.approx(max(0.2, others[round(0.98 * len(others))]), abs=0.01)


def test_a_mean_is_between_its_two_heads(benchmark, material):
    train_heads = benchmark("train_heads")
    learned, own = train_heads.both_heads(material, np.ones(len(material.table), bool), 0.01)
    np.testing.assert_allclose(train_heads.mean_of(learned, own, 0).weights, learned.weights)
    half = train_heads.mean_of(learned, own, 0.5)
    np.testing.assert_allclose(2 * half.weights, learned.weights + own.weights)
    np.testing.assert_allclose(2 * half.shift, learned.shift + own.shift)


def test_a_source_that_only_measures_teaches_nothing(benchmark, material):
    train_heads = benchmark("train_heads")
    material.table.loc[material.table["source"] == "b", "source"] = "merlin"
    material.table.loc[:4, "group"] = "harp"
    teaches = train_heads.learned_from(material)
    assert set(material.table["source"][teaches]) == {"a"}
    assert not teaches[:5].any()
    assert teaches.sum() == len(teaches) // 2 - 5


def test_a_source_is_told_by_what_the_others_taught(benchmark, material, monkeypatch):
    train_heads, taught = benchmark("train_heads"), []
    both_heads = train_heads.both_heads
    monkeypatch.setattr(train_heads, "both_heads", lambda *given: taught.append(given[1]) or both_heads(*given))
    folds = material.table["source"].replace("b", "")
    for probabilities in train_heads.held_out(material, folds, 0.01).values():
        assert np.isnan(probabilities[folds == ""]).all()
        np.testing.assert_allclose(probabilities[folds == "a"].sum(axis=1), 1)
    (teaches,) = taught
    assert set(material.table["source"][teaches]) == {"b"}


def test_each_source_is_calibrated_by_the_others(benchmark, material):
    train_heads = benchmark("train_heads")
    truth, folds = train_heads.truth_of(material), material.table["source"]
    probabilities = np.full((len(truth), len(OUTCOMES)), 0.1 / 13)
    probabilities[np.arange(len(truth)), truth] = 0.9  # always right, and too modest
    wrong = np.flatnonzero(folds == "b")[::2]
    probabilities[wrong] = np.roll(probabilities[wrong], 1, axis=1)  # of b half are wrong
    found = train_heads.calibrated(material, folds, probabilities)
    is_a = (folds == "a").to_numpy()
    assert found[is_a].max() < 0.9  # as b says
    assert found[~is_a].max() > 0.99  # as a says


def test_a_photograph_in_front_of_white_is_told_by_its_edge(benchmark):
    plain = np.full((224, 224, 3), 250, np.uint8)
    plain[60:160, 60:160] = 30
    assert benchmark("heads_material").is_plain(plain)
    assert not benchmark("heads_material").is_plain(255 - plain)


def test_what_is_surely_unknown_is_refused(benchmark):
    open_set = benchmark("open_set")
    known = pd.DataFrame({"none": np.linspace(0, 0.5, 20), "source": "x"})
    unknown = pd.DataFrame({"none": [0.9, 0.95, 0.01], "source": ["tuba", "tuba", "harp"]})
    found = open_set.compared(known, unknown, "none")
    assert found["by_kind"]["tuba"] == {"files": 2, "auc": 1.0, "refused": 1.0}
    assert found["by_kind"]["harp"]["refused"] == 0
    assert found["refused"] == pytest.approx(2 / 3, abs=1e-3)
    assert found["curve"]["unknown"][-1] == 1


def test_a_test_card_has_many_colours_and_nothing_is_the_same_twice(benchmark, generator):
    open_set = benchmark("open_set")
    one, other = open_set.card(generator), open_set.card(generator)
    assert one.shape == (224, 224, 3)
    assert len(np.unique(one[:40].reshape(-1, 3), axis=0)) >= 8
    assert (one != other).any()


def test_intervals_resample_collections(benchmark):
    elsewhere = benchmark("elsewhere")
    rows = pd.DataFrame({"collection": ["a"] * 5 + ["b"] * 5, "hit_at_1": [True] * 5 + [False] * 5})
    assert elsewhere.interval(rows, "hit_at_1") == {"low": 0.0, "high": 1.0}
    assert elsewhere.interval(rows[:5], "hit_at_1") == {}


def test_a_name_that_imagenet_lacks_has_no_share_without_a_head(benchmark):
    elsewhere = benchmark("elsewhere")
    own = np.zeros((2, 13), np.float32)
    own[:, LABELS.index("clarinet")] = 50
    values = Values(np.zeros((2, 4), np.float32), own)
    assert elsewhere.by_own_classes("visual", values)[LABELS.index("clarinet")] == 0
    assert elsewhere.by_own_classes("audio", values)[LABELS.index("clarinet")] == pytest.approx(1)
