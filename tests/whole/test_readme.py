"""The README's numbers are those of results/, and its commands exist."""

import io
import re
import subprocess
import tarfile
from pathlib import Path

import pandas as pd
import pytest

from instrec_utils.report import cautions, results, summary, tables, words

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def as_committed(home):
    """A home with the results and the texts of the last commit: `make report` gives other digits on other machines."""
    command = ["git", "-C", str(ROOT), "archive", "HEAD", "README.md", "book/index.md", "results"]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(home, filter="data")
    return home


def overview(corpora):
    """Return Hit@1 of each corpus' results, by its name, beside the paper's, as the Markdown table of the README."""
    lines = {
        "audio": "Audio: Choi 2016, UC",
        "visual": "Visual: EfficientNet-Lite0; the paper: Inception v3",
        "fusion": "Fusion: the paper's",
        "attention": "Fusion: ours, with attention over frames",
        "mean": "The mean of both models' calibrated probabilities, no fusion trained",
    }
    table = pd.DataFrame(index=list(lines.values()))
    for name, found in corpora.items():
        rows = results.mean_over_seeds(found, results.headline(found).index)
        fusion = results.row_of(found, rows.index[2])
        truth, _ = results.read_scores(fusion)
        mean = results.measure_scores(truth, tables.mean_scores(found, fusion, is_calibrated=True))
        measured = [words.measured(row, "hit_at_1") for row in (*(row for _, row in rows.iterrows()), mean)]
        table[f"{name} ({rows['num_test'].iloc[0]} test clips)"] = measured
    for dataset, title in (("FCVID", "paper, FCVID"), ("YT-8M", "paper, YouTube-8M")):
        printed = {row["kind"]: f"{row['hit_at_1']:.2f}" for row in summary.paper_rows() if row["dataset"] == dataset}
        table[title] = [printed.get(kind, "–") for kind in lines]
    rows = [["Hit@1 in %", *table.columns], *table.reset_index().to_numpy()]
    texts = [f"| {' | '.join(row)} |" for row in rows]
    texts.insert(1, "|:--|" + "--:|" * table.shape[1])
    return "\n".join(texts).replace("\N{NO-BREAK SPACE}", " ")


def test_the_table_of_results_is_the_one_that_the_result_files_give(as_committed):
    table = overview({name: results.read_results(name) for name in ("demo", "open")})
    for name in ("README.md", "book/index.md"):
        text = (as_committed / name).read_text(encoding="utf-8")
        assert table in text, f"put this table into README.md and book/index.md:\n\n{table}"


def test_what_the_first_pages_say_beside_the_table_is_what_the_result_files_give(as_committed):
    note = cautions.front_note(results.read_results("open"))
    for name in ("README.md", "book/index.md"):
        text = (as_committed / name).read_text(encoding="utf-8")
        assert note in " ".join(text.split()), f"put this note into README.md and book/index.md:\n\n{note}"


def test_every_make_target_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`?make ([a-z]+)(?: |`|$)", README, re.MULTILINE))
    assert {"report", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_that_the_readme_links_to_is_there():
    for name in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README):
        assert (ROOT / name).exists(), name


def test_the_readme_fits_a_screen():
    assert len(README.splitlines()) < 60
