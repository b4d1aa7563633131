"""The pipeline: parameters are checked first, pages are replaced only on success, nothing is done twice."""

import json

import jupytext
import nbformat
import papermill
import pytest
import yaml

from instrec_utils import pipeline
from instrec_utils.errors import InstrecError, ParameterError

FIRST = """
# %% tags=["parameters"]
corpus: str = "mini"  # name
count: int = 2  # how many
share: float = 0.5  # of all

# %%
import os
import sys
os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\\n")
os.write(2, b"I0000 00:00:17.8 21586 port.cc:153] oneDNN custom operations are on.\\n")
print("progress", file=sys.stderr)
print("count", count)
"""
SECOND = """
# %% tags=["parameters"]
corpus: str = "mini"  # name
fail: bool = False  # whether to fail

# %%
from IPython.display import HTML
if fail:
    raise ValueError("asked to fail")
HTML('<img src="../book/_static/media/mini/a.jpg" alt="a">')
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A checkout of two small notebooks."""
    monkeypatch.setenv("INSTREC_HOME", str(tmp_path))
    monkeypatch.setenv("INSTREC_DATA", str(tmp_path / "data"))
    (tmp_path / "notebooks").mkdir()
    for name, source in (("01_first", FIRST), ("02_second", SECOND)):
        notebook = jupytext.reads(source, "py:percent")
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, tmp_path / "notebooks" / f"{name}.ipynb")
    (tmp_path / "params").mkdir()
    (tmp_path / "params" / "mini.yaml").write_text("corpus: mini\ncount: 3\n")
    (tmp_path / "data" / "mini").mkdir(parents=True)
    (tmp_path / "data" / "mini" / "index.csv").write_text("video_id\n")
    monkeypatch.setattr(pipeline, "_sources_sha256", lambda: "as they were")
    monkeypatch.setattr(pipeline, "build_book", lambda corpus: tmp_path / "index.html")
    return tmp_path


def test_parameters_are_those_of_the_file_and_the_overrides(home):
    assert pipeline.read_parameters("mini", {"share": 1}) == {"corpus": "mini", "count": 3, "share": 1.0}


@pytest.mark.parametrize(
    ("corpus", "overrides", "message"),
    [
        ("none", {}, "expected one of mini, got 'none'"),
        ("mini", {"cuont": 3}, "'cuont' is declared by no notebook; did you mean count?"),
        ("mini", {"count": "three"}, "count: expected a value of type int, got 'three'"),
        ("mini", {"count": True}, "count: expected a value of type int, got True"),
    ],
)
def test_a_wrong_parameter_is_refused_before_any_kernel_starts(home, monkeypatch, corpus, overrides, message):
    monkeypatch.setattr(papermill, "execute_notebook", lambda *_, **__: pytest.fail("a kernel was started"))
    with pytest.raises(ParameterError, match=message.replace("?", r"\?")):
        pipeline.run(corpus, overrides)


def test_pages_show_the_run_and_not_its_progress_or_paths(home):
    pipeline.run("mini", {})
    first = (home / "book" / "mini" / "01_first.ipynb").read_text()
    assert "count 3" in first
    assert "progress" not in json.dumps([cell.get("outputs") for cell in json.loads(first)["cells"]])
    assert str(home) not in first
    second = nbformat.read(home / "book" / "mini" / "02_second.ipynb", as_version=4)
    assert 'src="../_static/media/mini/a.jpg"' in second.cells[-1].outputs[0]["data"]["text/html"]
    hidden = [cell for cell in second.cells if "remove-cell" in cell.metadata.get("tags", [])]
    assert any("parameters" in cell.metadata.tags for cell in hidden)


def test_a_notebooks_progress_is_shown_once_without_tensorflows_greetings(home, capfd):
    pipeline.run("mini", {})
    shown = capfd.readouterr().err
    assert shown.count("progress") == 1
    assert "absl" not in shown
    assert "port.cc" not in shown


def test_a_dead_kernel_is_named(home):
    path = home / "notebooks" / "02_second.ipynb"
    path.write_text(path.read_text().replace('raise ValueError(\\"asked to fail\\")', "os.kill(os.getpid(), 9)"))
    path.write_text(
        path.read_text().replace("from IPython.display import HTML", "from IPython.display import HTML; import os")
    )
    with pytest.raises(InstrecError, match=r"02_second\.ipynb: its process died, as for want of memory; run it again"):
        pipeline.run("mini", {"fail": True})


def test_a_second_run_executes_nothing_and_a_changed_notebook_only_what_follows(home, monkeypatch):
    pipeline.run("mini", {})
    executed = []
    real = papermill.execute_notebook

    def counted(notebook, *arguments, **options):
        executed.append(notebook.stem)
        return real(notebook, *arguments, **options)

    monkeypatch.setattr(papermill, "execute_notebook", counted)
    pipeline.run("mini", {})
    assert executed == []
    path = home / "notebooks" / "02_second.ipynb"
    path.write_text(path.read_text().replace('alt=\\"a\\"', 'alt=\\"b\\"'))
    pipeline.run("mini", {})
    assert executed == ["02_second"]


def test_a_result_that_vanished_is_made_again(home, monkeypatch):
    results = home / "results" / "mini"
    results.mkdir(parents=True)
    (results / "run.json").write_text("{}")
    pipeline.run("mini", {})
    (results / "run.json").unlink()
    executed = []
    monkeypatch.setattr(pipeline, "_make_page", lambda notebook, *_: executed.append(notebook.stem))
    pipeline.run("mini", {})
    assert executed == ["01_first", "02_second"]


def test_a_failed_notebook_leaves_the_page_as_it_was(home):
    pipeline.run("mini", {})
    page = home / "book" / "mini" / "02_second.ipynb"
    before = page.read_bytes()
    with pytest.raises(InstrecError, match=r"02_second\.ipynb: ValueError: asked to fail"):
        pipeline.run("mini", {"fail": True})
    assert page.read_bytes() == before
    assert sorted(path.name for path in page.parent.iterdir()) == ["01_first.ipynb", "02_second.ipynb"]


def test_the_contents_of_a_users_book_replace_the_published_parts(home):
    parts = [
        {"caption": "Demo", "chapters": [{"file": "demo/01_first"}]},
        {"caption": "About", "chapters": [{"file": "glossary"}]},
    ]
    (home / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": "index", "parts": parts}))
    contents = pipeline.contents_for("mine")
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    assert files == ["mine/01_first", "mine/02_second", "glossary"]


def test_a_page_is_out_of_date_with_the_results_that_it_shows_and_no_others(home):
    folder = home / "results" / "mini"
    folder.mkdir(parents=True)
    for name in ("audio-a-s1", "visual-v-s1", "fusion-f-s1"):
        (folder / f"{name}.json").write_text(name)
    shown = {
        page: set(pipeline._results_shown(page, "mini")) for page in ("01_corpus", "03_frame_model", "04_audio_model")
    }
    assert shown == {
        "01_corpus": set(),
        "03_frame_model": {"visual-v-s1.json"},
        "04_audio_model": {"audio-a-s1.json", "visual-v-s1.json"},
    }
    assert len(pipeline._results_shown("07_summary", "mini")) == 3
    before = pipeline._results_shown("03_frame_model", "mini")
    (folder / "audio-a-s1.json").write_text("trained again")
    assert pipeline._results_shown("03_frame_model", "mini") == before
    (folder / "visual-v-s2.json").write_text("another seed")
    assert pipeline._results_shown("03_frame_model", "mini") != before


def test_a_changed_folder_of_videos_is_noticed(home, tmp_path):
    folder = tmp_path / "videos" / "oboe"
    folder.mkdir(parents=True)
    (folder / "a.mp4").write_bytes(b"a")
    parameters = {"source": "folder", "root": str(tmp_path / "videos")}
    before = pipeline._material(parameters)
    assert pipeline._material(parameters) == before
    (folder / "b.mp4").write_bytes(b"b")
    assert pipeline._material(parameters) != before
    assert pipeline._material({"source": "demo"}) == ""
