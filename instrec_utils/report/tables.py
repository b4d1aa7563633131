"""Tables 2, 3 and 4 of the report, from the results: the runs of the same settings and several seeds are one row."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from instrec_utils import evaluation
from instrec_utils.errors import RunError
from instrec_utils.paper_data import paper
from instrec_utils.report import results
from instrec_utils.report.results import NAMES

Row = list[dict[str, Any]]
"""Results that differ in the seed only."""

DATASETS = ("FCVID", "YT-8M")


def rows(corpus: str, kind: str) -> list[Row]:
    """Return the results of a kind, those that differ in the seed only together, in the order of their names.

    A run of other settings is a row of its own, whatever its name, and so is a fusion of runs of other settings.
    Results that do not belong to the newest ones are left out; see `results.current`.

    Raises
    ------
    RunError
        There is no result.
    """
    groups: dict[str, Row] = {}
    found = {result["run"]: result for result in results.current(corpus)}
    for result in found.values():
        if result["kind"] == kind:
            groups.setdefault(_settings(result, found), []).append(result)
    return list(groups.values())


def _settings(result: dict[str, Any], found: dict[str, dict[str, Any]]) -> str:
    """Return all that a result depends on but the seed."""
    kinds = ("audio", "visual") if result["kind"] == "fusion" else ()
    joined = {kind: _settings(found[result["parameters"][kind]], found) for kind in kinds}
    return json.dumps([base_name(result["run"]), result["parameters"] | joined, result["protocol"]], sort_keys=True)


def row_of(result: dict[str, Any]) -> Row:
    """Return the results that differ from one in the seed only, itself among them.

    Raises
    ------
    RunError
        It does not belong to the corpus' newest results.
    """
    for row in rows(result["corpus"], result["kind"]):
        if result["run"] in [one["run"] for one in row]:
            return row
    raise RunError(f"results/{result['corpus']}: {result['run']} is of another index or of other runs; train it again")


def base_name(run: str) -> str:
    """Return a run's name without its seed."""
    return re.sub(r"-s\d+$", "", run)


def scores(row: Row, split: str = "test") -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the truth and the scores of each seed on a split."""
    tables = [results.predictions(result["corpus"], result["run"], split) for result in row]
    return evaluation.from_predictions(tables[0])[0], [evaluation.from_predictions(table)[1] for table in tables]


def metrics(row: Row, split: str = "test") -> dict[str, dict[str, float]]:
    """Return a row's metrics; see `evaluation.evaluate_seeds`."""
    return evaluation.evaluate_seeds(*scores(row, split))


def averaged(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return results with the metrics of all their seeds in place of their own, and how many those are.

    Parameters
    ----------
    found : results as `results.read` gives them.

    Returns
    -------
    list of dict
        With metrics, and metrics_test_clean where there are such, as shares from 0 to 1; and num_seeds.

    Raises
    ------
    RunError
        A seed's predictions are missing.
    """
    changed = []
    for result in found:
        row = row_of(result)
        measured = {"metrics": metrics(row), "num_seeds": len(row)}
        if "metrics_test_clean" in result:
            measured["metrics_test_clean"] = metrics(row, "test_clean")
        changed.append(result | measured)
    return changed


def said(result: dict[str, Any]) -> str:
    """Return Hit@1 of a result's row as a sentence says it: in %, with the number of seeds, the interval and n."""
    row = row_of(result)
    hit = metrics(row)["hit_at_1"]
    over = f"mean of {len(row)} seeds, " if len(row) > 1 else ""
    return (
        f"{100 * hit['value']:.1f} % of the test videos ({over}95 % interval {100 * hit['low']:.1f} to "
        f"{100 * hit['high']:.1f}, n = {result['num_test']})"
    )


def table2(corpus: str) -> pd.DataFrame:
    """Return the frame models by number of frames and pre-training, beside the paper's Table 2."""
    ordered = _visual_rows(corpus)

    def printed(result: dict[str, Any], line: dict[str, Any]) -> bool:
        parameters = result["parameters"]
        return (line["frames"], line["pretrained"]) == (parameters["num_frames"], parameters["pretrained"])

    def settings(result: dict[str, Any]) -> dict[str, Any]:
        parameters = result["parameters"]
        return {
            "Model": results.MODELS[result["model"]],
            "Trained": "classes only" if parameters["freeze_backbone"] else "whole network",
            "Frames": parameters["num_frames"],
            "PT": "yes" if parameters["pretrained"] else "no",
        }

    return _table(ordered, settings, "table2", printed)


def _visual_rows(corpus: str) -> list[Row]:
    def place(row: Row) -> tuple[str, bool, int]:
        parameters = row[0]["parameters"]
        return row[0]["model"], parameters["pretrained"], parameters["num_frames"]

    return sorted(rows(corpus, "visual"), key=place)


def table3(corpus: str) -> pd.DataFrame:
    """Return the audio models, beside the paper's Table 3."""
    order = list(AUDIO_LINES)
    ordered = sorted(rows(corpus, "audio"), key=lambda row: order.index(_audio_key(row[0])))

    def printed(result: dict[str, Any], line: dict[str, Any]) -> bool:
        return line["model"] == AUDIO_LINES[_audio_key(result)]

    def settings(result: dict[str, Any]) -> dict[str, Any]:
        return {"Model": AUDIO_LINES[_audio_key(result)], "Weights": f"{result['num_parameters'] / 1e6:.2f} M"}

    return _table(ordered, settings, "table3", printed)


AUDIO_LINES = {
    ("han2016", "uc"): "Han 2016",
    ("choi2016", "cc"): "Choi 2016, CC",
    ("choi2016", "uc"): "Choi 2016, UC",
    ("xception_audio", "cc"): "Xception, CC",
    ("xception_audio", "uc"): "Xception, UC",
}
"""Audio models in the order and with the names of Table 3."""


def _audio_key(result: dict[str, Any]) -> tuple[str, str]:
    return result["model"], result["parameters"]["segmentation"]


def _table(
    ordered: Sequence[Row],
    settings: Callable[[dict[str, Any]], dict[str, Any]],
    paper_table: str,
    printed: Callable[[dict[str, Any], dict[str, Any]], bool],
) -> pd.DataFrame:
    lines = []
    for row in ordered:
        line = settings(row[0]) | _values(metrics(row)) | {"Seeds": len(row)} | _cost(row)
        for dataset in DATASETS:
            found = [
                one for one in paper.paper_tables()[paper_table] if one["dataset"] == dataset and printed(row[0], one)
            ]
            line[f"Paper, {dataset}"] = _printed(found[0]) if found else "–"
        lines.append(line)
    return pd.DataFrame(lines)


def _values(measured: dict[str, dict[str, float]]) -> dict[str, str]:
    return {NAMES[name]: value_of(measured[name]) for name in evaluation.METRICS}


def value_of(metric: dict[str, float]) -> str:
    """Return a metric in % as mean, spread over seeds and interval: "71.8 ± 1.2 (56.4–84.6)".

    Where a table is wide its lines break before the interval, and nowhere else.
    """
    spread = "" if np.isnan(metric["spread"]) else f"\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{100 * metric['spread']:.1f}"
    return f"{100 * metric['value']:.1f}{spread} ({100 * metric['low']:.1f}–{100 * metric['high']:.1f})"


def _compared(measured: dict[str, dict[str, float]], name: str, test: dict[str, float] | None) -> dict[str, str]:
    """Return a row's metrics, with what a paired test says of its Hit@1 beside that."""
    gain = {name: f"{100 * test['difference']:+.1f}", "p": f"{test['p_value']:.2g}"} if test else {name: "", "p": ""}
    return {"Hit@1": ""} | gain | _values(measured)


def _cost(row: Row) -> dict[str, str]:
    return {
        "Steps": f"{np.mean([result['steps'] for result in row]):,.0f}",
        "Min.": f"{np.mean([result['train_seconds'] for result in row]) / 60:.1f}",
    }


def _printed(line: dict[str, Any]) -> str:
    # Where a table is wide it breaks after the strokes.
    return "\N{NO-BREAK SPACE}/ ".join(f"{line[name]:.2f}" for name in ("hit_at_1", "hit_at_3", "f1"))


def parts(fusion: Row, kind: str) -> Row:
    """Return the results that a fusion's joins, seed by seed; kind is "audio" or "visual"."""
    return [results.read_one(result["corpus"], result["parameters"][kind]) for result in fusion]


def mean_scores(fusion: Row, split: str = "test", *, calibrated: bool = False) -> list[np.ndarray]:
    """Return, of each seed, the mean of the probabilities of the two models that a fusion joins.

    Parameters
    ----------
    fusion : row of fusions.
    split : of the videos.
    calibrated : give each model the temperature first that fits its validation split best.
    """
    means = []
    for audio, visual in zip(parts(fusion, "audio"), parts(fusion, "visual"), strict=True):
        both = []
        for result in (audio, visual):
            values = scores([result], split)[1][0]
            if calibrated:
                truth, (validation,) = scores([result], "validation")
                values = evaluation.with_temperature(values, evaluation.temperature(truth, validation))
            both.append(values)
        means.append(np.mean(both, axis=0))
    return means


def table4(corpus: str) -> pd.DataFrame:
    """Return every audio model, its frame model and their fusion in the paper's form, beside the paper's Table 4."""
    lines = []
    for fusion in fusions(corpus, "text", 0.0):
        audio, visual = parts(fusion, "audio"), parts(fusion, "visual")
        truth, learned = scores(fusion)
        name = AUDIO_LINES[_audio_key(audio[0])]
        candidates = {
            "sound alone": scores(audio)[1],
            "frames alone": scores(visual)[1],
            "mean of both": mean_scores(fusion),
            "mean, calibrated first": mean_scores(fusion, calibrated=True),
        }
        for what, values in candidates.items():
            test = evaluation.compare_seeds(truth, learned, values)
            line = {"Audio": name, "Model": what}
            line |= _compared(evaluation.evaluate_seeds(truth, values), "Gain", test)
            lines.append(line | {f"Paper, {dataset}": "–" for dataset in DATASETS})
        line = {"Audio": name, "Model": "late fusion"} | _compared(metrics(fusion), "Gain", None)
        for dataset in DATASETS:
            found = [
                one
                for one in paper.paper_tables()["table4"]
                if one["dataset"] == dataset and name == f"{one['model']}, UC".replace("Choi,", "Choi 2016,")
            ]
            line[f"Paper, {dataset}"] = _printed(found[0]) if found else "–"
        lines.append(line)
    return pd.DataFrame(lines)


def fusions(corpus: str, form: str, modality_dropout: float) -> list[Row]:
    """Return the rows of fusions of a form and a modality dropout, in the order of their audio models."""
    order = list(AUDIO_LINES)
    found = [
        row
        for row in rows(corpus, "fusion")
        if (row[0]["parameters"]["fusion_form"], row[0]["parameters"]["modality_dropout"]) == (form, modality_dropout)
    ]
    return sorted(found, key=lambda row: order.index(_audio_key(parts(row[:1], "audio")[0])))


def variants(corpus: str, audio: str, visual: str) -> pd.DataFrame:
    """Return the forms of fusion of two models, each tested against the paper's form.

    Parameters
    ----------
    corpus : name.
    audio, visual : names of the joined runs, of any seed.
    """
    joined = (base_name(audio), base_name(visual))
    found = [
        row
        for row in rows(corpus, "fusion")
        if tuple(base_name(row[0]["parameters"][kind]) for kind in ("audio", "visual")) == joined
    ]
    paper_form = next((row for row in found if _variant(row[0]) == ("text", 0.0)), None)
    lines = []
    for row in sorted(found, key=lambda row: (_variant(row[0]) != ("text", 0.0), _variant(row[0]))):
        form, rate = _variant(row[0])
        line = {
            "Form": {"text": "the paper's text", "code": "its authors' code", "attention": "attention over frames"}[
                form
            ],
            "Modality dropout": f"{rate:.1f}" if rate else "–",
            "Weights": f"{row[0]['num_parameters'] / 1e6:.1f} M",
        }
        test = None
        if paper_form is not None and row is not paper_form:
            truth, values = scores(row)
            test = evaluation.compare_seeds(truth, values, scores(paper_form)[1])
        lines.append(line | _compared(metrics(row), "Gain", test) | {"Seeds": len(row)})
    return pd.DataFrame(lines)


def _variant(result: dict[str, Any]) -> tuple[str, float]:
    return result["parameters"]["fusion_form"], result["parameters"]["modality_dropout"]


def calibration(candidates: dict[str, Row]) -> pd.DataFrame:
    """Return how well scores say how often they are right, before and after a temperature fitted on validation."""
    lines = []
    for name, row in candidates.items():
        truth, test = scores(row)
        validation_truth, validation = scores(row, "validation")
        fitted = [evaluation.temperature(validation_truth, values) for values in validation]
        after = [evaluation.with_temperature(values, one) for values, one in zip(test, fitted, strict=True)]
        line: dict[str, Any] = {"Model": name, "Temperature": f"{np.mean(fitted):.2f}"}
        for title, function in (
            ("calibration error", evaluation.calibration_error),
            ("log loss", evaluation.negative_log_likelihood),
        ):
            for when, values in (("before", test), ("after", after)):
                line[f"{title}, {when}".capitalize()] = f"{np.mean([function(truth, one) for one in values]):.3f}"
        lines.append(line)
    return pd.DataFrame(lines)


def frame_counts(corpus: str) -> pd.DataFrame:
    """Return Hit@1 by number of frames for `plots.frame_counts`."""
    lines = []
    for row in _visual_rows(corpus):
        hit = {key: 100 * value for key, value in metrics(row)["hit_at_1"].items() if key != "spread"}
        lines.append({"name": _way_of_training(row[0]), "frames": row[0]["parameters"]["num_frames"]} | hit)
    return pd.DataFrame(lines)


def costs(corpus: str) -> pd.DataFrame:
    """Return what the models of sound and of frames cost and reach, for `plots.costs`."""
    lines = []
    for kind in ("audio", "visual"):
        for row in rows(corpus, kind):
            first = row[0]
            lines.append(
                {
                    "name": results.describe(first) if kind == "audio" else _way_of_training(first),
                    "kind": kind,
                    "value": 100 * metrics(row)["hit_at_1"]["value"],
                    "minutes": np.mean([result["train_seconds"] for result in row]) / 60,
                    "multiply_adds": first["multiply_adds"],
                }
            )
    return pd.DataFrame(lines)


def _way_of_training(visual: dict[str, Any]) -> str:
    start = "photographs first (PT)" if visual["parameters"]["pretrained"] else "from ImageNet's weights"
    return f"{results.MODELS[visual['model']]}, {start}"


def gain(corpus: str, kind: str, better: dict[str, Any], other: dict[str, Any]) -> dict[str, float] | None:
    """Return a paired test of two rows of a kind, found by parameters; None if one of them is not there.

    Parameters
    ----------
    corpus : name.
    kind : "audio" or "visual".
    better, other : parameters, and "model", that the rows have.
    """
    found = [_find(corpus, kind, wanted) for wanted in (better, other)]
    if None in found:
        return None
    truth, first = scores(found[0])
    return evaluation.compare_seeds(truth, first, scores(found[1])[1])


def _find(corpus: str, kind: str, wanted: dict[str, Any]) -> Row | None:
    for row in rows(corpus, kind):
        settings = row[0]["parameters"] | {"model": row[0]["model"]}
        if wanted.items() <= settings.items():
            return row
    return None


def claims(corpus: str) -> pd.DataFrame:
    """Return the paper's claims that the results of a corpus can speak to, with what they say here.

    The verdict follows the p value corrected for the number of claims (Holm, 1979). Numbers of frames are compared
    between the two highest and between the two lowest that were trained.
    """
    headline = results.one_of_each_kind(corpus)
    by_kind = {result["kind"]: row_of(result) for result in headline}
    visual = headline[1]
    counts = sorted(
        row[0]["parameters"]["num_frames"]
        for row in rows(corpus, "visual")
        if row[0]["model"] == visual["model"] and not row[0]["parameters"]["pretrained"]
    )
    steps = list(itertools.pairwise(counts))
    frames = {"model": visual["model"], "pretrained": False}
    same = {"model": visual["model"], "num_frames": visual["parameters"]["num_frames"]}
    choi = {"model": "choi2016"}
    tests = (
        ("Fusion beats audio", "FCVID +7.16, YT-8M +0.43", _between(by_kind, "fusion", "audio")),
        ("Fusion beats video", "FCVID +17.58, YT-8M +13.94", _between(by_kind, "fusion", "visual")),
        ("Audio beats video", "FCVID +10.42, YT-8M +13.51", _between(by_kind, "audio", "visual")),
        *(
            (
                f"More frames help ({more} against {fewer})",
                "FCVID, no PT: 20 to 30 +23.09, 30 to 50 +2.08, 50 to 100 +1.09" if fewer > 1 else "not tested",
                gain(corpus, "visual", frames | {"num_frames": more}, frames | {"num_frames": fewer}),
            )
            for fewer, more in dict.fromkeys([*steps[-1:], *steps[:1]])
        ),
        (
            "Pre-training on photographs helps",
            "FCVID, 50 frames: +1.92",
            gain(corpus, "visual", same | {"pretrained": True}, same | {"pretrained": False}),
        ),
        (
            "UC is better than CC",
            "FCVID, Choi: +2.08",
            gain(corpus, "audio", choi | {"segmentation": "uc"}, choi | {"segmentation": "cc"}),
        ),
    )
    found = [(claim, printed, test) for claim, printed, test in tests if test is not None]
    corrected = evaluation.holm(np.array([test["p_value"] for _, _, test in found]))
    lines = []
    for (claim, printed, test), p_value in zip(found, corrected, strict=True):
        verdict = "not told from chance"
        if p_value < 0.05:
            verdict = "holds" if test["difference"] > 0 else "the opposite holds"
        lines.append(
            {
                "Claim": claim,
                "The paper (Hit@1, points)": printed,
                "Here (Hit@1, points)": f"{100 * test['difference']:+.1f}",
                "p (permutation)": f"{test['p_value']:.2g}",
                "p (Holm)": f"{p_value:.2g}",
                "Verdict": verdict,
            }
        )
    return pd.DataFrame(lines)


def _between(by_kind: dict[str, Row], better: str, other: str) -> dict[str, float]:
    truth, first = scores(by_kind[better])
    return evaluation.compare_seeds(truth, first, scores(by_kind[other])[1])


def overview(corpora: Sequence[str]) -> str:
    """Return Hit@1 of the corpora's models beside the paper's, as the Markdown table of the README."""
    columns = {name: [*results.one_of_each_kind(name), results.with_attention(name)] for name in corpora}
    heads = [f"{name} ({found[0]['num_test']} test clips)" for name, found in columns.items()]
    lines = [f"| Hit@1 in % | {' | '.join(heads)} | paper, FCVID | paper, YouTube-8M |"]
    lines.append("|:--|" + "--:|" * (len(heads) + 2))
    names = (
        ("audio", "Sound: Choi 2016, UC"),
        ("visual", "Frames: EfficientNet-Lite0; the paper: Inception v3"),
        ("fusion", "Both: the paper's late fusion"),
        ("ours", "Both: our fusion, with attention over frames"),
        ("mean", "Both: the mean of their calibrated probabilities, no fusion trained"),
    )
    measured = {corpus: [metrics(row_of(one)) for one in found] for corpus, found in columns.items()}
    for corpus, found in columns.items():
        fusion = row_of(found[2])
        mean = mean_scores(fusion, calibrated=True)
        measured[corpus].append(evaluation.evaluate_seeds(scores(fusion)[0], mean))
    for number, (kind, name) in enumerate(names):
        ours = [value_of(values[number]["hit_at_1"]) for values in measured.values()]
        printed = {row["dataset"]: f"{row['hit_at_1']:.2f}" for row in results.paper_rows() if row["kind"] == kind}
        lines.append(f"| {name} | {' | '.join(ours)} | {printed.get('FCVID', '–')} | {printed.get('YT-8M', '–')} |")
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")
