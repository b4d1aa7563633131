"""The files that a training leaves for the pages: ``<run>.json`` and ``<run>.predictions.csv``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from instrec_utils import evaluation, paths
from instrec_utils.errors import RunError

TOLERANCE = 1e-6  # between a metric and the same one of predictions of six digits
EVALUATED = ("validation", "test", "test_clean")
NEEDED = (
    *("run", "kind", "model", "profile", "parameters", "protocol", "seed", "uses"),
    *("num_test", "finished", "index_sha256", "run_sha256"),
)
"""What every result says of itself, whichever page reads it."""
ADDED: dict[str, dict[str, Any]] = {
    "audio": {"silent_videos": "leave_out"},
    "visual": {"redraw_frames": False},
    "fusion": {"frame_embeddings": "imagenet"},
}
"""Parameters that runs of a kind have got since the first results, with what was so before there was a choice."""
PRETRAINED = {"imagenet": False, "imagenet+instruments": True}
"""The initial weights that the first results tell of, with their parameter ``pretrained``."""


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


def in_first_words(kind: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's parameters as the first results have them, where they can say it: a run's key goes by these."""
    first = {name: value for name, value in parameters.items() if (name, value) not in ADDED[kind].items()}
    if first.get("initial_weights") in PRETRAINED:
        first["pretrained"] = PRETRAINED[first.pop("initial_weights")]
    return first


def in_todays_words(kind: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a result, which may be of the first ones, as runs have them today.

    What was not pretrained began with ImageNet's weights, what was, with photographs of instruments after these.
    """
    today = ADDED[kind] | dict(parameters)
    if "pretrained" in today:
        today["initial_weights"] = "imagenet+instruments" if today.pop("pretrained") else "imagenet"
    return today


def read_result(path: Path) -> dict[str, Any]:
    """Return a run's result, its parameters in today's words.

    It is a RunError if it is missing, damaged, of another version, or not of its predictions: its metrics have to
    follow from those beside it, where these are there.
    """
    result = read_json(path)
    if missing := [name for name in NEEDED if name not in result]:
        raise RunError(
            f"{path}: of another version, without {', '.join(missing)}; delete it and train this model again"
        )
    for split in EVALUATED:
        stated = result.get("metrics" if split == "test" else f"metrics_{split}")
        if stated is not None and predictions_path(path, split).exists():
            check_follows(path, stated, read_predictions(path, split))
    return result | {"parameters": in_todays_words(result["kind"], result["parameters"])}


def check_follows(
    path: Path, stated: Mapping[str, Any], predictions: pd.DataFrame, *, tolerance: float = TOLERANCE
) -> None:
    """Raise a RunError if metrics that a file states are not those of the predictions beside it."""
    try:
        truth, scores, _ = evaluation.from_predictions(predictions)
        measured = evaluation.measure(truth, scores)
        pairs = [(name, float(stated[name]["value"]), measured[name]) for name in stated]
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: its metrics or predictions are damaged ({error}); delete it and run again") from error
    for name, said, follows in pairs:
        if not abs(said - follows) <= tolerance:
            raise RunError(
                f"{path}: {name} is said to be {said:.6f}, but {follows:.6f} follows from its predictions; "
                "delete it and run again"
            )


def read_predictions(result_path: Path, split: str = "test") -> pd.DataFrame:
    """Return a run's predictions [columns video_id, label, then one a class, 0 to 1] on a split of `EVALUATED`.

    If there are none, they are damaged, or some are missing, it is a RunError.
    """
    path = predictions_path(result_path, split)
    if not path.exists():
        raise RunError(f"{path}: no such predictions; train this model first")
    try:
        table = pd.read_csv(path, dtype={"video_id": str, "label": str}, keep_default_na=False)
        table = table.astype(dict.fromkeys(table.columns[2:], float))
    except ValueError as error:
        raise RunError(f"{path}: damaged ({error}); delete it and train this model again") from error
    expected = read_json(result_path).get(f"num_{split}", len(table))
    if len(table) != expected:
        raise RunError(f"{path}: expected {expected} videos, got {len(table)}; delete it and train this model again")
    return table
