"""What is left of YouTube-8M: the ledger of every video that was asked for.

An SQLite file with one committed row a video, so that killing the process at any moment loses at most the videos then
under way. A video is asked for again only while its state is ``failed``, or when it is available and its file is gone.

=============== ==============================================================================
state           meaning
=============== ==============================================================================
available       the file is here
private         its owner has made it private
removed         deleted by its owner or by YouTube, or its account is closed
region-locked   not shown in the country from which it was asked
failed          anything else, with the reason: asked too often, sign-in wanted, network down
=============== ==============================================================================
"""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from instrec_utils.corpora.index import state_table
from instrec_utils.errors import CorpusError, ParameterError

STATES = ("available", "private", "removed", "region-locked", "failed")
NOT_ASKED = "not asked"
COLUMNS = ("video_id", "state", "reason", "path", "uploader", "asked")


class Ledger:
    """The state of every video that was asked for, in an SQLite file; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(self._path, timeout=30)
        columns = ", ".join(f"{name} TEXT {'PRIMARY KEY' if name == 'video_id' else 'NOT NULL'}" for name in COLUMNS)
        try:
            with self._connection:
                self._connection.execute(f"CREATE TABLE IF NOT EXISTS videos ({columns})")
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise CorpusError(f"{path}: not a ledger of availability: {error}") from error

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def record(self, video_id: str, state: str, *, reason: str = "", path: str = "", uploader: str = "") -> None:
        """Store what became of a video, one of `STATES`; committed when this returns.

        The reason is what the other side said, and the path is relative to the corpus folder.
        """
        if state not in STATES:
            raise ParameterError(f"a state is one of {', '.join(STATES)}; got {state!r}")
        asked = datetime.now(UTC).isoformat(timespec="seconds")
        with self._connection:
            row = (video_id, state, reason, path, uploader, asked)
            self._connection.execute("INSERT OR REPLACE INTO videos VALUES (?, ?, ?, ?, ?, ?)", row)

    def table(self) -> pd.DataFrame:
        """Return what is known [one row a video, in order of id, columns=COLUMNS, str]; ``asked`` is when, in UTC."""
        try:
            return pd.read_sql_query("SELECT * FROM videos ORDER BY video_id", self._connection, dtype=str)
        except pd.errors.DatabaseError as error:
            raise CorpusError(f"{self._path}: not a ledger of availability: {error}") from error


def with_paths(index: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Return an index [one row a video] with what the ledger knows, columns ``state``, ``path`` and ``uploader``.

    The state is `NOT_ASKED` for a video that is not in the ledger; the path is empty for one that is not here.
    """
    unknown = {"state": NOT_ASKED, "path": "", "uploader": ""}
    table = ledger.table().set_index("video_id")[list(unknown)].reindex(index.video_id).fillna(unknown).astype(str)
    return index.assign(**table.set_index(index.index))


def failures(ledger: Ledger) -> pd.DataFrame:
    """Return why videos are ``failed``, the commonest reason first [one row a reason, columns=(reason, videos)]."""
    failed = ledger.table().query("state == 'failed'")
    without_video = [
        re.sub(r"^\[[^\]]*\] ", "", reason).replace(video_id, "<id>").removeprefix("<id>: ")
        for video_id, reason in zip(failed.video_id, failed.reason, strict=True)
    ]
    return pd.Series(without_video, name="reason", dtype=str).value_counts().rename("videos").reset_index()


def availability_table(index: pd.DataFrame) -> pd.DataFrame:
    """Return the `state_table` of an index `with_paths`, columns for all of `STATES` and `NOT_ASKED`.

    The further column ``share`` is that of the available among those asked for, 0 to 1, or NaN if none was.
    """
    table = state_table(index).reindex(columns=["label", "videos", *STATES, NOT_ASKED], fill_value=0)
    asked = table.videos - table[NOT_ASKED]
    return table.assign(share=table.available / asked.where(asked > 0))
