#!/usr/bin/python3
"""scripts/report: the page is self-contained, whatever its folder holds."""

import html.parser
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
sys.path.insert(0, str(SOURCE / "scripts"))
from experiment import figures, folder, plan, run_record  # noqa: E402

REPORT = SOURCE / "scripts" / "report"
SWEEP = SOURCE / "scripts" / "sweep"
HOSTILE = "<script>alert(1)</script>\"&' \u202e"
VOID = {"meta", "br", "link", "img", "hr"}
#: The headings of the page of a sweep with two levels and all its documents.
SECTIONS = (
    "Question", "Answer", "Results", "Comparisons", "Every run", "Latency by percentile",
    "Connecting", "Over time", "Workers", "Environment", "How to repeat it",
)  # fmt: skip


def report(*words, **more):
    return subprocess.run(
        [REPORT, *words], capture_output=True, text=True, timeout=60, **more
    )  # fmt: skip


class Reader(html.parser.HTMLParser):
    """Collects tags, attributes, headings, and tags that are not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.tags, self.attributes, self.headings = [], [], set(), [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2", "h3"):
            self.headings.append((self.open[-1], data.strip()))


@unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed: scripts/setup report")
@unittest.skipUnless((BIN / "client").exists(), "the programs are not built")
class OfAFolder(unittest.TestCase):
    """A small sweep, measured once; each test gets a copy of its folder."""

    @classmethod
    def setUpClass(cls):
        cls.held = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.held.cleanup)
        cls.measured = pathlib.Path(cls.held.name) / "measured"
        done = subprocess.run(
            [
                *(SWEEP, "--bin", BIN, "--out", cls.measured, "--seed", "1", "--reps", "8"),
                *("--factor", "model=callbacks,nested-epoll", "-n", "20"),
                *("--seconds", "0.2", "--warm-up", "0.05"),
            ],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name) / "some"
        shutil.copytree(self.measured, self.folder)

    def page(self):
        done = report(self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        return (self.folder / "report.html").read_text()

    def change(self, **fields):
        path = self.folder / "experiment.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))

    def rows(self, change):
        path = self.folder / "runs.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        for row in rows:
            change(row)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def test_is_well_formed_and_self_contained(self):
        text = self.page()
        reader = Reader(text)
        self.assertEqual((reader.wrong, reader.open), ([], []))
        self.assertNotIn("script", reader.tags)
        for tag, name, value in reader.attributes:
            if name in ("src", "href", "xlink:href", "action", "srcset"):
                self.assertTrue(value.startswith(("#", "data:")), f"<{tag} {name}={value}>")
            self.assertFalse(name.startswith("on"), f"<{tag} {name}=...> would run")
        self.assertNotRegex(text, r"url\(\s*['\"]?(?!#|data:)")
        self.assertNotIn("@import", text)
        policy = [value for tag, _, value in reader.attributes if tag == "meta"]
        self.assertTrue(any("default-src 'none'" in value for value in policy), policy)

    def test_has_all_sections_in_order_and_skips_no_heading_level(self):
        headings = Reader(self.page()).headings
        second = [words for level, words in headings if level == "h2"]
        self.assertEqual([words for words in second if words in SECTIONS], list(SECTIONS))
        levels = [int(level[1]) for level, _ in headings]
        self.assertEqual(levels[0], 1)
        self.assertLessEqual(max(b - a for a, b in zip(levels, levels[1:])), 1)

    def test_leaves_out_sections_without_data(self):
        for path in (self.folder / "runs").iterdir():
            path.unlink()
        self.rows(lambda row: row.update(documents=dict.fromkeys(row["documents"])))
        second = [words for level, words in Reader(self.page()).headings if level == "h2"]
        for gone in ("Latency by percentile", "Connecting", "Over time", "Workers"):
            self.assertNotIn(gone, second)
        self.assertIn("Every run", second)

    def test_escapes_all_text_of_documents(self):
        self.change(name=HOSTILE, question=HOSTILE, answer=HOSTILE)
        self.rows(lambda row: row.update(warnings=[HOSTILE], server=[HOSTILE]))

        def fail(row):
            if row["run"] == 3:
                row.update(outcome="failed", why=HOSTILE)

        self.rows(fail)
        text = self.page()
        self.assertNotIn("script", Reader(text).tags)
        self.assertNotIn("\u202e", text)
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", text)

    def test_writes_plots_with_a_light_and_a_dark_form(self):
        self.page()
        plots = sorted(self.folder.glob("*.svg"))
        self.assertIn("answer.svg", [plot.name for plot in plots])
        for plot in plots:
            root = xml.fromstring(plot.read_bytes())
            self.assertTrue(root.tag.endswith("svg"), plot)
            self.assertIn("prefers-color-scheme", plot.read_text(), plot)

    def test_gives_the_same_bytes_for_the_same_folder(self):
        self.assertEqual(self.page(), self.page())

    def test_warns_of_a_broken_document_and_goes_on(self):
        (self.folder / "runs" / "0001-client.json").write_text('{"schema": "echo-te')
        self.assertIn("0001-client.json", self.page())

    def test_gives_one_warning_for_all_absent_documents(self):
        for path in (self.folder / "runs").iterdir():
            path.unlink()
        text = self.page()
        self.assertEqual(text.count("What it would show"), 0)
        self.assertRegex(text, r"\d+ documents of runs are not in the folder, the first is runs/0001-")

    def test_counts_a_failed_run_and_gives_the_reason(self):
        def fail(row):
            if row["run"] == 3:
                row.update(outcome="failed", why="the dog ate it")

        self.rows(fail)
        self.assertIn("the dog ate it", self.page())

    def test_does_not_take_a_probe_for_a_cell(self):
        rows = (self.folder / "runs.jsonl").read_text().splitlines()
        probe = {**json.loads(rows[0]), "run": 99, "cell": {"probe": "edge", "size": "20K"}}
        (self.folder / "runs.jsonl").write_text("\n".join([*rows, json.dumps(probe)]) + "\n")
        self.assertNotIn("probe", self.page())

    def test_does_not_warn_of_a_probes_busy_client(self):
        rows = (self.folder / "runs.jsonl").read_text().splitlines()
        probe = {**json.loads(rows[0]), "run": 99, "cell": {"probe": "edge", "size": "20K"}}
        document = json.loads((self.folder / probe["documents"]["client"]).read_text())
        document["cpu"]["client_busiest_thread"] = 0.99
        probe["documents"] = {**probe["documents"], "client": "runs/0099-client.json"}
        (self.folder / "runs" / "0099-client.json").write_text(json.dumps(document))
        (self.folder / "runs.jsonl").write_text("\n".join([*rows, json.dumps(probe)]) + "\n")
        self.assertNotIn("probe edge", self.page())

    def test_with_terminal_prints_a_plot_and_writes_nothing(self):
        for path in self.folder.glob("*.svg"):
            path.unlink()
        done = report(self.folder, "--terminal", env={**os.environ, "COLUMNS": "100"})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nested-epoll", done.stdout)
        self.assertGreater(len(done.stdout.splitlines()), 10)
        self.assertEqual(list(self.folder.glob("*.svg")), [])

    def test_makes_a_page_of_the_documents_of_one_run(self):
        documents = [self.folder / "runs" / f"0001-{end}.json" for end in ("client", "server")]
        for words in (documents[:1], documents):
            done = report(*words)
            self.assertEqual(done.returncode, 0, done.stderr)
            page = self.folder / "runs" / "0001-client.html"
            second = [words for level, words in Reader(page.read_text()).headings if level == "h2"]
            self.assertIn("Latency by percentile", second)
            page.unlink()

    def test_keeps_the_old_page_when_the_disk_is_full(self):
        (self.folder / "report.html").write_text("the old one")

        def nothing_may_be_written():
            import resource
            import signal

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        done = report(self.folder, preexec_fn=nothing_may_be_written)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertEqual((self.folder / "report.html").read_text(), "the old one")
        self.assertEqual([p.name for p in self.folder.iterdir() if p.name.startswith(".")], [])

    def test_names_the_command_that_installs_gnuplot(self):
        done = report(self.folder, env={**os.environ, "PATH": "/nowhere"})
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr, r"apt(-get)? install .*gnuplot-nox")
        self.assertEqual(len(done.stderr.splitlines()), 1)


@unittest.skipUnless(shutil.which("gnuplot"), "gnuplot is not installed: scripts/setup report")
class OfAStackSweep(unittest.TestCase):
    """Made up: 8,700 B resident per thread at 1K touched, 24,700 at 16K, where a 16K stack faults."""

    SMALLEST = [["1K", "-", "-", "6,840", "16K", "not possible"],
                ["16K", "-", "-", "22,200", "24K", "20K faults"]]  # fmt: skip
    TABLES = {"16K": 40, "64K": 130, "8M": 4100}

    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.path = pathlib.Path(held.name) / "stacks"
        factors = [
            plan.Factor("stack", "server", "--stack-size", ("64K", "16K", "8M")),
            plan.Factor("touch", "server", "--touch-stack", ("1K", "16K")),
            plan.Factor("n", "client", "--connections", ("100", "50")),
        ]
        self.kept = folder.Folder.create(
            self.path,
            {
                "kind": "stack-sweep",
                "name": "stacks",
                "question": "How small?",
                "answer": "So small.",
                "primary": "resident_b",
                "figures": figures.as_json(),
                "design": {
                    **{"factors": [one.as_json() for one in factors], "connections": 100},
                    **{"reps": 8, "seed": 1, "confidence": 0.99},
                },
                "findings": [
                    {"name": "smallest", "title": "", "text": "", "data": {"rows": self.SMALLEST}}
                ],
            },
        )
        for one in plan.blocks(plan.cells(factors), 8, 1):
            done = run_record.Run(one.run, one.block, one.place, one.cell, "measured")
            done.began = run_record.now()
            if (one.cell["stack"], one.cell["touch"]) == ("16K", "16K"):
                done.outcome, done.why = "infeasible", "too small"
            else:
                done.figures = self.figures(one.cell, one.block)
            self.kept.append(done)

    def figures(self, cell, block):
        each = {"1K": 8700, "16K": 24700}[cell["touch"]] + block
        parts = {"resident_b": each, "peak_resident_b": 9 * each, "kernel_stack_b": 16384}
        parts["page_tables_b"] = self.TABLES[cell["stack"]]
        return {name: 1e6 + int(cell["n"]) * one for name, one in parts.items()}

    def test_begins_with_one_chart_of_the_cost_of_each_size(self):
        done = report(self.path)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = (self.path / "report.html").read_text()
        answer = text[text.index('<section id="answer"') :]
        answer = answer[: answer.index("</section>")]
        self.assertEqual(answer.count("<svg"), 1)
        self.assertIn('id="plot-costs-in-page"', answer)
        for words in ("a handler that touches 16K, 22,200 B used", "smallest that holds"):
            self.assertIn(words, answer)
        drawn = (self.path / "answer.svg").read_text()
        for words in ("holds, 20K faults", "24K", "too small", "page tables", "So small."):
            self.assertIn(words, drawn)
        # 24,700 + 16,384 + 130 and the median of the blocks, 4 or 5: the peak is not counted twice.
        self.assertRegex(answer, r"<td[^>]*>41,21[89]</td>")

    def test_a_folder_edited_by_hand_still_gives_a_page(self):
        for changes in (
            {"findings": [{"name": "smallest", "data": {"rows": [["1K"], "x", None]}}]},
            {"findings": None},
            {"design": {"factors": [{"name": "stack"}, {"name": "touch"}, 5], "reps": "many"}},
            {"design": {"factors": [{"name": n, "levels": ["1"]} for n in ("stack", "touch", "n")]}},
        ):
            path = self.path / "experiment.json"
            told = json.loads(path.read_text())
            path.write_text(json.dumps(told | changes))
            done = report(self.path)
            self.assertEqual(done.returncode, 0, (changes, done.stderr))
            path.write_text(json.dumps(told))


class Refusals(unittest.TestCase):
    def test_are_one_line(self):
        with tempfile.TemporaryDirectory() as held:
            folder = pathlib.Path(held)
            (folder / "odd.json").write_text("[]")
            (folder / "cut.json").write_text('{"schema"')
            for words in ([folder], [folder / "odd.json"], [folder / "cut.json"], ["/nowhere"], []):
                done = report(*words)
                self.assertEqual(done.returncode, 2, words)
                self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
                self.assertTrue(re.match(r"scripts/report: .", done.stderr), done.stderr)


if __name__ == "__main__":
    unittest.main()
