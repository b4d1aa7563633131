"""The kit: what is in its folder, what is not, and how a participant goes through it with the keyboard alone."""

import json
import shutil

import pandas as pd
import pytest
from tiny_kit import LABELS, write_corpus
from tiny_videos import tone, write_video

from instrec_utils import media
from instrec_utils.errors import CorpusError, MediaError, ParameterError
from instrec_utils.listeners import answers, kit

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking")
PATIENCE = 60_000  # milliseconds, of a browser on a busy machine


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Make a corpus and a kit of it once; return the corpus, the kit's folder and its key."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("INSTREC_HOME", str(home))
        patch.setenv("INSTREC_DATA", str(home / "data"))
        corpus = write_corpus()
        page, key = kit.write_kit(corpus, home / "kit")
    return corpus, page.parent, key


def content_of(folder):
    """Return what a kit's page knows."""
    text = (folder / "index.html").read_text(encoding="utf-8")
    return json.loads(text.partition('<script type="application/json" id="kit">')[2].partition("</script>")[0])


def test_a_kit_has_each_test_clip_under_a_neutral_name(made):
    corpus, folder, key = made
    content, names = content_of(folder), pd.read_csv(key)
    assert content["choices"] == LABELS
    assert [clip["name"] for clip in content["clips"]] == ["clip-001", "clip-002", "clip-003", "clip-004"]
    assert sorted(names["video_id"]) == sorted(corpus.split("test")["video_id"])
    assert list(names["clip"]) == [clip["name"] for clip in content["clips"]]
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    clips = {f"clips/{clip['name']}.{suffix}" for clip in content["clips"] for suffix in ("mp4", "jpg")}
    assert files == {"index.html"} | clips
    assert key.name == f"key-{content['id']}.csv"
    assert not key.is_relative_to(folder)


def test_nothing_in_the_folder_tells_which_clip_is_which(made):
    corpus, folder, _ = made
    told = [*corpus.index["video_id"], *corpus.index["path"], *LABELS, "my cello", "my flute"]
    assert b"my cello" in next(corpus.videos.rglob("cello-0.mp4")).read_bytes(), "else the title is no trap"
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes().lower()
            if path.name == "index.html":  # which has the classes once each, as the choices
                choices = json.dumps(LABELS).encode()
                assert content.count(choices) == 1
                content = content.replace(choices, b"")
            found = [word for word in told if word.encode() in content or word in path.name]
            assert not found, path


def test_a_kit_is_never_overwritten(made):
    corpus, folder, _ = made
    with pytest.raises(ParameterError, match="there is a kit or something else already"):
        kit.write_kit(corpus, folder)


def test_a_kit_that_cannot_be_finished_leaves_nothing(home):
    corpus = write_corpus()
    (corpus.videos / "videos" / "flute-3.mp4").write_bytes(b"no video")
    with pytest.raises(MediaError, match=r"flute-3\.mp4: not a plain media file"):
        kit.write_kit(corpus, home / "new" / "kit")
    assert list((home / "new").iterdir()) == []
    assert not (home / "runs").exists()


def test_a_corpus_without_test_clips_has_no_kit(home):
    corpus = write_corpus()
    with pytest.raises(CorpusError, match="tiny: expected test clips"):
        kit.write_kit(
            type(corpus)("tiny", "demo", corpus.directory, corpus.videos, corpus.index.iloc[:0]), home / "kit"
        )


def test_the_page_is_made_whatever_the_classes_are_called():
    content = {"id": "1-x", "choices": ["</script><b>", 'a "b"', "Flöte 笛"], "cannotTell": "cannot tell", "clips": []}
    page = kit.page_of(content)
    assert "</script><b>" not in page
    text = page.partition('id="kit">')[2].partition("</script>")[0]
    assert json.loads(text) == content


@pytest.mark.parametrize("streams", ["both", "picture", "sound"])
def test_a_plain_copy_has_the_same_streams_and_length(tmp_path, streams):
    times = [] if streams == "sound" else [number / 10 for number in range(20)]
    sound = None if streams == "picture" else tone(2.0, 44_100)
    source = write_video(tmp_path / "a.mkv", times=times, sound=sound, title="my cello")
    media.write_plain_copy(source, tmp_path / "copy.mp4")
    info = media.probe(tmp_path / "copy.mp4")
    assert (info.has_picture, info.has_sound) == (streams != "sound", streams != "picture")
    assert info.duration == pytest.approx(2.0, abs=0.15)
    assert b"cello" not in (tmp_path / "copy.mp4").read_bytes()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this system: install chromium to run the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=2 * PATIENCE)
        yield launched
        launched.close()


@pytest.fixture
def participant(browser, made):
    """Give a page of the kit that notes every error and every request beyond the disk."""
    context = browser.new_context(viewport={"width": 360, "height": 740}, accept_downloads=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda one: None if one.url.startswith(("file:", "blob:")) else page.problems.append(one.url))
    page.goto((made[1] / "index.html").as_uri())
    yield page
    assert page.problems == []
    context.close()


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def begin(page, number):
    """Go from the top of the page to the first clip."""
    while page.evaluate("document.activeElement.id") != "participant":
        press(page, "Tab")
    page.keyboard.type(str(number))
    press(page, "Tab", "Space", "Tab", "Enter")
    page.wait_for_selector("#play:focus")


def until(page, expression):
    """Wait until an expression is true of the page, which forbids the browser to evaluate one by itself."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"not in a minute: {expression}")


def play(page):
    """Play the clip on screen, whose button has the focus, until it is said to be played."""
    press(page, "Enter")
    until(page, "current().played > 0")


def title(page):
    return page.text_content("#clip-title")


def order_of(page):
    return page.evaluate("order.map(clip => clip.name)")


def saved(page, button, path):
    with page.expect_download() as download:
        page.focus(button)
        press(page, "Enter")
    download.value.save_as(path)
    return path


@pytest.mark.browser
@pytest.mark.slow
def test_a_participant_answers_reloads_finishes_and_saves_by_keyboard_alone(participant, made, tmp_path):
    page, (corpus, folder, key) = participant, made
    begin(page, 7)
    order = order_of(page)
    given = {}
    for number, letter in enumerate("cf"):
        assert title(page) == f"Clip {number + 1} of 4"
        play(page)
        press(page, "Tab", letter, "Enter")
        given[order[number]] = LABELS["cf".index(letter)]
    until(page, "document.title.startsWith('Clip 3')")
    page.reload()
    begin(page, 7)
    assert title(page) == "Clip 3 of 4", "it goes on where it was"
    assert order_of(page) == order
    press(page, "Tab", "c", "c")  # the same letter again: the next choice that begins with it
    assert page.evaluate("document.activeElement.value") == kit.CANNOT_TELL
    press(page, "Enter")
    assert page.text_content("#problem") == "Please play the clip first."
    play(page)
    press(page, "Tab", "Enter")
    given[order[2]] = kit.CANNOT_TELL
    until(page, "document.title.startsWith('Clip 4')")
    play(page)
    press(page, "Tab", "Enter")
    assert page.text_content("#problem") == "Please choose one answer."
    press(page, "ArrowDown", "Shift+Tab")
    given[order[3]] = "flute"
    until(page, "video.ended")
    assert page.text_content("#play") == "Play again"
    press(page, "Enter")
    until(page, "current().played === 2")
    press(page, "Tab", "Enter")
    page.wait_for_selector("#end-title:focus")
    path = saved(page, "#end .save", tmp_path / "answers.csv")
    people, left_out = answers.read_answers([key, path], corpus)
    assert left_out == []
    video_ids = pd.read_csv(key).set_index("clip")["video_id"]
    assert dict(zip(people["video_id"], people["answer"], strict=True)) == {
        video_ids[clip]: answer for clip, answer in given.items()
    }
    assert people["times_played"].tolist() == [1, 1, 1, 2]
    assert (people["seconds"] >= 0).all()  # in tenths: a key that is pressed at once takes none
    assert people["seconds"].iloc[-1] > 0, "this clip was played twice"
    assert people["who"].unique().tolist() == [f"7 of {content_of(folder)['id']}"]


@pytest.mark.browser
@pytest.mark.slow
def test_an_answer_can_be_changed_and_saved_before_the_end(participant, made, tmp_path):
    page, (corpus, _, key) = participant, made
    begin(page, 8)
    play(page)
    press(page, "Tab", "c", "Enter")
    until(page, "document.title.startsWith('Clip 2')")
    page.focus("#back")
    press(page, "Enter")
    until(page, "document.title.startsWith('Clip 1')")
    assert page.evaluate("question.elements.answer.value") == "cello"
    press(page, "Tab", "f")
    people, left_out = answers.read_answers([key, saved(page, "#save-now", tmp_path / "a.csv")], corpus)
    assert left_out == []
    assert people["answer"].tolist() == ["flute"]


@pytest.mark.browser
@pytest.mark.slow
def test_orders_differ_between_participants_and_hold_every_clip(participant):
    orders = [
        participant.evaluate("number => shuffled(kit.clips, placeOf(number)).map(clip => clip.name)", number)
        for number in range(1, 25)
    ]
    assert {tuple(sorted(order)) for order in orders} == {("clip-001", "clip-002", "clip-003", "clip-004")}
    assert len({tuple(order) for order in orders}) > 10
    assert {order[0] for order in orders} == {"clip-001", "clip-002", "clip-003", "clip-004"}


@pytest.mark.browser
@pytest.mark.slow
def test_the_browser_itself_forbids_the_page_to_send_anything(participant):
    forbidden = """() => new Promise(done => {
        addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
        fetch("http://127.0.0.1:9/").catch(() => {});
    })"""
    assert participant.evaluate(forbidden) == "connect-src"
    participant.problems.clear()  # which say so


@pytest.mark.browser
@pytest.mark.slow
def test_where_the_browser_keeps_nothing_the_page_says_so(participant):
    participant.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full'); }; }")
    begin(participant, 9)
    assert participant.is_visible("#unkept")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1440])
def test_the_page_fits_and_every_control_has_a_name(participant, width):
    page = participant
    page.set_viewport_size({"width": width, "height": 800})
    for step in (lambda: None, lambda: begin(page, 30 + width), lambda: page.evaluate("state.position = 4; show()")):
        step()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        unnamed = """[...document.querySelectorAll("input, button, video, progress")].filter(one =>
            one.checkVisibility() && !one.textContent.trim() && !one.ariaLabel && !one.labels?.length
        ).map(one => one.outerHTML)"""
        assert page.evaluate(unnamed) == []


@pytest.mark.browser
@pytest.mark.slow
def test_answers_can_be_removed_from_the_browser(participant):
    page = participant
    begin(page, 10)
    place = page.text_content("#place")
    assert page.evaluate("name => localStorage.getItem(name)", place)
    page.evaluate("() => { state.position = 4; show(); }")
    page.on("dialog", lambda dialog: dialog.accept())
    page.focus("#remove")
    press(page, "Enter")
    page.wait_for_selector("#participant", state="visible")
    assert page.evaluate("name => localStorage.getItem(name)", place) is None


@pytest.mark.browser
@pytest.mark.slow
def test_a_second_window_of_the_same_participant_takes_over(participant, made):
    begin(participant, 11)
    second = participant.context.new_page()
    second.goto(participant.url)
    begin(second, 11)
    play(second)  # what it keeps is another state now
    participant.wait_for_selector("#participant", state="visible")
    assert second.is_visible("#clip")
