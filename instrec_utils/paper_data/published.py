"""The four files that the paper's authors published: ids, labels and durations of both corpora, and Table 1.

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

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from instrec_utils import paths
from instrec_utils.config import SPLIT_SEED
from instrec_utils.corpora import pinned
from instrec_utils.corpora.index import check_index
from instrec_utils.corpora.splits import SPLIT_METHODS, grouped_split, paper_split, stratified_split, write_split
from instrec_utils.errors import CorpusError, ParameterError
from instrec_utils.files import write_json
from instrec_utils.paper_data import labels, paper

COMMIT = "6c26abd"
ADDRESS = f"https://raw.githubusercontent.com/Veleslavia/ICMR2017/{COMMIT}/datasets/"
SHA256 = {
    "fcvid_auxinfo.pkl": "9de292fb15bd86df3458397d49e578a9fa3a006ed74d66b37820a2d18f74eaf8",
    "fcvid_dataset.csv": "9d5dac28a863620ec45b954ea3194dcac07fed4d9fd6b55a45062609a5554293",
    "yt8m_auxinfo.pkl": "593abc99b119c04a1dfd9487f2ff7e8a81ca19881607bc9e411c8f6dee91fa2f",
    "yt8m_dataset.csv": "7352ac3981a001b3373335e479880d81b60d7b44311c7c606377e2940b7d5bfc",
}
CORPORA = ("fcvid", "yt8m")

_KEY = r"(?:\./(?P<folder>[A-Za-z]{1,64})/)?(?P<video_id>[A-Za-z0-9_-]{1,64})"
_VIDEO = re.compile(_KEY)
_ROW = re.compile(rf"{_KEY},(?P<label_id>[0-9]{{1,3}})")


def locate() -> Path:
    """Return the folder with the published files: ``$INSTREC_ICMR2017``, or a download into the data folder.

    Raises
    ------
    CorpusError, DownloadError
        See `pinned.locate_files`.
    """
    return pinned.locate_files("INSTREC_ICMR2017", "icmr2017", ADDRESS, SHA256)


class _PlainUnpickler(pickle.Unpickler):
    """Reads numbers, text and containers; a pickle that names any class or function is refused unread."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"only plain data is allowed, it asks for {module}.{name}")

    def persistent_load(self, reference: Any) -> NoReturn:
        raise pickle.UnpicklingError("only plain data is allowed, it holds a persistent reference")


def read_plain_pickle(path: Path) -> Any:
    """Read a pickle (Python 2 or 3) that holds plain data: numbers, text, tuples, lists, dicts.

    Raises
    ------
    CorpusError
        There is no such file, it is no complete pickle, or it asks for any class or function. No code of the
        file runs: the request itself is the error.
    """
    try:
        with Path(path).open("rb") as file:
            content = _PlainUnpickler(file, encoding="ascii").load()
            rest = file.read(1)
    except FileNotFoundError as error:
        raise CorpusError(f"{path}: no such file") from error
    except (pickle.UnpicklingError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise CorpusError(f"{path}: not a pickle of plain data: {error}") from error
    except (OverflowError, MemoryError, ImportError) as error:
        raise CorpusError(f"{path}: a damaged pickle: {error}") from error
    if rest:
        raise CorpusError(f"{path}: a pickle of plain data ends after one object, this file goes on")
    return content


def read_durations(path: Path) -> pd.DataFrame:
    """Read a ``*_auxinfo.pkl``.

    Returns
    -------
    table : columns ``folder`` (str, empty on YouTube-8M), ``video_id`` (str), ``duration`` (seconds) and
        ``frame_rate`` (frames per second), in the order of the file.

    Raises
    ------
    CorpusError
        It is not a dict from video to (seconds, frames per second), positive numbers, each video once. The
        message names the entry.
    """
    content = read_plain_pickle(path)
    if not isinstance(content, dict):
        raise CorpusError(f"{path}: expected a dict from video to (seconds, frames/s), got {type(content).__name__}")
    rows = []
    for entry, (key, value) in enumerate(content.items(), start=1):
        match = _VIDEO.fullmatch(key) if isinstance(key, str) else None
        if match is None:
            raise CorpusError(f"{path}, entry {entry}: expected a video id or ./folder/id, got {key!r}")
        if not (isinstance(value, tuple) and len(value) == 2 and all(map(_is_positive, value))):
            raise CorpusError(f"{path}, entry {entry} ({key}): expected (seconds, frames/s) above 0, got {value!r}")
        rows.append((match["folder"] or "", match["video_id"], float(value[0]), float(value[1])))
    table = pd.DataFrame(rows, columns=["folder", "video_id", "duration", "frame_rate"])
    _refuse_repeated(table, path, "entry")
    return table


def _is_positive(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and value > 0


def _refuse_repeated(table: pd.DataFrame, path: Path, unit: str) -> None:
    repeated = table.video_id.duplicated()
    if repeated.any():
        row = int(repeated.to_numpy().argmax())
        raise CorpusError(f"{path}, {unit} {row + 1}: {table.video_id[row]} is there a second time")


def read_list(path: Path, corpus: str) -> pd.DataFrame:
    """Read a ``*_dataset.csv``: the videos and their labels.

    Parameters
    ----------
    path : the file.
    corpus : ``fcvid`` or ``yt8m``.

    Returns
    -------
    table : columns ``folder`` (str, empty on YouTube-8M), ``video_id``, ``label_id`` (int) and ``label`` (str),
        in the order of the file, on which the paper's split depends.

    Raises
    ------
    CorpusError
        A row is malformed (an id with a path in it is), a label id is unknown, an FCVID folder belongs to
        another label id, or a video is there twice. The message names the file and the row.
    """
    _check_corpus(corpus)
    path = Path(path)
    if not path.is_file():
        raise CorpusError(f"{path}: no such file")
    names = labels.FCVID_FOLDERS if corpus == "fcvid" else labels.YOUTUBE8M_LABELS
    form = "./folder/id,label id" if corpus == "fcvid" else "id,label id"
    rows = []
    with path.open(encoding="ascii", errors="replace", newline="") as file:
        for number, line in enumerate(file, start=1):
            text = line.rstrip("\r\n")
            match = _ROW.fullmatch(text)
            if match is None or (match["folder"] is None) == (corpus == "fcvid"):
                raise CorpusError(f"{path}, row {number}: expected {form}, got {text[:120]!r}")
            label_id = int(match["label_id"])
            if label_id >= len(names):
                raise CorpusError(f"{path}, row {number}: label ids are 0 to {len(names) - 1}, got {label_id}")
            if corpus == "fcvid" and match["folder"] != names[label_id]:
                raise CorpusError(
                    f"{path}, row {number}: label id {label_id} belongs to the folder {names[label_id]}, "
                    f"got {match['folder']}"
                )
            rows.append((match["folder"] or "", match["video_id"], label_id, names[label_id]))
    if not rows:
        raise CorpusError(f"{path}: expected one video a row, got an empty file")
    table = pd.DataFrame(rows, columns=["folder", "video_id", "label_id", "label"])
    if corpus == "fcvid":
        table["label"] = table.label.map(labels.FCVID_LABEL_OF_FOLDER)
    _refuse_repeated(table, path, "row")
    return table


def load_index(corpus: str, directory: Path) -> pd.DataFrame:
    """Return the index of a corpus as published, with the paper's split; no video has a path yet.

    Parameters
    ----------
    corpus : ``fcvid`` or ``yt8m``.
    directory : where the published files lie, see `locate`.

    Returns
    -------
    index : as in `instrec_utils.corpora.index`, in the order of the list, with the further columns
        ``frame_rate`` (frames per second, NaN if unknown) and ``folder`` (FCVID's; empty on YouTube-8M).

    Raises
    ------
    CorpusError
        A file is missing or malformed, or the two files of the corpus put a video into different folders.
    """
    directory = Path(directory)
    listed = read_list(directory / f"{corpus}_dataset.csv", corpus)
    durations = read_durations(directory / f"{corpus}_auxinfo.pkl")
    index = listed.merge(durations, on="video_id", how="left", suffixes=("", "_of_duration"))
    differs = index.folder_of_duration.notna() & (index.folder_of_duration != index.folder)
    if differs.any():
        row = int(differs.to_numpy().argmax())
        raise CorpusError(
            f"{directory / f'{corpus}_dataset.csv'}, row {row + 1}: {index.video_id[row]} is in the folder "
            f"{index.folder[row]!r} here and in {index.folder_of_duration[row]!r} among the durations"
        )
    index["split"] = paper_split(index)
    index["path"] = ""
    index = index[["video_id", "label", "split", "path", "duration", "frame_rate", "folder"]]
    check_index(index, str(directory / f"{corpus}_dataset.csv"))
    return index


def all_splits(directory: Path, seed: int = SPLIT_SEED) -> pd.DataFrame:
    """Return where every published video belongs, in each of `splits.SPLIT_METHODS`.

    Parameters
    ----------
    directory : where the published files lie, see `locate`.
    seed : of the stratified and the grouped split, which take both corpora at once.

    Returns
    -------
    table : columns ``corpus``, ``video_id``, ``label``, ``paper``, ``stratified``, ``grouped``, in the order of the
        lists. The grouped split keeps a video that is in both corpora in one split; which others belong together,
        only the videos themselves can tell: see `near_duplicates`.
    """
    both = pd.concat([load_index(corpus, directory).assign(corpus=corpus) for corpus in CORPORA], ignore_index=True)
    classes = both.assign(label=both.corpus + " " + both.label)
    generator = np.random.default_rng(seed)
    both = both[["corpus", "video_id", "label", "split"]].rename(columns={"split": "paper"})
    both["stratified"] = stratified_split(classes, generator)
    both["grouped"] = grouped_split(classes, both.video_id, generator)
    return both


def write_splits(directory: Path, folder: Path, seed: int = SPLIT_SEED) -> Path:
    """Write `all_splits` as files ``<corpus>_<way>.csv``, see `splits.write_split`; return their folder."""
    for corpus, table in all_splits(directory, seed).groupby("corpus"):
        for way in SPLIT_METHODS:
            write_split(table.assign(split=table[way]), Path(folder) / f"{corpus}_{way}.csv")
    return Path(folder)


def shared_videos(directory: Path) -> pd.DataFrame:
    """Return the videos that both corpora hold: FCVID's folders bear witness to the names of YouTube-8M's ids.

    Returns
    -------
    table : one row a video: ``video_id``, ``folder`` (FCVID's), ``fcvid_label``, ``label_id`` (YouTube-8M's),
        ``youtube8m_label`` (the name that `labels.YOUTUBE8M_LABELS` gives to the id).
    """
    directory = Path(directory)
    fcvid = read_list(directory / "fcvid_dataset.csv", "fcvid")[["video_id", "folder", "label"]]
    youtube8m = read_list(directory / "yt8m_dataset.csv", "yt8m")[["video_id", "label_id", "label"]]
    return (
        fcvid.rename(columns={"label": "fcvid_label"})
        .merge(youtube8m.rename(columns={"label": "youtube8m_label"}), on="video_id")
        .sort_values(["label_id", "video_id"], ignore_index=True)
    )


def label_evidence(directory: Path) -> pd.DataFrame:
    """Return how sure the name of each YouTube-8M label id is.

    Returns
    -------
    table : one row an id: ``label_id``, ``label`` (from the authors' code), ``videos`` (listed), ``shared`` (of these
        also in FCVID) and ``agreeing`` (of the shared, those whose FCVID folder has the same name).
    """
    listed = read_list(Path(directory) / "yt8m_dataset.csv", "yt8m")
    shared = shared_videos(directory)
    agreeing = shared[shared.fcvid_label == shared.youtube8m_label]
    table = pd.DataFrame({"label": labels.YOUTUBE8M_LABELS}).rename_axis("label_id")
    for name, videos in (("videos", listed), ("shared", shared), ("agreeing", agreeing)):
        table[name] = videos.label_id.value_counts().reindex(table.index, fill_value=0)
    return table.reset_index()


def unlisted_videos(corpus: str, directory: Path) -> pd.DataFrame:
    """Return the rows of `read_durations` whose video has no label in the list, sorted by id."""
    listed = read_list(Path(directory) / f"{corpus}_dataset.csv", corpus)
    durations = read_durations(Path(directory) / f"{corpus}_auxinfo.pkl")
    return durations[~durations.video_id.isin(listed.video_id)].sort_values("video_id", ignore_index=True)


def table1(directory: Path) -> dict[str, dict[str, Any]]:
    """Recompute Table 1 of the paper from the published lists.

    Parameters
    ----------
    directory : where the published files lie, see `locate`.

    Returns
    -------
    table : for ``fcvid`` and ``yt8m``: ``categories``, ``videos_listed`` (with a label),
        ``videos_with_duration``, ``hours`` (of those with a duration), ``mean_minutes`` (the same videos),
        ``per_category_mean`` and ``per_category_std`` (listed videos; population standard deviation), ``paper``
        (the printed values) and ``differences`` (each with ``property``, ``paper``, ``recomputed`` and
        ``explanation``).
    """
    return {corpus: _column(corpus, Path(directory)) for corpus in CORPORA}


def write_table1(directory: Path, path: Path | None = None) -> dict[str, dict[str, Any]]:
    """Recompute Table 1 and write it as JSON, whole or not at all; return it too.

    Parameters
    ----------
    directory : where the published files lie, see `locate`.
    path : the file; ``results/curation/table1.json`` if None.
    """
    table = table1(directory)
    write_json(path or paths.results_dir("curation") / "table1.json", table)
    return table


def _column(corpus: str, directory: Path) -> dict[str, Any]:
    listed = read_list(directory / f"{corpus}_dataset.csv", corpus)
    durations = read_durations(directory / f"{corpus}_auxinfo.pkl")
    sizes = listed.label.value_counts()
    seconds = math.fsum(durations.duration)  # exact: the order of the file does not matter
    column = {
        "categories": len(sizes),
        "videos_listed": len(listed),
        "videos_with_duration": len(durations),
        "listed_without_duration": int((~listed.video_id.isin(durations.video_id)).sum()),
        "hours": seconds / 3600,
        "mean_minutes": seconds / 60 / len(durations),
        "per_category_mean": len(listed) / len(sizes),
        "per_category_std": float(sizes.std(ddof=0)),
        "per_category_std_of_a_sample": float(sizes.std(ddof=1)),
        "paper": paper.tables()["table1"][corpus],
    }
    column["differences"] = _differences(column, unlisted_videos(corpus, directory))
    return column


def _differences(column: Mapping[str, Any], unlisted: pd.DataFrame) -> list[dict[str, Any]]:
    """Return every printed value that the lists do not give at the printed precision, with the reason."""
    listed, timed, printed = column["videos_listed"], column["videos_with_duration"], column["paper"]
    recomputed = {
        "categories": column["categories"],
        "videos": timed,
        "hours": round(column["hours"], 2),
        "mean_minutes": round(column["mean_minutes"], 2),
        "per_category_mean": round(column["per_category_mean"]),
        "per_category_std": round(column["per_category_std"]),
        "videos_used": listed,
        "categories_before_reduction": None,
        "videos_before_undersampling": None,
    }
    shortest, longest = unlisted.duration.min(), unlisted.duration.max()
    gone = "the lists begin after the selection; YouTube-8M's vocabulary of 2016 and its records would be needed"
    used = printed["videos_used"]
    reasons = {
        "videos": f"{printed['videos'] - timed} videos of the paper have no published duration; the hours and the mean "
        f"of the paper are those of the {timed} that have one",
        "videos_used": f"{used - listed} videos that the paper used are not in the published list; "
        f"{timed - listed} have a duration ({shortest:.1f} to {longest:.1f} s) and no label, and which of these were "
        "used is not said",
        "per_category_mean": f"{used} videos used / {column['categories']} = {used / column['categories']:.2f}: the "
        f"paper divides the videos used, the list holds {listed}",
        "per_category_std": f"population standard deviation of the {listed} listed videos; in proportion to {used} "
        f"videos it would be {column['per_category_std'] * used / listed:.1f}",
        "categories_before_reduction": gone,
        "videos_before_undersampling": gone,
    }
    return [
        {
            "property": name,
            "paper": value,
            "recomputed": recomputed[name],
            "explanation": reasons.get(name, "the lists give another value, and nothing published says why"),
        }
        for name, value in printed.items()
        if recomputed[name] != value
    ]


def _check_corpus(corpus: str) -> None:
    if corpus not in CORPORA:
        raise ParameterError(f"published lists exist for {', '.join(CORPORA)}; got {corpus!r}")
