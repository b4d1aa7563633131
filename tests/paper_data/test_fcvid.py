import pickle

import av
import numpy as np
import pytest

from instrec_utils import media
from instrec_utils.corpora.index import check_index, state_table
from instrec_utils.corpora.splits import paper_split
from instrec_utils.errors import CorpusError
from instrec_utils.paper_data import labels, paper_videos


def write_video(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        for level in range(5):
            picture = np.full((32, 32, 3), 40 * level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))


@pytest.fixture
def lists(tmp_path):
    """Write a published list of three videos a class; the last has no duration."""
    folders = list(enumerate(labels.FCVID_FOLDERS))
    keys = [f"./{folder}/-{number}_{label:02d}" for label, folder in folders for number in "abc"]
    directory = tmp_path / "icmr2017"
    directory.mkdir()
    rows = [f"{key},{number // 3}\n" for number, key in enumerate(keys)]
    (directory / "fcvid_dataset.csv").write_text("".join(rows))
    durations = {key: (60.0 + number, 25) for number, key in enumerate(keys[:-1])}
    (directory / "fcvid_auxinfo.pkl").write_bytes(pickle.dumps(durations, 2))
    return directory


@pytest.fixture
def archive(tmp_path):
    archive = tmp_path / "FCVID"
    write_video(archive / "celloPerformance" / "-a_10.mp4")
    write_video(archive / "accordionPerformance" / "-b_00.AVI")
    write_video(archive / "accordionPerformance" / "not_in_the_list.mp4")
    write_video(archive / "cooking" / "-c_00.mp4")  # not one of the twelve folders
    (archive / "accordionPerformance" / "-a_00.wav").write_bytes(b"no video")
    (archive / "chamberMusic").mkdir()
    (archive / "chamberMusic" / "-a_03.mp4").write_bytes(b"cut off")
    return archive


def test_the_index_says_what_is_missing_and_what_is_unreadable(archive, lists):
    index = paper_videos.load_fcvid_index(archive, lists)
    check_index(index, "fcvid")
    assert set(index.label) == set(labels.FCVID_LABEL_OF_FOLDER.values())
    state = dict(zip(index.video_id, index.state, strict=True))
    assert len(index) == 36
    assert {video_id for video_id, value in state.items() if value == "present"} == {"-a_10", "-b_00"}
    assert {video_id for video_id, value in state.items() if value == "unreadable"} == {"-a_03"}
    rows = index.set_index("video_id")
    assert rows.path["-b_00"] == "accordionPerformance/-b_00.AVI"
    assert (archive / rows.path["-a_10"]).is_file()
    assert rows.path["-a_00"] == rows.reason["-a_00"] == ""
    assert rows.reason["-a_03"].startswith("not a plain media file")
    assert rows.label["-a_10"] == "cello"
    assert rows.duration["-a_00"] == 60
    assert np.isnan(rows.duration["-c_11"])
    assert rows.duration["-a_10"] == 90  # as published, not that of the file
    assert (index.split == paper_split(index)).all()


def test_a_header_is_read_once(archive, lists, monkeypatch):
    opened = []
    probe = media.probe
    monkeypatch.setattr(media, "probe", lambda path: opened.append(path.name) or probe(path))
    paper_videos.load_fcvid_index(archive, lists)
    assert sorted(opened) == ["-a_03.mp4", "-a_10.mp4", "-b_00.AVI"]


def test_the_table_of_what_is_missing(archive, lists):
    table = state_table(paper_videos.load_fcvid_index(archive, lists)).set_index("label")
    assert table.loc["chamber_music", ["videos", "present", "unreadable", "missing"]].to_list() == [3, 0, 1, 2]
    assert table.loc["all", ["videos", "present", "unreadable", "missing"]].to_list() == [36, 2, 1, 33]


def test_a_video_in_another_folder_than_the_list_says_is_refused(archive, lists):
    write_video(archive / "pianoPerformance" / "-a_00.mp4")
    with pytest.raises(CorpusError, match=r"fcvid_dataset\.csv, row 1: -a_00 is in accordionPerformance .*pianoPerf"):
        paper_videos.load_fcvid_index(archive, lists)


def test_a_video_in_two_files_is_refused(archive, lists):
    write_video(archive / "celloPerformance" / "-a_10.avi")
    with pytest.raises(CorpusError, match=r"-a_10\.mp4: the same video as .*-a_10\.avi"):
        paper_videos.load_fcvid_index(archive, lists)


def test_another_folder_than_the_archive_is_refused(tmp_path, lists):
    with pytest.raises(CorpusError, match="none: no such folder"):
        paper_videos.load_fcvid_index(tmp_path / "none", lists)
    with pytest.raises(CorpusError, match="expected the folders accordionPerformance"):
        paper_videos.load_fcvid_index(lists, lists)
