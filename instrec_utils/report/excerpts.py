"""The middle of a video as a small file that every browser plays, and the picture that is shown before."""

import itertools
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from instrec_utils import files, media
from instrec_utils.errors import MediaError
from instrec_utils.inputs import frames

EXCERPT_SECONDS = 8.0
MAX_WIDTH = 1280  # pixels
MOMENTS = 9  # of an excerpt, among which its poster is chosen
MAX_WORK_SECONDS = 60.0  # each for the middle and, where that is out of reach, for the beginning


@dataclass(frozen=True)
class Form:
    """How long and how large an excerpt is.

    Attributes
    ----------
    seconds : float
    height : int [pixels]
    max_frame_rate : int
    sample_rate : int [Hz]
    picture_bitrate, sound_bitrate : str
    poster_quality : int [of JPEG, 0 to 100]
    """

    seconds: float = EXCERPT_SECONDS
    height: int = 240
    max_frame_rate: int = 30
    sample_rate: int = 44_100
    picture_bitrate: str = "120k"
    sound_bitrate: str = "48k"
    poster_quality: int = frames.JPEG_QUALITY


PLAYER = Form()
"""Of the few videos that pages play: about 25 kB a second."""
SMALL = Form(4.0, 144, 10, 22_050, "32k", "24k", 70)
"""Of every test clip: some 35 kB."""


def write_excerpt(source: Path, path: Path, form: Form = PLAYER, *, with_sound: bool = True) -> None:
    """Write the middle of a video, or its beginning where the middle is not to be had, as an MP4 file.

    With a poster beside it, of the same name with the suffix ``jpg``, where there are pictures.

    Raises
    ------
    MediaError
        There is nothing to be had of either place in time, or the encoder failed.
    """
    info = media.probe(source)
    middle = max(0.0, (info.duration - form.seconds) / 2)
    for start in dict.fromkeys((middle, 0.0)):
        try:
            rate = min(form.max_frame_rate, max(1, round(info.frame_rate)))
            pictures = list(_pictures(source, start, rate, form)) if info.has_picture else []
            sound = _sound(source, start, form) if info.has_sound and with_sound else np.zeros(0, np.float32)
        except MediaError as error:
            reason = error
            continue
        if pictures or len(sound):
            return _write(path, pictures, rate, sound, form)
        reason = MediaError(f"{source}: has no picture and no sound to show at {start:.0f} s")
    raise reason


def _pictures(source: Path, start: float, rate: int, form: Form) -> Iterator[np.ndarray]:
    """Yield the pictures of an excerpt, small and of even sides."""
    ends = time.monotonic() + MAX_WORK_SECONDS
    shown = media.read_frames(source, frame_rate=rate, first=round(start * rate), work_seconds=MAX_WORK_SECONDS)
    sides: tuple[int, int] | None = None
    for picture in itertools.islice(shown, round(form.seconds * rate)):
        height, width = picture.shape[:2]
        scale = min(form.height / height, MAX_WIDTH / width)
        sides = sides or (_even(scale * width), _even(scale * height))
        yield cv2.resize(picture, sides, interpolation=cv2.INTER_AREA)
        if time.monotonic() > ends:
            return


def _even(side: float) -> int:
    """Return the nearest side that colours at half the size allow."""
    return max(2, 2 * round(side / 2))


def _sound(source: Path, start: float, form: Form) -> np.ndarray:
    span, rate = (start, start + form.seconds), form.sample_rate
    sound = media.read_sound(source, (rate,), lambda _: [span], work_seconds=MAX_WORK_SECONDS)[rate]
    return np.nan_to_num(sound[round(span[0] * rate) : round(span[1] * rate)])


def _poster(pictures: list[np.ndarray], quality: int) -> bytes:
    """Return the JPEG file of the picture with the most detail, which is the largest file, of a few moments.

    Title cards, dark stages and views away from the player have less detail than somebody who plays an instrument.
    """
    chosen = np.linspace(0, len(pictures) - 1, MOMENTS + 2)[1:-1].round().astype(int)
    return max((frames.encode_jpeg(pictures[number], quality).tobytes() for number in chosen), key=len)


def _write(path: Path, pictures: list[np.ndarray], rate: int, sound: np.ndarray, form: Form) -> None:
    from moviepy.audio.io.ffmpeg_audiowriter import FFMPEG_AudioWriter
    from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

    exact = ["-movflags", "+faststart", "-fflags", "+bitexact"]
    try:
        with files.whole(path) as temporary, tempfile.TemporaryDirectory() as folder:
            sound_path = str(Path(folder, "sound.m4a") if pictures else temporary)
            if len(sound):
                samples = (2**15 * np.clip(sound, -0.99, 0.99)).astype(np.int16)
                with FFMPEG_AudioWriter(
                    sound_path,
                    form.sample_rate,
                    nchannels=1,
                    codec="aac",
                    bitrate=form.sound_bitrate,
                    ffmpeg_params=exact,
                ) as writer:
                    writer.write_frames(samples)
            if pictures:
                # A still picture stays as long as there is sound.
                count = max(len(pictures), math.ceil(len(sound) / form.sample_rate * rate))
                with FFMPEG_VideoWriter(
                    str(temporary),
                    pictures[0].shape[1::-1],
                    rate,
                    audiofile=sound_path if len(sound) else None,
                    bitrate=form.picture_bitrate,
                    ffmpeg_params=exact,
                ) as writer:
                    for number in range(count):
                        writer.write_frame(pictures[min(number, len(pictures) - 1)])
                files.write_bytes(path.with_suffix(".jpg"), _poster(pictures, form.poster_quality))
            media.probe(temporary)  # the writers do not look at the encoder's exit status
    except OSError as error:
        raise MediaError(f"{path}: the excerpt could not be written: {error}") from error
