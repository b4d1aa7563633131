"""What is left of YouTube-8M: a polite downloader and the ledger of every video that was asked for.

yt-dlp downloads, as a library. The ledger is an SQLite file with one committed row a video, so that killing the
process at any moment loses at most the videos then under way; their partial files are resumed. A video is asked
for again only while its state is ``failed``.

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

import contextlib
import email.utils
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from instrec_utils.corpora.index import VIDEO_ID
from instrec_utils.errors import CorpusError, DownloadError, ParameterError

STATES = ("available", "private", "removed", "region-locked", "failed")
NOT_ASKED = "not asked"

# MP4 at 360 lines where there is one: the models see 256 x 256 pixels. `<=?` also takes an unknown height.
FORMAT = "b[height<=?360][ext=mp4]/bv*[height<=?360][ext=mp4]+ba[ext=m4a]/b[height<=?360]/bv*[height<=?360]+ba/wv*+ba/w"

# What yt-dlp says, in this order: the first that fits is the state. A word on asking too often comes first, since
# it also says that the video is not available; a bare "not available" proves nothing and stays `failed`.
_SAID = (
    ("failed", r"too many requests|rate.?limit|try again later|not a bot|sign in to confirm|members.only"),
    ("region-locked", r"in your country|in your location|geo.?restrict"),
    ("private", r"private video|video is private"),
    (
        "removed",
        r"has been removed|removed by the uploader|been terminated|account .{0,40}closed|no longer available|"
        r"video does not exist|video unavailable$|unable to download webpage: http error (?:404|410)",
    ),
)


@dataclass(frozen=True)
class Manners:
    """How politely to ask.

    Attributes
    ----------
    address : where a video is; ``{video_id}`` stands for its id.
    num_workers : videos under way at once.
    bytes_per_second : the limit of each.
    pause : seconds before each video, so that the workers do not ask in a row.
    attempts : tries a video, the first included; a try takes up a broken connection that often as well.
    backoff : seconds before the second try; doubled for every further one. ``Retry-After`` of an answer counts if
        longer, and holds all workers.
    longest_wait : seconds; the limit of both.
    timeout : seconds without a byte until a connection counts as dead.
    cookies : a cookies file in Netscape format for videos that want a signed-in viewer.
    """

    address: str = "https://www.youtube.com/watch?v={video_id}"
    num_workers: int = 3
    bytes_per_second: int = 2_000_000
    pause: float = 1.0
    attempts: int = 4
    backoff: float = 5.0
    longest_wait: float = 900.0
    timeout: float = 30.0
    cookies: Path | None = None

    def __post_init__(self) -> None:
        if "{video_id}" not in self.address:
            raise ParameterError(f"address must hold {{video_id}}, got {self.address!r}")
        for name in ("num_workers", "bytes_per_second", "attempts", "timeout"):
            if getattr(self, name) <= 0:
                raise ParameterError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("pause", "backoff", "longest_wait"):
            if getattr(self, name) < 0:
                raise ParameterError(f"{name} must be at least 0, got {getattr(self, name)}")
        if self.cookies is not None and not Path(self.cookies).is_file():
            raise DownloadError(f"{self.cookies}: no such cookies file")


class Ledger:
    """The state of every video that was asked for, in an SQLite file; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._connection = sqlite3.connect(path, timeout=30)
        try:
            with self._connection:
                self._connection.execute(
                    "CREATE TABLE IF NOT EXISTS videos (video_id TEXT PRIMARY KEY, state TEXT NOT NULL, "
                    "reason TEXT NOT NULL, path TEXT NOT NULL, uploader TEXT NOT NULL, asked TEXT NOT NULL)"
                )
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise CorpusError(f"{path}: not a ledger of availability: {error}") from error

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def record(self, video_id: str, state: str, *, reason: str = "", path: str = "", uploader: str = "") -> None:
        """Store what became of a video, now; committed when this returns.

        Parameters
        ----------
        video_id : the video.
        state : one of `STATES`.
        reason : what the other side said; empty if available.
        path : the file, relative to the corpus folder; empty unless available.
        uploader : see `uploader_of`; empty unless available and known.
        """
        if state not in STATES:
            raise ParameterError(f"a state is one of {', '.join(STATES)}; got {state!r}")
        asked = datetime.now(UTC).isoformat(timespec="seconds")
        with self._connection:
            self._connection.execute(
                "INSERT OR REPLACE INTO videos VALUES (?, ?, ?, ?, ?, ?)",
                (video_id, state, reason, path, uploader, asked),
            )

    def table(self) -> pd.DataFrame:
        """Return one row a video: ``video_id, state, reason, path, uploader, asked`` (UTC, ISO 8601), sorted by id."""
        try:
            return pd.read_sql_query("SELECT * FROM videos ORDER BY video_id", self._connection, dtype=str)
        except pd.errors.DatabaseError as error:
            raise CorpusError(f"{self._path}: not a ledger of availability: {error}") from error


def download(
    video_ids: Sequence[str],
    folder: Path,
    ledger: Ledger,
    manners: Manners = Manners(),
    report: Callable[[str, str], None] = lambda video_id, state: None,
) -> None:
    """Ask for every video whose state is not final, and store what became of it.

    Parameters
    ----------
    video_ids : which; a leading dash is part of an id.
    folder : the corpus folder; files go to ``videos/<first two characters>/<id>.<extension>`` in it.
    ledger : where the states are kept.
    manners : how politely to ask.
    report : called with id and state after each video, such as for a progress bar.

    Raises
    ------
    CorpusError
        An id is malformed; nothing is asked for.
    """
    folder = Path(folder)
    for row, video_id in enumerate(video_ids, start=1):
        if not VIDEO_ID.fullmatch(video_id):
            raise CorpusError(f"video {row}: an id is 1 to 64 letters, digits, '-' and '_'; got {video_id!r}")
    known = ledger.table().set_index("video_id")
    here = _files(folder)
    wanted = []
    for video_id in dict.fromkeys(video_ids):
        state = known.state.get(video_id, NOT_ASKED)
        if video_id in here:  # yt-dlp gives a file its name when it is complete
            if state != "available" or known.path[video_id] != here[video_id]:
                uploader = known.uploader.get(video_id, "")
                ledger.record(video_id, "available", path=here[video_id], uploader=uploader)
        elif state in (NOT_ASKED, "failed", "available"):
            wanted.append(video_id)

    brake = _Brake(manners)
    with ThreadPoolExecutor(manners.num_workers) as workers:
        try:
            under_way = {workers.submit(_ask, video_id, folder, manners, brake): video_id for video_id in wanted}
            for future in as_completed(under_way):
                answer = future.result()
                ledger.record(under_way[future], **vars(answer))
                report(under_way[future], answer.state)
        finally:
            brake.stop()
            workers.shutdown(cancel_futures=True)


class _Brake:
    """Holds all workers at once, for as long as the other side asks, or for good when stopped."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._lock = threading.Lock()
        self._until = 0.0
        self._stopped = threading.Event()

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._until = max(self._until, time.monotonic() + min(seconds, self._manners.longest_wait))

    def wait(self, seconds: float = 0.0) -> None:
        own = time.monotonic() + min(seconds, self._manners.longest_wait)
        while (left := max(own, self._until) - time.monotonic()) > 0:
            self._stopped.wait(left)
            self.check()

    def stop(self) -> None:
        self._stopped.set()

    def check(self, _: Any = None) -> None:
        import yt_dlp

        if self._stopped.is_set():
            raise yt_dlp.utils.DownloadCancelled("stopped")


@dataclass(frozen=True)
class _Answer:
    """What became of a video, as `Ledger.record` takes it."""

    state: str
    reason: str = ""
    path: str = ""
    uploader: str = ""


def _ask(video_id: str, folder: Path, manners: Manners, brake: _Brake) -> _Answer:
    """Try to download a video."""
    import yt_dlp

    reason = ""
    for attempt in range(manners.attempts):
        try:
            brake.wait(manners.pause if attempt == 0 else manners.backoff * 2 ** (attempt - 1))
            brake.check()
            return _fetch(video_id, folder, manners, brake)
        except yt_dlp.utils.DownloadCancelled:
            return _Answer("failed", "stopped")
        except (yt_dlp.utils.YoutubeDLError, OSError) as error:
            reason = _plain(str(error))
            state = state_of(error)
            if state != "failed":
                return _Answer(state, reason)
            brake.hold(_retry_after(error))
        except Exception as error:  # a fault in one of yt-dlp's extractors must not end the run over 60,000 videos
            return _Answer("failed", _plain(f"{type(error).__name__}: {error}"))
    return _Answer("failed", reason)


def _fetch(video_id: str, folder: Path, manners: Manners, brake: _Brake) -> _Answer:
    """Download a video."""
    import imageio_ffmpeg
    import yt_dlp

    place = folder / "videos" / video_id[:2]
    place.mkdir(parents=True, exist_ok=True)
    options = {
        "format": FORMAT,
        "paths": {"home": str(place)},
        "outtmpl": {"default": f"{video_id}.%(ext)s"},
        "ffmpeg_location": imageio_ffmpeg.get_ffmpeg_exe(),
        "ratelimit": manners.bytes_per_second,
        "socket_timeout": manners.timeout,
        "retries": manners.attempts - 1,
        "fragment_retries": manners.attempts - 1,
        "retry_sleep_functions": dict.fromkeys(
            ("http", "fragment"), lambda n: min(manners.backoff * 2 ** (n - 1), manners.longest_wait)
        ),
        "cookiefile": str(manners.cookies) if manners.cookies else None,
        "progress_hooks": [brake.check],
        "noplaylist": True,
        "cachedir": False,
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "logger": _Silence(),
    }
    with yt_dlp.YoutubeDL(options) as client:
        info = client.extract_info(manners.address.format(video_id=video_id))
    downloads = (info or {}).get("requested_downloads") or []
    if len(downloads) != 1:
        raise yt_dlp.utils.YoutubeDLError(f"expected one video, got {len(downloads)} files")
    path = Path(downloads[0]["filepath"]).relative_to(folder.absolute()).as_posix()
    return _Answer("available", path=path, uploader=uploader_of(info))


def uploader_of(info: Mapping[str, Any]) -> str:
    """Return who uploaded a video by what yt-dlp says about it: an id that stays if there is one; empty if unknown."""
    names = (info.get(key) for key in ("channel_id", "uploader_id", "channel", "uploader"))
    return next((str(name) for name in names if name), "")


class _Silence:
    """Errors come as exceptions; what yt-dlp prints besides would fill a page."""

    def debug(self, message: str) -> None: ...

    info = warning = error = debug


def state_of(error: BaseException) -> str:
    """Return the state that an error of yt-dlp stands for; ``failed`` unless it clearly says otherwise."""
    import yt_dlp

    chain = list(_causes(error))
    if any(isinstance(cause, yt_dlp.utils.GeoRestrictedError) for cause in chain):
        return "region-locked"
    message = _plain(str(error)).lower().rstrip(" .")
    for state, pattern in _SAID:
        if re.search(pattern, message):
            return state
    return "failed"


def _plain(message: str) -> str:
    """Return the message without colours, line breaks and yt-dlp's request to report it."""
    message = re.sub(r"\x1b\[[0-9;]*m", "", message)
    message = re.sub(r"; please report this issue on .*|\(caused by .*", "", message, flags=re.DOTALL)
    return re.sub(r"\s+", " ", message).removeprefix("ERROR: ").strip()[:300]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what lies under it; yt-dlp keeps the original in `exc_info` or `cause`."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        error = waiting.pop(0)
        if isinstance(error, BaseException) and id(error) not in seen:
            seen.add(id(error))
            yield error
            info = getattr(error, "exc_info", None) or (None, None, None)
            waiting += [info[1], getattr(error, "cause", None), error.__cause__, error.__context__]


def _retry_after(error: BaseException) -> float:
    """Return for how many seconds the other side wants to be left alone; 0 if it does not say."""
    import yt_dlp

    for cause in _causes(error):
        if isinstance(cause, yt_dlp.networking.exceptions.HTTPError):
            value = cause.response.headers.get("Retry-After", "")
            if re.fullmatch(r"[0-9]{1,9}", value):
                return float(value)
            with contextlib.suppress(ValueError):
                return max(0.0, (email.utils.parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    return 0.0


def _files(folder: Path) -> dict[str, str]:
    """Return the complete files under the folder, by id; partial ones end in .part or .ytdl or carry a format."""
    paths = sorted(path for path in (folder / "videos").glob("??/*.*") if path.is_file() and path.stat().st_size)
    return {
        path.stem: path.relative_to(folder).as_posix()
        for path in paths
        if VIDEO_ID.fullmatch(path.stem) and path.suffix not in (".part", ".ytdl", ".temp")
    }


def with_paths(index: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Return the index with ``path`` (empty if not here), ``state`` (`NOT_ASKED` if not in it) and ``uploader``."""
    table = ledger.table().set_index("video_id")
    state = index.video_id.map(table.state).fillna(NOT_ASKED).astype(str)
    known = {name: index.video_id.map(table[name]).fillna("").astype(str) for name in ("path", "uploader")}
    return index.assign(state=state, **known)


def failures(ledger: Ledger) -> pd.DataFrame:
    """Return why videos are ``failed``: columns ``reason`` (without the video it is about), ``videos``; most first."""
    table = ledger.table()
    failed = table[table.state == "failed"]
    about_no_video = [
        re.sub(r"^\[[^\]]*\] ", "", reason).replace(video_id, "<id>").removeprefix("<id>: ")
        for video_id, reason in zip(failed.video_id, failed.reason, strict=True)
    ]
    return pd.Series(about_no_video, name="reason", dtype=str).value_counts().rename("videos").reset_index()


def availability_table(index: pd.DataFrame) -> pd.DataFrame:
    """Return how much of each class is still there.

    Parameters
    ----------
    index : from `with_paths`.

    Returns
    -------
    table : one row a class and one for ``all``; ``label``, ``videos``, a column for each of `STATES` and
        `NOT_ASKED` (numbers of videos), and ``share`` (available of those asked for; NaN if none was).
    """
    columns = [*STATES, NOT_ASKED]
    table = pd.crosstab(index.label, index.state).reindex(columns=columns, fill_value=0)
    table.loc["all"] = table.sum()
    table.insert(0, "videos", table[columns].sum(axis=1))
    asked = table.videos - table[NOT_ASKED]
    table["share"] = table.available / asked.where(asked > 0)
    return table.rename_axis("label", axis=0).rename_axis(None, axis=1).reset_index()
