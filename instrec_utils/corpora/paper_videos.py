"""The paper's own datasets as corpora: as many of their videos as are here, in the paper's split.

The split is that of the complete published list, so a video that is gone leaves a gap and moves no other.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from tqdm import tqdm

from instrec_utils import files, media, paths
from instrec_utils.config import SPLIT_SHARES, SPLITS
from instrec_utils.corpora import availability, fcvid, published
from instrec_utils.corpora.index import write_index
from instrec_utils.errors import CorpusError, MediaError


def youtube8m_dir() -> Path:
    """Return the folder of YouTube-8M's downloaded videos and their ledger."""
    return paths.data_dir() / "yt8m"


def ledger_path() -> Path:
    """Return the file of the ledger of YouTube-8M's videos."""
    return youtube8m_dir() / "ledger.sqlite"


def build_fcvid(archive: Path, corpus_dir: Path) -> pd.DataFrame:
    """Return the index of the paper's FCVID videos that an archive has; write it and the list of the others.

    Parameters
    ----------
    archive : the extracted archive, with the class folders in it; see `fcvid.load_index`.
    corpus_dir : where index.csv and skipped.csv go; no video is copied.

    Returns
    -------
    index : see `instrec_utils.corpora.index`; paths are relative to the archive.

    Raises
    ------
    CorpusError, DownloadError
        See `published.locate` and `fcvid.load_index`; or a class has no readable video left in a split.
    """
    index = fcvid.load_index(archive, published.locate())
    return _write_what_is_here(index.drop(columns=["state", "reason"]), "not in the archive", archive, corpus_dir)


def build_youtube8m(corpus_dir: Path) -> pd.DataFrame:
    """Return the index of the paper's YouTube-8M videos that were downloaded; write it and the list of the others.

    Parameters
    ----------
    corpus_dir : where index.csv and skipped.csv go.

    Returns
    -------
    index : see `instrec_utils.corpora.index`; paths are relative to `youtube8m_dir`.

    Raises
    ------
    CorpusError, DownloadError
        See `published.locate`; no video was asked for; or a class has no readable video left in a split.
    """
    if not ledger_path().is_file():
        raise CorpusError(f"{ledger_path()}: no video of YouTube-8M was asked for yet; run make download first")
    with availability.Ledger(ledger_path()) as ledger:
        index = availability.with_paths(published.load_index("yt8m", published.locate()), ledger)
    return _write_what_is_here(index.drop(columns="state"), index.state, youtube8m_dir(), corpus_dir)


def _write_what_is_here(
    index: pd.DataFrame, why_missing: pd.Series | str, videos: Path, corpus_dir: Path
) -> pd.DataFrame:
    """Divide a complete index into what can be read and what is left out, and write both."""
    durations, reasons = _look(videos, index.path)
    index = index.assign(duration=index.duration.fillna(durations))
    reasons = reasons.where(index.path != "", why_missing)
    skipped = index[["video_id", "path"]].assign(reason=reasons)[reasons != ""]
    # First what is wrong with the files, then the long list of those that are not here.
    skipped = skipped.sort_values("path", key=lambda path: path == "", kind="stable")
    files.write_text(corpus_dir / "skipped.csv", skipped.to_csv(index=False))
    here = index[reasons == ""].reset_index(drop=True)
    counts = pd.crosstab(here.label, here.split).reindex(
        index=sorted(index.label.unique()), columns=list(SPLITS), fill_value=0
    )
    short = counts[(counts == 0).any(axis=1)]
    if len(short):
        listing = "; ".join(f"{row.Index} {row.train}, {row.validation}, {row.test}" for row in short.itertuples())
        raise CorpusError(
            f"{videos}: every class needs a readable video in each split of the paper; got for {', '.join(SPLITS)}: "
            f"{listing}. What is left out, and why, is in {corpus_dir / 'skipped.csv'}"
        )
    write_index(here, corpus_dir / "index.csv")
    return here


def _look(videos: Path, names: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return the duration of each file in seconds and why it cannot be read; NaN and empty where there is none."""
    durations, reasons = pd.Series(float("nan"), names.index), pd.Series("", names.index, dtype=object)
    present = names[names != ""]
    for row, name in tqdm(present.items(), desc="looking at videos", unit="file", total=len(present)):
        path = videos / name
        try:
            durations[row] = round(media.probe(path).duration, 3)
        except MediaError as error:
            reasons[row] = str(error).removeprefix(f"{path}: ")
    return durations, reasons


def in_turn(index: pd.DataFrame) -> pd.DataFrame:
    """Return an index in such an order that its first rows hold every class and split, each split in its share.

    Classes take turns, so whoever asks for some of the videos gets a small corpus that can be learned from.
    """
    shares = index.split.map(dict(zip(SPLITS, SPLIT_SHARES, strict=True)))
    turn = index.groupby(["label", "split"]).cumcount() / shares
    return index.loc[turn.sort_values(kind="stable").index]
