"""What is named to be recognised and cannot be: a line each."""

import os
from pathlib import Path

from instrec_utils.recognise.answers import named_videos


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
