"""Where things are kept, found from anywhere in a checkout.

The home is ``INSTREC_HOME`` if set, else the checkout that the package was installed from, else the current
folder. ``INSTREC_DATA`` moves the corpora and features elsewhere. With ``INSTREC_RESULTS=published`` pages show the
published results alone, and nothing is trained or measured for them.
"""

import os
import re
from pathlib import Path

from instrec_utils.errors import ParameterError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def home() -> Path:
    """Return the checkout's root."""
    if named := os.environ.get("INSTREC_HOME"):
        return Path(named)
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "_toc.yml").exists() else Path.cwd()


def data_dir() -> Path:
    """Return the folder of corpora, features and embeddings."""
    return Path(os.environ.get("INSTREC_DATA") or home() / "data")


def from_here(path: str) -> str:
    """Return a path, relative to the current folder or to the home of ``~``, as an absolute one; empty stays empty."""
    return str(Path(os.path.expanduser(path)).absolute()) if path else ""  # Path's own refuses a folder called ~old


def check_name(corpus_name: str) -> str:
    """Return the name of a corpus; `ParameterError` unless it can be a folder's everywhere and leads out of none."""
    if not isinstance(corpus_name, str) or not _NAME.fullmatch(corpus_name):
        rule = "1 to 64 letters (a to z), digits, '-', '_' and '.', the first a letter or a digit"
        raise ParameterError(f"corpus: expected {rule}; got {corpus_name!r}")
    return corpus_name


def corpus_dir(corpus_name: str) -> Path:
    """Return the folder of a corpus: its index, features and, if they are staged, its videos."""
    return data_dir() / check_name(corpus_name)


def runs_dir(corpus_name: str) -> Path:
    """Return the folder of all that working with a corpus makes: runs, results, pages, media. Git does not track it."""
    return home() / "runs" / check_name(corpus_name)


def working_results_dir(corpus_name: str) -> Path:
    """Return the folder of the results that were made here: one JSON and one table of predictions a run."""
    return runs_dir(corpus_name) / "results"


def published_results_dir(corpus_name: str) -> Path:
    """Return the folder of the published results, which git tracks.

    Publishing writes there, and so do the benchmarks of the recogniser: recognise, train_heads, train_ears, elsewhere.
    """
    return home() / "results" / check_name(corpus_name)


def is_of_published() -> bool:
    """Tell whether pages are made of the published results alone."""
    return os.environ.get("INSTREC_RESULTS") == "published"


def results_dirs(corpus_name: str) -> tuple[Path, Path]:
    """Return the folders of a corpus' results in the order in which they are looked at: made here, then published."""
    published = published_results_dir(corpus_name)
    return published if is_of_published() else working_results_dir(corpus_name), published


def pages_dir(corpus_name: str) -> Path:
    """Return the folder of a corpus' pages that were made here."""
    return runs_dir(corpus_name) / "pages"


def media_dir(corpus_name: str) -> Path:
    """Return the folder of the clips and pictures that the pages made here show."""
    return runs_dir(corpus_name) / "media"
