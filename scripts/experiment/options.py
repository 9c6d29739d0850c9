"""Models and options of the programs, as the programs themselves describe them (--describe).

    programs = Programs("build/bin")
    programs.model("callbacks")                                  "echo_async:callbacks"
    programs.of_server("echo_async:hand-off")["--dispatch"].choices   ("round-robin", "least")
    programs.of_client()["-n"].name                              "--connections"

A program that is missing raises Missing. A program of an older build may not know --describe. It is
recognised by exit code 2, and what needs its description raises TooOld. No list in the scripts has
to be extended when a program gets a new option. Schema: docs/schema/describe.json.
"""

import dataclasses
import os
import pathlib
import subprocess

import documents

SERVERS = ("echo_threads", "echo_async")
SCHEMA = "echo-testbed-describe/1"
TIMEOUT = 30
BUILD = "cmake -B build && cmake --build build"
USAGE = 2  #: exit code of a program that does not know --describe


class Missing(Exception):
    """A program is not there, or does not run. One line."""


class TooOld(Missing):
    """A program does not know --describe. One line."""


class Unknown(Exception):
    """No such model. One line that lists those that exist."""


@dataclasses.dataclass(frozen=True)
class Option:
    name: str  #: the long one
    short: str | None
    opposite: str | None  #: the name that switches off a flag that is on by default
    type: str  #: flag, choice, count, size, duration, ...
    unit: str | None  #: of a number without a suffix
    choices: tuple[str, ...]  #: the words that a choice allows; else empty
    default: str | bool | None
    models: tuple[str, ...] | None  #: the models that have it; None: all
    about: str  #: the sentence of the help

    @staticmethod
    def of(described):
        """From an element of "options"."""
        models = described["models"]
        return Option(
            name=described["name"],
            short=described["short"],
            opposite=described["negation"],
            type=described["type"],
            unit=described["unit"],
            choices=tuple(described["words"] or ()),
            default=described["default"],
            models=None if models is None else tuple(models),
            about=described["description"],
        )

    @property
    def takes_value(self):
        return self.type != "flag"

    @property
    def names(self):
        """All its names on a command line."""
        return [name for name in (self.name, self.short, self.opposite) if name]

    def words(self, level):
        """The option at a level, as words of a command line. ValueError: not a level of it.

        Numbers are not checked here, because the program itself reads them (Design.try_out).
        """
        if self.choices and level not in self.choices:
            *most, last = self.choices
            raise ValueError(f"{self.name} takes {', '.join(most)} or {last}")
        if self.takes_value:
            return [self.name, level]
        if level == "on":
            return [self.name]
        if level == "off":
            return [self.opposite] if self.opposite else []
        raise ValueError(f"{self.name} is a flag: its levels are on and off")


def by_name(described, model=None):
    """{name: Option} of a program's description, each under all its names. `model`: only the
    options that this model has; None: those of all models."""
    found = {}
    for one in described["options"]:
        if one["positional"] or (model and one["models"] and model not in one["models"]):
            continue
        option = Option.of(one)
        found.update(dict.fromkeys(option.names, option))
    return found


def absolute(server):
    """PROGRAM[:MODEL] whose program is a path, as typed in the working directory, made absolute;
    other programs are names in the folder of --bin."""
    program, colon, model = server.partition(":")
    return os.path.abspath(program) + colon + model if "/" in program else server


def missing(path):
    """One line: a program is not there, and the command that builds it."""
    return f"{path} is missing: {BUILD}, or --bin DIR"


class Programs:
    """The programs of one folder; each is run once."""

    def __init__(self, binaries):
        self.binaries = pathlib.Path(binaries)
        self._described = {}

    def description(self, program):
        """The document of --describe; None: the program is too old to know that option.

        `program`: a name in the folder, or the path of a program of another build.
        """
        if program not in self._described:
            self._described[program] = self._describe(self.binaries / program)
        return self._described[program]

    @staticmethod
    def _describe(path):
        words = [path, "--describe"]
        try:
            done = subprocess.run(
                *(words,),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT,
            )
        except OSError as error:
            hint = error.strerror if path.exists() else f"{BUILD}, or --bin DIR"
            raise Missing(f"{path} does not run: {hint}") from error
        except subprocess.SubprocessError as error:
            raise Missing(f"{path} --describe: no end within {TIMEOUT} s") from error
        if done.returncode == USAGE:
            return None
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
            raise Missing(f"{path} --describe: {lines[-1]}")
        try:
            document = documents.parse_json(done.stdout)
            schema = document["schema"]
        except (ValueError, KeyError, TypeError) as error:
            raise Missing(f"{path} --describe: prints no description") from error
        if schema != SCHEMA:
            raise Missing(f"{path} --describe: schema {schema}, expected {SCHEMA}")
        return document

    def described(self, program):
        """The document of --describe. TooOld: there is none."""
        found = self.description(program)
        if found is None:
            path = self.binaries / program
            raise TooOld(f"{path} is too old to describe its models and options: no --describe")
        return found

    def check_client(self):
        self.check("client")

    def check(self, *names):
        """Raises Missing unless the programs are there. `names`: of programs in the folder."""
        for name in names:
            if not os.access(self.binaries / name, os.X_OK):
                raise Missing(missing(self.binaries / name))

    def models_of(self, program):
        """PROGRAM:MODEL of a program's models."""
        return [f"{program}:{model['name']}" for model in self.described(program)["models"]]

    def models(self):
        """PROGRAM:MODEL of all."""
        return [model for program in SERVERS for model in self.models_of(program)]

    def model(self, wanted):
        """PROGRAM:MODEL of a model's name, with or without its program."""
        return self._chosen(wanted, self.models())

    @staticmethod
    def _chosen(wanted, known):
        for one in known:
            if wanted in (one, one.rpartition(":")[2]):
                return one
        names = ", ".join(one.rpartition(":")[2] for one in known)
        raise Unknown(f"model {wanted}: not one of {names}")

    def check_server(self, server):
        """Whether PROGRAM or PROGRAM:MODEL was checked; False: the program is too old for that.

        Raises Missing without such a program, Unknown without such a model.
        """
        program, _, model = server.partition(":")
        if self.description(program) is None:
            return False
        if model:
            self._chosen(server, self.models_of(program))
        return True

    def of_client(self):
        return by_name(self.described("client"))

    def of_server(self, server):
        """`server`: PROGRAM:MODEL --options; a program alone has the options of its default
        model."""
        program, _, model = server.partition(" --")[0].partition(":")
        described = self.described(program)
        return by_name(described, model or described["default_model"])

    def models_with(self, name):
        """PROGRAM:MODEL of the models that have an option."""
        return [model for model in self.models() if name in self.of_server(model)]
