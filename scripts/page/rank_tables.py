"""The sections of the page of a merged document: its ranks, those that are missing, the server that was
watched, and the clients' machines.

A fleet may have thousands of ranks. The tables in sight show the worst of them; all are in folded tables.
"""

from . import fields, markup, merged, units

FEW = merged.FEW


# ---- ranks ---------------------------------------------------------------------------------------
def section(client):
    """None where the document is of no fleet."""
    rows = merged.ranks(client)
    return markup.section(
        "ranks",
        "Ranks",
        _missing(client),
        _whole(client),
        _load(_worst(rows), _caption_of_load(rows)),
        _clocks(_latest(rows), _caption_of_clocks(rows), _first(rows)),
        markup.paragraph(
            "The reference clock is that of the program that started the ranks, or of rank 0 with MPI. "
            "A clock's offset is how far it was ahead, and the most that this can be wrong. Traffic is "
            "counted from the first rank's, on the reference clock.",
            "how",
        )
        if rows
        else None,
        markup.details(
            f"All {len(rows):,} ranks",
            _load(rows, "Load, by rank"),
            _clocks(rows, "Clocks and start of traffic, by rank", _first(rows)),
        )
        if len(rows) > FEW
        else None,
    )


def _missing(client):
    """The first few in sight; the rest is folded."""
    gone = merged.missing(client)
    heads = ("host", "rank", "why it is missing")
    rows = [(merged.host(row), f"{row['rank']}", merged.why(row)) for row in gone]
    caption = f"Missing: {len(gone):,} of {merged.size(client):,} ranks; their connections are in no figure"
    shown = markup.table(caption, heads, rows[:FEW], 3)
    rest = markup.table("The others that are missing", heads, rows[FEW:], 3)
    if not rest:
        return shown
    return markup.lines(shown, markup.details(f"The other {len(gone) - FEW:,} missing ranks", rest))


def _whole(client):
    """The ranks together, as the text of `client merge` has it."""
    rows = merged.ranks(client)
    found = [["ranks whose results are here", f"{len(rows):,} of {merged.size(client):,}"]] if rows else []
    costs = [[fields.number_at(row, name) for name in ("client_ns_per_echo", "echoes", "resident")] for row in rows]
    echoes = sum(each[1] or 0 for each in costs)
    if echoes and not any(None in each for each in costs):
        mean = sum(cost * count for cost, count, _ in costs) / echoes
        found.append(["CPU per echo of the clients", units.text(mean, "ns")])
        found.append(["resident memory of all clients", units.text(sum(each[2] for each in costs), "B")])
    begun = [_begun(row) for row in rows]
    known = [one for one in begun if one]
    if len(known) > 1:
        apart = max(known)[0] - min(known)[0]
        bound = sum(sorted((bound for _, bound in known), reverse=True)[:2])
        few = "" if len(known) == len(rows) else f"; not known of {units.many(len(rows) - len(known), 'rank')}"
        words = f"within {units.text(apart, 'ns')} of each other, known to {units.text(bound, 'ns')}{few}"
        found.append(["traffic of the ranks began", words])
    elif len(rows) > 1:
        found.append(["traffic of the ranks began", "not known"])
    return markup.table("All ranks together", ("what", "value"), found, 2)


def _begun(row):
    """(ns on the reference clock, bound) of its first traffic; None: not known."""
    found = tuple(fields.number_at(row, "traffic_begun", key) for key in ("reference_ns", "bound_ns"))
    return None if None in found else found


def _is_whole(row):
    """Whether it ran to its end, and served all its connections."""
    served, requested = (fields.number_at(row, name) for name in ("served", "requested"))
    return fields.text_at(row, "status") == "pass" and served == requested


def _worst(rows):
    if len(rows) <= FEW:
        return rows
    return sorted(rows, key=lambda row: (_is_whole(row), -(fields.number_at(row, "p99_ns") or 0)))[:FEW]


def _caption_of_load(rows):
    if len(rows) <= FEW:
        return "Each rank's share of the load"
    order = [] if all(map(_is_whole, rows)) else ["first those that failed"]
    known = any(fields.number_at(row, "p99_ns") is not None for row in rows)
    order.append("by their p99, the highest first" if known else "by their number: no p99 is known")
    words = ", then ".join(order)
    return f"Each rank's share of the load: {FEW} of {len(rows):,} ranks, {words}; the others are folded below"


def _latest(rows):
    """Those whose traffic began last; where that is not known first."""
    if len(rows) <= FEW:
        return rows
    return sorted(rows, key=lambda row: -(_begun(row) or (float("inf"),))[0])[:FEW]


def _caption_of_clocks(rows):
    if len(rows) <= FEW:
        return "Each rank's clock, and the start of its traffic"
    unknown = "those whose start is not known, then " if not all(map(_begun, rows)) else ""
    return (
        f"Each rank's clock, and the start of its traffic: {FEW} of {len(rows):,} ranks, {unknown}"
        "the last to begin first; the others are folded below"
    )


#: (field of a row, head, unit).
_FIGURES = (
    ("p50_ns", "p50", "ns"),
    ("p99_ns", "p99", "ns"),
    ("lateness_p99_ns", "lateness, p99", "ns"),
    ("client_ns_per_echo", "CPU per echo", "ns"),
    ("resident", "resident", "B"),
)


def _load(rows, caption):
    scales = [units.scale([fields.number_at(row, name) for row in rows], unit) for name, _, unit in _FIGURES]
    ended = any(fields.text_at(row, "status") != "pass" for row in rows)
    heads = ["host", "rank", *(["result"] if ended else []), "served of its share", "echoes"]
    table = markup.Table(caption, heads, text=3 if ended else 2)
    table.heads += [_head(words, scale) for (_, words, _), scale in zip(_FIGURES, scales)]
    table.heads.insert(-1, "busiest thread")
    for row in rows:
        served, requested, echoes = (_count(row, name) for name in ("served", "requested", "echoes"))
        figures = [scale.number(fields.number_at(row, name)) for (name, _, _), scale in zip(_FIGURES, scales)]
        figures.insert(-1, units.percent(fields.number_at(row, "client_busiest_thread")))
        result = [fields.text_at(row, "status") or "-"] if ended else []
        table.add(merged.host(row), f"{row['rank']}", *result, f"{served} of {requested}", echoes, *figures)
    return table.markup()


def _first(rows):
    """When the first of them began, on the reference clock."""
    return min((begun[0] for row in rows if (begun := _begun(row))), default=0)


def _clocks(rows, caption, first):
    late = [units.scale([fields.number_at(row, name) for row in rows], "ns") for name in _LATE]
    heads = ["host", "rank", _two("clock offset", "before the start"), _two("clock offset", "at the end")]
    heads += [_two(f"{words} ({scale.unit})", "after the common time") for words, scale in zip(_LATE.values(), late)]
    table = markup.Table(caption, [*heads, _two("traffic began", "after the first rank's")], 2)
    for row in rows:
        delays = [scale.number(fields.number_at(row, name)) for name, scale in zip(_LATE, late)]
        begun = _begun(row)
        told = _bounded(units.text(begun[0] - first, "ns"), begun[1]) if begun else "-"
        offsets = [_offset(row, clock) for clock in ("clock_before", "clock_after")]
        table.add(merged.host(row), f"{row['rank']}", *offsets, *delays, told)
    return table.markup()


#: {field of a row: head}.
_LATE = {"start_late_ns": "start", "traffic_late_ns": "traffic"}


def _offset(row, clock):
    offset, bound = (fields.number_at(row, clock, key) for key in ("offset_ns", "bound_ns"))
    return "-" if None in (offset, bound) else _bounded(f"{offset / 1e9:+,.6f}{units.SPACE}s", bound)


def _bounded(text, bound):
    return markup.escaped([text, markup.element("span", f"\u00b1 {units.text(bound, 'ns')}", class_="range")])


def _head(words, scale):
    return markup.escaped([words, " ", markup.element("span", f"({scale.unit})", class_="unit")])


def _two(words, below):
    return markup.escaped([words, " ", markup.element("span", below, class_="unit")])


def _count(row, name):
    value = fields.number_at(row, name)
    return "-" if value is None else f"{value:,}"


# ---- the server that was watched -----------------------------------------------------------------
_WATCHED = (
    ("cpu_ns_per_echo", "CPU per echo", "ns"),
    ("cpu_ns", "CPU time while the ranks measured", "ns"),
    ("resident_before", "resident before the first connect", "B"),
    ("resident", "resident, most while the ranks measured", "B"),
    ("resident_per_connection", "resident, added per connection", "B"),
)


def server(client):
    """None where it was not watched."""
    told = fields.at(client, "server")
    if not isinstance(told, dict):
        return None
    values = [(words, fields.number_at(told, name), unit) for name, words, unit in _WATCHED]
    rows = [[words, "not known" if value is None else units.text(value, unit)] for words, value, unit in values]
    pid, samples = (fields.number_at(told, name) for name in ("pid", "samples"))
    process = "" if pid is None else f"Process {pid} there. "
    taken = "" if samples is None else f"{units.many(samples, 'sample')} of `limits watch`. "
    gap = "What is not known: the samples do not cover the time in which the ranks measured."
    return markup.section(
        "watched-server",
        "Server, watched on its machine",
        markup.table("The server's processes", ("what", "value"), rows),
        markup.paragraph(process + taken + (gap if any(value is None for _, value, _ in values) else ""), "how"),
    )


# ---- machines and commands -----------------------------------------------------------------------
def machines(client):
    """The machines of the clients: the document's own environment is that of the program that merged."""
    found = merged.machines(client)
    rows = [(_some(names), *machine) for machine, names in found.items()]
    heads = ("clients", "kernel", "processor", "processors", "memory", "build")
    more = f"{len(rows) - FEW:,} more kinds of machines: see merged_from in the document."
    return markup.lines(
        markup.table("Machines of the clients", heads, rows[:FEW], 6),
        markup.paragraph(more if len(rows) > FEW else None),
    )


def _some(names, most=4):
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def reproduce(client):
    commands = list(merged.commands(client))
    if not commands:
        return None
    if merged.is_fleet(client):
        (whose, command), *_ = commands
        words = f"{whose[:1].upper()}{whose[1:]} had these words. " + (
            "scripts/fleet gives each rank its --share and begins them together; by hand they have no common "
            "time (docs/fleet.md)."
            if "--share" in command
            else "MPI starts client-mpi with them as every rank (docs/fleet-mpi.md)."
        )
        commands = commands[:1]
    else:
        words = "The commands of the clients whose documents were merged."
    parts = [markup.command(text) for _, text in commands[:FEW]]
    more = f"{len(commands) - FEW:,} more: see merged_from in the document." if len(commands) > FEW else None
    return markup.section("reproduce", "How to repeat it", markup.paragraph(words), *parts, markup.paragraph(more))
