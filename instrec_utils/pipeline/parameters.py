"""The parameters of a corpus' report, checked against what the notebooks declare before any of them runs."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import papermill
import yaml

from instrec_utils import paths
from instrec_utils.errors import ParameterError

TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


def notebook_path(name: str) -> Path:
    """Return the file of a notebook, such as 01_corpus."""
    return paths.home() / "notebooks" / f"{name}.ipynb"


def report_notebooks() -> list[Path]:
    """Return the notebooks in their order."""
    return sorted((paths.home() / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def declared_parameters(notebook: Path) -> dict[str, dict[str, str]]:
    """Return the parameters that a notebook declares: inferred_type_name, default and help of each."""
    return papermill.inspect_notebook(str(notebook))


def parameters_of(notebook: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a report's parameters that a notebook declares."""
    declared = declared_parameters(notebook)
    return {name: value for name, value in parameters.items() if name in declared}


def read_parameters(corpus_name: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a file in ``params/`` and overrides, checked against the notebooks' declarations.

    An unknown corpus or parameter, or a value of another type than its default, is a ParameterError.
    """
    known = {path.stem: path for path in (paths.home() / "params").glob("*.yaml")}
    if corpus_name not in known:
        raise ParameterError(f"corpus: expected one of {', '.join(sorted(known))}, got {corpus_name!r}")
    content = yaml.safe_load(known[corpus_name].read_text(encoding="utf-8")) or {}
    if not isinstance(content, dict):
        raise ParameterError(f"{known[corpus_name]}: expected one 'name: value' a line, got {type(content).__name__}")
    types: dict[str, str] = {}
    for notebook in report_notebooks():
        types |= {name: entry["inferred_type_name"] for name, entry in declared_parameters(notebook).items()}
    return {name: _checked(name, value, types) for name, value in (content | dict(overrides)).items()}


def _checked(name: str, value: Any, types: Mapping[str, str]) -> Any:
    if name not in types:
        near = difflib.get_close_matches(name, types, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; declared are {', '.join(sorted(types))}"
        raise ParameterError(f"parameter {name!r} is declared by no notebook{hint}")
    expected = TYPES[types[name]]
    if expected is float and type(value) is int:
        return float(value)
    if type(value) is not expected:
        raise ParameterError(f"parameter {name}: expected a value of type {types[name]}, got {value!r}")
    return value
