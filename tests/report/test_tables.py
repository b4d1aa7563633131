"""Tables are selections of the results: rows of several seeds, beside what the paper prints."""

import json

import numpy as np
import pandas as pd
import pytest
from made_results import write_result

from instrec_utils import files, paths
from instrec_utils.errors import RunError
from instrec_utils.paper_data import paper
from instrec_utils.report import cautions, results, tables
from instrec_utils.report import figures as plots

TRUTH = np.arange(30) % 3
SETTINGS = {
    "audio-choi2016-uc": {},
    "audio-choi2016-cc": {"segmentation": "cc"},
    "visual-efficientnet_lite0-k20": {},
    "visual-efficientnet_lite0-k20-pt": {"initial_weights": "imagenet+instruments"},
    "fusion-x": {},
    "fusion-x-attention": {"fusion_form": "attention"},
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
def published(home):
    """Results of six models, two seeds each, and one of another split."""
    for name, parameters in SETTINGS.items():
        kind = name.split("-")[0]
        for seed in (1, 2):
            joined = {"audio": f"audio-choi2016-uc-s{seed}", "visual": f"visual-efficientnet_lite0-k20-s{seed}"}
            write_result(
                f"{name}-s{seed}",
                kind,
                TRUTH,
                make_scores(WRONG[name], seed),
                parameters=parameters | (joined if kind == "fusion" else {}),
                seed=seed,
                steps=100 * seed,
                finished=f"2026-01-0{seed}",
            )
    older = {"finished": "2025-01-01", "index_sha256": "then"}
    write_result("fusion-x-s3", "fusion", TRUTH, make_scores(2, 3), parameters=joined, seed=3, **older)
    return paths.results_dirs("tiny")[1]


@pytest.fixture
def found(published):
    return results.read_results("tiny")


def row_names(found, kind):
    """Return the names of the runs of each row."""
    return [list(row.index) for _, row in found[found["kind"] == kind].groupby("row", sort=False)]


def test_runs_that_differ_in_the_seed_only_are_one_row(found):
    assert row_names(found, "audio") == [
        ["audio-choi2016-cc-s1", "audio-choi2016-cc-s2"],
        ["audio-choi2016-uc-s1", "audio-choi2016-uc-s2"],
    ]
    assert list(results.row_of(found, "audio-choi2016-uc-s2").index) == row_names(found, "audio")[1]


def test_results_of_an_earlier_split_are_left_out(found):
    assert [len(names) for names in row_names(found, "fusion")] == [2, 2]


def test_table_3_has_the_papers_numbers_beside(found):
    table = tables.table3(found).set_index("Model")
    assert table.index.tolist() == ["Choi 2016, CC", "Choi 2016, UC"]
    assert table.loc["Choi 2016, UC", "Paper, FCVID"] == printed("79.81", "96.09", "78.71")
    assert table.loc["Choi 2016, CC", "Paper, YT-8M"] == "–"
    assert table["Weights"].tolist() == ["2.36 M", "2.36 M"]
    assert (table["Seeds"].tolist(), table["Steps"].tolist(), table["Time"].tolist()) == (
        [2, 2],
        ["150"] * 2,
        ["1.0 min"] * 2,
    )
    assert table.loc["Choi 2016, UC", "Hit@1"].startswith("70.0\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.0")


def test_table_2_tells_pre_training_apart(found):
    table = tables.table2(found)
    assert table[["Frames", "Begins with", "Trained"]].to_numpy().tolist() == [
        [20, "ImageNet", "classes only"],
        [20, "ImageNet, then photographs (PT)", "classes only"],
    ]
    assert table["Paper, FCVID"].tolist() == [printed("42.30", "64.53", "43.16"), "–"]
    assert table["Paper, YT-8M"].tolist() == ["–", printed("70.07", "84.20", "71.09")]


def test_table_4_compares_the_fusion_with_its_parts_and_their_mean(found):
    table = tables.table4(found).set_index("Model")
    assert table.index.tolist() == [
        "audio alone",
        "visual alone",
        "mean of both",
        "mean, calibrated first",
        "late fusion",
    ]
    assert table.loc["audio alone", "Against the fusion"] == f"{100 * (2 - 9) / 30:+.1f}", "it recognises less"
    assert "p" not in table, "no p value beside the claims'"
    assert table.loc["late fusion", "Paper, YT-8M"] == printed("84.01", "93.41", "84.69")
    audio, visual = (results.read_scores(found.loc[[f"{run}-s1"]])[1][0] for run in list(SETTINGS)[0:3:2])
    mean = tables.mean_scores(found, results.row_of(found, "fusion-x-s1"))
    np.testing.assert_allclose(mean[0], (audio + visual) / 2)


@pytest.mark.parametrize(("dataset", "frames"), [("FCVID", 50), ("YT-8M", 20)])
def test_on_a_dataset_of_the_paper_every_row_of_it_is_there(home, dataset, frames):
    """Ours beside it where there is one; of the visual ones we have one that it has, of the fusions none."""
    found = {"audio": "audio-choi2016-uc", "visual": "visual-v", "fusion": "fusion-x"}
    parameters = {"visual": {"num_frames": frames, "initial_weights": "imagenet+instruments"}}
    parameters["fusion"] = {"num_frames": 7, "audio": found["audio"], "visual": found["visual"]}
    for kind, run in found.items():
        own = {"model": "inception_frames"} if kind == "visual" else {}
        hours = {"train_seconds": 7200.0, "parameters": parameters.get(kind, {})}
        write_result(run, kind, TRUTH, make_scores(9, 1), profile="paper", **own, **hours)
    found = results.read_results("tiny")

    table, same = tables.fold(tables.table2(found, dataset), "Model", "Trained", "Profile", "Other settings")
    assert same == "Model: Inception v3. Trained: whole network. Profile: paper."
    lines = [line for line in paper.paper_tables()["table2"] if line["dataset"] == dataset]
    shown = {(row["Frames"], "(PT)" in row["Begins with"]): row for _, row in table.iterrows()}
    assert shown.keys() == {(line["frames"], line["pretrained"]) for line in lines}
    for line in lines:
        row = shown[line["frames"], line["pretrained"]]
        assert row[f"Paper, {dataset}"].split("\N{NO-BREAK SPACE}/ ")[0] == f"{line['hit_at_1']:.2f}"
        assert (row["Paper, steps"], row["Paper, time"]) == (line["steps"], f"{line['hours']} h")
        is_ours = (line["frames"], line["pretrained"]) == (frames, True)
        assert (row["Time"], row["Hit@1"] == "–") == (("2.0 h", False) if is_ours else ("–", True))

    table = tables.table3(found, dataset).set_index("Model")
    lines = [line for line in paper.paper_tables()["table3"] if line["dataset"] == dataset]
    assert set(table.index) == {line["model"] for line in lines}
    assert (table["Hit@1"] != "–").to_dict() == {model: model == "Choi 2016, UC" for model in table.index}
    assert table["Paper, weights"].to_dict() == {line["model"]: line["parameters"] for line in lines}

    table = tables.table4(found, dataset)
    fusions = table[table["Model"] == "late fusion"]
    assert fusions["Audio"].tolist() == ["Choi 2016, UC", "Xception, UC", "Choi 2016, UC"]
    ours, *theirs = fusions[f"Paper, {dataset}"]  # ours is of another number of frames
    assert ours == "–"
    assert all(text.count("/") == 2 for text in theirs)
    assert set(fusions["Visual"][1:]) == {f"Inception v3, {frames} frames"}
    assert not [column for column in table if column.startswith("Paper, ") and column != f"Paper, {dataset}"]


def test_a_fusion_of_scores_stands_in_table_4_and_beside_the_mean_on_validation(published):
    joined = {"audio": "audio-choi2016-uc-s1", "visual": "visual-efficientnet_lite0-k20-s1"}
    parameters = {"fusion_form": "weighted"} | joined
    write_result("fusion-x-weighted-s1", "fusion", TRUTH, make_scores(1, 1), parameters=parameters)
    found = results.read_results("tiny")
    assert tables.table4(found)["Model"].tolist()[-2:] == [tables.WEIGHTED, "late fusion"]
    table = tables.on_validation(found, ["fusion-x-s1", "fusion-x-weighted-s1"])
    assert table["Fusion"].tolist()[0] == "Late fusion, 20 frames, weighted"
    assert set(table["Fusion"]) > {"mean of both, calibrated first"}
    assert table["Hit@1"].tolist()[0] == f"{100 * 29 / 30:.1f}"
    assert table["Log loss"].astype(float).is_monotonic_increasing


def test_variants_stand_beside_the_papers_text(found):
    table = tables.fusions_table(found, "audio-choi2016-uc-s1", "visual-efficientnet_lite0-k20-s1")
    assert table["Form"].tolist() == ["the paper's text", "attention over frames"]
    assert table["Gain"].tolist() == ["–", f"{-100 / 30:+.1f}"]
    assert tables.fusions_table(found, "audio-choi2016-cc-s1", "visual-efficientnet_lite0-k20-s1").empty


def test_the_figure_of_frame_counts_shows_the_tables_numbers(found):
    table = tables.frame_counts(found, "quick")
    assert table["name"].tolist() == [
        "EfficientNet-Lite0, ImageNet",
        "EfficientNet-Lite0, ImageNet, then photographs (PT)",
    ]
    shown = [line.get_ydata().tolist() for line in plots.frame_counts(table).wide.axes[0].lines]
    assert shown == [[pytest.approx(60.0)], [pytest.approx(60.0)]]
    with pytest.raises(ValueError, match="0 to 100"):
        plots.frame_counts(table.assign(high=101.0))


def test_the_ends_of_the_lines_of_frame_counts_are_said_in_words(found):
    counts = (
        tables.frame_counts(found, "quick").iloc[[0, 0, 0, 1]].assign(frames=[50, 1, 5, 1], value=[71.2, 52, 60, 53])
    )
    assert tables.ends_of_lines(counts) == (
        "EfficientNet-Lite0, ImageNet: 52 % with 1 frame, 71 % with 50 frames; "
        "EfficientNet-Lite0, ImageNet, then photographs (PT): 53 % with 1 frame"
    )


def test_the_figure_of_costs_has_a_dot_for_each_row_in_both_panels(found):
    table = tables.costs(found, "quick")
    more_frames = table[table["kind"] == "visual"].assign(minutes=9.0, multiply_adds=9e12, value=75.0)
    table = pd.concat([table, more_frames], ignore_index=True)
    for axes, column in zip(plots.costs(table).wide.axes, ("minutes", "multiply_adds"), strict=True):
        _, *models = axes.lines  # the first is of the steps
        dots = [place for line in models for place in zip(line.get_xdata(), line.get_ydata(), strict=True)]
        assert sorted(dots) == sorted(zip(table[column], table["value"], strict=True))
        assert [line.get_label() for line in models] == list(dict.fromkeys(table["name"]))
        assert [len(line.get_xdata()) for line in models] == [1, 1, 2, 2]
    with pytest.raises(ValueError, match="costs above 0"):
        plots.costs(table.assign(minutes=0.0))


def test_a_seed_of_other_settings_is_no_seed_of_the_row(published):
    path = published / "audio-choi2016-uc-s2.json"
    content = json.loads(path.read_text())
    for changes in ({"protocol": content["protocol"] | {"learning_rate": 0.01}}, {"profile": "paper"}):
        files.write_json(path, content | changes)
        found = results.read_results("tiny")
        assert [len(names) for names in row_names(found, "audio")] == [2, 1, 1]
        assert [len(names) for names in row_names(found, "fusion")] == [1, 1, 1, 1]  # nor are fusions of other runs


def test_a_fusion_of_runs_that_were_trained_anew_since_is_left_out(published):
    path = published / "audio-choi2016-uc-s2.json"
    files.write_json(path, json.loads(path.read_text()) | {"run_sha256": "of another training"})
    found = results.read_results("tiny")
    assert row_names(found, "fusion") == [["fusion-x-attention-s1"], ["fusion-x-s1"]]
    with pytest.raises(RunError, match=r"'fusion-x-s2'; it is not there, or of another index or of other runs"):
        results.row_of(found, "fusion-x-s2")


def test_a_page_says_the_mean_of_all_seeds(published):
    write_result("audio-choi2016-uc-s2", "audio", TRUTH, make_scores(15, 2), seed=2, finished="2026-01-02")
    found = results.read_results("tiny")
    mean = results.mean_over_seeds(found, ["audio-choi2016-uc-s1"]).iloc[0]
    assert mean["hit_at_1"] == pytest.approx((21 / 30 + 15 / 30) / 2)
    assert (mean["num_seeds"], mean["run"]) == (2, "audio-choi2016-uc-s1")
    text = tables.said(found, "audio-choi2016-uc-s1")
    assert text.startswith("60.0 % of the test videos (mean of 2 seeds, 95 % interval ")
    assert text.endswith(", n = 30)")


def test_two_profiles_and_rates_stand_side_by_side(published):
    table, same = tables.fold(tables.table3(results.read_results("tiny")), "Profile", "Other settings")
    assert (list(table.columns[:2]), same) == (["Model", "Hit@1"], "Profile: quick.")
    protocol = {"learning_rate": 0.01}
    write_result("audio-a", "audio", TRUTH, make_scores(3, 1), profile="paper", is_published=False)
    write_result("audio-b", "audio", TRUTH, make_scores(3, 1), protocol=protocol)
    table, same = tables.fold(tables.table3(results.read_results("tiny")), "Profile", "Other settings")
    assert same == ""
    assert table[["Model", "Profile", "Other settings"]].to_numpy().tolist() == [
        ["Choi 2016, CC", "quick", ""],
        ["Choi 2016, UC", "paper", ""],
        ["Choi 2016, UC", "quick", "learning rate 0.01"],
        ["Choi 2016, UC", "quick", ""],
    ]
    table4 = tables.table4(results.read_results("tiny"))
    assert set(table4["Audio"]) == {"Choi 2016, UC, profile quick"}


def test_calibration_is_given_before_and_after(found):
    table = tables.calibration(found, ["fusion-x-s1"])
    assert list(table.columns) == [
        *("Model", "Temperature"),
        *("Calibration error, before", "Calibration error, after", "Log loss, before", "Log loss, after"),
    ]
    assert float(table["Log loss, after"].iloc[0]) <= float(table["Log loss, before"].iloc[0])


def test_networks_that_were_trained_whole_say_why_training_ended_and_what_they_reach(published):
    own = {"freeze_backbone": False, "initial_weights": "imagenet"}
    for epochs, best, most in ((9, 4, 30), (9, 9, 9)):
        for split, num_wrong in (("validation", 12), ("test", 18)):
            write_result(
                f"visual-efficientnet_lite0-k20-paper-epochs{most}-s1",
                "visual",
                TRUTH,
                make_scores(num_wrong, most),
                splits=[split],
                parameters=own,
                profile="paper",
                protocol={"max_epochs": most, "patience": 5},
                epochs=epochs,
                best_epoch=best,
                finished="2026-01-02",
            )
    found = results.read_results("tiny")
    table = tables.whole_networks(found)
    assert table["Ended"].tolist() == [
        "after 5 epochs without a lower validation loss",
        "at its limit of 9 epochs, the validation loss still falling",
    ]
    assert table["Begins with"].tolist() == ["ImageNet", "ImageNet"]
    assert all(value.startswith("60.0") for value in table["Validation"])
    told = cautions.of_whole_networks(found)
    assert "recognises 40.0 % of the test videos, its layer of classes alone 60.0 %" in told
    assert told.endswith("ended after 5 epochs without a lower validation loss.")
    quick = found[found["profile"] == "quick"]
    assert tables.whole_networks(quick).empty
    assert cautions.of_whole_networks(quick) == ""


def test_features_that_a_whole_network_has_learned_stand_beside_those_of_imagenet(published):
    assert cautions.of_learned_features(results.read_results("tiny")) == ""
    whole, own = "visual-efficientnet_lite0-k20-paper-s1", {"freeze_backbone": False, "initial_weights": "imagenet"}
    write_result(whole, "visual", TRUTH, make_scores(18, 1), parameters=own, profile="paper", finished="2026-01-02")
    joined = {"audio": "audio-choi2016-uc-s1", "visual": whole, "frame_embeddings": "visual run"}
    # It is the newest, but of one seed only.
    write_result("fusion-y-s1", "fusion", TRUTH, make_scores(6, 1), parameters=joined, finished="2026-02-01")
    found = results.read_results("tiny")
    told = cautions.of_learned_features(found)
    assert told.startswith("With what EfficientNet-Lite0, trained whole, makes of ")
    assert "recognises 80.0 % of the test videos (1 seed), with ImageNet's features of as many 93.3 %." in told
    attention = {"fusion_form": "attention", "modality_dropout": 0.3}
    for visual in ("visual-efficientnet_lite0-k20-s1", whole):
        joined = {"audio": "audio-choi2016-uc-s1", "visual": visual}
        name = f"fusion-{len(visual)}-attention-s1"
        write_result(name, "fusion", TRUTH, make_scores(3, 1), parameters=attention | joined, finished="2026-01-01")
    assert results.headline(results.read_results("tiny")).index[2] == "fusion-x-s1"
