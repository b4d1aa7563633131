"""When the packets of a file play, whatever its clocks do: they begin anywhere, wrap, jump, and start again."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Stream

# Seconds that a clock may go back, and leap ahead of all that is shown or heard, before another recording begins.
JOINED = (0.1, 10.0)  # in containers that are made to be joined
SINGLE = (2.0, 60.0)  # in others, where a picture may stay without any sound, and times may be in the order on screen
TOGETHER = 0.5  # seconds: streams that end or begin so closely do it together
LONGEST = 60.0  # seconds a packet lasts
CAN_BE_JOINED = 0x0200  # AVFMT_TS_DISCONT, the flag of such containers
_LARGEST = 2**62


def _limits(container: InputContainer) -> tuple[float, float]:
    return JOINED if container.format.flags & CAN_BE_JOINED else SINGLE


def is_steady(container: InputContainer, times: np.ndarray) -> bool:
    """Tell whether a stream's clock runs on, by the times of its packets [shape=(num_packets,), seconds]."""
    back, leap = _limits(container)
    steps = np.diff(times)
    return bool(((steps >= -back) & (steps <= leap)).all())


def reading(container: InputContainer, *streams: Stream) -> Iterator[Any]:
    """Yield the packets of some streams as they are in the file; what cannot be read ends it."""
    try:
        yield from container.demux(*streams)
    except av.FFmpegError:
        return


def playing(container: InputContainer, *streams: Stream) -> Iterator[Any]:
    """Yield the packets of some streams as `reading`, with the times at which they play.

    Where a clock starts again, or leaps ahead while nothing is shown or heard, what follows comes right after what was
    before, in all streams by the same shift. The times of a file whose clocks run on stay as they are.
    """
    back, leap = _limits(container)
    bases = {stream.index: stream.time_base or Fraction(1, av.time_base) for stream in streams}
    seconds = {index: float(base) for index, base in bases.items()}
    ticks = dict.fromkeys(bases, 0)  # what is added to the times of each stream
    begun: dict[int, int] = {}  # in ticks, as `ends`
    ends: dict[int, int] = {}
    latest = -math.inf  # seconds
    joining: set[int] = set()  # streams of which the next recording has not begun yet
    for packet in reading(container, *streams):
        time = packet.dts
        if packet.size and time is not None:
            index = packet.stream_index
            unit, begin = seconds[index], time + ticks[index]
            before = begun.get(index, begin)
            is_new = (before - begin) * unit > back or (bool(ends) and begin * unit > latest + leap)
            if is_new or (index in joining and _is_close(begin, ends.get(index), unit, packet)):
                # Pictures are joined without a gap or an overlap; their sound may be off by so little.
                after = index
                if is_new and not (index in ends and latest - ends[index] * unit < TOGETHER):
                    after = max(ends, key=lambda one: ends[one] * seconds[one])
                shift = ends[after] * bases[after] - time * bases[index]
                ticks = {one: round(shift / base) for one, base in bases.items()}
                joining = set(bases) if is_new else joining
                before = begin = time + ticks[index]
            joining.discard(index)
            begun[index] = begin
            usual = min(max(begin - before, 0), int(1 / unit))
            ends[index] = end = begin + min(packet.duration or usual, int(LONGEST / unit))
            latest = max(latest, end * unit)
            if packet.pts is not None and abs(packet.pts - time) * unit > LONGEST:
                packet.pts = None  # no picture waits so long for those that are needed before
        if packet.size and ticks[packet.stream_index]:
            move = ticks[packet.stream_index]
            packet.pts, packet.dts = _moved(packet.pts, move), _moved(packet.dts, move)
        yield packet


def _is_close(begin: int, end: int | None, unit: float, packet: Any) -> bool:
    return end is not None and packet.stream.type == "video" and abs(begin - end) * unit < TOGETHER


def _moved(time: int | None, ticks: int) -> int | None:
    return None if time is None or abs(time + ticks) > _LARGEST else time + ticks
