"""The pictures must not depend on which packets are decoded: every plan against a plain decoding loop."""

import itertools
import os
from fractions import Fraction

import av
import numpy as np
import pytest
from encoders import ordinary_priority
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from instrec_utils import media
from instrec_utils.errors import MediaError
from instrec_utils.media import containers
from instrec_utils.media import packets as sampling

RATE = 25
X264 = {"preset": "medium", "sc_threshold": "0", "b-pyramid": "normal", "bf": "3"}
X265 = "log-level=none:bframes=3:scenecut=0:open-gop={}"
# name: container, codec, options; most with B-frames or frames that are not shown
FILMS = {
    "h264": ("mp4", "libx264", X264),
    "h264 in ts": ("ts", "libx264", X264),
    "h264 in flv": ("flv", "libx264", X264 | {"bf": "0"}),
    "h264 open": ("mkv", "libx264", X264 | {"x264-params": "open-gop=1"}),
    "h264 refresh": ("mp4", "libx264", X264 | {"intra-refresh": "1"}),
    "h264 interlaced": ("mkv", "libx264", X264 | {"x264-params": "interlaced=1"}),
    "hevc open": ("mp4", "libx265", {"preset": "ultrafast", "x265-params": X265.format(1)}),
    "hevc closed": ("mkv", "libx265", {"preset": "ultrafast", "x265-params": X265.format(0)}),
    "hevc in ts": ("ts", "libx265", {"preset": "ultrafast", "x265-params": X265.format(1)}),
    "vp8": ("webm", "libvpx", {"deadline": "good", "cpu-used": "4", "auto-alt-ref": "1", "lag-in-frames": "12"}),
    "vp9": ("webm", "libvpx-vp9", {"deadline": "good", "cpu-used": "5", "auto-alt-ref": "1", "lag-in-frames": "12"}),
    "av1": ("mp4", "libsvtav1", {"preset": "12"}),
    "mjpeg": ("mov", "mjpeg", {}),
    "mpeg4": ("avi", "mpeg4", {"bf": "2"}),
}
SEEKABLE = {"h264", "h264 in ts", "h264 in flv", "hevc open", "hevc closed", "hevc in ts", "vp9", "av1", "mjpeg"}


def pictures(num_frames):
    """A moving noisy texture: no picture can be mistaken for another."""
    texture = np.random.default_rng(7).integers(0, 256, (64, 400, 3), dtype=np.uint8)
    texture = np.repeat(np.repeat(texture, 2, axis=0), 2, axis=1)
    for number in range(num_frames):
        yield np.ascontiguousarray(texture[number % 8 : number % 8 + 64, 2 * number : 2 * number + 96])


def write_film(path, codec, options, *, distance, seconds, start=0):
    """Write a film whose key frames are `distance` frames apart and whose first frame has the number `start`."""
    os.environ.setdefault("SVT_LOG", "0")
    with ordinary_priority(), av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options=options)
        stream.width, stream.height = 96, 64
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = distance
        frames = (av.VideoFrame.from_ndarray(picture, format="rgb24") for picture in pictures(round(seconds * RATE)))
        for number, frame in enumerate(itertools.chain(frames, [None])):
            if frame is not None:
                frame.pts, frame.time_base = number + start, Fraction(1, RATE)
            for packet in stream.encode(frame):
                container.mux(packet)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Give a film by its name, key-frame distance and length, each made once."""
    folder, made = tmp_path_factory.mktemp("films"), {}

    def get(name, distance, seconds=4):
        key = (name, distance, seconds)
        if key not in made:
            suffix, codec, options = FILMS[name]
            path = folder / f"{name.replace(' ', '-')}-{distance}-{seconds}.{suffix}"
            made[key] = write_film(path, codec, options, distance=distance, seconds=seconds)
        return made[key]

    return get


def decoded(path):
    """All pictures with their times, by a loop that knows nothing of `media`."""
    with av.open(str(path)) as container:
        frames = [frame for frame in container.decode(video=0) if frame.pts is not None]
    times = [frame.pts * frame.time_base for frame in frames]
    end = times[-1] + frames[-1].duration * frames[-1].time_base
    return [time - times[0] for time in times], [f.to_ndarray(format="rgb24") for f in frames], end - times[0]


def reference(path, frame_rate=1):
    """What is on screen at every step, by a search through all pictures."""
    times, shown, end = decoded(path)
    moments = itertools.takewhile(lambda moment: moment < end, (Fraction(n) / frame_rate for n in range(10_000)))
    return [shown[max(n for n, time in enumerate(times) if time <= moment)] for moment in moments]


def assert_same(found, expected):
    assert len(found) == len(expected)
    for picture, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(picture, wanted)


def packets_of(path):
    with av.open(str(path)) as container:
        return sampling.read_packets(container, container.streams.video[0])


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("distance", [7, 60])
def test_every_plan_gives_the_same_pictures(film, name, distance):
    path = film(name, distance)
    for frame_rate in (1, 5):
        expected = reference(path, frame_rate)
        for plan in ("exact", "through", "seek"):
            assert_same(list(media.read_frames(path, frame_rate=frame_rate, plan=plan)), expected)
    assert_same(list(media.read_frames(path, plan="seek", num_threads=1)), reference(path))


@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_stretches_together_are_the_whole(film, name, count):
    path = film(name, 7)
    firsts = media.stretches(path, count, frame_rate=10)
    assert firsts[0] == 0
    assert firsts == sorted(set(firsts))
    assert len(firsts) <= count
    if name in SEEKABLE:
        assert (count == 1) == (len(firsts) == 1)
    if name in ("mpeg4", "h264 open", "h264 refresh"):  # restarts are unknown, or there is one only
        assert firsts == [0]
    found = []
    for first, following in itertools.pairwise([*firsts, None]):
        numbers = None if following is None else range(first, following)
        found += media.read_frames(path, frame_rate=10, numbers=numbers, first=first, num_threads=1)
    assert_same(found, reference(path, 10))


@pytest.mark.parametrize("plan", ["exact", "through", "seek"])
def test_from_a_frame_on(film, plan):
    path = film("h264", 7)
    expected = reference(path, 10)
    for first in (0, 13, 39, 40, 1000):
        assert_same(list(media.read_frames(path, frame_rate=10, first=first, plan=plan)), expected[first:])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(FILMS)),
    distance=st.sampled_from([1, 5, 24, 200]),
    numbers=st.lists(st.integers(0, 39), max_size=6).map(sorted),
    plan=st.sampled_from(["exact", "seek"]),
)
def test_chosen_pictures_are_those_of_the_whole(film, name, distance, numbers, plan):
    path = film(name, distance)
    expected = reference(path, 10)
    found = media.read_frames(path, frame_rate=10, numbers=numbers, plan=plan)
    assert_same(list(found), [expected[number] for number in numbers])


@pytest.mark.parametrize("name", sorted(SEEKABLE))
def test_little_is_decoded_for_few_pictures(film, name, monkeypatch):
    path = film(name, 10, 8)
    decoded_frames = []
    original = containers.within_limits

    def spy(*arguments):
        for frame in original(*arguments):
            decoded_frames.append(frame.pts)
            yield frame

    monkeypatch.setattr(containers, "within_limits", spy)
    assert_same(list(media.read_frames(path, numbers=[2, 6])), [reference(path)[number] for number in (2, 6)])
    assert 2 <= len(decoded_frames) <= 2 * 11
    decoded_frames.clear()
    list(media.read_frames(path, numbers=[2, 6], plan="through"))
    assert len(decoded_frames) >= 6 * RATE


@pytest.mark.parametrize("name", sorted(set(FILMS) - {"mpeg4"}))
def test_decoding_can_begin_at_every_restart(film, name):
    """From a restart on, a fresh decoder shows exactly what a decoder of the whole shows."""
    path = film(name, 12)
    packets = packets_of(path)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        whole = {frame.pts: frame.to_ndarray() for frame in container.decode(stream)}
    for begin in np.flatnonzero(packets.restarts):
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            following = itertools.islice(
                (packet for packet in container.demux(stream) if packet.size), begin, begin + 20
            )
            fresh = [frame for packet in [*following, None] for frame in stream.codec_context.decode(packet)]
        fresh = {frame.pts: frame.to_ndarray() for frame in fresh if frame.pts >= packets.times[begin]}
        assert packets.times[begin] in fresh
        for pts, picture in fresh.items():
            np.testing.assert_array_equal(picture, whole[pts])


@pytest.mark.parametrize("name", ["h264 open", "h264 refresh"])
def test_a_key_frame_that_is_no_restart_is_not_taken_for_one(film, name):
    path = film(name, 12)
    with av.open(str(path)) as container:
        keys = sum(packet.is_keyframe for packet in container.demux(video=0))
    assert keys > 1
    assert packets_of(path).restarts.sum() == 1


@pytest.mark.parametrize("name", ["h264", "h264 in ts", "hevc closed", "hevc in ts", "vp8", "vp9", "av1"])
def test_the_bytes_alone_tell_a_restart(film, name):
    """A container may flag any packet; in these films every key frame is a restart, and nothing else is."""
    with av.open(str(film(name, 12))) as container:
        stream = container.streams.video[0]
        codec, extradata = stream.codec_context.name, stream.codec_context.extradata or b""
        packets = [packet for packet in container.demux(stream) if packet.size]
    told = [sampling._RESTARTS[codec](bytes(packet), extradata) for packet in packets]
    assert told == [packet.is_keyframe for packet in packets]
    assert 3 < sum(told) < len(told) / 2


@given(content=st.binary(min_size=1, max_size=60), extradata=st.binary(max_size=30))
def test_any_bytes_may_come(content, extradata):
    for is_restart in sampling._RESTARTS.values():
        assert is_restart(content, extradata) in (True, False)


@pytest.mark.parametrize(("suffix", "start"), [("mp4", 35), ("mp4", -4), ("mkv", 35), ("ts", 35), ("mov", -30)])
def test_streams_that_start_late_or_before_zero(tmp_path, suffix, start):
    path = write_film(tmp_path / f"start.{suffix}", "libx264", X264, distance=10, seconds=4, start=start)
    expected = reference(path)
    for plan in ("exact", "through", "seek"):
        assert_same(list(media.read_frames(path, plan=plan)), expected)
        assert_same(list(media.read_frames(path, plan=plan, numbers=[1, 2])), expected[1:3])


@pytest.mark.parametrize("name", ["h264", "vp9", "mjpeg"])
def test_the_nearest_key_frames(film, name):
    path = film(name, 15)
    packets = packets_of(path)
    times, shown, _ = decoded(path)
    keys = sorted(int(np.argsort(packets.times).tolist().index(packet)) for packet in np.flatnonzero(packets.restarts))
    expected = [min(keys, key=lambda key: abs(times[key] - second)) for second in range(4)]
    assert_same(list(media.read_frames(path, plan="key frames")), [shown[key] for key in expected])


def test_where_the_list_is_of_no_use_the_key_frame_plan_decodes_through(film):
    path = film("mpeg4", 12)
    assert packets_of(path) is None
    assert_same(list(media.read_frames(path, plan="key frames")), reference(path))


@pytest.mark.parametrize("plan", ["exact", "through", "seek"])
def test_frames_that_are_not_there(film, plan):
    path = film("h264", 60)
    with pytest.raises(MediaError, match=r"h264-60-4\.mp4: expected frame numbers below 4, got 4"):
        list(media.read_frames(path, numbers=[1, 4], plan=plan))


@pytest.mark.parametrize("numbers", [[-1], [2, 1]])
def test_numbers_that_make_no_sense(film, numbers):
    with pytest.raises(ValueError, match="expected frame numbers from 0 on that do not decrease"):
        list(media.read_frames(film("h264", 60), numbers=numbers))


def test_an_unknown_plan(film):
    with pytest.raises(ValueError, match=r"plan: expected one of \('exact', .*\), got 'fastest'"):
        list(media.read_frames(film("h264", 60), plan="fastest"))


@st.composite
def streams(draw):
    """Packets in groups that begin with a restart; within a group the order on screen is another."""
    times, restarts, start = [], [], 0
    for _ in range(draw(st.integers(1, 5))):
        length = draw(st.integers(1, 8))
        late = draw(st.permutations(range(1, length)))
        leading = draw(st.integers(0, min(3, start)))  # packets after the restart that precede it on screen
        times += [start, *(start + n for n in late)]
        restarts += [True] + [False] * (length - 1)
        if leading and length > 1:
            times[-1], start = start - Fraction(1, 2), start
        start += length
    times = np.array([int(2 * time) for time in times])
    return sampling.Packets(times, np.ones(len(times), np.int64), np.array(restarts), Fraction(1, 2))


@given(packets=streams(), data=st.data())
def test_efforts_cover_what_each_wanted_packet_needs(packets, data):
    count = len(packets.times)
    wanted = np.array(data.draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=5)))
    needed = set()
    for packet in wanted:
        begin = max(n for n in range(packet + 1) if packets.restarts[n] and packets.times[n] <= packets.times[packet])
        needed |= set(range(begin, packet + 1))
    effort = sampling.efforts(packets, wanted)
    assert set(np.flatnonzero(effort != sampling.SKIP)) == needed
    assert set(np.flatnonzero(effort == sampling.SHOW)) == set(wanted.tolist())


@given(packets=streams(), data=st.data())
def test_what_is_on_screen_and_what_is_nearest(packets, data):
    low, high = int(packets.times.min()), int(packets.times.max())
    times = np.array(data.draw(st.lists(st.integers(low, high + 5), min_size=1, max_size=8)))
    shown = sampling.on_screen(packets, times)
    nearest = sampling.nearest_restarts(packets, times)
    restarts = packets.times[packets.restarts]
    for time, packet, restart in zip(times, shown, nearest, strict=True):
        assert packets.times[packet] == max(known for known in packets.times if known <= time)
        assert packets.restarts[restart]
        assert abs(packets.times[restart] - time) == min(abs(known - time) for known in restarts)
