"""What is played in a video: windows of its sound and frames of its pictures, each judged, and all together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import numpy as np

from instrec_utils import media
from instrec_utils.config import AUDIOSET, CROP_SIZE, LABELS
from instrec_utils.errors import CorpusError, DownloadError, MediaError
from instrec_utils.inputs.kaldi_spectrograms import kaldi_log_mel
from instrec_utils.models import efficientat_mn04, efficientnet_lite0
from instrec_utils.recognise.heads import OUTCOMES, Head, combined, read_head
from instrec_utils.recognise.networks import AudioNetwork, OwnAudioNetwork, Values, VisualNetwork

STEP = 4.0  # seconds of the timeline: one window of sound
FRAMES = 2  # of the pictures in a step
SHORTEST = 0.5  # seconds of a window of sound that is worth judging, unless it is all there is
MAX_HOURS = 2.0  # of a video, unless more is asked for
OWN_TITLE = "instrec's own network"
ONLY_OWN = (
    "Audio was judged by the network that comes with instrec: EfficientAT mn04, which knows more, could not be "
    f"downloaded; set INSTREC_WEIGHTS to a folder that holds {efficientat_mn04.FILE}."
)
Progress = Callable[[float], object]
"""Is told after each step, of the pictures or else of the sound, how many seconds it had."""


class TooLongError(MediaError):
    """A video is longer than was allowed."""


class Judge(NamedTuple):
    """A network, its title and its head."""

    title: str
    network: Callable[[np.ndarray], Values]
    head: Head

    def judge(self, examples: np.ndarray) -> np.ndarray:
        """Return how likely each of `OUTCOMES` is of each example [shape=(num_examples, 14)]."""
        return self.head.probabilities(self.network(examples))


@dataclass(frozen=True)
class Recognition:
    """What is played in a video.

    Attributes
    ----------
    path : Path
    seconds : float
    judges : dict of str to Judge [by "audio" and "visual", what judged it; without what is not there]
    notes : tuple of str [sentences on what could not be judged]
    windows : np.ndarray or None [shape=(num_steps, 14), probabilities of `OUTCOMES` in the sound, every `STEP`]
    frames : np.ndarray or None [shape=(num_frames, 14), those in the frames, `FRAMES` of them in a step]
    """

    path: Path
    seconds: float
    judges: dict[str, Judge]
    notes: tuple[str, ...]
    windows: np.ndarray | None
    frames: np.ndarray | None

    def timeline(self) -> dict[str, np.ndarray]:
        """Return the probabilities of `OUTCOMES` in each step [shape=(num_steps, 14)] by modality, and of "both".

        They are not numbers where a modality ends before the other one.
        """
        found = {}
        if self.windows is not None:
            found["audio"] = self.windows
        if self.frames is not None:
            steps = np.array_split(self.frames, range(FRAMES, len(self.frames), FRAMES))
            found["visual"] = np.stack([combined(step) for step in steps])
        length = max(map(len, found.values()))
        found = {
            name: np.pad(steps, ((0, length - len(steps)), (0, 0)), constant_values=np.nan)
            for name, steps in found.items()
        }
        return found | {"both": combined(np.stack(list(found.values())))}

    def overall(self) -> dict[str, np.ndarray]:
        """Return how likely each of `OUTCOMES` is in the whole video [shape=(14,)], by modality, and of "both"."""
        found = {name: combined(steps) for name, steps in self.timeline().items() if name != "both"}
        return found | {"both": combined(np.stack(list(found.values())))}

    def ranked(self) -> list[str]:
        """Return the instruments, the most likely one first."""
        return [LABELS[number] for number in np.argsort(-self.overall()["both"][:-1], kind="stable")]

    def is_there(self) -> dict[str, np.ndarray]:
        """Tell which instruments pass their threshold in each step [shape=(num_steps, 13), bool], by modality.

        Of "both" it is what passes that of a modality in that modality.
        """
        found = {
            name: np.nan_to_num(steps[:, :-1]) >= self.judges[name].head.thresholds
            for name, steps in self.timeline().items()
            if name != "both"
        }
        return found | {"both": np.logical_or.reduce(list(found.values()))}

    def shown(self) -> list[int]:
        """Return the numbers of the instruments that pass their threshold anywhere, and of the most likely one."""
        there = set(np.nonzero(self.is_there()["both"])[1].tolist())
        return sorted(there | {LABELS.index(self.ranked()[0])})

    def deciding_frames(self, label: str, count: int) -> np.ndarray:
        """Return the numbers of the frames that say an instrument most clearly, in order of time.

        Those that say it less than half as clearly as the first did not decide.
        """
        if self.frames is None:
            return np.zeros(0, int)
        scores = self.frames[:, OUTCOMES.index(label)]
        first = np.argsort(-scores, kind="stable")[:count]
        return np.sort(first[scores[first] >= scores.max() / 2])


class Recogniser:
    """The networks and their heads, loaded once for any number of videos.

    Attributes
    ----------
    visual : Judge
    audio : Judge or None [the best audio network that is here or can be downloaded]
    audio_note : str [why it is not a better one, or there is none]
    """

    def __init__(self) -> None:
        self.visual = Judge(efficientnet_lite0.ARCHITECTURE.title, VisualNetwork(), read_head("efficientnet_lite0"))
        self.audio, self.audio_note = _audio_judge()

    def recognise(
        self,
        path: Path,
        *,
        max_hours: float = MAX_HOURS,
        progress: Progress | None = None,
        check: Callable[[], object] = lambda: None,
    ) -> Recognition:
        """Return what is played in a video or a recording, of any length up to some hours, in little memory.

        `check` is called before each step of pictures and of sound, in threads of their own; what it raises ends both.
        A file that is no media or cannot be judged at all is a `MediaError`, a longer one a `TooLongError`.
        """
        info = media.probe(path)
        if info.duration > 3600 * max_hours:
            got = timedelta(seconds=math.ceil(info.duration))
            raise TooLongError(f"{path}: expected at most {max_hours:g} hours, got {got}")
        notes = [] if info.has_sound else ["There is no sound."]
        notes += [] if info.has_picture else ["There are no pictures."]
        notes += [self.audio_note] if info.has_sound and self.audio_note else []
        work: dict[str, tuple[Judge, Iterator[np.ndarray]]] = {}
        if self.audio and info.has_sound:
            work["audio"] = self.audio, spectrograms(path)
        if info.has_picture:
            work["visual"] = self.visual, pictures(path)  # last, as it takes longer
        judges: dict[str, Judge] = {}
        found: dict[str, np.ndarray] = {}
        with ThreadPoolExecutor(2) as threads:
            under_way = {
                name: threads.submit(_judged, *work[name], check, progress if name == list(work)[-1] else None)
                for name in work
            }
            for name, future in under_way.items():
                try:
                    found[name] = future.result()
                    judges[name] = work[name][0]
                except MediaError as error:
                    notes.append(f"{name.capitalize()} was not judged: {str(error).removeprefix(f'{path}: ')}.")
        if not judges:
            raise MediaError(f"{path}: cannot be judged: {' '.join(notes)}")
        return Recognition(path, info.duration, judges, tuple(notes), found.get("audio"), found.get("visual"))


def _audio_judge() -> tuple[Judge | None, str]:
    """Return the best audio network that there is, and the reason where that is the package's own, or none."""
    try:
        weights = efficientat_mn04.locate_weights(retries=0)
    except DownloadError:
        try:
            return own_audio_judge(), ONLY_OWN
        except CorpusError as error:
            return None, f"Audio was not judged: {error}."
    title = efficientat_mn04.ARCHITECTURE.title
    return Judge(title, AudioNetwork(weights), read_head("efficientat_mn04")), ""


def own_audio_judge() -> Judge:
    """Return the audio network that comes with the package."""
    return Judge(OWN_TITLE, OwnAudioNetwork(), read_head("ears"))


def spectrograms(path: Path) -> Iterator[np.ndarray]:
    """Yield the spectrogram of each window of a file's sound [shape=(128, num_frames), float32, dB]."""
    shortest = round(SHORTEST * AUDIOSET.sample_rate)
    for number, window in enumerate(media.read_windows(path, AUDIOSET.sample_rate, STEP)):
        if len(window) >= shortest or number == 0:
            yield kaldi_log_mel(np.pad(window, (0, max(0, shortest - len(window)))), AUDIOSET)


def pictures(path: Path) -> Iterator[np.ndarray]:
    """Yield the frames of a video that are judged [shape=(224, 224, 3), uint8, RGB]."""
    yield from media.read_frames(path, frame_rate=FRAMES / STEP, size=CROP_SIZE)


def _judged(
    judge: Judge, examples: Iterator[np.ndarray], check: Callable[[], object], progress: Progress | None
) -> np.ndarray:
    found = []
    for example in examples:
        check()
        found.append(judge.judge(example[None]))
        if progress is not None:
            progress(STEP / FRAMES if example.ndim == 3 else STEP)
    return np.concatenate(found)
