"""The report of somebody's own videos, whatever they are called and whatever they lack, from the folder to the book."""

import csv
import re
import warnings
from pathlib import Path

import in_process
import keras
import nbformat
import pytest
from clusters import one_after_the_other
from own_videos import NAMES, write_own

from instrec_utils import cluster, evaluation, paths
from instrec_utils.features import embeddings
from instrec_utils.pipeline import execution
from instrec_utils.pipeline.report import make_report

HOME = Path(__file__).resolve().parents[2]
QUICK = {"audio_warm_up_epochs": 0, "num_frames": 2}
QUICK |= {f"{kind}_max_epochs": 1 for kind in ("audio", "visual", "fusion")}
LACKS = {"all": {}, "sound": {"has_sound": False}, "pictures": {"has_pictures": False}}


def build_backbone(_):
    """1,280 values of a frame, as the real one has, in a moment."""
    inputs = keras.Input((224, 224, 3))
    x = keras.layers.AveragePooling2D(56)(keras.layers.Rescaling(1 / 255)(inputs))
    outputs = keras.layers.Dense(1280, kernel_initializer=keras.initializers.GlorotUniform(seed=1), name="embedding")
    return keras.Model(inputs, outputs(keras.layers.Flatten()(x)))


@pytest.fixture(scope="module", params=LACKS)
def made(request, tmp_path_factory):
    """What lacks, and the folder of the book that was made of such videos."""
    home = tmp_path_factory.mktemp(request.param)
    for name in ("notebooks", "params", "_toc.yml", "_config.yml", "book", "results"):
        (home / name).symlink_to(HOME / name)
    videos = write_own(home / "videos", **LACKS[request.param])
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("error", message="Glyph")  # a letter that is drawn as an empty box
        patch.setenv("INSTREC_HOME", str(home))
        patch.setenv("INSTREC_DATA", str(home / "data"))
        patch.setattr(execution, "execute_notebook", in_process.execute_notebook)
        patch.setattr(cluster, "process", one_after_the_other)
        patch.setattr(embeddings, "build_backbone", build_backbone)
        patch.setattr(evaluation, "NUM_RESAMPLES", 20)
        first = make_report("folder", {"root": str(videos), **QUICK})
        yield request.param, first.parent, paths.runs_dir("folder")


def headings(path):
    return [re.sub("<[^>]*>|#", "", one) for one in re.findall(r"<h2>(.*?)</h2>", path.read_text(encoding="utf-8"))]


def pages(runs):
    return [nbformat.read(path, as_version=4) for path in sorted((runs / "pages").glob("*.ipynb"))]


@pytest.mark.slow
def test_all_pages_are_made_and_say_once_what_cannot_be_trained(made):
    lacking, html, runs = made
    assert len(pages(runs)) == 9
    sentence = {
        "all": None,
        "sound": "No training video of this corpus has a sound that can be heard",
        "pictures": "No training video of this corpus has pictures",
    }[lacking]
    saying = [number for number, page in enumerate(pages(runs), start=1) if sentence and sentence in str(page)]
    assert saying == {"all": [], "sound": [4, 5, 6, 7, 8], "pictures": [3, 5, 6, 7, 8]}[lacking]
    trained = {path.name.split("-")[0] for path in (runs / "results").glob("*.json")}
    assert trained == {"all": {"audio", "visual", "fusion"}, "sound": {"visual"}, "pictures": {"audio"}}[lacking]
    shown = headings(html / "folder" / "02_features.html")
    assert ("From pictures to frames" in shown) == (lacking != "pictures")
    assert ("From samples to a spectrogram" in shown) == (lacking != "sound")


@pytest.mark.slow
def test_what_shows_nothing_has_no_heading_on_the_page_nor_in_its_contents(made):
    _, html, runs = made
    for number, page in enumerate(pages(runs), start=1):
        assert execution.sections_that_show(page.cells) == page.cells, number
    for absent, name in (("What the label does not say", "01_corpus"), ("When a modality fails", "02_features")):
        assert absent not in (html / "folder" / f"{name}.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_names_are_shown_as_they_are(made):
    _, html, runs = made
    tables = str([cell.get("outputs") for page in pages(runs) for cell in page.cells])
    for name in NAMES:
        assert name.replace("$", "<span>$</span>") in tables
    for path in [html / "index.html", *(html / "folder").glob("*.html")]:
        assert 'class="math' not in path.read_text(encoding="utf-8"), path


@pytest.mark.slow
def test_the_front_page_is_about_these_videos(made):
    lacking, html, _ = made
    text = (html / "index.html").read_text(encoding="utf-8")
    assert "<h1>folder: what is played in these videos?" in text
    assert "folder: Recognising musical instruments" in text.partition("</title>")[0]
    of_page = [one for one in headings(html / "index.html") if one.strip() != "Contents"]  # of the theme
    assert of_page == ["Before you believe it", "The classes", "How long it took"]
    best = {"all": "fusion", "sound": "visual", "pictures": "audio"}[lacking]
    assert f"The {best} model recognises" in text
    assert "The test split has 5 videos: one more or one fewer that is right moves Hit" in text
    assert "Recognising musical instruments" in (html / "about.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_video_is_listed_by_the_name_of_its_file(made):
    lacking, html, _ = made
    with (html / "results" / "folder" / "videos.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    suffix = "m4a" if lacking == "pictures" else "mp4"
    assert {f"{name}/take 0.{suffix}" for name in NAMES} <= {row["File"] for row in rows}
    assert len(rows) == 4 * len(NAMES)
    kinds = {"all": ["Audio", "Visual", "Fusion"], "sound": ["Visual"], "pictures": ["Audio"]}[lacking]
    assert list(rows[0]) == ["File", "Class", "Split", *kinds, "Findings"]
    for row in rows:
        assert [row[kind] in NAMES for kind in kinds] == [row["Split"] != "train"] * len(kinds)
    if lacking != "all":
        assert all(("silent" if lacking == "sound" else "still") in row["Findings"] for row in rows)
    assert (html / "folder" / "videos.html").read_text(encoding="utf-8").count("<tr") == 1 + len(rows)
