"""Train the heads of the recogniser, and say how well they carry over.

What they learn from is in ``ears_material.py`` and ``heads_material.py``. A head is the equal mean, in its weights, of
logistic regression on what the network makes of an example and of the network's own classes, which get a scale and a
threshold for "none" (Wortsman et al., 2022: the mean of what was there before and of what was learned carries over
better than either). The regression's penalty is chosen by what each source is told after learning from all the others,
sources counting alike, and probabilities are calibrated by the same. What the regression alone would have said is noted
as well. Audio has six sources: two collections of notes and four soundfonts, one of which only measures. Visual has
two: photographs in front of white, and others, and how slides show them. Nothing from elsewhere is looked at.

``python benchmarks/train_heads.py [NETWORK ...]`` writes ``instrec_utils/recognise/<network>.npz`` and
``results/benchmarks/recogniser.json``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.optimize
from ears_material import HELD_OUT, UNSEEN, read_material
from heads_material import SEED, Material, empty_scenes, judged, photographs
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from instrec_corpora.open import source_dir
from instrec_utils import evaluation, files, paths, provenance
from instrec_utils.config import LABELS
from instrec_utils.recognise import heads
from instrec_utils.recognise.heads import NONE, OUTCOMES, Head
from instrec_utils.recognise.networks import Values, VisualNetwork
from instrec_utils.training.result_files import read_json

PACKAGE = Path(heads.__file__).parent
PENALTIES = (3e-3, 1e-2, 3e-2, 1e-1)  # inverse strengths of the regularisation that are tried
SHARE = 0.5  # of the network's own classes, as Wortsman et al. recommend where nothing is known of what comes
SHARES = (0.0, SHARE)  # that are measured
OWN_SCALE = 3  # how much more readily a regression relies on the network's own classes than on its embedding


def weights_of(table: pd.DataFrame) -> np.ndarray:
    """Return the examples' weights: each source's examples of an outcome together weigh the same."""
    weights = 1 / table.groupby(["outcome", "source"])["outcome"].transform("size").to_numpy()
    return weights / weights.sum()


def regression(material: Material, chosen: np.ndarray, penalty: float) -> Head:
    """Return the head that chosen examples teach."""
    inputs, table = heads.features(material.values)[chosen], material.table[chosen]
    mean, scale = inputs.mean(axis=0), inputs.std(axis=0)
    scale[-len(LABELS) :] /= OWN_SCALE
    scale[scale == 0] = 1
    learner = LogisticRegression(C=penalty * len(table), max_iter=100, tol=1e-3)
    learner.fit(((inputs - mean) / scale).astype(np.float32), table["outcome"], weights_of(table))
    labels = sorted(learner.classes_, key=OUTCOMES.index)
    order = [learner.classes_.tolist().index(label) for label in labels]
    coefficients = learner.coef_[order] / scale
    shift = learner.intercept_[order] - coefficients @ mean
    return Head(tuple(labels), coefficients, shift, 1.0, np.full(len(LABELS), 0.5))


def own_classes(material: Material, chosen: np.ndarray, labels: tuple[str, ...]) -> Head:
    """Return the head that the network's own classes are, with a scale and a threshold from chosen examples."""
    inputs, table = heads.features(material.values)[chosen], material.table[chosen]
    own = inputs[:, -len(LABELS) :][:, [LABELS.index(label) for label in labels[:-1]]]
    truth, weights = table["outcome"].map(labels.index).to_numpy(), weights_of(table)

    def loss(values: np.ndarray) -> float:
        logits = np.column_stack([values[0] * own, np.full(len(own), values[1])])
        return -float(weights @ log_softmax(logits, axis=1)[np.arange(len(own)), truth])

    scale, threshold = scipy.optimize.minimize(loss, (1.0, 0.0), method="Nelder-Mead").x
    coefficients = np.zeros((len(labels), inputs.shape[1]))
    for row, label in enumerate(labels[:-1]):
        coefficients[row, inputs.shape[1] - len(LABELS) + LABELS.index(label)] = scale
    shift = np.append(np.zeros(len(labels) - 1), threshold)
    return Head(labels, coefficients, shift, 1.0, np.full(len(LABELS), 0.5))


def mean_of(learned: Head, own: Head, share: float) -> Head:
    """Return the mean of two heads, of which the second has a share."""
    pairs = ((learned.weights, own.weights), (learned.shift, own.shift))
    weights, shift = ((1 - share) * one + share * other for one, other in pairs)
    return Head(learned.labels, weights, shift, 1.0, learned.thresholds)


def both_heads(material: Material, chosen: np.ndarray, penalty: float) -> tuple[Head, Head]:
    """Return what chosen examples teach, and the network's own classes as a head."""
    learned = regression(material, chosen, penalty)
    return learned, own_classes(material, chosen, learned.labels)


def learned_from(material: Material) -> np.ndarray:
    """Tell which examples may teach: unseen instruments and some sources measure only."""
    table = material.table
    return ~(table["group"].isin(UNSEEN) | (table["source"] == HELD_OUT)).to_numpy()


def held_out(material: Material, folds: pd.Series, penalty: float) -> dict[float, np.ndarray]:
    """Return by share the probabilities of each example [shape=(num_examples, 14)] by a head that other folds taught.

    Folds that are empty text are learned from by all, and have none.
    """
    found = {share: np.full((len(folds), len(OUTCOMES)), np.nan) for share in SHARES}
    for fold in names_of(folds):
        is_out = (folds == fold).to_numpy()
        learned, own = both_heads(material, ~is_out & learned_from(material), penalty)
        values = Values(*(part[is_out] for part in material.values))
        for share in SHARES:
            found[share][is_out] = mean_of(learned, own, share).probabilities(values)
    return found


def names_of(folds: pd.Series) -> list[str]:
    """Return the folds that are held out in turn."""
    return sorted(set(folds) - {""})


def calibrated(material: Material, folds: pd.Series, probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities of which each fold's have the temperature that is best for the other folds."""
    found, truth, is_counted = probabilities.copy(), truth_of(material), counted(material, probabilities)
    for fold in names_of(folds):
        is_out = (folds == fold).to_numpy()
        others = ~is_out & is_counted
        found[is_out] = evaluation.with_temperature(
            probabilities[is_out], evaluation.temperature(truth[others], probabilities[others])
        )
    return found


def counted(material: Material, probabilities: np.ndarray) -> np.ndarray:
    """Tell which examples are measured on: those that were held out, and are of nothing unseen."""
    return np.isfinite(probabilities[:, 0]) & ~material.table["group"].isin(UNSEEN).to_numpy()


def truth_of(material: Material) -> np.ndarray:
    """Return the numbers of the outcomes."""
    return material.table["outcome"].map(OUTCOMES.index).to_numpy()


def loss_of(material: Material, folds: pd.Series, probabilities: np.ndarray) -> float:
    """Return the negative log-likelihood, in which all folds count alike."""
    truth, is_counted = truth_of(material), counted(material, probabilities)
    each = [is_counted & (folds == fold).to_numpy() for fold in names_of(folds)]
    return float(np.mean([evaluation.negative_log_likelihood(truth[one], probabilities[one]) for one in each]))


def measured(material: Material, folds: pd.Series, probabilities: np.ndarray) -> dict[str, object]:
    """Return how well held-out examples are told, by fold: among instruments, and none from the rest."""
    rows, truth = {}, truth_of(material)
    for fold in names_of(folds):
        chosen = (folds == fold).to_numpy() & np.isfinite(probabilities[:, 0])
        is_none = truth[chosen] == OUTCOMES.index(NONE)
        instruments, found = truth[chosen][~is_none], probabilities[chosen]
        own, told = material.values.instruments[chosen][~is_none], found[~is_none, :-1]
        rows[fold] = {
            "examples": len(instruments),
            "hit_at_1": round(evaluation.hit_at_k(instruments, told, 1), 3),
            "hit_at_3": round(evaluation.hit_at_k(instruments, told, 3), 3),
            "own_hit_at_1": round(evaluation.hit_at_k(instruments, own, 1), 3),
            "calibration_error": round(error_of(truth[chosen], found), 4),
            "none_auc": round(roc_auc_score(is_none, found[:, -1]), 3) if 0 < is_none.mean() < 1 else None,
            "by_label": {
                LABELS[number]: round(evaluation.hit_at_k(instruments[rows_of], told[rows_of], 1), 3)
                for number in np.unique(instruments)
                for rows_of in [instruments == number]
            },
        }
        is_unseen = material.table["group"][chosen].isin(UNSEEN).to_numpy()
        if is_unseen.any():
            kept = is_unseen | ~is_none
            rows[fold]["unseen_auc"] = round(roc_auc_score(is_unseen[kept], found[kept, -1]), 3)
    return rows


def error_of(truth: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the expected calibration error of the most likely outcome."""
    return float(evaluation.calibration_error(truth, probabilities))


def reliability(truth: np.ndarray, probabilities: np.ndarray, num_bins: int = 10) -> list[dict[str, float]]:
    """Return for each tenth of the highest probability the examples there, its mean, and the share that is right."""
    highest, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = np.minimum((highest * num_bins).astype(int), num_bins - 1)
    return [
        {
            "examples": int((bins == number).sum()),
            "score": round(float(highest[bins == number].mean()), 4),
            "right": round(float(is_right[bins == number].mean()), 4),
        }
        for number in np.unique(bins)
    ]


def thresholds_of(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return for each instrument the probability, 0.2 to 0.6, that 2 % of the examples of all other outcomes reach.

    The truth is the numbers of the outcomes.
    """
    others = [probabilities[truth != number, number] for number in range(len(LABELS))]
    return np.clip([np.quantile(one, 0.98) for one in others], 0.2, 0.6)


def train(name: str, material: Material, folds: pd.Series) -> dict[str, object]:
    """Train, calibrate and write the head of a network; return what there is to say of it."""
    truth, tried, found = truth_of(material), [], {}
    for penalty in PENALTIES:
        for share, raw in held_out(material, folds, penalty).items():
            probabilities = calibrated(material, folds, raw)
            rows = measured(material, folds, probabilities).values()
            loss, right = loss_of(material, folds, probabilities), float(np.mean([row["hit_at_1"] for row in rows]))
            tried.append({"penalty": penalty, "share": share, "loss": round(loss, 4), "hit_at_1": round(right, 4)})
            found[penalty, share] = loss, raw, probabilities
    penalty = min(PENALTIES, key=lambda one: found[one, SHARE][0])
    _, raw, probabilities = found[penalty, SHARE]
    is_counted = counted(material, raw)
    temperature = evaluation.temperature(truth[is_counted], raw[is_counted])
    thresholds = thresholds_of(probabilities[is_counted], truth[is_counted])
    head = mean_of(*both_heads(material, learned_from(material), penalty), SHARE)
    files.write_arrays(
        PACKAGE / f"{name}.npz",
        labels=np.array(head.labels),
        weights=head.weights.astype(np.float32),
        shift=head.shift.astype(np.float32),
        temperature=np.float32(temperature),
        thresholds=thresholds.astype(np.float32),
    )
    teaching = material.table[learned_from(material)]
    return {
        "examples": teaching["source"].value_counts().to_dict(),
        "penalty": penalty,
        "share_of_own_classes": SHARE,
        "tried": tried,
        "temperature": round(temperature, 3),
        "calibration_error": round(error_of(truth[is_counted], probabilities[is_counted]), 4),
        "reliability": reliability(truth[is_counted], probabilities[is_counted]),
        "held_out": measured(material, folds, probabilities),
        "thresholds": dict(zip(LABELS, thresholds.round(3).tolist(), strict=True)),
    }


def audio_material() -> tuple[Material, pd.Series]:
    """Return what the audio head learns from, and the folds that are held out in turn."""
    sound = read_material()
    return Material(Values(sound.embeddings, sound.tags), sound.table), sound.table["source"].replace("noise", "")


def visual_material() -> tuple[Material, pd.Series]:
    """Return what the visual head learns from, and the folds that are held out in turn."""
    network = VisualNetwork()
    seen = judged("photographs_and_slides", network, photographs(source_dir()))
    seen = seen.joined(judged("empty_scenes", network, empty_scenes(np.random.default_rng(SEED))))
    halves = pd.Series(np.where(seen.table.index % 2, "plain", "scenery"))
    return seen, seen.table["source"].where(seen.table["source"] != "drawn", halves)


MATERIALS = {"efficientat_mn04": audio_material, "efficientnet_lite0": visual_material}


def main(names: Sequence[str]) -> None:
    """Train the heads of these networks; without names all. What the file says of others stays."""
    path = paths.home() / "results" / "benchmarks" / "recogniser.json"
    found = read_json(path) if names else {}
    for name in names or MATERIALS:
        found[name] = train(name, *MATERIALS[name]()) | {"commit": provenance.commit()}
    files.write_json(path, found)
    print(pd.json_normalize(found, max_level=1).T.to_string())


if __name__ == "__main__":
    main(sys.argv[1:])
