"""Whether the published pages, results and files agree: every table and number follows from the predictions.

Looked at are the files' checksums; the metrics of every result, with their intervals, which have to follow from its
predictions; every page of a corpus, whose notebook is run again on the results (`replay`); and the pages that are made
of all results (`report.records`). Nothing is trained, and no video is needed.
"""

import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instrec_utils import cluster, evaluation, files, paths
from instrec_utils.errors import RunError
from instrec_utils.pipeline import book, replay
from instrec_utils.report import records
from instrec_utils.robustness import measurement
from instrec_utils.training import result_files

SUMS = "results/SHA256SUMS"
"""The checksums of the published files, as ``sha256sum --check`` reads them from the checkout's root."""
SUMMED = ("results", "book/_static/media", *(f"book/{name}" for name in ("demo", "open", "curation")))


@dataclass
class Verified:
    """What was compared, and a line for each difference."""

    num_results: int
    pages: dict[str, replay.Replayed]
    differences: list[str]

    def __str__(self) -> str:
        tables, numbers, left_out = (
            sum(getattr(page, f"num_{name}") for page in self.pages.values())
            for name in ("tables", "numbers", "left_out")
        )
        num_corpora = len({name.partition("/")[0] for name in self.pages})
        return (
            f"verified: {num_corpora} corpora, {len(self.pages)} pages, {tables} tables and {numbers:,} numbers agree "
            f"with {self.num_results} results and their predictions ({left_out} cells that show videos are left out)"
        )


def verify() -> Verified:
    """Compare all that is published; the pages of each corpus in a process of its own."""
    folders = _corpora()
    _say("checksums")
    differences = [*wrong_sums(), *(f"{path.name}: not as its records say; run `make records`" for path in outdated())]
    with ProcessPoolExecutor(cluster.num_cores(), multiprocessing.get_context("spawn")) as workers:
        running = {name: workers.submit(replay.replay_pages, name) for name in folders}
        paths_of_results = [path for name in _with_results() for path in sorted(_results_dir(name).glob("*.json"))]
        _say(f"{len(paths_of_results)} results")
        for lines in workers.map(check_result, paths_of_results, chunksize=8):
            differences += lines
        measured = [path for name in _with_results() for path in sorted((_results_dir(name) / "robustness").glob("*.json"))]
        differences += [line for path in measured for line in check_measurement(path)]
        _say(f"pages of {', '.join(folders)}")
        pages = {f"{name}/{page}": one for name in folders for page, one in running[name].result().items()}
    differences += [line for page in pages.values() for line in page.differences]
    return Verified(len(paths_of_results) + len(measured), pages, differences)


def _say(message: str) -> None:
    print(f"comparing {message}", file=sys.stderr, flush=True)


def _corpora() -> list[str]:
    """Return the published corpora that have results."""
    return [name for name in book.published_corpora() if (_results_dir(name) / "index.csv").exists()]


def _with_results() -> list[str]:
    """Return the folders of published results of runs."""
    found = {path.parent.name for path in (paths.home() / "results").glob("*/*.predictions.csv")}
    return sorted(found)


def _results_dir(name: str) -> Path:
    return paths.published_results_dir(name)


def check_result(path: Path) -> list[str]:
    """Return a line for each metric, or end of its interval, that does not follow from a result's predictions."""
    try:
        result, lines = result_files.read_json(path), []
        for split in result_files.EVALUATED:
            stated = result.get("metrics" if split == "test" else f"metrics_{split}")
            if stated is not None:
                truth, scores, _ = evaluation.from_predictions(result_files.read_predictions(path, split))
                lines += list(_differing(stated, evaluation.evaluate(truth, [scores]), split))
    except (RunError, ValueError) as error:
        lines = [str(error)]
    return [f"{path.parent.name}/{path.stem}: {line}" for line in lines]


def _differing(stated: dict[str, Any], measured: dict[str, Any], split: str) -> Iterator[str]:
    for name, metric in stated.items():
        for end, said in metric.items():
            follows = measured.get(name, {}).get(end, float("nan"))
            if not abs(said - follows) <= result_files.TOLERANCE:
                yield f"{name}, {end}, {split}: the result says {said:.6f}, but {follows:.6f} follows from its predictions"


def check_measurement(path: Path) -> list[str]:
    """Return a line if what a robustness measurement says does not follow from its predictions."""
    try:
        measurement.read_measurement(path.parents[1].name, path.stem)
    except RunError as error:
        return [str(error)]
    return []


def write_records() -> list[Path]:
    """Write the pages made of all results, then the checksums of the published files; return what changed."""
    changed = [path for path, text in records.pages().items() if _write_changed(path, text)]
    sums = paths.home() / SUMS
    return [*changed, *([sums] if _write_changed(sums, published_sums()) else [])]


def _write_changed(path: Path, text: str) -> bool:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    files.write_text(path, text)
    return True


def outdated() -> list[Path]:
    """Return the pages made of all results that are not as `write_records` would write them now."""
    made = records.pages().items()
    return [path for path, text in made if not path.exists() or path.read_text(encoding="utf-8") != text]


def published_sums() -> str:
    """Return the checksums of the published files, one a line."""
    home = paths.home()
    found = sorted(
        path.relative_to(home).as_posix()
        for folder in SUMMED
        for path in (home / folder).rglob("*")
        if path.is_file() and not path.name.startswith(".") and path != home / SUMS
    )
    return "".join(f"{files.sha256_of_file(home / name)}  {name}\n" for name in found)


def wrong_sums() -> list[str]:
    """Return a line for each published file that is not as its checksum says, missing, or without one."""
    path = paths.home() / SUMS
    if not path.exists():
        return [f"{SUMS}: missing; run `make records`"]
    said, found = (
        dict(reversed(line.split("  ", maxsplit=1)) for line in text.splitlines())
        for text in (path.read_text(encoding="utf-8"), published_sums())
    )
    names = sorted(said.keys() | found.keys())
    return [
        f"{name}: sha256 said {said.get(name, 'nothing')[:12]}, is {found.get(name, 'missing')[:12]}"
        for name in names
        if said.get(name) != found.get(name)
    ]
