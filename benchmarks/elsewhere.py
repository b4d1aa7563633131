"""Measure the recogniser on files from elsewhere, which nothing was trained on: by its heads, and without any.

Without a head a class scores as the highest of the network's own, AudioSet's tags or ImageNet's classes. Of a clip of
two instruments either is right. Intervals resample the collections, as files of one are alike; of a single collection
there is none. The files and the weights are downloaded, or ``INSTREC_ELSEWHERE`` and ``INSTREC_WEIGHTS`` name local
copies. It writes ``results/benchmarks/elsewhere.json``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from scipy.special import expit, softmax
from tqdm import tqdm

from instrec_utils import files, media, paths, provenance
from instrec_utils.config import CROP_SIZE, LABELS
from instrec_utils.corpora.elsewhere import read_elsewhere
from instrec_utils.corpora.photographs import read_photograph
from instrec_utils.recognise.heads import combined
from instrec_utils.recognise.networks import Values
from instrec_utils.recognise.recogniser import Judge, Recogniser, own_audio_judge, pictures, spectrograms

RESAMPLES = 2000


def judged(judge: Judge, own: Callable[[np.ndarray], np.ndarray], examples: Iterator[np.ndarray]) -> list[np.ndarray]:
    """Return what a network's own classes [shape=(13,)] and its head [shape=(14,)] say of all examples together."""
    each = [judge.network(example[None]) for example in examples]
    values = Values(*map(np.concatenate, zip(*each, strict=True)))
    return [own(values.instruments).mean(axis=0), combined(judge.head.probabilities(values))]


def seen(path: Path, kind: str) -> Iterator[np.ndarray]:
    """Yield the frames of a clip, or the one photograph."""
    if kind == "photograph":
        yield cv2.resize(read_photograph(path), (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
    else:
        yield from pictures(path)


def measure() -> pd.DataFrame:
    """Return one row a file and method, with what was answered and whether that was right."""
    recogniser, own_audio, rows = Recogniser(), own_audio_judge(), []
    table, folder = read_elsewhere()
    for file in tqdm(table.itertuples(), total=len(table), desc="elsewhere", unit="file"):
        path, found = folder / file.path, {}
        if file.kind not in ("photograph", "clip-silent"):
            found["audio, AudioSet's tags"], found["audio"] = judged(recogniser.audio, expit, spectrograms(path))
            found["audio, own network"] = judged(own_audio, expit, spectrograms(path))[1]
        if file.kind != "phrase" and media_has_pictures(path, file.kind):
            own = softmax_of_rows
            found["visual, ImageNet's classes"], found["visual"] = judged(recogniser.visual, own, seen(path, file.kind))
        if {"audio", "visual"} <= set(found):
            found["both"] = combined(np.stack([found["audio"], found["visual"]]))
        for method, scores in found.items():
            order = np.argsort(-scores[: len(LABELS)], kind="stable")
            answers, right = [LABELS[number] for number in order[:3]], set(file.label.split("+"))
            rows.append(
                {
                    **{"method": method, "kind": file.kind, "collection": file.collection, "path": file.path},
                    **{"label": file.label, "hit_at_1": answers[0] in right, "hit_at_3": bool(right & set(answers))},
                    **{"answer": answers[0], "score": round(float(scores[order[0]]), 3)},
                    "none": round(float(scores[-1]), 3) if len(scores) > len(LABELS) else None,
                }
            )
    return pd.DataFrame(rows)


def softmax_of_rows(logits: np.ndarray) -> np.ndarray:
    """Return the classes' shares in each row."""
    return softmax(logits, axis=1)


def media_has_pictures(path: Path, kind: str) -> bool:
    """Tell whether there is anything to be seen."""
    return kind == "photograph" or media.probe(path).has_picture


def shares(rows: pd.DataFrame, columns: list[str]) -> list[dict[str, object]]:
    """Return the number of files and the shares of hits by some columns, with intervals that resample collections."""
    found = []
    for names, group in rows.groupby(columns):
        row: dict[str, object] = dict(zip(columns, names, strict=True)) | {"files": len(group)}
        for name in ("hit_at_1", "hit_at_3"):
            row[name] = {"value": round(float(group[name].mean()), 4), **interval(group, name)}
        found.append(row | {"collections": group["collection"].nunique()})
    return found


def interval(group: pd.DataFrame, name: str) -> dict[str, float]:
    """Return the 95 % interval of a share over resampled collections; nothing of a single one."""
    each = group.groupby("collection")[name].agg(["sum", "size"]).to_numpy()
    if len(each) == 1:
        return {}
    drawn = each[np.random.default_rng(0).integers(len(each), size=(RESAMPLES, len(each)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return {"low": round(float(low), 4), "high": round(float(high), 4)}


def main() -> None:
    """Measure, write and print."""
    begin = time.monotonic()
    rows = measure()
    by = {
        "kind": ["method", "kind"],
        "collection": ["method", "kind", "collection"],
        "label": ["method", "kind", "label"],
    }
    content = {f"by_{name}": shares(rows, columns) for name, columns in by.items()}
    content |= {
        "files": rows.astype(object).where(rows.notna(), None).to_dict("records"),
        "seconds": round(time.monotonic() - begin, 1),
    }
    content |= {"commit": provenance.commit(), "versions": provenance.versions() | {"opencv": cv2.__version__}}
    files.write_json(paths.home() / "results" / "benchmarks" / "elsewhere.json", content)
    print(pd.json_normalize(content["by_kind"]).to_string(index=False))
    print(rows.loc[~rows["hit_at_1"], ["method", "path", "answer", "score"]].to_string(index=False))


if __name__ == "__main__":
    main()
