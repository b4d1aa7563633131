"""The first thing that a stranger tries: a folder of ordinary videos, the one command, and a book of them."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest
from uploads import NO_VIDEOS, write_uploads

HOME = Path(__file__).resolve().parents[2]
QUICK = {"audio_warm_up_epochs": 1} | {f"{kind}_max_epochs": 1 for kind in ("audio", "visual", "fusion")}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The names that were written by class, what was said, and the folder of the book."""
    home = tmp_path_factory.mktemp("my report")
    for name in ("notebooks", "params", "_toc.yml", "_config.yml", "book", "results"):
        (home / name).symlink_to(HOME / name)
    written = write_uploads(home / "my videos")
    overrides = [part for name, value in QUICK.items() for part in ("-p", f"{name}={value}")]
    command = [sys.executable, "-m", "instrec_utils", "report", "--corpus", "folder", "--root", "my videos", *overrides]
    environment = os.environ | {"INSTREC_HOME": str(home), "INSTREC_DATA": str(home / "data")}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return written, done.stderr, home


@pytest.mark.slow
def test_thirty_ordinary_videos_become_a_book(made):
    written, said, home = made
    html = home / "_build" / "folder" / "_build" / "html"
    assert len(list((html / "folder").glob("0*.html"))) == 9
    with (html / "results" / "folder" / "videos.csv").open(encoding="utf-8", newline="") as file:
        listed = {row["File"] for row in csv.DictReader(file) if row["Split"] != "left out"}
    assert listed == {f"{label}/{name}" for label, names in written.items() for name in names}
    assert "Traceback" not in said
    assert "Warning" not in said


@pytest.mark.slow
def test_what_lies_beside_them_is_listed_with_a_reason(made):
    _, _, home = made
    with (home / "data" / "folder" / "skipped.csv").open(encoding="utf-8", newline="") as file:
        skipped = {Path(row["path"]).name: row["reason"] for row in csv.DictReader(file)}
    assert skipped.keys() == NO_VIDEOS.keys()
    assert all(skipped.values())
