"""The paper's own experiment by one command, from an archive's videos to the book: tiny networks, four of its rows."""

import dataclasses
import pickle
import re
import shutil
from pathlib import Path

import cv2
import in_process
import keras
import numpy as np
import pandas as pd
import pytest
from clusters import one_after_the_other
from tiny_videos import tone, write_video
from typer.testing import CliRunner

from instrec_utils import __main__, cluster, evaluation, paths
from instrec_utils.models import architecture
from instrec_utils.paper_data import labels, paper, published
from instrec_utils.pipeline import execution, grid

HOME = Path(__file__).resolve().parents[2]
LISTED = 30  # videos a class in the list: enough for every class to be in every split of the random draw
WITH_PHOTOGRAPHS = ("flute", "piano")
ROWS = """
- {notebook: 03_visual_model, num_frames: [20], initial_weights: [imagenet]}
- {notebook: 03_visual_model, num_frames: [50], initial_weights: [imagenet+instruments]}
- {notebook: 04_audio_model, audio_model: [choi2016]}
- {notebook: 05_fusion, audio_model: [choi2016]}
"""
OURS = {"42.30", "69.39", "79.81", "86.97"}  # what the paper prints beside them
load = architecture._loaded


def load_tiny(entry_point):
    """An architecture as it is declared, but of a network that takes no time."""
    entry = load(entry_point)

    def build(num_classes, **_):
        if entry.kind == "visual":
            inputs = keras.Input((224, 224, 3))
            x = keras.layers.Flatten()(keras.layers.AveragePooling2D(56)(keras.layers.Rescaling(1 / 255)(inputs)))
        else:
            (settings, *_) = (one.settings for one in entry.inputs.values())
            inputs = keras.Input((settings.n_mels, settings.num_frames))
            x = keras.layers.GlobalAveragePooling1D(data_format="channels_first")(inputs)
        x = keras.layers.Dense(8, name="embedding")(x)
        return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax", name="scores")(x))

    return entry if entry.kind == "fusion" else dataclasses.replace(entry, build=build, embedding_size=8)


def write_list(folder):
    """Write a list as the paper's authors published it."""
    folder.mkdir()
    rows = [(f"./{name}/-f{n}_{c}", c) for n in range(LISTED) for c, name in enumerate(labels.FCVID_FOLDERS)]
    (folder / "fcvid_dataset.csv").write_text("".join(f"{key},{label}\n" for key, label in rows))
    (folder / "fcvid_auxinfo.pkl").write_bytes(pickle.dumps({key: (2.0, 25) for key, _ in rows}, 2))
    return folder


def write_archive(root, lists):
    """Write three clips a class where an extracted archive has them, one for each split of the list."""
    listed = published.load_index("fcvid", lists).drop_duplicates(["label", "split"])
    for number, row in enumerate(listed.itertuples()):
        path = root / row.folder / f"{row.video_id}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = np.random.default_rng(number).integers(0, 255, (54, 96, 3), dtype=np.uint8)
        write_video(path, times=[0.0, 1.0], last=1.0, picture=picture, sound=tone(2.0, 44_100, 200 + 20 * number))
    return root


def write_photographs(root):
    for number in range(12):
        path = root / WITH_PHOTOGRAPHS[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8))
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What the command says, and the folder of the book."""
    home = tmp_path_factory.mktemp("fcvid")
    for name in ("notebooks", "_toc.yml", "_config.yml", "book", "results"):
        (home / name).symlink_to(HOME / name)
    shutil.copytree(HOME / "params", home / "params")
    (home / "params" / "tables" / "fcvid.yaml").write_text(ROWS)
    lists = write_list(home / "lists")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSTREC_HOME", str(home))
        patch.setenv("INSTREC_DATA", str(home / "data"))
        patch.chdir(home)
        patch.setattr(published, "locate_lists", lambda: lists)
        patch.setattr(architecture, "_loaded", load_tiny)
        patch.setattr(cluster, "process", one_after_the_other)
        patch.setattr(evaluation, "NUM_RESAMPLES", 20)
        for module in (execution, grid):
            patch.setattr(module, "execute_notebook", in_process.execute_notebook)
        write_archive(home / "FCVID", lists)
        write_photographs(home / "photographs")
        command = ["tables", "--corpus", "fcvid", "--root", "FCVID", "-p", "photographs=photographs"]
        command += [text for kind in ("audio", "visual", "fusion") for text in ("-p", f"{kind}_max_epochs=1")]
        said = CliRunner().invoke(__main__.app, command, catch_exceptions=False).stdout
        yield said, home / "_build" / "fcvid" / "_build" / "html", paths.runs_dir("fcvid")


def rows_of_table(html, number, page):
    """Return the rows of one of the paper's tables in the built book, as words."""
    text = (html / "fcvid" / f"{page}.html").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    table = text[text.index(f"<caption>Table {number}.") :].partition("</table>")[0]
    rows = [re.findall("<td>(.*?)</td>", row, re.S) for row in re.findall("<tr.*?</tr>", table, re.S)]
    return [" ".join(" ".join(row).split()) for row in rows if row]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "page"), [(2, "03_visual_model"), (3, "04_audio_model"), (4, "05_fusion")])
def test_the_book_has_our_rows_beside_the_papers_and_those_that_only_the_paper_has(made, number, page):
    said, html, _ = made
    assert "4 runs trained." in said
    rows = rows_of_table(html, number, page)
    for line in paper.paper_tables()[f"table{number}"]:
        scores = [f"{line[name]:.2f}" for name in ("hit_at_1", "hit_at_3", "f1")]
        found = [row for row in rows if " / ".join(scores) in row]
        assert len(found) == (line["dataset"] == "FCVID"), line
        for row in found:
            costs = (line.get("steps"), line.get("parameters"), "hours" in line and f"{line['hours']} h")
            assert all(cost in row for cost in costs if cost), row
            is_measured = re.search(r"\d+\.\d \(\d+\.\d", row.replace("\N{WORD JOINER}", ""))
            assert bool(is_measured) == (scores[0] in OURS), row


@pytest.mark.slow
def test_the_pages_say_which_classes_have_no_photographs_and_what_the_corpus_is(made):
    _, html, _ = made
    without = sorted(set(labels.FCVID_LABEL_OF_FOLDER.values()) - set(WITH_PHOTOGRAPHS))
    page = (html / "fcvid" / "03_visual_model.html").read_text(encoding="utf-8")
    assert f"No photographs of {', '.join(without)}" in page
    assert "This page was made from FCVID" in page
    assert "<h1>fcvid: what is played in these videos?" in (html / "index.html").read_text(encoding="utf-8")
    index = pd.read_csv(paths.data_dir() / "fcvid" / "index.csv")
    assert index.groupby("label").split.nunique().tolist() == [3] * 12
