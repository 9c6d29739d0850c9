"""Text output: values with units, aligned columns, an experiment's cells. Pure.

    print("\n".join(table.of_cells(folder.experiment, folder.runs())))
"""

import statistics

from . import arguments, plan

#: Shown in addition to the primary figure if a run has them.
MAIN = (
    "server_ns_per_echo",
    "both_ns_per_echo",
    "echoes_per_s",
    "echo_p99_ns",
    "resident_b_per_connection",
    "kernel_b_per_connection",
)
#: The same in hold mode, where each connection sends one message and throughput has no meaning.
MAIN_HOLD = (
    "ramp_s",
    "connect_p99_ns",
    "resident_b_per_connection",
    "page_tables_b",
    "virtual_b",
    "kernel_stack_b_per_connection",
    "kernel_b_per_connection",
)
SHORT = {
    "server_ns_per_echo": "server CPU/echo",
    "client_ns_per_echo": "client CPU/echo",
    "both_ns_per_echo": "both CPU/echo",
    "server_by_client": "server/client CPU",
    "echoes_per_s": "echoes/s",
    "echoes_per_wait": "echoes/wait",
    "connects_per_s": "connects/s",
    "ramp_s": "ramp",
    "connect_p50_ns": "connect p50",
    "connect_p99_ns": "connect p99",
    "echo_p50_ns": "echo p50",
    "echo_p99_ns": "echo p99",
    "resident_b": "resident",
    "peak_resident_b": "peak resident",
    "resident_b_per_connection": "resident/conn",
    "virtual_b": "virtual",
    "page_tables_b": "page tables",
    "kernel_stack_b": "kernel stacks",
    "slab_b": "slab",
    "kernel_b": "kernel",
    "machine_b": "machine",
    "kernel_stack_b_per_connection": "kernel stack/conn",
    "slab_b_per_connection": "slab/conn",
    "kernel_b_per_connection": "kernel/conn",
    "machine_b_per_connection": "machine/conn",
}


def human(value, unit):
    """A value with three digits and its unit: 12.3 us, 4.06 KiB, 35,558/s. None: -."""
    if value is None:
        return "-"
    if unit in ("ns", "s"):
        return _scaled(value * (1 if unit == "ns" else 1e9), 1000, ("ns", "us", "ms", "s"))
    if unit == "B":
        return _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))
    if unit == "1/s":
        return f"{_digits(value)}/s"
    return _digits(value)


def _scaled(value, step, units):
    unit = units[0]
    for larger in units[1:]:
        if abs(value) < step * 0.9995:
            break
        value, unit = value / step, larger
    return f"{_digits(value)} {unit}"


def _digits(value):
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def spread(values, unit):
    """Minimum and maximum of two or more values."""
    if len(values) < 2:
        return ""
    return f"{human(min(values), unit)}..{human(max(values), unit)}"


def aligned(heading, rows):
    """Lines with left-aligned columns, each as wide as its longest cell."""
    table = [list(map(str, row)) for row in [heading, *rows]]
    widths = [max(map(len, column)) for column in zip(*table)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in table
    ]


def columns_of(experiment, runs):
    """The figures to show: the primary one, and the main ones that at least one run has."""
    client = experiment["design"].get("fixed", {}).get("client") or []
    main = MAIN_HOLD if (arguments.value_of(client, "--mode") or "hold") == "hold" else MAIN
    present = [name for name in main if any(run.figures.get(name) is not None for run in runs)]
    return list(dict.fromkeys([experiment["primary"], *present]))


def of_cells(experiment, runs):
    """Lines: one row per cell with its measured runs, medians, and the primary figure's spread."""
    names = [one["name"] for one in experiment["design"]["factors"]]
    about = experiment.get("figures", {})
    columns = columns_of(experiment, runs)
    primary = experiment["primary"]
    by_cell = {plan.key_of(cell): (cell, []) for cell in cells_of(experiment)}
    for run in runs:
        by_cell.setdefault(plan.key_of(run.cell), (run.cell, []))[1].append(run)
    rows = []
    for cell, of_cell in by_cell.values():
        measured = [run for run in of_cell if run.measured]
        row = [*(cell.get(name, "") for name in names), f"{len(measured)} of {len(of_cell)}"]
        for name in columns:
            unit = about.get(name, {}).get("unit", "")
            values = [run.figures.get(name) for run in measured]
            values = [value for value in values if value is not None]
            row.append(human(statistics.median(values), unit) if values else "-")
            if name == primary:
                row.append(spread(values, unit) or "-")
        rows.append(row)
    heading = [*names, "runs"]
    for name in columns:
        heading.append(SHORT.get(name, name))
        heading += ["min..max"] if name == primary else []
    return aligned(heading, rows)


def cells_of(experiment):
    factors = experiment["design"]["factors"]
    return plan.cells([_Levels(one) for one in factors])


class _Levels:
    def __init__(self, factor):
        self.name, self.levels = factor["name"], factor["levels"]


def not_measured(runs):
    """Lines: the runs that were not measured and why; equal reasons of a cell are counted."""
    counted = {}
    for run in runs:
        if not run.measured:
            cell = ", ".join(f"{name} {level}" for name, level in run.cell.items())
            key = (cell, run.outcome, run.why or "")
            counted[key] = counted.get(key, 0) + 1
    lines = []
    for (cell, outcome, why), count in counted.items():
        times = f" {count} times" if count > 1 else ""
        lines.append(f"{cell}: {outcome}{times}" + (f": {why}" if why else ""))
    return lines
