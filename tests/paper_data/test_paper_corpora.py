"""The paper's own datasets as corpora, their download and their split files; made lists, tiny videos, no network."""

import contextlib
import http.server
import os
import pickle
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tiny_videos import tone, write_video
from typer.testing import CliRunner

from instrec_utils import __main__, corpora, paths
from instrec_utils.config import SPLITS
from instrec_utils.corpora import near_duplicates
from instrec_utils.errors import CorpusError, DownloadError, ParameterError
from instrec_utils.paper_data import availability, downloads, labels, paper_videos, published
from instrec_utils.pipeline import report as pipeline_report
from instrec_utils.pipeline.parameters import read_parameters
from instrec_utils.report import page as report

A_CLASS = 30  # enough for every class to be in every split of the random draw


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    """Write lists of 30 videos a class; the first of each dataset has no duration, one video is in both."""
    directory = tmp_path_factory.mktemp("icmr2017")
    fcvid = [(f"./{name}/-f{n}_{c}", c) for n in range(A_CLASS) for c, name in enumerate(labels.FCVID_FOLDERS)]
    youtube8m = [(f"-y{n}_{c}", c) for n in range(A_CLASS) for c in range(len(labels.YOUTUBE8M_LABELS))]
    youtube8m[-1] = ("-f0_0", 12)
    for corpus, rows in (("fcvid", fcvid), ("yt8m", youtube8m)):
        (directory / f"{corpus}_dataset.csv").write_text("".join(f"{key},{label}\n" for key, label in rows))
        durations = {key: (60.5, 25) for key, _ in rows[1:]}
        (directory / f"{corpus}_auxinfo.pkl").write_bytes(pickle.dumps(durations, 2))
    return directory


@pytest.fixture
def home(home, lists, monkeypatch):
    monkeypatch.setattr(published, "locate_lists", lambda: lists)
    return home


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    return write_video(folder / "one.mp4", times=[n / 10 for n in range(10)], sound=tone(1.0, 44_100))


def put(source, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, path)


@pytest.fixture
def archive(home, lists, video):
    """An archive without every fifth training video, with one that is cut off and one that nobody listed."""
    archive = home / "FCVID"
    for number, row in enumerate(published.load_index("fcvid", lists).itertuples()):
        if number % 5 or row.split != "train":
            put(video, archive / row.folder / f"{row.video_id}.mp4")
    (archive / "celloPerformance" / "-f1_10.mp4").write_bytes(b"cut off")
    put(video, archive / "celloPerformance" / "somebody_else.mp4")
    return archive


@pytest.fixture
def ledger(home):
    with availability.Ledger(paper_videos.ledger_path()) as ledger:
        yield ledger


@pytest.fixture
def downloaded(home, lists, ledger, video):
    """All but three videos of YouTube-8M were downloaded; one of them has since been deleted here."""
    rows = []
    for row in published.load_index("yt8m", lists).itertuples():
        name = f"videos/{row.video_id[:2]}/{row.video_id}.mp4"
        if row.video_id in ("-y0_0", "-y1_1"):
            ledger.record(row.video_id, "private" if row.video_id == "-y0_0" else "failed", reason="it said so")
        elif row.video_id != "-y2_2":
            put(video, paper_videos.youtube8m_dir() / name)
            rows.append((row.video_id, name))
    with sqlite3.connect(paper_videos.ledger_path()) as other:  # all at once: a commit each would take seconds
        other.executemany("INSERT INTO videos VALUES (?, 'available', '', ?, '', '2026-01-01T00:00:00+00:00')", rows)
    (paper_videos.youtube8m_dir() / "videos" / "-y" / "-y3_3.mp4").unlink()
    return paper_videos.youtube8m_dir()


def test_fcvid_is_what_the_archive_has_in_the_split_of_the_complete_list(archive, lists):
    corpus = corpora.prepare_corpus("fcvid", "fcvid", root=str(archive))
    complete = published.load_index("fcvid", lists).set_index("video_id")
    fifth = complete.iloc[::5]
    gone = set(fifth.index[fifth.split == "train"]) | {"-f1_10"}
    assert len(gone) > 20
    assert corpus.labels == sorted(labels.FCVID_LABEL_OF_FOLDER.values())
    assert set(corpus.index.video_id) == set(complete.index) - gone
    rows = corpus.index.set_index("video_id")
    assert (rows.split == complete.split[rows.index]).all()
    assert (rows.label == complete.label[rows.index]).all()
    assert all((corpus.videos / path).is_file() for path in rows.path)
    assert corpus.videos == archive.resolve()
    assert rows.duration.notna().all()
    assert not list((paths.data_dir() / "fcvid").rglob("*.mp4"))

    skipped = pd.read_csv(paths.data_dir() / "fcvid" / "skipped.csv", keep_default_na=False)
    assert set(skipped.video_id) == gone
    first = skipped.iloc[0]
    assert (first.video_id, first.path) == ("-f1_10", "celloPerformance/-f1_10.mp4")
    assert first.reason.startswith("not a plain media file")
    assert str(archive) not in first.reason
    assert set(skipped.reason[1:]) == {"not in the archive"}


def test_a_duration_that_is_not_published_is_that_of_the_file(archive, lists, video):
    first = published.load_index("fcvid", lists).iloc[0]
    put(video, archive / first.folder / f"{first.video_id}.mp4")
    rows = corpora.prepare_corpus("fcvid", "fcvid", root=str(archive)).index.set_index("video_id")
    assert rows.duration[first.video_id] == pytest.approx(1.0, abs=0.1)
    assert set(rows.duration.drop(first.video_id)) == {60.5}


def test_a_class_that_is_missing_from_a_split_is_named_and_no_index_is_written(archive, lists):
    complete = published.load_index("fcvid", lists)
    for row in complete[(complete.label == "cello") & (complete.split == "test")].itertuples():
        (archive / row.folder / f"{row.video_id}.mp4").unlink(missing_ok=True)
    with pytest.raises(
        CorpusError, match=r"a readable video in each split; .*: cello \d+, \d+, 0\. What .*skipped\.csv"
    ):
        corpora.prepare_corpus("fcvid", "fcvid", root=str(archive))
    shutil.rmtree(archive / "celloPerformance")
    with pytest.raises(CorpusError, match=r": cello 0, 0, 0\."):
        corpora.prepare_corpus("fcvid", "fcvid", root=str(archive))
    assert not (paths.data_dir() / "fcvid" / "index.csv").exists()
    with pytest.raises(CorpusError, match="no such corpus yet"):
        corpora.read_corpus("fcvid")


def test_fcvid_wants_its_archive(home):
    with pytest.raises(ParameterError, match="root: expected the folder of the extracted FCVID"):
        corpora.prepare_corpus("fcvid", "fcvid")
    with pytest.raises(CorpusError, match="none: no such folder; expected the extracted FCVID archive"):
        corpora.prepare_corpus("fcvid", "fcvid", root=str(home / "none"))


def test_youtube8m_is_what_was_downloaded_in_the_split_of_the_complete_list(downloaded, lists):
    corpus = corpora.prepare_corpus("yt8m", "yt8m")
    complete = published.load_index("yt8m", lists).set_index("video_id")
    assert corpus.labels == sorted(labels.YOUTUBE8M_LABELS)
    assert corpus.videos == downloaded
    rows = corpus.index.set_index("video_id")
    assert set(complete.index) - set(rows.index) == {"-y0_0", "-y1_1", "-y2_2", "-y3_3"}
    assert (rows.split == complete.split[rows.index]).all()
    assert all((corpus.videos / path).is_file() for path in rows.path)
    skipped = pd.read_csv(downloaded / "skipped.csv", keep_default_na=False).set_index("video_id").reason
    assert dict(skipped[["-y0_0", "-y1_1", "-y2_2"]]) == {
        "-y0_0": "private",
        "-y1_1": "failed",
        "-y2_2": availability.NOT_ASKED,
    }
    assert skipped.index[0] == "-y3_3"
    assert str(downloaded) not in skipped["-y3_3"]


def test_youtube8m_without_any_download_says_which_command_is_missing(home):
    with pytest.raises(CorpusError, match="run make download first"):
        corpora.prepare_corpus("yt8m", "yt8m")
    assert not paper_videos.ledger_path().exists()


def test_the_parameters_of_the_papers_corpora(monkeypatch):
    monkeypatch.delenv("INSTREC_HOME", raising=False)
    for name in ("fcvid", "yt8m"):
        content = yaml.safe_load((paths.home() / "params" / f"{name}.yaml").read_text())
        assert content["corpus"] == content["source"] == name
        assert "split" not in content  # the corpus' own, which is the paper's
        asked = {"split": "grouped"} | ({"root": str(Path.cwd() / "somewhere")} if name == "fcvid" else {})
        assert read_parameters(name, asked) == content | asked


@pytest.fixture
def few(home, monkeypatch):
    """Lists of seven videos a class, none of them alike."""
    directory = home / "icmr2017"
    directory.mkdir()
    fcvid = [(f"./{name}/-f{n}_{c}", c) for n in range(7) for c, name in enumerate(labels.FCVID_FOLDERS)]
    youtube8m = [(f"-y{n}_{c}", c) for n in range(7) for c in range(len(labels.YOUTUBE8M_LABELS))]
    for corpus, rows in (("fcvid", fcvid), ("yt8m", youtube8m)):
        (directory / f"{corpus}_dataset.csv").write_text("".join(f"{key},{label}\n" for key, label in rows))
        (directory / f"{corpus}_auxinfo.pkl").write_bytes(pickle.dumps({key: (60.5, 25) for key, _ in rows}, 2))
    monkeypatch.setattr(published, "locate_lists", lambda: directory)
    return directory


def scene(path, number):
    """Write a video that shows a picture of its own for three seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    blocks = np.random.default_rng(number).integers(0, 255, (6, 8, 3), dtype=np.uint8)
    write_video(path, times=[0.0, 1.0, 2.0], last=1.0, picture=blocks.repeat(8, 0).repeat(8, 1))


def together(corpus):
    groups = pd.read_csv(corpus.directory / "groups.csv")
    return sorted(tuple(sorted(members)) for _, members in groups.groupby("group").video_id)


def read_split(path, index):
    return index.video_id.map(pd.read_csv(path, keep_default_na=False).set_index("video_id").split)


def check_groups(corpus, expected):
    assert together(corpus) == sorted(expected)
    place = corpora.read_listed(corpus).set_index("video_id").split
    assert all(place[list(members)].nunique() == 1 for members in expected)
    assert (pd.crosstab(corpus.index.label, corpus.index.split)[list(SPLITS)] > 0).all(axis=None)
    file = read_split(corpus.directory / "splits" / "grouped.csv", corpus.index)
    assert file.to_list() == corpus.index.split.to_list()
    assert corpus.split_method == "grouped"
    assert "a grouped split, which keeps near-duplicates together" in report.corpus_note(corpus).data


def test_a_grouped_split_of_fcvid_keeps_near_duplicates_and_uploaders_together(home, few, monkeypatch):
    archive = home / "FCVID"
    for number, row in enumerate(published.load_index("fcvid", few).itertuples()):
        alike = {"-f1_3": 0, "-f6_0": 0, "-f2_5": 29}.get(row.video_id, number)  # 0 is -f0_0, 29 is -f2_5 itself
        scene(archive / row.folder / f"{row.video_id}.mp4", alike)
    for name in ("violinPerformance/-f3_6", "celloPerformance/-f4_10"):
        (archive / f"{name}.info.json").write_text('{"channel_id": "UC1"}')
    (archive / "celloPerformance" / "-f5_10.mp4").unlink()
    expected = [("-f0_0", "-f1_3", "-f6_0"), ("-f3_6", "-f4_10")]
    corpus = corpora.prepare_corpus("fcvid", "fcvid", root=str(archive), split_method="grouped")
    check_groups(corpus, expected)
    assert len(corpora.read_listed(corpus)) == len(corpus.index) + 1

    monkeypatch.setattr(near_duplicates, "fingerprints_of", lambda path: pytest.fail(f"{path} is looked at again"))
    again = corpora.prepare_corpus("fcvid", "fcvid", root=str(archive), split_method="grouped")
    pd.testing.assert_frame_equal(again.index, corpus.index)
    other = corpora.prepare_corpus("fcvid", "fcvid", root=str(archive), split_method="grouped", seed=11)
    assert (other.index.split != corpus.index.split).any()
    check_groups(other, expected)

    scene(archive / "celloPerformance" / "-f5_10.mp4", 100)
    stratified = corpora.prepare_corpus("fcvid", "fcvid", root=str(archive), split_method="stratified")
    everywhere = published.all_splits(few).set_index("video_id").stratified
    assert stratified.index.split.to_list() == everywhere[stratified.index.video_id].to_list()
    assert not (stratified.directory / "groups.csv").exists()


def test_a_grouped_split_of_youtube8m_takes_the_uploaders_of_the_ledger(home, few, ledger):
    for number, row in enumerate(published.load_index("yt8m", few).itertuples()):
        name = f"videos/{row.video_id[:2]}/{row.video_id}.mp4"
        scene(paper_videos.youtube8m_dir() / name, 7 if row.video_id == "-y3_3" else number)
        uploader = "UC1" if row.video_id in ("-y2_0", "-y5_0", "-y4_12") else f"UC-{number}"
        ledger.record(row.video_id, "available", path=name, uploader=uploader)
    corpus = corpora.prepare_corpus("yt8m", "yt8m", split_method="grouped")
    check_groups(corpus, [("-y2_0", "-y4_12", "-y5_0"), ("-y0_7", "-y3_3")])


def test_a_grouped_split_of_a_folder(home):
    for number in range(12):
        scene(home / "videos" / ("cello" if number % 2 else "harp") / f"{number}.mp4", number)
    scene(home / "videos" / "cello" / "again.mp4", 4)
    (home / "videos" / "cello" / "1.info.json").write_text('{"uploader": "Ann"}')
    (home / "videos" / "cello" / "3.info.json").write_text('{"uploader": "Ann"}')
    corpus = corpora.prepare_corpus("mine", "folder", root=str(home / "videos"), split_method="grouped")
    ids = corpus.index.set_index("path").video_id
    pairs = (("harp/4.mp4", "cello/again.mp4"), ("cello/1.mp4", "cello/3.mp4"))
    check_groups(corpus, [tuple(sorted((ids[first], ids[second]))) for first, second in pairs])
    assert pd.read_csv(corpus.directory / "skipped.csv").empty
    assert corpora.prepare_corpus("mine", "folder", root=str(home / "videos")).split_method == "grouped"

    for path in (home / "videos" / "cello").glob("*.mp4"):
        path.with_suffix(".info.json").write_text('{"uploader": "Ann"}')
    corpus = corpora.prepare_corpus("mine", "folder", root=str(home / "videos"), split_method="grouped")
    (note,) = corpus.notes
    assert note.startswith("Videos that look or sound the same or have one uploader are in several splits")
    assert "7 of cello" in note


def first_page(monkeypatch, **parameters):
    """Run the code of 01_corpus and return its tables by caption; the excerpts are left out."""
    tables = {}
    monkeypatch.setattr(report, "table", lambda frame, caption: tables.setdefault(caption, frame))
    monkeypatch.setattr(report, "players", lambda videos, chosen, captions: tables.setdefault("players", chosen))
    source = (Path(__file__).parents[2] / "notebooks" / "01_corpus.py").read_text(encoding="utf-8")
    for name, value in parameters.items():
        source, count = re.subn(rf"(?m)^{name}: str = \"\w*\"", f"{name}: str = {value!r}", source)
        assert count == 1, name
    exec(compile(source, "01_corpus.py", "exec"), {"__name__": "page"})
    return tables


def the_table(tables, beginning):
    (found,) = [frame for caption, frame in tables.items() if caption.startswith(beginning)]
    return found


def test_the_first_page_of_fcvid_shows_groups_and_what_is_missing(home, few, monkeypatch):
    for number, row in enumerate(published.load_index("fcvid", few).itertuples()):
        scene(home / "FCVID" / row.folder / f"{row.video_id}.mp4", 0 if row.video_id == "-f1_3" else number)
    (home / "FCVID" / "celloPerformance" / "-f5_10.mp4").unlink()
    root = str(home / "FCVID")
    tables = first_page(monkeypatch, corpus="fcvid", source="fcvid", root=root, split="grouped")
    groups = the_table(tables, "2 videos in 1 group of")
    assert groups.to_numpy().tolist() == [[2, 2, 1]]
    states = the_table(tables, "What became of the videos").set_index("label")
    assert states.loc["cello", ["videos", "missing", "present"]].to_list() == [7, 1, 6]
    assert set(tables["players"].label) == set(labels.FCVID_LABEL_OF_FOLDER.values())


def test_the_first_page_of_youtube8m_shows_what_became_of_the_videos(downloaded, monkeypatch):
    tables = first_page(monkeypatch, corpus="yt8m", source="yt8m")
    states = the_table(tables, "What became of the videos").set_index("label").loc["all"]
    assert dict(states) == {"videos": 390, "available": 386, "failed": 1, "not asked": 1, "private": 1, "unreadable": 1}
    assert not [caption for caption in tables if "groups" in caption]


@pytest.mark.parametrize(
    ("source", "split", "allowed"),
    [("folder", "paper", "grouped or stratified"), ("fcvid", "random", "paper or stratified or grouped"),
     ("demo", "grouped", "none, as its clips are staged")],
)  # fmt: skip
def test_a_split_that_a_source_cannot_have_is_refused(home, source, split, allowed):
    with pytest.raises(ParameterError, match=rf"split: for the source {source} expected {allowed}.*got '{split}'"):
        corpora.prepare_corpus("mine", source, root=str(home), split_method=split)
    assert not (paths.data_dir() / "mine").exists()


def test_validate_counts_what_is_missing_from_the_papers_list_by_class_and_split(archive, lists):
    corpora.prepare_corpus("fcvid", "fcvid", root=str(archive))
    said = CliRunner().invoke(__main__.app, ["validate", "fcvid"], catch_exceptions=False).stdout
    complete = published.load_index("fcvid", lists)
    gone = complete.iloc[::5]
    gone = gone[gone.split == "train"]
    lines = [line.split() for line in said.splitlines()]
    header = next(line for line in lines if line[:3] == ["label", "split", "videos"])
    counts = {tuple(line[:2]): dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header)}
    for label in labels.FCVID_LABEL_OF_FOLDER.values():
        assert int(counts[label, "train"]["missing"]) == (gone.label == label).sum()
        assert int(counts[label, "test"]["videos"]) == ((complete.label == label) & (complete.split == "test")).sum()
    broken = complete[complete.video_id == "-f1_10"].iloc[0]
    assert counts["cello", broken.split]["invalid"] == "1"
    assert [line[0] for line in lines if "invalid" in line[1:3]] == ["celloPerformance/-f1_10.mp4"]
    assert "missing" not in said[said.index("have a finding") :]


def test_a_few_videos_in_turn_hold_every_class_and_split(lists):
    index = published.load_index("yt8m", lists)
    ordered = paper_videos.in_turn(index)
    assert sorted(ordered.index) == list(index.index)
    cells = index[["label", "split"]].drop_duplicates()
    first = ordered.head(len(cells))
    assert not first.duplicated(["label", "split"]).any()
    half = ordered.head(len(index) // 2)
    assert half.label.value_counts().between(A_CLASS // 2 - 3, A_CLASS // 2 + 3).all()
    assert 0.55 < (half.split == "train").mean() < 0.75


@pytest.fixture
def youtube(video, monkeypatch):
    """Serve the video for every id but two: one is gone, one takes until the test is over."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_): ...

        def do_GET(self):
            video_id = self.path.rsplit("/", 1)[-1].removesuffix(".mp4")
            server.asked.append(video_id)
            if video_id == server.slow:
                server.reached.set()
                server.released.wait(20)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                if video_id == server.gone:
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Type", "video/mp4")
                self.send_header("Content-Length", str(video.stat().st_size))
                self.end_headers()
                self.wfile.write(video.read_bytes())
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    server.asked, server.gone, server.slow = [], None, None
    server.reached, server.released = threading.Event(), threading.Event()
    server.address = f"http://127.0.0.1:{server.server_port}/{{video_id}}.mp4"
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.released.set()
    server.shutdown()
    server.server_close()


def summary(text):
    lines = [line.split() for line in text.splitlines()]
    header = next(line for line in lines if line[:2] == ["label", "videos"])
    header = " ".join(header).replace(availability.NOT_ASKED, "not_asked").split()
    return {line[0]: dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header)}


def test_the_command_downloads_a_few_and_says_what_became_of_them(home, lists, youtube, monkeypatch):
    ordered = paper_videos.in_turn(published.load_index("yt8m", lists)).video_id.to_list()
    youtube.gone = ordered[1]
    monkeypatch.setattr(downloads, "Manners", partial(downloads.Manners, address=youtube.address, pause=0.0))
    command = partial(CliRunner().invoke, __main__.app, catch_exceptions=False)
    said = command(["download", "--limit", "4", "--workers", "2"])
    assert said.exit_code == 0
    counts = summary(said.stdout)["all"]
    total = str(A_CLASS * len(labels.YOUTUBE8M_LABELS))
    assert counts | {"videos": total, "available": "3", "removed": "1", "not_asked": str(int(total) - 4)} == counts
    assert {path.stem for path in (home / "data" / "yt8m" / "videos").rglob("*.mp4")} == {
        *ordered[:1],
        *ordered[2:4],
    }
    youtube.asked.clear()
    command(["download", "--limit", "5"])
    assert set(youtube.asked) == {ordered[4]}


def test_cookies_and_limit_are_checked_before_anything_is_asked_for(home, youtube):
    with pytest.raises(DownloadError, match="no such cookies file"):
        CliRunner().invoke(__main__.app, ["download", "--cookies", str(home / "none")], catch_exceptions=False)
    assert CliRunner().invoke(__main__.app, ["download", "--limit", "0"]).exit_code == 2
    assert youtube.asked == []


def test_an_interrupted_download_keeps_what_it_has_and_says_so(home, lists, youtube):
    ordered = paper_videos.in_turn(published.load_index("yt8m", lists)).video_id.to_list()
    youtube.slow = ordered[2]
    program = (
        "import signal, sys; from functools import partial; from pathlib import Path\n"
        # A shell starts what runs in its background with SIGINT ignored, and a child inherits that.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from instrec_utils import __main__; from instrec_utils.paper_data import availability, downloads, published\n"
        f"published.locate_lists = lambda: Path({str(lists)!r})\n"
        f"downloads.Manners = partial(downloads.Manners, address={youtube.address!r}, pause=0.0, timeout=1.0)\n"
        "sys.argv = ['instrec_utils', 'download', '--workers', '1']\n"
        "__main__.run()\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )
    try:
        assert youtube.reached.wait(180)  # a busy machine takes its time to start a process
        time.sleep(0.2)
        command.send_signal(signal.SIGINT)
        said, complained = command.communicate(timeout=180)
    finally:
        command.kill()
    assert command.returncode not in (0, -signal.SIGKILL)
    assert "Traceback" not in complained
    with availability.Ledger(paper_videos.ledger_path()) as ledger:
        assert set(ledger.table().video_id) == set(ordered[:2])
    assert summary(said)["all"]["available"] == "2"


def test_the_splits_are_files_of_both_datasets(home, lists, monkeypatch):
    monkeypatch.setattr(pipeline_report, "make_curation", lambda *_: home / "page.html")
    said = CliRunner().invoke(__main__.app, ["curation"], catch_exceptions=False)
    folder = home / "data" / "curation" / "splits"
    assert str(folder) in said.stdout
    assert len(list(folder.iterdir())) == 6
    both = {}
    for corpus in published.CORPORA:
        index = published.load_index(corpus, lists)
        read = {way: read_split(folder / f"{corpus}_{way}.csv", index) for way in ("paper", "stratified", "grouped")}
        assert read["paper"].to_list() == index.split.to_list()
        shares = pd.crosstab(index.label, read["stratified"])[list(SPLITS)]
        assert (abs(shares - [21, 4.5, 4.5]) < 1).all(axis=None)
        both[corpus] = dict(zip(index.video_id, read["grouped"], strict=True))
    assert both["fcvid"]["-f0_0"] == both["yt8m"]["-f0_0"]
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    CliRunner().invoke(__main__.app, ["curation"], catch_exceptions=False)
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
