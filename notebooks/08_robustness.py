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
# these very degradations; but a staged corpus has silent clips, whose audio is zeros to every fusion in training as well, and
# clips under noise and out of focus; and the profile "quick" adds noise to the spectrograms that audio is learned from. Beside
# the paper's fusion stand two others: one of the same form and protocol, in whose training one modality of a part of the videos
# was hidden (modality dropout), and one that does so too and pools its frames by attention.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # its models are trained by 03 to 05
hidden_share: float = 0.3  # probability with which the other fusions' training hides one modality of a video
seed: int = 10  # of the models; and of the noise and of the frames that are left
rotation: int = 0  # of a corpus in parts, the part that tests; 0: as its index says

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %%
from instrec_utils import corpora
from instrec_utils.report import (
    elements,
    figures,
    page,
    playing,
    results,
    robustness,
)
from instrec_utils.robustness import comparison, degradation, measurement
from instrec_utils.training import runs
from instrec_utils.training.experiments import train_run

videos = corpora.read_corpus(corpus).rotated(rotation)

# %%
settings = runs.report_parameters(corpus) | {
    "seed": seed,
    "fusion_form": "text",
    "modality_dropout": 0.0,
    "rotation": rotation,
}
hiding = {"modality_dropout": hidden_share}
pooling = hiding | {"fusion_form": "attention"}
fusions = {
    kind: runs.runs_of(videos, settings | changed)["fusion"]
    for kind, changed in (("fusion", {}), ("dropout", hiding), ("attention", pooling))
}
for run in fusions.values():
    print(run.name)

# %% tags=["hide-input"]
page.corpus_note(videos)

# %% tags=["hide-input"]
page.settings(fusions["dropout"])

# %% tags=["hide-input"]
elements.end_unless_trainable(fusions["fusion"])

# %% [markdown]
# ## What is done to a video
#
# - *Missing*: zeros in place of the audio network's embedding, or of those of all frames.
# - *Frames zeroed*, *frames repeated*: of the k frames that the visual model is given a part is left, at random; in place of the
#   others are zeros, or the ones that are left once more, as with a video that is too short. The visual model alone takes the
#   mean over those that are left.
# - *Noise*: pink noise is added to the decoded sound, so many dB below the power of the whole recording (or above, where
#   negative).
# - *Blur*: a Gaussian filter on the frames of 256 × 256 pixels.
# - *Bitrate*: the video is encoded anew, pictures as H.264 and sound as mono AAC of 24 and 8 kbit/s, which has as many
#   thousand samples a second, and everything is extracted from that file. The last one's sound ends at 4 kHz, like a telephone's.
#
# A model of one modality without that modality has nothing to say: it is left out there, and the line of the commonest class
# is what guessing would give. [The first figure](#fig-noise) shows what noise does to a spectrogram.

# %% tags=["hide-input"]
from instrec_utils.features import store

test = videos.split("test")
# A staged corpus says what is degraded.
audible = test[test["sound"] != "silent"] if "sound" in test else test
example = elements.first_with(videos, audible if len(audible) else test, "sound")
features = store.features_path(videos.directory / "features", example["video_id"])
channels = store.read_channels(features)

# %%
import numpy as np
from instrec_utils import config, media
from instrec_utils.inputs import spectrograms

path, rate, noisy = videos.videos / example["path"], config.CHOI2016.sample_rate, []
if media.probe(path).has_sound:
    samples = media.read_sound(path, (rate,), channels=channels)[rate]
    noise = degradation.pink_noise(len(samples), np.random.default_rng(seed))
    noisy = [("as it is", spectrograms.choi_input(samples, "uc"))]
    for ratio in (10, -5):
        degraded = degradation.add_noise(samples, noise, ratio)
        spectrogram = spectrograms.choi_input(degraded, "uc")
        noisy.append((f"{ratio} dB over noise", spectrogram))

# %% tags=["hide-input"]
page.figure(
    corpus,
    "noise",
    figures.spectrograms(noisy, config.CHOI2016),
    f"One {example['label']} clip of the test split, as it is and under pink noise 10 dB below and 5 dB above its own power.",
    "Three spectrograms of one clip: under noise the weak upper harmonics vanish first, then all but the strongest lines.",
) if noisy else None

# %% [markdown]
# ## Measuring
#
# What the networks make of each degraded video is kept, so that a measurement that was stopped goes on where it was.

# %%
for run in fusions.values():
    for needed in (*run.joined, run):
        train_run(needed)
    measurement.measure_run(run, seed=seed)
measured = {
    kind: measurement.read_measurement(corpus, run.name)
    for kind, run in fusions.items()
}
curves = robustness.curves(measured)  # one row a condition, level and model
missing = curves[curves["condition"] == "missing"]
print(missing.drop(columns="unit").round(1).to_string(index=False))

# %% [markdown]
# ## Result
#
# [The second figure](#fig-robustness) has a panel a condition, from mild on the left to severe on the right.

# %% tags=["hide-input"]
num_test, majority_rate = (
    measured["fusion"][key] for key in ("num_test", "majority_rate")
)
page.figure(
    corpus,
    "robustness",
    figures.robustness(curves, reference=100 * majority_rate),
    f"Hit@1 on the test split, n = {num_test}, as the videos are degraded, with 95 % bootstrap intervals over videos "
    "as bands or bars. Each panel begins with the videos as they are; flat lines are of models that the degradation does not reach. "
    "Dropout: the fusion trained with modality dropout; attention: that which pools its frames by attention as well.",
    "Six panels of Hit@1 against the level of a degradation, a line a model: the models of one modality stay flat where the other "
    "is degraded, and a fusion is reached by either.",
)

# %% tags=["hide-input"]
kbits = [
    f"{row['kbits']:.0f}"
    for row in measured["fusion"]["results"]
    if "kbits" in row and row["model"] == "fusion"
]
page.table(
    robustness.curves_table(curves),
    f"Hit@1 in % with 95 % bootstrap intervals, test split, n = {num_test}, one seed. The videos of the two bitrates "
    f"really have {', '.join(kbits)} kbit/s, sound and container included.",
)

# %% [markdown]
# ## How much may be missing?
#
# The slider takes frames away, which zeros stand for, as *frames zeroed* above; at 100 % all pictures are missing. Points are
# measured; what lies between is a straight line and no measurement. Of the sound none or all was missing, so that there is no
# curve: without it the table above says what is recognised.

# %% tags=["hide-input"]
playing.curve_slider(
    playing.missing_frames(curves, fusions["fusion"].parameters["num_frames"]),
    f"Hit@1 in % with 95 % bootstrap intervals by the share of a video's frames that are missing, test split, n = {num_test}, "
    "one seed.",
)

# %% [markdown]
# ## Is it more than chance?
#
# For each condition the levels are tested together: of each video the share of levels at which a model is right is compared by
# a permutation test over videos. The better modality is, at each level, the model of one modality with the higher Hit@1 on these
# same videos, which favours it. The p values are corrected for the number of all these tests (Holm); *all* is one test of all
# degraded levels together. What the models recognise of the videos as they are is tested on page 7.

# %%
tests = comparison.compare_fusions(
    videos, {kind: run.name for kind, run in fusions.items()}
)
everything = tests[tests["condition"] == "all"]
print(
    everything[["first", "second", "difference", "p_holm"]]
    .round(4)
    .to_string(index=False)
)

# %% tags=["hide-input"]
page.table(
    robustness.tests_table(tests),
    f"Differences of the Hit@1 in points, test split, n = {num_test}, one seed, with p values corrected for the "
    f"{len(tests)} tests of this table.",
)

# %% [markdown]
# ## Differences from the paper
#
# The paper measures none of this, and does not train with hidden modalities. Noise, blur and bitrate are ours, as are their
# levels, which were chosen before any result was seen.

# %% tags=["hide-input"]
page.takeaway(robustness.summary(curves, tests))

# %% tags=["hide-input"]
found = results.read_results(corpus, videos.rotation)
named = [run.name for run in (*fusions["fusion"].joined, *fusions.values())]
page.provenance(results.chosen_results(found, named), list(measured.values()))
