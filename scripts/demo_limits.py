"""What the documents of `limits --json` (schema echo-testbed/1) show: how many connections fit, and
at how many each model meets its first limits."""

import documents
import forms
import streams

KEYS = ("name", "source", "bites_at", "lift")
FORM = [{**dict.fromkeys(KEYS, (str, None)), "name": str, "source": str, "bites_at": (int, None)}]
KEPT = 3  # limits of a model that answer.json keeps, the lowest first


class Unreadable(Exception):
    """A document of limits is missing or damaged; one line."""


def rows_of(path):
    """The rows of one document. None where it is missing or damaged."""
    try:
        rows = documents.read_json(path)["limits"]
        return rows if forms.problem(rows, FORM) is None else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def fit(wanted, paths):
    """The largest N <= wanted for which every limit suffices. Reports on stderr which does not."""
    room, culprit = wanted, None
    for path in paths:
        rows = rows_of(path)
        if rows is None:
            raise Unreadable(f"{path}: limits wrote no document")
        for row in rows:
            bites_at = row["bites_at"]
            if bites_at is not None and bites_at <= room:
                room, culprit = bites_at - 1, row
    if culprit is None:
        return wanted
    # Other programs start and end meanwhile, and a round figure is easier to compare.
    room = int(room * 0.98)
    room -= room % 100
    lift = f"; to lift it: {culprit['lift']}" if culprit["lift"] else ""
    streams.log(
        f"{wanted:,} connections do not fit here: {culprit['name']} ({culprit['source']}) "
        f"bites at {culprit['bites_at']:,}{lift}. Continuing with {room:,}."
    )
    return room


def lowest(rows, count=KEPT):
    """The limits that bite at the fewest connections, lowest first. None without rows."""
    if rows is None:
        return None
    biting = [row for row in rows if row["bites_at"] is not None]
    biting.sort(key=lambda row: row["bites_at"])
    return [{key: row[key] for key in KEYS} for row in biting[:count]]


def available_memory(rows):
    """Bytes of MemAvailable when the document was written, or None."""
    for row in rows or []:
        if row["source"].startswith("/proc/meminfo"):
            return row["have"] if isinstance(row.get("have"), int) else None
    return None
