"""The notebooks in order, by papermill, each into a page of the book that is replaced only on success.

What was executed from which sources and parameters is noted in ``runs/<corpus>/pages.json``; a notebook whose
sources, parameters, predecessors and results are as noted is not executed again.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill
import yaml
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import DeadKernelError

from instrec_utils import files, paths
from instrec_utils.corpora import source_named
from instrec_utils.errors import InstrecError, ParameterError
from instrec_utils.paper_data import published, youtube8m

PUBLISHED = ("demo", "open")
CURATION = "curation"
# What the names of the results begin with that a page shows; the later pages show all.
SHOWN = {
    "01_corpus": (),
    "02_hearing_and_seeing": (),
    "03_frame_model": ("visual-",),
    "04_audio_model": ("audio-", "visual-"),
}
# What TensorFlow says first in every process, whatever its log level.
GREETINGS = re.compile(
    r"^(WARNING: All log messages before absl|I\d{4} .* (port|cudart_stub)\.cc:\d+\]).*\n?", re.MULTILINE
)
TYPES = {"str": str, "int": int, "float": float, "bool": bool}


def notebooks() -> list[Path]:
    """Return the notebooks in their order."""
    return sorted((paths.home() / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def declared(notebook: Path) -> dict[str, dict[str, str]]:
    """Return the parameters that a notebook declares: inferred_type_name, default and help of each."""
    return papermill.inspect_notebook(str(notebook))


def read_parameters(corpus: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a corpus' parameters and check them against the notebooks' declarations.

    Parameters
    ----------
    corpus : name of a file in ``params/``.
    overrides : parameters that replace those of the file.

    Raises
    ------
    ParameterError
        The corpus is unknown, no notebook declares a parameter, or a value has another type than its default.
    """
    known = {path.stem: path for path in (paths.home() / "params").glob("*.yaml")}
    if corpus not in known:
        raise ParameterError(f"corpus: expected one of {', '.join(sorted(known))}, got {corpus!r}")
    content = yaml.safe_load(known[corpus].read_text(encoding="utf-8")) or {}
    if not isinstance(content, dict):
        raise ParameterError(f"{known[corpus]}: expected one 'name: value' a line, got {type(content).__name__}")
    parameters = content | dict(overrides)
    types = {}
    for notebook in notebooks():
        types |= {name: entry["inferred_type_name"] for name, entry in declared(notebook).items()}
    for name, value in parameters.items():
        parameters[name] = _checked(name, value, types)
    return parameters


def _checked(name: str, value: Any, types: Mapping[str, str]) -> Any:
    if name not in types:
        near = difflib.get_close_matches(name, types, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; declared are {', '.join(sorted(types))}"
        raise ParameterError(f"parameter {name!r} is declared by no notebook{hint}")
    expected = TYPES[types[name]]
    if expected is float and type(value) is int:
        return float(value)
    if type(value) is not expected:
        raise ParameterError(f"parameter {name}: expected a value of type {types[name]}, got {value!r}")
    return value


def run(corpus: str, overrides: Mapping[str, Any]) -> Path:
    """Execute whatever is not up to date, build the book, and return its first page.

    Parameters
    ----------
    corpus : name of a file in ``params/``.
    overrides : see `read_parameters`.

    Raises
    ------
    InstrecError
        A parameter is wrong, or a notebook failed; pages and results that were there stay as they were.
    """
    started = time.perf_counter()
    parameters = read_parameters(corpus, overrides)
    name = parameters["corpus"]
    pages = paths.home() / "book" / name
    state_path = paths.runs_dir(name) / "pages.json"
    state = json.loads(state_path.read_text(encoding="utf-8")) if state_path.exists() else {}
    key = files.sha256_of([_sources_sha256(), str(paths.data_dir()), _material(parameters)])
    for number, notebook in enumerate(notebooks(), start=1):
        own = {p: value for p, value in parameters.items() if p in declared(notebook)}
        # The chain of keys stands for the results of the notebooks before this one.
        key = files.sha256_of([key, files.sha256_of_file(notebook), own])
        page = pages / notebook.name
        title = f"[{number}/{len(notebooks())}] {notebook.stem}"
        index = paths.data_dir() / name / "index.csv"
        if index.exists() and _is_fresh(state.get(notebook.stem), key, page, _results_shown(notebook.stem, name)):
            _say(f"{title}: up to date")
            continue
        _say(f"{title} ({time.perf_counter() - started:.0f} s so far)")
        _make_page(notebook, own, page, name)
        state[notebook.stem] = {"key": key, "results": _results_shown(notebook.stem, name)}
        files.write_json(state_path, state)
    _drop_unused_media(name)
    _say("building the book")
    return build_book(name)


def curation(records: str = "") -> Path:
    """Execute the page about the paper's data if it is not up to date, build the book, and return the page.

    Parameters
    ----------
    records : folder with YouTube-8M's video-level records, for its selection; empty for the vocabulary alone.

    Raises
    ------
    InstrecError
        The authors' lists or YouTube-8M's vocabulary cannot be had, which is said before anything is executed; or
        the notebook failed, and the page that was there stays as it was.
    """
    published.locate()
    youtube8m.locate_vocabulary()
    notebook = paths.home() / "notebooks" / f"{CURATION}.ipynb"
    page = paths.home() / "book" / CURATION / notebook.name
    state_path = paths.runs_dir(CURATION) / "pages.json"
    state = json.loads(state_path.read_text(encoding="utf-8")) if state_path.exists() else {}
    # The checksums of the lists are part of the sources, and the lists have just been compared with them.
    ledger = paths.data_dir() / "yt8m" / "ledger.sqlite"
    asked = files.sha256_of_file(ledger) if ledger.exists() else ""
    key = files.sha256_of([_sources_sha256(), files.sha256_of_file(notebook), asked, records])
    if _is_fresh(state.get(notebook.stem), key, page, _results_shown(CURATION, CURATION)):
        _say(f"{CURATION}: up to date")
    else:
        _say(CURATION)
        _make_page(notebook, {"records": records} if records else {}, page, CURATION)
        shown = _results_shown(CURATION, CURATION)
        files.write_json(state_path, {notebook.stem: {"key": key, "results": shown}})
    _say("building the book")
    return build_book(CURATION).parent / CURATION / f"{CURATION}.html"


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


def _sources_sha256() -> str:
    digest = hashlib.sha256()
    checkout = Path(__file__).parents[1]
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


def _results_shown(page: str, corpus: str) -> dict[str, str]:
    """Return the results that a page shows, which with new ones among them is out of date, by file name."""
    shown = SHOWN.get(page, ("",))
    found = sorted(paths.results_dir(corpus).glob("*.json"))
    return {path.name: files.sha256_of_file(path) for path in found if path.name.startswith(shown)}


def _is_fresh(noted: dict[str, Any] | None, key: str, page: Path, shown: dict[str, str]) -> bool:
    return noted is not None and page.exists() and noted["key"] == key and noted["results"] == shown


class _Kernels(AsyncKernelManager):
    """Starts kernels whose messages come as outputs only: beside that they copy them to where they were started."""

    async def start_kernel(self, **options: Any) -> None:
        await super().start_kernel(stderr=subprocess.DEVNULL, **options)


class _Messages:
    """What kernels write to stderr, on this process' stderr, without TensorFlow's greetings."""

    def write(self, text: str) -> None:
        sys.stderr.write(GREETINGS.sub("", text))

    def flush(self) -> None:
        sys.stderr.flush()


def execute(notebook: Path, parameters: Mapping[str, Any], executed: Path) -> None:
    """Run a notebook in a kernel of its own; the executed one is there only if it succeeded.

    Raises
    ------
    InstrecError
        A cell failed, and the message has its error; or the kernel died.
    """
    environment = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "INSTREC_HOME": str(paths.home()),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONWARNINGS": "ignore:IProgress not found",  # of widgets that progress bars in a page would need
    }
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        with files.whole(executed) as temporary:
            papermill.execute_notebook(
                notebook,
                temporary,
                parameters=dict(parameters),
                kernel_name="python3",
                progress_bar=False,
                stderr_file=_Messages(),
                kernel_manager_class=_Kernels,
                cwd=paths.home(),
                extra_arguments=["--log-level=CRITICAL"],  # of the kernel: its warnings would break the progress bars
            )
    except papermill.PapermillExecutionError as error:
        raise InstrecError(f"{notebook.name}: {error.ename}: {error.evalue}") from error
    except DeadKernelError as error:
        raise InstrecError(f"{notebook.name}: its process died, as for want of memory; run it again") from error
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _make_page(notebook: Path, parameters: Mapping[str, Any], page: Path, corpus: str) -> None:
    """Run a notebook and put the cleaned result in the book."""
    executed = paths.runs_dir(corpus) / "executed" / notebook.name
    execute(notebook, parameters, executed)
    with files.whole(page) as temporary:
        nbformat.write(clean(nbformat.read(executed, as_version=4)), temporary)


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Make a page of an executed notebook.

    Without what the kernel wrote to its error stream (progress), without papermill's absolute paths, with both
    parameter cells hidden, as the page shows the effective values in a table, and with media where the book
    has them.
    """
    notebook.metadata.pop("papermill", None)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("papermill", None)
        cell.metadata.pop("execution", None)
        tags = cell.metadata.get("tags", [])
        if {"parameters", "injected-parameters"} & set(tags):
            cell.metadata["tags"] = sorted({*tags, "remove-cell"})
        if cell.cell_type == "code":
            cell.outputs = [_with_media(output) for output in cell.outputs if output.get("name") != "stderr"]
    return notebook


def _with_media(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    for kind in ("text/html", "text/markdown"):
        if kind in output.get("data", {}):
            output["data"][kind] = output["data"][kind].replace("../book/_static/", "../_static/")
    return output


def _drop_unused_media(corpus: str) -> None:
    shown = "".join(page.read_text(encoding="utf-8") for page in (paths.home() / "book" / corpus).glob("*.ipynb"))
    for path in paths.media_dir(corpus).glob("*"):
        if path.name not in shown:
            path.unlink()


def build_book(corpus: str) -> Path:
    """Build the book with a corpus' pages, warnings as errors, and return its first page.

    Raises
    ------
    InstrecError
        Sphinx met a warning or an error, which it has printed.
    """
    home = paths.home()
    jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
    command = [jupyter_book, "build", "-q", "-W", "-n", "--keep-going", "book/"]
    built = home / "_build" / "html"
    if corpus not in (*PUBLISHED, CURATION):
        output = home / "_build" / corpus
        table_of_contents = home / "_build" / f"toc-{corpus}.yml"
        files.write_text(table_of_contents, yaml.safe_dump(contents_for(corpus), sort_keys=False))
        command += ["--toc", str(table_of_contents), "--path-output", str(output)]
        built = output / "_build" / "html"
    if subprocess.run(command, cwd=home, check=False).returncode:
        raise InstrecError(f"{home / 'book'}: the book has warnings or errors, see above")
    return built / "index.html"


def contents_for(corpus: str) -> dict[str, Any]:
    """Return the book's table of contents with a corpus' pages in place of the published ones."""
    contents = yaml.safe_load((paths.home() / "_toc.yml").read_text(encoding="utf-8"))
    own = {"caption": f"Your corpus: {corpus}", "chapters": [{"file": f"{corpus}/{n.stem}"} for n in notebooks()]}
    others = [
        part
        for part in contents["parts"]
        if not any(chapter["file"].startswith(tuple(f"{name}/" for name in PUBLISHED)) for chapter in part["chapters"])
    ]
    return contents | {"parts": [own, *others]}
