#!/usr/bin/python3
"""Clients that a program leads: two ranks against a server, with this test as their parent.

It reads their frames and writes their commands (docs/decisions/0029-ranks-agree-on-times.md). Both
ranks run on this machine, so their clocks are this test's.
"""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, SOURCE, Server, end, expect  # noqa: E402

try:
    from jsonschema import Draft202012Validator
except ImportError:
    Draft202012Validator = None  # schema_test.py says which package has it

PATIENCE = 20
F_SETPIPE_SZ = 1031
LINE = re.compile(rb"@echo-testbed (([0-9]+) ([a-z]+) ([0-9]+)/([0-9]+)) ([0-9a-f]{8}) (.*)", re.DOTALL)
#: What is granted beside a promised time where other tests keep the processors busy.
MARGIN = 1.5


class Rank:
    """A client with --frames. Use it in a `with` statement."""

    def __init__(self, share, *arguments):
        command = [BIN / "client", "--frames", "--share", share, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, bufsize=0)
        self.unread, self.parts, self.frames, self.seen = b"", [], [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.process.stdin.closed:
            self.process.stdin.close()
        end(self.process)

    def say(self, *lines):
        self.process.stdin.write("".join(f"{line}\n" for line in lines).encode())

    def feed(self, data):
        """Takes whole lines off what came."""
        *lines, self.unread = (self.unread + data).split(b"\n")
        for line in lines:
            expect(len(line) < 1000, f"a line of at most 1,000 bytes, not {len(line) + 1}")
            found = LINE.fullmatch(line)
            expect(found, f"nothing but frames on stdout, not {line[:100]}")
            head, _, kind, part, parts, crc, text = found.groups()
            expect(int(crc, 16) == zlib.crc32(head + b" " + text), f"the CRC of {line[:100]}")
            self.parts.append(text)
            expect(len(self.parts) == int(part), f"part {len(self.parts)} of {kind}, not {part}")
            if part == parts:
                frame = (kind.decode(), json.loads(b"".join(self.parts)))
                self.frames.append(frame)
                self.seen.append(frame[0])
                self.parts = []

    def next(self, *kinds, within=PATIENCE):
        """The content of the next frame of one of these kinds; others are left out."""
        give_up = time.monotonic() + within
        while True:
            while self.frames:
                kind, content = self.frames.pop(0)
                if kind in kinds:
                    return content
            left = give_up - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            expect(ready, f"a frame {kinds} within {within} s; there were {self.seen}")
            data = os.read(self.process.stdout.fileno(), 65536)
            expect(data, f"a frame {kinds} before the end; there were {self.seen}")
            self.feed(data)

    def clock(self, number=1):
        """The rank's clock at a time between the two of this test. All three in nanoseconds."""
        before = time.monotonic_ns()
        self.say(f"clock {number}")
        answer = self.next("clock")
        after = time.monotonic_ns()
        expect(answer["id"] == number, f"the answer to clock {number}, not {answer}")
        return before, answer["ns"], after

    def errors(self):
        return self.process.stderr.read().decode(errors="replace")

    def code(self, within=PATIENCE):
        try:
            return self.process.wait(timeout=within)
        except subprocess.TimeoutExpired:
            sys.exit(f"FAILED: the rank ends within {within} s; there were {self.seen}")


def target(server):
    return f"127.0.0.1:{server.port}"


def expect_on_time(moment, what):
    late = moment["begun_ns"] - moment["due_ns"]
    print(f"{what}: begun {late / 1e6:.3f} ms after it was due")
    # tests/client/pipe_rendezvous_test.cpp has the 0.2 ms of a processor that is free.
    expect(0 <= late < 100e6, f"{what}: begun when due, not {late} ns later")


def two_ranks(server, folder):
    files = [folder / "0.json", folder / "1.json"]
    options = [target(server), "-n", 5, "--mode", "stream", "-d", "400ms", "--interval", "100ms",
               "--seed", 7]
    with Rank("0/2", *options, "--json", files[0]) as one, Rank("1/2", *options, "--json",
                                                                 files[1]) as other:
        ranks = [one, other]
        for number, rank in enumerate(ranks):
            hello = rank.next("hello")
            expect(hello["ranks"] == 2 and hello["pid"] == rank.process.pid, f"hello, not {hello}")
            expect(rank.next("ready")["deadline_ns"] > 0, "a rank says how long it may run")
            for turn in range(20):
                before, answered, after = rank.clock(turn)
                expect(before <= answered <= after, f"{before} <= {answered} <= {after}")
            rank.say(f"offset before {-5 - number} 1000 {answered}")
        start = time.monotonic_ns() + 300_000_000
        for rank in ranks:
            rank.say(f"start {start}")
        for rank in ranks:
            rank.next("standing")
        traffic = time.monotonic_ns() + 300_000_000
        for rank in ranks:
            rank.say(f"traffic {traffic}")
        for _ in range(20):  # until the common time of the traffic it still is the ramp's
            progress = one.next("progress")
            if progress["phase"] == "echo":
                break
        expect(progress["phase"] == "echo" and progress["connected"] == 3, f"not {progress}")
        one.clock(99)  # at any time
        documents = [rank.next("document") for rank in ranks]
        finish(ranks, documents, files, (start, traffic))


def expect_schema(document):
    if Draft202012Validator is None:
        return
    schema = json.loads((SOURCE / "docs" / "schema" / "client.json").read_text())
    wrong = [error.message[:200] for error in Draft202012Validator(schema).iter_errors(document)]
    expect(not wrong, f"the document matches docs/schema/client.json: {wrong}")


def finish(ranks, documents, files, dues):
    for number, (rank, document, file) in enumerate(zip(ranks, documents, files)):
        expect_schema(document)
        mine = document["rank"]
        expect((mine["rank"], mine["ranks"]) == (number, 2), f"the share, not {mine}")
        expect(document["connections"]["requested"] == 3 - number, "5 connections are 3 and 2")
        expect(document["exit_code"] == 0 and not mine["clock_after"], f"a pass, not {mine}")
        expect(mine["clock_before"]["offset_ns"] == -5 - number, f"the offset told, not {mine}")
        expect((mine["start"]["due_ns"], mine["traffic"]["due_ns"]) == dues, f"the times, not {mine}")
        expect_on_time(mine["start"], f"start of rank {number}")
        expect_on_time(mine["traffic"], f"traffic of rank {number}")
        give_up = time.monotonic() + PATIENCE
        while not file.exists() and time.monotonic() < give_up:
            time.sleep(0.01)
        expect(not json.loads(file.read_text())["rank"]["clock_after"], "the file does not wait")
        _, answered, _ = rank.clock(100)
        rank.say(f"offset after 12 34 {answered}", "quit")
        expect(rank.next("end") == {"exit_code": 0}, "the last frame")
        expect(rank.code() == 0, "exit 0")
        clock = json.loads(file.read_text())["rank"]["clock_after"]
        expect(clock == {"offset_ns": 12, "bound_ns": 34, "at_ns": answered}, f"not {clock}")
        expect(rank.errors() == "", "nothing on stderr")
    print("two ranks: clocks, a common start, traffic, documents")


def started(rank, traffic=True):
    """Leads one rank into its traffic."""
    rank.next("ready")
    rank.say("start 1")
    rank.next("standing")
    if traffic:
        rank.say("traffic 1")
        rank.next("progress")


LONG = ["-n", 4, "--mode", "stream", "-d", "60s", "--interval", "50ms"]


def stops(server, folder):
    """What ends a rank in its traffic, and the exit code; it has results."""
    ways = {
        "the end of stdin": lambda rank: rank.process.stdin.close(),
        "stop": lambda rank: rank.say("stop"),
        "SIGTERM": lambda rank: rank.process.send_signal(signal.SIGTERM),
    }
    for name, way in ways.items():
        file = folder / "stopped.json"
        with Rank("0/1", target(server), *LONG, "--json", file) as rank:
            started(rank)
            begun = time.monotonic()
            way(rank)
            document = rank.next("document")
            took = time.monotonic() - begun
            if not rank.process.stdin.closed:
                rank.say("quit")
            code = rank.code(within=3)
            expect(took < 0.5 + MARGIN, f"{name}: answered within 0.5 s, not {took:.2f}")
            expect(document["status"] == "interrupted", f"{name}: {document['status']}")
            expect(document["echoes"]["verified"] > 0, f"{name}: the results are there")
            expect(json.loads(file.read_text())["exit_code"] == code == 143, f"{name}: 143, not {code}")
            gone = any("stdin ended" in warning for warning in document["warnings"])
            expect(gone == (name == "the end of stdin"), f"{name}: {document['warnings']}")
            print(f"{name}: a document after {took:.2f} s")


def stopped_before_its_traffic(server):
    """Its traffic never began, so its document has no time for that: a merge would refuse a wrong one."""
    with Rank("0/1", target(server), *LONG, "--warmup", "1s") as rank:
        started(rank, traffic=False)
        rank.say(f"traffic {time.monotonic_ns() + 2_000_000_000}")
        time.sleep(0.2)
        rank.say("stop")
        document = rank.next("document")
        rank.say("quit")
        expect(rank.code(within=3) == 143, "143")
        expect(document["rank"]["start"] and document["rank"]["traffic"] is None, f"{document['rank']}")
        expect(document["phases"]["warm_up"]["ns"] == 0, f"no warm-up, not {document['phases']['warm_up']['ns']} ns")
    print("stopped before its traffic: no time of it")


def signalled(listener, signals):
    """Seconds from the last of several SIGTERM to the end of a rank whose echoes do not come."""
    with Rank("0/1", f"127.0.0.1:{listener.getsockname()[1]}", *LONG) as rank:
        started(rank)
        for _ in range(signals):
            time.sleep(0.05)
            rank.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        rank.next("document")
        rank.next("end")
        code = rank.code(within=3)
        expect(code == 143, f"{signals} SIGTERM: 143, not {code}")
        return time.monotonic() - begun


def stalled_server_and_signal():
    """Alone, a client would wait a second for the echoes in flight. The best of three attempts; a build for
    a sanitizer has longer, and less than that second."""
    version = subprocess.run([BIN / "client", "--version"], capture_output=True, text=True, timeout=PATIENCE)
    slower = 1.7 if "Debug" in version.stdout else 1
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for signals, longest in ((1, 0.5 * slower), (2, 0.25 * slower)):
            took = []
            while len(took) < 3 and min(took, default=9) > longest:
                took.append(signalled(listener, signals))
            expect(min(took) <= longest, f"{signals} SIGTERM: ended within {longest} s, not {took}")
            print(f"{signals} SIGTERM, a server that does not answer: ended after {min(took):.2f} s")


def refusals(server):
    with Rank("1/2", "192.0.2.1:9", "-n", 4) as rank:
        refused = rank.next("refused")
        expect(refused["exit_code"] == 6 and "192.0.2.1" in refused["message"], f"not {refused}")
        expect(rank.code() == 6 and rank.seen[-1] == "refused", "exit 6 and the last frame")
    with Rank("1/2", target(server), "-n", 1) as rank:
        expect(rank.next("refused")["exit_code"] == 2, "fewer connections than clients")
        expect(rank.code() == 2, "exit 2")
    with Rank("0/2", target(server), "-n", 4, "--json", "-") as rank:
        expect(rank.next("refused")["exit_code"] == 2, "two programs on stdout")
    for words in (["--frames"], ["--share", "2/2"], ["--frames", "--share", "0/1", "--calibrate"]):
        done = subprocess.run([BIN / "client", *words], stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=PATIENCE)
        said = done.stderr.decode()
        expect(done.returncode == 2 and said.count("\n") == 1, f"{words}: 2 and one line, not {said}")
    refuses_a_terminal()
    print("refused: outside loopback, too few connections, two outputs on stdout, a terminal")


def refuses_a_terminal():
    own_end, terminal = pty.openpty()
    for name in ("stdin", "stdout"):
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, name: terminal}
        done = subprocess.run([BIN / "client", "--frames", "--share", "0/1"], **streams,
                              stderr=subprocess.PIPE, timeout=PATIENCE)
        said = done.stderr.decode()
        expect(done.returncode == 2 and f"{name} is a terminal" in said, f"{name}: 2, not {said}")
        expect(said.count("\n") == 1, f"one line, not {said}")
    os.close(own_end)
    os.close(terminal)


def a_parent_that_never_starts(server):
    with Rank("0/1", target(server), "-n", 4, "--deadline", "400ms") as rank:
        rank.next("ready")
        document = rank.next("document", within=0.4 + 1 + MARGIN)
        rank.say("quit")
        expect(rank.code() == 5 and document["connections"]["established"] == 0, "exit 5, no connect")
    with Rank("0/1", target(server), "-n", 4) as rank:
        rank.next("ready")
        rank.say("quit")
        expect(rank.code() == 143, "quit before start: ends at once")
    with Rank("0/1", target(server), "-n", 4, "--deadline", "400ms") as rank:
        started(rank, traffic=False)
        expect(rank.next("document")["exit_code"] == 5, "no traffic by the deadline: it ends")
    print("no start: ended by its deadline, and by quit")


def wrong_commands(server):
    with Rank("0/1", target(server), "-n", 4) as rank:
        rank.next("ready")
        rank.say("bogus", "clock", "clock x", "start -1", "start 1 2", "offset now 1 2 3",
                 "offset before 1 -2 3", "traffic 99999999999999999999", "x" * 5000, "quit now", "")
        rank.process.stdin.write(b"\xff\x00\x1b[31m\r\n")
        rank.clock(5)
        rank.say("start 1")
        rank.next("standing")
        rank.say("traffic 1")
        warnings = rank.next("document")["warnings"]
        rank.say("quit")
        expect(rank.code() == 0, "exit 0")
        said = rank.errors()
        expect("commands on stdin that were not understood: 12" in warnings, f"counted: {warnings}")
        expect(said.count("\n") == 10 and "\x1b" not in said, f"ten lines: {said}")
        expect(max(map(len, said.splitlines())) < 250, "short lines")
    print("wrong commands: ten lines, and a count")


def a_parent_that_does_not_read(server, folder):
    """A stalled stdout does not delay the traffic, and the results are in the file."""
    file = folder / "stalled.json"
    with Rank("0/1", target(server), "-n", 2, "-d", "600ms", "--mode", "stream", "-R", 2000,
              "--interval", "10ms", "--json", file) as rank:
        started(rank)
        fcntl.fcntl(rank.process.stdout, F_SETPIPE_SZ, 4096)
        begun = time.monotonic()
        code = rank.code()
        took = time.monotonic() - begun
        expect(took < 0.6 + 1 + 2 * MARGIN, f"its reader has a second, not {took:.2f}")
        document = json.loads(file.read_text())
        expect(code == document["exit_code"] == 7, f"7 in the file and at the end, not {code}")
        expect(document["phases"]["measured"]["ns"] < 0.7e9, "the traffic does not wait")
        sent = document["phases"]["measured"]["sent"]
        expect(sent >= 1000, f"1,200 messages were due, {sent} were sent")
        expect(rank.errors().count("\n") == 1, "one line")
    print(f"a parent that does not read: exit {code}, the results are in the file")


def main():
    with tempfile.TemporaryDirectory() as name, Server("echo_async") as server:
        folder = pathlib.Path(name)
        two_ranks(server, folder)
        stops(server, folder)
        stopped_before_its_traffic(server)
        stalled_server_and_signal()
        refusals(server)
        a_parent_that_never_starts(server)
        wrong_commands(server)
        a_parent_that_does_not_read(server, folder)


if __name__ == "__main__":
    main()
