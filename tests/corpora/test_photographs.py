"""Photographs of the classes: a folder's, the source's own, or those that another source lends."""

import unicodedata
from dataclasses import replace

import cv2
import numpy as np
import pandas as pd
import pytest

from instrec_utils.corpora import Corpus, photographs, source_named
from instrec_utils.errors import CorpusError

INDEX = pd.DataFrame({"video_id": ["a", "b", "c"], "label": ["cello", "flute", "organ"], "split": "train"})
RED, GREEN = np.array([200, 20, 20]), np.array([20, 200, 20])


@pytest.fixture
def corpus(tmp_path):
    return Corpus("mine", "folder", tmp_path, tmp_path, INDEX)


def picture(colour):
    return np.full((60, 90, 3), colour, np.uint8)


def add(folder, label, name, colour):
    (folder / label).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / label / name), picture(colour)[..., ::-1])


def test_a_folder_has_one_subfolder_a_class(corpus, tmp_path):
    add(tmp_path, "flute", "1.png", RED)
    add(tmp_path, "cello", "2.jpg", GREEN)
    add(tmp_path, "cello", "1.webp", RED)
    add(tmp_path, "tuba", "1.png", RED)  # no class of the corpus
    (tmp_path / "flute" / ".hidden").write_text("passed over")
    pictures, targets = photographs.read_photographs(corpus, tmp_path)
    assert pictures.shape == (3, 256, 256, 3)
    assert targets.tolist() == [0, 0, 1]
    for found, colour in zip(pictures, (RED, GREEN, RED), strict=True):
        assert np.abs(found.mean(axis=(0, 1)) - colour).max() < 4


def test_a_class_is_found_in_whatever_form_a_file_system_holds_its_name(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Flöte") for form in ("NFC", "NFD"))
    corpus = Corpus("mine", "folder", tmp_path, tmp_path, INDEX.assign(label=["cello", composed, "organ"]))
    add(tmp_path, decomposed, "1.png", RED)
    add(tmp_path, "organ", "1.png", GREEN)
    pictures, targets = photographs.read_photographs(corpus, tmp_path)
    assert [corpus.labels[target] for target in targets] == sorted([composed, "organ"])
    assert np.abs(pictures[targets.tolist().index(corpus.labels.index(composed))].mean(axis=(0, 1)) - RED).max() < 4
    assert photographs.photographs_key(tmp_path, [composed]) != photographs.photographs_key(tmp_path, [])


def test_a_file_that_is_no_photograph_is_named(corpus, tmp_path):
    add(tmp_path, "flute", "1.png", RED)
    for content in (b"", b"no picture"):
        (tmp_path / "flute" / "notes.txt").write_bytes(content)
        with pytest.raises(CorpusError, match=r"flute/notes\.txt: expected a photograph .* cannot be read as one"):
            photographs.read_photographs(corpus, tmp_path)


@pytest.mark.parametrize("labels", [[], ["flute"], ["tuba", "horn"]])
def test_photographs_of_fewer_than_two_classes_teach_nothing(corpus, tmp_path, labels):
    for label in labels:
        add(tmp_path / "photos", label, "1.png", RED)
    with pytest.raises(CorpusError, match="photos: expected photographs of at least two of the classes cello, flute, "):
        photographs.read_photographs(corpus, tmp_path / "photos")


def test_a_source_without_photographs_borrows_those_of_the_classes_that_there_are(corpus, monkeypatch):
    asked = []

    def lend(labels):
        asked.append(labels)
        return [("flute", picture(RED)), ("organ", picture(GREEN))]

    folder = source_named("folder")
    lender = replace(folder, name="lender", lend_photographs=lend)
    monkeypatch.setattr(photographs, "sources", lambda: {"folder": folder, "lender": lender})
    _, targets = photographs.read_photographs(corpus)
    assert asked == [["cello", "flute", "organ"]]
    assert targets.tolist() == [1, 2]
    monkeypatch.setattr(photographs, "sources", lambda: {"folder": folder})
    with pytest.raises(CorpusError, match=r"mine: expected photographs of .*; name a folder .*, or set initial"):
        photographs.read_photographs(corpus)


def test_other_photographs_have_another_key(tmp_path):
    add(tmp_path, "flute", "1.png", RED)
    first = photographs.photographs_key(tmp_path, ["cello", "flute"])
    assert photographs.photographs_key(tmp_path, ["cello", "flute"]) == first
    assert photographs.photographs_key(tmp_path, ["cello"]) != first
    add(tmp_path, "cello", "1.png", RED)
    assert photographs.photographs_key(tmp_path, ["cello", "flute"]) != first
