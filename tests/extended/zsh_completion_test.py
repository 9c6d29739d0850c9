#!/usr/bin/python3
"""The completion of zsh, by pressing TAB in an interactive shell that has only this file."""

import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "packaging"))
import installed  # noqa: E402

ZSH = shutil.which("zsh")
READY = "ready to complete"


class Shell:
    """zsh on a terminal of its own."""

    def __init__(self, folder):
        functions = pathlib.Path(folder) / "functions"
        functions.mkdir()
        shutil.copy(installed.BUILD / "packaging" / "completion.zsh", functions / "_echo-testbed")
        self.terminal, child = pty.openpty()
        environment = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": folder, "LC_ALL": "C.UTF-8"}
        self.process = subprocess.Popen(
            [ZSH, "-f", "-i"], stdin=child, stdout=child, stderr=child, cwd=folder, env=environment,
            start_new_session=True,
        )  # fmt: skip
        os.close(child)
        self.type(f"PS1='$ '; fpath=({functions} $fpath); autoload -Uz compinit; compinit -D -u\n")
        self.type("setopt no_list_ambiguous auto_list; LISTMAX=1000; zstyle ':completion:*' list-prompt ''\n")
        self.type(f"print ${{:-{READY[:5]}}} {READY[6:]}\n")
        self.wait_for(f"\n{READY}")

    def type(self, text):
        os.write(self.terminal, text.encode())

    def wait_for(self, wanted):
        seen, end = "", time.monotonic() + installed.TIMEOUT
        while wanted not in seen.replace("\r", "") and time.monotonic() < end:
            if select.select([self.terminal], [], [], 1)[0]:
                seen += os.read(self.terminal, 4096).decode(errors="replace")
        return seen.replace("\r", "")

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


@unittest.skipUnless(ZSH, "zsh is not installed")
class Tab(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.shell = Shell(folder.name)
        self.addCleanup(self.shell.close)

    def completes(self, typed, wanted):
        self.shell.type(f"\x15echo-testbed {typed}\t")  # ^U: an empty line before
        seen = self.shell.wait_for(f"echo-testbed {wanted}")
        self.assertIn(f"echo-testbed {wanted}", seen)

    def lists(self, typed, *wanted):
        self.shell.type(f"\x15echo-testbed {typed}\t\t")
        seen = self.shell.wait_for(wanted[-1])
        for text in wanted:
            self.assertIn(text, seen)

    def test_completes_names_options_choices_and_models(self):
        self.completes("lim", "limits ")
        self.completes("client --find", "client --find-rate")
        self.completes("client --mode ch", "client --mode churn ")
        self.completes("client --mode=ch", "client --mode=churn ")
        self.completes("echo_async --model nes", "echo_async --model nested-epoll ")
        self.completes("bench server --fl", "bench server --floor")
        self.completes("tune back", "tune backlog ")

    def test_options_of_a_server_are_those_of_its_model(self):
        self.completes("echo_async --model hand-off --disp", "echo_async --model hand-off --dispatch")
        self.completes("echo_async --model=io-uring --ring", "echo_async --model=io-uring --ring-buffers")
        self.shell.type("\x15echo-testbed echo_async --disp\t\n")
        self.assertNotIn("--dispatch", self.shell.wait_for("\n"))

    def test_lists_names_with_what_they_are(self):
        self.lists("", "client", "Holds N connections", "tune", "Measures the effect of kernel settings")

    def test_completes_files(self):
        (self.folder / "document.json").touch()
        self.completes("client --json doc", "client --json document.json")
        self.completes("client --json=doc", "client --json=document.json")
        self.completes("report doc", "report document.json")


if __name__ == "__main__":
    unittest.main()
