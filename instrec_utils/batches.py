"""Batches of inputs and class numbers, read from the store as they are needed.

Every batch is a pure function of the seed, the epoch and its number: no worker, order of reading or resumption
changes what a network sees.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

Load = Callable[[int, np.random.Generator], dict[str, np.ndarray] | np.ndarray]
"""From an example's number and a generator to the example: an array, or one a name of input."""


class Batches(keras.utils.PyDataset):
    """Examples in batches, loaded by two threads while the network works.

    Parameters
    ----------
    load : gives one example.
    targets : np.ndarray [shape=(num_examples,), int]; class numbers.
    batch_size : examples.
    seed, epoch : of order and augmentation.
    shuffle : whether the order changes with seed and epoch.
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
    ) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=4)
        self.load = load
        self.targets = np.asarray(targets)
        self.batch_size = batch_size
        self.key = (seed, epoch)
        self.error: Exception | None = None  # of the example that could not be loaded
        numbers = np.arange(len(self.targets))
        self.order = np.random.default_rng(self.key).permutation(numbers) if shuffle else numbers

    def __len__(self) -> int:
        return -(-len(self.targets) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[dict[str, np.ndarray] | np.ndarray, np.ndarray]:
        chosen = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        try:
            examples = [self.load(int(one), np.random.default_rng((*self.key, int(one)))) for one in chosen]
        except Exception as error:
            self.error = error
            raise
        if isinstance(examples[0], dict):
            inputs = {name: np.stack([example[name] for example in examples]) for name in examples[0]}
        else:
            inputs = np.stack(examples)
        return inputs, self.targets[chosen]
