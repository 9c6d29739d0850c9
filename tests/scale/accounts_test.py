#!/usr/bin/python3
"""The client's accounts of CPU and memory balance, with real servers.

CPU: the busy time of /proc/stat in the measured window equals the CPU time of client, server,
softirq threads and all other processes by their own clocks, within 5 %. Other processes are part of
the sum, so they disturb it little.
Memory of 10,000 connections: resident memory of both ends plus the kernel's parts equals the growth
of the machine's own figures, and with an event server no further free memory is lost. This needs a
quiet machine: a compiler beside it takes and gives back more memory than both ends hold. The test is
repeated until the machine is quiet, and skipped, with what was seen, if it never is.
"""

import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import MODELS, Run, Server, expect, need_room_for, skip  # noqa: E402

CONNECTIONS = 10_000
DESCRIPTORS = 10_100
PARTS = ("slab", "anon", "kernel_stack", "page_tables", "socket")
CLOSE = 0.05
SEND_FRAGMENT = 32_768  # page fragment of each thread that has ever sent; in no figure of the kernel
TICKS = os.sysconf("SC_CLK_TCK")
PROCESSORS = os.cpu_count()
QUIET_CPU = 0.05  # share of the machine that others may use
QUIET_MEMORY = 2 << 20  # bytes of anonymous memory that others may take or give back per second
ATTEMPTS = 5


def clocks_of_others(ours):
    """Of each process except `ours`: by pid and start time, its parent's pid, its own CPU time, and that of
    the children that it waited for, in ticks."""
    clocks = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) in ours:
            continue
        try:
            text = pathlib.Path("/proc", pid, "stat").read_text()
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        own, children = (sum(map(int, fields[first : first + 2])) for first in (11, 13))
        clocks[int(pid), int(fields[19])] = int(fields[1]), own, children
    return clocks


def cpu_between(before, after):
    """CPU seconds that others used between two results of clocks_of_others(). The time of a process that
    ended moves to its parent, if that waits for it, and vanishes otherwise. So what a process had used
    before is left out of the children's time of its nearest ancestor that goes on, and no clock counts
    backwards."""
    parents = {pid: parent for (pid, _), (parent, _, _) in before.items()}
    living = {pid for pid, _ in after}
    ended = {}
    for process, (parent, own, children) in before.items():
        if process not in after:
            while parent not in living and parent in parents:
                parent = parents[parent]
            ended[parent] = ended.get(parent, 0) + own + children
    ticks = 0
    for process, (_, own, children) in after.items():
        _, own_before, children_before = before.get(process, (0, 0, 0))
        ticks += own - own_before
        ticks += max(0, children - children_before - ended.get(process[0], 0))
    return ticks / TICKS


def anonymous_bytes():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("AnonPages:"):
            return int(line.split()[1]) * 1024
    return 0


def noise():
    """Activity of others in one second: share of the machine, and bytes taken or given back."""
    clocks, memory = clocks_of_others({os.getpid()}), anonymous_bytes()
    most = 0
    for _ in range(10):
        time.sleep(0.1)  # samples the other processes; nothing is waited for
        most = max(most, abs(anonymous_bytes() - memory))
    return cpu_between(clocks, clocks_of_others({os.getpid()})) / PROCESSORS, most


def saturated_run(program):
    """A run whose window has 200 ticks or more; CPU of others in it and its length, both in s."""
    for messages in (3_000, 12_000, 48_000):
        with Server(program) as server:
            ours = {os.getpid(), server.process.pid}
            clocks, began = clocks_of_others(ours), time.monotonic()
            run = Run(server.port, 100, "-m", str(messages))
            others = cpu_between(clocks, clocks_of_others(ours))
            whole = time.monotonic() - began
            run.expect_pass(100, program)
        window = run.document["phases"]["measured"]["ns"] / 1e9
        if window > 2:
            break
    return run.document, others * window / whole, window


def check_cpu(program):
    document, others, window = saturated_run(program)
    cpu = document["cpu"]
    if cpu["total_ns_per_echo"] is None:
        skip("the softirq threads are not visible (pid namespace): the accounts cannot balance")
    echoes = document["echoes"]["verified"]
    attributed = cpu["total_ns_per_echo"] * echoes / 1e9
    expect(
        cpu["unattributed_ns_per_echo"] is not None,
        f"{program}: /proc/stat saw less than the clocks, {attributed:.2f} s, by more than a tick",
    )
    unattributed = cpu["unattributed_ns_per_echo"] * echoes / 1e9
    busy = attributed + unattributed
    gap = (unattributed - others) / busy
    print(
        f"{program}: busy {busy:.2f} s of {window * PROCESSORS:.2f}: attributed {attributed:.2f}, "
        f"others {others:.2f}, difference {100 * gap:+.1f} %",
        flush=True,
    )
    expect(abs(gap) <= CLOSE, f"{program}: the accounts differ by {100 * gap:+.1f} %")


def check_memory(program):
    """False if other processes disturbed it."""
    before = noise()
    with Server(program, "--buffer-size", "1K", descriptors=DESCRIPTORS) as server:
        run = Run(server.port, CONNECTIONS, descriptors=DESCRIPTORS)
        run.expect_pass(CONNECTIONS, program)
    after = noise()
    cpu, taken = max(before[0], after[0]), max(before[1], after[1])
    if cpu > QUIET_CPU or taken > QUIET_MEMORY:
        print(f"{program}: others used {100 * cpu:.0f} % and moved {taken >> 20} MiB", flush=True)
        return False
    memory = run.document["memory"]
    machine = memory["machine"]
    if machine["total_per_connection"] is None:
        print(f"{program}: the client reports that free memory was given back meanwhile", flush=True)
        return False
    grown = {part: machine[part] / CONNECTIONS for part in PARTS}
    parts = sum(grown.values())
    lost = machine["total"] / CONNECTIONS
    resident = memory["client"]["per_connection"] + memory["server"]["per_connection"]
    attributed = machine["per_connection"] + resident
    print(
        f"{program}: attributed {attributed:,.0f} B per connection, grown {parts:,.0f}, "
        f"free memory lost {lost:,.0f}: " + ", ".join(f"{part} {grown[part]:,.0f}" for part in PARTS),
        flush=True,
    )
    expect(
        abs(attributed - parts) <= CLOSE * parts,
        f"{program}: attributed {attributed}, grown {parts}",
    )
    unseen = SEND_FRAGMENT if program == "echo_threads" else 0
    expect(
        (1 - CLOSE) * parts <= lost <= (1 + CLOSE) * (parts + unseen),
        f"{program}: {lost:,.0f} B of free memory lost, {parts:,.0f} in the parts",
    )
    return True


def main():
    need_room_for(CONNECTIONS, DESCRIPTORS)
    for program in MODELS:
        check_cpu(program)
    disturbed = [
        program
        for program in MODELS
        if not any(check_memory(program) for _ in range(ATTEMPTS))
    ]
    if disturbed:
        skip(f"memory of {', '.join(disturbed)}: other processes disturbed all {ATTEMPTS} attempts")


if __name__ == "__main__":
    main()
