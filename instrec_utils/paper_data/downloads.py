"""A polite downloader of the paper's YouTube-8M videos: yt-dlp, as a library, several videos at once.

What became of each video goes into the ledger of `availability`. Partial files are taken up where they broke off.
"""

from __future__ import annotations

import contextlib
import email.utils
import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import yt_dlp

from instrec_utils.corpora.index import VIDEO_ID
from instrec_utils.corpora.near_duplicates import uploader_of
from instrec_utils.errors import CorpusError, DownloadError, ParameterError
from instrec_utils.paper_data.availability import NOT_ASKED, Ledger

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

_SILENCE = logging.getLogger("instrec.yt_dlp")
_SILENCE.disabled = True  # errors come as exceptions; what yt-dlp prints besides would fill a page


@dataclass(frozen=True)
class Manners:
    """How politely to ask.

    Attributes
    ----------
    address : str [where a video is, with ``{video_id}`` for its id]
    num_workers, bytes_per_second : int [videos under way at once, and for each of them, >= 1]
    pause : float [seconds before each video, >= 0]
    attempts : int [tries a video and a broken connection, >= 1]
    backoff, longest_wait : float [seconds, >= 0]
        Before the second try, doubled for every further one, and the most that is waited. ``Retry-After`` of an answer
        counts if longer, and holds all workers.
    timeout : float [seconds without a byte, > 0]
    cookies : Path or None [a file in Netscape format, for videos that want a signed-in viewer]
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

    def wait_before(self, attempt: int) -> float:
        """Return the seconds to wait before a try, counted from 0."""
        return min(self.backoff * 2 ** (attempt - 1), self.longest_wait) if attempt else self.pause


def download_videos(
    video_ids: Sequence[str],
    folder: Path,
    ledger: Ledger,
    manners: Manners = Manners(),
    report: Callable[[str, str], None] = lambda video_id, state: None,
) -> None:
    """Ask for every video whose state is not final, and store what became of it; no malformed id is asked for.

    Files go to ``videos/<first two characters>/<id>.<extension>`` in the folder; `report` is called with the id and the
    state after each video.
    """
    for row, video_id in enumerate(video_ids, start=1):
        if not VIDEO_ID.fullmatch(video_id):
            raise CorpusError(f"video {row}: an id is 1 to 64 letters, digits, '-' and '_'; got {video_id!r}")
    known = ledger.table().set_index("video_id")
    here = _complete_files(folder)
    wanted = []
    for video_id in dict.fromkeys(video_ids):
        state = known.state.get(video_id, NOT_ASKED)
        if video_id in here:  # yt-dlp gives a file its name when it is complete
            if state != "available" or known.path[video_id] != here[video_id]:
                uploader = known.uploader.get(video_id, "")
                ledger.record(video_id, "available", path=here[video_id], uploader=uploader)
        elif state in (NOT_ASKED, "failed", "available"):
            wanted.append(video_id)

    brake = _Brake(manners.longest_wait)
    with ThreadPoolExecutor(manners.num_workers) as workers:
        try:
            under_way = {workers.submit(_ask, video_id, folder, manners, brake): video_id for video_id in wanted}
            for future in as_completed(under_way):
                answer = future.result()
                ledger.record(under_way[future], **answer)
                report(under_way[future], answer["state"])
        finally:
            brake.stop()
            workers.shutdown(cancel_futures=True)


def fetch_video(address: str, folder: Path) -> Path:
    """Download one video, from any address that yt-dlp reads, and return its file; a `DownloadError` says why not."""
    manners = Manners(attempts=2)
    number = len(list(folder.iterdir()))
    # A list's videos are not looked at one by one before it is refused.
    further = {"format": f"{FORMAT}/ba", "playlist_items": "0"}
    options = _options(folder, f"{number}.%(ext)s", manners) | further
    try:
        with yt_dlp.YoutubeDL(options) as client:
            info = client.extract_info(address)
    except (yt_dlp.utils.YoutubeDLError, OSError) as error:
        raise DownloadError(f"{address}: cannot be downloaded: {_plain(str(error))}") from error
    except Exception as error:  # a fault in one of yt-dlp's extractors
        reason = _plain(f"{type(error).__name__}: {error}")
        raise DownloadError(f"{address}: cannot be downloaded: {reason}") from error
    downloads = (info or {}).get("requested_downloads") or []
    if len(downloads) != 1:
        raise DownloadError(f"{address}: expected the address of one video, got that of a list or of several files")
    return Path(downloads[0]["filepath"])


def _complete_files(folder: Path) -> dict[str, str]:
    """Return the complete files under the folder, by id; partial ones end in .part or .ytdl or carry a format."""
    return {
        path.stem: path.relative_to(folder).as_posix()
        for path in sorted((folder / "videos").glob("??/*.*"))
        if VIDEO_ID.fullmatch(path.stem) and path.suffix not in (".part", ".ytdl", ".temp")
        if path.is_file() and path.stat().st_size
    }


class _Brake:
    """Holds all workers at once, for as long as the other side asks, or for good when stopped."""

    def __init__(self, longest_wait: float) -> None:
        self._longest_wait = longest_wait
        self._lock = threading.Lock()
        self._until = 0.0
        self._stopped = threading.Event()

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._until = max(self._until, time.monotonic() + min(seconds, self._longest_wait))

    def wait(self, seconds: float = 0.0) -> None:
        own = time.monotonic() + seconds
        while (left := max(own, self._until) - time.monotonic()) > 0 and not self._stopped.wait(left):
            pass  # another worker may have been asked to wait for longer meanwhile
        self.check()

    def stop(self) -> None:
        self._stopped.set()

    def check(self, _: Any = None) -> None:
        if self._stopped.is_set():
            raise yt_dlp.utils.DownloadCancelled("stopped")


def _ask(video_id: str, folder: Path, manners: Manners, brake: _Brake) -> dict[str, str]:
    """Try to download a video; return what became of it, as `Ledger.record` takes it."""
    reason = ""
    for attempt in range(manners.attempts):
        try:
            brake.wait(manners.wait_before(attempt))
            return _fetch(video_id, folder, manners, brake)
        except yt_dlp.utils.DownloadCancelled:
            return {"state": "failed", "reason": "stopped"}
        except (yt_dlp.utils.YoutubeDLError, OSError) as error:
            reason, state = _plain(str(error)), state_of(error)
            if state != "failed":
                return {"state": state, "reason": reason}
            brake.hold(_retry_after(error))
        except Exception as error:  # a fault in one of yt-dlp's extractors must not end the run over 60,000 videos
            return {"state": "failed", "reason": _plain(f"{type(error).__name__}: {error}")}
    return {"state": "failed", "reason": reason}


def _fetch(video_id: str, folder: Path, manners: Manners, brake: _Brake) -> dict[str, str]:
    home = folder / "videos" / video_id[:2]
    options = _options(home, f"{video_id}.%(ext)s", manners) | {"progress_hooks": [brake.check]}
    with yt_dlp.YoutubeDL(options) as client:
        info = client.extract_info(manners.address.format(video_id=video_id))
    downloads = (info or {}).get("requested_downloads") or []
    if len(downloads) != 1:
        raise yt_dlp.utils.YoutubeDLError(f"expected one video, got {len(downloads)} files")
    path = Path(downloads[0]["filepath"]).relative_to(folder.absolute()).as_posix()
    return {"state": "available", "path": path, "uploader": uploader_of(info)}


def _options(folder: Path, name: str, manners: Manners) -> dict[str, Any]:
    """Return yt-dlp's options to download a video into a folder, under a name in yt-dlp's form."""
    retries = manners.attempts - 1
    return {
        "format": FORMAT,
        "paths": {"home": str(folder)},
        "outtmpl": {"default": name},
        "ffmpeg_location": imageio_ffmpeg.get_ffmpeg_exe(),
        "ratelimit": manners.bytes_per_second,
        "socket_timeout": manners.timeout,
        "retries": retries,
        "fragment_retries": retries,
        "retry_sleep_functions": dict.fromkeys(("http", "fragment"), lambda n: manners.wait_before(n + 1)),
        "cookiefile": str(manners.cookies) if manners.cookies else None,
        "noplaylist": True,
        "cachedir": False,
        "logger": _SILENCE,
    }


def state_of(error: BaseException) -> str:
    """Return the state that an error of yt-dlp stands for; ``failed`` unless it clearly says otherwise."""
    if any(isinstance(cause, yt_dlp.utils.GeoRestrictedError) for cause in _causes(error)):
        return "region-locked"
    message = _plain(str(error)).lower().rstrip(" .")
    return next((state for state, pattern in _SAID if re.search(pattern, message)), "failed")


def _plain(message: str) -> str:
    """Return the message without colours, line breaks and yt-dlp's request to report it."""
    message = re.sub(r"\x1b\[[0-9;]*m", "", message)
    message = re.sub(r"; please report this issue on .*|\(caused by .*", "", message, flags=re.DOTALL)
    return re.sub(r"\s+", " ", message).removeprefix("ERROR: ").strip()[:300]


def _causes(error: BaseException) -> list[BaseException]:
    """Return an error and all that lies under it; yt-dlp keeps the original in `exc_info` or `cause`."""
    causes: list[BaseException] = [error]
    for cause in causes:  # grows on the way
        _, inner, _ = getattr(cause, "exc_info", None) or (None, None, None)
        below = (inner, getattr(cause, "cause", None), cause.__cause__, cause.__context__)
        causes += [one for one in below if isinstance(one, BaseException) and one not in causes]
    return causes


def _retry_after(error: BaseException) -> float:
    """Return for how many seconds the other side wants to be left alone; 0 if it does not say."""
    for cause in _causes(error):
        if isinstance(cause, yt_dlp.networking.exceptions.HTTPError):
            value = cause.response.headers.get("Retry-After", "")
            if re.fullmatch(r"[0-9]{1,9}", value):
                return float(value)
            with contextlib.suppress(ValueError):
                when = email.utils.parsedate_to_datetime(value)
                until = when if when.tzinfo else when.replace(tzinfo=UTC)  # dates of HTTP are, even where they say none
                return max(0.0, (until - datetime.now(UTC)).total_seconds())
    return 0.0
