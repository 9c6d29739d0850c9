"""How many threads with stacks of a size this machine holds, and which limit applies.

Memory follows from the measured cost per connection (both ends are on this machine). The other
limits come from the `limits` program, with their sources. Descriptors and ports limit connections,
not threads; they are reported separately.
"""

import dataclasses
import json
import pathlib
import subprocess

#: Limits of connections, not of threads.
OF_CONNECTIONS = (
    *("open files", "open files, highest", "open files, machine"),
    *("local ports", "listen backlog", "epoll watches, user"),
    *("TCP memory, pages", "tracked connections"),
)
#: Address space of a process on x86-64 with four levels of page tables; the kernel has the rest.
USER_ADDRESSES = 1 << 47
TIMEOUT = 30


@dataclasses.dataclass(frozen=True)
class Row:
    """`most`: threads that fit; None: no limit here."""

    name: str
    source: str
    most: int | None


def limits_document(binaries, stack):
    """The document of `limits`; None if the program does not run."""
    command = [pathlib.Path(binaries) / "limits", "-n", "1", "--stack-size", stack]
    command += ["--ends", "server", "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
        return json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def available():
    """Bytes that are available without swapping (MemAvailable); None: unknown."""
    try:
        with open("/proc/meminfo") as file:
            lines = {name: rest for name, _, rest in (line.partition(":") for line in file)}
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def rows(document, bytes_each, virtual_each, memory):
    """Rows, the tightest limit first. `bytes_each`: the machine's memory per thread, as measured;
    None: `limits` estimates it."""
    found = []
    for one in (document or {}).get("limits", []):
        if one["name"] in OF_CONNECTIONS or (one["name"] == "memory" and bytes_each):
            continue
        bites = one.get("bites_at")
        found.append(Row(one["name"], one["source"], None if bites is None else max(bites - 1, 0)))
    if bytes_each and memory:
        source = f"MemAvailable / {bytes_each:,.0f} B per thread, measured, with 32 KiB to send"
        found.append(Row("memory", source, int(memory / bytes_each)))
    if virtual_each:
        source = f"2^47 / {virtual_each:,.0f} B per thread"
        found.append(Row("address space of a process", source, int(USER_ADDRESSES / virtual_each)))
    return sorted(found, key=lambda row: (row.most is None, row.most or 0))


def tightest(found):
    return next((row for row in found if row.most is not None), None)


def connection_bound(document):
    """(name, most) of the tightest limit of connections; None: no limit."""
    bounds = [
        (one["name"], one["bites_at"] - 1)
        for one in (document or {}).get("limits", [])
        if one["name"] in OF_CONNECTIONS and one.get("bites_at")
    ]
    return min(bounds, key=lambda one: one[1], default=None)
