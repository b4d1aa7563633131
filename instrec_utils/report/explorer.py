"""Every test clip with what the models answer: a table, of which ``explorer.js`` makes cards that filter and play.

The script counts the matrix of confusion from the table's rows, so that a cell selects the clips that it counts.
"""

import html
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML

from instrec_utils import cluster, evaluation, media, paths
from instrec_utils.corpora import Corpus
from instrec_utils.errors import MediaError
from instrec_utils.report import excerpts, page, words

NUM_SHOWN = 3  # answers of a model
MOST_CLIPS = 200
CONDITIONS = ("picture", "sound")
PLAIN = "tex2jax_ignore mathjax_ignore"  # classes of what holds no formula, whatever signs are in it
WHO = {
    "audio visual fusion mean": "all four right",
    "!audio !visual !fusion !mean": "none right",
    "audio !visual": "of the two alone, only audio right",
    "!audio visual": "of the two alone, only visual right",
    "!audio !visual fusion": "fusion right, neither alone",
    "audio !fusion": "fusion wrong, audio right",
    "visual !fusion": "fusion wrong, visual right",
    "fusion !mean": "fusion right, mean wrong",
    "!fusion mean": "mean right, fusion wrong",
}
"""Who was right, by the models that have to be, and after a "!" those that must not be."""


def best_answers(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return what models answer: label, and by a model's name its three best classes with their scores, by video_id.

    The predictions are of the same videos; see `results.read_predictions`.
    """
    columns: dict[str, Any] = {}
    for name, table in predictions.items():
        truth, scores, labels = evaluation.from_predictions(table)
        best = (-scores).argsort(axis=1, kind="stable")[:, :NUM_SHOWN]
        columns["label"] = [labels[number] for number in truth]
        columns[name] = [[(labels[one], row[one]) for one in kept] for row, kept in zip(scores, best, strict=True)]
    return pd.DataFrame(columns, index=pd.Index(table["video_id"], name="video_id"))


def who_was_right(answered: pd.DataFrame) -> pd.DataFrame:
    """Return of `best_answers` for each model whether its first one is the label, by video_id."""
    models = answered.columns.drop("label")
    return pd.DataFrame({name: [best[0][0] for best in answered[name]] == answered["label"] for name in models})


def explorer(corpus: Corpus, answered: pd.DataFrame, caption: str) -> HTML:
    """Return all clips of `best_answers` with small excerpts; of a large corpus the first ones of each class by id.

    The models are "audio", "visual", "fusion" and "mean".
    """
    labels = sorted(set(answered["label"]))
    most = max(1, MOST_CLIPS // len(labels))
    chosen = answered.sort_values(["label", "video_id"]).groupby("label").head(most)
    if len(chosen) < len(answered):
        caption += f" Shown, and counted in the matrix, are the first {most} of each class by name."
    about = corpus.index.set_index("video_id").loc[chosen.index]
    heard = page.playable(corpus)

    def as_row(row: Any) -> str:
        return _row(corpus, row, chosen.loc[row.Index], row.Index in heard)

    rows = [shown for _, shown in cluster.ahead(as_row, about.itertuples())]
    declared = [name for name in CONDITIONS if name in about]
    models = [str(name) for name in answered.columns.drop("label")]
    heads = ["Clip", "Label", *(name.capitalize() for name in declared), *map(words.first_upper, models)]
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in heads)
    return HTML(
        f'<div class="explorer {PLAIN}">'
        f"{_form(labels, {name: sorted(set(about[name])) for name in declared}, models)}"
        f'<div class="board" style="--classes: {len(labels)}"></div>'
        f'<table class="instrec clips"><caption>{html.escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _form(labels: list[str], conditions: Mapping[str, list[str]], models: list[str]) -> str:
    """Return the fields that say which clips are shown; where no style sheet is, as in Jupyter, they are not seen."""
    whatever = {"": "any"}
    fields: dict[str, tuple[str, dict[str, str]]] = {
        "label": ("Label", whatever | dict(zip(labels, labels, strict=True))),
        "model": ("Matrix of", {name: name for name in models}),
        "answer": ("Answer of that model", whatever | dict(zip(labels, labels, strict=True))),
        **{
            name: (name.capitalize(), whatever | dict(zip(found, found, strict=True)))
            for name, found in conditions.items()
        },
        "who": ("Who was right", whatever | WHO),
    }
    shown = ""
    for name, (title, options) in fields.items():
        listed = "".join(
            f'<option value="{html.escape(one)}">{html.escape(said)}</option>' for one, said in options.items()
        )
        shown += f'<label>{title} <select name="{name}">{listed}</select></label>'
    shown += '<button type="reset">Show all</button> <output aria-live="polite"></output>'
    return f'<form style="display:none">{shown}</form>'


def _row(corpus: Corpus, about: Any, answers: pd.Series, is_heard: bool) -> str:
    declared = {name: str(getattr(about, name)) for name in CONDITIONS if hasattr(about, name)}
    data = {"label": answers["label"], **declared}
    attributes = " ".join(f'data-{name}="{html.escape(value)}"' for name, value in data.items())
    cells = "".join(f'<td data-name="{name}">{html.escape(value)}</td>' for name, value in data.items())
    for name, best in answers.drop("label").items():
        said = ", ".join(f"{html.escape(label)} {100 * score:.0f}\N{NO-BREAK SPACE}%" for label, score in best)
        mark = '<span title="right">✓</span>' if best[0][0] == answers["label"] else '<span title="wrong">✗</span>'
        cells += f'<td data-name="{name}" data-answer="{html.escape(best[0][0])}">{mark} {said}</td>'
    return f'<tr {attributes}><th scope="row">{_clip(corpus, about, is_heard)}</th>{cells}</tr>'


def _clip(corpus: Corpus, about: Any, is_heard: bool) -> str:
    """Return a link to a small excerpt, with its poster, or why there is none."""
    name = f"{about.Index}-small.mp4"
    path, video_id = paths.media_dir(corpus.name) / name, html.escape(str(about.Index))
    try:
        write_small(corpus, corpus.videos / str(about.path), path, is_heard=is_heard)
        info = media.probe(path)
    except MediaError as error:
        return f"{video_id} <small>(no excerpt: {html.escape(str(error).rpartition('/')[2])})</small>"
    address = html.escape(f"../runs/{corpus.name}/media/{name}")
    poster = f'<img src="{address[:-4]}.jpg" width="{info.width}" height="{info.height}" loading="lazy" alt="">'
    silenced = "" if is_heard else " <small>(without its sound, which may not be passed on)</small>"
    return f'<a class="play" href="{address}">{poster if info.has_picture else ""}{video_id}</a>{silenced}'


def write_small(corpus: Corpus, source: Path, path: Path, *, is_heard: bool) -> None:
    """Write a small excerpt that is not there yet; where the video itself is not there, that of the published pages.

    One that cannot be had is a MediaError.
    """
    published = paths.home() / "book" / "_static" / "media" / corpus.name / path.name
    if page.is_newer(path, source):
        return
    if source.exists() or not published.exists():
        return excerpts.write_excerpt(source, path, excerpts.SMALL, with_sound=is_heard)
    for one in (published, published.with_suffix(".jpg")):
        if one.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(one, path.with_name(one.name))
