"""The book built from the pages that were made here, beside the published pages of other corpora."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import filelock
import yaml

from instrec_utils import corpora, files, paths
from instrec_utils.errors import InstrecError
from instrec_utils.pipeline.parameters import report_notebooks
from instrec_utils.report import front

CURATION = "curation"


def published_corpora() -> list[str]:
    """Return the corpora whose pages are in the book's table of contents."""
    return list(dict.fromkeys(file.partition("/")[0] for file in _chapters() if "/" in file))


def published_pages(corpus_name: str) -> list[str]:
    """Return the file names of the pages that the book's table of contents has of a corpus."""
    return [f"{file.partition('/')[2]}.ipynb" for file in _chapters() if file.startswith(f"{corpus_name}/")]


def _chapters() -> list[str]:
    return [chapter["file"] for part in _contents()["parts"] for chapter in part["chapters"]]


def _contents() -> dict[str, Any]:
    return yaml.safe_load((paths.home() / "_toc.yml").read_text(encoding="utf-8"))


def build_book(corpus_name: str) -> Path:
    """Build the book with a corpus' pages that were made here, warnings as errors, and return its first page.

    Published pages, results and media of the same corpus give way to those; nothing that git tracks is changed. A
    warning or an error of Sphinx, which it has printed, is an InstrecError.
    """
    home = paths.home()
    folder = home / "_build" / corpus_name
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / ".lock"):
        _stage(corpus_name, folder)
        jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
        command = [jupyter_book, "build", "-q", "-W", "-n", "--keep-going", "--path-output", str(folder)]
        command += ["--config", str(home / "_config.yml"), "--toc", str(folder / "toc.yml"), str(folder / "book")]
        if subprocess.run(command, cwd=home, check=False).returncode:
            raise InstrecError(f"{home / 'book'}: the book has warnings or errors, see above")
    return folder / "_build" / "html" / "index.html"


def _stage(corpus_name: str, folder: Path) -> None:
    """Lay out what the book is built from: the tracked pages, with the corpus' own in their place."""
    home, book = paths.home(), folder / "book"
    shutil.rmtree(book, ignore_errors=True)
    shutil.copytree(home / "book", book, ignore=shutil.ignore_patterns("_toc.yml"))
    for source, place in (
        (paths.pages_dir(corpus_name), book / corpus_name),
        (paths.media_dir(corpus_name), book / "_static" / "media" / corpus_name),
    ):
        if source.exists():
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(source, place)
    if paths.working_results_dir(corpus_name).exists():
        results = book / "_vendor" / "results" / corpus_name
        shutil.copytree(paths.working_results_dir(corpus_name), results, dirs_exist_ok=True)
    if corpus_name not in published_corpora():  # its own front; the report's becomes a page
        (book / "index.md").rename(book / "about.md")
        front.write_front_pages(corpora.read_corpus(corpus_name), book)
    files.write_text(folder / "toc.yml", yaml.safe_dump(contents_for(corpus_name), sort_keys=False))


def contents_for(corpus_name: str) -> dict[str, Any]:
    """Return the book's table of contents, with the pages of an unpublished corpus in place of the published ones."""
    contents, published = _contents(), published_corpora()
    if corpus_name in published:
        return contents
    chapters = [{"file": f"{corpus_name}/{notebook.stem}"} for notebook in report_notebooks()]
    chapters.append({"file": f"{corpus_name}/videos"})
    own = {"caption": f"Your corpus: {corpus_name}", "chapters": chapters}
    about = {"caption": "About this report", "chapters": [{"file": "about"}]}
    hidden = tuple(f"{name}/" for name in published if name != CURATION)
    others = [part for part in contents["parts"] if not any(one["file"].startswith(hidden) for one in part["chapters"])]
    return contents | {"parts": [own, about, *others]}
