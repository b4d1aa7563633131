import librosa
import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from instrec_utils.config import AUDIOSET, CHOI2016
from instrec_utils.inputs import augmentation
from instrec_utils.inputs.kaldi_spectrograms import as_other_levels, kaldi_log_mel
from instrec_utils.inputs.spectrograms import log_mel


def reference(samples):
    """Librosa's transform, and triangles written down band by band, in double precision."""
    emphasised = np.array([now - 0.97 * before for before, now in zip([0, *samples], samples, strict=False)])
    spectrum = librosa.stft(
        emphasised, n_fft=1024, hop_length=320, win_length=800, window=np.hanning(800), center=True, pad_mode="reflect"
    )
    edges = np.linspace(0, 1127 * np.log(1 + 15_000 / 700), 130)
    mel = 1127 * np.log(1 + 31.25 * np.arange(513) / 700)
    bands = [np.interp(mel, edges[band : band + 3], [0, 1, 0], left=0, right=0) for band in range(128)]
    return 10 * np.log10(np.maximum(np.array(bands) @ np.abs(spectrum) ** 2, 1e-10))


def test_it_agrees_with_an_independent_computation(generator):
    time = np.arange(32_000) / 32_000
    samples = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.01 * generator.normal(size=32_000)
    ours = kaldi_log_mel(samples.astype(np.float32), AUDIOSET)
    assert (ours.shape, ours.dtype) == ((128, 101), np.float32)
    # Single precision tells little of what is a millionth of the loudest.
    np.testing.assert_allclose(np.maximum(ours, -70), np.maximum(reference(samples), -70), atol=0.01)


def test_silence_is_as_in_other_spectrograms():
    silence = kaldi_log_mel(np.zeros(AUDIOSET.num_samples, np.float32), AUDIOSET)
    assert silence.shape == (128, AUDIOSET.num_frames)
    assert np.unique(silence).tolist() == pytest.approx([augmentation.SILENCE])


def test_the_sound_that_is_given_stays_as_it_was():
    samples = np.ones(1000, np.float32)
    kaldi_log_mel(samples, AUDIOSET)
    assert (samples == 1).all()


@given(st.integers(1, 2000))
def test_any_length_gives_finite_frames(length):
    spectrogram = kaldi_log_mel(np.ones(length, np.float32), AUDIOSET)
    assert spectrogram.shape == (128, 1 + length // 320)
    assert np.isfinite(spectrogram).all()


@pytest.mark.parametrize("slope", [0, -0.5, -1], ids=["white", "pink", "brown"])
@pytest.mark.parametrize(("level", "is_silent"), [(-50, True), (-30, False)])
def test_noise_is_as_silent_as_in_other_spectrograms(generator, slope, level, is_silent):
    """Room noise that other audio networks are not trained on is told by its level, though treble is raised here."""
    spectrum = np.fft.rfft(generator.normal(size=3 * 32_000))
    frequencies = np.maximum(np.fft.rfftfreq(3 * 32_000, 1 / 32_000), 50)
    noise = np.fft.irfft(spectrum * (frequencies / 1000) ** slope)
    at_choi = log_mel(soxr.resample(noise, 32_000, 12_000), CHOI2016)
    factor = 10 ** ((level - 10 * np.log10((10 ** (at_choi / 10)).mean())) / 20)
    spectrogram = kaldi_log_mel(factor * noise, AUDIOSET)
    assert augmentation.is_silent(as_other_levels(spectrogram, AUDIOSET)) == is_silent
    assert not augmentation.is_silent(as_other_levels(kaldi_log_mel(noise, AUDIOSET), AUDIOSET))
