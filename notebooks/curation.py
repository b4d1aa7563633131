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
# # Where the paper's videos and labels come from
#
# > This page is about the paper's own data: the lists of video ids, labels and durations that its authors published, and
# > the vocabulary of YouTube-8M. It shows counts, never a video or its id, and no video was opened for it.
#
# **Question.** Which videos did the paper use, what do their labels mean, and can its Table 1 be recomputed?
#
# **The paper** takes two datasets ([Slizovskaia et al., 2017](https://doi.org/10.1145/3078971.3079002)). From FCVID
# ([Jiang et al., 2018](https://doi.org/10.1109/TPAMI.2017.2670560)) it takes *musical performance with instruments*:
# 5,154 videos of 12 classes, labelled by people. From YouTube-8M ([Abu-El-Haija et al.,
# 2016](https://arxiv.org/abs/1609.08675)) it takes the 46 entities that are musical instruments, reduces them to 13
# categories, and undersamples the three largest: 235,260 videos become 60,862. Both datasets are divided at random into
# 70 % training, 15 % validation and 15 % test.
#
# **Method.** Everything below is recomputed from five files: two lists, two tables of durations, one vocabulary. They
# are compared with their checksums, read row by row, and refused if a row is malformed. They are downloaded the first
# time. Where there is no network, the environment variables `INSTREC_ICMR2017` and `INSTREC_YOUTUBE8M` name folders that
# hold them; the error of the cell that wants them says so.

# %% tags=["parameters"]
seed: int = 10  # of the stratified and the grouped split and of the undersampling; the paper's split has its own
records: str = ""  # a folder with YouTube-8M's video-level records (*.tfrecord), to run the selection on them

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %% tags=["hide-input"]
import time
from pathlib import Path

import numpy as np
import pandas as pd
from instrec_utils import config, files, paths, provenance
from instrec_utils.paper_data import instruments, labels, paper, published, table1, youtube8m
from instrec_utils.report import figures, page
from IPython.display import Markdown, display

started = time.perf_counter()

# %% [markdown]
# ## The lists
#
# Each row of a list is a video and a number for its label. Its duration and frame rate stand in a second file. Read
# together they make the index of a corpus, with the label as a word and the authors' own split.

# %%
lists = published.locate_lists()
index = {name: published.load_index(name, lists) for name in published.CORPORA}  # fcvid and yt8m
page.table(
    index["yt8m"][["label", "split", "duration", "frame_rate"]].head(4),
    f"The first 4 of the {len(index['yt8m']):,} rows of YouTube-8M's index; durations in seconds, ids left out.",
)

# %% [markdown]
# ## Table 1, recomputed

# %%
result = paths.working_results_dir("curation") / "table1.json"
recomputed = table1.write_table1(lists, result)
page.table(
    table1.comparison_table(recomputed),
    "Table 1 of the paper and the same from the published lists. Durations are those of all videos with a duration; "
    "means and population standard deviations a category are those of the videos with a label. Unrounded: "
    "results/curation/table1.json.",
)

# %% [markdown]
# Categories, hours and mean durations agree to the last printed digit. So do YouTube-8M's 60,862 videos, as the videos with
# a duration, and FCVID's mean and standard deviation a category. Everything that does not agree:

# %% tags=["hide-input"]
differences = table1.differences_table(recomputed)
page.table(differences, f"All {len(differences)} numbers of Table 1 that the lists do not give.")

# %% [markdown]
# **What cannot be recomputed.** The 46 entities and the 235,260 videos before undersampling. The published lists begin
# after the selection. The paper names neither the entities nor its rule, and it used the vocabulary of September 2016,
# which had 4,800 entities. The one in use today, of May 2018, has 3,862 and counts other videos. What can be done is to
# write the selection down as a procedure and to see what it gives.

# %% [markdown]
# ## The selection from YouTube-8M as a procedure
#
# An entity of the vocabulary has a name, a section and a description taken from Wikipedia. The rule reads what the
# description *defines* the thing as, the words after the first "is". An entity is a candidate if it looks like an
# instrument. It is accepted if its definition calls it one. A reviewed table then gives each accepted entity a category, or
# none.

# %%
vocabulary_path = youtube8m.locate_vocabulary()
vocabulary = youtube8m.read_vocabulary(vocabulary_path)
candidates = instruments.find_instruments(vocabulary)  # all that look like an instrument, accepted or rejected
entities = youtube8m.assign_categories(candidates)  # with the category of each, and why
accepted, has_category = entities["accepted"], entities["category"] != ""
rejected = entities[~accepted]

# %% tags=["hide-input"]
steps = {
    "entities in the vocabulary of 2018": len(vocabulary),
    "look like a musical instrument: candidates": len(entities),
    "rejected, with a reason": len(rejected),
    "accepted as musical instruments": accepted.sum(),
    "of these in none of the 13 categories": (accepted & ~has_category).sum(),
    "of these in one of the 13 categories": has_category.sum(),
}
page.table(
    pd.DataFrame({"Step": list(steps), "Entities": [f"{number:,}" for number in steps.values()]}),
    "From the vocabulary to the categories. The paper counts 46 entities before its reduction to 13.",
)

# %% [markdown]
# **False friends** look like an instrument in the vocabulary and are none:

# %% tags=["hide-input"]
reasons = rejected.groupby("reason", sort=False)["name"].agg(["size", ", ".join]).reset_index()
reasons.columns = ["Reason", "Entities", "Which"]
page.table(
    reasons.sort_values("Entities", ascending=False, kind="stable"),
    f"The {len(rejected)} candidates that are no musical instruments, by reason; within a reason by number of videos.",
)

# %% [markdown]
# **Which entity goes where** is a matter of judgement: is a bass guitar a guitar, is a tin whistle a flute? The reasons
# are here to be argued with, and the table is one file, `youtube8m_categories.csv` in `instrec_utils/paper_data`.

# %% tags=["hide-input"]
shown = entities[["name", "train_videos", "category", "reason", "definition"]].copy()
shown["train_videos"] = shown["train_videos"].map("{:,}".format)
shown["category"] = shown["category"].where(has_category, np.where(accepted, "in none", "rejected"))
shown.columns = ["Entity", "Training videos", "Category", "Reason", "Defined as"]
page.searchable(
    shown,
    f"All {len(shown)} candidates, those with most videos first. Definitions are extracts of Wikipedia (CC BY-SA) as "
    "they stand in the vocabulary.",
)

# %% [markdown]
# ### Before and after undersampling
#
# A video has several entities. The largest entity of a category is therefore a lower bound of the category's videos, and
# the sum over its entities an upper bound. [The figure](#fig-before-and-after) has both.

# %%
sizes = index["yt8m"]["label"].value_counts()
counts = youtube8m.category_counts(entities, sizes)
factor = counts["at_least"] / counts["published"]
page.figure(
    "curation",
    "before-and-after",
    figures.before_and_after(counts),
    f"Videos a category before undersampling, by the vocabulary of 2018, and in the published list ({sizes.sum():,} "
    "videos). A bar goes from the lower to the upper bound; one without length is a category of one entity.",
    "In every category the published list has fewer videos than the lower bound of the vocabulary, by a factor of "
    f"{factor.min():.1f} to {factor.max():.1f}.",
)

# %% tags=["hide-input"]
shown = counts.rename(columns={"at_least": "at least", "at_most": "at most"}).rename(columns=str.capitalize)
shown["Published of at least"] = (100 * shown["Published"] / shown["At least"]).map("{:.0f} %".format)
for column in ("At least", "At most", "Published"):
    shown[column] = shown[column].map("{:,}".format)
page.table(
    shown, "The same in numbers. Training videos of the vocabulary of 2018; videos of the published list, all splits."
)

# %% tags=["hide-input"]
left_whole = counts[~counts["category"].isin(youtube8m.PUBLISHED_SIZES)]
ratios = 100 * left_whole["published"] / left_whole["at_least"]
Markdown(
    f"Guitar, piano and drums are the three largest, and the paper undersamples three. But the other ten categories, which "
    f"it leaves whole, hold only {ratios.min():.0f} to {ratios.max():.0f} % of what the vocabulary of 2018 counts for "
    "them; why, nothing published says. So the numbers of 2018 show how the categories compare, not how many videos the "
    f"paper began with: their lower bounds add up to {counts['at_least'].sum():,}, where the paper has 235,260."
)

# %% [markdown]
# Where a user has YouTube-8M's own video-level records, the same procedure goes on, with the parameter `records` of this
# notebook: read ids and entities, keep the videos of exactly one category and count those of several, draw the three
# largest down to the published sizes.

# %%
if records:
    found = sorted(Path(records).expanduser().rglob("*.tfrecord"))
    selected, counted, before = youtube8m.select_from_records(found, entities, np.random.default_rng(seed))
    files.write_text(paths.data_dir() / "curation" / "selection.csv", selected.to_csv(index=False))
    shown = page.table(
        pd.DataFrame({"Before": before, "After": selected["label"].value_counts(), "Published": sizes})
        .rename_axis("Category")
        .reset_index(),
        f"The selection from {len(found)} files of records: {counted['read']:,} videos read, {counted['selected']:,} of one "
        f"category, {counted['with_several_categories']:,} of several; {len(selected):,} after undersampling.",
    )
else:
    shown = Markdown("For this page the procedure ends here: it was given the vocabulary and no records.")
shown

# %% [markdown]
# ## Classes

# %% tags=["hide-input"]
for name, title in published.CORPORA.items():
    per_class = index[name]["label"].value_counts()
    found = f"from {per_class.min():,} ({per_class.idxmin()}) to {per_class.max():,} ({per_class.idxmax()})"
    caption = (
        f"{title}: {len(index[name]):,} videos of {len(per_class)} classes, {found}, by the paper's split. A constant answer "
        f"is right for {100 * per_class.max() / per_class.sum():.1f} % of them."
    )
    alt = f"The classes of {title} have {found} videos; each is divided into about the same shares."
    display(page.figure("curation", f"classes-{name}", figures.class_balance(index[name]), caption, alt))

# %% [markdown]
# ## Durations and frame rates

# %% tags=["hide-input"]
for name, title in published.CORPORA.items():
    seconds = index[name]["duration"]
    short = (seconds < 30).sum()
    caption = (
        f"{title}, the {len(seconds):,} videos with a label: mean {seconds.mean() / 60:.2f} min, from {seconds.min():.1f} "
        f"to {seconds.max():.1f} s. {f'{short:,}' if short else 'None'} are shorter than 30 s, the length that the audio "
        "network after Choi et al. looks at."
    )
    alt = f"Half of the videos of {title} are shorter than {seconds.median():.0f} s."
    display(page.figure("curation", f"durations-{name}", figures.durations(index[name]), caption, alt))

# %% tags=["hide-input"]
rates = {title: index[name]["frame_rate"] for name, title in published.CORPORA.items()}
every = pd.concat(rates)
page.figure(
    "curation",
    "frame-rates",
    figures.frame_rates(rates),
    f"Frames per second, from {every.min():.0f} to {every.max():.0f}. {100 * (every < 20).mean():.1f} % of all videos have "
    "fewer than 20. The published rates are whole numbers, so that 29 probably stands for 29.97. For a model that looks at "
    "one frame a second the rate does not matter.",
    "Most videos of FCVID and of YouTube-8M have 25, 29 or 30 frames a second.",
)

# %% [markdown]
# ## Splits
#
# The authors draw with scikit-learn's `train_test_split` and seed 10: 30 % are held out, then halved. The draw depends on
# the order of the list and on nothing else, so everyone who has the list gets their very split. It does not look at
# classes. A *stratified* split divides every class 70/15/15. A *grouped* one also never divides a group of videos that
# belong together; [the figure](#fig-held-out-shares) compares the three. `make curation` writes all three of both
# datasets as CSV files into `data/curation/splits`.

# %%
METHODS = ["paper", "stratified", "grouped"]
both = published.all_splits(lists, seed)  # columns corpus, video_id, label, and one a method
of_corpus = {title: both[both["corpus"] == name] for name, title in published.CORPORA.items()}
rows = []
for title, table in of_corpus.items():
    for method in METHODS:
        shares = 100 * pd.crosstab(table["label"], table[method], normalize="index")  # one row a class
        row = {"Dataset": title, "Split": method}
        for part in config.SPLITS:
            row[part] = f"{(table[method] == part).sum():,}"
            row[f"{part}, % of a class"] = f"{shares[part].min():.1f}–{shares[part].max():.1f}"
        rows.append(row)

# %% tags=["hide-input"]
page.table(
    pd.DataFrame(rows),
    "Videos in each split, and between which shares of a class it varies. The stratified and the grouped split take both "
    f"datasets at once, with seed {seed}.",
)

# %% tags=["hide-input"]
page.figure(
    "curation",
    "held-out-shares",
    figures.held_out_shares({title: table[["label", *METHODS]] for title, table in of_corpus.items()}),
    "Share of each class in the test split. The random draw of the paper varies, more so in FCVID, whose classes are "
    "smaller; the other two stay at 15 % to within a video.",
    "The paper's shares of the classes scatter around 15 per cent in both datasets; the stratified and the grouped ones "
    "lie on the line.",
)

# %% [markdown]
# ### Videos that are in both datasets

# %%
shared = index["fcvid"].merge(index["yt8m"], on="video_id", suffixes=("_fcvid", "_yt8m"))
places = pd.crosstab(shared["split_fcvid"], shared["split_yt8m"])
places = places.reindex(index=config.SPLITS, columns=config.SPLITS, fill_value=0)
of_shared = both[both["video_id"].isin(shared["video_id"])]
divided = (of_shared.groupby("video_id")[METHODS].nunique() > 1).sum()  # how many are in two splits, by method

# %% tags=["hide-input"]
shown = places.rename_axis("FCVID's split").rename_axis(None, axis=1).rename(columns="YouTube-8M: {}".format)
page.table(shown.reset_index(), f"The {len(shared)} videos that are in both datasets, by the paper's split of each.")

# %% tags=["hide-input"]
trained = places.loc["train", ["validation", "test"]].sum()
back = places.loc[["validation", "test"], "train"].sum()
Markdown(
    f"**A leak.** {len(shared)} videos are in both datasets, and in the paper's splits {divided['paper']} of them are not in "
    f"the same split of both. Whoever trains on FCVID and measures on YouTube-8M has learned from {trained} of the videos "
    f"held out there; the other way round it is {back}. The paper reports each dataset by itself, so its numbers are not "
    f"touched. The grouped split above takes one id as one group: of the shared videos it divides {divided['grouped']}, the "
    f"stratified one {divided['stratified']}."
)

# %% [markdown]
# Within a dataset no id is listed twice, but the same performance may be there under two ids. That can only be seen and
# heard. Whoever has the videos runs the report with the parameter `split=grouped`: videos are then grouped by perceptual
# hashes of their frames, by the course of their chroma, and by uploader where one is known, and each group stays in one
# split. Without the videos nobody can say here how many there are.

# %% [markdown]
# ## Labels
#
# **FCVID.** Each row of the list has a folder and a number. The folder is the label. The authors' code also has a list of
# names in alphabetical order, and it does not fit the numbers:

# %%
folders = pd.DataFrame({"Number": range(len(labels.FCVID_FOLDERS)), "Folder in the list": labels.FCVID_FOLDERS})
alphabetical = folders["Folder in the list"].sort_values(ignore_index=True)
fits = folders["Folder in the list"] == alphabetical
folders["Videos"] = folders["Folder in the list"].map(index["fcvid"]["folder"].value_counts())
folders["Label by the alphabet"] = alphabetical.map(labels.FCVID_LABEL_OF_FOLDER)
folders["Fits"] = np.where(fits, "yes", "no")
page.table(
    folders,
    f"FCVID's label numbers. In all {len(index['fcvid']):,} rows number and folder go together as shown; the alphabetical "
    f"name fits {fits.sum()} of {len(fits)} numbers.",
)

# %% [markdown]
# With the alphabetical names every score would be the same and nearly every row of a confusion matrix would carry the wrong
# name. That is how such an error goes unnoticed.
#
# **YouTube-8M.** Its list has bare numbers. Their names stand in the authors' code, whose other list is wrong, so they need
# a witness. The videos that are in both datasets are one: FCVID's folder says what they show.

# %%
agreeing = shared[shared["label_fcvid"] == shared["label_yt8m"]]
evidence = pd.DataFrame({"Number": range(len(labels.YOUTUBE8M_LABELS)), "Name": labels.YOUTUBE8M_LABELS})
for title, named in (
    ("Videos", index["yt8m"]["label"]),
    ("Also in FCVID", shared["label_yt8m"]),
    ("Of these, same name", agreeing["label_yt8m"]),
):
    evidence[title] = evidence["Name"].map(named.value_counts()).fillna(0).astype(int)

# %% tags=["hide-input"]
page.table(
    evidence.assign(Videos=evidence["Videos"].map("{:,}".format)),
    f"YouTube-8M's label numbers. {len(agreeing)} of {len(shared)} shared videos agree, for "
    f"{(evidence['Also in FCVID'] > 0).sum()} of {len(evidence)} numbers. The others rest on the authors' list and on the "
    "order of the class sizes.",
)

# %% [markdown]
# **What a label means.** It says what a video is *about*. The instrument may be out of sight, or in sight and not heard, for
# most of the video: a lesson begins with talk, a concert pans over the audience, an upload of a song shows one still
# image. FCVID has classes that are no instrument at all, *chamber music*, *rock band* and *symphony orchestra*, in which
# several play. YouTube-8M's labels were made by a machine, from what people write about videos and click on as well as
# from the videos, and were never checked one by one. So no model can be right for every video, and people are not:

# %% tags=["hide-input"]
human = pd.DataFrame(paper.paper_tables()["human_rates"])
for column in ("precision", "recall", "f1"):
    human[column] = human[column].map("{:.1f}".format).replace("nan", "–")
human.columns = ["Dataset", "Who", "Precision", "Recall", "F1", "Source"]
page.table(
    human,
    "What people reach, in %, as the literature gives it; nothing here was measured anew. For FCVID no rate is known. Where "
    "several instruments play, the 20 people were asked for the predominant one.",
)

# %% [markdown]
# ## How much of it is still there
#
# Videos are deleted, made private, and closed to countries. `make download` asks YouTube for each listed video, politely:
# a few at once, with a limit on the rate, a pause before each, and retries that wait longer each time. What became of every
# id is one row of a ledger, written at once, so that an interruption loses no answer. The same command carries on; a video is
# asked for again only while its state is *failed*.
#
# ```bash
# make download                  # all of them
# make download LIMIT=1000       # so many, classes in turn
# make report CORPUS=yt8m        # the report on those that are here
# ```

# %%
from instrec_utils.paper_data import availability, paper_videos

listed = index["yt8m"].assign(state=availability.NOT_ASKED)
failures, days = pd.DataFrame(), pd.Series(dtype=str)
if paper_videos.ledger_path().exists():
    with availability.Ledger(paper_videos.ledger_path()) as ledger:
        listed = availability.with_paths(listed, ledger)
        failures, days = availability.failures(ledger), ledger.table()["asked"].str[:10]
num_asked = (listed["state"] != availability.NOT_ASKED).sum()
left = availability.availability_table(listed)

# %% tags=["hide-input"]
shown = (left if num_asked else left.tail(1)).rename(columns={"label": "class", "share": "left"})
for column in ("videos", availability.NOT_ASKED):
    shown[column] = shown[column].map("{:,}".format)
shown["left"] = (100 * shown["left"]).map("{:.1f} %".format).replace("nan %", "–")
page.table(
    shown,
    f"State of the {len(listed):,} listed videos of YouTube-8M, with a row for each class that was asked for; left: available "
    "of those asked for.",
)

# %% tags=["hide-input"]
Markdown(
    f"YouTube was asked for {num_asked:,} of the videos, between {days.min()} and {days.max()}."
    if num_asked
    else "**Nothing was asked.** This page was made without a network, so every video stands under *not asked*, and how "
    "much of the paper's dataset is left is not known here. Once there is a ledger, `make curation` fills this table from it."
)

# %% tags=["hide-input"]
page.table(
    failures.head(10),
    f"Why {failures['videos'].sum():,} videos failed, the ten commonest reasons; they are asked for again.",
) if len(failures) else None

# %% [markdown]
# ## Differences from the paper
#
# - **Numbers.** Those of Table 1 that differ are listed above, with the reason; where the reason is not published, that is
#   said.
# - **Selection.** The paper's 46 entities are not named. The rule and the table here are ours, and the vocabulary is younger.
#   The 13 categories have the same names.
# - **Videos of several categories.** The paper has one label a video and does not say what became of a video with a guitar
#   and a piano. Here it is left out and counted.
# - **Splits.** The paper's split is reproduced to the video. The stratified and the grouped split are additions.
# - **Used videos.** The paper used 7 and 8 videos more than its lists have. The published lists are what is used here.

# %% tags=["hide-input"]
num_printed = sum(value is not None for column in recomputed.values() for value in column["paper"].values())
num_gone = (differences["Recomputed"] == "not in the lists").sum()
page.takeaway(
    f"{num_printed - len(differences)} of the {num_printed} numbers of Table 1 come out of the published lists at the printed "
    f"precision, {num_gone} cannot be recomputed, and the others differ by at most eight. A label says what a video is "
    "about, the authors' alphabetical names do not fit their own label numbers, and whoever uses both datasets must keep "
    "the videos they share in one split."
)

# %% [markdown]
# ## Where the numbers come from

# %% tags=["hide-input"]
num_rows = {vocabulary_path: len(vocabulary)}
for name, column in recomputed.items():
    num_rows[lists / f"{name}_dataset.csv"] = column["videos_listed"]
    num_rows[lists / f"{name}_auxinfo.pkl"] = column["videos_with_duration"]
inputs = [(path.name, f"{rows:,}", files.sha256_of_file(path)[:16]) for path, rows in sorted(num_rows.items())]
page.table(
    pd.DataFrame(inputs, columns=["File", "Rows", "SHA-256 begins with"]),
    f"The inputs as they were read: the vocabulary from {youtube8m.ADDRESS}, the others from {published.ADDRESS}. The "
    "latter are GPL-3.0 and no part of this book.",
)

# %% tags=["hide-input"]
made = {
    "Table 1": f"results/curation/table1.json, sha256 {files.sha256_of_file(result)[:12]}",
    "commit": provenance.commit(),
    "seed": f"{config.SPLIT_SEED} (paper's split), {seed} (the others)",
    "wall time": f"{time.perf_counter() - started:.0f} s on a CPU",
}
page.table(pd.DataFrame({"What": list(made), "Value": list(made.values())}), "How this page was made: make curation.")
