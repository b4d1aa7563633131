"""A page on this machine to drop a video on: the command's answer and timeline, for no other machine to see.

Tornado serves it, which Jupyter and Dask stand on and which fetches nothing from elsewhere. The page has one script
and no connection but to here; a header of its own keeps pages of others from sending anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import math
import re
import tempfile
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

import tornado.escape
import tornado.httpserver
import tornado.netutil
import tornado.web

from instrec_utils import files, media
from instrec_utils.errors import InstrecError, ParameterError
from instrec_utils.recognise import page
from instrec_utils.recognise.recogniser import Recogniser

HOST = "127.0.0.1"
NAMES = r"(127\.0\.0\.1|localhost)"  # by which a browser may call it: no other machine's name that leads here
MAX_BYTES = 2**30  # of a video
UNLIMITED = 2**62  # for Tornado, which would cut the connection without a word
TOP = 3
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; media-src blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class _GoneError(Exception):
    """Nobody waits for the answer any more."""


class Work:
    """One recogniser, in a thread of its own, and the folder of what it was given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.thread = ThreadPoolExecutor(1)
        self.recogniser = self.thread.submit(Recogniser)  # while the page opens


class Text(tornado.web.RequestHandler):
    """A page, or its script."""

    def initialize(self, text: str, kind: str) -> None:
        """Keep what is to be answered."""
        self._text, self._kind = text, kind

    def set_default_headers(self) -> None:
        """Let the page load nothing from elsewhere, and be part of no other page."""
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def get(self) -> None:
        """Answer with the text."""
        self.set_header("Content-Type", f"{self._kind}; charset=utf-8")
        self.finish(self._text)


@tornado.web.stream_request_body
class Answer(tornado.web.RequestHandler):
    """Take a video and answer in lines of JSON: shares that are done, then an article or an error."""

    def initialize(self, work: Work) -> None:
        """Keep what works."""
        self._work, self._path = work, work.folder / uuid.uuid4().hex
        self._file: BinaryIO | None = None
        self._is_at_work = self._is_gone = False
        self._size, self._refusal = 0, ""

    def set_default_headers(self) -> None:
        """Let nobody keep the answer."""
        for name, value in HEADERS.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Make a file for the video, unless it says that it is too large."""
        connection: Any = self.request.connection
        connection.set_max_body_size(UNLIMITED)
        size = self.request.headers.get("Content-Length", "0")
        if "X-Name" not in self.request.headers:
            raise tornado.web.HTTPError(403)
        if not re.fullmatch(r"[0-9]{1,18}", size):
            raise tornado.web.HTTPError(400)
        self._name = unquote(self.request.headers["X-Name"])
        if int(size) > MAX_BYTES:
            self._refuse(413, f"expected at most {_mebibytes(MAX_BYTES)}, got {_mebibytes(int(size))}")
            return
        with self._keeping():
            self._file = self._path.open("wb")

    def data_received(self, chunk: bytes) -> None:
        """Keep a part of the video; one that comes in chunks does not say before how large it is."""
        self._size += len(chunk)
        if self._file is None:
            return
        if self._size > MAX_BYTES:
            self._refuse(413, f"expected at most {_mebibytes(MAX_BYTES)}, got more")
            return
        with self._keeping():
            self._file.write(chunk)

    @contextlib.contextmanager
    def _keeping(self) -> Iterator[None]:
        """Refuse the video where the disk has no room for it, or is damaged."""
        try:
            yield
        except OSError as error:
            self._refuse(507, f"cannot be kept in {self._path.parent} while it is judged: {error.strerror}")

    def _refuse(self, status: int, reason: str) -> None:
        """Drop what came; what else comes is passed over, as browsers read no answer while they send."""
        self.set_status(status)
        self._refusal = f"{self._name}: {reason}"
        self._drop()

    async def post(self) -> None:
        """Recognise what is in the video."""
        with self._keeping():
            self._close()
        if not self._refusal and not self._size:
            self._refuse(400, "expected a video or a recording, got an empty file")
        if self._refusal:
            self.finish(self._line(error=files.escaped(self._refusal)))
            return
        self._is_at_work, loop = True, asyncio.get_running_loop()

        def tell(share: float) -> None:
            loop.call_soon_threadsafe(self._tell, share)

        try:
            work = functools.partial(_article, self._work, self._path, self._name, tell, self._check)
            told = {"article": await loop.run_in_executor(self._work.thread, work)}
        except InstrecError as error:
            told = {"error": files.escaped(str(error).replace(str(self._path), self._name))}
        except _GoneError:
            return
        except Exception as error:  # a defect, whose traceback the terminal has
            self.log_exception(type(error), error, error.__traceback__)
            told = {"error": files.escaped(f"{self._name}: cannot be judged: {type(error).__name__}: {error}")}
        finally:
            self._path.unlink(missing_ok=True)
        if not self._is_gone:
            self.finish(self._line(**told))

    def _check(self) -> None:
        if self._is_gone:
            raise _GoneError

    def _tell(self, share: float) -> None:
        if not self._is_gone and not self._finished:
            self.write(self._line(share=share))
            self.flush()

    def _line(self, **told: object) -> str:
        return tornado.escape.json_encode(told) + "\n"

    def on_connection_close(self) -> None:
        """Stop, as nobody waits for the answer any more."""
        self._is_gone = True
        self.on_finish()

    def on_finish(self) -> None:
        """Remove the video, unless it is being looked at: then that is done when it has stopped."""
        if not self._is_at_work:
            self._drop()

    def _drop(self) -> None:
        with contextlib.suppress(OSError):  # of what the disk has no room for
            self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _mebibytes(size: int) -> str:
    return f"{math.ceil(size / 2**20):,} MiB"


def _article(work: Work, path: Path, name: str, tell: Callable[[float], None], check: Callable[[], None]) -> str:
    check()  # before what waited for its turn is opened
    seconds, done = media.probe(path).duration, 0.0

    def progress(more: float) -> None:
        nonlocal done
        done += more
        tell(done / max(seconds, done))

    recognition = work.recogniser.result().recognise(path, progress=progress, check=check)
    return page.article(name, recognition, TOP, "")


def application(work: Work) -> tornado.web.Application:
    """Return the page, its scripts and what answers them."""
    start = page.document(page.beside("app.html"), '<script src="app.js"></script>')
    script = page.beside("page.js") + page.beside("app.js")
    served = tornado.web.Application()
    served.add_handlers(
        NAMES,
        [
            ("/", Text, {"text": start, "kind": "text/html"}),
            ("/app.js", Text, {"text": script, "kind": "text/javascript"}),
            ("/recognise", Answer, {"work": work}),
        ],
    )
    return served


def serve(port: int) -> None:
    """Serve the page until the command is stopped; a port that is taken is a `ParameterError`."""
    with tempfile.TemporaryDirectory(prefix="instrec-") as folder:
        asyncio.run(_serve(port, Path(folder)))


async def _serve(port: int, folder: Path) -> None:
    try:
        sockets = tornado.netutil.bind_sockets(port, HOST)
    except OSError as error:
        raise ParameterError(f"--port: {port} cannot be used: {error.strerror}; name another") from error
    server = tornado.httpserver.HTTPServer(application(Work(folder)))
    server.add_sockets(sockets)
    print(f"The page: http://{HOST}:{sockets[0].getsockname()[1]}/ (Ctrl-C ends it)", flush=True)
    await asyncio.Event().wait()
