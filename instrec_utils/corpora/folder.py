"""A user's own videos: one folder, one subfolder a class."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd

from instrec_utils import files
from instrec_utils.corpora import near_duplicates
from instrec_utils.corpora.index import write_index
from instrec_utils.corpora.splits import stratified_split
from instrec_utils.corpora.validation import read_headers
from instrec_utils.errors import CorpusError


def build(root: Path, corpus_dir: Path, seed: int, way: str = "stratified") -> pd.DataFrame:
    """Return the index of a folder of videos, and write it with the list of what was skipped.

    Parameters
    ----------
    root : has one subfolder a class, each with videos (also in subfolders of its own); names that begin with a
        dot are passed over.
    corpus_dir : where index.csv and skipped.csv go; no video is copied.
    seed : of the split.
    way : ``stratified``, or ``grouped``: stratified, with near-duplicates together (see `near_duplicates`).

    Returns
    -------
    pd.DataFrame
        See `instrec_utils.corpora.index`; paths are relative to `root`.

    Raises
    ------
    CorpusError
        The folder is missing or has fewer than two classes, or a class has fewer readable videos than splits.
    """
    root = Path(root).expanduser()
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder; expected one with a subfolder of videos for each class")
    found = [
        (folder.name, path.relative_to(root))
        for folder in sorted(root.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    candidates = pd.DataFrame(
        [
            (_video_id(label, path.as_posix()), label, path.as_posix())
            for label, path in found
            if not any(part.startswith(".") for part in path.parts) and not path.name.endswith(".info.json")
        ],
        columns=["video_id", "label", "path"],
    )
    candidates = candidates.join(read_headers(root, candidates["path"]))
    skipped = candidates.loc[candidates["reason"] != "", ["path", "reason"]]
    files.write_text(corpus_dir / "skipped.csv", skipped.to_csv(index=False))
    index = candidates[candidates["reason"] == ""].drop(columns="reason").reset_index(drop=True)
    if index["label"].nunique() < 2:
        raise CorpusError(
            f"{root}: expected readable videos of at least 2 classes, one subfolder each; got "
            f"{sorted(index['label'].unique())} and {len(skipped)} files that are no readable videos, "
            f"listed in {corpus_dir / 'skipped.csv'}"
        )
    try:
        if way == "grouped":
            index["split"] = near_duplicates.split_by_group(index, root, corpus_dir, seed)
        else:
            index["split"] = stratified_split(index, np.random.default_rng(seed))
    except CorpusError as error:
        raise CorpusError(
            f"{root}: {error}; files that were skipped are in {corpus_dir / 'skipped.csv'}"
            + (f", videos that belong together in {corpus_dir / 'groups.csv'}" if way == "grouped" else "")
        ) from error
    write_index(index, corpus_dir / "index.csv")
    return index


def _video_id(label: str, name: str) -> str:
    """Return an id that is safe as a file's name and stays the same as long as the video stays where it is."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-")[:40] or "class"
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
