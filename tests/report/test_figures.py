import io
import re
from xml.etree import ElementTree

import librosa
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image

from instrec_utils import letters
from instrec_utils.config import CHOI2016, HAN2016, Conditions
from instrec_utils.report import figures as plots
from instrec_utils.report.figures import curves, style
from instrec_utils.report.words import KINDS


@pytest.fixture(autouse=True)
def no_figure_left():
    """No plot may register with pyplot or change the caller's style."""
    before = dict(plt.rcParams)
    yield
    assert plt.get_fignums() == []
    assert {name: value for name, value in plt.rcParams.items() if value != before[name]} == {}


def render(drawing):
    """Draw both files and check what holds of all of them: they are small, of their width, and can be read."""
    for (name, content), figure in zip(drawing.files().items(), (drawing.wide, drawing.narrow), strict=True):
        assert len(content) <= plots.MAX_BYTES
        shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
        assert min((text.get_fontsize() for text in shown), default=style.SMALLEST) >= style.SMALLEST
        width = style.NARROW if "narrow" in name else style.WIDE
        assert figure.get_figwidth() == width
        if drawing.is_picture:
            assert Image.open(io.BytesIO(content)).width == pytest.approx(192 * width, abs=1)
        else:
            root = ElementTree.fromstring(content)
            assert root.get("width") == f"{72 * width:g}pt"
            grounds = [path.get("style") for path in root.iterfind("./{*}g/{*}g[@id='patch_1']/{*}path")]
            assert grounds == ["fill: none"], "the page is its ground, light or dark"


def texts(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


def tick_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def make_index():
    rows = []
    for label, counts in (("banjo", (5, 2, 1)), ("violin", (3, 1, 2))):
        for split, count in zip(("train", "validation", "test"), counts, strict=True):
            rows += [(label, split)] * count
    rows += [("banjo", "test_clean")] * 4
    index = pd.DataFrame(rows, columns=["label", "split"])
    index["duration"] = np.arange(len(index)) * 10.0
    index["picture"] = ["absent", "clear"] * (len(index) // 2)
    index["sound"] = "silent"
    return index


def test_class_balance_counts_each_split_and_no_variant():
    drawing = plots.class_balance(make_index())
    figure = drawing.wide
    axes = figure.axes[0]
    assert tick_labels(axes.yaxis) == ["banjo", "violin"]
    assert texts(axes) == ["8", "6"]
    widths = [[bar.get_width() for bar in bars] for bars in axes.containers]
    assert widths == [[5, 3], [2, 1], [1, 2]]
    assert [text.get_text() for text in figure.legends[0].texts] == ["train", "validation", "test"]
    render(drawing)


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("violin", "violin"),
        ("$5 or $6 guitars", r"\$5 or \$6 guitars"),
        (r"a\$b_{2}^3", r"a\\$b_{2}^3"),
        ("two\nlines\tand  more", "two lines and more"),
        ("скрипка", "скрипка"),
        ("a" + " very" * 9 + " long name", "a very very very…ong name"),
        ("x" * 99, f"{'x' * 16}…{'x' * 8}"),
    ],
)
def test_a_name_is_shown_as_it_is_on_one_short_line(label, shown):
    assert style.name(label, style.LONGEST) == shown
    axes = plots.class_balance(make_index().assign(label=[label, *["other"] * 17])).wide.axes[0]
    assert shown in tick_labels(axes.yaxis)


def test_letters_that_no_font_has_are_their_numbers(monkeypatch, recwarn):
    monkeypatch.setattr(letters, "can_draw", lambda letter: ord(letter) < 0x3000)
    assert style.name("二胡 solo") == "U+4E8C U+80E1 solo"
    render(plots.class_balance(make_index().assign(label=["二胡", *["other"] * 17])))
    assert not [str(one.message) for one in recwarn]


def test_names_that_are_the_same_when_shortened_are_told_apart():
    alike = [f"a very long name that begins {number} and ends alike" for number in range(2)]
    short = style.name(alike[0], style.LONGEST)
    assert style.names(["organ", *alike]) == ["organ", f"{short} (1)", f"{short} (2)"]


NAMES = ("label", "video_id", "split", "kind", "recall", "nan", "1", "2", "笛子", "$a$", "")


def test_any_name_is_a_class_like_others():
    index = pd.DataFrame([(name, split) for name in NAMES for split in ("train", "validation", "test")])
    render(plots.class_balance(index.set_axis(["label", "split"], axis=1)))
    render(plots.confusions([("fusion", np.eye(len(NAMES)))], NAMES, [1] * len(NAMES)))
    recalls = [(name, kind, 50.0, 10.0, 90.0, 4) for name in NAMES for kind in ("audio", "visual", "fusion")]
    render(plots.per_class(pd.DataFrame(recalls, columns=list(make_recalls()))))
    render(plots.frame_strip([(name, np.zeros((2, 40, 60, 3), np.uint8)) for name in NAMES]))
    render(plots.spectrograms([(name, np.zeros((96, 20))) for name in NAMES], CHOI2016))


def test_durations_shows_the_median_and_the_total():
    index = make_index()
    index.loc[0, "duration"] = np.nan
    drawing = plots.durations(index)
    figure = drawing.wide
    axes = figure.axes[0]
    known = np.arange(1, 14) * 10.0
    assert texts(axes) == [f"median {np.median(known):.1f} s"]
    assert axes.get_title("left") == f"13 videos, {known.sum() / 60:.1f} min together"
    assert sum(bar.get_height() for bar in axes.patches) == 13
    render(drawing)


def test_condition_shares_are_percentages_of_the_split():
    drawing = plots.condition_shares(make_index())
    figure = drawing.wide
    picture, sound = figure.axes
    assert tick_labels(picture.yaxis) == list(Conditions().picture)
    for split, bars in zip(("train", "validation", "test"), picture.containers, strict=True):
        index = make_index()
        rows = index[index.split == split]
        expected = [100 * (rows.picture == name).mean() for name in Conditions().picture]
        np.testing.assert_allclose([bar.get_width() for bar in bars], expected)
    silent = list(Conditions().sound).index("silent")
    assert [bars[silent].get_width() for bars in sound.containers] == [100, 100, 100]
    render(drawing)


def test_spectrograms_have_axes_in_hertz_and_seconds():
    noise = np.random.default_rng(0).normal(-40, 10, (96, 1366)).astype(np.float32)
    drawing = plots.spectrograms([("noise", noise), ("silence", np.full((96, 1366), -100.0))], CHOI2016)
    figure = drawing.wide
    first, second, colours = figure.axes
    assert [first.get_title("left"), second.get_title("left")] == ["noise", "silence"]
    assert (first.get_ylabel(), second.get_xlabel(), colours.get_ylabel()) == ("Hz", "time in s", "dB")
    (image,) = first.images
    # Drawn in fewer columns, each the mean of the frames that it stands for.
    assert image.get_array().shape[1] < noise.shape[1]
    np.testing.assert_allclose(image.get_array().mean(axis=1), noise.mean(axis=1), rtol=1e-4)
    assert image.get_array().std() < noise.std()
    assert image.get_clim() == second.images[0].get_clim() == (max(-100, noise.max() - 80), noise.max())
    start, end = first.get_xlim()
    assert end - start == pytest.approx(29.12, abs=0.05)
    bands = librosa.mel_frequencies(n_mels=98, fmax=6000)[1:-1]
    np.testing.assert_allclose(np.interp(first.get_yticks(), np.arange(96), bands), [500, 1000, 2000, 4000])
    render(drawing)


def test_joins_of_a_spectrogram_are_marked_above_it():
    spectrograms = [(name, np.zeros((96, 1366))) for name in ("CC", "UC")]
    drawing = plots.spectrograms(spectrograms, CHOI2016, joins={1: [2.912, 5.824]})
    above, below, _ = drawing.wide.axes
    assert [len(axes.texts) for axes in (above, below)] == [0, 2]
    assert [mark.xy for mark in below.texts] == [(2.912, 1), (5.824, 1)]
    render(drawing)


def test_spectrograms_of_silence_alone_can_be_drawn():
    render(plots.spectrograms([("silence", np.full((128, 43), -100.0))], HAN2016))


def test_frame_strip_shows_the_frames():
    red = np.zeros((3, 40, 60, 3), np.uint8)
    red[..., 0] = 255
    blue = red[:2, ..., ::-1].copy()
    drawing = plots.frame_strip([("red", red), ("blue", blue)])
    figure = drawing.wide
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(shown) == 5
    np.testing.assert_array_equal(shown[0], red[0])
    np.testing.assert_array_equal(shown[3], blue[0])
    assert [one for axes in figure.axes for one in texts(axes)] == ["red", "blue"]
    assert [len([axes for axes in one.axes if axes.images]) for one in (figure, drawing.narrow)] == [5, 3]
    render(drawing)


def test_frame_strips_of_noise_stay_small():
    noise = np.random.default_rng(0).integers(0, 256, (6, 240, 320, 3), dtype=np.uint8)
    render(plots.frame_strip([("noise", noise)]))


def make_result(**changes):
    history = {
        "epoch": [1, 2, 3, 4],
        "loss": [2.0, 1.0, 0.5, 0.2],
        "accuracy": [0.1, 0.4, 0.7, 0.9],
        "val_loss": [2.1, 1.4, 1.2, 1.3],
        "val_accuracy": [0.1, 0.3, 0.55, 0.5],
    }
    return {"run": "audio-choi2016-uc-s0", "kind": "audio", "best_epoch": 3, "history": history} | changes


def lines_of(axes):
    return [(line.get_label(), list(line.get_xdata()), list(line.get_ydata())) for line in axes.lines]


def test_history_draws_the_curves_and_marks_the_epoch_that_is_kept():
    result = make_result()
    drawing = plots.history(result)
    loss, accuracy = drawing.wide.axes
    training, validation, kept, dot = lines_of(loss)
    assert training == ("training", [1, 2, 3, 4], result["history"]["loss"])
    assert validation == ("validation", [1, 2, 3, 4], result["history"]["val_loss"])
    assert kept[:2] == ("epoch whose weights are kept", [3, 3])
    assert dot[1:] == ([3], [1.2])
    np.testing.assert_allclose(lines_of(accuracy)[1][2], [10, 30, 55, 50])
    assert accuracy.lines[1].get_color() == KINDS["audio"].colour
    render(drawing)


def test_history_begins_with_the_warm_up():
    before = {name: [*values, values[-1]] for name, values in make_result()["history"].items()} | {
        "epoch": [1, 2, 3, 4, 5]
    }
    drawing = plots.history(make_result(history_of_warm_up=before))
    loss, _ = drawing.wide.axes
    assert [epochs for _, epochs, _ in lines_of(loss)] == [[1, 2, 3, 4, 5]] * 2 + [[6, 7, 8, 9]] * 2 + [[8, 8], [8]]
    (shade,) = loss.patches
    assert shade.get_label() == "warm-up"
    assert (shade.get_x(), shade.get_width()) == (0.5, 5)
    told = ["warm-up", "training", "validation", "epoch whose weights are kept"]
    assert [text.get_text() for text in drawing.wide.legends[0].texts] == told
    render(drawing)


def test_history_of_one_epoch_can_be_drawn():
    history = {name: values[:1] for name, values in make_result()["history"].items()}
    render(plots.history(make_result(best_epoch=1, history=history)))


def make_scores():
    rows = [
        ("sound", "audio", 61.5, 42.0, 80.0),
        ("both", "fusion", 84.6, 69.0, 96.0),
        ("then", "paper", 88.28, None, None),
    ]
    return pd.DataFrame(rows, columns=["name", "kind", "value", "low", "high"]).astype({"low": float, "high": float})


def test_intervals_are_drawn_from_low_to_high():
    drawing = plots.intervals(make_scores(), reference=7.7)
    figure = drawing.wide
    axes = figure.axes[0]
    assert tick_labels(axes.yaxis) == ["sound", "both", "then"]
    assert texts(axes) == ["61.5", "84.6", "88.3", "commonest class 7.7"]
    drawn = [list(line.get_xdata()) for line in axes.lines]
    assert drawn == [[42, 80], [61.5], [69, 96], [84.6], [88.28], [7.7, 7.7]]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first row is on top"
    assert axes.lines[0].get_color() == KINDS["audio"][1]
    render(drawing)


@pytest.mark.parametrize("size", [3, 14, 15])
def test_confusions_count_answers_and_colour_shares_of_the_row(size):
    matrix = np.zeros((size, size))
    matrix[0, :2] = 5 / 6, 1 / 6  # of three videos and two seeds
    matrix[1, 1] = 1.0
    labels = [f"instrument {number}" for number in range(size)]
    counts = [3, 1, *[0] * (size - 2)]
    drawing = plots.confusions([("sound", matrix), ("fusion", np.eye(size))], labels, counts, 2)
    first, second = drawing.wide.axes
    assert texts(first) == ["5", "1", "2"]
    assert texts(second) == ["6", "2"]
    assert tick_labels(first.xaxis) == tick_labels(second.xaxis) == labels
    assert tick_labels(first.yaxis) == [f"{label}, {count}" for label, count in zip(labels, counts, strict=True)]
    np.testing.assert_allclose(first.collections[0].get_array().ravel(), 100 * matrix.ravel())
    render(drawing)
    for figure, is_stacked in ((drawing.wide, size > 14), (drawing.narrow, True)):  # the paper's have 12 and 13
        upper, lower = (axes.get_position() for axes in figure.axes)
        assert (upper.y0 > lower.y1 - 1e-6) == is_stacked


def make_recalls():
    rows = [("violin", "audio", 10.0, 5.0, 20.0, 7), ("banjo", "visual", 40.0, 30.0, 50.0, 6)]
    rows.append(("violin", "visual", 30.0, 20.0, 45.0, 7))
    return pd.DataFrame(rows, columns=["label", "kind", "value", "low", "high", "num_videos"])


def test_per_class_places_each_recall():
    drawing = plots.per_class(make_recalls())
    figure = drawing.wide
    axes = figure.axes[0]
    assert tick_labels(axes.yaxis) == ["violin (n = 7)", "banjo (n = 6)"]
    audio, visual = (line for line in axes.lines if line.get_label() in ("audio", "visual"))
    np.testing.assert_array_equal(audio.get_xdata(), [10, np.nan])
    np.testing.assert_array_equal(visual.get_xdata(), [30, 40])
    assert [text.get_text() for text in figure.legends[0].texts] == ["audio", "visual"]
    render(drawing)


def make_conditions():
    rows = [
        ("picture", "clear", "audio", 60.0, 50.0, 70.0, 9),
        ("picture", "clear", "visual", 90.0, 80.0, 95.0, 9),
        ("picture", "absent", "audio", 55.0, 20.0, 80.0, 4),
        ("picture", "absent", "visual", 0.0, 0.0, 60.2, 4),
        ("sound", "silent", "audio", 8.0, 1.0, 50.0, 3),
    ]
    return pd.DataFrame(rows, columns=["stream", "condition", "kind", "value", "low", "high", "num_videos"])


def test_scores_by_condition_keep_the_order_of_the_table():
    picture, sound = plots.scores_by_condition(make_conditions()).wide.axes
    assert tick_labels(picture.yaxis) == ["clear (n = 9)", "absent (n = 4)"]
    assert tick_labels(picture.xaxis) == ["audio", "visual"]
    assert texts(picture) == ["60\n50–70", "90\n80–95", "55\n20–80", "0\n0–60"]
    assert (texts(sound), tick_labels(sound.yaxis)) == (["8\n1–50"], ["silent (n = 3)"])
    render(plots.scores_by_condition(make_conditions()))


def test_the_same_figure_gives_the_same_bytes():
    assert plots.intervals(make_scores()).files() == plots.intervals(make_scores()).files()


def luminance(colour):
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(first, second):
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def turned(colour):
    """Return what the style sheet's invert(1) hue-rotate(180deg) makes of a colour."""
    turn = 2 * np.outer([1, 1, 1], [0.213, 0.715, 0.072]) - np.eye(3)
    return np.clip(turn @ (1 - colour), 0, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_can_be_read_in_its_colour_on_a_light_page_and_turned_on_a_dark_one(kind):
    colour = np.array(to_rgb(KINDS[kind].colour))
    assert contrast(colour, np.ones(3)) >= 4.5, "WCAG's contrast for text"
    assert contrast(turned(colour), np.full(3, 18 / 255)) >= 4.5


def test_kinds_are_told_apart_without_colour():
    assert len({kind.marker for kind in KINDS.values()}) == len(KINDS)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.floats(0, 100), st.floats(0, 100)), min_size=1, max_size=6))
def test_intervals_draw_any_percentages(triples):
    low, value, high = np.sort(np.array(triples), axis=1).T
    table = pd.DataFrame({"name": [f"row {n}" for n in range(len(low))], "kind": "visual", "value": value})
    axes = plots.intervals(table.assign(low=low, high=high)).wide.axes[0]
    assert [float(text) for text in texts(axes)] == pytest.approx(value, abs=0.051)


BAD = [
    (lambda: plots.class_balance(make_index().drop(columns="label")), "label"),
    (lambda: plots.class_balance(make_index().query("split == 'test_clean'")), "at least one"),
    (lambda: plots.durations(make_index().assign(duration=np.nan)), "at least one duration"),
    (lambda: plots.durations(make_index().assign(duration=-1.0)), "0 s or more"),
    (lambda: plots.condition_shares(make_index().assign(sound="loud")), "one of clear, silent.*'loud'"),
    (lambda: plots.spectrograms([], CHOI2016), "at least one"),
    (lambda: plots.spectrograms([("odd", np.zeros((95, 10)))], CHOI2016), r"odd: expected 96 bands.*\(95, 10\)"),
    (lambda: plots.frame_strip([("odd", np.zeros((2, 4, 4, 3)))]), "odd: expected frames.*float64"),
    (lambda: plots.frame_strip([("none", np.zeros((0, 4, 4, 3), np.uint8))]), "none: expected frames"),
    (lambda: plots.history(make_result(kind="smell")), "audio, visual, fusion.*'smell'"),
    (lambda: plots.history(make_result(best_epoch=9)), "epoch 9"),
    (lambda: plots.intervals(make_scores().iloc[:0]), "at least one"),
    (lambda: plots.intervals(make_scores().drop(columns="low")), "low"),
    (lambda: plots.intervals(make_scores().assign(low=70.0)), "interval around"),
    (lambda: plots.intervals(make_scores().assign(value=101.0)), "0 to 100"),
    (lambda: plots.intervals(make_scores(), reference=-1), "reference"),
    (lambda: plots.confusions([("odd", np.eye(2))], ["banjo"], [1]), r"odd: expected 1 x 1.*\(2, 2\)"),
    (lambda: plots.confusions([("counts", 3 * np.eye(2))], ["a", "b"], [3, 3]), "sum to 1 or 0"),
    (lambda: plots.per_class(make_recalls().assign(kind="smell")), "'smell'"),
    (lambda: plots.per_class(make_recalls().assign(value=150.0)), "0 to 100"),
    (lambda: plots.per_class(pd.concat([make_recalls()] * 2)), "twice"),
    (lambda: plots.scores_by_condition(make_conditions().assign(stream="smell")), "'picture' or 'sound'"),
    (lambda: plots.scores_by_condition(pd.concat([make_conditions()] * 2)), "twice"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=[str(number) for number in range(len(BAD))])
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=re.compile(message, re.DOTALL)):
        call()


def test_frame_rates_are_shares_of_the_known_ones_of_each_corpus():
    rates = {"one": pd.Series([25.0, 25.0, 29.97, np.nan]), "two": pd.Series([30.0])}
    drawing = plots.frame_rates(rates)
    figure = drawing.wide
    first, second = figure.axes
    shares = {round(bar.get_x() + bar.get_width() / 2): bar.get_height() for bar in first.patches}
    assert shares == pytest.approx({25: 200 / 3, 30: 100 / 3})
    assert first.get_title(loc="left") == "one, 3 videos"
    assert texts(second) == ["100"]
    render(drawing)


@pytest.mark.parametrize("rates", [{}, {"one": pd.Series([np.nan])}, {"one": pd.Series([25.0, 0.0])}])
def test_frame_rates_refuses_none_and_zero(rates):
    with pytest.raises(ValueError, match="at least one"):
        plots.frame_rates(rates)


BEFORE = pd.DataFrame(
    {"category": ["guitar", "piano"], "at_least": [900, 100], "at_most": [1500, 100], "published": [240, 40]}
)


def test_before_and_after_shows_the_bounds_and_what_is_left():
    drawing = plots.before_and_after(BEFORE)
    figure = drawing.wide
    (axes,) = figure.axes
    (bars,) = axes.collections
    assert [segment[:, 0].tolist() for segment in bars.get_segments()] == [[900, 1500], [100, 100]]
    assert texts(axes) == ["240", "40"]
    assert tick_labels(axes.yaxis) == ["guitar", "piano"]
    render(drawing)


@pytest.mark.parametrize("wrong", [{"published": 0}, {"at_most": 50}])
def test_before_and_after_refuses_bounds_that_are_none(wrong):
    with pytest.raises(ValueError, match="at_least no larger than at_most"):
        plots.before_and_after(BEFORE.assign(**wrong))


def test_held_out_shares_counts_the_test_videos_of_each_class_and_split_method():
    table = pd.DataFrame(
        {
            "label": ["cello"] * 4 + ["flute"] * 2,
            "paper": ["test", "train", "train", "train", "test", "test"],
            "grouped": ["test", "test", "train", "train", "train", "validation"],
        }
    )
    drawing = plots.held_out_shares({"one": table, "two": table})
    figure = drawing.wide
    for axes in figure.axes:
        shown = {line.get_label(): line.get_xdata().tolist() for line in axes.lines if line.get_marker() != "None"}
        assert shown == {"paper": [25, 100], "grouped": [50, 0]}
    render(drawing)


@pytest.mark.parametrize("methods", [[], list("abcd")])
def test_held_out_shares_refuses_no_method_and_more_than_it_can_tell_apart(methods):
    table = pd.DataFrame({"label": ["cello"]} | {method: ["test"] for method in methods})
    with pytest.raises(ValueError, match="expected 1 to 3 split methods"):
        plots.held_out_shares({"one": table})


def make_robustness():
    rows = [
        ("none", "as is", "", ("audio", "visual", "fusion", "dropout", "attention")),
        ("missing", "sound", "", ("visual", "fusion", "dropout", "attention")),
        ("missing", "pictures", "", ("audio", "fusion", "dropout", "attention")),
        ("noise", "20", "dB", ("audio", "visual", "fusion", "dropout", "attention")),
        ("noise", "-5", "dB", ("audio", "visual", "fusion", "dropout", "attention")),
        ("blur", "8", "pixels", ("audio", "visual", "fusion", "dropout", "attention")),
    ]
    rows = [(*place, kind) for *place, kinds in rows for kind in kinds]
    table = pd.DataFrame(rows, columns=["condition", "level", "unit", "kind"])
    values = np.linspace(90, 20, len(table))
    return table.assign(value=values, low=values - 10, high=values + 8)


def test_robustness_begins_every_panel_with_the_videos_as_they_are():
    table = make_robustness()
    drawing = plots.robustness(table, reference=9.0)
    missing, noise, _ = drawing.wide.axes
    assert [axes.get_title("left") for axes in drawing.wide.axes] == ["missing", "noise", "blur"]
    assert tick_labels(noise.xaxis) == ["as is", "20", "-5"]
    assert noise.get_xlabel() == "dB"
    lines = {line.get_label(): line for line in noise.lines}
    two = ["fusion, modality dropout", "fusion, attention and modality dropout"]
    assert list(lines) == ["audio", "visual", "fusion", *two, "commonest class"]
    fusion = table[table.condition.isin(["none", "noise"]) & (table.kind == "fusion")]
    np.testing.assert_allclose(lines["fusion"].get_ydata(), fusion.value)
    np.testing.assert_allclose(lines["commonest class"].get_ydata(), 9.0)
    band = noise.collections[2].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((fusion.low.min(), fusion.high.max()))
    # Levels that are names are not joined, and a model without its modality is not there.
    lines = {line.get_label(): line for line in missing.lines}
    assert lines["fusion"].get_linestyle() == "None"
    assert lines["audio"].get_xdata().round().tolist() == [0, 2]
    assert len({text.get_text() for text in drawing.wide.legends[0].texts}) == 6
    render(drawing)


@given(st.dictionaries(st.sampled_from(list(KINDS)), st.floats(0, 100), min_size=1))
def test_names_at_lines_ends_never_hide_each_other_and_keep_their_order(ends):
    places = curves._spread(ends)
    ordered = sorted(ends, key=ends.__getitem__)
    assert all(np.diff([places[kind] for kind in ordered]) >= curves.APART - 1e-9)
    assert max(places.values()) <= 100 + 1e-9


COSTS = pd.DataFrame(
    [
        ("a", "audio", 50.0, 2.0, 9.0),
        ("b", "visual", 40.0, 1.0, 1.0),
        ("b", "visual", 45.0, 4.0, 2.0),
        ("c", "visual", 70.0, 3.0, 30.0),
    ],
    columns=["name", "kind", "value", "minutes", "multiply_adds"],
)


def test_steps_of_costs_only_rise_and_no_line_joins_the_rest():
    drawing = plots.costs(COSTS.assign(low=COSTS.value - 5, high=COSTS.value + 5))
    minutes, multiply_adds = ({line.get_label(): line for line in axes.lines} for axes in drawing.wide.axes)
    best = "the best for this cost or less"
    assert (minutes[best].get_xdata().tolist(), minutes[best].get_ydata().tolist()) == ([1, 2, 3], [40, 50, 70])
    assert multiply_adds[best].get_ydata().tolist() == [40, 45, 50, 70]
    assert all(line.get_linestyle() == "None" for name, line in minutes.items() if name != best)
    render(drawing)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "human"}, "kind: expected one of audio, visual, fusion, dropout, attention, paper, got"),
        ({"value": 140.0}, "expected 0 to 100 %"),
        ({"level": "x"}, "one row a condition and level and kind"),
    ],
)
def test_robustness_refuses_what_it_cannot_show(change, message):
    with pytest.raises(ValueError, match=message):
        plots.robustness(make_robustness().assign(**change))
    with pytest.raises(ValueError, match="at least one of the conditions"):
        plots.robustness(make_robustness().query("condition == 'none'"))
