"""What the staged corpora share: the shares of conditions, the video writer, and a resumable rendering.

A staged corpus is a folder::

    videos/<label>/<video id>.mp4
    corpus.json     what each file was rendered from: changed entries, and only those, are rendered again; all are where
                    it is missing or damaged
    index.csv       one row a clip; there only when every clip is
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pandas as pd
from moviepy.audio.io.ffmpeg_audiowriter import FFMPEG_AudioWriter
from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

from instrec_utils import cluster
from instrec_utils.config import Conditions
from instrec_utils.errors import CorpusError, MediaError, ParameterError
from instrec_utils.files import sha256_of, whole, write_json

SAMPLE_RATE = 44_100  # Hz
FRAME_RATE = 12.0  # frames per second
BITRATE = "160k"  # of the picture, bits per second: what a small upload gets


@dataclass(frozen=True)
class Clip:
    """One row of a staged corpus's index.

    Attributes
    ----------
    video_id : str
        Unique in the corpus.
    label : str
        The instrument that the clip is about.
    split : str
        "train", "validation", "test", "test_clean" for an undegraded variant of a test clip, or "spare".
    path : str
        Relative to the corpus's folder.
    duration : float [seconds, > 0]
    picture, sound : str
        The conditions, keys of `config.Conditions`.
    picture_source, sound_source : str
        "real", "rendered" or "drawn"; "none" where the condition leaves nothing of
        the instrument in sight or to be heard.
    sources : str
        Names of the source files used, joined by ";".
    companion : str
        Label of the instrument that stands beside or plays along, or "".
    """

    video_id: str
    label: str
    split: str
    path: str
    duration: float
    picture: str
    sound: str
    picture_source: str
    sound_source: str
    sources: str
    companion: str


def write_clip(
    path: Path,
    frame_at: Callable[[float], np.ndarray],
    duration: float,
    sound: np.ndarray | None,
    *,
    frame_rate: float = FRAME_RATE,
) -> None:
    """Write pictures and sound as MP4: H.264 (yuv420p) and AAC, the same bytes for the same input.

    The file appears under its name only when it is whole.

    Parameters
    ----------
    path : Path
        File to write; its folder is made where missing.
    frame_at : callable (float) -> np.ndarray [shape=(height, width, 3), uint8]
        Gives the picture at a time in seconds, RGB; both sides even.
    duration : float [seconds, > 0]
    sound : np.ndarray [shape=(num_samples,), float32] or None
        Mono at `SAMPLE_RATE`, -1 to 1; cut or followed by silence where its length is not that of the pictures. None
        writes a file without a sound stream.
    frame_rate : float [frames per second]

    Raises
    ------
    ParameterError
        The duration is not positive, the sound is not a mono array, or the picture has an odd side.
    MediaError
        The encoder failed, for example because the disk is full.
    """
    if duration <= 0:
        raise ParameterError(f"{path}: duration must be positive, got {duration}")
    if sound is not None and sound.ndim != 1:
        raise ParameterError(f"{path}: sound must be mono with one dimension, got shape {sound.shape}")
    height, width = frame_at(0.0).shape[:2]
    if height % 2 or width % 2:
        raise ParameterError(f"{path}: yuv420p needs even sides, got {width} x {height}")

    path.parent.mkdir(parents=True, exist_ok=True)
    # Fixed names: what a killed process leaves behind is overwritten by the next one at the same clip.
    partial, partial_sound = path.with_name(f".{path.name}.partial"), path.with_name(f".{path.name}.partial.m4a")
    try:
        if sound is not None:
            _write_sound(partial_sound, sound, duration)
        # moviepy's writers without its clips, which cost a tenth of the time.
        with FFMPEG_VideoWriter(
            str(partial),
            (width, height),
            frame_rate,
            codec="libx264",
            audiofile=None if sound is None else str(partial_sound),
            preset="ultrafast",  # at 0.6 of the cost of superfast, 0.3 of that of veryfast
            threads=1,  # x264 gives other bytes with another number of threads
            ffmpeg_params=[
                *("-f", "mp4", "-movflags", "+faststart"),
                *("-b:v", BITRATE, "-maxrate", BITRATE, "-bufsize", "2M"),
                *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"),
            ],
        ) as writer:
            for number in range(int(duration * frame_rate)):
                writer.write_frame(frame_at(number / frame_rate))
        # The writers do not look at the encoder's exit status.
        if not is_whole(partial, duration, frame_rate=frame_rate, has_sound=sound is not None):
            raise MediaError(f"{path}: the encoder left an incomplete file; is the disk full?")
        os.replace(partial, path)
    except OSError as error:
        raise MediaError(f"{path}: the clip could not be written: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
        partial_sound.unlink(missing_ok=True)


def _write_sound(path: Path, sound: np.ndarray, duration: float) -> None:
    """Write sound as AAC, one channel, as long as the duration."""
    num_samples = int(SAMPLE_RATE * duration)
    sound = np.pad(sound[:num_samples], (0, max(0, num_samples - len(sound))))
    samples = (2**31 * np.clip(sound.astype(np.float64), -0.99, 0.99)).astype(np.int32)
    # The fast coder and one channel: a third of the cost of the usual one and two equal channels, and nearer the input.
    options = ["-aac_coder", "fast"]
    with FFMPEG_AudioWriter(
        str(path), SAMPLE_RATE, nbytes=4, nchannels=1, codec="aac", bitrate="96k", ffmpeg_params=options
    ) as writer:
        writer.write_frames(samples)


def is_whole(path: Path, duration: float, *, frame_rate: float | None = None, has_sound: bool = True) -> bool:
    """Say whether a file holds all the pictures and the sound that its header declares and a clip should have.

    Parameters
    ----------
    path : Path
        It may be missing.
    duration : float [seconds, > 0]
        How long the clip should last, give or take two frames.
    frame_rate : float or None [frames per second]
        None where it is not known.
    has_sound : bool
        Whether there should be a sound stream.
    """
    try:
        with av.open(f"file:{path}", format="mp4") as container:
            video, audio = container.streams.video, container.streams.audio
            if len(video) != 1 or len(audio) != int(has_sound):
                return False
            rate = frame_rate or float(video[0].average_rate or 1)
            lengths = [float((stream.duration or 0) * (stream.time_base or 0)) for stream in (*video, *audio)]
            num_declared = sum(stream.frames for stream in (*video, *audio))
            packets = [packet for packet in container.demux() if packet.size]
    except (OSError, ValueError, av.FFmpegError):
        return False
    complete = len(packets) == num_declared and not any(packet.is_corrupt for packet in packets)
    return complete and all(abs(length - duration) <= 2 / rate + 0.1 for length in lengths)


def draw_conditions(num_clips: int, conditions: Conditions, generator: np.random.Generator) -> list[tuple[str, str]]:
    """Draw a picture and a sound condition for each clip.

    The counts are as close to the declared shares as whole numbers allow; no clip is both "absent" and "silent".

    Parameters
    ----------
    num_clips : int [clips, >= 0]
    conditions : Conditions
        The declared shares; those of the picture sum to 1, and those of the sound.
    generator : np.random.Generator

    Returns
    -------
    list of (picture, sound) [length=num_clips]

    Raises
    ------
    ParameterError
        The shares are negative or do not sum to 1, or absent and silent clips together would exceed all clips.
    """
    pictures = _quotas(num_clips, conditions.picture, "picture")
    sounds = _quotas(num_clips, conditions.sound, "sound")
    num_silent = sounds.count("silent")
    if pictures.count("absent") + num_silent > num_clips:
        raise ParameterError(
            f"absent pictures and silent sounds must share no clip, but {pictures.count('absent')} and {num_silent} "
            f"of {num_clips} clips are asked for"
        )
    pictures = [pictures[i] for i in generator.permutation(num_clips)]
    heard = [sounds[i] for i in generator.permutation(num_clips) if sounds[i] != "silent"]
    in_sight = [i for i, picture in enumerate(pictures) if picture != "absent"]
    silent = set(generator.choice(in_sight, size=num_silent, replace=False)) if num_silent else set()
    return [(picture, "silent" if i in silent else heard.pop()) for i, picture in enumerate(pictures)]


def _quotas(num_clips: int, shares: Mapping[str, float], name: str) -> list[str]:
    """Repeat each condition as often as its share says, by largest remainders."""
    if min(shares.values()) < 0 or abs(sum(shares.values()) - 1) > 1e-6:
        raise ParameterError(f"the shares of {name} conditions must be 0 or more and sum to 1, got {dict(shares)}")
    exact = num_clips * np.array(list(shares.values()))
    counts = np.floor(exact + 1e-9).astype(int)
    largest_first = np.argsort(counts - exact, kind="stable")
    counts[largest_first[: num_clips - counts.sum()]] += 1
    return list(np.repeat(list(shares), counts))


def render_all(
    clips: Sequence[Clip],
    render_one: Callable[[Clip], None],
    corpus_dir: Path,
    num_workers: int,
    *,
    configuration: Mapping[str, object] | None = None,
) -> None:
    """Render the clips that are missing or were rendered from something else, then write the index.

    Stopping it at any moment loses at most the clips in flight.

    Parameters
    ----------
    clips : sequence of Clip
        The corpus; ids and paths are unique.
    render_one : callable (Clip) -> None
        Writes one clip with `write_clip` below `corpus_dir`; must be picklable.
    corpus_dir : Path
        Folder of the corpus, made where missing.
    num_workers : int [processes, >= 0]
        0 for one a core.
    configuration : mapping of str to object
        What the rendering depends on besides the clip's row, such as a seed or the sizes; plain
        values that JSON can hold.

    Raises
    ------
    CorpusError
        Two clips have the same id or path, or a clip is missing after it was rendered.
    ParameterError
        `num_workers` is negative.
    """
    if num_workers < 0:
        raise ParameterError(f"num_workers must be 0 (one a core) or more, got {num_workers}")
    if len({clip.video_id for clip in clips}) < len(clips) or len({clip.path for clip in clips}) < len(clips):
        raise CorpusError(f"{corpus_dir}: ids and paths of clips must be unique")
    corpus_dir.mkdir(parents=True, exist_ok=True)
    _drop_outdated(clips, corpus_dir, configuration)
    missing = [clip for clip in clips if not _is_there(clip, corpus_dir)]
    index_path = corpus_dir / "index.csv"
    if missing:
        index_path.unlink(missing_ok=True)
        _render_missing(missing, render_one, corpus_dir, num_workers)
    table = pd.DataFrame([asdict(clip) for clip in clips])
    with whole(index_path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def read_index(corpus_dir: Path) -> pd.DataFrame:
    """Read a rendered corpus's index: one row a clip, the columns of `Clip`, text columns never missing."""
    return pd.read_csv(corpus_dir / "index.csv", keep_default_na=False, dtype={"duration": float})


def _is_there(clip: Clip, corpus_dir: Path) -> bool:
    path = corpus_dir / clip.path
    return path.exists() and (is_whole(path, clip.duration) or is_whole(path, clip.duration, has_sound=False))


def _drop_outdated(clips: Sequence[Clip], corpus_dir: Path, configuration: Mapping[str, object] | None) -> None:
    """Delete the files whose recipe changed or that no clip asks for, and note the recipes of the rest.

    The notes are written after the deletions, so a file is never older than its note.
    """
    notes_path = corpus_dir / "corpus.json"
    before = _read_recipes(notes_path)
    now = {clip.path: sha256_of([asdict(clip), configuration])[:16] for clip in clips}
    if before == now:
        return
    for path in (corpus_dir / "videos").rglob("*.mp4"):
        name = path.relative_to(corpus_dir).as_posix()
        if name not in now or before.get(name) != now[name]:
            path.unlink()
    (corpus_dir / "index.csv").unlink(missing_ok=True)
    write_json(notes_path, now)


def _read_recipes(path: Path) -> dict[str, str]:
    """Return what is noted of each file."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # missing or damaged: nothing was noted
        return {}


def _render_missing(
    missing: Sequence[Clip], render_one: Callable[[Clip], None], corpus_dir: Path, num_workers: int
) -> None:
    longest_first = sorted(missing, key=lambda clip: clip.duration, reverse=True)  # all cores are done together
    rendered: Any = cluster.process(
        partial(_in_one_thread, render_one),
        longest_first,
        description=f"render {corpus_dir.name}",
        num_workers=num_workers,
    )
    with closing(rendered):  # a failed clip ends the cluster
        for clip, result in rendered:
            if isinstance(result, Exception):
                raise result
            if not _is_there(clip, corpus_dir):
                raise CorpusError(f"{corpus_dir / clip.path}: missing or incomplete after it was rendered")


def _in_one_thread(render_one: Callable[[Clip], None], clip: Clip) -> None:
    cv2.setNumThreads(1)  # the processes already share the cores
    render_one(clip)
