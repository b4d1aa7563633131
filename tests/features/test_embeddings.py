"""Embeddings are computed as a run computes, and those of another precision are kept apart."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tiny_features

from instrec_utils import cluster, models
from instrec_utils.errors import ParameterError, StorageError
from instrec_utils.features import embeddings
from instrec_utils.inputs import frames
from instrec_utils.models.hardware import Hardware


def build_backbone(_):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((224, 224, 3))
    x = keras.layers.AveragePooling2D(32)(keras.layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, keras.layers.Dense(6)(keras.layers.Flatten()(x)), name="small")


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setattr(embeddings, "build_backbone", build_backbone)
    names = [f"video-{number}" for number in range(2 * cluster.NUM_AHEAD + 1)]
    for number, name in enumerate(names):
        pictures = np.random.default_rng(number).integers(0, 255, (number, 256, 256, 3), np.uint8)
        tiny_features.write_features(tmp_path / "features" / f"{name}.h5", pictures=pictures)
    return tiny_features.make_corpus(tmp_path, [f"{name}.mp4" for name in names])


def read_all(corpus, folder):
    return [embeddings.read_embeddings(folder, video_id) for video_id in corpus.index["video_id"]]


def test_an_architecture_without_a_backbone_has_no_embeddings_of_frames(monkeypatch):
    monkeypatch.setattr(models, "architecture_named", lambda name, kind: SimpleNamespace(build_backbone=None))
    with pytest.raises(ParameterError, match="bare: expected an architecture with a backbone, got one without"):
        embeddings.build_backbone("bare")


def test_each_precision_has_embeddings_of_its_own(corpus):
    usual = embeddings.imagenet_embeddings(corpus, "small")
    shorter = embeddings.imagenet_embeddings(corpus, "small", Hardware("mixed_bfloat16"))
    assert (usual.name, shorter.name) == ("small", "small-mixed_bfloat16")
    exact, rounded = (np.concatenate(read_all(corpus, folder)) for folder in (usual, shorter))
    np.testing.assert_allclose(rounded, exact, atol=0.05)
    assert (rounded != exact).any(), "nothing was computed in 16 bits"
    assert keras.config.dtype_policy().name == "float32"


def test_videos_that_are_read_ahead_keep_their_own(corpus):
    found = read_all(corpus, embeddings.imagenet_embeddings(corpus, "small"))
    network = build_backbone("")
    for number, values in enumerate(found):
        assert values.shape == (number, 6)
        pictures = embeddings.store.read_frames(corpus.directory / "features" / f"video-{number}.h5")
        expected = embeddings.predict_frames(network, frames.central_crop(pictures))
        np.testing.assert_allclose(values, expected, atol=2e-3)


def test_of_a_long_video_few_frames_are_decoded_at_a_time(tmp_path, monkeypatch):
    pictures = np.random.default_rng(0).integers(0, 255, (2 * embeddings.BATCH_FRAMES + 5, 256, 256, 3), np.uint8)
    path = tmp_path / "features" / "long.h5"
    tiny_features.write_features(path, pictures=pictures)
    expected = embeddings.predict_frames(build_backbone(""), frames.central_crop(embeddings.store.read_frames(path)))
    counts, decode = [], embeddings.store.decoded
    monkeypatch.setattr(
        embeddings.store, "decoded", lambda path, jpegs: counts.append(len(jpegs)) or decode(path, jpegs)
    )
    corpus = tiny_features.make_corpus(tmp_path, ["long.mp4"])
    embeddings.embed_frames(corpus, tmp_path / "embeddings", lambda: build_backbone(""))
    assert sorted(counts) == [5, embeddings.BATCH_FRAMES, embeddings.BATCH_FRAMES]
    found = embeddings.read_embeddings(tmp_path / "embeddings", "long")
    np.testing.assert_array_equal(found, expected.astype(np.float16))


def test_a_disk_without_room_for_embeddings_is_said_in_one_line(corpus, monkeypatch):
    def fail(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", fail)  # HDF5 itself would tell of it by a RuntimeError
    with pytest.raises(StorageError, match=r"video-0\.h5: cannot be written \(No space left.*carries on$"):
        embeddings.imagenet_embeddings(corpus, "small")
    assert list((corpus.directory / "embeddings" / "small").iterdir()) == []


def test_photographs_of_each_precision_are_kept(corpus, monkeypatch):
    pictures = np.random.default_rng(9).integers(0, 255, (3, 256, 256, 3), np.uint8)
    found = [
        embeddings.photograph_embeddings(corpus, "small", pictures, one)
        for one in (Hardware(), Hardware("mixed_bfloat16"))
    ]
    assert (found[0] != found[1]).any()
    monkeypatch.setattr(embeddings, "build_backbone", lambda _: pytest.fail("computed again"))
    np.testing.assert_array_equal(embeddings.photograph_embeddings(corpus, "small", pictures), found[0])
