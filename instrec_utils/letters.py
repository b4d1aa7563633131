"""Which letters figures can show: users name videos and classes in any script, and no font has them all."""

from __future__ import annotations

import functools
import unicodedata

import numpy as np
from matplotlib.font_manager import FontProperties, fontManager, get_font

FONTS = (
    *("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP"),
    *("Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback", "PingFang SC"),
    *("Hiragino Sans", "Apple SD Gothic Neo", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Arial Unicode MS"),
    *("Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Thai", "Noto Sans Ethiopic"),
)
"""Where the letters of names are looked for; the first comes with matplotlib and has none of East Asia's."""


@functools.cache
def families() -> list[str]:
    """Return those of `FONTS` that are installed."""
    installed = {font.name for font in fontManager.ttflist}
    return [name for name in FONTS if name in installed]


@functools.cache
def can_draw(letter: str) -> bool:
    """Tell whether any of the `families` has a letter."""
    fonts = (get_font(fontManager.findfont(FontProperties(family=name))) for name in families())
    return any(font.get_char_index(ord(letter)) for font in fonts)


def on_one_line(text: str, longest: int) -> str:
    """Return a name as figures can show it, on one line of so many columns, of which letters of East Asia take two.

    Too long a name lacks its middle. A letter that no font has is its number in Unicode, such as U+7B1B, rather than an
    empty box.
    """
    shown = "".join(one if can_draw(one) else f" U+{ord(one):04X} " for one in " ".join(text.split()))
    shown = " ".join(shown.split())
    widths = np.cumsum([1 + (unicodedata.east_asian_width(one) in "WF") for one in shown])
    if len(shown) and widths[-1] > longest:
        head, tail = widths < 2 * longest // 3, widths > widths[-1] - longest // 3
        shown = f"{shown[: head.sum()].rstrip()}…{shown[-tail.sum() :].lstrip()}"
    return shown
