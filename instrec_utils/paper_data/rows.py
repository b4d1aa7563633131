"""The error that names the first wrong row of a file."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from instrec_utils.errors import CorpusError


def refuse_rows(wrong: pd.Series, source: Path | str, rule: str, values: pd.DataFrame, *, unit: str = "row") -> None:
    """Raise `CorpusError` for the first wrong row of a file, if there is one.

    Parameters
    ----------
    wrong : pd.Series [shape=(num_rows,), bool]
    source : Path or str
        The file, for the message.
    rule : str
        What is wrong, with braces for the row's values.
    values : pd.DataFrame [one row a row of the file]
    unit : str
        What the file calls a row.
    """
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise CorpusError(f"{source}, {unit} {row + 1}: {rule.format(*values.iloc[row])}")
