"""What a report computes on: its first line says it, and what cannot work is refused before anything starts."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from instrec_utils import cluster, provenance
from instrec_utils.corpora import Corpus
from instrec_utils.errors import InstrecError, ParameterError
from instrec_utils.training.run import one_of
from instrec_utils.training.runs import runs_of

BACKENDS = {"tensorflow": "TensorFlow", "jax": "JAX"}
ASKED = """
import json, keras
from instrec_utils import provenance
print(json.dumps([provenance.accelerators(), len(keras.distribution.list_devices())]))
"""


def describe(every: Sequence[Mapping[str, Any]], *, needs_gpu: bool = False) -> str:
    """Return what the runs of these reports' parameters compute on, and in a second line a GPU that is not used.

    A backend that is unknown or not installed, a precision that is unknown, more devices than there are or a number of
    them that does not divide a batch, or no GPU where one is needed, is a ParameterError.
    """
    backend = one_of("backend", os.environ.get("KERAS_BACKEND") or "tensorflow", BACKENDS)
    title = BACKENDS[backend]
    if importlib.util.find_spec(backend) is None:
        raise ParameterError(f"backend: {title} is not installed; `make setup` installs it")
    corpus, unseen = _nothing(), {"photographs": "", "rotation": 0}  # photographs and parts are looked for later
    runs = [run for parameters in every for run in runs_of(corpus, {**parameters, **unseen}).values()]
    for run in runs:
        run.hardware.check_batch(run.protocol.batch_size)
    most = max(run.hardware.num_devices for run in runs)
    gpus = cluster.gpus()
    accelerators, num_devices = _ask(backend) if gpus or most > 1 else ([], 1)
    if needs_gpu and not accelerators:
        installs = f"{title} cannot use {_listed(gpus.values())}: `make setup CUDA=1` installs what it takes"
        raise ParameterError(f"CUDA=1: {installs if gpus else 'no NVIDIA GPU is to be seen here'}")
    if most > num_devices:
        names = _listed(accelerators) or provenance.processor()
        raise ParameterError(f"num_devices: expected at most {num_devices} ({names}), got {most}")
    precisions = " and ".join(sorted({run.hardware.precision for run in runs}))
    used = _listed(accelerators[:most]) or provenance.processor()
    left = f", of {len(accelerators)} accelerators" if len(accelerators) > most else ""
    line = f"computing with {title} in {precisions} on {used}{left}"
    if gpus and not accelerators:
        line += f"\nnot used: {_listed(gpus.values())}; `make setup CUDA=1` installs what {title} needs for it"
    return line


def _nothing() -> Corpus:
    return Corpus("nothing", "", Path(), Path(), pd.DataFrame({"video_id": [], "label": [], "split": []}))


def _ask(backend: str) -> tuple[list[str], int]:
    """Return the names of the accelerators that the backend sees, and of how many devices, of the CPU if it sees none.

    A process of its own asks: one that has asked holds memory of an accelerator until it ends.
    """
    command = [sys.executable, "-P", "-c", ASKED]
    done = subprocess.run(command, env=os.environ | {"KERAS_BACKEND": backend}, capture_output=True, text=True)
    if done.returncode:
        raise InstrecError(f"{BACKENDS[backend]} cannot start: {done.stderr.strip().splitlines()[-1:]}")
    accelerators, num_devices = json.loads(done.stdout.splitlines()[-1])
    return accelerators, num_devices


def _listed(names: Any) -> str:
    return ", ".join(names)
