"""What is left of a fusion when a modality is missing or degraded, beside the models of one modality.

The paper's abstract claims robustness to missing modalities; what stands in the place of one it does not say, and the
vector of zeros is ours.

`degradation.CONDITIONS` declares how the test videos are degraded. What the two networks make of a degraded video is
one small file in ``runs/<corpus>/robustness/``, so that a measurement that was killed goes on where it stopped; no
condition touches the corpus' own features. What comes out is ``results/<corpus>/robustness/<run of the fusion>.json``
and beside it the predictions: video_id, label, condition, level, model, then one score column a class.

A model of one modality has no scores where that modality is missing: all it could do is guess. Where only the other one
is degraded, its scores are those on the videos as they are.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from instrec_utils import evaluation, files, models, paths, provenance
from instrec_utils.errors import RunError
from instrec_utils.inputs import frames
from instrec_utils.robustness import degradation
from instrec_utils.robustness.degradation import AS_IS, Condition
from instrec_utils.robustness.networks import VERSION, Networks
from instrec_utils.training.result_files import check_follows, find_result, read_json, read_predictions
from instrec_utils.training.run import Run

TOLERANCE = 0.01  # of a score on the videos as they are, against the run's own predictions
COLUMNS = ("video_id", "label", "condition", "level", "model")  # of the predictions, before the scores
FORMAT = 2  # raised when the same outputs of the networks are written in another way: six digits, no longer four


def measurement_path(run: Run) -> Path:
    """Return the file of a fusion's measurement; not beside the runs' results, as it is none."""
    return run.result_path.parent / "robustness" / run.result_path.name


def find_measurement(corpus_name: str, run_name: str) -> Path:
    """Return the file of a fusion's measurement; see `find_result`."""
    missing = "no such measurement; run the notebook 08_robustness first"
    return find_result(corpus_name, f"robustness/{run_name}", missing)


def measure_run(fusion: Run, *, seed: int) -> None:
    """Measure a fusion and the two runs that it joins on the test split under every condition, if not done yet.

    The corpus has its features and the videos themselves; the seed is that of the noise and of which frames are left.
    A missing run, or one whose own predictions the videos as they are do not give, is a RunError.
    """
    if paths.is_of_published():  # the published measurement is taken as it is
        return
    started = time.perf_counter()
    corpus, path = fusion.corpus, measurement_path(fusion)
    levels = degradation.conditions(fusion.parameters["num_frames"])
    every = [run.check_done() for run in (fusion, *fusion.joined)]
    settings = files.sha256_of([VERSION, FORMAT, levels, seed, *(run.identity for run in every)])
    if _is_measured(path, settings):
        return
    networks = Networks(*fusion.joined, seed=seed)
    tables, rows = [], []
    for row, table in _measured(networks, fusion, levels):
        truth, scores, _ = evaluation.from_predictions(table)
        rows.append(row | evaluation.evaluate(truth, [scores], metrics=["hit_at_1"]) | {"n": len(table)})
        place = {column: row[column] for column in COLUMNS if column in row}
        tables.append(table.assign(**place)[[*COLUMNS, *table.columns[2:]]])
    # With the digits of a run's predictions: scores of a network that has hardly learned differ in the last ones alone.
    files.write_text(_predictions_path(path), pd.concat(tables).to_csv(index=False))
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
    corpus, test = networks.corpus, networks.corpus.split("test")
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
            is_own = {  # nothing that the model is given is degraded
                "audio": "audio_scores" not in degraded,
                "visual": "frame_scores" not in degraded,
                "fusion": not degraded,
            }
            for model, scores in _scores(late, clean | degraded).items():
                row = {"condition": condition.name, "level": level, "unit": condition.unit, "model": model}
                anew = evaluation.predictions_table(test["video_id"], corpus.targets(test), scores, corpus.labels)
                yield row | {"run": names[model]} | kbits, own[model] if is_own[model] else anew


def check_reproduced(names: dict[str, str], own: dict[str, pd.DataFrame], scores: dict[str, np.ndarray]) -> None:
    """Raise a RunError if scores by kind of model differ from the runs' own predictions by more than `TOLERANCE`."""
    for model, table in own.items():
        difference = float(np.abs(table.iloc[:, 2:].to_numpy(float) - scores[model]).max())
        if difference > TOLERANCE:
            raise RunError(
                f"{names[model]}: expected its own predictions on the videos as they are, within {TOLERANCE}, got "
                f"scores that differ by {difference:.3f}; delete its result and train it again"
            )


def _scores(late: Any, outputs: dict[str, Any]) -> dict[str, np.ndarray]:
    """Return the scores of each model that has its modality [shape=(num_videos, num_classes)]."""
    frame_scores = outputs["frame_scores"]
    visual = None if frame_scores is None else frame_scores.mean(axis=1)
    scores = {"audio": outputs["audio_scores"], "visual": visual}
    is_there = {
        "audio": outputs["audio"].any(axis=1, keepdims=True),
        "visual": outputs["frames"].any(axis=2).any(axis=1, keepdims=True),
    }
    given = outputs | {
        f"{kind}_scores": is_there[kind] * (np.zeros(late.output_shape[1:]) if values is None else values)
        for kind, values in scores.items()
    }
    scores["fusion"] = np.asarray(late.predict_on_batch({one.name: given[one.name] for one in late.inputs}))
    return {model: values for model, values in scores.items() if values is not None}


def _degraded(networks: Networks, condition: Condition, level: Any, clean: dict[str, Any]) -> dict[str, Any]:
    """Return which outputs differ from those on the videos as they are; None for scores that there are none of."""
    if condition.sound or condition.pictures:
        return networks.outputs(condition, level)
    if condition.name == "missing":
        output, scores = {"sound": ("audio", "audio_scores"), "pictures": ("frames", "frame_scores")}[level]
        return {output: np.zeros_like(clean[output]), scores: None}
    num_frames, left = clean["frames"].shape[1], networks.frames_left(level)
    if condition.name == "frames zeroed":
        is_left = (left[:, None, :] == np.arange(num_frames)[:, None]).any(axis=2)
        shown = clean["frames"] * is_left[..., None]
    else:
        repeated = left[:, frames.choose_uniformly(level, num_frames)]
        shown = np.take_along_axis(clean["frames"], repeated[..., None], axis=1)
    return {"frames": shown, "frame_scores": np.take_along_axis(clean["frame_scores"], left[..., None], axis=1)}


def read_measurement(corpus_name: str, run_name: str) -> dict[str, Any]:
    """Return a fusion's measurement, and is_published, whether it came with the report.

    If there is none, or what it says does not follow from its predictions, it is a RunError.
    """
    path = find_measurement(corpus_name, run_name)
    found, table = read_json(path), _read_table(path)
    place = ["condition", "level", "model"]
    for row in found["results"]:
        of_row = table[(table[place] == [str(row[name]) for name in place]).all(axis=1)].drop(columns=place)
        if len(of_row) != row["n"]:
            raise RunError(
                f"{_predictions_path(path)}: expected {row['n']} predictions, got {len(of_row)}; delete it and run "
                "08_robustness again"
            )
        # Published measurements have four digits, after which two scores may be equal.
        check_follows(path, {"hit_at_1": row["hit_at_1"]}, of_row, tolerance=1.01 / row["n"])
    return found | {"is_published": path.parents[1] == paths.published_results_dir(corpus_name)}


def read_measured_predictions(corpus_name: str, run_name: str) -> pd.DataFrame:
    """Return the predictions of a fusion's measurement: `COLUMNS`, then one score column a class; levels as text.

    No measurement, or predictions that are missing or not complete, are a RunError.
    """
    read_measurement(corpus_name, run_name)
    return _read_table(find_measurement(corpus_name, run_name))


def _predictions_path(path: Path) -> Path:
    return path.with_suffix(".predictions.csv")


def _read_table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(_predictions_path(path), dtype=dict.fromkeys(COLUMNS, str), keep_default_na=False)
    except (OSError, ValueError) as error:
        missing = f"{_predictions_path(path)}: missing or damaged ({error}); run the notebook 08_robustness again"
        raise RunError(missing) from error


def _is_measured(path: Path, settings: str) -> bool:
    try:
        return read_json(path).get("settings_sha256") == settings and len(_read_table(path)) > 0
    except RunError:  # missing or damaged
        return False
