"""What the report knows of an architecture: one entry in the file that builds it, and nothing of it anywhere else.

Entries are found through the entry points ``instrec.architectures``, so another package can bring its own. Only an
architecture's functions import Keras, when they are called.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np

from instrec_utils.config import LogMel, Protocol
from instrec_utils.errors import ParameterError
from instrec_utils.inputs import augmentation

GROUP = "instrec.architectures"
KINDS = ("audio", "visual", "fusion")


@dataclass(frozen=True)
class AudioInput:
    """What an audio network is given of a video: a spectrogram, or several windows, each an example of its own.

    Attributes
    ----------
    name : str [of the spectrogram in the features store]
    settings : LogMel
    shape : tuple of int [(n_mels, num_frames), or (num_windows, n_mels, num_frames), as stored of a video]
    compute : callable [a whole recording's mono samples, shape=(num_samples,), float32, to shape=`shape`, dB]
    stretches : callable [a recording's seconds to the stretches (begin, end), in seconds, that `compute` looks at]
    draw : callable [the stored spectrogram, a generator and whether to augment to one example of training]
    segment : callable [the stored spectrogram and 0 to 9 to one of ten short parts, which the warm-up learns from]
    draw_segment : callable [the stored spectrogram and a generator to such a part from a random place]
    num_training_examples : int [>= 1, drawn of a video in an epoch]
    levels : callable [a spectrogram to one with bands as loud as `spectrograms.log_mel` has them, to tell silence]
    """

    name: str
    settings: LogMel
    shape: tuple[int, ...]
    compute: Callable[[np.ndarray], np.ndarray]
    stretches: Callable[[float], list[tuple[float, float]]]
    draw: Callable[[np.ndarray, np.random.Generator, bool], np.ndarray]
    segment: Callable[[np.ndarray, int], np.ndarray]
    draw_segment: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    num_training_examples: int = 1
    levels: Callable[[np.ndarray], np.ndarray] = lambda spectrogram: spectrogram

    @property
    def num_examples(self) -> int:
        """Examples of a video whose scores are averaged: its windows, or the one spectrogram."""
        return self.shape[0] if len(self.shape) == 3 else 1

    def examples(self, spectrogram: np.ndarray) -> np.ndarray:
        """Return a stored spectrogram as examples [shape=(num_examples, n_mels, num_frames)]."""
        return spectrogram if len(self.shape) == 3 else spectrogram[None]

    def is_silent(self, spectrogram: np.ndarray) -> bool:
        """Tell whether there is no sound worth hearing in a stored spectrogram."""
        return augmentation.is_silent(self.levels(spectrogram))


@dataclass(frozen=True)
class WarmUp:
    """A cheap start for an audio network, on single segments or windows.

    Attributes
    ----------
    build : callable [the number of classes, and the network's options, to the form of it that segments train]
    start : callable [gives a network, the first, what the trained form, the second, has learned]
    blocks : str [layer up to which the warm-up has trained the network; empty where it trains all of it]
    block_features : int [values that `blocks` gives at each position in time]
    head : tuple of str [the layers after `blocks`, which are then trained on what these give]
    """

    build: Callable[[int], Any]
    start: Callable[[Any, Any], None]
    blocks: str = ""
    block_features: int = 0
    head: tuple[str, ...] = ()


@dataclass(frozen=True)
class Architecture:
    """A network of the report.

    Attributes
    ----------
    name, title : str [as in parameters and names of runs, and as readers know it]
    kind, reference : str [one of `KINDS`; key in the book's list of references]
    build : callable
        From the number of classes, and options of its own, to a new ``keras.Model``. Its layer ``embedding`` gives the
        values before the classes.
    protocols : mapping of str to Protocol [by profile]
    inputs : mapping of str to AudioInput [of an audio network, by segmentation, its own first]
    warm_up : WarmUp or None
    build_backbone : callable or None
        Of a network with pretrained weights: "imagenet", or "audioset" of an audio network, or None for random weights,
        to all but the classes.
    embedding_size : int [values that such a backbone gives]
    forms : tuple of str [of a fusion, the paper's first]
    quick_in_bfloat16 : bool [the profile "quick" trains it in bfloat16 where the processor is made for that]
    width : int [of an audio network whose `build` has this option: what it is where nothing is said; else 0]
    form_protocols : mapping of str to Protocol [of forms that are not trained by the profile's]
    """

    name: str
    title: str
    kind: str
    reference: str
    build: Callable[..., Any]
    protocols: Mapping[str, Protocol]
    inputs: Mapping[str, AudioInput] = field(default_factory=dict)
    warm_up: WarmUp | None = None
    build_backbone: Callable[[str | None], Any] | None = None
    embedding_size: int = 0
    forms: tuple[str, ...] = ()
    quick_in_bfloat16: bool = False
    width: int = 0
    form_protocols: Mapping[str, Protocol] = field(default_factory=dict)

    def protocol(self, profile: str, form: str = "") -> Protocol:
        """Return how a profile trains the network, of a fusion in one of its forms."""
        return self.form_protocols.get(form, self.protocols[profile])

    def title_with(self, segmentation: str) -> str:
        """Return the title with a segmentation, where the network has a choice of them."""
        return f"{self.title}, {segmentation.upper()}" if len(self.inputs) > 1 else self.title


@functools.cache
def _entry_points() -> dict[str, metadata.EntryPoint]:
    return {entry.name: entry for entry in metadata.entry_points(group=GROUP)}


def architectures(kind: str = "") -> dict[str, Architecture]:
    """Return the architectures by name, those of one kind or all, audio before visual before fusion."""
    every = [architecture_named(name) for name in _entry_points()]
    chosen = [one for one in every if kind in ("", one.kind)]
    return {one.name: one for one in sorted(chosen, key=lambda one: KINDS.index(one.kind))}


def is_installed(name: str) -> bool:
    """Tell whether a package that is installed has an architecture of this name."""
    return name in _entry_points()


def architecture_named(name: str, kind: str = "") -> Architecture:
    """Return an architecture by name, of one kind or any; raise a ParameterError where there is none."""
    if is_installed(name):
        entry = _loaded(_entry_points()[name])
        if kind in ("", entry.kind):
            return entry
    allowed = ", ".join(one for one in _entry_points() if kind in ("", architecture_named(one).kind))
    raise ParameterError(f"{kind or 'model'}: expected one of {allowed}, got {name!r}")


@functools.cache
def _loaded(entry_point: metadata.EntryPoint) -> Architecture:
    try:
        entry = entry_point.load()
    except (ImportError, AttributeError) as error:
        raise ParameterError(f"{entry_point.value}: this architecture cannot be loaded ({error})") from error
    if not isinstance(entry, Architecture) or entry.name != entry_point.name or entry.kind not in KINDS:
        raise ParameterError(
            f"{entry_point.value}: expected an Architecture named {entry_point.name} of a kind of {', '.join(KINDS)}, "
            f"got {entry!r}"
        )
    return entry


def audio_inputs() -> dict[str, AudioInput]:
    """Return what all audio networks together are given of a video, by the name in the features store.

    Two architectures that give one name to inputs of other settings are a ParameterError.
    """
    found: dict[str, AudioInput] = {}
    for entry in architectures("audio").values():
        for one in entry.inputs.values():
            known = found.setdefault(one.name, one)
            if (known.settings, known.shape) != (one.settings, one.shape):
                raise ParameterError(
                    f"{entry.name}: expected an input with a name of its own, got {one.name!r}, which another "
                    "architecture's input of other settings has"
                )
    return found
