"""The results of scripts/bench: ratios, verdicts, the figures that explain them, the JSON file."""

import dataclasses
import json
import statistics

import outputs
import paired


@dataclasses.dataclass(frozen=True)
class Result:
    """A row of the tables. `medians`: {"floor": {figure: value or None}, "test": ...}."""

    name: str
    connections: int
    medians: dict
    ratio: paired.Interval  # of the CPU of the side under test, per echo
    together: paired.Interval  # of the CPU of both ends, per echo
    verdict: str | None
    pairs: list


def softirq_readable(rows):
    figures = [side for row in rows for pair in row.pairs for side in pair.values()]
    return all(one.softirq_ns is not None for one in figures)


def result_of(row, options, with_softirq):
    def own(one):
        return one.client_ns if options.subject == "client" else one.server_ns

    def both(one):
        return one.client_ns + one.server_ns + (one.softirq_ns if with_softirq else 0)

    def each(side, value):
        return [value(pair[side]) for pair in row.pairs]

    def median(side, value):
        values = each(side, value)
        return None if None in values else statistics.median(values)

    def ratio(value):
        return paired.ratio(each("floor", value), each("test", value), options.confidence)

    medians = {}
    for side, (calls_per_echo, echoes_per_wait) in row.calls.items():
        if options.subject == "client":  # only the counted runs know the waits of a server
            echoes_per_wait = median(side, lambda one: one.echoes_per_wait)
        medians[side] = {
            "ns": median(side, own),
            "both_ns": median(side, both),
            "echoes_per_s": median(side, lambda one: one.echoes_per_s),
            "echoes_per_wait": echoes_per_wait,
            "calls_per_echo": calls_per_echo,
        }
    found = ratio(own)
    verdict = None if options.goal is None else paired.verdict(found, options.goal)
    return Result(row.name, row.connections, medians, found, ratio(both), verdict, row.pairs)


def number(value, digits):
    return "-" if value is None else f"{value:,.{digits}f}"


def bounds(interval):
    return "-" if interval.low is None else f"{interval.low:.3f} to {interval.high:.3f}"


def table(header, lines):
    """Prints columns of the needed width; the first and the last are aligned to the left."""
    widths = [max(map(len, column)) for column in zip(header, *lines)]
    for line in (header, *lines):
        cells = [cell.rjust(width) for cell, width in zip(line[1:-1], widths[1:-1])]
        print("  ".join([line[0].ljust(widths[0]), *cells, line[-1]]).rstrip())


def show(options, with_softirq, results, counted_by):
    http = options.protocol == "http"
    trip = "request" if http else "connection" if options.churn else "round trip"
    load = "64 B, closed loop, one in flight"
    if http:
        load = f"GET / by {options.load}, keep-alive, one in flight"
    elif options.churn:
        load = "64 B, connect-echo-close"
    server, client = options.cpus
    softirq = "with" if with_softirq else "without"
    print(
        f"{load}; windows of {options.seconds:g} s; server on CPU {server}, "
        f"client on CPU {client}\n"
        f"us: CPU of the {options.subject} per {trip}, medians; ratio: Hodges-Lehmann over the "
        f"pairs, {options.confidence:.0%} interval;\n"
        f"together: client and server, {softirq} the kernel's softirq threads\n"
    )
    goal = "" if options.goal is None else f"goal {options.goal:g}"
    header = ("side under test", "n", "pairs", "floor us", "us", "ratio", "interval", "together")
    lines = [
        (
            one.name,
            f"{one.connections:,}",
            str(len(one.pairs)),
            *(number(one.medians[side]["ns"] / 1000, 2) for side in one.medians),
            f"{one.ratio.estimate:.3f}",
            bounds(one.ratio),
            f"{one.together.estimate:.3f}",
            bounds(one.together),
            one.verdict or "",
        )
        for one in results
    ]
    table((*header, "interval", goal), lines)

    print(f"\nFigures that explain the ratios (system calls: {counted_by or 'not counted'}):\n")
    kinds = (("echoes_per_s", 0), ("echoes_per_wait", 1), ("calls_per_echo", 2))
    lines = [
        (
            one.name,
            f"{one.connections:,}",
            *(number(one.medians[side][kind], at) for kind, at in kinds for side in one.medians),
            "",
        )
        for one in results
    ]
    many, one = ("requests", "request") if http else ("echoes", "echo")
    figures = (f"{many}/s", f"{many}/epoll_wait", f"calls/{one}")
    header = (name for figure in figures for name in (f"floor {figure}", figure))
    table(("side under test", "n", *header, ""), lines)


def write(path, options, results, exit_code):
    """Writes the JSON document. Raises CannotWrite."""
    document = {
        "schema": "echo-testbed-bench/1",
        "exit_code": exit_code,
        "options": {name: str(value) for name, value in vars(options).items()},
        "rows": [dataclasses.asdict(one) for one in results],
    }
    outputs.replace(path, json.dumps(document, indent=1) + "\n")
