"""Independent pieces of work on all cores of this machine, or on the workers of a running Dask scheduler."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from tqdm import tqdm


@contextlib.contextmanager
def connect(scheduler: str = "", num_workers: int = 0) -> Iterator[Any]:
    """Give a Dask client.

    Parameters
    ----------
    scheduler : address of a running scheduler ("tcp://host:8786"); empty for a cluster of processes here.
    num_workers : processes of that local cluster; 0 for one a core.
    """
    import dask
    from distributed import Client, LocalCluster

    if scheduler:
        with Client(scheduler) as client:
            yield client
        return
    workers = num_workers or len(os.sched_getaffinity(0))
    # Memory limits serve clusters that are watched; any free port keeps two clusters from warning of each other.
    with (
        dask.config.set({"distributed.logging.distributed": "error", "logging.distributed": "error"}),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0", memory_limit=0, silence_logs=40
        ) as local,
        Client(local) as client,
    ):
        yield client


def process(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    description: str,
    scheduler: str = "",
    num_workers: int = 0,
) -> Iterator[tuple[Any, Any]]:
    """Apply a function to every item on the cluster, with a progress bar and an estimate of the rest.

    Only a few items a worker are in flight at a time, so memory stays flat however many there are.

    Parameters
    ----------
    function : called with one item; must be importable by the workers.
    items : picklable.
    description : shown before the progress bar.
    scheduler, num_workers : see `connect`.

    Yields
    ------
    item, result
        In the order of completion; the result is the exception where the function raised one.
    """
    items = list(items)
    if not items:
        return
    from distributed import as_completed

    with (
        connect(scheduler, num_workers) as client,
        tqdm(total=len(items), desc=description, unit="video") as bar,
    ):
        waiting = iter(items)
        window = 4 * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        item_of = {client.submit(function, item, pure=False): item for item in islice(waiting, window)}
        completed = as_completed(item_of)
        for future in completed:
            item = item_of.pop(future)
            error = future.exception()
            result = error if error is not None else future.result()
            future.release()
            for following in islice(waiting, 1):
                extra = client.submit(function, following, pure=False)
                item_of[extra] = following
                completed.add(extra)
            bar.update()
            yield item, result
