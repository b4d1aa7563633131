import contextlib
import email.utils
import http.server
import io
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

import av
import numpy as np
import pandas as pd
import pytest
import yt_dlp

from instrec_utils.errors import CorpusError, DownloadError, ParameterError
from instrec_utils.paper_data.availability import Ledger, with_paths
from instrec_utils.paper_data.downloads import Manners, _Brake, download_videos, fetch_video, state_of


@pytest.fixture(scope="module")
def video():
    """Return the bytes of a small MP4 of noise, some 100 kB."""
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(80):
            frame = av.VideoFrame.from_ndarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


PAGE = """<html><title>A page</title><script type="application/ld+json">{"@context": "https://schema.org",
"@type": "VideoObject", "name": "A video", "contentUrl": "HERE", "author": {"@type": "Person", "name": "Ann"}}
</script></html>"""


@pytest.fixture
def youtube(video):
    """Serve a video under /watch/<id>.mp4; what the id begins with says what goes wrong."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def log_message(self, *_):
            pass

        def do_GET(self):
            video_id = self.path.rsplit("/", 1)[-1].removesuffix(".mp4")
            kind = video_id.strip("-").split("_")[0]
            with server.lock:
                server.asked[video_id].append(time.monotonic())
                count = len(server.asked[video_id])
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.answer(kind, count)

        def answer(self, kind, count):
            if kind == "page":
                page = PAGE.replace("HERE", f"http://127.0.0.1:{server.server_port}/watch/ok_{count}.mp4").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                return self.wfile.write(page)
            if kind == "list":
                here = f"http://127.0.0.1:{server.server_port}/watch"
                items = "".join(f"<item><title>{n}</title><link>{here}/ok_{n}.mp4</link></item>" for n in range(3))
                feed = f'<?xml version="1.0"?><rss version="2.0"><channel><title>A list</title>{items}</channel></rss>'
                self.send_response(200)
                self.send_header("Content-Type", "application/rss+xml")
                self.end_headers()
                return self.wfile.write(feed.encode())
            if kind == "gone":
                return self.send_error(404)
            if (kind == "busy" and count <= 2) or kind == "always":
                self.send_response(429)
                self.send_header("Retry-After", server.retry_after())
                self.send_header("Content-Length", "0")
                return self.end_headers()
            start = 0
            if wanted := self.headers.get("Range"):
                start = int(wanted.removeprefix("bytes=").split("-")[0])
                server.resumed[kind].append(start)
            body = video[start:]
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Accept-Ranges", "bytes")
            if wanted:
                self.send_header("Content-Range", f"bytes {start}-{len(video) - 1}/{len(video)}")
            self.end_headers()
            if (kind in ("cut", "stall") and count <= 3) or kind == "endless":  # the first is yt-dlp's look at the head
                self.wfile.write(body[: len(body) // 2])
                self.wfile.flush()
                if kind != "cut":
                    server.released.wait(20)
                return None
            if kind == "slow" and count == 2:
                with server.lock:
                    server.under_way += 1
                    server.at_once = max(server.at_once, server.under_way)
                until = time.monotonic() + 10
                while server.at_once < 2 and time.monotonic() < until:
                    time.sleep(0.01)
                time.sleep(0.3)  # in which a video too many would be asked for
                with server.lock:
                    server.under_way -= 1
            self.wfile.write(body)
            return None

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler)
    server.lock, server.asked, server.resumed = threading.Lock(), defaultdict(list), defaultdict(list)
    server.at_once = server.under_way = 0
    server.released = threading.Event()
    server.retry_after = lambda: "0"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch):
    """Refuse every connection that would leave the machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        assert address[0] in ("127.0.0.1", "localhost"), f"a test tried to reach {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def manners(server, **changes):
    settings = {"pause": 0.0, "backoff": 0.02, "timeout": 1.0, "num_workers": 4, "attempts": 3}
    address = f"http://127.0.0.1:{server.server_port}/watch/{{video_id}}.mp4"
    return Manners(address=address, **(settings | changes))


def test_every_video_gets_its_state_and_what_is_there_is_not_asked_for_again(youtube, video, tmp_path):
    video_ids = ["-ok_dash", "--ok_dashes", "ok_1", "OK_1", "gone_1", "busy_1", "cut_1", "stall_1", "always_1"]
    seen = {}
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        download_videos(video_ids, tmp_path, ledger, manners(youtube), report=seen.__setitem__)
        table = ledger.table().set_index("video_id")
        assert dict(table.state) == seen
        assert dict(table.state) == {
            "-ok_dash": "available",
            "--ok_dashes": "available",
            "ok_1": "available",
            "OK_1": "available",
            "gone_1": "removed",
            "busy_1": "available",
            "cut_1": "available",
            "stall_1": "available",
            "always_1": "failed",
        }
        for video_id, row in table.iterrows():
            if row.state == "available":
                assert row.path == f"videos/{video_id[:2]}/{video_id}.mp4"
                assert (tmp_path / row.path).read_bytes() == video, video_id
                assert row.reason == ""
            else:
                assert row.path == ""
        assert "404" in table.reason["gone_1"]
        assert "429" in table.reason["always_1"]
        asked = datetime.fromisoformat(table.asked["ok_1"])
        assert timedelta(0) <= datetime.now(UTC) - asked < timedelta(minutes=2)
        assert not list(tmp_path.rglob("*.part"))

        # The connections that broke off were taken up where they broke off.
        assert any(start > 0 for start in youtube.resumed["cut"])
        assert any(start > 0 for start in youtube.resumed["stall"])

        before = {video_id: len(times) for video_id, times in youtube.asked.items()}
        download_videos(video_ids, tmp_path, ledger, manners(youtube))
        more = [video_id for video_id, times in youtube.asked.items() if len(times) > before[video_id]]
        assert more == ["always_1"]

        # A file that went away is asked for again; one whose row was lost is not.
        (tmp_path / "videos" / "ok" / "ok_1.mp4").unlink()
        with sqlite3.connect(tmp_path / "ledger.sqlite") as other:
            other.execute("DELETE FROM videos WHERE video_id = '-ok_dash'")
        before = {video_id: len(times) for video_id, times in youtube.asked.items()}
        download_videos(["ok_1", "-ok_dash"], tmp_path, ledger, manners(youtube))
        more = [video_id for video_id, times in youtube.asked.items() if len(times) > before[video_id]]
        assert more == ["ok_1"]
        assert ledger.table().set_index("video_id").path["-ok_dash"] == "videos/-o/-ok_dash.mp4"


def test_who_uploaded_a_video_stands_in_the_ledger(youtube, tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        download_videos(["page_1", "ok_1", "gone_1"], tmp_path, ledger, manners(youtube))
        assert dict(ledger.table().set_index("video_id").uploader) == {"page_1": "Ann", "ok_1": "", "gone_1": ""}
        moved = tmp_path / "videos" / "pa" / "page_1.webm"
        (tmp_path / "videos" / "pa" / "page_1.mp4").rename(moved)
        download_videos(["page_1"], tmp_path, ledger, manners(youtube))
        row = ledger.table().set_index("video_id").loc["page_1"]
        assert (row.path, row.uploader) == ("videos/pa/page_1.webm", "Ann")
        index = pd.DataFrame({"video_id": ["other", "page_1"]})
        assert with_paths(index, ledger).uploader.to_list() == ["", "Ann"]


def in_seconds(wait):
    return str(wait)


def as_date(wait):
    return email.utils.format_datetime(datetime.now(UTC) + timedelta(seconds=wait), usegmt=True)


def as_date_without_zone(wait):
    return as_date(wait).removesuffix(" GMT")


@pytest.mark.parametrize("form", [in_seconds, as_date, as_date_without_zone])
def test_retry_after_is_obeyed(youtube, tmp_path, form):
    wait = 1 if form is in_seconds else 2  # a date has whole seconds, so up to one of them is lost
    youtube.retry_after = lambda: form(wait)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        download_videos(["busy_1"], tmp_path, ledger, manners(youtube))
        assert ledger.table().state.to_list() == ["available"]
    gaps = np.diff(youtube.asked["busy_1"])
    assert gaps[0] >= (wait - 0.05 if form is in_seconds else wait - 1.05)


def test_one_answer_that_wants_rest_holds_every_worker_and_a_stop_frees_them():
    brake = _Brake(longest_wait=5)
    start = time.monotonic()
    brake.hold(0.4)
    workers = [threading.Thread(target=brake.wait) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert 0.4 <= time.monotonic() - start < 3
    brake.hold(100)
    threading.Timer(0.1, brake.stop).start()
    with pytest.raises(yt_dlp.utils.DownloadCancelled):
        brake.wait()
    assert time.monotonic() - start < 5


def test_a_long_retry_after_is_capped(youtube, tmp_path):
    youtube.retry_after = lambda: "86400"
    start = time.monotonic()
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        download_videos(["always_1"], tmp_path, ledger, manners(youtube, longest_wait=0.2))
        assert ledger.table().state.to_list() == ["failed"]
    assert 0.4 <= time.monotonic() - start < 15
    assert len(youtube.asked["always_1"]) == 3


def test_a_body_that_never_ends_fails_with_a_reason(youtube, tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        download_videos(["endless_1"], tmp_path, ledger, manners(youtube, timeout=0.4, attempts=2))
        (row,) = ledger.table().itertuples()
    assert row.state == "failed"
    assert row.reason
    assert not list(tmp_path.rglob("*.mp4"))


def test_several_at_once_and_no_more_than_asked_for(youtube, tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        download_videos([f"slow_{n}" for n in range(6)], tmp_path, ledger, manners(youtube, num_workers=3))
    assert 2 <= youtube.at_once <= 3


def test_the_rate_is_limited(youtube, video, tmp_path):
    start = time.monotonic()
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        download_videos(["ok_1"], tmp_path, ledger, manners(youtube, bytes_per_second=len(video) // 2))
        assert ledger.table().state.to_list() == ["available"]
    assert time.monotonic() - start > 1


def test_a_server_that_is_not_there(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}/{{video_id}}"
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        download_videos(["a"], tmp_path, ledger, Manners(address, pause=0, backoff=0.01, attempts=2, timeout=1))
        (row,) = ledger.table().itertuples()
    assert row.state == "failed"
    assert "refused" in row.reason


KILLED = """
import sys
from pathlib import Path
from instrec_utils.paper_data.availability import Ledger
from instrec_utils.paper_data.downloads import Manners, download_videos
folder = Path(sys.argv[1])
with Ledger(folder / "ledger.sqlite") as ledger:
    download_videos(["ok_1", "ok_2", "endless_1"], folder, ledger,
             Manners(address=sys.argv[2], pause=0, num_workers=1, timeout=20),
             report=lambda *row: print(*row, flush=True))
"""


def test_what_was_there_when_the_process_was_killed_is_not_asked_for_again(youtube, tmp_path):
    address = manners(youtube).address
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), address], stdout=subprocess.PIPE, text=True
    ) as process:
        lines = [process.stdout.readline().strip(), process.stdout.readline().strip()]
        while not youtube.asked["endless_1"]:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert lines == ["ok_1 available", "ok_2 available"]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert Counter(ledger.table().state) == {"available": 2}
        download_videos(["ok_1", "ok_2", "ok_3"], tmp_path, ledger, manners(youtube))
        assert Counter(ledger.table().state) == {"available": 3}
    before = {video_id: len(times) for video_id, times in youtube.asked.items()}
    assert before["ok_1"] == before["ok_2"] == before["ok_3"]


@pytest.mark.parametrize("video_id", ["../up", "", "a b", "a" * 65, "a/b", "a%(id)s"])
def test_no_id_leaves_the_folder(video_id, tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(CorpusError, match="video 2: an id is"):
            download_videos(["fine", video_id], tmp_path, ledger, Manners("http://127.0.0.1:9/{video_id}"))
        assert ledger.table().empty


@pytest.mark.parametrize(
    ("message", "state"),
    [
        ("ERROR: [youtube] x: Private video. Sign in if you've been granted access to this video", "private"),
        ("[youtube] x: Video unavailable. This video is private", "private"),
        ("[youtube] x: Video unavailable. This video has been removed by the uploader", "removed"),
        ("[youtube] x: Video unavailable. This video is no longer available because the YouTube account associated "
         "with this video has been terminated.", "removed"),
        ("[youtube] x: This video has been removed for violating YouTube's Terms of Service", "removed"),
        ("[youtube] x: Video unavailable", "removed"),
        ("[youtube] x: Video unavailable. The uploader has not made this video available in your country",
         "region-locked"),
        ("[youtube] x: This video contains content from UMG, who has blocked it in your country", "region-locked"),
        ("[youtube] x: Video unavailable. This content isn't available, try again later. Your account has been "
         "rate-limited by YouTube", "failed"),
        ("[youtube] x: Sign in to confirm you're not a bot", "failed"),
        ("[youtube] x: Sign in to confirm your age. This video may be inappropriate for some users", "failed"),
        ("[youtube] x: Video unavailable. This video is not available", "failed"),
        ("unable to download video data: HTTP Error 404: Not Found", "failed"),
        ("unable to download video data: HTTP Error 403: Forbidden", "failed"),
    ],
)  # fmt: skip
def test_what_youtube_says_becomes_a_state(message, state):
    assert state_of(yt_dlp.utils.DownloadError(message)) == state


def test_a_region_lock_is_recognised_by_its_type():
    inner = yt_dlp.utils.GeoRestrictedError("not here")
    outer = yt_dlp.utils.DownloadError("x", (type(inner), inner, None))
    assert state_of(outer) == "region-locked"


@pytest.mark.parametrize(
    "changes",
    [{"address": "http://x/"}, {"num_workers": 0}, {"timeout": 0}, {"pause": -1}, {"attempts": 0}],
)
def test_bad_manners_are_refused(changes):
    with pytest.raises(ParameterError, match=next(iter(changes))):
        Manners(**changes)


def test_a_missing_cookies_file_is_refused(tmp_path):
    with pytest.raises(DownloadError, match="no such cookies file"):
        Manners(cookies=tmp_path / "cookies.txt")


def test_one_video_is_fetched_from_any_address(youtube, video, tmp_path):
    path = fetch_video(manners(youtube).address.format(video_id="page_1"), tmp_path)
    assert path.parent == tmp_path
    assert path.read_bytes() == video


def test_a_list_of_videos_is_refused_before_any_of_them_is_asked_for(youtube, tmp_path):
    address = manners(youtube).address.format(video_id="list_1")
    with pytest.raises(DownloadError, match=f"^{address}: expected the address of one video, got that of a list"):
        fetch_video(address, tmp_path)
    assert set(youtube.asked) == {"list_1"}
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_an_extractor_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(yt_dlp.YoutubeDL, "extract_info", lambda *_: {}["title"])
    with pytest.raises(DownloadError, match=r"^https://x/: cannot be downloaded: KeyError: 'title'$"):
        fetch_video("https://x/", tmp_path)
