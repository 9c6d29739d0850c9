"""Command lines of the entry points: one-line errors, option values, exit codes."""

import argparse
import math
import os
import pathlib
import re
import shlex
import time

import compare_plan
import entry_point
import outputs
import streams
import version

from . import arguments, figures, folder as results, options, plan, session

#: Default blocks of a sweep: enough for verdicts on a factor of six levels.
REPS = 10
SOURCE = pathlib.Path(__file__).resolve().parents[2]


class Parser(argparse.ArgumentParser):
    """Reports an error as one line, without usage. `name`: the command, as scripts/sweep.
    `tools`: the programs that it runs, other than those of the testbed, for --version."""

    def __init__(self, name, document, tools=()):
        what, _, more = document.partition("\n\n")
        super().__init__(
            prog=name,
            description=what,
            epilog=more,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        version.add_option(self, name, *tools)

    def error(self, message):
        streams.log(f"{self.prog}: {message}")
        self.exit(2)


def checked(convert):
    """A type for argparse that reports the ValueError's own text."""

    def parse_value(text):
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse_value


count = checked(compare_plan.count)
duration = checked(compare_plan.seconds)  #: above 0


seconds = checked(arguments.duration_of)


def at_least(least):
    def parse_value(text):
        if not re.fullmatch("[0-9]{1,12}", text) or int(text) < least:
            raise argparse.ArgumentTypeError(f"'{text}': must be a whole number, {least} or more")
        return int(text)

    return parse_value


def above_0(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}': must be a number above 0")
    return value


def confidence_level(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.5 <= value < 1:
        raise argparse.ArgumentTypeError(f"'{text}': must be between 0.5 and 1, such as 0.99")
    return value


def cpus(text):
    """SERVER,CLIENT."""
    allowed = sorted(os.sched_getaffinity(0))
    try:
        both = tuple(int(one) for one in text.split(","))
    except ValueError:
        both = ()
    if len(both) != 2 or not set(both) <= set(allowed):
        raise argparse.ArgumentTypeError(
            f"'{text}': must be SERVER,CLIENT, two of {','.join(map(str, allowed))}"
        )
    return both


def cpus_or_one(text):
    """--cpus of the scripts that pin by default: both ends on one processor; none: no pinning."""
    if text == "none":
        return None
    if text:
        return cpus(text)
    last = max(os.sched_getaffinity(0))  # the first one runs most of the machine's own work
    return last, last


def client_of(given):
    """The client's options from -n, --mode, --seconds, --warm-up and --client; --client wins."""
    from . import sweep_design

    words = sweep_design.split(given.client, "--client")
    fixed = []
    for names, value in (
        (("-n", "--connections"), str(given.connections or 100)),
        (("--mode",), given.mode),
        (("-d", "--duration"), f"{given.seconds:g}s"),
        (("--warmup",), f"{given.warm_up:g}s" if given.warm_up and given.mode != "hold" else None),
    ):
        if value is not None and arguments.value_of(words, *names) is None:
            fixed += [names[0], value]
    return fixed + words


def add_common(parser, reps):
    """Adds the options of every experiment."""
    add = parser.add_argument
    out = "results folder; resumes an experiment of the same design (results/NAME-TIME)"
    add("--out", type=outputs.folder, metavar="DIR", help=out)
    add("--time", type=duration, metavar="CAP", help="start no run that would end later, as 10m")
    add("--cool-down", type=seconds, default=0.0, metavar="S", help="pause before each run (0)")
    add("--seed", type=at_least(0), metavar="N", help="seed of the order of runs (the clock)")
    add_confidence(parser)
    add_binaries(parser)
    add("--name", metavar="TEXT", help="name of the folder and the page")
    if reps:
        blocks = f"blocks; each runs every cell once ({reps})"
        add("--reps", type=at_least(1), default=reps, metavar="N", help=blocks)


def add_confidence(parser):
    parser.add_argument(
        "--confidence",
        type=confidence_level,
        default=plan.CONFIDENCE,
        metavar="P",
        help=f"confidence of intervals and verdicts ({plan.CONFIDENCE})",
    )


def add_pairs(parser):
    """Adds the options of the scripts that compare two servers in short runs.

    By default both ends share one processor and the client is the clock: server_by_client. Most of
    the difference between two runs comes from the machine, whose processor speed varies. On one
    processor that affects both ends alike at each moment, and client and server alternate in the
    same batches, so it cancels in the ratio of their times. docs/experiments.md has the figures.
    """
    add = parser.add_argument
    figure = "figure to compare (server_by_client; on two processors server_ns_per_echo)"
    add("--figure", metavar="FIGURE", help=figure)
    add_connections(parser)
    add("--seconds", type=seconds, default=0.2, metavar="S", help="measured window of a run (0.2)")
    add("--warm-up", type=seconds, default=0.05, metavar="S", help="warm-up before it (0.05)")
    where = "processors; none: not pinned (both on the last one)"
    add("--cpus", type=cpus_or_one, metavar="SERVER,CLIENT", default="", help=where)
    add("--client", default="", metavar="OPTIONS", help="more options of the client, quoted")


def check_pairs(parser, given):
    """Fills in the defaults that depend on other options."""
    if given.figure is None:
        together = given.cpus and given.cpus[0] == given.cpus[1]
        given.figure = "server_by_client" if together else "server_ns_per_echo"
    if given.figure not in figures.FIGURES:
        parser.error(f"--figure {given.figure}: not one of {', '.join(figures.FIGURES)}")
    if given.mode != "hold" and given.seconds <= 0:
        parser.error("--seconds: must be above 0")


def add_connections(parser):
    words = {"type": count, "default": 100, "metavar": "N", "help": "connections (100)"}
    parser.add_argument("-n", dest="connections", **words)


def add_binaries(parser):
    """Adds --bin."""
    usual = "those installed" if version.INSTALLED else "build/bin"
    words = {"type": pathlib.Path, "metavar": "DIR", "help": f"folder of the programs ({usual})"}
    parser.add_argument("--bin", default=default_binaries(), **words)


def default_binaries():
    """build/bin, as a relative path if that names the same folder; installed: bin beside scripts."""
    if version.INSTALLED:
        return SOURCE / "bin"
    here = pathlib.Path("build/bin")
    there = SOURCE / "build" / "bin"
    return here if here.is_dir() and there.is_dir() and here.samefile(there) else there


def seed_of(given, out):
    """The seed given, that of the folder to resume, or a new one."""
    if given is not None:
        return given
    if out is not None:
        try:
            return int(results.Folder.open(out).experiment["design"]["seed"])
        except (results.Refused, KeyError, TypeError, ValueError):
            pass
    return time.time_ns() % 10**6


def reproducing_command(name, arguments, seed):
    """The command that repeats the experiment: as typed, with the seed and without --out."""
    words, skip = [], False
    for word in arguments:
        if skip or word.startswith("--out="):
            skip = False
        elif word == "--out":
            skip = True
        else:
            words.append(word)
    if not any(word == "--seed" or word.startswith("--seed=") for word in words):
        words += ["--seed", str(seed)]
    return shlex.join([*name.split(), *words])  # installed: echo-testbed NAME


def run_main(name, body):
    """Runs an entry point's `body`; turns its exceptions into one line and an exit code."""
    from . import sweep_design

    usage = (sweep_design.Usage, options.Unknown, plan.TooSmall, results.Refused)
    codes = dict.fromkeys(usage, session.USAGE) | {options.Missing: session.MISSING}
    return entry_point.run(name, body, codes)
