"""One training and its evaluation, from the store to ``results/<corpus>/<run>.json``: sound, frames, or both.

A run is a unit of its own: it is skipped if its result is there and was made from the same settings, resumed if
it was interrupted, and kept in a folder named after its settings, so that no two settings share a checkpoint.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from instrec_utils import (
    batches,
    config,
    embeddings,
    evaluation,
    features,
    files,
    frames,
    models,
    paths,
    provenance,
    training,
)
from instrec_utils.batches import Batches
from instrec_utils.config import CHOI2016
from instrec_utils.corpora import Corpus
from instrec_utils.errors import CorpusError, RunError
from instrec_utils.models import choi2016
from instrec_utils.training import Protocol

WARM_UP = Protocol("adam", learning_rate=1e-3, batch_size=16, max_epochs=0, patience=0)
HEAD_VERSIONS, HEAD_EPOCHS = 6, 12
EVALUATED = ("validation", "test", "test_clean")


@dataclass(frozen=True)
class Run:
    """What a result depends on.

    Attributes
    ----------
    name : of the result's files.
    kind : "audio", "visual" or "fusion".
    model : one of `models.NAMES`.
    parameters : the model's and the input's.
    protocol : how it was trained.
    seed : of weights, order and augmentation.
    """

    name: str
    kind: str
    model: str
    parameters: dict[str, Any]
    protocol: Protocol
    seed: int
    uses: tuple[str, ...] = field(default=())  # sha256 of the runs whose embeddings it joins

    def sha256(self, corpus: Corpus) -> str:
        """Return what identifies the run's result."""
        settings = dataclasses.asdict(self) | {
            "index": provenance.index_sha256(corpus.index),
            "features": features.SETTINGS_SHA256,
            "warm_up": [WARM_UP, HEAD_VERSIONS, HEAD_EPOCHS],
        }
        return files.sha256_of(settings)

    def directory(self, corpus: Corpus) -> Path:
        """Return the folder of its checkpoints."""
        return paths.runs_dir(corpus.name) / f"{self.name}-{self.sha256(corpus)[:8]}"


@dataclass(frozen=True)
class Recipe:
    """How a run's examples and network are made.

    Attributes
    ----------
    load : from (video ids, whether training) to a `batches.Load`.
    build : returns a new model.
    num_frames : frames of an example that each carry the video's label; 0 if the example carries it as a whole.
    """

    load: Callable[[list[str], bool], batches.Load]
    build: Callable[[], keras.Model]
    num_frames: int = 0


def audio_name(model: str, segmentation: str, seed: int) -> str:
    """Return the name of an audio run."""
    return f"audio-{model}-{segmentation}-s{seed}"


def visual_name(backbone: str, num_frames: int, seed: int) -> str:
    """Return the name of a frame model's run."""
    return f"visual-{backbone}-k{num_frames}-s{seed}"


def load_run(corpus: Corpus, name: str) -> Run:
    """Return a finished run by name.

    Raises
    ------
    RunError
        There is no such result, or it was made from another index, other features, or another version's settings.
    """
    path = paths.results_dir(corpus.name) / f"{name}.json"
    if not path.exists():
        raise RunError(f"{path}: no such result; train this model first")
    result = json.loads(path.read_text(encoding="utf-8"))
    try:
        run = Run(
            *(result[key] for key in ("run", "kind", "model", "parameters")),
            Protocol(**result["protocol"]),
            result["seed"],
            tuple(result["uses"]),
        )
        is_same = result["run_sha256"] == run.sha256(corpus)
    except (KeyError, TypeError) as error:
        raise RunError(f"{path}: written by another version ({error}); train this model again") from error
    if not is_same or not (run.directory(corpus) / "best.keras").exists():
        raise RunError(f"{path}: made from another index or other features, or without its weights; train it again")
    return run


def train_audio(
    corpus: Corpus,
    *,
    model: str = "choi2016",
    segmentation: str = "uc",
    augment: bool,
    warm_up_epochs: int,
    protocol: Protocol,
    seed: int,
) -> Run:
    """Train and evaluate an audio model; see `Run`.

    Parameters
    ----------
    corpus : with extracted features.
    model : one of `models.AUDIO`.
    segmentation : "cc" or "uc" (4.2).
    augment : vary the spectrograms in training; the paper does not.
    warm_up_epochs : epochs in which the convolutional blocks are trained on single segments first; the paper
        does not. A segment costs a tenth of a whole input and carries as much of a label, which is what a corpus
        of a few hundred videos needs.
    protocol : how to train.
    seed : see `Run`.
    """
    run = Run(
        audio_name(model, segmentation, seed),
        "audio",
        model,
        {"segmentation": segmentation, "augment": augment, "warm_up_epochs": warm_up_epochs},
        protocol,
        seed,
    )
    store = corpus.directory / "features"

    def load(video_ids: list[str], training_now: bool) -> batches.Load:
        def one(number: int, generator: np.random.Generator) -> np.ndarray:
            spectrogram = read_spectrogram(store, video_ids[number], segmentation)
            if training_now and augment:
                return batches.augment_spectrogram(spectrogram, generator, segmentation=segmentation)
            return spectrogram

        return one

    def build() -> keras.Model:
        segment_model = _warm_up(run, corpus) if warm_up_epochs else None
        keras.utils.set_random_seed(seed)
        network = models.build(model, len(corpus.labels))
        if segment_model is not None:
            choi2016.start_from_segments(network, segment_model)
            _start_head(run, corpus, network)
        return network

    return _complete(run, corpus, Recipe(load, build))


def _warm_up(run: Run, corpus: Corpus) -> keras.Model:
    """Train the convolutional blocks on single segments: in training at random positions, in validation in turn."""
    width, store = choi2016.SEGMENT_FRAMES, corpus.directory / "features"

    def batches_of(name: str, epoch: int = 0, training_now: bool = False) -> Batches:
        table = corpus.split(name)
        video_ids = table.video_id.tolist()

        def one(number: int, generator: np.random.Generator) -> np.ndarray:
            video, segment = divmod(number, config.NUM_SEGMENTS)
            spectrogram = read_spectrogram(store, video_ids[video], run.parameters["segmentation"])
            last = spectrogram.shape[1] - width
            start = generator.integers(0, last + 1) if training_now else segment * width
            part = spectrogram[:, start : start + width]
            return batches.vary_level(part, generator) if training_now and run.parameters["augment"] else part

        targets = np.repeat(corpus.targets(table), config.NUM_SEGMENTS)
        return Batches(one, targets, WARM_UP.batch_size, seed=run.seed, epoch=epoch, shuffle=training_now)

    epochs = run.parameters["warm_up_epochs"]
    protocol = dataclasses.replace(WARM_UP, max_epochs=epochs, patience=epochs, halve_every=max(1, epochs // 3))
    return training.fit(
        lambda: choi2016.build_for_segments(len(corpus.labels)),
        lambda epoch: batches_of("train", epoch, training_now=True),
        batches_of("validation"),
        protocol,
        run.directory(corpus) / "warm_up",
        seed=run.seed,
        description=f"{run.name} warm-up",
    )[0]


def _start_head(run: Run, corpus: Corpus, network: keras.Model) -> None:
    """Train the dense layer and the classes on what the warmed-up blocks give for whole inputs, which costs little.

    Each video is passed through the blocks a few times, varied; its 15 positions in time are then shuffled anew in
    every epoch.
    """
    table = corpus.split("train")
    store = corpus.directory / "features"
    blocks = keras.Model(network.input, network.get_layer("flat").output)
    layers = [network.get_layer(name) for name in ("embedding", "embedding_dropout", "scores")]
    head = keras.Sequential([keras.Input(blocks.output_shape[1:]), *layers])
    head.compile(keras.optimizers.Adam(1e-3), loss="sparse_categorical_crossentropy", jit_compile=False)
    values = []
    for video_id in tqdm(table.video_id, desc=f"{run.name} head", unit="video"):
        spectrogram = read_spectrogram(store, video_id, run.parameters["segmentation"])
        generator = np.random.default_rng((run.seed, *video_id.encode()))
        varied = [batches.vary_level(spectrogram, generator) for _ in range(HEAD_VERSIONS)]
        values.append(np.asarray(blocks.predict_on_batch(np.stack(varied))))
    inputs = np.concatenate(values).reshape(len(table) * HEAD_VERSIONS, -1, choi2016.EMBEDDED_BANDS)
    targets = np.repeat(corpus.targets(table), HEAD_VERSIONS)
    generator = np.random.default_rng(run.seed)
    for _ in range(HEAD_EPOCHS):
        shuffled = generator.permuted(np.broadcast_to(np.arange(inputs.shape[1]), inputs.shape[:2]), axis=1)
        order = generator.permutation(len(inputs))
        epoch_inputs = np.take_along_axis(inputs, shuffled[..., None], axis=1).reshape(len(inputs), -1)
        head.fit(epoch_inputs[order], targets[order], batch_size=32, epochs=1, shuffle=False, verbose=0)


def read_spectrogram(store: Path, video_id: str, segmentation: str) -> np.ndarray:
    """Return the input of the models after Choi [shape=(96, 1366), float32, dB]; silence without a sound stream."""
    spectrogram = features.read_spectrogram(features.features_path(store, video_id), f"choi2016_{segmentation}")
    if spectrogram is None:
        return np.full((CHOI2016.n_mels, CHOI2016.num_frames), batches.SILENCE, np.float32)
    return spectrogram


def train_frames(
    corpus: Corpus, *, backbone: str = "efficientnet_lite0", num_frames: int, protocol: Protocol, seed: int
) -> Run:
    """Train and evaluate a classifier on single frames, over a frozen ImageNet backbone; see `Run`.

    In training each video gives `num_frames` frames drawn at random, once (4.2); in evaluation as many spread
    uniformly, and the mean of their scores.

    Parameters
    ----------
    corpus : with extracted features.
    backbone : one of `models.FRAMES`.
    num_frames : k.
    protocol : how to train; a batch is of videos here, each with its k frames.
    seed : see `Run`.
    """
    run = Run(
        visual_name(backbone, num_frames, seed),
        "visual",
        backbone,
        {"num_frames": num_frames, "frozen_backbone": True},
        protocol,
        seed,
    )
    embeddings.embed(corpus.usable.video_id.tolist(), corpus.directory, backbone)

    def load(video_ids: list[str], training_now: bool) -> batches.Load:
        def one(number: int, generator: np.random.Generator) -> np.ndarray:
            # The frames of a video are drawn once a run, not once an epoch, as in the paper.
            drawn = np.random.default_rng((seed, number)) if training_now else None
            return read_embeddings(corpus, backbone, video_ids[number], num_frames, drawn)

        return one

    def build() -> keras.Model:
        size = models.embedding_size(backbone)
        inputs = keras.Input((num_frames, size), name="frames")
        return keras.Model(inputs, keras.layers.Dense(len(corpus.labels), activation="softmax", name="scores")(inputs))

    return _complete(run, corpus, Recipe(load, build, num_frames))


def read_embeddings(
    corpus: Corpus, backbone: str, video_id: str, k: int, generator: np.random.Generator | None
) -> np.ndarray:
    """Return the embeddings of k frames [shape=(k, size), float32]: drawn at random, or uniform without a generator.

    Zeros for a video without pictures.
    """
    values = embeddings.read(corpus.directory, backbone, video_id)
    if not len(values):
        return np.zeros((k, values.shape[1]), np.float32)
    if generator is None:
        return values[frames.choose_uniformly(len(values), k)]
    return values[frames.choose_at_random(len(values), k, generator)]


def train_fusion(corpus: Corpus, *, audio: Run, visual: Run, dropout: float, protocol: Protocol, seed: int) -> Run:
    """Train and evaluate the late fusion of two runs' embeddings; see `Run`.

    Parameters
    ----------
    corpus : with extracted features.
    audio, visual : finished runs of `train_audio` and `train_frames`.
    dropout : share dropped after the dense layers; the paper names none.
    protocol : how to train.
    seed : see `Run`.
    """
    k = visual.parameters["num_frames"]
    run = Run(
        f"fusion-{audio.model}-{audio.parameters['segmentation']}-{visual.model}-k{k}-s{seed}",
        "fusion",
        "late_fusion",
        {"num_frames": k, "dropout": dropout, "audio": audio.name, "visual": visual.name},
        protocol,
        seed,
        (audio.sha256(corpus), visual.sha256(corpus)),
    )
    sound = sound_embeddings(corpus, audio)

    def load(video_ids: list[str], training_now: bool) -> batches.Load:
        def one(number: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
            video_id = video_ids[number]
            drawn = generator if training_now else None
            return {
                "frames": read_embeddings(corpus, visual.model, video_id, k, drawn),
                "sound": sound[video_id],
            }

        return one

    def build() -> keras.Model:
        return models.build(
            "late_fusion",
            len(corpus.labels),
            num_frames=k,
            frame_features=models.embedding_size(visual.model),
            sound_features=len(next(iter(sound.values()))),
            dropout=dropout,
        )

    return _complete(run, corpus, Recipe(load, build))


def sound_embeddings(corpus: Corpus, audio: Run) -> dict[str, np.ndarray]:
    """Return what an audio run's network makes of every video's sound, before its classes.

    A video without a sound stream gets zeros, as the paper gives a missing modality.

    Returns
    -------
    dict of str to np.ndarray [shape=(num_features,), float32]
    """
    path = audio.directory(corpus) / "embeddings.npz"
    video_ids = corpus.usable.video_id.tolist()
    if path.exists():
        with np.load(path, allow_pickle=False) as stored:
            if stored["video_ids"].tolist() == video_ids:
                return dict(zip(video_ids, stored["values"], strict=True))
    network = keras.saving.load_model(audio.directory(corpus) / "best.keras", safe_mode=True)
    network = keras.Model(network.input, network.get_layer("embedding").output)
    store = corpus.directory / "features"
    segmentation = audio.parameters["segmentation"]
    parts = []
    for start in range(0, len(video_ids), audio.protocol.batch_size):
        chosen = video_ids[start : start + audio.protocol.batch_size]
        values = network.predict_on_batch(np.stack([read_spectrogram(store, i, segmentation) for i in chosen]))
        has_sound = [
            features.read_spectrogram(store / f"{i}.h5", f"choi2016_{segmentation}") is not None for i in chosen
        ]
        parts.append(np.asarray(values) * np.array(has_sound)[:, None])
    values = np.concatenate(parts).astype(np.float32)
    with files.whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, video_ids=np.array(video_ids), values=values)
    return dict(zip(video_ids, values, strict=True))


def _complete(run: Run, corpus: Corpus, recipe: Recipe) -> Run:
    """Do whatever of a run is not done yet."""
    directory = run.directory(corpus)
    result_path = paths.results_dir(corpus.name) / f"{run.name}.json"
    if _is_done(run, corpus, result_path) and (directory / "best.keras").exists():
        return run
    splits = {name: corpus.split(name) for name in ("train", *EVALUATED)}
    for name in ("train", "validation", "test"):
        if splits[name].empty:
            raise CorpusError(f"{corpus.name}: the {name} split is empty; a run needs videos in all three")
    files.write_json(directory / "run.json", dataclasses.asdict(run))

    def batches_of(name: str, epoch: int = 0, training_now: bool = False) -> Batches:
        table = splits[name]
        return Batches(
            recipe.load(table.video_id.tolist(), training_now),
            corpus.targets(table),
            run.protocol.batch_size,
            seed=run.seed,
            epoch=epoch,
            shuffle=training_now,
            num_frames=recipe.num_frames,
        )

    model, history = training.fit(
        recipe.build,
        lambda epoch: batches_of("train", epoch, training_now=True),
        batches_of("validation"),
        run.protocol,
        directory,
        seed=run.seed,
        description=run.name,
    )
    scores = {name: _predict(model, batches_of(name)) for name in EVALUATED if not splits[name].empty}
    _write_result(run, corpus, model, history, splits, scores, result_path)
    return run


def _predict(model: keras.Model, dataset: Batches) -> np.ndarray:
    """Return video-level scores [shape=(num_videos, num_classes)]: the mean over frames where there are any."""
    scores = [np.asarray(model.predict_on_batch(dataset[number][0])) for number in range(len(dataset))]
    return np.concatenate([values.mean(axis=1) if values.ndim == 3 else values for values in scores])


def _is_done(run: Run, corpus: Corpus, result_path: Path) -> bool:
    if not result_path.exists():
        return False
    return json.loads(result_path.read_text(encoding="utf-8")).get("run_sha256") == run.sha256(corpus)


def _write_result(
    run: Run,
    corpus: Corpus,
    model: keras.Model,
    history: pd.DataFrame,
    splits: dict[str, pd.DataFrame],
    scores: dict[str, np.ndarray],
    result_path: Path,
) -> None:
    """Write predictions first and the result last: a result that is there is complete."""
    metrics = {}
    for name, values in scores.items():
        table = evaluation.predictions_table(splits[name].video_id, corpus.targets(splits[name]), values, corpus.labels)
        suffix = "" if name == "test" else f".{name}"
        files.write_text(result_path.with_suffix(f"{suffix}.predictions.csv"), table.to_csv(index=False))
        truth, rounded, _ = evaluation.from_predictions(table)
        metrics[name] = evaluation.evaluate(truth, rounded)
    best = int(history["val_loss"].argmin())
    warm_up = training.read_history(run.directory(corpus) / "warm_up")
    everything = pd.concat([warm_up, history])
    files.write_json(
        result_path,
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
            "epochs": len(history),
            "best_epoch": best + 1,
            "warm_up_epochs": len(warm_up),
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
            "index_sha256": provenance.index_sha256(corpus.index),
            "uses": run.uses,
            "run_sha256": run.sha256(corpus),
        },
    )
