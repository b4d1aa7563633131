"""Results of runs that were never trained: small files of the formats that a training writes."""

import dataclasses

import numpy as np

from instrec_utils import evaluation, files, paths
from instrec_utils.config import PROFILES
from instrec_utils.models.architecture import architecture_named

LABELS = ["cello", "flute", "organ"]
MODELS = {"audio": "choi2016", "visual": "efficientnet_lite0", "fusion": "late_fusion"}


def parameters_of(kind, profile, **own):
    """Return the parameters of a kind of run in a profile, some replaced."""
    usual = {
        "audio": {"segmentation": "uc", "augment": None, "warm_up_epochs": None, "silent_videos": None},
        "visual": {"num_frames": 20, "initial_weights": "imagenet", "freeze_backbone": None},
        "fusion": {"num_frames": 20, "fusion_form": "text", "modality_dropout": 0.0, "fusion_dropout": None},
    }[kind]
    of_profile = dataclasses.asdict(PROFILES[profile])
    return {name: of_profile.get(name, value) for name, value in usual.items()} | own


def write_result(run, kind, truth, scores, *, splits=("test", "validation"), is_published=True, **changes):
    """Write a result and its predictions into the home of a test; changes replace fields of the result.

    A parameter is given as ``parameters={...}``, beside those of the profile.
    """
    profile = changes.get("profile", "quick")
    model = changes.get("model", MODELS[kind])
    parameters = parameters_of(kind, profile, **changes.pop("parameters", {}))
    content = {
        "corpus": "tiny",
        "run": run,
        "kind": kind,
        "model": model,
        "profile": profile,
        "parameters": parameters,
        "protocol": dataclasses.asdict(architecture_named(model).protocols[profile]) | changes.pop("protocol", {}),
        "seed": 1,
        "num_train": 12,
        "num_validation": len(truth),
        "num_test": len(truth),
        "num_parameters": 2_356_620,
        "multiply_adds": 10**9,
        "steps": 100,
        "train_seconds": 60.0,
        "device": "CPU, 2 cores",
        "finished": "2026-01-01T00:00:00Z",
        "metrics": evaluation.evaluate(truth, [scores]),
        "majority_rate": evaluation.majority_rate(truth),
        "commit": "abc",
        "index_sha256": "now",
        "uses": [f"of {parameters[part]}" for part in ("audio", "visual")] if kind == "fusion" else [],
        "run_sha256": f"of {run}",
    } | changes
    folder = paths.results_dirs("tiny")[is_published]
    files.write_json(folder / f"{run}.json", content)
    table = evaluation.predictions_table([f"v{number}" for number in range(len(truth))], truth, scores, LABELS)
    for split in splits:
        suffix = "" if split == "test" else f".{split}"
        files.write_text(folder / f"{run}{suffix}.predictions.csv", table.to_csv(index=False))
    return content


def one_hot(answers):
    """Return scores of 0.8 for each answer, 0.1 for the others."""
    scores = np.full((len(answers), len(LABELS)), 0.1)
    scores[np.arange(len(answers)), answers] = 0.8
    return scores
