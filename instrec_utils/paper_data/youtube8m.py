"""YouTube-8M: from its vocabulary to the instruments, to the 13 categories, to the videos, to the undersampling.

The paper selects the entities of YouTube-8M that are musical instruments (46), reduces them to 13 categories and
undersamples the three largest (4.1). It names neither the entities nor the rule. Here each step is a function:

1. `find_instruments` reads what the vocabulary says of each entity and keeps those that are *defined* as an
   instrument; every other entity that looks like one is kept aside with the reason.
2. ``youtube8m_categories.csv`` says which instrument belongs to which category, or to none, and why.
3. `read_records` and `select_videos` find the videos in YouTube-8M's own video-level TFRecords.
4. `undersample` draws the three largest categories down to the sizes that the published list has.

The vocabulary in use today (May 2018, 3,862 entities) is not the one that the paper used (September 2016, 4,800
entities), so the 46 entities and the 235,260 videos before undersampling cannot be recomputed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd

from instrec_utils.config import LABELS
from instrec_utils.corpora import pinned
from instrec_utils.corpora.index import VIDEO_ID
from instrec_utils.errors import CorpusError, ParameterError

ADDRESS = "https://research.google.com/youtube8m/csv/2/"
SHA256 = {"vocabulary.csv": "81657c6060d619eae41a581a4b8a1e34722b29cfcb36caf0f1c6fd69803d501b"}

PUBLISHED_SIZES = {"guitar": 24_080, "piano": 12_642, "drums": 6_629}
"""Videos that the published list has of the three largest categories: the sizes after undersampling."""

_NOUNS = (
    r"accordions?|bagpipes?|banjos?|bass|bassoons?|bells?|bouzoukis?|cellos?|chordophones?|clarinets?|cornets?|"
    r"cymbals?|drums?|dulcimers?|fiddles?|flutes?|guitars?|harmonicas?|harps?|harpsichords?|horns?(?!-)|keyboards?|"
    r"lutes?|mandolins?|oboes?|organs?|pianos?|recorders?|saxophones?|sitars?|synthesizers?|trombones?|trumpets?|"
    r"tubas?|ukuleles?|violas?|violins?|xylophones?|zithers?"
)
_LOOKS_LIKE_ONE = re.compile(rf"\b(?:{_NOUNS}|instruments?)\b", re.IGNORECASE)
_IS_MUSICAL = re.compile(
    r"\bmusical[- ]instruments?\b|\bmusical-instrument family\b|"
    r"\b(?:string|stringed|bowed|plucked|percussion|wind|woodwind|brass|reed|keyboard)(?: musical)? instruments?\b",
    re.IGNORECASE,
)
_IS_NAMED = re.compile(rf"\b(?:{_NOUNS})\b", re.IGNORECASE)

# In this order: the first that fits the definition is the reason.
_REJECTIONS = (
    ("a game", r"\bgames?\b"),
    ("a person or a character", r"\b(?:person|musician|character|composer)\b"),
    ("an ensemble", r"\b(?:ensemble|orchestra|band|group of (?:people|musicians))\b"),
    ("a maker or seller", r"\b(?:manufacturer|designer|[Bb]rands?|company|chain|division|retailers?|Inc)\b"),
    ("a part, an accessory or a way of playing", r"\b(?:pickup|part|amplifier|levers|mallet|plectrum|way of)\b"),
    ("an organ of the body or of a plant", r"\borgans? of (?:sense|the|a)\b"),
)
_MUSICAL_VERTICALS = ("Arts & Entertainment", "(Unknown)")

_COPULA = re.compile(r"\b(?:can refer (?:generally )?to|is|are|was|were)\b")
_ANOTHER_NAME = re.compile(r"^(?:a|another|the) name (?:used for|for|given to|of) ")
_FIRST_SENTENCE = re.compile(r"(?<=[a-z0-9)\]\"])\.\s")
_NOUN_PHRASE_ENDS = re.compile(
    r"[;(—]|, (?!(?:\S+ ){0,3}\S*instruments?\b)| (?:who|that|which|used|designed|played|playing|in which|for|with|"
    r"on|by|where|when|to|whose|made|equipped|from|in|similar|important|classified|built|having|manufactured|created|"
    r"pitched|considered|found|between|belonging|developed|originally|originating|commonly|based|produced|combining|"
    r"and is|shared|consisting|headquartered|centered|founded|controlled|popular) "
)


def locate_vocabulary() -> Path:
    """Return the file of the vocabulary of 2018: in ``$INSTREC_YOUTUBE8M``, or downloaded into the data folder.

    Raises
    ------
    CorpusError, DownloadError
        See `pinned.locate_files`.
    """
    return pinned.locate_files("INSTREC_YOUTUBE8M", "youtube8m", ADDRESS, SHA256) / "vocabulary.csv"


def read_vocabulary(path: Path) -> pd.DataFrame:
    """Read YouTube-8M's ``vocabulary.csv``.

    Returns
    -------
    vocabulary : columns ``entity`` (int, the id in the records), ``train_videos`` (int), ``name``, ``vertical``,
        ``description`` (str).

    Raises
    ------
    CorpusError
        There is no such file, a column is missing, a number is none, or an entity is there twice.
    """
    path = Path(path)
    if not path.is_file():
        raise CorpusError(f"{path}: no such file; the vocabulary is at research.google.com/youtube8m")
    columns = {
        "Index": "entity",
        "TrainVideoCount": "train_videos",
        "Name": "name",
        "Vertical1": "vertical",
        "WikiDescription": "description",
    }
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: not a CSV table: {error}") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise CorpusError(f"{path}: a vocabulary has the columns {', '.join(columns)}; missing: {missing}")
    table = table[list(columns)].rename(columns=columns)
    for name in ("entity", "train_videos"):
        is_wrong = ~table[name].str.fullmatch(r"[0-9]{1,9}")
        if is_wrong.any():
            row = int(is_wrong.to_numpy().argmax())
            raise CorpusError(f"{path}, row {row + 1}: {name} must be a whole number, got {table[name][row]!r}")
        table[name] = table[name].astype(int)
    repeated = table.entity.duplicated()
    if repeated.any():
        row = int(repeated.to_numpy().argmax())
        raise CorpusError(f"{path}, row {row + 1}: entity {table.entity[row]} is there a second time")
    return table


def definition(description: str) -> str:
    """Return what an encyclopaedia's description says a thing is: the noun phrase after the first "is".

    >>> definition("The banjo is a four-, five- or six-stringed instrument with a thin membrane. It is loud.")
    'a four-, five- or six-stringed instrument'
    """
    sentence = _sentence(description)
    copula = _COPULA.search(sentence)
    if copula is None:
        return sentence[:80].strip()
    predicate = _ANOTHER_NAME.sub("", sentence[copula.end() :].strip())
    return _NOUN_PHRASE_ENDS.split(predicate, maxsplit=1)[0].strip(" .,")


def _sentence(description: str) -> str:
    return _FIRST_SENTENCE.split(description, maxsplit=1)[0]


def find_instruments(vocabulary: pd.DataFrame) -> pd.DataFrame:
    """Return the entities that look like a musical instrument, and which of them are one.

    An entity looks like one when its name, its definition, or in a musical section of the vocabulary the first
    sentence of its description has the name of an instrument, or the word instrument. It is one when its
    definition calls it a musical (string, wind, ...) instrument, or names an instrument in a musical section, and
    nothing in `_REJECTIONS` fits.

    Returns
    -------
    candidates : the vocabulary's columns without ``description``, and ``definition`` (str), ``accepted`` (bool),
        ``reason`` (str: why not; empty where accepted); the entity with most videos first.
    """
    defined = vocabulary.description.map(definition)
    in_music = vocabulary.vertical.isin(_MUSICAL_VERTICALS) & vocabulary.description.map(_sentence).str.contains(
        _LOOKS_LIKE_ONE
    )
    looks = in_music | vocabulary.name.str.contains(_LOOKS_LIKE_ONE) | defined.str.contains(_LOOKS_LIKE_ONE)
    candidates = vocabulary[looks].drop(columns="description").assign(definition=defined[looks])
    candidates["reason"] = [_reason(row.definition, row.vertical) for row in candidates.itertuples()]
    candidates["accepted"] = candidates.reason == ""
    return candidates.sort_values(["train_videos", "entity"], ascending=[False, True], ignore_index=True)


def _reason(defined: str, vertical: str) -> str:
    """Return why a definition is not one of a musical instrument; empty if it is."""
    if vertical == "Games":
        return "a game"
    for reason, pattern in _REJECTIONS:
        if re.search(pattern, defined):
            return reason
    if _IS_MUSICAL.search(defined):
        return ""
    if vertical not in _MUSICAL_VERTICALS:
        is_tool = re.search(r"\binstruments?\b", defined)
        return "an instrument, not for making music" if is_tool else "the word in another sense"
    return "" if _IS_NAMED.search(defined) else "not defined as an instrument"


def read_categories() -> pd.DataFrame:
    """Return the table that says which instrument goes to which category.

    Returns
    -------
    table : columns ``name`` (of the entity), ``category`` (one of `LABELS`; empty for none), ``reason`` (str).
    """
    with (
        resources.files("instrec_utils.paper_data").joinpath("youtube8m_categories.csv").open(encoding="utf-8") as file
    ):
        return pd.read_csv(file, dtype=str, keep_default_na=False)


def assign_categories(candidates: pd.DataFrame, table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Give every accepted entity its category.

    Parameters
    ----------
    candidates : from `find_instruments`.
    table : from `read_categories`, which is the default; columns ``name``, ``category``, ``reason``.

    Returns
    -------
    entities : the accepted candidates with ``category`` (empty for none) and ``category_reason``.

    Raises
    ------
    CorpusError
        The table lacks an accepted entity, has one twice, or names an unknown category.
    """
    table = read_categories() if table is None else table
    source = "youtube8m_categories.csv"
    for wrong, rule in (
        (table.name.duplicated(), "an entity may be there once"),
        (~table.category.isin(["", *LABELS]), f"the category must be empty or one of {', '.join(LABELS)}"),
    ):
        if wrong.any():
            row = int(wrong.to_numpy().argmax())
            raise CorpusError(f"{source}, row {row + 1}: {rule}; got {table.iloc[row].tolist()}")
    accepted = candidates[candidates.accepted]
    unknown = accepted.name[~accepted.name.isin(table.name)]
    if len(unknown):
        raise CorpusError(f"{source}: must say where each instrument belongs; missing: {', '.join(unknown)}")
    reviewed = table.rename(columns={"reason": "category_reason"})
    return accepted.drop(columns=["accepted", "reason"]).merge(reviewed, on="name", how="left")


def review(vocabulary: pd.DataFrame) -> pd.DataFrame:
    """Return every candidate with what became of it: the table that a reader can search and argue with.

    Returns
    -------
    table : ``name``, ``vertical``, ``train_videos``, ``definition``, ``accepted`` (bool), ``category`` (empty for none)
        and ``reason`` (why rejected, or why in this category or in none), the entity with most videos first.
    """
    candidates = find_instruments(vocabulary)
    entities = assign_categories(candidates)[["entity", "category", "category_reason"]]
    table = candidates.merge(entities, on="entity", how="left").fillna({"category": "", "category_reason": ""})
    table["reason"] = table.reason.where(~table.accepted, table.category_reason)
    return table[["name", "vertical", "train_videos", "definition", "accepted", "category", "reason"]]


def category_counts(entities: pd.DataFrame, published_sizes: Mapping[str, int]) -> pd.DataFrame:
    """Return what the vocabulary says of each category, beside the published list: the plot before and after.

    A video has several entities, so the sum over the entities of a category counts some videos twice; the
    largest single entity is a lower bound, the sum an upper bound of the category's videos.

    Parameters
    ----------
    entities : from `assign_categories`.
    published_sizes : videos of each category in the published list.

    Returns
    -------
    table : one row a category, the largest first: ``category``, ``entities`` (number), ``names`` (str),
        ``at_least``, ``at_most`` (training videos in the vocabulary) and ``published`` (videos).
    """
    belongs = entities[entities.category != ""].groupby("category")
    table = pd.DataFrame(
        {
            "entities": belongs.size(),
            "names": belongs.name.agg(", ".join),
            "at_least": belongs.train_videos.max(),
            "at_most": belongs.train_videos.sum(),
        }
    ).reindex(LABELS)
    table["published"] = pd.Series(published_sizes).reindex(LABELS)
    return table.rename_axis("category").reset_index().sort_values("at_least", ascending=False, ignore_index=True)


def read_records(paths: Sequence[Path]) -> pd.DataFrame:
    """Read ids and labels from YouTube-8M's video-level TFRecords; the features are not decoded.

    Each record is an `Example` with ``id`` (bytes; ``video_id`` in the first version) and ``labels`` (int64 list).
    Since the second version an id is four letters that stand for the YouTube id, which
    ``data.yt8m.org/2/j/i/<first two letters>/<id>.js`` tells.

    Parameters
    ----------
    paths : the ``*.tfrecord`` files.

    Returns
    -------
    table : columns ``video_id`` (str), ``entities`` (tuple of int, sorted), in the order of the files.

    Raises
    ------
    CorpusError
        A file is missing, damaged or cut off, or a record has no id. The message names the file and the record.
    """
    import tensorflow as tf

    features = {
        "id": tf.io.FixedLenFeature([], tf.string, default_value=""),
        "video_id": tf.io.FixedLenFeature([], tf.string, default_value=""),
        "labels": tf.io.RaggedFeature(tf.int64),
    }
    rows: list[tuple[str, tuple[int, ...]]] = []
    for path in map(Path, paths):
        if not path.is_file():
            raise CorpusError(f"{path}: no such TFRecord file")
        number = 0
        try:
            for batch in tf.data.TFRecordDataset(str(path)).batch(1024):  # one by one takes ten times as long
                example = tf.io.parse_example(batch, features)
                names = zip(example["id"].numpy(), example["video_id"].numpy(), strict=True)
                for (name, old_name), entities in zip(names, example["labels"].to_list(), strict=True):
                    number += 1
                    video_id = (name or old_name).decode("ascii", errors="replace")
                    if not VIDEO_ID.fullmatch(video_id):
                        raise CorpusError(f"{path}, record {number}: expected the id of a video, got {video_id[:80]!r}")
                    rows.append((video_id, tuple(sorted(entities))))
        except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
            raise CorpusError(f"{path}, after record {number}: damaged or of another format: {error}") from error
    return pd.DataFrame(rows, columns=["video_id", "entities"])


def select_videos(records: pd.DataFrame, entities: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Keep the videos whose entities lead to exactly one category.

    The paper's list has one label a video and does not say what became of videos with two instruments; here they
    are left out and counted.

    Parameters
    ----------
    records : from `read_records`.
    entities : from `assign_categories`.

    Returns
    -------
    videos : columns ``video_id``, ``label``, in the order of the records.
    counts : ``read``, ``without_category``, ``with_several_categories``, ``selected``.
    """
    category = dict(zip(entities.entity, entities.category, strict=True))
    found = [sorted({category.get(entity, "") for entity in row} - {""}) for row in records.entities]
    number = np.array([len(names) for names in found], dtype=int)
    one = number == 1
    videos = pd.DataFrame(
        {"video_id": records.video_id[one].to_list(), "label": [names[0] for names in found if len(names) == 1]},
        dtype=str,
    )
    counts = {
        "read": len(records),
        "without_category": int((number == 0).sum()),
        "with_several_categories": int((number > 1).sum()),
        "selected": int(one.sum()),
    }
    return videos, counts


def select_from_records(
    paths: Sequence[Path], entities: pd.DataFrame, rng: np.random.Generator
) -> tuple[pd.DataFrame, dict[str, int], pd.Series]:
    """Select the paper's videos from YouTube-8M's own records: read, keep those of one category, undersample.

    Parameters
    ----------
    paths : the ``*.tfrecord`` files, see `read_records`; one is held in memory at a time.
    entities : from `assign_categories`.
    rng : the source of randomness of the undersampling to `PUBLISHED_SIZES`.

    Returns
    -------
    videos : columns ``video_id``, ``label``: the selection.
    counts : as of `select_videos`, over all files.
    before : number of videos of each category before undersampling.

    Raises
    ------
    CorpusError
        There is no file, or see `read_records`.
    """
    if not paths:
        raise CorpusError("expected YouTube-8M's video-level records, files *.tfrecord; got none")
    selected, counts = [], Counter()
    for path in paths:
        videos, of_file = select_videos(read_records([path]), entities)
        selected.append(videos)
        counts.update(of_file)
    videos = pd.concat(selected, ignore_index=True)
    return undersample(videos, PUBLISHED_SIZES, rng), dict(counts), videos.label.value_counts()


def undersample(videos: pd.DataFrame, sizes: Mapping[str, int], rng: np.random.Generator) -> pd.DataFrame:
    """Draw the named categories down to a size; the others stay whole.

    Parameters
    ----------
    videos : columns ``video_id``, ``label``; the order does not matter to the draw.
    sizes : the number of videos to keep, by category, such as `PUBLISHED_SIZES`; a smaller category stays whole.
    rng : the source of randomness.

    Returns
    -------
    videos : the rows that stay, in their order.

    Raises
    ------
    ParameterError
        A size is not a whole number above 0, or a category is unknown.
    """
    for name, size in sizes.items():
        if name not in LABELS or type(size) is not int or size < 1:
            raise ParameterError(f"sizes are whole numbers above 0 for {', '.join(LABELS)}; got {name!r}: {size!r}")
    stays = pd.Series(True, index=videos.index)
    for name in sorted(sizes):
        members = videos[videos.label == name].sort_values("video_id").index.to_numpy(copy=True)
        dropped = rng.permutation(members)[sizes[name] :]
        stays[dropped] = False
    return videos[stays]
