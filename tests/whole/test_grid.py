import shutil
from pathlib import Path

import pandas as pd
import pytest
from tiny_features import write_features

from instrec_utils import corpora, files, grid, paths, pipeline
from instrec_utils.corpora import Corpus
from instrec_utils.errors import InstrecError, ParameterError
from instrec_utils.training import runs

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def checkout(home, monkeypatch):
    """A home with the real notebooks and parameters and a prepared corpus of the name open."""
    for name in ("notebooks", "params"):
        shutil.copytree(CHECKOUT / name, home / name, dirs_exist_ok=True)
    index = pd.DataFrame({"video_id": ["a"], "label": ["x"], "split": ["train"], "path": ["a.mp4"], "duration": [1.0]})
    write_features(home / "features" / "a.h5")
    monkeypatch.setattr(corpora, "read_corpus", lambda name: Corpus(name, "open", home, home, index))
    return home


def write_list(home, text):
    (home / "params" / "tables" / "open.yaml").write_text(text)


def finish(corpus, run):
    """Write what a finished run leaves behind."""
    files.write_bytes(run.weights(corpus), b"")
    files.write_json(run.directory(corpus) / "run.json", {"features": run.features_key(corpus)})
    for split in ("validation", "test"):
        files.write_text(runs.predictions_path(corpus.name, run.name, split), "")
    content = {"run": run.name, "kind": run.kind, "model": run.model, "parameters": run.parameters}
    content |= {"protocol": run.protocol, "seed": run.seed, "uses": run.uses, "run_sha256": run.sha256(corpus)}
    files.write_json(paths.results_dir(corpus.name) / f"{run.name}.json", content)


@pytest.mark.parametrize("corpus", ["demo", "open"])
def test_the_published_lists_have_every_model_seed_and_form(corpus):
    experiments = grid.read(corpus)
    assert [one.notebook for one in experiments] == sorted(one.notebook for one in experiments)
    assert len({repr(one) for one in experiments}) == len(experiments)
    audio = [one.parameters for one in experiments if one.notebook == "04_audio_model"]
    assert {one["audio_model"] for one in audio} == {"han2016", "choi2016", "xception_audio"}
    choi = {(one["segmentation"], one["seed"]) for one in audio if one["audio_model"] == "choi2016"}
    assert choi == {(way, seed) for way in ("uc", "cc") for seed in (10, 11, 12)}
    assert {one.parameters["corpus"] for one in experiments} == {corpus}
    fusions = [one.parameters for one in experiments if one.notebook == "05_fusion"]
    assert {one["fusion_form"] for one in fusions} == {"text", "code", "attention"}
    frames = {one.parameters["num_frames"] for one in experiments if one.notebook == "03_frame_model"}
    assert {one["num_frames"] for one in fusions} <= frames  # the frame models that they join are in the list


def test_values_are_combined_and_the_rest_is_the_corpus_own(checkout):
    write_list(checkout, "- {notebook: 03_frame_model, num_frames: [1, 5], seed: [1, 2, 3]}")
    experiments = grid.read("open")
    assert [(one.parameters["num_frames"], one.parameters["seed"]) for one in experiments] == [
        (frames, seed) for frames in (1, 5) for seed in (1, 2, 3)
    ]
    assert {one.parameters["profile"] for one in experiments} == {"quick"}
    runs = [one.run(corpora.read_corpus("open")) for one in experiments]
    assert runs[0].name == "visual-efficientnet_lite0-k1-s1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("notebook: 03_frame_model", "expected a list of entries"),
        ("- {notebook: 09_nothing, seed: [1]}", "notebook: expected one of 03_frame_model, .* got '09_nothing'"),
        ("- {notebook: 03_frame_model, seed: 1}", "expected a list of values for each parameter"),
        ("- {notebook: 03_frame_model, seeds: [1]}", "'seeds' is declared by no notebook; did you mean seed?"),
        ("- {notebook: 03_frame_model, seed: [one]}", "parameter seed: expected a value of type int, got 'one'"),
    ],
)
def test_a_malformed_list_is_refused(checkout, text, message):
    write_list(checkout, text)
    with pytest.raises(ParameterError, match=message):
        grid.read("open")


def test_a_corpus_without_a_list(checkout):
    with pytest.raises(ParameterError, match=r"no list of experiments; there are lists for demo, open"):
        grid.read("folder")


def test_runs_are_executed_once_and_a_fusion_after_its_parts(checkout, monkeypatch):
    write_list(
        checkout,
        "- {notebook: 05_fusion, seed: [1]}\n- {notebook: 04_audio_model, seed: [1]}\n"
        "- {notebook: 03_frame_model, seed: [1]}",
    )
    executed = []

    def execute(notebook, parameters, _):
        executed.append(notebook.stem)
        corpus = corpora.read_corpus("open")
        finish(corpus, grid.Experiment(notebook.stem, parameters).run(corpus))

    monkeypatch.setattr(pipeline, "execute", execute)
    assert grid.run("open") == 3
    assert executed == ["03_frame_model", "04_audio_model", "05_fusion"]
    assert grid.run("open") == 0
    assert len(executed) == 3


def test_a_failed_run_stops_after_its_stage_and_names_the_reason(checkout, monkeypatch):
    write_list(checkout, "- {notebook: 03_frame_model, seed: [1, 2]}\n- {notebook: 05_fusion, seed: [1]}")
    executed = []

    def execute(notebook, parameters, _):
        executed.append((notebook.stem, parameters["seed"]))
        raise InstrecError("a cell failed")

    monkeypatch.setattr(pipeline, "execute", execute)
    with pytest.raises(InstrecError, match="03_frame_model: 2 of 2 runs failed, the first: a cell failed"):
        grid.run("open")
    assert executed == [("03_frame_model", 1), ("03_frame_model", 2)]
