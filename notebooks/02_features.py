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
# # 2. What the networks are given
#
# **Question.** What is left of a video when a network gets it?
#
# **The paper** averages the channels, resamples, and gives the audio networks log-mel spectrograms: 128 x 43 for
# [Han et al. (2016)](https://doi.org/10.1109/TASLP.2016.2632307), 96 x 1366 for
# [Choi et al. (2016)](https://arxiv.org/abs/1606.00298), from the centre of the recording (CC) or from ten segments spread over
# it (UC). The visual network gets single frames, one a second, resized to 256 x 256 and cropped to 224 x 224.
#
# **Method.** Every video is decoded once and its features are kept in one file: frames as JPEG, and the spectrograms of
# Han's and Choi's networks; another network's input is extracted when one of its runs needs it. Below, one video goes that way
# step by step.

# %% tags=["parameters", "hide-cell"]
corpus: str = "demo"  # prepared by 01_corpus
channels: str = "mean"  # which are heard; "loudest" where the channels of recordings cancel each other
scheduler: str = ""  # address of a running Dask scheduler; empty for all cores of this machine

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %%
import librosa
import numpy as np
from instrec_utils import config, corpora, media
from instrec_utils.features import store
from instrec_utils.features.extraction import extract_features
from instrec_utils.inputs import frames, spectrograms
from instrec_utils.report import elements, figures, page, playing, words
from librosa.feature import melspectrogram

errors = extract_features(
    corpora.read_corpus(corpus), channels=channels, scheduler=scheduler
)
videos = corpora.read_corpus(corpus)  # without those that could not be decoded

# %% tags=["hide-input"]
page.corpus_note(videos)

# %% tags=["hide-input"]
page.parameters(
    {"corpus": corpus, "channels": channels, "scheduler": scheduler or "this machine"}
)

# %% [markdown]
# ## Reading a video
#
# `media` is the only place that decodes. Sound comes mono at the rate that was asked for, pictures at given times.

# %%
train = videos.split("train")
by_length = train.sort_values("duration", ascending=False)
longest = elements.first_with(videos, by_length, "sound", "picture")
path = videos.videos / longest["path"]
print(f"{longest['label']}, {longest['duration']:.1f} s")
info, rate, size = media.probe(path), config.CHOI2016.sample_rate, config.FRAME_SIZE
if info.has_sound:
    samples = media.read_sound(path, (rate,), channels=channels)[rate]
    print(f"samples {samples.shape}, from {samples.min():.2f} to {samples.max():.2f}")
if info.has_picture:
    times = {"frame_rate": config.FRAME_RATE}
    pictures = list(media.read_frames(path, size=size, **times))
    print(f"{len(pictures)} pictures {pictures[0].shape} {pictures[0].dtype}")

# %% [markdown]
# ## From samples to a spectrogram
#
# CC keeps the continuous middle of a recording, UC ten segments spread over it, joined. Either gives 29.12 s of sound and 96 mel
# bands by 1366 frames of 256 samples, as [the figure](#fig-cuts) shows.

# %%
cuts = {}
if info.has_sound:
    cuts["CC"] = spectrograms.central_crop(samples, config.CHOI2016.num_samples)
    length = config.CHOI2016.num_samples // config.NUM_SEGMENTS
    segments = spectrograms.uniform_segments(samples, length).reshape(-1)
    cuts["UC"] = spectrograms.fit_length(segments, config.CHOI2016.num_samples)
decibels = {
    name: spectrograms.log_mel(cut, config.CHOI2016) for name, cut in cuts.items()
}
if decibels:
    print({name: values.shape for name, values in decibels.items()})

# %% tags=["hide-input"]
page.figure(
    corpus,
    "cuts",
    figures.spectrograms(
        [(f"{name}: {longest['label']}", values) for name, values in decibels.items()],
        config.CHOI2016,
        joins={1: length / rate * np.arange(1, config.NUM_SEGMENTS)},
    ),
    f"One recording of {longest['duration']:.0f} s, cut as CC and as UC. Time runs to the right, pitch upwards, and the "
    "stronger the colour, the higher the level in dB. The marks above UC are where its ten segments are joined; the longer a "
    "recording, the more of it is left out at each. Recordings below 29.12 s are padded with silence under CC; under UC their "
    "segments overlap instead.",
    "Two spectrograms of the same recording: its central part, and ten segments with marks where they are joined.",
) if decibels else None

# %% [markdown]
# A check against an independent reference: librosa's own chain of functions, on the same samples.

# %%
for cut in [cuts["CC"]] if cuts else []:
    power = melspectrogram(y=cut, sr=12_000, n_fft=512, hop_length=256, n_mels=96)
    reference = librosa.power_to_db(power, amin=1e-10, top_db=None)
    difference = np.abs(decibels["CC"] - reference).max()
    print(f"largest difference from librosa: {difference:.5f} dB")

# %% [markdown]
# ## What the classes sound like
#
# What was stored of each video is read back by its id. In [the figure](#fig-spectrograms) look at how a sound begins and how long its
# harmonics last.

# %%
features_dir = videos.directory / "features"
clear = train
if "picture" in train:  # a staged corpus, which says what is degraded
    clear = train[(train["picture"] == "clear") & (train["sound"] == "clear")]
stored = {}  # of each class the first that has sound
for row in clear.itertuples():
    if row.label not in stored:
        path = store.features_path(features_dir, row.video_id)
        values = store.read_spectrogram(path, "choi2016_uc")
        stored |= {} if values is None else {row.label: values}

# %% tags=["hide-input"]
page.figure(
    corpus,
    "spectrograms",
    figures.spectrograms(list(stored.items())[:6], config.CHOI2016),
    f"Log-mel spectrograms (UC) of one training clip each of {words.enumerated(list(stored)[:6])}. Where a sound begins suddenly "
    "there is a vertical edge; a horizontal line is a harmonic, and as long as it lasts.",
    "Log-mel spectrograms, one a class, with frequency in hertz over time in seconds: vertical edges where sounds begin, "
    "horizontal lines where harmonics last.",
) if stored else None

# %% [markdown]
# ## See what you hear
#
# Play a clip: the line in its spectrogram is where the player is. A click, or the arrow keys, move both. The clips are
# of the first three classes in alphabetical order that have a training clip with sound, in a staged corpus one whose picture and
# sound are both clear; of several clips the first by id.

# %% tags=["hide-input"]
listed = clear.sort_values(["label", "video_id"])
listed = listed[listed["label"].isin(stored)].drop_duplicates("label").head(3)
playing.spectrogram_players(videos, listed, listed["label"].tolist())

# %% [markdown]
# ## From pictures to frames
#
# Frames at 0, 1, 2, ... seconds are stored. A network is given k of them: drawn at random in training, spread uniformly in
# evaluation, as in [the figure](#fig-frames). It sees the central 224 x 224 pixels, so what happens at the edges is lost.

# %%
strips = {}  # of each class the first that has pictures
for row in clear.itertuples():
    path = store.features_path(features_dir, row.video_id)
    if row.label not in strips and len(strips) < 7 and store.count_frames(path):
        count = store.count_frames(path)
        shown = store.read_frames(path, frames.choose_uniformly(count, 6))
        strips[row.label] = frames.central_crop(shown)
if strips:
    drawn = frames.choose_at_random(count, 6, np.random.default_rng(10))
    print("drawn in training:", drawn)

# %% tags=["hide-input"]
page.figure(
    corpus,
    "frames",
    figures.frame_strip(list(strips.items())),
    f"Six frames each of {words.counted(len(strips), 'training clip')}, spread uniformly over the clip, as the visual network gets them.",
    "Rows of video frames, one row a clip: the instrument from several views, and frames without it.",
) if strips else None

# %% [markdown]
# ## When a modality fails
#
# Training clips under other conditions: of each class the first that is not clear, of those under the same conditions the first.
# Look and listen: which instrument is it? The answer is folded away below each clip.

# %% tags=["hide-input"]
hard = (
    train[(train["picture"] != "clear") | (train["sound"] != "clear")]
    if "picture" in train
    else train.head(0)
)
if len(hard):
    hard = hard.sort_values("video_id").drop_duplicates("label")
    hard = hard.drop_duplicates(["picture", "sound"]).head(6)
said = [
    f"{row.label}: picture {row.picture}, sound {row.sound}"
    for row in hard.itertuples()
]
page.players(videos, hard, said, question="Could you tell? Show the answer.") if len(hard) else None

# %% [markdown]
# ## What could not be decoded

# %% tags=["hide-input"]
page.table(
    errors.drop(columns="path").head(50),
    f"{len(errors)} of {len(videos.index)} videos could not be decoded and will be left out from here on.",
) if len(errors) else None

# %% [markdown]
# ## Differences from the paper
#
# Ten segments of 3 s do not fit 29.12 s, so the segments of UC are a tenth of that, 2.912 s. The paper's 43 frames of hop 512 are one
# second, not three: each of Han's segments is given as three windows. The authors' code squares the mel power once more; here it
# is not.

# %% tags=["hide-input"]
count = sum(
    store.count_frames(store.features_path(features_dir, video_id))
    for video_id in videos.usable["video_id"]
)
size = sum(path.stat().st_size for path in features_dir.rglob("*.h5"))
page.takeaway(
    f"An audio network is given at most 30 s of a video. Of its pictures {count / len(videos.usable):.0f} are stored on average, "
    f"one a second; the features of all {len(videos.usable)} videos, with the "
    f"spectrograms of every network that has been given one so far, take {size / 2**20:.0f} MiB on disk."
)

# %% tags=["hide-input"]
elements.index_provenance(videos)
