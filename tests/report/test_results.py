"""Results are read once into one table, working before published, and what does not belong together is left out."""

import json

import numpy as np
import pandas as pd
import pytest
from made_results import one_hot, write_result

from instrec_utils import evaluation, files, paths
from instrec_utils.errors import RunError
from instrec_utils.report import answers, results, summary, tables, words

TRUTH = np.array([0, 0, 1, 1, 2, 2])
# What each model answers to the six test videos.
ANSWERS = {"a": [0, 1, 1, 1, 2, 0], "v": [0, 0, 2, 2, 2, 0], "f": [0, 0, 1, 1, 2, 1], "g": [0, 0, 1, 1, 2, 2]}
KINDS = {"a": "audio", "v": "visual", "f": "fusion", "g": "fusion"}
JOINED = {"audio": "a", "visual": "v", "num_frames": 4}
PARAMETERS = {
    "a": {},
    "v": {"num_frames": 4},
    "f": JOINED,
    "g": JOINED | {"fusion_form": "attention", "modality_dropout": 0.3},
}


@pytest.fixture
def published(home):
    """Results of four made models on six videos."""
    for run, said in ANSWERS.items():
        write_result(run, KINDS[run], TRUTH, one_hot(said), parameters=PARAMETERS[run])
    return paths.results_dirs("tiny")[1]


@pytest.fixture
def found(published):
    return results.read_results("tiny")


def change(path, **changes):
    files.write_json(path, json.loads(path.read_text()) | changes)


def test_every_field_and_setting_is_a_column(found):
    assert found.index.tolist() == ["a", "v", "f", "g"]
    assert found["num_frames"].tolist() == [None, 4, 4, 4]
    assert found["initial_weights"].tolist() == [None, "imagenet", None, None]
    assert found["segmentation"].tolist() == ["uc", None, None, None]
    assert found["fusion_form"].tolist() == [None, None, "text", "attention"]
    assert found["hit_at_1"].tolist() == pytest.approx([4 / 6, 3 / 6, 5 / 6, 1])
    assert (found["hit_at_1_low"] <= found["hit_at_1"]).all()
    assert found["steps"].sum() == 400
    assert found["row"].is_unique
    assert found["is_published"].all()
    assert found.loc["a", "path"] == paths.results_dirs("tiny")[1] / "a.json"


def test_each_rotation_has_a_table_of_its_own(published):
    write_result("a-r2", "audio", TRUTH, one_hot(TRUTH), parameters={"rotation": 2})
    assert results.read_results("tiny").index.tolist() == ["a", "v", "f", "g"]
    found = results.read_results("tiny", 2)
    assert found.index.tolist() == ["a-r2"]
    # Over rotations as over seeds it is the same row.
    assert found["row"].tolist() == [results.read_results("tiny").loc["a", "row"]]


def test_a_working_result_hides_the_published_one_of_the_same_run(published):
    write_result("a", "audio", TRUTH, one_hot(TRUTH), is_published=False, finished="2026-02-01")
    found = results.read_results("tiny")
    assert found["is_published"].tolist() == [False, True, True, True]
    assert found.loc["a", "hit_at_1"] == 1
    assert results.read_scores(found.loc[["a"]])[1][0].argmax(axis=1).tolist() == TRUTH.tolist()


def test_a_row_is_measured_again_once_its_files_have_changed(found):
    row = found.loc[["a"]]
    assert results.measure_row(row) == results.measure_row(row)
    assert results.measure_row(row)["hit_at_1"] == pytest.approx(4 / 6)
    write_result("a", "audio", TRUTH, one_hot(TRUTH))
    assert results.measure_row(row)["hit_at_1"] == 1


def test_the_headline_and_its_words(found):
    assert results.headline(found).index.tolist() == ["a", "v", "f", "g"]
    table = tables.scores_table(found.loc[["a", "v", "f"]])
    assert table["Model"].tolist() == ["Choi 2016, UC", "EfficientNet-Lite0, 4 frames", "Late fusion, 4 frames"]
    assert table["Hit@1"].str.split().str[0].tolist() == ["66.7", "50.0", "83.3"]
    assert table["Trained parameters"].iloc[0] == "2,356,620"
    text = summary.headline_text(found)
    assert "12 videos in training, 6 in validation, 6 in the test split" in text
    assert "33.3" in text


def test_the_words_of_a_corpus_without_a_fusion_are_about_what_there_is(found):
    text = summary.headline_text(found.loc[["v"]])
    assert "EfficientNet-Lite0, 4 frames" in text
    assert "Choi" not in text


def test_only_the_papers_form_is_called_the_papers_fusion(found):
    assert words.subject(found.loc["f"]) == "the paper's fusion"
    assert words.subject(found.loc["g"]) == "the fusion with attention and modality dropout 0.3"
    hidden = found.loc["f"].to_dict() | {"parameters": JOINED | {"fusion_form": "text", "modality_dropout": 0.3}}
    assert words.subject(hidden) == "the paper's fusion with modality dropout 0.3"
    assert words.subject(found.loc["v"]) == "EfficientNet-Lite0, 4 frames"


def test_what_is_damaged_or_of_another_version_is_named(published):
    predictions, path = published / "a.predictions.csv", published / "a.json"
    whole = predictions.read_text()
    for cut in (whole[: whole.rindex("v5")], whole[: len(whole) - 25], "video_id,label,cello\nv0,cello,x\n"):
        predictions.write_text(cut)
        with pytest.raises(RunError, match=r"a\.predictions\.csv: .*; delete it and train this model again"):
            results.read_predictions(results.read_results("tiny").loc["a"])
    content = path.read_text()
    path.write_text(content[:50])
    with pytest.raises(RunError, match=r"a\.json: missing or damaged .*; delete it and run again"):
        results.read_results("tiny")
    for field in ("index_sha256", "profile"):
        path.write_text(content.replace(f'"{field}"', '"other"'))
        with pytest.raises(RunError, match=rf"a\.json: of another version, without {field}; delete it"):
            results.read_results("tiny")


@pytest.mark.parametrize("metric", evaluation.METRICS)
@pytest.mark.parametrize("value", [0.987, float("nan"), "much", None])
def test_a_metric_that_does_not_follow_from_the_predictions_is_refused_by_name(published, metric, value):
    path = published / "a.json"
    content = json.loads(path.read_text())
    content["metrics"][metric]["value"] = value
    path.write_text(json.dumps(content))
    reason = f"{metric} is said to be {value:.6f}" if isinstance(value, float) else "its metrics or predictions are"
    with pytest.raises(RunError, match=rf"a\.json: {reason}.*; delete it and run again"):
        results.read_results("tiny")


def test_predictions_that_were_changed_are_refused_by_the_name_of_their_result(published):
    path = published / "a.predictions.csv"
    table = pd.read_csv(path)
    others = table.label.map({"cello": "flute", "flute": "organ", "organ": "cello"})
    for changed in (
        table.assign(label=others),
        table.assign(label="harp"),
        table.iloc[::-1].assign(label=list(table.label)),
    ):
        changed.to_csv(path, index=False)
        with pytest.raises(RunError, match=r"a\.json: .*(follows from its predictions|predictions are damaged)"):
            results.read_results("tiny")


def test_results_of_an_older_index_are_left_out(published):
    for run in ("a", "v", "f"):
        change(published / f"{run}.json", index_sha256="then", finished="2025-01-01T00:00:00Z")
    found = results.read_results("tiny")
    assert found.empty
    with pytest.raises(RunError, match="no fusion yet"):
        results.headline(found)
    assert tables.table2(found).empty
    assert tables.table3(found).empty
    assert tables.table4(found).empty


def test_results_of_an_architecture_that_is_not_installed_are_left_out_with_a_warning(published):
    write_result("of_another", "audio", TRUTH, one_hot(TRUTH))
    change(published / "of_another.json", model="my_network")
    with pytest.warns(UserWarning, match="not installed: my_network"):
        assert results.read_results("tiny").index.tolist() == ["a", "v", "f", "g"]


def test_what_is_not_there(published, found):
    with pytest.raises(RunError, match=r"other: no results; run `make report CORPUS=other` first"):
        results.read_results("other")
    with pytest.raises(RunError, match="expected one of a, v, f, g, got 'x'"):
        results.one_result(found, "x")
    with pytest.raises(RunError, match=r"a\.test_clean\.predictions\.csv: no such predictions"):
        results.read_predictions(found.loc["a"], "test_clean")
    with pytest.raises(RunError, match="no fusion with attention of a yet"):
        results.headline(found.drop("g"))
    with pytest.raises(RunError, match="no fusion yet"):
        results.headline(found.drop(["f", "g"]))


def test_rows_of_the_same_name_say_what_tells_them_apart(published):
    write_result("b", "audio", TRUTH, one_hot(ANSWERS["a"]), parameters={"warm_up_epochs": 3})
    write_result("c", "audio", TRUTH, one_hot(ANSWERS["a"]), profile="paper", protocol={"learning_rate": 0.01})
    found = results.read_results("tiny")
    names = results.mean_over_seeds(found[found["kind"] == "audio"])["name"].tolist()
    assert names == [
        "Choi 2016, UC, profile quick",
        "Choi 2016, UC, profile quick, warm-up 3 epochs",
        "Choi 2016, UC, profile paper, learning rate 0.01",
    ]
    assert results.mean_over_seeds(found, ["v"])["name"].tolist() == ["EfficientNet-Lite0, 4 frames"]


def predictions(found):
    return results.predictions_by_kind(found, ["a", "v", "f"])


def of_one_seed(found):
    return {kind: tables[0] for kind, tables in predictions(found).items()}


def test_what_the_fusion_repaired_and_broke(found):
    repaired, broken = answers.repaired_and_broken(of_one_seed(found))
    assert repaired.video_id.tolist() == ["v1", "v2", "v3"]
    assert broken.empty
    assert repaired.loc[0, ["label", "audio", "visual", "fusion"]].tolist() == ["cello", "flute", "cello", "cello"]


def test_confusions_and_recall(found):
    pairs = answers.confused_pairs([results.read_predictions(found.loc["v"])])
    assert pairs.to_numpy().tolist() == [["flute", "organ", 2], ["organ", "cello", 1]]
    recall = answers.recall_by_class(predictions(found)).set_index(["kind", "label"])
    assert recall.loc["visual", "value"].tolist() == [100, 0, 50]
    assert recall.loc[("visual", "organ"), ["low", "high"]].tolist() == pytest.approx(
        [100 * end for end in evaluation.exact_interval(0.5, 2)]
    )


def test_answers_are_means_over_the_seeds(published):
    write_result("a-s2", "audio", TRUTH, one_hot(TRUTH), seed=2)
    found = results.read_results("tiny")
    shared = results.predictions_by_kind(found, ["a", "v"])
    assert [len(tables) for tables in shared.values()] == [1, 1], "only seeds that both have are set beside each other"
    both = results.predictions_by_kind(found, ["a"])
    assert len(both["audio"]) == 2
    recall = answers.recall_by_class(both).set_index(["kind", "label"])["value"]
    assert recall["audio"].tolist() == [75, 100, 75]
    assert answers.confused_pairs(both["audio"])["Videos"].tolist() == [0.5, 0.5]


def test_what_is_joined_otherwise_stands_beside_the_fusion(found):
    alone = {kind: tables for kind, tables in predictions(found).items() if kind != "fusion"}
    fused = {"the fusion": predictions(found)["fusion"], "audio again": alone["audio"]}
    assert answers.repairs(alone, fused).to_numpy().tolist() == [["the fusion", 3, 0], ["audio again", 2, 1]]


@pytest.mark.parametrize("labels", [("label", "video_id", "split"), ("label.1", "label", "kind"), ("nan", "1", "true")])
def test_a_class_may_be_called_like_a_column(home, monkeypatch, labels):
    monkeypatch.setattr("made_results.LABELS", list(labels))
    for run, said in ANSWERS.items():
        write_result(run, KINDS[run], TRUTH, one_hot(said), parameters=PARAMETERS[run])
    found = results.read_results("tiny")
    for run, said in ANSWERS.items():
        truth, scores, names = evaluation.from_predictions(results.read_predictions(found.loc[run]))
        assert (truth.tolist(), scores.argmax(axis=1).tolist(), names) == (TRUTH.tolist(), said, list(labels))
    pairs = answers.confused_pairs([results.read_predictions(found.loc["v"])])
    assert pairs.to_numpy().tolist() == [[labels[1], labels[2], 2], [labels[2], labels[0], 1]]
    assert set(answers.recall_by_class(predictions(found))["label"]) == set(labels)
    repaired, broken = answers.repaired_and_broken(of_one_seed(found))
    assert (len(repaired), len(broken)) == (3, 0)
    assert tables.scores_table(found)["Hit@1"].str.split().str[0].tolist() == ["66.7", "50.0", "83.3", "100.0"]


def test_hits_by_condition(found, home):
    import pandas as pd

    from instrec_utils.corpora import Corpus

    video_ids = [f"v{number}" for number in range(6)]
    index = pd.DataFrame({"video_id": video_ids, "sound": list("xxyyxy")})
    corpus = Corpus("tiny", "folder", home, home, index)
    table = answers.hits_by_condition(corpus, predictions(found), "sound")
    assert set(table["stream"]) == {"sound"}
    assert table["num_videos"].tolist() == [3] * 6
    by_sound = table[table["kind"] == "audio"].set_index("condition")["value"]
    assert by_sound.to_dict() == pytest.approx({"x": 200 / 3, "y": 200 / 3})
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()
    assert answers.hits_by_condition(corpus, predictions(found), "picture") is None


def test_the_papers_rows_stand_beside_ours(found):
    rows = results.mean_over_seeds(found)
    beside = summary.beside_the_paper(rows)
    assert beside["Kind"].tolist() == sorted(beside["Kind"], key=("audio", "visual", "fusion").index)
    assert set(beside["Corpus"]) == {"tiny", "paper, FCVID", "paper, YT-8M"}
    intervals = summary.intervals(rows, with_paper=True)
    assert intervals["kind"].tolist() == ["audio", "visual", "fusion", "fusion", *["paper"] * 6]
    expected = evaluation.evaluate(TRUTH, [one_hot(ANSWERS["a"])])["hit_at_1"]["low"]
    assert intervals["low"].iloc[0] == pytest.approx(100 * expected)
