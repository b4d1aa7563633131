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
# # 2. What the models hear and see
#
# **Question.** What is left of a video when a network gets it?
#
# **The paper** averages the channels, resamples, and gives the audio networks log-mel spectrograms: 128 x 43 for Han et
# al. {cite}`han2016`, 96 x 1366 for Choi et al. {cite}`choi2016`, from the centre of the recording (CC) or from ten
# segments spread over it (UC). The visual network gets single frames, one a second, resized to 256 x 256 and cropped
# to 224 x 224.
#
# **Method.** Every video is decoded once and its features are kept in one file: frames as JPEG, three spectrograms.

# %% tags=["parameters"]
corpus: str = "demo"  # prepared by 01_corpus
scheduler: str = ""  # address of a running Dask scheduler; empty for all cores of this machine

# %% tags=["remove-cell"]
import numpy as np

from instrec_utils import config, corpora, media
from instrec_utils.features import store as features
from instrec_utils.inputs import frames
from instrec_utils.inputs import spectrograms as audio
from instrec_utils.report import figures as plots
from instrec_utils.report import page as report

videos = corpora.read_corpus(corpus)
errors = features.extract(videos, scheduler=scheduler)
videos = corpora.read_corpus(corpus)
store = videos.directory / "features"

# %% tags=["remove-input"]
report.corpus_note(videos)

# %% tags=["remove-input"]
report.parameters({"corpus": corpus, "scheduler": scheduler or "this machine"})

# %% [markdown]
# ## Hearing
#
# The spectrogram of Choi's model has 96 mel bands and 1366 frames of 256 samples at 12,000 Hz: 29.12 s. Time runs to the
# right, pitch upwards, and brightness is level in dB. The joins of the ten segments show as vertical edges.

# %%
train = clear = videos.split("train")
if "picture" in train:  # a staged corpus, which says what is degraded
    clear = train[(train["picture"] == "clear") & (train["sound"] == "clear")]
examples = clear.groupby("label").head(1)
spectrograms = []
for row in examples.itertuples():
    values = features.read_spectrogram(store / f"{row.video_id}.h5", "choi2016_uc")
    spectrograms.append((row.label, values))

# %% tags=["remove-input"]
shown = [(label, values) for label, values in spectrograms if values is not None][:6]
report.figure(
    plots.spectrograms(shown, config.CHOI2016),
    "Log-mel spectrograms (UC) of one training clip each. Plucked and struck instruments show sharp onsets, bowed and "
    "blown ones long harmonics.",
    "Six log-mel spectrograms, one an instrument, with frequency in hertz over time in seconds.",
)

# %% [markdown]
# The same recording as the two strategies cut it: CC keeps the continuous middle, UC samples the whole.

# %% tags=["remove-input"]
longest = train.sort_values("duration", ascending=False).iloc[0]
cuts = [
    (
        f"{name.upper()}: {longest.label}",
        features.read_spectrogram(store / f"{longest.video_id}.h5", f"choi2016_{name}"),
    )
    for name in ("cc", "uc")
]
report.figure(
    plots.spectrograms([cut for cut in cuts if cut[1] is not None], config.CHOI2016),
    f"One recording of {longest.duration:.0f} s, cut as CC and as UC. Recordings below 29.12 s are padded with silence "
    "under CC; under UC their segments overlap instead.",
    "Two spectrograms of the same recording: its central part, and ten segments joined.",
)

# %% [markdown]
# A check against an independent reference: librosa's own chain of functions, on the same samples.

# %%
import librosa

samples = media.read_sound(videos.videos / longest.path, (12_000,))[12_000]
crop = audio.central_crop(samples, config.CHOI2016.num_samples)
power = librosa.feature.melspectrogram(y=crop, sr=12_000, n_fft=512, hop_length=256, n_mels=96)
reference = librosa.power_to_db(power, amin=1e-10, top_db=None)
largest = np.abs(audio.choi_input(samples, "cc") - reference).max()
print(f"largest difference from librosa: {largest:.5f} dB")

# %% [markdown]
# ## Seeing
#
# Frames at 0, 1, 2, ... seconds. The network sees the central 224 x 224 pixels of the resized frame, so what happens at the
# edges is lost.

# %% tags=["remove-input"]
strips = []
for row in examples.head(7).itertuples():
    path = store / f"{row.video_id}.h5"
    numbers = frames.choose_uniformly(features.count_frames(path), 6)
    strips.append((row.label, frames.central_crop(features.read_frames(path, numbers))))
report.figure(
    plots.frame_strip(strips),
    "Six frames each of seven training clips, spread uniformly over the clip, as the visual network gets them.",
    "Rows of video frames, one row a clip: the instrument from several views, and frames without it.",
)

# %% [markdown]
# ## When a modality fails
#
# Training clips under other conditions. Look and listen: could you tell?

# %% tags=["remove-input"]
if "picture" in train:
    hard = train[(train["picture"] != "clear") | (train["sound"] != "clear")]
    hard = hard.drop_duplicates(["picture", "sound"]).sort_values(["picture", "sound"]).head(6)
    shown = report.players(
        videos, hard, [f"{r.label}: picture {r.picture}, sound {r.sound}" for r in hard.itertuples()]
    )
else:
    shown = None
shown

# %% [markdown]
# ## What could not be decoded

# %% tags=["remove-input"]
listing = errors.drop(columns="path").head(50)
report.table(
    listing, f"{len(errors)} of {len(videos.index)} videos could not be decoded; they are left out from here on."
)

# %% tags=["remove-input"]
count = sum(features.count_frames(store / f"{video_id}.h5") for video_id in videos.usable["video_id"])
size = sum(path.stat().st_size for path in store.glob("*.h5"))
report.takeaway(
    f"A network hears at most 30 s of a video. Of its pictures {count / len(videos.usable):.0f} are stored on average, one a "
    f"second, and a frame model sees a given number of them. The features of all {len(videos.usable)} videos take {size / 2**20:.0f} MiB."
)
