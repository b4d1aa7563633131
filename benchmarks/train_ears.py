"""Train the recogniser's own audio network, and say how well it carries over to sources that it has not learned from.

It learns the outcomes of `ears_material`, and beside them what EfficientAT mn04 makes of the same windows: its tags of
the instruments and, until it is done, its 512 values. Windows are varied in many ways, mixed, masked and coloured anew
each time. Its head is then made as those of the other networks are, and calibrated on a soundfont that taught nothing.

What is made, and the trained networks, are kept in ``data/ears``, each epoch for itself; whatever is interrupted
carries on. It writes ``instrec_utils/recognise/ears.npz`` and ``results/benchmarks/ears.json``.
"""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import train_heads
from ears_material import HELD_OUT, UNSEEN, Material, in_decibels, read_material

from instrec_utils import evaluation, files, paths, provenance
from instrec_utils.config import LABELS
from instrec_utils.models import ears
from instrec_utils.models.hardware import fastest
from instrec_utils.recognise import networks
from instrec_utils.recognise.heads import NONE, OUTCOMES

SEED = 1
EPOCHS = 150
EPOCH = 2048  # windows
BATCH = 64
FRAMES = 80  # of 20 ms: of a window of 4 s, 1.6 s are learned from at a time
LEARNING_RATE = 2e-3
KEPT = 0.99  # of the mean of the weights at each step: with it a training may end anywhere
WEIGHT_DECAY = 1e-3
LOSSES = {"outcomes": 1.0, "tags": 4.0, "teacher": 0.5}  # weights of what is learned
PENALTY = 1e-2  # inverse strength of the regularisation of the head
SHARE_MIXED = 0.5  # of the windows, with another one
SHARE_NONE = 0.16  # of the windows, in which none of the instruments is


def varied(levels: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return spectrograms in dB [shape=(num_windows, 64, num_frames)] of parts, faster or slower, higher or lower."""
    count, bands, length = levels.shape
    speed = generator.uniform(0.8, 1.25, (count, 1))
    start = generator.uniform(0, 1, (count, 1)) * (length - FRAMES * speed)
    places = np.clip(start + speed * np.arange(FRAMES), 0, length - 1).astype(int)
    higher = np.clip(np.arange(bands) + generator.integers(-2, 3, (count, 1)), 0, bands - 1)
    return in_decibels(levels[np.arange(count)[:, None, None], higher[:, :, None], places[:, None, :]])


def mixed(
    windows: np.ndarray, targets: dict[str, np.ndarray], generator: np.random.Generator
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return windows of which some have another one in them, and their targets.

    Of two instruments each counts by how loud it is; one is heard however loud the noise is, up to 6 dB above it.
    """
    partner = generator.permutation(len(windows))
    is_none = targets["outcomes"][:, -1] == 1
    is_mixed = (generator.random(len(windows)) < SHARE_MIXED) & ~(is_none & ~is_none[partner])
    below = np.where(is_none[partner], generator.uniform(-6, 30, len(windows)), generator.uniform(0, 25, len(windows)))
    loudness = np.quantile(windows.max(axis=1), 0.9, axis=1)
    gain = (loudness - loudness[partner] - below)[:, None, None]
    quieter = np.where(is_mixed[:, None, None], windows[partner] + gain, -np.inf).astype(np.float32)
    share = np.where(is_mixed & ~is_none[partner], 1 / (1 + 10 ** (below / 10)), 0)[:, None]
    found = dict(targets)
    for name in ("outcomes", "tags"):
        found[name] = (1 - share) * targets[name] + share * targets[name][partner]
    return np.logaddexp(windows / DB, quieter / DB).astype(np.float32) * DB, found


DB = np.float32(10 / np.log(10))


def coloured(windows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return windows as other rooms, microphones and codecs would have them: tails, colours, limits, hiss and gaps."""
    count, bands, frames = windows.shape

    def draw(low: float, high: float, share: float, otherwise: float = 0) -> np.ndarray:
        drawn = np.where(generator.random(count) < share, generator.uniform(low, high, count), otherwise)
        return drawn[:, None, None].astype(np.float32)

    if generator.random() < 0.3:  # the tail of a room: what each frame keeps of the one before
        power, kept = 10 ** (windows / 10), 10 ** (-0.12 / generator.uniform(0.3, 1.8, (count, 1)))
        level, tail = generator.uniform(0, 1, (count, 1)) * (1 - kept), power[:, :, 0]
        for frame in range(frames):
            tail = kept * tail + power[:, :, frame]
            power[:, :, frame] += level * tail
        windows = 10 * np.log10(power).astype(np.float32)
    place = np.linspace(0, 1, bands, dtype=np.float32)[None, :, None]
    curve = draw(-10, 10, 0.7) * (2 * place - 1)
    for turns in (1, 2, 3):
        curve = curve + draw(-5, 5, 0.7) * np.sin(np.pi * (turns * place + draw(0, 2, 1)))
    curve -= 60 * np.clip((place - draw(0.45, 1, 0.5, 2)) * 16, 0, 1)
    curve -= 40 * np.clip((draw(0.02, 0.2, 0.4, -1) - place) * 8, 0, 1)
    windows = windows + curve
    loudest = windows.max(axis=(1, 2), keepdims=True)
    hiss = loudest - draw(25, 75, 0.7, 100) + draw(-15, 15, 1) * (place - 0.5) + draw(-8, 8, 1) * np.sin(6 * place)
    windows = np.maximum(windows, hiss + generator.normal(0, 2, windows.shape).astype(np.float32))
    band, frame = np.arange(bands)[None, :, None], np.arange(frames)[None, None, :]
    for at, size, most in ((band, bands, 14), (frame, frames, 16), (frame, frames, 16)):
        first = draw(0, size, 1)
        windows = np.where((at >= first) & (at < first + draw(0, most, 0.6)), loudest - ears.RANGE, windows)
    return windows + draw(-40, 10, 1)


def joined(levels: np.ndarray) -> np.ndarray:
    """Return spectrograms as the network is given them, in 8 bits as they were."""
    return np.stack([(ears.joined(one.astype(np.float32)) + 0.5).astype(np.uint8) for one in levels])


class Windows(keras.utils.PyDataset):
    """Batches of chosen windows, other ones each epoch, each the same however training was interrupted."""

    def __init__(self, material: Material, chosen: np.ndarray) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.epoch, table = 0, material.table
        self.levels, numbers = material.levels, np.array([OUTCOMES.index(one) for one in table["outcome"]])
        scale = material.embeddings[chosen].std(axis=0) + 0.05
        self.targets = {
            "outcomes": np.eye(len(OUTCOMES), dtype=np.float32)[numbers],
            "tags": 1 / (1 + np.exp(-material.tags)),
            "teacher": (material.embeddings - material.embeddings[chosen].mean(axis=0)) / scale,
        }
        each = table[chosen].groupby(["outcome", "source"])["outcome"].transform("size").to_numpy() ** -0.5
        share = pd.Series(each).groupby(table["outcome"][chosen].to_numpy()).transform("sum").to_numpy()
        wanted = np.where(table["outcome"][chosen] == NONE, SHARE_NONE, (1 - SHARE_NONE) / len(LABELS))
        self.numbers, self.shares = np.flatnonzero(chosen), wanted * each / share

    def __len__(self) -> int:
        return EPOCH // BATCH

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        generator = np.random.default_rng([SEED, self.epoch, index])
        drawn = generator.choice(self.numbers, BATCH, p=self.shares)
        windows = varied(self.levels[drawn], generator)
        windows, targets = mixed(windows, {name: values[drawn] for name, values in self.targets.items()}, generator)
        return ears.relative_levels(coloured(windows, generator)), targets


def trained(material: Material, chosen: np.ndarray) -> keras.Model:
    """Return a network that has learned from chosen windows; it is kept."""
    folder = paths.data_dir() / "ears"
    keras.utils.set_random_seed(SEED)
    with fastest().precise():
        model = ears.build(len(OUTCOMES), material.embeddings.shape[1])
    path = folder / "network" / "weights.npz"
    if not (weights := files.read_arrays(path)):
        batches = Windows(material, chosen)
        model.compile(
            keras.optimizers.AdamW(
                LEARNING_RATE, weight_decay=WEIGHT_DECAY, clipnorm=5.0, use_ema=True, ema_momentum=KEPT
            ),
            loss={
                "outcomes": keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.05),
                "tags": keras.losses.BinaryCrossentropy(from_logits=True),
                "teacher": keras.losses.Huber(),
            },
            loss_weights=LOSSES,
            metrics={"outcomes": "accuracy"},
        )
        callbacks = [
            keras.callbacks.BackupAndRestore(folder / "network" / "interrupted"),
            keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: setattr(batches, "epoch", epoch)),
        ]
        model.fit(batches, epochs=EPOCHS, callbacks=callbacks, verbose=2)
        weights = {f"{number:03}": values for number, values in enumerate(model.get_weights())}
        files.write_arrays(path, **weights)
    model.set_weights([weights[key] for key in sorted(weights)])
    return model


def values_of(model: keras.Model, material: Material) -> train_heads.Material:
    """Return what a network makes of all windows, for a head to be trained on."""
    network = networks.OwnAudioNetwork(ears.tensors_of(model))
    each = [network(in_decibels(one[None])) for one in material.levels]
    values = networks.Values(*map(np.concatenate, zip(*each, strict=True)))
    return train_heads.Material(values, material.table)


def main() -> None:
    """Train, calibrate, write and print."""
    material = read_material()
    table = material.table
    is_out = (table["source"] == HELD_OUT).to_numpy()
    may_teach = ~is_out & ~table["group"].isin(UNSEEN).to_numpy()
    model = trained(material._replace(levels=joined(material.levels)), may_teach)
    values = values_of(model, material)
    head = train_heads.regression(values, may_teach, PENALTY)
    probabilities = head.probabilities(values.values)
    is_known = is_out & ~table["group"].isin(UNSEEN).to_numpy()
    truth = table["outcome"][is_known].map(OUTCOMES.index).to_numpy()
    temperature = evaluation.temperature(truth, probabilities[is_known])
    probabilities = evaluation.with_temperature(probabilities, temperature)
    thresholds = train_heads.thresholds_of(probabilities[is_known], truth)
    arrays = {"labels": np.array(head.labels), "temperature": np.float32(temperature)}
    numbers = {"weights": head.weights, "shift": head.shift, "thresholds": thresholds}
    arrays |= {name: one.astype(np.float32) for name, one in numbers.items()}
    networks.write_own(networks.OWN, ears.tensors_of(model), arrays)
    found = {
        "windows": table[may_teach]["source"].value_counts().to_dict(),
        "parameters": sum(one.size for one in ears.tensors_of(model)) + head.weights.size + head.shift.size,
        "epochs": EPOCHS,
        "temperature": round(temperature, 3),
        "calibration_error": round(evaluation.calibration_error(truth, probabilities[is_known]), 4),
        "held_out": train_heads.measured(values, table["source"].where(is_out, ""), probabilities),
        "thresholds": dict(zip(LABELS, thresholds.round(3).tolist(), strict=True)),
        "commit": provenance.commit(),
        "versions": provenance.versions(),
    }
    files.write_json(paths.home() / "results" / "benchmarks" / "ears.json", found)
    print(pd.json_normalize(found, max_level=1).T.to_string())


if __name__ == "__main__":
    main()
