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
# # 6. What gets confused
#
# **Question.** Which instruments are taken for which, and does the fusion repair it?
#
# **The paper** shows three matrices each for FCVID and YouTube-8M (its Figures 2 and 3). It finds the confusion significantly
# reduced by the fusion on FCVID, above all for the harmonica; on YouTube-8M the categories differ drastically.

# %% tags=["parameters"]
corpus: str = "demo"  # its three models are trained by 03 to 05

# %% tags=["remove-cell"]
from IPython.display import display

from instrec_utils import corpora, evaluation
from instrec_utils.report import figures as plots
from instrec_utils.report import page as report
from instrec_utils.report import results

videos = corpora.read_corpus(corpus)
three = results.one_of_each_kind(corpus)
tables = {result["kind"]: results.predictions(corpus, result["run"]) for result in three}

# %% tags=["remove-input"]
report.corpus_note(videos)

# %% tags=["remove-input"]
report.parameters({"corpus": corpus})

# %% [markdown]
# ## Three matrices
#
# Rows are the truth, columns the answer; every row adds up to 100 %. The same order in all three.

# %%
matrices, labels = [], videos.labels
for kind, table in tables.items():
    truth, scores, labels = evaluation.from_predictions(table)
    matrices.append((plots.KINDS[kind][0], evaluation.confusion(truth, scores)))

# %% tags=["remove-input"]
report.figure(
    plots.confusions(matrices, labels),
    f"Confusion on the test split, n = {len(truth)} videos, in % of each row: sound, picture, both.",
    "Three confusion matrices of the audio model, the frame model and the fusion.",
)

# %% [markdown]
# ## Class by class

# %% tags=["remove-input"]
report.figure(
    plots.per_class(results.recall_by_class(tables)),
    f"Share of each class that is recognised, test split, {len(truth) // len(labels)} videos a class or so: a single video "
    "moves a dot by a lot.",
    "Dots, three a class: the share of videos recognised by sound, by picture and by both.",
)

# %% tags=["remove-input"]
pairs = results.confused_pairs(tables["fusion"])
report.table(pairs.head(8), f"What the fusion takes for what, test split, n = {len(truth)}.")

# %% [markdown]
# ## What the fusion repaired, and what it broke
#
# Repaired: neither modality alone was right, or only one, and the fusion is. Broken: a modality alone was right and the fusion
# is not.

# %% tags=["remove-input"]
repaired, broken = results.repaired_and_broken(tables)
playable = results.playable(videos)
chosen = [
    (table[table["video_id"].isin(playable)].head(3), word)
    for table, word in ((repaired, "repaired"), (broken, "broken"))
]
shown = []
for table, word in chosen:
    rows = videos.index.set_index("video_id").loc[table["video_id"]].reset_index()
    captions = [
        f"{word}: {row.label}; sound says {row.audio}, picture {row.visual}, both {row.fusion}"
        for row in table.itertuples()
    ]
    shown.append(report.players(videos, rows, captions))
display(*shown)

# %% tags=["remove-input"]
report.takeaway(
    f"Of {len(truth)} test videos the fusion repaired {len(repaired)} that one modality or both had wrong, and broke "
    f"{len(broken)} that a modality alone had right."
)

# %% tags=["remove-input"]
report.provenance(three)
