"""What the label ids of the paper's two lists mean, and how that is known.

FCVID's list carries the folder of each video, so its ids explain themselves. The authors' code also lists the folders
in alphabetical order; read as "name number i belongs to id i" it is wrong for eleven of the twelve ids. The map below
therefore comes from the folders, and reading the list checks it row by row.

YouTube-8M's list carries bare ids. Their names stand in the authors' code (``datasets/yt8m.py``), in the order of
`YOUTUBE8M_LABELS`: weak evidence, since its FCVID sister is wrong. But the FCVID folders of the 45 videos that are in
both corpora agree with the names of eight ids (see the curation notebook). The other five (piano, drums, organ,
clarinet, banjo) rest on the authors' list and on the order of the class sizes.
"""

import re

FCVID_FOLDERS = (
    *("accordionPerformance", "trumpetPerformance", "flutePerformance", "chamberMusic"),
    *("symphonyOrchestraPerformance", "guitarPerformance", "violinPerformance", "saxophonePerformance"),
    *("harmonicaPerformance", "rockBandPerformance", "celloPerformance", "pianoPerformance"),
)
"""The folder of each FCVID label id: position 0 belongs to id 0."""

FCVID_LABEL_OF_FOLDER = {
    folder: re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", folder.removesuffix("Performance"))
    for folder in FCVID_FOLDERS
}
"""The label of each FCVID folder: ``rockBandPerformance`` is ``rock_band``."""

YOUTUBE8M_LABELS = (
    *("guitar", "piano", "drums", "violin", "accordion", "saxophone", "flute"),
    *("organ", "cello", "trumpet", "clarinet", "harmonica", "banjo"),
)
"""The label of each YouTube-8M label id: position 0 belongs to id 0."""
