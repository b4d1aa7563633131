"""Publishing: results, pages and media that were made here become those that git tracks. Nothing else writes them."""

from pathlib import Path

from instrec_utils import files, paths
from instrec_utils.errors import ParameterError, RunError
from instrec_utils.pipeline.book import published_corpora, published_pages

BENCHMARKS = "benchmarks"
"""What `make bench` measured is published like a corpus; its page stands among the book's own."""


def publish(corpus_name: str) -> list[Path]:
    """Copy what was made of a corpus into the tracked folders and return the files that changed there.

    The corpus' index goes with its results. A published result stays where none of its name was made here. Pages and
    media are replaced as a whole, so that none is left that belongs to others. A corpus that the book does not publish
    is a ParameterError, a page that was not made yet a RunError.
    """
    allowed = [*published_corpora(), BENCHMARKS]
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
    changed += _copy(pages, book / corpus_name, is_whole=True)
    changed += _copy(paths.media_dir(corpus_name), book / "_static" / "media" / corpus_name, is_whole=True)
    return changed


def _copy(source: Path, target: Path, *, is_whole: bool = False) -> list[Path]:
    """Copy the files that differ; return these, and those that were removed as the source has none of their name."""
    if not source.exists():
        return []
    names = {path.relative_to(source) for path in source.rglob("*") if path.is_file() and not path.name.startswith(".")}
    present = {path.relative_to(target) for path in target.rglob("*") if path.is_file()} if target.exists() else set()
    changed = []
    for name in sorted(names):
        changed += _copy_file(source / name, target / name)
    for name in sorted(present - names) if is_whole else ():
        (target / name).unlink()
        changed.append(target / name)
    return changed


def _copy_file(source: Path, target: Path) -> list[Path]:
    content = source.read_bytes()
    if target.exists() and target.read_bytes() == content:
        return []
    files.write_bytes(target, content)
    return [target]
