"""A tiny copy of the open corpus's sources: drawn photographs and synthesized notes of three labels."""

import hashlib

import cv2
import numpy as np
import pandas as pd
import soundfile

LABELS = ("guitar", "piano", "violin")  # piano has no recording
PHILHARMONIA = "someone/philharmonia@" + "a" * 40
NSYNTH = "someone/nsynth@" + "b" * 40
KAGGLE = "someone/photos@" + "c" * 40
NUM_PHOTOGRAPHS = 28  # of a label: four in each of seven parts
_PITCHES = {"A4": 69, "B4": 71, "C5": 72, "D5": 74, "E5": 76, "F5": 77, "G5": 79}


def photograph(number, label):
    """A product shot: blobs of one class's colour before white; every third one has a dark background."""
    generator = np.random.default_rng([number, LABELS.index(label)])
    picture = np.full((224, 224, 3), 40 if number % 3 == 0 else 255, np.uint8)
    colour = np.roll([200, 60, 30], LABELS.index(label)).tolist()
    for _ in range(12):
        centre = generator.integers(40, 184, size=2).tolist()
        axes = generator.integers(5, 40, size=2).tolist()
        shade = (np.array(colour) * generator.uniform(0.3, 1)).tolist()
        cv2.ellipse(picture, centre, axes, float(generator.uniform(0, 180)), 0, 360, shade, -1)
    return picture


def note(pitch, seconds, sample_rate, *, decay=1.0):
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    tone = 0.3 * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time) * np.exp(-decay * time)
    silence = np.zeros(int(0.1 * sample_rate))
    return np.concatenate([silence, tone, silence])


def make_sources(folder):
    """Write the files and return their registry."""
    for label in LABELS:
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(NUM_PHOTOGRAPHS):
            path = folder / "photos" / label / f"{number:02d}.jpg"
            cv2.imwrite(str(path), photograph(number, label)[:, :, ::-1])
    for label, decay in (("guitar", 4.0), ("violin", 0.5)):
        (folder / "recordings" / label).mkdir(parents=True)
        for name, pitch in _PITCHES.items():
            for loudness, gain in (("forte", 1.0), ("piano", 0.3)):
                for seconds in ("05", "1"):
                    path = folder / "recordings" / label / f"{label}_{name}_{seconds}_{loudness}_normal.mp3"
                    tone = note(pitch, {"05": 0.5, "1": 1.0}[seconds], 44_100, decay=decay)
                    soundfile.write(path, gain * tone, 44_100)
    for instrument in range(3):
        for pitch in (60, 64, 67):
            path = folder / "recordings" / "guitar" / f"nsynth-guitar_acoustic_{instrument:03d}-{pitch:03d}-050.flac"
            soundfile.write(path, note(pitch + instrument / 10, 1.0, 16_000), 16_000)
    return registry_of(folder)


def registry_of(folder):
    rows = []
    for path in sorted(folder.rglob("*.*")):
        kind, label, name = path.relative_to(folder).parts
        is_nsynth = name.startswith("nsynth")
        samples = soundfile.read(path, dtype="int16")[0].tobytes() if is_nsynth else b""
        rows.append(
            {
                "path": f"{kind}/{label}/{name}",
                "label": label,
                "kind": kind,
                "bytes": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "pcm_sha256": hashlib.sha256(samples).hexdigest() if is_nsynth else "",
                "source": KAGGLE if kind == "photos" else NSYNTH if is_nsynth else PHILHARMONIA,
            }
        )
    return pd.DataFrame(rows)
