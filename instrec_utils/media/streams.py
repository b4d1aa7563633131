"""Which streams of a file a player would show and play, and what is known of them before they are decoded."""

import functools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition, Stream

from instrec_utils.errors import MediaError
from instrec_utils.media import clock, containers

MIN_WORK_SECONDS = 60  # no video is given up before
MAX_WORK_RATIO = 4  # seconds of decoding a second of video, beyond the former
MAX_LOOK_SECONDS = 600  # of reading packets
# Of a whole `probe`: packets are read, and up to `MIN_WORK_SECONDS` of each stream that might be chosen decoded.
MAX_PROBE_SECONDS = MAX_LOOK_SECONDS + 20 * MIN_WORK_SECONDS
FAINT = 1e-3  # of full scale: sound that is never louder is none, where there is another track
# Grey levels, mean absolute difference between pictures that are not the same; recompression of one stays below.
MOTION = 1.0
_NOT_MOVING = Disposition.attached_pic | Disposition.timed_thumbnails
_BESIDE = (
    Disposition.comment
    | Disposition.descriptions
    | Disposition.hearing_impaired
    | Disposition.visual_impaired
    | Disposition.dependent
)
_NAMES = {"picture": "pictures", "sound": "sound"}
# With AVFMT_GENERIC_INDEX, the flags of containers that do not know their length but guess it.
_GUESSES_LENGTH = clock.CAN_BE_JOINED | 0x0100


@dataclass(frozen=True)
class MediaInfo:
    """What is known of a file before it is decoded; of a stream that is not there, zeros."""

    duration: float  # seconds, as the header says, or as the packets do where it can only guess
    width: int  # pixels, as stored
    height: int  # pixels, as stored
    pixel_aspect: Fraction  # how much wider than high a pixel is shown
    frame_rate: float  # frames per second on average
    sample_rate: int  # Hz
    delay: float  # seconds from the first picture to the first sound
    tracks: dict[str, int]  # by "picture" and "sound", the number of the stream

    @property
    def has_picture(self) -> bool:
        """Whether there is a picture stream."""
        return self.width > 0

    @property
    def has_sound(self) -> bool:
        """Whether there is a sound stream."""
        return self.sample_rate > 0

    def with_companion(self, what: str) -> tuple[int, ...]:
        """Return the number of the "picture" or "sound" stream, and of the other one, by which its clock is told."""
        return (self.tracks[what], *(number for name, number in self.tracks.items() if name != what))


def probe(path: Path) -> MediaInfo:
    """Return what is known of a file before it is decoded.

    Raises
    ------
    MediaError
        The file is missing, not plain media, has neither picture nor sound, or exceeds a limit.
    """
    path = Path(path)
    try:
        status = path.stat()
        identity = (status.st_ino, status.st_size, status.st_mtime_ns)
    except (OSError, ValueError):  # which opening it explains
        identity = (0, 0, 0)
    info = _look(path, *identity)
    if info.duration > containers.MAX_SECONDS:
        raise MediaError(f"{path}: expected at most {containers.MAX_SECONDS} s, got {info.duration:.0f} s")
    containers.refuse_too_many_pixels(path, info.width, info.height)
    return info


def track(path: Path, what: str) -> tuple[MediaInfo, tuple[int, ...]]:
    """Return `probe` and the streams to open for the "picture" or the "sound"; without one, an error."""
    info = probe(path)
    if what not in info.tracks:
        raise MediaError(f"{path}: has no {what} stream")
    return info, info.with_companion(what)


def work_seconds(info: MediaInfo) -> float:
    """Return after how many seconds `read_frames` or `read_sound` gives a file up."""
    return MIN_WORK_SECONDS + MAX_WORK_RATIO * info.duration


@functools.lru_cache(maxsize=4096)  # decoding a video asks several times
def _look(path: Path, inode: int, size: int, changed: int) -> MediaInfo:
    with containers.open_plain(path) as container:
        moving = [stream for stream in container.streams.video if not stream.disposition & _NOT_MOVING]
        sounding = container.streams.audio
        begins_late = abs(container.start_time or 0) > av.time_base  # and some headers count from zero even so
        guesses = begins_late or not container.duration or bool(container.format.flags & _GUESSES_LENGTH)
        is_plain = not guesses and len(moving) <= 1 and len(sounding) <= 1
        spans = _spans(path, container, [*moving, *sounding], is_plain) if moving or sounding else {}
        chosen: dict[str, Any] = {"picture": _chosen(path, moving, spans), "sound": _chosen(path, sounding, spans)}
        # A header may leave the size to the first picture, and a track hold only what encoders put before the sound.
        firsts = {what: _first(path, stream, what) for what, stream in chosen.items() if stream is not None}
        chosen = {what: chosen[what] for what, first in firsts.items() if first is not None}
        if not chosen:
            raise MediaError(f"{path}: has neither a picture nor a sound stream")
        begins, ends = zip(*(spans[stream.index] for stream in chosen.values()), strict=True)
        measured, declared = max(ends) - min(begins), (container.duration or 0) / av.time_base
        is_wrong = guesses and measured > 0 and abs(measured - declared) > 0.5
        video, shown, heard = chosen.get("picture"), firsts.get("picture"), firsts.get("sound")
        return MediaInfo(
            duration=measured if is_wrong else declared,
            width=shown.width if shown else 0,
            height=shown.height if shown else 0,
            pixel_aspect=Fraction(video.sample_aspect_ratio or 1) if video else Fraction(1),
            frame_rate=float(video.average_rate or 0) if video else 0.0,
            sample_rate=heard.sample_rate if heard else 0,
            delay=begins[1] - begins[0] if len(chosen) == 2 else 0.0,
            tracks={what: stream.index for what, stream in chosen.items()},
        )


def _first(path: Path, stream: Any, what: str) -> Any | None:
    """Return what tells of a stream, its decoder or its first frame; None where it holds none.

    A stream that holds something but cannot be understood is not the same as none.
    """
    decoder: Any = stream.codec_context
    if decoder is None:
        raise MediaError(f"{path}: its {_NAMES[what]} cannot be decoded: unknown codec")
    is_told = bool(decoder.width if what == "picture" else decoder.sample_rate)
    if what == "picture" and is_told:
        return decoder
    try:
        first: Any = next(containers.decoded(path, (stream.index,), MIN_WORK_SECONDS), None)
    except (av.FFmpegError, MediaError):
        first = decoder  # reading it will say why
    if first is decoder and not is_told:
        unknown = "their size" if what == "picture" else "the sample rate"
        raise MediaError(f"{path}: its {_NAMES[what]} cannot be decoded: {unknown} is unknown") from None
    return first


def _spans(
    path: Path, container: InputContainer, streams: Sequence[Any], is_plain: bool
) -> dict[int, tuple[float, float]]:
    """Return when the streams that hold anything begin and end, in seconds; of a plain file only when they begin."""
    spans: dict[int, tuple[float, float]] = {}
    before: dict[int, float] = {}
    deadline = time.monotonic() + MAX_LOOK_SECONDS
    for packet in clock.playing(container, *streams):
        if packet.size == 0:
            continue
        index, moment = packet.stream_index, packet.pts if packet.pts is not None else packet.dts
        begin = before.get(index, 0.0) if moment is None else float(moment * packet.time_base)
        lasts = float((packet.duration or 0) * packet.time_base) or max(0.0, begin - before.get(index, begin))
        first, last = spans.get(index, (begin, begin))
        spans[index], before[index] = (min(first, begin), max(last, begin + lasts)), begin
        if is_plain and len(spans) == len(streams):
            break
        if time.monotonic() > deadline:
            raise MediaError(f"{path}: expected to be read in {MAX_LOOK_SECONDS} s, given up")
    return spans


def _chosen(path: Path, streams: Iterable[Any], spans: dict[int, tuple[float, float]]) -> Any | None:
    """Return the stream that a player would take: of those that hold something real the first by rank."""
    held = [stream for stream in streams if stream.index in spans]
    lengths = {stream.index: spans[stream.index][1] - spans[stream.index][0] for stream in held}
    longest = 0.9 * max(lengths.values(), default=0.0)

    def rank(stream: Stream) -> tuple[bool, ...]:
        is_known, is_beside = stream.codec_context is not None, bool(stream.disposition & _BESIDE)
        return is_known, bool(stream.disposition & Disposition.default), not is_beside, lengths[stream.index] >= longest

    ranked = sorted(held, key=rank, reverse=True)
    if len(ranked) > 1:
        return next((stream for stream in ranked if _is_real(path, stream)), ranked[0])
    return next(iter(ranked), None)


def _is_real(path: Path, stream: Any) -> bool:
    """Tell whether a stream's pictures move, or anything is to be heard of its sound."""
    if stream.codec_context is None:
        return False
    first: np.ndarray | None = None
    resamplers: dict[tuple[str, str, int], av.AudioResampler] = {}
    try:
        for frame in containers.decoded(path, (stream.index,), MIN_WORK_SECONDS):
            if isinstance(frame, av.VideoFrame):
                picture = frame.reformat(width=64, height=64, format="gray").to_ndarray().astype(np.int16)
                first = picture if first is None else first
                if np.abs(picture - first).mean() > MOTION:
                    return True
            elif _peak(frame, resamplers) > FAINT:
                return True
    except (av.FFmpegError, MediaError, ValueError):
        return False
    return False


def _peak(frame: av.AudioFrame, resamplers: dict[tuple[str, str, int], av.AudioResampler]) -> float:
    """Return the largest sample of a frame, 1 at full scale; resamplers are kept, as a new one takes longer than this.

    There is one for each setup, as a recorded broadcast may change from mono to stereo midway.
    """
    setup = frame.format.name, frame.layout.name, frame.sample_rate
    if setup not in resamplers:
        resamplers[setup] = av.AudioResampler(format="flt")
    frame.pts = None  # it would be an error if it were not exact
    return max(
        (float(np.abs(part.to_ndarray()).max(initial=0)) for part in resamplers[setup].resample(frame)), default=0
    )
