"""Batches of inputs and class numbers, read from the store as they are needed.

Every batch is a pure function of the seed, the epoch and its number: no worker, order of reading or resumption
changes what a network sees.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from instrec_utils.config import NUM_SEGMENTS

SILENCE = -100.0  # dB, the floor of `audio.log_mel`

Load = Callable[[int, np.random.Generator], dict[str, np.ndarray] | np.ndarray]
"""From a video's number and a generator to one example: an array, or one a name of input."""


class Batches(keras.utils.PyDataset):
    """Examples of videos in batches.

    Parameters
    ----------
    load : gives one example.
    targets : np.ndarray [shape=(num_videos,), int]; class numbers.
    batch_size : videos.
    seed, epoch : of order and augmentation.
    shuffle : whether the order changes with seed and epoch.
    num_frames : frames of an example that each carry its class number; 0 if it carries one as a whole.
    """

    def __init__(
        self,
        load: Load,
        targets: np.ndarray,
        batch_size: int,
        *,
        seed: int = 0,
        epoch: int = 0,
        shuffle: bool = False,
        num_frames: int = 0,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.load = load
        self.targets = np.asarray(targets)
        self.batch_size = batch_size
        self.num_frames = num_frames
        self.key = (seed, epoch)
        self.error: Exception | None = None  # of the example that could not be loaded
        numbers = np.arange(len(self.targets))
        self.order = np.random.default_rng(self.key).permutation(numbers) if shuffle else numbers

    def __len__(self) -> int:
        return -(-len(self.targets) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[dict[str, np.ndarray] | np.ndarray, np.ndarray]:
        videos = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        try:
            examples = [self.load(video, np.random.default_rng((*self.key, int(video)))) for video in videos]
        except Exception as error:
            self.error = error
            raise
        if isinstance(examples[0], dict):
            inputs = {name: np.stack([example[name] for example in examples]) for name in examples[0]}
        else:
            inputs = np.stack(examples)
        targets = self.targets[videos]
        return inputs, np.repeat(targets[:, None], self.num_frames, axis=1) if self.num_frames else targets


def augment_spectrogram(spectrogram: np.ndarray, generator: np.random.Generator, *, segmentation: str) -> np.ndarray:
    """Vary a log-mel spectrogram as rooms, microphones and performances do.

    Another order of the ten uniform segments (UC only), `vary_level`, one masked band and one masked stretch of
    time (Park et al., SpecAugment, 2019).

    Parameters
    ----------
    spectrogram : np.ndarray [shape=(n_mels, num_frames), float32]
        dB.
    generator : source of randomness.
    segmentation : "cc" or "uc".

    Returns
    -------
    np.ndarray
        The same shape; never below -100 dB.
    """
    num_bands, num_frames = spectrogram.shape
    if segmentation == "uc":
        parts = np.array_split(np.arange(num_frames), NUM_SEGMENTS)
        spectrogram = spectrogram[:, np.concatenate([parts[number] for number in generator.permutation(len(parts))])]
    varied = vary_level(spectrogram, generator)
    height, width = generator.integers(0, num_bands // 6), generator.integers(0, num_frames // 6)
    low, start = generator.integers(0, num_bands - height), generator.integers(0, num_frames - width)
    fill = varied.mean()
    varied[low : low + height] = fill
    varied[:, start : start + width] = fill
    return varied


def vary_level(spectrogram: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Make a log-mel spectrogram up to 6 dB louder or softer, through a smooth random equaliser of up to 6 dB.

    Digital silence stays what it is. Shapes and units as in `augment_spectrogram`.
    """
    num_bands = len(spectrogram)
    equalizer = np.interp(np.linspace(0, 4, num_bands), np.arange(5), generator.uniform(-6, 6, 5))
    varied = spectrogram + (generator.uniform(-6, 6) + equalizer)[:, None]
    return np.where(spectrogram <= SILENCE, SILENCE, np.maximum(varied, SILENCE)).astype(np.float32)
