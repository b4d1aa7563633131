"""An audio network of another package, with an input of its own, goes the whole way and nothing here knows of it."""

import shutil

import h5py
import numpy as np
import pytest
import toy_architecture
from tiny_videos import write_tones

from instrec_utils import evaluation, media, models, paths
from instrec_utils.corpora import Corpus
from instrec_utils.errors import FeaturesError, ParameterError
from instrec_utils.features import extraction, store
from instrec_utils.models.architecture import audio_inputs
from instrec_utils.training import runs
from instrec_utils.training.experiments import train_run
from instrec_utils.training.result_files import find_result, read_predictions, read_result
from instrec_utils.training.run import usual_settings


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A corpus of four videos a split, extracted with the toy architecture there, and its run, trained."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch, toy_architecture.installed(home / "site"):
        patch.setenv("INSTREC_HOME", str(home))
        patch.setenv("INSTREC_DATA", str(home / "data"))
        directory = paths.data_dir() / "tiny"
        index = write_tones(directory, train=2, validation=2, test=2)
        corpus = Corpus("tiny", "folder", directory, directory, index)
        assert len(extraction.extract_features(corpus, num_workers=1)) == 0
        run = runs.audio_run(corpus, audio_model="toy", segmentation="centre", audio_max_epochs=1, seed=1)
        train_run(run)
        yield corpus, run


@pytest.mark.slow
def test_its_input_is_extracted_when_its_run_needs_it(world):
    corpus, run = world
    assert run.audio_input is audio_inputs()["toy_centre"]
    folder = corpus.directory / "features"
    with h5py.File(store.features_path(folder, "test-low-0")) as file:
        assert sorted(file["log_mel"]) == ["choi2016_cc", "choi2016_uc", "han2016"]
    assert sorted(path.name for path in folder.iterdir() if path.is_dir()) == ["toy_centre"]
    with h5py.File(folder / "toy_centre" / "test-low-0.h5") as file:
        assert list(file) == ["log_mel"]
        assert file["log_mel/toy_centre"].shape == (20, 63)
    stored = store.load_input(corpus.directory / "features", "test-low-0", run.audio_input)
    samples = media.read_sound(corpus.directory / "test-low-0.mp4", (8000,))[8000]
    np.testing.assert_allclose(stored, run.audio_input.compute(samples), atol=0.1)
    assert stored.mean(axis=1).argmax() < 5  # the tone is a low one


@pytest.mark.slow
def test_its_run_has_a_name_a_result_and_predictions(world):
    corpus, run = world
    assert run.name == "audio-toy-centre-quick-epochs1-s1"
    assert run.is_done()
    result = read_result(find_result("tiny", run.name))
    assert (result["kind"], result["model"], result["profile"]) == ("audio", "toy", "quick")
    assert result["parameters"] == run.parameters
    assert (result["epochs"], result["warm_up_epochs"]) == (1, 0)
    assert usual_settings("toy", run.parameters, "quick")["warm_up_epochs"] == 0  # as it has none
    assert (result["num_train"], result["num_validation"], result["num_test"]) == (4, 4, 4)
    assert result["num_parameters"] == 20 * 8 + 8 + 8 * 2 + 2
    assert result["multiply_adds"] == 20 * 8 + 8 * 2
    table = read_predictions(run.result_path)
    assert table["video_id"].tolist() == corpus.split("test")["video_id"].tolist()
    truth, scores, labels = evaluation.from_predictions(table)
    assert labels == ["high", "low"]
    assert evaluation.evaluate(truth, [scores]) == result["metrics"]


@pytest.mark.slow
def test_only_its_input_is_extracted_again_when_that_changes(world, tmp_path):
    corpus, run = world
    features_dir = tmp_path / "features"
    shutil.copytree(corpus.directory / "features", features_dir)
    video = store.Video("test-low-0", corpus.directory / "test-low-0.mp4", features_dir / "test-low-0.h5")
    usual = video.features_path.read_bytes()
    assert not store.lacks_input(features_dir, "test-low-0", run.audio_input)
    with toy_architecture.installed(tmp_path / "site", n_mels=24):
        other = audio_inputs()["toy_centre"]
        assert store.is_valid(video)
        assert store.lacks_input(features_dir, "test-low-0", other)
        with pytest.raises(FeaturesError, match=r"low-0\.h5: log_mel/toy_centre was made with other settings; extract"):
            store.load_input(features_dir, "test-low-0", other)
        changed = runs.audio_run(corpus, audio_model="toy", segmentation="centre", audio_max_epochs=1, seed=1)
        assert (changed.name, changed.parameters) == (run.name, run.parameters)
        assert changed.key != run.key
        assert runs.audio_run(corpus).name == "audio-choi2016-uc-quick-s10"
        extraction.extract_input(video, "toy_centre")
        assert not store.lacks_input(features_dir, "test-low-0", other)
        assert store.load_input(features_dir, "test-low-0", other).shape == (24, 63)
    assert store.lacks_input(features_dir, "test-low-0", run.audio_input)
    assert video.features_path.read_bytes() == usual  # what other networks learned from is what it was


@pytest.mark.slow
def test_its_input_of_another_video_is_extracted_again(world, tmp_path):
    corpus, run = world
    shutil.copytree(corpus.directory / "features", tmp_path / "features")
    with h5py.File(tmp_path / "features" / "test-low-0.h5", "a") as file:
        file.attrs["video_bytes"] += 1
    assert store.lacks_input(tmp_path / "features", "test-low-0", run.audio_input)
    assert not store.lacks_input(tmp_path / "features", "test-low-1", run.audio_input)


@pytest.mark.slow
def test_no_other_run_depends_on_it(world):
    corpus, _ = world
    before = runs.audio_run(corpus)
    toy_architecture.forget()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.path", [folder for folder in __import__("sys").path if not folder.endswith("/site")])
        assert "toy" not in models.architectures()
        after = runs.audio_run(corpus)
        assert (after.key, after.features_key) == (before.key, before.features_key)
        video = corpus.split("test").iloc[0]
        path = store.features_path(corpus.directory / "features", video.video_id)
        assert store.is_valid(store.Video(video.video_id, corpus.videos / video.path, path))
        toy_architecture.forget()
    assert "toy" in models.architectures()


def test_an_input_needs_a_name_of_its_own(tmp_path):
    with (
        toy_architecture.installed(tmp_path, input_name="choi2016_uc"),
        pytest.raises(ParameterError, match="expected an input with a name of its own, got 'choi2016_uc'"),
    ):
        audio_inputs()


def test_an_architecture_that_cannot_be_loaded_is_named(tmp_path):
    with (
        toy_architecture.installed(tmp_path, module="not_there"),
        pytest.raises(ParameterError, match=r"not_there:ARCHITECTURE: this architecture cannot be loaded \(No module"),
    ):
        models.architectures("audio")


@pytest.mark.slow
def test_the_reports_tables_have_it(world):
    from instrec_utils.report import results, tables

    _, run = world
    found = results.read_results("tiny")
    assert found["run"].tolist() == [run.name]
    shown = tables.scores_table(found).to_string()
    assert "Toy network" in shown
