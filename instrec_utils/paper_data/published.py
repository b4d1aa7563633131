"""The four files that the paper's authors published: ids, labels and durations of the videos of both corpora.

From https://github.com/Veleslavia/ICMR2017, folder ``datasets``, at one commit. GPL-3.0, hence read at run time
and never part of this project.

===================== ======= ==================================================
file                  rows    content
===================== ======= ==================================================
fcvid_dataset.csv     5,147   ``./<folder>/<video id>,<label id>``
yt8m_dataset.csv      60,794  ``<video id>,<label id>``
fcvid_auxinfo.pkl     5,151   ``{"./<folder>/<video id>": (seconds, frames/s)}``
yt8m_auxinfo.pkl      60,862  ``{"<video id>": (seconds, frames/s)}``
===================== ======= ==================================================
"""

import math
import pickle
import re
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from instrec_utils import files, pinned
from instrec_utils.config import SPLIT_SEED
from instrec_utils.corpora.index import COLUMNS, VIDEO_ID, check_index, refuse_rows
from instrec_utils.corpora.splits import grouped_split, paper_split, stratified_split
from instrec_utils.errors import CorpusError, ParameterError
from instrec_utils.paper_data import labels

COMMIT = "6c26abd"
ADDRESS = f"https://raw.githubusercontent.com/Veleslavia/ICMR2017/{COMMIT}/datasets/"
SHA256 = {
    "fcvid_auxinfo.pkl": "9de292fb15bd86df3458397d49e578a9fa3a006ed74d66b37820a2d18f74eaf8",
    "fcvid_dataset.csv": "9d5dac28a863620ec45b954ea3194dcac07fed4d9fd6b55a45062609a5554293",
    "yt8m_auxinfo.pkl": "593abc99b119c04a1dfd9487f2ff7e8a81ca19881607bc9e411c8f6dee91fa2f",
    "yt8m_dataset.csv": "7352ac3981a001b3373335e479880d81b60d7b44311c7c606377e2940b7d5bfc",
}
CORPORA = {"fcvid": "FCVID", "yt8m": "YouTube-8M"}
"""The corpora that lists exist for, with their titles."""

_KEY = rf"(?:\./(?P<folder>[A-Za-z]{{1,64}})/)?(?P<video_id>{VIDEO_ID.pattern})"
_REPEATED = "{} is there a second time"
_VIDEO = re.compile(_KEY)
_ROW = re.compile(rf"^{_KEY},(?P<label_id>[0-9]{{1,3}})\Z")


def locate_lists() -> Path:
    """Return the folder with the published files: ``$INSTREC_ICMR2017``, or a download, see `pinned.locate_files`."""
    return pinned.locate_files("INSTREC_ICMR2017", "icmr2017", ADDRESS, SHA256)


class _PlainUnpickler(pickle.Unpickler):
    """Reads numbers, text and containers; a pickle that names any class or function is refused unread."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"only plain data is allowed, it asks for {module}.{name}")

    def persistent_load(self, reference: Any) -> NoReturn:
        raise pickle.UnpicklingError("only plain data is allowed, it holds a persistent reference")


def _read_plain_pickle(path: Path) -> Any:
    """Read a pickle (Python 2 or 3) of plain data; no code of the file runs, a request for any is the error."""
    if not path.is_file():
        raise CorpusError(f"{path}: no such file")
    try:
        with path.open("rb") as file:
            content = _PlainUnpickler(file, encoding="ascii").load()
            if file.read(1):
                raise pickle.UnpicklingError("it ends after one object, this file goes on")
            return content
    except Exception as error:  # bytes that are no pickle make the unpickler raise nearly anything
        raise CorpusError(f"{path}: not a pickle of plain data: {error}") from error


def read_durations(path: Path) -> pd.DataFrame:
    """Read a ``*_auxinfo.pkl`` in its order [one row a video, columns=(folder, video_id, duration, frame_rate)].

    The folder is empty on YouTube-8M, the duration in seconds. Anything but a complete pickle of a dict from video to
    (seconds, frames/s), positive numbers, each once, is a `CorpusError`.
    """
    content = _read_plain_pickle(path)
    if not isinstance(content, dict):
        raise CorpusError(f"{path}: expected a dict from video to (seconds, frames/s), got {type(content).__name__}")
    rows = []
    for entry, (key, value) in enumerate(content.items(), start=1):
        match = _VIDEO.fullmatch(key) if isinstance(key, str) else None
        if match is None:
            raise CorpusError(f"{path}, entry {entry}: expected a video id or ./folder/id, got {key!r}")
        is_pair = isinstance(value, tuple) and len(value) == 2
        if not (is_pair and all(type(part) in (int, float) and 0 < part < math.inf for part in value)):
            raise CorpusError(f"{path}, entry {entry} ({key}): expected (seconds, frames/s) above 0, got {value!r}")
        rows.append((match["folder"] or "", match["video_id"], float(value[0]), float(value[1])))
    table = pd.DataFrame(rows, columns=["folder", "video_id", "duration", "frame_rate"])
    refuse_rows(table.video_id.duplicated(), path, _REPEATED, table[["video_id"]], unit="entry")
    return table


def read_list(path: Path, corpus_name: str) -> pd.DataFrame:
    """Read a ``*_dataset.csv``: the videos of one of `CORPORA` and their labels.

    A row that is malformed, has an unknown label id or that of another FCVID folder, or repeats a video is a
    `CorpusError` that names the row.

    Returns
    -------
    table : pd.DataFrame [one row a video, columns=(folder, video_id, label_id, label)]
        In the order of the file, on which the paper's split depends; the folder is empty on YouTube-8M.
    """
    if corpus_name not in CORPORA:
        raise ParameterError(f"published lists exist for {', '.join(CORPORA)}; got {corpus_name!r}")
    if not path.is_file():
        raise CorpusError(f"{path}: no such file")
    lines = pd.Series(path.read_bytes().decode("ascii", errors="replace").removesuffix("\n").split("\n"))
    is_fcvid = corpus_name == "fcvid"
    table = lines.str.rstrip("\r").str.extract(_ROW)
    is_wrong = table.video_id.isna() | (table.folder.isna() == is_fcvid)
    rule = f"expected {'./folder/' if is_fcvid else ''}id,label id, got {{!r:.120}}"
    refuse_rows(is_wrong, path, rule, lines.to_frame())
    names = pd.Series(labels.FCVID_FOLDERS if is_fcvid else labels.YOUTUBE8M_LABELS)
    table["label_id"] = table.label_id.astype(int)
    rule = f"label ids are 0 to {len(names) - 1}, got {{}}"
    refuse_rows(table.label_id >= len(names), path, rule, table[["label_id"]])
    table["label"] = table.label_id.map(names)
    if is_fcvid:
        rule = "label id {} belongs to the folder {}, got {}"
        refuse_rows(table.folder != table.label, path, rule, table[["label_id", "label", "folder"]])
        table["label"] = table.label.map(labels.FCVID_LABEL_OF_FOLDER)
    refuse_rows(table.video_id.duplicated(), path, _REPEATED, table[["video_id"]])
    return table.fillna({"folder": ""})


def load_index(corpus_name: str, directory: Path) -> pd.DataFrame:
    """Return the index of one of `CORPORA` as published in a directory, with the paper's split; no video has a path.

    It is a `CorpusError` if a file is missing or malformed, or the two of a corpus put a video into different folders.

    Returns
    -------
    index : pd.DataFrame [one row a video, see `instrec_utils.corpora.index`]
        In the order of the list, with ``frame_rate`` (NaN if unknown) and ``folder`` (empty on YouTube-8M).
    """
    source = directory / f"{corpus_name}_dataset.csv"
    listed = read_list(source, corpus_name)
    durations = read_durations(directory / f"{corpus_name}_auxinfo.pkl")
    index = listed.merge(durations, on="video_id", how="left", suffixes=("", "_of_duration"))
    differs = index.folder_of_duration.notna() & (index.folder_of_duration != index.folder)
    rule = "{} is in the folder {!r} here and in {!r} among the durations"
    refuse_rows(differs, source, rule, index[["video_id", "folder", "folder_of_duration"]])
    index = index.assign(split=paper_split(index), path="")[[*COLUMNS, "frame_rate", "folder"]]
    check_index(index, str(source))
    return index


def all_splits(directory: Path, seed: int = SPLIT_SEED) -> pd.DataFrame:
    """Return where every published video belongs, by each method of splitting, both corpora at once.

    Returns
    -------
    table : pd.DataFrame [one row a video, columns=(corpus, video_id, label, paper, stratified, grouped)]
        In the order of the lists. The grouped split keeps a video that is in both corpora in one split; which
        others belong together, only the videos themselves can tell.
    """
    both = pd.concat([load_index(name, directory).assign(corpus=name) for name in CORPORA], ignore_index=True)
    classes = both.assign(label=both.corpus + " " + both.label)
    generator = np.random.default_rng(seed)
    both = both[["corpus", "video_id", "label", "split"]].rename(columns={"split": "paper"})
    both["stratified"] = stratified_split(classes, generator)
    both["grouped"] = grouped_split(classes, both.video_id, generator)
    return both


def write_splits(directory: Path, folder: Path) -> Path:
    """Write `all_splits` of the lists in a directory as files ``<corpus>_<method>.csv``; return their folder."""
    for corpus_name, table in all_splits(directory).groupby("corpus"):
        for method in table.columns.drop(["corpus", "video_id", "label"]):
            split = table[["video_id", method]].set_axis(["video_id", "split"], axis=1)
            files.write_csv(folder / f"{corpus_name}_{method}.csv", split)
    return folder
