"""An audio network from outside the package: written as a package of its own, with an entry point and an own input."""

import contextlib
import importlib
import os
import sys

import pytest

from instrec_utils.models.architecture import _entry_points, _loaded

MODULE = """
import keras
import numpy as np

from instrec_utils.config import LogMel, Protocol
from instrec_utils.inputs import augmentation, spectrograms
from instrec_utils.models.architecture import Architecture, AudioInput

SETTINGS = LogMel(sample_rate=8_000, n_fft=256, hop_length=128, n_mels={n_mels}, num_frames=63)


def compute(samples):
    return spectrograms.log_mel(spectrograms.central_crop(samples, SETTINGS.num_samples), SETTINGS)


def stretches(seconds):
    return [(seconds / 2 - 0.5, seconds / 2 + 0.5)]


def draw(spectrogram, generator, augment):
    return augmentation.vary(spectrogram, generator) if augment else spectrogram


def segment(spectrogram, number):
    return spectrogram[:, 6 * number : 6 * number + 6]


def draw_segment(spectrogram, generator):
    return augmentation.random_part(spectrogram, generator, num_frames=6)


def build(num_classes):
    inputs = keras.Input((SETTINGS.n_mels, SETTINGS.num_frames))
    x = keras.layers.Rescaling(0.02, offset=1)(keras.layers.Permute((2, 1))(inputs))
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(8, activation="relu", name="embedding")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax", name="scores")(x), name="toy")


ARCHITECTURE = Architecture(
    name="toy",
    title="Toy network",
    kind="audio",
    reference="toy2026",
    build=build,
    protocols={{
        "paper": Protocol("adam", 1e-3, batch_size=4, max_epochs=9, patience=9),
        "quick": Protocol("adam", 5e-2, batch_size=4, max_epochs=3, patience=3),
    }},
    inputs={{
        "centre": AudioInput(
            "{input_name}",
            SETTINGS,
            shape=(SETTINGS.n_mels, SETTINGS.num_frames),
            compute=compute,
            stretches=stretches,
            draw=draw,
            segment=segment,
            draw_segment=draw_segment,
        )
    }},
)
"""
ENTRY_POINTS = "[instrec.architectures]\ntoy = {module}:ARCHITECTURE\n"


def forget():
    """Let the entry points be looked for anew."""
    _entry_points.cache_clear()
    _loaded.cache_clear()
    importlib.invalidate_caches()
    sys.modules.pop("toy_network", None)


@contextlib.contextmanager
def installed(folder, *, n_mels=20, input_name="toy_centre", module="toy_network"):
    """Install the package in a folder that this process and those that it starts look into."""
    information = folder / "toy_network-1.0.dist-info"
    information.mkdir(parents=True, exist_ok=True)
    (folder / "toy_network.py").write_text(MODULE.format(n_mels=n_mels, input_name=input_name))
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-network\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS.format(module=module))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        patch.setattr(sys, "dont_write_bytecode", True)  # it may be written again within the same second
        forget()
        try:
            yield
        finally:
            forget()
