"""The commands of an installed testbed, in the order of `echo-testbed --help`, and the scripts as they
are installed.

An installed script has another name than in a source tree: `echo-testbed sweep`, not `scripts/sweep`.
The name is in its help, its errors and the commands that it stores, so all of it is replaced in one
place, when the scripts are copied.
"""

import os
import pathlib
import re
import shutil

PROGRAMS = ("client", "echo_threads", "echo_async", "limits")
SERVERS = ("echo_threads", "echo_async")
SCRIPTS = (
    "demo", "sweep", "compare", "compare-models", "stack-sweep", "tune", "report", "false-alarms", "bench",
    "million", "threads", "growth", "fleet",
)  # fmt: skip
COMMANDS = (*PROGRAMS, *SCRIPTS)
#: Those that need a source tree.
NOT_INSTALLED = ("setup", "test")

_NAMES = "|".join(sorted(SCRIPTS, key=len, reverse=True))
_SCRIPT = re.compile(rf"(?<![\w./-])scripts/({_NAMES})(?![\w/-]|\.\w)")


def folder_of(name):
    """Where the command lies in the installed folder."""
    return "bin" if name in PROGRAMS else "scripts"


def renamed(text):
    """The text with the names of an installed testbed."""
    return _SCRIPT.sub(r"echo-testbed \1", text)


def copy_scripts(source, target, version):
    """Copies the folder `source` as it is installed. `version`: the file of echo/commit.cmake."""
    shutil.rmtree(target, ignore_errors=True)
    for path in sorted(pathlib.Path(source).rglob("*")):
        relative = path.relative_to(source)
        if path.is_dir() or "__pycache__" in relative.parts or str(relative) in NOT_INSTALLED:
            continue
        copy = pathlib.Path(target) / relative
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(renamed(path.read_text(encoding="utf-8")), encoding="utf-8")
        copy.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
    shutil.copy(version, pathlib.Path(target) / "VERSION")
