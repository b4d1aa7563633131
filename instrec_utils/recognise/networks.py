"""The networks as OpenCV runs them: EfficientNet-Lite0 for pictures, EfficientAT mn04 or our own for sound."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from instrec_utils import files
from instrec_utils.config import AUDIOSET, CROP_SIZE, LABELS
from instrec_utils.errors import CorpusError
from instrec_utils.models import ears, efficientat_mn04, efficientnet_lite0, torch_weights
from instrec_utils.recognise.graph import Graph

OWN = Path(__file__).with_name("ears.npz")


class Values(NamedTuple):
    """What a pretrained network makes of examples.

    Attributes
    ----------
    embeddings : np.ndarray [shape=(num_examples, size), float32]
    instruments : np.ndarray [shape=(num_examples, 13), float32]
        Of each instrument the highest of the network's own classes, or its nearest relative's, before sigmoid or
        softmax; minus infinity where it has neither.
    """

    embeddings: np.ndarray
    instruments: np.ndarray


def read_tensors(path: Path) -> list[np.ndarray]:
    """Return the tensors of a PyTorch checkpoint that are learned, in its order."""
    tensors = torch_weights.read_weights(path)
    return [values for name, values in tensors.items() if not name.endswith("num_batches_tracked")]


class VisualNetwork:
    """EfficientNet-Lite0: from pictures to 1,280 values and ImageNet's 1,000 classes."""

    def __init__(self, weights: Path | None = None) -> None:
        tensors = read_tensors(weights or efficientnet_lite0.locate_weights())
        graph = Graph(iter(tensors), (1, 3, CROP_SIZE, CROP_SIZE))
        convolve = functools.partial(graph.convolution, same=True)
        x = convolve(graph.scaled("input", 1 / 128, -127 / 128), stride=2, activation="relu6")
        filters = 32
        for _, repeats, size, expansion, first_stride in efficientnet_lite0.STAGES:
            for stride in (first_stride, *(1,) * (repeats - 1)):
                shortcut, groups = x, filters * expansion
                x = convolve(x, activation="relu6") if expansion != 1 else x
                x = convolve(x, stride=stride, groups=groups, activation="relu6")
                x = convolve(x)
                x = graph.add("Add", shortcut, x) if stride == 1 and filters == size else x
                filters = size
        last_map = convolve(x, activation="relu6")
        embedding = graph.add("GlobalAveragePool", last_map)
        classes = graph.convolution(embedding, bias=True)
        self._names = [embedding, classes, last_map]
        self._network = graph.network(self._names)
        self.dense, self.own = tensors[-2:], efficientnet_lite0.IMAGENET | efficientnet_lite0.RELATIVES
        self.hidden, self.has_maximum = "", False

    def __call__(self, pictures: np.ndarray) -> Values:
        """Return what it makes of RGB pictures [shape=(num_pictures, 224, 224, 3), uint8]."""
        return _each(self._network, self._names, pictures.transpose(0, 3, 1, 2), self.own)

    def last_map(self, picture: np.ndarray) -> np.ndarray:
        """Return the last feature map [shape=(1280, 7, 7)] of a picture [shape=(224, 224, 3), uint8]."""
        return _run(self._network, self._names, picture.transpose(2, 0, 1))[2][0].copy()


class AudioNetwork:
    """EfficientAT mn04: from log-mel spectrograms to 512 values and AudioSet's 527 tags."""

    def __init__(self, weights: Path | None = None, num_frames: int = AUDIOSET.num_frames) -> None:
        tensors = read_tensors(weights or efficientat_mn04.locate_weights())
        graph = Graph(iter(tensors), (1, 1, AUDIOSET.n_mels, num_frames))
        convolve = graph.convolution
        x, filters = convolve("input", stride=2, activation="hard_silu"), 8
        for _, expanded, size, is_weighted, activation, stride in efficientat_mn04.BLOCKS:
            shortcut = x
            x = convolve(x, activation=activation) if expanded != filters else x
            x = convolve(x, stride=stride, groups=expanded, activation=activation)
            if is_weighted:
                squeezed = convolve(graph.add("GlobalAveragePool", x), activation="relu", bias=True)
                x = graph.add("Mul", x, convolve(squeezed, activation="sigmoid", bias=True))
            x = convolve(x)
            x = graph.add("Add", shortcut, x) if stride == 1 and filters == size else x
            filters = size
        last_map = convolve(x, activation="hard_silu")
        pooled = graph.add("GlobalAveragePool", last_map)
        embedding = convolve(pooled, activation="hard_silu", bias=True)
        tags = convolve(embedding, bias=True)
        self._names = [embedding, tags, last_map]
        self._network = graph.network(self._names)
        self.dense, self.own = tensors[-4:], efficientat_mn04.TAGS
        self.hidden, self.has_maximum = "hard_silu", False

    def __call__(self, log_mel: np.ndarray) -> Values:
        """Return what it makes of spectrograms [shape=(num_examples, 128, num_frames), dB] of `kaldi_log_mel`."""
        return _each(self._network, self._names, _scaled(log_mel)[:, None], self.own)

    def last_map(self, log_mel: np.ndarray) -> np.ndarray:
        """Return the last feature map [shape=(384, 4, num_places)] of a spectrogram [shape=(128, num_frames), dB]."""
        return _run(self._network, self._names, _scaled(log_mel)[None])[2][0].copy()


def _scaled(log_mel: np.ndarray) -> np.ndarray:
    power = np.power(10, log_mel / 10, dtype=np.float32)
    return (np.log(power + np.float32(1e-5)) + 4.5) / 5


class OwnAudioNetwork:
    """The package's own: from log-mel spectrograms to 128 values, and how likely each instrument is by itself."""

    def __init__(self, tensors: Sequence[np.ndarray] | None = None) -> None:
        tensors = read_own_tensors() if tensors is None else tensors
        graph = Graph(iter(tensors), (1, 2, ears.NUM_BANDS, AUDIOSET.num_frames // 2))
        x, num_filters = "input", 2
        for filters, stride in ears.CONVOLUTIONS:
            y = graph.convolution(x, stride=stride, activation="relu", bias=True)
            x = graph.add("Add", x, y) if filters == num_filters else y
            num_filters = filters
        pooled = graph.add("Add", graph.add("GlobalAveragePool", x), graph.add("GlobalMaxPool", x))
        embedding = graph.convolution(pooled, activation="relu", bias=True)
        tags = graph.convolution(embedding, bias=True)
        self._names = [embedding, tags, x]
        self._network = graph.network(self._names)
        self.dense, self.own = tensors[-4:], {label: {number: label} for number, label in enumerate(LABELS)}
        self.hidden, self.has_maximum = "relu", True

    def __call__(self, log_mel: np.ndarray) -> Values:
        """Return what it makes of spectrograms [shape=(num_examples, 128, num_frames), dB] of `kaldi_log_mel`."""
        return _each(self._network, self._names, _levels(log_mel), self.own)

    def last_map(self, log_mel: np.ndarray) -> np.ndarray:
        """Return the last feature map [shape=(128, 4, num_places)] of a spectrogram [shape=(128, num_frames), dB]."""
        return _run(self._network, self._names, _levels(log_mel[None])[0])[2][0].copy()


def _levels(log_mel: np.ndarray) -> np.ndarray:
    return ears.relative_levels(ears.joined(log_mel)).transpose(0, 3, 1, 2)


def write_own(path: Path, tensors: Sequence[np.ndarray], head: Mapping[str, np.ndarray]) -> None:
    """Write the package's own audio network and its head; kernels in 8 bits, each filter with a scale of its own."""
    arrays = dict(head)
    for number, (kernel, shift) in enumerate(zip(tensors[::2], tensors[1::2], strict=True)):
        scale = np.abs(kernel).reshape(len(kernel), -1).max(axis=1) / 127 + 1e-12
        steps = np.round(kernel / scale.reshape(-1, *(1,) * (kernel.ndim - 1))).astype(np.int8)
        arrays |= {
            f"kernel{number}": steps,
            f"scale{number}": scale.astype(np.float32),
            f"shift{number}": shift.astype(np.float32),
        }
    files.write_arrays(path, **arrays)


def read_own_tensors(path: Path | None = None) -> list[np.ndarray]:
    """Return the kernels and shifts of `write_own`; a file that is missing or damaged is a `CorpusError`."""
    path = path or OWN
    stored = files.read_arrays(path)
    if not stored:
        raise CorpusError(
            f"{path}: missing or damaged; expected the audio network that comes with instrec, install it again"
        )
    found = []
    for number in range(len(ears.CONVOLUTIONS) + 2):
        steps, scale = stored[f"kernel{number}"], stored[f"scale{number}"]
        found += [steps * scale.reshape(-1, *(1,) * (steps.ndim - 1)), stored[f"shift{number}"]]
    return found


def _each(network: cv2.dnn.Net, names: list[str], examples: np.ndarray, own: Mapping[str, Mapping[int, str]]) -> Values:
    """Run a network on one example after another, which takes no longer than many at once and far less memory."""
    embeddings, instruments = [], []
    for example in examples:
        embedding, outputs = (one.reshape(-1).copy() for one in _run(network, names, example)[:2])
        embeddings.append(embedding)
        instruments.append([outputs[list(own[label])].max(initial=-np.inf) for label in LABELS])
    return Values(np.array(embeddings, np.float32), np.array(instruments, np.float32))


def _run(network: cv2.dnn.Net, names: list[str], example: np.ndarray) -> Sequence[np.ndarray]:
    network.setInput(np.ascontiguousarray(example[None], np.float32))
    return network.forward(names)
