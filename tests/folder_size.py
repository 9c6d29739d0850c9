#!/usr/bin/python3
"""Folders stay small: names each source folder that holds more than fifteen nouns.

    folder_size.py ROOT         exit 1 and one line per folder
    folder_size.py --self-test  the count against small trees

A noun is a file name without its ending: a header and its source count once, models.inc counts with
models.cpp. Sub-folders count for themselves. tests/, docs/ and scripts/ are not examined: the first grows
with what it tests, the second is indexed, and scripts/ has its own layout.
"""

import tempfile
from pathlib import Path

from tree_rule import run

MOST = 15
#: Top-level folders that are not examined; builds are not either.
EXEMPT = {"tests", "docs", "scripts"}
SOURCES = {".hpp", ".cpp", ".inc"}


def too_large(root):
    """A line for each folder with more than MOST, and how many folders were looked at."""
    found, seen = [], 0
    for top in sorted(path for path in root.iterdir() if path.is_dir()):
        if top.name in EXEMPT or top.name.startswith((".", "build")):
            continue
        for folder in [top, *sorted(path for path in top.rglob("*") if path.is_dir())]:
            nouns = {path.stem for path in folder.glob("*") if path.suffix in SOURCES}
            seen += bool(nouns)
            if len(nouns) > MOST:
                found.append(f"{folder.relative_to(root)}: {len(nouns)} nouns, at most {MOST}")
    return found, seen


def self_test():
    failures = 0
    # How many headers, how many of them with a source beside them, and whether that is too many.
    for headers, pairs, expected in ((15, 15, False), (16, 0, True), (16, 16, True), (1, 0, False)):
        with tempfile.TemporaryDirectory() as folder:
            room = Path(folder) / "client" / "room"
            room.mkdir(parents=True)
            for number in range(headers):
                (room / f"n{number}.hpp").touch()
                if number < pairs:
                    (room / f"n{number}.cpp").touch()
            found, _ = too_large(Path(folder))
        if bool(found) != expected:
            failures += 1
            print(f"{headers} headers, {pairs} sources: expected {expected}, got {found}")
    print(f"4 cases, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    run(__doc__, too_large, self_test, "no folder of C++ sources",
        f"{{}} folders, none with more than {MOST} nouns")
