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
# # 9. What people recognise
#
# **Question.** How much of the test clips do people recognise, and where do the models stand beside them?
#
# **The paper** asked people without musical training for the instrument of some videos of YouTube-8M, the predominant one
# where several play. It gives their precision, recall and F1, and sets no model beside them on the same videos.
#
# **Method.** `make kit` writes a page that a laboratory opens from the disk. It plays the test clips in an order of chance,
# another one for each participant, and takes one answer each: an instrument, or "cannot tell". The files of answers are put
# beside the kit's key, and this page, made again, reads them. Answers are set beside those of the models to the same clips.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # of whose test split the kit is; its three models are trained by 03 to 05

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %%
import pandas as pd
from instrec_utils import corpora
from instrec_utils.listeners import answers
from instrec_utils.paper_data import paper
from instrec_utils.report import elements, figures, page, results, words
from instrec_utils.training import runs

rotation = runs.report_parameters(corpus).get("rotation", 0)
videos = corpora.read_corpus(corpus).rotated(rotation)
test = videos.split("test")
files_of_people = answers.answers_files(corpus)
people, left_out = answers.read_answers(files_of_people.values(), videos)

# %% tags=["hide-input"]
page.corpus_note(videos)

# %% tags=["hide-input"]
page.parameters({"corpus": corpus})

# %% [markdown]
# ## What was collected

# %% tags=["hide-input"]
from IPython.display import Markdown

num_people = people["who"].nunique()
collected = (
    f"{words.counted(len(people), 'answer')} of {num_people} people, to {people['video_id'].nunique()} of {len(test)} test clips."
    if num_people
    else "No answers of people were collected for this corpus. What is shown are the rates of the models, and the paper's of people."
)
skipped = [f"- {page.plain(line)}" for line in left_out]
Markdown("\n".join([collected, "", *(["Left out:", ""] if skipped else []), *skipped]))

# %% [markdown]
# ## Beside the models
#
# Precision, recall and F1 are means over the classes, of all answers pooled; "cannot tell" is right of no clip. Hit@1 is the
# mean over clips of the share of right answers, with the exact 95 % interval of a share of so many clips. A model answers once a
# seed, and its seeds are pooled as people are: so its F1 and its interval differ a little from those of page 7, which are means
# over seeds and bootstrapped.

# %%
found = results.read_results(corpus, videos.rotation)
report_runs = runs.runs_of(videos, runs.report_parameters(corpus)).values()
names = [run.name for run in report_runs if not elements.why_untrainable(run)]
clips = set(people["video_id"]) or set(test["video_id"])

groups = {"people": people} if num_people else {}
for kind, predictions in results.predictions_by_kind(found, names).items():
    groups[kind] = answers.answers_of_runs(predictions, clips)
rates = {
    name: answers.rates(group, videos.labels)  # precision, recall, f1, hit_at_1
    for name, group in groups.items()
}
measured = 100 * pd.DataFrame(rates).T
print(measured.round(1).to_string())

# %% tags=["hide-input"]
theirs = paper.paper_tables()["human_rates"][0]
table = measured[["precision", "recall", "f1"]].map("{:.1f}".format)
table["Hit@1"] = [f"{row.hit_at_1:.1f} ({row.low:.1f}–{row.high:.1f})" for row in measured.itertuples()]
table.loc[f"people, in the paper: {theirs['corpus']}"] = [
    *(f"{theirs[name]:.1f}" for name in ("precision", "recall", "f1")),
    "–",
]
page.table(
    table.rename(index=words.first_upper, columns=words.first_upper).rename_axis("Who").reset_index(),
    f"In %, {len(clips)} test clips. The paper's: {theirs['who']} ({theirs['source']}); it does not say which average its F1 is.",
)

# %% [markdown]
# ## What people take for what
#
# In [the matrix](#fig-people-confusion) rows are the truth and columns the answer; the numbers are answers, the colour is
# their share of the row.

# %%
if num_people:  # a last row and column: cannot tell
    matrix = answers.confusion(people, videos.labels)
counts = people["label"].value_counts()  # of answers

# %% tags=["hide-input"]
choices = [*videos.labels, answers.CANNOT_TELL]
page.figure(
    corpus,
    "people-confusion",
    figures.confusions(
        [("people", matrix)],
        choices,
        [counts.get(choice, 0) for choice in choices],
    ),
    f"Answers of {num_people} people to {len(clips)} test clips, on a scale of colour from no answer of a row to all.",
    f"Confusion matrix of people, with {100 * matrix.diagonal()[:-1].mean():.0f} % on the diagonal on average.",
) if num_people else None

# %% [markdown]
# ## How far people agree
#
# Kappa is 1 where two people always answer the same, and 0 where they agree as often as chance alone would let them. It is
# computed of every pair of people over the clips that both answered.

# %%
agreed = answers.agreement(people)  # the mean kappa of all pairs, or None

# %% tags=["hide-input"]
Markdown(
    f"Mean kappa {agreed['kappa']:.2f}, from {agreed['low']:.2f} to {agreed['high']:.2f}, of "
    f"{words.counted(agreed['num_pairs'], 'pair')} of people."
) if agreed else None

# %% [markdown]
# ## Where the evidence is lacking

# %%
conditions = answers.by_condition(videos, groups) if num_people else None

# %% tags=["hide-input"]
page.table(
    conditions.rename(columns=words.first_upper).map(
        lambda value: f"{value:.1f}" if isinstance(value, float) else value
    ),
    f'Right answers in % by the condition of picture and sound, {len(clips)} test clips; what is neither right nor "cannot tell" '
    "is wrong.",
) if conditions is not None else None

# %% [markdown]
# ## Differences from the paper
#
# The paper's people labelled other videos, and the paper does not say whether they could answer that they cannot tell. Here they are
# asked not to guess, while a model always names an instrument; and clips may be silent or show none. How far its people agree, and
# how its models do on the same videos, is not in the paper.

# %% tags=["hide-input"]
best = measured.loc[measured.index != "people", "hit_at_1"].idxmax()
models = f"the best of the models, {best}, is right in {measured.loc[best, 'hit_at_1']:.1f} %"
page.takeaway(
    f"Averaged over clips, people are right in {measured.loc['people', 'hit_at_1']:.1f} %; on the same clips {models}."
    if num_people
    else f"Nothing can be said yet of how people compare with the models on this corpus: no answers were collected. On its test "
    f"clips {models}; the paper's people reach an F1 of {theirs['f1']:.1f} % on other videos."
)

# %% tags=["hide-input"]
page.provenance(found[found["row"].isin(results.chosen_results(found, names)["row"])])
