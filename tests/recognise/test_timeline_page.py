"""The page of a timeline: what is on it, that it needs nothing else, and that it follows its player."""

import base64
import html
import re
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import tiny_heads
from tiny_videos import tone, write_video

from instrec_utils.config import LABELS
from instrec_utils.recognise import evidence, page, timeline
from instrec_utils.recognise.heads import OUTCOMES
from instrec_utils.recognise.recogniser import Recognition

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
RATE = 44_100
RED = np.full((48, 64, 3), (220, 20, 20), np.uint8)


class Eyes:
    """Sees colours, and where they are: its last map is the picture itself, in 4 places."""

    dense = (np.eye(3), np.zeros(3))
    hidden, has_maximum = "", False
    own = {label: {} for label in LABELS} | {"violin": {0: "fiddle"}}

    def __call__(self, pictures):
        return tiny_heads.see(pictures)

    def last_map(self, picture):
        return cv2.resize(picture.astype(np.float32) / 255, (2, 2), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)


def likely(**scores):
    """Steps [shape=(num_steps, 14)] of what is likely in each."""
    found = np.full((len(next(iter(scores.values()))), len(OUTCOMES)), 0.01)
    for label, values in scores.items():
        found[:, OUTCOMES.index(label)] = values
    return found


@pytest.fixture
def recognition(tmp_path):
    half = RED.copy()
    half[:, 32:] = 0
    path = write_video(tmp_path / "a.mp4", times=np.arange(100) / 10, sound=tone(10, RATE, 200.0), picture=half)
    judges = {"audio": tiny_heads.audio_judge(), "visual": tiny_heads.visual_judge()._replace(network=Eyes())}
    windows = likely(cello=[0.9, 0.2, 0.8], flute=[0.1, 0.7, 0.1])
    frames = likely(violin=[0.6, 0.6, 0.9, 0.4, 0.95])
    return Recognition(path, 10.0, judges, ("A <note>.",), windows, frames)


def written(recognition, folder, name="a.mp4"):
    path = folder / "out.html"
    timeline.write_timeline(path, [(name, recognition)], 3)
    return path


def strips(text):
    """The rows of a timeline: of each modality and instrument how likely it is in each step, and where it is there."""
    row = r'data-modality="(\w+)">(\w+)</span>.*?base64,([^"]+)"'
    found = {}
    for modality, label, content in re.findall(row, text):
        picture = cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), cv2.IMREAD_UNCHANGED)
        found[modality, label] = picture[0, :, 3] / 255, picture[-1, :, 3] > 0
    return found


def test_the_timeline_shows_how_likely_each_is_and_where_it_is_there(tmp_path, recognition):
    found = strips(written(recognition, tmp_path).read_text())
    assert set(found) == {(one, label) for one in ("audio", "visual", "both") for label in ("cello", "flute", "violin")}
    shown, is_there = found["audio", "cello"]
    np.testing.assert_allclose(shown, [0.9, 0.2, 0.8], atol=1 / 255)
    assert is_there.tolist() == [True, False, True]
    assert found["both", "flute"][1].tolist() == [False, True, False]
    assert found["both", "violin"][1].all()  # several at once


def test_one_modality_is_shown_once(tmp_path, recognition):
    alone = Recognition(recognition.path, 10.0, {"audio": recognition.judges["audio"]}, (), recognition.windows, None)
    text = written(alone, tmp_path).read_text()
    assert {modality for modality, _ in strips(text)} == {"audio"}
    assert "<audio controls" in text
    assert "Frames that decided" not in text


def test_the_page_is_one_small_file_in_which_names_are_only_text(tmp_path, recognition):
    path = written(recognition, tmp_path, '<script>alert("x")</script>\n.mp4')
    text = path.read_text()
    assert path.stat().st_size < 150_000
    assert html.escape('<script>alert("x")</script>\\x0a.mp4', quote=True) in text
    assert "A &lt;note&gt;." in text
    assert text.count("<script>") == 1
    assert re.findall(r'(?:src|href)="(?!data:)([^"]*)"', text) == ["a.mp4", "a.mp4"]
    assert "http" not in text


def test_a_page_says_where_its_video_is(tmp_path):
    assert (
        page.address("a.mp4", tmp_path / "videos" / "ä #1.mp4", tmp_path / "pages" / "a.html")
        == "../videos/%C3%A4%20%231.mp4"
    )
    assert (
        page.address("https://example.org/v?a=1", tmp_path / "gone", tmp_path / "a.html") == "https://example.org/v?a=1"
    )


def test_what_was_downloaded_is_linked_not_played(tmp_path, recognition):
    text = written(recognition, tmp_path, "https://example.org/v?a=1&b=2").read_text()
    assert '<a href="https://example.org/v?a=1&amp;b=2">' in text
    assert "<video" not in text


def test_frames_that_decided_are_those_that_say_it_clearly_with_where_the_network_looked(recognition):
    seen = evidence.frames(recognition, "violin")
    assert [frame.seconds for frame in seen] == [0, 4, 8]
    assert [frame.score for frame in seen] == pytest.approx([0.6, 0.9, 0.95])
    assert all(frame.picture.shape == (180, 240, 3) for frame in seen)
    for frame in seen:  # red on the left, where violins are
        assert frame.looked[:, :20].mean() > 0.8
        assert frame.looked[:, -20:].mean() < 0.2
    (clear,) = evidence.frames(recognition, "violin", 1)
    assert clear.seconds == 8


@pytest.mark.parametrize(
    ("height", "width", "shown"), [(8, 4096, (1, 640, 3)), (256, 16, (180, 11, 3))], ids=["wide", "high"]
)
def test_frames_of_any_shape_are_small(tmp_path, recognition, height, width, shown):
    picture = np.full((height, width, 3), (220, 20, 20), np.uint8)
    path = write_video(tmp_path / "wide.mp4", times=np.arange(100) / 10, picture=picture)
    judges = {"visual": recognition.judges["visual"]}
    odd = Recognition(path, 10.0, judges, (), None, recognition.frames)
    assert {frame.picture.shape for frame in evidence.frames(odd, "violin")} == {shown}
    assert written(odd, tmp_path, "wide.mp4").read_text().count("data:image/jpeg") == 3


def test_a_spectrogram_is_as_long_as_the_sound_and_small_however_long(recognition, monkeypatch):
    heard = evidence.spectrogram(recognition, "cello")
    assert heard.levels.shape[0] == 128
    assert heard.levels.shape[1] * heard.column_seconds == pytest.approx(10, abs=0.3)
    assert heard.looked is None  # its network shows no map
    assert heard.levels[:, 50].argmax() < 40  # a low tone
    monkeypatch.setattr(evidence, "MAX_COLUMNS", 6)
    assert evidence.spectrogram(recognition, "cello").levels.shape[1] <= 6


@pytest.fixture
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this system: install chromium to run the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


@pytest.mark.browser
@pytest.mark.slow
def test_in_a_browser_a_click_seeks_the_cursor_follows_and_a_missing_video_is_told(tmp_path, recognition, browser):
    path, errors, requests = written(recognition, tmp_path), [], []
    opened = browser.new_page(viewport={"width": 360, "height": 800})
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("request", lambda request: requests.append(request.url.partition(":")[0]))
    opened.goto(path.as_uri())
    opened.wait_for_function("document.querySelector('video').readyState > 0")
    opened.locator(".track").first.click()  # in its middle
    assert opened.evaluate("document.querySelector('video').currentTime") == pytest.approx(5, abs=0.1)
    assert opened.inner_text(".now") == "0:05 flute, violin"
    opened.evaluate("document.querySelector('video').currentTime = 8")
    opened.wait_for_function("document.querySelector('.now').innerText === '0:08 cello, violin'")
    assert float(
        opened.evaluate("document.querySelector('.charts').style.getPropertyValue('--at')")[:-1]
    ) == pytest.approx(80)
    opened.click("[data-time='4']")
    assert opened.inner_text(".now output") == "0:04"
    assert opened.locator(".look").first.is_visible()
    opened.uncheck("input")
    assert not opened.locator(".look").first.is_visible()
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360
    assert opened.locator(".unplayable").is_hidden()
    Path(recognition.path).unlink()
    opened.goto(path.as_uri())
    opened.wait_for_selector(".unplayable:visible")
    assert set(requests) <= {"file", "data"}
    assert errors == []
