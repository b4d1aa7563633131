"""The page on the package has every module that a reader may call, and building it loads no network."""

import re
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
PACKAGE = HOME / "instrec_utils"
LISTED = re.findall(r"^\.\. automodule:: (\S+)$", (HOME / "book" / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
# Layers and an optimizer that are Keras' own in fewer passes over memory; the command line, which `--help` explains.
LEFT_OUT = {"models.fused_adam", "models.fused_batch_normalization", "__main__"}


def modules():
    """Return the names of all modules that define something; what media gives is listed as the package."""
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")
        if name and (path.name != "__init__.py" or "def " in path.read_text(encoding="utf-8")):
            yield "media" if name.startswith("media.") else name


def test_every_module_is_on_the_page_once():
    assert sorted(LISTED) == sorted({f"instrec_utils.{name}" for name in set(modules()) - LEFT_OUT})


def test_reading_the_docstrings_loads_no_network():
    lines = [f"import {name}" for name in LISTED] + ["import sys; print('tensorflow' in sys.modules)"]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
