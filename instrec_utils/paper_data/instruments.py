"""Which entities of YouTube-8M's vocabulary are musical instruments, by what its descriptions define them as.

The paper selects 46 such entities (4.1); it names neither them nor its rule, so this rule is ours.
"""

import re

import pandas as pd

_NOUNS = (
    r"accordions?|bagpipes?|banjos?|bass|bassoons?|bells?|bouzoukis?|cellos?|chordophones?|clarinets?|cornets?|"
    r"cymbals?|drums?|dulcimers?|fiddles?|flutes?|guitars?|harmonicas?|harps?|harpsichords?|horns?(?!-)|keyboards?|"
    r"lutes?|mandolins?|oboes?|organs?|pianos?|recorders?|saxophones?|sitars?|synthesizers?|trombones?|trumpets?|"
    r"tubas?|ukuleles?|violas?|violins?|xylophones?|zithers?"
)
_LOOKS_LIKE_ONE = re.compile(rf"\b(?:{_NOUNS}|instruments?)\b", re.IGNORECASE)
_IS_MUSICAL = re.compile(
    r"\bmusical[- ]instruments?\b|\bmusical-instrument family\b|"
    r"\b(?:string|stringed|bowed|plucked|percussion|wind|woodwind|brass|reed|keyboard)(?: musical)? instruments?\b",
    re.IGNORECASE,
)
_IS_NAMED = re.compile(rf"\b(?:{_NOUNS})\b", re.IGNORECASE)

# In this order: the first that fits the definition is the reason.
_REJECTIONS = (
    ("a game", r"\bgames?\b"),
    ("a person or a character", r"\b(?:person|musician|character|composer)\b"),
    ("an ensemble", r"\b(?:ensemble|orchestra|band|group of (?:people|musicians))\b"),
    ("a maker or seller", r"\b(?:manufacturer|designer|[Bb]rands?|company|chain|division|retailers?|Inc)\b"),
    ("a part, an accessory or a way of playing", r"\b(?:pickup|part|amplifier|levers|mallet|plectrum|way of)\b"),
    ("an organ of the body or of a plant", r"\borgans? of (?:sense|the|a)\b"),
)
_MUSICAL_VERTICALS = ("Arts & Entertainment", "(Unknown)")

_COPULA = re.compile(r"\b(?:can refer (?:generally )?to|is|are|was|were)\b")
_ANOTHER_NAME = re.compile(r"^(?:a|another|the) name (?:used for|for|given to|of) ")
_FIRST_SENTENCE = re.compile(r"(?<=[a-z0-9)\]\"])\.\s")
_NOUN_PHRASE_ENDS = re.compile(
    r"[;(—]|, (?!(?:\S+ ){0,3}\S*instruments?\b)| (?:who|that|which|used|designed|played|playing|in which|for|with|"
    r"on|by|where|when|to|whose|made|equipped|from|in|similar|important|classified|built|having|manufactured|created|"
    r"pitched|considered|found|between|belonging|developed|originally|originating|commonly|based|produced|combining|"
    r"and is|shared|consisting|headquartered|centered|founded|controlled|popular) "
)


def _definition(description: str) -> str:
    """Return what a description says a thing is: the noun phrase after the first "is", such as "a kind of lute"."""
    sentence = _sentence(description)
    if (copula := _COPULA.search(sentence)) is None:
        return sentence[:80].strip()
    predicate = _ANOTHER_NAME.sub("", sentence[copula.end() :].strip())
    return _NOUN_PHRASE_ENDS.split(predicate, maxsplit=1)[0].strip(" .,")


def _sentence(description: str) -> str:
    return _FIRST_SENTENCE.split(description, maxsplit=1)[0]


def find_instruments(vocabulary: pd.DataFrame) -> pd.DataFrame:
    """Return the entities of `youtube8m.read_vocabulary` that look like a musical instrument, and which are one.

    An entity looks like one when its name, its definition, or in a musical section of the vocabulary the first
    sentence of its description has the name of an instrument, or the word instrument. It is one when its
    definition calls it a musical (string, wind, ...) instrument, or names an instrument in a musical section, and
    nothing in `_REJECTIONS` fits.

    Returns
    -------
    candidates : pd.DataFrame [columns=(entity, train_videos, name, vertical, definition, reason, accepted)]
        The entity with most videos first; the reason says why one is not accepted, and is empty otherwise.
    """
    in_music = vocabulary.vertical.isin(_MUSICAL_VERTICALS)
    defined = vocabulary.description.map(_definition)
    looks = in_music & vocabulary.description.map(_sentence).str.contains(_LOOKS_LIKE_ONE)
    looks |= vocabulary.name.str.contains(_LOOKS_LIKE_ONE) | defined.str.contains(_LOOKS_LIKE_ONE)
    candidates = vocabulary[looks].drop(columns="description").assign(definition=defined[looks])
    candidates["reason"] = [_reason(row.definition, row.vertical) for row in candidates.itertuples()]
    candidates["accepted"] = candidates.reason == ""
    return candidates.sort_values(["train_videos", "entity"], ascending=[False, True], ignore_index=True)


def _reason(defined: str, vertical: str) -> str:
    """Return why a definition is not one of a musical instrument; empty if it is."""
    if vertical == "Games":
        return "a game"
    for reason, pattern in _REJECTIONS:
        if re.search(pattern, defined):
            return reason
    if _IS_MUSICAL.search(defined):
        return ""
    if vertical not in _MUSICAL_VERTICALS:
        is_tool = re.search(r"\binstruments?\b", defined)
        return "an instrument, not for making music" if is_tool else "the word in another sense"
    return "" if _IS_NAMED.search(defined) else "not defined as an instrument"
