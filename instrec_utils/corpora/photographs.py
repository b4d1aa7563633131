"""Photographs of the classes, from which a visual model can begin (the paper's "PT", Table 2)."""

import cv2
import numpy as np

from instrec_utils.config import FRAME_SIZE
from instrec_utils.corpora.corpus import Corpus
from instrec_utils.corpora.source import source_named, sources
from instrec_utils.errors import CorpusError


def read_photographs(corpus: Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Return photographs of a corpus' classes, see `Source.photographs`; `CorpusError` if its source has none.

    Returns
    -------
    pictures : np.ndarray [shape=(num_pictures, 256, 256, 3), uint8, RGB]
    targets : np.ndarray [shape=(num_pictures,), int64]
        Class numbers.
    """
    photographs = source_named(corpus.source).photographs
    if photographs is None:
        allowed = " or ".join(name for name, source in sources().items() if source.photographs)
        raise CorpusError(
            f"{corpus.name}: expected a corpus of the source {allowed}, which have photographs of their classes, "
            f"got {corpus.source}; set pretrained to False"
        )
    labels, pictures = zip(*photographs(corpus), strict=True)
    resized = [cv2.resize(picture, (FRAME_SIZE, FRAME_SIZE), interpolation=cv2.INTER_AREA) for picture in pictures]
    return np.stack(resized), np.searchsorted(corpus.labels, np.array(labels))
