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
# # 7. Summary: our numbers beside the paper's
#
# **Question.** Does what the paper found hold on this corpus?
#
# **The paper** claims that fusion beats either modality, that audio beats video, that more frames and pre-training on photographs
# help, and that segments spread over a recording are better than its centre.
#
# **Method.** The numbers of the two cannot be compared one by one: the videos are others, and far fewer. What can be compared is
# the order: which modality is ahead, and what joining them brings. Each claim becomes a paired test on the same test videos.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # its three models are trained by 03 to 05

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %%
from instrec_utils import corpora
from instrec_utils.report import elements, figures, page, results, summary, tables
from instrec_utils.training import runs

videos = corpora.read_corpus(corpus)
found = results.read_results(corpus)  # one row a run
report_runs = runs.runs_of(videos, runs.report_parameters(corpus))
names = [
    run.name for run in report_runs.values() if not elements.why_untrainable(run)
]
rows = results.mean_over_seeds(found, names)
print(
    rows[["kind", "model", "profile", "num_seeds", "hit_at_1"]].to_string(index=False)
)

# %% tags=["hide-input"]
page.corpus_note(videos)

# %% tags=["hide-input"]
page.parameters({"corpus": corpus})

# %% [markdown]
# ## Beside the paper
#
# The table has the numbers, [the figure](#fig-beside-the-paper) shows how far their intervals reach.

# %% tags=["hide-input"]
first = rows.iloc[0]
seeds = " to ".join(str(number) for number in sorted(set(rows["num_seeds"])))
page.table(
    summary.beside_the_paper(rows),
    f"Ours: test split, n = {first['num_test']}, seeds: {seeds}, in %, with 95 % bootstrap intervals over videos; commonest class "
    f"{100 * first['majority_rate']:.1f} %. The paper: its Tables 2, 3 and 4; it does not say which F1 it gives.",
)

# %% tags=["hide-input"]
page.figure(
    corpus,
    "beside-the-paper",
    figures.intervals(
        summary.intervals(rows, with_paper=True), reference=100 * first["majority_rate"]
    ),
    f"Hit@1 of the corpus' models, n = {first['num_test']} test videos, beside the paper's on its own datasets.",
    "Dots with intervals: "
    + ", ".join(
        f"{row['name']} {100 * row['hit_at_1']:.0f} %" for _, row in rows.iterrows()
    )
    + ", and the paper's figures on FCVID and YouTube-8M, whose fusions have 87 % and 84 %.",
)

# %% tags=["hide-input"]
elements.end_unless_trainable(report_runs["fusion"])

# %% [markdown]
# ## The paper's claims
#
# The first three by hand: is one model right more often than another, on the same videos? Of each video the share of seeds that
# is right counts, and the permutation test asks how often chance alone would give such a difference. Several tests find something
# by chance more easily than one, so the p values are corrected for their number.

# %%
import numpy as np
from instrec_utils import evaluation

audio, visual, fusion = names
pairs = {
    "fusion, audio": (fusion, audio),
    "fusion, visual": (fusion, visual),
    "audio, visual": (audio, visual),
}
tests = {name: tables.compare(found, *pair) for name, pair in pairs.items()}
p_values = np.array([test["p_value"] for test in tests.values()])
corrected = evaluation.holm(p_values)
for (name, test), p_value in zip(tests.items(), corrected, strict=True):
    gain = 100 * test["difference"]
    print(f"{name}: {gain:+.1f} points, corrected p = {p_value:.2g}")

# %% [markdown]
# Where clips are hardly longer than the half minute that both CC and UC keep, as in the demo corpus, "UC" says little of segments
# spread over a long recording; its segments are also shuffled in training. Numbers of frames are compared between the two
# highest and between the two lowest that were trained.

# %% tags=["hide-input"]
page.table(
    summary.claims(found, fusion),
    f"The paper's claims that the results here can speak to, tested on the test split, n = {first['num_test']}. The verdict "
    "follows the p value corrected for the number of claims (Holm).",
)

# %% [markdown]
# ## Without the degradation
#
# The same test clips, staged again with the instrument in sight and the sound clear: what is left is what the network
# does not know, not what the video does not show.

# %% tags=["hide-input"]
clean = (
    "metrics_test_clean" in found
    and found.loc[names, "metrics_test_clean"].notna().all()
)
page.table(
    tables.scores_table(
        results.mean_over_seeds(found, names, "test_clean")
    ),
    f"The clean variant of the {first['num_test']} test clips; in %, with 95 % bootstrap intervals.",
) if clean else None

# %% [markdown]
# ## Differences from the paper
#
# The paper reports one number a model and no interval, so its own claims cannot be tested on its own numbers. Here every claim is
# tested, and corrected for the number of claims.

# %% tags=["hide-input"]
ordered = rows.sort_values("hit_at_1", ascending=False)
order = ", ".join(
    f"{row['name']} ({100 * row['hit_at_1']:.1f} %)" for _, row in ordered.iterrows()
)
page.takeaway(
    f"On this corpus the order is {order}. Which of these differences are more than chance, the tests of the paper's claims "
    "above say."
)

# %% tags=["hide-input"]
page.provenance(found)
