#!/usr/bin/python3
"""Signals in each script while its programs run, once and twice: the exit code says which, nothing
that the script started is left, and what was measured is whole. Stops and continuations change
nothing.

A process of a script is recognised by a variable in its environment.
"""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
sys.path.insert(0, str(SOURCE / "scripts"))
from tuning import namespace  # noqa: E402

PATIENCE = 50
MARK = "TESTBED_SIGNALS_TEST"
INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
LONG = ("-n", "4", "--seconds", "20", "--warm-up", "0")
#: {script: its words}; each takes minutes if it is not interrupted.
SCRIPTS = {
    "scripts/sweep": ("--factor", "work=none,cpu:1us", "--server", "callbacks", *LONG),
    "scripts/compare": ("callbacks", "coroutines", *LONG),
    "scripts/false-alarms": ("--comparisons", "1", *LONG),
    "scripts/stack-sweep": ("-n", "2000", "--touch", "16K"),
    "scripts/compare-models": ("--models", "callbacks", "-n", "4", "--seconds", "20"),
    "scripts/million": ("-n", "4", "--hold", "20s"),
    "scripts/threads": ("-n", "4", "--hold", "20s"),
    "scripts/growth": ("--up-to", "4", "--seconds", "20"),
    "scripts/bench": ("client", "-n", "4", "--seconds", "20", "--no-counts"),
    "bench/establish": ("-n", "1000", "--pairs", "500"),
    "scripts/fleet": ("--ranks", "2"),
}
#: Connections to it are accepted by the kernel, and nobody echoes: a client waits.
SILENT = socket.create_server(("127.0.0.1", 0))
#: {script: what comes after all options}
LAST = {"scripts/fleet": ("--", "-n", "4", "-d", "20s", f"127.0.0.1:{SILENT.getsockname()[1]}")}
FOLDERS = ("sweep", "compare", "false-alarms", "stack-sweep", "compare-models", "tune")
PROGRAMS = ("client", "echo_async", "echo_threads", "floor_client", "floor_server")


def marked(mark):
    """{pid: name} of the live processes that have the mark in their environment."""
    found = {}
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes().split(b"\0"):
                if (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                    found[int(process.name)] = (process / "comm").read_text().strip()
        except OSError:
            continue
    return found


class Script:
    """A script that runs, with the folder of its results."""

    def __init__(self, name, words, folder, **more):
        self.name, self.mark, self.folder = name, uuid.uuid4().hex, folder
        if name.partition("/")[2] in FOLDERS:
            words = (*words, "--out", folder / "out")
        self.process = subprocess.Popen(
            [more.pop("tree", SOURCE) / name, *words, "--bin", BIN, *LAST.get(name, ())],
            stdin=subprocess.DEVNULL, stdout=more.pop("stdout", subprocess.PIPE),
            stderr=more.pop("stderr", subprocess.PIPE), text=True, cwd=folder,
            env={**os.environ, MARK: self.mark}, **more,
        )  # fmt: skip

    def wait_for(self, condition, what):
        give_up = time.monotonic() + PATIENCE
        while not condition():
            if self.process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                text = "".join(self.process.communicate())
                raise AssertionError(f"{self.name}: not {what}; ended {self.process.poll()}: {text}")
            time.sleep(0.02)

    def wait_for_programs(self):
        self.wait_for(lambda: {*marked(self.mark).values()} & {*PROGRAMS}, "running its programs")

    def end(self):
        """(exit code, stdout, stderr, what it left behind)"""
        try:
            text, errors = self.process.communicate(timeout=PATIENCE)
            left = marked(self.mark)
            return self.process.returncode, text, errors, left
        finally:
            self.kill()

    def kill(self):
        for pid in marked(self.mark):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


@unittest.skipUnless((BIN / "client").exists(), "the programs are not built")
class Signals(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)

    def interrupted(self, case):
        """A line that says what is wrong, or None."""
        name, words, signals, *tree = case
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir()
        script = Script(name, words, folder, tree=tree[0] if tree else SOURCE)
        script.wait_for_programs()
        for number in signals:
            script.process.send_signal(number)
            time.sleep(0.05)
        began = time.monotonic()
        try:
            code, text, errors, left = script.end()
        except subprocess.TimeoutExpired:
            return f"{name}, {signals}: no end"
        took = time.monotonic() - began
        shown = f"{name}, {[one.name for one in signals]}: exit {code}, {took:.1f} s\n{text}{errors}"
        if code != 128 + signals[0] or "Traceback" in errors or left:
            return f"{shown}\nleft: {left}"
        wrong = self.not_whole(folder / "out", len(signals) > 1)
        return f"{shown}\n{wrong}" if wrong else None

    @staticmethod
    def not_whole(out, forced):
        """What is not whole in a results folder. A second signal may come before the status is
        written; the same command resumes a folder that says "running" too."""
        ends = ("interrupted", "running") if forced else ("interrupted",)
        for path in out.rglob("*"):
            if path.name.startswith(".") or path.name.endswith(".unfinished"):
                return f"{path} was left behind"
            if path.suffix == ".json" and path.parent.name != "runs":
                json.loads(path.read_text())
            if path.name == "experiment.json":
                status = json.loads(path.read_text()).get("status", "interrupted")
                if status not in ends:
                    return f"{path}: status {status}"
            if path.name == "runs.jsonl":
                for line in path.read_text().splitlines(keepends=True):
                    json.loads(line)
                    if not line.endswith("\n"):
                        return f"{path}: half a line"
        return None

    def all_of(self, cases):
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            wrong = [line for line in pool.map(self.interrupted, cases) if line]
        self.assertEqual(wrong, [], "\n\n".join(wrong))

    def test_once_end_each_script_and_what_it_started(self):
        self.all_of(
            (name, words, (number,))
            for at, (name, words) in enumerate(SCRIPTS.items())
            for number in (INT, (TERM, HUP)[at % 2])
        )

    def test_twice_end_each_script_at_once(self):
        turns = ((INT, INT), (TERM, INT), (HUP, TERM))
        self.all_of(
            (name, words, turns[at % 3]) for at, (name, words) in enumerate(SCRIPTS.items())
        )

    def test_end_the_demo_and_its_servers(self):
        tree = self.folder / "tree"  # it writes into the results folder of its own tree
        shutil.copytree(SOURCE / "scripts", tree / "scripts")
        turns = ((INT,), (TERM,), (HUP,), (TERM, TERM))
        self.all_of(("scripts/demo", ("-n", "100"), each, tree) for each in turns)

    def test_end_tune_and_its_namespaces(self):
        try:
            with namespace.Network(namespace.Topology()):
                pass
        except namespace.NoNamespace as error:
            self.skipTest(str(error))
        self.all_of(("scripts/tune", ("backlog",), each) for each in ((HUP,), (TERM, INT)))

    def test_while_modules_are_imported_are_silent(self):
        # The page's modules come last. This one, in place of the library's, interrupts the import.
        for name in ("statistics", "subprocess"):
            (self.folder / f"{name}.py").write_text(
                "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
            )
            for script in ("sweep", "report", "tune", "compare-models", "bench"):
                done = subprocess.run(
                    [SOURCE / "scripts" / script, "--help"], capture_output=True, text=True,
                    timeout=PATIENCE, env={**os.environ, "PYTHONPATH": str(self.folder)},
                )  # fmt: skip
                self.assertEqual((done.returncode, done.stderr), (130, ""), script)

    def test_hangup_that_was_ignored_stays_ignored(self):
        script = Script(
            "scripts/sweep", SCRIPTS["scripts/sweep"], self.folder,
            preexec_fn=lambda: signal.signal(HUP, signal.SIG_IGN),
        )  # fmt: skip
        script.wait_for_programs()
        script.process.send_signal(HUP)
        time.sleep(0.3)
        self.assertIsNone(script.process.poll())
        script.process.send_signal(TERM)
        self.assertEqual(script.end()[0], 143)

    def test_stop_and_continuation_change_no_result(self):
        words = ("--factor", "work=none,cpu:1us", "--server", "callbacks", "-n", "4")
        words += ("--seconds", "0.1", "--warm-up", "0", "--reps", "8")
        script = Script("scripts/sweep", words, self.folder)
        runs = self.folder / "out" / "runs.jsonl"
        script.wait_for(lambda: runs.exists() and runs.read_bytes().count(b"\n") > 1, "measuring")
        script.process.send_signal(signal.SIGSTOP)
        time.sleep(1)
        script.process.send_signal(signal.SIGCONT)
        code, _, errors, left = script.end()
        self.assertEqual((code, left), (0, {}), errors)
        outcomes = [json.loads(line)["outcome"] for line in runs.read_text().splitlines()]
        self.assertEqual(outcomes, ["measured"] * 16)


if __name__ == "__main__":
    unittest.main()
