"""What each command says about itself: --help, parsed, and for the programs --describe.

    commands = read_all(binaries, scripts)      [Command], each by running it
"""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import subprocess

import commands
import help_text

#: Commands with commands of their own.
PARTS = {"client": ("merge",), "limits": ("watch",), "bench": ("client", "server")}
TIMEOUT = 60
WIDTH = "1000"  # argparse then breaks no line


@dataclasses.dataclass
class Command:
    name: str
    help: help_text.Help
    described: dict = None  # --describe, of a program
    parts: dict = dataclasses.field(default_factory=dict)  # name: Help
    only: dict = dataclasses.field(default_factory=dict)  # option as in --help: its models, if not all

    @property
    def about(self):
        """One sentence without its period, for lists."""
        if self.described:
            text = self.described["summary"]
            if self.models:
                text = text.replace("several", str(len(self.models)))
                text += f", default {self.described['default_model']}"
        else:
            text = self.help.about
        text = text.partition(". ")[0].strip().removesuffix(".")
        return text[0].upper() + text[1:]

    @property
    def models(self):
        return self.described["models"] if self.described else []


def read_all(binaries, scripts):
    folders = {"bin": pathlib.Path(binaries), "scripts": pathlib.Path(scripts)}

    def read(name):
        return _read(name, folders[commands.folder_of(name)] / name)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        return list(pool.map(read, commands.COMMANDS))


def _read(name, path):
    parsed = help_text.Help.of(_output(path, "--help"))
    found = Command(name, parsed)
    for part in PARTS.get(name, ()):
        found.parts[part] = help_text.Help.of(_output(path, part, "--help"))
    if name in commands.PROGRAMS:
        found.described = json.loads(_output(path, "--describe"))
        if found.models:
            _add_models(found, path)
    return found


def _output(*command, cpus=None):
    environment = os.environ | {"COLUMNS": WIDTH, "LC_ALL": "C.UTF-8"}
    before = os.sched_getaffinity(0)  # of this thread; the program inherits it
    try:
        os.sched_setaffinity(0, cpus or before)
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT, env=environment
        )
    finally:
        os.sched_setaffinity(0, before)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def _add_models(command, path):
    """The options of all models. `--help` has those of one."""
    names = [model["name"] for model in command.models]
    title, items = command.help.sections[-1]
    shared = {item.term for item in items}
    by_item = {}  # (term, text): models
    for name in names:
        own = help_text.Help.of(_output(path, "--model", name, "--help"))
        on_one = help_text.Help.of(_output(path, "--model", name, "--help", cpus=_one_cpu()))
        for item, other in zip(own.options(), on_one.options(), strict=True):
            term = item.term
            if term != other.term:  # the default follows the processors
                term = re.sub(r" \(\d+\)$", " (one per processor)", term)
            by_item.setdefault((term, item.text), []).append(name)
    # The default model is the first; what all have keeps its place.
    common = [key for key, models in by_item.items() if models == names]
    changing = {"--model"}  # its text has the names of the models
    merged = [help_text.Item(term, text) for term, text in common]
    for (term, text), models in by_item.items():
        if models != names and term.split()[0] not in changing:
            merged.append(help_text.Item(term, text))
            command.only[(term, text)] = models
    if not shared & {item.term for item in merged}:
        raise SystemExit(f"{path} --help: no option was understood")
    command.help.sections[-1] = (title, merged)


def _one_cpu():
    return {min(os.sched_getaffinity(0))}
