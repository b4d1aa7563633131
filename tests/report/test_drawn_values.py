"""A figure's values come back from the figure itself."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from instrec_utils.report import figures, page


def rows(figure):
    return figures.drawn_values(figure).values.tolist()


def test_marks_and_lines_are_their_points_and_references_are_left_out():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([1, 2], [3.5, 4], "o", label="audio")
    axes.axhline(7)
    axes.set_title("Scores")
    assert rows(figure) == [["Scores", "audio", 1.0, 3.5, ""], ["Scores", "audio", 2.0, 4.0, ""]]


def test_names_on_an_axis_stand_in_place_of_their_numbers():
    figure = Figure()
    axes = figure.subplots()
    axes.hlines([0, 1.1], [10, 20], [30, 40])
    axes.set_yticks([0, 1], ["cello", "flute"])
    assert [(x, y) for _, _, x, y, _ in rows(figure)] == [
        (10.0, "cello"),
        (30.0, "cello"),
        (20.0, "flute"),
        (40.0, "flute"),
    ]


def test_marks_set_apart_on_a_logarithmic_axis_have_the_name_of_their_tick():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([0.96, 19.6, 52], [5, 6, 7], label="one")
    axes.vlines([0.96, 52], [4, 6], [6, 8], label="_one")
    axes.set(xscale="log")
    axes.set_xticks([1, 20, 50], ["1", "20", "50"])
    found = [[series, x, y] for _, series, x, y, _ in rows(figure)]
    assert found == [
        *(["one", "1", 5.0], ["one", "20", 6.0], ["one", "50", 7.0]),
        *(["one", "1", 4.0], ["one", "1", 6.0], ["one", "50", 6.0], ["one", "50", 8.0]),
    ]


def test_categories_are_names():
    figure = Figure()
    axes = figure.subplots()
    axes.plot([3, 4], ["cello", "flute"])
    assert [y for _, _, _, y, _ in rows(figure)] == ["cello", "flute"]


def test_bars_are_their_lengths_even_when_stacked():
    figure = Figure()
    axes = figure.subplots()
    axes.barh([0, 1], [5, 6], label="train")
    axes.barh([0, 1], [2, 3], left=[5, 6], label="test")
    assert [(series, x) for _, series, x, _, _ in rows(figure)] == [
        ("train", 5.0),
        ("train", 6.0),
        ("test", 2.0),
        ("test", 3.0),
    ]


def test_a_confusion_matrix_is_its_cells():
    matrix = np.array([[0.75, 0.25], [0.5, 0.5]])
    both = [("audio", matrix), ("visual", matrix)]  # which share the names of the rows
    found = figures.drawn_values(figures.confusions(both, ["cello", "flute"], [4, 4]).wide)
    cells = found[found["value"] != ""]
    assert cells["panel"].unique().tolist() == ["audio", "visual"]
    of_one = cells[cells["panel"] == "visual"]
    assert of_one.set_index(["y", "x"])["value"].to_dict() == {
        ("cello, 4", "cello"): 75.0,
        ("cello, 4", "flute"): 25.0,
        ("flute, 4", "cello"): 50.0,
        ("flute, 4", "flute"): 50.0,
    }


def test_a_picture_has_no_values():
    figure = Figure()
    figure.subplots().imshow(np.zeros((64, 64)))
    assert figures.drawn_values(figure).empty


def test_a_figure_leads_to_its_values(home):
    figure = Figure()
    figure.subplots().plot([1], [2])
    shown = page.figure("mine", "one-line", figures.Drawing(figure, figure), "A line.", "One line.")
    link = '<a class="csv" download href="../runs/mine/media/one-line.csv">CSV</a>'
    assert link in shown.html
    assert link in shown.markdown
    written = pd.read_csv(home / "runs" / "mine" / "media" / "one-line.csv")
    assert written[["x", "y"]].values.tolist() == [[1.0, 2.0]]
