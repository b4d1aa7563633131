"""What a report computes on is said first, and what cannot work is refused before anything starts."""

import sys
from pathlib import Path

import fake_gpus
import pytest
from distributed import LocalCluster

from instrec_utils import paths
from instrec_utils.errors import InstrecError
from instrec_utils.models.hardware import Hardware
from instrec_utils.pipeline import computing, grid
from instrec_utils.pipeline.grid import Experiment

LISTS = sorted((paths.home() / "params" / "tables").glob("*.yaml"))
HELPERS = Path(__file__).parents[1] / "helpers"
SHARED = {"num_devices": 2, "precision": "mixed_bfloat16"}


@pytest.fixture(autouse=True)
def _a_processor_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(computing.cluster, "num_cores", lambda: 4)
    monkeypatch.setattr("instrec_utils.training.run.fastest", lambda: Hardware("float32"))


def asked(monkeypatch, accelerators, num_devices):
    monkeypatch.setattr(computing, "_ask", lambda _: (accelerators, num_devices))


def test_a_processor_is_told_without_asking_a_backend(monkeypatch):
    monkeypatch.setattr(computing, "_ask", lambda _: pytest.fail("took seconds"))
    assert computing.describe([{}]) == "computing with TensorFlow in float32 on CPU, 4 cores"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert computing.describe([{}]) == "computing with JAX in float32 on CPU, 4 cores"


def test_accelerators_are_told_by_name_with_those_that_are_left(tmp_path, monkeypatch):
    names = ["NVIDIA H200"] * 3
    fake_gpus.install(tmp_path, monkeypatch, names)
    asked(monkeypatch, names, 3)
    told = computing.describe([{}, SHARED], needs_gpu=True)
    assert told == (
        "computing with TensorFlow in float32 and mixed_bfloat16 on NVIDIA H200, NVIDIA H200, of 3 accelerators"
    )


def test_a_gpu_that_is_not_used_is_told(tmp_path, monkeypatch):
    fake_gpus.install(tmp_path, monkeypatch, ["NVIDIA H200"])
    asked(monkeypatch, [], 1)
    first, second = computing.describe([{}]).splitlines()
    assert first == "computing with TensorFlow in float32 on CPU, 4 cores"
    assert second == "not used: NVIDIA H200; `make setup CUDA=1` installs what TensorFlow needs for it"
    message = "CUDA=1: TensorFlow cannot use NVIDIA H200: `make setup CUDA=1` installs what it takes"
    with pytest.raises(InstrecError, match=message):
        computing.describe([{}], needs_gpu=True)


@pytest.mark.parametrize(
    ("backend", "parameters", "message"),
    [
        ("numpy", {}, r"backend: expected one of tensorflow, jax, got 'numpy'"),
        ("jax", {"precision": "float16"}, "precision: expected one of auto, float32, .*, got 'float16'"),
        ("jax", {"num_devices": 2}, r"num_devices: expected at most 1 \(CPU, 4 cores\), got 2"),
        ("jax", {"num_devices": 3}, "num_devices: expected a number that divides the batch size .*, got 3"),
        ("jax", {"audio_model": "none"}, "audio: expected one of .*, got 'none'"),
    ],
)
def test_what_cannot_work_is_one_line(monkeypatch, backend, parameters, message):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    asked(monkeypatch, [], 1)
    with pytest.raises(InstrecError, match=message) as refused:
        computing.describe([{}, parameters])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.stem)
def test_every_list_of_experiments_can_be_described_before_its_corpus_is_there(path):
    experiments = grid.read_experiments(path.stem, {})
    told = computing.describe([one.parameters for one in experiments])
    assert told.startswith("computing with TensorFlow in ")


def test_no_gpu_and_no_backend_are_one_line(monkeypatch):
    with pytest.raises(InstrecError, match="CUDA=1: no NVIDIA GPU is to be seen here"):
        computing.describe([{}], needs_gpu=True)
    monkeypatch.setattr(computing.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InstrecError, match="backend: TensorFlow is not installed; `make setup` installs it"):
        computing.describe([{}])


@pytest.mark.slow
def test_a_backend_is_asked_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert computing.describe([SHARED]) == "computing with JAX in mixed_bfloat16 on CPU, 4 cores"
    with pytest.raises(InstrecError, match=r"num_devices: expected at most 2 \(CPU, 4 cores\), got 4"):
        computing.describe([{"num_devices": 4}])


@pytest.mark.slow
@pytest.mark.parametrize(("num_devices", "expected"), [(1, {"0", "1"}), (2, {"0,1"})])
def test_each_worker_of_a_scheduler_has_gpus_of_its_own(tmp_path, monkeypatch, num_devices, expected):
    fake_gpus.install(tmp_path, monkeypatch, ["NVIDIA H200", "NVIDIA H200"])
    options = {"threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50, "resources": {"GPU": 1}}
    with LocalCluster(n_workers=2, preload=[str(HELPERS / "tell_gpus.py")], **options) as local:
        waiting = [Experiment("03_visual_model", {"seed": seed, "num_devices": num_devices}) for seed in range(4)]
        told = grid._execute_on(local.scheduler_address, waiting, "test", {"GPU": 1})
    assert {str(error) for error in told} == expected
    assert len(told) == 4
