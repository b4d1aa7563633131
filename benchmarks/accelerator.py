"""How fast each network trains on this machine, beside the same network in plain JAX, and how well it is fed.

Run by hand, on a machine that does nothing else: ``make bench BENCH=accelerator``, with BACKEND=jax for Keras with JAX.
Writes ``runs/benchmarks/results/accelerator.json``, in which networks that are not measured keep their values where
device, backend and versions are the same; it needs no corpus, as it makes features of noise. With ``--tiny`` it only
shows that it works, and writes ``runs/benchmarks/accelerator-tiny.json``.

Of each network, as the profile "paper" trains it, in 32 bits and in 16: samples a second on one batch over and over,
by Keras and in plain JAX (`plain_jax`); which share of the device's peak that is, at three times the products of the
forward pass, as the backward pass takes two; and the time of a step on what is loaded from the store, over that on the
one batch. The peak is what one large product of matrices reaches here; beside it stands what the maker declares, where
it is known.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from unittest import mock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import h5py
import jax
import keras
import measuring
import numpy as np
import pandas as pd
import training as steps
from jax import numpy as jnp
from plain_jax import Plain

from instrec_utils import files, models, provenance
from instrec_utils.corpora import Corpus
from instrec_utils.features import store
from instrec_utils.inputs import frames
from instrec_utils.models import choi2016
from instrec_utils.models.architecture import architectures, audio_inputs
from instrec_utils.training import fit, recipes, runs
from instrec_utils.training.run import Run

PRECISIONS = ("float32", "mixed_bfloat16")
# Operations a second, without sparsity, of what 32 bits are multiplied in by default (TF32), and of bfloat16.
DECLARED = {"H100": (494.7e12, 989.4e12), "H200": (494.7e12, 989.4e12), "A100": (156e12, 312e12)}
LABELS = ("cello", "flute", "organ")
NUM_FRAMES = 10
ORIGIN = ("load_average", "measured", "commit")  # of a network in a precision, in the first files of all of them


def write_corpus(directory: Path, videos_a_class: int) -> Corpus:
    """Write the features of videos in which nothing but noise is to be seen and heard, all for training."""
    generator = np.random.default_rng(1)
    rows = [(f"{label}-{number}", label) for label in LABELS for number in range(videos_a_class)]
    folder = directory / "features"
    for video_id, _ in rows:
        with _features_file(store.features_path(folder, video_id)) as file:
            stored = file.create_dataset("frames", NUM_FRAMES, dtype=h5py.vlen_dtype(np.uint8))
            for number in range(NUM_FRAMES):
                coarse = generator.integers(0, 255, (64, 64, 3), np.uint8)  # as JPEG about as long as real frames
                stored[number] = frames.encode_jpeg(coarse.repeat(4, axis=0).repeat(4, axis=1))
        for one in audio_inputs().values():
            with _features_file(store.input_path(folder, video_id, one)) as file:
                file[f"log_mel/{one.name}"] = generator.uniform(-90, 0, one.shape).astype(np.float16)
                file[f"log_mel/{one.name}"].attrs["settings_sha256"] = store.input_sha256(one)
    index = pd.DataFrame(rows, columns=["video_id", "label"]).assign(split="train", path="none.mp4", duration=30.0)
    return Corpus("noise", "folder", directory, directory, index)


def _features_file(path: Path) -> h5py.File:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = h5py.File(path, "a")
    file.attrs.update(settings_sha256=store.SETTINGS_SHA256, video_bytes=1, duration=30.0)
    return file


def run_of(corpus: Corpus, name: str, precision: str) -> Run:
    """Return the run of a network as the profile "paper" has it."""
    options = {"profile": "paper", "precision": precision}
    visual = {"num_frames": NUM_FRAMES, "initial_weights": "random"} | options
    kind = models.architecture_named(name).kind
    if kind == "audio":
        first = next(iter(models.architecture_named(name).inputs))
        return runs.audio_run(corpus, audio_model=name, segmentation=first, **options)
    if kind == "visual":
        return runs.visual_run(corpus, visual_model=name, **visual)
    joined = {"audio": runs.audio_run(corpus, **options), "visual": runs.visual_run(corpus, **visual)}
    return runs.fusion_run(corpus, **joined, **options)


@contextmanager
def embedded(corpus: Corpus) -> Iterator[None]:
    """Let a fusion join noise in place of what trained networks would make of the videos."""
    generator, folder = np.random.default_rng(2), corpus.directory / "embeddings"
    folder.mkdir(exist_ok=True)
    for video_id in corpus.index["video_id"]:
        with h5py.File(folder / f"{video_id}.h5", "w") as file:
            size = models.architecture_named("efficientnet_lite0").embedding_size
            file["embeddings"] = generator.normal(size=(NUM_FRAMES, size)).astype(np.float16)
    heard = {one: generator.normal(size=choi2016.EMBEDDING_SIZE).astype(np.float32) for one in corpus.index["video_id"]}
    with (
        mock.patch.object(Run, "check_done", lambda run: run),
        mock.patch.object(recipes, "audio_embeddings_of", return_value=heard),
        mock.patch.object(recipes, "frame_embeddings_of", return_value=folder),
    ):
        yield


def peak(precision: str, size: int) -> dict[str, float | None]:
    """Return the operations a second of a product of two matrices of so many rows, and what the maker declares."""
    kind = "float32" if precision == "float32" else "bfloat16"
    one = jnp.ones((size, size), kind)
    product = jax.jit(jnp.matmul)
    product(one, one).block_until_ready()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < 1:
        for _ in range(10):
            last = product(one, one)
        last.block_until_ready()
        count += 10
    measured = count * 2 * size**3 / (time.perf_counter() - started)
    found = [values for card, values in DECLARED.items() if card in jax.devices()[0].device_kind]
    return {"measured": measured, "declared": found[0][PRECISIONS.index(precision)] if found else None}


def seconds_in_plain_jax(plain: Plain, inputs: object, targets: np.ndarray, count: int, turns: int) -> float:
    """Return the seconds of a step, the median over turns of so many."""
    plain.step(inputs, targets).block_until_ready()  # compiles
    found = []
    for _ in range(turns):
        started = time.perf_counter()
        for _ in range(count):
            loss = plain.step(inputs, targets)
        loss.block_until_ready()
        found.append((time.perf_counter() - started) / count)
    return statistics.median(found)


def measure(run: Run, peaks: dict[str, float | None], given: argparse.Namespace) -> dict[str, object]:
    """Measure a network in one precision."""
    with run.hardware.precise():
        model, batches, protocol = steps.of_run(run)
        plain = Plain(model, protocol)
        model.compile(fit.make_optimizer(protocol), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    batches.batch_size = given.batch_size or protocol.batch_size
    batches.order = np.resize(batches.order, (given.left_out + given.steps) * batches.batch_size)
    inputs, targets = batches[0]
    datasets = {"loaded": batches, "in_memory": steps.OneBatch((inputs, targets), len(batches))}
    turns = {name: [] for name in datasets}
    for number in range(given.turns + 1):
        for name, dataset in datasets.items():
            seconds, _ = steps.turn(model, dataset, given.left_out)
            turns[name] += [seconds] if number else []  # the first turn compiles, and fills what is remembered
    seconds = {name: statistics.median(found) for name, found in turns.items()}
    plainly = seconds_in_plain_jax(plain, inputs, targets, given.steps, given.turns)
    operations = 3 * 2 * models.multiply_adds(model) * len(targets)
    return {
        "batch_size": len(targets),
        "samples_a_second": {"keras": len(targets) / seconds["in_memory"], "plain_jax": len(targets) / plainly},
        "keras_over_plain_jax": plainly / seconds["in_memory"],
        "share_of_peak": {
            kind: {"keras": operations / seconds["in_memory"] / value, "plain_jax": operations / plainly / value}
            for kind, value in peaks.items()
            if value
        },
        "starvation": seconds["loaded"] / seconds["in_memory"],
    }


def main() -> None:
    """Measure, write the result, and say what it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=list(architectures()), help="names of architectures")
    parser.add_argument("--steps", type=int, default=30, help="measured in a turn")
    parser.add_argument("--left-out", type=int, default=6, help="steps at the beginning of a turn, not measured")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=0, help="0 for that of the protocol")
    parser.add_argument("--tiny", action="store_true", help="two steps of two samples, to show that it works")
    given = parser.parse_args()
    if given.tiny:
        given.steps, given.left_out, given.turns, given.batch_size = 2, 1, 1, 2
    backend = keras.backend.backend()
    settings = {
        "backend": backend,
        "device": provenance.device(),
        "plain_jax_on": jax.devices()[0].device_kind,
        "is_accelerated": bool(provenance.accelerators()),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "is_tiny": given.tiny,
        "versions": {name: version(name) for name in ("keras", "jax", "jaxlib", "numpy")},
    }
    path = measuring.output("accelerator", given.tiny)
    earlier = measuring.read_earlier(path)
    kept = earlier["networks"] if settings.items() <= earlier.items() else {}
    networks = {
        one: measuring.with_origin(rows, earlier, ORIGIN) for one, rows in kept.items() if one not in given.networks
    }
    # Where networks are kept so is the peak, as their shares are of that.
    size = 256 if given.tiny else 8192
    peaks = earlier["peak"] if networks else {precision: peak(precision, size) for precision in PRECISIONS}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(mock.patch.dict(os.environ, {"INSTREC_HOME": folder}))  # where its runs would lie
        corpus = write_corpus(Path(folder) / "noise", 2 if given.tiny else 13)
        stack.enter_context(embedded(corpus))
        for name in given.networks:
            rows = {}
            for precision in PRECISIONS:
                found = measure(run_of(corpus, name, precision), peaks[precision], given)
                rows[precision] = found | {
                    "load_average": os.getloadavg()[0],
                    "measured": datetime.now(UTC).isoformat(timespec="seconds"),
                    "commit": provenance.commit(),
                }
                of = found["samples_a_second"]
                print(
                    f"{name} in {precision}: {of['keras']:.0f} samples a second by Keras with {backend}, "
                    f"{of['plain_jax']:.0f} in plain JAX; fed, {found['starvation']:.3f} times the time of a step",
                    flush=True,
                )
            networks[name] = rows
            ordered = {one: networks[one] for one in architectures() if one in networks}
            # After each, as a lent machine may be taken back.
            files.write_json(path, settings | {"peak": peaks, "networks": ordered})
    print(f"in {path}")


if __name__ == "__main__":
    main()
