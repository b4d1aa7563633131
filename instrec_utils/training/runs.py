"""The runs that parameters ask for. The parameters of the functions have the names of the notebooks' parameters."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from instrec_utils import paths
from instrec_utils.config import Protocol
from instrec_utils.corpora import Corpus
from instrec_utils.errors import ParameterError
from instrec_utils.models.architecture import architecture
from instrec_utils.models.hardware import Hardware
from instrec_utils.training.run import OVERRIDES, Run, one_of, profile_of, usual_warm_up


def audio_run(
    corpus: Corpus,
    *,
    audio_model: str = "choi2016",
    segmentation: str = "uc",
    profile: str = "quick",
    audio_learning_rate: float = 0.0,
    audio_batch_size: int = 0,
    audio_max_epochs: int = 0,
    audio_patience: int = 0,
    audio_warm_up_epochs: int = -1,
    seed: int = 10,
    precision: str = "float32",
    num_devices: int = 1,
) -> Run:
    """Return an audio network's run.

    Parameters
    ----------
    corpus : Corpus
        With extracted features.
    audio_model : str
        Name of an audio architecture.
    segmentation : str
        Of the architecture's inputs: "uc", ten segments spread over the recording, or "cc", its centre (4.2).
    profile : str
        One of `config.PROFILES`.
    audio_learning_rate, audio_batch_size, audio_max_epochs, audio_patience : float or int [>= 0]
        0 for the profile's.
    audio_warm_up_epochs : int [epochs]
        -1 for the profile's.
    seed, precision, num_devices
        See `Run` and `Hardware`; the latter are parameters of the run only where they are not the default.

    Raises
    ------
    ParameterError
        The model, the segmentation or the profile is unknown, or does not go with the others.
    """
    settings, entry = profile_of(profile), architecture(audio_model, "audio")
    one_of(f"segmentation of {audio_model}", segmentation, entry.inputs)
    if audio_warm_up_epochs > 0 and entry.warm_up is None:
        raise ParameterError(f"audio_warm_up_epochs: expected 0, as {audio_model} has none, got {audio_warm_up_epochs}")
    given = audio_learning_rate, audio_batch_size, audio_max_epochs, audio_patience
    usual = usual_warm_up(entry, settings)
    parameters = {
        "segmentation": segmentation,
        "augment": settings.augment,
        "warm_up_epochs": usual if audio_warm_up_epochs < 0 else audio_warm_up_epochs,
    } | Hardware(precision, num_devices).parameters()
    return Run(corpus, "audio", audio_model, profile, parameters, _replaced(entry.protocols[profile], given), seed)


def visual_run(
    corpus: Corpus,
    *,
    visual_model: str = "efficientnet_lite0",
    num_frames: int = 10,
    pretrained: bool = False,
    profile: str = "quick",
    visual_learning_rate: float = 0.0,
    visual_batch_size: int = 0,
    visual_max_epochs: int = 0,
    visual_patience: int = 0,
    seed: int = 10,
    precision: str = "float32",
    num_devices: int = 1,
) -> Run:
    """Return a visual network's run.

    Parameters
    ----------
    corpus : Corpus
        With extracted features.
    visual_model : str
        Name of a visual architecture.
    num_frames : int [>= 1]
        k, frames drawn from each video.
    pretrained : bool
        Begin with photographs of the classes, the paper's "PT"; else with ImageNet's weights alone.
    profile : str
        One of `config.PROFILES`; "quick" trains the layer of classes only.
    visual_learning_rate, visual_batch_size, visual_max_epochs, visual_patience : float or int [>= 0]
        0 for the profile's.
    seed, precision, num_devices
        See `Run` and `Hardware`; the latter are parameters of the run only where they are not the default.

    Raises
    ------
    ParameterError
        The model or the profile is unknown, or k is below 1.
    """
    settings, entry = profile_of(profile), architecture(visual_model, "visual")
    if num_frames < 1:
        raise ParameterError(f"num_frames: expected at least 1, got {num_frames}")
    given = visual_learning_rate, visual_batch_size, visual_max_epochs, visual_patience
    parameters = {
        "num_frames": num_frames,
        "pretrained": pretrained,
        "freeze_backbone": settings.freeze_backbone,
    } | Hardware(precision, num_devices).parameters()
    return Run(corpus, "visual", visual_model, profile, parameters, _replaced(entry.protocols[profile], given), seed)


def fusion_run(
    corpus: Corpus,
    *,
    audio: Run,
    visual: Run,
    fusion_form: str = "text",
    modality_dropout: float = 0.0,
    profile: str = "quick",
    fusion_learning_rate: float = 0.0,
    fusion_batch_size: int = 0,
    fusion_max_epochs: int = 0,
    fusion_patience: int = 0,
    seed: int = 10,
    precision: str = "float32",
    num_devices: int = 1,
) -> Run:
    """Return a late fusion's run.

    Parameters
    ----------
    corpus : Corpus
        Of the two runs.
    audio, visual : Run
        That it joins.
    fusion_form : str
        One of `models.late_fusion.FORMS`.
    modality_dropout : float [hundredths from 0 to 0.99]
        Probability with which training hides one modality of a video.
    profile : str
        One of `config.PROFILES`.
    fusion_learning_rate, fusion_batch_size, fusion_max_epochs, fusion_patience : float or int [>= 0]
        0 for the profile's.
    seed, precision, num_devices
        See `Run` and `Hardware`; the latter are parameters of the run only where they are not the default.

    Raises
    ------
    ParameterError
        The form or the profile is unknown, or a number is out of range.
    """
    settings, entry = profile_of(profile), architecture("late_fusion", "fusion")
    one_of("fusion_form", fusion_form, entry.forms)
    percent = round(100 * modality_dropout) if math.isfinite(modality_dropout) else -1
    if not 0 <= percent < 100 or not math.isclose(100 * modality_dropout, percent):
        raise ParameterError(f"modality_dropout: expected hundredths from 0 to 0.99, got {modality_dropout}")
    given = fusion_learning_rate, fusion_batch_size, fusion_max_epochs, fusion_patience
    parameters = {
        "num_frames": visual.parameters["num_frames"],
        "fusion_form": fusion_form,
        "modality_dropout": modality_dropout,
        "fusion_dropout": settings.fusion_dropout,
        "audio": audio.name,
        "visual": visual.name,
    } | Hardware(precision, num_devices).parameters()
    protocol = _replaced(entry.protocols[profile], given)
    return Run(corpus, "fusion", entry.name, profile, parameters, protocol, seed, (audio, visual))


def runs_of(corpus: Corpus, parameters: Mapping[str, Any]) -> dict[str, Run]:
    """Return the audio, the visual and the fusion run that parameters, as notebooks have them, ask for.

    Parameters
    ----------
    corpus : Corpus
        With extracted features.
    parameters : mapping of str to value
        Of `audio_run`, `visual_run` and `fusion_run`; others are left alone.

    Returns
    -------
    dict of str to Run
        By kind.

    Raises
    ------
    ParameterError
        See those functions.
    """

    def call(function: Callable[..., Run], **joined: Run) -> Run:
        names = inspect.signature(function).parameters.keys() & parameters.keys() - {"corpus", *joined}
        return function(corpus, **joined, **{name: parameters[name] for name in names})

    audio, visual = call(audio_run), call(visual_run)
    return {"audio": audio, "visual": visual, "fusion": call(fusion_run, audio=audio, visual=visual)}


def report_parameters(corpus_name: str) -> dict[str, Any]:
    """Return the parameters of a corpus' report: those of the last `make report`, else those of its file in params/.

    Pages that compare what other pages trained find the runs by them, whatever else was trained by hand.

    Raises
    ------
    ParameterError
        There is no such file.
    """
    for path in (parameters_path(corpus_name), paths.home() / "params" / f"{corpus_name}.yaml"):
        if path.exists():
            return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    raise ParameterError(f"{corpus_name}: expected a file params/{corpus_name}.yaml with the parameters of its report")


def parameters_path(corpus_name: str) -> Path:
    """Return where `make report` notes the parameters of a corpus' report."""
    return paths.runs_dir(corpus_name) / "parameters.yaml"


def _replaced(protocol: Protocol, given: tuple[float, int, int, int]) -> Protocol:
    values = dict(zip(OVERRIDES, given, strict=True))
    for name, value in values.items():
        if not 0 <= value < math.inf:
            raise ParameterError(f"{name}: expected a number above 0, or 0 for the profile's, got {value}")
    changed: dict[str, Any] = {name: value for name, value in values.items() if value}
    return dataclasses.replace(protocol, **changed)
