"""The paper's own datasets as corpora: as many of their videos as are here, in the paper's split or another.

The paper's and the stratified split are those of the complete published list, so a video that is gone leaves a gap
and moves no other. The grouped split is drawn from the videos that are here, since they must be decoded for it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from instrec_utils import files, paths
from instrec_utils.config import SPLIT_SHARES, SPLITS
from instrec_utils.corpora import near_duplicates
from instrec_utils.corpora.corpus import LISTED
from instrec_utils.corpora.index import read_headers, refuse_rows, write_index
from instrec_utils.corpora.source import BuildOptions, Source
from instrec_utils.corpora.splits import SPLIT_METHODS
from instrec_utils.errors import CorpusError
from instrec_utils.media.containers import VIDEO_ENDINGS
from instrec_utils.paper_data import availability, published
from instrec_utils.paper_data.labels import FCVID_FOLDERS


def youtube8m_dir() -> Path:
    """Return the folder of YouTube-8M's downloaded videos and their ledger."""
    return paths.data_dir() / "yt8m"


def ledger_path() -> Path:
    """Return the file of the ledger of YouTube-8M's videos."""
    return youtube8m_dir() / "ledger.sqlite"


def load_fcvid_index(archive: Path, directory: Path) -> pd.DataFrame:
    """Return the index of the published list in a directory, as far as an extracted FCVID archive has its videos.

    FCVID is handed out by its makers (http://bigvid.fudan.edu.cn/FCVID/) and may not be passed on. In it a video is
    ``<folder>/<video id>.<extension>``, the folders being `FCVID_FOLDERS`; other files are left alone. It is a
    `CorpusError` if none of the folders is there, or a video is there twice or in another folder than listed.

    Returns
    -------
    index : pd.DataFrame [one row a video, as `published.load_index`, further columns=(state, reason)]
        The state is present, unreadable (for that reason) or missing; a duration that is not published is the file's.
    """
    if not archive.is_dir():
        raise CorpusError(f"{archive}: no such folder; expected the extracted FCVID archive")
    index = published.load_index("fcvid", directory)
    index["path"] = index.video_id.map(_fcvid_files(archive)).fillna("").astype(str)
    is_elsewhere = (index.path != "") & (index.path.str.split("/").str[0] != index.folder)
    rule = "{} is in {} here and is {} in the archive"
    refuse_rows(is_elsewhere, directory / "fcvid_dataset.csv", rule, index[["video_id", "folder", "path"]])
    headers = read_headers(archive, index.path)
    index["duration"] = index.duration.fillna(headers.duration)
    index["reason"] = headers.reason.astype(str)
    state = np.select([index.path == "", index.reason != ""], ["missing", "unreadable"], "present")
    return index.assign(state=pd.Series(state, dtype=str))


def _fcvid_files(archive: Path) -> dict[str, str]:
    """Return the path in the archive of each video that it has."""
    folders = [archive / name for name in FCVID_FOLDERS if (archive / name).is_dir()]
    if not folders:
        raise CorpusError(f"{archive}: expected the folders {', '.join(FCVID_FOLDERS)}; none of them is there")
    found: dict[str, str] = {}
    for path in sorted(path for folder in folders for path in folder.iterdir()):
        if path.suffix.lower() in VIDEO_ENDINGS and path.is_file():
            if path.stem in found:
                raise CorpusError(f"{path}: the same video as {found[path.stem]}; keep one of them")
            found[path.stem] = path.relative_to(archive).as_posix()
    return found


def write_fcvid_index(options: BuildOptions) -> Path:
    """Write the index of the paper's FCVID videos that an archive has, see `load_fcvid_index`; return the archive.

    Beside index.csv come listed.csv, all videos of the paper with their ``state`` and ``reason``, and skipped.csv,
    those that are not here. A class without a readable video in a split is a `CorpusError`.
    """
    listed = load_fcvid_index(options.root, published.locate_lists())
    listed["reason"] = listed.reason.where(listed.path != "", "not in the archive")
    return _write_indices(listed, "fcvid", options.root, options)


def write_youtube8m_index(options: BuildOptions) -> Path:
    """Write the index of the paper's YouTube-8M videos that were downloaded; return `youtube8m_dir`.

    The files are those of `write_fcvid_index`. It is a `CorpusError` if no video was asked for yet.
    """
    if not ledger_path().is_file():
        raise CorpusError(f"{ledger_path()}: no video of YouTube-8M was asked for yet; run make download first")
    with availability.Ledger(ledger_path()) as ledger:
        listed = availability.with_paths(published.load_index("yt8m", published.locate_lists()), ledger)
    headers = read_headers(youtube8m_dir(), listed.path)
    listed["duration"] = listed.duration.fillna(headers.duration)
    listed["reason"] = headers.reason.where(listed.path != "", listed.state)
    listed["state"] = listed.state.where(headers.reason == "", "unreadable")
    return _write_indices(listed, "yt8m", youtube8m_dir(), options)


def _write_indices(listed: pd.DataFrame, dataset: str, videos: Path, options: BuildOptions) -> Path:
    """Split a list that has the paper's split; write it, what is left out, and the index of what can be read."""
    if options.split_method == "stratified":
        everywhere = published.all_splits(published.locate_lists(), options.seed)
        listed["split"] = everywhere[everywhere.corpus == dataset].set_index(listed.index)["stratified"]
    elif options.split_method == "grouped":  # only of a video that is here can one say what it is like
        here = listed[listed.reason == ""]
        split, _ = near_duplicates.split_by_group(here, videos, options.corpus_dir, options.seed)
        listed["split"] = split.reindex(listed.index).fillna(listed.split)
    write_index(listed, options.corpus_dir / LISTED)
    # First what is wrong with the files, then the long list of those that are not here.
    skipped = listed.loc[listed.reason != "", ["video_id", "label", "path", "reason"]]
    skipped = skipped.sort_values("path", key=lambda path: path == "", kind="stable")
    files.write_csv(options.corpus_dir / "skipped.csv", skipped)
    here = listed[listed.reason == ""].drop(columns=["state", "reason"]).reset_index(drop=True)
    counts = pd.crosstab(here.label, here.split).reindex(
        index=sorted(listed.label.unique()), columns=list(SPLITS), fill_value=0
    )
    if len(short := counts[(counts == 0).any(axis=1)]):
        listing = "; ".join(f"{row.Index} {row.train}, {row.validation}, {row.test}" for row in short.itertuples())
        raise CorpusError(
            f"{videos}: every class needs a readable video in each split; got for {', '.join(SPLITS)}: "
            f"{listing}. What is left out, and why, is in {options.corpus_dir / 'skipped.csv'}"
        )
    write_index(here, options.corpus_dir / "index.csv")
    return videos


def in_turn(index: pd.DataFrame) -> pd.DataFrame:
    """Return an index in such an order that its first rows are a corpus: classes in turn, each split in its share."""
    shares = index.split.map(dict(zip(SPLITS, SPLIT_SHARES, strict=True)))
    turn = index.groupby(["label", "split"]).cumcount() / shares
    return index.loc[turn.sort_values(kind="stable").index]


FCVID = Source(
    name="fcvid",
    title="FCVID",
    nature="This page was made from FCVID: the videos of the paper's list that are in this copy of the archive.",
    licence="The archive is handed out by its makers and may not be passed on.",
    citation="Jiang et al., Exploiting Feature and Class Relationships in Video Categorization with Regularized Deep "
    "Neural Networks (2018); for the list Slizovskaia, Gómez and Haro (2017).",
    build=write_fcvid_index,
    split_methods=tuple(SPLIT_METHODS),
    root="the folder of the extracted FCVID archive",
    paper_dataset="FCVID",
)

YT8M = Source(
    name="yt8m",
    title="YouTube-8M",
    nature="This page was made from YouTube-8M: the videos of the paper's list that could still be downloaded.",
    licence="The videos are their uploaders' and may not be passed on; YouTube-8M's labels are under CC BY 4.0.",
    citation="Abu-El-Haija et al., YouTube-8M: A Large-Scale Video Classification Benchmark (2016); for the list "
    "Slizovskaia, Gómez and Haro (2017).",
    build=write_youtube8m_index,
    split_methods=tuple(SPLIT_METHODS),
    ledger=ledger_path,
    paper_dataset="YT-8M",
)
