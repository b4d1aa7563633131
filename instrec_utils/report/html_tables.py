"""Tables of the pages as HTML: with a caption, as CSV, in a box that scrolls; long ones sort, and have a filter."""

import html
import re
from typing import Any
from urllib.parse import quote

import numpy as np
import pandas as pd
from IPython.display import HTML

LONG = 18  # rows; a longer table has a field that filters its rows, and columns that sort
HTML_FORM: Any = {"index": False, "border": 0, "classes": "instrec", "justify": "left"}
_MEASURED = re.compile(r"([\d.]+).*\(([\d.]+)–([\d.]+)\)", re.DOTALL)  # as `words.measured` says it
_BEST, _ALIKE = "★", "≈"

_FILTER = (
    "const words = this.value.toLowerCase().split(/\\s+/), box = this.closest('.searchable'); let shown = 0; "
    "for (const row of box.querySelectorAll('tbody tr')) { const text = row.textContent.toLowerCase(); "
    "row.hidden = !words.every(word => text.includes(word)); shown += !row.hidden; } "
    "box.querySelector('output').textContent = shown;"
)
_SORT = (
    "const head = event.target.closest('th'); if (!head) return; const up = head.ariaSort !== 'ascending'; "
    "for (const other of head.parentElement.cells) other.removeAttribute('aria-sort'); "
    "head.ariaSort = up ? 'ascending' : 'descending'; const order = new Intl.Collator(undefined, {numeric: true}); "
    "const text = row => row.cells[head.cellIndex].textContent; "
    "const number = row => parseFloat(text(row).replace(/,/g, '')); "
    "const compare = (a, b) => number(a) - number(b) || order.compare(text(a), text(b)); "
    "const rows = [...this.tBodies[0].rows].sort((a, b) => (up ? 1 : -1) * compare(a, b)); "
    "this.tBodies[0].append(...rows);"
)


def table(frame: pd.DataFrame, caption: str, *, best: str = "") -> HTML:
    """Return a table with its caption, which says n, split and spread, and a link to it as CSV; of no row, nothing.

    Of the column `best` the highest value is marked, and with another sign those whose intervals reach it: that one row
    is better than these the table does not show. Values without an interval, as the paper's, are not compared.
    """
    if frame.empty:
        return HTML("")
    signs = _signs(frame[best]) if best else [""] * len(frame)
    shown = frame
    if any(signs):
        marked = [f"{text} {sign}".rstrip() for text, sign in zip(frame[best], signs, strict=True)]
        shown = frame.assign(**{best: marked})
        alike = f"; {_ALIKE}: its interval reaches that" if _ALIKE in signs else ""
        caption = f"{caption} {_BEST}: the highest {best}{alike}."
    before, *rows = _body(shown).split("<tr>")
    rows = [f'<tr class="best">{row}' if sign == _BEST else f"<tr>{row}" for sign, row in zip(signs, rows, strict=True)]
    return with_body(frame, caption, before + "".join(rows))


def searchable(frame: pd.DataFrame, caption: str) -> HTML:
    """Return a table with a field that leaves the rows with all words typed into it, and with columns that sort."""
    return with_body(frame, caption, _body(frame), is_searchable=True)


def _body(frame: pd.DataFrame) -> str:
    with pd.option_context("display.max_colwidth", None):  # long names are shown in full
        return frame.to_html(**HTML_FORM).replace("$", "<span>$</span>")


def _signs(values: pd.Series) -> list[str]:
    """Return the sign of each value of a column of text."""
    found = [match and [float(number) for number in match.groups()] for match in map(_MEASURED.match, values)]
    if sum(one is not None for one in found) < 2:
        return [""] * len(values)
    highest = max(value for value, _, _ in filter(None, found))
    return [
        "" if one is None or one[2] < highest else _BEST if np.isclose(one[0], highest) else _ALIKE for one in found
    ]


def with_body(frame: pd.DataFrame, caption: str, body: str, *, is_searchable: bool = False) -> HTML:
    """Return a table whose HTML is made already, with what `table` or `searchable` puts around it."""
    opening, rest = body.replace("–", "\N{WORD JOINER}–\N{WORD JOINER}").split(">", maxsplit=1)
    csv = quote(frame.to_csv(index=False).replace("\N{NO-BREAK SPACE}", " "))
    link = f'<a class="csv" download="table.csv" href="data:text/csv;charset=utf-8,{csv}">CSV</a>'
    text = html.escape(caption).replace("$", "<span>$</span>")
    label = html.escape(caption.partition(". ")[0].rstrip(".")).replace("$", "&#36;")
    content = f"{opening}><caption>{text} {link}</caption>{rest}"
    if len(frame) <= LONG and not is_searchable:
        return HTML(_scrolling(label, content))
    content = content.replace("<table ", f'<table onclick="{html.escape(_SORT)}" ', 1)
    content = re.sub("<th>(.*?)</th>", r'<th><button type="button">\1</button></th>', content)
    field = f'<input type="search" placeholder="type to filter the rows" oninput="{html.escape(_FILTER)}">'
    return HTML(
        f'<div class="searchable"><p><label>Show rows with {field}</label> '
        f"<output>{len(frame)}</output> of {len(frame)}</p>{_scrolling(label, content)}</div>"
    )


def _scrolling(label: str, content: str) -> str:
    """Return a box that the keyboard can reach and scroll."""
    return f'<div class="table-scroll" tabindex="0" role="region" aria-label="{label}">{content}</div>'
