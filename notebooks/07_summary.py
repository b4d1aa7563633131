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
# help, that pre-training and fewer frames shorten training, that segments spread over a recording are better than its centre, that
# Choi's network is well above Han's and about as good as the Xception, and that all this is cheap to train.
#
# **Method.** Where the videos are not the paper's, the numbers of the two cannot be compared one by one. What can be compared is
# the order: which modality is ahead, and what joining them brings. Each claim becomes a paired test on the same videos.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # its three models are trained by 03 to 05
rotation: int = 0  # of a corpus in parts, the part that tests; 0: as its index says

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %%
from instrec_utils import corpora
from instrec_utils.report import (
    cautions,
    claims,
    elements,
    figures,
    page,
    results,
    summary,
    tables,
)
from instrec_utils.training import runs

# %%
videos = corpora.read_corpus(corpus).rotated(rotation)
found = results.read_results(corpus, videos.rotation)  # one row a run
report_parameters = runs.report_parameters(corpus) | {"rotation": rotation}
report_runs = runs.runs_of(videos, report_parameters)
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
page.parameters({"corpus": corpus, "rotation": rotation})

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
    best="Hit@1",
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
# Is one model right more often than another, on the same clips? Of each clip the share of seeds that is right counts, and the
# permutation test asks how often chance alone would give such a difference. Clips that share a photograph or a recording go
# together in it. A corpus in parts is tested over all its rotations, in which each clip is tested once, by models that never met
# what it was made of; the test tells the clips from chance, not one training from another. What was trained on the fixed parts
# only is tested there, with all its seeds. Several tests find something by chance more easily than one, so the p values are
# corrected for their number.

# %%
from instrec_utils import significance

papers = {"fusion_form": "text", "modality_dropout": 0.0}
ours = {"fusion_form": "attention", "modality_dropout": 0.3}
fusion, attention = (
    runs.runs_of(videos, report_parameters | form)["fusion"].name
    for form in (papers, ours)
)
tests = claims.tests_of_claims(videos, fusion, attention)  # one row a claim
p_values = tests["p_value"].to_numpy()
corrected = tests.assign(p_holm=significance.holm(p_values))
short = tests["claim"].str.replace(r"^(.{28}).{9,}(.{20})$", r"\1…\2", regex=True)
corrected = corrected.set_index(short)
print(corrected[["difference", "num_groups", "p_holm"]].round(3).to_string())

# %% [markdown]
# "Smallest" is how large a true difference has to be for such a test to find it in 80 % of repetitions, at the level of the strictest
# step of the correction and for models that disagree, or trainings that scatter, as these do. A smaller one is found less often, but may
# be, and a larger one may be missed. Intervals are of each test alone, verdicts are corrected: so an interval may lie above zero and the
# difference still not be told from chance.
# That two models are alike is a test of its own, of the hypothesis that they differ by 5 points or more; that a difference is not told from
# chance does not show it.
#
# Where clips are hardly longer than the half minute that both CC and UC keep, as in the demo corpus, "UC" says little of segments
# spread over a long recording; its segments are also shuffled in training. Numbers of frames are compared between the two
# highest and between the two lowest that were trained. The length of a training is compared in steps on frames, photographs not
# counted, by a t test of its logarithm over pairs of trainings.

# %% tags=["hide-input"]
judged = claims.judge(tests)
page.table(
    claims.claims_table(judged, claims.cost(found, judged, fusion)),
    "The paper's claims that the results here can speak to, and those about our fusions, in points of Hit@1 or % of the steps, with "
    f"95 % intervals, which are not corrected. The verdict follows the p value corrected for all {len(judged)} tests (Holm); other pages quote it.",
)

# %% [markdown]
# That the fused model withstands a missing modality is tested on page 8.

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
# ## What these numbers cannot say

# %% tags=["hide-input"]
from IPython.display import Markdown

said = cautions.cautions(videos, found, fusion, attention)
Markdown("\n".join(f"- {page.plain(sentence)}" for sentence in said))

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
    f"On these test videos the order is {order}; which steps of it are more than chance, the claims say. {claims.verdicts_said(judged)}"
)

# %% tags=["hide-input"]
page.provenance(results.read_results(corpus, None))
