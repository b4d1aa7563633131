"""The pages of a book about somebody's own videos that no notebook makes: its front, and the list of all videos."""

from pathlib import Path

import nbformat
import pandas as pd
from IPython.display import HTML

from instrec_utils import evaluation, files, paths, provenance
from instrec_utils.config import SPLITS
from instrec_utils.corpora import Corpus, source_named, validation
from instrec_utils.report import cautions, elements, page, results, tables, words
from instrec_utils.training import result_files, runs
from instrec_utils.training.run import Run

MOST_LOOKED_AT = 1000  # videos; to look at all of a larger corpus takes hours, and is what `make validate` is for
MOST_SHOWN = 2000  # videos in the list on a page; the CSV file has all


def write_front_pages(corpus: Corpus, book: Path) -> None:
    """Write ``index.md``, ``<corpus>/videos.md`` and, beside the results, ``videos.csv`` into the folder of a book."""
    videos = list_videos(corpus)
    files.write_text(book / "_vendor" / "results" / corpus.name / "videos.csv", videos.to_csv(index=False))
    files.write_text(book / "index.md", _front_page(corpus, videos))
    files.write_text(book / corpus.name / "videos.md", _videos_page(corpus, videos))


def list_videos(corpus: Corpus) -> pd.DataFrame:
    """Return every video of a corpus, by the name of its file, and what was left out of it.

    Columns File, Class, Split, the answers of Audio, Visual and Fusion, as text that is empty where there is none, and
    Findings: those of `validation.validate`, and why a file was left out.
    """
    index = corpus.index.set_index("video_id")
    table = index[["path", "label", "split"]].set_axis(["File", "Class", "Split"], axis=1)
    for kind, run in _report_runs(corpus).items():
        table[words.first_upper(kind)] = _answers_of(run)
    table = table.join(_findings(corpus)).sort_values("File")
    path = corpus.directory / "skipped.csv"
    if path.exists():
        skipped = pd.read_csv(path, dtype=str, keep_default_na=False).query("path != ''")  # the others are not here
        left_out = pd.DataFrame({"File": skipped["path"], "Split": "left out", "Findings": skipped["reason"]})
        table = pd.concat([table, left_out])
    return table.fillna("")


def _report_runs(corpus: Corpus) -> dict[str, Run]:
    """Return the runs of the corpus' report by kind, as far as its videos allow them."""
    found = runs.runs_of(corpus, runs.report_parameters(corpus.name))
    return {kind: run for kind, run in found.items() if not elements.why_untrainable(run)}


def _answers_of(run: Run) -> pd.Series:
    """Return what a run answers to the videos that it was evaluated on, by video_id."""
    path = result_files.find_result(run.corpus.name, run.name)
    answers: dict[str, str] = {}
    for split in ("validation", "test"):
        predictions = result_files.read_predictions(path, split)
        _, scores, labels = evaluation.from_predictions(predictions)
        answers |= dict(zip(predictions.iloc[:, 0], (labels[number] for number in scores.argmax(axis=1)), strict=True))
    return pd.Series(answers, dtype=str)


def _findings(corpus: Corpus) -> pd.Series:
    """Return in words what `validation.validate` finds of each video, by video_id; kept as long as nothing changes."""
    unusable = pd.Series("invalid", index=sorted(corpus.unusable), name="Findings")
    if len(corpus.index) > MOST_LOOKED_AT:
        return unusable
    status = [(path, *_size_and_time(corpus.videos / path)) for path in corpus.index["path"]]
    key = files.sha256_of([provenance.index_sha256(corpus.index), status])
    kept_path = paths.runs_dir(corpus.name) / "findings.json"
    kept = result_files.read_json(kept_path) if kept_path.exists() else {}
    if kept.get("key") != key:
        found = validation.validate(corpus.index, corpus.videos)
        flags = found[list(validation.FINDINGS)]
        said = [", ".join(name.replace("_", " ") for name in flags if row[name]) for _, row in flags.iterrows()]
        notes = [": ".join(filter(None, pair)) for pair in zip(said, found["note"], strict=True)]
        kept = {"key": key, "findings": dict(zip(found["video_id"], notes, strict=True))}
        files.write_json(kept_path, kept)
    return pd.Series(kept["findings"], dtype=str, name="Findings")


def _size_and_time(path: Path) -> tuple[int, int]:
    status = path.stat() if path.exists() else None
    return (status.st_size, status.st_mtime_ns) if status else (0, 0)


def _front_page(corpus: Corpus, videos: pd.DataFrame) -> str:
    """Return the first page of the book as Markdown."""
    found, trained = results.read_results(corpus.name, corpus.rotation), _report_runs(corpus)
    *_, best = trained.values()
    row = results.one_result(found, best.name)
    rows = results.mean_over_seeds(found, [run.name for run in trained.values()])
    classes = pd.crosstab(corpus.index["label"], corpus.index["split"]).reindex(columns=list(SPLITS), fill_value=0)
    classes = classes.reset_index().rename_axis(columns=None).rename(columns=words.first_upper)
    seeds = f"mean of {words.counted(rows['num_seeds'].max(), 'seed')}, " if rows["num_seeds"].max() > 1 else ""
    test = f"{seeds}test split, n = {row['num_test']}; in %, with 95 % bootstrap intervals over videos"
    told = [*_warnings(corpus, videos, row["num_test"]), *_cautions(corpus, found, best)]
    warnings = "\n".join(f"- {page.plain(warning)}" for warning in told)
    seconds = _seconds_of_pages(corpus.name)
    timed = pd.DataFrame({"Page": list(seconds), "Minutes": [f"{one / 60:.1f}" for one in seconds.values()]})
    time = f"Minutes by the clock, {sum(seconds.values()) / 60:.1f} in all, when each page was last made."
    return f"""# {page.plain(corpus.name)}: what is played in these videos?

The {best.kind} model recognises {page.plain(tables.said(found, best.name))}. Always answering the commonest class
would be right about {100 * row["majority_rate"]:.1f} %.

{page.plain(source_named(corpus.source).nature)} There are {words.counted(len(corpus.index), "video")} of
{words.counted(len(corpus.labels), "class")}. The pages of this part say how the models were trained and what they
confuse, [every video]({corpus.name}/videos.md) is listed with what they answer, and [the report](about.md) says
where all this comes from.

{_block(page.table(tables.scores_table(rows), f"The models of this report: {test}."))}

## Before you believe it

{warnings}

## The classes

{_block(page.table(classes, "Videos a class and split."))}

## How long it took

{_block(page.table(timed, time))}
"""


def _block(shown: HTML) -> str:
    """Return HTML on one line, as an empty line in a name would end it in Markdown."""
    return " ".join(shown.data.split("\n"))


def _warnings(corpus: Corpus, videos: pd.DataFrame, num_test: int) -> list[str]:
    """Return in sentences what a reader of the numbers has to know."""
    fusion = runs.runs_of(corpus, runs.report_parameters(corpus.name))["fusion"]
    lacking = elements.why_untrainable(fusion)  # says it of what the fusion joins as well
    warnings = [lacking, *corpus.notes] if lacking else list(corpus.notes)
    tested = f"The test split has {words.counted(num_test, 'video')}"
    warnings.append(f"{tested}: one more or one fewer that is right moves Hit@1 by {100 / num_test:.1f} points.")
    if corpus.split_method and not (corpus.directory / "groups.csv").exists():  # a staged corpus keeps sources apart
        warnings.append("Nobody looked whether the same performance is in two splits; split=grouped keeps it in one.")
    left_out = videos["Split"] == "left out"
    counts = videos.loc[~left_out, "Findings"].str.partition(":")[0].str.split(", ").explode().value_counts()
    told = [f"{words.counted(count, 'video')} {finding}" for finding, count in counts.drop("", errors="ignore").items()]
    if told:
        warnings.append(f"The list of videos has findings: {', '.join(told)}.")
    if left_out.any():
        warnings.append(f"{words.counted(left_out.sum(), 'file')} left out; the list of videos says why.")
    return warnings


def _cautions(corpus: Corpus, found: pd.DataFrame, best: Run) -> list[str]:
    """Return what the numbers cannot say, as far as it is of any corpus; page 7 has the rest."""
    told = [cautions.against_the_mean(found, best.name)] if best.kind == "fusion" else []
    return [*told, *filter(None, [cautions.of_epochs(found), cautions.of_short_clips(corpus, found)])]


def _seconds_of_pages(corpus_name: str) -> dict[str, float]:
    """Return how long each notebook took when it was last executed, by its title."""
    seconds = {}
    for path in sorted((paths.runs_dir(corpus_name) / "executed").glob("[0-9][0-9]_[a-z]*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        title = notebook.cells[0].source.partition("\n")[0].removeprefix("# ")
        seconds[title] = notebook.metadata.get("papermill", {}).get("duration") or 0.0
    return seconds


def _videos_page(corpus: Corpus, videos: pd.DataFrame) -> str:
    """Return the page that lists all videos as Markdown."""
    shown = videos.head(MOST_SHOWN)
    caption = "Answers are given to the videos of validation and test, which the models have not learned from."
    caption += " A click on a column's name sorts."
    if len(corpus.index) > MOST_LOOKED_AT:
        caption += (
            f" Of so many videos only those that cannot be decoded are found: make validate CORPUS={corpus.name}."
        )
    if len(videos) > MOST_SHOWN:
        caption += f" The first {MOST_SHOWN} of {len(videos)}."
    file = f'<a href="../results/{corpus.name}/videos.csv">as a CSV file</a>'
    return f"""# Every video

What the models answer to each video of {page.plain(corpus.name)}, and what was found about its file; what the findings
mean is said [with the package](../api.md). The list can be had {file}.

{_block(page.searchable(shown, caption))}
"""
