#!/usr/bin/python3
"""The table of scripts/demo, made from the documents that the programs wrote.

    demo_table.py fit WANTED LIMITS.json...            how many connections fit, on stdout
    demo_table.py show [--markdown | --into FILE] [--wanted N] FOLDER MODEL...

`show` reads FOLDER/MODEL.{burst,paced,server}.{json,exit}. A figure that is null in a document, or
whose document is missing, is printed as "-". Exit 0: every run passed; 1: one did not. Needs
nothing but Python's own library. The schema of the documents is echo-testbed/1.
"""

import argparse
import json
import pathlib
import sys

MARKERS = ("<!-- demo -->", "<!-- /demo -->")


# ---- how many fit ---------------------------------------------------------------------------------
def fit(wanted, paths):
    """The largest N <= wanted that every limit leaves room for; says on stderr what bites."""
    room, culprit = wanted, None
    for path in paths:
        for row in json.loads(path.read_text())["limits"]:
            bites_at = row["bites_at"]
            if bites_at is not None and bites_at <= room:
                room, culprit = bites_at - 1, row
    if culprit is None:
        return wanted
    # Others on the machine come and go, and a round figure is easier to compare.
    room = int(room * 0.98)
    room -= room % 100
    lift = f"; to lift it: {culprit['lift']}" if culprit["lift"] else ""
    print(
        f"{wanted:,} connections do not fit here: {culprit['name']} ({culprit['source']}) "
        f"bites at {culprit['bites_at']:,}{lift}. Going on with {room:,}.",
        file=sys.stderr,
    )
    return room


# ---- figures as text ------------------------------------------------------------------------------
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


def at(document, *keys):
    """document[key][key]..., or None as soon as something is missing or null."""
    for key in keys:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def percentile(run, percent):
    value = duration(at(run, "latency", "echo", "percentiles", percent))
    bounds = at(run, "latency", "echo", "at_least") or []
    return (">= " if percent in map(str, bounds) else "") + value


def longest(run):
    censored = at(run, "latency", "censored") or 0
    return (">= " if censored else "") + duration(at(run, "latency", "echo", "max"))


def cpu(run):
    total = at(run, "cpu", "total_ns_per_echo")
    if total is not None:
        return duration(total)
    # In a pid namespace of one's own the kernel's softirq threads cannot be seen.
    ends = at(run, "cpu", "client_ns_per_echo"), at(run, "cpu", "server_ns_per_echo")
    return "-" if None in ends else f"{duration(sum(ends))} without softirq threads"


def free_memory_lost(run):
    """Bytes that the machine's free memory shrank by, per connection after the first. None where it
    comes out below its own parts: then others on the machine gave memory back meanwhile."""
    total = at(run, "memory", "machine", "total")
    parts = at(run, "memory", "machine", "per_connection"), at(run, "memory", "server", "per_connection")
    added = (at(run, "connections", "established") or 0) - 1
    if total is None or None in parts or added < 1 or total // added < sum(parts):
        return None
    return total // added


# ---- the runs of one model ------------------------------------------------------------------------
class Runs:
    def __init__(self, folder, model):
        self.model = model
        self.exits = {}
        for part in ("burst", "paced", "server"):
            setattr(self, part, self.document(folder / f"{model}.{part}.json"))
            try:
                self.exits[part] = int((folder / f"{model}.{part}.exit").read_text())
            except (OSError, ValueError):
                self.exits[part] = None

    @staticmethod
    def document(path):
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError):
            return {}

    @property
    def problems(self):
        found = [
            f"{self.model}: {part} ended with {code}"
            for part, code in self.exits.items()
            if code != 0
        ]
        for part in ("burst", "paced"):
            run = getattr(self, part)
            for cause, count in (at(run, "connections", "failed") or {}).items():
                found.append(f"{self.model}, {part}: {cause} {count:,}")
        opened = [at(run, "connections", "total") for run in (self.burst, self.paced)]
        accepted = at(self.server, "connections", "accepted")
        if None in opened or sum(opened) != accepted:
            found.append(f"{self.model}: the client opened {opened}, the server accepted {accepted}")
        if at(self.server, "connections", "open_at_stop") != 0:
            found.append(f"{self.model}: connections were left open at the server's end")
        return found

    @property
    def notes(self):
        return [
            f"{self.model}, {part}: {warning}"
            for part in ("burst", "paced")
            for warning in at(getattr(self, part), "warnings") or []
        ]

    def served(self):
        return " + ".join(
            f"{at(run, 'connections', 'served') or 0:,}" for run in (self.burst, self.paced)
        )

    def rate(self):
        rate = at(self.paced, "options", "rate")
        return f"{float(rate):,.0f}" if rate else "?"

    def exit_codes(self):
        return ", ".join("-" if code is None else str(code) for code in self.exits.values())


def rows_of(models):
    rate = models[0].rate()
    each = [
        ("served, burst + paced", Runs.served),
        ("time to establish all", lambda m: duration(at(m.burst, "phases", "ramp", "ns"))),
        (f"echo p50, paced at {rate}/s", lambda m: percentile(m.paced, "50")),
        (f"echo p99, paced at {rate}/s", lambda m: percentile(m.paced, "99")),
        (f"echo max, paced at {rate}/s", lambda m: longest(m.paced)),
        ("CPU per echo, both ends, paced", lambda m: cpu(m.paced)),
        ("CPU per echo, both ends, burst", lambda m: cpu(m.burst)),
        (
            "resident per connection, server",
            lambda m: size(at(m.burst, "memory", "server", "per_connection")),
        ),
        (
            "kernel per connection, both ends",
            lambda m: size(at(m.burst, "memory", "machine", "per_connection")),
        ),
        ("free memory lost per connection", lambda m: size(free_memory_lost(m.burst))),
        ("exit: burst, paced, server", Runs.exit_codes),
    ]
    table = [["model"] + [m.model for m in models]]
    table += [[label] + [figure(m) for m in models] for label, figure in each]
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


def about(models):
    run = models[0].burst
    where = at(run, "environment") or {}
    memory = where.get("memory")
    parts = [
        f"{at(run, 'connections', 'requested') or 0:,} connections",
        f"{where.get('cpus', '?')} x {where.get('cpu', '?')}",
        f"{memory / 2**30:.1f} GiB" if memory else "-",
        where.get("kernel", "-"),
        (where.get("time") or "-")[:10],
    ]
    return ", ".join(parts)


READING = """\
How to read it
  Resident is what the server's own pages hold. Kernel is slab, kernel stacks, page tables and socket
  buffers of both ends, so about 4 KB of it is the client's end in either column. Free memory is what
  the machine lost: it also sees the up to 32 KiB that the kernel keeps for each thread that has sent.
  Latency runs from when a message was due (open loop), so a stall is charged to those who waited.
  CPU per echo is lower in a burst: one wake-up then serves many messages.

Next
  cd build/bin; ulimit -n 10100; ./echo_threads & ./client -n 10000    by hand
  build/bin/limits -n 100k                                             what 100,000 would take
  scripts/test                                                         the tests
"""


def put_into(path, table, markers=MARKERS):
    text = path.read_text()
    head, found, rest = text.partition(markers[0] + "\n")
    _, closed, tail = rest.partition(markers[1])
    if not found or not closed:
        sys.exit(f"{path} lacks the lines {markers[0]} and {markers[1]}")
    path.write_text(head + found + table + "\n" + closed + tail)


def show(arguments):
    models = [Runs(arguments.folder, model) for model in arguments.models]
    rows = rows_of(models)
    markdown = f"{as_markdown(rows)}\n\n{about(models)}."
    problems = [line for m in models for line in m.problems]
    notes = [line for m in models for line in m.notes]
    requested = at(models[0].burst, "connections", "requested") or 0
    if arguments.wanted and requested and requested < arguments.wanted:
        notes.insert(0, f"{arguments.wanted:,} connections do not fit here; these are {requested:,}")

    print(markdown if arguments.markdown else f"{about(models)}\n\n{as_text(rows)}")
    if notes:
        print("\n" + "\n".join("note: " + line for line in notes))
    if not arguments.markdown:
        print("\n" + READING, end="")
    if problems:
        print("\nFAILED\n" + "\n".join("  " + line for line in problems))
    elif arguments.into:
        put_into(arguments.into, markdown)
        print(f"\nThe table is in {arguments.into} now.")
    return 1 if problems else 0


def main():
    parser = argparse.ArgumentParser(description="The table of scripts/demo.")
    commands = parser.add_subparsers(dest="command", required=True)
    fitting = commands.add_parser("fit", help="how many connections fit")
    fitting.add_argument("wanted", type=int)
    fitting.add_argument("limits", nargs="+", type=pathlib.Path)
    showing = commands.add_parser("show", help="the table")
    showing.add_argument("--markdown", action="store_true")
    showing.add_argument("--into", type=pathlib.Path)
    showing.add_argument("--wanted", type=int)
    showing.add_argument("folder", type=pathlib.Path)
    showing.add_argument("models", nargs="+")
    arguments = parser.parse_args()
    if arguments.command == "fit":
        print(fit(arguments.wanted, arguments.limits))
        return 0
    return show(arguments)


if __name__ == "__main__":
    sys.exit(main())
