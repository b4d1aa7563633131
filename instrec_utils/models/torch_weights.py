"""Read the tensors of a PyTorch checkpoint without PyTorch and without executing its pickle.

The checkpoint is of the format that PyTorch wrote before 1.6: three small pickles (magic number, protocol,
system), the pickled state dictionary in which tensors refer to storages by key, the pickled list of keys, then
each storage as an int64 count and its values. The unpickler below knows the three harmless names that such a
dictionary needs and refuses every other, so nothing in the file can call anything.
"""

from collections import OrderedDict
from pathlib import Path
from pickle import Unpickler, UnpicklingError
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
_DAMAGE = (UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError, OverflowError, MemoryError)
_DTYPES = {"FloatStorage": np.dtype("<f4"), "LongStorage": np.dtype("<i8")}


class _Tensor(NamedTuple):
    storage: tuple[np.dtype, str]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: Any = None
    hooks: Any = None


class _Unpickler(Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise UnpicklingError(f"refused {module}.{name}: only tensors of float32 and int64 are read")

    def persistent_load(self, pid: Any) -> tuple[np.dtype, str]:
        kind, dtype, key, *_ = pid
        if kind != "storage" or not isinstance(dtype, np.dtype):
            raise UnpicklingError(f"refused a reference of kind {kind!r}: only storages are read")
        return dtype, key


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a checkpoint by name, float32 or int64, shapes as stored.

    Those of convolutions are [shape=(out, in, height, width)]. A file of another format, damaged, or that refers to
    anything but tensors is a ValueError.
    """
    try:
        with Path(path).open("rb") as file:
            magic, _protocol, _system, state = (_Unpickler(file).load() for _ in range(4))
            if magic != MAGIC:
                raise ValueError("its first number is another one")
            dtypes = {tensor.storage[1]: tensor.storage[0] for tensor in state.values()}
            storages = {key: _read_storage(file, dtypes[key]) for key in _Unpickler(file).load()}
        return {name: _view(storages[tensor.storage[1]], tensor) for name, tensor in state.items()}
    except _DAMAGE as error:
        raise ValueError(f"{path}: damaged, or not a plain PyTorch checkpoint: {error}") from error


def _read_storage(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    count = int(np.frombuffer(file.read(8), "<i8")[0])
    data = file.read(count * dtype.itemsize)
    if len(data) != count * dtype.itemsize:
        raise EOFError("a storage ends early")
    return np.frombuffer(data, dtype)


def _view(storage: np.ndarray, tensor: _Tensor) -> np.ndarray:
    """Return the tensor's values; every index is checked against the storage, as shape and strides are foreign."""
    index = np.full(tensor.shape, tensor.offset, np.int64)
    for axis, stride in zip(np.indices(tensor.shape, sparse=True), tensor.strides, strict=True):
        index += axis * stride
    if index.size and index.min() < 0:
        raise IndexError(f"a tensor begins {-index.min()} values before its storage")
    return storage[index]
