#!/usr/bin/python3
"""The client against echo servers that fork: socat and ncat, 50 connections each.

Neither knows this project. All bytes must come back verified, and the report must hold the memory
of all their processes together: the listener's and one for each connection. ncat listens with a
backlog of 10 that no option changes, so most of its connects take a second.
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
    """A port that nothing listens on now: neither peer can say which one the kernel chose."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def command(peer, port):
    if peer == "socat":
        return ["socat", f"TCP-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,backlog=128", "PIPE"]
    return ["ncat", "-l", "127.0.0.1", str(port), "-k", "-e", "/bin/cat"]


def load(peer):
    port = free_port()
    server = subprocess.Popen(command(peer, port), stderr=subprocess.DEVNULL)
    try:
        wait_until_listening(port, server)
        run = Run(port, CONNECTIONS)
        run.expect_pass(CONNECTIONS, peer)
    finally:
        end(server)
    memory = run.document["memory"]["server"]
    expect(memory and memory["rss"], f"{peer}: its resident memory is known: {memory}")
    processes = len(memory["pids"])
    expect(processes > CONNECTIONS, f"{peer}: memory of all its processes, not of {processes}")
    print(
        f"{peer}: {CONNECTIONS} of {CONNECTIONS} served, established in {run.established_in:.3f} s; "
        f"{processes} processes, {memory['rss']:,} B resident together",
        flush=True,
    )


def main():
    peers = [peer for peer in ("socat", "ncat") if shutil.which(peer)]
    for peer in peers:
        load(peer)
    if len(peers) < 2:
        skip("socat or ncat is not installed (scripts/setup test)")


if __name__ == "__main__":
    main()
