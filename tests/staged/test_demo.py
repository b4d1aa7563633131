from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from instrec_corpora import demo
from instrec_corpora.demo import DemoSettings
from instrec_utils import media
from instrec_utils.config import LABELS, SPLITS, Conditions
from instrec_utils.errors import ParameterError


@pytest.mark.parametrize(("clips_per_class", "expected"), [(3, (1, 1, 1)), (17, (11, 3, 3)), (20, (14, 3, 3))])
def test_every_class_has_as_many_clips_in_every_split(clips_per_class, expected):
    clips = demo.plan_demo(DemoSettings(clips_per_class=clips_per_class))
    counts = Counter((clip.label, clip.split) for clip in clips)
    assert counts == {(label, split): count for label in LABELS for split, count in zip(SPLITS, expected, strict=True)}
    assert len({clip.video_id for clip in clips}) == len({clip.path for clip in clips}) == 13 * clips_per_class


@pytest.mark.parametrize("split", SPLITS)
def test_the_conditions_have_their_declared_shares_in_every_split(split):
    declared = Conditions()
    clips = [clip for clip in demo.plan_demo(DemoSettings()) if clip.split == split]
    for values, shares in (
        ([clip.picture for clip in clips], declared.picture),
        ([clip.sound for clip in clips], declared.sound),
    ):
        counts = Counter(values)
        assert set(counts) <= set(shares)
        for name, share in shares.items():
            assert abs(counts[name] - share * len(clips)) < 1, name


@pytest.mark.parametrize("seed", range(5))
def test_no_clip_is_without_any_evidence(seed):
    clips = demo.plan_demo(DemoSettings(seed=seed))
    assert not [clip for clip in clips if clip.picture == "absent" and clip.sound == "silent"]
    assert any(clip.picture == "absent" for clip in clips)
    assert any(clip.sound == "silent" for clip in clips)


def test_what_a_clip_says_of_itself():
    settings = DemoSettings(min_seconds=5, max_seconds=8)
    for clip in demo.plan_demo(settings):
        assert 5 <= clip.duration <= 8
        assert clip.path == f"videos/{clip.label}/{clip.video_id}.mp4"
        assert (clip.picture_source == "none") == (clip.picture == "absent")
        assert (clip.sound_source == "none") == (clip.sound == "silent")
        assert (clip.companion != "") == ("accompanied" in (clip.picture, clip.sound))
        assert clip.companion != clip.label
        assert clip.companion in ("", *LABELS)


def test_the_same_seed_gives_the_same_plan():
    assert demo.plan_demo(DemoSettings()) == demo.plan_demo(DemoSettings())
    assert demo.plan_demo(DemoSettings(seed=11)) != demo.plan_demo(DemoSettings())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"clips_per_class": 2}, "clips_per_class: expected at least 3, one a split, got 2"),
        ({"clips_per_class": 0}, "clips_per_class: expected at least 3"),
        ({"min_seconds": 9, "max_seconds": 8}, r"min_seconds, max_seconds: .*got \(9, 8\)"),
        ({"min_seconds": 0}, "min_seconds, max_seconds: expected whole numbers, 1 or more"),
        ({"min_seconds": 2.5, "max_seconds": 2.5}, r"expected whole numbers, 1 or more, in order, got \(2.5, 2.5\)"),
        ({"min_seconds": 20.0, "max_seconds": 30.4}, r"expected whole numbers.*got \(20.0, 30.4\)"),
        ({"max_seconds": float("inf")}, "expected whole numbers"),
        ({"min_seconds": float("nan")}, "expected whole numbers"),
    ],
)
def test_impossible_settings_are_refused(changes, message):
    with pytest.raises(ParameterError, match=message):
        demo.plan_demo(replace(DemoSettings(), **changes))


def test_a_corpus_is_built_on_all_cores_unless_told_otherwise(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(demo.staging, "read_index", lambda corpus_dir: None)
    monkeypatch.setattr(
        demo.staging, "render_all", lambda clips, render, corpus_dir, num_workers, **_: seen.append(num_workers)
    )
    monkeypatch.setattr(demo.cluster, "num_cores", lambda: 3)
    demo.build_demo(tmp_path, DemoSettings(clips_per_class=3))
    demo.build_demo(tmp_path, DemoSettings(clips_per_class=3), num_workers=2)
    assert seen == [3, 2]


@pytest.mark.slow
def test_a_rendered_clip_decodes_again(tmp_path):
    settings = DemoSettings(min_seconds=3, max_seconds=3)
    clips = demo.plan_demo(settings)
    clip = next(clip for clip in clips if clip.picture == clip.sound == "clear" and clip.label == "violin")
    muted = replace(next(clip for clip in clips if clip.sound == "silent" and clip.picture == "clear"), duration=2.0)
    for one in (clip, muted):
        demo.render_clip(one, tmp_path, settings)
    info = media.probe(tmp_path / clip.path)
    assert info.duration == pytest.approx(3, abs=0.15)
    pictures = list(media.read_frames(tmp_path / clip.path))
    assert len(pictures) == 3
    assert min(picture.std() for picture in pictures) > 10  # no empty screen
    sound = media.read_sound(tmp_path / clip.path, (12_000,))[12_000]
    assert np.sqrt(np.mean(sound**2)) > 0.005
    assert np.abs(sound).max() <= 1.2
    silent = media.probe(tmp_path / muted.path)
    if silent.has_sound:  # nothing but the hiss of a recorder
        assert np.abs(media.read_sound(tmp_path / muted.path, (12_000,))[12_000]).max() < 0.01

    again = tmp_path / "again"
    demo.render_clip(clip, again, settings)
    assert (again / clip.path).read_bytes() == (tmp_path / clip.path).read_bytes()
