"""The features store: one HDF5 file a video, written whole or not at all.

Layout of ``<video_id>.h5``, format 1::

    /frames              (num_frames,) variable-length uint8: JPEG of 256 x 256 RGB pictures at 0, 1, 2, ... s;
                         absent without a picture stream
    /log_mel/choi2016_cc (96, 1366) float16, dB; absent without a sound stream
    /log_mel/choi2016_uc (96, 1366) float16, dB
    /log_mel/han2016     (30, 128, 43) float16, dB
    /log_mel/...         the inputs of architectures from other packages, each with an attribute settings_sha256
    attributes           format, settings_sha256, video_bytes, video_mtime_ns, duration (seconds)

A reader that needs nothing of this package::

    with h5py.File("violin-0001.h5") as file:
        jpeg = file["frames"][0]
        spectrogram = file["log_mel/choi2016_uc"][:]
"""

import functools
from collections.abc import Sequence
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
from instrec_utils.models.architecture import AudioInput, audio_inputs

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
OF_FORMAT = ("choi2016_cc", "choi2016_uc", "han2016")  # whose settings that checksum holds
REMEMBERED = 1024  # spectrograms in memory, some 300 MB: opening files would take a tenth of a short training step


@dataclass(frozen=True)
class Video:
    """A piece of work: the video and where its features go."""

    video_id: str
    path: Path
    features_path: Path


def input_sha256(audio_input: AudioInput) -> str:
    """Return what tells the spectrograms of an input from those of other settings."""
    if audio_input.name in OF_FORMAT:
        return SETTINGS_SHA256
    return files.sha256_of([SETTINGS_SHA256, audio_input.name, audio_input.settings, audio_input.shape])


def features_path(features_dir: Path, video_id: str) -> Path:
    """Return where a video's features are kept; an id that could lead outside the folder is a FeaturesError."""
    if not VIDEO_ID.fullmatch(video_id):
        raise FeaturesError(f"video_id: expected 1 to 64 letters, digits, '-' or '_', got {video_id!r}")
    return Path(features_dir) / f"{video_id}.h5"


def is_valid(video: Video) -> bool:
    """Tell whether the features file is whole, of these settings and of this very video file."""
    try:
        status = video.path.stat()
        with h5py.File(video.features_path) as file:
            return (
                file.attrs.get("settings_sha256") == SETTINGS_SHA256
                and file.attrs.get("video_bytes") == status.st_size
                and file.attrs.get("video_mtime_ns") == status.st_mtime_ns
                and ("log_mel" not in file or all(_is_held(file["log_mel"], one) for one in audio_inputs().values()))
            )
    except (OSError, ValueError):  # ValueError: no file can have that name
        return False


def _is_held(group: h5py.Group, audio_input: AudioInput) -> bool:
    name = audio_input.name
    return name in group and _settings_of(group[name]) == input_sha256(audio_input)


def _settings_of(stored: h5py.Dataset) -> str:
    return stored.attrs.get("settings_sha256", SETTINGS_SHA256)


def key_of(features_path: Path) -> str:
    """Return what tells a features file from one of another video, or of other settings, wherever it lies."""
    return _key_of(features_path, _modified(features_path))


def _modified(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


@functools.lru_cache(maxsize=100_000)
def _key_of(features_path: Path, _version: int) -> str:
    with _open(features_path) as file:
        return f"{SETTINGS_SHA256} {file.attrs['video_bytes']} {file.attrs['duration']}"


def key_of_all(features_dir: Path, video_ids: Sequence[str]) -> str:
    """Return the sha256 of the keys of videos' features files, in whatever order their ids are; see `key_of`."""
    return files.sha256_of([key_of(features_path(features_dir, video_id)) for video_id in sorted(video_ids)])


def read_spectrogram(path: Path, name: str, settings_sha256: str = "") -> np.ndarray | None:
    """Return a video's spectrogram of an audio input, such as choi2016_uc, or None if the video has no sound stream.

    The shape is that in the module's docstring, float32 in dB. A file that is missing, damaged, or of other settings,
    those of an `input_sha256` where it is given, or whose values are not finite, is a FeaturesError.
    """
    with _open(path) as file:
        if "log_mel" not in file:
            return None
        if name not in file["log_mel"]:
            raise FeaturesError(
                f"{path}: expected one of {sorted(file['log_mel'])}, got {name!r}; for a new architecture's input "
                "extract the features again"
            )
        stored = file["log_mel"][name]
        if settings_sha256 not in ("", _settings_of(stored)):
            raise FeaturesError(f"{path}: log_mel/{name} was made with other settings; extract the features again")
        spectrogram = stored[:].astype(np.float32)
    if not np.isfinite(spectrogram).all():
        raise FeaturesError(f"{path}: log_mel/{name} holds values that are not finite; delete the file to redo it")
    return spectrogram


def count_frames(path: Path) -> int:
    """Return how many frames a features file holds; 0 without a picture stream."""
    with _open(path) as file:
        return len(file["frames"]) if "frames" in file else 0


def read_frames(path: Path, numbers: np.ndarray | None = None) -> np.ndarray:
    """Return the frames [shape=(num_frames, 256, 256, 3), uint8, RGB] of a video: all, or those of these numbers.

    There are none without a picture stream. A file that is missing, damaged, or of other settings is a FeaturesError.
    """
    with _open(path) as file:
        stored = file.get("frames", [])
        data = [stored[number] for number in (range(len(stored)) if numbers is None else numbers)]
    try:
        pictures = [frames.decode_jpeg(one) for one in data]
    except ValueError as error:
        raise FeaturesError(f"{path}: a frame is damaged; delete the file to redo it ({error})") from error
    size = config.FRAME_SIZE
    return np.stack(pictures) if pictures else np.zeros((0, size, size, 3), np.uint8)


def load_input(features_dir: Path, video_id: str, audio_input: AudioInput) -> np.ndarray:
    """Return what an audio network is given of a video [shape=audio_input.shape, float32, dB]; see `read_spectrogram`.

    The last ones are remembered. Without a sound stream it is silence.
    """
    path = features_path(features_dir, video_id)
    spectrogram = _remembered(path, audio_input.name, input_sha256(audio_input), _modified(path))
    if spectrogram is None:
        return np.full(audio_input.shape, augmentation.SILENCE, np.float32)
    return spectrogram.astype(np.float32)


@functools.lru_cache(REMEMBERED)
def _remembered(path: Path, name: str, settings_sha256: str, _version: int) -> np.ndarray | None:
    spectrogram = read_spectrogram(path, name, settings_sha256)
    return None if spectrogram is None else spectrogram.astype(np.float16)  # as it is stored


def audible_videos(corpus: Corpus, table: pd.DataFrame, audio_input: AudioInput) -> pd.DataFrame:
    """Return the rows of an index' table of the videos in which something is to be heard, or all if there are none.

    Silence under a label teaches an audio network to guess; nothing but the sound itself decides.
    """
    store = corpus.directory / "features"
    heard = [not augmentation.is_silent(load_input(store, video_id, audio_input)) for video_id in table["video_id"]]
    return table[np.array(heard, bool)] if any(heard) else table


def _open(path: Path) -> h5py.File:
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise FeaturesError(f"{path}: missing or damaged; extract the features first ({error})") from error
    if file.attrs.get("settings_sha256") != SETTINGS_SHA256:
        file.close()
        raise FeaturesError(f"{path}: made with other settings; extract the features again")
    return file
