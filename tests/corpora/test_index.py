import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_utils.config import SPLITS
from instrec_utils.corpora.index import read_index, write_index
from instrec_utils.errors import CorpusError


def make_index(**changes):
    index = pd.DataFrame(
        {
            "video_id": ["-dash", "NA", "null_1"],
            "label": ["banjo", "banjo", "organ"],
            "split": list(SPLITS),
            "path": ["", "videos/NA.mp4", "a b/c.mp4"],
            "duration": [np.nan, 3.5, 0.0],
            "frame_rate": [25.0, 30.0, np.nan],
            "is_still": [True, False, True],
            "uploader": ["", "", ""],
        }
    )
    return index.assign(**changes)


def test_what_is_written_is_read_again_with_ids_that_look_like_missing_values(tmp_path):
    index = make_index()
    write_index(index, tmp_path / "index.csv")
    pd.testing.assert_frame_equal(read_index(tmp_path / "index.csv"), index)


@settings(deadline=None)
@given(durations=st.lists(st.none() | st.floats(0, 1e6), min_size=3, max_size=3))
def test_durations_keep_every_digit(durations, tmp_path_factory):
    path = tmp_path_factory.mktemp("index") / "index.csv"
    index = make_index(duration=pd.array([np.nan if d is None else d for d in durations], dtype=float))
    write_index(index, path)
    np.testing.assert_array_equal(read_index(path).duration, index.duration)


@pytest.mark.parametrize(
    ("changes", "column", "row"),
    [
        ({"video_id": ["a", "../b", "c"]}, "video_id", 2),
        ({"video_id": ["a", "b", "a"]}, "video_id", 3),
        ({"video_id": ["a" * 65, "b", "c"]}, "video_id", 1),
        ({"video_id": ["a", 7, "c"]}, "video_id", 2),
        ({"label": ["banjo", "", "organ"]}, "label", 2),
        ({"split": ["train", "test", "valid"]}, "split", 3),
        ({"path": ["", "/etc/passwd", ""]}, "path", 2),
        ({"path": ["", "a/../../b.mp4", ""]}, "path", 2),
        ({"path": ["", "", "..\\b.mp4"]}, "path", 3),
        ({"duration": [1.0, 2.0, -1.0]}, "duration", 3),
        ({"duration": ["1", "long", "2"]}, "duration", 2),
        ({"duration": [1.0, float("inf"), 1.0]}, "duration", 2),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_written(changes, column, row, tmp_path):
    path = tmp_path / "index.csv"
    with pytest.raises(CorpusError, match=rf"index\.csv, row {row}: {column} must be"):
        write_index(make_index(**changes), path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"video_id,label\nx,y\n", b"\xff\xfe\x00", b'video_id\n"a\nb,c,d\n'])
def test_a_file_that_is_no_index_is_refused(content, tmp_path):
    path = tmp_path / "index.csv"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"index\.csv"):
        read_index(path)
    with pytest.raises(CorpusError, match="no such file"):
        read_index(tmp_path / "other.csv")
