"""Idiomatic phrases for the 13 instruments, written as MIDI and rendered through a soundfont."""

from instrec_corpora.phrases.composition import STYLES, compose_phrase
from instrec_corpora.phrases.rendering import PEAK, SOUNDFONTS, render_midi, soundfont_path
from instrec_corpora.phrases.score import VOICES

__all__ = ["PEAK", "SOUNDFONTS", "STYLES", "VOICES", "compose_phrase", "render_midi", "soundfont_path"]
