"""The notebooks in order, each into a page that is replaced only on success, then the book.

What was executed from which sources and parameters is noted in ``runs/<corpus>/pages.json``; a notebook whose
sources, parameters, predecessors and results are as noted is not executed again.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from instrec_utils import files, paths
from instrec_utils.corpora import source_named
from instrec_utils.paper_data import published, youtube8m
from instrec_utils.pipeline.book import CURATION, build_book
from instrec_utils.pipeline.execution import make_page
from instrec_utils.pipeline.parameters import notebook_path, parameters_of, read_parameters, report_notebooks
from instrec_utils.training.result_files import read_json
from instrec_utils.training.runs import parameters_path

# What the names of the results begin with that a page shows; the later pages show all.
SHOWN = {"01_corpus": (), "02_features": (), "03_visual_model": ("visual-",), "04_audio_model": ("audio-", "visual-")}


def make_report(corpus_name: str, overrides: Mapping[str, Any]) -> Path:
    """Execute whatever is not up to date, build the book, and return its first page; see `parameters.read_parameters`.

    If a notebook fails, pages and results that were there stay as they were.
    """
    started = time.perf_counter()
    parameters = read_parameters(corpus_name, overrides)
    name = parameters["corpus"]
    files.write_text(parameters_path(name), yaml.safe_dump(parameters))
    shown = str(paths.results_dirs(name)[0])
    key = files.sha256_of([_sources_sha256(), str(paths.data_dir()), _material(parameters), shown])
    notebooks = report_notebooks()
    for number, notebook in enumerate(notebooks, start=1):
        own = parameters_of(notebook, parameters)
        # The chain of keys stands for the results of the notebooks before this one.
        key = files.sha256_of([key, files.sha256_of_file(notebook), own])
        title = f"[{number}/{len(notebooks)}] {notebook.stem} ({time.perf_counter() - started:.0f} s so far)"
        is_there = (paths.data_dir() / name / "index.csv").exists()
        _make_page_if_stale(title, notebook, own, name, key, is_stale=not is_there)
    shown = "".join(page.read_text(encoding="utf-8") for page in paths.pages_dir(name).glob("*.ipynb"))
    for path in paths.media_dir(name).glob("*"):
        if path.name not in shown:
            path.unlink()
    _say("building the book")
    return build_book(name)


def make_curation(records: str = "") -> Path:
    """Execute the page about the paper's data if it is not up to date, build the book, and return the page.

    It selects from a folder with YouTube-8M's video-level records, or without one from the vocabulary alone. If the
    notebook fails, the page that was there stays as it was.
    """
    published.locate_lists()  # what cannot be had is said before anything is executed
    youtube8m.locate_vocabulary()
    notebook = notebook_path(CURATION)
    # The checksums of the lists are part of the sources, and the lists have just been compared with them.
    ledger = paths.data_dir() / "yt8m" / "ledger.sqlite"
    asked = files.sha256_of_file(ledger) if ledger.exists() else ""
    key = files.sha256_of([_sources_sha256(), files.sha256_of_file(notebook), asked, records])
    _make_page_if_stale(CURATION, notebook, {"records": records} if records else {}, CURATION, key)
    _say("building the book")
    return build_book(CURATION).parent / CURATION / f"{CURATION}.html"


def _make_page_if_stale(
    title: str, notebook: Path, parameters: Mapping[str, Any], corpus_name: str, key: str, *, is_stale: bool = False
) -> None:
    """Make a page and note of what, unless all that is noted is as it was."""
    page, state_path = paths.pages_dir(corpus_name) / notebook.name, paths.runs_dir(corpus_name) / "pages.json"
    state = read_json(state_path) if state_path.exists() else {}
    now = {"key": key, "results": _results_shown(notebook.stem, corpus_name)}
    if page.exists() and state.get(notebook.stem) == now and not is_stale:
        _say(f"{title}: up to date")
        return
    _say(title)
    make_page(notebook, parameters, page, corpus_name)
    noted = {"key": key, "results": _results_shown(notebook.stem, corpus_name)}
    files.write_json(state_path, state | {notebook.stem: noted})


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _sources_sha256() -> str:
    checkout = Path(__file__).parents[2]
    found = [path for name in ("instrec_utils", "instrec_corpora") for path in (checkout / name).rglob("*.*")]
    sources = [path for path in found if path.suffix in (".py", ".csv", ".yaml")]
    return files.sha256_of({path.relative_to(checkout).as_posix(): files.sha256_of_file(path) for path in sources})


def _material(parameters: Mapping[str, Any]) -> str:
    """Return what identifies the videos that come from outside: those of a folder, or those that were downloaded."""
    if root := parameters.get("root"):
        found = sorted(path for path in Path(root).expanduser().rglob("*") if path.is_file())
        return files.sha256_of([(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in found])
    ledger = source_named(parameters["source"]).ledger if parameters.get("source") else None
    return files.sha256_of_file(ledger()) if ledger and ledger().exists() else ""


def _results_shown(page: str, corpus_name: str) -> dict[str, str]:
    """Return the results that a page shows, which with new ones among them is out of date, by file name."""
    shown = SHOWN.get(page, ("",))
    found = {path.name: path for folder in reversed(paths.results_dirs(corpus_name)) for path in folder.glob("*.json")}
    return {name: files.sha256_of_file(found[name]) for name in sorted(found) if name.startswith(shown)}
