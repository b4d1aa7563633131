"""The mono sound of a media file, whole or in the stretches that are needed."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import soxr

from instrec_utils.errors import MediaError
from instrec_utils.media import containers, packets, streams
from instrec_utils.media.packets import Wanted

CHANNELS = ("mean", "loudest")
GAP = 0.5  # seconds: sound that is later than its clock says by less is played on without a break


def read_sound(
    path: Path,
    sample_rates: tuple[int, ...],
    wanted: Wanted | None = None,
    *,
    channels: str = "mean",
    work_seconds: float | None = None,
) -> dict[int, np.ndarray]:
    """Decode the sound once and return it, mono, at several sample rates.

    It begins with the first picture, or with itself where it is earlier or there is none, and is silent where nothing
    was recorded.

    Parameters
    ----------
    path : Path
    sample_rates : tuple of int [Hz]
    wanted : Wanted, optional [what is needed of it; without, all]
    channels : {"mean", "loudest"}
        The mean of the channels, as the paper has it, or that of most power, where they cancel each other.
    work_seconds : float, optional [after which the file is given up; without, `work_seconds` of it]

    Returns
    -------
    dict of int to np.ndarray [shape=(num_samples,), float32]
        About -1 to 1; not a number where it was not wanted, if the container tells exactly when each packet is due, so
        that it could be left out. The rest is as without `wanted` up to the accuracy of the resampling, and to the
        noise that an AAC decoder makes up where the encoder asked for any.

    Raises
    ------
    MediaError
        The file has no sound stream or it cannot be decoded.
    ValueError
        The channels are none of `CHANNELS`.
    """
    if channels not in CHANNELS:
        raise ValueError(f"channels: expected one of {CHANNELS}, got {channels!r}")
    path = Path(path)
    info, tracks = streams.track(path, "sound")
    limit = work_seconds or streams.work_seconds(info)
    late = _lateness(info)
    if wanted is not None and not late and channels == "mean":
        sound = _sound_in_part(path, tracks[:1], sample_rates, limit, wanted)
        if sound is not None:
            return sound
    channel = None if channels == "mean" else int(channel_power(path).of_each.argmax())
    sound = _whole_sound(path, sample_rates, _blocks(path, containers.decoded(path, tracks, limit)), channel)
    return {rate: np.pad(samples, (round(late * rate), 0)) for rate, samples in sound.items()} if late else sound


def _lateness(info: streams.MediaInfo) -> float:
    """Return after how many seconds of silence the sound begins."""
    return info.delay if GAP < info.delay < info.duration else 0.0


def read_windows(path: Path, sample_rate: int, seconds: float) -> Iterator[np.ndarray]:
    """Yield the sound of a file as `read_sound` gives it, however long it is, in windows of so many seconds.

    They [shape=(num_samples,), float32] follow each other; the last may be shorter.
    """
    info, tracks = streams.track(path, "sound")
    late = _lateness(info)
    size, held = round(seconds * sample_rate), np.zeros(round(late * sample_rate), np.float32)
    blocks = _blocks(path, containers.decoded(path, tracks, streams.work_seconds(info)))
    for _, piece in _resampled(path, (sample_rate,), blocks, None):
        held = np.concatenate([held, piece])
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if len(held):
        yield held


class Power(NamedTuple):
    """The power of a file's sound, as mean squares; 1 is full scale."""

    of_mean: float  # of the channels' mean
    of_each: np.ndarray  # [shape=(num_channels,)]
    loudest: float  # of the channels' mean, in the loudest tenth of a second


def channel_power(path: Path) -> Power:
    """Return what power the channels and their mean have.

    Where the mean has far less than the channels, they cancel each other. A file without sound that can be decoded is
    a `MediaError`.
    """
    path = Path(path)
    info, tracks = streams.track(path, "sound")
    count, of_mean, of_each, loudest = 0, 0.0, np.zeros(0), 0.0
    for block in _blocks(path, containers.decoded(path, tracks, streams.work_seconds(info))):
        _refuse_what_is_not_finite(block.samples, path)
        squares = np.square(block.samples, dtype=np.float64).sum(axis=0)
        of_each = np.pad(of_each, (0, max(0, len(squares) - len(of_each))))
        of_each[: len(squares)] += squares
        squares = np.square(block.mono(), dtype=np.float64)
        of_mean += float(squares.sum())
        tenth = max(1, block.setup.rate // 10)
        starts = np.arange(0, len(squares), tenth)
        loudest = max(loudest, float(np.add.reduceat(squares, starts).max(initial=0.0)) / tenth)
        count += len(block.samples)
    if count == 0:
        raise MediaError(f"{path}: the sound stream is empty")
    return Power(of_mean / count, of_each / count, loudest)


class _Setup(NamedTuple):
    sample_format: str
    layout: str
    rate: int


@dataclass(frozen=True)
class _Block:
    """About a second of decoded sound, and when it is due."""

    first: int | None  # units of the stream's time base
    begin: float | None  # seconds
    setup: _Setup
    samples: np.ndarray  # [shape=(num_samples, num_channels), float32]

    def mono(self, channel: int | None = None) -> np.ndarray:
        """Return one channel, the last where there are fewer, or the mean of all [shape=(num_samples,), float32]."""
        if channel is None:
            return self.samples.mean(axis=1, dtype=np.float32)
        return np.ascontiguousarray(self.samples[:, min(channel, self.samples.shape[1] - 1)])


def _blocks(path: Path, frames: Iterator[Any]) -> Iterator[_Block]:
    """Join what packets gave, as each operation on a frame costs more than its few samples do.

    What cannot be decoded ends the sound, and is an error where there is none before.
    """
    fifo, first, begin, due, setup = av.AudioFifo(), None, None, None, _Setup("", "", 0)
    unit, tolerance = 0.0, 0.0
    try:
        for frame in frames:
            # A recorded broadcast may change from mono to stereo, or its sample rate, midway.
            now = _Setup(frame.format.name, frame.layout.name, frame.sample_rate)
            is_new = now != setup
            if is_new:
                unit = float(frame.time_base)  # seconds, of a time stamp
                tolerance = 0 if frame.time_base == Fraction(1, now.rate) else GAP / unit
            is_new = is_new or (due is not None and frame.pts is not None and abs(frame.pts - due) > tolerance)
            if fifo.samples >= frame.sample_rate or (fifo.samples and is_new):
                yield _Block(first, begin, setup, _channels(fifo))
            if not fifo.samples:
                fifo, first, setup = av.AudioFifo(), frame.pts, now
                begin = None if first is None else first * unit
            length = frame.samples / now.rate / unit if tolerance else frame.samples
            due = None if frame.pts is None else frame.pts + length
            frame.pts = None  # it would be an error if it were not exact
            fifo.write(frame)
    except (av.FFmpegError, ValueError) as error:
        if not setup.rate:
            raise MediaError(f"{path}: sound cannot be decoded: {error}") from error
    if fifo.samples:
        yield _Block(first, begin, setup, _channels(fifo))


def _channels(fifo: av.AudioFifo) -> np.ndarray:
    # Not as planes: of eight or more channels PyAV reads beyond the last one.
    packed = av.AudioResampler(format="flt").resample(fifo.read())
    return np.concatenate([part.to_ndarray().reshape(-1, part.layout.nb_channels) for part in packed])


def _with_silence(blocks: Iterator[_Block]) -> Iterator[_Block]:
    """Put seconds of silence where nothing was recorded."""
    due: float | None = None
    for block in blocks:
        rate = block.setup.rate
        missing = 0 if due is None or block.begin is None else round((block.begin - due) * rate)
        if missing > GAP * rate:
            for length in itertools.chain(itertools.repeat(rate, missing // rate), [missing % rate]):
                yield replace(block, samples=np.zeros((length, block.samples.shape[1]), np.float32))
        if block.begin is not None:
            due = block.begin if due is None else max(due, block.begin)
        if due is not None:
            due += len(block.samples) / rate
        yield block


def _whole_sound(
    path: Path, sample_rates: tuple[int, ...], blocks: Iterator[_Block], channel: int | None
) -> dict[int, np.ndarray]:
    chunks: dict[int, list[np.ndarray]] = {rate: [] for rate in sample_rates}
    for rate, samples in _resampled(path, sample_rates, blocks, channel):
        chunks[rate].append(samples)
    return {rate: np.concatenate(chunks.pop(rate)) for rate in list(chunks)}  # one rate's parts at a time


def _resampled(
    path: Path, sample_rates: tuple[int, ...], blocks: Iterator[_Block], channel: int | None
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the sound in pieces, at each of the sample rates."""
    resamplers: dict[int, soxr.ResampleStream] = {}
    setup, seconds = None, 0.0

    def checked(rate: int, samples: np.ndarray, *, last: bool = False) -> tuple[int, np.ndarray]:
        piece = resamplers[rate].resample_chunk(samples, last=last)
        _refuse_what_is_not_finite(piece, path)
        return rate, piece

    def rest() -> Iterator[tuple[int, np.ndarray]]:
        """Yield what the resamplers still hold back."""
        for rate in resamplers:
            yield checked(rate, np.zeros(0, np.float32), last=True)

    for block in _with_silence(blocks):
        if setup != (setup := block.setup):
            yield from rest()
            for rate in sample_rates:
                resamplers[rate] = soxr.ResampleStream(setup.rate, rate, 1, dtype="float32")
        seconds += len(block.samples) / setup.rate
        if seconds > containers.MAX_SECONDS:
            raise MediaError(f"{path}: expected sound of at most {containers.MAX_SECONDS} s, got more")
        samples = block.mono(channel)
        for rate in sample_rates:
            yield checked(rate, samples)
    if not resamplers:
        raise MediaError(f"{path}: the sound stream is empty")
    yield from rest()


def _refuse_what_is_not_finite(samples: np.ndarray, path: Path) -> None:
    if not np.isfinite(samples).all():
        raise MediaError(f"{path}: the sound holds values that are not finite")


def _sound_in_part(
    path: Path, tracks: tuple[int, ...], sample_rates: tuple[int, ...], limit: float, wanted: Wanted
) -> dict[int, np.ndarray] | None:
    """Decode the wanted stretches only; None where the container does not allow it or it is not worth it."""
    with containers.open_tracks(path, tracks) as (container, (stream,)):
        times, rate = packets.read_sound_times(container, stream), stream.codec_context.sample_rate
    if (
        times is None
        or times[-1] - times[0] > containers.MAX_SECONDS * rate
        or any(one % packets.SOUND_PART for one in (rate, *sample_rates))
    ):
        return None
    effort = packets.sound_efforts(times, rate, wanted)
    if not packets.is_worth_seeking(effort):
        return None
    stretches = _contiguous(_blocks(path, containers.decoded(path, tracks, limit, effort)), rate)
    due = times[packets.run_starts(effort)]
    settled = due + rate * packets.SOUND_SETTLE // packets.SOUND_PART
    if len(stretches) != len(due) or any(first > by for (first, _), by in zip(stretches, settled, strict=True)):
        return None  # something was left out that should not have been
    sound = _placed(stretches, rate, sample_rates, path)
    return sound if all(_is_there(samples, new_rate, wanted) for new_rate, samples in sound.items()) else None


def _is_there(samples: np.ndarray, rate: int, wanted: Wanted) -> bool:
    """Tell whether all that is wanted was decoded, and a sample more, as positions are rounded."""
    spans = [(int(begin * rate) - 1, math.ceil(end * rate) + 1) for begin, end in wanted(len(samples) / rate)]
    return all(np.isfinite(samples[max(0, begin) : max(0, end)]).all() for begin, end in spans)


def _contiguous(blocks: Iterator[_Block], rate: int) -> list[tuple[int, np.ndarray]]:
    """Join blocks that follow each other; gives when each stretch is due and its samples."""
    stretches: list[tuple[int, list[np.ndarray]]] = []
    due, setup = None, None
    for block in blocks:
        if block.first is None or block.setup != (setup := setup or block.setup) or setup.rate != rate:
            return []
        if block.first != due:
            stretches.append((block.first, []))
        stretches[-1][1].append(block.mono())
        due = block.first + len(block.samples)
    return [(first, np.concatenate(samples)) for first, samples in stretches]


def _placed(
    stretches: list[tuple[int, np.ndarray]], rate: int, sample_rates: tuple[int, ...], path: Path
) -> dict[int, np.ndarray]:
    """Resample stretches from whole tenths of a second on, and put them where they belong."""
    sound = {}
    origin = stretches[0][0]
    for new_rate in sample_rates:
        step, new_step = rate // packets.SOUND_PART, new_rate // packets.SOUND_PART
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
