"""How videos are degraded to see what models still recognise: noise, blur, few bits, and at which levels."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import scipy.fft

from instrec_utils import config, files, media


@dataclass(frozen=True)
class Condition:
    """A way in which videos are degraded; whether their sound and pictures are computed anew for it."""

    name: str
    unit: str  # of its levels; empty where they are names
    levels: tuple[Any, ...]  # from mild to severe; of the frames, shares of the k that a video has
    sound: bool = False
    pictures: bool = False


CONDITIONS = (
    Condition("missing", "", ("sound", "pictures")),  # a vector of zeros in its place: ours, the paper says nothing
    Condition("frames zeroed", "frames left", (0.5, 0.25, 0.1, 0.0)),  # zeros in place of the others
    Condition("frames repeated", "frames left", (0.5, 0.25, 0.1, 0.0)),  # as with a video that is too short
    Condition("noise", "dB sound over pink noise", (20, 10, 0, -5), sound=True),
    Condition("blur", "pixels, standard deviation, of 256", (1, 2, 4, 8), pictures=True),
    Condition("bitrate", "kbit/s of pictures", (100, 25), sound=True, pictures=True),
)
SOUND_KBITS = {100: 24, 25: 8}  # kbit/s of AAC beside so much of H.264; as many thousand samples a second
MAX_FRAME_RATE = 120  # pictures a second; some headers count thousands
AS_IS = Condition("none", "", ("as is",), sound=True, pictures=True)


def conditions(num_frames: int) -> list[Condition]:
    """Return the videos as they are and all `CONDITIONS`, their levels of frames as numbers of frames, at least one."""
    counted = [AS_IS]
    for one in CONDITIONS:
        if one.unit == "frames left":
            counts = dict.fromkeys(max(1, round(share * num_frames)) for share in one.levels)
            one = Condition(one.name, one.unit, tuple(count for count in counts if count < num_frames))
        counted.append(one)
    return counted


def add_noise(samples: np.ndarray, ratio: float, generator: np.random.Generator) -> np.ndarray:
    """Add pink noise to samples [shape=(num_samples,), float32], `ratio` dB below the power of the whole sound.

    Its power falls as the frequency rises, as that of rooms and of music does. Digital silence stays what it is.
    """
    spectrum = scipy.fft.rfft(generator.standard_normal(len(samples)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = scipy.fft.irfft(spectrum, len(samples))
    power = np.mean(np.square(samples, dtype=np.float64)) / 10 ** (ratio / 10)
    return (samples + noise * np.sqrt(power / np.mean(np.square(noise)))).astype(np.float32)


def blur(pictures: np.ndarray, sigma: float) -> np.ndarray:
    """Blur pictures [shape=(num_pictures, height, width, 3), uint8] by a Gaussian of `sigma` pixels."""
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma) for picture in pictures]
    return np.stack(blurred) if blurred else pictures


def write_low_bitrate(
    source: Path, path: Path, channels: str = "mean", *, picture_kbits: float, sound_kbits: float
) -> None:
    """Write a video again, as an MP4 file with few bits: H.264, and mono AAC of as many samples a second as bits.

    Of the sound as `media.read_sound` gives it of these channels.
    """
    info = media.probe(source)
    with files.whole(path) as temporary, av.open(str(temporary), "w", format="mp4") as container:
        encoded = []  # both streams have to be there before the first packet
        if info.has_picture:
            encoded.append(_picture_stream(container, source, info, round(1000 * picture_kbits)))
        if info.has_sound:
            encoded.append(_sound_stream(container, source, channels, round(1000 * sound_kbits)))
        for stream, contents in encoded:
            for content in contents:
                container.mux(stream.encode(content))
            container.mux(stream.encode(None))


def _picture_stream(
    container: av.container.OutputContainer, source: Path, info: media.MediaInfo, bit_rate: int
) -> tuple[Any, Iterable[Any]]:
    rate = Fraction(min(info.frame_rate or config.FRAME_RATE, MAX_FRAME_RATE)).limit_denominator(1000)
    # One thread: with several the bits would depend on how many there are.
    stream = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "threads": "1"})
    pictures = media.read_frames(source, frame_rate=float(rate), plan="through")
    first = next(pictures)
    stream.height, stream.width = (max(2, side // 2 * 2) for side in first.shape[:2])  # its colours need even sides
    stream.pix_fmt, stream.bit_rate = "yuv420p", bit_rate

    def contents() -> Iterator[av.VideoFrame]:
        for number, picture in enumerate(itertools.chain([first], pictures)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            yield frame.reformat(width=stream.width, height=stream.height, format="yuv420p")

    return stream, contents()


def _sound_stream(
    container: av.container.OutputContainer, source: Path, channels: str, bit_rate: int
) -> tuple[Any, Iterable[Any]]:
    stream = container.add_stream("aac", rate=bit_rate, layout="mono")
    stream.bit_rate = bit_rate
    samples = media.read_sound(source, (bit_rate,), channels=channels)[bit_rate]
    frame = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = bit_rate, 0, Fraction(1, bit_rate)
    return stream, [frame]
