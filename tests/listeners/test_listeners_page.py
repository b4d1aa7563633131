"""The page on people, with answers that this test makes up: nobody gave them, and none of them is kept."""

from pathlib import Path

import jupytext
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from tiny_kit import write_answers

from instrec_utils import files
from instrec_utils.listeners.kit import CANNOT_TELL, listeners_dir

HOME = Path(__file__).resolve().parents[2]


@pytest.fixture
def index(home):
    """The published demo corpus in a home of its own, which has its published results; give the index' test rows."""
    for name in ("results", "params"):
        (home / name).symlink_to(HOME / name)
    text = (HOME / "results" / "demo" / "index.csv").read_text(encoding="utf-8")
    files.write_text(home / "data" / "demo" / "index.csv", text)
    files.write_json(home / "data" / "demo" / "source.json", {"source": "demo", "videos": ".", "split": ""})
    table = pd.read_csv(HOME / "results" / "demo" / "index.csv")
    return table[table["split"] == "test"].reset_index(drop=True)


def shown_by_the_page():
    """Run the notebook from the top; return all that its cells show."""
    shell, shown = InteractiveShell(), []
    for name in ("write_output_prompt", "write_format_data", "finish_displayhook"):
        setattr(shell.displayhook, name, lambda *_: None)
    for cell in jupytext.read(HOME / "notebooks" / "09_listeners.py").cells:
        if cell.cell_type == "code":
            with capture_output(display=False) as captured:
                result = shell.run_cell(cell.source)
            assert result.error_in_exec is None, f"{cell.source}\n{result.error_in_exec!r}"
            data, _ = shell.display_formatter.format(result.result)
            shown.append(captured.stdout + (data.get("text/markdown") or data.get("text/html") or ""))
    return "\n".join(shown)


@pytest.mark.slow
def test_without_answers_the_page_says_that_none_were_collected(index):
    shown = shown_by_the_page()
    assert "No answers of people were collected for this corpus" in shown
    assert "<td>People</td>" not in shown
    assert "86.0" in shown, "the paper's people"
    assert "85.0" in shown


@pytest.mark.slow
def test_answers_are_set_beside_the_models(index, home):
    folder = listeners_dir(home / "runs" / "demo" / "results")
    names = [f"clip-{number:03d}" for number in range(1, len(index) + 1)]
    files.write_csv(folder / "key-1-abc.csv", pd.DataFrame({"clip": names, "video_id": index["video_id"]}))
    right = dict(zip(names, index["label"], strict=True))
    silent = dict(zip(names, index["sound"] == "silent", strict=True))
    write_answers(folder / "1.csv", right, participant=1)
    write_answers(
        folder / "2.csv", {name: CANNOT_TELL if silent[name] else right[name] for name in names}, participant=2
    )
    write_answers(folder / "3.csv", right | {"clip-001": "tuba"}, participant=3)
    shown = shown_by_the_page()
    assert f"{2 * len(index)} answers of 2 people, to {len(index)} of {len(index)} test clips." in shown
    assert "<td>People</td>" in shown
    assert "3.csv: line 2, column answer: expected one of accordion" in shown
    num_silent = sum(silent.values())
    hit = 100 * (1 - num_silent / 2 / len(index))
    assert f"Averaged over clips, people are right in {hit:.1f} %" in shown
    assert "of 1 pair of people" in shown
    row = shown[shown.index("<td>silent</td>") :].partition("</tr>")[0]
    assert f"<td>{num_silent}</td>" in row
    assert row.count("<td>50.0</td>") >= 2, "half is right there, half cannot tell"
