"""The demo's table from an answer (demo_figures.answer_of), as text and as Markdown, and what other
scripts' tables share with it: figures as text, a nested value of a document, a block of a page.

A figure that is null is printed as "-".
"""

import outputs

MARKERS = ("<!-- demo -->", "<!-- /demo -->")


def at(document, *keys):
    """document[key][key]..., or None as soon as something is missing or null."""
    for key in keys:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


# ---- figures as text -----------------------------------------------------------------------------
def duration(ns):
    if ns is None:
        return "-"
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            value = ns / size
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    return f"{ns} ns"


def size(count):
    return "-" if count is None else f"{count:,} B"


def bounded(figures, name):
    """A latency; ">= " before one that is only a lower bound."""
    bound = ">= " if figures[f"{name}_is_lower_bound"] else ""
    return bound + duration(figures[f"{name}_ns"])


def cpu(figures, name):
    text = duration(figures[f"{name}_ns"])
    return text if figures[f"{name}_includes_softirq"] else f"{text} without softirq threads"


def served(figures):
    return " + ".join(f"{figures[f'served_{part}'] or 0:,}" for part in ("burst", "paced"))


def exit_codes(figures):
    codes = [figures[f"exit_{part}"] for part in ("burst", "paced", "server")]
    return ", ".join("-" if code is None else str(code) for code in codes)


# ---- the table -----------------------------------------------------------------------------------
def rows_of(answer):
    rate = answer["paced_echoes_per_s"]
    paced = f"paced at {rate:,.0f}/s" if rate else "paced"
    each = [
        ("served, burst + paced", served),
        ("time to establish all", lambda m: duration(m["establish_ns"])),
        (f"echo p50, {paced}", lambda m: bounded(m, "echo_p50")),
        (f"echo p99, {paced}", lambda m: bounded(m, "echo_p99")),
        (f"echo max, {paced}", lambda m: bounded(m, "echo_max")),
        ("CPU per echo, both ends, paced", lambda m: cpu(m, "cpu_per_echo_paced")),
        ("CPU per echo, both ends, burst", lambda m: cpu(m, "cpu_per_echo_burst")),
        ("resident per connection, server", lambda m: size(m["resident_bytes_per_connection"])),
        ("kernel per connection, both ends", lambda m: size(m["kernel_bytes_per_connection"])),
        ("free memory lost per connection", lambda m: size(m["free_memory_bytes_per_connection"])),
        ("exit: burst, paced, server", exit_codes),
    ]
    models = answer["models"]
    table = [["model", *models]]
    table += [[label] + [figure(figures) for figures in models.values()] for label, figure in each]
    return table


def as_text(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells))
    lines.insert(1, "-" * len(lines[0]))
    return "\n".join(lines)


def as_markdown(rows):
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" + "---:|" * (len(rows[0]) - 1))
    return "\n".join(lines)


def about(answer):
    memory = answer["memory_bytes"]
    parts = [
        f"{answer['connections']:,} connections",
        f"{answer['processors'] or '?'} x {answer['processor'] or '?'}",
        f"{memory / 2**30:.1f} GiB" if memory else "-",
        answer["kernel"] or "-",
        answer["date"] or "-",
    ]
    return ", ".join(parts)


def put_into(path, table, markers=MARKERS):
    """Replaces what lies between the two marker lines of a page. Raises CannotWrite."""
    text = path.read_bytes().decode(errors="surrogateescape")
    head, found, rest = text.partition(markers[0] + "\n")
    _, closed, tail = rest.partition(markers[1])
    if not found or not closed:
        raise outputs.CannotWrite(f"{path}: lacks the lines {markers[0]} and {markers[1]}")
    page = head + found + table + "\n" + closed + tail
    outputs.replace(path, page.encode(errors="surrogateescape"))
