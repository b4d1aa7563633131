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
# **Method.** Choi's network at the paper's input and size, trained from random weights. A few hundred videos are too few
# to teach four convolutional blocks through a dense layer that joins half a minute. So the blocks are warmed up first:
# trained on single segments of 2.9 s, of which a video has ten, each at a tenth of the cost. The dense layer is then trained
# on what the blocks give for whole inputs, and at last the whole network on whole inputs.

# %% tags=["parameters"]
corpus: str = "demo"  # prepared by 01_corpus, features extracted by 02_hearing_and_seeing
audio_model: str = "choi2016"  # the architecture
segmentation: str = "uc"  # uc: ten segments joined; cc: the centre of the recording
augment: bool = True  # vary the spectrograms in training; the paper does not
audio_learning_rate: float = 0.0001  # Adam; the paper names Adam and no rate
audio_warm_up_epochs: int = 6  # of the convolutional blocks on single segments first; 0 as in the paper
audio_batch_size: int = 8  # videos
audio_max_epochs: int = 6  # at the latest; the paper's training runs until patience ends it
audio_patience: int = 10  # epochs without a lower validation loss, as in the paper
seed: int = 10  # of the weights, the order and the augmentation

# %% tags=["remove-cell"]
from instrec_utils import batches, corpora, experiments, plots, report, results, training
from instrec_utils.config import CHOI2016

videos = corpora.read(corpus)
protocol = training.Protocol("adam", audio_learning_rate, audio_batch_size, audio_max_epochs, audio_patience)

# %% tags=["remove-input"]
report.corpus_note(videos)

# %% tags=["remove-input"]
report.parameters(
    {
        "corpus": corpus,
        "audio_model": audio_model,
        "segmentation": segmentation,
        "augment": augment,
        **vars(protocol),
        "seed": seed,
    }
)

# %%
run = experiments.train_audio(
    videos,
    model=audio_model,
    segmentation=segmentation,
    augment=augment,
    warm_up_epochs=audio_warm_up_epochs,
    protocol=protocol,
    seed=seed,
)

# %% [markdown]
# ## What augmentation does
#
# Few videos are few rooms and few microphones. In training each spectrogram is varied anew every epoch: its ten segments in
# another order, louder or softer, another equalisation, one band and one stretch of time masked {cite}`park2019`.

# %% tags=["remove-input"]
import numpy as np

example = videos.split("train").iloc[0]
original = experiments.read_spectrogram(videos.directory / "features", example.video_id, segmentation)
varied = [
    (
        f"varied, {number}",
        batches.augment_spectrogram(original, np.random.default_rng(number), segmentation=segmentation),
    )
    for number in (1, 2)
]
report.figure(
    plots.spectrograms([("as stored", original), *varied], CHOI2016),
    f"One {example.label} clip as it is stored and as two epochs might get it.",
    "Three spectrograms of the same clip: the original and two augmented versions with masked bands and stretches.",
)

# %% [markdown]
# ## Training

# %% tags=["remove-input"]
result = results.read_one(corpus, run.name)
report.figure(
    plots.history([result]),
    f"Loss and accuracy over {result['epochs']} epochs; the weights of epoch {result['best_epoch']}, that of the lowest "
    f"validation loss, are kept. {result['num_train']} training videos, {result['train_seconds']:.0f} s.",
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
shown = None
if by_condition is not None:
    shown = report.table(by_condition, "Hit@1 in % by the condition of the sound, test split; n videos in each.")
shown

# %% [markdown]
# ## Differences from the paper
#
# The paper trains on thousands of videos; it neither warms up nor augments. Here training ends after a fixed number of
# epochs if patience does not end it first. The network, its input and the optimiser are the paper's: 2,356,620 parameters
# with 12 classes.

# %% tags=["remove-input"]
hit = result["metrics"]["hit_at_1"]
report.takeaway(
    f"Half a minute of sound recognises {100 * hit['value']:.1f} % of the test videos (95 % interval {100 * hit['low']:.1f} to "
    f"{100 * hit['high']:.1f}, n = {result['num_test']}), against {100 * result['majority_rate']:.1f} % for a constant answer."
)

# %% tags=["remove-input"]
report.provenance([result])
