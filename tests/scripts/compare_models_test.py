#!/usr/bin/python3
"""What scripts/compare-models plans, reads from documents, and writes as tables, file and folder.

The tables that are committed are generated anew here and compared byte for byte.
"""

import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import types
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
import compare_caption  # noqa: E402
import compare_choice  # noqa: E402
import compare_figures  # noqa: E402
import compare_folder  # noqa: E402
import compare_plan  # noqa: E402
import compare_results  # noqa: E402
import compare_runs  # noqa: E402
import compare_short  # noqa: E402
import compare_table  # noqa: E402
import demo_table  # noqa: E402
import outputs  # noqa: E402
from experiment import atomic, folder  # noqa: E402

MS = 1_000_000


def histogram(bins=(), censored=0, lowest_censored=None, percentiles=None, at_least=()):
    found = {"count": sum(n for _, n in bins), "censored": censored, "bins": list(bins)}
    found |= {"percentiles": percentiles or {}, "at_least": list(at_least)}
    return found | {"lowest_censored": lowest_censored}


def client_document(served=10, requested=10, failed=None, echo=None, warm_up=None, **cpu):
    connections = {"served": served, "requested": requested, "max_concurrent": requested}
    shares = {"client_ns_per_echo": 6000, "server_ns_per_echo": 4000, "softirq_ns_per_echo": None}
    percentiles = {"50": MS, "99": 3 * MS}
    return {
        "connections": {**connections, "failed": failed or {}},
        "throughput": {"echoes_per_s": 50_000},
        "cpu": {**shares, "client_busiest_thread": 0.5, "steal": 0.0, **cpu},
        "latency": {
            "echo": echo or histogram([(MS, 2000)], percentiles=percentiles),
            "connect": histogram(percentiles={"99": None}),
        },
        "phases": {"warm_up": {"echo": warm_up or histogram()}},
        "memory": {"server": {"per_connection": 1700}, "machine": {"per_connection": 7900}},
        "kernel": {"listen_drops": 0},
        "warnings": [],
    }


def server_document(at_once=None, shed=None, cv=None, queue_wait=None):
    return {
        "connections": {"at_once": at_once, "shed": shed or {}},
        "balance": {"cpu": cv and {"cv": cv}, "connections": None},
        "queue_wait": queue_wait,
        "replaced": 0,
    }


def run_of(cell, client, server, number=1, limited_to=None, failure=None, client_exit=0):
    run = compare_runs.Run(cell.model, cell.mode, cell.connections, number, "failed")
    run.limited_to, run.client_exit = limited_to, client_exit
    compare_runs.judge(run, client, server, failure, "the client's own line")
    return run


def cell_of(connections=10, mode="stream", model="echo_threads:some"):
    return compare_plan.Cell(model, mode, connections)


def line_of(cell, runs, rounds=1, **traits):
    """The row of a cell, by column."""
    traits = {cell.model: compare_runs.Traits(**traits)}
    heading, line = compare_table.table(cell.mode, [cell], {cell: runs}, traits, rounds)
    return dict(zip(heading, line))


class Plan(unittest.TestCase):
    CELLS = compare_plan.cells_of(["a:x", "a:y", "b:z"], ["stream", "churn"], [10, 100])

    def test_each_round_has_every_cell_once(self):
        self.assertEqual(len(set(self.CELLS)), 12)
        for number in (1, 2, 3):
            order = compare_plan.round_of(self.CELLS, 7, number)
            self.assertCountEqual(order, self.CELLS)

    def test_orders_follow_from_the_seed_and_differ_between_rounds(self):
        orders = [compare_plan.round_of(self.CELLS, 7, number) for number in (1, 2)]
        self.assertEqual(orders[0], compare_plan.round_of(self.CELLS, 7, 1))
        self.assertNotEqual(orders[0], orders[1])
        self.assertNotEqual(orders[0], compare_plan.round_of(self.CELLS, 8, 1))

    def test_cells_are_in_the_order_of_the_tables(self):
        self.assertEqual(self.CELLS[0], compare_plan.Cell("a:x", "stream", 10))
        self.assertEqual(self.CELLS[1], compare_plan.Cell("a:y", "stream", 10))
        self.assertEqual(self.CELLS[-1], compare_plan.Cell("b:z", "churn", 100))

    def test_forecast_is_the_time_of_a_cell_once_it_has_run(self):
        forecast = compare_plan.Forecast(window=2)
        guess = forecast.of(cell_of(10))
        forecast.saw(cell_of(10), 2 * guess)
        self.assertAlmostEqual(forecast.of(cell_of(10)), 2 * guess)
        self.assertAlmostEqual(forecast.of(cell_of(10, "churn")), 2 * guess)  # guesses were low
        forecast.saw(cell_of(10), guess)
        self.assertAlmostEqual(forecast.of(cell_of(10)), 2 * guess)  # the longest counts

    def test_reads_counts_and_durations(self):
        for text, number in (("10", 10), ("10k", 10_000), ("1M", 1_000_000)):
            self.assertEqual(compare_plan.count(text), number)
        for text, number in (("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400)):
            self.assertEqual(compare_plan.seconds(text), number)
        for convert, text in (
            *((compare_plan.count, text) for text in ("0", "-1", "9E", "1.5k", "")),
            *((compare_plan.seconds, text) for text in ("0", "-1", "5 parsecs", "m")),
        ):
            with self.assertRaises(ValueError, msg=text):
                convert(text)

    def test_writes_durations(self):
        for seconds, text in ((44.6, "45 s"), (200, "3 min 20 s"), (3900, "1 h 05 min")):
            self.assertEqual(compare_plan.duration_text(seconds), text)


class Percentiles(unittest.TestCase):
    def test_are_those_of_the_document_where_no_message_waited(self):
        echo = histogram([(MS, 99)], percentiles={"50": MS, "99": None}, at_least=["50"])
        document = client_document(echo=echo)
        self.assertEqual(compare_figures.percentile(document, 50), (MS, True))
        self.assertIsNone(compare_figures.percentile(document, 99))

    def test_count_messages_that_waited_from_the_warm_up_on(self):
        echo = histogram([(MS, 900)], percentiles={"50": MS, "99": MS})
        waited = histogram([(3000 * MS, 100)], censored=100, lowest_censored=3000 * MS)
        document = client_document(echo=echo, warm_up=waited)
        ns, is_bound = compare_figures.percentile(document, 50)
        self.assertEqual((ns, is_bound), (compare_figures.middle(MS), False))
        self.assertEqual(compare_figures.percentile(document, 99), (3000 * MS, True))

    def test_need_ten_samples_above(self):
        waited = histogram([(3000 * MS, 9)], censored=9, lowest_censored=3000 * MS)
        few = client_document(echo=histogram([(MS, 9)]), warm_up=waited)
        self.assertIsNone(compare_figures.percentile(few, 50))

    def test_bins_are_reported_as_their_middles(self):
        for lower, middle in ((5, 5), (127, 127), (256, 257), (1024, 1028), (131072, 131584)):
            self.assertEqual(compare_figures.middle(lower), middle)

    def test_median_of_latencies_is_a_bound_where_the_middle_one_is(self):
        one, two, bound = (MS, False), (2 * MS, False), (9 * MS, True)
        self.assertEqual(compare_table.median([bound, one, two]), two)
        self.assertEqual(compare_table.median([bound, None, bound, one]), bound)
        self.assertEqual(compare_table.median([one, bound]), bound)  # never averaged
        self.assertEqual(compare_table.median([two, one]), two)
        self.assertIsNone(compare_table.median([None]))


class Rows(unittest.TestCase):
    def test_show_medians_over_the_rounds(self):
        cell = cell_of()
        runs = [
            run_of(cell, client_document(server_ns_per_echo=ns), server_document(), number)
            for number, ns in enumerate((4000, 90_000, 5000), 1)
        ]
        line = line_of(cell, runs, rounds=3)
        self.assertEqual(line["served"], "10/10")
        self.assertEqual(line["server us"], "5.0")
        self.assertEqual(line["both us"], "11.0")
        self.assertEqual((line["p50"], line["p99"], line["note"]), ("1 ms", "3 ms", ""))

    def test_pool_reports_how_many_it_serves_and_why_the_others_failed(self):
        cell = cell_of(10_000)
        client = client_document(
            8, 10_000, {"timeout": 9992}, warm_up=histogram([(4000 * MS, 9992)], 9992, 4000 * MS)
        )
        waits = histogram(percentiles={"99": 5 * MS})
        run = run_of(cell, client, server_document(8, cv=0.04, queue_wait=waits), limited_to=8)
        self.assertEqual((run.outcome, run.unexplained), ("measured", {}))
        line = line_of(cell, [run], at_once=8, workers=8)
        self.assertEqual(line["served"], "8/10,000")
        self.assertEqual(line["note"], "serves 8 at once; failed: timeout 9,992")
        self.assertEqual((line["p50"], line["p99"]), (">= 4 s", ">= 4 s"))
        self.assertEqual(line["balance"], "0.04")
        self.assertNotIn("queue p99", line)  # the wait ended when the client gave up
        self.assertNotIn("resident B", line)  # connections that wait take no memory of the server
        self.assertEqual(line["server us"], "(4.0)")  # of the eight, not of all

    def test_queue_wait_is_shown_where_all_were_served(self):
        cell, waits = cell_of(mode="churn"), histogram(percentiles={"99": 5 * MS})
        run = run_of(cell, client_document(), server_document(8, queue_wait=waits), limited_to=8)
        self.assertEqual(line_of(cell, [run], at_once=8)["queue p99"], "5 ms")

    def test_percentile_that_one_round_lacks_is_not_shown(self):
        slow = histogram([(180 * MS, 500)], percentiles={"50": 180 * MS, "99": None})
        runs = [
            run_of(cell_of(), client_document(echo=echo), server_document())
            for echo in (slow, None)
        ]
        self.assertNotIn("p99", line_of(cell_of(), runs, rounds=2))

    def test_pool_that_serves_fewer_than_it_reports_is_not_explained(self):
        client = client_document(3, 10, {"timeout": 7})
        run = run_of(cell_of(), client, server_document(8), limited_to=8)
        self.assertEqual(run.unexplained, {"not_served": 5})

    def test_shed_connections_are_explained_by_the_server(self):
        client = client_document(1000, 10_000, {"closed_early": 8990, "reset": 10})
        run = run_of(cell_of(10_000), client, server_document(shed={"fd_setsize": 9000}))
        self.assertEqual(run.unexplained, {})
        line = line_of(cell_of(10_000), [run])
        self.assertEqual(
            line["note"], "server shed: fd_setsize 9,000; failed: closed_early 8,990, reset 10"
        )

    def test_failures_that_no_server_accounts_for_are_named(self):
        for failed, shed in (
            ({"mismatch": 1}, {}),
            ({"reset": 9}, {"threads": 8}),
            ({"timeout": 2}, {}),
        ):
            run = run_of(cell_of(), client_document(9, 10, failed), server_document(shed=shed))
            self.assertEqual(run.unexplained, failed)
            self.assertIn("UNEXPLAINED: ", line_of(cell_of(), [run])["note"])

    def test_refusal_is_the_servers_own_line(self):
        line = line_of(cell_of(), [], refusal="the kernel refuses io_uring")
        self.assertEqual(line["served"], "-")
        self.assertEqual(line["note"], "REFUSED: the kernel refuses io_uring")
        self.assertEqual(list(line), ["model", "served", "note"])  # no column of dashes

    def test_refusal_of_the_client_is_its_line(self):
        run = run_of(cell_of(), None, server_document(), client_exit=3)
        self.assertEqual((run.outcome, run.why), ("refused", "the client's own line"))

    def test_crash_is_shown_and_is_not_in_the_medians(self):
        cell = cell_of()
        dear = client_document(5, 10, server_ns_per_echo=9 * MS)
        crashed = run_of(cell, dear, None, 2, failure="server ended with -11")
        good = run_of(cell, client_document(), server_document())
        line = line_of(cell, [good, crashed], rounds=2)
        self.assertEqual((line["served"], line["server us"]), ("10/10", "4.0"))
        self.assertEqual(line["note"], "FAILED: server ended with -11 (1 of 2 rounds)")
        self.assertEqual(crashed.figures["served"], 5)  # the figures of a failed run are kept

    def test_client_with_an_unexpected_end_is_a_failure(self):
        for code, client in ((5, client_document()), (None, None), (0, None), (-11, None)):
            run = run_of(cell_of(), client, server_document(), client_exit=code)
            self.assertEqual(run.outcome, "failed", code)

    def test_show_rounds_that_are_missing(self):
        run = run_of(cell_of(), client_document(), server_document())
        self.assertEqual(line_of(cell_of(), [run], rounds=3)["note"], "1 of 3 rounds")
        self.assertIn("NOT REACHED", line_of(cell_of(), [], rounds=3)["note"])

    def test_failures_of_several_rounds_are_a_range(self):
        runs = [
            run_of(cell_of(), client_document(failed=failed), server_document())
            for failed in ({"timeout": 1200}, {}, {"timeout": 7})
        ]
        self.assertIn("failed: timeout 0 to 1,200", line_of(cell_of(), runs, rounds=3)["note"])

    def test_memory_is_shown_where_the_connections_cause_it(self):
        both = ["resident B", "kernel B"]
        for connections, wanted in ((10, []), (100, both[:1]), (1000, both)):
            cell = cell_of(connections)
            document = client_document(connections, connections)
            line = line_of(cell, [run_of(cell, document, server_document())])
            self.assertEqual([name for name in both if name in line], wanted)

    def test_dropped_connects_are_shown_where_connects_were_slow(self):
        for slow, wanted in ((0, ""), (7, "accept queue overflowed: 12 SYNs dropped")):
            document = client_document()
            document["connections"]["slow"] = slow
            document["kernel"]["listen_drops"] = 12
            line = line_of(cell_of(), [run_of(cell_of(), document, server_document())])
            self.assertEqual(line["note"], wanted)

    def test_client_that_limited_the_rate_is_named(self):
        document = client_document(client_busiest_thread=0.99)
        line = line_of(cell_of(), [run_of(cell_of(), document, server_document())])
        self.assertEqual(line["note"], "client-bound")


def comparison_of(runs=(), **traits):
    options = types.SimpleNamespace(
        modes=["stream"], connections=[10], rounds=2, seconds=2.0, warm_up=0.5, seed=7, cpus=None
    )
    found = compare_results.Comparison.of(options, ["echo_threads:some"])
    found.traits = {"echo_threads:some": compare_runs.Traits(**traits)}
    found.runs = list(runs)
    return found


class Results(unittest.TestCase):
    def runs(self, *served):
        return [
            run_of(cell_of(), client_document(n, 10), server_document(), number)
            for number, n in enumerate(served, 1)
        ]

    def test_file_holds_every_run_and_gives_the_same_tables(self):
        comparison = comparison_of(self.runs(10, 10, 9))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "all.json"
            comparison.write(path)
            again = compare_results.Comparison.read(path)
            self.assertEqual([one.name for one in path.parent.iterdir()], ["all.json"])
        self.assertEqual(len(again.runs), 3)
        self.assertEqual(compare_table.tables(again), compare_table.tables(comparison))
        self.assertEqual(comparison.spread()[0]["figures"]["served"], [9, 10, 10])

    def test_verdict_follows_from_what_is_not_explained(self):
        self.assertEqual(comparison_of(self.runs(10)).verdict(), 0)
        self.assertEqual(comparison_of(refusal="refused").verdict(), 0)
        self.assertEqual(comparison_of(failure="server ended with 7").verdict(), 1)
        self.assertEqual(comparison_of().verdict(), 1)  # not reached
        crashed = run_of(cell_of(), None, None, failure="server ended with -11")
        self.assertEqual(comparison_of([*self.runs(10), crashed]).verdict(), 1)
        short = run_of(cell_of(), client_document(9, 10, {"mismatch": 1}), server_document())
        self.assertEqual(comparison_of([short]).verdict(), 1)
        self.assertIn("mismatch 1", comparison_of([short]).problems()[0])

    def test_caption_states_what_the_figures_are(self):
        caption = "\n".join(compare_caption.caption_of(comparison_of(self.runs(10)), ""))
        for words in ("Medians of 2 rounds", "seed 7", "Not pinned: ", "Single runs vary"):
            self.assertIn(words, caption)
        pinned = comparison_of(self.runs(10))
        pinned.cpus = (0, 1)
        caption = "\n".join(compare_caption.caption_of(pinned, ""))
        self.assertIn("Pinned: the server, with all its workers, to CPU 0", caption)

    def test_tables_replace_only_what_is_between_the_markers(self):
        markers = ("<!-- compare-models -->", "<!-- /compare-models -->")
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(f"before\n{markers[0]}\nold\n{markers[1]}\nafter\n")
            demo_table.put_into(page, "| new |", markers)
            wanted = f"before\n{markers[0]}\n| new |\n{markers[1]}\nafter\n"
            self.assertEqual(page.read_text(), wanted)
            page.write_text("no markers\n")
            with self.assertRaises(outputs.CannotWrite):
                demo_table.put_into(page, "| new |", markers)

    def test_markdown_keeps_its_columns_whatever_is_in_a_note(self):
        lines = compare_table.as_markdown([["model", "note"], ["a", "b | c"]]).splitlines()
        self.assertEqual(lines, ["| model | note |", "|---|---|", "| a | b \\| c |"])


def pair_of_models():
    """Two models in both modes; the first serves eight of 1,000."""
    models, modes = ["echo_threads:pool", "echo_async:loop"], ["stream", "churn"]
    options = types.SimpleNamespace(
        modes=modes, connections=[10, 1000], rounds=1, seconds=2.0, warm_up=0.5, seed=7, cpus=None
    )
    found = compare_results.Comparison.of(options, models)
    found.traits["echo_threads:pool"] = compare_runs.Traits(at_once=8, workers=8)
    waited = histogram([(4000 * MS, 992)], 992, 4000 * MS)
    for cell in found.cells:
        of_pool = cell.model == models[0] and cell.connections == 1000
        failed = {"timeout": 992} if of_pool else {}
        served = 8 if of_pool else cell.connections
        client = client_document(
            served, cell.connections, failed, warm_up=waited if of_pool else None
        )
        limited = 8 if of_pool else None
        found.runs.append(run_of(cell, client, server_document(), limited_to=limited))
    return found


class Folders(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.path = pathlib.Path(temporary.name) / "out"

    def test_folder_has_a_line_for_each_run_and_gives_the_same_comparison(self):
        comparison = pair_of_models()
        kept = compare_folder.Folder(self.path)
        kept.store(comparison)
        lines = (self.path / "runs.jsonl").read_text().splitlines()
        self.assertEqual([json.loads(line)["round"] for line in lines], [1] * 8)
        experiment = json.loads((self.path / "experiment.json").read_text())
        self.assertEqual(experiment["schema"], "echo-testbed-comparison/1")
        self.assertFalse({"runs", "spread"} & experiment.keys())
        again = compare_folder.read(self.path)
        self.assertEqual(compare_table.tables(again), compare_table.tables(comparison))
        as_file = self.path.parent / "all.json"
        again.write(as_file)
        from_file = compare_folder.read(as_file)
        self.assertEqual(from_file, again)
        self.assertEqual(len(json.loads(as_file.read_text())["spread"]), 8)

    def test_each_run_is_stored_once_even_after_a_broken_line(self):
        comparison = pair_of_models()
        all_runs, comparison.runs = comparison.runs, []
        kept = compare_folder.Folder(self.path)
        for run in all_runs:
            comparison.runs.append(run)
            kept.store(comparison)
            with open(self.path / "runs.jsonl", "a") as file:
                file.write('{"model": "ec')
            self.assertEqual(compare_folder.read(self.path).runs[-1].model, run.model)
        kept.store(comparison)
        lines = (self.path / "runs.jsonl").read_text().splitlines()
        self.assertEqual(len(lines), len(all_runs))

    def test_folder_that_is_not_empty_is_refused(self):
        kept = compare_folder.Folder(self.path)
        kept.store(pair_of_models())
        del kept  # and with it the claim
        before = (self.path / "experiment.json").read_bytes()
        with self.assertRaisesRegex(folder.Refused, "not empty"):
            compare_folder.Folder(self.path)
        self.assertEqual((self.path / "experiment.json").read_bytes(), before)

    def test_file_has_one_run_per_line(self):
        path = self.path.parent / "all.json"
        comparison = pair_of_models()
        comparison.write(path)
        lines = path.read_text().splitlines()
        runs = [line for line in lines if '"outcome": "measured"' in line]
        self.assertEqual(len(runs), 8)
        self.assertEqual(json.loads(runs[0].rstrip(","))["model"], "echo_threads:pool")
        self.assertLess(len(lines), 50)

    def test_pretty_printed_file_of_an_earlier_version_is_read(self):
        path = self.path.parent / "all.json"
        comparison = pair_of_models()
        document = {**comparison.document(), "spread": comparison.spread()}
        path.write_text(json.dumps(document, indent=1) + "\n")
        again = compare_folder.read(path)
        self.assertEqual(compare_table.tables(again), compare_table.tables(comparison))

    def test_text_of_a_document_is_the_document(self):
        wide = ["x" * 60, {"deep": ["y" * 60, {"deeper": [1, 2]}]}]
        for document in ({}, [], None, {"a": [], "b": {}}, {"a": wide, "b": 1}, [{"a": wide}]):
            self.assertEqual(json.loads(atomic.text_of(document)), document)
        self.assertEqual(
            atomic.text_of({"short": (1, 2), "long": wide}),
            '{\n "short": [1, 2],\n "long": [\n  "' + "x" * 60 + '",\n  '
            '{"deep": ["' + "y" * 60 + '", {"deeper": [1, 2]}]}\n ]\n}\n',
        )


class Parts(unittest.TestCase):
    def part(self, models=(), modes=(), connections=()):
        options = types.SimpleNamespace(
            models=models, modes=modes, connections=connections, earlier="all.json"
        )
        return compare_choice.part_of(pair_of_models(), options)

    def test_without_a_choice_all_is_shown(self):
        self.assertEqual(self.part(), pair_of_models())

    def test_models_modes_and_connections_choose_rows_and_their_runs(self):
        part = self.part(models=["loop"], modes=["churn"], connections=[1000])
        self.assertEqual(part.cells, [compare_plan.Cell("echo_async:loop", "churn", 1000)])
        self.assertEqual([run.connections for run in part.runs], [1000])
        self.assertEqual(list(part.traits), ["echo_async:loop"])
        caption = compare_caption.caption_of(part, "", 8)
        self.assertIn("; 1 of the 8 runs made in", caption[0])

    def test_what_the_comparison_has_not_is_refused(self):
        for wrong in ({"models": ["no-such"]}, {"connections": [100]}):
            with self.assertRaises(compare_choice.Usage):
                self.part(**wrong)

    def test_short_table_has_units_and_the_notes_below(self):
        part = self.part(modes=["stream"], connections=[1000])
        self.assertEqual(
            compare_short.tables(part, markdown=True).splitlines(),
            [
                "**stream, 1,000 connections**",
                "",
                "| model | served | echoes/s | CPU per echo, both ends | p50 | p99 "
                "| resident per connection |",
                "|---|---:|---:|---:|---:|---:|---:|",
                "| pool | 8/1,000 | (50,000) | (10.0 us) | (1 ms) | >= 4 s | - |",
                "| loop | 1,000/1,000 | 50,000 | 10.0 us | 1 ms | 3 ms | 1,700 B |",
                "",
                "pool: serves 8 at once; failed: timeout 992.",
            ],
        )
        caption = compare_short.caption_of(part, compare_short.tables(part))
        self.assertIn("Medians of 1 round, ", caption[0])
        self.assertIn("(): ", caption[1])

    def test_notes_that_several_models_have_are_one_sentence(self):
        notes = {"a": "client-bound", "b": "", "c": "client-bound", "d": "2 of 3 rounds"}
        self.assertEqual(
            compare_short.sentences_of(notes), ["a, c: client-bound.", "d: 2 of 3 rounds."]
        )


class Committed(unittest.TestCase):
    """The commands below `<!-- generated -->` in docs/results/README.md, and what they generate."""

    def commands(self):
        text = (SOURCE / "docs" / "results" / "README.md").read_text()
        block = re.search(r"^<!-- generated -->\n```sh\n(.*?)^```$", text, re.M | re.S)[1]
        return [shlex.split(line) for line in block.replace("\\\n", " ").splitlines()]

    def test_tables_are_those_of_the_committed_runs(self):
        compared = []
        for program, *arguments in self.commands():
            page = SOURCE / arguments[arguments.index("--into") + 1]
            marker = "<!-- compare-models: short -->" if "--short" in arguments else ""
            if marker not in page.read_text():
                continue  # the README need not have a table
            with tempfile.TemporaryDirectory() as temporary:
                copy = pathlib.Path(temporary) / "page.md"
                copy.write_bytes(page.read_bytes())
                arguments[arguments.index("--into") + 1] = str(copy)
                command = [sys.executable, SOURCE / program, *arguments]
                done = subprocess.run(command, cwd=SOURCE, capture_output=True, timeout=60)
                self.assertEqual(done.returncode, 0, done.stderr.decode())
                self.assertEqual(copy.read_text(), page.read_text(), f"{page}: generate it anew")
                compared.append(page.name)
        self.assertIn("tables.md", compared)


if __name__ == "__main__":
    unittest.main()
