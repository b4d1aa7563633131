"""Write the book's page about extraction: every number on it comes from the benchmarks' results or from Table 1."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import measuring

from instrec_utils import files, paths
from instrec_utils.models.architecture import architectures
from instrec_utils.report import words

ORIGIN = ("commit", "versions", "machine")  # of a section, in the first files of all of them
WORKERS = (1, 2, 16, 64, 256)
WHAT = {
    "through_vs_best": "decoding through, over the best of OpenCV, PyAV and an ffmpeg pipe",
    "sampled_speedup": "20 frames of a 4-minute video: decoding through, over seeking (the worst of the films)",
    "recipe_speedup": "the whole extraction of a video: the recipe of the paper's authors, over ours",
    "two_workers_speedup": "many videos: one worker, over two",
    "memory_growth": "peak memory with 2,000 videos, over 200",
    "scheduling_seconds": "60,000 videos that need no work, in seconds",
}


def page(found: dict, jpeg: dict | None, hours: float, accelerator: dict | None, training: dict | None) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    found : what ``results/benchmarks/extraction.json`` holds.
    jpeg : what ``results/benchmarks/jpeg.json`` holds; None if it is not there.
    hours : of video in YouTube-8M's list, as ``results/curation/table1.json`` has it.
    accelerator : what ``results/benchmarks/accelerator.json`` holds; None if it is not there.
    training : what ``results/benchmarks/training.json`` holds; None if it is not there.
    """
    found = found | {"measured": measuring.with_origin(found["measured"], found, ORIGIN)}
    return "\n\n".join(
        [
            _INTRODUCTION,
            _ratios(found),
            _METHOD,
            _films(found, "through_vs_best", "Seconds to decode one minute and to take one frame a second."),
            _films(found, "sampled_speedup", "Seconds for 20 frames of four minutes."),
            _films(found, "recipe_speedup", "Seconds for the whole extraction of one minute."),
            _extrapolation(found, hours),
            _STORE,
            _jpeg(jpeg),
            _training(training),
            _accelerator(accelerator),
            _provenance(found),
        ]
    )


def write_page() -> Path:
    """Write the page, which `make publish CORPUS=benchmarks` puts into the book; return where it is."""
    names = ("extraction", "jpeg", "accelerator", "training")
    found, stored, accelerator, training = (_newest("benchmarks", name) for name in names)
    hours = _newest("curation", "table1")["yt8m"]["hours"]
    path = paths.pages_dir("benchmarks") / "extraction.md"
    files.write_text(path, page(found, stored, hours, accelerator, training) + "\n")
    return path


def _newest(folder: str, name: str) -> dict[str, Any] | None:
    """Return what was measured here, else what is published."""
    for one in paths.results_dirs(folder):
        if (one / f"{name}.json").exists():
            return json.loads((one / f"{name}.json").read_text(encoding="utf-8"))
    return None


_INTRODUCTION = """# How fast and how safe the extraction is

<!-- Written by benchmarks/extraction_page.py from results/benchmarks/extraction.json. Do not edit. -->

**Question.** Decoding is where the time goes, and where files of strangers come in. What does it cost, and what would
it cost for all of YouTube-8M?

:::{note}
Measured on films that the benchmark makes itself: 640 x 360 pixels, 30 frames per second, a camera moving over a
noisy scene. No video of YouTube was used.
:::"""

_METHOD = """The works of a row were done in turn, several times over, and the least time of each counts. A *long*
key-frame distance is 250 frames, a *short* one 30. All decoders do the same work: the picture on screen at every
second, reduced to 256 x 256 pixels; OpenCV's wheel cannot decode AV1, and is left out there. *Ours, through* decodes
every picture. *Ours* is what the extraction does: it reads the container's list of packets first, skips whole groups
of pictures where a key frame follows before the next wanted time, and of H.264 also the pictures that no other
picture needs. The frames are the same to the last bit; tests compare them over seven codecs.

The recipe of the paper's authors reads every frame with OpenCV, resizes with scikit-image, loads the sound with
librosa, and computes the spectrograms of both audio models with it. The time to get the sound out of the MP4 counts
as its own. Both may use all cores for the one video: OpenCV decodes in threads, and ours decodes the stretches between
key frames, and the sound, beside each other."""

_STORE = """## What others can rely on

One HDF5 file a video, written whole or not at all; its layout, with a reader that needs nothing of this package, is
the docstring of `instrec_utils/features/store.py`, and a test runs that very reader.

Of long recordings only the sound that the models see is decoded, where the container tells to the sample when each
packet is due, as MP4 does and WebM does not. It is what decoding the whole gives, but for the noise that an AAC
decoder makes up where the encoder asked for any noise.

A video that cannot be decoded, exceeds a limit (size, duration, pixels, decoded bytes, time) or ends its process
becomes a line in `features/errors.csv` with the reason. Only plain media files are opened: playlists, concat lists,
subtitles and references to other files or addresses are never followed."""


def _ratios(found: dict) -> str:
    rows = ["| What | Measured | Wanted | Reached |", "|:--|--:|:--|:--|"]
    for name, what in WHAT.items():
        target = found["targets"][name]
        value = found["ratios"].get(name)
        wanted = f"{target['relation']} {target['value']:g}"
        if value is None:
            rows.append(f"| {what} | not measured | {wanted} | |")
            continue
        is_reached = value <= target["value"] if target["relation"] == "at most" else value >= target["value"]
        rows.append(f"| {what} | {value:.2f} | {wanted} | {'yes' if is_reached else 'no'} |")
    return "\n".join(rows)


def _films(found: dict, name: str, caption: str) -> str:
    measured = found["measured"].get(name)
    if measured is None:
        return f"**{caption}** Not measured."
    films = measured["films"]
    works = list(dict.fromkeys(work for row in films.values() for work in row))
    rows = [
        [film, *(f"{row[work]['seconds']:.2f}" if work in row else "–" for work in works)]
        for film, row in films.items()
    ]
    return f"**{caption}**\n\n{_table(['Film', *works], rows)}"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    """Return a table whose first column is words and whose others are numbers."""
    lines = [heads, [":--", *["--:"] * (len(heads) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _extrapolation(found: dict, hours: float) -> str:
    heading = "## All of YouTube-8M"
    measured = found["measured"].get("two_workers_speedup")
    if measured is None:
        return f"{heading}\n\nNot measured."
    work = hours * measured["worker_seconds_an_hour_of_video"] / 3600
    size = hours * measured["bytes_an_hour_of_video"]
    rows = ["| Workers | Hours | Days |", "|--:|--:|--:|"]
    rows += [f"| {count} | {work / count:,.1f} | {work / count / 24:,.2f} |" for count in WORKERS]
    table = "\n".join(rows)
    return f"""{heading}

The paper's list has {hours:,.0f} h of video. One worker, which is one core, took
{measured["worker_seconds_an_hour_of_video"]:,.0f} s for an hour of video here, and the features of that hour took
{measured["bytes_an_hour_of_video"] / 2**20:,.0f} MiB. For the whole list that is {work:,.0f} core-hours and {
        size / 2**30:,.0f} GiB. What it costs is {work:,.0f} times what a core costs an hour.

{table}

**Measured:** one and two workers on one machine, {measured["videos"]} copies of an H.264 film of
{measured["seconds_a_video"]} s. **Not measured:** more than two workers, disks and networks that many workers share,
the download, other sizes and rates of pictures, and what people really upload. The table divides by the number of
workers and so supposes that nothing is lost between them; between one and two the factor was
{measured["value"]:.2f}, and {measured["processes_alone"]:.2f} between one and two plain processes that did the same
without a scheduler: the rest is what two cores of this machine take from each other."""


def _jpeg(jpeg: dict | None) -> str:
    heading = "## What JPEG costs"
    if jpeg is None:
        return f"{heading}\n\nNot measured."
    heads = ["Frames", "Bytes a frame", "Hit@1 in %", "Difference in points", "p", "Videos with another answer"]
    rows = []
    for name, row in jpeg["measured"].items():
        hits = "{value:.1f} ({low:.1f}–{high:.1f})".format(
            **{key: 100 * row["hit_at_1"][key] for key in ("value", "low", "high")}
        )
        if name == "decoded":
            rows.append(["as decoded", f"{3 * 256 * 256:,}", hits, "", "", ""])
            continue
        stored = ", as stored" if int(name) == jpeg["stored_quality"] else ""
        compared = [f"{100 * row['difference']:+.1f}", f"{row['p_value']:.2g}", str(row["changed_videos"])]
        rows.append([f"JPEG of quality {name}{stored}", f"{row['bytes_a_frame']:,}", hits, *compared])
    return f"""{heading}

The store keeps frames as JPEG of quality {jpeg["stored_quality"]}, and on those the visual model of the corpus
*{jpeg["corpus"]}* was trained. Here it sees {jpeg["num_frames"]} frames of each of the {jpeg["num_test"]} test videos,
as they were decoded and as JPEG of several qualities. Hit@1 has 95 % bootstrap intervals over videos, and p is of a
permutation test over videos against the frames as decoded.

{_table(heads, rows)}

`make bench BENCH=jpeg` wrote `results/benchmarks/jpeg.json` at commit {jpeg["commit"]}, with the run
`{jpeg["run"]}`."""


EXAMPLES = {
    "segments": "segments of 2.9 s: the warm-up of Choi's network",
    "windows": "windows of a second: Han's network",
    "whole inputs": "whole inputs of 29 s: Choi's network",
    "whole inputs, Xception": "whole inputs of 29 s: the Xception",
    "fusion": "vectors of both networks: the paper's fusion",
    "frames, EfficientNet-Lite0": "single frames: EfficientNet-Lite0 as a whole",
    "frames, Inception v3": "single frames: Inception v3 as a whole",
}


def _training(found: dict | None) -> str:
    heading = "## What loading costs a training step"
    if found is None:
        return f"{heading}\n\nNot measured."
    heads = ["Examples", "A batch", "Seconds a step", "Over a batch in memory", "Examples a second a core"]
    rows = []
    for name, row in found["work"].items():
        speed = [f"{row['seconds']['loaded']:.2f}", f"{row['ratio']:.3f}", f"{row['loaded_a_second_a_core']:,.0f}"]
        rows.append([EXAMPLES[name], str(row["batch_size"]), *speed])
    most = max(row["ratio"] for row in found["work"].values())
    lacking = [what for name, what in EXAMPLES.items() if name not in found["work"]]
    commits = list(dict.fromkeys(row["commit"] for row in found["work"].values()))
    unmeasured = f"\nNot measured: {words.enumerated(lacking)}." if lacking else ""
    return f"""{heading}

On {found["device"]}, on the corpus *{found["corpus"]}*, with Keras' backend {found["backend"]}. A step on what is
loaded from the store, and augmented where the profile does, is compared with a step on one batch that is in memory:
with 1 a network never waits, and {found["limit_ratio"]:g} is what we allow; the most is {most:.3f}. The last column is
what one core loads when nothing is trained; of frames it is images.{unmeasured}

{_table(heads, rows)}

`make bench BENCH=training` wrote `results/benchmarks/training.json` at commit {words.enumerated(commits)}."""


def _accelerator(found: dict | None) -> str:
    heading = "## Training on an accelerator"
    if found is None or not found["is_accelerated"] or found["is_tiny"]:
        return f"""{heading}

No figure of a GPU exists: the networks' speed was not measured on one, which is what `make bench BENCH=accelerator`
does. [How to train on a GPU](how_to.md) says how one is used."""
    rows = [
        "| Network | Precision | Samples a second, Keras | In plain JAX | Keras over that | Share of the peak | Fed |",
        "|:--|:--|--:|--:|--:|--:|--:|",
    ]
    networks = {name: measuring.with_origin(of, found, ("commit",)) for name, of in found["networks"].items()}
    for name, precisions in networks.items():
        for precision, row in precisions.items():
            speed, share = row["samples_a_second"], row["share_of_peak"]["measured"]["keras"]
            rows.append(
                f"| {words.model(name)} | {precision} | {speed['keras']:,.0f} | {speed['plain_jax']:,.0f} | "
                f"{row['keras_over_plain_jax']:.2f} | {100 * share:.1f} % | {row['starvation']:.2f} |"
            )
    table = "\n".join(rows)
    peaks = ", ".join(
        f"{precision} {one['measured'] / 1e12:,.0f}"
        + (f" (the maker: {one['declared'] / 1e12:,.0f})" if one["declared"] else "")
        for precision, one in found["peak"].items()
    )
    every = [row for precisions in networks.values() for row in precisions.values()]
    most, commits = max(row["starvation"] for row in every), list(dict.fromkeys(row["commit"] for row in every))
    flags = f" and `XLA_FLAGS={found['xla_flags']}`" if found["xla_flags"] else ""
    return f"""{heading}

On {found["device"]}, with Keras' backend {found["backend"]}{flags}. *Samples a second* are of one batch, over and over;
*in plain JAX* the same layers are a line or two each, without Keras. The *peak* is what one large product of matrices
reaches there, in 10^12 operations a second: {peaks}. *Fed* is the time of a step on what is loaded from the store, over
that on the one batch: with 1 a network never waits, and 1.1 is what we allow; the most is {most:.2f}.
{_unmeasured(found)}

{table}

`make bench BENCH=accelerator` wrote `results/benchmarks/accelerator.json` at commit {words.enumerated(commits)};
[how to train on a GPU](how_to.md) says how one is used."""


def _unmeasured(found: dict) -> str:
    names = [words.model(name) for name in architectures() if name not in found["networks"]]
    return f"Not measured there: {words.enumerated(names)}." if names else "No network is left out."


def _provenance(found: dict) -> str:
    rows, measured_with = [], {}
    for name, what in WHAT.items():
        if section := found["measured"].get(name):
            loads = f"{section['load_before']:.1f} and {section['load_after']:.1f}"
            rows.append([what, section["commit"], str(section["machine"]["cores"]), loads])
            versions = ", ".join(f"{name} {version}" for name, version in section["versions"].items())
            measured_with.setdefault(versions, []).append(f"*{what}*")
    of = [f" of {words.enumerated(whats)}" if len(measured_with) > 1 else "" for whats in measured_with.values()]
    versions = "\n\n".join(f"Versions{what}: {versions}." for what, versions in zip(of, measured_with, strict=True))
    return f"""## Where the numbers come from

`make bench BENCH=extraction` wrote `results/benchmarks/extraction.json`. *Processes* are those that on average ran or
waited for a core before the measurement and after it, its own among the latter. Seconds are of these machines; ratios
bear more.

{_table(["What", "Commit", "Cores", "Processes"], rows)}

{versions}"""


if __name__ == "__main__":
    print(write_page())
