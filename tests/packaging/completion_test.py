#!/usr/bin/python3
"""The completion of Bash: what a TAB offers, asked of Bash itself.

The function gets what Bash sets at a TAB; one case presses TAB in an interactive shell.
"""

import json
import os
import pathlib
import pty
import select
import subprocess
import tempfile
import time
import unittest

import installed

SCRIPT = installed.BUILD / "packaging" / "completion.bash"
DRIVER = """
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
complete -p echo-testbed >/dev/null || exit 9
_echo_testbed
printf '%s\\n' "${COMPREPLY[@]}"
"""


def offered(line, cwd=None):
    words = ["bash", "--norc", "-c", DRIVER, "driver", SCRIPT, line]
    code, text, errors = installed.run(*words, cwd=cwd)
    assert (code, errors) == (0, ""), (code, errors)
    return [word for word in text.split("\n") if word]


def described(program):
    return json.loads(installed.run(installed.BIN / program, "--describe")[1])


def names_of(option):
    return {name for name in (option["name"], option["short"], option["negation"]) if name}


class Names(unittest.TestCase):
    def test_of_commands(self):
        self.assertEqual(offered("echo-testbed lim"), ["limits"])
        self.assertEqual(offered("echo-testbed compare"), ["compare", "compare-models"])
        self.assertLessEqual({"client", "demo", "tune"}, set(offered("echo-testbed ")))
        self.assertEqual(offered("echo-testbed --v"), ["--version"])
        self.assertEqual(offered("echo-testbed nothing "), [])

    def test_of_parts(self):
        self.assertEqual(offered("echo-testbed bench "), ["client", "server"])
        self.assertIn("--floor", offered("echo-testbed bench server --f"))
        self.assertNotIn("--floor", offered("echo-testbed bench client --f"))
        self.assertIn("merge", offered("echo-testbed client m"))


class Options(unittest.TestCase):
    def test_are_those_of_describe(self):
        for program in ("client", "limits"):
            wanted = {
                name for one in described(program)["options"] if not one["positional"] for name in names_of(one)
            }
            seen = set(offered(f"echo-testbed {program} -"))
            self.assertLessEqual(wanted, seen)
            self.assertLessEqual(seen - wanted, {"-h", "--help", "--version", "--describe"})

    def test_of_a_server_are_those_of_its_model(self):
        for program in ("echo_threads", "echo_async"):
            document = described(program)
            for model in [None, *[one["name"] for one in document["models"]]]:
                chosen = model or document["default_model"]
                wanted = {
                    name for one in document["options"] for name in names_of(one)
                    if one["models"] is None or chosen in one["models"]
                }  # fmt: skip
                for given in (f"--model {model} ", f"--model={model} ") if model else ("",):
                    seen = set(offered(f"echo-testbed {program} {given}--")) | {"-p", "-s", "-w"}
                    self.assertLessEqual(wanted, seen, given)
                    others = seen - wanted - {"-p", "-s", "-w"}
                    self.assertLessEqual(others, {"--help", "--version", "--describe", "--list-models"})

    def test_of_a_script_are_those_of_its_help(self):
        self.assertEqual(offered("echo-testbed sweep --fac"), ["--factor"])
        self.assertEqual(offered("echo-testbed demo --m"), ["--markdown"])


class Values(unittest.TestCase):
    def test_of_a_choice(self):
        for given in ("--mode ", "--mode="):
            self.assertEqual(offered(f"echo-testbed client {given}"), ["hold", "stream", "churn"])
        self.assertEqual(offered("echo-testbed compare a b --mode ch"), ["churn"])

    def test_are_models_where_a_model_is_wanted(self):
        models = [one["name"] for one in described("echo_async")["models"]]
        self.assertEqual(offered("echo-testbed echo_async --model "), models)
        self.assertEqual(offered("echo-testbed echo_async --model=cal"), ["callbacks"])
        self.assertIn("io-uring", offered("echo-testbed limits --model i"))
        self.assertIn("prefork", offered("echo-testbed stack-sweep --model p"))

    def test_with_a_colon_are_what_bash_replaces(self):
        self.assertIn("echo_async:callbacks", offered("echo-testbed compare echo_a"))
        self.assertEqual(offered("echo-testbed compare echo_async:ca"), ["callbacks"])

    def test_of_other_options_are_not_offered(self):
        self.assertEqual(offered("echo-testbed client -n "), [])
        self.assertEqual(offered("echo-testbed client --depth "), [])

    def test_are_factors_with_their_sign(self):
        self.assertIn("stack=", offered("echo-testbed sweep --factor st"))

    def test_are_files_and_folders(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "some results").mkdir()
            (pathlib.Path(folder) / "server.json").touch()
            seen = offered("echo-testbed client --json s", folder)
            self.assertEqual(sorted(seen), ["server.json", "some results"])
            self.assertEqual(offered("echo-testbed sweep --out s", folder), ["some results"])
            self.assertIn("server.json", offered("echo-testbed report ser", folder))
            self.assertIn("backlog", offered("echo-testbed tune b", folder))

    def test_behind_two_dashes_are_not_guessed(self):
        self.assertEqual(offered("echo-testbed limits -- --w"), [])


class Tab(unittest.TestCase):
    def test_completes_in_an_interactive_shell(self):
        """No program is started for it: the PATH has none."""
        parent, child = pty.openpty()
        environment = {"PATH": "/nonexistent", "TERM": "dumb", "PS1": "$ ", "HOME": "/nonexistent"}
        shell = subprocess.Popen(
            ["/bin/bash", "--norc", "--noprofile", "-i"], stdin=child, stdout=child, stderr=child,
            env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(child)
        self.addCleanup(os.close, parent)
        self.addCleanup(shell.wait)
        self.addCleanup(shell.kill)
        os.write(parent, f"source {SCRIPT}\nenable -n echo; echo-testbed echo_a\t--model=nes\t".encode())
        seen, end = "", time.monotonic() + installed.TIMEOUT
        while "--model=nested-epoll" not in seen and time.monotonic() < end:
            if select.select([parent], [], [], 1)[0]:
                seen += os.read(parent, 4096).decode(errors="replace")
        self.assertIn("echo-testbed echo_async --model=nested-epoll", seen)


if __name__ == "__main__":
    unittest.main()
