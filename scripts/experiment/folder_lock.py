"""The lock of a results folder: one experiment at a time writes into it.

Two sweeps in one folder would each count the other's runs as its own, and a row of one would refer
to documents of the other. The lock is flock(2) on the folder itself. It leaves no file behind, and
the kernel releases it when the process ends, also by kill -9. Child processes do not inherit it.

    lock = FolderLock("results/stacks")      raises Locked if another process holds it
    lock.release()
"""

import contextlib
import errno
import fcntl
import os
import time

#: Seconds to wait for results/index.json's lock. A holder writes the list in a thousandth of that.
WAIT_S = 2.0


class Locked(Exception):
    """Another experiment writes there; `process` is its id, None if the kernel lists none."""

    def __init__(self, process):
        suffix = "" if process is None else f" (process {process})"
        super().__init__("another experiment is writing there" + suffix)
        self.process = process


class FolderLock:
    descriptor = None

    def __init__(self, path):
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = holder_of(self.descriptor)
            self.release()
            raise Locked(holder) from error
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
                self.release()
                raise
            # The file system has no locks: continue without one.

    def release(self):
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    __del__ = release


def holder_of(descriptor):
    """The id of the process that has locked a file, from /proc/locks (proc(5)); None: unknown."""
    about = os.fstat(descriptor)
    place = f"{os.major(about.st_dev):02x}:{os.minor(about.st_dev):02x}:{about.st_ino}"
    with contextlib.suppress(OSError, ValueError), open("/proc/locks") as file:
        for line in file:
            words = line.split()
            if place in words and "FLOCK" in words:
                return int(words[words.index(place) - 1])
    return None


@contextlib.contextmanager
def short_lock(path):
    """Holds the lock of a file that is locked only briefly. Continues without it after WAIT_S."""
    with open(path, "ab") as file:
        give_up = time.monotonic() + WAIT_S
        while time.monotonic() < give_up:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.005)
            except OSError:
                break
        yield
