"""Measure the recogniser on files from elsewhere, which nothing was trained on or chosen by.

Each method answers for each file: the report's own audio network, as a finished run of the corpus "open" has it; a
pretrained network's own classes, by their names, and its head, of audio and of visual; and of clips both together, as
the command puts them together. Of a clip of two instruments either is right. Intervals resample the collections, as
files of one are alike; of a single collection there is none. Beside that: whether scores are as often right as they
say, whether what is none of the instruments is told (`open_set.py`), and whether the timeline shows each of two.

The files and the weights are downloaded, or ``INSTREC_ELSEWHERE`` and ``INSTREC_WEIGHTS`` name local copies; what the
networks make of them is kept in ``data/recognise``. It writes ``results/benchmarks/elsewhere.json``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import open_set
import pandas as pd
from heads_material import Example, Material, judged
from scipy.special import softmax
from train_heads import error_of, reliability

from instrec_utils import corpora, files, media, paths, provenance
from instrec_utils.config import CROP_SIZE, LABELS
from instrec_utils.corpora.elsewhere import read_elsewhere
from instrec_utils.corpora.photographs import read_photograph
from instrec_utils.errors import CorpusError
from instrec_utils.models import efficientat_mn04, efficientnet_lite0
from instrec_utils.recognise import networks
from instrec_utils.recognise.heads import OUTCOMES, combined
from instrec_utils.recognise.networks import Values
from instrec_utils.recognise.recogniser import (
    STEP,
    Judge,
    Recogniser,
    Recognition,
    own_audio_judge,
    pictures,
    spectrograms,
)

RESAMPLES = 2000
REPORTED = "audio, the report's own"  # of the corpus "open"
SHIPPED = "audio, own network"  # the one that comes with the package
CLIPS = ("clip", "clip-duo", "clip-silent")
OWN = {"audio": "audio, AudioSet's tags", "visual": "visual, ImageNet's classes", "both": "both, own classes"}
Scores = dict[str, np.ndarray]  # by file [shape=(13,)]


def heard(table: pd.DataFrame, folder: Path) -> Iterator[Example]:
    """Yield the windows of all files that have sound."""
    for file in table[~table["kind"].isin(("photograph", "clip-silent"))].itertuples():
        for spectrogram in spectrograms(folder / file.path):
            yield Example(spectrogram, file.label, file.collection, file.path)


def seen(table: pd.DataFrame, folder: Path) -> Iterator[Example]:
    """Yield the photographs, and the frames of all files that have pictures."""
    for file in table.itertuples():
        if file.kind == "photograph":
            picture = read_photograph(folder / file.path)
            picture = cv2.resize(picture, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
            yield Example(picture, file.label, file.collection, file.path)
        elif media.probe(folder / file.path).has_picture:
            for picture in pictures(folder / file.path):
                yield Example(picture, file.label, file.collection, file.path)


def values_of(material: Material, path: str) -> Values | None:
    """Return what a network made of a file; None if it was given nothing of it."""
    chosen = (material.table["group"] == path).to_numpy()
    return Values(*(part[chosen] for part in material.values)) if chosen.any() else None


def by_own_classes(modality: str, values: Values) -> np.ndarray:
    """Return the share of each instrument [shape=(13,)] by the network's own classes, of those that name it."""
    own = values.instruments.copy()
    if modality == "visual":
        own[:, [LABELS.index(label) for label in efficientnet_lite0.RELATIVES]] = -np.inf
    return softmax(own, axis=1).mean(axis=0)


def recognition(judges: dict[str, Judge], values: dict[str, Values]) -> Recognition:
    """Return what the command says of a file."""
    judging = {modality: judges[modality] for modality in values}
    found = {modality: judge.head.probabilities(values[modality]) for modality, judge in judging.items()}
    length = max(map(len, found.values()))
    return Recognition(Path(), length * STEP, judging, (), found.get("audio"), found.get("visual"))


def reported_scores(table: pd.DataFrame, folder: Path) -> tuple[str, Scores]:
    """Return the name of the report's own audio run and its scores by file [shape=(13,), 0 of what it was not taught].

    Where that run was not trained here the name is empty, and there are none.
    """
    from instrec_utils import models
    from instrec_utils.training import runs

    try:
        run = runs.runs_of(corpora.read_corpus("open"), runs.report_parameters("open"))["audio"]
    except CorpusError:  # the corpus is not here either
        return "", {}
    if not (run.weights.exists() and run.is_of_these()):
        return "", {}
    labels, given = run.corpus.labels, run.audio_input
    model = models.load_model(run.weights)
    rate, found = given.settings.sample_rate, {}
    for path in table.loc[~table["kind"].isin(("photograph", "clip-silent")), "path"]:
        sound = media.read_sound(folder / path, (rate,), given.stretches)[rate]
        scores = np.zeros(len(LABELS))
        scores[[LABELS.index(label) for label in labels]] = model.predict_on_batch(given.compute(sound)[None])[0]
        found[path] = scores
    return run.name, found


def shipped_scores(table: pd.DataFrame, folder: Path) -> Scores:
    """Return the scores by file [shape=(14,)] of the audio network that comes with the package."""
    judge = own_audio_judge()
    which = files.sha256_of_file(networks.OWN)[:8]  # it is trained anew now and then
    material = judged(f"elsewhere_own_audio_{which}", judge.network, heard(table, folder))
    found = {path: values_of(material, path) for path in table["path"]}
    return {path: combined(judge.head.probabilities(one)) for path, one in found.items() if one is not None}


def answers(
    table: pd.DataFrame, materials: dict[str, Material], judges: dict[str, Judge], others: dict[str, Scores]
) -> Iterator[tuple[object, str, np.ndarray]]:
    """Yield each file, method and what it says [shape=(13,) or (14,) with "none"]."""
    for file in table.itertuples():
        yield from ((file, method, scores[file.path]) for method, scores in others.items() if file.path in scores)
        values = {name: found for name, one in materials.items() if (found := values_of(one, file.path)) is not None}
        own = {modality: by_own_classes(modality, one) for modality, one in values.items()}
        said = recognition(judges, values).overall()
        for modality in values:
            yield file, OWN[modality], own[modality]
            yield file, modality, said[modality]
        if file.kind in CLIPS:
            yield file, OWN["both"], np.mean(list(own.values()), axis=0)
            yield file, "both", said["both"]


def as_row(file: object, method: str, scores: np.ndarray) -> dict[str, object]:
    """Return what was answered, and whether it was right."""
    order = np.argsort(-scores[: len(LABELS)], kind="stable")
    named, right = [LABELS[number] for number in order[:3]], set(file.label.split("+"))
    return {
        **{"method": method, "kind": file.kind, "collection": file.collection, "path": file.path},
        **{"label": file.label, "hit_at_1": named[0] in right, "hit_at_3": bool(right & set(named))},
        **{"answer": named[0], "score": round(float(scores[order[0]]), 3)},
        "none": round(float(scores[-1]), 3) if len(scores) > len(LABELS) else None,
    }


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


def several(table: pd.DataFrame, materials: dict[str, Material], judges: dict[str, Judge]) -> list[dict[str, object]]:
    """Return for each clip and modality in what share of the steps the timeline shows which instruments."""
    rows = []
    for file in table[table["kind"].isin(CLIPS)].itertuples():
        values = {name: found for name, one in materials.items() if (found := values_of(one, file.path)) is not None}
        for modality, there in recognition(judges, values).is_there().items():
            shown = {
                LABELS[number]: round(float(there[:, number].mean()), 3) for number in np.flatnonzero(there.any(0))
            }
            played = file.label.split("+")
            row = {"path": file.path, "kind": file.kind, "modality": modality, "played": played, "shown": shown}
            rows.append(row | {"found": sorted(set(played) & set(shown)), "else": sorted(set(shown) - set(played))})
    return rows


def calibration(table: pd.DataFrame, material: Material, judge: Judge, kind: str) -> dict[str, object]:
    """Return how often the highest probabilities of files of a kind are right."""
    chosen = table[table["kind"] == kind]
    said = np.stack([combined(judge.head.probabilities(values_of(material, path))) for path in chosen["path"]])
    truth = chosen["label"].map(OUTCOMES.index).to_numpy()
    return {"files": len(chosen), "error": round(error_of(truth, said), 4), "reliability": reliability(truth, said)}


def main() -> None:
    """Measure, write and print."""
    efficientat_mn04.locate_weights()  # without them the recogniser would judge by another network
    begin, recogniser = time.monotonic(), Recogniser()
    table, folder = read_elsewhere()
    judges = {"audio": recogniser.audio, "visual": recogniser.visual}
    materials = {
        "audio": judged("elsewhere_audio", judges["audio"].network, heard(table, folder)),
        "visual": judged("elsewhere_visual", judges["visual"].network, seen(table, folder)),
    }
    name, reported = reported_scores(table, folder)
    others = {REPORTED: reported, SHIPPED: shipped_scores(table, folder)}
    rows = pd.DataFrame([as_row(*one) for one in answers(table, materials, judges, others)])
    clips = rows[rows["kind"].isin(CLIPS)].assign(kind="all clips")
    content: dict[str, object] = {
        "reported_run": name,
        "by_kind": shares(pd.concat([rows, clips]), ["method", "kind"]),
        "by_collection": shares(rows, ["method", "kind", "collection"]),
        "by_label": shares(rows, ["method", "kind", "label"]),
        "several": several(table, materials, judges),
        "calibration": {
            "audio": calibration(table, materials["audio"], judges["audio"], "phrase"),
            "visual": calibration(table, materials["visual"], judges["visual"], "photograph"),
        },
        "open_set": open_set.measure(judges, materials, table),
        "files": rows.astype(object).where(rows.notna(), None).to_dict("records"),
        "seconds": round(time.monotonic() - begin, 1),
        "commit": provenance.commit(),
        "versions": provenance.versions() | {"opencv": cv2.__version__},
    }
    files.write_json(paths.home() / "results" / "benchmarks" / "elsewhere.json", content)
    print(pd.json_normalize(content["by_kind"]).to_string(index=False))
    print(rows.loc[~rows["hit_at_1"], ["method", "path", "answer", "score"]].to_string(index=False))


if __name__ == "__main__":
    main()
