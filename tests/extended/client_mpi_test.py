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
import shutil
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


def wrapper(hosts, name, lines):
    """A script before the program, whose words are "$@"."""
    script = hosts.folder / name
    script.write_text(f'#!/bin/bash\n{lines}\nexec "$@"\n', encoding="ascii")
    script.chmod(0o755)
    return (str(script),)


def check_a_slow_network(hosts, port, implementation):
    """Where a message takes 20 ms, fewer of them must do for a clock: 9 times 220 round trips would take 80 s."""
    if not shutil.which("cc"):
        return
    source, library = hosts.folder / "slow.c", hosts.folder / "slow.so"
    source.write_text("#include <time.h>\nint sched_yield(void) { struct timespec t = {0, 20000000}; "
                      "return nanosleep(&t, 0); }\n", encoding="ascii")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
    slowly = wrapper(hosts, "slowly", f"export LD_PRELOAD={library}")
    began = time.monotonic()
    done = hosts.run(implementation, f"{HEAD}:{port}", "-n", 100, *LOADS["closed"], *REMOTE, launcher=slowly)
    took = time.monotonic() - began
    expect(took < 30 and done.returncode == 0,
           f"{implementation}: a slow network: {took:.1f} s, code {done.returncode}:\n{done.stdout}{done.stderr}")


def check_a_refusal_of_rank_0_alone(hosts, port, implementation):
    """The others wait for its word before they say theirs."""
    wrong = wrapper(hosts, "wrong-on-rank-0",
                    'if [[ ${OMPI_COMM_WORLD_RANK:-$PMI_RANK} == 0 ]]; then set -- "$@" --bogus; fi')
    began = time.monotonic()
    refused = hosts.run(implementation, f"{HEAD}:{port}", "-n", 100, *REMOTE, launcher=wrong)
    took = time.monotonic() - began
    expect(took < 20 and refused.returncode == 2 and "did not answer" not in refused.stderr,
           f"{implementation}: rank 0's refusal after {took:.1f} s, code {refused.returncode}:\n{refused.stderr}")


def check_one_rank_in_frames(hosts, port, implementation):
    """What scripts/fleet starts as a fleet of one."""
    program, mpirun = implementations()[implementation]
    root = ["--allow-run-as-root"] if implementation == "openmpi" else []
    done = subprocess.run([mpirun, *root, "-np", "1", program, "--frames", "-n", "2", f"{HEAD}:{port}", *REMOTE],
                          capture_output=True, text=True, timeout=60, check=False, cwd=hosts.folder,
                          stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(hosts.folder)})
    kinds = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("@echo-testbed ")]
    for kind in ("hello", "ready", "document", "merged", "end"):
        expect(kind in kinds, f"{implementation}: one rank writes the frame {kind}, not {kinds}\n{done.stdout}{done.stderr}")


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
                check_a_refusal_of_rank_0_alone(hosts, server.port, implementation)
                check_a_slow_network(hosts, server.port, implementation)
                check_one_rank_in_frames(hosts, server.port, implementation)


main()
