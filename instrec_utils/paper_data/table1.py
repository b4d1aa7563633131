"""Table 1 of the paper, recomputed from the published lists, and what does not agree."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from instrec_utils.files import write_json
from instrec_utils.paper_data import paper, published

NUMBERS = (  # in words, in the paper's table, among the recomputed; digits to compare; how it is shown
    ("Categories", "categories", "categories", None, "{:,}"),
    ("Categories before reduction", "categories_before_reduction", None, None, "{:,}"),
    ("Videos before undersampling", "videos_before_undersampling", None, None, "{:,}"),
    ("Videos (recomputed: with a duration)", "videos", "videos_with_duration", None, "{:,}"),
    ("Total duration in h", "hours", "hours", 2, "{:,.2f}"),
    ("Mean duration in min", "mean_minutes", "mean_minutes", 2, "{:.2f}"),
    ("Videos a category, mean", "per_category_mean", "per_category_mean", None, "{:,.2f}"),
    ("Videos a category, standard deviation", "per_category_std", "per_category_std", None, "{:,.2f}"),
    ("Videos used (recomputed: with a label)", "videos_used", "videos_listed", None, "{:,}"),
)


def write_table1(directory: Path, path: Path) -> dict[str, dict[str, Any]]:
    """Recompute Table 1 of the published lists in a directory and write it as JSON, whole or not at all.

    Returns
    -------
    table1 : dict [keys=fcvid, yt8m]
        Hours and mean are of the videos with a duration; mean and standard deviation a category of the listed ones. The
        printed values are under ``paper``; every one that is not found is under ``differences``, with an explanation.
    """
    table1 = {corpus_name: _column(corpus_name, directory) for corpus_name in published.CORPORA}
    write_json(path, table1)
    return table1


def _column(corpus_name: str, directory: Path) -> dict[str, Any]:
    listed = published.read_list(directory / f"{corpus_name}_dataset.csv", corpus_name)
    durations = published.read_durations(directory / f"{corpus_name}_auxinfo.pkl")
    sizes = listed.label.value_counts()
    seconds = math.fsum(durations.duration)  # exact: the order of the file does not matter
    column: dict[str, Any] = {
        "categories": len(sizes),
        "videos_listed": len(listed),
        "videos_with_duration": len(durations),
        "listed_without_duration": int((~listed.video_id.isin(durations.video_id)).sum()),
        "hours": seconds / 3600,
        "mean_minutes": seconds / 60 / len(durations),
        "per_category_mean": len(listed) / len(sizes),
        "per_category_std": float(sizes.std(ddof=0)),
        "per_category_std_of_a_sample": float(sizes.std(ddof=1)),
        "paper": paper.paper_tables()["table1"][corpus_name],
    }
    unlisted = durations.duration[~durations.video_id.isin(listed.video_id)]
    return column | {"differences": _differences(column, unlisted)}


def _differences(column: Mapping[str, Any], unlisted: pd.Series) -> list[dict[str, Any]]:
    """Return every printed value that the lists do not give at its precision; the durations are of unlisted videos."""
    listed, timed, printed = column["videos_listed"], column["videos_with_duration"], column["paper"]
    recomputed = {name: round(column[own], digits) if own else None for _, name, own, digits, _ in NUMBERS}
    gone = "the lists begin after the selection; YouTube-8M's vocabulary of 2016 and its records would be needed"
    used = printed["videos_used"]
    reasons = {
        "videos": f"{printed['videos'] - timed} videos of the paper have no published duration; the hours and the mean "
        f"of the paper are those of the {timed} that have one",
        "videos_used": f"{used - listed} videos that the paper used are not in the published list; "
        f"{timed - listed} have a duration ({unlisted.min():.1f} to {unlisted.max():.1f} s) and no label, "
        "and which of these were used is not said",
        "per_category_mean": f"{used} videos used / {column['categories']} = {used / column['categories']:.2f}: the "
        f"paper divides the videos used, the list holds {listed}",
        "per_category_std": f"population standard deviation of the {listed} listed videos; in proportion to {used} "
        f"videos it would be {column['per_category_std'] * used / listed:.1f}",
        "categories_before_reduction": gone,
        "videos_before_undersampling": gone,
    }
    return [
        {
            "property": name,
            "paper": value,
            "recomputed": recomputed[name],
            "explanation": reasons.get(name, "the lists give another value, and nothing published says why"),
        }
        for name, value in printed.items()
        if recomputed[name] != value
    ]


def comparison_table(table1: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return the paper's Table 1 and that of `write_table1` side by side, in words [one row a number, str]."""
    rows = []
    for title, printed, recomputed, _, form in NUMBERS:
        row = {"Number": title}
        for corpus_name, corpus_title in published.CORPORA.items():
            value = table1[corpus_name]["paper"].get(printed)
            missing = "–" if value is None else "not in the lists"
            row[f"{corpus_title}, paper"] = "–" if value is None else f"{value:,}"
            row[f"{corpus_title}, recomputed"] = form.format(table1[corpus_name][recomputed]) if recomputed else missing
        rows.append(row)
    return pd.DataFrame(rows)


def differences_table(table1: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return every number of the paper that `write_table1` does not find, in words [one row a number, str]."""
    titles = {printed: title.split(" (")[0] for title, printed, *_ in NUMBERS}
    rows = [
        {
            "Dataset": corpus_title,
            "Number": titles[entry["property"]],
            "Paper": f"{entry['paper']:,}",
            "Recomputed": "not in the lists" if entry["recomputed"] is None else f"{entry['recomputed']:,}",
            "Why": entry["explanation"],
        }
        for corpus_name, corpus_title in published.CORPORA.items()
        for entry in table1[corpus_name]["differences"]
    ]
    return pd.DataFrame(rows)
