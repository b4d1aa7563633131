"""Files that are written whole or not at all, and what identifies their content."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import numpy as np

from instrec_utils.errors import StorageError

if TYPE_CHECKING:
    import pandas as pd

_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")  # Python gives foreign bytes as lone surrogates
# What damaged ones raise; a RuntimeError that they are encrypted.
_NO_ARCHIVE = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile)

_ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some space"),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), "make its folder writable"),
    errno.EFBIG: "allow larger files",
    errno.EIO: "look after the disk",
}


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what a disk that is full, damaged or read-only raises inside into a StorageError that says what to do."""
    try:
        yield
    except OSError as error:
        is_of_others = error.filename and not path.is_relative_to(Path(str(error.filename)).parent)
        if isinstance(error, StorageError) or is_of_others:
            raise
        number = error.errno
        if number not in _ADVICE:  # some tools tell of it as text only
            folder = next(folder for folder in path.absolute().parents if folder.exists())
            if shutil.disk_usage(folder).free:
                raise
            number = errno.ENOSPC
        reason, advice = os.strerror(number), f"{_ADVICE[number]}, then give the same command again, which carries on"
        raise StorageError(number, f"{path}: cannot be written ({reason}); {advice}") from error


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary file of the same suffix in the same folder, which is made where it is missing.

    On success it becomes `path`; on failure it is removed and `path` is as it was. If the disk is why, see `writing`.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o644)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: Path, waiting: str) -> Iterator[None]:
    """Let one process at a time do what is inside; the next one says what it is waiting for."""
    lock = filelock.FileLock(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            print(waiting, file=sys.stderr, flush=True)
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with whole(path) as temporary:
        temporary.write_bytes(content)


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV without its index, whole or not at all."""
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


def write_json(path: Path, content: Any) -> None:
    """Write content as JSON, whole or not at all; dataclasses become objects."""
    write_text(path, json.dumps(content, indent=1, default=_plain, allow_nan=False) + "\n")


def write_arrays(path: Path, **arrays: Any) -> None:
    """Write arrays as NumPy's archive, whole or not at all."""
    with whole(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return what `write_arrays` wrote; nothing where it is missing or damaged, as what is kept can be made again."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)
    except _NO_ARCHIVE:
        return {}


def is_whole_archive(path: Path) -> bool:
    """Tell whether a zip archive, such as a model of Keras, is there and all in it as it was written."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except _NO_ARCHIVE:
        return False


def escaped(name: str) -> str:
    """Return a file's name with bytes that are not UTF-8, control characters and backslashes in hexadecimal."""
    return _NOT_SHOWN.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", name)


def sha256_of(content: Any) -> str:
    """Return the sha256 of JSON-like content: the same for equal content, whatever the order of its keys."""
    return sha256_of_bytes(json.dumps(content, sort_keys=True, default=_plain).encode())


def sha256_of_bytes(content: bytes) -> str:
    """Return the sha256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"expected plain data, dataclasses or paths, got {type(value).__name__}")
