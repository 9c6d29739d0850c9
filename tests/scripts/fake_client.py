#!/usr/bin/python3
"""A client for the tests of scripts/fleet: it speaks the protocol of decision 0029 and loads nothing.

    fake_client.py --frames --share 1/2 --fake '{"1": {"die": "traffic"}, "all": {"time": 0.2}}'
    fake_client.py merge --json FILE --missing '1=h2: WHY' FILE...

`die`: where it kills itself: hello, ready, standing, traffic, document. `stall`: where it stops
itself (SIGSTOP), likewise. `ahead`: nanoseconds by which its clock is ahead. `refuse`: a message.
`version`, `commit`. `banner`: a line before the first frame. `torn`: the second line of its document is torn.
`time`, `standing_time`: seconds. `deadline`: of `ready`, in nanoseconds. `deaf`: it does not end at
`quit`. `goes_on`: it does not end at `stop`. `kills_launcher`: before its traffic. `status`: the exit
code with which it ends. `alone`: it waits for no command, as client-mpi.
"""

import json
import os
import pathlib
import select
import signal
import socket
import sys
import time

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
from fleets import frames  # noqa: E402

PART = 900


class FakeClient:
    def __init__(self, words):
        share = words[words.index("--share") + 1]
        self.rank, self.ranks = map(int, share.split("/"))
        every = json.loads(words[words.index("--fake") + 1]) if "--fake" in words else {}
        self.fake = {**every.get("all", {}), **every.get(str(self.rank), {})}
        self.words, self.log = words, []
        self.buffer, self.eof = b"", False
        self.times = {}  #: what the commands say
        self.quit = self.stop = False

    def now(self):
        return time.monotonic_ns() + self.fake.get("ahead", 0)

    def emit(self, kind, value):
        text = json.dumps(value).encode()
        parts = [text[at : at + PART] for at in range(0, len(text), PART)] or [b""]
        for number, part in enumerate(parts, 1):
            line = frames.line_of(self.rank, kind, number, len(parts), part)
            if kind == "document" and number == 2 and self.fake.get("torn"):
                line = line[:40] + line[50:]
            os.write(1, line)

    def at(self, moment):
        """A place at which it may die or stall."""
        if self.fake.get("die") == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fake.get("stall") == moment:
            os.kill(os.getpid(), signal.SIGSTOP)

    def listen(self, until=None):
        """Reads commands for some seconds, or until a condition holds."""
        seconds = until if isinstance(until, int | float) else 20
        if self.fake.get("alone"):
            time.sleep(min(seconds, 0.5))
            return
        give_up = time.monotonic() + seconds
        done = until if callable(until) else lambda: False
        while not done() and not self.quit and not self.stop:
            left = give_up - time.monotonic()
            if left <= 0 or self.eof:
                return
            if select.select([0], [], [], left)[0]:
                data = os.read(0, 4096)
                self.eof = not data
                *lines, self.buffer = (self.buffer + data).split(b"\n")
                for line in lines:
                    self.take(line.decode().split())

    def take(self, words):
        if words[0] == "clock":
            self.emit("clock", {"id": int(words[1]), "ns": self.now()})
            return
        self.log.append(words)
        if words[0] in ("start", "traffic"):
            self.times[words[0]] = int(words[1])
        self.quit = self.quit or (words[0] == "quit" and not self.fake.get("deaf"))
        self.stop = self.stop or (words[0] == "stop" and not self.fake.get("goes_on"))

    def wait_for(self, name):
        if self.fake.get("alone"):
            self.times[name] = self.times[name + "_begun"] = self.now()
            return True
        self.listen(lambda: name in self.times)
        if name in self.times:
            time.sleep(max(self.times[name] - self.now(), 0) / 1e9)
            self.times[name + "_begun"] = self.now()
        return name in self.times

    def progress(self, phase, verified=0):
        line = {"at_ns": 1, "phase": phase, "connected": 5, "verified": verified, "failed": 0}
        self.emit("progress", line)

    def run(self):
        if "banner" in self.fake:
            os.write(1, self.fake["banner"].encode() + b"\n")
        self.at("hello")
        self.emit("hello", {
            "host": socket.gethostname(), "pid": os.getpid(), "ranks": self.ranks,
            "version": self.fake.get("version", "1"), "commit": self.fake.get("commit", "unknown"),
        })  # fmt: skip
        if "refuse" in self.fake:
            self.emit("refused", {"exit_code": 3, "message": self.fake["refuse"]})
            return 3
        self.at("ready")
        self.emit("ready", {"deadline_ns": self.fake.get("deadline", 10 * 10**9)})
        if not self.wait_for("start"):
            return 143
        self.progress("connect")
        time.sleep(self.fake.get("standing_time", 0.02))
        self.at("standing")
        self.emit("standing", {})
        if self.wait_for("traffic"):
            self.progress("echo", 7)
            if self.fake.get("kills_launcher"):
                os.kill(os.getppid(), signal.SIGKILL)
                for _ in range(5):  # it is heard of for longer than an ended launcher's silence may last
                    time.sleep(0.5)
                    self.progress("echo", 7)
            self.at("traffic")
            self.listen(self.fake.get("time", 0.1))
        return self.end()

    def end(self):
        interrupted = self.stop or self.eof
        code = 143 if interrupted else self.fake.get("status", 0)
        self.emit("document", {
            "exit_code": code, "argv": self.words, "log": self.log, "padding": "x" * 2500,
            "rank": {"rank": self.rank, "start": self.times.get("start_begun"),
                     "traffic": {"begun_ns": self.times.get("traffic_begun")}},
            "phases": {"warm_up": None, "measured": {"ns": 10**8, "verified": 1000}},
            "connections": {"established": 5},
        })  # fmt: skip
        self.at("document")
        self.emit("end", {"exit_code": code})
        self.stop = False
        self.listen(30 if self.fake.get("deaf") else 2)
        if self.fake.get("deaf"):
            time.sleep(30)
        return code


def merge(words):
    """Keeps what it was given, for the test to see."""
    options = {"--json": [], "--hgrm": [], "--missing": []}
    documents, at = [], 0
    while at < len(words):
        if words[at] in options:
            options[words[at]].append(words[at + 1])
            at += 2
        else:
            documents.append(json.loads(pathlib.Path(words[at]).read_text()))
            at += 1
    code = max(one["exit_code"] for one in documents)
    merged = {"of": documents, "missing": options["--missing"], "exit_code": code}
    pathlib.Path(options["--json"][0]).write_text(json.dumps(merged))
    for path in options["--hgrm"]:
        pathlib.Path(path).write_text("percentiles\n")
    print(f"merged {len(documents)}")
    return 0 if code == 0 else 1


if __name__ == "__main__":
    if sys.argv[1] == "merge":
        sys.exit(merge(sys.argv[2:]))
    code = FakeClient(sys.argv[1:]).run()
    sys.exit(code)
