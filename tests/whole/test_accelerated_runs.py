"""What is packed here is trained where there is JAX and no TensorFlow, and what comes back are ordinary results."""

import importlib.util
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import tiny_features
import yaml

from instrec_utils import corpora, files, paths
from instrec_utils.errors import ParameterError
from instrec_utils.features import store
from instrec_utils.inputs import frames
from instrec_utils.training import runs
from instrec_utils.training.result_files import read_predictions, read_result

HOME = Path(__file__).resolve().parents[2]
SCRIPT = HOME / "benchmarks" / "accelerated_runs.py"
COLOURS = {"cello": (220, 40, 40), "flute": (40, 220, 40), "organ": (40, 40, 220)}
NUM_FRAMES = 24
# There: another process, in which what the accelerator's machine lacks cannot be imported, and a network that is small.
THERE = """
    import dataclasses, importlib.util, sys

    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in ("tensorflow", "av", "moviepy", "soxr", "soundfile", "pooch", "distributed"):
                raise ImportError(name)

    sys.meta_path.insert(0, Missing())
    from instrec_utils.models import efficientnet_lite0
    from instrec_utils.models.lazy import keras, layers

    def build(num_classes, *, weights="imagenet"):
        inputs = keras.Input((224, 224, 3))
        x = layers.Rescaling(1 / 128, offset=-1)(layers.AveragePooling2D(56)(inputs))
        x = layers.BatchNormalization()(layers.Flatten()(x))
        x = layers.Dropout(0.2)(layers.Dense(8, activation="relu", name="embedding")(x))
        scores = layers.Dense(num_classes, activation="softmax", name="scores")
        return keras.Model(inputs, scores(x), name="efficientnet_lite0")

    efficientnet_lite0.ARCHITECTURE = dataclasses.replace(efficientnet_lite0.ARCHITECTURE, build=build)
    spec = importlib.util.spec_from_file_location("accelerated_runs", sys.argv[1])
    accelerated_runs = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(accelerated_runs)
    del sys.argv[1]
    accelerated_runs.main()
"""


PARAMETERS = {"audio_warm_up_epochs": 1, "audio_max_epochs": 1}


def coloured(label, generator):
    shade = np.array(COLOURS[label]) + generator.integers(-30, 30, (NUM_FRAMES, 1, 1, 1))
    return np.clip(shade + np.zeros((NUM_FRAMES, 256, 256, 3), int), 0, 255).astype(np.uint8)


@pytest.fixture
def corpus(home, monkeypatch):
    directory, rows = paths.data_dir() / "tiny", []
    for label in COLOURS:
        for number, split in enumerate(("train", "train", "validation", "test", "spare")):
            rows.append((f"{label}-{number}", label, split, "x.mp4", 24.0))
            rows += [("broken", label, "train", "x.mp4", 24.0)] if (label, number) == ("flute", 0) else []
            pictures = coloured(label, np.random.default_rng(number))
            path = directory / "features" / f"{label}-{number}.h5"
            heard = np.random.default_rng(number).uniform(-60, 0, (96, 1366))
            tiny_features.write_features(path, pictures=pictures, choi2016_uc=heard, choi2016_cc=heard)
    index = pd.DataFrame(rows, columns=["video_id", "label", "split", "path", "duration"])
    files.write_text(directory / "index.csv", index.to_csv(index=False))
    files.write_json(directory / "source.json", {"source": "folder", "videos": "/somewhere", "split": "stratified"})
    pictures = np.concatenate([coloured(label, np.random.default_rng(9))[:10] for label in COLOURS])
    monkeypatch.setattr(corpora, "read_photographs", lambda *_: (pictures, np.repeat([0, 1, 2], 10)))
    errors = "video_id,path,reason\nbroken,x.mp4,not to be decoded\n"
    files.write_text(directory / "features" / "errors.csv", errors)
    files.write_text(runs.parameters_path("tiny"), yaml.safe_dump(PARAMETERS))
    return corpora.read_corpus("tiny")


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("accelerated_runs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def train_there(folder, out, *options):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(THERE), str(SCRIPT), "train", str(folder), str(out), *options],
        cwd=folder.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(HOME), "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_results_come_back_as_if_they_had_been_trained_here(corpus, script, tmp_path):
    pack, out = tmp_path / "there" / "pack", tmp_path / "there" / "out"
    script.pack("tiny", pack, quality=75, part_bytes=10_000, seed=10, chosen=["0", "3", "4"])
    assert len([*pack.glob("part-*.h5")]) > 1
    assert "/somewhere" not in (pack / "about.json").read_text()
    log = train_there(pack, out, "--epochs", "2", "--rows", "0", "3", "2", "--seconds", "3000")
    assert log.count("epoch 2") == 4  # of the frames thrice, of the photographs once: what they teach is taken over
    script.adopt(out)
    for changed in ({}, {"num_frames": 5}, {"initial_weights": "random"}):
        row = {"profile": "paper", "visual_max_epochs": 2, "initial_weights": "imagenet+instruments"} | changed
        run = runs.visual_run(corpus, **row)
        assert run.is_done(), run.name
        result = read_result(run.result_path)
        assert result["device"].startswith("CPU, JAX; ")
        assert {"jax", "keras"} < set(result["versions"])
        assert result["frames_as"] == "WebP, quality 75, 224 x 224"
        assert result["epochs"] == 2
        assert read_predictions(run.result_path)["video_id"].tolist() == ["cello-3", "flute-3", "organ-3"]


@pytest.mark.slow
def test_an_audio_run_comes_back_as_well(corpus, script, tmp_path):
    pack, out = tmp_path / "there" / "pack", tmp_path / "there" / "out"
    script.pack("tiny", pack, quality=75, part_bytes=1_000_000, seed=10, chosen=["choi2016-s11"])
    with h5py.File(pack / "part-0.h5") as part:
        assert "choi2016_cc" not in part["cello-0"]  # nor a frame: only what the row needs
        assert not len(part["cello-0/data"])
    train_there(pack, out, "--rows", "choi2016-s11", "--seconds", "3000")
    script.adopt(out)
    run = runs.audio_run(corpus, seed=11, **PARAMETERS)
    assert run.is_done()
    assert read_result(run.result_path)["warm_up_epochs"] == 1
    assert "frames_as" not in read_result(run.result_path)
    # Four bytes a weight: the optimiser's state has stayed there.
    assert run.weights.stat().st_size < 5 * read_result(run.result_path)["num_parameters"]


@pytest.mark.parametrize("rotation", [0, 1])
def test_spectrograms_are_passed_on_as_they_are_and_spare_ones_for_rotations_alone(
    corpus, script, tmp_path, monkeypatch, rotation
):
    run = script.row_run(corpus, script.ROWS["choi2016-s11"], 1)
    rotated = replace(run, corpus=replace(corpus, rotation=rotation))
    monkeypatch.setattr(script, "row_run", lambda *_, **__: rotated)
    script.pack("tiny", tmp_path / "pack", quality=75, part_bytes=100_000, seed=10, chosen=["choi2016-s11"])
    monkeypatch.setenv("INSTREC_DATA", str(tmp_path / "there"))
    script.unpack(tmp_path / "pack")
    written = (paths.corpus_dir("tiny") / "index.csv").stat().st_mtime_ns
    script.unpack(tmp_path / "pack")  # as another process does
    assert (paths.corpus_dir("tiny") / "index.csv").stat().st_mtime_ns == written
    there = corpora.read_corpus("tiny")
    spare = set(corpus.split("spare")["video_id"])
    for video_id in corpus.usable["video_id"]:
        ours, theirs = (one.directory / "features" / f"{video_id}.h5" for one in (corpus, there))
        assert store.key_of(theirs) == store.key_of(ours)
        if video_id in spare and not rotation:
            with h5py.File(theirs) as file:
                assert "log_mel" not in file
        else:
            np.testing.assert_array_equal(*(store.read_spectrogram(path, "choi2016_uc") for path in (ours, theirs)))


def test_the_frames_that_are_passed_on_are_those_that_training_draws(corpus, script, tmp_path, monkeypatch):
    pack = tmp_path / "pack"
    script.pack("tiny", pack, quality=95, part_bytes=10_000, seed=10, chosen=["0", "3", "4"])
    monkeypatch.setenv("INSTREC_DATA", str(tmp_path / "there"))
    script.unpack(pack)
    there = corpora.read_corpus("tiny")
    for split in ("train", "test"):
        for number, video_id in enumerate(there.split(split)["video_id"]):
            ours, theirs = (one.directory / "features" / f"{video_id}.h5" for one in (corpus, there))
            assert store.key_of(theirs) == store.key_of(ours)
            assert store.count_frames(theirs) == NUM_FRAMES
            for k in (5, 10, 20):
                chosen = frames.choose(NUM_FRAMES, k, np.random.default_rng((10, number)) if split == "train" else None)
                seen, expected = (store.read_frames(path, chosen) for path in (theirs, ours))
                assert seen.shape == (k, 224, 224, 3)
                difference = seen.astype(int) - frames.central_crop(expected)
                assert np.abs(difference).mean() < 4


@pytest.fixture
def pack(corpus, script, tmp_path):
    """A function that packs rows into a folder of that name."""

    def packed(name, *rows):
        script.pack("tiny", tmp_path / name, quality=75, part_bytes=30_000, seed=10, chosen=[*rows])
        return tmp_path / name

    return packed


def test_every_part_is_whole_when_its_size_is_printed(pack, script, tmp_path, monkeypatch):
    sizes = []

    def sizes_now(*_):
        sizes.append({path: path.stat().st_size for path in (tmp_path / "pack").iterdir()})

    monkeypatch.setattr(script, "print", sizes_now, raising=False)
    pack("pack", "0")
    sizes_now()
    assert len(sizes) > 2
    assert all(one == sizes[-1] for one in sizes)


def test_a_pack_is_not_added_to(pack):
    before = {path: path.stat().st_mtime_ns for path in pack("pack", "0").iterdir()}
    with pytest.raises(ParameterError, match="pack: expected a folder without parts, but it has those of an earlier"):
        pack("pack", "3")
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_nothing_is_trained_on_what_another_pack_has_unpacked(pack, script, tmp_path, monkeypatch):
    first, second = pack("first", "0"), pack("second", "3")
    monkeypatch.setenv("INSTREC_DATA", str(tmp_path / "there"))
    script.unpack(first)
    with pytest.raises(ParameterError, match=r"tiny: expected what .*second holds, but it is of another pack"):
        script.unpack(second)
    (paths.corpus_dir("tiny") / "about.json").unlink()  # such as a corpus that no pack has written
    with pytest.raises(ParameterError, match="remove it"):
        script.unpack(first)


@pytest.mark.parametrize("finished", [0, 2, 5])
def test_a_row_whose_time_is_over_is_a_run_of_the_epochs_that_it_finished(corpus, script, finished, capsys):
    row = {"num_frames": 5, "initial_weights": "random", "profile": "paper"}
    run = script.row_run(corpus, row, 5)
    history = {name: [1.0] * finished for name in ("loss", "accuracy", "val_accuracy", "seconds", "steps")}
    if finished:
        table = pd.DataFrame(history | {"val_loss": np.linspace(1, 0, finished)})
        files.write_text(run.directory / "history.csv", table.to_csv(index=False))
    found = script._as_far_as_it_got(corpus, row, run)
    if not finished:
        assert found is None
        assert f"{run.name}: no epoch finished in its time" in capsys.readouterr().out
        return
    assert found.protocol.max_epochs == finished
    assert (found.directory / "history.csv").read_text() == (run.directory / "history.csv").read_text()
    if finished < 5:
        assert found.is_of_these()
        assert found.name == run.name.replace("epochs5", "epochs2")
