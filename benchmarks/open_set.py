"""How well "none of these" tells what is none of the 13 instruments from recordings and photographs of them.

Known are the phrases and photographs from elsewhere. Unknown are, of audio, harp, tuba and sitar through two General
MIDI soundfonts, of which no head learned anything, and made here: talk, a street, noises of rooms, silence and test
tones; of visual drawn places, drawn test cards, and three photographs of no instrument that come with scikit-learn and
matplotlib. Noises and drawn places are of the kinds that the heads learned from, made anew; what else there is, is not.

The score is the probability of "none", of a file of several windows that of the whole. Beside it stands what is often
taken: one minus the highest probability of an instrument (Hendrycks and Gimpel, 2017).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import matplotlib.cbook
import numpy as np
import pandas as pd
import soxr
from ears_material import PLAYED_AS, UNSEEN
from heads_material import Example, Material, judged
from heads_material import empty_scenes as drawn_places
from sklearn.datasets import load_sample_image
from sklearn.metrics import roc_auc_score, roc_curve

from instrec_corpora import acoustics, phrases
from instrec_corpora.staging import SAMPLE_RATE
from instrec_utils.config import AUDIOSET, CROP_SIZE
from instrec_utils.corpora.photographs import read_photograph
from instrec_utils.recognise.heads import NONE, combined
from instrec_utils.recognise.recogniser import STEP, Judge

SEED = 2  # no other than this module draws with it
REPEATS = 10
SOUNDFONTS = ("timgm6mb", "merlin")
PHRASE_SECONDS = 8
RATE = AUDIOSET.sample_rate
KEPT = 0.95  # of what is known
NOISES = {"talk": ("babble", "crowd"), "street": ("traffic",), "rooms and wind": ("hum", "hiss", "wind")}
TONES = (220.0, 440.0, 1000.0, 2000.0)  # Hz
CURVE = np.linspace(0, 1, 21)  # shares of what is known that are refused


def unknown_sound(generator: np.random.Generator) -> Iterator[Example]:
    """Yield talk, a street, noises, silence and test tones."""
    size = round(STEP * SAMPLE_RATE)
    for name, kinds in NOISES.items():
        for number in range(REPEATS):
            sound = acoustics.noise(kinds[number % len(kinds)], size, generator)
            sound = sound / np.abs(sound).max() * generator.uniform(0.05, 0.9)
            yield Example(soxr.resample(sound, SAMPLE_RATE, RATE).astype(np.float32), NONE, name, f"{name} {number}")
    for number in range(REPEATS):
        quiet = generator.normal(size=round(STEP * RATE)) * (0 if number == 0 else 10 ** -generator.uniform(3.5, 5))
        yield Example(quiet.astype(np.float32), NONE, "silence", f"silence {number}")
    for frequency in TONES:
        tone = 0.3 * np.sin(2 * np.pi * frequency * np.arange(round(STEP * RATE)) / RATE)
        yield Example(tone.astype(np.float32), NONE, "test tone", f"{frequency} Hz")


def unknown_pictures(generator: np.random.Generator) -> Iterator[Example]:
    """Yield drawn places, test cards, and photographs of a temple, a flower and a woman."""
    for number, example in enumerate(drawn_places(generator)):
        if number < 2 * REPEATS:
            yield Example(example.content, NONE, "drawn place", f"place {number}")
    for number in range(REPEATS):
        yield Example(card(generator), NONE, "test card", f"card {number}")
    others = {name: load_sample_image(name) for name in ("china.jpg", "flower.jpg")}
    woman = "grace_hopper.jpg"
    others[woman] = read_photograph(Path(matplotlib.cbook.get_sample_data(woman, asfileobj=False)))
    for name, picture in others.items():
        small = cv2.resize(np.ascontiguousarray(picture), (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
        yield Example(small, NONE, "photograph", name)


def card(generator: np.random.Generator) -> np.ndarray:
    """Return a test card [shape=(224, 224, 3), uint8]: bars of eight colours, a ramp of greys, lines, a circle."""
    colours = 191 * np.array([[number >> bit & 1 for bit in range(3)] for number in generator.permutation(8)], np.uint8)
    picture = np.repeat(np.repeat(colours[None], CROP_SIZE, axis=0), CROP_SIZE // 8, axis=1)
    top = int(generator.integers(CROP_SIZE // 2, CROP_SIZE * 3 // 4))
    picture[top:] = np.linspace(0, 255, CROP_SIZE)[None, :, None]
    for place in range(0, CROP_SIZE, int(generator.integers(16, 57))):
        picture[place], picture[:, place] = 255, 255
    radius = int(generator.integers(40, 110))
    return cv2.circle(picture, (CROP_SIZE // 2, CROP_SIZE // 2), radius, (255, 255, 255), 2)


def unseen_instruments(generator: np.random.Generator) -> Iterator[Example]:
    """Yield harp, tuba and sitar through two soundfonts, half of them as somebody's phone would hear them."""
    for font in SOUNDFONTS:
        for name, program in UNSEEN.items():
            for number, label in enumerate(PLAYED_AS):
                midi = phrases.compose_phrase(label, PHRASE_SECONDS, generator)
                for part in midi.instruments:
                    part.program, part.is_drum = program, False
                sound = phrases.render_midi(midi, PHRASE_SECONDS, soundfont=font)
                sound = acoustics.record(sound, generator, condition="noise") if number % 2 else sound
                samples = soxr.resample(sound, SAMPLE_RATE, RATE).astype(np.float32)
                for half in np.array_split(samples, round(PHRASE_SECONDS / STEP)):
                    yield Example(half, NONE, name, f"{name} {font} {label}")


def scores(judge: Judge, material: Material) -> pd.DataFrame:
    """Return of each file where it is from, the probability of "none", and one minus the highest of an instrument."""
    probabilities = judge.head.probabilities(material.values)
    rows = []
    for group, table in material.table.groupby("group", sort=False):
        whole = combined(probabilities[table.index])
        rows.append(
            {"source": table["source"].iloc[0], "none": whole[-1], "unsure": 1 - whole[:-1].max(), "file": group}
        )
    return pd.DataFrame(rows)


def compared(known: pd.DataFrame, unknown: pd.DataFrame, score: str) -> dict[str, object]:
    """Return how well a score tells unknown files from known ones, of all and by kind, and the curve."""
    kept_below = float(np.quantile(known[score], KEPT))
    truth = np.repeat([0, 1], [len(known), len(unknown)])
    refused, found, _ = roc_curve(truth, np.concatenate([known[score], unknown[score]]))
    kinds = {
        name: {
            "files": len(rows),
            "auc": round(auc(known[score], rows[score]), 3),
            "refused": round(float((rows[score] > kept_below).mean()), 3),
        }
        for name, rows in unknown.groupby("source", sort=False)
    }
    return {
        "auc": round(auc(known[score], unknown[score]), 3),
        "refused": round(float((unknown[score] > kept_below).mean()), 3),
        "by_kind": kinds,
        "curve": {"known": CURVE.round(2).tolist(), "unknown": np.interp(CURVE, refused, found).round(4).tolist()},
    }


def auc(known: pd.Series, unknown: pd.Series) -> float:
    """Return how often an unknown file's score is above a known one's."""
    return float(roc_auc_score(np.repeat([0, 1], [len(known), len(unknown)]), np.concatenate([known, unknown])))


def measure(judges: dict[str, Judge], materials: dict[str, Material], table: pd.DataFrame) -> dict[str, object]:
    """Return how well "none" is told, by modality, score and kind of what is unknown."""
    networks = {modality: judge.network for modality, judge in judges.items()}
    unknown = {
        "audio": judged("unknown_sound", networks["audio"], unknown_sound(np.random.default_rng(SEED))).joined(
            judged("unseen", networks["audio"], unseen_instruments(np.random.default_rng(SEED)))
        ),
        "visual": judged("unknown_pictures", networks["visual"], unknown_pictures(np.random.default_rng(SEED))),
    }
    found: dict[str, object] = {"kept": KEPT, "soundfonts": list(SOUNDFONTS)}
    for modality, kind in (("audio", "phrase"), ("visual", "photograph")):
        every = scores(judges[modality], materials[modality])
        known = every[every["file"].isin(table.loc[table["kind"] == kind, "path"])]
        others = scores(judges[modality], unknown[modality])
        found[modality] = {
            "known": len(known),
            "unknown": len(others),
            "none": compared(known, others, "none"),
            "unsure": compared(known, others, "unsure"),
        }
    return found
