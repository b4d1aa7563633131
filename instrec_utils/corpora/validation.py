"""Which videos of a corpus cannot be used, or carry less than their label promises.

========== =====================================================================================
finding    meaning
========== =====================================================================================
missing    the index has no path, or there is no file
invalid    the file is no plain media file, or one of its streams cannot be decoded
duplicated byte for byte the same as a video further up in the index
silent     no sound stream, or no tenth of a second louder than `SILENCE` dB below full scale
cancelling channels that cancel each other: of their mean, which is what networks hear, next to nothing is left
still      no picture stream, or every picture (one a second) like the first
too_short  shorter than one segment of the paper (3 s)
========== =====================================================================================

Videos that are missing or invalid have no further finding. Near-duplicates are not findings: see `near_duplicates`.
"""

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

FINDINGS = ("missing", "invalid", "duplicated", "silent", "cancelling", "still", "too_short")

SILENCE = -60.0  # dB below full scale; the noise of 16-bit sound is near -96, a quiet room in a video near -50
MOTION = 1.0  # grey levels, mean absolute difference; recompression of a still picture stays below
_SAMPLE_RATE = 8_000  # Hz, enough to hear whether there is sound
_PICTURE_SIZE = 64  # pixels a side, enough to see whether anything moves


def count_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """Return how often `validate` found what, one row a class and split: label, split, videos, each of `FINDINGS`."""
    groups = findings.groupby(["label", "split"], sort=True)
    return pd.concat([groups.size().rename("videos"), groups[list(FINDINGS)].sum()], axis=1).reset_index()


def is_usable(findings: pd.DataFrame) -> pd.Series:
    """Return for each video of `validate` whether it is there, can be decoded and is long enough: bool."""
    return ~findings[["missing", "invalid", "too_short"]].any(axis=1)


def read_headers(videos: Path, names: Sequence[str]) -> pd.DataFrame:
    """Read the headers of video files, whose names are relative to a folder and may be empty.

    Returns
    -------
    headers : pd.DataFrame [one row a name, columns=(duration, reason)]
        Seconds, NaN where unknown, and why a file cannot be read: empty where it can, or where there is no name.
    """

    def header(name: str) -> tuple[float, str]:
        path = videos / name
        try:
            return (round(media.probe(path).duration, 3), "") if name else (float("nan"), "")
        except MediaError as error:
            return float("nan"), str(error).removeprefix(f"{path}: ")

    with ThreadPoolExecutor() as workers:
        rows = list(tqdm(workers.map(header, names), desc="looking at videos", unit="file", total=len(names)))
    return pd.DataFrame(rows, columns=["duration", "reason"])


def validate(index: pd.DataFrame, corpus_dir: Path) -> pd.DataFrame:
    """Look at every video of an index, whose paths are relative to the corpus folder.

    Returns
    -------
    findings : pd.DataFrame [one row a video, columns=(video_id, label, split, *FINDINGS, note)]
        Bools, and the error or which video it duplicates.

    Raises
    ------
    CorpusError
        The index is malformed, or the folder is not there.
    """
    check_index(index, "index")
    if not corpus_dir.is_dir():
        raise CorpusError(f"{corpus_dir}: no such corpus folder")
    with ThreadPoolExecutor() as workers:
        looks = workers.map(_look, [corpus_dir / path for path in index.path])
        rows = list(tqdm(looks, desc="validating", unit="video", total=len(index)))
    findings = index[["video_id", "label", "split"]].reset_index(drop=True)
    findings = findings.join(pd.DataFrame(rows, columns=[*FINDINGS, "note", "sha256"]))
    findings["duplicated"] = findings.sha256.duplicated() & ~findings[["missing", "invalid"]].any(axis=1)
    original = findings.groupby("sha256").video_id.transform("first")
    findings["note"] = findings.note.mask(findings["duplicated"], "the same as " + original)
    return findings.drop(columns="sha256")


def _look(path: Path) -> dict[str, bool | str]:
    """Return what was found in a file, and its sha256."""
    found: dict[str, bool | str] = {**dict.fromkeys(FINDINGS, False), "note": "", "sha256": ""}
    if not path.is_file():
        return found | {"missing": True}
    found["sha256"] = sha256_of_file(path)
    try:
        info = media.probe(path)
        cancelling = info.has_sound and is_cancelling(*media.channel_power(path))
        silent = not info.has_sound or (
            not cancelling and is_silent(media.read_sound(path, (_SAMPLE_RATE,))[_SAMPLE_RATE], _SAMPLE_RATE)
        )
        still = not info.has_picture or is_still(media.read_frames(path, size=_PICTURE_SIZE))
    except MediaError as error:
        return found | {"invalid": True, "note": str(error)}
    too_short = info.duration < SEGMENT_SECONDS
    return found | {"silent": silent, "cancelling": cancelling, "still": still, "too_short": too_short}


def is_cancelling(of_mean: float, of_each: np.ndarray) -> bool:
    """Return whether channels of such power, as of `media.channel_power`, cancel each other in their mean.

    They do where it has a hundredth of the power that is left of channels that have nothing to do with each other.
    """
    is_loud = bool(of_each.max() > 10 ** (SILENCE / 10 - 2))
    return is_loud and bool(of_mean < 0.01 * of_each.sum() / len(of_each) ** 2)


def is_silent(sound: np.ndarray, sample_rate: int) -> bool:
    """Return whether no tenth of a second of a mono sound [shape=(num_samples,), float32] is louder than `SILENCE`."""
    length = max(1, sample_rate // 10)
    padded = np.pad(sound, (0, -len(sound) % length)).reshape(-1, length)
    loudest = np.sqrt(np.mean(padded.astype(np.float64) ** 2, axis=1)).max(initial=0.0)
    return bool(loudest < 10 ** (SILENCE / 20))


def is_still(frames: Iterator[np.ndarray]) -> bool:
    """Return whether every frame [shape=(height, width, 3), uint8] is like the first; stops at one that is not."""
    first = next(frames).astype(np.int16)
    return all(np.abs(frame - first).mean() < MOTION for frame in frames)
