"""Videos that share a file, or that a grouped split found to belong together, are one group."""

from pathlib import Path

import pandas as pd

from instrec_utils import files
from instrec_utils.corpora import Corpus, group_numbers

VIDEOS = pd.Series(["a", "b", "c", "d", "e"])


def numbers(directory, **columns):
    index = pd.DataFrame({"video_id": [*VIDEOS[::-1], "other"], **columns})
    return group_numbers(Corpus("tiny", "folder", directory, Path(), index), VIDEOS).tolist()


def test_videos_that_share_a_file_are_together_whatever_links_them():
    of_files = ["soundfont:x", "photos/2", "recordings/3;soundfont:x", "photos/1;recordings/3", "photos/1", "photos/2"]
    a, b, c, d, e = numbers(Path("none"), sources=of_files)
    assert a == b == c
    assert len({a, d, e}) == 3, "a soundfont is an instrument that many play"


def test_videos_of_which_nothing_is_known_stand_for_themselves():
    assert len(set(numbers(Path("none")))) == 5
    assert len(set(numbers(Path("none"), sources=[None] * 6))) == 5


def test_near_duplicates_are_together(tmp_path):
    together = pd.DataFrame(
        {"group": [3, 3, 4, 4], "video_id": ["b", "d", "e", "other"], "label": "x", "split": "test"}
    )
    files.write_csv(tmp_path / "groups.csv", together)
    a, b, c, d, e = numbers(tmp_path)
    assert b == d
    assert len({a, b, c, e}) == 4
