"""A folder that one experiment at a time writes into.

Two sweeps in one folder would each take the other's runs for its own, and a row of one would stand
beside the documents of the other. flock(2) on the folder itself: nothing is left behind, and
whatever ends the process, kill -9 and a full disk too, lets go. What it starts does not inherit it.

    lock = FolderLock("results/stacks")      raises Locked where another one has it
    lock.release()
"""

import contextlib
import errno
import fcntl
import os
import time

#: Seconds that a list of experiments may be another one's, which writes it in a thousandth of that.
WAIT_S = 2.0


class Locked(Exception):
    """Another experiment writes there; `process` is its id, None where the kernel does not say."""

    def __init__(self, process):
        super().__init__("another experiment is writing there" + _told(process))
        self.process = process


def _told(process):
    return "" if process is None else f" (process {process})"


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
            # A file system without locks: to go on unguarded is what there was before.

    def release(self):
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None

    __del__ = release  # dropped, it is let go


def holder_of(descriptor):
    """The process that has a file locked, by /proc/locks (proc(5))."""
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
    """Holds a file that is locked only for moments; after WAIT_S goes on without it."""
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
