"""What the benchmarks share: the memory that a process held, and files of results that measurements add to."""

from __future__ import annotations

import json
import re
import resource
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from instrec_utils import paths

STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Return the most memory that this process ever held.

    On Linux ``ru_maxrss`` would begin at what the process held that started this one, even if it was started anew.
    """
    if STATUS.exists():
        return 1024 * int(re.findall(r"VmHWM:\s+(\d+)", STATUS.read_text())[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS gives it in bytes


def output(name: str, is_tiny: bool = False) -> Path:
    """Return the file of a measurement; that of a tiny one, which shows nothing, lies where it is never published."""
    if is_tiny:
        return paths.runs_dir("benchmarks") / f"{name}-tiny.json"
    return paths.working_results_dir("benchmarks") / f"{name}.json"


def read_earlier(path: Path) -> dict[str, Any]:
    """Return what a measurement adds to: what its file holds, else the published one of that name, else nothing."""
    for one in (path, paths.published_results_dir("benchmarks") / path.name):
        if one.exists():
            return json.loads(one.read_text(encoding="utf-8"))
    return {}


def with_origin(rows: dict[str, dict], content: dict[str, Any], names: Iterable[str]) -> dict[str, dict]:
    """Return rows that each say where they come from; the first files say these things once, for all their rows."""
    common = {name: content[name] for name in names if name in content}
    return {row: common | values for row, values in rows.items()}
