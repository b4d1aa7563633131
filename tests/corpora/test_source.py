"""Every declared source, and a toy one that another package brings."""

import ast
import dataclasses
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import outside
import pandas as pd
import pytest
import yaml

from instrec_utils import corpora, paths
from instrec_utils.corpora.index import write_index
from instrec_utils.corpora.source import ContactSheet, Source
from instrec_utils.corpora.splits import SPLIT_METHODS
from instrec_utils.errors import CorpusError, ParameterError
from instrec_utils.report import page

CHECKOUT = Path(__file__).parents[2]

TOY = """
import numpy as np
import pandas as pd

from instrec_utils.corpora.index import write_index
from instrec_utils.corpora.source import Source

asked = []


def write_toy_index(options):
    asked.append(options)
    rows = [(f"{label}{n}", label, split, f"{label}{n}.mp4", 3.0)
            for label in ("gong", "harp") for n, split in enumerate(("train", "validation", "test"))]
    index = pd.DataFrame(rows, columns=["video_id", "label", "split", "path", "duration"])
    write_index(index, options.corpus_dir / "index.csv")
    return options.corpus_dir


TOY = Source(
    name="toy",
    title="Toy <corpus>",
    summary="Toys & more.",
    nature="Less than <nothing> is in it.",
    licence="CC0.",
    citation="Nobody (2026).",
    build=write_toy_index,
    split_methods=("stratified",),
    photographs=lambda corpus: [(label, np.full((8, 6, 3), 100, np.uint8)) for label in corpus.labels],
    is_playable=lambda index: index["label"] == "harp",
)
SHELVED = Source(name="shelved", title="T", nature="N.", licence="L.", citation="C.", build=write_toy_index,
                 root="a shelf of toys")
SILENT = "no source at all"
"""


@pytest.fixture
def declare(tmp_path, monkeypatch):
    """Install a package from outside that declares sources; return its module and the function that declares."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "toy_corpora", raising=False)

    def declare(**entries):
        outside.write_package(site, "toy_corpora", {"toy_corpora": TOY}, {"instrec.sources": entries})

    declare(toy="toy_corpora:TOY", shelved="toy_corpora:SHELVED")
    return declare


@pytest.fixture
def toy(declare, home):
    return corpora.prepare_corpus("mine", "toy", clips_per_class=7, seed=3)


def test_every_source_says_what_it_is():
    declared = corpora.sources()
    assert list(declared) == ["demo", "fcvid", "folder", "open", "yt8m"]
    pages = (CHECKOUT / "book" / "corpora.md").read_text(encoding="utf-8")
    for name, source in declared.items():
        assert source.name == name
        for text in (source.nature, source.licence, source.citation):
            assert text.endswith(".")
            assert not set(text) & set("<>&")
        assert set(source.split_methods) <= set(SPLIT_METHODS)
        assert f"| `{name}` |" in pages
        parameters = yaml.safe_load((CHECKOUT / "params" / f"{name}.yaml").read_text())
        assert parameters["source"] == parameters["corpus"] == name
        with pytest.raises(ParameterError, match=f"split: for the source {name} expected .*; got 'by hand'"):
            corpora.prepare_corpus("mine", name, split_method="by hand")
    assert {name for name, source in declared.items() if source.photographs} == {"demo", "open"}
    assert {name for name, source in declared.items() if source.may_release_features} == {"demo"}


def test_nothing_outside_compares_the_name_of_a_source():
    for path in [*(CHECKOUT / "instrec_utils").rglob("*.py"), *(CHECKOUT / "notebooks").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                words = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
                is_source = any("source" in (getattr(n, "id", ""), getattr(n, "attr", "")) for n in ast.walk(node))
                is_name = words & {"demo", "open", "folder", "fcvid", "yt8m"}
                assert not (is_name and (is_source or "source" in words)), f"{path}:{node.lineno}"


def test_a_toy_from_outside_is_prepared_and_read(toy, declare):
    assert list(corpora.sources()) == ["demo", "fcvid", "folder", "open", "shelved", "toy", "yt8m"]
    (options,) = sys.modules["toy_corpora"].asked
    assert dataclasses.astuple(options) == (toy.directory, toy.directory, 7, "stratified", 3, "leave_out", False)
    again = corpora.read_corpus("mine")
    assert (again.source, again.split_method, again.labels) == ("toy", "stratified", ["gong", "harp"])
    assert again.videos.resolve() == toy.directory.resolve()
    written = pd.read_csv(toy.directory / "splits" / "stratified.csv")
    pd.testing.assert_frame_equal(written, again.index[["video_id", "split"]], check_dtype=False)
    assert len(corpora.read_listed(again)) == 6


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("source.json", '{"source": "t'),
        ("source.json", '{"source": "toy"}'),
        ("source.json", "[1, 2]"),
        ("notes.json", '["A class'),
        ("notes.json", "3"),
    ],
)
def test_a_corpus_that_is_damaged_is_to_be_made_again(toy, name, content):
    (toy.directory / name).write_text(content)
    with pytest.raises(CorpusError, match=rf"{name}: damaged \(.*\); run the notebook 01_corpus again$"):
        corpora.read_corpus("mine")
    assert corpora.prepare_corpus("mine", "toy").index.equals(toy.index)


def test_a_video_that_could_not_be_decoded_may_have_any_id(toy):
    index = toy.index.assign(video_id=["NA", "null", *toy.index["video_id"][2:]])
    write_index(index, toy.directory / "index.csv")
    (toy.directory / "features").mkdir()
    (toy.directory / "features" / "errors.csv").write_text("video_id,path,reason\nNA,NA.mp4,damaged\n")
    assert corpora.read_corpus("mine").usable["video_id"].tolist() == index["video_id"].tolist()[1:]


def test_a_toy_from_outside_has_its_pages_and_photographs(toy):
    note = page.corpus_note(toy).data
    assert "<strong>Toys &amp; more.</strong> Less than &lt;nothing&gt; is in it. 2 classes; videos: 2 train" in note
    assert "divided by a stratified split." in note
    assert page.playable(toy) == {"harp0", "harp1", "harp2"}
    pictures, targets = corpora.read_photographs(toy)
    assert pictures.shape == (2, 256, 256, 3)
    assert targets.tolist() == [0, 1]


def test_a_source_that_is_not_right_is_refused(declare, home):
    with pytest.raises(
        ParameterError, match="expected one of demo, fcvid, folder, open, shelved, toy, yt8m; got 'toys'"
    ):
        corpora.prepare_corpus("mine", "toys")
    with pytest.raises(ParameterError, match="root: expected a shelf of toys, got none"):
        corpora.prepare_corpus("mine", "shelved")
    with pytest.raises(ParameterError, match="for the source toy expected stratified; got 'grouped'"):
        corpora.prepare_corpus("mine", "toy", split_method="grouped")
    with pytest.raises(ParameterError, match="for the source shelved expected none, as its clips are staged"):
        corpora.prepare_corpus("mine", "shelved", split_method="grouped")
    assert not (paths.data_dir() / "mine").exists()
    for value, message in (
        ("toy_corpora:SILENT", "must be a Source named toy; got 'no source at all'"),
        ("toy_corpora:SHELVED", "must be a Source named toy; got Source"),
        ("toy_corpora:GONE", "cannot be loaded: .*GONE"),
        ("toy_corpus:TOY", "cannot be loaded: No module named 'toy_corpus'"),
    ):
        declare(toy=value)
        with pytest.raises(ParameterError, match=message):
            corpora.source_named("toy")
    declare(demo="toy_corpora:TOY")
    with pytest.raises(ParameterError, match=r"demo is declared by instrec_corpora\.demo:SOURCE and by toy_corpora"):
        corpora.source_named("demo")


@pytest.mark.parametrize("changes", [{"title": ""}, {"licence": ""}, {"citation": ""}, {"nature": ""}, {"name": ""}])
def test_an_entry_without_its_texts_is_refused(changes):
    with pytest.raises(ValueError, match=f"expected a {next(iter(changes))}, got none"):
        dataclasses.replace(corpora.source_named("folder"), **changes)


def test_an_entry_with_an_unknown_split_method_is_refused():
    with pytest.raises(ValueError, match=r"methods are paper, stratified, grouped; got \{'random'\}"):
        dataclasses.replace(corpora.source_named("folder"), split_methods=("random", "paper"))


def test_a_corpus_without_photographs_says_what_may_be_given(home, monkeypatch):
    monkeypatch.setenv("INSTREC_OPEN_CORPUS", str(home))
    corpus = corpora.Corpus("mine", "folder", home, home, pd.DataFrame({"label": ["gong"]}))
    with pytest.raises(CorpusError, match=r"mine: .* two of the classes gong; name a folder .* initial_weights"):
        corpora.read_photographs(corpus)


def test_photographs_of_the_demo_are_drawn_the_same_each_time(home, monkeypatch):
    monkeypatch.setattr("instrec_corpora.demo.DRAWN_PER_CLASS", 2)
    corpus = corpora.Corpus("demo", "demo", home, home, pd.DataFrame({"label": ["banjo", "drums"]}))
    pictures, targets = corpora.read_photographs(corpus)
    assert targets.tolist() == [0, 0, 1, 1]
    assert pictures.shape == (4, 256, 256, 3)
    np.testing.assert_array_equal(corpora.read_photographs(corpus)[0], pictures)


def test_photographs_of_the_open_corpus_are_those_of_its_training_clips(home, monkeypatch):
    monkeypatch.setenv("INSTREC_OPEN_CORPUS", str(home))
    for name, level in (("banjo/1", 40), ("banjo/2", 80), ("flute/1", 120)):
        (home / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(home / "photos" / f"{name}.png"), np.full((20, 30, 3), (level, 0, 0), np.uint8))
    index = pd.DataFrame(
        [
            ("a", "banjo", "train", "photos/banjo/1.png;soundfont:timgm6mb"),
            ("b", "flute", "train", "photos/flute/1.png;photos/banjo/1.png"),
            ("c", "banjo", "test", "photos/banjo/2.png;soundfont:merlin"),
        ],
        columns=["video_id", "label", "split", "sources"],
    )
    corpus = corpora.Corpus("open", "open", home, home, index)
    pictures, targets = corpora.read_photographs(corpus)
    assert targets.tolist() == [0, 1]
    assert pictures[:, 0, 0].tolist() == [[0, 0, 40], [0, 0, 120]]
    assert page.playable(corpus) == {"a", "b"}


def test_the_contact_sheet_of_the_demo():
    sheet = corpora.source_named("demo").contact_sheet()
    assert isinstance(sheet, ContactSheet)
    assert sheet.picture.dtype == np.uint8
    assert "26 drawn instruments: two each of accordion," in sheet.alt


def test_naming_one_source_loads_neither_the_others_nor_a_network():
    program = (
        "import sys; from instrec_utils import corpora; corpora.source_named('folder')\n"
        "print([name for name in ('tensorflow', 'keras', 'moviepy', 'instrec_corpora', 'instrec_utils.paper_data')"
        " if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"
    program = "import sys; from instrec_utils import corpora; corpora.sources(); print('tensorflow' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "False"


def test_a_source_takes_no_more_than_it_needs():
    source = Source("x", "X", "N.", "L.", "C.", lambda options: options.corpus_dir)
    index = pd.DataFrame({"label": ["a", "b"]}, index=[4, 7])
    assert source.is_playable(index).to_dict() == {4: True, 7: True}
    assert not any([source.split_methods, source.root, source.ledger, source.photographs, source.contact_sheet])
