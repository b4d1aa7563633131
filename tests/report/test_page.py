"""What pages are made of: alternative texts, captions, excerpts."""

import av
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from instrec_corpora.staging import write_clip
from instrec_utils.__main__ import parse_parameters
from instrec_utils.corpora import Corpus
from instrec_utils.errors import ParameterError
from instrec_utils.report import page as report


@pytest.fixture
def corpus(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTREC_HOME", str(tmp_path))
    rows = [("v-1", "flute", "train", "videos/v-1.mp4", 12.0), ("v-2", "drums", "test", "videos/v-2.mp4", 2.0)]
    index = pd.DataFrame(rows, columns=["video_id", "label", "split", "path", "duration"])
    directory = tmp_path / "data" / "mine"
    for row in index.itertuples():
        sound = 0.1 * np.sin(np.arange(int(44_100 * row.duration)) / 20).astype(np.float32)
        write_clip(directory / row.path, lambda t: np.full((120, 160, 3), 90, np.uint8), row.duration, sound)
    return Corpus("mine", "folder", directory, directory, index)


def test_a_figure_has_an_alternative_text_and_an_escaped_caption():
    fig = Figure()
    fig.subplots().plot([1, 2])
    text = report.figure(fig, "a < b", 'said "so"').data
    assert 'alt="said &quot;so&quot;"' in text
    assert "<figcaption>a &lt; b</figcaption>" in text
    assert "data:image/png;base64," in text


def test_a_table_escapes_its_content_and_has_a_caption():
    text = report.table(pd.DataFrame({"Label": ["<script>"]}), "n = 1").data
    assert "&lt;script&gt;" in text
    assert "<caption>n = 1</caption>" in text


def test_the_note_counts_the_splits_and_names_the_corpus(corpus):
    text = report.corpus_note(corpus).data
    assert "Corpus: mine" in text
    assert "1 train, 0 validation, 1 test" in text


def test_players_show_short_excerpts_with_sound(corpus, tmp_path):
    text = report.players(corpus, corpus.index, ["one", "two"], seconds=3).data
    assert 'src="../book/_static/media/mine/v-1.mp4"' in text
    for name, seconds in (("v-1", 3), ("v-2", 2)):
        path = tmp_path / "book" / "_static" / "media" / "mine" / f"{name}.mp4"
        with av.open(str(path)) as container:
            assert container.duration / av.time_base == pytest.approx(seconds, abs=0.3)
            assert len(container.streams.audio) == 1
            assert container.streams.video[0].height == 240


def test_an_excerpt_that_is_there_is_kept(corpus, tmp_path):
    report.players(corpus, corpus.index, ["one", "two"], seconds=2)
    path = tmp_path / "book" / "_static" / "media" / "mine" / "v-1.mp4"
    before = path.stat().st_mtime_ns
    report.players(corpus, corpus.index, ["one", "two"], seconds=2)
    assert path.stat().st_mtime_ns == before


def test_parameters_on_the_command_line_are_read_as_yaml():
    parsed = parse_parameters(["num_frames=5", "augment=false", "corpus=x", "share=0.5", "root=/a=b"])
    assert parsed == {"num_frames": 5, "augment": False, "corpus": "x", "share": 0.5, "root": "/a=b"}
    with pytest.raises(ParameterError, match="expected name=value, got 'num_frames'"):
        parse_parameters(["num_frames"])
