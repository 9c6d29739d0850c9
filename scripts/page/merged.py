"""A merged document: of a fleet (scripts/fleet, client-mpi), or of what else `client merge` was given.

Its rows of ranks and its missing ranks may have any shape, as all of a document: a row without a number
counts as absent. Pure. The words: docs/terminology.md.

    merged.ranks(client)      the rows of the ranks that came; [] where the document is of no fleet
    merged.missing(client)    those of the ranks whose documents did not come
"""

import re
import shlex

from . import fields, units

#: Up to this many ranks are named, have a row or a line of their own; tables hold all below.
FEW = 16
#: Up to this many missing ranks are among the warnings.
FEW_MISSING = 5


def is_merged(client):
    return bool(origins(client))


def origins(client):
    """What belongs to the machine of each client."""
    return [one for one in fields.list_at(client, "merged_from") if isinstance(one, dict)]


def ranks(client):
    return _numbered(client, "ranks")


def missing(client):
    return _numbered(client, "missing")


def is_fleet(client):
    return bool(ranks(client) or missing(client))


def size(client):
    """How many ranks the fleet has."""
    return len(ranks(client)) + len(missing(client))


def _numbered(client, key):
    found = [row for row in fields.list_at(client, key) if fields.number_at(row, "rank") is not None]
    return sorted(found, key=lambda row: row["rank"])


def host(row):
    return fields.text_at(row, "host") or "-"


def why(row):
    return fields.text_at(row, "why") or "the reason is not known"


def named(row):
    """rank 3 (h4)."""
    there = fields.text_at(row, "host")
    return f"rank {row['rank']}" + (f" ({there})" if there else "")


# ---- sentences -----------------------------------------------------------------------------------
def name(client):
    """What the document is of, for the page's title; None: of one client that was alone."""
    if is_fleet(client):
        return f"Fleet of {units.many(size(client), 'rank')}"
    if is_merged(client):
        return units.many(len(origins(client)), "client")
    rank, all_ranks = (fields.number_at(client, "rank", key) for key in ("rank", "ranks"))
    return None if None in (rank, all_ranks) else f"Rank {rank} of {all_ranks}"


def said_of_missing(client):
    """A sentence; None: all are there."""
    gone = missing(client)
    if not gone:
        return None
    if len(gone) > FEW_MISSING:
        return f"{len(gone):,} of {size(client):,} ranks are missing: their connections are in no figure."
    names = " and ".join(filter(None, (", ".join(map(named, gone[:-1])), named(gone[-1]))))
    are, whose = ("is", "its") if len(gone) == 1 else ("are", "their")
    return f"{names[:1].upper()}{names[1:]} {are} missing: {whose} connections are in no figure."


def warnings(client, told, most=8):
    """The missing ranks, and the warnings `told` by the programs; one of several ranks comes once."""
    gone = missing(client)
    few = len(gone) <= FEW_MISSING
    lines = [(f"{named(row)} is missing: {why(row)}", row["rank"] if few else _numberless(why(row))) for row in gone]
    yield from _once(lines, most, "more kinds of reasons why ranks are missing: all are in the table below.")
    known = {_as_merge_says(row) for row in gone}
    lines = [(text, _kind(text)) for text in told if text not in known]
    yield from _once(lines, most, "more kinds of warnings are in the document.")


def _once(lines, most, rest):
    """Of `lines`, (text, kind), the first of each kind; the most frequent kinds come first."""
    groups = {}
    for text, kind in lines:
        groups.setdefault(kind, []).append(text)
    ranked = sorted(groups.values(), key=len, reverse=True)
    for group in ranked[:most]:
        more = f" (the same of {units.many(len(group) - 1, 'more rank')})" if len(group) > 1 else ""
        yield f"{group[0][:1].upper()}{group[0][1:]}{more}"
    if len(ranked) > most:
        yield f"{len(ranked) - most:,} {rest}"


def _as_merge_says(row):
    """The warning of `client merge` on a missing rank."""
    there = f" ({row['host']})" if row.get("host") else ""
    return f"rank {row['rank']}{there} is missing: {row.get('why')}: its connections are in no figure"


def _kind(text):
    """What several ranks can have in common: without its name and its numbers."""
    _, found, rest = text.partition("): ") if text.startswith("rank ") else ("", "", "")
    return _numberless(rest) if found else text


def _numberless(text):
    return re.sub(r"\d[\d,.]*", "#", text)


# ---- machines and commands -----------------------------------------------------------------------
def names_by_file(client):
    """{file: the name of the rank whose document it is}."""
    return {file: named(row) for row in ranks(client) if (file := fields.text_at(row, "file"))}


def machines(client):
    """{(kernel, processor, processors, memory, build): names of the clients there}."""
    names, found = names_by_file(client), {}
    for one in origins(client):
        file = fields.text_at(one, "file") or "-"
        about = fields.at(one, "environment")
        processors, memory = (fields.number_at(about, key) for key in ("cpus", "memory"))
        build = [f"{word} {said}" for word, key in (("compiler", "compiler"), ("Boost", "boost"))
                 if (said := fields.text_at(about, key))]  # fmt: skip
        build += ["assertions"] if fields.at(about, "assertions") is True else []
        machine = (
            fields.text_at(about, "kernel") or "-",
            fields.text_at(about, "cpu") or "-",
            "-" if processors is None else f"{processors:,}",
            "-" if memory is None else units.text(memory, "B"),
            ", ".join(build) or "-",
        )
        found.setdefault(machine, []).append(names.get(file, file))
    return found


def commands(client):
    """[(name, command line)] of the clients."""
    names = names_by_file(client)
    for one in origins(client):
        file = fields.text_at(one, "file") or "-"
        words = [str(word) for word in fields.list_at(one, "argv")]
        if words:
            yield names.get(file, file), shlex.join(words)
