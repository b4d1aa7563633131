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
# # 5. Both: late fusion
#
# **Question.** Does a network that hears and sees recognise more than one that does either?
#
# **The paper** joins the vectors before the last layer of both networks, k frames and one sound, and trains batch
# normalisation, two dense layers of 1024 and a softmax on them. On FCVID this lifts Hit@1 from 79.81 % and 69.39 % to
# 86.97 % (Choi, 50 frames); on YouTube-8M it stays at 84.01 % against 83.58 % for audio alone (its Table 4).
#
# **Method.** The two networks stay as they are; only the fusion is trained, on the same training split. Two fusions are
# trained: the paper's, which joins the k frames' vectors side by side and so has tens of millions of weights, and one of
# ours, which pools the frames by learned attention {cite}`ilse2018` first and sometimes hides a modality in training, so that
# neither is relied on alone.

# %% tags=["parameters"]
corpus: str = "demo"  # its frame model and audio model are trained by 03 and 04
audio_model: str = "choi2016"  # as in 04_audio_model
segmentation: str = "uc"  # as in 04_audio_model
backbone: str = "efficientnet_lite0"  # as in 03_frame_model
num_frames: int = 20  # as in 03_frame_model
pretrained: bool = False  # as in 03_frame_model
fusion_form: str = "text"  # text: the paper's description; code: its authors' code; attention: frames pooled
modality_dropout: float = 0.0  # probability with which training hides one modality of a video; the paper does not
profile: str = "paper"  # paper or quick, which adds dropout
fusion_learning_rate: float = 0.0  # 0 here and below: the profile's
fusion_batch_size: int = 0  # videos
fusion_max_epochs: int = 0  # at the latest
fusion_patience: int = 0  # epochs without a lower validation loss
seed: int = 10  # of the weights, the frames drawn, and the order
precision: str = "float32"  # or mixed_bfloat16, mixed_float16: what an accelerator computes in
num_devices: int = 1  # accelerators that share each batch

# %% tags=["remove-cell"]
import pandas as pd

from instrec_utils import corpora, evaluation
from instrec_utils.report import figures as plots
from instrec_utils.report import page as report
from instrec_utils.report import results, tables
from instrec_utils.training import experiments, runs

videos = corpora.read_corpus(corpus)
audio = runs.read(videos, runs.audio_name(audio_model, segmentation, seed))
visual = runs.read(videos, runs.frame_name(backbone, num_frames, pretrained, seed))
HIDDEN = 0.3  # probability of modality dropout in the fusions beside the paper's
settings = {
    "audio": audio,
    "visual": visual,
    "profile": profile,
    "fusion_learning_rate": fusion_learning_rate,
    "fusion_batch_size": fusion_batch_size,
    "fusion_max_epochs": fusion_max_epochs,
    "fusion_patience": fusion_patience,
    "seed": seed,
    "precision": precision,
    "num_devices": num_devices,
}
run = runs.fusion_run(videos, fusion_form=fusion_form, modality_dropout=modality_dropout, **settings)
hidden = runs.fusion_run(videos, fusion_form=fusion_form, modality_dropout=HIDDEN, **settings)
ours = runs.fusion_run(videos, fusion_form="attention", modality_dropout=HIDDEN, **settings)

# %% tags=["remove-input"]
report.corpus_note(videos)

# %% tags=["remove-input"]
report.settings(run, profile)

# %%
for one in (run, hidden, ours):
    experiments.train(videos, one)

# %% [markdown]
# ## Training

# %% tags=["remove-input"]
three = [results.read_one(corpus, name) for name in (audio.name, visual.name, run.name)]
fusion, attention = three[2], results.read_one(corpus, ours.name)
report.figure(
    plots.history([fusion]),
    f"Loss and accuracy of the paper's fusion over {fusion['epochs']} epochs; the weights of epoch {fusion['best_epoch']} are kept.",
    "Two curves each, training and validation: loss falling and accuracy rising over the epochs.",
)

# %% [markdown]
# ## Result

# %% tags=["remove-input"]
report.figure(
    plots.intervals(results.intervals(tables.averaged([*three, attention])), reference=100 * fusion["majority_rate"]),
    f"Hit@1 on the test split, n = {fusion['num_test']}, mean of the seeds that Table 4 tells of, with 95 % bootstrap intervals "
    "over videos; the line is the rate of the commonest class.",
    "Dots with horizontal intervals: Hit@1 of the audio model, the frame model, the paper's fusion of both and ours.",
)

# %% [markdown]
# Models seen on the same videos can be compared video by video. The permutation test asks whether the videos that only one
# of two recognises could as well be shared out evenly. The mean of both models' probabilities is the baseline that any
# learned fusion has to beat; calibrated first, each model's probabilities are made as decided as its validation videos
# warrant {cite}`guo2017`.

# %% tags=["remove-input"]
report.table(
    tables.table4(corpus),
    f"Table 4. Test split, n = {fusion['num_test']}: mean ± standard deviation over seeds, in %, with 95 % bootstrap intervals "
    f"over videos. Frames: {results.describe(three[1])}. Mean: of both models' probabilities. Gain: of the fusion's Hit@1 over "
    "the row's, p of the permutation test over videos. The paper: Hit@1 / Hit@3 / F1.",
)

# %% [markdown]
# ## Other ways to fuse
#
# The paper's text and its authors' code differ in the fusion's layers. Attention gives each frame a weight, so that the order
# of the frames makes no difference and a frame without the instrument can count for little; it saves most of the weights.

# %% tags=["remove-input"]
report.table(
    tables.variants(corpus, audio.name, visual.name),
    f"Forms of fusion of the same two models, test split, n = {fusion['num_test']}. Gain: of the row's Hit@1 over that of the "
    "paper's text, p of the permutation test over videos.",
)

# %% [markdown]
# ## Can the scores be believed?

# %% tags=["remove-input"]
named = {results.describe(result): tables.row_of(result) for result in (*three, attention)}
report.table(
    tables.calibration(named),
    f"Calibration on the test split, n = {fusion['num_test']}, before and after a temperature fitted on the validation split: "
    "by how much the highest score and its share of right answers differ on average, 0 to 1, and the logarithmic loss.",
)

# %% [markdown]
# ## When a modality fails

# %% tags=["remove-input"]
by_condition = [results.by_condition(videos, three, name) for name in ("picture", "sound")]
report.figure(
    plots.scores_by_condition(pd.concat(by_condition)),
    f"Hit@1 in % by the condition of picture and sound, test split, n = {fusion['num_test']} in all.",
    "Two tables of numbers: Hit@1 of sound, frames and fusion under each condition of the picture and of the sound.",
) if by_condition[0] is not None else None

# %% [markdown]
# ## Differences from the paper
#
# The paper's input is a matrix of k + 1 rows of equal length. It is flattened before the first layer, so vectors of other
# lengths can be joined as they are, which is what happens here. Dropout is added, since there are few videos for the
# millions of weights that a flattened input brings.

# %% tags=["remove-input"]
others = {f"{results.describe(one)} alone": tables.scores(tables.row_of(one))[1] for one in three[:2]}
mean = tables.mean_scores(tables.row_of(fusion), calibrated=True)
others["the mean of both models' calibrated probabilities"] = mean
sentences = []
for name, result in (("The paper's fusion", fusion), ("The fusion with attention", attention)):
    row = tables.row_of(result)
    truth, own = tables.scores(row)
    gains = []
    for other, scores in others.items():
        test = evaluation.compare_seeds(truth, own, scores)
        verdict = "" if test["p_value"] < 0.05 else ", not told from chance"
        gains.append(f"{100 * test['difference']:+.1f} points against {other} (p = {test['p_value']:.2g}{verdict})")
    hit = tables.metrics(row)["hit_at_1"]["value"]
    sentences.append(f"{name} recognises {100 * hit:.1f} % of the test videos: {', '.join(gains)}.")
report.takeaway(f"{' '.join(sentences)} Permutation tests over videos.")

# %% tags=["remove-input"]
report.provenance([*three[:2], *(one for row in tables.rows(corpus, "fusion") for one in row)])
