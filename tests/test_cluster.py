import os
import time

import pytest
from distributed import Client, LocalCluster

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
