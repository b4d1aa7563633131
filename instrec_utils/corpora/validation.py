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

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Report:
    """What `validate` found.

    Attributes
    ----------
    videos : one row a video of the index: ``video_id``, ``label``, ``split``, a bool for each of `FINDINGS`,
        and ``note`` (str: the error, or which video it duplicates).
    """

    videos: pd.DataFrame

    def counts(self) -> pd.DataFrame:
        """Return the findings a class and split: ``label``, ``split``, ``videos``, one number for each finding."""
        groups = self.videos.groupby(["label", "split"], sort=True)
        return pd.concat([groups.size().rename("videos"), groups[list(FINDINGS)].sum()], axis=1).reset_index()

    def usable(self) -> pd.Series:
        """Return for each video whether it is there, can be decoded and is long enough: bool."""
        return ~self.videos[["missing", "invalid", "too_short"]].any(axis=1)


def read_headers(videos: Path, names: Sequence[str]) -> pd.DataFrame:
    """Read the headers of video files, each once.

    Parameters
    ----------
    videos : the folder that the names are relative to.
    names : of the files, with ``/``; empty where there is none.

    Returns
    -------
    headers : one row a name: ``duration`` (seconds, NaN where it cannot be read or there is no name) and ``reason``
        (str, why it cannot be read; empty if it can, or there is no name).
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


def validate(index: pd.DataFrame, corpus_dir: Path, report: Callable[[str], None] = lambda video_id: None) -> Report:
    """Look at every video of an index.

    Parameters
    ----------
    index : as in `instrec_utils.corpora.index`.
    corpus_dir : the folder that its paths are relative to.
    report : called with the id after each video that was opened, such as for a progress bar.

    Returns
    -------
    Report

    Raises
    ------
    CorpusError
        The index is malformed, or the folder is not there.
    """
    corpus_dir = Path(corpus_dir)
    check_index(index, "index")
    if not corpus_dir.is_dir():
        raise CorpusError(f"{corpus_dir}: no such corpus folder")
    paths = [corpus_dir / path if path else None for path in index.path]
    present = [row for row, path in enumerate(paths) if path is not None and path.is_file()]
    nothing = {**dict.fromkeys(FINDINGS, False), "note": ""}
    rows = [{**nothing, "missing": True} for _ in paths]

    first: dict[str, int] = {}
    video_ids = index.video_id.to_list()
    with ThreadPoolExecutor() as workers:
        for row, (digest, found) in zip(present, workers.map(_look, [paths[row] for row in present]), strict=True):
            rows[row] = {**nothing, **found}
            original = first.setdefault(digest, row)
            if original != row and not rows[row]["invalid"]:
                rows[row].update(duplicated=True, note=f"the same as {video_ids[original]}")
            report(video_ids[row])
    table = pd.DataFrame(rows, columns=list(nothing))
    return Report(pd.concat([index[["video_id", "label", "split"]].reset_index(drop=True), table], axis=1))


def _look(path: Path) -> tuple[str, dict[str, object]]:
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
    sound : mono [shape=(samples,)], full scale is 1.
    sample_rate : Hz.
    """
    length = max(1, sample_rate // 10)
    padded = np.pad(sound, (0, -len(sound) % length)).reshape(-1, length)
    loudest = np.sqrt(np.mean(padded.astype(np.float64) ** 2, axis=1)).max(initial=0.0)
    return bool(loudest < 10 ** (SILENCE / 20))


def is_still(frames: Iterator[np.ndarray]) -> bool:
    """Return whether every frame is like the first; reads no further than the first that is not.

    Parameters
    ----------
    frames : uint8 RGB, each [shape=(height, width, 3)].
    """
    first = next(frames).astype(np.int16)
    return all(np.abs(frame - first).mean() < MOTION for frame in frames)
