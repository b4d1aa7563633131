"""Which styles players of each instrument have, and a phrase composed in one of them.

Key, mode, tempo and loudness are drawn before the instrument is looked at, so that they tell nothing of the
label. What the label decides is what a player of the instrument would do: range, chords, patterns, breath.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pretty_midi

from instrec_corpora.phrases import drums, keys, plucked, reeds, tunes
from instrec_corpora.phrases.score import MODES, PROGRESSIONS, VOICES, Score, check_duration
from instrec_utils.errors import ParameterError

STYLES: dict[str, tuple[Callable[[Score], None], ...]] = {
    "accordion": (reeds.musette, reeds.polka, reeds.slow_air),
    "banjo": (plucked.rolls, plucked.rolls, plucked.clawhammer),
    "cello": (tunes.lyrical(18), tunes.suite, tunes.scales),
    "clarinet": (tunes.lyrical(0), tunes.lively(0), tunes.scales),
    "drums": (drums.groove, drums.groove, drums.solo, drums.rudiments),
    "flute": (tunes.lyrical(14), tunes.lively(0), tunes.scales),
    "guitar": (plucked.picking, plucked.strumming, plucked.licks),
    "harmonica": (reeds.folk_harmonica, reeds.blues_harmonica, reeds.train),
    "organ": (keys.hymn, keys.toccata, keys.comping),
    "piano": (keys.nocturne, keys.sonatina, keys.ragtime, keys.two_hands),
    "saxophone": (tunes.lyrical(20), tunes.lively(70), tunes.scales),
    "trumpet": (tunes.lyrical(12), tunes.lively(0), tunes.scales),
    "violin": (tunes.lyrical(22), tunes.double_stops, tunes.scales),
}
"""What players of each instrument play; one of them is drawn for a phrase."""


def compose_phrase(label: str, duration: float, generator: np.random.Generator) -> pretty_midi.PrettyMIDI:
    """Compose a phrase that a player of the instrument might play.

    Parameters
    ----------
    label : str
        A key of `VOICES`.
    duration : float [seconds, > 0]
    generator : np.random.Generator

    Returns
    -------
    pretty_midi.PrettyMIDI
        One instrument; nothing in it is later than `duration`.

    Raises
    ------
    ParameterError
        If the label is unknown or the duration is not positive.
    """
    if label not in VOICES:
        raise ParameterError(f"label must be one of {', '.join(VOICES)}, got {label!r}")
    check_duration(duration)
    score = Score(
        generator=generator,
        duration=duration,
        tonic=int(generator.integers(12)),
        mode=tuple(MODES[generator.choice(list(MODES))]),
        beat=60 / generator.uniform(70, 150),
        start=min(generator.uniform(0, 0.6), duration / 4),
        loudness=generator.uniform(65, 105),
        progression=PROGRESSIONS[generator.integers(len(PROGRESSIONS))],
        voice=VOICES[label][generator.integers(len(VOICES[label]))],
    )
    styles = STYLES[label]
    styles[generator.integers(len(styles))](score)
    return score.midi()
