"""The results of a corpus as one tidy table, read once: everything that a page shows is a selection of it.

Everywhere `found` is the table of `read_results`, and a `row` the runs of it that differ in nothing but the seed.
"""

import functools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from instrec_utils import evaluation, files, paths
from instrec_utils.errors import RunError
from instrec_utils.models.architecture import KINDS, is_installed
from instrec_utils.report import words
from instrec_utils.training import result_files
from instrec_utils.training.run import usual_settings

_PARAMETERS = (
    *("segmentation", "num_frames", "initial_weights", "freeze_backbone"),
    *("fusion_form", "modality_dropout", "audio", "visual"),
)
"""Settings that are columns in every table, None for the kinds of model that have no such setting."""


def read_results(corpus_name: str, rotation: int | None = 0) -> pd.DataFrame:
    """Return the results of a rotation that belong together, with None of all; working results hide published ones.

    Those are the results of the newest one's index, and of the fusions those whose joined results are as they were when
    the fusion was trained. What comes from an architecture that is not installed is left out with a warning. No result,
    or one that is damaged or of another version, is a RunError.

    Returns
    -------
    pd.DataFrame [one row a run, its name the index; audio before visual before fusion, then by name]
        Its columns are the fields of the result files, those of their parameters (or None), and of each metric, 0 to 1,
        ``hit_at_1``, ``hit_at_1_low`` and ``hit_at_1_high``; beside them path and is_published, rotation, and row:
        the same for runs that differ in nothing but seed and rotation. A fusion of runs of other rows is of another.
    """
    working, published = paths.results_dirs(corpus_name)
    names = {path.stem: path for directory in (published, working) for path in directory.glob("*.json")}
    read = [
        result_files.read_result(path) | {"path": path, "is_published": path.parent == published}
        for path in names.values()
    ]
    every = [result for result in read if is_installed(result["model"])]
    if away := sorted({result["model"] for result in read} - {result["model"] for result in every}):
        warnings.warn(f"{corpus_name}: left out the results of what is not installed: {', '.join(away)}", stacklevel=2)
    if not every:
        raise RunError(f"{published}: no results; run `make report CORPUS={corpus_name}` first")
    newest = max(every, key=lambda result: result["finished"])
    rows: dict[str, dict[str, Any]] = {}
    for result in sorted(every, key=lambda result: (KINDS.index(result["kind"]), result["run"])):
        settings = dict(result["parameters"])
        rotated = settings.pop("rotation", 0)
        if result["index_sha256"] != newest["index_sha256"] or rotation not in (rotated, None):
            continue
        if result["kind"] == "fusion":
            joined = {kind: rows.get(settings[kind], {}) for kind in ("audio", "visual")}
            if [one.get("run_sha256") for one in joined.values()] != list(result["uses"]):
                continue
            settings |= {kind: one["row"] for kind, one in joined.items()}
        own = [*(result[name] for name in ("kind", "model", "profile", "protocol")), settings]
        metrics = metric_columns(result.pop("metrics", {}))
        identity = {"rotation": rotated, "row": files.sha256_of(own)[:12]}
        rows[result["run"]] = result["parameters"] | result | metrics | identity
    fields = (name for row in rows.values() for name in row)
    own_columns = ("rotation", "row", "path", "is_published")
    columns = list(dict.fromkeys([*result_files.NEEDED, *_PARAMETERS, *own_columns, *fields]))
    table = pd.DataFrame(list(rows.values()), columns=columns, index=list(rows), dtype=object)
    table = table.where(table.notna(), None)
    complete = [column for column in columns if table[column].notna().all()]
    return table.astype({column: table[column].infer_objects().dtype for column in complete})


def one_result(found: pd.DataFrame, run: str) -> pd.Series:
    """Return the result of the run of that name; refuse with a RunError one that is not there."""
    if run not in found.index:
        raise RunError(
            f"results: expected one of {', '.join(found.index) or 'none'}, got {run!r}; "
            "it is not there, or of another index or of other runs: train it again"
        )
    return found.loc[run]


def chosen_results(found: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return the results of runs in the order of their names; see `one_result`."""
    return found.loc[[one_result(found, name)["run"] for name in names]]


def row_of(found: pd.DataFrame, run: str) -> pd.DataFrame:
    """Return the results that differ from a run's in the seed only, itself among them; see `one_result`."""
    return found[found["row"] == one_result(found, run)["row"]]


def joined(found: pd.DataFrame, fusion: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the results that a row of fusions joins, seed by seed, of "audio" and "visual"."""
    return {kind: found.loc[list(fusion[kind])] for kind in ("audio", "visual")}


def headline(found: pd.DataFrame) -> pd.DataFrame:
    """Return four results: those that the paper's form of fusion joins, it, and that with attention and hidden input.

    Of several that of Choi's network, of the row with the most seeds, of the smallest of these, and the newest. A
    RunError says that one lacks.
    """
    fusions = found[found["kind"] == "fusion"]
    audio = found.loc[list(fusions["audio"])].set_index(fusions.index)
    own = {
        "is_text": fusions["fusion_form"] == "text",
        "is_choi": (audio["model"] == "choi2016") & (audio["segmentation"] == "uc"),
        "num_seeds": fusions.groupby("row")["seed"].transform("nunique"),
    }
    order = {"is_text": False, "is_choi": False, "modality_dropout": True, "num_seeds": False, "seed": True}
    order |= {"finished": False}
    ranked = fusions.assign(**own).sort_values([*order], ascending=[*order.values()])
    if ranked.empty:
        raise RunError("results: no fusion yet; run the notebook 05_fusion first")
    first = ranked.iloc[0]
    same = (fusions[["audio", "visual", "seed"]] == first[["audio", "visual", "seed"]]).all(axis=1)
    others = fusions[same & (fusions["fusion_form"] == "attention") & (fusions["modality_dropout"] > 0)]
    if others.empty:
        raise RunError(f"results: no fusion with attention of {first['audio']} yet; run the notebook 05_fusion first")
    return found.loc[[first["audio"], first["visual"], first["run"], others.index[0]]]


def read_predictions(result: Mapping[str, Any], split: str = "test") -> pd.DataFrame:
    """Return the predictions of a row of `read_results`; see `training.result_files.read_predictions`."""
    return result_files.read_predictions(result["path"], split)


def predictions_by_kind(found: pd.DataFrame, runs: Iterable[str]) -> dict[str, list[pd.DataFrame]]:
    """Return the predictions of runs' rows, of the seeds that all of these have, by the kind of the run."""
    rows = {found.loc[name, "kind"]: row_of(found, name) for name in chosen_results(found, runs).index}
    shared = set.intersection(*(set(row["seed"]) for row in rows.values())) if rows else set()
    return {
        kind: [result_files.read_predictions(path) for path in row.loc[row["seed"].isin(shared), "path"]]
        for kind, row in rows.items()
    }


def read_scores(row: pd.DataFrame, split: str = "test") -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the truth [shape=(num_videos,), int] of a split, and of each run of a row the scores.

    Scores have shape=(num_videos, num_classes), 0 to 1; splits are `training.result_files.EVALUATED`.
    """
    tables = [evaluation.from_predictions(result_files.read_predictions(path, split)) for path in row["path"]]
    return tables[0][0], [scores for _, scores, _ in tables]


def measure_row(row: pd.DataFrame, split: str = "test") -> dict[str, float]:
    """Return the metrics of a row over all its seeds as `metric_columns`, measured once for the same files."""
    return dict(_measure(tuple(row["path"]), tuple(path.stat().st_mtime_ns for path in row["path"]), split))


@functools.lru_cache(maxsize=1024)
def _measure(result_paths: tuple[Path, ...], written: tuple[int, ...], split: str) -> dict[str, float]:
    return measure_scores(*read_scores(pd.DataFrame({"path": result_paths}), split))


def measure_scores(truth: np.ndarray, scores: Sequence[np.ndarray]) -> dict[str, float]:
    """Return the metrics of the scores of each seed as `metric_columns`; see `evaluation.evaluate`."""
    return metric_columns(evaluation.evaluate(truth, scores))


def mean_over_seeds(found: pd.DataFrame, names: Sequence[str] | None = None, split: str = "test") -> pd.DataFrame:
    """Return the rows of tables, those of all runs or of named ones: runs that differ in the seed only become one.

    They are as in `found`, with the name of the first or named run as their index; but metrics are those of all seeds
    on that split (of several with ``hit_at_1_spread``), steps and train_seconds their means. Beside them are num_seeds,
    and name: see `row_names`.
    """
    chosen = chosen_results(found, found.drop_duplicates("row").index if names is None else names)
    names_of_rows, lines = row_names(chosen), []
    for name, first in chosen.iterrows():
        row = row_of(found, name)
        means = {column: row[column].mean() for column in ("steps", "train_seconds") if column in row}
        own = {"num_seeds": len(row), "name": names_of_rows[first["row"]]}
        lines.append(first.to_dict() | means | measure_row(row, split) | own)
    return pd.DataFrame(lines, columns=None if lines else [*found.columns, "num_seeds", "name"], index=chosen.index)


def row_names(found: pd.DataFrame) -> dict[str, str]:
    """Return the name of each row, by row: `words.describe`, and where that is the same what tells rows apart."""
    firsts = found.drop_duplicates("row")
    described = [words.describe(one) for _, one in firsts.iterrows()]
    names = {}
    for name, (_, one) in zip(described, firsts.iterrows(), strict=True):
        parts = [name, f"profile {one['profile']}", own_settings(one)]
        names[one["row"]] = name if described.count(name) == 1 else ", ".join(filter(None, parts))
    return names


def metric_columns(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return metrics as `evaluation.evaluate` gives them as columns: hit_at_1, hit_at_1_low, hit_at_1_high, ..."""
    columns = {f"{name}_{end}": number for name, metric in metrics.items() for end, number in metric.items()}
    return {name.removesuffix("_value"): number for name, number in columns.items()}


def own_settings(result: Mapping[str, Any]) -> str:
    """Return in words which settings of a result are not those of its profile; empty for none."""
    given = result["parameters"] | result["protocol"]
    usual = usual_settings(result["model"], result["parameters"], result["profile"])
    changed = [name for name in given if given[name] != usual[name]]
    return ", ".join(f"{words.setting(name)} {words.value(name, given[name])}" for name in changed)
