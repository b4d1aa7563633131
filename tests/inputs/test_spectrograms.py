import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_utils.config import CHOI2016, HAN2016, LogMel
from instrec_utils.inputs import spectrograms as audio

SMALL = LogMel(sample_rate=8000, n_fft=256, hop_length=128, n_mels=20, num_frames=40)
KINDS = ("silence", "noise", "tone", "click", "faint noise")


def make_signal(kind, num_samples, sample_rate=8000):
    generator = np.random.default_rng(num_samples)
    signals = {
        "silence": np.zeros(num_samples),
        "noise": generator.uniform(-1, 1, num_samples),
        "tone": np.sin(2 * np.pi * 440 * np.arange(num_samples) / sample_rate),
        "click": np.eye(1, num_samples, num_samples // 2)[0] if num_samples else np.zeros(0),
        "faint noise": 1e-4 * generator.uniform(-1, 1, num_samples),
    }
    return signals[kind].astype(np.float32)


def librosa_log_mel(samples, settings, *, square_power=False):
    """What the docstring names, in float64."""
    mel = librosa.feature.melspectrogram(
        y=samples.astype(np.float64),
        sr=settings.sample_rate,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
        n_mels=settings.n_mels,
        center=True,
        pad_mode="constant",
        power=2.0,
    )
    decibels = librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=None)
    return 2 * decibels if square_power else decibels


@pytest.mark.filterwarnings("ignore:n_fft=256 is too large")  # librosa's remark on recordings below a window
@settings(max_examples=60)
@given(kind=st.sampled_from(KINDS), num_samples=st.integers(1, 9000), square_power=st.booleans())
def test_log_mel_is_librosas(kind, num_samples, square_power):
    samples = make_signal(kind, num_samples)
    ours = audio.log_mel(samples, SMALL, square_power=square_power)
    theirs = librosa_log_mel(samples, SMALL, square_power=square_power)
    assert ours.shape == theirs.shape == (SMALL.n_mels, 1 + num_samples // SMALL.hop_length)
    assert ours.dtype == np.float32
    # Power is compared with the loudest band: single precision leaves a noise floor some 120 dB below it.
    exponent = 20 if square_power else 10
    ours_power, their_power = 10.0 ** (ours / exponent), 10.0 ** (theirs / exponent)
    np.testing.assert_allclose(ours_power, their_power, rtol=1e-3, atol=1e-10 + 1e-10 * their_power.max())
    loud = their_power > 1e-6 * their_power.max()
    np.testing.assert_allclose(ours[loud], theirs[loud], atol=0.02)


@pytest.mark.parametrize("sizes", [CHOI2016, HAN2016], ids=["choi2016", "han2016"])
@pytest.mark.parametrize("kind", ["noise", "tone"])
def test_log_mel_at_the_papers_sizes(sizes, kind):
    samples = 0.3 * make_signal(kind, sizes.num_samples, sizes.sample_rate)
    ours = audio.log_mel(samples, sizes)
    assert ours.shape == (sizes.n_mels, sizes.num_frames)
    theirs = librosa_log_mel(samples, sizes)
    loud = theirs > theirs.max() - 60
    np.testing.assert_allclose(ours[loud], theirs[loud], atol=0.01)


def test_silence_is_at_the_floor():
    silence = np.zeros(1000, np.float32)
    np.testing.assert_allclose(audio.log_mel(silence, SMALL), -100, atol=1e-4)
    np.testing.assert_allclose(audio.log_mel(silence, SMALL, square_power=True), -200, atol=1e-4)
    assert (audio.log_mel(silence, SMALL).astype(np.float16) == -100).all()  # as it is stored
    assert audio.log_mel(1e-3 * make_signal("faint noise", 4000), SMALL).min() >= -100.0001


def test_the_squared_power_is_twice_the_decibels():
    samples = make_signal("noise", 4000)
    np.testing.assert_allclose(
        audio.log_mel(samples, SMALL, square_power=True), 2 * audio.log_mel(samples, SMALL), rtol=1e-6
    )


@given(length=st.integers(0, 300), wanted=st.integers(1, 200))
def test_the_central_crop_is_in_the_middle(length, wanted):
    samples = np.arange(1, length + 1)
    crop = audio.central_crop(samples, wanted)
    assert len(crop) == wanted
    kept = crop[crop > 0]
    assert len(kept) == min(length, wanted)
    assert (crop[: len(kept)] == kept).all()  # zeros only at the end
    if len(kept):
        assert (np.diff(kept) == 1).all()
        before, after = kept[0] - 1, length - kept[-1]
        assert abs(before - after) <= 1


@given(length=st.integers(1, 400), size=st.integers(1, 60), num_segments=st.integers(2, 12))
def test_uniform_segments_against_a_loop(length, size, num_segments):
    samples = np.arange(1, length + 1, dtype=np.float64)
    segments = audio.uniform_segments(samples, size, num_segments)
    assert segments.shape == (num_segments, size)
    room = max(0, length - size)
    for number, segment in enumerate(segments):
        start = room * number / (num_segments - 1)  # the exact place, between two samples
        expected = [samples[int(start) + step] if int(start) + step < length else 0 for step in range(size)]
        off_by_rounding = [samples[max(0, int(start) - 1) + step] for step in range(min(size, length))]
        assert (segment == expected).all() or (segment[: len(off_by_rounding)] == off_by_rounding).all()
    assert segments[0, 0] == 1
    assert segments[-1, min(size, length) - 1] == length
    if length <= size * num_segments:
        assert set(segments[segments > 0]) == set(samples)  # short recordings are covered without a gap


def test_ten_segments_by_default():
    starts = audio.uniform_segments(np.arange(100_000), 1000)[:, 0]
    assert len(starts) == 10
    assert (starts[0], starts[-1]) == (0, 99_000)
    assert (np.abs(np.diff(starts) - 11_000) <= 1).all()


def ticking(seconds, sample_rate):
    """A recording whose k-th second is a tone of 500 + 20 k Hz."""
    time = np.arange(sample_rate) / sample_rate
    return np.concatenate([np.sin(2 * np.pi * (500 + 20 * k) * time) for k in range(seconds)]).astype(np.float32)


def pitch_of(samples, sample_rate):
    return np.abs(np.fft.rfft(samples)).argmax() * sample_rate / len(samples)


def test_choi_input_cc_is_the_centre():
    samples = ticking(80, 12_000)
    start = (len(samples) - CHOI2016.num_samples) // 2
    expected = librosa_log_mel(samples[start : start + CHOI2016.num_samples], CHOI2016)
    ours = audio.choi_input(samples, "cc")
    assert ours.shape == (96, 1366)
    loud = expected > expected.max() - 60
    np.testing.assert_allclose(ours[loud], expected[loud], atol=0.01)


def test_choi_input_uc_joins_ten_segments_from_start_to_end():
    samples = ticking(100, 12_000)
    size = CHOI2016.num_samples // 10
    starts = [int((len(samples) - size) * number / 9) for number in range(10)]
    joined = np.concatenate([samples[start : start + size] for start in starts])
    joined = np.pad(joined, (0, CHOI2016.num_samples - len(joined)))
    assert pitch_of(joined[:6000], 12_000) == pytest.approx(500, abs=3)
    assert pitch_of(joined[10 * size - 6000 : 10 * size], 12_000) == pytest.approx(500 + 20 * 99, abs=3)
    expected = librosa_log_mel(joined, CHOI2016)
    ours = audio.choi_input(samples, "uc")
    assert ours.shape == (96, 1366)
    loud = expected > expected.max() - 60
    np.testing.assert_allclose(ours[loud], expected[loud], atol=0.05)


def test_choi_input_refuses_another_segmentation():
    with pytest.raises(ValueError, match="expected 'cc' or 'uc', got 'CC'"):
        audio.choi_input(np.zeros(100, np.float32), "CC")


@pytest.mark.parametrize("num_samples", [0, 1, 500, 12_000, 360_000])
def test_too_short_recordings_are_filled_with_silence(num_samples):
    samples = np.ones(num_samples, np.float32)
    for segmentation in ("cc", "uc"):
        spectrogram = audio.choi_input(samples, segmentation)
        assert spectrogram.shape == (96, 1366)
        assert np.isfinite(spectrogram).all()
    windows = audio.han_input(samples)
    assert windows.shape == (30, 128, 43)
    assert np.isfinite(windows).all()
    if num_samples == 500:
        np.testing.assert_allclose(audio.choi_input(samples, "cc")[:, 10:], -100, atol=1e-4)


def test_han_input_is_three_windows_of_one_second_a_segment():
    samples = ticking(40, 22_050)
    windows = audio.han_input(samples)
    starts = [int((40 - 3) * 22_050 * number / 9) for number in range(10)]
    for number in (0, 1, 2, 14, 29):
        start = starts[number // 3] + (number % 3) * 22_050
        expected = librosa_log_mel(samples[start : start + HAN2016.num_samples], HAN2016)
        loud = expected > expected.max() - 60
        np.testing.assert_allclose(windows[number][loud], expected[loud], atol=0.05)
