"""Which videos share something, so that they do not stand for themselves when what they say is counted."""

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse import csgraph

from instrec_utils.corpora.corpus import Corpus


def group_numbers(corpus: Corpus, video_ids: pd.Series) -> np.ndarray:
    """Return the number of each video's group [shape=(num_videos,), int].

    Of one group are videos that show or play a file in common, as the index of a staged corpus records it, and those
    that a grouped split found to be near-duplicates, in ``groups.csv``. A soundfont is an instrument, and no such file.
    """
    table = pd.DataFrame({"video_id": video_ids.to_numpy(), "place": np.arange(len(video_ids))})
    shared = [pd.Series(dtype=str)]
    if "sources" in corpus.index:
        sources = table.merge(corpus.index[["video_id", "sources"]]).set_index("place")["sources"]
        named = sources.fillna("").astype(str).str.split(";").explode()
        shared.append(named[named.str.contains("/")])
    path = corpus.directory / "groups.csv"
    if path.exists():
        groups = pd.read_csv(path, dtype=str, keep_default_na=False)
        shared.append("group " + table.merge(groups).set_index("place")["group"])
    every = pd.concat(shared)
    number, _ = pd.factorize(every)
    links = (np.ones(len(every)), (every.index.to_numpy(int), len(table) + number))
    size = len(table) + len(set(number))
    return csgraph.connected_components(sparse.coo_array(links, shape=(size, size)), directed=False)[1][: len(table)]
