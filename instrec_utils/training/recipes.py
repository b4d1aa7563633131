"""How the examples and the network of a run are made, for each kind of model."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from instrec_utils import corpora, files, models
from instrec_utils.config import CROP_SIZE
from instrec_utils.features import embeddings, store
from instrec_utils.features.drawn import DrawnFrames
from instrec_utils.inputs import frames
from instrec_utils.training import fit, warm_up
from instrec_utils.training.batches import Batches, Load
from instrec_utils.training.learned import audio_embeddings_of, frame_embeddings_of, scores_of, temperature_of
from instrec_utils.training.run import Run

WITHOUT_PHOTOGRAPHS = "without_photographs.json"  # in a run's folder: the classes of which there are none


@dataclass(frozen=True)
class Recipe:
    """How a run's examples and network are made.

    `load` tells, of video ids and the epoch of training, or None to evaluate, how an example is loaded and how many a
    video has, whose score is the mean of theirs; `build` returns a new model; `learn_from` picks the rows of a split
    that can teach something; `learned_split` is the split whose videos it learns from.
    """

    load: Callable[[list[str], int | None], tuple[Load, int]]
    build: Callable[[], keras.Model]
    learn_from: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
    learned_split: str = "train"


def _audio_recipe(run: Run) -> Recipe:
    features_dir, audio_input, augment = run.corpus.directory / "features", run.audio_input, run.parameters["augment"]
    if any(store.lacks_input(features_dir, video_id, audio_input) for video_id in run.corpus.usable["video_id"]):
        from instrec_utils.features import extraction  # a machine that only trains has nothing to decode videos with

        extraction.extract_inputs(run.corpus, audio_input)

    def load(video_ids: list[str], epoch: int | None) -> tuple[Load, int]:
        per_video = audio_input.num_examples if epoch is None else audio_input.num_training_examples

        def one(number: int, generator: np.random.Generator) -> np.ndarray:
            video, place = divmod(number, per_video)
            spectrogram = store.load_input(features_dir, video_ids[video], audio_input)
            if epoch is None:
                return audio_input.examples(spectrogram)[place]
            return audio_input.draw(spectrogram, generator, augment)

        return one, per_video

    def build() -> keras.Model:
        parts = run.architecture.warm_up if run.parameters["warm_up_epochs"] else None
        warmed_up = parts and warm_up.train_segments(run, parts)
        keras.utils.set_random_seed(run.seed)
        network = models.build(run.model, len(run.corpus.labels), **run.options)
        if parts:
            parts.start(network, warmed_up)
            if parts.blocks:  # what follows the blocks then learns from them
                warm_up.train_head(run, parts, network)
        return network

    return Recipe(load, build, lambda table: warm_up.learn_from(run, table))


def _audio_or_classes_recipe(run: Run) -> Recipe:
    """Return the recipe of a whole audio network, or of the classes after a frozen one."""
    recipe, backbone, per_video = _audio_recipe(run), run.audio_backbone, run.audio_input.num_examples
    if backbone is None:
        return recipe
    values = embeddings.audioset_embeddings(
        run.corpus, run.audio_input, run.model, backbone, features_key=run.features_key
    )

    def load(video_ids: list[str], _: int | None) -> tuple[Load, int]:
        return lambda number, _: values[video_ids[number // per_video]][number % per_video], per_video

    return dataclasses.replace(recipe, load=load, build=lambda: _build_classes(run))


def _build_classes(run: Run) -> keras.Model:
    """Return a layer of classes of what a frozen backbone gives."""
    inputs = keras.Input((run.architecture.embedding_size,), name="embedding")
    scores = keras.layers.Dense(len(run.corpus.labels), activation="softmax", name="scores", dtype="float32")
    return keras.Model(inputs, scores(inputs), name=f"{run.model}_classes")


def _visual_recipe(run: Run) -> Recipe:
    corpus, frozen, k = run.corpus, run.parameters["freeze_backbone"], run.parameters["num_frames"]
    features_dir = corpus.directory / "features"
    folder = embeddings.imagenet_embeddings(corpus, run.model, run.hardware) if frozen else features_dir

    @functools.lru_cache(3)  # of training, validation and test
    def drawn_frames(video_ids: tuple[str, ...], turn: int | None) -> DrawnFrames:
        def choose(video: int, count: int) -> np.ndarray:
            return frames.choose(count, k, _draws(run, video, turn))

        return DrawnFrames([store.features_path(features_dir, one) for one in video_ids], choose, run.directory)

    def load(video_ids: list[str], epoch: int | None) -> tuple[Load, int]:
        turn = epoch if epoch is None or run.parameters["redraw_frames"] else 0
        if not frozen:
            return functools.partial(_load_frame, drawn_frames(tuple(video_ids), turn), k, epoch is not None), k
        drawn = functools.partial(_draws, run, turn=turn)
        chosen = [embeddings.choose_embeddings(folder, one, k, drawn(number)) for number, one in enumerate(video_ids)]
        values = np.stack(chosen).astype(np.float16)
        return lambda number, _: values[divmod(number, k)].astype(np.float32), k

    def build() -> keras.Model:
        weights = None if run.parameters["initial_weights"] == "random" else "imagenet"
        network = _build_classes(run) if frozen else models.build(run.model, len(corpus.labels), weights=weights)
        if run.parameters["initial_weights"] == "imagenet+instruments":
            _learn_photographs(run, network)
        return network

    return Recipe(load, build)


def _draws(run: Run, video: int, turn: int | None) -> np.random.Generator | None:
    """Return what draws the frames of a training video, once a run or anew in each epoch; None to evaluate."""
    again = (turn,) if run.parameters["redraw_frames"] else ()
    return None if turn is None else np.random.default_rng((run.seed, video, *again))


def _load_frame(
    drawn: DrawnFrames, k: int, is_training: bool, number: int, generator: np.random.Generator
) -> np.ndarray:
    """Return one of a video's k frames for a backbone that is trained, flipped at random in training."""
    frame = drawn.read(*divmod(number, k))
    if frame is None:
        return np.zeros((CROP_SIZE, CROP_SIZE, 3), np.uint8)
    shown = frames.central_crop(frame[None])
    return (frames.flip_at_random(shown, generator) if is_training else shown)[0]


def _learn_photographs(run: Run, network: keras.Model) -> None:
    """Train a visual network on nine tenths of the photographs of the classes, as long as the others' loss falls."""
    pictures, targets = corpora.read_photographs(run.corpus, run.photographs)
    without = [label for number, label in enumerate(run.corpus.labels) if number not in targets]
    files.write_json(run.directory / WITHOUT_PHOTOGRAPHS, {"without_photographs": without})
    if run.parameters["freeze_backbone"]:
        values = embeddings.photograph_embeddings(run.corpus, run.model, pictures, run.hardware)
    else:
        values = frames.central_crop(pictures)
    held_out = np.random.default_rng(run.seed).permutation(len(targets)) < max(1, len(targets) // 10)

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
    if run.parameters["fusion_form"] == "weighted":
        return _weighted_recipe(run, audio, visual)
    heard, folder, k = audio_embeddings_of(audio), frame_embeddings_of(visual), run.parameters["num_frames"]

    def load(video_ids: list[str], epoch: int | None) -> tuple[Load, int]:
        def one(number: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
            drawn = None if epoch is None else generator
            chosen = embeddings.choose_embeddings(folder, video_ids[number], k, drawn)
            return {"frames": chosen, "audio": heard[video_ids[number]]}

        return one, 1

    def build() -> keras.Model:
        return models.build(
            run.model,
            len(run.corpus.labels),
            num_frames=k,
            frame_features=visual.architecture.embedding_size,
            audio_features=len(next(iter(heard.values()))),
            form=run.parameters["fusion_form"],
            dropout=run.parameters["fusion_dropout"],
            modality_dropout=run.parameters["modality_dropout"],
        )

    return Recipe(load, build)


def _weighted_recipe(run: Run, audio: Run, visual: Run) -> Recipe:
    # Of the videos of the training split, from which they learned, both networks are too sure.
    scores = {"audio_scores": scores_of(audio), "visual_scores": scores_of(visual)}

    def load(video_ids: list[str], epoch: int | None) -> tuple[Load, int]:
        return lambda number, _: {name: of_videos[video_ids[number]] for name, of_videos in scores.items()}, 1

    def build() -> keras.Model:
        return models.build(
            run.model,
            len(run.corpus.labels),
            form="weighted",
            modality_dropout=run.parameters["modality_dropout"],
            temperatures=(temperature_of(audio), temperature_of(visual)),
        )

    return Recipe(load, build, learned_split="validation")


RECIPES = {"audio": _audio_or_classes_recipe, "visual": _visual_recipe, "fusion": _fusion_recipe}
