"""After every fault a second run completes, and the store is to the byte that of an undisturbed run.

Tests may run as root, whom no permission bits stop, so those faults are raised at the one call that would meet them.
"""

import errno
import os
import signal
import socket
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from clusters import one_after_the_other, start_scheduler
from distributed import Client
from tiny_features import digests, make_corpus
from tiny_videos import tone, write_video

from instrec_utils import cluster
from instrec_utils.features import extraction


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Six small videos."""
    folder = tmp_path_factory.mktemp("films")
    sounds = [tone(1.5, 22_050, 300 + 50 * number) for number in range(6)]
    return [
        write_video(folder / f"film{number}.mp4", times=np.arange(15) / 10, sound=sound, sample_rate=22_050)
        for number, sound in enumerate(sounds)
    ]


@pytest.fixture(scope="module")
def undisturbed(paths, tmp_path_factory):
    """The store of a run that nothing happened to."""
    corpus = make_corpus(tmp_path_factory.mktemp("undisturbed"), paths)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(cluster, "process", one_after_the_other)
        assert len(extraction.extract_features(corpus)) == 0
    return contents(corpus)


@pytest.fixture
def corpus(paths, tmp_path):
    return make_corpus(tmp_path / "corpus", paths)


@pytest.fixture
def no_processes(monkeypatch):
    monkeypatch.setattr(cluster, "process", one_after_the_other)


def contents(corpus):
    """Every file of the store, hidden ones too, by its sha256."""
    store = corpus.directory / "features"
    assert (store / "errors.csv").read_text() == "video_id,path,reason\n"
    return digests(store)


def failing(function, error, calls):
    """The function, but for the calls with those numbers, which fail."""
    count = iter(range(1000))

    def called(*arguments, **options):
        if next(count) in calls:
            raise error
        return function(*arguments, **options)

    return called


FAULTS = {
    "disk full while writing": (Path, "write_bytes", errno.ENOSPC),
    "disk full at once": (tempfile, "mkstemp", errno.ENOSPC),
    "read-only store": (tempfile, "mkstemp", errno.EROFS),
    "permission denied": (tempfile, "mkstemp", errno.EACCES),
    "disk gone before the renaming": (Path, "replace", errno.EIO),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_cannot_be_written(corpus, undisturbed, no_processes, monkeypatch, fault):
    place, name, number = FAULTS[fault]
    error = OSError(number, os.strerror(number))
    with monkeypatch.context() as patch:
        patch.setattr(place, name, failing(getattr(place, name), error, {2}))
        with pytest.raises(OSError, match=os.strerror(number)):
            extraction.extract_features(corpus)
    assert len(digests(corpus.directory / "features")) == 2  # what was done before stays, and nothing half done
    assert len(extraction.extract_features(corpus)) == 0
    assert contents(corpus) == undisturbed


def test_a_complete_store_may_be_read_only(corpus, undisturbed, no_processes, monkeypatch):
    extraction.extract_features(corpus)
    error = OSError(errno.EROFS, os.strerror(errno.EROFS))
    monkeypatch.setattr(tempfile, "mkstemp", failing(tempfile.mkstemp, error, range(1000)))
    assert len(extraction.extract_features(corpus)) == 0
    assert contents(corpus) == undisturbed


def test_a_video_that_may_not_be_read_is_listed(corpus, undisturbed, no_processes, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", failing(Path.open, PermissionError(errno.EACCES, "Permission denied"), {0}))
        errors = extraction.extract_features(corpus)
    assert errors.video_id.tolist() == ["film0"]
    assert "film0.mp4: cannot be read: [Errno 13] Permission denied" in errors.reason[0]
    assert len(extraction.extract_features(corpus)) == 0
    assert contents(corpus) == undisturbed


def test_a_video_that_vanishes_while_it_is_decoded(corpus, undisturbed, no_processes, monkeypatch):
    original = extraction.media.probe

    def probe(path):
        info = original(path)
        if path.name == "film1.mp4":
            path.rename(path.with_suffix(".away"))
        return info

    with monkeypatch.context() as patch:
        patch.setattr(extraction.media, "probe", probe)
        errors = extraction.extract_features(corpus)
    (corpus.videos / "film1.away").rename(corpus.videos / "film1.mp4")
    assert errors.video_id.tolist() == ["film1"]
    assert "film1.mp4: cannot be read" in errors.reason[0]
    assert len(extraction.extract_features(corpus)) == 0
    assert contents(corpus) == undisturbed


def test_a_clock_that_goes_backwards(corpus, undisturbed, no_processes, monkeypatch):
    moments = iter(range(2_000_000_000, 0, -1000))
    monkeypatch.setattr(time, "time", lambda: float(next(moments)))
    monkeypatch.setattr(time, "time_ns", lambda: 10**9 * next(moments))
    assert len(extraction.extract_features(corpus)) == 0
    assert contents(corpus) == undisturbed
    before = {path: path.stat().st_mtime_ns for path in (corpus.directory / "features").glob("*.h5")}
    assert len(extraction.extract_features(corpus)) == 0  # nothing is done again
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_a_killed_run_left_is_removed_once_it_is_old(corpus, undisturbed, no_processes):
    store = corpus.directory / "features"
    store.mkdir(parents=True)
    old, new = store / ".film0-abc.h5", store / ".film1-abc.h5"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 2 * extraction.LEFTOVER_SECONDS,) * 2)
    extraction.extract_features(corpus)
    assert not old.exists()
    assert new.exists()  # another extraction may be writing it
    new.unlink()
    assert contents(corpus) == undisturbed


def test_two_extractions_on_one_store(corpus, undisturbed, no_processes):
    with ThreadPoolExecutor(2) as both:
        for result in [both.submit(extraction.extract_features, corpus) for _ in range(2)]:
            assert len(result.result()) == 0
    assert contents(corpus) == undisturbed


@pytest.mark.slow
def test_a_killed_worker(corpus, undisturbed, monkeypatch):
    """The run itself completes: only what the dead worker had in hand is done again."""
    original = cluster.process

    def process(function, items, **options):
        results = original(function, items, **options)
        yield next(results)
        os.kill(next(iter(Client.current().run(os.getpid).values())), signal.SIGKILL)
        yield from results

    monkeypatch.setattr(cluster, "process", process)
    assert len(extraction.extract_features(corpus, num_workers=2)) == 0
    assert contents(corpus) == undisturbed


@pytest.mark.slow
def test_a_scheduler_that_is_gone_and_back(corpus, undisturbed):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scheduler = start_scheduler(port)
    store = corpus.directory / "features"

    def kill():
        while not list(store.glob("[!.]*.h5")):
            time.sleep(0.005)
        scheduler.kill()

    threading.Thread(target=kill, daemon=True).start()
    try:
        with pytest.raises(ConnectionError, match="is gone; start again to carry on"):
            extraction.extract_features(corpus, scheduler=f"tcp://127.0.0.1:{port}")
    finally:
        scheduler.kill()
        scheduler.wait()
    assert len(digests(store)) < 6
    scheduler = start_scheduler(port)
    try:
        assert len(extraction.extract_features(corpus, scheduler=f"tcp://127.0.0.1:{port}")) == 0
    finally:
        scheduler.kill()
        scheduler.wait()
    assert contents(corpus) == undisturbed
