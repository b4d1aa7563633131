"""What a training step of the paper's networks takes at the paper's sizes: time, memory, and the file that is kept.

``python benchmarks/paper_rows.py``, some minutes on two cores; no corpus is needed, as a step costs the same whatever
it is given. The time is the processor's, which other work on the machine hardly disturbs. Writes
``runs/benchmarks/results/paper_rows.json`` and, from it, the book's page of what the paper's own data takes.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import paper_rows_page
from measuring import peak_bytes

from instrec_utils import files, models, paths, provenance
from instrec_utils.models import choi2016, inception_frames
from instrec_utils.training import fit

NUM_CLASSES = 12  # FCVID's
STEPS = 2  # measured, after the first, which compiles
_JOINED = {"frame_features": inception_frames.EMBEDDING_SIZE, "audio_features": choi2016.EMBEDDING_SIZE}
NETWORKS: dict[str, dict[str, Any]] = {
    "inception_frames": {"weights": None},
    "han2016": {},
    "choi2016": {},
    "late_fusion, 20 frames": {"num_frames": 20, **_JOINED},
    "late_fusion, 50 frames": {"num_frames": 50, **_JOINED},
    "xception_audio": {},
}


def measure(name: str) -> dict[str, Any]:
    """Train a network of `NETWORKS` for a few steps, in a process of its own, on random examples."""
    model_name = name.partition(",")[0]
    protocol = models.architecture_named(model_name).protocols["paper"]
    model = models.build(model_name, NUM_CLASSES, **NETWORKS[name])
    model.compile(fit.make_optimizer(protocol), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    generator = np.random.default_rng(0)
    examples = {
        one.name: generator.random((protocol.batch_size, *one.shape[1:]), dtype=np.float32) for one in model.inputs
    }
    inputs = examples if len(examples) > 1 else next(iter(examples.values()))
    targets, times = generator.integers(0, NUM_CLASSES, protocol.batch_size), [time.process_time()]
    for _ in range(1 + STEPS):
        model.train_on_batch(inputs, targets)
        times.append(time.process_time())
    with tempfile.TemporaryDirectory() as folder:
        model.save(kept := Path(folder) / "kept.keras")
        kept_bytes = kept.stat().st_size
    return {
        "batch_size": protocol.batch_size,
        "cpu_seconds_a_step": statistics.median(np.diff(times)[1:]),
        "peak_bytes": peak_bytes(),
        "kept_bytes": kept_bytes,
        "num_parameters": model.count_params(),
    }


def main() -> None:
    """Measure each network, write the result so far, and at last the page."""
    measured: dict[str, Any] = {}
    for name in NETWORKS:  # a process each, whose peak is the network's own
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            measured[name] = pool.submit(measure, name).result() | {"load_average": os.getloadavg()[0]}
        print(f"{name}: {measured[name]['cpu_seconds_a_step']:.2f} s of a core a step", flush=True)
        content = {
            "networks": measured,
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": provenance.commit(),
            "versions": provenance.versions(),
            "device": provenance.device(),
        }
        files.write_json(paths.working_results_dir("benchmarks") / "paper_rows.json", content)
    print(f"in {paper_rows_page.write_page()}")


if __name__ == "__main__":
    main()
