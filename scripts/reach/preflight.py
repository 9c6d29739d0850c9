"""What `limits --json` says about a run before it begins."""

import json
import re
import subprocess

SECONDS = 30  #: for limits, which runs a server with --describe
#: Rows that do not refuse: the run keeps a floor of free memory and tells what it reached.
WATCHED = ("memory", "cgroup memory")


class Refused(Exception):
    """The machine's limits do not suffice; lines with what lifts each."""


class Unreadable(Exception):
    """limits is missing, failed, or wrote no document; one line."""


def ask(binaries, connections, model, options=()):
    """The document of `limits --json` for both ends. Raises Unreadable, or Refused with the line of
    limits where it refuses the options."""
    words = [str(binaries / "limits"), "--json", "-n", str(connections), "--model", model]
    words += ["--", *options] if options else []
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, errors="replace", timeout=SECONDS
        )
        document = json.loads(done.stdout) if done.stdout.strip() else None
        if document is None:
            raise Refused(done.stderr.strip())
        document["limits"][0]["name"]
        return document
    except OSError as error:
        raise Unreadable(f"{words[0]}: {error.strerror}") from error
    except subprocess.TimeoutExpired:
        raise Unreadable(f"{words[0]}: no answer within {SECONDS} s") from None
    except (ValueError, KeyError, IndexError, TypeError):
        raise Unreadable(f"{words[0]}: wrote no document of limits") from None


def short(document):
    """The rows that do not suffice, those of WATCHED left out."""
    rows = document["limits"]
    return [row for row in rows if row["status"] == "short" and row["name"] not in WATCHED]


def lines_of(rows):
    """A line for each row, with the command that lifts it."""
    return [
        f"{row['name']}: need {row['need']:,}, have {row['have']:,} ({row['source']}): "
        f"{row['lift'] or 'nothing lifts it'}"
        for row in rows
    ]


def sysctls(rows):
    """{name: value} of the rows that a sysctl lifts, as text. The others are left out."""
    found = {}
    for row in rows:
        command = re.fullmatch(r"(?:sudo )?sysctl -w ([a-z0-9_.-]+)=([0-9]+)", row["lift"] or "")
        if command:
            found[command[1]] = max(command[2], found.get(command[1], "0"), key=int)
    return found


def first_limit(document):
    """The limit that is reached first, as a sentence."""
    first = document["bites_first"]
    if first is None:
        return "no known limit bites"
    return f"the first limit bites at {first['at']:,}: {first['name']}"
