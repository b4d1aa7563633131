"""Small videos whose pictures and sound say what time it is."""

from fractions import Fraction

import av
import numpy as np
import pandas as pd

SIZE = (64, 48)  # width, height
TONES = {"high": 1500, "low": 300}  # Hz, the classes of `write_tones`
STEP = 20  # levels of red a second, and of green a tenth of a second


def colour_at(time):
    """The colour of the picture that appears at a time (a multiple of 0.1 s, below 11 s)."""
    tenths = round(10 * time)
    return np.array([20 + STEP * (tenths // 10), 20 + STEP * (tenths % 10), 128])


def time_of(picture):
    """The time that a picture's colour tells, in seconds."""
    red, green, _ = picture.reshape(-1, 3).mean(axis=0)
    return round((red - 20) / STEP) + round((green - 20) / STEP) / 10


def tone(seconds, sample_rate, frequency=440.0, level=0.5):
    return level * np.sin(2 * np.pi * frequency * np.arange(round(seconds * sample_rate)) / sample_rate)


def write_video(
    path,
    *,
    times=(),
    sound=None,
    sample_rate=44_100,
    picture_codec="libx264",
    sound_codec="aac",
    rotation=0,
    picture=None,
    last=0.1,
    title="",
):
    """Write a file whose pictures appear at `times` (s, multiples of 0.1), with `sound` [shape=(channels, samples)].

    `picture` replaces the colours that tell the time; `last` is how long the last picture stays, in seconds.
    The title stands in the file's metadata.
    """
    with av.open(str(path), "w") as container:
        container.metadata.update({"title": title} if title else {})
        streams = []
        if len(times):
            video = container.add_stream(picture_codec, rate=10)
            video.width, video.height = SIZE if picture is None else picture.shape[1::-1]
            video.pix_fmt = "yuvj420p" if picture_codec == "mjpeg" else "yuv420p"
            video.codec_context.time_base = Fraction(1, 10)
            if rotation:
                video.set_display_rotation(rotation)
            streams.append((video, _pictures(times, picture, last)))
        if sound is not None:
            sound = np.atleast_2d(sound).astype(np.float32)
            layout = {1: "mono", 2: "stereo"}[len(sound)]
            audio = container.add_stream(sound_codec, rate=sample_rate, layout=layout)
            streams.append((audio, _sound_frames(sound, sample_rate, layout, audio.format.name)))
        for stream, frames in streams:
            durations = {}
            for frame in [*frames, None]:
                if frame is not None:
                    durations[frame.pts] = frame.duration
                for packet in stream.encode(frame):
                    packet.duration = packet.duration if stream.type == "audio" else durations[packet.pts]
                    container.mux(packet)
    return path


def write_tones(directory, **counts):
    """Write so many videos of each class and split, 1.5 s with a tone that tells the class, and return their index."""
    directory.mkdir(parents=True, exist_ok=True)
    rows = []
    for split, count in counts.items():
        for label, frequency in TONES.items():
            for number in range(count):
                name = f"{split}-{label}-{number}"
                sound = tone(1.5, 22_050, frequency + 20 * number)
                write_video(directory / f"{name}.mp4", times=[0, 0.5, 1], sound=sound, sample_rate=22_050)
                rows.append((name, label, split, f"{name}.mp4", 1.5))
    return pd.DataFrame(rows, columns=["video_id", "label", "split", "path", "duration"])


def _pictures(times, picture, last):
    for time, following in zip(times, [*times[1:], times[-1] + last], strict=True):
        shown = np.broadcast_to(colour_at(time), (*SIZE[::-1], 3)) if picture is None else picture
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shown, np.uint8), format="rgb24")
        frame.pts, frame.time_base = round(10 * time), Fraction(1, 10)
        frame.duration = round(10 * (following - time))
        yield frame


def _sound_frames(sound, sample_rate, layout, sample_format):
    resampler = av.AudioResampler(format=sample_format, layout=layout, rate=sample_rate)
    for start in range(0, sound.shape[1], 960):
        block = np.ascontiguousarray(sound[:, start : start + 960])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, start, Fraction(1, sample_rate)
        yield from resampler.resample(frame)
