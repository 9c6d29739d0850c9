#!/usr/bin/python3
"""docs/kernel-costs.md: a thread touches two pages of its stack, one with --one-page-stacks.

Frames of the echo loop that grow by 100 bytes cost a page for each connection, and nothing else
shows it. The figure is the slope of the server's resident memory between two numbers of
connections; each connection has echoed a message by then.
"""

import json
import pathlib
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, Server, expect, skip  # noqa: E402

PAGE = 4096
FEW, MANY = 100, 500
#: Of the connection's objects, beside its stack: some 720 B.
OBJECTS = 2048


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError("no VmRSS")


def connect(port, connections, until):
    """Opens connections until there are `until`; each echoes one message."""
    while len(connections) < until:
        one = socket.create_connection(("127.0.0.1", port), timeout=30)
        connections.append(one)
        one.sendall(b"x")
        expect(one.recv(1) == b"x", "the message comes back")


def bytes_per_connection(*options):
    with Server("echo_threads", *options) as server:
        connections = []
        try:
            connect(server.port, connections, FEW)
            few = resident(server.process.pid)
            connect(server.port, connections, MANY)
            many = resident(server.process.pid)
        finally:
            for one in connections:
                one.close()
    return (many - few) / (MANY - FEW)


def main():
    about = subprocess.run([BIN / "echo_threads", "--describe"], capture_output=True, check=True)
    build = json.loads(about.stdout)["version"].get("build_type")
    if build != "Release":
        skip(f"frames are larger in a {build} build")
    for pages, options in ((2, ()), (1, ("--one-page-stacks", "--buffer-size", "512"))):
        measured = bytes_per_connection(*options)
        expect(
            pages * PAGE <= measured <= pages * PAGE + OBJECTS,
            f"{pages} page(s) of stack per connection with {options}: {measured:.0f} B",
        )
        print(f"{' '.join(options) or 'default'}: {measured:.0f} B per connection")


main()
