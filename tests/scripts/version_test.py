#!/usr/bin/python3
"""Every script answers --version and --help: in a source tree, in an unpacked archive, installed."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("TESTBED_SOURCE_DIR", pathlib.Path(__file__).parents[2]))
VERSION = re.search(
    r"^project\(\w+ VERSION ([\d.]+)", (SOURCE / "CMakeLists.txt").read_text(), re.MULTILINE
)[1]
SCRIPTS = [
    path
    for folder in ("scripts", "bench")
    for path in sorted((SOURCE / folder).iterdir())
    if path.is_file() and os.access(path, os.X_OK)
]
TIMEOUT = 60


def output_of(*command, **more):
    """(exit code, stdout, stderr)"""
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, **more)
    return done.returncode, done.stdout, done.stderr


class Scripts(unittest.TestCase):
    def test_are_found(self):
        names = {str(path.relative_to(SOURCE)) for path in SCRIPTS}
        self.assertLessEqual({"scripts/setup", "scripts/sweep", "bench/instructions"}, names)

    def test_print_version_commit_and_interpreter(self):
        for path in SCRIPTS:
            name = path.relative_to(SOURCE)
            with self.subTest(name), tempfile.TemporaryDirectory() as elsewhere:
                code, text, errors = output_of(path, "--version", cwd=elsewhere)
                self.assertEqual((code, errors), (0, ""))
                lines = text.splitlines()
                self.assertEqual(lines[0], f"{name} (echo testbed) {VERSION}")
                self.assertRegex(lines[1], r"^commit     ([0-9a-f]{12}( with changes)?|unknown)$")
                self.assertRegex(lines[2], r"^(bash|python)     +\d+\.\d+\.\d+$")
                self.assertRegex("\n".join(lines[3:]), r"^(tools      \S.*)?$")
                self.assertEqual(os.listdir(elsewhere), [])

    def test_explain_themselves_and_name_the_option(self):
        for path in SCRIPTS:
            with self.subTest(path.relative_to(SOURCE)):
                code, text, errors = output_of(path, "--help")
                self.assertEqual((code, errors), (0, ""))
                self.assertIn("--version", text)


class Text(unittest.TestCase):
    def setUp(self):
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = pathlib.Path(held.name)
        (self.folder / "scripts").mkdir()
        shutil.copy(SOURCE / "scripts" / "version.sh", self.folder / "scripts")

    def lines(self, *tools, **more):
        script = self.folder / "scripts" / "version.sh"
        words = ("sh", script, "scripts/some", "bash", "5.2.15(1)-release", *tools)
        code, text, errors = output_of(*words, **more)
        self.assertEqual((code, errors), (0, ""))
        return text.splitlines()

    def tool(self, name, text):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def source_tree(self):
        (self.folder / "CMakeLists.txt").write_text("#\nproject(echo_testbed VERSION 3.4.5 X)\n")

    def git(self, *words):
        names = ("-c", "user.name=A", "-c", "user.email=a@example.org")
        command = ["git", "-C", self.folder, *names, *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def test_of_an_installed_script_is_that_of_its_build(self):
        self.source_tree()  # an unrelated one above
        (self.folder / "scripts" / "VERSION").write_text("1.2.3\n0123456789ab with changes\n")
        self.assertEqual(
            self.lines(),
            ["scripts/some (echo testbed) 1.2.3", "commit     0123456789ab with changes",
             "bash       5.2.15"],
        )  # fmt: skip

    @unittest.skipUnless(shutil.which("git"), "git is not installed")
    def test_of_a_checkout_has_its_commit_and_whether_files_changed(self):
        self.source_tree()
        self.git("init", "--quiet")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", "some")
        commit = self.git("rev-parse", "--short=12", "HEAD")
        self.assertEqual(self.lines()[:2], ["scripts/some (echo testbed) 3.4.5", f"commit     {commit}"])
        with open(self.folder / "CMakeLists.txt", "a") as file:
            file.write("# more\n")
        self.assertEqual(self.lines()[1], f"commit     {commit} with changes")

    @unittest.skipUnless(shutil.which("git"), "git is not installed")
    def test_of_an_unpacked_archive_ignores_a_repository_above_it(self):
        self.source_tree()
        self.git("init", "--quiet")
        inner = self.folder / "archive"
        inner.mkdir()
        for name in ("scripts", "CMakeLists.txt"):
            (self.folder / name).rename(inner / name)
        self.folder = inner
        self.assertEqual(
            self.lines()[:2], ["scripts/some (echo testbed) 3.4.5", "commit     unknown"]
        )

    def test_is_unknown_without_either(self):
        self.assertEqual(
            self.lines()[:2], ["scripts/some (echo testbed) unknown", "commit     unknown"]
        )

    def test_names_tools_and_their_versions(self):
        plot = self.tool("plot", "echo gnuplot 5.4 patchlevel 4")
        compiler = self.tool("compiler", "echo 'c++ (Debian 12.2.0-14+deb12u1) 12.2.0'; echo 9.9")
        silent = self.tool("silent", "exit 1")
        self.assertEqual(
            self.lines(plot, compiler, silent, "no-such-tool")[3:],
            [f"tools      {plot} 5.4.4, {compiler} 12.2.0, {silent} of unknown version, "
             "no-such-tool not installed"],
        )  # fmt: skip

    def test_that_cannot_be_written_is_an_error(self):
        script = self.folder / "scripts" / "version.sh"
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                ["sh", script, "scripts/some", "bash", "5"], stdout=full, stderr=subprocess.DEVNULL
            )
        self.assertEqual(done.returncode, 7)


if __name__ == "__main__":
    unittest.main()
