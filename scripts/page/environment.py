"""The manifest as tables: what affects the figures most comes first, the rest is folded.

Fields that the page does not know are shown under their own name, so that a later manifest is shown
in full.
"""

from experiment import manifest

from . import markup, units

#: (key in the manifest, label).
_FIRST = (
    ("commit", "commit"),
    ("build", "build"),
    ("kernel", "kernel"),
    ("system", "system"),
    ("cpu", "processor"),
    ("hypervisor", "hypervisor"),
    ("memory_b", "memory"),
    ("steal", "steal since boot"),
    ("load", "load before the runs"),
    ("huge_pages", "huge pages"),
    ("cgroup", "cgroup limits"),
    ("libraries", "libraries"),
)
_LONG = (
    ("options", "Effective options of both programs"),
    ("sysctls", "Kernel settings"),
    ("limits", "Process limits (soft, hard)"),
    ("mitigations", "Processor mitigations"),
    ("programs", "Programs (SHA-256)"),
)
#: Keys whose values are bytes.
_BYTES = ("memory", "memory_b", "memory_max")


def section(told, machines=None):
    """`machines`: markup of those of the clients, where they are several; `told` is of the server's."""
    if not isinstance(told, dict):
        return None
    named = {key for key, _ in (*_FIRST, *_LONG)}
    rows = []
    for key, label in _FIRST:
        rows += _rows(label, told.get(key), key)
    rest = [row for key, value in told.items() if key not in named for row in _rows(key, value, key)]
    caption = "The server's machine" if machines else "What affects the figures"
    first = markup.table(caption, ("what", "value"), rows, 2, "environment")
    parts = [machines, first]
    for key, label in _LONG:
        parts.append(_folded(key, label, told.get(key)))
    if rest:
        table = markup.table("Other properties", ("what", "value"), rest, 2, "environment")
        parts.append(markup.details("Other properties", table))
    return markup.section("environment", "Environment", *parts)


def _folded(key, label, value):
    rows = _rows("", value, key)
    if not rows:
        return None
    heads = ["what", "value"]
    if key == "sysctls":
        heads.append("why it matters")
        rows = [[*row, manifest.SYSCTLS.get(row[0], "")] for row in rows]
    table = markup.table(label, heads, rows, 3, "environment")
    return markup.details(f"{label} ({len(rows)})", table)


def _rows(label, value, key):
    """The rows of a tree. Nulls, values that could not be read, are left out."""
    if value is None or value in ({}, []):
        return []
    if isinstance(value, dict):
        found = []
        for name, inner in value.items():
            words = f"{label}: {_spoken(name)}" if label else str(name)
            found += _rows(words, inner, name)
        return found
    return [[label or key, _text(value, key)]]


def _spoken(name):
    return str(name).replace("_", " ")


def _text(value, key):
    if key in _BYTES and isinstance(value, int):
        return units.text(value, "B")
    if key == "steal" and isinstance(value, (int, float)):
        return units.percent(value, 2)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        if key == "topology":
            return "; ".join(_processor(one) for one in value)
        return ", ".join("unlimited" if one is None else _text(one, "") for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{_spoken(name)} {_text(inner, name)}" for name, inner in value.items())
    return f"{value:,}" if isinstance(value, int) and value >= 10_000 else str(value)


def _processor(one):
    if not isinstance(one, dict):
        return str(one)
    return f"cpu {one.get('cpu')}: core {one.get('core')}, package {one.get('package')}"
