"""Which models, modes and numbers of connections a comparison has: those that are built, or the
part of an earlier comparison that --models, --mode and -n choose."""

from experiment.options import SERVERS, Missing, Programs


class Usage(Exception):
    """One line that names the error in the command."""


def built_models(binaries, wanted):
    """PROGRAM:MODEL of all models. A program so old that it has no --describe has those of `wanted`
    that name it, unchecked."""
    programs = Programs(binaries)
    programs.check_client()
    found, too_old = [], []
    for program in SERVERS:
        if programs.description(program) is None:
            too_old.append(str(binaries / program))
            found += dict.fromkeys(one for one in wanted if one.startswith(f"{program}:"))
        else:
            found += programs.models_of(program)
    listed = all(any(matches(one, model) for model in found) for one in wanted)
    if too_old and not (wanted and listed):
        names = " and ".join(too_old)
        raise Missing(f"{names}: too old for --describe; use --models PROGRAM:MODEL")
    return found


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
