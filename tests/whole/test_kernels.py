"""While a notebook is executed, the kernel of the next one loads what that imports."""

import os

import nbformat
import psutil
import pytest

from instrec_utils.errors import InstrecError
from instrec_utils.pipeline.execution import execute_notebook
from instrec_utils.pipeline.kernels import Kernels, imports_of

LOADED = "import sys\nprint('colorsys' in sys.modules, 'path' in dir())"


def write_notebook(path, *cells):
    written = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    written.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(written, path)
    return path


def kernels_here():
    running = psutil.process_iter(["ppid", "cmdline"])  # of a child that has ended, and that nobody waited for, none
    own = (one for one in running if one.info["ppid"] == os.getpid())
    return {one.pid for one in own if "ipykernel_launcher" in " ".join(one.info["cmdline"] or [])}


def test_what_a_notebook_imports_is_loaded_before_its_first_cell(home):
    notebook = write_notebook(home / "a.ipynb", LOADED, "if True:\n    import colorsys\n    from os import path")
    execute_notebook(notebook, {}, home / "out.ipynb")
    assert nbformat.read(home / "out.ipynb", as_version=4).cells[0].outputs[0].text == "True True\n"


def test_a_magic_a_mistake_or_a_package_that_lacks_is_left_to_the_notebook(home):
    cells = ("%precision 3\nimport ast", "def", "import no_such_package", "import colorsys")
    notebook = write_notebook(home / "a.ipynb", *cells)
    assert imports_of(notebook) == "import no_such_package\nimport colorsys"
    with pytest.raises(InstrecError, match=r"a\.ipynb: SyntaxError"):
        execute_notebook(notebook, {}, home / "out.ipynb")


def test_what_training_imports_is_loaded_for_notebooks_that_train(home):
    statement = "from instrec_utils.training.experiments import train_run"
    assert imports_of(write_notebook(home / "a.ipynb", statement)) == f"{statement}\nimport keras.layers"


def test_the_next_kernel_is_started_once_and_each_ends_when_its_notebook_has(home):
    notebooks = [write_notebook(home / f"{name}.ipynb", LOADED) for name in "ab"]
    before, kernels = kernels_here(), Kernels(notebooks)
    first = kernels.take(notebooks[0])
    second, again = kernels_here() - before, kernels.take(notebooks[0])
    assert len(second) == 2
    assert len(kernels_here() - before) == 3  # that of the first anew, as when it is repeated
    first.stop(at_once=True)
    again.stop(at_once=True)
    (ahead,) = kernels_here() - before
    assert ahead in second
    execute_notebook(notebooks[1], {}, home / "out.ipynb", kernels)
    assert kernels_here() == before


def test_a_kernel_that_nobody_took_is_ended(home):
    notebooks = [write_notebook(home / f"{name}.ipynb", LOADED) for name in "ab"]
    before, kernels = kernels_here(), Kernels(notebooks)
    execute_notebook(notebooks[0], {}, home / "out.ipynb", kernels)
    assert len(kernels_here() - before) == 1
    kernels.close()
    assert kernels_here() == before


def test_a_kernel_that_dies_before_its_notebook_begins_is_one_line(home):
    notebooks = [write_notebook(home / f"{name}.ipynb", LOADED) for name in "ab"]
    before, kernels = kernels_here(), Kernels(notebooks)
    kernels.take(notebooks[0]).stop(at_once=True)
    (ahead,) = kernels_here() - before
    psutil.Process(ahead).kill()
    with pytest.raises(InstrecError, match=r"b\.ipynb: its process died, as for want of memory; run it again"):
        execute_notebook(notebooks[1], {}, home / "out.ipynb", kernels)
    assert kernels_here() == before
