"""The runs of a results folder as a table for other programs: a row for each run (RFC 4180).

The columns are the run's place in the order, its factors, its outcome, and its figures, whose names
end in their unit (_ns, _b, _s). A figure that the run does not have is empty. Spreadsheets take a
cell that begins with = + - @ for a formula; such text gets an apostrophe before it, numbers do not.

    csv_table.of_folder("results/stacks")        raises Bad where there is no results folder
"""

import csv
import io
import pathlib
import re

import documents
import streams

from . import figures, folder

COMPARISON = "echo-testbed-comparison/1"
#: Columns before and behind the factors; a factor with such a name is written factor_NAME.
FIRST = ("run", "block", "place")
NEXT = ("outcome", "why", "began", "took_s", "server_exit", "client_exit", "steal", "load1")
#: {figure of scripts/compare-models: its column}; the other names are columns themselves.
COLUMNS = {
    "server_ns": "server_ns_per_echo",
    "both_ns": "both_ns_per_echo",
    "softirq_ns": "softirq_ns_per_echo",
    "p50": "echo_p50_ns",
    "p99": "echo_p99_ns",
    "connect_p99": "connect_p99_ns",
    "queue_wait_p99": "queue_wait_p99_ns",
    "resident": "resident_b_per_connection",
    "kernel": "kernel_b_per_connection",
}
OF_COMPARISON = ("round", "model", "mode", "connections", "outcome", "why")
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


class Bad(Exception):
    """There is no such folder; one line."""


def of_folder(path):
    """The whole table as text."""
    path = pathlib.Path(path)
    try:
        schema = documents.read_json(path / folder.EXPERIMENT).get("schema")
        if schema == COMPARISON:
            return text_of(*of_comparison(path))
        return text_of(*of_runs(folder.Folder.open(path, any_form=True)))
    except folder.Refused as error:
        raise Bad(str(error)) from error
    except OSError as error:
        raise Bad(f"{path / folder.EXPERIMENT}: {error.strerror}") from error
    except (ValueError, AttributeError) as error:
        raise Bad(f"{path / folder.EXPERIMENT}: not of a results folder ({error})") from error


def of_runs(kept):
    """(heading, rows) of an experiment."""
    runs = kept.runs()
    factors = list(dict.fromkeys(name for run in runs for name in run.cell))
    there = {name for run in runs for name in run.figures}
    names = [name for name in figures.FIGURES if name in there]
    names += sorted(there - set(names))
    taken = {*FIRST, *NEXT, *names}
    heading = [*FIRST, *(f"factor_{name}" if name in taken else name for name in factors)]
    rows = [
        [
            *(getattr(run, name) for name in FIRST),
            *(run.cell.get(name) for name in factors),
            *(getattr(run, name) for name in NEXT),
            *(run.figures.get(name) for name in names),
        ]
        for run in runs
    ]
    return [*heading, *NEXT, *names], rows


def of_comparison(path):
    """(heading, rows) of scripts/compare-models. A latency has two columns: its value, and whether
    that is only a lower bound."""
    import compare_folder

    runs = compare_folder.read(path).runs
    rows, heading = [], dict.fromkeys((*OF_COMPARISON, "took_s", "server_exit", "client_exit"))
    for run in runs:
        row = {name: getattr(run, name) for name in OF_COMPARISON}
        row |= {"took_s": run.seconds}
        row |= {name: getattr(run, name) for name in ("server_exit", "client_exit")}
        for name, value in run.figures.items():
            name = COLUMNS.get(name, name)
            if isinstance(value, list | tuple):
                value, row[f"{name}_is_lower_bound"] = value
            row[name] = value
        rows.append(row)
        heading |= dict.fromkeys(row)
    return list(heading), [[row.get(name) for name in heading] for row in rows]


def text_of(heading, rows):
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\r\n")
    writer.writerows([[_cell(value) for value in row] for row in [heading, *rows]])
    return made.getvalue()


def _cell(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = streams.printable(str(value))
    formula = text.startswith(("=", "+", "-", "@", "\t")) and not NUMBER.fullmatch(text)
    return f"'{text}" if formula else text
