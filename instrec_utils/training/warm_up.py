"""A cheap start for the audio networks, which a few hundred videos need; the paper, with thousands, has none.

A segment costs a tenth of a whole input and carries as much of a label. Of Choi's network the blocks learn from single
segments, then the dense layer from the blocks. The Xception takes the mean over time, so that all of it learns from
segments. Han's sees windows of a second anyhow; it learns from them with batch normalisation, which is then folded in.
"""

import dataclasses

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from instrec_utils import cluster
from instrec_utils.config import NUM_SEGMENTS, Protocol
from instrec_utils.features import store
from instrec_utils.inputs import augmentation
from instrec_utils.models.architecture import WarmUp
from instrec_utils.models.keras_classes import FusedAdam
from instrec_utils.training import fit
from instrec_utils.training.batches import Batches
from instrec_utils.training.run import Run

PROTOCOL = Protocol("adam", learning_rate=1e-3, batch_size=16, max_epochs=0, patience=0)
# More epochs or a higher rate fit the training videos better and others worse: the validation loss says so.
HEAD_VERSIONS, HEAD_EPOCHS, HEAD_LEARNING_RATE = 4, 5, 1e-4
MIX_PROBABILITY, MIX_DECIBELS = 0.4, (2.0, 15.0)  # another video's sound, so much softer, plays along


def learn_from(run: Run, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of an index' table of the videos from which an audio run learns."""
    is_kept = run.parameters["silent_videos"] == "keep"
    return table if is_kept else store.audible_videos(run.corpus, table, run.audio_input)


def train_segments(run: Run, parts: WarmUp) -> keras.Model:
    """Train on ten segments, or windows, a video: in training from random positions, in validation spread evenly."""
    corpus, audio_input, features_dir = run.corpus, run.audio_input, run.corpus.directory / "features"
    learned, validated = (learn_from(run, corpus.split(split)) for split in ("train", "validation"))

    def batches_of(table: pd.DataFrame, epoch: int = 0, is_training: bool = False) -> Batches:
        video_ids = table["video_id"].tolist()

        def one(number: int, generator: np.random.Generator) -> np.ndarray:
            video, segment = divmod(number, NUM_SEGMENTS)
            spectrogram = store.load_input(features_dir, video_ids[video], audio_input)
            if not is_training:
                return audio_input.segment(spectrogram, segment)
            drawn = audio_input.draw_segment(spectrogram, generator)
            if not run.parameters["augment"]:
                return drawn
            if generator.random() < MIX_PROBABILITY:
                other = store.load_input(features_dir, video_ids[generator.integers(len(video_ids))], audio_input)
                other = audio_input.draw_segment(other, generator)
                drawn = augmentation.mix(drawn, other, generator.uniform(*MIX_DECIBELS))
            return augmentation.vary(drawn, generator)

        targets = np.repeat(corpus.targets(table), NUM_SEGMENTS)
        return Batches(one, targets, PROTOCOL.batch_size, seed=run.seed, epoch=epoch, shuffle=is_training)

    epochs = run.parameters["warm_up_epochs"]
    network, _ = fit.fit(
        lambda: parts.build(len(corpus.labels), **run.options),
        lambda epoch: batches_of(learned, epoch, is_training=True),
        batches_of(validated),
        dataclasses.replace(PROTOCOL, max_epochs=epochs, patience=epochs, halve_every=max(1, epochs // 4)),
        run.directory / "warm_up",
        seed=run.seed,
        description=f"{run.name} warm-up",
        hardware=run.hardware,
    )
    return network


def train_head(run: Run, parts: WarmUp, network: keras.Model) -> None:
    """Train a network's last layers on what its blocks make of each video.

    Where the run augments, that is of versions that vary, with their times shuffled anew in every epoch.
    """
    corpus, audio_input, augments = run.corpus, run.audio_input, run.parameters["augment"]
    num_versions = HEAD_VERSIONS if augments else 1
    table = learn_from(run, corpus.split("train"))
    blocks = keras.Model(network.input, network.get_layer(parts.blocks).output)
    head = keras.Sequential([keras.Input(blocks.output_shape[1:]), *map(network.get_layer, parts.head)])
    head.compile(FusedAdam(HEAD_LEARNING_RATE), loss="sparse_categorical_crossentropy", jit_compile=False)

    def varied(video_id: str) -> np.ndarray:
        spectrogram = store.load_input(corpus.directory / "features", video_id, audio_input)
        generator = np.random.default_rng((run.seed, *video_id.encode()))
        return np.stack(
            [augmentation.vary(spectrogram, generator) if augments else spectrogram for _ in range(num_versions)]
        )

    shown = tqdm(table["video_id"], desc=f"{run.name} head", unit="video")
    values = [np.asarray(blocks.predict_on_batch(versions)) for _, versions in cluster.ahead(varied, shown)]
    inputs = np.concatenate(values).reshape(len(table) * num_versions, -1, parts.block_features)
    targets = np.repeat(corpus.targets(table), num_versions)
    generator = np.random.default_rng(run.seed)
    for _ in range(HEAD_EPOCHS):
        times = np.broadcast_to(np.arange(inputs.shape[1]), inputs.shape[:2])
        shuffled = generator.permuted(times, axis=1) if augments else times
        order = generator.permutation(len(inputs))
        epoch_inputs = np.take_along_axis(inputs, shuffled[..., None], axis=1).reshape(len(inputs), -1)
        head.fit(epoch_inputs[order], targets[order], batch_size=32, epochs=1, shuffle=False, verbose=0)
