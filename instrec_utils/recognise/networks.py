"""The two pretrained networks as OpenCV runs them: EfficientNet-Lite0 for pictures, EfficientAT mn04 for sound."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from instrec_utils.config import AUDIOSET, CROP_SIZE, LABELS
from instrec_utils.models import efficientat_mn04, efficientnet_lite0, torch_weights
from instrec_utils.recognise.graph import Graph


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
        embedding = graph.add("GlobalAveragePool", convolve(x, activation="relu6"))
        classes = graph.convolution(embedding, bias=True)
        self._network, self._names = graph.network([embedding, classes]), [embedding, classes]
        self._own = efficientnet_lite0.IMAGENET | efficientnet_lite0.RELATIVES

    def __call__(self, pictures: np.ndarray) -> Values:
        """Return what it makes of RGB pictures [shape=(num_pictures, 224, 224, 3), uint8]."""
        return _each(self._network, self._names, pictures.transpose(0, 3, 1, 2), self._own)


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
        pooled = graph.add("GlobalAveragePool", convolve(x, activation="hard_silu"))
        embedding = convolve(pooled, activation="hard_silu", bias=True)
        tags = convolve(embedding, bias=True)
        self._network, self._names = graph.network([embedding, tags]), [embedding, tags]

    def __call__(self, log_mel: np.ndarray) -> Values:
        """Return what it makes of spectrograms [shape=(num_examples, 128, num_frames), dB] of `kaldi_log_mel`."""
        power = np.power(10, log_mel / 10, dtype=np.float32)
        examples = (np.log(power + np.float32(1e-5)) + 4.5)[:, None] / 5
        return _each(self._network, self._names, examples, efficientat_mn04.TAGS)


def _each(network: cv2.dnn.Net, names: list[str], examples: np.ndarray, own: Mapping[str, Mapping[int, str]]) -> Values:
    """Run a network on one example after another, which takes no longer than many at once and far less memory."""
    embeddings, instruments = [], []
    for example in examples:
        network.setInput(np.ascontiguousarray(example[None], np.float32))
        embedding, outputs = (one.reshape(-1).copy() for one in network.forward(names))
        embeddings.append(embedding)
        instruments.append([outputs[list(own[label])].max(initial=-np.inf) for label in LABELS])
    return Values(np.array(embeddings, np.float32), np.array(instruments, np.float32))
