"""How long the recogniser takes and how much memory, of a video of 4 minutes and of one of an hour, as it is shipped.

    make bench BENCH=recognise

Each video is recognised in a process of its own. Seconds are given as time that passed and as time of the processor,
which other work on the machine lengthens less.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import imageio_ffmpeg
import pandas as pd
import psutil
from measuring import peak_bytes

from instrec_utils import cluster, files, paths, provenance

OUTPUT = paths.home() / "results" / "benchmarks"
MINUTES = 4
REPEATS = 15  # of these minutes make an hour
TARGETS = {"seconds": 6, "startup_seconds": 5, "peak_mib": 2048}  # at most, of 4 minutes on 2 idle cores
COLUMNS = {
    "minutes": "Minutes of video",
    "startup_seconds": "Start-up, s",
    "startup_cpu_seconds": "of the processor",
    "seconds": "Recognition, s",
    "cpu_seconds": "of the processor ",
    "peak_mib": "Peak memory, MiB",
}


def write_videos(folder: Path) -> list[Path]:
    """Write 4 minutes at 640 x 360 and 25 pictures a second, with sound, and an hour of the same."""
    short, long = folder / "short.mp4", folder / "long.mp4"
    pictures, sound = "testsrc2=s=640x360:r=25,noise=alls=12:allf=t", "sine=f=330:r=44100,tremolo=f=2"
    made = ["-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound, "-t", str(60 * MINUTES)]
    made += ["-c:v", "libx264", "-preset", "veryfast", "-b:v", "700k", "-pix_fmt", "yuv420p", "-c:a", "aac"]
    repeated = ["-stream_loop", str(REPEATS - 1), "-i", str(short), "-c", "copy"]
    for arguments, path in ((made, short), (repeated, long)):
        subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *arguments, str(path)], check=True)
    return [short, long]


def measure(path: Path) -> dict[str, float]:
    """Recognise one video in this process, which was started for it, and return what that took."""
    from instrec_utils.recognise.recogniser import Recogniser

    recogniser = Recogniser()
    up, startup_cpu = time.time(), time.process_time()
    recognition = recogniser.recognise(path)
    return {
        "minutes": round(recognition.seconds / 60),
        "startup_seconds": round(up - psutil.Process().create_time(), 2),
        "startup_cpu_seconds": round(startup_cpu, 2),
        "seconds": round(time.time() - up, 2),
        "cpu_seconds": round(time.process_time() - startup_cpu, 2),
        "peak_mib": round(peak_bytes() / 2**20),
        "judged_by": [judge.title for judge in recognition.judges.values()],
    }


def main() -> None:
    """Measure, write and print."""
    if sys.argv[1:]:
        print(json.dumps(measure(Path(sys.argv[1]))))
        return
    load = psutil.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__]
        rows = [
            json.loads(subprocess.run([*command, path], check=True, stdout=subprocess.PIPE).stdout)
            for path in write_videos(Path(folder))
        ]
    content = {"measurements": rows, "targets": TARGETS, "cores": cluster.num_cores(), "load_before": round(load, 1)}
    content |= {"device": provenance.processor(), "commit": provenance.commit()}
    content |= {"versions": provenance.versions() | {"opencv": cv2.__version__}}
    files.write_json(OUTPUT / "recognise.json", content)
    table = pd.DataFrame(rows)[list(COLUMNS)].rename(columns=COLUMNS)
    files.write_text(OUTPUT / "recognise.csv", table.to_csv(index=False))  # as the book shows it
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
