"""The paper's training protocols (3.4), with checkpoints and exact resumption.

What a run directory holds::

    history.csv       one row a finished epoch; writing it is what makes epochs count
    epoch-007.keras   the model and optimiser after as many epochs as history.csv has rows
    best.keras        the model of the epoch with the lowest validation loss

An epoch's order of videos, its augmentation and its dropout depend on the seed and the epoch's number only, so a
run that was killed and started again has the same history as one that was not.

The same code trains with TensorFlow and with JAX. A model is made on one device; on several it is a copy that trains.
"""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from tqdm import tqdm

from instrec_utils import files, models
from instrec_utils.config import Protocol
from instrec_utils.errors import RunError
from instrec_utils.models.hardware import DEFAULT, Hardware
from instrec_utils.models.keras_classes import FusedAdam
from instrec_utils.training.batches import Batches

KEEP_SECONDS = 10.0
"""Training is kept after an epoch if so long has passed: a small network's epochs take less than writing it."""


def fit(
    build: Callable[[], keras.Model],
    train_batches: Callable[[int], Batches],
    validation_batches: Batches,
    protocol: Protocol,
    run_dir: Path,
    *,
    seed: int,
    description: str,
    hardware: Hardware = DEFAULT,
) -> tuple[keras.Model, pd.DataFrame]:
    """Train until the validation loss has not fallen for `patience` epochs, resuming what is in the run's folder.

    The seed is that of the initial weights and of dropout; `train_batches` gives the batches of an epoch, counted from
    0. Fewer devices than asked for, or a batch that cannot be shared evenly among them, are a ParameterError; what is
    there and damaged, or a loss that is no finite number, is a RunError.

    Returns
    -------
    model : keras.Model [that of the epoch with the lowest validation loss]
    history : pd.DataFrame [columns epoch from 1, loss, accuracy, val_loss, val_accuracy, learning_rate, steps, seconds]
    """
    hardware.check(protocol.batch_size)
    history = read_history(run_dir)
    needed = [run_dir / "best.keras"]
    if not is_finished(history, protocol):
        needed.append(_checkpoint(run_dir, len(history)))
    if len(history) and not all(files.is_whole_archive(path) for path in needed):
        (run_dir / "history.csv").unlink()  # of no use without the weights that it tells of
        history = pd.DataFrame()
    for path in (*run_dir.glob(".*.keras"), *run_dir.glob("epoch-*.keras")):  # what a killed training left
        if path != _checkpoint(run_dir, len(history)):
            path.unlink(missing_ok=True)
    if not is_finished(history, protocol):
        # Before the bar: building a model may take a training of its own, with its own bar.
        model = _restore(build, run_dir, len(history), protocol, seed, hardware)
        steps_each = len(train_batches(0))
        done = len(history) * steps_each
        kept, best = time.perf_counter(), None  # the weights of an epoch better than what is kept
        with tqdm(total=protocol.max_epochs * steps_each, initial=done, desc=description, unit="step") as bar:
            while not is_finished(history, protocol):
                epoch = len(history)
                _seed_dropout(model, seed, epoch)
                shared = train_batches(epoch).filled_up(hardware.num_devices)
                rate = protocol.learning_rate_at(epoch)
                row = {"epoch": epoch + 1, **_train_epoch(model, shared, validation_batches, rate, hardware, bar)}
                history = pd.concat([history, pd.DataFrame([row])], ignore_index=True)
                _check_loss(run_dir, history)
                if best_epoch(history) == len(history):
                    best = model.get_weights()
                if is_finished(history, protocol) or time.perf_counter() - kept >= KEEP_SECONDS:
                    _keep(model, best, run_dir, history)
                    kept, best = time.perf_counter(), None
                bar.set_postfix(epoch=epoch + 1, val_accuracy=f"{row['val_accuracy']:.3f}")
    _checkpoint(run_dir, len(history)).unlink(missing_ok=True)
    with hardware.precise():
        return models.load_model(run_dir / "best.keras"), history


def make_optimizer(protocol: Protocol) -> keras.Optimizer:
    """Return a protocol's optimiser, or raise a ValueError where it is unknown."""
    if protocol.optimizer == "sgd":
        return keras.optimizers.SGD(protocol.learning_rate, momentum=0.9)
    if protocol.optimizer == "adam":
        return FusedAdam(protocol.learning_rate)
    raise ValueError(f"optimizer: expected 'sgd' or 'adam', got {protocol.optimizer!r}")


def is_finished(history: pd.DataFrame, protocol: Protocol) -> bool:
    """Tell whether a history has reached the last epoch or run out of patience."""
    if history.empty:
        return False
    since_best = len(history) - best_epoch(history)
    return len(history) >= protocol.max_epochs or since_best >= protocol.patience


def best_epoch(history: pd.DataFrame) -> int:
    """Return the epoch, counted from 1, of the lowest validation loss."""
    return int(history["val_loss"].argmin()) + 1


def read_history(run_dir: Path) -> pd.DataFrame:
    """Return a run directory's history, an empty table where nothing was trained; raise a RunError if it is damaged."""
    path = run_dir / "history.csv"
    if not path.exists():
        return pd.DataFrame()
    try:
        history = pd.read_csv(path)
        numbers = history[["loss", "accuracy", "val_loss", "val_accuracy", "steps", "seconds"]]
        if not np.isfinite(numbers).all(axis=None):
            raise ValueError("not all are numbers")
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(f"{path}: damaged ({error}); delete its folder and train this model again") from error
    return history


def _checkpoint(run_dir: Path, num_epochs: int) -> Path:
    return run_dir / f"epoch-{num_epochs:03d}.keras"


def _restore(
    build: Callable[[], keras.Model], run_dir: Path, epoch: int, protocol: Protocol, seed: int, hardware: Hardware
) -> keras.Model:
    """Give the model as it was after that many epochs."""
    # A model in 16 bits is compiled with a scaled loss, also when it is loaded.
    with hardware.precise():
        if epoch:
            with hardware.devices():
                return models.load_model(_checkpoint(run_dir, epoch))
        keras.utils.set_random_seed(seed)
        model = hardware.placed(build())
        with hardware.devices():
            model.compile(make_optimizer(protocol), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model


def _seed_dropout(model: keras.Model, seed: int, epoch: int) -> None:
    """Set the random states of a model's layers, which Keras does not save with it."""
    generator = np.random.default_rng((seed, epoch))
    for variable in model.variables:
        if variable.name == "seed_generator_state":
            variable.assign(generator.integers(0, 2**31, variable.shape))


def _train_epoch(
    model: keras.Model, batches: Batches, validation_batches: Batches, rate: float, hardware: Hardware, bar: tqdm
) -> dict[str, float]:
    """Train and validate once and return what the history tells of it."""
    started = time.perf_counter()
    model.optimizer.learning_rate = rate
    counting = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: bar.update())
    try:
        with hardware.sharing(model):
            logs = model.fit(batches.feed(), shuffle=False, verbose=0, callbacks=[counting]).history
        # JAX shares no batch of a length that the devices do not divide, so each does all of the validation.
        validation = model.evaluate(validation_batches.feed(), verbose=0, return_dict=True)
    except Exception as error:
        # TensorFlow hands on what a reader raised as text in an error of its own.
        raise batches.error or validation_batches.error or error from None
    row = {name: logs[name][0] for name in ("loss", "accuracy")}
    row |= {f"val_{name}": validation[name] for name in ("loss", "accuracy")}
    return row | {"learning_rate": rate, "steps": len(batches), "seconds": time.perf_counter() - started}


def _check_loss(run_dir: Path, history: pd.DataFrame) -> None:
    if not np.isfinite(history[["loss", "val_loss"]].iloc[-1]).all():
        epoch = len(history)
        raise RunError(f"{run_dir}: the loss of epoch {epoch} is no finite number; train with a lower learning rate")


def _keep(model: keras.Model, best: list[np.ndarray] | None, run_dir: Path, history: pd.DataFrame) -> None:
    """Write the model of the history's last epoch, that of the best one since the last time, then the history."""
    checkpoint = _checkpoint(run_dir, len(history))
    with files.whole(checkpoint) as temporary:
        model.save(temporary)
    if best_epoch(history) == len(history):
        with files.whole(run_dir / "best.keras") as temporary:
            temporary.unlink()
            try:
                os.link(checkpoint, temporary)  # neither is ever changed in place
            except OSError:
                shutil.copyfile(checkpoint, temporary)
    elif best is not None:
        last = model.get_weights()
        model.set_weights(best)
        with files.whole(run_dir / "best.keras") as temporary:
            model.save(temporary, include_optimizer=False)
        model.set_weights(last)
    files.write_text(run_dir / "history.csv", history.to_csv(index=False))
    for path in run_dir.glob("epoch-*.keras"):
        if path != checkpoint:
            path.unlink()
