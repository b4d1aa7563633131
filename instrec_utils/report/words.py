"""What things are called on the pages, each once: kinds, models, metrics, settings, forms of fusion, conditions."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from instrec_utils.models.architecture import architecture_named


class Kind(NamedTuple):
    """What stands for a kind of model in every table and figure; they are told apart in grey as well.

    The colours are those of Okabe and Ito, darkened where letters in them could not be read on white.
    """

    word: str
    colour: str
    marker: str
    line: Any = "-"
    short: str = ""  # beside its line in a figure


KINDS = {
    "audio": Kind("audio", "#0072b2", "o", (0, (5, 1.5)), "audio"),
    "visual": Kind("visual", "#c25200", "s", (0, (1.5, 1.2)), "visual"),
    "fusion": Kind("fusion", "#007a5a", "D", "-", "fusion"),
    "dropout": Kind("fusion, modality dropout", "#a3507f", "^", (0, (6, 1.5, 1.5, 1.5)), "dropout"),
    "attention": Kind("fusion, attention and modality dropout", "#2b2b2b", "v", "-", "attention"),
    "paper": Kind("paper", "#6e6e6e", "x"),
}
"""Kinds in their order: those of results first, then the two other fusions of page 8, and what the paper prints."""

METRICS = {"hit_at_1": "Hit@1", "hit_at_3": "Hit@3", "f1_macro": "F1 macro", "f1_weighted": "F1 weighted"}

FORMS = {
    "text": "the paper's text",
    "code": "the authors' code",
    "attention": "attention over frames",
    "weighted": "weighted scores",
}

PAIRS = {
    ("fusion", "better"): "The paper's fusion against the better modality",
    ("dropout", "fusion"): "With modality dropout against without",
    ("attention", "fusion"): "With attention and modality dropout against the paper's",
    ("attention", "better"): "With attention and modality dropout against the better modality",
}
"""The comparisons of `robustness.comparison`: first against second."""

SETTINGS = {
    "segmentation": "segments",
    "width": "separable filters",
    "augment": "augmentation",
    "warm_up_epochs": "warm-up",
    "num_frames": "frames a video",
    "initial_weights": "initial weights",
    "photographs": "photographs",
    "redraw_frames": "frames drawn anew in each epoch",
    "silent_videos": "silent videos",
    "freeze_backbone": "trained",
    "fusion_form": "form of fusion",
    "modality_dropout": "modality dropout",
    "fusion_dropout": "dropout in the dense layers",
    "frame_embeddings": "embeddings of frames by",
    "audio": "audio run",
    "visual": "visual run",
    "optimizer": "optimiser",
    "learning_rate": "learning rate",
    "batch_size": "batch",
    "max_epochs": "at most",
    "patience": "patience",
    "halve_every": "learning rate is halved",
    "precision": "precision",
    "num_devices": "accelerators",
    "rotation": "part that tests",
}
_VALUES: dict[str, dict[Any, str]] = {
    "segmentation": {"uc": "ten, spread over the recording (UC)", "cc": "one, its centre (CC)"},
    "freeze_backbone": {True: "classes only", False: "whole network"},
    "initial_weights": {
        "random": "random weights",
        "imagenet": "ImageNet",
        "imagenet+instruments": "ImageNet, then photographs (PT)",
    },
    "silent_videos": {"keep": "are kept in training", "leave_out": "are left out of training"},
    "frame_embeddings": {"imagenet": "the network of ImageNet", "visual run": "the visual run's network"},
    "warm_up_epochs": {0: "none"},
    "fusion_form": FORMS,
    "optimizer": {"sgd": "SGD", "adam": "Adam", "newton": "Newton's method"},
    # Of weights that are solved for.
    "learning_rate": {0: "none"},
    "batch_size": {0: "all examples"},
    "max_epochs": {0: "until solved"},
    "patience": {0: "none"},
    "halve_every": {0: "never"},
}
_NOUNS = dict.fromkeys(("warm_up_epochs", "max_epochs", "patience", "halve_every"), "epoch") | {"batch_size": "example"}


def setting(name: str) -> str:
    """Return what a setting is called; one that no page knows, of a model from elsewhere, by its own name."""
    return SETTINGS.get(name, name.replace("_", " "))


def value(name: str, value: Any) -> str:
    """Return what a setting's value is called, with its unit."""
    if value in _VALUES.get(name, {}):
        return _VALUES[name][value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in _NOUNS:
        return f"{'every ' if name == 'halve_every' else ''}{counted(value, _NOUNS[name])}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def model(name: str) -> str:
    """Return the title of an architecture."""
    return architecture_named(name).title


def describe(result: Mapping[str, Any]) -> str:
    """Return a row of `results.read_results` as a row of a table or a figure names it."""
    parameters = result["parameters"]
    if result["kind"] == "audio":
        return architecture_named(result["model"]).title_with(parameters["segmentation"])
    parts = [model(result["model"]), counted(parameters["num_frames"], "frame")]
    if result["kind"] == "visual":
        start = {"imagenet": "", "imagenet+instruments": "PT"}
        parts.append(start.get(parameters["initial_weights"], parameters["initial_weights"]))
    else:
        form = parameters["fusion_form"]
        parts += ["" if form == "text" else form, _hidden(parameters)]
    return ", ".join(filter(None, parts))


def subject(result: Mapping[str, Any]) -> str:
    """Return a row of `results.read_results` as a sentence's subject; "the paper's fusion" is the paper's form only."""
    if result["kind"] != "fusion":
        return describe(result)
    form, hidden = result["parameters"]["fusion_form"], _hidden(result["parameters"])
    named = {
        "text": "the paper's fusion",
        "code": "the fusion of the paper's authors' code",
        "weighted": "the fusion of weighted scores",
    }
    fusion = named.get(form, f"the fusion with {form}")
    joint = "with" if form in named else "and"
    return f"{fusion} {joint} {hidden}" if hidden else fusion


def _hidden(parameters: Mapping[str, Any]) -> str:
    return f"modality dropout {parameters['modality_dropout']:g}" if parameters["modality_dropout"] else ""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: "1 video", "2 classes"."""
    ending = "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{'' if number == 1 else ending}"


def signed(points: float) -> str:
    """Return points with their sign and one decimal; what rounds to zero has a plus, never a minus: "+0.0"."""
    return f"{round(points, 1) + 0.0:+.1f}"


def enumerated(texts: Sequence[str]) -> str:
    """Return texts as a sentence lists them: "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))


def duration(seconds: float) -> str:
    """Return a time in hours, or where it is less than one in minutes: "19.2 h", "3.4 min"."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"


def first_upper(text: str) -> str:
    """Return a text with a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def measured(result: Mapping[str, Any], metric: str) -> str:
    """Return a metric, one of `METRICS`, in %: "71.8 ± 1.2 (56.4–84.6)", value, spread over several seeds, interval.

    Where a table is wide its lines break before the interval, and nowhere else.
    """
    value, low, high = (100 * result[f"{metric}{end}"] for end in ("", "_low", "_high"))
    spread = result.get(f"{metric}_spread")
    over = "" if spread is None or math.isnan(spread) else f"\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{100 * spread:.1f}"
    return f"{value:.1f}{over} ({low:.1f}–{high:.1f})"
