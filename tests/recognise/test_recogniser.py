"""What is recognised in small videos by networks that know tones and colours."""

import functools
import http.server
import json
import os
import re
import sys
import threading

import numpy as np
import pytest
import tiny_heads
import tqdm
from tiny_videos import tone, write_video
from typer.testing import CliRunner

from instrec_utils import __main__, media
from instrec_utils.errors import MediaError
from instrec_utils.recognise import command as commands
from instrec_utils.recognise import recogniser
from instrec_utils.recognise.answers import as_plain_data, as_text
from instrec_utils.recognise.heads import OUTCOMES
from instrec_utils.recognise.recogniser import Recogniser

RATE = 44_100
RED = np.full((48, 64, 3), (220, 20, 20), np.uint8)
GREY = np.full((48, 64, 3), 128, np.uint8)


@pytest.fixture
def known(monkeypatch):
    """The recogniser's networks replaced by those that know tones and colours; the dictionary changes the audio's."""
    audio = {"judge": tiny_heads.audio_judge(), "note": ""}
    monkeypatch.setattr(recogniser, "VisualNetwork", lambda: tiny_heads.see)
    monkeypatch.setattr(recogniser, "read_head", lambda name: tiny_heads.visual_judge().head)
    monkeypatch.setattr(recogniser, "_audio_judge", lambda: (audio["judge"], audio["note"]))
    return audio


def video(path, *, seconds=10, picture=RED, frequency=200.0, silent_from=None):
    sound = None
    if frequency:
        sound = tone(seconds, RATE, frequency)
        sound[len(sound) if silent_from is None else silent_from * RATE :] = 0
    times = np.arange(10 * seconds) / 10 if picture is not None else ()
    return write_video(path, times=times, sound=sound, picture=picture)


def recognise(path, **options):
    return Recogniser().recognise(path, **options)


def top(recognition, modality):
    return OUTCOMES[recognition.overall()[modality].argmax()]


def test_sound_and_pictures_are_judged_in_steps(tmp_path, known):
    found = recognise(video(tmp_path / "a.mp4"))
    assert (top(found, "audio"), top(found, "visual")) == ("cello", "violin")
    assert set(found.ranked()[:2]) == {"cello", "violin"}
    assert found.overall()["both"][:-1].max() == pytest.approx(0.5, abs=0.02)
    timeline = found.timeline()
    assert {name: steps.shape for name, steps in timeline.items()} == dict.fromkeys(
        ("audio", "visual", "both"), (3, 14)
    )
    assert found.seconds == pytest.approx(10, abs=0.2)
    there = found.is_there()
    assert there["both"].sum(axis=1).tolist() == [2, 2, 2]  # both of them at once
    assert there["audio"].sum() == there["visual"].sum() == 3


def test_what_is_silent_says_nothing_of_the_rest(tmp_path, known):
    found = recognise(video(tmp_path / "a.mp4", seconds=12, silent_from=3))
    assert [OUTCOMES[step.argmax()] for step in found.timeline()["audio"]] == ["cello", "none", "none"]
    assert found.overall()["audio"][OUTCOMES.index("cello")] > 0.9


@pytest.mark.parametrize(
    ("lacking", "options"), [("visual", {"picture": None}), ("audio", {"frequency": None})], ids=["sound", "pictures"]
)
def test_one_modality_is_enough(tmp_path, known, lacking, options):
    found = recognise(video(tmp_path / "a.mp4", **options))
    assert lacking not in found.judges
    assert len(found.notes) == 1
    assert set(found.timeline()) == {"audio", "visual", "both"} - {lacking}
    data = as_plain_data("a.mp4", found, 3)
    assert data[f"{lacking}_network"] is data["timeline"][lacking] is data["instruments"][0][lacking] is None


def test_none_of_them_is_an_answer(tmp_path, known):
    found = recognise(video(tmp_path / "a.mp4", picture=GREY, silent_from=0))
    assert top(found, "both") == "none"
    assert not found.is_there()["both"].any()
    assert as_text("a.mp4", found, 1).splitlines()[1].startswith("  none of these")


def test_without_an_audio_network_the_pictures_are_judged_and_a_note_says_so(tmp_path, known):
    known.update(judge=None, note="Audio was not judged.")
    found = recognise(video(tmp_path / "a.mp4"))
    assert list(found.judges) == ["visual"]
    assert found.notes == ("Audio was not judged.",)
    assert as_text("a.mp4", found, 1).endswith("Audio was not judged.")
    with pytest.raises(MediaError, match=r"b\.mp4: cannot be judged: There are no pictures\. Audio was not judged\."):
        recognise(video(tmp_path / "b.mp4", picture=None))


def test_a_note_says_why_the_audio_network_is_not_a_better_one(tmp_path, known):
    known.update(note="Audio was judged by another network.")
    assert recognise(video(tmp_path / "a.mp4")).notes == ("Audio was judged by another network.",)
    assert len(recognise(video(tmp_path / "b.mp4", frequency=None)).notes) == 1  # there is no sound to be judged


def test_the_frames_that_decided(tmp_path, known):
    found = recognise(video(tmp_path / "a.mp4"))
    assert len(found.deciding_frames("violin", 3)) == 3
    assert (np.diff(found.deciding_frames("violin", 3)) > 0).all()
    assert len(recognise(video(tmp_path / "b.mp4", picture=None)).deciding_frames("violin", 3)) == 0


def test_a_window_of_sound_is_as_the_whole_sound_has_it(tmp_path):
    path = write_video(tmp_path / "a.mp4", sound=np.random.default_rng(0).normal(size=9 * RATE) / 10)
    windows = list(media.read_windows(path, 32_000, 4))
    whole = media.read_sound(path, (32_000,))[32_000]
    assert [len(window) for window in windows] == [128_000, 128_000, len(whole) - 256_000]
    np.testing.assert_array_equal(np.concatenate(windows), whole)


@pytest.fixture
def command(known):
    def call(*arguments):
        return CliRunner().invoke(__main__.app, ["recognise", *map(str, arguments)], catch_exceptions=False)

    return call


def test_the_command_answers_in_text(tmp_path, command):
    said = command(video(tmp_path / "a.mp4"), "--top", "1")
    assert said.exit_code == 0
    assert said.stdout.splitlines()[0].endswith("a.mp4 (0:10)")
    assert len(said.stdout.splitlines()) == 5  # the name, an instrument, none of these, two networks


def test_the_command_answers_in_json(tmp_path, command):
    path = video(tmp_path / "a.mp4")
    said = json.loads(command(path, "--json", "--top", "2").stdout)
    assert (said["format"], said["errors"]) == (1, [])
    (one,) = said["videos"]
    assert set(one) == {
        *("video", "seconds", "audio_network", "visual_network", "notes", "instruments", "none_of_these", "timeline")
    }
    assert one["video"] == str(path)
    assert (one["audio_network"], one["visual_network"]) == ("Ears", "EfficientNet-Lite0")
    assert [set(instrument) for instrument in one["instruments"]] == [{"label", "score", "audio", "visual"}] * 2
    assert set(one["none_of_these"]) == {"score", "audio", "visual"}
    timeline = one["timeline"]
    assert set(timeline) == {"step_seconds", "labels", "audio", "visual", "both", "present"}
    assert timeline["labels"] == list(OUTCOMES)
    assert np.shape(timeline["both"]) == (3, 14)
    assert timeline["present"] == [["cello", "violin"]] * 3


def test_the_timeline_is_a_page_or_a_picture(tmp_path, command):
    path = video(tmp_path / "a <b>.mp4")
    page, picture = tmp_path / "out.html", tmp_path / "out.png"
    assert command(path, "--timeline", page).exit_code == command(path, "--timeline", picture).exit_code == 0
    text = page.read_text()
    assert "a &lt;b&gt;.mp4" in text
    assert "<b>" not in text
    assert text.count("data:image/jpeg") == 4  # the spectrogram, and the frames that decided
    assert picture.read_bytes().startswith(b"\x89PNG")


def bad_inputs(folder):
    text = folder / "notes.mp4"
    text.write_text("no video")
    (folder / "empty").mkdir()
    (folder / "empty" / "notes.txt").write_text("no video")
    return {
        "no such file": (folder / "gone.mp4", "no such file"),
        "no video": (text, "not a plain media file"),
        "folder": (folder / "empty", "expected videos in this folder, found none"),
        "directory": ("/dev/null", "expected a media file, got something that is not a file"),
    }


@pytest.mark.parametrize("name", ["no such file", "no video", "folder", "directory"])
def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, command, name):
    path, reason = bad_inputs(tmp_path)[name]
    said = command(path, "--json", "--timeline", tmp_path / "out.html")
    assert said.exit_code == 2
    (line,) = said.stderr.splitlines()
    assert line.startswith(f"instrec: {path}: ")
    assert reason in line
    assert json.loads(said.stdout) == {
        "format": 1,
        "videos": [],
        "errors": [{"video": str(path), "reason": line.removeprefix("instrec: ")}],
    }
    assert not (tmp_path / "out.html").exists()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the administrator may read everything")
def test_a_file_that_may_not_be_read_is_one_line(tmp_path, command):
    path = video(tmp_path / "a.mp4")
    path.chmod(0)
    said = command(path)
    assert said.exit_code == 2
    assert "cannot be read" in said.stderr


def test_too_long_a_video_is_refused_unless_it_is_asked_for(tmp_path, command):
    path = video(tmp_path / "a.mp4")
    said = command(path, "--max-hours", "0.001")
    assert said.exit_code == 2
    assert re.search(r"a\.mp4: expected at most 0\.001 hours, got 0:00:1[01]; --max-hours allows more\n$", said.stderr)
    assert command(path).exit_code == 0
    with pytest.raises(MediaError, match=r"a\.mp4: expected at most 0\.001 hours, got 0:00:1[01]$"):  # the page's, too
        recognise(path, max_hours=0.001)


ODD = "e\x1b[31m\udcff\\v.mp4"  # an escape sequence, a byte that is not UTF-8 and a backslash
TOLD = r"e\x1b[31m\xff\x5cv.mp4"


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="no such name can be given there")
def test_an_odd_name_is_escaped_once_wherever_it_is_told(tmp_path, command, monkeypatch):
    def undecodable(path):
        raise MediaError(f"{path}: the picture stream has no frame")
        yield

    bars = []
    monkeypatch.setattr(recogniser, "pictures", undecodable)
    monkeypatch.setattr(commands, "tqdm", lambda **options: bars.append(options["desc"]) or tqdm.tqdm(**options))
    path, page, picture = video(tmp_path / "a.mp4").rename(tmp_path / ODD), tmp_path / "o.html", tmp_path / "o.png"
    said = command(path, "--timeline", page)
    assert said.exit_code == command(path, "--timeline", picture).exit_code == 0
    assert said.stdout.splitlines()[0] == f"{tmp_path}/{TOLD} (0:10)"
    assert said.stdout.splitlines()[-1] == "  Visual was not judged: the picture stream has no frame."
    assert bars == [TOLD] * 2
    text = page.read_text()
    assert f"<h2>{tmp_path}/{TOLD}</h2>" in text
    assert 'src="e%1B%5B31m%FF%5Cv.mp4"' in text
    (tmp_path / ODD).rename(tmp_path / "gone.mp4")
    gone = command(path, "--json")
    assert gone.stderr == f"instrec: {tmp_path}/{TOLD}: no such file\n"
    (error,) = json.loads(gone.stdout)["errors"]
    assert error == {"video": f"{tmp_path}/{TOLD}", "reason": f"{tmp_path}/{TOLD}: no such file"}


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="no such name can be given there")
def test_an_empty_folder_of_an_odd_name_is_escaped_once(tmp_path, command):
    (tmp_path / "emp\\ty").mkdir()
    said = command(tmp_path / "emp\\ty")
    assert said.stderr == rf"instrec: {tmp_path}/emp\x5cty: expected videos in this folder, found none" + "\n"


def test_in_a_batch_the_others_go_on_and_the_code_tells(tmp_path, command):
    folder = tmp_path / "videos"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4"):
        video(folder / name, seconds=1)
    (folder / "broken.mp4").write_text("no video")
    (folder / "notes.txt").write_text("no video")
    said = command(tmp_path / "gone.mp4", folder, "--json")
    assert said.exit_code == 2
    assert len(said.stderr.splitlines()) == 2
    data = json.loads(said.stdout)
    assert [one["video"] for one in data["videos"]] == [str(folder / "a.mp4"), str(folder / "b.mp4")]
    assert [one["video"] for one in data["errors"]] == [str(tmp_path / "gone.mp4"), str(folder / "broken.mp4")]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """Say nothing of a client that hangs up, having read enough: that is no error of the command's."""


@pytest.fixture
def address(tmp_path):
    """Where a folder of one video is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    video(folder / "a.mp4")
    handler = functools.partial(Quiet, directory=str(folder))
    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_address_is_downloaded_judged_and_forgotten(command, address, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(commands.tempfile, "tempdir", str(tmp_path / "temporary"))
    said = command(f"{address}/a.mp4", f"{address}/gone.mp4", "--json")
    assert said.exit_code == 2
    lines = said.stderr.splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith(f"instrec: {address}/gone.mp4: cannot be downloaded: ")
    data = json.loads(said.stdout)
    assert [one["video"] for one in data["videos"]] == [f"{address}/a.mp4"]
    assert {one["label"] for one in data["videos"][0]["instruments"][:2]} == {"cello", "violin"}
    assert list((tmp_path / "temporary").iterdir()) == []


def test_what_is_wrong_with_what_was_downloaded_names_its_address(command, address, monkeypatch):
    titles = []
    monkeypatch.setattr(commands, "tqdm", lambda **options: titles.append(options["desc"]) or tqdm.tqdm(**options))
    said = command(f"{address}/a.mp4", "--json", "--max-hours", "0.001")
    assert said.stderr.startswith(f"instrec: {address}/a.mp4: expected at most 0.001 hours, got ")
    (error,) = json.loads(said.stdout)["errors"]
    assert error["reason"] == said.stderr.removeprefix("instrec: ").strip()
    assert titles == [f"{address}/a.mp4"]


def test_a_timeline_has_one_of_two_forms(tmp_path, command):
    with pytest.raises(Exception, match=r"--timeline: expected a file ending in \.html or \.png, got 'out\.pdf'"):
        command(tmp_path / "a.mp4", "--timeline", "out.pdf")
