"""The ffmpeg that moviepy writes with, as a maker of files and as another opinion on what they show."""

import subprocess

import imageio_ffmpeg
import numpy as np

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def ffmpeg(*arguments):
    """Run ffmpeg; the last argument is the file to write."""
    subprocess.run([FFMPEG, "-hide_banner", "-loglevel", "error", "-y", *map(str, arguments)], check=True)
    return arguments[-1]


def pictures(pattern, seconds, rate=10):
    """Return the arguments for a picture input of lavfi."""
    return ("-f", "lavfi", "-i", f"{pattern}{':' if '=' in pattern else '='}r={rate}:d={seconds}")


def sound(expression, seconds):
    """Return the arguments for a sound input of lavfi: an expression of the time t for each channel."""
    return ("-f", "lavfi", "-i", f"aevalsrc={expression}:s=48000:d={seconds}")


def shown(path, *filters, shape):
    """Return the pictures that ffmpeg shows after some filters [shape=(num_pictures, *shape, 3), uint8]."""
    chain = ("-vf", ",".join(filters)) if filters else ()
    command = [FFMPEG, "-loglevel", "error", "-i", str(path), *chain, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, *shape, 3)


def heard(path, sample_rate):
    """Return the mono sound that ffmpeg plays [shape=(num_samples,), float32]."""
    command = [FFMPEG, "-loglevel", "error", "-i", str(path), "-ac", "1", "-ar", str(sample_rate), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.float32)
