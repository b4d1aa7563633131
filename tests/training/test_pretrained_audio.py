"""An audio network with pretrained weights: the profile "quick" trains classes on what it gives, "paper" all of it."""

from dataclasses import replace

import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import tiny_features

from instrec_utils import models, paths
from instrec_utils.config import Protocol
from instrec_utils.corpora import Corpus
from instrec_utils.features import embeddings, store
from instrec_utils.models import efficientat_mn04
from instrec_utils.training import experiments, runs
from instrec_utils.training.result_files import read_predictions, read_result

LABELS = ("cello", "flute", "organ")
INPUT = models.architecture_named("efficientat_mn04").inputs["uc"]
SPLITS = ("train", "train", "train", "train", "validation", "test")


def build_tiny_tagger(weights, num_frames):
    inputs = keras.Input((128, num_frames))
    x = keras.layers.Rescaling(0.02, offset=1)(keras.layers.Permute((2, 1))(inputs))
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(512, kernel_initializer=keras.initializers.GlorotUniform(1), name="embedding")(x)
    return keras.Model(inputs, x)


@pytest.fixture
def built(monkeypatch):
    """The weights that backbones were built with."""
    asked = []

    def build(weights, num_frames):
        asked.append(weights)
        return build_tiny_tagger(weights, num_frames)

    monkeypatch.setattr(efficientat_mn04, "build_tagger", build)
    return asked


@pytest.fixture
def corpus(home):
    """Six videos a class, whose loud band tells it; one of them without sound."""
    directory = paths.data_dir() / "tiny"
    rows = [(f"{label}-{number}", label, SPLITS[number], "x.mp4", 3.0) for label in LABELS for number in range(6)]
    index = pd.DataFrame(rows, columns=["video_id", "label", "split", "path", "duration"])
    for video_id, label in zip(index["video_id"], index["label"], strict=True):
        segments = np.random.default_rng(list(video_id.encode())).uniform(-80, -60, (10, 128, 301))
        segments[:, 20 * LABELS.index(label)] = 0
        heard = {"efficientat_uc": segments} if video_id != "flute-5" else {}
        tiny_features.write_features(directory / "features" / f"{video_id}.h5")
        own = store.input_path(directory / "features", video_id, INPUT)
        tiny_features.write_features(own, **heard)
        if heard:
            with h5py.File(own, "a") as file:
                file["log_mel/efficientat_uc"].attrs["settings_sha256"] = store.input_sha256(INPUT)
    return Corpus("tiny", "folder", directory, directory, index)


def trained(corpus, seed=1):
    run = runs.audio_run(corpus, audio_model="efficientat_mn04", seed=seed)
    run = replace(run, protocol=Protocol("adam", 0.01, batch_size=30, max_epochs=3, patience=3))
    experiments.train_run(run)
    return run


def test_classes_are_trained_on_stored_values(corpus, built):
    run = trained(corpus)
    result = read_result(run.result_path)
    assert result["parameters"]["freeze_backbone"]
    assert result["num_parameters"] == 512 * 3 + 3
    assert result["multiply_adds"] == 10 * (512 * 3 + 128 * 512)
    assert result["steps"] == 3 * 12 * 10 / 30
    assert result["metrics_validation"]["hit_at_1"]["value"] == 1
    assert built == ["audioset", None]  # once for the values, once to count what it costs
    trained(corpus, seed=2)
    assert built == ["audioset", None, None]


def test_backbone_and_classes_together_give_the_runs_predictions(corpus, built):
    run = trained(corpus)
    network = embeddings.audio_network(run.weights, run.audio_backbone)
    for row in read_predictions(run.result_path).itertuples(index=False):
        examples = store.load_input(corpus.directory / "features", row.video_id, run.audio_input)
        values, scores = (np.asarray(one) for one in network.predict_on_batch(examples))
        assert values.shape == (10, 512)
        np.testing.assert_allclose(scores.mean(axis=0), [getattr(row, label) for label in LABELS], atol=2e-6)


def test_a_fusion_gets_the_mean_of_a_videos_values(corpus, built):
    run = trained(corpus)
    heard = embeddings.audio_embeddings(
        corpus, run.audio_input, run.weights, run.audio_backbone, features_key=run.features_key, description="tiny"
    )
    assert set(heard) == set(corpus.index["video_id"])
    assert (heard["flute-5"] == 0).all()
    examples = store.load_input(corpus.directory / "features", "cello-0", run.audio_input)
    expected = build_tiny_tagger("audioset", 301).predict_on_batch(examples).mean(axis=0)
    np.testing.assert_allclose(heard["cello-0"], expected, atol=1e-5)


def test_only_pretrained_networks_are_frozen(corpus):
    assert "freeze_backbone" not in runs.audio_run(corpus).parameters
    run = runs.audio_run(corpus, audio_model="efficientat_mn04", profile="paper")
    assert not run.parameters["freeze_backbone"]
    assert run.audio_backbone is None


def test_a_corpus_warm_up_is_for_networks_that_have_one(corpus):
    run = runs.audio_run(corpus, audio_model="efficientat_mn04", audio_warm_up_epochs=12)
    assert run.parameters["warm_up_epochs"] == 0
    assert run.name == "audio-efficientat_mn04-uc-quick-s10"
    assert runs.audio_run(corpus, audio_warm_up_epochs=12).parameters["warm_up_epochs"] == 12
