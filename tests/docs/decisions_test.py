#!/usr/bin/python3
"""docs/decisions/README.md has a row for each decision, in order, with its title."""

import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import SOURCE, expect  # noqa: E402

FOLDER = SOURCE / "docs" / "decisions"
ROW = re.compile(r"^\| \[(\d{4})\]\((\S+)\) \| (.+?) \| (.+?) \|$", re.M)


def main():
    rows = ROW.findall((FOLDER / "README.md").read_text())
    pages = sorted(FOLDER.glob("[0-9]*.md"))
    expect(pages, "there are decisions")
    expect([row[1] for row in rows] == [page.name for page in pages], "each decision has a row, in order")
    for (number, name, title, _), page in zip(rows, pages):
        first = page.read_text().splitlines()[0]
        expect(first == f"# {number} {title}", f"the row of {name} has its title: {first}")
    numbers = [int(row[0]) for row in rows]
    expect(len(set(numbers)) == len(numbers), f"no number is used twice: {numbers}")
    print(f"{len(rows)} decisions")


main()
