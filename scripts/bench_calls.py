"""Counts the system calls of a program, for scripts/bench. Calls per echo explain its CPU.

Counting costs time, so it is done in separate runs. perf hardly slows a run down, and batches keep
their size. strace slows it down tenfold, and is used where perf may not read its tracepoints.
"""

import contextlib
import dataclasses
import pathlib
import re
import subprocess

WAITS = ("epoll_wait", "epoll_pwait", "epoll_pwait2")
PROBE_TIMEOUT = 30


@dataclasses.dataclass(frozen=True)
class Calls:
    """The calls of one program, from its start to its end."""

    all: int
    waits_per_call: float


class Counter:
    """Counts a program's system calls: with perf if its tracepoints can be read, else strace."""

    def __init__(self):
        self.events = [event for event in ("raw_syscalls:sys_enter",) if perf_counts(event)]
        if self.events:
            waits = [f"syscalls:sys_enter_{name}" for name in WAITS]
            self.events += [event for event in waits if perf_counts(event)]
        self.means = "perf" if self.events else "strace" if strace_counts() else None

    def prefix(self, output):
        """The prefix of a command that writes its counts to `output` at its end."""
        if self.means == "perf":
            events = ",".join(self.events)
            return ["perf", "stat", "-I", "100", "-x", ",", "-o", output, "-e", events, "--"]
        return ["strace", "-f", "-c", "-o", output, "--"]

    def read(self, output):
        text = pathlib.Path(output).read_text()
        return read_perf(text) if self.means == "perf" else read_strace(text)


def read_perf(text):
    """Reads the counts of each interval. The share of waits is that of the middle intervals, in
    which all connections are established."""
    intervals = {}
    for time, count, name in re.findall(r"^\s*([\d.]+),(\d+),,\w+:sys_enter_?(\w*)", text, re.M):
        intervals.setdefault(float(time), {})[name] = int(count)
    times = sorted(intervals)
    quarter = len(times) // 4
    middle = [intervals[time] for time in times[quarter : len(times) - quarter]]
    calls = sum(counts.get("", 0) for counts in middle)
    waits = sum(counts.get(name, 0) for counts in middle for name in WAITS)
    everything = sum(counts.get("", 0) for counts in intervals.values())
    return Calls(everything, waits / calls if calls else 0)


def read_strace(text):
    line = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.M)
    counts = {name: int(count) for count, name in line.findall(text)}
    everything = counts.get("total", 0)
    waits = sum(counts.get(name, 0) for name in WAITS)
    return Calls(everything, waits / everything if everything else 0)


def perf_counts(event):
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command = ["perf", "stat", "-x", ",", "-e", event, "true"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT)
        return done.returncode == 0 and re.match(r"\d+,", done.stderr.strip()) is not None
    return False


def strace_counts():
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command = ["strace", "-f", "-c", "-o", "/dev/null", "true"]
        return subprocess.run(command, capture_output=True, timeout=PROBE_TIMEOUT).returncode == 0
    return False


def per_echo(counted):
    """System calls per echo, and echoes per wait, from a short run and a longer one: the difference
    excludes the calls at start and end. `counted`: two pairs (Calls, echoes). None: not known.
    """
    (short, few), (longer, many) = counted
    calls = longer.all - short.all
    if many <= few or calls <= 0:
        return None, None
    calls_per_echo = calls / (many - few)
    waits_per_echo = longer.waits_per_call * calls_per_echo
    return calls_per_echo, 1 / waits_per_echo if waits_per_echo > 0 else None
