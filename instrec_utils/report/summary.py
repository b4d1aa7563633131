"""A corpus' results in short: the headline, the paper's numbers beside it, and the paper's claims tested here.

Everywhere `found` is the table of `results.read_results`, one row a run, and `rows` that of `results.mean_over_seeds`.
"""

import itertools
from typing import Any

import numpy as np
import pandas as pd

from instrec_utils import evaluation
from instrec_utils.models.architecture import KINDS
from instrec_utils.paper_data import paper
from instrec_utils.report import results, tables


def headline_text(found: pd.DataFrame) -> str:
    """Return the headline of a corpus' results as a table for a terminal; without a fusion, of what there is."""
    rows = results.headline(found) if (found["kind"] == "fusion").any() else found
    first = rows.iloc[0]
    splits = "{num_train} videos in training, {num_validation} in validation, {num_test} in the test split"
    return (
        f"{tables.scores_table(rows).to_string(index=False)}\n{first['corpus']}: {splits.format(**first)}; in %, with "
        "95 % bootstrap intervals over test videos; always answering the commonest class scores "
        f"{100 * first['majority_rate']:.1f}"
    )


def intervals(rows: pd.DataFrame, *, with_paper: bool = False) -> pd.DataFrame:
    """Return Hit@1 of each row in %, for `figures.intervals`, and on request the paper's of `paper_rows`."""
    columns = ["name", "kind", "value", "low", "high"]
    lines = rows.assign(**tables.percentages(rows, "hit_at_1"))[columns].to_numpy().tolist()
    for line in paper_rows() if with_paper else ():
        lines.append([f"Paper, {line['dataset']}: {line['name']}", "paper", *3 * [line["hit_at_1"]]])
    return pd.DataFrame(lines, columns=columns)


def paper_rows() -> list[dict[str, Any]]:
    """Return the paper's rows of Choi's model, of its best visual models and of their fusions, with name and kind."""
    lines = []
    for kind, table, name in (
        ("audio", "table3", "{model}"),
        ("visual", "table2", "Inception v3, {frames} frames"),
        ("fusion", "table4", "fusion, {frames} frames"),
    ):
        for row in paper.paper_tables()[table]:
            is_best = row.get("pretrained") and (row["frames"], row["dataset"]) in ((50, "FCVID"), (20, "YT-8M"))
            if is_best or row.get("model") in ("Choi 2016, UC", "Choi"):
                lines.append(row | {"name": name.format(**row), "kind": kind})
    return lines


def beside_the_paper(rows: pd.DataFrame) -> pd.DataFrame:
    """Return our rows and the paper's counterparts, kind by kind."""
    lines = []
    for kind in KINDS:
        for _, row in rows[rows["kind"] == kind].iterrows():
            lines.append({"Kind": kind, "Corpus": row["corpus"], "Model": row["name"]} | tables.measured(row))
        for row in (row for row in paper_rows() if row["kind"] == kind):
            printed = {"Hit@1": f"{row['hit_at_1']:.2f}", "Hit@3": f"{row['hit_at_3']:.2f}", "F1 macro": "–"}
            line = {"Kind": kind, "Corpus": f"paper, {row['dataset']}", "Model": row["name"]}
            lines.append(line | printed | {"F1 weighted": f"{row['f1']:.2f} (F1)"})
    return pd.DataFrame(lines)


def claims(found: pd.DataFrame, fusion: str) -> pd.DataFrame:
    """Return as text the paper's claims that a corpus can speak to, around a fusion in the paper's form.

    Rows that a claim compares differ from the fusion's and those that it joins in nothing but what the claim is about.
    The verdict follows the p value corrected for the number of claims (Holm, 1979). Numbers of frames are compared
    between the two highest and between the two lowest that were trained.
    """
    audio, visual = results.one_result(found, fusion)[["audio", "visual"]]
    pairs: list[tuple[str | None, ...]] = [
        ("Fusion beats audio", "FCVID +7.16, YT-8M +0.43", fusion, audio),
        ("Fusion beats video", "FCVID +17.58, YT-8M +13.94", fusion, visual),
        ("Audio beats video", "FCVID +10.42, YT-8M +13.51", audio, visual),
    ]
    numbers = sorted(found.loc[found["kind"] == "visual", "num_frames"].unique())
    by_count = {number: _like(found, visual, num_frames=number, initial_weights="imagenet") for number in numbers}
    steps = list(itertools.pairwise(number for number in numbers if by_count[number]))
    for fewer, more in dict.fromkeys([*steps[-1:], *steps[:1]]):
        printed = "FCVID, no PT: 20 to 30 +23.09, 30 to 50 +2.08, 50 to 100 +1.09" if fewer > 1 else "not tested"
        pairs.append((f"More frames help ({more} against {fewer})", printed, by_count[more], by_count[fewer]))
    starts = (_like(found, visual, initial_weights=weights) for weights in ("imagenet+instruments", "imagenet"))
    segmentations = (_like(found, audio, segmentation=segmentation) for segmentation in ("uc", "cc"))
    pairs.append(("Pre-training on photographs helps", "FCVID, 50 frames: +1.92", *starts))
    pairs.append(("UC is better than CC", "FCVID, Choi: +2.08", *segmentations))
    tested = [
        (claim, printed, tables.compare(found, first, second))
        for claim, printed, first, second in pairs
        if first is not None and second is not None
    ]
    corrected = evaluation.holm(np.array([test["p_value"] for *_, test in tested]))
    return pd.DataFrame(
        {
            "Claim": claim,
            "The paper (Hit@1, points)": printed,
            "Here (Hit@1, points)": f"{100 * test['difference']:+.1f}",
            "p (permutation)": f"{test['p_value']:.2g}",
            "p (Holm)": f"{p_value:.2g}",
            "Verdict": _verdict(test["difference"], p_value),
        }
        for (claim, printed, test), p_value in zip(tested, corrected, strict=True)
    )


def _verdict(difference: float, p_value: float) -> str:
    if p_value >= tables.SIGNIFICANT:
        return "not told from chance"
    return "holds" if difference > 0 else "the opposite holds"


def _like(found: pd.DataFrame, run: str, **changed: Any) -> str | None:
    """Return a run that differs from another in these settings, and at most in the seed; None if there is none."""
    wanted = found.loc[run]
    for name, result in found[found["kind"] == wanted["kind"]].iterrows():
        is_same = all(result[column] == wanted[column] for column in ("model", "profile", "protocol"))
        if is_same and result["parameters"] == wanted["parameters"] | changed:
            return name
    return None
