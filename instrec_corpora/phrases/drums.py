"""What drummers play on a kit."""

from __future__ import annotations

from instrec_corpora.phrases.score import Score

_KICK, _RIM, _SNARE, _CLOSED_HAT, _FOOT_HAT, _OPEN_HAT = 36, 37, 38, 42, 44, 46
_TOMS = (50, 48, 47, 45, 43, 41)  # high to low
_CRASH, _RIDE = 49, 51
_GROOVES = (  # one bar of four beats; X is an accent
    {_KICK: "X.......X.......", _SNARE: "....X.......X...", _CLOSED_HAT: "x.x.x.x.x.x.x.x."},
    {_KICK: "X.....x.X.......", _SNARE: "....X.......X...", _CLOSED_HAT: "X.x.X.x.X.x.X.x."},
    {
        _KICK: "X..x..x...x.....",
        _SNARE: "....X..x.x..X..x",
        _CLOSED_HAT: "xxxxxxxxxxxxxx..",
        _OPEN_HAT: "..............x.",
    },
    {_KICK: "X...X...X...X...", _SNARE: "....X.......X...", _OPEN_HAT: "..x...x...x...x."},
    {_KICK: "X..x....X..x....", _RIM: "...x..x...x.x...", _RIDE: "x.xxx.xxx.xxx.xx"},
    {_KICK: "X..x..X..x..", _SNARE: "...X.....X..", _CLOSED_HAT: "x.xx.xx.xx.x"},
    {_KICK: "x.....x.....", _FOOT_HAT: "...x.....x..", _RIDE: "X..x.xX..x.x", _SNARE: ".....x..x..."},
    {_KICK: "X.....X..x..", _SNARE: "......X.....", _RIDE: "x.xx.xx.xx.x"},
)


def groove(score: Score) -> None:
    """Keep time, with a fill over the toms and a crash every fourth bar."""
    groove = _GROOVES[score.generator.integers(len(_GROOVES))]
    for number, (bar, _) in enumerate(score.bars(4)):
        is_fill = number % 4 == 3
        for key, pattern in groove.items():
            for index, mark in enumerate(pattern):
                at = index * 4 / len(pattern)
                if mark != "." and not (is_fill and at >= 2):
                    score.play(key, bar + at, 0.2, accent=12 if mark == "X" else -8)
        if is_fill:
            _fill(score, bar + 2, 2)
        elif number % 4 == 0 and (number or score.generator.random() < 0.3):
            score.play(_CRASH, bar, 1, accent=12)


def _fill(score: Score, at: float, beats: int) -> None:
    for index in range(4 * beats):
        if score.generator.random() < 0.85:
            key = _SNARE if index < 2 else _TOMS[min(index * len(_TOMS) // (4 * beats), len(_TOMS) - 1)]
            score.play(key, at + index * 0.25, 0.2, accent=4 + index)


def solo(score: Score) -> None:
    """Play around the set freely, bar by bar: fills, hits on kick and crash, rolls."""
    for bar, _ in score.bars(2):
        choice = score.generator.integers(3)
        if choice == 0:
            _fill(score, bar, 2)
        elif choice == 1:
            for index in range(6):
                key = (_SNARE, *_TOMS)[score.generator.integers(7)] if index % 3 < 2 else _KICK
                score.play(key, bar + index / 3, 0.2, accent=10 if index % 3 == 0 else -4)
        else:
            for index in range(16):
                score.play(_SNARE, bar + index / 8, 0.1, accent=index - 14)
        if score.generator.random() < 0.5:
            score.play(_CRASH, bar, 1, accent=10)
            score.play(_KICK, bar, 0.2, accent=10)


def rudiments(score: Score) -> None:
    """Practise paradiddles on the snare, then with the accents on toms, over kick and hi-hat."""
    for number, (bar, _) in enumerate(score.bars(4)):
        for index in range(16):
            is_accent = index % 8 in (0, 4)
            key = _TOMS[2 * (index // 4) % 5] if is_accent and number % 4 >= 2 else _SNARE
            score.play(key, bar + index * 0.25, 0.15, accent=14 if is_accent else -16)
        for beat in range(4):
            score.play(_KICK if beat % 2 == 0 else _FOOT_HAT, bar + beat, 0.2, accent=-6)
