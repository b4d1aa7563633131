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
# # A video, step by step
#
# > This page belongs to no corpus. It was made of the video that its parameter names; by default that is a clip of the demo
# > corpus, with drawn instruments and a rendered phrase, which shows the steps and nothing of how well they work. How well
# > they work, the model card says.
#
# **Question.** Which instruments are in this video, when, and what do the networks go by?
#
# **The paper** gives each video one label, and looks at whole videos alone: it has neither a timeline nor a picture of what
# its networks look at.
#
# **Method.** The sound is cut into windows of four seconds, and a frame is taken every two seconds. A network that was trained
# on the world turns each into a vector of numbers, and a head, which is logistic regression, says of the vector how likely each
# of the 13 instruments is, or none of them. Class activation maps ([Zhou et al.,
# 2016](https://doi.org/10.1109/CVPR.2016.319); [Selvaraju et al., 2017](https://doi.org/10.1109/ICCV.2017.74)) then say which
# places of a frame or of a spectrogram spoke for the answer. The command `recognise --timeline` and the local page `make app`
# show the same.

# %% tags=["parameters"]
video: str = "book/_static/media/demo/demo-banjo-test-002.mp4"  # a path, from the checkout's root or from /

# %% tags=["hide-cell"]
from instrec_utils.pipeline.parameters import check_injected

check_injected(globals())  # papermill itself lets a misspelt parameter pass

# %%
from instrec_utils import paths
from instrec_utils.recognise import answers, evidence, recogniser, timeline
from instrec_utils.report import figures, page

path = paths.home() / video

# %% tags=["hide-input"]
page.player("recognised", path, f"The video: {path.name}.")

# %% [markdown]
# ## What is playing
#
# Both networks are loaded once and then judge any number of videos.

# %%
networks = recogniser.Recogniser()
recognition = networks.recognise(path)
print(answers.as_text(path.name, recognition, top=3))

# %% [markdown]
# The same for a single frame, by hand: decode it, let the network turn it into a vector and into the scores of those of its own
# classes that are instruments, and ask the head.

# %%
import numpy as np
from instrec_utils import config, media

if media.probe(path).has_picture:
    frame = next(media.read_frames(path, size=config.CROP_SIZE))
    values = networks.visual.network(frame[None])
    print(frame.shape, values.embeddings.shape, values.instruments.shape)
    (probabilities,) = networks.visual.head.probabilities(values)
    for number in np.argsort(-probabilities)[:3]:
        print(f"{answers.OUTCOMES[number]:10} {probabilities[number]:.2f}")

# %% [markdown]
# ## When
#
# Each step of four seconds has a window of sound and two frames. A window that says "none of these" counts for little beside a
# frame that says an instrument, and the other way round. An instrument that passes its threshold counts as there, so that there
# may be several at once ([figure](#fig-timeline)).

# %%
label = recognition.ranked()[0]
for modality, steps in recognition.timeline().items():
    score = steps[:, answers.OUTCOMES.index(label)]
    print(f"{modality:7} {label}: {np.round(score, 2)}")

# %% tags=["hide-input"]
page.figure(
    "recognised",
    "timeline",
    figures.Drawing(timeline.draw([recognition], 7.3), timeline.draw([recognition], 3.5)),
    f"How likely the instruments are in each step of {recogniser.STEP:g} s, by audio, by visual and by both; the "
    "stronger the colour, the likelier, and a dot marks where an instrument passes its threshold.",
    f"Panels of the instruments that are there at some time, over time: the likeliest in the whole video is {label}.",
)

# %% [markdown]
# ## What spoke for it in the frames
#
# In front of its vector the network has a map of features: 7 by 7 places of the frame. The vector is their mean, so what the
# head makes of the vector is a sum over the places. What is left bright in [this figure](#fig-frames) spoke for the answer.

# %%
import cv2
from instrec_utils.recognise.maps import class_map

shown = evidence.frames(recognition, label)
if shown:
    print(np.round(class_map(networks.visual.network, networks.visual.head, frame, label), 1))


def lit(picture, looked):
    """Dim what does not speak for the instrument."""
    bright = 0.25 + 0.75 * cv2.resize(looked, picture.shape[1::-1])
    return (picture * bright[..., None]).astype(np.uint8)


# %% tags=["hide-input"]
page.figure(
    "recognised",
    "frames",
    figures.frame_strip(
        [
            ("the frames", np.stack([one.picture for one in shown])),
            ("what spoke for it", np.stack([lit(one.picture, one.looked) for one in shown])),
        ]
    ),
    f"The frames that decided for {label}, at {', '.join(f'{one.seconds:g} s' for one in shown)}; below, dark where nothing "
    "spoke for it.",
    f"Frames, and the same ones bright only where the network found {label}.",
) if shown else None

# %% [markdown]
# ## What spoke for it in the sound
#
# The audio network sees a spectrogram, and in front of its vector it, too, has a map: 4 bands by some 13 places in time. Between
# what is pooled of them and the vector lies a layer with an activation, so the parts are those of a first approximation ([figure](#fig-sound)).

# %%
heard = evidence.spectrogram(recognition, label)
if heard is not None:
    print(f"{heard.levels.shape[0]} bands, {heard.levels.shape[1]} columns of {heard.column_seconds:.2f} s")
    loudest = heard.levels.max()
    levels = np.clip((heard.levels - loudest + 70) / 70, 0, 1)  # of 70 dB
    panels = {"the spectrogram": levels}
    if heard.looked is not None:
        looked = cv2.resize(heard.looked.astype(np.float32), levels.shape[::-1])
        panels["what spoke for it"] = levels * (0.25 + 0.75 * looked)

# %% tags=["hide-input"]
from matplotlib.figure import Figure


def drawn(width):
    """Draw the panels, so many inches wide."""
    drawing, length = Figure(figsize=(width, 4), layout="constrained"), heard.levels.shape[1] * heard.column_seconds
    for axes, (title, picture) in zip(drawing.subplots(len(panels), sharex=True), panels.items(), strict=True):
        axes.imshow(picture, aspect="auto", origin="lower", extent=(0, length, 0, 128), cmap="magma", vmin=0, vmax=1)
        axes.set(title=title, ylabel="mel band", xlabel="seconds")
        axes.label_outer()
    return drawing


# %% tags=["hide-input"]
page.figure(
    "recognised",
    "sound",
    figures.Drawing(drawn(7.3), drawn(3.5), is_picture=True),
    f"The spectrogram of the whole video; below, dark where nothing spoke for {label}.",
    f"A spectrogram, and the same one bright only where the network found {label}.",
) if heard is not None else None

# %% [markdown]
# ## Differences from the paper
#
# All of it: the paper's networks learn from the videos of its two datasets and label whole videos. Here two networks that others
# trained on far more look and listen, the heads are small, and "none of these" is an answer.

# %% tags=["hide-input"]
overall = recognition.overall()["both"]
page.takeaway(
    f"The likeliest instrument is {label}, at {overall[answers.OUTCOMES.index(label)]:.0%}. "
    "Where the maps are bright elsewhere than on the instrument, the answer should not be believed."
)

# %% [markdown]
# ## Where the numbers come from

# %% tags=["hide-input"]
import pandas as pd
from instrec_utils import files, provenance

made = {
    "video": f"{path.name}, sha256 {files.sha256_of_file(path)[:12]}",
    **{modality: judge.title for modality, judge in recognition.judges.items()},
    "commit": provenance.commit(),
}
page.table(pd.DataFrame({"What": list(made), "Value": list(made.values())}), "What this page was made of.")
