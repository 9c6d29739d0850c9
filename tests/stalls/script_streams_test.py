#!/usr/bin/python3
"""stdout and stderr of each script: closed, full, a pipe that nobody reads, a terminal that is
stopped, and locales without UTF-8. No traceback, an exit code, and no wait but for a reader of
stdout, which a signal ends.
"""

import concurrent.futures
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
PATIENCE = 50
SCRIPTS = [
    path
    for folder in ("scripts", "bench")
    for path in sorted((SOURCE / folder).iterdir())
    if path.is_file() and os.access(path, os.X_OK)
]
COMPARISON = SOURCE / "docs/results/2026-11-26-two-cores"
EXPERIMENT = SOURCE / "docs/results/2026-11-25-backlog"
#: What scripts print on stdout beside --help and --version.
PRINTING = (
    ("scripts/tune", "--list"),
    ("scripts/report", EXPERIMENT, "--csv", "-"),
    ("scripts/compare", EXPERIMENT, EXPERIMENT),
    ("scripts/compare-models", "--from", COMPARISON),
    ("scripts/demo", "--from", SOURCE / "docs/results/answer.json"),
    ("scripts/sweep", "--bin", BIN, "--factor", "n=2,4", "--dry-run"),
    ("scripts/fleet", "--bin", BIN, "--ranks", "2", "--dry-run", "--", "-n", "4", "localhost:1"),
)
SHORT = ("--factor", "n=2,4", "--server", "callbacks", "--reps", "8", "--seconds", "0.05")
SHORT += ("--warm-up", "0", "--primary", "server_ns_per_echo", "--bin", BIN)
BARE = (
    {"LC_ALL": "C"},
    {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"PYTHONIOENCODING": "ascii"},
    {},
)


def full_pipe():
    """(read end, write end) of a pipe that has no room."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for size in (65536, 1):
        try:
            while os.write(writing, b"x" * size):
                pass
        except BlockingIOError:
            pass
    os.set_blocking(writing, True)
    return reading, writing


def in_parallel(function, cases):
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        return list(zip(cases, pool.map(function, cases)))


class Case(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)

    def pipe(self):
        ends = full_pipe()
        for end in ends:
            self.addCleanup(os.close, end)
        return ends

    def starts(self, words, **more):
        started = subprocess.Popen(words, stdin=subprocess.DEVNULL, cwd=self.folder, **more)
        self.addCleanup(started.wait)
        self.addCleanup(started.kill)
        return started


class Stdout(Case):
    def commands(self, versions=SCRIPTS[::4]):
        """The text of --version comes from one script, for all."""
        for path in SCRIPTS:
            yield path, "--help"
        for path in versions:
            yield path, "--version"
        for name, *words in PRINTING:
            yield (SOURCE / name, *words)

    def check(self, redirection, codes, versions):
        """Runs each command with `redirection`, written in the language of the shell."""

        def run(words):
            done = subprocess.run(
                ["sh", "-c", f'"$@" {redirection}', "sh", *words], capture_output=True, text=True,
                timeout=PATIENCE, cwd=self.folder,
            )  # fmt: skip
            return done.returncode, done.stderr

        for words, (code, errors) in in_parallel(run, list(self.commands(versions))):
            shown = f"{' '.join(map(str, words))} {redirection}: exit {code}\n{errors}"
            self.assertNotRegex(errors, "Traceback|Exception ignored", shown)
            self.assertIn(code, codes, shown)
            self.assertLessEqual(errors.count("\n"), 3, shown)

    def test_that_is_closed_is_exit_7(self):
        self.check(">&-", {7}, SCRIPTS)

    def test_that_is_full_is_exit_7(self):
        self.check(">/dev/full", {7}, SCRIPTS[::4])

    def test_into_a_closed_pipe_is_exit_7(self):
        def run(words):
            reading, writing = os.pipe()
            os.close(reading)
            try:
                done = subprocess.run(
                    words, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=PATIENCE
                )
            finally:
                os.close(writing)
            return done.returncode, done.stderr

        for words, (code, errors) in in_parallel(run, list(self.commands())):
            self.assertIn(code, (7, -signal.SIGPIPE), (words, errors))
            self.assertNotRegex(errors, "Traceback|Exception ignored", words)

    def test_that_nobody_reads_is_waited_for_until_a_signal(self):
        cases = [(SOURCE / name, *words) for name, *words in PRINTING]

        def run(words):
            reading, writing = full_pipe()
            try:
                started = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE, text=True
                )
                try:
                    started.wait(1.5)
                    return "ended", started.communicate()[1]
                except subprocess.TimeoutExpired:
                    started.send_signal(signal.SIGTERM)
                    try:
                        errors = started.communicate(timeout=PATIENCE)[1]
                    except subprocess.TimeoutExpired:
                        started.kill()
                        return "no end", ""
                    return started.returncode, errors
            finally:
                os.close(reading)
                os.close(writing)

        for words, (code, errors) in in_parallel(run, cases):
            self.assertEqual((code, re.sub("scripts/demo: .*", "", errors)), (143, ""), words)

    @unittest.skipUnless((BIN / "client").exists(), "the programs are not built")
    def test_that_nobody_reads_leaves_the_results_whole(self):
        _, writing = self.pipe()
        out = self.folder / "out"
        started = self.starts(
            [SOURCE / "scripts/sweep", *SHORT, "--out", out],
            stdout=writing, stderr=subprocess.DEVNULL,
        )  # fmt: skip

        def concluded():
            try:
                return json.loads((out / "experiment.json").read_text())["answer"]
            except (OSError, ValueError):
                return None

        give_up = time.monotonic() + PATIENCE
        while not concluded() and time.monotonic() < give_up:
            time.sleep(0.05)
        time.sleep(0.3)
        self.assertIsNone(started.poll())
        started.send_signal(signal.SIGHUP)
        self.assertEqual(started.wait(PATIENCE), 129)
        self.assertTrue(concluded())
        self.assertEqual((out / "runs.jsonl").read_text().count("\n"), 16)


@unittest.skipUnless((BIN / "client").exists(), "the programs are not built")
class Stderr(Case):
    def test_that_nobody_reads_does_not_keep_a_script_from_ending(self):
        _, writing = self.pipe()
        out = self.folder / "out"
        started = self.starts(
            [SOURCE / "scripts/sweep", *SHORT, "--out", out],
            stdout=subprocess.DEVNULL, stderr=writing,
        )  # fmt: skip
        self.assertEqual(started.wait(PATIENCE), 0)
        self.assertEqual((out / "runs.jsonl").read_text().count("\n"), 16)

    def test_of_a_terminal_that_is_stopped_does_not_keep_a_script_from_ending(self):
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        fcntl.ioctl(slave, 0x540A, 0)  # TCXONC, TCOOFF: as Ctrl-S
        out = self.folder / "out"
        started = self.starts(
            [SOURCE / "scripts/sweep", *SHORT, "--out", out],
            stdout=subprocess.DEVNULL, stderr=slave,
        )  # fmt: skip
        os.close(slave)
        self.assertEqual(started.wait(PATIENCE), 0)

    def test_of_the_demo_that_nobody_reads_does_not_keep_it_from_ending(self):
        tree = self.folder / "tree"
        shutil.copytree(SOURCE / "scripts", tree / "scripts")
        _, writing = self.pipe()
        started = self.starts(
            [tree / "scripts/demo", "-n", "100", "--bin", BIN],
            stdout=subprocess.DEVNULL, stderr=writing,
        )  # fmt: skip
        self.assertIn(started.wait(PATIENCE), (0, 1))
        self.assertEqual(len(list(tree.glob("results/demo-*/answer.json"))), 1)

    def test_that_is_closed_or_full_changes_no_exit_code(self):
        cases = [
            (redirection, (SOURCE / "scripts" / name, *words))
            for redirection in ("2>&-", "2>/dev/full")
            for name, *words in (
                ("sweep",), ("report", "/nowhere"), ("tune", "nothing"), ("compare", "a", "b"),
                ("compare-models", "--rounds", "0"), ("bench", "server"), ("demo", "-n", "x"),
                ("fleet",),
            )
        ]  # fmt: skip

        def run(case):
            redirection, words = case
            done = subprocess.run(
                ["sh", "-c", f'"$@" {redirection}', "sh", *words], capture_output=True, text=True,
                timeout=PATIENCE,
            )  # fmt: skip
            return done.returncode, done.stdout

        for case, found in in_parallel(run, cases):
            self.assertEqual(found, (2, ""), case)


class Locale(Case):
    def test_without_utf_8_changes_no_exit_code(self):
        """A name of the experiment that no such locale has, a cell of it, and a terminal's escapes."""
        hostile = self.folder / "f\u00e4r"
        shutil.copytree(EXPERIMENT, hostile)
        experiment = json.loads((hostile / "experiment.json").read_text())
        experiment["answer"] = experiment["name"] = "\u00fc\u20ac\ud800 \x1b[31m \u202e"
        (hostile / "experiment.json").write_text(json.dumps(experiment))
        commands = (
            ("scripts/report", hostile, "--csv", "-"),
            ("scripts/report", hostile, "--terminal"),
            ("scripts/compare", hostile, hostile),
            ("scripts/compare", "\u00e4", b"\xff"),
            ("scripts/compare-models", "--from", COMPARISON),
        )
        cases = [(words, locale) for words in commands for locale in BARE]

        def run(case):
            (name, *words), locale = case
            environment = {"PATH": os.environ["PATH"], **locale}
            return subprocess.run(
                [SOURCE / name, *words], capture_output=True, timeout=PATIENCE, env=environment
            )

        for (words, locale), done in in_parallel(run, cases):
            shown = (words, locale, done.stderr)
            gnuplot_is_missing = done.returncode == 3 and "--terminal" in words
            self.assertTrue(gnuplot_is_missing or done.returncode in (0, 1, 2), shown)
            self.assertNotIn(b"Traceback", done.stderr, shown)
            self.assertNotIn(b"\x1b", done.stdout + done.stderr, shown)


if __name__ == "__main__":
    unittest.main()
