"""Media files as they are opened, looked at and decoded, whoever made them.

What a file is, is asked of the demuxers in `DEMUXERS` and of no other, and they are given the open file alone: no name
and no address. So a playlist, a concat list or a subtitle script is refused whatever its name says, and nothing in any
file is ever followed. What a header declares is checked before decoding, and what it really gives, again.
"""

import contextlib
import itertools
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Discard

from instrec_utils.errors import MediaError
from instrec_utils.media import clock
from instrec_utils.media.packets import SHOW, SKIP

MAX_BYTES = 8 * 2**30  # a 12 h upload at YouTube's 360p stays far below
MAX_SECONDS = 12 * 3600
MAX_PIXELS = 8192 * 4320  # one frame
MAX_DECODED_BYTES = 2**43  # all frames of 12 h of 1080p at 30 frames per second, 3 bytes a pixel
MAX_READ_SECONDS = 10  # of one packet, which may lie behind gigabytes of nothing
DEMUXERS = "mov,matroska,avi,flv,mpegts,mpeg,asf,mxf,dv,ogg,wav,w64,flac,mp3,aac,ac3,eac3,aiff,amr,au,caf"
CONTAINERS = (
    "mp4, mov, 3gp, mkv, webm, avi, flv, ts, mpg, wmv, mxf, dv, ogg, wav, flac, mp3, aac, ac3, aiff, amr, au, caf"
)
VIDEO_ENDINGS = (
    *(".3g2", ".3gp", ".asf", ".avi", ".dv", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts"),
    *(".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv"),
)
ENDINGS = (
    *VIDEO_ENDINGS,
    *(".aac", ".ac3", ".aif", ".aiff", ".amr", ".au", ".caf", ".eac3", ".flac", ".m4a", ".m4b", ".mka", ".mp2", ".mp3"),
    *(".oga", ".ogg", ".opus", ".w64", ".wav", ".weba", ".wma"),
)
"""What the names of such files end in, where a folder holds other things too: those of videos, and of recordings."""


def open_plain(path: Path) -> InputContainer:
    """Open a file that is plain media by its content.

    Raises
    ------
    MediaError
        The file is missing, empty, longer than `MAX_BYTES`, not plain media, or cannot be read or opened.
    """
    path = Path(path)
    try:
        if not path.is_file():
            reason = "expected a media file, got something that is not a file" if path.exists() else "no such file"
            raise MediaError(f"{path}: {reason}")
        size = path.stat().st_size
        if size == 0 or size > MAX_BYTES:
            raise MediaError(f"{path}: expected 1 to {MAX_BYTES} bytes, got {size}")
        # Decoders allocate whole blocks, so their limit is a little wider than that of the picture inside.
        limit = {"max_pixels": str(2 * MAX_PIXELS)}
        with path.open("rb") as file:
            options = limit | {"fd": str(file.fileno()), "protocol_whitelist": "fd", "format_whitelist": DEMUXERS}
            container = av.open("fd:", options=options, metadata_errors="replace", timeout=MAX_READ_SECONDS)
    except av.FFmpegError as error:
        why = "it is something else" if isinstance(error, av.ArgumentError) else error.strerror
        raise MediaError(
            f"{path}: not a plain media file: cannot be opened as {CONTAINERS}, told by content, not by name: {why}"
        ) from error
    except (OSError, ValueError) as error:  # no permission; a name that is too long or holds a zero
        reason = f"[Errno {error.errno}] {error.strerror}" if isinstance(error, OSError) else str(error)  # no name
        raise MediaError(f"{path}: cannot be read: {reason}") from error
    for stream in (*container.streams.video, *container.streams.audio):
        if stream.codec_context is not None:
            stream.codec_context.options = dict(limit)
    return container


@contextlib.contextmanager
def open_tracks(path: Path, tracks: Sequence[int]) -> Iterator[tuple[InputContainer, list[Any]]]:
    """Open a file for some of its streams alone, by number; as `open_plain`."""
    with open_plain(path) as container:
        for number, stream in enumerate(container.streams):
            if number not in tracks:
                stream.discard = Discard.all  # the demuxer drops its packets
        yield container, [container.streams[number] for number in tracks]


def refuse_too_many_pixels(path: Path, width: int, height: int) -> None:
    """Raise a `MediaError` where a picture has more than `MAX_PIXELS`."""
    if width * height > MAX_PIXELS:
        raise MediaError(f"{path}: expected at most {MAX_PIXELS} pixels a frame, got {width} x {height}")


def decoded(
    path: Path, tracks: Sequence[int], limit: float, effort: np.ndarray | None = None, num_threads: int = 1
) -> Iterator[Any]:
    """Yield the frames of the first of some streams as `within_limits`; the others tell when it plays.

    All packets are decoded without the effort, of `packets.efforts` or `packets.sound_efforts`; with 0 threads on all
    cores.
    """
    with open_tracks(path, tracks) as (container, streams):
        streams[0].codec_context.thread_type, streams[0].codec_context.thread_count = "AUTO", num_threads
        yield from within_limits(path, limit, _steps(container, streams, effort))


def _steps(container: InputContainer, streams: list[Any], effort: np.ndarray | None) -> Iterator[list[Any]]:
    """Yield what comes out of a stream's decoder after each packet, and at the end of each run of packets.

    Packets that cannot be decoded are left out, as in players; where nothing else is, it is an error.
    """
    stream = streams[0]
    decoder: Any = stream.codec_context  # the types of PyAV leave its `decode` out
    # Only H.264 says so of each picture whether any other may need it.
    can_drop = effort is not None and decoder.name == "h264"
    plan = itertools.repeat(SHOW) if effort is None else effort[: effort.nonzero()[0][-1] + 1].tolist()  # SKIP is 0
    # Efforts are only told of a stream whose clock is steady.
    read = clock.playing(container, *streams) if effort is None else clock.reading(container, stream)
    packets = (packet for packet in read if packet.size and packet.stream_index == stream.index)

    is_running, came, error = False, False, None

    def frames_of(packet: Any) -> list[Any]:
        """Return what the decoder gives after a packet, or with None what it still holds back."""
        nonlocal came, error
        try:
            frames = decoder.decode(packet)
        except av.FFmpegError as broken:
            frames, error = [], broken
        if packet is None:
            for frame in frames:
                frame.time_base = stream.time_base
        came = came or bool(frames)
        return frames

    for what, packet in zip(plan, packets, strict=False):
        if what == SKIP and is_running:
            yield frames_of(None)
            decoder.flush_buffers()
        is_running = what != SKIP
        if is_running:
            if can_drop:
                decoder.skip_frame = "DEFAULT" if what == SHOW else "NONREF"
            yield frames_of(packet)
    if is_running:
        yield frames_of(None)
    if error is not None and not came:
        raise error


def within_limits(path: Path, limit: float, steps: Iterator[list[Any]]) -> Iterator[Any]:
    """Pass frames on, whose decoding may take so many seconds.

    Raises
    ------
    MediaError
        It took longer, a frame has more than `MAX_PIXELS`, or all together more than `MAX_DECODED_BYTES`.
    """
    spent, num_bytes = 0.0, 0
    while True:
        before = time.monotonic()
        frames = next(steps, None)
        spent += time.monotonic() - before
        if frames is None:
            return
        if spent > limit:
            raise MediaError(f"{path}: expected to be decoded in {limit:.0f} s, given up after {spent:.0f} s")
        for frame in frames:
            if isinstance(frame, av.VideoFrame):
                refuse_too_many_pixels(path, frame.width, frame.height)
                num_bytes += 3 * frame.width * frame.height
            else:
                num_bytes += 4 * frame.samples * len(frame.layout.channels)
            if num_bytes > MAX_DECODED_BYTES:
                raise MediaError(f"{path}: expected at most {MAX_DECODED_BYTES} decoded bytes, got more")
            yield frame
