"""The report's figures, each from a table or arrays; a ValueError says in one line what cannot be shown."""

from instrec_utils.report.figures.corpus import (
    before_and_after,
    class_balance,
    condition_shares,
    durations,
    frame_rates,
    frame_strip,
    held_out_shares,
    spectrograms,
)
from instrec_utils.report.figures.curves import costs, frame_counts, history, robustness
from instrec_utils.report.figures.drawn import drawn_values
from instrec_utils.report.figures.scores import confusions, intervals, per_class, scores_by_condition
from instrec_utils.report.figures.style import MAX_BYTES, Drawing

__all__ = [
    "MAX_BYTES", "Drawing", "before_and_after", "class_balance", "condition_shares", "confusions", "costs",
    "drawn_values", "durations", "frame_counts", "frame_rates", "frame_strip", "held_out_shares", "history",
    "intervals", "per_class", "robustness", "scores_by_condition", "spectrograms",
]  # fmt: skip
