"""Write the book's page of what the paper's own data takes: every number on it follows from result files.

``python benchmarks/paper_rows_page.py``. The rows are those of ``params/tables/``, videos and hours those of Table 1;
what a step takes is of ``results/benchmarks/paper_rows.json`` and, on an accelerator, of the longest published
training of Inception v3; what the extraction takes, of ``results/benchmarks/extraction.json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from instrec_utils import files, paths
from instrec_utils.config import FRAME_RATE, SPLIT_SHARES
from instrec_utils.corpora import Corpus
from instrec_utils.models.choi2016 import EMBEDDING_SIZE
from instrec_utils.paper_data import paper
from instrec_utils.paper_data.published import CORPORA
from instrec_utils.pipeline import grid
from instrec_utils.report import words
from instrec_utils.training.result_files import find_result, read_json
from instrec_utils.training.run import Run

GIB = 2**30
AUDIO_BYTES = 4 * EMBEDDING_SIZE  # of a video, by Choi's network or the Xception, held while a fusion is trained
DATASETS = {"fcvid": "FCVID", "yt8m": "YT-8M"}  # as the paper's tables call them


def page(found: dict[str, Any]) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    found : dict
        What the result files "table1", "extraction" and "paper_rows" (None if it is not there) hold, and as
        "accelerator" the result of a training of Inception v3.
    """
    parts = [_introduction(found), *(_dataset(name, found) for name in DATASETS), _left_out(found)]
    return "\n\n".join(parts)


def write_page() -> Path:
    """Write the page, which `make publish CORPUS=benchmarks` puts into the book; return where it is."""
    path = paths.pages_dir("benchmarks") / "paper_rows.md"
    files.write_text(path, page(read_measured()) + "\n")
    return path


def read_measured() -> dict[str, Any]:
    """Return what the page is made from, of each what was measured here, else what is published."""
    trained = (paths.home() / "results").glob("*/visual-inception_frames-*-paper-*.json")
    longest = max(map(read_json, trained), key=lambda one: one["steps"])
    measured = (folder / "paper_rows.json" for folder in paths.results_dirs("benchmarks"))
    return {
        "table1": read_json(find_result("curation", "table1")),
        "extraction": read_json(find_result("benchmarks", "extraction")),
        "paper_rows": next((read_json(path) for path in measured if path.exists()), None),
        "accelerator": longest,
    }


def _introduction(found: dict[str, Any]) -> str:
    accelerator, steps = found["accelerator"], found["paper_rows"]
    where = steps["device"] if steps else "not yet, so that what follows from it is missing"
    return f"""# What the paper's own data takes

<!-- Written by benchmarks/paper_rows_page.py from result files. Do not edit. -->

`make tables CORPUS=fcvid ROOT=...` and `make tables CORPUS=yt8m` train the rows of the paper's Tables 2 to 4 by its
protocol. This page says what to expect of it.

:::{{warning}}
Everything here is **extrapolated**. None of these rows was trained on these videos. What was measured is a training
step of each network at the paper's sizes on random input ({where}), the extraction of short films, and one
training of Inception v3 on the corpus *{accelerator["corpus"]}* ({accelerator["device"]}). The numbers are measurements
times videos, frames and steps, and suppose that nothing else gets in the way.
:::

- **Steps** are the paper's for the visual rows (its Table 2). It gives none for the others, which end after ten epochs
  without a lower validation loss: eleven epochs are the least that they can take, and stand here.
- **Core-hours** are of the processor, without the validation after each epoch; divide by the number of cores. They and
  memory and disk have a dash where the network's step was not measured.
- **GPU-hours** are given where a training was measured: {_per_step(found):.2f} s a step of Inception v3, compiling and
  validation included, while other trainings shared the card.
- **Memory** is the most that a training process held on the processor; it does not grow with the number of videos, as
  batches are read from disk, but for the embeddings of the sound in a fusion. On a GPU it was not measured.
- **Disk** is the weights that are kept with the optimiser's state, twice that while training, and for the visual row
  that the fusions join what its network makes of every frame."""


def _per_step(found: dict[str, Any]) -> float:
    return found["accelerator"]["train_seconds"] / found["accelerator"]["steps"]


def _dataset(name: str, found: dict[str, Any]) -> str:
    table, extraction = found["table1"][name], found["extraction"]["measured"]["two_workers_speedup"]
    num_videos, hours = table["videos_listed"], table["hours"]
    corpus = Corpus(name, name, paths.corpus_dir(name), paths.corpus_dir(name), pd.DataFrame())
    runs = [one.run(corpus) for one in grid.read_experiments(name, {})]
    joined = {one.name for run in runs for one in run.joined}
    networks = found["paper_rows"]["networks"] if found["paper_rows"] else {}
    titles = ("Row", "Steps", "Epochs", "Core-hours", "GPU-hours", "Memory, GiB", "Disk, GiB")
    lines = [f"| {' | '.join(titles)} |", f"|:--|{'--:|' * (len(titles) - 1)}"]
    for run in runs:
        an_epoch = SPLIT_SHARES[0] * num_videos * _examples_a_video(run) / run.protocol.batch_size
        steps = _papers_steps(run, DATASETS[name]) or an_epoch * (run.protocol.patience + 1)
        gpu = f"{steps * _per_step(found) / 3600:,.1f}" if run.kind == "visual" else "–"
        core_hours = memory = disk = "–"
        if step := networks.get(_network(run)):
            held = num_videos * AUDIO_BYTES if run.kind == "fusion" else 0
            is_joined = run.kind == "visual" and run.name in joined
            embedded = FRAME_RATE * 3600 * hours * run.architecture.embedding_size * 2 if is_joined else 0
            core_hours = f"{steps * step['cpu_seconds_a_step'] / 3600:,.1f}"
            memory, disk = f"{(step['peak_bytes'] + held) / GIB:.1f}", f"{(step['kept_bytes'] + embedded) / GIB:.1f}"
        name_of_row = f"{words.first_upper(run.kind)}: {_title(run)}"
        cells = [name_of_row, f"{steps:,.0f}", f"{steps / an_epoch:.1f}", core_hours, gpu, memory, disk]
        lines.append(f"| {' | '.join(cells)} |")
    extracted = hours * extraction["worker_seconds_an_hour_of_video"] / 3600
    rows = "\n".join(lines)
    return f"""## {CORPORA[name]}

{num_videos:,} videos are listed. Durations are published of {table["videos_with_duration"]:,}, which last {
        hours:,.0f} h
together. Before any row, the extraction takes {extracted:,.0f} core-hours and leaves {
        hours * extraction["bytes_an_hour_of_video"] / GIB:,.0f} GiB of features; the videos themselves come on top.

{rows}"""


def _network(run: Run) -> str:
    return f"{run.model}, {run.parameters['num_frames']} frames" if run.kind == "fusion" else run.model


def _examples_a_video(run: Run) -> int:
    if run.kind == "audio":
        return run.audio_input.num_training_examples
    return run.parameters["num_frames"] if run.kind == "visual" else 1


def _papers_steps(run: Run, dataset: str) -> float:
    """Return the steps that the paper prints of a visual run; 0 of the others."""
    if run.kind != "visual":
        return 0.0
    own = {"dataset": dataset, "frames": run.parameters["num_frames"]}
    own["pretrained"] = run.parameters["initial_weights"] == "imagenet+instruments"
    (line,) = (line for line in paper.paper_tables()["table2"] if own.items() <= line.items())
    return 1000.0 * int(line["steps"].removesuffix("K"))


def _title(run: Run) -> str:
    if run.kind == "fusion":
        return " and ".join(_title(one) for one in run.joined)
    described = {"kind": run.kind, "model": run.model, "parameters": run.parameters}
    return words.describe(described)


def _left_out(found: dict[str, Any]) -> str:
    steps, accelerator = found["paper_rows"], found["accelerator"]
    origin = "`make bench BENCH=paper_rows`, which measures a step of each network, was not run yet."
    if steps:
        loads = [one["load_average"] for one in steps["networks"].values()]
        versions = ", ".join(f"{name} {version}" for name, version in steps["versions"].items())
        origin = (
            f"`make bench BENCH=paper_rows` wrote `results/benchmarks/paper_rows.json` at commit {steps['commit']}, "
            f"while on average {min(loads):.0f} to {max(loads):.0f} processes ran or waited for a core, its own among "
            f"them. Versions: {versions}."
        )
    return f"""## What is not in these numbers

The photographs that the rows PT begin with: some steps each, for as long as the loss on a tenth of them falls. The
fusions with hidden modalities that page 5 trains beside each fusion. What the networks make of sound and frames for the
fusions, once a row. Pages 6 to 8. Reading many small files over a network. Processors that are too slow for the GPU
beside them, which may have been the limit of the measured training already.

## Where the numbers come from

{origin} The training on the accelerator is the result `{accelerator["run"]}`, {accelerator["steps"]:,} steps in
{accelerator["train_seconds"]:.0f} s. The extraction is that of [its own page](extraction.md), videos and hours are
those of [Table 1](curation/curation)."""


if __name__ == "__main__":
    print(write_page())
