"""The benchmark of accelerators, at sizes that a processor can do; what it compares with is the same network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HOME = Path(__file__).resolve().parents[2]
BENCHMARKS = HOME / "benchmarks"
HELPERS = HOME / "tests" / "helpers"
TOLERANCE = {"efficientnet_lite0": 1e-2, "xception_audio": 1e-2}  # of sums over many layers


def run(script, *options, cwd):
    path = os.pathsep.join(map(str, (HOME, BENCHMARKS, HELPERS)))
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    environment |= {"PYTHONPATH": path, "INSTREC_HOME": str(cwd)}
    command = [sys.executable, str(script), *map(str, options)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_every_network_is_the_same_in_plain_jax(tmp_path):
    run(HELPERS / "plain_networks.py", tmp_path, cwd=tmp_path)
    with np.load(tmp_path / "arrays.npz") as arrays:
        names = {name.partition("/")[2] for name in arrays}
        assert {
            "as_inception",
            "han2016",
            "choi2016",
            "xception_audio",
            "efficientat_mn04",
            "efficientnet_lite0",
        } < names
        assert {"fusion_text", "fusion_attention"} < names
        for name in names:
            tolerance = TOLERANCE.get(name.removesuffix("_scores"), 1e-3)
            ours, theirs = arrays[f"plain/{name}"], arrays[f"keras/{name}"]
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, err_msg=name)
            assert name.endswith("_scores") or theirs[0] != theirs[1], f"{name} has not learned"


@pytest.mark.slow
def test_networks_that_are_measured_one_after_the_other_have_every_number_in_one_file(tmp_path):
    names = ["han2016", "late_fusion"]
    for name in reversed(names):
        said = run(BENCHMARKS / "accelerator.py", "--tiny", "--networks", name, cwd=tmp_path)
    (path,) = tmp_path.rglob("accelerator*.json")
    assert path == tmp_path / "runs" / "benchmarks" / "accelerator-tiny.json"  # not among what may be published
    found = json.loads(path.read_text())
    assert said.endswith(f"in {path}\n")
    assert found["is_tiny"]
    assert not found["is_accelerated"]
    assert found["backend"] == "jax"
    assert list(found["networks"]) == names
    for name in names:
        for precision in ("float32", "mixed_bfloat16"):
            row = found["networks"][name][precision]
            assert row["batch_size"] == 2
            assert row["starvation"] > 0
            assert {"commit", "measured", "load_average"} < set(row)
            for kind in ("keras", "plain_jax"):
                assert row["samples_a_second"][kind] > 0
                assert 0 < row["share_of_peak"]["measured"][kind] < 1
            ratio = row["samples_a_second"]["keras"] / row["samples_a_second"]["plain_jax"]
            assert row["keras_over_plain_jax"] == pytest.approx(ratio)
    assert found["peak"]["float32"]["declared"] is None
