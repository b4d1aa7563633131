"""Reading what a finished run left: its result and its predictions, working or published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from instrec_utils import paths
from instrec_utils.errors import RunError
from instrec_utils.training import runs

KINDS = ("audio", "visual", "fusion")
NEEDED = (
    *("run", "kind", "model", "profile", "parameters", "protocol", "seed", "uses", "num_test", "finished"),
    *("index_sha256", "run_sha256"),
)
"""What every result says of itself, whoever reads it."""


def find_result(corpus_name: str, run_name: str) -> Path:
    """Return the file of a run's result: the working one, else the published one.

    Raises
    ------
    RunError
        There is neither.
    """
    found = [directory / f"{run_name}.json" for directory in paths.results_dirs(corpus_name)]
    for path in found:
        if path.exists():
            return path
    raise RunError(f"{found[0]}: no such result; train this model first")


def read_result(path: Path) -> dict[str, Any]:
    """Return a run's result.

    Parameters
    ----------
    path : Path
        Of its JSON file.

    Raises
    ------
    RunError
        It is missing, damaged, or of another version.
    """
    result = runs.read_json(path)
    missing = sorted(set(NEEDED) - set(result))
    if missing:
        raise RunError(
            f"{path}: of another version, without {', '.join(missing)}; delete it and train this model again"
        )
    if result["kind"] not in KINDS:
        raise RunError(f"{path}: kind: expected one of {', '.join(KINDS)}, got {result['kind']!r}")
    return result


def read_predictions(path: Path, split: str = "test") -> pd.DataFrame:
    """Return a run's predictions on a split.

    Parameters
    ----------
    path : Path
        Of the result, beside which they are.
    split : str
        "validation", "test" or "test_clean".

    Returns
    -------
    pd.DataFrame [one row a video]
        video_id, label, then one score column a class, 0 to 1.

    Raises
    ------
    RunError
        There are none, they are damaged, or some are missing.
    """
    expected = runs.read_json(path).get(f"num_{split}")
    path = path.with_name(f"{path.stem}{'' if split == 'test' else f'.{split}'}.predictions.csv")
    if not path.exists():
        raise RunError(f"{path}: no such predictions; train this model first")
    try:
        table = pd.read_csv(path, dtype={"video_id": str, "label": str}, keep_default_na=False)
        table = table.astype(dict.fromkeys(table.columns[2:], float))
    except ValueError as error:
        raise RunError(f"{path}: damaged ({error}); delete it and train this model again") from error
    if expected is not None and len(table) != expected:
        raise RunError(f"{path}: expected {expected} videos, got {len(table)}; delete it and train this model again")
    return table
