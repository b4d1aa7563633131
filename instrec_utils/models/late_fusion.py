"""Late fusion: the learned features of k frames and of the sound, joined (3.3, Figure 1), and variants of it."""

from __future__ import annotations

import keras
from keras import layers, ops

from instrec_utils.models import FUSION_FORMS

ATTENTION_UNITS = 128
JOINED_UNITS = 256  # of the dense layer after attention: a tenth of what it sees


def build(
    num_classes: int,
    *,
    num_frames: int,
    frame_features: int,
    sound_features: int,
    dropout: float = 0.0,
    form: str = "text",
    modality_dropout: float = 0.0,
) -> keras.Model:
    """Build the model in one of three forms.

    - "text", the paper's 3.3: flatten, batch normalisation, two dense layers of 1024, softmax.
    - "code", the authors' code: flatten, batch normalisation, one dense layer of 1024, batch normalisation, softmax.
    - "attention", ours: the frames are pooled with learned weights that add up to 1, a gated attention after Ilse et
      al. (2018), and joined with the sound; one dense layer of 256. The order of the frames then makes no
      difference, and with 20 frames the model has a thirtieth of the weights.

    The paper's input is a matrix of shape (k + 1, n), which supposes that both networks end in n features; the code
    cuts each frame's 2048 features into two rows of 1024 for it. As the matrix is flattened, joining k frame vectors
    and a sound vector of other lengths is the same model on the same numbers, without cutting or padding any.

    Parameters
    ----------
    num_classes : number of labels, at least 2.
    num_frames : k.
    frame_features, sound_features : length of the two networks' embeddings.
    dropout : share dropped after each dense layer in training; the paper names none.
    form : one of `FUSION_FORMS`.
    modality_dropout : probability with which one modality of a training example is replaced by zeros; the paper
        does not.

    Returns
    -------
    keras.Model
        From ``frames`` [shape=(batch, k, frame_features)] and ``sound`` [shape=(batch, sound_features)] to class
        probabilities [shape=(batch, num_classes)]. A missing modality is an input of zeros. In the form "attention"
        the layer ``frame_weights`` gives the weights of the frames [shape=(batch, k, 1)].

    Raises
    ------
    ValueError
        The form is unknown, or `modality_dropout` is not a probability.

    References
    ----------
    M. Ilse, J. M. Tomczak, M. Welling: Attention-based deep multiple instance learning. ICML 2018.
    """
    if form not in FUSION_FORMS:
        raise ValueError(f"form: expected one of {', '.join(FUSION_FORMS)}, got {form!r}")
    inputs = {
        "frames": keras.Input((num_frames, frame_features), name="frames"),
        "sound": keras.Input((sound_features,), name="sound"),
    }
    frames, sound = inputs.values()
    if modality_dropout:
        frames, sound = ModalityDropout(modality_dropout, name="modality_dropout")([frames, sound])
    x = _attend(frames, sound) if form == "attention" else _flatten(frames, sound)
    units = {"text": (1024, 1024), "code": (1024,), "attention": (JOINED_UNITS,)}[form]
    for number, size in enumerate(units, start=1):
        x = layers.Dense(size, activation="relu", name=f"dense{number}")(x)
        x = layers.Dropout(dropout, name=f"dense{number}_dropout")(x)
    if form == "code":
        x = _normalize(x, "dense1_bn")
    outputs = layers.Dense(num_classes, activation="softmax", name="scores", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="late_fusion")


def _flatten(frames, sound):
    x = layers.Concatenate(name="joined")([layers.Flatten(name="flat_frames")(frames), sound])
    return _normalize(x, "joined_bn")


def _attend(frames, sound):
    # Not layer normalisation: it gives all vectors the same length, and a short one says that little was recognised.
    frames, sound = _normalize(frames, "frames_bn"), _normalize(sound, "sound_bn")
    contents = layers.Dense(ATTENTION_UNITS, activation="tanh", name="attention_tanh")(frames)
    gates = layers.Dense(ATTENTION_UNITS, activation="sigmoid", name="attention_gate")(frames)
    gated = layers.Multiply(name="attention_gated")([contents, gates])
    # A bias would add the same to every frame's score, which softmax takes away again.
    weights = layers.Dense(1, use_bias=False, name="attention_scores")(gated)
    weights = layers.Softmax(axis=1, name="frame_weights")(weights)
    pooled = layers.Dot(axes=1, name="weighted_frames")([weights, frames])
    return layers.Concatenate(name="joined")([layers.Flatten(name="pooled_frames")(pooled), sound])


def _normalize(x, name: str):
    return layers.BatchNormalization(momentum=0.9, name=name)(x)


@keras.saving.register_keras_serializable(package="instrec")
class ModalityDropout(layers.Layer):
    """In training, replaces one modality of some examples by zeros; never both of one example.

    Parameters
    ----------
    rate : probability that an example loses a modality, each of the two with half of it; 0 to 1.

    Raises
    ------
    ValueError
        The rate is not a probability.
    """

    def __init__(self, rate: float, **options) -> None:
        super().__init__(**options)
        if not 0 <= rate <= 1:
            raise ValueError(f"modality_dropout: expected a probability from 0 to 1, got {rate}")
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()
        self.built = True

    def call(self, inputs, training: bool = False):
        """Return both modalities, [shape=(batch, ...)] each, as a list."""
        if not training:
            return list(inputs)
        draws = keras.random.uniform((ops.shape(inputs[0])[0],), seed=self.seed_generator)
        kept = (draws >= self.rate / 2, (draws < self.rate / 2) | (draws >= self.rate))
        return [_zero_unless(keep, modality) for keep, modality in zip(kept, inputs, strict=True)]

    def get_config(self) -> dict:
        """Return what `__init__` needs."""
        return {**super().get_config(), "rate": self.rate}


def _zero_unless(keep, values):
    return ops.where(ops.reshape(keep, (-1,) + (1,) * (len(values.shape) - 1)), values, 0)
