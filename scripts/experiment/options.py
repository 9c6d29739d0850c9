"""What the programs take, asked of the programs themselves: models and options, by --help.

    programs = Programs("build/bin")
    programs.model("callbacks")              "echo_async:callbacks"
    programs.of_server("echo_async:callbacks")["--work"].takes_value     True
    programs.of_client()["-n"].name          "--connections"

A program that is missing raises Missing; nothing here is a list that a new option has to join.
"""

import dataclasses
import os
import pathlib
import re
import subprocess

SERVERS = ("echo_threads", "echo_async")
TIMEOUT = 30
#: A line of --help: names, what they take, and what is so unless told.
LINE = re.compile(r"^  ((?:-\w,)?--[\w-]+(?:,--[\w-]+)*)(?: ([^ (]\S*))?(?: \([^)]*\))?(?: |$)")


class Missing(Exception):
    """A program is not there, or does not run. One line."""


class Unknown(Exception):
    """No such model or option. One line that says what there is."""


@dataclasses.dataclass(frozen=True)
class Option:
    name: str  #: its long one
    short: str | None
    takes_value: bool
    opposite: str | None  #: what switches a flag off that is on unless told

    def words(self, level):
        """The option at a level, as words of a command line."""
        if self.takes_value:
            return [self.name, level]
        if level == "on":
            return [self.name]
        if level == "off":
            return [self.opposite] if self.opposite else []
        raise ValueError(f"{self.name} is switched on or off: its levels are on and off")


def parse(help_text):
    """Options by each of their names."""
    found = {}
    for line in help_text.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        names = match[1].split(",")
        longs = [name for name in names if name.startswith("--")]
        opposite = next((name for name in longs[1:] if name == f"--no-{longs[0][2:]}"), None)
        short = next((name for name in names if not name.startswith("--")), None)
        option = Option(longs[0], short, match[2] is not None, opposite)
        for name in names:
            found[name] = option
    return found


class Programs:
    """The programs of one folder; each is asked once."""

    def __init__(self, binaries):
        self.binaries = pathlib.Path(binaries)
        self._told = {}

    def ask(self, program, *words):
        """What a program prints."""
        if (program, *words) not in self._told:
            path = self.binaries / program
            try:
                done = subprocess.run(
                    [path, *words], capture_output=True, text=True, timeout=TIMEOUT, check=True
                )
            except OSError as error:
                hint = "cmake --build build, or --bin DIR" if not path.exists() else error.strerror
                raise Missing(f"{path} does not run: {hint}") from error
            except subprocess.SubprocessError as error:
                said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
                raise Missing(f"{path} {' '.join(words)}: {said}") from error
            self._told[program, *words] = done.stdout
        return self._told[program, *words]

    def check_client(self):
        if not os.access(self.binaries / "client", os.X_OK):
            path = self.binaries / "client"
            raise Missing(f"{path} is missing: cmake --build build, or --bin DIR")

    def models(self):
        """PROGRAM:MODEL of all."""
        return [
            f"{program}:{line.split()[0]}"
            for program in SERVERS
            for line in self.ask(program, "--list-models").splitlines()
            if line.strip()
        ]

    def model(self, wanted):
        """PROGRAM:MODEL of a model's name, with or without its program."""
        found = [one for one in self.models() if wanted in (one, one.partition(":")[2])]
        if not found:
            names = ", ".join(one.partition(":")[2] for one in self.models())
            raise Unknown(f"model {wanted}: not one of {names}")
        return found[0]

    def of_client(self):
        return parse(self.ask("client", "--help"))

    def of_server(self, server):
        """`server`: PROGRAM:MODEL --options, or a program alone."""
        program, _, model = server.split()[0].partition(":")
        return parse(self.ask(program, *(["--model", model] if model else []), "--help"))
