"""The open corpus: real photographs and recordings, staged as slide-show videos.

Eleven of the 13 labels (no cello, no organ), as far as `open_sources` has photographs. Source files are divided
among seven parts first and staged afterwards, as `open_plan` says.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
import pandas as pd

from instrec_corpora import acoustics, open_sources, phrases, slides, staging, takes
from instrec_corpora.open_plan import NUM_PARTS, SOUNDFONTS, OpenSettings, plan_open
from instrec_corpora.staging import Clip
from instrec_utils import paths
from instrec_utils.corpora.corpus import Corpus
from instrec_utils.corpora.source import BuildOptions, Source
from instrec_utils.errors import CorpusError

FRAME_RATES = (6.0, 8.0, 10.0)  # frames per second

RECIPE = 3  # raise it when the same plan gives other videos


def source_dir() -> Path:
    """Return the folder of the photographs and recordings, downloading them where needed.

    It is ``INSTREC_OPEN_CORPUS`` if that is set, and ``open/sources`` in the data folder otherwise.

    Raises
    ------
    CorpusError
        ``INSTREC_OPEN_CORPUS`` is not a folder.
    DownloadError
        The files cannot be had from their public sources.
    """
    if local := os.environ.get("INSTREC_OPEN_CORPUS"):
        if not Path(local).is_dir():
            raise CorpusError(f"INSTREC_OPEN_CORPUS must be a folder with photos/ and recordings/, got {local}")
        return Path(local).resolve()
    folder = paths.data_dir() / "open" / "sources"
    open_sources.download_sources(folder, open_sources.read_registry())
    return folder


def build_open(corpus_dir: Path, settings: OpenSettings, num_workers: int = 0) -> pd.DataFrame:
    """Stage whatever is missing and return the index.

    Parameters
    ----------
    corpus_dir : Path
        The corpus' folder.
    settings : OpenSettings
    num_workers : int [processes, >= 0]
        0 for one a core.

    Returns
    -------
    pd.DataFrame
        One row a clip, the columns of `open_plan.OpenClip`.

    Raises
    ------
    CorpusError
        A source file is missing or changed, a part lacks photographs or recordings of a label, or a soundfont is
        not installed.
    DownloadError
        The sources cannot be downloaded.
    ParameterError
        A setting is out of range.
    """
    folder = source_dir()
    registry = open_sources.verify_sources(folder, open_sources.read_registry())
    registry = registry[~registry.path.str.contains("_synthetic_")].copy()  # NSynth's synthesizers are no instruments
    registry["group"] = open_sources.group_sources(folder, registry)
    registry["part"] = open_sources.draw_parts(registry, NUM_PARTS, np.random.default_rng([settings.seed, 0]))
    clips = plan_open(registry, settings)
    for soundfont in {source for clip in clips for source in clip.sources.split(";") if ":" in source}:
        phrases.soundfont_path(soundfont.removeprefix("soundfont:"))  # missing ones are told before the rendering
    staging.render_all(
        clips,
        partial(render_clip, folder=folder, corpus_dir=corpus_dir, seed=settings.seed),
        corpus_dir,
        num_workers,
        configuration={"recipe": RECIPE, "seed": settings.seed},
    )
    return staging.read_index(corpus_dir)


def render_clip(clip: Clip, *, folder: Path, corpus_dir: Path, seed: int) -> None:
    """Write the video of a clip; it depends on the clip, the seed and the source files alone.

    Parameters
    ----------
    clip : Clip
    folder : Path
        Of the source files.
    corpus_dir : Path
        Folder that the clip's path is relative to.
    seed : int
        Of the corpus. A clip and its variants draw the same tune and the same slides.
    """
    name = crc32(clip.video_id.removesuffix("-clean").removesuffix("-test").encode())
    pace, tune, other_tune, room, show = (np.random.default_rng([seed, name, purpose]) for purpose in range(5))
    frame_rate = float(pace.choice(FRAME_RATES))
    frame_at = slides.slide_show(
        _photographs(clip, clip.label, folder),
        clip.picture,
        clip.duration,
        frame_rate,
        show,
        companions=_photographs(clip, clip.companion, folder),
    )
    if clip.sound == "silent":
        dry = np.zeros(round(clip.duration * staging.SAMPLE_RATE), np.float32)
    else:
        dry = _playing(clip, clip.label, folder, tune)
    companion = _playing(clip, clip.companion, folder, other_tune) if clip.sound == "accompanied" else None
    sound = acoustics.record(dry, room, condition=clip.sound, companion=companion)
    staging.write_clip(corpus_dir / clip.path, frame_at, clip.duration, sound, frame_rate=frame_rate)


def _sources(clip: Clip, kind: str, label: str) -> list[str]:
    return [source for source in clip.sources.split(";") if source.startswith(f"{kind}/{label}/")]


def _photographs(clip: Clip, label: str, folder: Path) -> list[np.ndarray]:
    pictures = [open_sources.read_photograph(folder / path) for path in _sources(clip, "photos", label)]
    return [cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) for picture in pictures]


def _playing(clip: Clip, label: str, folder: Path, generator: np.random.Generator) -> np.ndarray:
    """Return the dry sound of an instrument: its recorded notes, or a soundfont where it has none."""
    notes = [takes.load_note(folder / path) for path in _sources(clip, "recordings", label)]
    if notes:
        lowest, highest = zip(*(voice.pitches for voice in phrases.VOICES[label]), strict=True)
        pitches = (min(lowest), max(highest))
        return takes.play_notes(notes, clip.duration, generator, pitches=pitches, has_chords=label in takes.CHORDAL)
    soundfont = next(source for source in clip.sources.split(";") if source.startswith("soundfont:"))
    midi = phrases.compose_phrase(label, clip.duration, generator)
    return phrases.render_midi(midi, clip.duration, soundfont=soundfont.removeprefix("soundfont:"))


def _build_source(options: BuildOptions) -> Path:
    clips_per_class = options.clips_per_class or OpenSettings.clips_per_class
    build_open(options.corpus_dir, OpenSettings(clips_per_class=clips_per_class, seed=options.seed))
    return options.corpus_dir


def _training_photographs(corpus: Corpus) -> list[tuple[str, np.ndarray]]:
    """Return the photographs that the training clips show, as they are before staging."""
    sources = corpus.split("train")["sources"].str.split(";").explode().drop_duplicates()
    return _read_photographs(source for source in sources if source.startswith("photos/"))


def _lent_photographs(labels: list[str]) -> list[tuple[str, np.ndarray]]:
    """Return all photographs of some classes: no other corpus has a clip that shows one."""
    registry = open_sources.read_registry()
    return _read_photographs(registry.path[(registry.kind == "photos") & registry.label.isin(labels)])


def _read_photographs(names: Iterable[str]) -> list[tuple[str, np.ndarray]]:
    folder = source_dir()
    return [(name.split("/")[1], open_sources.read_photograph(folder / name)[:, :, ::-1]) for name in sorted(names)]


def _is_playable(index: pd.DataFrame) -> pd.Series:
    """Return which clips do not sound through the soundfont whose licence is for personal use only."""
    return ~index["sources"].str.contains(SOUNDFONTS["test"])


SOURCE = Source(
    name="open",
    title="Open corpus",
    summary="Real pictures, mostly real sound, staged videos.",
    nature="This page comes from the open corpus: real photographs and recordings put together as slide-show videos "
    "and degraded in declared shares. Where a class has no real recording its sound is rendered, which the tables say.",
    licence="Its photographs and recordings belong to others and are not passed on: the Philharmonia Orchestra's sound "
    "samples under CC BY-SA 3.0, NSynth under CC BY 4.0, Kaggle's photographs without a stated licence.",
    citation="Cite this report and its commit; for the recordings NSynth (Engel et al., 2017) and the Philharmonia "
    "Orchestra's sound samples.",
    build=_build_source,
    photographs=_training_photographs,
    lend_photographs=_lent_photographs,
    is_playable=_is_playable,
)
