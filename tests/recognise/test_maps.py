"""Where the networks looked: the part of each place in what is said of an instrument."""

import numpy as np
import pytest
from plain_efficientat import as_checkpoint, random_state
from tiny_heads import own_scores

from instrec_utils.config import AUDIOSET, LABELS
from instrec_utils.recognise.heads import OUTCOMES, Head, features
from instrec_utils.recognise.maps import Seen, class_map
from instrec_utils.recognise.networks import AudioNetwork, OwnAudioNetwork, Values, VisualNetwork

OWN = {label: {} for label in LABELS} | {"violin": {0: "fiddle", 3: "violin"}, "cello": {1: "cello"}}


def hard_swish(values):
    return values * np.maximum(0, np.minimum(6, values + 3)) / 6


class Tiny:
    """A network that is nothing but a last map and what follows on it."""

    own = OWN

    def __init__(self, generator, hidden, has_maximum):
        self.hidden, self.has_maximum = hidden, has_maximum
        sizes = [(6, 5), (4, 6)] if hidden else [(4, 5)]
        self.dense = [
            one for size in sizes for one in (generator.normal(size=(*size, 1, 1)), generator.normal(size=size[0]))
        ]

    def last_map(self, example):
        return example

    def values(self, last_map):
        *hidden, weights, shift = self.dense
        embedding = last_map.mean(axis=(1, 2)) + (last_map.max(axis=(1, 2)) if self.has_maximum else 0)
        if hidden:
            activation = hard_swish if self.hidden == "hard_silu" else lambda values: np.maximum(values, 0)
            embedding = activation(hidden[0][:, :, 0, 0] @ embedding + hidden[1])
        outputs = weights[:, :, 0, 0] @ embedding + shift
        own = own_scores(1, violin=max(outputs[0], outputs[3]), cello=outputs[1])
        return Values(embedding[None], own), outputs


def logit(network, head, label, last_map):
    values, outputs = network.values(last_map)
    if label not in head.labels:
        return outputs[1]
    place = head.labels.index(label)
    return (features(values) @ head.weights[place] + head.shift[place])[0]


@pytest.mark.parametrize(("hidden", "has_maximum"), [("hard_silu", False), ("", False), ("relu", True)])
@pytest.mark.parametrize("label", ["violin", "flute", "cello"])
def test_the_part_of_a_place_is_how_the_logit_changes_with_it(generator, hidden, has_maximum, label):
    labels = tuple(one for one in OUTCOMES if one != "cello")  # which only a class of the network's own knows
    network = Tiny(generator, hidden, has_maximum)
    size = 6 if hidden else 5
    head = Head(labels, generator.normal(size=(13, size + 13)), generator.normal(size=13), 1.0, np.full(13, 0.5))
    last_map = generator.normal(size=(5, 2, 3))
    found = class_map(network, head, last_map, label)
    assert isinstance(network, Seen)
    for place in np.ndindex(2, 3):
        step = np.zeros((2, 3))
        step[place] = 1e-3
        ends = [logit(network, head, label, last_map * (1 + sign * step)) for sign in (1, -1)]
        assert found[place] == pytest.approx((ends[0] - ends[1]) / 2e-3, abs=1e-3)


def test_the_last_map_is_what_the_visual_networks_embedding_is_the_mean_of(generator):
    network, picture = VisualNetwork(), generator.integers(0, 256, (224, 224, 3), dtype=np.uint8)
    last_map = network.last_map(picture)
    assert last_map.shape == (1280, 7, 7)
    np.testing.assert_allclose(last_map.mean(axis=(1, 2)), network(picture[None]).embeddings[0], atol=1e-4)


def test_the_last_map_is_what_the_audio_networks_embedding_comes_from(tmp_path, generator):
    state = random_state(generator)
    (tmp_path / "weights.pt").write_bytes(as_checkpoint(state))
    network = AudioNetwork(tmp_path / "weights.pt")
    log_mel = generator.uniform(-90, 20, (AUDIOSET.n_mels, 101)).astype(np.float32)
    last_map, values = network.last_map(log_mel), network(log_mel[None])
    weights, shift, tags, _ = network.dense
    embedding = hard_swish(weights @ last_map.mean(axis=(1, 2)) + shift)
    np.testing.assert_allclose(embedding, values.embeddings[0], atol=1e-3)
    assert tags.shape == (527, 512)


def test_the_last_map_is_what_the_own_networks_embedding_comes_from(generator):
    network = OwnAudioNetwork()
    log_mel = generator.uniform(-90, 20, (AUDIOSET.n_mels, AUDIOSET.num_frames)).astype(np.float32)
    last_map, values = network.last_map(log_mel), network(log_mel[None])
    weights, shift, *_ = network.dense
    pooled = last_map.mean(axis=(1, 2)) + last_map.max(axis=(1, 2))
    np.testing.assert_allclose(np.maximum(weights.squeeze() @ pooled + shift, 0), values.embeddings[0], atol=1e-3)
    assert isinstance(network, Seen)
