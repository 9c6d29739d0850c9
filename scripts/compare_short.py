"""The short tables of scripts/compare-models, as in the README: the columns for a first look, with
units in the cells, and the notes as sentences below. The full tables have the rest.
"""

import compare_caption
import compare_table

#: (heading, figure, unit); the unit of a latency is part of its text.
COLUMNS = {
    mode: (
        (rate, "echoes_per_s", ""),
        ("CPU per echo, both ends", "both_ns", " us"),
        ("p50", "p50", ""),
        ("p99", "p99", ""),
        ("resident per connection", "resident", " B"),
    )
    for mode, rate in (("stream", "echoes/s"), ("churn", "connections/s"))
}
UNITS = {heading: unit for heading, _, unit in COLUMNS["stream"]}


def rows_of(mode, cells, runs, comparison):
    """(rows without a column of notes, notes by model)"""
    columns = tuple((heading, figure) for heading, figure, _ in COLUMNS[mode])
    heading, *lines = compare_table.table(
        mode, cells, runs, comparison.traits, comparison.rounds, columns
    )
    rows = [heading[:-1]]
    for line in lines:
        name = line[0].partition(": ")[2]
        rows.append([name, *map(with_unit, heading[1:-1], line[1:-1])])
    return rows, {row[0]: line[-1] for row, line in zip(rows[1:], lines)}


def with_unit(heading, text):
    unit = UNITS.get(heading, "")
    if text == compare_table.DASH or not unit:
        return text
    return f"{text[:-1]}{unit})" if text.endswith(")") else text + unit


def sentences_of(notes):
    """One sentence per note, with its models: `callbacks, io-uring: client-bound.`"""
    models = {}
    for model, note in notes.items():
        if note:
            models.setdefault(note, []).append(model)
    return [f"{', '.join(names)}: {note}." for note, names in models.items()]


def tables(comparison, markdown=False):
    groups, runs = compare_table.grouped(comparison)
    parts = []
    for mode, n, cells in groups:
        rows, notes = rows_of(mode, cells, runs, comparison)
        write = compare_table.as_markdown if markdown else compare_table.as_text
        parts.append(compare_table.titled(mode, n, write(rows, notes=False), markdown))
        if said := sentences_of(notes):
            parts.append("\n".join(said))
    return "\n\n".join(parts)


def caption_of(comparison, text):
    """What the figures are, and of which machine, in three lines."""
    where = "; not pinned" if not comparison.cpus else "; server and client pinned"
    lines = [
        f"{compare_caption.machine(comparison)}{where}. Medians of "
        f"{compare_caption.rounds_text(comparison)}, windows of {comparison.window:g} s after "
        f"{comparison.warm_up:g} s of warm-up, 64 B per message, verified."
    ]
    if "(" in text:
        lines.append(
            "(): of the connections that were served alone. >=: a message without an answer counts "
            "as at least as long as the client waited."
        )
    if compare_table.CLIENT_BOUND in text:
        lines.append(compare_caption.CLIENT_BOUND_TEXT)
    return lines
