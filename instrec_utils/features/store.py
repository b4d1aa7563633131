"""The features store: one HDF5 file a video, written whole or not at all.

Layout of ``<video_id>.h5``, format 1::

    /frames              (num_frames,) variable-length uint8: JPEG of 256 x 256 RGB pictures at 0, 1, 2, ... s;
                         absent without a picture stream
    /log_mel/choi2016_cc (96, 1366) float16, dB; absent without a sound stream
    /log_mel/choi2016_uc (96, 1366) float16, dB
    /log_mel/han2016     (30, 128, 43) float16, dB
    attributes           format, settings_sha256, video_bytes, video_mtime_ns, duration (seconds)

A reader that needs nothing of this package::

    with h5py.File("violin-0001.h5") as file:
        jpeg = file["frames"][0]
        spectrogram = file["log_mel/choi2016_uc"][:]
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import re
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from instrec_utils import cluster, config, files, media
from instrec_utils.corpora import Corpus
from instrec_utils.errors import FeaturesError, InstrecError, MediaError
from instrec_utils.inputs import frames
from instrec_utils.inputs import spectrograms as audio

FORMAT = 1
SETTINGS = {
    "format": FORMAT,
    "choi2016": config.CHOI2016,
    "han2016": config.HAN2016,
    "num_segments": config.NUM_SEGMENTS,
    "segment_seconds": config.SEGMENT_SECONDS,
    "frame_rate": config.FRAME_RATE,
    "frame_size": config.FRAME_SIZE,
    "jpeg_quality": frames.JPEG_QUALITY,
}
SETTINGS_SHA256 = files.sha256_of(SETTINGS)
LEFTOVER_SECONDS = 3600
VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Video:
    """A piece of work: the video and where its features go."""

    video_id: str
    path: Path
    features_path: Path


def features_path(features_dir: Path, video_id: str) -> Path:
    """Return where a video's features are kept.

    Raises
    ------
    FeaturesError
        The id could lead outside the folder.
    """
    if not VIDEO_ID.fullmatch(video_id):
        raise FeaturesError(f"video_id: expected 1 to 64 letters, digits, '-' or '_', got {video_id!r}")
    return Path(features_dir) / f"{video_id}.h5"


def extract_video(video: Video, *, num_threads: int = 1) -> None:
    """Decode one video and write its features file.

    Parameters
    ----------
    video : what to decode, and where to.
    num_threads : that share the work; 0 for one a core. Many videos are faster one core each, a single one with all.

    Raises
    ------
    MediaError
        The video cannot be decoded; nothing is written.
    OSError
        The file cannot be written (a full disk, say); nothing is left of it.
    """
    with cluster.at_most(media.MIN_WORK_SECONDS):
        info = media.probe(video.path)
    try:
        status = video.path.stat()  # before decoding: a video that changes meanwhile is done again
    except OSError as error:
        raise MediaError(f"{video.path}: cannot be read: {error}") from error
    num_threads = num_threads or cluster.num_cores()
    # Pictures and sound each end in an error after the time they may take; this is for what never comes back.
    # One thread multiplies these small matrices fastest, and as the workers do it: to the last bit the same.
    with (
        cluster.at_most(3 * media.work_seconds(info)),
        threadpool_limits(1),
        ThreadPoolExecutor(num_threads) as threads,
    ):
        parts = _submit_pictures(threads, video.path, num_threads) if info.has_picture else []
        sound = threads.submit(_spectrograms, video.path) if info.has_sound else None
        pictures = _joined(parts, video.path)
        spectrograms = sound.result() if sound else {}
    with files.whole(video.features_path) as temporary:
        # HDF5 meets a full disk deep inside its library; through memory it is one plain write that can fail.
        memory = io.BytesIO()
        with h5py.File(memory, "w") as file:
            if pictures:
                store = file.create_dataset("frames", len(pictures), dtype=h5py.vlen_dtype(np.uint8))
                for number, picture in enumerate(pictures):
                    store[number] = picture
            for name, spectrogram in spectrograms.items():
                file.create_dataset(f"log_mel/{name}", data=spectrogram.astype(np.float16))
            file.attrs.update(
                format=FORMAT,
                settings_sha256=SETTINGS_SHA256,
                video_bytes=status.st_size,
                video_mtime_ns=status.st_mtime_ns,
                duration=info.duration,
            )
        temporary.write_bytes(memory.getbuffer())


def _submit_pictures(threads: ThreadPoolExecutor, path: Path, num_threads: int) -> list[Future[list[np.ndarray]]]:
    """Let the threads decode the pictures, each a stretch of its own where the container allows it."""
    # One stretch more than threads: the last piece is the sound, which takes about as long as that.
    firsts = [0] if num_threads == 1 else media.stretches(path, num_threads + 1, frame_rate=config.FRAME_RATE)
    each = num_threads if len(firsts) == 1 else 1
    return [threads.submit(_pictures, path, each, first, stop) for first, stop in itertools.pairwise([*firsts, None])]


def _joined(parts: list[Future[list[np.ndarray]]], path: Path) -> list[np.ndarray]:
    try:
        return [picture for part in parts for picture in part.result()]
    except MediaError:
        if len(parts) == 1:
            raise
        return _pictures(path)  # of a damaged file, what one decoder makes of it


def _pictures(path: Path, num_threads: int = 1, first: int = 0, stop: int | None = None) -> list[np.ndarray]:
    """Return frames from the first to the one before `stop`, or to the end, as JPEG."""
    pictures = media.read_frames(
        path,
        frame_rate=config.FRAME_RATE,
        size=config.FRAME_SIZE,
        numbers=None if stop is None else range(first, stop),
        first=first,
        num_threads=num_threads,
    )
    return [frames.encode_jpeg(picture) for picture in pictures]


def _spectrograms(path: Path) -> dict[str, np.ndarray]:
    rates = (config.CHOI2016.sample_rate, config.HAN2016.sample_rate)
    sound = media.read_sound(path, rates, audio.wanted)
    return {
        "choi2016_cc": audio.choi_input(sound[rates[0]], "cc"),
        "choi2016_uc": audio.choi_input(sound[rates[0]], "uc"),
        "han2016": audio.han_input(sound[rates[1]]),
    }


def is_valid(video: Video) -> bool:
    """Tell whether the features file is whole, of these settings and of this very video file."""
    try:
        status = video.path.stat()
        with h5py.File(video.features_path) as file:
            return (
                file.attrs.get("settings_sha256") == SETTINGS_SHA256
                and file.attrs.get("video_bytes") == status.st_size
                and file.attrs.get("video_mtime_ns") == status.st_mtime_ns
            )
    except (OSError, ValueError):  # ValueError: no file can have that name
        return False


def key_of(features_path: Path) -> str:
    """Return what tells a features file from one of another video, or of other settings, wherever it lies.

    Parameters
    ----------
    features_path : of a video's features file.

    Raises
    ------
    FeaturesError
        The file is missing, damaged, or of other settings.
    """
    modified = features_path.stat().st_mtime_ns if features_path.exists() else 0
    return _key_of(features_path, modified)


@functools.lru_cache(maxsize=100_000)
def _key_of(features_path: Path, modified: int) -> str:
    with _open(features_path) as file:
        return f"{SETTINGS_SHA256} {file.attrs['video_bytes']} {file.attrs['duration']}"


def key_of_all(features_dir: Path, video_ids: Sequence[str]) -> str:
    """Return the sha256 of the keys of videos' features files, in whatever order their ids are; see `key_of`."""
    return files.sha256_of([key_of(features_path(features_dir, video_id)) for video_id in sorted(video_ids)])


def extract(corpus: Corpus, *, scheduler: str = "", num_workers: int = 0) -> pd.DataFrame:
    """Extract the features of every video of a corpus that has none yet.

    Parameters
    ----------
    corpus : features go to ``features/`` in its directory.
    scheduler, num_workers : see `instrec_utils.cluster.connect`.

    Returns
    -------
    pd.DataFrame
        Columns video_id, path, reason: the videos that have no features, also written to
        ``features/errors.csv``.

    Raises
    ------
    OSError
        The store cannot be written (a full disk, say). What is there stays; a second call carries on.
    """
    from distributed import KilledWorker

    store = corpus.directory / "features"
    store.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(store)
    videos = [
        Video(row.video_id, corpus.videos / row.path, features_path(store, row.video_id))
        for row in corpus.index.itertuples()
    ]
    inside = [video for video in videos if _is_inside(video.path, corpus.videos)]
    errors = [
        _error(video, f"{video.path}: expected a path inside {corpus.videos}")
        for video in videos
        if not _is_inside(video.path, corpus.videos)
    ]
    todo = [video for video in inside if not is_valid(video)]
    for video, result in cluster.process(
        extract_video, todo, description="features", scheduler=scheduler, num_workers=num_workers
    ):
        if isinstance(result, InstrecError):
            errors.append(_error(video, str(result)))
        elif isinstance(result, KilledWorker):
            errors.append(_error(video, f"{video.path}: decoding it ended its process twice (a crash or a hang)"))
        elif isinstance(result, BaseException):
            raise result
    table = pd.DataFrame(errors, columns=["video_id", "path", "reason"]).sort_values("video_id")
    text = table.to_csv(index=False)
    listing = store / "errors.csv"
    if not listing.exists() or listing.read_text(encoding="utf-8") != text:  # a complete store may be read-only
        files.write_text(listing, text)
    return table


def _error(video: Video, reason: str) -> dict[str, str]:
    return {"video_id": video.video_id, "path": str(video.path), "reason": reason}


def _is_inside(path: Path, folder: Path) -> bool:
    return path.is_relative_to(folder) and ".." not in path.relative_to(folder).parts


def _remove_leftovers(store: Path) -> None:
    """Remove the temporary files of killed extractions; one that still runs needs its own for an instant only."""
    for path in store.glob(".*.h5"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                path.unlink()


def read_spectrogram(path: Path, name: str) -> np.ndarray | None:
    """Return one of a video's log-mel spectrograms.

    Parameters
    ----------
    path : features file.
    name : choi2016_cc, choi2016_uc or han2016.

    Returns
    -------
    np.ndarray [shape as in the module's docstring, float32] or None
        None if the video has no sound stream.

    Raises
    ------
    FeaturesError
        The file is missing, damaged, of other settings, or holds values that are not finite.
    """
    with _open(path) as file:
        if "log_mel" not in file:
            return None
        if name not in file["log_mel"]:
            raise FeaturesError(f"{path}: expected one of {sorted(file['log_mel'])}, got {name!r}")
        spectrogram = file["log_mel"][name][:].astype(np.float32)
    if not np.isfinite(spectrogram).all():
        raise FeaturesError(f"{path}: log_mel/{name} holds values that are not finite; delete the file to redo it")
    return spectrogram


def count_frames(path: Path) -> int:
    """Return how many frames a features file holds; 0 without a picture stream."""
    with _open(path) as file:
        return len(file["frames"]) if "frames" in file else 0


def read_frames(path: Path, numbers: np.ndarray | None = None) -> np.ndarray:
    """Return a video's frames.

    Parameters
    ----------
    path : features file.
    numbers : which frames; None for all.

    Returns
    -------
    np.ndarray [shape=(num_frames, 256, 256, 3), uint8]
        RGB, 0 to 255; no frames without a picture stream.

    Raises
    ------
    FeaturesError
        The file is missing, damaged, or of other settings.
    """
    with _open(path) as file:
        data = file["frames"][:] if "frames" in file else []
    chosen = range(len(data)) if numbers is None else numbers
    try:
        pictures = [frames.decode_jpeg(data[number]) for number in chosen]
    except ValueError as error:
        raise FeaturesError(f"{path}: a frame is damaged; delete the file to redo it ({error})") from error
    size = config.FRAME_SIZE
    return np.stack(pictures) if pictures else np.zeros((0, size, size, 3), np.uint8)


def _open(path: Path) -> h5py.File:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise FeaturesError(f"{path}: missing or damaged; extract the features first ({error})") from error
    if file.attrs.get("settings_sha256") != SETTINGS_SHA256:
        file.close()
        raise FeaturesError(f"{path}: made with other settings; extract the features again")
    return file
