"""The embedded corpus: short videos of the 13 categories, drawn and rendered on the spot.

Everything in it is synthetic: the pictures are drawings, the sound is MIDI through a General MIDI soundfont. It is
made to be treated like a stranger's upload: encoded, degraded, then decoded again by the same code as any other
video. Same settings, same bytes (on the same platform).
"""

from __future__ import annotations

import functools
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from instrec_corpora import staging
from instrec_corpora.staging import Clip
from instrec_utils import cluster
from instrec_utils.config import LABELS, SPLIT_SEED, SPLIT_SHARES, SPLITS, Conditions
from instrec_utils.corpora.corpus import Corpus
from instrec_utils.corpora.source import BuildOptions, ContactSheet, Source
from instrec_utils.errors import ParameterError

DRAWN_PER_CLASS = 40  # pictures to begin training with
RECIPE = 3  # raise it when drawing, phrases or acoustics change what a clip looks or sounds like


@dataclass(frozen=True)
class DemoSettings:
    """What the corpus depends on.

    Attributes
    ----------
    clips_per_class : int [clips, >= 3]
        One a split at least.
    min_seconds, max_seconds : float [seconds, whole numbers >= 1]
        Of a clip, which lasts a whole number of seconds as well. Shorter ones leave much of the central crop
        (CC), 29 s, silent: of clips of 15 to 20 s Choi's network learned nothing with it.
    seed : int
        Of everything.
    frame_rate : float [frames per second]
    conditions : Conditions
        Declared shares.
    """

    clips_per_class: int = 17
    min_seconds: float = 20.0
    max_seconds: float = 30.0
    seed: int = SPLIT_SEED
    frame_rate: float = 10.0
    conditions: Conditions = field(default_factory=Conditions)


def plan_demo(settings: DemoSettings) -> list[Clip]:
    """Return what is to be rendered: label, split, duration and conditions of every clip.

    Parameters
    ----------
    settings : DemoSettings

    Returns
    -------
    list of Clip [length=clips_per_class * 13]

    Raises
    ------
    ParameterError
        A class has fewer clips than there are splits, or the durations are not in order or no whole numbers.
    """
    if settings.clips_per_class < len(SPLITS):
        raise ParameterError(
            f"clips_per_class: expected at least {len(SPLITS)}, one a split, got {settings.clips_per_class}"
        )
    shortest, longest = settings.min_seconds, settings.max_seconds
    if not 1 <= shortest <= longest or shortest % 1 or longest % 1:
        raise ParameterError(
            f"min_seconds, max_seconds: expected whole numbers, 1 or more, in order, got {(shortest, longest)}"
        )
    generator = np.random.default_rng(settings.seed)
    # The paper's 15 %, rounded up: a class needs test clips more than one more training clip.
    held_out = math.ceil(SPLIT_SHARES[-1] * settings.clips_per_class)
    counts = (settings.clips_per_class - 2 * held_out, held_out, held_out)
    clips = []
    for split, count in zip(SPLITS, counts, strict=True):
        # Conditions are drawn over all classes together: a class of three test clips cannot have every share.
        drawn = staging.draw_conditions(count * len(LABELS), settings.conditions, generator)
        for number, (picture, sound) in enumerate(drawn):
            label = LABELS[number % len(LABELS)]
            video_id = f"demo-{label}-{split}-{number // len(LABELS):03d}"
            others = [other for other in LABELS if other != label]
            is_accompanied = "accompanied" in (picture, sound)
            clips.append(
                Clip(
                    video_id=video_id,
                    label=label,
                    split=split,
                    path=f"videos/{label}/{video_id}.mp4",
                    duration=float(generator.integers(int(shortest), int(longest) + 1)),
                    picture=picture,
                    sound=sound,
                    picture_source="none" if picture == "absent" else "drawn",
                    sound_source="none" if sound == "silent" else "rendered",
                    sources="" if sound == "silent" else "timgm6mb",
                    companion=str(generator.choice(others)) if is_accompanied else "",
                )
            )
    return clips


def render_clip(clip: Clip, corpus_dir: Path, settings: DemoSettings) -> None:
    """Draw, play and write one clip; see `staging.write_clip`.

    Parameters
    ----------
    clip : Clip
    corpus_dir : Path
        The corpus' folder.
    settings : DemoSettings
    """
    from instrec_corpora import acoustics, phrases
    from instrec_corpora.drawing import Scene

    generator = np.random.default_rng([settings.seed, *clip.video_id.encode()])
    companion = clip.companion or None
    scene = Scene(
        clip.label,
        clip.duration,
        generator,
        condition=clip.picture,
        companion=companion if clip.picture == "accompanied" else None,
    )

    def play(label: str) -> np.ndarray:
        midi = phrases.compose_phrase(label, clip.duration, generator)
        if clip.sound == "silent":  # nobody hears it
            return np.zeros(round(clip.duration * staging.SAMPLE_RATE), np.float32)
        return phrases.render_midi(midi, clip.duration)

    sound = acoustics.record(
        play(clip.label),
        generator,
        condition=clip.sound,
        companion=play(companion) if companion and clip.sound == "accompanied" else None,
    )
    staging.write_clip(corpus_dir / clip.path, scene.frame, clip.duration, sound, frame_rate=settings.frame_rate)


def build_demo(corpus_dir: Path, settings: DemoSettings, num_workers: int = 0) -> pd.DataFrame:
    """Render whatever is missing and return the index.

    Parameters
    ----------
    corpus_dir : Path
        The corpus' folder.
    settings : DemoSettings
    num_workers : int [processes, >= 0]
        0 for one a core.

    Returns
    -------
    pd.DataFrame
        One row a clip, the columns of `staging.Clip`.
    """
    staging.render_all(
        plan_demo(settings),
        functools.partial(render_clip, corpus_dir=corpus_dir, settings=settings),
        corpus_dir,
        num_workers or cluster.num_cores(),
        configuration=asdict(settings) | {"recipe": RECIPE},
    )
    return staging.read_index(corpus_dir)


def _build_source(options: BuildOptions) -> Path:
    clips_per_class = options.clips_per_class or DemoSettings.clips_per_class
    build_demo(options.corpus_dir, DemoSettings(clips_per_class=clips_per_class, seed=options.seed))
    return options.corpus_dir


def _photographs(corpus: Corpus) -> list[tuple[str, np.ndarray]]:
    """Return drawings made for this, each at a moment with the instrument in sight."""
    from instrec_corpora.drawing import Scene

    found = []
    for number, label in enumerate(corpus.labels):
        for drawing in range(DRAWN_PER_CLASS):
            scene = Scene(label, 4.0, np.random.default_rng([0, number, drawing]))
            visible = [time for time in np.arange(0.5, 4, 0.5) if scene.visible(time)]
            found.append((label, scene.frame(visible[len(visible) // 2] if visible else 2.0)))
    return found


def _contact_sheet() -> ContactSheet:
    from instrec_corpora.drawing import contact_sheet

    return ContactSheet(
        contact_sheet(np.random.default_rng(5)),
        "Two drawings a class, as the demo corpus animates them. Body, colour, angle and lighting are drawn at random.",
        f"Contact sheet of {2 * len(LABELS)} drawn instruments: two each of {', '.join(LABELS[:-1])} and {LABELS[-1]}.",
    )


SOURCE = Source(
    name="demo",
    title="Demo corpus",
    summary="Synthetic.",
    nature="This page was made from the embedded demo corpus: drawings and rendered MIDI, no real video. Its numbers "
    "show that the method works end to end; they say nothing about videos that people upload.",
    licence="The clips are made here and under CC BY 4.0.",
    citation="Cite this report and its commit.",
    build=_build_source,
    photographs=_photographs,
    contact_sheet=_contact_sheet,
    may_release_features=True,
)
