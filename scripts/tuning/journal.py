"""What was changed on the host and is to be put back, on disk before it happens.

One line of JSON for each step, fsynced before the setting is written:

    {"file": "vm.max_map_count", "old": "65530", "new": "16384"}
    {"file": "vm.max_map_count", "done": "65530"}           put back; or "kept": another's value

So at most one step of a setting is open, whenever the process dies. The journal is open while its
file exists, and its owner is alive while the file is locked (flock(2)): a pid might be another's by
then. --recover goes through the open steps: where the setting still has the value that was written,
the old one is put back; where it has the old one, the step never happened or is over; anything else
was written by somebody else since, and is left alone and told.

    with Journal(host) as journal:
        with journal.changed({"vm.max_map_count": "16384"}):
            ...
"""

import contextlib
import errno
import fcntl
import json
import os
import pathlib
import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RECOVER = "scripts/tune --recover"


class Open(Exception):
    """A journal is open: one line, with the command to type."""


def folder():
    """docs: the XDG base directory specification's place for state."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = pathlib.Path(state) if os.path.isabs(state) else pathlib.Path.home() / ".local/state"
    return base / "echo-testbed"


@contextlib.contextmanager
def signals_blocked():
    """No signal's handler runs between a step in the journal and the write it announces."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Journal:
    def __init__(self, host, path=None):
        self.host = host
        self.path = pathlib.Path(path) if path else folder() / "tune-journal.jsonl"
        self.descriptor = None
        self.notes = []  #: what was left alone, one line each

    # ---- an experiment's ----------------------------------------------------------------------
    def __enter__(self):
        """Raises Open where another one is: at work, or killed before it put back what it
        changed."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # It gets its name when it is locked already: nobody ever sees an owner that seems dead.
        unnamed = self.path.with_name(f".{self.path.name}-{os.getpid()}")
        flags = os.O_CREAT | os.O_TRUNC | os.O_RDWR | os.O_APPEND
        self.descriptor = os.open(unnamed, flags, 0o600)
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.link(unnamed, self.path)
            self._sync_folder()
        except BaseException as error:
            self._close()
            if isinstance(error, FileExistsError):
                raise Open(self.why_open()) from None
            raise
        finally:
            unnamed.unlink()
        return self

    def __exit__(self, *_):
        """Puts back what a run has left open, and takes the journal away."""
        with signals_blocked():
            self._put_back(self._open_steps())
            self._end()

    def why_open(self):
        if self._owner_lives():
            return f"another scripts/tune --apply is at work ({self.path}): wait until it has ended"
        return f"a killed scripts/tune left settings changed ({self.path}); type: {RECOVER}"

    @contextlib.contextmanager
    def changed(self, values):
        """{name: value}, in force within. Raises OSError where the kernel refuses one."""
        try:
            for name, value in values.items():
                with signals_blocked():
                    old = self.host.read(name)
                    self._append({"file": name, "old": old, "new": value})
                    self.host.write(name, value)
                    self._check(name, old, value)
            yield
        finally:
            with signals_blocked():
                self._put_back(self._open_steps())

    # ---- --recover ------------------------------------------------------------------------------
    def recover(self):
        """Lines that say what was done. Twice does no more than once. Raises Open while the owner
        is at work."""
        try:
            self.descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return ["nothing to recover: no journal is open"]
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._close()
            raise Open(self.why_open()) from None
        try:
            with signals_blocked():
                os.write(self.descriptor, b"\n")  # behind a line that a crash has cut off
                lines = self._put_back(self._open_steps())
                self._end()
        finally:
            self._close()
        return lines + self.notes or ["nothing had to be put back"]

    def _check(self, name, old, value):
        """A kernel that keeps another value than it was told would look like somebody else."""
        now = self.host.read(name)
        if now != value:
            self.host.write(name, old)
            raise OSError(errno.EINVAL, f"it reads {now} afterwards")

    # ---- parts ----------------------------------------------------------------------------------
    def _owner_lives(self):
        try:
            descriptor = os.open(self.path, os.O_RDWR)
        except OSError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)

    def _append(self, step):
        os.write(self.descriptor, json.dumps(step).encode() + b"\n")
        os.fsync(self.descriptor)

    def _open_steps(self):
        """{name: (old, new)} of what is not known to be put back, the newest first."""
        steps = {}
        for line in self.path.read_text().splitlines():
            try:
                step = json.loads(line)
                name = step["file"]
            except (ValueError, TypeError, KeyError):
                continue  # cut off by a crash: its setting was not written yet
            steps.pop(name, None)
            if "new" in step:
                steps[name] = step["old"], step["new"]
        return dict(reversed(steps.items()))

    def _put_back(self, steps):
        lines = []
        for name, (old, new) in steps.items():
            try:
                now = self.host.read(name)
                if now == new and old != new:
                    self.host.write(name, old)
                    now = self.host.read(name)
                    lines.append(f"{name}: {old} again (it was {new})")
            except OSError as error:
                self.notes.append(f"{name}: not put back to {old}: {error.strerror}")
                continue
            if now != old:
                self.notes.append(
                    f"{name}: somebody else set it to {now} meanwhile; left alone (it was {old})"
                )
            self._append({"file": name, "done" if now == old else "kept": now})
        return lines

    def _end(self):
        """Unless something could not be put back: then it stays for another --recover."""
        if not self._open_steps():
            self.path.unlink(missing_ok=True)
            self._sync_folder()
        self._close()

    def _close(self):
        if self.descriptor is not None:
            os.close(self.descriptor)
        self.descriptor = None

    def _sync_folder(self):
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
