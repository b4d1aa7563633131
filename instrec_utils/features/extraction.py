"""From videos to the features store: decoding, on all cores or on the workers of a Dask scheduler."""

import contextlib
import functools
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from instrec_utils import cluster, config, files, media
from instrec_utils.corpora import Corpus
from instrec_utils.errors import InstrecError, MediaError, StorageError
from instrec_utils.features import store
from instrec_utils.features.store import Video
from instrec_utils.inputs import frames
from instrec_utils.models.architecture import AudioInput, audio_inputs

LEFTOVER_SECONDS = 3600


def extract_video(video: Video, *, num_threads: int = 1) -> None:
    """Decode one video and write its features file, with some threads, or with 0 one a core.

    Many videos are faster one core each, a single one with all. A video that cannot be decoded is a MediaError, a file
    that cannot be written, as on a full disk, a StorageError; nothing is left of it.
    """
    with cluster.at_most(media.MAX_PROBE_SECONDS):
        info = media.probe(video.path)
    try:
        status = video.path.stat()  # before decoding: a video that changes meanwhile is done again
    except OSError as error:
        raise MediaError(f"{video.path}: cannot be read: {error}") from error
    num_threads = num_threads or cluster.num_cores()
    # Pictures and sound each end in an error after the time they may take; this is for what never comes back.
    # One thread multiplies these small matrices fastest, and as the workers do it: to the last bit the same.
    with (
        cluster.at_most(3 * media.work_seconds(info)),
        threadpool_limits(1),
        ThreadPoolExecutor(num_threads) as threads,
    ):
        parts = _submit_pictures(threads, video.path, num_threads) if info.has_picture else []
        usual = [one for name, one in audio_inputs().items() if name in store.USUAL]
        sound = threads.submit(_spectrograms, video.path, video.channels, usual) if info.has_sound else None
        try:
            pictures = [picture for part in parts for picture in part.result()]
        except MediaError:
            if len(parts) == 1:
                raise
            pictures = _pictures(video.path)  # of a damaged file, what one decoder makes of it
        spectrograms = sound.result() if sound else {}
    _write(video, video.features_path, status, info, spectrograms, pictures)


def extract_input(video: Video, name: str) -> None:
    """Compute an audio input that is none of `store.USUAL`, of a video that has a features file, into its own file.

    What can go wrong is as in `extract_video`.
    """
    info, status, audio_input = media.probe(video.path), video.path.stat(), audio_inputs()[name]
    with cluster.at_most(3 * media.work_seconds(info)), threadpool_limits(1):
        spectrograms = _spectrograms(video.path, video.channels, [audio_input]) if info.has_sound else {}
    path = store.input_path(video.features_path.parent, video.video_id, audio_input)
    _write(video, path, status, info, spectrograms)


def _write(
    video: Video,
    path: Path,
    status: os.stat_result,
    info: media.MediaInfo,
    spectrograms: dict[str, np.ndarray],
    pictures: Sequence[np.ndarray] = (),
) -> None:
    with store.written(path) as file:
        if pictures:
            stored = file.create_dataset("frames", len(pictures), dtype=h5py.vlen_dtype(np.uint8))
            for number, picture in enumerate(pictures):
                stored[number] = picture
        for name, spectrogram in spectrograms.items():
            stored = file.create_dataset(f"log_mel/{name}", data=spectrogram.astype(np.float16))
            if name not in store.USUAL:
                stored.attrs["settings_sha256"] = store.input_sha256(audio_inputs()[name])
        file.attrs.update(
            format=store.FORMAT,
            settings_sha256=store.SETTINGS_SHA256,
            video_bytes=status.st_size,
            video_mtime_ns=status.st_mtime_ns,
            video_sha256=files.sha256_of_file(video.path),
            duration=info.duration,
        )
        if video.channels != "mean":
            file.attrs["channels"] = video.channels


def _submit_pictures(threads: ThreadPoolExecutor, path: Path, num_threads: int) -> list[Future[list[np.ndarray]]]:
    """Let the threads decode the pictures, each a stretch of its own where the container allows it."""
    # One stretch more than threads: the last piece is the sound, which takes about as long as that.
    firsts = [0] if num_threads == 1 else media.stretches(path, num_threads + 1, frame_rate=config.FRAME_RATE)
    each = num_threads if len(firsts) == 1 else 1
    ends = [*firsts[1:], None]
    return [threads.submit(_pictures, path, each, first, stop) for first, stop in zip(firsts, ends, strict=True)]


def _pictures(path: Path, num_threads: int = 1, first: int = 0, stop: int | None = None) -> list[np.ndarray]:
    """Return frames from the first to the one before `stop`, or to the end, as JPEG."""
    numbers = None if stop is None else range(first, stop)
    rate, size = config.FRAME_RATE, config.FRAME_SIZE
    pictures = media.read_frames(
        path, frame_rate=rate, size=size, numbers=numbers, first=first, num_threads=num_threads
    )
    return [frames.encode_jpeg(picture) for picture in pictures]


def _spectrograms(path: Path, channels: str, inputs: Sequence[AudioInput]) -> dict[str, np.ndarray]:
    """Return what audio networks are given, from one decoding of the sound."""
    rates = tuple(dict.fromkeys(one.settings.sample_rate for one in inputs))
    sound = media.read_sound(
        path, rates, lambda seconds: [part for one in inputs for part in one.stretches(seconds)], channels=channels
    )
    return {one.name: one.compute(sound[one.settings.sample_rate]) for one in inputs}


def extract_features(
    corpus: Corpus, *, channels: str = "mean", scheduler: str = "", num_workers: int = 0
) -> pd.DataFrame:
    """Extract the features of every video of a corpus that has none yet, on a cluster as of `cluster.connect`.

    Of the sound's channels the mean is heard, as in the paper, or with "loudest" the one of most power, which helps
    where `validation` finds that channels cancel each other. It returns the videos that have no features [columns
    video_id, path, reason], also written to ``features/errors.csv``. A store that cannot be written, as on a full disk,
    is a StorageError; what is there stays, a second call carries on.
    """
    from distributed import KilledWorker

    folder = corpus.directory / "features"
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob(".*.h5"):  # of killed extractions; one that still runs needs its own for an instant only
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                path.unlink()
    todo, errors = [], []
    for row in corpus.index.itertuples():
        video = Video(row.video_id, corpus.videos / row.path, store.features_path(folder, row.video_id), channels)
        if not video.path.is_relative_to(corpus.videos) or ".." in video.path.relative_to(corpus.videos).parts:
            errors.append((video, f"{video.path}: expected a path inside {corpus.videos}"))
        elif not store.is_valid(video):
            todo.append(video)
    for video, result in cluster.process(
        extract_video, todo, description="features", scheduler=scheduler, num_workers=num_workers
    ):
        if isinstance(result, InstrecError) and not isinstance(result, StorageError):
            errors.append((video, str(result)))
        elif isinstance(result, KilledWorker):
            errors.append((video, f"{video.path}: decoding it ended its process again and again (a crash or a hang)"))
        elif isinstance(result, BaseException):
            raise result
    rows = [(video.video_id, str(video.path), reason) for video, reason in errors]
    table = pd.DataFrame(rows, columns=["video_id", "path", "reason"]).sort_values("video_id")
    text, listing = table.to_csv(index=False), folder / "errors.csv"
    if not listing.exists() or listing.read_text(encoding="utf-8") != text:  # a complete store may be read-only
        files.write_text(listing, text)
    return table


def extract_inputs(corpus: Corpus, audio_input: AudioInput) -> None:
    """Compute the input of an audio network, where it is none of `store.USUAL`, of the videos that lack it."""
    folder = corpus.directory / "features"
    todo = []
    for row in corpus.usable.itertuples():
        if store.lacks_input(folder, row.video_id, audio_input):
            path = store.features_path(folder, row.video_id)
            todo.append(Video(row.video_id, corpus.videos / row.path, path, store.read_channels(path)))
    compute = functools.partial(extract_input, name=audio_input.name)
    for _, result in cluster.process(compute, todo, description=audio_input.name):
        if isinstance(result, BaseException):
            raise result
