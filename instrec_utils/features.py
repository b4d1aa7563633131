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

import io
import re
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from instrec_utils import audio, cluster, config, files, frames, media
from instrec_utils.corpora import Corpus
from instrec_utils.errors import FeaturesError, InstrecError

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


def extract_video(video: Video) -> None:
    """Decode one video and write its features file.

    Raises
    ------
    MediaError
        The video cannot be decoded; nothing is written.
    OSError
        The file cannot be written (a full disk, say); nothing is left of it.
    """
    info = media.probe(video.path)
    pictures = (
        [
            frames.encode_jpeg(p)
            for p in media.read_frames(video.path, frame_rate=config.FRAME_RATE, size=config.FRAME_SIZE)
        ]
        if info.has_picture
        else []
    )
    spectrograms = _spectrograms(video.path) if info.has_sound else {}
    status = video.path.stat()
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


def _spectrograms(path: Path) -> dict[str, np.ndarray]:
    rates = (config.CHOI2016.sample_rate, config.HAN2016.sample_rate)
    sound = media.read_sound(path, rates)
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
    except OSError:
        return False


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
    store = corpus.directory / "features"
    store.mkdir(parents=True, exist_ok=True)
    videos = [
        Video(row.video_id, corpus.videos / row.path, features_path(store, row.video_id))
        for row in corpus.index.itertuples()
    ]
    todo = [video for video in videos if not is_valid(video)]
    errors = []
    for video, result in cluster.process(
        extract_video, todo, description="features", scheduler=scheduler, num_workers=num_workers
    ):
        if isinstance(result, InstrecError):
            errors.append({"video_id": video.video_id, "path": str(video.path), "reason": str(result)})
        elif isinstance(result, BaseException):
            raise result
    table = pd.DataFrame(errors, columns=["video_id", "path", "reason"]).sort_values("video_id")
    files.write_text(store / "errors.csv", table.to_csv(index=False))
    return table


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
    """
    with _open(path) as file:
        data = file["frames"][:] if "frames" in file else []
    chosen = range(len(data)) if numbers is None else numbers
    pictures = [frames.decode_jpeg(data[number]) for number in chosen]
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
