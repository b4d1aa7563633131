"""The plan of the open corpus, on the published registry; the photographs' likeness needs the files and comes last."""

import os
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from instrec_corpora import open_sources, takes
from instrec_corpora.open_plan import MOST_NOTES, MOST_PHOTOGRAPHS, NUM_PARTS, SOUNDFONTS, OpenSettings, plan_open
from instrec_utils import config
from instrec_utils.corpora.splits import rotated
from instrec_utils.errors import CorpusError, ParameterError

RENDERED = {"accordion", "drums", "harmonica", "piano"}


def plan_of(registry, **settings):
    return plan_open(registry, OpenSettings(**settings))


def with_parts(registry):
    return registry.assign(part=open_sources.draw_parts(registry, NUM_PARTS, np.random.default_rng([10, 0])))


@pytest.fixture(scope="module")
def registry():
    """The published files, every third photograph in a group with the next."""
    registry = open_sources.read_registry()
    registry = registry[~registry.path.str.contains("_synthetic_")].reset_index(drop=True)
    is_photo = registry.kind == "photos"
    group = registry.path.where(is_photo, registry.path[~is_photo].map(lambda path: takes.parse_name(path).take))
    twins = registry.index[is_photo & (registry.index % 3 == 0)]
    are_alike = registry.label[twins + 1].to_numpy() == registry.label[twins].to_numpy()
    group[twins[are_alike]] = group[twins[are_alike] + 1].to_numpy()
    return with_parts(registry.assign(group=group))


@pytest.fixture(scope="module")
def clips(registry):
    return plan_of(registry)


def files_of(clip):
    return [source for source in clip.sources.split(";") if "/" in source]


def soundfonts_of(clip):
    return {source.removeprefix("soundfont:") for source in clip.sources.split(";") if source.startswith("soundfont:")}


def name_of(clip):
    """The clip that this one is, or of which it is a variant."""
    return clip.video_id.removesuffix("-clean").removesuffix("-test")


def check_sharing(clips, registry):
    """No source and no likeness of one in two parts, and no source file in two clips."""
    group_of = registry.set_index("path").group
    parts, names, alike = defaultdict(set), defaultdict(set), defaultdict(set)
    for clip in clips:
        for path in files_of(clip):
            parts[group_of[path]].add(clip.part)
            names[path].add(name_of(clip))
            if path.startswith("photos/"):
                alike[group_of[path]].add(name_of(clip))
    assert {len(found) for found in parts.values()} == {1}
    assert {len(found) for found in names.values()} == {1}
    return alike


def test_no_two_parts_share_a_source_and_no_two_clips_a_file(clips, registry):
    alike = check_sharing(clips, registry)
    assert {len(found) for found in alike.values()} == {1}  # nearly the same photographs go to one clip
    used = {path for clip in clips for path in files_of(clip)}
    assert len(used) > 0.97 * len(registry)


def test_every_part_has_seven_clips_a_class(clips):
    by_name = {name_of(clip): clip for clip in clips}
    labels = set(config.LABELS) - {"cello", "organ"}
    assert Counter((clip.label, clip.part) for clip in by_name.values()) == {
        (label, part): 7 for label in labels for part in range(1, NUM_PARTS + 1)
    }
    assert len(by_name) == 539
    ids = [clip.video_id for clip in clips]
    assert len(set(ids)) == len(ids) == len({clip.path for clip in clips})


def test_the_index_comes_with_the_last_rotation(clips):
    counts = Counter(clip.split for clip in clips)
    assert {split: counts[split] for split in ("train", "validation", "test", "test_clean")} == {
        "train": 385,
        "validation": 77,
        "test": 77,
        "test_clean": 77,
    }
    for clip in clips:
        expected = {6: {"validation"}, 7: {"test", "test_clean"}}.get(clip.part, {"train"})
        assert clip.split in {*expected, "spare"}


@pytest.mark.parametrize("rotation", range(1, NUM_PARTS + 1))
def test_in_every_rotation_the_test_sounds_through_a_soundfont_that_was_not_learned_from(clips, rotation):
    table = pd.DataFrame([vars(clip) for clip in clips])
    split = rotated(table, rotation)
    table["name"] = [name_of(clip) for clip in clips]
    for name, part in (("test", rotation), ("validation", (rotation - 2) % NUM_PARTS + 1)):
        assert set(table.part[split == name]) == {part}
    in_use = table[split.isin(config.SPLITS)]
    assert len(in_use) == in_use.name.nunique() == 539  # each clip in one of its variants
    fonts = in_use.sources.str.extract(r"soundfont:(\w+)", expand=False)
    assert set(fonts[split == "test"].dropna()) == {SOUNDFONTS["test"]}
    assert set(fonts[split != "test"].dropna()) == {SOUNDFONTS["training"]}
    assert (split == "test_clean").sum() == (77 if rotation == NUM_PARTS else 0)


def test_every_part_keeps_the_declared_shares(clips):
    conditions = OpenSettings().conditions
    for part in range(1, NUM_PARTS + 1):
        members = {name_of(clip): clip for clip in clips if clip.part == part and clip.use != "clean"}.values()
        assert len(members) == 77
        for shares, drawn in (
            (conditions.picture, Counter(clip.picture for clip in members)),
            (conditions.sound, Counter(clip.sound for clip in members)),
        ):
            assert all(abs(drawn[name] - share * len(members)) < 1 for name, share in shares.items())
        assert not [clip for clip in members if clip.picture == "absent" and clip.sound == "silent"]
        # Every label has about its part of every condition of the picture.
        table = pd.crosstab([clip.label for clip in members], [clip.picture for clip in members])
        assert (table.max() - table.min()).max() <= 1
    durations = np.array([clip.duration for clip in clips])
    assert 20 <= durations.min() <= durations.max() <= 150
    assert (durations <= 45).mean() > 0.7


def test_index_says_what_is_to_be_seen_and_heard(clips):
    for clip in clips:
        kinds = Counter(path.rsplit("/", 1)[0] for path in files_of(clip))
        assert (clip.picture_source == "none") == (clip.picture == "absent") == (not kinds[f"photos/{clip.label}"])
        assert (clip.companion != "") == ("accompanied" in (clip.picture, clip.sound))
        assert (clip.picture == "accompanied") == (kinds[f"photos/{clip.companion}"] > 0)
        assert clip.companion != clip.label
        heard = {clip.label} if clip.sound != "silent" else set()
        heard |= {clip.companion} if clip.sound == "accompanied" else set()
        assert {label for label in heard if kinds[f"recordings/{label}"]} == heard - RENDERED
        font = SOUNDFONTS["training" if clip.use == "training" else "test"]
        assert soundfonts_of(clip) == ({font} if heard & RENDERED else set())
        sounds = "rendered" if clip.label in RENDERED else "real"
        assert clip.sound_source == ("none" if clip.sound == "silent" else sounds)
        assert (clip.use == "any") <= (not heard & RENDERED)
        assert clip.path == f"videos/{clip.label}/{clip.video_id}.mp4"


def test_variants_differ_in_nothing_but_what_they_are_for(clips):
    by_id = {clip.video_id: clip for clip in clips}
    for clip in clips:
        if clip.use == "test":
            other = by_id[name_of(clip)]
            assert other.use == "training"
            same = ("label", "part", "duration", "picture", "sound", "companion")
            assert [getattr(clip, name) for name in same] == [getattr(other, name) for name in same]
            assert files_of(clip) == files_of(other)
        if clip.use == "clean":
            assert (clip.part, clip.picture, clip.sound, clip.companion) == (NUM_PARTS, "clear", "clear", "")
            other = by_id[name_of(clip)]
            own = {path for path in files_of(other) if f"/{other.label}/" in path}
            assert own <= set(files_of(clip))


def test_every_clip_has_material_from_one_instrument(clips):
    fewest = {}
    for clip in clips:
        photos = [path for path in files_of(clip) if path.startswith(f"photos/{clip.label}/")]
        notes = [path for path in files_of(clip) if path.startswith(f"recordings/{clip.label}/")]
        assert len(photos) <= MOST_PHOTOGRAPHS
        assert len(notes) <= MOST_NOTES
        assert len({takes.parse_name(path).instrument for path in notes}) <= 1
        for kind, files in (("photos", photos), ("notes", notes)):
            if files:
                key = (kind, clip.label)
                fewest[key] = min(fewest.get(key, 99), len(files))
    assert min(number for (kind, _), number in fewest.items() if kind == "photos") >= 2
    assert fewest.pop(("notes", "banjo")) == 1  # of 74 recordings
    assert min(number for (kind, _), number in fewest.items() if kind == "notes") >= 2


def test_plan_depends_on_the_seed_alone(registry):
    plans = [plan_of(registry, clips_per_class=NUM_PARTS, seed=seed) for seed in (3, 3, 4)]
    assert plans[0] == plans[1] != plans[2]


def test_with_too_little_material_files_are_shared_and_only_then(registry):
    few = registry.groupby(["kind", "label", "part"], sort=False).head(3)
    uses = Counter(path for clip in plan_of(few) if clip.use in ("any", "training") for path in files_of(clip))
    assert max(uses.values()) > 1
    one_a_part = plan_of(few, clips_per_class=NUM_PARTS)
    uses = Counter(path for clip in one_a_part if clip.use in ("any", "training") for path in files_of(clip))
    shared = [path for path, number in uses.items() if number > 1]
    assert len(one_a_part) >= 77
    assert not shared


def test_part_without_material_is_refused(registry):
    lacking = registry[~((registry.part == 3) & (registry.kind == "photos") & (registry.label == "piano"))]
    with pytest.raises(CorpusError, match="part 3 has no photos of piano"):
        plan_of(lacking)
    lacking = registry[~((registry.part == 2) & (registry.kind == "recordings") & (registry.label == "banjo"))]
    with pytest.raises(CorpusError, match="part 2 has no recordings of banjo"):
        plan_of(lacking)


@pytest.mark.parametrize("number", [0, 3, 8, -7])
def test_number_of_clips_that_parts_cannot_share_is_refused(registry, number):
    with pytest.raises(ParameterError, match=f"multiple of 7, as many in each part, got {number}"):
        plan_of(registry, clips_per_class=number)


@pytest.mark.slow
@pytest.mark.skipif("INSTREC_OPEN_CORPUS" not in os.environ, reason="needs the photographs and recordings")
def test_the_real_photographs_keep_apart():
    folder = Path(os.environ["INSTREC_OPEN_CORPUS"])
    registry = open_sources.read_registry()
    registry = registry[~registry.path.str.contains("_synthetic_")].reset_index(drop=True)
    registry = with_parts(registry.assign(group=open_sources.group_sources(folder, registry)))
    alike = check_sharing(plan_of(registry), registry)
    assert np.mean([len(found) > 1 for found in alike.values()]) < 0.01  # groups larger than a clip's share
