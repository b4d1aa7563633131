"""When the packets of a file play, whatever its clocks do: they begin anywhere, wrap, jump, and start again."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.stream import Stream

BACK = 0.1  # seconds: a clock that goes back further has started again
LEAP = 10.0  # seconds ahead of all that is shown or heard: another recording begins, where containers hold several
STILL = 60.0  # seconds: the same in other containers, where a picture may stay without any sound
TOGETHER = 0.5  # seconds: streams that end so closely, end together
_HOLDS_SEVERAL = 0x0200  # AVFMT_TS_DISCONT, the flag of such a container
_LARGEST = 2**62


def playing(container: InputContainer, *streams: Stream) -> Iterator[Any]:
    """Yield the packets of some streams as they are in the file, with the times at which they play.

    Where a clock starts again, or leaps ahead while nothing is shown or heard, what follows comes right after what was
    before, in all streams by the same shift. The times of a file whose clocks run on stay as they are. What cannot be
    read ends the file.
    """
    leap = LEAP if container.format.flags & _HOLDS_SEVERAL else STILL
    bases = {stream.index: stream.time_base or Fraction(1, av.time_base) for stream in streams}
    seconds = {index: float(base) for index, base in bases.items()}
    ticks = dict.fromkeys(bases, 0)
    shift = Fraction(0)
    begun: dict[int, int] = {}
    ends: dict[int, int] = {}  # in ticks of the stream, as `begun`
    try:
        for packet in container.demux(*streams):
            index = packet.stream.index
            if packet.size and packet.dts is not None:
                begin = packet.dts + ticks[index]
                latest = max(ends, key=lambda one: ends[one] * seconds[one], default=index)
                ahead = begin * seconds[index] - ends.get(latest, begin) * seconds[latest]
                if ahead > leap or (begin - begun.get(index, begin)) * seconds[index] < -BACK:
                    is_together = (ends[latest] * seconds[latest] - ends.get(index, 0) * seconds[index]) < TOGETHER
                    after = index if index in ends and is_together else latest
                    shift += ends[after] * bases[after] - begin * bases[index]
                    ticks = {one: round(shift / base) for one, base in bases.items()}
                    begin = packet.dts + ticks[index]
                begun[index] = begin
                ends[index] = begin + min(packet.duration or 0, int(STILL / seconds[index]))
            if ticks[index]:
                packet.pts, packet.dts = (_moved(time, ticks[index]) for time in (packet.pts, packet.dts))
            yield packet
    except av.FFmpegError:
        return


def _moved(time: int | None, ticks: int) -> int | None:
    return None if time is None or abs(time + ticks) > _LARGEST else time + ticks
