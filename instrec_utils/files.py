"""Files that are written whole or not at all, and what identifies their content."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")  # Python gives foreign bytes as lone surrogates


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary file of the same suffix in the same folder, which is made where it is missing.

    On success it becomes `path`; on failure, of the disk too, it is removed and `path` is as it was.
    """
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
