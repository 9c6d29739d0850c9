#!/usr/bin/python3
"""README.md and docs/ against the programs, the files and the figures that they describe.

- A ```sh block below a line "<!-- run -->" is run, in a folder where build/bin holds the programs; it
  must end with 0, or with CODE below "<!-- run: CODE -->".
- Each option that a command or a program's section names is an option of that program (--describe).
- Each link to a file leads to one.
- Answer and table of the README are those that docs/results/answer.json gives.
- The README has at most 260 lines.
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

sys.path.insert(0, str(SOURCE / "scripts"))
import demo_command  # noqa: E402
from experiment import options  # noqa: E402

README = SOURCE / "README.md"
PAGES = [README, *sorted((SOURCE / "docs").glob("*.md"))]  # those that show how to use the programs
ANSWER = SOURCE / "docs" / "results" / "answer.json"
LINES = 260
PROGRAMS = ("client", "echo_threads", "echo_async", "limits")
SERVERS = ("echo_threads", "echo_async")
#: Options that print something and exit; --describe leaves them out.
REQUESTS = ("-h", "--help", "--version", "--describe", "--list-models")
#: Commands of a program that have options of their own.
PARTS = {"client": ("merge",), "limits": ("watch",)}
BLOCK = re.compile(r"^(?:<!-- run(?:: (?P<code>\d+))? -->\n)?```sh\n(?P<text>.*?)^```$", re.M | re.S)
OPTION = re.compile(r"(?<![\w-])(--?[a-zA-Z][\w-]*)")
DEFAULT_PORT = 1234  # the pages' commands use it
NAME = "|".join(PROGRAMS)
TITLE = re.compile(rf"(?:{NAME})(?:(?:, | and )(?:{NAME}))*")


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
            # `timeout` leads its own process group and ends all of it, background servers included.
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
    claim = f"{shown}: ends with {wanted}, not {done.returncode}:\n{said}"
    expect(done.returncode == wanted, claim)
    print(f"ran, exit {wanted}: {shown}")


def programs_of(title, above):
    """The programs that a section describes: those that its title consists of, or none. A section
    below it with another title describes the same ones."""
    return tuple(re.findall(NAME, title)) if TITLE.fullmatch(title) else above


def options_named(text):
    """(programs, option) for each command in a code block or span, and for each bare option in the
    section of a program. One of the programs must have the option."""
    sections = []  # the programs of each level of headings
    in_block = False
    for line in text.splitlines():
        if line.startswith("```"):
            in_block = not in_block
            continue
        if not in_block and line.startswith("#"):
            level = len(line) - len(line.lstrip("#"))
            del sections[level - 1 :]
            above = sections[-1] if sections else ()
            sections += [above] * (level - 1 - len(sections))
            sections.append(programs_of(line.lstrip("# "), above))
            continue
        section = sections[-1] if sections else ()
        for piece in [line.split("#")[0]] if in_block else re.findall(r"`([^`]+)`", line):
            for command in re.split(r"[;|&]+", piece):
                words = command.split()
                program = pathlib.Path(words[0]).name if words else ""
                if program in PROGRAMS:
                    # limits passes the words behind -- to a server.
                    own, _, passed_on = command.partition(" -- ")
                    yield from (((program,), option) for option in OPTION.findall(own))
                    yield from ((SERVERS, option) for option in OPTION.findall(passed_on))
                elif not in_block and section and command.lstrip().startswith("-"):
                    yield from ((section, option) for option in OPTION.findall(command)[:1])


def options_of(program):
    """All names of the options that --describe names, of all models, and those that only print."""
    described = options.Programs(BIN).described(program)
    of_parts = set()
    for part in PARTS.get(program, ()):
        of_parts |= set(re.findall(OPTION, output_of(program, part, "--help")))
    return {*options.by_name(described), *of_parts, *filter(lambda one: prints(program, one), REQUESTS)}


def output_of(program, *words):
    command = [BIN / program, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout


def prints(program, option):
    """Whether the program prints something and exits, if it gets only this option."""
    command = [BIN / program, option]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30)
    return done.returncode == 0 and done.stdout != b""


def check_options():
    known = {program: options_of(program) for program in PROGRAMS}
    count = 0
    for page in PAGES:
        for programs, option in sorted(set(options_named(page.read_text()))):
            there = any(option in known[program] for program in programs)
            where = page.relative_to(SOURCE)
            expect(there, f"{' or '.join(programs)} has the option {option}, which {where} uses")
            count += 1
    print(f"{count} options of {len(PAGES)} pages are options of their programs")


def check_answer():
    """The README's generated blocks, without a run."""
    text = README.read_text()
    relative = ANSWER.relative_to(SOURCE)
    command = f"scripts/demo --from {relative} --into README.md"
    for (begin, end), block in demo_command.blocks_of(demo_command.read_answer(ANSWER)):
        whole = f"{begin}\n{block}\n{end}\n"
        expect(whole in text, f"the block {begin} of the README is that of {relative}; run {command}")
        expect(text.count(begin) == 1, f"the README has one block {begin}")
    count = len(text.splitlines())
    expect(count <= LINES, f"the README has at most {LINES} lines, not {count}")
    print(f"answer and table are those of {relative}; {count} lines")


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
    check_links()
    check_answer()
    check_options()
    for tool in ("bash", "timeout"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
    need_room_for(10_000, 10_100)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", DEFAULT_PORT))
        except OSError:
            skip(f"something else uses port {DEFAULT_PORT}, which the pages' commands need")
    for page in PAGES:
        for wanted, commands in blocks(page.read_text()):
            if wanted is not None:
                run(commands, wanted)


if __name__ == "__main__":
    main()
