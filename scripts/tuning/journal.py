"""A write-ahead journal of host-wide settings, from which they are restored.

Each step is one line of JSON, fsynced before the setting is written:

    {"file": "vm.max_map_count", "old": "65530", "new": "16384"}
    {"file": "vm.max_map_count", "done": "65530"}           or "kept": another's value

Therefore each setting has at most one open step when the process dies. The journal is open while
its file exists. Its owner is alive while the file is locked (flock(2)); a pid could be reused.
--recover processes the open steps. If the setting has the value written, it restores the old one.
If it has the old value, the step was not done or is already undone. Any other value comes from
another process: it is left unchanged and reported.

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

import documents
import forms

from . import host

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RECOVER = "scripts/tune --recover"
#: The forms of a step's lines. CLOSED has one of two more keys, which only a reader needs.
OPEN = {"file": str, "old": str, "new": str}
CLOSED = ({"file": str, "done": forms.ANY}, {"file": str, "kept": forms.ANY})


class Open(Exception):
    """A journal is open: one line, with the command that closes it."""


def folder():
    """The folder for state of the XDG Base Directory Specification."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = pathlib.Path(state) if os.path.isabs(state) else pathlib.Path.home() / ".local/state"
    return base / "echo-testbed"


@contextlib.contextmanager
def signals_blocked():
    """Blocks signals, so that no handler runs between a journalled step and its write."""
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
        self.notes = []  #: settings that were left unchanged, one line each

    # ---- an experiment's ----------------------------------------------------------------------
    def __enter__(self):
        """Raises Open if another journal is open: its owner is running, or was killed before it
        restored its changes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # The file gets its name after it is locked, so that a live owner never looks dead.
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
        """Restores what a run left changed, and removes the journal."""
        with signals_blocked():
            self._put_back(self._open_steps())
            self._end()

    def why_open(self):
        if self._owner_lives():
            return f"another scripts/tune --apply is running ({self.path}); wait until it ends"
        return f"a killed scripts/tune left settings changed ({self.path}); run: {RECOVER}"

    @contextlib.contextmanager
    def changed(self, values):
        """Sets {name: value} for the duration of the `with` block. Raises OSError if the kernel
        refuses a value."""
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
        """Restores the open steps and returns lines that report it. A second call changes nothing.
        Raises Open while the owner is running."""
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
                os.write(self.descriptor, b"\n")  # ends a line that a crash cut off
                lines = self._put_back(self._open_steps())
                self._end()
        finally:
            self._close()
        return lines + self.notes or ["nothing to restore: all settings have their old values"]

    def _check(self, name, old, value):
        """Raises OSError if the kernel stored another value than the one written: at recovery it
        would look like another process's."""
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
        """{name: (old, new)} of the steps that are not closed, the newest first."""
        steps = {}
        for line in documents.read_bytes(self.path).splitlines():
            try:
                step = documents.parse_json(line.decode())
            except ValueError:
                continue  # cut off by a crash, before its setting was written
            if forms.problem(step, CLOSED) is None:
                steps.pop(step["file"], None)
            elif forms.problem(step, OPEN) is None:
                steps.pop(step["file"], None)
                steps[step["file"]] = step["old"], step["new"]
        return dict(reversed(steps.items()))

    def _put_back(self, steps):
        lines = []
        for name, (old, new) in steps.items():
            setting = host.SETTINGS.get(name)
            if setting is None or not setting.can_have(old):
                self.notes.append(
                    f"{name}: not restored to {old}: no value that this version writes; restore it "
                    f"by hand, then remove {self.path}"
                )
                continue
            try:
                now = self.host.read(name)
                if now == new and old != new:
                    self.host.write(name, old)
                    now = self.host.read(name)
                    lines.append(f"{name}: restored to {old} (was {new})")
            except OSError as error:
                self.notes.append(f"{name}: not restored to {old}: {error.strerror}")
                continue
            if now != old:
                self.notes.append(
                    f"{name}: another process set it to {now}; left unchanged (it was {old})"
                )
            self._append({"file": name, "done" if now == old else "kept": now})
        return lines

    def _end(self):
        """Removes the journal, unless a setting could not be restored: --recover needs it then."""
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
