"""A user's own videos: one folder, one subfolder a class."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from instrec_utils import files
from instrec_utils.corpora import near_duplicates
from instrec_utils.corpora.index import write_index
from instrec_utils.corpora.source import BuildOptions, Source
from instrec_utils.corpora.splits import stratified_split
from instrec_utils.corpora.validation import read_headers
from instrec_utils.errors import CorpusError


def write_folder_index(options: BuildOptions) -> Path:
    """Write the index of a folder of videos, and skipped.csv, its files that are no readable videos; return the folder.

    It has one subfolder a class, each with videos (also in subfolders of its own); names that begin with a dot are
    passed over. The split is ``stratified``, or ``grouped``: with near-duplicates together. A folder that is missing
    or has fewer than two classes, or a class with fewer readable videos than there are splits, is a `CorpusError`.
    """
    root, skipped_path = options.root, options.corpus_dir / "skipped.csv"
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder; expected one with a subfolder of videos for each class")
    found = sorted(  # class by class, since a class may be a link to a folder elsewhere
        path.relative_to(root)
        for folder in root.iterdir()
        if folder.is_dir()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(".info.json")
    )
    rows = [(_video_id(name), name.parts[0], name.as_posix()) for name in found if "/." not in f"/{name.as_posix()}"]
    index = pd.DataFrame(rows, columns=["video_id", "label", "path"])
    index = index.join(read_headers(root, index["path"]))
    skipped = index.loc[index["reason"] != "", ["path", "reason"]]
    files.write_csv(skipped_path, skipped)
    index = index[index["reason"] == ""].drop(columns="reason").reset_index(drop=True)
    if index["label"].nunique() < 2:
        raise CorpusError(
            f"{root}: expected readable videos of at least 2 classes, one subfolder each; got "
            f"{sorted(index['label'].unique())} and {len(skipped)} files that are no readable videos, "
            f"listed in {skipped_path}"
        )
    try:
        if options.split_method == "grouped":
            index["split"] = near_duplicates.split_by_group(index, root, options.corpus_dir, options.seed)
        else:
            index["split"] = stratified_split(index, np.random.default_rng(options.seed))
    except CorpusError as error:
        raise CorpusError(
            f"{root}: {error}; files that were skipped are in {skipped_path}, "
            f"videos that a grouped split keeps together in {options.corpus_dir / 'groups.csv'}"
        ) from error
    write_index(index, options.corpus_dir / "index.csv")
    return root


def _video_id(name: Path) -> str:
    """Return an id that is safe as a file's name and stays the same as long as the video stays where it is."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", name.parts[0]).strip("-")[:40] or "class"
    return f"{readable}-{files.sha256_of_bytes(name.as_posix().encode())[:12]}"


SOURCE = Source(
    name="folder",
    title="Folder of videos",
    nature="This page was made from a folder of videos.",
    licence="The videos are their owner's.",
    citation="Cite whoever made the videos.",
    build=write_folder_index,
    split_methods=("stratified", "grouped"),
    root="a folder with one subfolder of videos a class",
)
