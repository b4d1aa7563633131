"""Figures of curves: over the epochs of a training, the number of frames, costs, and levels of degradation."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from instrec_utils.report.figures import style
from instrec_utils.report.words import KINDS

TRAINING: Any = {"color": "#767676", "linestyle": (0, (3, 1.5)), "label": "training"}
APART = 6.5  # % between the names of two lines at their ends


@style.drawn
def history(result: Mapping[str, Any], *, width: float) -> Figure:
    """Show loss and accuracy of a row of `results.read_results` over its epochs, in training and validation.

    Those of a warm-up, where its result tells of them, come first, on a shaded ground.
    """
    style.check_table(pd.DataFrame([{"kind": result["kind"]}]), "kind")
    before, own = pd.DataFrame(result.get("history_of_warm_up") or {}), pd.DataFrame(result["history"])
    best = result["best_epoch"]
    is_right = len(own) > 0 and best in set(own["epoch"])
    style.check(is_right, f"{result['run']}: expected a history with epoch {best}, the best")
    kept = len(before) + best
    figure, panels = style.panels(2, 2, 2.1, width)
    for axes, name, scale in zip(panels, ("loss", "accuracy"), (1, 100), strict=True):
        if len(before):
            axes.axvspan(0.5, len(before) + 0.5, color="#000000", alpha=0.07, linewidth=0, label="warm-up")
            _draw_history(axes, before, before["epoch"], name, scale, result["kind"])
        validation = _draw_history(axes, own, own["epoch"] + len(before), name, scale, result["kind"])
        axes.axvline(kept, **style.DASHES, label="epoch whose weights are kept")
        axes.plot([kept], [validation[kept]], "o", color=KINDS[result["kind"]].colour, markersize=6)
        axes.set(title=name if scale == 1 else f"{name} in %", xlabel="epoch")
        axes.set_ylim(0, None if scale == 1 else 102)
        axes.xaxis.set_major_locator(style.whole_numbers())
        axes.grid(axis="y")
    style.legend(figure, 2)
    return figure


def _draw_history(
    axes: Axes, curves: pd.DataFrame, epochs: pd.Series, name: str, scale: float, kind: str
) -> "pd.Series[float]":
    """Draw both curves, and return that of validation by epoch."""
    marker = "." if len(curves) <= 3 else None
    validation = (scale * curves[f"val_{name}"]).set_axis(epochs)
    axes.plot(epochs, scale * curves[name], marker=marker, **TRAINING)
    axes.plot(validation, color=KINDS[kind].colour, marker=marker, label="validation")
    return validation


@style.drawn
def frame_counts(table: pd.DataFrame, *, width: float) -> Figure:
    """Show Hit@1 by number of frames, a line a name; columns name, frames, value, low and high, in %."""
    style.check_table(table, "name", "frames", "value", "low", "high")
    figure, (axes,) = style.panels(1, 1, 2.9, width)
    looks = itertools.cycle(KINDS[kind][1:4] for kind in ("visual", "audio", "fusion"))
    num_names = table["name"].nunique()
    for place, (name, rows) in enumerate(table.sort_values("frames").groupby("name", sort=False)):
        colour, marker, line = next(looks)
        # Side by side, as the intervals would hide each other.
        frames = rows["frames"] * 1.04 ** (place - (num_names - 1) / 2)
        axes.vlines(frames, rows["low"], rows["high"], color=colour, linewidth=1.2, alpha=0.6, label=f"_{name}")
        axes.plot(frames, rows["value"], marker=marker, color=colour, linestyle=line, label=name)
    ticks = sorted(table["frames"].unique())
    axes.set(xscale="log", xlabel="frames a video (logarithmic)", ylabel="Hit@1 in %")
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="y")
    style.legend(figure, 2)
    return figure


@style.drawn
def costs(table: pd.DataFrame, *, width: float) -> Figure:
    """Show Hit@1 against what a model costs: to train, and to recognise one video; steps join the best for the cost.

    Columns name, kind (of `words.KINDS`), value, low and high (in %), minutes (of training) and multiply_adds.
    """
    style.check_table(table, "name", "kind", "value", "low", "high", "minutes", "multiply_adds")
    style.check((table[["minutes", "multiply_adds"]] > 0).all(axis=None), "table: expected costs above 0")
    fills = {kind: itertools.cycle(("full", "none", "bottom", "left", "top", "right")) for kind in KINDS}
    models = [
        (name, rows, KINDS[kind], next(fills[kind]))
        for (kind, name), rows in table.groupby(["kind", "name"], sort=False)
    ]
    figure, panels = style.panels(2, 2, 3.1, width)
    titles = {"minutes": "minutes of training", "multiply_adds": "multiply-adds a video"}
    for axes, (column, title) in zip(panels, titles.items(), strict=True):
        best = table.sort_values([column, "value"], ascending=[True, False])
        best = best[best["value"] > best["value"].cummax().shift(fill_value=-1)]
        axes.step(best[column], best["value"], where="post", **style.DASHES, label="the best for this cost or less")
        for name, rows, kind, fill in models:
            look: Any = {"color": kind.colour, "fillstyle": fill, "markerfacecoloralt": "white"}
            ends = rows["low"], rows["high"]
            axes.vlines(rows[column], *ends, color=kind.colour, linewidth=0.9, alpha=0.35, label=f"_{name}")
            axes.plot(rows[column], rows["value"], kind.marker, label=name, markersize=6, **look)
        # Whole decades: within one, ticks of a logarithm say little.
        decades = np.log10(table[column])
        ends = (10 ** np.floor(decades.min() - 0.1), 10 ** np.ceil(decades.max() + 0.1))
        axes.set(xscale="log", xlabel=title, xlim=ends, ylim=(0, 102), ylabel="Hit@1 in %")
        axes.grid()
    style.legend(figure, 2)
    return figure


@style.drawn
def robustness(table: pd.DataFrame, *, reference: float | None = None, width: float) -> Figure:
    """Show Hit@1 with 95 % intervals as videos are degraded, a panel a condition, a line a model, named at its end.

    Columns condition, level (text), unit, kind (of `words.KINDS`), value, low and high, in %, as is the reference, the
    majority rate. The condition "none" begins every panel. Levels without a unit are names and no line joins them.
    """
    place = ("condition", "level", "kind")
    style.check_table(table, *place, "unit", "value", "low", "high", once=place)
    names = [name for name in table["condition"].unique() if name != "none"]
    style.check_some(names, "conditions")
    figure, panels = style.panels(len(names), 2, 2.5, width)
    for axes, name in zip(panels, names, strict=True):
        unit = table.loc[table["condition"] == name, "unit"].iloc[0]
        draw = _draw_levels if unit else _draw_names
        draw(axes, table[table["condition"].isin(["none", name])])
        axes.set(title=name, xlabel=unit, ylim=(0, 102))
        axes.yaxis.set_major_formatter(PercentFormatter(decimals=0, symbol=" %"))
        axes.grid(axis="y")
        if reference is not None:
            axes.axhline(reference, **style.DASHES, label="commonest class")
    style.legend(figure, 2)
    return figure


def _draw_levels(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw lines with their intervals as bands, and their names where they end."""
    levels, ends = list(rows["level"].unique()), {}
    for kind, values in _by_kind(rows):
        name, colour, marker, line, _ = KINDS[kind]
        places = values["level"].map(levels.index)
        axes.fill_between(places, values["low"], values["high"], color=colour, alpha=0.08, linewidth=0)
        axes.plot(places, values["value"], color=colour, marker=marker, markersize=4, linestyle=line, label=name)
        ends[kind] = values["value"].iloc[-1]
    for kind, place in _spread(ends).items():
        look = {"va": "center", "color": KINDS[kind].colour, "annotation_clip": False}
        style.note(axes, KINDS[kind].short, (len(levels) - 1, place), (8, 0), **look)
    axes.set_xticks(range(len(levels)), levels)
    axes.set_xlim(-0.2, len(levels) - 1 + 0.3 * len(levels))


def _draw_names(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw points with their intervals, side by side."""
    levels, kinds = list(rows["level"].unique()), _by_kind(rows)
    for offset, (kind, values) in zip(style.set_apart(len(kinds), 0.26), kinds, strict=True):
        name, colour, marker = KINDS[kind][:3]
        places = values["level"].map(levels.index) + offset
        axes.vlines(places, values["low"], values["high"], color=colour, linewidth=1.2, alpha=0.6)
        axes.plot(places, values["value"], marker, color=colour, markersize=5, label=name)
    axes.set_xticks(range(len(levels)), levels)
    axes.set_xlim(-0.5, len(levels) - 0.5)


def _by_kind(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(kind, rows[rows["kind"] == kind]) for kind in KINDS if (rows["kind"] == kind).any()]


def _spread(ends: Mapping[str, float]) -> dict[str, float]:
    """Return places for the names at lines' ends: in the ends' order, `APART` from each other, at most 100."""
    ordered = sorted(ends, key=ends.__getitem__)
    values = [ends[kind] for kind in ordered]
    upwards = list(itertools.accumulate(values, lambda below, value: max(value, below + APART)))
    downwards = list(itertools.accumulate(reversed(values), lambda above, value: min(value, above - APART)))
    places = np.mean([upwards, downwards[::-1]], axis=0)
    return dict(zip(ordered, (places - max(0, places.max() - 100)).tolist(), strict=True))
