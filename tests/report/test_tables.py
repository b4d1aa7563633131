import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from sklearn.metrics import f1_score

from instrec_utils import evaluation, files, paths
from instrec_utils.errors import RunError
from instrec_utils.report import figures as plots
from instrec_utils.report import results, tables

LABELS = ["cello", "flute", "organ"]
TRUTH = np.arange(30) % 3
SETTINGS = {
    "audio-choi2016-uc": ("audio", "choi2016", {"segmentation": "uc"}),
    "audio-choi2016-cc": ("audio", "choi2016", {"segmentation": "cc"}),
    "visual-efficientnet_lite0-k20": ("visual", "efficientnet_lite0", {"num_frames": 20, "pretrained": False}),
    "visual-efficientnet_lite0-k20-pt": ("visual", "efficientnet_lite0", {"num_frames": 20, "pretrained": True}),
    "fusion-x": ("fusion", "late_fusion", {"fusion_form": "text", "modality_dropout": 0.0}),
    "fusion-x-attention": ("fusion", "late_fusion", {"fusion_form": "attention", "modality_dropout": 0.0}),
}
WRONG = dict(zip(SETTINGS, (9, 15, 12, 12, 2, 3), strict=True))  # videos that a run has wrong


def printed(*values):
    return "\N{NO-BREAK SPACE}/ ".join(values)


def make_scores(num_wrong, seed):
    generator = np.random.default_rng((seed, num_wrong))
    scores = generator.dirichlet(np.ones(3), 30) * 0.2
    answers = TRUTH.copy()
    answers[generator.permutation(30)[:num_wrong]] += 1
    scores[np.arange(30), answers % 3] += 0.8
    return scores


@pytest.fixture
def corpus(home):
    """Results of six models, two seeds each, and one of another split under the same name."""
    folder = paths.results_dir("tiny")
    for name, (kind, model, parameters) in SETTINGS.items():
        for seed in (1, 2):
            run = f"{name}-s{seed}"
            if kind == "fusion":
                joined = {"audio": f"audio-choi2016-uc-s{seed}", "visual": f"visual-efficientnet_lite0-k20-s{seed}"}
                parameters = parameters | joined | {"num_frames": 20}
            if kind == "visual":
                parameters = parameters | {"freeze_backbone": True}
            content = {
                "corpus": "tiny",
                "run": run,
                "kind": kind,
                "model": model,
                "parameters": parameters,
                "protocol": {"learning_rate": 1e-4},
                "seed": seed,
                "num_test": 30,
            }
            joined = [f"of {parameters[part]}" for part in ("audio", "visual")] if kind == "fusion" else []
            content |= {"run_sha256": f"of {run}", "uses": joined}
            content |= {"num_parameters": 2_356_620, "multiply_adds": 10**9, "steps": 100 * seed, "train_seconds": 60.0}
            files.write_json(folder / f"{run}.json", content | {"finished": f"2026-01-0{seed}", "index_sha256": "now"})
            for split in ("", ".validation"):
                scores = make_scores(WRONG[name], seed)
                table = evaluation.predictions_table([f"v{n}" for n in range(30)], TRUTH, scores, LABELS)
                files.write_text(folder / f"{run}{split}.predictions.csv", table.to_csv(index=False))
    old = content | {"run": "fusion-x-s3", "finished": "2025-01-01", "index_sha256": "then"}
    files.write_json(folder / "fusion-x-s3.json", old)
    return "tiny"


def test_runs_that_differ_in_the_seed_only_are_one_row(corpus):
    found = tables.rows(corpus, "audio")
    assert [[result["run"] for result in row] for row in found] == [
        ["audio-choi2016-cc-s1", "audio-choi2016-cc-s2"],
        ["audio-choi2016-uc-s1", "audio-choi2016-uc-s2"],
    ]
    assert tables.row_of(results.read_one(corpus, "audio-choi2016-uc-s2")) == found[1]


def test_results_of_an_earlier_split_are_left_out(corpus):
    assert [len(row) for row in tables.rows(corpus, "fusion")] == [2, 2]


def test_table_3_has_the_papers_numbers_beside(corpus):
    table = tables.table3(corpus).set_index("Model")
    assert table.index.tolist() == ["Choi 2016, CC", "Choi 2016, UC"]
    assert table.loc["Choi 2016, UC", "Paper, FCVID"] == printed("79.81", "96.09", "78.71")
    assert table.loc["Choi 2016, CC", "Paper, YT-8M"] == "–"
    assert table["Weights"].tolist() == ["2.36 M", "2.36 M"]
    assert (table["Seeds"].tolist(), table["Steps"].tolist(), table["Min."].tolist()) == (
        [2, 2],
        ["150"] * 2,
        ["1.0"] * 2,
    )
    assert table.loc["Choi 2016, UC", "Hit@1"].startswith("70.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.0")


def test_table_2_tells_pre_training_apart(corpus):
    table = tables.table2(corpus)
    assert table[["Frames", "PT", "Trained"]].to_numpy().tolist() == [
        [20, "no", "classes only"],
        [20, "yes", "classes only"],
    ]
    assert table["Paper, FCVID"].tolist() == [printed("42.30", "64.53", "43.16"), "–"]
    assert table["Paper, YT-8M"].tolist() == ["–", printed("70.07", "84.20", "71.09")]


def test_table_4_compares_the_fusion_with_its_parts_and_their_mean(corpus):
    table = tables.table4(corpus).set_index("Model")
    assert table.index.tolist() == [
        "sound alone",
        "frames alone",
        "mean of both",
        "mean, calibrated first",
        "late fusion",
    ]
    gain = 100 * (9 - 2) / 30
    assert table.loc["sound alone", "Gain"] == f"{gain:+.1f}"
    assert float(table.loc["sound alone", "p"]) < 0.05
    assert table.loc["late fusion", "Paper, YT-8M"] == printed("84.01", "93.41", "84.69")
    audio, visual = (results.predictions(corpus, f"{run}-s1") for run in list(SETTINGS)[0:3:2])
    mean = (evaluation.from_predictions(audio)[1] + evaluation.from_predictions(visual)[1]) / 2
    row = next(row for row in tables.rows(corpus, "fusion") if row[0]["run"] == "fusion-x-s1")
    np.testing.assert_allclose(tables.mean_scores(row)[0], mean)


def test_variants_are_tested_against_the_papers_text(corpus):
    table = tables.variants(corpus, "audio-choi2016-uc-s1", "visual-efficientnet_lite0-k20-s1")
    assert table["Form"].tolist() == ["the paper's text", "attention over frames"]
    assert table["Gain"].tolist() == ["", f"{-100 / 30:+.1f}"]
    assert tables.variants(corpus, "audio-choi2016-cc-s1", "visual-efficientnet_lite0-k20-s1").empty


def test_claims_say_what_holds_and_what_chance_could_do(corpus):
    claims = tables.claims(corpus).set_index("Claim")
    assert claims.loc["Fusion beats audio", "Verdict"] == "holds"
    assert claims.loc["UC is better than CC", "Here (Hit@1, points)"] == "+20.0"
    assert "Pre-training on photographs helps" in claims.index
    assert not any(claim.startswith("More frames") for claim in claims.index)  # there is one number of frames only


def test_claims_are_judged_by_p_values_corrected_for_their_number(corpus):
    claims = tables.claims(corpus)
    p_values, corrected = claims["p (permutation)"].astype(float), claims["p (Holm)"].astype(float)
    assert corrected.min() == pytest.approx(len(claims) * p_values.min(), rel=0.05)
    assert ((claims["Verdict"] == "not told from chance") == (corrected >= 0.05)).all()


def test_p_values_are_corrected_after_holm():
    np.testing.assert_allclose(evaluation.holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])
    np.testing.assert_allclose(evaluation.holm(np.array([0.9, 0.8])), [1, 1])


def test_metrics_over_seeds_are_means_with_their_spread():
    runs = [make_scores(6, 1), make_scores(9, 2)]
    metrics = evaluation.evaluate_seeds(TRUTH, runs)
    assert metrics["hit_at_1"]["value"] == pytest.approx((0.8 + 0.7) / 2)
    assert metrics["hit_at_1"]["spread"] == pytest.approx(np.std([0.8, 0.7], ddof=1))
    expected = np.mean([f1_score(TRUTH, scores.argmax(axis=1), average="macro") for scores in runs])
    assert metrics["f1_macro"]["value"] == pytest.approx(expected)
    assert all(metric["low"] <= metric["value"] <= metric["high"] for metric in metrics.values())
    one = evaluation.evaluate_seeds(TRUTH, runs[:1])
    assert np.isnan(one["hit_at_1"]["spread"])
    plain = evaluation.evaluate(TRUTH, runs[0])
    assert {name: {k: metric[k] for k in ("value", "low", "high")} for name, metric in one.items()} == plain


def test_the_permutation_test_agrees_with_mcnemars_on_one_seed():
    first, second = make_scores(2, 1), make_scores(12, 2)
    right = [scores.argmax(axis=1) == TRUTH for scores in (first, second)]
    only_first, only_second = np.sum(right[0] & ~right[1]), np.sum(right[1] & ~right[0])
    exact = scipy.stats.binomtest(only_first, only_first + only_second).pvalue
    test = evaluation.compare_seeds(TRUTH, [first], [second])
    assert test["difference"] == pytest.approx(10 / 30)
    assert test["p_value"] == pytest.approx(exact, abs=0.01)
    assert evaluation.compare_seeds(TRUTH, [first], [first]) == {"difference": 0.0, "p_value": 1.0}


def test_a_temperature_makes_scores_as_decided_as_they_are_right():
    generator = np.random.default_rng(0)
    true = generator.dirichlet(np.ones(4), 4000)
    truth = np.array([generator.choice(4, p=row) for row in true])
    too_decided = evaluation.with_temperature(true, 1 / 3)
    fitted = evaluation.temperature(truth, too_decided)
    assert fitted == pytest.approx(3, rel=0.1)
    after = evaluation.with_temperature(too_decided, fitted)
    np.testing.assert_array_equal(after.argmax(axis=1), true.argmax(axis=1))
    assert evaluation.calibration_error(truth, after) < 0.03 < evaluation.calibration_error(truth, too_decided)
    assert evaluation.negative_log_likelihood(truth, after) < evaluation.negative_log_likelihood(truth, too_decided)


def test_the_figure_of_frame_counts_shows_the_tables_numbers(corpus):
    table = tables.frame_counts(corpus)
    assert table["name"].tolist() == [
        "EfficientNet-Lite0, from ImageNet's weights",
        "EfficientNet-Lite0, photographs first (PT)",
    ]
    figure = plots.frame_counts(table)
    shown = [container.lines[0].get_ydata().tolist() for container in figure.axes[0].containers]
    assert shown == [[pytest.approx(60.0)], [pytest.approx(60.0)]]
    with pytest.raises(ValueError, match="0 to 100"):
        plots.frame_counts(table.assign(high=101.0))


def test_the_figure_of_costs_joins_the_dots_of_a_model_in_both_panels(corpus):
    table = tables.costs(corpus)
    more_frames = table[table["kind"] == "visual"].assign(minutes=9.0, multiply_adds=9e12, value=75.0)
    table = pd.concat([table, more_frames], ignore_index=True)
    figure = plots.costs(table)
    for axes, column in zip(figure.axes, ("minutes", "multiply_adds"), strict=True):
        dots = [place for line in axes.lines for place in zip(line.get_xdata(), line.get_ydata(), strict=True)]
        assert sorted(dots) == sorted(zip(table[column], table["value"], strict=True))
        assert [line.get_label() for line in axes.lines] == list(dict.fromkeys(table["name"]))
        assert [len(line.get_xdata()) for line in axes.lines] == [1, 1, 2, 2]
    with pytest.raises(ValueError, match="costs above 0"):
        plots.costs(table.assign(minutes=0.0))


def test_a_seed_of_other_settings_is_no_seed_of_the_row(corpus):
    path = paths.results_dir("tiny") / "audio-choi2016-uc-s2.json"
    files.write_json(path, json.loads(path.read_text()) | {"protocol": {"learning_rate": 0.01}})
    seeds = [[result["seed"] for result in row] for row in tables.rows("tiny", "audio")]
    assert seeds == [[1, 2], [1], [2]]
    assert [len(row) for row in tables.rows("tiny", "fusion")] == [1, 1, 1, 1]  # nor are fusions of other runs


def test_a_fusion_of_runs_that_were_trained_anew_since_is_left_out(corpus):
    path = paths.results_dir("tiny") / "audio-choi2016-uc-s2.json"
    files.write_json(path, json.loads(path.read_text()) | {"run_sha256": "of another training"})
    assert [[result["seed"] for result in row] for row in tables.rows("tiny", "fusion")] == [[1], [1]]
    with pytest.raises(RunError, match=r"fusion-x-s2 is of another index or of other runs; train it again"):
        tables.row_of(results.read_one("tiny", "fusion-x-s2"))


def test_a_page_says_the_mean_of_all_seeds(corpus):
    first = results.read_one("tiny", "audio-choi2016-uc-s1")
    worse = evaluation.predictions_table([f"v{n}" for n in range(30)], TRUTH, make_scores(15, 2), LABELS)
    files.write_text(paths.results_dir("tiny") / "audio-choi2016-uc-s2.predictions.csv", worse.to_csv(index=False))
    (averaged,) = tables.averaged([first])
    assert averaged["metrics"]["hit_at_1"]["value"] == pytest.approx((21 / 30 + 15 / 30) / 2)
    assert (averaged["num_seeds"], averaged["run"]) == (2, first["run"])
    assert tables.said(first).startswith("60.0 % of the test videos (mean of 2 seeds, 95 % interval ")
    assert tables.said(first).endswith(", n = 30)")
