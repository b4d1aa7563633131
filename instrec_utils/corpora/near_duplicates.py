"""Groups of videos that show or play the same: one upload under several ids must not be trained and tested on.

- A picture is a 64-bit perceptual hash (`frame_hashes`). Two videos are alike when at least `MIN_ALIKE_FRAMES`
  frames of each differ in at most `MAX_HASH_BITS` bits from some frame of the other.
- A sound is the course of its chroma (`chroma_fingerprint`). Two are alike when the correlation of their courses
  is at least `MIN_CHROMA_CORRELATION`. The mean chroma is taken off first, so that a common key is no likeness.
- Videos of one uploader belong together where the uploader is known.

Alike is a neighbour within a radius in a Euclidean space; groups are the connected components of all pairs. A copy
that begins much later or runs at another speed is still found by its frames, not by its sound.

Looking at a video takes about as long as decoding it, so what was seen and heard is kept: one small file a video.
"""

from __future__ import annotations

import contextlib
import json
import math
import zipfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from tqdm import tqdm

from instrec_utils import files, media
from instrec_utils.corpora.splits import grouped_split
from instrec_utils.errors import CorpusError, MediaError, ParameterError
from instrec_utils.paper_data import availability

HASH_BITS = 64
MAX_HASH_BITS = 4  # of 64; a recompressed frame differs in about 0 to 4, another scene in about 32
MIN_ALIKE_FRAMES = 2  # one may be a title card that a channel uses everywhere
MIN_HASH_CONTRAST = 8.0  # grey levels, standard deviation; black and white frames look alike in every video
FRAMES_A_VIDEO = 12  # spread over the video
_PICTURE_SIZE = 64  # pixels a side; the hash itself looks at 32

CHROMA_STEPS = 24  # parts of the recording, of equal length
MIN_CHROMA_CORRELATION = 0.9
_SAMPLE_RATE = 8_000  # Hz: the pitches that chroma counts lie below 4 kHz

_SETTINGS = ("fingerprints 1", FRAMES_A_VIDEO, MIN_HASH_CONTRAST, _PICTURE_SIZE, CHROMA_STEPS, _SAMPLE_RATE)

_NO_FRAMES = np.zeros((0, HASH_BITS), dtype=bool)
_NO_SOUND = np.full(12 * CHROMA_STEPS, np.nan, dtype=np.float32)


def split_by_group(index: pd.DataFrame, videos: Path, corpus_dir: Path, seed: int) -> pd.Series:
    """Return a split that keeps near-duplicates together, and write which videos belong together.

    Parameters
    ----------
    index, videos : see `group_videos`; the column ``label`` is wanted as well.
    corpus_dir : where ``groups.csv`` goes (``group, video_id, label`` of the groups of several videos), and the folder
        ``fingerprints``.
    seed : of the draw.

    Returns
    -------
    split : train, validation or test, with the rows' index; see `splits.grouped_split`.

    Raises
    ------
    CorpusError
        See `group_videos` and `splits.grouped_split`.
    """
    groups = group_videos(index, videos, Path(corpus_dir) / "fingerprints")
    together = index[["video_id", "label"]].assign(group=groups)[groups.duplicated(keep=False)]
    together = together.sort_values(["group", "video_id"])[["group", "video_id", "label"]]
    files.write_text(Path(corpus_dir) / "groups.csv", together.to_csv(index=False))
    return grouped_split(index, groups, np.random.default_rng(seed))


def group_videos(index: pd.DataFrame, videos: Path, store: Path) -> pd.Series:
    """Return the group of each video of an index; videos that are not there or unreadable are like no other.

    Parameters
    ----------
    index : as in `instrec_utils.corpora.index`. Who uploaded a video stands in the column ``uploader`` (str, empty if
        unknown), or without such a column in the file that yt-dlp writes beside the video, see `uploader_beside`.
    videos : the folder that its paths are relative to.
    store : where fingerprints are kept, ``<video_id>.npz``; videos that are there as they were are not opened again.

    Returns
    -------
    groups : int, with the rows' index, for `splits.grouped_split`.

    Raises
    ------
    CorpusError
        See `uploader_beside`.
    """
    paths = [Path(videos) / path if path else None for path in index.path]
    if "uploader" in index.columns:
        uploaders = index.uploader.to_list()
    else:
        uploaders = [uploader_beside(path) if path else "" for path in paths]

    def look(path: Path | None, video_id: str) -> tuple[np.ndarray, np.ndarray]:
        if path is None or not path.is_file():
            return _NO_FRAMES, _NO_SOUND
        return _kept_fingerprints(path, Path(store) / f"{video_id}.npz")

    with ThreadPoolExecutor() as workers:
        looks = list(
            tqdm(workers.map(look, paths, index.video_id), desc="near-duplicates", unit="video", total=len(paths))
        )
    hashes = [bits for bits, _ in looks]
    courses = np.array([course for _, course in looks]).reshape(len(index), -1)
    return pd.Series(near_duplicate_groups(hashes, courses, uploaders), index=index.index, name="group")


def uploader_beside(path: Path) -> str:
    """Return who uploaded a video, from yt-dlp's ``<name>.info.json`` beside it; empty without one.

    Raises
    ------
    CorpusError
        The file beside the video is no JSON object.
    """
    beside = Path(path).with_suffix(".info.json")
    if not beside.is_file():
        return ""
    try:
        info = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorpusError(f"{beside}: expected what yt-dlp --write-info-json writes: {error}") from error
    if not isinstance(info, dict):
        raise CorpusError(f"{beside}: expected what yt-dlp --write-info-json writes, got {type(info).__name__}")
    return availability.uploader_of(info)


def _kept_fingerprints(path: Path, kept_path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return `fingerprints_of` a video from the file that keeps them; make that file where it is not of this video."""
    status = path.stat()
    identity = files.sha256_of([*_SETTINGS, status.st_size, status.st_mtime_ns])
    with contextlib.suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile), np.load(kept_path) as kept:
        if str(kept["identity"]) == identity:
            return kept["hashes"], kept["course"]
    hashes, course = fingerprints_of(path)
    with files.whole(kept_path) as temporary:
        np.savez(temporary, identity=identity, hashes=hashes, course=course)
    return hashes, course


def fingerprints_of(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the frame hashes and the chroma fingerprint of a video file; empty and NaN where it has none."""
    try:
        info = media.probe(path)
    except MediaError:
        return _NO_FRAMES, _NO_SOUND
    frames = []
    if info.has_picture:
        spread = np.linspace(0, media.num_frames(info.duration) - 1, FRAMES_A_VIDEO).round().astype(int)
        with contextlib.suppress(MediaError):  # pictures that end before the sound, or break off: those that came count
            for frame in media.read_frames(path, size=_PICTURE_SIZE, numbers=np.unique(spread), num_threads=1):
                frames.append(frame)
    hashes = frame_hashes(frames)
    try:
        sound = media.read_sound(path, (_SAMPLE_RATE,))[_SAMPLE_RATE] if info.has_sound else np.zeros(0, np.float32)
    except MediaError:
        return hashes, _NO_SOUND
    return hashes, chroma_fingerprint(sound, _SAMPLE_RATE)


def frame_hashes(frames: Iterable[np.ndarray]) -> np.ndarray:
    """Return the perceptual hash of every frame that shows something.

    Parameters
    ----------
    frames : pictures, uint8 RGB, each [shape=(height, width, 3)]; a few, spread over the video, are enough.

    Returns
    -------
    bits : bool [shape=(n, 64)]; n is less than the number of frames where some are flat (`MIN_HASH_CONTRAST`).
    """
    import imagehash
    from PIL import Image

    pictures = [Image.fromarray(frame).convert("L") for frame in frames]
    shown = [picture for picture in pictures if np.asarray(picture).std() >= MIN_HASH_CONTRAST]
    bits = [imagehash.phash(picture).hash.ravel() for picture in shown]
    return np.array(bits, dtype=bool).reshape(-1, HASH_BITS)


def chroma_fingerprint(sound: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the course of a recording's chroma, the same for the same music at another level or bit rate.

    Parameters
    ----------
    sound : mono [shape=(samples,)], any level.
    sample_rate : Hz.

    Returns
    -------
    fingerprint : float32 [shape=(12 * 24,)] of mean 0 in every pitch class and of length 1; all NaN where nothing
        moves (silence, one steady tone), so that it is like no other.
    """
    import librosa

    hop_length = max(1, round(sample_rate * 0.1))
    if len(sound) < CHROMA_STEPS * hop_length or not np.any(sound):
        return _NO_SOUND
    chroma = librosa.feature.chroma_stft(
        y=np.asarray(sound, dtype=np.float32), sr=sample_rate, n_fft=4096, hop_length=hop_length, tuning=0.0
    )
    steps = np.stack([part.mean(axis=1) for part in np.array_split(chroma, CHROMA_STEPS, axis=1)], axis=1)
    course = steps - steps.mean(axis=1, keepdims=True)
    length = float(np.linalg.norm(course))
    if length < 1e-3:
        return _NO_SOUND
    return (course / length).astype(np.float32).ravel()


def near_duplicate_groups(
    hashes: Sequence[np.ndarray],
    fingerprints: np.ndarray,
    uploaders: Sequence[str] | None = None,
) -> np.ndarray:
    """Return the group of each video: alike in picture or sound or by the same uploader, directly or in a chain.

    Parameters
    ----------
    hashes : one array a video, bool [shape=(frames, 64)], see `frame_hashes`; an empty one is like no other.
    fingerprints : float [shape=(videos, 288)], see `chroma_fingerprint`; rows of NaN are like no other.
    uploaders : one name a video, empty where it is not known.

    Returns
    -------
    groups : int [shape=(videos,)]

    Raises
    ------
    ParameterError
        The three do not speak of the same number of videos.
    """
    number = len(hashes)
    if len(fingerprints) != number or (uploaders is not None and len(uploaders) != number):
        raise ParameterError(
            f"hashes, fingerprints and uploaders must be one a video; got {number}, {len(fingerprints)}"
            + ("" if uploaders is None else f" and {len(uploaders)}")
        )
    pairs = _alike_in_picture(hashes) + _alike_in_sound(np.asarray(fingerprints, dtype=np.float32))
    if uploaders is not None:
        pairs = pairs + _same_value(uploaders)
    return sparse.csgraph.connected_components(pairs, directed=False)[1]


def _alike_in_picture(hashes: Sequence[np.ndarray]) -> sparse.csr_array:
    number = len(hashes)
    owner = np.repeat(np.arange(number), [len(bits) for bits in hashes])
    if len(owner) == 0:
        return sparse.csr_array((number, number), dtype=float)
    bits = np.concatenate([np.asarray(bits, dtype=np.float32).reshape(-1, HASH_BITS) for bits in hashes])
    frames = _within(bits, math.sqrt(MAX_HASH_BITS + 0.5))  # squared distance of bits = number of differing bits
    # A frame counts once, however many frames of the other video it resembles, and both videos need enough such
    # frames: else a still would be like every video that shows the picture once.
    owners = sparse.csr_array((np.ones(len(owner)), (np.arange(len(owner)), owner)), shape=(len(owner), number))
    resembles = ((frames @ owners) > 0).astype(float)
    enough = (owners.T @ resembles >= MIN_ALIKE_FRAMES).astype(float)
    return enough.multiply(enough.T).tocsr()


def _alike_in_sound(fingerprints: np.ndarray) -> sparse.csr_array:
    number = len(fingerprints)
    heard = np.flatnonzero(~np.isnan(fingerprints).any(axis=1)) if number else np.array([], dtype=int)
    if len(heard) == 0:
        return sparse.csr_array((number, number), dtype=float)
    # |a - b|^2 = 2 - 2 a.b for vectors of length 1
    near = _within(fingerprints[heard], math.sqrt(2 - 2 * MIN_CHROMA_CORRELATION)).tocoo()
    return sparse.csr_array((near.data, (heard[near.coords[0]], heard[near.coords[1]])), shape=(number, number))


def _within(points: np.ndarray, radius: float) -> sparse.csr_array:
    from sklearn.neighbors import NearestNeighbors

    neighbours = NearestNeighbors(algorithm="brute", radius=radius).fit(points)
    return sparse.csr_array(neighbours.radius_neighbors_graph(points))


def _same_value(values: Sequence[str]) -> sparse.csr_array:
    names = pd.Series(values, dtype=str)
    first = names.drop_duplicates()
    position = names.map(pd.Series(first.index, index=first.to_numpy()))
    known = np.flatnonzero(names != "")
    number = len(names)
    return sparse.csr_array(
        (np.ones(len(known)), (known, position.to_numpy()[known].astype(int))), shape=(number, number)
    )
