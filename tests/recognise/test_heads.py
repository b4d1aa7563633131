"""Heads: probabilities that add up, instruments that lack material, and how several are combined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tiny_heads import own_scores

from instrec_utils.config import LABELS
from instrec_utils.recognise.heads import OUTCOMES, Head, combined, read_head
from instrec_utils.recognise.networks import Values

LACKING = ("cello", "organ")
KNOWN = tuple(label for label in OUTCOMES if label not in LACKING)


def random_head(generator, labels=KNOWN, size=4):
    weights = generator.normal(size=(len(labels), size + len(LABELS)))
    return Head(labels, weights, generator.normal(size=len(labels)), 1.5, np.full(len(LABELS), 0.3))


def test_probabilities_add_up(generator):
    values = Values(generator.normal(size=(20, 4)), generator.normal(size=(20, 13)))
    for labels in (OUTCOMES, KNOWN):
        found = random_head(generator, labels).probabilities(values)
        assert found.shape == (20, 14)
        assert (found >= 0).all()
        np.testing.assert_allclose(found.sum(axis=1), 1)


def test_an_instrument_without_material_has_its_own_share(generator):
    head = random_head(generator)
    values = Values(np.zeros((1, 4)), own_scores(1, cello=30, violin=0))
    head = Head(head.labels, np.zeros_like(head.weights), head.shift * 0, 1.0, head.thresholds)
    found = dict(zip(OUTCOMES, head.probabilities(values)[0], strict=True))
    assert found["none"] == pytest.approx(1 / 12)
    assert found["cello"] == pytest.approx(11 / 12)
    assert found["organ"] == 0


probabilities = arrays(float, (5, 14), elements=st.floats(0.001, 1)).map(lambda p: p / p.sum(axis=1, keepdims=True))


@given(probabilities)
def test_what_is_combined_is_between_its_parts(parts):
    found = combined(parts)
    np.testing.assert_allclose(found.sum(), 1)
    assert (found >= parts.min(axis=0) - 1e-9).all()
    assert (found <= parts.max(axis=0) + 1e-9).all()


def test_what_shows_none_counts_for_little():
    nothing, violin = np.eye(14)[-1], np.eye(14)[LABELS.index("violin")]
    assert combined(np.stack([nothing, nothing, violin]))[LABELS.index("violin")] > 0.95
    assert combined(np.stack([nothing, nothing]))[-1] == 1
    missing = np.full(14, np.nan)
    np.testing.assert_allclose(combined(np.stack([missing, violin])), violin)


@pytest.mark.parametrize(("name", "size"), [("efficientat_mn04", 512), ("efficientnet_lite0", 1280)])
def test_the_heads_that_come_with_the_package_fit_their_networks(name, size):
    head = read_head(name)
    assert head.weights.shape == (len(head.labels), size + 13)
    assert set(head.labels) <= set(OUTCOMES)
    assert head.labels[-1] == "none"
    assert head.thresholds.shape == (13,)
    assert (head.thresholds > 0).all()
    assert (head.thresholds < 1).all()
    found = head.probabilities(Values(np.zeros((1, size)), np.zeros((1, 13))))
    np.testing.assert_allclose(found.sum(), 1)
