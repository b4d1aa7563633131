"""The page Elsewhere and the model card show the measured numbers, and no others."""

import copy
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def elsewhere_page(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    monkeypatch.setenv("INSTREC_HOME", str(ROOT))
    monkeypatch.setenv("INSTREC_RESULTS", "published")
    import elsewhere_page

    yield elsewhere_page
    for name in ("elsewhere_page", "elsewhere_figures"):
        sys.modules.pop(name, None)


@pytest.fixture
def measured(elsewhere_page):
    return elsewhere_page.read_measured()


def rows_of(page, heading):
    section = page.partition(f"## {heading}")[2].partition("\n## ")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.split("\n") if line.startswith("| ")
    ][1:]


def test_the_page_is_that_of_the_results(elsewhere_page, measured):
    page = (ROOT / "book" / "elsewhere.md").read_text(encoding="utf-8")
    assert page == elsewhere_page.page(*measured) + "\n"
    for name in re.findall(r"\{figure\} (\S+)", page):
        assert b"<svg" in (ROOT / "book" / name).read_bytes()[:2000]


def test_the_model_card_is_that_of_the_results(elsewhere_page, measured):
    text = (ROOT / "book" / "model_card.md").read_text(encoding="utf-8")
    assert text == elsewhere_page.card(text, *measured)
    audio = next(row for row in measured[0]["by_kind"] if (row["method"], row["kind"]) == ("audio", "phrase"))
    assert f"| {100 * audio['hit_at_1']['value']:.1f} (" in text


def test_a_card_keeps_what_people_wrote(elsewhere_page, measured):
    text = f"Before.\n\n{elsewhere_page.BEGIN}\n\nold numbers\n\n{elsewhere_page.END}\n\nAfter.\n"
    made = elsewhere_page.card(text, *measured)
    assert made.startswith("Before.\n")
    assert made.endswith("\n\nAfter.\n")
    assert "old numbers" not in made


def test_every_kind_of_file_has_its_row(measured):
    found = measured[0]
    rows = {(row["method"], row["kind"]): row["files"] for row in found["by_kind"]}
    assert rows["audio", "phrase"] == rows["audio, AudioSet's tags", "phrase"] == 55
    assert rows["visual", "photograph"] == rows["visual, ImageNet's classes", "photograph"] == 66
    assert rows["both", "all clips"] == rows["both, own classes", "all clips"] == 9
    assert rows["audio", "all clips"] == 5  # the others have no sound
    for kind in ("by_kind", "by_collection", "by_label"):
        for row in found[kind]:
            assert ("low" in row["hit_at_1"]) == (row["collections"] > 1)


def test_the_shipped_head_has_the_penalty_with_the_lowest_loss_on_held_out_sources(measured):
    for one in (measured[1]["efficientat_mn04"], measured[1]["efficientnet_lite0"]):
        assert one["share_of_own_classes"] == 0.5
        means = [row for row in one["tried"] if row["share"] == 0.5]
        assert one["penalty"] == min(means, key=lambda row: row["loss"])["penalty"]


def test_no_head_learned_from_what_forbids_it(measured):
    audio = measured[1]["efficientat_mn04"]
    assert "merlin" not in audio["examples"]
    assert "merlin" in audio["held_out"]


def test_a_reliability_curve_counts_every_file(measured):
    for modality, number in (("audio", 55), ("visual", 66)):
        bins = measured[0]["calibration"][modality]["reliability"]
        assert sum(one["examples"] for one in bins) == number
        error = sum(one["examples"] * abs(one["score"] - one["right"]) for one in bins) / number
        assert measured[0]["calibration"][modality]["error"] == pytest.approx(error, abs=2e-4)


def test_without_a_run_of_the_report_the_page_says_that_there_is_none(elsewhere_page, measured):
    found = copy.deepcopy(measured[0])
    found["reported_run"] = ""
    for name in ("files", "by_kind", "by_collection", "by_label"):
        found[name] = [row for row in found[name] if row["method"] != "audio, the report's own"]
    page = elsewhere_page.page(found, measured[1])
    assert "No finished run of the corpus *open* was there" in page
    assert elsewhere_page.METHODS["audio, the report's own"] not in [
        row[0] for row in rows_of(page, "What each method")
    ]


def test_a_clip_counts_as_complete_where_every_instrument_is_shown(elsewhere_page, measured):
    found = copy.deepcopy(measured[0])
    for one in found["several"]:
        one["found"] = one["played"]
    pairs = len({one["path"] for one in found["several"] if one["kind"] == "clip-duo"})
    page = " ".join(elsewhere_page.page(found, measured[1]).split())
    assert f'Of {pairs} clips of two instruments the timeline of "both" shows both instruments in {pairs};' in page


def test_clips_in_which_other_instruments_are_shown_are_those_of_the_table(elsewhere_page, measured):
    page = elsewhere_page.page(*measured)
    rows = [row for row in rows_of(page, "Several at once") if row[1] == "both" and ", " in row[2]]
    names = {re.sub(r" \d+ %", "", row[3]): set(row[2].split(", ")) for row in rows}
    more = sum(bool(set(shown.split(", ")) - played) for shown, played in names.items())
    assert f"in {more} of them it shows other instruments as well" in " ".join(page.split())
