"""One training and its evaluation, from the features store to a run's result: audio, visual or fusion.

A run is skipped if its result is there and was made from the same settings, and resumed if it was interrupted.
"""

import shutil
import time

import keras
import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

from instrec_utils import evaluation, files, models, paths, provenance
from instrec_utils.errors import CorpusError, RunError
from instrec_utils.training import fit, solver
from instrec_utils.training.batches import Batches
from instrec_utils.training.recipes import RECIPES, WITHOUT_PHOTOGRAPHS, Recipe
from instrec_utils.training.result_files import EVALUATED, find_result, predictions_path, read_json, read_result
from instrec_utils.training.run import Run

NUM_FOLDS = 7  # of a validation split that a fusion learns from
BEFORE = ("warm_up", "photographs")  # folders of trainings that come before a run's own


def train_run(run: Run) -> None:
    """Train and evaluate a run, whatever of it is not done yet.

    Pages of the published results take the published one as it is; see `paths.is_of_published`. A corpus of only one
    class, or a split that lacks one, is a CorpusError; a fusion of what is not trained a RunError.
    """
    if paths.is_of_published():
        _check_published(run)
        return
    if run.is_done():
        return
    splits = _splits(run)
    # Two processes would overwrite each other's checkpoints.
    with files.locked(run.directory / ".lock", f"{run.name}: another process trains it; waiting"):
        if not run.is_done():  # nor has another process done it by now
            _train(run, splits)


def _check_published(run: Run) -> None:
    path = find_result(run.corpus.name, run.name)
    if read_result(path)["run_sha256"] != run.key:
        raise RunError(f"{path}: published of another index or of other settings; train it anew and publish it")


def _train(run: Run, splits: dict[str, pd.DataFrame]) -> None:
    run.result_path.unlink(missing_ok=True)  # what is there is of other weights, beside which it would count as done
    if not (run.is_of_these() and _is_readable(run)):
        for path in run.directory.iterdir():  # all but the lock that is held
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != ".lock":
                path.unlink()
    files.write_json(run.directory / "run.json", {"name": run.name, **run.settings, **run.trained_on})
    recipe = RECIPES[run.kind](run)
    learned, validated = (recipe.learn_from(splits[name]) for name in (recipe.learned_split, "validation"))
    model, history = _fit(run, recipe, learned, validated)
    evaluated = {name: table for name, table in splits.items() if name in EVALUATED}
    scores = {name: _predict(model, _batches_of(run, recipe, table), len(table)) for name, table in evaluated.items()}
    if recipe.learned_split == "validation":
        scores["validation"] = _scores_of_folds(run, recipe, learned)
    _write_result(run, model, history, splits, scores)


def _fit(
    run: Run, recipe: Recipe, learned: pd.DataFrame, validated: pd.DataFrame, folder: str = ""
) -> tuple[keras.Model, pd.DataFrame]:
    run_dir, validation_batches = run.directory / folder, _batches_of(run, recipe, validated)
    if run.protocol.optimizer == solver.OPTIMIZER:
        return solver.solve(recipe.build, _batches_of(run, recipe, learned, 0), validation_batches, run_dir)
    return fit.fit(
        recipe.build,
        lambda epoch: _batches_of(run, recipe, learned, epoch),
        validation_batches,
        run.protocol,
        run_dir,
        seed=run.seed,
        description=f"{run.name} {folder}".rstrip(),
        hardware=run.hardware,
    )


def _scores_of_folds(run: Run, recipe: Recipe, table: pd.DataFrame) -> np.ndarray:
    """Return scores of videos [shape=(num_videos, num_classes)], of each by a model that learned from other folds only.

    So they can be set beside those of runs that have not learned from these videos. The temperatures of the joined
    runs, one number each, are of all these videos.
    """
    folds = KFold(min(NUM_FOLDS, len(table)), shuffle=True, random_state=run.seed)
    scores = np.zeros((len(table), len(run.corpus.labels)))
    for number, (others, fold) in enumerate(folds.split(table), start=1):
        model, _ = _fit(run, recipe, table.iloc[others], table.iloc[others], f"fold{number}")
        scores[fold] = _predict(model, _batches_of(run, recipe, table.iloc[fold]), len(fold))
    return scores


def _is_readable(run: Run) -> bool:
    """Tell whether what an interrupted training has written of itself can be read."""
    try:
        for folder in (run.directory, *(path for path in run.directory.iterdir() if path.is_dir())):
            fit.read_history(folder)
        _lacking_photographs(run)
    except RunError:
        return False
    return True


def _lacking_photographs(run: Run) -> dict[str, list[str]]:
    """Return the classes without photographs as a result has them; nothing of a run that does not begin with any."""
    path = run.directory / WITHOUT_PHOTOGRAPHS
    return read_json(path) if path.exists() else {}


def _splits(run: Run) -> dict[str, pd.DataFrame]:
    """Return the table of each split that there is, and refuse a corpus that cannot be learned from or evaluated on."""
    corpus = run.corpus
    if len(corpus.labels) < 2:
        raise CorpusError(f"{corpus.name}: expected videos of at least two classes, got {', '.join(corpus.labels)}")
    splits = {}
    for name in ("train", *EVALUATED):
        table = corpus.split(name)
        absent = sorted(set(corpus.labels) - set(table["label"]))
        if absent and name != "test_clean":
            raise CorpusError(
                f"{corpus.name}: the {name} split has no video of {', '.join(absent)}; each class needs videos in "
                "train, validation and test: add some, leave the class out, or split the corpus anew"
            )
        if len(table):
            splits[name] = table
    return splits


def _batches_of(run: Run, recipe: Recipe, table: pd.DataFrame, epoch: int | None = None) -> Batches:
    """Return the batches of an epoch of training, or without one those to evaluate on."""
    load, per_video = recipe.load(table["video_id"].tolist(), epoch)
    targets = np.repeat(run.corpus.targets(table), per_video)
    is_training = epoch is not None
    batch_size = run.protocol.batch_size or len(targets)
    return Batches(load, targets, batch_size, seed=run.seed, epoch=epoch or 0, shuffle=is_training)


def _predict(model: keras.Model, dataset: Batches, num_videos: int) -> np.ndarray:
    """Return scores of videos [shape=(num_videos, num_classes)]: the mean over a video's examples."""
    scores = np.concatenate([np.asarray(model.predict_on_batch(dataset[number][0])) for number in range(len(dataset))])
    return scores.reshape(num_videos, -1, scores.shape[-1]).mean(axis=1)


def _multiply_adds(run: Run, model: keras.Model) -> int:
    """Return what recognising one video costs, once its features are extracted; of a fusion, its own layers alone."""
    of_one = models.multiply_adds(model)
    if run.kind == "fusion":
        return of_one
    if run.parameters.get("freeze_backbone") and run.architecture.build_backbone:
        of_one += models.multiply_adds(run.architecture.build_backbone(None))
    return of_one * (run.audio_input.num_examples if run.kind == "audio" else run.parameters["num_frames"])


def _curves(history: pd.DataFrame) -> dict[str, list[float]]:
    return history[["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]].round(4).to_dict("list")


def _write_result(
    run: Run, model: keras.Model, history: pd.DataFrame, splits: dict[str, pd.DataFrame], scores: dict[str, np.ndarray]
) -> None:
    """Write predictions first and the result last: a result that is there is complete."""
    corpus = run.corpus
    metrics = {}
    for name, values in scores.items():
        table = evaluation.predictions_table(splits[name].video_id, corpus.targets(splits[name]), values, corpus.labels)
        files.write_text(predictions_path(run.result_path, name), table.to_csv(index=False))
        truth, rounded, _ = evaluation.from_predictions(table)
        metrics[name] = evaluation.evaluate(truth, [rounded])
    before = {name: fit.read_history(run.directory / name) for name in BEFORE}
    everything = pd.concat([*before.values(), history])
    files.write_json(
        run.result_path,
        {
            "corpus": corpus.name,
            "run": run.name,
            **run.settings,
            **{f"num_{name}": len(splits[name]) for name in ("train", "validation", "test")},
            "num_parameters": model.count_params(),
            "multiply_adds": _multiply_adds(run, model),
            "epochs": len(history),
            "best_epoch": fit.best_epoch(history),
            "warm_up_epochs": len(before["warm_up"]),
            **_lacking_photographs(run),
            "steps": int(everything["steps"].sum()),
            "train_seconds": round(float(everything["seconds"].sum()), 1),
            "device": f"{provenance.device()}, {run.hardware.precision}",
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "metrics": metrics["test"],
            "metrics_validation": metrics["validation"],
            **({"metrics_test_clean": metrics["test_clean"]} if "test_clean" in metrics else {}),
            "majority_rate": evaluation.majority_rate(corpus.targets(splits["test"])),
            "history": _curves(history),
            **({"history_of_warm_up": _curves(before["warm_up"])} if len(before["warm_up"]) else {}),
            "versions": provenance.versions(),
            "commit": provenance.commit(),
            "run_sha256": run.key,
        },
    )
