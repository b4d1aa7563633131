"""The index: one row a video, the same table for every corpus, and the file that holds it.

========== ======= ==========================================================================================
column     type    content
========== ======= ==========================================================================================
video_id   str     1 to 64 letters, digits, ``-`` and ``_``; unique; may begin with a dash, as on YouTube
label      str     name of the class
split      str     train, validation or test; test_clean for the undegraded variant of a staged test clip, spare for a
                   variant that another rotation of the corpus' parts uses
path       str     the file, relative to `Corpus.videos`, with ``/``; empty if the file is not there
duration   float   seconds; NaN if unknown
========== ======= ==========================================================================================

Further columns are kept: as bool or numbers where every value reads so, else as text.
"""

import re
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

import pandas as pd
from tqdm import tqdm

from instrec_utils import cluster, files
from instrec_utils.config import SPLITS
from instrec_utils.errors import CorpusError, MediaError

COLUMNS = ("video_id", "label", "split", "path", "duration")
VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TEXT = ("video_id", "label", "split", "path")
_ALLOWED = (*SPLITS, "test_clean", "spare")


def label_of(folder_name: str) -> str:
    """Return the class of a folder's name: escaped, and in Unicode's composed form, as the same word has two."""
    return files.escaped(unicodedata.normalize("NFC", folder_name))


def refuse_rows(wrong: pd.Series, source: Path | str, rule: str, values: pd.DataFrame, *, unit: str = "row") -> None:
    """Raise `CorpusError` for the first wrong row [shape=(num_rows,), bool]; the rule has braces for its values."""
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise CorpusError(f"{source}, {unit} {row + 1}: {rule.format(*values.iloc[row])}")


def check_index(index: pd.DataFrame, source: str) -> None:
    """Raise `CorpusError` if an index lacks a column, or for its first row that the table above does not allow."""
    if missing := [name for name in COLUMNS if name not in index.columns]:
        raise CorpusError(f"{source}: an index has the columns {', '.join(COLUMNS)}; missing: {missing}")

    def refuse(wrong: pd.Series, column: str, rule: str) -> None:
        refuse_rows(wrong, source, f"{column} must be {rule}; got {{!r}}", index[[column]])

    for column in _TEXT:
        refuse(~index[column].map(lambda value: isinstance(value, str)).astype(bool), column, "text")
    refuse(~index.video_id.str.fullmatch(VIDEO_ID.pattern), "video_id", "1 to 64 letters, digits, '-' and '_'")
    refuse(index.video_id.duplicated(), "video_id", "unique")
    refuse(index.label == "", "label", "the name of a class")
    refuse(~index.split.isin(_ALLOWED), "split", f"one of {', '.join(_ALLOWED)}")
    refuse(~index.path.map(_stays_inside), "path", "relative, inside the folder of the videos")
    durations = pd.to_numeric(index.duration, errors="coerce")
    is_wrong = (durations.isna() & index.duration.notna()) | (durations < 0) | (durations == float("inf"))
    refuse(is_wrong, "duration", "seconds, at least 0, or empty")


def read_text_table(path: Path) -> pd.DataFrame:
    """Read a CSV table as text, or raise `CorpusError`; an id may read "NA", so nothing is taken for missing."""
    if not path.is_file():
        raise CorpusError(f"{path}: no such file")
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: not a CSV table: {error}") from error


def read_index(path: Path) -> pd.DataFrame:
    """Read an index file; `CorpusError` if it is missing, no CSV table, or `check_index` refuses it."""
    index = read_text_table(path)
    for name in index.columns.difference(list(_TEXT)):
        index[name] = _typed(index[name])
    if "duration" in index.columns and (index.duration == "").all():
        index["duration"] = float("nan")
    check_index(index, str(path))
    return index


def write_index(index: pd.DataFrame, path: Path) -> None:
    """Check an index and write it as CSV, whole or not at all, `COLUMNS` first; `check_index` may refuse it."""
    check_index(index, str(path))
    columns = [*COLUMNS, *(name for name in index.columns if name not in COLUMNS)]
    files.write_csv(path, index[columns])


def read_headers(videos: Path, names: Sequence[str]) -> pd.DataFrame:
    """Return the seconds of each file, or NaN, and why it cannot be read [one row a name, columns=(duration, reason)].

    Names are relative to the folder. The reason is empty where a file can be read, and where the name is empty.
    """
    from instrec_utils import media  # here, as a prepared corpus is also read where nothing can be decoded

    def header(name: str) -> tuple[float, str]:
        path = videos / name
        try:
            return (round(media.probe(path).duration, 3), "") if name else (float("nan"), "")
        except MediaError as error:
            return float("nan"), str(error).removeprefix(f"{path}: ")

    with ThreadPoolExecutor(cluster.num_cores()) as workers:
        rows = list(tqdm(workers.map(header, names), desc="looking at videos", unit="file", total=len(names)))
    return pd.DataFrame(rows, columns=["duration", "reason"])


def state_table(listed: pd.DataFrame) -> pd.DataFrame:
    """Return how many videos of `corpus.read_listed` are in which state [one row a class, the last for ``all``]."""
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
    return not path.startswith("/") and "\\" not in path and ".." not in PurePosixPath(path).parts and "\0" not in path
