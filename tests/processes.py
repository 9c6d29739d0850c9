"""Runs programs as processes, for the tests that are scripts: starts a server, loads it, ends it.

Every wait has a timeout, every process is ended by its own pid, and a server chooses its port (port
0) and reports it. If the machine has too few resources for a test, the test is skipped (exit 77) and
names what is short.
"""

import json
import os
import pathlib
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[1]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
START_TIMEOUT = 30
REFUSED = 3  # exit code of a model that the kernel refuses
MODELS = {"echo_threads": "thread-per-connection", "echo_async": "callbacks"}


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def expect(condition, claim):
    """Ends the test unless the condition holds. `claim`: what is expected, and what was seen."""
    if not condition:
        sys.exit(f"FAILED: {claim}")


def with_descriptors(count):
    """A function that does `ulimit -n COUNT` in the child; None keeps the limit."""

    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))

    return limit if count else None


def need_room_for(connections, descriptors):
    """Skips unless `connections` fit into both servers and the client, each with `descriptors`."""
    for model in MODELS.values():
        try:
            limits = subprocess.run(
                [BIN / "limits", "-n", str(connections), "--model", model],
                preexec_fn=with_descriptors(descriptors),
                capture_output=True,
                text=True,
                timeout=START_TIMEOUT,
            )
        except subprocess.SubprocessError:
            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            skip(f"ulimit -n {descriptors} is refused, the hard limit is {hard}")
        if limits.returncode == 3:
            skip(limits.stdout.splitlines()[0])
        expect(limits.returncode == 0, f"limits ends with 0, not {limits.returncode}")


def models_of(program):
    """The models of a server, as --describe has them."""
    described = subprocess.run([BIN / program, "--describe"], capture_output=True, timeout=START_TIMEOUT,
                               check=True)
    return json.loads(described.stdout)["models"]


def is_left_out(program, model):
    """A model that the kernel refuses, or whose children the thread sanitizer would not let stop."""
    if "fork" in model and b"__tsan_init" in (BIN / program).read_bytes():
        return True
    if model != "io-uring":
        return False
    command = [BIN / program, "--model", model, "--port", "0", "--max-connections", "1"]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return started.wait(timeout=1) == REFUSED
    except subprocess.TimeoutExpired:
        started.terminate()
        started.wait(timeout=START_TIMEOUT)
        return False


class Server:
    """A server of the project, from start to exit block. Use it in a `with` statement."""

    def __init__(self, program, *arguments, descriptors=None):
        self.program = program
        reading, writing = os.pipe()
        command = [BIN / program, "--port", "0", "--ready-fd", str(writing), *arguments]
        self.process = subprocess.Popen(
            command,
            pass_fds=[writing],
            preexec_fn=with_descriptors(descriptors),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        os.close(writing)
        with os.fdopen(reading) as ready:
            self.port = int(first_line(self.process, ready))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end(self.process)

    def stop(self):
        """Sends SIGINT, as a user would. Returns the exit code and the text on stdout."""
        self.process.send_signal(signal.SIGINT)
        text, _ = self.process.communicate(timeout=START_TIMEOUT)
        return self.process.returncode, text


def first_line(process, stream):
    """The first line of `stream`. Ends the test if `process` prints none in time."""
    if not select.select([stream], [], [], START_TIMEOUT)[0]:
        end(process)
        sys.exit(f"FAILED: {process.args[0]} printed nothing for {START_TIMEOUT} s")
    line = stream.readline()
    if not line:
        end(process)
        sys.exit(f"FAILED: {process.args[0]} ended with {process.returncode} before it listened")
    return line.strip()


def end(process):
    """Ends a process that the test started, whatever its state."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream:
            stream.close()


class Run:
    """One run of the client: exit code, stdout, stderr, and the JSON document (None without one)."""

    def __init__(self, port, connections, *arguments, scheme="", descriptors=None, timeout=120):
        with tempfile.TemporaryDirectory() as folder:
            report = pathlib.Path(folder) / "client.json"
            command = [BIN / "client", f"{scheme}127.0.0.1:{port}", "-n", str(connections)]
            done = subprocess.run(
                [*command, "--progress", "never", "--json", report, *arguments],
                preexec_fn=with_descriptors(descriptors),
                capture_output=True,
                text=True,
                timeout=timeout,
            )
            self.document = json.loads(report.read_text()) if report.exists() else None
        self.code, self.text, self.errors = done.returncode, done.stdout, done.stderr

    def expect_pass(self, connections, who):
        """Expects exit 0, and the three lines that old scripts read, byte for byte."""
        shown = f"{self.text}{self.errors}".strip()
        expect(self.code == 0, f"{who}: the client ends with 0, not {self.code}:\n{shown}")
        wanted = f"Max conc: {connections}\ntotal: {connections}\nconc: 0\n"
        expect(self.text.startswith(wanted), f"{who}: stdout begins with {wanted!r}:\n{shown}")

    @property
    def established_in(self):
        """Seconds from the first connect to the last."""
        return self.document["phases"]["ramp"]["ns"] / 1e9


def wait_until_listening(port, process):
    """Waits until something listens on the port, for servers that cannot report it. Does not connect."""
    wanted = f"0100007F:{port:04X} 00000000:0000 0A"
    give_up = time.monotonic() + START_TIMEOUT
    while time.monotonic() < give_up and process.poll() is None:
        if wanted in pathlib.Path("/proc/net/tcp").read_text():
            return
        time.sleep(0.01)
    end(process)
    sys.exit(f"FAILED: {process.args[0]} does not listen on port {port}")
