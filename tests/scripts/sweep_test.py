#!/usr/bin/python3
"""Tests of scripts/sweep with real programs: measuring, refusing, interruption and resuming."""

import concurrent.futures
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
sys.path.insert(0, str(SOURCE / "scripts"))
from experiment import folder_lock  # noqa: E402

SWEEP = SOURCE / "scripts" / "sweep"
TIMEOUT = 60
SHORT = ("-n", "4", "--seconds", "0.1", "--warm-up", "0", "--reps", "8", "--seed", "5")
#: Another project's server; its second argument selects how it behaves.
FOREIGN = """
import os, signal, socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
def serve(peer):
    while data := peer.recv(65536):
        if sys.argv[2] == "dies":
            os.kill(os.getpid(), signal.SIGSEGV)
        peer.sendall(data)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


class Case(unittest.TestCase):
    def setUp(self):
        if not (BIN / "client").exists():
            self.skipTest(f"{BIN / 'client'} is not there")
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)
        self.out = self.folder / "out"

    def sweep(self, *words, **more):
        return subprocess.run(
            [SWEEP, "--bin", BIN, *words],
            capture_output=True, text=True, timeout=TIMEOUT, cwd=self.folder, **more,
        )  # fmt: skip

    def rows(self, path=None):
        lines = ((path or self.out) / "runs.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def experiment(self):
        return json.loads((self.out / "experiment.json").read_text())

    def foreign(self):
        path = self.folder / "foreign.py"
        path.write_text(FOREIGN)
        return f"{sys.executable} {path} {{port}} {{does}}"


class Measures(Case):
    WORK = ("--server", "callbacks", "--factor", "work=none,cpu:100us", *SHORT)

    def check_whole(self, rows, experiment, text):
        """Each cell once per block, all documents in the folder, the slow level detected."""
        for block in range(1, 9):
            levels = {row["cell"]["work"] for row in rows if row["block"] == block}
            self.assertEqual(levels, {"none", "cpu:100us"})
        for row in rows:
            self.assertEqual(row["outcome"], "measured", row["why"])
            for path in row["documents"].values():
                self.assertTrue((self.out / path).is_file(), path)
            self.assertEqual("cpu:100us" in row["server"], row["cell"]["work"] == "cpu:100us")
        self.assertGreater(len({row["client"][1] for row in rows}), 1, "each its own port")
        joined = [one for one in experiment["answers"] if one["figure"] == experiment["primary"]]
        self.assertEqual([one["verdict"] for one in joined], ["differs"])
        self.assertGreater(joined[0]["low"], 1)
        self.assertIn(experiment["answer"], text)
        self.assertRegex(text, r"(?m)^none +8 of 8 +")
        self.assertEqual(experiment["status"], "complete")
        self.assertIn("--seed 5", experiment["command"])
        self.assertEqual(experiment["manifest"]["options"]["client"]["connections"], "4")
        self.hold_schema(experiment, rows)

    def hold_schema(self, experiment, rows):
        try:
            import jsonschema
        except ImportError:
            return
        schema = json.loads((SOURCE / "docs" / "schema" / "experiment.json").read_text())
        jsonschema.validate(experiment, schema)
        for row in rows:
            jsonschema.validate(row, schema["$defs"]["run"] | {"$defs": schema["$defs"]})

    def test_interrupted_keeps_its_runs_resumes_and_detects_the_slow_level(self):
        words = [SWEEP, "--bin", BIN, *self.WORK, "--out", self.out]
        started = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder
        )
        give_up = time.monotonic() + TIMEOUT
        path = self.out / "runs.jsonl"
        while not (path.exists() and path.read_bytes().count(b"\n") >= 2):
            self.assertLess(time.monotonic(), give_up)
            self.assertIsNone(started.poll(), "it ended by itself")
            time.sleep(0.01)
        started.send_signal(signal.SIGINT)
        text, errors = started.communicate(timeout=TIMEOUT)
        self.assertEqual(started.returncode, 130, errors)
        self.assertIn("interrupted: the measured runs are kept", text)
        self.assertEqual(self.experiment()["status"], "interrupted")
        before = self.rows()
        self.assertLess(len(before), 16)

        other = self.sweep(*self.WORK, "--seconds", "0.2", "--out", self.out)
        self.assertEqual((other.returncode, other.stderr.count("\n")), (2, 1), other.stderr)
        self.assertIn("holds another experiment", other.stderr)

        without_seed = [word for word in self.WORK if word not in ("--seed", "5")]
        done = self.sweep(*without_seed, "--out", self.out)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.rows()[: len(before)], before)
        self.assertEqual([row["run"] for row in self.rows()], list(range(1, 17)))
        self.check_whole(self.rows(), self.experiment(), done.stdout)

    def test_another_projects_server_with_a_level_that_dies(self):
        done = self.sweep(
            *("--command", self.foreign(), "--factor", "does=echo,dies", *SHORT, "--out", self.out)
        )
        self.assertEqual(done.returncode, 1, done.stderr)
        rows = self.rows()
        self.assertEqual(len(rows), 16)
        for row in rows:
            good = row["cell"]["does"] == "echo"
            self.assertEqual(row["outcome"], "measured" if good else "faulted", row)
            self.assertIs(row["why"] is None, good)
        self.assertIn("-11 (SIGSEGV)", next(row["why"] for row in rows if row["why"]))
        self.assertIn("does dies: faulted 8 times", done.stdout)

    def test_infeasible_cell_is_a_row_and_no_failure(self):
        done = self.sweep(
            *("--factor", "stack=128K,16K", "--factor", "buffer-size=1K,64K", *SHORT),
            *("--reps", "5", "--out", self.out),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = self.rows()
        impossible = {"stack": "16K", "buffer-size": "64K"}
        lost = [row for row in rows if row["outcome"] != "measured"]
        self.assertEqual([row["cell"] for row in lost], [impossible])
        self.assertEqual(lost[0]["outcome"], "infeasible")
        self.assertRegex(lost[0]["why"], r"--stack-size: .*; its cell is not run again$")
        self.assertEqual(len(rows), 5 * 3 + 1)


class Refuses(Case):
    def test_bad_commands_in_one_line_and_leaves_nothing_behind(self):
        good = ("--factor", "n=2,4")
        several = (
            ((), "--factor NAME=LEVEL"),
            (("--factor", "n"), "NAME=LEVEL,LEVEL"),
            (("--factor", "n=4"), "a comparison needs a second level"),
            (("--factor", "n=4,4"), "twice"),
            (("--factor", "n=1,000,2,000", "--dry-run"), "write thousands without it"),
            (("--factor", "n=1e3,1,000", "--dry-run"), "level 000 begins with 0"),
            (("--factor", "n=1e3,2000", "--dry-run"), "'1e3' is not a count"),
            (("--factor", "n=1000,1k", "--dry-run"), "1000 and 1k are the same value"),
            (("--factor", "stack=64K,65536", "--dry-run"), "64K and 65536 are the same value"),
            (("--factor", "timeout=90s,1m30s", "--dry-run"), "90s and 1m30s are the same value"),
            (("--factor", "n=2,,4"), "NAME=LEVEL,LEVEL"),
            ((*good, "--command", "my 'server {port}"), "quote as in a shell"),
            ((*good, "--seconds", "1m1h"), "the largest unit first"),
            ((*good, "--time", "nan"), "must be a duration"),
            ((*good, "--reps", "\u00b2"), "whole number"),
            (("--factor", "stak=16K,64K"), "no such option; did you mean stack?"),
            (("--factor", "xyzzy=1,2"), "no such option; allowed: stack, touch, n, model"),
            (("--factor", "backlogs=1,2"), "did you mean backlog?"),
            (("--factor", "rcvbuf=4K,64K"), "server.rcvbuf= or client.rcvbuf="),
            (("--factor", "client.keepalive=on,maybe"), "on and off"),
            (("--factor", "arrivals=uniform,poison"), "--arrivals takes uniform or poisson"),
            (
                ("--factor", "queue-limit=1,2"),
                "has no --queue-limit; models that have it: pool-shared-queue, pool-own-queue",
            ),
            (("--factor", "client.queue-limit=1,2"), "no such option"),
            (("--factor", "help=1,2"), "no such option"),
            (("--factor", "client.json=a,b"), "the script itself sets --json"),
            (("--factor", "model=callbacks,nope"), "not one of iterative, thread-per-connection, "),
            (("--factor", "model=callbacks,coroutines", "--server", "echo_async"), "omit --server"),
            (("--factor", "stack=64K,banana"), "level banana cannot run"),
            (("--factor", "n=2,1x"), "is not a count"),
            ((*good, "--server", "echo_async:callbacks --nope"), "--nope"),
            ((*good, "--server", "echo_async:nope"), "not one of"),
            ((*good, "--command", "/nope {port}"), "/nope: No such file"),
            ((*good, "--command", "true {port}"), "before it listened"),
            ((*good, "--command", "cat"), "no {port}"),
            ((*good, "--reps", "7"), "takes 8 pairs: use --reps 8 or more"),
            ((*good, "--time", "3s"), "--time 3 s: a verdict needs 8 blocks"),
            ((*good, "--primary", "beauty"), "not one of server_ns_per_echo"),
            ((*good, "--cpus", "0,999"), "SERVER,CLIENT"),
            ((*good, "-n", "4"), "-n and --factor n"),
        )
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            results = pool.map(lambda one: self.sweep(*one[0]), several)
        for (words, text), done in zip(several, results):
            self.assertEqual(done.returncode, 2, (words, done.stderr))
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertIn(text, done.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_missing_programs_and_folders_have_their_own_exit_codes(self):
        words = ("--factor", "n=2,4")
        done = subprocess.run(
            [SWEEP, "--bin", self.folder, *words], capture_output=True, text=True, timeout=TIMEOUT
        )
        self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1), done.stderr)
        done = self.sweep(*words, "--out", "/proc/nowhere")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)

    def test_full_disk_is_one_line_and_keeps_measured_runs(self):
        script = (
            'mount -t tmpfs -o size=120k none "$1" || exit 77; shift\n'
            '"$@"; code=$?; cp out/runs.jsonl kept 2>/dev/null; exit $code'
        )
        small = self.folder / "small"
        small.mkdir()
        # The folder named "out" below is on the small file system.
        (self.folder / "out").symlink_to(small / "out")
        done = subprocess.run(
            [
                *("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", small),
                *(SWEEP, "--bin", BIN, "--factor", "n=2,4", "--reps", "40", "--seconds", "0.1"),
                *("--warm-up", "0", "--server", "callbacks", "--out", small / "out"),
            ],
            capture_output=True, text=True, timeout=TIMEOUT, cwd=self.folder,
        )  # fmt: skip
        if done.returncode in (1, 77) and "runs.jsonl" not in os.listdir(self.folder):
            if "unshare" in done.stderr or done.returncode == 77:
                self.skipTest(f"no mount namespace here: {done.stderr.strip()}")
        self.assertEqual(done.returncode, 7, done.stderr)
        lines = [line for line in done.stderr.splitlines() if "No space left" in line]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        kept = (self.folder / "kept").read_text()
        self.assertTrue(kept.endswith("\n"))
        rows = [json.loads(line) for line in kept.splitlines()]
        self.assertGreater(len(rows), 0)
        self.assertEqual({row["outcome"] for row in rows}, {"measured"})
        self.assertRegex(done.stdout, r"(?m)^2 +\d+ of \d+ ")

    def test_every_script_refuses_a_folder_that_another_process_writes(self):
        self.out.mkdir()
        held = folder_lock.FolderLock(self.out)
        self.addCleanup(held.release)
        for name, *words in (
            ("sweep", "--factor", "n=2,4"),
            ("compare", "callbacks", "coroutines"),
            ("stack-sweep",),
            ("tune", "backlog"),
            ("false-alarms",),
        ):
            done = subprocess.run(
                [SOURCE / "scripts" / name, "--bin", BIN, *words, "--out", self.out],
                capture_output=True, text=True, timeout=TIMEOUT, cwd=self.folder,
            )  # fmt: skip
            if name == "tune" and done.returncode == 3:
                continue  # no namespace may be made here
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
            self.assertIn(f"is writing there (process {os.getpid()})", done.stderr)
        self.assertEqual(list(self.out.iterdir()), [])

    def test_dry_run_prints_the_plan_and_runs_nothing(self):
        words = ("--factor", "stack=16K,64K,1M", "--factor", "n=2,4", "--seed", "3")
        done = self.sweep(*words, "--dry-run")
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in (
            "factor    stack (server --stack-size): 16K against 64K, 1M",
            "factor    n (client --connections): 2 against 4",
            "runs      60: 10 blocks of 6 cells, seed 3",
            "verdict   3 comparisons of 20 pairs or more; smallest possible p 1.9e-06, needed",
        ):
            self.assertIn(line, done.stdout)
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
