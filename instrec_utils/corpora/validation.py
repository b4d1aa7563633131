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

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from instrec_utils import media
from instrec_utils.config import SEGMENT_SECONDS, SPLIT_SEED, SPLITS
from instrec_utils.corpora import folder
from instrec_utils.corpora.index import check_index
from instrec_utils.corpora.source import BuildOptions, check_root, check_split
from instrec_utils.errors import CorpusError, MediaError
from instrec_utils.files import sha256_of_file

FINDINGS = ("missing", "invalid", "duplicated", "silent", "cancelling", "still", "too_short")

SILENCE = -60.0  # dB below full scale; the noise of 16-bit sound is near -96, a quiet room in a video near -50
_PICTURE_SIZE = 64  # pixels a side, enough to see whether anything moves

# Seconds on two cores with the profile "quick": those a video from the training times in results/ of demo and open.
REPORT_SECONDS = 300.0  # whatever the videos: kernels, pages, the book; an allowance, not a measurement
TRAINING_SECONDS = 3.0  # a training video
TEST_SECONDS = 10.0  # a test video, which is degraded and looked at again many times
DECODING_SECONDS = 2.0  # a minute of video, decoded for near-duplicates and for its features


def count_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """Return how often `validate` found what, one row a class and split: label, split, videos, each of `FINDINGS`."""
    groups = findings.groupby(["label", "split"], sort=True)
    return pd.concat([groups.size().rename("videos"), groups[list(FINDINGS)].sum()], axis=1).reset_index()


def is_usable(findings: pd.DataFrame) -> pd.Series:
    """Return for each video of `validate` whether it is there, can be decoded and is long enough: bool."""
    return ~findings[["missing", "invalid", "too_short"]].any(axis=1)


def validate(index: pd.DataFrame, videos: Path) -> pd.DataFrame:
    """Look at every video of an index, whose paths are relative to a folder; `CorpusError` if that is missing.

    Of a corpus that is prepared it is `Corpus.videos`.

    Returns
    -------
    findings : pd.DataFrame [one row a video, columns=(video_id, path, label, split, *FINDINGS, note)]
        Bools, and the error or which video it duplicates.
    """
    check_index(index, "index")
    if not videos.is_dir():
        raise CorpusError(f"{videos}: no such folder of videos")
    paths = [videos / path for path in index.path]
    # One after the other: threads that decode thousands of packets of sound wait for each other more than they work.
    rows = [_look(path) for path in tqdm(paths, desc="validating", unit="video")]
    findings = index[["video_id", "path", "label", "split"]].reset_index(drop=True)
    findings = findings.join(pd.DataFrame(rows, columns=[*FINDINGS, "note"]))
    content = _contents(paths, ~findings[["missing", "invalid"]].any(axis=1))
    findings["duplicated"] = content.duplicated() & content.notna()
    original = findings.groupby(content).path.transform("first")
    findings["note"] = findings.note.mask(findings["duplicated"], "the same as " + original)
    return findings


def _contents(paths: Sequence[Path], is_good: pd.Series) -> pd.Series:
    """Return the sha256 of the files that are good and may be the same as another, which has its size; else None."""
    sizes = pd.Series([path.stat().st_size if good else -1 for path, good in zip(paths, is_good, strict=True)])
    is_alone = ~(sizes.duplicated(keep=False) & is_good)
    return pd.Series([None if alone else sha256_of_file(path) for path, alone in zip(paths, is_alone, strict=True)])


def _look(path: Path) -> dict[str, bool | str]:
    """Return what was found in a file."""
    found: dict[str, bool | str] = {**dict.fromkeys(FINDINGS, False), "note": ""}
    if not path.is_file():
        return found | {"missing": True}
    try:
        info = media.probe(path)
        power = media.channel_power(path) if info.has_sound else None
        cancelling = power is not None and is_cancelling(power)
        silent = power is None or (not cancelling and power.loudest < 10 ** (SILENCE / 10))
        still = not info.has_picture or is_still(media.read_frames(path, size=_PICTURE_SIZE))
    except MediaError as error:
        return found | {"invalid": True, "note": str(error)}
    too_short = info.duration < SEGMENT_SECONDS
    return found | {"silent": silent, "cancelling": cancelling, "still": still, "too_short": too_short}


def is_cancelling(power: media.Power) -> bool:
    """Return whether channels of such power cancel each other in their mean.

    They do where it has a hundredth of the power that is left of channels that have nothing to do with each other.
    """
    is_loud = bool(power.of_each.max() > 10 ** (SILENCE / 10 - 2))
    return is_loud and bool(power.of_mean < 0.01 * power.of_each.sum() / len(power.of_each) ** 2)


def is_still(frames: Iterator[np.ndarray]) -> bool:
    """Return whether every frame [shape=(height, width, 3), uint8] is like the first; stops at one that is not."""
    first = next(frames).astype(np.int16)
    return all(np.abs(frame - first).mean() < media.MOTION for frame in frames)


@dataclass(frozen=True)
class FolderPreview:
    """What a report on a folder of videos will be about.

    Attributes
    ----------
    findings : pd.DataFrame [one row a video that it takes, as from `validate`]
        The split is empty where there is a problem; `count_findings` counts a class and split.
    skipped : pd.DataFrame [one row a file that it leaves out, columns=(path, reason)]
    notes : list of str [sentences: the classes left out, and near-duplicates that are not in one split]
    problem : str [why there can be no report; empty where there can]
    seconds : float [of the report on two cores, right to within a factor of two; NaN where there is a problem]
    """

    findings: pd.DataFrame
    skipped: pd.DataFrame
    notes: list[str]
    problem: str
    seconds: float


def preview_folder(
    root: Path,
    *,
    split_method: str = "grouped",
    seed: int = SPLIT_SEED,
    small_classes: str = "leave_out",
    follow_links: bool = False,
) -> FolderPreview:
    """Look at every file of a folder of videos, see `folder.read_folder`, as a report would; nothing of it is kept.

    The other parameters are those of `source.BuildOptions`; one that a report would refuse is a `ParameterError`, as is
    the name of such a folder. A folder that is missing is a `CorpusError`; what else would stop a report is the problem
    of the preview.
    """
    check_split(folder.SOURCE, split_method)
    check_root(folder.SOURCE, str(root))
    with tempfile.TemporaryDirectory() as scratch:
        options = BuildOptions(Path(scratch), root, 0, split_method, seed, small_classes, follow_links)
        found, small = folder.read_folder(root, follow_links=follow_links)
        notes, problem = list[str](), ""
        try:
            index, notes = folder.divide_folder(found, small, options)
        except CorpusError as error:
            index, problem = found[found["reason"] == ""].assign(split=SPLITS[0]), str(error)
    findings = validate(index, root)
    seconds = float("nan")
    if problem:
        findings["split"] = ""
    else:
        sizes = index["split"].value_counts()
        seconds = REPORT_SECONDS + TRAINING_SECONDS * sizes["train"] + TEST_SECONDS * sizes["test"]
        seconds += DECODING_SECONDS * index["duration"].sum() / 60
    return FolderPreview(findings, found.loc[found["reason"] != "", ["path", "reason"]], notes, problem, seconds)
