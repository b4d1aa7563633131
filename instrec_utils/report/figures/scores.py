"""Figures of scores: training, intervals, confusion, classes, conditions; and against frames, costs, degradation."""

import itertools
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


@style.styled
def history(results: Sequence[Mapping[str, Any]]) -> Figure:
    """Show loss and accuracy of rows of `results.read_results` over their epochs, in training and validation."""
    style.check_table(pd.DataFrame([{"kind": result["kind"]} for result in results], columns=["kind"]), "kind")
    figure, panels = style.panels(len(results), 2, 0.65 + 1.85 * len(results))
    for loss, accuracy, result in zip(panels[::2], panels[1::2], results, strict=True):
        curves = pd.DataFrame(result["history"])
        best = result["best_epoch"]
        is_right = len(curves) > 0 and best in set(curves["epoch"])
        style.check(is_right, f"{result['run']}: expected a history with epoch {best}, the best")
        _draw_history(loss, curves, "loss", 1, result)
        value = _draw_history(accuracy, curves, "accuracy", 100, result)
        is_late = best > curves["epoch"].mean()
        look = {"xycoords": ("data", "axes fraction"), "ha": "right" if is_late else "left", "va": "bottom"}
        style.note(accuracy, f"epoch {best}: {value:.0f} %", (best, 0.04), (-5 if is_late else 5, 0), **look)
        loss.set(ylabel="loss", title=result["run"])
        accuracy.set(ylabel="accuracy in %", ylim=(0, 102))
    for axes in panels[-2:]:
        axes.set_xlabel("epoch")
    names = ("training", "validation (in the colour of the kind)", "best epoch")
    figure.legend(panels[0].get_legend_handles_labels()[0], names, loc="outside upper left", ncols=3)
    return figure


def _draw_history(axes: Axes, curves: pd.DataFrame, name: str, scale: float, result: Mapping[str, Any]) -> float:
    """Draw both curves, and return the value in validation at the best epoch."""
    colour = KINDS[result["kind"]].colour
    marker = "." if len(curves) <= 3 else None
    validation = scale * curves.set_index("epoch")[f"val_{name}"]
    axes.plot(curves["epoch"], scale * curves[name], color="#9a9a9a", marker=marker, label="training")
    axes.plot(validation, color=colour, marker=marker, label="validation")
    best = result["best_epoch"]
    axes.axvline(best, **style.DASHES | {"linewidth": 0.8}, label="best epoch")
    axes.plot([best], [validation[best]], "o", color=colour, markersize=5)
    axes.xaxis.set_major_locator(style.whole_numbers())
    axes.grid(axis="y")
    return validation[best]


@style.styled
def intervals(table: pd.DataFrame, *, reference: float | None = None) -> Figure:
    """Show Hit@1 with its 95 % intervals, one row each, in the table's order.

    Columns name, kind (of `words.KINDS`), value, low and high, in %, as is the reference, the majority rate. Low and
    high equal the value, or are NaN, where there is no interval.
    """
    style.check_table(table, "name", "kind", "value", "low", "high")
    is_outside = (table["low"] > table["value"]) | (table["high"] < table["value"])
    style.check(not is_outside.any(), "low, high: expected an interval around each value")
    figure, (axes,) = style.panels(1, 1, 0.8 + style.ROW * len(table))
    for place, row in enumerate(table.itertuples()):
        _, colour, marker = KINDS[str(row.kind)]
        if row.low < row.high:
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.2, solid_capstyle="round")
        axes.plot([row.value], [place], marker, color=colour, markersize=6.5, markeredgewidth=1.8)
        beside: Any = {"xycoords": ("axes fraction", "data"), "va": "center", "color": colour}
        style.note(axes, f"{row.value:.1f}", (1.01, place), **beside)
    axes.set_yticks(range(len(table)), table["name"])
    axes.set(xlabel="Hit@1 in %, with 95 % intervals", xlim=(0, 100), ylim=(len(table) - 0.4, -0.6))
    if reference is not None:
        style.check(0 <= reference <= 100, f"reference: expected 0 to 100 %, got {reference}")
        axes.axvline(reference, **style.DASHES)
        above = {"xycoords": ("data", "axes fraction"), "va": "bottom", "fontsize": 8, "color": "#555555"}
        style.note(axes, f"majority rate {reference:.1f}", (reference, 1), (0, 3), **above)
    style.finish_rows(axes, from_top=False)
    return figure


@style.styled
def confusions(items: Sequence[tuple[str, np.ndarray]], labels: Sequence[str], counts: Sequence[int]) -> Figure:
    """Show confusion matrices in % of the row, truth in rows, answers in columns; of many classes one below the other.

    Each is a title and a matrix [shape=(num_classes, num_classes)] from `evaluation.confusion`, whose rows sum to 1, or
    to 0 for a class without videos. The counts are the videos of each row.
    """
    style.check_some(items, "matrices")
    size = len(labels)
    for title, matrix in items:
        is_right = np.shape(matrix) == (size, size)
        style.check(is_right, f"{title}: expected {size} x {size} values for the labels, got shape {np.shape(matrix)}")
        sums = np.sum(matrix, axis=1)
        is_right = np.min(matrix) >= 0 and (np.isclose(sums, 1) | np.isclose(sums, 0)).all()
        style.check(is_right, f"{title}: expected rows of shares that sum to 1 or 0, got sums {sums.round(3).tolist()}")
    stacked, shown = size > 14, style.names(labels)  # so that the numbers can be read
    if stacked:
        figure, panels = style.panels(len(items), 1, (0.31 * size + 1.25) * len(items))
    else:
        layout = ConstrainedLayoutEngine(w_pad=0.01, wspace=0)
        height = style.WIDTH / len(items) + 0.9 + 0.06 * max(0, max(map(len, shown)) - 12)  # for names that are long
        figure, panels = style.panels(1, len(items), height, layout=layout, sharey=True)
    fontsize = 8 if stacked else min(8, 74 / size)
    for axes, (title, matrix) in zip(panels, items, strict=True):
        rows = [f"{name}, {count}" for name, count in zip(shown, counts, strict=True)]
        percentages = pd.DataFrame(100 * np.asarray(matrix), rows, shown)
        texts = np.where(percentages >= 0.5, np.char.mod("%.0f", percentages), "")
        _draw_matrix(axes, percentages, texts, "", fontsize, linewidths=0.6, linecolor="#eeeeee")
        axes.set(title=title, xlabel="answer")
        axes.tick_params(labelsize=8.5)
        axes.set_xticklabels(shown, rotation=90)
    for axes in panels if stacked else panels[:1]:
        axes.set_ylabel("truth, with its number of videos")
    return figure


def _draw_matrix(axes: Axes, values: pd.DataFrame, texts: Any, form: str, fontsize: float, **lines: Any) -> None:
    """Draw a matrix in %, on one scale of colour, with its texts."""
    look = {"vmin": 0, "vmax": 100, "cmap": "Blues", "cbar": False, "xticklabels": True, "yticklabels": True}
    sns.heatmap(values, annot=texts, fmt=form, annot_kws={"fontsize": fontsize}, ax=axes, **look, **lines)
    axes.tick_params(length=0)
    axes.tick_params(axis="y", rotation=0)


@style.styled
def per_class(table: pd.DataFrame) -> Figure:
    """Show the recall of each class, a dot with its interval a kind of model; see `answers.recall_by_class`."""
    style.check_table(table, "label", "kind", "value", "low", "high", "num_videos", once=("label", "kind"))
    labels, kinds = table["label"].unique(), table["kind"].unique()
    figure, (axes,) = style.panels(1, 1, 0.85 + 1.4 * style.ROW * len(labels))
    for offset, kind in zip(style.set_apart(len(kinds), 0.24), kinds, strict=True):
        name, colour, marker = KINDS[kind]
        rows = table[table["kind"] == kind].set_index("label").reindex(labels)
        places = np.arange(len(labels)) + offset
        axes.hlines(places, rows["low"], rows["high"], color=colour, linewidth=1.1, alpha=0.6)
        axes.plot(rows["value"], places, marker, color=colour, markersize=5.5, label=name, clip_on=False)
    counts = table.groupby("label")["num_videos"].first()
    named = zip(style.names(labels), labels, strict=True)
    axes.set_yticks(range(len(labels)), [f"{name} (n = {counts[label]})" for name, label in named])
    axes.set(xlabel="recall: recognised in % of the class's videos", xlim=(-2, 102), ylim=(len(labels) - 0.4, -0.6))
    style.finish_rows(axes, from_top=False)
    style.legend(figure, len(kinds))
    return figure


@style.styled
def scores_by_condition(table: pd.DataFrame) -> Figure:
    """Show Hit@1 with its interval under each condition of picture and sound; see `answers.hits_by_condition`."""
    place = ("stream", "condition", "kind")
    style.check_table(table, *place, "value", "low", "high", "num_videos", once=place)
    streams = table["stream"].unique()
    is_right = set(streams) <= {"picture", "sound"}
    style.check(is_right, f"stream: expected 'picture' or 'sound', got {streams.tolist()}")
    num_conditions = table.groupby("stream")["condition"].nunique().max()
    figure, panels = style.panels(1, len(streams), 0.95 + 0.46 * num_conditions)
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
        _draw_matrix(axes, values, texts.fillna(""), "", 8, linewidths=1.5, linecolor="white")
        axes.set(title=f"{stream} is ...", xlabel="Hit@1 in %", ylabel="")
    return figure


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

    Columns name, kind (of `words.KINDS`), value (in %), minutes (of training) and multiply_adds.
    """
    style.check_table(table, "name", "kind", "value", "minutes", "multiply_adds")
    style.check((table[["minutes", "multiply_adds"]] > 0).all(axis=None), "table: expected costs above 0")
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

    Columns condition, level (text), unit, kind (of `words.KINDS`), value, low and high, in %, as is the reference, the
    majority rate. The condition "none" begins every panel. Levels without a unit are names and no line joins them.
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
