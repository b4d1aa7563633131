"""The parameters of a corpus' report, checked against what the notebooks declare before any of them runs."""

import ast
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from instrec_utils import paths
from instrec_utils.errors import ParameterError

TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
FOLDERS = ("root", "photographs")  # parameters that name one
INJECTED = "# Parameters\n"  # how the cell begins that papermill puts after the one that declares them


def notebook_path(name: str) -> Path:
    """Return the file of a notebook, such as 01_corpus."""
    return paths.home() / "notebooks" / f"{name}.ipynb"


def report_notebooks() -> list[Path]:
    """Return the notebooks in their order."""
    return sorted((paths.home() / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def declared_parameters(notebook: Path) -> dict[str, dict[str, str]]:
    """Return the parameters that a notebook declares: inferred_type_name, default and help of each."""
    import papermill

    return papermill.inspect_notebook(str(notebook))


def parameters_of(notebook: Path, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a report's parameters that a notebook declares."""
    declared = declared_parameters(notebook)
    return {name: value for name, value in parameters.items() if name in declared}


def read_parameters(corpus_name: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a file in ``params/`` and overrides, checked against the notebooks' declarations.

    An unknown corpus or parameter, a value of another type than its default, or a name that no folder should have or
    that belongs to a corpus of another source, is a ParameterError. Folders of overrides are relative to the current
    folder.
    """
    known = {path.stem: path for path in (paths.home() / "params").glob("*.yaml")}
    if corpus_name not in known:
        raise ParameterError(f"corpus: expected one of {', '.join(sorted(known))}, got {corpus_name!r}")
    parameters = check_parameters(_read_file(known[corpus_name]) | dict(overrides), report_notebooks())
    if "corpus" not in parameters:
        raise ParameterError(f"{known[corpus_name]}: expected a line 'corpus: name', got none")
    name, source = paths.check_name(parameters["corpus"]), parameters.get("source")
    of_name = _read_file(known[name]).get("source") if name in known else source
    if of_name != source:
        raise ParameterError(
            f"corpus: {name} is of the source {of_name}, not {source}; give this one a name of its own"
        )
    return parameters | {name: paths.from_here(parameters[name]) for name in FOLDERS if overrides.get(name)}


def _read_file(path: Path) -> dict[str, Any]:
    content = parse_yaml(path.read_text(encoding="utf-8"), path) or {}
    if not isinstance(content, dict):
        raise ParameterError(f"{path}: expected one 'name: value' a line, got {type(content).__name__}")
    return content


def parse_yaml(text: str, where: object) -> Any:
    """Return what YAML reads of a text; a malformed one is a ParameterError that begins with where it stands."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ParameterError(f"{where}: cannot be read as YAML: {' '.join(str(error).split())}") from error


def check_parameters(parameters: Mapping[str, Any], notebooks: Iterable[Path]) -> dict[str, Any]:
    """Return parameters; one that none of the notebooks declares, or of another type, is a ParameterError."""
    types: dict[str, str] = {}
    for notebook in notebooks:
        types |= {name: entry["inferred_type_name"] for name, entry in declared_parameters(notebook).items()}
    return {name: _checked(name, value, types) for name, value in parameters.items()}


def check_injected(variables: Mapping[str, Any]) -> None:
    """Refuse, in a notebook with these variables, what papermill passed to it if no notebook declares that.

    By itself papermill lets a misspelt parameter, or one of another type, pass, and the default takes effect.
    """
    for cell in variables.get("In", ()):  # there is none where a notebook is run as a script
        if cell.startswith(INJECTED):
            lines = (line for line in ast.parse(cell).body if isinstance(line, ast.Assign))
            names = [ast.unparse(target) for line in lines for target in line.targets]
            notebooks = (paths.home() / "notebooks").glob("*.ipynb")
            check_parameters({name: variables[name] for name in names}, notebooks)


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
