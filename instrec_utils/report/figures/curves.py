"""Figures of scores against something: frames, costs, degradation."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from instrec_utils.report.figures import style
from instrec_utils.report.words import KINDS


@style.styled
def frame_counts(table: pd.DataFrame) -> Figure:
    """Show Hit@1 by the number of frames, a line a way of training.

    Parameters
    ----------
    table : pd.DataFrame
        Columns name (of the line), frames, value, low and high, in %.
    """
    style.check_table(table, "name", "frames", "value", "low", "high")
    figure, axes = style.one_panel(height=2.9)
    looks = itertools.cycle((KINDS["visual"][1:], KINDS["audio"][1:], KINDS["fusion"][1:]))
    names = list(dict.fromkeys(table["name"]))
    for place, ((colour, marker), name) in enumerate(zip(looks, names, strict=False)):
        rows = table[table["name"] == name].sort_values("frames")
        # Side by side, as the intervals would hide each other.
        frames = rows["frames"] * 1.04 ** (place - (len(names) - 1) / 2)
        around = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
        axes.errorbar(frames, rows["value"], around, marker=marker, color=colour, label=name, capsize=2)
    ticks = sorted(table["frames"].unique())
    axes.set(xscale="log", xlabel="frames a video (logarithmic)", ylabel="Hit@1 in %")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="y")
    style.legend(figure, axes, ncols=min(3, len(names)))
    return figure


@style.styled
def costs(table: pd.DataFrame) -> Figure:
    """Show Hit@1 against what a model costs: to train, and to recognise one video.

    Parameters
    ----------
    table : pd.DataFrame
        Columns name, kind (of `words.KINDS`), value (Hit@1 in %), minutes (of training) and multiply_adds. Rows of one
        name are one model with more and more input, and are joined by a line.
    """
    style.check_table(table, "name", "kind", "value", "minutes", "multiply_adds")
    if (table[["minutes", "multiply_adds"]] <= 0).any(axis=None):
        raise ValueError("table: expected costs above 0")
    fills = {kind: itertools.cycle(("full", "bottom", "left", "top", "right")) for kind in KINDS}
    models = [
        (name, rows.sort_values("multiply_adds"), KINDS[kind][1:], next(fills[kind]))
        for (kind, name), rows in table.groupby(["kind", "name"], sort=False)
    ]
    figure = Figure(figsize=(style.WIDTH, 3.1 + 0.19 * -(-len(models) // 2)), layout="constrained")
    titles = {"minutes": "minutes of training", "multiply_adds": "multiply-adds a video"}
    for axes, (column, title) in zip(figure.subplots(1, 2, sharey=True), titles.items(), strict=True):
        for name, rows, (colour, marker), fill in models:
            look = {"color": colour, "marker": marker, "fillstyle": fill, "markerfacecoloralt": "white"}
            axes.plot(rows[column], rows["value"], label=name, markersize=7, linewidth=len(rows) > 1, **look)
        # Whole decades: within one, ticks of a logarithm say little.
        decades = np.log10(table[column])
        axes.set(
            xscale="log", xlabel=title, xlim=(10 ** np.floor(decades.min() - 0.1), 10 ** np.ceil(decades.max() + 0.1))
        )
        axes.margins(y=0.1)
        axes.grid()
        axes.label_outer()
    figure.axes[0].set_ylabel("Hit@1 in %")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


@style.styled
def robustness(table: pd.DataFrame, *, reference: float | None = None) -> Figure:
    """Show Hit@1 with 95 % intervals as videos are degraded, a panel a condition, a line a model.

    Parameters
    ----------
    table : pd.DataFrame
        Columns condition, level (as text), unit, kind (of `words.KINDS`), value, low and high, in %; panels and levels
        are in the table's order. The rows of the condition "none", the videos as they are, begin every panel. Where the
        unit is empty, levels are names and no line joins them.
    reference : float or None [0 to 100]
        The majority rate in %; a line marks it.
    """
    style.check_table(
        table, "condition", "level", "unit", "kind", "value", "low", "high", once=("condition", "level", "kind")
    )
    as_is = table[table["condition"] == "none"]
    names = [name for name in table["condition"].unique() if name != "none"]
    style.check_some(names, "conditions")
    num_rows = -(-len(names) // 2)
    figure = Figure(figsize=(style.WIDTH, 0.6 + 2.0 * num_rows), layout="constrained")
    grid = figure.subplots(num_rows, 2, sharey=True, squeeze=False).ravel()
    for axes, name in zip(grid, names, strict=False):
        rows = table[table["condition"] == name]
        _draw_robustness(axes, pd.concat([as_is, rows]), has_lines=bool(rows["unit"].iloc[0]))
        axes.set(title=name, xlabel=rows["unit"].iloc[0], ylim=(-3, 103))
        if reference is not None:
            axes.axhline(reference, **style.DASHES, label="majority rate")
    for axes in grid[len(names) :]:
        axes.remove()
    for axes in grid[::2]:
        axes.set_ylabel("Hit@1 in %")
    style.legend(figure, figure.axes[0], ncols=2)
    return figure


def _draw_robustness(axes: Axes, rows: pd.DataFrame, has_lines: bool) -> None:
    levels = list(rows["level"].unique())
    kinds = [kind for kind in KINDS if (rows["kind"] == kind).any()]
    # Set a little apart, so that no interval hides another.
    offsets = np.linspace(-0.12, 0.12, len(kinds)) if len(kinds) > 1 else [0.0]
    for offset, kind in zip(offsets, kinds, strict=True):
        name, colour, marker = KINDS[kind]
        values = rows[rows["kind"] == kind]
        places = np.array([levels.index(level) for level in values["level"]]) + offset
        axes.vlines(places, values["low"], values["high"], color=colour, linewidth=1.1, alpha=0.6)
        line = "-" if has_lines else ""
        axes.plot(places, values["value"], line + marker, color=colour, markersize=4.5, linewidth=1.2, label=name)
    axes.set_xticks(range(len(levels)), levels)
    axes.set_xlim(-0.4, len(levels) - 0.6)
    axes.grid(axis="y")
