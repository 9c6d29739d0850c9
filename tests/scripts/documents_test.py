#!/usr/bin/python3
"""Documents of any origin, given to the scripts that read results: a field that is missing, mistyped,
enormous or nested is refused in one line or counts as absent, and never ends in a traceback.

The documents are those of docs/results, each with one change. Everything runs in this process, with
a drawing in place of gnuplot's; a few folders go through the scripts as users start them.
"""

import contextlib
import copy
import importlib.machinery
import importlib.util
import io
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
sys.path.insert(0, str(SOURCE / "scripts"))
import demo_command  # noqa: E402
import merged_document  # noqa: E402
from experiment import folder, live_table, plan, run_record, session, table  # noqa: E402
from page import gnuplot, gnuplot_svg, svg  # noqa: E402

EXPERIMENT = SOURCE / "docs/results/2026-11-25-backlog"
COMPARISON = SOURCE / "docs/results/2026-11-26-two-cores"
ANSWER = SOURCE / "docs/results/answer.json"
PATIENCE = 50
#: What a field is replaced with. GONE: nothing.
GONE = object()
VALUES = (
    GONE, None, -1, 0, 1.5, 1e308, -1e308, 5e-324, 10**40, float("nan"), True, "", "1e400", [], {},
    [[]], [None], ["x"], [{}], {"a": {"b": []}}, "\x1b[31m<script>alert(1)</script>", "\ud800",
)  # fmt: skip
#: Every how many changes one is tried; each run of the test tries the same ones.
EACH = 401
DRAWING = '<svg width="10" height="10" viewBox="0 0 10 10" xmlns="http://www.w3.org/2000/svg"></svg>'


def script(name):
    """An entry point as a module."""
    path = SOURCE / "scripts" / name
    loader = importlib.machinery.SourceFileLoader(name.replace("-", "_"), str(path))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


report, compare, compare_models = map(script, ("report", "compare", "compare-models"))
REFUSALS = (
    *getattr(report, "CODES", ()), folder.Refused, demo_command.NoAnswer, compare.sweep_design.Usage,
    compare_models.Usage, folder.CannotWrite, SystemExit,
)  # fmt: skip


def places(document, so_far=()):
    if so_far:
        yield so_far
    if isinstance(document, dict):
        inner = document.items()
    else:
        inner = enumerate(document[:2]) if isinstance(document, list) else ()
    for key, value in inner:
        yield from places(value, (*so_far, key))


def changed(document, each=EACH):
    """(what was changed, the document) for some of all places and values."""
    every = [(place, value) for place in places(document) for value in VALUES]
    for place, value in random.Random(13).sample(every, len(every) // each):
        whole = copy.deepcopy(document)
        inner = whole
        for key in place[:-1]:
            inner = inner[key]
        if value is GONE:
            del inner[place[-1]]
        else:
            inner[place[-1]] = value
        yield (place, "gone" if value is GONE else value), whole


class Case(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)
        for name, stand_in in (
            ("draw", lambda plots: {plot.name: gnuplot_svg.script(plot) for plot in plots}),
            ("found", lambda: "gnuplot"),
        ):
            patched = unittest.mock.patch.object(gnuplot, name, stand_in)
            patched.start()
            self.addCleanup(patched.stop)
        patched = unittest.mock.patch.object(svg.Drawing, "of", Drawing)
        patched.start()
        self.addCleanup(patched.stop)

    def call(self, body, *words):
        """What was printed. Fails for an exception that is no refusal in one line."""
        text = io.StringIO()
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            with unittest.mock.patch.object(sys, "argv", ["script", *map(str, words)]):
                try:
                    body()
                except REFUSALS as error:
                    self.assertNotIn("\n", str(error))
        return text.getvalue()

    def copied(self, source):
        copy_of = self.folder / "copy"
        shutil.copytree(source, copy_of)
        return copy_of


class Drawing:
    """A plot that was not drawn."""

    def __init__(self, plot, text):
        self.plot = plot

    def alone(self):
        return DRAWING

    def __getattr__(self, name):
        return lambda *_, **__: report.page.markup.Markup(DRAWING)


class Experiment(Case):
    def setUp(self):
        super().setUp()
        self.path = self.copied(EXPERIMENT)
        self.experiment = json.loads((self.path / "experiment.json").read_text())
        self.lines = (self.path / "runs.jsonl").read_text().splitlines()

    def changes(self):
        for what, document in changed(self.experiment):
            (self.path / "experiment.json").write_text(json.dumps(document))
            yield what
        (self.path / "experiment.json").write_text(json.dumps(self.experiment))
        for what, run in changed(json.loads(self.lines[0]), 53):
            text = "\n".join([json.dumps(run), *self.lines[1:]])
            (self.path / "runs.jsonl").write_text(text + "\n")
            yield what

    def test_of_any_form_has_a_page_a_table_and_a_comparison_or_a_refusal(self):
        for what in self.changes():
            with self.subTest(what):
                self.call(report.main, self.path, "-q")
                self.call(report.main, self.path, "--csv", self.folder / "runs.csv", "-q")
                self.call(compare.main, self.path, EXPERIMENT)

    def test_of_any_form_is_resumed_or_refused(self):
        levels = self.experiment["design"]["factors"][0]["levels"]
        cells = [{"arm": level} for level in levels]
        planned = plan.blocks(cells, 2, self.experiment["design"]["seed"])

        def run_one(one):
            return run_record.Run(one.run, one.block, one.place, dict(one.cell), "failed", why="-")

        def resume():
            kept = folder.Folder.create(self.path, copy.deepcopy(self.experiment))
            shown = live_table.Table(kept.experiment, cells, terminal=True)
            code = session.carry_out(kept, planned, run_one, table_of=shown)
            session.conclude(kept, code, page=False)

        for what in self.changes():
            with self.subTest(what):
                self.call(resume)

    def test_that_is_not_json_or_no_file_is_refused_in_one_line(self):
        path = self.path / "experiment.json"
        deep = "[" * 100_000
        for text in ("", "{", "null", "3", deep, '{"a":' * 50_000, "\x00", "9" * 5000, "[NaN]"):
            path.write_text(text)
            self.refused(path)
        path.write_bytes(b'{"schema": "\xff"}')
        self.refused(path)
        path.unlink()
        os.mkfifo(path)  # it would wait for ever
        self.refused(path)

    def refused(self, path):
        for words in (
            ("report", self.path), ("report", self.path, "--csv", "-"),
            ("compare-models", "--from", self.path),
            ("demo", "--from", path) if path.is_file() else ("report", self.path),
        ):  # fmt: skip
            done = subprocess.run(
                [SOURCE / "scripts" / words[0], *words[1:]], capture_output=True, text=True,
                timeout=PATIENCE,
            )  # fmt: skip
            shown = (words, done.stderr[-500:])
            self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), shown)

    def test_with_markup_and_escapes_has_a_page_without_them(self):
        hostile = "\x1b[31m<script>alert(1)</script>\u202e\"'&"
        self.experiment |= dict.fromkeys(("name", "question", "answer", "command"), hostile)
        (self.path / "experiment.json").write_text(json.dumps(self.experiment))
        run = json.loads(self.lines[0]) | {"outcome": "failed", "why": hostile}
        (self.path / "runs.jsonl").write_text("\n".join([json.dumps(run), *self.lines[1:]]))
        self.call(report.main, self.path, "-q")
        page = (self.path / "report.html").read_text()
        self.assertNotIn("<script", page)
        self.assertNotIn("\x1b", page)


class Comparison(Case):
    def test_of_any_form_has_tables_or_a_refusal(self):
        path = self.copied(COMPARISON)
        document = json.loads((path / "experiment.json").read_text())
        lines = (path / "runs.jsonl").read_text().splitlines()[:40]
        (path / "runs.jsonl").write_text("\n".join(lines) + "\n")
        for what, changed_document in changed(document):
            (path / "experiment.json").write_text(json.dumps(changed_document))
            with self.subTest(what):
                self.call(compare_models.main, "--from", path, "--markdown")
        (path / "experiment.json").write_text(json.dumps(document))
        for what, run in changed(json.loads(lines[0]), 29):
            (path / "runs.jsonl").write_text("\n".join([json.dumps(run), *lines[1:]]) + "\n")
            with self.subTest(what):
                self.call(compare_models.main, "--from", path, "--json", self.folder / "x.json")
                self.call(compare_models.main, "--from", path, "--short")
                self.call(report.main, path, "--csv", self.folder / "x.csv", "-q")


class Fleet(Case):
    """A merged document."""

    def test_of_any_form_has_a_page_or_a_refusal(self):
        path = self.folder / "fleet.json"
        for what, document in changed(merged_document.document(), 29):
            path.write_text(json.dumps(document))
            with self.subTest(what):
                self.call(report.main, path, "-q")


class Answer(Case):
    def test_of_any_form_has_a_table_or_a_refusal(self):
        path = self.folder / "answer.json"
        for what, document in changed(json.loads(ANSWER.read_text()), 11):
            path.write_text(json.dumps(document))
            with self.subTest(what):
                self.call(demo_command.main, "from", path)


class Table(Case):
    """scripts/report --csv."""

    def rows(self, path):
        import csv

        text = self.call(report.main, path, "--csv", self.folder / "runs.csv", "-q")
        self.assertEqual(text, "")
        data = (self.folder / "runs.csv").read_bytes()
        self.assertTrue(data.endswith(b"\r\n"))
        heading, *rows = csv.reader(io.StringIO(data.decode(), newline=""))
        self.assertEqual({len(row) for row in rows}, {len(heading)})
        return [dict(zip(heading, row)) for row in rows]

    def test_has_a_row_for_each_run_with_factors_and_figures(self):
        rows = self.rows(EXPERIMENT)
        runs = folder.Folder.open(EXPERIMENT).runs()
        self.assertEqual(len(rows), len(runs))
        for row, run in zip(rows, runs):
            self.assertEqual((row["run"], row["arm"]), (str(run.run), run.cell["arm"]))
            self.assertEqual(row["outcome"], run.outcome)
            for name, value in run.figures.items():
                self.assertEqual(float(row[name]), value, name)

    def test_of_a_comparison_of_models_has_latencies_and_their_bounds(self):
        row = self.rows(COMPARISON)[0]
        self.assertRegex(row["model"], "^echo_(async|threads):")
        self.assertEqual(row["echo_p99_ns_is_lower_bound"], "false")
        self.assertGreater(float(row["echo_p99_ns"]), 1000)
        self.assertIn("resident_b_per_connection", row)

    def test_quotes_text_and_leaves_no_formula(self):
        path = self.copied(EXPERIMENT)
        lines = (path / "runs.jsonl").read_text().splitlines()
        texts = ['=HYPERLINK("x")', "+1+2", "-2", "-cmd", "@sum", 'a,"b"\nc', "\x1b[31m"]
        hostile = []
        for text in texts:
            run = json.loads(lines[0])
            run["cell"] = {"arm": text, "served": text}
            hostile.append(json.dumps(run))
        (path / "runs.jsonl").write_text("\n".join(hostile) + "\n")
        rows = self.rows(path)
        wanted = ["'=HYPERLINK(\"x\")", "'+1+2", "-2", "'-cmd", "'@sum", 'a,"b"\nc', "\\x1b[31m"]
        self.assertEqual([row["arm"] for row in rows], wanted)
        self.assertEqual([row["factor_served"] for row in rows], wanted)

    def test_to_stdout_is_nothing_else(self):
        done = subprocess.run(
            [SOURCE / "scripts/report", EXPERIMENT, "--csv", "-"], capture_output=True,
            timeout=PATIENCE,
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.rows(EXPERIMENT)
        self.assertEqual(done.stdout, (self.folder / "runs.csv").read_bytes())


if __name__ == "__main__":
    unittest.main()
