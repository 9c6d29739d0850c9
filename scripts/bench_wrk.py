"""A run of wrk (Debian: wrk 4.1) against an HTTP server, for scripts/bench, and its figures.

wrk has no warm-up and takes whole seconds. Its whole run is therefore the window: the CPU of the
server includes the accepts, some 400 beside 100,000 requests and more, on both sides of a pair. The
server is warm before: each of as many connections gets one answer, which also shows whether it
serves all of them at once. wrk itself does not: a connection without an answer is idle for it.
"""

import contextlib
import json
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import tempfile
import time

import bench_runs

REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
#: Seconds until each connection has its answer.
ANSWER_TIMEOUT = 10
#: Seconds beside its window; with strace around the server.
SLACK = 30
#: Called by wrk at its end. A script without request() and response() costs nothing per request.
SCRIPT = """
function done(summary)
  local errors = summary.errors
  io.write(string.format('\\n{"requests": %d, "us": %d, "connect": %d, "read": %d, "write": %d, ' ..
    '"status": %d, "timeout": %d}\\n', summary.requests, summary.duration, errors.connect,
    errors.read, errors.write, errors.status, errors.timeout))
end
"""


def program():
    """The path of wrk; None: it is not installed."""
    return shutil.which("wrk")


def process_clock(pid):
    """The CPU clock of a process, as clock_getcpuclockid(3) gives it."""
    return (~pid << 3) | 2


def cpu_ns(pids):
    """CPU time of the processes; None: there are none, or one cannot be read."""
    with contextlib.suppress(OSError):
        if pids:
            return sum(time.clock_gettime_ns(process_clock(pid)) for pid in pids)
    return None


def client_ns():
    """CPU time of the ended children of this process."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((used.ru_utime + used.ru_stime) * 1e9)


def answer_each(server, connections):
    """One answer on each of as many connections. RunFailed: the server does not serve them all."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    until = time.monotonic() + ANSWER_TIMEOUT
    with contextlib.ExitStack() as all_of_them:
        try:
            sockets = []
            for _ in range(connections):
                one = socket.create_connection(("127.0.0.1", server.port), ANSWER_TIMEOUT)
                sockets.append(all_of_them.enter_context(one))
                one.sendall(REQUEST)
            for one in sockets:
                one.settimeout(max(until - time.monotonic(), 0.001))
                answer = one.recv(4096)
                if not re.match(rb"HTTP/1\.[01] 200 ", answer):
                    raise bench_runs.RunFailed(
                        f"{server.name}: no answer with status 200: {answer[:60]!r}"
                    )
        except TimeoutError as error:
            raise bench_runs.RunFailed(
                f"{server.name}: not every connection is served"
            ) from error
        except OSError as error:
            raise bench_runs.RunFailed(f"{server.name}: {error.strerror or error}") from error


def figures_of(text, client_cpu, server_cpu, softirq_cpu):
    """The Figures of a run, whose output is `text`. ValueError: there are none.

    CPU in ns, of the whole run; None: could not be read."""
    counts = json.loads(text.rstrip().rpartition("\n")[2])
    failed = {kind: counts[kind] for kind in ("connect", "read", "write", "status", "timeout")}
    if any(failed.values()):
        raise ValueError(
            "errors: " + ", ".join(f"{kind} {count}" for kind, count in failed.items() if count)
        )
    requests = counts["requests"]
    if requests == 0 or server_cpu is None:
        raise ValueError("no requests" if requests == 0 else "the server's CPU cannot be read")
    return bench_runs.Figures(
        client_ns=client_cpu / requests,
        server_ns=server_cpu / requests,
        softirq_ns=None if softirq_cpu is None else softirq_cpu / requests,
        all_echoes=requests,
        echoes_per_s=requests / counts["us"] * 1e6,
        echoes_per_wait=None,
    )


def run(wrk, server, load, cpu):
    """The Figures of a run of wrk against `server`, with one thread. RunFailed: it had errors."""
    answer_each(server, load.connections)
    softirqs = bench_runs.softirq_pids()
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder) / "done.lua"
        script.write_text(SCRIPT)
        words = [wrk, "-t1", f"-c{load.connections}", f"-d{load.seconds:g}s", "-s", script]
        words.append(f"http://127.0.0.1:{server.port}/")
        before = client_ns(), cpu_ns([server.pid]), cpu_ns(softirqs)
        try:
            done = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=load.seconds + SLACK,
                preexec_fn=bench_runs.pinned(cpu),
            )
        except subprocess.TimeoutExpired as error:
            raise bench_runs.RunFailed(f"wrk did not end within {error.timeout:g} s") from error
        except OSError as error:
            raise bench_runs.RunFailed(f"{wrk}: {error.strerror}") from error
        after = client_ns(), cpu_ns([server.pid]), cpu_ns(softirqs)
    used = [None if None in (one, two) else two - one for one, two in zip(before, after)]
    command = " ".join(map(str, words))
    if done.returncode != 0:
        output = (done.stderr + done.stdout).strip()[-2000:]
        raise bench_runs.RunFailed(f"`{command}` ended with {done.returncode}:\n{output}")
    try:
        return figures_of(done.stdout, *used)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise bench_runs.RunFailed(f"`{command}` against {server.name}: {error}") from error
