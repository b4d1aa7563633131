import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrec_corpora import acoustics
from instrec_utils.config import Conditions
from instrec_utils.errors import ParameterError

RATE = acoustics.SAMPLE_RATE
SEEDS = st.integers(0, 2**32 - 1)


def _tone(frequency=440.0, seconds=2.0):
    return np.float32(0.5 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * RATE)) / RATE))


def _music(seconds=2.0):
    """Plucked chords: something with onsets, gaps and many partials."""
    time = np.arange(int(seconds * RATE)) / RATE
    fade = np.exp(-6 * (time % 0.5))
    return np.float32(
        0.2 * fade * sum(np.sin(2 * np.pi * f * k * time) / k for f in (220, 277, 330) for k in range(1, 8))
    )


def _rms(sound):
    return np.sqrt(np.mean(np.square(sound, dtype=np.float64)))


def _centroid(sound):
    return float(np.mean(librosa.feature.spectral_centroid(y=np.asarray(sound, dtype=np.float32), sr=RATE)))


def _record(condition, seed, sound=None):
    sound = _music() if sound is None else sound
    companion = _tone(523.0, len(sound) / RATE) if condition == "accompanied" else None
    return acoustics.record(sound, np.random.default_rng(seed), condition=condition, companion=companion)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, num_samples=st.integers(1, RATE))
def test_room_keeps_length_and_bounds_energy(seed, num_samples):
    sound = np.float32(np.random.default_rng(seed).standard_normal(num_samples))
    wet = acoustics.room(sound, np.random.default_rng(seed))
    assert wet.shape == sound.shape
    assert wet.dtype == np.float32
    # the direct sound is there at once, and a response of unit energy lets little more out than came in
    assert abs(wet[0]) == pytest.approx(abs(sound[0]) * np.sqrt(0.775), rel=0.16)
    assert np.sum(wet**2) < 3 * np.sum(sound**2)


def test_room_tail_decays_by_60_db_in_the_time_asked_for():
    click = np.zeros(2 * RATE, dtype=np.float32)
    click[0] = 1.0
    for seconds in (0.3, 0.6, 1.2):
        wet = acoustics.room(click, np.random.default_rng(4), decay=(seconds, seconds), direct_share=(0.1, 0.1))
        assert np.sum(wet**2, dtype=np.float64) == pytest.approx(1.0, rel=1e-3)
        energy = np.cumsum(wet[::-1].astype(np.float64) ** 2)[::-1]  # Schroeder's backward integration
        decay = 10 * np.log10(energy[int(0.07 * RATE) : int(0.8 * seconds * RATE)] + 1e-20)
        slope = np.polyfit(np.arange(len(decay)) / RATE, decay, 1)[0]  # dB a second
        assert -60 / slope == pytest.approx(seconds, rel=0.35)
        assert not np.any(np.abs(wet[int(seconds * RATE) + 1 :]) > 1e-5)


@pytest.mark.parametrize("kind", acoustics.NOISES)
@pytest.mark.parametrize("num_samples", [1, 1000, 3 * RATE])
def test_noise_has_unit_rms_exact_length_and_is_deterministic(kind, num_samples):
    first, second = (acoustics.noise(kind, num_samples, np.random.default_rng(7)) for _ in range(2))
    assert first.shape == (num_samples,)
    assert first.dtype == np.float32
    assert _rms(first) == pytest.approx(1.0, rel=1e-3)
    assert np.array_equal(first, second)
    if num_samples > 1:
        assert not np.array_equal(first, acoustics.noise(kind, num_samples, np.random.default_rng(8)))


def test_noises_differ_as_their_names_say():
    sounds = {kind: acoustics.noise(kind, 6 * RATE, np.random.default_rng(1)) for kind in acoustics.NOISES}
    centroids = {kind: _centroid(sound) for kind, sound in sounds.items()}
    assert max(centroids, key=centroids.get) == "hiss"
    spectrum = np.abs(np.fft.rfft(sounds["hum"]))
    frequency = np.argmax(spectrum) / 6.0
    assert min(frequency % 50, -frequency % 50, frequency % 60, -frequency % 60) < 0.2


def test_babble_has_the_rhythm_of_syllables():
    shares = {}
    for kind in ("babble", "hiss"):
        sound = acoustics.noise(kind, 20 * RATE, np.random.default_rng(2))
        envelope = np.sqrt(np.mean(sound[: len(sound) // 441 * 441].reshape(-1, 441) ** 2, axis=1))  # 100 Hz
        spectrum = np.abs(np.fft.rfft(envelope / envelope.mean() - 1)) ** 2
        frequency = np.fft.rfftfreq(len(envelope), 0.01)
        shares[kind] = spectrum[(frequency >= 2) & (frequency <= 8)].sum() / len(envelope) ** 2
    assert shares["babble"] > 20 * shares["hiss"]


@settings(max_examples=40, deadline=None)
@given(ratio=st.floats(-20, 40), gain=st.floats(1e-3, 10), seed=SEEDS)
def test_mix_has_the_ratio_asked_for(ratio, gain, seed):
    signal = _tone()
    other = np.float32(gain * np.random.default_rng(seed).standard_normal(len(signal)))
    added = acoustics.mix(signal, other, ratio).astype(np.float64) - signal
    assert 20 * np.log10(_rms(signal) / _rms(added)) == pytest.approx(ratio, abs=0.1)


def test_mix_measures_the_active_part_only():
    signal = _tone(seconds=4.0)
    signal[RATE : 3 * RATE] = 0.0
    other = np.float32(np.random.default_rng(0).standard_normal(len(signal)))
    added = acoustics.mix(signal, other, 0.0) - signal
    assert _rms(added) == pytest.approx(_rms(signal[:RATE]), rel=0.02)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_phone_narrows_the_band_and_keeps_the_peak(seed):
    sound = np.float32(0.3 * np.random.default_rng(seed).standard_normal(RATE))
    heard = acoustics.phone(sound, np.random.default_rng(seed))
    assert heard.shape == sound.shape
    assert np.max(np.abs(heard)) == pytest.approx(np.max(np.abs(sound)), rel=1e-4)

    def outside(spectrum):
        frequency = np.fft.rfftfreq(len(sound), 1 / RATE)
        return np.sum(spectrum[(frequency < 40) | (frequency > 19_000)] ** 2) / np.sum(spectrum**2)

    assert outside(np.abs(np.fft.rfft(heard))) < 0.6 * outside(np.abs(np.fft.rfft(sound)))


@pytest.mark.parametrize("condition", Conditions().sound)
def test_recordings_are_mono_bounded_of_the_same_length_and_deterministic(condition):
    for seed in range(8):
        sound = _record(condition, seed)
        assert sound.dtype == np.float32
        assert sound.shape == _music().shape
        assert np.all(np.isfinite(sound))
        assert np.max(np.abs(sound)) <= 1.0
        assert np.array_equal(sound, _record(condition, seed))


def test_recording_leaves_its_input_alone():
    sound = _music()
    _record("noise", 1, sound)
    assert np.array_equal(sound, _music())


def test_silent_is_silent_or_nearly_so():
    peaks = [np.max(np.abs(_record("silent", seed))) for seed in range(60)]
    assert max(peaks) < 0.05
    assert 15 < sum(peak == 0.0 for peak in peaks) < 45  # half and half


def test_silence_tells_nothing_of_the_instrument():
    assert np.array_equal(_record("silent", 2), _record("silent", 2, _tone(880.0)))


def _likeness(sound, dry):
    """Return how well the dry sound's spectrogram is to be seen in the recording: a correlation."""
    first, second = (np.log(librosa.feature.melspectrogram(y=s, sr=RATE, n_mels=40) + 1e-6) for s in (sound, dry))
    return np.corrcoef(first.ravel() - first.mean(), second.ravel() - second.mean())[0, 1]


def test_conditions_degrade():
    dry = _music(4.0)
    likeness = {
        condition: np.mean([_likeness(_record(condition, seed, dry), dry) for seed in range(8)])
        for condition in ("clear", "distant", "noise", "babble")
    }
    assert likeness["clear"] > 0.9
    assert max(likeness[condition] for condition in ("distant", "noise", "babble")) < likeness["clear"] - 0.02


def test_distant_is_softer_than_clear():
    peaks = {c: [np.max(np.abs(_record(c, seed))) for seed in range(10)] for c in ("clear", "distant")}
    assert max(peaks["distant"]) < min(peaks["clear"])


def _band(lowest, highest):
    """Noise between two frequencies: a room's resonances average out over a band."""
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(4 * RATE))
    frequency = np.fft.rfftfreq(4 * RATE, 1 / RATE)
    sound = np.fft.irfft(spectrum * ((frequency > lowest) & (frequency < highest)))
    return np.float32(0.1 * sound / _rms(sound)), (frequency > lowest) & (frequency < highest)


def test_companion_is_softer_by_3_to_9_db():
    (dry, low), (companion, high) = _band(500, 1200), _band(1500, 3000)
    for seed in range(8):
        generator = np.random.default_rng(seed)
        sound = acoustics.record(dry, generator, condition="accompanied", companion=companion)
        power = np.abs(np.fft.rfft(sound)) ** 2
        difference = 10 * np.log10(power[low].sum() / power[high].sum())
        assert 1 < difference < 12  # the room and the phone colour the two bands a little


def test_bad_arguments_are_refused():
    generator, sound = np.random.default_rng(0), _tone()
    with pytest.raises(ParameterError, match=r"hum, traffic.*got 'rain'"):
        acoustics.noise("rain", 10, generator)
    with pytest.raises(ParameterError, match="at least 1, got 0"):
        acoustics.noise("hum", 0, generator)
    with pytest.raises(ParameterError, match=r"clear, silent.*got 'loud'"):
        acoustics.record(sound, generator, condition="loud")
    with pytest.raises(ParameterError, match="companion"):
        acoustics.record(sound, generator, condition="accompanied")
    with pytest.raises(ParameterError, match="companion"):
        acoustics.record(sound, generator, condition="clear", companion=sound)
    for bad in (sound[:0], sound.reshape(2, -1), np.full(9, np.nan)):
        with pytest.raises(ParameterError, match="finite, mono"):
            acoustics.record(bad, generator)
    with pytest.raises(ParameterError, match="same shape"):
        acoustics.mix(sound, sound[:-1], 3.0)
    for pair in ((sound, 0 * sound), (0 * sound, sound)):
        with pytest.raises(ParameterError, match="silent"):
            acoustics.mix(*pair, 3.0)
    with pytest.raises(ParameterError, match="at least one sample, got none"):
        acoustics.active_rms(sound[:0])
    with pytest.raises(ParameterError, match="at least one sample, got none"):
        acoustics.mix(sound[:0], sound[:0], 3.0)
