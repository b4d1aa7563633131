"""Joined recordings: every picture once at its place in playing order, and the sound beside it."""

import numpy as np
import pytest
from reference import ffmpeg, sound

from instrec_utils import media

SECONDS = 4
RATE = 12_000
COUNT = 8  # pictures a second
BEEP = "if(lt(mod(t\\,1)\\,0.1)\\,0.5*sin(2*PI*1000*t)\\,0)"
CODECS = {
    "mpg": ("-c:v", "mpeg2video", "-q:v", "2", "-r", "24", "-c:a", "mp2"),
    "webm": ("-c:v", "libvpx", "-deadline", "realtime", "-b:v", "1M", "-c:a", "libopus"),
}


def write_part(path, *options, first=0, at=0, seconds=SECONDS):
    """Write grey pictures that tell their number, from the first on, and a beep at every full second."""
    grey = f"color=black:s=64x48:r={COUNT}:d={seconds},format=yuv420p,geq=lum='20+3*(N+{first})':cb=128:cr=128"
    codecs = CODECS.get(
        path.suffix[1:], ("-c:v", "libx264", "-preset", "veryfast", "-qp", "0", "-g", "8", "-c:a", "aac")
    )
    ffmpeg("-f", "lavfi", "-i", grey, *sound(BEEP, seconds), *codecs, *options, "-output_ts_offset", at, path)
    return path.read_bytes()


def numbers_of(path, **how):
    """Return the numbers that the pictures tell, one each at the rate they were written with."""
    greys = [float(picture.mean()) for picture in media.read_frames(path, frame_rate=COUNT, size=16, **how)]
    return [round((grey * 219 / 255 - 2.5) / 3) for grey in greys]  # the scaler rounds down


def beeps_of(path):
    """Return when beeps begin, in seconds."""
    samples = media.read_sound(path, (RATE,))[RATE]
    loud = np.abs(samples[: len(samples) // 120 * 120]).reshape(-1, 120).max(axis=1) > 0.2
    return np.flatnonzero(np.diff(loud.astype(int), prepend=0) == 1) / 100


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Give recordings of a transport stream by when their clock begins, each made once: the later pictures."""
    folder, made = tmp_path_factory.mktemp("parts"), {}

    def get(at=0, first=SECONDS * COUNT):
        if (at, first) not in made:
            made[at, first] = write_part(folder / f"part{at}.ts", first=first, at=at)
        return made[at, first]

    return get


@pytest.mark.parametrize(
    "at", [0, 1, 1000, 72_000, 95_443], ids=["starts again", "overlaps", "leaps", "leaps far", "wraps"]
)
def test_joined_recordings_play_one_after_the_other(parts, tmp_path, at):
    path = tmp_path / "joined.ts"
    path.write_bytes(parts(first=0) + parts(at))
    assert media.probe(path).duration == pytest.approx(2 * SECONDS, abs=0.2)
    for plan in ("exact", "through", "seek"):
        assert numbers_of(path, plan=plan) == list(range(2 * SECONDS * COUNT))
    np.testing.assert_allclose(beeps_of(path), range(2 * SECONDS), atol=0.1)


def test_time_that_goes_back_a_thousand_seconds(parts, tmp_path):
    path = tmp_path / "back.ts"
    path.write_bytes(parts(1000, first=0) + parts(0) + parts(1000, first=0))
    count = SECONDS * COUNT
    assert numbers_of(path) == [*range(2 * count), *range(count)]
    np.testing.assert_allclose(beeps_of(path), range(3 * SECONDS), atol=0.15)


def test_a_short_gap_is_kept_and_silent(parts, tmp_path):
    """As long as players wait: the last picture stays, and the sound goes on at its place."""
    path = tmp_path / "gap.ts"
    path.write_bytes(parts(first=0) + parts(SECONDS + 3))
    count, gap = SECONDS * COUNT, 3 * COUNT
    assert numbers_of(path) == [*range(count), *[count - 1] * gap, *range(count, 2 * count)]
    expected = [*range(SECONDS), *range(SECONDS + 3, 2 * SECONDS + 3)]
    np.testing.assert_allclose(beeps_of(path), expected, atol=0.1)


@pytest.mark.parametrize("begins", [90_000, 95_442, 95_400, -2])
def test_broadcasts_begin_anywhere(tmp_path, begins):
    path = tmp_path / "begins.ts"
    write_part(path, at=begins)
    assert media.probe(path).duration == pytest.approx(SECONDS, abs=0.2)
    assert numbers_of(path) == list(range(SECONDS * COUNT))
    np.testing.assert_allclose(beeps_of(path), range(SECONDS), atol=0.1)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "mov", "flv"])
def test_files_that_begin_late(tmp_path, suffix):
    path = tmp_path / f"late.{suffix}"
    write_part(path, at=5000)
    assert media.probe(path).duration == pytest.approx(SECONDS, abs=0.3)
    assert numbers_of(path) == list(range(SECONDS * COUNT))


@pytest.mark.parametrize("suffix", ["mpg", "webm", "flv"])
def test_other_containers_joined(tmp_path, suffix):
    content = write_part(tmp_path / f"one.{suffix}")
    path = tmp_path / f"joined.{suffix}"
    path.write_bytes(content + (content[13:] if suffix == "flv" else content))
    rate = 24 if suffix == "mpg" else COUNT
    assert len(list(media.read_frames(path, frame_rate=rate, size=16))) == pytest.approx(2 * SECONDS * rate, abs=1)
    np.testing.assert_allclose(beeps_of(path), range(2 * SECONDS), atol=0.1)


def test_a_recording_whose_sound_ends_early_is_joined_in_step(parts, tmp_path):
    (tmp_path / "whole.ts").write_bytes(parts(first=0))
    inputs = ("-i", tmp_path / "whole.ts", "-t", "2", "-i", tmp_path / "whole.ts")
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", tmp_path / "early.ts")
    path = tmp_path / "joined.ts"
    path.write_bytes((tmp_path / "early.ts").read_bytes() + parts(0))
    assert numbers_of(path) == list(range(2 * SECONDS * COUNT))
    np.testing.assert_allclose(beeps_of(path), [0, 1, *range(SECONDS, 2 * SECONDS)], atol=0.1)


def test_sound_begins_where_the_pictures_do(tmp_path):
    path = tmp_path / "late-sound.mkv"
    write_part(tmp_path / "one.mkv")
    inputs = ("-i", tmp_path / "one.mkv", "-itsoffset", "1.5", "-i", tmp_path / "one.mkv")
    ffmpeg(*inputs, "-map", "0:v", "-map", "1:a", "-c", "copy", path)
    np.testing.assert_allclose(beeps_of(path)[-3:], [2.5, 3.5, 4.5], atol=0.1)
    assert numbers_of(path) == list(range(SECONDS * COUNT))


@pytest.mark.parametrize("suffix", ["mkv", "mp4"])
def test_a_gap_never_becomes_a_thousand_copies(tmp_path, suffix):
    """Nothing is shown or heard for 20 minutes: players would wait, here is nothing to be learned."""
    path = tmp_path / f"gap.{suffix}"
    grey = "color=black:s=64x48:r=8:d=4,format=yuv420p,geq=lum='20+3*N':cb=128:cr=128,setpts='PTS+gte(N,16)*1200/TB'"
    ffmpeg("-f", "lavfi", "-i", grey, "-c:v", "libx264", "-qp", "0", "-bf", "0", "-fps_mode", "passthrough", path)
    found = numbers_of(path)
    assert len(found) < 70 * COUNT
    assert sorted(set(found)) == list(range(32))
    assert found == sorted(found)


def test_a_picture_stays_as_long_as_there_is_sound(tmp_path):
    """A song with one picture is no gap."""
    path = tmp_path / "song.mkv"
    still = ("-f", "lavfi", "-i", "color=red:s=64x48:r=1:d=200,select='eq(n,0)+eq(n,150)'")
    codecs = ("-c:v", "libx264", "-fps_mode", "passthrough", "-c:a", "libopus", "-b:a", "6k")
    ffmpeg(*still, *sound("0.1*sin(2000*t)", 200), *codecs, path)
    assert 150 < len(list(media.read_frames(path, size=16))) <= 200
