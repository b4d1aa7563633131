"""What a file is, its content says: every allowed kind, whatever it is called, and no list of other files."""

import shutil
import time

import pytest
from reference import ffmpeg, heard, pictures, sound

from instrec_utils import media
from instrec_utils.errors import MediaError

RATE = 12_000
TONE, FILM = sound("0.4*sin(2*PI*440*t)", 2), pictures("testsrc2=s=64x48", 2, 25)
ID3 = b"ID3\4\0\0" + bytes([0, 0, 1, 0]) + bytes(128)  # a tag of 128 bytes before the content
SOUNDS = {
    "aac": (),
    "ac3": (),
    "aiff": (),
    "amr": ("-ar", 8000),
    "au": (),
    "caf": (),
    "eac3": (),
    "flac": (),
    "m4a": (),
    "mka": (),
    "mp2": (),
    "mp3": ("-c:a", "libmp3lame"),
    "oga": ("-c:a", "flac"),
    "ogg": ("-c:a", "libvorbis"),
    "opus": ("-c:a", "libopus"),
    "w64": (),
    "wav": (),
    "wma": (),
}
VIDEOS = {
    "3g2": ("-c:v", "mpeg4", "-c:a", "aac"),
    "asf": (),
    "m2ts": ("-c:v", "libx264", "-c:a", "ac3"),
    "m4v": ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac"),
    "mpg": (),
    "mxf": ("-c:v", "mpeg2video"),
    "vob": (),
    "wmv": (),
}


def assert_plays(path, *, has_picture=False):
    samples = media.read_sound(path, (RATE,))[RATE]
    assert len(samples) == pytest.approx(2 * RATE, abs=0.25 * RATE)
    assert abs(float((samples**2).mean()) - float((heard(path, RATE) ** 2).mean())) < 0.005
    assert media.probe(path).duration == pytest.approx(2, abs=0.25)
    if has_picture:
        assert len(list(media.read_frames(path, size=32))) in (2, 3)


@pytest.mark.parametrize("suffix", SOUNDS)
def test_recordings(tmp_path, suffix):
    path = ffmpeg(*TONE, *SOUNDS[suffix], tmp_path / f"sound.{suffix}")
    assert_plays(path)
    assert_plays(shutil.copy(path, tmp_path / "called otherwise.m3u8"))


@pytest.mark.parametrize("suffix", VIDEOS)
def test_videos(tmp_path, suffix):
    path = ffmpeg(*FILM, *TONE, *VIDEOS[suffix], tmp_path / f"film.{suffix}")
    assert_plays(path, has_picture=True)
    assert_plays(shutil.copy(path, tmp_path / "called otherwise.ass"), has_picture=True)


BEGINNINGS = {
    "FLAC after a tag": ("a.flac", (), lambda content: ID3 + content),
    "AAC after a tag": ("a.aac", (), lambda content: ID3 + content),
    "MP3 after zeros": ("a.mp3", (), lambda content: bytes(3000) + content),
    "MP3 without any tag": ("a.mp3", ("-write_xing", 0, "-id3v2_version", 0), bytes),
    "MP3 at 11 kHz": ("a.mp3", ("-ar", 11_025, "-write_xing", 0, "-id3v2_version", 0), bytes),
    "MP3 at 8 kHz": ("a.mp3", ("-ar", 8000, "-write_xing", 0, "-id3v2_version", 0), bytes),
    "RF64": ("a.wav", ("-rf64", "always"), bytes),
    "broadcast wave": ("a.wav", ("-write_bext", 1, "-metadata", "description=x"), bytes),
    "wave of unknown length": (
        "a.wav",
        ("-bitexact",),
        lambda content: content[:40] + b"\xff\xff\xff\xff" + content[44:],
    ),
    "transport stream cut in a packet": ("a.ts", (), lambda content: content[100:]),
    "camcorder cut in a packet": ("a.m2ts", (), lambda content: content[77:]),
    "program stream cut in a packet": ("a.mpg", (), lambda content: content[500:]),
    "MPEG-4 in fragments": ("a.mp4", ("-movflags", "dash"), bytes),
    "QuickTime that begins with a preview": ("a.mov", (), lambda content: content[:4] + b"pnot" + content[8:]),
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_unusual_beginnings(tmp_path, name):
    called, options, change = BEGINNINGS[name]
    path = ffmpeg(*TONE, *options, tmp_path / called)
    path.write_bytes(change(path.read_bytes()))
    assert_plays(path)


LISTS = {
    "hls": "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:3.2,\n{target}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{target}'\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet>'
    '<Representation id="0"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>',
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nt=0 0\nm=video 5004 RTP/AVP 96\na=control:{target}\n",
    "imf": '<?xml version="1.0"?><CompositionPlaylist><Id>{target}</Id></CompositionPlaylist>',
    "subtitles": "1\n00:00:00,000 --> 00:00:02,000\n{target}\n",
    "web subtitles": "WEBVTT\n\n00:00.000 --> 00:02.000\n{target}\n",
    "rtsp": "[Reference]\nRef1={target}\n",
    "smooth": '<?xml version="1.0"?><SmoothStreamingMedia><StreamIndex Url="{target}"/></SmoothStreamingMedia>',
}


@pytest.mark.parametrize(
    "before", [b"", ID3, b"\xef\xbb\xbf", bytes(200)], ids=["plain", "tagged", "marked", "after zeros"]
)
@pytest.mark.parametrize("kind", LISTS)
def test_no_list_is_followed_even_after_a_tag(tmp_path, videos, listener, before, kind):
    address, callers = listener
    for target in (str(videos["both"]), f"file:{videos['both']}", f"http://{address}/x.ts", f"tcp://{address}"):
        for name in ("list.mp3", "list.m3u8", "list.mkv", "list"):
            path = tmp_path / name
            path.write_bytes(before + LISTS[kind].format(target=target).encode())
            with pytest.raises(MediaError, match="not a plain media file"):
                media.probe(path)
            with pytest.raises(MediaError):
                list(media.read_frames(path))
            with pytest.raises(MediaError):
                media.read_sound(path, (RATE,))
    time.sleep(0.02)
    assert callers == []


def test_a_list_behind_a_song_is_not_followed(tmp_path, listener):
    address, callers = listener
    path = ffmpeg(*TONE, "-c:a", "libmp3lame", tmp_path / "song.mp3")
    path.write_bytes(path.read_bytes() + LISTS["hls"].format(target=f"http://{address}/x.ts").encode())
    assert_plays(path)
    time.sleep(0.02)
    assert callers == []


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.srt", "a.h264"])
def test_what_is_no_recording_is_something_else(tmp_path, name):
    if name == "a.srt":
        (tmp_path / name).write_text("1\n00:00:00,000 --> 00:00:02,000\nWords\n")
    else:
        ffmpeg(*FILM, *(("-frames:v", 1) if name == "a.png" else ()), tmp_path / name)
    with pytest.raises(MediaError, match=r"not a plain media file.* told by content, not by name: it is something"):
        media.probe(tmp_path / name)
