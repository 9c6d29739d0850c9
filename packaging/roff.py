"""Text as the source of a manual page (man(7))."""

import re

EMPTY = r"\&"
_FONTS = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")
_ESCAPES = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "^": r"\(ha", "~": r"\(ti"}
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def plain(text):
    """Text whose characters stand for themselves, in the middle of a line."""
    return "".join(_ESCAPES.get(each, each) for each in text)


def bold(text):
    return rf"\fB{plain(text)}\fR"


def line(text):
    """A line that begins with no request."""
    return rf"\&{text}" if text[:1] in (".", "'") else text


def prose(text):
    """A paragraph of Markdown: `code` and **bold** are bold, a link is its text."""
    text = _LINK.sub(lambda match: match[1], text)
    parts, end = [], 0
    for match in _FONTS.finditer(text):
        parts += [plain(text[end : match.start()]), bold(match[1] or match[2])]
        end = match.end()
    return line("".join([*parts, plain(text[end:])]))


def section(title):
    return f".SH {plain(title.upper())}"


def subsection(title):
    return f".SS {plain(title)}"


def paragraph(text):
    return f".PP\n{prose(text)}"


def tagged(tag, text):
    """A paragraph with a tag. `tag`: as roff."""
    return f".TP\n{line(tag)}\n{prose(text) if text else EMPTY}"


def example(lines):
    return "\n".join([".PP", ".RS 4", ".EX", *(line(plain(each)) for each in lines), ".EE", ".RE"])
