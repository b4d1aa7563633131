"""What the notebooks show: figures with captions and alternative texts, players, tables, and where numbers come from.

Everything returns or displays self-contained HTML, so that a cell looks the same in Jupyter and in the book.
Clips are small files under ``book/_static/media``, named relative to ``notebooks/``; the pipeline turns the names
into those that the book's pages need.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import HTML, Markdown
from matplotlib.figure import Figure

from instrec_utils import files, media, paths
from instrec_utils.corpora import Corpus, source_named
from instrec_utils.corpora.splits import SPLIT_METHODS
from instrec_utils.inputs import frames
from instrec_utils.report import figures as plots
from instrec_utils.training.runs import Run


def corpus_note(corpus: Corpus) -> HTML:
    """Return the page's first lines: which corpus made it, and what that means."""
    counts = corpus.usable["split"].value_counts()
    sizes = ", ".join(f"{counts.get(name, 0)} {name}" for name in ("train", "validation", "test"))
    unusable = f" {len(corpus.unusable)} videos could not be decoded and are left out." if corpus.unusable else ""
    split = f" They are divided by {SPLIT_METHODS[corpus.split_method]}." if corpus.split_method else ""
    source = source_named(corpus.source)
    summary = f"<strong>{html.escape(source.summary)}</strong> " if source.summary else ""
    nature = summary + html.escape(source.nature, quote=False)
    return HTML(
        f'<div class="admonition note"><p class="admonition-title">Corpus: {html.escape(corpus.name)}</p>'
        f"<p>{nature} {len(corpus.labels)} classes; videos: {sizes}.{split}{unusable}</p></div>"
    )


def figure(fig: Figure, caption: str, alt: str) -> HTML:
    """Return a figure with its caption and its alternative text.

    Parameters
    ----------
    fig : from `instrec_utils.report.figures`.
    caption : says what is shown and what to see in it, with n and split.
    alt : says the same to those who do not see the picture.
    """
    picture = base64.b64encode(plots.png(fig)).decode()
    return HTML(
        f'<figure class="instrec"><img src="data:image/png;base64,{picture}" alt="{html.escape(alt)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def picture(path: Path, caption: str, alt: str) -> HTML:
    """Return a picture that lies under ``book/_static`` with its caption and alternative text."""
    return HTML(
        f'<figure class="instrec"><img src="{_address(path)}" alt="{html.escape(alt)}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


def table(frame: pd.DataFrame, caption: str) -> HTML:
    """Return a table with its caption, which says n, split and spread."""
    body = frame.to_html(index=False, border=0, classes="instrec", justify="left", escape=True)
    opening, rest = body.replace("–", "\N{WORD JOINER}–\N{WORD JOINER}").split(">", maxsplit=1)
    return HTML(f'<div class="table-scroll">{opening}><caption>{html.escape(caption)}</caption>{rest}</div>')


_FILTER = (
    "const words = this.value.toLowerCase().split(/\\s+/), box = this.closest('.searchable'); let shown = 0; "
    "for (const row of box.querySelectorAll('tbody tr')) { const text = row.textContent.toLowerCase(); "
    "row.hidden = !words.every(word => text.includes(word)); shown += !row.hidden; } "
    "box.querySelector('output').textContent = shown;"
)


def searchable(frame: pd.DataFrame, caption: str) -> HTML:
    """Return a long table with a field that leaves the rows with all the words typed into it; see `table`."""
    field = f'<input type="search" placeholder="words, such as: guitar game" oninput="{html.escape(_FILTER)}">'
    return HTML(
        f'<div class="searchable"><p><label>Show rows with {field}</label> '
        f"<output>{len(frame)}</output> of {len(frame)}</p>{table(frame, caption).data}</div>"
    )


def parameters(values: dict[str, Any]) -> HTML:
    """Return the parameters that this page was executed with."""
    frame = pd.DataFrame({"Parameter": list(values), "Value": [str(value) for value in values.values()]})
    return table(frame, "Parameters of this page.")


def settings(run: Run, profile: str) -> HTML:
    """Return what a run depends on, beside what the paper's own protocol would be."""
    paper = run.in_profile("paper")
    rows = [("profile", profile, "paper"), ("model", run.model, paper.model)]
    for ours, theirs in ((run.parameters, paper.parameters), (vars(run.protocol), vars(paper.protocol))):
        rows += [(name.replace("_", " "), value, theirs[name]) for name, value in ours.items()]
    rows.append(("seed", run.seed, run.seed))
    frame = pd.DataFrame(rows, columns=["Setting", "Here", 'Profile "paper"']).astype(str)
    return table(frame, f'What the run {run.name} depends on, and what the profile "paper" would change.')


def players(corpus: Corpus, chosen: pd.DataFrame, captions: Sequence[str], *, seconds: float = 8.0) -> HTML:
    """Return players of a few videos: an excerpt of each, small enough to be part of the book.

    Parameters
    ----------
    corpus : the videos' corpus.
    chosen : rows of its index.
    captions : one a row.
    seconds : of the excerpt, from the video's middle.
    """
    shown = []
    for row, caption in zip(chosen.itertuples(), captions, strict=True):
        path = paths.media_dir(corpus.name) / f"{row.video_id}.mp4"
        write_excerpt(corpus.videos / row.path, path, seconds)
        poster = write_poster(path)
        text = html.escape(caption)
        source = f'src="{_address(path)}" poster="{_address(poster)}"'
        shown.append(
            f'<figure><video controls playsinline preload="metadata" {source} aria-label="{text}"></video>'
            f"<figcaption>{text}</figcaption></figure>"
        )
    return HTML(f'<div class="players">{"".join(shown)}</div>')


def write_excerpt(source: Path, path: Path, seconds: float) -> None:
    """Write the middle seconds of a video as a small MP4 (240 lines, about 25 kB a second), if not there yet."""
    if path.exists() and path.stat().st_mtime_ns >= source.stat().st_mtime_ns:
        return
    from moviepy import VideoFileClip

    with files.whole(path) as temporary, VideoFileClip(str(source)) as clip:
        start = max(0.0, (clip.duration - seconds) / 2)
        excerpt = clip.subclipped(start, min(clip.duration, start + seconds)).resized(height=240)
        excerpt.write_videofile(
            str(temporary),
            codec="libx264",
            audio_codec="aac",
            audio_bitrate="48k",
            bitrate="120k",
            temp_audiofile_path=str(temporary.parent),
            ffmpeg_params=["-movflags", "+faststart", "-pix_fmt", "yuv420p", "-fflags", "+bitexact"],
            logger=None,
        )


def write_poster(path: Path) -> Path:
    """Write the middle picture of an excerpt beside it, which a player shows before it plays; return its path."""
    poster = path.with_suffix(".jpg")
    if not poster.exists() or poster.stat().st_mtime_ns < path.stat().st_mtime_ns:
        pictures = list(media.read_frames(path))
        write_picture(pictures[len(pictures) // 2], poster)
    return poster


def _address(path: Path) -> str:
    return f"../{path.relative_to(paths.home()).as_posix()}"


def provenance(results: Sequence[dict[str, Any]]) -> HTML:
    """Return where a page's numbers come from: run, settings, commit, index, device, time."""
    rows = [
        {
            "Run": result["run"],
            "Settings": result["run_sha256"][:12],
            "Index": result["index_sha256"][:12],
            "Commit": result["commit"],
            "Seed": result["seed"],
            "Steps": f"{result['steps']:,}",
            "Training time": f"{result['train_seconds']:.0f} s",
            "Device": result["device"],
        }
        for result in results
    ]
    return table(
        pd.DataFrame(rows),
        f"Where the numbers come from: files of results/{results[0]['corpus']}/, named after the run.",
    )


def takeaway(text: str) -> Markdown:
    """Return the page's two sentences to remember."""
    return Markdown(f":::{{tip}}\n**Takeaway.** {text}\n:::")


def write_picture(values: np.ndarray, path: Path) -> Path:
    """Write an RGB picture [shape=(height, width, 3), uint8] as JPEG and return its path."""
    files.write_bytes(path, frames.encode_jpeg(values).tobytes())
    return path
