"""The features store: one HDF5 file a video, written whole or not at all.

Layout of ``<video_id>.h5``, format 1::

    /frames              (num_frames,) variable-length uint8: JPEG of 256 x 256 RGB pictures at 0, 1, 2, ... s;
                         absent without a picture stream
    /log_mel/choi2016_cc (96, 1366) float16, dB; absent without a sound stream
    /log_mel/choi2016_uc (96, 1366) float16, dB
    /log_mel/han2016     (30, 128, 43) float16, dB
    attributes           format, settings_sha256, video_bytes, video_mtime_ns, video_sha256, duration (seconds);
                         channels ("loudest") where it is not their mean that was heard

Any other audio network's input is computed when a run needs it, and is in a file of the same kind in a folder of its
name, as ``efficientat_uc/<video_id>.h5`` with ``/log_mel/efficientat_uc``, which tells its settings_sha256.

A reader that needs nothing of this package::

    with h5py.File("violin-0001.h5") as file:
        jpeg = file["frames"][0]
        spectrogram = file["log_mel/choi2016_uc"][:]
"""

import contextlib
import functools
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from instrec_utils import config, files
from instrec_utils.corpora import Corpus
from instrec_utils.corpora.index import VIDEO_ID
from instrec_utils.errors import FeaturesError
from instrec_utils.inputs import augmentation, frames
from instrec_utils.models.architecture import AudioInput

FORMAT = 1
SETTINGS_SHA256 = files.sha256_of(
    {
        "format": FORMAT,
        "choi2016": config.CHOI2016,
        "han2016": config.HAN2016,
        "num_segments": config.NUM_SEGMENTS,
        "segment_seconds": config.SEGMENT_SECONDS,
        "frame_rate": config.FRAME_RATE,
        "frame_size": config.FRAME_SIZE,
        "jpeg_quality": frames.JPEG_QUALITY,
    }
)
USUAL = ("choi2016_cc", "choi2016_uc", "han2016")  # inputs that every features file has, of that checksum's settings
OF_VIDEO = ("settings_sha256", "video_bytes", "video_mtime_ns", "channels")  # attributes that tell what was extracted
IN_KEY = ("settings_sha256", "video_sha256", "video_bytes", "duration", "channels")  # those that `key_of` reads
DAMAGES = (OSError, KeyError, RuntimeError, ValueError)  # what h5py raises for files that are not as they were written
# Spectrograms in memory, some 300 MB of the usual ones, 790 MB of those of (10, 128, 301): opening files would take a
# tenth of a short training step.
REMEMBERED = 1024


@dataclass(frozen=True)
class Video:
    """A piece of work: the video, where its features go, and which of `media.CHANNELS` are heard."""

    video_id: str
    path: Path
    features_path: Path
    channels: str = "mean"


def input_sha256(audio_input: AudioInput) -> str:
    """Return what tells the spectrograms of an input from those of other settings."""
    if audio_input.name in USUAL:
        return SETTINGS_SHA256
    return files.sha256_of([SETTINGS_SHA256, audio_input.name, audio_input.settings, audio_input.shape])


def features_path(features_dir: Path, video_id: str) -> Path:
    """Return where a video's features are kept; an id that could lead outside the folder is a FeaturesError."""
    if not VIDEO_ID.fullmatch(video_id):
        raise FeaturesError(f"video_id: expected 1 to 64 letters, digits, '-' or '_', got {video_id!r}")
    return Path(features_dir) / f"{video_id}.h5"


def input_path(features_dir: Path, video_id: str, audio_input: AudioInput) -> Path:
    """Return where an audio network's input of a video is kept; see `features_path`."""
    return features_path(features_dir if audio_input.name in USUAL else features_dir / audio_input.name, video_id)


def read_channels(path: Path) -> str:
    """Return which of `media.CHANNELS` were heard for a features file."""
    with h5py.File(path) as file:
        return file.attrs.get("channels", "mean")


def is_valid(video: Video) -> bool:
    """Tell whether the features file is whole, of these settings and of this very video file."""
    try:
        status = video.path.stat()
        with h5py.File(video.features_path) as file:
            return (
                file.attrs.get("settings_sha256") == SETTINGS_SHA256
                and file.attrs.get("video_bytes") == status.st_size
                and file.attrs.get("video_mtime_ns") == status.st_mtime_ns
                and file.attrs.get("channels", "mean") == video.channels
            )
    except DAMAGES:  # or no file can have that name
        return False


def lacks_input(features_dir: Path, video_id: str, audio_input: AudioInput) -> bool:
    """Tell whether an input, of these settings and of the very video that the features file is of, is not there yet."""
    own = input_path(features_dir, video_id, audio_input)
    if audio_input.name in USUAL:
        return False
    try:
        with h5py.File(features_path(features_dir, video_id)) as usual, h5py.File(own) as file:
            if any(file.attrs.get(name) != usual.attrs.get(name) for name in OF_VIDEO):
                return True
            stored = file["log_mel"][audio_input.name] if "log_mel" in file else None
            return stored is not None and _settings_of(stored) != input_sha256(audio_input)
    except DAMAGES:
        return True


def _settings_of(stored: h5py.Dataset) -> str:
    return stored.attrs.get("settings_sha256", SETTINGS_SHA256)


def modified(path: Path) -> int:
    """Return when a file was last written [ns]; 0 if there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0


def key_of(features_path: Path) -> str:
    """Return what tells a features file from one of another video, settings or channels, wherever it lies."""
    return _key_of(features_path, modified(features_path))


@functools.lru_cache(maxsize=100_000)
def _key_of(features_path: Path, _version: int) -> str:
    with _opened(features_path) as file:
        channels = file.attrs.get("channels", "mean")
        heard = "" if channels == "mean" else f" {channels}"
        # Files of before have no checksum of their video.
        video = file.attrs.get("video_sha256") or f"{file.attrs['video_bytes']} {file.attrs['duration']}"
        return f"{SETTINGS_SHA256} {video}{heard}"


def key_of_all(features_dir: Path, video_ids: Sequence[str]) -> str:
    """Return the sha256 of the keys of videos' features files, in whatever order their ids are; see `key_of`."""
    return files.sha256_of([key_of(features_path(features_dir, video_id)) for video_id in sorted(video_ids)])


def read_spectrogram(path: Path, name: str, settings_sha256: str = "") -> np.ndarray | None:
    """Return a spectrogram [shape as in the module's docstring, float32, dB], or None without a sound stream.

    It is that of an audio input, such as choi2016_uc. A file that is missing, damaged, or of other settings, those of
    an `input_sha256` where it is given, or whose values are not finite, is a FeaturesError.
    """
    with _opened(path) as file:
        if "log_mel" not in file:
            return None
        if name not in file["log_mel"]:
            raise FeaturesError(
                f"{path}: expected one of {sorted(file['log_mel'])}, got {name!r}; extract the features again"
            )
        stored = file["log_mel"][name]
        if settings_sha256 not in ("", _settings_of(stored)):
            raise FeaturesError(f"{path}: log_mel/{name} was made with other settings; extract the features again")
        spectrogram = stored[:].astype(np.float32)
        if not np.isfinite(spectrogram).all():
            raise ValueError(f"log_mel/{name} holds values that are not finite")
        return spectrogram


def count_frames(path: Path) -> int:
    """Return how many frames a features file holds; 0 without a picture stream."""
    with _opened(path) as file:
        return len(file["frames"]) if "frames" in file else 0


def read_jpegs(path: Path, choose: Callable[[int], np.ndarray] = np.arange) -> list[np.ndarray]:
    """Return frames of a video as JPEG [shape=(num_bytes,), uint8 each]: all, or those chosen from so many.

    There are none without a picture stream. A file that is missing, damaged, or of other settings is a FeaturesError.
    """
    with _opened(path) as file:
        stored = file.get("frames", ())
        return [stored[one] for one in choose(len(stored))] if len(stored) else []


def read_frames(path: Path, numbers: np.ndarray | None = None) -> np.ndarray:
    """Return the frames [shape=(num_frames, 256, 256, 3), uint8, RGB] of a video: all, or those of these numbers.

    There are none without a picture stream. A file that is missing, damaged, or of other settings is a FeaturesError.
    """
    return decoded(path, read_jpegs(path) if numbers is None else read_jpegs(path, lambda _: numbers))


def decoded(path: Path, jpegs: Sequence[np.ndarray]) -> np.ndarray:
    """Return what `read_jpegs` gave of a features file as pictures; see `read_frames`."""
    with checked(path):
        pictures = [frames.decode_jpeg(one) for one in jpegs]
    return np.stack(pictures) if pictures else np.zeros((0, config.FRAME_SIZE, config.FRAME_SIZE, 3), np.uint8)


def load_input(features_dir: Path, video_id: str, audio_input: AudioInput) -> np.ndarray:
    """Return what an audio network is given of a video [shape=audio_input.shape, float32, dB]; see `read_spectrogram`.

    The last ones are remembered. Without a sound stream it is silence.
    """
    path = input_path(features_dir, video_id, audio_input)
    spectrogram = _remembered(path, audio_input.name, input_sha256(audio_input), modified(path))
    silence = np.float32(augmentation.SILENCE)
    return np.full(audio_input.shape, silence) if spectrogram is None else spectrogram.astype(np.float32)


@functools.lru_cache(REMEMBERED)
def _remembered(path: Path, name: str, settings_sha256: str, _version: int) -> np.ndarray | None:
    spectrogram = read_spectrogram(path, name, settings_sha256)
    return None if spectrogram is None else spectrogram.astype(np.float16)  # as it is stored


def audible_videos(corpus: Corpus, table: pd.DataFrame, audio_input: AudioInput) -> pd.DataFrame:
    """Return the rows of an index' table of the videos in which something is to be heard, or all if there are none.

    Silence under a label teaches an audio network to guess; nothing but the sound itself decides.
    """
    store = corpus.directory / "features"
    heard = [not audio_input.is_silent(load_input(store, video_id, audio_input)) for video_id in table["video_id"]]
    return table[np.array(heard, bool)] if any(heard) else table


@contextlib.contextmanager
def written(path: Path) -> Iterator[h5py.File]:
    """Give an HDF5 file to fill, which is then written to a path whole or not at all.

    HDF5 meets a full disk deep inside its library; through memory it is one plain write that can fail, a StorageError.
    """
    memory = io.BytesIO()
    with h5py.File(memory, "w") as file:
        yield file
    files.write_bytes(path, memory.getvalue())


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """Give a features file of these settings; one that turns out to be damaged is removed, so that it is made again."""
    if not path.exists():
        raise FeaturesError(f"{path}: missing; extract the features first")
    with checked(path), h5py.File(path) as file:
        if file.attrs.get("settings_sha256") != SETTINGS_SHA256:
            raise FeaturesError(f"{path}: made with other settings; extract the features again")
        yield file


@contextlib.contextmanager
def checked(path: Path) -> Iterator[None]:
    """Remove a features file whose contents turn out to be damaged in it, so that it is made again: a FeaturesError."""
    try:
        yield
    except DAMAGES as error:
        if isinstance(error, OSError) and error.errno:  # the system's: too many open files, no permission
            raise FeaturesError(f"{path}: cannot be read ({error})") from error
        with contextlib.suppress(OSError):
            path.unlink()
        raise FeaturesError(f"{path}: damaged ({error}), so it was removed; extract the features again") from error
