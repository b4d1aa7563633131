"""The README's numbers are those of results/, and its commands exist."""

import re
from pathlib import Path

from instrec_utils import results

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_results_is_the_one_that_the_result_files_give():
    table = results.overview(["demo", "open"])
    for text in (README, (ROOT / "book" / "index.md").read_text(encoding="utf-8")):
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
