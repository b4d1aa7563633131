"""A whole video as a file that every browser plays, with nothing in it but its pictures and its sound."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

from instrec_utils import files
from instrec_utils.errors import MediaError
from instrec_utils.media.containers import DEMUXERS
from instrec_utils.media.streams import probe

MAX_WIDTH = 640  # pixels
SAMPLE_RATE = 48_000  # Hz
_INPUT = ("-v", "error", "-nostdin", "-protocol_whitelist", "file", "-format_whitelist", DEMUXERS)
# Neither titles, chapters, subtitles and covers, which may tell the label, nor the encoder's name.
_NOTHING_ELSE = ("-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn")
_SCALED = f"scale=w='2*trunc(min({MAX_WIDTH},iw)/2)':h=-2,format=yuv420p"  # of even sides, as colours at half size are
_PICTURES = ("-vf", _SCALED, "-c:v", "libx264", "-preset", "veryfast", "-crf", "20")
_SOUND = ("-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", str(SAMPLE_RATE))
_FILE = ("-movflags", "+faststart", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-y")


def write_plain_copy(source: Path, path: Path) -> None:
    """Write a video from its first to its last second as an MP4 file of H.264 and AAC, without a word about it.

    Of several streams it has those that `probe` chooses, so that people see and hear what networks do. What cannot be
    read, or has neither pictures nor sound, is a MediaError.
    """
    streams = [part for number in probe(source).tracks.values() for part in ("-map", f"0:{number}")]
    with files.whole(path) as temporary:
        command = [imageio_ffmpeg.get_ffmpeg_exe(), *_INPUT, "-i", str(source.absolute())]
        command += [*streams, *_NOTHING_ELSE, *_PICTURES, *_SOUND, *_FILE, str(temporary)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["no message"]
            raise MediaError(f"{source}: cannot be copied: {said[-1]}")
