"""The figure of timelines: what its panels are called, how long they are, and that there is room for all of them."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import tiny_heads

from instrec_utils import letters
from instrec_utils.recognise import timeline
from instrec_utils.recognise.heads import OUTCOMES
from instrec_utils.recognise.recogniser import Recognition

JUDGES = {"audio": tiny_heads.audio_judge()}


def recognition(path="a.mp4", *, seconds=10.0, num_steps=3):
    windows = np.full((num_steps, len(OUTCOMES)), 0.01)
    windows[:, OUTCOMES.index("cello")] = 0.9
    return Recognition(Path(path), seconds, JUDGES, (), windows, None)


def written(folder, monkeypatch, *names):
    """The figure that is written of videos."""
    drawn, draw = [], timeline.draw
    monkeypatch.setattr(timeline, "draw", lambda *given, **more: drawn.append(draw(*given, **more)) or drawn[-1])
    timeline.write_timeline(folder / "out.png", [(name, recognition("0.mp4")) for name in names], 3)
    return drawn[0]


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes[::2]]  # audio and "both" of each video


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["films/a.mp4"], ["a.mp4"]),
        (["https://example.org/v?a=1"], ["https://example.org/v?a=1"]),
        (["films/a.mp4", "songs/a.mp4", "b.mp4"], ["films/a.mp4", "songs/a.mp4", "b.mp4"]),
        (["$e$\x1b\udcff.mp4"], [r"$e$\x1b\xff.mp4"]),
        (["x" * 300], [f"{'x' * 53}…{'x' * 27}"]),
    ],
    ids=["file", "address", "same names", "no text", "long"],
)
def test_a_panel_has_the_name_that_tells_its_video_from_others(tmp_path, monkeypatch, recwarn, names, shown):
    assert titles(written(tmp_path, monkeypatch, *names)) == [f"{one}: audio" for one in shown]
    assert not [str(one.message) for one in recwarn]


def test_letters_that_no_font_has_are_their_numbers_without_a_warning(tmp_path, monkeypatch, recwarn):
    monkeypatch.setattr(letters, "can_draw", lambda letter: ord(letter) < 0x3000)
    assert titles(written(tmp_path, monkeypatch, "二胡 solo.mp4")) == ["U+4E8C U+80E1 solo.mp4: audio"]
    assert not [str(one.message) for one in recwarn]


def test_a_panel_is_as_long_as_its_video_and_its_dots_are_inside():
    axes, _ = timeline.draw([recognition(seconds=1.0, num_steps=1)]).axes
    assert axes.get_xlim() == (0, 1)
    assert axes.lines[0].get_xdata().tolist() == [0.5]
    axes, _ = timeline.draw([recognition(seconds=10.0)]).axes
    assert axes.lines[0].get_xdata().tolist() == [2, 6, 9]
    axes, _ = timeline.draw([recognition(seconds=0.0, num_steps=1)]).axes
    assert 0 < axes.lines[0].get_xdata()[0] < axes.get_xlim()[1]


def test_there_is_room_for_many_videos(tmp_path, monkeypatch, recwarn):
    figure = written(tmp_path, monkeypatch, *(f"{number}.mp4" for number in range(12)))
    assert not [str(one.message) for one in recwarn]
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes))
    assert min(axes.get_window_extent().height for axes in figure.axes) >= 10  # pixels
