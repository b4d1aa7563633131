"""Whether a fusion withstands a degradation more often than chance: paired tests on the same degraded videos."""

import numpy as np
import pandas as pd

from instrec_utils import corpora, evaluation, significance
from instrec_utils.corpora import Corpus
from instrec_utils.errors import RunError
from instrec_utils.robustness import measurement
from instrec_utils.robustness.degradation import AS_IS

PAIRS = (("fusion", "better"), ("dropout", "fusion"), ("attention", "fusion"), ("attention", "better"))
"""What is compared, first against second; "better" is the better model of one modality."""


def compare_fusions(corpus: Corpus, names: dict[str, str]) -> pd.DataFrame:
    """Test fusions against each other and against the better modality, on the same degraded videos.

    The levels of a condition are tested together: of each video the share of levels that a model has right counts, and
    near-duplicates go together; see `significance.compare_seeds`. The better modality is, at each level, the one with
    the higher Hit@1 on these very videos, which favours it. What models recognise of the videos as they are is no
    question of these tests, but of the paper's claims. If the named runs, of "fusion", "dropout" and "attention", were
    not measured on the same videos, it is a RunError.

    Returns
    -------
    pd.DataFrame [one row a pair and condition]
        first, second (of `PAIRS`), condition ("all" for all degraded levels together), difference (of the Hit@1 in
        points, first minus second), p_value, and p_holm, corrected for the number of all these tests.
    """
    truth, scores, video_ids = _paired(corpus.name, names)
    alike = corpora.group_numbers(corpus, video_ids)
    groups: dict[str, list[tuple[str, str]]] = {}
    degraded = [place for place in scores["fusion"] if place[0] != AS_IS.name]
    for condition, level in degraded:
        groups.setdefault(f"no {level}" if condition == "missing" else condition, []).append((condition, level))
    tests = pd.DataFrame(
        {"first": first, "second": second, "condition": name}
        | significance.compare_seeds(
            truth, [scores[first][place] for place in places], [scores[second][place] for place in places], alike
        )
        for first, second in PAIRS
        for name, places in [*groups.items(), ("all", degraded)]
    )
    corrected = significance.holm(tests["p_value"].to_numpy())
    return tests.assign(difference=100 * tests["difference"], p_holm=corrected)


def _paired(
    corpus_name: str, names: dict[str, str]
) -> tuple[np.ndarray, dict[str, dict[tuple[str, str], np.ndarray]], pd.Series]:
    """Return the truth, of each kind the scores at each condition and level, and the videos' ids."""
    scores: dict[str, dict[tuple[str, str], np.ndarray]] = {kind: {} for kind in ("better", *names)}
    video_ids = []
    for kind, name in names.items():
        predictions = measurement.read_measured_predictions(corpus_name, name)
        for place, rows in predictions.groupby(["condition", "level"], sort=False):
            by_model = {}
            for model, one in rows.groupby("model"):
                video_ids.append(one["video_id"].tolist())
                scored = one.drop(columns=["condition", "level", "model"])
                truth, by_model[model], _ = evaluation.from_predictions(scored)
            scores[kind][place] = by_model.pop("fusion")
            scores["better"][place] = max(by_model.values(), key=lambda one: evaluation.hit_at_k(truth, one, 1))
    has_same_places = all(one.keys() == scores["fusion"].keys() for one in scores.values())
    if not has_same_places or any(ids != video_ids[0] for ids in video_ids):
        raise RunError(f"results/{corpus_name}: {' and '.join(names.values())} were not measured on the same videos")
    return truth, scores, pd.Series(video_ids[0])
