"""The timeline of a recognition: when each instrument is there, as a figure, and as a page of its own."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from instrec_utils import files, letters
from instrec_utils.config import LABELS
from instrec_utils.errors import ParameterError
from instrec_utils.recognise import answers, page
from instrec_utils.recognise.recogniser import STEP, Recognition

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 9  # of a title, an inch
SUFFIXES = (".html", ".png")


def check_suffix(path: Path) -> None:
    """Raise a `ParameterError` unless a timeline can be written under that name."""
    if path.suffix.lower() not in SUFFIXES:
        raise ParameterError(f"--timeline: expected a file ending in {' or '.join(SUFFIXES)}, got {path.name!r}")


def write_timeline(path: Path, named: Sequence[tuple[str, Recognition]], top: int) -> None:
    """Write the timelines of recognised videos, as a page or as one picture, whole or not at all."""
    if path.suffix.lower() == ".png":
        files.write_bytes(path, _png(draw([recognition for _, recognition in named], names=_titles(named))))
        return
    articles = [page.article(name, one, top, page.address(name, one.path, path)) for name, one in named]
    files.write_text(path, page.of_articles(articles))


def _titles(named: Sequence[tuple[str, Recognition]]) -> list[str]:
    """Return what videos are called, each by its file's name alone unless another one has the same."""
    short = [answers.short(name) for name, _ in named]
    return [one if short.count(one) == 1 else name for one, (name, _) in zip(short, named, strict=True)]


def draw(recognitions: Sequence[Recognition], width: float = 9, names: Sequence[str] = ()) -> Figure:
    """Return the figure, so many inches wide: a row of panels a video, one a modality, dark where it is likely there.

    Shown are the instruments that pass their threshold anywhere, or the most likely one; a dot marks where they do.
    The videos are called by the names, or else by those of their files.
    """
    from matplotlib.figure import Figure

    titles = names or [one.path.name for one in recognitions]
    rows = [(one, title, name) for one, title in zip(recognitions, titles, strict=True) for name in one.timeline()]
    heights = [2 + len(one.shown()) for one, _, _ in rows]  # with its title and the numbers of its seconds
    figure = Figure(figsize=(width, 0.5 + 0.24 * sum(heights)), layout="constrained")
    panels = figure.subplots(len(rows), squeeze=False, height_ratios=heights)[:, 0]
    for axes, (recognition, title, name) in zip(panels, rows, strict=True):
        _draw_panel(axes, recognition, name)
        shown = letters.on_one_line(files.escaped(title), round(COLUMNS * width))
        look = {"fontsize": "small", "fontfamily": letters.families(), "parse_math": False}
        axes.set_title(f"{shown}: {name}", loc="left", **look)
    axes.set_xlabel("seconds")
    return figure


def _draw_panel(axes: Axes, recognition: Recognition, name: str) -> None:
    """Draw the timeline of a modality, of which the last step may be shorter."""
    shown, steps, end = recognition.shown(), recognition.timeline()[name], page.length(recognition)
    extent = (0, len(steps) * STEP, len(shown) - 0.5, -0.5)
    axes.imshow(steps[:, shown].T, aspect="auto", extent=extent, vmin=0, vmax=1, cmap="Blues", interpolation="none")
    there, place = np.nonzero(recognition.is_there()[name][:, shown])
    axes.plot((STEP * there + np.minimum(STEP * (there + 1), end)) / 2, place, "o", color="#c0392b", markersize=3)
    axes.set_yticks(range(len(shown)), [LABELS[number] for number in shown])
    axes.set_xlim(0, end)


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
