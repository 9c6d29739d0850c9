#!/usr/bin/python3
"""Tests of the settings that scripts/threads sets and restores, on a host whose files are in a folder.

The script is real; the host, the answer of limits and the run are not. reach_test.py has real runs.
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
from tuning import host  # noqa: E402

PATIENCE = 20  #: seconds
PIDS, FRAGMENT = "kernel.pid_max", "net.core.high_order_alloc_disable"

#: Arguments: the folder of scripts, the root of the host, the exit code of the run, the script's own.
#: The run prints what is set, and lasts until its stdin ends.
DRIVER = """
import importlib.machinery, importlib.util, pathlib, sys
scripts, root, code = sys.argv[1:4]
sys.path.insert(0, scripts)
loader = importlib.machinery.SourceFileLoader("threads", scripts + "/threads")
spec = importlib.util.spec_from_loader("threads", loader)
threads = importlib.util.module_from_spec(spec)
loader.exec_module(threads)
import entry_point
entry_point.prepare()
from tuning import host
real = host.Host
host.Host = lambda: real(root)

def ask(*_):
    have = int(host.Host().read("kernel.pid_max"))
    row = {"name": "process ids", "need": 100300, "have": have, "source": "kernel.pid_max",
           "status": "short" if have < 100300 else "ok", "lift": "sysctl -w kernel.pid_max=100301"}
    return {"limits": [row], "bites_first": None}

def carry_out(plan, given):
    print("running", *(host.Host().read(name) for name in ("kernel.pid_max",
          "net.core.high_order_alloc_disable")), flush=True)
    sys.stdin.read()
    return int(code)

threads.preflight.ask = ask
threads.script.carry_out = carry_out
sys.argv[:] = ["threads", *sys.argv[4:]]
sys.exit(entry_point.run(threads.NAME, threads.main,
                         {**threads.script.CODES, threads.journal.Open: threads.script.MISSING}))
"""


class Settings(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.root = self.folder / "root"
        for setting in host.SETTINGS.values():
            file = self.root / setting.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("0\n" if setting.words else "32768\n")
        self.host = host.Host(self.root)

    @contextlib.contextmanager
    def started(self, *words, code=0):
        environment = {**os.environ, "XDG_STATE_HOME": str(self.folder / "state")}
        driver = [sys.executable, "-c", DRIVER, str(SOURCE / "scripts"), str(self.root), str(code)]
        with subprocess.Popen(
            [*driver, *words], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def whole(self, *words, code=0):
        """Runs it to its end: exit code, stdout and stderr."""
        with self.started(*words, code=code) as process:
            out, errors = process.communicate("", timeout=PATIENCE)
        return process.returncode, out, errors

    def values(self):
        return self.host.read(PIDS), self.host.read(FRAGMENT)

    def test_are_told_with_the_commands_and_not_set_without_apply(self):
        code, out, errors = self.whole("--tuned")
        self.assertEqual((code, out), (3, ""))
        self.assertIn(f"sysctl -w {PIDS}=100301", errors)
        self.assertIn(f"sysctl -w {FRAGMENT}=1", errors)
        self.assertEqual(self.values(), ("32768", "0"))

    def test_are_told_by_a_dry_run_that_sets_nothing(self):
        code, out, _ = self.whole("--apply", "--dry-run")
        self.assertEqual(code, 0)
        self.assertIn(f"sysctl -w {PIDS}=100301", out)
        self.assertEqual(self.values(), ("32768", "0"))

    def test_are_set_for_the_run_and_restored_after_it(self):
        self.assertEqual(self.whole("--apply"), (0, "running 100301 0\n", ""))
        self.assertEqual(self.values(), ("32768", "0"))
        self.assertEqual(self.whole("--apply", "--tuned"), (0, "running 100301 1\n", ""))
        self.assertEqual(self.values(), ("32768", "0"))

    def test_are_restored_after_a_run_that_failed(self):
        self.assertEqual(self.whole("--apply", code=1), (1, "running 100301 0\n", ""))
        self.assertEqual(self.values(), ("32768", "0"))

    def test_are_restored_after_each_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.started("--apply") as process:
                self.assertEqual(process.stdout.readline(), "running 100301 0\n")
                process.send_signal(number)
                self.assertEqual(process.wait(PATIENCE), 128 + number)
            self.assertEqual(self.values(), ("32768", "0"), number.name)

    def test_of_a_killed_run_are_restored_by_recover(self):
        with self.started("--apply") as process:
            self.assertEqual(process.stdout.readline(), "running 100301 0\n")
            process.kill()
            process.wait(PATIENCE)
        self.assertEqual(self.values(), ("100301", "0"))
        code, out, errors = self.whole("--apply", "--tuned")
        self.assertEqual((code, out), (3, ""), "a run changed more before the first was restored")
        self.assertIn("--recover", errors)
        self.assertEqual(self.values(), ("100301", "0"))
        code, out, _ = self.whole("--recover")
        self.assertEqual(code, 0)
        self.assertIn(f"{PIDS}: restored to 32768", out)
        self.assertEqual(self.values(), ("32768", "0"))

    def test_changed_by_somebody_else_meanwhile_are_left_and_the_run_has_failed(self):
        with self.started("--apply") as process:
            process.stdout.readline()
            self.host.write(PIDS, "150000")
            _, errors = process.communicate("", timeout=PATIENCE)
        self.assertEqual(process.returncode, 1)
        self.assertIn(PIDS, errors)
        self.assertEqual(self.host.read(PIDS), "150000")


if __name__ == "__main__":
    unittest.main()
