"""What is left of a fusion when a modality is missing or degraded, beside the models of one modality (3.4, claim f).

`degradation.CONDITIONS` declares how the test videos are degraded. What the two networks make of a degraded video is
one small file in ``runs/<corpus>/robustness/``, so that a measurement that was killed goes on where it stopped; no
condition touches the corpus' own features. What comes out is ``results/<corpus>/robustness/<run of the fusion>.json``
and beside it the predictions: video_id, label, condition, level, model, then one score column a class.

A model of one modality has no scores where that modality is missing: all it could do is guess. Where only the other one
is degraded, its scores are those on the videos as they are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from instrec_utils import evaluation, files, models, paths, provenance
from instrec_utils.corpora import Corpus
from instrec_utils.errors import RunError
from instrec_utils.inputs import frames
from instrec_utils.report import results
from instrec_utils.robustness import degradation
from instrec_utils.robustness.degradation import AS_IS, Condition
from instrec_utils.robustness.networks import VERSION, Networks, identity
from instrec_utils.training.result_files import read_json, read_predictions
from instrec_utils.training.run import Run

SIGNIFICANT = 0.05
TOLERANCE = 0.01  # of a score on the videos as they are, against the run's own predictions
KINDS = {
    "audio": "Sound",
    "visual": "Frames",
    "fusion": "Fusion",
    "dropout": "Fusion, modality dropout",
    "attention": "Fusion, attention and modality dropout",
}
PAIRS = {
    ("fusion", "better"): "The paper's fusion against the better modality",
    ("dropout", "fusion"): "With modality dropout against without",
    ("attention", "fusion"): "With attention and modality dropout against the paper's",
    ("attention", "better"): "With attention and modality dropout against the better modality",
}
COLUMNS = ("video_id", "label", "condition", "level", "model")  # of the predictions, before the scores


def measurement_path(run: Run) -> Path:
    """Return the file of a fusion's measurement; not beside the runs' results, as it is none."""
    return run.result_path.parent / "robustness" / run.result_path.name


def find_measurement(corpus_name: str, run_name: str) -> Path:
    """Return the file of a fusion's measurement: the one made here, else the published one.

    Raises
    ------
    RunError
        There is none.
    """
    found = [folder / "robustness" / f"{run_name}.json" for folder in paths.results_dirs(corpus_name)]
    for path in found:
        if path.exists():
            return path
    raise RunError(f"{found[0]}: no such measurement; run the notebook 08_robustness first")


def measure_run(fusion: Run, *, seed: int) -> None:
    """Measure a fusion and the two runs that it joins on the test split under every condition, if not done yet.

    Parameters
    ----------
    fusion : Run
        Finished, of a corpus with features and the videos themselves.
    seed : int
        Of the noise and of which frames are left.

    Raises
    ------
    RunError
        A run is missing, or the videos as they are do not give the run's own predictions.
    """
    started = time.perf_counter()
    corpus, path = fusion.corpus, measurement_path(fusion)
    levels = degradation.conditions(fusion.parameters["num_frames"])
    every = [run.check_done() for run in (fusion, *fusion.joined)]
    settings = files.sha256_of([VERSION, levels, seed, *(identity(run) for run in every)])
    if path.exists() and read_json(path).get("settings_sha256") == settings:
        return
    networks = Networks(*fusion.joined, seed=seed)
    tables, rows = [], []
    for row, table in _measured(networks, fusion, levels):
        truth, scores, _ = evaluation.from_predictions(table)
        rows.append(row | {"hit_at_1": evaluation.evaluate(truth, scores)["hit_at_1"], "n": len(table)})
        place = {column: row[column] for column in COLUMNS if column in row}
        tables.append(table.assign(**place)[[*COLUMNS, *corpus.labels]])
    # Four digits keep the file of more than a thousand rows below a megabyte.
    files.write_text(path.with_suffix(".predictions.csv"), pd.concat(tables).round(4).to_csv(index=False))
    files.write_json(
        path,
        {
            "corpus": corpus.name,
            "run": fusion.name,
            "seed": seed,
            "num_test": len(truth),
            "majority_rate": evaluation.majority_rate(truth),
            "results": rows,
            "seconds": round(time.perf_counter() - started, 1),
            "device": provenance.device(),
            "versions": provenance.versions(),
            "commit": provenance.commit(),
            "index_sha256": provenance.index_sha256(corpus.usable),
            "uses": [run.key for run in fusion.joined],
            "run_sha256": fusion.key,
            "settings_sha256": settings,
        },
    )


def _measured(
    networks: Networks, fusion: Run, levels: list[Condition]
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield each condition, level and model that has its modality, with its predictions."""
    corpus = networks.corpus
    every = {"audio": networks.audio, "visual": networks.visual, "fusion": fusion}
    names = {kind: run.name for kind, run in every.items()}
    own = {kind: read_predictions(run.result_path) for kind, run in every.items()}
    late = models.load_model(fusion.weights)
    clean = networks.outputs(AS_IS, AS_IS.levels[0])
    check_reproduced(names, own, _scores(late, clean))
    for condition in levels:
        for level in condition.levels:
            degraded = {} if condition is AS_IS else _degraded(networks, condition, level, clean)
            kbits = {"kbits": float(degraded["kbits"].mean())} if "kbits" in degraded else {}
            for model, table in _predictions(corpus, late, own, clean, degraded).items():
                row = {"condition": condition.name, "level": level, "unit": condition.unit, "model": model}
                yield row | {"run": names[model]} | kbits, table


def check_reproduced(names: dict[str, str], own: dict[str, pd.DataFrame], scores: dict[str, np.ndarray]) -> None:
    """Refuse to measure what does not reproduce the runs' own predictions on the videos as they are.

    Parameters
    ----------
    names, own, scores : by kind of model: the run's name, its predictions, and the scores
        [shape=(num_videos, num_classes)] of the same videos.

    Raises
    ------
    RunError
        A score differs by more than `TOLERANCE`.
    """
    for model, table in own.items():
        difference = float(np.abs(table.iloc[:, 2:].to_numpy(float) - scores[model]).max())
        if difference > TOLERANCE:
            raise RunError(
                f"{names[model]}: expected its own predictions on the videos as they are, within {TOLERANCE}, got "
                f"scores that differ by {difference:.3f}; delete its result and train it again"
            )


def _predictions(
    corpus: Corpus,
    late,
    own: dict[str, pd.DataFrame],
    clean: dict[str, np.ndarray],
    degraded: dict[str, np.ndarray | None],
) -> dict[str, pd.DataFrame]:
    """Return the predictions of each model that has its modality: a run's own where nothing of it is degraded."""
    is_own = {
        "audio": "audio_scores" not in degraded,
        "visual": "frame_scores" not in degraded,
        "fusion": not degraded,
    }
    table = corpus.split("test")
    return {
        model: own[model]
        if is_own[model]
        else evaluation.predictions_table(table["video_id"], corpus.targets(table), scores, corpus.labels)
        for model, scores in _scores(late, clean | degraded).items()
    }


def _scores(late, outputs: dict[str, np.ndarray | None]) -> dict[str, np.ndarray]:
    """Return the scores of each model that has its modality [shape=(num_videos, num_classes)]."""
    fused = late.predict({name: outputs[name] for name in ("frames", "audio")}, verbose=0)
    scores = {"audio": outputs["audio_scores"], "visual": outputs["frame_scores"], "fusion": np.asarray(fused)}
    # Of frames or not: the mean over whatever stands between the videos and the classes.
    return {
        model: values.reshape(len(values), -1, values.shape[-1]).mean(axis=1)
        for model, values in scores.items()
        if values is not None
    }


def _degraded(
    networks: Networks, condition: Condition, level: float | str, clean: dict[str, np.ndarray]
) -> dict[str, np.ndarray | None]:
    """Return which outputs differ from those on the videos as they are; None for scores that there are none of."""
    if condition.sound or condition.pictures:
        return networks.outputs(condition, level)
    if condition.name == "missing":
        output, scores = {"sound": ("audio", "audio_scores"), "pictures": ("frames", "frame_scores")}[level]
        return {output: np.zeros_like(clean[output]), scores: None}
    num_frames = clean["frames"].shape[1]
    left = networks.frames_left(level)
    left_scores = np.take_along_axis(clean["frame_scores"], left[..., None], axis=1)
    if condition.name == "frames zeroed":
        is_left = (left[:, None, :] == np.arange(num_frames)[:, None]).any(axis=2)
        return {"frames": clean["frames"] * is_left[..., None], "frame_scores": left_scores}
    repeated = left[:, frames.choose_uniformly(level, num_frames)]
    return {"frames": np.take_along_axis(clean["frames"], repeated[..., None], axis=1), "frame_scores": left_scores}


def read_measurement(corpus_name: str, run_name: str) -> dict[str, Any]:
    """Return a fusion's measurement.

    Raises
    ------
    RunError
        There is none, or it is damaged.
    """
    return read_json(find_measurement(corpus_name, run_name))


def read_measured_predictions(corpus_name: str, run_name: str) -> pd.DataFrame:
    """Return the predictions of a fusion's measurement: `COLUMNS`, then one score column a class; levels as text.

    Raises
    ------
    RunError
        There is no measurement, or its predictions are missing or not complete.
    """
    path = find_measurement(corpus_name, run_name).with_suffix(".predictions.csv")
    if not path.exists():
        raise RunError(f"{path}: no such predictions; run the notebook 08_robustness first")
    table = pd.read_csv(path, dtype=dict.fromkeys(COLUMNS, str), keep_default_na=False)
    expected = sum(row["n"] for row in read_measurement(corpus_name, run_name)["results"])
    if len(table) != expected:
        raise RunError(
            f"{path}: expected {expected} predictions, got {len(table)}; delete it and run 08_robustness again"
        )
    return table


def curves(measured: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """Return Hit@1 of fusions and of the models that they join, for `plots.robustness`.

    Parameters
    ----------
    measured : of "fusion", "dropout" and "attention", the measurement of each; the joined models' are the same in all.

    Returns
    -------
    pd.DataFrame
        condition, level, unit, kind (of `KINDS`), value, low, high, in %.
    """
    rows = [row | {"kind": row["model"]} for row in measured["fusion"]["results"]]
    for kind in measured.keys() - {"fusion"}:
        rows += [row | {"kind": kind} for row in measured[kind]["results"] if row["model"] == "fusion"]
    return pd.DataFrame(
        [
            {"condition": row["condition"], "level": str(row["level"]), "unit": row["unit"], "kind": row["kind"]}
            | {name: 100 * row["hit_at_1"][name] for name in ("value", "low", "high")}
            for row in rows
        ]
    )


def table(curves: pd.DataFrame) -> pd.DataFrame:
    """Return `curves` as text, one row a condition and level, one column a kind; a dash where a model has no input."""
    shares = curves[["value", "low", "high"]] / 100
    curves = curves.assign(text=[results.percent(share) for share in shares.to_dict("records")])
    places = curves[["condition", "level", "unit"]].drop_duplicates()
    wide = curves.pivot(index=[*places], columns="kind", values="text").fillna("–")
    wide = wide.loc[pd.MultiIndex.from_frame(places), [kind for kind in KINDS if kind in wide]]
    return wide.rename(columns=KINDS).reset_index().rename_axis(columns=None).rename(columns=str.capitalize)


def compare(corpus: str, names: dict[str, str]) -> pd.DataFrame:
    """Test fusions against each other and against the better modality, on the same degraded videos.

    The levels of a condition are tested together: of each video the share of levels that a model has right counts; see
    `evaluation.compare_seeds`. The better modality is, at each level, the one with the higher Hit@1 on these very
    videos, which favours it.

    Parameters
    ----------
    corpus : its name.
    names : the measured runs of "fusion", "dropout" and "attention".

    Returns
    -------
    pd.DataFrame
        first, second (of `PAIRS`), condition, difference (of the Hit@1 in points, first minus second), p_value, and
        p_holm, corrected for the conditions (Holm, 1979); of all degraded levels together, condition "all", there is
        no such correction.
    """
    truth, scores = _paired(corpus, names)
    groups: dict[str, list[tuple[str, str]]] = {}
    for condition, level in scores["fusion"]:
        groups.setdefault(f"no {level}" if condition == "missing" else condition, []).append((condition, level))
    everything = [place for name, places in groups.items() if name != AS_IS.name for place in places]
    tables = []
    for first, second in PAIRS:
        tests = pd.DataFrame(
            {"first": first, "second": second, "condition": name}
            | evaluation.compare_seeds(truth, *([scores[kind][place] for place in places] for kind in (first, second)))
            for name, places in [*groups.items(), ("all", everything)]
        )
        corrected = evaluation.holm(tests["p_value"].to_numpy()[:-1])
        tables.append(tests.assign(difference=100 * tests["difference"], p_holm=[*corrected, np.nan]))
    return pd.concat(tables, ignore_index=True)


def tests_table(tests: pd.DataFrame) -> pd.DataFrame:
    """Return the tests of `compare` as text: one row a condition, a column of differences and p values a pair."""
    columns = {}
    for pair, rows in tests.groupby(["first", "second"], sort=False):
        p_values = rows["p_holm"].fillna(rows["p_value"])
        columns["Condition"] = rows["condition"].tolist()
        columns[PAIRS[pair]] = [
            f"{gain:+.1f} (p = {p:.2g})" for gain, p in zip(rows["difference"], p_values, strict=True)
        ]
    return pd.DataFrame(columns)


def summary(curves: pd.DataFrame, tests: pd.DataFrame) -> str:
    """Return in words whether the fusions withstand a missing modality, and what modality dropout changes.

    A fusion does if it recognises at least as much as the model of the modality that is left, and does not if it
    recognises significantly less.
    """
    hits = curves.set_index(["condition", "level", "kind"])["value"]
    found = tests.set_index(["first", "second", "condition"])
    clauses = []
    for lost, left, name in (("sound", "visual", "frames"), ("pictures", "audio", "sound")):
        paper, dropout, attention, alone = (
            hits["missing", lost, kind] for kind in ("fusion", "dropout", "attention", left)
        )
        clauses.append(
            f"without {lost} it recognises {paper:.1f} %, with modality dropout {dropout:.1f} %, with attention as "
            f"well {attention:.1f} %, the {name} alone {alone:.1f} %"
        )
    hiding, both = (_change(found.loc[first, "fusion", "all"]) for first in ("dropout", "attention"))
    return (
        f"The paper's fusion {_verdict(found, 'fusion')}: {'; '.join(clauses)}. The one with attention and modality "
        f"dropout {_verdict(found, 'attention')}. Over all degraded videos modality dropout alone changes Hit@1 by "
        f"{hiding}, attention and modality dropout by {both}; permutation tests over videos, one seed."
    )


def _change(test: pd.Series) -> str:
    certainty = "more than chance" if test["p_value"] < SIGNIFICANT else "which may be chance"
    return f"{test['difference']:+.1f} points ({certainty}, p = {test['p_value']:.2g})"


def _verdict(found: pd.DataFrame, fusion: str) -> str:
    lacking = found.loc[[(fusion, "better", "no sound"), (fusion, "better", "no pictures")]]
    is_below = lacking["difference"] < 0
    if (is_below & (lacking["p_holm"] < SIGNIFICANT)).any():
        return "does not withstand a missing modality"
    if is_below.any():
        lost = " or ".join(condition.removeprefix("no ") for *_, condition in lacking.index[is_below])
        return f"falls below the modality that is left without {lost}, which so few videos do not tell from chance"
    return "withstands a missing modality"


def sources(measured: list[dict[str, Any]]) -> pd.DataFrame:
    """Return where the numbers of measurements come from, one row each."""
    return pd.DataFrame(
        {
            "Measurement": f"robustness/{one['run']}",
            "Settings": one["settings_sha256"][:12],
            "Index": one["index_sha256"][:12],
            "Commit": one["commit"],
            "Seed": one["seed"],
            "Time": f"{one['seconds']:.0f} s",
            "Device": one["device"],
        }
        for one in measured
    )


def _paired(corpus: str, names: dict[str, str]) -> tuple[np.ndarray, dict[str, dict[tuple[str, str], np.ndarray]]]:
    """Return the truth, and of each kind the scores at each condition and level."""
    scores: dict[str, dict[tuple[str, str], np.ndarray]] = {"better": {}}
    video_ids = []
    for kind, name in names.items():
        scores[kind] = {}
        for (condition, level), rows in read_measured_predictions(corpus, name).groupby(
            ["condition", "level"], sort=False
        ):
            candidates = []
            for model, one in rows.groupby("model"):
                video_ids.append(one["video_id"].tolist())
                truth, values, _ = evaluation.from_predictions(one.drop(columns=list(COLUMNS[2:])))
                if model == "fusion":
                    scores[kind][condition, level] = values
                else:
                    candidates.append(values)
            scores["better"][condition, level] = max(candidates, key=lambda one: evaluation.hit_at_k(truth, one, 1))
    if any(ids != video_ids[0] for ids in video_ids) or any(
        one.keys() != scores["fusion"].keys() for one in scores.values()
    ):
        raise RunError(f"results/{corpus}: {' and '.join(names.values())} were not measured on the same videos")
    return truth, scores
