"""EfficientAT mn04 against the network's paper, an implementation in plain numpy, and numbers measured elsewhere."""

import os

import keras
import numpy as np
import pytest
from torch_files import tensor, zipped

from instrec_utils import models
from instrec_utils.config import AUDIOSET, LABELS
from instrec_utils.errors import CorpusError
from instrec_utils.inputs.kaldi_spectrograms import kaldi_log_mel
from instrec_utils.models import efficientat_mn04

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


def of_both(tagger):
    return keras.Model(tagger.input, [tagger.get_layer("embedding").output, tagger.output])


def test_a_checkpoint_gives_what_plain_numpy_gives(tmp_path, monkeypatch, generator):
    state = random_state(generator)
    path = tmp_path / "mn04.pt"
    path.write_bytes(as_checkpoint(state))
    monkeypatch.setattr(efficientat_mn04, "locate_weights", lambda: path)
    spectrograms = generator.uniform(-100, 30, (2, 128, 45)).astype(np.float32)
    found = of_both(efficientat_mn04.build_tagger()).predict_on_batch(spectrograms)
    expected = [reference(state, one) for one in spectrograms]
    for ours, plain in zip(found, zip(*expected, strict=True), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-3, atol=1e-3)
    assert np.std(found[0]) > 0.1


def test_it_has_the_published_size():
    tagger = efficientat_mn04.build_tagger(None)
    state = random_state(np.random.default_rng(0))
    assert tagger.count_params() == sum(values.size for values in state.values() if values.ndim)
    assert sum(weight.numpy().size for weight in tagger.trainable_weights) == 983_599  # as EfficientAT has it: 0.98 M
    model = models.build("efficientat_mn04", 12, weights=None)
    assert model.count_params() == tagger.count_params() - (512 * 527 + 527) + (512 * 12 + 12)
    assert model.get_layer("embedding").output.shape == (None, 512)
    assert model.input_shape == (None, 128, 301)


def test_ten_segments_of_three_seconds():
    """Each is a spectrogram of its own, spread over the recording, and padded with silence where that is short."""
    entry = models.architecture_named("efficientat_mn04").inputs["uc"]
    samples = np.random.default_rng(0).normal(size=32_000 * 47).astype(np.float32)
    spectrograms = entry.compute(samples)
    assert spectrograms.shape == entry.shape == (10, 128, 301)
    assert entry.num_examples == 10
    for number, begin in ((0, 0), (9, 44 * 32_000)):
        np.testing.assert_array_equal(spectrograms[number], kaldi_log_mel(samples[begin : begin + 96_000], AUDIOSET))
    short = entry.compute(samples[:32_000])
    assert (short[:, :, 110:] < -99.9).all()
    assert (entry.compute(samples[:0]) < -99.9).all()


def test_other_weights_are_refused():
    with pytest.raises(ValueError, match="weights: expected 'audioset' or None, got 'imagenet'"):
        models.build("efficientat_mn04", 5, weights="imagenet")


def test_a_copy_that_is_another_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTREC_WEIGHTS", str(tmp_path))
    with pytest.raises(CorpusError, match=r"efficientat_mn04_as_mAP_432\.pt: missing; INSTREC_WEIGHTS must name"):
        efficientat_mn04.build_tagger()
    (tmp_path / efficientat_mn04.FILE).write_bytes(b"other")
    with pytest.raises(CorpusError, match="the sha256 of the published file is 899a8c6"):
        efficientat_mn04.build_tagger()


def test_a_class_scores_as_its_highest_tag():
    assert tuple(efficientat_mn04.TAGS) == LABELS
    tags = np.zeros((2, 527))
    tags[0, [140, 141, 153]] = 0.2, 0.7, 0.3
    tags[1, 209] = 1
    scores = efficientat_mn04.tag_scores(tags)
    assert scores.shape == (2, 13)
    assert scores[0, LABELS.index("guitar")] == 0.7
    assert scores[0, LABELS.index("piano")] == 0.3
    assert scores[1].argmax() == LABELS.index("accordion")
    assert scores.sum() == 2


@pytest.mark.skipif("INSTREC_WEIGHTS" not in os.environ, reason="INSTREC_WEIGHTS names no local copy")
def test_the_published_weights_give_the_numbers_measured_elsewhere():
    time = np.arange(20 * 32_000) / 32_000
    samples = 0.3 * np.sin(2 * np.pi * 440 * time) * (1 + 0.3 * np.sin(2 * np.pi * 5 * time))
    spectrogram = kaldi_log_mel(samples.astype(np.float32), AUDIOSET)
    (embedding,), (tags,) = of_both(efficientat_mn04.build_tagger()).predict_on_batch(spectrogram[None])
    assert set(np.argsort(-tags)[:3]) == {501, 393, 394}  # sine wave, dial tone, busy signal
    np.testing.assert_allclose(tags[[501, 393, 394]], [0.73, 0.02, 0.02], atol=0.005)
    np.testing.assert_allclose(embedding[:5], [0, -0.374, 0, 0.597, -0.200], atol=0.001)
    assert np.abs(embedding).sum() == pytest.approx(192.65, abs=0.05)
