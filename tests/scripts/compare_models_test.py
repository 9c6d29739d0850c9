#!/usr/bin/python3
"""What scripts/compare-models plans, reads out of documents, and writes into its tables."""

import os
import pathlib
import sys
import tempfile
import types
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
import compare_caption  # noqa: E402
import compare_figures  # noqa: E402
import compare_plan  # noqa: E402
import compare_results  # noqa: E402
import compare_runs  # noqa: E402
import compare_table  # noqa: E402
import demo_table  # noqa: E402

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

    def test_cells_stand_in_the_order_of_the_tables(self):
        self.assertEqual(self.CELLS[0], compare_plan.Cell("a:x", "stream", 10))
        self.assertEqual(self.CELLS[1], compare_plan.Cell("a:y", "stream", 10))
        self.assertEqual(self.CELLS[-1], compare_plan.Cell("b:z", "churn", 100))

    def test_forecast_is_a_cells_own_time_once_it_has_run(self):
        forecast = compare_plan.Forecast(window=2)
        guess = forecast.of(cell_of(10))
        forecast.saw(cell_of(10), 2 * guess)
        self.assertAlmostEqual(forecast.of(cell_of(10)), 2 * guess)
        self.assertAlmostEqual(forecast.of(cell_of(10, "churn")), 2 * guess)  # all are slower here
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
    def test_are_the_documents_own_where_nobody_waited(self):
        echo = histogram([(MS, 99)], percentiles={"50": MS, "99": None}, at_least=["50"])
        document = client_document(echo=echo)
        self.assertEqual(compare_figures.percentile(document, 50), (MS, True))
        self.assertIsNone(compare_figures.percentile(document, 99))

    def test_count_those_who_waited_from_the_warm_up_on(self):
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

    def test_bins_are_told_as_their_middles(self):
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

    def test_pool_says_how_many_it_serves_and_what_the_others_failed_of(self):
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
        self.assertNotIn("queue p99", line)  # it ended when the client gave up
        self.assertNotIn("resident B", line)  # those that wait cost the server nothing
        self.assertEqual(line["server us"], "(4.0)")  # of the eight, not of all

    def test_queue_wait_is_told_where_all_had_their_turn(self):
        cell, waits = cell_of(mode="churn"), histogram(percentiles={"99": 5 * MS})
        run = run_of(cell, client_document(), server_document(8, queue_wait=waits), limited_to=8)
        self.assertEqual(line_of(cell, [run], at_once=8)["queue p99"], "5 ms")

    def test_percentile_that_one_round_lacks_is_not_told(self):
        slow = histogram([(180 * MS, 500)], percentiles={"50": 180 * MS, "99": None})
        runs = [
            run_of(cell_of(), client_document(echo=echo), server_document())
            for echo in (slow, None)
        ]
        self.assertNotIn("p99", line_of(cell_of(), runs, rounds=2))

    def test_pool_that_serves_fewer_than_it_says_is_not_explained(self):
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

    def test_what_no_server_accounts_for_is_named(self):
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

    def test_crash_is_told_and_stays_out_of_the_medians(self):
        cell = cell_of()
        dear = client_document(5, 10, server_ns_per_echo=9 * MS)
        crashed = run_of(cell, dear, None, 2, failure="server ended with -11")
        good = run_of(cell, client_document(), server_document())
        line = line_of(cell, [good, crashed], rounds=2)
        self.assertEqual((line["served"], line["server us"]), ("10/10", "4.0"))
        self.assertEqual(line["note"], "FAILED: server ended with -11 (1 of 2 rounds)")
        self.assertEqual(crashed.figures["served"], 5)  # kept all the same

    def test_client_that_ends_otherwise_than_it_should_is_a_failure(self):
        for code, client in ((5, client_document()), (None, None), (0, None), (-11, None)):
            run = run_of(cell_of(), client, server_document(), client_exit=code)
            self.assertEqual(run.outcome, "failed", code)

    def test_tell_rounds_that_are_missing(self):
        run = run_of(cell_of(), client_document(), server_document())
        self.assertEqual(line_of(cell_of(), [run], rounds=3)["note"], "1 of 3 rounds")
        self.assertIn("NOT REACHED", line_of(cell_of(), [], rounds=3)["note"])

    def test_failures_of_several_rounds_are_a_range(self):
        runs = [
            run_of(cell_of(), client_document(failed=failed), server_document())
            for failed in ({"timeout": 1200}, {}, {"timeout": 7})
        ]
        self.assertIn("failed: timeout 0 to 1,200", line_of(cell_of(), runs, rounds=3)["note"])

    def test_memory_is_told_where_it_is_the_connections(self):
        both = ["resident B", "kernel B"]
        for connections, wanted in ((10, []), (100, both[:1]), (1000, both)):
            cell = cell_of(connections)
            document = client_document(connections, connections)
            line = line_of(cell, [run_of(cell, document, server_document())])
            self.assertEqual([name for name in both if name in line], wanted)

    def test_dropped_connects_are_a_servers_where_its_own_were_slow(self):
        for slow, wanted in ((0, ""), (7, "accept queue overflowed: 12 SYNs dropped")):
            document = client_document()
            document["connections"]["slow"] = slow
            document["kernel"]["listen_drops"] = 12
            line = line_of(cell_of(), [run_of(cell_of(), document, server_document())])
            self.assertEqual(line["note"], wanted)

    def test_client_that_was_the_limit_is_named(self):
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

    def test_verdict_follows_what_is_not_explained(self):
        self.assertEqual(comparison_of(self.runs(10)).verdict(), 0)
        self.assertEqual(comparison_of(refusal="refused").verdict(), 0)
        self.assertEqual(comparison_of(failure="server ended with 7").verdict(), 1)
        self.assertEqual(comparison_of().verdict(), 1)  # not reached
        crashed = run_of(cell_of(), None, None, failure="server ended with -11")
        self.assertEqual(comparison_of([*self.runs(10), crashed]).verdict(), 1)
        short = run_of(cell_of(), client_document(9, 10, {"mismatch": 1}), server_document())
        self.assertEqual(comparison_of([short]).verdict(), 1)
        self.assertIn("mismatch 1", comparison_of([short]).problems()[0])

    def test_caption_says_what_the_figures_are(self):
        caption = "\n".join(compare_caption.caption_of(comparison_of(self.runs(10)), ""))
        for words in ("Medians of 2 rounds", "seed 7", "Nobody was pinned", "Single runs swing"):
            self.assertIn(words, caption)
        pinned = comparison_of(self.runs(10))
        pinned.cpus = (0, 1)
        caption = "\n".join(compare_caption.caption_of(pinned, ""))
        self.assertIn("Pinned: the server to CPU 0", caption)

    def test_tables_replace_what_is_between_the_markers_and_nothing_else(self):
        markers = ("<!-- compare-models -->", "<!-- /compare-models -->")
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(f"before\n{markers[0]}\nold\n{markers[1]}\nafter\n")
            demo_table.put_into(page, "| new |", markers)
            wanted = f"before\n{markers[0]}\n| new |\n{markers[1]}\nafter\n"
            self.assertEqual(page.read_text(), wanted)
            page.write_text("no markers\n")
            with self.assertRaises(SystemExit):
                demo_table.put_into(page, "| new |", markers)

    def test_markdown_keeps_its_columns_whatever_a_note_says(self):
        lines = compare_table.as_markdown([["model", "note"], ["a", "b | c"]]).splitlines()
        self.assertEqual(lines, ["| model | note |", "|---|---|", "| a | b \\| c |"])


if __name__ == "__main__":
    unittest.main()
