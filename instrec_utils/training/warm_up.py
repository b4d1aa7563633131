"""A cheap start for the audio models, which a few hundred videos need; the paper, with thousands, has none.

A segment costs a tenth of a whole input and carries as much of a label. Of Choi's network the blocks learn from single
segments, then the dense layer from the blocks. The Xception takes the mean over time, so that all of it learns from
segments. Han's sees windows of a second anyhow; it learns from them with batch normalisation, which is then folded in.
"""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
from tqdm import tqdm

from instrec_utils import models
from instrec_utils.config import NUM_SEGMENTS, SEGMENT_FRAMES, Protocol
from instrec_utils.corpora import Corpus
from instrec_utils.features import spectrograms
from instrec_utils.models import choi2016
from instrec_utils.models.fused_adam import FusedAdam
from instrec_utils.training import fit as training
from instrec_utils.training.batches import Batches
from instrec_utils.training.runs import Run

PROTOCOL = Protocol("adam", learning_rate=1e-3, batch_size=16, max_epochs=0, patience=0)
# More epochs or a higher rate fit the training videos better and others worse: the validation loss says so.
HEAD_VERSIONS, HEAD_EPOCHS, HEAD_LEARNING_RATE = 4, 5, 1e-4
MIX_PROBABILITY, MIX_DECIBELS = 0.4, (2.0, 15.0)  # another video's sound, so much softer, plays along


def train(run: Run, corpus: Corpus) -> keras.Model:
    """Train on ten segments, or windows, a video: in training from random positions, in validation spread evenly."""
    store, name = corpus.directory / "features", run.input_name
    tables = {split: spectrograms.audible(corpus, corpus.split(split), name) for split in ("train", "validation")}

    def batches_of(split: str, epoch: int = 0, training_now: bool = False) -> Batches:
        video_ids = tables[split]["video_id"].tolist()

        def one(number: int, generator: np.random.Generator) -> np.ndarray:
            video, segment = divmod(number, NUM_SEGMENTS)
            spectrogram = spectrograms.read(store, video_ids[video], name)
            if not training_now:
                return _part(spectrogram, segment)
            part = _random_part(spectrogram, generator)
            if not run.parameters["augment"]:
                return part
            if generator.random() < MIX_PROBABILITY:
                other = spectrograms.read(store, video_ids[generator.integers(len(video_ids))], name)
                other = _random_part(other, generator)
                part = spectrograms.mix(part, other, generator.uniform(*MIX_DECIBELS))
            return spectrograms.vary(part, generator)

        targets = np.repeat(corpus.targets(tables[split]), NUM_SEGMENTS)
        return Batches(one, targets, PROTOCOL.batch_size, seed=run.seed, epoch=epoch, shuffle=training_now)

    epochs = run.parameters["warm_up_epochs"]
    return training.fit(
        lambda: models.build_for_warm_up(run.model, len(corpus.labels)),
        lambda epoch: batches_of("train", epoch, training_now=True),
        batches_of("validation"),
        dataclasses.replace(PROTOCOL, max_epochs=epochs, patience=epochs, halve_every=max(1, epochs // 4)),
        run.directory(corpus) / "warm_up",
        seed=run.seed,
        description=f"{run.name} warm-up",
    )[0]


def _part(spectrogram: np.ndarray, segment: int) -> np.ndarray:
    """Return one of ten segments: of Han's windows, three a segment, the middle one."""
    if spectrogram.ndim == 3:
        return spectrogram[len(spectrogram) // NUM_SEGMENTS * segment + 1]
    return spectrogram[:, segment * SEGMENT_FRAMES : (segment + 1) * SEGMENT_FRAMES]


def _random_part(spectrogram: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    if spectrogram.ndim == 3:
        return spectrogram[generator.integers(len(spectrogram))]
    return spectrograms.random_part(spectrogram, SEGMENT_FRAMES, generator)


def start(run: Run, corpus: Corpus, network: keras.Model, warmed_up: keras.Model) -> None:
    """Give a network what was learned in the warm-up; Choi's then learns its dense layer."""
    models.start_from_warm_up(run.model, network, warmed_up)
    if run.model == "choi2016":
        _train_dense_layer(run, corpus, network)


def _train_dense_layer(run: Run, corpus: Corpus, network: keras.Model) -> None:
    """Train the dense layer and the classes of Choi's network on what its warmed-up blocks give.

    Each audible video is passed through the blocks a few times, varied; its 15 positions in time are then shuffled
    anew in every epoch.
    """
    store, name = corpus.directory / "features", run.input_name
    table = spectrograms.audible(corpus, corpus.split("train"), name)
    blocks = keras.Model(network.input, network.get_layer("flat").output)
    layers = [network.get_layer(layer) for layer in ("embedding", "embedding_dropout", "scores")]
    head = keras.Sequential([keras.Input(blocks.output_shape[1:]), *layers])
    head.compile(FusedAdam(HEAD_LEARNING_RATE), loss="sparse_categorical_crossentropy", jit_compile=False)
    values = []
    for video_id in tqdm(table["video_id"], desc=f"{run.name} head", unit="video"):
        spectrogram = spectrograms.read(store, video_id, name)
        generator = np.random.default_rng((run.seed, *video_id.encode()))
        varied = [spectrograms.vary(spectrogram, generator) for _ in range(HEAD_VERSIONS)]
        values.append(np.asarray(blocks.predict_on_batch(np.stack(varied))))
    inputs = np.concatenate(values).reshape(len(table) * HEAD_VERSIONS, -1, choi2016.EMBEDDED_BANDS)
    targets = np.repeat(corpus.targets(table), HEAD_VERSIONS)
    generator = np.random.default_rng(run.seed)
    for _ in range(HEAD_EPOCHS):
        shuffled = generator.permuted(np.broadcast_to(np.arange(inputs.shape[1]), inputs.shape[:2]), axis=1)
        order = generator.permutation(len(inputs))
        epoch_inputs = np.take_along_axis(inputs, shuffled[..., None], axis=1).reshape(len(inputs), -1)
        head.fit(epoch_inputs[order], targets[order], batch_size=32, epochs=1, shuffle=False, verbose=0)
