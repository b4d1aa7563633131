import dataclasses
import itertools

import av
import numpy as np
import pytest
import scipy.signal
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tiny_videos import colour_at, time_of, tone, write_video

from instrec_utils import media
from instrec_utils.errors import MediaError
from instrec_utils.media import containers, streams

EVERY_TENTH = np.arange(35) / 10
# name, pictures, sound, sample rate, delay of the sound that the container cannot declare (samples)
FORMATS = (
    ("mp4", "libx264", "aac", 44_100, 0),
    ("mov", "mjpeg", "pcm_s16le", 44_100, 0),
    ("webm", "libvpx-vp9", "libopus", 48_000, 0),
    ("mkv", "libx264", "flac", 32_000, 0),
    ("avi", "mpeg4", "pcm_s16le", 22_050, 0),
    ("ts", "libx264", "aac", 48_000, 1024),
)


def chirp(seconds, sample_rate, level=0.5):
    """A signal that resembles no shifted copy of itself."""
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return level * scipy.signal.chirp(time, 200, seconds, 4000)


def expected_times(times, duration):
    """What is on screen at 0, 1, 2, ... s: a loop over the pictures, for each second."""
    seconds = itertools.takewhile(lambda second: second < duration - 1e-9, range(100))
    return [max(time for time in times if time <= second) for second in seconds]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same pictures and sound in every format."""
    folder = tmp_path_factory.mktemp("formats")
    paths = {}
    for name, picture_codec, sound_codec, sample_rate, _ in FORMATS:
        paths[name] = write_video(
            folder / f"both.{name}",
            times=EVERY_TENTH,
            sound=np.stack([chirp(3.5, sample_rate), np.zeros(round(3.5 * sample_rate))]),
            sample_rate=sample_rate,
            picture_codec=picture_codec,
            sound_codec=sound_codec,
        )
    return paths


@pytest.mark.parametrize(("name", "sample_rate"), [(row[0], row[3]) for row in FORMATS])
def test_probe_tells_what_was_written(both, name, sample_rate):
    info = media.probe(both[name])
    assert (info.width, info.height, info.sample_rate) == (64, 48, sample_rate)
    assert info.has_picture
    assert info.has_sound
    assert info.frame_rate == pytest.approx(10)
    assert info.duration == pytest.approx(3.5, abs=0.1)


@pytest.mark.parametrize("name", [row[0] for row in FORMATS])
def test_the_frames_are_those_on_screen_at_whole_seconds(both, name):
    assert [time_of(picture) for picture in media.read_frames(both[name])] == [0.0, 1.0, 2.0, 3.0]
    assert media.num_frames(3.5) == 4


@pytest.mark.parametrize(("frame_rate", "expected"), [(2, np.arange(7) / 2), (0.5, [0, 2]), (10, EVERY_TENTH)])
def test_other_frame_rates(both, frame_rate, expected):
    pictures = media.read_frames(both["mp4"], frame_rate=frame_rate)
    assert [time_of(picture) for picture in pictures] == pytest.approx(list(expected))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1, 25), min_size=1, max_size=12),
    suffix=st.sampled_from(["mp4", "mkv"]),
)
@example(gaps=[20, 20, 20], suffix="mp4")  # half a frame per second
@example(gaps=[50], suffix="mkv")  # one picture for five seconds
@example(gaps=[1], suffix="mp4")  # one picture
@example(gaps=[10, 10, 10], suffix="mkv")  # pictures at the very times that are asked for
def test_variable_frame_rate(tmp_path_factory, gaps, suffix):
    ends = list(itertools.takewhile(lambda end: end <= 100, itertools.accumulate(gaps)))
    times = [end / 10 for end in (0, *ends[:-1])]
    last = gaps[len(ends) - 1] / 10
    path = tmp_path_factory.mktemp("variable") / f"variable.{suffix}"
    write_video(path, times=times, last=last)
    expected = expected_times(times, ends[-1] / 10)
    assert [time_of(picture) for picture in media.read_frames(path)] == expected


def test_a_still_picture_with_sound(videos):
    pictures = list(media.read_frames(videos["single"]))
    assert [time_of(picture) for picture in pictures] == [0.0]
    sound = media.read_sound(videos["single"], (12_000,))[12_000]
    assert len(sound) == pytest.approx(24_000, abs=600)


def test_the_whole_picture_is_resized_to_a_square(tmp_path):
    halves = np.zeros((96, 160, 3), np.uint8)
    halves[:, :80] = (220, 30, 30)
    halves[:, 80:] = (30, 30, 220)
    path = write_video(tmp_path / "halves.mp4", times=[0.0], picture=halves)
    (picture,) = media.read_frames(path, size=32)
    assert picture.shape == (32, 32, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_allclose(picture[:, :14].mean(axis=(0, 1)), (220, 30, 30), atol=8)
    np.testing.assert_allclose(picture[:, 18:].mean(axis=(0, 1)), (30, 30, 220), atol=8)


@pytest.mark.parametrize("rotation", [90, 180, 270])
@pytest.mark.parametrize("size", [None, 32])
def test_turned_recordings_come_upright(tmp_path, rotation, size):
    upright = np.full((96, 160, 3), 128, np.uint8)
    upright[:48, :80] = (220, 30, 30)  # red above left, blue below right
    upright[48:, 80:] = (30, 30, 220)
    # A display rotation of 90 says: turn the stored picture by 90 degrees counterclockwise to see it upright.
    stored = np.rot90(upright, -rotation // 90)
    path = write_video(tmp_path / "turned.mp4", times=[0.0], picture=stored, rotation=rotation)
    (picture,) = media.read_frames(path, size=size)
    assert picture.shape == (upright.shape if size is None else (32, 32, 3))
    height, width = picture.shape[:2]
    np.testing.assert_allclose(picture[: height // 3, : width // 3].mean(axis=(0, 1)), (220, 30, 30), atol=10)
    np.testing.assert_allclose(picture[-height // 3 :, -width // 3 :].mean(axis=(0, 1)), (30, 30, 220), atol=10)


@pytest.mark.parametrize(("name", "sample_rate", "delay"), [(row[0], row[3], row[4]) for row in FORMATS])
def test_the_sound_is_the_written_signal(both, name, sample_rate, delay):
    read = media.read_sound(both[name], (sample_rate,))[sample_rate]
    assert read.dtype == np.float32
    assert len(read) == pytest.approx(3.5 * sample_rate, abs=2100)
    written = chirp(3.5, sample_rate) / 2  # the mean of the signal and of silence
    middle = slice(sample_rate // 2, 3 * sample_rate)
    lags = np.arange(-1500, 1501)
    likeness = scipy.signal.correlate(read[middle.start - 1500 : middle.stop + 1500], written[middle], mode="valid")
    assert lags[likeness.argmax()] == pytest.approx(delay, abs=2)
    aligned = read[middle.start + delay : middle.stop + delay]
    assert aligned @ written[middle] / (written[middle] @ written[middle]) == pytest.approx(1, abs=0.02)
    error = aligned - written[middle]
    assert np.sqrt(np.mean(error**2)) < 0.06 * np.sqrt(np.mean(written[middle] ** 2))


def test_several_rates_are_the_resampled_signal(both):
    sound = media.read_sound(both["mkv"], (12_000, 22_050))
    assert sorted(sound) == [12_000, 22_050]
    for rate, samples in sound.items():
        expected = chirp(3.5, rate) / 2
        assert len(samples) == pytest.approx(len(expected), abs=2)
        middle = slice(rate // 4, 3 * rate)
        np.testing.assert_allclose(samples[middle], expected[middle], atol=5e-3)


def test_mono_is_the_mean_of_the_channels(tmp_path):
    left, right = tone(1, 16_000, 440, 0.6), tone(1, 16_000, 1000, 0.2)
    path = write_video(tmp_path / "stereo.mkv", sound=np.stack([left, right]), sample_rate=16_000, sound_codec="flac")
    read = media.read_sound(path, (16_000,))[16_000]
    np.testing.assert_allclose(read, (left + right) / 2, atol=2e-4)


def test_only_sound_and_only_pictures(videos):
    unseen, silent = media.probe(videos["unseen"]), media.probe(videos["silent"])
    assert (unseen.has_picture, unseen.has_sound) == (False, True)
    assert (silent.has_picture, silent.has_sound) == (True, False)
    with pytest.raises(MediaError, match=r"unseen\.mp4: has no picture stream"):
        list(media.read_frames(videos["unseen"]))
    with pytest.raises(MediaError, match=r"silent\.mp4: has no sound stream"):
        media.read_sound(videos["silent"], (12_000,))


def touch_everything(path):
    """Do with a file whatever the extraction does."""
    info = media.probe(path)
    pictures = list(media.read_frames(path, size=32)) if info.has_picture else []
    sound = media.read_sound(path, (12_000, 22_050)) if info.has_sound else {}
    return pictures, sound


def touch_or_refuse(path):
    """Either what is there or a `MediaError` that names the file; any other exception passes through."""
    try:
        return touch_everything(path)
    except MediaError as error:
        message = str(error)
    assert str(path) in message
    return [], {}


def assert_refused(path):
    for use in (media.probe, lambda p: list(media.read_frames(p)), lambda p: media.read_sound(p, (12_000,))):
        with pytest.raises(MediaError) as caught:
            use(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["listed.mp4", "listed.m3u8", "listed.avi", "listed.txt"])
def test_a_list_that_points_to_a_file_is_never_followed(tmp_path, videos, name):
    target = videos["both"]
    lists = (
        f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3.2,\n{target}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile '{target}'\n",
        f"file://{target}\n",
        '<?xml version="1.0"?><MPD><Period><BaseURL>http://127.0.0.1/x.mp4</BaseURL></Period></MPD>',
        "this is not a video",
    )
    for text in lists:
        path = tmp_path / name
        path.write_text(text)
        assert_refused(path)


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "zeros.mp4").write_bytes(bytes(5000))
    for name in ("folder.mp4", "empty.mp4", "zeros.mp4", "missing.mp4"):
        assert_refused(tmp_path / name)


def test_an_oversized_picture_or_duration_is_refused(both, monkeypatch):
    monkeypatch.setattr(containers, "MAX_PIXELS", 64 * 48 - 1)
    with pytest.raises(MediaError, match=r"at most 3071 pixels a frame, got 64 x 48"):
        media.probe(both["mp4"])
    monkeypatch.setattr(containers, "MAX_SECONDS", 3)
    with pytest.raises(MediaError, match=r"at most 3 s, got [34] s"):
        media.probe(both["mp4"])


@pytest.mark.parametrize("name", [row[0] for row in FORMATS])
def test_a_truncated_file_gives_what_is_there_or_a_media_error(both, name, tmp_path):
    content = both[name].read_bytes()
    for cut in (*range(1, 60, 7), *(len(content) * tenth // 10 for tenth in range(1, 10))):
        path = tmp_path / f"cut{cut}.{name}"
        path.write_bytes(content[:cut])
        pictures, sound = touch_or_refuse(path)
        assert all(picture.shape == (32, 32, 3) for picture in pictures)
        assert all(len(samples) for samples in sound.values())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from([row[0] for row in FORMATS]))
def test_a_damaged_file_never_raises_anything_else(both, tmp_path_factory, data, name):
    content = bytearray(both[name].read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        start = data.draw(st.integers(0, len(content) - 1))
        changed = data.draw(st.binary(min_size=1, max_size=16))
        content[start : start + len(changed)] = changed
    path = tmp_path_factory.mktemp("damaged") / f"damaged.{name}"
    path.write_bytes(content)
    touch_or_refuse(path)


def test_an_unknown_codec_is_refused(both, tmp_path):
    for what, codec in (("pictures", b"V_MPEG4/ISO/AVC"), ("sound", b"A_FLAC")):
        path = tmp_path / "unknown.mkv"
        path.write_bytes(both["mkv"].read_bytes().replace(codec, codec[:2] + b"Z" * len(codec[2:])))
        with pytest.raises(MediaError, match=rf"unknown\.mkv: its {what} cannot be decoded: unknown codec"):
            media.probe(path)


def test_sound_that_changes_its_channels_and_rate_midway(tmp_path):
    parts = []
    for channels, sample_rate in ((1, 44_100), (2, 48_000)):
        path = tmp_path / f"{channels}.ts"
        sound = np.tile(tone(2, sample_rate), (channels, 1))
        parts.append(write_video(path, sound=sound, sample_rate=sample_rate).read_bytes())
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(parts))
    sound = media.read_sound(path, (12_000,))[12_000]
    assert len(sound) == pytest.approx(48_000, abs=3000)
    for part in (slice(6000, 18_000), slice(30_000, 42_000)):
        assert np.sqrt(np.mean(sound[part] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)
        assert np.abs(np.fft.rfft(sound[part])).argmax() == 440  # of a second: the pitch stays


def test_a_picture_far_in_the_future_is_refused(tmp_path, monkeypatch):
    path = write_video(tmp_path / "jump.mkv", times=[0.0, 1.0, 8.0])
    assert len(list(media.read_frames(path))) == 9
    header = dataclasses.replace(media.probe(path), duration=0.0)  # which says nothing of it
    monkeypatch.setattr(streams, "probe", lambda path: header)
    monkeypatch.setattr(containers, "MAX_SECONDS", 5)
    with pytest.raises(MediaError, match=r"jump\.mkv: expected pictures of at most 5 s, got one at 8\.0 s"):
        list(media.read_frames(path))


def test_the_made_videos_tell_their_time(tmp_path):
    """The other tests rest on this: a decoder that knows nothing of `media` reads the same times."""
    path = write_video(tmp_path / "times.mkv", times=EVERY_TENTH)
    with av.open(str(path)) as container:
        times = [time_of(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert times == pytest.approx(EVERY_TENTH)
    assert len({tuple(colour_at(time)) for time in EVERY_TENTH}) == len(EVERY_TENTH)
