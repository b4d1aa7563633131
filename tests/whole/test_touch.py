"""The explorer and what can be touched, in a real browser, from a file on the disk, by mouse and by keyboard."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_results import LABELS, one_hot

from instrec_corpora.staging import write_clip
from instrec_utils import evaluation
from instrec_utils.corpora import Corpus
from instrec_utils.report import explorer, playing

STATIC = Path(__file__).resolve().parents[2] / "book" / "_static"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
TRUTH = [number % 3 for number in range(15)]
ANSWERS = {
    "audio": [(number + (number < 2)) % 3 for number in TRUTH],  # everything but the third class is wrong
    "visual": TRUTH,
    "fusion": TRUTH,
    "mean": [0] * 15,
}
CURVE = {"condition": "frames zeroed", "kind": "fusion", "low": 10.0, "high": 90.0}

pytestmark = pytest.mark.browser


@pytest.fixture
def written(home):
    """Write a page of all of it and return its path."""
    directory = home / "data" / "mine"
    index = pd.DataFrame(
        [(f"v{n:02}", LABELS[label], "test", f"v{n:02}.mp4", 2.0, "clear") for n, label in enumerate(TRUTH)],
        columns=["video_id", "label", "split", "path", "duration", "picture"],
    )
    index.loc[0, "picture"] = "absent"
    sound = 0.1 * np.sin(np.arange(88_200) / 20).astype(np.float32)
    write_clip(directory / "v00.mp4", lambda t: np.full((120, 160, 3), 90, np.uint8), 2.0, sound)
    corpus = Corpus("mine", "folder", directory, directory, index)
    tables = {
        name: evaluation.predictions_table(index["video_id"], np.array(TRUTH), one_hot(np.array(said)), LABELS)
        for name, said in ANSWERS.items()
    }
    points = pd.DataFrame(
        [CURVE | {"condition": "none", "level": "as is", "value": 80.0}, CURVE | {"level": "5", "value": 40.0}]
    )
    parts = [
        explorer.explorer(corpus, explorer.best_answers(tables), "All clips."),
        playing.curve_slider(playing.missing_frames(points, 10), "Points."),
        playing.spectrogram_players(corpus, index.head(1), ["tone"]),
    ]
    names = [path.name for path in sorted(STATIC.glob("*.*")) if path.stem in ("instrec", "explorer", "playing")]
    for name in names:
        shutil.copy(STATIC / name, home)
    head = "".join(
        f'<script src="{name}"></script>' if name.endswith("js") else f'<link rel="stylesheet" href="{name}">'
        for name in names
    )
    head += "<style>* { box-sizing: border-box; }</style>"  # as the book's theme has it
    body = "".join(part.data for part in parts).replace("../runs/", "runs/")
    path = home / "page.html"
    path.write_text(f'<!doctype html><html lang="en"><meta charset="utf-8">{head}<body>{body}</body></html>', "utf-8")
    return path


@pytest.fixture
def opened(written):
    if CHROMIUM is None:
        pytest.skip("no Chromium on this system: install chromium to run the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])

        def open_page(**options):
            tab = browser.new_context(viewport={"width": 360, "height": 800}, **options).new_page()
            tab.errors = []
            tab.on("pageerror", lambda error: tab.errors.append(str(error)))
            tab.goto(written.as_uri(), wait_until="load")
            return tab

        yield open_page
        browser.close()


def counted(tab):
    return tab.locator(".explorer output").inner_text()


def test_filters_and_cells_choose_the_clips_that_they_count(opened):
    tab = opened()
    assert counted(tab) == "15 of 15 clips"
    assert tab.locator(".clips tbody tr:visible").count() == 12
    tab.get_by_role("button", name="Show 3 more").click()
    assert tab.locator(".clips tbody tr:visible").count() == 15
    tab.get_by_role("button", name=f"{LABELS[0]} taken for {LABELS[1]}: 5").click()
    assert counted(tab) == "5 of 15 clips"
    shown = tab.locator(".clips tbody tr:visible")
    assert {row.get_attribute("data-label") for row in shown.all()} == {LABELS[0]}
    tab.locator("select[name=picture]").select_option("absent")
    assert counted(tab) == "1 of 15 clips"
    tab.get_by_role("button", name="Show all").click()
    tab.locator(".explorer output", has_text="15 of 15").wait_for()
    tab.locator("select[name=who]").select_option(label="of the two alone, only visual right")
    assert counted(tab) == "10 of 15 clips"
    assert not tab.errors


def test_the_keyboard_reaches_cells_and_clips(opened):
    tab = opened()
    tab.get_by_role("button", name="Show all").focus()
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.ariaLabel") == f"{LABELS[0]} taken for {LABELS[1]}: 5"
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate("document.activeElement.ariaLabel").startswith(f"{LABELS[1]} taken for {LABELS[2]}")
    tab.keyboard.press("Enter")
    assert counted(tab) == "5 of 15 clips"
    assert tab.evaluate("document.activeElement.ariaPressed") == "true"
    tab.keyboard.press("Enter")
    assert counted(tab) == "15 of 15 clips"
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "play"
    tab.keyboard.press("Enter")
    tab.wait_for_function("document.querySelector('.explorer video')?.currentTime > 0")
    assert tab.evaluate("document.activeElement.tagName") == "VIDEO"


def test_without_scripts_a_plain_table_has_every_clip(opened):
    tab = opened(java_script_enabled=False)
    assert tab.locator(".clips tbody tr:visible").count() == 15
    assert tab.locator(".clips thead").is_visible()
    assert not tab.locator(".explorer form").is_visible()


def test_the_cursor_follows_the_player_and_the_player_the_cursor(opened):
    tab = opened()
    tab.evaluate("document.querySelectorAll('video').forEach(one => { one.muted = true; })")
    plot = tab.get_by_role("slider", name="Position in the excerpt")
    box = plot.bounding_box()
    plot.click(position={"x": box["width"] / 2, "y": 5})
    assert tab.evaluate("document.querySelector('.spectrogram video').currentTime") == pytest.approx(1.0, abs=0.1)
    plot.press("ArrowRight")
    assert tab.evaluate("document.querySelector('.spectrogram video').currentTime") == pytest.approx(1.25, abs=0.1)
    plot.press("Home")
    plot.press(" ")
    tab.wait_for_function("parseFloat(document.querySelector('.plot .cursor').style.left) > 10")


def test_what_lies_between_measured_points_is_said_to_be_interpolated(opened):
    tab = opened()
    slider, said = tab.locator(".slider input"), tab.locator(".slider .said")
    slider.fill("50")
    assert "50 % missing: measured" in said.inner_text()
    assert "fusion: 40.0 % (95 % interval 10.0 to 90.0)" in said.inner_text()
    slider.fill("25")
    assert "interpolated" in said.inner_text()
    assert "about 60 %" in said.inner_text()
    slider.fill("80")
    assert "fusion: not measured" in said.inner_text()
    slider.fill("100")
    assert "nothing left" in said.inner_text()


def test_a_phone_shows_letters_of_a_drawing_that_can_be_read(opened):
    tab = opened()
    height = (
        "Math.max(...[...document.querySelectorAll('.slider svg[role=img] text')].map(one => one.getBBox().height))"
    )
    scale = "document.querySelector('.slider svg[role=img]').getScreenCTM().a"
    assert tab.evaluate(height) * tab.evaluate(scale) > 11  # pixels


def test_nothing_is_wider_than_a_phone(opened):
    assert opened().evaluate("document.scrollingElement.scrollWidth") <= 360
