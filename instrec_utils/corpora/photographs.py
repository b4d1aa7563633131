"""Photographs of the classes, from which a frame model can begin (the paper's "PT", Table 2)."""

from __future__ import annotations

import cv2
import numpy as np

from instrec_utils.config import FRAME_SIZE
from instrec_utils.corpora import Corpus
from instrec_utils.errors import CorpusError

DRAWN_PER_CLASS = 40


def read(corpus: Corpus, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return photographs of a corpus' classes.

    For the source "open" they are the photographs that its training videos show, before staging; for "demo" they are
    drawings made for this, with the instrument in sight.

    Parameters
    ----------
    corpus : prepared.
    seed : of the drawings.

    Returns
    -------
    pictures : np.ndarray [shape=(num_pictures, 256, 256, 3), uint8]
        RGB, 0 to 255.
    targets : np.ndarray [shape=(num_pictures,), int64]
        Class numbers.

    Raises
    ------
    CorpusError
        The corpus' source has no photographs.
    """
    if corpus.source == "open":
        found = _of_open(corpus)
    elif corpus.source == "demo":
        found = _of_demo(corpus, seed)
    else:
        raise CorpusError(
            f"{corpus.name}: expected a corpus of the source demo or open, which have photographs of their classes, "
            f"got {corpus.source}; set pretrained to False"
        )
    labels, pictures = zip(*found, strict=True)
    size = (FRAME_SIZE, FRAME_SIZE)
    resized = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.stack(resized), np.searchsorted(corpus.labels, labels)


def _of_open(corpus: Corpus) -> list[tuple[str, np.ndarray]]:
    from instrec_corpora import open as open_corpus

    folder = open_corpus.source_dir()
    sources = corpus.split("train")["sources"].str.split(";").explode().drop_duplicates()
    names = sorted(source for source in sources if source.startswith("photos/"))
    return [(name.split("/")[1], cv2.imread(str(folder / name))[:, :, ::-1]) for name in names]


def _of_demo(corpus: Corpus, seed: int) -> list[tuple[str, np.ndarray]]:
    from instrec_corpora.drawing import Scene

    found = []
    for number, label in enumerate(corpus.labels):
        for drawing in range(DRAWN_PER_CLASS):
            scene = Scene(label, 4.0, np.random.default_rng([seed, number, drawing]))
            visible = [time for time in np.arange(0.5, 4, 0.5) if scene.visible(time)]
            found.append((label, scene.frame(visible[len(visible) // 2] if visible else 2.0)))
    return found
