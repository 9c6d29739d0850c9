"""Processes that outlive the server that started them: ended here, each by its own pid.

A forking server that crashes, or is killed, leaves its children to init, where nobody who started it
could tell them from anybody else's. So this process asks to be their parent instead, and at the end
of a run whatever is still its child has been left behind. Linux's prctl(2), PR_SET_CHILD_SUBREAPER;
without it nothing is found, and nothing that is not ours is ever ended.
"""

import contextlib
import ctypes
import os
import pathlib
import signal
import time

PR_SET_CHILD_SUBREAPER = 36
#: Seconds in which they may end by themselves: a server's last child may take a moment.
PATIENCE = 2.0


def adopt():
    """From now on this process becomes the parent of its descendants' orphans."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_all(patience=PATIENCE):
    """Waits for all children of this process, and kills those that stay; tells how many did.

    Only for moments in which no child is wanted any more.
    """
    killed = set()
    for _ in range(3):
        give_up = time.monotonic() + patience
        while time.monotonic() < give_up:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    time.sleep(0.01)
            except ChildProcessError:
                return len(killed)
        for child in children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
                killed.add(child)
    return len(killed)


def children():
    tasks = pathlib.Path("/proc/self/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]
