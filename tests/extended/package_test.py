#!/usr/bin/python3
"""The Debian package of the build: lintian has no error, and the dependencies are those of the programs."""

import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "packaging"))
import installed  # noqa: E402
from installed import expect, skip  # noqa: E402

#: Code that is linked into the programs, so that no package of it is needed.
LINKED = ("libboost", "libfmt", "liburing", "libstdc++", "libgcc")


def main():
    for tool in ("cpack", "dpkg-shlibdeps", "dpkg-deb"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed (scripts/setup package)")
    code, text, errors = installed.run("cpack", "-G", "DEB", cwd=installed.BUILD, timeout=600)
    expect(code == 0, f"cpack ends with 0, not {code}: {text}{errors}")
    package = re.search(r"package: (\S+\.deb) generated", text)[1]
    fields = installed.run("dpkg-deb", "--field", package)[1]
    depends = re.search(r"^Depends: (.*)$", fields, re.M)[1]
    expect("python3 (>= 3.11)" in depends and "libc6 (>= " in depends, f"it depends on what it needs: {depends}")
    for name in LINKED:
        expect(name not in depends, f"{name} is in the programs: {depends}")
    contents = installed.run("dpkg-deb", "--contents", package)[1]
    for path in re.findall(r"\./usr/bin/(\S+)", contents):
        expect(path == "echo-testbed", f"bin has one command, not {path}")
    expect("root/root" in contents and "__pycache__" not in contents, "files of root, and nothing compiled")
    print(f"{package}: {depends}")
    if shutil.which("lintian"):
        code, text, errors = installed.run("lintian", "--allow-root", "--fail-on", "error", package, timeout=600)
        print(text, errors)
        found = re.findall(r"^E: .*$", text, re.M)
        expect(code == 0 and not found, f"lintian has no error: {found}")
    else:
        skip("lintian is not installed; the rest holds")


main()
