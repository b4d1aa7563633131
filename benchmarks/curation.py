"""How long and how large: the index of YouTube-8M's 60,794 videos, and the chapter on the paper's data.

Run by hand, on a machine that does nothing else: ``python benchmarks/curation.py``. Writes
``runs/benchmarks/results/curation.json``. The published lists and the vocabulary are found as by ``make curation``;
what has to be downloaded is downloaded before anything is measured.

The index is measured in a process of its own, five times, from the published files to the three splits: read the list
and the durations, write and read the index file, validate (no video is here, so all are missing), split in the paper's
way, stratified and grouped. The limit is on the median of the wall times, which leave out the imports, and on the
largest peak of memory, which has them in it. The processor's time of the same steps is given as well: where it is much
less than the wall time, the machine had other work to do, and the wall time says little.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measuring import peak_bytes

from instrec_utils import files, paths, provenance
from instrec_utils.errors import InstrecError
from instrec_utils.paper_data import published, youtube8m

REPEATS = 5
INDEX_SECONDS, INDEX_BYTES, NOTEBOOK_SECONDS = 3.0, 500 * 10**6, 60.0  # what the project promises


def measure_index() -> dict[str, Any]:
    """Take the whole of YouTube-8M through the index, once, in this process."""
    started = time.perf_counter()
    import numpy as np

    from instrec_utils.corpora.index import read_index, write_index
    from instrec_utils.corpora.splits import grouped_split, paper_split, stratified_split
    from instrec_utils.corpora.validation import count_findings, validate

    directory = published.locate_lists()
    steps = {"imports and checksums": time.perf_counter() - started}
    cpu_steps: dict[str, float] = {}

    def take(name: str, step: Callable[[], Any]) -> Any:
        began, cpu_began = time.perf_counter(), time.process_time()
        result = step()
        steps[name], cpu_steps[name] = time.perf_counter() - began, time.process_time() - cpu_began
        return result

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.csv"
        index = take("read the published files", lambda: published.load_index("yt8m", directory))
        take("write the index", lambda: write_index(index, path))
        index = take("read the index", lambda: read_index(path))
        counts = take("validate", lambda: count_findings(validate(index, Path(folder))))
    rng = np.random.default_rng(10)
    groups = index.video_id.map(dict(zip(index.video_id, rng.integers(0, 40_000, len(index)), strict=True)))
    take("split as in the paper", lambda: paper_split(index))
    take("split stratified", lambda: stratified_split(index, rng))
    take("split grouped, 40,000 groups at most", lambda: grouped_split(index, groups, rng))
    if counts.missing.sum() != len(index):
        raise RuntimeError(f"expected every video to be missing, got {counts.missing.sum()} of {len(index)}")
    cpu_seconds = sum(cpu_steps.values())
    return {"videos": len(index), "steps_seconds": steps, "cpu_seconds": cpu_seconds, "peak_bytes": peak_bytes()}


def measure_notebook() -> dict[str, Any]:
    """Execute the curation notebook once, as papermill does it, into a home that is thrown away."""
    import papermill

    notebook = paths.home() / "notebooks" / "curation.ipynb"
    data = str(paths.data_dir().absolute())
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"INSTREC_HOME": folder, "INSTREC_DATA": data, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        started = time.perf_counter()
        papermill.execute_notebook(notebook, Path(folder) / "page.ipynb", kernel_name="python3", progress_bar=False)
        seconds = time.perf_counter() - started
        if not (Path(folder) / "runs" / "curation" / "results" / "table1.json").is_file():
            raise RuntimeError("the notebook wrote no table1.json")
    return {"seconds": seconds, "limit_seconds": NOTEBOOK_SECONDS}


def in_own_process(what: str) -> dict[str, Any]:
    """Return what this file measures when it is called with `what`."""
    command = [sys.executable, __file__, what]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def main() -> None:
    """Measure, write the result, and say what it is."""
    published.locate_lists()
    youtube8m.locate_vocabulary()
    runs = [in_own_process("index") for _ in range(REPEATS)]
    for run in runs:
        run["seconds"] = sum(run["steps_seconds"].values()) - run["steps_seconds"]["imports and checksums"]
    seconds = [run["seconds"] for run in runs]
    content: dict[str, Any] = {
        "index": {
            "videos": runs[0]["videos"],
            "seconds": statistics.median(seconds),
            "seconds_of_each_run": seconds,
            "limit_seconds": INDEX_SECONDS,
            "cpu_seconds": statistics.median(run["cpu_seconds"] for run in runs),
            "peak_bytes": max(run["peak_bytes"] for run in runs),
            "limit_bytes": INDEX_BYTES,
            "steps_seconds": {
                name: statistics.median(run["steps_seconds"][name] for run in runs) for name in runs[0]["steps_seconds"]
            },
        },
        "notebook": in_own_process("notebook"),
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": provenance.commit(),
        "versions": provenance.versions(),
        "device": provenance.device(),
    }
    path = paths.working_results_dir("benchmarks") / "curation.json"
    files.write_json(path, content)
    index, notebook = content["index"], content["notebook"]
    print(f"index of {index['videos']:,} videos: {index['seconds']:.2f} s, {index['peak_bytes'] / 1e6:.0f} MB")
    print(f"of the processor's time: {index['cpu_seconds']:.2f} s")
    print(f"curation notebook: {notebook['seconds']:.1f} s")
    print(f"in {path}")


if __name__ == "__main__":
    if sys.argv[1:] == ["index"]:
        print(json.dumps(measure_index()))
    elif sys.argv[1:] == ["notebook"]:
        print(json.dumps(measure_notebook()))
    else:
        try:
            main()
        except InstrecError as error:
            sys.exit(f"instrec: {error}")
