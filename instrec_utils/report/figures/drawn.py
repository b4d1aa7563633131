"""The values that a figure draws, as a table: what it takes to draw the figure again, or otherwise."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.category import StrCategoryFormatter
from matplotlib.collections import LineCollection, PathCollection, QuadMesh
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter

MOST_VALUES = 1000  # of an array that is data; a larger one is a picture


def drawn_values(figure: Figure) -> pd.DataFrame:
    """Return the values that a figure draws; none of one that shows pictures alone.

    Returns
    -------
    pd.DataFrame [columns panel, series, x, y, value]
        A row a mark, bar, end of a line or cell of a matrix. x and y have the names that an axis has in place of
        numbers; value is that of a cell of a matrix.
    """
    rows = []
    for number, axes in enumerate(figure.axes, start=1):
        panel = axes.get_title() or axes.get_title("left") or str(number)
        for series, x, y, value in _values(axes):
            # Matplotlib so calls what has no name, and what begins with "_" is left out of its legends.
            series = "" if series.startswith("_child") else series.removeprefix("_")
            rows.append((panel, series, _named(axes.xaxis, x), _named(axes.yaxis, y), value))
    return pd.DataFrame(rows, columns=["panel", "series", "x", "y", "value"]).drop_duplicates()


def _values(axes: Axes) -> Iterator[tuple[str, float, float, object]]:
    """Yield label, x, y, and of matrices the value."""
    for line in axes.lines:
        if line.get_transform() == axes.transData:  # a line across the whole panel is a reference
            yield from ((str(line.get_label()), x, y, "") for x, y in np.asarray(line.get_xydata()))
    for collection in axes.collections:
        points: list[np.ndarray] = []
        if isinstance(collection, LineCollection):
            points = [point for segment in collection.get_segments() for point in segment]
        elif isinstance(collection, PathCollection):
            points = list(np.asarray(collection.get_offsets()))
        yield from ((str(collection.get_label()), x, y, "") for x, y in points)
    for bars in (one for one in axes.containers if isinstance(one, BarContainer)):
        for bar, length in zip(bars.patches, np.asarray(bars.datavalues), strict=True):
            x, y = bar.get_x() + bar.get_width() / 2, bar.get_y() + bar.get_height() / 2
            place = (x, length) if bars.orientation == "vertical" else (length, y)
            yield str(bars.get_label()), *place, ""
    for matrix in (*axes.images, *(one for one in axes.collections if isinstance(one, QuadMesh))):
        array, middle = matrix.get_array(), 0.5 if isinstance(matrix, QuadMesh) else 0
        if array is not None and array.ndim == 2 and array.size <= MOST_VALUES:
            cells = np.ndenumerate(np.asarray(array))
            yield from ((str(matrix.get_label()), x + middle, y + middle, value) for (y, x), value in cells)


def _named(axis: Axis, place: float) -> object:
    """Return the name that was given to a tick nearby, or the place where an axis has numbers of its own."""
    names = axis.get_major_formatter()  # those of a panel that shares them, too, whose labels are not shown
    is_fixed = isinstance(names, FixedFormatter | FuncFormatter) and isinstance(axis.get_major_locator(), FixedLocator)
    ticks = np.asarray(axis.get_majorticklocs(), float)
    if len(ticks) and (is_fixed or isinstance(names, StrCategoryFormatter)):
        shown = axis.get_transform().transform(np.append(ticks, place))  # on a logarithmic axis marks are set apart so
        distances = np.abs(shown[:-1] - shown[-1])
        nearby = min(0.5, np.diff(np.unique(shown[:-1])).min(initial=np.inf) / 2)
        if distances.min() < nearby and (name := names.format_ticks(ticks.tolist())[distances.argmin()]):
            return name
    return round(float(place), 6)
