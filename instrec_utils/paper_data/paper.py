"""The paper's own numbers, which stand in ``paper.yaml`` and nowhere else."""

import functools
from importlib import resources
from typing import Any

import yaml


@functools.cache
def paper_tables() -> dict[str, Any]:
    """Return the paper's tables and how well people do [keys=table1 ... table4, human_rates]."""
    text = resources.files("instrec_utils.paper_data").joinpath("paper.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)
