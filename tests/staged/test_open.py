from collections import Counter
from dataclasses import replace
from functools import partial

import av
import numpy as np
import pandas as pd
import pytest
from tiny_open import make_sources

from instrec_corpora import open as open_corpus
from instrec_corpora import open_plan, open_sources, phrases
from instrec_corpora.open import render_clip
from instrec_corpora.open_plan import OpenSettings, plan_open
from instrec_utils import cluster
from instrec_utils.corpora.index import read_index
from instrec_utils.errors import CorpusError, DownloadError


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    registry = make_sources(folder)
    registry["group"] = open_sources.group_sources(folder, registry)
    registry["part"] = open_sources.draw_parts(registry, 7, np.random.default_rng(1))
    return folder, registry


@pytest.fixture
def is_quick(monkeypatch):
    """Short clips of two photographs, rendered in this process, one soundfont."""
    monkeypatch.setattr(open_plan, "DURATIONS", ((1.0, 1, 2),))
    monkeypatch.setattr(open_plan, "MOST_PHOTOGRAPHS", 2)
    monkeypatch.setattr(cluster, "process", lambda function, items, **_: ((item, function(item)) for item in items))
    monkeypatch.setitem(phrases.SOUNDFONTS, "merlin", phrases.SOUNDFONTS["timgm6mb"])


def files_of(clip):
    return [source for source in clip.sources.split(";") if "/" in source]


@pytest.fixture(scope="module")
def clip(sources):
    """A plain clip; tests change its conditions."""
    _, registry = sources
    return next(
        replace(clip, duration=2.0, video_id="probe", path="videos/violin/probe.mp4")
        for clip in plan_open(registry, OpenSettings())
        if (clip.label, clip.split, clip.picture, clip.sound) == ("violin", "train", "clear", "clear")
    )


def decoded(path):
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(str(path)) as container:
        sound = np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])
    return np.stack(pictures), sound


def test_same_clip_same_bytes(sources, clip, tmp_path):
    folder, _ = sources
    for name, seed, picture in (("a", 1, "clear"), ("b", 1, "clear"), ("c", 2, "clear"), ("d", 1, "small")):
        render_clip(replace(clip, picture=picture), folder=folder, corpus_dir=tmp_path / name, seed=seed)
    contents = [(tmp_path / name / clip.path).read_bytes() for name in "abcd"]
    assert contents[0] == contents[1]
    assert len(set(contents)) == 3


def test_rendered_clip_is_a_video_with_a_tune(sources, clip, tmp_path):
    folder, _ = sources
    render_clip(replace(clip, duration=6.0), folder=folder, corpus_dir=tmp_path, seed=1)
    pictures, sound = decoded(tmp_path / clip.path)
    assert pictures.shape[1:] == (240, 320, 3)
    assert len(pictures) / 6.0 in open_corpus.FRAME_RATES
    assert abs(len(sound) / 44_100 - 6.0) < 0.05
    assert np.abs(sound).max() > 0.1
    # The notes of the tiny corpus lie between A4 and F5, 440 to 698 Hz.
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / 44_100)
    assert 420 < frequency[np.argmax(power)] < 730


def test_silent_clip_is_silent(sources, clip, tmp_path):
    folder, _ = sources
    photos = ";".join(path for path in files_of(clip) if path.startswith("photos/"))
    render_clip(replace(clip, sound="silent", sources=photos), folder=folder, corpus_dir=tmp_path, seed=1)
    _, sound = decoded(tmp_path / clip.path)
    assert np.sqrt(np.mean(sound**2)) < 0.01


def test_build_makes_the_whole_corpus_once(sources, tmp_path, monkeypatch, is_quick):
    folder, registry = sources
    monkeypatch.setattr(open_sources, "read_registry", lambda: registry.drop(columns=["group", "part"]))
    monkeypatch.setenv("INSTREC_OPEN_CORPUS", str(folder))
    settings = OpenSettings(clips_per_class=7, seed=5)
    corpus = tmp_path / "open"
    index = open_corpus.build_open(corpus, settings)
    counts = Counter(index.split)
    num_spare = counts.pop("spare")
    assert counts == {"train": 15, "validation": 3, "test": 3, "test_clean": 3}
    assert num_spare == (index.use == "test").sum() > 0
    assert all((corpus / path).is_file() for path in index.path)
    pd.testing.assert_series_equal(read_index(corpus / "index.csv").part, index.part)

    written = {path: path.stat().st_mtime_ns for path in corpus.rglob("*.mp4")}
    pd.testing.assert_frame_equal(open_corpus.build_open(corpus, settings), index)
    assert {path: path.stat().st_mtime_ns for path in corpus.rglob("*.mp4")} == written


def test_variants_show_the_same_and_play_the_same_tune(sources, clip, tmp_path, is_quick):
    """Here both soundfonts are one file."""
    folder, _ = sources
    photos = ";".join(path for path in files_of(clip) if path.startswith("photos/"))
    for video_id, soundfont in (("p", "timgm6mb"), ("p-test", "merlin"), ("q", "timgm6mb")):
        one = replace(clip, video_id=video_id, path=f"{video_id}.mp4", sources=f"{photos};soundfont:{soundfont}")
        render_clip(one, folder=folder, corpus_dir=tmp_path, seed=1)
    contents = [(tmp_path / f"{name}.mp4").read_bytes() for name in ("p", "p-test", "q")]
    assert contents[0] == contents[1] != contents[2]


def test_local_folder_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTREC_OPEN_CORPUS", str(tmp_path / "nowhere"))
    with pytest.raises(CorpusError, match="nowhere"):
        open_corpus.source_dir()


def test_missing_source_stops_the_build(sources, tmp_path, monkeypatch, is_quick):
    _, registry = sources
    monkeypatch.setattr(open_sources, "read_registry", lambda: registry.drop(columns=["group", "part"]))
    monkeypatch.setenv("INSTREC_OPEN_CORPUS", str(tmp_path))
    with pytest.raises(CorpusError, match=r"photos/guitar/00\.jpg: missing"):
        open_corpus.build_open(tmp_path, OpenSettings(clips_per_class=7))


def test_without_a_local_folder_the_sources_are_downloaded(tmp_path, monkeypatch):
    monkeypatch.delenv("INSTREC_OPEN_CORPUS", raising=False)
    monkeypatch.setenv("INSTREC_DATA", str(tmp_path))
    monkeypatch.setattr(open_sources, "ARCHIVE_URL", "http://127.0.0.1:9/{repository}/{commit}.zip")
    with pytest.raises(DownloadError, match="INSTREC_OPEN_CORPUS"):
        open_corpus.build_open(tmp_path, OpenSettings())
    asked = []
    monkeypatch.setattr(
        open_sources, "download_sources", lambda folder, registry: asked.append((folder, len(registry)))
    )
    assert open_corpus.source_dir() == tmp_path / "open" / "sources"
    assert asked == [(tmp_path / "open" / "sources", 3340)]


def test_renderer_can_be_sent_to_another_process(sources, tmp_path):
    import pickle

    folder, _ = sources
    assert pickle.loads(pickle.dumps(partial(render_clip, folder=folder, corpus_dir=tmp_path, seed=1)))
