"""Whatever people upload: a hundred small files whose pictures and sound say what time it is.

Everything is written by the encoders in PyAV's wheel. Left out, as the wheel can read but not write them: WMV 3, VC-1,
RealVideo 3 and 4, Theora, VP6, AMR-WB, DTS, 10-bit VP9. They take the same way through the decoder.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from encoders import ordinary_priority
from tiny_videos import colour_at, tone

FREQUENCY, LEVEL = 440.0, 0.4
OPTIONS = {
    "libx264": {"preset": "ultrafast"},
    "libx265": {"preset": "ultrafast", "x265-params": "log-level=none"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    "libsvtav1": {"preset": "12"},
}


@dataclass(frozen=True)
class Pictures:
    codec: str = "libx264"
    rate: Fraction | int = 10
    seconds: float = 3.2
    times: tuple[float, ...] | None = None  # multiples of 1 / rate; None for all of them
    size: tuple[int, int] = (64, 48)  # width, height
    pixels: str = "yuv420p"
    rotation: int = 0
    start: float = 0.0
    options: tuple[tuple[str, str], ...] = ()

    def moments(self) -> list[Fraction]:
        """When each picture appears, from the first one on."""
        if self.times is not None:
            return [Fraction(round(time * self.rate)) / self.rate for time in self.times]
        return [Fraction(number) / self.rate for number in range(max(1, round(self.seconds * self.rate)))]

    def expected(self) -> list[float]:
        """What the pictures on screen at 0, 1, 2, ... s say."""
        moments = self.moments()
        seconds = itertools.takewhile(lambda second: second < max(self.seconds, 1e-6), itertools.count())
        return [told(max(moment for moment in moments if moment <= second)) for second in seconds]


@dataclass(frozen=True)
class Sound:
    codec: str = "aac"
    rate: int = 44_100
    layout: str = "stereo"
    seconds: float = 3.2
    level: float = LEVEL
    start: float = 0.0
    tolerance: float = 1.5  # dB

    def samples(self) -> np.ndarray:
        """A tone in the first channel, [shape=(num_channels, num_samples)]."""
        samples = np.zeros((av.AudioLayout(self.layout).nb_channels, round(self.seconds * self.rate)), np.float32)
        samples[0] = tone(self.seconds, self.rate, FREQUENCY, self.level)
        return samples


@dataclass(frozen=True)
class Case:
    """A file, and what is to come of it: pictures, sound or an error."""

    name: str
    pictures: Pictures | None = None
    sound: Sound | None = None
    error: str = ""  # regular expression for the reason
    make: Callable[[Path], None] | None = None  # None writes the pictures and the sound


def told(moment: Fraction | float) -> float:
    """The time that a picture tells: tenths of a second, starting again after ten."""
    return int(10 * moment) % 100 / 10


def write(path: Path, pictures: Pictures | None = None, sound: Sound | None = None, **options: str) -> None:
    """Write a file of these pictures and this sound; the container is told by the name."""
    os.environ.setdefault("SVT_LOG", "0")
    with ordinary_priority(), av.open(str(path), "w", **options) as container:
        writers = []
        if pictures is not None:
            video = container.add_stream(
                pictures.codec, rate=pictures.rate, options=OPTIONS.get(pictures.codec, {}) | dict(pictures.options)
            )
            video.width, video.height = pictures.size
            if pictures.codec == "mpeg4":
                video.bit_rate = 1_000_000  # enough for every colour to be told from the next
            video.pix_fmt = pictures.pixels
            if pictures.rotation:
                video.set_display_rotation(pictures.rotation)
            writers.append((video, _picture_frames(pictures)))
        if sound is not None:
            # The wheel's only Vorbis encoder calls itself experimental.
            audio = container.add_stream(
                sound.codec, rate=sound.rate, layout=sound.layout, options={"strict": "experimental"}
            )
            writers.append((audio, _sound_frames(sound, audio)))
        for stream, frames in writers:
            durations = {}
            for frame in [*frames, None]:
                if frame is not None:
                    durations[frame.pts] = frame.duration
                for packet in stream.encode(frame):
                    if stream.type == "video" and packet.pts in durations:
                        packet.duration = durations[packet.pts]
                    container.mux(packet)


def _picture_frames(pictures: Pictures):
    moments = pictures.moments()
    for moment, following in zip(
        moments, [*moments[1:], Fraction(pictures.seconds).limit_denominator(1000)], strict=True
    ):
        shown = np.broadcast_to(colour_at(told(moment)), (*pictures.size[::-1], 3)).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown), format="rgb24")
        frame = frame.reformat(format=pictures.pixels)
        frame.time_base = 1 / Fraction(pictures.rate)
        frame.pts = round((moment + Fraction(pictures.start)) * pictures.rate)
        frame.duration = max(1, round((following - moment) * pictures.rate))
        yield frame


def _sound_frames(sound: Sound, stream: av.AudioStream):
    resampler = av.AudioResampler(format=stream.format.name, layout=sound.layout, rate=sound.rate)
    samples = sound.samples()
    for begin in range(0, samples.shape[1], 1024):
        block = np.ascontiguousarray(samples[:, begin : begin + 1024].T).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, format="flt", layout=sound.layout)
        frame.sample_rate, frame.time_base = sound.rate, Fraction(1, sound.rate)
        frame.pts = begin + round(sound.start * sound.rate)
        yield from resampler.resample(frame)


def _bytes(content: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(content) and None


def _covered(path: Path) -> None:
    """Sound with a picture of its cover."""
    with av.open(str(path), "w") as container:
        sound = Sound("libmp3lame")
        audio = container.add_stream(sound.codec, rate=sound.rate, layout=sound.layout)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        (frame,) = _picture_frames(Pictures(rate=1, seconds=1, pixels="yuvj420p"))
        for packet in [*cover.encode(frame), *cover.encode(None)]:
            container.mux(packet)
        for frame in [*_sound_frames(sound, audio), None]:
            container.mux(audio.encode(frame))


def _two_tracks(path: Path) -> None:
    """A second sound track, which is not the one to take."""
    sounds = (Sound(), Sound(level=0.05))
    with av.open(str(path), "w") as container:
        tracks = [container.add_stream(sound.codec, rate=sound.rate, layout=sound.layout) for sound in sounds]
        for sound, track in zip(sounds, tracks, strict=True):
            for frame in [*_sound_frames(sound, track), None]:
                container.mux(track.encode(frame))


def _latin_title(path: Path) -> None:
    """A title in an encoding of the last century."""
    write(path, Pictures("mpeg4"), Sound("libmp3lame"))
    content = path.read_bytes()
    size = int.from_bytes(content[4:8], "little")
    title = b"LIST" + (16).to_bytes(4, "little") + b"INFOINAM" + (4).to_bytes(4, "little") + b"\xe9\xe8\xff\0"
    path.write_bytes(b"RIFF" + (size + len(title)).to_bytes(4, "little") + content[8:12] + title + content[12:])


def _turned(name: str, rotation: int) -> Case:
    return Case(name, Pictures(rotation=rotation, size=(48, 64)), Sound())


def cases() -> list[Case]:
    """Return all files but the damaged ones."""
    both = [
        ("h264-aac.mp4", "libx264", "aac"),
        ("h264-aac.mov", "libx264", "aac"),
        ("h264-aac.mkv", "libx264", "aac"),
        ("h264-aac.flv", "libx264", "aac"),
        ("h264-aac.3gp", "libx264", "aac"),
        ("h264-aac.ts", "libx264", "aac"),
        ("h264-ac3.avi", "libx264", "ac3"),
        ("h264-ac3.mp4", "libx264", "ac3"),
        ("h264-mp3.mp4", "libx264", "libmp3lame"),
        ("h264-alac.mov", "libx264", "alac"),
        ("h264-flac.mkv", "libx264", "flac"),
        ("h264-pcm.mov", "libx264", "pcm_s24le"),
        ("hevc-aac.mp4", "libx265", "aac"),
        ("hevc-ac3.ts", "libx265", "ac3"),
        ("hevc-opus.mkv", "libx265", "libopus"),
        ("vp8-vorbis.webm", "libvpx", "vorbis"),
        ("vp8-opus.mkv", "libvpx", "libopus"),
        ("vp9-opus.webm", "libvpx-vp9", "libopus"),
        ("vp9-vorbis.webm", "libvpx-vp9", "vorbis"),
        ("vp9-aac.mp4", "libvpx-vp9", "aac"),
        ("av1-opus.webm", "libsvtav1", "libopus"),
        ("av1-aac.mp4", "libsvtav1", "aac"),
        ("av1-flac.mkv", "libsvtav1", "flac"),
        ("mpeg4-mp3.avi", "mpeg4", "libmp3lame"),
        ("mpeg4-aac.3gp", "mpeg4", "aac"),
        ("mpeg4-mp3.mkv", "mpeg4", "libmp3lame"),
        ("mjpeg-pcm.avi", "mjpeg", "pcm_s16le"),
        ("mjpeg-pcm.mov", "mjpeg", "pcm_s16le"),
        ("flv1-mp3.flv", "flv", "libmp3lame"),
        ("mpeg2-mp2.ts", "mpeg2video", "mp2"),
        ("ffv1-pcm.mkv", "ffv1", "pcm_s16le"),
        ("prores-pcm.mov", "prores_ks", "pcm_s16le"),
    ]
    pixels = {"mjpeg": "yuvj420p", "prores_ks": "yuv422p10le"}
    made = [
        Case(
            name,
            Pictures(picture, rate=25 if picture == "mpeg2video" else 10, pixels=pixels.get(picture, "yuv420p")),
            Sound(sound, rate=48_000 if "opus" in sound or sound in ("ac3", "mp2") else 44_100),
        )
        for name, picture, sound in both
    ]
    x264, pcm = Pictures(), Sound("pcm_s16le", layout="mono")
    made += [
        Case(
            "h263-amr.3gp",
            Pictures("h263", Fraction(30000, 1001), size=(128, 96)),
            Sound("libopencore_amrnb", 8000, "mono", tolerance=3.0),
        ),
        *(
            Case(f"fps{rate}.mp4", replace(x264, rate=rate, seconds=3), Sound(seconds=3))
            for rate in (1, 5, 24, 50, 60, 120)
        ),
        *(
            Case(f"fps{rate}.mkv", replace(x264, rate=Fraction(rate, 1001), seconds=3.003), Sound())
            for rate in (24000, 30000, 60000)
        ),
        Case("variable.mp4", replace(x264, times=(0, 0.1, 0.9, 1.0, 1.1, 2.5, 3.0), seconds=4.2), Sound()),
        Case("variable.mkv", replace(x264, times=(0, 2.1, 2.2, 4.9), seconds=5.5), Sound()),
        Case("one-frame.mp4", replace(x264, seconds=0.1)),
        Case("still.mp4", replace(x264, times=(0,), seconds=3), Sound(seconds=3)),
        Case("still-short.mkv", replace(x264, seconds=0.1), Sound(seconds=3)),
        Case("no-sound.mp4", x264),
        Case("no-sound.webm", Pictures("libvpx-vp9")),
        Case("no-picture.mp4", None, Sound()),
        Case("no-picture.webm", None, Sound("libopus", 48_000)),
        Case("song.wav", None, pcm),
        Case("song.flac", None, Sound("flac")),
        Case("song.mp3", None, Sound("libmp3lame")),
        Case("song.ogg", None, Sound("vorbis")),
        Case("low.mp3", None, Sound("libmp3lame", 16_000, "mono")),
        Case("silent.mp4", x264, Sound(level=0)),
        Case("loud.mkv", x264, Sound("pcm_s16le", level=1.0)),
        *(
            Case(f"{layout}.mkv", x264, Sound("pcm_s16le", layout=layout))
            for layout in ("mono", "2.1", "quad", "5.1", "7.1")
        ),
        Case("aac51.mp4", x264, Sound(layout="5.1", rate=48_000)),
        Case("ac351.ts", x264, Sound("ac3", 48_000, "5.1")),
        *(
            Case(f"hz{rate}.mkv", x264, Sound("flac", rate, "mono"))
            for rate in (8000, 11_025, 16_000, 22_050, 32_000, 96_000, 192_000)
        ),
        Case("floats.mkv", x264, Sound("pcm_f32le")),
        Case("u8.avi", Pictures("mpeg4"), Sound("pcm_u8", tolerance=2.0)),
        Case("mulaw.mov", x264, Sound("pcm_mulaw", 8000, "mono")),
        Case("sound-longer.mp4", x264, Sound(seconds=6)),
        Case("sound-shorter.mp4", replace(x264, seconds=6), Sound(seconds=2)),
        Case("sound-later.mkv", x264, Sound(start=1.5)),
        Case("sound-later.mp4", x264, Sound(start=1.5)),
        Case("picture-later.mkv", replace(x264, start=1.5), Sound()),
        Case("picture-later.ts", replace(x264, start=1.5), Sound()),
        Case("both-later.mp4", replace(x264, start=100), Sound(start=100)),
        *(_turned(f"turned{turn}.mp4", turn) for turn in (90, 180, 270)),
        Case("odd.mkv", Pictures("ffv1", size=(65, 49)), pcm),
        Case("odd.mp4", replace(x264, size=(67, 45), pixels="yuv444p"), Sound()),
        Case("tiny.mkv", Pictures("ffv1", size=(2, 2)), pcm),
        Case("wide.mp4", replace(x264, size=(1000, 16)), Sound()),
        Case("ten-bits.mp4", replace(x264, pixels="yuv420p10le"), Sound()),
        Case("ten-bits-hevc.mkv", Pictures("libx265", pixels="yuv420p10le"), Sound()),
        Case("ten-bits-av1.webm", Pictures("libsvtav1", pixels="yuv420p10le"), Sound("libopus", 48_000)),
        Case("interlaced.mp4", replace(x264, options=(("x264-params", "interlaced=1"),)), Sound()),
        Case("interlaced.ts", Pictures("mpeg2video", 25, options=(("flags", "+ildct+ilme"),)), Sound("mp2", 48_000)),
        Case("alpha.mov", Pictures("qtrle", pixels="argb"), pcm),
        Case("alpha-png.mov", Pictures("png", pixels="rgba"), pcm),
        Case("b-frames.avi", Pictures("mpeg4", options=(("bf", "2"),)), Sound("libmp3lame")),
        Case("half-a-second.mp4", replace(x264, seconds=0.5), Sound(seconds=0.5)),
        Case(
            "fragments.mp4",
            x264,
            Sound(),
            make=lambda path: write(path, x264, Sound(), options={"movflags": "frag_keyframe+empty_moov"}),
        ),
        Case(
            "front.mp4", x264, Sound(), make=lambda path: write(path, x264, Sound(), options={"movflags": "faststart"})
        ),
        Case(
            "camcorder.mts",
            x264,
            Sound("ac3", 48_000),
            make=lambda path: write(
                path, x264, Sound("ac3", 48_000), format="mpegts", options={"mpegts_m2ts_mode": "1"}
            ),
        ),
        Case("Ünïcödé – 音楽 🎻.mp4", x264, Sound()),
        Case("a" * 250 + ".mp4", x264, Sound()),
        Case("-i %s 'quoted' \"double\" $HOME; ls | x.mp4", x264, Sound()),
        Case("line\nbreak.mp4", x264, Sound()),
        Case("http:__example.org_a.mp4", x264, Sound()),
        Case(
            "really-a-webm.mp4",
            Pictures("libvpx-vp9"),
            Sound("libopus", 48_000),
            make=lambda path: write(path, Pictures("libvpx-vp9"), Sound("libopus", 48_000), format="webm"),
        ),
        Case("no-suffix", x264, Sound(), make=lambda path: write(path, x264, Sound(), format="matroska")),
        Case("covered.mp3", None, Sound("libmp3lame"), make=_covered),
        Case("two-tracks.mp4", None, Sound(), make=_two_tracks),
        Case("latin-title.avi", Pictures("mpeg4"), Sound("libmp3lame"), make=_latin_title),
        Case("empty.mp4", error="expected 1 to .* bytes, got 0", make=_bytes(b"")),
        Case("text.mp4", error="not a plain media file", make=_bytes(b"dear diary, this is not a video\n" * 40)),
        Case("page.mp4", error="not a plain media file", make=_bytes(b"<!doctype html><title>404</title>" * 40)),
        Case("picture.mp4", error="not a plain media file", make=_bytes(b"\xff\xd8\xff\xe0\0\x10JFIF\0" * 100)),
        Case("zeros.mp4", error="not a plain media file", make=_bytes(bytes(5000))),
        Case("folder.mp4", error="not a file", make=lambda path: path.mkdir()),
        Case("pipe.mp4", error="not a file", make=lambda path: os.mkfifo(path)),
        Case("missing.mp4", error="no such file", make=lambda path: None),
        Case("head-only.mp4", error="cannot be opened as mp4", make=_bytes(b"\0\0\0\x18ftypmp42" + bytes(500))),
        Case("riff-only.avi", error="cannot be opened as", make=_bytes(b"RIFF\xff\xff\xff\x7fAVI LIST" + bytes(300))),
        Case(
            "ebml-only.mkv",
            error="cannot be opened as|neither a picture",
            make=_bytes(b"\x1aE\xdf\xa3" + bytes(300)),
        ),
        Case(
            "flv-only.flv",
            error="cannot be opened as|neither a picture",
            make=_bytes(b"FLV\x01\x05\0\0\0\x09" + bytes(300)),
        ),
    ]
    return made


def write_case(case: Case, folder: Path) -> Path:
    path = folder / case.name
    if case.make is not None:
        case.make(path)
    else:
        write(path, case.pictures, case.sound)
    return path
