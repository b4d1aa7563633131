"""What the paper's Tables 2 to 4 print, beside rows of ours."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from instrec_utils.paper_data import paper

COSTS = {"steps": ("steps", "{}"), "hours": ("time", "{} h"), "parameters": ("weights", "{}")}
"""Fields of the paper's lines that are columns of their own on the paper's datasets: the title, and its form."""
NONE = "–"


def beside_the_paper(
    table: str,
    dataset: str,
    rows: Sequence[tuple[dict[str, Any], dict[str, Any]]],
    describe: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> pd.DataFrame:
    """Return our rows with what a table of the paper prints of the same.

    Parameters
    ----------
    table : str [one of `paper.paper_tables`]
    dataset : str
        Of the paper, that the corpus is: its costs are there too, and rows that only the paper has. If it is none, the
        scores on both datasets are.
    rows : sequence of (dict, dict) [what ours shows, and the fields of the paper's lines that are the same]
    describe : callable [a line of the paper to what a row that only the paper has shows of itself]
    """
    lines = [line for line in paper.paper_tables()[table] if dataset in ("", line["dataset"])]
    cells = [_scores(line) | (_costs(line) if dataset else {}) for line in lines]
    nothing = dict.fromkeys((title for one in cells for title in one), NONE)
    shown, left = [], list(range(len(lines) if dataset else 0))
    for own, wanted in rows:
        same = [number for number, line in enumerate(lines) if wanted.items() <= line.items()]
        left = [number for number in left if number not in same]
        shown.append(own | nothing | {title: text for number in same for title, text in cells[number].items()})
    blank = dict.fromkeys(shown[0], NONE) if shown else {}
    return pd.DataFrame([*shown, *(blank | describe(lines[number]) | cells[number] for number in left)])


def _scores(line: Mapping[str, Any]) -> dict[str, str]:
    """Return the scores of a line of the paper, which may break after the strokes."""
    numbers = (f"{line[name]:.2f}" for name in ("hit_at_1", "hit_at_3", "f1"))
    return {f"Paper, {line['dataset']}": "\N{NO-BREAK SPACE}/ ".join(numbers)}


def _costs(line: Mapping[str, Any]) -> dict[str, str]:
    return {f"Paper, {title}": form.format(line[name]) for name, (title, form) in COSTS.items() if name in line}
