"""What can be touched holds the measured numbers, as data for the script and as a table."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import write_result

from instrec_corpora.staging import write_clip
from instrec_utils import evaluation
from instrec_utils.corpora import Corpus
from instrec_utils.report import page, playing, results


def data_of(shown):
    return json.loads(re.search(r'<script type="application/json">(.*?)</script>', shown.data, re.DOTALL)[1])


@pytest.fixture
def corpus(home):
    directory = home / "data" / "mine"
    rows = [(f"v{n}", label, "test", f"v{n}.mp4", 2.0) for n, label in enumerate(["cello", "cello", "flute", "organ"])]
    index = pd.DataFrame(rows, columns=["video_id", "label", "split", "path", "duration"])
    return Corpus("mine", "folder", directory, directory, index)


def curves():
    places = [("none", "as is"), ("missing", "sound"), ("missing", "pictures")]
    places += [("frames zeroed", "5"), ("frames zeroed", "1"), ("noise", "10")]
    rows = [
        {"condition": condition, "level": level, "kind": kind, "value": 50.0 + number, "low": 40.0, "high": 60.0}
        for number, (condition, level) in enumerate(places)
        for kind in ("visual", "fusion")
        if (kind, level) != ("visual", "pictures")
    ]
    return pd.DataFrame(rows)


def test_shares_of_missing_frames_go_from_none_to_all():
    points = playing.missing_frames(curves(), 10)
    shares = {kind: rows["share"].tolist() for kind, rows in points.groupby("kind")}
    assert shares == {"fusion": [0, 50, 90, 100], "visual": [0, 50, 90]}
    fusion = points[points["kind"] == "fusion"].set_index("share")["value"]
    assert fusion.to_dict() == {0: 50, 50: 53, 90: 54, 100: 52}


def test_the_slider_has_the_measured_points_and_says_them_as_a_table():
    shown = playing.curve_slider(playing.missing_frames(curves(), 10), "n = 4")
    lines = {line["name"]: line["points"] for line in data_of(shown)["lines"]}
    assert lines["fusion"][0] == {"share": 0.0, "value": 50.0, "low": 40.0, "high": 60.0}
    assert len(lines["visual"]) == 3
    assert "<details>" in shown.data
    assert "54.0 (40.0" in shown.data


def test_the_slider_and_its_table_round_alike():
    points = pd.DataFrame([{"share": 0.0, "kind": "fusion", "value": 61.5, "low": 46.153846, "high": 46.149999}])
    shown = playing.curve_slider(points, "n = 13")
    assert data_of(shown)["lines"][0]["points"] == [{"share": 0.0, "value": 61.5, "low": 46.2, "high": 46.1}]
    assert "61.5 (46.2" in shown.data


def test_reliability_tells_the_answers_it_counts_and_models_apart(home):
    truth = np.arange(6) % 3
    scores = np.full((6, 3), 0.1) + 0.7 * np.eye(3)[truth]
    for seed in (1, 2):
        joined = {"audio": f"audio-a-s{seed}", "visual": f"visual-v-s{seed}"}
        for name, kind, own in (
            ("audio-a", "audio", {}),
            ("visual-v", "visual", {}),
            ("fusion-x", "fusion", joined),
            ("fusion-w", "fusion", joined | {"fusion_form": "weighted"}),
            ("fusion-p", "fusion", joined | {"fusion_form": "attention"}),
        ):
            write_result(f"{name}-s{seed}", kind, truth, scores, parameters=own, seed=seed)
    names = ["audio-a-s1", "visual-v-s1", "fusion-x-s1", "fusion-p-s1", "fusion-w-s1"]
    shown = playing.reliability(results.read_results("tiny"), names, "n = 6.")
    models = data_of(shown)["models"]
    assert sum(one["number"] for one in models[0]["before"]["points"]) == 12
    assert "n = 6. Each model: 2 seeds, 12 answers." in shown.data
    assert [one["marker"] for one in models] == ["o", "s", "D", "v", "^"]
    assert len({one["colour"] for one in models}) == 5


@given(st.lists(st.tuples(st.floats(0.34, 1), st.booleans()), min_size=1, max_size=40))
def test_reliability_counts_every_answer_once(answers):
    scores = np.array([[score, (1 - score) / 2, (1 - score) / 2] for score, _ in answers])
    truth = np.array([0 if right else 1 for _, right in answers])
    bins = evaluation.reliability(truth, scores)
    assert bins["number"].sum() == len(answers)
    assert np.average(bins["right"], weights=bins["number"]) == pytest.approx(100 * np.mean(truth == 0))
    assert np.average(bins["confidence"], weights=bins["number"]) == pytest.approx(100 * scores.max(axis=1).mean())
    assert evaluation.calibration_error(truth, scores) >= 0


def test_the_most_uneven_clips_are_of_different_classes(corpus):
    weights = {"v0": [0.9, 0.1], "v1": [0.95, 0.05], "v2": [0.5, 0.5], "v3": [0.3, 0.7]}
    chosen = playing.most_uneven(corpus, weights, 2)
    assert chosen["video_id"].tolist() == ["v1", "v3"]


def test_a_spectrogram_is_as_long_as_what_is_played(home, corpus):
    sound = 0.1 * np.sin(np.arange(88_200) / 20).astype(np.float32)
    write_clip(corpus.videos / "v0.mp4", lambda t: np.full((120, 160, 3), 90, np.uint8), 2.0, sound)
    text = playing.spectrogram_players(corpus, corpus.index.head(1), ["cello"]).data
    seconds = float(re.search(r'data-seconds="([\d.]+)"', text)[1])
    assert seconds == pytest.approx(2.0, abs=0.1)
    assert (home / "runs" / "mine" / "media" / "v0-spectrogram.jpg").stat().st_size < 100_000


def test_a_question_does_not_give_the_answer_away(corpus):
    sound = 0.1 * np.sin(np.arange(88_200) / 20).astype(np.float32)
    write_clip(corpus.videos / "v0.mp4", lambda t: np.full((120, 160, 3), 90, np.uint8), 2.0, sound)
    text = page.players(corpus, corpus.index.head(1), ["cello"], question="Could you tell?").data
    assert "<details><summary>Could you tell?</summary>cello</details>" in text
    assert "cello" not in text.replace("<details><summary>Could you tell?</summary>cello</details>", "")
