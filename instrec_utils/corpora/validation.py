"""Which videos of a corpus cannot be used, or carry less than their label promises.

========== =====================================================================================
finding    meaning
========== =====================================================================================
missing    the index has no path, or there is no file
invalid    the file is no plain media file, or one of its streams cannot be decoded
duplicated byte for byte the same as a video further up in the index
silent     no sound stream, or no tenth of a second louder than `SILENCE` dB below full scale
still      no picture stream, or every picture (one a second) like the first
too_short  shorter than one segment of the paper (3 s)
========== =====================================================================================

Videos that are missing or invalid have no further finding. Near-duplicates are not findings: see `near_duplicates`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from instrec_utils import media
from instrec_utils.config import SEGMENT_SECONDS
from instrec_utils.corpora.index import check_index
from instrec_utils.errors import CorpusError, MediaError
from instrec_utils.files import sha256_of_file

FINDINGS = ("missing", "invalid", "duplicated", "silent", "still", "too_short")

SILENCE = -60.0  # dB below full scale; the noise of 16-bit sound is near -96, a quiet room in a video near -50
MOTION = 1.0  # grey levels, mean absolute difference; recompression of a still picture stays below
_SAMPLE_RATE = 8_000  # Hz, enough to hear whether there is sound
_PICTURE_SIZE = 64  # pixels a side, enough to see whether anything moves


def count_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """Return how often `validate` found what: ``label``, ``split``, ``videos``, one number for each of `FINDINGS`."""
    groups = findings.groupby(["label", "split"], sort=True)
    return pd.concat([groups.size().rename("videos"), groups[list(FINDINGS)].sum()], axis=1).reset_index()


def is_usable(findings: pd.DataFrame) -> pd.Series:
    """Return for each video of `validate` whether it is there, can be decoded and is long enough: bool."""
    return ~findings[["missing", "invalid", "too_short"]].any(axis=1)


def read_headers(videos: Path, names: Sequence[str]) -> pd.DataFrame:
    """Read the headers of video files, each once.

    Parameters
    ----------
    videos : Path
        The folder that the names are relative to.
    names : Sequence[str]
        Of the files, with ``/``; empty where there is none.

    Returns
    -------
    pd.DataFrame
        One row a name: ``duration`` (seconds, NaN where it cannot be read or there is no name) and ``reason`` (str, why
        it cannot be read; empty if it can, or there is no name).
    """

    def header(name: str) -> tuple[float, str]:
        path = Path(videos) / name
        try:
            return (round(media.probe(path).duration, 3), "") if name else (float("nan"), "")
        except MediaError as error:
            return float("nan"), str(error).removeprefix(f"{path}: ")

    with ThreadPoolExecutor() as workers:
        rows = list(tqdm(workers.map(header, names), desc="looking at videos", unit="file", total=len(names)))
    return pd.DataFrame(rows, columns=["duration", "reason"])


def validate(index: pd.DataFrame, corpus_dir: Path) -> pd.DataFrame:
    """Look at every video of an index.

    Parameters
    ----------
    index : pd.DataFrame
        As in `instrec_utils.corpora.index`.
    corpus_dir : Path
        The folder that its paths are relative to.

    Returns
    -------
    pd.DataFrame
        One row a video: ``video_id``, ``label``, ``split``, a bool for each of `FINDINGS`, and ``note`` (str: the
        error, or which video it duplicates).

    Raises
    ------
    CorpusError
        The index is malformed, or the folder is not there.
    """
    corpus_dir = Path(corpus_dir)
    check_index(index, "index")
    if not corpus_dir.is_dir():
        raise CorpusError(f"{corpus_dir}: no such corpus folder")
    present = [row for row, path in enumerate(index.path) if path and (corpus_dir / path).is_file()]
    paths = [corpus_dir / index.path.iloc[row] for row in present]
    nothing: dict[str, bool | str] = {**dict.fromkeys(FINDINGS, False), "note": ""}
    rows = [nothing | {"missing": True} for _ in range(len(index))]
    first: dict[str, int] = {}
    with ThreadPoolExecutor() as workers:
        looks = tqdm(workers.map(_look, paths), desc="validating", unit="video", total=len(paths))
        for row, (digest, found) in zip(present, looks, strict=True):
            rows[row] = nothing | found
            original = first.setdefault(digest, row)
            if original != row and not rows[row]["invalid"]:
                rows[row] |= {"duplicated": True, "note": f"the same as {index.video_id.iloc[original]}"}
    table = pd.DataFrame(rows, columns=list(nothing))
    return pd.concat([index[["video_id", "label", "split"]].reset_index(drop=True), table], axis=1)


def _look(path: Path) -> tuple[str, dict[str, bool | str]]:
    """Return a file's sha256 and what was found in it."""
    digest = sha256_of_file(path)
    try:
        info = media.probe(path)
        silent = not info.has_sound or is_silent(media.read_sound(path, (_SAMPLE_RATE,))[_SAMPLE_RATE], _SAMPLE_RATE)
        still = not info.has_picture or is_still(media.read_frames(path, size=_PICTURE_SIZE))
    except MediaError as error:
        return digest, {"invalid": True, "note": str(error)}
    return digest, {"silent": silent, "still": still, "too_short": info.duration < SEGMENT_SECONDS}


def is_silent(sound: np.ndarray, sample_rate: int) -> bool:
    """Return whether no tenth of a second is louder than `SILENCE`.

    Parameters
    ----------
    sound : np.ndarray [shape=(num_samples,), float32]
        Mono, full scale is 1.
    sample_rate : int [Hz]
    """
    length = max(1, sample_rate // 10)
    padded = np.pad(sound, (0, -len(sound) % length)).reshape(-1, length)
    loudest = np.sqrt(np.mean(padded.astype(np.float64) ** 2, axis=1)).max(initial=0.0)
    return bool(loudest < 10 ** (SILENCE / 20))


def is_still(frames: Iterator[np.ndarray]) -> bool:
    """Return whether every frame is like the first; reads no further than the first that is not.

    Parameters
    ----------
    frames : Iterator[np.ndarray [shape=(height, width, 3), uint8]]
        RGB.
    """
    first = next(frames).astype(np.int16)
    return all(np.abs(frame - first).mean() < MOTION for frame in frames)
