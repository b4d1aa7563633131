"""The figure of the first page: the networks, drawn from the layers that the code builds.

What is drawn of the layers lies beside the pages as a file, so that drawing needs no Keras; a test builds the networks
and compares. One drawing lies, for wide pages, one stands, for narrow ones; both are vectors in a page's HTML, whose
text has the page's colour, light or dark. A third is the picture that is shown with the address of the book.
"""

import html
import itertools
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from instrec_utils import files, models
from instrec_utils.config import CHOI2016
from instrec_utils.report import words

Layers = dict[str, Any]

ALT = (
    "Two branches and what joins them. Audio: a video's sound becomes a spectrogram, of which convolutions and a "
    "dense layer make one vector. Visual: each of k frames goes through one network and becomes a vector. Fusion: all "
    "vectors are joined, and dense layers follow. Each of the three ends in an answer of its own."
)
WIDE, UPRIGHT = "wide", "upright"


class Box(NamedTuple):
    """A step of a kind of model: what it says in lines, and where it is, in pixels."""

    kind: str
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float = 48


class Drawing(NamedTuple):
    """Boxes, arrows from one box's number to another's, and the size in pixels."""

    boxes: list[Box]
    arrows: list[tuple[int, int]]
    width: int
    height: int


def read_layers() -> Layers:
    """Return what is drawn of the networks, from the layers that `models` builds: lists and numbers."""
    audio, frame = models.build("choi2016", 2), {}
    for name in ("efficientnet_lite0", "inception_frames"):
        frame[name] = models.architecture_named(name).build_backbone(None)  # type: ignore[misc]
    convolutions = [layer for layer in audio.layers if hasattr(layer, "filters")]
    sizes = {name: network.output_shape[-1] for name, network in frame.items()}
    joined = {
        "num_frames": 1,
        "frame_features": sizes["efficientnet_lite0"],
        "audio_features": audio.get_layer("embedding").units,
    }
    fusion = models.build("late_fusion", 2, **joined)
    after = [layer for layer in fusion.layers if type(layer).__name__ in ("Concatenate", "BatchNormalization", "Dense")]
    return {
        "spectrogram": list(audio.input_shape[1:]),
        "convolutions": [[layer.filters, *layer.kernel_size] for layer in convolutions],
        "audio_vector": audio.get_layer("embedding").units,
        "frame": list(frame["efficientnet_lite0"].input_shape[1:]),
        "frame_vectors": sizes,
        "fusion": [[type(layer).__name__, getattr(layer, "units", 0)] for layer in after][:-1],  # without the classes
    }


def figure(layers: Layers) -> str:
    """Return the figure as HTML, of which a page's width shows one drawing."""
    drawn = "".join(svg(drawing, name) for name, drawing in drawings(layers).items())
    other = layers["frame_vectors"]["inception_frames"]
    caption = (
        "The networks, drawn from the code that builds them, after the paper's Figure 1. Audio and visual answer by "
        "themselves; the fusion learns from the vectors just before their answers. In the place of EfficientNet-Lite0 "
        f"the paper has Inception v3, whose vector of a frame has {other:,} values."
    )
    return f'<figure class="instrec diagram">{drawn}<figcaption><p>{caption}</p></figcaption></figure>\n'


def drawings(layers: Layers) -> dict[str, Drawing]:
    """Return the lying and the standing drawing, by name."""
    return {WIDE: _lying(_texts(layers)), UPRIGHT: _standing(_texts(layers))}


def _texts(layers: Layers) -> dict[str, tuple[str, ...]]:
    rows, columns = layers["spectrogram"]
    filters = ", ".join(str(one[0]) for one in layers["convolutions"])
    kernel = " × ".join(str(size) for size in layers["convolutions"][0][1:])
    dense = [units for name, units in layers["fusion"] if name == "Dense"]
    sizes = dict.fromkeys(dense)
    normal = any(name == "BatchNormalization" for name, _ in layers["fusion"])
    height, width, _ = layers["frame"]
    return {
        "sound": ("Sound", f"{CHOI2016.sample_rate / 1000:g} kHz"),
        "spectrogram": ("Spectrogram", f"{rows} × {columns:,}"),
        "convolutions": (f"{words.counted(len(layers['convolutions']), 'convolution')} {kernel}", filters),
        "audio_vector": ("Dense layer", f"{layers['audio_vector']:,} values"),
        "audio": ("Audio", "answers"),
        "frames": ("k frames", "drawn"),
        "frame": ("Each frame", f"{height} × {width}"),
        "network": ("EfficientNet-Lite0", "the same for all"),
        "vectors": ("k vectors", f"{layers['frame_vectors']['efficientnet_lite0']:,} values"),
        "visual": ("Visual", "answers"),
        "joined": ("Joined", "normalised") if normal else ("Joined",),
        "dense": (words.counted(len(dense), "dense layer"), f"{', '.join(f'{units:,}' for units in sizes)} values"),
        "fusion": ("Fusion", "answers"),
    }


def _lying(texts: dict[str, tuple[str, ...]]) -> Drawing:
    """Return the drawing for wide pages."""
    places = [(0, 96), (118, 104), (244, 162), (428, 104), (556, 92), (668, 112), (800, 80)]
    rows = {"audio": 4.0, "fusion": 96.0, "visual": 188.0}
    named = {
        "audio": ["sound", "spectrogram", "convolutions", "audio_vector", None, None, "audio"],
        "visual": ["frames", "frame", "network", "vectors", None, None, "visual"],
        "fusion": [None, None, None, None, "joined", "dense", "fusion"],
    }
    boxes = {
        name: Box(kind, texts[name], x, rows[kind], width)
        for kind, names in named.items()
        for name, (x, width) in zip(names, places, strict=True)
        if name
    }
    return Drawing(list(boxes.values()), _arrows(list(boxes)), 880, 240)


def _standing(texts: dict[str, tuple[str, ...]]) -> Drawing:
    """Return the drawing for narrow pages."""
    left = ["sound", "spectrogram", "convolutions", "audio_vector"]
    right = ["frames", "frame", "network", "vectors"]
    boxes: dict[str, Box] = {}
    for kind, names, x in (("audio", left, 0), ("visual", right, 170)):
        boxes |= {name: Box(kind, texts[name], x, 4 + 72 * number, 160) for number, name in enumerate(names)}
    boxes |= {
        "audio": Box("audio", texts["audio"], 0, 310, 92),
        "visual": Box("visual", texts["visual"], 238, 310, 92),
        "joined": Box("fusion", texts["joined"], 112, 310, 106),
        "dense": Box("fusion", texts["dense"], 90, 382, 150),
        "fusion": Box("fusion", texts["fusion"], 112, 454, 106),
    }
    return Drawing(list(boxes.values()), _arrows(list(boxes)), 330, 506)


def _arrows(names: list[str]) -> list[tuple[int, int]]:
    chains = (
        ("sound", "spectrogram", "convolutions", "audio_vector", "audio"),
        ("frames", "frame", "network", "vectors", "visual"),
        ("audio_vector", "joined", "dense", "fusion"),
        ("vectors", "joined"),
    )
    pairs = dict.fromkeys(pair for chain in chains for pair in itertools.pairwise(chain))
    return [(names.index(first), names.index(second)) for first, second in pairs]


def _ends(first: Box, second: Box) -> tuple[float, float, float, float]:
    """Return where an arrow begins and ends: it leaves a box to the right, or where the other is below, downwards."""
    if second.x >= first.x + first.width:
        # Two that come from above and below end side by side.
        end = second.y + second.height / 2 + 8 * ((first.y > second.y) - (first.y < second.y))
        return first.x + first.width, first.y + first.height / 2, second.x - 3, end
    middle = second.x + second.width / 2
    begin = min(max(middle, first.x + 20), first.x + first.width - 20)
    end = min(max(begin, second.x + 10), second.x + second.width - 10)
    return begin, first.y + first.height, end, second.y - 3


def svg(drawing: Drawing, name: str) -> str:
    """Return a drawing as SVG for a page, whose text has the colour of the page's."""
    parts = [
        f'<svg class="diagram-{name}" viewBox="0 0 {drawing.width} {drawing.height}" role="img" '
        f'aria-labelledby="diagram-{name}-title" xmlns="http://www.w3.org/2000/svg" font-size="13" '
        f'text-anchor="middle"><title id="diagram-{name}-title">{html.escape(ALT)}</title>'
        f'<defs><marker id="diagram-{name}-tip" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="6" markerHeight="6" '
        f'orient="auto"><path d="M0 0L6 3L0 6Z" fill="currentColor"/></marker></defs>'
    ]
    for first, second in drawing.arrows:
        x1, y1, x2, y2 = _ends(drawing.boxes[first], drawing.boxes[second])
        tip = f'stroke="currentColor" marker-end="url(#diagram-{name}-tip)"'
        parts.append(f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" {tip}/>')
    for box in drawing.boxes:
        colour = words.KINDS[box.kind].colour
        parts.append(
            f'<rect x="{box.x + 1:g}" y="{box.y:g}" width="{box.width - 2:g}" height="{box.height:g}" rx="5" '
            f'fill="{colour}" fill-opacity="0.15" stroke="{colour}" stroke-width="1.5"/>'
        )
        for number, line in enumerate(box.lines):
            weight = ' font-weight="600"' if number == 0 else ""
            x, y = box.x + box.width / 2, box.y + 20 + 18 * number
            parts.append(f'<text x="{x:g}" y="{y:g}" fill="currentColor"{weight}>{html.escape(line)}</text>')
    return "".join([*parts, "</svg>"])


def write_preview(layers: Layers, title: str, path: Path) -> None:
    """Write the picture that is shown with an address: 1200 x 630 pixels, a title above the lying drawing."""
    drawing, scale = drawings(layers)[WIDE], 1.25
    picture = Figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    axes = picture.add_axes((0, 0, 1, 1), xlim=(-50 / scale, 1150 / scale), ylim=(310, 310 - 630 / scale))
    axes.set_axis_off()
    axes.text(drawing.width / 2, -96, title, fontsize=27, ha="center", wrap=True, color="#222222")
    for first, second in drawing.arrows:
        x1, y1, x2, y2 = _ends(drawing.boxes[first], drawing.boxes[second])
        axes.annotate("", (x2, y2), (x1, y1), arrowprops={"arrowstyle": "-|>", "color": "#222222"})
    for box in drawing.boxes:
        colour = words.KINDS[box.kind].colour
        style: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=5", "facecolor": f"{colour}26"}
        place = ((box.x + 1, box.y), box.width - 2, box.height)
        axes.add_patch(FancyBboxPatch(*place, **style, edgecolor=colour, linewidth=1.8))
        for number, line in enumerate(box.lines):
            weight, y = ("normal" if number else "bold"), box.y + 20 + 18 * number
            axes.text(box.x + box.width / 2, y, line, fontsize=11, ha="center", weight=weight, color="#222222")
    # What it was made of, so that a test can tell whether it is still that.
    with files.whole(path) as temporary:
        picture.savefig(temporary, format="png", metadata={"Description": preview_key(layers, title), "Software": None})


def preview_key(layers: Layers, title: str) -> str:
    """Return what identifies what a preview shows."""
    return files.sha256_of([title, svg(drawings(layers)[WIDE], WIDE)])
