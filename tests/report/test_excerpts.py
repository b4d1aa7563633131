"""Excerpts ask no more of a video than extraction does: any size, any stream, and what cannot be had is said."""

import re

import numpy as np
import pandas as pd
import pytest
from reference import ffmpeg, pictures, sound

from instrec_utils import media
from instrec_utils.corpora import Corpus
from instrec_utils.errors import MediaError
from instrec_utils.inputs import frames
from instrec_utils.report import excerpts, page

TONE = "0.4*sin(2*PI*440*t)"
CODECS = ("-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac")


def write(path, size="64x48", seconds=3, *options, pattern="testsrc2"):
    filmed = (*pictures(f"{pattern}=s={size}", seconds), *sound(TONE, seconds))
    return ffmpeg(*filmed, *CODECS, "-pix_fmt", "yuv444p", *options, path)


@pytest.mark.parametrize(
    ("size", "width"),
    [
        ("1280x720", 426),
        ("854x480", 428),
        ("720x1280", 136),
        ("1080x1920", 136),
        ("101x99", 244),
        ("99x101", 236),
        ("64x2", 1280),
        ("3x300", 2),
        ("1920x16", 1280),
    ],
)
def test_any_size_becomes_an_even_one(tmp_path, size, width):
    path = tmp_path / "excerpt.mp4"
    excerpts.write_excerpt(write(tmp_path / "film.mkv", size, 1), path)
    info = media.probe(path)
    assert (info.width % 2, info.height % 2) == (0, 0)
    assert info.height <= 240
    assert info.width == pytest.approx(width, abs=2)
    assert info.has_sound
    assert path.with_suffix(".jpg").exists()


def test_the_middle_is_shown_and_heard(tmp_path):
    """Each second has its own brightness and pitch."""
    grey = "color=black:s=64x48:r=10:d=20,format=yuv420p,geq=lum='20+10*floor(T)':cb=128:cr=128"
    filmed = ("-f", "lavfi", "-i", grey, *sound("0.4*sin(2*PI*(400+100*floor(t))*t)", 20))
    excerpts.write_excerpt(ffmpeg(*filmed, *CODECS, tmp_path / "film.mp4"), tmp_path / "excerpt.mp4")
    info = media.probe(tmp_path / "excerpt.mp4")
    assert info.duration == pytest.approx(excerpts.EXCERPT_SECONDS, abs=0.2)
    levels = [float(picture.mean()) for picture in media.read_frames(tmp_path / "excerpt.mp4")]
    np.testing.assert_allclose(levels, [(4 + 10 * second) * 255 / 219 for second in range(6, 14)], atol=5)
    samples = media.read_sound(tmp_path / "excerpt.mp4", (8000,))[8000]
    pitches = [np.abs(np.fft.rfft(samples[8000 * n + 2000 : 8000 * n + 6000])).argmax() * 2 for n in range(8)]
    np.testing.assert_allclose(pitches, [400 + 100 * second for second in range(6, 14)], atol=10)


def test_one_stream_is_enough(tmp_path):
    for name, options, has_picture in (("song.m4a", ("-vn",), False), ("mute.mp4", ("-an",), True)):
        path = tmp_path / f"{name}.excerpt.mp4"
        excerpts.write_excerpt(write(tmp_path / name, "64x48", 3, *options), path)
        info = media.probe(path)
        assert (info.has_picture, info.has_sound) == (has_picture, not has_picture)
        assert info.duration == pytest.approx(3, abs=0.2)
        assert path.with_suffix(".jpg").exists() == has_picture


def test_the_poster_is_the_moment_with_the_most_detail(tmp_path):
    """Two seconds of eight show something; the middle does not."""
    shown = "color=gray:s=64x48:r=10:d=8,format=yuv420p,geq=lum='if(gte(T,6),255*mod(floor(X/8)+floor(Y/8),2),128)'"
    filmed = ffmpeg("-f", "lavfi", "-i", f"{shown}:cb=128:cr=128", *CODECS, tmp_path / "film.mp4")
    excerpts.write_excerpt(filmed, tmp_path / "excerpt.mp4")
    poster = frames.decode_jpeg(np.frombuffer((tmp_path / "excerpt.jpg").read_bytes(), np.uint8))
    assert poster.std() > 80


def test_a_still_picture_stays_as_long_as_its_sound(tmp_path):
    filmed = (*pictures("color=red:s=64x48", 0.1), *sound(TONE, 5))
    excerpts.write_excerpt(ffmpeg(*filmed, *CODECS, tmp_path / "still.mkv"), tmp_path / "excerpt.mp4")
    assert media.probe(tmp_path / "excerpt.mp4").duration == pytest.approx(5, abs=0.2)


def test_pictures_that_end_before_the_middle_leave_the_sound(tmp_path):
    filmed = (*pictures("testsrc2=s=64x48", 2), *sound(TONE, 30))
    excerpts.write_excerpt(ffmpeg(*filmed, *CODECS, tmp_path / "short.mkv"), tmp_path / "excerpt.mp4")
    info = media.probe(tmp_path / "excerpt.mp4")
    assert info.has_sound
    assert info.duration == pytest.approx(excerpts.EXCERPT_SECONDS, abs=0.2)


def test_a_browser_recording_without_a_duration(tmp_path):
    codecs = ("-c:v", "libvpx", "-deadline", "realtime", "-c:a", "libopus", "-f", "webm", "-live", 1)
    filmed = (*pictures("testsrc2=s=64x48", 12), *sound(TONE, 12))
    excerpts.write_excerpt(ffmpeg(*filmed, *codecs, tmp_path / "live.webm"), tmp_path / "excerpt.mp4")
    assert media.probe(tmp_path / "excerpt.mp4").duration == pytest.approx(excerpts.EXCERPT_SECONDS, abs=0.2)


def test_where_the_middle_is_out_of_reach_it_is_the_beginning(tmp_path, monkeypatch):
    source = write(tmp_path / "film.mp4", "64x48", 12, "-g", "10")
    original = media.read_frames

    def read_frames(path, *, first=0, **how):
        if first:
            raise MediaError(f"{path}: given up")
        return original(path, first=first, **how)

    monkeypatch.setattr(excerpts.media, "read_frames", read_frames)
    excerpts.write_excerpt(source, tmp_path / "excerpt.mp4")
    begins = next(original(tmp_path / "excerpt.mp4", size=32)).astype(int)
    assert np.abs(begins - next(original(source, size=32))).mean() < 20


def with_empty_data(path):
    """Empty the pictures and the sound of an MP4 file, whose headers stay."""
    content = bytearray(path.read_bytes())
    place = content.index(b"mdat")
    length = int.from_bytes(content[place - 4 : place], "big") - 8
    content[place + 4 : place + 4 + length] = bytes(length)
    path.write_bytes(content)
    return path


def test_what_cannot_be_had_is_an_error_in_time(tmp_path):
    with pytest.raises(MediaError, match=r"zeros\.mp4: pictures cannot be decoded"):
        excerpts.write_excerpt(with_empty_data(write(tmp_path / "zeros.mp4")), tmp_path / "excerpt.mp4")
    assert not list(tmp_path.glob("*excerpt*"))


def test_a_list_behind_a_tag_reaches_no_other_program(tmp_path):
    """moviepy's ffmpeg would follow it."""
    other = write(tmp_path / "secret.ts")
    path = tmp_path / "list.mp3"
    path.write_bytes(b"ID3\4\0\0\0\0\1\0" + bytes(128) + f"#EXTM3U\n#EXTINF:3,\n{other}\n#EXT-X-ENDLIST\n".encode())
    with pytest.raises(MediaError, match="not a plain media file"):
        excerpts.write_excerpt(path, tmp_path / "excerpt.mp4")


def test_a_page_plays_what_it_can_and_says_what_it_cannot(home):
    folder = home / "videos"
    folder.mkdir()
    write(folder / "film.mp4")
    write(folder / "song.m4a", "64x48", 3, "-vn")
    with_empty_data(write(folder / "zeros <b>.mp4"))
    names = ["film.mp4", "song.m4a", "zeros <b>.mp4", "gone.mp4"]
    index = pd.DataFrame({"video_id": list("abcd"), "label": "flute", "split": "train", "path": names, "duration": 3.0})
    text = page.players(Corpus("mine", "folder", home / "data", folder, index), index, list("ABCD")).data
    assert re.findall(r"<(video|audio) controls", text) == ["video", "audio"]
    assert 'src="../runs/mine/media/a.mp4" playsinline poster="../runs/mine/media/a.jpg"' in text
    assert "C (no excerpt: zeros &lt;b&gt;.mp4: pictures cannot be decoded" in text
    assert "D (no excerpt: gone.mp4: no such file)" in text
    assert str(home) not in text
