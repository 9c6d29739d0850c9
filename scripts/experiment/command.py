"""What the entry points confidence_level of their command lines: one-line errors, values, how they end."""

import argparse
import os
import pathlib
import shlex
import signal
import sys
import time

import compare_plan
import orphans

from . import arguments, figures, folder as results, options, plan, session

#: Blocks of a sweep: enough for the verdicts on a factor of six levels.
REPS = 10
SOURCE = pathlib.Path(__file__).resolve().parents[2]


class Parser(argparse.ArgumentParser):
    """One line, without the usage in front of it. `name`: scripts/sweep."""

    def __init__(self, name, document):
        what, _, more = document.partition("\n\n")
        super().__init__(
            prog=name,
            description=what,
            epilog=more,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


def checked(convert):
    """A type for argparse whose ValueError is the message."""

    def parse_value(text):
        try:
            return convert(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse_value


count = checked(compare_plan.count)
duration = checked(compare_plan.seconds)


def _number(text, least, what):
    try:
        value = float(text)
    except ValueError:
        value = None
    if value is None or not least <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"'{text}': {what}")
    return value


def seconds(text):
    """0.4, 400ms, 2s, 10m; 0 too."""
    value = arguments.seconds_of(text)
    if value is None:
        raise argparse.ArgumentTypeError(f"'{text}': a time, such as 0.4, 400ms or 2s")
    return value


def at_least(least):
    def parse_value(text):
        if not text.isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"'{text}': {least} or more")
        return int(text)

    return parse_value


def confidence_level(text):
    value = _number(text, 0.5, "between 0.5 and 1, such as 0.99")
    if value >= 1:
        raise argparse.ArgumentTypeError(f"'{text}': between 0.5 and 1, such as 0.99")
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
            f"'{text}': two of {','.join(map(str, allowed))}, SERVER,CLIENT"
        )
    return both


def cpus_or_one(text):
    """--cpus of those that pin by default: both ends on one processor; none: no pinning."""
    if text == "none":
        return None
    if text:
        return cpus(text)
    last = max(os.sched_getaffinity(0))  # the first has the machine's own chores
    return last, last


def client_of(given):
    """The client's words from -n, --mode, --seconds, --warm-up and --client; the last one wins."""
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
    """Options that every experiment has."""
    add = parser.add_argument
    out = "results folder; one of the same design is gone on with (results/NAME-TIME)"
    add("--out", type=pathlib.Path, metavar="DIR", help=out)
    add("--time", type=duration, metavar="CAP", help="begin no run that would end after it: 10m")
    add("--cool-down", type=seconds, default=0.0, metavar="S", help="rest before each run (0)")
    add("--seed", type=at_least(0), metavar="N", help="of the order of runs, kept (the clock)")
    add_confidence(parser)
    binaries = default_binaries()
    add("--bin", type=pathlib.Path, default=binaries, metavar="DIR", help="programs (build/bin)")
    add("--name", metavar="TEXT", help="of the folder and the page")
    if reps:
        blocks = f"blocks, each with every cell once ({reps})"
        add("--reps", type=at_least(1), default=reps, metavar="N", help=blocks)


def add_confidence(parser):
    told = f"of intervals and verdicts ({plan.CONFIDENCE})"
    words = {"type": confidence_level, "default": plan.CONFIDENCE, "metavar": "P", "help": told}
    parser.add_argument("--confidence", **words)


def add_pairs(parser):
    """Options of those that set two servers beside each other in short runs.

    Both ends on one processor, and the client as the clock: server_by_client. What one run differs
    in from the next is above all the machine, whose processor is now faster and now slower; on one
    processor that is the same for both ends at each moment, and client and server take turns in the
    same batches, so it cancels in the ratio of their times. docs/experiments.md has the figures.
    """
    add = parser.add_argument
    figure = "what is compared (server_by_client; ends apart: server_ns_per_echo)"
    add("--figure", metavar="FIGURE", help=figure)
    add_connections(parser)
    add("--seconds", type=seconds, default=0.2, metavar="S", help="window of a run (0.2)")
    add("--warm-up", type=seconds, default=0.05, metavar="S", help="before it (0.05)")
    where = "pin them; none: any (both on the last one)"
    add("--cpus", type=cpus_or_one, metavar="SERVER,CLIENT", default="", help=where)
    add("--client", default="", metavar="OPTIONS", help="more options of the client, in quotes")


def check_pairs(parser, given):
    """Fills in what depends on other options."""
    if given.figure is None:
        together = given.cpus and given.cpus[0] == given.cpus[1]
        given.figure = "server_by_client" if together else "server_ns_per_echo"
    if given.figure not in figures.FIGURES:
        parser.error(f"--figure {given.figure}: not one of {', '.join(figures.FIGURES)}")
    if given.mode != "hold" and given.seconds <= 0:
        parser.error("--seconds: above 0")


def add_connections(parser):
    words = {"type": count, "default": 100, "metavar": "N", "help": "connections (100)"}
    parser.add_argument("-n", dest="connections", **words)


def default_binaries():
    """build/bin, as one would type it where that is right."""
    here = pathlib.Path("build/bin")
    there = SOURCE / "build" / "bin"
    installed = SOURCE / "bin"
    if not there.is_dir() and (installed / "client").exists():
        return installed
    return here if here.is_dir() and there.is_dir() and here.samefile(there) else there


def seed_of(given, out):
    """The one given, that of a folder to go on with, or a new one."""
    if given is not None:
        return given
    if out is not None:
        try:
            return int(results.Folder.open(out).experiment["design"]["seed"])
        except (results.Refused, KeyError, TypeError, ValueError):
            pass
    return time.time_ns() % 10**6


def reproducing_command(name, arguments, seed):
    """The command that reproduces it: as typed, with the seed, without the folder it went into."""
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
    return shlex.join([name, *words])


def run_main(name, body):
    """Runs an entry point's `body` and turns what it raises into one line and an exit code."""
    from . import sweep_design

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, session.interrupt)
    try:
        code = body()
        sys.stdout.flush()
        return code
    except session.Interrupted as by:
        return 128 + by.args[0]
    except (sweep_design.Usage, options.Unknown, plan.TooSmall, results.Refused) as error:
        session.log(f"{name}: {error}")
        return session.USAGE
    except options.Missing as error:
        session.log(f"{name}: {error}")
        return session.MISSING
    except results.CannotWrite as error:
        session.log(f"{name}: {error}")
        return session.OUTPUT
    except BrokenPipeError:
        session.discard_stdout()
        return session.OUTPUT
    except OSError as error:
        session.log(f"{name}: {error}")
        session.discard_stdout()
        return session.OUTPUT
    finally:
        orphans.end_all()
