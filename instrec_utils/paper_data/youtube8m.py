"""YouTube-8M: from its vocabulary to the 13 categories, to the videos, to the undersampling.

The paper selects the entities of YouTube-8M that are musical instruments (46), reduces them to 13 categories and
undersamples the three largest (4.1). It names neither the entities nor the rule. Here each step is a function:

1. `instruments.find_instruments` keeps the entities that the vocabulary defines as an instrument.
2. ``youtube8m_categories.csv`` says which instrument belongs to which category, or to none, and why.
3. `select_from_records` finds the videos in YouTube-8M's own video-level TFRecords, and draws the three largest
   categories down to the sizes that the published list has.

The vocabulary in use today (May 2018, 3,862 entities) is not the one that the paper used (September 2016, 4,800
entities), so the 46 entities and the 235,260 videos before undersampling cannot be recomputed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from instrec_utils import pinned
from instrec_utils.config import LABELS
from instrec_utils.corpora.index import VIDEO_ID, read_text_table, refuse_rows
from instrec_utils.errors import CorpusError

ADDRESS = "https://research.google.com/youtube8m/csv/2/"
SHA256 = {"vocabulary.csv": "81657c6060d619eae41a581a4b8a1e34722b29cfcb36caf0f1c6fd69803d501b"}

PUBLISHED_SIZES = {"guitar": 24_080, "piano": 12_642, "drums": 6_629}
"""Videos that the published list has of the three largest categories: the sizes after undersampling."""

_CATEGORIES = "youtube8m_categories.csv"


def locate_vocabulary() -> Path:
    """Return the vocabulary of 2018: in ``$INSTREC_YOUTUBE8M``, or downloaded, see `pinned.locate_files`."""
    return pinned.locate_files("INSTREC_YOUTUBE8M", "youtube8m", ADDRESS, SHA256) / "vocabulary.csv"


def read_vocabulary(path: Path) -> pd.DataFrame:
    """Read YouTube-8M's ``vocabulary.csv``; `CorpusError` if it is missing or malformed, or repeats an entity.

    Returns
    -------
    vocabulary : pd.DataFrame [one row an entity, columns=(entity, train_videos, name, vertical, description)]
        The entity is its number in the records.
    """
    columns = {
        "Index": "entity",
        "TrainVideoCount": "train_videos",
        "Name": "name",
        "Vertical1": "vertical",
        "WikiDescription": "description",
    }
    table = read_text_table(path)
    if missing := [name for name in columns if name not in table.columns]:
        raise CorpusError(f"{path}: a vocabulary has the columns {', '.join(columns)}; missing: {missing}")
    table = table[list(columns)].rename(columns=columns)
    for name in ("entity", "train_videos"):
        is_wrong = ~table[name].str.fullmatch(r"[0-9]{1,9}")
        refuse_rows(is_wrong, path, f"{name} must be a whole number, got {{!r}}", table[[name]])
        table[name] = table[name].astype(int)
    refuse_rows(table.entity.duplicated(), path, "entity {} is there a second time", table)
    return table


def _read_categories() -> pd.DataFrame:
    """Return the reviewed table: columns name, category (one of `LABELS`, or empty for none) and reason."""
    with resources.files("instrec_utils.paper_data").joinpath(_CATEGORIES).open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype=str, keep_default_na=False)


def assign_categories(candidates: pd.DataFrame, reviewed: pd.DataFrame | None = None) -> pd.DataFrame:
    """Say of every candidate what becomes of it: a category, none, or rejected, and why.

    Parameters
    ----------
    candidates : pd.DataFrame [one row an entity, from `instruments.find_instruments`]
    reviewed : pd.DataFrame [columns=(name, category, reason)] or None [for ``youtube8m_categories.csv``]
        One that lacks an accepted entity, has one twice, or names an unknown category is a `CorpusError`.

    Returns
    -------
    entities : pd.DataFrame [one row a candidate, further column=category]
        The category may be empty; the reason is the reviewed one where the candidate is accepted.
    """
    reviewed = _read_categories() if reviewed is None else reviewed
    rule = f"the category must be empty or one of {', '.join(LABELS)}; got {{!r}} for {{!r}}"
    refuse_rows(reviewed.name.duplicated(), _CATEGORIES, "an entity may be there once; got {!r} again", reviewed)
    is_wrong = ~reviewed.category.isin(["", *LABELS])
    refuse_rows(is_wrong, _CATEGORIES, rule, reviewed[["category", "name"]])
    unknown = candidates.name[candidates.accepted & ~candidates.name.isin(reviewed.name)]
    if len(unknown):
        raise CorpusError(f"{_CATEGORIES}: must say where each instrument belongs; missing: {', '.join(unknown)}")
    entities = candidates.merge(reviewed, on="name", how="left", suffixes=("", "_of_category"))
    entities["reason"] = entities.reason.where(~entities.accepted, entities.reason_of_category)
    entities["category"] = entities.category.where(entities.accepted, "")
    return entities.drop(columns="reason_of_category")


def category_counts(entities: pd.DataFrame, published_sizes: Mapping[str, int]) -> pd.DataFrame:
    """Return the size of each category of `assign_categories`, and in the published list, after undersampling.

    A video has several entities: the largest entity of a category is a lower bound of its videos, the sum an upper.

    Returns
    -------
    table : pd.DataFrame [one row a category, columns=(category, entities, at_least, at_most, published)]
        The largest first. The bounds are training videos of the vocabulary.
    """
    belongs = entities[entities.category != ""].groupby("category").train_videos
    table = belongs.agg(entities="size", at_least="max", at_most="sum").reindex(LABELS)
    table["published"] = pd.Series(published_sizes)
    return table.rename_axis("category").reset_index().sort_values("at_least", ascending=False, ignore_index=True)


def _read_records(path: Path) -> pd.DataFrame:
    """Return the columns video_id and entities (sorted tuple of int) of a file of records, in its order.

    Each record is an `Example` with ``id`` (bytes; ``video_id`` in the first version) and ``labels`` (int64 list).
    Since the second version an id is four letters that stand for the YouTube id, which
    ``data.yt8m.org/2/j/i/<first two letters>/<id>.js`` tells. The features are not decoded.
    """
    import tensorflow as tf

    name = tf.io.FixedLenFeature([], tf.string, default_value="")
    features = {"id": name, "video_id": name, "labels": tf.io.RaggedFeature(tf.int64)}
    if not path.is_file():
        raise CorpusError(f"{path}: no such TFRecord file")
    rows: list[tuple[str, tuple[int, ...]]] = []
    try:
        for batch in tf.data.TFRecordDataset(str(path)).batch(1024):  # one by one takes ten times as long
            example = tf.io.parse_example(batch, features)
            names = tf.where(example["id"] == "", example["video_id"], example["id"]).numpy()
            for name, entities in zip(names, example["labels"].to_list(), strict=True):
                video_id = name.decode("ascii", errors="replace")[:80]
                if not VIDEO_ID.fullmatch(video_id):
                    raise CorpusError(f"{path}, record {len(rows) + 1}: expected the id of a video, got {video_id!r}")
                rows.append((video_id, tuple(sorted(entities))))
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise CorpusError(f"{path}, after record {len(rows)}: damaged or of another format: {error}") from error
    return pd.DataFrame(rows, columns=["video_id", "entities"])


def _select_videos(records: pd.DataFrame, entities: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the videos of exactly one category, columns video_id and label, and how many there are of which kind.

    The paper's list has one label a video and does not say what became of videos with two instruments; here they
    are left out and counted.
    """
    category = dict(zip(entities.entity, entities.category, strict=True))
    found = [{category.get(entity, "") for entity in row} - {""} for row in records.entities]
    rows = [(name, *names) for name, names in zip(records.video_id, found, strict=True) if len(names) == 1]
    counts = {
        "read": len(records),
        "without_category": sum(not names for names in found),
        "with_several_categories": sum(len(names) > 1 for names in found),
        "selected": len(rows),
    }
    return pd.DataFrame(rows, columns=["video_id", "label"], dtype=str), counts


def select_from_records(
    paths: Sequence[Path], entities: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[str, int], pd.Series]:
    """Select the paper's videos from YouTube-8M's own records: read, keep those of one category, undersample.

    If there is no file, or one is damaged, cut off or without ids, a `CorpusError` names file and record.

    Parameters
    ----------
    paths : Sequence[Path] [of ``*.tfrecord``; one is held in memory at a time]
    entities : pd.DataFrame [one row an entity, from `assign_categories`]
    rng : np.random.Generator [of the undersampling to `PUBLISHED_SIZES`]

    Returns
    -------
    videos : pd.DataFrame [one row a video, columns=(video_id, label)]
    counts : dict [keys=read, without_category, with_several_categories, selected]
    before : pd.Series [label -> number of videos before undersampling]
    """
    if not paths:
        raise CorpusError("expected YouTube-8M's video-level records, files *.tfrecord; got none")
    selected, counts = [], Counter[str]()
    for path in paths:
        videos, of_file = _select_videos(_read_records(path), entities)
        selected.append(videos)
        counts.update(of_file)
    videos = pd.concat(selected, ignore_index=True)
    return _undersample(videos, PUBLISHED_SIZES, rng), dict(counts), videos.label.value_counts()


def _undersample(videos: pd.DataFrame, sizes: Mapping[str, int], rng: np.random.Generator) -> pd.DataFrame:
    """Draw the named categories down to a size, whatever the order of the rows; a smaller category stays whole."""
    stays = pd.Series(True, index=videos.index)
    for name in sorted(sizes):
        members = videos[videos.label == name].sort_values("video_id").index.to_numpy(copy=True)
        stays[rng.permutation(members)[sizes[name] :]] = False
    return videos[stays]
