#!/usr/bin/python3
"""CMakeLists.txt and CHANGELOG.md name the same newest release, and the links of CONTRIBUTING.md lead to files."""

import datetime
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import SOURCE, expect  # noqa: E402

SECTION = re.compile(r"^## \[([^\]]+)\](?: - (\S+))?$", re.M)


def newest(changelog):
    """(version, date) of the newest release. Ends the test unless `Unreleased` is above it."""
    sections = SECTION.findall(changelog)
    expect(sections and sections[0] == ("Unreleased", ""), f"the first section is Unreleased: {sections[:1]}")
    expect(len(sections) > 1, "there is a release")
    for version, date in sections[1:]:
        expect(re.fullmatch(r"\d+\.\d+\.\d+", version), f"{version} is a version")
        datetime.date.fromisoformat(date)
    dates = [date for _, date in sections[1:]]
    expect(dates == sorted(dates, reverse=True), f"the newest is first: {dates}")
    return sections[1]


def main():
    version, date = newest((SOURCE / "CHANGELOG.md").read_text())
    cmake = (SOURCE / "CMakeLists.txt").read_text()
    built = re.search(r"^project\(echo_testbed VERSION ([\d.]+)", cmake, re.M)[1]
    expect(built == version, f"CMakeLists.txt has the version of the newest release, {version}, not {built}")
    print(f"{version} of {date}")
    text = (SOURCE / "CONTRIBUTING.md").read_text()
    links = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    for link in links:
        there = re.match(r"[a-z]+:", link) or (SOURCE / link).exists()
        expect(there, f"CONTRIBUTING.md: {link} leads to a file")
    named = re.findall(r"(?<![\w/.-])((?:tests|scripts|bench|packaging)/[\w./-]*\w)(?= |`|\)|$)", text, re.M)
    for path in named:
        expect((SOURCE / path).exists(), f"CONTRIBUTING.md: {path} exists")
    print(f"CONTRIBUTING.md: {len(links)} links and {len(named)} paths")


main()
