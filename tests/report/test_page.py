"""What pages are made of: alternative texts, captions, excerpts."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import av
import nbformat
import numpy as np
import pandas as pd
import pytest
import yaml
from made_results import one_hot, write_result
from matplotlib.figure import Figure

from instrec_corpora.staging import write_clip
from instrec_utils.__main__ import parse_parameters
from instrec_utils.corpora import Corpus
from instrec_utils.errors import ParameterError
from instrec_utils.report import page as report
from instrec_utils.report import results
from instrec_utils.report.figures import Drawing
from instrec_utils.training import runs

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTREC_HOME", str(tmp_path))
    rows = [("v-1", "flute", "train", "videos/v-1.mp4", 12.0), ("v-2", "drums", "test", "videos/v-2.mp4", 2.0)]
    index = pd.DataFrame(rows, columns=["video_id", "label", "split", "path", "duration"])
    directory = tmp_path / "data" / "mine"
    for row in index.itertuples():
        sound = 0.1 * np.sin(np.arange(int(44_100 * row.duration)) / 20).astype(np.float32)
        write_clip(directory / row.path, lambda t: np.full((120, 160, 3), 90, np.uint8), row.duration, sound)
    return Corpus("mine", "folder", directory, directory, index)


def drawing(**options):
    one = Figure()
    one.subplots().plot([1, 2])
    return Drawing(one, one, **options)


def test_a_figure_is_two_files_with_an_escaped_caption_and_an_alternative_text(home):
    shown = report.figure("mine", "one-line", drawing(), "a < b, *not* $5$", 'said "so"')
    bundle = shown._repr_mimebundle_()
    media = home / "runs" / "mine" / "media"
    assert sorted(path.name for path in media.iterdir()) == ["one-line-narrow.svg", "one-line.csv", "one-line.svg"]
    assert 'id="fig-one-line"' in bundle["text/html"]
    narrow = '<source media="(max-width: 640px)" srcset="../runs/mine/media/one-line-narrow.svg">'
    assert f'{narrow}<img src="../runs/mine/media/one-line.svg" alt="said &quot;so&quot;"' in bundle["text/html"]
    csv = '<a class="csv" download href="../runs/mine/media/one-line.csv">CSV</a>'
    assert f"<figcaption>a &lt; b, *not* <span>$</span>5<span>$</span> {csv}</figcaption>" in bundle["text/html"]
    assert bundle["text/markdown"].splitlines() == [
        ":::{figure} ../runs/mine/media/one-line.svg",
        ":name: fig-one-line",
        ':alt: said "so"',
        ":figclass: instrec drawn",
        "",
        rf"a \< b, \*not\* \$5\$ {csv}",
        "",
        "```{image} ../runs/mine/media/one-line-narrow.svg",
        ":class: narrow",
        ':alt: said "so"',
        "```",
        ":::",
    ]
    assert bundle["text/plain"] == 'said "so"'
    with pytest.raises(ValueError, match="small letters, digits and hyphens, got 'One line'"):
        report.figure("mine", "One line", drawing(), "", "")


def test_photographs_are_pixels_whose_colours_the_dark_leaves(home):
    shown = report.figure("mine", "strip", drawing(is_picture=True), "Frames.", "Black.")
    assert ":figclass: instrec\n" in shown.markdown
    assert "strip-narrow.webp" in shown.markdown


ALTS = ("# hash", "a # b", "'single' x", '"quoted" first', "| pipe", "> gt", "a: b", "two\nlines")


@pytest.mark.parametrize("alt", ALTS)
def test_any_alternative_text_is_read_back_by_the_book(home, alt):
    from myst_parser.parsers.options import options_to_items

    shown = report.figure("mine", "sheet", np.zeros((8, 8, 3), np.uint8), "A sheet.", alt)
    options = "\n".join(line[1:] for line in shown.markdown.splitlines() if line.startswith(":") and line[1] != ":")
    assert dict(options_to_items(options)[0])["alt"] == alt.replace("\n", " ")


def test_dollars_begin_no_formula(home):
    frame = pd.DataFrame({"Class $": ["$5 or $6", "<$>"]})
    for content in (report.table(frame, "$a$").data, report.takeaway("$a$ < b").html):
        assert content.replace("<span>$</span>", "").count("$") == 0
    assert report.takeaway("$a$").markdown.count(r"\$") == 2


def test_long_cells_are_shown_in_full():
    assert "x" * 200 in report.table(pd.DataFrame({"File": ["x" * 200]}), "Long.").data


def test_a_page_that_ends_says_why_and_runs_no_further(monkeypatch):
    shown = []
    monkeypatch.setattr(report, "display", shown.append)
    with pytest.raises(SystemExit) as ended:
        report.end("No *sound*.")
    assert ended.value.code == 0
    assert [one.data for one in shown] == [r"No \*sound\*."]


def test_the_book_has_names_of_its_own_and_numbers_for_links(home):
    shown = report.figure("mine", "sheet", np.zeros((8, 8, 3), np.uint8), "A sheet.", "Black.")
    text = report.for_book(shown.markdown, "mine")
    assert ":::{figure} ../_static/media/mine/sheet.jpg\n:name: fig-mine-sheet\n" in text
    assert report.for_book("As the [figure](#fig-sheet) shows, [so](#so).", "mine") == (
        "As the {numref}`fig-mine-sheet` shows, [so](#so)."
    )
    assert report.for_book(shown.html, "mine").count("../_static/media/mine/sheet.jpg") == 1


@pytest.fixture
def built(home):
    """Build a page of two figures as the book is set up, and return it."""
    root = Path(__file__).parents[2]
    (home / "book" / "mine").mkdir(parents=True)
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    del config["logo"], config["html"]["favicon"], config["exclude_patterns"]
    config["sphinx"]["config"].pop("html_extra_path")
    (home / "_config.yml").write_text(yaml.safe_dump(config))
    (home / "book" / "references.bib").touch()
    (home / "book" / "_toc.yml").write_text("format: jb-book\nroot: mine/page\n")
    shown = [report.figure("mine", name, drawing(), f"Caption {name}.", "Black.") for name in "ab"]
    language = {"language_info": {"name": "python", "pygments_lexer": "ipython3"}}
    notebook = nbformat.v4.new_notebook(metadata=language)
    outputs = [nbformat.v4.new_output("display_data", data=one._repr_mimebundle_()) for one in shown]
    for output in outputs:
        output["data"]["text/markdown"] = report.for_book(output["data"]["text/markdown"], "mine")
    text = report.for_book("# Page\n\nSee [figure](#fig-b).", "mine")
    notebook.cells = [nbformat.v4.new_markdown_cell(text), nbformat.v4.new_code_cell("x", outputs=outputs)]
    nbformat.write(notebook, home / "book" / "mine" / "page.ipynb")
    shutil.copytree(home / "runs" / "mine" / "media", home / "book" / "_static" / "media" / "mine")
    shutil.copy(root / "book" / "_static" / "instrec.css", home / "book" / "_static")
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    done = subprocess.run([jupyter_book, "build", "-q", "-W", "-n", "book/"], cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return home / "_build" / "html" / "mine" / "page.html"


@pytest.mark.slow
def test_the_book_numbers_figures_and_the_text_refers_to_them(built):
    """The two forms go through MyST-NB as the book is set up: captions computed, numbered, with alternative texts."""
    text = built.read_text()
    assert 'href="#fig-mine-b"><span class="std std-numref">Fig. 2</span>' in text
    assert '<span class="caption-number">Fig. 2 </span><span class="caption-text">Caption b. <a class="csv"' in text
    for name in ("a", "b", "a-narrow", "b-narrow"):
        assert re.search(f'<img alt="Black." [^>]*src="../_images/{name}.svg"', text)


SEEN = """[...document.querySelectorAll("figure img")].filter(image => image.checkVisibility()).map(image =>
    [image.src.split("/").pop(), image.getBoundingClientRect().width > 0.9 * image.closest("figure").clientWidth
    || image.getBoundingClientRect().width >= image.naturalWidth, getComputedStyle(image).filter.includes("invert")])"""


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system: install chromium to run the browser tests")
def test_one_drawing_is_seen_at_each_width_in_the_colours_of_the_page(built):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for width, ending in ((360, "-narrow.svg"), (1440, ".svg")):
            for scheme in ("light", "dark"):
                tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                tab.goto(built.as_uri())
                assert tab.evaluate(SEEN) == [[f"{name}{ending}", True, scheme == "dark"] for name in "ab"]
        browser.close()


def test_a_table_escapes_its_content_and_can_be_had_as_csv():
    frame = pd.DataFrame({"Label": ["<script>", "a, b"], "Hit@1": ["71.8\N{NO-BREAK SPACE}± 1.2", "–"]})
    text = report.table(frame, "n < 2").data
    assert "&lt;script&gt;" in text
    assert "<caption>n &lt; 2 <a " in text
    address = re.search(r'href="data:text/csv;charset=utf-8,([^"]+)"', text)[1]
    assert unquote(address) == 'Label,Hit@1\n<script>,71.8 ± 1.2\n"a, b",–\n'


def test_provenance_leads_to_every_result_and_says_which_was_made_here(home):
    truth = np.arange(6) % 3
    for run, kind in (("a", "audio"), ("v", "visual")):
        write_result(run, kind, truth, one_hot(truth), is_published=run == "a")
    measured = {"run": "f", "corpus": "tiny", "settings_sha256": "s" * 64, "index_sha256": "i" * 64, "commit": "c"}
    measured |= {"seed": 1, "seconds": 3.0, "device": "CPU", "is_published": False}
    text = report.provenance(results.read_results("tiny"), [measured]).data
    links = re.findall(r'<a href="([^"]+)">([^<]+)</a>', text)
    assert links == [(f"../results/tiny/{name}.json", name) for name in ("a", "v", "robustness/f")]
    assert re.findall(r"<td>(published|made here)</td>", text) == ["published", "made here", "made here"]


def test_settings_are_said_in_words(corpus):
    text = report.settings(runs.visual_run(corpus, num_frames=5, seed=1)).data
    for words in ("learning rate is halved", "never", "every 5 epochs", "classes only", "whole network", "SGD"):
        assert f"<td>{words}</td>" in text
    assert "_" not in re.sub(r"<caption>.*</caption>|<[^>]*>", "", text, flags=re.DOTALL)


def test_settings_of_weights_that_are_solved_for_are_said_in_words(corpus):
    joined = {"audio": runs.audio_run(corpus), "visual": runs.visual_run(corpus)}
    text = report.settings(runs.fusion_run(corpus, fusion_form="weighted", **joined)).data
    said = dict(re.findall(r"<td>([^<]*)</td>\s*<td>([^<]*)</td>", text))
    expected = {"optimiser": "Newton's method", "learning rate": "none", "batch": "all examples"}
    expected |= {"at most": "until solved", "patience": "none", "learning rate is halved": "never"}
    assert {name: said[name] for name in expected} == expected


def test_the_note_counts_the_splits_and_names_the_corpus(corpus):
    text = report.corpus_note(corpus).data
    assert "Corpus: mine" in text
    assert "1 train, 0 validation, 1 test" in text
    assert report.playable(corpus) == {"v-1", "v-2"}


def test_players_show_short_excerpts_with_sound(corpus, tmp_path):
    text = report.players(corpus, corpus.index, ["one", "two"]).data
    assert 'src="../runs/mine/media/v-1.mp4"' in text
    for name, seconds in (("v-1", 8), ("v-2", 2)):
        path = tmp_path / "runs" / "mine" / "media" / f"{name}.mp4"
        with av.open(str(path)) as container:
            assert container.duration / av.time_base == pytest.approx(seconds, abs=0.3)
            assert len(container.streams.audio) == 1
            assert container.streams.video[0].height == 240


def test_an_excerpt_that_is_there_is_kept(corpus, tmp_path):
    report.players(corpus, corpus.index, ["one", "two"])
    path = tmp_path / "runs" / "mine" / "media" / "v-1.mp4"
    before = path.stat().st_mtime_ns
    report.players(corpus, corpus.index, ["one", "two"])
    assert path.stat().st_mtime_ns == before


def test_parameters_on_the_command_line_are_read_as_yaml():
    parsed = parse_parameters(["num_frames=5", "augment=false", "corpus=x", "share=0.5", "root=/a=b"])
    assert parsed == {"num_frames": 5, "augment": False, "corpus": "x", "share": 0.5, "root": "/a=b"}
    with pytest.raises(ParameterError, match="expected name=value, got 'num_frames'"):
        parse_parameters(["num_frames"])
    with pytest.raises(ParameterError, match=r"-p photographs: cannot be read as YAML: while scanning .* '@'"):
        parse_parameters(["photographs=@photos"])
