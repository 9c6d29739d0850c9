#!/usr/bin/python3
"""2,000 peers that never finish a request, against one model of each family that serves all at once.

- A slow-loris: each sends a part of a head, then a byte now and then. Others are served meanwhile, and
  --request-timeout frees the server of all of them.
- Each sends 1 MiB of header, of chunk extensions, or of trailers, and does not read: the server's memory
  stays within what --max-header allows.

    slow_requests_test.py [MODEL]...
"""

import pathlib
import selectors
import socket
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import Server, expect, need_room_for  # noqa: E402

PEERS = 2_000
DESCRIPTORS = 4_200
MODELS = {"thread-per-connection": "echo_threads", "callbacks": "echo_async",
          "nested-epoll": "echo_async", "io-uring": "echo_async"}
REQUEST_TIMEOUT = 4  # seconds
LONGEST_WAIT = 2  # seconds, of somebody else in a flood
PATIENCE = 60

LORIS = b"GET / HTTP/1.1\r\nHost: loris\r\nX-Slow: "
CHUNKED = b"POST /echo HTTP/1.1\r\nHost: flood\r\nTransfer-Encoding: chunked\r\n\r\n"
MEBIBYTE = 1 << 20
FLOODS = {
    "header": b"GET / HTTP/1.1\r\nHost: flood\r\n" + b"X: y\r\n" * (MEBIBYTE // 6),
    "chunk extensions": CHUNKED + b"1;" + b"e;" * (MEBIBYTE // 2),
    "trailers": CHUNKED + b"0\r\n" + b"X: y\r\n" * (MEBIBYTE // 6),
}
#: A head of --max-header (16 KiB) and as much again: two buffers, the conversation, what malloc rounds.
BYTES_PER_PEER = 32 << 10


def resident(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) << 10
    return 0


def connect_all(port):
    peers = []
    for _ in range(PEERS):
        peers.append(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE))
        peers[-1].setblocking(False)
    return peers


def is_served(port):
    """How long a request of somebody else takes, in seconds."""
    began = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
        expect(answer.read() == b"ok", "a request of somebody else is answered")
    return time.monotonic() - began


def slow_loris(model, program):
    with Server(program, "--model", model, "--protocol", "http", "--request-timeout",
                f"{REQUEST_TIMEOUT}s", descriptors=DESCRIPTORS) as server:
        began = time.monotonic()
        peers = connect_all(server.port)
        for peer in peers:
            peer.send(LORIS)
        longest = is_served(server.port)
        for peer in peers:
            peer.send(b"x")
        longest = max(longest, is_served(server.port))
        seen = {peer: b"" for peer in peers}
        events = selectors.DefaultSelector()
        for peer in peers:
            events.register(peer, selectors.EVENT_READ)
        while events.get_map() and time.monotonic() < began + PATIENCE:
            for key, _ in events.select(1):
                got = key.fileobj.recv(4096)
                seen[key.fileobj] += got
                if not got:
                    events.unregister(key.fileobj)
        freed = time.monotonic() - began
        answers = sum(text.startswith(b"HTTP/1.1 408 ") for text in seen.values())
        expect(answers == PEERS, f"{model}: {answers} of {PEERS} are answered with 408")
        expect(longest < REQUEST_TIMEOUT / 2, f"{model}: others wait for {longest:.1f} s")
        expect(freed >= REQUEST_TIMEOUT, f"{model}: nobody is cut off early, {freed:.1f} s")
        for peer in peers:
            peer.close()
        code, text = server.stop()
        expect(code == 0 and "Now: 0" in text, f"{model}: all are freed: exit {code}, {text}")
    print(f"{model}: others waited {longest * 1000:.0f} ms at most; all were freed after {freed:.1f} s",
          flush=True)


def flood(model, program, what):
    with Server(program, "--model", model, "--protocol", "http", descriptors=DESCRIPTORS) as server:
        peers = connect_all(server.port)
        is_served(server.port)
        before = resident(server.process.pid)
        for peer in peers:
            try:
                peer.send(FLOODS[what])  # as much as the socket buffers take
            except OSError:
                pass  # the server was quicker
        longest = is_served(server.port)
        grown = (resident(server.process.pid) - before) / PEERS
        for peer in peers:
            peer.close()
        code, _ = server.stop()
        expect(code == 0, f"{model}: it ends with 0, not {code}")
    print(f"{model}, 1 MiB of {what} each: {grown:,.0f} B per connection more at the most; others waited "
          f"{longest * 1000:.0f} ms", flush=True)
    expect(longest < LONGEST_WAIT, f"{model}: others wait for {longest:.1f} s in a flood of {what}")
    expect(grown <= BYTES_PER_PEER, f"{model}: {what} may not make it grow so")


def main(wanted):
    need_room_for(PEERS, DESCRIPTORS)
    for model, program in MODELS.items():
        if wanted and model not in wanted:
            continue
        slow_loris(model, program)
        for what in FLOODS:
            flood(model, program, what)


if __name__ == "__main__":
    main(sys.argv[1:])
