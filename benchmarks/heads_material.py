"""What the heads of the recogniser learn from and are chosen by: examples, and what the networks make of them.

Audio has the notes of the open corpus, its staged videos, and phrases rendered through General MIDI soundfonts; visual
has the photographs. None of the instruments is in other General MIDI instruments, noises, silence and empty scenes.

What the networks make of it is kept in ``data/recognise``, once computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import soundfile
import soxr
from tqdm import tqdm

from instrec_corpora import acoustics, backgrounds, open_sources, phrases, takes
from instrec_corpora.staging import SAMPLE_RATE
from instrec_utils import corpora, files, media, paths
from instrec_utils.config import AUDIOSET, CROP_SIZE, LABELS
from instrec_utils.inputs.kaldi_spectrograms import kaldi_log_mel
from instrec_utils.recognise.heads import NONE
from instrec_utils.recognise.networks import AudioNetwork, Values, VisualNetwork
from instrec_utils.recognise.recogniser import SHORTEST, STEP

MOST_WINDOWS = 2  # of a staged video or a phrase
SOUNDFONTS = ("timgm6mb", "merlin")
MEASURED_ONLY = ("merlin",)  # says of itself "only for personal use, not commercial": no head learns from it
PHRASES = 6  # of each class and soundfont
PHRASE_SECONDS = 8
CONDITIONS = ("clear", "noise", "distant", "babble")
OTHERS = {  # other instruments, by General MIDI program
    **{"vibraphone": 12, "marimba": 13, "steel drums": 114, "koto": 107, "shamisen": 106, "bagpipe": 109},
    **{"tubular bells": 14, "choir": 52, "timpani": 47, "kalimba": 108, "french horn": 60, "oboe": 68},
    **{"bassoon": 70, "trombone": 57, "double bass": 43, "celesta": 8, "pan flute": 75, "music box": 11},
    **{"harpsichord": 6, "square lead": 80, "bowed pad": 90, "distorted guitar": 30, "electric bass": 33},
}
UNSEEN = {"harp": 46, "tuba": 58, "sitar": 104}  # of which nothing is learned
PLAYED_AS = ("flute", "guitar")  # whose tunes other instruments play
EMPTY_SCENES = 150
EDGE, WHITE = 8, 235  # pixels around a photograph, and from where on they are white
RATE = AUDIOSET.sample_rate


class Example(NamedTuple):
    """A window of sound or a picture, its outcome, what it is of, and what must not be divided."""

    content: np.ndarray
    outcome: str
    source: str
    group: str


def windows(samples: np.ndarray, most: int) -> list[np.ndarray]:
    """Return windows of mono sound at 32 kHz, as the recogniser judges them."""
    size, shortest = round(STEP * RATE), round(SHORTEST * RATE)
    padded = np.pad(samples, (0, max(0, shortest - len(samples))))
    parts = [padded[start : start + size] for start in range(0, len(padded), size)]
    return [part for part in parts if len(part) >= shortest][:most]


def notes(folder: Path) -> Iterator[Example]:
    """Yield the beginning of each recording of a note or phrase."""
    registry = open_sources.read_registry()
    registry = registry[(registry.kind == "recordings") & ~registry.path.str.contains("_synthetic_")]
    for row in registry.itertuples():
        name = takes.parse_name(row.path)
        samples, rate = soundfile.read(folder / row.path, dtype="float32", always_2d=True)
        source = "philharmonia" if name.instrument == "philharmonia" else "nsynth"
        yield Example(windows(soxr.resample(samples.mean(axis=1), rate, RATE), 1)[0], row.label, source, name.take)


def staged_sound(corpus: corpora.Corpus) -> Iterator[Example]:
    """Yield windows of the staged videos; of those without sound, that there is none."""
    begin = [(0.0, MOST_WINDOWS * STEP)]
    for row in corpus.index[~corpus.index["use"].isin(("clean", "test"))].itertuples():
        samples = media.read_sound(corpus.videos / row.path, (RATE,), lambda _: begin)[RATE]
        fonts = [font for font in SOUNDFONTS if font in row.sources]
        is_rendered = row.sound_source == "rendered" and fonts
        source = fonts[0] if is_rendered else "nsynth" if "nsynth" in row.sources else "philharmonia"
        for window in windows(samples, MOST_WINDOWS):
            yield Example(window, NONE if row.sound == "silent" else row.label, source, f"part{row.part}")


def rendered(generator: np.random.Generator) -> Iterator[Example]:
    """Yield phrases of all classes and of other instruments, half of them as somebody's phone would hear them."""
    for font in SOUNDFONTS:
        for number in range(PHRASES):
            for label in LABELS:
                midi = phrases.compose_phrase(label, PHRASE_SECONDS, generator)
                sound = phrases.render_midi(midi, PHRASE_SECONDS, soundfont=font)
                if number % 2:
                    condition = CONDITIONS[generator.integers(len(CONDITIONS))]
                    sound = acoustics.record(sound, generator, condition=condition)
                yield from _windows_of(sound, label, font, f"phrase{number}")
        for name, program in (OTHERS | UNSEEN).items():
            for number, label in enumerate(PLAYED_AS):
                midi = phrases.compose_phrase(label, PHRASE_SECONDS, generator)
                for part in midi.instruments:
                    part.program, part.is_drum = program, False
                sound = phrases.render_midi(midi, PHRASE_SECONDS, soundfont=font)
                sound = acoustics.record(sound, generator, condition="noise") if number % 2 else sound
                yield from _windows_of(sound, NONE, font, name)


def _windows_of(sound: np.ndarray, outcome: str, source: str, group: str) -> Iterator[Example]:
    for window in windows(soxr.resample(sound, SAMPLE_RATE, RATE).astype(np.float32), MOST_WINDOWS):
        yield Example(window, outcome, source, group)


def noises(generator: np.random.Generator) -> Iterator[Example]:
    """Yield noises of rooms and streets, talk-like ones, and near silence."""
    size = round(STEP * SAMPLE_RATE)
    for kind in acoustics.NOISES:
        for _ in range(20):
            sound = acoustics.noise(kind, size, generator)
            sound = sound / np.abs(sound).max() * 10 ** -generator.uniform(0.1, 2)
            yield Example(soxr.resample(sound, SAMPLE_RATE, RATE).astype(np.float32), NONE, "noise", kind)
    for level in range(20):
        sound = generator.normal(size=round(STEP * RATE)) * 10 ** -(2 + level / 4)
        yield Example(sound.astype(np.float32), NONE, "noise", "silence")
    yield Example(np.zeros(round(STEP * RATE), np.float32), NONE, "noise", "silence")


def read_photographs(folder: Path) -> Iterator[tuple[np.ndarray, str, str]]:
    """Yield the photographs [shape=(224, 224, 3), uint8, RGB], their labels, and in front of what they were taken."""
    registry = open_sources.read_registry()
    registry = registry[(registry.kind == "photos") & ~registry.path.str.contains("_synthetic_")]
    for row in open_sources.verify_sources(folder, registry).itertuples():
        picture = open_sources.read_photograph(folder / row.path)[:, :, ::-1]
        resized = cv2.resize(picture, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
        yield resized, row.label, "plain" if is_plain(resized) else "scenery"


def is_plain(picture: np.ndarray) -> bool:
    """Tell whether most of a picture's edge is white, as in a shop."""
    inner = np.s_[EDGE:-EDGE, EDGE:-EDGE]
    is_edge = np.ones(picture.shape[:2], bool)
    is_edge[inner] = False
    return bool((picture[is_edge].min(axis=1) >= WHITE).mean() > 0.5)


def photographs(folder: Path) -> Iterator[Example]:
    """Yield the photographs as they are."""
    for number, (picture, label, source) in enumerate(read_photographs(folder)):
        yield Example(picture, label, source, f"photograph{number}")


def empty_scenes(generator: np.random.Generator) -> Iterator[Example]:
    """Yield drawn places in which nothing is."""
    for number in range(EMPTY_SCENES):
        scene = cv2.resize(backgrounds.background(generator), (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
        yield Example(scene, NONE, "drawn", f"scene{number}")


class Material(NamedTuple):
    """What a network makes of examples, and a table of them: outcome, source, group."""

    values: Values
    table: pd.DataFrame

    def joined(self, other: Material) -> Material:
        """Return this and another one's."""
        values = (np.concatenate(pair) for pair in zip(self.values, other.values, strict=True))
        return Material(Values(*values), pd.concat([self.table, other.table], ignore_index=True))


def judged(name: str, network: AudioNetwork | VisualNetwork, examples: Iterator[Example]) -> Material:
    """Return what a network makes of examples, computed once and kept under a name."""
    path = paths.data_dir() / "recognise" / f"{name}.npz"
    if not (stored := files.read_arrays(path)):
        found, rows = [], []
        for content, *row in tqdm(examples, desc=name, unit="example", mininterval=5):
            found.append(network((kaldi_log_mel(content, AUDIOSET) if content.ndim == 1 else content)[None]))
            rows.append(row)
        values = {part: np.concatenate([getattr(one, part) for one in found]) for part in Values._fields}
        files.write_arrays(path, **values, rows=np.array(rows, str))
        stored = files.read_arrays(path)
    table = pd.DataFrame(stored["rows"], columns=["outcome", "source", "group"])
    return Material(Values(stored["embeddings"], stored["instruments"]), table)
