"""A user's own videos: one folder, one subfolder a class."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from instrec_utils import files, media
from instrec_utils.corpora.index import COLUMNS, write_index
from instrec_utils.corpora.splits import stratified_split
from instrec_utils.errors import CorpusError, MediaError


def build(root: Path, corpus_dir: Path, seed: int) -> pd.DataFrame:
    """Return the index of a folder of videos, and write it with the list of what was skipped.

    Parameters
    ----------
    root : has one subfolder a class, each with videos (also in subfolders of its own); names that begin with a
        dot are passed over.
    corpus_dir : where index.csv and skipped.csv go; no video is copied.
    seed : of the stratified split.

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
    candidates = [
        (folder.name, path)
        for folder in sorted(root.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts)
    ]
    rows, skipped = [], []
    for label, path in tqdm(candidates, desc="looking at videos", unit="file"):
        name = path.relative_to(root).as_posix()
        try:
            info = media.probe(path)
        except MediaError as error:
            skipped.append({"path": name, "reason": str(error).removeprefix(f"{path}: ")})
            continue
        rows.append((_video_id(label, name), label, "", name, round(info.duration, 3)))
    index = pd.DataFrame(rows, columns=list(COLUMNS))
    files.write_text(corpus_dir / "skipped.csv", pd.DataFrame(skipped, columns=["path", "reason"]).to_csv(index=False))
    if index["label"].nunique() < 2:
        raise CorpusError(
            f"{root}: expected readable videos of at least 2 classes, one subfolder each; got "
            f"{sorted(index['label'].unique())} and {len(skipped)} files that are no readable videos, "
            f"listed in {corpus_dir / 'skipped.csv'}"
        )
    try:
        index["split"] = stratified_split(index, np.random.default_rng(seed))
    except CorpusError as error:
        raise CorpusError(f"{root}: {error}; files that were skipped are in {corpus_dir / 'skipped.csv'}") from error
    write_index(index, corpus_dir / "index.csv")
    return index


def _video_id(label: str, name: str) -> str:
    """Return an id that is safe as a file's name and stays the same as long as the video stays where it is."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-")[:40] or "class"
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
