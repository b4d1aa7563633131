"""What the notebooks show: figures with captions and alternative texts, players, tables, and where numbers come from.

Pictures and clips are small files under ``runs/<corpus>/media``, named relative to ``notebooks/``; `for_book` turns
names and references into those that the book's pages need.
"""

import html
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from IPython.display import HTML, Markdown, display

from instrec_utils import cluster, files, media, paths
from instrec_utils.config import SPLITS
from instrec_utils.corpora import Corpus, source_named
from instrec_utils.corpora.splits import SPLIT_METHODS
from instrec_utils.errors import MediaError
from instrec_utils.inputs import frames
from instrec_utils.report import excerpts, words
from instrec_utils.report.figures import Drawing, drawn_values
from instrec_utils.report.html_tables import HTML_FORM, searchable, table, with_body
from instrec_utils.training.run import Run, usual_settings

__all__ = [
    "corpus_note", "end", "figure", "for_book", "parameters", "plain", "playable", "players", "provenance",
    "searchable", "settings", "table", "takeaway", "with_runs",
]  # fmt: skip

NARROW = "(max-width: 640px)"  # of a page that shows figures as they are drawn for a phone; the style sheet says it too
RUNS = "runs"
"""The id of the table of a page's runs, to which its other tables and its figures lead."""


def corpus_note(corpus: Corpus) -> HTML:
    """Return the page's first lines: which corpus made it, and what that means."""
    source = source_named(corpus.source)
    summary = f"<strong>{_text(source.summary)}</strong> " if source.summary else ""
    sizes = ", ".join(f"{len(corpus.split(name))} {name}" for name in SPLITS)
    left_out = f"{words.counted(len(corpus.unusable), 'video')} could not be decoded and"
    unusable = f" {left_out} {'is' if len(corpus.unusable) == 1 else 'are'} left out." if corpus.unusable else ""
    split = f" They are divided by {SPLIT_METHODS[corpus.split_method]}." if corpus.split_method else ""
    notes = "".join(f"<p>{_text(note)}</p>" for note in corpus.notes)
    return HTML(
        f'<div class="admonition note"><p class="admonition-title">Corpus: {_text(corpus.name)}</p>'
        f"<p>{summary}{_text(source.nature)} {words.counted(len(corpus.labels), 'class')}; "
        f"videos: {sizes}.{split}{unusable}</p>{notes}</div>"
    )


@dataclass(frozen=True)
class Shown:
    """What is HTML in Jupyter, Markdown in the book, which numbers its figures, and text where it can be neither."""

    html: str
    markdown: str
    text: str

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/markdown": self.markdown, "text/plain": self.text}


def figure(corpus_name: str, name: str, shown: Drawing | np.ndarray, caption: str, alt: str) -> Shown:
    """Return a figure or a picture [shape=(height, width, 3), uint8] with its caption and its alternative text.

    In the book it is a figure directive, in which what is drawn for a phone follows the caption: the style sheet shows
    one of the two. Its name, words joined by hyphens, is its own among the corpus' pages, whose text refers to it as
    ``[figure](#fig-name)``. The caption says what is shown, with n and split, and leads to the values that are drawn as
    CSV; the alternative text says the finding to those who do not see it.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise ValueError(f"name: expected small letters, digits and hyphens, got {name!r}")
    contents = shown.files() if isinstance(shown, Drawing) else {".jpg": frames.encode_jpeg(shown).tobytes()}
    written = [paths.media_dir(corpus_name) / f"{name}{ending}" for ending in contents]
    for path, content in zip(written, contents.values(), strict=True):
        files.write_bytes(path, content)
    wide, *narrow = map(_address, written)
    link = ""
    if isinstance(shown, Drawing) and len(values := drawn_values(shown.wide)):
        path = paths.media_dir(corpus_name) / f"{name}.csv"
        files.write_csv(path, values)
        link = f' <a class="csv" download href="{_address(path)}">CSV</a>'
    classes = "instrec drawn" if wide.endswith(".svg") else "instrec"
    source = "".join(f'<source media="{NARROW}" srcset="{address}">' for address in narrow)
    beside = "".join(f"\n\n```{{image}} {address}\n:class: narrow\n:alt: {_option(alt)}\n```" for address in narrow)
    return Shown(
        f'<figure class="{classes}" id="fig-{name}"><picture>{source}<img src="{wide}" alt="{html.escape(alt)}" '
        f'style="background: white"></picture><figcaption>{_text(caption)}{link}</figcaption></figure>',
        f":::{{figure}} {wide}\n:name: fig-{name}\n:alt: {_option(alt)}\n:figclass: {classes}\n\n"
        f"{plain(caption)}{link}{beside}\n:::",
        alt,
    )


def _option(text: str) -> str:
    """Return a text as the value of a directive's option, in quotes where it would be taken for something else."""
    text = " ".join(text.split())
    return "'" + text.replace("'", "''") + "'" if re.search(r"""^["'#|>]| #""", text) else text


def _text(text: str) -> str:
    """Return HTML that shows a text as it is; a dollar in an element of its own begins no formula."""
    return html.escape(text).replace("$", "<span>$</span>")


def plain(text: str) -> str:
    """Return Markdown that shows a text as it is."""
    return re.sub(r"([\\`*_\[\]<>$&{}#|~])", r"\\\1", " ".join(text.split()))


def _address(path: Path) -> str:
    return f"../{path.relative_to(paths.home()).as_posix()}"


def for_book(text: str, corpus_name: str) -> str:
    """Return the text of a cell or of an output, HTML or Markdown, as the page of a corpus in the book needs it.

    Pictures and clips are where the book has them; figures have names that no other corpus' figures have; and a link to
    a figure is its number.
    """
    text = text.replace(f"../runs/{corpus_name}/media/", f"../_static/media/{corpus_name}/")
    text = re.sub(r"\[[^\[\]]*\]\(#fig-([a-z0-9-]+)\)", rf"{{numref}}`fig-{corpus_name}-\1`", text)
    return re.sub(r"^:name: fig-", f":name: fig-{corpus_name}-", text, flags=re.MULTILINE)


def with_runs(text: str) -> str:
    """Return what a cell shows, on a page with a table of runs: each table and figure that is data leads there."""
    return re.sub(r'(<a class="csv"[^>]*>CSV</a>)', rf'\1 <a class="csv" href="#{RUNS}">runs</a>', text)


def parameters(values: Mapping[str, Any]) -> HTML:
    """Return the parameters that this page was executed with."""
    rows = [(words.setting(name), words.value(name, value)) for name, value in values.items()]
    return table(pd.DataFrame(rows, columns=["Parameter", "Value"]), "Parameters of this page.")


def settings(run: Run) -> HTML:
    """Return in words what a run depends on, beside what the profile "paper" would change."""
    ours = run.parameters | vars(run.protocol)
    theirs = usual_settings(run.model, run.parameters, "paper")
    rows = [("profile", run.profile, "paper"), ("model", words.model(run.model), words.model(run.model))]
    rows += [(words.setting(name), words.value(name, ours[name]), words.value(name, theirs[name])) for name in ours]
    rows.append(("seed", str(run.seed), str(run.seed)))
    frame = pd.DataFrame(rows, columns=["Setting", "Here", 'Profile "paper"'])
    return table(frame, f'What the run {run.name} depends on, and what the profile "paper" would change.')


def playable(corpus: Corpus) -> set[str]:
    """Return the ids of the videos that a page may play, as the corpus' source says."""
    return set(corpus.index.loc[source_named(corpus.source).is_playable(corpus.index), "video_id"])


def players(corpus: Corpus, chosen: pd.DataFrame, captions: Sequence[str], *, question: str = "") -> HTML:
    """Return players of a few videos: the middle of each, small enough to be part of the book, or why there is none.

    Parameters
    ----------
    corpus : Corpus
    chosen : pd.DataFrame [rows of its index]
    captions : sequence of str [one a row]
    question : str [by which a caption is folded until the reader asks; empty to show it at once]
    """
    folder = paths.media_dir(corpus.name)

    def shown(of_video: tuple[Any, str]) -> str:
        row, caption = of_video
        return _player(corpus.videos / str(row.path), folder / f"{row.video_id}.mp4", caption, question)

    each = cluster.ahead(shown, zip(chosen.itertuples(), captions, strict=True))
    return HTML(f'<div class="players">{"".join(one for _, one in each)}</div>')


def player(corpus_name: str, source: Path, caption: str) -> HTML:
    """Return the player of one video that belongs to no corpus; the excerpt is among the media of that name."""
    path = paths.media_dir(corpus_name) / "video.mp4"
    path.unlink(missing_ok=True)  # of another video
    return HTML(f'<div class="players">{_player(source, path, caption, "")}</div>')


def _player(source: Path, path: Path, caption: str, question: str) -> str:
    """Return the player of an excerpt, which is written if it is not there yet, or why there is none."""
    try:
        if not is_newer(path, source):
            excerpts.write_excerpt(source, path)
        has_picture = media.probe(path).has_picture
    except MediaError as error:
        reason = str(error).rpartition(f"{source.parent}/")[2]
        return f"<figure><figcaption>{_text(f'{caption} (no excerpt: {reason})')}</figcaption></figure>"
    poster = f'playsinline poster="{_address(path.with_suffix(".jpg"))}"' if has_picture else ""
    tag, label = "video" if has_picture else "audio", html.escape(question or caption)
    player = f'<{tag} controls preload="metadata" src="{_address(path)}" {poster} aria-label="{label}"></{tag}>'
    said = f"<details><summary>{_text(question)}</summary>{_text(caption)}</details>" if question else _text(caption)
    return f"<figure>{player}<figcaption>{said}</figcaption></figure>"


def is_newer(path: Path, source: Path) -> bool:
    """Tell whether what was made of a video is there and, as far as that can be told, of this very one."""
    return path.exists() and (not source.exists() or path.stat().st_mtime_ns >= source.stat().st_mtime_ns)


def provenance(found: pd.DataFrame, measurements: Sequence[Mapping[str, Any]] = ()) -> HTML:
    """Return where a page's numbers come from, each run of `results.read_results` and measurement with a link."""
    rows, links = [], []
    for result in [*(one for _, one in found.iterrows()), *measurements]:
        is_run = "steps" in result
        name = result["run"] if is_run else f"robustness/{result['run']}"
        rows.append(
            {
                "Run": name,
                "From": "published" if result["is_published"] else "made here",
                "Settings": result["run_sha256" if is_run else "settings_sha256"][:8],
                "Index": result["index_sha256"][:8],
                "Commit": result["commit"][:8],
                "Seed": str(result["seed"]),
                "Steps": f"{result['steps']:,}" if is_run else "–",
                "Time": f"{result['train_seconds' if is_run else 'seconds']:.0f} s",
                "Device": result["device"],
            }
        )
        address = html.escape(f"../results/{result['corpus']}/{name}.json")
        links.append(f'<a href="{address}">{html.escape(name)}</a>')
    frame = pd.DataFrame(rows)
    return with_body(
        frame,
        "Where the numbers come from: each run leads to its result, beside which its predictions are. Published "
        "results came with the report; the others were made by the machine that made this page.",
        frame.map(html.escape).assign(Run=links).to_html(**HTML_FORM, escape=False, table_id=RUNS),
    )


def end(sentence: str) -> NoReturn:
    """Show a sentence and end the page: what follows would need what the corpus does not have.

    Jupyter runs no further cell, and to papermill a notebook that exits has succeeded.
    """
    display(Markdown(plain(sentence)))
    warnings.filterwarnings("ignore", message="To exit")  # IPython explains how to leave a shell
    raise SystemExit(0)


def takeaway(text: str) -> Shown:
    """Return the page's two sentences to remember."""
    return Shown(
        f'<div class="admonition tip"><p><strong>Takeaway.</strong> {_text(text)}</p></div>',
        f":::{{admonition}} Takeaway\n:class: tip\n{plain(text)}\n:::",
        text,
    )
