#!/usr/bin/python3
"""docs/security.md: every row of its tables of faults has a test, and each test that it names exists."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import SOURCE, expect  # noqa: E402

PAGE = SOURCE / "docs" / "security.md"
NUMBERED = 36  # faults that the programs are designed for, without a gap
CASE = re.compile(r"\bTEST(?:_[FP])?\(\s*(\w+),\s*(\w+)\)")
CLASS_OR_TEST = re.compile(r"^class (\w+)|^ +def (test_\w+)", re.M)
ROW = re.compile(r"^\| (?P<number>\d+|-) \| .* \| (?P<tests>[^|]*) \|$", re.M)


def cases():
    """Suite.Case of each test in tests/**/*.cpp, Class.test_name of each in tests/**/*.py."""
    found = set()
    for each in (SOURCE / "tests").rglob("*.cpp"):
        found |= {".".join(match) for match in CASE.findall(each.read_text())}
    for each in (SOURCE / "tests").rglob("*.py"):
        suite = None
        for name, test in CLASS_OR_TEST.findall(each.read_text()):
            suite = name or suite
            if test:
                found.add(f"{suite}.{test}")
    return found


def missing(named, known):
    """The names that are neither a case nor a file of the source tree."""
    return [
        name
        for name in named
        if name not in known and not (name.startswith("tests/") and (SOURCE / name).is_file())
    ]


def main():
    known = cases()
    expect(missing(["No.SuchTest", "tests/none_test.py"], known), "names of no test are noticed")
    rows = [match for match in ROW.finditer(PAGE.read_text())]
    count = 0
    for row in rows:
        named = re.findall(r"`([^`]+)`", row["tests"])
        expect(named, f"fault {row['number']} names a test")
        expect(not missing(named, known), f"fault {row['number']}: no test {missing(named, known)}")
        count += len(named)
    numbers = [int(row["number"]) for row in rows if row["number"] != "-"]
    wanted = list(range(1, NUMBERED + 1))
    expect(numbers == wanted, f"the faults 1 to {NUMBERED} are listed in order: {numbers}")
    print(f"{count} tests of {len(rows)} faults exist")


main()
