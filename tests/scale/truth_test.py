#!/usr/bin/python3
"""The client reports figures that are known beforehand.

A server that answers after 50 ms gives 50 ms. A server that is stopped for 1 s of 6 gives, in an open
loop, the percentiles that arithmetic predicts (p90 0.4 s, p99 0.94 s); a closed loop is reported as
one. A rate times a duration gives the number of messages. The test is skipped if the client warns of
a busy machine, because other processes then affect the figures.
"""

import pathlib
import signal
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import Run, Server, expect, skip  # noqa: E402

DELAY = 0.050
MS = 1_000_000
BUSY = ("others used", "the hypervisor took")


def skip_if_busy(run):
    doubts = [text for text in run.document["warnings"] if any(word in text for word in BUSY)]
    if doubts:
        skip("; ".join(doubts))


def answer_late(connection):
    """Answers each message DELAY after it arrived. The sleep is the delay under test."""
    with connection:
        while data := connection.recv(65536):
            time.sleep(DELAY)
            connection.sendall(data)


class LateServer:
    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self.accept, daemon=True).start()
        return self.listener.getsockname()[1]

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=answer_late, args=(connection,), daemon=True).start()

    def __exit__(self, *_):
        self.listener.close()


def percentile(run, which, name="echo"):
    return run.document["latency"][name]["percentiles"][which]


def a_known_delay():
    with LateServer() as port:
        run = Run(port, 20, "--mode", "stream", "-R", "100", "-d", "2")
    run.expect_pass(20, "a server that answers after 50 ms")
    skip_if_busy(run)
    p50 = percentile(run, "50")
    expect(50 * MS <= p50 <= 51 * MS, f"50 ms are reported as 50 to 51 ms, not {p50 / MS:.3f}")
    print(f"a server that answers after 50 ms: p50 {p50 / MS:.3f} ms")


def stalled(*arguments, seconds):
    """A stream of which the server is stopped for a second, after two seconds."""
    with Server("echo_async") as server:
        stop = threading.Timer(2.2, server.process.send_signal, [signal.SIGSTOP])
        go = threading.Timer(3.2, server.process.send_signal, [signal.SIGCONT])
        stop.start(), go.start()
        try:
            return Run(
                server.port, 100, "--mode", "stream", "-d", str(seconds), "--warmup", "0.2", *arguments
            )
        finally:
            stop.cancel(), go.cancel()
            server.process.send_signal(signal.SIGCONT)


def a_known_stall():
    run = stalled("-R", "2000", seconds=6)
    run.expect_pass(100, "a server that was stopped for a second")
    skip_if_busy(run)
    p90, p99 = percentile(run, "90"), percentile(run, "99")
    expect(abs(p90 - 400 * MS) < 60 * MS, f"p90 of the stall is about 400 ms, not {p90 / MS:.0f}")
    expect(abs(p99 - 940 * MS) < 30 * MS, f"p99 of the stall is about 940 ms, not {p99 / MS:.0f}")
    sent = run.document["phases"]["measured"]["sent"]
    expect(abs(sent - 12_000) <= 120, f"2,000/s for 6 s are 12,000 messages, not {sent}")
    expect(run.document["latency"]["loop"] == "open", "a loop with a rate is reported as open")
    print(f"stopped for 1 s of 6, open loop: p90 {p90 / MS:.0f} ms, p99 {p99 / MS:.0f} ms, {sent} sent")

    closed = stalled(seconds=4)
    closed.expect_pass(100, "the same stall, closed loop")
    loop = closed.document["latency"]["loop"]
    expect(loop == "closed", "without a rate the loop is reported as closed")
    expect("closed loop" in closed.text, "the text says closed loop beside the percentiles")
    p99 = percentile(closed, "99")
    print(f"the same stall, closed loop: p99 {p99 / MS:.2f} ms, and the report says closed loop")


def rate_times_time():
    with Server("echo_async") as server:
        for connections in (1, 100, 10_000):
            run = Run(server.port, connections, "--mode", "stream", "-R", "2000", "-d", "2")
            run.expect_pass(connections, f"2,000/s over {connections}")
            sent = run.document["phases"]["measured"]["sent"]
            expect(abs(sent - 4_000) <= 40, f"n={connections}: 4,000 messages, not {sent}")
            print(f"2,000/s for 2 s over {connections:,} connections: {sent} sent")


a_known_delay()
a_known_stall()
rate_times_time()
