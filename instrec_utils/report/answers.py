"""What models answer video by video, over all seeds: by condition, by class, and what a fusion repairs and breaks.

Everywhere `predictions` are, by kind of model, tables of `results.read_predictions` on the same videos, one a seed. An
interval is the exact one of a share of so many videos, whose seeds' answers are averaged.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from instrec_utils import evaluation
from instrec_utils.corpora import Corpus

Predictions = Mapping[str, Sequence[pd.DataFrame]]


def _answers(table: pd.DataFrame) -> pd.DataFrame:
    """Return label and answer of each video, by video_id; the answer is the class with the highest score."""
    truth, scores, labels = evaluation.from_predictions(table)
    said = {"label": truth, "answer": scores.argmax(axis=1)}
    index = pd.Index(table.iloc[:, 0], name="video_id")
    return pd.DataFrame({name: [labels[number] for number in numbers] for name, numbers in said.items()}, index=index)


def _right(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return the label of each video and right, the share of seeds that recognise it, by video_id."""
    every = [_answers(table) for table in tables]
    right = np.mean([one["answer"] == one["label"] for one in every], axis=0)
    return every[0][["label"]].assign(right=right)


def _shares(right: pd.Series, groups: pd.Series) -> pd.DataFrame:
    """Return value, low and high, in %, and num_videos of each group of videos."""
    shares = right.groupby(groups).agg(value="mean", num_videos="size")
    ends = [evaluation.exact_interval(one.value, one.num_videos) for one in shares.itertuples()]
    shares[["low", "high"]] = 100 * np.reshape(ends, (-1, 2))
    return shares.assign(value=100 * shares["value"]).reset_index()


def hits_by_condition(corpus: Corpus, predictions: Predictions, column: str) -> pd.DataFrame | None:
    """Return Hit@1 of models by the condition of "picture" or "sound", the commonest condition first.

    Columns stream, condition, kind, value, low and high (in %) and num_videos; None where no condition is declared.
    """
    if column not in corpus.index:
        return None
    conditions = corpus.index.set_index("video_id")[column].rename("condition")
    shares = [
        _shares(_right(tables)["right"], conditions).assign(stream=column, kind=kind)
        for kind, tables in predictions.items()
    ]
    return pd.concat(shares).sort_values("num_videos", ascending=False, kind="stable")


def recall_by_class(predictions: Predictions) -> pd.DataFrame:
    """Return label, kind, value, low and high (in %) and num_videos: how much of each class is recognised."""
    right = {kind: _right(tables) for kind, tables in predictions.items()}
    return pd.concat([_shares(one["right"], one["label"]).assign(kind=kind) for kind, one in right.items()])


def confused_pairs(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return which label is taken for which and of how many videos a seed, on average, the commonest first, by name."""
    pairs = pd.concat([_answers(table) for table in tables]).set_axis(["Is", "Taken for"], axis=1)
    counts = pairs[pairs["Is"] != pairs["Taken for"]].value_counts().sort_index() / len(tables)
    return counts.sort_values(ascending=False, kind="stable").round(1).rename("Videos").reset_index()


def repaired_and_broken(predictions: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the videos that a fusion is right about and a modality is not, and those of which it is the other way.

    The predictions "audio", "visual" and "fusion" are of one seed. Columns video_id, label and the three's answers.
    """
    answers = pd.DataFrame({kind: _answers(table)["answer"] for kind, table in predictions.items()})
    answers.insert(0, "label", _answers(predictions["fusion"])["label"])
    right = answers[["audio", "visual", "fusion"]].eq(answers["label"], axis=0)
    repaired = right["fusion"] & ~(right["audio"] & right["visual"])
    broken = ~right["fusion"] & (right["audio"] | right["visual"])
    return answers[repaired].reset_index(), answers[broken].reset_index()


def repairs(predictions: Predictions, fused: Predictions) -> pd.DataFrame:
    """Return how many videos each way of joining, by its name, repairs and breaks, on average over its seeds.

    The predictions "audio" and "visual" have the seeds of those that are fused, in their order.
    """
    counts = {
        name: [
            [len(videos) for videos in repaired_and_broken({"audio": audio, "visual": visual, "fusion": fusion})]
            for audio, visual, fusion in zip(predictions["audio"], predictions["visual"], tables, strict=True)
        ]
        for name, tables in fused.items()
    }
    means = pd.DataFrame({name: np.mean(one, axis=0) for name, one in counts.items()}, index=["Repaired", "Broken"]).T
    return means.round(1).rename_axis("Joined by").reset_index()
