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
# # 4. The audio model
#
# **Question.** How well can an instrument be recognised from at most half a minute of sound?
#
# **The paper** compares three networks on log-mel spectrograms; that of
# [Choi et al. (2016)](https://arxiv.org/abs/1606.00298) on ten segments (UC) is the best on both datasets, with 79.81 % Hit@1 on
# FCVID and 83.58 % on YouTube-8M (its Table 3). It also finds that audio beats video.
#
# **Method.** A network at the paper's input and size is trained, from random weights unless it is a pretrained one. The
# profile "paper" trains on all videos and on whole inputs, as the paper does. A few hundred videos are too few for that: they
# cannot teach four convolutional blocks through a dense layer that joins half a minute. So the profile "quick" warms the
# blocks of Choi's network up first: trained on single segments of 2.9 s, of which a video has ten, each at a tenth of the
# cost. The dense layer is then trained on what the blocks give for whole inputs, and at last the whole network.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # prepared by 01_corpus, features extracted by 02_features
audio_model: str = "choi2016"  # the architecture
segmentation: str = "uc"  # uc: ten segments joined; cc: the centre of the recording
audio_width: int = 0  # separable filters of xception_audio, 768 in the paper's text; 0: 728, as in its authors' code
silent_videos: str = ""  # keep or leave_out of training what has no sound; empty: the profile's (paper: keep)
profile: str = "quick"  # paper: its protocol; quick: with a warm-up, augmentation and few epochs
audio_learning_rate: float = 0.0  # 0 here and below: the profile's
audio_batch_size: int = 0  # videos; windows for han2016
audio_max_epochs: int = 0  # at the latest
audio_patience: int = 0  # epochs without a lower validation loss
audio_warm_up_epochs: int = -1  # on single segments or windows first; -1: the profile's
seed: int = 10  # of the weights, the order and the augmentation
rotation: int = 0  # of a corpus in parts, the part that tests; 0: as its index says
precision: str = "auto"  # or float32, mixed_bfloat16, mixed_float16; auto: bfloat16 where a quick training gains by it
num_devices: int = 1  # accelerators that share each batch

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %% [markdown]
# ## The run
#
# A run is one training: its settings give it a name and a folder of its own, so that another setting never overwrites it.

# %%
from instrec_utils import corpora
from instrec_utils.report import elements, figures, page, results, tables, words
from instrec_utils.training import runs
from instrec_utils.training.experiments import train_run

videos = corpora.read_corpus(corpus).rotated(rotation)

# %%
network_and_input = {
    "audio_model": audio_model,
    "audio_width": audio_width,
    "segmentation": segmentation,
    "silent_videos": silent_videos,
}

# %%
run = runs.audio_run(
    videos,
    **network_and_input,
    profile=profile,
    audio_learning_rate=audio_learning_rate,
    audio_batch_size=audio_batch_size,
    audio_max_epochs=audio_max_epochs,
    audio_patience=audio_patience,
    audio_warm_up_epochs=audio_warm_up_epochs,
    seed=seed,
    precision=precision,
    num_devices=num_devices,
)

# %%
print(run.name)

# %% tags=["hide-input"]
page.corpus_note(videos)

# %% tags=["hide-input"]
page.settings(run)

# %% tags=["hide-input"]
from instrec_utils.features import extraction, store

extraction.extract_inputs(videos, run.audio_input)  # of a network with an input of its own
elements.end_unless_trainable(run)

# %% [markdown]
# ## The network
#
# Convolutions and pools turn a spectrogram into a vector, the embedding, and a softmax turns that into one probability a class. The paper
# counts 1.5 M weights for Han's network, 2.4 M for Choi's and 9.6 M for the Xception.

# %%
from instrec_utils import models

network = models.build(audio_model, len(videos.labels), **run.options)
for layer in network.layers:
    if layer.name.endswith(("pool", "embedding", "scores")):
        print(f"{layer.name:16}{layer.output.shape}")
print(f"{network.count_params():,} weights")

# %% [markdown]
# ## What augmentation does
#
# Few videos are few rooms and few microphones. The profile "quick" varies each spectrogram anew every epoch: its ten segments
# in another order, under noise of a random colour, dulled, louder or softer, another equalisation, one band and one stretch
# of time masked, as [the figure](#fig-augmentation) shows ([Park et al., 2019](https://doi.org/10.21437/Interspeech.2019-2680)).

# %%
import numpy as np
from instrec_utils.inputs import augmentation

example = elements.first_with(videos, videos.split("train"), "sound")
original = store.load_input(
    videos.directory / "features", example["video_id"], run.audio_input
)
shown = run.audio_input.examples(original)[0]
varied = [
    (f"varied, {number}", augmentation.vary(shown, np.random.default_rng(number)))
    for number in (1, 2)
]

# %% tags=["hide-input"]
page.figure(
    corpus,
    "augmentation",
    figures.spectrograms([("as stored", shown), *varied], run.audio_input.settings),
    f"One {example['label']} clip as it is stored, and varied twice, as the profile quick varies what a whole network learns from.",
    "Three spectrograms of the same clip: the original, and two versions with masked bands and stretches and other levels.",
)

# %% [markdown]
# ## Training
#
# In the profile "quick" it learns from the training videos in which something is to be heard: silence under a label teaches
# to guess.
# [The figure of the curves](#fig-audio-history) shows those of the whole network, after those of its warm-up on single segments
# where the result has kept them. On a processor that multiplies numbers of
# 16 bits (Intel's AMX) the profile "quick" trains Choi's and Han's networks in bfloat16, which takes less time; the parameter
# `precision` asks for another, and every result names its device with the precision.

# %%
train = videos.split("train")
audible = store.audible_videos(videos, train, run.audio_input)
print(f"{len(audible)} of {len(train)} training videos are audible")

# %%
train_run(run)
found = results.read_results(corpus, videos.rotation)
result = results.one_result(found, run.name)
print(f"{words.counted(result['epochs'], 'epoch')} on {result['device']}")

# %% tags=["hide-input"]
before = len((result.get("history_of_warm_up") or {}).get("epoch", ()))
warmed_up = f", counted on after the {before} of the warm-up" if before else ""
page.figure(
    corpus,
    "audio-history",
    figures.history(result),
    f"Loss and accuracy over {words.counted(result['epochs'], 'epoch')}{warmed_up}; the weights of epoch {result['best_epoch']}, that of "
    f"the lowest validation loss, are kept. Training took {result['train_seconds']:.0f} s, a warm-up included where the settings have one.",
    "Two curves each, training and validation, over the epochs of the warm-up and then of the whole network.",
)

# %% [markdown]
# ## Scoring
#
# The predictions are one row a test video, one column a class. Hit@3 counts a video as recognised if its label is among the three
# highest scores.

# %%
from instrec_utils import evaluation

predictions = results.read_predictions(result)
truth, scores, labels = evaluation.from_predictions(predictions)
highest = np.argsort(-scores, axis=1, kind="stable")  # classes, the likeliest first
is_label = highest == truth[:, np.newaxis]
hit_at_1, hit_at_3 = (100 * is_label[:, :k].any(axis=1).mean() for k in (1, 3))
print(f"Hit@1 {hit_at_1:.1f} %, Hit@3 {hit_at_3:.1f} % of {len(truth)} test videos")

# %% tags=["hide-input"]
page.table(
    tables.scores_table(found.loc[[run.name]]),
    f"Test split, n = {result['num_test']}, one seed; in %, with 95 % bootstrap intervals over videos. Always answering "
    f"the commonest class scores {100 * result['majority_rate']:.1f} %.",
)

# %% [markdown]
# ## Where it works and where it does not

# %% tags=["hide-input"]
elements.conditions_figure(
    videos, found, [run.name], ["sound"], name="audio-conditions"
)

# %% [markdown]
# ## Three networks (Table 3)
#
# Han's network ([Han et al., 2016](https://doi.org/10.1109/TASLP.2016.2632307)) is given windows of one second and averages what it
# says of thirty; Choi's and the Xception ([Chollet, 2017](https://doi.org/10.1109/CVPR.2017.195)) are given half a minute at once,
# either ten segments of it (UC) or the centre of the recording (CC). `make tables` trains those that the corpus' list in
# `params/tables/` declares; without it there is one row, beside those that are published or printed.

# %% tags=["hide-input"]
of_the_paper = corpora.source_named(videos.source).paper_dataset
table3, shared = tables.fold(
    tables.table3(found, of_the_paper), "Profile", "Other settings"
)
page.table(
    table3,
    f"Table 3. {shared} Test split, n = {result['num_test']}: mean ± standard deviation over seeds, in %, with 95 % bootstrap "
    f"intervals over videos; commonest class {100 * result['majority_rate']:.1f} %. Steps and time are of training one seed "
    "with its warm-up, without that of Choi's dense layer on what the blocks give; the time is by the clock with whatever "
    "ran beside. The paper: Hit@1 / Hit@3 / F1.",
    best="Hit@1",
)

# %% [markdown]
# ## Is it cheap to train?
#
# The paper calls its models cheap to train. [The figure](#fig-costs) says what training took here, and what recognising one video
# costs once its features are extracted.

# %% tags=["hide-input"]
of_profile = found[(found["kind"] != "fusion") & (found["profile"] == run.profile)]
devices = " or ".join(sorted(set(of_profile["device"])))
page.figure(
    corpus,
    "costs",
    figures.costs(tables.costs(found, run.profile)),
    f"Hit@1 on the test split, n = {result['num_test']}, against minutes of training on {devices}, and against the multiply-adds "
    "that recognising one video takes; thin lines are 95 % intervals. A visual model has a mark for each number of frames, as in "
    "Table 2; where its backbone is frozen, its minutes do not count the features, which are computed once.",
    "Two panels of dots, Hit@1 over training time and over multiply-adds a video, both logarithmic.",
)

# %% [markdown]
# ## Differences from the paper
#
# The paper trains on thousands of videos; it neither warms up nor augments, and it learns from silent videos as well. In the
# profile "quick" training ends after a fixed number of epochs. The networks, their inputs and the optimiser are the paper's.

# %% tags=["hide-input"]
page.takeaway(
    f"From at most half a minute of sound the audio model recognises {tables.said(found, run.name)}. "
    f"Who always names the commonest class is right about {100 * result['majority_rate']:.1f} % of them."
)

# %% tags=["hide-input"]
page.provenance(found[found["kind"] != "fusion"])
