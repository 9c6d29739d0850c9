#!/usr/bin/python3
"""Makes what is installed beside the programs: manuals, completion, the list of commands, the scripts.

    packaging/generate.py --bin build/bin --source . --version-file build/VERSION --out build

OUT/man/NAME.1, of which `man -l OUT/man/echo-testbed-client.1` shows one; OUT/packaging/ holds the
rest. It runs each program and script with --help. Exit 1: one of them failed.
"""

import argparse
import datetime
import gzip
import pathlib
import re
import shutil

import bash_completion
import command_help
import commands
import completion_words
import manual
import zsh_completion

#: Of a section that is not released.
NO_DATE = "unreleased"
#: Libraries whose code is in the programs.
LINKED = """\
 The programs contain code of Boost (BSL-1.0), CLI11 (BSD-3-clause), fmt
 (MIT), liburing (LGPL-2.1+ or MIT) and the GNU C++ library (GPL-3 with
 the runtime library exception). The notices of CLI11, fmt and liburing,
 which must go with the programs, are in copyright-libraries.gz.
"""
#: Debian's packages of those libraries whose licence asks for its notice beside the programs.
NOTICES = ("libcli11-dev", "libfmt-dev", "liburing-dev")
DOCUMENTS = pathlib.Path("/usr/share/doc")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name in ("--bin", "--source", "--version-file", "--out"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    parser.add_argument("--maintainer", required=True, help="NAME <ADDRESS>, for the Debian changelog")
    given = parser.parse_args()
    made = given.out / "packaging"
    made.mkdir(parents=True, exist_ok=True)
    commands.copy_scripts(given.source / "scripts", made / "scripts", given.version_file)
    read = command_help.read_all(given.bin, made / "scripts")

    abouts = {command.name: command.about for command in read}
    rows = [f"{name}\t{commands.folder_of(name)}\t{about}\n" for name, about in abouts.items()]
    write(made / "commands", "".join(rows))

    experiments = sorted(path.stem for path in (given.source / "scripts" / "experiments").glob("*.toml"))
    lines = completion_words.lines_of(read, experiments)
    write(made / "completion.bash", bash_completion.script(lines, commands.COMMANDS))
    write(made / "completion.zsh", zsh_completion.script(lines, abouts))

    version = given.version_file.read_text().splitlines()[0]
    release = manual.Release(version, date_of(given.source / "CHANGELOG.md", version))
    terms = (given.source / "docs" / "terminology.md").read_text(encoding="utf-8")
    made_pages = manual.pages(read, release, terms)
    for folder in (given.out / "man", made / "man1", made / "man7"):
        shutil.rmtree(folder, ignore_errors=True)
    for name, text in made_pages.items():
        write(given.out / "man" / name, text)
        write(made / f"man{name[-1]}" / f"{name}.gz", text)
    write(made / "changelog.gz", (given.source / "CHANGELOG.md").read_text(encoding="utf-8"))
    write(made / "changelog.Debian.gz", debian_changelog(release, given.maintainer))
    write(made / "copyright-libraries.gz", notices())
    write(made / "copyright", debian_copyright((given.source / "LICENSE").read_text(encoding="utf-8")))


def date_of(changelog, version):
    """The date of the version's section: "## [0.1.0] - 2026-11-30"."""
    pattern = rf"^## \[{re.escape(version)}\] - (\d{{4}}-\d\d-\d\d)$"
    found = re.search(pattern, changelog.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else NO_DATE


def debian_changelog(release, maintainer):
    day = datetime.date.today() if release.date == NO_DATE else datetime.date.fromisoformat(release.date)
    return (
        f"echo-testbed ({release.version}-1) unstable; urgency=medium\n\n"
        f"  * Release {release.version}: see changelog.gz.\n\n"
        f" -- {maintainer}  {day:%a, %d %b %Y} 00:00:00 +0000\n"
    )


def debian_copyright(license_text):
    """LICENSE in the form of a package: "Copyright (c) NAME", an empty line, the licence."""
    holder, _, terms = license_text.partition("\n\n")
    shown = "".join(f" {line or '.'}\n" for line in terms.strip().splitlines())
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n"
        "Upstream-Name: echo testbed\n"
        f"Comment:\n{LINKED}\n"
        f"Files: *\nCopyright: {holder.removeprefix('Copyright (c) ')}\nLicense: BSL-1.0\n\n"
        f"License: BSL-1.0\n{shown}"
    )


def notices():
    """The copyright files of the linked libraries, of which a build without Debian's has none."""
    told = []
    for package in NOTICES:
        path = DOCUMENTS / package / "copyright"
        known = path.is_file()
        text = path.read_text(encoding="utf-8") if known else "This build found no notice of it.\n"
        told.append(f"==== {package}\n\n{text}")
    return "\n".join(told)


def write(path, text):
    """A file; compressed, without the time, if its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode()
    path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


if __name__ == "__main__":
    main()
