"""Measure what it costs to store frames as JPEG, and write ``results/benchmarks/jpeg.json`` and the page that shows it.

The test videos of a corpus are decoded once more, and its visual network sees their frames as they were decoded and as
JPEG of several qualities. It was trained on frames of the quality that the store has. Run after ``make report``.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import extraction_page
import numpy as np
from tqdm import tqdm

from instrec_utils import config, corpora, evaluation, files, media, paths, provenance, significance
from instrec_utils.features import store
from instrec_utils.inputs import frames
from instrec_utils.robustness.measurement import check_reproduced
from instrec_utils.robustness.networks import Networks
from instrec_utils.training import result_files
from instrec_utils.training.runs import report_parameters, runs_of

QUALITIES = (95, 90, 75, 50, 25)


def measure(networks: Networks) -> dict:
    """Return Hit@1 on the frames as decoded and at each quality, and the bytes of a frame."""
    corpus, run = networks.corpus, networks.visual
    scores: dict[str, list] = {name: [] for name in ("decoded", *map(str, QUALITIES))}
    num_bytes: dict[str, list] = {str(quality): [] for quality in QUALITIES}
    for video in tqdm(networks.videos, desc="JPEG", unit="video"):
        count = store.count_frames(store.features_path(corpus.directory / "features", video.video_id))
        numbers = frames.choose_uniformly(count, networks.num_frames) if count else []
        path = corpus.videos / video.path
        decoded = list(media.read_frames(path, size=config.FRAME_SIZE, numbers=numbers)) if count else []
        for name, found in scores.items():
            shown = decoded
            if name != "decoded":
                stored = [frames.encode_jpeg(picture, int(name)) for picture in decoded]
                num_bytes[name] += [len(one) for one in stored]
                shown = [frames.decode_jpeg(one) for one in stored]
            found.append(networks.of_frames(np.array(shown))["frame_scores"].mean(axis=0))
    arrays = {name: np.stack(found) for name, found in scores.items()}
    own = result_files.read_predictions(run.result_path)
    check_reproduced({"visual": run.name}, {"visual": own}, {"visual": arrays[str(frames.JPEG_QUALITY)]})
    truth = corpus.targets(corpus.split("test"))
    return {name: _row(truth, arrays, name, num_bytes) for name in scores}


def _row(truth: np.ndarray, scores: dict[str, np.ndarray], name: str, num_bytes: dict[str, list]) -> dict:
    row = {"hit_at_1": evaluation.evaluate(truth, [scores[name]])["hit_at_1"]}
    if name == "decoded":
        return row
    test = significance.compare_seeds(truth, [scores[name]], [scores["decoded"]])
    return row | {
        "difference": test["difference"],
        "p_value": test["p_value"],
        "changed_videos": int((scores[name].argmax(axis=1) != scores["decoded"].argmax(axis=1)).sum()),
        "bytes_a_frame": round(float(np.mean(num_bytes[name]))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="open")
    options = parser.parse_args()
    corpus = corpora.read_corpus(options.corpus)
    audio, run, _ = runs_of(corpus, report_parameters(corpus.name)).values()
    measured = measure(Networks(audio, run, seed=run.seed))
    files.write_json(
        paths.working_results_dir("benchmarks") / "jpeg.json",
        {
            "corpus": corpus.name,
            "run": run.name,
            "num_frames": run.parameters["num_frames"],
            "num_test": len(corpus.split("test")),
            "stored_quality": frames.JPEG_QUALITY,
            "measured": measured,
            "versions": provenance.versions(),
            "commit": provenance.commit(),
        },
    )
    print(extraction_page.write_page())


if __name__ == "__main__":
    main()
