"""Features files as small as they can be, and a corpus of videos to extract others from."""

import hashlib
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from instrec_utils.corpora import Corpus
from instrec_utils.features import store
from instrec_utils.inputs import frames


def write_features(path, *, pictures=(), **spectrograms):
    """Write the features file of a video with the given sound and pictures, or without either."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs.update(settings_sha256=store.SETTINGS_SHA256, video_bytes=1000, duration=3.0)
        if len(pictures):
            stored = file.create_dataset("frames", len(pictures), dtype=h5py.vlen_dtype(np.uint8))
            for number, picture in enumerate(pictures):
                stored[number] = frames.encode_jpeg(picture)
        for name, spectrogram in spectrograms.items():
            file[f"log_mel/{name}"] = np.asarray(spectrogram, np.float16)


def make_corpus(directory, paths):
    """Return a corpus of the given files; their names become the ids."""
    directory.mkdir(parents=True, exist_ok=True)
    index = pd.DataFrame(
        {
            "video_id": [Path(path).stem for path in paths],
            "label": "violin",
            "split": "train",
            "path": [Path(path).name for path in paths],
            "duration": 3.2,
        }
    )
    return Corpus("tiny", "folder", directory, Path(paths[0]).parent, index)


def digests(folder):
    """Return the sha256 of every features file of a folder, hidden ones too, by name."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob("*.h5")}
