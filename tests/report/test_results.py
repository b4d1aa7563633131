import json

import numpy as np
import pandas as pd
import pytest

from instrec_utils import evaluation, files, paths
from instrec_utils.corpora import Corpus
from instrec_utils.errors import RunError
from instrec_utils.report import results

LABELS = ["cello", "flute", "organ"]
TRUTH = np.array([0, 0, 1, 1, 2, 2])
# What each model answers to the six test videos.
ANSWERS = {"a": [0, 1, 1, 1, 2, 0], "v": [0, 0, 2, 2, 2, 0], "f": [0, 0, 1, 1, 2, 1], "g": [0, 0, 1, 1, 2, 2]}
KINDS = {"a": "audio", "v": "visual", "f": "fusion", "g": "fusion"}
PARAMETERS = {
    "a": {"segmentation": "uc"},
    "v": {"num_frames": 4, "pretrained": False},
    "f": {"num_frames": 4, "audio": "a", "visual": "v", "fusion_form": "text", "modality_dropout": 0.0},
    "g": {"num_frames": 4, "audio": "a", "visual": "v", "fusion_form": "attention", "modality_dropout": 0.3},
}
MODELS = {"a": "choi2016", "v": "efficientnet_lite0", "f": "late_fusion", "g": "late_fusion"}


@pytest.fixture
def corpus(home):
    """Results of four made models on six videos."""
    folder = paths.results_dir("tiny")
    video_ids = [f"v{number}" for number in range(6)]
    for run, answers in ANSWERS.items():
        scores = np.full((6, 3), 0.1)
        scores[np.arange(6), answers] = 0.8
        table = evaluation.predictions_table(video_ids, TRUTH, scores, LABELS)
        files.write_text(folder / f"{run}.predictions.csv", table.to_csv(index=False))
        content = {
            "corpus": "tiny",
            "run": run,
            "kind": KINDS[run],
            "model": MODELS[run],
            "num_parameters": 1234567,
            "seed": 1,
        }
        content |= {"parameters": PARAMETERS[run], "metrics": evaluation.evaluate(TRUTH, scores)}
        content |= {"num_train": 12, "num_validation": 6, "num_test": 6, "majority_rate": 1 / 3}
        content |= {"protocol": {}, "index_sha256": "now", "run_sha256": f"of {run}"}
        content |= {"uses": ["of a", "of v"] if KINDS[run] == "fusion" else []}
        files.write_json(folder / f"{run}.json", content | {"finished": "2026-01-01T00:00:00Z"})
    index = pd.DataFrame(
        {"video_id": video_ids, "label": [LABELS[number] for number in TRUTH], "sound": list("xxyyxy")}
    )
    return Corpus("tiny", "folder", home, home, index)


def tables():
    return {KINDS[run]: results.predictions("tiny", run) for run in "avf"}


def test_results_come_in_the_order_of_their_kinds(corpus):
    assert [result["run"] for result in results.read("tiny")] == ["a", "v", "f", "g"]
    assert [result["run"] for result in results.one_of_each_kind("tiny")] == ["a", "v", "f"]
    assert results.with_attention("tiny")["run"] == "g"
    table = results.table(results.one_of_each_kind("tiny"))
    assert table["Model"].tolist() == ["Choi 2016, UC", "EfficientNet-Lite0, 4 frames", "Late fusion, 4 frames"]
    assert table["Hit@1"].str.split().str[0].tolist() == ["66.7", "50.0", "83.3"]
    assert table["Trained parameters"].iloc[0] == "1,234,567"
    headline = results.headline("tiny")
    assert "12 videos in training, 6 in validation, 6 in the test split" in headline
    assert "33.3" in headline


def test_what_is_damaged_is_named(corpus):
    folder = paths.results_dir("tiny")
    whole = (folder / "a.predictions.csv").read_text()
    for cut in (whole[: whole.rindex("v5")], whole[: len(whole) - 25], "video_id,label,cello\nv0,cello,x\n"):
        (folder / "a.predictions.csv").write_text(cut)
        with pytest.raises(RunError, match=r"a\.predictions\.csv: .*; delete it and train this model again"):
            results.predictions("tiny", "a")
    content = (folder / "a.json").read_text()
    (folder / "a.json").write_text(content[:50])
    with pytest.raises(RunError, match=r"a\.json: missing or damaged .*; delete it and run again"):
        results.read("tiny")
    (folder / "a.json").write_text(content.replace("index_sha256", "index_sha1"))
    with pytest.raises(RunError, match=r"a\.json: of another version, without index_sha256; delete it"):
        results.read("tiny")


def test_results_of_an_older_index_are_no_headline(corpus):
    folder = paths.results_dir("tiny")
    for run in ("a", "v", "f"):
        content = json.loads((folder / f"{run}.json").read_text())
        older = {"index_sha256": "then", "finished": "2025-01-01T00:00:00Z"}
        files.write_json(folder / f"{run}.json", content | older)
    assert [result["run"] for result in results.current("tiny")] == []
    with pytest.raises(RunError, match="no fusion yet"):
        results.one_of_each_kind("tiny")


def test_what_is_not_there(corpus):
    with pytest.raises(RunError, match=r"other: no results; run `make report CORPUS=other` first"):
        results.read("other")
    with pytest.raises(RunError, match="results/tiny: expected one of a, v, f, g, got 'x'"):
        results.read_one("tiny", "x")
    with pytest.raises(RunError, match=r"x\.predictions\.csv: no such predictions"):
        results.predictions("tiny", "x")
    (paths.results_dir("tiny") / "g.json").unlink()
    with pytest.raises(RunError, match="no fusion with attention of a yet"):
        results.with_attention("tiny")
    (paths.results_dir("tiny") / "f.json").unlink()
    with pytest.raises(RunError, match="no fusion yet"):
        results.one_of_each_kind("tiny")


def test_what_the_fusion_repaired_and_broke(corpus):
    repaired, broken = results.repaired_and_broken(tables())
    assert repaired.video_id.tolist() == ["v1", "v2", "v3"]
    assert broken.empty
    assert repaired.loc[0, ["label", "audio", "visual", "fusion"]].tolist() == ["cello", "flute", "cello", "cello"]


def test_confusions_and_recall(corpus):
    pairs = results.confused_pairs(results.predictions("tiny", "v"))
    assert pairs.to_numpy().tolist() == [["flute", "organ", 2], ["organ", "cello", 1]]
    recall = results.recall_by_class(tables()).set_index(["kind", "label"]).recall
    assert recall["visual"].tolist() == [1.0, 0.0, 0.5]


def test_hits_by_condition(corpus):
    table = results.by_condition(corpus, results.one_of_each_kind("tiny"), "sound")
    assert set(table["stream"]) == {"sound"}
    assert table["num_videos"].tolist() == [3] * 6
    by_sound = table[table["kind"] == "audio"].set_index("condition")["value"]
    assert by_sound.to_dict() == pytest.approx({"x": 200 / 3, "y": 200 / 3})
    assert results.by_condition(corpus, results.read("tiny"), "picture") is None


def test_the_papers_rows_stand_beside_ours(corpus):
    beside = results.beside_the_paper(results.read("tiny"))
    assert beside["Kind"].tolist() == sorted(beside["Kind"], key=("audio", "visual", "fusion").index)
    assert set(beside["Corpus"]) == {"tiny", "paper, FCVID", "paper, YT-8M"}
