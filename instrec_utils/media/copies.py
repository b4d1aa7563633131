"""A whole video as a file that every browser plays, with nothing in it but its pictures and its sound."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

from instrec_utils import files
from instrec_utils.errors import MediaError
from instrec_utils.media.containers import DEMUXERS

MAX_WIDTH = 640  # pixels
SAMPLE_RATE = 48_000  # Hz
_INPUT = ("-v", "error", "-nostdin", "-protocol_whitelist", "file", "-format_whitelist", DEMUXERS)
# Neither titles, chapters, subtitles and covers, which may tell the label, nor the encoder's name.
_STREAMS = ("-map", "0:V:0?", "-map", "0:a:0?", "-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn")
_SCALED = f"scale=w='2*trunc(min({MAX_WIDTH},iw)/2)':h=-2,format=yuv420p"  # of even sides, as colours at half size are
_PICTURES = ("-vf", _SCALED, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20")
_SOUND = ("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", str(SAMPLE_RATE))
_FILE = ("-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-y")


def write_plain_copy(source: Path, path: Path) -> None:
    """Write a video from its first to its last second as an MP4 file of H.264 and AAC, without a word about it.

    What cannot be read, or has neither pictures nor sound, is a MediaError.
    """
    with files.whole(path) as temporary:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), *_INPUT, "-i", str(source.absolute())]
        command += [*_STREAMS, *_PICTURES, *_SOUND, *_FILE, str(temporary)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no message"]
            raise MediaError(f"{source}: cannot be copied: {said[-1]}")
