"""The paper's late fusion: the learned features of k frames and of the sound, joined (3.3, Figure 1)."""

from __future__ import annotations

import keras
from keras import layers


def build(
    num_classes: int, *, num_frames: int, frame_features: int, sound_features: int, dropout: float = 0.0
) -> keras.Model:
    """Build the model: flatten, batch normalisation, two dense layers of 1024, softmax.

    The paper's input is a matrix of shape (k + 1, n), which supposes that both networks end in n features.
    As the matrix is flattened first, joining k frame vectors and a sound vector of other lengths is the same
    model, without cutting or padding either.

    Parameters
    ----------
    num_classes : number of labels, at least 2.
    num_frames : k.
    frame_features, sound_features : length of the two networks' embeddings.
    dropout : share dropped after each dense layer in training; the paper names none.

    Returns
    -------
    keras.Model
        From ``frames`` [shape=(batch, k, frame_features)] and ``sound`` [shape=(batch, sound_features)] to class
        probabilities [shape=(batch, num_classes)]. A missing modality is an input of zeros.
    """
    frames = keras.Input((num_frames, frame_features), name="frames")
    sound = keras.Input((sound_features,), name="sound")
    x = layers.Concatenate(name="joined")([layers.Flatten(name="flat_frames")(frames), sound])
    x = layers.BatchNormalization(momentum=0.9, name="joined_bn")(x)
    for number in (1, 2):
        x = layers.Dense(1024, activation="relu", name=f"dense{number}")(x)
        x = layers.Dropout(dropout, name=f"dense{number}_dropout")(x)
    outputs = layers.Dense(num_classes, activation="softmax", name="scores", dtype="float32")(x)
    return keras.Model({"frames": frames, "sound": sound}, outputs, name="late_fusion")
