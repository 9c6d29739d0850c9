"""An installation of the build in a temporary folder, for the tests of what is installed."""

import atexit
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import BIN, SOURCE, expect, skip  # noqa: E402

BUILD = BIN.parent
MANUALS = BUILD / "man"
TIMEOUT = 60


def install():
    """The prefix of a new installation, which is removed at the end."""
    if not shutil.which("cmake"):
        skip("cmake is not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="echo-testbed-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    words = ["cmake", "--install", BUILD, "--prefix", folder / "prefix"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT)
    expect(done.returncode == 0, f"cmake --install ends with 0, not {done.returncode}: {done.stderr}")
    return folder / "prefix"


def run(*command, timeout=TIMEOUT, **more):
    """(exit code, stdout, stderr)"""
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
    done = subprocess.run(command, text=True, timeout=timeout, **more)
    return done.returncode, done.stdout, done.stderr


__all__ = ["BIN", "BUILD", "MANUALS", "SOURCE", "TIMEOUT", "expect", "install", "os", "run", "skip"]
