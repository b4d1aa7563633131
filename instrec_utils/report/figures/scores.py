"""Figures of scores: training, intervals, confusion, classes and conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from instrec_utils.report.figures import style
from instrec_utils.report.words import KINDS

_CELLS = {"vmin": 0, "vmax": 100, "cmap": "Blues", "cbar": False}  # of matrices in %: one scale of colour


@style.styled
def history(results: Sequence[Mapping[str, Any]]) -> Figure:
    """Show loss and accuracy of each run over its epochs, in training and validation.

    Parameters
    ----------
    results : sequence of mapping
        Rows of `results.read_results`: run, kind, best_epoch, and history with the lists epoch, loss, accuracy (0 to
        1), val_loss and val_accuracy.
    """
    style.check_some(results, "results")
    figure = Figure(figsize=(style.WIDTH, 0.65 + 1.85 * len(results)), layout="constrained")
    for row, result in zip(figure.subplots(len(results), 2, squeeze=False), results, strict=True):
        style.check_kinds([result["kind"]])
        curves = pd.DataFrame(result["history"])
        if curves.empty or result["best_epoch"] not in set(curves["epoch"]):
            raise ValueError(f"{result['run']}: expected a history with epoch {result['best_epoch']}, the best")
        for axes, name, scale in zip(row, ("loss", "accuracy"), (1, 100), strict=True):
            _draw_history(axes, curves, name, scale, result)
        row[0].set_title(result["run"])
        row[1].set_ylim(0, 102)
    for axes in figure.axes[-2:]:
        axes.set_xlabel("epoch")
    names = ("training", "validation (in the colour of the kind)", "best epoch")
    figure.legend(figure.axes[0].get_legend_handles_labels()[0], names, loc="outside upper left", ncols=3)
    return figure


def _draw_history(axes: Axes, curves: pd.DataFrame, name: str, scale: float, result: Mapping[str, Any]) -> None:
    colour = KINDS[result["kind"]].colour
    marker = "." if len(curves) <= 3 else None
    axes.plot(curves["epoch"], scale * curves[name], color="#9a9a9a", marker=marker, label="training")
    axes.plot(curves["epoch"], scale * curves[f"val_{name}"], color=colour, marker=marker, label="validation")
    best = result["best_epoch"]
    value = scale * float(curves.loc[curves["epoch"] == best, f"val_{name}"].iloc[0])
    axes.axvline(best, color="#555555", linewidth=0.8, linestyle=(0, (2, 2)), label="best epoch")
    axes.plot([best], [value], "o", color=colour, markersize=5)
    if name == "accuracy":
        is_late = best > curves["epoch"].mean()
        look = {"xycoords": ("data", "axes fraction"), "ha": "right" if is_late else "left", "va": "bottom"}
        style.note(axes, f"epoch {best}: {value:.0f} %", (best, 0.04), (-5 if is_late else 5, 0), **look)
    axes.set(ylabel="loss" if name == "loss" else "accuracy in %")
    axes.xaxis.set_major_locator(style.whole_numbers())
    axes.grid(axis="y")


@style.styled
def intervals(table: pd.DataFrame, *, metric: str = "Hit@1", reference: float | None = None) -> Figure:
    """Show scores with their 95 % intervals, one row each, in the table's order.

    Parameters
    ----------
    table : pd.DataFrame
        Columns name, kind (of `words.KINDS`), value, low and high, in %; low and high equal the value, or are NaN,
        where there is no interval, as for the paper.
    metric : str
        What the values are.
    reference : float or None [0 to 100]
        The majority rate in %; a line marks it.
    """
    style.check_table(table, "name", "kind", "value", "low", "high")
    if (table["low"] > table["value"]).any() or (table["high"] < table["value"]).any():
        raise ValueError("low, high: expected an interval around each value")
    figure, axes = style.row_panel(len(table), header=0.8)
    for place, row in enumerate(table.itertuples()):
        _, colour, marker = KINDS[str(row.kind)]
        if row.low < row.high:
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.2, solid_capstyle="round")
        axes.plot([row.value], [place], marker, color=colour, markersize=6.5, markeredgewidth=1.8)
        beside: Any = {"xycoords": ("axes fraction", "data"), "va": "center", "color": colour}
        style.note(axes, f"{row.value:.1f}", (1.01, place), **beside)
    axes.set_yticks(range(len(table)), table["name"])
    axes.set(xlabel=f"{metric} in %, with 95 % intervals", xlim=(0, 100), ylim=(len(table) - 0.4, -0.6))
    if reference is not None:
        style.check_percentages(pd.DataFrame({"reference": [reference]}))
        axes.axvline(reference, **style.DASHES)
        above = {"xycoords": ("data", "axes fraction"), "va": "bottom", "fontsize": 8, "color": "#555555"}
        style.note(axes, f"majority rate {reference:.1f}", (reference, 1), (0, 3), **above)
    style.finish_rows(axes, from_top=False)
    return figure


@style.styled
def confusions(items: Sequence[tuple[str, np.ndarray]], labels: Sequence[str]) -> Figure:
    """Show confusion matrices on one scale of colour: truth in rows, answers in columns, in % of the row.

    With more than 14 classes they stand one below the other, so that the numbers can be read.

    Parameters
    ----------
    items : sequence of (str, np.ndarray [shape=(num_classes, num_classes)])
        Title and matrix of each; rows sum to 1, or to 0 for a class that has no video, as from `evaluation.confusion`.
    labels : sequence of str
        Names of the classes, in the matrices' order.
    """
    style.check_some(items, "matrices")
    size = len(labels)
    for title, matrix in items:
        if np.shape(matrix) != (size, size):
            raise ValueError(f"{title}: expected {size} x {size} values for the labels, got shape {np.shape(matrix)}")
        sums = np.sum(matrix, axis=1)
        if np.min(matrix) < 0 or not (np.isclose(sums, 1) | np.isclose(sums, 0)).all():
            raise ValueError(f"{title}: expected rows of shares that sum to 1 or 0, got sums {sums.round(3).tolist()}")
    stacked = size > 14
    if stacked:
        figure = Figure(figsize=(style.WIDTH, (0.31 * size + 1.25) * len(items)), layout="constrained")
        grid = figure.subplots(len(items), 1, squeeze=False)[:, 0]
    else:
        layout = ConstrainedLayoutEngine(w_pad=0.01, wspace=0)
        figure = Figure(figsize=(style.WIDTH, style.WIDTH / len(items) + 0.9), layout=layout)
        grid = figure.subplots(1, len(items), sharey=True, squeeze=False)[0]
    for axes, (title, matrix) in zip(grid, items, strict=True):
        percentages = 100 * np.asarray(matrix)
        sns.heatmap(
            percentages,
            **_CELLS,
            annot=np.where(percentages >= 0.5, np.char.mod("%.0f", percentages), ""),
            fmt="",
            annot_kws={"fontsize": 8 if stacked else min(8, 74 / size)},
            linewidths=0.6,
            linecolor="#eeeeee",
            xticklabels=labels,
            yticklabels=labels,
            ax=axes,
        )
        axes.set(title=title, xlabel="answer")
        axes.tick_params(length=0, labelsize=8.5)
        axes.set_xticklabels(labels, rotation=90)
        axes.set_yticklabels(labels, rotation=0)
    for axes in grid if stacked else grid[:1]:
        axes.set_ylabel("truth")
    return figure


@style.styled
def per_class(table: pd.DataFrame) -> Figure:
    """Show the recall of each class, a dot a kind of model.

    Parameters
    ----------
    table : pd.DataFrame
        Columns label, kind (of `words.KINDS`) and recall (0 to 1); a class without videos has no row, or NaN.
    """
    style.check_table(table, "label", "kind", "recall", once=("label", "kind"))
    if not table["recall"].dropna().between(0, 1).all():
        raise ValueError(f"recall: expected 0 to 1, got {table['recall'].tolist()}")
    labels, kinds = list(dict.fromkeys(table["label"])), list(dict.fromkeys(table["kind"]))
    table = table.pivot(index="label", columns="kind", values="recall").mul(100).loc[labels, kinds]
    figure, axes = style.row_panel(len(table), header=0.85)
    for place, (_, values) in enumerate(table.iterrows()):
        if values.notna().any():
            axes.plot([values.min(), values.max()], [place, place], color="#d0d0d0", linewidth=2, zorder=1)
    # Dots of equal value are set a little apart, so that none hides another.
    offsets = np.linspace(-0.2, 0.2, table.shape[1]) if table.shape[1] > 1 else [0.0]
    for offset, kind in zip(offsets, table.columns, strict=True):
        name, colour, marker = KINDS[kind]
        axes.plot(
            table[kind], np.arange(len(table)) + offset, marker, color=colour, markersize=5.5, label=name, clip_on=False
        )
    axes.set_yticks(range(len(table)), table.index)
    axes.set(xlabel="recall: recognised in % of the class's videos", xlim=(-2, 102), ylim=(len(table) - 0.4, -0.6))
    style.finish_rows(axes, from_top=False)
    style.legend(figure, axes, ncols=table.shape[1])
    return figure


@style.styled
def scores_by_condition(table: pd.DataFrame) -> Figure:
    """Show Hit@1 under each condition of the picture and of the sound, a column a kind of model.

    Parameters
    ----------
    table : pd.DataFrame
        Columns stream ("picture" or "sound"), condition, kind (of `words.KINDS`), value (Hit@1 in %) and num_videos;
        rows and columns of the figure are in the table's order.
    """
    place = ("stream", "condition", "kind")
    style.check_table(table, *place, "value", "num_videos", once=place)
    streams = list(dict.fromkeys(table["stream"]))
    if not set(streams) <= {"picture", "sound"}:
        raise ValueError(f"stream: expected 'picture' or 'sound', got {streams}")
    num_conditions = table.groupby("stream")["condition"].nunique().max()
    figure = Figure(figsize=(style.WIDTH, 0.95 + 0.36 * num_conditions), layout="constrained")
    for axes, stream in zip(figure.subplots(1, len(streams), squeeze=False)[0], streams, strict=True):
        rows = table[table["stream"] == stream]
        conditions, kinds = list(dict.fromkeys(rows["condition"])), list(dict.fromkeys(rows["kind"]))
        values = rows.pivot(index="condition", columns="kind", values="value").loc[conditions, kinds]
        counts = rows.groupby("condition")["num_videos"].first()
        sns.heatmap(
            values,
            **_CELLS,
            annot=True,
            fmt=".0f",
            annot_kws={"fontsize": 9},
            linewidths=1.5,
            linecolor="white",
            xticklabels=[KINDS[kind].word for kind in kinds],
            yticklabels=[f"{condition} (n = {counts[condition]})" for condition in conditions],
            ax=axes,
        )
        axes.set(title=f"{stream} is ...", xlabel="Hit@1 in %", ylabel="")
        axes.tick_params(length=0)
        axes.tick_params(axis="y", rotation=0)
    return figure
