"""EfficientAT mn04 in plain numpy, and checkpoints of it with random weights, as PyTorch writes them."""

import numpy as np
from torch_files import tensor, zipped

# Howard et al., Searching for MobileNetV3, Table 1: kernel, expanded, filters, weighted, activation, stride.
MOBILENET_V3_LARGE = (
    *((3, 16, 16, False, "relu", 1), (3, 64, 24, False, "relu", 2), (3, 72, 24, False, "relu", 1)),
    *((5, 72, 40, True, "relu", 2), (5, 120, 40, True, "relu", 1), (5, 120, 40, True, "relu", 1)),
    *((3, 240, 80, False, "hard", 2), (3, 200, 80, False, "hard", 1), (3, 184, 80, False, "hard", 1)),
    *((3, 184, 80, False, "hard", 1), (3, 480, 112, True, "hard", 1), (3, 672, 112, True, "hard", 1)),
    *((5, 672, 160, True, "hard", 2), (5, 960, 160, True, "hard", 1), (5, 960, 160, True, "hard", 1)),
)


def to_eights(size):
    """The multiple of 8 nearest to a number of filters, the next one where that is more than a tenth too few."""
    nearest = max(8, int(size + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * size else nearest


BLOCKS = [
    (kernel, to_eights(0.4 * expanded), to_eights(0.4 * filters), *rest)
    for kernel, expanded, filters, *rest in MOBILENET_V3_LARGE
]


def random_state(generator):
    """A checkpoint's tensors, named and ordered as PyTorch has them."""
    state = {}

    def convolution(name, before, after, kernel, groups=1):
        state[f"{name}.0.weight"] = generator.normal(size=(after, before // groups, kernel, kernel))
        state[f"{name}.0.weight"] /= kernel * np.sqrt(before / groups)
        state[f"{name}.1.weight"] = generator.uniform(0.5, 1.5, after)
        state[f"{name}.1.bias"] = generator.normal(size=after)
        state[f"{name}.1.running_mean"] = generator.normal(size=after)
        state[f"{name}.1.running_var"] = generator.uniform(0.5, 1.5, after)
        state[f"{name}.1.num_batches_tracked"] = np.array(7)

    def dense(name, before, after):
        state[f"{name}.weight"] = generator.normal(size=(after, before)) / np.sqrt(before)
        state[f"{name}.bias"] = generator.normal(size=after)

    convolution("features.0", 1, 8, 3)
    before = 8
    for number, (kernel, expanded, filters, weighted, _, _) in enumerate(BLOCKS, start=1):
        parts = iter(f"features.{number}.block.{place}" for place in range(4))
        if expanded != before:
            convolution(next(parts), before, expanded, 1)
        convolution(next(parts), expanded, expanded, kernel, groups=expanded)
        if weighted:
            name = f"{next(parts)}.conc_se_layers.0"
            dense(f"{name}.fc1", expanded, to_eights(expanded // 4))
            dense(f"{name}.fc2", to_eights(expanded // 4), expanded)
        convolution(next(parts), expanded, filters, 1)
        before = filters
    convolution("features.16", before, 384, 1)
    dense("classifier.2", 384, 512)
    dense("classifier.5", 512, 527)
    return {name: values.astype(np.float32 if values.ndim else np.int64) for name, values in state.items()}


def hard(x):
    return x * np.clip(x + 3, 0, 6) / 6


def relu(x):
    return np.maximum(x, 0)


def reference(state, decibels):
    """The network in plain numpy [spectrogram shape=(128, num_frames)], on PyTorch's tensors."""

    def convolution(x, name, activation=lambda x: x, stride=1):
        kernel = state[f"{name}.0.weight"].astype(float)
        pad = kernel.shape[-1] // 2
        padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(1, 2))[:, ::stride, ::stride]
        if kernel.shape[1] == len(x):
            x = np.einsum("ihwkl,oikl->ohw", windows, kernel)
        else:
            x = np.einsum("ohwkl,okl->ohw", windows, kernel[:, 0])
        scale, offset, mean, variance = (
            state[f"{name}.1.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return activation((x - mean) / np.sqrt(variance + 1e-3) * scale + offset)

    def dense(x, name):
        return state[f"{name}.weight"].astype(float) @ x + state[f"{name}.bias"]

    x = (np.log(10 ** (decibels[None].astype(float) / 10) + 1e-5) + 4.5) / 5
    x = convolution(x, "features.0", hard, 2)
    for number, (_, expanded, filters, weighted, activation, stride) in enumerate(BLOCKS, start=1):
        shortcut, activation = x, {"relu": relu, "hard": hard}[activation]
        parts = iter(f"features.{number}.block.{place}" for place in range(4))
        if expanded != len(x):
            x = convolution(x, next(parts), activation)
        x = convolution(x, next(parts), activation, stride)
        if weighted:
            name = f"{next(parts)}.conc_se_layers.0"
            squeezed = relu(dense(x.mean(axis=(1, 2)), f"{name}.fc1"))
            x = x * (1 / (1 + np.exp(-dense(squeezed, f"{name}.fc2"))))[:, None, None]
        x = convolution(x, next(parts))
        x = x + shortcut if stride == 1 and filters == len(shortcut) else x
    x = convolution(x, "features.16", hard).mean(axis=(1, 2))
    embedding = hard(dense(x, "classifier.2"))
    return embedding, 1 / (1 + np.exp(-dense(embedding, "classifier.5")))


def as_checkpoint(state):
    """The bytes of PyTorch's file."""
    entries, storages = {}, {}
    for number, (name, values) in enumerate(state.items()):
        kind = "LongStorage" if values.dtype == np.int64 else "FloatStorage"
        strides = tuple(step // values.itemsize for step in values.strides)
        entries[name] = tensor(kind, str(number), values.size, 0, values.shape, strides)
        storages[str(number)] = values
    return zipped(entries, storages)
