"""A run: what a result depends on, what it is called and where it is kept. No network is built, Keras not imported.

A run's settings give it a folder of its own, so that no two settings share a checkpoint. Its name tells the profile and
whatever differs from it, so that two profiles or rates stand side by side among the results.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from instrec_utils import config, files, paths, provenance
from instrec_utils.config import PROFILES, Profile, Protocol
from instrec_utils.corpora import Corpus
from instrec_utils.errors import ParameterError, RunError
from instrec_utils.features import store
from instrec_utils.models.architecture import Architecture, AudioInput, architecture_named
from instrec_utils.models.hardware import Hardware, fastest
from instrec_utils.training.result_files import (
    EVALUATED,
    in_first_words,
    predictions_path,
    read_json,
    read_predictions,
    read_result,
)

OVERRIDES = {"learning_rate": "rate", "batch_size": "batch", "max_epochs": "epochs", "patience": "patience"}
"""Fields of a protocol that a parameter may replace, with what a run's name calls them."""


@dataclass(frozen=True, eq=False)
class Run:
    """One training on one corpus: what its result depends on.

    Attributes
    ----------
    corpus : Corpus [with extracted features]
    kind, model, profile : str ["audio", "visual" or "fusion"; name of the architecture; one of `config.PROFILES`]
    parameters : dict [the model's and the input's]
    protocol : Protocol
    seed : int [of weights, order and augmentation]
    joined : tuple of Run [audio and visual, whose embeddings a fusion joins]
    photographs : Path or None [the folder that training begins with, of which the parameters hold what identifies it]
    """

    corpus: Corpus
    kind: str
    model: str
    profile: str
    parameters: dict[str, Any]
    protocol: Protocol
    seed: int
    joined: tuple[Run, ...] = ()
    photographs: Path | None = None

    @property
    def architecture(self) -> Architecture:
        """The entry of the model."""
        return architecture_named(self.model, self.kind)

    @property
    def audio_input(self) -> AudioInput:
        """What an audio run's network is given."""
        return self.architecture.inputs[self.parameters["segmentation"]]

    @property
    def options(self) -> dict[str, Any]:
        """What an audio run's network is built with beside the number of classes."""
        return {name: value for name, value in self.parameters.items() if name == "width"}

    @property
    def audio_backbone(self) -> Callable[[], Any] | None:
        """What builds the frozen network before an audio run's classes; None where the whole network is trained."""
        build, is_frozen = self.architecture.build_backbone, self.parameters.get("freeze_backbone")
        return functools.partial(build, "audioset") if build and is_frozen else None

    @property
    def hardware(self) -> Hardware:
        """What it is trained with: as asked for, else, in the profile "quick", in what this processor does fastest."""
        asked = Hardware.of(self.parameters)
        gains = self.profile == "quick" and self.architecture.quick_in_bfloat16
        precision = fastest().precision if gains else "float32"
        return dataclasses.replace(asked, precision=precision) if asked.precision == "auto" else asked

    @functools.cached_property
    def name(self) -> str:
        """Name of the result's files."""
        rotation = [f"r{number}"] if (number := self.corpus.rotation) else []
        return "-".join([self.kind, self._subject, self.profile, *self._differences, *rotation, f"s{self.seed}"])

    @property
    def _subject(self) -> str:
        """What is trained, as in the name."""
        if self.kind == "audio":
            return f"{self.model}-{self.parameters['segmentation']}"
        if self.kind == "visual":
            start = {"imagenet": "", "imagenet+instruments": "-pt"}
            weights = self.parameters["initial_weights"]
            return f"{self.model}-k{self.parameters['num_frames']}{start.get(weights, f'-{weights}')}"
        form, percent = self.parameters["fusion_form"], round(100 * self.parameters["modality_dropout"])
        own = ["" if form == self.architecture.forms[0] else form, f"drop{percent}" if percent else ""]
        return "-".join(filter(None, [*(self._name_of_joined(one) for one in self.joined), *own]))

    def _name_of_joined(self, run: Run) -> str:
        profile = run.profile if run.profile != self.profile else ""
        seed = f"s{run.seed}" if run.seed != self.seed else ""
        return "-".join(filter(None, [run._subject, profile, *run._differences, seed]))

    @property
    def _differences(self) -> list[str]:
        """What differs from the profile, as in the name."""
        usual = self.architecture.protocol(self.profile, self.parameters.get("fusion_form", ""))
        changed = [
            f"{word}{getattr(self.protocol, name):g}"
            for name, word in OVERRIDES.items()
            if getattr(self.protocol, name) != getattr(usual, name)
        ]
        settings = profile_of(self.profile)
        epochs, silent = self.parameters.get("warm_up_epochs"), self.parameters.get("silent_videos")
        if epochs not in (None, usual_warm_up(self.architecture, settings)):
            changed.append(f"warm_up{epochs}")
        changed += [] if silent in (None, settings.silent_videos) else [f"{silent}_silent"]
        changed += [f"{name}{value}" for name, value in self.options.items()]
        changed += ["redrawn"] if self.parameters.get("redraw_frames") else []
        changed += [f"photographs_{key[:6]}"] if (key := self.parameters.get("photographs")) else []
        hardware = Hardware.of(self.parameters).parameters().items()
        return changed + [f"{value}_devices" if name == "num_devices" else str(value) for name, value in hardware]

    @property
    def settings(self) -> dict[str, Any]:
        """What its result says of it: what it trains, on what, and the keys of what it uses."""
        own = {name: getattr(self, name) for name in ("kind", "model", "profile", "parameters", "protocol", "seed")}
        index_sha256 = provenance.index_sha256(self.corpus.usable)
        return own | {"uses": [run.key for run in self.joined], "index_sha256": index_sha256}

    @functools.cached_property
    def key(self) -> str:
        """What identifies the run's result: the sha256 of all that it depends on but the features' contents."""
        return settings_sha256(self.settings)

    @property
    def directory(self) -> Path:
        """The folder of its checkpoints."""
        return paths.runs_dir(self.corpus.name) / f"{self.name}-{self.key[:8]}"

    @property
    def weights(self) -> Path:
        """The file of the best epoch's model."""
        return self.directory / "best.keras"

    @property
    def result_path(self) -> Path:
        """The file of its result."""
        return paths.working_results_dir(self.corpus.name) / f"{self.name}.json"

    @functools.cached_property
    def features_key(self) -> str:
        """What tells the features that it is trained on from others; see `store.key_of_all`."""
        return store.key_of_all(self.corpus.directory / "features", self.corpus.usable["video_id"].tolist())

    @property
    def identity(self) -> list[str]:
        """What tells its weights from those of the same settings, which another processor trains a little otherwise."""
        path = predictions_path(self.result_path, "test")
        return [self.key, files.sha256_of_file(path) if path.exists() else ""]

    @property
    def trained_on(self) -> dict[str, Any]:
        """What it learns from, as its folder notes it: the features, and the trainings that a fusion joins."""
        return {"features": self.features_key, "joined": [run.identity for run in self.joined]}

    def is_of_these(self) -> bool:
        """Tell whether its folder holds what was trained on features and joined runs as they are now."""
        try:
            noted = read_json(self.directory / "run.json")
        except RunError:  # missing or damaged
            return False
        now = self.trained_on
        joined = noted.get("joined", now["joined"])  # which earlier versions did not note
        return noted.get("features") == now["features"] and joined == now["joined"]

    def is_done(self) -> bool:
        """Tell whether its result and predictions are there, of all this as it is now, and its weights."""
        try:
            result = read_json(self.result_path)
            for split in EVALUATED:
                if split != "test_clean" or "metrics_test_clean" in result:
                    read_predictions(self.result_path, split)
        except RunError:  # missing or damaged
            return False
        return result.get("run_sha256") == self.key and self.is_of_these() and files.is_whole_archive(self.weights)

    def check_done(self) -> Run:
        """Return the run itself if it is done; raise a RunError that says why it is not."""
        if not self.result_path.exists():
            raise RunError(f"{self.result_path}: no such result; train this model first")
        read_result(self.result_path)
        if not self.is_done():
            raise RunError(
                f"{self.result_path}: made from another index or other features, or without its weights or "
                "predictions; train it again"
            )
        return self


def usual_settings(model: str, parameters: Mapping[str, Any], profile: str) -> dict[str, Any]:
    """Return parameters and protocol, as one mapping, as a profile would have them, what no profile sets as given."""
    entry, settings = architecture_named(model), profile_of(profile)
    usual = asdict(settings) | {"warm_up_epochs": usual_warm_up(entry, settings)}
    usual |= {"redraw_frames": False, "photographs": "", "width": entry.width}
    changed = {name: value for name, value in usual.items() if name in parameters}
    return {**parameters, **changed, **asdict(entry.protocol(profile, parameters.get("fusion_form", "")))}


def settings_sha256(settings: Mapping[str, Any]) -> str:
    """Return what identifies a run's result, from the fields of it that say what was trained, on what and of what."""
    content = {name: settings[name] for name in ("kind", "model", "protocol", "seed", "uses")}
    content |= {"parameters": in_first_words(settings["kind"], settings["parameters"])}
    content |= {"index": settings["index_sha256"], "features": store.SETTINGS_SHA256}
    content |= {"training": config.TRAINING_VERSION}
    if settings["kind"] == "audio":
        inputs = architecture_named(settings["model"], "audio").inputs
        content["input"] = store.input_sha256(inputs[settings["parameters"]["segmentation"]])
    return files.sha256_of(content)


def profile_of(name: str) -> Profile:
    """Return a profile by name, or raise a ParameterError where there is none."""
    return PROFILES[one_of("profile", name, PROFILES)]


def usual_warm_up(entry: Architecture, profile: Profile) -> int:
    """Return for how many epochs a profile warms an audio network up."""
    return profile.warm_up_epochs if entry.warm_up else 0


def one_of(name: str, value: str, allowed: Collection[str]) -> str:
    """Return a value that is allowed, or raise a ParameterError that says which ones are."""
    if value not in allowed:
        raise ParameterError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}")
    return value
