"""What a reader can touch: a spectrogram that follows its player, frames' weights, a measured curve, reliability.

Each is HTML that says everything by itself; ``playing.js`` adds what moves.
"""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import librosa
import matplotlib
import numpy as np
import pandas as pd
from IPython.display import HTML

from instrec_utils import evaluation, files, media, paths
from instrec_utils.config import CHOI2016, FRAME_RATE
from instrec_utils.corpora import Corpus
from instrec_utils.errors import MediaError
from instrec_utils.features import store
from instrec_utils.inputs import frames, spectrograms
from instrec_utils.report import page, results, tables, words
from instrec_utils.report.explorer import PLAIN

SPECTROGRAM_SIZE = (720, 192)  # pixels
RANGE = 80.0  # dB that a spectrogram shows below its loudest point
FREQUENCIES = (500, 1000, 2000, 4000)  # Hz, which are marked
FRAME_SIDE = 96  # pixels


def spectrogram_players(corpus: Corpus, chosen: pd.DataFrame, captions: Sequence[str]) -> HTML:
    """Return players of a few videos as `page.players`, each over the spectrogram of what it plays."""
    shown = []
    for (_, row), caption in zip(chosen.iterrows(), captions, strict=True):
        player = page.players(corpus, chosen.loc[[row.name]], [caption]).data
        shown.append(f'<div class="spectrogram {PLAIN}">{player}{_spectrogram(corpus, row["video_id"])}</div>')
    return HTML("".join(shown))


def _spectrogram(corpus: Corpus, video_id: str) -> str:
    """Return the spectrogram of an excerpt's sound, which fills its picture from edge to edge; nothing without one."""
    excerpt, rate = paths.media_dir(corpus.name) / f"{video_id}.mp4", CHOI2016.sample_rate
    try:
        samples = media.read_sound(excerpt, (rate,))[rate]
    except MediaError:
        return ""
    decibels = spectrograms.log_mel(samples, CHOI2016)
    levels = np.clip(1 + (decibels - decibels.max()) / RANGE, 0, 1)
    coloured = (255 * matplotlib.colormaps["magma"](levels[::-1])[..., :3]).astype(np.uint8)
    picture = frames.encode_jpeg(cv2.resize(coloured, SPECTROGRAM_SIZE, interpolation=cv2.INTER_AREA), 85)
    files.write_bytes(excerpt.with_name(f"{video_id}-spectrogram.jpg"), picture.tobytes())
    bands = librosa.mel_frequencies(CHOI2016.n_mels + 2, fmin=0, fmax=rate / 2)[1:-1]
    marks = "".join(
        f'<span style="bottom:{100 * np.searchsorted(bands, one) / len(bands):.0f}%">{one}&nbsp;Hz</span>'
        for one in FREQUENCIES
    )
    seconds, width, height = len(samples) / rate, *SPECTROGRAM_SIZE
    return (
        f'<div class="plot" data-seconds="{seconds:.2f}"><img src="../runs/{corpus.name}/media/{html.escape(video_id)}'
        f'-spectrogram.jpg" width="{width}" height="{height}" alt="Log-mel spectrogram of the excerpt: {seconds:.0f} s '
        f'from left to right, {CHOI2016.n_mels} bands up to {rate // 2} Hz from bottom to top">{marks}</div>'
    )


def most_uneven(corpus: Corpus, weights: Mapping[str, Sequence[float]], count: int) -> pd.DataFrame:
    """Return the rows of so many videos of different classes whose largest weight of a frame is the largest."""
    rows = corpus.index[corpus.index["video_id"].isin(weights)]
    largest = rows["video_id"].map(lambda one: max(weights[one]))
    ranked = rows.assign(largest=largest).sort_values(["largest", "video_id"], ascending=[False, True])
    return ranked.drop_duplicates("label").head(count)


def weighted_frames(corpus: Corpus, weights: Mapping[str, Sequence[float]], chosen: pd.DataFrame) -> HTML:
    """Return the frames of a few videos, which fade the less they count, with their weights."""
    return HTML(
        f'<div class="attention {PLAIN}">'
        + "".join(_weighted(corpus, row.video_id, row.label, weights[row.video_id]) for row in chosen.itertuples())
        + "</div>"
    )


def _weighted(corpus: Corpus, video_id: str, label: str, weights: Sequence[float]) -> str:
    path = store.features_path(corpus.directory / "features", video_id)
    numbers = frames.choose_uniformly(store.count_frames(path), len(weights))
    seen = frames.central_crop(store.read_frames(path, numbers))
    small = [cv2.resize(one, (FRAME_SIDE, FRAME_SIDE), interpolation=cv2.INTER_AREA) for one in seen]
    name = f"{video_id}-frames.jpg"
    files.write_bytes(paths.media_dir(corpus.name) / name, frames.encode_jpeg(np.hstack(small), 80).tobytes())
    address = html.escape(f"../runs/{corpus.name}/media/{name}")
    items = "".join(
        f'<li style="--weight:{weight / max(weights):.3f};--place:{100 * place / max(1, len(weights) - 1):.2f}%;'
        f'--count:{len(weights)};--strip:url(\'{address}\')" data-weight="{weight}">'
        f"<span>{number / FRAME_RATE:.0f}\N{NO-BREAK SPACE}s: <b>{100 * weight:.0f}\N{NO-BREAK SPACE}%</b></span></li>"
        for place, (number, weight) in enumerate(zip(numbers, weights, strict=True))
    )
    return f"<figure><figcaption>{html.escape(label)} ({html.escape(video_id)})</figcaption><ol>{items}</ol></figure>"


def missing_frames(curves: pd.DataFrame, num_frames: int) -> pd.DataFrame:
    """Return Hit@1 of `robustness.curves` by the share of a video's frames in whose place are zeros, none to all.

    Columns share, kind, value, low and high, in %; of a model that has nothing left at 100 % that point is missing.
    """
    shares = {"as is": 0.0, "pictures": 100.0}
    is_of_frames = curves["condition"] == "frames zeroed"
    chosen = curves[is_of_frames | curves["level"].isin(shares)]
    share = [shares[level] if level in shares else 100 * (1 - int(level) / num_frames) for level in chosen["level"]]
    return chosen.assign(share=share).sort_values("share", kind="stable")[["share", "kind", "value", "low", "high"]]


def curve_slider(points: pd.DataFrame, caption: str) -> HTML:
    """Return `missing_frames` as curves along which a slider moves, and as a table."""
    points = points.round(dict.fromkeys(("value", "low", "high"), 1))  # once, for the curves and the table alike
    lines = [
        _look(words.KINDS[kind]) | {"name": words.KINDS[kind].word, "points": _rounded(rows)}
        for kind, rows in points.groupby("kind", sort=False)
    ]
    text = points.assign(hit=[f"{row.value:.1f} ({row.low:.1f}–{row.high:.1f})" for row in points.itertuples()])
    wide = text.pivot(index="share", columns="kind", values="hit").fillna("–")
    wide = wide[[kind for kind in words.KINDS if kind in wide]].rename_axis(columns=None)
    wide = wide.rename(columns={name: words.first_upper(kind.word) for name, kind in words.KINDS.items()})
    named = wide.reset_index().rename(columns={"share": "Share missing, %"})
    return _with_data("slider", {"lines": lines}, named, caption)


def reliability(found: pd.DataFrame, runs: Sequence[str], caption: str) -> HTML:
    """Return how often scores are right before and after calibration, as curves with a switch and as a table.

    All seeds of the runs' rows together, of which the caption is told how many; see `tables.calibration`.
    """
    models, rows, counts, names = [], [], {}, results.row_names(found)
    for run, look in zip(runs, _looks([_kind(found.loc[run]) for run in runs]), strict=True):
        row = results.row_of(found, run)
        truth, before = results.read_scores(row)
        model: dict[str, Any] = {"name": names[found.loc[run, "row"]]}
        number = len(before) * len(truth)
        counts[model["name"]] = f"{words.counted(len(before), 'seed')}, {words.counted(number, 'answer')}"
        for when, scores in (("before", before), ("after", tables.calibrated(row)[0])):
            bins = evaluation.reliability(np.tile(truth, len(scores)), np.concatenate(scores))
            error = float(np.mean([evaluation.calibration_error(truth, one) for one in scores]))
            model |= {when: {"points": _rounded(bins), "error": round(error, 3)}}
            rows.append(bins.assign(Model=model["name"], Calibration=when))
        models.append(model | _look(look))
    text = pd.concat(rows)[["Model", "Calibration", "confidence", "right", "number"]].round(1)
    named = text.set_axis(["Model", "Calibration", "Mean score, %", "Right, %", "Answers"], axis=1)
    said = set(counts.values())
    told = f"Each model: {said.pop()}." if len(said) == 1 else f"{'; '.join(': '.join(one) for one in counts.items())}."
    return _with_data("reliability", {"models": models}, named, f"{caption} {told}")


def _kind(result: Mapping[str, Any]) -> str:
    """Return the kind of `words.KINDS` that a result is drawn as: fusion with attention looks like itself."""
    form = result["parameters"].get("fusion_form")
    return "attention" if form == "attention" else str(result["kind"])


def _looks(kinds: Sequence[str]) -> list[words.Kind]:
    """Return how each of several models looks: as its kind, and where another one does already, as none of them."""
    free = [kind for kind in words.KINDS if kind not in kinds]
    chosen = [free.pop(0) if kind in kinds[:place] and free else kind for place, kind in enumerate(kinds)]
    return [words.KINDS[kind] for kind in chosen]


def _look(kind: words.Kind) -> dict[str, str]:
    return {"colour": kind.colour, "marker": kind.marker}


def _rounded(rows: pd.DataFrame) -> list[dict[str, float]]:
    return rows.select_dtypes("number").round(2).to_dict("records")


def _with_data(name: str, data: Mapping[str, object], table: pd.DataFrame, caption: str) -> HTML:
    """Return what a script draws of data, with the same as a folded table for those who do not see it."""
    content = json.dumps(data).replace("<", "\\u003c")
    return HTML(
        f'<div class="touch {name} {PLAIN}"><script type="application/json">{content}</script>'
        f"<details><summary>The measured points as a table</summary>{page.table(table, caption).data}</details></div>"
    )
