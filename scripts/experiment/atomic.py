"""A document on disk, whole or not at all."""

import json

import outputs
from outputs import CannotWrite  # noqa: F401

#: Columns. A value that is longer has one of its elements per line.
WIDTH = 100


def text_of(document):
    """JSON with one key per line. An object or a list that does not fit in WIDTH has one element
    per line, however long the element is. A list of runs thus has one run per line: the file stays
    small in git, and a diff shows which run changed."""
    document = json.loads(json.dumps(document, allow_nan=False))  # tuples and keys as JSON has them
    return _opened(document, "", _short_or_opened) + "\n"


def _short_or_opened(value, indent):
    text = json.dumps(value)
    return text if len(text) <= WIDTH else _opened(value, indent, lambda each, _: json.dumps(each))


def _opened(value, indent, write):
    """One element per line, each as `write` has it."""
    inner = indent + " "
    if value and isinstance(value, dict):
        left, right = "{}"
        lines = [f"{json.dumps(key)}: {write(each, inner)}" for key, each in value.items()]
    elif value and isinstance(value, list):
        left, right = "[]"
        lines = [write(each, inner) for each in value]
    else:
        return json.dumps(value)
    return f"{left}\n{inner}" + f",\n{inner}".join(lines) + f"\n{indent}{right}"


def write_atomically(path, document):
    """Writes JSON to a temporary file in the same folder and renames it. A full disk keeps the old
    file."""
    outputs.replace(path, text_of(document))
