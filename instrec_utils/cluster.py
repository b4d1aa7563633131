"""Independent pieces of work: on all cores of this machine, on the workers of a Dask scheduler, or on threads, ahead.

An item whose worker dies, be it of this item or of another one or killed from outside, is done again at the end,
alone. If its worker dies again, the item is to blame and its result is the exception that says so.
"""

import contextlib
import logging
import os
import re
import subprocess
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from tqdm import tqdm

from instrec_utils.errors import ParameterError

NUM_AHEAD = 4  # items whose results are there, or in the making, before they are asked for
_IN_FLIGHT = 16  # items a worker: enough that none waits for the next, few enough that memory stays flat
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # a worker's numerics have one each
_EXIT_STATUS = 75  # of a worker that gave up: EX_TEMPFAIL


def num_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> dict[str, str]:
    """Return the NVIDIA GPUs that this process may use, by what CUDA_VISIBLE_DEVICES calls them: what each is called.

    That it may use them does not say that it can: that takes libraries which the driver does not bring.
    """
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    except OSError:  # no driver
        listed = ""
    found: dict[str, str] = {}
    for number, name, uuid in re.findall(r"^GPU (\d+): (.*) \(UUID: (.*)\)$", listed, re.MULTILINE):
        found |= {number: name, uuid: name}
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return {number: name for number, name in found.items() if number.isdecimal()}
    chosen = map(str.strip, visible.split(",") if found else ())
    return {one: found.get(one, one) for one in chosen if one in found or one.startswith(("GPU-", "MIG-"))}


def share_gpus(gpus_of: Mapping[str, Iterable[str]], each: int) -> dict[str, list[str]]:
    """Return so many GPUs for each worker, of those that it may use, by the workers' addresses ("tcp://host:8786").

    Two workers of one machine have the same only where it has too few.
    """
    num_users: Counter[tuple[str, str]] = Counter()
    shares = {}
    for address in sorted(gpus_of):
        host = address.rpartition(":")[0]
        shares[address] = sorted(gpus_of[address], key=lambda gpu: num_users[host, gpu])[:each]
        num_users.update((host, gpu) for gpu in shares[address])
    return shares


@contextlib.contextmanager
def limited_to(gpus: Iterable[str]) -> Iterator[None]:
    """Let processes that are started in it use these GPUs alone; without any, those that they would use anyway."""
    before = os.environ.copy()
    if chosen := ",".join(gpus):
        os.environ["CUDA_VISIBLE_DEVICES"] = chosen
    try:
        yield
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES", None)
        os.environ |= {name: value for name, value in before.items() if name == "CUDA_VISIBLE_DEVICES"}


def ahead(function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield each item with what a function makes of it, in order, while threads do that for the `NUM_AHEAD` next ones.

    An exception of the function is raised where its item would be.
    """
    with ThreadPoolExecutor(NUM_AHEAD) as threads:
        waiting: deque[tuple[Any, Future[Any]]] = deque()
        for item in items:
            waiting.append((item, threads.submit(function, item)))
            if len(waiting) > NUM_AHEAD:
                first, result = waiting.popleft()
                yield first, result.result()
        for last, result in waiting:
            yield last, result.result()


@contextlib.contextmanager
def connect(scheduler: str = "", num_workers: int = 0) -> Iterator[Any]:
    """Give a Dask client of a running scheduler ("tcp://host:8786"), or without one of so many processes here.

    With num_workers 0 these are one a core. An address that is none is a ParameterError.
    """
    import dask
    from distributed import Client, LocalCluster

    if scheduler:
        try:
            client = Client(scheduler)
        except ValueError as error:
            raise ParameterError(
                f"scheduler: expected an address such as tcp://host:8786, got {scheduler!r}"
            ) from error
        with client:
            yield client
        return
    settings = {
        # What fails is said in one line by who called; a traceback of each worker would bury it.
        "distributed.logging.distributed": "critical",
        "logging.distributed": "critical",
        "distributed.scheduler.allowed-failures": 0,  # `process` itself tries again
        # Dask looks at all threads a hundred times a second, in which Python 3.11 can wait for itself for ever
        # (github.com/dask/distributed/issues/8616).
        "distributed.worker.profile.enabled": False,
        # Without Dask's own MALLOC_TRIM_THRESHOLD_, under which glibc gives each array back at once: asking for the
        # next one took a fifth of the time of rendering.
        "distributed.nanny.pre-spawn-environ": dict.fromkeys(_THREADS, 1),
    }
    options: dict[str, Any] = {
        "n_workers": num_workers or num_cores(),
        "threads_per_worker": 1,
        "dashboard_address": "127.0.0.1:0",  # any free port keeps two clusters from warning of each other
        "memory_limit": 0,  # limits serve clusters that are watched
        "silence_logs": logging.CRITICAL,
    }
    with dask.config.set(settings), LocalCluster(**options) as local, Client(local) as client:
        yield client


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """End the worker process if what is inside takes longer, even inside a library that never returns.

    Only where Dask starts a new worker in its stead; elsewhere nothing happens.
    """
    from distributed import get_worker

    timer = threading.Timer(seconds, os._exit, (_EXIT_STATUS,))
    timer.daemon = True
    with contextlib.suppress(ValueError):  # not on a worker
        if get_worker().nanny is not None:
            timer.start()
    try:
        yield
    finally:
        timer.cancel()


def process(
    function: Callable[[Any], Any], items: Iterable[Any], *, description: str, scheduler: str = "", num_workers: int = 0
) -> Iterator[tuple[Any, Any]]:
    """Apply a function to every item on the cluster of `connect`, with a progress bar and an estimate of the rest.

    Only a few items a worker are in flight at a time, so memory stays flat however many there are. The function must be
    importable by the workers, and the items such that can be pickled. A scheduler that is gone is a ConnectionError.

    Yields
    ------
    tuple of item and result
        In the order of completion; the result is the exception where the function raised one, or Dask's
        ``KilledWorker`` where the item ended its worker twice, or on a running scheduler as often as that allows.
    """
    items = list(items)
    if not items:
        return
    from distributed import KilledWorker

    with connect(scheduler, num_workers) as client, tqdm(total=len(items), desc=description, unit="video") as bar:
        window = _IN_FLIGHT * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))
        suspects: list[Any] = []
        for some, at_once in ((items, window), (suspects, 1)):
            for item, result in _in_flight(client, function, some, at_once):
                if some is items and isinstance(result, KilledWorker):
                    suspects.append(item)
                    continue
                bar.update()
                yield item, result


def _in_flight(
    client: Any, function: Callable[[Any], Any], items: Iterable[Any], window: int
) -> Iterator[tuple[Any, Any]]:
    """Apply a function to every item, with that many of them handed to the cluster at a time."""
    from distributed import as_completed

    waiting = iter(items)
    first = list(islice(waiting, window))
    item_of = dict(zip(client.map(function, first, pure=False), first, strict=True))
    completed = as_completed(item_of)
    # In batches, as every message to the scheduler takes about a millisecond.
    while item_of:
        batch = completed.next_batch()
        outcomes = _outcomes(client, batch)
        # What a dead worker had finished but not handed over yet is being done again.
        completed.update([future for future in batch if future not in outcomes])
        done = [(item_of.pop(future), outcome) for future, outcome in outcomes.items()]
        following = list(islice(waiting, len(done)))
        extra = client.map(function, following, pure=False) if following else []
        item_of.update(zip(extra, following, strict=True))
        completed.update(extra)
        del batch, outcomes  # nothing of them is needed any more
        yield from done


def _outcomes(client: Any, futures: list[Any]) -> dict[Any, Any]:
    """Return the results or exceptions of those futures that have one."""
    from distributed import CancelledError
    from distributed.comm.core import CommClosedError

    gone = ConnectionError(f"the Dask scheduler at {client.scheduler.address} is gone; start again to carry on")
    if any(future.status == "cancelled" for future in futures):
        raise gone
    outcomes = {future: future.exception() for future in futures if future.status == "error"}
    finished = [future for future in futures if future.status == "finished"]
    # The scheduler knows the type already, so that a result of None need not be fetched from its worker.
    outcomes |= {future: None for future in finished if future.type is type(None)}
    fetched = [future for future in finished if future not in outcomes]
    try:
        gathered = client.gather(fetched)
    except (CommClosedError, CancelledError) as error:  # it went while it was answering
        raise gone from error
    outcomes.update(zip(fetched, gathered, strict=True))
    return outcomes
