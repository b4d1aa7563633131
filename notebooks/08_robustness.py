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
# # 8. When something is missing
#
# **Question.** How much does the fusion still recognise when the sound, the pictures or the quality of either is lost?
#
# **The paper** says that its architecture provides "additional robustness to missing modalities". It prints no measurement of
# it, and does not say what stands in the place of a missing modality; here it is a vector of zeros.
#
# **Method.** The test videos are degraded, one way at a time, and go through the same models once more. No model is trained on
# these degradations; but a staged corpus has silent clips, whose sound is zeros to every fusion in training as well. Beside
# the paper's fusion stand two others: one of the same form and protocol, in whose training one modality of a part of the videos
# was hidden (modality dropout), and one that does so too and pools its frames by attention.

# %% tags=["parameters"]
corpus: str = "demo"  # its models are trained by 03 to 05
audio_model: str = "choi2016"  # as in 04_audio_model
segmentation: str = "uc"  # as in 04_audio_model
backbone: str = "efficientnet_lite0"  # as in 03_frame_model
num_frames: int = 20  # as in 03_frame_model
pretrained: bool = False  # as in 03_frame_model
modality_dropout: float = 0.3  # probability with which the other fusions' training hides one modality of a video
profile: str = "paper"  # as in 05_fusion
seed: int = 10  # as in 05_fusion; and of the noise and of the frames that are left

# %% tags=["remove-cell"]
import dataclasses

from instrec_utils import corpora
from instrec_utils.report import figures as plots
from instrec_utils.report import page as report
from instrec_utils.report import results
from instrec_utils.robustness import measurement as robustness
from instrec_utils.training import experiments, runs

videos = corpora.read_corpus(corpus)
audio = runs.read(videos, runs.audio_name(audio_model, segmentation, seed))
visual = runs.read(videos, runs.frame_name(backbone, num_frames, pretrained, seed))
joined = {"audio": audio, "visual": visual, "profile": profile, "seed": seed}
fusion = runs.read(videos, runs.fusion_run(videos, **joined).name)
fusions = {"fusion": fusion}
for kind, form in (("dropout", "text"), ("attention", "attention")):
    variant = runs.fusion_run(videos, fusion_form=form, modality_dropout=modality_dropout, **joined)
    parameters = fusion.parameters | {"fusion_form": form, "modality_dropout": modality_dropout}
    fusions[kind] = dataclasses.replace(variant, protocol=fusion.protocol, parameters=parameters)

# %% tags=["remove-input"]
report.corpus_note(videos)

# %% tags=["remove-input"]
report.settings(fusions["dropout"], profile)

# %%
for run in fusions.values():
    experiments.train(videos, run)
    robustness.measure(videos, run, seed=seed)

# %% [markdown]
# - *Missing*: zeros in place of the network's embedding of the sound, or of all frames.
# - *Frames zeroed*, *frames repeated*: of the k frames that the frame model sees a part is left, at random; in place of the others
#   are zeros, or the ones that are left once more, as with a video that is too short. The frame model alone takes the mean over
#   those that are left.
# - *Noise*: pink noise is added to the decoded sound, so many dB below the power of the whole recording (or above, where
#   negative).
# - *Blur*: a Gaussian filter on the frames of 256 × 256 pixels.
# - *Bitrate*: the video is encoded anew, pictures as H.264 and sound as mono AAC of 24 and 8 kbit/s, which has as many
#   thousand samples a second, and everything is extracted from that file. The last one's sound ends at 4 kHz, like a telephone's.
#
# A model of one modality without that modality has nothing to say: it is left out there, and the line of the commonest class
# is what guessing would give.

# %% [markdown]
# ## Result

# %% tags=["remove-input"]
measured = {kind: robustness.read(corpus, run.name) for kind, run in fusions.items()}
curves = robustness.curves(measured)
num_test, majority_rate = (measured["fusion"][key] for key in ("num_test", "majority_rate"))
report.figure(
    plots.robustness(curves, reference=100 * majority_rate),
    f"Hit@1 on the test split, n = {num_test}, as the videos are degraded, with 95 % bootstrap intervals over videos. "
    "Each panel begins with the videos as they are; flat lines are of models that the degradation does not reach.",
    "Six panels of Hit@1 against the level of a degradation: missing modality, frames zeroed, frames repeated, noise, blur and "
    "bitrate, each with a line for the audio model, the frame model, the fusion, the fusion trained with modality dropout and "
    "the one with attention and modality dropout.",
)

# %% tags=["remove-input"]
kbits = [f"{row['kbits']:.0f}" for row in measured["fusion"]["results"] if "kbits" in row and row["model"] == "fusion"]
report.table(
    robustness.table(curves),
    f"Hit@1 in % with 95 % bootstrap intervals, test split, n = {num_test}, one seed. The videos of the two bitrates "
    f"really have {', '.join(kbits)} kbit/s, sound and container included.",
)

# %% [markdown]
# ## Is it more than chance?
#
# For each condition the levels are tested together: of each video the share of levels at which a model is right is compared by
# a permutation test over videos. The better modality is, at each level, the model of one modality with the higher Hit@1 on these
# same videos, which favours it. The p values of the conditions are corrected for their number (Holm); *all* is one test of all
# degraded levels together.

# %% tags=["remove-input"]
tests = robustness.compare(corpus, {kind: run.name for kind, run in fusions.items()})
report.table(
    robustness.tests_table(tests),
    f"Differences of the Hit@1 in points, with p values, test split, n = {num_test}, one seed.",
)

# %% [markdown]
# ## Differences from the paper
#
# The paper measures none of this, and does not train with hidden modalities. Noise, blur and bitrate are ours, as are their
# levels, which were chosen before any result was seen.

# %% tags=["remove-input"]
report.takeaway(robustness.summary(curves, tests))

# %% tags=["remove-input"]
report.provenance([results.read_one(corpus, run.name) for run in (audio, visual, *fusions.values())])

# %% tags=["remove-input"]
report.table(
    robustness.sources(list(measured.values())),
    f"And of the measurements: files of results/{corpus}/, with the predictions under each degradation beside them. What the measurements share is computed in the first.",
)
