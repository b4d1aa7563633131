"""The only place that decodes: pictures at given times and mono sound of a video file.

A file counts as plain media when its first bytes say which container it is; the demuxer is then fixed and no
protocol but ``file`` is allowed. So a playlist, a concat list or a subtitle script is refused whatever its name
says, and nothing in it is ever followed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soxr

from instrec_utils.errors import MediaError

MAX_BYTES = 8 * 2**30  # a 12 h upload at YouTube's 360p stays far below
MAX_SECONDS = 12 * 3600
MAX_PIXELS = 8192 * 4320  # one frame
CONTAINERS = "mp4, mov, 3gp, mkv, webm, avi, flv, ts, ogg, wav, flac, mp3"


@dataclass(frozen=True)
class MediaInfo:
    """What a file's header says.

    Attributes
    ----------
    duration : seconds.
    width, height : pixels as stored; 0 without a picture stream.
    frame_rate : average frames per second; 0.0 without a picture stream.
    sample_rate : Hz; 0 without a sound stream.
    """

    duration: float
    width: int
    height: int
    frame_rate: float
    sample_rate: int

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture stream."""
        return self.width > 0

    @property
    def has_sound(self) -> bool:
        """Whether there is a sound stream."""
        return self.sample_rate > 0


def _container(head: bytes) -> str | None:
    """Return the demuxer that the first bytes of a file ask for, or None."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"):
        return "mp4"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF"):
        return {b"AVI ": "avi", b"WAVE": "wav"}.get(head[8:12])
    if head[0:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        return "mpegts"
    for signature, name in (
        (b"FLV\x01", "flv"),
        (b"OggS", "ogg"),
        (b"fLaC", "flac"),
        (b"ID3", "mp3"),
        (b"\xff\xfb", "mp3"),
    ):
        if head.startswith(signature):
            return name
    return None


def _open(path: Path) -> av.container.InputContainer:
    path = Path(path)
    if not path.exists():
        raise MediaError(f"{path}: no such file")
    if not path.is_file():
        raise MediaError(f"{path}: expected a media file, got something that is not a file")
    size = path.stat().st_size
    if size == 0 or size > MAX_BYTES:
        raise MediaError(f"{path}: expected 1 to {MAX_BYTES} bytes, got {size}")
    with path.open("rb") as file:
        demuxer = _container(file.read(400))
    if demuxer is None:
        raise MediaError(f"{path}: not a plain media file; allowed are {CONTAINERS}, told by content and not by name")
    try:
        return av.open(f"file:{path}", format=demuxer, options={"protocol_whitelist": "file"})
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(f"{path}: cannot be opened as {demuxer}: {error}") from error


def _duration(container: av.container.InputContainer) -> float:
    if container.duration is not None:
        return container.duration / av.time_base
    lengths = [float(s.duration * s.time_base) for s in container.streams if s.duration and s.time_base]
    return max(lengths, default=0.0)


def probe(path: Path) -> MediaInfo:
    """Read a file's header.

    Parameters
    ----------
    path : media file.

    Returns
    -------
    MediaInfo

    Raises
    ------
    MediaError
        The file is missing, not plain media, has neither picture nor sound, or exceeds a limit.
    """
    with _open(path) as container:
        video = next(iter(container.streams.video), None)
        audio = next(iter(container.streams.audio), None)
        if video is None and audio is None:
            raise MediaError(f"{path}: has neither a picture nor a sound stream")
        for stream, what in ((video, "pictures"), (audio, "sound")):
            if stream is not None and stream.codec_context is None:
                raise MediaError(f"{path}: its {what} cannot be decoded: unknown codec")
        info = MediaInfo(
            duration=_duration(container),
            width=video.codec_context.width if video else 0,
            height=video.codec_context.height if video else 0,
            frame_rate=float(video.average_rate or 0) if video else 0.0,
            sample_rate=audio.codec_context.sample_rate if audio else 0,
        )
    if info.duration > MAX_SECONDS:
        raise MediaError(f"{path}: expected at most {MAX_SECONDS} s, got {info.duration:.0f} s")
    if info.width * info.height > MAX_PIXELS:
        raise MediaError(f"{path}: expected at most {MAX_PIXELS} pixels a frame, got {info.width} x {info.height}")
    return info


def _picture(frame: av.VideoFrame, size: int | None) -> np.ndarray:
    if size is not None:
        frame = frame.reformat(width=size, height=size, format="rgb24", interpolation="AREA")
    picture = frame.to_ndarray(format="rgb24")
    turns = round((frame.rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def read_frames(path: Path, *, frame_rate: float = 1.0, size: int | None = None) -> Iterator[np.ndarray]:
    """Yield the pictures on screen at 0, 1, 2, ... s (at 1 frame per second).

    The picture on screen at a time is the last one whose presentation time is not after it, counted from the
    first picture; the last one stays for its own duration.

    Parameters
    ----------
    path : media file.
    frame_rate : frames per second to take.
    size : pixels a side of the square that the whole picture is resized to; None keeps the picture's own size.

    Yields
    ------
    np.ndarray [shape=(height, width, 3), uint8]
        RGB, 0 to 255, upright.

    Raises
    ------
    MediaError
        The file has no picture stream or cannot be decoded.
    """
    probe(path)
    with _open(path) as container:
        if not container.streams.video:
            raise MediaError(f"{path}: has no picture stream")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        step = Fraction(1) / Fraction(frame_rate).limit_denominator(1000)
        start = shown = None
        end = Fraction(0)
        taken = 0
        try:
            for frame in container.decode(stream):
                if frame.pts is None:
                    continue
                time = frame.pts * frame.time_base
                start = time if start is None else start
                if time - start > MAX_SECONDS:
                    raise MediaError(
                        f"{path}: expected pictures of at most {MAX_SECONDS} s, got one at {float(time)} s"
                    )
                # Every wanted time before this frame still shows the one before it.
                while shown is not None and time - start > taken * step:
                    yield _picture(shown, size)
                    taken += 1
                shown, end = frame, time + (frame.duration or 1) * frame.time_base
        except av.FFmpegError as error:
            if shown is None:
                raise MediaError(f"{path}: pictures cannot be decoded: {error}") from error
        if shown is None:
            raise MediaError(f"{path}: the picture stream has no frame")
        while taken * step < min(end - start, MAX_SECONDS):
            yield _picture(shown, size)
            taken += 1


def read_sound(path: Path, sample_rates: tuple[int, ...]) -> dict[int, np.ndarray]:
    """Decode the sound once and return it, mono, at several sample rates.

    Parameters
    ----------
    path : media file.
    sample_rates : Hz.

    Returns
    -------
    dict of int to np.ndarray [shape=(num_samples,), float32]
        The mean of the channels, about -1 to 1.

    Raises
    ------
    MediaError
        The file has no sound stream or it cannot be decoded.
    """
    probe(path)
    chunks: dict[int, list[np.ndarray]] = {rate: [] for rate in sample_rates}
    streams: dict[int, soxr.ResampleStream] = {}
    setup = None
    with _open(path) as container:
        if not container.streams.audio:
            raise MediaError(f"{path}: has no sound stream")
        try:
            for frame in container.decode(container.streams.audio[0]):
                # A recorded broadcast may change from mono to stereo, or its sample rate, midway.
                if setup != (setup := (frame.format.name, frame.layout.name, frame.sample_rate)):
                    _finish(streams, chunks)
                    to_float = av.AudioResampler(format="fltp")
                    for rate in sample_rates:
                        streams[rate] = soxr.ResampleStream(frame.sample_rate, rate, 1, dtype="float32")
                for planar in to_float.resample(frame):
                    mono = planar.to_ndarray().mean(axis=0, dtype=np.float32)
                    for rate, stream in streams.items():
                        chunks[rate].append(stream.resample_chunk(mono))
        except (av.FFmpegError, ValueError) as error:
            if not streams:
                raise MediaError(f"{path}: sound cannot be decoded: {error}") from error
    if not streams:
        raise MediaError(f"{path}: the sound stream is empty")
    _finish(streams, chunks)
    sound = {rate: np.concatenate(parts) for rate, parts in chunks.items()}
    for samples in sound.values():
        if not np.isfinite(samples).all():
            raise MediaError(f"{path}: the sound holds values that are not finite")
    return sound


def _finish(streams: dict[int, soxr.ResampleStream], chunks: dict[int, list[np.ndarray]]) -> None:
    """Append what the resamplers still hold back."""
    for rate, stream in streams.items():
        chunks[rate].append(stream.resample_chunk(np.zeros(0, np.float32), last=True))


def num_frames(duration: float, frame_rate: float = 1.0) -> int:
    """Return how many frames `read_frames` yields of a picture stream of that duration (seconds)."""
    return max(1, math.ceil(duration * frame_rate))
