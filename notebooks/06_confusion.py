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
# report: the fusion and the two that it joins.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # its three models are trained by 03 to 05

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %%
from instrec_utils import corpora, evaluation
from instrec_utils.report import answers, elements, figures, page, results, words
from instrec_utils.training import runs

videos = corpora.read_corpus(corpus)
found = results.read_results(corpus)
report_runs = runs.runs_of(videos, runs.report_parameters(corpus))
names = [
    run.name for run in report_runs.values() if not elements.why_untrainable(run)
]
chosen = results.chosen_results(found, names)
predictions = {
    result["kind"]: results.read_predictions(result) for _, result in chosen.iterrows()
}

# %% tags=["hide-input"]
page.corpus_note(videos)

# %% tags=["hide-input"]
page.parameters({"corpus": corpus})

# %% [markdown]
# ## The matrices
#
# In [the matrices](#fig-confusion) rows are the truth and columns the answer; every row adds up to 100 %.

# %%
matrices = []
for kind, table in predictions.items():
    truth, scores, labels = evaluation.from_predictions(table)
    matrix = evaluation.confusion(truth, scores)  # truth in rows, 0 to 1
    matrices.append((words.KINDS[kind].word, matrix))
    print(f"{kind}: {(scores.argmax(axis=1) == truth).sum()} of {len(truth)} right")

# %% tags=["hide-input"]
page.figure(
    corpus,
    "confusion",
    figures.confusions(matrices, labels),
    f"Confusion on the test split, n = {len(truth)} videos, in % of each row: {', '.join(predictions)}.",
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
# [The figure](#fig-classes-recall) shows the diagonals of the three matrices beside each other.

# %%
recall = answers.recall_by_class(predictions)
by_class = recall.pivot(index="label", columns="kind", values="recall")
gain = (by_class["fusion"] - by_class[["audio", "visual"]].max(axis=1)).sort_values()
worst, best = gain.index[0], gain.index[-1]
print(f"most lost: {worst} ({100 * gain[worst]:+.0f} points)")
print(f"most gained: {best} ({100 * gain[best]:+.0f} points)")

# %% tags=["hide-input"]
page.figure(
    corpus,
    "classes-recall",
    figures.per_class(recall),
    f"Share of each class that is recognised, test split, {words.counted(len(truth) // len(labels), 'video')} a class or so: a single video "
    "moves a dot by a lot.",
    f"Dots, three a class: against the better modality the fusion gains most on {gain.index[-1]} and loses most on "
    f"{gain.index[0]}.",
)

# %% tags=["hide-input"]
page.table(
    answers.confused_pairs(predictions["fusion"]).head(8),
    f"What the fusion takes for what, test split, n = {len(truth)}.",
)

# %% [markdown]
# ## What the fusion repaired, and what it broke
#
# Repaired: neither modality alone was right, or only one, and the fusion is. Broken: a modality alone was right and the fusion
# is not.

# %%
repaired, broken = answers.repaired_and_broken(predictions)
print(f"{len(repaired)} repaired, {len(broken)} broken")

# %% tags=["hide-input"]
elements.answered_players(videos, {"repaired": repaired, "broken": broken})

# %% [markdown]
# ## Differences from the paper
#
# The paper's matrices are of hundreds of test videos a class; here a class has a few, so that single cells say little. Which videos
# the fusion repairs and breaks is not in the paper.

# %% tags=["hide-input"]
page.takeaway(
    f"Of {len(truth)} test videos the fusion repaired {len(repaired)} that one modality or both had wrong, and broke "
    f"{len(broken)} that a modality alone had right."
)

# %% tags=["hide-input"]
page.provenance(chosen)
