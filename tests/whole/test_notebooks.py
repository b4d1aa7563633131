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
RECOGNISE = ROOT / "notebooks" / "recognise.ipynb"  # of a video
OTHERS = (CURATION, RECOGNISE)
RECOGNISED = ROOT / "book" / "recognised" / "recognise.ipynb"
PAGES = sorted(path for corpus in ("demo", "open") for path in (ROOT / "book" / corpus).glob("*.ipynb"))
MAX_LINES = 15


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 9


@pytest.mark.parametrize("path", [*NOTEBOOKS, *OTHERS], ids=lambda path: path.stem)
def test_a_notebook_equals_its_script_and_has_no_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    script = jupytext.read(path.with_suffix(".py"))
    assert [(c.cell_type, c.source, c.metadata.get("tags")) for c in notebook.cells] == [
        (c.cell_type, c.source, c.metadata.get("tags")) for c in script.cells
    ]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


@pytest.mark.parametrize("path", [*NOTEBOOKS, *OTHERS], ids=lambda path: path.stem)
def test_every_parameter_has_a_type_a_default_and_an_explanation(path):
    parameters = papermill.inspect_notebook(str(path))
    assert ("corpus" in parameters) == (path not in OTHERS)
    for name, entry in parameters.items():
        assert entry["inferred_type_name"] in ("str", "int", "float", "bool"), name
        assert len(entry["help"]) > 3, name


@pytest.mark.parametrize("path", [*NOTEBOOKS, *OTHERS], ids=lambda path: path.stem)
def test_a_notebook_shows_its_work(path):
    """Nothing is removed; what is folded is short; and the steps of the page can be read."""
    code = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    visible = [cell for cell in code if not cell.metadata.get("tags")]
    for cell in code:
        tags = set(cell.metadata.get("tags", []))
        assert tags <= {"parameters", "hide-cell", "hide-input"}, cell.source
        if "parameters" not in tags:
            assert len(cell.source.splitlines()) <= MAX_LINES, cell.source
    assert sum(len(cell.source.splitlines()) for cell in visible) >= 15


@pytest.mark.parametrize("path", [*NOTEBOOKS, *OTHERS], ids=lambda path: path.stem)
def test_a_page_has_its_parts_in_their_order(path):
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells)
    parts = ["**Question.**", "**The paper**", "**Method.**", "## Differences from the paper", "page.takeaway("]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "provenance" in text[places[-1] :] or "where the numbers come from" in text[places[-1] :].lower()
    if path not in OTHERS:
        assert text.index("**Method.**") < text.index("page.corpus_note(")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_by_itself_a_notebook_is_quick_and_of_the_demo_corpus(path):
    defaults = {name: entry["default"].strip("'\"") for name, entry in papermill.inspect_notebook(str(path)).items()}
    assert defaults["corpus"] == "demo"
    assert defaults.get("profile", "quick") == "quick"


def test_the_video_that_is_recognised_by_default_is_in_the_repository():
    default = papermill.inspect_notebook(str(RECOGNISE))["video"]["default"].strip("'\"")
    assert (ROOT / default).is_file()


@pytest.mark.parametrize("path", [*NOTEBOOKS, *OTHERS], ids=lambda path: path.stem)
def test_what_jupyter_shows_is_plain(path):
    """Roles and directives of the book would stand in the text as they are typed."""
    prose = [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown"]
    assert not [text for text in prose if ":::" in text or "{cite" in text or "{numref" in text or "```{" in text]


@pytest.mark.parametrize("path", sorted((ROOT / "params").glob("*.yaml")), ids=lambda path: path.stem)
def test_parameter_files_hold_declared_parameters_of_the_right_type(path):
    from instrec_utils.pipeline.parameters import read_parameters

    content = yaml.safe_load(path.read_text())
    assert read_parameters(path.stem, {}) == content


def test_every_corpus_that_is_published_has_every_page():
    assert {path.parent.name for path in PAGES} == {"open"}
    assert len(PAGES) == len(NOTEBOOKS)


@pytest.mark.parametrize("path", [*PAGES, RECOGNISED], ids=lambda path: f"{path.parent.name}-{path.stem}")
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


@pytest.mark.parametrize("path", [*PAGES, RECOGNISED], ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_media_of_a_page_are_there_and_small(path):
    import re

    for name in re.findall(r"\.\./(_static/media/[^\"'\\)]+)", path.read_text(encoding="utf-8")):
        medium = ROOT / "book" / name
        assert medium.exists(), f"{path.name} shows {name}, which is missing"
        assert medium.stat().st_size < 1_000_000
