"""The chapter on the paper's data: its numbers are those of table1.json, and the commands that make and check it."""

import html
import json
import os
import pickle
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pandas as pd
import pytest
from typer.testing import CliRunner

from instrec_utils import __main__, config, files, paths
from instrec_utils.errors import CorpusError, InstrecError
from instrec_utils.paper_data import availability, labels, paper_videos, published, youtube8m
from instrec_utils.pipeline import report as pipeline_report
from instrec_utils.report import page

HOME = Path(__file__).resolve().parents[2]
PAGE = HOME / "book" / "curation" / "curation.ipynb"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Tables(HTMLParser):
    """The tables of a text, each as its caption and its rows of cells."""

    def __init__(self, text):
        super().__init__()
        self.found, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        if tag == "table":
            self.found.append(["", []])
        elif tag == "tr":
            self.found[-1][1].append([])
        elif tag in ("td", "th"):
            self.found[-1][1][-1].append("")
        self.inside = tag if tag in ("td", "th", "caption") else False

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside == "caption":
            self.found[-1][0] += data
        elif self.inside:
            self.found[-1][1][-1][-1] += data


@pytest.fixture(scope="module")
def outputs():
    return [output for cell in nbformat.read(PAGE, as_version=4).cells for output in cell.get("outputs", [])]


@pytest.fixture(scope="module")
def shown(outputs):
    return "".join(output.get("data", {}).get("text/html", "") for output in outputs)


def table_captioned(shown, beginning):
    (rows,) = [rows for caption, rows in Tables(shown).found if caption.startswith(beginning)]
    return rows


def number(text):
    return float(text.replace(",", ""))


@pytest.mark.parametrize(("corpus", "name"), [("fcvid", "FCVID"), ("yt8m", "YouTube-8M")])
def test_table_1_of_the_page_is_that_of_the_json(shown, corpus, name):
    column = json.loads((HOME / "results" / "curation" / "table1.json").read_text())[corpus]
    header, *rows = table_captioned(shown, "Table 1 of the paper")
    printed = {row[0].split(" (")[0]: row[header.index(f"{name}, paper")] for row in rows}
    recomputed = {row[0].split(" (")[0]: row[header.index(f"{name}, recomputed")] for row in rows}
    for title, printed_name, own, digits in (
        ("Categories", "categories", "categories", 0),
        ("Videos", "videos", "videos_with_duration", 0),
        ("Total duration in h", "hours", "hours", 2),
        ("Mean duration in min", "mean_minutes", "mean_minutes", 2),
        ("Videos a category, mean", "per_category_mean", "per_category_mean", 2),
        ("Videos a category, standard deviation", "per_category_std", "per_category_std", 2),
        ("Videos used", "videos_used", "videos_listed", 0),
    ):
        assert number(printed[title]) == column["paper"][printed_name], title
        assert number(recomputed[title]) == round(column[own], digits), title


def test_every_difference_is_on_the_page_with_its_reason(shown):
    content = json.loads((HOME / "results" / "curation" / "table1.json").read_text())
    rows = table_captioned(shown, "All 7 numbers")[1:]
    expected = [
        (f"{entry['paper']:,}", entry["explanation"]) for column in content.values() for entry in column["differences"]
    ]
    assert [(row[2], row[4]) for row in rows] == expected
    assert ["235,260", "not in the lists"] in [row[2:4] for row in rows]


def test_the_committed_measurement_keeps_the_limits():
    content = json.loads((HOME / "results" / "benchmarks" / "curation.json").read_text())
    index, notebook = content["index"], content["notebook"]
    assert index["videos"] == 60_794
    assert index["seconds"] < index["limit_seconds"] == 3.0
    assert index["peak_bytes"] < index["limit_bytes"] == 500_000_000
    assert notebook["seconds"] < notebook["limit_seconds"] == 60.0


def test_the_page_ran_to_its_end_and_is_clean(outputs, shown):
    assert outputs
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    assert shown.count("<figure") == shown.count("<figcaption>") >= 5
    assert shown.count("<table") == shown.count("<caption>") >= 10
    assert not re.findall(r'<img [^>]*alt=""', shown)
    text = PAGE.read_text(encoding="utf-8")
    for word in ("/home/", "/root/", "/tmp/", "/work/", "site-packages"):
        assert word not in text
    assert len(text) < 1_000_000


def test_no_cell_of_the_notebook_is_long_or_removed():
    for cell in nbformat.read(HOME / "notebooks" / "curation.ipynb", as_version=4).cells:
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 15, cell.source
            assert set(cell.metadata.get("tags", [])) <= {"parameters", "hide-input", "hide-cell"}, cell.source


def test_every_video_that_both_lists_hold_bears_witness_to_a_label(shown):
    rows = table_captioned(shown, "YouTube-8M's label numbers. 45 of 45 shared videos agree, for 8 of 13 numbers.")[1:]
    assert [row[1] for row in rows] == list(labels.YOUTUBE8M_LABELS)
    assert sum(int(row[3]) for row in rows) == sum(int(row[4]) for row in rows) == 45


@pytest.mark.skipif(
    "INSTREC_ICMR2017" not in os.environ, reason="INSTREC_ICMR2017 names no copy of the published lists"
)
def test_the_split_files_of_the_published_lists_are_those_that_the_page_counts(shown, tmp_path):
    header, *rows = table_captioned(shown, "Videos in each split")
    folder = published.write_splits(published.locate_lists(), tmp_path)
    names = {title: name for name, title in published.CORPORA.items()}
    assert len(rows) == 6
    for row in rows:
        counts = pd.read_csv(folder / f"{names[row[0]]}_{row[1]}.csv").split.value_counts()
        assert {part: number(row[header.index(part)]) for part in config.SPLITS} == counts.to_dict()


def test_the_page_names_its_inputs(shown):
    rows = table_captioned(shown, "The inputs as they were read")[1:]
    expected = published.SHA256 | youtube8m.SHA256
    assert {name: digest for name, _, digest in rows} == {name: digest[:16] for name, digest in expected.items()}


def test_the_page_holds_no_video_id():
    """Ids mix small and capital letters and digits, as no word of the page does."""
    text = unquote(PAGE.read_text(encoding="utf-8"))  # tables lie there as CSV as well, in addresses
    tokens = re.findall(r"(?<![\w-])[\w-]{11}(?![\w-])", text)
    mixed = [t for t in tokens if re.search("[a-z]", t) and re.search("[A-Z]", t) and re.search("[0-9]", t)]
    assert set(mixed) <= {"YouTube-8Ms"}


def test_the_page_never_claims_to_have_asked(outputs):
    said = "".join(output.get("data", {}).get("text/markdown", "") for output in outputs)
    assert "Nothing was asked" in said


def test_a_searchable_table_has_all_rows_and_escapes_them():
    frame = pd.DataFrame({"Entity": ["Guitar <Hero>", "Piano"]})
    content = page.searchable(frame, "Two.").data
    assert content.count("<tr") == 3
    assert "Guitar &lt;Hero&gt;" in content
    assert "<output>2</output> of 2" in content
    assert html.unescape(re.search('oninput="([^"]*)"', content)[1]).count("{") == 1


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this system: install chromium to run the browser tests")
def test_typing_words_leaves_the_rows_that_have_them_all():
    from playwright.sync_api import sync_playwright

    frame = pd.DataFrame({"Entity": ["Guitar Hero", "Guitar", "Chess"], "Reason": ["a game", "", "a game"]})
    frame["Number"] = ["9 %", "-", "10 %"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        tab = browser.new_page()
        problems = []
        tab.on("console", lambda message: problems.append(message.text))
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.set_content(page.searchable(frame, "Three.").data)
        left = {}
        for words in ("", "GUITAR", "game guitar", "[", "guitar  "):
            tab.get_by_label("Show rows with").fill(words)
            left[words] = (tab.locator("tbody tr:visible").count(), tab.locator("output").inner_text())
        tab.get_by_label("Show rows with").fill("")
        orders = []
        for column in ("Entity", "Entity", "Number"):
            tab.get_by_role("button", name=column).click()
            orders.append(tab.locator("tbody td:first-child").all_inner_texts())
        browser.close()
    upwards = ["Chess", "Guitar", "Guitar Hero"]
    assert orders == [upwards, upwards[::-1], ["Guitar", "Guitar Hero", "Chess"]]
    assert left == {"": (3, "3"), "GUITAR": (2, "2"), "game guitar": (1, "1"), "[": (0, "0"), "guitar  ": (2, "2")}
    assert problems == []


@pytest.mark.slow
def test_the_chapter_shows_what_a_ledger_and_records_hold(home, monkeypatch):
    """The chapter's code on made lists, with a ledger of five videos and two files of records."""
    from tiny_records import write_records

    lists = home / "icmr2017"
    lists.mkdir()
    fcvid = [(f"./{name}/-f{n}_{c}", c) for n in range(9) for c, name in enumerate(labels.FCVID_FOLDERS)]
    youtube8m_rows = [(f"-y{n}_{c}", c) for n in range(9) for c in range(len(labels.YOUTUBE8M_LABELS))]
    youtube8m_rows[-1] = ("-f0_0", 12)  # one video is in both
    for corpus, rows in (("fcvid", fcvid), ("yt8m", youtube8m_rows)):
        (lists / f"{corpus}_dataset.csv").write_text("".join(f"{key},{label}\n" for key, label in rows))
        durations = {key: (60.5 + n, 25) for n, (key, _) in enumerate(rows)} | {f"{rows[0][0]}-unlisted": (9.0, 25)}
        (lists / f"{corpus}_auxinfo.pkl").write_bytes(pickle.dumps(durations, 2))
    names = youtube8m._read_categories().name
    vocabulary = pd.DataFrame({"Index": range(len(names)), "TrainVideoCount": 100, "Name": names})
    vocabulary["Vertical1"] = "Arts & Entertainment"
    vocabulary["WikiDescription"] = "The " + names + " is a musical instrument. It is loud."
    vocabulary.to_csv(home / "vocabulary.csv", index=False)
    monkeypatch.setattr(published, "locate_lists", lambda: lists)
    monkeypatch.setattr(youtube8m, "locate_vocabulary", lambda: home / "vocabulary.csv")
    number = {name: n for n, name in enumerate(names)}
    (home / "records").mkdir()
    write_records(home / "records" / "train0000.tfrecord", [("ab12", [number["Banjo"]]), ("cd34", [number["Guitar"]])])
    write_records(home / "records" / "train0001.tfrecord", [("ef56", [number["Banjo"], number["Guitar"]])])
    with availability.Ledger(paper_videos.ledger_path()) as ledger:
        for n, state in enumerate(availability.STATES):
            reason = f"[youtube] -y{n}_0: Too many requests" if state == "failed" else ""
            ledger.record(f"-y{n}_0", state, reason=reason)

    tables, said = {}, []
    monkeypatch.setattr(page, "table", lambda frame, caption: tables.setdefault(caption, frame))
    monkeypatch.setattr(page, "searchable", lambda frame, caption: tables.setdefault(caption, frame))
    monkeypatch.setattr("IPython.display.Markdown", lambda text: said.append(text))
    source = (HOME / "notebooks" / "curation.py").read_text(encoding="utf-8")
    assert source.count('records: str = ""') == 1
    source = source.replace('records: str = ""', f"records: str = {str(home / 'records')!r}")
    exec(compile(source, "curation.py", "exec"), {"__name__": "chapter"})

    def table(beginning):
        (found,) = [frame for caption, frame in tables.items() if caption.startswith(beginning)]
        return found

    states = table("State of the 117 listed videos").set_index("class").loc["guitar"]
    assert [states[state] for state in availability.STATES] == [1, 1, 1, 1, 1]
    assert states["left"] == "20.0 %"
    assert table("Why 1 videos failed").to_numpy().tolist() == [["Too many requests", 1]]
    assert any(text.startswith("YouTube was asked for 5 of the videos, between 20") for text in said)
    selection = table("The selection from 2 files of records: 3 videos read, 2 of one category, 1 of several")
    assert selection.set_index("Category")["After"].dropna().to_dict() == {"banjo": 1, "guitar": 1}
    written = pd.read_csv(home / "data" / "curation" / "selection.csv")
    assert written.to_numpy().tolist() == [["ab12", "banjo"], ["cd34", "guitar"]]
    content = json.loads((home / "runs" / "curation" / "results" / "table1.json").read_text())
    assert content["fcvid"]["videos_listed"] == 108
    assert not (home / "results").exists()  # what git tracks is written by make publish alone
    evidence = table("YouTube-8M's label numbers. 0 of 1 shared videos agree").set_index("Name")
    assert evidence.loc[["guitar", "banjo"], "Also in FCVID"].to_list() == [0, 1]


@pytest.fixture
def checkout(home, monkeypatch):
    """A home whose curation notebook is small, and where the lists are taken for found."""
    (home / "notebooks").mkdir()
    (home / "notebooks" / "curation.ipynb").write_text("one")
    monkeypatch.setattr(published, "locate_lists", lambda: home)
    monkeypatch.setattr(youtube8m, "locate_vocabulary", lambda: home / "vocabulary.csv")
    monkeypatch.setattr(pipeline_report, "_sources_sha256", lambda: "as they were")
    monkeypatch.setattr(pipeline_report, "build_book", lambda corpus: home / "html" / "index.html")
    return home


@pytest.fixture
def executed(checkout, monkeypatch):
    """The notebooks that are executed, each of which writes its page and its result."""
    names = []

    def execute(notebook, parameters, page, corpus, kernels):
        names.append(notebook.stem)
        files.write_text(page, "page")
        files.write_json(paths.working_results_dir(corpus) / "table1.json", {})

    monkeypatch.setattr(pipeline_report, "make_page", execute)
    return names


def test_the_chapter_is_made_once_and_again_when_something_changed(checkout, executed):
    assert pipeline_report.make_curation() == checkout / "html" / "curation" / "curation.html"
    pipeline_report.make_curation()
    assert executed == ["curation"]
    (checkout / "notebooks" / "curation.ipynb").write_text("two")
    pipeline_report.make_curation()
    assert len(executed) == 2
    (checkout / "runs" / "curation" / "results" / "table1.json").unlink()
    pipeline_report.make_curation()
    assert len(executed) == 3
    (checkout / "data" / "yt8m").mkdir(parents=True)
    (checkout / "data" / "yt8m" / "ledger.sqlite").write_bytes(b"asked")
    pipeline_report.make_curation()
    assert len(executed) == 4


def test_a_chapter_that_failed_is_not_noted_as_made(checkout, executed, monkeypatch):
    def fail(*_):
        raise InstrecError("curation.ipynb: ValueError")

    with monkeypatch.context() as context:
        context.setattr(pipeline_report, "make_page", fail)
        with pytest.raises(InstrecError):
            pipeline_report.make_curation()
    pipeline_report.make_curation()
    assert executed == ["curation"]


def test_without_the_lists_the_command_says_what_to_set(home, monkeypatch):
    monkeypatch.setenv("INSTREC_ICMR2017", str(home))
    monkeypatch.setattr(pipeline_report, "make_page", lambda *_: pytest.fail("a notebook was executed"))
    with pytest.raises(CorpusError, match="INSTREC_ICMR2017 must name a folder that holds fcvid_auxinfo"):
        pipeline_report.make_curation()


def test_validate_counts_by_class_and_split_and_names_what_it_found(home, videos):
    directory = home / "data" / "mini"
    directory.mkdir(parents=True)
    names = {"fine": "both.mp4", "again": "both.mp4", "mute": "silent.mp4", "broken": "damaged.mp4", "gone": "gone.mp4"}
    for number, name in enumerate(names):
        source = videos["both"].parent / names[name]
        if source.exists():
            shutil.copy(source, directory / f"{number}.mp4")
    rows = [f"{name},cello,{'test' if n > 2 else 'train'},{n}.mp4,3.2" for n, name in enumerate(names)]
    (directory / "index.csv").write_text("\n".join(["video_id,label,split,path,duration", *rows, ""]))
    files.write_json(directory / "source.json", {"source": "folder", "videos": str(directory)})

    said = CliRunner().invoke(__main__.app, ["validate", "mini"], catch_exceptions=False)
    lines = said.stdout.splitlines()
    header = next(line for line in lines if line.split()[:3] == ["label", "split", "videos"]).split()
    counts = {
        tuple(line.split()[:2]): dict(zip(header, line.split(), strict=True)) for line in lines if "cello" in line
    }
    assert counts["cello", "train"] | {"videos": "3", "duplicated": "1", "silent": "1"} == counts["cello", "train"]
    assert counts["cello", "test"] | {"videos": "2", "missing": "1", "invalid": "1"} == counts["cello", "test"]
    assert "4 of 5 videos have a finding; 3 are usable." in lines
    assert "1.mp4 (again): duplicated (the same as 0.mp4)" in lines
    assert not [line for line in lines if line.startswith("0.mp4")]


def test_validate_refuses_a_corpus_that_is_not_there(home):
    with pytest.raises(CorpusError, match="no such corpus yet"):
        CliRunner().invoke(__main__.app, ["validate", "nothing"], catch_exceptions=False)
