"""What the first pages of the book say of the published results: made by ``make front``, compared by a test.

The pages include these files from ``book/made``, so that no number stands in a page that somebody typed. The `story` is
the corpus that the chapters tell; of the others the book has a short part.
"""

import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from instrec_utils import evaluation, files, paths
from instrec_utils.corpora import Corpus, source_named
from instrec_utils.corpora.index import read_index
from instrec_utils.models.architecture import KINDS
from instrec_utils.paper_data import paper
from instrec_utils.report import cautions, claims, diagram, page, results, summary, tables, words

CORPORA = ("demo", "open")
STORY = CORPORA[1]
LINES = {
    "audio": "Audio: Choi 2016, UC",
    "visual": "Visual: EfficientNet-Lite0; the paper: Inception v3",
    "fusion": "Fusion: the paper's",
    "attention": "Fusion: ours, with attention over frames",
    "mean": "The mean of both models' calibrated probabilities, no fusion trained",
}
"""The rows of the tables: the headline, and the baseline that a fusion should beat. The README has them in full."""
SHORT = dict(zip(LINES, ("Audio", "Visual", "Fusion, the paper's", "Fusion, ours", "Mean of both"), strict=True))
DATASETS = {"FCVID": ("paper, FCVID", "fcvid"), "YT-8M": ("paper, YouTube-8M", "yt8m")}
PRINTED = {"hit_at_1": "hit_at_1", "hit_at_3": "hit_at_3", "f1_weighted": "f1"}
VERDICTS = {
    "holds": "Holds here",
    "the opposite holds": "The opposite holds here",
    "not told from chance": "Cannot be told from chance on these clips",
    "not shown to be alike": "Cannot be shown to be alike on these clips",
}
CHOSEN = {
    "only audio of the two recognised the instrument, and so did the fusion": (True, False, True),
    "only visual of the two recognised the instrument, and so did the fusion": (False, True, True),
    "one of the two recognised the instrument, and the fusion did not": (None, None, False),
}
"""Which clips the first page plays: who is right of audio, visual and fusion; None where one of the two is."""


def write_first_pages() -> list[Path]:
    """Write the included files and the preview of the book anew, from published results, and return their paths."""
    book = paths.home() / "book"
    written = []
    for name, text in first_pages().items():
        written.append(book / "made" / name)
        files.write_text(written[-1], text)
    title = yaml.safe_load((paths.home() / "_config.yml").read_text(encoding="utf-8"))["title"]
    written.append(book / "_static" / "preview.png")
    diagram.write_preview(read_layers(), title.replace(" in ", "\nin ", 1), written[-1])
    return written


def first_pages() -> dict[str, str]:
    """Return what `write_first_pages` writes beside the preview, by the name of the file."""
    found = {name: results.read_results(name) for name in CORPORA}
    judged = {name: judge(name, one) for name, one in found.items()}
    made = {
        "figure.html": diagram.figure(read_layers()),
        "table.md": f"{overview({STORY: found[STORY]})}\n",
        "verdict.md": verdict(found[STORY], judged[STORY]),
        "clips.html": clips(STORY, found[STORY]),
        "demo.md": short_part("demo", found["demo"], judged["demo"]),
        "corpora.md": f"{corpora_table()}\n",
        "hit_at_1.md": f"{overview(found)}\n",
        "hit_at_3.md": f"{overview(found, 'hit_at_3')}\n",
        "f1.md": f"{overview(found, 'f1_weighted')}\n",
        "claims.md": f"{claims_side_by_side(judged)}\n",
    }
    return {name: _unbroken(text) for name, text in made.items()}


def _unbroken(text: str) -> str:
    """Return a text in which no line ends within an interval, or between a value and its spread."""
    text = re.sub(r"(\d)–(\d)", "\\1\N{WORD JOINER}–\N{WORD JOINER}\\2", text)
    return text.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")


def read_layers() -> diagram.Layers:
    """Return the layers as they were last read from the networks."""
    return json.loads((paths.home() / "book" / "made" / "layers.json").read_text(encoding="utf-8"))


def published_corpus(name: str) -> Corpus:
    """Return a corpus as it was published: its index, and no video."""
    folder = paths.published_results_dir(name)
    return Corpus(name, name, folder, folder, read_index(folder / "index.csv"))


def judge(name: str, found: pd.DataFrame) -> pd.DataFrame:
    """Return the claims that a corpus' published results can speak to, as page 7 judges them."""
    *_, fusion, attention = results.headline(found).index
    return claims.judge(claims.tests_of_claims(published_corpus(name), fusion, attention))


def overview(corpora: Mapping[str, pd.DataFrame], metric: str = "hit_at_1", lines: Mapping[str, str] = SHORT) -> str:
    """Return a metric of each corpus' headline, by its name, beside the paper's, as a Markdown table."""
    table = pd.DataFrame(index=list(lines.values()))
    for name, found in corpora.items():
        rows = results.mean_over_seeds(found, results.headline(found).index)
        fusion = results.row_of(found, rows.index[2])
        truth, _ = results.read_scores(fusion)
        mean = results.measure_scores(truth, tables.mean_scores(found, fusion, is_calibrated=True))
        measured = [words.measured(row, metric) for row in (*(row for _, row in rows.iterrows()), mean)]
        table[f"{name} ({rows['num_test'].iloc[0]} test clips)"] = measured
    for dataset, (title, _) in DATASETS.items():
        column = PRINTED[metric]
        printed = {row["kind"]: f"{row[column]:.2f}" for row in summary.paper_rows() if row["dataset"] == dataset}
        table[title] = [printed.get(kind, "–") for kind in lines]
    return _markdown(table.rename_axis(f"{words.METRICS[metric]} in %").reset_index(), ":--" + "|--:" * table.shape[1])


def _markdown(table: pd.DataFrame, alignment: str) -> str:
    rows = [list(table.columns), *table.to_numpy().tolist()]
    texts = [f"| {' | '.join(map(str, row))} |" for row in rows]
    texts.insert(1, f"|{alignment}|")
    return "\n".join(texts).replace("\N{NO-BREAK SPACE}", " ")


def verdict(found: pd.DataFrame, judged: pd.DataFrame) -> str:
    """Return in Markdown which claims hold on a corpus, which do not, and what cannot be told."""
    of_paper = judged["printed"] != "not in the paper"
    told = []
    for word, title in VERDICTS.items():
        chosen = judged[of_paper & (judged["verdict"] == word)]
        if len(chosen):
            told.append(f"**{title}.** {_listed(chosen)}.")
    others = judged[~of_paper]
    about_ours = "; ".join(f"{one.claim}: {one.verdict} ({_difference(one)})" for one in others.itertuples())
    told.append(f"**The average is hard to beat.** {cautions.front_note(found)}")
    told.append(f"**What the paper does not ask.** {about_ours}.")
    told.append(f"**Tested on** {_tested_on(judged)}.")
    return "\n\n".join(told) + "\n"


def _tested_on(judged: pd.DataFrame) -> str:
    """Return what most claims were tested on, and what each other about clips was."""
    of_clips = judged[judged["unit"] != claims.STEPS]
    usual = of_clips["tested_on"].mode().iloc[0]
    others = [f"{one.claim} ({one.tested_on})" for one in of_clips[of_clips["tested_on"] != usual].itertuples()]
    return f"{usual}, but {'; '.join(others)}" if others else usual


def _listed(chosen: pd.DataFrame) -> str:
    return "; ".join(f"{one.claim} ({_difference(one)})" for one in chosen.itertuples())


def _difference(test: Any) -> str:
    row = claims.claims_table(pd.DataFrame([test._asdict()])).iloc[0]
    value = row["Here"].partition(" (")[0]
    return value if test.unit == claims.STEPS else f"{value} points"


def claims_side_by_side(judged: Mapping[str, pd.DataFrame]) -> str:
    """Return each claim, what the paper prints of it, and what every corpus says, as a Markdown table."""
    by_corpus = {name: claims.claims_table(one).set_index("Claim") for name, one in judged.items()}
    texts = dict.fromkeys(text for table in by_corpus.values() for text in table.index)
    lines = []
    for text in texts:
        rows = {name: table.loc[text] for name, table in by_corpus.items() if text in table.index}
        line = {"Claim": text, "The paper": next(iter(rows.values()))["The paper"]}
        for name in by_corpus:
            line[name] = f"{rows[name]['Here']}: {rows[name]['Verdict']}" if name in rows else "–"
        lines.append(line)
    table = pd.DataFrame(lines)
    return _markdown(table, ":--" + "|:--" * (table.shape[1] - 1))


def corpora_table() -> str:
    """Return what each corpus and each dataset of the paper is, as a Markdown table."""
    lines = []
    for name in CORPORA:
        index = read_index(paths.published_results_dir(name) / "index.csv")
        counts = index["split"].value_counts()
        used = index[index["split"].isin(["train", "validation", "test"])]
        lines.append(
            {
                "": name,
                "Videos are": source_named(name).title,
                "Classes": index["label"].nunique(),
                "Videos": len(used),
                "Hours": f"{used['duration'].sum() / 3600:.1f}",
                "Training / validation / test": " / ".join(str(counts[one]) for one in ("train", "validation", "test")),
            }
        )
    for title, key in DATASETS.values():
        printed = paper.paper_tables()["table1"][key]
        cells = {
            "Classes": printed["categories"],
            "Videos": f"{printed['videos_used']:,}",
            "Hours": f"{printed['hours']:,}",
        }
        lines.append({"": title, "Videos are": "uploads"} | cells | {"Training / validation / test": "70 / 15 / 15 %"})
    return _markdown(pd.DataFrame(lines), ":--|:--|--:|--:|--:|--:")


def short_part(name: str, found: pd.DataFrame, judged: pd.DataFrame) -> str:
    """Return the summary of a corpus that the chapters do not tell, in Markdown."""
    fusion = results.headline(found).index[2]
    counts = judged["verdict"].value_counts()
    told = ", ".join(f"{VERDICTS[word].lower()}: {counts[word]}" for word in VERDICTS if word in counts)
    return (
        f"{page.plain(source_named(name).nature)}\n\n{overview({name: found})}\n\n"
        f"Of the {len(judged)} claims that its results can speak to: {told}. "
        f"{page.plain(cautions.against_the_mean(found, fusion))}\n"
    )


def clips(name: str, found: pd.DataFrame) -> str:
    """Return players of the clips that `chosen_clips` names, with what each kind of model answered, as HTML."""
    shown = []
    for reason, clip in chosen_clips(name, found).items():
        label = html.escape(clip["label"])
        source = f"_static/media/{name}/{clip['video_id']}"
        told = {kind: f"{clip[kind]}, {'right' if clip[kind] == clip['label'] else 'wrong'}" for kind in KINDS}
        answers = "".join(f"<li>{words.first_upper(kind)}: {html.escape(text)}</li>" for kind, text in told.items())
        shown.append(
            f'<figure><video controls playsinline preload="metadata" src="{source}.mp4" poster="{source}.jpg" '
            f'aria-label="A clip of: {label}"></video><figcaption><strong>{words.first_upper(label)}</strong>: '
            f"{reason}.<ul>{answers}</ul></figcaption></figure>"
        )
    return f'<div class="players">{"".join(shown)}</div>\n'


def chosen_clips(name: str, found: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Return by each reason of `CHOSEN` the first test clip by name that the book can play, each of another class.

    A clip is its video_id, label and the answers of audio, visual and fusion, by the first seed of the headline.
    """
    rows = results.headline(found).iloc[:3]
    answers = _answers(rows)
    playable = {path.stem for path in (paths.home() / "book" / "_static" / "media" / name).glob("*.mp4")}
    chosen: dict[str, dict[str, str]] = {}
    for reason, wanted in CHOSEN.items():
        for clip in answers:
            right = tuple(clip[kind] == clip["label"] for kind in KINDS)
            is_wanted = right == wanted if None not in wanted else any(right[:2]) and not right[2]
            is_new = clip["label"] not in [other["label"] for other in chosen.values()]
            if is_wanted and is_new and clip["video_id"] in playable:
                chosen[reason] = clip
                break
    return chosen


def _answers(rows: pd.DataFrame) -> Sequence[dict[str, str]]:
    columns: dict[str, list[str]] = {}
    for _, row in rows.iterrows():
        predictions = results.read_predictions(row)
        truth, scores, labels = evaluation.from_predictions(predictions)
        columns |= {"video_id": predictions.iloc[:, 0].tolist(), "label": [labels[number] for number in truth]}
        columns[row["kind"]] = [labels[number] for number in scores.argmax(axis=1)]
    return pd.DataFrame(columns).sort_values("video_id").to_dict("records")
