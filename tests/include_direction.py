#!/usr/bin/python3
"""Includes go down the layers only: reads the #include lines of the tree and names each one that does not.

    include_direction.py ROOT         exit 1 and one line per violation
    include_direction.py --self-test  each rule against a small tree that breaks it

limits <- echo <- protocol <- server <- echo_threads, echo_async; protocol <- client;
limits <- limits/verify; echo, limits/verify <- limits/program.
The programs never include each other. bench includes nothing of the project, tests include everything, and nothing includes
bench or tests. The library limits/ uses libc and the standard library only, so that it can be used on its
own. CMake cannot check this: one include path serves all folders, so a wrong include still compiles as long
as it needs no symbol.

The folders of client/ are layers too, and none of its nouns includes itself by way of others. What a run
measures (run/) and what follows from it (findings/) are values (result/) before a report is written, so
report/ can compute neither again.
"""

import re
import tempfile
from pathlib import Path

from tree_rule import run


def client(*folders):
    return {"limits", "echo", "protocol", *(f"client/{folder}" for folder in folders)}


#: What each layer may include. A layer is a folder with all its sub-folders, except those that are layers.
LAYERS = {
    "limits": {"limits"},
    "limits/verify": {"limits", "limits/verify"},
    "echo": {"limits", "echo"},
    "protocol": {"limits", "echo", "protocol"},
    "server": {"limits", "echo", "protocol", "server"},
    "echo_threads": {"limits", "echo", "protocol", "server", "echo_threads"},
    "echo_async": {"limits", "echo", "protocol", "server", "echo_async"},
    "client/schedule": client("schedule"),
    "client/connection": client("schedule", "connection"),
    "client/options": client("schedule", "connection", "options"),
    "client/measure": client("schedule", "connection", "measure"),
    "client/activity": client("schedule", "connection", "measure", "activity"),
    "client/engine": client("schedule", "connection", "measure", "activity", "engine"),
    "client/result": client("schedule", "connection", "options", "measure", "result"),
    "client/statistics": client("statistics"),
    "client/findings": client("schedule", "connection", "options", "measure", "result", "statistics", "findings"),
    "client/fleet": client("schedule", "connection", "options", "measure", "result", "fleet"),
    "client/report": client("options", "result", "report"),
    "client/run": client("schedule", "connection", "options", "measure", "activity", "engine", "fleet",
                         "result", "findings", "run"),
    "limits/program": {"limits", "echo", "limits/verify", "limits/program"},
    "bench": {"bench"},
}
LAYERS["client"] = {"limits", "echo", "protocol", "client"} | {
    layer for layer in LAYERS if layer.startswith("client/")}
LAYERS["tests"] = {*LAYERS, "tests"}
#: In these folders no noun (a header and its source) includes itself by way of others.
WITHOUT_CYCLES = ("client",)
SOURCES = {".hpp", ".cpp", ".inc", ".h", ".cc", ".c", ".ipp"}
FOREIGN_LIBRARIES = ("boost/", "CLI/", "fmt/")

# Anything that is not a quoted or bracketed name (a macro) hides its layer, so it is a violation too.
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include(?:_next)?\b[ \t]*(.*)$", re.MULTILINE)
NAME = re.compile(r'"([^"]+)"|<([^>]+)>')


def layer_of_path(relative):
    """The layer that a path below the root lies in: the deepest of its folders that is one, or None."""
    parts = Path(relative).parts
    for depth in range(len(parts) - 1, 0, -1):
        if (layer := "/".join(parts[:depth])) in LAYERS:
            return layer
    return None


def layer_of(root, including, name, quoted):
    """The layer of an included name, None for a header from outside, "" for one that does not exist."""
    places = [including.parent / name, root / name] if quoted else [root / name]
    for place in places:
        if place.is_file():
            try:
                relative = place.resolve().relative_to(root)
            except ValueError:
                return ""
            return layer_of_path(relative) or relative.parts[0]
    return layer_of_path(name) or ("" if quoted else None)  # not there (yet): judged by its name


def violations_in(root, path):
    relative = path.relative_to(root)
    layer = layer_of_path(relative)
    text = path.read_text(encoding="utf-8", errors="replace")
    for match in INCLUDE.finditer(text):
        where = f"{relative}:{text.count(chr(10), 0, match.start()) + 1}"
        named = NAME.match(match[1])
        if not named:
            yield f"{where}: the name after #include is computed: {match[1].strip()}"
            continue
        name = named[1] or named[2]
        target = layer_of(root, path, name, named[1] is not None)
        if target == "":
            yield f'{where}: "{name}" is no file of the tree (another library\'s goes in <>)'
        elif target is not None and target not in LAYERS[layer]:
            allowed = ", ".join(other for other in LAYERS if other in LAYERS[layer])
            yield f"{where}: {layer} must not include {name}; it may include {allowed}"
        elif layer in ("limits", "limits/verify") and target is None and name.startswith(FOREIGN_LIBRARIES):
            yield f"{where}: {layer} uses libc only and must not include {name}"


def sources(root):
    for layer in LAYERS:
        for path in sorted((root / layer).rglob("*")):
            if path.suffix in SOURCES and path.is_file() and layer_of_path(path.relative_to(root)) == layer:
                yield path


def included_nouns(root, paths):
    """{noun: the nouns that it includes}. A noun is a path without its ending: a header and its source."""
    nouns = {}
    for path in paths:
        included = nouns.setdefault(path.relative_to(root).with_suffix(""), set())
        for match in INCLUDE.finditer(path.read_text(encoding="utf-8", errors="replace")):
            named = NAME.match(match[1])
            if named and named[1]:
                included.add(Path(named[1]).with_suffix(""))
    return nouns


def cycles(nouns):
    """One line per noun by which nouns include themselves. What leads to no cycle is taken away first."""
    rest = {noun: included - {noun} for noun, included in nouns.items()}
    while ends := [noun for noun, included in rest.items() if not included & rest.keys()]:
        for noun in ends:
            del rest[noun]
    while starts := [noun for noun in rest if not any(noun in included for included in rest.values())]:
        for noun in starts:
            del rest[noun]
    return [
        f"{noun}: includes itself by way of {', '.join(map(str, sorted(included & rest.keys())))}"
        for noun, included in sorted(rest.items())
    ]


def examine(root):
    """Violations, and how many files were read."""
    root = root.resolve()
    files = list(sources(root))
    unknown = [
        f"{top.name}: sources in a folder that is no layer; add it to LAYERS"
        for top in sorted(root.iterdir())
        if top.is_dir() and top.name not in LAYERS and not top.name.startswith((".", "build"))
        and any(path.suffix in SOURCES for path in top.rglob("*"))
    ]
    circles = [
        line
        for top in WITHOUT_CYCLES
        for line in cycles(included_nouns(root, [
            path for path in files if path.relative_to(root).parts[0] == top]))
    ]
    return unknown + [one for path in files for one in violations_in(root, path)] + circles, len(files)


# What one file includes, and a word of the complaint (None: none).
CASES = [
    ("limits/rlimit.cpp", '#include "limits/rlimit.hpp"', None),
    ("limits/rlimit.cpp", '#include "rlimit.hpp"', None),
    ("limits/rlimit.cpp", "#include <limits>", None),
    ("limits/rlimit.cpp", '// #include "echo/wire.hpp"', None),
    ("limits/rlimit.cpp", '#include "echo/wire.hpp"', "limits must not include echo/wire.hpp"),
    ("limits/rlimit.cpp", '#include "echo/gone.hpp"', "limits must not include echo/gone.hpp"),
    ("limits/rlimit.cpp", '#include "../echo/wire.hpp"', "limits must not include"),
    ("limits/rlimit.cpp", "#include <echo/wire.hpp>", "limits must not include"),
    ("limits/rlimit.cpp", '  #  include\t"echo/wire.hpp"', "limits must not include"),
    ("limits/rlimit.cpp", "#include WIRE", "computed"),
    ("limits/rlimit.cpp", "#include <boost/json.hpp>", "libc only"),
    ("limits/usage.cpp", "#include <CLI/CLI.hpp>", "libc only"),
    ("limits/usage.cpp", '#include "limits/program/present.hpp"', "limits must not include"),
    ("limits/rlimit.cpp", '#include "limits/verify/verify.hpp"', "limits must not include"),
    ("limits/verify/verify.cpp", '#include "limits/rlimit.hpp"', None),
    ("limits/verify/verify.cpp", '#include "echo/wire.hpp"', "limits/verify must not include"),
    ("limits/verify/verify.cpp", "#include <boost/json.hpp>", "libc only"),
    ("limits/program/main.cpp", '#include "limits/verify/verify.hpp"', None),
    ("limits/program/main.cpp", "#include <CLI/CLI.hpp>", None),
    ("limits/program/main.cpp", '#include "limits/rlimit.hpp"', None),
    ("limits/program/main.cpp", '#include "limits/program/present.hpp"', None),
    ("limits/program/main.cpp", '#include "echo/wire.hpp"', None),
    ("limits/program/main.cpp", '#include "echo_async/models.inc"', "limits/program must not include"),
    ("client/main.cpp", '#include "limits/program/present.hpp"', "client must not include"),
    ("limits/deeper/usage.hpp", '#include "echo/wire.hpp"', "limits must not include"),
    ("echo/wire.cpp", '#include "limits/rlimit.hpp"', None),
    ("echo/wire.cpp", "#include <boost/json.hpp>", None),
    ("echo/wire.cpp", '#include "lost.hpp"', "no file of the tree"),
    ("echo/wire.cpp", '#include "../../../outside.hpp"', "no file of the tree"),
    ("echo/wire.cpp", '#include "client/ramp.hpp"', "echo must not include"),
    ("echo/wire.cpp", '#include "echo_async/models.inc"', "echo must not include"),
    ("echo_threads/main.cpp", '#include "echo_threads/models.inc"', None),
    ("echo_threads/main.cpp", '#include "echo_async/models.inc"', "echo_threads must not include"),
    ("echo_async/main.cpp", '#include "client/ramp.hpp"', "echo_async must not include"),
    ("echo_async/main.cpp", '#include "echo/wire.hpp"', None),
    ("echo_async/models.inc", '#include "bench/floor.hpp"', "echo_async must not include"),
    ("client/main.cpp", '#include "echo_threads/models.inc"', "client must not include"),
    ("client/main.cpp", '#include "tests/peer.hpp"', "client must not include"),
    ("client/run/load.cpp", '#include "client/findings/warnings.hpp"', None),
    ("client/main.cpp", '#include "client/report/text.hpp"', None),
    ("client/report/text.cpp", '#include "client/result/result.hpp"', None),
    ("client/report/text.cpp", '#include "client/findings/warnings.hpp"', "client/report must not include"),
    ("client/report/text.cpp", '#include "client/run/load.hpp"', "client/report must not include"),
    ("client/result/result.cpp", '#include "client/findings/warnings.hpp"', "client/result must not include"),
    ("client/run/load.cpp", '#include "client/report/text.hpp"', "client/run must not include"),
    ("server/model.cpp", '#include "echo/wire.hpp"', None),
    ("server/model.cpp", '#include "echo_async/models.inc"', "server must not include"),
    ("server/model.cpp", '#include "client/ramp.hpp"', "server must not include"),
    ("client/main.cpp", '#include "server/model.hpp"', "client must not include"),
    ("echo/wire.cpp", '#include "server/model.hpp"', "echo must not include"),
    ("bench/floor.cpp", '#include "client/ramp.hpp"', "bench must not include"),
    ("bench/floor.cpp", '#include "bench/floor.hpp"', None),
    ("bench/floor.cpp", '#include "tests/peer.hpp"', "bench must not include"),
    ("tests/all.cpp", '#include "bench/floor.hpp"\n#include "echo_async/models.inc"', None),
]
#: Files of client/ and what each includes, and the nouns that include themselves by way of others.
CYCLES = [
    ({"a.hpp": [], "a.cpp": ["a", "b"], "b.hpp": ["c"], "c.hpp": []}, []),
    ({"a.hpp": [], "a.cpp": ["a", "b"], "b.cpp": ["b", "a"]}, ["a", "b"]),
    ({"a.cpp": ["b"], "b.hpp": ["c"], "c.cpp": ["d"], "d.cpp": ["b"], "e.cpp": ["b"]}, ["b", "c", "d"]),
]
FIXTURE = ["limits/rlimit.hpp", "limits/verify/verify.hpp", "limits/program/present.hpp", "echo/wire.hpp", "server/model.hpp",
           "client/ramp.hpp", "client/run/load.hpp", "client/findings/warnings.hpp",
           "client/result/result.hpp", "client/report/text.hpp", "echo_threads/models.inc", "echo_async/models.inc", "bench/floor.hpp", "tests/peer.hpp"]


def self_test():
    failures = 0
    for name, line, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for fixture in FIXTURE:
                (root / fixture).parent.mkdir(parents=True, exist_ok=True)
                (root / fixture).write_text("#pragma once\n")
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"// one\n{line}\nint x;\n")
            found, _ = examine(root)
        if expected is None:
            good = not found
        else:
            good = len(found) == 1 and expected in found[0] and found[0].startswith(f"{name}:2:")
        if not good:
            failures += 1
            print(f"{name} with {line!r}: expected {expected!r}, got {found}")
    for texts, expected in CYCLES:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name, included in texts.items():
                path = root / "client" / "run" / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("".join(f'#include "client/run/{one}.hpp"\n' for one in included))
            found = [line for line in examine(root)[0] if "by way of" in line]
        if [line.partition(":")[0] for line in found] != [f"client/run/{one}" for one in expected]:
            failures += 1
            print(f"{texts}: expected cycles of {expected}, got {found}")
    print(f"{len(CASES) + len(CYCLES)} cases, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    run(__doc__, examine, self_test, f"none of {', '.join(LAYERS)}", "{} files, every include goes down")
