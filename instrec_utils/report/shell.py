"""What a notebook does in Jupyter that a page of the book does not need."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from IPython import get_ipython

from instrec_utils.errors import InstrecError


def show_errors_in_one_line() -> None:
    """Let an error that the reader can act on be its message alone, without the traceback that leads to it.

    The cell fails all the same, so that no failed notebook becomes a page.
    """
    shell = get_ipython()
    if shell is None:
        return

    def show(shell: Any, kind: type, error: BaseException, _: TracebackType, tb_offset: int | None = None) -> list[str]:
        line = [f"{kind.__name__}: {error}"]
        shell._showtraceback(kind, error, line)
        return line

    shell.set_custom_exc((InstrecError,), show)
