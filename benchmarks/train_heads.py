"""Train the heads of the recogniser from the open corpus' material, and say how well they carry over.

Audio learns from the notes of the open corpus, from its staged videos, and from phrases rendered through two General
MIDI soundfonts; visual from its photographs. That none of the instruments is there is learned from other General MIDI
instruments, noises, silence and empty scenes. Settings are chosen, and probabilities calibrated, by what each source is
told after learning from all the others (audio: kinds of sound; visual: parts of the corpus, which share no photograph).
Nothing from elsewhere is looked at.

What the networks make of the material is kept in ``data/recognise``; the corpus "open" has to be prepared. It writes
``instrec_utils/recognise/<network>.npz`` and ``results/benchmarks/recogniser.json``.
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
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from instrec_corpora import acoustics, backgrounds, open_sources, phrases, takes
from instrec_corpora.open import source_dir
from instrec_corpora.open_plan import NUM_PARTS
from instrec_corpora.staging import SAMPLE_RATE
from instrec_utils import config, corpora, evaluation, files, media, paths
from instrec_utils.config import AUDIOSET, CROP_SIZE, LABELS
from instrec_utils.inputs.kaldi_spectrograms import kaldi_log_mel
from instrec_utils.recognise import heads
from instrec_utils.recognise.heads import NONE, OUTCOMES, Head
from instrec_utils.recognise.networks import AudioNetwork, Values, VisualNetwork
from instrec_utils.recognise.recogniser import SHORTEST, STEP

SEED = 1
PACKAGE = Path(heads.__file__).parent
MOST_WINDOWS = 2  # of a staged video or a phrase
SOUNDFONTS = ("timgm6mb", "merlin")
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
PENALTIES = (1e-3, 3e-3, 1e-2)  # inverse strengths of the regularisation that are tried
FOLDS = {f"part{part}": f"fold {part % 2 + 1}" for part in range(1, NUM_PARTS + 1)}  # of what is seen
OWN_SCALE = 3  # how much more readily a head relies on the network's own classes than on its embedding
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


def photographs(folder: Path) -> Iterator[Example]:
    """Yield the photographs, in the parts that the open corpus divides them into."""
    registry = open_sources.verify_sources(folder, open_sources.read_registry())
    registry = registry[~registry.path.str.contains("_synthetic_")].copy()
    registry["group"] = open_sources.group_sources(folder, registry)
    registry["part"] = open_sources.draw_parts(registry, NUM_PARTS, np.random.default_rng([config.SPLIT_SEED, 0]))
    for row in registry[registry.kind == "photos"].itertuples():
        picture = open_sources.read_photograph(folder / row.path)[:, :, ::-1]
        resized = cv2.resize(picture, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
        yield Example(resized, row.label, "photograph", f"part{row.part}")


def empty_scenes(generator: np.random.Generator) -> Iterator[Example]:
    """Yield drawn places in which nothing is."""
    for number in range(EMPTY_SCENES):
        scene = cv2.resize(backgrounds.background(generator), (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
        yield Example(scene, NONE, "drawn", f"part{number % NUM_PARTS + 1}")


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


def fit(material: Material, chosen: np.ndarray, penalty: float) -> Head:
    """Return the head that chosen examples teach, each source's examples of an outcome together weighing the same."""
    inputs, table = heads.features(material.values)[chosen], material.table[chosen]
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale[-len(LABELS) :] /= OWN_SCALE
    scale[scale == 0] = 1
    weights = 1 / table.groupby(["outcome", "source"])["outcome"].transform("size").to_numpy()
    learner = LogisticRegression(C=penalty * len(table), max_iter=100, tol=1e-3)
    learner.fit(((inputs - mean) / scale).astype(np.float32), table["outcome"], weights / weights.sum())
    labels = sorted(learner.classes_, key=OUTCOMES.index)
    order = [learner.classes_.tolist().index(label) for label in labels]
    coefficients = learner.coef_[order] / scale
    shift = learner.intercept_[order] - coefficients @ mean
    return Head(tuple(labels), coefficients, shift, 1.0, np.full(len(LABELS), 0.5))


def held_out(material: Material, folds: pd.Series, penalty: float) -> np.ndarray:
    """Return the probabilities of each example [shape=(num_examples, 14)] by a head that all other folds taught.

    Folds that are empty text are learned from by all, and have none.
    """
    found = np.full((len(folds), len(OUTCOMES)), np.nan)
    for fold in sorted(set(folds) - {""}):
        is_out = (folds == fold).to_numpy()
        head = fit(material, ~is_out & learned_from(material), penalty)
        found[is_out] = head.probabilities(Values(*(part[is_out] for part in material.values)))
    return found


def learned_from(material: Material) -> np.ndarray:
    """Tell which examples may teach: those of unseen instruments measure only."""
    return ~material.table["group"].isin(UNSEEN).to_numpy()


def measured(material: Material, folds: pd.Series, probabilities: np.ndarray) -> dict[str, object]:
    """Return how well held-out examples are told, by fold: Hit@1 among instruments, and none from the rest."""
    rows = {}
    for fold in sorted(set(folds) - {""}):
        chosen = (folds == fold).to_numpy()
        outcome, found = material.table["outcome"][chosen].to_numpy(), probabilities[chosen]
        is_none, is_unseen = outcome == NONE, material.table["group"][chosen].isin(UNSEEN).to_numpy()
        answers = np.array(LABELS)[found[:, :-1].argmax(axis=1)]
        rows[fold] = {
            "examples": int((~is_none).sum()),
            "hit_at_1": round(float((answers == outcome)[~is_none].mean()), 3),
            "none_auc": round(roc_auc_score(is_none, found[:, -1]), 3) if 0 < is_none.mean() < 1 else None,
        }
        if is_unseen.any():
            kept = is_unseen | ~is_none
            rows[fold]["unseen_auc"] = round(roc_auc_score(is_unseen[kept], found[kept, -1]), 3)
    return rows


def thresholds_of(probabilities: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Return for each instrument the probability that 2 % of the examples of all other outcomes reach."""
    others = [probabilities[outcome != label, number] for number, label in enumerate(LABELS)]
    return np.clip([np.quantile(one, 0.98) for one in others], 0.2, 0.6)


def train(name: str, material: Material, folds: pd.Series) -> dict[str, object]:
    """Train, calibrate and write the head of a network; return what there is to say of it."""
    is_held_out = ((folds != "") & learned_from(material)).to_numpy()
    outcome = material.table["outcome"].to_numpy()
    outcomes = np.array([OUTCOMES.index(one) for one in outcome])
    tried = {}
    for penalty in PENALTIES:
        probabilities = held_out(material, folds, penalty)
        temperature = evaluation.temperature(outcomes[is_held_out], probabilities[is_held_out])
        calibrated = evaluation.with_temperature(probabilities, temperature)
        loss = evaluation.negative_log_likelihood(outcomes[is_held_out], calibrated[is_held_out])
        tried[penalty] = float(loss), temperature, calibrated
    penalty = min(tried, key=lambda one: tried[one][0])
    _, temperature, calibrated = tried[penalty]
    thresholds = thresholds_of(calibrated[is_held_out], outcome[is_held_out])
    head = fit(material, learned_from(material), penalty)
    files.write_arrays(
        PACKAGE / f"{name}.npz",
        labels=np.array(head.labels),
        weights=head.weights.astype(np.float32),
        shift=head.shift.astype(np.float32),
        temperature=np.float32(temperature),
        thresholds=thresholds.astype(np.float32),
    )
    return {
        "examples": material.table[learned_from(material)]["source"].value_counts().to_dict(),
        "penalty": penalty,
        "losses": {str(one): round(loss, 4) for one, (loss, *_) in tried.items()},
        "temperature": round(temperature, 3),
        "calibration_error": round(evaluation.calibration_error(outcomes[is_held_out], calibrated[is_held_out]), 4),
        "held_out": measured(material, folds, calibrated),
        "thresholds": dict(zip(LABELS, thresholds.round(3).tolist(), strict=True)),
    }


def main() -> None:
    """Train both heads."""
    corpus, folder = corpora.read_corpus("open"), source_dir()
    audio, visual, generator = AudioNetwork(), VisualNetwork(), np.random.default_rng(SEED)
    heard = judged("notes", audio, notes(folder)).joined(judged("staged_sound", audio, staged_sound(corpus)))
    heard = heard.joined(judged("rendered", audio, rendered(generator)))
    heard = heard.joined(judged("noises", audio, noises(np.random.default_rng(SEED))))
    seen = judged("photographs", visual, photographs(folder))
    seen = seen.joined(judged("empty_scenes", visual, empty_scenes(np.random.default_rng(SEED))))
    found = {
        "efficientat_mn04": train("efficientat_mn04", heard, heard.table["source"].replace("noise", "")),
        "efficientnet_lite0": train("efficientnet_lite0", seen, seen.table["group"].map(FOLDS)),
    }
    files.write_json(paths.home() / "results" / "benchmarks" / "recogniser.json", found)
    print(pd.json_normalize(found, max_level=1).T.to_string())


if __name__ == "__main__":
    main()
