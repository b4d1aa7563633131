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
# # 3. The visual model
#
# **Question.** How well can an instrument be recognised from single frames?
#
# **The paper** fine-tunes Inception v3 ([Szegedy et al., 2016](https://doi.org/10.1109/CVPR.2016.308)) on k frames a video, drawn
# at random, each with the video's label. On FCVID it reaches 69.39 % Hit@1 with k = 50 and pre-training; on YouTube-8M 70.07 %
# with k = 20 (its Table 2).
#
# **Method.** k frames are drawn at random from each training video, once unless said, and each carries the video's label. A
# video's score is the mean over k frames spread uniformly. The profile "paper" fine-tunes the whole network as the paper
# does, which is work for an accelerator. The profile "quick" leaves the network as ImageNet made it, stores what it makes
# of every frame, and trains the layer of classes only, which takes seconds. In the rows "PT" training goes on from ImageNet
# with photographs of the instruments before it sees a frame.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # prepared by 01_corpus, features extracted by 02_features
visual_model: str = "efficientnet_lite0"  # or inception_frames, whose weights Keras downloads
num_frames: int = 10  # k, frames a video
initial_weights: str = "imagenet"  # or imagenet+instruments: photographs next, the paper's PT; random in profile paper
photographs: str = ""  # folder of them, one subfolder a class; empty: the source's own, or the open corpus'
redraw_frames: bool = False  # draw the k frames anew in each epoch; the paper does not say
profile: str = "quick"  # paper: fine-tune by its protocol; quick: the layer of classes only
visual_learning_rate: float = 0.0  # 0 here and below: the profile's
visual_batch_size: int = 0  # frames
visual_max_epochs: int = 0  # at the latest
visual_patience: int = 0  # epochs without a lower validation loss
seed: int = 10  # of the weights, the frames drawn, and the order
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
pictures = {
    "num_frames": num_frames,
    "redraw_frames": redraw_frames,
    "initial_weights": initial_weights,
    "photographs": photographs,
}

# %%
run = runs.visual_run(
    videos,
    visual_model=visual_model,
    **pictures,
    profile=profile,
    visual_learning_rate=visual_learning_rate,
    visual_batch_size=visual_batch_size,
    visual_max_epochs=visual_max_epochs,
    visual_patience=visual_patience,
    seed=seed,
    precision=precision,
    num_devices=num_devices,
)
print(run.name)

# %% tags=["hide-input"]
page.corpus_note(videos)

# %% tags=["hide-input"]
page.settings(run)

# %% tags=["hide-input"]
elements.end_unless_trainable(run)

# %% [markdown]
# ## The network
#
# From 224 x 224 pixels to a vector, from the vector to one probability a class. Only the last layer depends on the corpus.

# %%
from instrec_utils import models

network = models.build(visual_model, len(videos.labels), weights=None)
embedding = network.get_layer("embedding")
print(f"{network.count_params():,} weights in {len(network.layers)} layers")
print(f"frames {network.input_shape}, embedding {embedding.output.shape}")
print(f"scores {network.output_shape}")

# %% [markdown]
# ## Training
#
# What is done already is found again: calling this twice trains once. [The figure of the curves](#fig-visual-history) shows when the validation
# loss stopped falling.

# %%
train_run(run)
found = results.read_results(corpus, videos.rotation)
result = results.one_result(found, run.name)
print(f"{words.counted(result['epochs'], 'epoch')} on {result['device']}")
if lacking := result.get("without_photographs"):
    print(f"No photographs of {', '.join(lacking)}")

# %% tags=["hide-input"]
page.figure(
    corpus,
    "visual-history",
    figures.history(result),
    f"Loss and accuracy of single frames over {words.counted(result['epochs'], 'epoch')}; the weights of epoch {result['best_epoch']}, that of "
    f"the lowest validation loss, are kept. {result['num_train']} training videos, {result['train_seconds']:.0f} s.",
    "Two curves each, training and validation: loss and accuracy over the epochs.",
)

# %% [markdown]
# ## Scoring
#
# The predictions are one row a test video, one column a class. Everything that the report says of a model follows from them.

# %%
from instrec_utils import evaluation

predictions = results.read_predictions(result)
truth, scores, labels = evaluation.from_predictions(predictions)
hit_at_1 = (scores.argmax(axis=1) == truth).mean()
print(f"Hit@1 {100 * hit_at_1:.1f} % of {len(truth)} test videos")

# %% tags=["hide-input"]
page.table(
    tables.scores_table(found.loc[[run.name]]),
    f"Test split, n = {result['num_test']}, one seed; in %, with 95 % bootstrap intervals over videos. Always answering "
    f"the commonest class scores {100 * result['majority_rate']:.1f} %.",
)

# %% [markdown]
# ## Where it works and where it does not
#
# The visual model needs the instrument in sight. Scores by the condition of the picture say how much it needs it.

# %% tags=["hide-input"]
elements.conditions_figure(
    videos, found, [run.name], ["picture"], name="visual-conditions"
)

# %% [markdown]
# ## How many frames, and photographs first (Table 2)
#
# The paper varies the number of frames and whether training begins with photographs of instruments; its 4.4 compares that
# with random weights, its 4.3 can be read as a comparison with ImageNet's. `make tables` trains
# the combinations that the corpus' list in `params/tables/` declares; without it there is one row, beside those that are published or printed.
# [The figure](#fig-frame-counts) below the table shows the same as curves.

# %% tags=["hide-input"]
of_the_paper = corpora.source_named(videos.source).paper_dataset
table2, shared = tables.fold(
    tables.table2(found, of_the_paper),
    *("Model", "Trained", "Profile", "Other settings"),
)
page.table(
    table2,
    f"Table 2. {shared} Test split, n = {result['num_test']}: mean ± standard deviation over seeds, in %, with 95 % bootstrap "
    f"intervals over videos; commonest class {100 * result['majority_rate']:.1f} %. Steps and time are of training one seed, "
    "photographs included, the time by the clock with whatever ran beside. The paper: Hit@1 / Hit@3 / F1 of Inception v3, all "
    "of it trained.",
    best="Hit@1",
)

# %% tags=["hide-input"]
whole = tables.whole_networks(found)
page.table(
    whole,
    "How the training of the whole networks of Table 2 ended. A limit is what the run was given, or where its time on a machine "
    "was over, so rows of different limits do not compare starts. Validation: Hit@1 in %, with 95 % bootstrap intervals over "
    "videos.",
) if len(whole) else None

# %% tags=["hide-input"]
counts = tables.frame_counts(found, run.profile)
page.figure(
    corpus,
    "frame-counts",
    figures.frame_counts(counts),
    f"Hit@1 by the number of frames in the profile {run.profile}, test split, n = {result['num_test']}, means over seeds with "
    "95 % intervals over videos.",
    f"Points with intervals over the number of frames, a line a way of training: {tables.ends_of_lines(counts)}.",
)

# %% [markdown]
# ## Differences from the paper
#
# In the profile "quick" the backbone is frozen, it is EfficientNet-Lite0 ([Tan and Le, 2019](https://arxiv.org/abs/1905.11946))
# unless said, whose weights come as a package, and the optimiser is Adam, because only one layer is trained: 64 frames of one
# SGD step at 0.0001 would need thousands of steps. The profile "paper" trains the whole network by the paper's protocol.

# %% tags=["hide-input"]
page.takeaway(
    f"From single frames the visual model recognises {tables.said(found, run.name)}. "
    f"Who always names the commonest class is right about {100 * result['majority_rate']:.1f} % of them."
)

# %% tags=["hide-input"]
page.provenance(found[found["kind"] == "visual"])
