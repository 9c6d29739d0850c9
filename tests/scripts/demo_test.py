#!/usr/bin/python3
"""What scripts/demo concludes from figures and puts into a page: the answer's sentences hold
whatever the figures are."""

import contextlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
import demo_answer  # noqa: E402
import demo_command  # noqa: E402
import demo_figures  # noqa: E402
import demo_limits  # noqa: E402

THREADS, LOOP = "thread-per-connection", "callbacks"
MS = 1_000_000
LATENCIES = ("echo_p50", "echo_p99", "echo_max")
PAGE = """\
above
<!-- answer -->
stale
<!-- /answer -->
between
<!-- demo -->
stale
<!-- /demo -->
below
"""


def limit(name, bites_at, lift=None):
    return {"name": name, "source": f"/proc/{name}", "bites_at": bites_at, "lift": lift}


def figures(**changed):
    found = {f"{name}_ns": 2 * MS for name in LATENCIES}
    found |= {f"{name}_is_lower_bound": False for name in LATENCIES}
    for run in ("burst", "paced"):
        found |= {f"cpu_per_echo_{run}_ns": 50_000, f"cpu_per_echo_{run}_includes_softirq": True}
        found |= {f"served_{run}": 10_000}
    found |= {"establish_ns": 200 * MS, "exit_burst": 0, "exit_paced": 0, "exit_server": 0}
    found |= {"resident_bytes_per_connection": 2000, "kernel_bytes_per_connection": 8000}
    found |= {"free_memory_bytes_per_connection": 10_000, "limits": [limit("files", 20_001)]}
    return {**found, **changed}


def answer(threads=None, loop=None, **changed):
    found = {
        "schema": demo_figures.SCHEMA,
        "date": "2026-11-26",
        "kernel": "Linux 6.18",
        "processors": 2,
        "processor": "a processor",
        "memory_bytes": 8 * 2**30,
        "available_memory_bytes": 1_234_567_890,
        "connections_wanted": 10_000,
        "connections": 10_000,
        "paced_echoes_per_s": 5000,
        "limits_lifted_for": 100_000,
        "models": {THREADS: figures(**threads or {}), LOOP: figures(**loop or {})},
        "notes": [],
    }
    return {**found, **changed}


def text_of(found):
    return " ".join(line for part in demo_answer.paragraphs(found) for line in part)


class Answer(unittest.TestCase):
    def claim(self, found, *, says=(), omits=()):
        text = text_of(found)
        for words in says:
            self.assertIn(words, text)
        for words in omits:
            self.assertNotIn(words, text)
        self.assertNotIn("None", text)
        self.assertNotIn("..", text)
        self.assertNotIn("  ", text)

    def test_both_that_serve_all_are_a_yes(self):
        self.claim(answer(), says=["Yes: a thread per connection serves 10,000 concurrent"])

    def test_fewer_connections_than_wanted_are_said(self):
        served = {"served_burst": 4800, "served_paced": 4800}
        found = answer(served, served, connections=4800)
        self.claim(found, says=["serves 4,800 concurrent", "10,000 do not fit on this machine"])

    def test_whoever_did_not_serve_all_is_named_and_no_cost_is_compared(self):
        short = {"served_burst": 8123, "exit_burst": 1}
        threads_short, loop_short = "A thread per connection did not", "An event loop did not"
        loop_whole, failed = "An event loop serves 10,000", "but a program failed"
        in_numbers = "of 10,000 connections: 8,123 in the burst, 10,000 paced."
        table = [
            (answer(short), threads_short, in_numbers, loop_whole),
            (answer(None, short), loop_short, in_numbers, "A thread per connection serves 10,000"),
            (answer({"served_burst": None}), "no result in the burst, 10,000 paced", loop_whole),
            (answer({"exit_server": 1}), "served all of 10,000 connections", failed, loop_whole),
            (answer({"exit_paced": None}), failed, loop_whole),
            (answer(short, short), threads_short, loop_short),
        ]
        for found, *says in table:
            self.claim(found, says=[*says, "costs are not compared"], omits=["Yes", "times the"])

    def test_costs_are_ratios_of_the_threads_to_the_loop(self):
        table = [
            # p99 of the threads, of the loop, the clause
            (16 * MS, 2 * MS, "8 times the p99 (16 ms against 2 ms at 5,000 echoes/s)"),
            (3 * MS, 2 * MS, "1.5 times the p99"),
            (MS, 2 * MS, "0.5 times the p99"),
            (2300 * MS, 2 * MS, "1,150 times the p99"),
            (19.99 * MS, 2 * MS, "10 times the p99"),
            (199.9 * MS, 2 * MS, "100 times the p99"),
            (2.3 * MS, 2 * MS, "about the same p99 (2.3 ms against 2 ms"),
            (1.7 * MS, 2 * MS, "about the same p99"),
            (2.4 * MS, 2 * MS, "1.2 times the p99"),
            (2000, 2000 * MS, "less than 0.01 times the p99"),
        ]
        for mine, other, clause in table:
            found = answer({"echo_p99_ns": mine}, {"echo_p99_ns": other})
            says = ["Compared with the event loop it costs", clause]
            self.claim(found, says=says, omits=["Not comparable"])

    def test_lower_bounds_stay_bounds(self):
        bound = {"echo_p99_is_lower_bound": True}
        mine, other = {"echo_p99_ns": 20 * MS}, {"echo_p99_ns": 2 * MS}
        least, most = answer({**mine, **bound}, other), answer(mine, {**other, **bound})
        self.claim(least, says=["at least 10 times the p99 (>= 20 ms against 2 ms"])
        self.claim(most, says=["at most 10 times the p99 (20 ms against >= 2 ms"])
        self.claim(answer(bound), says=["at least 1 times the p99"], omits=["about the same p99"])
        self.claim(answer(bound, bound), says=["Not comparable here: p99 (>= 2 ms against >= 2 ms"])

    def test_a_missing_figure_is_no_comparison(self):
        nothing = {"echo_p99_ns": None, "cpu_per_echo_paced_ns": None}
        cpu, p99 = "CPU per echo (- against 50 us)", "p99 (- against 2 ms at 5,000 echoes/s)"
        self.claim(answer(nothing), says=[f"Not comparable here: {cpu} and {p99}."])
        nothing |= {"free_memory_bytes_per_connection": None, "kernel_bytes_per_connection": None}
        self.claim(answer(nothing), says=["Not comparable here"], omits=["it costs", "would hold"])
        self.claim(answer(None, {"echo_p99_ns": 0}), says=["Not comparable here: p99"])

    def test_cpu_is_compared_only_between_sums_of_the_same_parts(self):
        unseen = {"cpu_per_echo_paced_includes_softirq": False}
        self.claim(answer(unseen), says=["Not comparable here: CPU per echo"])
        self.claim(answer(unseen, unseen), says=["(50 us against 50 us, without softirq threads)"])

    def test_memory_that_free_memory_does_not_show_is_the_sum_of_its_parts(self):
        unknown = {"free_memory_bytes_per_connection": None}
        found = answer({**unknown, "resident_bytes_per_connection": 12_000})
        says = ["2 times the memory per connection (20,000 B against 10,000 B, resident"]
        self.claim(found, says=says, omits=["would hold"])

    def test_the_first_limit_and_the_next_end_it(self):
        mine = [limit("files", 20_001, "ulimit -n 100016"), limit("pids", 32_369)]
        first = "20,000 such connections (computed, not run): the first limit is files (/proc/files)"
        same = "The event loop has the same first limit"
        none = "limits finds no limit that ends it"
        no_other = "limits finds none that ends the event loop."
        table = [
            (mine, mine[:1], f"{first}, the next is pids (/proc/pids) at 32,368. {same}."),
            (mine[:1], mine[:1], f"{first}. {same}."),
            (mine, [limit("files", 10_001)], "first limit is files (/proc/files) at 10,000."),
            (mine[:1], [mine[0], limit("b", 90_001)], f"{first}. {same}."),
            (mine, [], first, no_other),
            ([], [], none),
            (None, None, "The limits of this machine were not read."),
            (mine, None, first),
        ]
        for threads, loop, *says in table:
            self.claim(answer({"limits": threads}, {"limits": loop}), says=says)

    def test_memory_would_hold_what_it_is_divided_into(self):
        each = "free_memory_bytes_per_connection"
        held = "The machine's 1.1 GiB of available memory would hold 123,000 connections with a thread each"
        self.claim(answer(None, {each: 1000}), says=[f"{held} or 1,230,000 of the event loop's."])
        self.claim(answer(None, {each: None}), says=[f"{held}."])
        for found in (answer({each: None}), answer(available_memory_bytes=None)):
            self.claim(found, omits=["would hold"])


class Limits(unittest.TestCase):
    def rows(self, *limits):
        path = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory())) / "limits.json"
        path.write_text(json.dumps({"limits": [{**row, "have": 7} for row in limits]}))
        return path

    def test_what_fits_is_below_every_limit_and_round(self):
        ample, short = self.rows(limit("files", 20_001)), self.rows(limit("pids", 5001, "sysctl"))
        self.assertEqual(demo_limits.fit(10_000, [ample]), 10_000)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            self.assertEqual(demo_limits.fit(10_000, [ample, short]), 4900)
        self.assertIn("pids (/proc/pids) bites at 5,001; to lift it: sysctl", said.getvalue())

    def test_the_lowest_limits_come_first_and_those_that_never_bite_not_at_all(self):
        biting = [limit(name, at) for name, at in (("b", 200), ("a", 100), ("c", 300), ("d", 400))]
        rows = demo_limits.rows_of(self.rows(limit("never", None), *biting))
        self.assertEqual([row["name"] for row in demo_limits.lowest(rows)], ["a", "b", "c"])
        self.assertEqual(demo_limits.lowest([]), [])

    def test_a_missing_document_is_none(self):
        self.assertIsNone(demo_limits.lowest(demo_limits.rows_of(pathlib.Path("/none"))))
        self.assertIsNone(demo_limits.available_memory(None))

    def test_available_memory_is_that_of_the_kernel(self):
        rows = [{**limit("memory", 5), "source": "/proc/meminfo MemAvailable", "have": 4096}]
        self.assertEqual(demo_limits.available_memory(rows), 4096)


class Figures(unittest.TestCase):
    def test_a_folder_without_documents_gives_figures_that_are_null(self):
        with tempfile.TemporaryDirectory() as folder:
            runs = [demo_figures.Runs(pathlib.Path(folder), model) for model in (THREADS, LOOP)]
            found = demo_figures.answer_of(runs, 10_000, 100_000)
            self.assertTrue(runs[0].problems)
        for key, value in found["models"][THREADS].items():
            self.assertIn(value, (None, False, True), key)
        self.assertIn("did not serve all", text_of(found))
        self.assertIn("| - | - |", demo_command.table_block(found))

    def test_documents_become_figures(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            run = {
                "environment": {"time": "2026-11-26T10:00:00Z", "kernel": "Linux 6.18", "cpus": 2},
                "options": {"rate": "5000"},
                "connections": {"served": 100, "requested": 100, "established": 100, "total": 100},
                "phases": {"ramp": {"ns": 7}},
                "latency": {"echo": {"percentiles": {"50": 1, "99": 2}, "at_least": [99], "max": 3}},
                "cpu": {"client_ns_per_echo": 4, "server_ns_per_echo": 5},
                "memory": {
                    "server": {"per_connection": 10},
                    "machine": {"per_connection": 20, "total": 99 * 40},
                },
                "warnings": ["late"],
            }
            for part in ("burst", "paced"):
                (folder / f"{THREADS}.{part}.json").write_text(json.dumps(run))
            for part in demo_figures.PARTS:
                (folder / f"{THREADS}.{part}.exit").write_text("0\n")
            server = {"connections": {"accepted": 200, "open_at_stop": 0}}
            (folder / f"{THREADS}.server.json").write_text(json.dumps(server))
            runs = demo_figures.Runs(folder, THREADS)
            self.assertEqual(runs.problems, [])
            found = demo_figures.answer_of([runs], 100, 1000)
        mine = found["models"][THREADS]
        self.assertEqual((found["date"], found["paced_echoes_per_s"]), ("2026-11-26", 5000))
        self.assertEqual(found["notes"], [f"{THREADS}, burst: late", f"{THREADS}, paced: late"])
        self.assertEqual((mine["echo_p99_ns"], mine["echo_p99_is_lower_bound"]), (2, True))
        self.assertEqual((mine["cpu_per_echo_paced_ns"], mine["establish_ns"]), (9, 7))
        self.assertFalse(mine["cpu_per_echo_paced_includes_softirq"])
        self.assertEqual(mine["free_memory_bytes_per_connection"], 40)

    def test_free_memory_below_its_parts_is_unknown(self):
        machine = {"per_connection": 20, "total": 40 * 99}
        memory = {"server": {"per_connection": 30}, "machine": machine}
        run = {"connections": {"established": 100}, "memory": memory}
        self.assertIsNone(demo_figures.free_memory_lost(run))


class Page(unittest.TestCase):
    def page(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        path = pathlib.Path(folder.name) / "page.md"
        path.write_text(PAGE)
        return path

    def test_both_blocks_are_replaced_and_nothing_else(self):
        page = self.page()
        demo_command.put_into(page, answer())
        text = page.read_text()
        self.assertTrue(text.startswith("above\n<!-- answer -->\nYes: "))
        self.assertIn("\n<!-- /answer -->\nbetween\n<!-- demo -->\n| model |", text)
        self.assertTrue(text.endswith("\n<!-- /demo -->\nbelow\n"))
        self.assertNotIn("stale", text)
        demo_command.put_into(page, answer())
        self.assertEqual(page.read_text(), text)

    def test_a_few_notes_stand_below_the_table(self):
        table = [
            (["one"], ".\n\n- one"),
            (["one", "two", "three"], "- one\n- two\n- three"),
            (list("abcde"), "- a\n- b\n- c\n- 2 more notes are in answer.json"),
        ]
        for notes, end in table:
            self.assertTrue(demo_command.table_block(answer(notes=notes)).endswith(end), notes)

    def test_lines_are_no_longer_than_a_page_is_wide(self):
        long = limit("files", 20_001, "ulimit -n 100016 before this container or session starts")
        for line in demo_command.answer_block(answer({"limits": [long]})).splitlines():
            self.assertLessEqual(len(line), demo_command.PAGE_WIDTH)

    def test_a_file_that_is_no_answer_is_refused(self):
        page = self.page()
        damaged = answer()
        del damaged["models"][LOOP]["echo_p99_ns"]
        for text in ("{}", "no JSON", json.dumps({"schema": "other/1"}), json.dumps(damaged)):
            page.write_text(text)
            with self.assertRaises(demo_command.NoAnswer):
                demo_command.read_answer(page)

    def test_an_answer_that_was_written_is_read_again(self):
        page = self.page()
        demo_command.write_answer(page, answer())
        self.assertEqual(demo_command.read_answer(page), answer())

    def demo(self, *arguments):
        command = [SOURCE / "scripts" / "demo", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    def test_demo_from_a_file_runs_nothing_and_fills_the_page(self):
        page, kept = self.page(), self.page()
        demo_command.write_answer(kept, answer())
        done = self.demo("--from", str(kept), "--into", str(page))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Answer\n  Yes: a thread per connection serves", done.stdout)
        self.assertIn("| served, burst + paced | 10,000 + 10,000 |", page.read_text())

    def test_demo_refuses_a_page_without_both_blocks_before_it_runs(self):
        page = self.page()
        page.write_text(PAGE.replace("<!-- /answer -->\n", ""))
        done = self.demo("--into", str(page))
        self.assertEqual(done.returncode, 2)
        self.assertIn("<!-- /answer -->", done.stderr)


if __name__ == "__main__":
    unittest.main()
