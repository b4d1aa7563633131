"""Photographs of the classes, from which a visual model can begin (the paper's "PT", Table 2)."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from instrec_utils import files
from instrec_utils.config import FRAME_SIZE
from instrec_utils.corpora.corpus import Corpus
from instrec_utils.corpora.index import label_of
from instrec_utils.corpora.source import source_named, sources
from instrec_utils.errors import CorpusError


def read_photographs(corpus: Corpus, folder: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return photographs of a corpus' classes: of a folder with one subfolder a class, else of the corpus' source.

    A source that has none borrows those of another one, see `Source.lend_photographs`. Classes may be without any, but
    not all of them but one: that is a CorpusError, as is a file in a class' folder that is no photograph.

    Returns
    -------
    pictures : np.ndarray [shape=(num_pictures, 256, 256, 3), uint8, RGB]
    targets : np.ndarray [shape=(num_pictures,), int64, class numbers]
    """
    own = source_named(corpus.source).photographs
    if folder is not None:
        found = [(label, read_photograph(path)) for label, path in _paths(folder, corpus.labels)]
    elif own is not None:
        found = own(corpus)
    else:
        lenders = (source.lend_photographs for source in sources().values())
        found = next((lend(corpus.labels) for lend in lenders if lend), [])
    if len({label for label, _ in found}) < 2:
        where = files.escaped(str(folder or corpus.name))
        raise CorpusError(
            f"{where}: expected photographs of at least two of the classes {', '.join(corpus.labels)}; "
            "name a folder with one subfolder a class as photographs, or set initial_weights to imagenet"
        )
    labels, pictures = zip(*found, strict=True)
    resized = [cv2.resize(picture, (FRAME_SIZE, FRAME_SIZE), interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.stack(resized), np.searchsorted(corpus.labels, np.array(labels))


def photographs_key(folder: Path, labels: list[str]) -> str:
    """Return what tells a folder's photographs of some classes from others: their names and sizes."""
    found = [(label, path.name, path.stat().st_size) for label, path in _paths(folder, labels)]
    return files.sha256_of(found)[:12]


def _paths(folder: Path, labels: list[str]) -> Iterator[tuple[str, Path]]:
    """Yield each photograph of a folder with its class, whose name a file system may hold in another form."""
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    for label in labels:
        for subfolder in subfolders:
            if label_of(subfolder.name) == label:
                inside = sorted(subfolder.iterdir())
                yield from ((label, path) for path in inside if path.is_file() and not path.name.startswith("."))


def read_photograph(path: Path) -> np.ndarray:
    """Return a photograph [shape=(height, width, 3), uint8, RGB]; a CorpusError where the file is none."""
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if path.stat().st_size else None
    if picture is None:
        name = files.escaped(str(path))
        raise CorpusError(f"{name}: expected a photograph (JPEG, PNG, WebP), got a file that cannot be read as one")
    return picture[..., ::-1]
