"""Videos encoded anew with few bits, and what is extracted from them: on workers, which need no network for it."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from instrec_utils import config, files, media
from instrec_utils.features import store
from instrec_utils.features.extraction import extract_input, extract_video
from instrec_utils.models.architecture import audio_inputs
from instrec_utils.robustness.degradation import SOUND_KBITS

MAX_FRAME_RATE = 120  # pictures a second; some headers count thousands


@dataclass(frozen=True)
class Work:
    """A video, and what is to be made of it.

    Attributes
    ----------
    source : Path
    channels : str [one of `media.CHANNELS`]
    audio_input : str [what the audio network is given]
    encoded : mapping of int to store.Video [by kbit/s of the pictures]
    """

    source: Path
    channels: str
    audio_input: str
    encoded: Mapping[int, store.Video]

    def is_done(self) -> bool:
        """Tell whether all of it is there, of the video as it is now."""
        every = self.encoded.values()
        return all(self.is_encoded(one) and store.is_valid(one) and not self.lacks_input(one) for one in every)

    def is_encoded(self, video: store.Video) -> bool:
        """Tell whether a video of few bits is there, with the time of what it was made of."""
        return store.modified(video.path) == store.modified(self.source)

    def lacks_input(self, video: store.Video) -> bool:
        """Tell whether a video of few bits has the usual features, but not what the audio network is given."""
        return store.lacks_input(video.features_path.parent, video.video_id, audio_inputs()[self.audio_input])


def encode(work: Work) -> None:
    """Write the videos of few bits and their features, whatever of it is not there yet."""
    if lacking := {kbits: one.path for kbits, one in work.encoded.items() if not work.is_encoded(one)}:
        write_low_bitrates(work.source, lacking, work.channels)
        for path in lacking.values():
            os.utime(path, ns=(path.stat().st_atime_ns, store.modified(work.source)))
    for video in work.encoded.values():
        if not store.is_valid(video):
            extract_video(video)
        if work.lacks_input(video):
            extract_input(video, work.audio_input)


def write_low_bitrates(source: Path, paths: Mapping[int, Path], channels: str = "mean") -> None:
    """Write a video again as MP4 files with few bits: H.264, and mono AAC of as many samples a second as bits.

    The paths are by the kbit/s of the pictures, one of `SOUND_KBITS`, which has those of the sound. That is as
    `media.read_sound` gives it of these channels. The video is decoded once.
    """
    info = media.probe(source)
    with contextlib.ExitStack() as stack:
        containers = {}
        for kbits, path in paths.items():
            temporary = stack.enter_context(files.whole(path))
            containers[kbits] = stack.enter_context(av.open(str(temporary), "w", format="mp4"))
        encoded = []  # both streams have to be there before the first packet
        if info.has_picture:
            encoded.append(_picture_streams(containers, source, info))
        if info.has_sound:
            encoded.append(_sound_streams(containers, source, channels))
        for streams, contents in encoded:
            for of_streams in contents:
                for stream, content in zip(streams, of_streams, strict=True):
                    stream.container.mux(stream.encode(content))
            for stream in streams:
                stream.container.mux(stream.encode(None))


def _picture_streams(
    containers: Mapping[int, av.container.OutputContainer], source: Path, info: media.MediaInfo
) -> tuple[list[Any], Iterable[list[Any]]]:
    """Return a stream a container, and the frames in turn, one a stream."""
    rate = Fraction(min(info.frame_rate or config.FRAME_RATE, MAX_FRAME_RATE)).limit_denominator(1000)
    pictures = media.read_frames(source, frame_rate=float(rate), plan="through")
    first = next(pictures)
    height, width = (max(2, side // 2 * 2) for side in first.shape[:2])  # its colours need even sides
    streams = []
    for kbits, container in containers.items():
        # One thread: with several the bits would depend on how many there are.
        stream = container.add_stream("libx264", rate=rate, options={"preset": "veryfast", "threads": "1"})
        stream.height, stream.width, stream.pix_fmt, stream.bit_rate = height, width, "yuv420p", 1000 * kbits
        streams.append(stream)

    def contents() -> Iterator[list[av.VideoFrame]]:
        for number, picture in enumerate(itertools.chain([first], pictures)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, 1 / rate
            yield [frame.reformat(width=width, height=height, format="yuv420p")] * len(streams)

    return streams, contents()


def _sound_streams(
    containers: Mapping[int, av.container.OutputContainer], source: Path, channels: str
) -> tuple[list[Any], Iterable[list[Any]]]:
    """Return a stream a container, and the whole sound, one frame a stream."""
    rates = [1000 * SOUND_KBITS[kbits] for kbits in containers]
    sound = media.read_sound(source, tuple(rates), channels=channels)
    streams, frames = [], []
    for container, rate in zip(containers.values(), rates, strict=True):
        stream = container.add_stream("aac", rate=rate, layout="mono")
        stream.bit_rate = rate
        streams.append(stream)
        frame = av.AudioFrame.from_ndarray(sound[rate][None], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        frames.append(frame)
    return streams, [frames]
