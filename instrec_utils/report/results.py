"""The published numbers: everything that a page shows is read from ``results/`` here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from instrec_utils import evaluation, paths
from instrec_utils.corpora import Corpus, source_named
from instrec_utils.errors import RunError
from instrec_utils.paper_data import paper
from instrec_utils.training import runs

NAMES = {"hit_at_1": "Hit@1", "hit_at_3": "Hit@3", "f1_macro": "F1 macro", "f1_weighted": "F1 weighted"}
MODELS = {
    "han2016": "Han 2016",
    "choi2016": "Choi 2016",
    "xception_audio": "Xception",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "inception_frames": "Inception v3",
    "late_fusion": "Late fusion",
}
KINDS = ("audio", "visual", "fusion")
NEEDED = frozenset(
    {
        "run",
        "kind",
        "model",
        "parameters",
        "protocol",
        "seed",
        "uses",
        "num_test",
        "finished",
        "index_sha256",
        "run_sha256",
    }
)
"""What every result says of itself, whichever page reads it."""


def read(corpus: str) -> list[dict[str, Any]]:
    """Return every result of a corpus, audio before visual before fusion.

    Raises
    ------
    RunError
        There is none, or one is damaged or of another version.
    """
    directory = paths.results_dir(corpus)
    found = [_checked(path) for path in sorted(directory.glob("*.json"))]
    if not found:
        raise RunError(f"{directory}: no results; run `make report CORPUS={corpus}` first")
    return sorted(found, key=lambda result: (KINDS.index(result["kind"]), result["run"]))


def _checked(path: Path) -> dict[str, Any]:
    result = runs.read_json(path)
    missing = sorted(NEEDED - set(result))
    if missing:
        raise RunError(
            f"{path}: of another version, without {', '.join(missing)}; delete it and train this model again"
        )
    return result


def current(corpus: str) -> list[dict[str, Any]]:
    """Return the results that belong together, as `read` does.

    Those are the results of the newest one's index, and of the fusions those whose joined results are as they were when
    the fusion was trained.

    Raises
    ------
    RunError
        There is none.
    """
    found = read(corpus)
    index = max(found, key=lambda result: result["finished"])["index_sha256"]
    found = [result for result in found if result["index_sha256"] == index]
    sha256 = {result["run"]: result["run_sha256"] for result in found}
    return [
        result
        for result in found
        if result["kind"] != "fusion"
        or [sha256.get(result["parameters"][kind]) for kind in ("audio", "visual")] == result["uses"]
    ]


def predictions(corpus: str, run: str, split: str = "test") -> pd.DataFrame:
    """Return a run's predictions on a split: video_id, label, one score column a class, 0 to 1.

    Raises
    ------
    RunError
        There are none, they are damaged, or some are missing.
    """
    path = runs.predictions_path(corpus, run, split)
    if not path.exists():
        raise RunError(f"{path}: no such predictions; train this model first")
    try:
        table = pd.read_csv(path, dtype={"video_id": str, "label": str}, keep_default_na=False)
        table = table.astype(dict.fromkeys(table.columns[2:], float))
    except ValueError as error:
        raise RunError(f"{path}: damaged ({error}); delete it and train this model again") from error
    expected = runs.read_json(runs.result_path(corpus, run)).get(f"num_{split}", len(table))
    if len(table) != expected:
        raise RunError(f"{path}: expected {expected} videos, got {len(table)}; delete it and train this model again")
    return table


def describe(result: dict[str, Any]) -> str:
    """Return a run's name as a reader would say it."""
    parameters = result["parameters"]
    if result["kind"] == "audio":
        windows = "" if result["model"] == "han2016" else f", {parameters['segmentation'].upper()}"
        return f"{MODELS[result['model']]}{windows}"
    if result["kind"] == "visual":
        pretrained = ", PT" if parameters["pretrained"] else ""
        return f"{MODELS[result['model']]}, {_frames(parameters)}{pretrained}"
    form = "" if parameters["fusion_form"] == "text" else f", {parameters['fusion_form']}"
    dropout = ", modality dropout" if parameters["modality_dropout"] else ""
    return f"Late fusion, {_frames(parameters)}{form}{dropout}"


def _frames(parameters: dict[str, Any]) -> str:
    return "1 frame" if parameters["num_frames"] == 1 else f"{parameters['num_frames']} frames"


def table(results: list[dict[str, Any]], key: str = "metrics") -> pd.DataFrame:
    """Return one row a result: model, parameters, and each metric in % with its interval as text."""
    rows = []
    for result in results:
        row = {"Kind": result["kind"], "Model": describe(result), "Trained parameters": f"{result['num_parameters']:,}"}
        row |= {NAMES[name]: percent(result[key][name]) for name in evaluation.METRICS}
        rows.append(row)
    return pd.DataFrame(rows)


def percent(metric: dict[str, float]) -> str:
    """Return a metric in % with its 95 % interval, "71.8 (56.4–84.6)", that breaks before the interval only."""
    return f"{100 * metric['value']:.1f} ({100 * metric['low']:.1f}–{100 * metric['high']:.1f})"


def headline(corpus: str) -> str:
    """Return the headline of a corpus as a table for a terminal."""
    found = [*one_of_each_kind(corpus), with_attention(corpus)]
    first = found[0]
    note = (
        f"{corpus}: {first['num_train']} videos in training, {first['num_validation']} in validation, "
        f"{first['num_test']} in the test split; in %, with 95 % bootstrap intervals over test videos; "
        f"always answering the commonest class scores {100 * first['majority_rate']:.1f}"
    )
    return f"{table(found).to_string(index=False)}\n{note}"


def read_one(corpus: str, run: str) -> dict[str, Any]:
    """Return a run's result by name.

    Raises
    ------
    RunError
        There is none of that name.
    """
    found = {result["run"]: result for result in read(corpus)}
    if run not in found:
        raise RunError(f"results/{corpus}: expected one of {', '.join(found)}, got {run!r}")
    return found[run]


def one_of_each_kind(corpus: str) -> list[dict[str, Any]]:
    """Return the headline: the paper's form of fusion of Choi's network, and the two results that it joins.

    Of several, that of the smallest seed, and of these the newest; without Choi's network, that of another. In the
    order of `KINDS`.

    Raises
    ------
    RunError
        There is no fusion yet.
    """
    found = {result["run"]: result for result in current(corpus)}

    def rank(result: dict[str, Any]) -> tuple[Any, ...]:
        parameters = result["parameters"]
        audio = found[parameters["audio"]]
        is_default = (parameters["fusion_form"], audio["model"], audio["parameters"]["segmentation"])
        return is_default != ("text", "choi2016", "uc"), parameters["modality_dropout"], result["seed"]

    fusions = [result for result in found.values() if result["kind"] == "fusion"]
    fusions.sort(key=lambda result: result["finished"], reverse=True)
    if not fusions:
        raise RunError(f"results/{corpus}: no fusion yet; run the notebook 05_fusion first")
    fusion = min(fusions, key=rank)
    return [found[fusion["parameters"][kind]] for kind in ("audio", "visual")] + [fusion]


def with_attention(corpus: str) -> dict[str, Any]:
    """Return the headline's other fusion, with attention and modality dropout.

    Raises
    ------
    RunError
        There is none yet.
    """
    audio, visual, fusion = one_of_each_kind(corpus)
    for result in current(corpus):
        parameters = result["parameters"]
        if result["kind"] == "fusion" and result["seed"] == fusion["seed"]:
            joined = (parameters["fusion_form"], parameters["audio"], parameters["visual"])
            if joined == ("attention", audio["run"], visual["run"]) and parameters["modality_dropout"]:
                return result
    raise RunError(
        f"results/{corpus}: no fusion with attention of {audio['run']} yet; run the notebook 05_fusion first"
    )


def intervals(found: list[dict[str, Any]], *, metric: str = "hit_at_1", with_paper: bool = False) -> pd.DataFrame:
    """Return one row a result for `plots.intervals`: name, kind, value, low, high, in %.

    With the paper's rows of Choi's model, of its best frame models, and of their fusions.
    """
    rows = [
        {"name": describe(result), "kind": result["kind"]}
        | {key: 100 * result["metrics"][metric][key] for key in ("value", "low", "high")}
        for result in found
    ]
    if with_paper:
        rows += [
            {
                "name": f"Paper, {row['dataset']}: {row['name']}",
                "kind": "paper",
                "low": row[metric],
                "high": row[metric],
            }
            | {"value": row[metric]}
            for row in paper_rows()
        ]
    return pd.DataFrame(rows)


def paper_rows() -> list[dict[str, Any]]:
    """Return the paper's counterparts of the report's three models, each with a name and a kind."""
    tables = paper.paper_tables()
    rows = [
        row | {"name": row["model"], "kind": "audio"} for row in tables["table3"] if row["model"] == "Choi 2016, UC"
    ]
    best = ((50, "FCVID"), (20, "YT-8M"))
    rows += [
        row | {"name": f"Inception v3, {row['frames']} frames", "kind": "visual"}
        for row in tables["table2"]
        if row["pretrained"] and (row["frames"], row["dataset"]) in best
    ]
    rows += [
        row | {"name": f"fusion, {row['frames']} frames", "kind": "fusion"}
        for row in tables["table4"]
        if row["model"] == "Choi"
    ]
    return rows


def beside_the_paper(found: list[dict[str, Any]]) -> pd.DataFrame:
    """Return our results and the paper's counterparts, kind by kind."""
    rows = []
    for kind in KINDS:
        for result in (result for result in found if result["kind"] == kind):
            values = {NAMES[name]: percent(result["metrics"][name]) for name in evaluation.METRICS}
            rows.append({"Kind": kind, "Corpus": result["corpus"], "Model": describe(result)} | values)
        for row in (row for row in paper_rows() if row["kind"] == kind):
            values = {"Hit@1": f"{row['hit_at_1']:.2f}", "Hit@3": f"{row['hit_at_3']:.2f}"}
            values |= {"F1 macro": "–", "F1 weighted": f"{row['f1']:.2f} (F1)"}
            rows.append({"Kind": kind, "Corpus": f"paper, {row['dataset']}", "Model": row["name"]} | values)
    return pd.DataFrame(rows)


def by_condition(corpus: Corpus, found: list[dict[str, Any]], column: str) -> pd.DataFrame | None:
    """Return Hit@1 of each result by a condition of the test clips, for `plots.scores_by_condition`.

    Parameters
    ----------
    corpus : whose index has the column.
    found : results.
    column : "picture" or "sound".

    Returns
    -------
    pd.DataFrame or None
        None where no condition is declared. The commonest condition comes first.
    """
    if column not in corpus.index:
        return None
    conditions = corpus.index.set_index("video_id")[column]
    tables = []
    for result in found:
        table = predictions(corpus.name, result["run"])
        truth, scores, _ = evaluation.from_predictions(table)
        hits = pd.Series(100.0 * (scores.argmax(axis=1) == truth), index=conditions.loc[table["video_id"]].to_numpy())
        rates = hits.groupby(level=0).agg(["mean", "size"]).set_axis(["value", "num_videos"], axis=1)
        tables.append(rates.rename_axis("condition").reset_index().assign(stream=column, kind=result["kind"]))
    return pd.concat(tables).sort_values("num_videos", ascending=False, kind="stable")


def recall_by_class(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the share of each class that is recognised: columns label, kind, recall (0 to 1)."""
    rows = []
    for kind, table in tables.items():
        answers = table.columns[2:][table.iloc[:, 2:].to_numpy().argmax(axis=1)]
        recall = (answers == table["label"]).groupby(table["label"]).mean()
        rows += [{"label": label, "kind": kind, "recall": value} for label, value in recall.items()]
    return pd.DataFrame(rows)


def _answers(table: pd.DataFrame) -> pd.Series:
    return table.set_index("video_id").iloc[:, 1:].idxmax(axis=1)


def confused_pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Return which label is taken for which, the commonest first."""
    pairs = pd.DataFrame({"Is": table["label"].to_numpy(), "Taken for": _answers(table).to_numpy()})
    wrong = pairs[pairs["Is"] != pairs["Taken for"]]
    return wrong.value_counts().rename("Videos").reset_index()


def repaired_and_broken(tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the videos that the fusion repaired and those that it broke.

    Returns
    -------
    repaired, broken : pd.DataFrame
        video_id, label and the three answers. Repaired: the fusion is right and a modality is not. Broken: the
        fusion is wrong and a modality is not.
    """
    answers = pd.DataFrame({kind: _answers(table) for kind, table in tables.items()})
    answers.insert(0, "label", tables["fusion"].set_index("video_id")["label"])
    right = answers[["audio", "visual", "fusion"]].eq(answers["label"], axis=0)
    repaired = right["fusion"] & ~(right["audio"] & right["visual"])
    broken = ~right["fusion"] & (right["audio"] | right["visual"])
    return answers[repaired].reset_index(), answers[broken].reset_index()


def playable(corpus: Corpus) -> set[str]:
    """Return the videos that a page may play, see `Source.is_playable`."""
    return set(corpus.index.loc[source_named(corpus.source).is_playable(corpus.index), "video_id"])
