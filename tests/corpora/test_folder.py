import shutil
from collections import Counter

import pandas as pd
import pytest

from instrec_utils.corpora.folder import write_folder_index
from instrec_utils.corpora.index import read_index
from instrec_utils.corpora.source import BuildOptions
from instrec_utils.errors import CorpusError

CLASSES = {"violin": 4, "Flöte & Harfe": 3, "drum kit": 5}


def folder_index(root, corpus_dir, seed):
    """Write the index of a folder and read it again."""
    assert write_folder_index(BuildOptions(corpus_dir, root, 0, "stratified", seed)) == root
    return read_index(corpus_dir / "index.csv")


@pytest.fixture
def root(videos, tmp_path):
    """A user's folder: spaces, letters of other alphabets, subfolders, files that are no videos."""
    root = tmp_path / "my videos"
    for label, number_of_videos in CLASSES.items():
        for number in range(number_of_videos):
            place = root / label / ("concert 2019/day 1" if number == 1 else "")
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(videos["single"], place / f"Vidéo {number} (live).mp4")
    (root / "violin" / "notes.txt").write_text("not a video")
    (root / "violin" / "broken.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (root / "violin" / ".hidden.mp4").write_bytes(b"anything")
    (root / ".cache").mkdir()
    (root / ".cache" / "thumb.mp4").write_bytes(b"anything")
    (root / "drum kit" / ".git").mkdir()
    (root / "drum kit" / ".git" / "objects.mp4").write_bytes(b"anything")
    (root / "readme.txt").write_text("a file beside the classes")
    return root


def test_the_index(root, tmp_path):
    index = folder_index(root, tmp_path / "corpus", seed=10)
    assert Counter(index.label) == CLASSES
    assert index.video_id.is_unique
    assert index.video_id.str.fullmatch("[A-Za-z0-9_-]{1,64}").all()
    assert all((root / path).is_file() for path in index.path)
    assert (index.path.str.split("/").str[0] == index.label).all()
    assert sum("concert 2019/day 1" in path for path in index.path) == 3
    assert index.duration.between(1.9, 2.2).all()
    for _, rows in index.groupby("label"):
        assert set(rows.split) == {"train", "validation", "test"}


def test_what_is_skipped_is_listed_with_its_reason(root, tmp_path):
    folder_index(root, tmp_path / "corpus", seed=10)
    skipped = pd.read_csv(tmp_path / "corpus" / "skipped.csv").set_index("path")
    assert sorted(skipped.index) == ["violin/broken.mp4", "violin/notes.txt"]
    assert skipped.reason["violin/notes.txt"].startswith("not a plain media file; allowed are mp4")
    assert str(root) not in skipped.reason["violin/notes.txt"]
    assert skipped.reason["violin/broken.mp4"]


def test_the_same_folder_gives_the_same_index(root, tmp_path):
    first = folder_index(root, tmp_path / "first", seed=10)
    again = folder_index(root, tmp_path / "again", seed=10)
    pd.testing.assert_frame_equal(first, again)
    moved = folder_index(root.rename(tmp_path / "moved"), tmp_path / "third", seed=10)
    pd.testing.assert_frame_equal(first, moved)  # nothing depends on where the folder is
    splits = {tuple(folder_index(tmp_path / "moved", tmp_path / "other", seed=seed).split) for seed in range(4)}
    assert len(splits) > 1


def test_an_id_stays_when_other_videos_come_and_go(root, tmp_path, videos):
    before = folder_index(root, tmp_path / "corpus", seed=10).set_index("path").video_id
    shutil.copy(videos["silent"], root / "violin" / "another.mp4")
    (root / "drum kit" / "Vidéo 0 (live).mp4").unlink()
    after = folder_index(root, tmp_path / "corpus", seed=10).set_index("path").video_id
    both = before.index.intersection(after.index)
    assert len(both) == len(before) - 1
    assert (before[both] == after[both]).all()


def test_labels_that_differ_in_punctuation_only_do_not_collide(videos, tmp_path):
    for label in ("a b", "a-b", "é", "ü", "日本"):
        (tmp_path / "root" / label).mkdir(parents=True)
        for number in range(3):
            shutil.copy(videos["single"], tmp_path / "root" / label / f"{number}.mp4")
    index = folder_index(tmp_path / "root", tmp_path / "corpus", seed=10)
    assert index.video_id.is_unique
    assert index.label.nunique() == 5


def test_a_class_with_too_few_readable_videos(root, tmp_path):
    for name in ("Vidéo 0 (live).mp4", "Vidéo 2 (live).mp4"):
        (root / "violin" / name).write_text("no longer a video")
    with pytest.raises(CorpusError, match=r"my videos: .*at least 3 .*violin has 2.*skipped\.csv") as caught:
        folder_index(root, tmp_path / "corpus", seed=10)
    assert "drum kit" not in str(caught.value)
    assert len(pd.read_csv(tmp_path / "corpus" / "skipped.csv")) == 4
    assert not (tmp_path / "corpus" / "index.csv").exists()


@pytest.mark.parametrize("content", ["missing", "file", "empty", "loose", "one class", "no video"])
def test_a_folder_without_two_classes(videos, tmp_path, content):
    root = tmp_path / "root"
    if content == "file":
        shutil.copy(videos["single"], root)
    elif content != "missing":
        root.mkdir()
    if content == "loose":
        shutil.copy(videos["single"], root / "a.mp4")
    if content in ("one class", "no video"):
        (root / "violin").mkdir()
        for number in range(4):
            shutil.copy(videos["damaged" if content == "no video" else "single"], root / "violin" / f"{number}.mp4")
    expected = "no such folder" if content in ("missing", "file") else "at least 2 classes"
    with pytest.raises(CorpusError, match=expected) as caught:
        folder_index(root, tmp_path / "corpus", seed=10)
    assert str(root) in str(caught.value)
    assert not (tmp_path / "corpus" / "index.csv").exists()
