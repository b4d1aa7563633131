"""The pictures of a video file at given times."""

import itertools
import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from instrec_utils.errors import MediaError
from instrec_utils.media import containers, packets, screen, streams

PLANS = ("exact", "through", "seek", "key frames")


def read_frames(
    path: Path,
    *,
    frame_rate: float = 1.0,
    size: int | None = None,
    numbers: Sequence[int] | np.ndarray | None = None,
    first: int = 0,
    plan: str = "exact",
    num_threads: int = 0,
    work_seconds: float | None = None,
) -> Iterator[np.ndarray]:
    """Yield the pictures on screen at 0, 1, 2, ... s (at 1 frame per second).

    On screen is the last picture whose presentation time, counted from the first one's, is not after that time; the
    last one stays for its own duration.

    Parameters
    ----------
    path : Path
    frame_rate : float [frames per second]
    size : int, optional [pixels a side of the square that the whole picture is resized to; without, as it is]
    numbers : sequence of int or np.ndarray, optional [shape=(num_wanted,), which frames to yield, not decreasing]
    first : int [which frame to begin with, without `numbers`]
    plan : {"exact", "through", "seek", "key frames"}
        "through" decodes every picture, "seek" from the last restart before each wanted one, and "exact" as the list of
        packets tells which of the two is cheaper: they yield the same pictures of any file that can be decoded without
        an error. "key frames" takes the nearest restart instead, which is fastest and not exact. Where the list of
        packets cannot be relied upon, each plan decodes through.
    num_threads : int [of the decoder; 0 for one a core; the pictures do not depend on it]
    work_seconds : float, optional [after which the file is given up; without, `work_seconds` of it]

    Yields
    ------
    np.ndarray [shape=(height, width, 3), uint8]
        RGB, 0 to 255, as shown: upright, of square pixels, in standard range.

    Raises
    ------
    MediaError
        The file has no picture stream, cannot be decoded, exceeds a limit, or has fewer frames than wanted.
    ValueError
        The plan is none, or the numbers are negative or decrease.
    """
    if plan not in PLANS:
        raise ValueError(f"plan: expected one of {PLANS}, got {plan!r}")
    wanted = None if numbers is None else [int(number) for number in numbers]
    if wanted is not None and any(before > after for before, after in itertools.pairwise([0, *wanted])):
        raise ValueError(f"numbers: expected frame numbers from 0 on that do not decrease, got {wanted}")
    info, tracks = streams.track(Path(path), "picture")
    rate, limit = Fraction(frame_rate).limit_denominator(1000), work_seconds or streams.work_seconds(info)
    wish = _Wish(Path(path), tracks, info.pixel_aspect, rate, wanted, first, size, num_threads, limit)
    done = 0 if plan == "through" else (yield from _listed(wish, plan))
    if done is not None:
        yield from _through(wish, done)


@dataclass(frozen=True)
class _Wish:
    """Which pictures of a file are wanted, and how they are decoded."""

    path: Path
    tracks: tuple[int, ...]
    pixel_aspect: Fraction
    frame_rate: Fraction
    numbers: list[int] | None
    first: int
    size: int | None
    num_threads: int
    work_seconds: float

    def picture(self, frame: av.VideoFrame) -> np.ndarray:
        return screen.picture(frame, self.size, self.pixel_aspect)

    def count(self, span: Fraction) -> int:
        """Return how many frames there are in a picture stream of that many seconds."""
        return num_frames(min(span, Fraction(containers.MAX_SECONDS)), self.frame_rate)


def _through(wish: _Wish, done: int) -> Iterator[np.ndarray]:
    """Decode every picture; the first `done` of the wanted ones were yielded already."""
    numbers = itertools.count(wish.first + done) if wish.numbers is None else iter(wish.numbers[done:])
    number = next(numbers, None)
    shown: av.VideoFrame | None = None
    start = end = Fraction(0)
    try:
        for frame in _decoded(wish):
            if number is None:
                return
            if frame.pts is None:
                continue
            moment = frame.pts * frame.time_base
            start = moment if shown is None else start
            if moment - start > containers.MAX_SECONDS:
                allowed = f"expected pictures of at most {containers.MAX_SECONDS} s"
                raise MediaError(f"{wish.path}: {allowed}, got one at {float(moment)} s")
            # Every wanted time before this frame still shows the one before it.
            while shown is not None and number is not None and moment - start > number / wish.frame_rate:
                yield wish.picture(shown)
                number = next(numbers, None)
            shown, end = frame, moment + (frame.duration or 1) * frame.time_base
    except av.FFmpegError as error:
        if shown is None:
            raise MediaError(f"{wish.path}: pictures cannot be decoded: {error}") from error
    if shown is None:
        raise MediaError(f"{wish.path}: the picture stream has no frame")
    count = wish.count(end - start)
    while number is not None and number < count:
        yield wish.picture(shown)
        number = next(numbers, None)
    if number is not None and wish.numbers is not None:
        raise MediaError(f"{wish.path}: expected frame numbers below {count}, got {number}")


def _listed(wish: _Wish, plan: str) -> Generator[np.ndarray, None, int | None]:
    """Yield the wanted pictures by the container's list of packets.

    Returns None when all is done; else how many were yielded before the list turned out to be wrong.
    """
    listed = _packets_of(wish.path, wish.tracks[0])
    if listed is None:
        return 0
    last = listed.times[listed.last]

    def count_until(duration: int) -> int:
        return wish.count(int(last - listed.start + (duration or 1)) * listed.time_base)

    count = count_until(listed.durations[listed.last])
    numbers = range(wish.first, count) if wish.numbers is None else wish.numbers
    if len(numbers) == 0:
        return None
    if numbers[-1] >= count or (last - listed.start) * listed.time_base > containers.MAX_SECONDS:
        return 0
    times = np.array([listed.start + math.floor(number / wish.frame_rate / listed.time_base) for number in numbers])
    if plan == "key frames":
        chosen = packets.nearest_restarts(listed, times)
        effort = packets.efforts(listed, chosen)
    else:
        chosen = packets.on_screen(listed, times)
        # How long the last picture stays decides how many frames there are: look at it, too.
        effort = packets.efforts(listed, np.append(chosen, listed.last) if wish.numbers is None else chosen)
        if plan == "exact" and not packets.is_worth_seeking(effort):
            effort[effort == packets.SKIP] = packets.DECODE
    expected = listed.times[chosen]
    done = 0
    try:
        for frame in _decoded(wish, effort):
            if frame.pts == last and count_until(frame.duration) != count:
                return done
            while done < len(expected) and frame.pts == expected[done]:
                yield wish.picture(frame)
                done += 1
            if done < len(expected) and (frame.pts is None or frame.pts > expected[done]):
                return done
    except av.FFmpegError:
        return done
    return None if done == len(expected) else done


def stretches(path: Path, count: int, *, frame_rate: float = 1.0) -> list[int]:
    """Return the first frames of at most `count` stretches that decoders can share about equally.

    They begin with 0 and increase; each other one is the first that is wanted after a restart. There is only 0 where
    the list of packets cannot be relied upon. A file without a picture stream is a `MediaError`.
    """
    listed = _packets_of(path, streams.track(path, "picture")[1][0])
    if listed is None:
        return [0]
    restarts = np.flatnonzero(listed.restarts)
    wanted = len(listed.times) * np.arange(1, count) / count
    nearest = restarts[np.abs(restarts[:, None] - wanted).argmin(axis=0)]
    seconds = (listed.times[nearest] - listed.start) * float(listed.time_base)
    return sorted({0, *(math.ceil(moment * frame_rate) for moment in seconds)})


def _packets_of(path: Path, track: int) -> packets.Packets | None:
    with containers.open_tracks(path, (track,)) as (container, (stream,)):
        return packets.read_packets(container, stream)


def _decoded(wish: _Wish, effort: np.ndarray | None = None) -> Iterator[Any]:
    """Yield the decoded pictures, of all packets or with the given `packets.efforts`."""
    tracks = wish.tracks if effort is None else wish.tracks[:1]
    return containers.decoded(wish.path, tracks, wish.work_seconds, effort, wish.num_threads)


def num_frames(duration: float | Fraction, frame_rate: float | Fraction = 1.0) -> int:
    """Return how many frames `read_frames` yields of a picture stream of that duration [seconds]."""
    return max(1, math.ceil(duration * frame_rate))
