"""The corpora: one module each, all returning the same index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Corpus:
    """Videos with labels and splits.

    Attributes
    ----------
    name : "demo", "open", "folder", ...
    directory : holds the videos, index.csv and features.
    index : one row a video; see `instrec_utils.corpora.index`.
    unusable : video ids that could not be decoded; they are counted, not evaluated.
    """

    name: str
    directory: Path
    index: pd.DataFrame
    unusable: frozenset[str] = frozenset()

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
