"""What models answer video by video: by condition, by class, and what a fusion repairs and breaks."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from instrec_utils import evaluation
from instrec_utils.corpora import Corpus
from instrec_utils.report import results


def hits_by_condition(corpus: Corpus, rows: pd.DataFrame, column: str) -> pd.DataFrame | None:
    """Return Hit@1 of each result by a condition of the test clips, for `figures.scores_by_condition`.

    Parameters
    ----------
    corpus : Corpus
        Whose index has the column.
    rows : pd.DataFrame
        Of `results.read_results`.
    column : str
        "picture" or "sound".

    Returns
    -------
    pd.DataFrame or None
        stream, condition, kind, value (in %) and num_videos, the commonest condition first; None where no condition
        is declared.
    """
    if column not in corpus.index:
        return None
    conditions = corpus.index.set_index("video_id")[column]
    tables = []
    for _, result in rows.iterrows():
        table = results.read_predictions(result)
        truth, scores, _ = evaluation.from_predictions(table)
        hits = pd.Series(100.0 * (scores.argmax(axis=1) == truth), index=conditions.loc[table["video_id"]].to_numpy())
        rates = hits.groupby(level=0).agg(["mean", "size"]).set_axis(["value", "num_videos"], axis=1)
        tables.append(rates.rename_axis("condition").reset_index().assign(stream=column, kind=result["kind"]))
    return pd.concat(tables).sort_values("num_videos", ascending=False, kind="stable")


def recall_by_class(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the share of each class that is recognised, for `figures.per_class`.

    Parameters
    ----------
    predictions : mapping of str to pd.DataFrame
        From `results.read_predictions`, by kind of model.

    Returns
    -------
    pd.DataFrame
        label, kind and recall, 0 to 1.
    """
    rows = []
    for kind, table in predictions.items():
        recall = (_answers(table).to_numpy() == table["label"]).groupby(table["label"]).mean()
        rows += [{"label": label, "kind": kind, "recall": value} for label, value in recall.items()]
    return pd.DataFrame(rows)


def _answers(table: pd.DataFrame) -> pd.Series:
    """Return the label with the highest score of each video, by video_id."""
    return table.set_index("video_id").iloc[:, 1:].idxmax(axis=1)


def confused_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Return which label is taken for which and how often, the commonest first; see `results.read_predictions`."""
    pairs = pd.DataFrame({"Is": table["label"].to_numpy(), "Taken for": _answers(table).to_numpy()})
    wrong = pairs[pairs["Is"] != pairs["Taken for"]]
    return wrong.value_counts().rename("Videos").reset_index()


def repaired_and_broken(predictions: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the videos that a fusion repaired and those that it broke.

    Parameters
    ----------
    predictions : mapping of str to pd.DataFrame
        From `results.read_predictions`, of "audio", "visual" and "fusion".

    Returns
    -------
    repaired, broken : pd.DataFrame
        video_id, label and the three answers. Repaired: the fusion is right and a modality is not. Broken: the
        fusion is wrong and a modality is not.
    """
    answers = pd.DataFrame({kind: _answers(table) for kind, table in predictions.items()})
    answers.insert(0, "label", predictions["fusion"].set_index("video_id")["label"])
    right = answers[["audio", "visual", "fusion"]].eq(answers["label"], axis=0)
    repaired = right["fusion"] & ~(right["audio"] & right["visual"])
    broken = ~right["fusion"] & (right["audio"] | right["visual"])
    return answers[repaired].reset_index(), answers[broken].reset_index()
