import ast
import inspect
import shutil
from pathlib import Path

import pandas as pd
import pytest
from in_parts import index_in_parts
from tiny_features import write_features
from typer.testing import CliRunner

from instrec_utils import __main__, corpora, files, paths
from instrec_utils.corpora import Corpus
from instrec_utils.errors import InstrecError, ParameterError
from instrec_utils.paper_data import paper
from instrec_utils.pipeline import computing, grid, report
from instrec_utils.pipeline.parameters import declared_parameters
from instrec_utils.training import runs
from instrec_utils.training.result_files import NEEDED, predictions_path

CHECKOUT = Path(__file__).parents[2]
INDEX = pd.DataFrame({"video_id": ["a"], "label": ["x"], "split": ["train"], "path": ["a.mp4"], "duration": [1.0]})


@pytest.fixture
def checkout(home, monkeypatch):
    """A home with the real notebooks and parameters and a prepared corpus of the name open."""
    for name in ("notebooks", "params"):
        shutil.copytree(CHECKOUT / name, home / name, dirs_exist_ok=True)
    write_features(home / "features" / "a.h5")
    monkeypatch.setattr(corpora, "read_corpus", lambda name: Corpus(name, "open", home, home, INDEX))
    return home


def write_list(home, text):
    (home / "params" / "tables" / "open.yaml").write_text(text)


def finish(run):
    """Write what a finished run leaves behind."""
    files.write_arrays(run.weights)  # some zip archive
    files.write_json(run.directory / "run.json", run.trained_on)
    for split in ("validation", "test"):
        files.write_text(predictions_path(run.result_path, split), "video_id,label,x")
    made = {"run": run.name, "run_sha256": run.key, "num_test": 0}
    files.write_json(run.result_path, dict.fromkeys(NEEDED) | run.settings | made)


@pytest.mark.parametrize("name", ["demo", "open"])
def test_the_published_lists_have_every_model_seed_and_form(name):
    experiments = grid.read_experiments(name, {})
    assert [one.notebook for one in experiments] == sorted(one.notebook for one in experiments)
    assert len({repr(one) for one in experiments}) == len(experiments)
    assert {one.parameters["corpus"] for one in experiments} == {name}
    found = {kind: [] for kind in grid.STAGES.values()}
    index = index_in_parts(7)
    for one in experiments:
        run = one.run(Corpus(name, name, paths.data_dir(), paths.data_dir(), index))
        found[run.kind].append(run)
    pretrained = {"efficientat_mn04"} if name == "open" else set()
    assert {run.model for run in found["audio"]} == {"han2016", "choi2016", "xception_audio"} | pretrained
    choi = {(run.parameters["segmentation"], run.seed) for run in found["audio"] if run.model == "choi2016"}
    assert choi == {(segmentation, seed) for segmentation in ("uc", "cc") for seed in (10, 11, 12)}
    assert {run.parameters["fusion_form"] for run in found["fusion"]} == {"text", "code", "attention", "weighted"}
    # Without demo, which has no parts, each part tests once: the last in the fixed parts.
    parts = {"demo": set(), "open": {1, 2, 3, 4, 5, 6}}[name]
    for kind in found:
        assert {run.corpus.rotation for run in found[kind]} == {0} | parts, kind
    # The runs that they join are in the list.
    alone = {run.name for kind in ("audio", "visual") for run in found[kind]}
    assert {joined.name for run in found["fusion"] for joined in run.joined} <= alone


def runs_of_list(name, overrides=None):
    """Return the runs of a published list by kind."""
    corpus = Corpus(name, name, paths.data_dir(), paths.data_dir(), INDEX)
    made = [one.run(corpus) for one in grid.read_experiments(name, overrides or {})]
    return {kind: [run for run in made if run.kind == kind] for kind in grid.STAGES.values()}


@pytest.mark.parametrize(("name", "dataset", "frames"), [("fcvid", "FCVID", 50), ("yt8m", "YT-8M", 20)])
def test_the_lists_of_the_papers_corpora_are_the_papers_rows(name, dataset, frames):
    found = runs_of_list(name)
    printed = {
        table: [row for row in paper.paper_tables()[table] if row["dataset"] == dataset]
        for table in ("table2", "table3", "table4")
    }
    pretrained = {"imagenet": False, "imagenet+instruments": True}
    visual = [(run.parameters["num_frames"], pretrained[run.parameters["initial_weights"]]) for run in found["visual"]]
    assert sorted(visual) == sorted((row["frames"], row["pretrained"]) for row in printed["table2"])
    audio = [run.architecture.title_with(run.parameters["segmentation"]) for run in found["audio"]]
    assert sorted(audio) == sorted(row["model"] for row in printed["table3"])
    fusions = {run.joined[0].architecture.title.split()[0] for run in found["fusion"]}
    assert fusions == {row["model"] for row in printed["table4"]}
    assert {run.joined[1].name for run in found["fusion"]} == {f"visual-inception_frames-k{frames}-pt-paper-s10"}
    every = [run for runs_of_kind in found.values() for run in runs_of_kind]
    assert {(run.profile, run.seed) for run in every} == {("paper", 10)}
    assert {run.model for run in found["visual"]} == {"inception_frames"}
    assert len(every) == sum(map(len, printed.values()))


def test_the_list_of_a_folder_needs_no_photographs():
    found = runs_of_list("folder")
    assert {run.parameters["initial_weights"] for run in found["visual"]} == {"imagenet"}
    assert {(run.profile, run.seed) for run in found["fusion"]} == {("quick", seed) for seed in (10, 11, 12)}


def test_what_the_user_says_holds_where_the_list_says_nothing(home, monkeypatch):
    monkeypatch.setenv("INSTREC_HOME", str(CHECKOUT))
    monkeypatch.chdir(home)
    (home / "pictures").mkdir()
    overrides = {"root": "videos", "photographs": "pictures", "visual_max_epochs": 1, "num_frames": 7}
    experiments = grid.read_experiments("fcvid", overrides)
    assert {one.parameters["root"] for one in experiments} == {str(home / "videos")}
    assert {one.parameters["photographs"] for one in experiments} == {str(home / "pictures")}
    visual = runs_of_list("fcvid", overrides)["visual"]
    assert {run.protocol.max_epochs for run in visual} == {1}
    assert {run.parameters["num_frames"] for run in visual} == {20, 30, 50, 100}
    with pytest.raises(ParameterError, match=r"photographs: expected a folder with one .*, got '.*none'"):
        runs_of_list("fcvid", {"photographs": "none"})


def test_the_command_passes_the_folder_and_parameters_on_to_all_that_it_does(home, monkeypatch):
    told = []

    def tell(*arguments, **_):
        told.append([one for one in arguments if not callable(one)])
        for train in filter(callable, arguments):
            train()
        return []

    for module, name in ((grid, "read_experiments"), (grid, "train_experiments"), (report, "make_report")):
        monkeypatch.setattr(module, name, tell)
    monkeypatch.setattr(computing, "describe", lambda *_, **__: "computing on nothing")
    command = ["tables", "--corpus", "fcvid", "--root", "videos", "-p", "split=grouped"]
    CliRunner().invoke(__main__.app, command, catch_exceptions=False)
    asked = ["fcvid", {"split": "grouped", "root": "videos"}]
    assert told == [asked, asked, [[]]]


def test_the_notebooks_declare_what_the_runs_have_where_nothing_is_said():
    """So an experiment, which says what differs, is the run that its notebook makes."""
    functions = {"visual": runs.visual_run, "audio": runs.audio_run, "fusion": runs.fusion_run}
    for stage, kind in grid.STAGES.items():
        declared = declared_parameters(CHECKOUT / "notebooks" / f"{stage}.ipynb")
        given = inspect.signature(functions[kind]).parameters
        assert given.keys() - declared.keys() <= {"corpus", "audio", "visual"}, stage
        for function in functions.values():
            for name, parameter in inspect.signature(function).parameters.items():
                if name in declared and parameter.default is not inspect.Parameter.empty:
                    assert ast.literal_eval(declared[name]["default"]) == parameter.default, (stage, name)


def test_values_are_combined_and_the_rest_is_the_corpus_own(checkout):
    write_list(checkout, "- {notebook: 03_visual_model, num_frames: [1, 5], seed: [1, 2, 3]}")
    experiments = grid.read_experiments("open", {})
    assert [(one.parameters["num_frames"], one.parameters["seed"]) for one in experiments] == [
        (frames, seed) for frames in (1, 5) for seed in (1, 2, 3)
    ]
    named = [one.run(corpora.read_corpus("open")) for one in experiments]
    assert {run.profile for run in named} == {"quick"}
    assert named[0].name == "visual-efficientnet_lite0-k1-quick-s1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("notebook: 03_visual_model", "expected a list of entries"),
        ("[]", "expected a list of entries"),
        (
            "- {notebook: 05_fusion, audio_patience: [3]}",
            "05_fusion: expected parameters .*, got audio_patience",
        ),
        ("- {notebook: 09_nothing, seed: [1]}", "notebook: expected one of 03_visual_model, .* got '09_nothing'"),
        ("- {notebook: 03_visual_model, seed: 1}", "expected a list of values for each parameter"),
        ("- {notebook: 03_visual_model, seeds: [1]}", "'seeds' is declared by no notebook; did you mean seed?"),
        ("- {notebook: 03_visual_model, seed: [one]}", "parameter seed: expected a value of type int, got 'one'"),
    ],
)
def test_a_malformed_list_is_refused(checkout, text, message):
    write_list(checkout, text)
    with pytest.raises(ParameterError, match=message):
        grid.read_experiments("open", {})


def test_a_corpus_without_a_list(checkout):
    with pytest.raises(ParameterError, match=r"no list of experiments; there are lists for demo, fcvid, folder, open"):
        grid.read_experiments("tiny", {})


def test_runs_are_executed_once_and_a_fusion_after_its_parts(checkout, monkeypatch):
    write_list(
        checkout,
        "- {notebook: 05_fusion, seed: [1]}\n- {notebook: 04_audio_model, seed: [1]}\n"
        "- {notebook: 03_visual_model, seed: [1]}",
    )
    executed = []

    def execute(notebook, parameters, _):
        executed.append(notebook.stem)
        corpus = corpora.read_corpus("open")
        finish(grid.Experiment(notebook.stem, runs.report_parameters("open") | parameters).run(corpus))

    monkeypatch.setattr(grid, "execute_notebook", execute)
    experiments = grid.read_experiments("open", {})
    assert grid.train_experiments(experiments) == 3
    assert executed == ["03_visual_model", "04_audio_model", "05_fusion"]
    assert grid.train_experiments(experiments) == 0
    assert len(executed) == 3


def test_a_failed_run_stops_after_its_stage_and_names_the_reason(checkout, monkeypatch):
    write_list(checkout, "- {notebook: 03_visual_model, seed: [1, 2]}\n- {notebook: 05_fusion, seed: [1]}")
    executed = []

    def execute(notebook, parameters, _):
        executed.append((notebook.stem, parameters["seed"]))
        raise InstrecError("a cell failed")

    monkeypatch.setattr(grid, "execute_notebook", execute)
    with pytest.raises(InstrecError, match="03_visual_model: 2 of 2 runs failed, the first: a cell failed"):
        grid.train_experiments(grid.read_experiments("open", {}))
    assert executed == [("03_visual_model", 1), ("03_visual_model", 2)]
