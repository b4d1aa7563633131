import os
import signal
import socket
import tempfile
import time
from pathlib import Path

import dask
import pytest
from clusters import start_scheduler
from distributed import Client, KilledWorker, LocalCluster

from instrec_utils import cluster


def halve(number):
    if number % 5 == 0:
        raise ValueError(f"{number} on purpose")
    time.sleep(0.01 * (number % 3))
    return number / 2


def halve_elsewhere(number):
    return halve(number), os.getpid()


@pytest.fixture(scope="module")
def scheduler():
    """A running scheduler with two threads of this process."""
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, silence_logs=40, protocol="tcp"
    ) as local:
        yield local.scheduler_address


def check_halved(results, items):
    """Each item once, with its result or its exception."""
    assert sorted(item for item, _ in results) == sorted(items)
    for item, result in results:
        if item % 5 == 0:
            assert isinstance(result, ValueError)
            assert str(result) == f"{item} on purpose"
        else:
            assert result == item / 2


def test_results_and_exceptions(scheduler):
    items = list(range(1, 60))  # more than are in flight at a time
    results = list(cluster.process(halve, items, description="halves", scheduler=scheduler))
    check_halved(results, items)


def test_nothing_looks_at_the_threads_of_workers(monkeypatch):
    """What Dask's profiler does can stop Python 3.11 for ever."""
    monkeypatch.delenv("DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED")
    with dask.config.set({"distributed.worker.profile.enabled": True}), cluster.connect(num_workers=1) as client:
        (callbacks,) = client.run(lambda dask_worker: [*dask_worker.periodic_callbacks]).values()
        assert "heartbeat" in callbacks
        assert not [name for name in callbacks if "profile" in name]
        assert not client.cluster.scheduler.io_loop.profile


def test_workers_keep_memory_and_have_one_thread_each_for_numerics():
    with cluster.connect(num_workers=1) as client:
        (environment,) = client.run(lambda: dict(os.environ)).values()
    assert environment["OMP_NUM_THREADS"] == environment["OPENBLAS_NUM_THREADS"] == "1"
    assert "MALLOC_TRIM_THRESHOLD_" not in environment


def test_items_may_come_from_a_generator_and_repeat(scheduler):
    results = list(cluster.process(halve, iter([3, 3, 4]), description="halves", scheduler=scheduler))
    assert sorted(results) == [(3, 1.5), (3, 1.5), (4, 2.0)]


def test_the_progress_is_shown(scheduler, capfd):
    list(cluster.process(halve, [1, 2, 3], description="halves", scheduler=scheduler))
    shown = capfd.readouterr().err
    assert "halves" in shown
    assert "3/3" in shown


def test_no_item_starts_no_cluster():
    assert list(cluster.process(halve, [], description="nothing", scheduler="tcp://127.0.0.1:1")) == []


def test_a_running_scheduler_stays_when_the_work_is_done(scheduler):
    list(cluster.process(halve, [1], description="halves", scheduler=scheduler))
    with Client(scheduler) as client:
        assert client.submit(halve, 8).result() == 4


def test_few_items_are_in_flight(scheduler):
    """Items are handed out as results are taken, so that memory stays flat."""
    results = cluster.process(halve, range(1, 1000), description="halves", scheduler=scheduler)
    next(results)
    with Client(scheduler) as client:
        known = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
    results.close()
    assert known < 50


@pytest.mark.slow
@pytest.mark.filterwarnings("error::UserWarning")  # another cluster on this machine is no reason for a warning
def test_processes_of_this_machine(scheduler):
    items = list(range(1, 12))
    results = list(cluster.process(halve_elsewhere, items, description="halves", num_workers=2))
    check_halved([(item, result[0] if isinstance(result, tuple) else result) for item, result in results], items)
    workers = {result[1] for _, result in results if isinstance(result, tuple)}
    assert 1 <= len(workers) <= 2
    assert os.getpid() not in workers


def end_the_process(number):
    """Kills its worker for some numbers, as a crash in a decoder would."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02)


def sleep_too_long(number):
    with cluster.at_most(1):
        time.sleep(60 if number == 2 else 0)


@pytest.mark.slow
@pytest.mark.parametrize(("function", "guilty"), [(end_the_process, {3}), (sleep_too_long, {2})])
def test_only_the_item_that_ends_its_worker_is_lost(function, guilty):
    results = list(cluster.process(function, range(20), description="deadly", num_workers=2))
    assert sorted(item for item, _ in results) == list(range(20))
    assert {item for item, result in results if isinstance(result, KilledWorker)} == guilty
    assert all(result is None for item, result in results if item not in guilty)


def sleep_a_little(number):
    (Path(tempfile.gettempdir()) / f"instrec-test-{os.getppid()}-{os.getpid()}").touch()
    time.sleep(0.05)


@pytest.mark.slow
def test_a_worker_that_is_killed_from_outside_loses_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    results = []
    for item, result in cluster.process(sleep_a_little, range(60), description="killed", num_workers=2):
        results.append((item, result))
        if len(results) == 10:
            process_id = min(int(path.name.split("-")[-1]) for path in tmp_path.glob("instrec-test-*"))
            os.kill(process_id, signal.SIGKILL)
    assert sorted(results) == [(number, None) for number in range(60)]
    # The two workers and the one that came instead, unless the other had done everything before it was there.
    assert len(list(tmp_path.glob("instrec-test-*"))) in (2, 3)


def test_outside_a_worker_nothing_ends():
    with cluster.at_most(0):
        time.sleep(0.05)


@pytest.mark.slow
def test_a_scheduler_that_is_gone_ends_the_work_and_another_one_carries_on():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    process = start_scheduler(port)
    done = []
    try:
        with pytest.raises(ConnectionError, match=r"the Dask scheduler at .* is gone; start again to carry on"):  # noqa: PT012
            for item, _ in cluster.process(halve_slowly, range(1, 200), description="gone", scheduler=address):
                done.append(item)
                if len(done) == 3:
                    process.kill()
    finally:
        process.kill()
        process.wait()
    assert 3 <= len(done) < 199
    process = start_scheduler(port)
    try:
        rest = sorted(set(range(1, 20)) - set(done))
        again = list(cluster.process(halve_slowly, rest, description="back", scheduler=address))
    finally:
        process.kill()
        process.wait()
    assert sorted(again) == [(number, number / 2) for number in rest]


def halve_slowly(number):
    time.sleep(0.05)
    return number / 2


def nothing(number):
    return None


@pytest.mark.slow
def test_scheduling_costs_little():
    """60,000 videos have to pass in five minutes, 5 ms each; counted as work of this process, which schedules."""
    results = cluster.process(nothing, range(1000), description="nothing", num_workers=2)
    next(results)
    start = time.process_time()
    assert sum(1 for _ in results) == 999
    assert time.process_time() - start < 999 * 0.005


def test_what_comes_next_is_made_while_an_item_is_looked_at():
    started = []

    def noted(number):
        started.append(number)
        return halve(number)

    looked_at = cluster.ahead(noted, range(1, 5))
    assert next(looked_at) == (1, 0.5)
    while len(started) < 4:  # for ever, if nothing is made ahead
        time.sleep(0.01)
    assert list(looked_at) == [(2, 1.0), (3, 1.5), (4, 2.0)]
    assert sorted(started) == [1, 2, 3, 4]


def test_results_made_ahead_are_in_order_and_an_exception_is_where_its_item_is():
    found = cluster.ahead(halve, range(1, 9))
    assert [next(found) for _ in range(4)] == [(number, number / 2) for number in range(1, 5)]
    with pytest.raises(ValueError, match="5 on purpose"):
        next(found)
    assert list(cluster.ahead(halve, [])) == []
