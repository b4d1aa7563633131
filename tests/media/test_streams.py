"""Of several streams the one is taken that a player would take, and that holds something."""

import av
import numpy as np
import pytest
from reference import ffmpeg, heard, pictures, sound

from instrec_utils import media
from instrec_utils.errors import MediaError

LOUD, SOFT, SILENT = "0.4*sin(2*PI*440*t)", "0.05*sin(2*PI*440*t)", "0"
MOVING, STILL = pictures("testsrc2=s=64x48", 3), pictures("color=red:s=64x48", 3)
CODECS = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
RATE = 12_000


def level_of(path):
    return float(np.sqrt(np.mean(media.read_sound(path, (RATE,))[RATE] ** 2)))


def loudness(expression):
    return {LOUD: 0.4, SOFT: 0.05, SILENT: 0.0}[expression] / np.sqrt(2)


def write_tracks(path, sounds, *options, seconds=3, second=None):
    """Write moving pictures with several sound tracks; the second one may last another time."""
    inputs = [
        part for number, one in enumerate(sounds) for part in sound(one, second if second and number else seconds)
    ]
    maps = [part for number in range(1, len(sounds) + 1) for part in ("-map", number)]
    return ffmpeg(*MOVING, *inputs, "-map", "0", *maps, *CODECS, *options, path)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "mov"])
@pytest.mark.parametrize(
    ("sounds", "dispositions", "expected"),
    [
        ((LOUD, SOFT), ("default", "0"), LOUD),
        ((LOUD, SOFT), ("0", "default"), SOFT),
        ((LOUD, SOFT), ("0", "0"), LOUD),
        ((SILENT, SOFT), ("default", "0"), SOFT),  # what is silent loses, even as the default
        ((SILENT, SILENT), ("0", "0"), SILENT),
    ],
)
def test_the_default_track_unless_it_is_silent(tmp_path, suffix, sounds, dispositions, expected):
    told = [part for number, one in enumerate(dispositions) for part in (f"-disposition:a:{number}", one)]
    path = write_tracks(tmp_path / f"two.{suffix}", sounds, *told)
    assert level_of(path) == pytest.approx(loudness(expected), abs=0.01)


@pytest.mark.parametrize("beside", ["comment", "visual_impaired", "hearing_impaired"])
def test_a_commentary_loses(tmp_path, beside):
    path = write_tracks(tmp_path / "two.mkv", (LOUD, SOFT), "-disposition:a:0", beside, "-disposition:a:1", "0")
    assert level_of(path) == pytest.approx(loudness(SOFT), abs=0.01)


def test_the_longest_track(tmp_path):
    path = write_tracks(tmp_path / "two.mkv", (LOUD, SOFT), "-disposition:a", "0", seconds=1, second=3)
    assert len(media.read_sound(path, (RATE,))[RATE]) == pytest.approx(3 * RATE, abs=RATE / 10)


def test_a_plain_copy_has_what_is_seen_and_heard_of_several_streams(tmp_path):
    inputs = (*STILL, *MOVING, *sound(SILENT, 3), *sound(SOFT, 3))
    maps = [part for number in range(4) for part in ("-map", number)]
    path = ffmpeg(*inputs, *maps, *CODECS, "-disposition:a:0", "default", "-disposition:a:1", "0", tmp_path / "two.mkv")
    media.write_plain_copy(path, tmp_path / "copy.mp4")
    as_stereo = loudness(SOFT) / np.sqrt(2)  # ffmpeg keeps the power of one channel in two
    assert level_of(tmp_path / "copy.mp4") == pytest.approx(as_stereo, abs=0.005)
    for shown, copied in zip(media.read_frames(path), media.read_frames(tmp_path / "copy.mp4"), strict=True):
        assert np.abs(shown.astype(int) - copied).mean() < 10
    with av.open(str(tmp_path / "copy.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_a_still_first_picture_loses(tmp_path, suffix):
    made = (*STILL, *MOVING, "-map", "0", "-map", "1", *CODECS)
    path = ffmpeg(*made, tmp_path / f"two.{suffix}")
    found = list(media.read_frames(path))
    assert np.abs(found[0].astype(int) - found[1]).mean() > 1


def test_the_cover_of_a_song_is_no_video(tmp_path):
    ffmpeg(*STILL, "-frames:v", "1", tmp_path / "cover.png")
    made = (
        "-i",
        tmp_path / "cover.png",
        *sound(LOUD, 3),
        "-map",
        "0",
        "-map",
        "1",
        "-c:v",
        "copy",
        "-c:a",
        "libmp3lame",
    )
    for name, codec in (("song.mp3", "libmp3lame"), ("song.m4a", "aac")):
        path = ffmpeg(*made, "-c:a", codec, "-disposition:v:0", "attached_pic", tmp_path / name)
        info = media.probe(path)
        assert (info.has_picture, info.has_sound) == (False, True)
        assert info.duration == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize("suffix", ["mkv", "flv", "avi", "ts", "mov"])
def test_an_empty_sound_track_never_costs_the_pictures(tmp_path, suffix):
    path = tmp_path / f"empty.{suffix}"
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4" if suffix == "avi" else "libx264", rate=10)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        container.add_stream("libmp3lame" if suffix == "avi" else "aac", rate=44_100)
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 8 * number, np.uint8), format="rgb24")
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    info = media.probe(path)
    assert (info.has_picture, info.has_sound) == (True, False)
    assert len(list(media.read_frames(path))) == 3
    with pytest.raises(MediaError, match="has no sound stream"):
        media.read_sound(path, (RATE,))


def test_a_sound_track_of_nothing_but_its_lead_in_is_empty(tmp_path):
    """AAC begins with samples that are not part of the sound; here nothing follows them."""
    ffmpeg(*MOVING, *sound(LOUD, 3), *CODECS, tmp_path / "both.mp4")
    with av.open(str(tmp_path / "both.mp4")) as source, av.open(str(tmp_path / "lead.mp4"), "w") as container:
        copies = {stream.index: container.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is not None and (packet.stream.type == "video" or packet.pts < 0):
                packet.stream = copies[packet.stream.index]
                container.mux(packet)
    info = media.probe(tmp_path / "lead.mp4")
    assert (info.has_picture, info.has_sound) == (True, False)
    assert len(list(media.read_frames(tmp_path / "lead.mp4"))) == 3


def test_sound_that_comes_late_in_a_broadcast_is_found(tmp_path):
    """At first the header knows of no sample rate."""
    ffmpeg(*MOVING, *CODECS, tmp_path / "mute.ts")
    write_tracks(tmp_path / "both.ts", (LOUD,))
    path = tmp_path / "joined.ts"
    path.write_bytes((tmp_path / "mute.ts").read_bytes() + (tmp_path / "both.ts").read_bytes())
    assert len(list(media.read_frames(path))) == 6
    samples = media.read_sound(path, (RATE,))[RATE]
    assert np.abs(samples[: 2 * RATE]).max() == 0
    assert np.sqrt(np.mean(samples[4 * RATE : 5 * RATE] ** 2)) == pytest.approx(loudness(LOUD), abs=0.01)


def test_sound_of_which_the_header_knows_no_sample_rate_is_decoded_whole(tmp_path):
    """A broadcast whose multiplexer sends the sound long after its pictures."""
    both = (*pictures("testsrc2=s=64x48", 12), *sound(LOUD, 12))
    ffmpeg(*both, *CODECS, "-streamid", "1:300", tmp_path / "both.ts")
    content = (tmp_path / "both.ts").read_bytes()
    packets = [content[begin : begin + 188] for begin in range(0, len(content), 188)]
    packets.sort(key=lambda packet: int.from_bytes(packet[1:3]) & 0x1FFF == 300)  # those of the sound come last
    path = tmp_path / "late.ts"
    path.write_bytes(b"".join(packets))
    with av.open(str(path)) as container:
        assert container.streams.audio[0].codec_context.sample_rate == 0
    part, whole = (media.read_sound(path, (RATE,), wanted)[RATE] for wanted in (lambda _: [(0.0, 1.0)], None))
    np.testing.assert_array_equal(part, whole)
    assert level_of(path) == pytest.approx(loudness(LOUD), abs=0.01)


# ---- duration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [2, 12])
@pytest.mark.parametrize("streams", ["both", "pictures", "sound"])
def test_a_browser_recording_says_nothing_of_its_duration(tmp_path, seconds, streams):
    inputs = (*pictures("testsrc2=s=64x48", seconds), *sound(LOUD, seconds))
    kept = {"both": ("-map", 0, "-map", 1), "pictures": ("-map", 0), "sound": ("-map", 1)}[streams]
    codecs = (
        "-c:v",
        "libvpx",
        "-deadline",
        "realtime",
        "-cpu-used",
        "8",
        "-c:a",
        "libopus",
        "-f",
        "webm",
        "-live",
        "1",
    )
    path = ffmpeg(*inputs, *kept, *codecs, tmp_path / "live.webm")
    info = media.probe(path)
    assert info.duration == pytest.approx(seconds, abs=0.12)
    assert media.work_seconds(info) > media.MIN_WORK_SECONDS + 3 * seconds
    if info.has_picture:
        assert len(list(media.read_frames(path))) == seconds


@pytest.mark.parametrize("name", ["rate.mp3", "raw.aac", "pipe.flac", "chained.ogg"])
def test_what_guesses_its_duration_is_counted(tmp_path, name):
    codecs = {"mp3": ("-c:a", "libmp3lame", "-write_xing", 0, "-q:a", 9), "ogg": ("-c:a", "libopus")}
    expression = "if(lt(t\\,3)\\,0\\,0.4*random(0))"  # few bits first, many later: a guess by the first ones is wrong
    path = ffmpeg(*sound(expression, 6), *codecs.get(name[-3:], ()), tmp_path / name)
    expected = 6
    if name == "chained.ogg":
        path.write_bytes(2 * path.read_bytes())
        expected = 12
    assert media.probe(path).duration == pytest.approx(expected, abs=0.6)


# ---- channels ---------------------------------------------------------------------------------------------------


def test_channels_that_cancel_each_other(tmp_path):
    path = ffmpeg(*sound("0.2*sin(2*PI*440*t)|-0.4*sin(2*PI*440*t)|0", 3), "-c:a", "flac", tmp_path / "turned.mka")
    mean, loudest = (media.read_sound(path, (RATE,), channels=one)[RATE] for one in media.CHANNELS)
    assert np.sqrt(np.mean(mean**2)) == pytest.approx(0.2 / 3 / np.sqrt(2), rel=0.02)
    assert np.sqrt(np.mean(loudest**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.02)
    power = media.channel_power(path)
    assert power.of_mean == pytest.approx((0.2 / 3) ** 2 / 2, rel=0.02)
    assert power.loudest == pytest.approx((0.2 / 3) ** 2 / 2, rel=0.02)
    np.testing.assert_allclose(power.of_each, [0.02, 0.08, 0], rtol=0.02, atol=1e-6)
    with pytest.raises(ValueError, match=r"channels: expected one of \('mean', 'loudest'\), got 'left'"):
        media.read_sound(path, (RATE,), channels="left")


def test_the_loudest_of_one_channel_is_that_one(tmp_path):
    path = ffmpeg(*sound(LOUD, 3), "-c:a", "flac", tmp_path / "mono.flac")
    mean, loudest = (media.read_sound(path, (RATE,), channels=one)[RATE] for one in media.CHANNELS)
    np.testing.assert_array_equal(mean, loudest)
    np.testing.assert_allclose(np.sqrt(np.mean(mean**2)), np.sqrt(np.mean(heard(path, RATE) ** 2)), rtol=1e-3)
