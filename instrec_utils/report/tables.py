"""Tables 2, 3 and 4 and the others of the pages: selections of the results' table, in words.

Everywhere `found` is the table of `results.read_results`, one row a run, and `rows` that of `results.mean_over_seeds`.
A `dataset` is that of the paper which the corpus is, or empty; see `printed.beside_the_paper`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from instrec_utils import evaluation
from instrec_utils.paper_data import paper
from instrec_utils.report import results, words
from instrec_utils.report.printed import beside_the_paper

PRETRAINED = "imagenet+instruments"  # the initial weights that the paper calls PT
OF_THE_PAPER = {"Profile": "paper", "Other settings": ""}  # what a row that only the paper has is trained with
AGAINST = "Against the fusion"
WEIGHTED = "weighted scores, learned on the validation split"


def scores_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return kind, model, trained parameters and metrics of each row, or of runs of `found`, as text in %."""
    return pd.DataFrame(
        {"Model": words.describe(row)}
        | measured(row)
        | {"Kind": row["kind"], "Trained parameters": f"{row['num_parameters']:,}"}
        for _, row in rows.iterrows()
    )


def said(found: pd.DataFrame, run: str) -> str:
    """Return Hit@1 of a run's row as a sentence says it: in %, with the number of seeds, the interval and n."""
    row = results.mean_over_seeds(found, [run]).loc[run]
    over = f"mean of {row['num_seeds']} seeds, " if row["num_seeds"] > 1 else ""
    value, low, high = percentages(row, "hit_at_1").values()
    return f"{value:.1f} % of the test videos ({over}95 % interval {low:.1f} to {high:.1f}, n = {row['num_test']})"


def fold(table: pd.DataFrame, *columns: str) -> tuple[pd.DataFrame, str]:
    """Return a table of text without those columns that have one value, and these as a caption says them."""
    same = [column for column in columns if column in table and table[column].nunique() == 1]
    text = " ".join(f"{column}: {table[column].iloc[0]}." for column in same if table[column].iloc[0])
    return table.drop(columns=same), text


def table2(found: pd.DataFrame, dataset: str = "") -> pd.DataFrame:
    """Return the visual models by number of frames and pre-training, beside the paper's Table 2; see `fold`."""
    shown = []
    for _, row in _visual_rows(found).iterrows():
        own = {
            "Model": words.model(row["model"]),
            "Trained": words.value("freeze_backbone", row["freeze_backbone"]),
            "Frames": row["num_frames"],
            "Begins with": words.value("initial_weights", row["initial_weights"]),
        }
        wanted = {"frames": row["num_frames"], "pretrained": row["initial_weights"] == PRETRAINED}
        shown.append((own | _own(row), wanted))

    def describe(line: Mapping[str, Any]) -> dict[str, Any]:
        start = words.value("initial_weights", PRETRAINED) if line["pretrained"] else "no PT"
        own = {"Model": words.model("inception_frames"), "Trained": words.value("freeze_backbone", False)}
        return own | {"Frames": line["frames"], "Begins with": start} | OF_THE_PAPER

    return beside_the_paper("table2", dataset, shown, describe)


def _visual_rows(found: pd.DataFrame) -> pd.DataFrame:
    rows = results.mean_over_seeds(found[found["kind"] == "visual"])
    return rows.sort_values(["model", "initial_weights", "num_frames"])


def whole_networks(found: pd.DataFrame) -> pd.DataFrame:
    """Return how the training of each visual network that was trained whole ended, and with what; empty if none was."""
    rows = found[(found["kind"] == "visual") & found["freeze_backbone"].eq(False)]
    return pd.DataFrame(
        {
            "Model": words.model(row["model"]),
            "Begins with": words.value("initial_weights", row["initial_weights"]),
            "Frames": row["num_frames"],
            "Epochs": row["epochs"],
            "Best": row["best_epoch"],
            "Seed": row["seed"],
            "Ended": ended(row),
            "Validation": words.measured(results.measure_row(found.loc[[name]], "validation"), "hit_at_1"),
        }
        for name, row in rows.sort_values(["model", "initial_weights", "num_frames"]).iterrows()
    )


def ended(row: Mapping[str, Any]) -> str:
    """Return in words why the training of a run of `found` was over."""
    patience, most = row["protocol"]["patience"], row["protocol"]["max_epochs"]
    if row["epochs"] - row["best_epoch"] >= patience:
        return f"after {patience} epochs without a lower validation loss"
    falling = ", the validation loss still falling" if row["best_epoch"] == row["epochs"] else ""
    return f"at its limit of {words.counted(most, 'epoch')}{falling}"


def table3(found: pd.DataFrame, dataset: str = "") -> pd.DataFrame:
    """Return the audio models, beside the paper's Table 3; see `fold`."""
    rows, shown = results.mean_over_seeds(found[found["kind"] == "audio"]), []
    for _, row in _in_order_of_audio(rows, rows).iterrows():
        own = {"Model": words.describe(row)} | _own(row) | {"Weights": f"{row['num_parameters'] / 1e6:.2f} M"}
        shown.append((own, {"model": own["Model"]}))
    return beside_the_paper("table3", dataset, shown, lambda line: {"Model": line["model"]} | OF_THE_PAPER)


def _in_order_of_audio(rows: pd.DataFrame, audio: pd.DataFrame) -> pd.DataFrame:
    """Return rows in the order of the audio models beside them, that of the paper's Table 3; others after them."""
    printed = [line["model"] for line in paper.paper_tables()["table3"]]
    names = [words.describe(one) for _, one in audio.iterrows()]
    places = [(printed.index(name) if name in printed else len(printed), name) for name in names]
    return rows.iloc[sorted(range(len(rows)), key=places.__getitem__)]


def _own(row: pd.Series) -> dict[str, Any]:
    """Return what Tables 2 and 3 say of a row beside its model: settings, scores, cost."""
    cost = {"Steps": f"{row['steps']:,.0f}", "Time": words.duration(row["train_seconds"])}
    return measured(row) | _special(row) | {"Seeds": row["num_seeds"]} | cost


def _special(row: Mapping[str, Any]) -> dict[str, str]:
    return {"Profile": row["profile"], "Other settings": results.own_settings(row)}


def measured(row: Mapping[str, Any]) -> dict[str, str]:
    """Return every metric of a row as text, by its title."""
    return {title: words.measured(row, name) for name, title in words.METRICS.items()}


def _with_gain(row: Mapping[str, Any], title: str, gain: float | None = None) -> dict[str, str]:
    """Return the metrics of a row, and beside its Hit@1 by how much that is higher than another's, -1 to 1."""
    return {"Hit@1": "", title: "–" if gain is None else words.signed(100 * gain)} | measured(row)


def mean_scores(
    found: pd.DataFrame, fusion: pd.DataFrame, *, is_calibrated: bool = False, split: str = "test"
) -> list[np.ndarray]:
    """Return of each seed the mean scores [shape=(num_videos, num_classes), 0 to 1] of the models that a fusion joins.

    Calibrated, each model is given the temperature first that fits its validation split best.
    """
    both = [
        calibrated(row, split)[0] if is_calibrated else results.read_scores(row, split)[1]
        for row in results.joined(found, fusion).values()
    ]
    return [np.mean(pair, axis=0) for pair in zip(*both, strict=True)]


def mean_predictions(found: pd.DataFrame, fusion: pd.DataFrame) -> list[pd.DataFrame]:
    """Return the calibrated `mean_scores` of each seed as predictions; see `results.read_predictions`."""
    every = [results.read_predictions(one) for _, one in fusion.iterrows()]
    for table, scores in zip(every, mean_scores(found, fusion, is_calibrated=True), strict=True):
        table[table.columns[2:]] = scores
    return every


def calibrated(row: pd.DataFrame, split: str = "test") -> tuple[list[np.ndarray], list[float]]:
    """Return a split's scores at the temperatures that fit the validation split best, and these."""
    truth, validation = results.read_scores(row, "validation")
    fitted = [evaluation.temperature(truth, one) for one in validation]
    scores = results.read_scores(row, split)[1]
    return [evaluation.with_temperature(one, value) for one, value in zip(scores, fitted, strict=True)], fitted


def table4(found: pd.DataFrame, dataset: str = "") -> pd.DataFrame:
    """Return audio models, their visual ones, their means and their fusions, beside the paper's Table 4."""
    rows = found[(found["fusion_form"] == "text") & (found["modality_dropout"] == 0)].drop_duplicates("row")
    names, lines = results.row_names(found), []
    on_paper = {_name_in_table4(line["model"]): line["model"] for line in paper.paper_tables()["table3"]}
    for name, first in _in_order_of_audio(rows, found.loc[list(rows["audio"])]).iterrows():
        fusion = results.row_of(found, name)
        audio, visual = results.joined(found, fusion).values()
        own = {"Audio": names[audio["row"].iloc[0]], "Visual": names[visual["row"].iloc[0]]} | _special(first)
        truth, learned = results.read_scores(fusion)[0], results.measure_row(fusion)
        alone = {"audio alone": audio, "visual alone": visual}
        candidates = {what: results.read_scores(row)[1] for what, row in alone.items()} | {
            "mean of both": mean_scores(found, fusion),
            "mean, calibrated first": mean_scores(found, fusion, is_calibrated=True),
        }
        joins_same = found["audio"].isin(fusion["audio"]) & found["visual"].isin(fusion["visual"])
        weighted = found[joins_same & (found["fusion_form"] == "weighted")]
        if not weighted.empty:
            alone[WEIGHTED] = weighted
            candidates[WEIGHTED] = results.read_scores(weighted)[1]
        for what, scores in candidates.items():
            row = alone.get(what)
            metrics = results.measure_scores(truth, scores) if row is None else results.measure_row(row)
            gain = metrics["hit_at_1"] - learned["hit_at_1"]
            lines.append((own | {"Model": what} | _with_gain(metrics, AGAINST, gain), {"model": what}))
        wanted = {"model": _name_in_table4(words.describe(audio.iloc[0]))}
        wanted |= {"frames": first["num_frames"]} if dataset else {}
        lines.append((own | {"Model": "late fusion"} | _with_gain(learned, AGAINST), wanted))

    def describe(line: Mapping[str, Any]) -> dict[str, Any]:
        visual = f"{words.model('inception_frames')}, {words.counted(line['frames'], 'frame')}"
        return {"Audio": on_paper[line["model"]], "Visual": visual, "Model": "late fusion"} | OF_THE_PAPER

    return beside_the_paper("table4", dataset, lines, describe)


def _name_in_table4(name: str) -> str:
    """Return the name of an audio model as the paper's Table 4 has it, without year and segmentation."""
    return name.removesuffix(", UC").removesuffix(" 2016")


def fusions_table(found: pd.DataFrame, audio: str, visual: str) -> pd.DataFrame:
    """Return the forms of fusion of an audio and a visual run's rows, each with its gain over the paper's form."""
    fusions = found[found["kind"] == "fusion"]
    for kind, run in (("audio", audio), ("visual", visual)):
        fusions = fusions[fusions[kind].isin(results.row_of(found, run).index)]
    rows = results.mean_over_seeds(found, fusions.drop_duplicates("row").index)
    rows["is_paper"] = (rows["fusion_form"] == "text") & (rows["modality_dropout"] == 0)
    rows = rows.sort_values(["is_paper", "fusion_form", "modality_dropout"], ascending=[False, True, True])
    lines = []
    for name, row in rows.iterrows():
        line = {"Form": words.FORMS[row["fusion_form"]], "Modality dropout": f"{row['modality_dropout'] or '–'}"}
        line |= _special(row)
        others = rows.index[rows["is_paper"] & (rows["profile"] == row["profile"])]
        is_other = not (others.empty or name == others[0])
        gain = row["hit_at_1"] - rows.loc[others[0], "hit_at_1"] if is_other else None
        lines.append(
            line | _with_gain(row, "Gain", gain) | {"Weights": f"{row['num_parameters']:,}", "Seeds": row["num_seeds"]}
        )
    return pd.DataFrame(lines)


def on_validation(found: pd.DataFrame, runs: Sequence[str]) -> pd.DataFrame:
    """Return how the mean of calibrated probabilities and fusions' rows do on the validation split, the best one first.

    The fusions join the same rows. Their scores are calibrated on that split as well; the lowest log loss is the best.
    """
    names, validated = results.row_names(found), {}
    for name in runs:
        row = results.row_of(found, name)
        validated[names[row["row"].iloc[0]]] = calibrated(row, "validation")[0]
    validated["mean of both, calibrated first"] = mean_scores(found, row, is_calibrated=True, split="validation")
    truth, _ = results.read_scores(row, "validation")
    lines = [
        {
            "Fusion": name,
            "Hit@1": f"{100 * np.mean([evaluation.hit_at_k(truth, one, 1) for one in scores]):.1f}",
            "Log loss": f"{np.mean([evaluation.negative_log_likelihood(truth, one) for one in scores]):.3f}",
        }
        for name, scores in validated.items()
    ]
    return pd.DataFrame(sorted(lines, key=lambda line: float(line["Log loss"])))


def calibration(found: pd.DataFrame, runs: Sequence[str]) -> pd.DataFrame:
    """Return how well scores of runs' rows say how often they are right, before and after a fitted temperature."""
    measures = {"Calibration error": evaluation.calibration_error, "Log loss": evaluation.negative_log_likelihood}
    names, lines = results.row_names(found), []
    for name in runs:
        row = results.row_of(found, name)
        truth, before = results.read_scores(row)
        after, fitted = calibrated(row)
        line = {"Model": names[found.loc[name, "row"]], "Temperature": f"{np.mean(fitted):.2f}"}
        for title, measure in measures.items():
            for when, scores in (("before", before), ("after", after)):
                line[f"{title}, {when}"] = f"{np.mean([measure(truth, one) for one in scores]):.3f}"
        lines.append(line)
    return pd.DataFrame(lines)


def frame_counts(found: pd.DataFrame, profile: str) -> pd.DataFrame:
    """Return Hit@1 of a profile's visual models by number of frames, in %, for `figures.frame_counts`."""
    rows = _visual_rows(found[found["profile"] == profile])
    names = [_name_of_line(row) for _, row in rows.iterrows()]
    return rows.assign(name=names, frames=rows["num_frames"], **percentages(rows, "hit_at_1"))


def ends_of_lines(counts: pd.DataFrame) -> str:
    """Return in words where each line of `frame_counts` begins and ends."""
    said = []
    for name, line in counts.sort_values("frames").groupby("name", sort=False):
        ends = [line.iloc[number] for number in sorted({0, len(line) - 1})]
        each = [f"{row['value']:.0f} % with {words.counted(int(row['frames']), 'frame')}" for row in ends]
        said.append(f"{name}: {', '.join(each)}")
    return "; ".join(said)


def costs(found: pd.DataFrame, profile: str) -> pd.DataFrame:
    """Return what a profile's audio and visual models cost and reach, for `figures.costs`."""
    rows = results.mean_over_seeds(found[(found["kind"] != "fusion") & (found["profile"] == profile)])
    names = [_name_of_line(row) for _, row in rows.iterrows()]
    return rows.assign(name=names, minutes=rows["train_seconds"] / 60, **percentages(rows, "hit_at_1"))


def _name_of_line(row: Mapping[str, Any]) -> str:
    """Return a row's name; of a visual one whatever its number of frames, with what its training begins with."""
    if row["kind"] != "visual":
        return row["name"]
    start = words.value("initial_weights", row["initial_weights"])
    return f"{words.model(row['model'])}, {start}{row['name'].removeprefix(words.describe(row))}"


def percentages(rows: Any, metric: str) -> dict[str, Any]:
    """Return a metric's value, low and high in %, of a row or of all rows."""
    return {name: 100 * rows[f"{metric}{end}"] for name, end in (("value", ""), ("low", "_low"), ("high", "_high"))}
