#!/usr/bin/python3
"""The one command of an installed testbed: it is the program that it names, and lists the others."""

import gzip
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest

import installed

PREFIX = installed.install()
COMMAND = PREFIX / "bin" / "echo-testbed"
HOME = PREFIX / "libexec" / "echo-testbed"
NAMES = [line.split("\t")[0] for line in (HOME / "commands").read_text().splitlines()]


def run(*words, **more):
    return installed.run(COMMAND, *words, **more)


class List(unittest.TestCase):
    def test_has_a_line_for_each_program_and_script(self):
        scripts = installed.SOURCE / "scripts"
        wanted = {path.name for path in scripts.iterdir() if path.is_file() and os.access(path, os.X_OK)}
        wanted |= {"client", "echo_threads", "echo_async", "limits"}
        self.assertEqual(set(NAMES), wanted - {"setup", "test"})  # these need a source tree
        for words in ((), ("--help",), ("-h",)):
            code, text, errors = run(*words)
            self.assertEqual((code, errors), (0, ""))
            for name in NAMES:
                self.assertRegex(text, rf"(?m)^  {name} +\S.{{20,100}}$")

    def test_that_cannot_be_written_is_an_error(self):
        for word in ("--help", "--version"):
            with open("/dev/full", "w") as full:
                self.assertEqual(run(word, stdout=full)[0], 7)

    def test_is_named_for_an_unknown_name(self):
        for name in ("clint", "", ".", "../bin/client", "version.sh", "floor_client", "a b", "*"):
            if name:
                code, text, errors = run(name)
                self.assertEqual((code, text), (2, ""))
                self.assertEqual(errors, f"echo-testbed: unknown name '{name}': {', '.join(NAMES)}\n")
        code, text, errors = run("--halp")
        self.assertEqual((code, text, errors.count("\n")), (2, "", 1))
        self.assertIn("unknown option '--halp': --help, --version or a name: client, ", errors)


class Version(unittest.TestCase):
    def test_is_that_of_the_programs(self):
        code, text, errors = run("--version")
        self.assertEqual((code, errors), (0, ""))
        described = json.loads(run("client", "--describe")[1])["version"]
        lines = [f"echo-testbed (echo testbed) {described['version']}", f"commit     {described['commit']}"]
        self.assertEqual(text.splitlines(), lines)

    def test_of_each_script_names_it_as_it_is_typed(self):
        for name in NAMES:
            code, text, errors = run(name, "--version")
            self.assertEqual((code, errors), (0, ""), name)
            self.assertRegex(text, rf"\A(echo-testbed )?{name} \(echo testbed\) \d")


class Program(unittest.TestCase):
    def test_replaces_the_command_and_gets_its_arguments(self):
        child = subprocess.Popen(
            [COMMAND, "echo_async", "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.addCleanup(child.kill)
        line = child.stderr.readline()
        self.assertIn("listening", line)
        self.assertEqual(pathlib.Path(f"/proc/{child.pid}/comm").read_text(), "echo_async\n")
        child.send_signal(signal.SIGINT)
        text, _ = child.communicate(timeout=installed.TIMEOUT)
        self.assertEqual(child.returncode, 0)
        self.assertIn("EXITING", text)

    def test_exit_code_and_quoting_are_its_own(self):
        code, _, errors = run("client", "--data", "two words", "--size", "0")
        self.assertEqual(code, 2)
        self.assertTrue(errors.startswith("client: "), errors)
        self.assertEqual(run("sweep", "--factor", "no such=1")[0], 2)

    def test_inherits_limits_and_descriptors(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        child = subprocess.Popen(
            [COMMAND, "echo_async", "--port", "0", "--ready-fd", str(writing)],
            pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)),
        )  # fmt: skip
        self.addCleanup(child.wait, installed.TIMEOUT)
        self.addCleanup(child.terminate)
        os.close(writing)
        self.assertRegex(os.read(reading, 100).decode(), r"^\d+\n$")
        limits = pathlib.Path(f"/proc/{child.pid}/limits").read_text()
        self.assertRegex(limits, r"Max open files +300 +300 ")

    def test_leaves_stdin_to_the_program(self):
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        with subprocess.Popen(
            [COMMAND, "echo_async", "--port", "0", "--ready-fd", str(writing)], stdin=reading,
            pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as child:  # fmt: skip
            os.close(writing)
            child.stderr.readline()  # it listens
            link = os.readlink(f"/proc/{child.pid}/fd/0")
            child.terminate()
        self.assertEqual(link, os.readlink(f"/proc/self/fd/{reading}"))

    def test_is_found_by_a_link_and_from_any_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            link = pathlib.Path(folder) / "et"
            link.symlink_to(COMMAND)
            linked = pathlib.Path(folder) / "bin"  # as /bin on a merged /usr
            linked.symlink_to(COMMAND.parent)
            for words in ((link,), (linked / "echo-testbed",), ("sh", COMMAND)):
                code, text, errors = installed.run(*words, "limits", "--version", cwd=folder)
                self.assertEqual((code, errors), (0, ""), words)
            path = f"{COMMAND.parent}:{os.environ['PATH']}"
            code, _, errors = installed.run(
                "sh", "-c", "echo-testbed limits --version", cwd=folder, env=os.environ | {"PATH": path}
            )
            self.assertEqual((code, errors), (0, ""))
            code, _, errors = installed.run(
                "sh", "-c", "PATH=:$PATH; echo-testbed limits --version", cwd=COMMAND.parent
            )
            self.assertEqual((code, errors), (0, ""))

    def test_of_a_damaged_installation_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(COMMAND, folder)
            code, text, errors = installed.run(pathlib.Path(folder) / "echo-testbed", "client")
            self.assertEqual((code, text), (7, ""))
            self.assertIn("commands: missing; the installation is incomplete", errors)


class Scripts(unittest.TestCase):
    def test_have_the_names_of_the_installation(self):
        """Nobody can type scripts/sweep there."""
        pattern = re.compile(rf"(?<![\w./-])scripts/({'|'.join(NAMES)})(?![\w/-]|\.\w)")
        for path in sorted((HOME / "scripts").rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                self.assertIsNone(pattern.search(path.read_text()), path)
        self.assertEqual(run("compare", "--no-such")[2].partition(":")[0], "echo-testbed compare")

    def test_run_the_installed_programs(self):
        with tempfile.TemporaryDirectory() as folder:
            code, text, errors = run(
                "sweep", "--factor", "model=callbacks,coroutines", "--reps", "2", "-n", "10", "--seconds", "0.1",
                "--warm-up", "0", "--confidence", "0.5", "--out", "trial", cwd=folder,
            )  # fmt: skip
            self.assertEqual(code, 0, errors)
            stored = json.loads((pathlib.Path(folder) / "trial" / "experiment.json").read_text())
            self.assertTrue(stored["command"].startswith("echo-testbed sweep --factor "), stored["command"])
            manifest, built = stored["manifest"], json.loads(run("client", "--describe")[1])["version"]
            self.assertIsNotNone(manifest["programs"]["client"], "the manifest has their hashes")
            self.assertEqual(manifest["build"]["type"], built["build_type"])
            self.assertEqual(manifest["build"]["compiler"], built["compiler"])
            commit, _, changes = built["commit"].partition(" ")
            if commit != "unknown":
                self.assertEqual(manifest["commit"], {"id": commit, "dirty": bool(changes), "describe": None})

    def test_find_the_shipped_experiments(self):
        code, text, _ = run("tune", "--list")
        self.assertEqual(code, 0)
        self.assertIn("backlog", text)

    def test_setup_and_test_are_not_installed(self):
        for name in ("setup", "test"):
            self.assertEqual(run(name)[0], 2)
            self.assertFalse((HOME / "scripts" / name).exists())


class Demo(unittest.TestCase):
    def test_runs_from_an_installation_and_writes_into_the_working_directory(self):
        with tempfile.TemporaryDirectory() as folder:
            code, text, errors = run("demo", "-n", "100", cwd=folder)
            self.assertEqual(code, 0, errors)
            self.assertNotIn("packages", errors)
            self.assertIn("echo-testbed limits -n 100k", text)
            results = list(pathlib.Path(folder).glob("results/demo-*/answer.json"))
            self.assertEqual(len(results), 1)
            self.assertEqual(os.listdir(folder), ["results"])
        self.assertFalse((HOME / "results").exists())


class Documents(unittest.TestCase):
    def test_schemas_and_licence_are_installed(self):
        documents = PREFIX / "share" / "doc" / "echo-testbed"
        for path in (installed.SOURCE / "docs" / "schema").iterdir():
            self.assertEqual((documents / "docs" / "schema" / path.name).read_bytes(), path.read_bytes())
        licence = (installed.SOURCE / "LICENSE").read_text().split()[5:]
        self.assertIn(" ".join(licence), " ".join((documents / "copyright").read_text().replace(" .\n", " ").split()))
        self.assertTrue((documents / "changelog.gz").exists())

    def test_notices_of_linked_libraries_are_installed(self):
        path = PREFIX / "share" / "doc" / "echo-testbed" / "copyright-libraries.gz"
        notices = gzip.decompress(path.read_bytes()).decode()
        for package in ("libcli11-dev", "libfmt-dev", "liburing-dev"):
            self.assertIn(f"==== {package}\n", notices)
            original = pathlib.Path("/usr/share/doc") / package / "copyright"
            if original.is_file():
                self.assertIn(original.read_text(), notices)


if __name__ == "__main__":
    unittest.main()
