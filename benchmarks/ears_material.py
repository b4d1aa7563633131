"""What the recogniser's own audio network learns from: windows, and what EfficientAT mn04 makes of them.

Each source is made once and kept in ``data/ears/<source>.npz``: recordings of single notes and tunes played with them,
phrases through General MIDI soundfonts, other instruments through the same, and noises. Merlin may be used for personal
purposes only: no weight that ships is learned from it; it measures, and temperatures and thresholds are fitted on it.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
import soxr
from tqdm import tqdm

from instrec_corpora import acoustics, open_sources, phrases, takes
from instrec_corpora.open import source_dir
from instrec_corpora.staging import SAMPLE_RATE
from instrec_utils import files, paths
from instrec_utils.config import AUDIOSET, LABELS
from instrec_utils.errors import CorpusError
from instrec_utils.inputs.kaldi_spectrograms import kaldi_log_mel
from instrec_utils.recognise.heads import NONE
from instrec_utils.recognise.networks import AudioNetwork
from instrec_utils.recognise.recogniser import STEP

VARIABLE, FOLDER = "INSTREC_SOUNDFONTS", "/usr/share/sounds/sf2"  # where Debian's packages of soundfonts put them
FILES = {"fluidr3": "FluidR3_GM.sf2", "gmbank": "sf_GMbank.sf2"}  # fluid-soundfont-gm: MIT; csound-soundfont: public
PHRASES = {"fluidr3": 35, "timgm6mb": 20, "gmbank": 20, "merlin": 6}  # of each class
TUNES = {"philharmonia": 40, "nsynth": 25}  # of each class that has recordings
HELD_OUT = "merlin"
PHRASE_SECONDS = 16
SIZE = round(STEP * AUDIOSET.sample_rate)  # samples of a window
QUIET = 0.01  # the peak of a window in which nothing is played
CONDITIONS = ("clear", "clear", "noise", "distant", "babble")
OTHERS = {  # other instruments, by General MIDI program
    **{"harpsichord": 6, "clavinet": 7, "celesta": 8, "music box": 10, "vibraphone": 11, "marimba": 12},
    **{"tubular bells": 14, "dulcimer": 15, "distorted guitar": 30, "electric bass": 33, "slap bass": 36},
    **{"double bass": 43, "pizzicato": 45, "timpani": 47, "strings": 48, "choir": 52, "voice": 54, "trombone": 57},
    **{"french horn": 60, "brass": 61, "oboe": 68, "english horn": 69, "bassoon": 70, "pan flute": 75, "whistle": 78},
    **{"square lead": 80, "saw lead": 81, "pad": 88, "bowed pad": 92, "shamisen": 106, "koto": 107, "kalimba": 108},
    **{"bagpipe": 109, "steel drums": 114},
}
UNSEEN = {"harp": 46, "tuba": 58, "sitar": 104}  # of which nothing is learned
PLAYED_AS = ("flute", "guitar")  # whose tunes other instruments play
NOISES = 40  # windows of each kind
DECIBELS = -100.0, 0.6  # the lowest level and the step of what is kept in 8 bits


class Take(NamedTuple):
    """Something to be made: its source, outcome and group, and the file, program or kind of noise it is made from."""

    source: str
    outcome: str
    group: str
    made_from: str | int = ""


class Material(NamedTuple):
    """Windows and what is known of them.

    Attributes
    ----------
    levels : np.ndarray [shape=(num_windows, 128, 401), uint8, see `DECIBELS`]
    embeddings, tags : np.ndarray [shape=(num_windows, 512), (num_windows, 13), float32, of EfficientAT mn04]
    table : pd.DataFrame [outcome, source, group]
    """

    levels: np.ndarray
    embeddings: np.ndarray
    tags: np.ndarray
    table: pd.DataFrame


def soundfont(name: str) -> str | Path:
    """Return what `phrases.render_midi` knows a soundfont by; one that is not there is a `CorpusError`."""
    if name in phrases.SOUNDFONTS:
        return name
    path = Path(os.environ.get(VARIABLE, FOLDER)) / FILES[name]
    if not path.is_file():
        raise CorpusError(
            f"{path}: missing; Debian's fluid-soundfont-gm and csound-soundfont have it, or set {VARIABLE}"
        )
    return path


def windows(sound: np.ndarray) -> list[np.ndarray]:
    """Return the windows of a sound at `SAMPLE_RATE` in which something is played, as spectrograms in 8 bits."""
    samples = soxr.resample(sound, SAMPLE_RATE, AUDIOSET.sample_rate).astype(np.float32)
    samples = np.pad(samples, (0, -len(samples) % SIZE))
    played = [part for part in samples.reshape(-1, SIZE) if np.abs(part).max() > QUIET]
    return [in_8_bits(kaldi_log_mel(part, AUDIOSET)) for part in played]


def in_8_bits(spectrogram: np.ndarray) -> np.ndarray:
    """Return levels in dB as whole steps above the lowest."""
    lowest, step = DECIBELS
    return np.clip((spectrogram - lowest) / step + 0.5, 0, 255).astype(np.uint8)


def in_decibels(levels: np.ndarray) -> np.ndarray:
    """Return the levels of `in_8_bits` in dB."""
    lowest, step = DECIBELS
    return levels * np.float32(step) + np.float32(lowest)


def recorded(sound: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return a sound as it is, or, a third of the time, as somebody's phone would have it."""
    if generator.random() > 1 / 3:
        return sound
    return acoustics.record(sound, generator, condition=CONDITIONS[generator.integers(len(CONDITIONS))])


def make_note(take: Take, generator: np.random.Generator) -> list[np.ndarray]:
    """Make a window with a recorded note somewhere in it."""
    note = takes.load_note(source_dir() / take.made_from).signal[: round(STEP * SAMPLE_RATE)]
    room = round(STEP * SAMPLE_RATE) - len(note)
    before = generator.integers(room // 2 + 1)
    return windows(np.pad(note * 10 ** generator.uniform(-0.5, 0.5), (before, room - before)))[:1]


def make_tune(take: Take, generator: np.random.Generator) -> list[np.ndarray]:
    """Make windows of a tune that is played with some of an instrument's notes."""
    registry = recordings()
    chosen = registry[(registry.source == take.source) & (registry.label == take.outcome)]
    if take.source == "nsynth":
        chosen = chosen[chosen.instrument == generator.choice(chosen.instrument.unique())]
    chosen = chosen.path.iloc[generator.permutation(len(chosen))[: generator.integers(8, 19)]]
    lowest, highest = zip(*(voice.pitches for voice in phrases.VOICES[take.outcome]), strict=True)
    sound = takes.play_notes(
        [takes.load_note(source_dir() / path) for path in chosen],
        PHRASE_SECONDS,
        generator,
        pitches=(min(lowest), max(highest)),
        has_chords=take.outcome in takes.CHORDAL,
    )
    return windows(recorded(sound, generator))


def make_phrase(take: Take, generator: np.random.Generator) -> list[np.ndarray]:
    """Make windows of a phrase through a soundfont: of one of the classes, or of another instrument that plays one."""
    label = take.outcome if take.outcome != NONE else PLAYED_AS[generator.integers(2)]
    midi = phrases.compose_phrase(label, PHRASE_SECONDS, generator)
    for part in midi.instruments if take.outcome == NONE else ():
        part.program, part.is_drum = int(take.made_from), False
    sound = phrases.render_midi(midi, PHRASE_SECONDS, soundfont=soundfont(take.source))
    return windows(recorded(sound, generator))


def make_noise(take: Take, generator: np.random.Generator) -> list[np.ndarray]:
    """Make a window of noise, of a room, a street or people who talk, or of near silence."""
    size = round(STEP * SAMPLE_RATE)
    if take.made_from == "silence":
        sound = generator.normal(size=SIZE) * 10 ** -generator.uniform(2, 7)
        return [in_8_bits(kaldi_log_mel(sound, AUDIOSET))]
    sound = acoustics.noise(str(take.made_from), size, generator)
    return windows(sound / np.abs(sound).max() * 10 ** -generator.uniform(0.1, 1.5))


def recordings() -> pd.DataFrame:
    """Return the recordings of notes: path, label, source ("philharmonia" or "nsynth"), instrument."""
    registry = open_sources.read_registry()
    registry = registry[(registry.kind == "recordings") & ~registry.path.str.contains("_synthetic_")]
    instrument = [takes.parse_name(path).instrument for path in registry.path]
    source = ["philharmonia" if name == "philharmonia" else "nsynth" for name in instrument]
    return pd.DataFrame({"path": registry.path, "label": registry.label, "source": source, "instrument": instrument})


Maker = Callable[[Take, np.random.Generator], list[np.ndarray]]


def plan() -> dict[str, list[tuple[Maker, Take]]]:
    """Return by source what is to be made, and how."""
    notes = recordings()
    planned: dict[str, list[tuple[Maker, Take]]] = {}
    for source, count in TUNES.items():
        own = notes[notes.source == source]
        planned[source] = [(make_note, Take(source, row.label, "note", row.path)) for row in own.itertuples()]
        tunes = [Take(source, label, f"tune{number}") for label in sorted(set(own.label)) for number in range(count)]
        planned[source] += [(make_tune, take) for take in tunes]
    for font, count in PHRASES.items():
        played = [Take(font, label, f"phrase{number}") for label in LABELS for number in range(count)]
        others = [Take(font, NONE, name, program) for name, program in (OTHERS | UNSEEN).items()]
        planned[font] = [(make_phrase, take) for take in played + others * (1 if font == HELD_OUT else 2)]
    kinds = [*acoustics.NOISES, "babble", "babble", "silence"]
    planned["noise"] = [(make_noise, Take("noise", NONE, kind, kind)) for kind in kinds for _ in range(NOISES)]
    return planned


def _made(number: int, maker: Maker, take: Take) -> list[np.ndarray]:
    return maker(take, np.random.default_rng([number, zlib.crc32(take.source.encode())]))


def make_source(planned: Sequence[tuple[Maker, Take]], workers: ProcessPoolExecutor) -> Material:
    """Make a source, and ask EfficientAT mn04 what it hears in it."""
    makers, wanted = zip(*planned, strict=True)
    results = workers.map(_made, range(len(wanted)), makers, wanted, chunksize=4)
    made = list(tqdm(results, desc=wanted[0].source, total=len(wanted), mininterval=5))
    levels = np.stack([window for one in made for window in one])
    rows = [take[:3] for take, one in zip(wanted, made, strict=True) for _ in one]
    table = pd.DataFrame([(outcome, source, group) for source, outcome, group in rows], columns=COLUMNS)
    values = [network(in_decibels(window[None])) for network in (AudioNetwork(),) for window in levels]
    embeddings = np.concatenate([one.embeddings for one in values])
    return Material(levels, embeddings, np.concatenate([one.instruments for one in values]), table)


COLUMNS = ["outcome", "source", "group"]


def material() -> Iterator[Material]:
    """Yield all sources, made where they are not kept yet."""
    with ProcessPoolExecutor(os.cpu_count(), initializer=cv2.setNumThreads, initargs=(1,)) as workers:
        for source, planned in plan().items():
            path = paths.data_dir() / "ears" / f"{source}.npz"
            if not (kept := files.read_arrays(path)):
                made = make_source(planned, workers)
                arrays = {name: getattr(made, name) for name in Material._fields[:3]}
                files.write_arrays(path, **arrays, rows=made.table.to_numpy(str))
                kept = files.read_arrays(path)
            table = pd.DataFrame(kept["rows"], columns=COLUMNS)
            yield Material(kept["levels"], kept["embeddings"], kept["tags"], table)


def read_material() -> Material:
    """Return all sources in one."""
    *arrays, tables = zip(*material(), strict=True)
    return Material(*(np.concatenate(one) for one in arrays), pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    print(read_material().table.groupby(["source", "outcome"]).size().unstack(0).to_string())
