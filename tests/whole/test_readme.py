"""The README's numbers are those of results/, and its commands exist."""

import io
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from instrec_utils.report import cautions, first_pages, results

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def as_committed(home):
    """A home with the results and the texts of the last commit: `make report` gives other digits on other machines."""
    command = ["git", "-C", str(ROOT), "archive", "HEAD", "README.md", "results"]
    archive = subprocess.run(command, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(home, filter="data")
    return home


def test_the_table_of_results_is_the_one_that_the_result_files_give(as_committed):
    found = {name: results.read_results(name) for name in first_pages.CORPORA}
    table = first_pages.overview(found, lines=first_pages.LINES)
    assert table in (as_committed / "README.md").read_text(encoding="utf-8"), f"put this into README.md:\n\n{table}"


def test_what_is_said_beside_the_table_is_what_the_result_files_give(as_committed):
    note = cautions.front_note(results.read_results(first_pages.STORY))
    text = (as_committed / "README.md").read_text(encoding="utf-8")
    assert note in " ".join(text.split()), f"put this into README.md:\n\n{note}"


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
