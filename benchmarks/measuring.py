"""What the benchmarks share: the memory that a process held."""

from __future__ import annotations

import re
import resource
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_bytes() -> int:
    """Return the most memory that this process ever held.

    On Linux ``ru_maxrss`` would begin at what the process held that started this one, even if it was started anew.
    """
    if STATUS.exists():
        return 1024 * int(re.findall(r"VmHWM:\s+(\d+)", STATUS.read_text())[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS gives it in bytes
