"""The parts of what `--help` prints: CLI11's of the programs, argparse's and a comment's of the scripts.

    Help.of(text)    usage, about, sections of options, examples, paragraphs, exit codes

Lines of a form that is not known become paragraphs; none is left out.
"""

import dataclasses
import re

#: A line of two columns: what to type, and at least two blanks later what it does.
_COLUMNS = re.compile(r"^(?P<term>\S.*?)(?: {2,}(?P<text>\S.*))?$")
_CLI11 = 34  # its second column
_EXIT = re.compile(r"^Exit (?=\d)")
_EXIT_CODE = re.compile(r"(?:^|[;,.] )(?P<codes>\d+(?:, \d+)*): ")
_SECTION = re.compile(r"^[A-Za-z][\w ]*:$")
#: Ends the help of the client; the manuals have the whole of both.
_POINTER = re.compile(r"^Terms: .* Exit: ")


@dataclasses.dataclass
class Item:
    """An option, an argument or an example."""

    term: str
    text: str = ""

    @property
    def names(self):
        """["-n", "--connections"]; [] of an argument."""
        head = re.split(r" (?![-])", self.term)[0] if self.term.startswith("-") else ""
        return [word.strip() for word in head.split(",")] if head else []


@dataclasses.dataclass
class Help:
    about: str = ""
    usage: list = dataclasses.field(default_factory=list)
    sections: list = dataclasses.field(default_factory=list)  # (title, [Item])
    examples: list = dataclasses.field(default_factory=list)  # [Item]
    paragraphs: list = dataclasses.field(default_factory=list)
    exit_codes: list = dataclasses.field(default_factory=list)  # (codes, meaning)

    @classmethod
    def of(cls, text):
        found = cls()
        for block in _blocks(text):
            found._add(block)
        return found

    def options(self):
        return [item for _, items in self.sections for item in items]

    def _add(self, block):
        first = block[0]
        if re.match("usage: ", first, re.I):
            self._add_usage(block)
        elif block[:1] == ["Examples:"]:
            self._add_examples(block[1:])
        elif _SECTION.match(first) and len(block) > 1 and block[1].startswith(" "):
            self.sections.append((first[:-1], _items(block[1:])))
        elif first.startswith(" "):
            self._add_examples(block)
        elif _EXIT.match(first):
            self.exit_codes += exit_codes(" ".join(block))
        elif not self.about:
            self._add_about(block)
        else:
            self.paragraphs.append(" ".join(line.strip() for line in block))

    def _add_about(self, block):
        """CLI11 prints the usage directly below the first line."""
        usage = [line for line in block if line.startswith("Usage: ")]
        self.about = " ".join(line for line in block if line not in usage)
        if usage:
            self._add_usage(usage)

    def _add_usage(self, block):
        self.usage.append(re.sub("^usage: ", "", " ".join(line.strip() for line in block), flags=re.I))

    def _add_examples(self, block):
        pointers = [line for line in block if _POINTER.match(line)]
        self.examples += _items([line for line in block if line not in pointers])


def _blocks(text):
    """The lines of the text, divided at empty ones. A title of a section stays with its lines."""
    block = []
    for line in [*text.splitlines(), ""]:
        if line.strip():
            if block and _SECTION.match(line):
                yield block
                block = []
            block.append(line.rstrip())
        elif block:
            yield block
            block = []


def _items(lines):
    """Lines of two columns. A line that is indented further continues the text above it."""
    indent = min(len(line) - len(line.lstrip()) for line in lines)
    found = []
    for line in lines:
        if len(line) - len(line.lstrip()) > indent + 2 and found:
            found[-1].text = f"{found[-1].text} {line.strip()}".strip()
        else:
            found.append(_item(line))
    return found


def _item(line):
    match = _COLUMNS.match(line.strip())
    if match["text"] is None and line[_CLI11 - 1 : _CLI11] == " " and line[_CLI11:].strip():
        return Item(line[:_CLI11].strip(), line[_CLI11:].strip())  # the term fills its column
    return Item(match["term"], match["text"] or "")


def exit_codes(text):
    """(codes, meaning) of each part of "Exit 0: all measured; 1: ...; 129, 130, 143: interrupted. More.\""""
    text = _EXIT.sub("", text)
    matches = list(_EXIT_CODE.finditer(text))
    ends = [match.start() for match in matches[1:]] + [len(text)]
    return [(match["codes"], text[match.end() : end].strip()) for match, end in zip(matches, ends)]
