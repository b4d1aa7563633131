"""Recognitions as text and as JSON, and where the videos that somebody names are.

The JSON is one object, whose form stays the same as long as its "format" is 1::

    format           1
    videos           one object each, in the order in which they were named:
      video            as it was named, or found in a folder that was named
      seconds          its length
      audio_network, visual_network
                       what judged its sound and its pictures; null where nothing did
      notes            sentences that say why not
      instruments      the most likely ones, the first first: label, score (0 to 1), audio, visual (the same, of one
                       modality; null without it)
      none_of_these    score, audio and visual of that none of the 13 instruments is there
      timeline         step_seconds; labels, 14 of them, the last "none"; audio, visual, both: for each step a score for
                       each label, or null; present: for each step the instruments that pass their thresholds
    errors           one object each: video, reason
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from instrec_utils import files
from instrec_utils.config import LABELS
from instrec_utils.errors import InstrecError, MediaError
from instrec_utils.media import containers
from instrec_utils.recognise.heads import NONE, OUTCOMES
from instrec_utils.recognise.recogniser import STEP, Recognition

FORMAT = 1


def is_address(name: str) -> bool:
    """Tell whether a name is that of something on the web."""
    return name.lower().startswith(("http://", "https://"))


def short(name: str) -> str:
    """Return what a video is called where there is little room: its file's name without the folder, or its address."""
    return name if is_address(name) else Path(name).name


def named_videos(names: Sequence[str]) -> Iterator[tuple[str, InstrecError | None]]:
    """Yield the videos that names stand for: files and addresses as they are, and what folders hold.

    A folder that holds none comes with an error. What is a video or a recording in a folder, its ending says; hidden
    files and folders are left out.
    """
    for name in names:
        if not name:
            yield name, MediaError("expected the name of a video, as in VIDEO=concert.mp4, got an empty one")
        elif is_address(name) or not os.path.isdir(name):  # pathlib raises what the system says of an impossible name
            yield name, None
        else:
            yield from _videos_in(name)


def _videos_in(folder: str) -> Iterator[tuple[str, InstrecError | None]]:
    unreadable: list[OSError] = []
    inside: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=unreadable.append):
        folders[:] = [one for one in folders if one[0] != "."]
        found = (Path(parent, one) for one in names if one[0] != ".")
        inside += [path for path in found if path.suffix.lower() in containers.ENDINGS]
    inside.sort()
    yield from ((str(path), None) for path in inside)
    for error in unreadable:
        name = str(error.filename)
        yield name, MediaError(f"{name}: cannot be read: {error.strerror}")
    if not inside and not unreadable:
        yield folder, MediaError(f"{folder}: expected videos in this folder, found none")


def as_text(name: str, recognition: Recognition, top: int) -> str:
    """Return an answer for people, in some lines."""
    minutes = divmod(round(recognition.seconds), 60)
    lines = [f"{files.escaped(name)} ({minutes[0]}:{minutes[1]:02d})"]
    for label in in_order(recognition, top):
        score, each = scores_of(recognition, label)
        lines.append(f"  {title(label):14} {score:4.0%}   ({each})")
    lines += [f"  {modality}: {judge.title}" for modality, judge in recognition.judges.items()]
    return "\n".join(lines + [f"  {note}" for note in recognition.notes])


def in_order(recognition: Recognition, top: int) -> list[str]:
    """Return the most likely instruments and "none", which is the first where it is likelier than each of them."""
    ranked, both = recognition.ranked()[:top], recognition.overall()["both"]
    return [NONE, *ranked] if both[-1] > both[:-1].max() else [*ranked, NONE]


def scores_of(recognition: Recognition, label: str) -> tuple[float, str]:
    """Return how likely an outcome is in the whole video, and in words how likely by each modality."""
    scores = {modality: both[OUTCOMES.index(label)] for modality, both in recognition.overall().items()}
    return scores["both"], ", ".join(f"{modality} {scores[modality]:.0%}" for modality in recognition.judges)


def title(label: str) -> str:
    """Return an outcome in words."""
    return "none of these" if label == NONE else label


def as_plain_data(name: str, recognition: Recognition, top: int) -> dict[str, Any]:
    """Return an answer as the object of the module's docstring."""
    overall, timeline, judges = recognition.overall(), recognition.timeline(), recognition.judges

    def scores(label: str) -> dict[str, float | None]:
        number = OUTCOMES.index(label)
        each = {name: round(float(overall[name][number]), 4) if name in overall else None for name in timeline_names}
        return {"score": each.pop("both"), **each}

    timeline_names = ("audio", "visual", "both")
    present = [[LABELS[number] for number in np.flatnonzero(step)] for step in recognition.is_there()["both"]]
    return {
        "video": files.escaped(name),
        "seconds": round(recognition.seconds, 3),
        **{
            f"{modality}_network": judges[modality].title if modality in judges else None
            for modality in timeline_names[:2]
        },
        "notes": list(recognition.notes),
        "instruments": [{"label": label, **scores(label)} for label in recognition.ranked()[:top]],
        "none_of_these": scores(NONE),
        "timeline": {
            "step_seconds": STEP,
            "labels": list(OUTCOMES),
            **{modality: _rows(timeline.get(modality)) for modality in timeline_names},
            "present": present,
        },
    }


def _rows(steps: np.ndarray | None) -> list[list[float] | None] | None:
    if steps is None:
        return None
    return [None if np.isnan(step[0]) else [round(float(one), 4) for one in step] for step in steps]
