"""What videos come from: one `Source` each, of the entry points ``instrec.sources``; and how it becomes a corpus.

A new one needs an entry in any package that is installed, and a ``params/<corpus>.yaml``. Nothing compares its name.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pandas as pd

from instrec_utils import files, paths
from instrec_utils.corpora.corpus import LISTED, NOTES, Corpus, read_corpus, read_listed
from instrec_utils.corpora.splits import SPLIT_METHODS
from instrec_utils.errors import ParameterError

GROUP = "instrec.sources"


@dataclass(frozen=True)
class BuildOptions:
    """What a corpus is built with.

    Attributes
    ----------
    corpus_dir, root : Path [of all that the source writes; of the videos that the user named, else the same]
    clips_per_class : int [of a staged corpus; 0 for its own number]
    split_method : str [one of the source's ``split_methods``; empty if it has none]
    seed : int [of the staging or the split; the paper's split has its own]
    small_classes : {"leave_out", "error"}
        What becomes of a class of a user's folder that has fewer videos than there are splits.
    follow_links : bool [whether links in a user's folder may lead to folders elsewhere]
    """

    corpus_dir: Path
    root: Path
    clips_per_class: int
    split_method: str
    seed: int
    small_classes: str = "leave_out"
    follow_links: bool = False

    def __post_init__(self) -> None:
        if self.small_classes not in ("leave_out", "error"):
            raise ParameterError(f"small_classes: expected leave_out or error, got {self.small_classes!r}")


@dataclass(frozen=True)
class ContactSheet:
    """A picture [shape=(height, width, 3), uint8, RGB] of a source's material, its caption and its alternative text."""

    picture: np.ndarray
    caption: str
    alt: str


@dataclass(frozen=True)
class Source:
    """Where the videos of a corpus come from.

    Attributes
    ----------
    name, title : str
        As the entry point and ``params/<corpus>.yaml`` name it, and what a reader calls it.
    nature, summary : str
        What the videos are and what numbers from them mean: the first lines of every page, without HTML; and what comes
        before them in bold, if anything.
    licence, citation : str [of the videos, in sentences]
    build : Callable[[BuildOptions], Path]
        Renders, downloads or lists what is missing and writes index.csv; returns the folder of its paths.
    split_methods : tuple of str
        Those of `splits.SPLIT_METHODS` that it can have, its own first; none for clips that are staged split by split.
    root : str [the folder that the user has to name, in words; empty if there is none]
    ledger : Callable[[], Path] or None
        The file that changes when videos come or go without `build`, such as by downloading; it may be missing.
    photographs : Callable[[Corpus], list of (label, np.ndarray [shape=(height, width, 3), uint8, RGB])] or None
        Of the classes, to begin training with.
    lend_photographs : Callable[[list of str], list of (label, np.ndarray)] or None
        Of these classes, as far as there are any, for corpora whose source has no photographs.
    contact_sheet : Callable[[], ContactSheet] or None [for the corpus' first page]
    is_playable : Callable[[pd.DataFrame], pd.Series of bool] [whether a page may let each row be heard]
    may_release_features : bool [whether features, which hold frames and the sound's spectrum, may be passed on]
    paper_dataset : str [what the paper's tables call the dataset that it is; empty if it is none of theirs]
    """

    name: str
    title: str
    nature: str
    licence: str
    citation: str
    build: Callable[[BuildOptions], Path]
    summary: str = ""
    split_methods: tuple[str, ...] = ()
    root: str = ""
    ledger: Callable[[], Path] | None = None
    photographs: Callable[[Corpus], list[tuple[str, np.ndarray]]] | None = None
    lend_photographs: Callable[[list[str]], list[tuple[str, np.ndarray]]] | None = None
    contact_sheet: Callable[[], ContactSheet] | None = None
    is_playable: Callable[[pd.DataFrame], pd.Series] = lambda index: pd.Series(True, index=index.index)
    may_release_features: bool = False
    paper_dataset: str = ""

    def __post_init__(self) -> None:
        for field in ("name", "title", "nature", "licence", "citation"):
            if not getattr(self, field):
                raise ValueError(f"source {self.name!r}: expected a {field}, got none")
        if unknown := set(self.split_methods) - set(SPLIT_METHODS):
            raise ValueError(f"source {self.name!r}: split methods are {', '.join(SPLIT_METHODS)}; got {unknown}")


def sources() -> dict[str, Source]:
    """Return every source that an installed package declares, by name; `source_named` may refuse one."""
    return {name: source_named(name) for name in sorted(entry_points(group=GROUP).names)}


def source_named(name: str) -> Source:
    """Return one source, importing none of the others.

    It is a `ParameterError` if no installed package declares it, two do, or what is declared is no source of this name.
    """
    declared = {entry.value: entry for entry in entry_points(group=GROUP) if entry.name == name}
    if not declared:
        allowed = ", ".join(sorted(entry_points(group=GROUP).names)) or "none (install the package again)"
        raise ParameterError(f"source: expected one of {allowed}; got {name!r}")
    if len(declared) > 1:
        raise ParameterError(f"source: {name} is declared by {' and by '.join(sorted(declared))}; keep one of them")
    ((value, entry),) = declared.items()
    try:
        source = entry.load()
    except (ImportError, AttributeError, ValueError) as error:
        raise ParameterError(f"source: {name} is declared as {value}, which cannot be loaded: {error}") from error
    if not isinstance(source, Source) or source.name != name:
        raise ParameterError(f"source: {value} must be a Source named {name}; got {source!r}")
    return source


def prepare_corpus(
    name: str,
    source: str,
    *,
    root: str = "",
    clips_per_class: int = 0,
    split_method: str = "",
    seed: int = 10,
    small_classes: str = "leave_out",
    follow_links: bool = False,
) -> Corpus:
    """Render, download or list a corpus' videos, whatever is missing, and return it; also write its split.

    The source is one of `sources`; the rest is as in `BuildOptions`, an empty split method being the source's own. A
    `CorpusError`, `ParameterError` or `DownloadError` says what about the source is wrong, and where.
    """
    origin = source_named(source)
    check_split(origin, split_method)
    check_root(origin, root)
    method = split_method or next(iter(origin.split_methods), "")
    directory = paths.corpus_dir(name)
    if (taken := _source_of(directory)) not in ("", source):
        raise ParameterError(
            f"corpus: {name} is of the source {taken}, got {source}; take another name, or delete {directory} first"
        )
    folder = Path(paths.from_here(root)) if root else directory
    options = BuildOptions(directory, folder, clips_per_class, method, seed, small_classes, follow_links)
    for left in (LISTED, NOTES, "groups.csv", "skipped.csv"):  # of another source or split under this name
        (directory / left).unlink(missing_ok=True)
    videos = origin.build(options)
    # Staged videos are where the corpus is, wherever that is taken.
    place = "." if videos == directory else str(videos)
    files.write_json(directory / "source.json", {"source": source, "videos": place, "split": method})
    corpus = read_corpus(name)
    if method:
        files.write_csv(directory / "splits" / f"{method}.csv", read_listed(corpus)[["video_id", "split"]])
    return corpus


def check_split(source: Source, split_method: str) -> None:
    """Raise a `ParameterError` if a source cannot be divided by a method; an empty one stands for the source's own."""
    if split_method and split_method not in source.split_methods:
        allowed = " or ".join(source.split_methods) or "none, as its clips are staged split by split"
        raise ParameterError(f"split: for the source {source.name} expected {allowed}; got {split_method!r}")


def check_root(source: Source, root: str) -> None:
    """Raise a `ParameterError` if a source lacks the folder that it needs, or has one that it or a page cannot use."""
    if source.root and not root:
        raise ParameterError(f"root: expected {source.root}, got none")
    if root and not source.root:
        raise ParameterError(f"root: the source {source.name} takes no folder, got {root!r}")
    if root != files.escaped(root):  # a notebook's parameters and outputs cannot hold it
        rule = "a name in UTF-8 without backslashes and control characters; rename the folder or name a link to it"
        raise ParameterError(f"root: expected {rule}; got {files.escaped(root)}")


def _source_of(directory: Path) -> str:
    """Return the source that a corpus' folder was made from; empty if there is none, or what says so is damaged."""
    try:
        return str(json.loads((directory / "source.json").read_text(encoding="utf-8"))["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
