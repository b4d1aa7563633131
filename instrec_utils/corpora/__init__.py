"""The corpora: videos with labels and splits, wherever they come from, all as the same index."""

from instrec_utils.corpora.corpus import Corpus, read_corpus, read_listed
from instrec_utils.corpora.source import Source, prepare_corpus, read_photographs, source_named, sources

__all__ = ["Corpus", "Source", "prepare_corpus", "read_corpus", "read_listed", "read_photographs"]
__all__ += ["source_named", "sources"]
