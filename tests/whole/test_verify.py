"""`make verify` finds whatever does not follow from the predictions, and names page, table, row and both values."""

import json
import re
from pathlib import Path

import in_process
import nbformat
import numpy as np
import pandas as pd
import pytest
from made_results import write_result
from typer.testing import CliRunner

from instrec_utils import __main__, files
from instrec_utils.pipeline import execution, records, replay, verification
from instrec_utils.report import all_runs, explorer, page
from instrec_utils.training.result_files import predictions_path

CHECKOUT = Path(__file__).resolve().parents[2]
TRUTH = np.array([0, 1, 2, 0, 1, 2])
SCORES = np.eye(3)[[0, 1, 2, 0, 2, 2]] * 0.7 + 0.1  # five of six are right


def table(hit):
    frame = pd.DataFrame({"Model": ["Han 2016", "Choi 2016"], "Hit@1": ["60.0", hit]})
    return page.table(frame, "Scores, n = 6.").data


def test_a_difference_names_table_row_column_and_both_values():
    assert replay.differences(table("71.4"), table("73.1")) == [
        "table \"Scores, n = 6.\", row 2 (Choi 2016), Hit@1: the page says '71.4', but '73.1' follows from the results"
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("5 of 6 right", "4 of 6 right"),
        ("5 of 6 right", ""),
        (table("71.4"), table("71.4").replace("n = 6", "n = 7")),
        (table("71.4"), ""),
        (":::{figure} x\n\nn = 6\n:::", ":::{figure} x\n\nn = 7\n:::"),
    ],
)
def test_whatever_else_differs_is_a_line_with_both_texts(before, after):
    lines = replay.differences(before, after)
    assert lines
    assert all("the page says" in line and "follows from the results" in line for line in lines)


@pytest.fixture
def made_page(tmp_path, monkeypatch):
    """The page of the confusions, made of the published results of demo with players that show nothing."""
    monkeypatch.setenv("INSTREC_HOME", str(CHECKOUT))
    notebook, executed = CHECKOUT / "notebooks" / "06_confusion.ipynb", tmp_path / "executed.ipynb"
    with replay.published_alone("demo"), monkeypatch.context() as patch:
        patch.setattr(page, "players", lambda *_: None)
        patch.setattr(explorer, "explorer", lambda *_: None)
        in_process.execute_notebook(notebook, {"corpus": "demo"}, executed)
    path = tmp_path / "06_confusion.ipynb"
    nbformat.write(execution.clean_page(nbformat.read(executed, as_version=4), "demo"), path)
    return path


def replayed(path):
    with replay.published_alone("demo"):
        return replay.replay_page(path, "demo")


@pytest.mark.slow
def test_a_page_agrees_with_the_results_that_it_is_made_of_until_a_number_of_it_changes(made_page):
    compared = replayed(made_page)
    assert compared.differences == []
    assert compared.num_tables >= 3
    assert compared.num_numbers > 50
    assert compared.num_left_out >= 1
    text = made_page.read_text(encoding="utf-8")
    (right, changed), row = re.search(r"audio: (\d+) of", text).span(1), re.search(r"(\w+): \d+ of \d+ right", text)[0]
    made_page.write_text(f"{text[:right]}0{text[changed:]}", encoding="utf-8")
    wrong = re.sub(r"\d+ of", "0 of", row)
    expected = f"demo/06_confusion: text: the page says {wrong!r}, but {row!r} follows from the results"
    assert replayed(made_page).differences == [expected]


@pytest.fixture
def result(home):
    write_result("audio-one", "audio", TRUTH, SCORES)
    return home / "results" / "tiny" / "audio-one.json"


def test_a_result_follows_from_its_predictions_with_its_intervals(result):
    assert verification.check_result(result) == []


@pytest.mark.parametrize("end", ["value", "low", "high"])
def test_a_changed_metric_or_interval_is_found(result, end):
    content = json.loads(result.read_text())
    content["metrics"]["hit_at_1"][end] -= 0.01
    files.write_json(result, content)
    (line,) = verification.check_result(result)
    assert line.startswith(f"tiny/audio-one: hit_at_1 ({end}, test) is said to be ")


def test_changed_predictions_are_found(result):
    path = predictions_path(result, "test")
    lines = path.read_text().splitlines()
    lines[1] = re.sub(r",cello,", ",organ,", lines[1])
    path.write_text("\n".join(lines))
    assert any("hit_at_1 (value, test)" in line for line in verification.check_result(result))


def test_a_result_without_its_predictions_is_found(result):
    predictions_path(result, "test").unlink()
    assert "no such predictions" in verification.check_result(result)[0]


def test_a_changed_a_missing_and_a_new_file_are_found_by_their_checksums(home):
    files.write_text(home / "_toc.yml", "parts: [{chapters: [{file: tiny/01_corpus}]}]")
    for name in ("a", "b"):
        files.write_text(home / "results" / f"{name}.csv", name)
    files.write_text(home / "book" / "tiny" / "01_corpus.ipynb", "{}")
    assert "  book/tiny/01_corpus.ipynb" in records.published_sums()
    files.write_text(home / records.SUMS, records.published_sums())
    assert records.wrong_sums() == []
    (home / "results" / "a.csv").write_text("changed")
    (home / "results" / "b.csv").unlink()
    (home / "results" / "c.csv").write_text("new")
    changed, missing, new = records.wrong_sums()
    assert changed.startswith("results/a.csv: sha256 said ")
    assert missing.endswith("is missing")
    assert new.startswith("results/c.csv: sha256 said nothing")


def told(monkeypatch, differences):
    page = replay.Replayed(num_tables=3, num_numbers=1200, num_left_out=2)
    monkeypatch.setattr(verification, "verify", lambda: verification.Verified(5, {"demo/07": page}, differences))
    return CliRunner().invoke(__main__.app, ["verify"])


def test_agreement_is_one_line(monkeypatch):
    done = told(monkeypatch, [])
    assert done.exit_code == 0
    assert done.stdout.startswith("verified: 1 corpora, 1 pages, 3 tables and 1,200 numbers agree with 5 results")


def test_differences_are_lines_and_the_code_is_1(monkeypatch):
    done = told(monkeypatch, ["demo/07: text: ..."])
    assert done.exit_code == 1
    assert done.stdout.splitlines() == ["demo/07: text: ...", "not verified: 1 differences"]


def test_the_committed_files_are_those_of_their_checksums(monkeypatch):
    monkeypatch.setenv("INSTREC_HOME", str(CHECKOUT))
    assert records.wrong_sums() == [], "run `make records`"


def test_the_pages_of_all_runs_status_and_costs_are_those_of_the_committed_files(monkeypatch):
    monkeypatch.setenv("INSTREC_HOME", str(CHECKOUT))
    assert records.outdated() == [], "run `make records`"


def test_every_run_has_its_row_and_every_link_its_file():
    text = (CHECKOUT / "book" / "runs.md").read_text(encoding="utf-8")
    linked = re.findall(r'href="(results/[^"]+)"', text)
    assert [name for name in linked if not (CHECKOUT / name).exists()] == []
    every = {path.as_posix() for path in CHECKOUT.glob("results/*/*.predictions.csv")}
    tests = {path for path in every if not re.search(r"\.(validation|test_clean)\.", path)}
    assert {str(CHECKOUT / name) for name in linked} >= tests
    assert (CHECKOUT / "book" / "runs.md").stat().st_size < 300_000


def test_a_page_keeps_when_it_was_made_and_its_tables_lead_to_its_runs(tmp_path):
    runs = nbformat.v4.new_output("display_data", data={"text/html": f'<table id="{page.RUNS}"></table>'})
    shown = nbformat.v4.new_output("display_data", data={"text/html": table("1")})
    cell = nbformat.v4.new_code_cell("show", outputs=[shown, runs])
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title"), cell])
    notebook.metadata["papermill"] = {"duration": 61.5, "end_time": "2026-01-02T03:04:05", "input_path": "/secret"}
    made = execution.clean_page(notebook, "tiny")
    assert made.metadata["instrec"] == {
        "seconds": 61.5,
        "finished": "2026-01-02T03:04:05",
        "commit": execution.provenance.commit(),
    }
    assert 'CSV</a> <a class="csv" href="#runs">runs</a>' in made.cells[1].outputs[0].data["text/html"]
    path = tmp_path / "tiny" / "07.ipynb"
    files.write_bytes(path, bytes(5000))
    status = all_runs.status_page([(path, made.metadata["instrec"])])
    assert "<td>1.0 min</td><td>5 kB</td><td>2026-01-02</td>" in status
