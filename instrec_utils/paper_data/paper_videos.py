"""The paper's own datasets as corpora: as many of their videos as are here, in the paper's split or another.

The paper's and the stratified split are those of the complete published list, so a video that is gone leaves a gap
and moves no other. The grouped split is drawn from the videos that are here, since they must be seen and heard for it.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from instrec_utils import files, paths
from instrec_utils.config import SPLIT_SEED, SPLIT_SHARES, SPLITS
from instrec_utils.corpora import LISTED, near_duplicates
from instrec_utils.corpora.index import write_index
from instrec_utils.corpora.validation import read_headers
from instrec_utils.errors import CorpusError
from instrec_utils.paper_data import availability, fcvid, published


def youtube8m_dir() -> Path:
    """Return the folder of YouTube-8M's downloaded videos and their ledger."""
    return paths.data_dir() / "yt8m"


def ledger_path() -> Path:
    """Return the file of the ledger of YouTube-8M's videos."""
    return youtube8m_dir() / "ledger.sqlite"


def build_fcvid(archive: Path, corpus_dir: Path, way: str = "paper", seed: int = SPLIT_SEED) -> pd.DataFrame:
    """Return the index of the paper's FCVID videos that an archive has; write it and the list of the others.

    Parameters
    ----------
    archive : the extracted archive, with the class folders in it; see `fcvid.load_index`.
    corpus_dir : where index.csv, listed.csv (all videos of the paper, those here and those not, with their ``state``)
        and skipped.csv go; no video is copied.
    way : one of `splits.WAYS`.
    seed : of the stratified and the grouped split.

    Returns
    -------
    index : see `instrec_utils.corpora.index`; paths are relative to the archive.

    Raises
    ------
    CorpusError, DownloadError
        See `published.locate_lists` and `fcvid.load_index`; or a class has no readable video left in a split.
    """
    listed = fcvid.load_index(archive, published.locate_lists())
    listed["reason"] = listed.reason.where(listed.path != "", "not in the archive")
    return _write_what_is_here(_divide(listed, "fcvid", archive, corpus_dir, way, seed), archive, corpus_dir)


def build_youtube8m(corpus_dir: Path, way: str = "paper", seed: int = SPLIT_SEED) -> pd.DataFrame:
    """Return the index of the paper's YouTube-8M videos that were downloaded; write it and the list of the others.

    Parameters
    ----------
    corpus_dir, way, seed : see `build_fcvid`.

    Returns
    -------
    index : see `instrec_utils.corpora.index`; paths are relative to `youtube8m_dir`.

    Raises
    ------
    CorpusError, DownloadError
        See `published.locate_lists`; no video was asked for; or a class has no readable video left in a split.
    """
    if not ledger_path().is_file():
        raise CorpusError(f"{ledger_path()}: no video of YouTube-8M was asked for yet; run make download first")
    with availability.Ledger(ledger_path()) as ledger:
        listed = availability.with_paths(published.load_index("yt8m", published.locate_lists()), ledger)
    headers = read_headers(youtube8m_dir(), listed.path)
    listed["duration"] = listed.duration.fillna(headers.duration)
    listed["reason"] = headers.reason.where(listed.path != "", listed.state)
    listed["state"] = listed.state.where(headers.reason == "", "unreadable")
    listed = _divide(listed, "yt8m", youtube8m_dir(), corpus_dir, way, seed)
    return _write_what_is_here(listed, youtube8m_dir(), corpus_dir)


def _divide(listed: pd.DataFrame, corpus: str, videos: Path, corpus_dir: Path, way: str, seed: int) -> pd.DataFrame:
    """Put a split into a list that comes with the paper's."""
    if way == "stratified":
        everywhere = published.all_splits(published.locate_lists(), seed)
        return listed.assign(split=everywhere[everywhere.corpus == corpus].set_index(listed.index)[way])
    if way == "grouped":  # only of a video that is here can one say what it is like; the others are not used
        here = listed[listed.reason == ""]
        split = near_duplicates.split_by_group(here, videos, corpus_dir, seed)
        return listed.assign(split=split.reindex(listed.index).fillna(listed.split))
    return listed


def _write_what_is_here(listed: pd.DataFrame, videos: Path, corpus_dir: Path) -> pd.DataFrame:
    """Write a complete list, what is left out of it, and the index of what can be read; return the index."""
    write_index(listed, corpus_dir / LISTED)
    # First what is wrong with the files, then the long list of those that are not here.
    skipped = listed.loc[listed.reason != "", ["video_id", "label", "path", "reason"]]
    skipped = skipped.sort_values("path", key=lambda path: path == "", kind="stable")
    files.write_text(corpus_dir / "skipped.csv", skipped.to_csv(index=False))
    here = listed[listed.reason == ""].drop(columns=["state", "reason"]).reset_index(drop=True)
    counts = pd.crosstab(here.label, here.split).reindex(
        index=sorted(listed.label.unique()), columns=list(SPLITS), fill_value=0
    )
    short = counts[(counts == 0).any(axis=1)]
    if len(short):
        listing = "; ".join(f"{row.Index} {row.train}, {row.validation}, {row.test}" for row in short.itertuples())
        raise CorpusError(
            f"{videos}: every class needs a readable video in each split; got for {', '.join(SPLITS)}: "
            f"{listing}. What is left out, and why, is in {corpus_dir / 'skipped.csv'}"
        )
    write_index(here, corpus_dir / "index.csv")
    return here


def state_table(listed: pd.DataFrame) -> pd.DataFrame:
    """Return how many videos of each class are in which state, with a last row for ``all``.

    Parameters
    ----------
    listed : columns ``label`` and ``state``, as in a corpus' listed.csv.
    """
    table = pd.crosstab(listed.label, listed.state)
    table.loc["all"] = table.sum()
    table.insert(0, "videos", table.sum(axis=1))
    return table.rename_axis("label", axis=0).rename_axis(None, axis=1).reset_index()


def in_turn(index: pd.DataFrame) -> pd.DataFrame:
    """Return an index in such an order that its first rows hold every class and split, each split in its share.

    Classes take turns, so whoever asks for some of the videos gets a small corpus that can be learned from.
    """
    shares = index.split.map(dict(zip(SPLITS, SPLIT_SHARES, strict=True)))
    turn = index.groupby(["label", "split"]).cumcount() / shares
    return index.loc[turn.sort_values(kind="stable").index]
