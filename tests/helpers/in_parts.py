"""An index of a corpus in parts, as small as it can be."""

import pandas as pd

from instrec_utils.corpora.splits import rotated


def index_in_parts(num_parts=3, labels=("x", "y")):
    """Return an index with one clip a class in each part, of which the last tests."""
    rows = [(f"{label}{part}", label, part) for label in labels for part in range(1, num_parts + 1)]
    index = pd.DataFrame(rows, columns=["video_id", "label", "part"])
    index = index.assign(path=index["video_id"] + ".mp4", duration=1.0, use="any")
    return index.assign(split=rotated(index, num_parts))
