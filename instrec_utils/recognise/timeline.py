"""The timeline of a recognition: when each instrument is there, as a figure, and as a page of its own."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from instrec_utils import files, media
from instrec_utils.config import LABELS
from instrec_utils.errors import ParameterError
from instrec_utils.inputs.frames import encode_jpeg
from instrec_utils.recognise import answers
from instrec_utils.recognise.recogniser import FRAMES, STEP, Recognition

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = (".html", ".png")
NUM_FRAMES = 3  # that decided, of the most likely instrument, on the page
FRAME_HEIGHT = 180  # pixels
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>What is playing?</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body {{ font-family: sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
h1 {{ font-size: 1.3rem; overflow-wrap: anywhere; }} pre {{ overflow-x: auto; }} img {{ max-width: 100%; }}
</style></head><body>
{sections}
</body></html>
"""


def check_suffix(path: Path) -> None:
    """Raise a `ParameterError` unless a timeline can be written under that name."""
    if path.suffix.lower() not in SUFFIXES:
        raise ParameterError(f"--timeline: expected a file ending in {' or '.join(SUFFIXES)}, got {path.name!r}")


def write(path: Path, named: Sequence[tuple[str, Recognition]], top: int) -> None:
    """Write the timelines of recognised videos, as a page or as one picture, whole or not at all."""
    if path.suffix.lower() == ".png":
        files.write_bytes(path, _png(draw([recognition for _, recognition in named])))
        return
    sections = "\n".join(_section(name, recognition, top) for name, recognition in named)
    files.write_text(path, PAGE.format(sections=sections))


def draw(recognitions: Sequence[Recognition]) -> Figure:
    """Return the figure: a row of panels a video, one a modality, dark where an instrument is likely.

    Shown are the instruments that pass their threshold anywhere, or the most likely one; a dot marks where they do.
    """
    from matplotlib.figure import Figure

    rows = [(one, name) for one in recognitions for name in one.timeline()]
    heights = [1 + len(_shown(one)) for one, _ in rows]
    figure = Figure(figsize=(9, 0.5 + 0.24 * sum(heights)), layout="constrained")
    for axes, (recognition, name) in zip(
        figure.subplots(len(rows), squeeze=False, height_ratios=heights)[:, 0], rows, strict=True
    ):
        shown, steps = _shown(recognition), recognition.timeline()[name]
        extent = (0, len(steps) * STEP, len(shown) - 0.5, -0.5)
        axes.imshow(steps[:, shown].T, aspect="auto", extent=extent, vmin=0, vmax=1, cmap="Blues", interpolation="none")
        there, place = np.nonzero(recognition.is_there()[name][:, shown])
        axes.plot((there + 0.5) * STEP, place, "o", color="#c0392b", markersize=3)
        axes.set_yticks(range(len(shown)), [LABELS[number] for number in shown])
        axes.set_title(f"{recognition.path.name}: {name}", loc="left", fontsize="small", parse_math=False)
    axes.set_xlabel("seconds")
    return figure


def _shown(recognition: Recognition) -> list[int]:
    there = set(np.nonzero(recognition.is_there()["both"])[1].tolist())
    return sorted(there | {LABELS.index(recognition.ranked()[0])})


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110)
    return content.getvalue()


def _section(name: str, recognition: Recognition, top: int) -> str:
    label = recognition.ranked()[0]
    numbers = recognition.deciding_frames(label, NUM_FRAMES)
    pictures = (
        list(media.read_frames(recognition.path, frame_rate=FRAMES / STEP, numbers=numbers)) if len(numbers) else []
    )
    frames = [
        _image(encode_jpeg(_small(picture)).tobytes(), "jpeg", f"at {number * STEP / FRAMES:.0f} s, for {label}")
        for number, picture in zip(numbers, pictures, strict=True)
    ]
    answer = html.escape(answers.as_text(name, recognition, top))
    chart = _image(_png(draw([recognition])), "png", f"timeline of {name}")
    return f"<h1>{html.escape(files.escaped(name))}</h1>\n<pre>{answer}</pre>\n{chart}\n<p>{' '.join(frames)}</p>"


def _small(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    return cv2.resize(
        picture, (max(1, round(width * FRAME_HEIGHT / height)), FRAME_HEIGHT), interpolation=cv2.INTER_AREA
    )


def _image(content: bytes, kind: str, text: str) -> str:
    text = html.escape(text, quote=True)
    return f'<img alt="{text}" title="{text}" src="data:image/{kind};base64,{base64.b64encode(content).decode()}">'
