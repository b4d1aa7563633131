"""A page's notebook run again on published results alone, without videos or a kernel, and compared with the page.

Whatever a cell then shows, tables, captions, sentences and printed numbers, has to be on the page. What a cell makes of
videos or features, which are not published, is left out, and so is what later cells make of that.
"""

import ast
import contextlib
import html
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
from IPython.core.formatters import DisplayFormatter
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from instrec_utils import corpora, files, media, paths
from instrec_utils.corpora import corpus as corpus_module
from instrec_utils.features import store
from instrec_utils.report import page as page_elements

OF_VIDEOS = (  # what reads the videos or their features
    (store, ("load_input", "audible_videos", "read_spectrogram", "read_frames", "count_frames")),
    (media, ("probe", "read_sound", "read_frames")),
    (page_elements, ("players",)),
)
MADE_OF_VIDEOS = "02_features"  # a page that shows nothing else
MOST_LINES = 20  # of the differences of one cell


class NeedsVideosError(Exception):
    """A cell looks at the videos or their features."""


@dataclass
class Replayed:
    """What was compared of a page: tables and numbers that agree, cells left out, and a line for each difference."""

    num_tables: int = 0
    num_numbers: int = 0
    num_left_out: int = 0
    differences: list[str] = field(default_factory=list)


def replay_pages(corpus_name: str) -> dict[str, Replayed]:
    """Return what was compared of each page of a corpus, but of that made of videos alone, by the page's name."""
    every = sorted((paths.home() / "book" / corpus_name).glob("*.ipynb"))
    pages = [page for page in every if page.stem != MADE_OF_VIDEOS]
    with published_alone(corpus_name):
        return {page.stem: replay_page(page, corpus_name) for page in pages}


@contextlib.contextmanager
def published_alone(corpus_name: str) -> Iterator[None]:
    """Give what is inside a home that has the published results, parameters and index, and nothing made here."""
    home = paths.home().absolute()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        own = Path(name)
        for folder in ("book", "notebooks", "params", "results"):
            (own / folder).symlink_to(home / folder)
        index = (home / "results" / corpus_name / "index.csv").read_text(encoding="utf-8")
        files.write_text(own / "data" / corpus_name / "index.csv", index)
        about = {"source": corpus_name, "videos": ".", "split": ""}
        files.write_json(own / "data" / corpus_name / "source.json", about)
        environment = {"INSTREC_HOME": name, "INSTREC_DATA": str(own / "data"), "INSTREC_RESULTS": "published"}
        stack.enter_context(mock.patch.dict(os.environ, environment))
        for module, names in OF_VIDEOS:
            for one in names:
                stack.enter_context(mock.patch.object(module, one, _refuse))
        prepared = mock.patch.object(corpora, "prepare_corpus", lambda name, *_, **__: corpus_module.read_corpus(name))
        stack.enter_context(prepared)
        yield


def _refuse(*_: Any, **__: Any) -> None:
    raise NeedsVideosError


def replay_page(page: Path, corpus_name: str) -> Replayed:
    """Return what was compared of a page by running its notebook again; see `published_alone`."""
    replayed = Replayed()
    committed = [cell for cell in nbformat.read(page, as_version=4).cells if cell.cell_type == "code"]
    injected = [cell for cell in committed if "injected-parameters" in cell.metadata.get("tags", [])]
    executed = {cell.source: cell for cell in committed if cell not in injected}
    sources = [cell.source for cell in committed if cell not in injected]
    notebook = nbformat.read(paths.home() / "notebooks" / page.name, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    place = f"{corpus_name}/{page.stem}"
    if [cell.source for cell in cells if cell.source in executed] != sources:
        replayed.differences.append(f"{place}: made from other code; run `make pages CORPUS={corpus_name}` and publish")
        return replayed
    shell, formatter, lost = InteractiveShell(), DisplayFormatter(), set[str]()
    for name in ("write_output_prompt", "write_format_data", "finish_displayhook"):  # which would print the values
        setattr(shell.displayhook, name, lambda *_: None)
    for cell in cells:
        with capture_output() as captured:
            result = shell.run_cell(cell.source)
        if "parameters" in cell.metadata.get("tags", []):
            for one in injected:
                shell.run_cell(one.source)
        error = result.error_in_exec or result.error_before_exec
        if isinstance(error, NeedsVideosError) or (isinstance(error, NameError) and error.name in lost):
            lost |= _assigned(cell.source)
            replayed.num_left_out += 1
            continue
        if error is not None and not isinstance(error, SystemExit):  # which is how `page.end` ends a page
            replayed.differences.append(f"{place}: a cell fails, {type(error).__name__}: {error}")
            break
        now = [captured.stdout, *(_shown(output.data, corpus_name) for output in captured.outputs)]
        if result.result is not None:
            now.append(_shown(formatter.format(result.result)[0], corpus_name))
        then = _on_page(executed[cell.source].outputs) if cell.source in executed else []
        _compare(replayed, place, then, [text for text in map(_comparable, now) if text])
        if error is not None:
            break
    return replayed


def _assigned(source: str) -> set[str]:
    """Return the names that a cell gives a value."""
    names = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Store)}


def _shown(data: dict[str, str], corpus_name: str) -> str:
    return page_elements.for_book(data.get("text/markdown") or data.get("text/html") or "", corpus_name)


def _on_page(outputs: list[Any]) -> list[str]:
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    data = [output.data for output in outputs if "data" in output]
    shown = [printed, *(one.get("text/markdown") or one.get("text/html") or "" for one in data)]
    return [text for text in map(_comparable, shown) if text]


def _comparable(text: str) -> str:
    """Return words without what depends on where a page was made: addresses, the commit, what was published by then."""
    text = re.sub(r' <a class="csv" href="#runs">runs</a>', "", text)
    text = re.sub(r'(src|href|poster)="[^"]*"|:::\{figure\} \S+|<td>Commit</td>\s*<td>[^<]*</td>', "", text)
    return text.replace("<td>made here</td>", "<td>published</td>").strip()


def _compare(replayed: Replayed, place: str, then: list[str], now: list[str]) -> None:
    for before, after in zip_longest(then, now, fillvalue=""):
        if before == after:
            replayed.num_tables += before.count("<table")
            replayed.num_numbers += len(re.findall(r"\d+(?:[.,]\d+)*", _words(before)))
        else:
            replayed.differences += [f"{place}: {line}" for line in differences(before, after)][:MOST_LINES]


def differences(before: str, after: str) -> list[str]:
    """Return a line for each cell of a table, or line of other text, that a page shows and that does not follow so."""
    caption = re.search(r"<caption>(.*?)</caption>", before or after, re.DOTALL)
    name = f'table "{_words(caption[1])}"' if caption else "text"
    empty: list[str] = []
    rows = list(zip_longest(_rows(before), _rows(after), fillvalue=empty))
    heads = rows[0][0] if caption else []
    lines = []
    for number, (old, new) in enumerate(rows):
        row = f", row {number} ({(old or new)[0]})" if caption and (old or new) else ""
        for column, (said, follows) in enumerate(zip_longest(old, new, fillvalue="")):
            if said != follows:
                head = f", {heads[column]}" if column < len(heads) else ""
                lines.append(f"{name}{row}{head}: the page says {said!r}, but {follows!r} follows from the results")
    return lines or [f"{name}: the page says {_words(before)!r}, but {_words(after)!r} follows from the results"]


def _rows(text: str) -> list[list[str]]:
    """Return the cells of each row of a table in HTML; of other text each line as one cell."""
    rows = re.findall(r"<tr.*?</tr>", text, re.DOTALL)
    if not rows:
        return [[line] for line in html.unescape(re.sub("<[^>]*>", "", text)).splitlines()]
    return [[_words(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)] for row in rows]


def _words(text: str) -> str:
    """Return HTML as one line of words."""
    return " ".join(html.unescape(re.sub(r"<a class=\"csv\".*?</a>|<[^>]*>", "", text, flags=re.DOTALL)).split())
