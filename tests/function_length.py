#!/usr/bin/python3
"""Functions stay short: names each function of the C++ sources that has more than sixty lines.

    function_length.py ROOT         exit 1 and one line per function
    function_length.py --self-test  the count against small sources

Lines are counted from that of the opening brace to that of the closing one, comments and blank
lines included. What is in a function counts for it, a lambda too; classes and namespaces are no
functions. There are no exceptions. tests/ and bench/ are not examined.

Braces are counted after comments, literals and preprocessor lines have been blanked, which is exact
for sources in which each branch of an #if is balanced. A brace without another is a complaint.
"""

import re
import tempfile
from pathlib import Path

from tree_rule import run

MOST = 60
FOLDERS = ("limits", "echo", "protocol", "server", "echo_threads", "echo_async", "client")
SOURCES = {".hpp", ".cpp", ".inc"}

# Alternatives in the order of their beginning in the text: the first that matches there is meant.
BLANKED = re.compile(
    r'//(?:\\\n|[^\n])*'                      # a comment
    r'|/\*.*?\*/'
    r'|\bR"(?P<mark>[^ ()\\\n]*)\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'"  # not the separator in 10'000
    r'|^[ \t]*\#(?:\\\n|[^\n])*',               # a preprocessor line
    re.DOTALL | re.MULTILINE)
# Before the brace of a class or a namespace. A parenthesis behind its colon belongs to a base.
TYPE = re.compile(r"(?:template\b.*>\s*)?(?:class|struct|union|enum|namespace)\b")
NO_PARAMETERS = re.compile(
    r"\b(?:public|private|protected)\s*:(?!:)|\balignas\s*\([^)]*\)|\[\[.*?\]\]")
COLON = re.compile(r"(?<!:):(?!:)")


def blank(text):
    """`text` without comments, literals and preprocessor lines, with the same lines."""
    return BLANKED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)


def is_function(before):
    """Whether a brace after this text, which follows a brace or a semicolon, opens a function."""
    text = NO_PARAMETERS.sub("", before).strip()
    return "(" in (COLON.split(text)[0] if TYPE.match(text) else text)


def functions(text):
    """(line of the opening brace, number of lines, the text before it) of each outermost function.
    Raises ValueError with the line of a brace that has no other."""
    found, opened, head = [], [], 0
    closed = None  # whether the brace just before was the end of a function
    for match in re.finditer(r"[{};]", text):
        line = text.count("\n", 0, match.start()) + 1
        before = " ".join(text[head:match.start()].split())
        if match[0] == "{":
            # The body behind a list of initializers: "C::C() : a_{1}, b_{2} {".
            continues = bool(closed) and (not before or before[0] == ",")
            opened.append((line, before, continues or is_function(before)))
            closed = None
        elif match[0] == "}":
            if not opened:
                raise ValueError(line)
            first, before, closed = opened.pop()
            if closed and not any(outer[2] for outer in opened):
                found.append((first, line - first + 1, before))
        else:
            closed = None
        head = match.end()
    if opened:
        raise ValueError(opened[-1][0])
    return found


def violations(root):
    """One line per function that is too long, and how many functions there are."""
    found, seen = [], 0
    for path in sorted(path for folder in FOLDERS for path in (root / folder).rglob("*")):
        if path.suffix not in SOURCES or not path.is_file():
            continue
        name = path.relative_to(root)
        try:
            all_of_it = functions(blank(path.read_text(encoding="utf-8")))
        except ValueError as unbalanced:
            found.append(f"{name}:{unbalanced}: this brace has no other")
            continue
        seen += len(all_of_it)
        found += [f"{name}:{line}: {lines} lines, at most {MOST}: {before[-60:]}"
                  for line, lines, before in all_of_it if lines > MOST]
    return found, seen


def of_lines(count, head="void f() {", tail="}"):
    """A function of `count` lines."""
    return "\n".join([head, *["  g();"] * (count - 2), tail]) + "\n"


#: Sources, and the line of the complaint (None: none).
CASES = [
    (of_lines(60), None),
    (of_lines(61), 1),
    ("int x;\n" + of_lines(61), 2),
    (of_lines(61, "int C::f(int a,\n  int b) const noexcept(true) {"), 2),
    (of_lines(61, "C::C(int a)\n : a_{a}, b_(a) {"), 2),
    (of_lines(61, "auto f = [](int a) {", "};"), 1),
    (of_lines(61, "template <typename T>\nstd::optional<T> f(T t) {"), 2),
    (of_lines(61, "struct stat status_of(int fd) {"), 1),
    (of_lines(61, "C::C(int a)\n : a_(a), b_{a}, c_{} {"), 2),
    (of_lines(61, "class C {\n public:\n  void f() {", "}};"), 3),
    ("void f() {\n  h([] {\n" + "g();\n" * 60 + "  });\n}\n", 1),
    (of_lines(61, "class C : public D {", "};"), None),
    (of_lines(61, "namespace a::b {"), None),
    (of_lines(61, "struct alignas(64) S {", "};"), None),
    (of_lines(61, "class C : public D<int(*)()> {", "};"), None),
    (of_lines(61, "enum class E : std::uint8_t {", "};"), None),
    (of_lines(61, "constexpr int numbers[] = {", "};"), None),
    ("void f() {\n}\nconst S rows[] = {" + "{\n}, {\n}, \n" * 30 + "};\n", None),
    ("struct S {\n" + of_lines(61, "  void f() {", "  }") + "};\n", 2),
    ("struct S {\n" + of_lines(30, "  void f() {", "  }") * 3 + "};\n", None),
    # Braces that are none:
    ("char c = '{';\n" + of_lines(61), 2),
    ("int n = 10'000;\n" + of_lines(61), 2),
    ('auto s = "{\\"{";\n' + of_lines(61), 2),
    ('auto s = R"(\n{"{)";\n' + of_lines(61), 3),
    ("// { it's\n/* {\n */\n" + of_lines(61), 4),
    ("#define BEGIN() { \\\n  {\n" + of_lines(61), 3),
    ("void f() {\n", 1),
    ("}\n", 1),
]


def self_test():
    failures = 0
    for text, expected in CASES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "client" / "f.cpp"
            path.parent.mkdir()
            path.write_text(text)
            found, _ = violations(Path(folder))
        wanted = [] if expected is None else [f"client/f.cpp:{expected}:"]
        if [line[:len(f"client/f.cpp:{expected}:")] for line in found] != wanted:
            failures += 1
            print(f"{text[:40]!r}...: expected line {expected}, got {found}")
    print(f"{len(CASES)} cases, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    run(__doc__, violations, self_test, "no C++ function",
        f"{{}} functions, none with more than {MOST} lines")
