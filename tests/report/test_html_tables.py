"""Tables as people meet them: no empty ones, the best row honestly marked, long ones sorted and filtered."""

import re

import nbformat
import pandas as pd
import pytest

from instrec_utils.pipeline.execution import sections_that_show
from instrec_utils.report import html_tables, page


def measured(*values):
    return pd.DataFrame({"Model": [f"m{number}" for number in range(len(values))], "Hit@1": values})


def test_a_table_without_rows_is_not_shown():
    nothing = page.table(measured().astype(str), "Nothing.")
    assert nothing.data == ""
    shown = nbformat.v4.new_output("display_data", data={"text/html": nothing.data, "text/plain": "HTML"})
    cells = [nbformat.v4.new_markdown_cell("# Page"), nbformat.v4.new_markdown_cell("## Left out")]
    cells.append(nbformat.v4.new_code_cell("page.table(...)", outputs=[shown]))
    assert [cell.source for cell in sections_that_show(cells)] == ["# Page"]


def test_the_best_row_is_marked_and_those_that_its_value_does_not_exceed():
    frame = measured("60.0 ± 1.0 (50.0–69.9)", "70.0 (61.0–80.0)", "65.0 (55.0–75.0)", "91.2", "–")
    text = page.table(frame, "Some.", best="Hit@1").data.replace("\N{WORD JOINER}", "")
    (best,) = re.findall(r'<tr class="best">(.*?)</tr>', text, re.DOTALL)
    assert "m1" in best
    assert re.findall(r"<td>([^<]*) ([★≈])</td>", text) == [("70.0 (61.0–80.0)", "★"), ("65.0 (55.0–75.0)", "≈")]
    assert "Some. ★: the highest Hit@1; ≈: its interval reaches that." in text
    assert "%E2%98%85" not in text, "the CSV has the numbers alone"


@pytest.mark.parametrize("values", [("70.0 (61.0–80.0)",), ("70.0 (61.0–80.0)", "91.2"), ("a", "b")])
def test_nothing_is_the_best_of_one(values):
    text = page.table(measured(*values), "One.", best="Hit@1").data
    assert "★" not in text


def test_equals_are_the_best_together():
    text = page.table(measured(*["70.0 (61.0–80.0)"] * 2), "Two.", best="Hit@1").data
    assert text.count('<tr class="best">') == 2


@pytest.mark.parametrize("number", [html_tables.LONG, html_tables.LONG + 1])
def test_a_long_table_sorts_and_filters(number):
    text = page.table(measured(*["1"] * number), "Rows.").data
    assert ('<input type="search"' in text) == ('<button type="button">' in text) == (number > html_tables.LONG)
    assert text.count("<tr") == number + 1


def test_a_table_scrolls_in_a_named_box_that_the_keyboard_reaches():
    text = page.table(measured("1"), "What < is. And more.").data
    assert '<div class="table-scroll" tabindex="0" role="region" aria-label="What &lt; is">' in text
