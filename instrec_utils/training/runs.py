"""Runs: what a result depends on, what it is called and where it is kept. No network is built here, Keras not imported.

A run's settings give it a folder of its own, so that no two settings share a checkpoint, and a name, which its files in
``results/<corpus>/`` have. The parameters of the functions have the names of the notebooks' parameters.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instrec_utils import config, files, models, paths, provenance
from instrec_utils.config import PROFILES, Profile, Protocol
from instrec_utils.corpora import Corpus
from instrec_utils.errors import ParameterError, RunError
from instrec_utils.features import store as features
from instrec_utils.training.hardware import Hardware

SEGMENTATIONS = ("uc", "cc")


@dataclass(frozen=True)
class Run:
    """What a result depends on.

    Attributes
    ----------
    name : of the result's files.
    kind : "audio", "visual" or "fusion".
    model : one of `models.NAMES`.
    parameters : the model's and the input's.
    protocol : how it was trained.
    seed : of weights, order and augmentation.
    uses : sha256 of the runs whose embeddings it joins.
    """

    name: str
    kind: str
    model: str
    parameters: dict[str, Any]
    protocol: Protocol
    seed: int
    uses: tuple[str, ...] = field(default=())

    def sha256(self, corpus: Corpus) -> str:
        """Return what identifies the run's result."""
        settings = dataclasses.asdict(self) | {
            "index": provenance.index_sha256(corpus.usable),
            "features": features.SETTINGS_SHA256,
            "training": config.TRAINING_VERSION,
        }
        return files.sha256_of(settings)

    def directory(self, corpus: Corpus) -> Path:
        """Return the folder of its checkpoints."""
        return paths.runs_dir(corpus.name) / f"{self.name}-{self.sha256(corpus)[:8]}"

    def weights(self, corpus: Corpus) -> Path:
        """Return the file of the best epoch's model."""
        return self.directory(corpus) / "best.keras"

    @property
    def hardware(self) -> Hardware:
        """What it is trained with."""
        return Hardware.of(self.parameters)

    @property
    def input_name(self) -> str:
        """Name of an audio run's spectrogram in the store."""
        return "han2016" if self.model == "han2016" else f"choi2016_{self.parameters['segmentation']}"

    def in_profile(self, name: str) -> Run:
        """Return the run as a profile would have it, everything that no profile sets left as it is."""
        settings = profile_of(name)
        protocol, own = {
            "audio": lambda: (settings.audio[self.model], ("augment", "warm_up_epochs")),
            "visual": lambda: (settings.frames, ("freeze_backbone",)),
            "fusion": lambda: (settings.fusion, ("fusion_dropout",)),
        }[self.kind]()
        changed = {key: getattr(settings, key) for key in own}
        return dataclasses.replace(self, protocol=protocol, parameters=self.parameters | changed)

    def features_key(self, corpus: Corpus) -> str:
        """Return what tells the features that it is trained on from others; see `features.key_of`."""
        return features.key_of_all(corpus.directory / "features", corpus.usable["video_id"].tolist())

    def is_of(self, corpus: Corpus) -> bool:
        """Tell whether its folder holds what was trained on the corpus' features as they are now."""
        path = self.directory(corpus) / "run.json"
        return path.exists() and read_json(path).get("features") == self.features_key(corpus)

    def is_done(self, corpus: Corpus) -> bool:
        """Tell whether its result and predictions are there, of these very settings and features, and its weights."""
        path = result_path(corpus.name, self.name)
        kept = (path, *(predictions_path(corpus.name, self.name, split) for split in ("validation", "test")))
        if not all(one.exists() for one in (*kept, self.weights(corpus))):
            return False
        return read_json(path).get("run_sha256") == self.sha256(corpus) and self.is_of(corpus)


def read_json(path: Path) -> dict[str, Any]:
    """Return what a training or a measurement wrote as JSON.

    Parameters
    ----------
    path : of the file.

    Raises
    ------
    RunError
        It is missing or damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: missing or damaged ({error}); delete it and run again") from error
    if not isinstance(content, dict):
        raise RunError(f"{path}: damaged (expected an object); delete it and run again")
    return content


def predictions_path(corpus: str, name: str, split: str) -> Path:
    """Return the file of a run's predictions on a split: "validation", "test" or "test_clean"."""
    suffix = "" if split == "test" else f".{split}"
    return paths.results_dir(corpus) / f"{name}{suffix}.predictions.csv"


def result_path(corpus: str, name: str) -> Path:
    """Return the file of a run's result."""
    return paths.results_dir(corpus) / f"{name}.json"


def read(corpus: Corpus, name: str) -> Run:
    """Return a finished run by name.

    Raises
    ------
    RunError
        There is no such result, or it was made from another index, other features, or another version's settings.
    """
    path = result_path(corpus.name, name)
    if not path.exists():
        raise RunError(f"{path}: no such result; train this model first")
    result = read_json(path)
    try:
        run = Run(
            *(result[key] for key in ("run", "kind", "model", "parameters")),
            Protocol(**result["protocol"]),
            result["seed"],
            tuple(result["uses"]),
        )
        is_same = result["run_sha256"] == run.sha256(corpus)
    except (KeyError, TypeError) as error:
        raise RunError(f"{path}: written by another version ({error}); train this model again") from error
    if not is_same or not run.weights(corpus).exists() or not run.is_of(corpus):
        raise RunError(f"{path}: made from another index or other features, or without its weights; train it again")
    return run


def profile_of(name: str) -> Profile:
    """Return a profile by name.

    Raises
    ------
    ParameterError
        There is none of that name.
    """
    return PROFILES[_one_of("profile", name, PROFILES)]


def audio_name(audio_model: str, segmentation: str, seed: int) -> str:
    """Return the name of an audio run."""
    return f"audio-{audio_model}-{segmentation}-s{seed}"


def audio_run(
    *,
    audio_model: str,
    segmentation: str,
    profile: str,
    audio_learning_rate: float = 0.0,
    audio_batch_size: int = 0,
    audio_max_epochs: int = 0,
    audio_patience: int = 0,
    audio_warm_up_epochs: int = -1,
    seed: int,
    precision: str = "float32",
    num_devices: int = 1,
) -> Run:
    """Return an audio model's run.

    Parameters
    ----------
    audio_model : one of `models.AUDIO`.
    segmentation : "uc", ten segments spread over the recording, or "cc", its centre (4.2); Han's is always "uc".
    profile : one of `config.PROFILES`.
    audio_learning_rate, audio_batch_size, audio_max_epochs, audio_patience : 0 for the profile's.
    audio_warm_up_epochs : -1 for the profile's.
    seed : see `Run`.
    precision, num_devices : see `Hardware`; parameters of the run only where they are not the default.

    Raises
    ------
    ParameterError
        The model, the segmentation or the profile is unknown, or does not go with the others.
    """
    settings = profile_of(profile)
    _one_of("audio_model", audio_model, models.AUDIO)
    _one_of("segmentation", segmentation, SEGMENTATIONS)
    if (audio_model, segmentation) == ("han2016", "cc"):
        raise ParameterError("segmentation: expected 'uc' for the model han2016, whose windows are spread, got 'cc'")
    protocol = _replaced(
        settings.audio[audio_model], audio_learning_rate, audio_batch_size, audio_max_epochs, audio_patience
    )
    parameters = {
        "segmentation": segmentation,
        "augment": settings.augment,
        "warm_up_epochs": settings.warm_up_epochs if audio_warm_up_epochs < 0 else audio_warm_up_epochs,
    } | Hardware(precision, num_devices).parameters()
    return Run(audio_name(audio_model, segmentation, seed), "audio", audio_model, parameters, protocol, seed)


def frame_name(backbone: str, num_frames: int, pretrained: bool, seed: int) -> str:
    """Return the name of a frame model's run."""
    return f"visual-{backbone}-k{num_frames}{'-pt' if pretrained else ''}-s{seed}"


def frame_run(
    *,
    backbone: str,
    num_frames: int,
    pretrained: bool = False,
    profile: str,
    frame_learning_rate: float = 0.0,
    frame_batch_size: int = 0,
    frame_max_epochs: int = 0,
    frame_patience: int = 0,
    seed: int,
    precision: str = "float32",
    num_devices: int = 1,
) -> Run:
    """Return a frame model's run.

    Parameters
    ----------
    backbone : one of `models.FRAMES`.
    num_frames : k, frames drawn from each video.
    pretrained : begin with photographs of the classes, the paper's "PT"; else with ImageNet's weights alone.
    profile : one of `config.PROFILES`; "quick" trains the layer of classes only.
    frame_learning_rate, frame_batch_size, frame_max_epochs, frame_patience : 0 for the profile's.
    seed : see `Run`.
    precision, num_devices : see `Hardware`; parameters of the run only where they are not the default.

    Raises
    ------
    ParameterError
        The backbone or the profile is unknown, or k is below 1.
    """
    settings = profile_of(profile)
    _one_of("backbone", backbone, models.FRAMES)
    if num_frames < 1:
        raise ParameterError(f"num_frames: expected at least 1, got {num_frames}")
    protocol = _replaced(settings.frames, frame_learning_rate, frame_batch_size, frame_max_epochs, frame_patience)
    parameters = {
        "num_frames": num_frames,
        "pretrained": pretrained,
        "freeze_backbone": settings.freeze_backbone,
    } | Hardware(precision, num_devices).parameters()
    return Run(frame_name(backbone, num_frames, pretrained, seed), "visual", backbone, parameters, protocol, seed)


def fusion_run(
    corpus: Corpus,
    *,
    audio: Run,
    visual: Run,
    fusion_form: str = "text",
    modality_dropout: float = 0.0,
    profile: str,
    fusion_learning_rate: float = 0.0,
    fusion_batch_size: int = 0,
    fusion_max_epochs: int = 0,
    fusion_patience: int = 0,
    seed: int,
    precision: str = "float32",
    num_devices: int = 1,
) -> Run:
    """Return a late fusion's run.

    Parameters
    ----------
    corpus : of the two runs.
    audio, visual : finished runs.
    fusion_form, modality_dropout : of `models.late_fusion.build`.
    profile : one of `config.PROFILES`.
    fusion_learning_rate, fusion_batch_size, fusion_max_epochs, fusion_patience : 0 for the profile's.
    seed : see `Run`.
    precision, num_devices : see `Hardware`; parameters of the run only where they are not the default.

    Raises
    ------
    ParameterError
        The form or the profile is unknown, or a number is out of range.
    """
    settings = profile_of(profile)
    _one_of("fusion_form", fusion_form, models.FUSION_FORMS)
    percent = round(100 * modality_dropout) if math.isfinite(modality_dropout) else -1
    if not 0 <= percent < 100 or not math.isclose(100 * modality_dropout, percent):
        raise ParameterError(f"modality_dropout: expected hundredths from 0 to 0.99, got {modality_dropout}")
    variant = ("" if fusion_form == "text" else f"-{fusion_form}") + (f"-drop{percent}" if percent else "")
    joined = "-".join(run.name.removeprefix(f"{run.kind}-").removesuffix(f"-s{run.seed}") for run in (audio, visual))
    name = f"fusion-{joined}{variant}-s{seed}"
    protocol = _replaced(settings.fusion, fusion_learning_rate, fusion_batch_size, fusion_max_epochs, fusion_patience)
    parameters = {
        "num_frames": visual.parameters["num_frames"],
        "fusion_form": fusion_form,
        "modality_dropout": modality_dropout,
        "fusion_dropout": settings.fusion_dropout,
        "audio": audio.name,
        "visual": visual.name,
    } | Hardware(precision, num_devices).parameters()
    return Run(name, "fusion", "late_fusion", parameters, protocol, seed, (audio.sha256(corpus), visual.sha256(corpus)))


def _one_of(name: str, value: str, allowed) -> str:
    if value not in allowed:
        raise ParameterError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}")
    return value


def _replaced(protocol: Protocol, learning_rate: float, batch_size: int, max_epochs: int, patience: int) -> Protocol:
    given = {"learning_rate": learning_rate, "batch_size": batch_size, "max_epochs": max_epochs, "patience": patience}
    for name, value in given.items():
        if not 0 <= value < math.inf:
            raise ParameterError(f"{name}: expected a number above 0, or 0 for the profile's, got {value}")
    return dataclasses.replace(protocol, **{name: value for name, value in given.items() if value})
