#!/usr/bin/python3
"""Tests of scripts/stack-sweep: the search for the smallest size with stacks of known need, slopes
over rows of known cost, the threads that fit, and one small real run."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
SCRIPT = SOURCE / "scripts" / "stack-sweep"
sys.path.insert(0, str(SOURCE / "scripts"))
sys.dont_write_bytecode = True

from experiment import run_record  # noqa: E402
from stacks import costs, fit, memory, probes, results_text, smallest_size  # noqa: E402

PAGE, LEAST = 4096, 16384


def needing(need, refused_below=0):
    """(holds, tried): a `holds` for a stack of which `need` bytes are used; the sizes tried."""
    tried = []

    def holds(size):
        tried.append(size)
        if size < refused_below:
            return smallest_size.REFUSED
        return smallest_size.HOLDS if size >= need else smallest_size.FAULTS

    return holds, tried


class SmallestSize(unittest.TestCase):
    def test_two_runs_suffice_if_the_estimate_is_right(self):
        holds, tried = needing(22200)
        found = smallest_size.find(22200, LEAST, PAGE, holds)
        self.assertEqual((found.size, found.below, found.is_least), (24576, 20480, False))
        self.assertEqual(tried, [24576, 20480])
        self.assertTrue(found.confirmed)

    def test_it_is_found_however_wrong_the_estimate(self):
        for need in (16385, 20480, 20481, 22200, 71352, 1_000_001, 8 << 20):
            for estimate in (1, need // 4, need - PAGE, need - 1, need, need + PAGE, need * 3):
                holds, tried = needing(need)
                found = smallest_size.find(estimate, LEAST, PAGE, holds)
                right = -(-need // PAGE) * PAGE
                self.assertEqual((found.size, found.below), (right, right - PAGE), (need, estimate))
                self.assertEqual(len(tried), len(set(tried)), "no size is run twice")
                self.assertLess(len(tried), 40)
                self.assertTrue(found.confirmed)

    def test_the_platforms_minimum_needs_no_run_below(self):
        for need in (1, 6840, 16384):
            holds, tried = needing(need)
            found = smallest_size.find(need, LEAST, PAGE, holds)
            self.assertEqual((found.size, found.below, found.is_least), (LEAST, None, True))
            self.assertEqual(tried, [LEAST])
            self.assertTrue(found.confirmed)

    def test_a_size_that_is_refused_confirms_nothing(self):
        holds, _ = needing(24000, refused_below=24576)
        found = smallest_size.find(24000, LEAST, PAGE, holds)
        self.assertEqual((found.size, found.below), (24576, None))
        self.assertFalse(found.confirmed)

    def test_a_run_that_fails_otherwise_ends_the_search(self):
        found = smallest_size.find(22200, LEAST, PAGE, lambda size: smallest_size.UNCLEAR)
        self.assertIsNone(found.size)
        self.assertFalse(found.confirmed)
        self.assertIn("24576", found.why)

    def test_a_search_without_end_ends(self):
        faults = lambda size: smallest_size.FAULTS  # noqa: E731
        found = smallest_size.find(22200, LEAST, PAGE, faults, most=1 << 24)
        self.assertIsNone(found.size)
        self.assertIn("do not hold", found.why)


def a_run(outcome, server_exit=0, cell=None, block=1, **figures):
    run = run_record.Run(1, block, 1, cell or {}, outcome, server_exit=server_exit)
    run.figures = figures
    return run


class Verdict(unittest.TestCase):
    def test_only_a_segmentation_fault_counts_as_a_fault(self):
        for run, result in (
            (a_run("measured"), smallest_size.HOLDS),
            (a_run("faulted", -11), smallest_size.FAULTS),
            (a_run("faulted", -9), smallest_size.UNCLEAR),
            (a_run("failed", 0), smallest_size.UNCLEAR),
            (a_run("refused", 3), smallest_size.UNCLEAR),
            (a_run("infeasible", 2), smallest_size.REFUSED),
        ):
            self.assertEqual(probes.verdict(run), result, run)


STACKS, TOUCH, N = ["64K", "16K", "8M"], ["1K"], ["100", "50", "25"]


def experiment_of(reps):
    factors = [("stack", STACKS), ("touch", TOUCH), ("n", N)]
    factors = [{"name": name, "levels": levels, "baseline": levels[0]} for name, levels in factors]
    design = {"factors": factors, "confidence": 0.95, "reps": reps, "connections": 100}
    return {"design": design, "figures": {}}


def rows(reps, each, fixed=5_000_000):
    """Runs whose figures are `fixed` plus each(stack, block) bytes per connection."""
    return [
        a_run("measured", 0, {"stack": stack, "touch": "1K", "n": n}, block,
              resident_b=fixed * block + int(n) * each(stack, block))
        for block in range(1, reps + 1)
        for stack in STACKS
        for n in N
    ]


class Slopes(unittest.TestCase):
    def growth(self, reps, each):
        (found,) = memory.growths(experiment_of(reps), rows(reps, each), "resident_b")
        return found

    def test_the_fixed_part_is_in_no_slope(self):
        found = memory.slopes(experiment_of(6), rows(6, lambda stack, block: 8480))
        for stack in STACKS:
            self.assertEqual(found["1K", stack]["resident_b"].per_unit, 8480)

    def test_what_does_not_depend_on_the_size_is_flat(self):
        found = self.growth(8, lambda stack, block: 8480 + (block % 3 - 1) * (stack == "8M"))
        self.assertTrue(found.flat)
        self.assertLessEqual(found.bound, 1)
        self.assertIn("flat", costs.flat_text(found))

    def test_growth_is_reported_with_the_size_and_its_interval(self):
        found = self.growth(8, lambda stack, block: probes.size_of(stack) + 4096 + block)
        self.assertFalse(found.flat)
        self.assertEqual((found.at, found.baseline), ("8M", "64K"))
        self.assertAlmostEqual(found.per_byte, 1.0)
        self.assertEqual(found.largest.estimate, (8 << 20) - (64 << 10))
        self.assertIn("grows, 8M takes 8,323,072 B more than 64K", costs.flat_text(found))

    def test_a_small_but_certain_difference_is_not_hidden(self):
        found = self.growth(8, lambda stack, block: 8480 + 50 * (stack == "8M"))
        self.assertFalse(found.flat)
        self.assertIn("flat, except that 8M takes 50 B more", costs.flat_text(found))

    def test_a_noisy_figure_is_not_called_flat(self):
        found = self.growth(8, lambda stack, block: 8480 + (block % 3 - 1) * 900 * (stack == "8M"))
        self.assertTrue(found.flat)
        self.assertIn("no detectable difference", costs.flat_text(found))

    def test_too_few_blocks_are_reported(self):
        found = self.growth(3, lambda stack, block: 8480)
        self.assertIsNone(found.flat)
        self.assertIn("too few blocks", costs.flat_text(found))

    def test_probes_are_in_no_slope(self):
        all_runs = rows(6, lambda stack, block: 8480)
        cell = {"probe": "size", "depth": "1K", "size": "64K", "connections": "100"}
        all_runs.append(a_run("measured", 0, cell, 0, resident_b=1e12))
        found = memory.slopes(experiment_of(6), all_runs)
        self.assertEqual(found["1K", "64K"]["resident_b"].per_unit, 8480)

    def test_every_depth_fits_into_the_baseline(self):
        for stacks, touches, baseline in (
            (["16K", "64K", "256K", "1M"], ["1K", "64K"], "256K"),
            (["16K", "8M"], ["1K"], "16K"),
            (["32K", "64K"], ["60K"], "64K"),
        ):
            levels = memory.levels_for(stacks, touches)
            self.assertEqual(levels[0], baseline)
            self.assertEqual(sorted(levels), sorted(stacks))


class Fit(unittest.TestCase):
    DOCUMENT = {
        "limits": [
            {"name": "open files", "source": "a", "bites_at": 1001},
            {"name": "process ids", "source": "b", "bites_at": 32378},
            {"name": "memory", "source": "c", "bites_at": 5},
            {"name": "cgroup tasks", "source": "d", "bites_at": None},
        ]
    }

    def test_the_tightest_comes_first_and_memory_is_as_measured(self):
        found = fit.rows(self.DOCUMENT, 50_000, 24576 + 4096, 1_000_000_000)
        bounds = [(row.name, row.most) for row in found]
        self.assertEqual(bounds[:2], [("memory", 20_000), ("process ids", 32_377)])
        self.assertEqual(fit.tightest(found).name, "memory")
        self.assertEqual(found[-1].most, None)
        self.assertEqual(fit.connection_bound(self.DOCUMENT), ("open files", 1000))

    def test_limits_estimates_the_memory_where_nothing_was_measured(self):
        self.assertEqual(fit.tightest(fit.rows(self.DOCUMENT, None, None, None)).most, 4)

    def test_nothing_is_made_up_where_limits_does_not_run(self):
        self.assertEqual(fit.rows(None, None, None, None), [])
        self.assertIsNone(fit.limits_document("/nonexistent", "16K"))


class Answer(unittest.TestCase):
    def test_reports_what_confirms_it(self):
        def depth(size, below, is_least, high):
            found = smallest_size.SmallestSize(size, below, is_least, {})
            return probes.Depth("16K", 1000, high, high, high, found)

        for known, words in (
            (
                depth(24576, 20480, False, 22200),
                "24K is the smallest stack that holds {} (22,200 B used; 20K faults)",
            ),
            (
                depth(16384, None, True, 6840),
                "16K, this platform's minimum, holds {} (6,840 B used)",
            ),
            (
                depth(16384, None, True, 16000),
                "16K, this platform's minimum, just holds {} (16,000 B used)",
            ),
            (
                depth(24576, None, False, 22200),
                "24K is the smallest stack that holds {} (22,200 B used; unconfirmed, because no "
                "smaller one could be tried)",
            ),
            (probes.Depth("16K", why="it faulted"), "no size was found for {}: it faulted"),
        ):
            self.assertEqual(results_text.clause(known), words.format("a handler of 16K"))


def sweep(*words, timeout=60):
    command = [SCRIPT, "--bin", BIN, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


class CommandLine(unittest.TestCase):
    def test_a_usage_error_is_one_line_and_exit_2(self):
        for words, message in (
            (["--stacks", "16K"], "two sizes or more"),
            (["--stacks", "16K,16k"], "twice"),
            (["--touch", "much"], "a size"),
            (["-n", "4"], "8 or more"),
            (["--reps", "3"], "pairs"),
            (["--model", "callbacks"], "thread-per-connection, pool-accept"),
            (["--model", "nobody"], "not one of"),
        ):
            done = sweep(*words)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(message, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
            self.assertEqual(done.stdout, "")


def sanitized():
    """Whether the programs are built with a sanitizer, which enlarges small stacks."""
    code = (BIN / "echo_threads").read_bytes()
    return b"__asan_init" in code or b"__tsan_init" in code


class Real(unittest.TestCase):
    """A complete experiment of small size."""

    def setUp(self):
        if sanitized():
            self.skipTest("sanitized programs fault at another size")

    def test_full_disk_is_one_line_and_keeps_measured_runs(self):
        script = 'mount -t tmpfs -o size=150k none "$1" || exit 77; cd "$1"; shift; "$@"'
        with tempfile.TemporaryDirectory() as small:
            words = ["-n", "20", "--stacks", "64K,4M", "--touch", "30K", "--reps", "8"]
            done = subprocess.run(
                [
                    *("unshare", "--map-root-user", "--mount", "sh", "-c", script, "sh", small),
                    *(SCRIPT, "--bin", BIN.resolve(), *words, "--out", "out"),
                ],
                capture_output=True, text=True, timeout=60,
            )  # fmt: skip
        if done.returncode == 77 or done.stderr.startswith("unshare"):
            self.skipTest(f"no mount namespace here: {done.stderr.strip()}")
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertEqual(done.stderr.count("No space left"), 1, done.stderr)
        self.assertNotIn("Traceback", done.stderr)
        self.assertIn("Results: out", done.stdout)

    def test_it_answers_and_two_runs_confirm_the_answer(self):
        with tempfile.TemporaryDirectory() as name:
            out = pathlib.Path(name) / "out"
            words = ["-n", "20", "--stacks", "64K,4M", "--touch", "30K", "--reps", "8"]
            words += ["--out", out]
            done = sweep(*words)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            document = json.loads((out / "experiment.json").read_text())
            all_runs = [json.loads(line) for line in (out / "runs.jsonl").read_text().splitlines()]
            again = sweep(*words)
            self.assertEqual(again.returncode, 0, again.stderr)
            count = len((out / "runs.jsonl").read_text().splitlines())
        self.assertEqual(count, len(all_runs), "nothing is run twice")
        self.assertEqual((document["kind"], document["status"]), ("stack-sweep", "complete"))
        found = {one["name"]: one["data"]["rows"] for one in document["findings"]}
        (deep,) = found["smallest"]
        size = probes.size_of(deep[4])
        self.assertGreater(size, 30 << 10)
        self.assertEqual(deep[5], f"{probes.kib(size - PAGE)} faults")
        probe_runs = [run for run in all_runs if run["cell"].get("depth") == "30K"]
        outcomes = {run["cell"]["size"]: (run["outcome"], run["server_exit"]) for run in probe_runs}
        self.assertEqual(outcomes[probes.kib(size)], ("measured", 0))
        self.assertEqual(outcomes[probes.kib(size - PAGE)], ("faulted", -11))
        self.assertTrue(done.stdout.startswith(f"With 20 connections: {deep[4]} is the smallest"))
        self.assertEqual(document["answer"], done.stdout.splitlines()[0])


if __name__ == "__main__":
    unittest.main()
