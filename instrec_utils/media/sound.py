"""The mono sound of a media file, whole or in the stretches that are needed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import soxr

from instrec_utils.errors import MediaError
from instrec_utils.media import containers, packets
from instrec_utils.media.packets import Wanted


def read_sound(path: Path, sample_rates: tuple[int, ...], wanted: Wanted | None = None) -> dict[int, np.ndarray]:
    """Decode the sound once and return it, mono, at several sample rates.

    Parameters
    ----------
    path : Path
    sample_rates : tuple of int [Hz]
    wanted : Wanted, optional [what is needed of it; without, all]

    Returns
    -------
    dict of int to np.ndarray [shape=(num_samples,), float32]
        The mean of the channels, about -1 to 1; not a number where it was not wanted, if the container tells exactly
        when each packet is due, so that it could be left out. The rest is as without `wanted` up to the accuracy of the
        resampling, and to the noise that an AAC decoder makes up where the encoder asked for any.

    Raises
    ------
    MediaError
        The file has no sound stream or it cannot be decoded.
    """
    limit = containers.work_seconds(containers.probe(path))
    sound = None if wanted is None else _sound_in_part(path, sample_rates, limit, wanted)
    return sound or _whole_sound(path, sample_rates, limit)


class _Setup(NamedTuple):
    sample_format: str
    layout: str
    rate: int


@dataclass(frozen=True)
class _Block:
    """About a second of decoded sound, mono, and when it is due in units of the stream's time base."""

    first: int | None
    setup: _Setup
    samples: np.ndarray


def _blocks(frames: Iterator[av.AudioFrame]) -> Iterator[_Block]:
    """Join what packets gave, as each operation on a frame costs more than its few samples do."""
    fifo, first, due, setup, error = av.AudioFifo(), None, None, _Setup("", "", 0), None
    try:
        for frame in frames:
            # A recorded broadcast may change from mono to stereo, or its sample rate, midway.
            now = _Setup(frame.format.name, frame.layout.name, frame.sample_rate)
            is_exact = frame.time_base == Fraction(1, frame.sample_rate)
            is_new = now != setup or (is_exact and frame.pts != due)
            if fifo.samples >= frame.sample_rate or (fifo.samples and is_new):
                yield _Block(first, setup, _mono(fifo))
            if not fifo.samples:
                fifo, first, setup = av.AudioFifo(), frame.pts, now
            due = None if frame.pts is None else frame.pts + frame.samples
            frame.pts = None  # it would be an error if it were not exact
            fifo.write(frame)
    except (av.FFmpegError, ValueError) as broken:
        error = broken
    if fifo.samples:
        yield _Block(first, setup, _mono(fifo))
    if error:
        raise error


def _mono(fifo: av.AudioFifo) -> np.ndarray:
    # Not as planes: of eight or more channels PyAV reads beyond the last one.
    packed = av.AudioResampler(format="flt").resample(fifo.read())
    channels = np.concatenate([part.to_ndarray().reshape(-1, part.layout.nb_channels) for part in packed])
    return channels.mean(axis=1, dtype=np.float32)


def _whole_sound(path: Path, sample_rates: tuple[int, ...], limit: float) -> dict[int, np.ndarray]:
    chunks: dict[int, list[np.ndarray]] = {rate: [] for rate in sample_rates}
    streams: dict[int, soxr.ResampleStream] = {}
    setup, seconds = None, 0.0

    def finish() -> None:
        """Append what the resamplers still hold back."""
        for rate, stream in streams.items():
            chunks[rate].append(stream.resample_chunk(np.zeros(0, np.float32), last=True))

    try:
        for block in _blocks(containers.decoded(path, "sound", limit)):
            if setup != (setup := block.setup):
                finish()
                for rate in sample_rates:
                    streams[rate] = soxr.ResampleStream(setup.rate, rate, 1, dtype="float32")
            seconds += len(block.samples) / setup.rate
            if seconds > containers.MAX_SECONDS:
                raise MediaError(f"{path}: expected sound of at most {containers.MAX_SECONDS} s, got more")
            for rate, resampler in streams.items():
                chunks[rate].append(resampler.resample_chunk(block.samples))
    except (av.FFmpegError, ValueError) as error:
        if not streams:
            raise MediaError(f"{path}: sound cannot be decoded: {error}") from error
    if not streams:
        raise MediaError(f"{path}: the sound stream is empty")
    finish()
    sound = {rate: np.concatenate(chunks.pop(rate)) for rate in list(chunks)}  # one rate's parts at a time
    for samples in sound.values():
        _refuse_what_is_not_finite(samples, path)
    return sound


def _refuse_what_is_not_finite(samples: np.ndarray, path: Path) -> None:
    if not np.isfinite(samples).all():
        raise MediaError(f"{path}: the sound holds values that are not finite")


def _sound_in_part(
    path: Path, sample_rates: tuple[int, ...], limit: float, wanted: Wanted
) -> dict[int, np.ndarray] | None:
    """Decode the wanted stretches only; None where the container does not allow it or it is not worth it."""
    with containers.open_stream(path, "sound") as (container, stream):
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
    try:
        stretches = _contiguous(_blocks(containers.decoded(path, "sound", limit, effort)), rate)
    except (av.FFmpegError, ValueError):
        return None
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
