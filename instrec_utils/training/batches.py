"""Batches of inputs and class numbers, read from the store as they are needed.

Every batch is a pure function of the seed, the epoch and its number: no thread, order of reading or resumption
changes what a network sees.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import keras
import numpy as np

from instrec_utils import cluster

Load = Callable[[int, np.random.Generator], dict[str, np.ndarray] | np.ndarray]
"""From an example's number and a generator to the example: an array, or one a name of input."""
Batch = tuple[dict[str, np.ndarray] | np.ndarray, np.ndarray]

NUM_THREADS = min(16, cluster.num_cores())
NUM_AHEAD = 2 * NUM_THREADS  # batches that are loaded before they are asked for


class Batches(keras.utils.PyDataset):
    """Examples and class numbers [shape=(num_examples,), int] in batches, the next ones loaded by threads meanwhile.

    The threads are not those of Keras, which with JAX mixes up the order of the first epoch of a new or loaded model.
    Augmentation, and with shuffle the order, change with seed and epoch.
    """

    def __init__(
        self, load: Load, targets: np.ndarray, batch_size: int, *, seed: int = 0, epoch: int = 0, shuffle: bool = False
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False)
        self.load = load
        self.targets = np.asarray(targets)
        self.batch_size = batch_size
        self.key = (seed, epoch)
        self.error: Exception | None = None  # of the example that could not be loaded
        self.threads = ThreadPoolExecutor(NUM_THREADS)
        self.ahead: dict[int, Future[Batch]] = {}
        numbers = np.arange(len(self.targets))
        self.order = np.random.default_rng(self.key).permutation(numbers) if shuffle else numbers

    def filled_up(self, num_devices: int) -> Batches:
        """Return the batches with the first examples again at the end, so that devices get equal parts of the last."""
        self.order = np.resize(self.order, len(self.order) + -len(self.order) % num_devices)
        return self

    def feed(self) -> Any:
        """Return what Keras should be given to train or evaluate on these batches.

        With TensorFlow that is a dataset that tunes nothing. Keras itself would turn automatic tuning on, whose thread
        may sleep through the end of an epoch, which then lasts until it wakes: up to twice as long.
        """
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow

        signature = keras.tree.map_structure(
            lambda values: tensorflow.TensorSpec((None, *values.shape[1:]), values.dtype), self[0]
        )
        dataset = tensorflow.data.Dataset.from_generator(
            lambda: (self[number] for number in range(len(self))), output_signature=signature
        )
        options = tensorflow.data.Options()
        options.autotune.enabled = False
        dataset = dataset.prefetch(1).with_options(options)
        return dataset.apply(tensorflow.data.experimental.assert_cardinality(len(self)))

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, number: int) -> Batch:
        for one in range(number, min(number + NUM_AHEAD, len(self))):
            if one not in self.ahead:
                self.ahead[one] = self.threads.submit(self._batch, one)
        try:
            return self.ahead.pop(number).result()
        except Exception as error:
            self.error = error
            raise

    def _batch(self, number: int) -> Batch:
        chosen = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        examples = [self.load(int(one), np.random.default_rng((*self.key, int(one)))) for one in chosen]
        return keras.tree.map_structure(lambda *values: np.stack(values), *examples), self.targets[chosen]
