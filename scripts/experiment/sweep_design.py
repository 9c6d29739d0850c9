"""The design of a sweep: its factors, the commands of each cell, and a check that they can run.

    design = sweep_design.Design(programs, server="echo_async", client=["-n", "1000"])
    design.add("work=none,cpu:1us")
    design.spec({"work": "cpu:1us"})          runs.Spec
    design.try_out()                          raises Usage if a level runs in no cell
"""

import contextlib
import difflib
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import tempfile

import bench_runs
import orphans

from . import foreign_server, options, plan, quantity, runs

ALIASES = {"stack": "--stack-size", "touch": "--touch-stack", "n": "--connections"}
DEFAULT_SERVER = "echo_threads:thread-per-connection"
#: Options that the scripts set themselves, or that turn a run into something else.
RESERVED = {
    "server": {"--port", "--json", "--ready-fd", "--stats"},
    "client": {
        *("--json", "--hgrm", "--series", "--interval", "--server-pid", "--label"),
        *("--quiet", "--progress", "--find-rate", "--calibrate", "--repeat", "--start-at"),
    },
}
HINT = " (--help lists the options)"


class Usage(Exception):
    """A usage error: one line with the mistake and what is allowed."""


def split(text, what):
    """The words of a command line, split as a shell does. The path of a program may have spaces
    without quotes, if the program is there."""
    words = _with_spaces(text or "")
    try:
        return words or shlex.split(text or "")
    except ValueError as error:
        raise Usage(f"{what} '{text}': {error}; quote as in a shell") from error


def _with_spaces(text):
    """The words, if the text begins with the path of a program whose name has a space; else []."""
    at = len(text)
    while " " in text[:at].strip():
        program, _, model = text[:at].partition(":")
        is_one = " " in program and " " not in model
        if is_one and os.path.isfile(program) and os.access(program, os.X_OK):
            with contextlib.suppress(ValueError):
                return [text[:at], *shlex.split(text[at:])]
        at = text.rfind(" ", 0, at)
    return []


def check_command(command, what):
    """Raises Usage unless a shell could split the command."""
    if not split(command, what)[0].strip():
        raise Usage(f"{what} '{command}': names no program")


class Design:
    """`server`: PROGRAM[:MODEL] [--options], only options, or a command with {port}; None: the
    default server. `client`: fixed options of the client."""

    def __init__(self, programs, server=None, client=(), cpus=(None, None)):
        self.programs, self.client, self.cpus = programs, list(client), cpus
        self.settle = True  #: before each run, wait until the kernel has freed memory
        self.command = server if server and foreign_server.is_foreign(server) else None
        if self.command:
            check_command(self.command, "--command")
        self.factors, self.options = [], {}
        words = [] if self.command else split(server, "--server")
        self.program = None
        if words and not words[0].startswith("-"):
            self.program = options.absolute(words.pop(0))
        self.server_words = words

    # ---- factors ---------------------------------------------------------------------------------
    def add(self, text):
        """Adds a --factor NAME=LEVEL,LEVEL... Levels with commas are separated by semicolons."""
        name, equals, levels = text.partition("=")
        levels = [one.strip() for one in re.split(r"[;]" if ";" in levels else r"[,]", levels)]
        if not equals or not name or not all(levels) or not levels:
            raise Usage(
                f"--factor {text}: must be NAME=LEVEL,LEVEL..., as stack=16K,64K; the first level "
                "is the baseline"
            )
        for level in levels:
            if re.fullmatch("0[0-9]+", level):
                raise Usage(
                    f"--factor {text}: level {level} begins with 0; a comma separates levels, so "
                    "write thousands without it, as 1000 or 1k"
                )
        if len(set(levels)) < len(levels):
            raise Usage(f"--factor {text}: a level is given twice")
        if any(one.name == name for one in self.factors):
            raise Usage(f"--factor {name}: given twice; give all its levels at once")
        self.factors.append(self._factor(name, levels))

    def _factor(self, name, levels):
        if self.command and f"{{{name}}}" in self.command:
            return plan.Factor(name, "server", None, tuple(levels))
        if name == "model":
            return self._model(levels)
        end, _, bare = name.rpartition(".")
        if end not in ("", "server", "client"):
            raise Usage(f"--factor {name}: {end} is not server or client")
        long = ALIASES.get(bare, f"--{bare}")
        there = self._ends_of(long)
        if end:
            there = {end: there[end]} if end in there else {}
        if not there:
            raise Usage(f"--factor {name}: {self._no_such(long, bare, end)}")
        if len(there) > 1:
            raise Usage(
                f"--factor {name}: both ends have this option: server.{bare}= or client.{bare}="
            )
        (end, option), = there.items()
        if option.name in RESERVED[end]:
            raise Usage(f"--factor {name}: the script itself sets {option.name}")
        for level in levels:
            try:
                option.words(level)
            except ValueError as error:
                raise Usage(f"--factor {name}={level}: {error}") from error
        values = {}
        for level in levels:
            value = quantity.value_of(level, option.type)
            if option.type == "count" and not isinstance(value, int):
                raise Usage(f"--factor {name}: '{level}' is not a count, such as 1000, 10k or 1M")
            same = values.setdefault(value, level)
            if same != level:
                raise Usage(f"--factor {name}: levels {same} and {level} are the same value")
        self.options[name] = option
        return plan.Factor(name, end, option.name, tuple(levels))

    def _model(self, levels):
        if self.command:
            raise Usage("--factor model: the server of --command has no models")
        if self.program:
            raise Usage(f"--factor model: omit --server {self.program}, because it sets the server")
        try:
            for level in levels:
                self.programs.model(level)
        except options.Unknown as error:
            raise Usage(f"--factor {error}") from error
        return plan.Factor("model", "server", "--model", tuple(levels))

    def _ends_of(self, long):
        """{end: Option} of the ends that have the option; of all servers of the design."""
        found = {}
        for server in self.servers():
            option = self.programs.of_server(server).get(long)
            if option:
                found["server"] = option
        option = self.programs.of_client().get(long)
        return found | ({"client": option} if option else {})

    def _no_such(self, long, bare, end):
        """Why there is no such option: no program has it, or only other models."""
        servers = self.servers()
        others = self.programs.models_with(long) if servers and end != "client" else []
        if others:
            names = ", ".join(one.rpartition(":")[2] for one in others)
            return f"{servers[0]} has no {long}; models that have it: {names}"
        return f"no such option{self._similar(bare, end)}"

    def _similar(self, name, end):
        known = {"client": set(self.programs.of_client()), "server": set()}
        for server in self.servers():
            known["server"] |= set(self.programs.of_server(server))
        names = {
            option[2:]
            for one, listed in known.items()
            for option in listed - RESERVED[one]
            if option.startswith("--") and not option.startswith("--no-") and end in ("", one)
        }
        close = difflib.get_close_matches(name, sorted({*names, *ALIASES, "model"}), 3, 0.6)
        if close:
            return f"; did you mean {' or '.join(close)}?"
        return "; allowed: stack, touch, n, model, " + ", ".join(sorted(names))

    # ---- cells -----------------------------------------------------------------------------------
    def servers(self):
        """PROGRAM:MODEL of all servers of the design; none with --command."""
        if self.command:
            return []
        for factor in self.factors:
            if factor.name == "model":
                return [self.programs.model(level) for level in factor.levels]
        return [self.program or DEFAULT_SERVER]

    def check_server(self):
        """Raises Usage unless the fixed part names an existing program and model."""
        if self.command or not self.program:
            return
        program, _, model = self.program.partition(":")
        if program not in options.SERVERS and "/" not in program and model == "":
            # `--server callbacks` names a model without its program.
            try:
                self.program = self.programs.model(program)
            except options.Unknown as error:
                raise Usage(f"--server {program}: not a program; {error}") from error
            return
        self.programs.described(program)  # a sweep needs it: raises TooOld or Missing
        try:
            self.programs.check_server(self.program)
        except options.Unknown as error:
            raise Usage(f"--server: {error}") from error

    def spec(self, cell):
        client, server = list(self.client), list(self.server_words)
        program = self.program or DEFAULT_SERVER
        command = self.command
        for factor in self.factors:
            level = cell[factor.name]
            if factor.name == "model" and factor.option == "--model":
                program = self.programs.model(level)
            elif factor.option is None:
                command = command.replace(f"{{{factor.name}}}", level)
            else:
                (client if factor.end == "client" else server).extend(
                    self.options[factor.name].words(level)
                )
        return runs.Spec(
            cell,
            command or program,
            client,
            server_arguments=server,
            cpus=self.cpus,
            settle=self.settle,
        )

    def fixed(self):
        """The fixed options, for experiment.json."""
        server = self.command or shlex.join([self.program or "", *self.server_words]).strip("' ")
        if not self.command and not self.program:
            varied = any(factor.name == "model" for factor in self.factors)
            server = shlex.join([*([] if varied else [DEFAULT_SERVER]), *self.server_words])
        return {"server": server, "client": list(self.client)}

    # ---- whether it can run ----------------------------------------------------------------------
    def try_out(self):
        """Starts each cell's server without a load, and each cell's client without a server.

        Raises Usage if a level runs in no cell: then the command has a mistake. Single cells that
        cannot run stay in the design; their rows have the reason.
        """
        cells = plan.cells(self.factors)
        problems = {}
        servers, clients = {}, {}
        for cell in cells:
            spec = self.spec(cell)
            server = (spec.server, *spec.server_arguments)
            if server not in servers:
                servers[server] = server_problem(self.programs.binaries, spec)
            clients.setdefault(tuple(spec.client), None)
            problems[plan.key_of(cell)] = (servers[server], tuple(spec.client))
        refused = client_problems(self.programs.binaries, list(clients))
        blamed = {key: one or refused[words] for key, (one, words) in problems.items()}
        if all(blamed.values()):
            raise Usage(next(iter(blamed.values())))
        for factor in self.factors:
            for level in factor.levels:
                at_level = [cell for cell in cells if cell[factor.name] == level]
                of_level = [blamed[plan.key_of(cell)] for cell in at_level]
                if all(of_level):
                    raise Usage(f"--factor {factor.name}: level {level} cannot run: {of_level[0]}")


def server_problem(binaries, spec):
    """Why a server does not start with these options; None: it starts, or the machine's limits
    refuse it, which a run reports."""
    orphans.adopt()
    with tempfile.TemporaryFile() as errors:
        try:
            if foreign_server.is_foreign(spec.server):
                server = foreign_server.Server(spec.server, errors=errors)
            else:
                words = list(spec.server_arguments)
                server = bench_runs.Server(
                    pathlib.Path(binaries), spec.server, None, arguments=words, errors=errors
                )
            with server:
                return None
        except bench_runs.NeverListened as error:
            if error.code == runs.LIMIT:
                return None
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            return _clean(lines[-1]) if lines else str(error)
        except bench_runs.RunFailed as error:
            return str(error)
        finally:
            orphans.end_all()


def client_problems(binaries, several):
    """{words: the client's usage error, or None}. The clients connect to a port that refuses."""
    found, waiting = {}, list(several)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: no other process can use the port
        target = f"127.0.0.1:{unused.getsockname()[1]}"
        while waiting:
            some, waiting = waiting[:8], waiting[8:]
            started = {words: _client(binaries, target, words) for words in some}
            for words, client in started.items():
                try:
                    lines = client.communicate(timeout=options.TIMEOUT)[1].strip().splitlines()
                except subprocess.TimeoutExpired:
                    client.send_signal(signal.SIGKILL)
                    client.communicate()
                    lines = []
                usage = client.returncode == runs.USAGE
                found[words] = _clean(lines[-1] if lines else "client: usage") if usage else None
    return found


def _client(binaries, target, words):
    quiet = ("--progress", "never", "--deadline", "5s")
    return subprocess.Popen(
        [pathlib.Path(binaries) / "client", target, *words, *quiet],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _clean(line):
    return line.replace(HINT, "")
