"""The notebooks and the committed pages: paired, without outputs, declared, and clean."""

import json
from pathlib import Path

import jupytext
import nbformat
import papermill
import pytest
import yaml

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted(
    (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")
)  # one of a corpus each; and one of the paper's data:
CURATION = ROOT / "notebooks" / "curation.ipynb"
PAGES = sorted(path for corpus in ("demo", "open") for path in (ROOT / "book" / corpus).glob("*.ipynb"))
MAX_VISIBLE_LINES = 15


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 8


@pytest.mark.parametrize("path", [*NOTEBOOKS, CURATION], ids=lambda path: path.stem)
def test_a_notebook_equals_its_script_and_has_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    script = jupytext.read(path.with_suffix(".py"))
    assert [(c.cell_type, c.source, c.metadata.get("tags")) for c in notebook.cells] == [
        (c.cell_type, c.source, c.metadata.get("tags")) for c in script.cells
    ]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


@pytest.mark.parametrize("path", [*NOTEBOOKS, CURATION], ids=lambda path: path.stem)
def test_every_parameter_has_a_type_a_default_and_an_explanation(path):
    parameters = papermill.inspect_notebook(str(path))
    assert ("corpus" in parameters) == (path != CURATION)
    for name, entry in parameters.items():
        assert entry["inferred_type_name"] in ("str", "int", "float", "bool"), name
        assert len(entry["help"]) > 3, name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_shows_little_code_and_follows_the_pages_order(path):
    notebook = nbformat.read(path, as_version=4)
    hidden = {"remove-input", "remove-cell", "parameters"}
    for cell in notebook.cells:
        if cell.cell_type == "code" and not hidden & set(cell.metadata.get("tags", [])):
            assert len(cell.source.splitlines()) <= MAX_VISIBLE_LINES, cell.source
    text = "\n".join(cell.source for cell in notebook.cells)
    assert text.index("**Question.**") < text.index("report.corpus_note") < text.index("report.takeaway")


@pytest.mark.parametrize("path", sorted((ROOT / "params").glob("*.yaml")), ids=lambda path: path.stem)
def test_parameter_files_hold_declared_parameters_of_the_right_type(path):
    from instrec_utils import pipeline

    content = yaml.safe_load(path.read_text())
    assert pipeline.read_parameters(path.stem, {}) == content


def test_every_corpus_that_is_published_has_every_page():
    assert {path.parent.name for path in PAGES} == {"demo", "open"}
    assert len(PAGES) == 2 * len(NOTEBOOKS)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_page_was_executed_to_the_end_and_is_clean(path):
    text = path.read_text(encoding="utf-8")
    page = json.loads(text)
    outputs = [output for cell in page["cells"] for output in cell.get("outputs", [])]
    assert outputs
    assert not [output for output in outputs if output["output_type"] == "error" or output.get("name") == "stderr"]
    for word in ("/home/", "/root/", "/tmp/", "/work/", "site-packages", "pip install"):
        assert word not in text, f"{path.name} mentions {word}"
    for output in outputs:
        assert len(json.dumps(output)) < 500_000, "an embedded figure is too large"
    assert path.stat().st_size < 2_000_000


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_media_of_a_page_are_there_and_small(path):
    import re

    for name in re.findall(r'\.\./(_static/media/[^"\\]+)', path.read_text(encoding="utf-8")):
        medium = ROOT / "book" / name
        assert medium.exists(), f"{path.name} shows {name}, which is missing"
        assert medium.stat().st_size < 1_000_000
