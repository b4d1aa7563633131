"""Phrases, photographs and clips from collections that no corpus has anything of: for evaluation only.

``elsewhere.csv`` lists 55 phrases of 13 classes from five collections, 66 photographs of players of 11 classes, all
from one conservatory, 2 clips, 3 of two instruments at once and 4 without sound, with the address of a public copy of
each. Most of the collections state no licence, so the files are measured with, and never passed on. The phrases were
once checked with a network that was trained on AudioSet, and clear contradictions left out, which flatters its likes.

It is no `Source`: photographs and phrases are no videos, and there is nothing to train on. To choose a setting by some
of the collections and report it on the same ones is cheating, too.
"""

from importlib import resources
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from instrec_utils import pinned

VARIABLE = "INSTREC_ELSEWHERE"
KINDS = ("phrase", "photograph", "clip", "clip-duo", "clip-silent")


def list_elsewhere() -> pd.DataFrame:
    """Return the list of the files, one row each, whether they are here or not.

    Its columns, text, are: path, below the folder of a copy; label, two joined by "+" for two instruments at once;
    kind, one of `KINDS`; collection, the public repository "owner/name"; real_sound, "yes", "no" or "unknown", empty of
    photographs; sha256; address.
    """
    with resources.files("instrec_utils.corpora").joinpath("elsewhere.csv").open(encoding="utf-8") as file:
        table = pd.read_csv(file, dtype=str, keep_default_na=False)
    parts = table.pop("source").str.extract("(?P<collection>[^@]+)@(?P<commit>[^:]+):(?P<file>.+)")
    table["collection"] = parts["collection"]
    rest = parts["commit"] + "/" + parts["file"].map(quote)
    return table.assign(address="https://raw.githubusercontent.com/" + parts["collection"] + "/" + rest)


def read_elsewhere(*kinds: str) -> tuple[pd.DataFrame, Path]:
    """Return the rows of `list_elsewhere` of some kinds, or of all, and the folder that holds their files.

    The files are in ``$INSTREC_ELSEWHERE``, or downloaded; every one is checked, see `pinned.locate_files`. A kind that
    is none of `KINDS` is a ValueError.
    """
    if unknown := set(kinds) - set(KINDS):
        raise ValueError(f"kinds: expected some of {', '.join(KINDS)}, got {', '.join(sorted(unknown))}")
    table = list_elsewhere()
    table = table[table["kind"].isin(kinds or KINDS)].reset_index(drop=True)
    addresses, sha256 = (dict(zip(table["path"], table[name], strict=True)) for name in ("address", "sha256"))
    return table, pinned.locate_files(VARIABLE, "elsewhere", addresses, sha256)
