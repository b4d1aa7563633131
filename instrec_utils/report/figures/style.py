"""How the report's figures look, are saved and refuse; none touches pyplot's state, so none appears by itself."""

import contextlib
import functools
import io
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from instrec_utils import letters
from instrec_utils.config import SPLITS
from instrec_utils.report.words import KINDS

WIDE, NARROW = 7.3, 3.5  # inches: 700 pixels, the width of a page's text, and 336, that of a phone's
ROW = 0.29  # inches: the height of a named row
MAX_BYTES = 300_000  # of a figure's file
SMALLEST = 8.0  # points: 10.7 pixels, the smallest text of a figure
SPLIT_COLOURS = dict(zip(SPLITS, ("#27445c", "#6d93b3", "#c3d5e3"), strict=True))
EDGE: Any = {"edgecolor": "#27445c", "linewidth": 0.6}  # of a bar, which may be as pale as the page
DASHES: Any = {"color": "#555555", "linewidth": 1, "linestyle": (0, (2, 2))}  # of a line that marks a reference
COLOURS = "Blues"  # of what has a scale: pale is little; turned for a dark page, dark is
LOOK = "instrec_utils.report.figures.report"  # the style file beside this module
LONGEST_IN_LEGEND = 44  # letters of a line of a legend, which a phone has room for
LONGEST = 26  # columns of a name beside a row; letters of East Asia take two


def name(text: str, longest: int = 80) -> str:
    """Return a user's name for something as figures can show it, on one line, and never as a formula.

    See `letters.on_one_line`. The page's tables have the names as they are.
    """
    return letters.on_one_line(text, longest).replace("$", r"\$")


def names(labels: Iterable[str]) -> list[str]:
    """Return the names of rows or columns, each once; those that are the same when shortened are numbered."""
    shown = [name(str(label), LONGEST) for label in labels]
    counts, done = Counter(shown), Counter[str]()
    for place, one in enumerate(shown):
        if counts[one] > 1:
            done[one] += 1
            shown[place] = f"{one} ({done[one]})"
    return shown


@dataclass(frozen=True)
class Drawing:
    """A figure, drawn for a page and once more for a phone, so that its letters have the same size on both.

    All of it is vectors on no ground of its own, and a dark page turns its colours; but not those of photographs, which
    are pixels.
    """

    wide: Figure
    narrow: Figure
    is_picture: bool = False

    def files(self) -> dict[str, bytes]:
        """Return the contents of the drawings' files by the end of their names, the same for the same figure."""
        ending, form = (".webp", "webp") if self.is_picture else (".svg", "svg")
        return {ending: _saved(self.wide, form), f"-narrow{ending}": _saved(self.narrow, form)}


def _saved(figure: Figure, form: str) -> bytes:
    with _look(), io.BytesIO() as file:
        figure.savefig(file, format=form, metadata={"Date": None, "Creator": None} if form == "svg" else None)
        return file.getvalue()


def _look() -> contextlib.AbstractContextManager[None]:
    return mpl.style.context([LOOK, {"font.family": letters.families()}])


def drawn(function: Callable[..., Figure]) -> Callable[..., Drawing]:
    """Draw in the report's style, at both widths, and leave the caller's settings as they were.

    The function is given the width as its last argument.
    """

    @functools.wraps(function)
    def drawing(*arguments: Any, **options: Any) -> Drawing:
        with _look():
            wide, narrow = (function(*arguments, **options, width=width) for width in (WIDE, NARROW))
        return Drawing(wide, narrow)

    return drawing


def panels(
    number: int, columns: int, height: float, width: float, *, layout: Any = "constrained", **shared: Any
) -> tuple[Figure, list[Axes]]:
    """Make a figure of so many panels, each so many inches high, and return it and its panels, row by row.

    Panels beside each other, in so many columns, are one below the other where the figure is narrow.
    """
    columns = columns if width == WIDE else 1
    rows = -(-number // columns)
    figure = Figure(figsize=(width, height * rows + 0.3), layout=layout)
    every = list(figure.subplots(rows, columns, squeeze=False, **shared).flat)
    for axes in every[number:]:
        axes.remove()
    return figure, every[:number]


def finish_rows(axes: Axes, *, from_top: bool = True) -> None:
    """Finish a panel whose rows are named on the left: the first on top, lines along the values only."""
    if from_top:
        axes.invert_yaxis()
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)


def whole_numbers() -> MaxNLocator:
    """Return what puts ticks at whole numbers only."""
    return MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10], integer=True)


def note(axes: Axes, text: str, at: tuple[Any, Any], offset: tuple[float, float] = (0, 0), **look: Any) -> None:
    """Write small text at a place, so many points away from it; `xycoords` says in what the place is given."""
    axes.annotate(text, at, offset, textcoords="offset points", **{"fontsize": SMALLEST + 0.5} | look)


def legend(figure: Figure, ncols: int) -> None:
    """Put the first panel's legend, each name once, above the figure, which grows by it; in one column on a phone."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    named = dict(zip((textwrap.fill(label, LONGEST_IN_LEGEND) for label in labels), handles, strict=True))
    if figure.get_figwidth() < WIDE:
        longest = max(map(len, labels))
        ncols = min(ncols, max(1, LONGEST_IN_LEGEND // (longest + 6)))
    num_lines = -(-len(named) // ncols) + sum(label.count("\n") for label in named)
    figure.set_figheight(figure.get_figheight() + 0.17 * num_lines)
    figure.legend(list(named.values()), list(named), loc="outside upper left", ncols=ncols)


def set_apart(number: int, most: float) -> np.ndarray:
    """Return by how much so many marks of one place are moved, so that none hides another."""
    return np.linspace(-most, most, number) if number > 1 else np.zeros(1)


def check(is_right: bool, message: str) -> None:
    """Refuse with a ValueError what cannot be drawn."""
    if not is_right:
        raise ValueError(message)


def check_some(items: Sized, name: str) -> None:
    """Refuse an empty table or list."""
    check(len(items) > 0, f"expected at least one of the {name}, got none")


def check_table(table: pd.DataFrame, *columns: str, once: Sequence[str] = ()) -> None:
    """Refuse a table that cannot be drawn: unknown kinds, value, low or high (or NaN) that are no percentages.

    Rows that agree in the columns `once` would say two things of one place.
    """
    missing = [name for name in columns if name not in table]
    check(not missing, f"expected the columns {', '.join(columns)}, missing: {missing}")
    check_some(table, "rows")
    for kind in table["kind"] if "kind" in columns else ():
        check(kind in KINDS, f"kind: expected one of {', '.join(KINDS)}, got {kind!r}")
    for name in {"value", "low", "high"}.intersection(columns):
        is_right = table[name].dropna().between(0, 100).all()
        check(is_right, f"{name}: expected 0 to 100 %, got {table[name].tolist()}")
    is_once = not once or not table.duplicated(list(once)).any()
    check(is_once, f"table: expected one row a {' and '.join(once)}, got one twice")
