"""The only place that decodes: pictures at given times and mono sound of a video file.

A file counts as plain media when its first bytes say which container it is; the demuxer is then fixed and no
protocol but ``file`` is allowed. So a playlist, a concat list or a subtitle script is refused whatever its name
says, and nothing in it is ever followed. What a header declares is checked before decoding, and what really comes
out of the decoder is checked again while decoding.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soxr
from av.stream import Discard, Disposition

from instrec_utils import sampling
from instrec_utils.errors import MediaError

MAX_BYTES = 8 * 2**30  # a 12 h upload at YouTube's 360p stays far below
MAX_SECONDS = 12 * 3600
MAX_PIXELS = 8192 * 4320  # one frame
MAX_DECODED_BYTES = 2**43  # all frames of 12 h of 1080p at 30 frames per second, 3 bytes a pixel
MIN_WORK_SECONDS = 60  # no video is given up before
MAX_WORK_RATIO = 4  # seconds of decoding a second of video, beyond the former
PLANS = ("exact", "through", "seek", "key frames")
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
    # Packets of 188 bytes, or of 192 with a time before each (camcorders).
    if head[0:377:188] == b"GGG" or head[4:389:192] == b"GGG":
        return "mpegts"
    for signature, name in (
        (b"FLV\x01", "flv"),
        (b"OggS", "ogg"),
        (b"fLaC", "flac"),
        (b"ID3", "mp3"),
        (b"\xff\xfa", "mp3"),
        (b"\xff\xfb", "mp3"),
        (b"\xff\xf2", "mp3"),
        (b"\xff\xf3", "mp3"),
    ):
        if head.startswith(signature):
            return name
    return None


def _open(path: Path) -> av.container.InputContainer:
    path = Path(path)
    try:
        if not path.exists():
            raise MediaError(f"{path}: no such file")
        if not path.is_file():
            raise MediaError(f"{path}: expected a media file, got something that is not a file")
        size = path.stat().st_size
        if size == 0 or size > MAX_BYTES:
            raise MediaError(f"{path}: expected 1 to {MAX_BYTES} bytes, got {size}")
        with path.open("rb") as file:
            demuxer = _container(file.read(400))
    except (OSError, ValueError) as error:  # no permission; a name that is too long or holds a zero
        raise MediaError(f"{path}: cannot be read: {error}") from error
    if demuxer is None:
        raise MediaError(f"{path}: not a plain media file; allowed are {CONTAINERS}, told by content and not by name")
    # Decoders allocate whole blocks, so their limit is a little wider than that of the picture inside.
    options = {"protocol_whitelist": "file", "max_pixels": str(2 * MAX_PIXELS)}
    try:
        container = av.open(f"file:{path}", format=demuxer, options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError) as error:
        raise MediaError(f"{path}: cannot be opened as {demuxer}: {error}") from error
    for stream in (*container.streams.video, *container.streams.audio):
        if stream.codec_context is not None:
            stream.codec_context.options = {"max_pixels": options["max_pixels"]}
    return container


def _picture_stream(container: av.container.InputContainer) -> av.VideoStream | None:
    """Return the first moving picture; the cover of a song is none."""
    moving = (stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic)
    return next(moving, None)


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
        video = _picture_stream(container)
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
        # A stream that is declared but cannot be understood is not the same as none.
        if video is not None and not info.has_picture:
            raise MediaError(f"{path}: its pictures cannot be decoded: their size is unknown")
        if audio is not None and not info.has_sound:
            raise MediaError(f"{path}: its sound cannot be decoded: the sample rate is unknown")
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


def read_frames(
    path: Path,
    *,
    frame_rate: float = 1.0,
    size: int | None = None,
    numbers: Sequence[int] | None = None,
    first: int = 0,
    plan: str = "exact",
    num_threads: int = 0,
) -> Iterator[np.ndarray]:
    """Yield the pictures on screen at 0, 1, 2, ... s (at 1 frame per second).

    The picture on screen at a time is the last one whose presentation time is not after it, counted from the
    first picture; the last one stays for its own duration.

    Parameters
    ----------
    path : media file.
    frame_rate : frames per second to take.
    size : pixels a side of the square that the whole picture is resized to; None keeps the picture's own size.
    numbers : which of these frames to yield, not decreasing; None for all.
    first : where `numbers` is None, the first frame to yield.
    plan : how to get at them.

        - "exact": what is cheaper of the next two, as the container's list of packets tells;
        - "through": decode every picture;
        - "seek": decode from the last restart before each wanted picture;
        - "key frames": take the nearest restart instead of the wanted picture, which is fastest and not exact.

        The first three yield the same pictures of any file that can be decoded without an error. Where the list
        of packets cannot be relied upon, each plan decodes through.
    num_threads : of the decoder; 0 for one a core. The pictures do not depend on it.

    Yields
    ------
    np.ndarray [shape=(height, width, 3), uint8]
        RGB, 0 to 255, upright.

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
    wish = _Wish(
        path=Path(path),
        step=Fraction(1) / Fraction(frame_rate).limit_denominator(1000),
        numbers=wanted,
        first=first,
        size=size,
        num_threads=num_threads,
        work_seconds=work_seconds(probe(path)),
    )
    done = 0 if plan == "through" else (yield from _listed(wish, plan))
    if done is not None:
        yield from _through(wish, done)


@dataclass(frozen=True)
class _Wish:
    """Which pictures of a file are wanted, and how they are decoded."""

    path: Path
    step: Fraction  # seconds between two frames
    numbers: list[int] | None
    first: int
    size: int | None
    num_threads: int
    work_seconds: float

    def count(self, span: Fraction) -> int:
        """Return how many frames there are in a picture stream of that many seconds."""
        return max(1, math.ceil(min(span, MAX_SECONDS) / self.step))


def _through(wish: _Wish, done: int) -> Iterator[np.ndarray]:
    """Decode every picture; the first `done` of the wanted ones were yielded already."""
    numbers = itertools.count(wish.first + done) if wish.numbers is None else iter(wish.numbers[done:])
    number = next(numbers, None)
    start = shown = None
    end = Fraction(0)
    try:
        for frame in _decoded(wish):
            if number is None:
                return
            if frame.pts is None:
                continue
            moment = frame.pts * frame.time_base
            start = moment if start is None else start
            if moment - start > MAX_SECONDS:
                raise MediaError(
                    f"{wish.path}: expected pictures of at most {MAX_SECONDS} s, got one at {float(moment)} s"
                )
            # Every wanted time before this frame still shows the one before it.
            while shown is not None and number is not None and moment - start > number * wish.step:
                yield _picture(shown, wish.size)
                number = next(numbers, None)
            shown, end = frame, moment + (frame.duration or 1) * frame.time_base
    except av.FFmpegError as error:
        if shown is None:
            raise MediaError(f"{wish.path}: pictures cannot be decoded: {error}") from error
    if shown is None:
        raise MediaError(f"{wish.path}: the picture stream has no frame")
    count = wish.count(end - start)
    while number is not None and number < count:
        yield _picture(shown, wish.size)
        number = next(numbers, None)
    if number is not None and wish.numbers is not None:
        raise MediaError(f"{wish.path}: expected frame numbers below {count}, got {number}")


def _listed(wish: _Wish, plan: str) -> Generator[np.ndarray, None, int | None]:
    """Yield the wanted pictures by the container's list of packets.

    Returns
    -------
    int or None
        None when all is done; else how many were yielded before the list turned out to be wrong.
    """
    with _open(wish.path) as container:
        stream = _alone(container, _picture_stream(container), wish.path)
        packets, time_base = sampling.read_packets(container, stream), stream.time_base
    if packets is None:
        return 0
    last = packets.times[packets.last]
    count = wish.count((last - packets.start + (packets.durations[packets.last] or 1)) * time_base)
    numbers = range(wish.first, count) if wish.numbers is None else wish.numbers
    if len(numbers) == 0:
        return None
    if numbers[-1] >= count or (last - packets.start) * time_base > MAX_SECONDS:
        return 0
    times = np.array([packets.start + math.floor(number * wish.step / time_base) for number in numbers])
    if plan == "key frames":
        chosen = sampling.nearest_restarts(packets, times)
        effort = sampling.efforts(packets, chosen)
    else:
        chosen = sampling.on_screen(packets, times)
        # How long the last picture stays decides how many frames there are: look at it, too.
        effort = sampling.efforts(packets, np.append(chosen, packets.last) if wish.numbers is None else chosen)
        if plan == "exact" and not sampling.is_worth_seeking(effort):
            effort[effort == sampling.SKIP] = sampling.DECODE
    expected = packets.times[chosen]
    done = 0
    try:
        for frame in _decoded(wish, effort):
            if frame.pts == last and wish.count((last - packets.start + (frame.duration or 1)) * time_base) != count:
                return done
            while done < len(expected) and frame.pts == expected[done]:
                yield _picture(frame, wish.size)
                done += 1
            if done < len(expected) and (frame.pts is None or frame.pts > expected[done]):
                return done
    except av.FFmpegError:
        return done
    return None if done == len(expected) else done


def stretches(path: Path, count: int, *, frame_rate: float = 1.0) -> list[int]:
    """Return where several decoders can share the pictures of a file, about equally much each.

    Parameters
    ----------
    path : media file.
    count : stretches at most.
    frame_rate : frames per second to take.

    Returns
    -------
    list of int
        The first frame of each stretch, from 0 on, increasing; each but the first is the first one that is wanted
        after a restart. Only 0 where the list of packets cannot be relied upon.

    Raises
    ------
    MediaError
        The file is not plain media or has no picture stream.
    """
    with _open(path) as container:
        stream = _alone(container, _picture_stream(container), path)
        packets, time_base = sampling.read_packets(container, stream), stream.time_base
    if packets is None:
        return [0]
    restarts = np.flatnonzero(packets.restarts)
    wanted = len(packets.times) * np.arange(1, count) / count
    nearest = restarts[np.abs(restarts[:, None] - wanted).argmin(axis=0)]
    seconds = (packets.times[nearest] - packets.start) * float(time_base)
    return sorted({0, *(math.ceil(moment * frame_rate) for moment in seconds)})


def work_seconds(info: MediaInfo) -> float:
    """Return after how many seconds `read_frames` or `read_sound` gives a file up."""
    return MIN_WORK_SECONDS + MAX_WORK_RATIO * info.duration


def _alone(
    container: av.container.InputContainer, stream: av.stream.Stream | None, path: Path, what: str = "picture"
) -> av.stream.Stream:
    """Let the demuxer drop the packets of all other streams."""
    if stream is None:
        raise MediaError(f"{path}: has no {what} stream")
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    return stream


def _decoded(wish: _Wish, effort: np.ndarray | None = None) -> Iterator[av.VideoFrame]:
    """Yield the decoded pictures, of all packets or with the given `sampling.efforts`."""
    with _open(wish.path) as container:
        stream = _alone(container, _picture_stream(container), wish.path)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = wish.num_threads
        yield from _within_limits(wish.path, wish.work_seconds, _decode(container, stream, effort))


def _decode(
    container: av.container.InputContainer, stream: av.stream.Stream, effort: np.ndarray | None = None
) -> Iterator[list[av.frame.Frame]]:
    """Decode a stream packet by packet; yields what comes out after each."""
    context = stream.codec_context
    # Only H.264 says so of each picture whether any other may need it.
    can_drop = effort is not None and context.name == "h264"
    is_running = False
    packets = (packet for packet in container.demux(stream) if packet.size)
    needed = None if effort is None else int(effort.nonzero()[0][-1]) + 1  # SKIP is 0
    for number, packet in enumerate(itertools.islice(packets, needed)):
        if effort is not None and effort[number] == sampling.SKIP:
            if is_running:
                yield _drained(stream)
                context.flush_buffers()
                is_running = False
            continue
        if can_drop:
            context.skip_frame = "DEFAULT" if effort[number] == sampling.SHOW else "NONREF"
        is_running = True
        yield context.decode(packet)
    if is_running:
        yield _drained(stream)


def _drained(stream: av.stream.Stream) -> list[av.frame.Frame]:
    """Return what the decoder still holds back."""
    frames = stream.codec_context.decode(None)
    for frame in frames:
        frame.time_base = stream.time_base
    return frames


def _within_limits(
    path: Path, work_seconds: float, steps: Iterator[list[av.frame.Frame]]
) -> Iterator[av.VideoFrame | av.AudioFrame]:
    """Pass frames on until decoding them has taken too long or has given too much."""
    spent = 0.0
    num_bytes = 0
    while True:
        before = time.monotonic()
        frames = next(steps, None)
        spent += time.monotonic() - before
        if frames is None:
            return
        if spent > work_seconds:
            raise MediaError(f"{path}: expected to be decoded in {work_seconds:.0f} s, given up after {spent:.0f} s")
        for frame in frames:
            if isinstance(frame, av.VideoFrame):
                if frame.width * frame.height > MAX_PIXELS:
                    raise MediaError(
                        f"{path}: expected at most {MAX_PIXELS} pixels a frame, got {frame.width} x {frame.height}"
                    )
                num_bytes += 3 * frame.width * frame.height
            else:
                num_bytes += 4 * frame.samples * len(frame.layout.channels)
            if num_bytes > MAX_DECODED_BYTES:
                raise MediaError(f"{path}: expected at most {MAX_DECODED_BYTES} decoded bytes, got more")
            yield frame


def read_sound(
    path: Path, sample_rates: tuple[int, ...], wanted: Callable[[float], list[tuple[float, float]]] | None = None
) -> dict[int, np.ndarray]:
    """Decode the sound once and return it, mono, at several sample rates.

    Parameters
    ----------
    path : media file.
    sample_rates : Hz.
    wanted : from the length of the sound in seconds to the stretches (begin, end) that are needed; None for all.

    Returns
    -------
    dict of int to np.ndarray [shape=(num_samples,), float32]
        The mean of the channels, about -1 to 1. Not a number where it was not wanted and not decoded, which is only
        left out where the container tells exactly when each packet is due; what is there is the same as that of the
        whole up to the accuracy of the resampling, and to the noise that an AAC decoder makes up where the encoder
        asked for any noise.

    Raises
    ------
    MediaError
        The file has no sound stream or it cannot be decoded.
    """
    limit = work_seconds(probe(path))
    sound = None if wanted is None else _sound_in_part(path, sample_rates, limit, wanted)
    return sound or _whole_sound(path, sample_rates, limit)


@dataclass(frozen=True)
class _Block:
    """About a second of decoded sound."""

    first: int | None  # when it is due, in units of the stream's time base
    setup: tuple[str, str, int]  # sample format, layout of the channels, sample rate
    samples: np.ndarray  # mono


def _blocks(frames: Iterator[av.AudioFrame]) -> Iterator[_Block]:
    """Join what packets gave, as each operation on a frame costs more than its few samples do."""
    fifo, first, due, setup, error = av.AudioFifo(), None, None, None, None
    try:
        for frame in frames:
            # A recorded broadcast may change from mono to stereo, or its sample rate, midway.
            now = (frame.format.name, frame.layout.name, frame.sample_rate)
            is_exact = frame.time_base == Fraction(1, frame.sample_rate)
            if fifo.samples >= frame.sample_rate or (
                fifo.samples and (now != setup or (is_exact and frame.pts != due))
            ):
                yield _Block(first, setup, _mono(fifo.read()))
            if not fifo.samples:
                fifo, first, setup = av.AudioFifo(), frame.pts, now
            due = None if frame.pts is None else frame.pts + frame.samples
            frame.pts = None  # it would be an error if it were not exact
            fifo.write(frame)
    except (av.FFmpegError, ValueError) as broken:
        error = broken
    if fifo.samples:
        yield _Block(first, setup, _mono(fifo.read()))
    if error:
        raise error


def _mono(frame: av.AudioFrame) -> np.ndarray:
    # Not as planes: of eight or more channels PyAV reads beyond the last one.
    packed = av.AudioResampler(format="flt").resample(frame)
    channels = np.concatenate([part.to_ndarray().reshape(-1, part.layout.nb_channels) for part in packed])
    return channels.mean(axis=1, dtype=np.float32)


def _decoded_sound(path: Path, limit: float, effort: np.ndarray | None = None) -> Iterator[_Block]:
    with _open(path) as container:
        stream = _alone(container, next(iter(container.streams.audio), None), path, "sound")
        yield from _blocks(_within_limits(path, limit, _decode(container, stream, effort)))


def _whole_sound(path: Path, sample_rates: tuple[int, ...], limit: float) -> dict[int, np.ndarray]:
    chunks: dict[int, list[np.ndarray]] = {rate: [] for rate in sample_rates}
    streams: dict[int, soxr.ResampleStream] = {}
    setup = None
    seconds = 0.0
    try:
        for block in _decoded_sound(path, limit):
            if setup != (setup := block.setup):
                _finish(streams, chunks)
                for rate in sample_rates:
                    streams[rate] = soxr.ResampleStream(setup[-1], rate, 1, dtype="float32")
            seconds += len(block.samples) / setup[-1]
            if seconds > MAX_SECONDS:
                raise MediaError(f"{path}: expected sound of at most {MAX_SECONDS} s, got more")
            for rate, resampler in streams.items():
                chunks[rate].append(resampler.resample_chunk(block.samples))
    except (av.FFmpegError, ValueError) as error:
        if not streams:
            raise MediaError(f"{path}: sound cannot be decoded: {error}") from error
    if not streams:
        raise MediaError(f"{path}: the sound stream is empty")
    _finish(streams, chunks)
    sound = {rate: np.concatenate(chunks.pop(rate)) for rate in list(chunks)}  # one rate's parts at a time
    for samples in sound.values():
        _refuse_what_is_not_finite(samples, path)
    return sound


def _refuse_what_is_not_finite(samples: np.ndarray, path: Path) -> None:
    if not np.isfinite(samples).all():
        raise MediaError(f"{path}: the sound holds values that are not finite")


def _finish(streams: dict[int, soxr.ResampleStream], chunks: dict[int, list[np.ndarray]]) -> None:
    """Append what the resamplers still hold back."""
    for rate, stream in streams.items():
        chunks[rate].append(stream.resample_chunk(np.zeros(0, np.float32), last=True))


def _sound_in_part(
    path: Path, sample_rates: tuple[int, ...], limit: float, wanted: Callable[[float], list[tuple[float, float]]]
) -> dict[int, np.ndarray] | None:
    """Decode the wanted stretches only; None where the container does not allow it or it is not worth it."""
    with _open(path) as container:
        stream = _alone(container, next(iter(container.streams.audio), None), path, "sound")
        times, rate = sampling.read_sound_times(container, stream), stream.codec_context.sample_rate
    part = sampling.SOUND_PART
    if times is None or times[-1] - times[0] > MAX_SECONDS * rate or any(one % part for one in (rate, *sample_rates)):
        return None
    effort = sampling.sound_efforts(times, rate, wanted)
    if not sampling.is_worth_seeking(effort):
        return None
    try:
        stretches = _contiguous(_decoded_sound(path, limit, effort), rate)
    except (av.FFmpegError, ValueError):
        return None
    due = times[sampling.run_starts(effort)]
    settled = due + rate * sampling.SOUND_SETTLE // part
    if len(stretches) != len(due) or any(first > by for (first, _), by in zip(stretches, settled, strict=True)):
        return None  # something was left out that should not have been
    sound = _placed(stretches, rate, sample_rates, path)
    return sound if all(_is_there(samples, new_rate, wanted) for new_rate, samples in sound.items()) else None


def _is_there(samples: np.ndarray, rate: int, wanted: Callable[[float], list[tuple[float, float]]]) -> bool:
    """Tell whether all that is wanted was decoded, and a sample more, as positions are rounded."""
    spans = [(int(begin * rate) - 1, math.ceil(end * rate) + 1) for begin, end in wanted(len(samples) / rate)]
    return all(np.isfinite(samples[max(0, begin) : max(0, end)]).all() for begin, end in spans)


def _contiguous(blocks: Iterator[_Block], rate: int) -> list[tuple[int, np.ndarray]]:
    """Join blocks that follow each other; gives when each stretch is due and its samples."""
    stretches: list[tuple[int, list[np.ndarray]]] = []
    due, setup = None, None
    for block in blocks:
        if block.first is None or block.setup != (setup := setup or block.setup) or setup[-1] != rate:
            return []
        if block.first != due:
            stretches.append((block.first, []))
        stretches[-1][1].append(block.samples)
        due = block.first + len(block.samples)
    return [(first, np.concatenate(samples)) for first, samples in stretches]


def _placed(
    stretches: list[tuple[int, np.ndarray]], rate: int, sample_rates: tuple[int, ...], path: Path
) -> dict[int, np.ndarray]:
    """Resample stretches from whole tenths of a second on, and put them where they belong."""
    sound = {}
    origin = stretches[0][0]
    for new_rate in sample_rates:
        step, new_step = rate // sampling.SOUND_PART, new_rate // sampling.SOUND_PART
        pieces = []
        for first, samples in stretches:
            begin = -((origin - first) // step)
            piece = soxr.resample(samples[begin * step - (first - origin) :], rate, new_rate)
            _refuse_what_is_not_finite(piece, path)
            pieces.append((begin * new_step, piece))
        whole = np.full(pieces[-1][0] + len(pieces[-1][1]), np.nan, np.float32)
        for number, (begin, piece) in enumerate(pieces):
            # Where sound was cut off, the resampler heard silence.
            head = new_step if number else 0
            tail = len(piece) - (new_step if number < len(pieces) - 1 else 0)
            whole[begin + head : begin + tail] = piece[head:tail]
        sound[new_rate] = whole
    return sound


def num_frames(duration: float, frame_rate: float = 1.0) -> int:
    """Return how many frames `read_frames` yields of a picture stream of that duration (seconds)."""
    return max(1, math.ceil(duration * frame_rate))
