"""A user's own videos: one folder, one subfolder a class."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from instrec_utils import files
from instrec_utils.config import SPLITS
from instrec_utils.corpora import near_duplicates
from instrec_utils.corpora.corpus import NOTES
from instrec_utils.corpora.index import label_of, read_headers, write_index
from instrec_utils.corpora.source import BuildOptions, Source
from instrec_utils.corpora.splits import stratified_split
from instrec_utils.errors import CorpusError

_NO_FILE = "a named pipe, a socket or a device, which is not opened"
_LINK_TWICE = "a link to a folder that is taken already"
_LINK_OUT = "a link to a folder elsewhere, whose videos are taken with the parameter follow_links=true alone"
_BAD_NAME = "its name is not UTF-8, or has a control character or a backslash, here written out; rename it"
_LOOSE = "beside the folders of the classes, so of no class"


def write_folder_index(options: BuildOptions) -> Path:
    """Write the index of a folder of videos, see `read_folder` and `divide_folder`; return the folder.

    Every file that is left out stands in skipped.csv with its reason, and what a reader has to know in notes.json.
    """
    found, small = read_folder(options.root, follow_links=options.follow_links)
    skipped_path = options.corpus_dir / "skipped.csv"
    files.write_csv(skipped_path, found.loc[found["reason"] != "", ["path", "reason"]])
    try:
        index, notes = divide_folder(found, small, options)
    except CorpusError as error:
        raise CorpusError(f"{error}; what was left out, and why, is in {skipped_path}") from error
    write_index(index, options.corpus_dir / "index.csv")
    files.write_json(options.corpus_dir / NOTES, notes)
    return options.root


def read_folder(root: Path, *, follow_links: bool = False) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return every file below a folder of videos, and the classes that have fewer videos than there are splits.

    It has one subfolder a class, each with videos (also in subfolders of its own); names that begin with a dot are
    passed over, and links followed once, to folders elsewhere only if asked. It is a `CorpusError` if it is missing.

    Returns
    -------
    found : pd.DataFrame [one row a file, columns=(video_id, label, path, duration, reason)]
        The reason is why a file is left out, and empty for the videos of the corpus. A name that cannot be shown is
        escaped, see `files.escaped`; a label is in Unicode's composed form, as the same word has two.
    small : dict [label -> number of videos, 0 to 2; these videos are left out]
    """
    try:
        names = [name for name in os.listdir(root) if name[0] != "." and os.path.isdir(root / name)]
    except OSError as error:
        expected = "expected one with a subfolder of videos for each class"
        raise CorpusError(f"{root}: no such folder that can be opened ({error.strerror}); {expected}") from error
    rows = [
        (_video_id(name), _label(name), files.escaped(name), reason) for name, reason in walk_files(root, follow_links)
    ]
    found = pd.DataFrame(rows, columns=["video_id", "label", "path", "reason"]).sort_values("path", ignore_index=True)
    headers = read_headers(root, found["path"].where(found["reason"] == "", ""))
    found["duration"] = headers["duration"]
    found["reason"] = found["reason"].where(found["reason"] != "", headers["reason"]).astype(str)
    labels = sorted({_label(f"{name}/") for name in names})
    sizes = found["label"][found["reason"] == ""].value_counts().reindex(labels, fill_value=0)
    small = sizes[sizes < len(SPLITS)].to_dict()
    is_small = found["label"].isin(list(small)) & (found["reason"] == "")
    found.loc[is_small, "reason"] = [f"its class {_lack(label, small[label])}" for label in found["label"][is_small]]
    return found, small


def divide_folder(found: pd.DataFrame, small: dict[str, int], options: BuildOptions) -> tuple[pd.DataFrame, list[str]]:
    """Return the index of the files of `read_folder` that are videos, with a split, and sentences on what is special.

    The split is ``stratified``, or ``grouped``: near-duplicates stay together wherever their class has enough others.
    Fewer than two classes, or any that is too small where `options.small_classes` is "error", are a `CorpusError`.
    """
    index = found[found["reason"] == ""].drop(columns="reason").reset_index(drop=True)
    lacks = [f"{label} {_lack(label, size)}" for label, size in small.items()]
    num_classes = index["label"].nunique()
    if num_classes < 2 or (small and options.small_classes == "error"):
        rule = f"at least 2 classes, one subfolder each, and every one with at least {len(SPLITS)} readable videos"
        raise CorpusError(f"{options.root}: expected {rule}; got {'; '.join([f'{num_classes} such', *lacks])}")
    subject = "A class is" if len(lacks) == 1 else f"{len(lacks)} classes are"
    notes = [f"{subject} left out: {'; '.join(lacks)}."] if lacks else []
    if options.split_method == "grouped":
        index["split"], is_apart = near_duplicates.split_by_group(
            index, options.root, options.corpus_dir, options.seed, divide=True
        )
        apart = [f"{size} of {label}" for label, size in index["label"][is_apart].value_counts().sort_index().items()]
        if apart:
            rule = "Videos that look or sound the same or have one uploader are in several splits"
            notes.append(f"{rule}, where a class has too few others to keep them together: {'; '.join(apart)}.")
    else:
        index["split"] = stratified_split(index, np.random.default_rng(options.seed))
    return index, notes


def _lack(label: str, size: int) -> str:
    return f"has {size} readable video{'' if size == 1 else 's'} and lacks {len(SPLITS) - size}"


def _label(name: str) -> str:
    """Return the class of a file's name, relative to the root; empty for one that is in no folder."""
    return label_of(name.rpartition("/")[0].split("/")[0])


def _video_id(name: str) -> str:
    """Return an id that is safe as a file's name and stays the same as long as the video stays where it is."""
    readable = re.sub(r"[^A-Za-z0-9]+", "-", name.split("/")[0]).strip("-")[:40] or "class"
    return f"{readable}-{files.sha256_of_bytes(name.encode(errors='surrogateescape'))[:12]}"


def walk_files(root: Path, follow_links: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the name of each file below a folder, relative to it, and why it is no video, if that can be told."""
    folders, links = [""], list[str]()
    taken: set[tuple[int, int]] = set()
    while folders or links:
        is_link = not folders  # links come last, so that none takes the place of the folder itself
        name = links.pop(0) if is_link else folders.pop()
        place = root / name
        try:
            identity = (place.stat().st_dev, place.stat().st_ino)
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            yield name, f"cannot be opened: {error.strerror}"
            continue
        if is_link and identity in taken:
            yield name, _LINK_TWICE
            continue
        if is_link and not follow_links and not place.resolve().is_relative_to(root.resolve()):
            yield name, _LINK_OUT
            continue
        taken.add(identity)
        for entry in entries:
            below = f"{name}/{entry.name}".lstrip("/")
            if entry.name.startswith(".") or entry.name.endswith(".info.json"):
                continue
            if not os.path.isdir(entry.path):  # unlike the entry's own methods, it raises nothing for a link to itself
                yield below, _why_no_video(below, entry.path)
            elif entry.is_symlink():
                links.append(below)
            else:
                folders.append(below)


def _why_no_video(name: str, path: str) -> str:
    try:
        is_file = stat.S_ISREG(os.stat(path).st_mode)
    except OSError as error:
        return f"a link that leads nowhere: {error.strerror}"
    reasons = {_NO_FILE: not is_file, _LOOSE: "/" not in name, _BAD_NAME: name != files.escaped(name)}
    return next((reason for reason, applies in reasons.items() if applies), "")


SOURCE = Source(
    name="folder",
    title="Folder of videos",
    nature="This page was made from a folder of videos.",
    licence="The videos are their owner's.",
    citation="Cite whoever made the videos.",
    build=write_folder_index,
    split_methods=("grouped", "stratified"),
    root="a folder with one subfolder of videos a class",
)
