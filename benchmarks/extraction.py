"""Measure the extraction of features; write ``runs/benchmarks/results/extraction.json`` and the book's page about it.

Every ratio is of things that were measured in turn, in one run, on films that are made here. Say which sections to
measure, or none for all: through, sampled, recipe, workers, memory, scheduling. A section that is left out keeps its
last values, which say where they come from. ``--tiny`` makes short films, to try the program out, and writes
``runs/benchmarks/extraction-tiny.json``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from unittest import mock

import av
import cv2
import extraction_page
import imageio_ffmpeg
import librosa
import measuring
import numpy as np
import pandas as pd

from instrec_utils import cluster, config, files, media, provenance
from instrec_utils.corpora import Corpus
from instrec_utils.features import extraction, store
from instrec_utils.inputs import frames, spectrograms

FRAME_RATE, SIZE = 30, (640, 360)
CODECS = {
    "h264": ("mp4", "libx264", {"preset": "veryfast", "sc_threshold": "0"}, "aac", 44_100),
    "vp9": ("webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8"}, "libopus", 48_000),
    "av1": ("mp4", "libsvtav1", {"preset": "10"}, "aac", 44_100),
}
DISTANCES = {"long": 250, "short": 30}  # frames between key frames
NUM_SAMPLED = 20
TARGETS = {
    "through_vs_best": ("at most", 1.15),
    "sampled_speedup": ("at least", 3.0),
    "recipe_speedup": ("at least", 4.0),
    "two_workers_speedup": ("at least", 1.7),
    "memory_growth": ("at most", 1.15),
    "scheduling_seconds": ("at most", 300.0),
}


def pictures(num_frames: int) -> Iterator[np.ndarray]:
    """A camera pans over a textured scene, something moves in front of it, and the sensor is noisy."""
    generator = np.random.default_rng(5)
    width, height = SIZE
    scene = cv2.resize(generator.integers(0, 256, (60, 100, 3), dtype=np.uint8), (3 * width, 3 * height))
    scene = cv2.add(scene, generator.integers(0, 30, scene.shape, dtype=np.uint8))
    front = cv2.resize(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8), (120, 120))
    for number in range(num_frames):
        moment = number / FRAME_RATE
        shift = np.float32(
            [[1, 0, -width * (1 + 0.6 * np.sin(0.3 * moment))], [0, 1, -height * (1 + np.cos(moment) / 2)]]
        )
        picture = cv2.warpAffine(scene, shift, SIZE)
        x, y = (
            int((width - 120) * (0.5 + 0.5 * np.sin(1.3 * moment))),
            int((height - 120) * (0.5 + 0.5 * np.cos(1.7 * moment))),
        )
        picture[y : y + 120, x : x + 120] = front
        yield cv2.add(picture, generator.integers(0, 6, picture.shape, dtype=np.uint8))


def write_film(path: Path, codec: str, distance: int, seconds: int) -> Path:
    """Write a film with noise and chords as sound."""
    _, picture_codec, options, sound_codec, sample_rate = CODECS[codec]
    with files.whole(path) as temporary, av.open(str(temporary), "w") as container:
        video = container.add_stream(picture_codec, rate=FRAME_RATE, options=options)
        video.width, video.height, video.pix_fmt, video.bit_rate = *SIZE, "yuv420p", 800_000
        video.codec_context.gop_size = distance
        sound = container.add_stream(sound_codec, rate=sample_rate, layout="stereo")
        for number, picture in enumerate(pictures(seconds * FRAME_RATE)):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))  # SVT-AV1 makes what root runs a real-time process
        generator = np.random.default_rng(6)
        resampler = av.AudioResampler(format=sound.format.name, layout="stereo", rate=sample_rate)
        for second in range(seconds):
            moments = np.arange(sample_rate) / sample_rate
            chord = sum(np.sin(2 * np.pi * pitch * moments) for pitch in (220, 277, 330 + 10 * (second % 7)))
            samples = 0.1 * chord + 0.02 * generator.standard_normal((2, sample_rate))
            frame = av.AudioFrame.from_ndarray(samples.astype(np.float32), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = sample_rate, second * sample_rate, Fraction(1, sample_rate)
            for part in resampler.resample(frame):
                container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return path


def repeat_film(source: Path, path: Path, times: int, seconds: int) -> Path:
    """Write a film several times one after the other, without coding it again."""
    last = {}
    with files.whole(path) as temporary, av.open(str(temporary), "w") as container:
        for turn in range(times):
            with av.open(str(source)) as once:
                if turn == 0:
                    tracks = [container.add_stream_from_template(stream, opaque=True) for stream in once.streams]
                for packet in once.demux():
                    if packet.size:
                        shift = int(turn * seconds / packet.time_base)
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        # The sound's last packet reaches a little into the next turn.
                        if packet.dts > last.get(packet.stream_index, packet.dts - 1):
                            last[packet.stream_index] = packet.dts
                            packet.stream = tracks[packet.stream_index]
                            container.mux(packet)
    return path


def cpu_seconds() -> float:
    """Return the work of this process and of those that it has waited for."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def in_turn(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    """Do all works one after the other, several times over; return the least of each, by the clock and as work."""
    least = {name: {"seconds": math.inf, "cpu_seconds": math.inf} for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start, before = time.perf_counter(), cpu_seconds()
            work()
            spent = {"seconds": time.perf_counter() - start, "cpu_seconds": cpu_seconds() - before}
            least[name] = {kind: round(min(value, spent[kind]), 4) for kind, value in least[name].items()}
    return least


def ratio(rows: dict, over: str, under: str, kind: str = "seconds") -> float:
    """Return the ratio of two works' sums over all films."""
    return sum(row[over][kind] for row in rows.values()) / sum(row[under][kind] for row in rows.values())


# ---- decoding through -------------------------------------------------------------------------------------------


def with_opencv(path: Path) -> int:
    capture = cv2.VideoCapture(str(path))
    count = number = 0
    while capture.grab():
        if number % FRAME_RATE == 0:
            cv2.resize(capture.retrieve()[1], (config.FRAME_SIZE, config.FRAME_SIZE), interpolation=cv2.INTER_AREA)
            count += 1
        number += 1
    return count


def with_pyav(path: Path) -> int:
    count = 0
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        for number, frame in enumerate(container.decode(stream)):
            if number % FRAME_RATE == 0:
                size = config.FRAME_SIZE
                frame.reformat(width=size, height=size, format="rgb24", interpolation="AREA").to_ndarray()
                count += 1
    return count


def with_ffmpeg(path: Path) -> int:
    size = config.FRAME_SIZE
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", path, "-an", "-pix_fmt", "rgb24", "-f", "rawvideo"]
    command += ["-vf", f"fps=1:round=up,scale={size}:{size}:flags=area", "-"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return len(done.stdout) // (3 * size * size)


def with_ours(path: Path, plan: str, numbers: list[int] | None = None) -> int:
    return sum(1 for _ in media.read_frames(path, size=config.FRAME_SIZE, plan=plan, numbers=numbers))


def measure_through(films: dict, rounds: int) -> dict:
    """Each second's picture of every one-minute film, by each decoder."""
    rows = {}
    for name, (path, seconds) in films.items():
        others = {"opencv": with_opencv, "pyav": with_pyav, "ffmpeg pipe": with_ffmpeg}
        # OpenCV's wheel has no AV1 decoder; a decoder that does not do the work is out.
        works = {other: partial(work, path) for other, work in others.items() if work(path) == seconds}
        works |= {"ours, through": partial(with_ours, path, "through"), "ours": partial(with_ours, path, "exact")}
        rows[name] = in_turn(works, rounds)
    for row in rows.values():
        others = [row[other] for other in row if not other.startswith("ours")]
        row["best of the others"] = {kind: min(other[kind] for other in others) for kind in others[0]}
    return {
        "value": ratio(rows, "ours, through", "best of the others"),
        "by_cpu": ratio(rows, "ours, through", "best of the others", "cpu_seconds"),
        "default_plan": ratio(rows, "ours", "best of the others"),
        "default_plan_by_cpu": ratio(rows, "ours", "best of the others", "cpu_seconds"),
        "films": rows,
    }


def measure_sampled(films: dict, rounds: int) -> dict:
    """Twenty pictures of every four-minute film, sought and by decoding through; the pictures are compared."""
    rows = {}
    for name, (path, seconds) in films.items():
        numbers = frames.choose_uniformly(seconds, NUM_SAMPLED).tolist()
        read = partial(media.read_frames, path, size=config.FRAME_SIZE, numbers=numbers)
        for one, other in zip(read(plan="exact"), read(plan="through"), strict=True):
            if not np.array_equal(one, other):
                raise RuntimeError(f"{name}: the two plans give different pictures")
        works = {plan: partial(with_ours, path, plan, numbers) for plan in ("through", "exact", "key frames")}
        rows[name] = in_turn(works, rounds)
    return {
        "value": min(ratio({name: row}, "through", "exact") for name, row in rows.items()),
        "by_cpu": min(ratio({name: row}, "through", "exact", "cpu_seconds") for name, row in rows.items()),
        "over_all_films": ratio(rows, "through", "exact"),
        "key_frames": ratio(rows, "through", "key frames"),
        "films": rows,
    }


# ---- the whole extraction of one video --------------------------------------------------------------------------


def with_recipe(path: Path, folder: Path) -> None:
    """As the paper's authors: every frame through OpenCV, scikit-image's resize, librosa for the rest."""
    from skimage.transform import resize

    capture = cv2.VideoCapture(str(path))
    rate = round(capture.get(cv2.CAP_PROP_FPS))
    pictures, number = [], 0
    while True:
        is_there, picture = capture.read()
        if not is_there:
            break
        if number % rate == 0:
            pictures.append(resize(picture, (config.FRAME_SIZE, config.FRAME_SIZE)))
        number += 1
    np.save(folder / "frames.npy", (255 * np.stack(pictures)).astype(np.uint8))
    sound = folder / "sound.wav"  # librosa reads no MP4 without a system's ffmpeg
    subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-i", path, "-vn", sound], check=True)
    for settings in (config.CHOI2016, config.HAN2016):
        samples, _ = librosa.load(sound, sr=settings.sample_rate)
        if settings is config.CHOI2016:
            tenth = settings.num_samples // config.NUM_SEGMENTS
            parts = [
                spectrograms.central_crop(samples, settings.num_samples),
                np.concatenate(list(spectrograms.uniform_segments(samples, tenth))),
            ]
        else:
            second = settings.num_samples
            segments = spectrograms.uniform_segments(samples, int(config.SEGMENT_SECONDS * settings.sample_rate))
            parts = [segment[start : start + second] for segment in segments for start in range(0, 3 * second, second)]
        inputs = [
            librosa.power_to_db(
                librosa.feature.melspectrogram(
                    y=part,
                    sr=settings.sample_rate,
                    n_fft=settings.n_fft,
                    hop_length=settings.hop_length,
                    n_mels=settings.n_mels,
                )
            )
            for part in parts
        ]
        for number, spectrogram in enumerate(inputs):
            np.save(folder / f"{settings.sample_rate}-{number}.npy", spectrogram)


def measure_recipe(films: dict, rounds: int) -> dict:
    """The whole extraction, with all cores each; without AV1, which OpenCV's wheel cannot decode."""
    rows, sizes = {}, {}
    for name, (path, _) in films.items():
        if with_opencv(path) == 0:
            continue
        with tempfile.TemporaryDirectory() as folder:
            work = store.Video("film", path, Path(folder) / "film.h5")
            works = {
                "recipe": partial(with_recipe, path, Path(folder)),
                "ours": partial(extraction.extract_video, work, num_threads=0),
            }
            rows[name] = in_turn(works, rounds)
            sizes[name] = work.features_path.stat().st_size
    return {
        "value": ratio(rows, "recipe", "ours"),
        "by_cpu": ratio(rows, "recipe", "ours", "cpu_seconds"),
        "films": rows,
        "bytes": sizes,
    }


# ---- many videos ------------------------------------------------------------------------------------------------


def make_corpus(folder: Path, videos: list[Path]) -> Corpus:
    ids = [path.stem for path in videos]
    names = [path.name for path in videos]
    index = pd.DataFrame({"video_id": ids, "label": "violin", "split": "train", "path": names, "duration": 1.0})
    return Corpus("benchmark", "folder", folder, videos[0].parent, index)


def copies(film: Path, folder: Path, count: int) -> list[Path]:
    folder.mkdir(parents=True)
    paths = [folder / f"copy-{number:05d}{film.suffix}" for number in range(count)]
    for path in paths:
        os.link(film, path)
    return paths


def measure_workers(films: dict, rounds: int, count: int) -> dict:
    """The same videos by one worker and by two, each decoding in one thread; without the start of the processes.

    And by one and two plain processes, which share nothing but the machine: what no scheduler can do better.
    """
    (path, seconds), *_ = films.values()
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        videos = copies(path, Path(folder) / "videos", count + 2)
        todo = [store.Video(video.stem, video, Path(folder) / "store" / f"{video.stem}.h5") for video in videos]

        def with_workers(num_workers: int) -> float:
            results = cluster.process(extraction.extract_video, todo, description="videos", num_workers=num_workers)
            for _ in range(2):  # until each worker has loaded its libraries
                next(results)
            start = time.perf_counter()
            for _, result in results:
                if result is not None:
                    raise result
            return time.perf_counter() - start

        def with_processes(num_processes: int) -> float:
            with ProcessPoolExecutor(num_processes, mp_context=get_context("spawn")) as processes:
                list(processes.map(extraction.extract_video, todo[:2]))
                start = time.perf_counter()
                list(processes.map(extraction.extract_video, todo[2:]))
                return time.perf_counter() - start

        ways = {"worker": with_workers, "process": with_processes}
        spent: dict[tuple[str, int], list[float]] = {(way, number): [] for way in ways for number in (1, 2)}
        for _ in range(rounds):
            for (way, number), values in spent.items():
                values.append(ways[way](number))
        num_bytes = (Path(folder) / "store" / f"{videos[0].stem}.h5").stat().st_size
    least = {place: min(values) for place, values in spent.items()}
    return {
        "value": least["worker", 1] / least["worker", 2],
        "processes_alone": least["process", 1] / least["process", 2],
        "seconds": {f"{number} {way}": round(value, 3) for (way, number), value in least.items()},
        "videos": count,
        "seconds_a_video": seconds,
        "worker_seconds_an_hour_of_video": 3600 * least["worker", 1] / (count * seconds),
        "bytes_an_hour_of_video": round(3600 * num_bytes / seconds),
    }


def measure_peaks(film: Path, count: int) -> dict:
    """Extract that many videos in a process of its own; return its peak and the largest of its workers'."""
    with tempfile.TemporaryDirectory(dir=film.parent) as folder:
        command = [sys.executable, __file__, "--peaks", str(film), str(count), folder]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def extract_and_note(video: store.Video, folder: Path) -> None:
    """Extract a video, and write the most memory that this worker has held into its file in the folder."""
    extraction.extract_video(video)
    (folder / str(os.getpid())).write_text(str(measuring.peak_bytes()))


def print_peaks(film: Path, count: int, folder: Path) -> None:
    corpus, noted = make_corpus(folder, copies(film, folder / "videos", count)), folder / "peaks"
    noted.mkdir()
    with mock.patch.object(extraction, "extract_video", partial(extract_and_note, folder=noted)):  # not in the workers
        errors = extraction.extract_features(corpus, num_workers=2)
    worker = max(int(path.read_text()) for path in noted.iterdir())
    print(json.dumps({"main": measuring.peak_bytes(), "worker": worker, "errors": len(errors)}))


def measure_memory(film: Path, few: int, many: int) -> dict:
    peaks = {str(count): measure_peaks(film, count) for count in (few, many)}
    totals = {count: peak["main"] + 2 * peak["worker"] for count, peak in peaks.items()}
    return {"value": totals[str(many)] / totals[str(few)], "bytes": peaks, "total_bytes": totals}


def nothing(number: int) -> None:
    return None


def measure_scheduling(count: int) -> dict:
    """Videos that need no work; the value is for 60,000 of them."""
    start, work = time.perf_counter(), time.process_time()
    done = sum(1 for _ in cluster.process(nothing, range(count), description="nothing", num_workers=2))
    spent = time.perf_counter() - start
    return {"value": 60_000 * spent / done, "videos": done, "seconds": spent, "cpu_seconds": time.process_time() - work}


# ---- all of it --------------------------------------------------------------------------------------------------


def make_films(folder: Path, minute: int) -> tuple[dict, dict]:
    """Return the films of one and of four minutes by name: path and seconds."""
    short, long = {}, {}
    for codec, (suffix, *_) in CODECS.items():
        for what, distance in DISTANCES.items():
            name = f"{codec}, {what} key-frame distance"
            once, repeated = (folder / f"{codec}-{what}-{seconds}s.{suffix}" for seconds in (minute, 4 * minute))
            if not once.exists():
                write_film(once, codec, distance, minute)
            if not repeated.exists():
                repeat_film(once, repeated, 4, minute)
            short[f"{name}, 1 min"], long[f"{name}, 4 min"] = (once, minute), (repeated, 4 * minute)
    return short, long


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help="through, sampled, recipe, workers, memory, scheduling")
    parser.add_argument("--tiny", action="store_true", help="films of 4 and 16 s, one round")
    parser.add_argument("--films", type=Path, help="folder that keeps the films for the next time")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--peaks", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peaks:
        print_peaks(Path(options.peaks[0]), int(options.peaks[1]), Path(options.peaks[2]))
        return
    os.environ.setdefault("SVT_LOG", "0")
    folder = options.films or Path(tempfile.mkdtemp(prefix="films-"))
    folder.mkdir(parents=True, exist_ok=True)
    rounds, minute = (1, 4) if options.tiny else (2, 60)
    short, long = make_films(folder, minute)
    clip = folder / "clip.mp4"
    write_film(clip, "h264", 30, 1)
    h264 = {name: film for name, film in short.items() if "h264, long" in name}
    sections = {
        "through": ("through_vs_best", lambda: measure_through(short, rounds)),
        "sampled": ("sampled_speedup", lambda: measure_sampled(long, rounds)),
        "recipe": ("recipe_speedup", lambda: measure_recipe(short, rounds)),
        "workers": ("two_workers_speedup", lambda: measure_workers(h264, rounds + 1, 4 if options.tiny else 16)),
        "memory": ("memory_growth", lambda: measure_memory(clip, *((10, 30) if options.tiny else (200, 2000)))),
        "scheduling": ("scheduling_seconds", lambda: measure_scheduling(500 if options.tiny else 60_000)),
    }
    path = options.output or measuring.output("extraction", options.tiny)
    earlier = measuring.read_earlier(path)
    is_kept = earlier.get("is_tiny") == options.tiny
    found = measuring.with_origin(earlier["measured"], earlier, extraction_page.ORIGIN) if is_kept else {}
    for section in options.sections or sections:
        name, measure = sections[section]
        load = os.getloadavg()[0]
        measured = measure()
        found[name] = measured | {
            "load_before": round(load, 2),
            "load_after": round(os.getloadavg()[0], 2),
            "commit": provenance.commit(),
            "versions": provenance.versions() | {"opencv": cv2.__version__},
            "machine": {"processor": platform.machine(), "cores": cluster.num_cores()},
        }
        relation, target = TARGETS[name]
        print(f"{name:22} {measured['value']:8.2f}   wanted: {relation} {target}", flush=True)
        content = {
            "ratios": {key: found[key]["value"] for key in TARGETS if key in found},
            "targets": {key: {"relation": r, "value": v} for key, (r, v) in TARGETS.items()},
            "measured": {key: found[key] for key in TARGETS if key in found},
            "is_tiny": options.tiny,
        }
        files.write_json(path, content)
    if options.films is None:
        shutil.rmtree(folder)
    if not options.tiny:
        print(extraction_page.write_page())


if __name__ == "__main__":
    main()
