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
# # 5. Late fusion
#
# **Question.** Does a network that is given audio and frames recognise more than one that is given either?
#
# **The paper** joins the vectors before the last layer of both networks, k frames and one of audio, and trains batch
# normalisation, two dense layers of 1024 and a softmax on them. On FCVID this lifts Hit@1 from 79.81 % and 69.39 % to
# 86.97 % (Choi, 50 frames); on YouTube-8M it stays at 84.01 % against 83.58 % for audio alone (its Table 4).
#
# **Method.** The two networks stay as they are; only the fusion is trained, on the same training split. Beside the form that the
# parameters ask for, which is the paper's unless said, two others are trained in which one modality of a video is hidden now and
# then, so that neither is relied on alone: one of the same form, and one that pools the frames by learned attention
# ([Ilse et al., 2018](https://arxiv.org/abs/1802.04712)). A fourth joins no vectors but the scores of both networks. What stands in the place of a missing modality the paper does not
# say; here it is a vector of zeros.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # its visual model and audio model are trained by 03 and 04
audio_model: str = "choi2016"  # as in 04_audio_model
segmentation: str = "uc"  # as in 04_audio_model
visual_model: str = "efficientnet_lite0"  # as in 03_visual_model
num_frames: int = 10  # as in 03_visual_model
initial_weights: str = "imagenet"  # as in 03_visual_model
fusion_form: str = "text"  # text: the paper's description; code: that of the authors' code; attention: frames pooled; weighted: scores joined
modality_dropout: float = 0.0  # probability with which training hides one modality of a video; the paper does not
profile: str = "quick"  # paper or quick, which adds dropout
visual_profile: str = ""  # of the visual model; empty: the same
visual_max_epochs: int = 0  # as in 03_visual_model
fusion_learning_rate: float = 0.0  # 0 here and below: the profile's
fusion_batch_size: int = 0  # videos
fusion_max_epochs: int = 0  # at the latest
fusion_patience: int = 0  # epochs without a lower validation loss
seed: int = 10  # of the weights, the frames drawn, and the order
rotation: int = 0  # of a corpus in parts, the part that tests; 0: as its index says
precision: str = "auto"  # or float32, mixed_bfloat16, mixed_float16; auto: bfloat16 where a quick training gains by it
num_devices: int = 1  # accelerators that share each batch

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %% [markdown]
# ## The runs
#
# What the parameters do not say of the joined runs is as in the corpus' report.

# %%
from instrec_utils import corpora
from instrec_utils.report import (
    claims,
    elements,
    figures,
    page,
    playing,
    results,
    summary,
    tables,
    words,
)
from instrec_utils.training import runs

videos = corpora.read_corpus(corpus).rotated(rotation)

# %%
joined = runs.report_parameters(corpus) | {
    "audio_model": audio_model,
    "segmentation": segmentation,
    "visual_model": visual_model,
    "num_frames": num_frames,
    "initial_weights": initial_weights,
    "profile": profile,
    "visual_profile": visual_profile,
    "visual_max_epochs": visual_max_epochs,
    "seed": seed,
    "precision": precision,
    "num_devices": num_devices,
    "rotation": rotation,
}

# %%
settings = joined | {
    "fusion_form": fusion_form,
    "modality_dropout": modality_dropout,
    "fusion_learning_rate": fusion_learning_rate,
    "fusion_batch_size": fusion_batch_size,
    "fusion_max_epochs": fusion_max_epochs,
    "fusion_patience": fusion_patience,
}
audio, visual, fusion = runs.runs_of(videos, settings).values()

# %%
hiding = {"modality_dropout": 0.3}  # in the fusions beside it
pooling = hiding | {"fusion_form": "attention"}
plain = {"modality_dropout": 0.0, "fusion_form": "text"}  # the paper's
papers = runs.runs_of(videos, settings | plain)["fusion"]
own_form = {} if fusion_form != "weighted" else {"fusion_form": "text"}  # which hides nothing
weighing = {"modality_dropout": 0.0, "fusion_form": "weighted"}
hidden = runs.runs_of(videos, settings | hiding | own_form)["fusion"]
attention = runs.runs_of(videos, settings | pooling)["fusion"]
weighted = runs.runs_of(videos, settings | weighing)["fusion"]
print(audio.name, visual.name, fusion.name, attention.name, weighted.name, sep="\n")

# %% tags=["hide-input"]
page.corpus_note(videos)

# %% tags=["hide-input"]
page.settings(fusion)

# %% tags=["hide-input"]
elements.end_unless_trainable(fusion)

# %% [markdown]
# ## The network
#
# The fusion is given what the two networks make of a video: k vectors of frames and one of audio.

# %%
from instrec_utils import models

sizes = {
    "num_frames": num_frames,
    "frame_features": visual.architecture.embedding_size,
    "audio_features": audio.architecture.embedding_size or 1024,
}
for form in models.architecture_named("late_fusion").forms:
    network = models.build("late_fusion", len(videos.labels), form=form, **sizes)
    print(f"{words.FORMS[form]:24}{network.count_params():>12,} weights")

# %% [markdown]
# ## Training

# %%
import logging

from instrec_utils.training.experiments import train_run

# Of each network that predicts for the first time, TensorFlow would warn.
logging.getLogger("tensorflow").setLevel("ERROR")

fusions = list(dict.fromkeys((fusion, papers, hidden, attention, weighted)))
for run in (audio, visual, *fusions):
    train_run(run)
found = results.read_results(corpus, videos.rotation)
result = results.one_result(found, fusion.name)
shown = (audio, visual, fusion, attention, weighted)
names = list(dict.fromkeys(run.name for run in shown))

# %% tags=["hide-input"]
page.figure(
    corpus,
    "fusion-history",
    figures.history(result),
    f"Loss and accuracy of {words.subject(result)} over {words.counted(result['epochs'], 'epoch')}; the weights of epoch {result['best_epoch']} are "
    "kept.",
    "Two curves each, training and validation: loss and accuracy over the epochs.",
)

# %% [markdown]
# ## Result
#
# [The figure](#fig-fusion) sets the fusions beside the two models that they join.

# %% tags=["hide-input"]
rows = results.mean_over_seeds(found, names)
page.figure(
    corpus,
    "fusion",
    figures.intervals(summary.intervals(rows), reference=100 * result["majority_rate"]),
    f"Hit@1 on the test split, n = {result['num_test']}, mean of the seeds that the table of the forms of fusion counts, with 95 % bootstrap intervals "
    "over videos; the line is the rate of the commonest class.",
    "Dots with horizontal intervals: "
    + "; ".join(
        f"{row['name']} {100 * row['hit_at_1']:.0f} %" for _, row in rows.iterrows()
    ),
)

# %% [markdown]
# Models seen on the same videos can be compared video by video. The permutation test asks whether the videos that only one
# of two recognises could as well be shared out evenly. The mean of both models' probabilities is the baseline that any
# learned fusion has to beat; calibrated first, each model's probabilities are made as decided as its validation videos
# warrant ([Guo et al., 2017](https://arxiv.org/abs/1706.04599)).

# %%
from instrec_utils import evaluation, significance

truth, learned = results.read_scores(found.loc[[fusion.name]])
calibrated = []
for name in (audio.name, visual.name):
    row = found.loc[[name]]
    validation_truth, (validation,) = results.read_scores(row, "validation")
    temperature = evaluation.temperature(validation_truth, validation)
    scores = results.read_scores(row)[1][0]
    calibrated.append(evaluation.with_temperature(scores, temperature))
alike = corpora.group_numbers(videos, results.read_predictions(result)["video_id"])
test = significance.compare_seeds(truth, learned, [sum(calibrated) / 2], alike)
gain, low, high = (100 * test[name] for name in ("difference", "low", "high"))
print(f"{words.subject(result)}, seed {seed}, against the mean of calibrated")
print(f"probabilities: {gain:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}")

# %% tags=["hide-input"]
of_the_paper = corpora.source_named(videos.source).paper_dataset
table4, shared = tables.fold(
    tables.table4(found, of_the_paper), "Visual", "Profile", "Other settings"
)
page.table(
    table4,
    f"Table 4. {shared} Test split, n = {result['num_test']}: mean ± standard deviation over seeds, in %, with 95 % bootstrap "
    f"intervals over videos. Mean: of both models' probabilities. Against the fusion: how much higher the row's Hit@1 is than that "
    "of the late fusion of the same models, in points. The paper: Hit@1 / Hit@3 / F1.",
    best="Hit@1",
)

# %% [markdown]
# Which gains are more than chance is tested once, for all pages alike: where a corpus has several parts, over all of them, each
# tested by models that never met what its clips are made of. The p values are corrected for the number of all the claims on
# page 7 (Holm), of which these are about the fusions.

# %%
judged = claims.judge(claims.tests_of_claims(videos, papers.name, attention.name))
about = judged[judged["claim"].str.contains("usion")]
about = about.set_index(about["claim"].str[:40])
print(about[["difference", "p_holm"]].round(3).to_string())

# %% tags=["hide-input"]
tested, shared = tables.fold(claims.claims_table(about), "Tested on")
page.table(
    tested,
    f"The claims about fusions, in points of Hit@1 with 95 % intervals. {shared} Smallest: the difference that so many clips "
    "would show with 80 % power.",
)

# %% [markdown]
# ## Other ways to fuse
#
# The paper's text and its authors' code differ in the fusion's layers. Attention gives each frame a weight, so that the order
# of the frames makes no difference and a frame without the instrument can count for little; it saves most of the weights.

# %% tags=["hide-input"]
forms, shared = tables.fold(
    tables.fusions_table(found, audio.name, visual.name), "Profile", "Other settings"
)
page.table(
    forms,
    f"Forms of fusion of the same two models. {shared} Test split, n = {result['num_test']}. Gain: of the row's Hit@1 over that of the "
    "paper's text.",
    best="Hit@1",
)

# %% [markdown]
# ## What the attention looks at
#
# The less a frame counts, the more it fades into the page; below it is its second of the video and its weight. The clips are the test clips of
# different classes whose largest weight is the largest, so the extremes and not the rule.

# %%
from instrec_utils.training.frame_weights import frame_weights

weights = frame_weights(attention)  # by video, k weights that add up to 1
uneven = playing.most_uneven(videos, weights, 6)
if weights:
    equal = 1 / num_frames
    largest = sum(max(one) for one in weights.values()) / len(weights)
    print(f"largest weight of a frame: {largest:.2f} on average of {len(weights)} test")
    print(f"clips with pictures; if all {num_frames} frames counted the same: {equal:.2f}")

# %% tags=["hide-input"]
playing.weighted_frames(videos, weights, uneven) if weights else None

# %% [markdown]
# ## The fusion that joins scores
#
# Each form above learns from the vectors of the training split, from which the two networks have learned before: there the
# vectors tell the class far more surely than on videos that the networks have not met, so that the fusion learns to trust
# them too much. The fourth form learns from the validation split instead, where the scores are as good or bad as on
# any new video, and has no more than three weights to learn from so few videos: of the logarithms of the mean of
# the calibrated probabilities, at which it begins, and of each network's own. In these the loss is convex, so that they are
# not trained but solved for by Newton's method, whose steps count as epochs. Before any video each weight is taken to be
# normally distributed around that of the mean, with a standard deviation of 1, so that few videos do not lead far. A larger weight of the mean makes the
# scores more decided; weights of the networks' own multiply the probabilities, so that a class has to be likely by both.
# Of a video that is silent or has no pictures it gives the other network's calibrated scores, whatever the weights.
#
# **Which fusion is best was decided on the validation split**, without a look at the test split. The fourth
# form's scores are there those of models whose weights were solved for on the other six sevenths of that split (on
# all others where it has fewer than seven videos); the temperatures of the two networks, one number each, are those of the
# whole split.

# %% tags=["hide-input"]
validated = tables.on_validation(found, [run.name for run in fusions])
page.table(
    validated,
    f"Validation split, n = {result['num_validation']}, mean of the seeds; all scores calibrated on it. The lowest log loss "
    f"chooses: {validated['Fusion'].iloc[0]}. The fusions of vectors have also chosen the epoch that is kept on this split.",
)

# %% [markdown]
# ## Can the scores be believed?

# %% tags=["hide-input"]
page.table(
    tables.calibration(found, names),
    f"Calibration on the test split, n = {result['num_test']}, before and after a temperature fitted on the validation split: "
    "by how much the highest score and its share of right answers differ on average, 0 to 1, and the logarithmic loss.",
)

# %% [markdown]
# Below, each point is the answers whose highest score is in one tenth of the scale: to the right how sure they are on average,
# upwards how many are right; the larger the point, the more answers. On the dotted line a model is as often right as it says.
# The switch shows what the temperature, which is fitted on other videos, changes.

# %% tags=["hide-input"]
playing.reliability(
    found,
    names,
    f"Reliability on the test split, n = {result['num_test']}, the answers of all seeds together by tenths of the highest score, "
    "before and after a temperature fitted on the validation split.",
)

# %% [markdown]
# ## When a modality fails

# %% tags=["hide-input"]
elements.conditions_figure(
    videos,
    found,
    [audio.name, visual.name, fusion.name],
    ["picture", "sound"],
    name="fusion-conditions",
)

# %% [markdown]
# ## Differences from the paper
#
# The paper's input is a matrix of k + 1 rows of equal length. It is flattened before the first layer, so vectors of other
# lengths can be joined as they are, which is what happens here. The profile "quick" adds dropout, since a few hundred videos
# are few for the millions of weights that a flattened input brings.

# %% tags=["hide-input"]
page.takeaway(claims.fusions_said(found, judged, [papers.name, attention.name, weighted.name]))

# %% tags=["hide-input"]
page.provenance(found)
