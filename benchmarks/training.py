"""How long the input pipeline keeps a network waiting: the time of a training step on what it loads, and on one batch.

Run by hand, on a machine that does nothing else, once the corpus' report is made: ``python benchmarks/training.py``.
Writes ``runs/benchmarks/results/training.json``.

All kinds of examples are measured as `experiments` and `warm_up` train on them: in the profile "quick", augmented,
single segments, windows of a second, whole inputs, and the vectors that the fusion joins; in the profile "paper"
frames, from which whole networks learn. Each network trains on what
its `Batches` load from the store, and, in turn with that, on the first of these batches over and over, which is in
memory and costs nothing. The first steps of each turn, in which TensorFlow reads batches to learn their shapes and the
queue fills, are left out. The ratio is that of the medians over all turns, and its limit is on the wall time. The
processor's time is given as well: a CPU that trains also loads, so that it cannot hide what loading costs, and where
other work disturbed the wall time, the processor's time says how much that is. How many examples a core loads in a
second is measured without any training.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import measuring
import numpy as np
from tqdm import tqdm

from instrec_utils import corpora, files, provenance
from instrec_utils.config import Protocol
from instrec_utils.corpora import Corpus
from instrec_utils.training import experiments, fit, runs, warm_up
from instrec_utils.training.batches import Batch, Batches
from instrec_utils.training.recipes import RECIPES
from instrec_utils.training.run import Run

LIMIT = 1.1  # what the project promises


class Plan(NamedTuple):
    """How much is measured of one kind of examples: as much as an epoch has, and less where a step takes seconds."""

    num_turns: int
    left_out: int  # steps at the beginning of a turn
    steps: int  # measured in a turn


PLANS = {
    "segments": Plan(5, 6, 40),
    "windows": Plan(5, 6, 12),
    "whole inputs": Plan(5, 6, 8),
    "whole inputs, Xception": Plan(3, 4, 4),
    "fusion": Plan(5, 6, 16),
    "frames, EfficientNet-Lite0": Plan(3, 4, 3),
    "frames, Inception v3": Plan(3, 3, 2),
}

Measured = tuple[keras.Model, Batches, Protocol]


class OneBatch(Batches):
    """The same batch, a number of times."""

    def __init__(self, batch: Batch, count: int) -> None:
        super().__init__(lambda number, _: number, np.arange(count), batch_size=1)
        self.batch = batch

    def __getitem__(self, _: int) -> Batch:
        return self.batch


class Clock(keras.callbacks.Callback):
    """Notes the wall time and the processor's time at the end of every step."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[tuple[float, float]] = []

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Note the times."""
        self.times.append((time.perf_counter(), time.process_time()))


def segments(corpus: Corpus) -> Measured:
    """Return what the warm-up of Choi's network trains, and on what."""
    with mock.patch.object(fit, "fit", return_value=(None, None)) as fitted:
        run = runs.audio_run(corpus)
        warm_up.train_segments(run, run.architecture.warm_up)
    build, batches_of, _, protocol, _ = fitted.call_args.args
    return build(), batches_of(0), protocol


def of_run(run: Run) -> Measured:
    """Return what a run trains, and on what."""
    recipe = RECIPES[run.kind](run)
    table = recipe.learn_from(run.corpus.split("train"))
    return recipe.build(), experiments._batches_of(run, recipe, table, epoch=0), run.protocol


def audio(corpus: Corpus, audio_model: str) -> Measured:
    """Return what an audio run without a warm-up trains, and on what."""
    return of_run(runs.audio_run(corpus, audio_model=audio_model, audio_warm_up_epochs=0))


def visual(corpus: Corpus, visual_model: str) -> Measured:
    """Return what a visual run trains that trains the whole network, and on what."""
    return of_run(runs.visual_run(corpus, visual_model=visual_model, profile="paper", initial_weights="random"))


def fusion(corpus: Corpus) -> Measured:
    """Return what the paper's fusion trains, and on what."""
    return of_run(runs.runs_of(corpus, runs.report_parameters(corpus.name))["fusion"])


WORK: dict[str, Callable[[Corpus], Measured]] = {
    "segments": segments,
    "windows": lambda corpus: audio(corpus, "han2016"),
    "whole inputs": lambda corpus: audio(corpus, "choi2016"),
    "whole inputs, Xception": lambda corpus: audio(corpus, "xception_audio"),
    "fusion": fusion,
    "frames, EfficientNet-Lite0": lambda corpus: visual(corpus, "efficientnet_lite0"),
    "frames, Inception v3": lambda corpus: visual(corpus, "inception_frames"),
}


def loaded_a_second(batches: Batches) -> float:
    """Return how many examples a core loads in a second of its time, with nothing trained."""
    started = time.process_time()
    count = sum(len(batches[number][1]) for number in range(len(batches)))
    return count / (time.process_time() - started)


def turn(model: keras.Model, dataset: Batches, left_out: int) -> tuple[float, float]:
    """Return the mean wall time and processor's time of the steps but for the first ones."""
    clock = Clock()
    model.fit(dataset.feed(), shuffle=False, verbose=0, callbacks=[clock])
    first, last = clock.times[left_out - 1], clock.times[-1]
    count = len(clock.times) - left_out
    return (last[0] - first[0]) / count, (last[1] - first[1]) / count


def measure(name: str, corpus: Corpus) -> dict[str, object]:
    """Measure one kind of examples, turn by turn."""
    plan = PLANS[name]
    model, batches, protocol = WORK[name](corpus)
    model.compile(fit.make_optimizer(protocol), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    batches.order = batches.order[: (plan.left_out + plan.steps) * protocol.batch_size]
    datasets = {"loaded": batches, "in_memory": OneBatch(batches[0], len(batches))}
    for dataset in datasets.values():
        turn(model, dataset, plan.left_out)  # compiles, and fills what is remembered
    turns: dict[str, list[tuple[float, float]]] = {kind: [] for kind in datasets}
    for _ in tqdm(range(plan.num_turns), desc=name, unit="turn"):
        for kind, dataset in datasets.items():
            turns[kind].append(turn(model, dataset, plan.left_out))
    wall, cpu = ({kind: statistics.median(one[i] for one in turns[kind]) for kind in turns} for i in (0, 1))
    return {
        "batch_size": protocol.batch_size,
        "turns": plan.num_turns,
        "steps_of_a_turn": len(batches) - plan.left_out,
        "seconds": wall,
        "cpu_seconds": cpu,
        "ratio": wall["loaded"] / wall["in_memory"],
        "cpu_ratio": cpu["loaded"] / cpu["in_memory"],
        "loaded_a_second_a_core": loaded_a_second(batches),
        "load_average": os.getloadavg()[0],
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": provenance.commit(),
    }


def main() -> None:
    """Measure, write the result, and say what it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", default="open", help="prepared, and its models trained by `make report`")
    parser.add_argument("--work", nargs="+", choices=WORK, default=list(WORK), help="what to measure anew")
    given = parser.parse_args()
    corpus = corpora.read_corpus(given.corpus)
    path = measuring.output("training")
    settings = {
        "corpus": corpus.name,
        "limit_ratio": LIMIT,
        "backend": keras.backend.backend(),
        "versions": provenance.versions(),
        "device": provenance.device(),
    }
    earlier = measuring.read_earlier(path)
    work = earlier["work"] if settings.items() <= earlier.items() else {}
    for name in given.work:
        found = work[name] = measure(name, corpus)
        print(
            f"{name}: {1000 * found['seconds']['loaded']:.0f} ms a step, {found['ratio']:.3f} of that in memory; "
            f"of the processor's time {found['cpu_ratio']:.3f}; "
            f"{found['loaded_a_second_a_core']:.0f} examples a second a core"
        )
        # Each costs minutes.
        files.write_json(path, settings | {"work": {one: work[one] for one in WORK if one in work}})
    print(f"in {path}")


if __name__ == "__main__":
    main()
