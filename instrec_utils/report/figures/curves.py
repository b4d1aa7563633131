"""Figures of scores against something: frames, costs, degradation."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from instrec_utils.report.figures import style
from instrec_utils.report.words import KINDS


@style.styled
def frame_counts(table: pd.DataFrame) -> Figure:
    """Show Hit@1 by number of frames, a line a name; columns name, frames, value, low and high, in %."""
    style.check_table(table, "name", "frames", "value", "low", "high")
    figure, (axes,) = style.panels(1, 1, 2.9)
    looks = itertools.cycle((KINDS["visual"][1:], KINDS["audio"][1:], KINDS["fusion"][1:]))
    num_names = table["name"].nunique()
    for place, (name, rows) in enumerate(table.sort_values("frames").groupby("name", sort=False)):
        colour, marker = next(looks)
        # Side by side, as the intervals would hide each other.
        frames = rows["frames"] * 1.04 ** (place - (num_names - 1) / 2)
        around = [rows["value"] - rows["low"], rows["high"] - rows["value"]]
        axes.errorbar(frames, rows["value"], around, marker=marker, color=colour, label=name, capsize=2)
    ticks = sorted(table["frames"].unique())
    axes.set(xscale="log", xlabel="frames a video (logarithmic)", ylabel="Hit@1 in %")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="y")
    style.legend(figure, min(3, num_names))
    return figure


@style.styled
def costs(table: pd.DataFrame) -> Figure:
    """Show Hit@1 against what a model costs: to train, and to recognise one video; a line joins the rows of one name.

    Parameters
    ----------
    table : pd.DataFrame [columns name, kind (of `words.KINDS`), value (in %), minutes (of training) and multiply_adds]
    """
    style.check_table(table, "name", "kind", "value", "minutes", "multiply_adds")
    if (table[["minutes", "multiply_adds"]] <= 0).any(axis=None):
        raise ValueError("table: expected costs above 0")
    fills = {kind: itertools.cycle(("full", "bottom", "left", "top", "right")) for kind in KINDS}
    models = [
        (name, rows.sort_values("multiply_adds"), KINDS[kind][1:], next(fills[kind]))
        for (kind, name), rows in table.groupby(["kind", "name"], sort=False)
    ]
    figure, panels = style.panels(1, 2, 3.1 + 0.19 * -(-len(models) // 2), sharey=True)
    titles = {"minutes": "minutes of training", "multiply_adds": "multiply-adds a video"}
    for axes, (column, title) in zip(panels, titles.items(), strict=True):
        for name, rows, (colour, marker), fill in models:
            look: Any = {"color": colour, "marker": marker, "fillstyle": fill, "markerfacecoloralt": "white"}
            axes.plot(rows[column], rows["value"], label=name, markersize=7, linewidth=len(rows) > 1, **look)
        # Whole decades: within one, ticks of a logarithm say little.
        decades = np.log10(table[column])
        ends = (10 ** np.floor(decades.min() - 0.1), 10 ** np.ceil(decades.max() + 0.1))
        axes.set(xscale="log", xlabel=title, xlim=ends)
        axes.margins(y=0.1)
        axes.grid()
        axes.label_outer()
    panels[0].set_ylabel("Hit@1 in %")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8.5)
    return figure


@style.styled
def robustness(table: pd.DataFrame, *, reference: float | None = None) -> Figure:
    """Show Hit@1 with 95 % intervals as videos are degraded, a panel a condition, a line a model.

    Parameters
    ----------
    table : pd.DataFrame [columns condition, level (text), unit, kind (of `words.KINDS`), value, low and high, in %]
        The condition "none" begins every panel. Where the unit is empty, levels are names and no line joins them.
    reference : float or None [0 to 100]
        The majority rate in %; a line marks it.
    """
    place = ("condition", "level", "kind")
    style.check_table(table, *place, "unit", "value", "low", "high", once=place)
    names = [name for name in table["condition"].unique() if name != "none"]
    style.check_some(names, "conditions")
    num_rows = -(-len(names) // 2)
    figure, panels = style.panels(num_rows, 2, 0.6 + 2.0 * num_rows, sharey=True)
    for axes, name in zip(panels, names, strict=False):
        unit = table.loc[table["condition"] == name, "unit"].iloc[0]
        _draw_robustness(axes, table[table["condition"].isin(["none", name])], line="-" if unit else "")
        axes.set(title=name, xlabel=unit, ylim=(-3, 103))
        if reference is not None:
            axes.axhline(reference, **style.DASHES, label="majority rate")
    for axes in panels[len(names) :]:
        axes.remove()
    for axes in panels[::2]:
        axes.set_ylabel("Hit@1 in %")
    style.legend(figure, 2)
    return figure


def _draw_robustness(axes: Axes, rows: pd.DataFrame, line: str) -> None:
    levels = list(rows["level"].unique())
    kinds = [kind for kind in KINDS if (rows["kind"] == kind).any()]
    for offset, kind in zip(style.set_apart(len(kinds), 0.12), kinds, strict=True):
        name, colour, marker = KINDS[kind]
        values = rows[rows["kind"] == kind]
        places = values["level"].map(levels.index) + offset
        axes.vlines(places, values["low"], values["high"], color=colour, linewidth=1.1, alpha=0.6)
        axes.plot(places, values["value"], line + marker, color=colour, markersize=4.5, linewidth=1.2, label=name)
    axes.set_xticks(range(len(levels)), levels)
    axes.set_xlim(-0.4, len(levels) - 0.6)
    axes.grid(axis="y")
