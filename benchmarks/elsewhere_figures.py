"""The figures of the page "Elsewhere": right answers by class, reliability, and what is refused as none of these."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from instrec_utils.report.figures import style
from instrec_utils.report.words import KINDS

GREY = "#767676"
LOOKS = {  # of methods: colour, marker
    "audio, the report's own": (GREY, "x"),
    "audio, own network": ("#e69f00", "D"),
    "audio, AudioSet's tags": ("#56b4e9", "v"),
    "audio": (KINDS["audio"].colour, KINDS["audio"].marker),
    "visual, ImageNet's classes": ("#cc79a7", "^"),
    "visual": (KINDS["visual"].colour, KINDS["visual"].marker),
}


@style.drawn
def by_label(found: dict[str, Any], titles: dict[str, str], *, width: float) -> Figure:
    """Show Hit@1 of phrases and of photographs by class, with intervals where there are several collections."""
    figure, panels = style.panels(2, 2, 5.4, width)
    for axes, kind in zip(panels, ("phrase", "photograph"), strict=True):
        rows = [row for row in found["by_label"] if row["kind"] == kind]
        methods = [name for name in LOOKS if any(row["method"] == name for row in rows)]
        labels = sorted({row["label"] for row in rows})
        for method, moved in zip(methods, style.set_apart(len(methods), 0.25), strict=True):
            colour, marker = LOOKS[method]
            own = [row for row in rows if row["method"] == method]
            places = [labels.index(row["label"]) + moved for row in own]
            for row, place in zip(own, places, strict=True):
                ends = [100 * row["hit_at_1"].get(end, row["hit_at_1"]["value"]) for end in ("low", "high")]
                axes.plot(ends, [place, place], color=colour, linewidth=1.6)
            values = [100 * row["hit_at_1"]["value"] for row in own]
            axes.plot(values, places, marker, color=colour, markersize=5, label=titles[method].partition(": ")[2])
        counts = {row["label"]: row["files"] for row in rows}
        axes.set_yticks(range(len(labels)), [f"{label} ({counts[label]})" for label in labels])
        axes.set(xlabel="Hit@1 in %", xlim=(-4, 104), title=f"{kind}s")
        style.finish_rows(axes)
        axes.legend(loc="upper center", bbox_to_anchor=(0.4, -0.1), fontsize=8, frameon=False)
    return figure


@style.drawn
def reliability(found: dict[str, Any], heads: dict[str, Any], *, width: float) -> Figure:
    """Show how often the highest probability is right: of held-out sources, and elsewhere."""
    figure, panels = style.panels(2, 2, 3.3, width)
    names = {"audio": "efficientat_mn04", "visual": "efficientnet_lite0"}
    for axes, (modality, name) in zip(panels, names.items(), strict=True):
        axes.plot([0, 1], [0, 1], **style.DASHES)
        _draw_bins(axes, heads[name]["reliability"], GREY, "s", "held-out sources")
        own = found["calibration"][modality]["reliability"]
        _draw_bins(axes, own, KINDS[modality].colour, KINDS[modality].marker, "elsewhere")
        axes.set(xlabel="highest probability", xlim=(0, 1), ylim=(0, 1), title=modality, aspect="equal")
        axes.legend(loc="lower right", fontsize=8, markerscale=0.6)
    panels[0].set_ylabel("share that is right")
    return figure


def _draw_bins(axes: Axes, bins: list[dict[str, float]], colour: str, marker: str, label: str) -> None:
    total = sum(one["examples"] for one in bins)
    scores, right = [one["score"] for one in bins], [one["right"] for one in bins]
    axes.plot(scores, right, color=colour, linewidth=1)
    sizes = [15 + 250 * one["examples"] / total for one in bins]
    axes.scatter(scores, right, s=sizes, color=colour, marker=marker, label=label, alpha=0.7)


@style.drawn
def open_set(found: dict[str, Any], *, width: float) -> Figure:
    """Show which share of what is unknown is refused, against the share of what is known that is refused with it."""
    figure, panels = style.panels(2, 2, 3.3, width)
    for axes, modality in zip(panels, ("audio", "visual"), strict=True):
        for score, label, line in (("none", 'probability of "none"', "-"), ("unsure", "one minus the highest", "--")):
            curve = found["open_set"][modality][score]["curve"]
            axes.plot(curve["known"], curve["unknown"], line, color=KINDS[modality].colour, label=label)
        axes.axvline(1 - found["open_set"]["kept"], **style.DASHES)
        axes.set(xlabel="known files that are refused", xlim=(0, 1), ylim=(0, 1.02), title=modality)
        axes.legend(loc="lower right", fontsize=8)
    panels[0].set_ylabel("unknown files that are refused")
    return figure
