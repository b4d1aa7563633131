"""What the benchmarks measure is what they say, and what they write loses nothing that was measured before."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from instrec_utils import models
from instrec_utils.models import choi2016, xception_audio

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
HELD_BYTES = 10**9


@pytest.fixture
def benchmark(monkeypatch):
    """Import a module of the folder benchmarks by its name."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield __import__
    for path in BENCHMARKS.glob("*.py"):
        sys.modules.pop(path.stem, None)


@pytest.fixture
def held():
    """Memory that this process holds while it starts others."""
    return np.ones(HELD_BYTES, np.uint8)


def test_the_peak_of_a_process_is_its_own_whatever_held_the_one_that_started_it(held):
    command = [sys.executable, "-c", "import measuring; print(measuring.peak_bytes())"]
    done = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert 10**6 < int(done.stdout) < len(held) / 4


def test_a_joined_vector_is_as_long_as_the_networks_give_it(benchmark):
    embedding = models.build("choi2016", 2).get_layer("embedding")
    joined = benchmark("paper_rows").NETWORKS["late_fusion, 20 frames"]
    assert joined["audio_features"] == embedding.units == choi2016.EMBEDDING_SIZE == xception_audio.EMBEDDING_SIZE
    assert joined["frame_features"] == models.architecture_named("inception_frames").embedding_size


@pytest.mark.slow
def test_the_peak_of_an_extractions_workers_is_their_own(benchmark, held, videos, tmp_path, capsys):
    benchmark("extraction").print_peaks(videos["both"], 2, tmp_path)
    peaks = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert peaks["errors"] == 0
    assert 10**8 < peaks["worker"] < len(held) < peaks["main"]
