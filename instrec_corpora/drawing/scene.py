"""One clip's pictures, and the sheet of stills that shows what the corpus looks like."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from instrec_corpora.drawing.design import pick
from instrec_corpora.drawing.figures import Person
from instrec_corpora.drawing.instruments import INSTRUMENTS
from instrec_corpora.drawing.views import View, cutaway_view, instrument_view
from instrec_utils.config import LABELS, Conditions

CUTAWAY_SHARE = (0.12, 0.3)  # of the time of a clip whose instrument is otherwise in sight
STRETCH_SECONDS = 12.0  # about one visible stretch and one cutaway in this time


class Scene:
    """One clip's pictures: layout fixed by the generator at construction, animated over time.

    Parameters
    ----------
    label : str
        One of `instrec_utils.config.LABELS`.
    duration : float [seconds, > 0]
    generator : np.random.Generator
        Fixes everything; the label never changes what is drawn around the instrument.
    condition : str
        One of the keys of `instrec_utils.config.Conditions().picture`.
    companion : str or None
        Label of the instrument beside it, for the condition "accompanied" and no other.
    size : tuple of 2 int [pixels]
        Width and height.

    Raises
    ------
    ValueError
        For an unknown label, condition or companion, or a duration that is not positive.
    """

    def __init__(
        self,
        label: str,
        duration: float,
        generator: np.random.Generator,
        *,
        condition: str = "clear",
        companion: str | None = None,
        size: tuple[int, int] = (320, 240),
    ) -> None:
        _check(label, duration, condition, companion)
        self.duration = float(duration)
        self.size = size
        # Independent streams, so that what one draws never shifts what another one draws.
        timeline, layout, looks, other = (np.random.default_rng(seed) for seed in generator.integers(0, 2**63, 4))
        self._starts, self._views = _timeline(self.duration, timeline, absent=condition == "absent")
        self._blur = _blur(layout) if condition == "blurred" else None
        self._condition = condition
        self._design, self._player = INSTRUMENTS[label](looks), Person.random(layout)
        self._beside = None if companion is None else (INSTRUMENTS[companion](other), Person.random(other))
        self._seeds = {view: int(layout.integers(0, 2**63)) for view in itertools.product((True, False), range(2))}
        self._drawn: dict[tuple[bool, int], View] = {}

    def visible(self, time: float) -> bool:
        """Return whether the instrument is meant to be in sight at `time` seconds."""
        return self._views[self._index(time)][0]

    def frame(self, time: float) -> np.ndarray:
        """Return the picture at a time.

        Parameters
        ----------
        time : float [seconds]
            Outside the clip its first or its last view is shown.

        Returns
        -------
        np.ndarray [shape=(height, width, 3), uint8]
            RGB.
        """
        picture = self._view(self._views[self._index(time)]).frame(time, self.size)
        if self._blur is not None:
            picture = cv2.GaussianBlur(picture, (0, 0), sigmaX=self._blur[0], sigmaY=self._blur[1])
        return picture

    def _view(self, which: tuple[bool, int]) -> View:
        """Return a view, drawn when it is first needed."""
        if which not in self._drawn:
            generator = np.random.default_rng(self._seeds[which])
            if which[0]:
                self._drawn[which] = instrument_view(
                    self._design, self._player, generator, self.size, condition=self._condition, beside=self._beside
                )
            else:
                self._drawn[which] = cutaway_view(generator, self.size)
        return self._drawn[which]

    def _index(self, time: float) -> int:
        return max(0, int(np.searchsorted(self._starts, time, side="right")) - 1)


def _check(label: str, duration: float, condition: str, companion: str | None) -> None:
    conditions = tuple(Conditions().picture)
    if label not in LABELS:
        raise ValueError(f"label must be one of {', '.join(LABELS)}, got {label!r}")
    if condition not in conditions:
        raise ValueError(f"condition must be one of {', '.join(conditions)}, got {condition!r}")
    if (companion is not None) != (condition == "accompanied"):
        raise ValueError(
            f"companion must be given for the condition 'accompanied' and for no other, "
            f"got condition {condition!r} and companion {companion!r}"
        )
    if companion is not None and (companion not in LABELS or companion == label):
        allowed = ", ".join(other for other in LABELS if other != label)
        raise ValueError(f"companion must be one of {allowed}, got {companion!r}")
    if not 0 < duration < float("inf"):
        raise ValueError(f"duration must be a positive number of seconds, got {duration!r}")


def _timeline(
    duration: float, generator: np.random.Generator, *, absent: bool
) -> tuple[np.ndarray, list[tuple[bool, int]]]:
    """Return the starts of the shots in seconds, and of each whether the instrument is seen and which view it is."""
    pairs = max(1, round(duration / STRETCH_SECONDS))
    share = generator.uniform(*CUTAWAY_SHARE)
    lengths, views = [], []
    first = bool(generator.random() < 0.7)
    weights = generator.dirichlet(np.full(pairs, 6.0)), generator.dirichlet(np.full(pairs, 6.0))
    for pair in range(pairs):
        for seen in (first, not first):
            length = duration * weights[seen][pair] * ((1 - share) if seen else share)
            # A visible stretch is cut once, to another view of the same instrument.
            cut = generator.uniform(0.35, 0.65) if seen else 1.0
            for number, part in enumerate((cut, 1 - cut) if seen else (cut,)):
                lengths.append(length * part)
                views.append((seen and not absent, number if seen else pair % 2))
    starts = np.concatenate([[0.0], np.cumsum(lengths)[:-1]])
    return starts, views


def _blur(generator: np.random.Generator) -> tuple[float, float]:
    """Return the horizontal and the vertical blur in pixels: out of focus, or moved too fast."""
    strong = generator.uniform(5.0, 9.0)
    focus = generator.uniform(2.6, 4.6)
    return pick(generator, ((focus, focus), (focus, focus), (strong, 1.2), (1.2, strong)))


def contact_sheet(generator: np.random.Generator, *, per_label: int = 2, tile: int = 220) -> np.ndarray:
    """Return stills of every label on one sheet.

    Each label is a column of stills, seven columns a row, with the label below each still.

    Parameters
    ----------
    generator : np.random.Generator
    per_label : int [stills, >= 1]
    tile : int [pixels]
        Width of a still.

    Returns
    -------
    np.ndarray [shape=(height, width, 3), uint8]
        RGB, 1588 pixels wide unless `tile` says otherwise.
    """
    width, height, gap, caption = tile, round(tile * 0.75), 6, 24
    columns = 7
    rows = -(-len(LABELS) // columns) * per_label
    cell = (height + caption + gap, width + gap)
    sheet = np.full((rows * cell[0] + gap, columns * cell[1] + gap, 3), 255, np.uint8)
    for index, label in enumerate(LABELS):
        for number in range(per_label):
            scene = Scene(label, 20.0, np.random.default_rng(generator.integers(0, 2**63)))
            times = [time for time in np.arange(0.5, 20, 0.5) if scene.visible(time)]
            still = cv2.resize(scene.frame(times[len(times) // 3]), (width, height), interpolation=cv2.INTER_AREA)
            top = (index // columns * per_label + number) * cell[0] + gap
            left = index % columns * cell[1] + gap
            sheet[top : top + height, left : left + width] = still
            (text_width, _), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)
            spot = (left + (width - text_width) // 2, top + height + 17)
            cv2.putText(sheet, label, spot, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (40, 40, 40), 1, cv2.LINE_AA)
    return sheet
