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
# **Method.** The two networks stay as they are; only the fusion is trained, on the same training split.

# %% tags=["parameters"]
corpus: str = "demo"  # its frame model and audio model are trained by 03 and 04
audio_model: str = "choi2016"  # as in 04_audio_model
segmentation: str = "uc"  # as in 04_audio_model
backbone: str = "efficientnet_lite0"  # as in 03_frame_model
num_frames: int = 10  # as in 03_frame_model
fusion_dropout: float = 0.5  # after each dense layer; the paper names none
fusion_learning_rate: float = 0.0003  # Adam
fusion_batch_size: int = 16  # videos
fusion_max_epochs: int = 40  # at the latest
fusion_patience: int = 8  # epochs without a lower validation loss
seed: int = 10  # of the weights, the frames drawn, and the order

# %% tags=["remove-cell"]
from IPython.display import display

from instrec_utils import corpora, experiments, plots, report, results, training

videos = corpora.read(corpus)
audio = experiments.load_run(videos, experiments.audio_name(audio_model, segmentation, seed))
visual = experiments.load_run(videos, experiments.visual_name(backbone, num_frames, seed))
protocol = training.Protocol("adam", fusion_learning_rate, fusion_batch_size, fusion_max_epochs, fusion_patience)

# %% tags=["remove-input"]
report.corpus_note(videos)

# %% tags=["remove-input"]
report.parameters(
    {
        "corpus": corpus,
        "audio": audio.name,
        "visual": visual.name,
        "dropout": fusion_dropout,
        **vars(protocol),
        "seed": seed,
    }
)

# %%
run = experiments.train_fusion(videos, audio=audio, visual=visual, dropout=fusion_dropout, protocol=protocol, seed=seed)

# %% [markdown]
# ## Training

# %% tags=["remove-input"]
three = [results.read_one(corpus, name) for name in (audio.name, visual.name, run.name)]
fusion = three[2]
report.figure(
    plots.history([fusion]),
    f"Loss and accuracy of the fusion over {fusion['epochs']} epochs; the weights of epoch {fusion['best_epoch']} are kept.",
    "Two curves each, training and validation: loss falling and accuracy rising over the epochs.",
)

# %% [markdown]
# ## Result

# %% tags=["remove-input"]
report.figure(
    plots.intervals(results.intervals(three), reference=100 * fusion["majority_rate"]),
    f"Hit@1 on the test split, n = {fusion['num_test']}, with 95 % bootstrap intervals over videos; the line is the rate of "
    "the commonest class.",
    "Dots with horizontal intervals: Hit@1 of the audio model, the frame model and their fusion.",
)

# %% tags=["remove-input"]
report.table(
    results.table(three), f"Test split, n = {fusion['num_test']}, one seed; in %, with 95 % bootstrap intervals."
)

# %% [markdown]
# Two models seen on the same videos can be compared video by video. The exact McNemar test asks whether the videos that only
# one of them recognises are shared out evenly {cite}`mcnemar1947`. The mean of the two models' probabilities is the baseline
# that a learned fusion has to beat.

# %% tags=["remove-input"]
comparison = results.compare(corpus, run.name, [audio.name, visual.name])
report.table(
    comparison, f"The fusion against each modality and against the mean of both, test split, n = {fusion['num_test']}."
)

# %% [markdown]
# ## When a modality fails

# %% tags=["remove-input"]
tables = [(name, results.by_condition(videos, three, name)) for name in ("picture", "sound")]
shown = [
    report.table(table, f"Hit@1 in % by the condition of the {name}, test split; n videos in each.")
    for name, table in tables
    if table is not None
]
display(*shown)

# %% [markdown]
# ## Differences from the paper
#
# The paper's input is a matrix of k + 1 rows of equal length. It is flattened before the first layer, so vectors of other
# lengths can be joined as they are, which is what happens here. Dropout is added, since there are few videos for the
# millions of weights that a flattened input brings.

# %% tags=["remove-input"]
best = max(three[:2], key=lambda result: result["metrics"]["hit_at_1"]["value"])
gain = 100 * (fusion["metrics"]["hit_at_1"]["value"] - best["metrics"]["hit_at_1"]["value"])
p_value = results.mcnemar(corpus, run.name, best["run"])["p_value"]
verdict = "significantly so" if p_value < 0.05 else "which this many test videos do not tell from chance"
report.takeaway(
    f"The fusion recognises {100 * fusion['metrics']['hit_at_1']['value']:.1f} % of the test videos, {gain:+.1f} points against "
    f"the better modality alone ({results.describe(best)}), {verdict} (McNemar, p = {p_value:.2g})."
)

# %% tags=["remove-input"]
report.provenance(three)
