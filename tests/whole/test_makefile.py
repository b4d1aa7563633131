"""What `make` passes to the commands: names of any characters, and the folder that the user stands in."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from instrec_utils.models.hardware import ON_DEMAND

CHECKOUT = Path(__file__).parents[2]
TOLD = f"""#!{sys.executable}
import json, os, sys
print(json.dumps([os.getcwd(), sys.argv[1:]]))
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout that is set up, in a folder with a space, whose Python only tells what it was given."""
    folder = tmp_path / "my checkout"
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(CHECKOUT / name, folder)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(TOLD)
    python.chmod(0o755)
    (folder / ".venv" / ".installed").touch()
    return folder


def told(*command, cwd, **environment):
    """Return the folder and the arguments that the package is run with."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(["make", *map(str, command)], cwd=cwd, env=own | environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder, arguments = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("[")))
    assert arguments[:3] == ["-P", "-m", "instrec_utils"]
    return Path(folder), arguments[3:]


def test_the_package_runs_where_the_user_stands(checkout, tmp_path):
    (elsewhere := tmp_path / "else where").mkdir()
    inside = told("report", cwd=checkout, PWD=str(checkout))
    assert inside == (checkout, ["report", "--corpus", "demo", "--root", ""])
    assert told("-C", checkout, "report", cwd=elsewhere, PWD=str(elsewhere))[0] == elsewhere
    assert told("-C", "../my checkout", "validate", cwd=elsewhere, PWD=str(elsewhere))[0] == elsewhere
    # A program that changes the folder for make alone leaves the variable as it was.
    assert told("report", cwd=checkout, PWD=str(elsewhere))[0] == checkout


@pytest.mark.parametrize(
    "root", ["my videos", 'a "b" c', "a'b", "a;b", "a`b`", "a\\b", "Flöte 笛", "-x", "*", "#1", "~/videos"]
)
def test_a_folder_of_any_name_is_passed_as_it_is(checkout, root):
    _, arguments = told("report", "CORPUS=folder", f"ROOT={root}", "SPLIT=grouped", cwd=checkout)
    assert arguments == ["report", "--corpus", "folder", "--root", root, "-p", "split=grouped"]


def test_the_tables_get_the_folder_as_a_report_does(checkout):
    _, arguments = told("tables", "CORPUS=fcvid", "ROOT=my archive", "SPLIT=grouped", "GPUS=1", cwd=checkout)
    expected = ["tables", "--corpus", "fcvid", "--root", "my archive", "-p", "split=grouped", "--gpus", "1"]
    assert arguments == expected


@pytest.mark.parametrize("command", ["report", "tables"])
def test_the_hardware_is_handed_on(checkout, command):
    shutil.copy(CHECKOUT / "requirements-cuda.lock", checkout)
    (checkout / ".venv" / ".installed-cuda").touch()
    given = ("PRECISION=mixed_bfloat16", "DEVICES=2", "CUDA=1")
    _, arguments = told(command, *given, cwd=checkout)
    assert arguments[5:] == ["-p", "precision=mixed_bfloat16", "-p", "num_devices=2", "--cuda"]


def test_the_backend_is_chosen_and_memory_taken_as_needed(checkout, monkeypatch):
    for name in ("KERAS_BACKEND", *ON_DEMAND):
        monkeypatch.delenv(name, raising=False)
    python = checkout / ".venv" / "bin" / "python"
    python.write_text(TOLD.replace("os.getcwd()", "dict(os.environ)"))
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    for given, expected in ((["BACKEND=jax"], "jax"), ([], None)):
        done = subprocess.run(["make", "report", *given], cwd=checkout, env=own, capture_output=True, text=True)
        environment = json.loads(done.stdout)[0]
        assert environment.get("KERAS_BACKEND") == expected
        assert environment.items() >= ON_DEMAND.items()


def test_every_command_of_the_makefile_is_one_of_the_package(checkout):
    from instrec_utils.__main__ import app

    known = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert set(re.findall(r"\$\(INSTREC\) (\w+)", (CHECKOUT / "Makefile").read_text())) == known
    for name in sorted(known):
        assert told(name, cwd=checkout)[1][0] == name


def test_the_help_names_every_benchmark():
    line = next(line for line in (CHECKOUT / "Makefile").read_text().splitlines() if line.startswith("#- make bench"))
    scripts = {path.stem for path in (CHECKOUT / "benchmarks").glob("*.py") if "__main__" in path.read_text()}
    # One that has commands of its own; material that a benchmark makes itself.
    scripts -= {"accelerated_runs", "ears_material"}
    named = line.partition("BENCH=")[2].rstrip(")").replace("; of the recogniser,", ",").split(", ")
    assert sorted(named) == sorted(scripts)
