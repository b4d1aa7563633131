"""Measure what EfficientAT mn04 recognises without any training here, on sound from elsewhere, and print the tables.

A class scores as the highest of its AudioSet tags, over all 13 classes; of a clip of two instruments either is right.
The sound is heard as in the report, ten segments of 3 s spread over it, and as its first 20 s in one piece. The files
and the weights are downloaded, or ``INSTREC_ELSEWHERE`` and ``INSTREC_WEIGHTS`` name local copies.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from instrec_utils import media
from instrec_utils.config import AUDIOSET, LABELS
from instrec_utils.corpora.elsewhere import read_elsewhere
from instrec_utils.inputs.kaldi_spectrograms import kaldi_log_mel
from instrec_utils.models import efficientat_mn04

FIRST_SECONDS = 20


def heard(path: Path) -> dict[str, np.ndarray]:
    """Return the spectrograms [shape=(num_examples, 128, num_frames)] of a file's sound, in both ways."""
    samples = media.read_sound(path, (AUDIOSET.sample_rate,))[AUDIOSET.sample_rate]
    first = kaldi_log_mel(samples[: FIRST_SECONDS * AUDIOSET.sample_rate], AUDIOSET)
    return {"segments": efficientat_mn04.compute_input(samples), "first 20 s": first[None]}


def measure() -> pd.DataFrame:
    """Return one row a file and way, with what was answered and whether that was right."""
    table, folder = read_elsewhere("phrase", "clip", "clip-duo")
    tagger = efficientat_mn04.build_tagger()
    rows = []
    for file in tqdm(table.itertuples(), total=len(table), desc="elsewhere", unit="file"):
        for way, spectrograms in heard(folder / file.path).items():
            scores = efficientat_mn04.tag_scores(np.asarray(tagger.predict_on_batch(spectrograms)).mean(axis=0))
            answers = [LABELS[number] for number in np.argsort(-scores, kind="stable")[:3]]
            right = set(file.label.split("+"))
            hits = {"hit_at_1": answers[0] in right, "hit_at_3": bool(right & set(answers))}
            rows.append({"way": way, **file._asdict(), **hits, "answer": answers[0]})
    return pd.DataFrame(rows)


def shares(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Return the number of files and the shares of hits by some columns, one row a group."""
    groups = rows.groupby(columns)
    return groups[["hit_at_1", "hit_at_3"]].mean().round(3).assign(files=groups.size()).reset_index()


if __name__ == "__main__":
    measured = measure()
    for columns in (["way", "kind"], ["way", "kind", "collection"], ["way", "kind", "label"]):
        print(shares(measured, columns).to_string(index=False), end="\n\n")
    print(measured.loc[~measured["hit_at_1"], ["way", "path", "answer"]].to_string(index=False))
