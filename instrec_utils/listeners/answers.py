"""What people answered: the files that come back from a kit, and what they say beside the answers of models.

Everywhere `answers` is a table of one row an answer, with the columns who (a person, or a run of a model), video_id,
label and answer: a class, or of people also `kit.CANNOT_TELL`, which is right of no clip.
"""

import csv
import itertools
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import cohen_kappa_score, confusion_matrix, precision_recall_fscore_support

from instrec_utils import evaluation, files, paths
from instrec_utils.corpora import Corpus
from instrec_utils.errors import CorpusError
from instrec_utils.listeners.kit import CANNOT_TELL, KEY, listeners_dir

COLUMNS = ("participant", "kit", "clip", "answer", "seconds", "times_played")
KEY_COLUMNS = ("clip", "video_id")
_KEY_NAME = re.compile(re.escape(KEY).replace(r"\{\}", "(.+)"))
_FORMS = {
    "participant": (r"[1-9][0-9]{0,4}", "a number from 1 to 99999"),
    "seconds": (r"[0-9]{1,9}(\.[0-9]{1,9})?", "seconds, such as 12.5"),
    "times_played": (r"[0-9]{1,9}", "a whole number"),
}


def answers_files(corpus_name: str) -> dict[str, Path]:
    """Return the files of keys and answers of a corpus by name; one that was put here hides the published one."""
    folders = [listeners_dir(folder) for folder in reversed(paths.results_dirs(corpus_name))]
    found = [path for folder in folders if folder.exists() for path in folder.iterdir()]
    return {path.name: path for path in sorted(found, key=lambda path: path.name) if not path.name.startswith(".")}


def read_answers(found: Iterable[Path], corpus: Corpus) -> tuple[pd.DataFrame, list[str]]:
    """Return the answers of all files that are as a kit writes them, and a line on whatever is left out.

    Parameters
    ----------
    found : iterable of Path [keys of kits, named as they were written, and files of answers of any name]
    corpus : Corpus [of whose test split the kits are]

    Returns
    -------
    pd.DataFrame [one row an answer; beside those of `answers` the columns seconds and times_played]
        A participant's number counts within a kit. Answers to clips that were never played are left out.
    list of str [each names a file, and the line and column that are wrong in it]
    """
    labels = corpus.split("test").set_index("video_id")["label"]
    keys: dict[str, dict[str, str]] = {}
    tables: dict[str, pd.DataFrame] = {}
    left_out = []
    for path in sorted(found, key=lambda path: (not _KEY_NAME.fullmatch(path.name), path.name)):  # keys first
        try:
            if name := _KEY_NAME.fullmatch(path.name):
                keys[name[1]] = _read_key(path, labels.index)
                continue
            table = _read_participant(path, keys, corpus.labels)
            who = f"{table['participant'].iloc[0]} of {table['kit'].iloc[0]}"
            if who in tables:
                raise CorpusError(f"column participant: expected one file of {who}, got a second one")
            tables[who] = table
        except CorpusError as error:
            left_out.append(f"{files.escaped(path.name)}: {error}")
            continue
        if num_unplayed := (table["times_played"] == 0).sum():
            left_out.append(f"{files.escaped(path.name)}: column times_played: 0 on {num_unplayed} of its lines")
    columns = ["who", "video_id", "label", "answer", "seconds", "times_played"]
    if not tables:
        return pd.DataFrame(columns=columns), left_out
    every = pd.concat([table.assign(who=who) for who, table in tables.items()], ignore_index=True)
    every["video_id"] = [keys[kit][clip] for kit, clip in zip(every["kit"], every["clip"], strict=True)]
    every["label"] = every["video_id"].map(labels)
    return every.loc[every["times_played"] > 0, columns].reset_index(drop=True), left_out


def _read_key(path: Path, video_ids: Collection[str]) -> dict[str, str]:
    table = _read_table(path, KEY_COLUMNS)
    _refuse(table, "clip", table["clip"].duplicated(), "each clip once")
    _refuse(table, "video_id", ~table["video_id"].isin(video_ids), "a video of the test split")
    _refuse(table, "video_id", table["video_id"].duplicated(), "each video once")
    return dict(zip(table["clip"], table["video_id"], strict=True))


def _read_participant(path: Path, keys: Mapping[str, Mapping[str, str]], labels: Sequence[str]) -> pd.DataFrame:
    table = _read_table(path, COLUMNS)
    for column, (form, rule) in _FORMS.items():
        _refuse(table, column, ~table[column].str.fullmatch(form), rule)
    known = ", ".join(keys) or "none, as there is no key"
    _refuse(table, "kit", ~table["kit"].isin(keys), f"a kit whose key is here ({known})")
    for column in ("participant", "kit"):
        first = table[column].iloc[0]
        _refuse(table, column, table[column] != first, f"{first} on every line")
    _refuse(table, "clip", ~table["clip"].isin(keys[table["kit"].iloc[0]]), "a clip of the kit")
    _refuse(table, "clip", table["clip"].duplicated(), "each clip once")
    allowed = [*labels, CANNOT_TELL]
    _refuse(table, "answer", ~table["answer"].isin(allowed), f"one of {', '.join(allowed)}")
    return table.astype({"seconds": float, "times_played": int})


def _read_table(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Return a CSV table of text with just these columns, or raise a `CorpusError`."""
    if not path.is_file():  # nor is a pipe waited for
        raise CorpusError("expected a CSV file, got something that is no file")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CorpusError(f"cannot be read as a CSV table: {reason}") from error
    header = rows[0] if rows else []
    if header != list(columns):
        raise CorpusError(f"expected the columns {','.join(columns)}, got {','.join(header)[:80]!r}")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(columns):
            raise CorpusError(f"line {number}: expected {len(columns)} values, got {len(row)}")
    if len(rows) == 1:
        raise CorpusError("expected at least one line below the header, got none")
    return pd.DataFrame(rows[1:], columns=list(columns))


def _refuse(table: pd.DataFrame, column: str, wrong: pd.Series, rule: str) -> None:
    """Raise a `CorpusError` for the first value of a column that is wrong."""
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        got = table[column].iloc[row][:80]
        raise CorpusError(f"line {row + 2}, column {column}: expected {rule}, got {got!r}")


def answers_of_runs(predictions: Sequence[pd.DataFrame], video_ids: Collection[str]) -> pd.DataFrame:
    """Return the `answers` of a model's runs, tables of `results.read_predictions`, to some of the videos."""
    tables = []
    for number, table in enumerate(predictions):
        truth, scores, labels = evaluation.from_predictions(table)
        names = np.array(labels)
        said = {"label": names[truth], "answer": names[scores.argmax(axis=1)]}
        tables.append(pd.DataFrame({"who": str(number), "video_id": table["video_id"], **said}))
    every = pd.concat(tables, ignore_index=True)
    return every[every["video_id"].isin(video_ids)]


def rates(answers: pd.DataFrame, labels: Sequence[str]) -> dict[str, float]:
    """Return how well a corpus' classes are recognised, 0 to 1, all answers taken together as the paper's seem to be.

    That is precision, recall and f1, means over classes; and hit_at_1, the mean over clips of the share of answers that
    are right, with low and high of its exact 95 % interval over clips.
    """
    true, said = answers["label"], answers["answer"]
    precision, recall, f1, _ = precision_recall_fscore_support(
        true, said, labels=list(labels), average="macro", zero_division=0
    )
    right = (said == true).groupby(answers["video_id"]).mean()
    low, high = evaluation.exact_interval(float(right.mean()), len(right))
    measured = {"precision": precision, "recall": recall, "f1": f1, "hit_at_1": right.mean(), "low": low, "high": high}
    return {name: float(value) for name, value in measured.items()}


def agreement(answers: pd.DataFrame) -> dict[str, float] | None:
    """Return how far people agree beyond chance: the mean kappa of all pairs, their low and high, and num_pairs.

    It is Light's: a pair's kappa is Cohen's, -1 to 1, over the clips that both answered; "cannot tell" is an answer
    like the others. Pairs without a clip in common, or who gave all of these one and the same answer, have none;
    without any pair it is None.

    References
    ----------
    R. Light: Measures of response agreement for qualitative data. Psychological Bulletin 76(5), 1971.
    """
    table = answers.pivot(index="video_id", columns="who", values="answer")
    pairs = [table[list(pair)].dropna() for pair in itertools.combinations(table, 2)]
    kappas = [cohen_kappa_score(*pair.to_numpy().T) for pair in pairs if len(np.unique(pair.to_numpy(str))) > 1]
    if not kappas:
        return None
    return {"kappa": float(np.mean(kappas)), "low": min(kappas), "high": max(kappas), "num_pairs": len(kappas)}


def confusion(answers: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """Return shares of answers [shape=(num_classes + 1, num_classes + 1)], truth in rows, "cannot tell" last."""
    return confusion_matrix(answers["label"], answers["answer"], labels=[*labels, CANNOT_TELL], normalize="true")


def by_condition(corpus: Corpus, groups: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    """Return how answers divide under each condition of picture and sound, in %; None where none is declared.

    Columns stream, condition, clips; and for each group of `answers`, by its name, the share that is right, with the
    share that cannot tell in a column of its own where any does. The other answers are wrong.
    """
    rows = []
    for stream in (column for column in ("picture", "sound") if column in corpus.index):
        conditions = corpus.index.set_index("video_id")[stream]
        for condition in corpus.split("test")[stream].value_counts().index:
            row: dict[str, object] = {"stream": stream, "condition": condition}
            for name, answers in groups.items():
                of_condition = answers[answers["video_id"].map(conditions) == condition]
                row["clips"] = of_condition["video_id"].nunique()
                row[name] = 100 * (of_condition["answer"] == of_condition["label"]).mean()
                if (answers["answer"] == CANNOT_TELL).any():
                    row[f"{name}, cannot tell"] = 100 * (of_condition["answer"] == CANNOT_TELL).mean()
            rows.append(row)
    return pd.DataFrame(rows) if rows else None
