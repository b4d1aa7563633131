import copy
import dataclasses
import io
import json
import os
import shutil
import sys
import threading
import time
from dataclasses import replace

import cv2
import filelock
import h5py
import keras
import numpy as np
import pandas as pd
import pytest
import tiny_features

from instrec_utils import corpora, evaluation, files, models, paths
from instrec_utils.config import Protocol
from instrec_utils.corpora import Corpus
from instrec_utils.errors import CorpusError, FeaturesError, ParameterError, RunError
from instrec_utils.features import embeddings, store
from instrec_utils.inputs import frames
from instrec_utils.models.han2016 import TRAINING_WINDOWS
from instrec_utils.training import experiments, learned, recipes, runs, solver
from instrec_utils.training import fit as training
from instrec_utils.training.result_files import find_result, predictions_path, read_predictions, read_result
from instrec_utils.training.run import Run

LABELS = ("cello", "flute", "organ")
PROTOCOL = Protocol("adam", learning_rate=0.05, batch_size=4, max_epochs=2, patience=2)
FIELDS = (  # DESIGN.md, results/<corpus>/<run>.json
    *("corpus", "run", "kind", "model", "profile", "parameters", "seed", "num_train", "num_validation", "num_test"),
    *("num_parameters", "steps", "train_seconds", "device", "metrics", "versions", "commit", "index_sha256"),
)


def make_index():
    rows = [
        (f"{label}-{number}", label, ("train", "train", "train", "train", "validation", "test")[number], "x.mp4", 3.0)
        for label in LABELS
        for number in range(6)
    ]
    return pd.DataFrame(rows, columns=["video_id", "label", "split", "path", "duration"])


def write_features(store, video_id, *, has_sound=True, has_nan=False):
    """A features file with random spectrograms whose loud band tells the class."""
    generator = np.random.default_rng(list(video_id.encode()))
    spectrogram = generator.uniform(-80, -60, (96, 1366))
    spectrogram[20 * LABELS.index(video_id.split("-")[0])] = 0
    spectrogram[0, 0] = np.nan if has_nan else 0
    windows = spectrogram[np.arange(128) % 96, :1290].reshape(128, 30, 43).transpose(1, 0, 2)
    heard = {"choi2016_uc": spectrogram, "choi2016_cc": spectrogram, "han2016": windows}
    tiny_features.write_features(store / f"{video_id}.h5", **(heard if has_sound else {}))


def build_tiny(name, num_classes, **options):
    if name == "late_fusion":
        return real_build(name, num_classes, **options)
    inputs = keras.Input((96, 1366))
    x = keras.layers.Rescaling(0.02, offset=1)(keras.layers.Permute((2, 1))(inputs))
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(8, activation="relu", name="embedding")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax", name="scores")(x))


real_build = models.build


def no_backbone(corpus, folder, build, **_):
    """Embeddings as a backbone would give them: three frames a video, none for one of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for video_id in corpus.usable.video_id:
        generator = np.random.default_rng(list(video_id.encode()))
        with h5py.File(folder / f"{video_id}.h5", "w") as file:
            file["embeddings"] = generator.normal(size=(0 if video_id == "organ-5" else 3, 1280)).astype(np.float16)


@pytest.fixture
def corpus(home, monkeypatch):
    monkeypatch.setattr(models, "build", build_tiny)
    monkeypatch.setattr(embeddings, "embed_frames", no_backbone)
    directory = paths.data_dir() / "tiny"
    index = make_index()
    for video_id in index.video_id:
        write_features(directory / "features", video_id, has_sound=video_id != "flute-5")
    return Corpus("tiny", "folder", directory, directory, index)


def audio_run(corpus, *, protocol=PROTOCOL, augment=False, **changes):
    run = runs.audio_run(corpus, **{"profile": "paper", "seed": 1} | changes)
    return replace(run, protocol=protocol, parameters=run.parameters | {"augment": augment})


def train(corpus, **changes):
    run = audio_run(corpus, **changes)
    experiments.train_run(run)
    return run


def train_frames(corpus, **changes):
    run = replace(runs.visual_run(corpus, num_frames=4, seed=1, **changes), protocol=PROTOCOL)
    experiments.train_run(run)
    return run


def train_fusion(corpus, audio, visual, **changes):
    run = replace(runs.fusion_run(corpus, audio=audio, visual=visual, seed=1, **changes), protocol=PROTOCOL)
    experiments.train_run(run)
    return run


@pytest.mark.slow
@pytest.mark.parametrize("model", [name for name, one in models.architectures("audio").items() if one.warm_up])
def test_an_audio_model_begins_with_a_warm_up(corpus, monkeypatch, model):
    monkeypatch.setattr(models, "build", real_build)
    protocol = replace(PROTOCOL, learning_rate=1e-4, max_epochs=1)
    run = train(corpus, audio_model=model, audio_warm_up_epochs=1, protocol=protocol)
    result = read_result(run.result_path)
    warmed_up = training.read_history(run.directory / "warm_up")
    assert len(warmed_up) == 1
    windows = TRAINING_WINDOWS if model == "han2016" else 1
    assert result["steps"] == warmed_up["steps"].sum() + 3 * windows
    assert result["num_parameters"] == models.build(model, 3).count_params()


def test_a_result_says_what_made_it(corpus, home):
    run = train(corpus)
    result = read_result(run.result_path)
    assert set(FIELDS) <= set(result)
    assert [result[name] for name in FIELDS[:5]] == ["tiny", run.name, "audio", "choi2016", "paper"]
    assert (result["num_train"], result["num_validation"], result["num_test"]) == (12, 3, 3)
    assert result["num_parameters"] == 96 * 8 + 8 + 8 * 3 + 3
    assert result["steps"] == 2 * 3
    assert result["multiply_adds"] == 96 * 8 + 8 * 3
    expected = {"segmentation": "uc", "augment": False, "warm_up_epochs": 0, "silent_videos": "keep"}
    assert result["parameters"] == expected
    assert result["protocol"] == dataclasses.asdict(PROTOCOL)
    assert result["majority_rate"] == pytest.approx(1 / 3)
    assert set(result["metrics"]) == set(evaluation.METRICS)
    assert all(set(metric) == {"value", "low", "high"} for metric in result["metrics"].values())
    assert find_result("tiny", run.name) == run.result_path == home / "runs" / "tiny" / "results" / f"{run.name}.json"
    assert str(home) not in json.dumps(result)


def test_the_predictions_recompute_the_metrics(corpus):
    run = train(corpus)
    result = read_result(run.result_path)
    for split, key in (("test", "metrics"), ("validation", "metrics_validation")):
        table = read_predictions(run.result_path, split)
        assert list(table.columns) == ["video_id", "label", *LABELS]
        assert table.video_id.tolist() == corpus.split(split).video_id.tolist()
        truth, scores, labels = evaluation.from_predictions(table)
        assert labels == corpus.labels
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
        assert evaluation.evaluate(truth, [scores]) == result[key]


def test_a_finished_run_is_not_trained_again(corpus, monkeypatch):
    run = train(corpus)
    place = paths.working_results_dir("tiny")
    before = {path: path.stat().st_mtime_ns for path in (*place.iterdir(), *run.directory.iterdir())}

    def refuse(*_, **__):
        raise AssertionError("trained again")

    with monkeypatch.context() as patch:
        patch.setattr(training, "fit", refuse)
        assert train(corpus).key == run.key
    assert {path: path.stat().st_mtime_ns for path in (*place.iterdir(), *run.directory.iterdir())} == before
    assert run.check_done() is run


@pytest.mark.slow
def test_other_settings_go_to_another_folder_and_another_result(corpus):
    trained = [
        train(corpus),
        train(corpus, segmentation="cc"),
        train(corpus, profile="quick", audio_warm_up_epochs=0),
        train(corpus, seed=2),
        train(corpus, protocol=replace(PROTOCOL, learning_rate=0.01)),
        train(corpus, augment=True, seed=3),
    ]
    assert len({run.directory for run in [*trained, audio_run(corpus, augment=True)]}) == 7
    assert all((run.directory / "best.keras").exists() for run in trained)
    # All stand side by side, and each says what it was trained with.
    assert all(run.is_done() for run in trained)
    assert [read_result(run.result_path)["protocol"]["learning_rate"] for run in trained[3:5]] == [0.05, 0.01]
    assert [read_result(run.result_path)["profile"] for run in trained[1:3]] == ["paper", "quick"]


def test_the_same_settings_give_the_same_predictions(corpus):
    run = train(corpus, augment=True)
    place = predictions_path(run.result_path, "test")
    first = place.read_bytes()
    place.unlink()
    run.result_path.unlink()
    shutil.rmtree(run.directory)
    train(corpus, augment=True)
    assert place.read_bytes() == first


def test_other_features_make_a_run_stale_and_it_begins_anew(corpus):
    run = train(corpus)
    assert run.is_done()
    path = corpus.directory / "features" / "cello-0.h5"
    with h5py.File(path, "r+") as file:
        file.attrs["video_bytes"] = 2000
    again = audio_run(corpus)
    assert (again.key, again.directory) == (run.key, run.directory)
    assert not again.is_done()
    with pytest.raises(RunError, match=rf"{run.name}\.json: made from another index or other features.*train it again"):
        again.check_done()
    (run.directory / "history.csv").write_text("of other features")
    assert train(corpus).is_done()


def test_a_training_anew_that_was_stopped_is_not_taken_for_done(corpus, monkeypatch):
    """The result of the weights that were there would else stand beside half-trained ones."""
    run = train(corpus)
    run.weights.unlink()
    monkeypatch.setattr(training, "KEEP_SECONDS", 0)
    keep = training._keep

    def stopped(*arguments):
        keep(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "_keep", stopped)
    with pytest.raises(KeyboardInterrupt):
        experiments.train_run(run)
    assert files.is_whole_archive(run.weights)
    assert not run.is_done()
    monkeypatch.setattr(training, "_keep", keep)
    experiments.train_run(run)
    assert run.is_done()
    assert len(training.read_history(run.directory)) == PROTOCOL.max_epochs


def test_a_fusion_begins_anew_if_what_it_joins_was_trained_anew(corpus):
    audio, visual = train(corpus), train_frames(corpus)
    fusion = train_fusion(corpus, audio, visual)
    path = predictions_path(audio.result_path, "test")
    text = path.read_text().rstrip()
    path.write_text(text[:-1] + ("2" if text[-1] == "1" else "1") + "\n")  # as another processor would round
    assert not fusion.is_done()
    experiments.train_run(fusion)
    assert fusion.is_done()


def test_earlier_versions_did_not_note_what_a_fusion_joins(corpus):
    fusion = train_fusion(corpus, train(corpus), train_frames(corpus))
    noted = json.loads((fusion.directory / "run.json").read_text())
    del noted["joined"]
    files.write_json(fusion.directory / "run.json", noted)
    assert fusion.is_done()


def test_other_channels_are_other_features(corpus):
    before = audio_run(corpus).features_key
    with h5py.File(corpus.directory / "features" / "cello-0.h5", "a") as file:
        file.attrs["channels"] = "loudest"
    os.utime(corpus.directory / "features" / "cello-0.h5", ns=(1, 1))
    assert audio_run(corpus).features_key != before


def test_kept_embeddings_belong_to_their_videos_in_whatever_order_the_index_is(corpus):
    run = train(corpus)
    before = learned.audio_embeddings_of(run)
    turned = replace(run, corpus=replace(corpus, index=corpus.index[::-1].reset_index(drop=True)))
    after = learned.audio_embeddings_of(turned)
    assert before.keys() == after.keys()
    for video_id, values in before.items():
        np.testing.assert_array_equal(after[video_id], values)


def test_features_that_only_moved_are_the_same(corpus):
    run = train(corpus)
    embedded = recipes.audio_embeddings_of(run)["cello-0"]
    path = corpus.directory / "features" / "cello-0.h5"
    os.utime(path, (0, 0))
    again = audio_run(corpus)
    assert again.is_done()
    np.testing.assert_array_equal(recipes.audio_embeddings_of(again)["cello-0"], embedded)


def test_sound_is_embedded_anew_by_other_weights(corpus):
    run = train(corpus)
    before = recipes.audio_embeddings_of(run)["cello-0"]
    network = models.load_model(run.weights)
    network.set_weights([2 * values for values in network.get_weights()])
    network.save(run.weights)
    assert (recipes.audio_embeddings_of(run)["cello-0"] != before).any()


@pytest.mark.parametrize("text", [None, "", "half"], ids=["deleted", "empty", "damaged"])
@pytest.mark.parametrize("lost", ["weights", "predictions", "result", "settings", "history", "warm_up"])
def test_a_run_that_lost_a_file_is_trained_again(corpus, lost, text):
    run = train(corpus)
    path = {
        "weights": run.weights,
        "predictions": predictions_path(run.result_path, "test"),
        "result": run.result_path,
        "settings": run.directory / "run.json",
        "history": run.directory / "history.csv",
        "warm_up": run.directory / "warm_up" / "history.csv",
    }[lost]
    path.unlink(missing_ok=True)
    if text is not None:
        files.write_text(path, text)
    if lost in ("history", "warm_up"):  # which matter to a training that goes on only
        run.result_path.unlink()
    assert not run.is_done()
    train(corpus)
    assert run.is_done()
    assert not np.isnan(read_result(run.result_path)["metrics"]["hit_at_1"]["value"])


def test_one_process_at_a_time_trains_a_run(corpus, monkeypatch):
    run, said = audio_run(corpus), io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)  # capsys loses what comes while it is read
    trained = []
    monkeypatch.setattr(experiments, "_train", lambda *_: trained.append(run.name))
    run.directory.mkdir(parents=True)
    with filelock.FileLock(run.directory / ".lock"):
        second = threading.Thread(target=experiments.train_run, args=(run,))
        second.start()
        while "another process trains it; waiting" not in said.getvalue():
            assert second.is_alive()
            time.sleep(0.01)
        assert trained == []
        monkeypatch.setattr(Run, "is_done", lambda *_: True)  # what the first process has done by now
    second.join()
    assert trained == []


def test_a_changed_index_makes_a_run_stale(corpus):
    run = train(corpus)
    index = corpus.index.copy()
    index.loc[[0, 4], "split"] = ["validation", "train"]
    with pytest.raises(RunError, match=rf"{run.name}\.json: made from another index.*train it again"):
        audio_run(replace(corpus, index=index)).check_done()
    audio_run(replace(corpus, index=corpus.index.sample(frac=1, random_state=0))).check_done()


def test_a_run_that_is_not_there(corpus):
    with pytest.raises(RunError, match=r"audio-.*\.json: no such result; train this model first"):
        audio_run(corpus).check_done()
    run = train(corpus)
    (run.directory / "best.keras").unlink()
    with pytest.raises(RunError, match="without its weights or predictions; train it again"):
        run.check_done()
    run.result_path.write_text(json.dumps({"run": run.name, "kind": "audio"}))
    with pytest.raises(RunError, match=r"of another version, without model, profile, .*train this model again"):
        run.check_done()


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_empty_split_is_refused(corpus, split):
    unusable = frozenset(corpus.split(split).video_id)
    with pytest.raises(CorpusError, match=f"tiny: the {split} split has no video of cello, flute, organ"):
        train(replace(corpus, unusable=unusable))
    assert not paths.working_results_dir("tiny").exists()


def test_one_class_cannot_be_learned(corpus):
    index = corpus.index[corpus.index["label"] == "cello"]
    with pytest.raises(CorpusError, match="tiny: expected videos of at least two classes, got cello"):
        train(replace(corpus, index=index))
    assert not paths.working_results_dir("tiny").exists()


def test_a_class_that_the_test_split_lacks_is_named(corpus):
    unusable = frozenset(corpus.split("test").query("label == 'organ'").video_id)
    with pytest.raises(
        CorpusError, match=r"the test split has no video of organ; each class needs .* split the corpus"
    ):
        train(replace(corpus, unusable=unusable))


def test_features_that_are_not_finite_stop_the_training(corpus):
    write_features(corpus.directory / "features", "cello-0", has_nan=True)
    with pytest.raises(
        FeaturesError, match=r"cello-0\.h5: damaged \(log_mel/choi2016_uc .* not finite\), so it was removed"
    ):
        train(corpus)
    assert not paths.working_results_dir("tiny").exists()


def test_a_visual_run_can_begin_with_photographs_which_the_backbone_sees_once(corpus, monkeypatch):
    pictures = np.random.default_rng(1).integers(0, 255, (30, 256, 256, 3), np.uint8)
    targets = np.repeat([0, 1, 2], 10)
    pictures[np.arange(30), ..., targets] = 255  # the colour tells the class
    monkeypatch.setattr(corpora, "read_photographs", lambda *_: (pictures, targets))
    passes = []

    def predict_frames(network, cropped, **_):
        passes.append(len(cropped))
        return np.repeat(cropped.mean(axis=(1, 2)) / 255, [427, 427, 426], axis=1).astype(np.float32)

    monkeypatch.setattr(embeddings, "predict_frames", predict_frames)
    monkeypatch.setattr(embeddings, "build_backbone", lambda _: None)
    plain, begun = train_frames(corpus), train_frames(corpus, initial_weights="imagenet+instruments")
    assert read_result(begun.result_path)["steps"] > read_result(plain.result_path)["steps"]
    taught = training.read_history(begun.directory / "photographs")
    assert taught["loss"].iloc[-1] < taught["loss"].iloc[0]
    values = embeddings.photograph_embeddings(corpus, "efficientnet_lite0", pictures)
    expected = pictures[:, 16:240, 16:240].mean(axis=(1, 2)) / 255
    np.testing.assert_allclose(values[:, [0, 500, 1000]], expected, rtol=1e-5)
    assert passes == [30]
    embeddings.photograph_embeddings(corpus, "efficientnet_lite0", pictures[:, ::-1])
    assert passes == [30, 30]  # others, so anew
    assert "without_photographs" not in read_result(plain.result_path)
    assert read_result(begun.result_path)["without_photographs"] == []
    files.write_text(begun.directory / recipes.WITHOUT_PHOTOGRAPHS, "damaged")
    begun.result_path.unlink()
    experiments.train_run(begun)
    assert read_result(begun.result_path)["without_photographs"] == []


@pytest.mark.slow
def test_the_fusion_joins_both(corpus):
    audio = train(corpus)
    visual = train_frames(corpus)
    fusion = train_fusion(corpus, audio, visual)
    result = read_result(fusion.result_path)
    assert (result["kind"], result["model"]) == ("fusion", "late_fusion")
    assert (result["parameters"]["audio"], result["parameters"]["visual"]) == (audio.name, visual.name)
    assert result["uses"] == [audio.key, visual.key]
    heard = recipes.audio_embeddings_of(audio)
    assert (heard["flute-5"] == 0).all()  # no sound stream
    assert (heard["cello-0"] != 0).any()
    folder = corpus.directory / "embeddings" / "efficientnet_lite0"  # all runs share what ImageNet's network makes
    assert embeddings.choose_embeddings(folder, "organ-5", 4, None).shape == (4, 1280)
    assert not (visual.directory / "embeddings").exists()

    fewer = replace(corpus, unusable=frozenset(["cello-1"]))  # decoded no longer: another training split
    with pytest.raises(RunError, match="made from another index"):
        audio_run(fewer).check_done()
    with pytest.raises(RunError, match="no such result; train this model first"):
        train_fusion(corpus, audio_run(corpus, seed=2), visual)

    with pytest.raises(ParameterError, match=r"modality_dropout: expected hundredths from 0 to 0\.99, got 0\.304"):
        train_fusion(corpus, audio, visual, modality_dropout=0.304)

    again = train(corpus, protocol=replace(PROTOCOL, learning_rate=0.01))
    changed = train_fusion(corpus, again, visual)
    assert changed.directory != fusion.directory
    assert changed.is_done()
    assert fusion.is_done()


@pytest.mark.slow
def test_a_fusion_of_scores_learns_from_the_validation_split(corpus, monkeypatch):
    """And its scores there are those of models that have not learned from the video."""
    learned_from = []
    real_solve = solver.solve

    def solve(build, batches, *arguments):
        learned_from.append(len(batches.targets))
        return real_solve(build, batches, *arguments)

    audio, visual = train(corpus), train_frames(corpus)
    monkeypatch.setattr(solver, "solve", solve)
    fusion = runs.fusion_run(corpus, audio=audio, visual=visual, seed=1, fusion_form="weighted")
    experiments.train_run(fusion)
    assert learned_from == [3, 2, 2, 2]
    result = read_result(fusion.result_path)
    assert result["num_parameters"] == 3
    assert result["epochs"] == result["steps"] + 1 == len(result["history"]["loss"])
    assert fusion.is_done()
    assert not (audio.directory / "embeddings.npz").exists()
    scores, heard = (
        read_predictions(run.result_path).set_index("video_id")[list(LABELS)].to_numpy() for run in (fusion, audio)
    )
    silent = read_predictions(audio.result_path)["video_id"].eq("flute-5")
    expected = evaluation.with_temperature(heard, learned.temperature_of(audio))  # none of the videos has pictures
    np.testing.assert_allclose(scores[~silent], expected[~silent], atol=2e-6)
    np.testing.assert_allclose(scores[silent], 1 / 3, atol=1e-6)


COLOURS = {"cello": (220, 40, 40), "flute": (40, 220, 40), "organ": (40, 40, 220)}


def build_of_pictures(name, num_classes, **options):
    """A whole visual network that is small: 1280 values of the mean colour of a picture."""
    if name != "efficientnet_lite0":
        return build_tiny(name, num_classes, **options)
    given_weights.append(options["weights"])
    inputs = keras.Input((224, 224, 3))
    x = keras.layers.Rescaling(1 / 128, offset=-1)(keras.layers.GlobalAveragePooling2D()(inputs))
    x = keras.layers.Dense(1280, activation="tanh", name="embedding")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax", name="scores")(x), name=name)


given_weights = []


@pytest.fixture
def pictured(home, monkeypatch):
    """A corpus whose videos have six frames, noisy ones of the colour of the class, but one has none."""
    monkeypatch.setattr(models, "build", build_of_pictures)
    given_weights.clear()
    directory = paths.data_dir() / "tiny"
    for video_id in make_index().video_id:
        generator = np.random.default_rng(list(video_id.encode()))
        spectrogram = generator.uniform(-80, -20, (96, 1366))
        colour = np.array(COLOURS[video_id.split("-")[0]])
        pictures = np.clip(colour + generator.integers(-40, 40, (6, 256, 256, 1)), 0, 255).astype(np.uint8)
        is_seen = video_id != "organ-3"
        path = directory / "features" / f"{video_id}.h5"
        tiny_features.write_features(path, pictures=pictures if is_seen else (), choi2016_uc=spectrogram)
    return Corpus("tiny", "folder", directory, directory, make_index())


def train_whole(corpus, **changes):
    return train_frames(corpus, **{"profile": "paper", "initial_weights": "random"} | changes)


@pytest.mark.slow
def test_a_fusion_joins_what_the_visual_run_has_learned(pictured):
    """The embeddings are those of the run's own network, not of ImageNet's, kept beside it and computed once."""
    visual = train_whole(pictured)
    fusion = train_fusion(pictured, train(pictured), visual)
    result = read_result(fusion.result_path)
    assert result["parameters"]["frame_embeddings"] == "visual run"
    assert not (pictured.directory / "embeddings").exists()

    network = models.load_model(visual.weights)
    inner = keras.Model(network.input, network.get_layer("embedding").output)
    path = pictured.directory / "features" / "flute-4.h5"
    seen = frames.central_crop(store.read_frames(path)).astype(np.float32)
    folder = learned.frame_embeddings_of(visual)
    assert folder == visual.directory / "embeddings"
    np.testing.assert_allclose(embeddings.read_embeddings(folder, "flute-4"), inner.predict(seen, verbose=0), atol=2e-3)
    assert len(embeddings.read_embeddings(folder, "organ-3")) == 0

    backbone, classes = learned.visual_parts(visual)
    np.testing.assert_allclose(
        classes.predict(backbone.predict(seen, verbose=0), verbose=0), network.predict(seen, verbose=0), atol=1e-5
    )

    (folder / "flute-4.h5").unlink()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.name != "cello-0.h5"}
    (folder / "cello-0.h5").write_bytes(b"damaged")
    learned.frame_embeddings_of(visual)  # carries on
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert after.keys() - before.keys() == {"cello-0.h5", "flute-4.h5"}
    assert before.items() <= after.items()
    assert len(embeddings.read_embeddings(folder, "cello-0")) == 6

    network.set_weights([2 * values for values in network.get_weights()])
    network.save(visual.weights)
    learned.frame_embeddings_of(visual)  # of other weights, so anew
    again = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert all(again[name] != after[name] for name in after)


def test_a_fusions_key_tells_whose_embeddings_it_joins(pictured):
    audio = audio_run(pictured)
    frozen, trained = (runs.visual_run(pictured, profile=profile) for profile in ("quick", "paper"))
    joined = [runs.fusion_run(pictured, audio=audio, visual=visual) for visual in (frozen, trained)]
    assert [one.parameters["frame_embeddings"] for one in joined] == ["imagenet", "visual run"]
    other = runs.visual_run(pictured, profile="paper", initial_weights="random")
    assert runs.fusion_run(pictured, audio=audio, visual=other).key not in {one.key for one in joined}


@pytest.mark.parametrize("audio_warm_up_epochs", [0, 1])
def test_an_xception_is_built_and_warmed_up_in_the_width_that_is_asked_for(corpus, monkeypatch, audio_warm_up_epochs):
    monkeypatch.setattr(models, "build", real_build)
    run = audio_run(corpus, audio_model="xception_audio", audio_width=8, audio_warm_up_epochs=audio_warm_up_epochs)
    network = recipes.RECIPES["audio"](run).build()
    assert network.get_layer("middle1_separable1").output.shape[-1] == 8


@pytest.mark.slow
def test_initial_weights_are_random_imagenets_or_learned_from_photographs_after_these(pictured, monkeypatch, tmp_path):
    photos = np.array(list(COLOURS.values()), np.uint8)[[0, 1] * 10, None, None] * np.ones((1, 256, 256, 1), np.uint8)
    for number, photo in enumerate(photos):
        path = tmp_path / LABELS[number % 2] / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), photo[..., ::-1])
    plain = [train_whole(pictured, initial_weights=weights) for weights in ("random", "imagenet")]
    begun = train_whole(pictured, initial_weights="imagenet+instruments", photographs=str(tmp_path))
    assert given_weights == [None, "imagenet", "imagenet"]
    assert not any((run.directory / "photographs").exists() for run in plain)
    learned_from = training.read_history(begun.directory / "photographs")
    assert learned_from["steps"].tolist() == [5, 5]  # nine tenths of 20 in batches of four
    assert read_result(begun.result_path)["without_photographs"] == ["organ"]
    assert begun.parameters["photographs"] not in ("", None)
    assert str(tmp_path) not in begun.result_path.read_text()


@pytest.mark.parametrize("redraw_frames", [False, True])
def test_frames_are_drawn_once_a_run_or_anew_in_each_epoch(pictured, redraw_frames):
    run = runs.visual_run(pictured, num_frames=2, profile="paper", redraw_frames=redraw_frames, seed=1)
    recipe = recipes.RECIPES["visual"](run)
    ids = pictured.split("train").video_id.tolist()

    def shown(epoch):
        load, per_video = recipe.load(ids, epoch)
        unflipped = np.random.default_rng(1)  # its first number is above a half
        return np.stack([load(number, copy.deepcopy(unflipped)) for number in range(4 * per_video)])

    assert (shown(0) == shown(0)).all()
    assert (shown(0) == shown(1)).all() == (not redraw_frames)
    # Without a chance to repeat itself: each of a video's frames is another one.
    assert all((shown(0)[place] != shown(0)[place + 1]).any() for place in (0, 2, 4))


def test_an_example_costs_the_decoding_of_its_own_frame(pictured, monkeypatch):
    decoded, real = [], frames.decode_jpeg
    monkeypatch.setattr(frames, "decode_jpeg", lambda data: decoded.append(data) or real(data))
    run = runs.visual_run(pictured, num_frames=4, profile="paper", seed=1)
    load, _ = recipes.RECIPES["visual"](run).load(pictured.split("train").video_id.tolist(), 0)
    for number in (0, 3, 9):
        load(number, np.random.default_rng(0))
    assert len(decoded) == 3


def test_silent_videos_are_kept_by_the_papers_profile_and_left_out_by_the_quick_one(corpus):
    write_features(corpus.directory / "features", "cello-0", has_sound=False)
    train_split = corpus.split("train")
    found = {
        (profile, silent): len(
            recipes.RECIPES["audio"](runs.audio_run(corpus, profile=profile, silent_videos=silent)).learn_from(
                train_split
            )
        )
        for profile in ("paper", "quick")
        for silent in ("", "keep", "leave_out")
    }
    assert found == {
        ("paper", ""): 12,
        ("paper", "keep"): 12,
        ("paper", "leave_out"): 11,
        ("quick", ""): 11,
        ("quick", "keep"): 12,
        ("quick", "leave_out"): 11,
    }
