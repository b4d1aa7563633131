"""The corpora: videos with labels and splits, wherever they come from, all as the same index."""

from instrec_utils.corpora.corpus import Corpus, read_corpus, read_listed
from instrec_utils.corpora.groups import group_numbers
from instrec_utils.corpora.photographs import photographs_key, read_photographs
from instrec_utils.corpora.source import Source, prepare_corpus, source_named, sources

__all__ = ["Corpus", "Source", "group_numbers", "photographs_key", "prepare_corpus", "read_corpus", "read_listed"]
__all__ += ["read_photographs", "source_named", "sources"]
