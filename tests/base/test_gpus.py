"""Which GPUs a process may use, and how workers of one machine share them."""

import os
from collections import Counter

import fake_gpus
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrec_utils import cluster

NAMES = ["NVIDIA H200", "NVIDIA H200", "NVIDIA A100 (80 GB)"]


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["0", "1", "2"]),
        ("2,0", ["2", "0"]),
        ("GPU-00000001", ["GPU-00000001"]),
        ("MIG-1-2", ["MIG-1-2"]),
        ("", []),
        ("-1", []),
        ("7", []),
    ],
)
def test_a_process_may_use_those_that_it_sees(tmp_path, monkeypatch, visible, expected):
    fake_gpus.install(tmp_path, monkeypatch, NAMES)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert list(cluster.gpus()) == expected
    if visible is None:
        assert list(cluster.gpus().values()) == NAMES


def test_without_a_driver_there_are_none(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert cluster.gpus() == {}


MACHINES = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), min_size=1, max_size=3)


@given(machines=MACHINES, each=st.integers(1, 3))
def test_workers_share_the_gpus_of_their_machine_evenly(machines, each):
    """Of each machine: how many GPUs it has, and how many workers."""
    gpus_of = {
        f"tcp://10.0.0.{machine}:{4000 + worker}": [str(number) for number in range(num_gpus)]
        for machine, (num_gpus, num_workers) in enumerate(machines)
        for worker in range(num_workers)
    }
    shares = cluster.share_gpus(gpus_of, each)
    assert {address: len(own) for address, own in shares.items()} == {
        address: min(each, len(own)) for address, own in gpus_of.items()
    }
    for machine, (num_gpus, _) in enumerate(machines):
        users = Counter(gpu for address, own in shares.items() if f".{machine}:" in address for gpu in own)
        assert max(users.values(), default=0) - min(users.values(), default=0) <= 1 or len(users) < num_gpus
        if users and len(users) < num_gpus:
            assert max(users.values()) == 1  # nobody shares while one is free


def test_workers_whose_gpus_were_chosen_keep_them():
    rotated = {"tcp://a:1": ["0", "1"], "tcp://a:2": ["1", "0"], "tcp://b:1": ["1"]}
    assert cluster.share_gpus(rotated, 1) == {"tcp://a:1": ["0"], "tcp://a:2": ["1"], "tcp://b:1": ["1"]}


@pytest.mark.parametrize("before", [None, "3"])
def test_what_is_seen_is_as_before_afterwards(monkeypatch, before):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if before:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", before)
    with cluster.limited_to(["1", "2"]):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "1,2"
    with cluster.limited_to([]):
        assert os.environ.get("CUDA_VISIBLE_DEVICES") == before
    assert os.environ.get("CUDA_VISIBLE_DEVICES") == before
