"""The memory in use at one moment, by kind; scripts/account.py compares two of them.

All figures are in bytes; one that cannot be read is None, never 0. Sources: /proc/PID/smaps_rollup,
/proc/PID/status, /proc/meminfo, /proc/zoneinfo, /proc/net/sockstat (proc(5)), and /proc/slabinfo
(slabinfo(5); root only).
"""

import contextlib
import os
import pathlib
import re
import time

#: Kinds whose readings agree once the kernel has freed what it frees late (RCU, per-CPU lists).
SETTLING = ("page_tables", "kernel_stack", "slab", "socket")
TOLERANCE = 512 * 1024  #: bytes by which two settled readings may differ ...
SHARE = 0.001  #: ... or this share of the larger one
PAGE = os.sysconf("SC_PAGE_SIZE")


def snapshot(pids, root="/"):
    """The memory in use now, in bytes by kind.

    resident        anonymous memory of `pids`: Pss_Anon, so that what forked processes share
                    counts once; RssAnon where smaps_rollup is unreadable. Pages of files and
                    shared memory are page cache, which is in `free`. None if a pid is gone.
    resident_by_pid the same of each pid
    page_tables, kernel_stack, slab   of the machine
    slab_by_cache   of each cache; None without the privilege to read /proc/slabinfo
    socket          buffers of all TCP sockets (IPv4 and IPv6 share this account)
    anon            anonymous memory of all processes
    free            MemFree, buffers and page cache, and the pages that processors keep at hand
                    (limits/machine.cpp)

    smaps_rollup takes 12 to 16 ms for 10,000 memory maps (two per thread): not for timed phases.
    """
    root = pathlib.Path(root)
    each = {pid: _anonymous(root, pid) for pid in pids}
    memory = _text(root / "proc/meminfo")
    return {
        "resident": sum_of(each.values()),
        "resident_by_pid": each,
        "page_tables": _kilobytes(memory, "PageTables"),
        "kernel_stack": _kilobytes(memory, "KernelStack"),
        "slab": _kilobytes(memory, "Slab"),
        "slab_by_cache": _caches(_text(root / "proc/slabinfo")),
        "socket": _socket(_text(root / "proc/net/sockstat")),
        "anon": _kilobytes(memory, "AnonPages"),
        "free": _free(memory, _text(root / "proc/zoneinfo")),
    }


def settle(read, seconds=2, patience=30, sleep=time.sleep):
    """Calls `read` until two snapshots, `seconds` apart, agree in SETTLING. Returns the last one,
    with a key `settled`: False if none agreed within about `patience` seconds.
    """
    last = read()
    for _ in range(max(1, int(patience / seconds))):
        sleep(seconds)
        now = read()
        if _agree(last, now):
            return {**now, "settled": True}
        last = now
    return {**last, "settled": False}


def _text(path):
    """The file's text, or "" where it cannot be read."""
    with contextlib.suppress(OSError):
        return path.read_text(errors="replace")
    return ""


def _kilobytes(text, name):
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _anonymous(root, pid):
    exact = _kilobytes(_text(root / f"proc/{pid}/smaps_rollup"), "Pss_Anon")
    return exact if exact is not None else _kilobytes(_text(root / f"proc/{pid}/status"), "RssAnon")


def _socket(text):
    found = re.search(r"^TCP:.* mem (\d+)", text, re.MULTILINE)
    return int(found[1]) * PAGE if found else None


def _free(memory, zones):
    """Without /proc/zoneinfo the pages at hand are missing, as in limits/machine.cpp."""
    at_hand = sum(map(int, re.findall(r"^\s+count:\s+(\d+)$", zones, re.MULTILINE)))
    parts = [_kilobytes(memory, name) for name in ("MemFree", "Buffers", "Cached")]
    return sum_of([*parts, at_hand * PAGE])


def _caches(text):
    """Bytes of each cache: its slabs in pages. None where there is no line of a cache."""
    form = re.compile(
        r"^(\S+) +\d+ +\d+ +\d+ +\d+ +(\d+) : tunables .* : slabdata +\d+ +(\d+)", re.MULTILINE
    )
    found = {name: int(pages) * int(slabs) * PAGE for name, pages, slabs in form.findall(text)}
    return found or None


def _agree(one, other):
    for kind in SETTLING:
        a, b = one[kind], other[kind]
        if a is not None and b is not None and abs(a - b) > max(TOLERANCE, SHARE * max(a, b)):
            return False
    return True


def sum_of(values):
    """None if one of the values is None: a partial sum would be too small."""
    values = list(values)
    return None if None in values else sum(values)
