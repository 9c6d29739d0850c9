#!/usr/bin/python3
"""The files of the models: what to compare each with, the order of its parts, and of the models.

Models of one family are to differ by what makes them different, so that diff shows it. The README's
table, models.inc and --list-models go from easy to hard, in one order.
"""

import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, SOURCE, START_TIMEOUT, expect  # noqa: E402

PROGRAMS = ("echo_threads", "echo_async")
COMPARE = re.compile(r"^// Compare: diff (\S+) (\S+)$", re.M)
#: A model has the first and the last two; "serve" may take the options, which then come before.
PARTS = (
    r"^void serve\(const server::Serving&",
    r"^limits::Demand demand\(",
    r"^server::Configured configure\(CLI::App&",
    r"^extern constinit const server::Model ",
)
ROW = re.compile(r"^\| \[`([a-z-]+)`\]\((\w+)/(\w+)\.cpp\)", re.M)
#: The two files that show the life of a connection, and how long they may be beside their opening
#: comments.
LESSONS = (
    ("echo_threads/thread_per_connection.cpp", "echo_threads/blocking.cpp"),
    ("echo_async/callbacks.cpp", "echo_async/asio/loop.cpp"),
)
LESSON_LINES = 120


def files_of(program):
    """The files of its models, in the order of models.inc."""
    text = (SOURCE / program / "models.inc").read_text()
    return [f"{program}/{name}.cpp" for name in re.findall(r"^MODEL\((\w+)\)$", text, re.M)]


def fault_of(path, text, known):
    """What is wrong with the text of a model's file; None: nothing."""
    compared = COMPARE.findall(text.partition("#include")[0])
    if len(compared) != 1:
        return f"{path}: {len(compared)} lines `// Compare: diff` in its opening comment, not 1"
    this, other = compared[0]
    if this != path or other == path or other not in known:
        return f"{path}: `diff {this} {other}` does not compare it with the file of another model"
    places = [match.start() for part in PARTS if (match := re.search(part, text, re.M))]
    if places != sorted(places) or not all(re.search(PARTS[i], text, re.M) for i in (0, 2, 3)):
        return f"{path}: not in the order serve, demand, configure, registration"
    return None


def lines_of(path):
    """Its lines without the opening comment."""
    lines = (SOURCE / path).read_text().splitlines()
    while lines and lines[0].startswith("//"):
        lines.pop(0)
    return len(lines)


def check_that_faults_are_noticed():
    known = ["echo_async/a.cpp", "echo_async/b.cpp"]
    header = "// A.\n// Compare: diff echo_async/a.cpp echo_async/b.cpp\n#include <a>\n"
    serve, demand = "void serve(const server::Serving& s) {}\n", "limits::Demand demand(int n) {}\n"
    rest = "server::Configured configure(CLI::App&) {}\nextern constinit const server::Model a;\n"
    good = header + serve + demand + rest
    expect(fault_of(known[0], good, known) is None, "a good file is accepted")
    for bad in (
        good.replace("// Compare", "// See"),
        good.replace("a.cpp echo_async/b.cpp", "a.cpp echo_async/none.cpp"),
        good.replace("a.cpp echo_async/b.cpp", "b.cpp echo_async/a.cpp"),
        good.replace("a.cpp echo_async/b.cpp", "a.cpp echo_async/a.cpp"),
        header + demand + serve + rest,
        header + demand + rest,
    ):
        expect(fault_of(known[0], bad, known), f"a fault is noticed in:\n{bad}")


def main():
    check_that_faults_are_noticed()
    known = [path for program in PROGRAMS for path in files_of(program)]
    expect(len(known) > 10, "models.inc lists the models")
    for path in known:
        fault = fault_of(path, (SOURCE / path).read_text(), known)
        expect(fault is None, fault)

    rows = ROW.findall((SOURCE / "README.md").read_text())
    for program in PROGRAMS:
        listed = subprocess.run(
            [BIN / program, "--list-models"],
            capture_output=True,
            text=True,
            check=True,
            timeout=START_TIMEOUT,
        ).stdout
        names = [line.split()[0] for line in listed.splitlines()]
        in_readme = [name for name, folder, _ in rows if folder == program]
        expect(names == in_readme, f"README's order of {program} is --list-models': {in_readme}")
        files = [f"{folder}/{file}.cpp" for _, folder, file in rows if folder == program]
        expect(files == files_of(program), f"README's files of {program} are models.inc's: {files}")

    for first, second in LESSONS:
        named = (SOURCE / first).read_text().partition("#include")[0]
        part = second.partition("/")[2]
        expect(part in named, f"the opening comment of {first} names {part}")
        lines = lines_of(first) + lines_of(second)
        expect(lines <= LESSON_LINES, f"{first} and {second}: {lines} of {LESSON_LINES} lines")
    print(f"{len(known)} models are comparable and in order")


main()
