"""What SVT-AV1 does to a process that encodes with it as root, undone."""

import contextlib
import os


@contextlib.contextmanager
def ordinary_priority():
    """Encode within this context: afterwards the thread has an ordinary priority again.

    SVT-AV1 gives it, run by root, the highest real-time priority there is, and whatever the thread starts later
    inherits that: a browser that waits in a loop then stops the whole machine.
    """
    try:
        yield
    finally:
        if hasattr(os, "sched_setscheduler"):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
