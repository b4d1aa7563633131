"""A corpus' results in short: the headline, and the paper's numbers beside it.

Everywhere `found` is the table of `results.read_results`, one row a run, and `rows` that of `results.mean_over_seeds`.
"""

from typing import Any

import pandas as pd

from instrec_utils.models.architecture import KINDS
from instrec_utils.paper_data import paper
from instrec_utils.report import results, tables, words


def headline_text(found: pd.DataFrame) -> str:
    """Return the headline of a corpus' results as a table for a terminal; without a fusion, of what there is."""
    runs = results.headline(found) if (found["kind"] == "fusion").any() else found
    rows = results.mean_over_seeds(found, runs.index)
    first = rows.iloc[0]
    seeds = f", {words.counted(most, 'seed')}" if (most := rows["num_seeds"].max()) > 1 else ""
    splits = "{num_train} videos in training, {num_validation} in validation, {num_test} in the test split"
    return (
        f"{tables.scores_table(rows).to_string(index=False)}\n{first['corpus']}: {splits.format(**first)}{seeds}; "
        "in %, with 95 % bootstrap intervals over test videos; always answering the commonest class scores "
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
            lines.append({"Model": row["name"], "Corpus": row["corpus"]} | tables.measured(row) | {"Kind": kind})
        for row in (row for row in paper_rows() if row["kind"] == kind):
            printed = {"Hit@1": f"{row['hit_at_1']:.2f}", "Hit@3": f"{row['hit_at_3']:.2f}", "F1 macro": "–"}
            line = {"Model": row["name"], "Corpus": f"paper, {row['dataset']}"}
            lines.append(line | printed | {"F1 weighted": f"{row['f1']:.2f} (F1)", "Kind": kind})
    return pd.DataFrame(lines)
