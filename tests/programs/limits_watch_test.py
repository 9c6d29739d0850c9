#!/usr/bin/python3
"""`limits watch PID`: its lines, what ends it, and the CPU time of a server with its children."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, SOURCE  # noqa: E402

PATIENCE = 30
#: Has a child that uses 0.2 s of CPU when it is told to, and ends.
WORK = """
import os, sys, time
child = os.fork()
if child == 0:
    os.read(0, 1)
    while time.process_time() < 0.2: pass
    os._exit(0)
print("forked", flush=True)
os.waitpid(child, 0)
print("done", flush=True)
os.read(0, 1)
"""


class Watch(unittest.TestCase):
    def start(self, *words, **more):
        command = [BIN / "limits", "watch", *map(str, words)]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            **{"stdin": subprocess.PIPE, **more},
        )  # fmt: skip
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def end(self, process, code):
        out, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, errors), (code, ""), out)
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(lines[-1]["samples"], len(lines) - 1 + (process.first is not None))
        self.check(lines)
        return lines

    def check(self, lines):
        try:
            from jsonschema import Draft202012Validator
        except ImportError:
            return
        schema = json.loads((SOURCE / "docs/schema/limits-watch.json").read_text())
        for line in (lines[0], lines[-1]):
            Draft202012Validator(schema).validate(line)
            for key in line:
                self.assertFalse(Draft202012Validator(schema).is_valid({**line, key: [1]}), key)
                rest = {name: line[name] for name in line if name != key}
                self.assertFalse(Draft202012Validator(schema).is_valid(rest), key)

    def watch(self, *words, **more):
        process = self.start(*words, "--json", "--interval", "20ms", **more)
        process.first = process.stdout.readline()
        return process

    def test_the_end_of_stdin_ends_it(self):
        process = self.watch(os.getpid())
        process.stdin.close()
        process.stdin = None
        lines = self.end(process, 0)
        self.assertEqual(lines[-1]["ended"], "stdin")
        self.assertGreater(lines[-2]["resident"], 10**6)

    def test_a_signal_ends_it_with_its_last_lines(self):
        process = self.watch(os.getpid(), stdin=subprocess.DEVNULL)
        process.send_signal(signal.SIGTERM)
        lines = self.end(process, 143)
        self.assertEqual(lines[-1]["ended"], "signal")

    def test_the_duration_ends_it(self):
        process = self.watch(os.getpid(), "--duration", "0.2s", stdin=subprocess.DEVNULL)
        self.assertEqual(self.end(process, 0)[-1]["ended"], "duration")

    def test_the_longest_times_do_not_overflow(self):
        longest = "9223372036s"
        process = self.watch(os.getpid(), "--duration", longest)
        self.assertIn("cpu_ns", json.loads(process.stdout.readline()), "a second sample, and no end")
        process.kill()
        process = self.start(os.getpid(), "--duration", "0.2s", "--interval", longest, stdin=subprocess.DEVNULL)
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertRegex(out.splitlines()[-1], r"ended by: duration$")

    def server(self):
        process = subprocess.Popen([sys.executable, "-c", WORK], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(process.communicate)
        process.stdout.readline()
        return process

    def work(self, server):
        server.stdin.write(b"x")
        server.stdin.flush()
        server.stdout.readline()

    def test_the_end_of_the_server_ends_it(self):
        server = self.server()
        process = self.watch(server.pid)
        self.assertEqual(json.loads(process.first)["processes"], 2)
        self.work(server)
        server.stdin.write(b"x")
        server.stdin.flush()
        server.wait(PATIENCE)
        process.wait(PATIENCE)  # before its stdin is closed
        self.assertEqual(self.end(process, 1)[-1]["ended"], "process gone")

    def test_the_time_of_a_child_that_ended_stays(self):
        server = self.server()
        self.work(server)
        process = self.watch(server.pid)
        line = json.loads(process.first)
        process.stdin.close()
        process.stdin = None
        self.end(process, 0)
        self.assertEqual(line["processes"], 1)
        self.assertGreater(line["cpu_ns"], 150 * 10**6)
        self.assertLess(abs(line["ns"] - time.monotonic_ns()), PATIENCE * 10**9)

    def test_text(self):
        process = self.start(os.getpid(), "--duration", "0.1s", stdin=subprocess.DEVNULL)
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertRegex(out, r"^CPU -, resident .*, 1 processes, [1-9]")
        self.assertRegex(out.splitlines()[-1], r"^0\.1 s, CPU .*ended by: duration$")

    def test_usage(self):
        for words in ((), ("0",), ("x",), ("4194304",), (os.getpid(), "--interval", "0")):
            process = self.start(*words)
            _, errors = process.communicate(timeout=PATIENCE)
            self.assertEqual((process.returncode, errors.count("\n")), (2, 1), errors)


if __name__ == "__main__":
    unittest.main()
