"""What was measured of degraded videos, as tables and in words.

Everywhere `tests` is the table of `robustness.comparison.compare_fusions`.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from instrec_utils.report import words
from instrec_utils.report.results import metric_columns
from instrec_utils.report.tables import percentages
from instrec_utils.significance import SIGNIFICANT


def curves(measured: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return Hit@1 of the measured "fusion", "dropout" and "attention" and of the models that they join.

    Columns condition, level (text), unit, kind (of `words.KINDS`), value, low and high, in %; see `figures.robustness`.
    """
    rows = [row | {"kind": row["model"]} for row in measured["fusion"]["results"]]
    for kind in (kind for kind in measured if kind != "fusion"):
        rows += [row | {"kind": kind} for row in measured[kind]["results"] if row["model"] == "fusion"]
    return pd.DataFrame(
        {"condition": row["condition"], "level": str(row["level"]), "unit": row["unit"], "kind": row["kind"]}
        | percentages(metric_columns({"hit_at_1": row["hit_at_1"]}), "hit_at_1")
        for row in rows
    )


def curves_table(curves: pd.DataFrame) -> pd.DataFrame:
    """Return `curves` as text, one row a condition and level, one column a kind; a dash where a model has no input."""
    texts = [f"{row.value:.1f} ({row.low:.1f}–{row.high:.1f})" for row in curves.itertuples()]
    places = curves[["condition", "level", "unit"]].drop_duplicates()
    wide = curves.assign(text=texts).pivot(index=[*places], columns="kind", values="text").fillna("–")
    wide = wide.loc[pd.MultiIndex.from_frame(places), [kind for kind in words.KINDS if kind in wide]]
    titled = wide.rename(columns={name: kind.word for name, kind in words.KINDS.items()})
    return titled.reset_index().rename_axis(columns=None).rename(columns=words.first_upper)


def tests_table(tests: pd.DataFrame) -> pd.DataFrame:
    """Return tests as text: one row a condition, one column a pair."""
    columns = {}
    for pair, rows in tests.groupby(["first", "second"], sort=False):
        columns["Condition"] = rows["condition"].tolist()
        columns[words.PAIRS[pair]] = [
            f"{words.signed(gain)} (p = {p:.2g})" for gain, p in zip(rows["difference"], rows["p_holm"], strict=True)
        ]
    return pd.DataFrame(columns)


def summary(curves: pd.DataFrame, tests: pd.DataFrame) -> str:
    """Return in two sentences whether the paper's fusion withstands a missing modality, and another does better.

    A fusion withstands it if it recognises at least as much as the model of the modality that is left, and does not if
    it recognises significantly less.
    """
    hits = curves.set_index(["condition", "level", "kind"])["value"].sort_index()
    found = tests.set_index(["first", "second", "condition"])
    clauses = []
    for lost, left in (("sound", "visual"), ("pictures", "audio")):
        hit = hits["missing", lost]
        clauses.append(
            f"without {lost} it recognises {hit['fusion']:.1f} %, and the {left} model alone {hit[left]:.1f} %"
        )
    change = found.loc["attention", "fusion", "all"]
    certainty = "is more than chance" if change["p_holm"] < SIGNIFICANT else "may be chance"
    return (
        f"The paper's fusion {_verdict(found, 'fusion')}: {'; '.join(clauses)}. The one with attention and modality "
        f"dropout {_verdict(found, 'attention')}; over all degraded videos its Hit@1 differs from the paper's by "
        f"{words.signed(change['difference'])} points, which {certainty} (one seed)."
    )


def _verdict(found: pd.DataFrame, fusion: str) -> str:
    lacking = found.loc[[(fusion, "better", "no sound"), (fusion, "better", "no pictures")]]
    below = lacking[lacking["difference"] < 0]
    if (below["p_holm"] < SIGNIFICANT).any():
        return "does not withstand a missing modality"
    if len(below):
        lost = " or ".join(condition.removeprefix("no ") for *_, condition in below.index)
        return f"falls below the modality that is left without {lost}, which so few videos do not tell from chance"
    return "withstands a missing modality"
