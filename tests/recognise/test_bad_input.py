"""What is named to be recognised and cannot be: a line each."""

import mimetypes
import os
import sys
from pathlib import Path

import pytest

from instrec_utils import media
from instrec_utils.errors import MediaError
from instrec_utils.media.containers import ENDINGS
from instrec_utils.recognise.answers import is_address, named_videos


def told(names):
    return [(name, str(error) if error else None) for name, error in named_videos(map(str, names))]


def test_an_empty_name_is_no_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.mp4").touch()
    assert told([""]) == [("", "expected the name of a video, as in VIDEO=concert.mp4, got an empty one")]


def test_a_folder_that_may_not_be_read_is_told_and_the_others_go_on(tmp_path, monkeypatch):
    videos, closed = tmp_path / "videos", tmp_path / "videos" / "closed"
    closed.mkdir(parents=True)
    for name in ("b.mp4", "a.ogg", ".hidden.mp4", "notes.txt"):
        (videos / name).touch()
    scandir = os.scandir

    def refuse(path):
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    refusal = (str(closed), f"{closed}: cannot be read: Permission denied")
    assert told([videos]) == [(str(videos / "a.ogg"), None), (str(videos / "b.mp4"), None), refusal]
    assert told([closed]) == [refusal]


def test_an_impossible_name_is_left_to_what_opens_it_and_the_others_go_on(tmp_path):
    impossible, possible = str(tmp_path / (300 * "x")), str(tmp_path / "a.mp4")
    assert told([impossible, "a\0b", possible]) == [(impossible, None), ("a\0b", None), (possible, None)]
    with pytest.raises(MediaError) as refused:
        media.probe(Path(impossible))
    assert str(refused.value).startswith(f"{impossible}: cannot be read: ")
    assert str(refused.value).count(impossible) == 1  # an exception's own words have it again, escaped in another way


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="the administrator may enter everything")
def test_what_lies_in_a_folder_that_may_not_be_entered_is_told_by_name(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "a.mp4").touch()
    try:
        closed.chmod(0o600)
        assert told([closed / "a.mp4"]) == told([closed]) == [(str(closed / "a.mp4"), None)]
    finally:
        closed.chmod(0o700)


def test_what_is_a_video_in_a_folder_does_not_depend_on_what_the_machine_knows(tmp_path, monkeypatch):
    monkeypatch.setattr(mimetypes, "guess_type", lambda name: (None, None))
    names = [f"a{ending}" for ending in ENDINGS]
    for name in (*names, "B.MTS", "list.m3u", "list.pls", "notes.mid", "notes.txt"):
        (tmp_path / name).touch()
    assert [name for name, _ in told([tmp_path])] == [str(tmp_path / name) for name in sorted([*names, "B.MTS"])]


def test_hidden_folders_are_left_out_unless_they_are_named(tmp_path):
    (tmp_path / ".trash" / "inner").mkdir(parents=True)
    (tmp_path / ".trash" / "inner" / "old.mp4").touch()
    (tmp_path / "new.mp4").touch()
    assert [name for name, _ in told([tmp_path])] == [str(tmp_path / "new.mp4")]
    assert [name for name, _ in told([tmp_path / ".trash"])] == [str(tmp_path / ".trash" / "inner" / "old.mp4")]


@pytest.mark.parametrize(
    ("name", "is_one"), [("HTTPS://example.org/v", True), ("http://a", True), ("httpd.mp4", False)]
)
def test_an_address_is_known_by_how_it_begins(name, is_one):
    assert is_address(name) == is_one
