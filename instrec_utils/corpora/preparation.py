"""From a source to a corpus in the data folder."""

from __future__ import annotations

from pathlib import Path

from instrec_utils import files, paths
from instrec_utils.corpora.corpus import LISTED, Corpus, read_corpus, read_listed
from instrec_utils.corpora.source import BuildOptions, source_named
from instrec_utils.corpora.splits import write_split
from instrec_utils.errors import ParameterError


def prepare_corpus(
    name: str, source: str, *, root: str = "", clips_per_class: int = 0, split_method: str = "", seed: int = 10
) -> Corpus:
    """Render, download or list a corpus' videos, whatever is missing, and return it.

    Parameters
    ----------
    name : str
        Of the corpus' folders.
    source : str
        A name of `source.sources`.
    root, clips_per_class, split_method, seed : str, int, str, int
        See `source.BuildOptions`; an empty split method is the source's own. The split is also written into the
        corpus' folder ``splits``.

    Raises
    ------
    CorpusError, ParameterError, DownloadError
        Something about the source is wrong; the message says what and where.
    """
    origin = source_named(source)
    if split_method and split_method not in origin.split_methods:
        allowed = " or ".join(origin.split_methods) or "none, as its clips are staged split by split"
        raise ParameterError(f"split: for the source {source} expected {allowed}; got {split_method!r}")
    if origin.root and not root:
        raise ParameterError(f"root: expected {origin.root}, got none")
    method = split_method or next(iter(origin.split_methods), "")
    directory = paths.data_dir() / name
    for left in (LISTED, "groups.csv"):  # of another source or split under this name
        (directory / left).unlink(missing_ok=True)
    folder = Path(root).expanduser().resolve() if root else directory
    videos = origin.build(BuildOptions(directory, folder, clips_per_class, method, seed))
    # Staged videos are where the corpus is, wherever that is taken.
    place = "." if videos == directory else str(videos)
    files.write_json(directory / "source.json", {"source": source, "videos": place, "split": method})
    corpus = read_corpus(name)
    if method:
        write_split(read_listed(corpus), directory / "splits" / f"{method}.csv")
    return corpus
