"""The answers that come back: what is read, what is refused in one line, and what follows. All answers are made up."""

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_kit import write_answers, write_key

from instrec_utils.corpora import Corpus
from instrec_utils.listeners import answers
from instrec_utils.listeners.kit import CANNOT_TELL, listeners_dir

LABELS = ["cello", "flute"]
VIDEO_IDS = ["v1", "v2", "v3", "v4"]


@pytest.fixture
def corpus(tmp_path):
    index = pd.DataFrame(
        {"video_id": VIDEO_IDS, "label": [*LABELS, *LABELS], "split": "test", "path": "", "duration": 1.0}
    )
    index["sound"] = ["clear", "clear", "silent", "silent"]
    return Corpus("tiny", "demo", tmp_path, tmp_path, index)


@pytest.fixture
def folder(tmp_path):
    """A folder with the key of a kit whose clips a to d are the four videos."""
    write_key(tmp_path / "answers", VIDEO_IDS)
    return tmp_path / "answers"


def table(*rows):
    """Return answers of people to clips of which v1 is a cello, v2 a flute, and so on."""
    every = pd.DataFrame(rows, columns=["who", "video_id", "answer"])
    every["label"] = [LABELS[(int(name[1:]) + 1) % 2] for name in every["video_id"]]
    return every


def test_answers_are_read_through_the_key(folder, corpus):
    write_answers(folder / "one.csv", {"b": "flute", "a": "flute", "c": CANNOT_TELL}, participant=3, times_played=2)
    people, left_out = answers.read_answers(folder.iterdir(), corpus)
    assert left_out == []
    assert people.to_dict("list") == {
        "who": ["3 of 1-abc"] * 3,
        "video_id": ["v2", "v1", "v3"],
        "label": ["flute", "cello", "cello"],
        "answer": ["flute", "flute", CANNOT_TELL],
        "seconds": [2.5] * 3,
        "times_played": [2] * 3,
    }


def test_without_files_there_are_no_answers_and_nothing_is_wrong(corpus, home):
    people, left_out = answers.read_answers(answers.answers_files("tiny").values(), corpus)
    assert people.empty
    assert left_out == []
    assert answers.agreement(people) is None


def test_answers_made_here_hide_published_ones_of_their_name(home):
    published, working = (listeners_dir(home / place) for place in ("results/tiny", "runs/tiny/results"))
    write_answers(published / "1.csv", {"a": "flute"})
    write_answers(published / "2.csv", {"a": "flute"})
    write_answers(working / "2.csv", {"a": "cello"})
    (working / ".hidden").touch()
    found = answers.answers_files("tiny")
    assert found == {"1.csv": published / "1.csv", "2.csv": working / "2.csv"}


HEADER = "participant,kit,clip,answer,seconds,times_played\n"
GOOD = "1,1-abc,a,cello,2.5,1\n"
BAD = {
    "participant": (HEADER + "x,1-abc,a,cello,2.5,1\n", "line 2, column participant: expected a number from 1"),
    "two participants": (HEADER + GOOD + "2,1-abc,b,cello,2.5,1\n", "line 3, column participant: expected 1 on every"),
    "kit": (
        HEADER + "1,1-xyz,a,cello,2.5,1\n",
        "line 2, column kit: expected a kit whose key is here (1-abc), got '1-",
    ),
    "clip": (HEADER + "1,1-abc,z,cello,2.5,1\n", "line 2, column clip: expected a clip of the kit, got 'z'"),
    "clip twice": (HEADER + GOOD + GOOD, "line 3, column clip: expected each clip once, got 'a'"),
    "answer": (
        HEADER + "1,1-abc,a,tuba,2.5,1\n",
        "column answer: expected one of cello, flute, cannot tell, got 'tuba'",
    ),
    "empty answer": (HEADER + "1,1-abc,a,,2.5,1\n", "line 2, column answer: expected one of"),
    "seconds": (
        HEADER + "1,1-abc,a,cello,nan,1\n",
        "line 2, column seconds: expected seconds, such as 12.5, got 'nan'",
    ),
    "endless": (HEADER + "1,1-abc,a,cello,1e999,1\n", "line 2, column seconds"),
    "negative": (HEADER + "1,1-abc,a,cello,2.5,-1\n", "line 2, column times_played: expected a whole number, got '-1'"),
    "other columns": ("a,b\n1,2\n", "expected the columns participant,kit,clip,answer,seconds,times_played, got 'a,b'"),
    "semicolons": (HEADER.replace(",", ";"), "expected the columns participant,kit"),
    "too many values": (HEADER + GOOD.replace("\n", ",more\n"), "line 2: expected 6 values, got 7"),
    "too few values": (HEADER + "1,1-abc\n", "line 2: expected 6 values, got 2"),
    "no answer": (HEADER, "expected at least one line below the header, got none"),
    "nothing": ("", "expected the columns"),
    "open quote": (HEADER + '1,1-abc,"a,cello,2.5,1\n', "cannot be read as a CSV table"),
    "zeros": ("\0\0\0", "expected the columns"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_one_line_and_the_good_ones_count(folder, corpus, case):
    text, said = BAD[case]
    (folder / "bad.csv").write_text(text, encoding="utf-8")
    write_answers(folder / "good.csv", {"a": "cello"}, participant=9)
    people, left_out = answers.read_answers(folder.iterdir(), corpus)
    assert people["who"].tolist() == ["9 of 1-abc"]
    (line,) = left_out
    assert line.startswith("bad.csv: ")
    assert said in line
    assert "\n" not in line
    assert str(folder) not in line


def test_a_key_that_names_a_video_twice_is_refused_and_so_are_its_answers(folder, corpus):
    write_key(folder, ["v1", "v2", "v1"])
    write_answers(folder / "1.csv", {"a": "cello", "c": "flute"})
    people, left_out = answers.read_answers(folder.iterdir(), corpus)
    assert people.empty
    key, participant = left_out
    assert key.endswith(": line 4, column video_id: expected each video once, got 'v1'")
    assert participant.startswith("1.csv: line 2, column kit: expected a kit whose key is here")


def test_files_that_are_none_are_refused_without_waiting(folder, corpus):
    (folder / "folder.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    (folder / "picture.csv").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
    (folder / "gone.csv").symlink_to(folder / "nowhere")
    _, left_out = answers.read_answers(folder.iterdir(), corpus)
    assert [line.partition(":")[0] for line in left_out] == ["folder.csv", "gone.csv", "picture.csv", "pipe.csv"]


def test_a_participant_counts_once_and_a_clip_never_played_not_at_all(folder, corpus):
    write_answers(folder / "1.csv", {"a": "cello"})
    write_answers(folder / "1 (1).csv", {"b": "cello"})
    write_answers(folder / "2.csv", {"a": "cello"}, participant=2, times_played=0)
    people, left_out = answers.read_answers(folder.iterdir(), corpus)
    assert len(people) == 1
    assert left_out == [
        "1.csv: column participant: expected one file of 1 of 1-abc, got a second one",
        "2.csv: column times_played: 0 on 1 of its lines",
    ]


def test_a_key_of_other_videos_is_told_and_its_answers_with_it(folder, corpus):
    write_key(folder, ["v1", "of another index"], kit="1-old")
    write_answers(folder / "1.csv", {"a": "cello"}, kit="1-old")
    people, left_out = answers.read_answers(folder.iterdir(), corpus)
    assert people.empty
    assert left_out[0].startswith("key-1-old.csv: line 3, column video_id: expected a video of the test split")
    assert "column kit" in left_out[1]


def test_a_spreadsheet_may_have_put_a_mark_before_the_header(folder, corpus):
    (folder / "1.csv").write_bytes(b"\xef\xbb\xbf" + (HEADER + GOOD).replace("\n", "\r\n").encode())
    people, left_out = answers.read_answers(folder.iterdir(), corpus)
    assert (len(people), left_out) == (1, [])


def test_rates_are_those_counted_by_hand():
    # The cello: three of four answers right, none wrongly given. The flute: one of two right, one wrongly given.
    people = table(
        *[("p", "v1", "cello"), ("q", "v1", "cello"), ("p", "v3", "cello"), ("q", "v3", "flute")],
        *[("p", "v2", "flute"), ("q", "v2", CANNOT_TELL)],
    )
    rates = answers.rates(people, LABELS)
    assert rates["precision"] == pytest.approx((3 / 3 + 1 / 2) / 2)
    assert rates["recall"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert rates["f1"] == pytest.approx((6 / 7 + 1 / 2) / 2)
    assert rates["hit_at_1"] == pytest.approx((1 + 1 / 2 + 1 / 2) / 3)
    assert rates["low"] < rates["hit_at_1"] < rates["high"]


def test_kappa_is_that_computed_by_hand():
    # p and q agree on 3 of 4; p says cello 2 times, q 3 times: by chance 2/4 * 3/4 + 2/4 * 1/4 = 1/2.
    said = {"p": ["cello", "cello", "flute", "flute"], "q": ["cello", "cello", "cello", "flute"]}
    people = table(*((who, f"v{number + 1}", answer) for who in said for number, answer in enumerate(said[who])))
    agreed = answers.agreement(people)
    assert agreed == {
        "kappa": pytest.approx(0.5),
        "low": pytest.approx(0.5),
        "high": pytest.approx(0.5),
        "num_pairs": 1,
    }
    third = table(("r", "v1", "cello"), ("r", "v4", "flute"))  # agrees with both on the two clips in common
    agreed = answers.agreement(pd.concat([people, third]))
    assert (agreed["kappa"], agreed["num_pairs"]) == (pytest.approx(2.5 / 3), 3)


def test_people_who_always_say_the_same_have_no_kappa():
    assert answers.agreement(table(("p", "v1", "cello"), ("q", "v1", "cello"))) is None
    assert answers.agreement(table(("p", "v1", "cello"), ("q", "v2", "flute"))) is None


CHOICES = st.sampled_from([*LABELS, CANNOT_TELL])


@given(st.dictionaries(st.tuples(st.sampled_from("pqr"), st.sampled_from(VIDEO_IDS)), CHOICES, min_size=1))
def test_whatever_people_answer_rates_are_shares_and_rows_sum_to_one(said):
    people = table(*((who, video_id, answer) for (who, video_id), answer in said.items()))
    rates = answers.rates(people, LABELS)
    assert all(0 <= value <= 1 for value in rates.values())
    assert rates["low"] <= rates["hit_at_1"] + 1e-9
    assert rates["hit_at_1"] <= rates["high"] + 1e-9
    sums = answers.confusion(people, LABELS).sum(axis=1)
    assert np.all(np.isclose(sums, 1) | (sums == 0))
    agreed = answers.agreement(people)
    assert agreed is None or -1 <= agreed["low"] <= agreed["kappa"] <= agreed["high"] <= 1 + 1e-9


def test_answers_of_runs_are_the_highest_scores_of_the_clips_asked_for():
    run = pd.DataFrame({"video_id": VIDEO_IDS, "label": [*LABELS, *LABELS], "cello": [0.9, 0.8, 0.1, 0.2]})
    run["flute"] = 1 - run["cello"]
    found = answers.answers_of_runs([run, run], ["v1", "v2"])
    assert found["answer"].tolist() == ["cello", "cello"] * 2
    assert found["label"].tolist() == ["cello", "flute"] * 2
    assert found["who"].nunique() == 2


def test_answers_divide_by_condition(corpus):
    people = table(("p", "v1", "cello"), ("p", "v2", "cello"), ("p", "v3", CANNOT_TELL), ("p", "v4", "flute"))
    rows = answers.by_condition(corpus, {"people": people}).set_index(["stream", "condition"])
    assert rows.loc[("sound", "clear"), "people"] == 50
    assert rows.loc[("sound", "silent"), ["people", "people, cannot tell", "clips"]].tolist() == [50, 50, 2]
    plain = Corpus("tiny", "demo", corpus.directory, corpus.videos, corpus.index.drop(columns="sound"))
    assert answers.by_condition(plain, {"people": people}) is None
