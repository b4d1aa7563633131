import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from instrec_utils import models
from instrec_utils.config import Protocol
from instrec_utils.errors import RunError
from instrec_utils.models import architectures
from instrec_utils.training import fit as training
from instrec_utils.training.batches import Batches

NUMBERS = ["epoch", "loss", "accuracy", "val_loss", "val_accuracy", "learning_rate", "steps"]  # all but the seconds
PROTOCOL = Protocol("adam", learning_rate=0.02, batch_size=8, max_epochs=5, patience=5)
GENERATOR = np.random.default_rng(4)
POINTS = GENERATOR.normal(size=(60, 6)).astype(np.float32)
TARGETS = (POINTS[:, 0] + 0.5 * GENERATOR.normal(size=60) > 0).astype(int)


@pytest.fixture(scope="module", autouse=True)
def every_epoch_is_kept():
    """As of a large network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "KEEP_SECONDS", 0.0)
        yield


def build():
    """A tiny network with everything that has a state: batch normalisation, dropout, momentum."""
    inputs = keras.Input((6,))
    x = keras.layers.Dense(8, activation="relu")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.3)(x)
    return keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))


def load_noisy(number, generator):
    return POINTS[number] + generator.normal(0, 0.1, 6).astype(np.float32)


def train_batches(epoch):
    return Batches(load_noisy, TARGETS[:40], 8, seed=3, epoch=epoch, shuffle=True)


def validation_batches():
    return Batches(lambda number, _: POINTS[40 + number], TARGETS[40:], 8)


def fit(run_dir, protocol=PROTOCOL, seed=1, batches=train_batches):
    return training.fit(build, batches, validation_batches(), protocol, run_dir, seed=seed, description="tiny")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    directory = tmp_path_factory.mktemp("undisturbed")
    return *fit(directory), directory


@pytest.fixture(scope="module")
def undisturbed_sgd(tmp_path_factory):
    protocol = Protocol("sgd", learning_rate=0.1, batch_size=8, max_epochs=5, patience=5, halve_every=2)
    return *fit(tmp_path_factory.mktemp("sgd"), protocol), protocol


def assert_same_weights(model, other):
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_history(undisturbed):
    _, history, directory = undisturbed
    assert list(history.columns) == [*NUMBERS, "seconds"]
    assert history.epoch.tolist() == [1, 2, 3, 4, 5]
    assert (history.steps == 5).all()
    assert (history.seconds > 0).all()
    assert history.loss.iloc[-1] < history.loss.iloc[0]
    pd.testing.assert_frame_equal(pd.read_csv(directory / "history.csv"), history)
    assert sorted(path.name for path in directory.iterdir()) == ["best.keras", "history.csv"]


def test_the_best_epochs_model_is_returned(undisturbed, tmp_path):
    """Training up to the best epoch and no further gives the very same weights."""
    model, history, _ = undisturbed
    best = int(history.val_loss.argmin())
    assert model.evaluate(validation_batches(), verbose=0) == pytest.approx(
        history.loc[best, ["val_loss", "val_accuracy"]].tolist(), rel=1e-5
    )
    shorter = Protocol("adam", learning_rate=0.02, batch_size=8, max_epochs=best + 1, patience=5)
    again, _ = fit(tmp_path, shorter)
    assert_same_weights(again, model)


def test_an_overfitting_models_best_epoch_is_not_its_last(tmp_path):
    protocol = Protocol("adam", learning_rate=0.2, batch_size=8, max_epochs=12, patience=3)
    model, history = fit(tmp_path, protocol)
    best = int(history.val_loss.argmin())
    assert len(history) == best + 1 + 3  # stopped by patience
    assert model.evaluate(validation_batches(), verbose=0)[0] == pytest.approx(history.val_loss.min(), rel=1e-5)


def test_the_same_seed_gives_the_same_numbers(undisturbed, tmp_path):
    model, history, _ = undisturbed
    again, same = fit(tmp_path / "same")
    pd.testing.assert_frame_equal(same[NUMBERS], history[NUMBERS], check_exact=True)
    assert_same_weights(again, model)
    _, other = fit(tmp_path / "other", seed=2)
    assert (other.loss != history.loss).all()


def abort(video):
    raise ConnectionAbortedError(f"video {video}")


def kill(_):
    os.kill(os.getpid(), signal.SIGKILL)


def stop_before(epoch, stop_at_batch=None, stop=abort):
    """Batches that are interrupted before an epoch, or in the middle of it."""

    def batches(number):
        made = train_batches(number)
        if number == epoch:
            untouched = made.load

            def load(video, generator):
                if stop_at_batch is None or video in made.order[8 * stop_at_batch :]:
                    stop(video)
                return untouched(video, generator)

            made.load = load
        return made

    return batches


@pytest.mark.parametrize(("epoch", "batch"), [(0, None), (1, None), (3, None), (2, 3), (4, 1)])
def test_an_interrupted_training_is_resumed_exactly(undisturbed, tmp_path, epoch, batch):
    model, history, _ = undisturbed
    with pytest.raises(ConnectionAbortedError, match=r"^video [0-9]+$"):
        fit(tmp_path, batches=stop_before(epoch, batch))
    keras.utils.set_random_seed(99)  # another process starts in another state
    resumed_model, resumed = fit(tmp_path)
    pd.testing.assert_frame_equal(resumed[NUMBERS], history[NUMBERS], check_exact=True)
    assert_same_weights(resumed_model, model)


def test_momentum_and_halving_are_resumed_exactly(undisturbed_sgd, tmp_path):
    model, history, protocol = undisturbed_sgd
    assert history.learning_rate.tolist() == [0.1, 0.1, 0.05, 0.05, 0.025]
    with pytest.raises(ConnectionAbortedError, match=r"^video [0-9]+$"):
        fit(tmp_path, protocol, batches=stop_before(3))
    resumed_model, resumed = fit(tmp_path, protocol)
    pd.testing.assert_frame_equal(resumed[NUMBERS], history[NUMBERS], check_exact=True)
    assert_same_weights(resumed_model, model)


def test_the_learning_rate_reaches_the_optimizer(tmp_path):
    """Without momentum's past and at rate zero nothing would change: the second epoch's rate is used."""
    seen = []

    def batches(number):
        made = train_batches(number)
        untouched = made.load

        def load(video, generator):
            seen.append(float(models[0].optimizer.learning_rate))
            return untouched(video, generator)

        made.load = load
        return made

    models = []

    def keep():
        models.append(build())
        return models[0]

    protocol = Protocol("sgd", learning_rate=0.1, batch_size=8, max_epochs=3, patience=5, halve_every=1)
    training.fit(keep, batches, validation_batches(), protocol, tmp_path, seed=1, description="tiny")
    assert sorted(set(np.round(seen, 6))) == [0.025, 0.05, 0.1]


@pytest.mark.parametrize("failing", ["save", "history"])
def test_a_failure_while_writing_loses_one_epoch_at_most(undisturbed, tmp_path, monkeypatch, failing):
    model, history, _ = undisturbed
    calls = []

    def fail_third_time(function):
        def wrapped(*arguments, **options):
            calls.append(1)
            if len(calls) == 3:
                raise OSError(28, "No space left on device")
            return function(*arguments, **options)

        return wrapped

    with monkeypatch.context() as patch:
        if failing == "save":
            patch.setattr(keras.Model, "save", fail_third_time(keras.Model.save))
        else:
            patch.setattr(training.files, "write_text", fail_third_time(training.files.write_text))
        with pytest.raises(OSError, match="No space left"):
            fit(tmp_path)
    assert len(pd.read_csv(tmp_path / "history.csv")) == 2
    resumed_model, resumed = fit(tmp_path)
    pd.testing.assert_frame_equal(resumed[NUMBERS], history[NUMBERS], check_exact=True)
    assert_same_weights(resumed_model, model)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.keras", "history.csv"]


@pytest.mark.parametrize("best", [5, 2])
def test_short_epochs_are_kept_together(undisturbed, tmp_path, monkeypatch, best):
    """The best weights too are those of a training of which every epoch is kept, whichever epoch is the best."""
    monkeypatch.setattr(training, "best_epoch", lambda history: min(best, len(history)))
    every_model, every = fit(tmp_path / "every")
    monkeypatch.setattr(training, "KEEP_SECONDS", 3600.0)
    saved = []
    save = keras.Model.save
    monkeypatch.setattr(keras.Model, "save", lambda self, *a, **o: (saved.append(1), save(self, *a, **o)))
    model, history = fit(tmp_path / "together")
    assert len(saved) == (1 if best == 5 else 2)
    pd.testing.assert_frame_equal(history[NUMBERS], every[NUMBERS], check_exact=True)
    assert_same_weights(model, every_model)
    assert sorted(path.name for path in (tmp_path / "together").iterdir()) == ["best.keras", "history.csv"]


def test_a_finished_training_is_not_touched(undisturbed):
    model, history, directory = undisturbed
    before = {path.name: path.stat().st_mtime_ns for path in directory.iterdir()}

    def refuse(*_):
        raise AssertionError("trained again")

    protocol = PROTOCOL
    again, same = training.fit(
        refuse, train_batches, validation_batches(), protocol, directory, seed=1, description="tiny"
    )
    pd.testing.assert_frame_equal(same, history)
    assert_same_weights(again, model)
    assert {path.name: path.stat().st_mtime_ns for path in directory.iterdir()} == before


@pytest.mark.parametrize(
    ("losses", "expected"),
    [([], False), ([1.0], False), ([1.0, 2.0], False), ([1, 2, 3, 4], True), ([1, 2, 3, 0.5], False), ([3] * 4, True)],
)
def test_patience_of_three(losses, expected):
    protocol = Protocol("adam", 1e-3, 8, max_epochs=10, patience=3)
    assert training.is_finished(pd.DataFrame({"val_loss": losses}), protocol) is expected
    assert training.is_finished(pd.DataFrame({"val_loss": np.arange(10, 0, -1)}), protocol)


def test_the_papers_protocols():
    every = {name: one.protocols["paper"] for name, one in architectures().items()}
    frames, audio = every["inception_frames"], every["choi2016"]
    assert (every["efficientnet_lite0"], every["han2016"], every["xception_audio"]) == (frames, audio, audio)
    assert [frames.learning_rate_at(epoch) for epoch in (0, 4, 5, 9, 10)] == [1e-4, 1e-4, 5e-5, 5e-5, 2.5e-5]
    optimizer = training.make_optimizer(frames)
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, frames.batch_size, frames.patience) == (0.9, 64, 5)
    assert isinstance(training.make_optimizer(audio), keras.optimizers.Adam)
    assert audio.patience == 10
    assert {audio.learning_rate_at(epoch) for epoch in range(50)} == {1e-3}


def test_an_unknown_optimizer_is_refused():
    with pytest.raises(ValueError, match="optimizer: expected 'sgd' or 'adam', got 'rmsprop'"):
        training.make_optimizer(Protocol("rmsprop", 1e-3, 8, 10, 3))


def test_a_loss_that_is_no_number_stops_the_training_before_it_is_kept(tmp_path):
    with pytest.raises(RunError, match=r"the loss of epoch 1 is no finite number; train with a lower learning rate"):
        fit(tmp_path, replace(PROTOCOL, optimizer="sgd", learning_rate=1e30))
    assert list(tmp_path.iterdir()) == []


DAMAGES = {
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda content: b"",
    "other bytes in the middle": lambda content: content[:2000] + bytes(1000) + content[3000:],
}


@pytest.mark.parametrize("text", ["", "epoch,loss\n1,0.5\n", "epoch,lo", "no table", "loss,val_loss\n0.5,x\n"])
def test_a_damaged_history_is_named(undisturbed, tmp_path, text):
    shutil.copytree(undisturbed[2], tmp_path, dirs_exist_ok=True)
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(RunError, match=r"history\.csv: damaged .*; delete its folder and train this model again"):
        fit(tmp_path)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_weights_are_trained_again(undisturbed, tmp_path, damage):
    shutil.copytree(undisturbed[2], tmp_path, dirs_exist_ok=True)
    content = (tmp_path / "best.keras").read_bytes()
    (tmp_path / "best.keras").write_bytes(DAMAGES[damage](content))
    _, history = fit(tmp_path)
    assert history["loss"].tolist() == undisturbed[1]["loss"].tolist()
    (tmp_path / "damaged.keras").write_bytes(DAMAGES[damage](content))
    with pytest.raises(RunError, match=r"damaged\.keras: missing or damaged .*; delete its folder"):
        models.load_model(tmp_path / "damaged.keras")


def test_what_a_killed_training_left_is_removed(undisturbed, tmp_path):
    shutil.copytree(undisturbed[2], tmp_path, dirs_exist_ok=True)
    for name in ("epoch-001.keras", ".epoch-005-x8a.keras"):
        (tmp_path / name).write_bytes(b"half")
    fit(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["best.keras", "history.csv"]


def test_two_threads_load_what_is_trained_on(tmp_path):
    loaders = set()

    def batches(number):
        made = train_batches(number)

        def load(video, generator):
            loaders.add(threading.get_ident())
            time.sleep(0.002)  # lets go of the interpreter, as reading a file does
            return load_noisy(video, generator)

        made.load = load
        return made

    fit(tmp_path, Protocol("adam", 0.02, batch_size=8, max_epochs=1, patience=5), batches=batches)
    assert len(loaders - {threading.get_ident()}) == 2


@pytest.mark.slow
def test_a_killed_process_is_resumed_exactly(undisturbed, tmp_path):
    """Killed by a loading thread in the middle of the third epoch, with dropout and augmentation."""
    _, history, _ = undisturbed
    script = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from pathlib import Path
        from test_training import fit, kill, stop_before, training
        training.KEEP_SECONDS = 0.0
        fit(Path(sys.argv[1]), batches=stop_before(2, 3, kill))
        """)
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", script, str(tmp_path)]
    assert subprocess.run(command, stderr=subprocess.DEVNULL, env=environment).returncode == -signal.SIGKILL
    assert len(pd.read_csv(tmp_path / "history.csv")) == 2
    _, resumed = fit(tmp_path)
    pd.testing.assert_frame_equal(resumed[NUMBERS], history[NUMBERS], check_exact=True)
    assert json.loads(resumed[NUMBERS].to_json()) == json.loads(history[NUMBERS].to_json())
