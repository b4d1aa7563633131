"""The timeline of a recognition: when each instrument is there, as a figure, and as a page of its own."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from instrec_utils import files
from instrec_utils.config import LABELS
from instrec_utils.errors import ParameterError
from instrec_utils.recognise import page
from instrec_utils.recognise.recogniser import STEP, Recognition

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".html", ".png")


def check_suffix(path: Path) -> None:
    """Raise a `ParameterError` unless a timeline can be written under that name."""
    if path.suffix.lower() not in SUFFIXES:
        raise ParameterError(f"--timeline: expected a file ending in {' or '.join(SUFFIXES)}, got {path.name!r}")


def write_timeline(path: Path, named: Sequence[tuple[str, Recognition]], top: int) -> None:
    """Write the timelines of recognised videos, as a page or as one picture, whole or not at all."""
    if path.suffix.lower() == ".png":
        files.write_bytes(path, _png(draw([recognition for _, recognition in named])))
        return
    articles = [page.article(name, one, top, page.address(name, one.path, path)) for name, one in named]
    files.write_text(path, page.of_articles(articles))


def draw(recognitions: Sequence[Recognition], width: float = 9) -> Figure:
    """Return the figure, so many inches wide: a row of panels a video, one a modality, dark where it is likely there.

    Shown are the instruments that pass their threshold anywhere, or the most likely one; a dot marks where they do.
    """
    from matplotlib.figure import Figure

    rows = [(one, name) for one in recognitions for name in one.timeline()]
    heights = [1 + len(one.shown()) for one, _ in rows]
    figure = Figure(figsize=(width, 0.5 + 0.24 * sum(heights)), layout="constrained")
    for axes, (recognition, name) in zip(
        figure.subplots(len(rows), squeeze=False, height_ratios=heights)[:, 0], rows, strict=True
    ):
        shown, steps = recognition.shown(), recognition.timeline()[name]
        extent = (0, len(steps) * STEP, len(shown) - 0.5, -0.5)
        axes.imshow(steps[:, shown].T, aspect="auto", extent=extent, vmin=0, vmax=1, cmap="Blues", interpolation="none")
        there, place = np.nonzero(recognition.is_there()[name][:, shown])
        axes.plot((there + 0.5) * STEP, place, "o", color="#c0392b", markersize=3)
        axes.set_yticks(range(len(shown)), [LABELS[number] for number in shown])
        axes.set_title(f"{recognition.path.name}: {name}", loc="left", fontsize="small", parse_math=False)
    axes.set_xlabel("seconds")
    return figure


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()
