"""The files that a training leaves for the pages: ``<run>.json`` and ``<run>.predictions.csv``."""

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd

from instrec_utils import paths
from instrec_utils.errors import RunError

EVALUATED = ("validation", "test", "test_clean")
NEEDED = (
    *("run", "kind", "model", "profile", "parameters", "protocol", "seed", "uses"),
    *("num_test", "finished", "index_sha256", "run_sha256"),
)
"""What every result says of itself, whichever page reads it."""


def predictions_path(result_path: Path, split: str) -> Path:
    """Return the file of the predictions that belong to a result; split is one of `EVALUATED`."""
    suffix = "" if split == "test" else f".{split}"
    return result_path.with_suffix(f"{suffix}.predictions.csv")


def find_result(corpus_name: str, run_name: str, missing: str = "no such result; train this model first") -> Path:
    """Return the file of a run's result, the one made here or else the published one; without either, a RunError."""
    found = [folder / f"{run_name}.json" for folder in paths.results_dirs(corpus_name)]
    for path in found:
        if path.exists():
            return path
    raise RunError(f"{found[0]}: {missing}")


def read_json(path: Path) -> dict[str, Any]:
    """Return what a training or a measurement wrote as JSON; raise a RunError if it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: missing or damaged ({error}); delete it and run again") from error
    if not isinstance(content, dict):
        raise RunError(f"{path}: damaged (expected an object); delete it and run again")
    return content


def read_result(path: Path) -> dict[str, Any]:
    """Return a run's result; raise a RunError if it is missing, damaged, or of another version."""
    result = read_json(path)
    missing = [name for name in NEEDED if name not in result]
    if missing:
        raise RunError(
            f"{path}: of another version, without {', '.join(missing)}; delete it and train this model again"
        )
    return result


def read_predictions(result_path: Path, split: str = "test") -> pd.DataFrame:
    """Return a run's predictions [columns video_id, label, then one a class, 0 to 1] on a split of `EVALUATED`.

    If there are none, they are damaged, or some are missing, it is a RunError.
    """
    path = predictions_path(result_path, split)
    if not path.exists():
        raise RunError(f"{path}: no such predictions; train this model first")
    try:
        table = read_scores(path, "video_id", "label")
    except ValueError as error:
        raise RunError(f"{path}: damaged ({error}); delete it and train this model again") from error
    expected = read_json(result_path).get(f"num_{split}", len(table))
    if len(table) != expected:
        raise RunError(f"{path}: expected {expected} videos, got {len(table)}; delete it and train this model again")
    return table


def read_scores(path: Path, *columns: str) -> pd.DataFrame:
    """Return a CSV table of columns of text, then scores, one column a class, which may be called like one of those.

    Scores that are no numbers, or a table that is none, are a ValueError.
    """
    table = pd.read_csv(path, dtype=dict.fromkeys(columns, str), keep_default_na=False)
    table = table.astype(dict.fromkeys(table.columns[len(columns) :], float))
    with path.open(encoding="utf-8", newline="") as file:
        table.columns = pd.Index(next(csv.reader(file)))  # pandas gives names that are there twice numbers
    return table
