"""The open corpus: real photographs and recordings, staged as slide-show videos.

Eleven of the 13 labels (no cello, no organ), as far as `open_sources` has photographs. Source files are divided
among the splits first and staged afterwards. Labels without a recording sound through a General MIDI soundfont, in
the test split through another one than in training and validation; the index says so for each clip.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
import pandas as pd

from instrec_corpora import acoustics, open_sources, phrases, slides, staging, takes
from instrec_corpora.staging import Clip
from instrec_utils import config, paths
from instrec_utils.corpora.corpus import Corpus
from instrec_utils.corpora.source import BuildOptions, Source
from instrec_utils.errors import CorpusError, ParameterError

SOUNDFONTS = {"train": "timgm6mb", "validation": "timgm6mb", "test": "merlin"}
NUM_PHOTOGRAPHS = (3, 10)  # of one clip
NUM_NOTES = 18  # recordings of one clip, at most
FRAME_RATES = (6.0, 8.0, 10.0)  # frames per second
DURATIONS = ((0.86, 20, 45), (0.11, 45, 90), (0.03, 90, 150))  # share of clips, shortest and longest in seconds

RECIPE = 3  # raise it when the same plan gives other videos


@dataclass(frozen=True)
class OpenSettings:
    """What the corpus depends on.

    Attributes
    ----------
    clips_per_class : int [clips, >= 3]
        Over the three splits.
    seed : int
        Of everything that is drawn.
    conditions : Conditions
        Declared shares, kept within each split.
    """

    clips_per_class: int = 44
    seed: int = config.SPLIT_SEED
    conditions: config.Conditions = field(default_factory=config.Conditions)


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
        One row a clip, the columns of `staging.Clip`.

    Raises
    ------
    CorpusError
        A source file is missing or changed, a split lacks photographs or recordings of a label, or a soundfont is
        not installed.
    DownloadError
        The sources cannot be downloaded.
    ParameterError
        A setting is out of range.
    """
    folder = source_dir()
    registry = open_sources.verify_sources(folder, open_sources.read_registry())
    registry = registry[~registry.path.str.contains("_synthetic_")].copy()  # NSynth's synthesizers are no instruments
    registry["split"] = open_sources.draw_splits(folder, registry, np.random.default_rng([settings.seed, 0]))
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


def plan_open(registry: pd.DataFrame, settings: OpenSettings) -> list[Clip]:
    """Decide what each clip shows and plays; a clip uses sources of its own split only.

    Parameters
    ----------
    registry : pd.DataFrame
        Source files with the columns path, label, kind and split.
    settings : OpenSettings

    Returns
    -------
    list of Clip
        By split and label; after each test clip its undegraded variant, in the split "test_clean".

    Raises
    ------
    CorpusError
        A split lacks photographs of a label, or recordings of a label that has some elsewhere.
    ParameterError
        Too few clips a label for three splits.
    """
    if settings.clips_per_class < 3:
        raise ParameterError(f"clips_per_class must be at least 3, one a split, got {settings.clips_per_class}")
    generator = np.random.default_rng([settings.seed, 1])
    labels = sorted(registry.label[registry.kind == "photos"].unique())
    heldout = [max(1, round(share * settings.clips_per_class)) for share in config.SPLIT_SHARES[1:]]
    counts = dict(zip(config.SPLITS, (settings.clips_per_class - sum(heldout), *heldout), strict=True))
    shelf = _Shelf(registry, generator)
    clips: list[Clip] = []
    numbers: Counter[str] = Counter()
    for split, count in counts.items():
        # Dealt in their sorted order, the conditions are spread evenly over the labels.
        conditions = sorted(staging.draw_conditions(count * len(labels), settings.conditions, generator))
        for place, label in enumerate(generator.permutation(labels)):
            for picture, sound in generator.permutation(conditions[place :: len(labels)]).tolist():
                video_id = f"open-{label}-{numbers[label]:04d}"
                numbers[label] += 1
                clips += _plan_clip(video_id, str(label), split, picture, sound, shelf, labels, generator)
    return clips


def _plan_clip(
    video_id: str,
    label: str,
    split: str,
    picture: str,
    sound: str,
    shelf: _Shelf,
    labels: Sequence[str],
    generator: np.random.Generator,
) -> list[Clip]:
    companion = ""
    if "accompanied" in (picture, sound):
        companion = str(generator.choice([other for other in labels if other != label]))
    has_variant = split == "test"
    photographs = shelf.photographs(split, label) if picture != "absent" or has_variant else []
    recordings = shelf.recordings(split, label) if sound != "silent" or has_variant else []
    used = [*(photographs if picture != "absent" else []), *(recordings if sound != "silent" else [])]
    if picture == "accompanied":
        used += shelf.photographs(split, companion)
    if sound == "accompanied":
        used += shelf.recordings(split, companion)
    sound_source = "real" if shelf.has_recordings(label) else "rendered"
    clip = Clip(
        video_id=video_id,
        label=label,
        split=split,
        path=f"videos/{label}/{video_id}.mp4",
        duration=_draw_duration(generator),
        picture=picture,
        sound=sound,
        picture_source="none" if picture == "absent" else "real",
        sound_source="none" if sound == "silent" else sound_source,
        sources=";".join(dict.fromkeys(used)),
        companion=companion,
    )
    if not has_variant:
        return [clip]
    clean = replace(
        clip,
        video_id=f"{video_id}-clean",
        split="test_clean",
        path=f"videos/{label}/{video_id}-clean.mp4",
        picture="clear",
        sound="clear",
        picture_source="real",
        sound_source=sound_source,
        sources=";".join([*photographs, *recordings]),
        companion="",
    )
    return [clip, clean]


def _draw_duration(generator: np.random.Generator) -> float:
    shares, shortest, longest = zip(*DURATIONS, strict=True)
    kind = generator.choice(len(DURATIONS), p=shares)
    return round(2 * generator.uniform(shortest[kind], longest[kind])) / 2  # whole frames at every frame rate


class _Shelf:
    """The source files of each split, handed out so that all of them are used about equally often."""

    def __init__(self, registry: pd.DataFrame, generator: np.random.Generator):
        self._files = {key: list(rows.path) for key, rows in registry.groupby(["kind", "split", "label"], sort=True)}
        self._labels_with_recordings = set(registry.label[registry.kind == "recordings"])
        self._generator = generator
        self._uses: Counter[str] = Counter()

    def has_recordings(self, label: str) -> bool:
        return label in self._labels_with_recordings

    def photographs(self, split: str, label: str) -> list[str]:
        lowest, highest = NUM_PHOTOGRAPHS
        number = int(self._generator.integers(lowest, highest + 1))
        return self._take(self._all("photos", split, label), number)

    def recordings(self, split: str, label: str) -> list[str]:
        """Hand out recordings of one instrument, or the name of the soundfont where there are none."""
        if not self.has_recordings(label):
            return [f"soundfont:{SOUNDFONTS[split]}"]
        instruments: dict[str, list[str]] = {}
        for path in self._all("recordings", split, label):
            instruments.setdefault(takes.parse_name(path).instrument, []).append(path)
        least_used = min(instruments.values(), key=lambda paths: np.mean([self._uses[path] for path in paths]))
        return self._take(least_used, NUM_NOTES)

    def _all(self, kind: str, split: str, label: str) -> list[str]:
        if (kind, split, label) not in self._files:
            raise CorpusError(f"the {split} split has no {kind} of {label}; every split needs some")
        return self._files[kind, split, label]

    def _take(self, paths: list[str], number: int) -> list[str]:
        shuffled = [paths[i] for i in self._generator.permutation(len(paths))]
        taken = sorted(shuffled, key=lambda path: self._uses[path])[:number]
        self._uses.update(taken)
        return taken


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
        Of the corpus. A test clip and its undegraded variant draw the same tune and the same slides.
    """
    name = crc32(clip.video_id.removesuffix("-clean").encode())
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
        return takes.play_notes(notes, clip.duration, generator, has_chords=label in takes.CHORDAL)
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
