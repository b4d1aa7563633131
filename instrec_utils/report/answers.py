"""What models answer video by video: by condition, by class, and what a fusion repairs and breaks.

Everywhere `predictions` are tables of `results.read_predictions` by kind of model.
"""

from collections.abc import Mapping

import pandas as pd

from instrec_utils import evaluation
from instrec_utils.corpora import Corpus
from instrec_utils.report import results


def _answers(table: pd.DataFrame) -> pd.DataFrame:
    """Return label and answer of each video, by video_id; the answer is the class with the highest score."""
    truth, scores, labels = evaluation.from_predictions(table)
    said = {"label": truth, "answer": scores.argmax(axis=1)}
    index = pd.Index(table.iloc[:, 0], name="video_id")
    return pd.DataFrame({name: [labels[number] for number in numbers] for name, numbers in said.items()}, index=index)


def hits_by_condition(corpus: Corpus, rows: pd.DataFrame, column: str) -> pd.DataFrame | None:
    """Return Hit@1 of rows of `results.read_results` by the condition of "picture" or "sound", the commonest first.

    Columns stream, condition, kind, value (in %) and num_videos; None where no condition is declared.
    """
    if column not in corpus.index:
        return None
    conditions = corpus.index.set_index("video_id")[column].rename("condition")
    tables = []
    for _, result in rows.iterrows():
        answers = _answers(results.read_predictions(result))
        hits = 100.0 * (answers["answer"] == answers["label"])
        rates = hits.groupby(conditions).agg(value="mean", num_videos="size").reset_index()
        tables.append(rates.assign(stream=column, kind=result["kind"]))
    return pd.concat(tables).sort_values("num_videos", ascending=False, kind="stable")


def recall_by_class(predictions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return label, kind and recall, 0 to 1: the share of each class that is recognised, for `figures.per_class`."""
    tables = []
    for kind, table in predictions.items():
        answers = _answers(table)
        recall = (answers["answer"] == answers["label"]).groupby(answers["label"]).mean()
        tables.append(recall.rename("recall").reset_index().assign(kind=kind))
    return pd.concat(tables, ignore_index=True)


def confused_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Return which label is taken for which and how often, the commonest first; see `results.read_predictions`."""
    pairs = _answers(table).set_axis(["Is", "Taken for"], axis=1)
    return pairs[pairs["Is"] != pairs["Taken for"]].value_counts().rename("Videos").reset_index()


def repaired_and_broken(predictions: Mapping[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the videos that a fusion is right about and a modality is not, and those of which it is the other way.

    Columns video_id, label and the answers audio, visual and fusion.
    """
    answers = pd.DataFrame({kind: _answers(table)["answer"] for kind, table in predictions.items()})
    answers.insert(0, "label", _answers(predictions["fusion"])["label"])
    right = answers[["audio", "visual", "fusion"]].eq(answers["label"], axis=0)
    repaired = right["fusion"] & ~(right["audio"] & right["visual"])
    broken = ~right["fusion"] & (right["audio"] | right["visual"])
    return answers[repaired].reset_index(), answers[broken].reset_index()
