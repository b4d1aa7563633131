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
# # 4. Hearing: the audio model
#
# **Question.** How well can an instrument be recognised from half a minute of sound?
#
# **The paper** compares three networks on log-mel spectrograms; that of Choi et al. {cite}`choi2016` on ten segments (UC) is
# the best on both datasets, with 79.81 % Hit@1 on FCVID and 83.58 % on YouTube-8M (its Table 3). It also finds that audio
# beats video.
#
# **Method.** A network at the paper's input and size is trained from random weights on the videos in which something is
# to be heard. The profile "paper" trains on whole inputs as the paper does. A few hundred videos are too few for that: they
# cannot teach four convolutional blocks through a dense layer that joins half a minute. So the profile "quick" warms the
# blocks of Choi's network up first: trained on single segments of 2.9 s, of which a video has ten, each at a tenth of the
# cost. The dense layer is then trained on what the blocks give for whole inputs, and at last the whole network.

# %% tags=["parameters"]
corpus: str = "demo"  # prepared by 01_corpus, features extracted by 02_hearing_and_seeing
audio_model: str = "choi2016"  # the architecture
segmentation: str = "uc"  # uc: ten segments joined; cc: the centre of the recording
profile: str = "paper"  # paper: its protocol; quick: with a warm-up, augmentation and few epochs
audio_learning_rate: float = 0.0  # 0 here and below: the profile's
audio_batch_size: int = 0  # videos; windows for han2016
audio_max_epochs: int = 0  # at the latest
audio_patience: int = 0  # epochs without a lower validation loss
audio_warm_up_epochs: int = -1  # on single segments or windows first; -1: the profile's
seed: int = 10  # of the weights, the order and the augmentation
precision: str = "float32"  # or mixed_bfloat16, mixed_float16: what an accelerator computes in
num_devices: int = 1  # accelerators that share each batch

# %% tags=["remove-cell"]
from instrec_utils import corpora
from instrec_utils.config import CHOI2016
from instrec_utils.features import spectrograms
from instrec_utils.report import figures as plots
from instrec_utils.report import page as report
from instrec_utils.report import results, tables
from instrec_utils.training import experiments, runs

videos = corpora.read_corpus(corpus)
run = runs.audio_run(
    audio_model=audio_model,
    segmentation=segmentation,
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

# %% tags=["remove-input"]
report.corpus_note(videos)

# %% tags=["remove-input"]
report.settings(run, profile)

# %%
experiments.train(videos, run)

# %% [markdown]
# ## What augmentation does
#
# Few videos are few rooms and few microphones. The profile "quick" varies each spectrogram anew every epoch: its ten segments
# in another order, under noise of a random colour, dulled, louder or softer, another equalisation, one band and one stretch
# of time masked {cite}`park2019`.

# %% tags=["remove-input"]
import numpy as np

example = videos.split("train").iloc[0]
original = spectrograms.read(videos.directory / "features", example.video_id, f"choi2016_{segmentation}")
varied = [(f"varied, {number}", spectrograms.vary(original, np.random.default_rng(number))) for number in (1, 2)]
report.figure(
    plots.spectrograms([("as stored", original), *varied], CHOI2016),
    f"One {example.label} clip as it is stored and as two epochs might get it.",
    "Three spectrograms of the same clip: the original and two augmented versions with masked bands and stretches.",
)

# %% [markdown]
# ## Training

# %% tags=["remove-input"]
result = results.read_one(corpus, run.name)
audible = spectrograms.audible(videos, videos.split("train"), run.input_name)
report.figure(
    plots.history([result]),
    f"Loss and accuracy over {result['epochs']} epochs; the weights of epoch {result['best_epoch']}, that of the lowest "
    f"validation loss, are kept. It learns from the {len(audible)} of {result['num_train']} training videos in which something "
    f"is to be heard. Training took {result['train_seconds']:.0f} s, a warm-up included where the settings have one.",
    "Two curves each, training and validation: loss falling and accuracy rising over the epochs.",
)

# %% [markdown]
# ## Result

# %% tags=["remove-input"]
report.table(
    results.table([result]),
    f"Test split, n = {result['num_test']}, one seed; in %, with 95 % bootstrap intervals over videos. Always answering "
    f"the commonest class scores {100 * result['majority_rate']:.1f} %.",
)

# %% [markdown]
# ## Where it works and where it does not

# %% tags=["remove-input"]
by_condition = results.by_condition(videos, [result], "sound")
report.figure(
    plots.scores_by_condition(by_condition),
    f"Hit@1 in % by the condition of the sound, test split, n = {result['num_test']} in all.",
    "A column of numbers: Hit@1 of the audio model under each condition of the sound.",
) if by_condition is not None else None

# %% [markdown]
# ## Three networks (Table 3)
#
# Han's network {cite}`han2016` hears windows of one second and averages what it says of thirty; Choi's and the Xception
# {cite}`chollet2017` hear half a minute at once, either ten segments of it (UC) or the centre of the recording (CC).
# `make tables` trains those that the corpus' list in `params/tables/` declares; without it there is one row.

# %% tags=["remove-input"]
report.table(
    tables.table3(corpus),
    f"Table 3. Test split, n = {result['num_test']}: mean ± standard deviation over seeds, in %, with 95 % bootstrap "
    f"intervals over videos; commonest class {100 * result['majority_rate']:.1f} %. Steps and minutes are of training one "
    "seed with its warm-up, without that of Choi's dense layer on what the blocks give; the minutes are by the clock with "
    "whatever ran beside. The paper: Hit@1 / Hit@3 / F1.",
)

# %% [markdown]
# ## Is it cheap to train?
#
# The paper calls its models cheap to train. Below is what training took here, and what recognising one video costs once
# its features are extracted.

# %% tags=["remove-input"]
devices = sorted({one["device"] for one in results.current(corpus) if one["kind"] != "fusion"})
report.figure(
    plots.costs(tables.costs(corpus)),
    f"Hit@1 on the test split, n = {result['num_test']}, against minutes of training on {' or '.join(devices)}, and against the "
    "multiply-adds that recognising one video takes. A line joins a frame model's numbers of frames, as in Table 2. Its "
    "minutes do not count the features of the frozen backbone, which are computed once.",
    "Two panels of dots: Hit@1 of each model over its training time and over its multiply-adds a video, both logarithmic.",
)

# %% [markdown]
# ## Differences from the paper
#
# The paper trains on thousands of videos; it neither warms up nor augments, and it learns from silent videos as well. In the
# profile "quick" training ends after a fixed number of epochs. The networks, their inputs and the optimiser are the paper's.

# %% tags=["remove-input"]
report.takeaway(
    f"Half a minute of sound recognises {tables.said(result)}, against {100 * result['majority_rate']:.1f} % for a constant answer."
)

# %% tags=["remove-input"]
report.provenance([one for row in tables.rows(corpus, "audio") for one in row])
