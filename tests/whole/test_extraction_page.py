"""The page about extraction shows the measured numbers, and no others."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results" / "benchmarks"


@pytest.fixture(scope="module")
def extraction_page():
    path = ROOT / "benchmarks" / "extraction_page.py"
    specification = importlib.util.spec_from_file_location("extraction_page", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


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
        "commit": "abc",
        "xla_flags": "--some=1",
        "peak": {"float32": {"measured": 4e14, "declared": 4.947e14}},
        "networks": {"efficientnet_lite0": {"float32": row}},
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
