"""Where a container tells when each packet is due, only the sound that is needed is decoded, and it is the same."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instrec_utils import config, media
from instrec_utils.inputs import spectrograms as audio
from instrec_utils.media import containers, packets
from instrec_utils.models.architecture import audio_inputs

SECONDS = 40
RATES = (12_000, 22_050)
IN_PART = {
    "aac.mp4": ("aac", 44_100),
    "low.mp4": ("aac", 8_000),  # a packet is 0.13 s long, and as much comes before the first sample
    "mp3.mp4": ("libmp3lame", 32_000),
    "opus.mp4": ("libopus", 48_000),
    "pcm.mov": ("pcm_s16le", 16_000),
    "flac.flac": ("flac", 44_100),
}
# Matroska and FLV count milliseconds, a transport stream 90,000ths; AC-3's decoder fills gaps at random.
WHOLE = {
    "aac.mkv": ("aac", 44_100),
    "aac.flv": ("aac", 44_100),
    "aac.ts": ("aac", 48_000),
    "ac3.mp4": ("ac3", 48_000),
}


def write_sound(path, codec, rate, seconds=SECONDS):
    """Another chord every second, and noise."""
    generator = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        # Perceptual noise substitution is noise of the decoder's own, another one each time.
        options = {"aac_pns": "0"} if codec == "aac" else {}
        stream = container.add_stream(codec, rate=rate, layout="stereo", options=options)
        resampler = av.AudioResampler(format=stream.format.name, layout="stereo", rate=rate)
        for second in range(seconds):
            moments = np.arange(rate) / rate
            chord = sum(np.sin(2 * np.pi * pitch * moments) for pitch in (220 + 20 * second, 330 + 10 * second))
            samples = (0.1 * chord + 0.02 * generator.standard_normal((2, rate))).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = rate, second * rate, Fraction(1, rate)
            for part in resampler.resample(frame):
                container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recordings")
    return {name: write_sound(folder / name, *how) for name, how in (IN_PART | WHOLE).items()}


def stretch(samples, rate, begin, end):
    return samples[int(begin * rate) : int(end * rate)]


@pytest.mark.parametrize("name", IN_PART)
def test_what_is_wanted_is_that_of_the_whole(recordings, name):
    wanted = [(7.3, 9.0), (21.0, 24.55)]
    part = media.read_sound(recordings[name], RATES, lambda _: wanted)
    whole = media.read_sound(recordings[name], RATES)
    for rate in RATES:
        assert part[rate].shape == whole[rate].shape
        assert np.isnan(part[rate]).mean() > 0.5
        for begin, end in wanted:
            np.testing.assert_allclose(
                stretch(part[rate], rate, begin, end), stretch(whole[rate], rate, begin, end), atol=2e-6
            )


@pytest.mark.parametrize("name", WHOLE)
def test_a_container_or_codec_that_does_not_allow_it_is_decoded_whole(recordings, name):
    part = media.read_sound(recordings[name], RATES, lambda _: [(7.3, 9.0)])
    whole = media.read_sound(recordings[name], RATES)
    for rate in RATES:
        np.testing.assert_array_equal(part[rate], whole[rate])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wanted=st.lists(
        st.tuples(st.floats(-3, SECONDS + 3), st.floats(0, 5)).map(lambda pair: (pair[0], sum(pair))), max_size=6
    )
)
def test_any_stretches_are_exact(recordings, wanted):
    for name in ("pcm.mov", "low.mp4"):
        part, whole = (media.read_sound(recordings[name], (12_000,), one)[12_000] for one in (lambda _: wanted, None))
        is_there = np.isfinite(part)
        if name == "pcm.mov":
            np.testing.assert_allclose(part[is_there], whole[is_there], atol=1e-6)
        for begin, end in wanted:
            assert stretch(is_there, 12_000, max(0, begin), max(0, end)).all()
            np.testing.assert_allclose(
                stretch(part, 12_000, max(0, begin), max(0, end)),
                stretch(whole, 12_000, max(0, begin), max(0, end)),
                atol=2e-6,
            )


def test_what_turns_out_to_be_missing_is_decoded_after_all(recordings, monkeypatch):
    monkeypatch.setattr(packets, "SOUND_TRAIL", -20)
    part = media.read_sound(recordings["aac.mp4"], RATES, lambda _: [(10.0, 13.0)])
    assert np.isfinite(part[12_000]).all()


def wanted(seconds):
    """All that the audio networks look at."""
    return [stretch for one in audio_inputs().values() for stretch in one.stretches(seconds)]


@pytest.mark.parametrize("seconds", [0.5, 2.0, 7.0, 30.0, 61.7, 245.3])
def test_all_inputs_are_made_of_what_is_wanted(seconds):
    generator = np.random.default_rng(0)
    for rate in RATES:
        samples = generator.normal(size=int(seconds * rate)).astype(np.float32)
        masked = np.full_like(samples, np.nan)
        for begin, end in wanted(seconds):
            # Positions in samples are rounded; what is decoded is wider by tenths of a second.
            near = slice(max(0, int(begin * rate) - 2), max(0, int(end * rate) + 2))
            masked[near] = samples[near]
        if rate == config.HAN2016.sample_rate:
            np.testing.assert_array_equal(audio.han_input(masked), audio.han_input(samples))
        else:
            for segmentation in ("cc", "uc"):
                np.testing.assert_array_equal(
                    audio.choi_input(masked, segmentation), audio.choi_input(samples, segmentation)
                )


def test_little_is_decoded_of_a_long_recording(tmp_path, monkeypatch):
    path = write_sound(tmp_path / "long.mp4", "aac", 44_100, seconds=240)
    count = 0
    original = containers.within_limits

    def spy(*arguments):
        nonlocal count
        for frame in original(*arguments):
            count += frame.samples
            yield frame

    monkeypatch.setattr(containers, "within_limits", spy)
    sound = media.read_sound(path, RATES, wanted)
    assert count < 0.4 * 240 * 44_100
    assert np.isfinite(audio.choi_input(sound[12_000], "cc")).all()
    assert np.isfinite(audio.choi_input(sound[12_000], "uc")).all()
    assert np.isfinite(audio.han_input(sound[22_050])).all()


def test_a_damaged_recording_is_decoded_as_far_as_it_goes(recordings, tmp_path):
    content = bytearray(recordings["aac.mp4"].read_bytes())
    for place in np.random.default_rng(1).integers(len(content) // 4, len(content) // 2, 200):
        content[place] ^= 255
    path = tmp_path / "damaged.mp4"
    path.write_bytes(content)
    whole = media.read_sound(path, RATES)
    part = media.read_sound(path, RATES, lambda _: [(7.0, 30.0)])
    for rate in RATES:
        np.testing.assert_array_equal(part[rate], whole[rate])


def test_a_packet_that_gives_nothing_is_noticed(recordings, monkeypatch):
    """Then the times are no longer those of the samples."""
    original = containers.within_limits

    def deaf(*arguments):
        for number, frame in enumerate(original(*arguments)):
            if number != 120:
                yield frame

    monkeypatch.setattr(containers, "within_limits", deaf)
    part = media.read_sound(recordings["aac.mp4"], RATES, lambda _: [(1.0, 5.0), (20.0, 21.0)])
    assert np.isfinite(part[12_000]).all()


def test_packets_around_what_is_wanted_are_decoded_too():
    times = np.arange(0, 400_000, 1000)
    effort = packets.sound_efforts(times, 10_000, lambda _: [(20.0, 22.0)])
    assert times[packets.run_starts(effort)].tolist() == [0, 192_000, 391_000]
    assert (effort[times // 1000 == 205] == packets.DECODE).all()
    assert effort[100] == packets.SKIP
