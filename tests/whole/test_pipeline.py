"""The pipeline: parameters are checked first, pages are replaced only on success, nothing is done twice."""

import copy
import json

import jupytext
import nbformat
import papermill
import pytest
import yaml

from instrec_utils import files, paths
from instrec_utils.errors import InstrecError, ParameterError, RunError
from instrec_utils.pipeline import book, execution, report
from instrec_utils.pipeline.book import publish
from instrec_utils.pipeline.parameters import read_parameters
from instrec_utils.pipeline.report import make_report
from instrec_utils.training.runs import report_parameters

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
HTML('<img src="../runs/mini/media/a.jpg" alt="a">')
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
    monkeypatch.setattr(report, "_sources_sha256", lambda: "as they were")
    monkeypatch.setattr(report, "build_book", lambda corpus_name: tmp_path / "index.html")
    return tmp_path


def test_parameters_are_those_of_the_file_and_the_overrides(home):
    assert read_parameters("mini", {"share": 1}) == {"corpus": "mini", "count": 3, "share": 1.0}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("count: 3", "mini.yaml: expected a line 'corpus: name', got none"),
        ("count: [3", "mini.yaml: cannot be read as"),
    ],
)
def test_a_file_of_parameters_that_lacks_its_corpus_or_is_no_yaml_is_refused(home, content, message):
    (home / "params" / "mini.yaml").write_text(content)
    with pytest.raises(ParameterError, match=message) as refused:
        read_parameters("mini", {})
    assert "\n" not in str(refused.value)


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
        make_report(corpus, overrides)


def test_pages_show_the_run_and_not_its_progress_or_paths(home):
    make_report("mini", {})
    first = (home / "runs" / "mini" / "pages" / "01_first.ipynb").read_text()
    assert "count 3" in first
    assert "progress" not in json.dumps([cell.get("outputs") for cell in json.loads(first)["cells"]])
    assert str(home) not in first
    second = nbformat.read(home / "runs" / "mini" / "pages" / "02_second.ipynb", as_version=4)
    assert 'src="../_static/media/mini/a.jpg"' in second.cells[-1].outputs[0]["data"]["text/html"]
    folded = [cell for cell in second.cells if "hide-cell" in cell.metadata.get("tags", [])]
    assert [sorted({"parameters", "injected-parameters"} & set(cell.metadata.tags)) for cell in folded] == [
        ["parameters"],
        ["injected-parameters"],
    ]


def tracked(home):
    """Every file of the folders that git tracks, with what is in it."""
    found = [path for name in ("book", "results", "notebooks", "params") for path in (home / name).rglob("*")]
    return {path: path.read_bytes() for path in found if path.is_file()}


def test_a_report_writes_nothing_that_git_tracks(home):
    for path in ("book/mini/01_first.ipynb", "book/_static/media/mini/a.jpg", "results/mini/a.json"):
        files.write_text(home / path, "published")
    before = tracked(home)
    make_report("mini", {"share": 0.25})
    assert tracked(home) == before
    assert sorted(path.name for path in home.iterdir()) == ["book", "data", "notebooks", "params", "results", "runs"]
    assert report_parameters("mini") == {"corpus": "mini", "count": 3, "share": 0.25}


def test_media_that_no_page_shows_are_dropped(home):
    for name in ("a.jpg", "old.jpg"):
        files.write_text(paths.media_dir("mini") / name, name)
    make_report("mini", {})
    assert [path.name for path in paths.media_dir("mini").iterdir()] == ["a.jpg"]


def test_a_notebooks_progress_is_shown_once_without_tensorflows_greetings(home, capfd):
    make_report("mini", {})
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
        make_report("mini", {"fail": True})


def test_a_second_run_executes_nothing_and_a_changed_notebook_only_what_follows(home, monkeypatch):
    make_report("mini", {})
    executed = []
    real = papermill.execute_notebook

    def counted(notebook, *arguments, **options):
        executed.append(notebook.stem)
        return real(notebook, *arguments, **options)

    monkeypatch.setattr(papermill, "execute_notebook", counted)
    make_report("mini", {})
    assert executed == []
    path = home / "notebooks" / "02_second.ipynb"
    path.write_text(path.read_text().replace('alt=\\"a\\"', 'alt=\\"b\\"'))
    make_report("mini", {})
    assert executed == ["02_second"]


def test_a_failed_notebook_leaves_the_page_as_it_was(home):
    make_report("mini", {})
    page = home / "runs" / "mini" / "pages" / "02_second.ipynb"
    before = page.read_bytes()
    with pytest.raises(InstrecError, match=r"02_second\.ipynb: ValueError: asked to fail"):
        make_report("mini", {"fail": True})
    assert page.read_bytes() == before
    assert sorted(path.name for path in page.parent.iterdir()) == ["01_first.ipynb", "02_second.ipynb"]


def test_the_contents_of_a_users_book_replace_the_published_parts(home):
    parts = [
        {"caption": "Demo", "chapters": [{"file": "demo/01_first"}]},
        {"caption": "About", "chapters": [{"file": "glossary"}]},
    ]
    (home / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": "index", "parts": parts}))
    contents = book.contents_for("mine")
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    assert files == ["mine/01_first", "mine/02_second", "mine/videos", "about", "glossary"]


def section(heading, *outputs, text="Some words."):
    """Return the cells of a section: its heading, and a cell of code for each output, or for None one without."""
    cells = [nbformat.v4.new_code_cell("x", outputs=[copy.deepcopy(one)] if one else []) for one in outputs]
    return [nbformat.v4.new_markdown_cell(f"{heading}\n\n{text}"), *cells]


SHOWN = nbformat.v4.new_output("display_data", data={"text/markdown": ":::{figure} a.png\n:name: fig-here\n:::"})
PROGRESS = nbformat.v4.new_output("stream", name="stderr", text="10 %")
END = nbformat.v4.new_output("error", ename="SystemExit", evalue="0", traceback=[])


def cleaned(*sections):
    notebook = nbformat.v4.new_notebook(cells=[copy.deepcopy(cell) for one in sections for cell in one])
    return execution.clean_page(notebook, "mini").cells


def headings(cells):
    return [cell.source.partition("\n")[0] for cell in cells if cell.cell_type == "markdown"]


def test_a_section_whose_code_shows_nothing_goes_with_its_heading():
    cells = cleaned(
        section("# 1. Title", None),
        section("## Shown", None, SHOWN),
        section("## Empty", None, None),
        section("## Only progress", PROGRESS),
        section("## Only words"),
        section("## Last", SHOWN),
    )
    assert headings(cells) == ["# 1. Title", "## Shown", "## Only words", "## Last"]
    assert len(cells) == 1 + 1 + 1 + 2 + 1 + 1 + 1


def test_a_page_ends_where_a_cell_ended_it():
    end = section("## The run", SHOWN)
    end[-1].outputs.append(END)
    cells = cleaned(section("# 1. Title", None), end, section("## Training", None), section("## Words"))
    assert headings(cells) == ["# 1. Title", "## The run"]
    assert [output.output_type for output in cells[-1].outputs] == ["display_data"]


def test_words_stay_where_a_link_leads_to_a_figure_that_is_not_there():
    text = "[One](#fig-here), [another](#fig-gone), [a page](page.md)."
    (first, _) = cleaned(section("# Title", SHOWN, text=text))
    assert first.source.endswith("{numref}`fig-mini-here`, another, [a page](page.md).")


def test_a_page_is_out_of_date_with_the_results_that_it_shows_and_no_others(home):
    folder, published = paths.results_dirs("mini")
    files.write_text(published / "audio-a-s1.json", "the one that was made here hides it")
    for name in ("audio-a-s1", "visual-v-s1", "fusion-f-s1", "robustness/fusion-f-s1"):
        files.write_text(folder / f"{name}.json", name)
    steps = {}
    for name in ("01_corpus", "03_visual_model", "04_audio_model", "07_summary", "08_robustness"):
        steps[name] = report.Step("mini", home / "notebooks" / f"{name}.ipynb", {}, "key")
        files.write_text(steps[name].page, "")

    def shown(name):
        return {path for path in steps[name]._shown() if path != steps[name].page}

    assert {name: len(shown(name)) for name in steps} == {
        "01_corpus": 0,
        "03_visual_model": 1,
        "04_audio_model": 2,
        "07_summary": 3,
        "08_robustness": 4,
    }
    assert not any(path.is_relative_to(published) for path in shown("04_audio_model"))
    before = steps["03_visual_model"]._state()
    files.write_text(folder / "audio-a-s1.json", "trained again")
    assert steps["03_visual_model"]._state() == before
    files.write_text(published / "visual-v-s2.json", "another seed")
    assert steps["03_visual_model"]._state() != before


def test_a_changed_folder_of_videos_is_noticed(home, tmp_path):
    folder = tmp_path / "videos" / "oboe"
    folder.mkdir(parents=True)
    (folder / "a.mp4").write_bytes(b"a")
    parameters = {"source": "folder", "root": str(tmp_path / "videos")}
    before = report._material(parameters)
    assert report._material(parameters) == before
    (folder / "b.mp4").write_bytes(b"b")
    assert report._material(parameters) != before
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "videos" / "flute").symlink_to(tmp_path / "elsewhere")
    (folder / "gone.mp4").symlink_to(tmp_path / "nowhere")
    (folder / "loop").symlink_to(folder)
    before = {follows: report._material(parameters | {"follow_links": follows}) for follows in (False, True)}
    (tmp_path / "elsewhere" / "c.mp4").write_bytes(b"c")
    after = {follows: report._material(parameters | {"follow_links": follows}) for follows in (False, True)}
    assert {follows: before[follows] != after[follows] for follows in before} == {False: False, True: True}
    assert report._material({"source": "demo"}) == ""


def write_contents(home):
    chapters = [{"file": "mini/01_first"}, {"file": "mini/02_second"}, {"file": "glossary"}]
    contents = {"format": "jb-book", "root": "index", "parts": [{"caption": "Mini", "chapters": chapters}]}
    files.write_text(home / "_toc.yml", yaml.safe_dump(contents))
    files.write_text(home / "_config.yml", "title: The book")


@pytest.fixture
def made(home):
    """A checkout with the pages, results and media of a corpus made anew, and older published ones."""
    write_contents(home)
    for name in ("pages/01_first.ipynb", "pages/02_second.ipynb", "media/a.jpg", "media/.half.jpg"):
        files.write_text(paths.runs_dir("mini") / name, f"new {name}")
    for name in ("audio-a-s1.json", "robustness/fusion-f-s1.json"):
        files.write_text(paths.working_results_dir("mini") / name, f"new {name}")
    for name in ("01_first.ipynb", "09_stale.ipynb"):
        files.write_text(home / "book" / "mini" / name, "old")
    for name in ("a.jpg", "stale.jpg"):
        files.write_text(home / "book" / "_static" / "media" / "mini" / name, "old")
    for name in ("audio-a-s1.json", "visual-v-s1.json"):
        files.write_text(home / "results" / "mini" / name, "old")
    files.write_text(home / "book" / "glossary.md", "of all corpora")
    (home / "book" / "_vendor").mkdir()
    (home / "book" / "_vendor" / "results").symlink_to("../../results")  # what pages link to
    return home


def test_publishing_copies_what_was_made_and_removes_what_is_stale(made):
    before = tracked(made)
    changed = publish("mini")
    folders = {made / "book" / "mini": "pages", made / "book" / "_static" / "media" / "mini": "media"}
    for folder, source in folders.items():
        found = {path.name: path.read_text() for path in folder.iterdir()}
        made_here = [path for path in (paths.runs_dir("mini") / source).iterdir() if path.name[0] != "."]
        assert found == {path.name: f"new {source}/{path.name}" for path in made_here}
    results = paths.published_results_dir("mini")
    assert {path.relative_to(results).as_posix(): path.read_text() for path in results.rglob("*.json")} == {
        "audio-a-s1.json": "new audio-a-s1.json",
        "robustness/fusion-f-s1.json": "new robustness/fusion-f-s1.json",
        "visual-v-s1.json": "old",  # published, and not made here
    }
    after = tracked(made)
    assert set(changed) == {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert len(changed) == len(set(changed))
    assert publish("mini") == []


def test_of_a_corpus_without_pages_results_and_the_media_that_are_there_are_published(made):
    chapters = [{"file": "glossary"}]
    contents = {"format": "jb-book", "root": "index", "parts": [{"caption": "About", "chapters": chapters}]}
    files.write_text(made / "_toc.yml", yaml.safe_dump(contents))
    files.write_text(made / "results" / "mini" / "index.csv", "old")
    publish("mini")
    media = made / "book" / "_static" / "media" / "mini"
    assert {path.name: path.read_text() for path in media.iterdir()} == {"a.jpg": "new media/a.jpg", "stale.jpg": "old"}
    assert (made / "book" / "mini" / "01_first.ipynb").read_text() == "old"
    assert (made / "results" / "mini" / "audio-a-s1.json").read_text() == "new audio-a-s1.json"


def test_publishing_an_unknown_corpus_or_one_that_is_not_made_is_refused(made):
    before = tracked(made)
    with pytest.raises(
        ParameterError, match="corpus: expected one that the book publishes, mini, benchmarks, got 'mine'"
    ):
        publish("mine")
    (paths.pages_dir("mini") / "02_second.ipynb").unlink()
    with pytest.raises(RunError, match=r"runs/mini/pages: lacks 02_second\.ipynb; run `make report CORPUS=mini` first"):
        publish("mini")
    assert tracked(made) == before


def test_a_corpus_whose_pages_are_not_published_yet_is_refused_until_all_are_made(home):
    write_contents(home)
    files.write_text(paths.pages_dir("mini") / "01_first.ipynb", "the only one")
    with pytest.raises(RunError, match=r"lacks 02_second\.ipynb"):
        publish("mini")
    assert not (home / "book").exists()


def test_the_book_is_staged_with_what_was_made_here_in_place_of_what_is_published(made):
    folder = made / "_build" / "mini"
    before = tracked(made)
    book._stage("mini", folder)
    assert sorted(path.name for path in (folder / "book" / "mini").iterdir()) == ["01_first.ipynb", "02_second.ipynb"]
    assert (folder / "book" / "_static" / "media" / "mini" / "a.jpg").read_text() == "new media/a.jpg"
    assert not (folder / "book" / "_static" / "media" / "mini" / "stale.jpg").exists()
    assert (folder / "book" / "_vendor" / "results" / "mini" / "audio-a-s1.json").read_text() == "new audio-a-s1.json"
    assert (folder / "book" / "_vendor" / "results" / "mini" / "visual-v-s1.json").read_text() == "old"
    assert (folder / "book" / "glossary.md").exists()
    assert yaml.safe_load((folder / "config.yml").read_text()) == {"title": "The book"}
    assert tracked(made) == before
