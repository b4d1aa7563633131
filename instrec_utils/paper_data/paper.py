"""The paper's own numbers, which stand in ``paper.yaml`` and nowhere else."""

import functools
import itertools
from importlib import resources
from typing import Any

import yaml


@functools.cache
def paper_tables() -> dict[str, Any]:
    """Return the paper's tables and how well people do [keys=table1 ... table4, human_rates]."""
    text = resources.files("instrec_utils.paper_data").joinpath("paper.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)


def hits(table: str, **wanted: Any) -> dict[str, float]:
    """Return the best Hit@1, in %, that the paper prints of such lines, by dataset."""
    lines = [line for line in paper_tables()[table] if wanted.items() <= line.items()]
    return {
        dataset: max(line["hit_at_1"] for line in lines if line["dataset"] == dataset)
        for dataset in dict.fromkeys(line["dataset"] for line in lines)
    }


def apart(first: dict[str, float] | None, second: dict[str, float] | None) -> str:
    """Return how far apart the paper has two models on each dataset on which it has both."""
    if first is None or second is None:
        return "not in the paper"
    return ", ".join(f"{name} {first[name] - second[name]:+.2f}" for name in first if name in second)


def by_frames(column: str) -> str:
    """Return what the paper prints of FCVID without pre-training, from the fewest frames to the most."""
    lines = [line for line in _of_fcvid() if not line["pretrained"]]
    unit = {"hours": " h"}.get(column, "")
    return "FCVID, no PT: " + ", ".join(f"{line['frames']} frames {line[column]}{unit}" for line in lines)


def by_start(column: str) -> str:
    """Return what the paper prints of FCVID without pre-training and with it, by the number of frames."""
    unit = {"hours": " h"}.get(column, "")
    pairs = [(a, b) for a, b in itertools.pairwise(_of_fcvid()) if a["frames"] == b["frames"]]
    return "FCVID: " + ", ".join(f"{a['frames']} frames {a[column]} to {b[column]}{unit}" for a, b in pairs)


def _of_fcvid() -> list[dict[str, Any]]:
    return [line for line in paper_tables()["table2"] if line["dataset"] == "FCVID"]
