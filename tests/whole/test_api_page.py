"""The page on the package has every module that a reader may call."""

import re
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
PACKAGE = HOME / "instrec_utils"
LISTED = re.findall(r"^\.\. automodule:: (\S+)$", (HOME / "book" / "api.md").read_text(encoding="utf-8"), re.MULTILINE)
# Classes of Keras with other insides, which cannot be read where Keras is not loaded; a command line that has `--help`.
LEFT_OUT = {
    "__main__",
    "models.keras_classes",
    "models.lazy",
    "training.batches",
}


def modules():
    """Return the names of all modules that define something; what media gives is listed as the package."""
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")
        if name and (path.name != "__init__.py" or "def " in path.read_text(encoding="utf-8")):
            yield "media" if name.startswith("media.") else name


def test_every_module_is_on_the_page_once():
    assert sorted(LISTED) == sorted({f"instrec_utils.{name}" for name in set(modules()) - LEFT_OUT})
