"""What single pages show beside figures and tables: sources, groups, what was left out, conditions, answers."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from IPython.display import HTML, Markdown

from instrec_utils import media, paths, provenance
from instrec_utils.corpora import Corpus, read_listed, source_named
from instrec_utils.corpora.index import state_table
from instrec_utils.errors import RunError
from instrec_utils.features import store
from instrec_utils.report import answers, figures, page, results, words
from instrec_utils.training.result_files import read_result
from instrec_utils.training.run import Run


def source_counts(index: pd.DataFrame) -> pd.DataFrame:
    """Return where picture and sound of a staged corpus' clips come from, one row a class."""
    table = index.groupby("label")[["picture_source", "sound_source"]].agg(
        lambda column: ", ".join(f"{kind} {count}" for kind, count in column.value_counts().items())
    )
    return table.set_axis(["Picture comes from", "Sound comes from"], axis=1).rename_axis("Class").reset_index()


def groups_note(corpus: Corpus) -> HTML | Markdown:
    """Return what a grouped split found to belong together, as a table or in words."""
    path = corpus.directory / "groups.csv"
    if not corpus.split_method:
        return Markdown(
            "Nothing was looked for: the clips are staged so that no two splits share what they are made of."
        )
    if not path.exists():
        return Markdown("Nothing was looked for: this is no grouped split.")
    groups = pd.read_csv(path, keep_default_na=False)
    if groups.empty:
        return Markdown("Nothing: no two videos are near-duplicates or known to be by one uploader.")
    sizes = groups.groupby("group").agg(videos=("label", "size"), classes=("label", "nunique"))
    by_size = sizes.value_counts().rename("groups").reset_index().sort_values("videos")
    kept = f"{words.counted(len(groups), 'video')} in {words.counted(len(sizes), 'group')}"
    return page.table(by_size, f"{kept} of near-duplicates, by size.")


def states_table(corpus: Corpus) -> HTML | None:
    """Return what became of the videos in the paper's list, by class; None for a corpus that has no such list."""
    listed = read_listed(corpus)
    if "state" not in listed:
        return None
    return page.table(state_table(listed), "What became of the videos in the paper's list, by class.")


def skipped_table(corpus: Corpus) -> HTML | Markdown:
    """Return the files of a corpus that were left out, the first 50, as a table or in words."""
    path = corpus.directory / "skipped.csv"
    skipped = pd.read_csv(path, keep_default_na=False) if path.exists() else pd.DataFrame({"path": []})
    skipped = skipped[skipped["path"] != ""]
    if skipped.empty:
        return Markdown("Nothing: every file of the corpus is a readable video.")
    return page.table(
        skipped.head(50), f"What was left out, and why: {len(skipped)} in all, of which 50 at most are here."
    )


def conditions_figure(
    corpus: Corpus, found: pd.DataFrame, runs: Sequence[str], streams: Sequence[str], *, name: str
) -> page.Shown | None:
    """Return a figure of the Hit@1 of runs' rows by the condition of "picture", "sound" or both, if any is declared.

    The results are those of `results.read_results`.
    """
    predictions = results.predictions_by_kind(found, runs)
    tables = [answers.hits_by_condition(corpus, predictions, stream) for stream in streams]
    if all(table is None for table in tables):
        return None
    table = pd.concat(tables)
    worst = table.sort_values("value").iloc[0]
    where = " and ".join(streams)
    return page.figure(
        corpus.name,
        name,
        figures.scores_by_condition(table),
        f"Hit@1 in % by the condition of the {where}, test split, n = {found.loc[runs[0], 'num_test']} in all, mean of "
        f"{words.counted(len(next(iter(predictions.values()))), 'seed')}, with exact 95 % intervals.",
        f"Numbers: Hit@1 under each condition of the {where}; the lowest is {worst['value']:.0f} %, of the "
        f"{words.KINDS[worst['kind']].word} model where the {worst['stream']} is {worst['condition']}.",
    )


def answered_players(corpus: Corpus, groups: Mapping[str, pd.DataFrame]) -> HTML:
    """Return players of each table of `answers.repaired_and_broken`, by a word for it.

    They are the first three videos of different classes that may be played.
    """
    playable = page.playable(corpus)
    shown = {
        word: table[table["video_id"].isin(playable)].drop_duplicates("label").head(3) for word, table in groups.items()
    }
    captions = [
        f"{word}: {row.label}; audio says {row.audio}, visual {row.visual}, fusion {row.fusion}"
        for word, table in shown.items()
        for row in table.itertuples()
    ]
    video_ids = pd.concat(shown.values())["video_id"]
    return page.players(corpus, corpus.index.set_index("video_id").loc[video_ids].reset_index(), captions)


def first_with(corpus: Corpus, table: pd.DataFrame, *streams: str) -> pd.Series:
    """Return the first row of a table whose video has "sound", "picture" or both; the very first if none has."""

    def has_all(row: pd.Series) -> bool:
        info = media.probe(corpus.videos / row["path"])
        return all(getattr(info, f"has_{stream}") for stream in streams)

    rows = [row for _, row in table.iterrows()]
    return next(filter(has_all, rows), rows[0])


def end_unless_trainable(run: Run) -> None:
    """End the page with a sentence that says why, if a run neither has a result nor can be trained on its corpus."""
    if reason := why_untrainable(run):
        page.end(reason)


def why_untrainable(run: Run) -> str:
    """Return in a sentence why a run has no result and cannot have one; empty if it has, or can be trained."""
    if run.kind == "fusion":
        reasons = list(filter(None, map(why_untrainable, run.joined)))
        return f"{reasons[0]} A fusion joins two models, so there is none either." if reasons else ""
    if any(_is_of(run, folder / f"{run.name}.json") for folder in paths.results_dirs(run.corpus.name)):
        return ""
    train, features_dir = run.corpus.split("train"), run.corpus.directory / "features"
    if run.kind == "audio":
        heard = (store.load_input(features_dir, video_id, run.audio_input) for video_id in train["video_id"])
        is_trainable, lacks = not all(map(run.audio_input.is_silent, heard)), "a sound that can be heard"
    else:
        paths_of = (store.features_path(features_dir, video_id) for video_id in train["video_id"])
        is_trainable, lacks = any(map(store.count_frames, paths_of)), "pictures"
    if is_trainable:
        return ""
    return f"No training video of this corpus has {lacks}, so that no {run.kind} model can be trained."


def _is_of(run: Run, path: Path) -> bool:
    try:
        return read_result(path)["run_sha256"] == run.key
    except RunError:  # missing, or damaged and trained again
        return False


def index_provenance(corpus: Corpus) -> HTML:
    """Return where the numbers of a page about videos come from: the index, the source and the commit."""
    rows = {
        "Index": f"{len(corpus.index)} videos, sha256 {provenance.index_sha256(corpus.usable)[:12]}",
        "Source": source_named(corpus.source).title,
        "Commit": provenance.commit(),
    }
    table = pd.DataFrame(rows.items(), columns=["What", "Value"])
    return page.table(table, "Where the numbers come from: the corpus' index and its files.")
