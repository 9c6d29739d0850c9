"""Tests of scripts/million and scripts/threads: their parts, and small runs with real programs."""

import contextlib
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
sys.path.insert(0, str(SOURCE / "scripts"))
from page import gnuplot  # noqa: E402
from reach import growth_text, levels, preflight, progress, result, run, series  # noqa: E402

PATIENCE = 60


def row(name, lift, status="short", need=100_000, have=30_000):
    return {
        "name": name,
        "source": "/proc",
        "need": need,
        "have": have,
        "status": status,
        "lift": lift,
    }


class Preflight(unittest.TestCase):
    def test_which_settings_lift_the_limits(self):
        rows = [
            row("process ids", "sysctl -w kernel.pid_max=107000"),
            row("memory maps", "sudo sysctl -w vm.max_map_count=200100"),
            row("process ids", "sysctl -w kernel.pid_max=99000"),
            row("cgroup tasks", "echo 11000 | sudo tee /sys/fs/cgroup/pids.max"),
            row("open files", None),
        ]
        wanted = {"kernel.pid_max": "107000", "vm.max_map_count": "200100"}
        self.assertEqual(preflight.sysctls(rows), wanted)
        self.assertIn("nothing lifts it", preflight.lines_of(rows)[-1])

    def test_memory_does_not_refuse_because_a_floor_is_kept(self):
        rows = [row("memory", None), row("memory maps", None), row("process ids", None, "ok")]
        names = [one["name"] for one in preflight.short({"limits": rows})]
        self.assertEqual(names, ["memory maps"])

    def test_a_program_that_is_missing_or_no_limits(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            with self.assertRaisesRegex(preflight.Unreadable, "No such file"):
                preflight.ask(path, 10, "callbacks")
            (path / "limits").write_text("#!/bin/sh\necho '{}'\n")
            (path / "limits").chmod(0o755)
            with self.assertRaisesRegex(preflight.Unreadable, "no document"):
                preflight.ask(path, 10, "callbacks")
        with self.assertRaisesRegex(preflight.Refused, "no-such"):
            preflight.ask(BIN, 10, "no-such")


class Series(unittest.TestCase):
    def test_a_line_counts_when_it_is_whole(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "series"
            seen = series.Series(path)
            self.assertEqual((seen.read(), seen.phase, seen["connected"]), ({}, "", 0))
            with open(path, "w") as file:
                for part, expected in (
                    ('{"phase": "connect", "connected": 5}\n{"ph', 5),
                    ('ase": "idle", "conn', 5),
                    ('ected": 7}\n', 7),
                    ("not JSON\n", 7),
                ):
                    print(part, end="", file=file, flush=True)
                    seen.read()
                    self.assertEqual(seen["connected"], expected)
            self.assertEqual(seen.phase, "idle")


def a_result(connections=1000, served=1000, most=1000, failed=None, client=True):
    plan = run.Plan("scripts/million", "echo_async", "callbacks", connections, 1.0, 1 << 30)
    found = result.Result(plan, BIN, None)
    found.saw({"at_ns": 10**9, "phase": "idle", "connected": 1000, "established": served,
               "verified": served, "failed": 0})  # fmt: skip
    if client:
        found.client = {
            "connections": {"established": served, "served": served, "max_concurrent": most,
                            "failed": failed or {}},
            "echoes": {"verified": served},
            "phases": {"ramp": {"ns": 2 * 10**9}, "measured": None},
            "cpu": {"total_ns_per_echo": 20_000, "client_ns_per_echo": 12_000,
                    "server_ns_per_echo": 8_000},
            "warnings": [],
        }  # fmt: skip
    return found


class Results(unittest.TestCase):
    def test_a_pass_needs_all_at_once(self):
        self.assertTrue(a_result().passed)
        self.assertFalse(a_result(served=999).passed)
        self.assertFalse(a_result(most=999).passed)
        self.assertFalse(a_result(client=False).passed)

    def test_left_out_for_memory_is_no_failure_but_no_pass(self):
        found = a_result(served=800, most=800, failed={"not_attempted": 200})
        self.assertEqual((found.failed, found.left_out), ({"not_attempted": 200}, 0))
        found.client["warnings"].append("1.2 GiB of memory were free, less than --keep-free 2 GiB")
        self.assertEqual((found.failed, found.left_out, found.status()), ({}, 200, "fail"))
        text = "\n".join(found.lines_at_the_end())
        self.assertIn("left out     200: free memory came to the floor", text)
        self.assertIn("FAIL: 800 of 1,000 served", text)

    def test_without_the_clients_document_the_series_tells(self):
        found = a_result(client=False)
        self.assertEqual((found.established, found.verified, found.status()), (1000, 1000, "failed"))
        found.interrupted = True
        self.assertEqual(found.document()["status"], "interrupted")

    def test_amounts(self):
        for size, text in ((0, "0 B"), (1536, "1.5 KiB"), (3 << 40, "3.07e+03 GiB")):
            self.assertEqual(progress.amount(size), text)


def a_row(model="callbacks", connections=1000, **changed):
    row = {
        "model": model, "connections": connections, "tables": 1, "connects_per_s": 30_000.0,
        "cpu_ns_per_echo": 13_400, "echoes_per_s": 80_000, "bytes_per_connection": 8400.0,
        "p50_ns": 90_000, "p99_ns": None, "others": 0.0,
    }  # fmt: skip
    return {**row, **changed}


class Growth(unittest.TestCase):
    def test_the_numbers_of_connections(self):
        whole = [1000, 3000, 10_000, 30_000, 100_000, 300_000, 1_000_000]
        self.assertEqual(levels.numbers(1_000_000), whole)
        self.assertEqual(levels.numbers(20_000), [*whole[:3], 20_000])
        self.assertEqual(levels.numbers(7), [7])

    def test_a_side_is_a_model_with_or_without_its_program(self):
        programs = {"callbacks": "echo_async"}
        for text in ("callbacks", "echo_async:callbacks"):
            self.assertEqual(levels.Side.parse(text, programs), levels.Side("echo_async", "callbacks"))
        for text in ("", "select", "echo_threads:callbacks"):
            with self.assertRaisesRegex(ValueError, "one of callbacks"):
                levels.Side.parse(text, programs)

    def test_the_memory_that_others_took_is_not_the_connections(self):
        cpu = {"total_ns_per_echo": 2, "client_ns_per_echo": 1, "server_ns_per_echo": 1, "others": None}
        client = {
            "phases": {"ramp": {"ns": 10**9}}, "cpu": cpu, "throughput": {"echoes_per_s": 5},
            "latency": {"echo": {"percentiles": {"50": 7}}},
        }  # fmt: skip
        taken = {"free_lost": 9000, "others": 500}
        side = levels.Side("echo_async", "callbacks")
        row = levels.row_of(side, 1000, client, client, {"tables": 3}, taken)
        self.assertEqual((row["bytes_per_connection"], row["connects_per_s"]), (8500, 1000))
        self.assertEqual((row["tables"], row["p50_ns"], row["p99_ns"]), (3, 7, None))
        self.assertIsNone(levels.row_of(side, 1, client, client, None, {})["bytes_per_connection"])

    def test_table_and_plot(self):
        rows = [a_row(connections=n, p99_ns=n) for n in (1000, 10_000)] + [a_row("select")]
        lines = growth_text.lines(rows)
        self.assertEqual(len({len(line) for line in lines}), 1, "aligned")
        self.assertIn("8,400 B", lines[1])
        self.assertEqual(lines[3].split()[-1], "-")
        self.assertTrue(all(line.startswith("| ") for line in growth_text.markdown(rows)[2:]))
        if gnuplot.found():
            self.assertIn("<svg", growth_text.picture(rows))


def children_of(pid):
    """The names of a process's children."""
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    names = []
    for child in path.read_text().split():
        with contextlib.suppress(OSError):  # it may end meanwhile
            names.append(pathlib.Path(f"/proc/{child}/comm").read_text().strip())
    return names


class Runs(unittest.TestCase):
    def script(self, *words, open_files=None, code=0):
        def prepare():
            if open_files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

        done = subprocess.run(
            [SOURCE / "scripts" / words[0], *map(str, words[1:]), "--bin", BIN],
            capture_output=True, text=True, timeout=PATIENCE, preexec_fn=prepare,
        )  # fmt: skip
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_more_connections_than_descriptors(self):
        with tempfile.TemporaryDirectory() as folder:
            words = ("million", "-n", 600, "--hold", "3s", "--out", folder, "-q")
            text = self.script(*words, open_files=256).stdout
            document = json.loads((pathlib.Path(folder) / "million.json").read_text())
        self.assertIn("established  600 of 600 at once", text)
        self.assertIn("PASS: 600 of 600 served", text)
        self.assertEqual(document["status"], "pass")
        self.assertEqual((document["established"], document["verified"]), (600, 600))
        self.assertGreater(document["server"]["tables"], 1)
        self.assertGreater(document["memory_per_connection"]["slab"], 0)
        self.assertGreaterEqual(document["closing"]["client_s"], 0)

    def test_the_floor_of_free_memory(self):
        done = self.script("million", "-n", 3000, "--hold", "1s", "--keep-free", "1T", "--json",
                           "-q", code=1)  # fmt: skip
        document = json.loads(done.stdout)
        self.assertGreater(document["left_out"], 0)
        self.assertEqual(document["failed"], {})
        self.assertEqual(document["established"] + document["left_out"], 3000)

    def test_the_settings_that_threads_need_are_told_and_not_set(self):
        done = self.script("threads", "-n", "4M", code=3)
        self.assertIn("kernel.threads-max", done.stderr)
        self.assertEqual(done.stdout, "")

    def test_growth_ends_at_a_limit(self):
        with tempfile.TemporaryDirectory() as folder:
            words = ("growth", "--up-to", 500, "--models", "callbacks,hand-off", "--seconds", 1)
            done = self.script(*words, "--out", folder, "-q", open_files=400)
            document = json.loads((pathlib.Path(folder) / "growth.json").read_text())
            names = sorted(one.name for one in pathlib.Path(folder).iterdir())
        rows = [(row["model"], row["connections"], row["tables"]) for row in document["rows"]]
        self.assertEqual(rows, [("callbacks", 500, 2)])
        self.assertEqual(document["ends"][0]["connections"], 500)
        self.assertIn("hand-off ends before 500: open files", done.stdout)
        self.assertLessEqual({"growth.json", "growth.md"}, set(names))

    def test_bad_input(self):
        for words in (("-n", "0"), ("--hold", "0"), ("--keep-free", "much"), ("--model",)):
            done = self.script("million", *words, code=2)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn("no-such", self.script("million", "--model", "no-such", code=2).stderr)

    def test_the_document_is_there_while_all_stand(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "million.json"
            words = [SOURCE / "scripts/million", "-n", "100", "--hold", "15s", "--out", folder, "-q"]
            process = subprocess.Popen([*words, "--bin", BIN], stdout=subprocess.PIPE, text=True)
            give_up = time.monotonic() + PATIENCE
            while not path.exists() and time.monotonic() < give_up:
                time.sleep(0.1)
            standing = json.loads(path.read_text())
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=PATIENCE)
            interrupted = json.loads(path.read_text())
        self.assertEqual((standing["status"], standing["established"]), ("standing", 100))
        self.assertIsNone(standing["closing"]["client_s"])
        self.assertEqual(process.returncode, 130)
        self.assertEqual(interrupted["status"], "interrupted")
        self.assertEqual(interrupted["client"]["connections"]["established"], 100)
        self.assertEqual(interrupted["server"]["connections"]["accepted"], 100)
        self.assertIn("INTERRUPTED: ", out)

    def test_one_signal_ends_it_while_it_connects(self):
        words = [SOURCE / "scripts/million", "-n", "10000", "--hold", "1h", "-q", "--json"]
        process = subprocess.Popen([*words, "--bin", BIN], stdout=subprocess.PIPE, text=True)
        give_up = time.monotonic() + PATIENCE
        while "client" not in children_of(process.pid) and time.monotonic() < give_up:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 143)
        self.assertEqual(json.loads(out)["status"], "interrupted")


if __name__ == "__main__":
    unittest.main()
