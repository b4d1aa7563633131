"""A folder of thirty videos as people have them: from phones, cameras, browsers, screen recorders and download tools.

Each is a few seconds long and written by ffmpeg with the containers, codecs and oddities of its kind. Every class has
its own tone and pattern of picture, and every video its own number, so that no two are alike.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

SECONDS = 6
H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
VP8 = ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "200k")
VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "200k")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-tag:v", "hvc1")
AAC, OPUS = ("-c:a", "aac"), ("-c:a", "libopus")


@dataclass(frozen=True)
class Upload:
    """How one video is written.

    Attributes
    ----------
    name : str [of the file]
    codecs : sequence of str [ffmpeg's options of its output]
    size : str [width x height; empty for sound alone]
    rate : int [pictures a second]
    has_sound : bool
    input_options : sequence of str [ffmpeg's options of a second pass over the written file, as for a display matrix]
    """

    name: str
    codecs: Sequence[str]
    size: str = "320x180"
    rate: int = 15
    has_sound: bool = True
    input_options: Sequence[str] = ()


UPLOADS = (
    # Phones.
    Upload("IMG_0412.MOV", (*HEVC, *AAC), "270x480", 30),
    Upload("VID_20260801_181502.mp4", (*H264, *AAC), "480x270", 30, input_options=("-display_rotation", "90")),
    Upload("PXL_20260802_front.mp4", (*H264, *AAC), "240x426", input_options=("-display_hflip",)),
    Upload("WhatsApp Video 2026-08-03 at 18.15.02.mp4", (*H264, *AAC, "-ar", "16000", "-ac", "1"), "214x120"),
    Upload("slow motion.mp4", (*H264, *AAC, "-fps_mode", "vfr", "-vf", "setpts=PTS+gt(N\\,30)*0.5/TB")),
    Upload("old phone.3gp", ("-c:v", "h263", *AAC, "-ar", "8000", "-ac", "1"), "176x144"),
    # Cameras.
    Upload("00021.MTS", (*H264, "-flags", "+ildct+ilme", "-c:a", "ac3", "-f", "mpegts"), "360x288", 25),
    Upload("MVI_7731.MOV", ("-c:v", "mjpeg", "-pix_fmt", "yuvj422p", "-c:a", "pcm_s16le")),
    Upload("GX010042.MP4", (*H264, *AAC, "-timecode", "10:00:00:00"), "426x240", 30),
    Upload(
        "hdr.mov",
        (
            *HEVC,
            "-pix_fmt",
            "yuv420p10le",
            "-color_trc",
            "arib-std-b67",
            "-color_primaries",
            "bt2020",
            "-colorspace",
            "bt2020nc",
            *AAC,
        ),
    ),
    Upload("camcorder.mpg", ("-c:v", "mpeg2video", "-c:a", "mp2", "-f", "mpeg"), "352x288", 25),
    Upload("anamorphic.avi", ("-c:v", "mjpeg", "-c:a", "pcm_s16le", "-aspect", "16:9"), "240x192"),
    # Browsers and conferences.
    Upload("recording.webm", (*VP8, *OPUS, "-live", "1")),
    Upload("MediaRecorder portrait.webm", (*VP9, *OPUS, "-live", "1"), "121x217"),
    Upload("fragmented.mp4", (*H264, *AAC, "-movflags", "frag_keyframe+empty_moov+default_base_moof")),
    Upload("zoom_0.mp4", (*H264, *AAC, "-ac", "1", "-ar", "32000"), "640x360", 5),
    # Screen recorders.
    Upload("2026-08-04 20-11-42.mkv", (*H264, *AAC), "426x240", 30),
    Upload("Screen Recording.mov", ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p", *AAC), "301x201"),
    Upload("no microphone.mp4", H264, has_sound=False),
    Upload("stream.flv", (*H264, *AAC)),
    Upload("lossless.mkv", ("-c:v", "ffv1", "-c:a", "flac"), "160x90"),
    # Download tools.
    Upload("Solo 🎻 [dQw4w9WgXcQ].mkv", (*VP9, *OPUS)),
    Upload("曲目 第一.webm", (*VP9, *OPUS), "256x144"),
    Upload("-f best.mp4", (*H264, *AAC)),
    Upload("audio only.m4a", AAC, ""),
    Upload("song.mp3", ("-c:a", "libmp3lame", "-id3v2_version", "3", "-metadata", "title=Lied"), ""),
    Upload("take.flac", ("-c:a", "flac"), ""),
    Upload("field recording.wav", ("-c:a", "pcm_s24le", "-rf64", "always"), ""),
    Upload("divx.avi", ("-c:v", "mpeg4", "-c:a", "libmp3lame")),
    Upload("broadcast.ts", (*H264, *AAC, "-f", "mpegts", "-output_ts_offset", "95000")),
)

NO_VIDEOS = {
    "notes.txt": b"Take three was the best.\n",
    "subtitles.srt": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n",
    "playlist.m3u8": b"#EXTM3U\n#EXTINF:4,\nhttp://127.0.0.1:9/segment.ts\n",
    "empty.mp4": b"",
    "download.mp4.part": b"\0\0\0\x1cftypisom",
    "Thumbs.db": b"\xd0\xcf\x11\xe0" + bytes(600),
}
"""What lies beside videos, by file name."""


def _ffmpeg(*arguments: str | Path) -> None:
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-y"]
    subprocess.run([*program, *map(str, arguments)], check=True)


PATTERNS = (
    "life=s={size}:r={rate}:seed={seed}:mold=10:life_color=#c83200:death_color=#281400",
    "mandelbrot=s={size}:r={rate}:start_x=-0.{seed}:maxiter=60",
    "cellauto=s={size}:r={rate}:seed={seed}:rule=110,hue=h=40",
)
"""ffmpeg's source of pictures, by class: moving, and with another seed another picture."""


def _write(upload: Upload, path: Path, number: int, place: int) -> None:
    """Write a video, from its number, of the class at a place among the classes."""
    inputs: list[str] = []
    if upload.size:
        pattern = PATTERNS[place % len(PATTERNS)].format(size=upload.size, rate=upload.rate, seed=100 + 7 * number)
        inputs += ["-f", "lavfi", "-t", str(SECONDS), "-i", pattern]
    if upload.has_sound:
        tone = f"sine=f={220 * (1 + place) + 20 * number}:d={SECONDS}:r=44100,tremolo=f={2 + number / 3}"
        inputs += ["-f", "lavfi", "-i", tone]
    target = path.resolve()  # a name that begins with a dash would be an option
    if not upload.input_options:
        _ffmpeg(*inputs, *upload.codecs, target)
        return
    plain = target.with_name(f"plain-{target.name}")
    _ffmpeg(*inputs, *upload.codecs, plain)
    _ffmpeg(*upload.input_options, "-i", plain, "-c", "copy", target)
    plain.unlink()


def write_uploads(folder: Path, labels: Sequence[str] = ("drums", "guitar", "小提琴 & violin")) -> dict[str, list[str]]:
    """Write the thirty videos and what lies beside them under one subfolder a class; return the names by class."""
    written: dict[str, list[str]] = {label: [] for label in labels}
    for number, upload in enumerate(UPLOADS):
        place = number % len(labels)
        (folder / labels[place]).mkdir(parents=True, exist_ok=True)
        _write(upload, folder / labels[place] / upload.name, number, place)
        written[labels[place]].append(upload.name)
    for name, content in NO_VIDEOS.items():
        (folder / labels[0] / name).write_bytes(content)
    return written
