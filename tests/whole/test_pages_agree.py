"""The committed pages say what the committed results say.

Each page's notebook is run again, cell by cell, on the published index and the published results alone: no video, no
features, nothing trained. Whatever a cell then shows, tables, captions, sentences and printed numbers, is on the page.
"""

import ast
import re
from pathlib import Path

import jupytext
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from instrec_utils import files

HOME = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for corpus in ("demo", "open")
    for path in (HOME / "book" / corpus).glob("*.ipynb")
    if path.stem != "02_features"  # all of it is computed of videos
)


class NeedsVideosError(Exception):
    """A cell looks at the videos or their features, which are not published."""


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A home that has the published results, parameters and indexes, and nothing that was made here."""
    for name in ("results", "params"):
        (tmp_path / name).symlink_to(HOME / name)
    monkeypatch.setenv("INSTREC_HOME", str(tmp_path))
    monkeypatch.setenv("INSTREC_DATA", str(tmp_path / "data"))
    for corpus in ("demo", "open"):
        index = (HOME / "results" / corpus / "index.csv").read_text(encoding="utf-8")
        files.write_text(tmp_path / "data" / corpus / "index.csv", index)
        files.write_json(tmp_path / "data" / corpus / "source.json", {"source": corpus, "videos": ".", "split": ""})

    def refuse(*_, **__):
        raise NeedsVideosError

    from instrec_utils import corpora, media
    from instrec_utils.corpora import corpus as corpus_module
    from instrec_utils.features import store
    from instrec_utils.report import page
    from instrec_utils.robustness import measurement
    from instrec_utils.training import experiments

    for module, names in (
        (store, ("load_input", "audible_videos", "read_spectrogram", "read_frames", "count_frames")),
        (media, ("probe", "read_sound", "read_frames")),
        (page, ("players",)),
    ):
        for name in names:
            monkeypatch.setattr(module, name, refuse)
    monkeypatch.setattr(corpora, "prepare_corpus", lambda name, *_, **__: corpus_module.read_corpus(name))
    monkeypatch.setattr(experiments, "train_run", lambda run: None)
    monkeypatch.setattr(measurement, "measure_run", lambda run, seed: None)
    return tmp_path


def shown_by(outputs):
    """Return what a cell of a page shows in words: what it prints, and tables, captions and sentences."""
    printed = "".join(output.text for output in outputs if output.output_type == "stream").strip()
    data = [output.data for output in outputs if "data" in output]
    return [printed, *(plain(one.get("text/markdown") or one.get("text/html") or "") for one in data)]


def plain(text):
    """Return words without what depends on where a page was made: addresses, the commit, what was published by then."""
    text = re.sub(r'(src|href|poster)="[^"]*"|:::\{figure\} \S+|<td>Commit</td>\s*<td>[^<]*</td>', "", text)
    return text.replace("<td>made here</td>", "<td>published</td>").strip()


def replay(page, corpus):
    """Run a page's notebook again; yield what each cell shows, and the same of the page."""
    from instrec_utils.report.page import for_book

    notebook = jupytext.read(HOME / "notebooks" / f"{page.stem}.py")
    committed = nbformat.read(page, as_version=4)
    executed = [cell for cell in committed.cells if cell.cell_type == "code"]
    injected = [cell for cell in executed if "injected-parameters" in cell.metadata.get("tags", [])]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    executed = [cell for cell in executed if cell not in injected]
    sources = [cell.source for cell in executed]
    assert [cell.source for cell in cells if cell.source in sources] == sources, f"{page.name}: made from other code"
    shell = InteractiveShell()
    for name in ("write_output_prompt", "write_format_data", "finish_displayhook"):  # which would print the values
        setattr(shell.displayhook, name, lambda *_: None)
    lost = set()
    for cell in cells:
        on_page = next((one for one in executed if one.source == cell.source), nbformat.v4.new_code_cell())
        with capture_output(display=False) as captured:
            result = shell.run_cell(cell.source)
        if "parameters" in cell.metadata.get("tags", []):
            for one in injected:
                shell.run_cell(one.source)
        error = result.error_in_exec or result.error_before_exec
        if isinstance(error, NeedsVideosError) or (isinstance(error, NameError) and error.name in lost):
            lost |= assigned(cell)
            continue
        assert error is None, f"{page.name}: {cell.source}\n{error!r}"
        shown = [captured.stdout.strip()]
        if result.result is not None:
            data, _ = shell.display_formatter.format(result.result)
            shown.append(plain(for_book(data.get("text/markdown") or data.get("text/html") or "", corpus)))
        yield cell, [one for one in shown if one], [one for one in shown_by(on_page.outputs) if one]


def assigned(cell):
    """Return the names that a cell gives a value."""
    names = (node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_page_says_what_the_results_say(page, published):
    compared = 0
    for cell, now, then in replay(page, page.parent.name):
        assert now == then, f"{page.parent.name}/{page.name}: {cell.source}"
        compared += len(now)
    assert compared >= 4
