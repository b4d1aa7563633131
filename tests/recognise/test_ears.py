"""The audio network that comes with the package: its file, what it computes, and that recognising goes on with it."""

from pathlib import Path

import numpy as np
import pytest
from tiny_videos import tone, write_video

from instrec_corpora import acoustics, phrases
from instrec_corpora.staging import SAMPLE_RATE
from instrec_utils.config import AUDIOSET, LABELS
from instrec_utils.errors import CorpusError, DownloadError
from instrec_utils.models import ears, efficientat_mn04
from instrec_utils.recognise import networks, recogniser
from instrec_utils.recognise.answers import as_plain_data
from instrec_utils.recognise.heads import NONE, OUTCOMES, read_head
from instrec_utils.recognise.networks import OwnAudioNetwork, read_own_tensors, write_own

MOST_BYTES = 15e6  # of all weights that come with the package


def log_mel(generator, num_frames=201):
    return generator.uniform(-90, 20, (2, AUDIOSET.n_mels, num_frames)).astype(np.float32)


def test_the_file_is_complete_and_small():
    tensors, head = read_own_tensors(), read_head("ears")
    assert len(tensors) == 2 * (len(ears.CONVOLUTIONS) + 2)
    assert sum(tensor.size for tensor in tensors) < 1.5e6
    assert all(np.isfinite(tensor).all() for tensor in tensors)
    assert head.labels == OUTCOMES
    assert head.weights.shape == (14, ears.EMBEDDING_SIZE + len(LABELS))
    assert ((head.thresholds > 0) & (head.thresholds < 1)).all()
    assert sum(path.stat().st_size for path in Path(networks.__file__).parent.glob("*.npz")) < MOST_BYTES


@pytest.mark.slow
def test_opencv_computes_what_keras_does(generator):
    model = ears.build(len(OUTCOMES))
    for weight in model.weights:  # normalisation that does something
        is_factor = any(name in weight.path for name in ("gamma", "variance"))
        is_shift = any(name in weight.path for name in ("bias", "beta", "mean"))
        if is_factor or is_shift:
            weight.assign(generator.normal(float(is_factor), 0.1, weight.shape))
    network = OwnAudioNetwork(ears.tensors_of(model))
    for num_frames in (401, 51):  # windows may have any length
        spectrograms = log_mel(generator, num_frames)
        expected = model.predict_on_batch(ears.relative_levels(ears.joined(spectrograms)))
        np.testing.assert_allclose(network(spectrograms).instruments, expected["tags"], atol=1e-3)


def test_kernels_keep_their_values_to_a_254th_of_the_filters_largest(tmp_path, generator):
    sizes = [(16, 2, 3, 3)] * len(ears.CONVOLUTIONS) + [(8, 16), (13, 8)]
    tensors = [part for size in sizes for part in (generator.normal(size=size), generator.normal(size=size[0]))]
    write_own(tmp_path / "ears.npz", tensors, {})
    for kept, tensor in zip(read_own_tensors(tmp_path / "ears.npz"), tensors, strict=True):
        largest = np.abs(tensor).max(axis=tuple(range(1, tensor.ndim)), keepdims=True)
        assert (np.abs(kept - tensor) <= largest / 253).all()


def test_the_volume_does_not_matter_unless_there_is_next_to_nothing(generator):
    spectrograms = np.maximum(log_mel(generator), -55)
    np.testing.assert_allclose(ears.relative_levels(spectrograms), ears.relative_levels(spectrograms - 40), atol=1e-5)
    silence = np.full((1, AUDIOSET.n_mels, 20), -100, np.float32)
    assert (ears.relative_levels(silence)[..., 0] < -1).all()


@pytest.mark.parametrize("content", [b"", b"no archive", None], ids=["empty", "another", "cut off"])
def test_a_damaged_file_is_one_line(tmp_path, content):
    path = tmp_path / "ears.npz"
    path.write_bytes(networks.OWN.read_bytes()[:-1000] if content is None else content)
    with pytest.raises(CorpusError, match=r"ears\.npz: missing or damaged; expected the audio network") as error:
        read_own_tensors(path)
    assert "\n" not in str(error.value)


@pytest.fixture
def unreachable(monkeypatch):
    """A computer without a network."""

    def locate_weights(retries):
        raise DownloadError("no network")

    monkeypatch.setattr(efficientat_mn04, "locate_weights", locate_weights)


def test_a_damaged_file_leaves_the_pictures_and_a_note(tmp_path, unreachable, monkeypatch):
    monkeypatch.setattr(networks, "OWN", tmp_path / "ears.npz")
    found = recogniser.Recogniser()
    assert found.audio is None
    assert found.audio_note.startswith("Audio was not judged: ")


def test_without_a_download_the_packages_own_network_judges_and_the_answer_says_so(tmp_path, unreachable):
    path = write_video(tmp_path / "a.mp4", sound=tone(5, 44_100, 440.0), picture=None)
    answer = as_plain_data("a.mp4", recogniser.Recogniser().recognise(path), 3)
    assert answer["audio_network"] == recogniser.OWN_TITLE
    assert recogniser.ONLY_OWN in answer["notes"]
    assert np.shape(answer["timeline"]["audio"]) == (2, 14)


@pytest.mark.parametrize("label", ["accordion", "drums", "piano", "trumpet", NONE])
def test_it_knows_what_it_was_taught(tmp_path, generator, label):
    if label == NONE:
        sound = acoustics.noise("crowd", 8 * SAMPLE_RATE, generator) / 20
    else:
        sound = phrases.render_midi(phrases.compose_phrase(label, 8, generator), 8)
    path = write_video(tmp_path / "a.mp4", sound=sound, picture=None)
    found = recogniser.own_audio_judge().judge(np.stack(list(recogniser.spectrograms(path))[:1]))
    assert OUTCOMES[found[0].argmax()] == label
