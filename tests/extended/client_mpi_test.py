#!/usr/bin/python3
"""client-mpi on four network namespaces as hosts, with Open MPI and MPICH, as this user and as an ordinary one.

- 4 x 2,500 connections, closed and open loop: the merged document equals `client merge` of the ranks' own, bin for bin.
- Bytes are seen to cross each veth.
- What one rank cannot do refuses the whole, and names host and rank.
- The clocks of ranks that are hours apart: each offset is found within its bound, and the starts lie together.

    client_mpi_test.py            the tests, as this user; root also starts them as nobody
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from mpi_hosts import (BIN, HEAD, INSIDE, Hosts, enter_namespaces, expect, implementations,  # noqa: E402
                       read_document)
from processes import Server  # noqa: E402

CONNECTIONS = 10_000
RANKS = 4
AHEAD = (0, 3600, 90_000, 7)  # seconds
REMOTE = ("--allow-remote", "10.77.0.0/24")
LOADS = {"closed": ("--mode", "stream", "-d", "2"), "open": ("--mode", "stream", "-d", "2", "-R", "4000")}
#: What a merge adds up or adds bin for bin.
ADDED = ("connections", "echoes", "latency", "phases", "throughput")
LEAST_BYTES = 100_000
CLOSE_START = 200_000  # ns


def own(path, rank):
    return path.with_name(f"{path.stem}.{rank}{path.suffix}")


def check_merge(path, name):
    again = path.with_name("again.json")
    parts = [own(path, rank) for rank in range(RANKS)]
    merged = subprocess.run([BIN / "client", "merge", "--json", again, *parts], capture_output=True, text=True,
                            timeout=60, check=False)
    expect(merged.returncode == 0, f"{name}: client merge of the ranks' documents: {merged.stderr}")
    ours, theirs = read_document(path), read_document(again)
    for part in ADDED:
        expect(ours[part] == theirs[part], f"{name}: {part} is that of client merge")
    expect(ours["connections"]["served"] == CONNECTIONS, f"{name}: {ours['connections']}")
    expect(ours["connections"]["max_concurrent"] == CONNECTIONS, f"{name}: all stand at one time")
    served = [read_document(part)["connections"]["served"] for part in parts]
    expect(served == [CONNECTIONS // RANKS] * RANKS, f"{name}: each rank has its share, not {served}")


def run_loads(hosts, folder, port, implementation):
    for loop, options in LOADS.items():
        name = f"{implementation}, {loop} loop"
        path = folder / f"{implementation}-{loop}.json"
        before = hosts.traffic()
        began = time.monotonic()
        done = hosts.run(implementation, f"{HEAD}:{port}", "-n", CONNECTIONS, *options, *REMOTE, "--json", path)
        print(f"{name}: {time.monotonic() - began:.1f} s", flush=True)
        expect(done.returncode == 0, f"{name}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        expect(done.stdout.startswith(f"Max conc: {CONNECTIONS}\ntotal: {CONNECTIONS}\nconc: 0\n"),
               f"{name}: the first three lines:\n{done.stdout}")
        check_merge(path, name)
        for host, after in hosts.traffic().items():
            moved = [new - old for new, old in zip(after, before[host])]
            expect(min(moved) > LEAST_BYTES, f"{name}: bytes cross the veth of {host}: {moved}")


def check_clocks(path, name):
    """The hosts are namespaces of one machine, so the true offset is what AHEAD says, and ages of starts can be told."""
    ranks = [read_document(own(path, rank))["rank"] for rank in range(RANKS)]
    starts, traffics = [], []
    for rank, ahead in zip(ranks, AHEAD):
        true = (ahead - AHEAD[0]) * 1_000_000_000
        for when in ("clock_before", "clock_after"):
            clock = rank[when]
            expect(abs(clock["offset_ns"] - true) <= clock["bound_ns"],
                   f"{name}: {when} of rank {rank['rank']} is {true} within its bound: {clock}")
        for moment, begun in (("start", starts), ("traffic", traffics)):
            late = rank[moment]["begun_ns"] - rank[moment]["due_ns"]
            expect(0 <= late, f"{name}: rank {rank['rank']} keeps the time of its {moment}: {late} ns")
            begun.append((rank[moment]["due_ns"] - true, late))
    for begun in (starts, traffics):
        dues = [due for due, _ in begun]
        expect(max(dues) - min(dues) <= CLOSE_START, f"{name}: all agree on one time: {dues}")


def check_refusals(hosts, port, implementation):
    command = hosts.run(implementation, f"{HEAD}:{port}", "-n", 100, "--bogus")
    expect(command.returncode == 2 and command.stderr.count("--bogus") == 1,
           f"{implementation}: a usage error is said once:\n{command.stderr}")
    remote = hosts.run(implementation, f"{HEAD}:{port}", "-n", 100)
    expect(remote.returncode == 6, f"{implementation}: {remote.returncode}, a host outside loopback is refused")
    for rank, host in enumerate(hosts.names):
        expect(f"{host}: rank {rank}: {HEAD}:{port} is outside loopback" in remote.stderr,
               f"{implementation}: the line of {host}:\n{remote.stderr}")
    shared = hosts.run(implementation, f"{HEAD}:{port}", "-n", RANKS - 1, *REMOTE)
    expect(shared.returncode == 2 and "at least one for each of the 4 clients" in shared.stderr,
           f"{implementation}: fewer connections than ranks:\n{shared.stderr}")


def main():
    if os.geteuid() == 0 and not os.environ.get(INSIDE) and "nobody" not in sys.argv:
        # First the ordinary user: enter_namespaces() does not return out here.
        done = subprocess.run(["/usr/bin/python3", sys.argv[0], "nobody"], check=False)
        expect(done.returncode in (0, 77), f"as an ordinary user: exit code {done.returncode}")
    enter_namespaces(as_nobody="nobody" in sys.argv)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        hosts = Hosts(folder, RANKS, AHEAD)
        with Server("echo_async", "--bind", HEAD, "--allow-public", descriptors=CONNECTIONS + 200) as server:
            for implementation in implementations():
                run_loads(hosts, folder, server.port, implementation)
                for loop in LOADS:
                    check_clocks(folder / f"{implementation}-{loop}.json", f"{implementation}, {loop} loop")
                check_refusals(hosts, server.port, implementation)


main()
