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
# # 3. Seeing: the frame model
#
# **Question.** How well can an instrument be recognised from single frames?
#
# **The paper** fine-tunes Inception v3 {cite}`szegedy2016` on k frames a video, drawn at random, each with the video's
# label. On FCVID it reaches 69.39 % Hit@1 with k = 50 and pre-training; on YouTube-8M 70.07 % with k = 20 (its Table 2).
#
# **Method.** k frames are drawn at random from each training video, once, and each carries the video's label. A video's
# score is the mean over k frames spread uniformly. The profile "paper" fine-tunes the whole network as the paper does,
# which is work for an accelerator. The profile "quick" leaves the network as ImageNet made it, stores what it makes of
# every frame, and trains the layer of classes only, which takes seconds. In the rows "PT" training begins with
# photographs of the instruments.

# %% tags=["parameters"]
corpus: str = "demo"  # prepared by 01_corpus, features extracted by 02_hearing_and_seeing
backbone: str = "efficientnet_lite0"  # or inception_frames, whose weights Keras downloads
num_frames: int = 20  # k, frames a video
pretrained: bool = False  # begin with photographs of the instruments, the paper's PT
profile: str = "paper"  # paper: fine-tune by its protocol; quick: the layer of classes only
frame_learning_rate: float = 0.0  # 0 here and below: the profile's
frame_batch_size: int = 0  # frames
frame_max_epochs: int = 0  # at the latest
frame_patience: int = 0  # epochs without a lower validation loss
seed: int = 10  # of the weights, the frames drawn, and the order
precision: str = "float32"  # or mixed_bfloat16, mixed_float16: what an accelerator computes in
num_devices: int = 1  # accelerators that share each batch

# %% tags=["remove-cell"]
from instrec_utils import corpora
from instrec_utils.report import figures as plots
from instrec_utils.report import page as report
from instrec_utils.report import results, tables
from instrec_utils.training import experiments, runs

videos = corpora.read_corpus(corpus)
run = runs.frame_run(
    backbone=backbone,
    num_frames=num_frames,
    pretrained=pretrained,
    profile=profile,
    frame_learning_rate=frame_learning_rate,
    frame_batch_size=frame_batch_size,
    frame_max_epochs=frame_max_epochs,
    frame_patience=frame_patience,
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
# ## Training

# %% tags=["remove-input"]
result = results.read_one(corpus, run.name)
report.figure(
    plots.history([result]),
    f"Loss and accuracy of single frames over {result['epochs']} epochs; the weights of epoch {result['best_epoch']}, that of "
    f"the lowest validation loss, are kept. {result['num_train']} training videos, {result['train_seconds']:.0f} s.",
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
#
# The frame model needs the instrument in sight. Scores by the condition of the picture say how much it needs it.

# %% tags=["remove-input"]
by_condition = results.by_condition(videos, [result], "picture")
report.figure(
    plots.scores_by_condition(by_condition),
    f"Hit@1 in % by the condition of the picture, test split, n = {result['num_test']} in all.",
    "A column of numbers: Hit@1 of the frame model under each condition of the picture.",
) if by_condition is not None else None

# %% [markdown]
# ## How many frames, and photographs first (Table 2)
#
# The paper varies the number of frames and whether training begins with photographs of instruments. `make tables` trains
# the combinations that the corpus' list in `params/tables/` declares, three seeds each; without it there is one row.

# %% tags=["remove-input"]
table2 = tables.table2(corpus)
trained = ["Model", "Trained"]
which = {f"{model}, trained: {part}" for model, part in table2[trained].itertuples(index=False)}
report.table(
    table2.drop(columns=trained) if len(which) == 1 else table2,
    f"Table 2. {'; '.join(sorted(which))}. Test split, n = {result['num_test']}: mean ± standard deviation over seeds, "
    f"in %, with 95 % bootstrap intervals over videos; commonest class {100 * result['majority_rate']:.1f} %. Steps and minutes are of training one "
    "seed, photographs included, the minutes by the clock with whatever ran beside. The paper: Hit@1 / Hit@3 / F1 of "
    "Inception v3, all of it trained.",
)

# %% tags=["remove-input"]
report.figure(
    plots.frame_counts(tables.frame_counts(corpus)),
    f"Hit@1 by the number of frames, test split, n = {result['num_test']}, means over seeds with 95 % intervals over videos.",
    "Points with intervals: Hit@1 of the frame model over the number of frames, with and without photographs first.",
)

# %% [markdown]
# ## Differences from the paper
#
# In the profile "quick" the backbone is frozen, it is EfficientNet-Lite0 {cite}`tan2019` unless said, whose weights come as a
# package, and the optimiser is Adam, because only one layer is trained: 64 frames of one SGD step at 0.0001 would need
# thousands of steps. The profile "paper" trains the whole network by the paper's protocol.

# %% tags=["remove-input"]
report.takeaway(
    f"Single frames recognise {tables.said(result)}, against {100 * result['majority_rate']:.1f} % for a constant answer."
)

# %% tags=["remove-input"]
report.provenance([one for row in tables.rows(corpus, "visual") for one in row])
