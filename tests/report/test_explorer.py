"""The error explorer's table says what the predictions say; small excerpts are made, kept, or taken from the book."""

import html
import re

import numpy as np
import pandas as pd
import pytest
from made_results import LABELS, one_hot

from instrec_corpora.staging import write_clip
from instrec_utils import evaluation, media
from instrec_utils.corpora import Corpus
from instrec_utils.errors import MediaError
from instrec_utils.report import explorer

TRUTH = np.array([0, 1, 2, 0])
ANSWERS = {"audio": [0, 1, 0, 1], "visual": [0, 0, 2, 1], "fusion": [0, 1, 2, 0], "mean": [0, 1, 2, 1]}
VIDEO_IDS = [f"v{number}" for number in range(4)]


@pytest.fixture
def answered():
    tables = {
        name: evaluation.predictions_table(VIDEO_IDS, TRUTH, one_hot(np.array(said)), LABELS)
        for name, said in ANSWERS.items()
    }
    return explorer.best_answers(tables)


@pytest.fixture
def corpus(home):
    directory = home / "data" / "mine"
    rows = [
        {
            "video_id": video_id,
            "label": LABELS[label],
            "split": "test",
            "path": f"{video_id}.mp4",
            "duration": 2.0,
            "picture": "clear",
            "sound": "noise",
        }
        for video_id, label in zip(VIDEO_IDS, TRUTH, strict=True)
    ]
    sound = 0.1 * np.sin(np.arange(88_200) / 20).astype(np.float32)
    write_clip(directory / "v0.mp4", lambda t: np.full((120, 160, 3), 90, np.uint8), 2.0, sound)
    return Corpus("mine", "folder", directory, directory, pd.DataFrame(rows))


def small(home, video_id="v0"):
    return home / "runs" / "mine" / "media" / f"{video_id}-small.mp4"


def test_best_answers_are_the_three_highest_scores(answered):
    assert answered.index.tolist() == VIDEO_IDS
    assert answered["label"].tolist() == [LABELS[number] for number in TRUTH]
    for name, said in ANSWERS.items():
        assert [best[0] for best in answered[name]] == [(LABELS[number], 0.8) for number in said]
        assert all(len(best) == 3 for best in answered[name])


def test_who_was_right_agrees_with_a_loop(answered):
    right = explorer.who_was_right(answered)
    for name, said in ANSWERS.items():
        assert right[name].tolist() == [one == truth for one, truth in zip(said, TRUTH, strict=True)]


def test_every_clip_is_a_row_that_says_label_conditions_and_answers(corpus, answered):
    text = explorer.explorer(corpus, answered, "n < 5").data
    rows = re.findall(r'<tr data-label="(\w+)" data-picture="clear" data-sound="noise">(.*?)</tr>', text)
    assert sorted(label for label, _ in rows) == sorted(LABELS[number] for number in TRUTH)
    for label, row in rows:
        said = re.findall(r'data-name="(\w+)" data-answer="(\w+)"><span title="(\w+)">', row)
        assert [name for name, *_ in said] == list(ANSWERS)
        assert all((answer == label) == (mark == "right") for _, answer, mark in said)
    assert "<caption>n &lt; 5</caption>" in text
    assert text.count("no excerpt") == 3  # only the first clip has a video
    assert 'href="../runs/mine/media/v0-small.mp4"' in text


def test_a_small_excerpt_is_small_and_made_once(home, corpus, answered):
    explorer.explorer(corpus, answered, "")
    path = small(home)
    before = path.stat().st_mtime_ns
    assert media.probe(path).height == 144
    assert path.stat().st_size < 60_000
    assert path.with_suffix(".jpg").stat().st_size < 10_000
    explorer.explorer(corpus, answered, "")
    assert path.stat().st_mtime_ns == before


def test_sound_that_may_not_be_passed_on_is_not_in_the_excerpt(home, corpus):
    explorer.write_small(corpus, corpus.videos / "v0.mp4", small(home), is_heard=False)
    info = media.probe(small(home))
    assert info.has_picture
    assert not info.has_sound


def test_without_its_video_a_clip_is_the_published_one_or_none(home, corpus):
    with pytest.raises(MediaError):
        explorer.write_small(corpus, corpus.videos / "v1.mp4", small(home, "v1"), is_heard=True)
    folder = home / "book" / "_static" / "media" / "mine"
    folder.mkdir(parents=True)
    for suffix in ("mp4", "jpg"):
        (folder / f"v1-small.{suffix}").write_bytes(suffix.encode())
    explorer.write_small(corpus, corpus.videos / "v1.mp4", small(home, "v1"), is_heard=True)
    assert small(home, "v1").read_bytes() == b"mp4"
    assert small(home, "v1").with_suffix(".jpg").read_bytes() == b"jpg"


def test_of_a_large_corpus_the_first_clips_of_each_class_are_shown(corpus, answered, monkeypatch):
    monkeypatch.setattr(explorer, "MOST_CLIPS", 3)
    text = html.unescape(explorer.explorer(corpus, answered, "").data)
    assert [name for name in VIDEO_IDS if f"{name} <small>" in text or f"{name}-small.mp4" in text] == VIDEO_IDS[:3]
