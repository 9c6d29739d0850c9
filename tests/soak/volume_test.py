#!/usr/bin/python3
"""1 GiB on one connection, and a million connections one after another, through each kind of I/O.

    volume_test.py [CONNECTIONS]

The GiB must come back byte for byte, and the server must need no more memory than before. After the
million connections the server must have as many descriptors, threads and children as a fresh one, no
zombies, and as much resident memory as after the first round.
"""

import contextlib
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import Run, Server, expect  # noqa: E402

FAMILIES = {
    "blocking": ("echo_threads",),
    "processes": ("echo_threads", "--model", "prefork"),
    "Asio": ("echo_async",),
    "raw epoll": ("echo_async", "--model", "nested-epoll"),
    "io_uring": ("echo_async", "--model", "io-uring"),
}
MIB = 1 << 20
#: For buffers that fill once, and memory that the allocator keeps.
SLACK = 8 * MIB


class Held:
    """The resources that a server and its children hold now."""

    def __init__(self, pid):
        self.children = self.descriptors = self.threads = self.resident = 0
        self.zombies = 0
        for each in [pid, *children_of(pid)]:
            with contextlib.suppress(OSError):  # it ended meanwhile
                self.add(pathlib.Path("/proc", str(each)))
        self.children -= 1

    def add(self, folder):
        text = (folder / "status").read_text()
        fields = dict(line.split(":", 1) for line in text.splitlines())
        self.children += 1
        if fields["State"].split()[0] == "Z":
            self.zombies += 1
            return
        self.descriptors += len(os.listdir(folder / "fd"))
        self.threads += int(fields["Threads"])
        self.resident += int(fields["VmRSS"].split()[0]) * 1024

    def counts(self):
        return self.descriptors, self.threads, self.children, self.zombies

    def __str__(self):
        return (
            f"{self.descriptors} descriptors, {self.threads} threads, {self.children} children "
            f"({self.zombies} zombies), {self.resident / MIB:.1f} MiB"
        )


def children_of(pid):
    found = []
    for task in pathlib.Path("/proc", str(pid), "task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended
            found += map(int, (task / "children").read_text().split())
    return found


def settled(pid, fresh=None):
    """What is held once the last connections have ended at the server as well: as much as by a fresh
    one, or as much as 0.1 s before. After 5 s: what is held then."""
    give_up, before = time.monotonic() + 5, Held(pid)
    while time.monotonic() < give_up:
        time.sleep(0.1)
        now = Held(pid)
        if now.counts() == (fresh or before).counts():
            return now
        before = now
    return before


def one_gib(family, program, *arguments):
    with Server(program, *arguments) as server:
        Run(server.port, 1, "-s", "1M").expect_pass(1, family)
        before = Held(server.process.pid)
        run = Run(server.port, 1, "-s", "1G", "--timeout", "100s")
        run.expect_pass(1, f"{family}, 1 GiB")
        expect(run.document["echoes"]["bytes_verified"] == 1 << 30, f"{family}: all of it verified")
        peak = run.document["memory"]["server"]["peak_rss"]
        code, _ = server.stop()
    expect(code == 0, f"{family} ends with 0, not {code}")
    expect(peak <= before.resident + SLACK, f"{family}: {peak:,} B, {before} before")
    took = run.document["latency"]["echo"]["max"] / 1e9
    print(f"{family}: 1 GiB in {took:.1f} s, {peak / MIB:.1f} MiB at most", flush=True)


def churn(family, wanted, program, *arguments):
    with Server(program, *arguments) as server:
        Run(server.port, 8).expect_pass(8, family)  # so that all its parts have started
        fresh, served, first = settled(server.process.pid), 8, None
        while served < wanted:
            run = Run(server.port, 100, "--mode", "churn", "-d", "10s")
            said = f"{run.text}{run.errors}"
            expect(run.code == 0, f"{family}: the client ends with {run.code}:\n{said}")
            expect(run.document["connections"]["served"] > 0, f"{family} serves connections")
            served += run.document["connections"]["served"]
            now = settled(server.process.pid, fresh)
            first = first or now
            seen = f"{family}, after {served:,}: {now}; fresh: {fresh}"
            expect(now.counts() == fresh.counts(), seen)
            expect(now.resident <= first.resident + MIB, f"{family}: {now}, {first} at first")
        code, text = server.stop()
    expect(code == 0, f"{family} ends with 0, not {code}")
    expect(f"Total: {served}\nNow: 0\n" in text, f"{family} counted {served}, not {text!r}")
    print(f"{family}: {served:,} connections one after another; {now}", flush=True)


def main():
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for family, command in FAMILIES.items():
        one_gib(family, *command)
    for family, command in FAMILIES.items():
        churn(family, wanted, *command)


if __name__ == "__main__":
    main()
