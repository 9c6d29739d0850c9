#!/usr/bin/python3
"""Prints what the tests that failed in the last run of ctest said, briefly.

    tests/failures.py BUILD-FOLDER

Of a GoogleTest program, the cases that failed, from their first line to their result; of others, the
last lines. At most 30 lines a case, of 200 characters each. Reads the log that ctest leaves in
Testing/Temporary. Prints nothing if no test failed.
"""

import pathlib
import re
import sys

LINES = 30  # of one case
WIDTH = 200  # characters of one line
CASES = 5  # of one test
OUTPUT = re.compile(r"^Output:\n-+\n(.*?)^<end of output>", re.DOTALL | re.MULTILINE)
SANITIZER = "Sanitizer: "  # its report may come after the last case
PASSED = re.compile(r"^Test (Passed\.|Pass Reason:)$", re.MULTILINE)  # the second one: skipped
BEGINS, FAILS = "[ RUN      ] ", "[  FAILED  ] "


def failed_cases(lines):
    """For each case of GoogleTest that failed or did not end: its lines."""
    case = []
    for line in lines:
        if line.startswith(BEGINS):
            case = [line]
        elif case:
            case.append(line)
            if line.startswith(FAILS):
                yield case
            if line.startswith((FAILS, "[       OK ] ", "[  SKIPPED ] ")):
                case = []
    if case:
        yield case


def shortened(case):
    """The first and last lines of a case."""
    if len(case) > LINES:
        half = LINES // 2
        case = [*case[:half], f"[{len(case) - 2 * half} lines]", *case[-half:]]
    return [line[:WIDTH] for line in case]


def main():
    log = pathlib.Path(sys.argv[1], "Testing", "Temporary", "LastTest.log").read_text(errors="replace")
    for test in re.split(r"^\d+/\d+ Testing: ", log, flags=re.MULTILINE)[1:]:
        name = test.partition("\n")[0]
        output = OUTPUT.search(test)
        if output and PASSED.search(test, output.end()):
            continue
        lines = output.group(1).splitlines() if output else []
        cases = list(failed_cases(lines))
        if not cases or any(SANITIZER in line for line in lines[-LINES:]):
            cases.append(lines[-LINES:])
        for case in cases[:CASES]:
            print(f"-- {name}")
            print("\n".join(shortened(case)))
        if len(cases) > CASES:
            print(f"-- {name}: {len(cases) - CASES} more cases failed")


if __name__ == "__main__":
    main()
