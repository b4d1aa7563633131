"""Where a number comes from: versions, commit, device, and the identity of an index."""

import platform
import subprocess
from importlib.metadata import version

import pandas as pd

from instrec_utils import cluster, files, paths

PACKAGES = ("instrec", "keras", "tensorflow", "librosa", "av", "numpy", "scikit-learn", "moviepy")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def commit() -> str:
    """Return the checkout's commit, with "+" if files of the package differ from it; "unknown" outside git."""
    git = ["git", "-C", str(paths.home())]
    try:
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "diff", "--quiet", "HEAD", "--", "instrec_utils", "instrec_corpora"])
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head.stdout.strip() + ("+" if changed.returncode else "")


def device() -> str:
    """Return what the training ran on, in words."""
    import keras

    accelerators = [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]
    cores = f"CPU, {cluster.num_cores()} cores"
    return f"{', '.join(accelerators)}; {cores}" if accelerators else cores


def index_sha256(index: pd.DataFrame) -> str:
    """Return the sha256 of what a result depends on in an index: ids, labels and splits, in order of id."""
    rows = index[["video_id", "label", "split"]].sort_values("video_id").to_csv(index=False, lineterminator="\n")
    return files.sha256_of_bytes(rows.encode())
