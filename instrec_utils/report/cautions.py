"""What the numbers of a corpus cannot say, in sentences whose numbers are those of its results.

Everywhere `found` is the table of `results.read_results`; fusion and attention are the names of a fusion in the paper's
form and of ours.
"""

import pandas as pd

from instrec_utils.corpora import Corpus
from instrec_utils.report import results, tables, words


def cautions(corpus: Corpus, found: pd.DataFrame, fusion: str, attention: str) -> list[str]:
    """Return whatever of this module there is to say of a corpus."""
    every = [
        against_the_mean(found, fusion),
        of_the_degradations(corpus, found, fusion),
        of_epochs(found),
        of_whole_networks(found),
        of_learned_features(found),
        of_short_clips(corpus, found),
        of_ours(found, fusion, attention),
    ]
    return list(filter(None, every))


def front_note(found: pd.DataFrame) -> str:
    """Return what the first pages say of a corpus beside its headline."""
    fusion = results.headline(found).index[2]
    return " ".join(filter(None, [against_the_mean(found, fusion), without_degradation(found, fusion)]))


def against_the_mean(found: pd.DataFrame, fusion: str) -> str:
    """Say how far a fusion is from the baseline for which nothing is trained."""
    row = results.row_of(found, fusion)
    learned = 100 * results.measure_row(row)["hit_at_1"]
    truth, _ = results.read_scores(row)
    mean = 100 * results.measure_scores(truth, tables.mean_scores(found, row, is_calibrated=True))["hit_at_1"]
    return (
        f"{words.first_upper(words.subject(row.iloc[0]))} recognises {learned:.1f} % of the test videos, "
        f"{_apart(learned, mean)} the mean of both models' "
        f"calibrated probabilities ({mean:.1f} %), for which no fusion is trained."
    )


def _apart(value: float, other: float) -> str:
    points = round(value, 1) - round(other, 1)  # as a reader takes the one printed number from the other
    return f"{abs(points):.1f} points {'less' if points < 0 else 'more'} than" if round(points, 1) else "as many as"


def of_the_degradations(corpus: Corpus, found: pd.DataFrame, fusion: str) -> str:
    """Say what of the fusion's gain over frames is left where nothing is degraded; empty if nothing is declared."""
    if not {"picture", "sound"} <= set(corpus.index):
        return ""
    lacks_both = ((corpus.index["picture"] == "absent") & (corpus.index["sound"] == "silent")).any()
    told = [without_degradation(found, fusion)]
    told += [] if lacks_both else ["No clip is both silent and out of sight: one modality always has its evidence."]
    told.append("The augmentation of the profile quick imitates the staged noise, loudness and company.")
    return " ".join(filter(None, told))


def without_degradation(found: pd.DataFrame, fusion: str) -> str:
    """Say what of the fusion's gain over frames is left on the clean variants of the test clips; empty without any."""
    row = results.row_of(found, fusion)
    visual = results.joined(found, row)["visual"]
    if "metrics_test_clean" not in found or found.loc[[*row.index, *visual.index], "metrics_test_clean"].isna().any():
        return ""
    hits = {
        split: [100 * results.measure_row(one, split)["hit_at_1"] for one in (visual, row)]
        for split in ("test", "test_clean")
    }
    gain, left = (round(fused, 1) - round(alone, 1) for alone, fused in hits.values())
    alone, fused = hits["test_clean"]
    if not 0 <= left <= gain or not gain:  # it adds nothing whose share could be left
        return ""
    rest = " The rest comes from the declared degradations." if left < gain else ""
    return (
        f"On clean variants of the test videos visual alone recognises {alone:.1f} %, {words.subject(row.iloc[0])} "
        f"{fused:.1f} %: of the {gain:+.1f} points that it adds to frames on the degraded ones {left:+.1f} are left."
        f"{rest}"
    )


def of_epochs(found: pd.DataFrame) -> str:
    """Say for how long the audio networks were trained, and whether validation still improved; empty without any."""
    audio, told = found[found["kind"] == "audio"], []
    names = results.row_names(audio)
    for row, runs in audio.groupby("row", sort=False):
        most = runs["protocol"].iloc[0]["max_epochs"]
        improving = ((runs["epochs"] == most) & (runs["best_epoch"] == most)).sum()
        told.append(f"{names[row]} {words.counted(most, 'epoch')} ({improving} of {len(runs)})")
    if not told:
        return ""
    return (
        f"Audio networks are trained for so many epochs at most, after a warm-up where the settings have one: "
        f"{', '.join(told)}; in brackets, of how many trainings the last epoch was the best on validation, so that it "
        "still improved. Table 3 ranks recipes as much as architectures."
    )


def of_whole_networks(found: pd.DataFrame) -> str:
    """Say what a network that was trained whole reaches, and its layer of classes alone; empty without both.

    Of several it is the one that is best on validation.
    """
    visual = found[found["kind"] == "visual"]
    on_validation = results.mean_over_seeds(visual, split="validation")["hit_at_1"]
    rows = results.mean_over_seeds(visual).loc[on_validation.sort_values(ascending=False, kind="stable").index]
    is_whole = rows["freeze_backbone"].eq(False)
    alike = ["model", "num_frames", "initial_weights"]
    pairs = rows[is_whole].merge(rows[~is_whole], on=alike, suffixes=("", "_of_classes"))
    if pairs.empty:
        return ""
    best = pairs.iloc[0]
    start = words.value("initial_weights", best["initial_weights"])
    return (
        f"Trained whole by the paper's protocol, {words.model(best['model'])} with "
        f"{words.counted(best['num_frames'], 'frame')} ({start}) recognises {100 * best['hit_at_1']:.1f} % of the test "
        f"videos, its layer of classes alone {100 * best['hit_at_1_of_classes']:.1f} %. The training of the whole "
        f"network ended {tables.ended(best)}."
    )


def of_learned_features(found: pd.DataFrame) -> str:
    """Say what features of a visual network that was trained whole give the fusion, and what ImageNet's give.

    Beside these the two fusions join the same audio model and as many frames. It is empty without two such.
    """
    of_paper = found[(found["kind"] == "fusion") & (found["fusion_form"] == "text") & (found["modality_dropout"] == 0)]
    fusions = of_paper.assign(audio_row=found.loc[list(of_paper["audio"]), "row"].to_numpy()).drop_duplicates("row")
    if fusions.empty:
        return ""
    is_learned, alike = fusions["frame_embeddings"].eq("visual run"), ["audio_row", "num_frames", "profile"]
    pairs = fusions[is_learned].merge(fusions[~is_learned], on=alike, suffixes=("", "_of_imagenet"))
    told = []
    for _, pair in pairs.drop_duplicates("run").iterrows():
        learned, other = (results.row_of(found, pair[name]) for name in ("run", "run_of_imagenet"))
        hits = [100 * results.measure_row(row)["hit_at_1"] for row in (learned, other)]
        network = words.model(results.joined(found, learned)["visual"]["model"].iloc[0])
        told.append(
            f"With what {network}, trained whole, makes of {words.counted(pair['num_frames'], 'frame')} the paper's "
            f"fusion recognises {hits[0]:.1f} % of the test videos ({words.counted(len(learned), 'seed')}), with "
            f"ImageNet's features of as many {hits[1]:.1f} %."
        )
    return " ".join(told)


def of_short_clips(corpus: Corpus, found: pd.DataFrame) -> str:
    """Say how many videos are shorter than the frames that are drawn of them; empty if the lengths are unknown."""
    most = found.loc[found["kind"] == "visual", "num_frames"].max()
    lengths = corpus.usable["duration"].dropna()
    if pd.isna(most) or lengths.empty or (lengths >= most).all():
        return ""
    return (
        f"{100 * (lengths < most).mean():.0f} % of the videos are shorter than {most} s: of {most} frames, stored one "
        "a second, some are the same."
    )


def of_ours(found: pd.DataFrame, fusion: str, attention: str) -> str:
    """Say where the fusion that is called ours stands on validation among those of the same two models."""
    joined = found.loc[fusion, ["audio", "visual"]]
    fusions = found[(found[["audio", "visual"]] == joined).all(axis=1)]
    rows = {row: found[found["row"] == row] for row in fusions["row"].unique()}
    hits = {name: 100 * results.measure_row(row, "validation")["hit_at_1"] for name, row in rows.items()}
    own = hits[found.loc[attention, "row"]]
    place = 1 + sum(hit > own for hit in hits.values())
    return (
        "Our fusion, with attention and modality dropout, was settled on earlier versions of the corpora, by no rule "
        f"that names a split; on this validation split it is number {place} of {len(hits)} fusions of the same two "
        f"models ({own:.1f} %, the best {max(hits.values()):.1f} %)."
    )
