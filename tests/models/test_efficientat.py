"""EfficientAT mn04 against the network's paper, an implementation in plain numpy, and numbers measured elsewhere."""

import os

import keras
import numpy as np
import pytest
from plain_efficientat import as_checkpoint, random_state, reference

from instrec_utils import models
from instrec_utils.config import AUDIOSET, LABELS
from instrec_utils.errors import CorpusError
from instrec_utils.inputs.kaldi_spectrograms import kaldi_log_mel
from instrec_utils.models import efficientat_mn04


def of_both(tagger):
    return keras.Model(tagger.input, [tagger.get_layer("embedding").output, tagger.output])


def test_a_checkpoint_gives_what_plain_numpy_gives(tmp_path, monkeypatch, generator):
    state = random_state(generator)
    path = tmp_path / "mn04.pt"
    path.write_bytes(as_checkpoint(state))
    monkeypatch.setattr(efficientat_mn04, "locate_weights", lambda: path)
    spectrograms = generator.uniform(-100, 30, (2, 128, 45)).astype(np.float32)
    found = of_both(efficientat_mn04.build_tagger()).predict_on_batch(spectrograms)
    expected = [reference(state, one) for one in spectrograms]
    for ours, plain in zip(found, zip(*expected, strict=True), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-3, atol=1e-3)
    assert np.std(found[0]) > 0.1


def test_it_has_the_published_size():
    tagger = efficientat_mn04.build_tagger(None)
    state = random_state(np.random.default_rng(0))
    assert tagger.count_params() == sum(values.size for values in state.values() if values.ndim)
    assert sum(weight.numpy().size for weight in tagger.trainable_weights) == 983_599  # as EfficientAT has it: 0.98 M
    model = models.build("efficientat_mn04", 12, weights=None)
    assert model.count_params() == tagger.count_params() - (512 * 527 + 527) + (512 * 12 + 12)
    assert model.get_layer("embedding").output.shape == (None, 512)
    assert model.input_shape == (None, 128, 301)


def test_ten_segments_of_three_seconds():
    """Each is a spectrogram of its own, spread over the recording, and padded with silence where that is short."""
    entry = models.architecture_named("efficientat_mn04").inputs["uc"]
    samples = np.random.default_rng(0).normal(size=32_000 * 47).astype(np.float32)
    spectrograms = entry.compute(samples)
    assert spectrograms.shape == entry.shape == (10, 128, 301)
    assert entry.num_examples == 10
    for number, begin in ((0, 0), (9, 44 * 32_000)):
        np.testing.assert_array_equal(spectrograms[number], kaldi_log_mel(samples[begin : begin + 96_000], AUDIOSET))
    short = entry.compute(samples[:32_000])
    assert (short[:, :, 110:] < -99.9).all()
    assert (entry.compute(samples[:0]) < -99.9).all()


def test_other_weights_are_refused():
    with pytest.raises(ValueError, match="weights: expected 'audioset' or None, got 'imagenet'"):
        models.build("efficientat_mn04", 5, weights="imagenet")


def test_a_copy_that_is_another_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTREC_WEIGHTS", str(tmp_path))
    with pytest.raises(CorpusError, match=r"efficientat_mn04_as_mAP_432\.pt: missing; INSTREC_WEIGHTS must name"):
        efficientat_mn04.build_tagger()
    (tmp_path / efficientat_mn04.FILE).write_bytes(b"other")
    with pytest.raises(CorpusError, match="the sha256 of the published file is 899a8c6"):
        efficientat_mn04.build_tagger()


def test_every_class_has_tags_of_its_own():
    assert tuple(efficientat_mn04.TAGS) == LABELS
    numbers = [number for tags in efficientat_mn04.TAGS.values() for number in tags]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) < efficientat_mn04.NUM_TAGS


@pytest.mark.skipif("INSTREC_WEIGHTS" not in os.environ, reason="INSTREC_WEIGHTS names no local copy")
def test_the_published_weights_give_the_numbers_measured_elsewhere():
    time = np.arange(20 * 32_000) / 32_000
    samples = 0.3 * np.sin(2 * np.pi * 440 * time) * (1 + 0.3 * np.sin(2 * np.pi * 5 * time))
    spectrogram = kaldi_log_mel(samples.astype(np.float32), AUDIOSET)
    (embedding,), (tags,) = of_both(efficientat_mn04.build_tagger()).predict_on_batch(spectrogram[None])
    assert set(np.argsort(-tags)[:3]) == {501, 393, 394}  # sine wave, dial tone, busy signal
    np.testing.assert_allclose(tags[[501, 393, 394]], [0.73, 0.02, 0.02], atol=0.005)
    np.testing.assert_allclose(embedding[:5], [0, -0.374, 0, 0.597, -0.200], atol=0.001)
    assert np.abs(embedding).sum() == pytest.approx(192.65, abs=0.05)
