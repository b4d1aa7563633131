"""One training and its evaluation, from the store to ``results/<corpus>/<run>.json``: sound, frames, or both.

A run is skipped if its result is there and was made from the same settings, and resumed if it was interrupted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock
import keras
import numpy as np
import pandas as pd

from instrec_utils import evaluation, files, models, provenance
from instrec_utils.config import CROP_SIZE
from instrec_utils.corpora import Corpus, photographs
from instrec_utils.errors import CorpusError
from instrec_utils.features import embeddings, spectrograms
from instrec_utils.features import store as features
from instrec_utils.inputs import frames
from instrec_utils.training import batches, runs, warm_up
from instrec_utils.training import fit as training
from instrec_utils.training.batches import Batches
from instrec_utils.training.runs import Run

EVALUATED = ("validation", "test", "test_clean")
HAN_WINDOWS = 30  # of a video: ten segments of three windows each
HAN_TRAINING_WINDOWS = 10  # drawn from them in each epoch, so that an epoch costs a third


@dataclass(frozen=True)
class Recipe:
    """How a run's examples and network are made.

    Attributes
    ----------
    load : from (video ids, whether training) to how an example is loaded, and to how many examples a video has; a
        video's score is the mean of its examples'.
    build : returns a new model.
    learn_from : from a split's table to the rows that can teach something.
    """

    load: Callable[[list[str], bool], tuple[batches.Load, int]]
    build: Callable[[], keras.Model]
    learn_from: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table


def train(corpus: Corpus, run: Run) -> None:
    """Train and evaluate a run, whatever of it is not done yet.

    Parameters
    ----------
    corpus : with extracted features.
    run : from `instrec_utils.training.runs`.

    Raises
    ------
    CorpusError
        There is only one class, or a split lacks a class.
    """
    if run.is_done(corpus):
        return
    splits = _splits(corpus)
    with _alone(run, corpus):
        if not run.is_done(corpus):  # nor has another process done it by now
            _train(corpus, run, splits)


@contextlib.contextmanager
def _alone(run: Run, corpus: Corpus) -> Iterator[None]:
    """Let one process at a time train a run: two would overwrite each other's checkpoints."""
    directory = run.directory(corpus)
    directory.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(directory / ".lock")
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"{run.name}: another process trains it; waiting", file=sys.stderr, flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _train(corpus: Corpus, run: Run, splits: dict[str, pd.DataFrame]) -> None:
    directory = run.directory(corpus)
    if not run.is_of(corpus):
        _empty(directory)
    files.write_json(directory / "run.json", dataclasses.asdict(run) | {"features": run.features_key(corpus)})
    recipe = _RECIPES[run.kind](run, corpus)
    learned, validated = (recipe.learn_from(splits[name]) for name in ("train", "validation"))
    model, history = training.fit(
        recipe.build,
        lambda epoch: _batches_of(run, corpus, recipe, learned, epoch, training_now=True),
        _batches_of(run, corpus, recipe, validated),
        run.protocol,
        directory,
        seed=run.seed,
        description=run.name,
        hardware=run.hardware,
    )
    scores = {
        name: _predict(model, _batches_of(run, corpus, recipe, table), len(table))
        for name, table in splits.items()
        if name in EVALUATED
    }
    _write_result(run, corpus, model, history, splits, scores)


def _empty(directory: Path) -> None:
    """Remove what was trained on other features, all but the lock that is held."""
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def _splits(corpus: Corpus) -> dict[str, pd.DataFrame]:
    """Return the table of each split that there is, and refuse a corpus that cannot be learned from or evaluated on."""
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


def _batches_of(
    run: Run, corpus: Corpus, recipe: Recipe, table: pd.DataFrame, epoch: int = 0, training_now: bool = False
) -> Batches:
    load, per_video = recipe.load(table["video_id"].tolist(), training_now)
    targets = np.repeat(corpus.targets(table), per_video)
    return Batches(load, targets, run.protocol.batch_size, seed=run.seed, epoch=epoch, shuffle=training_now)


def _predict(model: keras.Model, dataset: Batches, num_videos: int) -> np.ndarray:
    """Return video-level scores [shape=(num_videos, num_classes)]: the mean over a video's examples."""
    scores = np.concatenate([np.asarray(model.predict_on_batch(dataset[number][0])) for number in range(len(dataset))])
    return scores.reshape(num_videos, -1, scores.shape[-1]).mean(axis=1)


def _audio_recipe(run: Run, corpus: Corpus) -> Recipe:
    store, parameters = corpus.directory / "features", run.parameters

    def load_windows(video_ids: list[str], training_now: bool) -> tuple[batches.Load, int]:
        per_video = HAN_TRAINING_WINDOWS if training_now else HAN_WINDOWS

        def one(number: int, generator: np.random.Generator) -> np.ndarray:
            video, window = divmod(number, per_video)
            windows = spectrograms.read(store, video_ids[video], "han2016")
            if not training_now:
                return windows[window]
            window = windows[generator.integers(len(windows))]
            return spectrograms.vary(window, generator) if parameters["augment"] else window

        return one, per_video

    def load_whole(video_ids: list[str], training_now: bool) -> tuple[batches.Load, int]:
        def one(number: int, generator: np.random.Generator) -> np.ndarray:
            spectrogram = spectrograms.read(store, video_ids[number], run.input_name)
            if not (training_now and parameters["augment"]):
                return spectrogram
            if parameters["segmentation"] == "uc":
                spectrogram = spectrograms.shuffle_segments(spectrogram, generator)
            return spectrograms.vary(spectrogram, generator)

        return one, 1

    def build() -> keras.Model:
        warmed_up = warm_up.train(run, corpus) if parameters["warm_up_epochs"] else None
        keras.utils.set_random_seed(run.seed)
        network = models.build(run.model, len(corpus.labels))
        if warmed_up is not None:
            warm_up.start(run, corpus, network, warmed_up)
        return network

    return Recipe(
        load_windows if run.model == "han2016" else load_whole,
        build,
        lambda table: spectrograms.audible(corpus, table, run.input_name),
    )


def _frame_recipe(run: Run, corpus: Corpus) -> Recipe:
    frozen, k = run.parameters["freeze_backbone"], run.parameters["num_frames"]
    if frozen:
        embeddings.embed(corpus.usable["video_id"].tolist(), corpus.directory, run.model)

    def load(video_ids: list[str], training_now: bool) -> tuple[batches.Load, int]:
        def frames_of(number: int) -> np.ndarray:
            # The frames of a video are drawn once a run, not once an epoch, as in the paper.
            drawn = np.random.default_rng((run.seed, number)) if training_now else None
            return embeddings.read_some(corpus, run.model, video_ids[number], k, drawn)

        if frozen:
            values = np.stack([frames_of(number) for number in range(len(video_ids))]).astype(np.float16)
            return lambda number, _: values[divmod(number, k)].astype(np.float32), k
        return _load_pictures(corpus, video_ids, k, run.seed, training_now), k

    def build() -> keras.Model:
        network = _new_frame_network(run, corpus)
        if run.parameters["pretrained"]:
            _learn_photographs(run, corpus, network)
        return network

    return Recipe(load, build)


def _load_pictures(
    corpus: Corpus, video_ids: list[str], k: int, seed: int, training_now: bool
) -> Callable[[int, np.random.Generator], np.ndarray]:
    """Return how one of a video's k pictures is loaded for a backbone that is trained."""
    store = corpus.directory / "features"

    def one(number: int, generator: np.random.Generator) -> np.ndarray:
        video, place = divmod(number, k)
        path = features.features_path(store, video_ids[video])
        count = features.count_frames(path)
        if not count:
            return np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8)
        drawn = np.random.default_rng((seed, video)) if training_now else None
        picture = frames.central_crop(features.read_frames(path, frames.choose(count, k, drawn)[place : place + 1]))
        return (frames.flip_at_random(picture, generator) if training_now else picture)[0]

    return one


def _new_frame_network(run: Run, corpus: Corpus) -> keras.Model:
    if not run.parameters["freeze_backbone"]:
        return models.build(run.model, len(corpus.labels))
    inputs = keras.Input((models.embedding_size(run.model),), name="embedding")
    scores = keras.layers.Dense(len(corpus.labels), activation="softmax", name="scores", dtype="float32")
    return keras.Model(inputs, scores(inputs), name=f"{run.model}_classes")


def _learn_photographs(run: Run, corpus: Corpus, network: keras.Model) -> None:
    """Train a frame model on photographs of the classes, nine tenths of them, as long as the others' loss falls."""
    if run.parameters["freeze_backbone"]:
        values, targets = embeddings.of_photographs(corpus, run.model)
    else:
        pictures, targets = photographs.read_photographs(corpus)
        values = frames.central_crop(pictures)
    held_out = np.random.default_rng(run.seed).permutation(len(targets)) < len(targets) // 10

    def batches_of(chosen: np.ndarray, epoch: int = 0, shuffle: bool = False) -> Batches:
        rows = np.flatnonzero(chosen)

        def one(number: int, _: np.random.Generator) -> np.ndarray:
            return values[rows[number]]

        return Batches(one, targets[rows], run.protocol.batch_size, seed=run.seed, epoch=epoch, shuffle=shuffle)

    learned, _ = training.fit(
        lambda: network,
        lambda epoch: batches_of(~held_out, epoch, shuffle=True),
        batches_of(held_out),
        run.protocol,
        run.directory(corpus) / "photographs",
        seed=run.seed,
        description=f"{run.name} photographs",
        hardware=run.hardware,
    )
    network.set_weights(learned.get_weights())


def _fusion_recipe(run: Run, corpus: Corpus) -> Recipe:
    audio, visual = (runs.read(corpus, run.parameters[kind]) for kind in ("audio", "visual"))
    k = run.parameters["num_frames"]
    sound = embeddings.sound(corpus, audio)
    embeddings.embed(corpus.usable["video_id"].tolist(), corpus.directory, visual.model)

    def load(video_ids: list[str], training_now: bool) -> tuple[batches.Load, int]:
        def one(number: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
            video_id = video_ids[number]
            drawn = generator if training_now else None
            return {"frames": embeddings.read_some(corpus, visual.model, video_id, k, drawn), "sound": sound[video_id]}

        return one, 1

    def build() -> keras.Model:
        return models.build(
            "late_fusion",
            len(corpus.labels),
            num_frames=k,
            frame_features=models.embedding_size(visual.model),
            sound_features=len(next(iter(sound.values()))),
            form=run.parameters["fusion_form"],
            dropout=run.parameters["fusion_dropout"],
            modality_dropout=run.parameters["modality_dropout"],
        )

    return Recipe(load, build)


def _multiply_adds(run: Run, model: keras.Model) -> int:
    """Return what recognising one video costs, once its features are extracted; of a fusion, its own layers alone."""
    of_one = models.multiply_adds(model)
    if run.kind == "fusion":
        return of_one
    if run.kind == "audio":
        return of_one * (HAN_WINDOWS if run.model == "han2016" else 1)
    backbone = models.multiply_adds(models.build_backbone(run.model)) if run.parameters["freeze_backbone"] else 0
    return run.parameters["num_frames"] * (of_one + backbone)


_RECIPES = {"audio": _audio_recipe, "visual": _frame_recipe, "fusion": _fusion_recipe}


def _write_result(
    run: Run,
    corpus: Corpus,
    model: keras.Model,
    history: pd.DataFrame,
    splits: dict[str, pd.DataFrame],
    scores: dict[str, np.ndarray],
) -> None:
    """Write predictions first and the result last: a result that is there is complete."""
    path = runs.result_path(corpus.name, run.name)
    metrics = {}
    for name, values in scores.items():
        table = evaluation.predictions_table(splits[name].video_id, corpus.targets(splits[name]), values, corpus.labels)
        files.write_text(runs.predictions_path(corpus.name, run.name, name), table.to_csv(index=False))
        truth, rounded, _ = evaluation.from_predictions(table)
        metrics[name] = evaluation.evaluate(truth, [rounded])
    before = {name: training.read_history(run.directory(corpus) / name) for name in ("warm_up", "photographs")}
    everything = pd.concat([*before.values(), history])
    files.write_json(
        path,
        {
            "corpus": corpus.name,
            "run": run.name,
            "kind": run.kind,
            "model": run.model,
            "parameters": run.parameters,
            "protocol": run.protocol,
            "seed": run.seed,
            "num_train": len(splits["train"]),
            "num_validation": len(splits["validation"]),
            "num_test": len(splits["test"]),
            "num_parameters": model.count_params(),
            "multiply_adds": _multiply_adds(run, model),
            "epochs": len(history),
            "best_epoch": int(history["val_loss"].argmin()) + 1,
            "warm_up_epochs": len(before["warm_up"]),
            "steps": int(everything["steps"].sum()),
            "train_seconds": round(float(everything["seconds"].sum()), 1),
            "device": provenance.device(),
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "metrics": metrics["test"],
            "metrics_validation": metrics["validation"],
            **({"metrics_test_clean": metrics["test_clean"]} if "test_clean" in metrics else {}),
            "majority_rate": evaluation.majority_rate(corpus.targets(splits["test"])),
            "history": history[["epoch", "loss", "accuracy", "val_loss", "val_accuracy"]].round(4).to_dict("list"),
            "versions": provenance.versions(),
            "commit": provenance.commit(),
            "index_sha256": provenance.index_sha256(corpus.usable),
            "uses": run.uses,
            "run_sha256": run.sha256(corpus),
        },
    )
