"""The pages made of everything published: all runs, when each page was made, and what every stage took.

`pipeline.records` writes them by ``make records``, which publishing does too, and ``make verify`` compares them.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from instrec_utils import files, paths
from instrec_utils.report import page, words
from instrec_utils.training import result_files

WRITTEN = "<!-- Written by `make records` from the published files. Do not edit. -->"
JOINED = ("audio", "visual")  # parameters that are names of runs, which the name of a fusion says


def pages() -> dict[Path, str]:
    """Return the text of each of these pages, by its path."""
    book, executed = paths.home() / "book", list(_executed_pages())
    runs = [(path, result_files.read_json(path)) for path in published_runs()]
    table = runs_table(runs)
    return {
        paths.home() / "results" / "runs.csv": table.to_csv(index=False, lineterminator="\n"),
        book / "runs.md": runs_page(runs, table),
        book / "status.md": status_page(executed),
        book / "measured_costs.md": costs_fragment(runs, executed),
    }


def published_runs() -> Iterator[Path]:
    """Yield the file of the result of each published run, in order of corpus and name."""
    for path in sorted((paths.home() / "results").glob("*/*.json")):
        if result_files.predictions_path(path, "test").exists():
            yield path


def _executed_pages() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each executed page of the book and what its metadata say of how it was made."""
    for path in sorted((paths.home() / "book").glob("[!_]*/*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        yield path, {"seconds": None, "finished": None, "commit": None} | notebook["metadata"].get("instrec", {})


def runs_table(runs: list[tuple[Path, dict[str, Any]]]) -> pd.DataFrame:
    """Return a row a run, as text."""
    keys = version_keys(runs)
    return pd.DataFrame(
        {
            "Run": _name(path),
            "Corpus": path.parent.name,
            "Model": words.model(result["model"]),
            "Hit@1, test": _hit_at_1(result, "metrics"),
            "Hit@1, validation": _hit_at_1(result, "metrics_validation"),
            "Profile": result["profile"],
            "Seed": result["seed"],
            "Epochs": result["epochs"],
            "Steps": result["steps"],
            "Seconds": result["train_seconds"],
            "Device": result["device"],
            "Finished": result["finished"][:10],
            "Commit": result["commit"],
            "Versions": keys[_versions(result)],
            "Predictions, sha256": files.sha256_of_file(result_files.predictions_path(path, "test"))[:12],
            "Settings": _settings(result),
        }
        for path, result in runs
    )


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def _settings(result: Mapping[str, Any]) -> str:
    parameters = result_files.in_todays_words(result["kind"], result["parameters"])
    chosen = {name: value for name, value in parameters.items() if name not in JOINED}
    return ", ".join(f"{words.setting(name)}: {words.value(name, value)}" for name, value in chosen.items())


def _hit_at_1(result: Mapping[str, Any], metrics: str) -> str:
    return f"{100 * result[metrics]['hit_at_1']['value']:.1f}"


def _versions(result: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in result["versions"].items())


def version_keys(runs: list[tuple[Path, dict[str, Any]]]) -> dict[str, str]:
    """Return a short name for each set of versions that runs were trained with: V1, V2, ..."""
    every = dict.fromkeys(_versions(result) for _, result in runs)
    return {versions: f"V{number}" for number, versions in enumerate(every, start=1)}


def runs_page(runs: list[tuple[Path, dict[str, Any]]], table: pd.DataFrame) -> str:
    """Return the page of all runs as Markdown."""
    caption = (
        f"Every published run, {len(runs)} of them. A run's name leads to its result, which has all settings, metrics, "
        "intervals and the course of the training. A click on a column's name sorts."
    )
    shown = page.searchable(table, caption).data
    shown = re.sub(r'<a class="csv"[^>]*>', '<a class="csv" download href="results/runs.csv">', shown)
    links = {html.escape(_name(path)): _links(path) for path, _ in runs}
    shown = re.sub("<td>([^<]*)</td>", lambda cell: f"<td>{links.get(cell[1], cell[1])}</td>", shown)
    versions = pd.DataFrame([(key, text) for text, key in version_keys(runs).items()], columns=["Name", "Versions"])
    return f"""# All runs

{WRITTEN}

Each row is one training. Its seed, its settings and the commit of the code say how to repeat it; its predictions on the
validation and the test split are plain tables, from which all its metrics follow. `make verify` computes them again,
and compares every file with its checksum in <a href="results/SHA256SUMS">SHA256SUMS</a>, which
`sha256sum --check results/SHA256SUMS` does as well.

<div class="runs">{_block(shown)}</div>

## Versions

{_block(page.table(versions, "The versions of Python and of the packages that runs were trained with.").data)}
"""


def _links(path: Path) -> str:
    address = html.escape(f"results/{_name(path)}")
    predictions = "".join(
        f' <a href="{address}.{suffix}" download>{split}</a>'
        for split, suffix in (("test", "predictions.csv"), ("validation", "validation.predictions.csv"))
        if path.with_suffix(f".{suffix}").exists()
    )
    return f'<a href="{address}.json">{html.escape(_name(path))}</a>{predictions}'


def _block(shown: str) -> str:
    """Return HTML on one line, as an empty one would end it in Markdown."""
    return re.sub(r"\s*\n\s*", "", shown)


def status_page(executed: list[tuple[Path, dict[str, Any]]]) -> str:
    """Return the page that says when and how fast each executed page was made, as Markdown."""
    rows = [
        {
            "Page": f"{path.parent.name}/{path.stem}",
            "Run time": _or_dash(made["seconds"], words.duration),
            "Size": f"{path.stat().st_size / 1000:.0f} kB",
            "Made": _or_dash(made["finished"], lambda text: text[:10]),
            "Commit": _or_dash(made["commit"], str),
        }
        for path, made in executed
    ]
    caption = "Each executed page: how long its notebook ran, its size, and when and by which commit it was made."
    shown = page.table(pd.DataFrame(rows), caption).data
    links = {row["Page"]: f'<a href="{row["Page"]}.html">{row["Page"]}</a>' for row in rows}
    shown = re.sub("<td>([^<]*)</td>", lambda cell: f"<td>{links.get(cell[1], cell[1])}</td>", shown)
    lacking = any(made["seconds"] is None for _, made in executed)
    note = " A dash: the page was made before run times were kept." if lacking else ""
    return f"""# Status of the pages

{WRITTEN}

Notebooks are executed before the book is built, each in a process of its own. What was trained or extracted by then is
not trained again, so that a run time is that of reading results, videos and features, and of drawing.{note} The other
pages are prose, and nothing is executed for them.

{_block(shown)}
"""


def _or_dash(value: Any, shown: Any) -> str:
    return "–" if value is None else shown(value)


def costs_fragment(runs: list[tuple[Path, dict[str, Any]]], executed: list[tuple[Path, dict[str, Any]]]) -> str:
    """Return the tables of what every stage took, as Markdown without a title, which a page of prose includes."""
    extraction = json.loads((paths.home() / "results" / "benchmarks" / "extraction.json").read_text(encoding="utf-8"))
    workers, scheduling = (extraction["measured"][name] for name in ("two_workers_speedup", "scheduling_seconds"))
    machine = workers["machine"]
    return f"""{WRITTEN}

**Extraction** was measured on {machine["cores"]} cores of {machine["processor"]}. An hour of video takes
{workers["worker_seconds_an_hour_of_video"]:.0f} s of one core and leaves
{workers["bytes_an_hour_of_video"] / 1e6:.0f} MB of features. Two workers of a Dask cluster on one
machine are {workers["value"]:.2f} times as fast as one, and to hand out {scheduling["videos"]:,} videos took the
scheduler {scheduling["seconds"]:.0f} s. The column "Features" is this measurement times the hours of the corpus; all
others are sums over files.

{_block(page.table(_stages(runs, executed, workers), "What each stage takes, by corpus.").data)}

{_block(page.table(_trainings(runs), TRAININGS).data)}
"""


TRAININGS = (
    "What the published trainings took. Core-hours are the time of all runs times the cores of the processor, where it "
    "was computed on one; on an accelerator the time is that of the accelerator."
)


def _stages(
    runs: list[tuple[Path, dict[str, Any]]], executed: list[tuple[Path, dict[str, Any]]], workers: Mapping[str, Any]
) -> pd.DataFrame:
    rows = []
    for index in sorted((paths.home() / "results").glob("*/index.csv")):
        folder = index.parent
        hours = pd.read_csv(index)["duration"].sum() / 3600
        trained = [result["train_seconds"] for path, result in runs if path.parent == folder]
        measured = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("robustness/*.json")]
        made = [one["seconds"] for path, one in executed if path.parent.name == folder.name]
        published = sum(path.stat().st_size for path in folder.rglob("*.*") if path.is_file())
        rows.append(
            {
                "Corpus": folder.name,
                "Video": f"{hours:.1f} h",
                "Features": f"{workers['worker_seconds_an_hour_of_video'] * hours / 60:.0f} core-minutes, "
                f"{workers['bytes_an_hour_of_video'] * hours / 1e6:.0f} MB",
                "Trainings": f"{len(trained)} runs, {words.duration(sum(trained))}",
                "Robustness": f"{len(measured)} fusions, {words.duration(sum(one['seconds'] for one in measured))}",
                "Pages": words.duration(sum(made)) if made and None not in made else "–",
                "Results": f"{published / 1e6:.1f} MB",
            }
        )
    return pd.DataFrame(rows)


def _trainings(runs: list[tuple[Path, dict[str, Any]]]) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "Corpus": path.parent.name,
            "Model": words.model(result["model"]),
            "Profile": result["profile"],
            "Device": result["device"],
            "seconds": result["train_seconds"],
        }
        for path, result in runs
    )
    rows = []
    for group, seconds in table.groupby(["Corpus", "Model", "Profile", "Device"])["seconds"]:
        cores = re.search(r"^CPU, (\d+) cores", str(group[3]))
        own = dict(zip(("Corpus", "Model", "Profile", "Device"), group, strict=True))
        each = {"Runs": len(seconds), "A run": words.duration(seconds.mean()), "All": words.duration(seconds.sum())}
        spent = f"{seconds.sum() / 3600 * int(cores[1]):.1f}" if cores else "–"
        rows.append(own | each | {"Core-hours": spent})
    return pd.DataFrame(rows)
