"""What can be completed in each place of a command line, from --help and --describe. Pure.

    lines_of(commands, experiments)      [Line], one per command and part of a command
"""

import dataclasses
import re

import commands

FILES, FOLDERS = "files", "folders"
#: Metavariables of the scripts.
_PATHS = {
    "DIR": FOLDERS, "FOLDER": FOLDERS, "FILE": FILES, "FILE|-": FILES, "JSON": FILES, "PATH": FILES,
    "PROGRAM": FILES,
}  # fmt: skip
_CHOICE = re.compile(r"\{([\w,-]+)\}$")


@dataclasses.dataclass
class Option:
    names: list
    text: str
    value: str | None = None  # its metavariable; None: it takes no value
    words: list = dataclasses.field(default_factory=list)
    paths: str | None = None  # FILES or FOLDERS
    models: list | None = None  # None: all


@dataclasses.dataclass
class Line:
    """A command, or a part such as `bench client`."""

    command: str
    part: str | None = None
    options: list = dataclasses.field(default_factory=list)
    words: list = dataclasses.field(default_factory=list)  # of an argument
    paths: str | None = None
    parts: list = dataclasses.field(default_factory=list)
    default_model: str | None = None


def lines_of(read, experiments):
    sides = [
        f"{command.name}:{model['name']}"
        for command in read
        for model in command.models
    ]
    models = {command.name: [model["name"] for model in command.models] for command in read}
    every = [name for names in models.values() for name in names]
    factors = _factors(read)
    special = {
        ("limits", "--model"): every,
        ("stack-sweep", "--model"): models["echo_threads"],
        ("sweep", "--server"): sides,
        ("sweep", "--factor"): factors,
        ("false-alarms", "--server"): sides,
        ("compare-models", "--models"): sides,
        ("bench", "--model"): sides,
        ("growth", "--models"): sides,
        ("million", "--model"): models["echo_async"],
    }
    arguments = {"compare": (sides, FOLDERS), "tune": (experiments, FILES), "report": ([], FILES)}
    found = []
    for command in read:
        words, paths = arguments.get(command.name, ([], None))
        line = Line(command.name, None, [], words, paths, list(command.parts))
        if command.described:
            line.default_model = command.described["default_model"]
            line.options = _described(command, models[command.name] or special.get((command.name, "--model")))
        else:
            line.options = _of_help(command.name, command.help, special)
        found.append(line)
        for name, part in command.parts.items():
            options = _of_help(command.name, part, special)
            found.append(Line(command.name, name, options, paths=FILES if name == "merge" else None))
    return found


def _factors(read):
    names = {"stack", "touch", "n", "model"}
    for command in read:
        if command.name in (*commands.SERVERS, "client"):
            names |= {one["name"][2:] for one in command.described["options"] if not one["positional"]}
    return [f"{name}=" for name in sorted(names)]


def _described(command, models):
    """The options of --describe, and those of --help that only print something."""
    found, seen = [], set()
    for one in command.described["options"]:
        if one["positional"]:
            continue
        names = [name for name in (one["short"], one["name"], one["negation"]) if name]
        if one["negation"]:
            # Two flags, which exclude each other.
            found.append(Option([one["name"]], one["description"], models=one["models"]))
            found.append(Option([one["negation"]], one["description"], models=one["models"]))
        else:
            option = Option(names, one["description"], models=one["models"])
            if one["type"] != "flag":
                option.value = one["type"]
                option.words = one["words"] or (models if one["name"] == "--model" else [])
                option.paths = FILES if one["type"] == "file" else None
            found.append(option)
        seen |= set(names)
    prints = [item for item in command.help.options() if item.names and not seen & set(item.names)]
    return [Option(item.names, item.text) for item in prints] + found


def _of_help(name, parsed, special):
    found = []
    for item in parsed.options():
        if not item.names:
            continue
        # "-n, --connections N": the metavariable is what follows the last name, "[PLOT]" a value that may lack
        value = item.term[item.term.rindex(item.names[-1]) + len(item.names[-1]) :].strip()
        value = re.sub(r" \(.*\)$", "", value)
        option = Option([each.partition(" ")[0] for each in item.names], item.text, value or None)
        if value:
            choice = _CHOICE.match(value)
            option.words = choice[1].split(",") if choice else []
            option.paths = _PATHS.get(value)
            for each in option.names:
                option.words = special.get((name, each), option.words)
        found.append(option)
    return found
