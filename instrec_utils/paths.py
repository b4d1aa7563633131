"""Where things are kept, found from anywhere in a checkout.

The home is ``INSTREC_HOME`` if set, else the checkout that the package was installed from, else the current
folder. ``INSTREC_DATA`` moves the corpora and features elsewhere.
"""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Return the checkout's root."""
    if "INSTREC_HOME" in os.environ:
        return Path(os.environ["INSTREC_HOME"])
    checkout = Path(__file__).resolve().parents[1]
    return checkout if (checkout / "_toc.yml").exists() else Path.cwd()


def data_dir() -> Path:
    """Return the folder of corpora, features and embeddings."""
    return Path(os.environ["INSTREC_DATA"]) if "INSTREC_DATA" in os.environ else home() / "data"


def runs_dir(corpus: str) -> Path:
    """Return the folder of a corpus' training runs: checkpoints and histories."""
    return home() / "runs" / corpus


def results_dir(corpus: str) -> Path:
    """Return the folder of a corpus' results: one JSON and one table of predictions a run."""
    return home() / "results" / corpus


def results_dirs(name: str) -> tuple[Path, Path]:
    """Return the folders of a corpus' results in the order to read them: working, published.

    A run that is found in the first hides the same run in the second.
    """
    return runs_dir(name) / "results", home() / "results" / name


def media_dir(name: str) -> Path:
    """Return the folder of the working pictures and clips that a corpus' pages show."""
    return runs_dir(name) / "media"
