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
# video, and divides them at random into 70 % training, 15 % validation and 15 % test {cite}`slizovskaia2017`. A
# label says what a video is about. It does not say that the instrument is in sight or to be heard at any given
# moment, and often it is neither.

# %% tags=["parameters"]
corpus: str = "demo"  # name of the corpus' folders and pages
source: str = "demo"  # where its videos come from: demo, open, folder, fcvid or yt8m
root: str = ""  # folder with one subfolder of videos a class, for the sources "folder" and "fcvid"
clips_per_class: int = 0  # clips to stage a class; 0 for the corpus' own number
split: str = ""  # paper, stratified, or grouped (near-duplicates together); empty for the corpus' own
corpus_seed: int = 10  # of the rendering and of the split; with another one give the corpus another name

# %% tags=["remove-cell"]
import pandas as pd
from IPython.display import Markdown

from instrec_utils import corpora, paths
from instrec_utils.corpora.index import state_table
from instrec_utils.report import figures as plots
from instrec_utils.report import page as report

videos = corpora.prepare_corpus(
    corpus, source, root=root, clips_per_class=clips_per_class, split_method=split, seed=corpus_seed
)
origin = corpora.source_named(source)

# %% tags=["remove-input"]
report.corpus_note(videos)

# %% tags=["remove-input"]
effective = {"corpus": corpus, "source": source, "clips_per_class": clips_per_class or "default"}
report.parameters(effective | {"split": videos.split_method or "staged", "corpus_seed": corpus_seed})

# %% tags=["remove-input"]
Markdown(f"**Licence.** {origin.licence} **To cite.** {origin.citation}")

# %% [markdown]
# ## How many, how long
#
# The index has one row a video. Everything that follows reads this table and the files it names.

# %%
index = videos.index
columns = ["video_id", "label", "split", "path", "duration"]
report.table(
    index[columns].groupby("split").head(2),
    f"Two rows a split of the index, which has {len(index)}.",
)

# %% tags=["remove-input"]
main = index[index["split"] != "test_clean"]  # without the clear variants of the test clips
extra = f"; the {len(index) - len(main)} clear variants of test clips are not counted" if len(main) < len(index) else ""
per_class = main["label"].value_counts()
report.figure(
    plots.class_balance(index),
    f"Videos a class and split: {len(main)} videos of {len(per_class)} classes, "
    f"{per_class.min()} to {per_class.max()} a class, {main['duration'].sum() / 3600:.2f} h in all{extra}.",
    "Stacked bars, one a class: the number of videos in each split.",
)

# %% tags=["remove-input"]
report.figure(
    plots.durations(main),
    f"Durations: mean {main['duration'].mean():.1f} s, from {main['duration'].min():.1f} to "
    f"{main['duration'].max():.1f} s. The paper's videos last 3.03 min (FCVID) and 4.09 min (YouTube-8M) on average.",
    "Histogram of the durations of the videos, in seconds.",
)

# %% [markdown]
# ## What the label does not say
#
# People's videos are hard because a modality may fail: the instrument is not in sight, or another sound covers it.
# The staged corpora imitate this in declared shares, which were set once and are the same in every split. No clip is
# both silent and without the instrument. For a folder of your own videos nothing is declared and this part is empty.

# %% tags=["remove-input"]
staged = "picture" in index
report.figure(
    plots.condition_shares(index),
    "Share of the clips in each condition of picture and sound, by split. Declared once in instrec_utils/config.py; "
    "drawn by quota, so that splits differ by rounding only.",
    "Two groups of bars: shares of the picture conditions and of the sound conditions in each split.",
) if staged else None

# %% tags=["remove-input"]
if staged:
    sources = index.groupby("label")[["picture_source", "sound_source"]].agg(
        lambda column: ", ".join(f"{kind} {count}" for kind, count in column.value_counts().items())
    )
    sources.columns = ["Picture comes from", "Sound comes from"]
    shown = report.table(
        sources.rename_axis("Class").reset_index(),
        f"Where picture and sound of the {len(index)} clips come from; none: the instrument is out of sight, or silent.",
    )
else:
    shown = None
shown

# %% [markdown]
# ## Look and listen
#
# One clip a class from the training split, eight seconds from its middle, in the clearest condition there is.

# %% tags=["remove-input"]
ranked = index[index["split"] == "train"].copy()
ranked["clear"] = ranked.reindex(columns=["picture", "sound"]).eq("clear").sum(axis=1)
chosen = ranked.sort_values(["label", "clear", "video_id"], ascending=[True, False, True]).groupby("label").head(1)
report.players(videos, chosen, [row.label for row in chosen.itertuples()])

# %% tags=["remove-input"]
if origin.contact_sheet:
    sheet = origin.contact_sheet()
    path = report.write_picture(sheet.picture, paths.media_dir(corpus) / "contact_sheet.jpg")
    shown = report.picture(path, sheet.caption, sheet.alt)
else:
    shown = None
shown

# %% [markdown]
# ## What belongs together
#
# The same upload under several names must not be learned from and tested on. A grouped split keeps videos together that
# look alike, sound alike or come from one uploader. Staged corpora keep their sources apart instead, and another split
# was not asked to.

# %% tags=["remove-input"]
groups_path = videos.directory / "groups.csv"
groups = pd.read_csv(groups_path) if groups_path.exists() else None
if groups is None:
    shown = Markdown("Nothing was looked for: this is no grouped split.")
elif groups.empty:
    shown = Markdown("Nothing: no two videos are near-duplicates or known to be by one uploader.")
else:
    sizes = groups.groupby("group").agg(videos=("label", "size"), classes=("label", "nunique"))
    sizes = sizes.value_counts().rename("groups").reset_index().sort_values("videos")
    shown = report.table(sizes, f"{len(groups)} videos in {sizes['groups'].sum()} groups, each in one split; by size.")
shown

# %% [markdown]
# ## What was left out

# %% tags=["remove-input"]
listed = corpora.read_listed(videos)
report.table(
    state_table(listed), "What became of the videos in the paper's list, by class."
) if "state" in listed else None

# %% tags=["remove-input"]
skipped_path = videos.directory / "skipped.csv"
skipped = pd.read_csv(skipped_path, keep_default_na=False) if skipped_path.exists() else pd.DataFrame(columns=["path"])
skipped = skipped[skipped["path"] != ""]  # the others have no file, and stand in the table above
report.table(skipped.head(50), f"{len(skipped)} files could not be read, and were skipped; the first 50.") if len(
    skipped
) else Markdown("Every file of the corpus is a readable video.")

# %% tags=["remove-input"]
report.takeaway(
    f"The {corpus} corpus has {len(main)} videos of {len(per_class)} classes, split into "
    + ", ".join(f"{count} {name}" for name, count in main["split"].value_counts().items())
    + ". A label says what a video is about, not what can be seen and heard in it."
)
