import json
import math
import os
import pickle
import statistics
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from instrec_utils.errors import CorpusError, ParameterError
from instrec_utils.paper_data import labels, paper, published
from instrec_utils.paper_data.table1 import write_table1

FCVID_SIZES = {0: 7, 1: 5, 2: 4, 3: 3, 4: 3, 5: 3, 6: 3, 7: 3, 8: 3, 9: 3, 10: 6, 11: 4}


def python2_pickle(durations):
    """Spell out a protocol-0 pickle as Python 2 wrote it."""
    parts = ["(dp0\n"]
    for memo, (key, (seconds, rate)) in enumerate(durations.items(), start=1):
        parts.append(f"S{key!r}\np{2 * memo}\n(F{seconds!r}\nI{rate}\ntp{2 * memo + 1}\ns")
    return ("".join(parts) + ".").encode()


@pytest.fixture
def lists(tmp_path):
    """Write small lists of the published form; two durations of each corpus have no label."""
    rng = np.random.default_rng(0)
    fcvid = [
        (f"./{labels.FCVID_FOLDERS[label]}/f{label:02d}_{number:08d}", label)
        for label, size in FCVID_SIZES.items()
        for number in range(size)
    ]
    yt8m = [(f"-{label:02d}{number:08d}", label) for label in range(13) for number in range(4 + label)]
    yt8m[0] = (fcvid[-1][0].split("/")[-1], 1)  # one video in both, a piano in both
    directory = tmp_path / "icmr2017"
    directory.mkdir()
    for corpus, rows, extra in (
        ("fcvid", fcvid, ["./chamberMusic/unlisted_1", "./pianoPerformance/unlisted_2"]),
        ("yt8m", yt8m, ["unlisted_1", "unlisted_2"]),
    ):
        rng.shuffle(rows)
        rows = [(key, int(label)) for key, label in rows]
        (directory / f"{corpus}_dataset.csv").write_text("".join(f"{key},{label}\n" for key, label in rows))
        durations = {key: (round(float(rng.uniform(5, 600)), 6), int(rng.integers(6, 60))) for key, _ in rows}
        durations |= dict.fromkeys(extra, (1.5, 25))
        (directory / f"{corpus}_auxinfo.pkl").write_bytes(python2_pickle(durations))
    return directory


def test_the_lists_are_read_in_their_order(lists):
    rows = (lists / "fcvid_dataset.csv").read_text().split()
    table = published.read_list(lists / "fcvid_dataset.csv", "fcvid")
    assert [f"./{row.folder}/{row.video_id},{row.label_id}" for row in table.itertuples()] == rows
    assert all(labels.FCVID_LABEL_OF_FOLDER[row.folder] == row.label for row in table.itertuples())
    table = published.read_list(lists / "yt8m_dataset.csv", "yt8m")
    assert [f"{row.video_id},{row.label_id}" for row in table.itertuples()] == (
        (lists / "yt8m_dataset.csv").read_text().split()
    )
    assert table.video_id.str.startswith("-").any()


def test_the_index_has_labels_durations_and_the_papers_split(lists):
    index = published.load_index("yt8m", lists)
    expected = pickle.loads((lists / "yt8m_auxinfo.pkl").read_bytes())
    assert {row.video_id: (row.duration, row.frame_rate) for row in index.itertuples()} == {
        video_id: value for video_id, value in expected.items() if not video_id.startswith("unlisted")
    }
    assert (index.path == "").all()
    held_out = math.ceil(0.3 * len(index))
    assert dict(index.split.value_counts()) == {
        "train": len(index) - held_out,
        "validation": held_out // 2,
        "test": math.ceil(held_out / 2),
    }


def independent_table1(directory, corpus):
    rows = [line.rsplit(",", 1) for line in (directory / f"{corpus}_dataset.csv").read_text().split()]
    seconds = [value[0] for value in pickle.loads((directory / f"{corpus}_auxinfo.pkl").read_bytes()).values()]
    sizes = list(Counter(label for _, label in rows).values())
    return {
        "categories": len(sizes),
        "videos_listed": len(rows),
        "videos_with_duration": len(seconds),
        "hours": math.fsum(seconds) / 3600,
        "mean_minutes": math.fsum(seconds) / 60 / len(seconds),
        "per_category_mean": statistics.fmean(sizes),
        "per_category_std": statistics.pstdev(sizes),
    }


def check_table1(directory, tmp_path):
    table = write_table1(directory, tmp_path / "results" / "table1.json")
    assert json.loads((tmp_path / "results" / "table1.json").read_text()) == table
    for corpus in ("fcvid", "yt8m"):
        for name, value in independent_table1(directory, corpus).items():
            assert table[corpus][name] == pytest.approx(value, rel=1e-14), (corpus, name)
        assert table[corpus]["hours"] == independent_table1(directory, corpus)["hours"]
    return table


def test_table1_agrees_with_a_plain_count(lists, tmp_path):
    table = check_table1(lists, tmp_path)
    assert "2 have a duration (1.5 to 1.5 s) and no label" in json.dumps(table["fcvid"]["differences"])
    assert "unlisted_1" not in json.dumps(table)  # the ids are the authors' data
    different = {row["property"]: row for row in table["yt8m"]["differences"]}
    assert different["videos_before_undersampling"]["recomputed"] is None
    assert different["videos_used"]["paper"] == 60_802
    assert different["videos_used"]["recomputed"] == table["yt8m"]["videos_listed"]
    assert "categories" not in different
    assert all(row["explanation"] for row in different.values())


@pytest.mark.skipif("INSTREC_ICMR2017" not in os.environ, reason="INSTREC_ICMR2017 names no copy of the lists")
def test_table1_of_the_published_lists(tmp_path):
    directory = Path(os.environ["INSTREC_ICMR2017"])
    table = check_table1(directory, tmp_path)
    committed = Path(__file__).parents[2] / "results" / "curation" / "table1.json"
    assert json.loads(committed.read_text()) == table
    alphabetical = dict(enumerate(sorted(labels.FCVID_FOLDERS)))
    listed = published.read_list(directory / "fcvid_dataset.csv", "fcvid")
    wrong = listed.folder != listed.label_id.map(alphabetical)
    assert sorted(listed.label_id[~wrong].unique()) == [0]


def test_the_committed_table1_holds_what_the_paper_prints():
    table = json.loads((Path(__file__).parents[2] / "results" / "curation" / "table1.json").read_text())
    for corpus in ("fcvid", "yt8m"):
        assert table[corpus]["paper"] == paper.paper_tables()["table1"][corpus]
    assert round(table["fcvid"]["hours"], 2) == 259.84
    assert round(table["yt8m"]["hours"], 2) == 4152.09


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("./celloPerformance/abc,0", "belongs to the folder accordionPerformance, got celloPerformance"),
        ("./celloPerformance/abc,12", "label ids are 0 to 11, got 12"),
        ("./celloPerformance/../abc,10", "expected ./folder/id,label id"),
        ("./celloPerformance/a/b,10", "expected ./folder/id,label id"),
        ("../celloPerformance/abc,10", "expected ./folder/id,label id"),
        ("abc,10", "expected ./folder/id,label id"),
        ("./celloPerformance/abc", "expected ./folder/id,label id"),
        ("./celloPerformance/abc,ten", "expected ./folder/id,label id"),
        ("./celloPerformance/abc,-1", "expected ./folder/id,label id"),
        ("./celloPerformance/abc,1\u0660", "expected ./folder/id,label id"),
        ("", "expected ./folder/id,label id"),
    ],
)
def test_a_bad_row_of_the_list_is_named(lists, row, message):
    path = lists / "fcvid_dataset.csv"
    rows = path.read_text().splitlines()
    rows[4] = row
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"fcvid_dataset\.csv, row 5: ") as caught:
        published.read_list(path, "fcvid")
    assert message in str(caught.value)


def test_no_table_is_written_from_a_bad_list(lists, tmp_path):
    with (lists / "yt8m_dataset.csv").open("a") as file:
        file.write("../../escape,1\n")
    with pytest.raises(CorpusError, match="escape"):
        write_table1(lists, tmp_path / "table1.json")
    assert not (tmp_path / "table1.json").exists()


def test_a_repeated_video_an_empty_list_and_an_unknown_corpus_are_refused(lists):
    path = lists / "yt8m_dataset.csv"
    first = path.read_text().splitlines()[0]
    count = len(path.read_text().splitlines())
    with path.open("a") as file:
        file.write(first + "\n")
    with pytest.raises(CorpusError, match=rf"row {count + 1}: .* a second time"):
        published.read_list(path, "yt8m")
    path.write_text("")
    with pytest.raises(CorpusError, match="row 1: expected id,label id, got ''"):
        published.read_list(path, "yt8m")
    with pytest.raises(ParameterError, match="fcvid, yt8m; got 'vggsound'"):
        published.read_list(path, "vggsound")


def test_a_duration_of_another_folder_is_refused(lists):
    path = lists / "fcvid_auxinfo.pkl"
    path.write_bytes(path.read_bytes().replace(b"./celloPerformance/", b"./fluteConcerts/"))
    with pytest.raises(CorpusError, match=r"fcvid_dataset\.csv, row \d+: f10_.*'fluteConcerts'"):
        published.load_index("fcvid", lists)


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_with_code_is_refused_and_does_nothing(tmp_path, protocol):
    path = tmp_path / "aux.pkl"
    path.write_bytes(pickle.dumps({"a": Touch(tmp_path / "touched")}, protocol))
    with pytest.raises(CorpusError, match=r"aux\.pkl: .*only plain data is allowed"):
        published.read_durations(path)
    assert not (tmp_path / "touched").exists()
    pickle.loads(path.read_bytes())  # the same pickle does act where it is trusted
    assert (tmp_path / "touched").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        python2_pickle({"a": (1.0, 25)})[:-3],
        python2_pickle({"a": (1.0, 25)}) + b"N.",
        b"Ppersistent\n.",
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"S'\\xe9'\n.",
        pickle.dumps({1, 2})[:5],
    ],
)
def test_a_damaged_pickle_is_an_error_that_names_the_file(tmp_path, content):
    path = tmp_path / "aux.pkl"
    path.write_bytes(content)
    with pytest.raises(CorpusError, match=r"aux\.pkl"):
        published.read_durations(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "expected a dict"),
        ({"a": (1.0, 25), "../b": (1.0, 25)}, "entry 2: expected a video id"),
        ({7: (1.0, 25)}, "entry 1: expected a video id"),
        ({"a": (1.0,)}, r"entry 1 \(a\): expected \(seconds, frames/s\)"),
        ({"a": (-1.0, 25)}, "above 0"),
        ({"a": (float("nan"), 25)}, "above 0"),
        ({"a": (1.0, "25")}, "above 0"),
        ({"./x/a": (1.0, 25), "./y/a": (1.0, 25)}, "entry 2: a is there a second time"),
    ],
)
def test_durations_of_another_form_are_refused(tmp_path, content, message):
    path = tmp_path / "aux.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(CorpusError, match=message):
        published.read_durations(path)


def test_the_published_files_are_checked(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTREC_ICMR2017", str(tmp_path))
    for name in published.SHA256:
        (tmp_path / name).write_bytes(b"changed")
    with pytest.raises(CorpusError, match=r"fcvid_auxinfo\.pkl: the sha256"):
        published.locate_lists()


def test_frames_for_plots_come_without_missing_labels(lists):
    for corpus in ("fcvid", "yt8m"):
        index = published.load_index(corpus, lists)
        assert isinstance(index, pd.DataFrame)
        assert index.label.notna().all()
        assert (index.duration > 0).all()
