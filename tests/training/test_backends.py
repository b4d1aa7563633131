"""TensorFlow and JAX train the same, on one device and on two, in 32 bits and in 16."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BACKENDS = ("tensorflow", "jax")
SCRIPT = Path(__file__).parents[1] / "helpers" / "backends.py"


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """What `backends.py` gives with each backend, both running side by side."""
    folders = {backend: tmp_path_factory.mktemp(backend) for backend in BACKENDS}
    processes = {
        backend: subprocess.Popen(
            [sys.executable, str(SCRIPT), str(folder)],
            env=os.environ | {"KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for backend, folder in folders.items()
    }
    found = {}
    for backend, process in processes.items():
        _, errors = process.communicate()
        assert process.returncode == 0, errors[-3000:]
        with np.load(folders[backend] / "arrays.npz") as stored:
            found[backend] = dict(stored)
    return found


def part(arrays, name):
    return {key.removeprefix(f"{name}/"): value for key, value in arrays.items() if key.startswith(f"{name}/")}


def assert_close(ours, theirs, tolerance=1e-4):
    assert ours
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.slow
def test_two_steps_are_the_same_with_both_backends(arrays):
    assert_close(part(arrays["tensorflow"], "segments"), part(arrays["jax"], "segments"), 1e-3)


@pytest.mark.slow
def test_two_epochs_are_the_same_with_both_backends(arrays):
    assert_close(part(arrays["tensorflow"], "default"), part(arrays["jax"], "default"))


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_two_devices_train_as_one(arrays, backend):
    assert_close(part(arrays[backend], "default"), part(arrays[backend], "two_devices"))


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_two_devices_recognise_as_one(arrays, backend):
    one, two = (arrays[backend][f"predicted/{number}"] for number in (1, 2))
    assert len(one) == 6
    np.testing.assert_allclose(two, one, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("case", ["default", "both"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_an_interrupted_training_has_the_same_history(arrays, backend, case):
    at_once, in_parts = (part(arrays[backend], f"{name}_{case}") for name in ("at_once", "in_parts"))
    assert at_once.keys() == in_parts.keys()
    assert len(at_once["loss"]) == 2
    for name, value in at_once.items():
        assert np.isfinite(value).all()
        np.testing.assert_array_equal(value, in_parts[name], err_msg=name)


@pytest.mark.slow
def test_every_architecture_gives_the_same_scores_with_both_backends(arrays):
    scores = part(arrays["tensorflow"], "output")
    assert {"han2016", "choi2016", "xception_audio", "efficientnet_lite0", "late_fusion_text"} <= scores.keys()
    for name, value in scores.items():
        np.testing.assert_allclose(value.sum(axis=-1), 1, atol=1e-5)
        assert value.max() < 0.999, f"{name} is saturated: nothing would be compared"
    assert_close(scores, part(arrays["jax"], "output"), 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_16_bits_compute_and_32_remember(arrays, backend):
    types = part(arrays[backend], "types/bfloat16")
    assert {name: value.tolist() for name, value in types.items()} == {
        "compute": "bfloat16",
        "output": "float32",
        "weights": ["float32"],
    }
    losses, exact = (arrays[backend][f"{name}/loss"] for name in ("bfloat16", "default"))
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(losses, exact, rtol=0.05)
    assert (losses != exact).any(), "nothing was computed in 16 bits"


@pytest.mark.slow
def test_only_jax_compiles_on_a_cpu(arrays):
    assert {backend: bool(arrays[backend]["jit_compile/default"]) for backend in BACKENDS} == {
        "tensorflow": False,
        "jax": True,
    }


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_devices_that_are_not_there_are_refused(arrays, backend):
    assert arrays[backend]["refused_3"] == "num_devices: expected a number that divides the batch size 4, got 3"
    assert arrays[backend]["refused_4"] == "num_devices: expected at most 2 (cpu:0, cpu:1), got 4"
