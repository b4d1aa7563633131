"""The paper's claims and what the book says of its fusions, each tested once: all pages quote these verdicts.

A corpus in parts is tested over all rotations, in which every clip is tested once by models that never met what it was
made of. Where there are no results of them, its fixed test split and all seeds are what there is. Everywhere `found` is
the table of `results.read_results` of one rotation, `every` that of all of them, `judged` that of `judge`.
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from instrec_utils import corpora, evaluation, significance
from instrec_utils.corpora import Corpus
from instrec_utils.paper_data import paper
from instrec_utils.report import results, tables, words
from instrec_utils.significance import SIGNIFICANT

MARGIN = 0.05  # of Hit@1, within which two models count as alike; set before the corpora in parts were trained
POINTS, ALIKE, STEPS = "points", "alike", "steps"
"""What a claim is about: more points of Hit@1, that they are alike, or the steps that a training takes."""
_WITHOUT = {"imagenet": "ImageNet's weights", "random": "random weights"}  # the paper's two readings of "no PT"


class Model(NamedTuple):
    """The runs of one row; with is_mean, in place of a fusion, the mean of the calibrated probabilities it joins."""

    row: str
    is_mean: bool = False


class Claim(NamedTuple):
    """A sentence, what the paper prints of it, and two models: first is said to have more, or of steps fewer."""

    text: str
    printed: str
    first: Model
    second: Model
    unit: str = POINTS


def tests_of_claims(corpus: Corpus, fusion: str, attention: str) -> pd.DataFrame:
    """Test every claim that a corpus' results can speak to, around a fusion of the paper's form and one with attention.

    Rows that a claim compares differ from the fusions' and those that these join in nothing but what the claim is
    about. Numbers of frames are compared between the two highest and between the two lowest that were trained.

    Returns
    -------
    pd.DataFrame [one row a claim]
        claim, printed, unit, first and second (of `Model`), what `significance` says of them, of the points of Hit@1 or
        of the share of steps, and tested_on, in words.
    """
    every = results.read_results(corpus.name, None)
    claims = _claims(every[every["rotation"] == corpus.rotation], fusion, attention)
    return pd.DataFrame(
        {"claim": one.text, "printed": one.printed, "unit": one.unit, "first": one.first, "second": one.second} | test
        for one in claims
        if (test := _test(corpus, every, one))
    )


def judge(tests: pd.DataFrame) -> pd.DataFrame:
    """Return tests with p_holm, corrected for their number, smallest, the difference they would find, and verdict."""
    judged = tests.assign(p_holm=significance.holm(tests["p_value"].to_numpy()))
    lines = [test.to_dict() for _, test in judged.iterrows()]
    least = {STEPS: significance.smallest_shortening}
    smallest = [least.get(one["unit"], significance.smallest_difference)(one, len(lines)) for one in lines]
    return judged.assign(smallest=smallest, verdict=[_verdict(one) for one in lines])


def _verdict(test: dict[str, Any]) -> str:
    is_shown = test["p_holm"] < SIGNIFICANT
    if test["unit"] == ALIKE:
        return "holds" if is_shown else "not shown to be alike"
    if not is_shown:
        return "not told from chance"
    return "holds" if (test["difference"] > 0) == (test["unit"] == POINTS) else "the opposite holds"


def claims_table(judged: pd.DataFrame, cost: dict[str, str] | None = None) -> pd.DataFrame:
    """Return judged tests as text, and on request the line of `cost`."""
    lines = [
        {
            "Claim": one.claim,
            "Verdict": one.verdict,
            "Here": f"{_said(one.difference, one.unit)} ({_said(one.low, one.unit)} to {_said(one.high, one.unit)})",
            "The paper": one.printed,
            "p (Holm)": f"{one.p_holm:.2g}",
            "Smallest": _said(one.smallest, one.unit).removeprefix("+") if one.smallest < 1 else "–",
            "Tested on": one.tested_on,
        }
        for one in judged.itertuples()
    ]
    return pd.DataFrame([*lines, *([cost] if cost else [])]).fillna("–")


def _said(value: float, unit: str) -> str:
    return f"{words.signed(100 * value)}{' %' if unit == STEPS else ''}"


def fusions_said(found: pd.DataFrame, judged: pd.DataFrame, runs: Sequence[str]) -> str:
    """Return in two sentences what fusions' rows recognise of the test split, and what the claims about them say."""
    rows = results.mean_over_seeds(found, list(dict.fromkeys(runs)))
    hits = [f"{words.subject(row)} recognises {100 * row['hit_at_1']:.1f} %" for _, row in rows.iterrows()]
    about = judged[[one.row in set(rows["row"]) and not one.is_mean for one in judged["first"]]]
    told = f" {verdicts_said(about)}" if len(about) else ""
    return f"Of the test videos {words.enumerated(hits)}.{told}"


def verdicts_said(judged: pd.DataFrame) -> str:
    """Return in a sentence which claims hold, of which the opposite holds, and of how many neither can be told."""
    said, verdicts = [], judged["verdict"]
    for verdict, form in (("holds", "{number} hold{ending}"), ("the opposite holds", "of {number} the opposite holds")):
        if number := (verdicts == verdict).sum():
            told = form.format(number=number, ending="s" if number == 1 else "")
            said.append(f"{told} ({'; '.join(judged.loc[verdicts == verdict, 'claim'])})")
    if untold := len(judged) - verdicts.isin(["holds", "the opposite holds"]).sum():
        said.append(f"{untold} can be told neither way by so few videos and trainings")
    return f"Of {words.counted(len(judged), 'claim')} tested on page 7, {words.enumerated(said)}."


def cost(found: pd.DataFrame, judged: pd.DataFrame, fusion: str) -> dict[str, str]:
    """Return the line of the claim that the fusion is cheap to train: minutes for each point of Hit@1 that it adds.

    It is cheap if what it adds to the better modality is more than chance, and costs less a point than the modalities
    cost for each point above the commonest class. Minutes are by the clock, of one seed on the fixed parts.
    """
    row = results.row_of(found, fusion)
    alone = {
        kind: results.mean_over_seeds(found, [part.index[0]]).iloc[0]
        for kind, part in results.joined(found, row).items()
    }
    mean = results.mean_over_seeds(found, [fusion]).iloc[0]
    gain = 100 * (mean["hit_at_1"] - max(one["hit_at_1"] for one in alone.values()))
    points = sum(100 * (one["hit_at_1"] - one["majority_rate"]) for one in alone.values())
    minutes, theirs = mean["train_seconds"] / 60, sum(one["train_seconds"] for one in alone.values()) / 60
    of_modalities = judged[judged["claim"].isin(["Fusion beats audio", "Fusion beats video"])]
    if gain <= 0 or not (of_modalities["verdict"] == "holds").all():
        verdict = "adds nothing that is told from chance"
    else:
        verdict = "holds" if points <= 0 or minutes / gain < theirs / points else "the opposite holds"
    a_point = f"{minutes / gain:.2f} min. a point added" if gain > 0 else "no point added"
    beside = f"{theirs / points:.2f} min. a point" if points > 0 else "no point above the commonest class"
    return {
        "Claim": "The fusion is cheap to train",
        "The paper": "said, no number",
        "Here": f"{minutes:.1f} min., {a_point}; the modalities {beside}",
        "Verdict": verdict,
    }


def _claims(found: pd.DataFrame, fusion: str, attention: str) -> list[Claim]:
    audio, visual = results.one_result(found, fusion)[["audio", "visual"]]
    rows = found["row"]
    model = {name: Model(rows[run]) for name, run in (("fusion", fusion), ("audio", audio), ("visual", visual))}
    model |= {"ours": Model(rows[attention]), "mean": Model(rows[fusion], is_mean=True)}
    names = {"audio": "Choi 2016, UC", "han": "Han 2016", "xception": "Xception, UC", "cc": "Choi 2016, CC"}
    printed = {name: paper.hits("table3", model=title) for name, title in names.items()}
    printed |= {"fusion": paper.hits("table4", model="Choi"), "visual": paper.hits("table2", pretrained=True)}
    claims = [
        Claim(text, paper.apart(printed.get(first), printed.get(second)), model[first], model[second])
        for text, first, second in (
            ("Fusion beats audio", "fusion", "audio"),
            ("Fusion beats video", "fusion", "visual"),
            ("Audio beats video", "audio", "visual"),
            ("The paper's fusion beats the mean of calibrated probabilities", "fusion", "mean"),
            ("The fusion with attention beats the mean of calibrated probabilities", "ours", "mean"),
            ("The fusion with attention beats the paper's", "ours", "fusion"),
        )
        if model[first] != model[second]
    ]
    found_like = {
        "cc": _like(found, audio, segmentation="cc"),
        "han": _described(found, audio, names["han"]),
        "xception": _described(found, audio, names["xception"]),
    }
    about_audio = {
        "cc": ("UC is better than CC", POINTS),
        "han": ("Choi is well above Han", POINTS),
        "xception": (f"Choi and Xception are alike, within {100 * MARGIN:.0f} points", ALIKE),
    }
    if words.describe(found.loc[audio]) == names["audio"]:
        claims += [
            Claim(text, paper.apart(printed["audio"], printed[name]), model["audio"], Model(rows[run]), unit)
            for name, (text, unit) in about_audio.items()
            if (run := found_like[name]) is not None
        ]
    return claims + _claims_about_frames(found, visual)


def _claims_about_frames(found: pd.DataFrame, visual: str) -> list[Claim]:
    """Return what is claimed of the number of frames and of pre-training, as far as there are runs of both kinds."""
    numbers = sorted(found.loc[found["kind"] == "visual", "num_frames"].unique())
    by_count = {number: _like(found, visual, num_frames=number, initial_weights="imagenet") for number in numbers}
    steps = list(itertools.pairwise(number for number in numbers if by_count[number]))
    claims = []
    for fewer, more in dict.fromkeys([*steps[-1:], *steps[:1]]):
        first, second = (Model(found.loc[by_count[number], "row"]) for number in (more, fewer))
        claims.append(Claim(f"More frames help ({more} against {fewer})", paper.by_frames("hit_at_1"), first, second))
        text = f"Fewer frames shorten training ({fewer} against {more})"
        claims.append(Claim(text, paper.by_frames("hours"), second, first, STEPS))
    starts = [_like(found, visual, initial_weights=weights) for weights in ("imagenet+instruments", "imagenet")]
    if all(starts):
        begun, plain = (Model(found.loc[run, "row"]) for run in starts)
        claims.append(Claim("Pre-training on photographs helps", paper.by_start("hit_at_1"), begun, plain))
        claims.append(Claim("Pre-training shortens training on frames", paper.by_start("hours"), begun, plain, STEPS))
    return claims + _claims_about_whole_networks(found)


def _claims_about_whole_networks(found: pd.DataFrame) -> list[Claim]:
    """Return what is claimed of pre-training where the whole network learns."""
    begun = found[(found["kind"] == "visual") & (found["initial_weights"] == tables.PRETRAINED)]
    claims = []
    for run, wanted in begun[begun["freeze_backbone"].eq(False)].drop_duplicates("row").iterrows():
        network, frames = words.model(wanted["model"]), words.counted(wanted["num_frames"], "frame")
        for weights, named in _WITHOUT.items():
            if other := _like(found, run, initial_weights=weights):
                stayed = found.loc[other, "hit_at_1"] <= found.loc[other, "majority_rate"]
                against = f"{named}, which stayed at chance" if stayed else named
                text = f"Pre-training helps {network}, trained whole on {frames} (against {against})"
                first, second = (Model(found.loc[name, "row"]) for name in (run, other))
                claims.append(Claim(text, paper.by_start("hit_at_1"), first, second))
    return claims


def _like(found: pd.DataFrame, run: str, **changed: Any) -> str | None:
    """Return a run that differs from another in these settings, and at most in the seed; None if there is none.

    Of photographs only a run that learns from them tells whose they are, so with its start that may change.
    """
    wanted = found.loc[run]
    untold = {"photographs"} if "initial_weights" in changed else set()

    def told(parameters: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in parameters.items() if name not in untold}

    for name, result in found[found["kind"] == wanted["kind"]].iterrows():
        is_same = all(result[column] == wanted[column] for column in ("model", "profile", "protocol"))
        if is_same and told(result["parameters"]) == told(wanted["parameters"]) | changed:
            return name
    return None


def _described(found: pd.DataFrame, run: str, title: str) -> str | None:
    """Return a run of another audio model, by its title, in the same profile and after as much of a warm-up."""
    wanted = found.loc[run]
    for name, result in found[found["kind"] == "audio"].iterrows():
        is_same = all(result[column] == wanted[column] for column in ("profile", "warm_up_epochs"))
        if is_same and words.describe(result) == title:
            return name
    return None


def _test(corpus: Corpus, every: pd.DataFrame, claim: Claim) -> dict[str, Any]:
    """Return what a test says of a claim and what it was tested on; nothing where there are too few trainings."""
    places = _places(corpus, every, claim)
    if claim.unit == STEPS:
        return _test_of_steps(places, claim)
    first, second = (_over(places, model) for model in (claim.first, claim.second))
    predictions = [results.read_predictions(_runs_of(place, claim.first).iloc[0]) for place in places]
    truth = np.concatenate([evaluation.from_predictions(one)[0] for one in predictions])
    groups = corpora.group_numbers(corpus, pd.concat([one.iloc[:, 0] for one in predictions]))
    test = significance.compare_seeds(truth, first, second, groups)
    if claim.unit == ALIKE:
        test["p_value"] = significance.equivalence(test, MARGIN)
    over = words.counted(len(places), "rotation") if len(places) > 1 else _seeds_said(first, second)
    apart = "" if test["num_groups"] == len(truth) else f" in {test['num_groups']} groups that share nothing"
    return test | {"tested_on": f"{words.counted(len(truth), 'clip')}{apart}, {over}"}


def _seeds_said(first: Sequence[Any], second: Sequence[Any]) -> str:
    return words.counted(len(first), "seed") + (f" and {len(second)}" if len(first) != len(second) else "")


def _test_of_steps(places: Sequence[pd.DataFrame], claim: Claim) -> dict[str, Any]:
    pairs = []
    for place in places:
        first, second = (_runs_of(place, model).set_index("seed") for model in (claim.first, claim.second))
        both = first.index.intersection(second.index)
        pairs += [(_steps_on_frames(first.loc[seed]), _steps_on_frames(second.loc[seed])) for seed in both]
    if len(pairs) < 2:
        return {}
    return significance.compare_lengths(*zip(*pairs, strict=True)) | {"tested_on": f"{len(pairs)} pairs of trainings"}


def _steps_on_frames(run: pd.Series) -> int:
    """Return the steps of a visual run, without those on photographs before it."""
    return run["epochs"] * -(-run["num_train"] * run["num_frames"] // run["protocol"]["batch_size"])


def _places(corpus: Corpus, every: pd.DataFrame, claim: Claim) -> list[pd.DataFrame]:
    """Return the results of each rotation if all have both models with a seed in common, else those of the corpus'."""
    rotations = [every[every["rotation"] == number] for number in corpus.rotations]
    has_all = all(
        set.intersection(*(set(_runs_of(place, model)["seed"]) for place in rotations))
        for model in (claim.first, claim.second)
    )
    return rotations if has_all else [every[every["rotation"] == corpus.rotation]]


def _runs_of(place: pd.DataFrame, model: Model) -> pd.DataFrame:
    return place[place["row"] == model.row]


def _over(places: Iterable[pd.DataFrame], model: Model) -> list[np.ndarray]:
    """Return a model's scores [shape=(num_videos, num_classes)] on all places, for each seed that all of them have."""
    by_place = []
    for place in places:
        runs = _runs_of(place, model)
        is_mean = model.is_mean
        scores = tables.mean_scores(place, runs, is_calibrated=True) if is_mean else results.read_scores(runs)[1]
        by_place.append(dict(zip(runs["seed"], scores, strict=True)))
    seeds = sorted(set.intersection(*map(set, by_place)))
    return [np.concatenate([one[seed] for one in by_place]) for seed in seeds]
