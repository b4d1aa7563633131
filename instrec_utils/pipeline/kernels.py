"""Kernels of this very Python that load what a notebook imports, while another one is at work.

Imports, TensorFlow's above all, take a page some seconds on one core, in which the others would wait.
"""

import ast
import contextlib
import itertools
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import nbformat
from ipykernel.kernelspec import make_ipkernel_cmd
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync

from instrec_utils import paths
from instrec_utils.models.hardware import ON_DEMAND


class Kernel(AsyncKernelManager):
    """A kernel of this very Python, whatever other one is called python3 on this machine."""

    kernel_spec = KernelSpec(argv=make_ipkernel_cmd(), display_name="Python 3", language="python")

    def stop(self, *, at_once: bool = False) -> None:
        """End the process, and let it clean up unless it is to end at once; one that has died is only forgotten."""
        if run_sync(self.is_alive)():
            run_sync(self.shutdown_kernel)(now=at_once)
        else:
            run_sync(self.cleanup_resources)()


class Kernels:
    """Kernels for notebooks that are executed one after the other."""

    def __init__(self, notebooks: Sequence[Path] = ()) -> None:
        self._next = dict(itertools.pairwise(notebooks))
        self._started: dict[Path, Kernel] = {}

    def take(self, notebook: Path) -> Kernel:
        """Return a notebook's kernel, which whoever takes it has to stop, and start that of the next one."""
        kernel = self._started.pop(notebook, None) or _start(notebook)
        following = self._next.get(notebook)
        if following and following not in self._started:
            self._started[following] = _start(following)
        return kernel

    def close(self) -> None:
        """Stop the kernels that nobody took."""
        while self._started:
            self._started.popitem()[1].stop(at_once=True)


def _start(notebook: Path) -> Kernel:
    own = {
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "INSTREC_HOME": str(paths.home()),
        "INSTREC_DATA": str(paths.data_dir()),  # both may be relative to where the command was given
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "PYTHONWARNINGS": "ignore:IProgress not found",  # of widgets that progress bars in a page would need
    }
    arguments = [
        "--log-level=CRITICAL",  # its warnings would break the progress bars
        "--HistoryManager.hist_file=:memory:",
        f"--IPKernelApp.exec_lines={imports_of(notebook)}",
    ]
    kernel = Kernel()
    run_sync(kernel.start_kernel)(
        cwd=paths.home(),
        env=ON_DEMAND | os.environ | own,
        stderr=subprocess.DEVNULL,  # its messages come as outputs, too
        extra_arguments=arguments,
    )
    return kernel


def imports_of(notebook: Path) -> str:
    """Return the import statements of a notebook's cells, and what training imports where it trains."""
    found = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        # A cell with a magic, or with a mistake, is left to itself.
        with contextlib.suppress(SyntaxError):
            nodes = ast.walk(ast.parse(cell.source if cell.cell_type == "code" else ""))
            found += [ast.unparse(node) for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
    if any("train_run" in statement for statement in found):
        found.append("import keras.layers")
    return "\n".join(found)
