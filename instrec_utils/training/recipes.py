"""How the examples and the network of a run are made, for each kind of model."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from instrec_utils import corpora, models
from instrec_utils.config import CROP_SIZE
from instrec_utils.features import embeddings, store
from instrec_utils.inputs import frames
from instrec_utils.training import fit, warm_up
from instrec_utils.training.batches import Batches, Load
from instrec_utils.training.run import Run


@dataclass(frozen=True)
class Recipe:
    """How a run's examples and network are made.

    `load` tells, of video ids and whether to train, how an example is loaded and how many a video has, whose score is
    the mean of theirs; `build` returns a new model; `learn_from` picks the rows of a split that can teach something.
    """

    load: Callable[[list[str], bool], tuple[Load, int]]
    build: Callable[[], keras.Model]
    learn_from: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table


def _audio_recipe(run: Run) -> Recipe:
    features_dir, audio_input, augment = run.corpus.directory / "features", run.audio_input, run.parameters["augment"]

    def load(video_ids: list[str], is_training: bool) -> tuple[Load, int]:
        per_video = audio_input.num_training_examples if is_training else audio_input.num_examples

        def one(number: int, generator: np.random.Generator) -> np.ndarray:
            video, place = divmod(number, per_video)
            spectrogram = store.load_input(features_dir, video_ids[video], audio_input)
            if is_training:
                return audio_input.draw(spectrogram, generator, augment)
            return audio_input.examples(spectrogram)[place]

        return one, per_video

    def build() -> keras.Model:
        parts = run.architecture.warm_up if run.parameters["warm_up_epochs"] else None
        warmed_up = parts and warm_up.train_segments(run, parts)
        keras.utils.set_random_seed(run.seed)
        network = models.build(run.model, len(run.corpus.labels))
        if parts:
            parts.start(network, warmed_up)
            if parts.blocks:  # what follows the blocks then learns from them
                warm_up.train_head(run, parts, network)
        return network

    return Recipe(load, build, lambda table: store.audible_videos(run.corpus, table, audio_input))


def _visual_recipe(run: Run) -> Recipe:
    corpus, frozen, k = run.corpus, run.parameters["freeze_backbone"], run.parameters["num_frames"]
    if frozen:
        embeddings.embed_frames(corpus.usable["video_id"].tolist(), corpus.directory, run.model)

    def load(video_ids: list[str], is_training: bool) -> tuple[Load, int]:
        def chosen(number: int) -> np.ndarray:
            # The frames of a video are drawn once a run, not once an epoch.
            drawn = np.random.default_rng((run.seed, number)) if is_training else None
            return embeddings.choose_embeddings(corpus.directory, run.model, video_ids[number], k, drawn)

        if frozen:
            values = np.stack([chosen(number) for number in range(len(video_ids))]).astype(np.float16)
            return lambda number, _: values[divmod(number, k)].astype(np.float32), k
        return _load_frames(run, video_ids, is_training), k

    def build() -> keras.Model:
        if frozen:
            inputs = keras.Input((run.architecture.embedding_size,), name="embedding")
            scores = keras.layers.Dense(len(corpus.labels), activation="softmax", name="scores", dtype="float32")
            network = keras.Model(inputs, scores(inputs), name=f"{run.model}_classes")
        else:
            network = models.build(run.model, len(corpus.labels))
        if run.parameters["pretrained"]:
            _learn_photographs(run, network)
        return network

    return Recipe(load, build)


def _load_frames(run: Run, video_ids: list[str], is_training: bool) -> Load:
    """Return how one of a video's k frames is loaded for a backbone that is trained."""
    features_dir, k = run.corpus.directory / "features", run.parameters["num_frames"]

    def one(number: int, generator: np.random.Generator) -> np.ndarray:
        video, place = divmod(number, k)
        path = store.features_path(features_dir, video_ids[video])
        count = store.count_frames(path)
        if not count:
            return np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8)
        drawn = np.random.default_rng((run.seed, video)) if is_training else None
        frame = frames.central_crop(store.read_frames(path, frames.choose(count, k, drawn)[place : place + 1]))
        return (frames.flip_at_random(frame, generator) if is_training else frame)[0]

    return one


def _learn_photographs(run: Run, network: keras.Model) -> None:
    """Train a visual network on nine tenths of the photographs of the classes, as long as the others' loss falls."""
    if run.parameters["freeze_backbone"]:
        values, targets = embeddings.photograph_embeddings(run.corpus, run.model)
    else:
        pictures, targets = corpora.read_photographs(run.corpus)
        values = frames.central_crop(pictures)
    held_out = np.random.default_rng(run.seed).permutation(len(targets)) < len(targets) // 10

    def batches_of(chosen: np.ndarray, epoch: int = 0, shuffle: bool = False) -> Batches:
        rows = np.flatnonzero(chosen)

        def load(number: int, _: np.random.Generator) -> np.ndarray:
            return values[rows[number]]

        return Batches(load, targets[rows], run.protocol.batch_size, seed=run.seed, epoch=epoch, shuffle=shuffle)

    learned, _ = fit.fit(
        lambda: network,
        lambda epoch: batches_of(~held_out, epoch, shuffle=True),
        batches_of(held_out),
        run.protocol,
        run.directory / "photographs",
        seed=run.seed,
        description=f"{run.name} photographs",
        hardware=run.hardware,
    )
    network.set_weights(learned.get_weights())


def _fusion_recipe(run: Run) -> Recipe:
    audio, visual = (one.check_done() for one in run.joined)
    corpus, k = run.corpus, run.parameters["num_frames"]
    heard = audio_embeddings_of(audio)
    embeddings.embed_frames(corpus.usable["video_id"].tolist(), corpus.directory, visual.model)

    def load(video_ids: list[str], is_training: bool) -> tuple[Load, int]:
        def one(number: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
            video_id = video_ids[number]
            drawn = generator if is_training else None
            chosen = embeddings.choose_embeddings(corpus.directory, visual.model, video_id, k, drawn)
            return {"frames": chosen, "audio": heard[video_id]}

        return one, 1

    def build() -> keras.Model:
        return models.build(
            run.model,
            len(corpus.labels),
            num_frames=k,
            frame_features=visual.architecture.embedding_size,
            audio_features=len(next(iter(heard.values()))),
            form=run.parameters["fusion_form"],
            dropout=run.parameters["fusion_dropout"],
            modality_dropout=run.parameters["modality_dropout"],
        )

    return Recipe(load, build)


def audio_embeddings_of(run: Run) -> dict[str, np.ndarray]:
    """Return what a finished audio run's network makes of every video; see `embeddings.audio_embeddings`."""
    return embeddings.audio_embeddings(
        run.corpus, run.audio_input, run.weights, features_key=run.features_key, description=run.name
    )


RECIPES = {"audio": _audio_recipe, "visual": _visual_recipe, "fusion": _fusion_recipe}
