"""The documents of one demo, reduced to the figures that its table and its answer need.

`answer_of` returns what docs/results/answer.json holds: one value per key, times in nanoseconds,
sizes in bytes, null where a figure is missing; schema echo-testbed-answer/1. The programs' documents
have the schema echo-testbed/1.
"""

import demo_limits
import documents
from demo_table import at

SCHEMA = "echo-testbed-answer/1"
PARTS = ("burst", "paced", "server")


# ---- the runs of one model -----------------------------------------------------------------------
class Runs:
    """The documents and exit codes of one model: FOLDER/MODEL.{burst,paced,server}.{json,exit}."""

    def __init__(self, folder, model):
        self.model = model
        self.exits = {}
        for part in PARTS:
            setattr(self, part, self.document(folder / f"{model}.{part}.json"))
            try:
                self.exits[part] = int((folder / f"{model}.{part}.exit").read_text())
            except (OSError, ValueError):
                self.exits[part] = None
        self.ceiling = demo_limits.rows_of(folder / f"ceiling.{model}.json")

    @staticmethod
    def document(path):
        try:
            return documents.read_json(path)
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
            found.append(
                f"{self.model}: the client opened {opened}, the server accepted {accepted}"
            )
        if at(self.server, "connections", "open_at_stop") != 0:
            found.append(f"{self.model}: connections were open when the server stopped")
        return found

    @property
    def notes(self):
        return [
            f"{self.model}, {part}: {warning}"
            for part in ("burst", "paced")
            for warning in at(getattr(self, part), "warnings") or []
        ]


# ---- figures -------------------------------------------------------------------------------------
def percentile(run, percent):
    """(ns, whether it is only a lower bound)"""
    bounds = at(run, "latency", "echo", "at_least") or []
    return at(run, "latency", "echo", "percentiles", percent), percent in map(str, bounds)


def longest(run):
    return at(run, "latency", "echo", "max"), bool(at(run, "latency", "censored"))


def cpu(run):
    """(ns per echo of both ends, whether softirq threads are included). In a pid namespace the
    kernel's softirq threads are not visible."""
    total = at(run, "cpu", "total_ns_per_echo")
    if total is not None:
        return total, True
    ends = at(run, "cpu", "client_ns_per_echo"), at(run, "cpu", "server_ns_per_echo")
    return (None, True) if None in ends else (sum(ends), False)


def free_memory_lost(run):
    """Bytes by which the machine's free memory shrank, per connection after the first. None where
    they are less than the sum of their parts: other programs freed memory meanwhile."""
    total = at(run, "memory", "machine", "total")
    parts = [at(run, "memory", whose, "per_connection") for whose in ("machine", "server")]
    added = (at(run, "connections", "established") or 0) - 1
    if total is None or None in parts or added < 1 or total // added < sum(parts):
        return None
    return total // added


def figures_of(runs):
    figures = {}

    def add(name, unit, flag, pair):
        figures[f"{name}_{unit}"], figures[f"{name}_{flag}"] = pair

    figures["served_burst"] = at(runs.burst, "connections", "served")
    figures["served_paced"] = at(runs.paced, "connections", "served")
    figures["establish_ns"] = at(runs.burst, "phases", "ramp", "ns")
    add("echo_p50", "ns", "is_lower_bound", percentile(runs.paced, "50"))
    add("echo_p99", "ns", "is_lower_bound", percentile(runs.paced, "99"))
    add("echo_max", "ns", "is_lower_bound", longest(runs.paced))
    add("cpu_per_echo_paced", "ns", "includes_softirq", cpu(runs.paced))
    add("cpu_per_echo_burst", "ns", "includes_softirq", cpu(runs.burst))
    memory = at(runs.burst, "memory")
    figures["resident_bytes_per_connection"] = at(memory, "server", "per_connection")
    figures["kernel_bytes_per_connection"] = at(memory, "machine", "per_connection")
    figures["free_memory_bytes_per_connection"] = free_memory_lost(runs.burst)
    for part, code in runs.exits.items():
        figures[f"exit_{part}"] = code
    figures["limits"] = demo_limits.lowest(runs.ceiling)
    return figures


def answer_of(models, wanted, asked):
    """`models`: Runs in the table's order. `wanted`: the connections that were to be opened.
    `asked`: the connections that the ceiling documents are for, with their lift commands."""
    run = models[0].burst
    where = at(run, "environment") or {}
    requested = at(run, "connections", "requested") or wanted
    rate = at(models[0].paced, "options", "rate")
    notes = [line for model in models for line in model.notes]
    return {
        "schema": SCHEMA,
        "date": where["time"][:10] if where.get("time") else None,
        "kernel": where.get("kernel"),
        "processors": where.get("cpus"),
        "processor": where.get("cpu"),
        "memory_bytes": where.get("memory"),
        "available_memory_bytes": demo_limits.available_memory(models[0].ceiling),
        "connections_wanted": wanted,
        "connections": requested,
        "paced_echoes_per_s": int(float(rate)) if rate else None,
        "limits_lifted_for": asked,
        "models": {model.model: figures_of(model) for model in models},
        "notes": notes,
    }
