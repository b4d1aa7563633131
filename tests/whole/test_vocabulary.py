"""One word for one thing, in code, notebooks, pages and file names: reads for the words that were given up."""

import ast
import functools
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

HOME = Path(__file__).resolve().parents[2]
PACKAGES = ("instrec_utils/**/*.py", "instrec_corpora/**/*.py")
CODE = (*PACKAGES, "tests/**/*.py", "benchmarks/*.py", "notebooks/*.py")
PROSE = ("*.md", "book/*.md", "params/**/*.yaml", "_toc.yml", "_config.yml", ".github/**/*")
PAGES = ("book/*/*.ipynb",)
EVERYWHERE = (*CODE, *PROSE, *PAGES)
# What readers are shown of models: "sound" and "picture" stay the physical ones in media, corpora and conditions.
OF_MODELS = (
    "instrec_utils/models/*.py",
    "instrec_utils/training/*.py",
    "instrec_utils/robustness/*.py",
    "instrec_utils/report/*.py",
    "notebooks/*.py",
    "benchmarks/*.py",
    *PROSE,
    *PAGES,
)
MODALITY = r"(?:sound|picture|frame|image)"


@dataclass(frozen=True)
class Rule:
    """What is not to be found in some files.

    `forbidden` is a regular expression, read without regard to case; `allowed` is cut out of the text before.
    """

    forbidden: str
    instead: str
    where: tuple[str, ...] = EVERYWHERE
    allowed: str = r"(?!)"


RULES = {
    "modality": Rule(
        r"(?<![a-z])(hearing|seeing)(?![a-z])",
        "audio, visual",
        allowed=r"worth hearing|hearing_impaired|seeing-and-hearing",  # physical sound; a stream; a repository
    ),
    "kind of model": Rule(rf"(?<![a-z]){MODALITY}[ _-]?(model|network|run|branch|modality)(?![a-z])", "audio, visual"),
    "a model that hears and sees": Rule(r"\bhears? (and|or) sees?\b", "is given audio and frames"),
    "modality alone": Rule(rf"\b{MODALITY}s? alone\b", "audio alone, visual alone", where=OF_MODELS),
    "modality in a label": Rule(r'[|"] ?(sound|pictures?|frames?|both): ', "Audio, Visual, Fusion", where=OF_MODELS),
    "modality in a heading": Rule(r"\bsounds? *\| *frames?\b", "Audio | Visual", where=OF_MODELS),
    "setting of a kind": Rule(
        r"\bframes?_(max_epochs|epochs|learning_rate|batch_size|patience|protocol)\b", "visual_max_epochs, ..."
    ),
    "split method": Rule(
        r"""(?-i:\bWAYS\b)|\w\.way\b|\bway(: str|=)|[\["']way["'\]]""", "split_method", (*PACKAGES, "tests/**/*.py")
    ),
    "index of a corpus": Rule(r"\bcorpora\.(read|prepare|listed)\(", "read_corpus, prepare_corpus, read_listed", CODE),
}


def files(patterns):
    """Return the files that the patterns name, without this one, which has to say the words."""
    found = {path for pattern in patterns for path in HOME.glob(pattern) if path.is_file()}
    return sorted(found - {Path(__file__).resolve()})


@functools.cache
def text_of(path):
    """Return what people wrote in a file: of a notebook its cells, without what they gave."""
    if path.suffix == ".ipynb":
        return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    return path.read_text(encoding="utf-8")


def place(path, text, position):
    number = text.count("\n", 0, position)
    return f"{path.relative_to(HOME)}:{number + 1}: {text.splitlines()[number].strip()[:100]}"


@pytest.mark.parametrize("name", RULES)
def test_words_that_were_given_up(name):
    rule = RULES[name]
    found = []
    for path in files(rule.where):
        text = re.sub(rule.allowed, lambda match: " " * len(match[0]), text_of(path), flags=re.IGNORECASE)
        found += [place(path, text, match.start()) for match in re.finditer(rule.forbidden, text, re.IGNORECASE)]
    assert not found, f"say {rule.instead}:\n" + "\n".join(dict.fromkeys(found))


def test_file_names():
    forbidden = re.compile(rf"hearing|seeing|{MODALITY}_(model|network|run)")
    named = [*files(EVERYWHERE), *files(("notebooks/*", "results/**/*", "book/_static/**/*"))]
    assert [str(path.relative_to(HOME)) for path in named if forbidden.search(path.name)] == []


def functions():
    """Yield every public function that stands in a module of the packages, with its file."""
    for path in files(PACKAGES):
        for node in ast.parse(text_of(path)).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                yield path, node


def test_functions_are_named_for_what_they_return_or_do_with_it():
    bare = {"read", "run", "write", "locate", "build", "get", "make", "listed", "prepare", "tables", "sound"}
    found = [
        f"{path.relative_to(HOME)}:{node.lineno}: {node.name}"
        for path, node in functions()
        # Commands are named as they are typed; and an architecture is built by its `build`, the one table of such.
        if node.name in bare and path.name != "__main__.py" and (node.name, path.parent.name) != ("build", "models")
    ]
    assert not found, "\n".join(found)


def test_a_corpus_is_no_string():
    found = [
        f"{path.relative_to(HOME)}:{node.lineno}: {node.name}({argument.arg}: str)"
        for path, node in functions()
        if path.name != "__main__.py"  # the command line's option is --corpus
        for argument in (*node.args.args, *node.args.kwonlyargs)
        if argument.arg == "corpus" and isinstance(argument.annotation, ast.Name) and argument.annotation.id == "str"
    ]
    assert not found, "say corpus_name:\n" + "\n".join(found)


def test_the_glossary_has_the_words():
    terms = re.findall(r"^(\S.*)\n  \S", text_of(HOME / "book" / "glossary.md"), re.MULTILINE)
    words = {"audio", "visual", "fusion", "video", "clip", "segment", "window", "frame", "photograph", "spectrogram"}
    words |= {"embedding", "run", "experiment", "result", "split", "profile", "split method"}
    assert sorted(words - set(terms)) == []
    assert terms == sorted(terms, key=str.lower)
