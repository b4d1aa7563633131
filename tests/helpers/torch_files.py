"""PyTorch checkpoints of both formats, good ones and others, written without PyTorch."""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict

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


def zipped(state, storages, compression=zipfile.ZIP_STORED, names=("archive/data.pkl",)):
    """The bytes of a file as PyTorch writes it since 1.6."""
    file, pickled = io.BytesIO(), io.BytesIO()
    OldPickler(pickled, 2).dump(state)
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name in names:
            archive.writestr(name, pickled.getvalue())
        for key, values in storages.items():
            archive.writestr(f"archive/data/{key}", values.tobytes())
        archive.writestr("archive/version", "3\n")
    return file.getvalue()
