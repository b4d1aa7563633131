"""Each claim is tested once: over all rotations where there are results of them, else on the fixed parts."""

import numpy as np
import pandas as pd
import pytest
from in_parts import index_in_parts
from made_results import LABELS, one_hot, write_result

from instrec_utils import evaluation, significance
from instrec_utils.corpora import Corpus
from instrec_utils.report import cautions, claims, results

TRUTH = np.arange(30) % 3
ROWS = {
    "audio-uc": {},
    "audio-cc": {"segmentation": "cc"},
    "visual-k5": {"num_frames": 5},
    "visual-k20": {"num_frames": 20},
    "visual-k20-pt": {"num_frames": 20, "initial_weights": "imagenet+instruments"},
    "fusion-x": {},
    "fusion-y": {"fusion_form": "attention", "modality_dropout": 0.3},
}
WRONG = dict(zip(ROWS, (9, 21, 12, 12, 12, 2, 3), strict=True))  # videos that a run has wrong
EPOCHS = dict(zip(ROWS, (3, 3, 40, 20, 10, 5, 5), strict=True))


def write_row(name, seed, wrong, rotation=0, **changes):
    generator = np.random.default_rng((seed, wrong, rotation))
    answers = TRUTH.copy()
    answers[generator.permutation(30)[:wrong]] += 1
    kind, end = name.split("-")[0], f"-r{rotation}-s{seed}" if rotation else f"-s{seed}"
    joined = {"audio": f"audio-uc{end}", "visual": f"visual-k20{end}"} if kind == "fusion" else {}
    turned = {"rotation": rotation} if rotation else {}
    parameters = ROWS[name] | joined | turned
    own = {"epochs": EPOCHS[name] + seed % 2, "best_epoch": 2, "warm_up_epochs": 8, "num_train": 64, "seed": seed}
    write_result(f"{name}{end}", kind, TRUTH, one_hot(answers % 3), parameters=parameters, **own | changes)


@pytest.fixture
def corpus(home, monkeypatch):
    """A corpus in three parts, with results of two seeds on its fixed ones; fewer resamples are quicker."""
    monkeypatch.setattr(evaluation, "NUM_RESAMPLES", 20)
    monkeypatch.setattr(significance, "NUM_PERMUTATIONS", 1999)
    for name in ROWS:
        for seed in (1, 2):
            write_row(name, seed, WRONG[name])
    return Corpus("tiny", "folder", home, home, index_in_parts(3, LABELS))


def judged(corpus):
    tests = claims.tests_of_claims(corpus, "fusion-x-s1", "fusion-y-s1")
    return claims.judge(tests).set_index("claim", drop=False)


def test_what_was_trained_on_the_fixed_parts_is_tested_there_with_all_seeds(corpus):
    tests = judged(corpus)
    assert set(tests["tested_on"]) == {"30 clips, 2 seeds", "2 pairs of trainings"}
    assert tests.loc["Fusion beats audio", "difference"] == pytest.approx(7 / 30)
    assert tests.loc["UC is better than CC", "difference"] == pytest.approx(12 / 30)
    assert tests.loc["More frames help (20 against 5)", "verdict"] == "not told from chance"
    assert tests.loc["UC is better than CC", "verdict"] == "holds"
    assert not any("Han" in claim for claim in tests.index)  # nothing of it was trained


def test_what_every_rotation_has_is_tested_over_all_of_them(corpus):
    for rotation in (1, 2):
        for name in ("audio-uc", "visual-k20", "fusion-x"):
            write_row(name, 1, WRONG[name] + rotation, rotation)
    tests = judged(corpus)
    assert tests.loc["Fusion beats audio", "tested_on"] == "90 clips, 3 rotations"
    assert tests.loc["Fusion beats audio", "difference"] == pytest.approx(7 / 30)
    assert tests.loc["The paper's fusion beats the mean of calibrated probabilities", "tested_on"].startswith(
        "90 clips"
    )
    assert tests.loc["UC is better than CC", "tested_on"] == "30 clips, 2 seeds"
    assert tests.loc["Fusion beats audio", "smallest"] < tests.loc["UC is better than CC", "smallest"]


def test_one_correction_gives_the_verdicts_of_all_claims(corpus):
    tests = judged(corpus)
    np.testing.assert_allclose(tests["p_holm"], significance.holm(tests["p_value"].to_numpy()))
    is_told = ~tests["verdict"].isin(["not told from chance", "not shown to be alike"])
    assert (is_told == (tests["p_holm"] < significance.SIGNIFICANT)).all()
    table = claims.claims_table(tests).set_index("Claim")
    assert table["Verdict"].tolist() == tests["verdict"].tolist()
    said = claims.fusions_said(results.read_results("tiny"), tests, ["fusion-x-s1", "fusion-y-s1"])
    hits = (
        "the paper's fusion recognises 93.3 % and the fusion with attention and modality dropout 0.3 recognises 90.0 %"
    )
    assert said.startswith(f"Of the test videos {hits}. Of ")
    assert said.count(". ") == 1, "two sentences"


def test_shorter_trainings_are_counted_in_steps_on_frames(corpus):
    tests = judged(corpus)
    shorter = tests.loc["Pre-training shortens training on frames"]
    assert shorter["difference"] == pytest.approx(np.sqrt(11 / 21 * 10 / 20) - 1)
    assert shorter["unit"] == claims.STEPS
    fewer = tests.loc["Fewer frames shorten training (5 against 20)", "difference"]
    assert fewer == pytest.approx(np.sqrt(41 / 21 * 40 / 20) / 4 - 1)


def test_pre_training_of_a_whole_network_is_compared_with_both_readings_of_none(corpus):
    whole = {"profile": "paper", "epochs": 30, "seed": 1}
    for weights, wrong in (("imagenet+instruments", 3), ("imagenet", 6), ("random", 24)):
        answers = TRUTH.copy()
        answers[:wrong] += 1
        parameters = {"num_frames": 10, "initial_weights": weights}
        write_result(f"visual-{weights}-s1", "visual", TRUTH, one_hot(answers % 3), parameters=parameters, **whole)
    tests = judged(corpus)
    stem = "Pre-training helps EfficientNet-Lite0, trained whole on 10 frames (against {})"
    against_imagenet = tests.loc[stem.format("ImageNet's weights")]
    assert against_imagenet["difference"] == pytest.approx(3 / 30)
    assert against_imagenet["verdict"] == "not told from chance"
    random = tests.loc[stem.format("random weights, which stayed at chance")]
    assert random["difference"] == pytest.approx(21 / 30)
    assert random["verdict"] == "holds"
    assert tests.loc["Pre-training on photographs helps", "second"].row != against_imagenet["second"].row


def test_pre_training_is_claimed_of_photographs_of_ones_own_as_well(corpus, monkeypatch):
    monkeypatch.setitem(ROWS, "visual-k20-pt", ROWS["visual-k20-pt"] | {"photographs": "of my own"})
    for seed in (1, 2):
        write_row("visual-k20-pt", seed, WRONG["visual-k20-pt"])
    assert {"Pre-training on photographs helps", "More frames help (20 against 5)"} <= set(judged(corpus).index)


def test_models_are_alike_only_if_that_is_shown(corpus, monkeypatch):
    for seed in (1, 2):
        write_row("audio-uc", seed, WRONG["audio-uc"])
        change = {"model": "xception_audio", "run": f"audio-x-s{seed}"}
        answers = TRUTH.copy()
        answers[:9] += 1
        own = {"epochs": 3, "best_epoch": 2, "warm_up_epochs": 8, "num_train": 64, "seed": seed}
        write_result(change["run"], "audio", TRUTH, one_hot(answers % 3), model=change["model"], **own)
    alike = judged(corpus).loc["Choi and Xception are alike, within 5 points"]
    assert alike["difference"] == pytest.approx(0)
    assert alike["verdict"] == "not shown to be alike", "thirty clips do not show it"
    monkeypatch.setattr(claims, "MARGIN", 0.9)
    assert judged(corpus).loc["Choi and Xception are alike, within 90 points", "verdict"] == "holds"


def test_the_price_of_a_point_needs_a_gain_that_is_told_from_chance(corpus):
    found, tests = results.read_results("tiny"), judged(corpus)
    line = claims.cost(found, tests.assign(verdict="holds"), "fusion-x-s1")
    assert line["Here"] == "1.0 min., 0.04 min. a point added; the modalities 0.03 min. a point"
    assert line["Verdict"] == "the opposite holds"
    doubtful = tests.assign(verdict="not told from chance")
    assert claims.cost(found, doubtful, "fusion-x-s1")["Verdict"] == "adds nothing that is told from chance"
    assert claims.claims_table(tests, line).iloc[-1]["p (Holm)"] == "–"
    no_better = claims.cost(found.assign(majority_rate=1.0), doubtful, "fusion-x-s1")
    assert no_better["Here"].endswith("the modalities no point above the commonest class")


def test_a_fusion_that_adds_nothing_is_not_cheap(corpus):
    for seed in (1, 2):
        write_row("fusion-x", seed, 15)
    line = claims.cost(results.read_results("tiny"), judged(corpus).assign(verdict="holds"), "fusion-x-s1")
    assert line["Here"].startswith("1.0 min., no point added")
    assert line["Verdict"] == "adds nothing that is told from chance"


def test_cautions_have_the_numbers_of_the_results(corpus):
    index = corpus.index.assign(picture="clear", sound=["silent", *["clear"] * (len(corpus.index) - 1)], duration=8.0)
    corpus = Corpus("tiny", "folder", corpus.directory, corpus.directory, index)
    told = cautions.cautions(corpus, results.read_results("tiny"), "fusion-x-s1", "fusion-y-s1")
    assert told[0].startswith("The paper's fusion recognises 93.3 % of the test videos, ")
    assert told[1].startswith("No clip is both silent and out of sight")
    assert "Choi 2016, CC 3 epochs (0 of 2)" in told[2]
    assert told[3].startswith("100 % of the videos are shorter than 20 s")
    assert "number 2 of 2 fusions of the same two models (90.0 %, the best 93.3 %)" in told[4]
    never = pd.concat([index, index.head(1).assign(video_id="z", picture="absent")])
    both = Corpus("tiny", "folder", corpus.directory, corpus.directory, never)
    assert (
        "silent and out of sight"
        not in cautions.cautions(both, results.read_results("tiny"), "fusion-x-s1", "fusion-y-s1")[1]
    )


def test_what_is_left_without_degradation_follows_from_the_clean_variants(corpus):
    for seed in (1, 2):
        for name in ("visual-k20", "fusion-x"):
            splits = ("test", "validation", "test_clean")
            write_row(name, seed, WRONG[name], splits=splits, metrics_test_clean={}, num_test_clean=30)
    told = cautions.without_degradation(results.read_results("tiny"), "fusion-x-s1")
    assert told.startswith(
        "On clean variants of the test videos visual alone recognises 60.0 %, the paper's fusion 93.3 %"
    )
    assert "of the +33.3 points that it adds to frames on the degraded ones +33.3 are left" in told
