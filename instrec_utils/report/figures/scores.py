"""Figures of scores: with their intervals, confusion, by class and by condition."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from instrec_utils.report.figures import style
from instrec_utils.report.words import KINDS

MOST_BESIDE = 14  # classes of matrices that stand beside each other; the paper's corpora have 12 and 13


@style.drawn
def intervals(table: pd.DataFrame, *, reference: float | None = None, width: float) -> Figure:
    """Show Hit@1 with its 95 % intervals, one row each, in the table's order.

    Columns name, kind (of `words.KINDS`), value, low and high, in %, as is the reference, the majority rate. Low and
    high equal the value, or are NaN, where there is no interval.
    """
    style.check_table(table, "name", "kind", "value", "low", "high")
    is_outside = (table["low"] > table["value"]) | (table["high"] < table["value"])
    style.check(not is_outside.any(), "low, high: expected an interval around each value")
    is_wide = width == style.WIDE  # else the names are above the intervals, which have the width to themselves
    figure, (axes,) = style.panels(1, 1, 0.6 + style.ROW * len(table) * (1 if is_wide else 1.5), width)
    for place, row in enumerate(table.itertuples()):
        colour, marker = KINDS[str(row.kind)][1:3]
        if row.low < row.high:
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.2, solid_capstyle="round")
        axes.plot([row.value], [place], marker, color=colour, markersize=6.5, markeredgewidth=1.8)
        beside: Any = {"xycoords": ("axes fraction", "data"), "va": "center", "color": colour}
        style.note(axes, f"{row.value:.1f}", (1.01, place), **beside)
        if not is_wide:
            style.note(axes, str(row.name), (0, place), (0, 6), xycoords=("axes fraction", "data"))
    axes.set_yticks(range(len(table)) if is_wide else [], table["name"] if is_wide else [])
    axes.set(xlabel="Hit@1 in %, with 95 % intervals", xlim=(0, 100), ylim=(len(table) - 0.4, -0.8))
    if reference is not None:
        style.check(0 <= reference <= 100, f"reference: expected 0 to 100 %, got {reference}")
        axes.axvline(reference, **style.DASHES)
        above = {"xycoords": ("data", "axes fraction"), "va": "bottom", "color": "#555555"}
        style.note(axes, f"commonest class {reference:.1f}", (reference, 1), (0, 3), **above)
    style.finish_rows(axes, from_top=False)
    return figure


@style.drawn
def confusions(
    items: Sequence[tuple[str, np.ndarray]],
    labels: Sequence[str],
    counts: Sequence[int],
    num_seeds: int = 1,
    *,
    width: float,
) -> Figure:
    """Show confusion matrices: truth in rows, answers in columns; the numbers are answers, the colour is % of the row.

    Parameters
    ----------
    items : sequence of (str, np.ndarray [shape=(num_classes, num_classes)])
        Titles and matrices of `evaluation.confusion`, or means of several seeds' ones: rows sum to 1, or to 0 for a
        class without videos.
    labels : sequence of str
    counts : sequence of int [videos of each row]
    num_seeds : int [that answered each video]
    """
    style.check_some(items, "matrices")
    size, shown = len(labels), style.names(labels)
    for title, matrix in items:
        is_right = np.shape(matrix) == (size, size)
        style.check(is_right, f"{title}: expected {size} x {size} values for the labels, got shape {np.shape(matrix)}")
        sums = np.sum(matrix, axis=1)
        is_right = np.min(matrix) >= 0 and (np.isclose(sums, 1) | np.isclose(sums, 0)).all()
        style.check(is_right, f"{title}: expected rows of shares that sum to 1 or 0, got sums {sums.round(3).tolist()}")
    height = 0.8 + 0.21 * size + 0.075 * max(map(len, shown))
    figure, panels = style.panels(len(items), 2 if size <= MOST_BESIDE else 1, height, width)
    rows = [f"{name}, {count}" for name, count in zip(shown, counts, strict=True)]
    for axes, (title, matrix) in zip(panels, items, strict=True):
        answers = np.rint(np.asarray(matrix) * np.asarray(counts)[:, np.newaxis] * num_seeds).astype(int)
        texts = np.where(answers > 0, answers.astype(str), "")
        _draw_matrix(
            axes, pd.DataFrame(100 * np.asarray(matrix), rows, shown), texts, linewidths=0.6, linecolor="#e4e4e4"
        )
        axes.set(title=title, xlabel="answer", ylabel="truth, with its number of videos")
        axes.set_xticklabels(shown, rotation=90)
    return figure


def _draw_matrix(axes: Axes, values: pd.DataFrame, texts: Any, **lines: Any) -> None:
    """Draw a matrix in %, on one scale of colour, with its texts."""
    look = {"vmin": 0, "vmax": 100, "cmap": style.COLOURS, "cbar": False, "xticklabels": True, "yticklabels": True}
    sns.heatmap(values, annot=texts, fmt="", annot_kws={"fontsize": style.SMALLEST}, ax=axes, **look, **lines)
    axes.tick_params(length=0)
    axes.tick_params(axis="y", rotation=0)


@style.drawn
def per_class(table: pd.DataFrame, *, width: float) -> Figure:
    """Show the recall of each class, a dot with its interval a kind of model; see `answers.recall_by_class`."""
    style.check_table(table, "label", "kind", "value", "low", "high", "num_videos", once=("label", "kind"))
    labels, kinds = table["label"].unique(), table["kind"].unique()
    figure, (axes,) = style.panels(1, 1, 0.6 + 1.4 * style.ROW * len(labels), width)
    for offset, kind in zip(style.set_apart(len(kinds), 0.24), kinds, strict=True):
        name, colour, marker = KINDS[kind][:3]
        rows = table[table["kind"] == kind].set_index("label").reindex(labels)
        places = np.arange(len(labels)) + offset
        axes.hlines(places, rows["low"], rows["high"], color=colour, linewidth=1.1, alpha=0.6, label=f"_{name}")
        axes.plot(rows["value"], places, marker, color=colour, markersize=5.5, label=name, clip_on=False)
    counts = table.groupby("label")["num_videos"].first()
    named = zip(style.names(labels), labels, strict=True)
    axes.set_yticks(range(len(labels)), [f"{name} (n = {counts[label]})" for name, label in named])
    axes.set(xlabel="recognised in %", xlim=(-2, 102), ylim=(len(labels) - 0.4, -0.6))
    style.finish_rows(axes, from_top=False)
    style.legend(figure, len(kinds))
    return figure


@style.drawn
def scores_by_condition(table: pd.DataFrame, *, width: float) -> Figure:
    """Show Hit@1 with its interval under each condition of picture and sound; see `answers.hits_by_condition`."""
    place = ("stream", "condition", "kind")
    style.check_table(table, *place, "value", "low", "high", "num_videos", once=place)
    streams = table["stream"].unique()
    is_right = set(streams) <= {"picture", "sound"}
    style.check(is_right, f"stream: expected 'picture' or 'sound', got {streams.tolist()}")
    num_conditions = table.groupby("stream")["condition"].nunique().max()
    figure, panels = style.panels(len(streams), 2, 0.8 + 0.46 * num_conditions, width)
    told = [f"{row.value:.0f}\n{row.low:.0f}–{row.high:.0f}" for row in table.itertuples()]
    table = table.assign(told=told)
    for axes, stream in zip(panels, streams, strict=True):
        rows = table[table["stream"] == stream]
        counts = rows.groupby("condition")["num_videos"].first()
        shown = rows["condition"].unique(), rows["kind"].unique()
        values, texts = (
            rows.pivot(index="condition", columns="kind", values=column).loc[shown] for column in ("value", "told")
        )
        values.columns = [KINDS[kind].word for kind in values]
        values.index = [f"{condition} (n = {counts[condition]})" for condition in values.index]
        _draw_matrix(axes, values, texts.fillna(""), linewidths=1.5, linecolor="white")
        axes.set(title=f"{stream} is ...", xlabel="Hit@1 in %", ylabel="")
    return figure
