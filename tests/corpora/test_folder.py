import json
import os
import shutil
import socket
import unicodedata
import wave
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from instrec_utils import corpora, paths
from instrec_utils.corpora.folder import write_folder_index
from instrec_utils.corpora.index import read_index
from instrec_utils.corpora.source import BuildOptions
from instrec_utils.errors import CorpusError, ParameterError

CLASSES = {"violin": 4, "Flöte & Harfe": 3, "drum kit": 5}


def folder_index(root, corpus_dir, seed=10, split_method="stratified", **options):
    """Write the index of a folder and read it again."""
    assert write_folder_index(BuildOptions(corpus_dir, root, 0, split_method, seed, **options)) == root
    return read_index(corpus_dir / "index.csv")


def read_skipped(corpus_dir):
    """Return the reason of each file that was left out."""
    return pd.read_csv(corpus_dir / "skipped.csv", keep_default_na=False).set_index("path")["reason"].to_dict()


def read_notes(corpus_dir):
    return json.loads((corpus_dir / "notes.json").read_text(encoding="utf-8"))


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
    assert sorted(skipped.index) == ["readme.txt", "violin/broken.mp4", "violin/notes.txt"]
    assert skipped.reason["readme.txt"] == "beside the folders of the classes, so of no class"
    assert skipped.reason["violin/notes.txt"].startswith("not a plain media file")
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


def test_a_class_with_too_few_readable_videos_is_left_out_with_a_word_on_what_it_lacks(root, tmp_path):
    for name in ("Vidéo 0 (live).mp4", "Vidéo 2 (live).mp4"):
        (root / "violin" / name).write_text("no longer a video")
    (root / "harp").mkdir()
    index = folder_index(root, tmp_path / "corpus")
    assert set(index.label) == {"Flöte & Harfe", "drum kit"}
    assert read_notes(tmp_path / "corpus") == [
        "2 classes are left out: harp has 0 readable videos and lacks 3; violin has 2 readable videos and lacks 1."
    ]
    skipped = read_skipped(tmp_path / "corpus")
    assert len(skipped) == 7
    assert skipped["violin/Vidéo 3 (live).mp4"] == "its class has 2 readable videos and lacks 1"
    (root / "violin" / "Vidéo 3 (live).mp4").unlink()
    folder_index(root, tmp_path / "corpus")
    assert "violin has 1 readable video and lacks 2." in read_notes(tmp_path / "corpus")[0]


def test_a_class_with_too_few_readable_videos_is_an_error_if_that_is_wanted(root, tmp_path):
    (root / "violin" / "Vidéo 0 (live).mp4").unlink()
    (root / "violin" / "Vidéo 2 (live).mp4").unlink()
    with pytest.raises(CorpusError, match=r"my videos: .*at least 3 .*violin has 2 .*lacks 1.*skipped\.csv") as caught:
        folder_index(root, tmp_path / "corpus", small_classes="error")
    assert "drum kit" not in str(caught.value)
    assert "group" not in str(caught.value)
    assert len(read_skipped(tmp_path / "corpus")) == 5
    assert not (tmp_path / "corpus" / "index.csv").exists()
    with pytest.raises(ParameterError, match="small_classes: expected leave_out or error, got 'ignore'"):
        folder_index(root, tmp_path / "corpus", small_classes="ignore")


TAKEN = (
    *("-dash.mp4", "--", "a'b\"c,d.mp4", "$x$ & <b>.mp4", "label", "%(id)s.mp4", "no suffix", "CON", "~", "NaN.mp4"),
    *("حَفْلَة.mp4", "נבל.mp4", "バイオリン\u3000独奏.mp4", "👩🏽\u200d🎤.mp4", "re\u0301sume\u0301.mp4", "a\u202eb.mp4"),
    *("ö" * 125 + ".mp4", "x" * 255, "😀" * 63),
)
NOT_TAKEN = {
    b"Caf\xe9.mp4": r"Caf\xe9.mp4",
    b"Caf\xe9.txt": r"Caf\xe9.txt",
    b"\xff\xfe": r"\xff\xfe",
    b"back\\slash.mp4": r"back\x5cslash.mp4",
    b"line\nbreak.mp4": r"line\x0abreak.mp4",
    b"return\r.mp4": r"return\x0d.mp4",
    b"tab\t.mp4": r"tab\x09.mp4",
    b"bell\x07\x1b[31m.mp4": r"bell\x07\x1b[31m.mp4",
    "next\x85line.mp4".encode(): r"next\x85line.mp4",
}


def test_every_name_is_taken_or_listed_with_what_cannot_be_shown_written_out(videos, root, tmp_path):
    for name in [*TAKEN, *map(os.fsdecode, NOT_TAKEN)]:
        shutil.copy(videos["single"], root / "violin" / name)
    index = folder_index(root, tmp_path / "corpus", split_method="grouped")
    assert set(index.path) >= {f"violin/{name}" for name in TAKEN}
    assert all((root / path).is_file() for path in index.path)
    skipped = read_skipped(tmp_path / "corpus")
    assert {f"violin/{name}" for name in NOT_TAKEN.values()} <= set(skipped)
    assert "rename it" in skipped[r"violin/Caf\xe9.mp4"]
    for written in (tmp_path / "corpus").glob("*.*"):
        text = written.read_bytes().decode("utf-8")
        assert not set(text) & {"\r", "\t", "\x1b", "\x85"}


def test_the_name_of_a_class_may_be_anything_that_can_be_shown(videos, tmp_path):
    classes = (
        "label",
        "video_id",
        "split",
        "path",
        "$x^2$",
        "NA",
        "1",
        "True",
        "-",
        "バイオリン" * 15,
        "harpe\u0301",
        "all",
    )
    for name in (*classes, "Caf\udce9", "a\nb", "harp\xe9"):
        (tmp_path / "root" / name).mkdir(parents=True)
        for number in range(3):
            shutil.copy(videos["single"], tmp_path / "root" / name / f"{number}.mp4")
    index = folder_index(tmp_path / "root", tmp_path / "corpus")
    assert Counter(index.label) == {unicodedata.normalize("NFC", name): 3 for name in classes} | {"harp\xe9": 6}
    (note,) = read_notes(tmp_path / "corpus")
    assert note.startswith(r"2 classes are left out: Caf\xe9 has 0 readable videos and lacks 3; a\x0ab has 0 readable")


def test_linked_folders_are_followed_once_and_out_of_the_root_only_if_asked(videos, root, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "deep").mkdir(parents=True)
    shutil.copy(videos["single"], elsewhere / "far.mp4")
    shutil.copy(videos["silent"], elsewhere / "deep" / "farther.mp4")
    (elsewhere / "back").symlink_to(root)
    (elsewhere / "up").symlink_to(elsewhere)
    (root / "violin" / "batch 2").symlink_to(elsewhere)
    (root / "violin" / "batch 2 again").symlink_to(elsewhere)
    (root / "violin" / "drums").symlink_to(root / "drum kit")
    (root / "violin" / "loop").symlink_to(".")
    (root / "violin" / "kept").symlink_to(root / ".kept")  # out of sight, but inside
    (root / ".kept").mkdir()
    shutil.copy(videos["single"], root / ".kept" / "kept.mp4")
    (root / "violin" / "one file.mp4").symlink_to(elsewhere / "far.mp4")
    (root / "fiddle").symlink_to("violin")
    index = folder_index(root, tmp_path / "corpus")
    inside = {"violin/kept/kept.mp4", "violin/one file.mp4"}
    assert set(index.label) == set(CLASSES)
    assert inside <= set(index.path)
    assert len(index) == sum(CLASSES.values()) + 2
    skipped = read_skipped(tmp_path / "corpus")
    assert {"violin/batch 2", "violin/batch 2 again", "violin/drums", "violin/loop", "fiddle"} <= set(skipped)
    assert "follow_links" in skipped["violin/batch 2"]
    assert skipped["violin/drums"] == "a link to a folder that is taken already"
    index = folder_index(root, tmp_path / "corpus", follow_links=True)
    assert len(index) == sum(CLASSES.values()) + 4
    assert {"violin/batch 2/far.mp4", "violin/batch 2/deep/farther.mp4"} <= set(index.path)
    assert {"violin/batch 2 again", "violin/batch 2/up", "violin/batch 2/back"} <= set(
        read_skipped(tmp_path / "corpus")
    )


def test_what_is_no_file_is_listed_and_never_opened(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root / "violin")
    os.mkfifo("pipe.mp4")
    with socket.socket(socket.AF_UNIX) as there:
        there.bind("socket.mp4")
        os.symlink("/dev/zero", "device.mp4")
        os.symlink("/nowhere/gone.mp4", "gone.mp4")
        os.symlink("itself.mp4", "itself.mp4")
        index = folder_index(root, tmp_path / "corpus")
    assert len(index) == sum(CLASSES.values())
    skipped = read_skipped(tmp_path / "corpus")
    for name in ("pipe", "socket", "device"):
        assert skipped[f"violin/{name}.mp4"].startswith("a named pipe, a socket or a device")
    for name in ("gone", "itself"):
        assert skipped[f"violin/{name}.mp4"].startswith("a link that leads nowhere")


def write_melody(path, seed):
    """Write three seconds and more of notes at random, which sound like no other's."""
    rng = np.random.default_rng(seed)
    notes = np.repeat(220 * 2 ** (rng.integers(0, 24, 24) / 12), 1000)
    tone = (10_000 * np.sin(2 * np.pi * np.cumsum(notes) / 8000)).astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(tone.tobytes())


def test_near_duplicates_stay_together_unless_their_class_has_nothing_else(home, tmp_path):
    for number in range(12):  # four takes of each of three melodies, and five of their own
        write_melody(tmp_path / "root" / "flute" / f"{number}.wav", number // 4)
        write_melody(tmp_path / "root" / "harp" / f"{number}.wav", 100 + number)
        write_melody(tmp_path / "root" / "tuba" / f"{number}.wav", 50)  # one piece in twelve files
    corpus = corpora.prepare_corpus("mine", "folder", root=str(tmp_path / "root"))
    assert corpus.split_method == "grouped"
    groups = pd.read_csv(corpus.directory / "groups.csv")
    assert Counter(groups.label) == {"flute": 12, "tuba": 12}
    splits = groups.groupby(["label", "group"])["split"].nunique()
    assert splits["flute"].to_list() == [1, 1, 1]
    assert splits["tuba"].to_list() == [3]
    (note,) = corpus.notes
    assert note.startswith("Videos that look or sound the same or have one uploader are in several splits")
    assert note.endswith(": 12 of tuba.")
    again = corpora.prepare_corpus("mine", "folder", root=str(tmp_path / "root"), split_method="stratified")
    assert again.notes == ()
    assert not (paths.corpus_dir("mine") / "groups.csv").exists()


def test_a_root_that_no_notebook_can_name_is_refused(home, tmp_path):
    with pytest.raises(ParameterError, match=r"root: expected a name in UTF-8 .*; got .*Caf\\xe9$"):
        corpora.prepare_corpus("mine", "folder", root=str(tmp_path / "Caf\udce9"))


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../../x", "/x", "a/b", "a\\b", "a b", "-a", ".a", "é", "a" * 65, "a\n", 7]
)
def test_a_corpus_has_a_name_that_leads_out_of_no_folder(name, home):
    for use in (corpora.read_corpus, paths.runs_dir, paths.published_results_dir, paths.media_dir):
        with pytest.raises(ParameterError, match="corpus: expected 1 to 64 letters"):
            use(name)
    assert paths.check_name("mine_2-b.c") == "mine_2-b.c"


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
