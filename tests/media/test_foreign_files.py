"""Nothing foreign gets in: no file leads to another file or address, and no file keeps the decoder for ever.

``INSTREC_FUZZ_SECONDS=3600 pytest tests/media/test_foreign_files.py -k bytes_at_random`` fuzzes for an hour, with
another ``INSTREC_FUZZ_SEED`` over other files; ``INSTREC_FUZZ_KEEP`` is a folder for those that fail.
"""

import contextlib
import os
import resource
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_videos import time_of
from zoo import Pictures, Sound, write

from instrec_utils import media
from instrec_utils.errors import MediaError
from instrec_utils.features import extraction
from instrec_utils.features import store as features
from instrec_utils.media import containers, streams
from instrec_utils.report import excerpts

FUZZ_SECONDS = float(os.environ.get("INSTREC_FUZZ_SECONDS", "10"))
FUZZ_SEED = int(os.environ.get("INSTREC_FUZZ_SEED", "0"))
MAX_FUZZ_KILOBYTES = 4 * 2**20


LISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3.2,\n{target}\n#EXT-X-ENDLIST\n",
    "hls with a key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{target}"\n#EXTINF:3.2,\n{target}\n#EXT-X-ENDLIST\n',
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": '<?xml version="1.0"?><MPD type="static"><Period><AdaptationSet><Representation>'
    "<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\na=control:{target}\n",
    "asx": '<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
    "subtitles": "[Script Info]\nScriptType: v4.00+\nVideo File: {target}\n",
    "vobsub": "# VobSub index file, v7\nlangidx: 0\nid: {target}\n",
    "image sequence": "{target}/%03d.png\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{target}"/></svg>',
    "avisynth": 'AviSource("{target}")\n',
    "a name alone": "{target}\n",
}


def assert_refused(path):
    for use in (media.probe, lambda p: list(media.read_frames(p)), lambda p: media.read_sound(p, (12_000,))):
        with pytest.raises(MediaError) as caught:
            use(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("suffix", ["mp4", "m3u8", "ffconcat", "ass", "mkv"])
def test_no_list_is_followed_whatever_its_name(tmp_path, videos, listener, kind, suffix):
    address, callers = listener
    for target in (videos["both"], f"file:{videos['both']}", f"http://{address}/x.ts", f"tcp://{address}", "-"):
        path = tmp_path / f"list.{suffix}"
        path.write_text(LISTS[kind].format(target=target))
        assert_refused(path)
    time.sleep(0.02)
    assert callers == []


def atom(name, *content):
    body = b"".join(content)
    return (8 + len(body)).to_bytes(4, "big") + name + body


def with_references(content, reference):
    """A movie with the data references (dref) of all its tracks replaced."""
    parts, position = [], 0
    while position < len(content):
        size, name = int.from_bytes(content[position : position + 4], "big"), content[position + 4 : position + 8]
        body = content[position + 8 : position + size]
        if name in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
            body = with_references(body, reference)
        parts.append(atom(name, reference if name == b"dref" else body))
        position += size
    return b"".join(parts)


def alias(target):
    """A Macintosh alias record, as far as FFmpeg reads it: volume, file name, and the absolute path."""
    path = target.encode()
    name = Path(target).name.encode()[:63]
    record = bytes(10) + bytes([1]) + b"/".ljust(27, b"\0") + bytes(12) + bytes([len(name)]) + name.ljust(63, b"\0")
    record += bytes(16) + b"\0\1\0\1" + bytes(16)
    record += b"\0\2" + len(path).to_bytes(2, "big") + path + bytes(len(path) % 2) + b"\xff\xff\0\0"
    return atom(b"alis", bytes(4), record)


def test_a_movie_that_keeps_its_samples_elsewhere(tmp_path, videos, listener):
    """A QuickTime file may name another file or an address as the place of its samples: only its own are read."""
    address, callers = listener
    content = videos["both"].read_bytes()
    assert content.index(b"mdat") < content.index(b"moov")  # what moves holds no position
    for target in (str(videos["single"]), f"http://{address}/x.mp4", f"tcp://{address}"):
        entries = (atom(b"url ", bytes(4), target.encode() + b"\0"), alias(target))
        for entry in entries:
            path = tmp_path / "elsewhere.mov"
            path.write_bytes(with_references(content, b"\0\0\0\0\0\0\0\1" + entry))
            assert target.encode() in path.read_bytes()
            with contextlib.suppress(MediaError):
                assert [time_of(picture) for picture in media.read_frames(path)] == [0, 1, 2, 3]
    time.sleep(0.02)
    assert callers == []


@pytest.mark.parametrize(
    "name", ["http://{}/x.mp4", "tcp://{}", "concat:a.mp4|b.mp4", "pipe:0", "data:,x", "subfile,,:x"]
)
def test_an_address_is_only_a_file_name(listener, name):
    address, callers = listener
    with pytest.raises(MediaError, match="no such file"):
        media.probe(name.format(address))
    assert callers == []


def test_a_file_whose_name_is_an_address_is_still_a_file(tmp_path, videos, listener, monkeypatch):
    address, callers = listener
    monkeypatch.chdir(tmp_path)
    path = Path(f"http:{address}.mp4")
    path.write_bytes(videos["both"].read_bytes())
    assert len(list(media.read_frames(path))) == 4
    assert callers == []


# ---- bombs ------------------------------------------------------------------------------------------------------


def test_a_file_that_is_too_large(tmp_path, videos, monkeypatch):
    path = tmp_path / "sparse.mp4"
    path.write_bytes(videos["both"].read_bytes())
    os.truncate(path, containers.MAX_BYTES + 1)  # takes no space on the disk
    assert_refused(path)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_gigabytes_of_nothing_behind_a_good_beginning(tmp_path, monkeypatch, suffix):
    """A download that reserved its space: what is there is taken, and the rest is given up soon."""
    monkeypatch.setattr(containers, "MAX_READ_SECONDS", 0.5)
    path = tmp_path / f"sparse.{suffix}"
    write(path, Pictures(), Sound())
    os.truncate(path, 5 * 2**30)
    began = time.monotonic()
    assert [time_of(picture) for picture in media.read_frames(path)] == [0, 1, 2, 3]
    assert len(media.read_sound(path, (12_000,))[12_000]) == pytest.approx(3.2 * 12_000, abs=1000)
    assert time.monotonic() - began < 60


def test_a_picture_that_is_larger_than_its_header_says(tmp_path, monkeypatch):
    """The header is believed for the first check only; every decoded picture is measured again."""
    parts = []
    for size in ((64, 48), (640, 480)):
        path = tmp_path / f"{size[0]}.ts"
        write(path, Pictures(size=size))
        parts.append(path.read_bytes())
    path = tmp_path / "grows.ts"
    path.write_bytes(b"".join(parts))
    monkeypatch.setattr(containers, "MAX_PIXELS", 100 * 100)
    assert media.probe(path).width == 64
    # Either our check says so, or the decoder, which has the same limit, gives nothing of the larger ones.
    with contextlib.suppress(MediaError):
        assert all(picture.shape == (48, 64, 3) for picture in media.read_frames(path))
    monkeypatch.setattr(containers, "open_plain", unlimited(containers.open_plain))
    with pytest.raises(MediaError, match=r"grows\.ts: expected at most 10000 pixels a frame, got 640 x 480"):
        list(media.read_frames(path))


def unlimited(opened):
    def open_without_limits(path):
        container = opened(path)
        for stream in container.streams.video:
            stream.codec_context.options = {}
        return container

    return open_without_limits


def test_a_picture_of_enormous_size(tmp_path):
    """64 million pixels of one colour are a small file."""
    path = tmp_path / "enormous.mkv"
    write(path, Pictures("ffv1", rate=1, seconds=1, size=(16_000, 4000)))
    assert path.stat().st_size < 2**20
    with pytest.raises(MediaError, match=r"enormous\.mkv: expected at most \d+ pixels a frame, got 16000 x 4000"):
        list(media.read_frames(path))


def test_too_many_decoded_bytes(videos, monkeypatch):
    monkeypatch.setattr(containers, "MAX_DECODED_BYTES", 10 * 3 * 64 * 48)
    with pytest.raises(MediaError, match=r"both\.mp4: expected at most 92160 decoded bytes, got more"):
        list(media.read_frames(videos["both"], plan="through"))
    with pytest.raises(MediaError, match=r"both\.mp4: expected at most 92160 decoded bytes, got more"):
        media.read_sound(videos["both"], (12_000,))


def test_sound_that_never_ends(tmp_path, monkeypatch):
    path = tmp_path / "long.flac"
    write(path, None, Sound("flac", seconds=60, level=0.0))
    assert path.stat().st_size < 30_000  # a minute of silence; a day would be a small file, too
    short = media.probe(path)
    monkeypatch.setattr(streams, "probe", lambda path: short)
    monkeypatch.setattr(containers, "MAX_SECONDS", 30)
    with pytest.raises(MediaError, match=r"long\.flac: expected sound of at most 30 s, got more"):
        media.read_sound(path, (12_000,))


@pytest.mark.parametrize("plan", ["exact", "through"])
def test_decoding_that_takes_too_long_ends_in_a_reason(tmp_path, videos, monkeypatch, plan):
    monkeypatch.setattr(streams, "work_seconds", lambda info: 0.0)
    with pytest.raises(MediaError, match=r"both\.mp4: expected to be decoded in 0 s, given up after 0 s"):
        list(media.read_frames(videos["both"], plan=plan))
    with pytest.raises(MediaError, match=r"both\.mp4: expected to be decoded in 0 s, given up after 0 s"):
        media.read_sound(videos["both"], (12_000,))
    work = features.Video("both", videos["both"], tmp_path / "both.h5")
    with pytest.raises(MediaError, match="given up"):
        extraction.extract_video(work)
    assert list(tmp_path.iterdir()) == []


def test_the_time_that_the_caller_takes_is_not_counted(videos, monkeypatch):
    monkeypatch.setattr(streams, "work_seconds", lambda info: 2.0)
    pictures = media.read_frames(videos["both"])
    next(pictures)
    moment = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: moment + 1000)
    assert len(list(pictures)) == 3


# ---- fuzzing ----------------------------------------------------------------------------------------------------


def touch(path, excerpt=None):
    """Do with a file whatever extraction, validation and pages do, and more."""
    info = media.probe(path)
    if info.has_picture:
        for plan in media.PLANS:
            count = 0
            for picture in media.read_frames(path, size=32, plan=plan):
                assert picture.shape == (32, 32, 3)
                count += 1
            assert count > 0
    if info.has_sound:
        for channels in media.CHANNELS:
            sound = media.read_sound(path, (12_000, 22_050), channels=channels)
            assert all(np.isfinite(samples).all() and len(samples) for samples in sound.values())
    if excerpt is not None:
        excerpts.write_excerpt(path, excerpt)
        assert media.probe(excerpt).duration < excerpts.EXCERPT_SECONDS + 1


SEEDS = {
    "fuzz.mp4": (Pictures(seconds=1.2, rotation=90), Sound(seconds=1.2)),
    "fuzz.mkv": (Pictures("libx265", seconds=1.2), Sound("flac", seconds=1.2)),
    "fuzz.webm": (Pictures("libvpx-vp9", seconds=1.2), Sound("libopus", 48_000, seconds=1.2)),
    "av1.mp4": (Pictures("libsvtav1", seconds=1.2), Sound(seconds=1.2)),
    "fuzz.avi": (Pictures("mpeg4", seconds=1.2), Sound("libmp3lame", seconds=1.2)),
    "fuzz.flv": (Pictures("flv", seconds=1.2), Sound("libmp3lame", seconds=1.2)),
    "fuzz.ts": (Pictures(seconds=1.2), Sound("ac3", 48_000, seconds=1.2)),
    "fuzz.mpg": (Pictures("mpeg2video", 25, seconds=1.2), Sound("mp2", 48_000, seconds=1.2)),
    "fuzz.wmv": (Pictures("wmv2", seconds=1.2), Sound("libmp3lame", seconds=1.2)),
    "fuzz.mov": (Pictures("mjpeg", pixels="yuvj420p", seconds=1.2), Sound("pcm_s16le", seconds=1.2)),
    "fuzz.ogg": (None, Sound("libopus", 48_000, seconds=1.2)),
    "fuzz.wav": (None, Sound("pcm_s16le", seconds=0.5)),
    "fuzz.mp3": (None, Sound("libmp3lame", seconds=1.2)),
    "fuzz.caf": (None, Sound("pcm_s16be", seconds=0.5)),
}


def change(content, others, generator):
    """Flip, overwrite, empty, cut out, repeat, splice or cut off, mostly in the header, where the structure is."""
    content = bytearray(content)
    for _ in range(generator.integers(1, 8)):
        reach = max(1, len(content) if generator.random() < 0.5 else min(len(content), 2000))
        start = int(generator.integers(0, reach))
        length = int(generator.integers(1, 32))
        kind = generator.integers(0, 7)
        if kind == 0:
            content[start : start + 1] = bytes(
                byte ^ 1 << generator.integers(0, 8) for byte in content[start : start + 1]
            )
        elif kind == 1:
            content[start : start + length] = generator.bytes(length)
        elif kind == 2:
            content[start : start + 4] = generator.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff"])
        elif kind == 3:
            content[start:start] = content[start : start + 50 * length]
        elif kind == 4:
            content[start : start + 50 * length] = bytes(len(content[start : start + 50 * length]))
        elif kind == 5:
            other = others[generator.integers(0, len(others))]
            content[start if generator.random() < 0.3 else len(content) :] = other[
                generator.integers(0, len(other)) // 2 :
            ]
        elif generator.random() < 0.3:
            del content[start + 500 :]
        else:
            del content[start : start + length]
    return bytes(content)


@pytest.mark.slow
def test_bytes_at_random_never_do_more_than_raise_a_media_error(tmp_path):
    seeds = {}
    for name, (pictures, sound) in SEEDS.items():
        write(tmp_path / name, pictures, sound)
        seeds[name] = (tmp_path / name).read_bytes()
    end = time.process_time() + FUZZ_SECONDS
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # by whatever this process did before
    number = passed = refused = 0
    while time.process_time() < end or number < len(seeds):
        name = list(seeds)[number % len(seeds)]
        path = tmp_path / f"changed-{name}"
        path.write_bytes(change(seeds[name], list(seeds.values()), np.random.default_rng(FUZZ_SEED + number)))
        began = time.process_time()
        try:
            touch(path, tmp_path / "excerpt.mp4" if number % 16 == 1 else None)
            passed += 1
        except MediaError as error:
            refused += str(path) in str(error)
        except BaseException:
            path.rename(Path(os.environ.get("INSTREC_FUZZ_KEEP", tmp_path)) / f"case-{number}-{name}")
            raise
        assert time.process_time() - began < 60, number
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < held + MAX_FUZZ_KILOBYTES, number
        number += 1
    assert passed + refused == number  # every refusal names the file
    assert min(passed, refused) > 0
