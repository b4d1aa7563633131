"""The page of what the paper's own data takes shows what follows from the results, and no other numbers."""

import importlib.util
from pathlib import Path

import pytest

from instrec_utils.paper_data import paper

ROOT = Path(__file__).parents[2]
STEP = {"cpu_seconds_a_step": 3.6, "peak_bytes": 2**30, "kept_bytes": 2**29, "load_average": 1.0}
NETWORKS = ("han2016", "choi2016", "xception_audio", "inception_frames")


@pytest.fixture
def paper_rows_page(home, monkeypatch):
    for name in ("notebooks", "params", "results"):
        (home / name).symlink_to(ROOT / name)
    path = ROOT / "benchmarks" / "paper_rows_page.py"
    specification = importlib.util.spec_from_file_location("paper_rows_page", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def rows_of(page, heading):
    section = page.partition(f"## {heading}")[2].partition("\n## ")[0]
    lines = [line for line in section.split("\n") if line.startswith("|")]
    titles, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: dict(zip(titles[1:], cells, strict=True)) for name, *cells in rows}


def test_the_page_is_that_of_the_results(paper_rows_page):
    page = (ROOT / "book" / "paper_rows.md").read_text(encoding="utf-8")
    assert page == paper_rows_page.page(paper_rows_page.read_measured()) + "\n"


def test_a_row_is_the_measured_step_times_its_steps(paper_rows_page):
    found = paper_rows_page.read_measured()
    found["table1"]["fcvid"] |= {"videos_listed": 1000, "hours": 200.0}
    fusions = (f"late_fusion, {frames} frames" for frames in (20, 50))
    networks = dict.fromkeys((*NETWORKS, *fusions), STEP)
    found["paper_rows"] = {"networks": networks, "device": "CPU", "commit": "abc", "versions": {"keras": "3"}}
    found["accelerator"] |= {"train_seconds": 360.0, "steps": 1000}
    measured = {"worker_seconds_an_hour_of_video": 72.0, "bytes_an_hour_of_video": 2**30}
    found["extraction"]["measured"]["two_workers_speedup"] |= measured
    page = paper_rows_page.page(found)
    assert "takes 4 core-hours and leaves 200 GiB of features" in page
    rows = rows_of(page, "FCVID")
    assert len(rows) == sum(line["dataset"] == "FCVID" for n in (2, 3, 4) for line in paper.paper_tables()[f"table{n}"])
    # 24,000 steps in the paper; an epoch has 700 videos of 50 frames in batches of 64.
    assert rows["Visual: Inception v3, 50 frames"] == {
        "Steps": "24,000", "Epochs": "43.9", "Core-hours": "24.0", "GPU-hours": "2.4", "Memory, GiB": "1.0",
        "Disk, GiB": "0.5",
    }  # fmt: skip
    # That one is joined: 200 h of a frame a second, 2,048 values of two bytes each.
    assert rows["Visual: Inception v3, 50 frames, PT"]["Disk, GiB"] == f"{0.5 + 200 * 3600 * 4096 / 2**30:.1f}"
    # Eleven epochs of 700 videos in batches of 16.
    assert rows["Audio: Choi 2016, UC"] == {
        "Steps": "481", "Epochs": "11.0", "Core-hours": "0.5", "GPU-hours": "–", "Memory, GiB": "1.0",
        "Disk, GiB": "0.5",
    }  # fmt: skip
    assert rows["Fusion: Choi 2016, UC and Inception v3, 50 frames, PT"]["Steps"] == "481"
    assert page.index("extrapolated") < page.index("## FCVID")
    unmeasured = paper_rows_page.page(found | {"paper_rows": None})
    assert "was not run yet" in unmeasured
    row = rows_of(unmeasured, "FCVID")["Audio: Choi 2016, UC"]
    assert (row["Steps"], row["Core-hours"], row["Memory, GiB"]) == ("481", "–", "–")
