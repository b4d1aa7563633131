"""Whether the published pages, results and files agree: every table and number follows from the predictions.

Looked at are the checksums of all published files; the metrics of every result, with their intervals, which have to
follow from its predictions; every page about a corpus whose results are published, whose notebook is run again on these
(`replay`), robustness included; and the pages that are made of all results (`report.all_runs`). Of the pages about the
paper's data and about one video being recognised, which need these, the checksum is all. Nothing is trained, and no
video is needed.
"""

import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instrec_utils import cluster, evaluation, paths
from instrec_utils.errors import RunError
from instrec_utils.pipeline import book, records, replay
from instrec_utils.report import all_runs
from instrec_utils.training import result_files


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
    every = book.published_corpora()
    folders = [name for name in every if (paths.published_results_dir(name) / "index.csv").exists()]
    _say("checksums")
    differences = records.wrong_sums()
    differences += [f"{path.name}: not of the published files; run `make records`" for path in records.outdated()]
    with ProcessPoolExecutor(cluster.num_cores(), multiprocessing.get_context("spawn")) as workers:
        running = {name: workers.submit(replay.replay_pages, name) for name in folders}
        results = list(all_runs.published_runs())
        _say(f"{len(results)} results")
        for lines in workers.map(check_result, results, chunksize=8):
            differences += lines
        _say(f"pages of {', '.join(folders)}")
        pages = {f"{name}/{page}": one for name in folders for page, one in running[name].result().items()}
    differences += [line for page in pages.values() for line in page.differences]
    return Verified(len(results), pages, differences)


def _say(message: str) -> None:
    print(f"comparing {message}", file=sys.stderr, flush=True)


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
                yield f"{name} ({end}, {split}) is said to be {said:.6f}, but {follows:.6f} follows from predictions"
