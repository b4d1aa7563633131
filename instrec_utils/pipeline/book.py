"""The book built from the pages that were made here, beside the published pages of other corpora; and publishing.

By publishing, results, pages and media that were made here become those that git tracks. No report, table or
notebook writes them.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from instrec_utils import corpora, files, paths
from instrec_utils.errors import InstrecError, ParameterError, RunError
from instrec_utils.pipeline.parameters import report_notebooks
from instrec_utils.report import front
from instrec_utils.training.runs import report_parameters

CURATION = "curation"
RECOGNISED = "recognised"
"""The page that shows a video being recognised, which belongs to no corpus."""
BENCHMARKS = "benchmarks"
"""What `make bench` measured is published like a corpus; its page stands among the book's own."""


def published_corpora() -> list[str]:
    """Return the corpora whose pages are in the book's table of contents."""
    return list(dict.fromkeys(file.partition("/")[0] for file in _chapters() if "/" in file))


def corpora_with_results() -> list[str]:
    """Return the corpora whose results are published, with or without pages."""
    return sorted(path.parent.name for path in (paths.home() / "results").glob("*/index.csv"))


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
    with files.locked(folder / ".lock", f"{folder}: another process builds this book; waiting"):
        _stage(corpus_name, folder)
        jupyter_book = str(Path(sys.executable).with_name("jupyter-book"))
        command = [jupyter_book, "build", "-q", "-W", "-n", "--keep-going", "--path-output", str(folder)]
        command += ["--config", str(folder / "config.yml"), "--toc", str(folder / "toc.yml"), str(folder / "book")]
        # In a session of its own Ctrl-C does not reach it, which would print where it was.
        if subprocess.run(command, cwd=home, check=False, start_new_session=True).returncode:
            raise InstrecError(f"{home / 'book'}: the book has warnings or errors, see above")
    return folder / "_build" / "html" / "index.html"


def _stage(corpus_name: str, folder: Path) -> None:
    """Lay out what the book is built from: the tracked pages, with the corpus' own in their place.

    The book of a corpus that the published one has no chapters of has its name in every title.
    """
    book, media = folder / "book", f"_static/media/{corpus_name}"
    config = yaml.safe_load((paths.home() / "_config.yml").read_text(encoding="utf-8"))
    shutil.rmtree(book, ignore_errors=True)
    shutil.copytree(paths.home() / "book", book, ignore=shutil.ignore_patterns("_toc.yml"))
    for source, place in ((paths.pages_dir(corpus_name), corpus_name), (paths.media_dir(corpus_name), media)):
        if source.exists():
            shutil.rmtree(book / place, ignore_errors=True)
            shutil.copytree(source, book / place)
    if (results := paths.results_dirs(corpus_name)[0]).exists():  # the published ones, for pages made of these alone
        shutil.copytree(results, book / "_vendor" / "results" / corpus_name, dirs_exist_ok=True)
    if corpus_name not in published_corpora():  # its own front; the report's becomes a page
        text = (book / "index.md").read_text(encoding="utf-8")
        hidden = "|".join(name for name in published_corpora() if name not in (CURATION, RECOGNISED))
        files.write_text(book / "about.md", re.sub(rf"\[([^\]]+)\]\((?:{hidden})/[^)]+\)", r"\1", text))
        rotation = report_parameters(corpus_name).get("rotation", 0)
        front.write_front_pages(corpora.read_corpus(corpus_name).rotated(rotation), book)
        config["title"] = f"{corpus_name}: {config['title']}"
    files.write_text(folder / "toc.yml", yaml.safe_dump(contents_for(corpus_name), sort_keys=False))
    files.write_text(folder / "config.yml", yaml.safe_dump(config, sort_keys=False))


def contents_for(corpus_name: str) -> dict[str, Any]:
    """Return the book's table of contents, with the pages of an unpublished corpus in place of the published ones."""
    contents, published = _contents(), published_corpora()
    if corpus_name in published:
        return contents
    chapters = [{"file": f"{corpus_name}/{notebook.stem}"} for notebook in report_notebooks()]
    chapters.append({"file": f"{corpus_name}/videos"})
    own = {"caption": f"Your corpus: {corpus_name}", "chapters": chapters}
    about = {"caption": "About this report", "chapters": [{"file": "about"}]}
    hidden = tuple(f"{name}/" for name in published if name not in (CURATION, RECOGNISED))
    others = [part for part in contents["parts"] if not any(one["file"].startswith(hidden) for one in part["chapters"])]
    return contents | {"parts": [own, about, *others]}


def publish(corpus_name: str) -> list[Path]:
    """Copy what was made of a corpus into the tracked folders and return the files that changed there.

    The index goes with the results. A published result stays where none of its name was made here; pages and media are
    replaced as a whole. Of a corpus without pages in the book, media are renewed that are there. One that the book does
    not publish is a ParameterError, a page that lacks a RunError.
    """
    allowed = list(dict.fromkeys([*published_corpora(), *corpora_with_results(), BENCHMARKS]))
    if corpus_name not in allowed:
        raise ParameterError(f"corpus: expected one that the book publishes, {', '.join(allowed)}, got {corpus_name!r}")
    book, pages = paths.home() / "book", paths.pages_dir(corpus_name)
    missing = [name for name in published_pages(corpus_name) if not (pages / name).exists()]
    if missing:
        raise RunError(f"{pages}: lacks {', '.join(missing)}; run `make report CORPUS={corpus_name}` first")
    changed = _copy(paths.working_results_dir(corpus_name), paths.published_results_dir(corpus_name))
    index = paths.corpus_dir(corpus_name) / "index.csv"
    if index.exists():
        changed += _copy_file(index, paths.published_results_dir(corpus_name) / index.name)
    if corpus_name == BENCHMARKS:
        return changed + _copy(pages, book)
    made, media = paths.media_dir(corpus_name), book / "_static" / "media" / corpus_name
    if corpus_name not in published_corpora():
        renewed = [path for path in sorted(media.glob("*")) if (made / path.name).exists()]
        return changed + [one for path in renewed for one in _copy_file(made / path.name, path)]
    changed += _copy(pages, book / corpus_name, is_whole=True)
    return changed + _copy(made, media, is_whole=True)


def _copy(source: Path, target: Path, *, is_whole: bool = False) -> list[Path]:
    """Copy the files that differ; return these, and those that were removed as the source has none of their name."""
    if not source.exists():
        return []
    names = {path.relative_to(source) for path in source.rglob("*") if path.is_file() and not path.name.startswith(".")}
    changed = [one for name in sorted(names) for one in _copy_file(source / name, target / name)]
    present = {path.relative_to(target) for path in target.rglob("*") if path.is_file()} if is_whole else set()
    for name in sorted(present - names):
        (target / name).unlink()
        changed.append(target / name)
    return changed


def _copy_file(source: Path, target: Path) -> list[Path]:
    content = source.read_bytes()
    if target.exists() and target.read_bytes() == content:
        return []
    files.write_bytes(target, content)
    return [target]
