"""`make validate` of one's own folder: before any report it says what that will do; after it, what was found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_videos import tone, write_video

from instrec_utils import corpora

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def folder(home):
    """A folder of two classes, one of a name that ASCII lacks, one of a class of one video, and a text."""
    for name in ("notebooks", "params"):
        (home / name).symlink_to(CHECKOUT / name)
    root = home / "my videos"
    for number, label in enumerate(["Fl\u00f6te", "viola da gamba", "harp"]):
        (root / label).mkdir(parents=True)
        for copy in range(3 if label != "harp" else 1):
            sound = tone(4, 8_000, 300 + 100 * number + 30 * copy)
            write_video(root / label / f"{copy}.mp4", times=np.arange(8) / 2, sound=sound, sample_rate=8_000)
    (root / "harp" / "notes.txt").write_text("no video")
    return root


def run_command(home, *arguments, **environment):
    own = {"INSTREC_HOME": str(home), "INSTREC_DATA": str(home / "data"), "PYTHONPATH": str(CHECKOUT)} | environment
    command = [sys.executable, "-P", "-m", "instrec_utils", *arguments]
    done = subprocess.run(command, cwd=home, env=os.environ | own, capture_output=True, timeout=300)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


@pytest.mark.slow
def test_before_a_report_it_says_what_that_will_do_and_keeps_nothing(folder, home):
    before = sorted(home.rglob("*"))
    status, said, _ = run_command(home, "validate", "folder", "--root", "my videos")
    assert status == 0
    assert "6 of 6 videos" not in said
    assert "harp/0.mp4: its class has 1 readable video and lacks 2" in said
    assert "harp/notes.txt: not a plain media file" in said
    assert "A report will tell 2 classes apart, with 2 for train, 2 for validation, 2 for test: " in said
    assert said.rstrip().endswith("minutes or so.")
    assert sorted(home.rglob("*")) == before


@pytest.mark.slow
def test_what_would_stop_a_report_is_an_error_in_one_line(folder, home):
    shutil.rmtree(folder / "viola da gamba")
    status, said, errors = run_command(home, "validate", "folder", "--root", "my videos")
    assert status == 1
    assert "left out: harp/notes.txt" in said
    assert errors.splitlines()[-1].startswith(f"instrec: {folder}: expected at least 2 classes")


@pytest.mark.slow
@pytest.mark.parametrize(
    "terminal", [{"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}, {"PYTHONIOENCODING": "latin-1"}], ids=str
)
def test_after_it_any_terminal_will_do(folder, home, terminal):
    corpora.prepare_corpus("mine", "folder", root=str(folder), split_method="stratified")
    (folder / "viola da gamba" / "1.mp4").write_bytes(b"damaged")
    status, said, errors = run_command(home, "validate", "mine", **terminal)
    assert status == 0, errors
    assert "1 of 6 videos have a finding; 5 are usable." in said
    assert "viola da gamba/1.mp4 (viola-da-gamba-" in said
