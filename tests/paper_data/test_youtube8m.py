from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_records import write_records

from instrec_utils.config import LABELS
from instrec_utils.errors import CorpusError
from instrec_utils.paper_data import instruments, youtube8m

MUSIC = "Arts & Entertainment"
# (name, section, description, why it is rejected; empty if it is an instrument). Descriptions in our own words.
ENTITIES = [
    ("Guitar", MUSIC, "The guitar is a musical instrument with strings. It is loved.", ""),
    ("Banjo", MUSIC, "The banjo is a four-, five- or six-stringed instrument with a skin.", ""),
    ("Piano", MUSIC, "The piano is an acoustic, stringed musical instrument, struck by hammers.", ""),
    ("Fiddle", MUSIC, "Fiddle is another name for the bowed string musical instrument called violin.", ""),
    ("Drum kit", "(Unknown)", "A drum kit—also called a set—is a collection of drums and cymbals, on stands.", ""),
    ("Tenor saxophone", MUSIC, "The tenor saxophone is a medium-sized member of the saxophone family.", ""),
    ("Keyboard instrument", "Computers & Electronics", "A keyboard instrument is a musical instrument with keys.", ""),
    ("Organ (music)", MUSIC, "In music, the organ is a keyboard instrument of several pipe divisions.", ""),
    ("Guitar Hero", MUSIC, "The Guitar Hero series is a series of music rhythm games, held like a guitar.", "a game"),
    ("Guitar Hero 9", "Games", "Guitar Hero 9 is a guitar to come.", "a game"),
    (
        "Computer keyboard",
        "Computers & Electronics",
        "In computing, a computer keyboard is a typewriter-style device which has keys.",
        "the word in another sense",
    ),
    ("Bass (fish)", "Science", "Bass is a name shared by many species of fish.", "the word in another sense"),
    ("Vehicle horn", "Autos & Vehicles", "A horn is a sound-making device of cars.", "the word in another sense"),
    ("Bone", "Science", "A bone is a rigid organ that holds a body.", "the word in another sense"),
    ("Face", MUSIC, "The face is a central organ of sense.", "an organ of the body or of a plant"),
    ("Drummer", MUSIC, "A drummer is a musician who plays drums.", "a person or a character"),
    ("String quartet", MUSIC, "A string quartet is a musical ensemble of a cello and more.", "an ensemble"),
    ("Epiphone", MUSIC, "Epiphone is an American musical instrument manufacturer.", "a maker or seller"),
    ("Guitar pick", MUSIC, "A guitar pick is a plectrum used for guitars.", "a part, an accessory or a way of playing"),
    ("Strum", MUSIC, "In music, strumming is a way of playing a guitar.", "a part, an accessory or a way of playing"),
    ("Camera", "Computers & Electronics", "A camera is an optical instrument.", "an instrument, not for making music"),
    ("Talent show", MUSIC, "A talent show is an event with an instrument or two.", "not defined as an instrument"),
]
OTHERS = [
    ("Car", "Autos & Vehicles", "A car is a vehicle."),
    ("Painting", MUSIC, "Painting is the laying on of paint."),
]


@pytest.fixture
def vocabulary_file(tmp_path):
    rows = [(*entity[:3],) for entity in ENTITIES] + OTHERS
    table = pd.DataFrame(rows, columns=["Name", "Vertical1", "WikiDescription"])
    table["Index"] = np.arange(len(rows)) * 3
    table["TrainVideoCount"] = 1000 - np.arange(len(rows))
    path = tmp_path / "vocabulary.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture
def candidates(vocabulary_file):
    return instruments.find_instruments(youtube8m.read_vocabulary(vocabulary_file))


def test_instruments_are_kept_and_false_friends_rejected_with_the_reason(candidates):
    assert dict(zip(candidates.name, candidates.reason, strict=True)) == {name: why for name, _, _, why in ENTITIES}
    assert (candidates.accepted == (candidates.reason == "")).all()
    assert candidates.train_videos.is_monotonic_decreasing


@pytest.mark.parametrize(
    ("description", "expected"),
    [
        ("The banjo is a four-, five- or six-stringed instrument with a skin. It is loud.",
         "a four-, five- or six-stringed instrument"),
        ("Kemenche is a name used for various types of bowed instruments.", "various types of bowed instruments"),
        ("Lute can refer generally to any string instrument having a neck.", "any string instrument"),
        ("No verb here", "No verb here"),
        ("", ""),
    ],
)  # fmt: skip
def test_definitions(description, expected):
    assert instruments._definition(description) == expected


def test_the_table_of_categories_is_complete_and_gives_reasons():
    table = youtube8m._read_categories()
    assert table.name.is_unique
    assert set(table.category) == {"", *LABELS}
    assert (table.reason != "").all()
    itself = table[table.reason == "is the category"]
    assert set(itself.category) == set(LABELS)


def test_categories_are_assigned_and_what_the_table_lacks_is_named(candidates):
    entities = youtube8m.assign_categories(candidates)
    assert (entities.category[~entities.accepted] == "").all()
    accepted = entities[entities.accepted]
    assert dict(zip(accepted.name, accepted.category, strict=True)) == {
        "Guitar": "guitar",
        "Banjo": "banjo",
        "Piano": "piano",
        "Fiddle": "violin",
        "Drum kit": "drums",
        "Tenor saxophone": "saxophone",
        "Keyboard instrument": "",
        "Organ (music)": "organ",
    }
    table = youtube8m._read_categories()
    with pytest.raises(CorpusError, match="missing: Banjo, Fiddle"):
        youtube8m.assign_categories(candidates, table[~table.name.isin(["Fiddle", "Banjo"])])
    with pytest.raises(CorpusError, match=r"row 1: the category must be empty or one of accordion.*'theremin'"):
        youtube8m.assign_categories(candidates, table.assign(category="theremin"))
    with pytest.raises(CorpusError, match=rf"row {len(table) + 1}: an entity may be there once"):
        youtube8m.assign_categories(candidates, pd.concat([table, table[:1]], ignore_index=True))


def test_every_candidate_has_a_reason(candidates):
    table = youtube8m.assign_categories(candidates).set_index("name")
    assert len(table) == len(ENTITIES)
    assert (table.reason != "").all()
    assert table.loc["Fiddle", ["accepted", "category"]].to_list() == [True, "violin"]
    assert table.loc["Guitar Hero", ["accepted", "category", "reason"]].to_list() == [False, "", "a game"]
    assert table.loc["Keyboard instrument", "reason"].startswith("a family")


def test_counts_of_the_categories(candidates):
    counts = youtube8m.category_counts(youtube8m.assign_categories(candidates), {"guitar": 7})
    counts = counts.set_index("category")
    assert set(counts.index) == set(LABELS)
    assert counts.loc["guitar", ["entities", "at_least", "at_most", "published"]].tolist() == [1, 1000, 1000, 7]
    assert np.isnan(counts.at["cello", "at_least"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="Name"), "missing: .'Name'"),
        (lambda table: table.assign(TrainVideoCount=["many", *["1"] * (len(table) - 1)]), "row 1: train_videos"),
        (lambda table: table.assign(Index="5"), "row 2: entity 5 is there a second time"),
    ],
)
def test_a_bad_vocabulary_is_named(vocabulary_file, change, message):
    change(pd.read_csv(vocabulary_file, dtype=str)).to_csv(vocabulary_file, index=False)
    with pytest.raises(CorpusError, match=rf"vocabulary\.csv.*{message}"):
        youtube8m.read_vocabulary(vocabulary_file)
    with pytest.raises(CorpusError, match="no such file"):
        youtube8m.read_vocabulary(vocabulary_file.with_name("other.csv"))


def test_records_become_videos_with_one_label(tmp_path, candidates):
    entities = youtube8m.assign_categories(candidates)
    number = dict(zip(entities.name, entities.entity, strict=True))
    write_records(
        tmp_path / "train0000.tfrecord",
        [
            ("ab12", [number["Guitar"], number["Keyboard instrument"]]),
            ("-xyz", [number["Banjo"], number["Guitar"]]),
            ("cd34", []),
            ("ef56", [3861, number["Fiddle"]]),
        ],
    )
    write_records(tmp_path / "train0001.tfrecord", [("-7VUM9MKg4x", [number["Drum kit"]])], key="video_id")
    paths = sorted(tmp_path.glob("*.tfrecord"))
    records = pd.concat(map(youtube8m._read_records, paths), ignore_index=True)
    assert records.video_id.to_list() == ["ab12", "-xyz", "cd34", "ef56", "-7VUM9MKg4x"]
    videos, counts = youtube8m._select_videos(records, entities)
    assert videos.to_numpy().tolist() == [["ab12", "guitar"], ["ef56", "violin"], ["-7VUM9MKg4x", "drums"]]
    assert counts == {"read": 5, "without_category": 1, "with_several_categories": 1, "selected": 3}


def test_a_selection_from_records_reads_counts_and_undersamples(tmp_path, candidates, monkeypatch):
    entities = youtube8m.assign_categories(candidates)
    number = dict(zip(entities.name, entities.entity, strict=True))
    monkeypatch.setattr(youtube8m, "PUBLISHED_SIZES", {"guitar": 4})
    rows = [(f"g{n:03d}", [number["Guitar"]]) for n in range(9)] + [("both", [number["Guitar"], number["Banjo"]])]
    write_records(tmp_path / "train0000.tfrecord", rows)
    write_records(tmp_path / "train0001.tfrecord", [("ban1", [number["Banjo"]]), ("none", [3861])])
    paths = sorted(tmp_path.glob("*.tfrecord"))
    videos, counts, before = youtube8m.select_from_records(paths, entities, np.random.default_rng(0))
    assert dict(before) == {"guitar": 9, "banjo": 1}
    assert Counter(videos.label) == {"guitar": 4, "banjo": 1}
    assert set(videos.video_id) <= {name for name, _ in rows} | {"ban1"}
    assert counts == {"read": 12, "without_category": 1, "with_several_categories": 1, "selected": 10}
    with pytest.raises(CorpusError, match="got none"):
        youtube8m.select_from_records([], entities, np.random.default_rng(0))


def test_damaged_records_are_named(tmp_path):
    path = tmp_path / "train.tfrecord"
    write_records(path, [("ab12", [1]), ("cd34", [2])])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(CorpusError, match=r"train\.tfrecord, after record \d+: damaged"):
        youtube8m._read_records(path)
    path.write_bytes(whole[:200] + bytes([whole[200] ^ 1]) + whole[201:])
    with pytest.raises(CorpusError, match=r"train\.tfrecord, after record 0: damaged"):
        youtube8m._read_records(path)
    write_records(path, [("ab12", [1]), ("../x", [2])])
    with pytest.raises(CorpusError, match=r"train\.tfrecord, record 2: expected the id of a video, got '\.\./x'"):
        youtube8m._read_records(path)
    write_records(path, [("ab12", [1])], key="name")
    with pytest.raises(CorpusError, match="record 1: expected the id"):
        youtube8m._read_records(path)
    with pytest.raises(CorpusError, match="no such TFRecord"):
        youtube8m._read_records(tmp_path / "none.tfrecord")


@settings(deadline=None)
@given(
    labels=st.lists(st.sampled_from(["guitar", "piano", "banjo"]), max_size=60),
    size=st.integers(1, 20),
    seed=st.integers(0, 9),
)
def test_undersampling_draws_the_named_categories_and_no_other(labels, size, seed):
    videos = pd.DataFrame({"video_id": [f"v{n}" for n in range(len(labels))], "label": pd.Series(labels, dtype=str)})
    kept = youtube8m._undersample(videos, {"guitar": size, "piano": size}, np.random.default_rng(seed))
    before, after = Counter(labels), Counter(kept.label)
    assert after == Counter({name: n if name == "banjo" else min(n, size) for name, n in before.items()})
    assert kept.index.is_monotonic_increasing
    shuffled = videos.sample(frac=1, random_state=seed)
    again = youtube8m._undersample(shuffled, {"guitar": size, "piano": size}, np.random.default_rng(seed))
    assert set(again.video_id) == set(kept.video_id)
