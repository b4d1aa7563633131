"""Which clips the open corpus has: parts that share no source, and what each clip shows and plays.

One part tests, one validates, the others train, and `instrec_utils.corpora.splits.rotated` lets them take turns. Labels
without a recording sound through a General MIDI soundfont. Such a clip exists twice, for training and validation and,
through another soundfont, for the test, so that in every rotation the test sounds otherwise than what was learned from.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from instrec_corpora import staging, takes
from instrec_corpora.staging import Clip
from instrec_utils import config
from instrec_utils.corpora.splits import rotated
from instrec_utils.errors import CorpusError, ParameterError

NUM_PARTS = 7  # five train, one validates, one tests: 71 / 14 / 14 %
SOUNDFONTS = {"training": "timgm6mb", "test": "merlin"}
MOST_PHOTOGRAPHS = 10  # of one clip
MOST_NOTES = 18  # recordings of one clip
DURATIONS = ((0.86, 20, 45), (0.11, 45, 90), (0.03, 90, 150))  # share of clips, shortest and longest in seconds

Hands = Mapping[tuple[str, str, str], list[str]]
"""Source files by the clip's id, their kind ("photos" or "recordings") and their label."""


@dataclass(frozen=True)
class OpenSettings:
    """What the corpus depends on.

    Attributes
    ----------
    clips_per_class : int [clips, a multiple of NUM_PARTS]
        Over the parts; variants of clips are not counted.
    seed : int
        Of everything that is drawn.
    conditions : Conditions
        Declared shares, kept within each part.
    """

    clips_per_class: int = 7 * NUM_PARTS
    seed: int = config.SPLIT_SEED
    conditions: config.Conditions = field(default_factory=config.Conditions)


@dataclass(frozen=True)
class OpenClip(Clip):
    """One row of the open corpus' index.

    Attributes
    ----------
    part : int [1 to NUM_PARTS]
    use : str
        What a rotation may use it for: "any" split, "training" (and validation), "test", or "clean", the undegraded
        variant of a clip of the last part.
    """

    part: int
    use: str


def plan_open(registry: pd.DataFrame, settings: OpenSettings) -> list[OpenClip]:
    """Decide what each clip shows and plays.

    A clip uses sources of its own part only, and shares none with another clip, its own variants apart, while there are
    enough: where more clips of a part need a label than it has files of it, files are dealt again.

    Parameters
    ----------
    registry : pd.DataFrame
        Source files with the columns path, label, kind, group and part.
    settings : OpenSettings

    Returns
    -------
    list of OpenClip
        By part and label, each clip followed by its variants. The column split is that of the last rotation.

    Raises
    ------
    CorpusError
        A part lacks photographs of a label, or recordings of a label that has some elsewhere.
    ParameterError
        The number of clips a label is no multiple of the number of parts.
    """
    if settings.clips_per_class < NUM_PARTS or settings.clips_per_class % NUM_PARTS:
        raise ParameterError(
            f"clips_per_class must be a multiple of {NUM_PARTS}, as many in each part, got {settings.clips_per_class}"
        )
    generator = np.random.default_rng([settings.seed, 1])
    labels = sorted(registry.label[registry.kind == "photos"].unique())
    materials = set(zip(registry.kind, registry.label, strict=True))
    clips = []
    for part in range(1, NUM_PARTS + 1):
        drafts = _draft_part(part, labels, settings, generator)
        hands = _deal_part(drafts, registry[registry.part == part], materials, generator)
        clips += [variant for draft in drafts for variant in _variants(draft, hands)]
    splits = rotated(pd.DataFrame({"part": [c.part for c in clips], "use": [c.use for c in clips]}), NUM_PARTS)
    return [replace(clip, split=split) for clip, split in zip(clips, splits, strict=True)]


def _draft_part(
    part: int, labels: Sequence[str], settings: OpenSettings, generator: np.random.Generator
) -> list[OpenClip]:
    """Draw the conditions, companions and durations of a part's clips, whose sources are dealt afterwards."""
    per_label = settings.clips_per_class // NUM_PARTS
    # Dealt in their sorted order, the conditions are spread evenly over the labels.
    conditions = sorted(staging.draw_conditions(per_label * len(labels), settings.conditions, generator))
    accompanied: Counter[str] = Counter()
    drafts = []
    for place, label in enumerate(generator.permutation(labels).tolist()):
        own = generator.permutation(conditions[place :: len(labels)]).tolist()
        for number, (picture, sound) in enumerate(own):
            companion = ""
            if "accompanied" in (picture, sound):  # the label that stood beside others least often
                others = generator.permutation([other for other in labels if other != label]).tolist()
                companion = min(others, key=lambda other: accompanied[other])
                accompanied[companion] += 1
            drafts.append(
                OpenClip(
                    video_id=f"open-{label}-{part}-{number:02d}",
                    label=label,
                    split="",
                    path="",
                    duration=_draw_duration(generator),
                    picture=picture,
                    sound=sound,
                    picture_source="",
                    sound_source="",
                    sources="",
                    companion=companion,
                    part=part,
                    use="any",
                )
            )
    return drafts


def _draw_duration(generator: np.random.Generator) -> float:
    shares, shortest, longest = zip(*DURATIONS, strict=True)
    kind = generator.choice(len(DURATIONS), p=shares)
    return round(2 * generator.uniform(shortest[kind], longest[kind])) / 2  # whole frames at every frame rate


def _needs(clip: OpenClip) -> list[tuple[str, str]]:
    """Return what is to be seen and heard: kinds and labels of sources."""
    needs = (
        (clip.picture != "absent", "photos", clip.label),
        (clip.sound != "silent", "recordings", clip.label),
        (clip.picture == "accompanied", "photos", clip.companion),
        (clip.sound == "accompanied", "recordings", clip.companion),
    )
    return [(kind, label) for is_needed, kind, label in needs if is_needed]


def _undegraded(clip: OpenClip) -> OpenClip:
    return replace(clip, picture="clear", sound="clear", companion="")


def _variants(draft: OpenClip, hands: Hands) -> list[OpenClip]:
    """Return the clip, or the two that differ by their soundfont; in the last part also the undegraded one."""
    is_rendered = any(
        kind == "recordings" and (draft.video_id, kind, label) not in hands for kind, label in _needs(draft)
    )
    variants = [_complete(draft, use, hands) for use in (("training", "test") if is_rendered else ("any",))]
    return [*variants, _complete(_undegraded(draft), "clean", hands)] if draft.part == NUM_PARTS else variants


def _complete(draft: OpenClip, use: str, hands: Hands) -> OpenClip:
    soundfont = f"soundfont:{SOUNDFONTS['training' if use == 'training' else 'test']}"
    sources = [hands.get((draft.video_id, *need), [soundfont]) for need in _needs(draft)]
    is_real = (draft.video_id, "recordings", draft.label) in hands
    video_id = draft.video_id + (f"-{use}" if use in ("test", "clean") else "")
    return replace(
        draft,
        video_id=video_id,
        path=f"videos/{draft.label}/{video_id}.mp4",
        picture_source="none" if draft.picture == "absent" else "real",
        sound_source="none" if draft.sound == "silent" else "real" if is_real else "rendered",
        sources=";".join(dict.fromkeys(source for files in sources for source in files)),
        use=use,
    )


def _deal_part(
    drafts: Sequence[OpenClip],
    registry: pd.DataFrame,
    materials: set[tuple[str, str]],
    generator: np.random.Generator,
) -> Hands:
    """Deal a part's source files to its clips; there is no hand of what sounds through a soundfont."""
    players = defaultdict(list)
    for draft in drafts:
        needs = _needs(draft)
        if draft.part == NUM_PARTS:
            needs += [need for need in _needs(_undegraded(draft)) if need not in needs]
        for need in needs:
            players[need].append(draft.video_id)
    hands: dict[tuple[str, str, str], list[str]] = {}
    for (kind, label), ids in sorted(players.items()):
        if (kind, label) in materials:
            rows = registry[(registry.kind == kind) & (registry.label == label)]
            if rows.empty:
                raise CorpusError(f"part {drafts[0].part} has no {kind} of {label}; every part needs some")
            deal = _deal_photographs if kind == "photos" else _deal_recordings
            hands |= {
                (video_id, kind, label): files
                for video_id, files in zip(ids, deal(rows, len(ids), generator), strict=True)
            }
    return hands


def _deal_photographs(rows: pd.DataFrame, num_hands: int, generator: np.random.Generator) -> list[list[str]]:
    rows = rows.iloc[generator.permutation(len(rows))]
    largest_first = sorted(_units(rows, num_hands), key=len, reverse=True)
    return [hand[:MOST_PHOTOGRAPHS] for hand in _deal(largest_first, num_hands, generator)]


def _deal_recordings(rows: pd.DataFrame, num_hands: int, generator: np.random.Generator) -> list[list[str]]:
    """Deal recordings so that a hand has those of one instrument, from low to high."""
    names = rows.path.map(takes.parse_name)
    rows = rows.assign(instrument=[name.instrument for name in names], pitch=[name.pitch for name in names])
    instruments = [table.sort_values("pitch", kind="stable") for _, table in rows.groupby("instrument", sort=True)]
    numbers = np.zeros(len(instruments), int)
    for _ in range(num_hands):
        numbers[np.argmax([len(table) for table in instruments] / (numbers + 1))] += 1
    hands = []
    for table, number in zip(instruments, numbers.tolist(), strict=True):
        hands += _deal(_units(table, number), number, generator) if number else []
    thinned = [[hand[i] for i in sorted(generator.permutation(len(hand))[:MOST_NOTES])] for hand in hands]
    return [thinned[i] for i in generator.permutation(num_hands)]


def _units(rows: pd.DataFrame, num_hands: int) -> list[list[str]]:
    """Return what is dealt as one: files that are alike; single files if those are too few; if need be, some again."""
    groups = [list(table.path) for _, table in rows.groupby("group", sort=False)]
    if len(groups) >= num_hands:
        return groups
    return [[path] for path in rows.path] * -(-num_hands // len(rows))


def _deal(units: Sequence[list[str]], num_hands: int, generator: np.random.Generator) -> list[list[str]]:
    """Give each unit in turn to one of the hands that have the fewest files."""
    hands: list[list[str]] = [[] for _ in range(num_hands)]
    for unit in units:
        any_order = generator.permutation(num_hands)
        min((hands[i] for i in any_order), key=len).extend(unit)
    return hands
