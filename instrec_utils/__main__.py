"""The command line: ``python -m instrec_utils report --corpus demo``."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instrec_utils import paths
from instrec_utils.config import LABELS, SPLITS
from instrec_utils.errors import CorpusError, InstrecError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

INTERRUPTED = 130  # the exit status of a command that was stopped
STOPPED = threading.Event()

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """Recognise musical instruments in videos, and rebuild the report about it."""
    # papermill's progress bar looks for widgets that only a notebook needs.
    warnings.filterwarnings("ignore", message="IProgress not found")
    for name in os.environ:  # folders, relative to where the command is given, which notebooks are not
        if name.startswith("INSTREC_") and name != "INSTREC_RESULTS":
            os.environ[name] = paths.from_here(os.environ[name])


@app.command()
def report(
    corpus: Annotated[str, typer.Option(help="A file of params/: demo, open, folder, ...")] = "demo",
    root: Annotated[str, typer.Option(help="Folder of videos (corpus folder), or of FCVID (corpus fcvid).")] = "",
    parameter: Annotated[list[str] | None, typer.Option("-p", help="A notebook parameter, name=value.")] = None,
    cuda: Annotated[bool, typer.Option("--cuda", help="Compute on an NVIDIA GPU or not at all.")] = False,
) -> None:
    """Do everything from videos to the built book; what is already done and valid is skipped."""
    from instrec_utils.pipeline.computing import describe
    from instrec_utils.pipeline.parameters import read_parameters
    from instrec_utils.pipeline.report import make_report
    from instrec_utils.report import results, summary

    overrides = parse_parameters(parameter or []) | ({"root": root} if root else {})
    parameters = read_parameters(corpus, overrides)
    print(describe([parameters], needs_gpu=cuda), file=sys.stderr, flush=True)
    page = make_report(corpus, overrides)
    found = results.read_results(parameters["corpus"], parameters.get("rotation", 0))
    print(f"\n{summary.headline_text(found)}\n\nThe book: {page}")


@app.command()
def pages(
    corpus: Annotated[str, typer.Option(help="A corpus with published results: demo, open; or recognised.")] = "demo",
) -> None:
    """Make the pages anew from the published results alone: videos and features are prepared, nothing is trained."""
    os.environ["INSTREC_RESULTS"] = "published"
    from instrec_utils.pipeline.book import RECOGNISED
    from instrec_utils.pipeline.report import make_recognised, make_report

    print(f"\nThe book: {make_recognised() if corpus == RECOGNISED else make_report(corpus, {})}")


@app.command()
def tables(
    corpus: Annotated[str, typer.Option(help="A list of params/tables/: demo, open, folder, ...")] = "demo",
    root: Annotated[str, typer.Option(help="Folder of videos (corpus folder), or of FCVID (corpus fcvid).")] = "",
    parameter: Annotated[list[str] | None, typer.Option("-p", help="A notebook parameter, name=value.")] = None,
    scheduler: Annotated[str, typer.Option(help="Address of a Dask scheduler; else one run after another.")] = "",
    gpus: Annotated[float, typer.Option(min=0, help="GPUs that a run takes of a Dask worker that declares some.")] = 0,
    cuda: Annotated[bool, typer.Option("--cuda", help="Compute on an NVIDIA GPU or not at all.")] = False,
) -> None:
    """Train the runs of a list of params/tables/ that are not there yet, then make the pages and the book anew."""
    from instrec_utils.pipeline.computing import describe
    from instrec_utils.pipeline.grid import read_experiments, train_experiments
    from instrec_utils.pipeline.report import make_report

    overrides = parse_parameters(parameter or []) | ({"root": root} if root else {})
    experiments = read_experiments(corpus, overrides)  # what is wrong with the list is said before hours of extraction
    asked = [one.parameters for one in experiments]
    told = f"computing on the workers of {scheduler}" if scheduler else describe(asked, needs_gpu=cuda)
    print(told, file=sys.stderr, flush=True)

    def train() -> None:
        count = train_experiments(experiments, scheduler=scheduler, resources={"GPU": gpus} if gpus else None)
        print(f"\n{count} runs trained.")

    print(f"The book: {make_report(corpus, overrides, train)}")


@app.command()
def publish(
    corpus: Annotated[str, typer.Option(help="A corpus that the book publishes: demo, open, curation.")] = "demo",
) -> None:
    """Copy the results, pages and media made here into the folders that git tracks."""
    from instrec_utils.pipeline import book
    from instrec_utils.pipeline.records import write_records

    changed = [*book.publish(corpus), *write_records()]
    for path in changed:
        print(path.relative_to(paths.home()))
    print(f"{len(changed)} tracked files changed; look at them with git diff, then commit them")


@app.command()
def front() -> None:
    """Make anew what the first pages of the book say of the published results."""
    os.environ["INSTREC_RESULTS"] = "published"
    from instrec_utils.report import first_pages

    for path in first_pages.write_first_pages():
        print(path.relative_to(paths.home()))


@app.command()
def records() -> None:
    """Write the pages made of all results anew: all runs, status, costs; and the checksums. Publishing does it too."""
    from instrec_utils.pipeline.records import write_records

    for path in write_records():
        print(path.relative_to(paths.home()))


@app.command()
def verify() -> None:
    """Compare published files with their checksums, numbers and pages with the predictions; 1 if anything differs."""
    from instrec_utils.pipeline import verification

    verified = verification.verify()
    for line in verified.differences:
        print(line)
    print(f"not verified: {len(verified.differences)} differences" if verified.differences else verified)
    raise typer.Exit(1 if verified.differences else 0)


@app.command()
def release(corpus: Annotated[str, typer.Option(help="A corpus with finished runs: demo, open, ...")] = "demo") -> None:
    """Pack index, features, embeddings, weights and results of a corpus into one archive with checksums."""
    from instrec_utils import corpora
    from instrec_utils import release as releases

    path = releases.write_release(corpora.read_corpus(corpus), paths.home() / "release")
    print(f"\n{path}: {path.stat().st_size / 2**20:.1f} MiB; its checksum is beside it")


@app.command()
def curation(records: Annotated[str, typer.Option(help="Folder with YouTube-8M's video-level records.")] = "") -> None:
    """Recompute the paper's Table 1, the splits and the chapter on its data from the authors' lists; build the book."""
    from instrec_utils.paper_data import published
    from instrec_utils.pipeline.report import make_curation

    splits = published.write_splits(published.locate_lists(), paths.data_dir() / "curation" / "splits")
    print(f"\nThe splits: {splits}\nThe page: {make_curation(paths.from_here(records))}")


@app.command()
def download(
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many of the videos, classes in turn.")] = None,
    cookies: Annotated[Path | None, typer.Option(help="A cookies file in Netscape format.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Videos under way at once.")] = 3,
) -> None:
    """Ask YouTube for the paper's YouTube-8M videos; what is here or gone for good is not asked for again."""
    from tqdm import tqdm

    from instrec_utils.paper_data import availability, downloads, paper_videos, published

    manners = downloads.Manners(num_workers=workers, cookies=cookies)
    index = paper_videos.in_turn(published.load_index("yt8m", published.locate_lists()))
    folder = paper_videos.youtube8m_dir()
    with availability.Ledger(paper_videos.ledger_path()) as ledger:
        wanted = availability.with_paths(index, ledger).head(limit or len(index))
        num_open = int(wanted.state.isin([availability.NOT_ASKED, "failed"]).sum())
        try:
            with tqdm(desc="asking for videos", total=num_open, unit="video", disable=None) as progress:
                downloads.download_videos(wanted.video_id, folder, ledger, manners, lambda *_: progress.update())
        finally:  # also when stopped: what was answered is in the ledger
            table = availability.availability_table(availability.with_paths(index, ledger))
            print(f"\nVideos of YouTube-8M under {folder}:\n\n{table.to_string(index=False, na_rep='-')}")


@app.command()
def recognise(
    videos: Annotated[list[str], typer.Argument(help="Files, folders, or addresses that yt-dlp reads.")],
    top: Annotated[int, typer.Option(min=1, max=len(LABELS), help="How many instruments of each video.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON; book/recognise.md says what is in it.")] = False,
    timeline: Annotated[Path | None, typer.Option(help="Write the timeline, to a file .html or .png.")] = None,
    max_hours: Annotated[float, typer.Option(min=0, help="Of a video; a longer one is refused.")] = 2.0,
) -> None:
    """Tell what is playing in videos or recordings; the code is 2 if any of them cannot be judged."""
    from instrec_utils.recognise.command import recognise_all

    code = recognise_all(videos, top=top, as_json=as_json, timeline_path=timeline, max_hours=max_hours)
    raise typer.Exit(code)


@app.command("app")
def local_page(port: Annotated[int, typer.Option(min=0, max=65535, help="Of this machine; 0: any.")] = 8765) -> None:
    """Serve a page, to this machine alone, to drop videos on that are then recognised."""
    from instrec_utils.recognise.app import serve

    serve(port)


@app.command()
def kit(
    corpus: Annotated[str, typer.Option(help="A corpus that is prepared: demo, open, ...")] = "demo",
    out: Annotated[Path | None, typer.Option(help="A new folder; else runs/<corpus>/kit.")] = None,
) -> None:
    """Write a page that asks people for the instrument of each test clip, as a folder to hand out."""
    from instrec_utils import corpora
    from instrec_utils.listeners.kit import write_kit

    page, key = write_kit(corpora.read_corpus(corpus), out or paths.runs_dir(corpus) / "kit")
    print(f"\nHand out the folder of {page}\nKeep the key {key}, and put the files of answers beside it.")


@app.command()
def validate(
    corpus: Annotated[str, typer.Argument(help="A corpus that is prepared: demo, open, ...; with --root, folder.")],
    root: Annotated[str, typer.Option(help="Folder of videos that no report was made of yet (corpus folder).")] = "",
    parameter: Annotated[list[str] | None, typer.Option("-p", help="A notebook parameter, name=value.")] = None,
) -> None:
    """Look at every video: missing, invalid, duplicated, silent, still or too short; and tell what a report will do."""
    from instrec_utils import corpora
    from instrec_utils.corpora import validation
    from instrec_utils.pipeline.parameters import read_parameters

    if root:
        preview_report(read_parameters(corpus, parse_parameters(parameter or []) | {"root": root}))
    else:
        prepared = corpora.read_corpus(corpus)
        print_findings(validation.validate(corpora.read_listed(prepared), prepared.videos))


def preview_report(parameters: dict[str, Any]) -> None:
    """Print what a report of a folder of videos will be about, and about how long it takes; a problem is an error."""
    from instrec_utils.corpora import folder, source_named, validation

    if source_named(parameters["source"]) is not folder.SOURCE:
        raise ParameterError(f"--root: before a report only folders are looked at, got {parameters['source']}")
    names = {"split": "split_method", "corpus_seed": "seed", "small_classes": "small_classes"}
    options = {names.get(name, name): parameters[name] for name in (*names, "follow_links") if parameters.get(name)}
    preview = validation.preview_folder(Path(parameters["root"]), **options)
    print_findings(preview.findings)
    for path, reason in preview.skipped.itertuples(index=False):
        print(f"left out: {path}: {reason}")
    for note in preview.notes:
        print(note)
    if preview.problem:
        raise CorpusError(preview.problem)
    sizes = preview.findings["split"].value_counts()
    divided = ", ".join(f"{sizes.get(split, 0)} for {split}" for split in SPLITS)
    num_classes = preview.findings["label"].nunique()
    print(
        f"\nA report will tell {num_classes} classes apart, with {divided}: {preview.seconds / 60:.0f} minutes or so."
    )


def print_findings(found: pd.DataFrame) -> None:
    """Print what was found in the videos of an index: counts, then the name of each that has a finding."""
    from instrec_utils.corpora import validation

    print("Videos a class and split, and how many of them are ...\n")
    print(validation.count_findings(found).to_string(index=False))
    affected = found[list(validation.FINDINGS)].any(axis=1)
    num_usable = validation.is_usable(found).sum()
    print(f"\n{affected.sum()} of {len(affected)} videos have a finding; {num_usable} are usable.")
    for row in found[affected & (found["path"] != "")].itertuples():  # the others are missing, which the counts say
        names = ", ".join(name for name in validation.FINDINGS if getattr(row, name))
        print(f"{row.path} ({row.video_id}): {names}{f' ({row.note})' if row.note else ''}")


def parse_parameters(texts: list[str]) -> dict[str, object]:
    """Return ``name=value`` texts as a dict; values are as YAML reads them. Another text is a ParameterError."""
    from instrec_utils.pipeline.parameters import parse_yaml

    for text in texts:
        if "=" not in text:
            raise ParameterError(f"-p: expected name=value, got {text!r}")
    pairs = (text.partition("=")[::2] for text in texts)
    return {name.strip(): parse_yaml(value, f"-p {name.strip()}") for name, value in pairs}


def run() -> None:
    """Run the command line; a mistake of the user's ends in one line, an interruption in another."""
    for stream in (sys.stdout, sys.stderr):  # no terminal's encoding shall end what took an hour
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    os.environ["PYTHONIOENCODING"] = f"{sys.stdout.encoding}:backslashreplace"  # nor that of a program started here
    if not sys.stderr.encoding.lower().startswith("utf"):
        os.environ["TQDM_ASCII"] = " 123456789#"  # progress bars of blocks would be unreadable
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's greetings
    stopping = [signal.SIGINT, signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup has it ignored
        stopping.append(signal.SIGHUP)
    for number in stopping:
        signal.signal(number, stop)
    try:
        app()
    except InstrecError as error:
        sys.exit(f"instrec: {error}")
    except shutil.Error as error:  # of copying a folder: the first file says it
        source, target, reason = error.args[0][0]
        sys.exit(f"instrec: {source}: cannot be copied to {target}: {reason}")
    except OSError as error:
        sys.exit(f"instrec: {error}; what was finished is kept, the same command carries on")
    finally:
        if STOPPED.is_set():
            with contextlib.suppress(OSError):
                sys.stdout.flush()
            os._exit(INTERRUPTED)  # whatever else went wrong by stopping is of no interest


def stop(*_: object) -> None:
    """End what was started, kernels and their workers too, say so in one line, and leave; a second call is at once."""
    import psutil

    if STOPPED.is_set():
        os._exit(INTERRUPTED)
    STOPPED.set()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            process.kill()
    with contextlib.suppress(OSError):  # of a terminal that is closed
        print("\ninstrec: stopped; the same command carries on where it was", file=sys.stderr, flush=True)
    raise KeyboardInterrupt


if __name__ == "__main__":
    run()
