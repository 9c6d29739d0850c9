"""Which models, modes and numbers of connections a comparison has: those that are built, or the
part of an earlier comparison that --models, --mode and -n choose."""

import os
import subprocess

import bench_runs

SERVERS = ("echo_threads", "echo_async")


class Usage(Exception):
    """One line that names the error in the command."""


class Missing(Exception):
    """A program is missing, or does not run."""


def listed(binaries, program):
    """PROGRAM:MODEL of each model that a program has."""
    try:
        done = subprocess.run(
            [binaries / program, "--list-models"],
            capture_output=True,
            text=True,
            timeout=bench_runs.START_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(f"{binaries / program}: {error}") from error
    return [f"{program}:{line.split()[0]}" for line in done.stdout.splitlines() if line.strip()]


def built_models(binaries):
    if not os.access(binaries / "client", os.X_OK):
        raise Missing(f"{binaries / 'client'} is missing: cmake --build build, or --bin DIR")
    return [model for program in SERVERS for model in listed(binaries, program)]


def chosen_models(known, wanted):
    """Those of --models, in the order of `known`; all without it."""
    for one in wanted:
        if not any(matches(one, model) for model in known):
            raise Usage(f"--models {one}: not one of {', '.join(known)}")
    return [model for model in known if any(matches(one, model) for one in wanted)] or known


def matches(wanted, model):
    return wanted in (model, model.partition(":")[0], model.partition(":")[2])


def part_of(earlier, options):
    """What -n, --mode and --models choose of an earlier comparison; all without them."""
    parts = []
    for option, wanted, known in (
        ("--mode", options.modes, earlier.modes),
        ("-n", options.connections, earlier.connections),
    ):
        for one in wanted:
            if one not in known:
                there = ", ".join(map(str, known))
                raise Usage(f"{option} {one}: {options.earlier} has {there}")
        parts.append([one for one in known if one in wanted] or known)
    return earlier.only(chosen_models(earlier.models, options.models), *parts)
