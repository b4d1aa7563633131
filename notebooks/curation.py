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
# :::{note}
# This page is about the paper's own data: the lists of video ids, labels and durations that its authors published, and
# the vocabulary of YouTube-8M. It shows counts, never a video or its id, and no video was opened for it.
# :::
#
# **Question.** Which videos did the paper use, what do their labels mean, and can its Table 1 be recomputed?
#
# **The paper** takes two datasets {cite}`slizovskaia2017`. From FCVID {cite}`jiang2018` it takes *musical performance
# with instruments*: 5,154 videos of 12 classes, labelled by people. From YouTube-8M {cite}`abuelhaija2016` it takes the
# 46 entities that are musical instruments, reduces them to 13 categories, and undersamples the three largest: 235,260
# videos become 60,862. Both are divided at random into 70 % training, 15 % validation and 15 % test.
#
# **Method.** Everything below is recomputed from five files: two lists, two tables of durations, one vocabulary. They
# are checked against their checksums, read row by row, and refused if a row is malformed.

# %% tags=["parameters"]
seed: int = 10  # of the stratified and the grouped split and of the undersampling; the paper's split has its own
records: str = ""  # a folder with YouTube-8M's video-level records (*.tfrecord), to run the selection on them

# %% tags=["remove-cell"]
import time
from pathlib import Path

import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from instrec_utils import config, files, paths, provenance
from instrec_utils.corpora import splits
from instrec_utils.paper_data import availability, labels, paper, paper_videos, published, youtube8m
from instrec_utils.report import figures as plots
from instrec_utils.report import page as report

started = time.perf_counter()
NAMES = {"fcvid": "FCVID", "yt8m": "YouTube-8M"}

# %% [markdown]
# ## Table 1, recomputed

# %%
lists = published.locate()
table1 = published.write_table1(lists)  # results/curation/table1.json
index = {name: published.load_index(name, lists) for name in NAMES}

# %% tags=["remove-input"]
ROWS = (  # what the paper prints, its name in table1.json, what is recomputed, its format
    ("Categories", "categories", "categories", "{:,}"),
    ("Categories before reduction", "categories_before_reduction", None, "{:,}"),
    ("Videos before undersampling", "videos_before_undersampling", None, "{:,}"),
    ("Videos (recomputed: with a duration)", "videos", "videos_with_duration", "{:,}"),
    ("Total duration in h", "hours", "hours", "{:,.2f}"),
    ("Mean duration in min", "mean_minutes", "mean_minutes", "{:.2f}"),
    ("Videos a category, mean", "per_category_mean", "per_category_mean", "{:,.2f}"),
    ("Videos a category, standard deviation", "per_category_std", "per_category_std", "{:,.2f}"),
    ("Videos used (recomputed: with a label)", "videos_used", "videos_listed", "{:,}"),
)
rows = []
for title, printed, recomputed, form in ROWS:
    row = {"Number": title}
    for corpus, name in NAMES.items():
        column = table1[corpus]
        value = column["paper"].get(printed)
        row[f"{name}, paper"] = "–" if value is None else f"{value:,}"
        missing = "–" if value is None else "not in the lists"
        row[f"{name}, recomputed"] = form.format(column[recomputed]) if recomputed else missing
    rows.append(row)
report.table(
    pd.DataFrame(rows),
    "Table 1 of the paper and the same from the published lists. Durations are those of all videos with a duration; "
    "means and population standard deviations a category are those of the videos with a label. Unrounded: "
    "results/curation/table1.json.",
)

# %% [markdown]
# Categories, hours and mean durations agree to the last printed digit. So do YouTube-8M's 60,862 videos, as the videos with
# a duration, and FCVID's mean and standard deviation a category. Everything that does not agree:

# %% tags=["remove-input"]
titles = {printed: title.split(" (")[0] for title, printed, _, _ in ROWS}
differences = [
    {
        "Dataset": name,
        "Number": titles[entry["property"]],
        "Paper": f"{entry['paper']:,}",
        "Recomputed": "not in the lists" if entry["recomputed"] is None else f"{entry['recomputed']:,}",
        "Why": entry["explanation"],
    }
    for corpus, name in NAMES.items()
    for entry in table1[corpus]["differences"]
]
report.table(pd.DataFrame(differences), f"All {len(differences)} numbers of Table 1 that the lists do not give.")

# %% [markdown]
# **What cannot be recomputed.** The 46 entities and the 235,260 videos before undersampling. The published lists begin
# after the selection; the paper names neither the entities nor its rule, and it used the vocabulary of September 2016,
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
candidates = youtube8m.find_instruments(vocabulary)
entities = youtube8m.assign_categories(candidates)
review = youtube8m.review(vocabulary)  # all of it in one table

# %% tags=["remove-input"]
rejected = review[~review["accepted"]]
steps = [
    ("entities in the vocabulary of 2018", len(vocabulary)),
    ("look like a musical instrument: candidates", len(review)),
    ("rejected, with a reason", len(rejected)),
    ("accepted as musical instruments", int(review["accepted"].sum())),
    ("of these in none of the 13 categories", int((review["accepted"] & (review["category"] == "")).sum())),
    ("of these in one of the 13 categories", int((review["category"] != "").sum())),
]
report.table(
    pd.DataFrame([{"Step": step, "Entities": f"{number:,}"} for step, number in steps]),
    "From the vocabulary to the categories. The paper counts 46 entities before its reduction to 13.",
)

# %% [markdown]
# **False friends** look like an instrument in the vocabulary and are none:

# %% tags=["remove-input"]
reasons = rejected.groupby("reason", sort=False)["name"].agg(["size", lambda names: ", ".join(names)]).reset_index()
reasons.columns = ["Reason", "Entities", "Which"]
report.table(
    reasons.sort_values("Entities", ascending=False, kind="stable"),
    f"The {len(rejected)} candidates that are no musical instruments, by reason; within a reason by number of videos.",
)

# %% [markdown]
# **Which entity goes where** is a matter of judgement: is a bass guitar a guitar, is a tin whistle a flute? The reasons
# are here to be argued with, and the table is one file,
# `youtube8m_categories.csv` in `instrec_utils/corpora`.

# %% tags=["remove-input"]
shown = review.assign(
    train_videos=review["train_videos"].map("{:,}".format),
    verdict=review["category"].where(review["category"] != "", np.where(review["accepted"], "in none", "rejected")),
)[["name", "train_videos", "verdict", "reason", "definition"]]
shown.columns = ["Entity", "Training videos", "Category", "Reason", "Defined as"]
report.searchable(
    shown,
    f"All {len(review)} candidates, those with most videos first. Definitions are extracts of Wikipedia (CC BY-SA) as "
    "they stand in the vocabulary.",
)

# %% [markdown]
# ### Before and after undersampling

# %% tags=["remove-input"]
sizes = index["yt8m"]["label"].value_counts()
counts = youtube8m.category_counts(entities, sizes)
report.figure(
    plots.before_and_after(counts),
    f"Videos a category before undersampling, by the vocabulary of 2018, and in the published list ({sizes.sum():,} "
    "videos). A video has several entities: the largest entity of a category is a lower bound, the sum over its entities "
    "an upper bound. A bar without length is a category of one entity.",
    "One row a category on a logarithmic axis: a bar from the lower to the upper bound before undersampling, and a "
    "diamond at the number of videos in the published list, which lies below the bar in every category.",
)

# %% tags=["remove-input"]
ratios = counts.assign(ratio=100 * counts["published"] / counts["at_least"])
report.table(
    pd.DataFrame(
        {
            "Category": ratios["category"],
            "Entities": ratios["entities"],
            "At least": ratios["at_least"].map("{:,}".format),
            "At most": ratios["at_most"].map("{:,}".format),
            "Published": ratios["published"].map("{:,}".format),
            "Published of at least": ratios["ratio"].map("{:.0f} %".format),
        }
    ),
    "The same in numbers. Training videos of the vocabulary of 2018; videos of the published list, all splits.",
)

# %% tags=["remove-input"]
whole = ratios[~ratios["category"].isin(youtube8m.PUBLISHED_SIZES)]["ratio"]
Markdown(
    f"Guitar, piano and drums are the three largest, and the paper undersamples three. But the other ten categories, which "
    f"it leaves whole, hold only {whole.min():.0f} to {whole.max():.0f} % of what the vocabulary of 2018 counts for "
    "them; why, nothing published says. So the numbers of 2018 show how the categories compare, not how many videos the "
    f"paper began with: their lower bounds add up to {ratios['at_least'].sum():,}, where the paper has 235,260."
)

# %% [markdown]
# Where a user has YouTube-8M's own video-level records, the same procedure goes on, with the parameter `records` of this
# notebook: read ids and entities, keep the videos of exactly one category and count those of several, draw the three
# largest down to the published sizes.

# %% tags=["remove-input"]
if records:
    found = sorted(Path(records).expanduser().rglob("*.tfrecord"))
    selected, counted, before = youtube8m.select_from_records(found, entities, np.random.default_rng(seed))
    after = selected["label"].value_counts()
    files.write_text(paths.data_dir() / "curation" / "selection.csv", selected.to_csv(index=False))
    shown = report.table(
        pd.DataFrame({"Before": before, "After": after, "Published": sizes}).rename_axis("Category").reset_index(),
        f"The selection from {len(found)} files of records: {counted['read']:,} videos read, {counted['selected']:,} of one "
        f"category, {counted['with_several_categories']:,} of several; {len(selected):,} after undersampling.",
    )
else:
    shown = Markdown("For this page the procedure ends here: it was given the vocabulary and no records.")
shown

# %% [markdown]
# ## Classes

# %% tags=["remove-input"]
for corpus, name in NAMES.items():
    per_class = index[corpus]["label"].value_counts()
    display(
        report.figure(
            plots.class_balance(index[corpus]),
            f"{name}: {len(index[corpus]):,} videos of {len(per_class)} classes, from {per_class.min():,} "
            f"({per_class.idxmin()}) to {per_class.max():,} ({per_class.idxmax()}), by the paper's split. A constant "
            f"answer is right for {100 * per_class.max() / per_class.sum():.1f} % of them.",
            f"Stacked bars, one a class of {name}: the number of videos in each split.",
        )
    )

# %% [markdown]
# ## Durations and frame rates

# %% tags=["remove-input"]
for corpus, name in NAMES.items():
    seconds = index[corpus]["duration"]
    short = int((seconds < 30).sum())
    display(
        report.figure(
            plots.durations(index[corpus]),
            f"{name}, the {len(seconds):,} videos with a label: mean {seconds.mean() / 60:.2f} min, from "
            f"{seconds.min():.1f} to {seconds.max():.1f} s. {f'{short:,}' if short else 'None'} are shorter than "
            "30 s, the length that the audio network after Choi et al. looks at.",
            f"Histogram of the durations of the videos of {name}, in seconds.",
        )
    )

# %% tags=["remove-input"]
rates = pd.concat(index)["frame_rate"]
report.figure(
    plots.frame_rates({name: index[corpus]["frame_rate"] for corpus, name in NAMES.items()}),
    f"Frames per second, from {rates.min():.0f} to {rates.max():.0f}. {100 * (rates < 20).mean():.1f} % of all videos have "
    "fewer than 20. The published rates are whole numbers, so that 29 probably stands for 29.97. For a model that looks at one frame a second the rate does not matter.",
    "Two histograms of frame rates, FCVID and YouTube-8M: most videos have 25, 29 or 30 frames a second.",
)

# %% [markdown]
# ## Splits
#
# The authors draw with scikit-learn's `train_test_split` and seed 10: 30 % are held out, then halved. The draw depends on
# the order of the list and on nothing else, so everyone who has the list gets their very split. It does not look at
# classes. A *stratified* split divides every class 70/15/15. A *grouped* one also never divides a group of videos that
# belong together. `make curation` writes all three of both datasets as CSV files into `data/curation/splits`.

# %%
both = published.all_splits(lists, seed)  # columns corpus, video_id, label, and one a split
ways = {NAMES[corpus]: table for corpus, table in both.groupby("corpus")}

# %% tags=["remove-input"]
rows = [
    {
        "Dataset": name,
        "Split": way,
        **{part: f"{(table[way] == part).sum():,}" for part in config.SPLITS},
        **{
            f"{part}, % of a class": f"{shares.min():.1f}–{shares.max():.1f}"
            for part in config.SPLITS
            for shares in [100 * (table[way] == part).groupby(table["label"]).mean()]
        },
    }
    for name, table in ways.items()
    for way in ("paper", "stratified", "grouped")
]
report.table(
    pd.DataFrame(rows),
    "Videos in each split, and between which shares of a class it varies. The stratified and the grouped split take both "
    f"datasets at once, with seed {seed}.",
)

# %% tags=["remove-input"]
report.figure(
    plots.held_out_shares({name: table[["label", "paper", "stratified", "grouped"]] for name, table in ways.items()}),
    "Share of each class in the test split. The random draw of the paper varies, more so in FCVID, whose classes are smaller; the other "
    "two stay at 15 % to within a video.",
    "Two panels, FCVID and YouTube-8M, one row a class: the paper's shares scatter around 15 per cent, the stratified and "
    "grouped ones lie on the line.",
)

# %% tags=["remove-input"]
shared = published.shared_videos(lists)
seen = both[both["video_id"].isin(shared["video_id"])]
places = seen.pivot(index="video_id", columns="corpus", values="paper")
crossing = (seen.groupby("video_id")[["paper", "stratified", "grouped"]].nunique() > 1).sum()
counted = pd.crosstab(places["fcvid"], places["yt8m"]).reindex(index=config.SPLITS, columns=config.SPLITS, fill_value=0)
report.table(
    counted.rename_axis("FCVID's split")
    .rename_axis(None, axis=1)
    .rename(columns="YouTube-8M: {}".format)
    .reset_index(),
    f"The {len(shared)} videos that are in both datasets, by the paper's split of each.",
)

# %% tags=["remove-input"]
trained = int(counted.loc["train", ["validation", "test"]].sum())
back = int(counted.loc[["validation", "test"], "train"].sum())
Markdown(
    f"**A leak.** {len(shared)} videos are in both datasets, and in the paper's splits {crossing['paper']} of them are not in "
    f"the same split of both. Whoever trains on FCVID and measures on YouTube-8M has learned from {trained} of the videos held out there; the "
    f"other way round it is {back}. The paper reports each dataset by itself, so its numbers are not touched. The "
    f"grouped split above takes one id as one group: of the shared videos it divides {crossing['grouped']}, the stratified "
    f"one {crossing['stratified']}."
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

# %% tags=["remove-input"]
fcvid = index["fcvid"]
alphabetical = sorted(labels.FCVID_FOLDERS)
sizes = fcvid["folder"].value_counts()
fits = [folder == name for folder, name in zip(labels.FCVID_FOLDERS, alphabetical, strict=True)]
report.table(
    pd.DataFrame(
        {
            "Number": range(len(fits)),
            "Folder in the list": labels.FCVID_FOLDERS,
            "Videos": sizes.reindex(labels.FCVID_FOLDERS).to_numpy(),
            "Label by the alphabet": [labels.FCVID_LABEL_OF_FOLDER[folder] for folder in alphabetical],
            "Fits": np.where(fits, "yes", "no"),
        }
    ),
    f"FCVID's label numbers. In all {len(fcvid):,} rows number and folder go together as shown; the alphabetical name fits "
    f"{sum(fits)} of {len(fits)} numbers.",
)

# %% [markdown]
# With the alphabetical names every score would be the same and nearly every row of a confusion matrix would carry the wrong
# name. That is how such an error goes unnoticed.
#
# **YouTube-8M.** Its list has bare numbers. Their names stand in the authors' code, whose other list is wrong, so they need
# a witness. The videos that are in both datasets are one: FCVID's folder says what they show.

# %% tags=["remove-input"]
evidence = published.label_evidence(lists)
report.table(
    evidence.assign(videos=evidence["videos"].map("{:,}".format)).set_axis(
        ["Number", "Name", "Videos", "Also in FCVID", "Of these, same name"], axis=1
    ),
    f"YouTube-8M's label numbers. {evidence['agreeing'].sum()} of {evidence['shared'].sum()} shared videos agree, for "
    f"{(evidence['shared'] > 0).sum()} of {len(evidence)} numbers. The others rest on the authors' list and on the order of "
    "the class sizes.",
)

# %% [markdown]
# **What a label means.** It says what a video is *about*. The instrument may be out of sight, or in sight and not heard, for
# most of the video: a lesson begins with talk, a concert pans over the audience, an upload of a song shows one still
# picture. FCVID has classes that are no instrument at all, *chamber music*, *rock band* and *symphony orchestra*, in which
# several play. YouTube-8M's labels were made by a machine, from what people write about videos and click on as well as
# from the videos, and were never checked one by one {cite}`abuelhaija2016`. So no model can be right for every video, and people are not:

# %% tags=["remove-input"]
human = pd.DataFrame(paper.tables()["human_rates"])
for column in ("precision", "recall", "f1"):
    human[column] = human[column].map("{:.1f}".format).replace("nan", "–")
human.columns = ["Dataset", "Who", "Precision", "Recall", "F1", "Source"]
report.table(
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

# %% tags=["remove-input"]
ledger_path = paper_videos.ledger_path()
listed = index["yt8m"].assign(state=availability.NOT_ASKED)
failures, times = pd.DataFrame(), pd.Series(dtype=str)
if ledger_path.exists():
    with availability.Ledger(ledger_path) as ledger:
        listed = availability.with_paths(index["yt8m"], ledger)
        failures, times = availability.failures(ledger), ledger.table()["asked"].str[:10]
asked = int((listed["state"] != availability.NOT_ASKED).sum())
available = availability.availability_table(listed)
available[["videos", availability.NOT_ASKED]] = available[["videos", availability.NOT_ASKED]].map("{:,}".format)
available["share"] = (100 * available["share"]).map("{:.1f} %".format).replace("nan %", "–")
report.table(
    (available if asked else available.tail(1)).rename(columns={"label": "class", "share": "left"}),
    f"State of the {len(listed):,} listed videos of YouTube-8M, with a row for each class that was asked for; left: available "
    "of those asked for.",
)

# %% tags=["remove-input"]
Markdown(
    f"YouTube was asked for {asked:,} of the videos, between {times.min()} and {times.max()}."
    if asked
    else "**Nothing was asked.** This page was made without a network, so every video stands under *not asked*, and how "
    "much of the paper's dataset is left is not known here. Once there is a ledger, `make curation` fills this table from it."
)

# %% tags=["remove-input"]
report.table(
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

# %% tags=["remove-input"]
agree = sum(value is not None for column in table1.values() for value in column["paper"].values()) - len(differences)
report.takeaway(
    f"{agree} of the {agree + len(differences)} numbers of Table 1 come out of the published lists at the printed precision, "
    f"{sum(entry['Recomputed'] == 'not in the lists' for entry in differences)} cannot be recomputed, and the others differ by "
    "at most eight. A label says what a video is about, the authors' alphabetical names do not fit their own label "
    "numbers, and whoever uses both datasets must keep the videos they share in one split."
)

# %% [markdown]
# ## Where the numbers come from

# %% tags=["remove-input"]
sizes = {vocabulary_path: len(vocabulary)}
for corpus in NAMES:
    sizes[lists / f"{corpus}_dataset.csv"] = table1[corpus]["videos_listed"]
    sizes[lists / f"{corpus}_auxinfo.pkl"] = table1[corpus]["videos_with_duration"]
report.table(
    pd.DataFrame(
        [
            {"File": path.name, "Rows": f"{rows:,}", "SHA-256 begins with": files.sha256_of_file(path)[:16]}
            for path, rows in sorted(sizes.items())
        ]
    ),
    f"The inputs as they were read: the vocabulary from {youtube8m.ADDRESS}, the others from {published.ADDRESS}. The "
    "latter are GPL-3.0 and no part of this book.",
)

# %% tags=["remove-input"]
result = paths.results_dir("curation") / "table1.json"
report.table(
    pd.DataFrame(
        {
            "What": ["Table 1", "commit", "seed", "wall time"],
            "Value": [
                f"results/curation/table1.json, sha256 {files.sha256_of_file(result)[:12]}",
                provenance.commit(),
                f"{splits.SPLIT_SEED} (paper's split), {seed} (the others)",
                f"{time.perf_counter() - started:.0f} s on a CPU",
            ],
        }
    ),
    "How this page was made: make curation.",
)
