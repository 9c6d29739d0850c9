#!/usr/bin/python3
"""Tests of scripts/experiment: designs, folders, answers and their text, manifests."""

import copy
import fcntl
import io
import json
import os
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
from experiment import answer, answer_text, arguments, command, figures, folder  # noqa: E402
from experiment import folder_lock, foreign_server, index, live_table, manifest  # noqa: E402
from experiment import options, plan, run_record, session, slope, table  # noqa: E402

TIME = "2026-11-21T12:00:00.000+00:00"


def factor(name, *levels, end="server"):
    return plan.Factor(name, end, f"--{name}", levels)


def experiment_of(*factors, primary="server_ns_per_echo", reps=8, seed=1, **more):
    design = {
        "factors": [one.as_json() for one in factors],
        "fixed": {"server": "echo_async:callbacks", "client": ["--mode", "stream"]},
        "reps": reps,
        "seed": seed,
        "seconds": 2,
        "warm_up": 0.5,
        "cool_down": 0,
        "cap_s": None,
        "confidence": 0.95,
    }
    return {
        "kind": "sweep",
        "name": "some",
        "command": "scripts/sweep --seed 1",
        "design": design,
        "primary": primary,
        "figures": figures.as_json(),
        **more,
    }


def run_of(planned, outcome="measured", why=None, **values):
    done = run_record.Run(planned.run, planned.block, planned.place, planned.cell, outcome, why)
    done.began, done.took_s, done.figures = TIME, 1.0, values
    done.documents = {"client": None, "server": None, "series": None}
    return done


def measured(experiment, value_of, figure=None):
    """Runs of a whole plan, the figure's value from (cell, block)."""
    design = experiment["design"]
    cells = table.cells_of(experiment)
    figure = figure or experiment["primary"]
    return [
        run_of(one, **{figure: value_of(one.cell, one.block)})
        for one in plan.blocks(cells, design["reps"], design["seed"])
    ]


def joined(experiment, done):
    return {one.level: one for one in answer.comparisons(experiment, done) if one.given is None}


class Plan(unittest.TestCase):
    CELLS = plan.cells([factor("a", "1", "2", "3"), factor("b", "x", "y")])

    def test_each_block_has_every_cell_once_and_places_count_up(self):
        planned = plan.blocks(self.CELLS, 4, 7)
        self.assertEqual([one.run for one in planned], list(range(1, 25)))
        for block in (1, 2, 3, 4):
            of_block = [one for one in planned if one.block == block]
            self.assertEqual([one.place for one in of_block], [1, 2, 3, 4, 5, 6])
            self.assertCountEqual([one.cell for one in of_block], self.CELLS)

    def test_orders_follow_from_the_seed_and_differ_between_blocks(self):
        def order(seed, block):
            return [one.cell for one in plan.blocks(self.CELLS, 2, seed) if one.block == block]

        self.assertEqual(order(7, 1), order(7, 1))
        self.assertNotEqual(order(7, 1), order(7, 2))
        self.assertNotEqual(order(7, 1), order(8, 1))

    def test_refuses_too_few_pairs_and_reports_how_many_are_needed(self):
        for pairs, comparisons, needed in ((5, 1, 6), (6, 2, 7), (7, 4, 8), (1, 1, 6)):
            with self.assertRaises(plan.TooSmall) as refused:
                plan.check_design(pairs, comparisons, 0.95)
            self.assertEqual(refused.exception.needed, needed)
            self.assertIn(f"takes {needed} pairs", str(refused.exception))
            plan.check_design(needed, comparisons, 0.95)

    def test_confidence_is_99_percent_unless_given(self):
        parser = command.Parser("scripts/some", "What it is.")
        command.add_confidence(parser)
        self.assertEqual(parser.parse_args([]).confidence, 0.99)
        self.assertEqual(parser.parse_args(["--confidence", "0.95"]).confidence, 0.95)
        for pairs, comparisons, needed in ((7, 1, 8), (8, 2, 9), (9, 5, 10)):
            with self.assertRaises(plan.TooSmall) as refused:
                plan.check_design(pairs, comparisons, plan.CONFIDENCE)
            self.assertEqual(refused.exception.needed, needed)

    def test_default_reps_can_decide_a_factor_of_six_levels(self):
        parser = command.Parser("scripts/some", "What it is.")
        command.add_common(parser, command.REPS)
        plan.check_design(parser.parse_args([]).reps, 5, plan.CONFIDENCE)

    def test_counts_the_pairs_of_a_factorial_design(self):
        four, two, one = factor("a", *"1234"), factor("b", *"12"), factor("c", "1")
        self.assertEqual(plan.pairs_of([four], 8), 8)
        self.assertEqual(plan.pairs_of([four, two], 8), 16)
        self.assertEqual(plan.pairs_of([four, one], 8), 8)
        self.assertEqual(plan.comparisons_of([four, two, one]), 4)
        self.assertEqual(plan.reps_for([four, two], 4, 0.95), 4)


class Answers(unittest.TestCase):
    def test_level_that_needs_a_tenth_more_is_found_through_drift(self):
        experiment = experiment_of(factor("model", "callbacks", "coroutines"))
        several = random.Random(3)
        drift = [several.uniform(0.5, 2) for _ in range(9)]
        costs = {"callbacks": 1000, "coroutines": 1100}
        done = measured(
            experiment,
            lambda cell, block: costs[cell["model"]] * drift[block] * several.uniform(0.99, 1.01),
        )
        found = joined(experiment, done)["coroutines"]
        self.assertEqual((found.verdict, found.pairs), ("differs", 8))
        self.assertTrue(found.low < 1.1 < found.high, found)
        self.assertAlmostEqual(found.p, 2 / 2**8)
        self.assertRegex(
            found.text,
            r"^coroutines needs (9\.\d|10) % more than callbacks "
            r"\([\d.]+ to [\d.]+ %; p = 0.008, 8 pairs\)$",
        )

    def test_text_of_each_verdict(self):
        about = experiment_of(factor("stack", "16K", "64K"))
        for figure, ratio, low, high, verdict, words in (
            ("server_ns_per_echo", 1.031, 1.02, 1.043, "differs",
             "stack 64K needs 3.1 % more than 16K (2.0 to 4.3 %; p = 0.002, 24 pairs)"),
            ("server_ns_per_echo", 0.9, 0.85, 0.96, "differs",
             "stack 64K needs 10 % less than 16K (4.0 to 15 %; p = 0.002, 24 pairs)"),
            ("ramp_s", 4.02, 3.5, 4.4, "differs",
             "stack 64K takes 4.02 times as long as 16K (3.5 to 4.4 times; p = 0.002, 24 pairs)"),
            ("echoes_per_s", 1.2, 1.1, 1.3, "differs",
             "stack 64K reaches 20 % more than 16K (10 to 30 %; p = 0.002, 24 pairs)"),
            ("threads", 0.4, 0.3, 0.5, "differs",
             "stack 64K has 0.4 times as many as 16K (0.3 to 0.5 times; p = 0.002, 24 pairs)"),
            ("echo_p99_ns", 1.5, 1.2, 1.7, "undecided",
             "stack 64K: undecided; in these runs it takes 50 % longer than 16K "
             "(20 to 70 %; p = 0.002, 24 pairs); more reps are needed"),
            ("server_ns_per_echo", 1.004, 0.981, 1.024, "same",
             "stack 64K: no detectable difference from 16K, at most 2.4 % "
             "(-1.9 to 2.4 %; p = 0.002, 24 pairs)"),
        ):  # fmt: skip
            one = answer.Answer(figure, "stack", "64K", "16K", None, 24, ratio, low, high, 0.95)
            one.p = one.p_adjusted = 0.0022
            one.verdict = verdict
            self.assertEqual(answer_text.clause(one, about), words)
        one = answer.Answer("ramp_s", "stack", "64K", "16K", None, 0)
        self.assertEqual(answer_text.clause(one, about), "stack 64K: no measured pairs with 16K")

    def test_noise_alone_is_no_detectable_difference_with_an_upper_bound(self):
        experiment = experiment_of(factor("stack", "16K", "64K"), reps=12)
        several = random.Random(5)
        done = measured(experiment, lambda cell, block: several.uniform(990, 1010))
        found = joined(experiment, done)["64K"]
        self.assertEqual(found.verdict, "same")
        self.assertIn("no detectable difference from 16K, at most", found.text)

    def test_holm_counts_all_comparisons_of_the_primary_figure(self):
        experiment = experiment_of(factor("stack", "16K", "64K", "1M", "8M"), reps=8)
        several = random.Random(9)
        costs = {"16K": 1000, "64K": 1500, "1M": 1000, "8M": 1000}
        done = measured(
            experiment, lambda cell, block: costs[cell["stack"]] * several.uniform(0.98, 1.02)
        )
        found = joined(experiment, done)
        self.assertAlmostEqual(found["64K"].p_adjusted, 3 * 2 / 2**8)
        self.assertEqual(found["64K"].verdict, "differs")
        self.assertIn("after Holm", found["64K"].text)
        others = answer.comparisons(experiment, done, "echoes_per_s")
        self.assertTrue(all(one.p_adjusted is None and one.verdict is None for one in others))

    def test_a_pair_is_of_one_block_and_differs_in_one_factor(self):
        experiment = experiment_of(factor("a", "1", "2"), factor("b", "x", "y"), reps=6)
        values = {("1", "x"): 10, ("2", "x"): 20, ("1", "y"): 1000, ("2", "y"): 2000}
        done = measured(experiment, lambda cell, block: values[cell["a"], cell["b"]] * block)
        found = answer.comparisons(experiment, done)
        a = next(one for one in found if one.factor == "a" and one.given is None)
        self.assertEqual(a.pairs, 12)
        for bound in (a.low, a.ratio, a.high):
            self.assertAlmostEqual(bound, 2)
        given = [one for one in found if one.factor == "a" and one.given]
        self.assertEqual([one.given for one in given], [{"b": "x"}, {"b": "y"}])
        self.assertEqual([one.pairs for one in given], [6, 6])

    def test_a_failed_run_and_its_partner_are_no_pair(self):
        experiment = experiment_of(factor("stack", "16K", "64K"))
        done = measured(experiment, lambda cell, block: 1000.0)
        for run in done[:3]:
            run.outcome, run.why, run.figures = "failed", "it fell", {"server_ns_per_echo": 9e9}
        blocks = {run.block for run in done[:3]}
        self.assertEqual(joined(experiment, done)["64K"].pairs, 8 - len(blocks))

    def test_effect_that_depends_on_another_factor_is_reported(self):
        experiment = experiment_of(factor("a", "1", "2"), factor("b", "x", "y"))
        several = random.Random(2)

        def cost(cell, _):
            up = {"x": 2.0, "y": 0.5}[cell["b"]] if cell["a"] == "2" else 1.0
            return 1000 * up * several.uniform(0.99, 1.01)

        done = measured(experiment, cost)
        text = answer_text.sentence(experiment, answer.comparisons(experiment, done))
        self.assertRegex(
            text, r"Note: the effect of a 2 depends on other factors: .* at b x, .* at b y"
        )
        calm = measured(experiment, lambda cell, _: 1000 * several.uniform(0.99, 1.01))
        text = answer_text.sentence(experiment, answer.comparisons(experiment, calm))
        self.assertNotIn("Note", text)

    def test_zero_has_no_ratio(self):
        experiment = experiment_of(factor("backlog", "128", "4096"), primary="listen_drops")
        done = measured(experiment, lambda cell, _: 5 if cell["backlog"] == "128" else 0)
        found = joined(experiment, done)["4096"]
        self.assertIsNone(found.ratio)
        self.assertEqual(found.verdict, "undecided")
        self.assertIn("no ratio", found.text)

    def test_a_difference_by_chance_is_undecided_after_holm(self):
        experiment = experiment_of(factor("a", "1", "2", "3"), reps=8)
        up = {("2", block): 1.01 for block in range(1, 8)} | {("2", 8): 0.9999}
        up |= {("2", 2): 0.998, ("2", 3): 0.9985}
        done = measured(experiment, lambda cell, block: 1000 * up.get((cell["a"], block), 1.0))
        found = joined(experiment, done)["2"]
        self.assertNotEqual(found.verdict, "differs")

    def test_sentence_of_a_single_cell_or_nothing_measured(self):
        experiment = experiment_of(factor("a", "1", "2"))
        text = answer_text.sentence(experiment, answer.comparisons(experiment, []))
        self.assertIn("No answer", text)


class Slopes(unittest.TestCase):
    def test_memory_per_connection_is_the_slope_not_the_share(self):
        levels = ("250", "500", "1k")
        experiment = experiment_of(factor("n", *levels, end="client"), factor("stack", "16K", "8M"))
        fixed = {"16K": 1e6, "8M": 5e6}

        def resident(cell, block):
            return fixed[cell["stack"]] * block + 8480 * slope.number_of(cell["n"])

        done = measured(experiment, resident, "resident_b")
        for one in slope.over(experiment, done, "resident_b"):
            for bound in (one.low, one.per_unit, one.high):
                self.assertAlmostEqual(bound, 8480)
            self.assertEqual(one.blocks, 8)
            self.assertIn("8,480 B per connection", one.text)

    def test_one_outlier_of_a_block_does_not_move_the_slope(self):
        points = [(100, 1000), (200, 2000), (300, 3000), (400, 99000), (500, 5000)]
        self.assertAlmostEqual(slope.theil_sen(points), 10, delta=0.01)
        self.assertIsNone(slope.theil_sen([(5, 1), (5, 2)]))

    def test_needs_two_levels_of_n(self):
        experiment = experiment_of(factor("stack", "16K", "64K"))
        self.assertEqual(slope.over(experiment, [], "resident_b"), [])

    def test_reads_levels_as_numbers(self):
        for text, number in (("100", 100), ("10k", 10_000), ("1M", 1e6), ("0.5", 0.5)):
            self.assertEqual(slope.number_of(text), number)


class Folder(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.path = pathlib.Path(held.name) / "results" / "some"
        self.experiment = experiment_of(factor("a", "1", "2"))
        self.planned = plan.blocks(table.cells_of(self.experiment), 8, 1)

    def test_runs_are_read_as_they_were_appended(self):
        kept = folder.Folder.create(self.path, self.experiment)
        for one in self.planned[:3]:
            kept.append(run_of(one, server_ns_per_echo=5.0))
        again = folder.Folder.open(self.path)
        self.assertEqual([run.run for run in again.runs()], [1, 2, 3])
        self.assertEqual(again.runs()[0], kept.runs()[0])
        self.assertEqual(again.experiment["status"], "running")

    def test_resumes_the_same_design_only(self):
        folder.Folder.create(self.path, self.experiment).append(run_of(self.planned[0]))
        capped = copy.deepcopy(self.experiment)
        capped["design"]["cap_s"] = 600
        there = folder.Folder.create(self.path, capped)
        there.release()
        self.assertTrue(there.resumed)
        self.assertEqual(len(there.runs()), 1)
        self.assertEqual(there.experiment["design"]["cap_s"], 600)
        for change, message in (
            ({"seed": 2}, "different seed: 1 there, 2 here"),
            ({"reps": 9}, "different reps"),
            ({"factors": []}, "different factors"),
        ):
            other = copy.deepcopy(self.experiment)
            other["design"] |= change
            with self.assertRaisesRegex(folder.Refused, message):
                folder.Folder.create(self.path, other)
        with self.assertRaisesRegex(folder.Refused, "its primary is server_ns_per_echo"):
            folder.Folder.create(self.path, self.experiment | {"primary": "ramp_s"})

    def test_does_not_mix_runs_of_two_builds(self):
        one = self.experiment | {"manifest": {"programs": {"client": "a" * 64}}}
        folder.Folder.create(self.path, one)
        other = self.experiment | {"manifest": {"programs": {"client": "b" * 64}}}
        with self.assertRaisesRegex(folder.Refused, "measured with a different program"):
            folder.Folder.create(self.path, other)

    def test_leaves_a_folder_with_other_files_alone(self):
        self.path.mkdir(parents=True)
        (self.path / "thesis.txt").write_text("mine")
        with self.assertRaisesRegex(folder.Refused, "not empty"):
            folder.Folder.create(self.path, self.experiment)
        self.assertEqual([one.name for one in self.path.iterdir()], ["thesis.txt"])

    def test_line_cut_short_by_a_kill_is_truncated(self):
        kept = folder.Folder.create(self.path, self.experiment)
        kept.append(run_of(self.planned[0]))
        with open(self.path / "runs.jsonl", "a") as file:
            file.write('{"run": 2, "blo')
        self.assertEqual(len(kept.runs()), 1)
        kept.release()
        again = folder.Folder.create(self.path, self.experiment)
        again.append(run_of(self.planned[1]))
        self.assertEqual([run.run for run in again.runs()], [1, 2])

    def test_run_that_does_not_fit_on_the_disk_leaves_no_partial_line(self):
        kept = folder.Folder.create(self.path, self.experiment)
        kept.append(run_of(self.planned[0]))
        before = (self.path / "runs.jsonl").read_bytes()
        script = (
            "import signal, sys; sys.path.insert(0, sys.argv[1])\n"
            "from experiment import folder, run_record\n"
            "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
            "import resource, json\n"
            "kept = folder.Folder.open(sys.argv[2])\n"
            "most = int(sys.argv[3])\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))\n"
            "try: kept.append(run_record.Run.of_json(json.load(sys.stdin)))\n"
            "except folder.CannotWrite as error: print(error)\n"
        )
        for size in (300, 60_000):  # within a buffer, and beyond one
            row = json.dumps(run_of(self.planned[1], why="x" * size).as_json())
            room = str(len(before) + 100)
            done = subprocess.run(
                [sys.executable, "-c", script, SOURCE / "scripts", self.path, room],
                input=row, capture_output=True, text=True, timeout=30,
            )  # fmt: skip
            self.assertIn("runs.jsonl: File too large", done.stdout, done.stderr)
            self.assertEqual((self.path / "runs.jsonl").read_bytes(), before, size)

    def test_index_lists_each_folder_once(self):
        for name in ("one", "two", "one"):
            kept = folder.Folder.create(self.path.parent / name, self.experiment | {"name": name})
        kept.update(status="complete", answer="Yes.")
        index = json.loads((self.path.parent / "index.json").read_text())
        self.assertEqual(sorted(one["folder"] for one in index), ["one", "two"])
        one = next(one for one in index if one["folder"] == "one")
        self.assertEqual((one["status"], one["answer"]), ("complete", "Yes."))

    def test_index_is_rewritten_by_one_experiment_at_a_time(self):
        kept, seen = folder.Folder.create(self.path, self.experiment), []
        rewrite = index._rewrite

        def look(*words):
            with open(self.path.parent / index.LOCK_FILE) as file:
                with self.assertRaises(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            seen.append(rewrite(*words))

        with unittest.mock.patch("experiment.index._rewrite", look):
            kept.update(status="complete")
        self.assertEqual(len(seen), 1)
        with unittest.mock.patch("experiment.folder_lock.WAIT_S", 0.02):
            with folder_lock.short_lock(self.path.parent / index.LOCK_FILE):
                kept.update(status="capped")  # a stopped holder of the lock blocks no other
        listed = json.loads((self.path.parent / "index.json").read_text())
        self.assertEqual(listed[0]["status"], "capped")

    def test_a_second_writer_of_a_folder_is_refused(self):
        kept = folder.Folder.create(self.path, self.experiment)
        kept.append(run_of(self.planned[0]))
        before = (self.path / "experiment.json").read_bytes()
        error = f"--out .*some: another experiment is writing there .process {os.getpid()}.; wait"
        with self.assertRaisesRegex(folder.Refused, error):
            folder.Folder.create(self.path, self.experiment)
        self.assertEqual((self.path / "experiment.json").read_bytes(), before)
        kept.append(run_of(self.planned[1]))
        self.assertEqual(len(folder.Folder.open(self.path).runs()), 2, "a reader needs no lock")
        kept.release()
        self.assertEqual(len(folder.Folder.create(self.path, self.experiment).runs()), 2)

    def test_kill_releases_the_folder(self):
        script = (
            "import json, sys; sys.path.insert(0, sys.argv[1])\n"
            "from experiment import folder\n"
            "kept = folder.Folder.create(sys.argv[2], json.loads(sys.argv[3]))\n"
            "print('held', flush=True); sys.stdin.read()\n"
        )
        experiment = json.dumps(self.experiment)
        holder = subprocess.Popen(
            [sys.executable, "-c", script, SOURCE / "scripts", self.path, experiment],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.stdin.close)
        self.assertEqual(holder.stdout.readline(), "held\n")
        with self.assertRaisesRegex(folder.Refused, f"process {holder.pid}"):
            folder.Folder.create(self.path, self.experiment)
        holder.kill()
        holder.wait(30)
        self.assertTrue(folder.Folder.create(self.path, self.experiment).resumed)

    def test_experiments_begun_in_the_same_second_get_different_folders(self):
        self.path.parent.mkdir()
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.path.parent.parent)
        with unittest.mock.patch("time.strftime", return_value="20261125-120000"):
            names = [folder.Folder.create(None, {"name": "a b"}).path.name for _ in range(3)]
        first = "a-b-20261125-120000"
        self.assertEqual(names, [first, f"{first}-2", f"{first}-3"])

    def test_a_folder_that_cannot_be_created_is_one_line(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.path.parent.parent)
        self.path.parent.write_text("a file of that name")
        for path in (None, self.path):
            with self.assertRaisesRegex(folder.CannotWrite, "results.*: (Not a d|File exists)"):
                folder.Folder.create(path, self.experiment)

    def test_a_folder_outside_of_results_gets_no_index(self):
        folder.Folder.create(self.path.parent.parent / "elsewhere", self.experiment)
        self.assertFalse((self.path.parent.parent / "index.json").exists())


class Session(unittest.TestCase):
    """The loop, with simulated runs."""

    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.path = pathlib.Path(held.name) / "some"
        self.experiment = experiment_of(factor("a", "1", "2"), reps=6)
        self.planned = plan.blocks(table.cells_of(self.experiment), 6, 1)
        self.quiet = live_table.Table(self.experiment, [], stream=io.StringIO(), terminal=False)

    def carry_out(self, run_one, **more):
        kept = folder.Folder.create(self.path, self.experiment)
        with unittest.mock.patch("sys.stderr", new_callable=io.StringIO) as self.stderr:
            code = session.carry_out(kept, self.planned, run_one, table_of=self.quiet, **more)
        kept.release()
        return kept, code

    def test_measures_all_in_order(self):
        kept, code = self.carry_out(lambda one: run_of(one, server_ns_per_echo=1.0))
        self.assertEqual([run.run for run in kept.runs()], list(range(1, 13)))
        self.assertEqual((code, kept.experiment["status"]), (0, "complete"))

    def test_failed_run_keeps_its_row_and_sets_the_exit_code(self):
        def run_one(one):
            return run_of(one, "failed", "it fell") if one.run == 3 else run_of(one)

        kept, code = self.carry_out(run_one)
        self.assertEqual(len(kept.runs()), 12)
        self.assertEqual((code, kept.experiment["status"]), (1, "complete"))
        self.assertEqual(table.not_measured(kept.runs())[0].partition(": ")[2], "failed: it fell")

    def test_infeasible_cell_is_tried_once_and_is_no_failure(self):
        def run_one(one):
            if one.cell["a"] == "2":
                return run_of(one, "infeasible", "stack below touch")
            return run_of(one)

        kept, code = self.carry_out(run_one)
        outcomes = [run.outcome for run in kept.runs()]
        self.assertEqual((outcomes.count("infeasible"), outcomes.count("measured")), (1, 6))
        self.assertEqual(code, 0)
        row = next(run for run in kept.runs() if not run.measured)
        self.assertEqual(row.why, "stack below touch; its cell is not run again")

    def test_interruption_keeps_measured_runs_and_the_rest_follows(self):
        def run_one(one):
            if one.run == 5:
                raise session.Interrupted(2)
            return run_of(one)

        kept, code = self.carry_out(run_one)
        self.assertEqual((code, kept.experiment["status"]), (130, "interrupted"))
        seen = []
        kept, code = self.carry_out(lambda one: seen.append(one.run) or run_of(one))
        self.assertEqual(seen, list(range(5, 13)))
        self.assertEqual((code, kept.experiment["status"]), (0, "complete"))

    def test_run_whose_documents_did_not_fit_is_not_stored(self):
        def run_one(one):
            done = run_of(one)
            if one.run == 4:
                done.outcome, done.why, done.client_exit = "failed", "No space left on device", 7
            return done

        kept, code = self.carry_out(run_one)
        self.assertEqual((code, len(kept.runs())), (7, 3))
        self.assertEqual(self.stderr.getvalue().count("\n"), 1)
        self.assertIn("No space left on device", self.stderr.getvalue())

    def test_cap_begins_no_run_that_would_end_after_it(self):
        kept, code = self.carry_out(run_of, cap_s=0.0)
        self.assertEqual((code, kept.experiment["status"], kept.runs()), (1, "capped", []))
        kept, code = self.carry_out(run_of, cap_s=0.0, capped_code=0)
        self.assertEqual(code, 1)  # nothing was measured at all

    def test_all_refused_by_the_machine_is_a_limit(self):
        _, code = self.carry_out(lambda one: run_of(one, "refused", "open files"))
        self.assertEqual(code, 3)

    def test_end_writes_answers_that_match_the_schema(self):
        jsonschema = schema_validator(self)
        kept, code = self.carry_out(
            lambda one: run_of(one, server_ns_per_echo=1000.0 * one.block + (one.cell["a"] == "2"))
        )
        out = io.StringIO()
        session.conclude(kept, code, page=False, out=out)
        written = json.loads((self.path / "experiment.json").read_text())
        self.assertTrue(written["answers"])
        self.assertIn(written["answer"], out.getvalue())
        hold(self, jsonschema, written, kept)
        spoilt = written | {"status": "perhaps"}
        self.assertTrue(list(jsonschema[0].iter_errors(spoilt)))
        row = run_of(self.planned[0], "failed").as_json()  # without why
        self.assertTrue(list(jsonschema[1].iter_errors(row)))


def schema_validator(test):
    try:
        import jsonschema
    except ImportError:
        test.skipTest("python3-jsonschema is not installed (scripts/setup test)")
    schema = json.loads((SOURCE / "docs" / "schema" / "experiment.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    row = schema["$defs"]["run"] | {"$defs": schema["$defs"]}
    return jsonschema.Draft202012Validator(schema), jsonschema.Draft202012Validator(row)


def hold(test, validators, document, kept):
    rows = [json.loads(line) for line in (kept.path / "runs.jsonl").read_text().splitlines()]
    for validator, documents in zip(validators, ([document], rows)):
        for one in documents:
            test.assertEqual([error.message[:300] for error in validator.iter_errors(one)], [])


class Text(unittest.TestCase):
    def test_values_with_units(self):
        for value, unit, text in (
            (None, "ns", "-"), (950, "ns", "950 ns"), (12345, "ns", "12.3 us"),
            (0.26, "s", "260 ms"),
            (999_999, "ns", "1.00 ms"), (4096, "B", "4 KiB"), (434176 * 1024, "B", "424 MiB"),
            (35558.4, "1/s", "35,558/s"), (1000, "1", "1,000"), (0, "B", "0 B"),
            (-2048, "B", "-2 KiB"),
        ):  # fmt: skip
            self.assertEqual(table.human(value, unit), text, (value, unit))

    def test_live_line_and_table(self):
        experiment = experiment_of(factor("stack", "16K", "64K"))
        planned = plan.blocks(table.cells_of(experiment), 8, 1)
        done = [run_of(one, server_ns_per_echo=9000.0 + one.run) for one in planned[:5]]
        done[1].outcome, done[1].why = "failed", "it fell"
        stream = io.StringIO()
        shown = live_table.Table(experiment, table.cells_of(experiment), stream, terminal=True)
        shown.show(done, planned[5], 80, 16)
        text = stream.getvalue()
        self.assertIn("run 6 of 16, block 3: stack ", text)
        self.assertIn("1 not measured; 1 min 20 s left", text)
        self.assertRegex(text, r" 1 of 2 |2 of 3 ")
        self.assertRegex(text, r"> +(16K|64K)")
        shown.show(done, None, 0, 16)
        self.assertIn("\x1b[4F", stream.getvalue())  # drawn over its four lines
        shown.clear()
        self.assertTrue(stream.getvalue().endswith("\x1b[4F\x1b[J"))

    def test_plain_lines_are_ten_seconds_apart(self):
        experiment = experiment_of(factor("stack", "16K", "64K"))
        planned = plan.blocks(table.cells_of(experiment), 8, 1)
        stream, now = io.StringIO(), [0.0]
        shown = live_table.Table(experiment, [], stream, terminal=False, clock=lambda: now[0])
        for at in range(25):
            now[0] = at
            shown.show([], planned[0], 100 - at, 16)
        self.assertEqual(len(stream.getvalue().splitlines()), 3)
        self.assertNotIn("\x1b", stream.getvalue())

    def test_table_larger_than_the_terminal_shows_the_cells_around_the_one_that_runs(self):
        lines = ["heading", *(f"  row {at}" for at in range(40)), "line"]
        lines[31] = "> row 30"
        kept = live_table._fitted(lines, 12)
        self.assertEqual(len(kept), 12)
        self.assertIn("> row 30", kept)
        self.assertEqual((kept[0], kept[-1], kept[-2]), ("heading", "line", "  ... 31 more cells"))


class Figures(unittest.TestCase):
    CLIENT = {
        "cpu": {"client_ns_per_echo": 5000, "server_ns_per_echo": 4000},
        "connections": {"requested": 100, "established": 100, "served": 99},
        "phases": {"ramp": {"ns": 5_000_000}},
        "throughput": {"echoes_per_s": 30_000, "connects_per_s": 20_000},
        "memory": {
            "server": {"per_connection": 8480, "peak_rss": 1000, "page_tables": 3, "virtual": 4},
            "machine": {"slab": 700, "kernel_stack": 1600, "page_tables": 0, "socket": 0},
        },
    }

    def test_are_read_from_both_documents(self):
        found = figures.read(self.CLIENT, {"memory": {"peak_rss": 1200}})
        for name, value in (
            ("server_ns_per_echo", 4000), ("both_ns_per_echo", 9000), ("ramp_s", 0.005),
            ("resident_b", 848_000), ("peak_resident_b", 1200),
            ("kernel_stack_b_per_connection", 16),
            ("kernel_b", 2300), ("failed", 1), ("retransmits", None),
        ):  # fmt: skip
            self.assertEqual(found[name], value, name)

    def test_of_no_documents_are_all_null_and_all_named(self):
        found = figures.read(None, None)
        self.assertEqual(found.keys(), figures.FIGURES.keys())
        self.assertEqual(set(found.values()), {None})

    def test_ramp_is_none_unless_all_connections_were_established(self):
        short = copy.deepcopy(self.CLIENT)
        short["connections"]["established"] = 99
        self.assertIsNone(figures.read(short, None)["ramp_s"])


class Options(unittest.TestCase):
    #: The fields in which options differ; described() adds the others.
    MODE = {"name": "--mode", "type": "choice", "words": ["hold", "stream", "churn"]}
    CONNECTIONS = {"name": "--connections", "short": "-n", "type": "count", "default": "100"}
    NODELAY = {"name": "--nodelay", "negation": "--no-nodelay", "type": "flag", "default": True}
    KEEPALIVE = {"name": "--keepalive", "type": "flag", "default": False}
    TARGET = {"name": "target", "positional": True, "type": "target"}
    WORKERS = {"name": "--workers", "type": "count", "models": ["pool", "prefork"]}
    STACK = {"name": "--stack-size", "type": "size", "unit": "bytes", "models": ["pool"]}

    def described(self, *several, models=(), default_model=None):
        other = dict.fromkeys(("short", "negation", "unit", "words", "default", "end", "models"))
        other |= {"positional": False, "description": "What it does"}
        return {
            "schema": options.SCHEMA,
            "default_model": default_model,
            "models": [{"name": name} for name in models],
            "options": [other | one for one in several],
        }

    def programs(self, **several):
        """Programs of a folder: what each prints for --describe, or its exit code."""
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        for name, said in several.items():
            path = pathlib.Path(held.name) / name
            text = f"exit {said}" if isinstance(said, int) else f"cat <<'END'\n{said}\nEND"
            path.write_text(f'#!/bin/sh\n[ "$*" = --describe ] || exit 9\n{text}\n')
            path.chmod(0o755)
        return options.Programs(held.name)

    def servers(self):
        threads = self.described(
            self.WORKERS, self.STACK, models=["plain", "pool", "prefork"], default_model="plain"
        )
        of_async = self.described(models=["callbacks"], default_model="callbacks")
        return self.programs(echo_threads=json.dumps(threads), echo_async=json.dumps(of_async))

    def test_are_read_from_the_description(self):
        found = options.by_name(
            self.described(
                self.TARGET, self.MODE, self.CONNECTIONS, self.NODELAY, self.KEEPALIVE, self.STACK
            )
        )
        self.assertEqual(
            sorted(found),
            ["--connections", "--keepalive", "--mode", "--no-nodelay", "--nodelay", "--stack-size",
             "-n"],
        )  # fmt: skip
        self.assertIs(found["-n"], found["--connections"])
        self.assertEqual(found["-n"].default, "100")
        self.assertEqual((found["--stack-size"].type, found["--stack-size"].unit), ("size", "bytes"))
        self.assertTrue(found["--mode"].takes_value)
        self.assertFalse(found["--keepalive"].takes_value)

    def test_at_a_level_are_words_of_a_command_line(self):
        found = options.by_name(
            self.described(self.MODE, self.CONNECTIONS, self.NODELAY, self.KEEPALIVE)
        )
        for name, level, words in (
            ("-n", "10k", ["--connections", "10k"]),
            ("--mode", "churn", ["--mode", "churn"]),
            ("--nodelay", "on", ["--nodelay"]),
            ("--nodelay", "off", ["--no-nodelay"]),
            ("--keepalive", "on", ["--keepalive"]),
            ("--keepalive", "off", []),
        ):
            self.assertEqual(found[name].words(level), words)
        with self.assertRaisesRegex(ValueError, "^--mode takes hold, stream or churn$"):
            found["--mode"].words("chrun")
        with self.assertRaisesRegex(ValueError, "^--keepalive is a flag: its levels are on and off"):
            found["--keepalive"].words("maybe")

    def test_of_a_model_are_those_that_it_has(self):
        programs = self.servers()
        for server, names in (
            ("echo_threads:pool --workers 4", ["--stack-size", "--workers"]),
            ("echo_threads:prefork", ["--workers"]),
            ("echo_threads", []),  # those of its default model
            ("echo_async:callbacks", []),
        ):
            self.assertEqual(sorted(programs.of_server(server)), names, server)
        self.assertEqual(
            programs.models_with("--workers"), ["echo_threads:pool", "echo_threads:prefork"]
        )

    def test_models_are_found_by_name_and_by_program(self):
        programs = self.servers()
        self.assertEqual(
            programs.models(),
            ["echo_threads:plain", "echo_threads:pool", "echo_threads:prefork",
             "echo_async:callbacks"],
        )  # fmt: skip
        self.assertEqual(programs.model("pool"), "echo_threads:pool")
        self.assertEqual(programs.model("echo_async:callbacks"), "echo_async:callbacks")
        for wanted in ("nope", "echo_async:pool"):
            with self.assertRaisesRegex(options.Unknown, "not one of plain, pool, prefork, callb"):
                programs.model(wanted)
        self.assertTrue(programs.check_server("echo_threads:pool"))
        with self.assertRaisesRegex(options.Unknown, "echo_async:pool: not one of callbacks$"):
            programs.check_server("echo_async:pool")

    def test_of_a_program_too_old_to_describe_them_are_not_checked(self):
        programs = self.programs(echo_async=2, client=2)
        self.assertFalse(programs.check_server("echo_async:whatever"))
        for asked in (programs.of_client, lambda: programs.of_server("echo_async:whatever")):
            with self.assertRaisesRegex(options.TooOld, "is too old to describe .*: no --describe$"):
                asked()

    def test_of_a_broken_program_are_an_error_in_one_line(self):
        other = json.dumps({"schema": "another/7"})
        programs = self.programs(crashes=1, chats="hello", lists="[1]", another=other)
        for program, error in (
            ("crashes", "crashes --describe: ended with 1$"),
            ("chats", "chats --describe: prints no description$"),
            ("lists", "lists --describe: prints no description$"),
            ("another", "another --describe: schema another/7, expected echo-testbed-describe/1$"),
            ("absent", "absent does not run: cmake -B build && cmake --build build, or --bin DIR$"),
        ):
            with self.assertRaisesRegex(options.Missing, error):
                programs.check_server(program)


class Manifest(unittest.TestCase):
    def test_leaves_out_private_data(self):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            (root / "proc/sys/kernel").mkdir(parents=True)
            (root / "proc/cmdline").write_text(
                "root=UUID=1234 quiet mitigations=off ip=10.0.0.1 isolcpus=1 -- --token secret\n"
            )
            (root / "proc/cpuinfo").write_text("model name\t: Some CPU\nflags\t: fpu hypervisor\n")
            (root / "proc/sys/kernel/osrelease").write_text("6.18.0\n")
            (root / "proc/sys/kernel/hostname").write_text("myhost\n")
            with unittest.mock.patch.dict(os.environ, {"SECRET_OF_MINE": "hush-hush"}):
                found = manifest.take(root, root, root)
        self.assertEqual(found["kernel"]["command_line"], "quiet mitigations=off isolcpus=1")
        self.assertEqual(found["kernel"]["release"], "6.18.0")
        self.assertEqual((found["cpu"]["model"], found["hypervisor"]), ("Some CPU", "unnamed"))
        text = json.dumps(found)
        for private in ("secret", "1234", "10.0.0.1", "myhost", "hush-hush"):
            self.assertNotIn(private, text)

    def test_is_null_if_nothing_can_be_read(self):
        with tempfile.TemporaryDirectory() as name:
            found = manifest.take(name, name, name)
        for key in ("commit", "memory_b", "load", "steal", "system", "hypervisor", "mitigations"):
            self.assertIsNone(found[key], key)
        self.assertEqual(set(found["sysctls"].values()), {None})
        self.assertEqual(set(found["programs"].values()), {None})
        self.assertEqual(set(found["cgroup"].values()), {None})

    def test_cgroup_limits_are_the_smallest_of_the_group_and_its_parents(self):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            group = root / "sys/fs/cgroup/user/session"
            group.mkdir(parents=True)
            (root / "proc/self").mkdir(parents=True)
            (root / "proc/self/cgroup").write_text("0::/user/session\n")
            (group / "pids.max").write_text("max\n")
            (group.parent / "pids.max").write_text("500\n")
            (group.parent / "memory.max").write_text("1000000\n")
            (group / "memory.max").write_text("2000000\n")
            found = manifest.take(name, name, root)["cgroup"]
        self.assertEqual(found, {"pids_max": 500, "memory_max": 1000000, "cpu_max": None})

    def test_differences_are_listed_and_some_forbid_a_comparison(self):
        one = {"kernel": {"release": "6.1"}, "sysctls": {"net.core.somaxconn": "128"}}
        other = {"kernel": {"release": "6.18"}, "sysctls": {"net.core.somaxconn": "4096"}}
        self.assertEqual(
            manifest.differences(one, other),
            ["kernel: 6.1 / 6.18", "net.core.somaxconn: 128 / 4096"],
        )
        self.assertEqual(manifest.incomparable(one, other), ["kernel: 6.1 / 6.18"])
        self.assertEqual(manifest.differences(one, one), [])

    def test_of_this_machine_has_memory_and_limits(self):
        found = manifest.take(SOURCE, SOURCE)
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
        self.assertEqual(found["memory_b"], pages * size)
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.assertEqual(found["limits"]["nofile"][0], soft)
        json.dumps(found, allow_nan=False)


class Commands(unittest.TestCase):
    def test_values_and_windows_are_read_from_a_command_line(self):
        words = ["-n", "10", "--mode=churn", "-d", "400ms", "--warmup", "0.1"]
        self.assertEqual(arguments.value_of(words, "-n", "--connections"), "10")
        self.assertEqual(arguments.value_of(words, "--mode"), "churn")
        self.assertIsNone(arguments.value_of(words, "--rate"))
        self.assertAlmostEqual(arguments.window_of(words), 0.5)
        self.assertAlmostEqual(arguments.window_of([]), 0)
        self.assertAlmostEqual(arguments.window_of(["--mode", "stream"]), 10)

    def test_durations_are_those_that_the_programs_read(self):
        for text, seconds in (
            *(("90", 90), ("0", 0), ("0.5", 0.5), ("250ms", 0.25), ("2m", 120), ("2min", 120)),
            *(("1.5h", 5400), ("1h30m", 5400), ("1d", 86400), ("1d2h3m4s5ms", 93784.005)),
        ):
            self.assertAlmostEqual(arguments.seconds_of(text), seconds)
        for text in ("", "s", "1h30", "30m1h", "1h1h", "1e3", "-1", "inf", "nan", "1,5s", "1h30min",
                     "1" * 40, "1" * 40 + "!", "\u0663s"):  # fmt: skip
            self.assertIsNone(arguments.seconds_of(text), text)

    def test_nobody_listens_on_a_free_port(self):
        port = foreign_server.free_port()
        self.assertFalse(foreign_server.listens(os.getpid(), port))


if __name__ == "__main__":
    unittest.main()
