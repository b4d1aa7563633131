"""The error that names the first wrong row of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from instrec_utils.errors import CorpusError


def refuse_rows(wrong: pd.Series, source: Path | str, say: Callable[[int], str], *, unit: str = "row") -> None:
    """Raise `CorpusError` for the first wrong row of a file, if there is one.

    Parameters
    ----------
    wrong : pd.Series [shape=(num_rows,), bool]
    source : Path or str
        The file, for the message.
    say : Callable
        Gives the rest of the message for the place of the row, counted from 0.
    unit : str
        What the file calls a row.
    """
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise CorpusError(f"{source}, {unit} {row + 1}: {say(row)}")
