"""The way of the recogniser's own audio network from windows to its file and what is said of it, at toy size."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from instrec_utils import files
from instrec_utils.config import LABELS
from instrec_utils.models import ears, efficientat_mn04
from instrec_utils.recognise import networks
from instrec_utils.recognise.heads import OUTCOMES

pytest.importorskip("midirenderer", reason="the material needs the extra open")


@pytest.fixture
def train_ears(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "benchmarks")
    import train_ears

    yield train_ears
    for name in ("train_ears", "train_heads", "heads_material", "ears_material"):
        sys.modules.pop(name, None)


@pytest.fixture
def material(train_ears, generator):
    """Three windows of each outcome and source, of which one source teaches nothing."""
    rows = [(outcome, source, "phrase") for source in ("timgm6mb", "merlin") for outcome in OUTCOMES for _ in range(3)]
    size = len(rows), efficientat_mn04.EMBEDDING_SIZE
    return train_ears.Material(
        generator.integers(0, 256, (len(rows), 128, 401), dtype=np.uint8),
        generator.normal(size=size).astype(np.float32),
        generator.normal(size=(len(rows), len(LABELS))).astype(np.float32),
        pd.DataFrame(rows, columns=["outcome", "source", "group"]),
    )


@pytest.mark.slow
def test_a_network_is_trained_calibrated_and_written(train_ears, material, home, monkeypatch):
    (home / "results" / "benchmarks").mkdir(parents=True)
    monkeypatch.setattr(train_ears, "read_material", lambda: material)
    monkeypatch.setattr(train_ears, "EPOCHS", 1)
    monkeypatch.setattr(train_ears, "EPOCH", train_ears.BATCH)
    monkeypatch.setattr(networks, "OWN", home / "ears.npz")
    given = []
    thresholds_of = train_ears.train_heads.thresholds_of
    monkeypatch.setattr(
        train_ears.train_heads, "thresholds_of", lambda *arguments: given.append(arguments) or thresholds_of(*arguments)
    )
    train_ears.main()
    assert files.read_arrays(home / "ears.npz")["weights"].shape == (len(OUTCOMES), ears.EMBEDDING_SIZE + len(LABELS))
    said = json.loads((home / "results" / "benchmarks" / "ears.json").read_text())
    assert said["windows"] == {"timgm6mb": 3 * len(OUTCOMES)}
    assert said["held_out"]["merlin"]["examples"] == 3 * len(LABELS)
    ((probabilities, truth),) = given
    assert len(probabilities) == len(truth)
    assert sorted(set(truth)) == list(range(len(OUTCOMES)))
