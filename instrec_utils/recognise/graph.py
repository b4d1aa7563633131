"""Write a network as ONNX, with what two small convolutional networks need, for OpenCV to run.

TensorFlow takes five seconds of processor time to be imported, OpenCV a fifth of one. What is written is Protocol
Buffers' plain encoding: fields of a number, a kind and a value, messages inside messages.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import cv2
import numpy as np

OPSET = 13
IR_VERSION = 8
NORMALISATION_EPSILON = 1e-3
_FLOAT, _INT, _INTS = 1, 2, 7  # kinds of attributes; the first is also the type of tensors


class Graph:
    """A network that grows by one operation at a time; values are named by the operation that gives them.

    Parameters
    ----------
    tensors : iterator of np.ndarray
        A checkpoint's in the order of its layers, as PyTorch has them: of a convolution its kernel, and of the
        normalisation after it scale, shift, mean and variance; of a dense layer its weights and shift.
    shape : tuple of int [of the input, which is called "input": batch, channels, height, width]
    """

    def __init__(self, tensors: Iterator[np.ndarray], shape: tuple[int, ...]) -> None:
        self._tensors, self._shape = tensors, shape
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []

    def convolution(
        self, x: str, *, stride: int = 1, groups: int = 1, activation: str = "", same: bool = False, bias: bool = False
    ) -> str:
        """Add a convolution of the next kernel, with its normalisation folded in, or with a `bias` instead of one.

        It is padded on both sides alike, or with `same` as TensorFlow pads even sizes: less before than after where the
        stride is 2. ONNX' own name for that gives another result in OpenCV 5.0.
        """
        kernel = next(self._tensors)
        if bias:
            kernel, shift = kernel.reshape(*kernel.shape, *(1,) * (4 - kernel.ndim)), next(self._tensors)
        else:
            scale, shift, mean, variance = (next(self._tensors) for _ in range(4))
            scale = scale / np.sqrt(variance + NORMALISATION_EPSILON)
            kernel, shift = kernel * scale[:, None, None, None], shift - mean * scale
        size = kernel.shape[2]
        first, last = ((size - stride) // 2, (size - stride + 1) // 2) if same else (size // 2, size // 2)
        inputs, pads = [x, self._constant(kernel), self._constant(shift)], [first, first, last, last]
        y = self.add("Conv", *inputs, strides=[stride] * 2, kernel_shape=[size] * 2, group=groups, pads=pads)
        return self.activated(y, activation)

    def activated(self, x: str, activation: str) -> str:
        """Add an activation: relu, relu6, sigmoid, hard_silu, or none."""
        if activation == "relu6":
            return self.add("Clip", x, self._constant(np.zeros(())), self._constant(np.full((), 6)))
        if activation == "hard_silu":
            return self.add("Mul", x, self.add("HardSigmoid", x, alpha=1 / 6, beta=0.5))
        return self.add({"relu": "Relu", "sigmoid": "Sigmoid"}[activation], x) if activation else x

    def scaled(self, x: str, factor: float, offset: float) -> str:
        """Add a multiplication and an addition of one number each."""
        return self.add(
            "Add",
            self.add("Mul", x, self._constant(np.full((1, 1, 1, 1), factor, np.float32))),
            self._constant(np.full((1, 1, 1, 1), offset, np.float32)),
        )

    def add(self, operation: str, *inputs: str, **attributes: float | Sequence[int]) -> str:
        """Add an operation of ONNX and return the name of what it gives."""
        name = f"{operation}_{len(self._nodes)}"
        parts = [_text(1, one) for one in inputs] + [_text(2, name), _text(3, name), _text(4, operation)]
        parts += [_message(5, _attribute(key, value)) for key, value in attributes.items()]
        self._nodes.append(_message(1, b"".join(parts)))
        return name

    def network(self, outputs: Sequence[str]) -> cv2.dnn.Net:
        """Return the network, ready to run; tensors that are left over are a ValueError."""
        if next(self._tensors, None) is not None:
            raise ValueError("expected a checkpoint of this network, got one with more tensors")
        content = [*self._nodes, _text(2, "network"), *self._constants, _message(11, _described("input", self._shape))]
        content += [_message(12, _described(name, ())) for name in outputs]
        opset = _message(8, _text(1, "") + _number(2, OPSET))
        model = _number(1, IR_VERSION) + opset + _message(7, b"".join(content))
        return cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))

    def _constant(self, values: np.ndarray) -> str:
        name = f"constant_{len(self._constants)}"
        sizes = b"".join(_number(1, size) for size in np.shape(values))
        content = np.asarray(values, "<f4").tobytes()
        self._constants.append(_message(5, sizes + _number(2, _FLOAT) + _text(8, name) + _message(9, content)))
        return name


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _message(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _attribute(name: str, value: float | Sequence[int]) -> bytes:
    if isinstance(value, float):
        return _text(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, _FLOAT)
    if isinstance(value, int):
        return _text(1, name) + _number(3, value) + _number(20, _INT)
    return _text(1, name) + b"".join(_number(8, one) for one in value) + _number(20, _INTS)


def _described(name: str, shape: tuple[int, ...]) -> bytes:
    sizes = b"".join(_message(1, _number(1, size)) for size in shape)
    return _text(1, name) + _message(2, _message(1, _number(1, _FLOAT) + _message(2, sizes)))
