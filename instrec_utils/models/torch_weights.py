"""Read the tensors of a PyTorch checkpoint without PyTorch, and without Python's unpickler, which calls what it reads.

A checkpoint is a pickled dictionary of tensors that refer to storages by key, and the storages. PyTorch has written two
formats. Before 1.6: three small pickles (magic number, protocol, system), the dictionary, the pickled list of keys,
then each storage as an int64 count and its values. Since then: a zip archive of uncompressed parts, ``data.pkl`` the
dictionary and ``data/<key>`` the values of a storage.

Such a dictionary takes two dozen of a pickle's operations and a handful of names, all of which make plain data. They
are done here, every other is refused, so nothing in a file can call anything.
"""

import io
import math
import pickletools
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
_DAMAGE = (
    *(EOFError, ValueError, TypeError, AttributeError, LookupError, OverflowError, MemoryError, RuntimeError, OSError),
    zipfile.BadZipFile,
)
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}
_ORDERED_DICT, _REBUILD = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"

_VALUES = {"BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE"}
_NEW: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_NEW |= {"NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Storage(NamedTuple):
    dtype: np.dtype
    key: str


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a checkpoint by name, float32 or int64, read-only, shapes as stored.

    Those of convolutions are [shape=(out, in, height, width)]. A file of another format, damaged, or that refers to
    anything but tensors is a ValueError.
    """
    with Path(path).open("rb") as file:
        try:
            is_zip = file.read(2) == b"PK"
            file.seek(0)
            state, storages = _read_zip(file) if is_zip else _read_old(file)
            return {name: _view(storages[tensor.storage.key], tensor) for name, tensor in state.items()}
        except _DAMAGE as error:
            raise ValueError(f"{path}: damaged, or not a plain PyTorch checkpoint: {error}") from error


def to_keras(tensors: list[np.ndarray], weights: list[Any]) -> list[np.ndarray]:
    """Return tensors as the weights of a Keras model, which are in the same order and tell the shapes, have them.

    Of a convolution PyTorch has [shape=(out, in, height, width)], Keras [shape=(height, width, in, out)], or, where it
    is depthwise, [shape=(height, width, out, 1)].
    """

    def turned(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        if values.ndim < 4:
            return values.T
        kernel = values.transpose(2, 3, 1, 0)
        return kernel if kernel.shape == shape else kernel.swapaxes(2, 3)

    return [turned(values, tuple(weight.shape)) for values, weight in zip(tensors, weights, strict=True)]


def _read_old(file: BinaryIO) -> tuple[dict[str, _Tensor], dict[str, np.ndarray]]:
    magic, _protocol, _system, state = (_unpickle(file) for _ in range(4))
    if magic != MAGIC:
        raise ValueError("its first number is another one")
    dtypes = {tensor.storage.key: tensor.storage.dtype for tensor in state.values()}
    return state, {key: _read_storage(file, dtypes[key]) for key in _unpickle(file)}


def _read_storage(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    count = int(np.frombuffer(file.read(8), "<i8")[0])
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise EOFError("a storage ends early")
    return np.frombuffer(data, dtype)


def _read_zip(file: BinaryIO) -> tuple[dict[str, _Tensor], dict[str, np.ndarray]]:
    size = file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file) as archive:
        parts = archive.infolist()
        if any(part.compress_type for part in parts) or sum(part.file_size for part in parts) > size:
            raise ValueError("its parts are compressed or larger than the file")
        pickles = [part.filename for part in parts if part.filename.endswith("data.pkl")]
        if len(pickles) != 1:
            raise ValueError(f"expected one part named data.pkl, got {len(pickles)}")
        state = _unpickle(io.BytesIO(archive.read(pickles[0])))
        folder = pickles[0].removesuffix(".pkl")
        # The names of parts are only looked up, nothing is unpacked.
        needed = {tensor.storage for tensor in state.values()}
        return state, {key: np.frombuffer(archive.read(f"{folder}/{key}"), dtype) for dtype, key in needed}


def _unpickle(file: BinaryIO) -> Any:
    """Return what a pickle makes of numbers, text, tuples, lists, dictionaries with text as keys, and tensors."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def taken(first: int) -> list[Any]:
        items = stack[first:]
        del stack[first:]
        return items

    argument: Any
    for opcode, argument, _ in pickletools.genops(file):
        name = opcode.name
        if name in _VALUES:
            stack.append(argument)
        elif name in _NEW:
            stack.append(_NEW[name]())
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "TUPLE" or name in _TUPLES:
            stack.append(tuple(taken(len(stack) - _TUPLES[name] if name in _TUPLES else marks.pop())))
        elif name in ("APPEND", "APPENDS"):
            items = taken(marks.pop() if name == "APPENDS" else len(stack) - 1)
            stack[-1].extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = taken(marks.pop() if name == "SETITEMS" else len(stack) - 2)
            if not all(isinstance(key, str) for key in items[::2]):
                raise ValueError("refused a key that is no text")
            stack[-1].update(zip(items[::2], items[1::2], strict=True))
        elif name == "GLOBAL":
            stack.append(_named(argument))
        elif name == "BINPERSID":
            stack.append(_storage(stack.pop()))
        elif name == "REDUCE":
            stack.append(_made(*taken(len(stack) - 2)))
        elif name == "BUILD":  # the versions of layers, as an attribute of the dictionary
            stack.pop()
        elif name not in ("PROTO", "STOP"):
            raise ValueError(f"refused the operation {name}")
    return stack.pop()


def _named(name: str) -> Any:
    module, _, member = name.partition(" ")
    if name in (_ORDERED_DICT, _REBUILD) or (module == "torch" and member in _DTYPES):
        return _DTYPES.get(member, name)
    raise ValueError(f"refused {module}.{member}: only tensors of float32 and int64 are read")


def _storage(reference: Any) -> _Storage:
    kind, dtype, key, *_ = reference
    if kind != "storage" or not isinstance(dtype, np.dtype) or not isinstance(key, str):
        raise ValueError("refused a reference to something else than a storage")
    return _Storage(dtype, key)


def _made(name: Any, arguments: Any) -> Any:
    """Return what the call of one of the two functions of a checkpoint gives."""
    if isinstance(name, str) and name == _ORDERED_DICT and arguments == ():
        return {}
    if isinstance(name, str) and name == _REBUILD and isinstance(arguments[0], _Storage):
        return _Tensor(*arguments[:4])
    raise ValueError("refused a call: only tensors and dictionaries are made")


def _view(storage: np.ndarray, tensor: _Tensor) -> np.ndarray:
    """Return the tensor's values; where it begins and ends is checked, as shape and strides are foreign."""
    reach = [(size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True)]
    first = tensor.offset + sum(step for step in reach if step < 0)
    last = tensor.offset + sum(step for step in reach if step > 0)
    if min(tensor.shape, default=1) <= 0 or math.prod(tensor.shape) > storage.size:
        raise IndexError("a tensor has no values, or more than its storage")
    if not 0 <= first <= last < storage.size:
        raise IndexError(f"a tensor reaches from {first} to {last} in a storage of {storage.size} values")
    strides = [step * storage.itemsize for step in tensor.strides]
    return np.lib.stride_tricks.as_strided(storage[tensor.offset :], tensor.shape, strides, writeable=False)
