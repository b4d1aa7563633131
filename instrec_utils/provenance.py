"""Where a number comes from: versions, commit, device, and the identity of an index."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from instrec_utils import cluster, files

PACKAGES = ("instrec", "keras", "tensorflow", "librosa", "av", "numpy", "scikit-learn", "moviepy")


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that a result depends on."""
    return {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}


def commit() -> str:
    """Return the commit of the package's checkout, with "+" if packages or benchmarks differ from it.

    It is "unknown" outside git. The repository of another project, in which the checkout was unpacked, is not its own.
    """
    checkout = Path(__file__).resolve().parents[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def git(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["git", "-C", checkout, *command], capture_output=True, text=True, env=environment)

    try:
        top, head = git("rev-parse", "--show-toplevel"), git("rev-parse", "--short=12", "HEAD")
    except OSError:  # no git
        return "unknown"
    if top.returncode or head.returncode or Path(top.stdout.rstrip("\n")).resolve() != checkout:
        return "unknown"
    changed = git("diff", "--quiet", "HEAD", "--", "instrec_utils", "instrec_corpora", "benchmarks").returncode
    return head.stdout.strip() + ("+" if changed else "")


def device() -> str:
    """Return what the training ran on, in words."""
    return "; ".join(filter(None, [", ".join(accelerators()), processor()]))


def processor() -> str:
    """Return the processor in words."""
    return f"CPU, {cluster.num_cores()} cores"


def accelerators() -> list[str]:
    """Return what the accelerators are called that Keras' backend computes on; none where it has the processor only."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return [one.device_kind for one in jax.devices() if one.platform != "cpu"]
    if keras.backend.backend() == "tensorflow":
        import tensorflow

        every = tensorflow.config.list_physical_devices("GPU")
        return [tensorflow.config.experimental.get_device_details(one).get("device_name", one.name) for one in every]
    return [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]


def index_sha256(index: pd.DataFrame) -> str:
    """Return the sha256 of what a result depends on in an index: ids, labels and splits, in order of id."""
    rows = index[["video_id", "label", "split"]].sort_values("video_id").to_csv(index=False, lineterminator="\n")
    return files.sha256_of_bytes(rows.encode())
