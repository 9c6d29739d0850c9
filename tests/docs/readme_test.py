#!/usr/bin/python3
"""README.md and docs/ against what is there.

- A ```sh block below a line "<!-- run -->" is run, in a folder where build/bin holds the programs; it
  must end with 0, or with CODE below "<!-- run: CODE -->".
- Each option that a command or a program's section names is in that program's --help.
- Each link to a file leads to one.
"""

import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, SOURCE, expect, need_room_for, skip  # noqa: E402

README = SOURCE / "README.md"
PROGRAMS = ("client", "echo_threads", "echo_async", "limits")
BLOCK = re.compile(r"^(?:<!-- run(?:: (?P<code>\d+))? -->\n)?```sh\n(?P<text>.*?)^```$", re.M | re.S)
OPTION = re.compile(r"(?<![\w-])(--?[a-zA-Z][\w-]*)")
DEFAULT_PORT = 1234  # the README's commands use it


def blocks(text):
    """(exit code or None when it is not to be run, commands)"""
    for match in BLOCK.finditer(text):
        to_run = match.group(0).startswith("<!--")
        yield (int(match["code"] or 0) if to_run else None), match["text"]


def run(commands, wanted):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "build").mkdir()
        (pathlib.Path(folder) / "build" / "bin").symlink_to(BIN.resolve())
        with tempfile.TemporaryFile("w+") as output:
            # `timeout` leads a group of its own and ends all of it, servers in the background too.
            guarded = f"trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\nset -e\n{commands}"
            done = subprocess.run(
                ["timeout", "--kill-after=10", "60", "bash", "-c", guarded],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=90,
            )
            output.seek(0)
            said = output.read()
    shown = "; ".join(commands.strip().splitlines())
    expect(done.returncode == wanted, f"{shown}: ends with {wanted}, not {done.returncode}:\n{said}")
    print(f"ran, exit {wanted}: {shown}")


def options_named(text):
    """(program, option) for each command in a code block or span, and for each bare option in the
    section of a program."""
    section = None
    in_block = False
    for line in text.splitlines():
        if line.startswith("```"):
            in_block = not in_block
            continue
        if not in_block and line.startswith("#"):
            title = line.lstrip("# ")
            section = title if title in PROGRAMS else None
            continue
        for piece in [line.split("#")[0]] if in_block else re.findall(r"`([^`]+)`", line):
            for command in re.split(r"[;|&]+", piece):
                words = command.split()
                program = pathlib.Path(words[0]).name if words else ""
                if program in PROGRAMS:
                    yield from ((program, option) for option in OPTION.findall(command))
                elif not in_block and section and command.lstrip().startswith("-"):
                    yield section, OPTION.findall(command)[0]


def help_of(program):
    """What --help names, of a server with each of its models: some options are a model's own."""

    def said(*words):
        command = [BIN / program, *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=30, check=True
        ).stdout

    text = said("--help")
    if "--list-models" in text:
        models = [line.split()[0] for line in said("--list-models").splitlines()]
        text += "".join(said("--model", model, "--help") for model in models)
    return text


def check_options(text):
    helps = {program: help_of(program) for program in PROGRAMS}
    named = sorted(set(options_named(text)))
    for program, option in named:
        known = re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", helps[program])
        expect(known, f"{program} --help names {option}, which the README uses")
    print(f"{len(named)} options of the README are in the help of their programs")


def check_links():
    count = 0
    for page in [README, *sorted((SOURCE / "docs").rglob("*.md"))]:
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
        for link in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = page.parent / path if path else page
            expect(target.exists(), f"{page.relative_to(SOURCE)}: {link} leads to a file")
            if anchor:
                titles = re.findall(r"^#+ (.+)$", target.read_text(), re.M)
                names = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
                expect(anchor in names, f"{page.relative_to(SOURCE)}: {link} leads to a heading")
            count += 1
    print(f"{count} links lead to files")


def main():
    text = README.read_text()
    check_links()
    check_options(text)
    for tool in ("bash", "timeout"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    need_room_for(10_000, 10_100)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            skip(f"something else uses port {DEFAULT_PORT}, which the README's commands need")
    for wanted, commands in blocks(text):
        if wanted is not None:
            run(commands, wanted)


if __name__ == "__main__":
    main()
