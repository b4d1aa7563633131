"""The report's figures: one function a figure, each from a table or arrays to a matplotlib `Figure`.

No figure touches pyplot's state, so none is left open and none appears by itself. One colour and one marker stand for
sound, picture and both everywhere; they are told apart by colour-blind readers and in grey. Figures are as wide as a
page of the book.
"""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import librosa.display
import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from instrec_utils.config import SPLITS, Conditions, LogMel

WIDTH = 7.0  # inches: 770 pixels, the width of a page's text
DPI = 110
MAX_BYTES = 150_000  # of a picture file; a larger one is reduced to 256 colours

KINDS = {
    "audio": ("sound", "#0072b2", "o"),
    "visual": ("frames", "#d55e00", "s"),
    "fusion": ("fusion", "#009e73", "D"),
    "paper": ("paper", "#767676", "x"),
}
"""Kind of a result: its name in figures, colour and marker."""

_SPLIT_COLOURS = dict(zip(SPLITS, ("#27445c", "#6d93b3", "#c3d5e3"), strict=True))
_STYLE = {
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.edgecolor": "#8a8a8a",
    "axes.labelcolor": "#333333",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": "#222222",
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelcolor": "#333333",
    "ytick.labelcolor": "#222222",
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 9,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.6,
}


def _styled(function: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the report's style and leave the caller's settings as they were."""

    @functools.wraps(function)
    def styled(*arguments: Any, **options: Any) -> Figure:
        with mpl.rc_context(_STYLE):
            return function(*arguments, **options)

    return styled


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file, the same bytes for the same figure.

    A file of more than `MAX_BYTES` is reduced to 256 colours, as spectrograms and photographs can be without harm.
    """
    with mpl.rc_context(_STYLE), io.BytesIO() as file:
        figure.savefig(file, format="png", metadata={"Software": None})
        data = file.getvalue()
    if len(data) <= MAX_BYTES:
        return data
    with Image.open(io.BytesIO(data)) as picture, io.BytesIO() as file:
        picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(file, format="png", optimize=True)
        return file.getvalue()


@_styled
def class_balance(index: pd.DataFrame) -> Figure:
    """Show the videos of each class, stacked by split.

    Parameters
    ----------
    index : columns label and split; rows of other splits than `config.SPLITS`, such as undegraded variants of test
        clips, are not counted.

    Raises
    ------
    ValueError
        A column is missing, or no row is left.
    """
    counts = _split_rows(index, "label", "split").groupby(["label", "split"]).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[split for split in SPLITS if split in counts])
    figure, axes = _rows(len(counts), header=0.75)
    left = np.zeros(len(counts))
    for split, values in counts.items():
        axes.barh(counts.index, values, left=left, height=0.72, color=_SPLIT_COLOURS[split], label=split)
        left += values.to_numpy()
    for place, total in enumerate(left):
        axes.annotate(f"{total:,.0f}", (total, place), (4, 0), textcoords="offset points", va="center", fontsize=8.5)
    axes.set(xlabel="videos", xlim=(0, 1.08 * left.max()))
    axes.invert_yaxis()
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    _legend(figure, axes, ncols=counts.shape[1])
    return figure


@_styled
def durations(index: pd.DataFrame) -> Figure:
    """Show how long the videos are.

    Parameters
    ----------
    index : columns split and duration, in seconds; NaN, where it is unknown, is not counted.

    Raises
    ------
    ValueError
        A column is missing, no duration is known, or one is negative.
    """
    seconds = _split_rows(index, "duration", "split")["duration"].dropna().to_numpy(float)
    if not len(seconds) or seconds.min() < 0:
        raise ValueError("index: expected at least one duration, all of 0 s or more")
    figure, axes = _single(height=2.4)
    axes.hist(seconds, bins=min(30, max(5, int(np.sqrt(len(seconds)) * 2))), color=_SPLIT_COLOURS["validation"])
    median = float(np.median(seconds))
    axes.axvline(median, color="#222222", linewidth=1.2, linestyle=(0, (4, 2)))
    axes.annotate(
        f"median {median:.1f} s", (median, 1), (4, -2), xycoords=("data", "axes fraction"), textcoords="offset points",
        va="top", fontsize=8.5,
    )  # fmt: skip
    axes.set(
        xlabel="duration in s", ylabel="videos", title=f"{len(seconds):,} videos, {_length(seconds.sum())} together"
    )
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y")
    return figure


def _length(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


@_styled
def frame_rates(rates: Mapping[str, pd.Series]) -> Figure:
    """Show how many frames a second the videos of each corpus have, a panel a corpus.

    Parameters
    ----------
    rates : frames per second of each video, by name of the corpus; NaN, where it is unknown, is not counted.

    Raises
    ------
    ValueError
        There is no corpus, or one has no rate or one that is not above 0.
    """
    _check_some(rates, "corpora")
    figure = Figure(figsize=(WIDTH, 0.5 + 1.6 * len(rates)), layout="constrained")
    rows = figure.subplots(len(rates), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (name, series) in zip(rows, rates.items(), strict=True):
        known = series.dropna().to_numpy(float)
        if not len(known) or known.min() <= 0:
            raise ValueError(f"{name}: expected at least one frame rate, all above 0")
        places, counts = np.unique(known.round(), return_counts=True)
        shares = 100 * counts / len(known)
        axes.bar(places, shares, width=0.85, color=_SPLIT_COLOURS["validation"])
        for place, share in zip(places, shares, strict=True):
            if share >= 10:
                axes.annotate(
                    f"{share:.0f}", (place, share), (0, 2), textcoords="offset points", ha="center", fontsize=8.5
                )
        axes.set(title=f"{name}, {len(known):,} videos", ylabel="% of videos", ylim=(0, 1.15 * shares.max()))
        axes.grid(axis="y")
    rows[-1].set_xlabel("frames per second, rounded")
    return figure


@_styled
def before_and_after(table: pd.DataFrame) -> Figure:
    """Show how many videos each category has before and after undersampling, on a logarithmic scale.

    Parameters
    ----------
    table : columns category, at_least and at_most (bounds of the number before), published (the number after); rows
        of the figure are in the table's order.

    Raises
    ------
    ValueError
        A column is missing, the table is empty, a number is not above 0, or the bounds are in the wrong order.
    """
    _check_columns(table, "category", "at_least", "at_most", "published")
    _check_some(table, "rows")
    if (table[["at_least", "published"]] <= 0).any(axis=None) or (table["at_least"] > table["at_most"]).any():
        raise ValueError("table: expected numbers above 0 and at_least no larger than at_most")
    figure, axes = _rows(len(table), header=0.95)
    places = np.arange(len(table))
    before, after = _SPLIT_COLOURS["validation"], KINDS["visual"][1]
    axes.hlines(places, table["at_least"], table["at_most"], color=before, linewidth=5, label="before: from, to")
    axes.plot(table["at_least"], places, "|", color=before, markersize=11, markeredgewidth=2)
    axes.plot(table["published"], places, "D", color=after, markersize=5.5, label="after: published list")
    for place, number in zip(places, table["published"], strict=True):
        axes.annotate(
            f"{number:,}", (number, place), (-7, 0), textcoords="offset points", ha="right", va="center", fontsize=8.5
        )
    axes.set_yticks(places, table["category"])
    axes.set(
        xscale="log", xlabel="videos (logarithmic)", xlim=(table["published"].min() / 3, 1.3 * table["at_most"].max())
    )
    axes.invert_yaxis()
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    _legend(figure, axes, ncols=2)
    return figure


@_styled
def held_out_shares(splits: Mapping[str, pd.DataFrame]) -> Figure:
    """Show the share of each class that is in the test split, a panel a corpus, a marker a way of splitting.

    Parameters
    ----------
    splits : by name of the corpus, a table with the column label and one column of splits (train, validation, test)
        for each of one to three ways, named after it.

    Raises
    ------
    ValueError
        There is no corpus, or one has no video, no way of splitting, or more than three.
    """
    _check_some(splits, "corpora")
    num_classes = max(table["label"].nunique() for table in splits.values())
    figure = Figure(figsize=(WIDTH, 0.95 + 0.27 * num_classes), layout="constrained")
    # The second is hollow and larger: the third often lies on it.
    looks = (("#767676", "x", 5), ("#0072b2", "o", 9), ("#d55e00", "s", 4))
    for axes, (name, table) in zip(figure.subplots(1, len(splits), squeeze=False)[0], splits.items(), strict=True):
        _check_columns(table, "label")
        _check_some(table, "videos")
        ways = [column for column in table if column != "label"]
        if not 1 <= len(ways) <= len(looks):
            raise ValueError(f"{name}: expected 1 to {len(looks)} ways of splitting, got {ways}")
        for (colour, marker, size), way in zip(looks, ways, strict=False):
            shares = 100 * (table[way] == "test").groupby(table["label"]).mean()
            filled = "none" if marker == "o" else "full"
            axes.plot(shares, shares.index, marker, color=colour, markersize=size, fillstyle=filled, label=way)
        axes.axvline(15, color="#555555", linewidth=1, linestyle=(0, (2, 2)))
        axes.set(title=name, xlabel="% of the class in the test split")
        axes.invert_yaxis()
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
    _legend(figure, figure.axes[0], ncols=len(ways))
    return figure


@_styled
def condition_shares(index: pd.DataFrame) -> Figure:
    """Show the share of each split's videos under each condition of the picture and of the sound.

    Parameters
    ----------
    index : columns split, picture and sound, of a staged corpus.

    Raises
    ------
    ValueError
        A column is missing, no row is left, or a condition is not one of `config.Conditions`.
    """
    index = _split_rows(index, "split", "picture", "sound")
    splits = [split for split in SPLITS if (index["split"] == split).any()]
    figure = Figure(figsize=(WIDTH, 3.3), layout="constrained")
    for axes, stream in zip(figure.subplots(1, 2), ("picture", "sound"), strict=True):
        conditions = list(getattr(Conditions(), stream))
        unknown = set(index[stream]) - set(conditions)
        if unknown:
            raise ValueError(f"{stream}: expected one of {', '.join(conditions)}, got {sorted(map(str, unknown))}")
        shares = pd.crosstab(index[stream], index["split"], normalize="columns").mul(100)
        shares = shares.reindex(index=conditions, columns=splits, fill_value=0.0)
        height = 0.8 / len(splits)
        for number, split in enumerate(splits):
            places = np.arange(len(conditions)) + (number - (len(splits) - 1) / 2) * height
            bars = axes.barh(places, shares[split], height=0.92 * height, color=_SPLIT_COLOURS[split], label=split)
            axes.bar_label(bars, fmt="%.0f", padding=3, fontsize=7.5)
        axes.set_yticks(np.arange(len(conditions)), conditions)
        axes.set(title=stream, xlabel="% of the split's videos", xlim=(0, 1.12 * shares.to_numpy().max()))
        axes.invert_yaxis()
        axes.grid(axis="x")
        axes.tick_params(axis="y", length=0)
    _legend(figure, figure.axes[0], ncols=len(splits))
    return figure


@_styled
def spectrograms(items: Sequence[tuple[str, np.ndarray]], settings: LogMel) -> Figure:
    """Show log-mel spectrograms one below the other, on one scale of colour.

    Parameters
    ----------
    items : title and spectrogram [shape=(n_mels, num_frames), dB] of each.
    settings : the sizes.

    Raises
    ------
    ValueError
        There is none, or one has another number of bands.
    """
    _check_some(items, "spectrograms")
    for title, spectrogram in items:
        if spectrogram.ndim != 2 or len(spectrogram) != settings.n_mels:
            raise ValueError(f"{title}: expected {settings.n_mels} bands and frames, got shape {spectrogram.shape}")
    highest = max(float(spectrogram.max()) for _, spectrogram in items)
    lowest = max(highest - 80.0, min(float(spectrogram.min()) for _, spectrogram in items))
    figure = Figure(figsize=(WIDTH, 0.5 + 1.45 * len(items)), layout="constrained")
    rows = figure.subplots(len(items), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, spectrogram) in zip(rows, items, strict=True):
        image = librosa.display.specshow(
            np.asarray(spectrogram, np.float32),
            sr=settings.sample_rate,
            n_fft=settings.n_fft,
            hop_length=settings.hop_length,
            x_axis="s",
            y_axis="mel",
            cmap="magma",
            vmin=lowest,
            vmax=max(highest, lowest + 1.0),
            ax=axes,
        )
        axes.set(title=title, xlabel="", ylabel="Hz")
        axes.set_yticks([tick for tick in (512, 2048, 4096, 8192) if tick <= settings.sample_rate / 2])
        axes.label_outer()
    rows[-1].set_xlabel("time in s")
    figure.colorbar(image, ax=list(rows), label="dB", fraction=0.03, pad=0.01)
    return figure


@_styled
def frame_strip(items: Sequence[tuple[str, np.ndarray]]) -> Figure:
    """Show rows of frames, one row an item.

    Parameters
    ----------
    items : title and frames [shape=(k, height, width, 3), uint8] of each; rows may differ in k.

    Raises
    ------
    ValueError
        There is none, or one is not of RGB frames of uint8.
    """
    _check_some(items, "rows of frames")
    for title, frames in items:
        if frames.ndim != 4 or frames.shape[-1] != 3 or frames.dtype != np.uint8 or not len(frames):
            raise ValueError(
                f"{title}: expected frames (k, height, width, 3) of uint8, got {frames.shape} {frames.dtype}"
            )
    columns = max(len(frames) for _, frames in items)
    ratio = max(frames.shape[1] / frames.shape[2] for _, frames in items)
    height = (WIDTH / columns) * ratio + 0.24
    figure = Figure(figsize=(WIDTH, height * len(items)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.015, h_pad=0.015, wspace=0.0, hspace=0.0)
    for row, (title, frames) in zip(figure.subplots(len(items), columns, squeeze=False), items, strict=True):
        for axes, frame in zip(row, frames, strict=False):
            axes.imshow(frame, interpolation="antialiased")
        for axes in row:
            axes.axis("off")
        row[0].set_title(title, fontsize=9)
    return figure


@_styled
def history(results: Sequence[Mapping[str, Any]]) -> Figure:
    """Show loss and accuracy of each run over its epochs, in training and validation.

    Parameters
    ----------
    results : of ``results/<corpus>/<run>.json``: run, kind, best_epoch, and history with the lists epoch, loss,
        accuracy (0 to 1), val_loss and val_accuracy.

    Raises
    ------
    ValueError
        There is none, a kind is unknown, or a history is empty, uneven or without its best epoch.
    """
    _check_some(results, "results")
    figure = Figure(figsize=(WIDTH, 0.65 + 1.85 * len(results)), layout="constrained")
    for row, result in zip(figure.subplots(len(results), 2, squeeze=False), results, strict=True):
        _check_kinds([result["kind"]])
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
    colour = KINDS[result["kind"]][1]
    marker = "." if len(curves) <= 3 else None
    axes.plot(curves["epoch"], scale * curves[name], color="#9a9a9a", marker=marker, label="training")
    axes.plot(curves["epoch"], scale * curves[f"val_{name}"], color=colour, marker=marker, label="validation")
    best = result["best_epoch"]
    value = scale * float(curves.loc[curves["epoch"] == best, f"val_{name}"].iloc[0])
    axes.axvline(best, color="#555555", linewidth=0.8, linestyle=(0, (2, 2)), label="best epoch")
    axes.plot([best], [value], "o", color=colour, markersize=5)
    if name == "accuracy":
        is_late = best > curves["epoch"].mean()
        axes.annotate(
            f"epoch {best}: {value:.0f} %", (best, 0.04), (-5 if is_late else 5, 0), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="right" if is_late else "left", va="bottom", fontsize=8.5,
        )  # fmt: skip
    axes.set(ylabel="loss" if name == "loss" else "accuracy in %")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(axis="y")


@_styled
def intervals(table: pd.DataFrame, *, metric: str = "Hit@1", reference: float | None = None) -> Figure:
    """Show scores with their 95 % intervals, one row each, in the table's order.

    Parameters
    ----------
    table : columns name, kind (one of `KINDS`), value, low and high, in %; low and high equal the value, or are
        NaN, where there is no interval, as for the paper.
    metric : what the values are.
    reference : the majority rate in %; a line marks it.

    Raises
    ------
    ValueError
        A column is missing, the table is empty, a kind is unknown, or a value is not within 0 to 100 and its interval.
    """
    _check_columns(table, "name", "kind", "value", "low", "high")
    _check_some(table, "rows")
    _check_kinds(table["kind"])
    _check_percentages(table[["value", "low", "high"]])
    if (table["low"] > table["value"]).any() or (table["high"] < table["value"]).any():
        raise ValueError("low, high: expected an interval around each value")
    figure, axes = _rows(len(table), header=0.8)
    for place, row in enumerate(table.itertuples()):
        _, colour, marker = KINDS[row.kind]
        if row.low < row.high:
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.2, solid_capstyle="round")
        axes.plot([row.value], [place], marker, color=colour, markersize=6.5, markeredgewidth=1.8)
        axes.annotate(
            f"{row.value:.1f}",
            (1.01, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color=colour,
        )
    axes.set_yticks(range(len(table)), table["name"])
    axes.set(xlabel=f"{metric} in %, with 95 % intervals", xlim=(0, 100), ylim=(len(table) - 0.4, -0.6))
    if reference is not None:
        _check_percentages(pd.DataFrame({"reference": [reference]}))
        axes.axvline(reference, color="#555555", linewidth=1, linestyle=(0, (2, 2)))
        axes.annotate(
            f"majority rate {reference:.1f}", (reference, 1), (0, 3), xycoords=("data", "axes fraction"),
            textcoords="offset points", ha="left", va="bottom", fontsize=8, color="#555555",
        )  # fmt: skip
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    return figure


@_styled
def confusions(items: Sequence[tuple[str, np.ndarray]], labels: Sequence[str]) -> Figure:
    """Show confusion matrices on one scale of colour: truth in rows, answers in columns, in % of the row.

    With more than 14 classes they stand one below the other, so that the numbers can be read.

    Parameters
    ----------
    items : title and matrix [shape=(num_classes, num_classes)] of each; rows sum to 1, or to 0 for a class that has
        no video, as from `evaluation.confusion`.
    labels : names of the classes, in the matrices' order.

    Raises
    ------
    ValueError
        There is none, or a matrix has another shape or rows that do not sum to 1 or 0.
    """
    _check_some(items, "matrices")
    size = len(labels)
    for title, matrix in items:
        if np.shape(matrix) != (size, size):
            raise ValueError(f"{title}: expected {size} x {size} values for the labels, got shape {np.shape(matrix)}")
        sums = np.sum(matrix, axis=1)
        if np.min(matrix) < 0 or not (np.isclose(sums, 1) | np.isclose(sums, 0)).all():
            raise ValueError(f"{title}: expected rows of shares that sum to 1 or 0, got sums {sums.round(3).tolist()}")
    stacked = size > 14
    if stacked:
        figure = Figure(figsize=(WIDTH, (0.31 * size + 1.25) * len(items)), layout="constrained")
        grid = figure.subplots(len(items), 1, squeeze=False)[:, 0]
    else:
        figure = Figure(figsize=(WIDTH, WIDTH / len(items) + 0.9), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.01, wspace=0)
        grid = figure.subplots(1, len(items), sharey=True, squeeze=False)[0]
    for axes, (title, matrix) in zip(grid, items, strict=True):
        percentages = 100 * np.asarray(matrix)
        sns.heatmap(
            percentages,
            vmin=0,
            vmax=100,
            cmap="Blues",
            cbar=False,
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


@_styled
def per_class(table: pd.DataFrame) -> Figure:
    """Show the recall of each class, a dot a kind of model.

    Parameters
    ----------
    table : columns label, kind (one of `KINDS`) and recall (0 to 1); a class without videos has no row, or NaN.

    Raises
    ------
    ValueError
        A column is missing, the table is empty, a kind is unknown, or a recall is given twice or not within 0 to 1.
    """
    _check_columns(table, "label", "kind", "recall")
    _check_some(table, "rows")
    _check_kinds(table["kind"])
    if not table["recall"].dropna().between(0, 1).all():
        raise ValueError(f"recall: expected 0 to 1, got {table['recall'].tolist()}")
    if table.duplicated(["label", "kind"]).any():
        raise ValueError("table: expected one row a label and kind, got one twice")
    labels, kinds = list(dict.fromkeys(table["label"])), list(dict.fromkeys(table["kind"]))
    table = table.pivot(index="label", columns="kind", values="recall").mul(100).loc[labels, kinds]
    figure, axes = _rows(len(table), header=0.85)
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
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    _legend(figure, axes, ncols=table.shape[1])
    return figure


@_styled
def scores_by_condition(table: pd.DataFrame) -> Figure:
    """Show Hit@1 under each condition of the picture and of the sound, a column a kind of model.

    Parameters
    ----------
    table : columns stream ("picture" or "sound"), condition, kind (one of `KINDS`), value (Hit@1 in %) and
        num_videos; rows and columns of the figure are in the table's order.

    Raises
    ------
    ValueError
        A column is missing, the table is empty, a stream or kind is unknown, a value is no percentage, or a cell is
        given twice.
    """
    _check_columns(table, "stream", "condition", "kind", "value", "num_videos")
    _check_some(table, "rows")
    _check_kinds(table["kind"])
    _check_percentages(table[["value"]])
    streams = list(dict.fromkeys(table["stream"]))
    if not set(streams) <= {"picture", "sound"}:
        raise ValueError(f"stream: expected 'picture' or 'sound', got {streams}")
    if table.duplicated(["stream", "condition", "kind"]).any():
        raise ValueError("table: expected one row a stream, condition and kind, got one twice")
    num_conditions = table.groupby("stream")["condition"].nunique().max()
    figure = Figure(figsize=(WIDTH, 0.95 + 0.36 * num_conditions), layout="constrained")
    for axes, stream in zip(figure.subplots(1, len(streams), squeeze=False)[0], streams, strict=True):
        rows = table[table["stream"] == stream]
        conditions, kinds = list(dict.fromkeys(rows["condition"])), list(dict.fromkeys(rows["kind"]))
        values = rows.pivot(index="condition", columns="kind", values="value").loc[conditions, kinds]
        counts = rows.groupby("condition")["num_videos"].first()
        sns.heatmap(
            values,
            vmin=0,
            vmax=100,
            cmap="Blues",
            cbar=False,
            annot=True,
            fmt=".0f",
            annot_kws={"fontsize": 9},
            linewidths=1.5,
            linecolor="white",
            xticklabels=[KINDS[kind][0] for kind in kinds],
            yticklabels=[f"{condition} (n = {counts[condition]})" for condition in conditions],
            ax=axes,
        )
        axes.set(title=f"{stream} is ...", xlabel="Hit@1 in %", ylabel="")
        axes.tick_params(length=0)
        axes.tick_params(axis="y", rotation=0)
    return figure


@_styled
def frame_counts(table: pd.DataFrame) -> Figure:
    """Show Hit@1 by the number of frames, a line a way of training.

    Parameters
    ----------
    table : columns name (of the line), frames, value, low and high, in %.

    Raises
    ------
    ValueError
        A column is missing, the table is empty, or a value is no percentage.
    """
    _check_columns(table, "name", "frames", "value", "low", "high")
    _check_some(table, "rows")
    _check_percentages(table[["value", "low", "high"]])
    figure, axes = _single(height=2.9)
    looks = itertools.cycle(((KINDS["visual"][1], "s"), (KINDS["audio"][1], "o"), (KINDS["fusion"][1], "D")))
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
    _legend(figure, axes, ncols=min(3, len(names)))
    return figure


@_styled
def costs(table: pd.DataFrame) -> Figure:
    """Show Hit@1 against what a model costs: to train, and to recognise one video.

    Parameters
    ----------
    table : columns name, kind (one of `KINDS`), value (Hit@1 in %), minutes (of training) and multiply_adds. Rows of
        one name are one model with more and more input, and are joined by a line.

    Raises
    ------
    ValueError
        A column is missing, the table is empty, a kind is unknown, a value is no percentage, or a cost is not above 0.
    """
    _check_columns(table, "name", "kind", "value", "minutes", "multiply_adds")
    _check_some(table, "rows")
    _check_kinds(table["kind"])
    _check_percentages(table[["value"]])
    if (table[["minutes", "multiply_adds"]] <= 0).any(axis=None):
        raise ValueError("table: expected costs above 0")
    fills = {kind: itertools.cycle(("full", "bottom", "left", "top", "right")) for kind in KINDS}
    models = [
        (name, rows.sort_values("multiply_adds"), KINDS[kind][1:], next(fills[kind]))
        for (kind, name), rows in table.groupby(["kind", "name"], sort=False)
    ]
    figure = Figure(figsize=(WIDTH, 3.1 + 0.19 * -(-len(models) // 2)), layout="constrained")
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


def _single(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _rows(number: int, header: float) -> tuple[Figure, Axes]:
    """Make a figure for so many horizontal rows."""
    return _single(header + 0.29 * number)


def _legend(figure: Figure, axes: Axes, ncols: int) -> None:
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=ncols)


def _split_rows(index: pd.DataFrame, *columns: str) -> pd.DataFrame:
    _check_columns(index, *columns)
    rows = index[index["split"].isin(SPLITS)]
    _check_some(rows, f"rows of the splits {', '.join(SPLITS)}")
    return rows


def _check_columns(table: pd.DataFrame, *columns: str) -> None:
    missing = [name for name in columns if name not in table]
    if missing:
        raise ValueError(f"expected the columns {', '.join(columns)}, missing: {missing}")


def _check_some(items: Any, name: str) -> None:
    if len(items) == 0:
        raise ValueError(f"expected at least one of the {name}, got none")


def _check_kinds(kinds: Any) -> None:
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise ValueError(f"kind: expected one of {', '.join(KINDS)}, got {unknown[0]!r}")


def _check_percentages(values: pd.DataFrame) -> None:
    numbers = values.to_numpy(float)
    if ((numbers < 0) | (numbers > 100)).any():
        raise ValueError(f"{', '.join(map(str, values.columns))}: expected 0 to 100 %, got {numbers.tolist()}")


_ROBUSTNESS_KINDS = {kind: KINDS[kind] for kind in ("audio", "visual", "fusion")} | {
    "dropout": ("fusion with modality dropout", "#cc79a7", "^"),
    "attention": ("fusion with attention and modality dropout", "#56b4e9", "v"),
}


@_styled
def robustness(table: pd.DataFrame, *, reference: float | None = None) -> Figure:
    """Show Hit@1 with 95 % intervals as videos are degraded, a panel a condition, a line a model.

    Parameters
    ----------
    table : columns condition, level (as text), unit, kind (audio, visual, fusion, dropout or attention), value, low and
        high, in %; panels and levels are in the table's order. The rows of the condition "none", the videos as they
        are, begin every panel. Where the unit is empty, levels are names and no line joins them.
    reference : the majority rate in %; a line marks it.

    Raises
    ------
    ValueError
        A column is missing, a kind is unknown, a value is no percentage or is given twice, or there is no condition
        but "none".
    """
    _check_columns(table, "condition", "level", "unit", "kind", "value", "low", "high")
    unknown = set(table["kind"]) - set(_ROBUSTNESS_KINDS)
    if unknown:
        raise ValueError(f"kind: expected one of {', '.join(_ROBUSTNESS_KINDS)}, got {sorted(unknown)}")
    _check_percentages(table[["value", "low", "high"]])
    if table.duplicated(["condition", "level", "kind"]).any():
        raise ValueError("table: expected one row a condition, level and kind, got one twice")
    as_is = table[table["condition"] == "none"]
    names = [name for name in table["condition"].unique() if name != "none"]
    _check_some(names, "conditions")
    num_rows = -(-len(names) // 2)
    figure = Figure(figsize=(WIDTH, 0.6 + 2.0 * num_rows), layout="constrained")
    grid = figure.subplots(num_rows, 2, sharey=True, squeeze=False).ravel()
    for axes, name in zip(grid, names, strict=False):
        rows = table[table["condition"] == name]
        _draw_robustness(axes, pd.concat([as_is, rows]), has_lines=bool(rows["unit"].iloc[0]))
        axes.set(title=name, xlabel=rows["unit"].iloc[0], ylim=(-3, 103))
        if reference is not None:
            axes.axhline(reference, color="#555555", linewidth=1, linestyle=(0, (2, 2)), label="majority rate")
    for axes in grid[len(names) :]:
        axes.remove()
    for axes in grid[::2]:
        axes.set_ylabel("Hit@1 in %")
    _legend(figure, figure.axes[0], ncols=2)
    return figure


def _draw_robustness(axes: Axes, rows: pd.DataFrame, has_lines: bool) -> None:
    levels = list(rows["level"].unique())
    kinds = [kind for kind in _ROBUSTNESS_KINDS if (rows["kind"] == kind).any()]
    # Set a little apart, so that no interval hides another.
    offsets = np.linspace(-0.12, 0.12, len(kinds)) if len(kinds) > 1 else [0.0]
    for offset, kind in zip(offsets, kinds, strict=True):
        name, colour, marker = _ROBUSTNESS_KINDS[kind]
        values = rows[rows["kind"] == kind]
        places = np.array([levels.index(level) for level in values["level"]]) + offset
        axes.vlines(places, values["low"], values["high"], color=colour, linewidth=1.1, alpha=0.6)
        line = "-" if has_lines else ""
        axes.plot(places, values["value"], line + marker, color=colour, markersize=4.5, linewidth=1.2, label=name)
    axes.set_xticks(range(len(levels)), levels)
    axes.set_xlim(-0.4, len(levels) - 0.6)
    axes.grid(axis="y")
