#!/usr/bin/python3
"""Tests of scripts/compare and scripts/false-alarms with real programs and with two folders."""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
sys.path.insert(0, str(SOURCE / "scripts"))
from experiment import answer, comparison, figures, folder, options, plan, run_record  # noqa: E402
from experiment import table  # noqa: E402

TIMEOUT = 60
SHORT = ("-n", "4", "--seconds", "0.06", "--warm-up", "0")

#: A program of a build from before --describe, around one of today. Only that option is refused.
OLD = """#!/bin/sh
for word; do
  if [ "$word" = --describe ]; then
    echo "${0##*/}: --describe: no such option or argument (--help lists the options)" >&2
    exit 2
  fi
done
exec "%s/${0##*/}" "$@"
"""


class Case(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)

    def script(self, name, *words, binaries=BIN):
        return subprocess.run(
            [SOURCE / "scripts" / name, "--bin", binaries, *map(str, words)],
            capture_output=True, text=True, timeout=TIMEOUT, cwd=self.folder,
        )  # fmt: skip


@unittest.skipUnless((BIN / "client").exists(), f"{BIN / 'client'} is not there")
class Servers(Case):
    def test_slowed_server_is_detected_in_pairs_of_random_order(self):
        slow = "echo_async:callbacks --work cpu:100us"
        words = (*SHORT, "--pairs", 8, "--out", "out", "--seed", 4)
        done = self.script("compare", "callbacks", slow, *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(
            done.stdout,
            r"^Server CPU per echo relative to the client's: "
            r"echo_async:callbacks --work cpu:100us needs [\d.]+ "
            r"times as much as echo_async:callbacks "
            r"\([\d.]+ to [\d.]+ times; p = 0.008, 8 pairs\)\.\n"
            r"In time, including the machine's variation: echo_async:callbacks --work cpu:100us "
            r"needs .*\.\n(Warning: the client is the clock, .*\n)?"
            r"Standard deviation of a pair's log ratio: [\d.]+\.\nResults: out\n$",
        )
        rows = folder.Folder.open(self.folder / "out").runs()
        self.assertEqual(len(rows), 16)
        first = [row.cell["server"] for row in rows if row.place == 1]
        self.assertEqual(set(first), {"echo_async:callbacks", slow})
        kept = folder.Folder.open(self.folder / "out").experiment
        self.assertEqual(kept["design"]["cpus"], [max(os.sched_getaffinity(0))] * 2)

    def test_ends_on_one_processor_run_in_turns(self):
        programs = options.Programs(BIN)
        for cpus, in_turns in (((1, 1), True), ((0, 1), False), ((None, None), False)):
            sides = comparison.Sides(programs, "callbacks", "coroutines", cpus=cpus)
            self.assertIs(sides.spec({"server": sides.levels[0]}).in_turns, in_turns)

    def test_ends_apart_have_no_clock(self):
        words = (*SHORT, "--pairs", 8, "--out", "out", "--cpus", "none")
        done = self.script("compare", "callbacks", "callbacks", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith("Server CPU per echo: "), done.stdout)
        self.assertNotIn("clock", done.stdout)

    def test_server_with_itself_as_json(self):
        done = self.script("compare", "callbacks", "callbacks", *SHORT, "--time", "6s", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual(found["schema"], "echo-testbed-comparison/1")
        self.assertGreaterEqual(found["pairs"], 8)
        self.assertLess(found["low"], found["ratio"])
        self.assertLess(found["ratio"], found["high"])
        self.assertIn(found["verdict"], ("same", "differs", "undecided"))
        self.assertEqual(found["runs_lost"], 0)
        self.assertEqual(
            set(found["without_the_clock"]),
            {"client_ns_per_echo", "server_ns_per_echo", "echoes_per_wait"},
        )
        kept = folder.Folder.open(self.folder / found["folder"]).experiment
        self.assertEqual(kept["status"], "complete")  # all pairs that fit into --time
        self.assertEqual(kept["design"]["factors"][0]["levels"][1], "echo_async:callbacks (again)")

    def old_build(self):
        """A folder with programs that are too old to describe themselves."""
        binaries = self.folder / "old"
        binaries.mkdir()
        for name in ("client", *options.SERVERS):
            (binaries / name).write_text(OLD % BIN.resolve())
            (binaries / name).chmod(0o755)
        return binaries

    def test_build_too_old_to_describe_itself_is_compared_unchecked(self):
        old = self.old_build() / "echo_async"
        words = (*SHORT, "--pairs", 8)
        done = self.script("compare", "callbacks", "old/echo_async:callbacks --nodelay", *words)
        self.assertEqual(done.returncode, 0, done.stderr)
        note = f"{old} has no --describe; its model and options are not checked"
        self.assertEqual(done.stderr.count(note), 1, done.stderr)
        self.assertIn("8 pairs", done.stdout)
        done = self.script("compare", "callbacks", f"{old}:nope", *words)
        self.assertEqual(done.returncode, 2, done.stderr)  # refused by the program itself
        self.assertIn("nope", done.stderr)
        done = self.script("compare", "callbacks", "coroutines", *words, binaries=old.parent)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertIn("callbacks: must be PROGRAM:MODEL, because ", done.stderr)

    def test_only_compare_takes_an_old_build(self):
        binaries = self.old_build()
        for name, *words in (("sweep", "--factor", "n=2,4"), ("stack-sweep",)):
            done = self.script(name, *words, binaries=binaries)
            self.assertEqual((done.returncode, done.stderr.count("\n")), (3, 1), done.stderr)
            self.assertIn("is too old to describe its models and options", done.stderr)

    def test_a_side_may_be_a_path_with_a_space(self):
        with tempfile.TemporaryDirectory(prefix="a b ") as folder:
            for program in ("echo_async", "client"):
                (pathlib.Path(folder) / program).symlink_to(BIN.resolve() / program)
            sides = (f"{folder}/echo_async:callbacks", f"{folder}/echo_async:callbacks --backlog 64")
            done = self.script("compare", *sides, "--bin", folder, "--pairs", "8")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Results:", done.stdout)

    def test_bad_sides_in_one_line(self):
        several = (
            (("callbacks", "no such/echo_async:callbacks"), 2, "not a results folder"),
            (("callbacks", "my 'server {port}"), 2, "quote as in a shell"),
            (("callbacks", "   "), 2, "a side is empty"),
            (("callbacks", "nope"), 2, "nope: not a results folder, a program or a command"),
            (("callbacks", "callbacks --nope"), 2, "--nope"),
            (("callbacks", "echo_async:nope"), 2, "not one of"),
            (("callbacks", f"{BIN.resolve()}/echo_async:nope"), 2, "not one of callbacks, "),
            (("callbacks", "/nowhere/echo:some"), 3, "/nowhere/echo does not run"),
            (("callbacks", "coroutines", "--pairs", "7"), 2, "takes 8 pairs"),
            (("callbacks", "coroutines", "--time", "1s"), 2, "cannot decide"),
            (("callbacks", "coroutines", "--figure", "beauty"), 2, "not one of"),
            (("callbacks",), 2, "required: B"),
        )
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            results = pool.map(lambda one: self.script("compare", *one[0]), several)
        for (_, code, message), done in zip(several, results):
            self.assertEqual((done.returncode, done.stderr.count("\n")), (code, 1), done.stderr)
            self.assertIn(message, done.stderr)

    def test_false_alarms_are_counted_and_the_count_is_resumed(self):
        words = (*SHORT, "--comparisons", 2, "--pairs", 8, "--tries", 1, "--try-time", "6s")
        words += ("--slower", 500, "--out", "trust")
        done = self.script("false-alarms", *words, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual((found["comparisons"], found["tries"], found["found"]), (2, 1, 1), found)
        self.assertGreater(found["slowed_by_all_tries"], 1.5)
        self.assertLessEqual(found["false_alarms"], 2)
        again = self.script("false-alarms", *words, "--json")
        self.assertEqual(json.loads(again.stdout), found)
        other = self.script("false-alarms", *words, "--pairs", 9)
        self.assertEqual((other.returncode, other.stderr.count("\n")), (2, 1), other.stderr)


class Clock(Case):
    """A machine whose speed varies by half, and a server that needs 3 % more on it."""

    def kept(self, client, batch=100):
        factor = plan.Factor("server", "server", None, ("one", "other"))
        experiment = {
            "kind": "compare",
            "name": "some",
            "primary": "server_by_client",
            "figures": figures.as_json(),
            "design": {"factors": [factor.as_json()], "reps": 10, "seed": 1, "confidence": 0.99},
        }
        kept = folder.Folder.create(self.folder / "out", experiment)
        for one in plan.blocks(plan.cells([factor]), 10, 1):
            speed = 1 + 0.5 * ((7 * one.run) % 10) / 10
            server, own, at_once = 1, 1, 100
            if one.cell["server"] == "other":
                server, own, at_once = 1.03, client, batch
            done = run_record.Run(one.run, one.block, one.place, one.cell, "measured")
            done.began = run_record.now()
            done.figures = {
                "server_ns_per_echo": 5000 * speed * server,
                "client_ns_per_echo": 4000 * speed * own,
                "server_by_client": 1.25 * server / own,
                "echoes_per_wait": at_once,
            }
            kept.append(done)
        return kept

    def test_removes_the_machines_variation(self):
        kept = self.kept(client=1.0)
        found = answer.comparisons(kept.experiment, kept.runs())[0]
        self.assertEqual(found.verdict, "differs")
        self.assertAlmostEqual(found.ratio, 1.03)
        (in_time,) = comparison.clock_text(comparison.clock(kept))
        self.assertRegex(in_time, r"^In time, .*: other needs .* \(-[\d.]+ to \d+ %, 10 pairs\)\.$")

    def test_whose_own_cost_differs_between_the_servers_is_reported(self):
        lines = comparison.clock_text(comparison.clock(self.kept(client=3.0)))
        self.assertRegex(lines[1], r"^Warning: .* differs: other needs [\d.]+ times as much")

    def test_whose_batches_differ_is_reported(self):
        lines = comparison.clock_text(comparison.clock(self.kept(client=1.0, batch=10)))
        self.assertIn("receives 0.1 times as many echoes per wait with other", lines[1])

    def test_is_not_used_for_another_figure(self):
        kept = self.kept(client=1.0)
        kept.experiment["primary"] = "server_ns_per_echo"
        self.assertIsNone(comparison.clock(kept))
        self.assertEqual(comparison.clock_text(None), [])


class Folders(Case):
    def make(self, name, factor, kernel="6.18", drift=1.0):
        factors = [plan.Factor("n", "client", "-n", ("10", "100"))]
        experiment = {
            "kind": "sweep",
            "name": name,
            "primary": "server_ns_per_echo",
            "figures": figures.as_json(),
            "design": {
                "factors": [one.as_json() for one in factors],
                "reps": 6,
                "seed": 1,
                "confidence": 0.95,
            },
            "manifest": {"kernel": {"release": kernel}, "sysctls": {"net.core.somaxconn": name}},
        }
        kept = folder.Folder.create(self.folder / name, experiment)
        for one in plan.blocks(table.cells_of(experiment), 6, 1):
            done = run_record.Run(one.run, one.block, one.place, one.cell, "measured")
            done.began = run_record.now()
            done.figures = {"server_ns_per_echo": factor * (1000 + one.block + len(one.cell["n"]))}
            kept.append(done)
        return kept

    def test_are_paired_by_block_and_cell(self):
        self.make("one", 1.0), self.make("other", 1.05)
        done = self.script("compare", "one", "other")
        self.assertEqual(done.returncode, 0, done.stderr)
        sentence = "other needs 5.0 % more than one (5.0 to 5.0 %; p = 0.0005, 12 pairs)"
        self.assertIn(sentence, done.stdout)
        self.assertIn("do not cancel", done.stdout)
        self.assertIn("other at n 100 needs 5.0 % more", done.stdout)
        self.assertIn("net.core.somaxconn: one / other", done.stdout)

    def test_of_different_kernels_need_force(self):
        self.make("one", 1.0), self.make("other", 1.05, kernel="6.1")
        done = self.script("compare", "one", "other")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertIn("kernel: 6.18 / 6.1; --force", done.stderr)
        done = self.script("compare", "one", "other", "--force", "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertAlmostEqual(found["ratio"], 1.05)
        self.assertIn("kernel: 6.18 / 6.1", found["differences"])

    def test_and_a_server_are_not_compared(self):
        self.make("one", 1.0)
        done = self.script("compare", "one", "callbacks")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)

    def test_the_number_of_pairs_is_bounded_by_the_time(self):
        self.assertEqual(comparison.pairs_in(300, 0.45), 306)
        self.assertEqual(comparison.pairs_in(0.1, 0.45), 1)


if __name__ == "__main__":
    unittest.main()
