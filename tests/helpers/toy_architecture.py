"""An audio network from outside the package: a module with an own input, and its package."""

import outside

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


def modules(*, n_mels=20, input_name="toy_centre"):
    return {"toy_network": MODULE.format(n_mels=n_mels, input_name=input_name)}


def entry_points(module="toy_network"):
    return {"instrec.architectures": {"toy": f"{module}:ARCHITECTURE"}}


def installed(folder, *, module="toy_network", **settings):
    """Install the package in a folder that this process and those that it starts look into."""
    return outside.installed(folder, "toy_network", modules(**settings), entry_points(module))


def forget():
    outside.forget("toy_network")
