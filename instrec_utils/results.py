"""The published numbers: everything that a page shows is read from ``results/`` here."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from instrec_utils import evaluation, paths
from instrec_utils.errors import RunError

NAMES = {"hit_at_1": "Hit@1", "hit_at_3": "Hit@3", "f1_macro": "F1 macro", "f1_weighted": "F1 weighted"}
MODELS = {
    "choi2016": "Choi 2016",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "inception_frames": "Inception v3",
    "late_fusion": "Late fusion",
}
KINDS = ("audio", "visual", "fusion")


def read(corpus: str) -> list[dict[str, Any]]:
    """Return every result of a corpus, audio before visual before fusion.

    Raises
    ------
    RunError
        There is none.
    """
    directory = paths.results_dir(corpus)
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(directory.glob("*.json"))]
    if not found:
        raise RunError(f"{directory}: no results; run `make report CORPUS={corpus}` first")
    return sorted(found, key=lambda result: (KINDS.index(result["kind"]), result["run"]))


def predictions(corpus: str, run: str, split: str = "test") -> pd.DataFrame:
    """Return a run's predictions on a split: video_id, label, one score column a class."""
    suffix = "" if split == "test" else f".{split}"
    path = paths.results_dir(corpus) / f"{run}{suffix}.predictions.csv"
    if not path.exists():
        raise RunError(f"{path}: no such predictions; train this model first")
    return pd.read_csv(path, dtype={"video_id": str, "label": str}, keep_default_na=False)


def describe(result: dict[str, Any]) -> str:
    """Return a run's name as a reader would say it."""
    parameters = result["parameters"]
    if result["kind"] == "audio":
        return f"{MODELS[result['model']]}, {parameters['segmentation'].upper()}"
    if result["kind"] == "visual":
        return f"{MODELS[result['model']]}, {parameters['num_frames']} frames"
    return f"Late fusion, {parameters['num_frames']} frames"


def table(results: list[dict[str, Any]], key: str = "metrics") -> pd.DataFrame:
    """Return one row a result: model, parameters, and each metric in % with its interval as text."""
    rows = []
    for result in results:
        row = {"Kind": result["kind"], "Model": describe(result), "Parameters": f"{result['num_parameters']:,}"}
        row |= {NAMES[name]: percent(result[key][name]) for name in evaluation.METRICS}
        rows.append(row)
    return pd.DataFrame(rows)


def percent(metric: dict[str, float]) -> str:
    """Return a metric in % with its 95 % interval, "71.8 (56.4–84.6)"."""
    return f"{100 * metric['value']:.1f} ({100 * metric['low']:.1f}–{100 * metric['high']:.1f})"


def headline(corpus: str) -> str:
    """Return the results as a table for a terminal."""
    found = read(corpus)
    first = found[0]
    note = (
        f"{corpus}: {first['num_train']} videos in training, {first['num_validation']} in validation, "
        f"{first['num_test']} in the test split; in %, with 95 % bootstrap intervals over test videos; "
        f"always answering the commonest class scores {100 * first['majority_rate']:.1f}"
    )
    return f"{table(found).to_string(index=False)}\n{note}"
