"""Figures of a corpus and of what the models are given: its videos, spectrograms and frames."""

import dataclasses
import types
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import librosa
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from instrec_utils.config import SPLITS, Conditions, LogMel
from instrec_utils.report.figures import style
from instrec_utils.report.words import KINDS

MAX_COLUMNS = 40  # of a spectrogram an inch: a picture of more makes the file of a figure large


@style.drawn
def class_balance(index: pd.DataFrame, *, width: float) -> Figure:
    """Show the videos of each class of an index (columns label and split), stacked by split of `config.SPLITS`."""
    index = _split_rows(index, "label", "split")
    counts = pd.crosstab(index["label"], index["split"])
    counts = counts[[split for split in SPLITS if split in counts]]
    figure, (axes,) = style.panels(1, 1, 0.5 + style.ROW * len(counts), width)
    places, left = np.arange(len(counts)), np.zeros(len(counts))
    for split, values in counts.items():
        axes.barh(places, values, left=left, height=0.72, color=style.SPLIT_COLOURS[split], label=split, **style.EDGE)
        left += values.to_numpy()
    for place, total in enumerate(left):
        style.note(axes, f"{total:,.0f}", (total, place), (4, 0), va="center")
    axes.set_yticks(places, style.names(counts.index))
    axes.set(xlabel="videos", xlim=(0, left.max() * (1.08 if width == style.WIDE else 1.25)))
    axes.xaxis.set_major_locator(style.whole_numbers())
    style.finish_rows(axes)
    style.legend(figure, counts.shape[1])
    return figure


@style.drawn
def durations(index: pd.DataFrame, *, width: float) -> Figure:
    """Show how long the videos of an index (columns split and duration, in s or NaN) are."""
    seconds = _split_rows(index, "duration", "split")["duration"].dropna().to_numpy(float)
    is_right = len(seconds) > 0 and seconds.min() >= 0
    style.check(is_right, "index: expected at least one duration, all of 0 s or more")
    figure, (axes,) = style.panels(1, 1, 2.3, width)
    num_bins = min(30, max(5, int(np.sqrt(len(seconds)) * 2)))
    axes.hist(seconds, num_bins, color=style.SPLIT_COLOURS["validation"], **style.EDGE)
    median, total = float(np.median(seconds)), seconds.sum()
    axes.axvline(median, color="#222222", linewidth=1.2, linestyle=(0, (4, 2)))
    style.note(axes, f"median {median:.1f} s", (median, 1), (4, -2), xycoords=("data", "axes fraction"), va="top")
    together = f"{total / 3600:.1f} h" if total >= 3600 else f"{total / 60:.1f} min"
    axes.set(xlabel="duration in s", ylabel="videos", title=f"{len(seconds):,} videos, {together} together")
    axes.yaxis.set_major_locator(style.whole_numbers())
    axes.grid(axis="y")
    return figure


@style.drawn
def frame_rates(rates: Mapping[str, pd.Series], *, width: float) -> Figure:
    """Show how many frames a second (or NaN) the videos of each corpus, by its name, have, a panel a corpus."""
    style.check_some(rates, "corpora")
    figure, rows = style.panels(len(rates), 1, 1.7, width, sharex=True)
    for axes, (name, series) in zip(rows, rates.items(), strict=True):
        known = series.dropna()
        style.check(known.min() > 0, f"{name}: expected at least one frame rate, all above 0")
        shares = 100 * known.round().value_counts(normalize=True).sort_index()
        axes.bar(shares.index, shares, width=0.85, color=style.SPLIT_COLOURS["validation"])
        for place, share in shares[shares >= 10].items():
            style.note(axes, f"{share:.0f}", (place, share), (0, 2), ha="center")
        axes.set(title=f"{name}, {len(known):,} videos", ylabel="% of videos", ylim=(0, 1.15 * shares.max()))
        axes.grid(axis="y")
    rows[-1].set_xlabel("frames per second, rounded")
    return figure


@style.drawn
def before_and_after(table: pd.DataFrame, *, width: float) -> Figure:
    """Show how many videos each category has before and after undersampling, on a logarithmic scale.

    Columns category, at_least and at_most (bounds of the number before) and published (after).
    """
    style.check_table(table, "category", "at_least", "at_most", "published")
    numbers = table[["at_least", "at_most", "published"]]
    is_right = (numbers > 0).all(axis=None) and (table["at_least"] <= table["at_most"]).all()
    style.check(is_right, "table: expected numbers above 0 and at_least no larger than at_most")
    figure, (axes,) = style.panels(1, 1, 0.7 + style.ROW * len(table), width)
    places = np.arange(len(table))
    before, after = style.SPLIT_COLOURS["validation"], KINDS["visual"].colour
    axes.hlines(places, table["at_least"], table["at_most"], color=before, linewidth=5, label="before: from, to")
    axes.plot(table["at_least"], places, "|", color=before, markersize=11, markeredgewidth=2)
    axes.plot(table["published"], places, "D", color=after, markersize=5.5, label="after: published list")
    for place, number in enumerate(table["published"]):
        style.note(axes, f"{number:,}", (number, place), (-7, 0), ha="right", va="center")
    axes.set_yticks(places, table["category"])
    ends = (table["published"].min() / 3, 1.3 * table["at_most"].max())
    axes.set(xscale="log", xlabel="videos (logarithmic)", xlim=ends)
    style.finish_rows(axes)
    style.legend(figure, 2)
    return figure


@style.drawn
def held_out_shares(splits: Mapping[str, pd.DataFrame], *, width: float) -> Figure:
    """Show the share of each class that is in the test split, a panel a corpus, a marker a split method.

    Of each corpus, by its name, a table with columns label, and the split after each of one to three split methods.
    """
    style.check_some(splits, "corpora")
    num_classes = max(table["label"].nunique() for table in splits.values())
    figure, panels = style.panels(len(splits), len(splits), 0.7 + 0.27 * num_classes, width)
    # The second is hollow and larger: the third often lies on it.
    colours = (KINDS[kind].colour for kind in ("paper", "audio", "visual"))
    looks = tuple(zip(colours, "xos", (5, 9, 4), ("full", "none", "full"), strict=True))
    for axes, (name, table) in zip(panels, splits.items(), strict=True):
        style.check_table(table, "label")
        methods = [column for column in table if column != "label"]
        is_right = 1 <= len(methods) <= len(looks)
        style.check(is_right, f"{name}: expected 1 to {len(looks)} split methods, got {methods}")
        for (colour, marker, size, fill), method in zip(looks, methods, strict=False):
            shares = 100 * (table[method] == "test").groupby(table["label"]).mean()
            axes.plot(shares, shares.index, marker, color=colour, markersize=size, fillstyle=fill, label=method)
        axes.axvline(15, **style.DASHES)
        axes.set(title=name, xlabel="% of the class in the test split")
        style.finish_rows(axes)
    style.legend(figure, len(methods))
    return figure


@style.drawn
def condition_shares(index: pd.DataFrame, *, width: float) -> Figure:
    """Show the share of each split's videos under each condition; the index has columns split, picture and sound."""
    index = _split_rows(index, "split", "picture", "sound")
    splits = [split for split in SPLITS if (index["split"] == split).any()]
    height = 0.8 / len(splits)
    figure, panels = style.panels(2, 2, 3.3, width)
    for axes, stream in zip(panels, ("picture", "sound"), strict=True):
        conditions = list(getattr(Conditions(), stream))
        unknown = sorted({str(condition) for condition in index[stream]} - set(conditions))
        style.check(not unknown, f"{stream}: expected one of {', '.join(conditions)}, got {unknown}")
        shares = pd.crosstab(index[stream], index["split"], normalize="columns").mul(100)
        shares = shares.reindex(index=conditions, columns=splits, fill_value=0.0)
        for number, split in enumerate(splits):
            places = np.arange(len(conditions)) + (number - (len(splits) - 1) / 2) * height
            bars = axes.barh(
                places, shares[split], 0.92 * height, color=style.SPLIT_COLOURS[split], label=split, **style.EDGE
            )
            axes.bar_label(bars, fmt="%.0f", padding=3, fontsize=style.SMALLEST)
        axes.set_yticks(np.arange(len(conditions)), conditions)
        axes.set(title=stream, xlabel="% of the split's videos", xlim=(0, 1.12 * shares.to_numpy().max()))
        style.finish_rows(axes)
    style.legend(figure, len(splits))
    return figure


@style.drawn
def spectrograms(
    items: Sequence[tuple[str, np.ndarray]],
    settings: LogMel,
    *,
    joins: Mapping[int, Sequence[float]] = types.MappingProxyType({}),
    width: float,
) -> Figure:
    """Show titled log-mel spectrograms [shape=(n_mels, num_frames), dB] one below the other, on one scale of colour.

    Of those that are joined from several, by their place from 0, `joins` has the seconds that are marked above them.
    """
    style.check_some(items, "spectrograms")
    for title, spectrogram in items:
        is_right = spectrogram.ndim == 2 and len(spectrogram) == settings.n_mels
        style.check(is_right, f"{title}: expected {settings.n_mels} bands and frames, got shape {spectrogram.shape}")
    highest = max(float(spectrogram.max()) for _, spectrogram in items)
    lowest = max(highest - 80.0, min(float(spectrogram.min()) for _, spectrogram in items))
    bands = librosa.mel_frequencies(n_mels=settings.n_mels + 2, fmax=settings.sample_rate / 2)[1:-1]
    ticks = [tick for tick in (500, 1000, 2000, 4000, 8000) if tick <= settings.sample_rate / 2]
    # Few steps of colour make a small file, of which the picture is most.
    look: Any = {"cmap": mpl.colormaps[style.COLOURS].resampled(16), "vmin": lowest, "vmax": max(highest, lowest + 1.0)}
    figure, rows = style.panels(len(items), 1, 1.45, width, sharex=True)
    for place, (axes, (title, spectrogram)) in enumerate(zip(rows, items, strict=True)):
        seconds = spectrogram.shape[1] * settings.hop_length / settings.sample_rate
        extent = (0, seconds, -0.5, settings.n_mels - 0.5)
        columns = min(spectrogram.shape[1], round(width * MAX_COLUMNS))
        picture = cv2.resize(spectrogram.astype(np.float32), (columns, len(spectrogram)), interpolation=cv2.INTER_AREA)
        image = axes.imshow(picture, origin="lower", aspect="auto", extent=extent, interpolation="nearest", **look)
        axes.set(title=style.name(title, 80 if width == style.WIDE else 40), ylabel="Hz")
        axes.set_yticks(np.interp(ticks, bands, np.arange(settings.n_mels)), map(str, ticks))
        axes.label_outer()
        for second in joins.get(place, ()):
            axes.annotate("", (second, 1), (0, 7), ("data", "axes fraction"), "offset points", {"arrowstyle": "-"})
    rows[-1].set_xlabel("time in s")
    figure.colorbar(image, ax=rows, label="dB", fraction=0.05, pad=0.01, aspect=15 * len(items))
    return figure


def frame_strip(items: Sequence[tuple[str, np.ndarray]]) -> style.Drawing:
    """Show rows of a title and frames [shape=(k, height, width, 3), uint8]; rows may differ in k.

    On a phone every second frame is shown.
    """
    return dataclasses.replace(_frame_strip(items), is_picture=True)


@style.drawn
def _frame_strip(items: Sequence[tuple[str, np.ndarray]], *, width: float) -> Figure:
    style.check_some(items, "rows of frames")
    for title, frames in items:
        is_right = frames.ndim == 4 and len(frames) > 0 and frames.shape[-1] == 3 and frames.dtype == np.uint8
        got = f"{frames.shape} {frames.dtype}"
        style.check(is_right, f"{title}: expected frames (k, height, width, 3) of uint8, got {got}")
    shown = [(title, frames if width == style.WIDE else frames[::2]) for title, frames in items]
    columns = max(len(frames) for _, frames in shown)
    height = width / columns * max(frames.shape[1] / frames.shape[2] for _, frames in shown)
    figure = Figure(figsize=(width, height * len(shown)))
    figure.subplots_adjust(0, 0, 1, 1, wspace=0.02, hspace=0.02)
    panels = figure.subplots(len(shown), columns, squeeze=False)
    for axes in panels.flat:
        axes.axis("off")
    for row, (title, frames) in zip(panels, shown, strict=True):
        for axes, frame in zip(row, frames, strict=False):
            axes.imshow(frame, interpolation="antialiased")
        row[0].set_zorder(1)  # its title may be wider than a frame
        ground = {"facecolor": "#000000", "alpha": 0.7, "edgecolor": "none", "pad": 2}
        look: Any = {"xycoords": "axes fraction", "color": "#ffffff", "bbox": ground, "va": "top"}
        style.note(row[0], style.name(title, style.LONGEST), (0, 1), (4, -4), **look)
    return figure


def _split_rows(index: pd.DataFrame, *columns: str) -> pd.DataFrame:
    style.check_table(index, *columns)
    rows = index[index["split"].isin(SPLITS)]
    style.check_some(rows, f"rows of the splits {', '.join(SPLITS)}")
    return rows
