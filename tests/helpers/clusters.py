"""Clusters as tests need them: none at all, and one that can be killed."""

import os
import subprocess
import sys
import textwrap


def one_after_the_other(function, items, **_):
    """Stand in for `cluster.process`: no processes, the same results in the same form."""
    for item in items:
        try:
            yield item, function(item)
        except Exception as error:
            yield item, error


def start_scheduler(port):
    """Start a scheduler with one worker in processes of its own, ready to be killed."""
    script = f"""
        from distributed import LocalCluster
        if __name__ == "__main__":
            LocalCluster(n_workers=1, threads_per_worker=1, processes=False, scheduler_port={port},
                         protocol="tcp", dashboard_address=None, silence_logs=50)
            print("ready", flush=True)
            import time
            time.sleep(600)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout.readline() == b"ready\n"
    return process
