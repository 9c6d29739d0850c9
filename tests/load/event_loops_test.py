#!/usr/bin/python3
"""The client against event loops from elsewhere, 10,000 connections each: node's net, asyncio.

Both keep their default backlogs, 511 and 100, so their accept queues overflow and some connects take
one or two seconds. All must be served all the same: a client that goes on connecting at full speed while
SYNs are dropped ends up with hundreds of connections that the server's end never gets.
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
PEERS = {
    "node": ["node", HERE / "node_echo.js"],
    "asyncio": ["/usr/bin/python3", HERE / "asyncio_echo.py"],
}


def load(peer):
    server = subprocess.Popen(
        PEERS[peer],
        preexec_fn=with_descriptors(DESCRIPTORS),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        port = int(first_line(server, server.stdout))
        run = Run(port, CONNECTIONS, descriptors=DESCRIPTORS)
        run.expect_pass(CONNECTIONS, peer)
    finally:
        end(server)
    memory = run.document["memory"]["server"]
    expect(memory and memory["rss"], f"{peer}: its resident memory is known: {memory}")
    print(
        f"{peer}: {CONNECTIONS:,} of {CONNECTIONS:,} served, established in "
        f"{run.established_in:.3f} s, ListenDrops {run.document['kernel']['listen_drops']}; "
        f"{memory['rss']:,} B resident, {memory['per_connection']:,} B a connection",
        flush=True,
    )


def main():
    need_room_for(CONNECTIONS, DESCRIPTORS)
    peers = [peer for peer, command in PEERS.items() if shutil.which(command[0])]
    for peer in peers:
        load(peer)
    if len(peers) < len(PEERS):
        skip("node is not installed (scripts/setup test)")


if __name__ == "__main__":
    main()
