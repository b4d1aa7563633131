"""The notebooks in order, each into a page that is replaced only on success, then the book.

What was executed from which sources and parameters, and what it left, is noted in ``runs/<corpus>/pages.json``. A
notebook is executed again unless sources, parameters and predecessors are as noted and all that it left is there as it
was: the videos, features or weights that later ones need, the page, and the results and media that it shows.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from instrec_utils import files, paths
from instrec_utils.corpora.folder import walk_files
from instrec_utils.corpora.source import check_root, source_named
from instrec_utils.errors import InstrecError
from instrec_utils.models.architecture import KINDS
from instrec_utils.paper_data import published, youtube8m
from instrec_utils.pipeline.book import CURATION, RECOGNISED, build_book
from instrec_utils.pipeline.execution import make_page
from instrec_utils.pipeline.kernels import Kernels
from instrec_utils.pipeline.parameters import notebook_path, parameters_of, read_parameters, report_notebooks
from instrec_utils.training.runs import parameters_path

SHOWN = {
    "01_corpus": (),
    "02_features": (),
    "03_visual_model": ("visual-",),
    "04_audio_model": ("audio-", "visual-"),
    "08_robustness": ("",),
    "09_listeners": ("",),
    CURATION: ("",),
}
"""What the names of the results begin with that a page shows; the other pages show those of every run."""

PREPARING = ("01_corpus", "02_features")

NEEDED = {
    "01_corpus": ("data/*.csv", "data/*.json", "data/splits/*.csv", "data/videos/**/*.*"),
    "02_features": ("data/features/[!.]*.*",),
    "03_visual_model": ("runs/visual-*/best.keras",),
    "04_audio_model": ("runs/audio-*/best.keras",),
    "05_fusion": ("runs/fusion-*/best.keras",),
}
"""What later notebooks need of one, in the corpus' folders of data and of runs."""


@dataclass(frozen=True)
class Step:
    """A notebook of a report.

    Attributes
    ----------
    corpus_name : str
    notebook : Path
    parameters : dict [those that it declares]
    key : str [what identifies all that its page is made from, the notebooks before it included]
    """

    corpus_name: str
    notebook: Path
    parameters: dict[str, Any]
    key: str

    @property
    def page(self) -> Path:
        """The page that it makes."""
        return paths.pages_dir(self.corpus_name) / self.notebook.name

    def is_fresh(self) -> bool:
        """Tell whether its page was made from the same, and what it left is there as it was."""
        return self.page.exists() and self._noted().get(self.notebook.stem) == self._state()

    def make(self, kernels: Kernels) -> None:
        """Make its page, and note of what, and what is there now."""
        make_page(self.notebook, self.parameters, self.page, self.corpus_name, kernels)
        files.write_json(self._noted_path, self._noted() | {self.notebook.stem: self._state()})

    @property
    def _noted_path(self) -> Path:
        return paths.runs_dir(self.corpus_name) / "pages.json"

    def _noted(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._noted_path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):  # missing or damaged: nothing was noted
            return {}

    def _state(self) -> str:
        needed = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in self._needed()]
        shown = [(path.name, files.sha256_of_file(path)) for path in self._shown()]
        return files.sha256_of([self.key, sorted(needed), sorted(shown)])

    def _needed(self) -> Iterator[Path]:
        folders = {"data": paths.corpus_dir(self.corpus_name), "runs": paths.runs_dir(self.corpus_name)}
        for pattern in NEEDED.get(self.notebook.stem, ()):
            place, _, below = pattern.partition("/")
            yield from folders[place].glob(below)

    def _shown(self) -> Iterator[Path]:
        """Yield the page, its media, and the results that it shows: with new ones among them it is out of date."""
        yield self.page
        text, shown = self.page.read_text(encoding="utf-8"), SHOWN.get(self.notebook.stem, KINDS)
        yield from (path for path in paths.media_dir(self.corpus_name).glob("*") if path.name in text)
        found: dict[str, Path] = {}
        for folder in reversed(paths.results_dirs(self.corpus_name)):
            found |= {path.relative_to(folder).as_posix(): path for path in folder.rglob("[!.]*.*")}
        yield from (path for name, path in found.items() if name.startswith(shown))


def make_report(corpus_name: str, overrides: Mapping[str, Any], train: Callable[[], object] | None = None) -> Path:
    """Execute whatever is not up to date, build the book, and return its first page; see `parameters.read_parameters`.

    What trains more runs than the pages do is called when videos and features are prepared. If a notebook fails, pages
    and results that were there stay as they were.
    """
    parameters = _checked_parameters(corpus_name, overrides)
    name = parameters["corpus"]
    with _alone(name):
        # By these the notebooks find the runs that they join, so no other report may change them meanwhile.
        files.write_text(parameters_path(name), yaml.safe_dump(parameters))
        if train:
            _make_pages([step for step in _steps(name, parameters) if step.notebook.stem in PREPARING])
            train()
        _make_pages(_steps(name, parameters))
        shown = "".join(page.read_text(encoding="utf-8") for page in paths.pages_dir(name).glob("*.ipynb"))
        for path in paths.media_dir(name).glob("*"):
            if path.name not in shown:
                path.unlink()
        _say("building the book")
        return build_book(name)


def _checked_parameters(corpus_name: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    parameters = read_parameters(corpus_name, overrides)
    if source := parameters.get("source"):
        check_root(source_named(source), parameters.get("root", ""))
    return parameters


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
    with _alone(CURATION):
        _make_pages([Step(CURATION, notebook, {"records": records} if records else {}, key)])
        _say("building the book")
        return build_book(CURATION).parent / CURATION / f"{CURATION}.html"


def make_recognised() -> Path:
    """Execute the page of a video being recognised if it is not up to date, build the book, and return the page."""
    notebook = notebook_path("recognise")
    key = files.sha256_of([_sources_sha256(), files.sha256_of_file(notebook)])
    with _alone(RECOGNISED):
        _make_pages([Step(RECOGNISED, notebook, {}, key)])
        return build_book(RECOGNISED).parent / RECOGNISED / "recognise.html"


def _alone(corpus_name: str) -> Any:
    waiting = f"{corpus_name}: another process makes its report; waiting"
    return files.locked(paths.runs_dir(corpus_name) / ".lock", waiting)


def _steps(corpus_name: str, parameters: Mapping[str, Any]) -> list[Step]:
    shown = str(paths.results_dirs(corpus_name)[0])
    key = files.sha256_of([_sources_sha256(), str(paths.data_dir()), _material(parameters), shown])
    steps = []
    for notebook in report_notebooks():
        own = parameters_of(notebook, parameters)
        # The chain of keys stands for the results of the notebooks before this one.
        key = files.sha256_of([key, files.sha256_of_file(notebook), own])
        steps.append(Step(corpus_name, notebook, own, key))
    return steps


def _make_pages(steps: Sequence[Step]) -> None:
    """Make the pages that are not up to date; again from the step whose files one of them has found damaged."""
    started, number, failed = time.perf_counter(), 0, set()
    with contextlib.closing(Kernels([step.notebook for step in steps])) as kernels:
        while number < len(steps):
            step, title = steps[number], f"[{number + 1}/{len(steps)}] {steps[number].notebook.stem}"
            if step.is_fresh():
                _say(f"{title}: up to date")
            else:
                _say(f"{title} ({time.perf_counter() - started:.0f} s so far)")
                try:
                    step.make(kernels)
                except InstrecError as error:
                    earlier = [place for place in range(number) if not steps[place].is_fresh()]
                    if not earlier or number in failed:
                        raise
                    _say(f"{error}; making it again")
                    failed.add(number)
                    number = earlier[0]
                    continue
            number += 1


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _sources_sha256() -> str:
    checkout = Path(__file__).parents[2]
    found = [path for name in ("instrec_utils", "instrec_corpora") for path in (checkout / name).rglob("*.*")]
    sources = [path for path in found if path.suffix in (".py", ".csv", ".yaml", ".npz", ".mplstyle")]
    return files.sha256_of({path.relative_to(checkout).as_posix(): files.sha256_of_file(path) for path in sources})


def _material(parameters: Mapping[str, Any]) -> str:
    """Return what identifies the videos that come from outside: those of a folder, or those that were downloaded."""
    if root := parameters.get("root"):
        found = [Path(root) / name for name, _ in walk_files(Path(root), parameters.get("follow_links", False))]
        found = sorted(path for path in found if path.is_file())
        return files.sha256_of([(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in found])
    ledger = source_named(parameters["source"]).ledger if parameters.get("source") else None
    return files.sha256_of_file(ledger()) if ledger and ledger().exists() else ""
