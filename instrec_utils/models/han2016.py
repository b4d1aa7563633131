"""Han, Kim and Lee (2016), as the paper uses it: eight small convolutions on one second of sound and a dense layer."""

from __future__ import annotations

import numpy as np

from instrec_utils.config import HAN2016, NUM_SEGMENTS, SEGMENT_SECONDS, Protocol
from instrec_utils.inputs import augmentation, spectrograms
from instrec_utils.models.architecture import Architecture, AudioInput, WarmUp
from instrec_utils.models.choi2016 import PAPER_PROTOCOL, scores_from_zero
from instrec_utils.models.lazy import keras, layers

SLOPE = 0.33  # of the leaky ReLU where its input is negative
SEGMENT_WINDOWS = int(SEGMENT_SECONDS)  # of a second each
NUM_WINDOWS = NUM_SEGMENTS * SEGMENT_WINDOWS
TRAINING_WINDOWS = 10  # drawn of a video in each epoch, so that an epoch costs a third


def build(num_classes: int) -> keras.Model:
    """Build the model; 1,447,148 parameters with 12 classes (Table 3: 1.5 M).

    It goes from log-mel spectrograms of 1 s [shape=(batch, 128, 43), float32, dB] to class probabilities
    [shape=(batch, num_classes)]; the layer ``embedding`` gives 1024 values. A video's scores are the mean over its 30
    windows.

    The count leaves no room for batch normalisation and asks for one value a filter before the dense layer: a
    global maximum, as in Han et al. Theirs are also the two zeros on each side of every convolution's input. They end
    in sigmoids, as several instruments may be right; here one label is, so the scores are a softmax.

    References
    ----------
    Y. Han, J. Kim, K. Lee: Deep convolutional neural networks for predominant instrument recognition in polyphonic
    music. IEEE/ACM Transactions on Audio, Speech, and Language Processing 25(1), 2017; arXiv 1605.09507.
    """
    return _network(num_classes, is_normalised=False)


def build_for_warm_up(num_classes: int) -> keras.Model:
    """Build the same model with a batch normalisation after each convolution.

    Without, a few hundred videos hardly move its loss from that of guessing in the epochs that the warm-up has.
    """
    return _network(num_classes, is_normalised=True)


def start_from_warm_up(model: keras.Model, warmed_up: keras.Model) -> None:
    """Give a model the weights of `build_for_warm_up`'s, its normalisations folded into the convolutions before them.

    Both then give the same scores: what a normalisation does with its moving statistics is a factor and a constant a
    filter.
    """
    for layer in (one for one in model.layers if one.weights):
        weights = warmed_up.get_layer(layer.name).get_weights()
        if "conv" in layer.name:
            kernel, bias = weights
            normalisation = warmed_up.get_layer(f"{layer.name}_bn")
            scale, offset, mean, variance = normalisation.get_weights()
            factor = scale / np.sqrt(variance + normalisation.epsilon)
            weights = [kernel * factor, (bias - mean) * factor + offset]
        layer.set_weights(weights)


def _network(num_classes: int, *, is_normalised: bool) -> keras.Model:
    from instrec_utils.models.keras_classes import MOMENTUM, FusedBatchNormalization

    inputs = keras.Input((HAN2016.n_mels, HAN2016.num_frames), name="log_mel")
    x = layers.Reshape((HAN2016.n_mels, HAN2016.num_frames, 1), name="channel")(inputs)
    # Without batch normalisation the values must be small and centred from the start: -100 to 30 dB become -1 to 1,
    # and the padding's zeros mean -35 dB, about the mean of real windows. From 0 to 1 it hardly learns.
    x = layers.Rescaling(1 / 65, offset=35 / 65, name="rescaling")(x)
    for block, filters in enumerate((32, 64, 128, 256), start=1):
        for number in (1, 2):
            name = f"block{block}_conv{number}"
            x = layers.ZeroPadding2D(2, name=f"{name}_padding")(x)
            x = layers.Conv2D(filters, 3, name=name)(x)
            if is_normalised:
                x = FusedBatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)
            x = layers.LeakyReLU(SLOPE, name=f"{name}_relu")(x)
        last = layers.GlobalMaxPooling2D(name="global_pool")
        x = last(x) if block == 4 else layers.MaxPooling2D(3, name=f"block{block}_pool")(x)
        x = layers.Dropout(0.25, name=f"block{block}_dropout")(x)
    x = layers.Dense(1024, name="dense")(x)
    x = layers.LeakyReLU(SLOPE, name="embedding")(x)
    x = layers.Dropout(0.5, name="embedding_dropout")(x)
    return keras.Model(inputs, scores_from_zero(num_classes)(x), name="han2016")


def draw_window(windows: np.ndarray, generator: np.random.Generator, augment: bool) -> np.ndarray:
    """Return a random window [shape=(128, 43)] of a video as an example of training, varied if asked to."""
    window = random_window(windows, generator)
    return augmentation.vary(window, generator) if augment else window


def random_window(windows: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return a random one of a video's windows [shape=(128, 43)]."""
    return windows[generator.integers(len(windows))]


def middle_window(windows: np.ndarray, number: int) -> np.ndarray:
    """Return the middle window [shape=(128, 43)] of one of the ten segments; number from 0 to 9."""
    return windows[SEGMENT_WINDOWS * number + 1]


ARCHITECTURE = Architecture(
    name="han2016",
    title="Han 2016",
    kind="audio",
    reference="han2016",
    build=build,
    protocols={"paper": PAPER_PROTOCOL, "quick": Protocol("adam", 1e-4, batch_size=64, max_epochs=3, patience=10)},
    inputs={
        "uc": AudioInput(
            "han2016",
            HAN2016,
            shape=(NUM_WINDOWS, HAN2016.n_mels, HAN2016.num_frames),
            compute=spectrograms.han_input,
            stretches=spectrograms.segment_stretches,
            draw=draw_window,
            segment=middle_window,
            draw_segment=random_window,
            num_training_examples=TRAINING_WINDOWS,
        )
    },
    warm_up=WarmUp(build_for_warm_up, start_from_warm_up),
    quick_in_bfloat16=True,
)
