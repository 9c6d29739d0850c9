"""Ends processes that outlive the server that started them, each by its own pid.

When a forking server crashes or is killed, init becomes the parent of its children, and they can no
longer be distinguished from other processes. So this process becomes their parent instead
(prctl(2), PR_SET_CHILD_SUBREAPER), and at the end of a run its remaining children are those left
behind. Where prctl fails, nothing is found; no other process is ever ended.
"""

import contextlib
import ctypes
import os
import pathlib
import signal
import time

PR_SET_CHILD_SUBREAPER = 36
#: Seconds in which children may end by themselves: a server's last child may need a moment.
PATIENCE = 2.0


def adopt():
    """Makes this process the parent of its descendants' orphans, from now on."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_all(patience=PATIENCE):
    """Waits for all children of this process; kills those that do not end, returns their number.

    To be called only when no child is needed any more.
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
        killed.update(children())
        kill_children()
    return len(killed)


def kill_children():
    """Kills the children at once. Their waits end, and `end_all` finds what they leave behind."""
    for child in children():
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def children():
    tasks = pathlib.Path("/proc/self/task").glob("*/children")
    found = []
    for task in tasks:
        with contextlib.suppress(OSError):  # a thread may end
            found += map(int, task.read_text().split())
    return found
