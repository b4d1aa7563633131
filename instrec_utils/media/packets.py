"""Which packets of a stream must be decoded for what is on screen, or sounds, at given times.

Most pictures are coded as differences from others, so decoding has to begin at the packet of one that needs no other: a
restart. Containers flag key frames, but not all of these are restarts (from some of H.264 the picture is only rebuilt
little by little), so the packet's own bytes decide. Only headers are read here; nothing is decoded.
"""

import math
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from av.container import InputContainer

from instrec_utils.media import clock

SKIP, DECODE, SHOW = range(3)
MAX_PACKETS = 12 * 3600 * 240  # of the longest video at the highest frame rate; more would only fill the memory
# With fewer packets to spare than this, the decoder's stops and starts cost more than they save.
MIN_SHARE_SPARED = 0.2
SOUND_PART = 10  # parts of a second in which sound is left out or not
# Parts decoded before and after what is needed: a decoder may take some to find into the sound, a resampler takes one,
# and the first packets may be of before the first sample.
SOUND_LEAD, SOUND_SETTLE, SOUND_TRAIL = 8, 5, 5
_SOUND_SEEKABLE = ("aac", "alac", "flac", "mp3", "opus", "libopus", "pcm_", "vorbis", "libvorbis")

Wanted = Callable[[float], list[tuple[float, float]]]
"""From the length of a sound in seconds to the stretches (begin, end) in seconds that are needed of it."""


@dataclass(frozen=True)
class Packets:
    """The packets of a picture stream, in the order of decoding.

    At a restart decoding can begin: what is on screen from its time on needs no earlier packet.
    """

    times: np.ndarray  # [shape=(num_packets,), int64, units of `time_base`]
    durations: np.ndarray  # [as `times`]
    restarts: np.ndarray  # [shape=(num_packets,), bool]
    time_base: Fraction  # [seconds]

    @property
    def start(self) -> int:
        """When the first picture appears."""
        return int(self.times.min())

    @property
    def last(self) -> int:
        """Which packet holds the last picture on screen."""
        return int(self.times.argmax())


def _plain_packets(container: InputContainer, stream: Any) -> Iterator[Any]:
    """Yield a stream's packets; None in place of one that is empty, damaged, without a time, or one too many."""
    for number, packet in enumerate(clock.reading(container, stream)):
        if packet.size == 0 and packet.dts is None:  # PyAV's mark of the end
            return
        is_plain = packet.size > 0 and packet.pts is not None and not packet.is_corrupt and number < MAX_PACKETS
        yield packet if is_plain else None


def read_packets(container: InputContainer, stream: Any) -> Packets | None:
    """Read what the container says of a stream's packets.

    None where it cannot be relied upon: a codec without known restarts, packets without a time or with the same one,
    empty, damaged or hidden ones, a stream that begins in the middle, or a clock that jumps.
    """
    is_restart = _RESTARTS.get(stream.codec_context.name)
    if is_restart is None or stream.time_base is None:
        return None
    extradata = stream.codec_context.extradata or b""
    listed, restarts = array("q"), array("b")  # times on screen and in the file, and durations, in turn
    for packet in _plain_packets(container, stream):
        if packet is None or packet.is_discard:
            return None
        listed.extend((packet.pts, packet.pts if packet.dts is None else packet.dts, packet.duration or 0))
        restarts.append(packet.is_keyframe and is_restart(bytes(packet), extradata))
    times, orders, durations = np.asarray(listed).reshape(-1, 3).T
    if not clock.is_steady(container, orders * float(stream.time_base)):
        return None
    packets = Packets(times, durations, np.asarray(restarts, bool), stream.time_base)
    if len(times) == 0 or not restarts[0] or packets.start != times[0] or len(np.unique(times)) < len(times):
        return None
    return packets


def on_screen(packets: Packets, times: np.ndarray) -> np.ndarray:
    """Return which packet is on screen at each time [shape=(num_times,), not before the start]: the latest by then."""
    order = packets.times.argsort(kind="stable")
    return order[np.searchsorted(packets.times[order], times, side="right") - 1]


def nearest_restarts(packets: Packets, times: np.ndarray) -> np.ndarray:
    """Return which restart is nearest to each time [shape=(num_times,)]; of two equally near ones the earlier."""
    candidates = np.flatnonzero(packets.restarts)
    candidates = candidates[packets.times[candidates].argsort(kind="stable")]
    known = packets.times[candidates]
    middles = (known[1:] + known[:-1]) / 2
    return candidates[np.searchsorted(middles, times, side="left")]


def efforts(packets: Packets, wanted: np.ndarray) -> np.ndarray:
    """Return what to do with every packet [shape=(num_packets,), uint8] so that those wanted, by number, can be shown.

    SKIP it, DECODE it, as others may need it, or SHOW it.
    """
    wanted = np.unique(wanted)
    restarts = np.flatnonzero(packets.restarts)
    nearest = np.searchsorted(restarts, wanted, side="right") - 1
    # A packet that follows a restart in the file but precedes it on screen may need what was before the restart.
    while (early := packets.times[restarts[nearest]] > packets.times[wanted]).any():
        nearest -= early
    depth = np.zeros(len(packets.times) + 1, np.int64)
    np.add.at(depth, restarts[nearest], 1)
    np.add.at(depth, wanted + 1, -1)
    effort = np.where(depth.cumsum()[:-1] > 0, DECODE, SKIP).astype(np.uint8)
    effort[wanted] = SHOW
    return effort


def is_worth_seeking(effort: np.ndarray) -> bool:
    """Tell whether enough packets can be skipped."""
    return bool((effort == SKIP).mean() >= MIN_SHARE_SPARED)


def read_sound_times(container: InputContainer, stream: Any) -> np.ndarray | None:
    """Read when each packet of a sound stream is due [shape=(num_packets,), int64], in samples.

    None where the container does not tell to the sample, packets are empty, damaged or not one after the other, or the
    codec is not one whose decoder finds into the sound anywhere: AC-3's fills gaps in the spectrum by a random number
    generator that runs on from packet to packet.
    """
    codec = stream.codec_context
    if not codec.sample_rate:  # the header of a broadcast may not know it yet
        return None
    if stream.time_base != Fraction(1, codec.sample_rate) or not codec.name.startswith(_SOUND_SEEKABLE):
        return None
    listed = array("q")  # times and durations in turn
    for packet in _plain_packets(container, stream):
        if packet is None:
            return None
        listed.extend((packet.pts or 0, packet.duration or 0))
    times, durations = np.asarray(listed).reshape(-1, 2).T
    is_gapless = len(times) > 0 and (durations[:-1] > 0).all() and (np.diff(times) == durations[:-1]).all()
    return times if is_gapless else None


def sound_efforts(times: np.ndarray, rate: int, wanted: Wanted) -> np.ndarray:
    """Return whether to DECODE or SKIP every packet [shape=(num_packets,), uint8], due at `times` in samples.

    What is wanted always has the beginning and the end of the sound added: they tell what times are counted from, and
    how long it is.
    """
    parts = (times - times[0]) * SOUND_PART // rate
    needed = np.zeros(parts[-1] + 1, bool)
    for begin, end in [(0, 0), *wanted((times[-1] - times[0]) / rate), (parts[-1] / SOUND_PART, math.inf)]:
        last = min(end * SOUND_PART, len(needed))
        needed[max(0, math.floor(begin * SOUND_PART) - SOUND_LEAD) : math.ceil(last) + SOUND_TRAIL] = True
    return np.where(needed[parts], DECODE, SKIP).astype(np.uint8)


def run_starts(effort: np.ndarray) -> np.ndarray:
    """Return the packets at which decoding begins anew."""
    return np.flatnonzero(np.diff(effort != SKIP, prepend=False) & (effort != SKIP))


def _units(data: bytes, extradata: bytes, place: int) -> tuple[bool, set[int]]:
    """Return whether parameters are kept outside of the packets, and the first byte of each unit of H.264 or HEVC.

    If so, the byte at `place` of the extradata tells the size of the length before a unit; else start codes part them.
    """
    heads: set[int] = set()
    position = 0
    if len(extradata) > place and extradata[0] == 1:
        length_size = (extradata[place] & 3) + 1
        while (begin := position + length_size) < len(data):
            heads.add(data[begin])
            position = begin + int.from_bytes(data[position:begin], "big")
        return True, heads
    while (position := data.find(b"\0\0\1", position)) >= 0:
        position += 3
        heads.update(data[position : position + 1])
    return False, heads


def _h264(data: bytes, extradata: bytes) -> bool:
    has_parameters, heads = _units(data, extradata, 4)
    types = {head & 31 for head in heads}
    # Instantaneous decoding refresh and nothing else.
    return (has_parameters or types >= {7, 8}) and types & {1, 2, 3, 4, 5} == {5}


def _hevc(data: bytes, extradata: bytes) -> bool:
    has_parameters, heads = _units(data, extradata, 21)
    types = {head >> 1 & 63 for head in heads}
    pictures = {kind for kind in types if kind < 32}
    # Random access points.
    return (has_parameters or types >= {32, 33, 34}) and bool(pictures) and pictures <= set(range(16, 22))


def _vp9(data: bytes, extradata: bytes) -> bool:
    head = int.from_bytes(data[:2].ljust(2, b"\0"), "big")
    shift = 10 if head >> 12 & 3 < 3 else 9  # the highest profile has one bit more
    return head >> 14 == 2 and head >> shift & 3 == 0  # a new frame, and a key frame


def _av1(data: bytes, extradata: bytes) -> bool:
    position, is_still = 0, None
    while position < len(data):
        header = data[position]
        kind, has_extension, has_size = header >> 3 & 15, header >> 2 & 1, header >> 1 & 1
        position += 1 + has_extension
        size, shift = 0, 0
        while has_size and position < len(data):
            byte = data[position]
            size, shift, position = size | (byte & 127) << shift, shift + 7, position + 1
            if byte < 128:
                break
        first = data[position] if position < len(data) else 0
        if kind == 1:  # sequence header
            is_still = bool(first >> 3 & 1)
        if kind in (3, 6):  # frame header, frame
            # Not the repetition of an earlier frame, a key frame, and shown at once.
            return is_still is not None and (is_still or first >> 4 == 0b0001)
        position += size if has_size else len(data)
    return False


_RESTARTS: dict[str, Callable[[bytes, bytes], bool]] = {
    "h264": _h264,
    "hevc": _hevc,
    "vp8": lambda data, extradata: data[0] & 1 == 0,
    "vp9": _vp9,
    "av1": _av1,
    "libdav1d": _av1,
    "mjpeg": lambda data, extradata: True,
}
"""By codec, whether decoding can begin at a packet that is flagged as a key frame."""
