"""The frames that a training draws from its videos, read once and decoded whenever they are needed.

To open a features file takes longer than to decode a frame, and the library that opens it lets one thread in at a time.
So a video's file is opened once, when the first of its frames is needed, and all that is drawn of it goes as JPEG into
one file without a name, which is gone with the process. From there any number of threads read without waiting for each
other, and however many videos there are, the system decides what of it stays in memory.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from instrec_utils.features import store
from instrec_utils.inputs import frames

Choose = Callable[[int, int], np.ndarray]
"""From a video's place among the paths and how many frames it has to the numbers of those that are drawn."""


class DrawnFrames:
    """The frames that are drawn from the videos of these features files; what they are kept in lies in a folder."""

    def __init__(self, paths: Sequence[Path], choose: Choose, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.paths = paths
        self._choose = choose
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed when nobody needs it any more
        self._lock = threading.Lock()
        self._bounds: dict[int, np.ndarray] = {}  # of a video's frames in the file: the first begin, then each end

    def read(self, video: int, place: int) -> np.ndarray | None:
        """Return one of a video's drawn frames [shape=(256, 256, 3), uint8, RGB], or None if it has no pictures.

        A features file that is missing, damaged, or of other settings is a FeaturesError.
        """
        with self._lock:
            if video not in self._bounds:
                self._bounds[video] = self._keep(video)
        bounds = self._bounds[video]
        if len(bounds) < 2:
            return None
        begin, end = bounds[place : place + 2].tolist()
        with store.checked(self.paths[video]):
            return frames.decode_jpeg(np.frombuffer(os.pread(self._file.fileno(), end - begin, begin), np.uint8))

    def _keep(self, video: int) -> np.ndarray:
        """Append a video's drawn frames to the file and return their bounds in it."""
        pictures = store.read_jpegs(self.paths[video], lambda count: self._choose(video, count))
        begin = self._file.seek(0, os.SEEK_END)
        self._file.write(b"".join(picture.tobytes() for picture in pictures))
        self._file.flush()
        return begin + np.cumsum([0, *map(len, pictures)])
