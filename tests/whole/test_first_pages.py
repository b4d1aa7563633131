"""The first pages say what the published results say, and their figure shows the networks that the code builds."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

from instrec_utils.report import diagram, first_pages, results

HOME = Path(__file__).resolve().parents[2]
MADE = HOME / "book" / "made"
LAYERS = json.loads((MADE / "layers.json").read_text(encoding="utf-8"))


@pytest.fixture
def published(monkeypatch):
    """What was made in this checkout and not published is not looked at."""
    monkeypatch.setenv("INSTREC_HOME", str(HOME))
    monkeypatch.setenv("INSTREC_RESULTS", "published")


@pytest.mark.slow
def test_what_the_first_pages_say_is_what_the_results_say(published):
    made = first_pages.first_pages()
    assert {path.name for path in MADE.iterdir()} == {*made, "layers.json"}
    for name, text in made.items():
        assert (MADE / name).read_text(encoding="utf-8") == text, f"book/made/{name}: run `make front` and commit it"


@pytest.mark.slow
def test_the_figure_has_the_layers_that_the_code_builds():
    assert diagram.read_layers() == LAYERS, "book/made/layers.json: write what diagram.read_layers() returns"


def test_the_preview_is_of_the_figure_and_of_the_size_that_is_expected():
    title = yaml.safe_load((HOME / "_config.yml").read_text(encoding="utf-8"))["title"].replace(" in ", "\nin ", 1)
    with Image.open(HOME / "book" / "_static" / "preview.png") as preview:
        assert preview.size == (1200, 630)
        assert preview.info["Description"] == diagram.preview_key(LAYERS, title), "run `make front` and commit it"


@pytest.mark.parametrize("name", [diagram.WIDE, diagram.UPRIGHT])
def test_in_a_drawing_every_text_fits_its_box_and_no_box_lies_on_another(name):
    drawing = diagram.drawings(LAYERS)[name]
    for number, box in enumerate(drawing.boxes):
        assert max(map(len, box.lines)) * 8 <= box.width, box
        assert 0 <= box.x <= drawing.width - box.width, box
        assert 0 <= box.y <= drawing.height - box.height, box
        for other in drawing.boxes[:number]:
            is_beside = box.x >= other.x + other.width or other.x >= box.x + box.width
            assert is_beside or box.y >= other.y + other.height or other.y >= box.y + box.height, (box, other)


def test_a_drawing_changes_with_the_layers():
    other = LAYERS | {"audio_vector": 77, "convolutions": [[5, 3, 3]], "fusion": [["Concatenate", 0], ["Dense", 9]]}
    text = diagram.figure(other)
    for said in ("77 values", "1 convolution 3 × 3", "1 dense layer", "9 values"):
        assert said in text
    assert "normalised" not in text
    assert "normalised" in diagram.figure(LAYERS)


CLIPS = [  # name, label and the answers of audio, visual and fusion
    ("a", "banjo", "banjo", "drums", "banjo"),
    ("b", "flute", "drums", "flute", "flute"),
    ("c", "banjo", "drums", "banjo", "drums"),
    ("d", "piano", "piano", "drums", "drums"),
]


def chosen(monkeypatch, tmp_path, playable):
    columns = ["video_id", "label", "audio", "visual", "fusion"]
    monkeypatch.setenv("INSTREC_HOME", str(tmp_path))
    monkeypatch.setattr(results, "headline", lambda found: found)
    clips = pd.DataFrame(CLIPS, columns=columns).to_dict("records")
    monkeypatch.setattr(first_pages, "_answers", lambda rows: clips)
    folder = tmp_path / "book" / "_static" / "media" / "mini"
    folder.mkdir(parents=True)
    for name in playable:
        (folder / f"{name}.mp4").touch()
    return [clip["video_id"] for clip in first_pages.chosen_clips("mini", pd.DataFrame()).values()]


def test_clips_are_the_first_of_each_kind_and_of_another_instrument(monkeypatch, tmp_path):
    assert chosen(monkeypatch, tmp_path, "abcd") == ["a", "b", "d"]


def test_a_clip_that_cannot_be_played_is_not_chosen(monkeypatch, tmp_path):
    assert chosen(monkeypatch, tmp_path, "bc") == ["b", "c"]


def judged(*verdicts):
    lines = [{"claim": f"Claim {n}", "printed": "said", "unit": "points", "verdict": word} for n, word in verdicts]
    numbers = {"difference": 0.125, "low": 0.1, "high": 0.2, "p_holm": 0.01, "smallest": 0.05, "tested_on": "clips"}
    return pd.DataFrame(lines).assign(**numbers)


def test_every_claim_of_the_paper_stands_once_in_the_verdict_under_what_became_of_it(monkeypatch):
    monkeypatch.setattr(first_pages.cautions, "front_note", lambda found: "The mean is better.")
    table = judged((1, "holds"), (2, "not told from chance"), (3, "the opposite holds"), (4, "holds"))
    table.loc[3, "printed"] = "not in the paper"
    text = first_pages.verdict(pd.DataFrame(), table)
    parts = dict(re.findall(r"\*\*(.*?)\.?\*\*[.,]? (.*)", text))
    assert parts["Holds here"] == "Claim 1 (+12.5 points)."
    assert parts["The opposite holds here"] == "Claim 3 (+12.5 points)."
    assert parts["Cannot be told from chance on these clips"] == "Claim 2 (+12.5 points)."
    assert "Claim 4: holds" in parts["What the paper does not ask"]
    assert "The mean is better." in text
    assert all(text.count(f"Claim {number}") == 1 for number in range(1, 5))
    assert parts["Tested on"] == "clips."
    table.loc[1, "tested_on"] = "fewer"
    assert first_pages.verdict(pd.DataFrame(), table).endswith("\n**Tested on** clips, but Claim 2 (fewer).\n")
