# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags,-all
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#       jupytext_version: 1.19.6
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. The corpus
#
# **Question.** What videos does this report learn from, and how do they differ from those of the paper?
#
# **The paper** takes 5,154 videos of 12 classes from FCVID and 60,862 of 13 classes from YouTube-8M, one label a
# video; of the latter it says that it used 60,802, and the list that its authors published names 60,794. It divides them at random into 70 % training, 15 % validation and 15 % test
# ([Slizovskaia et al., 2017](https://doi.org/10.1145/3078971.3079002)). A label says what a video is about. It does not say
# that the instrument is in sight or to be heard at any given moment, and often it is neither.
#
# **Method.** A corpus is an index, one row a video, and the files that it names. Where the videos come from is one entry of
# the package, a *source*; everything after this page reads the index and nothing else.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # name of the corpus' folders and pages
source: str = "demo"  # where its videos come from: demo, open, folder, fcvid, yt8m, or a source of another package
root: str = ""  # folder with one subfolder of videos a class, for the sources "folder" and "fcvid"
clips_per_class: int = 0  # clips to stage a class; 0 for the corpus' own number
split: str = ""  # paper, stratified, or grouped (near-duplicates together); empty for the corpus' own
corpus_seed: int = 10  # of the rendering and of the split; with another one give the corpus another name
small_classes: str = "leave_out"  # a class of a folder with fewer videos than splits; "error" stops there
follow_links: bool = False  # whether links in a folder of videos may lead to folders elsewhere

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %% [markdown]
# ## Preparing it
#
# The videos are rendered, downloaded or listed, whatever is missing, and the index is written. A second call finds all of it.

# %%
import pandas as pd
from instrec_utils import config, corpora
from instrec_utils.report import elements, figures, page
from IPython.display import Markdown

videos = corpora.prepare_corpus(
    corpus,
    source,
    root=root,
    clips_per_class=clips_per_class,
    split_method=split,
    seed=corpus_seed,
    small_classes=small_classes,
    follow_links=follow_links,
)

# %% tags=["hide-input"]
page.corpus_note(videos)

# %% tags=["hide-input"]
effective = {
    "corpus": corpus,
    "source": source,
    "clips_per_class": clips_per_class or "default",
}
page.parameters(
    effective | {"split": videos.split_method or "staged", "corpus_seed": corpus_seed}
)

# %% tags=["hide-input"]
origin = corpora.source_named(source)
Markdown(f"**Licence.** {origin.licence} **To cite.** {origin.citation}")

# %% [markdown]
# ## The index
#
# Everything that follows reads this table and the files it names.

# %%
index = videos.index
columns = ["video_id", "label", "split", "path", "duration"]
two_a_split = index[columns].groupby("split").head(2)

# %% tags=["hide-input"]
page.table(two_a_split, f"Two rows a split of the index, which has {len(index)}.")

# %% [markdown]
# ## How many, how long
#
# [The figure of classes](#fig-classes) counts the videos, [that of durations](#fig-durations) says how long they are. Where a corpus
# has variants of its clips (test clips staged once more without degradation, clips that another rotation of its parts
# needs), they are not counted here.

# %%
main = index[index["split"].isin(config.SPLITS)]
per_class = main["label"].value_counts()
seconds = main["duration"]
print(
    pd.crosstab(main["split"], "videos").squeeze().to_dict(),
    f"mean {seconds.mean():.1f} s",
)

# %% tags=["hide-input"]
a_class = " to ".join(map(str, sorted({per_class.min(), per_class.max()})))
page.figure(
    corpus,
    "classes",
    figures.class_balance(index),
    f"Videos a class and split: {len(main)} videos of {len(per_class)} classes, {a_class} a class, "
    f"{seconds.sum() / 3600:.2f} h in all.",
    f"Stacked bars, one a class, in three colours for the splits: the classes have {a_class} videos each, most of them in "
    "training.",
)

# %% tags=["hide-input"]
page.figure(
    corpus,
    "durations",
    figures.durations(main),
    f"Durations: mean {seconds.mean():.1f} s, from {seconds.min():.1f} to {seconds.max():.1f} s. The paper's videos last 3.03 "
    "min (FCVID) and 4.09 min (YouTube-8M) on average.",
    f"Histogram of the videos' durations, which lie between {seconds.min():.0f} and {seconds.max():.0f} seconds.",
)

# %% [markdown]
# ## What the label does not say
#
# People's videos are hard because a modality may fail: the instrument is not in sight, or another sound covers it.
# The staged corpora imitate this in declared shares, which were set once and are the same in every split. No clip is
# both silent and without the instrument.
#
# "Silent" is said of two things. As a declared condition it means that the instrument is not heard, though there may be a faint hum
# and hiss. As a finding, in the list of every video and in what `make validate` prints, it means that the file has no sound: no
# stream of sound, or no tenth of a second louder than 60 dB below full scale. So some clips of the condition "silent" are not found to be silent.

# %% tags=["hide-input"]
staged = "picture" in index
page.figure(
    corpus,
    "conditions",
    figures.condition_shares(index),
    "Share of the clips in each condition of picture and sound, by split. The shares are declared once, in "
    "instrec_utils/config.py, and drawn by quota, so that splits differ by rounding only.",
    "Two groups of bars, the conditions of the picture and of the sound: under half of the clips are clear in either, and the "
    "shares are the same in all splits.",
) if staged else None

# %% tags=["hide-input"]
page.table(
    elements.source_counts(main),
    f"Where picture and sound of the {len(main)} clips come from; none: the instrument is out of sight, or silent.",
) if staged else None

# %% [markdown]
# ## Look and listen
#
# One clip a class from the training split, eight seconds from its middle, in the clearest condition there is. Clear means that
# the instrument is in sight, though not at every moment. What is seen before a clip is played is the picture with the most
# detail of nine moments, which may still be a view away from the player.

# %%
ranked = index[index["split"] == "train"].copy()
ranked["clear"] = ranked.reindex(columns=["picture", "sound"]).eq("clear").sum(axis=1)
ranked = ranked.sort_values(
    ["label", "clear", "video_id"], ascending=[True, False, True]
)
one_a_class = ranked.groupby("label").head(1)

# %% tags=["hide-input"]
page.players(videos, one_a_class, one_a_class["label"].tolist())

# %% tags=["hide-input"]
sheet = origin.contact_sheet() if origin.contact_sheet else None
page.figure(
    corpus, "contact-sheet", sheet.picture, sheet.caption, sheet.alt
) if sheet else None

# %% [markdown]
# ## What belongs together
#
# The same upload under several names must not be learned from and tested on. A grouped split keeps videos together that
# look alike, sound alike or come from one uploader. Staged corpora keep their sources apart instead, and another split
# was not asked to.

# %% tags=["hide-input"]
elements.groups_note(videos)

# %% [markdown]
# ## What was left out

# %% tags=["hide-input"]
elements.states_table(videos)

# %% tags=["hide-input"]
elements.skipped_table(videos)

# %% [markdown]
# ## Differences from the paper
#
# The paper's videos are uploads of minutes, several thousand of them. What stands in their place is said in the note above;
# the index, the labels, the split and everything that follows are the same for every corpus, FCVID and YouTube-8M included.

# %% tags=["hide-input"]
sizes = ", ".join(
    f"{count} {name}" for name, count in main["split"].value_counts().items()
)
page.takeaway(
    f"The {corpus} corpus has {len(main)} videos of {len(per_class)} classes, split into {sizes}. A label says what a video is "
    "about, not what can be seen and heard in it."
)

# %% tags=["hide-input"]
elements.index_provenance(videos)
