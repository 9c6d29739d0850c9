#!/usr/bin/python3
"""The client against other echo servers that fork: socat and ncat, 50 connections each.

All bytes must come back verified, and the report must have the memory of all their processes: the
listener and one process per connection. ncat listens with a backlog of 10 that no option changes, so
most of its connects take a second.
"""

import pathlib
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import Run, end, expect, skip, wait_until_listening  # noqa: E402

CONNECTIONS = 50


def free_port():
    """A port on which nothing listens now: neither server can report a port that the kernel chose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(name, port):
    if name == "socat":
        return ["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,backlog=128", "PIPE"]
    return ["ncat", "-l", "127.0.0.1", str(port), "-k", "-e", "/bin/cat"]


def load(name):
    port = free_port()
    server = subprocess.Popen(command(name, port), stderr=subprocess.DEVNULL)
    try:
        wait_until_listening(port, server)
        run = Run(port, CONNECTIONS)
        run.expect_pass(CONNECTIONS, name)
    finally:
        end(server)
    memory = run.document["memory"]["server"]
    expect(memory and memory["rss"], f"{name}: its resident memory is known: {memory}")
    processes = len(memory["pids"])
    expect(processes > CONNECTIONS, f"{name}: memory of all its processes, not only of {processes}")
    print(
        f"{name}: {CONNECTIONS} of {CONNECTIONS} served, established in {run.established_in:.3f} s; "
        f"{processes} processes, {memory['rss']:,} B resident together",
        flush=True,
    )


def main():
    servers = [name for name in ("socat", "ncat") if shutil.which(name)]
    for name in servers:
        load(name)
    if len(servers) < 2:
        skip("socat or ncat is not installed (scripts/setup test)")


if __name__ == "__main__":
    main()
