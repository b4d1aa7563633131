"""Groups of videos that show or play the same: one upload under several ids must not be trained and tested on.

- Pictures: at least `MIN_ALIKE_FRAMES` frames of each video differ in at most `MAX_HASH_BITS` bits of their
  `perceptual_hash` from some frame of the other, even if the copy begins later or runs at another speed.
- Sound: the `chroma_fingerprint` of the two correlates with at least `MIN_CHROMA_CORRELATION`. The mean chroma is taken
  off first, so that a common key is no likeness.
- The uploader is the same, where both are known.

Groups are the connected components of such pairs. Fingerprints are kept, as they take as long as decoding.
"""

import contextlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from scipy import sparse
from tqdm import tqdm

from instrec_utils import cluster, files, media
from instrec_utils.corpora.splits import grouped_split
from instrec_utils.errors import MediaError, ParameterError

HASH_SIZE = 8
HASH_BITS = HASH_SIZE**2 - 1
MAX_HASH_BITS = 4  # of 63; a recompressed frame differs in about 0 to 4, another scene in about 32
MIN_ALIKE_FRAMES = 2  # one may be a title card that a channel uses everywhere
MIN_HASH_CONTRAST = 8.0  # grey levels, standard deviation; black and white frames look alike in every video
MAX_INFO_BYTES = 2**26  # of yt-dlp's file with all comments; a longer one is something else
FRAMES_A_VIDEO = 12  # spread over the video
_PICTURE_SIZE = 64  # pixels a side; the hash itself looks at 32

CHROMA_STEPS = 24  # parts of the recording, of equal length
MIN_CHROMA_CORRELATION = 0.9
_SAMPLE_RATE = 8_000  # Hz: the pitches that chroma counts lie below 4 kHz

_SETTINGS = ("fingerprints 3", FRAMES_A_VIDEO, MIN_HASH_CONTRAST, _PICTURE_SIZE, CHROMA_STEPS, _SAMPLE_RATE)

_NO_FRAMES = np.zeros((0, HASH_BITS), dtype=bool)
_NO_SOUND = np.full(12 * CHROMA_STEPS, np.nan, dtype=np.float32)


def split_by_group(
    index: pd.DataFrame, videos: Path, corpus_dir: Path, seed: int, *, divide: bool = False
) -> tuple[pd.Series, pd.Series]:
    """Return `splits.grouped_split` of the groups that `group_videos` finds, and which videos are of a divided group.

    The latter [shape=(num_videos,), bool] are none if groups may not be divided. The groups of several videos are
    written as ``groups.csv`` into the corpus' folder, fingerprints into its folder ``fingerprints``.
    """
    groups = group_videos(index, videos, corpus_dir / "fingerprints")
    split = grouped_split(index, groups, np.random.default_rng(seed), divide=divide)
    together = index.assign(group=groups, split=split)[groups.duplicated(keep=False)]
    together = together.sort_values(["group", "video_id"])[["group", "video_id", "label", "split"]]
    files.write_csv(corpus_dir / "groups.csv", together)
    return split, split.groupby(groups).transform("nunique") > 1


def group_videos(index: pd.DataFrame, videos: Path, store: Path) -> pd.Series:
    """Return the group of each video of an index [shape=(num_videos,), int]; what cannot be read is like no other.

    Who uploaded a video stands in the column ``uploader`` (str, empty if unknown), or without such a column in the file
    ``<name>.info.json`` that yt-dlp writes beside the video. Fingerprints are kept in the store as ``<video_id>.npz``;
    a video that is as it was is not opened again.
    """
    paths = [videos / path for path in index.path]
    names = index.uploader if "uploader" in index.columns else [_uploader_beside(path) for path in paths]

    def look(path: Path, video_id: str) -> tuple[np.ndarray, np.ndarray]:
        return _kept_fingerprints(path, store / f"{video_id}.npz") if path.is_file() else (_NO_FRAMES, _NO_SOUND)

    with ThreadPoolExecutor(cluster.num_cores()) as workers:
        looks = workers.map(look, paths, index.video_id)
        found = list(tqdm(looks, desc="near-duplicates", unit="video", total=len(paths)))
    hashes = [bits for bits, _ in found]
    courses = np.array([course for _, course in found]).reshape(len(index), -1)
    return pd.Series(near_duplicate_groups(hashes, courses, list(names)), index=index.index, name="group")


def uploader_of(info: Mapping[str, Any]) -> str:
    """Return who uploaded a video by what yt-dlp says about it: an id that stays if there is one; empty if unknown."""
    names = (info.get(key) for key in ("channel_id", "uploader_id", "channel", "uploader"))
    return next((str(name) for name in names if name), "")


def _uploader_beside(path: Path) -> str:
    """Return who uploaded a video, from yt-dlp's file beside it; empty without one that can be read as such."""
    beside = path.parent / f"{path.stem}.info.json"
    with contextlib.suppress(OSError, ValueError, RecursionError):  # too long a name, a folder, another program's file
        if path.is_file() and beside.is_file() and beside.stat().st_size <= MAX_INFO_BYTES:
            info = json.loads(beside.read_text(encoding="utf-8"))
            return uploader_of(info) if isinstance(info, dict) else ""
    return ""


def _kept_fingerprints(path: Path, kept_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return `fingerprints_of` a video from the file that keeps them; make that file where it is not of this video."""
    identity = files.sha256_of([*_SETTINGS, path.stat().st_size, path.stat().st_mtime_ns])
    kept = files.read_arrays(kept_path)
    if kept.get("identity") == identity:
        return kept["hashes"], kept["course"]
    hashes, course = fingerprints_of(path)
    files.write_arrays(kept_path, identity=identity, hashes=hashes, course=course)
    return hashes, course


def fingerprints_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the frame hashes and the chroma fingerprint of a video file; empty and NaN where it has none."""
    try:
        info = media.probe(path)
    except MediaError:
        return _NO_FRAMES, _NO_SOUND
    frames, sound = [], np.zeros(0, np.float32)
    if info.has_picture:
        spread = np.linspace(0, media.num_frames(info.duration) - 1, FRAMES_A_VIDEO).round().astype(int)
        with contextlib.suppress(MediaError):  # pictures that end before the sound, or break off: those that came count
            for frame in media.read_frames(path, size=_PICTURE_SIZE, numbers=np.unique(spread).tolist(), num_threads=1):
                frames.append(frame)
    if info.has_sound:
        with contextlib.suppress(MediaError):
            sound = media.read_sound(path, (_SAMPLE_RATE,))[_SAMPLE_RATE]
    return frame_hashes(frames), chroma_fingerprint(sound, _SAMPLE_RATE)


def perceptual_hash(picture: np.ndarray, size: int) -> np.ndarray:
    """Return which of a picture's lowest cosine coefficients are above their median [shape=(size**2 - 1,), bool].

    The picture [shape=(height, width), uint8] is grey, the size 2 to 32 coefficients a side; the mean is left out.

    References
    ----------
    .. [1] C. Zauner, "Implementation and benchmarking of perceptual image hash functions", 2010.
    """
    small = cv2.resize(picture, (32, 32), interpolation=cv2.INTER_AREA)
    lowest = cv2.dct(small.astype(np.float32))[:size, :size].ravel()[1:]
    return lowest > np.median(lowest)


def frame_hashes(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Return a hash [shape=(num_hashes, 63), bool] of each frame [shape=(height, width, 3), uint8, RGB] not flat."""
    pictures = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames)
    bits = [perceptual_hash(picture, HASH_SIZE) for picture in pictures if picture.std() >= MIN_HASH_CONTRAST]
    return np.array(bits, dtype=bool).reshape(-1, HASH_BITS)


def chroma_fingerprint(sound: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the course [shape=(12 * 24,), float32] of the chroma of a mono sound [shape=(num_samples,), float32].

    It is the same for the same music at another level or bit rate, of mean 0 in every pitch class and of length 1; all
    NaN, and so like no other, where nothing moves (silence, one steady tone).
    """
    import librosa

    hop_length = max(1, round(sample_rate * 0.1))
    if len(sound) < CHROMA_STEPS * hop_length or not np.any(sound):
        return _NO_SOUND
    # A minute at a time: the spectrum of a recording of hours would fill the memory.
    minutes = np.array_split(sound, max(1, len(sound) // (60 * sample_rate)))
    chroma = np.concatenate(
        [
            librosa.feature.chroma_stft(y=minute, sr=sample_rate, n_fft=4096, hop_length=hop_length, tuning=0.0)
            for minute in minutes
        ],
        axis=1,
    )
    steps = np.stack([part.mean(axis=1) for part in np.array_split(chroma, CHROMA_STEPS, axis=1)], axis=1)
    course = steps - steps.mean(axis=1, keepdims=True)
    length = float(np.linalg.norm(course))
    return _NO_SOUND if length < 1e-3 else (course / length).astype(np.float32).ravel()


def near_duplicate_groups(
    hashes: Sequence[np.ndarray], fingerprints: np.ndarray, uploaders: Sequence[str]
) -> np.ndarray:
    """Return the group of each video: alike in picture or sound or by the same uploader, directly or in a chain.

    Parameters
    ----------
    hashes : Sequence[np.ndarray [shape=(num_hashes, 63), bool]] [see `frame_hashes`; none is like no other]
    fingerprints : np.ndarray [shape=(num_videos, 288), float32, see `chroma_fingerprint`; NaN is like no other]
    uploaders : Sequence[str] [empty where unknown]

    Returns
    -------
    groups : np.ndarray [shape=(num_videos,), int]
    """
    number = len(hashes)
    if not number == len(fingerprints) == len(uploaders):
        got = f"{number}, {len(fingerprints)} and {len(uploaders)}"
        raise ParameterError(f"hashes, fingerprints and uploaders must be one a video; got {got}")
    names = np.array(uploaders, dtype=str)
    known = np.flatnonzero(names != "")
    _, first, name = np.unique(names[known], return_index=True, return_inverse=True)
    by_uploader = _ones(known, number).T @ _ones(known[first][name], number)
    pairs = _alike_in_picture(hashes) + _alike_in_sound(fingerprints) + by_uploader
    return sparse.csgraph.connected_components(pairs, directed=False)[1]


def _alike_in_picture(hashes: Sequence[np.ndarray]) -> sparse.csr_array:
    bits = np.concatenate([_NO_FRAMES, *hashes]).astype(np.float32)
    frames = _within(bits, math.sqrt(MAX_HASH_BITS + 0.5))  # squared distance of bits = number of differing bits
    # A frame counts once, however many frames of the other video it resembles, and both videos need enough such
    # frames: else a still would be like every video that shows the picture once.
    owners = _ones(np.repeat(np.arange(len(hashes)), [len(bits) for bits in hashes]), len(hashes))
    resembles = ((frames @ owners) > 0).astype(float)
    enough = (owners.T @ resembles >= MIN_ALIKE_FRAMES).astype(float)
    return enough.multiply(enough.T).tocsr()


def _alike_in_sound(fingerprints: np.ndarray) -> sparse.csr_array:
    heard = np.flatnonzero(~np.isnan(fingerprints).any(axis=1))
    # |a - b|^2 = 2 - 2 a.b for vectors of length 1
    near = _within(fingerprints[heard], math.sqrt(2 - 2 * MIN_CHROMA_CORRELATION))
    owners = _ones(heard, len(fingerprints))
    return owners.T @ near @ owners


def _within(points: np.ndarray, radius: float) -> sparse.csr_array:
    """Return a matrix [shape=(num_points, num_points)] of ones where two points are no further apart."""
    from sklearn.neighbors import NearestNeighbors

    if len(points) == 0:
        return sparse.csr_array((0, 0), dtype=float)
    neighbours = NearestNeighbors(algorithm="brute", radius=radius).fit(points)
    return sparse.csr_array(neighbours.radius_neighbors_graph(points))


def _ones(columns: np.ndarray, number: int) -> sparse.csr_array:
    """Return a matrix [shape=(num_rows, number)] with a one at the given column of each row."""
    return sparse.csr_array((np.ones(len(columns)), (np.arange(len(columns)), columns)), shape=(len(columns), number))
