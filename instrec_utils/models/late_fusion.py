"""Late fusion: the learned features of k frames and of the audio, joined (3.3, Figure 1), and variants of it."""

from __future__ import annotations

from instrec_utils.config import Protocol
from instrec_utils.models.architecture import Architecture
from instrec_utils.models.lazy import keras, layers

FORMS = ("text", "code", "attention", "weighted")

ATTENTION_UNITS = 128


def build(
    num_classes: int,
    *,
    num_frames: int = 0,
    frame_features: int = 0,
    audio_features: int = 0,
    dropout: float = 0.0,
    form: str = "text",
    modality_dropout: float = 0.0,
    temperatures: tuple[float, float] = (1.0, 1.0),
) -> keras.Model:
    """Build the model in one of `FORMS`, else it is a ValueError.

    - "text", the paper's 3.3: flatten, batch normalisation, two dense layers of 1024, softmax.
    - "code", the authors' code: flatten, batch normalisation, one dense layer of 1024, batch normalisation, softmax.
    - "attention", ours: the frames are pooled with learned weights that add up to 1, a gated attention after Ilse et
      al. (2018), and joined with the audio; one dense layer of 256. The order of the frames then makes no
      difference, and with 20 frames the model has a thirtieth of the weights. The layer ``frame_weights`` gives the
      weights of the frames [shape=(batch, k, 1)].
    - "weighted", ours: joins no features but what both networks say, with three weights; see `WeightedScores`. It goes
      from ``audio_scores`` and ``visual_scores`` [shape=(batch, num_classes)], zeros for a missing one, and needs no
      sizes but the temperatures of the two networks. Its weights are solved for.

    The others go from ``frames`` [shape=(batch, k, frame_features)] and ``audio`` [shape=(batch, audio_features)],
    zeros for a missing one; all to class probabilities [shape=(batch, num_classes)]. The paper's input is a matrix of
    shape (k + 1, n), for which the code cuts each frame's 2048 features into two rows of 1024. As that matrix is
    flattened, joining vectors of other lengths is the same model on the same numbers, without cutting or padding any.

    Parameters
    ----------
    num_classes, num_frames, frame_features, audio_features : int [>= 1]
    dropout : float [0 to 1, share dropped after each dense layer in training; the paper names none]
    form : str
    modality_dropout : float [0 to 1]
        Probability with which one modality of a training example is replaced by zeros; the paper does not.
    temperatures : tuple of float [audio, visual]

    References
    ----------
    M. Ilse, J. M. Tomczak, M. Welling: Attention-based deep multiple instance learning. ICML 2018.
    """
    from instrec_utils.models.keras_classes import ModalityDropout, WeightedScores

    if form not in FORMS:
        raise ValueError(f"form: expected one of {', '.join(FORMS)}, got {form!r}")
    if form != "weighted" and min(num_frames, frame_features, audio_features) < 1:
        sizes = f"{num_frames}, {frame_features} and {audio_features}"
        raise ValueError(f"num_frames, frame_features, audio_features: expected at least 1, got {sizes}")
    shapes: dict[str, tuple[int, ...]] = {"frames": (num_frames, frame_features), "audio": (audio_features,)}
    if form == "weighted":
        shapes = {"visual_scores": (num_classes,), "audio_scores": (num_classes,)}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    frames, audio = inputs.values()
    if modality_dropout:
        frames, audio = ModalityDropout(modality_dropout, name="modality_dropout")([frames, audio])
    if form == "weighted":
        outputs = WeightedScores(temperatures, name="scores", dtype="float32")([audio, frames])
        return keras.Model(inputs, outputs, name="late_fusion")
    if form == "attention":
        x = _attend(frames, audio)
    else:
        x = layers.Concatenate(name="joined")([layers.Flatten(name="flat_frames")(frames), audio])
        x = _normalize(x, "joined_bn")
    # After attention, a tenth of what the layer sees.
    units = {"text": (1024, 1024), "code": (1024,), "attention": (256,)}[form]
    for number, size in enumerate(units, start=1):
        x = layers.Dense(size, activation="relu", name=f"dense{number}")(x)
        x = layers.Dropout(dropout, name=f"dense{number}_dropout")(x)
    if form == "code":
        x = _normalize(x, "dense1_bn")
    outputs = layers.Dense(num_classes, activation="softmax", name="scores", dtype="float32")(x)
    return keras.Model(inputs, outputs, name="late_fusion")


def _attend(frames: keras.KerasTensor, audio: keras.KerasTensor) -> keras.KerasTensor:
    # Not layer normalisation: it gives all vectors the same length, and a short one says that little was recognised.
    frames, audio = _normalize(frames, "frames_bn"), _normalize(audio, "audio_bn")
    contents = layers.Dense(ATTENTION_UNITS, activation="tanh", name="attention_tanh")(frames)
    gates = layers.Dense(ATTENTION_UNITS, activation="sigmoid", name="attention_gate")(frames)
    gated = layers.Multiply(name="attention_gated")([contents, gates])
    # A bias would add the same to every frame's score, which softmax takes away again.
    weights = layers.Dense(1, use_bias=False, name="attention_scores")(gated)
    weights = layers.Softmax(axis=1, name="frame_weights")(weights)
    pooled = layers.Dot(axes=1, name="weighted_frames")([weights, frames])
    return layers.Concatenate(name="joined")([layers.Flatten(name="pooled_frames")(pooled), audio])


def _normalize(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.BatchNormalization(momentum=0.9, name=name)(x)


ARCHITECTURE = Architecture(
    name="late_fusion",
    title="Late fusion",
    kind="fusion",
    reference="slizovskaia2017",
    build=build,
    protocols={
        "paper": Protocol("adam", 1e-3, batch_size=16, max_epochs=200, patience=10),
        "quick": Protocol("adam", 1e-4, batch_size=16, max_epochs=40, patience=8),
    },
    forms=FORMS,
    # The loss is convex in its three weights.
    form_protocols={"weighted": Protocol("newton", 0.0, batch_size=0, max_epochs=0, patience=0)},
)
