import av
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_videos import tone, write_video

from instrec_utils import media
from instrec_utils.errors import MediaError
from instrec_utils.robustness import degradation, encoding


@settings(max_examples=25)
@given(ratio=st.floats(-20, 40), seed=st.integers(0, 2**32), level=st.floats(1e-3, 1))
def test_noise_lies_as_far_below_the_sound_as_asked(ratio, seed, level):
    sound = tone(1, 12_000, level=level).astype(np.float32)
    noise = degradation.pink_noise(len(sound), np.random.default_rng(seed))
    noise = degradation.add_noise(sound, noise, ratio).astype(np.float64) - sound
    measured = 10 * np.log10(np.sum(sound.astype(np.float64) ** 2) / np.sum(noise**2))
    assert measured == pytest.approx(ratio, abs=0.05)


def test_noise_falls_by_ten_decibels_a_decade(generator):
    sound = np.ones(2**18, np.float32)
    noise = degradation.add_noise(sound, degradation.pink_noise(len(sound), generator), 0) - sound
    frequencies, power = scipy.signal.welch(noise, 12_000, nperseg=4096)
    chosen = (frequencies > 30) & (frequencies < 5000)
    slope = np.polyfit(np.log10(frequencies[chosen]), 10 * np.log10(power[chosen]), 1)[0]
    assert slope == pytest.approx(-10, abs=0.5)


def test_levels_of_noise_differ_in_nothing_but_the_level(generator):
    sound = tone(1, 12_000).astype(np.float32)
    noise = degradation.pink_noise(len(sound), generator)
    soft, loud = (degradation.add_noise(sound, noise, ratio) - sound for ratio in (20, 0))
    np.testing.assert_allclose(loud, 10 * soft, atol=1e-5)
    assert not degradation.add_noise(np.zeros_like(sound), noise, 0).any()


def test_blur_is_a_gaussian_filter(generator):
    pictures = generator.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    kept = pictures.copy()
    sharpness = [np.diff(pictures.astype(float), axis=2).std()]
    for sigma in (1, 2, 4, 8):
        blurred = degradation.blur(pictures, sigma)
        assert blurred.shape == pictures.shape
        assert blurred.dtype == np.uint8
        reference = scipy.ndimage.gaussian_filter(pictures.astype(float), (0, sigma, sigma, 0), mode="mirror")
        assert np.abs(blurred - reference).max() < 2
        sharpness.append(np.diff(blurred.astype(float), axis=2).std())
    assert sharpness == sorted(sharpness, reverse=True)
    assert (pictures == kept).all()
    assert degradation.blur(pictures[:0], 2).shape == (0, 64, 64, 3)


@pytest.fixture(scope="module")
def busy_video(tmp_path_factory):
    """Six seconds of noise in sound and picture, which no encoder makes small by itself."""
    generator = np.random.default_rng(1)
    picture = generator.integers(0, 256, (96, 128, 3), dtype=np.uint8)
    sound = generator.normal(scale=0.2, size=(2, 6 * 44_100))
    path = tmp_path_factory.mktemp("busy") / "busy.mp4"
    return write_video(path, times=np.arange(60) / 10, sound=sound, picture=picture)


def test_fewer_bits_make_a_smaller_file_that_decodes(busy_video, tmp_path):
    sizes = [busy_video.stat().st_size]
    paths = {kbits: tmp_path / f"{kbits}.mp4" for kbits in degradation.SOUND_KBITS}
    encoding.write_low_bitrates(busy_video, paths)
    for picture_kbits, sound_kbits in degradation.SOUND_KBITS.items():
        path = paths[picture_kbits]
        sizes.append(path.stat().st_size)
        before, after = media.probe(busy_video), media.probe(path)
        assert (after.width, after.height) == (before.width, before.height)
        assert after.sample_rate == 1000 * sound_kbits
        assert after.duration == pytest.approx(before.duration, abs=0.3)
        assert len(list(media.read_frames(path))) == len(list(media.read_frames(busy_video))) == 6
        with av.open(str(path)) as container:
            packets = [packet for packet in container.demux(audio=0) if packet.size]
            rate = sum(packet.size for packet in packets) * 8 / 1000 / after.duration
            assert container.streams.audio[0].codec_context.layout.name == "mono"
        assert rate == pytest.approx(sound_kbits, rel=0.2)
    assert sizes == sorted(sizes, reverse=True)


def test_pictures_keep_their_times(videos, tmp_path):
    from tiny_videos import time_of

    path = tmp_path / "low.mp4"
    encoding.write_low_bitrates(videos["both"], {100: path})
    times = [time_of(picture) for picture in media.read_frames(path)]
    np.testing.assert_allclose(times, [0, 1, 2, 3], atol=0.11)


def test_sound_keeps_its_pitch_and_its_place(tmp_path):
    sound = np.concatenate([np.zeros(44_100), tone(2, 44_100, 1000)])
    source = write_video(tmp_path / "tone.mp4", times=np.arange(30) / 10, sound=sound)
    path = tmp_path / "low.mp4"
    encoding.write_low_bitrates(source, {25: path})
    heard = media.read_sound(path, (8000,))[8000]
    spectrum = np.abs(np.fft.rfft(heard))
    assert np.argmax(spectrum) * 8000 / len(heard) == pytest.approx(1000, abs=5)
    start = np.argmax(np.abs(heard) > 0.25) / 8000
    assert start == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("name", ["silent", "unseen", "single", "webm"])
def test_videos_without_a_stream_and_of_other_containers(videos, name, tmp_path):
    path = tmp_path / "low.mp4"
    encoding.write_low_bitrates(videos[name], {100: path})
    before, after = media.probe(videos[name]), media.probe(path)
    assert (after.has_picture, after.has_sound) == (before.has_picture, before.has_sound)


def test_odd_sides_lose_a_pixel(tmp_path):
    picture = np.full((47, 65, 3), 99, np.uint8)
    source = write_video(tmp_path / "odd.webm", times=[0, 0.1], picture=picture, picture_codec="libvpx-vp9")
    assert media.probe(source).width == 65
    encoding.write_low_bitrates(source, {100: tmp_path / "low.mp4"})
    (shown,) = media.read_frames(tmp_path / "low.mp4")
    assert shown.shape == (46, 64, 3)
    assert np.abs(shown.astype(float) - 99).max() < 8


def test_a_turned_video_is_upright(tmp_path):
    picture = np.zeros((48, 66, 3), np.uint8)
    picture[:, :33, 0] = 220
    source = write_video(tmp_path / "turned.mp4", times=np.arange(10) / 10, picture=picture, rotation=90)
    encoding.write_low_bitrates(source, {100: tmp_path / "low.mp4"})
    before, after = (next(media.read_frames(path)) for path in (source, tmp_path / "low.mp4"))
    assert before.shape == after.shape == (66, 48, 3)
    assert np.abs(before.astype(float) - after).mean() < 8


def test_the_same_video_gives_the_same_bytes_alone_and_beside_another_level(busy_video, tmp_path):
    alone, beside = ({kbits: tmp_path / f"{name}{kbits}.mp4" for kbits in (100, 25)} for name in ("alone", "beside"))
    for kbits, path in alone.items():
        encoding.write_low_bitrates(busy_video, {kbits: path})
    encoding.write_low_bitrates(busy_video, beside)
    for kbits, path in alone.items():
        assert path.read_bytes() == beside[kbits].read_bytes()


def test_a_damaged_video_leaves_no_file(videos, tmp_path):
    with pytest.raises(MediaError, match=r"damaged\.mp4"):
        encoding.write_low_bitrates(videos["damaged"], {100: tmp_path / "low.mp4"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("num_frames", "left"), [(20, (10, 5, 2, 1)), (10, (5, 2, 1)), (2, (1,)), (1, ())])
def test_shares_of_frames_become_numbers_of_frames(num_frames, left):
    levels = {one.name: one.levels for one in degradation.conditions(num_frames)}
    assert levels["frames zeroed"] == levels["frames repeated"] == left
    assert next(iter(levels)) == "none"
    assert len(levels) == 1 + len(degradation.CONDITIONS)
