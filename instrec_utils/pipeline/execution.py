"""Notebooks executed by papermill, each in a kernel of its own, into a file that is there only if it succeeded."""

import logging
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill

from instrec_utils import files, paths, provenance
from instrec_utils.errors import InstrecError
from instrec_utils.pipeline.kernels import Kernels
from instrec_utils.report.page import RUNS, for_book, with_runs

START_SECONDS = 600  # that a kernel may take to import what a notebook needs: librosa compiles once
# What TensorFlow says first in every process, whatever its log level.
GREETINGS = re.compile(
    r"^(WARNING: All log messages before absl|I\d{4} .* (port|cudart_stub)\.cc:\d+\]).*\n?", re.MULTILINE
)

# What it would log on the terminal is raised as well: that a kernel died, also where the command was stopped.
logging.getLogger("papermill").addHandler(logging.NullHandler())


class _Messages:
    """What kernels write to stderr, on this process' stderr, without TensorFlow's greetings."""

    def write(self, text: str) -> None:
        sys.stderr.write(GREETINGS.sub("", text))

    def flush(self) -> None:
        sys.stderr.flush()


def execute_notebook(
    notebook: Path, parameters: Mapping[str, Any], executed: Path, kernels: Kernels | None = None
) -> None:
    """Run a notebook in a kernel of its own; the executed one is there only if it succeeded, else an InstrecError."""
    kernel = (kernels or Kernels()).take(notebook)
    try:
        with files.whole(executed) as temporary:
            papermill.execute_notebook(
                notebook,
                temporary,
                parameters=dict(parameters),
                kernel_name="python3",
                progress_bar=False,
                stderr_file=_Messages(),
                km=kernel,
                start_timeout=START_SECONDS,
                cwd=paths.home(),
            )
    except papermill.PapermillExecutionError as error:
        raise InstrecError(f"{notebook.name}: {error.ename}: {error.evalue}") from error
    except RuntimeError as error:  # as nbclient says it, of a kernel that has not answered yet and of one at work
        if not str(error).startswith("Kernel died"):
            raise
        raise InstrecError(f"{notebook.name}: its process died, as for want of memory; run it again") from error
    finally:
        kernel.stop()


def make_page(
    notebook: Path, parameters: Mapping[str, Any], page: Path, corpus_name: str, kernels: Kernels | None = None
) -> None:
    """Run a notebook, see `execute_notebook`, and write the cleaned result as a page.

    If it fails, the page that was there stays.
    """
    executed = paths.runs_dir(corpus_name) / "executed" / notebook.name
    execute_notebook(notebook, parameters, executed, kernels)
    with files.whole(page) as temporary:
        nbformat.write(clean_page(nbformat.read(executed, as_version=4), corpus_name), temporary)


def clean_page(notebook: nbformat.NotebookNode, corpus_name: str) -> nbformat.NotebookNode:
    """Make a page of an executed notebook.

    Without what the kernel wrote to its error stream (progress), without papermill's absolute paths, with both
    parameter cells folded, without `sections_that_show` nothing, and with media where the book has them. What the page
    of the pages says of it stands in its metadata: when it was made, in how many seconds, and by which commit.
    """
    executed = notebook.metadata.get("papermill", {})
    made = {"seconds": executed.get("duration"), "finished": executed.get("end_time"), "commit": provenance.commit()}
    for part in (notebook, *notebook.cells):
        for name in ("papermill", "widgets", "execution"):
            part.metadata.pop(name, None)
    notebook.metadata["instrec"] = made
    notebook.cells = sections_that_show(notebook.cells)
    shown = set(re.findall(r":name: fig-([a-z0-9-]+)", str([cell.get("outputs") for cell in notebook.cells])))
    has_runs = f'id="{RUNS}"' in str([cell.get("outputs") for cell in notebook.cells])
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if {"parameters", "injected-parameters"} & set(tags):
            cell.metadata["tags"] = sorted({*tags, "hide-cell"})
        if cell.cell_type == "markdown":
            cell.source = for_book(_without_links_to_others(cell.source, shown), corpus_name)
        if cell.cell_type == "code":
            for data in (output.get("data", {}) for output in cell.outputs):
                kinds = data.keys() & {"text/html", "text/markdown"}
                data.update({kind: for_book(data[kind], corpus_name) for kind in kinds})
                if has_runs:
                    data.update({kind: with_runs(data[kind]) for kind in kinds})
    return notebook


def _without_links_to_others(text: str, figures: set[str]) -> str:
    """Return Markdown with the bare words of links to figures that are not on the page."""
    return re.sub(r"\[([^\[\]]*)\]\(#fig-([a-z0-9-]+)\)", lambda link: link[0] if link[2] in figures else link[1], text)


def sections_that_show(cells: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Return the cells of a page, which `page.end` may end, without progress and sections whose code shows nothing."""
    sections: list[list[nbformat.NotebookNode]] = [[]]
    for cell in cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            sections.append([])
        sections[-1].append(cell)
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("data", {}).get("text/html") != ""]
            said = [output for output in cell.outputs if output.get("name") != "stderr"]
            cell.outputs = [output for output in said if output.output_type != "error"]
            if len(cell.outputs) < len(said):
                break
    title, *others = sections
    return [*title, *(cell for section in others if _shows(section) for cell in section)]


def _shows(section: list[nbformat.NotebookNode]) -> bool:
    code = [cell for cell in section if cell.cell_type == "code"]
    return not code or any(cell.outputs for cell in code)
