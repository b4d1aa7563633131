"""A corpus that is prepared: its videos with labels and splits."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from instrec_utils import paths
from instrec_utils.corpora import splits
from instrec_utils.corpora.index import read_index, read_text_table
from instrec_utils.errors import CorpusError

LISTED = "listed.csv"
NOTES = "notes.json"


@dataclass(frozen=True)
class Corpus:
    """Videos with labels and splits.

    Attributes
    ----------
    name, source : str [its own, and that of the `source.Source` of its videos]
    directory, videos : Path
        The folder of index.csv and the features, and the one that the index's paths are relative to.
    index : pd.DataFrame [one row a video, see `instrec_utils.corpora.index`]
    unusable : frozenset of str [ids of videos that could not be decoded; they are counted, not evaluated]
    split_method : str [one of `splits.SPLIT_METHODS`; empty for a staged corpus]
    notes : tuple of str [sentences on what was left out, or could not be kept apart, when it was prepared]
    rotation : int [the part that tests, of a corpus in parts; 0 where the index says which videos do]
    """

    name: str
    source: str
    directory: Path
    videos: Path
    index: pd.DataFrame
    unusable: frozenset[str] = frozenset()
    split_method: str = ""
    notes: tuple[str, ...] = ()
    rotation: int = 0

    @property
    def labels(self) -> list[str]:
        """The classes, in alphabetical order."""
        return sorted(self.index["label"].unique())

    @property
    def usable(self) -> pd.DataFrame:
        """The rows of the videos that were decoded."""
        return self.index[~self.index["video_id"].isin(self.unusable)]

    def split(self, name: str) -> pd.DataFrame:
        """Return the usable rows of a split, in order of id: of the rotation, where there is one."""
        table = self.usable
        if self.rotation:
            table = table.assign(split=splits.rotated(table, self.rotation))
        return table[table["split"] == name].sort_values("video_id")

    @property
    def rotations(self) -> list[int]:
        """The rotations over which every clip of a corpus in parts tests once; of another corpus only 0."""
        num_parts = int(self.index["part"].max()) if "part" in self.index else 0
        return sorted({self.rotated(number).rotation for number in range(1, num_parts + 1)}) or [0]

    def rotated(self, rotation: int) -> Corpus:
        """Return the corpus with another part as its test split; see `splits.rotated`.

        Of the part that tests by the index, and of 0, it is the corpus as it was prepared, as a run of it is no other.
        """
        is_fixed = rotation == 0 or (splits.rotated(self.index, rotation) == self.index["split"]).all()
        return replace(self, rotation=0 if is_fixed else rotation)

    def targets(self, table: pd.DataFrame) -> np.ndarray:
        """Return the class number of each row [shape=(num_rows,), int64]."""
        return np.searchsorted(self.labels, table["label"].to_numpy(str))


def read_corpus(name: str) -> Corpus:
    """Return a corpus that `prepare_corpus` has prepared; one that it has not, or is damaged, is a `CorpusError`."""
    directory = paths.corpus_dir(name)
    if not (directory / "source.json").exists() or not (directory / "index.csv").exists():
        raise CorpusError(f"{directory}: no such corpus yet; run the notebook 01_corpus first")
    path = directory / "source.json"
    with _undamaged(path):
        origin = json.loads(path.read_text(encoding="utf-8"))
        source, videos, split_method = origin["source"], directory / origin["videos"], origin.get("split", "")
    path = directory / NOTES
    with _undamaged(path):
        notes = tuple(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else ()
    index = read_index(directory / "index.csv")
    try:
        unusable = frozenset(read_text_table(directory / "features" / "errors.csv")["video_id"])
    except (CorpusError, OSError, ValueError, KeyError):  # missing or damaged: extracting features writes it anew
        unusable = frozenset()
    return Corpus(name, source, directory, videos, index, unusable, split_method, notes)


@contextlib.contextmanager
def _undamaged(path: Path) -> Iterator[None]:
    """Turn what is raised inside, by a file that is not as `prepare_corpus` wrote it, into a `CorpusError`."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CorpusError(f"{path}: damaged ({error}); run the notebook 01_corpus again") from error


def read_listed(corpus: Corpus) -> pd.DataFrame:
    """Return the index of all that a corpus ought to have; if it is from a list, with ``state`` and ``reason``."""
    path = corpus.directory / LISTED
    return read_index(path) if path.exists() else corpus.index
