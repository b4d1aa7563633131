"""Train, validation and test: the paper's split, a stratified one, and one that keeps near-duplicates together.

The paper draws at random (4.1), so the same performance under two ids may be trained on and tested on. The
grouped split never divides a group of videos, such as those that `near_duplicates` finds.
"""

import numpy as np
import pandas as pd

from instrec_utils.config import SPLIT_SEED, SPLIT_SHARES, SPLITS
from instrec_utils.errors import CorpusError, ParameterError

SPLIT_METHODS = {
    "paper": "the paper's split",
    "stratified": "a stratified split",
    "grouped": "a grouped split, which keeps near-duplicates together",
}
"""How a corpus can be divided, by the name that a user gives, with the words for a page."""

HELD_OUT = 0.3  # of the authors' first draw; 1 - 0.7 in floating point rounds up to one video more


def paper_split(index: pd.DataFrame) -> pd.Series:
    """Return the very split [shape=(num_videos,), one of `SPLITS`] of the authors: random, in their list's order (4.1).

    It depends on nothing but the number of videos and their order: split the complete list before leaving any out. A
    class with fewer videos than there are splits, or too few in all, is a `CorpusError`.
    """
    from sklearn.model_selection import train_test_split

    _check_class_sizes(index.label)
    if len(index) <= len(SPLITS):
        raise CorpusError(f"the paper's split needs more than {len(SPLITS)} videos, got {len(index)}")
    _, held_out = train_test_split(np.arange(len(index)), test_size=HELD_OUT, random_state=SPLIT_SEED)
    validation, test = train_test_split(held_out, test_size=0.5, random_state=SPLIT_SEED)
    split = np.zeros(len(index), dtype=int)  # of the training videos
    split[validation], split[test] = 1, 2
    return pd.Series(np.array(SPLITS)[split], index=index.index, name="split", dtype=str)


def stratified_split(index: pd.DataFrame, generator: np.random.Generator) -> pd.Series:
    """Return a split with every class 70/15/15 to within one video: `grouped_split`, each video its own group."""
    return grouped_split(index, pd.Series(np.arange(len(index)), index=index.index), generator)


def grouped_split(
    index: pd.DataFrame, groups: pd.Series, generator: np.random.Generator, *, divide: bool = False
) -> pd.Series:
    """Return a split near 70/15/15 that never divides a group and has every class in every split.

    Groups of several videos are placed first, the largest first, each where its classes miss most; videos of their own
    then go to the splits that have none of their class yet, and fill every class up to its share. A class that has
    fewer videos than there are splits, or whose groups leave a split without it, is a `CorpusError`.

    Parameters
    ----------
    index : pd.DataFrame [one row a video in any order, columns=(video_id, label, ...)]
    groups : pd.Series [shape=(num_videos,), any hashable values, with the rows' index]
    generator : np.random.Generator
    divide : bool
        Where a class cannot have all splits otherwise, take its groups apart, the smallest first, until it can.

    Returns
    -------
    split : pd.Series [shape=(num_videos,), one of `SPLITS`, with the rows' index]
    """
    if not groups.index.equals(index.index) or groups.isna().any():
        raise ParameterError("groups must have one value a row, with the index of the table")
    _check_class_sizes(index.label)
    order = np.argsort(index.video_id.to_numpy(dtype=str), kind="stable")  # the same split whatever the row order
    names, label = np.unique(index.label.to_numpy(dtype=str)[order], return_inverse=True)
    group = pd.factorize(groups.to_numpy()[order])[0]
    while True:
        split = _place_groups(label, group, generator)
        counts = pd.crosstab(label, split).reindex(columns=range(len(SPLITS)), fill_value=0).to_numpy()
        if (counts > 0).all():
            return pd.Series(np.array(SPLITS)[split[np.argsort(order)]], index=index.index, name="split", dtype=str)
        number = int(np.flatnonzero((counts == 0).any(axis=1))[0])
        if not divide:
            raise CorpusError(
                f"the near-duplicates of class {names[number]} stay together and leave a split without it: "
                f"{', '.join(SPLITS)} would hold {counts[number].tolist()} of its videos"
            )
        sizes, own = np.bincount(group), np.bincount(group[label == number], minlength=group.max() + 1)
        smallest = min(np.flatnonzero((own > 0) & (sizes > 1)), key=lambda one: (own[one] == 1, own[one]))
        members = np.flatnonzero((label == number) & (group == smallest))
        group[members] = group.max() + 1 + np.arange(len(members))


def _place_groups(label: np.ndarray, group: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return the number of the split of each video [shape=(num_videos,), int] by its class number and its group."""
    num_classes = label.max() + 1
    wanted = np.stack([_shares(size) for size in np.bincount(label)], axis=1)
    left = wanted.astype(float)  # [shape=(num_splits, num_classes)]: what each split still misses
    split = np.full(len(label), -1)
    sizes = np.bincount(group)
    members_of = np.split(np.argsort(group, kind="stable"), np.cumsum(sizes)[:-1])
    several = generator.permutation(np.flatnonzero(sizes > 1))
    for number in several[np.argsort(-sizes[several], kind="stable")]:
        needs = np.bincount(label[members_of[number]], minlength=num_classes)
        place = int(np.argmax((left / wanted) @ needs))
        split[members_of[number]] = place
        left[place] -= needs
    for name in range(num_classes):
        alone = generator.permutation(np.flatnonzero((label == name) & (sizes[group] == 1)))
        is_without = left[:, name] == wanted[:, name]
        each = is_without & (is_without.cumsum() <= len(alone))
        each = each + _fill(left[:, name] - each, len(alone) - each.sum())
        split[alone] = np.repeat(np.arange(len(SPLITS)), each)
    return split


def rotated(index: pd.DataFrame, rotation: int) -> pd.Series:
    """Return the splits of a corpus in parts when another part tests: ``index.assign(split=rotated(index, 3))``.

    Over all rotations every clip is tested once. A `ParameterError` says that the corpus has no such part.

    Parameters
    ----------
    index : pd.DataFrame [columns part (1 to the number of parts) and use ("any", "training", "test" or "clean")]
        The clip's part, and what a variant of a clip is for: to train and validate, for the test, or for it undegraded.
    rotation : int [1 to the number of parts]
        The part that tests. The one before it validates (before the first: the last). The index comes with the last.

    Returns
    -------
    split : pd.Series [shape=(num_videos,), one of `SPLITS`, "test_clean", or "spare" for what this rotation leaves out]
    """
    num_parts = int(index["part"].max()) if "part" in index else 0
    if not 1 <= rotation <= num_parts:
        raise ParameterError(f"rotation must be a part of the corpus, 1 to {num_parts}, got {rotation}")
    part, use = index["part"], index["use"]
    is_tested = part == rotation
    split = pd.Series("train", index=index.index, name="split", dtype=str)
    split[part % num_parts == (rotation - 1) % num_parts] = "validation"
    split[is_tested] = "test"
    split[is_tested & (use == "clean")] = "test_clean"
    split[is_tested & (use == "training") | ~is_tested & use.isin(["test", "clean"])] = "spare"
    return split


def _check_class_sizes(labels: pd.Series) -> None:
    sizes = labels.value_counts()
    small = sizes[sizes < len(SPLITS)].sort_index()
    if len(labels) == 0 or len(small):
        listing = ", ".join(f"{name} has {size}" for name, size in small.items()) or "the index is empty"
        raise CorpusError(f"every class needs at least {len(SPLITS)} videos, one a split; {listing}")


def _shares(size: int) -> np.ndarray:
    """Divide a number into whole shares (largest remainder), at least one each."""
    return 1 + _fill(np.array(SPLIT_SHARES) * size - 1, size - len(SPLITS))


def _fill(left: np.ndarray, number: int) -> np.ndarray:
    """Divide `number` videos over the splits in proportion to what each misses; whole numbers."""
    missing = np.maximum(left, 0) if (left > 0).any() else np.array(SPLIT_SHARES)
    exact = missing * (number / missing.sum())
    whole_part = np.floor(exact + 1e-9).astype(int)
    largest = np.argsort(-(exact - whole_part), kind="stable")[: number - whole_part.sum()]
    whole_part[largest] += 1
    return whole_part
