"""A package from outside: modules and entry points in a folder that this process and those that it starts look into."""

import contextlib
import importlib
import os
import sys

import pytest

from instrec_utils.models.architecture import _entry_points, _loaded


def write_package(folder, name, modules, entry_points):
    """Write modules (text by name) and what they declare ({group: {name: value}}) as an installed package has them."""
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir(parents=True, exist_ok=True)
    for module, text in modules.items():
        (folder / f"{module}.py").write_text(text)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, entries in entry_points.items():
        lines += [f"[{group}]", *(f"{entry} = {value}" for entry, value in entries.items())]
    (information / "entry_points.txt").write_text("\n".join([*lines, ""]))


def forget(*modules):
    """Let the entry points be looked for anew, and modules be imported again."""
    _entry_points.cache_clear()
    _loaded.cache_clear()
    importlib.invalidate_caches()
    for module in modules:
        sys.modules.pop(module, None)


@contextlib.contextmanager
def installed(folder, name, modules, entry_points):
    """Install a package; see `write_package`."""
    write_package(folder, name, modules, entry_points)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        patch.setattr(sys, "dont_write_bytecode", True)  # it may be written again within the same second
        forget(*modules)
        try:
            yield
        finally:
            forget(*modules)
