"""A launcher's process and the pipes to it, and the loop that reads from all of them.

Nothing waits for one of them: a host that stalls holds up neither the others nor the end. Each
process is ended by its own pid.
"""

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import time

#: Bytes of one read; of commands that a rank has not read yet.
AT_ONCE, MOST_PENDING = 65536, 65536
#: Seconds between two looks at what has no descriptor to wait for.
LOOK = 0.25
#: Seconds of silence after a process's end: another one may still write to its pipes.
AFTER_THE_END = 2.0


class NotStarted(Exception):
    """The launcher is missing or may not be executed; one line."""


class Pipe:
    """`heard(data, at)` is called with what comes on stdout, `complained(data)` with stderr."""

    def __init__(self, words, heard, complained, stdin=True):
        self.heard, self.complained = heard, complained
        try:
            # In a session of its own: Ctrl-C reaches the parent alone, which tells the ranks.
            self.process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise NotStarted(f"{words[0]}: {getattr(error, 'strerror', error)}") from error
        self.pending = b""
        self.open = {self.process.stdout, self.process.stderr}
        for stream in (self.process.stdin, *self.open):
            if stream:
                os.set_blocking(stream.fileno(), False)
        self.ended_at = None  #: or when it was last heard of, if that was later

    @property
    def is_closed(self):
        """Nothing comes from it any more."""
        return self.process.stdout not in self.open

    def send(self, text):
        """A line. One that finds no room after MOST_PENDING bytes is dropped."""
        if self.process.stdin and len(self.pending) < MOST_PENDING:
            self.pending += text.encode() + b"\n"
            self.write()

    def write(self):
        stdin = self.process.stdin
        try:
            while self.pending and stdin:
                self.pending = self.pending[os.write(stdin.fileno(), self.pending) :]
        except BlockingIOError:
            pass
        except OSError:  # its reader is gone; the end of its output says so
            self.pending = b""
            self.close_stdin()

    def close_stdin(self):
        """The end of its commands."""
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
            self.process.stdin = None

    def reap(self, give_up):
        """Waits for its process, whose output has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(give_up - time.monotonic(), 0))

    def end_text(self):
        """How its process ended."""
        code = self.process.poll()
        if code is None:
            return "its output ended"
        if code < 0:
            return f"its launcher was ended by signal {-code}"
        return f"its launcher ended with {code}"


class Loop:
    """Reads from all pipes. A signal ends a turn early: what is to be done about it is the caller's."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.pipes = []
        self.looked_at = 0.0  #: for processes that have ended: a call of the system for each
        self.reading, self.writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.selector.register(self.reading, selectors.EVENT_READ, None)
        signal.set_wakeup_fd(self.writing, warn_on_full_buffer=False)

    def add(self, pipe):
        self.pipes.append(pipe)
        for stream in pipe.open:
            self.selector.register(stream, selectors.EVENT_READ, pipe)

    def turn(self, until=None):
        """Waits for something to read, and reads it; for LOOK seconds or until then at most. False:
        nothing came.
        """
        patience = LOOK if until is None else min(max(until - time.monotonic(), 0), LOOK)
        ready = self.selector.select(patience)
        for key, _ in ready:
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    os.read(self.reading, AT_ONCE)
            else:
                self._read(key.data, key.fileobj)
        now = time.monotonic()
        for pipe in self.pipes:
            if pipe.pending:
                pipe.write()
            if now - self.looked_at > LOOK:
                self._look_for_the_end(pipe, now)
        if now - self.looked_at > LOOK:
            self.looked_at = now
        return bool(ready)

    def _read(self, pipe, stream):
        try:
            data = os.read(stream.fileno(), AT_ONCE)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal's other end
                raise
            data = b""
        at = time.monotonic_ns()
        pipe.ended_at = None
        if not data:
            self._close(pipe, stream)
        if stream is pipe.process.stdout:
            pipe.heard(data or b"\n", at)  # at the end a line may not be whole
        else:
            pipe.complained(data or b"\n")

    def _close(self, pipe, stream):
        if stream in pipe.open:
            pipe.open.discard(stream)
            self.selector.unregister(stream)
            stream.close()

    def _look_for_the_end(self, pipe, now):
        """A process may leave its pipes to another one, which keeps them open."""
        if not pipe.open or pipe.process.poll() is None:
            return
        pipe.ended_at = pipe.ended_at or now
        if now - pipe.ended_at > AFTER_THE_END:
            for stream in list(pipe.open):
                self._close(pipe, stream)

    def end(self, patience, after_sigterm=1.0):
        """Waits `patience` seconds for all processes to end, then ends those that have not: with SIGTERM,
        and `after_sigterm` seconds later with SIGKILL. Reads what they wrote until then.
        """
        for pipe in self.pipes:
            pipe.write()
            pipe.close_stdin()
        for number in (None, signal.SIGTERM, signal.SIGKILL):
            running = [pipe for pipe in self.pipes if pipe.process.poll() is None]
            for pipe in running if number else ():
                pipe.process.send_signal(number)
            give_up = time.monotonic() + patience
            while time.monotonic() < give_up and self._are_running():
                self.turn(min(give_up, time.monotonic() + 0.05))
            patience = after_sigterm
        give_up = time.monotonic() + LOOK
        while time.monotonic() < give_up and self.turn(0):
            pass

    def _are_running(self):
        return any(pipe.process.poll() is None for pipe in self.pipes)

    def close(self):
        signal.set_wakeup_fd(-1)
        for pipe in self.pipes:
            pipe.close_stdin()
            for stream in list(pipe.open):
                self._close(pipe, stream)
        self.selector.close()
        os.close(self.reading)
        os.close(self.writing)
