"""The README's numbers are those of results/, and its commands exist."""

import io
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from instrec_utils.report import results, summary

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


def test_the_table_of_results_is_the_one_that_the_result_files_give(as_committed):
    table = summary.overview({name: results.read_results(name) for name in ("demo", "open")})
    for name in ("README.md", "book/index.md"):
        text = (as_committed / name).read_text(encoding="utf-8")
        assert table in text, f"put this table into README.md and book/index.md:\n\n{table}"


def test_every_make_target_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"`?make ([a-z]+)(?: |`|$)", README, re.MULTILINE))
    assert {"report", "test"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_file_that_the_readme_links_to_is_there():
    for name in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / name).exists(), name


def test_the_readme_fits_a_screen():
    assert len(README.splitlines()) < 60
