"""FCVID: the paper's 12 classes in the user's own copy of the archive.

FCVID is handed out by its makers (http://bigvid.fudan.edu.cn/FCVID/) and may not be passed on. Extracted, a video
is ``<folder>/<video id>.<extension>``, the folders being those of `labels.FCVID_FOLDERS`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from instrec_utils.corpora.index import refuse_rows
from instrec_utils.corpora.validation import read_headers
from instrec_utils.errors import CorpusError
from instrec_utils.paper_data import published
from instrec_utils.paper_data.labels import FCVID_FOLDERS

SUFFIXES = (".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")
STATES = ("present", "unreadable", "missing")


def load_index(archive: Path, directory: Path) -> pd.DataFrame:
    """Return the index of the list in a directory, see `published.locate_lists`, as far as an extracted archive has it.

    Returns
    -------
    index : pd.DataFrame [one row a video, as `published.load_index`, further columns=(state, reason)]
        Paths are relative to the archive; ``state`` is one of `STATES`, and ``reason`` says why a file is unreadable. A
        duration that is not published is that of the file. Files that the list does not name are left alone.

    Raises
    ------
    CorpusError
        The archive has none of the folders, has a video twice or in another folder than the list, or is not there.
    """
    if not archive.is_dir():
        raise CorpusError(f"{archive}: no such folder; expected the extracted FCVID archive")
    index = published.load_index("fcvid", directory)
    index["path"] = index.video_id.map(_files(archive)).fillna("").astype(str)
    is_elsewhere = (index.path != "") & (index.path.str.split("/").str[0] != index.folder)
    rule = "{} is in {} here and is {} in the archive"
    refuse_rows(is_elsewhere, directory / "fcvid_dataset.csv", rule, index[["video_id", "folder", "path"]])
    headers = read_headers(archive, index.path)
    index["duration"] = index.duration.fillna(headers.duration)
    index["reason"] = headers.reason.astype(str)
    state = np.select([index.path == "", index.reason != ""], ["missing", "unreadable"], "present")
    return index.assign(state=pd.Series(state, dtype=str))


def _files(archive: Path) -> dict[str, str]:
    """Return the path in the archive of each video that it has."""
    folders = [archive / name for name in FCVID_FOLDERS if (archive / name).is_dir()]
    if not folders:
        raise CorpusError(f"{archive}: expected the folders {', '.join(FCVID_FOLDERS)}; none of them is there")
    files: dict[str, str] = {}
    for path in sorted(path for folder in folders for path in folder.iterdir()):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            if path.stem in files:
                raise CorpusError(f"{path}: the same video as {files[path.stem]}; keep one of them")
            files[path.stem] = path.relative_to(archive).as_posix()
    return files
