"""When the packets of a file play, whatever its clocks do: they begin anywhere, wrap, jump, and start again."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.stream import Stream

# Seconds that a clock may go back, and leap ahead of all that is shown or heard, before another recording begins.
JOINED = (0.1, 10.0)  # in containers that are made to be joined
SINGLE = (2.0, 60.0)  # in others, where a picture may stay without any sound, and times may be in the order on screen
TOGETHER = 0.5  # seconds: streams that end or begin so closely do it together
LONGEST = 60.0  # seconds a packet lasts
_CAN_BE_JOINED = 0x0200  # AVFMT_TS_DISCONT, the flag of such containers
_LARGEST = 2**62


def playing(container: InputContainer, *streams: Stream) -> Iterator[Any]:
    """Yield the packets of some streams as they are in the file, with the times at which they play.

    Where a clock starts again, or leaps ahead while nothing is shown or heard, what follows comes right after what was
    before, in all streams by the same shift. The times of a file whose clocks run on stay as they are. What cannot be
    read ends the file.
    """
    back, leap = JOINED if container.format.flags & _CAN_BE_JOINED else SINGLE
    bases = {stream.index: stream.time_base or Fraction(1, av.time_base) for stream in streams}
    seconds = {index: float(base) for index, base in bases.items()}
    ticks = dict.fromkeys(bases, 0)  # what is added to the times of each stream
    begun: dict[int, int] = {}  # in ticks, as `ends`
    ends: dict[int, int] = {}
    joining: set[int] = set()  # streams of which the next recording has not begun yet
    try:
        for packet in container.demux(*streams):
            index = packet.stream.index
            if packet.size and packet.dts is not None:
                begin = packet.dts + ticks[index]
                latest = max(ends, key=lambda one: ends[one] * seconds[one], default=index)
                ahead = begin * seconds[index] - ends.get(latest, begin) * seconds[latest]
                gone_back = (begun.get(index, begin) - begin) * seconds[index]
                off = (ends.get(index, begin) - begin) * seconds[index]
                is_new = ahead > leap or gone_back > back
                if is_new or (index in joining and packet.stream.type == "video" and abs(off) < TOGETHER):
                    # Pictures are joined without a gap or an overlap; their sound may be off by so little.
                    left = (ends[latest] * seconds[latest] - ends.get(index, 0) * seconds[index]) if ends else 0.0
                    after = index if index in ends and (not is_new or left < TOGETHER) else latest
                    shift = ends[after] * bases[after] - packet.dts * bases[index]
                    ticks = {one: round(shift / base) for one, base in bases.items()}
                    joining = set(bases) if is_new else joining
                    begin = packet.dts + ticks[index]
                joining.discard(index)
                usual = min(max(begin - begun.get(index, begin), 0), int(1 / seconds[index]))
                begun[index] = begin
                ends[index] = begin + min(packet.duration or usual, int(LONGEST / seconds[index]))
            if ticks[index]:
                packet.pts, packet.dts = (_moved(time, ticks[index]) for time in (packet.pts, packet.dts))
            yield packet
    except av.FFmpegError:
        return


def _moved(time: int | None, ticks: int) -> int | None:
    return None if time is None or abs(time + ticks) > _LARGEST else time + ticks
