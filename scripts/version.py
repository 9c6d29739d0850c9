"""The option --version of the scripts in Python. version.sh prints the text for all scripts.

    version.add_option(parser, "scripts/report", "gnuplot")
"""

import argparse
import pathlib
import platform
import subprocess

SCRIPT = pathlib.Path(__file__).resolve().with_name("version.sh")
#: Whether this is an installed testbed, not a source tree (packaging/CMakeLists.txt).
INSTALLED = SCRIPT.with_name("VERSION").exists()


def add_option(parser, name, *tools):
    """Adds --version. `name`: the script, as scripts/report; `tools`: the programs that it runs,
    other than those of the testbed."""

    class Print(argparse.Action):
        def __call__(self, *_):
            words = [name, "python", platform.python_version(), *tools]
            code = subprocess.run(["sh", SCRIPT, *words]).returncode
            parser.exit(7 if code < 0 else code)  # SIGPIPE: stdout was closed

    about = "print version, commit, Python" + (" and tools" if tools else "") + ", and exit"
    parser.add_argument("--version", action=Print, nargs=0, help=about)
