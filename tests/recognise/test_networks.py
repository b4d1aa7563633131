"""The networks that OpenCV runs give what Keras' give."""

import numpy as np
import pytest
from plain_efficientat import as_checkpoint, random_state, reference

from instrec_utils.config import AUDIOSET
from instrec_utils.models import efficientnet_lite0
from instrec_utils.models.efficientat_mn04 import TAGS
from instrec_utils.recognise.graph import Graph
from instrec_utils.recognise.networks import AudioNetwork, VisualNetwork


@pytest.mark.slow
def test_the_visual_network_is_the_packages(generator):
    pictures = generator.integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
    values = VisualNetwork()(pictures)
    expected = efficientnet_lite0.build_backbone().predict_on_batch(pictures.astype(np.float32))
    np.testing.assert_allclose(values.embeddings, expected, atol=1e-3)
    assert values.instruments.shape == (3, 13)
    assert np.isfinite(values.instruments).all()  # the clarinet has the oboe's, as ImageNet has none


def test_the_audio_network_is_that_of_its_paper(tmp_path, generator):
    state = random_state(generator)
    (tmp_path / "weights.pt").write_bytes(as_checkpoint(state))
    network = AudioNetwork(tmp_path / "weights.pt")
    for num_frames in (101, 57):  # windows may have any length
        log_mel = generator.uniform(-90, 20, (2, AUDIOSET.n_mels, num_frames)).astype(np.float32)
        values = network(log_mel)
        embedding, tags = reference(state, log_mel[1])
        np.testing.assert_allclose(values.embeddings[1], embedding, atol=1e-3)
        highest = [tags[list(numbers)].max() for numbers in TAGS.values()]  # a class scores as its highest tag
        np.testing.assert_allclose(1 / (1 + np.exp(-values.instruments[1])), highest, atol=1e-3)


def test_a_graph_refuses_another_networks_checkpoint():
    tensors = [np.ones((4, 1, 3, 3), np.float32), np.zeros(4, np.float32), np.zeros(4, np.float32)]
    graph = Graph(iter(tensors), (1, 1, 8, 8))
    output = graph.convolution("input", bias=True)
    with pytest.raises(ValueError, match="expected a checkpoint of this network, got one with more tensors"):
        graph.network([output])


def test_a_graph_computes_what_was_written(generator):
    kernel, shift = generator.normal(size=(2, 1, 3, 3)).astype(np.float32), np.array([0.5, -0.5], np.float32)
    graph = Graph(iter([kernel, shift]), (1, 1, 5, 6))
    network = graph.network([graph.convolution("input", bias=True, activation="relu")])
    picture = generator.normal(size=(5, 6)).astype(np.float32)
    network.setInput(picture[None, None])
    padded = np.pad(picture, 1)
    expected = [
        [[(padded[y : y + 3, x : x + 3] * kernel[filter, 0]).sum() + shift[filter] for x in range(6)] for y in range(5)]
        for filter in range(2)
    ]
    np.testing.assert_allclose(network.forward()[0], np.maximum(0, expected), atol=1e-5)
