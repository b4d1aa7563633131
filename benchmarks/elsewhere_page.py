"""Write the page "Elsewhere" and what the model card says of tests: every number on them comes from result files.

``python benchmarks/elsewhere_page.py``; `make publish CORPUS=benchmarks` puts both into the book, with the figures.
What was measured is in ``results/benchmarks/elsewhere.json`` and ``recogniser.json``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import elsewhere_figures

from instrec_utils import files, paths
from instrec_utils.training.result_files import find_result, read_json

METHODS = {
    "audio, the report's own": "Audio: Choi 2016 of this report",
    "audio, own network": "Audio: instrec's own, without a download",
    "audio, AudioSet's tags": "Audio: mn04, AudioSet's tags",
    "audio": "Audio: mn04 with the head",
    "visual, ImageNet's classes": "Visual: Lite0, ImageNet's classes",
    "visual": "Visual: Lite0 with the head",
    "both, own classes": "Both, by the networks' own classes",
    "both": "Both, with the heads",
}
KINDS = {"phrase": "Phrases", "photograph": "Photographs", "all clips": "Clips"}
HEADS = {"audio": "efficientat_mn04", "visual": "efficientnet_lite0"}
FIGURES = Path("_static") / "elsewhere"
BEFORE = 0.8485  # of photographs by the visual head, in results/benchmarks/elsewhere.json at commit 55b333e
BEGIN, END = "<!-- Written by benchmarks/elsewhere_page.py. -->", "<!-- End. -->"


def read_measured() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what was measured elsewhere, and what the heads were told of held-out sources."""
    elsewhere, heads = (read_json(find_result("benchmarks", name)) for name in ("elsewhere", "recogniser"))
    return elsewhere, heads


def page(found: dict[str, Any], heads: dict[str, Any]) -> str:
    """Return the page in Markdown."""
    parts = (_introduction(found), _by_kind(found), _by_source(found), _failures(found), _held_out(heads))
    later = (_decided(heads), _calibration(found, heads), _open_set(found), _several(found), _provenance(found, heads))
    return "\n\n".join((*parts, *later))


def table(titles: list[str], rows: list[list[str]]) -> str:
    """Return a table in Markdown, numbers on the right."""
    lines = [f"| {' | '.join(titles)} |", f"|:--|{'--:|' * (len(titles) - 1)}"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def percent(share: dict[str, float] | float) -> str:
    """Return a share in %, with its interval if it has one."""
    if not isinstance(share, dict):
        return f"{100 * share:.1f}"
    ends = f" ({100 * share['low']:.1f}–{100 * share['high']:.1f})" if "low" in share else ""
    return f"{100 * share['value']:.1f}{ends}"


def row_of(found: dict[str, Any], method: str, kind: str) -> dict[str, Any] | None:
    """Return the shares of a method of files of a kind; None if it was not asked."""
    rows = (row for row in found["by_kind"] if (row["method"], row["kind"]) == (method, kind))
    return next(rows, None)


def _introduction(found: dict[str, Any]) -> str:
    kinds = Counter({row["path"]: row["kind"] for row in found["files"]}.values())
    collections = len({row["collection"] for row in found["files"] if row["kind"] == "phrase"})
    return f"""# Elsewhere

<!-- Written by benchmarks/elsewhere_page.py from result files. Do not edit. -->

How far does a recogniser carry over to recordings and pictures that look and sound like nothing that it learned from?
Accuracy inside one collection says next to nothing about that. So this page measures on {kinds["phrase"]} phrases of
{collections} collections, {kinds["photograph"]} photographs of players, all of one conservatory, and
{sum(kinds[kind] for kind in kinds if kind.startswith("clip"))} clips, of which {kinds["clip-duo"]} show two instruments
at once and {kinds["clip-silent"]} have no sound. Nothing was trained on them. Most of the collections state no
licence: the files are downloaded when they are measured with, and none is shown here.

Two networks that others trained answer. *mn04* is EfficientAT mn04 {{cite:p}}`schmid2023`, which was trained on the
sound of AudioSet {{cite:p}}`gemmeke2017`, and *Lite0* is EfficientNet-Lite0 {{cite:p}}`tan2019`, which was trained on
the pictures of ImageNet. Each answers in two ways: by its own classes, those of AudioSet or ImageNet that name an
instrument, or with the *head* that was trained here, which makes of the values that the network computes how likely
each of the 13 instruments is, and how likely none of them. *instrec's own* is a smaller audio network that was trained
here and comes with the package, for a machine that cannot download mn04. The [model card](model_card.md) says what all
of them learned from."""


def _by_kind(found: dict[str, Any]) -> str:
    tables = []
    for kind, title in KINDS.items():
        rows = []
        for method, name in METHODS.items():
            if row := row_of(found, method, kind):
                rows.append([name, percent(row["hit_at_1"]), percent(row["hit_at_3"]), str(row["files"])])
        tables += [table([title, "Hit@1", "Hit@3", "files"], rows), ""]
    run = found["reported_run"]
    own = f"The report's own network is the run `{run}`; it knows neither cello nor organ, which it never answers."
    own = own if run else "No finished run of the corpus *open* was there: the report's own network has no row."
    return f"""## What each method answers

{chr(10).join(tables)}
Everything is in %. Intervals, in brackets, are of 95 % and resample the collections, as files of one are alike; of a
single collection there is none. {own} AudioSet's tags and ImageNet's classes answer without a head, by their names; of
the clarinet ImageNet has none. A clip without sound is answered by its frames, by "both" as well. Of two instruments
either is right. The phrases were once checked with another network that was trained on AudioSet, and clear
contradictions left out, which flatters AudioSet's tags."""


def _by_source(found: dict[str, Any]) -> str:
    rows = [row for row in found["by_collection"] if row["method"] in METHODS]
    places = sorted({(row["kind"], row["collection"], row["files"]) for row in rows})
    shares = {(row["method"], row["kind"], row["collection"]): row["hit_at_1"]["value"] for row in rows}
    lines = []
    for kind, collection, number in places:
        cells = [shares.get((method, kind, collection)) for method in METHODS]
        lines.append([f"{kind}: {collection}", str(number), *("–" if one is None else percent(one) for one in cells)])
    titles = [title.replace("Audio: ", "").replace("Visual: ", "") for title in METHODS.values()]
    return f"""## By source and by class

{table(["Collection, Hit@1 in %", "files", *titles], lines)}

:::{{figure}} {FIGURES}/by_label.svg
:figclass: instrec drawn
:name: elsewhere-by-label
:alt: {_alt_by_label(found)}

Hit@1 by class, with the number of files. Lines are intervals over the collections; a class whose files are all of one
collection has none.

{_narrow("by_label")}
:::"""


def _alt_by_label(found: dict[str, Any]) -> str:
    parts = []
    for method, kind in (("audio", "phrase"), ("visual", "photograph")):
        rows = [row for row in found["by_label"] if (row["method"], row["kind"]) == (method, kind)]
        worst = min(rows, key=lambda row: row["hit_at_1"]["value"])
        share = percent(worst["hit_at_1"]["value"])
        parts.append(f"with the {method} head {worst['label']} is lowest of the {kind}s, at {share} %")
    return "Two panels of dots by class; " + "; ".join(parts) + "."


def _failures(found: dict[str, Any]) -> str:
    wrong = [row for row in found["files"] if not row["hit_at_1"] and row["method"] in ("audio", "visual", "both")]
    counted = Counter((METHODS[row["method"]], row["kind"], row["label"], row["answer"]) for row in wrong)
    rows = [[*key, str(number)] for key, number in sorted(counted.items(), key=lambda one: (-one[1], one[0]))]
    return f"""## What is taken for what

Every wrong first answer with the heads:

{table(["Method", "Kind", "It is", "The answer", "files"], rows)}"""


def _held_out(heads: dict[str, Any]) -> str:
    rows = []
    for modality, name in HEADS.items():
        for source, row in heads[name]["held_out"].items():
            shares = [percent(row[key]) for key in ("hit_at_1", "own_hit_at_1", "hit_at_3")]
            refused = [f"{row[key]:.3f}" if row.get(key) else "–" for key in ("none_auc", "unseen_auc")]
            error = percent(row["calibration_error"])
            rows.append([f"{modality}: {source}", str(row["examples"]), *shares, error, *refused])
    titles = ["examples", "Hit@1", "own classes", "Hit@3", "calibration error", '"none", AUC', "unseen, AUC"]
    return f"""## Beside it: sources of the training material, each held out

A head learns from all sources but one, and is told examples of that one: four seconds of a phrase, of a tune or of a
single recorded note, or a photograph, as it is or as a slide shows it. By this penalties were chosen and probabilities
calibrated. Visual material has one collection, whose photographs are held out by what is behind the instrument: plain
white, or scenery.

{table(["Held out", *titles], rows)}

In %, but for the last two, which are areas under the curve ({{term}}`AUC`): how often an example of what is none of the
instruments has a higher probability of "none" than an instrument's, of all such material, and of harp, tuba and sitar,
of which nothing was learned."""


def _decided(heads: dict[str, Any]) -> str:
    rows = []
    for modality, name in HEADS.items():
        for one in heads[name]["tried"]:
            is_shipped = (one["penalty"], one["share"]) == (heads[name]["penalty"], heads[name]["share_of_own_classes"])
            title = f"{modality}{', shipped' if is_shipped else ''}"
            numbers = [f"{one['penalty']:g}", f"{one['share']:g}", f"{one['loss']:.3f}", percent(one["hit_at_1"])]
            rows.append([title, *numbers])
    return f"""## What was decided before

Before the heads were measured elsewhere, this was written down, and of these rules nothing was changed afterwards:

1. A head is the equal mean, in the weights, of logistic regression and of the network's own classes, as
   {{cite:t}}`wortsman2022` recommend: what was learned fits the material, what was there before carries over.
2. The regression's penalty is decided by the loss on held-out sources, each source counting alike.
3. The clarinet, which ImageNet lacks, has the class of the oboe, which told it best among the training photographs.
4. Cello and organ, of which there are no photographs, have the share that ImageNet's own classes give them.
5. No weight is learned from the soundfont Merlin, which says of itself "only for personal use, not commercial". It is
   one of the sources by which penalty, temperature and thresholds are decided.

That an earlier visual head, a regression alone, told fewer photographs from elsewhere than ImageNet's own classes was
known then. The first rule was to be that held-out sources decide between the mean and the regression alone; of visual
they favour the regression, by little, but they are of one collection and cannot show what another one costs.

The audio head learned from single notes, from staged clips and from one soundfont first. When it was known that it took
each cello from elsewhere for a violin, this material was replaced by that of the own network, with phrases and tunes
through more soundfonts. The visual head learned from the photographs as they are. When it was known that it did worse
elsewhere than ImageNet's own classes, views of each photograph were added as slides show them, in front of other
backgrounds, in part and far away; above, such views of held-out photographs are told, too. The rules stayed, and all
was measured once more.

At last two mistakes were found in the programs, by reading them: red and blue of the backgrounds behind those views
were swapped, and the thresholds of the own audio network counted an instrument's own windows among those of all others.
The visual head was trained anew by the same rules, the thresholds were set anew, and all was measured once more. Before
that the visual head told {percent(BEFORE)} % of the photographs from elsewhere (`results/benchmarks/elsewhere.json` at
commit 55b333e); the mended one tells five of them no longer and one more. On held-out sources both are alike, so that
nothing but the files from elsewhere could prefer the mistake, and these decide nothing.

{table(["Tried", "inverse penalty", "share of own classes", "loss", "Hit@1, held out, in %"], rows)}"""


def _calibration(found: dict[str, Any], heads: dict[str, Any]) -> str:
    held = {modality: percent(heads[name]["calibration_error"]) for modality, name in HEADS.items()}
    own = {modality: percent(found["calibration"][modality]["error"]) for modality in HEADS}
    gaps = {name: _gap(found["calibration"][name]["reliability"]) for name in HEADS}
    said = {
        name: "right more often than they say" if gap > 0 else "right less often than they say"
        for name, gap in gaps.items()
    }
    return f"""## Is it as often right as it says?

The expected calibration error, the mean distance of the highest probability from how often it is right, is
{held["audio"]} % of audio and {held["visual"]} % of visual on held-out sources, each calibrated by the others; the aim
was under 5 %. Elsewhere it is {own["audio"]} % on the phrases, whose scores are {said["audio"]}, and
{own["visual"]} % on the photographs, whose scores are {said["visual"]}; of so few files some of it is chance.

:::{{figure}} {FIGURES}/reliability.svg
:figclass: instrec drawn
:name: elsewhere-reliability
:alt: {_alt_reliability(held, own)}

Reliability. The larger a mark, the more examples it stands for; on the dotted line scores are as often right as they
say.

{_narrow("reliability")}
:::"""


def _alt_reliability(held: dict[str, str], own: dict[str, str]) -> str:
    return (
        "Two panels, audio and visual: how often the highest probability is right, against that probability. The "
        f"expected calibration error is {held['audio']} and {held['visual']} % on held-out sources, elsewhere "
        f"{own['audio']} and {own['visual']} %."
    )


def _narrow(name: str) -> str:
    """Return what shows a figure as it is drawn for a phone; its caption stands before it."""
    return f"```{{image}} {FIGURES}/{name}-narrow.svg\n:class: narrow\n:alt: The same, drawn for a phone.\n```"


def _gap(bins: list[dict[str, float]]) -> float:
    """Return by how much more is right than the scores say."""
    total = sum(one["examples"] for one in bins)
    return sum(one["examples"] * (one["right"] - one["score"]) for one in bins) / total


def _open_set(found: dict[str, Any]) -> str:
    measured, rows = found["open_set"], []
    for modality in HEADS:
        for name, row in measured[modality]["none"]["by_kind"].items():
            rows.append([f"{modality}: {name}", str(row["files"]), f"{row['auc']:.3f}", percent(row["refused"])])
        for score, title in (("none", "all"), ("unsure", "all, by one minus the highest")):
            row = measured[modality][score]
            number = str(measured[modality]["unknown"])
            rows.append([f"{modality}: {title}", number, f"{row['auc']:.3f}", percent(row["refused"])])
    return f"""## None of these

A viola player, a street or a test card should be refused. What is known are the phrases and photographs from elsewhere;
what is unknown was rendered and drawn here, but for three photographs that come with libraries. The score is the
probability of "none". Talk, streets, noises, silence and drawn places are of the kinds that the heads learned from,
made anew; of harp, tuba, sitar, test tones, test cards and photographs they learned nothing.

{table(["Unknown", "files", "AUC", f"refused, where {percent(measured['kept'])} % of what is known is kept"], rows)}

:::{{figure}} {FIGURES}/open_set.svg
:figclass: instrec drawn
:name: elsewhere-open-set
:alt: {_alt_open_set(measured)}

What is refused, by the probability of "none" and by one minus the highest probability of an instrument. At the dotted
line {percent(measured["kept"])} % of what is known is kept.

{_narrow("open_set")}
:::"""


def _alt_open_set(measured: dict[str, Any]) -> str:
    areas = [measured[modality]["none"]["auc"] for modality in ("audio", "visual")]
    return (
        "Two panels, audio and visual: the share of unknown files that is refused against that of known ones. The area "
        f"under the curve is {areas[0]:.3f} of audio and {areas[1]:.3f} of visual."
    )


def _several(found: dict[str, Any]) -> str:
    rows = []
    for one in found["several"]:
        shown = ", ".join(f"{label} {100 * share:.0f} %" for label, share in one["shown"].items()) or "nothing"
        rows.append([one["path"].rpartition("/")[2], one["modality"], ", ".join(one["played"]), shown])
    pairs = [one for one in found["several"] if (one["kind"], one["modality"]) == ("clip-duo", "both")]
    complete = sum(len(one["found"]) == len(one["played"]) for one in pairs)
    others = sum(bool(one["else"]) for one in pairs)
    return f"""## Several at once

Does the timeline show each of two instruments? An instrument is shown in a step of four seconds where it passes its
threshold; of "both", where it does in either modality. Of {len(pairs)} clips of two instruments the timeline of "both"
shows both instruments in {complete}; in {others} of them it shows other instruments as well, which are not there. The
shares are those of the steps in which an instrument is shown.

{table(["Clip", "By", "Played", "Shown in"], rows)}"""


def _provenance(found: dict[str, Any], heads: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    trained = " and ".join(f"that of {modality} at commit {heads[name]['commit']}" for modality, name in HEADS.items())
    return f"""## Where the numbers come from

`make bench BENCH=train_heads` wrote `results/benchmarks/recogniser.json` and the heads, {trained};
`make bench BENCH=elsewhere` wrote `results/benchmarks/elsewhere.json`, at commit {found["commit"]}. Versions:
{versions}."""


def tested(found: dict[str, Any], heads: dict[str, Any]) -> str:
    """Return what the model card says of tests, in Markdown."""
    rows = []
    for title, with_head, without, kind in (
        ("Audio: phrases", "audio", "audio, AudioSet's tags", "phrase"),
        ("Visual: photographs of players", "visual", "visual, ImageNet's classes", "photograph"),
        ("Clips, by both", "both", "both, own classes", "all clips"),
    ):
        both = [row_of(found, method, kind) for method in (with_head, without)]
        counts = [str(both[0][name]) for name in ("files", "collections")]
        rows.append([title, *counts, *(percent(one["hit_at_1"]) for one in both)])
    spans, errors = {}, {}
    for modality, name in HEADS.items():
        held = [row["hit_at_1"] for row in heads[name]["held_out"].values()]
        spans[modality] = f"{percent(min(held))} to {percent(max(held))} %"
        errors[modality] = f"{percent(heads[name]['calibration_error'])} %"
    return f"""Hit@1 in %, of files from collections that nothing was trained on or chosen by:

{table(["", "files", "collections", "with the head", "by the network's own classes"], rows)}

No head learned from Merlin. Intervals resample the collections; of a single one there is none.
The page [Elsewhere](elsewhere.md) has them by source and class, what is refused as none of these, and what was decided
beforehand. On sources that it had not learned from, the audio head is right of {spans["audio"]} of four-second windows
of phrases, tunes and single notes, and the visual head of {spans["visual"]} of photographs, most of them in part, far
away or in front of another background. The expected calibration error is {errors["audio"]} and {errors["visual"]}."""


def card(text: str, found: dict[str, Any], heads: dict[str, Any]) -> str:
    """Return the model card with what it says of tests made anew."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{tested(found, heads)}\n\n{END}{rest.partition(END)[2]}"


def write_page() -> Path:
    """Write the page with its figures, and the model card, for `make publish`; return where the page is."""
    measured, pages = read_measured(), paths.pages_dir("benchmarks")
    files.write_text(pages / "elsewhere.md", page(*measured) + "\n")
    model_card = (paths.home() / "book" / "model_card.md").read_text(encoding="utf-8")
    files.write_text(pages / "model_card.md", card(model_card, *measured))
    figures = {
        "by_label": elsewhere_figures.by_label(measured[0], METHODS),
        "reliability": elsewhere_figures.reliability(*measured),
        "open_set": elsewhere_figures.open_set(measured[0]),
    }
    for name, figure in figures.items():
        for ending, content in figure.files().items():
            files.write_bytes(pages / FIGURES / f"{name}{ending}", content)
    return pages / "elsewhere.md"


if __name__ == "__main__":
    print(write_page())
