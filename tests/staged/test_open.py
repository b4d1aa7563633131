from collections import Counter, defaultdict
from dataclasses import replace
from functools import partial

import av
import numpy as np
import pandas as pd
import pytest
from tiny_open import LABELS, make_sources

from instrec_corpora import open as open_corpus
from instrec_corpora import open_sources, phrases
from instrec_corpora.open import OpenSettings, plan_open, render_clip
from instrec_utils import cluster, config
from instrec_utils.errors import CorpusError, DownloadError, ParameterError


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    registry = make_sources(folder)
    registry["split"] = open_sources.draw_splits(folder, registry, np.random.default_rng(1))
    return folder, registry


@pytest.fixture
def is_quick(monkeypatch):
    """Short clips of two photographs, rendered in this process, one soundfont."""
    monkeypatch.setattr(open_corpus, "DURATIONS", ((1.0, 1, 3),))
    monkeypatch.setattr(open_corpus, "NUM_PHOTOGRAPHS", (1, 2))
    monkeypatch.setattr(cluster, "process", lambda function, items, **_: ((item, function(item)) for item in items))
    monkeypatch.setitem(phrases.SOUNDFONTS, "merlin", phrases.SOUNDFONTS["timgm6mb"])


def files_of(clip):
    return [source for source in clip.sources.split(";") if "/" in source]


def test_no_source_file_is_in_two_splits(sources):
    _, registry = sources
    sha256_of = registry.set_index("path").sha256
    splits_of = defaultdict(set)
    for clip in plan_open(registry, OpenSettings(clips_per_class=20)):
        for path in files_of(clip):
            splits_of[sha256_of[path]].add(clip.split.removesuffix("_clean"))
    assert len(splits_of) > 0.95 * len(registry)
    assert {len(splits) for splits in splits_of.values()} == {1}


def test_plan_keeps_counts_and_shares(sources):
    _, registry = sources
    settings = OpenSettings()
    clips = plan_open(registry, settings)
    assert Counter((clip.label, clip.split) for clip in clips) == Counter(
        {
            (label, split): count
            for label in LABELS
            for split, count in {"train": 30, "validation": 7, "test": 7, "test_clean": 7}.items()
        }
    )
    for split in config.SPLITS:
        members = [clip for clip in clips if clip.split == split]
        for shares, drawn in (
            (settings.conditions.picture, Counter(clip.picture for clip in members)),
            (settings.conditions.sound, Counter(clip.sound for clip in members)),
        ):
            assert all(abs(drawn[name] - share * len(members)) < 1 for name, share in shares.items())
        # Every label has about its part of every condition.
        table = pd.crosstab([clip.label for clip in members], [clip.picture for clip in members])
        assert (table.max() - table.min()).max() <= 1
    durations = np.array([clip.duration for clip in clips])
    assert durations.min() >= 20
    assert durations.max() <= 150
    assert ((durations >= 20) & (durations <= 45)).mean() > 0.7


def test_plan_depends_on_the_seed_alone(sources):
    _, registry = sources
    assert plan_open(registry, OpenSettings(seed=3)) == plan_open(registry, OpenSettings(seed=3))
    assert plan_open(registry, OpenSettings(seed=3)) != plan_open(registry, OpenSettings(seed=4))


def test_index_says_what_is_to_be_seen_and_heard(sources):
    _, registry = sources
    for clip in plan_open(registry, OpenSettings(clips_per_class=40)):
        kinds = Counter(path.rsplit("/", 1)[0] for path in files_of(clip))
        soundfonts = {source for source in clip.sources.split(";") if source.startswith("soundfont:")}
        assert (clip.picture_source == "none") == (clip.picture == "absent") == (not kinds[f"photos/{clip.label}"])
        assert (clip.companion != "") == ("accompanied" in (clip.picture, clip.sound))
        assert (clip.picture == "accompanied") == (kinds[f"photos/{clip.companion}"] > 0)
        assert clip.companion != clip.label
        if clip.sound == "silent":
            assert (clip.sound_source, kinds[f"recordings/{clip.label}"], soundfonts) == ("none", 0, set())
        elif clip.label == "piano":
            assert clip.sound_source == "rendered"
            assert soundfonts == {"soundfont:merlin" if "test" in clip.split else "soundfont:timgm6mb"}
        else:
            assert clip.sound_source == "real"
            assert kinds[f"recordings/{clip.label}"]
            assert bool(soundfonts) == (clip.sound == "accompanied" and clip.companion == "piano")


def test_clean_variants_have_the_same_sources_and_no_degradation(sources):
    _, registry = sources
    clips = {clip.video_id: clip for clip in plan_open(registry, OpenSettings(clips_per_class=40))}
    clean = [clip for clip in clips.values() if clip.split == "test_clean"]
    assert len(clean) == sum(clip.split == "test" for clip in clips.values())
    for clip in clean:
        other = clips[clip.video_id.removesuffix("-clean")]
        assert other.split == "test"
        assert (clip.picture, clip.sound, clip.companion) == ("clear", "clear", "")
        assert (clip.label, clip.duration) == (other.label, other.duration)
        own = {source for source in other.sources.split(";") if f"/{other.label}/" in source}
        assert own <= set(clip.sources.split(";"))


def test_photographs_are_used_evenly(sources):
    _, registry = sources
    uses = Counter(
        path
        for clip in plan_open(registry, OpenSettings(clips_per_class=40))
        if clip.split in ("train", "validation")
        for path in files_of(clip)
    )
    for _, rows in registry[(registry.kind == "photos") & (registry.split != "test")].groupby(["label", "split"]):
        counts = [uses[path] for path in rows.path]
        assert max(counts) - min(counts) <= 1


def test_split_without_photographs_is_refused(sources):
    _, registry = sources
    lacking = registry[~((registry.split == "test") & (registry.kind == "photos") & (registry.label == "piano"))]
    with pytest.raises(CorpusError, match="test split has no photos of piano"):
        plan_open(lacking, OpenSettings())
    with pytest.raises(ParameterError, match="got 2"):
        plan_open(registry, OpenSettings(clips_per_class=2))


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
    monkeypatch.setattr(open_sources, "read_registry", lambda: registry.drop(columns="split"))
    monkeypatch.setenv("INSTREC_OPEN_CORPUS", str(folder))
    settings = OpenSettings(clips_per_class=3, seed=5)
    corpus = tmp_path / "open"
    index = open_corpus.build_open(corpus, settings)
    assert Counter(index.split) == {"train": 3, "validation": 3, "test": 3, "test_clean": 3}
    assert all((corpus / path).is_file() for path in index.path)

    written = {path: path.stat().st_mtime_ns for path in corpus.rglob("*.mp4")}
    pd.testing.assert_frame_equal(open_corpus.build_open(corpus, settings), index)
    assert {path: path.stat().st_mtime_ns for path in corpus.rglob("*.mp4")} == written


def test_local_folder_that_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("INSTREC_OPEN_CORPUS", str(tmp_path / "nowhere"))
    with pytest.raises(CorpusError, match="nowhere"):
        open_corpus.source_dir()


def test_missing_source_stops_the_build(sources, tmp_path, monkeypatch, is_quick):
    _, registry = sources
    monkeypatch.setattr(open_sources, "read_registry", lambda: registry.drop(columns="split"))
    monkeypatch.setenv("INSTREC_OPEN_CORPUS", str(tmp_path))
    with pytest.raises(CorpusError, match=r"photos/guitar/00\.jpg: missing"):
        open_corpus.build_open(tmp_path, OpenSettings(clips_per_class=3))


def test_without_a_local_folder_the_sources_are_downloaded(tmp_path, monkeypatch):
    monkeypatch.delenv("INSTREC_OPEN_CORPUS", raising=False)
    monkeypatch.setenv("INSTREC_DATA", str(tmp_path))
    monkeypatch.setattr(open_sources, "ARCHIVE_URL", "http://127.0.0.1:9/{repository}/{commit}.zip")
    with pytest.raises(DownloadError, match="INSTREC_OPEN_CORPUS"):
        open_corpus.build_open(tmp_path, OpenSettings())
    asked = []
    monkeypatch.setattr(open_sources, "download", lambda folder, registry: asked.append((folder, len(registry))))
    assert open_corpus.source_dir() == tmp_path / "open" / "sources"
    assert asked == [(tmp_path / "open" / "sources", 3340)]


def test_renderer_can_be_sent_to_another_process(sources, tmp_path):
    import pickle

    folder, _ = sources
    assert pickle.loads(pickle.dumps(partial(render_clip, folder=folder, corpus_dir=tmp_path, seed=1)))
