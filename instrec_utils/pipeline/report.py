"""The notebooks in order, each into a page that is replaced only on success, then the book.

What was executed from which sources and parameters is noted in ``runs/<corpus>/pages.json``; a notebook whose
sources, parameters, predecessors and results are as noted is not executed again.
"""

import hashlib
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
from instrec_utils.pipeline.parameters import declared_parameters, read_parameters, report_notebooks
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
    state_path, state = _noted(name)
    shown = str(paths.results_dirs(name)[0])
    key = files.sha256_of([_sources_sha256(), str(paths.data_dir()), _material(parameters), shown])
    notebooks = report_notebooks()
    for number, notebook in enumerate(notebooks, start=1):
        own = {p: value for p, value in parameters.items() if p in declared_parameters(notebook)}
        # The chain of keys stands for the results of the notebooks before this one.
        key = files.sha256_of([key, files.sha256_of_file(notebook), own])
        page = paths.pages_dir(name) / notebook.name
        title = f"[{number}/{len(notebooks)}] {notebook.stem}"
        index = paths.corpus_dir(name) / "index.csv"
        if index.exists() and _is_fresh(state.get(notebook.stem), key, page, _results_shown(notebook.stem, name)):
            _say(f"{title}: up to date")
            continue
        _say(f"{title} ({time.perf_counter() - started:.0f} s so far)")
        make_page(notebook, own, page, name)
        state[notebook.stem] = {"key": key, "results": _results_shown(notebook.stem, name)}
        files.write_json(state_path, state)
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
    notebook = paths.home() / "notebooks" / f"{CURATION}.ipynb"
    page = paths.pages_dir(CURATION) / notebook.name
    state_path, state = _noted(CURATION)
    # The checksums of the lists are part of the sources, and the lists have just been compared with them.
    ledger = paths.data_dir() / "yt8m" / "ledger.sqlite"
    asked = files.sha256_of_file(ledger) if ledger.exists() else ""
    key = files.sha256_of([_sources_sha256(), files.sha256_of_file(notebook), asked, records])
    if _is_fresh(state.get(notebook.stem), key, page, _results_shown(CURATION, CURATION)):
        _say(f"{CURATION}: up to date")
    else:
        _say(CURATION)
        make_page(notebook, {"records": records} if records else {}, page, CURATION)
        files.write_json(state_path, {CURATION: {"key": key, "results": _results_shown(CURATION, CURATION)}})
    _say("building the book")
    return build_book(CURATION).parent / CURATION / f"{CURATION}.html"


def _noted(corpus_name: str) -> tuple[Path, dict[str, Any]]:
    """Return the file of what was executed, and its content."""
    path = paths.runs_dir(corpus_name) / "pages.json"
    return path, read_json(path) if path.exists() else {}


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _sources_sha256() -> str:
    digest = hashlib.sha256()
    checkout = Path(__file__).parents[2]
    packages = (checkout / name for name in ("instrec_utils", "instrec_corpora"))
    for path in sorted(p for package in packages for p in package.rglob("*") if p.suffix in (".py", ".csv", ".yaml")):
        digest.update(path.relative_to(checkout).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _material(parameters: Mapping[str, Any]) -> str:
    """Return what identifies the videos that come from outside: those of a folder, or those that were downloaded."""
    if root := parameters.get("root"):
        found = sorted(path for path in Path(root).expanduser().rglob("*") if path.is_file())
        status = [(str(path), *(getattr(path.stat(), name) for name in ("st_size", "st_mtime_ns"))) for path in found]
        return files.sha256_of(status)
    ledger = source_named(parameters["source"]).ledger if parameters.get("source") else None
    return files.sha256_of_file(ledger()) if ledger and ledger().exists() else ""


def _results_shown(page: str, corpus_name: str) -> dict[str, str]:
    """Return the results that a page shows, which with new ones among them is out of date, by file name."""
    shown = SHOWN.get(page, ("",))
    found = {path.name: path for folder in reversed(paths.results_dirs(corpus_name)) for path in folder.glob("*.json")}
    return {name: files.sha256_of_file(found[name]) for name in sorted(found) if name.startswith(shown)}


def _is_fresh(noted: dict[str, Any] | None, key: str, page: Path, shown: dict[str, str]) -> bool:
    return noted is not None and page.exists() and noted["key"] == key and noted["results"] == shown
