import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from in_parts import index_in_parts

from instrec_utils.config import SPLITS
from instrec_utils.corpora import Corpus
from instrec_utils.corpora.splits import grouped_split, paper_split, rotated, stratified_split
from instrec_utils.errors import CorpusError, ParameterError

SIZES = st.lists(st.integers(3, 60), min_size=1, max_size=5)


def make_index(sizes):
    labels = [f"class{number}" for number, size in enumerate(sizes) for _ in range(size)]
    return pd.DataFrame({"video_id": [f"v{number:05d}" for number in range(len(labels))], "label": labels})


def draw(rows, share):
    """Return a random share of the rows, rounded up, and the rest; numpy freezes the stream of `RandomState`."""
    order = np.random.RandomState(10).permutation(len(rows))
    number = math.ceil(share * len(rows))
    return rows[order[:number]], rows[order[number:]]


@given(sizes=SIZES.filter(lambda sizes: sum(sizes) > 3))
@example(sizes=[5_147])
@example(sizes=[60_794])
@settings(max_examples=40, deadline=None)
def test_the_papers_split_does_not_depend_on_the_version_of_scikit_learn(sizes):
    held_out, train = draw(np.arange(sum(sizes)), 0.3)
    test, validation = draw(held_out, 0.5)
    split = paper_split(make_index(sizes))
    for name, members in zip(SPLITS, (train, validation, test), strict=True):
        assert set(np.flatnonzero(split == name)) == set(members)


@given(sizes=SIZES, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_a_stratified_split_divides_every_class(sizes, seed):
    index = make_index(sizes)
    split = stratified_split(index, np.random.default_rng(seed))
    counts = pd.crosstab(index.label, split).reindex(columns=list(SPLITS))
    for (_, row), size in zip(counts.iterrows(), sizes, strict=True):
        assert row.min() >= 1
        if size >= 7:  # below that, one video each comes before the shares
            np.testing.assert_array_less(np.abs(row.to_numpy() - np.array([0.7, 0.15, 0.15]) * size), 1 + 1e-9)


@given(sizes=SIZES, seed=st.integers(0, 99), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_split_depends_on_the_seed_and_not_on_the_order_of_rows(sizes, seed, data):
    index = make_index(sizes)
    groups = pd.Series(data.draw(st.lists(st.integers(0, 400), min_size=len(index), max_size=len(index))))
    order = np.random.default_rng(seed + 1).permutation(len(index))
    try:
        split = grouped_split(index, groups, np.random.default_rng(seed))
    except CorpusError:
        return
    again = grouped_split(index.iloc[order], groups.iloc[order], np.random.default_rng(seed))
    pd.testing.assert_series_equal(again.sort_index(), split)
    assert (split.groupby(groups).nunique() == 1).all()
    assert (pd.crosstab(index.label, split).reindex(columns=list(SPLITS)) > 0).all(axis=None)


def test_another_seed_gives_another_split():
    index = make_index([50, 50])
    first, second = (stratified_split(index, np.random.default_rng(seed)) for seed in (0, 1))
    assert (first != second).any()


def test_groups_keep_the_shares_when_they_can():
    rng = np.random.default_rng(3)
    index = make_index([400, 200, 100])
    groups = pd.Series(np.where(rng.random(700) < 0.4, rng.integers(0, 60, 700), np.arange(1000, 1700)))
    split = grouped_split(index, groups, rng)
    shares = pd.crosstab(index.label, split, normalize="index")[list(SPLITS)]
    np.testing.assert_allclose(shares, np.tile([0.7, 0.15, 0.15], (3, 1)), atol=0.02)
    assert (split.groupby(groups).nunique() == 1).all()


def test_large_groups_alone_keep_the_shares():
    index = make_index([300, 300])
    groups = pd.Series(np.arange(600) // 6)
    split = grouped_split(index, groups, np.random.default_rng(0))
    shares = pd.crosstab(index.label, split, normalize="index")[list(SPLITS)]
    np.testing.assert_allclose(shares, np.tile([0.7, 0.15, 0.15], (2, 1)), atol=0.03)


@pytest.mark.parametrize("split", [paper_split, lambda index: stratified_split(index, np.random.default_rng(0))])
def test_a_class_with_fewer_videos_than_splits_is_named(split):
    with pytest.raises(CorpusError, match=r"at least 3 .* class1 has 2, class2 has 1"):
        split(make_index([9, 2, 1]))
    with pytest.raises(CorpusError, match="the index is empty"):
        split(make_index([]))


def test_three_videos_are_too_few_for_the_papers_split():
    with pytest.raises(CorpusError, match="more than 3 videos, got 3"):
        paper_split(make_index([3]))


def test_groups_that_leave_a_split_empty_are_named():
    index = make_index([9, 9])
    groups = pd.Series([0] * 8 + [1, *range(10, 19)])
    with pytest.raises(CorpusError, match=r"near-duplicates of class class0 stay together .* \[8, 1, 0\]"):
        grouped_split(index, groups, np.random.default_rng(0))
    with pytest.raises(ParameterError, match="one value a row"):
        grouped_split(index, groups[:-1], np.random.default_rng(0))


def test_groups_are_divided_only_where_a_class_has_too_few_and_the_smallest_first():
    index = make_index([30, 12, 2 + 7])
    # One film and one video; two films; pieces of a film in two classes, one of which has others.
    groups = pd.Series([0] * 29 + [1] + [2] * 8 + [3] * 4 + [4] * 2 + [4] + list(range(10, 16)))
    split = grouped_split(index, groups, np.random.default_rng(0), divide=True)
    assert (pd.crosstab(index.label, split).reindex(columns=list(SPLITS)) > 0).all(axis=None)
    divided = set(groups[split.groupby(groups).transform("nunique") > 1])
    assert divided == {0, 3}
    with pytest.raises(CorpusError, match="class0 has 2"):
        grouped_split(make_index([2, 9]), groups[:11], np.random.default_rng(0), divide=True)


@given(sizes=SIZES, seed=st.integers(0, 99), data=st.data())
@settings(max_examples=60, deadline=None)
def test_groups_that_may_be_divided_never_leave_a_split_empty(sizes, seed, data):
    index = make_index(sizes)
    groups = pd.Series(data.draw(st.lists(st.integers(0, 6), min_size=len(index), max_size=len(index))))
    split = grouped_split(index, groups, np.random.default_rng(seed), divide=True)
    assert (pd.crosstab(index.label, split).reindex(columns=list(SPLITS)) > 0).all(axis=None)


GROUPS = st.lists(st.integers(1, 8), min_size=1, max_size=7).filter(lambda sizes: sum(sizes) >= len(SPLITS))


@given(groups_of=st.lists(GROUPS, min_size=1, max_size=4), seed=st.integers(0, 99))
@example(groups_of=[[2, 2, 1], [3, 2, 1], [4, 4, 1, 1]], seed=0)
@settings(max_examples=100, deadline=None)
def test_groups_of_one_class_are_refused_or_divided_only_where_there_are_fewer_than_splits(groups_of, seed):
    index = make_index([sum(sizes) for sizes in groups_of])
    sizes = [size for sizes in groups_of for size in sizes]
    groups = pd.Series(np.repeat(np.arange(len(sizes)), sizes))
    num_groups = groups.groupby(index.label).nunique()
    is_enough = num_groups >= len(SPLITS)
    split = grouped_split(index, groups, np.random.default_rng(seed), divide=True)
    assert (pd.crosstab(index.label, split).reindex(columns=list(SPLITS)) > 0).all(axis=None)
    is_divided = split.groupby([index.label, groups]).nunique() > 1
    assert (is_divided.groupby("label").sum() == np.where(is_enough, 0, 1)).all()
    if is_enough.all():
        pd.testing.assert_series_equal(grouped_split(index, groups, np.random.default_rng(seed)), split)
    else:
        with pytest.raises(CorpusError, match=f"near-duplicates of class {is_enough.idxmin()} stay together"):
            grouped_split(index, groups, np.random.default_rng(seed))


AT_SIZE = """
import re, sys
import numpy as np, pandas as pd
from pathlib import Path
from instrec_utils.config import LABELS
from instrec_utils.corpora.index import read_index, write_index
from instrec_utils.corpora.splits import grouped_split, paper_split, stratified_split
from instrec_utils.corpora.validation import count_findings, validate

folder = Path(sys.argv[1])
rng = np.random.default_rng(0)
number = 60_794
index = pd.DataFrame({
    "video_id": [f"-{n:010d}" for n in range(number)],
    "label": rng.choice(LABELS, number), "split": "train", "path": "", "duration": rng.uniform(1, 700, number),
})
write_index(index, folder / "index.csv")
del index
index = read_index(folder / "index.csv")
counts = count_findings(validate(index, folder))
paper_split(index)
stratified_split(index, rng)
grouped_split(index, pd.Series(rng.integers(0, 40_000, number)), rng)
assert counts.missing.sum() == number
# ru_maxrss would begin at what the parent process held when it forked.
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024)
"""


def test_the_whole_of_youtube8m_loads_validates_and_splits_in_500_mb(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", AT_SIZE, str(tmp_path)], capture_output=True, text=True, check=True, timeout=60
    )
    megabytes = float(result.stdout)
    assert megabytes < 500, f"{megabytes:.0f} MB"


def parts_index():
    """Three parts of a clip for any split, one in two variants, and in the last part an undegraded one."""
    rows = [(part, use) for part in (1, 2, 3) for use in ("any", "training", "test")] + [(3, "clean")]
    return pd.DataFrame(rows, columns=["part", "use"], index=range(5, 15))


@pytest.mark.parametrize(("rotation", "order"), [(1, "test train validation"), (3, "train validation test")])
def test_parts_take_turns(rotation, order):
    index = parts_index()
    split = rotated(index, rotation)
    assert split.index.equals(index.index)
    for part, name in enumerate(order.split(), start=1):
        own = split[index.part == part].tolist()
        assert own[:3] == ([name, "spare", name] if name == "test" else [name, name, "spare"])
    assert split.iloc[-1] == ("test_clean" if rotation == 3 else "spare")


def test_every_clip_is_tested_once_over_the_rotations():
    index = parts_index()
    tested = sum((rotated(index, rotation) == "test").astype(int) for rotation in (1, 2, 3))
    assert tested.tolist() == [1, 0, 1] * 3 + [0]


def test_a_rotated_corpus_has_other_splits_and_the_same_index():
    index = index_in_parts(3)
    corpus = Corpus("tiny", "folder", Path(), Path(), index)
    assert [corpus.rotated(1).split(name)["part"].unique().tolist() for name in SPLITS] == [[2], [3], [1]]
    assert corpus.rotated(1).index is index
    assert [corpus.rotated(number).rotation for number in (0, 1, 2, 3)] == [0, 1, 2, 0]
    assert corpus.rotated(1).rotated(0).split("test").equals(corpus.split("test"))
    with pytest.raises(ParameterError, match="1 to 3, got 4"):
        corpus.rotated(4)


@pytest.mark.parametrize(
    ("columns", "rotation", "most"), [(["part", "use"], 4, 3), (["part", "use"], 0, 3), (["use"], 1, 0)]
)
def test_a_rotation_that_there_is_not_is_refused(columns, rotation, most):
    with pytest.raises(ParameterError, match=f"1 to {most}, got {rotation}"):
        rotated(parts_index()[columns], rotation)
