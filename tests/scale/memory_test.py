#!/usr/bin/python3
"""Limits on the resident memory of 10,000 idle connections at both ends; and the counts agree.

Each server is fresh, because one that has served before has kept memory. When the client takes its
sample, all connections are established, each has echoed once, and nothing is in flight.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import Run, Server, expect, need_room_for  # noqa: E402

CONNECTIONS = 10_000
DESCRIPTORS = 10_100
SERVER_BYTES = {"echo_threads": 9 * 1024, "echo_async": 2 * 1024}  # per connection, 1 KiB buffer
CLIENT_BYTES = 512  # per connection
#: Of it 4.2 MB are the program itself, most of them pages of its file that other processes share.
CLIENT_BYTES_IN_ALL = 5_250_000


def measure(program, at_most):
    with Server(program, "--buffer-size", "1K", descriptors=DESCRIPTORS) as server:
        run = Run(server.port, CONNECTIONS, descriptors=DESCRIPTORS)
        run.expect_pass(CONNECTIONS, program)
        code, text = server.stop()
    expect(code == 0, f"{program} ends with 0, not {code}")

    connections = run.document["connections"]
    for what in ("requested", "established", "served", "max_concurrent", "total"):
        expect(connections[what] == CONNECTIONS, f"{program}: {what} is {connections[what]}")
    expect(connections["failed"] == {}, f"{program}: nothing failed: {connections['failed']}")
    expect(connections["open_at_end"] == 0, f"{program}: the client closes all")
    wanted = f"Max conc: {CONNECTIONS}\nTotal: {CONNECTIONS}\nNow: 0\n"
    expect(wanted in text, f"{program}: the server counted {wanted!r}, not {text!r}")

    memory = run.document["memory"]
    server_bytes = memory["server"]["per_connection"]
    client_bytes = memory["client"]["per_connection"]
    client_in_all = memory["client"]["peak_rss"]
    print(
        f"{program}: {server_bytes:,} B per connection (at most {at_most:,}); client: "
        f"{client_bytes} B per connection, {client_in_all:,} B in all; kernel, both ends: "
        f"{memory['machine']['per_connection']:,} B per connection",
        flush=True,
    )
    expect(server_bytes <= at_most, f"{program} holds {server_bytes} B per connection")
    expect(client_bytes <= CLIENT_BYTES, f"the client holds {client_bytes} B per connection")
    expect(client_in_all <= CLIENT_BYTES_IN_ALL, f"the client holds {client_in_all} B in all")


def main():
    need_room_for(CONNECTIONS, DESCRIPTORS)
    for program, at_most in SERVER_BYTES.items():
        measure(program, at_most)


if __name__ == "__main__":
    main()
