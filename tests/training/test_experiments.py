import dataclasses
import json
import os
import shutil
import threading
from dataclasses import replace

import filelock
import h5py
import keras
import numpy as np
import pandas as pd
import pytest

from instrec_utils import evaluation, models, paths
from instrec_utils.config import Protocol
from instrec_utils.corpora import Corpus, photographs
from instrec_utils.errors import CorpusError, FeaturesError, ParameterError, RunError
from instrec_utils.features import embeddings
from instrec_utils.features import store as features
from instrec_utils.report import results
from instrec_utils.training import experiments, result_files, runs
from instrec_utils.training import fit as training

LABELS = ("cello", "flute", "organ")
PROTOCOL = Protocol("adam", learning_rate=0.05, batch_size=4, max_epochs=2, patience=2)
FIELDS = (  # DESIGN.md, results/<corpus>/<run>.json
    *("corpus", "run", "kind", "model", "parameters", "seed", "num_train", "num_validation", "num_test"),
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
    store.mkdir(parents=True, exist_ok=True)
    with h5py.File(store / f"{video_id}.h5", "w") as file:
        file.attrs.update(settings_sha256=features.SETTINGS_SHA256, video_bytes=1000, duration=3.0)
        if has_sound:
            spectrogram = generator.uniform(-80, -60, (96, 1366))
            spectrogram[20 * LABELS.index(video_id.split("-")[0])] = 0
            spectrogram[0, 0] = np.nan if has_nan else 0
            file["log_mel/choi2016_uc"] = file["log_mel/choi2016_cc"] = spectrogram.astype(np.float16)
            windows = spectrogram[np.arange(128) % 96, :1290].reshape(128, 30, 43).transpose(1, 0, 2)
            file["log_mel/han2016"] = windows.astype(np.float16)


def build_tiny(name, num_classes, **options):
    if name == "late_fusion":
        return real_build(name, num_classes, **options)
    inputs = keras.Input((96, 1366))
    x = keras.layers.Rescaling(0.02, offset=1)(keras.layers.Permute((2, 1))(inputs))
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dense(8, activation="relu", name="embedding")(x)
    return keras.Model(inputs, keras.layers.Dense(num_classes, activation="softmax", name="scores")(x))


real_build = models.build


def no_backbone(video_ids, corpus_dir, backbone):
    """Embeddings as a backbone would give them: three frames a video, none for one of them."""
    for video_id in video_ids:
        generator = np.random.default_rng(list(video_id.encode()))
        path = embeddings.path_of(corpus_dir, backbone, video_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file["embeddings"] = generator.normal(size=(0 if video_id == "organ-5" else 3, 1280)).astype(np.float16)


@pytest.fixture
def corpus(home, monkeypatch):
    monkeypatch.setattr(models, "build", build_tiny)
    monkeypatch.setattr(embeddings, "embed", no_backbone)
    directory = paths.data_dir() / "tiny"
    index = make_index()
    for video_id in index.video_id:
        write_features(directory / "features", video_id, has_sound=video_id != "flute-5")
    return Corpus("tiny", "folder", directory, directory, index)


def audio_run(*, protocol=PROTOCOL, augment=False, **changes):
    settings = {"audio_model": "choi2016", "segmentation": "uc", "profile": "paper", "seed": 1} | changes
    run = runs.audio_run(**settings)
    return replace(run, protocol=protocol, parameters=run.parameters | {"augment": augment})


def train(corpus, **changes):
    run = audio_run(**changes)
    experiments.train(corpus, run)
    return run


def train_frames(corpus, **changes):
    run = runs.frame_run(backbone="efficientnet_lite0", num_frames=4, profile="quick", seed=1, **changes)
    run = replace(run, protocol=PROTOCOL)
    experiments.train(corpus, run)
    return run


def train_fusion(corpus, audio, visual, **changes):
    run = runs.fusion_run(corpus, audio=audio, visual=visual, profile="quick", seed=1, **changes)
    run = replace(run, protocol=PROTOCOL)
    experiments.train(corpus, run)
    return run


@pytest.mark.slow
@pytest.mark.parametrize("model", models.AUDIO)
def test_an_audio_model_begins_with_a_warm_up(corpus, monkeypatch, model):
    monkeypatch.setattr(models, "build", real_build)
    protocol = replace(PROTOCOL, learning_rate=1e-4, max_epochs=1)
    run = train(corpus, audio_model=model, audio_warm_up_epochs=1, protocol=protocol)
    result = read_result(run)
    warmed_up = training.read_history(run.directory(corpus) / "warm_up")
    assert len(warmed_up) == 1
    windows = experiments.HAN_TRAINING_WINDOWS if model == "han2016" else 1
    assert result["steps"] == warmed_up["steps"].sum() + 3 * windows
    assert result["num_parameters"] == models.build(model, 3).count_params()


def read_result(run):
    return json.loads((paths.results_dir("tiny") / f"{run.name}.json").read_text())


def test_a_result_says_what_made_it(corpus, home):
    run = train(corpus)
    result = read_result(run)
    assert set(FIELDS) <= set(result)
    assert (result["corpus"], result["run"], result["kind"], result["model"]) == ("tiny", run.name, "audio", "choi2016")
    assert (result["num_train"], result["num_validation"], result["num_test"]) == (12, 3, 3)
    assert result["num_parameters"] == 96 * 8 + 8 + 8 * 3 + 3
    assert result["steps"] == 2 * 3
    assert result["multiply_adds"] == 96 * 8 + 8 * 3
    assert result["parameters"] == {"segmentation": "uc", "augment": False, "warm_up_epochs": 0}
    assert result["protocol"] == dataclasses.asdict(PROTOCOL)
    assert result["majority_rate"] == pytest.approx(1 / 3)
    assert set(result["metrics"]) == set(evaluation.METRICS)
    assert all(set(metric) == {"value", "low", "high"} for metric in result["metrics"].values())
    assert result_files.read_result(runs.result_path("tiny", run.name)) == result
    assert str(home) not in json.dumps(result)


def test_the_predictions_recompute_the_metrics(corpus):
    run = train(corpus)
    result = read_result(run)
    for split, key in (("test", "metrics"), ("validation", "metrics_validation")):
        table = result_files.read_predictions(runs.result_path("tiny", run.name), split)
        assert list(table.columns) == ["video_id", "label", *LABELS]
        assert table.video_id.tolist() == corpus.split(split).video_id.tolist()
        truth, scores, labels = evaluation.from_predictions(table)
        assert labels == corpus.labels
        np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
        assert evaluation.evaluate(truth, [scores]) == result[key]


def test_a_finished_run_is_not_trained_again(corpus, monkeypatch):
    run = train(corpus)
    place = paths.results_dir("tiny")
    before = {path: path.stat().st_mtime_ns for path in (*place.iterdir(), *run.directory(corpus).iterdir())}

    def refuse(*_, **__):
        raise AssertionError("trained again")

    with monkeypatch.context() as patch:
        patch.setattr(training, "fit", refuse)
        assert train(corpus) == run
    assert {path: path.stat().st_mtime_ns for path in (*place.iterdir(), *run.directory(corpus).iterdir())} == before
    assert runs.read(corpus, run.name) == run


@pytest.mark.slow
def test_other_settings_go_to_another_folder(corpus):
    runs = [
        train(corpus),
        train(corpus, segmentation="cc"),
        train(corpus, augment=True),
        train(corpus, seed=2),
        train(corpus, protocol=replace(PROTOCOL, learning_rate=0.01)),
    ]
    assert len({run.directory(corpus) for run in runs}) == 5
    assert all((run.directory(corpus) / "best.keras").exists() for run in runs)
    # The last one has the name of the first: the first one's result is no longer there.
    assert read_result(runs[0])["protocol"]["learning_rate"] == 0.01


def test_the_same_settings_give_the_same_predictions(corpus):
    run = train(corpus, augment=True)
    place = paths.results_dir("tiny") / f"{run.name}.predictions.csv"
    first = place.read_bytes()
    place.unlink()
    (paths.results_dir("tiny") / f"{run.name}.json").unlink()
    shutil.rmtree(run.directory(corpus))
    train(corpus, augment=True)
    assert place.read_bytes() == first


def test_other_features_make_a_run_stale_and_it_begins_anew(corpus):
    run = train(corpus)
    assert run.is_done(corpus)
    path = corpus.directory / "features" / "cello-0.h5"
    with h5py.File(path, "r+") as file:
        file.attrs["video_bytes"] = 2000
    assert not run.is_done(corpus)
    with pytest.raises(RunError, match=rf"{run.name}\.json: made from another index or other features.*train it again"):
        runs.read(corpus, run.name)
    (run.directory(corpus) / "history.csv").write_text("of other features")
    train(corpus)
    assert run.is_done(corpus)


def test_features_that_only_moved_are_the_same(corpus):
    run = train(corpus)
    embedded = embeddings.sound(corpus, run)["cello-0"]
    path = corpus.directory / "features" / "cello-0.h5"
    os.utime(path, (0, 0))
    assert run.is_done(corpus)
    np.testing.assert_array_equal(embeddings.sound(corpus, run)["cello-0"], embedded)


def test_sound_is_embedded_anew_by_other_weights(corpus):
    run = train(corpus)
    before = embeddings.sound(corpus, run)["cello-0"]
    network = models.load(run.weights(corpus))
    network.set_weights([2 * values for values in network.get_weights()])
    network.save(run.weights(corpus))
    assert (embeddings.sound(corpus, run)["cello-0"] != before).any()


@pytest.mark.parametrize("lost", ["weights", "predictions"])
def test_a_run_that_lost_a_file_is_trained_again(corpus, lost):
    run = train(corpus)
    path = run.weights(corpus) if lost == "weights" else runs.predictions_path("tiny", run.name, "test")
    path.unlink()
    assert not run.is_done(corpus)
    train(corpus)
    assert run.is_done(corpus)
    assert not np.isnan(read_result(run)["metrics"]["hit_at_1"]["value"])


def test_one_process_at_a_time_trains_a_run(corpus, monkeypatch, capsys):
    run = audio_run()
    trained = []
    monkeypatch.setattr(experiments, "_train", lambda *_: trained.append(run.name))
    run.directory(corpus).mkdir(parents=True)
    with filelock.FileLock(run.directory(corpus) / ".lock"):
        second = threading.Thread(target=experiments.train, args=(corpus, run))
        second.start()
        while "another process trains it; waiting" not in capsys.readouterr().err:
            assert second.is_alive()
        assert trained == []
        monkeypatch.setattr(runs.Run, "is_done", lambda *_: True)  # what the first process has done by now
    second.join()
    assert trained == []


def test_a_changed_index_makes_a_run_stale(corpus):
    run = train(corpus)
    index = corpus.index.copy()
    index.loc[[0, 4], "split"] = ["validation", "train"]
    with pytest.raises(RunError, match=rf"{run.name}\.json: made from another index.*train it again"):
        runs.read(replace(corpus, index=index), run.name)
    assert runs.read(replace(corpus, index=corpus.index.sample(frac=1, random_state=0)), run.name) == run


def test_a_run_that_is_not_there(corpus):
    with pytest.raises(RunError, match=r"audio-x\.json: no such result; train this model first"):
        runs.read(corpus, "audio-x")
    run = train(corpus)
    (run.directory(corpus) / "best.keras").unlink()
    with pytest.raises(RunError, match="without its weights; train it again"):
        runs.read(corpus, run.name)
    path = paths.results_dir("tiny") / f"{run.name}.json"
    path.write_text(json.dumps({"run": run.name, "kind": "audio"}))
    with pytest.raises(RunError, match=r"written by another version.*train this model again"):
        runs.read(corpus, run.name)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_an_empty_split_is_refused(corpus, split):
    unusable = frozenset(corpus.split(split).video_id)
    with pytest.raises(CorpusError, match=f"tiny: the {split} split has no video of cello, flute, organ"):
        train(replace(corpus, unusable=unusable))
    assert not paths.results_dir("tiny").exists()


def test_one_class_cannot_be_learned(corpus):
    index = corpus.index[corpus.index["label"] == "cello"]
    with pytest.raises(CorpusError, match="tiny: expected videos of at least two classes, got cello"):
        train(replace(corpus, index=index))
    assert not paths.results_dir("tiny").exists()


def test_a_class_that_the_test_split_lacks_is_named(corpus):
    unusable = frozenset(corpus.split("test").query("label == 'organ'").video_id)
    with pytest.raises(
        CorpusError, match=r"the test split has no video of organ; each class needs .* split the corpus"
    ):
        train(replace(corpus, unusable=unusable))


def test_features_that_are_not_finite_stop_the_training(corpus):
    write_features(corpus.directory / "features", "cello-0", has_nan=True)
    with pytest.raises(FeaturesError, match=r"cello-0\.h5: log_mel/choi2016_uc holds values that are not finite"):
        train(corpus)
    assert not paths.results_dir("tiny").exists()


def test_a_profile_sets_the_protocol_and_a_parameter_replaces_a_part_of_it():
    paper = runs.audio_run(audio_model="choi2016", segmentation="uc", profile="paper", seed=1)
    assert paper.protocol == Protocol("adam", 1e-3, 16, 200, 10)
    assert (paper.parameters["augment"], paper.parameters["warm_up_epochs"]) == (False, 0)
    quick = runs.audio_run(audio_model="choi2016", segmentation="uc", profile="quick", audio_max_epochs=3, seed=1)
    assert quick.protocol.max_epochs == 3
    assert quick.in_profile("paper") == paper
    frames = runs.frame_run(backbone="inception_frames", num_frames=50, profile="paper", seed=1)
    assert frames.protocol == Protocol("sgd", 1e-4, 64, 200, 5, halve_every=5)
    assert not frames.parameters["freeze_backbone"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: audio_run(audio_model="vggish"), "audio_model: expected one of han2016, choi2016, .* got 'vggish'"),
        (lambda: audio_run(segmentation="all"), "segmentation: expected one of uc, cc, got 'all'"),
        (lambda: audio_run(audio_model="han2016", segmentation="cc"), "expected 'uc' for the model han2016"),
        (lambda: audio_run(profile="fast"), "profile: expected one of paper, quick, got 'fast'"),
        (
            lambda: runs.frame_run(backbone="efficientnet_lite0", num_frames=0, profile="quick", seed=1),
            "num_frames: expected at least 1, got 0",
        ),
        (lambda: audio_run(audio_learning_rate=-1.0), r"learning_rate: expected a number above 0, or 0 .*, got -1\.0"),
        (lambda: audio_run(audio_learning_rate=float("nan")), "learning_rate: expected a number above 0, .*, got nan"),
        (lambda: audio_run(audio_batch_size=-8), "batch_size: expected a number above 0, or 0 .*, got -8"),
    ],
)
def test_unknown_settings_are_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_a_frame_run_can_begin_with_photographs_which_the_backbone_sees_once(corpus, monkeypatch):
    pictures = np.random.default_rng(1).integers(0, 255, (30, 256, 256, 3), np.uint8)
    targets = np.repeat([0, 1, 2], 10)
    pictures[np.arange(30), ..., targets] = 255  # the colour tells the class
    shown = [pictures]
    monkeypatch.setattr(photographs, "read_photographs", lambda _: (shown[-1], targets))
    passes = []

    def of_pictures(model, cropped):
        passes.append(len(cropped))
        return np.repeat(cropped.mean(axis=(1, 2)) / 255, [427, 427, 426], axis=1).astype(np.float32)

    monkeypatch.setattr(embeddings, "of_pictures", of_pictures)
    plain, begun = train_frames(corpus), train_frames(corpus, pretrained=True)
    assert read_result(begun)["steps"] > read_result(plain)["steps"]
    learned = training.read_history(begun.directory(corpus) / "photographs")
    assert learned["loss"].iloc[-1] < learned["loss"].iloc[0]
    values, numbers = embeddings.of_photographs(corpus, "efficientnet_lite0")
    expected = pictures[:, 16:240, 16:240].mean(axis=(1, 2)) / 255
    np.testing.assert_allclose(values[:, [0, 500, 1000]], expected, rtol=1e-5)
    assert (numbers == targets).all()
    assert passes == [30]
    shown.append(pictures[:, ::-1].copy())
    embeddings.of_photographs(corpus, "efficientnet_lite0")
    assert passes == [30, 30]  # others, so anew


@pytest.mark.slow
def test_the_fusion_joins_both(corpus):
    audio = train(corpus)
    visual = train_frames(corpus)
    fusion = train_fusion(corpus, audio, visual)
    result = read_result(fusion)
    assert (result["kind"], result["model"]) == ("fusion", "late_fusion")
    assert (result["parameters"]["audio"], result["parameters"]["visual"]) == (audio.name, visual.name)
    assert result["uses"] == [audio.sha256(corpus), visual.sha256(corpus)]
    sound = embeddings.sound(corpus, audio)
    assert (sound["flute-5"] == 0).all()  # no sound stream
    assert (sound["cello-0"] != 0).any()
    assert embeddings.read_some(corpus, "efficientnet_lite0", "organ-5", 4, None).shape == (4, 1280)
    assert list(results.headline(results.read_results("tiny")).index) == [audio.name, visual.name, fusion.name]
    assert results.read_results("tiny")["kind"].tolist() == ["audio", "visual", "fusion"]

    fewer = replace(corpus, unusable=frozenset(["cello-1"]))  # decoded no longer: another training split
    with pytest.raises(RunError, match="made from another index"):
        runs.read(fewer, audio.name)

    with pytest.raises(ParameterError, match=r"modality_dropout: expected hundredths from 0 to 0\.99, got 0\.304"):
        train_fusion(corpus, audio, visual, modality_dropout=0.304)

    assert (
        "-drop29-"
        in runs.fusion_run(corpus, audio=audio, visual=visual, profile="quick", seed=1, modality_dropout=0.29).name
    )

    again = train(corpus, protocol=replace(PROTOCOL, learning_rate=0.01))
    changed = train_fusion(corpus, again, visual)
    assert changed.directory(corpus) != fusion.directory(corpus)
