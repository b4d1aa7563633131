"""The page to drop a video on: what it answers, to whom, and what is left of what it was given."""

import asyncio
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import types
import urllib.request

import numpy as np
import pytest
import tiny_heads
import tornado.httpserver
from tiny_videos import tone, write_video

from instrec_utils import media
from instrec_utils.errors import MediaError, ParameterError
from instrec_utils.recognise import app, recogniser
from instrec_utils.recognise.recogniser import Recogniser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHUNKED = {"Transfer-Encoding": "chunked"}
RED = np.full((48, 64, 3), (220, 20, 20), np.uint8)


def known():
    """A recogniser of networks that know tones and colours."""
    found = object.__new__(Recogniser)
    found.visual, found.audio, found.audio_note = tiny_heads.visual_judge(), tiny_heads.audio_judge(), ""
    return found


@pytest.fixture
def clip(tmp_path):
    return write_video(tmp_path / "a <b>.mp4", times=np.arange(50) / 10, sound=tone(5, 44_100, 200.0), picture=RED)


@pytest.fixture
def held(monkeypatch):
    """Networks of which each holds its first step until the browser has gone, and what had steps."""
    found = types.SimpleNamespace(begun=threading.Barrier(3), gone=threading.Event(), steps=[])

    def holding(what, network):
        def judged(examples):
            found.steps.append(what)
            if found.steps.count(what) == 1:
                found.begun.wait(60)
                found.gone.wait(60)
            return network(examples)

        return judged

    monkeypatch.setattr(tiny_heads, "see", holding("pictures", tiny_heads.see))
    monkeypatch.setattr(tiny_heads, "hear", holding("sound", tiny_heads.hear))
    noticed = app.Answer.on_connection_close
    monkeypatch.setattr(app.Answer, "on_connection_close", lambda self: (noticed(self), found.gone.set()))
    return found


@pytest.fixture
def served(tmp_path, monkeypatch):
    """The port of the page, and the folder of what it is given."""
    monkeypatch.setattr(app, "Recogniser", known)
    folder, ready, found = tmp_path / "given", threading.Event(), {}
    folder.mkdir()

    async def serve():
        sockets = tornado.netutil.bind_sockets(0, app.HOST)
        server = tornado.httpserver.HTTPServer(app.application(app.Work(folder)))
        server.add_sockets(sockets)
        found.update(port=sockets[0].getsockname()[1], loop=asyncio.get_running_loop(), stop=asyncio.Event())
        ready.set()
        await found["stop"].wait()
        server.stop()
        await server.close_all_connections()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    ready.wait()
    yield found["port"], folder
    found["loop"].call_soon_threadsafe(found["stop"].set)
    thread.join()


def send(port, content, headers, *, length=None):
    """Send a video; `length` replaces the header that declares its length."""
    connection = http.client.HTTPConnection(app.HOST, port, timeout=60)
    connection.putrequest("POST", "/recognise", skip_host="Host" in headers)
    lengths = {"Content-Length": len(content)} if length is None else length
    for name, value in (lengths | headers).items():
        connection.putheader(name, value)
    connection.endheaders(content)
    answer = connection.getresponse()
    return answer.status, answer


def head_of(content):
    """What a browser sends before a file."""
    lines = (
        "POST /recognise HTTP/1.1",
        f"Host: {app.HOST}",
        "X-Name: a.mp4",
        f"Content-Length: {len(content)}",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def told(answer):
    return [json.loads(line) for line in answer.read().decode().splitlines()]


def test_a_video_is_answered_and_removed(served, clip):
    port, folder = served
    status, answer = send(port, clip.read_bytes(), {"X-Name": "a%20%3Cb%3E.mp4"})
    *shares, last = told(answer)
    assert status == 200
    assert [one["share"] for one in shares] == sorted(one["share"] for one in shares)
    assert shares[-1]["share"] == 1
    assert "<h2>a &lt;b&gt;.mp4</h2>" in last["article"]
    assert "<th>violin</th>" in last["article"]
    assert "src=" not in last["article"].partition("<video")[2].partition(">")[0]  # the browser has the file
    assert list(folder.iterdir()) == []


def test_what_is_no_video_is_one_line_and_removed(served):
    port, folder = served
    _, answer = send(port, b"no video", {"X-Name": "notes.txt"})
    (line,) = told(answer)
    assert line["error"].startswith("notes.txt: ")
    assert str(folder) not in line["error"]
    assert "\n" not in line["error"]
    assert list(folder.iterdir()) == []


def test_too_large_a_video_is_refused_before_it_is_kept(served, monkeypatch):
    port, folder = served
    monkeypatch.setattr(app, "MAX_BYTES", 2**20)
    status, answer = send(port, bytes(3 * 2**20), {"X-Name": "long.mp4"})
    assert status == 413
    assert told(answer) == [{"error": "long.mp4: expected at most 1 MiB, got 3 MiB"}]
    _, answer = send(port, bytes(2**20 + 1), {"X-Name": "long.mp4"})
    assert told(answer) == [{"error": "long.mp4: expected at most 1 MiB, got 2 MiB"}]
    assert list(folder.iterdir()) == []


def test_a_video_that_does_not_say_how_large_it_is_is_refused_when_it_is_too_large(served, monkeypatch):
    port, folder = served
    monkeypatch.setattr(app, "MAX_BYTES", 2**20)
    part = b"80000\r\n" + bytes(0x80000) + b"\r\n"
    status, answer = send(port, 3 * part + b"0\r\n\r\n", {"X-Name": "long.mp4"}, length=CHUNKED)
    assert status == 413
    assert told(answer) == [{"error": "long.mp4: expected at most 1 MiB, got more"}]
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("size", [10, 300_000], ids=["noticed at the end", "noticed on the way"])
def test_a_video_that_the_disk_has_no_room_for_is_one_line(served, monkeypatch, caplog, size):
    port, folder = served
    (folder / "full").symlink_to("/dev/full")
    monkeypatch.setattr(app.uuid, "uuid4", lambda: types.SimpleNamespace(hex="full"))
    status, answer = send(port, bytes(size), {"X-Name": "a.mp4"})
    assert status == 507
    reason = f"cannot be kept in {folder} while it is judged: No space left on device"
    assert told(answer) == [{"error": f"a.mp4: {reason}"}]
    assert "Traceback" not in caplog.text
    assert list(folder.iterdir()) == []


def test_an_empty_file_is_one_line(served):
    port, folder = served
    status, answer = send(port, b"", {"X-Name": "a%1B%5C.mp4"})
    assert status == 400
    assert told(answer) == [{"error": r"a\x1b\x5c.mp4: expected a video or a recording, got an empty file"}]
    assert list(folder.iterdir()) == []


def test_a_single_picture_that_lasts_no_time_is_answered(served, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    picture = write_video(tmp_path / "one.ts", times=[0.0], picture=noise, picture_codec="mpeg2video")
    assert media.probe(picture).duration == 0
    port, _ = served
    _, answer = send(port, picture.read_bytes(), {"X-Name": r"back%5Cslash.ts"})
    *shares, last = told(answer)
    assert shares == [{"share": 1}]
    assert r"<h2>back\x5cslash.ts</h2>" in last["article"]


def test_pictures_that_cannot_be_decoded_are_a_note_that_names_no_file(served, clip, monkeypatch):
    def undecodable(path):
        raise MediaError(f"{path}: the picture stream has no frame")
        yield

    monkeypatch.setattr(recogniser, "pictures", undecodable)
    port, folder = served
    _, answer = send(port, clip.read_bytes(), {"X-Name": "a.mp4"})
    article = told(answer)[-1]["article"]
    assert "Visual was not judged: the picture stream has no frame." in article
    assert str(folder) not in article


def test_a_defect_is_a_line_for_the_browser_and_a_traceback_for_the_terminal(served, clip, monkeypatch, caplog):
    port, folder = served
    monkeypatch.setattr(app.page, "article", lambda *_: {}["violin"])
    _, answer = send(port, clip.read_bytes(), {"X-Name": "a.mp4"})
    assert told(answer)[-1] == {"error": "a.mp4: cannot be judged: KeyError: 'violin'"}
    assert "Traceback" in caplog.text
    assert list(folder.iterdir()) == []


def test_an_upload_that_breaks_off_leaves_nothing(served, clip):
    port, folder = served
    with socket.create_connection((app.HOST, port)) as connection:
        connection.sendall(head_of(bytes(100_000)) + bytes(1000))
    _, answer = send(port, clip.read_bytes(), {"X-Name": "a.mp4"})  # the next one is answered
    assert "article" in told(answer)[-1]
    assert list(folder.iterdir()) == []


def test_what_nobody_waits_for_any_more_stops_in_sound_and_pictures_without_a_word(held, served, clip, caplog):
    port, folder = served
    content = clip.read_bytes()
    with socket.create_connection((app.HOST, port)) as connection:
        connection.sendall(head_of(content) + content)
        held.begun.wait(60)
    _, answer = send(port, b"no video", {"X-Name": "next.mp4"})  # waits for its turn
    assert told(answer)[0]["error"].startswith("next.mp4: ")
    assert sorted(held.steps) == ["pictures", "sound"]
    assert caplog.text == ""
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-Name": "a.mp4", "Host": "evil.example"}, 404),
        ({}, 403),
        ({"X-Name": "a.mp4", "Content-Length": "abc"}, 400),
    ],
    ids=["by the name of another host", "without the page's header", "of a length that is no number"],
)
def test_what_the_page_does_not_send_is_not_answered(served, clip, caplog, headers, status):
    port, folder = served
    assert send(port, clip.read_bytes(), headers)[0] == status
    assert "Traceback" not in caplog.text
    assert list(folder.iterdir()) == []


def test_the_page_allows_no_connection_but_to_itself(served):
    port, _ = served
    with urllib.request.urlopen(f"http://localhost:{port}/") as answer:
        policy, text = answer.headers["Content-Security-Policy"], answer.read().decode()
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "http" not in policy + text


def test_a_port_that_is_taken_is_one_line(served):
    port, _ = served
    with pytest.raises(ParameterError, match=rf"--port: {port} cannot be used: .*; name another"):
        app.serve(port)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system: install chromium to run the browser tests")
def test_in_a_browser_a_clip_is_answered_and_what_is_none_is_a_line(served, clip, tmp_path):
    from playwright.sync_api import sync_playwright

    port, folder = served
    notes, errors, requests = tmp_path / "notes.txt", [], []
    notes.write_text("no video")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 360, "height": 800})
        page.on("console", lambda message: errors.append(message.text))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"http://{app.HOST}:{port}/")
        page.set_input_files("input[type=file]", clip)
        page.wait_for_selector("article")
        assert page.inner_text("h2") == "a <b>.mp4"
        assert {"violin", "cello"} <= set(page.locator(".answer th").all_inner_texts())
        page.wait_for_function("document.querySelector('video').videoWidth === 64")
        page.locator(".track").first.click()  # in its middle
        assert page.evaluate("document.querySelector('video').currentTime") == pytest.approx(2.5, abs=0.1)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.set_input_files("input[type=file]", notes)
        page.wait_for_selector("#said.wrong")
        assert page.inner_text("#said").startswith("notes.txt: ")
        assert page.locator("article").count() == 0
        browser.close()
    assert errors == []
    own = (f"http://{app.HOST}:{port}/", f"blob:http://{app.HOST}:{port}/", "data:")
    assert [url for url in requests if not url.startswith(own)] == []
    assert list(folder.iterdir()) == []


@contextlib.contextmanager
def started(folder, before):
    """The command, after a line of Python, its port, and where its files of the time are."""
    code = f"import signal; {before}; from instrec_utils.__main__ import run; run()"
    weights = {"TMPDIR": str(folder), "INSTREC_WEIGHTS": str(folder), "INSTREC_DATA": str(folder)}
    command = [sys.executable, "-c", code, "app", "--port", "0"]
    with subprocess.Popen(command, env=os.environ | weights, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().split()[2]
            assert address.startswith("http://127.0.0.1:")
            yield process, int(address.strip("/").rpartition(":")[2])
        finally:
            process.kill()  # else leaving the block waits for it for ever


def page_of(port):
    with urllib.request.urlopen(f"http://{app.HOST}:{port}/") as answer:
        return answer.read().decode()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_the_command_serves_this_machine_alone_and_leaves_nothing(tmp_path, name):
    with started(tmp_path, f"signal.signal(signal.{name}, signal.SIG_DFL)") as (process, port):
        assert "Drop a video" in page_of(port)
        with socket.create_connection((app.HOST, port)) as connection:
            connection.sendall(head_of(bytes(100_000)) + bytes(1000))
            until = time.monotonic() + 60
            while not list(tmp_path.glob("instrec-*/*")):
                assert time.monotonic() < until
                time.sleep(0.05)
            process.send_signal(signal.Signals[name])
            assert process.wait(60) == 130
    assert list(tmp_path.glob("instrec-*")) == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_the_command_outlives_its_terminal_where_nohup_says_so(tmp_path):
    with started(tmp_path, "signal.signal(signal.SIGHUP, signal.SIG_IGN)") as (process, port):
        process.send_signal(signal.SIGHUP)
        assert "Drop a video" in page_of(port)
        process.terminate()
        assert process.wait(60) == 130
