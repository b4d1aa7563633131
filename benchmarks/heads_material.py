"""Examples, what networks make of them, and what the visual head of the recogniser learns from.

These are the photographs of the open corpus, as they are and as its slides show them: in front of other backgrounds, in
part, far away. None of the instruments is in drawn places. What the audio head learns from is in ``ears_material.py``.
What the networks make of examples is kept in ``data/recognise``, once computed; what this makes in another way is made
anew after that folder was deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from tqdm import tqdm

from instrec_corpora import backgrounds, open_sources, slides
from instrec_utils import files, paths
from instrec_utils.config import AUDIOSET, CROP_SIZE
from instrec_utils.inputs.kaldi_spectrograms import kaldi_log_mel
from instrec_utils.recognise.heads import NONE
from instrec_utils.recognise.networks import AudioNetwork, Values, VisualNetwork

SEED = 1
VIEWS = ("clear", "clear", "cropped", "small")  # of each photograph
EMPTY_SCENES = 150
EDGE, WHITE = 8, 235  # pixels around a photograph, and from where on they are white


class Example(NamedTuple):
    """A window of sound or a picture, its outcome, what it is of, and what must not be divided."""

    content: np.ndarray
    outcome: str
    source: str
    group: str


def photographs(folder: Path) -> Iterator[Example]:
    """Yield the photographs as they are, and as slides show them; what they were taken in front of is their source."""
    registry = open_sources.read_registry()
    registry = registry[(registry.kind == "photos") & ~registry.path.str.contains("_synthetic_")]
    for number, row in enumerate(open_sources.verify_sources(folder, registry).itertuples()):
        photograph = cv2.cvtColor(open_sources.read_photograph(folder / row.path), cv2.COLOR_BGR2RGB)
        generator = np.random.default_rng([SEED, number])
        source = "plain" if is_plain(looked_at(photograph)) else "scenery"
        yield Example(looked_at(photograph), row.label, source, f"photograph{number}")
        for condition in VIEWS:
            view = slides.staged(photograph, condition, generator)
            yield Example(looked_at(view), row.label, source, f"photograph{number}")


def looked_at(picture: np.ndarray) -> np.ndarray:
    """Return a picture [RGB] as the recogniser looks at it [shape=(224, 224, 3)]."""
    return cv2.resize(picture, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)


def is_plain(picture: np.ndarray) -> bool:
    """Tell whether most of a picture's edge is white, as in a shop."""
    inner = np.s_[EDGE:-EDGE, EDGE:-EDGE]
    is_edge = np.ones(picture.shape[:2], bool)
    is_edge[inner] = False
    return bool((picture[is_edge].min(axis=1) >= WHITE).mean() > 0.5)


def empty_scenes(generator: np.random.Generator) -> Iterator[Example]:
    """Yield drawn places in which nothing is."""
    for number in range(EMPTY_SCENES):
        yield Example(looked_at(backgrounds.background(generator)), NONE, "drawn", f"scene{number}")


class Material(NamedTuple):
    """What a network makes of examples, and a table of them: outcome, source, group."""

    values: Values
    table: pd.DataFrame

    def joined(self, other: Material) -> Material:
        """Return this and another one's."""
        values = (np.concatenate(pair) for pair in zip(self.values, other.values, strict=True))
        return Material(Values(*values), pd.concat([self.table, other.table], ignore_index=True))


def judged(name: str, network: AudioNetwork | VisualNetwork, examples: Iterator[Example]) -> Material:
    """Return what a network makes of examples, computed once and kept under a name."""
    path = paths.data_dir() / "recognise" / f"{name}.npz"
    if not (stored := files.read_arrays(path)):
        found, rows = [], []
        for content, *row in tqdm(examples, desc=name, unit="example", mininterval=5):
            found.append(network((kaldi_log_mel(content, AUDIOSET) if content.ndim == 1 else content)[None]))
            rows.append(row)
        values = {part: np.concatenate([getattr(one, part) for one in found]) for part in Values._fields}
        files.write_arrays(path, **values, rows=np.array(rows, str))
        stored = files.read_arrays(path)
    table = pd.DataFrame(stored["rows"], columns=["outcome", "source", "group"])
    return Material(Values(stored["embeddings"], stored["instruments"]), table)
