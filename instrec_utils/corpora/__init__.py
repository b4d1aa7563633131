"""The corpora: one module each, all returning the same index."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from instrec_utils import files, paths
from instrec_utils.corpora import splits
from instrec_utils.corpora.index import read_index
from instrec_utils.errors import CorpusError, ParameterError

WAYS = {
    "demo": (),
    "open": (),
    "folder": ("stratified", "grouped"),
    "fcvid": ("paper", "stratified", "grouped"),
    "yt8m": ("paper", "stratified", "grouped"),
}
"""The splits that each source of videos can have, its own first; a staged one has no choice."""

SOURCES = tuple(WAYS)
LISTED = "listed.csv"


@dataclass(frozen=True)
class Corpus:
    """Videos with labels and splits.

    Attributes
    ----------
    name : of its folders and pages.
    source : one of `SOURCES`, where its videos come from.
    directory : holds index.csv and the features.
    videos : the folder that the index's paths are relative to.
    index : one row a video; see `instrec_utils.corpora.index`.
    unusable : video ids that could not be decoded; they are counted, not evaluated.
    way : the split that it has, one of `splits.WAYS`; empty for a staged corpus.
    """

    name: str
    source: str
    directory: Path
    videos: Path
    index: pd.DataFrame
    unusable: frozenset[str] = frozenset()
    way: str = ""

    @property
    def labels(self) -> list[str]:
        """The classes, in alphabetical order."""
        return sorted(self.index["label"].unique())

    @property
    def usable(self) -> pd.DataFrame:
        """The rows of the videos that were decoded."""
        return self.index[~self.index["video_id"].isin(self.unusable)]

    def split(self, name: str) -> pd.DataFrame:
        """Return the usable rows of a split, in order of id."""
        return self.usable[self.usable["split"] == name].sort_values("video_id")

    def targets(self, table: pd.DataFrame) -> np.ndarray:
        """Return the class number of each row [shape=(num_rows,), int64]."""
        return np.searchsorted(self.labels, table["label"].to_numpy(str))


def prepare(
    name: str, source: str, *, root: str = "", clips_per_class: int = 0, split: str = "", seed: int = 10
) -> Corpus:
    """Render, download or list a corpus' videos, whatever is missing, and return it.

    Parameters
    ----------
    name : of the corpus' folders.
    source : one of `SOURCES`, where its videos come from.
    root : folder of videos, for the source "folder"; the extracted archive, for "fcvid".
    clips_per_class : of the staged corpora "demo" and "open"; 0 for their own default.
    split : one of `WAYS` of the source; empty for its own, the first. It is also written as a file, see
        `splits.write_split`, into the folder ``splits`` of the corpus.
    seed : of the rendering or the split; the paper's split has its own.

    Raises
    ------
    CorpusError, ParameterError, DownloadError
        Something about the source is wrong; the message says what and where.
    """
    if source not in SOURCES:
        raise ParameterError(f"source: expected one of {', '.join(SOURCES)}, got {source!r}")
    if split and split not in WAYS[source]:
        allowed = " or ".join(WAYS[source]) or "none, as its clips are staged split by split"
        raise ParameterError(f"split: for the source {source} expected {allowed}; got {split!r}")
    way = split or next(iter(WAYS[source]), "")
    directory = paths.data_dir() / name
    videos = directory
    for left in (LISTED, "groups.csv"):  # of another source or split under this name
        (directory / left).unlink(missing_ok=True)
    options: dict[str, Any] = {"seed": seed} | ({"clips_per_class": clips_per_class} if clips_per_class else {})
    if source == "folder":
        from instrec_utils.corpora import folder

        if not root:
            raise ParameterError("root: expected a folder with one subfolder of videos a class, got none")
        videos = Path(root).expanduser().resolve()
        folder.build(videos, directory, seed, way)
    elif source == "fcvid":
        from instrec_utils.paper_data import paper_videos

        if not root:
            raise ParameterError("root: expected the folder of the extracted FCVID archive, got none")
        videos = Path(root).expanduser().resolve()
        paper_videos.build_fcvid(videos, directory, way, seed)
    elif source == "yt8m":
        from instrec_utils.paper_data import paper_videos

        videos = paper_videos.youtube8m_dir()
        paper_videos.build_youtube8m(directory, way, seed)
    elif source == "demo":
        from instrec_corpora import demo

        demo.build_demo(directory, demo.DemoSettings(**options))
    else:
        from instrec_corpora import open as open_corpus

        open_corpus.build_open(directory, open_corpus.OpenSettings(**options))
    # Staged videos are where the corpus is, wherever that is taken.
    place = "." if videos == directory else str(videos)
    files.write_json(directory / "source.json", {"source": source, "videos": place, "split": way})
    corpus = read(name)
    if way:
        splits.write_split(listed(corpus), directory / "splits" / f"{way}.csv")
    return corpus


def read(name: str) -> Corpus:
    """Return a corpus that `prepare` has prepared, without the videos that could not be decoded.

    Raises
    ------
    CorpusError
        It has not been prepared.
    """
    directory = paths.data_dir() / name
    if not (directory / "source.json").exists() or not (directory / "index.csv").exists():
        raise CorpusError(f"{directory}: no such corpus yet; run the notebook 01_corpus first")
    index = read_index(directory / "index.csv")
    errors_path = directory / "features" / "errors.csv"
    unusable = pd.read_csv(errors_path, dtype=str)["video_id"] if errors_path.exists() else []
    source = json.loads((directory / "source.json").read_text(encoding="utf-8"))
    return Corpus(
        name,
        source["source"],
        directory,
        directory / source["videos"],
        index,
        frozenset(unusable),
        source.get("split", ""),
    )


def listed(corpus: Corpus) -> pd.DataFrame:
    """Return every video that a corpus ought to have: the paper's also where they are missing or unreadable.

    Returns
    -------
    pd.DataFrame
        See `instrec_utils.corpora.index`; of the paper's corpora with ``state`` and ``reason``.
    """
    path = corpus.directory / LISTED
    return read_index(path) if path.exists() else corpus.index
