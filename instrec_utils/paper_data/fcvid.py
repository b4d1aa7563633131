"""FCVID: the paper's 12 classes in the user's own copy of the archive.

FCVID is handed out by its makers (http://bigvid.fudan.edu.cn/FCVID/) and may not be passed on. Extracted, a video
is ``<folder>/<video id>.<extension>``, the folders being those of `labels.FCVID_FOLDERS`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from instrec_utils.corpora.validation import read_headers
from instrec_utils.errors import CorpusError
from instrec_utils.paper_data import published
from instrec_utils.paper_data.labels import FCVID_FOLDERS

SUFFIXES = (".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
STATES = ("present", "unreadable", "missing")


def load_index(archive: Path, directory: Path) -> pd.DataFrame:
    """Return the index of the paper's FCVID subset as far as the archive has it.

    Parameters
    ----------
    archive : the extracted archive, with the class folders in it.
    directory : where the published lists lie, see `published.locate_lists`.

    Returns
    -------
    index : as in `instrec_utils.corpora.index`, in the order of the published list, with the paper's split;
        ``path`` is relative to the archive; ``state`` is one of `STATES` and ``reason`` says why a file is
        unreadable. A duration that is not published is that of the file. Files of the archive that the list does
        not name are left alone.

    Raises
    ------
    CorpusError
        The archive is not there or has none of the folders, the list puts a video into another folder than
        the archive, or a video is there in two files.
    """
    archive = Path(archive)
    if not archive.is_dir():
        raise CorpusError(f"{archive}: no such folder; expected the extracted FCVID archive")
    index = published.load_index("fcvid", directory)
    files = _files(archive)
    _refuse_other_folders(index, files, Path(directory) / "fcvid_dataset.csv")

    found = index.video_id.map(files)
    index["path"] = found.map(lambda path: path.relative_to(archive).as_posix(), na_action="ignore").fillna("")
    headers = read_headers(archive, index.path)
    index["duration"] = index.duration.fillna(headers.duration)
    index["reason"] = headers.reason
    index["state"] = np.select([found.isna(), index.reason != ""], ["missing", "unreadable"], "present")
    return index.astype({"path": str, "reason": str, "state": str})


def _files(archive: Path) -> dict[str, Path]:
    folders = [archive / name for name in FCVID_FOLDERS if (archive / name).is_dir()]
    if not folders:
        raise CorpusError(f"{archive}: expected the folders {', '.join(FCVID_FOLDERS)}; none of them is there")
    files: dict[str, Path] = {}
    for path in sorted(path for folder in folders for path in folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            if path.stem in files:
                raise CorpusError(f"{path}: the same video as {files[path.stem]}; keep one of them")
            files[path.stem] = path
    return files


def _refuse_other_folders(index: pd.DataFrame, files: dict[str, Path], source: Path) -> None:
    for row, (video_id, folder) in enumerate(zip(index.video_id, index.folder, strict=True), start=1):
        path = files.get(video_id)
        if path is not None and path.parent.name != folder:
            raise CorpusError(f"{source}, row {row}: {video_id} is in {folder} here and in {path.parent} on the disk")
