"""Recognitions as a page of their own: player, timeline, spectrogram, and the frames that decided.

Style and script stand beside this module and are copied into the page, which asks no server for anything; pictures are
part of it, the video alone is a file beside it.
"""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np

from instrec_utils import files
from instrec_utils.config import LABELS
from instrec_utils.inputs.frames import encode_jpeg
from instrec_utils.inputs.kaldi_spectrograms import MAX_FREQUENCY
from instrec_utils.recognise import answers, evidence
from instrec_utils.recognise.recogniser import STEP, Recognition

LIKELY, PRESENT = (42, 127, 212), (211, 84, 0)  # RGB: how likely an instrument is, and that it passes its threshold
ROWS = (6, 2)  # pixels of a row of the timeline for these
DARKEST = 180  # of 255, where a network did not look at all
RANGE = 70.0  # dB of a spectrogram below the loudest
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)  # seconds between the labels of the time
MAX_TICKS = 6


def document(content: str, script: str) -> str:
    """Return a whole page of what stands on it and of the element of its script."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>What is playing?</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">\n'
        f"<style>\n{beside('page.css')}</style></head>\n<body><main>\n<h1>What is playing?</h1>\n{content}\n</main>\n"
        f"{script}</body></html>\n"
    )


def of_articles(articles: Sequence[str]) -> str:
    """Return a whole page of some articles, which needs no other file but the videos."""
    script = f"<script>\n{beside('page.js')}document.querySelectorAll('article').forEach(follow);\n</script>"
    return document("\n".join(articles), script)


def beside(name: str) -> str:
    """Return the text of a file that stands beside this module."""
    return resources.files("instrec_utils.recognise").joinpath(name).read_text(encoding="utf-8")


def address(name: str, path: Path, page: Path) -> str:
    """Return what a page calls a video: relative where that is possible, or its address on the web."""
    if answers.is_address(name):
        return name
    try:
        return quote(os.fsencode(Path(os.path.relpath(path.absolute(), page.absolute().parent)).as_posix()))
    except ValueError:  # on another drive
        return path.absolute().as_uri()


def article(name: str, recognition: Recognition, top: int, source: str) -> str:
    """Return the part of a page that is about one video; `source` is its address, empty where the page knows it."""
    label = recognition.ranked()[0]
    heard, seen = evidence.spectrogram(recognition, label), evidence.frames(recognition, label)
    has_map = any(one is not None and one.looked is not None for one in (heard, *seen))
    parts = [
        f"<h2>{html.escape(files.escaped(name))}</h2>",
        _answer(recognition, top),
        _player(recognition, source),
        f'<div class="charts" data-seconds="{length(recognition):.3f}" data-step="{STEP:g}">',
        *(_rows(recognition, modality) for modality in _modalities(recognition)),
        _spectrogram(heard, recognition) if heard else "",
        _axis(length(recognition)),
        "</div>",
        '<p class="legend">The stronger the blue, the more likely; the orange line marks where an instrument passes '
        "its threshold. A click leads to that moment.</p>",
        f'<label><input type="checkbox" checked> Dim what does not speak for {label} to the networks</label>'
        if has_map
        else "",
        _frames(seen, label) if seen else "",
    ]
    return "<article>\n" + "\n".join(part for part in parts if part) + "\n</article>"


def length(recognition: Recognition) -> float:
    """Return for how many seconds a timeline goes on, more than 0."""
    return max(recognition.seconds, 0.1)


def _answer(recognition: Recognition, top: int) -> str:
    rows = []
    for label in answers.in_order(recognition, top):
        score, each = answers.scores_of(recognition, label)
        rows.append(
            f"<tr><th>{answers.title(label)}</th><td>{score:.0%}</td>"
            f'<td class="bar"><span style="width:{100 * score:.0f}%"></span></td><td>{each}</td></tr>'
        )
    judges = [f"{modality}: {judge.title}" for modality, judge in recognition.judges.items()]
    notes = html.escape(" ".join([*(f"{one[0].upper()}{one[1:]}." for one in judges), *recognition.notes]))
    return f'<table class="answer">{"".join(rows)}</table>\n<p class="legend">{notes}</p>'


def _player(recognition: Recognition, source: str) -> str:
    if answers.is_address(source):
        link = f'<a href="{html.escape(source)}">{html.escape(source)}</a>'
        return f"<p>The video is not kept here; it is at {link}.</p>\n{NOW}"
    kind = "audio" if recognition.frames is None else "video"
    shown = f' src="{html.escape(source)}"' if source else ""
    link = f'<a href="{html.escape(source)}">the file</a>' if source else "the file"
    return (
        f'<{kind} controls preload="metadata"{shown}></{kind}>\n<p class="unplayable" hidden>This browser cannot show '
        f"{link}: it was moved, or is of a kind that only other players know. The rest of the page works without it."
        f"</p>\n{NOW}"
    )


NOW = '<p class="now"><output>0:00</output> <span></span></p>'


def _modalities(recognition: Recognition) -> list[str]:
    """Return what is shown one under the other; where there is one modality, "both" would be the same."""
    return [*recognition.judges, *(["both"] if len(recognition.judges) > 1 else [])]


def _rows(recognition: Recognition, modality: str) -> str:
    steps, there = recognition.timeline()[modality], recognition.is_there()[modality]
    rows = [f"<h3>{modality}</h3>"]
    for number in recognition.shown():
        likely = np.nan_to_num(steps[:, number])
        strip = np.zeros((sum(ROWS), len(steps), 4), np.uint8)
        strip[..., :3] = np.repeat([LIKELY, PRESENT], ROWS, axis=0)[:, None]
        strip[: ROWS[0], :, 3] = np.round(255 * likely)
        strip[ROWS[0] :, :, 3] = 255 * there[:, number]
        share = there[:, number].mean()
        alt = f"{LABELS[number]} by {modality}: {likely.max():.0%} at most, there {share:.0%} of the time"
        width = 100 * len(steps) * STEP / length(recognition)
        bits = "".join(str(int(one)) for one in there[:, number])
        rows.append(
            f'<span class="label" data-there="{bits}" data-modality="{modality}">{LABELS[number]}</span>'
            f'<div class="track row"><img alt="{alt}" style="width:{width:.2f}%" src="{_png(strip)}"></div>'
        )
    return "\n".join(rows)


def _spectrogram(heard: evidence.Spectrogram, recognition: Recognition) -> str:
    loudness = np.clip(1 + (heard.levels[::-1] - heard.levels.max()) / RANGE, 0, 1)
    colours = cv2.applyColorMap(np.round(255 * loudness).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    width = 100 * heard.levels.shape[1] * heard.column_seconds / length(recognition)
    layers = [f'<img alt="Spectrogram" style="width:{width:.2f}%" src="{_jpeg(colours)}">']
    if heard.looked is not None:
        layers.append(f'<img class="look" alt="" style="width:{width:.2f}%" src="{_shade(heard.looked[::-1])}">')
    return (
        f'<h3>spectrogram</h3><span class="label ends"><span>{MAX_FREQUENCY / 1000:.0f} kHz</span><span>0</span></span>'
        f'<div class="track spectrogram">{"".join(layers)}</div>'
    )


def _axis(seconds: float) -> str:
    step = next((one for one in TICKS if seconds / one <= MAX_TICKS), TICKS[-1])
    places = np.arange(0, seconds, step)
    ticks = [f'<span style="left:{100 * place / seconds:.2f}%">{_clock(place)}</span>' for place in places]
    return f'<div class="axis" aria-hidden="true">{"".join(ticks)}</div>'


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _frames(seen: list[evidence.Frame], label: str) -> str:
    shown = []
    for frame in seen:
        layers = f'<img alt="The frame at {_clock(frame.seconds)}" src="{_jpeg(frame.picture)}">'
        if frame.looked is not None:
            layers += f'<img class="look" alt="" src="{_shade(frame.looked)}">'
        told = f"{_clock(frame.seconds)}, {label} {frame.score:.0%}"
        shown.append(
            f'<button type="button" data-time="{frame.seconds:g}"><span class="layers">{layers}</span>{told}</button>'
        )
    return f'<h3>Frames that decided for {label}</h3>\n<div class="frames">{"".join(shown)}</div>'


def _shade(looked: np.ndarray) -> str:
    """Return a layer that leaves bright what a network looked at [shape=(height, width), 0 to 1]."""
    layer = np.zeros((*looked.shape, 4), np.uint8)
    layer[..., 3] = np.round(DARKEST * (1 - np.clip(looked, 0, 1)))
    return _png(layer)


def _png(picture: np.ndarray) -> str:
    """Return a picture [shape=(height, width, 4), uint8, RGBA] as an address that holds it."""
    content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGBA2BGRA))[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def _jpeg(picture: np.ndarray) -> str:
    content = encode_jpeg(np.ascontiguousarray(picture)).tobytes()
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
