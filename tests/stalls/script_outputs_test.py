#!/usr/bin/python3
"""Each output of each script, at a place that cannot be written: one line and exit 2, before any work
and with nothing left behind. Where it can be written, a file keeps its mode, and no link of another
user is followed.
"""

import concurrent.futures
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
BIN = pathlib.Path(os.environ.get("TESTBED_BIN_DIR", SOURCE / "build" / "bin"))
PATIENCE = 50
sys.path.insert(0, str(SOURCE / "scripts"))
ANSWER = SOURCE / "docs/results/answer.json"
COMPARISON = SOURCE / "docs/results/2026-11-26-two-cores"
EXPERIMENT = SOURCE / "docs/results/2026-11-25-backlog"
MARKERS = "".join(
    f"<!-- {name} -->\n<!-- /{name} -->\n" for name in ("answer", "demo", "compare-models")
)
#: (the command before the path, whether it wants a file or a folder)
OUTPUTS = (
    (("scripts/sweep", "--factor", "n=2,4", "--out"), "folder"),
    (("scripts/compare", "callbacks", "coroutines", "--out"), "folder"),
    (("scripts/stack-sweep", "--out"), "folder"),
    (("scripts/false-alarms", "--out"), "folder"),
    (("scripts/tune", "backlog", "--out"), "folder"),
    (("scripts/compare-models", "--models", "callbacks", "--out"), "folder"),
    (("scripts/compare-models", "--models", "callbacks", "--json"), "file"),
    (("scripts/compare-models", "--from", COMPARISON, "--json"), "file"),
    (("scripts/compare-models", "--from", COMPARISON, "--into"), "present"),
    (("scripts/million", "-n", "10", "--hold", "1s", "--out"), "folder"),
    (("scripts/fleet", "--ranks", "1", "--out"), "folder"),
    (("scripts/fleet", "--ranks", "1", "--json"), "file"),
    (("scripts/fleet", "--ranks", "1", "--hgrm"), "file"),
    (("scripts/bench", "client", "--json"), "file"),
    (("bench/establish", "--json"), "file"),
    (("bench/instructions", "--json"), "file"),
    (("scripts/report", EXPERIMENT, "--out"), "file"),
    (("scripts/report", EXPERIMENT, "--csv"), "file"),
    (("scripts/demo", "--from", ANSWER, "--into"), "present"),
    (("scripts/demo", "--into"), "present"),
)


class Case(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)


class Outputs(Case):
    def bad_places(self, wants):
        """{what is wrong: path}"""
        fifo, file, folder = (self.folder / name for name in ("fifo", "file", "folder"))
        if not fifo.exists():
            os.mkfifo(fifo)
            file.write_text(MARKERS)
            folder.mkdir()
        places = {"is empty": "", "is in /proc": "/proc/x", "is below a file": file / "x"}
        places["is a FIFO that nobody reads"] = fifo
        places["has a name that is too long"] = self.folder / ("n" * 300)
        if wants == "folder":
            return places | {"is a file": file}
        return places | {"is a folder": folder, "is in no folder": self.folder / "no" / "x"}

    def test_that_cannot_be_written_is_one_line_before_any_work(self):
        cases = [
            (words, what, path)
            for words, wants in OUTPUTS
            for what, path in self.bad_places(wants).items()
        ]
        before = sorted(self.folder.rglob("*"))

        def run(case):
            (name, *words), _, path = case
            return subprocess.run(
                [SOURCE / name, *words, path], capture_output=True, text=True, timeout=PATIENCE,
                cwd=self.folder, stdin=subprocess.DEVNULL,
            )  # fmt: skip

        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            for (words, what, _), done in zip(cases, pool.map(run, cases)):
                shown = f"{words}: the output {what}: exit {done.returncode}\n{done.stderr}"
                self.assertEqual(done.returncode, 2, shown)
                self.assertEqual(done.stderr.count("\n"), 1, shown)
                self.assertEqual(done.stdout, "", shown)
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_of_a_demo_that_is_refused_leave_no_results_folder(self):
        tree = self.folder / "tree"
        shutil.copytree(SOURCE / "scripts", tree / "scripts")
        (tree / "bin").mkdir()
        for program in ("echo_threads", "echo_async", "client", "limits"):
            (tree / "bin" / program).write_text("#!/bin/sh\nexit 5\n")
            (tree / "bin" / program).chmod(0o755)
        done = subprocess.run(
            [tree / "scripts/demo", "-n", "100", "--bin", tree / "bin"],
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertFalse((tree / "results").exists())
        (tree / "results").write_text("a file")
        done = subprocess.run(
            [tree / "scripts/demo", "-n", "100", "--bin", tree / "bin"],
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)

    def test_a_server_that_dies_before_it_listens_ends_the_demo(self):
        """It waited for ever for the other end of a FIFO."""
        tree = self.folder / "tree"
        shutil.copytree(SOURCE / "scripts", tree / "scripts")
        (tree / "bin").mkdir()
        for program, text in (("limits", 'echo \'{"limits": []}\''), ("client", ""), ("echo_async", "")):
            (tree / "bin" / program).write_text(f"#!/bin/sh\n{text}\n")
            (tree / "bin" / program).chmod(0o755)
        (tree / "bin" / "echo_threads").write_text("#!/nowhere\n")  # exec fails
        (tree / "bin" / "echo_threads").chmod(0o755)
        done = subprocess.run(
            [tree / "scripts/demo", "-n", "100", "--bin", tree / "bin"],
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("echo_threads does not listen", done.stderr)

    def test_a_replaced_file_keeps_its_mode_and_a_new_one_obeys_the_umask(self):
        page, new = self.folder / "page.md", self.folder / "new.csv"
        page.write_text(MARKERS)
        page.chmod(0o600)
        for words in (
            ("scripts/demo", "--from", ANSWER, "--into", page),
            ("scripts/compare-models", "--from", COMPARISON, "--into", page),
            ("scripts/report", EXPERIMENT, "--csv", page),
            ("scripts/report", EXPERIMENT, "--csv", new),
        ):
            subprocess.run(
                [SOURCE / words[0], *words[1:]], check=False, capture_output=True, timeout=PATIENCE,
                preexec_fn=lambda: os.umask(0o077),
            )  # fmt: skip
            self.assertEqual(stat.S_IMODE(page.stat().st_mode), 0o600, words)
        self.assertEqual(stat.S_IMODE(new.stat().st_mode), 0o600)
        self.assertNotIn("<!--", page.read_text(), "it was replaced")

    def test_a_device_is_written_and_not_replaced(self):
        done = subprocess.run(
            [SOURCE / "scripts/report", EXPERIMENT, "--csv", "/dev/stdout", "-q"],
            capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("run,block,place,"))
        done = subprocess.run(
            [SOURCE / "scripts/report", EXPERIMENT, "--csv", "/dev/null", "-q"], timeout=PATIENCE
        )
        self.assertEqual(done.returncode, 0)
        self.assertTrue(pathlib.Path("/dev/null").is_char_device())

    def test_a_fifo_with_a_reader_gets_the_whole_document(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        copy = self.folder / "copy"
        # `cat` opens the FIFO before the script does, for reading and writing, so that neither waits.
        with subprocess.Popen(["sh", "-c", 'exec 3<>"$1"; echo; cat "$1" 3<&- >"$2"', "sh", fifo, copy],
                              stdout=subprocess.PIPE) as reader:  # fmt: skip
            reader.stdout.readline()
            done = subprocess.run(
                [SOURCE / "scripts/compare-models", "--from", COMPARISON, "--json", fifo],
                stdout=subprocess.DEVNULL, timeout=PATIENCE,
            )  # fmt: skip
            self.assertIn(done.returncode, (0, 1))
            give_up = time.monotonic() + PATIENCE
            while not (copy.exists() and copy.read_bytes().endswith(b"\n}\n")):
                self.assertLess(time.monotonic(), give_up, "the document is whole")
                time.sleep(0.02)
            reader.kill()
        self.assertTrue(stat.S_ISFIFO(fifo.stat().st_mode))


@unittest.skipUnless(os.geteuid() == 0, "only root can make a link of another user")
class Links(Case):
    def setUp(self):
        super().setUp()
        self.target = self.folder / "target"
        self.target.mkdir()
        (self.target / "file").write_text("kept")
        self.shared = self.folder / "shared"
        self.shared.mkdir()
        self.shared.chmod(0o1777)

    def link(self, to, owner):
        path = self.shared / "link"
        path.symlink_to(to)
        os.lchown(path, owner, owner)
        return path

    def test_of_another_user_in_a_shared_folder_are_not_followed(self):
        for name, to, words in (
            ("scripts/report", self.target / "file", (EXPERIMENT, "--csv")),
            ("scripts/bench", self.target / "file", ("client", "--json")),
            ("scripts/sweep", self.target, ("--factor", "n=2,4", "--out")),
            ("scripts/compare-models", self.target, ("--out",)),
        ):
            link = self.link(to, 12345)
            for path in (link, link / "x") if to is self.target else (link,):
                done = subprocess.run(
                    [SOURCE / name, *words, path], capture_output=True, text=True, timeout=PATIENCE
                )
                self.assertEqual((done.returncode, done.stderr.count("\n")), (2, 1), done.stderr)
                self.assertIn("link of another user", done.stderr)
            link.unlink()
        self.assertEqual([path.name for path in self.target.iterdir()], ["file"])
        self.assertEqual((self.target / "file").read_text(), "kept")

    def test_of_ones_own_are_followed(self):
        link = self.link(self.target / "file", os.geteuid())
        done = subprocess.run(
            [SOURCE / "scripts/report", EXPERIMENT, "--csv", link], capture_output=True,
            timeout=PATIENCE,
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(link.is_symlink())
        self.assertIn("outcome", (self.target / "file").read_text())


class Replace(Case):
    def test_leaves_nothing_behind_when_it_is_interrupted(self):
        import outputs

        with unittest.mock.patch("os.fsync", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                outputs.replace(self.folder / "file", "text")
        self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == "__main__":
    unittest.main()
