"""What a recognition stands on: the frames that decided and the spectrogram, with where the networks looked in them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from instrec_utils import media
from instrec_utils.config import AUDIOSET, CROP_SIZE
from instrec_utils.recognise.heads import OUTCOMES
from instrec_utils.recognise.maps import Seen, class_map
from instrec_utils.recognise.recogniser import FRAMES, STEP, Judge, Recognition, spectrograms

NUM_FRAMES = 3  # that decided
FRAME_SIZE = (640, 180)  # pixels: the most of width and of height
MAX_COLUMNS = 1200  # of a spectrogram, or one for each window of a video that has more of them
MAP_HEIGHT = 32  # values that a spectrogram's map is smoothed to, of 4
MAP_SIDE = 56  # those of a frame's map on each side, of 7


class Frame(NamedTuple):
    """A frame that decided.

    seconds : float
    score : float [the probability of the instrument in it]
    picture : np.ndarray [shape=(height, width, 3), uint8, RGB, as large as `FRAME_SIZE` allows]
    looked : np.ndarray or None [shape=(56, 56), 0 to 1, over the whole picture; None if its network has no map]
    """

    seconds: float
    score: float
    picture: np.ndarray
    looked: np.ndarray | None


class Spectrogram(NamedTuple):
    """The spectrogram of a whole video.

    levels : np.ndarray [shape=(128, num_columns), float32, dB, low frequencies first]
    column_seconds : float
    looked : np.ndarray or None [shape=(32, num_columns), 0 to 1]
    """

    levels: np.ndarray
    column_seconds: float
    looked: np.ndarray | None


def frames(recognition: Recognition, label: str, count: int = NUM_FRAMES) -> list[Frame]:
    """Return the frames that say an instrument most clearly, in order of time."""
    numbers = recognition.deciding_frames(label, count)
    if recognition.frames is None or not len(numbers):
        return []
    judge, found = recognition.judges["visual"], []
    pictures = media.read_frames(recognition.path, frame_rate=FRAMES / STEP, numbers=numbers)
    for number, picture in zip(numbers, pictures, strict=True):
        height, width = picture.shape[:2]
        scale = min(FRAME_SIZE[0] / width, FRAME_SIZE[1] / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        squeezed = cv2.resize(picture, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
        looked = _smoothed(judge, squeezed, label, (MAP_SIDE, MAP_SIDE))
        score = float(recognition.frames[number, OUTCOMES.index(label)])
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        found.append(Frame(number * STEP / FRAMES, score, small, None if looked is None else _share(looked)))
    return found


def spectrogram(recognition: Recognition, label: str) -> Spectrogram | None:
    """Return the spectrogram of what was judged by its sound, or None; it is reduced as it is read."""
    if recognition.windows is None:
        return None
    judge, per_window = recognition.judges["audio"], max(1, min(100, MAX_COLUMNS // len(recognition.windows)))
    column_seconds, levels, looked = STEP / per_window, [], []
    for window in spectrograms(recognition.path):
        columns = max(1, round(window.shape[1] * AUDIOSET.hop_length / AUDIOSET.sample_rate / column_seconds))
        levels.append(cv2.resize(window, (columns, len(window)), interpolation=cv2.INTER_AREA))
        looked.append(_smoothed(judge, window, label, (columns, MAP_HEIGHT)))
    maps = [one for one in looked if one is not None]
    return Spectrogram(np.hstack(levels), column_seconds, _share(np.hstack(maps)) if maps else None)


def _smoothed(judge: Judge, example: np.ndarray, label: str, size: tuple[int, int]) -> np.ndarray | None:
    if not isinstance(judge.network, Seen):
        return None
    found = class_map(judge.network, judge.head, example, label)
    return cv2.resize(found.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)


def _share(looked: np.ndarray) -> np.ndarray:
    """Return what speaks for it, as a share of what does most."""
    return np.maximum(looked, 0) / max(float(looked.max()), 1e-9)
