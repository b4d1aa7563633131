"""The committed pages say what the committed results say: each page's notebook, run again on them, shows the same."""

from pathlib import Path

import pytest

from instrec_utils.pipeline import replay

HOME = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for corpus in ("demo", "open")
    for path in (HOME / "book" / corpus).glob("*.ipynb")
    if path.stem != replay.MADE_OF_VIDEOS
)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_page_says_what_the_results_say(page, monkeypatch):
    monkeypatch.setenv("INSTREC_HOME", str(HOME))
    with replay.published_alone(page.parent.name):
        compared = replay.replay_page(page, page.parent.name)
    assert compared.differences == []
    assert compared.num_numbers >= 4
