"""The page about extraction shows the measured numbers, and no others."""

import importlib
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "benchmarks"


@pytest.fixture
def extraction_page(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    yield importlib.import_module("extraction_page")
    for name in ("extraction_page", "measuring"):
        sys.modules.pop(name)


@pytest.fixture
def found():
    return json.loads((RESULTS / "extraction.json").read_text(encoding="utf-8"))


@pytest.fixture
def jpeg():
    return json.loads((RESULTS / "jpeg.json").read_text(encoding="utf-8"))


@pytest.fixture
def accelerator():
    path = RESULTS / "accelerator.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


@pytest.fixture
def training():
    return json.loads((RESULTS / "training.json").read_text(encoding="utf-8"))


@pytest.fixture
def hours():
    return json.loads((ROOT / "results/curation/table1.json").read_text(encoding="utf-8"))["yt8m"]["hours"]


def test_the_page_is_that_of_the_results(extraction_page, found, jpeg, hours, accelerator, training):
    page = (ROOT / "book" / "extraction.md").read_text(encoding="utf-8")
    assert page == extraction_page.page(found, jpeg, hours, accelerator, training) + "\n"


def test_the_results_are_of_the_whole_measurement(found):
    assert found["is_tiny"] is False
    for name in ("through_vs_best", "sampled_speedup", "recipe_speedup", "two_workers_speedup", "memory_growth"):
        assert found["ratios"][name] == found["measured"][name]["value"]
        assert found["ratios"][name] > 0


def origins(extraction_page, found):
    """What the page says of where each section comes from: its row, and whether it names its own versions."""
    page = extraction_page.page(found, None, 4000.0, None, None).partition("## Where the numbers come from")[2]
    rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| ")][2:]
    return {row[0]: row[1:3] for row in rows}, re.findall(r"^Versions(.*?): .*?keras (\S+),", page, re.MULTILINE)


def test_every_section_says_at_which_commit_and_with_what_it_was_measured(extraction_page, found):
    of = {"commit": "abc", "versions": {"keras": "4.0", "numpy": "3.0"}, "machine": {"processor": "x", "cores": 8}}
    found["measured"] = {name: section | of for name, section in found["measured"].items()}
    rows, versions = origins(extraction_page, found)
    assert rows == {what: ["abc", "8"] for what in extraction_page.WHAT.values()}
    assert versions == [("", "4.0")]
    found["measured"]["memory_growth"] |= {"commit": "def", "versions": {"keras": "4.1", "numpy": "3.0"}}
    rows, versions = origins(extraction_page, found)
    memory = extraction_page.WHAT["memory_growth"]
    assert rows[memory] == ["def", "8"]
    assert (f" of *{memory}*", "4.1") in versions
    assert memory not in versions[0][0]


def test_of_the_first_files_all_sections_come_from_what_stands_there_once(extraction_page, found):
    of = {"commit": "abc", "versions": {"keras": "4.0", "numpy": "3.0"}, "machine": {"processor": "x", "cores": 8}}
    for section in found["measured"].values():
        for name in of:
            section.pop(name)
    rows, versions = origins(extraction_page, found | of)
    assert rows == {what: ["abc", "8"] for what in extraction_page.WHAT.values()}
    assert versions == [("", "4.0")]


def test_the_extrapolation_is_the_measured_work_times_the_hours(extraction_page, found, hours):
    measured = {"worker_seconds_an_hour_of_video": 72.0, "bytes_an_hour_of_video": 2**30, "videos": 9, "value": 1.9}
    found["measured"]["two_workers_speedup"] |= measured
    page = extraction_page.page(found, None, 4000.0, None, None)
    assert "80 core-hours" in page
    assert "4,000 GiB" in page
    assert "| 16 | 5.0 | 0.21 |" in page


def test_every_kind_of_training_was_measured_and_its_loading_costs_at_most_what_is_allowed(extraction_page, training):
    assert list(training["work"]) == list(extraction_page.EXAMPLES)
    said = extraction_page._training(training)
    assert said.count("\n| ") == 2 + len(training["work"])  # a row each, below two of heads
    assert "Not measured" not in said
    assert max(row["ratio"] for row in training["work"].values()) <= training["limit_ratio"] == 1.1


def test_a_kind_of_training_that_was_not_measured_is_named(extraction_page, training):
    del training["work"]["fusion"]
    assert "Not measured: vectors of both networks: the paper's fusion." in extraction_page._training(training)
    assert extraction_page._training(None).endswith("Not measured.")


@pytest.mark.parametrize("lacking", [None, {"is_accelerated": False}, {"is_tiny": True}])
def test_without_a_measurement_on_a_gpu_the_page_says_that_there_is_none(extraction_page, lacking):
    measured = lacking and {"is_accelerated": True, "is_tiny": False} | lacking
    assert "No figure of a GPU exists" in extraction_page._accelerator(measured)


def test_what_was_measured_on_a_gpu_is_a_row_for_each_network_and_precision(extraction_page):
    row = {
        "samples_a_second": {"keras": 3260.4, "plain_jax": 4000.0},
        "keras_over_plain_jax": 0.815,
        "share_of_peak": {"measured": {"keras": 0.25, "plain_jax": 0.31}},
        "starvation": 1.04,
    }
    measured = {
        "is_accelerated": True,
        "is_tiny": False,
        "device": "NVIDIA H200; CPU, 16 cores",
        "backend": "jax",
        "commit": "abc",  # the first files have one for all networks
        "xla_flags": "--some=1",
        "peak": {"float32": {"measured": 4e14, "declared": 4.947e14}},
        "networks": {"efficientnet_lite0": {"float32": row}, "han2016": {"float32": row | {"commit": "def"}}},
    }
    said = extraction_page._accelerator(measured)
    assert "| EfficientNet-Lite0 | float32 | 3,260 | 4,000 | 0.81 | 25.0 % | 1.04 |" in said
    assert "the most is 1.04" in said
    (unmeasured,) = re.findall("Not measured there: (.*)", said)
    assert "Choi 2016" in unmeasured
    assert "EfficientNet-Lite0" not in unmeasured
    assert "XLA_FLAGS=--some=1" in said
    assert "float32 400 (the maker: 495)" in said
    assert "NVIDIA H200" in said
    assert "at commit abc and def;" in said


def test_what_misses_its_target_says_so(extraction_page, found, jpeg, hours):
    found["ratios"] = dict.fromkeys(found["ratios"], 2.0)
    rows = re.findall(
        r"\| 2\.00 \| (at \w+) ([\d.]+) \| (\w+) \|", extraction_page.page(found, jpeg, hours, None, None)
    )
    assert len(rows) == len(found["ratios"])
    for relation, target, is_reached in rows:
        assert is_reached == ("yes" if (float(target) >= 2.0) == (relation == "at most") else "no")


def test_what_jpeg_costs_is_compared_with_the_frames_as_decoded(jpeg):
    measured = jpeg["measured"]
    assert str(jpeg["stored_quality"]) in measured
    before = measured.pop("decoded")["hit_at_1"]["value"]
    sizes = [row["bytes_a_frame"] for row in measured.values()]
    assert sizes == sorted(sizes, reverse=True)
    for row in measured.values():
        assert row["difference"] == pytest.approx(row["hit_at_1"]["value"] - before)
        assert row["changed_videos"] >= abs(row["difference"]) * jpeg["num_test"] - 1e-9
        assert 0 < row["p_value"] <= 1
