"""What models answer video by video: by condition, by class, and what a fusion repairs and breaks.

Everywhere `predictions` are tables of `results.read_predictions` by kind of model.
"""

from collections.abc import Mapping

import pandas as pd

from instrec_utils import evaluation
from instrec_utils.corpora import Corpus
from instrec_utils.report import results


def hits_by_condition(corpus: Corpus, rows: pd.DataFrame, column: str) -> pd.DataFrame | None:
    """Return Hit@1 of rows of `results.read_results` by a condition of the test clips, the commonest first.

    Parameters
    ----------
    corpus : Corpus
    rows : pd.DataFrame
    column : {"picture", "sound"}

    Returns
    -------
    pd.DataFrame [columns stream, condition, kind, value (in %) and num_videos] or None, where no condition is declared
    """
    if column not in corpus.index:
        return None
    conditions = corpus.index.set_index("video_id")[column]
    tables = []
    for _, result in rows.iterrows():
        table = results.read_predictions(result)
        truth, scores, _ = evaluation.from_predictions(table)
        hits = pd.DataFrame({"condition": conditions[table["video_id"]].to_numpy()})
        hits["value"] = 100.0 * (scores.argmax(axis=1) == truth)
        rates = hits.groupby("condition", as_index=False).agg(value=("value", "mean"), num_videos=("value", "size"))
        tables.append(rates.assign(stream=column, kind=result["kind"]))
    return pd.concat(tables).sort_values("num_videos", ascending=False, kind="stable")


def recall_by_class(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return label, kind and recall, 0 to 1: the share of each class that is recognised, for `figures.per_class`."""
    tables = []
    for kind, table in predictions.items():
        recall = (_answers(table).to_numpy() == table["label"]).groupby(table["label"]).mean()
        tables.append(recall.rename("recall").reset_index().assign(kind=kind))
    return pd.concat(tables, ignore_index=True)


def _answers(table: pd.DataFrame) -> pd.Series:
    """Return the label with the highest score of each video, by video_id."""
    return table.set_index("video_id").iloc[:, 1:].idxmax(axis=1)


def confused_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Return which label is taken for which and how often, the commonest first; see `results.read_predictions`."""
    pairs = pd.DataFrame({"Is": table["label"].to_numpy(), "Taken for": _answers(table).to_numpy()})
    return pairs[pairs["Is"] != pairs["Taken for"]].value_counts().rename("Videos").reset_index()


def repaired_and_broken(predictions: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the videos that a fusion repaired and those that it broke.

    Returns
    -------
    repaired, broken : pd.DataFrame [columns video_id, label and the answers "audio", "visual" and "fusion"]
        The fusion is right and a modality is not; the fusion is wrong and a modality is not.
    """
    answers = pd.DataFrame({kind: _answers(table) for kind, table in predictions.items()})
    answers.insert(0, "label", predictions["fusion"].set_index("video_id")["label"])
    right = answers[["audio", "visual", "fusion"]].eq(answers["label"], axis=0)
    repaired = right["fusion"] & ~(right["audio"] & right["visual"])
    broken = ~right["fusion"] & (right["audio"] | right["visual"])
    return answers[repaired].reset_index(), answers[broken].reset_index()
