#!/usr/bin/python3
"""The client against other event loops, 10,000 connections each: node's net and asyncio.

Both use their default backlogs, 511 and 100, so their accept queues overflow and some connects take
one or two seconds. All connections must still be served. A client that continues to connect at full
speed while SYNs are dropped ends with hundreds of connections that do not exist at the server's end.
"""

import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import Run, end, expect, first_line, need_room_for, skip  # noqa: E402
from processes import with_descriptors  # noqa: E402

CONNECTIONS = 10_000
DESCRIPTORS = 10_100
HERE = pathlib.Path(__file__).resolve().parent
SERVERS = {
    "node": ["node", HERE / "node_echo.js"],
    "asyncio": ["/usr/bin/python3", HERE / "asyncio_echo.py"],
}


def load(name):
    server = subprocess.Popen(
        SERVERS[name],
        preexec_fn=with_descriptors(DESCRIPTORS),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        port = int(first_line(server, server.stdout))
        run = Run(port, CONNECTIONS, descriptors=DESCRIPTORS)
        run.expect_pass(CONNECTIONS, name)
    finally:
        end(server)
    memory = run.document["memory"]["server"]
    expect(memory and memory["rss"], f"{name}: its resident memory is known: {memory}")
    print(
        f"{name}: {CONNECTIONS:,} of {CONNECTIONS:,} served, established in "
        f"{run.established_in:.3f} s, ListenDrops {run.document['kernel']['listen_drops']}; "
        f"{memory['rss']:,} B resident, {memory['per_connection']:,} B per connection",
        flush=True,
    )


def main():
    need_room_for(CONNECTIONS, DESCRIPTORS)
    servers = [name for name, command in SERVERS.items() if shutil.which(command[0])]
    for name in servers:
        load(name)
    if len(servers) < len(SERVERS):
        skip("node is not installed (scripts/setup test)")


if __name__ == "__main__":
    main()
