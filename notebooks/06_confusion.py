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
#
# **Method.** Each model's answer to a test video is the class of its highest score. The three models are those of the corpus'
# report, with all the seeds that the three have: the fusion and the two that it joins.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # its three models are trained by 03 to 05
rotation: int = 0  # of a corpus in parts, the part that tests; 0: as its index says

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %%
import numpy as np
from instrec_utils import corpora, evaluation
from instrec_utils.report import (
    answers,
    elements,
    explorer,
    figures,
    page,
    results,
    tables,
    words,
)
from instrec_utils.training import runs

# %%
videos = corpora.read_corpus(corpus).rotated(rotation)
found = results.read_results(corpus, videos.rotation)
report_runs = runs.runs_of(videos, runs.report_parameters(corpus) | {"rotation": rotation})
names = [
    run.name for run in report_runs.values() if not elements.why_untrainable(run)
]
predictions = results.predictions_by_kind(found, names)  # of each kind, one a seed

# %% tags=["hide-input"]
page.corpus_note(videos)

# %% tags=["hide-input"]
page.parameters({"corpus": corpus, "rotation": rotation})

# %% [markdown]
# ## The matrices
#
# In [the matrices](#fig-confusion) rows are the truth and columns the answer. The numbers are the answers of all
# seeds, so that a row adds up to as many as its class has videos, times the seeds; the colour is the share of the row.

# %%
matrices = []
for kind, seeds in predictions.items():
    one_a_seed = []
    for table in seeds:
        truth, scores, labels = evaluation.from_predictions(table)
        matrix = evaluation.confusion(truth, scores)  # truth in rows, 0 to 1
        one_a_seed.append(matrix)
        right = (scores.argmax(axis=1) == truth).sum()
        print(f"{kind}: {right} of {len(truth)} right")
    matrices.append((words.KINDS[kind].word, sum(one_a_seed) / len(seeds)))
num_seeds = words.counted(len(seeds), "seed")

# %% tags=["hide-input"]
page.figure(
    corpus,
    "confusion",
    figures.confusions(
        matrices, labels, np.bincount(truth, minlength=len(labels)), len(seeds)
    ),
    f"Confusion on the test split, n = {len(truth)} videos: the answers of {num_seeds}, on a scale of colour from no answer of a row "
    f"to all; {', '.join(predictions)}.",
    "Confusion matrices: "
    + "; ".join(
        f"{kind}, {100 * matrix.diagonal().mean():.0f} % on the diagonal"
        for kind, matrix in matrices
    ),
)

# %% tags=["hide-input"]
elements.end_unless_trainable(report_runs["fusion"])

# %% [markdown]
# ## Class by class
#
# [The figure](#fig-classes-recall) shows the diagonals of the three matrices beside each other, with exact 95 % intervals of a
# share of so many videos.

# %%
recall = answers.recall_by_class(predictions)
by_class = recall.pivot(index="label", columns="kind", values="value")
gain = (by_class["fusion"] - by_class[["audio", "visual"]].max(axis=1)).sort_values()
worst, best = gain.index[0], gain.index[-1]
print(f"least: {worst} ({gain[worst]:+.0f} points)")
print(f"most: {best} ({gain[best]:+.0f} points)")

# %% tags=["hide-input"]
page.figure(
    corpus,
    "classes-recall",
    figures.per_class(recall),
    f"Share of each class that is recognised, test split, mean of {num_seeds}, with 95 % intervals: where they overlap, the "
    "order of the dots says nothing.",
    f"Dots with wide intervals, three a class: the fusion's share against the better modality's is highest on {best} "
    f"({gain[best]:+.0f} points) and lowest on {worst} ({gain[worst]:+.0f} points).",
)

# %% tags=["hide-input"]
pairs = answers.confused_pairs(predictions["fusion"])
page.table(
    pairs.head(8),
    f"What the fusion takes for what, test split, n = {len(truth)}: videos a seed, mean of {num_seeds}; the {min(8, len(pairs))} "
    f"commonest of {len(pairs)} pairs, of as common ones the first by name.",
)

# %% [markdown]
# ## What the fusion repaired, and what it broke
#
# Repaired: neither modality alone was right, or only one, and the fusion is. Broken: a modality alone was right and the fusion
# is not. Whatever joins two models repairs much of what one of them has wrong; so the mean of their calibrated probabilities,
# for which nothing is trained, stands beside. The clips to play are of the first seed: of each kind the first three by order of
# the test split that are of different classes.

# %%
fusion = results.row_of(found, names[-1])
alone = {
    kind: [results.read_predictions(one) for _, one in row.iterrows()]
    for kind, row in results.joined(found, fusion).items()
}  # the two models that each seed's fusion joins
fused = {
    "the fusion": predictions["fusion"],
    "the mean of calibrated probabilities": tables.mean_predictions(found, fusion),
}
repairs = answers.repairs(alone, fused)
print(repairs.to_string(index=False))

# %% tags=["hide-input"]
page.table(
    repairs,
    f"Videos that each way of joining repairs and breaks, test split, n = {len(truth)}, mean of {num_seeds}.",
)

# %% tags=["hide-input"]
first = {kind: seeds[0] for kind, seeds in alone.items()}
repaired, broken = answers.repaired_and_broken(
    first | {"fusion": predictions["fusion"][0]}
)
elements.answered_players(videos, {"repaired": repaired, "broken": broken})

# %% [markdown]
# ## Every test clip
#
# What the models of the first seed answer to every test clip, with their three highest scores; *mean* is the mean of calibrated
# probabilities. Choose a class, a condition, or who was right; or choose a cell of the matrix, with the mouse or with the
# tabulator and the arrow keys, for the clips that it counts. Clips are a few seconds from the middle of the video.

# %%
averaged = fused["the mean of calibrated probabilities"][0]
answered = explorer.best_answers(
    first | {"fusion": predictions["fusion"][0], "mean": averaged}
)
right = explorer.who_was_right(answered)
print(right.value_counts().rename("clips").reset_index().to_string(index=False))

# %% tags=["hide-input"]
explorer.explorer(
    videos,
    answered,
    f"The test split, n = {len(answered)}: three highest scores of the audio, visual and fusion model of seed {fusion['seed'].iloc[0]} "
    "and of the mean of the first two's calibrated probabilities. ✓: the highest is the label's.",
)

# %% [markdown]
# ## Differences from the paper
#
# The paper's matrices are of hundreds of test videos a class; where a class has only a few, single cells say little. Which
# videos the fusion repairs and breaks is not in the paper.

# %% tags=["hide-input"]
by_fusion, by_mean = repairs.to_dict("records")
page.takeaway(
    f"Of {len(truth)} test videos the fusion repaired {by_fusion['Repaired']:g} that one modality or both had wrong, and broke "
    f"{by_fusion['Broken']:g} that a modality alone had right; the mean of calibrated probabilities, for which nothing is trained, "
    f"repaired {by_mean['Repaired']:g} and broke {by_mean['Broken']:g}. Means of {num_seeds}."
)

# %% tags=["hide-input"]
page.provenance(
    found[found["row"].isin(results.chosen_results(found, names)["row"])]
)
