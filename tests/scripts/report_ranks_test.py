#!/usr/bin/python3
"""scripts/report: the page of a merged document shows its ranks, what is missing, and the server that was watched."""

import contextlib
import html
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
sys.path.insert(0, str(SOURCE / "scripts"))
import bench_runs  # noqa: E402
import merged_document  # noqa: E402

PATIENCE = 50
HOSTILE = "<script>alert(1)</script>\"&'\u202e\x1b[31m"


def script(name, *words):
    return subprocess.run(
        [SOURCE / "scripts" / name, *map(str, words)], capture_output=True, text=True, timeout=PATIENCE
    )  # fmt: skip


def words_of(markup):
    """What a reader sees, with one space between two words."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).replace("\u00a0", " ").split())


class Page:
    def __init__(self, text):
        self.text = text
        self.title = words_of(re.search("<h1>.*?</h1>", text)[0])

    def section(self, name):
        """"" where the page has no such section."""
        found = re.search(f'<section id="{name}".*?</section>', self.text, re.DOTALL)
        return found[0] if found else ""

    def words(self, name):
        return words_of(self.section(name))

    def rows(self, name, caption):
        """The cells of the table whose caption begins so."""
        tables = re.findall("<table.*?</table>", self.section(name), re.DOTALL)
        (table,) = (one for one in tables if words_of(one).startswith(caption))
        body = table.partition("<tbody>")[2]
        rows = re.findall("<tr>(.*?)</tr>", body, re.DOTALL)
        return [[words_of(cell) for cell in re.findall("<t[hd].*?</t[hd]>", one, re.DOTALL)] for one in rows]


@unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed: scripts/setup report")
class Case(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)

    def kept(self, document, name="fleet.json"):
        path = self.folder / name
        path.write_text(json.dumps(document))
        return path

    def page(self, document):
        done = script("report", self.kept(document))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return Page((self.folder / "fleet.html").read_text())


class Ranks(Case):
    def test_the_made_up_document_has_the_form_of_the_schema(self):
        with contextlib.suppress(ImportError):
            from jsonschema import Draft202012Validator

            schema = json.loads((SOURCE / "docs/schema/client.json").read_text())
            document = merged_document.document()
            parts = {name: document[name] for name in ("ranks", "missing", "server", "environment")}
            wrong = [error.message for error in Draft202012Validator(schema).iter_errors(parts) if error.path]
            self.assertEqual(wrong, [])

    def test_each_has_its_share_its_latencies_its_cost_and_its_host(self):
        page = self.page(merged_document.document(missing=()))
        self.assertEqual(page.title, "Fleet of 3 ranks, stream, 300 connections")
        rows = page.rows("ranks", "Each rank's share of the load")
        first = ["h0", "0", "100 of 100", "8,000", "61.8", "1.00", "887", "31.9", "6.0 %", "4.47"]
        self.assertEqual((rows[0], [row[0] for row in rows]), (first, ["h0", "h1", "h2"]))
        self.assertNotIn("issing", page.words("ranks") + page.words("answer"))
        self.assertNotIn("result", page.words("ranks").partition("h0 0")[0].split(), "all passed")

    def test_when_each_began_is_said_on_one_clock_with_its_bound(self):
        page = self.page(merged_document.document(missing=()))
        rows = page.rows("ranks", "Each rank's clock")
        self.assertEqual(rows[2][2:4], ["+2,000.000000 s \u00b1 20.0 us", "+2,000.000003 s \u00b1 20.0 us"])
        self.assertEqual(rows[2][4:], ["298", "378", "3.00 us \u00b1 16.0 us"])
        self.assertEqual(rows[0][-1], "0 ns \u00b1 16.0 us")
        self.assertIn("within 3.00 us of each other, known to 32.0 us", page.words("ranks"))

    def test_what_is_not_known_is_a_dash(self):
        document = merged_document.document(missing=())
        unknown = ("p50_ns", "p99_ns", "lateness_p99_ns", "client_ns_per_echo", "client_busiest_thread", "resident",
                   "clock_before", "clock_after", "start_late_ns", "traffic_late_ns", "traffic_begun")  # fmt: skip
        document["ranks"][1] |= dict.fromkeys(unknown)
        page = self.page(document)
        self.assertEqual(page.rows("ranks", "Each rank's share")[1][4:], ["-"] * 6)
        self.assertEqual(page.rows("ranks", "Each rank's clock")[1][2:], ["-"] * 5)
        self.assertIn("; not known of 1 rank", page.words("ranks"))
        self.assertNotIn("resident memory of all clients", page.words("ranks"))

    def test_a_missing_rank_is_named_with_its_reason_where_nobody_overlooks_it(self):
        page = self.page(merged_document.document())
        self.assertIn("Rank 1 (h1) is missing: its connections are in no figure.", page.words("answer"))
        self.assertTrue(page.words("warnings").startswith(f"Warnings Rank 1 (h1) is missing: {merged_document.WHY}"))
        self.assertEqual(page.words("warnings").count("is missing"), 1)
        self.assertEqual(page.rows("ranks", "Missing: 1 of 3 ranks"), [["h1", "1", merged_document.WHY]])

    def test_that_a_client_was_the_bottleneck_is_not_lost(self):
        """The page of one client says so by its CPU time, which a merged document does not have."""
        told = self.page(merged_document.document()).words("warnings")
        self.assertIn("Rank 0 (h0): 95 % of a thread: the client is the bottleneck (the same of 1 more rank)", told)
        self.assertIn("Rank 0 (h0): the hypervisor took 0 % of the time (steal) (the same of 1 more rank)", told)

    def test_the_machines_are_those_of_the_clients_and_not_of_the_parent(self):
        told = self.page(merged_document.document()).words("environment")
        self.assertIn("rank 2 (h2) Linux of h2 A processor 2 16.0 GiB compiler 12.2.0, Boost 1_81", told)
        self.assertNotIn("the parent", told)

    def test_the_command_is_that_of_a_client_and_not_of_the_merge(self):
        told = self.page(merged_document.document()).words("reproduce")
        self.assertIn("client --frames --share 0/9 -n 900 h9:1", told)
        self.assertNotIn("/tmp/gone", told)

    def test_markup_and_escapes_of_hosts_and_reasons_are_not_in_the_page(self):
        document = merged_document.document()
        document["ranks"][0]["host"] = document["merged_from"][0]["file"] = HOSTILE
        document["missing"][0] |= {"host": HOSTILE, "why": HOSTILE}
        document["warnings"].append(f"rank 0 ({HOSTILE}): {HOSTILE}")
        page = self.page(document)
        for bad in ("<script", "\x1b", "\u202e"):
            self.assertNotIn(bad, page.text)
        for name in ("answer", "warnings", "ranks", "environment"):
            self.assertIn("&lt;script&gt;alert(1)", page.section(name))


class Server(Case):
    def test_that_was_watched_has_its_figures(self):
        rows = dict(self.page(merged_document.document()).rows("watched-server", "The server's processes"))
        self.assertEqual(rows["CPU per echo"], "16.7 us")
        self.assertEqual(rows["resident, added per connection"], "2,519 B")

    def test_what_the_samples_do_not_cover_is_not_known(self):
        document = merged_document.document()
        document["server"] |= dict.fromkeys(("cpu_ns", "cpu_ns_per_echo"))
        page = self.page(document)
        self.assertEqual(page.rows("watched-server", "The server's processes")[0], ["CPU per echo", "not known"])
        self.assertIn("do not cover", page.words("watched-server"))

    def test_that_was_not_watched_is_not_mentioned(self):
        self.assertEqual(self.page(merged_document.document(server=False)).section("watched-server"), "")


class Thousand(Case):
    def setUp(self):
        super().setUp()
        self.gone = range(3, 1000, 31)
        document = merged_document.document(1000, self.gone)
        self.failed = document["ranks"][400]
        self.failed |= {"status": "fail", "served": 90, "failed": 10, "p99_ns": None}
        self.opened = self.page(document)
        self.shown = Page(re.sub("<details.*?</details>", "", self.opened.text, flags=re.DOTALL))

    def test_ranks_show_the_worst_and_say_how_many_are_folded(self):
        rows = self.shown.rows("ranks", "Each rank's share")
        self.assertEqual([len(rows), rows[0][1:4]], [16, [f"{self.failed['rank']}", "fail", "90 of 100"]])
        self.assertEqual([row[1] for row in rows[1:5]], ["999", "998", "997", "996"])
        self.assertIn("16 of 967 ranks, first those that failed, then by their p99", self.shown.words("ranks"))
        last = self.shown.rows("ranks", "Each rank's clock")
        self.assertEqual((len(last), last[0][1], last[0][-1]), (16, "999", "1.50 ms \u00b1 16.0 us"))

    def test_all_of_them_are_there_in_their_order(self):
        for caption in ("Load, by rank", "Clocks and start of traffic, by rank"):
            numbers = [int(row[1]) for row in self.opened.rows("ranks", caption)]
            self.assertEqual(numbers, sorted(set(range(1000)) - set(self.gone)))
        self.assertLess(len(self.opened.text), 2_000_000)

    def test_the_missing_are_counted_and_all_are_named(self):
        self.assertIn("33 of 1,000 ranks are missing", self.shown.words("answer"))
        self.assertIn("Rank 3 (h3) is missing", self.shown.words("warnings"))
        self.assertIn("(the same of 32 more ranks)", self.shown.words("warnings"))
        rows = self.shown.rows("ranks", "Missing: 33 of 1,000 ranks")
        rows += self.opened.rows("ranks", "The others that are missing")
        self.assertEqual([int(row[1]) for row in rows], list(self.gone))

    def test_without_any_p99_no_order_by_it_is_claimed(self):
        document = merged_document.document(40, ())
        for row in document["ranks"]:
            row["p99_ns"] = None
        told = self.page(document).words("ranks")
        self.assertIn("16 of 40 ranks, by their number: no p99 is known", told)


class Elsewhere(Case):
    def test_a_client_that_was_alone_has_no_ranks(self):
        document = merged_document.document(1, (), server=False)
        for gone in ("ranks", "missing", "merged_from"):
            del document[gone]
        page = self.page(document)
        self.assertEqual((page.title, page.section("ranks")), ("One run, stream, 100 connections", ""))
        self.assertIn("as the client saw it", page.words("figures"))
        self.assertIn("Linux of the parent", page.words("environment"))

    def test_one_rank_alone_says_so(self):
        document = merged_document.document(1, (), server=False)
        for gone in ("ranks", "missing", "merged_from"):
            del document[gone]
        page = self.page(document | {"rank": {"rank": 2, "ranks": 4, "host": "h2"}})
        self.assertEqual(page.title, "Rank 2 of 4, stream, 100 connections")

    def test_several_documents_of_clients_are_refused_with_what_merges_them(self):
        path = self.kept(merged_document.document())
        done = script("report", path, path)
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
        self.assertIn("`client merge --json FILE`", done.stderr)

    def test_where_a_folder_of_results_is_read_it_is_refused_in_one_line(self):
        path = self.kept(merged_document.document())
        for name, *words in (
            ("report", path, "--csv", "-"), ("compare", path, path), ("demo", "--from", path),
            ("compare-models", "--from", path),
        ):  # fmt: skip
            done = script(name, *words)
            self.assertEqual((done.stdout, done.stderr.count("\n")), ("", 1), done.stderr)
            self.assertIn(done.returncode, (2, 3), "usage, or no program that runs")


@unittest.skipUnless((BIN / "client").exists(), "the programs are not built")
class Real(Case):
    def setUp(self):
        super().setUp()
        self.server = bench_runs.Server(BIN, "echo_async:nested-epoll", None)
        self.addCleanup(self.server.end, signal.SIGTERM)

    def test_what_a_fleet_wrote_has_a_page(self):
        path = self.folder / "fleet.json"
        done = script(
            "fleet", "--bin", BIN, "--ranks", 2, "--json", path, "--server-via", "env", "--server-pid",
            self.server.pid, "--", "-n", 101, "--mode", "stream", "-d", "0.5s", "-R", 400,
            f"127.0.0.1:{self.server.port}",
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        page = self.page(json.loads(path.read_text()))
        shares = [row[1:3] for row in page.rows("ranks", "Each rank's share of the load")]
        self.assertEqual(shares, [["0", "51 of 51"], ["1", "50 of 50"]])
        for row in page.rows("ranks", "Each rank's clock"):
            self.assertRegex(row[-1], r"^[\d.]+ [mun]s \u00b1 [\d.]+ [mun]s$")
        self.assertRegex(page.words("watched-server"), r"CPU per echo [\d.]+ [mun]s")


if __name__ == "__main__":
    unittest.main()
