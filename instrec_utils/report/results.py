"""The results of a corpus as one tidy table, read once: everything that a page shows is a selection of it.

Working results, in ``runs/<corpus>/results``, hide published ones of the same run, in ``results/<corpus>``. Everywhere
`found` is the table of `read_results`, and a `row` the runs of it that differ in nothing but the seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from instrec_utils import evaluation, files, paths
from instrec_utils.errors import RunError
from instrec_utils.models.architecture import KINDS
from instrec_utils.report import words
from instrec_utils.training import result_files
from instrec_utils.training.run import usual_settings

_PARAMETERS = (
    *("segmentation", "num_frames", "pretrained", "freeze_backbone"),
    *("fusion_form", "modality_dropout", "audio", "visual"),
)
"""Settings that are columns in every table, None for the kinds of model that have no such setting."""


def read_results(corpus_name: str) -> pd.DataFrame:
    """Return the results of a corpus that belong together, one row a run.

    Those are the results of the newest one's index, and of the fusions those whose joined results are as they were when
    the fusion was trained.

    Parameters
    ----------
    corpus_name : str
        Name of its folders.

    Returns
    -------
    pd.DataFrame [one row a run, its name the index]
        Audio before visual before fusion, then by name. Its columns are the fields of the result files, those of their
        parameters (None where a kind of model has no such setting), and of each metric, 0 to 1, ``hit_at_1``,
        ``hit_at_1_low`` and ``hit_at_1_high``; beside them path and is_published, of the file, and row: the same for
        runs that differ in nothing but the seed. A fusion of runs of other rows is of another row.

    Raises
    ------
    RunError
        There is no result, or one is damaged or of another version.
    """
    found: dict[str, dict[str, Any]] = {}
    working, published = paths.results_dirs(corpus_name)
    for directory in (working, published):
        for path in sorted(directory.glob("*.json")):
            if path.stem not in found:
                of_file = {"path": path, "is_published": directory == published}
                found[path.stem] = result_files.read_result(path) | of_file
    if not found:
        raise RunError(f"{published}: no results; run `make report CORPUS={corpus_name}` first")
    index = max(found.values(), key=lambda result: result["finished"])["index_sha256"]
    of_index = {result["run"]: result for result in found.values() if result["index_sha256"] == index}
    ordered = sorted(of_index.values(), key=lambda result: (KINDS.index(result["kind"]), result["run"]))
    kept = [result for result in ordered if _is_of_these(result, of_index)]
    rows = [
        {name: entry for name, entry in (result["parameters"] | result).items() if name != "metrics"}
        | metric_columns(result.get("metrics", {}))
        | {"row": _row_key(result, of_index)}
        for result in kept
    ]
    own = (key for row in rows for key in row)
    columns = list(dict.fromkeys([*result_files.NEEDED, *_PARAMETERS, "row", "path", "is_published", *own]))
    table = pd.DataFrame(rows, columns=columns, index=[row["run"] for row in rows], dtype=object)
    table = table.where(table.notna(), None)
    complete = [column for column in columns if table[column].notna().all()]
    return table.astype({column: table[column].infer_objects().dtype for column in complete})


def _is_of_these(result: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> bool:
    if result["kind"] != "fusion":
        return True
    joined = [found.get(result["parameters"][kind], {}).get("run_sha256") for kind in ("audio", "visual")]
    return joined == list(result["uses"])


def _row_key(result: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what a result has in common with those of other seeds: all that it depends on but the seed."""
    kinds = ("audio", "visual") if result["kind"] == "fusion" else ()
    joined = {kind: _row_key(found[result["parameters"][kind]], found) for kind in kinds}
    settings = [result[name] for name in ("kind", "model", "profile", "protocol")]
    return files.sha256_of([*settings, result["parameters"] | joined])[:12]


def one_result(found: pd.DataFrame, run: str) -> pd.Series:
    """Return a run's result.

    Parameters
    ----------
    run : str
        Its name.

    Raises
    ------
    RunError
        There is none of that name, or it does not belong to the newest ones.
    """
    if run not in found.index:
        raise RunError(
            f"results: expected one of {', '.join(found.index) or 'none'}, got {run!r}; "
            "it is not there, or of another index or of other runs: train it again"
        )
    return found.loc[run]


def chosen_results(found: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the results of runs in the order of their names; see `one_result`."""
    return pd.DataFrame([one_result(found, name) for name in names])


def row_of(found: pd.DataFrame, run: str) -> pd.DataFrame:
    """Return the results that differ from a run's in the seed only, itself among them; see `one_result`."""
    return found[found["row"] == one_result(found, run)["row"]]


def joined(found: pd.DataFrame, fusion: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the results that a row of fusions joins, seed by seed; kind is "audio" or "visual"."""
    return found.loc[list(fusion[kind])]


def headline(found: pd.DataFrame) -> pd.DataFrame:
    """Return the paper's form of fusion of Choi's network, and before it the two results that it joins.

    Of several, that of the smallest seed, and of these the newest; without Choi's network, that of another.

    Raises
    ------
    RunError
        There is no fusion yet.
    """

    def rank(fusion: pd.Series) -> tuple[Any, ...]:
        audio = found.loc[fusion["audio"]]
        is_paper = (fusion["fusion_form"], audio["model"], audio["segmentation"]) == ("text", "choi2016", "uc")
        return not is_paper, fusion["modality_dropout"], fusion["seed"]

    fusions = [fusion for _, fusion in found[found["kind"] == "fusion"].iterrows()]
    if not fusions:
        raise RunError("results: no fusion yet; run the notebook 05_fusion first")
    fusions.sort(key=lambda fusion: fusion["finished"], reverse=True)
    fusion = min(fusions, key=rank)
    return found.loc[[fusion["audio"], fusion["visual"], fusion["run"]]]


def with_attention(found: pd.DataFrame) -> pd.DataFrame:
    """Return the headline, and after it the fusion of the same two with attention and modality dropout.

    Raises
    ------
    RunError
        There is none yet.
    """
    three = headline(found)
    audio, visual, fusion = three.index
    same = (found["audio"] == audio) & (found["visual"] == visual) & (found["seed"] == three.loc[fusion, "seed"])
    others = found[same & (found["fusion_form"] == "attention") & (found["modality_dropout"].fillna(0) > 0)]
    if others.empty:
        raise RunError(f"results: no fusion with attention of {audio} yet; run the notebook 05_fusion first")
    return found.loc[[*three.index, others.index[0]]]


def read_predictions(result: Mapping[str, Any], split: str = "test") -> pd.DataFrame:
    """Return a run's predictions on a split; see `training.result_files.read_predictions`.

    Parameters
    ----------
    result : mapping of str
        A row of `read_results`.
    split : str
        "validation", "test" or "test_clean".
    """
    return result_files.read_predictions(result["path"], split)


def read_scores(row: pd.DataFrame, split: str = "test") -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the truth and the scores of each run of a row on a split.

    Returns
    -------
    truth : np.ndarray [shape=(num_videos,), int]
        Class numbers.
    scores : list of np.ndarray [shape=(num_videos, num_classes)]
        One a run, 0 to 1.

    Raises
    ------
    RunError
        See `read_predictions`.
    """
    tables = [evaluation.from_predictions(read_predictions(result, split)) for _, result in row.iterrows()]
    return tables[0][0], [scores for _, scores, _ in tables]


def mean_over_seeds(found: pd.DataFrame, names: Sequence[str] | None = None, split: str = "test") -> pd.DataFrame:
    """Return the rows of tables: runs that differ in the seed only become one, measured over all of them.

    Parameters
    ----------
    names : sequence of str or None
        Runs whose rows are wanted, in this order; None for all rows, in the table's order.
    split : str
        "test", or "test_clean" for the clear variants of the test clips.

    Returns
    -------
    pd.DataFrame [one row a row of tables, the name of its first or named run the index]
        As `found`; but metrics are those of all seeds (of several with ``hit_at_1_spread``), steps and train_seconds
        their means. Beside them num_seeds, and name: `words.describe`, with the profile and settings that are not the
        profile's where rows would else have the same name.

    Raises
    ------
    RunError
        See `read_predictions` and `one_result`.
    """
    chosen = found.drop_duplicates("row").index if names is None else names
    names_of_rows = row_names(chosen_results(found, list(chosen)) if len(chosen) else found)
    lines = []
    for name in chosen:
        row = row_of(found, name)
        means = {column: row[column].mean() for column in ("steps", "train_seconds") if column in row}
        measured = metric_columns(evaluation.evaluate(*read_scores(row, split)))
        own = {"num_seeds": len(row), "name": names_of_rows[found.loc[name, "row"]]}
        lines.append(found.loc[name].to_dict() | means | measured | own)
    table = pd.DataFrame(lines, columns=None if lines else [*found.columns, "num_seeds", "name"], index=list(chosen))
    return table


def row_names(found: pd.DataFrame) -> dict[str, str]:
    """Return the name of each row, by row: `words.describe`, and where that is the same what tells rows apart."""
    firsts = [one for _, one in found.drop_duplicates("row").iterrows()]
    described = [words.describe(one) for one in firsts]
    return {
        one["row"]: name if described.count(name) == 1 else f"{name}, {special_of(one)}"
        for one, name in zip(firsts, described, strict=True)
    }


def metric_columns(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Return metrics as `evaluation.evaluate` gives them as columns: hit_at_1, hit_at_1_low, hit_at_1_high, ..."""
    ends = {"value": "", "low": "_low", "high": "_high", "spread": "_spread"}
    return {f"{name}{ends[end]}": number for name, metric in metrics.items() for end, number in metric.items()}


def special_of(result: Mapping[str, Any]) -> str:
    """Return a result's profile, and which of its settings are not the profile's, in words."""
    return ", ".join([f"profile {result['profile']}", *filter(None, [own_settings(result)])])


def own_settings(result: Mapping[str, Any]) -> str:
    """Return in words which settings of a result are not those of its profile; empty for none."""
    given = result["parameters"] | result["protocol"]
    usual = usual_settings(result["model"], result["parameters"], result["profile"])
    changed = [name for name in given if given[name] != usual[name]]
    return ", ".join(f"{words.setting(name)} {words.value(name, given[name])}" for name in changed)
