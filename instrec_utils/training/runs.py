"""The runs that parameters ask for. The parameters of the functions have the names of the notebooks' parameters.

Of every kind of run alike: its corpus has extracted features; `profile` is one of `config.PROFILES`; the profile's
learning rate, batch size, number of epochs and patience hold where the parameter is 0, or where the profile's is, as
weights that are solved for have none of these; `precision` and `num_devices`, see `Hardware`, are parameters of the run
only where they are not the default, and so is the corpus' rotation. A parameter that is unknown or out of range, or
does not go with the others, is a ParameterError.
"""

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from instrec_utils import paths
from instrec_utils.corpora import Corpus, photographs_key
from instrec_utils.errors import ParameterError
from instrec_utils.models.architecture import Architecture, architecture_named
from instrec_utils.models.hardware import Hardware
from instrec_utils.training.run import OVERRIDES, Run, one_of, profile_of, usual_warm_up

MAX_SEED = 2**32 - 1  # of Keras and NumPy
INITIAL_WEIGHTS = ("random", "imagenet", "imagenet+instruments")


def audio_run(
    corpus: Corpus,
    *,
    audio_model: str = "choi2016",
    segmentation: str = "uc",
    audio_width: int = 0,
    silent_videos: str = "",
    profile: str = "quick",
    audio_learning_rate: float = 0.0,
    audio_batch_size: int = 0,
    audio_max_epochs: int = 0,
    audio_patience: int = 0,
    audio_warm_up_epochs: int = -1,
    seed: int = 10,
    precision: str = "auto",
    num_devices: int = 1,
) -> Run:
    """Return an audio network's run; of a pretrained one the profile "quick" trains its layer of classes only.

    Parameters
    ----------
    segmentation : str
        Of the architecture's inputs: "uc", ten segments spread over the recording, or "cc", its centre (4.2).
    audio_width : int [separable filters of a network that has a choice of them; 0 for its own number]
    silent_videos : str
        "keep" or "leave_out" from training the videos in which nothing is to be heard; empty for the profile's.
    audio_warm_up_epochs : int [epochs; -1 for the profile's]
        Of networks that have a warm-up: the parameters of a corpus are those of all its networks.
    """
    settings, entry = profile_of(profile), architecture_named(audio_model, "audio")
    one_of(f"segmentation of {audio_model}", segmentation, entry.inputs)
    if audio_width and (audio_width < 0 or not entry.width):
        rule = f"0 for {entry.width}, or another number" if entry.width else f"0, as {audio_model} has no choice of it"
        raise ParameterError(f"audio_width: expected {rule}, got {audio_width}")
    silent_videos = one_of("silent_videos", silent_videos or settings.silent_videos, ("keep", "leave_out"))
    is_usual = audio_warm_up_epochs < 0 or entry.warm_up is None
    warm_up_epochs = usual_warm_up(entry, settings) if is_usual else audio_warm_up_epochs
    parameters = {"segmentation": segmentation, "augment": settings.augment, "warm_up_epochs": warm_up_epochs}
    parameters["silent_videos"] = silent_videos
    parameters |= {} if audio_width in (0, entry.width) else {"width": audio_width}
    if entry.build_backbone:
        parameters["freeze_backbone"] = settings.freeze_backbone
    given = audio_learning_rate, audio_batch_size, audio_max_epochs, audio_patience
    return _run(corpus, entry, profile, parameters, given, seed, Hardware(precision, num_devices))


def visual_run(
    corpus: Corpus,
    *,
    visual_model: str = "efficientnet_lite0",
    num_frames: int = 10,
    initial_weights: str = "imagenet",
    photographs: str = "",
    redraw_frames: bool = False,
    profile: str = "quick",
    visual_learning_rate: float = 0.0,
    visual_batch_size: int = 0,
    visual_max_epochs: int = 0,
    visual_patience: int = 0,
    seed: int = 10,
    precision: str = "auto",
    num_devices: int = 1,
) -> Run:
    """Return a visual network's run; the profile "quick" trains its layer of classes only.

    Parameters
    ----------
    num_frames : int [>= 1, k, frames drawn from each video]
    initial_weights : str [one of `INITIAL_WEIGHTS`; the last, ImageNet's and then photographs, is the paper's "PT"]
    photographs : str [folder of these with one subfolder a class; empty for those of the corpus' source or lent ones]
    redraw_frames : bool [draw the k frames anew in each epoch; else once, as one may read the paper's 4.2]
    """
    settings, entry = profile_of(profile), architecture_named(visual_model, "visual")
    if num_frames < 1:
        raise ParameterError(f"num_frames: expected at least 1, got {num_frames}")
    one_of("initial_weights", initial_weights, INITIAL_WEIGHTS)
    if initial_weights == "random" and settings.freeze_backbone:
        raise ParameterError(
            f"initial_weights: expected imagenet or imagenet+instruments in the profile {profile}, which trains the "
            "layer of classes only, got 'random'; the profile paper trains the whole network"
        )
    parameters = {"num_frames": num_frames, "initial_weights": initial_weights, "redraw_frames": redraw_frames}
    parameters["freeze_backbone"] = settings.freeze_backbone
    given = visual_learning_rate, visual_batch_size, visual_max_epochs, visual_patience
    run = _run(corpus, entry, profile, parameters, given, seed, Hardware(precision, num_devices))
    if not photographs or initial_weights != "imagenet+instruments":
        return run
    folder = Path(photographs).expanduser()
    if not folder.is_dir():
        raise ParameterError(f"photographs: expected a folder with one subfolder a class, got {photographs!r}")
    identified = {"photographs": photographs_key(folder, corpus.labels)}
    return dataclasses.replace(run, photographs=folder, parameters=run.parameters | identified)


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
    precision: str = "auto",
    num_devices: int = 1,
) -> Run:
    """Return the run of a late fusion of two runs on the same corpus.

    Parameters
    ----------
    fusion_form : str [one of `models.late_fusion.FORMS`]
    modality_dropout : float
        Hundredths from 0 to 0.99: how likely training hides one modality of a video; 0 of a form that is solved for,
        which takes neither precision nor devices either.
    """
    settings, entry = profile_of(profile), architecture_named("late_fusion", "fusion")
    if rotations := sorted({one.corpus.rotation for one in (audio, visual)} - {corpus.rotation}):
        raise ParameterError(f"rotation: expected joined runs of rotation {corpus.rotation}, got one of {rotations[0]}")
    one_of("fusion_form", fusion_form, entry.forms)
    percent = round(100 * modality_dropout) if math.isfinite(modality_dropout) else -1
    if not 0 <= percent < 100 or not math.isclose(100 * modality_dropout, percent):
        raise ParameterError(f"modality_dropout: expected hundredths from 0 to 0.99, got {modality_dropout}")
    hardware = Hardware(precision, num_devices)
    if not entry.protocol(profile, fusion_form).learning_rate:  # its weights are solved for
        if percent:
            raise ParameterError(f"modality_dropout: expected 0 for the form {fusion_form}, got {modality_dropout}")
        hardware = Hardware()
    parameters = {
        "num_frames": visual.parameters["num_frames"],
        "fusion_form": fusion_form,
        "modality_dropout": modality_dropout,
        "fusion_dropout": settings.fusion_dropout,
        "frame_embeddings": "imagenet" if visual.parameters["freeze_backbone"] else "visual run",
        "audio": audio.name,
        "visual": visual.name,
    }
    given = fusion_learning_rate, fusion_batch_size, fusion_max_epochs, fusion_patience
    return _run(corpus, entry, profile, parameters, given, seed, hardware, (audio, visual))


def _run(
    corpus: Corpus,
    entry: Architecture,
    profile: str,
    parameters: dict[str, Any],
    given: tuple[float, int, int, int],
    seed: int,
    hardware: Hardware,
    joined: tuple[Run, ...] = (),
) -> Run:
    """Return a run, with what is given of `OVERRIDES` in place of the profile's."""
    changed: dict[str, Any] = {name: value for name, value in zip(OVERRIDES, given, strict=True) if value}
    for name, value in changed.items():
        if not 0 < value < math.inf:
            raise ParameterError(f"{name}: expected a number above 0, or 0 for the profile's, got {value}")
    if not 0 <= seed <= MAX_SEED:
        raise ParameterError(f"seed: expected 0 to {MAX_SEED}, got {seed}")
    usual = entry.protocol(profile, parameters.get("fusion_form", ""))
    protocol = dataclasses.replace(usual, **{name: changed[name] for name in changed if getattr(usual, name)})
    parameters |= hardware.parameters() | ({"rotation": corpus.rotation} if corpus.rotation else {})
    return Run(corpus, entry.kind, entry.name, profile, parameters, protocol, seed, joined)


def runs_of(corpus: Corpus, parameters: Mapping[str, Any]) -> dict[str, Run]:
    """Return, by kind, the audio, visual and fusion run that a report's parameters ask for; others are left alone.

    A parameter rotation is that of the corpus; see `Corpus.rotated`. A visual_profile is that of the visual run alone.
    """
    corpus = corpus.rotated(parameters.get("rotation", corpus.rotation))

    def call(function: Callable[..., Run], **given: Any) -> Run:
        names = inspect.signature(function).parameters.keys() & parameters.keys() - {"corpus", *given}
        return function(corpus, **given, **{name: parameters[name] for name in names})

    own_profile = parameters.get("visual_profile")
    audio, visual = call(audio_run), call(visual_run, **({"profile": own_profile} if own_profile else {}))
    return {"audio": audio, "visual": visual, "fusion": call(fusion_run, audio=audio, visual=visual)}


def report_parameters(corpus_name: str) -> dict[str, Any]:
    """Return the parameters of a corpus' report: those of the last `make report`, else those of its file in params/.

    Pages that compare what other pages trained find the runs by them, whatever else was trained by hand. Where there is
    no such file, it is a ParameterError.
    """
    for path in (parameters_path(corpus_name), paths.home() / "params" / f"{corpus_name}.yaml"):
        if path.exists():
            return yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    raise ParameterError(f"{corpus_name}: expected a file params/{corpus_name}.yaml with the parameters of its report")


def parameters_path(corpus_name: str) -> Path:
    """Return where `make report` notes the parameters of a corpus' report."""
    return paths.runs_dir(corpus_name) / "parameters.yaml"
