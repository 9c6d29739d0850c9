#!/usr/bin/python3
"""Headers compile alone: each header of the tree includes all that it uses, and may be included twice.

    headers_compile_alone.py ROOT FOLDER COMPILER FLAG...  exit 1 and the compiler's errors
    headers_compile_alone.py --self-test COMPILER FLAG...  small trees that break the rule

Reading the library's headers again for each header is nearly all of the cost. So that few sources check all
headers, a source includes several of them, each of which includes those before it anyway; and what all of a
group include is precompiled. Neither hides a missing include: when a header's own text is read, its includes
have been read and nothing else. (Includes come first in every header; tests/include_direction.py.)

FOLDER keeps a file for each source that compiled, named after all that went into it, so that the next run
compiles only what has changed.
"""

import concurrent.futures
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDERS = ("limits", "echo", "protocol", "server", "echo_threads", "echo_async", "client", "bench", "tests")
#: Headers of libraries that take long to read: a group for those that include all of a row.
COSTLY = (
    ("boost/asio/io_context.hpp",),
    ("boost/json/object.hpp", "boost/histogram/histogram.hpp"),
    ("boost/histogram/histogram.hpp",),
    ("boost/json/object.hpp",),
    ("chrono",),
    ("filesystem",),
    ("string",),
)
#: These need an MPI implementation; client-mpi compiles them where there is one.
EXCLUDED = re.compile(r'^#include (<mpi\.h>|"client/mpi/)', re.MULTILINE)


class Tree:
    """The headers below `root`, and what each includes in the end."""

    def __init__(self, root):
        self.root = root
        paths = sorted(path for folder in FOLDERS for path in root.glob(f"{folder}/**/*.hpp"))
        self.texts = {str(path.relative_to(root)): path.read_text() for path in paths}
        found = r'^#include [<"]([^>"]+)'
        self.direct = {name: re.findall(found, text, re.MULTILINE) for name, text in self.texts.items()}
        self.headers = [name for name, text in self.texts.items() if not EXCLUDED.search(text)]
        self.all = {name: self._closure(name) for name in self.headers}

    def _closure(self, name):
        seen, rest = set(), [name]
        while rest:
            for include in self.direct.get(rest.pop(), ()):
                if include not in seen:
                    seen.add(include)
                    rest.append(include)
        return seen

    def groups(self):
        """[(what to precompile, headers)]."""
        rest, groups = self.headers, []
        for row in (*COSTLY, ()):
            members = [name for name in rest if self.all[name].issuperset(row)]
            rest = [name for name in rest if name not in members]
            if members:
                common = set.intersection(*(self.all[name] for name in members)) if row else set()
                groups.append((sorted(common - self.texts.keys()), members))
        return groups

    def chains(self, members):
        """[[header, ...]]: each of them includes the one before it. As few as there can be."""
        below = {name: sorted(self.all[name].intersection(members) - {name}) for name in members}
        after = {}  #: {header: the one that follows it}

        def place(name, tried):
            for other in below[name]:
                if other in tried:
                    continue
                tried.add(other)
                if other not in after or place(after[other], tried):
                    after[other] = name
                    return True
            return False

        for name in members:
            place(name, set())
        chains = []
        for name in set(members) - set(after.values()):
            chain = [name]
            while chain[-1] in after:
                chain.append(after[chain[-1]])
            chains.append(chain)
        return sorted(chains)

    def key(self, chain, words):
        """A name for all that goes into compiling it, but for the headers of libraries."""
        digest = hashlib.sha256(repr((chain, words)).encode())
        for name in sorted({*chain, *self.all[chain[-1]]} & self.texts.keys()):
            digest.update(self.texts[name].encode())
        return digest.hexdigest()[:32]


def compile_chain(root, chain, words):
    """The compiler's errors; "" if there are none."""
    lines = "".join(f'#include "{root / name}"\n' for name in (*chain, chain[-1]))
    command = [*words, "-fsyntax-only", "-x", "c++", "-"]
    done = subprocess.run(command, input=lines, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stderr or f"exit {done.returncode}\n"


def precompile(includes, folder, words):
    """The words that use them."""
    if not includes:
        return []
    folder.mkdir(parents=True)
    header = folder / "common.hxx"
    header.write_text("".join(f"#include <{name}>\n" for name in includes))
    binary = f"{header}.pch" if "clang" in words[0] else f"{header}.gch"
    subprocess.run([*words, "-x", "c++-header", header, "-o", binary], check=True)
    return ["-include-pch", binary] if "clang" in words[0] else ["-include", str(header)]


def examine(root, folder, words):
    """The errors, and how many headers there are."""
    tree, errors = Tree(root), []
    (folder / "compiled").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as precompiled:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for number, (includes, members) in enumerate(tree.groups()):
                chains = {folder / "compiled" / tree.key(chain, words): chain for chain in tree.chains(members)}
                changed = {stamp: chain for stamp, chain in chains.items() if not stamp.exists()}
                if not changed:
                    continue
                more = precompile(includes, Path(precompiled) / str(number), words)
                found = pool.map(lambda chain: compile_chain(root, chain, [*words, *more]), changed.values())
                for stamp, error in zip(changed, found):
                    if error:
                        errors.append(error)
                    else:
                        stamp.touch()
    return errors, len(tree.headers)


#: What is wrong: {file: text} of a tree, and the header that the compiler is to name.
INCOMPLETE = {
    "a name without its header": ({"echo/a.hpp": "std::string a();\n"}, "a.hpp"),
    "beside a precompiled header": ({"echo/a.hpp": "#include <chrono>\nstd::thread a();\n"}, "a.hpp"),
    "after one that has what it lacks": (
        {"echo/a.hpp": "#include <string>\n", "echo/b.hpp": "std::string b();\n"}, "b.hpp"),
    "included by one that has what it lacks": (
        {"echo/a.hpp": '#include <string>\n#include "echo/b.hpp"\n', "echo/b.hpp": "std::string b();\n"}, "b.hpp"),
    "not twice": ({"echo/a.hpp": "struct A {};\n"}, "a.hpp"),
}  # fmt: skip


def self_test(words):
    failed = 0
    for name, (files, named) in INCOMPLETE.items():
        with tempfile.TemporaryDirectory() as folder:
            for file, text in files.items():
                path = Path(folder, file)
                path.parent.mkdir(exist_ok=True)
                path.write_text(text if name == "not twice" else "#pragma once\n" + text)
            errors, _ = examine(Path(folder), Path(folder, "work"), [*words, f"-I{folder}"])
            if not any(re.search(rf"{re.escape(named)}:\d+:\d+: error", error) for error in errors):
                print(f"not refused: {name}")
                failed = 1
    return failed


def main():
    if len(sys.argv) > 2 and sys.argv[1] == "--self-test":
        return self_test(sys.argv[2:])
    if len(sys.argv) < 4:
        print(__doc__.split("\n\n")[1], file=sys.stderr)
        return 2
    errors, count = examine(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), sys.argv[3:])
    print("".join(errors) or f"{count} headers compile alone")
    return 1 if errors or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
