"""The index: one row a video, the same table for every corpus, and the file that holds it.

========== ======= ==========================================================================================
column     type    content
========== ======= ==========================================================================================
video_id   str     1 to 64 letters, digits, ``-`` and ``_``; unique; may begin with a dash, as on YouTube
label      str     name of the class
split      str     train, validation or test; test_clean for the undegraded variant of a staged test clip
path       str     the file, relative to the corpus folder, with ``/``; empty if the file is not there
duration   float   seconds; NaN if unknown
========== ======= ==========================================================================================

Further columns are kept: as bool or numbers where every value reads so, else as text.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pandas as pd

from instrec_utils.config import SPLITS
from instrec_utils.errors import CorpusError
from instrec_utils.files import whole

COLUMNS = ("video_id", "label", "split", "path", "duration")
VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ALLOWED = (*SPLITS, "test_clean")


def check_index(index: pd.DataFrame, source: str) -> None:
    """Check the structure of an index; no video is opened.

    Parameters
    ----------
    index : pd.DataFrame
    source : str
        Where it came from, for the message; rows are counted from 1 below the header.

    Raises
    ------
    CorpusError
        A column is missing, an id is malformed or repeated, a label is empty, a split unknown, a path leads out of
        the corpus folder, or a duration is negative. The message names the source and the first such row.
    """
    if missing := [name for name in COLUMNS if name not in index.columns]:
        raise CorpusError(f"{source}: an index has the columns {', '.join(COLUMNS)}; missing: {missing}")

    def refuse(is_wrong: pd.Series, column: str, rule: str) -> None:
        if is_wrong.any():
            row = int(is_wrong.to_numpy().argmax())
            raise CorpusError(f"{source}, row {row + 1}: {column} must be {rule}; got {index[column].iloc[row]!r}")

    for column in ("video_id", "label", "split", "path"):
        refuse(~index[column].map(lambda value: isinstance(value, str)).astype(bool), column, "text")
    refuse(~index.video_id.str.fullmatch(VIDEO_ID.pattern), "video_id", "1 to 64 letters, digits, '-' and '_'")
    refuse(index.video_id.duplicated(), "video_id", "unique")
    refuse(index.label == "", "label", "the name of a class")
    refuse(~index.split.isin(_ALLOWED), "split", f"one of {', '.join(_ALLOWED)}")
    refuse(~index.path.map(_stays_inside), "path", "relative, inside the corpus folder")
    durations = pd.to_numeric(index.duration, errors="coerce")
    is_wrong = (durations.isna() & index.duration.notna()) | (durations < 0) | (durations == float("inf"))
    refuse(is_wrong, "duration", "seconds, at least 0, or empty")


def read_index(path: Path) -> pd.DataFrame:
    """Read an index file and check its structure.

    Raises
    ------
    CorpusError
        There is no such file, it is not a CSV table, or `check_index` refuses it.
    """
    path = Path(path)
    if not path.is_file():
        raise CorpusError(f"{path}: no such index")
    try:
        # An id may read "NA" or "null", so nothing is taken for missing here.
        index = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: not a CSV table: {error}") from error
    for name in index.columns.difference(["video_id", "label", "split", "path"]):
        index[name] = _typed(index[name])
    if "duration" in index.columns and (index.duration == "").all():
        index["duration"] = float("nan")
    check_index(index, str(path))
    return index


def write_index(index: pd.DataFrame, path: Path) -> None:
    """Check an index and write it as CSV, whole or not at all; columns the table needs come first.

    Raises
    ------
    CorpusError
        `check_index` refuses the index; nothing is written.
    """
    check_index(index, str(path))
    columns = [*COLUMNS, *(name for name in index.columns if name not in COLUMNS)]
    with whole(path) as temporary:
        index.to_csv(temporary, index=False, columns=columns, lineterminator="\n")


def state_table(listed: pd.DataFrame) -> pd.DataFrame:
    """Return how many videos of each class are in which state, with a last row for ``all``.

    Parameters
    ----------
    listed : pd.DataFrame
        Columns ``label`` and ``state``, see `corpus.read_listed`.
    """
    table = pd.crosstab(listed.label, listed.state)
    table.loc["all"] = table.sum()
    table.insert(0, "videos", table.sum(axis=1))
    return table.rename_axis("label", axis=0).rename_axis(None, axis=1).reset_index()


def _typed(column: pd.Series) -> pd.Series:
    """Return a column of text as bool or as numbers (NaN where empty) if all of it reads so."""
    if column.isin(["True", "False"]).all() and len(column):
        return column == "True"
    filled = column[column != ""]
    numbers = pd.to_numeric(filled, errors="coerce")
    return column if numbers.isna().any() or filled.empty else numbers.reindex(column.index)


def _stays_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return not path.startswith("/") and "\\" not in path and ".." not in parts and "\0" not in path
